//! Workers that outlive a fault: whether they were given up, and how long one that was may work beside its successors.

use std::collections::BTreeSet;

use crate::journal::{RunInfo, SinkMember};
use crate::model::{Direction, FaultKind, Moment, TaskId};

use super::commits::CommitKey;
use super::history::{FaultStory, History, Victim};
use super::leg::Leg;
use super::marks::FaultMarks;
use super::settings;

/// Acts take time, and so does what is in flight, in microseconds.
const SLACK_US: u64 = 1_000_000;

/// What became of the membership of a worker whose process outlived a fault.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Membership {
    /// Which member it was is not known.
    #[default]
    Unknown,
    /// The group kept it.
    Kept,
    /// The group was seen without it, at this moment first.
    Lost(Moment),
}

/// What a fault lets the tasks of one of its victims repeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Allowance {
    /// They could commit, or never stopped being theirs: nothing.
    Nothing,
    /// They were given up without a chance to commit: what lies above the committed position, once.
    Once,
    /// They kept their worker, which lost its connections: what was in flight.
    InFlight,
    /// As `Once`; and from when the worker was back until all was settled, each record twice more.
    Zombie { wake: Moment, until: Moment },
    /// Whether the worker was given up is not known.
    Unknown,
}

/// Whether the group gave a worker up because of a fault that its process outlived: from the fault to one session after
/// its end, or to the next fault of this worker.
pub(super) fn membership(
    history: &History<'_>,
    fault: &FaultStory,
    victim: &Victim,
    info: &RunInfo,
) -> Membership {
    let Some(acted) = victim.acted else {
        return Membership::Unknown;
    };
    let Some(id) = history.member_id(&victim.worker, acted) else {
        return Membership::Unknown;
    };
    let session_us = settings::milliseconds(info, "session.timeout.ms").saturating_mul(1_000);
    let limit = limit(history, fault, victim, session_us);
    let without = history.groups.iter().find(|(at, view)| {
        *at > acted && *at <= limit && view.members.iter().all(|member| member.member_id != id)
    });
    match without {
        Some((at, _)) => Membership::Lost(*at),
        None => Membership::Kept,
    }
}

/// Up to when a change can be this fault's work: so long after its end, and not beyond the next fault of the same worker.
fn limit(history: &History<'_>, fault: &FaultStory, victim: &Victim, after_us: u64) -> Moment {
    let own = victim
        .undone
        .map_or(history.end, |undone| Moment(undone.0 + after_us));
    let others = history.faults.iter().filter(|other| other.id != fault.id);
    let next = others
        .flat_map(|other| &other.victims)
        .filter(|other| other.worker == victim.worker)
        .filter_map(|other| other.acted)
        .filter(|acted| Some(*acted) > victim.acted)
        .min();
    next.map_or(own, |next| own.min(Moment(next.0.saturating_sub(1))))
}

/// What a fault lets the tasks of this connector repeat that its victim ran.
pub(super) fn allowance(
    leg: &Leg<'_>,
    fault: &FaultStory,
    victim: &Victim,
    marks: &FaultMarks,
    history: &History<'_>,
) -> Allowance {
    if leg.exactly_once {
        return Allowance::Nothing;
    }
    if fault.kind.ends_process() {
        return match victim.could_not_commit(&leg.connector.name) {
            true => Allowance::Once,
            false => Allowance::Nothing,
        };
    }
    match (given_up(leg, fault, victim, history), victim.undone) {
        (Membership::Unknown, _) => Allowance::Unknown,
        (Membership::Kept, _) if fault.kind == FaultKind::Disconnect => Allowance::InFlight,
        (Membership::Kept, _) => Allowance::Nothing,
        (Membership::Lost(_), None) => Allowance::Once,
        (Membership::Lost(_), Some(undone)) => Allowance::Zombie {
            wake: Moment(undone.0.saturating_sub(SLACK_US)),
            until: settled(leg, marks, history),
        },
    }
}

/// Whether a victim's tasks of this connector were given up: by the group, or for a sink by its consumer group alone.
fn given_up(
    leg: &Leg<'_>,
    fault: &FaultStory,
    victim: &Victim,
    history: &History<'_>,
) -> Membership {
    match victim.membership {
        Membership::Kept if leg.connector.direction == Direction::Sink => {
            consumers(leg, fault, victim, history).map_or(Membership::Kept, Membership::Lost)
        }
        known => known,
    }
}

