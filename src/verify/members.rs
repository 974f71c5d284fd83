//! Which member of the group a fault hit, which tasks it ran, and whether the group gave it up.

use std::collections::{BTreeMap, BTreeSet};

use crate::journal::{GroupMember, RunInfo};
use crate::model::{Moment, TaskId, WorkerName};

use super::history::{FaultStory, History, Membership, StatusSeen, Victim};
use super::roster::Struck;
use super::settings;

/// The group is polled, and it may have changed between two looks: so long after a change nothing is certain yet.
const POLLED_US: u64 = 300_000;

/// Finds out for each victim that outlived its fault whether the group gave up the member that it was.
pub(super) fn resolve(history: &mut History<'_>, info: &RunInfo) {
    for fault in 0..history.faults.len() {
        let story = &history.faults[fault];
        if story.kind.ends_process() {
            continue;
        }
        let known: Vec<Membership> = story
            .victims
            .iter()
            .map(|victim| membership(history, story, victim, info))
            .collect();
        for (victim, membership) in history.faults[fault].victims.iter_mut().zip(known) {
            victim.membership = membership;
        }
    }
}

/// The tasks that a victim ran when its fault came: those of its member in the stable view of the group, and those whose
/// last status names its present process. `None` when the group was changing and nothing is certain.
pub(super) fn tasks_of(history: &History<'_>, victim: &Victim) -> Option<BTreeSet<TaskId>> {
    let acted = victim.acted?;
    if is_outside(history, victim) {
        return Some(ran_before(history, victim, acted));
    }
    let (_, last) = history.groups.iter().rfind(|(at, _)| *at <= acted)?;
    let soon = Moment(acted.0.saturating_add(POLLED_US));
    let next = history.groups.iter().find(|(at, _)| *at > acted);
    let changing = next.is_some_and(|(at, view)| *at <= soon && view.state == "PreparingRebalance");
    if last.state != "Stable" || (changing && victim.struck.id().is_none()) {
        return None;
    }
    let mut tasks: BTreeSet<TaskId> = last
        .members
        .iter()
        .filter(|member| Some(member.member_id.as_str()) == victim.struck.id())
        .flat_map(|member| member.tasks.iter().cloned())
        .collect();
    let started = history.roster.started(&victim.worker, acted);
    let mut latest: BTreeMap<&TaskId, &StatusSeen<'_>> = BTreeMap::new();
    for status in history.statuses.iter().filter(|status| status.at <= acted) {
        latest.insert(status.task, status);
    }
    let running = latest.values().filter(|status| {
        status.state == "RUNNING" && status.worker == Some(&victim.worker) && status.at >= started
    });
    tasks.extend(running.map(|status| status.task.clone()));
    Some(tasks)
}

/// Whether a victim was no member of the group for certain when its fault came: it has yet to join, or was lost before and
/// has yet to join again, and does so later than between two looks, if at all.
fn is_outside(history: &History<'_>, victim: &Victim) -> bool {
    victim.struck == Struck::Nobody
        && victim.acted.is_some()
        && member_of(history, victim).is_none()
}

/// The member that a victim was when its fault came, or became by the next look at the group.
fn member_of<'h>(history: &'h History<'_>, victim: &'h Victim) -> Option<&'h str> {
    let acted = victim.acted?;
    if victim.struck != Struck::Nobody {
        return victim.struck.id();
    }
    let soon = Moment(acted.0.saturating_add(POLLED_US));
    let started = history.roster.started(&victim.worker, acted);
    let since = lost_before(history, victim, acted).map_or(started, |lost| lost.max(started));
    let views = history.groups.iter().take_while(|(at, _)| *at <= soon);
    let mut stable = views.filter(|(at, view)| *at > since && view.state == "Stable");
    let is_own = |member: &&GroupMember| member.worker.as_ref() == Some(&victim.worker);
    let member = stable.find_map(|(_, view)| view.members.iter().find(is_own))?;
    Some(&member.member_id)
}

/// Whether a member is one that the process of a victim was which was started at this moment.
fn is_of_process(
    history: &History<'_>,
    victim: &Victim,
    started: Moment,
    member: &GroupMember,
) -> bool {
    let joined = history.roster.joined(&member.member_id);
    member.worker.as_ref() == Some(&victim.worker) && joined.is_some_and(|at| at > started)
}

/// The tasks that a worker told it runs from one moment to another.
fn told_running<'h>(
    history: &'h History<'_>,
    worker: &'h WorkerName,
    from: Moment,
    until: Moment,
) -> impl Iterator<Item = &'h TaskId> {
    let within = move |s: &&StatusSeen<'_>| s.at >= from && s.at <= until;
    let statuses = history.statuses.iter().filter(within);
    statuses
        .filter(move |s| s.state == "RUNNING" && s.worker == Some(worker))
        .map(|s| s.task)
}

