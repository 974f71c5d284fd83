//! The case: all evidence after one pass over each place, ready for the questions that are asked of it.

use std::collections::{BTreeMap, BTreeSet};

use crate::journal::RunInfo;
use crate::model::{FaultKind, Moment};

use super::Evidence;
use super::commits::CommitKey;
use super::cuts::Cuts;
use super::history::{FaultStory, History, Victim};
use super::leg::Leg;
use super::marks::{FaultMarks, marks};
use super::pass::{
    self, Before, FeedFacts, Frame, Grid, MOST_GENERATED, MOST_LANES, Snap, TapFacts,
};
use super::seen::{Expected, missing};
use super::zombie::{Allowance, allowance};

/// Records in flight at a kill arrive within this time: producers and consumers hold less than a second of records.
pub(super) const IN_FLIGHT_US: u64 = 1_000_000;
/// Silences shorter than this are not looked at.
const LEAST_GAP_US: u64 = 200_000;

/// Everything that is known after reading.
pub(super) struct Case<'a> {
    pub evidence: &'a Evidence<'a>,
    pub info: &'a RunInfo,
    pub history: History<'a>,
    pub legs: Vec<Leg<'a>>,
    pub marks: Vec<FaultMarks>,
    pub frame: Frame,
    pub feed: Option<FeedFacts>,
    pub taps: Vec<TapFacts>,
    /// Per leg: the same tap read with aborted records, for an exactly-once source.
    pub uncommitted: Vec<Option<TapFacts>>,
}

