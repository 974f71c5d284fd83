//! The rows of one place on their way into its observation file, written by a thread of their own and never held back for long.

use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::journal::{Clock, Observation, ObservationError, ObservationWriter};
use crate::model::Moment;

use super::PlaceError;

/// Rows are handed to the operating system at least this often, give or take one pause of the place's thread.
const HOLD: Duration = Duration::from_millis(200);
/// Rows that are handed to the writing thread at once.
const CHUNK_ROWS: usize = 2_048;
/// Chunks that may wait for the writing thread; beyond them the place waits for the disk.
const MOST_WAITING: usize = 16;

/// Takes rows from the thread of a place and has them written in their order, so that a tap never reads more slowly
/// because of compression or the disk. What cannot be written fails the next push or the end.
pub(super) struct Rows {
    place: String,
    chunk: Vec<Observation>,
    /// Where chunks go; dropping it ends the file.
    full: SyncSender<Chunk>,
    /// Chunks that were written and can be filled again.
    written: Receiver<Vec<Observation>>,
    /// `None` once it has failed and its error was given away.
    thread: Option<JoinHandle<Written>>,
    handed: u64,
    clock: Clock,
    flushed: Moment,
}

/// How many rows are in the ended file.
type Written = Result<u64, ObservationError>;

struct Chunk {
    rows: Vec<Observation>,
    /// Whether everything up to here must go to the operating system now.
    flush: bool,
}

impl Rows {
    /// Starts the writing thread of this place; fails when no thread can be started.
    pub(super) fn new(
        place: &str,
        writer: ObservationWriter,
        clock: Clock,
    ) -> Result<Self, PlaceError> {
        Self::start(place, clock, move |chunks, empty| {
            write(writer, chunks, empty)
        })
    }

    fn start(
        place: &str,
        clock: Clock,
        body: impl FnOnce(&Receiver<Chunk>, &Sender<Vec<Observation>>) -> Written + Send + 'static,
    ) -> Result<Self, PlaceError> {
        let (full, chunks) = mpsc::sync_channel(MOST_WAITING);
        let (empty, written) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name(format!("rows {place}"))
            .spawn(move || body(&chunks, &empty))
            .map_err(|source| PlaceError::Thread {
                place: place.to_owned(),
                source,
            })?;
        Ok(Self {
            place: place.to_owned(),
            chunk: Vec::with_capacity(CHUNK_ROWS),
            full,
            written,
            thread: Some(thread),
            handed: 0,
            clock,
            flushed: clock.now(),
        })
    }

    /// Adds a row; waits for the disk only when many rows are ahead.
    pub(super) fn push(&mut self, row: Observation) -> Result<(), PlaceError> {
        self.chunk.push(row);
        if self.chunk.len() < CHUNK_ROWS {
            return Ok(());
        }
        self.hand_over(false)
    }

    /// Flushes when the last time is too long ago.
    pub(super) fn flush_in_time(&mut self) -> Result<(), PlaceError> {
        let now = self.clock.now();
        if now.since(self.flushed) < HOLD {
            return Ok(());
        }
        self.flushed = now;
        self.hand_over(true)
    }

    /// Rows so far.
    pub(super) fn count(&self) -> u64 {
        self.handed + self.chunk.len() as u64
    }

    /// Writes what is left and ends the file; returns its rows.
    pub(super) fn finish(mut self) -> Result<u64, PlaceError> {
        self.hand_over(true)?;
        let thread = self.thread.take();
        let Self { place, full, .. } = self;
        drop(full);
        end_of(thread, place)
    }

    fn hand_over(&mut self, flush: bool) -> Result<(), PlaceError> {
        let next = self
            .written
            .try_recv()
            .unwrap_or_else(|_| Vec::with_capacity(CHUNK_ROWS));
        let rows = std::mem::replace(&mut self.chunk, next);
        self.handed += rows.len() as u64;
        match self.full.send(Chunk { rows, flush }) {
            Ok(()) => Ok(()),
            // The thread ends before its channel does only when it cannot write.
            Err(_) => end_of(self.thread.take(), self.place.clone()).map(drop),
        }
    }
}