/// What the present process of a victim was given or told of up to its fault: outside of the group it may still run it.
fn ran_before(history: &History<'_>, victim: &Victim, acted: Moment) -> BTreeSet<TaskId> {
    let started = history.roster.started(&victim.worker, acted);
    let told = told_running(history, &victim.worker, started, acted);
    let own = |member: &&GroupMember| is_of_process(history, victim, started, member);
    let views = history.groups.iter().take_while(|(at, _)| *at <= acted);
    let members = views.flat_map(|(_, view)| view.members.iter().filter(own));
    let given = members.flat_map(|member| &member.tasks);
    given.chain(told).cloned().collect()
}

/// When the group had lost the last member that a victim's present process was, before the fault came.
fn lost_before(history: &History<'_>, victim: &Victim, acted: Moment) -> Option<Moment> {
    let started = history.roster.started(&victim.worker, acted);
    let is_own = |member: &GroupMember| is_of_process(history, victim, started, member);
    let before = history.groups.iter().take_while(|(at, _)| *at <= acted);
    let views: Vec<_> = before.collect();
    let last = views
        .iter()
        .rposition(|(_, view)| view.members.iter().any(is_own))?;
    views.get(last + 1).map(|(at, _)| *at)
}

/// The tasks that the group gave to a victim's member while it was held: it may have them in its hands when it wakes up.
pub(super) fn given_while_held(history: &History<'_>, victim: &Victim) -> BTreeSet<TaskId> {
    let (Some(acted), Some(id)) = (victim.acted, member_of(history, victim)) else {
        return BTreeSet::new();
    };
    let until = victim.undone.unwrap_or(history.end);
    let held = history
        .groups
        .iter()
        .filter(|(at, view)| *at > acted && *at <= until && view.state == "Stable");
    let own = held.flat_map(|(_, view)| view.members.iter().filter(|m| m.member_id == id));
    own.flat_map(|member| member.tasks.iter().cloned())
        .collect()
}

/// Whether a worker outlived a fault and had told before that it runs a task: it may go on with it without another word.
pub(super) fn has_told(
    history: &History<'_>,
    worker: &WorkerName,
    task: &TaskId,
    at: Moment,
) -> bool {
    let mut outlived = history.faults.iter().filter(|f| !f.kind.ends_process());
    if !outlived.any(|fault| fault.victims.iter().any(|v| v.worker == *worker)) {
        return false;
    }
    let started = history.roster.started(worker, at);
    told_running(history, worker, started, at).any(|told| told == task)
}

/// Whether a worker was ever seen to own or run a task up to a moment.
pub(super) fn has_run(
    history: &History<'_>,
    worker: &WorkerName,
    task: &TaskId,
    until: Moment,
) -> bool {
    let mut views = history.groups.iter().take_while(|(at, _)| *at <= until);
    let owned = views.any(|(_, view)| {
        let mut members = view.members.iter();
        members.any(|m| m.worker.as_ref() == Some(worker) && m.tasks.contains(task))
    });
    owned || told_running(history, worker, Moment::default(), until).any(|told| told == task)
}

/// Whether the group gave a worker up because of a fault that its process outlived: from the fault to one session after
/// its end, or to the next fault of this worker.
fn membership(
    history: &History<'_>,
    fault: &FaultStory,
    victim: &Victim,
    info: &RunInfo,
) -> Membership {
    if is_outside(history, victim) {
        let lost = victim
            .acted
            .and_then(|acted| lost_before(history, victim, acted));
        return lost.map_or(Membership::Kept, Membership::Lost);
    }
    let (Some(acted), Some(id)) = (victim.acted, member_of(history, victim)) else {
        return Membership::Unknown;
    };
    let session_us = settings::milliseconds(info, "session.timeout.ms").saturating_mul(1_000);
    let limit = limit(history, fault, victim, session_us);
    // One that was just joining is first seen after its fault.
    let from = history
        .roster
        .joined(id)
        .map_or(acted, |joined| joined.max(acted));
    let in_time = |at: &Moment| *at > from && *at <= limit;
    let without = history
        .groups
        .iter()
        .find(|(at, view)| in_time(at) && view.members.iter().all(|m| m.member_id != id));
    // It may have been back before the group was looked at again: the proof is a look too.
    let seen = without.map(|(at, _)| *at);
    match seen.or(victim.member_gone.filter(in_time)) {
        Some(at) => Membership::Lost(at),
        None => Membership::Kept,
    }
}

