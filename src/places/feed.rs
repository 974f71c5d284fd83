//! A feed: a thread that writes the stream at its pace and learns what became of each record.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use crate::journal::{Attendance, ObservationWriter};
use crate::kafka::Cluster;
use crate::model::RecordCodec;
use crate::scenario::StreamSpec;

use super::feed_book::{FeedBook, FeedEnd, Outlet, SHORTEST_TURN};
use super::file_feed::FileOutlet;
use super::pace::Pace;
use super::rows::Rows;
use super::thread::{PlaceThread, StopSignal};
use super::topic_feed::TopicOutlet;
use super::{FeedCounts, PlaceError};

/// Outcomes are looked for at least this often.
const OUTCOMES_EVERY: Duration = Duration::from_millis(20);

/// A running feed. Dropping it stops it without waiting.
pub struct Feed {
    thread: PlaceThread<FeedEnd>,
    counts: Arc<FeedCounts>,
}

impl Feed {
    /// Begins to write the stream to a topic: lane `l` to partition `l % partitions`, with its own key. Fails when the
    /// client settings are refused or no thread can be started; brokers that are away show in the counts.
    pub fn start_topic(
        cluster: &Cluster,
        topic: &str,
        partitions: u32,
        stream: StreamSpec,
        codec: RecordCodec,
        attendance: Attendance,
        writer: ObservationWriter,
    ) -> Result<Self, PlaceError> {
        let outlet = TopicOutlet::new(cluster, topic, partitions, stream.lanes)?;
        Self::start(topic, outlet, stream, codec, attendance, writer)
    }

    /// Begins to append the stream to a file, one line a record; the file is made when it is not there. Fails when it
    /// cannot be opened or no thread can be started.
    pub fn start_file(
        path: &Path,
        stream: StreamSpec,
        codec: RecordCodec,
        attendance: Attendance,
        writer: ObservationWriter,
    ) -> Result<Self, PlaceError> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        Self::start(
            &name,
            FileOutlet::open(path)?,
            stream,
            codec,
            attendance,
            writer,
        )
    }

    fn start(
        name: &str,
        outlet: impl Outlet + Send + 'static,
        stream: StreamSpec,
        codec: RecordCodec,
        attendance: Attendance,
        writer: ObservationWriter,
    ) -> Result<Self, PlaceError> {
        let counts = Arc::new(FeedCounts::default());
        let rows = Rows::new(name, writer, attendance.clock())?;
        let book = FeedBook::new(stream.lanes, codec, attendance, rows, Arc::clone(&counts));
        let pace = Pace::per_second(stream.rate_per_second, outlet.turn(stream.rate_per_second));
        let thread = PlaceThread::start(format!("feed {name}"), move |stop| {
            run(outlet, book, pace, stop)
        })?;
        Ok(Self { thread, counts })
    }

    /// The live counts; they stay readable after the feed has ended.
    pub fn counts(&self) -> Arc<FeedCounts> {
        Arc::clone(&self.counts)
    }

    /// Sends no more, waits at most `limit` for the outcomes of what was sent, gives up the rest as unknown and ends
    /// the observation file. Fails when observations could not be written or the thread hangs.
    pub fn stop(self, limit: Duration) -> Result<FeedEnd, PlaceError> {
        self.thread.stop(limit)
    }
}

fn run(
    mut outlet: impl Outlet,
    mut book: FeedBook,
    pace: Pace,
    stop: &StopSignal,
) -> Result<FeedEnd, PlaceError> {
    let begun = book.now();
    let flowed = loop {
        let due = pace.due(book.now().since(begun));
        book.counts.due.store(due, Relaxed);
        if let Err(error) = outlet.advance(&mut book, due) {
            break Err(error);
        }
        book.turned()?;
        let wait = pace.until_next(book.sent(), book.now().since(begun));
        if stop.wait(wait.clamp(SHORTEST_TURN, OUTCOMES_EVERY)) {
            let due = pace.due(book.now().since(begun));
            book.counts.due.store(due, Relaxed);
            break Ok(());
        }
    };
    book.keep_failure(flowed)?;
    let settled = outlet.settle(&mut book, stop.deadline());
    book.keep_failure(settled)?;
    book.end()
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Sender, channel};

    use crate::journal::{Clock, Deadline, Journal, ObservationKind, RunFolder};
    use crate::model::StreamId;

    use super::*;

    /// Takes every record at once and tells how many there are by now.
    struct Told(Sender<u64>);

    impl Outlet for Told {
        fn turn(&self, _per_second: u64) -> Duration {
            Duration::from_millis(20)
        }

        fn advance(&mut self, book: &mut FeedBook, due: u64) -> Result<(), PlaceError> {
            while book.sent() < due {
                let number = book.note_sent(book.now());
                book.note_outcome(number, (0, 0), ObservationKind::Whole)?;
            }
            let _ = self.0.send(due);
            Ok(())
        }

        fn settle(&mut self, _: &mut FeedBook, _: Deadline) -> Result<(), PlaceError> {
            Ok(())
        }
    }

    #[test]
    fn records_are_given_in_whole_turns_of_their_outlet() {
        let folder = tempfile::tempdir().unwrap();
        let writer = ObservationWriter::create(&folder.path().join("feed.arrow")).unwrap();
        let run = RunFolder::create(folder.path(), "run").unwrap();
        let journal = Journal::create(&run, Clock::start()).unwrap();
        let stream = StreamSpec {
            lanes: 3,
            rate_per_second: 1_000,
            record_size_bytes: 60,
        };
        let codec = RecordCodec::new(StreamId(1), 60, 3).unwrap();
        let attendance = Attendance::begin("feed t", &journal);
        let (told, dues) = channel();
        let feed = Feed::start("t", Told(told), stream, codec, attendance, writer).unwrap();
        let dues: Vec<u64> = dues.iter().take_while(|due| *due < 100).collect();
        assert!(dues.iter().all(|due| due.is_multiple_of(20)), "{dues:?}");
        let end = feed.stop(Duration::from_secs(20)).unwrap();
        assert!(end.due - end.acked <= 20, "{end:?}");
    }
}
