//! Where the seconds of each recovery went: per fault, per task and per lane.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::{Direction, Moment, TaskId};

use super::backlog;
use super::case::{Case, promise_us};
use super::commits::CommitKey;
use super::history::FaultStory;
use super::leg::Leg;
use super::marks::{FaultMarks, TaskMarks};
use super::phases::{ARRIVAL_ERROR_MS, Phases, whole};
use super::settings;
use super::standstill;
use super::waits::Waits;
use super::{Recovery, RecoveryPhase};

/// A first record this much after the task's start was held back by something, in microseconds.
const HELD_BACK_US: u64 = 1_000_000;

/// The recovery from one fault as a whole.
#[derive(Debug, Clone, Default)]
pub(super) struct FaultRecovery {
    pub began: Option<Moment>,
    pub recovered: Option<Moment>,
    /// When the next fault took effect, from which on the times of both cannot be told apart.
    pub next: Option<Moment>,
    /// Up to where this fault's effects are looked for.
    pub window_end: Moment,
    pub outage: Outage,
    /// Where the time went, from effect to recovery.
    pub phases: Vec<RecoveryPhase>,
    /// How long it took at least, in milliseconds, whatever was told late by taps that stood still; to the next fault at most.
    pub certain_ms: u64,
    /// Waits among these that are as long on any machine.
    pub timed: Vec<(Moment, Moment)>,
    /// What kept the end from being seen, where nothing was heard of it.
    pub unheard: Option<String>,
}

/// The longest silence of a lane around a fault, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Outage {
    /// As it was seen.
    pub ms: u64,
    /// Its longest piece without another fault within: what is certainly the work of one.
    pub alone_ms: u64,
    /// The longest of it that is no work of a tap or a feed that stood still either.
    pub certain_ms: u64,
    /// Where that piece is.
    pub alone: (Moment, Moment),
    /// The most that such a piece may have lasted on a machine of its own.
    pub own_ms: u64,
}

impl FaultRecovery {
    /// From effect to recovery, in milliseconds.
    pub(super) fn ms(&self) -> Option<u64> {
        Some(since(self.began?, self.recovered?))
    }

    /// From effect to recovery or, where that was not seen before, to the next fault.
    pub(super) fn alone_ms(&self) -> Option<u64> {
        let end = self.recovered.into_iter().chain(self.next).min()?;
        Some(since(self.began?, end))
    }
}

/// Whole milliseconds that had passed, as phases count them.
fn since(began: Moment, at: Moment) -> u64 {
    at.0.saturating_sub(began.0) / 1_000
}

/// The recovery from each fault, in the order of the faults.
pub(super) fn of_faults(case: &Case<'_>) -> Vec<FaultRecovery> {
    let waits = Waits::of(case);
    let of_fault = |(fault, marks): (&FaultStory, &FaultMarks)| {
        let Some(began) = marks.began else {
            return FaultRecovery::default();
        };
        let recovered = waits.recovered.get(&fault.id).map(|at| began.max(*at));
        let others = case.marks.iter().filter_map(|other| other.began);
        let next = others.filter(|at| *at > began).min();
        let window_end = recovered.or(next).unwrap_or(case.history.end);
        let mut recovery = FaultRecovery {
            began: Some(began),
            recovered,
            next,
            window_end,
            outage: Outage::default(),
            phases: Vec::new(),
            certain_ms: certain_ms(case, fault, (began, recovered, next)),
            timed: Vec::new(),
            unheard: waits.unheard_at_end().filter(|_| recovered.is_none()),
        };
        recovery.phases = accounted(case, (fault, marks), &recovery, &waits);
        recovery.timed = timed(case, began, &recovery.phases);
        recovery.outage = outage(case, (began, window_end), &recovery.timed);
        recovery
    };
    let faults = case.history.faults.iter().zip(&case.marks);
    faults.map(of_fault).collect()
}

