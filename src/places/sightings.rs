//! What arrives at a tap, record by record: decoded, counted and written down.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, PoisonError};

use crate::journal::{Attendance, Observation, ObservationKind};
use crate::model::{Lane, Moment, Record, Sequence, Sighting};

use super::misfit::MisfitWatch;
use super::rows::Rows;
use super::seen::Seen;
use super::{Decoder, PlaceError, TapCounts};

/// The book of one tap.
pub(super) struct Sightings {
    decoder: Decoder,
    lanes: u32,
    seen: Vec<Seen>,
    rows: Rows,
    counts: Arc<TapCounts>,
    attendance: Attendance,
    now: Tally,
    misfits: MisfitWatch,
}

/// Counts that are shown once a batch rather than once a record.
#[derive(Default)]
struct Tally {
    arrived: u64,
    distinct: u64,
    corrupt: u64,
    foreign: u64,
}

impl Sightings {
    pub(super) fn new(
        decoder: Decoder,
        lanes: u32,
        rows: Rows,
        counts: Arc<TapCounts>,
        attendance: Attendance,
    ) -> Self {
        Self {
            decoder,
            lanes,
            seen: (0..lanes).map(|_| Seen::default()).collect(),
            rows,
            counts,
            attendance,
            now: Tally::default(),
            misfits: MisfitWatch::default(),
        }
    }

    /// Takes in a record; fails when its row cannot be written, and when the stream is changed on its way.
    pub(super) fn sight(
        &mut self,
        at: Moment,
        (partition, position): (i32, i64),
        key: &[u8],
        value: Option<&[u8]>,
    ) -> Result<(), PlaceError> {
        let (record, kind) = match self.decoder.decode(self.lanes, key, value) {
            Sighting::Whole(record) => {
                self.arrived(at, record);
                (record, ObservationKind::Whole)
            }
            Sighting::Corrupt => {
                self.now.corrupt += 1;
                (NO_RECORD, ObservationKind::Corrupt)
            }
            Sighting::Foreign => {
                self.now.foreign += 1;
                (NO_RECORD, ObservationKind::Foreign)
            }
        };
        self.rows.push(Observation {
            at,
            lane: record.lane,
            sequence: record.sequence,
            partition,
            position,
            kind,
        })?;
        match kind {
            ObservationKind::Corrupt | ObservationKind::Foreign => self.look_for_misfit(value),
            _ => Ok(()),
        }
    }

    /// A stream of which not one record has arrived is probably changed on its way.
    fn look_for_misfit(&mut self, value: Option<&[u8]>) -> Result<(), PlaceError> {
        if self.now.arrived > 0 {
            return Ok(());
        }
        let Some(misfit) = self.misfits.look(&self.decoder, value) else {
            return Ok(());
        };
        let known = &self.counts.misfit;
        *known.lock().unwrap_or_else(PoisonError::into_inner) = Some(misfit);
        Err(PlaceError::Misfit)
    }

    fn arrived(&mut self, at: Moment, record: Record) {
        self.now.arrived += 1;
        let lane = record.lane.0 as usize;
        if self.seen[lane].insert(record.sequence.0) {
            self.now.distinct += 1;
        }
        // This thread alone writes the counts, so plain loads and stores do.
        let next = record.sequence.0.saturating_add(1);
        if next > self.counts.lane_next[lane].load(Relaxed) {
            self.counts.lane_next[lane].store(next, Relaxed);
        }
        self.counts.lane_last_us[lane].store(at.as_us(), Relaxed);
    }

    /// Shows where the last record of each partition ends.
    pub(super) fn show_records(&self, ends: impl Iterator<Item = (i32, i64)>) {
        self.counts
            .record_ends
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(ends);
    }

    /// Shows the counts, then the positions up to which they hold.
    pub(super) fn show(&self, positions: impl Iterator<Item = (i32, i64)>) {
        let (now, counts) = (&self.now, &self.counts);
        counts.arrived.store(now.arrived, Relaxed);
        counts.distinct.store(now.distinct, Relaxed);
        counts.corrupt.store(now.corrupt, Relaxed);
        counts.foreign.store(now.foreign, Relaxed);
        counts.rows.store(self.rows.count(), Relaxed);
        // The lock makes the counts above visible to everyone who sees these positions.
        counts
            .positions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(positions);
    }

    /// The place was looked at, and what was there is taken in: notes that, and flushes the rows when the last time is
    /// too long ago.
    pub(super) fn looked(&mut self) -> Result<(), PlaceError> {
        self.attendance.seen();
        self.rows.flush_in_time()
    }

    /// Ends the observation file; returns its rows.
    pub(super) fn finish(mut self) -> Result<u64, PlaceError> {
        self.attendance.tell(BTreeMap::new());
        self.rows.finish()
    }
}

/// Stands in the rows of what is no record.
const NO_RECORD: Record = Record {
    lane: Lane(0),
    sequence: Sequence(0),
};

#[cfg(test)]
mod tests {
    use crate::journal::{
        Clock, Event, Journal, ObservationReader, ObservationWriter, RunFolder, What,
    };
    use crate::model::{RecordCodec, StreamId};

