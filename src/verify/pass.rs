//! One pass over the rows of a place: each row is looked at once, and only what is out of the ordinary is kept.

use std::collections::{BTreeMap, BTreeSet};

use hdrhistogram::Histogram;
use roaring::RoaringTreemap;

use crate::journal::{Batch, ObservationKind, Places};
use crate::model::Moment;

use super::consistency::Consistency;
use super::cuts::{Cuts, LaneAt};
use super::seen::{Expected, SeenSet};

/// Of a source that makes its own sequence, numbers from here on are taken as nonsense: no run sends so many.
pub(super) const MOST_GENERATED: u64 = 1 << 40;
/// Every this many sequence numbers one is followed for its latency.
const SAMPLE: u64 = 64;
/// Longer latencies count as this one: an hour.
const LONGEST_LATENCY_US: u64 = 3_600_000_000;
/// A run of copies is cut after this long, so that the times of its records are known this well.
const LONGEST_RUN_US: u64 = 200_000;
/// Most lanes that a record can name.
pub(super) const MOST_LANES: u32 = 100_000;

/// Equal buckets over the time of a run, at most 2,000.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grid {
    pub bucket_us: u64,
    pub count: usize,
}

impl Grid {
    /// Buckets of 100 ms, or longer ones where the run is long or has many lanes.
    pub(super) fn new(end: Moment, lanes: usize) -> Self {
        let most = (4_000_000 / lanes.max(1)).clamp(20, 2_000) as u64;
        let bucket_us = (end.0 / most + 1).max(100_000);
        let count = usize::try_from(end.0 / bucket_us + 1).unwrap_or(1);
        Self { bucket_us, count }
    }

    #[inline]
    pub(super) fn index(self, at_us: u64) -> usize {
        usize::try_from(at_us / self.bucket_us)
            .unwrap_or(usize::MAX)
            .min(self.count - 1)
    }

    pub(super) fn bucket_ms(self) -> u64 {
        self.bucket_us.div_ceil(1_000)
    }
}

/// What a pass needs to know of the run.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    pub lanes: usize,
    pub grid: Grid,
    /// Moments at which each lane's state is kept, sorted.
    pub moments: Vec<u64>,
    pub baseline: Option<(u64, u64)>,
    /// Silences longer than this are kept.
    pub gap_us: u64,
}

/// One lane of the feed.
#[derive(Debug, Default)]
pub(super) struct FeedLane {
    /// Acknowledged; and, once all taps are read, what was sent without an answer and was seen all the same.
    pub expected: SeenSet,
    /// Sent without an answer.
    pub unknown: RoaringTreemap,
    /// How many of these are expected because they were seen.
    pub unknown_seen: u64,
    pub refused: RoaringTreemap,
    pub highest: Option<u64>,
    /// How far the highest number went on in each bucket.
    pub advanced: Vec<u32>,
    /// Rows of taken records so far.
    rows: u64,
    sampled_us: Vec<u64>,
}

/// What became of the feed.
#[derive(Debug, Default)]
pub(super) struct FeedFacts {
    pub lanes: Vec<FeedLane>,
    pub cuts: Cuts,
    pub rows: u64,
    pub damage: Vec<String>,
    /// Different records that were acknowledged.
    pub acked: u64,
    /// Acknowledged more than once: the harness itself has sent twice.
    pub twice: u64,
    pub last_position: Option<u64>,
    pub consistency: Consistency,
}

impl FeedFacts {
    /// Expects from now on what was sent without an answer and was seen at one of these taps: it was sent.
    pub(super) fn expect_seen(&mut self, taps: &[TapFacts]) {
        for (number, lane) in self.lanes.iter_mut().enumerate() {
            for sequence in &lane.unknown {
                if taps
                    .iter()
                    .any(|tap| tap.lanes[number].seen.contains(sequence))
                {
                    lane.unknown_seen += u64::from(lane.expected.insert(sequence));
                }
            }
        }
    }
}