fn certain_ms(
    case: &Case<'_>,
    fault: &FaultStory,
    (began, recovered, next): (Moment, Option<Moment>, Option<Moment>),
) -> u64 {
    let given_up = fault.given_up.as_ref().map(|(at, _)| *at);
    let seen = recovered.or(given_up).unwrap_or(case.history.duty_end());
    let end = standstill::flowed_from(&case.stills, seen);
    since(began, next.map_or(end, |next| end.min(next)))
}

/// The last fault that was running at a moment: from as long before its effect as a flush interval reaches back, to its
/// recovery.
pub(super) fn running(
    case: &Case<'_>,
    recoveries: &[FaultRecovery],
    leg: usize,
    at: Moment,
) -> Option<usize> {
    let reach = promise_us(&case.legs[leg]);
    (0..recoveries.len()).rev().find(|index| {
        let recovery = &recoveries[*index];
        recovery
            .began
            .is_some_and(|began| began.0.saturating_sub(reach) <= at.0 && at <= recovery.window_end)
    })
}

/// Phases that add up to the recovery; without one they go to where the run gave it up, or to the next fault.
fn accounted(
    case: &Case<'_>,
    (fault, marks): (&FaultStory, &FaultMarks),
    recovery: &FaultRecovery,
    waits: &Waits,
) -> Vec<RecoveryPhase> {
    let Some(began) = recovery.began else {
        return Vec::new();
    };
    let given_up = fault.given_up.as_ref().map(|(at, _)| *at);
    let end = recovery.recovered.or(given_up).or(recovery.next);
    let end = end.unwrap_or(case.history.duty_end());
    let waits = waits.within(began, end);
    whole(case, (fault, marks), began, &waits).list
}

/// Waits that are as long on any machine. When the group can notice a loss counts from the last heartbeat; what a wait took
/// beyond its setting is the machine's.
fn timed(case: &Case<'_>, began: Moment, phases: &[RecoveryPhase]) -> Vec<(Moment, Moment)> {
    let setting = |name| settings::milliseconds(case.info, name);
    let session = setting("session.timeout.ms").saturating_sub(setting("heartbeat.interval.ms"));
    let mut left = BTreeMap::from([
        ("noticed", session),
        ("delay", setting("scheduled.rebalance.max.delay.ms")),
        ("back", u64::MAX),
        ("away", u64::MAX),
    ]);
    let mut at = began;
    let of_phase = |phase: &RecoveryPhase| {
        let from = std::mem::replace(&mut at, phase.to);
        let after_stop = phase.name == "noticed" && phase.setting.is_none();
        let left = left.get_mut(phase.name.as_str()).filter(|_| !after_stop)?;
        let ms = phase.length_ms.min(*left);
        *left -= ms;
        Some((from, from.after(Duration::from_millis(ms))))
    };
    phases.iter().filter_map(of_phase).collect()
}

/// The longest silence of any lane that meets a stretch, less that lane's longest in the baseline.
fn outage(case: &Case<'_>, (from, to): (Moment, Moment), timed: &[(Moment, Moment)]) -> Outage {
    let others: Vec<u64> = case.marks.iter().filter_map(|m| Some(m.began?.0)).collect();
    let mut longest = Outage::default();
    for silence in silences(case, from, to) {
        let (begin, end) = (silence.begin, silence.end);
        longest.ms = longest.ms.max(silence.less(end - begin));
        for piece in pieces(begin, end, &others) {
            let alone_ms = silence.less(piece.1.0 - piece.0.0);
            let own = case.load.without_others(piece, timed);
            let own_ms = own.map_or(alone_ms, |own| silence.less(own.us));
            longest.own_ms = longest.own_ms.max(own_ms);
            if alone_ms > longest.alone_ms {
                (longest.alone_ms, longest.alone) = (alone_ms, piece);
            }
        }
    }
    // Where lanes were seen late to flow again, silences that followed are no longer the fault's.
    let to = standstill::flowed_from(&case.stills, to);
    for silence in silences(case, from, to) {
        let whole = (silence.begin, silence.end);
        for (begin, end) in standstill::certain_pieces(&case.stills, silence.leg, whole) {
            let certain = pieces(begin, end, &others).into_iter();
            let certain = certain.map(|(from, to)| silence.less(to.0 - from.0));
            longest.certain_ms = certain.fold(longest.certain_ms, u64::max);
        }
    }
    longest
}

