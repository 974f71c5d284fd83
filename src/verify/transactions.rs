//! Records that a reader of committed records missed: others of the same transaction were committed.

use std::collections::{BTreeMap, BTreeSet};

use crate::journal::{Batch, ObservationKind};

use super::case::Case;
use super::consistency::file_of;
use super::pass::each_batch;
use super::seen::{Expected, missing};

/// So many missing records of a tap are looked at; one that was overlooked is enough.
const MOST_LOOKED_AT: usize = 1_000;

/// A record of a lane: lane and number.
type Record = (u32, u64);
/// Where a row stands: partition and position.
type At = (i32, i64);

/// A record that was missing and the row of its lane that shares its transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mate {
    record: Record,
    record_at: At,
    mate_at: At,
}

/// Why the tap behind this connector missed rows, where a transaction tells it.
///
/// A transaction ends with a marker in each of its partitions, and markers have positions. A lane has one producer at a time,
/// and the next one comes only after a marker (KIP-447, KIP-618: the coordinator ends what a predecessor left open). So two
/// records of a lane between which no position is free are of one transaction, and are committed together or not at all. Say
/// record 7 stands at position 40 and record 8 at 41: when a reader of committed records saw 41 and nothing at 40, it missed 40.
pub(super) fn overlooked(case: &Case<'_>, leg: usize) -> Option<String> {
    let twin = case.uncommitted[leg].as_ref()?;
    let name = case.legs[leg].tap.name.as_str();
    let lanes = case.taps[leg].lanes.iter().zip(&twin.lanes);
    let lacks = lanes.map(|(own, all)| missing(Expected::Set(&all.seen), &own.seen));
    let numbers = lacks.zip(0..).flat_map(|(ranges, lane)| {
        let each = ranges.into_iter().flat_map(|(first, last)| first..=last);
        each.map(move |number| (lane, number))
    });
    let wanted: BTreeSet<Record> = numbers.take(MOST_LOOKED_AT).collect();
    if wanted.is_empty() {
        return None;
    }
    let mut runs = Runs::default();
    let places = case.evidence.places;
    each_batch(places, &format!("{name}!uncommitted"), |batch| {
        runs.look(batch, &wanted);
    });
    let found = first_committed(&runs.mates, |look| {
        each_batch(places, name, look);
    })?;
    let ((lane, number), (partition, position)) = (found.record, found.record_at);
    Some(format!(
        "{} lacks record {number} of lane {lane} at position {position} of partition {partition}: position {} is of the same transaction and was committed, so whoever read it missed one",
        file_of(name),
        found.mate_at.1
    ))
}

/// The first record whose mate a reader of committed records saw.
fn first_committed(mates: &[Mate], read: impl FnOnce(&mut dyn FnMut(&Batch))) -> Option<Mate> {
    let wanted: BTreeSet<At> = mates.iter().map(|mate| mate.mate_at).collect();
    let mut committed = BTreeSet::new();
    read(&mut |batch| {
        let rows = batch.partition.iter().zip(&batch.position);
        let at = rows.map(|(partition, position)| (*partition, *position));
        committed.extend(at.filter(|at| wanted.contains(at)));
    });
    let seen = mates.iter().find(|mate| committed.contains(&mate.mate_at));
    seen.copied()
}

/// Rows of a partition that follow one another without a free position.
#[derive(Debug, Default)]
struct Run {
    last: i64,
    /// The last row of each lane: its position, and whether it is one that is missing.
    lanes: BTreeMap<u32, (i64, Option<u64>)>,
}

#[derive(Debug, Default)]
struct Runs {
    partitions: BTreeMap<i32, Run>,
    mates: Vec<Mate>,
}

impl Runs {
    fn look(&mut self, batch: &Batch, wanted: &BTreeSet<Record>) {
        let whole = ObservationKind::Whole.code();
        for i in 0..batch.len() {
            let (partition, position) = (batch.partition[i], batch.position[i]);
            let run = self.partitions.entry(partition).or_default();
            if position != run.last + 1 {
                run.lanes.clear();
            }
            run.last = position;
            if batch.kind[i] != whole {
                continue;
            }
            let (lane, number) = (batch.lane[i], batch.sequence[i]);
            let lacks = wanted.contains(&(lane, number)).then_some(number);
            let before = run.lanes.insert(lane, (position, lacks));
            let Some((before, lacked)) = before else {
                continue;
            };
            let mate = |number, at, mate| Mate {
                record: (lane, number),
                record_at: (partition, at),
                mate_at: (partition, mate),
            };
            match (lacked, lacks) {
                (Some(number), None) => self.mates.push(mate(number, before, position)),
                (None, Some(number)) => self.mates.push(mate(number, position, before)),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of one partition: lane, number, position.
    fn batch(rows: &[(u32, u64, i64)]) -> Batch {
        let mut batch = Batch::default();
        for (lane, number, position) in rows {
            batch.at_us.push(0);
            batch.kind.push(ObservationKind::Whole.code());
            batch.lane.push(*lane);
            batch.sequence.push(*number);
            batch.partition.push(0);
            batch.position.push(*position);
        }
        batch
    }

    fn found(all: &[(u32, u64, i64)], committed: &[(u32, u64, i64)], lacks: Record) -> bool {
        let mut runs = Runs::default();
        runs.look(&batch(all), &BTreeSet::from([lacks]));
        first_committed(&runs.mates, |look| look(&batch(committed))).is_some()
    }

    #[test]
    fn a_record_beside_a_committed_one_of_its_lane_was_committed() {
        let all = [(0, 7, 40), (0, 8, 41)];
        assert!(found(&all, &[(0, 8, 41)], (0, 7)));
        assert!(found(&all, &[(0, 7, 40)], (0, 8)));
        assert!(!found(&all, &[], (0, 7)));
    }

    #[test]
    fn a_free_position_may_be_the_marker_between_two_transactions() {
        let all = [(0, 7, 40), (0, 8, 42)];
        assert!(!found(&all, &[(0, 8, 42)], (0, 7)));
        // Between them stands another lane, and no position is free.
        let all = [(0, 7, 40), (1, 3, 41), (0, 8, 42)];
        assert!(found(&all, &[(0, 8, 42)], (0, 7)));
    }

    #[test]
    fn another_lane_may_have_another_producer() {
        let all = [(0, 7, 40), (1, 3, 41)];
        assert!(!found(&all, &[(1, 3, 41)], (0, 7)));
    }

    #[test]
    fn what_was_written_once_more_and_committed_then_says_nothing_of_the_first() {
        let all = [(0, 6, 39), (0, 7, 40), (0, 6, 42), (0, 8, 43)];
        assert!(!found(&all, &[(0, 6, 42), (0, 8, 43)], (0, 7)));
    }
}
