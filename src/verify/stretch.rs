//! What each fault, and each task that could not commit, lets one task repeat, and for how long.

use crate::journal::{GroupView, RunInfo, SinkMember};
use crate::model::{Direction, FaultKind, Moment, TaskId};

use super::history::{FaultStory, History, Membership, Victim};
use super::leg::{IN_FLIGHT_US, Leg};
use super::members;
use super::settings;

/// Statuses written this long after a zombie's group had its task in one place still belong to that rebalance.
const LAST_STARTS_US: u64 = 15_000_000;

/// So long after it has joined again a worker has learnt which of its tasks it has lost, in microseconds.
const LEARNS_US: u64 = 5_000_000;

/// What a task may do again in a stretch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nature {
    /// It could commit, or never stopped being its worker's: nothing.
    Nothing,
    /// It was taken without a chance to commit: what lies above the committed position, once.
    Taken,
    /// It did not stop within `task.shutdown.graceful.timeout.ms` when it was to move, so it had no chance to commit either.
    Late,
    /// It kept its worker, which lost its connections: what was in flight, once.
    InFlight,
    /// Its worker came back as a zombie beside its heir: what lies above the committed position, once from the zombie. What
    /// the owner after both may do again is a stretch of its own, of a task that was taken.
    Zombie,
    /// Whether the worker was given up is not known.
    Unknown,
}

/// What one fault does to one task of one connector, from its beginning until the task has settled or was hit again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stretch {
    /// The fault (its index), and which of its victims; of a task that was late to stop, the last before it, if any.
    pub cause: Option<(usize, usize)>,
    /// The connector, by its place in the route.
    pub leg: usize,
    /// `None` where it is not known which task was hit: then each task of the connector may have been.
    pub task: Option<TaskId>,
    pub nature: Nature,
    /// Commits seen up to here were made for certain.
    pub struck: Moment,
    /// From here on its repeats can arrive.
    pub opens: Moment,
    /// When what it took was in flight no more and the task was at work again; of a zombie, when that was gone for good.
    pub settled: Moment,
    /// Up to when the tasks that it took can have read.
    pub read_until: Moment,
}

impl Stretch {
    pub(super) fn fault(&self) -> Option<usize> {
        self.cause.map(|(fault, _)| fault)
    }

    /// The victim behind it.
    pub(super) fn victim<'h>(&self, history: &'h History<'_>) -> Option<&'h Victim> {
        let (fault, victim) = self.cause?;
        history.faults.get(fault)?.victims.get(victim)
    }

    /// The second before it, from which on records were in flight.
    pub(super) fn flight_began(&self) -> Moment {
        Moment(self.opens.0.saturating_sub(IN_FLIGHT_US))
    }

    /// Whether it may have hit the task behind a partition of the connector's input.
    pub(super) fn concerns(
        &self,
        leg: &Leg<'_>,
        partition: Option<i32>,
        history: &History<'_>,
    ) -> bool {
        let Some(task) = &self.task else { return true };
        let owners = partition.and_then(|p| leg.owners_around(p, self.struck, history));
        owners.is_none_or(|owners| owners.contains(task))
    }
}