/// Up to when a change can be this fault's work: so long after its end, and not beyond the next fault of the same worker.
pub(super) fn limit(
    history: &History<'_>,
    fault: &FaultStory,
    victim: &Victim,
    after_us: u64,
) -> Moment {
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

/// Whether the loss of a member is the work of a fault: its worker was struck while it was this member or, where its
/// process had not joined yet, before that process was followed by another one; of a fault that the process outlived, up to
/// a session after its end.
pub(super) fn is_struck(
    (history, info): (&History<'_>, &RunInfo),
    worker: &WorkerName,
    id: &str,
    departed: Moment,
) -> bool {
    let session_us = settings::milliseconds(info, "session.timeout.ms").saturating_mul(1_000);
    let joined = history.roster.joined(id);
    history.faults.iter().any(|fault| {
        let victims = fault.victims.iter().filter(|v| v.worker == *worker);
        let mut struck = victims.filter(|v| v.acted.is_some_and(|acted| acted <= departed));
        struck.any(|victim| {
            if fault.kind.ends_process() {
                let acted = victim.acted.unwrap_or_default();
                let next = history.roster.followed(worker, acted);
                return joined.zip(next).is_none_or(|(joined, next)| joined <= next);
            }
            match &victim.struck {
                Struck::Member(own) => {
                    own == id && matches!(victim.membership, Membership::Lost(at) if at == departed)
                }
                Struck::Nobody => departed <= limit(history, fault, victim, session_us),
                Struck::Unknown => false,
            }
        })
    })
}

#[cfg(test)]
mod tests {
    use crate::journal::{Event, Proof, What};
    use crate::model::{FaultKind, WorkerName};

    use super::super::Evidence;
    use super::super::history::{History, Membership};
    use super::super::world::{Blow, World, task};

    /// Reads the history of a world after these changes to its events.
    fn read<T>(
        world: &World,
        change: impl FnOnce(&mut Vec<Event>),
        look: impl FnOnce(&History<'_>) -> T,
    ) -> T {
        let (mut log, places) = world.evidence();
        change(&mut log.events);
        look(&History::read(&Evidence {
            info: &world.info,
            plan: &world.plan,
            log: &log,
            places: &places,
            damage: Vec::new(),
        }))
    }

    #[test]
    fn that_a_member_was_gone_is_told_by_its_proof_where_no_other_look_was_without_it() {
        let blow = Blow::lasting(FaultKind::Pause, 12_000);
        let world = World::with_faults(440, &[blow]);
        let membership = |proven: bool| {
            let change = |events: &mut Vec<Event>| {
                events.retain(|event| match &event.what {
                    What::Group(view) => view.members.iter().any(|m| m.member_id == "w2-b"),
                    What::FaultProof {
                        proof: Proof::MemberGone { .. },
                        ..
                    } => proven,
                    _ => true,
                });
            };
            read(&world, change, |history| {
                let fault = &history.faults[0];
                super::membership(history, fault, &fault.victims[0], &world.info)
            })
        };
        assert!(matches!(membership(true), Membership::Lost(_)));
        assert_eq!(membership(false), Membership::Kept);
    }

    #[test]
    fn a_worker_has_run_what_the_group_gave_it_and_what_it_told_of() {
        let world = World::with_fault(440, FaultKind::Kill);
        let has_run = |worker: &str, left_out: fn(&What) -> bool| {
            let worker = WorkerName::new(worker).unwrap();
            read(
                &world,
                |events| events.retain(|event| !left_out(&event.what)),
                |history| super::has_run(history, &worker, &task("mirror-1"), history.end),
            )
        };
        let views = |what: &What| matches!(what, What::Group(_));
        let statuses = |what: &What| matches!(what, What::TaskStatus { .. });
        assert!(has_run("w2", views));
        assert!(has_run("w2", statuses));
        assert!(!has_run("w2", |what| {
            matches!(what, What::Group(_) | What::TaskStatus { .. })
        }));
        // w1 had other tasks all the time, and never this one.
        assert!(!has_run("w1", |_| false));
    }

    #[test]
    fn what_a_process_had_told_of_it_ran_and_what_it_failed_to_run_it_did_not() {
        let world = World::with_fault(440, FaultKind::Kill);
        let ran = |state: &str| {
            let change = |events: &mut Vec<Event>| {
                events.retain(|event| !matches!(event.what, What::Group(_)));
                for event in events {
                    if let What::TaskStatus { state: told, .. } = &mut event.what {
                        state.clone_into(told);
                    }
                }
            };
            read(&world, change, |history| {
                let victim = &history.faults[0].victims[0];
                super::ran_before(history, victim, victim.acted.unwrap())
            })
        };
        let both = [task("archive-1"), task("mirror-1")].into();
        assert_eq!(ran("RUNNING"), both);
        assert!(ran("FAILED").is_empty());
    }
}
