//! What a feed has sent and what is known of it, kept while its records go out through an outlet.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use crate::journal::{Attendance, Clock, Deadline, Observation, ObservationKind};
use crate::model::{Lane, Moment, Record, RecordCodec, Sequence};

use super::counts::set_text;
use super::rows::Rows;
use super::{FeedCounts, PlaceError};

/// What a feed did in all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedEnd {
    /// Records taken.
    pub acked: u64,
    /// Records refused.
    pub refused: u64,
    /// Records without an answer.
    pub unknown: u64,
    /// Records that were due when the feed was stopped.
    pub due: u64,
    /// Rows in the observation file: one for each record that was sent.
    pub rows: u64,
    /// For each lane how many records were sent, whatever became of them.
    pub lanes_sent: Vec<u64>,
    /// Why the feed ended before it was stopped, if it did.
    pub failure: Option<String>,
}

/// Records are sent in turns at least this far apart: finer turns would cost more than the records.
pub(super) const SHORTEST_TURN: Duration = Duration::from_millis(2);

/// Where a feed's records go.
pub(super) trait Outlet {
    /// How far apart its turns are at this many records a second.
    fn turn(&self, _per_second: u64) -> Duration {
        SHORTEST_TURN
    }

    /// Takes in outcomes and sends records up to number `due`, as many as can be taken now without waiting.
    fn advance(&mut self, book: &mut FeedBook, due: u64) -> Result<(), PlaceError>;

    /// Waits for the outcomes of everything that was sent, until the deadline.
    fn settle(&mut self, book: &mut FeedBook, deadline: Deadline) -> Result<(), PlaceError>;
}

/// What was sent, and what is known of it.
pub(super) struct FeedBook {
    lanes: u64,
    codec: RecordCodec,
    clock: Clock,
    attendance: Attendance,
    rows: Rows,
    pub(super) counts: Arc<FeedCounts>,
    line: Vec<u8>,
    /// When the records without an outcome were sent, from number `first` on; `None` once an outcome is known.
    open: VecDeque<Option<Moment>>,
    first: u64,
}

impl FeedBook {
    pub(super) fn new(
        lanes: u32,
        codec: RecordCodec,
        attendance: Attendance,
        rows: Rows,
        counts: Arc<FeedCounts>,
    ) -> Self {
        Self {
            lanes: u64::from(lanes.max(1)),
            codec,
            clock: attendance.clock(),
            attendance,
            rows,
            counts,
            line: Vec::with_capacity(codec.size_bytes()),
            open: VecDeque::new(),
            first: 0,
        }
    }

    pub(super) fn now(&self) -> Moment {
        self.clock.now()
    }

    /// One more turn of the feed is over: notes that it was at work, and flushes the rows when the last time is too long ago.
    pub(super) fn turned(&mut self) -> Result<(), PlaceError> {
        self.attendance.seen();
        self.rows.flush_in_time()
    }

    /// How many records were sent; also the number of the next one.
    pub(super) fn sent(&self) -> u64 {
        self.first + self.open.len() as u64
    }

    /// Whether no outcome is awaited.
    pub(super) fn is_settled(&self) -> bool {
        self.open.is_empty()
    }

    /// Record `number` of the stream: lanes take turns.
    pub(super) fn record(&self, number: u64) -> Record {
        let lane = u32::try_from(number % self.lanes).expect("the number of lanes fits 32 bits");
        Record {
            lane: Lane(lane),
            sequence: Sequence(number / self.lanes),
        }
    }

    /// The next record with its bytes.
    pub(super) fn next_line(&mut self) -> (Record, &[u8]) {
        let record = self.record(self.sent());
        self.codec.encode(record, &mut self.line);
        (record, &self.line)
    }

    /// The next record has just been sent; returns its number.
    pub(super) fn note_sent(&mut self, at: Moment) -> u64 {
        let number = self.sent();
        self.open.push_back(Some(at));
        self.counts.sent.store(number + 1, Relaxed);
        number
    }