/// A silence of a lane at a tap.
struct Silence {
    leg: usize,
    begin: u64,
    end: u64,
    baseline_gap_us: u64,
}

impl Silence {
    /// Whole milliseconds beyond what is usual.
    fn less(&self, us: u64) -> u64 {
        us.saturating_sub(self.baseline_gap_us) / 1_000
    }
}

/// The silences that meet a stretch, from where it begins.
fn silences(case: &Case<'_>, from: Moment, to: Moment) -> Vec<Silence> {
    let mut all = Vec::new();
    for leg in 0..case.legs.len() {
        for (number, lane) in case.taps[leg].lanes.iter().enumerate() {
            let open = lane
                .last_at
                .filter(|_| backlog::more_was_to_come(case, leg, number))
                .map(|last| (last, to.0));
            let gaps = lane.gaps.iter().copied().chain(open);
            let meet = gaps.filter(|(begin, end)| *end > from.0 && *begin < to.0);
            all.extend(meet.map(|(begin, end)| Silence {
                leg,
                begin: begin.max(from.0),
                end,
                baseline_gap_us: lane.baseline_gap_us,
            }));
        }
    }
    all
}

/// The pieces of a stretch that is cut at these points.
fn pieces(begin: u64, end: u64, cuts: &[u64]) -> Vec<(Moment, Moment)> {
    let within = cuts.iter().copied().filter(|c| (begin..end).contains(c));
    let mut points: Vec<u64> = within.chain([begin, end]).collect();
    points.sort_unstable();
    let pairs = points.windows(2);
    pairs
        .map(|pair| (Moment(pair[0]), Moment(pair[1])))
        .collect()
}

/// The recovery of every task that a fault took, phase by phase.
pub(super) fn of_tasks(case: &Case<'_>) -> Vec<Recovery> {
    let mut all = Vec::new();
    for (fault, marks) in case.history.faults.iter().zip(&case.marks) {
        let Some(began) = marks.began else { continue };
        for task in &marks.tasks {
            let leg = case
                .legs
                .iter()
                .find(|leg| leg.connector.name == task.task.connector);
            if let Some(leg) = leg {
                let mut phases = Phases::new(began);
                let whole = walk(case, leg, (fault, marks), task, &mut phases);
                let until = task.until.as_ref();
                let cut = until.is_some_and(|(at, why)| phases.cut(*at, why));
                let complete = whole && !cut;
                all.push(Recovery {
                    fault: fault.id,
                    task: task.task.clone(),
                    total_ms: phases.total_ms(),
                    complete,
                    phases: phases.list,
                });
            }
        }
    }
    all
}

