//! One pass over the rows of a place: each row is looked at once, and only what is out of the ordinary is kept.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use hdrhistogram::Histogram;
use roaring::RoaringTreemap;

use crate::journal::{Batch, ObservationKind, Places};
use crate::model::Moment;

use super::cuts::Cuts;
use super::seen::{Expected, SeenSet};

/// Of a source that makes its own sequence, numbers from here on are taken as nonsense: no run sends so many.
pub(super) const MOST_GENERATED: u64 = 1 << 40;
/// Every this many sequence numbers one is followed for its latency.
const SAMPLE: u64 = 64;
/// Longer latencies count as this one: an hour.
const LONGEST_LATENCY_US: u64 = 3_600_000_000;
/// Silences kept for one lane.
const MOST_GAPS: usize = 4_096;
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
    pub acked: SeenSet,
    pub unknown: RoaringTreemap,
    pub refused: RoaringTreemap,
    pub highest: Option<u64>,
    pub sends: Vec<u32>,
    sampled_us: Vec<u64>,
}

/// What became of the feed.
#[derive(Debug, Default)]
pub(super) struct FeedFacts {
    pub lanes: Vec<FeedLane>,
    pub cuts: Cuts,
    pub rows: u64,
    pub damage: Vec<String>,
    /// Acknowledged more than once: the harness itself has sent twice.
    pub twice: u64,
    pub last_position: Option<u64>,
}