/// All stretches of a run, in the order of the faults.
pub(super) fn all(legs: &[Leg<'_>], history: &History<'_>, info: &RunInfo) -> Vec<Stretch> {
    let mut list = Vec::new();
    for (fault, story) in history.faults.iter().enumerate() {
        for (number, victim) in story.victims.iter().enumerate() {
            let hits = Hits {
                history,
                info,
                cause: (fault, number),
                story,
                victim,
            };
            for leg in legs {
                hits.add(leg, &mut list);
            }
        }
    }
    for leg in legs {
        late(leg, history, info, &mut list);
    }
    end_at_next_hit(&mut list);
    list
}

/// A task that was taken again was not at work again later than that.
fn end_at_next_hit(list: &mut [Stretch]) {
    let hits: Vec<(usize, Option<TaskId>, Moment)> = list
        .iter()
        .filter(|stretch| stretch.nature != Nature::Late)
        .map(|stretch| (stretch.leg, stretch.task.clone(), stretch.struck))
        .collect();
    let taken = |stretch: &&mut Stretch| matches!(stretch.nature, Nature::Taken | Nature::Late);
    for stretch in list.iter_mut().filter(taken) {
        let least = Moment(stretch.opens.0.saturating_add(IN_FLIGHT_US));
        let again = hits.iter().filter(|(leg, task, struck)| {
            *leg == stretch.leg
                && task.is_some()
                && *task == stretch.task
                && *struck > stretch.opens
        });
        let next = again.map(|(_, _, struck)| *struck).min();
        stretch.settled = next.map_or(stretch.settled, |next| stretch.settled.min(next).max(least));
    }
}

/// One victim of one fault.
struct Hits<'h, 'a> {
    history: &'h History<'a>,
    info: &'h RunInfo,
    cause: (usize, usize),
    story: &'h FaultStory,
    victim: &'h Victim,
}

impl Hits<'_, '_> {
    fn add(&self, leg: &Leg<'_>, list: &mut Vec<Stretch>) {
        let Some(struck) = self.victim.acted else {
            return;
        };
        let tasks: Vec<Option<TaskId>> = match members::tasks_of(self.history, self.victim) {
            None => vec![None],
            Some(mut tasks) => {
                if !self.story.kind.ends_process() {
                    tasks.extend(members::given_while_held(self.history, self.victim));
                }
                let own = tasks.into_iter();
                own.filter(|task| task.connector == leg.connector.name)
                    .map(Some)
                    .collect()
            }
        };
        for task in tasks {
            let gone = self.victim.gone().unwrap_or(struck);
            let read_until = Moment(gone.0.saturating_add(IN_FLIGHT_US));
            let one = |nature, opens, settled| Stretch {
                cause: Some(self.cause),
                leg: leg.index,
                task: task.clone(),
                nature,
                struck,
                opens,
                settled,
                read_until,
            };
            let nature = self.nature(leg, task.as_ref());
            let settled = match nature {
                Nature::Unknown => self.unknown_until(leg),
                _ => leg.at_work(task.as_ref(), gone, self.history),
            };
            match (nature, self.victim.undone) {
                (Nature::Zombie, woke) => {
                    let zombie = woke.map(|woke| {
                        let opens = Moment(woke.0.saturating_sub(IN_FLIGHT_US));
                        (opens, self.zombie_gone(leg, task.as_ref(), woke))
                    });
                    // Its own worker may have gone on with it, without a new start.
                    let settled = zombie.map_or(settled, |(_, gone)| settled.min(gone));
                    list.push(one(Nature::Taken, struck, settled));
                    if let Some((opens, gone)) = zombie {
                        let both = [Nature::Zombie, Nature::Taken];
                        list.extend(both.map(|nature| Stretch {
                            read_until: gone,
                            ..one(nature, opens, gone)
                        }));
                    }
                }
                (Nature::InFlight, _) => {
                    let settled = Moment(gone.0.saturating_add(IN_FLIGHT_US));
                    list.push(one(nature, gone, settled));
                }
                (Nature::Nothing | Nature::Taken | Nature::Late | Nature::Unknown, _) => {
                    list.push(one(nature, struck, settled));
                }
            }
        }
    }

    fn nature(&self, leg: &Leg<'_>, task: Option<&TaskId>) -> Nature {
        if leg.exactly_once {
            return Nature::Nothing;
        }
        if self.story.kind.ends_process() {
            return match self.victim.could_not_commit(&leg.connector.name, task) {
                true => Nature::Taken,
                false => Nature::Nothing,
            };
        }
        match self.given_up(leg) {
            Membership::Unknown => Nature::Unknown,
            Membership::Kept if self.story.kind == FaultKind::Disconnect => Nature::InFlight,
            Membership::Kept => Nature::Nothing,
            Membership::Lost(_) => Nature::Zombie,
        }
    }

    /// Whether the victim's tasks of this connector were given up: by the group, or for a sink by its consumer group alone.
    fn given_up(&self, leg: &Leg<'_>) -> Membership {
        match self.victim.membership {
            Membership::Kept if leg.connector.direction == Direction::Sink => {
                match self.consumers_moved(leg) {
                    Some(moved) => Membership::Lost(moved),
                    None if self.consumers_may_have_moved(leg) => Membership::Unknown,
                    None => Membership::Kept,
                }
            }
            known => known,
        }
    }

    /// A consumer that is silent for so long may be given up and have joined again between two looks at its group, or
    /// while the group was changing anyway.
    fn consumers_may_have_moved(&self, leg: &Leg<'_>) -> bool {
        let patience_us =
            settings::sink_patience_ms(self.info, leg.connector).saturating_mul(1_000);
        let until = self.victim.undone.unwrap_or(self.history.end);
        let acted = self.victim.acted;
        acted.is_some_and(|acted| until.0.saturating_sub(acted.0) >= patience_us)
    }

    /// Where only a sink's consumer group may have given its tasks up, that is over when it has settled.
    fn unknown_until(&self, leg: &Leg<'_>) -> Moment {
        let back = self
            .victim
            .undone
            .filter(|_| self.victim.membership == Membership::Kept);
        let settled = back.and_then(|back| leg.consumers_settled(back, self.history));
        settled.map_or(self.history.end, |at| {
            Moment(at.0.saturating_add(IN_FLIGHT_US))
        })
    }

    /// When the partitions of the victim's sink tasks were first seen with others.
    fn consumers_moved(&self, leg: &Leg<'_>) -> Option<Moment> {
        let acted = self.victim.acted?;
        let tasks = members::tasks_of(self.history, self.victim);
        let views = || leg.sink_views(self.history);
        let (_, before) = views().rfind(|(at, _)| *at <= acted)?;
        // Where it is not known which tasks it had, any may have been its own.
        let of_victim = |member: &&SinkMember| {
            let task = member.task.as_ref();
            task.is_some_and(|task| tasks.as_ref().is_none_or(|tasks| tasks.contains(task)))
        };
        let own: Vec<&SinkMember> = before.iter().filter(of_victim).collect();
        let keeps = |members: &[SinkMember]| {
            own.iter().all(|old| {
                let mut same = members.iter().filter(|new| new.task == old.task);
                same.any(|new| old.partitions.iter().all(|p| new.partitions.contains(p)))
            })
        };
        let limit = members::limit(self.history, self.story, self.victim, 2 * IN_FLIGHT_US);
        views()
            .find(|(at, members)| *at > acted && *at <= limit && !keeps(members))
            .map(|(at, _)| at)
    }

    /// Where the task was given out anew it has a new start. Where it stayed another's, the worker was to learn that; where it
    /// is its own again, there is nothing to learn.
    fn started_since(&self, calm: Moment, leg: &Leg<'_>, task: Option<&TaskId>) -> Moment {
        let history = self.history;
        let limit = Moment(calm.0.saturating_add(LAST_STARTS_US));
        let starts = history.statuses.iter().filter(|status| {
            let meant = task.map_or(status.task.connector == leg.connector.name, |one| {
                one == status.task
            });
            meant && status.state == "RUNNING" && status.at > calm && status.at <= limit
        });
        let last = starts.map(|status| status.at).max();
        let elsewhere = task.is_some_and(|task| {
            let held = history.groups.iter().rfind(|(at, _)| *at <= calm);
            let mut members = held.into_iter().flat_map(|(_, view)| &view.members);
            let owner = members.find(|member| member.tasks.contains(task));
            owner.is_some_and(|owner| owner.worker.as_ref() != Some(&self.victim.worker))
        });
        let learns_us = if elsewhere { LEARNS_US } else { 0 };
        last.unwrap_or(Moment(calm.0.saturating_add(learns_us)))
    }

    /// The fault that held the same worker again so soon after a moment that it may not have learnt yet what it had lost.
    fn held_again(&self, calm: Moment) -> Option<Self> {
        let soon = Moment(calm.0.saturating_add(LEARNS_US));
        let faults = self.history.faults.iter().enumerate();
        let mut victims = faults
            .filter(|(_, fault)| !fault.kind.ends_process())
            .flat_map(|(index, story)| {
                let victims = story.victims.iter().enumerate();
                victims.map(move |(number, victim)| (index, number, story, victim))
            });
        let (index, number, story, victim) = victims.find(|(_, _, _, victim)| {
            let held = victim.acted.is_some_and(|at| at > calm && at <= soon);
            held && victim.worker == self.victim.worker
        })?;
        Some(Self {
            history: self.history,
            info: self.info,
            cause: (index, number),
            story,
            victim,
        })
    }

    /// When a zombie has stopped for certain, and nothing of it is in flight any more: its worker has joined again as
    /// another member, the task is in one place and has started there (of a sink, its consumer group has each task once);
    /// or its process has ended, or the task was hit again.
    fn zombie_gone(&self, leg: &Leg<'_>, task: Option<&TaskId>, woke: Moment) -> Moment {
        let history = self.history;
        let next_hit = history.next_end_of(&self.victim.worker, woke);
        // Seen again after the group was seen without it, it has joined again; it may have asked for that before it was held.
        let since = match self.victim.membership {
            Membership::Lost(at) => at,
            Membership::Kept | Membership::Unknown => Moment(woke.0.saturating_add(1)),
        };
        let back = |(at, view): &&(Moment, &GroupView)| {
            let mut members = view.members.iter();
            let worker = Some(&self.victim.worker);
            *at >= since && view.state == "Stable" && members.any(|m| m.worker.as_ref() == worker)
        };
        let in_one_place = |view: &GroupView| {
            let mut wanted = history
                .tasks
                .iter()
                .filter(|t| task.map_or(t.connector == leg.connector.name, |one| one == *t));
            wanted.all(|t| view.members.iter().filter(|m| m.tasks.contains(t)).count() == 1)
        };
        let of_group = || {
            // What is not followed by another view before it wakes up still holds then.
            let held = history.groups.iter().rposition(|(at, _)| *at <= woke);
            let mut views = history.groups.iter().skip(held.unwrap_or(0)).filter(back);
            views
                .find(|(_, view)| in_one_place(view))
                .map(|(at, _)| (*at).max(woke))
        };
        // Given up by its consumer group alone, it is still the member of the workers' group that it was.
        let calm = match self.victim.membership {
            // Held again and kept, it goes on to learn what it had lost before.
            Membership::Kept => Some(
                self.consumers_moved(leg)
                    .map_or(woke, |moved| moved.max(woke)),
            ),
            Membership::Lost(_) | Membership::Unknown => of_group(),
        };
        if let Some(again) = calm.and_then(|calm| self.held_again(calm)) {
            let woke = again.victim.undone.filter(|again| *again > woke);
            return woke.map_or(history.end, |woke| again.zombie_gone(leg, task, woke));
        }
        let started = calm.map(|calm| self.started_since(calm, leg, task));
        let settled = match leg.connector.direction {
            Direction::Source => started,
            Direction::Sink => started.and_then(|at| leg.consumers_settled(at, history)),
        };
        let over = settled.into_iter().chain(next_hit).min();
        over.map_or(history.end, |at| Moment(at.0.saturating_add(IN_FLIGHT_US)))
    }
}

/// Tasks that did not stop within `task.shutdown.graceful.timeout.ms` although nothing was done to their worker: they were
/// to move, and could not commit.
fn late(leg: &Leg<'_>, history: &History<'_>, info: &RunInfo, list: &mut Vec<Stretch>) {
    if leg.exactly_once {
        return;
    }
    let grace_us =
        settings::milliseconds(info, "task.shutdown.graceful.timeout.ms").saturating_mul(1_000);
    let own = history.late.iter().filter(|late| {
        let named = late.task.as_ref();
        named.is_none_or(|task| {
            task.connector == leg.connector.name
                && members::has_run(history, &late.worker, task, late.at)
        })
    });
    for late in own {
        let struck = Moment(
            late.at
                .0
                .saturating_sub(grace_us.saturating_add(IN_FLIGHT_US)),
        );
        list.push(Stretch {
            cause: history.last_hit(&late.worker, late.at),
            leg: leg.index,
            task: late.task.clone(),
            nature: Nature::Late,
            struck,
            opens: struck,
            settled: leg.at_work(late.task.as_ref(), late.at, history),
            read_until: Moment(late.at.0.saturating_add(IN_FLIGHT_US)),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::world::task;
    use super::*;

    #[test]
    fn a_task_that_was_taken_again_was_at_work_no_later_than_that() {
        let taken = |leg, name: &str, struck_s: u64, settled_s: u64| {
            let [struck, settled] = [struck_s, settled_s].map(|s| Moment::from_ms(s * 1_000));
            Stretch {
                cause: None,
                leg,
                task: Some(task(name)),
                nature: Nature::Taken,
                struck,
                opens: struck,
                settled,
                read_until: struck,
            }
        };
        let mut list = [
            taken(0, "mirror-1", 10, 30),
            taken(1, "mirror-1", 12, 30),
            taken(0, "mirror-0", 15, 30),
            taken(0, "mirror-1", 20, 30),
        ];
        end_at_next_hit(&mut list);
        let settled = list.map(|stretch| stretch.settled.as_ms() / 1_000);
        assert_eq!(settled, [20, 30, 30, 30]);
    }
}
