//! Who is whom in the group: which of its members a worker is now, when one that it was may still be there beside it.

use std::collections::{BTreeMap, BTreeSet};

use crate::journal::{Event, GroupView, What};
use crate::model::{FaultId, Moment, WorkerName};

/// The member that a fault hit when it hit its worker.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Struck {
    /// This one.
    Member(String),
    /// None: the worker had not joined since its last start, so the group had no member to lose.
    Nobody,
    /// The group had not been seen by then, so it is not known.
    #[default]
    Unknown,
}

impl Struck {
    /// Kafka's id of the member, where there was one and it is known.
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::Member(id) => Some(id),
            Self::Nobody | Self::Unknown => None,
        }
    }
}

/// A fold over the journal's events. A worker that is started again joins as a new member while the group keeps the old
/// one until its session ends, so a worker's name alone does not say which member it is: it is one that was first seen
/// after the present start of its process, and of several the one seen first last.
#[derive(Debug, Clone, Default)]
pub struct Roster {
    events: u64,
    /// When each member was first seen: in events, and by the clock.
    first_seen: BTreeMap<String, (u64, Moment)>,
    /// Whose member it is; the brokers tell that in a stable group only.
    workers: BTreeMap<String, WorkerName>,
    /// Members of the last view.
    present: BTreeSet<String>,
    /// When each process of each worker was started, in the same way.
    starts: BTreeMap<WorkerName, Vec<(u64, Moment)>>,
    /// When a process of each worker ended last, and how often one has.
    ended: BTreeMap<WorkerName, (u64, u32)>,
    /// Workers of which the journal tells each start; of others the undoing of a fault that ended the process does.
    tells_starts: BTreeSet<WorkerName>,
    ending: BTreeSet<FaultId>,
    seen: bool,
}

impl Roster {
    /// Takes one event in.
    pub fn apply(&mut self, event: &Event) {
        self.events += 1;
        match &event.what {
            What::Group(view) => self.note_view(view, event.at),
            What::ProcessStarted { name, .. } => {
                if let Ok(worker) = WorkerName::new(name) {
                    self.tells_starts.insert(worker.clone());
                    self.note_start(worker, event.at);
                }
            }
            What::ProcessEnded { name, .. } => {
                if let Ok(worker) = WorkerName::new(name) {
                    let count = self.ends(&worker);
                    self.ended.insert(worker, (self.events, count + 1));
                }
            }
            What::FaultIntended { fault, kind, .. } if kind.ends_process() => {
                self.ending.insert(*fault);
            }
            What::FaultUndone { fault, worker }
                if self.ending.contains(fault) && !self.tells_starts.contains(worker) =>
            {
                self.note_start(worker.clone(), event.at);
            }
            _ => {}
        }
    }

    fn note_start(&mut self, worker: WorkerName, at: Moment) {
        let starts = self.starts.entry(worker).or_default();
        starts.push((self.events, at));
    }

    fn note_view(&mut self, view: &GroupView, at: Moment) {
        self.seen = true;
        self.present = view.members.iter().map(|m| m.member_id.clone()).collect();
        for member in &view.members {
            let known = self.first_seen.entry(member.member_id.clone());
            known.or_insert((self.events, at));
            if let Some(worker) = &member.worker {
                self.workers
                    .insert(member.member_id.clone(), worker.clone());
            }
        }
    }

    /// How often a process of the worker has ended, so that its words can be told from those of an earlier one.
    pub fn ends(&self, worker: &WorkerName) -> u32 {
        self.ended.get(worker).map_or(0, |(_, count)| *count)
    }

    /// The member that a worker is now; nothing while it has no process or has yet to join.
    pub fn of(&self, worker: &WorkerName) -> Option<&str> {
        let started = self.starts.get(worker).and_then(|starts| starts.last());
        // A member that came after the end of a process is that of the next one, whenever its start was told.
        let since = started
            .into_iter()
            .map(|(events, _)| *events)
            .chain(self.ended.get(worker).map(|(events, _)| *events))
            .max()
            .unwrap_or(0);
        let own = self.present.iter().filter_map(|id| {
            let (first, _) = *self.first_seen.get(id)?;
            let is_own = self.workers.get(id) == Some(worker) && first > since;
            is_own.then_some((first, id.as_str()))
        });
        own.max().map(|(_, id)| id)
    }

    /// When the process of a worker that ran at a moment had been started; the run's begin where no start was told.
    pub(super) fn started(&self, worker: &WorkerName, at: Moment) -> Moment {
        let starts = self.starts.get(worker).into_iter().flatten();
        let before = starts.map(|(_, start)| *start).filter(|start| *start <= at);
        before.max().unwrap_or_default()
    }

    /// When the process of a worker that ran at a moment was followed by the next one.
    pub(super) fn followed(&self, worker: &WorkerName, at: Moment) -> Option<Moment> {
        let starts = self.starts.get(worker).into_iter().flatten();
        starts.map(|(_, start)| *start).find(|start| *start > at)
    }

    /// When a member was first seen.
    pub(super) fn joined(&self, member_id: &str) -> Option<Moment> {
        self.first_seen.get(member_id).map(|(_, at)| *at)
    }