/// Waits for the writing thread and returns what it ended with.
fn end_of(thread: Option<JoinHandle<Written>>, place: String) -> Result<u64, PlaceError> {
    match thread.map(JoinHandle::join) {
        Some(Ok(ended)) => Ok(ended?),
        Some(Err(_)) | None => Err(PlaceError::Gone { place }),
    }
}

/// Writes chunks until there are no more, then ends the file; returns its rows.
fn write(
    mut writer: ObservationWriter,
    chunks: &Receiver<Chunk>,
    empty: &Sender<Vec<Observation>>,
) -> Written {
    while let Ok(Chunk { mut rows, flush }) = chunks.recv() {
        for row in rows.drain(..) {
            writer.push(row)?;
        }
        if flush {
            writer.flush()?;
        }
        // Nobody takes chunks back when the place has gone; its last rows are still written.
        let _ = empty.send(rows);
    }
    writer.finish()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::journal::{Deadline, ObservationKind, ObservationReader};
    use crate::model::{Lane, Sequence};

    use super::*;

    fn row(number: u64) -> Observation {
        Observation {
            at: Moment(number),
            lane: Lane(0),
            sequence: Sequence(number),
            partition: 0,
            position: number as i64,
            kind: ObservationKind::Whole,
        }
    }

    fn numbers(path: &Path) -> Vec<u64> {
        // A file that has no head yet has no rows yet.
        let reader = ObservationReader::open(path).into_iter();
        let batches = reader.flat_map(|reader| reader.map_while(Result::ok));
        batches.flat_map(|batch| batch.sequence).collect()
    }

    fn rows(path: &Path) -> Rows {
        Rows::new(
            "t",
            ObservationWriter::create(path).unwrap(),
            Clock::start(),
        )
        .unwrap()
    }

    #[test]
    fn every_row_is_in_the_file_once_and_in_order_however_many_there_are() {
        let folder = tempfile::tempdir().unwrap();
        for total in [0, 1, CHUNK_ROWS as u64, 100_001] {
            let path = folder.path().join(total.to_string());
            let mut rows = rows(&path);
            (0..total).for_each(|number| rows.push(row(number)).unwrap());
            assert_eq!(rows.count(), total);
            assert_eq!(rows.finish().unwrap(), total);
            assert_eq!(numbers(&path), (0..total).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_single_row_is_in_the_file_soon_and_without_an_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows");
        let mut rows = rows(&path);
        rows.push(row(7)).unwrap();
        let deadline = Deadline::after(Duration::from_secs(20));
        while numbers(&path).is_empty() {
            rows.flush_in_time().unwrap();
            assert!(!deadline.has_passed());
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(numbers(&path), [7]);
        drop(rows);
    }

    #[test]
    fn a_write_that_fails_fails_a_later_push_and_the_end() {
        let cannot = |chunks: &Receiver<Chunk>, _: &Sender<Vec<Observation>>| {
            drop(chunks.recv());
            ObservationWriter::create(Path::new("/")).map(|_| 0)
        };
        let mut rows = Rows::start("t", Clock::start(), cannot).unwrap();
        let deadline = Deadline::after(Duration::from_secs(20));
        let error = loop {
            if let Err(error) = rows.push(row(0)) {
                break error;
            }
            assert!(!deadline.has_passed());
        };
        assert!(matches!(error, PlaceError::Observations(_)), "{error}");
        assert!(matches!(rows.finish(), Err(PlaceError::Gone { .. })));
    }

    #[test]
    fn a_write_that_fails_last_fails_the_end() {
        let cannot = |chunks: &Receiver<Chunk>, _: &Sender<Vec<Observation>>| {
            while chunks.recv().is_ok() {}
            ObservationWriter::create(Path::new("/")).map(|_| 0)
        };
        let mut rows = Rows::start("t", Clock::start(), cannot).unwrap();
        rows.push(row(0)).unwrap();
        assert!(matches!(rows.finish(), Err(PlaceError::Observations(_))));
    }
}