/// Reads the feed.
pub(super) fn feed(places: &dyn Places, place: &str, frame: &Frame, cuts: Cuts) -> FeedFacts {
    let mut facts = FeedFacts {
        lanes: (0..frame.lanes).map(|_| FeedLane::default()).collect(),
        cuts,
        ..FeedFacts::default()
    };
    facts
        .lanes
        .iter_mut()
        .for_each(|lane| lane.advanced = vec![0; frame.grid.count]);
    let damage = each_batch(places, place, |batch| facts.batch(batch, frame));
    facts.damage.extend(damage);
    facts
}

/// How far a number leads beyond the highest one before it.
#[inline]
fn beyond(highest: Option<u64>, sequence: u64) -> u32 {
    let next = highest.map_or(0, |highest| highest + 1);
    u32::try_from((sequence + 1).saturating_sub(next)).unwrap_or(0)
}

/// Hands every whole batch of a place to `look`; returns what is wrong with the place.
pub(super) fn each_batch(
    places: &dyn Places,
    place: &str,
    mut look: impl FnMut(&Batch),
) -> Option<String> {
    let batches = match places.batches(place) {
        Ok(batches) => batches,
        Err(error) => return Some(error.to_string()),
    };
    for batch in batches {
        match batch {
            Ok(batch) if even(&batch) => look(&batch),
            Ok(_) => {
                return Some(format!(
                    "the columns of a batch of {place} differ in length"
                ));
            }
            Err(error) => return Some(error.to_string()),
        }
    }
    None
}

fn even(batch: &Batch) -> bool {
    let rows = batch.len();
    [
        batch.lane.len(),
        batch.sequence.len(),
        batch.partition.len(),
        batch.position.len(),
        batch.kind.len(),
    ]
    .iter()
    .all(|length| *length == rows)
}

impl FeedFacts {
    fn batch(&mut self, batch: &Batch, frame: &Frame) {
        self.rows += batch.len() as u64;
        self.consistency.fed(batch, frame.lanes);
        for i in 0..batch.len() {
            let (lane, sequence) = (batch.lane[i], batch.sequence[i]);
            let Some(facts) = self.lanes.get_mut(lane as usize) else {
                self.damage_once("names a lane that the stream does not have");
                continue;
            };
            match ObservationKind::from_code(batch.kind[i]) {
                Some(ObservationKind::Whole) => {
                    facts.advanced[frame.grid.index(batch.at_us[i])] +=
                        beyond(facts.highest, sequence);
                    let before = LaneAt {
                        rows: facts.rows,
                        high: facts.highest,
                    };
                    let fresh = facts.take(sequence, batch.at_us[i]);
                    self.acked += u64::from(fresh);
                    self.twice += u64::from(!fresh);
                    let (partition, position) = (batch.partition[i], batch.position[i]);
                    self.cuts.row((lane, sequence), partition, position, before);
                    self.last_position = self.last_position.max(u64::try_from(position).ok());
                }
                Some(ObservationKind::Unknown) => {
                    facts.unknown.insert(sequence);
                }
                Some(ObservationKind::Refused) => {
                    facts.refused.insert(sequence);
                }
                Some(ObservationKind::Corrupt | ObservationKind::Foreign) | None => {
                    self.damage_once("has rows of a kind that a feed cannot have");
                }
            }
        }
    }

    fn damage_once(&mut self, why: &str) {
        if !self.damage.iter().any(|known| known.ends_with(why)) {
            self.damage
                .push(format!("the feed's observation file {why}"));
        }
    }
}

impl FeedLane {
    #[inline]
    fn take(&mut self, sequence: u64, at_us: u64) -> bool {
        self.highest = self.highest.max(Some(sequence));
        self.rows += 1;
        if sequence.is_multiple_of(SAMPLE) {
            let at = usize::try_from(sequence / SAMPLE).unwrap_or(usize::MAX);
            if at < self.sampled_us.len().saturating_add(1_024) {
                if at >= self.sampled_us.len() {
                    self.sampled_us.resize(at + 1, u64::MAX);
                }
                self.sampled_us[at] = at_us;
            }
        }
        self.expected.insert(sequence)
    }

    fn sent_us(&self, sequence: u64) -> Option<u64> {
        let at = usize::try_from(sequence / SAMPLE).ok()?;
        self.sampled_us
            .get(at)
            .copied()
            .filter(|us| *us != u64::MAX)
    }
}