impl FeedFacts {
    pub(super) fn acked(&self) -> u64 {
        self.lanes.iter().map(|lane| lane.acked.len()).sum()
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
        .for_each(|lane| lane.sends = vec![0; frame.grid.count]);
    let damage = each_batch(places, place, |batch| facts.batch(batch, frame));
    facts.damage.extend(damage);
    facts
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
        for i in 0..batch.len() {
            let (lane, sequence) = (batch.lane[i], batch.sequence[i]);
            let Some(facts) = self.lanes.get_mut(lane as usize) else {
                self.damage_once("names a lane that the stream does not have");
                continue;
            };
            match ObservationKind::from_code(batch.kind[i]) {
                Some(ObservationKind::Whole) => {
                    facts.sends[frame.grid.index(batch.at_us[i])] += 1;
                    self.twice += u64::from(!facts.take(sequence, batch.at_us[i]));
                    let (partition, position) = (batch.partition[i], batch.position[i]);
                    self.cuts.row((lane, sequence), partition, position, None);
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
        if sequence.is_multiple_of(SAMPLE) {
            let at = usize::try_from(sequence / SAMPLE).unwrap_or(usize::MAX);
            if at < self.sampled_us.len().saturating_add(1_024) {
                if at >= self.sampled_us.len() {
                    self.sampled_us.resize(at + 1, u64::MAX);
                }
                self.sampled_us[at] = at_us;
            }
        }
        self.acked.insert(sequence)
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
}

/// A run of own copies of consecutive records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    pub lane: u32,
    pub first: u64,
    pub last: u64,
    pub at_us: u64,
    /// The highest sequence number of the lane when the run began.
    pub high: u64,
    /// The same two of a copy that came earlier and counts as given: this one may be the given one instead.
    pub earlier: Option<(u64, u64)>,
}

/// One lane at a tap.
#[derive(Debug, Default)]
pub(super) struct TapLane {
    pub seen: SeenSet,
    /// Copies beyond the first.
    pub extra: BTreeMap<u64, u32>,
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
    pub last_at: Option<u64>,
    open: Option<Run>,
    /// When copies came that count as given, with the highest number of the lane then, by sequence number.
    given: HashMap<u64, VecDeque<(u64, u64)>>,
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
    pub whole: u64,
    pub damage: Vec<String>,
    pub phantom: u64,
    pub corrupt: u64,
    pub of_unknown: u64,
    pub phantoms: Vec<Stray>,
    pub corrupts: Vec<Stray>,
    pub runs: Vec<Run>,
    pub latency: Option<(Histogram<u64>, Histogram<u64>)>,
    /// Of a source that makes its own sequence: how many records of each lane there must be.
    pub below: Vec<u64>,
}

/// Strays kept with their position.
const MOST_STRAYS: usize = 1_000;

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
            if lane.acked.contains(sequence) {
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

    fn given(&self, lane: u32, sequence: u64) -> u32 {
        self.given
            .and_then(|tap| tap.lanes.get(lane as usize)?.extra.get(&sequence).copied())
            .unwrap_or(0)
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
            ..TapLane::default()
        };
        let histogram = || Histogram::new_with_bounds(1, LONGEST_LATENCY_US, 3).ok();
        Self {
            lanes: (0..frame.lanes).map(lane).collect(),
            cuts,
            rows: 0,
            whole: 0,
            damage: Vec::new(),
            phantom: 0,
            corrupt: 0,
            of_unknown: 0,
            phantoms: Vec::new(),
            corrupts: Vec::new(),
            runs: Vec::new(),
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
        let rewound = facts.highest.is_some_and(|highest| sequence <= highest);
        self.cuts.row(
            (lane, sequence),
            batch.partition[i],
            batch.position[i],
            rewound.then_some(at_us),
        );
        facts.tick(at_us, frame);
        if let Class::Unknown = class {
            self.of_unknown += 1;
            return;
        }
        if facts.seen.insert(sequence) {
            facts.arrivals[frame.grid.index(at_us)] += 1;
            facts.first_sighting(lane, sequence, at_us, rewound, before);
            self.runs.extend(facts.open.take());
            if sequence.is_multiple_of(SAMPLE) {
                self.sample(lane, sequence, at_us, frame, before);
            }
        } else {
            let run = facts.repeat(lane, sequence, at_us, before);
            self.runs.extend(run);
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
            self.runs.extend(lane.open.take());
            let last = Snap {
                high: lane.highest,
                next_at: None,
                arrived: lane.arrived,
            };
            lane.snaps.resize(frame.moments.len(), last);
        }
        self.runs
            .sort_by_key(|run| (run.at_us, run.lane, run.first));
    }

    /// Expected of a lane at this tap.
    pub(super) fn expected<'a>(
        &'a self,
        lane: usize,
        feed: Option<&'a FeedFacts>,
        origin: Option<&TapFacts>,
    ) -> Expected<'a> {
        match feed.and_then(|feed| feed.lanes.get(lane)) {
            Some(fed) => Expected::Set(&fed.acked),
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
            });
        }
        self.arrived += 1;
        if let Some(last) = self.last_at {
            let silence = at_us.saturating_sub(last);
            if silence > frame.gap_us && self.gaps.len() < MOST_GAPS {
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
    fn first_sighting(
        &mut self,
        lane: u32,
        sequence: u64,
        at_us: u64,
        rewound: bool,
        before: &Before<'_>,
    ) {
        if rewound {
            self.reordered.insert(sequence);
            self.own_reordered += u64::from(!before.was_reordered(lane, sequence));
        } else {
            self.highest = Some(sequence);
        }
        if rewound {
            if let Ok(found) = self.watch.binary_search(&sequence) {
                self.watched_at[found] = Some(at_us);
            }
            return;
        }
        while let Some(next) = self.watch.get(self.watch_next)
            && *next <= sequence
        {
            if *next == sequence {
                self.watched_at[self.watch_next] = Some(at_us);
            }
            self.watch_next += 1;
        }
    }

    /// Notes a repeat; returns the run that it ends.
    fn repeat(&mut self, lane: u32, sequence: u64, at_us: u64, before: &Before<'_>) -> Option<Run> {
        let copies = self.extra.entry(sequence).or_insert(0);
        *copies = copies.saturating_add(1);
        let high = self.highest.unwrap_or(sequence);
        if *copies <= before.given(lane, sequence) {
            self.given
                .entry(sequence)
                .or_default()
                .push_back((at_us, high));
            return self.open.take();
        }
        // Which copies are the given ones is not known, only how many: a task that went back repeats first, and comes to
        // the copies that it was given after that.
        let earlier = self.given.get_mut(&sequence).and_then(VecDeque::pop_front);
        if let Some(open) = &mut self.open
            && open.last.checked_add(1) == Some(sequence)
        {
            open.last = sequence;
            return None;
        }
        self.open.replace(Run {
            lane,
            first: sequence,
            last: sequence,
            at_us,
            high,
            earlier,
        })
    }

    /// When a watched record first arrived.
    pub(super) fn watched(&self, sequence: u64) -> Option<u64> {
        let at = self.watch.binary_search(&sequence).ok()?;
        self.watched_at[at]
    }

    pub(super) fn extra_copies(&self) -> u64 {
        self.extra.values().map(|copies| u64::from(*copies)).sum()
    }
}
