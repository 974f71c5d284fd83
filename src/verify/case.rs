//! The case: all evidence after one pass over each place, ready for the questions that are asked of it.

use std::collections::{BTreeMap, BTreeSet};

use crate::journal::RunInfo;
use crate::model::Moment;

use super::commits::CommitKey;
use super::cuts::{Cuts, LaneAt};
use super::evidence::Evidence;
use super::history::{FaultStory, History};
use super::leg::{IN_FLIGHT_US, Leg};
use super::load::Load;
use super::marks::{FaultMarks, marks};
use super::members;
use super::pass::{
    self, Before, FeedFacts, Frame, Grid, MOST_GENERATED, MOST_LANES, Snap, TapFacts,
};
use super::seen::{Expected, missing};
use super::standstill::{self, Standstill};
use super::stretch::{self, Nature, Stretch};

/// Silences shorter than this are not looked at.
const LEAST_GAP_US: u64 = 200_000;

/// Everything that is known after reading.
pub(super) struct Case<'a> {
    pub evidence: &'a Evidence<'a>,
    pub info: &'a RunInfo,
    pub history: History<'a>,
    /// What others took of this machine.
    pub load: Load,
    pub legs: Vec<Leg<'a>>,
    pub marks: Vec<FaultMarks>,
    /// What each fault lets each task repeat.
    pub stretches: Vec<Stretch>,
    /// When taps were not looked at, or nothing was fed.
    pub stills: Vec<Standstill>,
    pub frame: Frame,
    pub feed: Option<FeedFacts>,
    pub taps: Vec<TapFacts>,
    /// Per leg: the same tap read with aborted records, for an exactly-once source.
    pub uncommitted: Vec<Option<TapFacts>>,
}

impl<'a> Case<'a> {
    /// Reads everything once.
    pub(super) fn read(evidence: &'a Evidence<'a>) -> Self {
        let mut history = History::read(evidence);
        members::resolve(&mut history, evidence.info);
        let legs = Leg::all(evidence.info, &history);
        let marks = marks(&history);
        let stretches = stretch::all(&legs, &history, evidence.info);
        let events = &evidence.log.events;
        let stills = standstill::all(evidence.info, &history, &legs, events);
        let frame = frame(evidence.info, &history, &legs, &marks, &stretches);
        let load = Load::of(&evidence.log.events, history.baseline());
        let mut case = Self {
            evidence,
            info: evidence.info,
            history,
            load,
            legs,
            marks,
            stretches,
            stills,
            frame,
            feed: None,
            taps: Vec::new(),
            uncommitted: Vec::new(),
        };
        if let Some(place) = case.info.scenario.route.feed() {
            let cuts = case.cuts_for(0);
            let name = place.name.as_str();
            case.feed = Some(pass::feed(evidence.places, name, &case.frame, cuts));
        }
        for leg in 0..case.legs.len() {
            let (tap, uncommitted) = case.read_tap(leg);
            case.taps.push(tap);
            case.uncommitted.push(uncommitted);
        }
        if let Some(feed) = &mut case.feed {
            feed.expect_seen(&case.taps);
        }
        case
    }

    fn read_tap(&self, leg: usize) -> (TapFacts, Option<TapFacts>) {
        let before = Before {
            feed: self.feed.as_ref(),
            origin: self.taps.first(),
            given: self.given(leg),
        };
        let name = self.legs[leg].tap.name.as_str();
        let read = |name: &str, cuts, watch| {
            pass::tap(
                self.evidence.places,
                name,
                &self.frame,
                &before,
                cuts,
                watch,
            )
        };
        let mut facts = read(name, self.cuts_for(leg + 1), self.watch_for(leg));
        let said_us = self.legs[leg].tap.silent_for_ms.unwrap_or(0) * 1_000;
        for lane in &mut facts.lanes {
            lane.baseline_gap_us = lane.baseline_gap_us.max(said_us);
        }
        if self.feed.is_none() && leg == 0 {
            facts.below = self.generated(&facts);
        }
        let uncommitted = format!("{name}!uncommitted");
        let wanted = self.legs[leg].exactly_once && self.written(&uncommitted);
        let all = wanted.then(|| read(&uncommitted, self.cuts_for(leg + 1), BTreeMap::new()));
        (facts, all)
    }

