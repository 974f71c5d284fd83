//! Whether the rows of one place agree with themselves: positions and times that only grow, each record once.

use std::collections::BTreeMap;

use crate::journal::{Batch, ObservationKind};
use crate::model::Moment;

/// The error of a time, in microseconds. A tap takes its records in small batches and reads the clock once for each: on a
/// busy machine some of them were sent this long after that.
const CLOCK_ERROR_US: u64 = 500_000;
/// Partitions are looked up by their number up to here; no topic has more.
const MOST_PARTITIONS: usize = 1 << 16;
/// Rows at a position that another row had too: whether one of them is a phantom is known after the pass only.
const MOST_SHARED: usize = 1_000;
/// Ways of rows to follow one another that are kept.
const MOST_STEPS: usize = 10_000;

/// How far one partition has been read.
#[derive(Debug, Clone, Copy)]
struct End {
    last: i64,
    at_us: u64,
    rows: u64,
    /// Of the last row.
    record: (u32, u64),
    kind: u8,
}

/// Stands for the kind of the row before the first.
const FIRST: u8 = u8::MAX;

const UNREAD: End = End {
    last: -1,
    at_us: 0,
    rows: 0,
    record: (u32::MAX, u64::MAX),
    kind: FIRST,
};

/// What is wrong with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Wrong {
    /// It stands behind a row of its partition with a higher position, or is that row once more.
    Position,
    /// It has an earlier time than the row of its partition before it.
    Time,
    /// It arrived before it was sent.
    Early,
    /// Its lane was in another partition before.
    Partition,
}

/// Two records in one place.
#[derive(Debug, Clone, Copy)]
struct Shared {
    row: u64,
    partition: i32,
    position: i64,
    records: [(u32, u64); 2],
}

/// What is known of the distance from one row of a partition to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spacing {
    /// Each record has a position of its own.
    Records,
    /// A whole record is a line of so many bytes, its end counted; how long any other line is nobody knows.
    Lines(i64),
    /// Each row is a line of unknown length.
    Unknown,
}

/// How rows follow one another: behind which kind, and how far on.
type Step = (u8, i64);

/// The first row that follows so, and how many there are.
#[derive(Debug, Clone, Copy)]
struct Steps {
    row: u64,
    partition: i32,
    last: i64,
    position: i64,
    count: u64,
}

/// What the rows of one place say about themselves.
#[derive(Debug, Default)]
pub(super) struct Consistency {
    rows: u64,
    ends: Vec<End>,
    /// Of a feed: the partition of each lane.
    lanes: Vec<i32>,
    /// The first row of each kind, with words about it.
    wrong: BTreeMap<Wrong, (u64, String)>,
    shared: Vec<Shared>,
    steps: BTreeMap<Step, Steps>,
    /// How the last row followed, and since which row it has been so.
    usual: Step,
    since: u64,
}

const NO_PARTITION: i32 = i32::MIN;

impl Consistency {
    /// Looks at the next batch of a feed, whose lanes have a partition each.
    pub(super) fn fed(&mut self, batch: &Batch, lanes: usize) {
        self.lanes.resize(lanes, NO_PARTITION);
        self.look(batch, |_, _| None);
    }

    /// Looks at the next batch of a tap; of some records `sent_us` knows a time before which they were not sent.
    #[inline]
    pub(super) fn look(&mut self, batch: &Batch, sent_us: impl Fn(u32, u64) -> Option<u64>) {
        for i in 0..batch.len() {
            let (partition, position) = (batch.partition[i], batch.position[i]);
            let (lane, sequence, at_us) = (batch.lane[i], batch.sequence[i], batch.at_us[i]);
            let index = partition as usize;
            // Negative where the feed never learned them, and such an index is beyond every list.
            if position < 0 || (index >= self.ends.len() && !self.open(index)) {
                continue;
            }
            let before = self.ends[index];
            self.ends[index] = End {
                last: position,
                at_us,
                rows: before.rows + 1,
                record: (lane, sequence),
                kind: batch.kind[i],
            };
            if position <= before.last || at_us < before.at_us {
                self.went_back(batch, i, before);
            }
            let step = (before.kind, position.wrapping_sub(before.last));
            if step != self.usual {
                self.stepped(step, (partition, position), i, before.last);
            }
            if let Some(sent) = sent_us(lane, sequence)
                && at_us.saturating_add(CLOCK_ERROR_US) < sent
            {
                self.early(batch, i, sent);
            }
            if let Some(known) = self.lanes.get(lane as usize)
                && *known != partition
            {
                self.other_partition(batch, i);
            }
        }
        self.rows += batch.len() as u64;
    }

    /// Makes room for a partition that had no row yet.
    #[cold]
    fn open(&mut self, index: usize) -> bool {
        let is_one = index < MOST_PARTITIONS;
        if is_one {
            self.ends.resize(index + 1, UNREAD);
        }
        is_one
    }

    fn note(&mut self, wrong: Wrong, i: usize, text: impl FnOnce() -> String) {
        let row = self.rows + i as u64;
        self.wrong.entry(wrong).or_insert_with(|| (row, text()));
    }

    #[cold]
    fn went_back(&mut self, batch: &Batch, i: usize, before: End) {
        let (partition, position, at_us) = (batch.partition[i], batch.position[i], batch.at_us[i]);
        let record = (batch.lane[i], batch.sequence[i]);
        if position == before.last && record != before.record {
            let whole = ObservationKind::Whole.code();
            if batch.kind[i] == whole && before.kind == whole && self.shared.len() < MOST_SHARED {
                self.shared.push(Shared {
                    row: self.rows + i as u64,
                    partition,
                    position,
                    records: [before.record, record],
                });
            }
        } else if position <= before.last {
            let last = before.last;
            self.note(Wrong::Position, i, || {
                format!("position {position} of partition {partition} comes after position {last}")
            });
        }
        if at_us.saturating_add(CLOCK_ERROR_US) < before.at_us {
            self.note(Wrong::Time, i, || {
                let (here, there) = (Moment(at_us), Moment(before.at_us));
                format!("partition {partition} is at {here} after it was at {there}")
            });
        }
    }