/// Walks through the phases of one task; true when the last one's end was seen.
fn walk(
    case: &Case<'_>,
    leg: &Leg<'_>,
    (fault, marks): (&FaultStory, &FaultMarks),
    task: &TaskMarks,
    phases: &mut Phases,
) -> bool {
    let error = case.history.group_error_ms(case.info);
    if !fault.kind.ends_process() && marks.noticed.is_none() {
        let Some(back) = marks.back else { return false };
        let phase = phases.end("back", back, ARRIVAL_ERROR_MS, "runtime");
        phase.note = format!(
            "{}, and the group kept the worker",
            fault.kind.signal_name()
        );
        return walk_records(case, leg, &task.task, back, false, phases);
    }
    let taken = !fault.kind.is_graceful();
    let Some(noticed) = marks.noticed else {
        return false;
    };
    let phase = phases.end("noticed", noticed, error, "group bytes");
    if taken {
        phase.setting = Some(settings::named(case.info, "session.timeout.ms"));
    }
    if let Some(delay) = task.delay {
        // The setting answers for what was announced, and not for how long the members took to join again before it.
        if delay.from > noticed {
            phases.end("rebalance", delay.from, error, "group bytes");
        }
        let phase = phases.end("delay", delay.to, error, "group bytes");
        phase.setting = Some(settings::named(
            case.info,
            "scheduled.rebalance.max.delay.ms",
        ));
        phase.note = format!("{} ms announced", delay.announced_ms);
    }
    let Some((assigned, owner)) = &task.assigned else {
        return false;
    };
    let phase = phases.end("assigned", *assigned, error, "group bytes");
    if let Some(owner) = owner {
        phase.note = format!("to {owner}");
    }
    if task.back {
        phase.note.push_str(", which still had it");
    }
    let Some(at_work) = task.at_work() else {
        return false;
    };
    if task.started.is_some() {
        phases.end("started", at_work, ARRIVAL_ERROR_MS, "status topic");
    }
    walk_records(case, leg, &task.task, at_work, taken, phases)
}

fn walk_records(
    case: &Case<'_>,
    leg: &Leg<'_>,
    task: &TaskId,
    started: Moment,
    taken: bool,
    phases: &mut Phases,
) -> bool {
    // A sink's partitions move to other tasks in the meantime: its lanes are those it had when the fault came.
    let had = match leg.connector.direction {
        Direction::Sink => phases.began,
        Direction::Source => started,
    };
    let lanes = lanes_of(case, leg, task, had);
    let signal = format!("tap {}", leg.tap.name);
    let next = |lane: &usize| case.snap(leg.index, *lane, started).next_at;
    let Some(first) = lanes.iter().filter_map(next).min() else {
        return false;
    };
    let held_back = first > started.0.saturating_add(HELD_BACK_US);
    let phase = phases.end("first record", Moment(first), ARRIVAL_ERROR_MS, &signal);
    if held_back && leg.connector.direction == Direction::Sink && taken {
        phase.setting = Some(settings::sink_session(case.info, leg.connector));
    }
    if leg.measurable() {
        let Some(commit) = first_commit(case, leg, &lanes, Moment(first)) else {
            return false;
        };
        let phase = phases.end(
            "first commit",
            commit,
            ARRIVAL_ERROR_MS,
            leg.commit_signal(),
        );
        phase.setting = Some(settings::commit_pace(case.info, leg.connector));
    }
    let mut latest = phases.at;
    for lane in &lanes {
        let series = backlog::of_lane(case, leg.index, *lane);
        match backlog::gone(case, &series, Moment(first)) {
            Some(gone) => latest = latest.max(gone),
            None => return false,
        }
    }
    let error = case.frame.grid.bucket_ms();
    phases.end("backlog", latest, error, &signal);
    true
}

/// The lanes that a task works on; all lanes where that is not known.
fn lanes_of(case: &Case<'_>, leg: &Leg<'_>, task: &TaskId, at: Moment) -> Vec<usize> {
    let of_task = |lane: &usize| {
        let lane = u32::try_from(*lane).unwrap_or(u32::MAX);
        let partition = case.input_partition(leg.index, lane);
        let owner = partition.and_then(|p| leg.task_of(p, at, &case.history));
        owner.is_none_or(|owner| owner == *task)
    };
    (0..case.frame.lanes).filter(of_task).collect()
}

fn first_commit(case: &Case<'_>, leg: &Leg<'_>, lanes: &[usize], after: Moment) -> Option<Moment> {
    let keys: Vec<CommitKey> = lanes
        .iter()
        .filter_map(|lane| {
            let lane = u32::try_from(*lane).ok()?;
            leg.key_of(lane, case.input_partition(leg.index, lane))
        })
        .collect();
    leg.commits
        .list
        .iter()
        .find(|commit| commit.at > after && keys.contains(&commit.key))
        .map(|commit| commit.at)
}
