//! What each recovery waited for, moment by moment: the events once more, beside how the lanes flowed meanwhile.

use std::collections::BTreeMap;

use crate::journal::Phase;
use crate::model::{FaultId, Moment, PlaceName};

use super::backlog;
use super::case::Case;
use super::recovered::{Missing, Standing};

/// The feed tells when a record was sent, and the live run when it was answered: so much later, in microseconds.
const ANSWERED_US: u64 = 1_000_000;

/// A stretch of a recovery and what was missing in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wait {
    pub from: Moment,
    pub to: Moment,
    pub missing: Missing,
}

/// All waits of a run in the order of time, and when each fault had been recovered from.
#[derive(Debug, Default)]
pub(super) struct Waits {
    pub list: Vec<Wait>,
    pub recovered: BTreeMap<FaultId, Moment>,
}

impl Waits {
    /// Replays the events and asks after each what is missing until the next.
    pub(super) fn of(case: &Case<'_>) -> Self {
        let mut standing = Standing::new(&case.info.scenario, &case.evidence.plan.faults);
        let flow = Flow::of(case);
        let mut waits = Self::default();
        let events = &case.evidence.log.events;
        for (number, event) in events.iter().enumerate() {
            standing.apply(event);
            let to = events
                .get(number + 1)
                .map_or(case.history.end, |next| next.at);
            if standing.has_faults() && to > event.at {
                waits.until_next(&mut standing, &flow, (event.at, to));
            }
        }
        waits
    }

    /// From one event to the next only the lanes change.
    fn until_next(&mut self, standing: &mut Standing, flow: &Flow, (from, to): (Moment, Moment)) {
        if let Some(missing) = standing.unsettled() {
            return self.note(from, to, missing);
        }
        let mut at = from;
        while at < to {
            let (missing, until) = match (flow.lacking(at), standing.away()) {
                (Some((missing, until)), _) => (missing.clone(), until),
                (None, Some(away)) => (away, flow.lacking_from(at)),
                (None, None) => {
                    let over = standing.settle().into_iter();
                    self.recovered.extend(over.map(|fault| (fault, at)));
                    return;
                }
            };
            let until = Moment(until).min(to);
            self.note(at, until, missing);
            at = until;
        }
    }

    /// Equal neighbours grow together.
    fn note(&mut self, from: Moment, to: Moment, missing: Missing) {
        match self.list.last_mut() {
            Some(last) if last.to == from && last.missing == missing => last.to = to,
            _ => self.list.push(Wait { from, to, missing }),
        }
    }

    /// What nothing was heard of in the last wait.
    pub(super) fn unheard_at_end(&self) -> Option<String> {
        match &self.list.last()?.missing {
            Missing::Unheard(what) => Some(what.clone()),
            _ => None,
        }
    }

    /// The waits of one stretch of time, cut to it.
    pub(super) fn within(&self, from: Moment, to: Moment) -> Vec<Wait> {
        let meet = self.list.iter().filter(|w| w.to > from && w.from < to);
        meet.map(|wait| Wait {
            from: wait.from.max(from),
            to: wait.to.min(to),
            missing: wait.missing.clone(),
        })
        .collect()
    }
}

/// What is normal at a tap, and beyond what it is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Normal {
    waiting: i64,
    silence_us: u64,
}

impl Normal {
    fn of(case: &Case<'_>, leg: usize) -> Self {
        let frame = &case.frame;
        let tap = &case.legs[leg].tap.name;
        let per_second = case.lane_rate() * frame.lanes as f64;
        // Buckets and looks are some time apart, and so much may come meanwhile.
        let per_bucket = (per_second * frame.grid.bucket_us as f64 / 1e6).ceil() as i64;
        let told = case.history.normal.and_then(|normal| normal.get(tap));
        let (waiting, silence_us) = match told {
            Some(told) => (
                i64::try_from(told.backlog_limit).unwrap_or(i64::MAX),
                told.silence_limit_ms.saturating_mul(1_000),
            ),
            None => derived(case, leg, per_second),
        };
        Self {
            waiting: waiting.saturating_add(per_bucket),
            silence_us: silence_us.max(frame.gap_us),
        }
    }
}

/// Twice the worst of the baseline and some slack, as the live run has it where the journal does not tell.
fn derived(case: &Case<'_>, leg: usize, per_second: f64) -> (i64, u64) {
    let own = backlog::highest_in_baseline(case, &backlog::of_tap(case, leg));
    let told = case.history.baseline_backlog;
    let told = told.map(|records| i64::try_from(records).unwrap_or(i64::MAX));
    let worst = own.max(told).unwrap_or(per_second as i64);
    let slack = if told.is_some() {
        50.0
    } else {
        per_second.min(50.0)
    };
    let waiting = worst
        .saturating_mul(2)
        .saturating_add((per_second / 4.0 + slack) as i64);
    let lanes = case.taps.iter().flat_map(|tap| &tap.lanes);
    let silence_us = lanes.map(|lane| lane.baseline_gap_us).max().unwrap_or(0);
    (waiting, silence_us.saturating_mul(2) + 500_000)
}

/// A stretch in microseconds and what was lacking in it.
type Lack = (u64, u64, Missing);

