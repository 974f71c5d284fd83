//! Where the seconds of each recovery went: per fault, per task and per lane.

use crate::model::{Direction, Moment, TaskId};

use super::backlog;
use super::case::{Case, promise_us};
use super::commits::CommitKey;
use super::history::FaultStory;
use super::leg::Leg;
use super::marks::{FaultMarks, TaskMarks};
use super::settings;
use super::{Recovery, RecoveryPhase};

/// Error of an arrival at a tap and of a record of a topic, in milliseconds.
const ARRIVAL_ERROR_MS: u64 = 10;
/// A first record this much after the task's start was held back by something, in microseconds.
const HELD_BACK_US: u64 = 1_000_000;

/// The recovery from one fault as a whole.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct FaultRecovery {
    pub began: Option<Moment>,
    pub recovered: Option<Moment>,
    /// Up to where this fault's effects are looked for.
    pub window_end: Moment,
    pub outage_ms: u64,
}

impl FaultRecovery {
    /// From effect to recovery, in milliseconds.
    pub(super) fn ms(&self) -> Option<u64> {
        let (began, recovered) = (self.began?, self.recovered?);
        Some(recovered.0.saturating_sub(began.0).div_ceil(1_000))
    }
}

/// The recovery from each fault, in the order of the faults.
pub(super) fn of_faults(case: &Case<'_>) -> Vec<FaultRecovery> {
    let of_fault = |marks: &FaultMarks| {
        let Some(began) = marks.began else {
            return FaultRecovery::default();
        };
        let recovered = marks.settled.and_then(|settled| flowing(case, settled));
        let next = case.marks.iter().filter_map(|other| other.began);
        let next = next.filter(|at| *at > began).min();
        let end = next.unwrap_or(case.history.end);
        let window_end = recovered.unwrap_or(end);
        FaultRecovery {
            began: Some(began),
            recovered,
            window_end,
            outage_ms: outage_ms(case, began, window_end),
        }
    };
    case.marks.iter().map(of_fault).collect()
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

/// When, from this moment on, every lane at every tap had a record and its backlog was back to normal.
fn flowing(case: &Case<'_>, settled: Moment) -> Option<Moment> {
    let fed_until = case
        .history
        .feed_ended
        .map_or(case.history.end, |end| end.at);
    let dense = case.lane_rate() >= 2.0;
    let mut latest = settled;
    for leg in 0..case.legs.len() {
        for lane in 0..case.frame.lanes {
            let snap = case.snap(leg, lane, settled);
            let from = match snap.next_at {
                Some(next) if dense && settled < fed_until => Moment(next),
                Some(_) => settled,
                None if dense && settled < fed_until && !is_complete(case, leg, lane) => {
                    return None;
                }
                None => settled,
            };
            let series = backlog::of_lane(case, leg, lane);
            latest = latest.max(backlog::gone(case, &series, from)?);
        }
    }
    Some(latest)
}

fn is_complete(case: &Case<'_>, leg: usize, lane: usize) -> bool {
    case.feed.is_none() || case.missing(leg, lane).is_empty()
}

/// The longest silence of any lane within a stretch, less that lane's longest in the baseline.
fn outage_ms(case: &Case<'_>, from: Moment, to: Moment) -> u64 {
    let mut longest = 0;
    for leg in 0..case.legs.len() {
        for (number, lane) in case.taps[leg].lanes.iter().enumerate() {
            let open = lane
                .last_at
                .filter(|_| !is_complete(case, leg, number))
                .map(|last| (last, to.0));
            let silence = lane
                .gaps
                .iter()
                .copied()
                .chain(open)
                .filter(|(begin, end)| *end > from.0 && *begin < to.0)
                .map(|(begin, end)| end - begin.max(from.0))
                .max()
                .unwrap_or(0);
            longest = longest.max(silence.saturating_sub(lane.baseline_gap_us));
        }
    }
    longest / 1_000
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
                let complete = walk(case, leg, (fault, marks), task, &mut phases);
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

/// Phases that follow each other without holes.
struct Phases {
    began: Moment,
    at: Moment,
    list: Vec<RecoveryPhase>,
}

impl Phases {
    fn new(began: Moment) -> Self {
        Self {
            began,
            at: began,
            list: Vec::new(),
        }
    }

    /// Ends a phase; one that ended before the phase before it takes no time. Lengths are differences of whole
    /// milliseconds from the beginning, so that they add up.
    fn end(&mut self, name: &str, to: Moment, error_ms: u64, signal: &str) -> &mut RecoveryPhase {
        let to = to.max(self.at);
        let since = |moment: Moment| (moment.0 - self.began.0) / 1_000;
        let length_ms = since(to) - since(self.at);
        self.at = to;
        self.list.push(RecoveryPhase {
            name: name.to_owned(),
            to,
            length_ms,
            error_ms,
            signal: signal.to_owned(),
            setting: None,
            note: String::new(),
        });
        let last = self.list.len() - 1;
        &mut self.list[last]
    }

    fn total_ms(&self) -> u64 {
        self.list.iter().map(|phase| phase.length_ms).sum()
    }
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