/// The state of a lane at a moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Snap {
    /// The highest sequence number that had arrived.
    pub high: Option<u64>,
    /// When the next row of the lane arrived after it.
    pub next_at: Option<u64>,
    /// Rows of the lane that had arrived, copies included.
    pub arrived: u64,
    /// Which row of the lane, counted from 0, was the first after it with a number beyond `high`.
    pub passed: Option<u64>,
}

/// Records that had arrived before and arrived again, one after the other, within 200 ms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CopyRun {
    pub first: u64,
    pub last: u64,
    /// Which row of the lane the first of them was, counted from 0.
    pub row: u64,
    pub at_us: u64,
    pub until_us: u64,
}

impl CopyRun {
    /// Row and time of one of its records.
    pub(super) fn arrival(&self, sequence: u64) -> (u64, u64) {
        let step = sequence - self.first;
        let length = (self.last - self.first).max(1);
        let passed = u128::from(self.until_us - self.at_us) * u128::from(step) / u128::from(length);
        (self.row + step, self.at_us + passed as u64)
    }
}

/// Consecutive records that arrived one after the other, each the highest of its lane until then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stride {
    first: u64,
    /// Known once the next stride has begun.
    last: u64,
    /// Which row of the lane the first of them was, counted from 0.
    row: u64,
}

/// One lane at a tap.
#[derive(Debug, Default)]
pub(super) struct TapLane {
    pub seen: SeenSet,
    strides: Vec<Stride>,
    /// Arrivals beyond the first, in the order of the tap.
    pub copies: Vec<CopyRun>,
    pub extra_copies: u64,
    /// What arrived more than once.
    pub repeated: RoaringTreemap,
    pub reordered: BTreeSet<u64>,
    pub own_reordered: u64,
    pub highest: Option<u64>,
    /// Rows so far, copies included.
    pub arrived: u64,
    pub snaps: Vec<Snap>,
    /// Silences (from, to) in microseconds.
    pub gaps: Vec<(u64, u64)>,
    pub baseline_gap_us: u64,
    pub arrivals: Vec<u32>,
    /// How far the highest number went on in each bucket.
    pub advanced: Vec<u32>,
    pub last_at: Option<u64>,
    /// The first of the snaps that no row has passed yet.
    unpassed: usize,
    watch: Vec<u64>,
    watch_next: usize,
    watched_at: Vec<Option<u64>>,
}

/// A row that should not be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stray {
    pub at_us: u64,
    pub partition: i32,
    pub position: i64,
    /// Lane and number, where it is a record of ours that was never sent.
    pub record: Option<(u32, u64)>,
}

/// What became of a tap.
#[derive(Debug)]
pub(super) struct TapFacts {
    pub lanes: Vec<TapLane>,
    pub cuts: Cuts,
    pub rows: u64,
    pub consistency: Consistency,
    pub whole: u64,
    pub damage: Vec<String>,
    pub phantom: u64,
    pub corrupt: u64,
    /// Records sent without an answer that arrived.
    pub of_unknown: u64,
    pub phantoms: Vec<Stray>,
    pub corrupts: Vec<Stray>,
    pub latency: Option<(Histogram<u64>, Histogram<u64>)>,
    /// Of a source that makes its own sequence: how many records of each lane there must be.
    pub below: Vec<u64>,
}

/// Strays kept with their position; those beyond are counted only.
const MOST_STRAYS: usize = 1_000_000;

/// What came before a tap.
pub(super) struct Before<'a> {
    pub feed: Option<&'a FeedFacts>,
    /// The first tap, when this one is behind it and there is no feed.
    pub origin: Option<&'a TapFacts>,
    /// The copies that the connector was given.
    pub given: Option<&'a TapFacts>,
}

/// Reads a tap.
pub(super) fn tap(
    places: &dyn Places,
    place: &str,
    frame: &Frame,
    before: &Before<'_>,
    cuts: Cuts,
    watch: BTreeMap<u32, BTreeSet<u64>>,
) -> TapFacts {
    let mut facts = TapFacts::new(frame, before.feed.is_some(), cuts);
    for (lane, numbers) in watch {
        if let Some(lane) = facts.lanes.get_mut(lane as usize) {
            lane.watched_at = vec![None; numbers.len()];
            lane.watch = numbers.into_iter().collect();
        }
    }
    let damage = each_batch(places, place, |batch| facts.batch(batch, frame, before));
    facts.damage.extend(damage);
    facts.finish(frame);
    facts
}

