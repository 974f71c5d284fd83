//! What feeds and taps show while they work: counts that any thread may look at, at any time.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::model::{Lane, Moment};

use super::Misfit;

/// Live counts of a feed.
#[derive(Debug, Default)]
pub struct FeedCounts {
    /// Records taken.
    pub acked: AtomicU64,
    /// Records refused.
    pub refused: AtomicU64,
    /// Records that were given up without an answer.
    pub unknown: AtomicU64,
    /// Records that should have been sent by now at the asked pace.
    pub due: AtomicU64,
    /// Records sent, answered or not.
    pub sent: AtomicU64,
    /// Why the feed cannot go on, if it cannot.
    pub failure: Mutex<Option<String>>,
}

impl FeedCounts {
    /// Records taken.
    pub fn acked(&self) -> u64 {
        self.acked.load(Ordering::Relaxed)
    }

    /// Records of which it is known what became of them.
    pub fn answered(&self) -> u64 {
        let others = [&self.refused, &self.unknown];
        let others = others.map(|count| count.load(Ordering::Relaxed));
        self.acked() + others.iter().sum::<u64>()
    }

    /// Why the feed cannot go on, if it cannot.
    pub fn failure(&self) -> Option<String> {
        text_in(&self.failure)
    }
}

/// Live counts of a tap.
#[derive(Debug)]
pub struct TapCounts {
    /// Whole records of the stream, repeats included.
    pub arrived: AtomicU64,
    /// Different records of the stream.
    pub distinct: AtomicU64,
    /// Damaged records.
    pub corrupt: AtomicU64,
    /// Records that the stream never sent.
    pub foreign: AtomicU64,
    /// Rows written or gathered.
    pub rows: AtomicU64,
    /// Why the tap cannot go on, if it cannot.
    pub failure: Mutex<Option<String>>,
    /// What arrives instead of the stream's records, when none of them has arrived.
    pub misfit: Mutex<Option<Misfit>>,
    /// For each lane the highest sequence number that arrived, plus one.
    pub lane_next: Vec<AtomicU64>,
    /// For each lane when a record of it arrived last, new or repeated: microseconds of the run; 0 before the first.
    pub lane_last_us: Vec<AtomicU64>,
    /// For each partition the next offset, or for a file (partition 0) the byte position behind the last whole line.
    pub positions: Mutex<BTreeMap<i32, i64>>,
    /// For each partition the offset behind the last record: unlike the positions, without transaction markers after it.
    pub record_ends: Mutex<BTreeMap<i32, i64>>,
}

impl TapCounts {
    pub(super) fn new(lanes: u32) -> Self {
        let zeros = || (0..lanes).map(|_| AtomicU64::new(0)).collect();
        Self {
            arrived: AtomicU64::new(0),
            distinct: AtomicU64::new(0),
            corrupt: AtomicU64::new(0),
            foreign: AtomicU64::new(0),
            rows: AtomicU64::new(0),
            failure: Mutex::new(None),
            misfit: Mutex::new(None),
            lane_next: zeros(),
            lane_last_us: zeros(),
            positions: Mutex::new(BTreeMap::new()),
            record_ends: Mutex::new(BTreeMap::new()),
        }
    }

    /// Different records of the stream.
    pub fn distinct(&self) -> u64 {
        self.distinct.load(Ordering::Relaxed)
    }

    /// The number behind the newest record of the lane; 0 before the first.
    pub fn lane_next(&self, lane: Lane) -> u64 {
        let index = usize::try_from(lane.0).unwrap_or(usize::MAX);
        self.lane_next
            .get(index)
            .map_or(0, |next| next.load(Ordering::Relaxed))
    }

    /// Records that have not come although a later one of their lane has.
    pub fn left_out(&self) -> u64 {
        let next = self.lane_next.iter();
        let passed: u64 = next.map(|next| next.load(Ordering::Relaxed)).sum();
        passed.saturating_sub(self.distinct())
    }

    /// When a record of the stream arrived last, new or repeated.
    pub fn last_of_any_lane(&self) -> Option<Moment> {
        self.lane_last_us.iter().filter_map(moment_in).max()
    }

    /// When a record of the lane arrived last.
    pub fn lane_last(&self, lane: Lane) -> Option<Moment> {
        moment_in(self.lane_last_us.get(usize::try_from(lane.0).ok()?)?)
    }

    /// Why the tap cannot go on, if it cannot.
    pub fn failure(&self) -> Option<String> {
        text_in(&self.failure)
    }

    /// What arrives instead of the stream's records, when none of them has arrived.
    pub fn misfit(&self) -> Option<Misfit> {
        self.misfit
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// For each partition the offset behind the last record that was read: where a consumer that has read everything
    /// stands.
    pub fn record_ends(&self) -> BTreeMap<i32, i64> {
        self.record_ends
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Whether everything before these positions has been read and counted. A partition that nothing is known of
    /// counts as read to 0.
    pub fn has_read_to(&self, ends: &BTreeMap<i32, i64>) -> bool {
        let positions = self
            .positions
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        ends.iter()
            .all(|(partition, end)| positions.get(partition).copied().unwrap_or(0) >= *end)
    }
}

pub(super) fn set_text(slot: &Mutex<Option<String>>, text: String) {
    *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
}

fn text_in(slot: &Mutex<Option<String>>) -> Option<String> {
    slot.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

fn moment_in(slot: &AtomicU64) -> Option<Moment> {
    let us = slot.load(Ordering::Relaxed);
    (us > 0).then_some(Moment(us))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tap_has_read_to_an_end_only_when_every_partition_has() {
        let counts = TapCounts::new(2);
        *counts.positions.lock().unwrap() = BTreeMap::from([(0, 5), (1, 7)]);
        assert!(counts.has_read_to(&BTreeMap::from([(0, 5), (1, 6), (2, 0)])));
        assert!(!counts.has_read_to(&BTreeMap::from([(0, 6)])));
        assert!(!counts.has_read_to(&BTreeMap::from([(3, 1)])));
    }
}
