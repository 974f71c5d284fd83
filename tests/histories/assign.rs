//! What the leader of Connect's group gives to whom: lost tasks after a delay, tasks claimed twice to nobody, and the rest evenly.

use std::collections::{BTreeMap, BTreeSet};

use super::cluster::{Cluster, Lead, Share, Shares, Task};
use super::group::{Ms, State};

impl Cluster {
    /// The leader answers once all have joined, if it can.
    pub fn step_round(&mut self) {
        if self.group.state != State::Completing {
            self.complete_at = None;
            return;
        }
        let Some(leader) = self.group.leader.clone() else {
            return;
        };
        let responds = self.group.members.iter().any(|member| {
            member.id == leader
                && self.workers[member.key].member.as_deref() == Some(&leader)
                && self.workers[member.key].responds()
        });
        if !responds {
            self.complete_at = None;
            return;
        }
        let soon = self.now + self.rng.range(20, 120);
        if *self.complete_at.get_or_insert(soon) <= self.now {
            self.complete_at = None;
            self.shares = self.assign(&leader);
            self.group.complete();
            self.send_shares();
        }
    }

    /// Everybody who waits gets its share, whatever happens to the group before it is read.
    fn send_shares(&mut self) {
        for member in self.group.members.clone() {
            let worker = &self.workers[member.key];
            if worker.member.as_ref() == Some(&member.id) && worker.waits && worker.responds() {
                let at = self.now + self.rng.range(0, 60);
                let share = self.share_of(&member.id);
                let worker = &mut self.workers[member.key];
                worker.share = Some(share);
                worker.sync_at = Some(at);
            }
        }
    }

    pub fn share_of(&self, id: &str) -> Share {
        Share {
            owned: self.shares.owned.get(id).cloned().unwrap_or_default(),
            revoked: self.shares.revoked.get(id).cloned().unwrap_or_default(),
            delay_ms: self.shares.delay_ms,
            generation: self.group.generation,
        }
    }

    fn assign(&mut self, leader: &str) -> Shares {
        let members: BTreeSet<String> = self
            .group
            .members
            .iter()
            .map(|member| member.id.clone())
            .collect();
        self.claims.retain(|id, _| members.contains(id));
        let claims: BTreeMap<String, BTreeSet<Task>> = members
            .iter()
            .map(|id| (id.clone(), self.claims.get(id).cloned().unwrap_or_default()))
            .collect();
        let mut counts: BTreeMap<Task, usize> = BTreeMap::new();
        claims
            .values()
            .flatten()
            .for_each(|task| *counts.entry(*task).or_default() += 1);
        let unclaimed: BTreeSet<Task> = self
            .tasks()
            .into_iter()
            .filter(|task| !counts.contains_key(task))
            .collect();
        if self.lead.id != leader {
            self.lead = Lead {
                id: leader.to_owned(),
                ..Lead::default()
            };
        }
        let (given, delay_ms) = self.settle_lost(&unclaimed, &members);
        let twice = |task: &Task| counts.get(task).is_some_and(|count| *count > 1);
        let mut revoked: BTreeMap<String, BTreeSet<Task>> = BTreeMap::new();
        let mut owned = claims;
        for (id, tasks) in &mut owned {
            let gone: BTreeSet<Task> = tasks.iter().copied().filter(twice).collect();
            tasks.retain(|task| !gone.contains(task));
            revoked.insert(id.clone(), gone);
        }
        for task in &given {
            give_to_least(&mut owned, *task);
        }
        if given.is_empty() && delay_ms == 0 && revoked.values().all(BTreeSet::is_empty) {
            level(&mut owned, &mut revoked);
        }
        let held_back = unclaimed.difference(&given);
        self.lead.before = Some(owned.values().flatten().chain(held_back).copied().collect());
        self.lead.members = members;
        Shares {
            owned,
            revoked,
            delay_ms,
        }
    }

    /// Which of the tasks that nobody has are given out now, and how long the others have to wait.
    fn settle_lost(
        &mut self,
        unclaimed: &BTreeSet<Task>,
        members: &BTreeSet<String>,
    ) -> (BTreeSet<Task>, Ms) {
        let before = self.lead.before.clone().unwrap_or_default();
        let (lost, mut given): (BTreeSet<Task>, BTreeSet<Task>) =
            unclaimed.iter().partition(|task| before.contains(task));
        if lost.is_empty() {
            self.lead.due = None;
            return (given, 0);
        }
        let departed = !self.lead.members.is_subset(members);
        match self.lead.due {
            None if departed && self.setup.delay_ms > 0 => {
                self.lead.due = Some(self.now + self.setup.delay_ms);
                (given, self.setup.delay_ms)
            }
            Some(due) if self.now < due => (given, due - self.now),
            None | Some(_) => {
                self.lead.due = None;
                given.extend(lost);
                (given, 0)
            }
        }
    }
}

fn give_to_least(owned: &mut BTreeMap<String, BTreeSet<Task>>, task: Task) {
    if let Some((_, tasks)) = owned.iter_mut().min_by_key(|(_, tasks)| tasks.len()) {
        tasks.insert(task);
    }
}

/// Takes tasks from who has two more than another; they are given out in the next round.
fn level(
    owned: &mut BTreeMap<String, BTreeSet<Task>>,
    revoked: &mut BTreeMap<String, BTreeSet<Task>>,
) {
    let mut counts: BTreeMap<String, usize> = owned
        .iter()
        .map(|(id, tasks)| (id.clone(), tasks.len()))
        .collect();
    loop {
        let most = counts.iter().max_by_key(|(_, count)| **count);
        let least = counts.iter().min_by_key(|(_, count)| **count);
        let (Some((most, high)), Some((least, low))) = (most, least) else {
            return;
        };
        if *high < low + 2 {
            return;
        }
        let (most, least) = (most.clone(), least.clone());
        counts.entry(most.clone()).and_modify(|count| *count -= 1);
        counts.entry(least).and_modify(|count| *count += 1);
        if let Some(task) = owned.get_mut(&most).and_then(BTreeSet::pop_last) {
            revoked.entry(most).or_default().insert(task);
        }
    }
}