    use super::*;

    fn line(codec: &RecordCodec, lane: u32, sequence: u64) -> Vec<u8> {
        let mut line = Vec::new();
        let record = Record {
            lane: Lane(lane),
            sequence: Sequence(sequence),
        };
        codec.encode(record, &mut line);
        line
    }

    /// A journal in a folder of its own, and the attendance of a tap in it.
    fn attendance(folder: &std::path::Path, name: &str) -> (RunFolder, Attendance) {
        let run = RunFolder::create(folder, name).unwrap();
        let journal = Journal::create(&run, Clock::start()).unwrap();
        (run, Attendance::begin("tap t", &journal))
    }

    #[test]
    fn a_tap_tells_when_it_ends_how_often_it_looked() {
        let folder = tempfile::tempdir().unwrap();
        let writer = ObservationWriter::create(&folder.path().join("tap.arrow")).unwrap();
        let rows = Rows::new("t", writer, Clock::start()).unwrap();
        let (run, attendance) = attendance(folder.path(), "run");
        let codec = RecordCodec::new(StreamId(1), 60, 3).unwrap();
        let counts = Arc::new(TapCounts::new(3));
        let mut book = Sightings::new(Decoder::Line(codec), 3, rows, counts, attendance);
        (0..4).for_each(|_| book.looked().unwrap());
        book.finish().unwrap();
        let told: Vec<Event> = run.events().unwrap().events;
        let looks: Vec<u64> = told
            .iter()
            .map(|event| match &event.what {
                What::Attended { looks, .. } => *looks,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(looks, [4]);
    }

    #[test]
    fn every_arrival_is_counted_once_in_one_kind_and_written_down() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tap.arrow");
        let clock = Clock::start();
        let rows = Rows::new("t", ObservationWriter::create(&path).unwrap(), clock).unwrap();
        let counts = Arc::new(TapCounts::new(3));
        let codec = RecordCodec::new(StreamId(1), 60, 3).unwrap();
        let other = RecordCodec::new(StreamId(2), 60, 3).unwrap();
        let (_, attendance) = attendance(folder.path(), "run");
        let counted = Arc::clone(&counts);
        let mut book = Sightings::new(Decoder::Line(codec), 3, rows, counted, attendance);
        let mut damaged = line(&codec, 0, 9);
        damaged[50] ^= 1;
        let values = [
            line(&codec, 2, 0),
            line(&codec, 2, 1),
            line(&codec, 2, 0),
            line(&other, 1, 0),
            damaged,
        ];
        for (n, value) in values.iter().enumerate() {
            let n = n as u64;
            let place = (4, n as i64 * 61);
            book.sight(Moment(100 + n), place, b"", Some(value))
                .unwrap();
        }
        book.show([(4, 305)].into_iter());
        let shown = [
            &counts.arrived,
            &counts.distinct,
            &counts.corrupt,
            &counts.foreign,
            &counts.rows,
        ];
        assert_eq!(shown.map(|count| count.load(Relaxed)), [3, 2, 1, 1, 5]);
        assert_eq!(counts.lane_last(Lane(2)), Some(Moment(102)));
        assert_eq!(counts.lane_next[2].load(Relaxed), 2);
        assert!(counts.has_read_to(&[(4, 305)].into()));
        assert_eq!(book.finish().unwrap(), 5);
        let batches: Vec<_> = ObservationReader::open(&path)
            .unwrap()
            .map(Result::unwrap)
            .collect();
        let kinds: Vec<u8> = batches
            .iter()
            .flat_map(|batch| batch.kind.clone())
            .collect();
        assert_eq!(kinds, [0, 0, 0, 4, 3]);
    }

    #[test]
    fn a_stream_that_arrives_wrapped_is_read_no_further() {
        let folder = tempfile::tempdir().unwrap();
        let rows = |name: &str| {
            let writer = ObservationWriter::create(&folder.path().join(name)).unwrap();
            Rows::new("t", writer, Clock::start()).unwrap()
        };
        let codec = RecordCodec::new(StreamId(1), 60, 3).unwrap();
        let fed = line(&codec, 2, 0);
        let wrapped = [b"\"".as_slice(), &fed, b"\""].concat();
        let sight = |name: &str, values: &[&[u8]]| {
            let counts = Arc::new(TapCounts::new(3));
            let (_, attendance) = attendance(folder.path(), &format!("run-{name}"));
            let (rows, counted) = (rows(name), Arc::clone(&counts));
            let mut book = Sightings::new(Decoder::Line(codec), 3, rows, counted, attendance);
            let mut places = (0i64..).zip(values);
            let stopped = places.find_map(|(at, value)| {
                let sighted = book.sight(Moment(1), (0, at), b"", Some(value));
                sighted.is_err().then_some(at)
            });
            (stopped, counts.misfit().is_some())
        };
        assert_eq!(sight("wrapped", &[wrapped.as_slice(); 5]), (Some(2), true));
        assert_eq!(
            sight("mixed", &[&fed, &wrapped, &wrapped, &wrapped]),
            (None, false)
        );
    }
}