/// What a record of ours at a tap is.
enum Class {
    Expected,
    Unknown,
    Phantom,
}

impl Before<'_> {
    #[inline]
    fn class(&self, lane: u32, sequence: u64) -> Class {
        if let Some(feed) = self.feed {
            let lane = &feed.lanes[lane as usize];
            if lane.expected.contains(sequence) {
                Class::Expected
            } else if !lane.unknown.is_empty() && lane.unknown.contains(sequence) {
                Class::Unknown
            } else {
                Class::Phantom
            }
        } else {
            let below = self
                .origin
                .and_then(|origin| origin.below.get(lane as usize).copied());
            if sequence < below.unwrap_or(MOST_GENERATED) {
                Class::Expected
            } else {
                Class::Phantom
            }
        }
    }

    fn was_reordered(&self, lane: u32, sequence: u64) -> bool {
        self.given
            .and_then(|tap| tap.lanes.get(lane as usize))
            .is_some_and(|lane| lane.reordered.contains(&sequence))
    }
}

impl TapFacts {
    fn new(frame: &Frame, fed: bool, cuts: Cuts) -> Self {
        let lane = |_| TapLane {
            arrivals: vec![0; frame.grid.count],
            advanced: vec![0; frame.grid.count],
            ..TapLane::default()
        };
        let histogram = || Histogram::new_with_bounds(1, LONGEST_LATENCY_US, 3).ok();
        Self {
            lanes: (0..frame.lanes).map(lane).collect(),
            cuts,
            rows: 0,
            consistency: Consistency::default(),
            whole: 0,
            damage: Vec::new(),
            phantom: 0,
            corrupt: 0,
            of_unknown: 0,
            phantoms: Vec::new(),
            corrupts: Vec::new(),
            latency: if fed {
                histogram().zip(histogram())
            } else {
                None
            },
            below: Vec::new(),
        }
    }

    fn batch(&mut self, batch: &Batch, frame: &Frame, before: &Before<'_>) {
        self.rows += batch.len() as u64;
        self.consistency.look(batch, |lane, sequence| {
            before.feed?.lanes.get(lane as usize)?.sent_us(sequence)
        });
        for i in 0..batch.len() {
            match ObservationKind::from_code(batch.kind[i]) {
                Some(ObservationKind::Whole) => self.whole(batch, i, frame, before),
                Some(kind @ (ObservationKind::Corrupt | ObservationKind::Foreign)) => {
                    self.stray(batch, i, None, kind == ObservationKind::Corrupt);
                }
                Some(ObservationKind::Refused | ObservationKind::Unknown) | None => {
                    let why = "a tap's observation file has rows of a kind that a tap cannot have";
                    if self.damage.is_empty() {
                        self.damage.push(why.to_owned());
                    }
                }
            }
        }
    }

    fn stray(&mut self, batch: &Batch, i: usize, record: Option<(u32, u64)>, corrupt: bool) {
        let stray = Stray {
            at_us: batch.at_us[i],
            partition: batch.partition[i],
            position: batch.position[i],
            record,
        };
        self.cuts.touch(stray.partition, stray.position);
        let (count, list) = if corrupt {
            (&mut self.corrupt, &mut self.corrupts)
        } else {
            (&mut self.phantom, &mut self.phantoms)
        };
        *count += 1;
        if list.len() < MOST_STRAYS {
            list.push(stray);
        }
    }

