//! What the events alone say about each fault: when the group noticed, who got the tasks, when they were at work again.

use std::collections::BTreeSet;

use crate::journal::GroupView;
use crate::model::{Moment, TaskId, WorkerName};

use super::history::{FaultStory, History, Membership, Victim};
use super::members;

/// The delay for which the leader held lost tasks back.
#[derive(Debug, Clone, Copy)]
pub(super) struct DelayMarks {
    /// When a view of the group first announced it.
    pub from: Moment,
    pub to: Moment,
    /// The longest that was announced, in milliseconds.
    pub announced_ms: u64,
}

/// One task that a fault took from its worker.
#[derive(Debug, Clone)]
pub(super) struct TaskMarks {
    pub task: TaskId,
    pub delay: Option<DelayMarks>,
    pub assigned: Option<(Moment, Option<WorkerName>)>,
    /// It was assigned to the very worker that had it and had outlived the fault, which goes on with it.
    pub back: bool,
    pub started: Option<Moment>,
    /// From when on nothing of this is the fault's any more, and why: the next fault on this task, or its next start.
    pub until: Option<(Moment, String)>,
}

impl TaskMarks {
    /// When the task was at work again: when it had started, or when it was its worker's again without a new start.
    pub(super) fn at_work(&self) -> Option<Moment> {
        let back = self.assigned.as_ref().filter(|_| self.back);
        self.started.or(back.map(|(at, _)| *at))
    }

    /// Of a task that its worker kept.
    const fn stayed(task: TaskId) -> Self {
        Self {
            task,
            delay: None,
            assigned: None,
            back: false,
            started: None,
            until: None,
        }
    }
}

/// What happened around one fault.
#[derive(Debug, Clone, Default)]
pub(super) struct FaultMarks {
    pub began: Option<Moment>,
    pub noticed: Option<Moment>,
    pub tasks: Vec<TaskMarks>,
    /// When all victims were undone, where their processes outlived the fault.
    pub back: Option<Moment>,
}

impl FaultMarks {
    /// Moments at which the lanes are to be looked at.
    pub(super) fn moments(&self) -> Vec<Moment> {
        let tasks = self.tasks.iter().filter_map(TaskMarks::at_work);
        tasks.chain(self.back).collect()
    }
}

/// The marks of every fault, in the order of the faults.
pub(super) fn marks(history: &History<'_>) -> Vec<FaultMarks> {
    let faults = history.faults.iter();
    faults.map(|fault| of_fault(fault, history)).collect()
}

fn of_fault(fault: &FaultStory, history: &History<'_>) -> FaultMarks {
    let Some(began) = fault.began() else {
        return FaultMarks::default();
    };
    let ends = fault.kind.ends_process();
    let given_up = |victim: &&Victim| ends || matches!(victim.membership, Membership::Lost(_));
    let lost = fault.victims.iter().filter(given_up);
    let old: BTreeSet<&str> = lost.filter_map(|victim| victim.struck.id()).collect();
    let noticed = history
        .groups
        .iter()
        .find(|(at, view)| *at > began && !old.is_empty() && without(view, &old))
        .map(|(at, _)| *at);
    let tasks: BTreeSet<TaskId> = fault
        .victims
        .iter()
        .filter_map(|victim| members::tasks_of(history, victim))
        .flatten()
        .collect();
    let alive = |worker: Option<&WorkerName>| {
        !ends
            && fault
                .victims
                .iter()
                .any(|victim| Some(&victim.worker) == worker)
    };
    let of_task = |task: TaskId| {
        let mut marks = match noticed.is_some() || ends {
            true => task_marks(task, noticed.unwrap_or(began), &old, history, &alive),
            false => TaskMarks::stayed(task),
        };
        marks.until = until(&marks, (fault, began), history);
        marks
    };
    FaultMarks {
        began: Some(began),
        noticed,
        tasks: tasks.into_iter().map(of_task).collect(),
        back: fault.undone().filter(|_| !ends),
    }
}

/// When a task was hit again, or was started once more after it had been started.
fn until(
    marks: &TaskMarks,
    (fault, began): (&FaultStory, Moment),
    history: &History<'_>,
) -> Option<(Moment, String)> {
    let others = history.faults.iter().filter(|other| other.id != fault.id);
    let hits = others.filter_map(|other| {
        let hit = |victim: &&Victim| {
            let tasks = members::tasks_of(history, victim);
            tasks.is_some_and(|tasks| tasks.contains(&marks.task))
        };
        let victims = other.victims.iter().filter(hit);
        let acted = victims.filter_map(|victim| victim.acted.filter(|at| *at > began));
        Some((acted.min()?, format!("{} hit it again", other.id)))
    });
    let again = marks.started.and_then(|started| {
        let mut statuses = history.statuses.iter();
        let again =
            statuses.find(|s| *s.task == marks.task && s.state == "RUNNING" && s.at > started);
        again.map(|status| (status.at, "it was started once more".to_owned()))
    });
    hits.chain(again).min()
}

fn without(view: &GroupView, old: &BTreeSet<&str>) -> bool {
    !view
        .members
        .iter()
        .any(|member| old.contains(member.member_id.as_str()))
}

/// How many members own a task.
pub(super) fn owners(view: &GroupView, task: &TaskId) -> usize {
    let owning = view.members.iter().filter(|m| m.tasks.contains(task));
    owning.count()
}

/// The delay that views between two moments announced.
fn delay(history: &History<'_>, from: Moment, until: Moment) -> Option<DelayMarks> {
    let after = || history.groups.iter().filter(|(at, _)| *at >= from);
    let announcing = || after().filter(|(at, view)| *at < until && view.delay_ms > 0);
    let (first, _) = announcing().next()?;
    let (last, _) = announcing().next_back()?;
    let next = after().map(|(at, _)| *at).find(|at| at > last);
    Some(DelayMarks {
        from: *first,
        to: next.unwrap_or(*last).min(until),
        announced_ms: announcing().map(|(_, view)| view.delay_ms).max()?,
    })
}

fn task_marks(
    task: TaskId,
    from: Moment,
    old: &BTreeSet<&str>,
    history: &History<'_>,
    alive: &dyn Fn(Option<&WorkerName>) -> bool,
) -> TaskMarks {
    let after = || history.groups.iter().filter(|(at, _)| *at >= from);
    let assigned = after().find_map(|(at, view)| {
        let owner = view
            .members
            .iter()
            .find(|m| m.tasks.contains(&task) && !old.contains(m.member_id.as_str()))?;
        (view.state == "Stable").then(|| (*at, owner.worker.clone()))
    });
    let until = assigned.as_ref().map_or(Moment(u64::MAX), |(at, _)| *at);
    let started = history
        .statuses
        .iter()
        .find(|s| *s.task == task && s.state == "RUNNING" && s.at > from)
        .map(|status| status.at);
    let back = started.is_none() && assigned.as_ref().is_some_and(|(_, to)| alive(to.as_ref()));
    TaskMarks {
        task,
        delay: delay(history, from, until),
        assigned,
        back,
        started,
        until: None,
    }
}