    /// Rows follow one another in another way from here on.
    #[cold]
    fn stepped(&mut self, step: Step, (partition, position): (i32, i64), i: usize, last: i64) {
        let row = self.rows + i as u64;
        let count = row - self.since;
        if let Some(before) = self.steps.get_mut(&self.usual) {
            before.count += count;
        }
        (self.usual, self.since) = (step, row);
        if self.steps.len() < MOST_STEPS {
            self.steps.entry(step).or_insert(Steps {
                row,
                partition,
                last,
                position,
                count: 0,
            });
        }
    }

    #[cold]
    fn early(&mut self, batch: &Batch, i: usize, sent: u64) {
        let (lane, sequence) = (batch.lane[i], batch.sequence[i]);
        let (arrived, sent) = (Moment(batch.at_us[i]), Moment(sent));
        self.note(Wrong::Early, i, || {
            format!(
                "record {sequence} of lane {lane} arrived at {arrived} and was not sent before {sent}"
            )
        });
    }

    #[cold]
    fn other_partition(&mut self, batch: &Batch, i: usize) {
        let (lane, partition) = (batch.lane[i], batch.partition[i]);
        let known = self.lanes[lane as usize];
        if known == NO_PARTITION {
            self.lanes[lane as usize] = partition;
            return;
        }
        self.note(Wrong::Partition, i, || {
            format!("lane {lane} is in partition {partition}, and was in partition {known}")
        });
    }

    /// What the rows of a place contradict, a sentence each; `known` says which records were sent.
    pub(super) fn told(&self, place: &str, known: impl Fn((u32, u64)) -> bool) -> Vec<String> {
        let rows = self.wrong.values();
        let mut told: Vec<String> = rows.map(|(row, why)| at_row(place, *row, why)).collect();
        let two = |shared: &&Shared| shared.records.iter().all(|record| known(*record));
        if let Some(shared) = self.shared.iter().find(two) {
            let (partition, position) = (shared.partition, shared.position);
            let why = format!("position {position} of partition {partition} holds two records");
            told.push(at_row(place, shared.row, &why));
        }
        told
    }

    /// The first row that does not follow right behind the one before it, so that rows are gone from between them; where the
    /// place was `new`, also one that has nothing before it and should have.
    pub(super) fn torn(&self, place: &str, spacing: Spacing, new: bool) -> Option<String> {
        let whole = ObservationKind::Whole.code();
        let right = match spacing {
            Spacing::Records => 1,
            Spacing::Lines(bytes) => self.usual_behind(whole).map_or(bytes, |own| own.min(bytes)),
            Spacing::Unknown => i64::MAX,
        };
        let torn = |(kind, step): &Step| match (*kind, spacing) {
            (FIRST, _) => new && *step > 1,
            (_, Spacing::Records) => *step > right,
            (kind, Spacing::Lines(_)) => kind == whole && *step > right,
            (_, Spacing::Unknown) => false,
        };
        let torn = self.steps.iter().filter(|(step, _)| torn(step));
        let (step, first) = torn.min_by_key(|(_, first)| first.row)?;
        let (partition, position) = (first.partition, first.position);
        let why = match *step {
            (FIRST, _) => format!(
                "the first row of partition {partition} is at position {position}, and what is before it is missing"
            ),
            _ => format!(
                "position {position} of partition {partition} does not follow on position {}, and what is between is missing",
                first.last
            ),
        };
        Some(at_row(place, first.row, &why))
    }

    /// How far behind a row of this kind the next is most often.
    fn usual_behind(&self, kind: u8) -> Option<i64> {
        let count = |(step, steps): &(&Step, &Steps)| match **step == self.usual {
            true => steps.count + (self.rows - self.since),
            false => steps.count,
        };
        let behind = self
            .steps
            .iter()
            .filter(|((of, on), _)| *of == kind && *on > 0);
        behind.max_by_key(count).map(|((_, on), _)| *on)
    }

    /// A partition of a topic with fewer rows than it has records, up to the end that was told or else to the last row. As
    /// many rows as `spare` may have no position.
    pub(super) fn hole(
        &self,
        place: &str,
        ends: &BTreeMap<i32, i64>,
        spare: u64,
    ) -> Option<String> {
        let read = (0..)
            .zip(&self.ends)
            .map(|(partition, end)| (partition, end.last + 1));
        let mut held: BTreeMap<i32, i64> = read.collect();
        for (partition, end) in ends {
            let next = held.entry(*partition).or_insert(0);
            *next = (*next).max(*end);
        }
        held.into_iter().find_map(|(partition, next)| {
            let end = usize::try_from(partition)
                .ok()
                .and_then(|index| self.ends.get(index));
            let rows = end.map_or(0, |end| end.rows);
            let held = u64::try_from(next).unwrap_or(0);
            (rows.saturating_add(spare) < held).then(|| {
                format!(
                    "{} has {rows} rows of partition {partition}, which held {held} records",
                    file_of(place)
                )
            })
        })
    }
}

/// The file of a place's observations, as a user finds it in the run folder.
pub(super) fn file_of(place: &str) -> String {
    format!("observations/{place}.arrow")
}

fn at_row(place: &str, row: u64, why: &str) -> String {
    format!("{} contradicts itself at row {row}: {why}", file_of(place))
}