    /// Whether the run says that it wrote this file, or has written something under its name.
    fn written(&self, name: &str) -> bool {
        let said = self
            .history
            .ended
            .as_ref()
            .is_some_and(|end| end.rows.keys().any(|place| place.as_str() == name));
        said || self
            .evidence
            .places
            .batches(name)
            .is_ok_and(|mut batches| batches.next().is_some_and(|first| first.is_ok()))
    }

    /// Of a source that makes its own sequence: all up to the highest that arrived or that it has committed.
    fn generated(&self, tap: &TapFacts) -> Vec<u64> {
        let highest = |lane: &pass::TapLane| lane.highest.map_or(0, |highest| highest + 1);
        let mut below: Vec<u64> = tap.lanes.iter().map(highest).collect();
        for commit in &self.legs[0].commits.list {
            if let (CommitKey::Lane(lane), Some(next)) = (commit.key, commit.next)
                && let Some(known) = below.get_mut(lane as usize)
                && next < MOST_GENERATED
            {
                *known = next.max(*known);
            }
        }
        below
    }

    /// The cuts to make in the input of a leg; nothing to cut behind the last one.
    fn cuts_for(&self, leg: usize) -> Cuts {
        let Some(leg) = self.legs.get(leg) else {
            return Cuts::new(&[], &[], self.frame.lanes);
        };
        let partition = |key| match key {
            CommitKey::Partition(partition) => Some(partition),
            CommitKey::Lane(_) => None,
        };
        let named: Vec<(i32, u64)> = leg
            .commits
            .list
            .iter()
            .filter_map(|commit| Some((partition(commit.key)?, commit.next?)))
            .collect();
        let partitions: BTreeSet<i32> = leg
            .commits
            .keys()
            .into_iter()
            .filter_map(partition)
            .collect();
        let mut starts: Vec<(i32, u64)> = Vec::new();
        for stretch in self.stretches.iter().filter(|s| s.leg == leg.index) {
            let start = |p: &i32| (*p, self.certain(stretch, CommitKey::Partition(*p)));
            starts.extend(partitions.iter().map(start));
        }
        Cuts::new(&named, &starts, self.frame.lanes)
    }

    /// The position that was committed for certain when a stretch began: 0 where nothing was. While a zombie is about that
    /// may commit backwards, no commit of a source is certain but the one before it.
    pub(super) fn certain(&self, stretch: &Stretch, key: CommitKey) -> u64 {
        let leg = &self.legs[stretch.leg];
        let own = leg.commits.certain_at(key, stretch.struck);
        let guarded = leg.connector.direction == crate::model::Direction::Sink;
        let zombies = self.stretches.iter().filter(|zombie| {
            !guarded
                && zombie.leg == stretch.leg
                && zombie.nature == Nature::Zombie
                && zombie.struck < stretch.struck
                && zombie.settled >= stretch.struck
        });
        zombies
            .map(|zombie| leg.commits.certain_at(key, zombie.struck))
            .fold(own, u64::min)
    }

    /// The records that commits of a leg name: their arrival behind it is timed.
    fn watch_for(&self, leg: usize) -> BTreeMap<u32, BTreeSet<u64>> {
        let mut watch: BTreeMap<u32, BTreeSet<u64>> = BTreeMap::new();
        for commit in &self.legs[leg].commits.list {
            let Some(next) = commit.next else { continue };
            if let Some((lane, sequence)) = self.named(leg, commit.key, next) {
                watch.entry(lane).or_default().insert(sequence);
            }
        }
        watch
    }

    /// What the connector of a leg was given, where it reads from a tap: with aborted records, where it reads these too.
    pub(super) fn given(&self, leg: usize) -> Option<&TapFacts> {
        let before = leg.checked_sub(1)?;
        let reads_all = !super::settings::reads_committed(self.info, self.legs[leg].connector);
        let all = self.uncommitted.get(before)?.as_ref();
        all.filter(|_| reads_all).or(self.taps.get(before))
    }