    /// Writes down what became of a record; a second outcome of the same record is not counted.
    pub(super) fn note_outcome(
        &mut self,
        number: u64,
        (partition, position): (i32, i64),
        kind: ObservationKind,
    ) -> Result<(), PlaceError> {
        let index = number.checked_sub(self.first).map(usize::try_from);
        let Some(Ok(index)) = index else {
            return Ok(());
        };
        let Some(at) = self.open.get_mut(index).and_then(Option::take) else {
            return Ok(());
        };
        while self.open.front() == Some(&None) {
            self.open.pop_front();
            self.first += 1;
        }
        self.count(kind);
        let record = self.record(number);
        self.rows.push(Observation {
            at,
            lane: record.lane,
            sequence: record.sequence,
            partition,
            position,
            kind,
        })
    }

    fn count(&self, kind: ObservationKind) {
        let count = match kind {
            ObservationKind::Whole => &self.counts.acked,
            ObservationKind::Refused => &self.counts.refused,
            ObservationKind::Unknown => &self.counts.unknown,
            ObservationKind::Corrupt | ObservationKind::Foreign => return,
        };
        count.fetch_add(1, Relaxed);
    }

    /// Keeps why the place failed; an observation that could not be written is passed on instead.
    pub(super) fn keep_failure(&self, result: Result<(), PlaceError>) -> Result<(), PlaceError> {
        match result {
            Ok(()) => Ok(()),
            Err(PlaceError::Observations(error)) => {
                set_text(&self.counts.failure, error.to_string());
                Err(error.into())
            }
            Err(error) => {
                set_text(&self.counts.failure, error.to_string());
                Ok(())
            }
        }
    }

    /// Gives up what has no outcome and ends the observation file.
    pub(super) fn end(mut self) -> Result<FeedEnd, PlaceError> {
        self.attendance.tell(BTreeMap::new());
        let sent = self.sent();
        for number in self.first..sent {
            self.note_outcome(number, (-1, -1), ObservationKind::Unknown)?;
        }
        let share = |lane| sent / self.lanes + u64::from(lane < sent % self.lanes);
        Ok(FeedEnd {
            acked: self.counts.acked.load(Relaxed),
            refused: self.counts.refused.load(Relaxed),
            unknown: self.counts.unknown.load(Relaxed),
            due: self.counts.due.load(Relaxed),
            lanes_sent: (0..self.lanes).map(share).collect(),
            failure: self.counts.failure(),
            rows: self.rows.finish()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::journal::{Journal, ObservationReader, ObservationWriter, RunFolder};
    use crate::model::StreamId;

    use super::*;

    #[test]
    fn every_record_sent_gets_exactly_one_row_whatever_the_order_of_the_outcomes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("feed.arrow");
        let codec = RecordCodec::new(StreamId(1), 60, 3).unwrap();
        let writer = ObservationWriter::create(&path).unwrap();
        let counts = Arc::new(FeedCounts::default());
        let clock = Clock::start();
        let rows = Rows::new("t", writer, clock).unwrap();
        let run = RunFolder::create(folder.path(), "run").unwrap();
        let journal = Journal::create(&run, clock).unwrap();
        let attendance = Attendance::begin("feed t", &journal);
        let mut book = FeedBook::new(3, codec, attendance, rows, counts);
        for n in 0..8 {
            assert_eq!(book.note_sent(Moment(100 + n)), n);
        }
        let outcomes = [
            (4, ObservationKind::Whole),
            (0, ObservationKind::Whole),
            (1, ObservationKind::Refused),
            (0, ObservationKind::Refused),
            (99, ObservationKind::Whole),
        ];
        for (number, kind) in outcomes {
            book.note_outcome(number, (0, number as i64), kind).unwrap();
        }
        assert!(!book.is_settled());
        let end = book.end().unwrap();
        assert_eq!(
            (end.acked, end.refused, end.unknown, end.rows),
            (2, 1, 5, 8)
        );
        assert_eq!(end.lanes_sent, [3, 3, 2]);
        let batches: Vec<_> = ObservationReader::open(&path)
            .unwrap()
            .map(Result::unwrap)
            .collect();
        let first = batches[0].row(0).unwrap();
        assert_eq!(
            (first.at, first.lane, first.sequence),
            (Moment(104), Lane(1), Sequence(1))
        );
        let mut seen: Vec<(u32, u64)> = batches
            .iter()
            .flat_map(|batch| {
                batch
                    .lane
                    .iter()
                    .copied()
                    .zip(batch.sequence.iter().copied())
            })
            .collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 8);
    }
}
