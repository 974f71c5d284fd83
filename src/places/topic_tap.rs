//! Reading a topic live, for a tap.

use std::time::Duration;

use crate::journal::Clock;
use crate::kafka::{Item, KafkaError, RecordReader, Start};

use super::PlaceError;
use super::sightings::Sightings;
use super::thread::StopSignal;

/// Longest wait for records; the stop signal and the rows' flush are looked at in between.
const WAIT: Duration = Duration::from_millis(50);
/// Counts are shown this soon after what they count, and while many records come no more often: each time costs as much as
/// several records.
const SHOWN_EVERY: Duration = Duration::from_millis(2);
/// So many records without a pause are a flood: then the tap lets some gather, for waking it for each handful costs the
/// client more than the records do.
const FLOOD: usize = 512;
/// For so long they gather: little beside the time that a record takes through a broker.
const GATHER: Duration = Duration::from_millis(1);
/// Records that share one reading of the clock: their handling takes less than a record takes through a broker, so none
/// of them can seem to arrive before it was sent.
const BATCH: usize = 64;
/// One attempt to find a topic that is not there yet.
const ATTEMPT: Duration = Duration::from_secs(1);

/// Reads until the signal; fails when reading can never go on.
pub(super) fn read(
    reader: &RecordReader,
    book: &mut Sightings,
    clock: Clock,
    stop: &StopSignal,
) -> Result<(), PlaceError> {
    begin(reader, stop)?;
    let mut reach = Reach::default();
    let read = read_on(reader, book, &mut reach, clock, stop);
    reach.show(book);
    read
}

fn read_on(
    reader: &RecordReader,
    book: &mut Sightings,
    reach: &mut Reach,
    clock: Clock,
    stop: &StopSignal,
) -> Result<(), PlaceError> {
    let mut shown = clock.now();
    let mut flood = Flood::default();
    while !stop.is_set() {
        let mut written = Ok(());
        let mut arrived = None;
        let wait = match reach.is_shown {
            _ if flood.gathers => Duration::ZERO,
            true => WAIT,
            false => SHOWN_EVERY,
        };
        let polled = reader.poll(wait, BATCH, |item| match item {
            Item::Record {
                partition,
                offset,
                key,
                value,
                ..
            } => {
                let at = *arrived.get_or_insert_with(|| clock.now());
                if written.is_ok() {
                    written = book.sight(at, (partition, offset), key, value);
                }
                reach.record(partition, offset + 1);
            }
            Item::EndOfPartition {
                partition,
                next_offset,
            } => reach.end(partition, next_offset.unwrap_or(0)),
        });
        written?;
        let taken = polled?;
        let now = arrived.unwrap_or_else(|| clock.now());
        if taken == 0 || now.since(shown) >= SHOWN_EVERY {
            if !reach.is_shown {
                reach.show(book);
                shown = now;
            }
            book.looked()?;
        }
        if flood.ebbs(taken) {
            stop.wait(GATHER);
        }
    }
    Ok(())
}

/// Begins reading as soon as the topic is there; fails when it never was before the signal.
fn begin(reader: &RecordReader, stop: &StopSignal) -> Result<(), PlaceError> {
    loop {
        match reader.begin(&Start::Zero, ATTEMPT) {
            Ok(()) => return Ok(()),
            Err(error @ (KafkaError::NoTopic { .. } | KafkaError::Request { .. })) => {
                if stop.wait(WAIT) {
                    return Err(error.into());
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Whether records come in floods.
#[derive(Default)]
struct Flood {
    /// Records since a poll last found fewer than it could take.
    run: usize,
    gathers: bool,
}

impl Flood {
    /// Takes in how many records a poll found; says whether they are to gather now.
    fn ebbs(&mut self, taken: usize) -> bool {
        self.run += taken;
        if taken == BATCH {
            return false;
        }
        self.gathers = self.run >= FLOOD;
        self.run = 0;
        self.gathers
    }
}

/// How far a tap has read, and whether that is shown.
struct Reach {
    /// Behind everything that was there, transaction markers included.
    positions: Positions,
    /// Behind the last records.
    records: Positions,
    is_shown: bool,
}

impl Default for Reach {
    fn default() -> Self {
        Self {
            positions: Positions::default(),
            records: Positions::default(),
            is_shown: true,
        }
    }
}

impl Reach {
    fn record(&mut self, partition: i32, next: i64) {
        self.records.reach(partition, next);
        self.end(partition, next);
    }

    fn end(&mut self, partition: i32, next: i64) {
        self.positions.reach(partition, next);
        self.is_shown = false;
    }

    fn show(&mut self, book: &Sightings) {
        book.show_records(self.records.all());
        book.show(self.positions.all());
        self.is_shown = true;
    }
}

/// For each partition the next offset.
#[derive(Default)]
struct Positions(Vec<i64>);

impl Positions {
    fn reach(&mut self, partition: i32, next: i64) {
        let Ok(index) = usize::try_from(partition) else {
            return;
        };
        if index >= self.0.len() {
            self.0.resize(index + 1, 0);
        }
        self.0[index] = self.0[index].max(next);
    }

    fn all(&self) -> impl Iterator<Item = (i32, i64)> {
        (0..).zip(self.0.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_gather_in_a_flood_and_never_in_a_trickle() {
        let mut flood = Flood::default();
        assert!(!flood.ebbs(BATCH - 1));
        assert!(!flood.ebbs(0));
        for _ in 0..FLOOD / BATCH {
            assert!(!flood.ebbs(BATCH));
        }
        assert!(flood.ebbs(1));
        assert!(!flood.ebbs(1));
    }

    #[test]
    fn positions_only_go_forward() {
        let mut positions = Positions::default();
        positions.reach(2, 7);
        positions.reach(2, 5);
        positions.reach(-1, 9);
        assert_eq!(
            positions.all().collect::<Vec<_>>(),
            [(0, 0), (1, 0), (2, 7)]
        );
    }
}