/// When the lanes did not flow as in the baseline; each list in order, its stretches apart from each other.
struct Flow {
    silent: Vec<Lack>,
    waiting: Vec<Lack>,
}

impl Flow {
    fn of(case: &Case<'_>) -> Self {
        let (mut still, mut behind) = (Vec::new(), Vec::new());
        for leg in 0..case.legs.len() {
            let normal = Normal::of(case, leg);
            for lane in (0..case.frame.lanes).filter(|lane| backlog::is_seen(case, leg, *lane)) {
                silent(case, (leg, lane), normal.silence_us, &mut still);
            }
            waiting(case, leg, normal.waiting, &mut behind);
        }
        Self {
            silent: apart(still),
            waiting: apart(behind),
        }
    }

    /// What is lacking at a moment, and until when that is so: first that lanes are silent, then that records wait.
    fn lacking(&self, at: Moment) -> Option<(&Missing, u64)> {
        let (silent, next) = look(&self.silent, at);
        silent.or_else(|| {
            let (missing, to) = look(&self.waiting, at).0?;
            Some((missing, to.min(next)))
        })
    }

    /// From when on, after a moment at which nothing is lacking, something is.
    fn lacking_from(&self, at: Moment) -> u64 {
        look(&self.silent, at).1.min(look(&self.waiting, at).1)
    }
}

/// The stretch that holds a moment, with its end; and where the next one begins.
fn look(stretches: &[Lack], at: Moment) -> (Option<(&Missing, u64)>, u64) {
    let next = stretches.partition_point(|(_, to, _)| *to <= at.0);
    let Some((from, to, missing)) = stretches.get(next) else {
        return (None, u64::MAX);
    };
    match *from <= at.0 {
        true => (Some((missing, *to)), *to),
        false => (None, *from),
    }
}

/// Where a lane was silent for longer than is normal; at the end of the run only where something was still to come.
fn silent(case: &Case<'_>, (leg, lane): (usize, usize), limit_us: u64, all: &mut Vec<Lack>) {
    let facts = &case.taps[leg].lanes[lane];
    let tap = &case.legs[leg].tap.name;
    let open = facts
        .last_at
        .map(|last| (last, open_until(case, leg, lane)));
    let gaps = facts.gaps.iter().copied().chain(open);
    for (from, to) in gaps.filter(|(from, to)| to.saturating_sub(*from) > limit_us) {
        let missing = Missing::Silent {
            tap: tap.clone(),
            lane: u32::try_from(lane).ok(),
            silence_ms: (to - from) / 1_000,
        };
        all.push((from + limit_us, to, missing));
    }
}

/// Up to when more was to come of a lane after its last record here; a source that makes its own is at it until it is paused.
fn open_until(case: &Case<'_>, leg: usize, lane: usize) -> u64 {
    let paused = case.history.phase(Phase::Converge);
    match (&case.feed, leg) {
        (None, 0) => paused.unwrap_or(case.history.end).0,
        _ if backlog::more_was_to_come(case, leg, lane) => case.history.end.0,
        _ => 0,
    }
}

/// Where more records waited before a tap than is normal, both at the beginning and at the end of a bucket.
fn waiting(case: &Case<'_>, leg: usize, limit: i64, all: &mut Vec<Lack>) {
    let grid = case.frame.grid;
    let mut records = backlog::of_tap(case, leg);
    if leg == 0 {
        later(&mut records, case, limit);
    }
    let tap: &PlaceName = &case.legs[leg].tap.name;
    let mut before = 0;
    for (bucket, now) in records.into_iter().enumerate() {
        let least = before.min(now);
        before = now;
        if least > limit {
            let from = bucket as u64 * grid.bucket_us;
            let missing = Missing::Waiting {
                tap: tap.clone(),
                records: u64::try_from(least).unwrap_or(0),
            };
            all.push((from, from + grid.bucket_us, missing));
        }
    }
}

/// Counts what was fed when it was answered at the latest.
fn later(records: &mut [i64], case: &Case<'_>, limit: i64) {
    let Some(feed) = &case.feed else { return };
    let buckets = usize::try_from(ANSWERED_US.div_ceil(case.frame.grid.bucket_us)).unwrap_or(1);
    let mut sent = vec![0_i64; records.len()];
    for lane in (0..case.frame.lanes).filter(|lane| backlog::is_seen(case, 0, *lane)) {
        for (sum, by) in sent.iter_mut().zip(&feed.lanes[lane].advanced) {
            *sum += i64::from(*by);
        }
    }
    for bucket in 0..records.len() {
        if records[bucket] > limit {
            let recent: i64 = sent[(bucket + 1).saturating_sub(buckets)..=bucket]
                .iter()
                .sum();
            records[bucket] -= recent;
        }
    }
}

/// The stretches in order; those that meet are one, which lacks what was lacking longest.
fn apart(mut all: Vec<Lack>) -> Vec<Lack> {
    all.sort_by_key(|(from, to, _)| (*from, *to));
    let mut out: Vec<Lack> = Vec::new();
    for (from, to, missing) in all {
        match out.last_mut() {
            Some(last) if from <= last.1 => {
                if to >= last.1 {
                    (last.1, last.2) = (to, missing);
                }
            }
            _ => out.push((from, to, missing)),
        }
    }
    out
}