    #[inline]
    fn whole(&mut self, batch: &Batch, i: usize, frame: &Frame, before: &Before<'_>) {
        let (lane, sequence, at_us) = (batch.lane[i], batch.sequence[i], batch.at_us[i]);
        self.whole += 1;
        if lane as usize >= frame.lanes {
            return self.stray(batch, i, Some((lane, sequence)), false);
        }
        let class = before.class(lane, sequence);
        if let Class::Phantom = class {
            return self.stray(batch, i, Some((lane, sequence)), false);
        }
        let facts = &mut self.lanes[lane as usize];
        let so_far = LaneAt {
            rows: facts.arrived,
            high: facts.highest,
        };
        self.cuts.row(
            (lane, sequence),
            batch.partition[i],
            batch.position[i],
            so_far,
        );
        facts.tick(at_us, frame);
        if facts.seen.insert(sequence) {
            facts.arrivals[frame.grid.index(at_us)] += 1;
            facts.advanced[frame.grid.index(at_us)] += beyond(facts.highest, sequence);
            let unknown = matches!(class, Class::Unknown);
            self.of_unknown += u64::from(unknown);
            // Also where the feed had no answer: its producer is idempotent, so what the brokers took stands in order.
            facts.first_sighting(lane, sequence, at_us, before);
            if sequence.is_multiple_of(SAMPLE) {
                self.sample(lane, sequence, at_us, frame, before);
            }
        } else {
            facts.repeat(sequence, at_us);
        }
    }

    fn sample(&mut self, lane: u32, sequence: u64, at_us: u64, frame: &Frame, before: &Before<'_>) {
        let sent = before
            .feed
            .and_then(|feed| feed.lanes[lane as usize].sent_us(sequence));
        let (Some(sent), Some((calm, all))) = (sent, &mut self.latency) else {
            return;
        };
        let latency = at_us.saturating_sub(sent).max(1);
        all.saturating_record(latency);
        let in_baseline = |(from, to): (u64, u64)| from <= sent && at_us <= to;
        if frame.baseline.is_some_and(in_baseline) {
            calm.saturating_record(latency);
        }
    }

    fn finish(&mut self, frame: &Frame) {
        for lane in &mut self.lanes {
            let last = Snap {
                high: lane.highest,
                next_at: None,
                arrived: lane.arrived,
                passed: None,
            };
            lane.snaps.resize(frame.moments.len(), last);
        }
    }

    /// Expected of a lane at this tap.
    pub(super) fn expected<'a>(
        &'a self,
        lane: usize,
        feed: Option<&'a FeedFacts>,
        origin: Option<&TapFacts>,
    ) -> Expected<'a> {
        match feed.and_then(|feed| feed.lanes.get(lane)) {
            Some(fed) => Expected::Set(&fed.expected),
            None => {
                let below = origin.map_or(&self.below, |origin| &origin.below);
                Expected::Below(below.get(lane).copied().unwrap_or(0))
            }
        }
    }
}

impl TapLane {
    #[inline]
    fn tick(&mut self, at_us: u64, frame: &Frame) {
        while self.snaps.len() < frame.moments.len() && frame.moments[self.snaps.len()] < at_us {
            self.snaps.push(Snap {
                high: self.highest,
                next_at: Some(at_us),
                arrived: self.arrived,
                passed: None,
            });
        }
        self.arrived += 1;
        if let Some(last) = self.last_at {
            let silence = at_us.saturating_sub(last);
            if silence > frame.gap_us {
                self.gaps.push((last, at_us));
            }
            if let Some((from, to)) = frame.baseline
                && last >= from
                && at_us <= to
            {
                self.baseline_gap_us = self.baseline_gap_us.max(silence);
            }
        }
        self.last_at = Some(self.last_at.map_or(at_us, |last| last.max(at_us)));
    }

    #[inline]
    fn first_sighting(&mut self, lane: u32, sequence: u64, at_us: u64, before: &Before<'_>) {
        if self.highest.is_some_and(|highest| sequence <= highest) {
            self.reordered.insert(sequence);
            let own = !before.was_reordered(lane, sequence);
            self.own_reordered += u64::from(own);
            if let Ok(found) = self.watch.binary_search(&sequence) {
                self.watched_at[found] = Some(at_us);
            }
            return;
        }
        let row = self.arrived - 1;
        // As many copies as numbers that never came would put the row where it would be without either.
        let follows = self.highest.and_then(|high| high.checked_add(1)) == Some(sequence);
        let goes_on =
            |open: &Stride| follows && row.wrapping_sub(open.row) == sequence - open.first;
        if !self.strides.last().is_some_and(goes_on) {
            self.begin_stride(sequence, row);
        }
        self.highest = Some(sequence);
        for snap in &mut self.snaps[self.unpassed..] {
            snap.passed = Some(row);
        }
        self.unpassed = self.snaps.len();
        while let Some(next) = self.watch.get(self.watch_next)
            && *next <= sequence
        {
            if *next == sequence {
                self.watched_at[self.watch_next] = Some(at_us);
            }
            self.watch_next += 1;
        }
    }