    /// Positions in the input of a leg.
    pub(super) fn input_cuts(&self, leg: usize) -> Option<&Cuts> {
        match leg {
            0 => self.feed.as_ref().map(|feed| &feed.cuts),
            _ => self.given(leg).map(|tap| &tap.cuts),
        }
    }

    /// The last record that a committed position leaves behind it.
    pub(super) fn named(&self, leg: usize, key: CommitKey, next: u64) -> Option<(u32, u64)> {
        match key {
            CommitKey::Lane(lane) => next.checked_sub(1).map(|sequence| (lane, sequence)),
            CommitKey::Partition(partition) => self.input_cuts(leg)?.named(partition, next),
        }
    }

    /// How far a lane had come in the input at a committed position; `None` when nothing of it follows there.
    pub(super) fn start(
        &self,
        leg: usize,
        lane: u32,
        (key, next): (CommitKey, u64),
    ) -> Option<LaneAt> {
        let begin = LaneAt {
            rows: 0,
            high: None,
        };
        match key {
            CommitKey::Lane(_) => Some(LaneAt {
                rows: next,
                high: next.checked_sub(1),
            }),
            CommitKey::Partition(_) if next == 0 => Some(begin),
            CommitKey::Partition(_) => self.input_cuts(leg)?.start(lane, next),
        }
    }

    /// The partition of the input that holds a lane.
    pub(super) fn input_partition(&self, leg: usize, lane: u32) -> Option<i32> {
        self.input_cuts(leg)?.partition_of(lane)
    }

    /// What must be at a tap, of one lane.
    pub(super) fn expected(&self, leg: usize, lane: usize) -> Expected<'_> {
        let origin = self.taps.first();
        self.taps[leg].expected(lane, self.feed.as_ref(), origin)
    }

    /// Ranges of a lane that are missing at a tap.
    pub(super) fn missing(&self, leg: usize, lane: usize) -> Vec<(u64, u64)> {
        missing(self.expected(leg, lane), &self.taps[leg].lanes[lane].seen)
    }

    /// Ranges of a lane that are missing at a tap and were there before its connector.
    pub(super) fn own_missing(&self, leg: usize, lane: usize) -> Vec<(u64, u64)> {
        match leg.checked_sub(1) {
            None => self.missing(leg, lane),
            Some(before) => missing(
                Expected::Set(&self.taps[before].lanes[lane].seen),
                &self.taps[leg].lanes[lane].seen,
            ),
        }
    }

    /// The state of a lane at a tap at one of the frame's moments.
    pub(super) fn snap(&self, leg: usize, lane: usize, at: Moment) -> Snap {
        self.frame
            .moments
            .binary_search(&at.0)
            .ok()
            .and_then(|index| self.taps[leg].lanes[lane].snaps.get(index).copied())
            .unwrap_or_default()
    }

    /// Whether the drain was finished, so that what is missing is lost.
    pub(super) fn drained(&self) -> bool {
        matches!(self.history.drain, Some((true, _)))
    }

    /// Whether a task belongs to a connector of the route.
    pub(super) fn is_ours(&self, task: &crate::model::TaskId) -> bool {
        let mut legs = self.legs.iter();
        legs.any(|leg| leg.connector.name == task.connector)
    }

    /// Records of one lane in a second, as the scenario asks for (or as measured, for a source of its own).
    pub(super) fn lane_rate(&self) -> f64 {
        let stream = &self.info.scenario.stream;
        let rate = match self.feed {
            Some(_) => stream.rate_per_second as f64,
            None => self
                .history
                .baseline_rate
                .unwrap_or_else(|| self.rate_in_baseline()),
        };
        rate / f64::from(stream.lanes.max(1))
    }

    /// Records in a second at the first tap while nothing disturbed it.
    fn rate_in_baseline(&self) -> f64 {
        let (Some(tap), Some((from, to))) = (self.taps.first(), self.frame.baseline) else {
            return 0.0;
        };
        let grid = self.frame.grid;
        let (first, last) = (grid.index(from), grid.index(to));
        let arrived = |lane: &pass::TapLane| -> u64 {
            let buckets = lane.arrivals[first..=last].iter();
            buckets.map(|count| u64::from(*count)).sum()
        };
        let all: u64 = tap.lanes.iter().map(arrived).sum();
        let seconds = (last - first + 1) as f64 * grid.bucket_us as f64 / 1e6;
        all as f64 / seconds
    }

    /// Everything expected at a tap.
    pub(super) fn expected_count(&self, leg: usize) -> u64 {
        (0..self.frame.lanes)
            .map(|lane| self.expected(leg, lane).count())
            .sum()
    }
}