impl<'a> Case<'a> {
    /// Reads everything once.
    pub(super) fn read(evidence: &'a Evidence<'a>) -> Self {
        let history = History::read(evidence);
        let legs = Leg::all(evidence.info, &history);
        let marks = marks(&history, evidence.info);
        let frame = frame(evidence.info, &history, &legs, &marks);
        let mut case = Self {
            evidence,
            info: evidence.info,
            history,
            legs,
            marks,
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
        case
    }

    fn read_tap(&self, leg: usize) -> (TapFacts, Option<TapFacts>) {
        let given = leg.checked_sub(1).map(|before| {
            let reads_all = !super::settings::reads_committed(self.info, self.legs[leg].connector);
            let all = self.uncommitted[before].as_ref().filter(|_| reads_all);
            all.unwrap_or(&self.taps[before])
        });
        let before = Before {
            feed: self.feed.as_ref(),
            origin: self.taps.first(),
            given,
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
        if self.feed.is_none() && leg == 0 {
            facts.below = self.generated(&facts);
        }
        let uncommitted = format!("{name}!uncommitted");
        let wanted = self.legs[leg].exactly_once && self.written(&uncommitted);
        let all = wanted.then(|| {
            read(
                &uncommitted,
                Cuts::new(&[], &[], self.frame.lanes),
                BTreeMap::new(),
            )
        });
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
        let index = leg.index;
        let mut starts: Vec<(i32, (u64, u64))> = Vec::new();
        let partitions: BTreeSet<i32> = leg
            .commits
            .keys()
            .into_iter()
            .filter_map(partition)
            .collect();
        let faults = self.history.faults.iter().enumerate();
        let victims = faults.flat_map(|(fault, story)| {
            let of_fault = story.victims.iter();
            of_fault.map(move |victim| (fault, victim))
        });
        for (fault, victim) in victims {
            let Some(acted) = victim.acted else { continue };
            let zombie = match self.allowance(index, fault, victim) {
                Allowance::Zombie { until, .. } => Some(until.0),
                _ => None,
            };
            for read_us in zombie.into_iter().chain([last_read_us(victim)]) {
                let start = |p: &i32| {
                    let next = leg.commits.certain_at(CommitKey::Partition(*p), acted);
                    (*p, (next, read_us))
                };
                starts.extend(partitions.iter().map(start));
            }
        }
        Cuts::new(&named, &starts, self.frame.lanes)
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

    /// Positions in the input of a leg.
    pub(super) fn input_cuts(&self, leg: usize) -> Option<&Cuts> {
        match leg.checked_sub(1) {
            None => self.feed.as_ref().map(|feed| &feed.cuts),
            Some(before) => self.taps.get(before).map(|tap| &tap.cuts),
        }
    }

    /// The last record that a committed position leaves behind it.
    pub(super) fn named(&self, leg: usize, key: CommitKey, next: u64) -> Option<(u32, u64)> {
        match key {
            CommitKey::Lane(lane) => next.checked_sub(1).map(|sequence| (lane, sequence)),
            CommitKey::Partition(partition) => self.input_cuts(leg)?.named(partition, next),
        }
    }

    /// What a fault lets the tasks of a connector repeat that this victim ran.
    pub(super) fn allowance(&self, leg: usize, fault: usize, victim: &Victim) -> Allowance {
        let story = &self.history.faults[fault];
        let marks = &self.marks[fault];
        allowance(&self.legs[leg], story, victim, marks, &self.history)
    }

    /// Where a lane went on, for tasks that read up to this moment in microseconds, from a committed position; `None`
    /// when nothing of it follows there.
    pub(super) fn start(
        &self,
        leg: usize,
        lane: u32,
        (key, next): (CommitKey, u64),
        read_us: u64,
    ) -> Option<u64> {
        match key {
            CommitKey::Lane(_) => Some(next),
            CommitKey::Partition(_) if next == 0 => Some(0),
            CommitKey::Partition(_) => {
                let cuts = self.input_cuts(leg)?;
                cuts.start(lane, (next, read_us))
            }
        }
    }

    /// How many copies of a record beyond the first a connector was given.
    pub(super) fn given(&self, leg: usize, lane: u32, sequence: u64) -> u32 {
        let before = leg.checked_sub(1).and_then(|before| self.taps.get(before));
        before
            .and_then(|tap| tap.lanes.get(lane as usize)?.extra.get(&sequence).copied())
            .unwrap_or(0)
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
            None => self.history.baseline_rate.unwrap_or(0.0),
        };
        rate / f64::from(stream.lanes.max(1))
    }

    /// Everything expected at a tap.
    pub(super) fn expected_count(&self, leg: usize) -> u64 {
        (0..self.frame.lanes)
            .map(|lane| self.expected(leg, lane).count())
            .sum()
    }
}

/// After this nothing that comes to a tap can have been read by the tasks of a victim, in microseconds.
pub(super) fn last_read_us(victim: &Victim) -> u64 {
    let gone = victim.gone().unwrap_or_default();
    gone.0.saturating_add(IN_FLIGHT_US)
}

/// When nothing of what a fault's victims had sent is in flight any more.
pub(super) fn settled_flight(
    leg: &Leg<'_>,
    fault: &FaultStory,
    history: &History<'_>,
) -> Option<Moment> {
    let gone = fault.victims.iter().filter_map(Victim::gone).max()?;
    let slack = Moment(gone.0.saturating_add(IN_FLIGHT_US));
    Some(
        leg.resumed(fault, history)
            .map_or(slack, |at| at.max(slack)),
    )
}

/// Where the stretch begins that the flush interval promises to cover, counted back from the kill.
pub(super) fn promise_begins(leg: &Leg<'_>, fault: &FaultStory) -> Option<Moment> {
    let gone = fault.victims.iter().filter_map(Victim::gone).min()?;
    Some(Moment(gone.0.saturating_sub(promise_us(leg))))
}

/// Flush interval, commit time and flight together, in microseconds.
pub(super) fn promise_us(leg: &Leg<'_>) -> u64 {
    leg.flush_interval_ms
        .saturating_add(leg.commit_ms)
        .saturating_mul(1_000)
        .saturating_add(IN_FLIGHT_US)
}

/// The second before a fault took effect, and the one after it.
pub(super) fn in_flight(fault: &FaultStory) -> Option<(Moment, Moment)> {
    let gone = || fault.victims.iter().filter_map(Victim::gone);
    let (first, last) = (gone().min()?, gone().max()?);
    let before = Moment(first.0.saturating_sub(IN_FLIGHT_US));
    Some((before, Moment(last.0.saturating_add(IN_FLIGHT_US))))
}

/// The moments at which lanes must be looked at to say what a fault lets a connector repeat.
fn moments_of(
    leg: &Leg<'_>,
    fault: &FaultStory,
    marks: &FaultMarks,
    history: &History<'_>,
) -> impl Iterator<Item = Moment> {
    let commits = matches!(fault.kind, FaultKind::Stop { .. })
        && !fault.victims.iter().any(|v| v.killed || !v.late.is_empty());
    let of_kill = [
        settled_flight(leg, fault, history),
        promise_begins(leg, fault),
    ];
    let until = fault.victims.iter().filter_map(|victim| {
        match allowance(leg, fault, victim, marks, history) {
            Allowance::Zombie { until, .. } => Some(until),
            _ => None,
        }
    });
    let flight = in_flight(fault).filter(|_| !fault.kind.ends_process());
    let mut all: Vec<Moment> = until.collect();
    all.extend(of_kill.into_iter().flatten().filter(|_| !commits));
    all.extend(flight.into_iter().flat_map(|(from, to)| [from, to]));
    all.into_iter()
}

fn frame(info: &RunInfo, history: &History<'_>, legs: &[Leg<'_>], marks: &[FaultMarks]) -> Frame {
    let lanes = info.scenario.stream.lanes.min(MOST_LANES) as usize;
    let mut moments: Vec<u64> = Vec::new();
    for (fault, marks) in history.faults.iter().zip(marks) {
        for leg in legs {
            moments.extend(moments_of(leg, fault, marks, history).map(|at| at.0));
        }
    }
    moments.extend(marks.iter().flat_map(FaultMarks::moments).map(|at| at.0));
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