/// When the partitions of a victim's sink tasks were first seen with others.
fn consumers(
    leg: &Leg<'_>,
    fault: &FaultStory,
    victim: &Victim,
    history: &History<'_>,
) -> Option<Moment> {
    let acted = victim.acted?;
    let tasks = history.tasks_of(&victim.worker, acted)?;
    let views = || {
        let of_this = history.sink_groups.iter();
        of_this.filter(|(_, name, _)| **name == leg.connector.name)
    };
    let (_, _, before) = views().rfind(|(at, _, _)| *at <= acted)?;
    let of_victim = |member: &&SinkMember| member.task.as_ref().is_some_and(|t| tasks.contains(t));
    let own: Vec<&SinkMember> = before.iter().filter(of_victim).collect();
    let keeps = |members: &[SinkMember]| {
        own.iter().all(|old| {
            let mut same = members.iter().filter(|new| new.task == old.task);
            same.any(|new| old.partitions.iter().all(|p| new.partitions.contains(p)))
        })
    };
    let limit = limit(history, fault, victim, 2 * SLACK_US);
    views()
        .find(|(at, _, members)| *at > acted && *at <= limit && !keeps(members))
        .map(|(at, _, _)| *at)
}

/// When a zombie has stopped for certain: the group is balanced with it as a new member and the tasks that moved have
/// started, for a sink also each task is in the consumer group once; and nothing of it is in flight any more.
fn settled(leg: &Leg<'_>, marks: &FaultMarks, history: &History<'_>) -> Moment {
    let Some(balanced) = marks.settled else {
        return history.end;
    };
    let calm = match leg.connector.direction {
        Direction::Source => Some(balanced),
        Direction::Sink => consumers_settled(leg, balanced, history),
    };
    calm.map_or(history.end, |at| Moment(at.0.saturating_add(SLACK_US)))
}

fn consumers_settled(leg: &Leg<'_>, from: Moment, history: &History<'_>) -> Option<Moment> {
    let tasks: BTreeSet<&TaskId> = history
        .tasks
        .iter()
        .filter(|task| task.connector == leg.connector.name)
        .collect();
    let whole = |members: &[SinkMember]| {
        let there: BTreeSet<&TaskId> = members.iter().filter_map(|m| m.task.as_ref()).collect();
        there == tasks && members.len() == tasks.len()
    };
    let views: Vec<_> = history
        .sink_groups
        .iter()
        .filter(|(_, name, _)| **name == leg.connector.name)
        .collect();
    let before = views.iter().rfind(|(at, _, _)| *at <= from);
    if before.is_none_or(|(_, _, members)| whole(members)) {
        return Some(from);
    }
    views
        .iter()
        .find(|(at, _, members)| *at > from && whole(members))
        .map(|(at, _, _)| *at)
}

/// The fault whose zombie made a commit that went back: the commit of a source, while the zombie was about, for a task
/// that it had, to nothing below what was committed before. Nothing guards the offsets of a source against it, except
/// exactly-once; a consumer group refuses the commits of members that it has lost.
pub(super) fn commit_of(
    leg: &Leg<'_>,
    (key, next, at): (CommitKey, u64, Moment),
    marks: &[FaultMarks],
    history: &History<'_>,
) -> Option<usize> {
    if leg.connector.direction != Direction::Source {
        return None;
    }
    let partition = match key {
        CommitKey::Partition(partition) => Some(partition),
        CommitKey::Lane(_) => None,
    };
    let made = |index: &usize| {
        let fault = &history.faults[*index];
        let Some(victim) = leg.hit_by(fault, partition, history) else {
            return false;
        };
        let Allowance::Zombie { wake, until } =
            allowance(leg, fault, victim, &marks[*index], history)
        else {
            return false;
        };
        let acted = victim.acted.unwrap_or_default();
        (wake..=until).contains(&at) && next >= leg.commits.certain_at(key, acted)
    };
    (0..history.faults.len()).rev().find(made)
}

/// Tasks of a fault's victims that another worker had by the time their own woke up, with that worker and that moment.
pub(super) fn moved<'m>(
    fault: &FaultStory,
    marks: &'m FaultMarks,
) -> Vec<(&'m TaskId, String, Moment)> {
    if fault.kind.ends_process() {
        return Vec::new();
    }
    let woke = fault
        .victims
        .iter()
        .filter_map(|victim| victim.undone)
        .max();
    let victims: Vec<_> = fault.victims.iter().map(|victim| &victim.worker).collect();
    let moved = |task: &'m super::marks::TaskMarks| {
        let (at, owner) = task.assigned.as_ref()?;
        let elsewhere = owner.as_ref().is_none_or(|owner| !victims.contains(&owner));
        let name = owner
            .as_ref()
            .map_or_else(|| "another member".to_owned(), ToString::to_string);
        let before = woke.is_some_and(|woke| *at < woke);
        (elsewhere && before).then_some((&task.task, name, *at))
    };
    marks.tasks.iter().filter_map(moved).collect()
}
