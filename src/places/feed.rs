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