/// Where the time begins that the flush interval promises to cover, counted back from the signal: from then on the tasks
/// that it took committed no more. Where another fault was not over then, they may not have committed since that one came.
pub(super) fn promise_begins(leg: &Leg<'_>, stretch: &Stretch, stretches: &[Stretch]) -> Moment {
    let promise_us = promise_us(leg);
    let mut from = stretch.struck.0.saturating_sub(promise_us);
    let mut others: Vec<&Stretch> = stretches
        .iter()
        .filter(|other| other.leg == stretch.leg && other.struck < stretch.struck)
        .collect();
    others.sort_by_key(|other| std::cmp::Reverse(other.struck));
    for other in others {
        if other.settled.0.saturating_add(promise_us) >= from {
            from = from.min(other.struck.0.saturating_sub(promise_us));
        }
    }
    Moment(from)
}

/// Flush interval, commit time and flight together, in microseconds.
pub(super) fn promise_us(leg: &Leg<'_>) -> u64 {
    leg.flush_interval_ms
        .saturating_add(leg.commit_ms)
        .saturating_mul(1_000)
        .saturating_add(IN_FLIGHT_US)
}

/// The moments at which lanes must be looked at to say what a stretch lets a connector repeat.
fn moments_of(
    stretch: &Stretch,
    stretches: &[Stretch],
    legs: &[Leg<'_>],
    history: &History<'_>,
) -> impl Iterator<Item = Moment> {
    let fault = stretch.fault().map(|fault| &history.faults[fault]);
    let promised = promise_begins(&legs[stretch.leg], stretch, stretches);
    let began = fault.and_then(FaultStory::began);
    let own = [
        stretch.struck,
        stretch.opens,
        stretch.settled,
        stretch.flight_began(),
        promised,
    ];
    let counts = stretch.nature != Nature::Nothing;
    let all = own.into_iter().chain(began);
    all.filter(move |_| counts)
}

fn frame(
    info: &RunInfo,
    history: &History<'_>,
    legs: &[Leg<'_>],
    marks: &[FaultMarks],
    stretches: &[Stretch],
) -> Frame {
    let lanes = info.scenario.stream.lanes.min(MOST_LANES) as usize;
    let of_stretches = stretches
        .iter()
        .flat_map(|s| moments_of(s, stretches, legs, history));
    let mut moments: Vec<u64> = of_stretches.map(|at| at.0).collect();
    moments.extend(marks.iter().flat_map(FaultMarks::moments).map(|at| at.0));
    let calm = legs.iter().map(|leg| leg.tap.silent_for_ms);
    moments.extend(calm.filter_map(|silent| Some(history.before_any_fault(silent)?.0)));
    moments.sort_unstable();
    moments.dedup();
    let rate = info.scenario.stream.rate_per_second as f64 / lanes.max(1) as f64;
    let period_us = if rate > 0.0 { 1e6 / rate } else { 0.0 };
    Frame {
        lanes,
        grid: Grid::new(history.end, lanes),
        moments,
        baseline: history.baseline().map(|(from, to)| (from.0, to.0)),
        gap_us: LEAST_GAP_US.max((period_us * 4.0) as u64),
    }
}