    fn begin_stride(&mut self, sequence: u64, row: u64) {
        if let (Some(open), Some(highest)) = (self.strides.last_mut(), self.highest) {
            open.last = highest;
        }
        self.strides.push(Stride {
            first: sequence,
            last: u64::MAX,
            row,
        });
    }

    /// The highest number that had arrived before a row that is a copy.
    pub(super) fn high_before(&self, row: u64) -> Option<u64> {
        let next = self.strides.partition_point(|stride| stride.row < row);
        let stride = self.strides.get(next.checked_sub(1)?)?;
        self.highest.map(|highest| highest.min(stride.last))
    }

    /// Which row first brought a number beyond this one.
    pub(super) fn first_beyond(&self, number: u64) -> Option<u64> {
        let at = self.strides.partition_point(|stride| stride.last <= number);
        let stride = self.strides.get(at)?;
        let wanted = stride.first.max(number + 1);
        let there = self.highest.is_some_and(|highest| wanted <= highest);
        there.then(|| stride.row + (wanted - stride.first))
    }

    /// Notes a repeat: the row that was counted last.
    fn repeat(&mut self, sequence: u64, at_us: u64) {
        self.extra_copies += 1;
        self.repeated.insert(sequence);
        let row = self.arrived - 1;
        if let Some(open) = self.copies.last_mut()
            && open.last.checked_add(1) == Some(sequence)
            && open.row + (sequence - open.first) == row
            && at_us.saturating_sub(open.at_us) <= LONGEST_RUN_US
        {
            open.last = sequence;
            open.until_us = open.until_us.max(at_us);
            return;
        }
        self.copies.push(CopyRun {
            first: sequence,
            last: sequence,
            row,
            at_us,
            until_us: at_us,
        });
    }

    /// When a watched record first arrived.
    pub(super) fn watched(&self, sequence: u64) -> Option<u64> {
        let at = self.watch.binary_search(&sequence).ok()?;
        self.watched_at[at]
    }
}

#[cfg(test)]
mod tests {
    use super::{Before, CopyRun, TapLane};

    #[test]
    fn the_records_of_a_run_of_copies_are_timed_evenly_between_its_ends() {
        let run = CopyRun {
            first: 10,
            last: 14,
            row: 7,
            at_us: 1_000,
            until_us: 1_400,
        };
        let arrivals = [10, 11, 14].map(|sequence| run.arrival(sequence));
        assert_eq!(arrivals, [(7, 1_000), (8, 1_100), (11, 1_400)]);
        let alone = CopyRun {
            last: 10,
            until_us: 1_000,
            ..run
        };
        assert_eq!(alone.arrival(10), (7, 1_000));
    }

    #[test]
    fn the_row_that_first_brought_a_number_is_known_by_the_strides_of_its_lane() {
        let before = Before {
            feed: None,
            origin: None,
            given: None,
        };
        let mut lane = TapLane::default();
        for sequence in [5, 6, 7, 10, 11] {
            lane.arrived += 1;
            lane.first_sighting(0, sequence, 0, &before);
        }
        let rows = [4, 5, 6, 7, 9, 10, 11].map(|number| lane.first_beyond(number));
        let expected = [0, 1, 2, 3, 3, 4].map(Some);
        assert_eq!((&rows[..6], rows[6]), (&expected[..], None));
        // One copy, and 12 and 13; two copies in place of 14 and 15, and 16.
        for (copies, sequence) in [(1, 12), (0, 13), (2, 16)] {
            lane.arrived += copies + 1;
            lane.first_sighting(0, sequence, 0, &before);
        }
        let rows = [11, 12, 13].map(|number| lane.first_beyond(number));
        assert_eq!(rows, [6, 7, 10].map(Some));
    }
}
