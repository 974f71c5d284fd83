//! What the events alone say about each fault: when the group noticed, who got the tasks, when all was balanced again.

use std::collections::BTreeSet;

use crate::journal::{GroupView, RunInfo};
use crate::model::{Moment, TaskId, WorkerName};

use super::history::{FaultStory, History};

/// Statuses written this long after the group was balanced still belong to its last rebalance, in microseconds.
const LAST_STARTS_US: u64 = 15_000_000;

/// One task that a fault took from its worker.
#[derive(Debug, Clone)]
pub(super) struct TaskMarks {
    pub task: TaskId,
    pub delay_end: Option<(Moment, u64)>,
    pub assigned: Option<(Moment, Option<WorkerName>)>,
    pub started: Option<Moment>,
}

/// What happened around one fault.
#[derive(Debug, Clone, Default)]
pub(super) struct FaultMarks {
    pub began: Option<Moment>,
    pub noticed: Option<Moment>,
    pub tasks: Vec<TaskMarks>,
    /// The group is balanced again (every expected worker is a member, every task is owned once, no delay is pending) and
    /// the last task that moved has started.
    pub settled: Option<Moment>,
}

impl FaultMarks {
    /// Moments at which the lanes are to be looked at.
    pub(super) fn moments(&self) -> Vec<Moment> {
        let tasks = self.tasks.iter().filter_map(|task| task.started);
        tasks.chain(self.began).chain(self.settled).collect()
    }
}

/// The marks of every fault, in the order of the faults.
pub(super) fn marks(history: &History<'_>, info: &RunInfo) -> Vec<FaultMarks> {
    history
        .faults
        .iter()
        .map(|fault| of_fault(fault, history, info))
        .collect()
}

fn of_fault(fault: &FaultStory, history: &History<'_>, info: &RunInfo) -> FaultMarks {
    let Some(began) = fault.began() else {
        return FaultMarks::default();
    };
    let old: BTreeSet<&str> = fault
        .victims
        .iter()
        .filter_map(|victim| history.member_id(&victim.worker, victim.acted?))
        .collect();
    let after = || history.groups.iter().filter(|(at, _)| *at > began);
    let noticed = after()
        .find(|(_, view)| without(view, &old))
        .map(|(at, _)| *at);
    let balanced = after()
        .find(|(at, view)| without(view, &old) && is_balanced(view, *at, history, info))
        .map(|(at, _)| *at);
    let tasks: BTreeSet<TaskId> = fault
        .victims
        .iter()
        .filter_map(|victim| history.tasks_of(&victim.worker, victim.acted?))
        .flatten()
        .collect();
    let settled = balanced.map(|balanced| {
        let next = next_fault(history, balanced);
        let limit = Moment(balanced.0.saturating_add(LAST_STARTS_US)).min(next);
        let starts = history
            .statuses
            .iter()
            .filter(|s| s.state == "RUNNING" && s.at > began && s.at <= limit);
        starts.map(|status| status.at).fold(balanced, Moment::max)
    });
    let of_task = |task: TaskId| task_marks(task, began, noticed, &old, history);
    FaultMarks {
        began: Some(began),
        noticed,
        tasks: tasks.into_iter().map(of_task).collect(),
        settled,
    }
}

fn next_fault(history: &History<'_>, after: Moment) -> Moment {
    let later = history.faults.iter().filter_map(FaultStory::acted);
    later
        .filter(|at| *at > after)
        .min()
        .unwrap_or(Moment(u64::MAX))
}

fn without(view: &GroupView, old: &BTreeSet<&str>) -> bool {
    !view
        .members
        .iter()
        .any(|member| old.contains(member.member_id.as_str()))
}

fn is_balanced(view: &GroupView, at: Moment, history: &History<'_>, info: &RunInfo) -> bool {
    let gone_for_good = |worker: &WorkerName| {
        history.faults.iter().any(|fault| {
            !fault.restarts
                && fault
                    .victims
                    .iter()
                    .any(|v| v.worker == *worker && v.acted.is_some_and(|acted| acted <= at))
        })
    };
    let present = |worker: &WorkerName| {
        view.members
            .iter()
            .any(|member| member.worker.as_ref() == Some(worker))
    };
    let mut workers = info.scenario.connect.workers.iter();
    view.state == "Stable"
        && view.delay_ms == 0
        && workers.all(|worker| present(worker) || gone_for_good(worker))
        && history.tasks.iter().all(|task| owners(view, task) == 1)
}

/// How many members own a task.
pub(super) fn owners(view: &GroupView, task: &TaskId) -> usize {
    let owning = view.members.iter().filter(|m| m.tasks.contains(task));
    owning.count()
}

fn task_marks(
    task: TaskId,
    began: Moment,
    noticed: Option<Moment>,
    old: &BTreeSet<&str>,
    history: &History<'_>,
) -> TaskMarks {
    let from = noticed.unwrap_or(began);
    let after = || history.groups.iter().filter(|(at, _)| *at >= from);
    let assigned = after().find_map(|(at, view)| {
        let owner = view
            .members
            .iter()
            .find(|m| m.tasks.contains(&task) && !old.contains(m.member_id.as_str()))?;
        (view.state == "Stable").then(|| (*at, owner.worker.clone()))
    });
    let until = assigned.as_ref().map_or(Moment(u64::MAX), |(at, _)| *at);
    let announced = after()
        .filter(|(at, view)| *at < until && view.delay_ms > 0)
        .map(|(_, view)| view.delay_ms)
        .max();
    let delay_end = announced.map(|announced| {
        let last = after()
            .filter(|(at, view)| *at < until && view.delay_ms > 0)
            .map(|(at, _)| *at)
            .max()
            .unwrap_or(from);
        let end = after().map(|(at, _)| *at).find(|at| *at > last);
        (end.unwrap_or(last).min(until), announced)
    });
    let started = history
        .statuses
        .iter()
        .find(|s| *s.task == task && s.state == "RUNNING" && s.at > from)
        .map(|status| status.at);
    TaskMarks {
        task,
        delay_end,
        assigned,
        started,
    }
}