    /// Whether the last view of the group has this member.
    pub fn has(&self, member_id: &str) -> bool {
        self.present.contains(member_id)
    }

    /// Which member a fault hits that comes now.
    pub fn struck(&self, worker: &WorkerName) -> Struck {
        match self.of(worker) {
            Some(id) => Struck::Member(id.to_owned()),
            None if self.seen => Struck::Nobody,
            None => Struck::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::GroupMember;
    use crate::model::{FaultKind, Moment, Target};

    fn worker(name: &str) -> WorkerName {
        WorkerName::new(name).unwrap()
    }

    fn view(members: &[(&str, &str)]) -> What {
        let member = |(id, name): &(&str, &str)| GroupMember {
            member_id: (*id).to_owned(),
            worker: WorkerName::new(name).ok(),
            url: String::new(),
            tasks: Vec::new(),
            connectors: Vec::new(),
        };
        What::Group(GroupView {
            state: "Stable".to_owned(),
            protocol: "sessioned".to_owned(),
            leader: None,
            delay_ms: 0,
            members: members.iter().map(member).collect(),
        })
    }

    fn started(name: &str, incarnation: u32) -> What {
        What::ProcessStarted {
            name: name.to_owned(),
            pid: 1,
            incarnation,
            log: String::new(),
        }
    }

    fn event(n: u64, what: What) -> Event {
        let at = Moment::from_ms(n * 100);
        Event { n, at, what }
    }

    fn roster(story: &[What]) -> Roster {
        let mut roster = Roster::default();
        let events = (0..).zip(story.iter().cloned());
        events.for_each(|(n, what)| roster.apply(&event(n, what)));
        roster
    }

    #[test]
    fn a_worker_that_was_started_again_is_its_new_member_and_never_the_old_one_beside_it() {
        let mut story = vec![started("w1", 1), view(&[("z-old", "w1"), ("b", "w2")])];
        assert_eq!(roster(&story).of(&worker("w1")), Some("z-old"));
        story.push(started("w1", 2));
        assert_eq!(roster(&story).struck(&worker("w1")), Struck::Nobody);
        story.push(view(&[("a-new", "w1"), ("b", "w2"), ("z-old", "w1")]));
        assert_eq!(roster(&story).of(&worker("w1")), Some("a-new"));
        assert_eq!(roster(&story).of(&worker("w2")), Some("b"));
        assert!(roster(&story).has("z-old"));
    }

    #[test]
    fn a_member_keeps_its_worker_while_the_group_changes_and_tells_no_addresses() {
        let story = [view(&[("a", "w1")]), view(&[("a", "")])];
        assert_eq!(roster(&story).of(&worker("w1")), Some("a"));
    }

    #[test]
    fn nobody_was_hit_where_the_worker_had_yet_to_join_and_nothing_is_known_without_any_view() {
        let story = [view(&[("a", "w1")]), view(&[("b", "w2")])];
        assert_eq!(roster(&story).struck(&worker("w1")), Struck::Nobody);
        assert_eq!(roster(&[]).struck(&worker("w1")), Struck::Unknown);
    }

    #[test]
    fn a_journal_without_starts_is_understood_by_what_undid_its_faults() {
        let (fault, w1) = (FaultId(1), worker("w1"));
        let mut story = vec![
            view(&[("a", "w1")]),
            What::FaultIntended {
                fault,
                kind: FaultKind::Kill,
                target: Target::Any,
                workers: vec![w1.clone()],
                why: String::new(),
                postponed_ms: 0,
            },
            What::ProcessEnded {
                name: "w1".to_owned(),
                incarnation: 1,
                exit: crate::journal::Exit::Signal(9),
                asked: true,
            },
        ];
        assert_eq!(roster(&story).struck(&w1), Struck::Nobody);
        assert_eq!(roster(&story).ends(&w1), 1);
        story.push(What::FaultUndone {
            fault,
            worker: w1.clone(),
        });
        assert_eq!(roster(&story).struck(&w1), Struck::Nobody);
        story.push(view(&[("a", "w1"), ("c", "w1")]));
        assert_eq!(roster(&story).of(&w1), Some("c"));
    }

    #[test]
    fn it_keeps_when_each_process_began_and_each_member_was_seen() {
        let story = [
            started("w1", 1),
            view(&[("a", "w1")]),
            view(&[]),
            started("w1", 2),
            view(&[("b", "")]),
            view(&[("b", "w1")]),
        ];
        let (roster, w1) = (roster(&story), worker("w1"));
        let at = |n: u64| Moment::from_ms(n * 100);
        assert_eq!(roster.started(&w1, at(2)), at(0));
        assert_eq!(roster.started(&w1, at(3)), at(3));
        assert_eq!(roster.started(&worker("w2"), at(5)), Moment::default());
        assert_eq!(roster.followed(&w1, at(1)), Some(at(3)));
        assert_eq!(roster.followed(&w1, at(3)), None);
        assert_eq!(
            (roster.joined("a"), roster.joined("b")),
            (Some(at(1)), Some(at(4)))
        );
    }
}
