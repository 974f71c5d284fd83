//! Sinks' consumers as members of their groups: eager rounds, in which everybody commits and lets go first.

use std::collections::BTreeMap;

use super::cluster::{Cluster, Cursor, Phase, SinkGroup};
use super::group::{Beat, State};

impl Cluster {
    pub fn step_sink_groups(&mut self) {
        for leg in 0..self.sinks.len() {
            let Some(mut sink) = self.sinks[leg].take() else {
                continue;
            };
            sink.group.tick(self.now);
            self.step_sink_round(&mut sink);
            self.sinks[leg] = Some(sink);
        }
    }

    fn step_sink_round(&mut self, sink: &mut SinkGroup) {
        if sink.group.state != State::Completing {
            sink.complete_at = None;
            return;
        }
        let leader = sink.group.leader.clone().unwrap_or_default();
        let member = sink.group.members.iter().find(|member| member.id == leader);
        let responds = member.is_some_and(|member| {
            let run = &self.runs[member.key];
            run.phase != Phase::Ended
                && run
                    .consumer
                    .as_ref()
                    .is_some_and(|c| c.member.as_ref() == Some(&leader))
                && self.workers[run.worker].responds()
        });
        if !responds {
            sink.complete_at = None;
            return;
        }
        let soon = self.now + self.rng.range(5, 60);
        if *sink.complete_at.get_or_insert(soon) > self.now {
            return;
        }
        sink.complete_at = None;
        sink.shares = self.ranges(sink);
        sink.group.complete();
    }

    /// Consecutive partitions to each member, in the order of their tasks.
    fn ranges(&self, sink: &SinkGroup) -> BTreeMap<String, Vec<u64>> {
        let mut members: Vec<_> = sink
            .group
            .members
            .iter()
            .map(|member| (self.runs[member.key].task, member.id.clone()))
            .collect();
        members.sort();
        let (all, count) = (self.setup.partitions as usize, members.len());
        let mut next = 0;
        let mut shares = BTreeMap::new();
        for (number, (_, id)) in members.into_iter().enumerate() {
            let size = all / count + usize::from(number < all % count);
            shares.insert(id, (next as u64..(next + size) as u64).collect());
            next += size;
        }
        shares
    }

    /// The consumer's part of a step; whether the task may read.
    pub fn step_consumer(&mut self, r: usize) -> bool {
        let leg = self.runs[r].task.0;
        let Some(mut sink) = self.sinks[leg].take() else {
            return true;
        };
        let may_read = self.step_consumer_in(r, &mut sink);
        self.sinks[leg] = Some(sink);
        if self.runs[r].consumer.as_ref().is_some_and(|c| c.revoking) {
            self.let_go(r);
            return false;
        }
        may_read
    }

    fn step_consumer_in(&mut self, r: usize, sink: &mut SinkGroup) -> bool {
        let now = self.now;
        let stopping = matches!(self.runs[r].phase, Phase::Stopping(_));
        let hangs = self.runs[r].hangs && stopping;
        let beat_ms = self.setup.consumer_beat_ms;
        let fresh = format!(
            "{}-{}-{}",
            r, self.setup.legs[self.runs[r].task.0].name, now
        );
        let Some(consumer) = self.runs[r].consumer.as_mut() else {
            return true;
        };
        let Some(id) = consumer.member.clone() else {
            if !stopping && consumer.join_at <= now {
                sink.group.join(&fresh, r, now);
                consumer.member = Some(fresh);
                consumer.waits = true;
                consumer.next_beat = now + beat_ms;
            }
            return stopping;
        };
        if consumer.next_beat <= now {
            consumer.next_beat = now + beat_ms;
            match sink.group.beat(&id, now) {
                Beat::Fine => {}
                Beat::JoinAgain => {
                    consumer.waits = false;
                    consumer.revoking = !stopping && !hangs;
                }
                Beat::Unknown => {
                    consumer.member = None;
                    consumer.waits = false;
                    consumer.revoking = false;
                    let soon = self.rng.range(10, 300);
                    consumer.join_at = now + soon;
                    self.runs[r].cursors.clear();
                    // A commit names the member and the generation that it was made as, and is refused from here on.
                    self.runs[r].commit = None;
                    return stopping;
                }
            }
        }
        if !consumer.waits {
            return true;
        }
        if !sink.group.has(&id) {
            consumer.next_beat = now;
        } else if sink.group.state == State::Stable && sink.group.generation != consumer.generation
        {
            let soon = now + self.rng.range(0, 30);
            let at = *consumer.sync_at.get_or_insert(soon);
            if at <= now {
                self.take_partitions(r, sink, &id);
                return true;
            }
        }
        stopping
    }

    fn take_partitions(&mut self, r: usize, sink: &SinkGroup, id: &str) {
        let leg = self.runs[r].task.0;
        let partitions = sink.shares.get(id).cloned().unwrap_or_default();
        self.runs[r].cursors = partitions
            .into_iter()
            .map(|partition| {
                let at = self.committed[leg].get(&partition).copied().unwrap_or(0);
                let at = self.goes_back(leg, partition, at);
                let cursor = Cursor {
                    read: at,
                    acked: at,
                    offered: at,
                    due: 0,
                };
                (partition, cursor)
            })
            .collect();
        self.runs[r].next_poll = self.now + self.rng.range(10, 150);
        if let Some(consumer) = self.runs[r].consumer.as_mut() {
            consumer.waits = false;
            consumer.sync_at = None;
            consumer.generation = sink.group.generation;
        }
    }

    /// Commits what was written, lets go of the partitions and joins again.
    fn let_go(&mut self, r: usize) {
        let leg = self.runs[r].task.0;
        if !self.runs[r].wire.is_empty() || self.runs[r].commit.is_some() {
            return;
        }
        if !Self::committable(&self.runs[r]).is_empty() && !self.lost_its_group(r) {
            return self.offer(r);
        }
        self.runs[r].cursors.clear();
        let (now, beat) = (self.now, self.setup.consumer_beat_ms);
        let id = match self.runs[r].consumer.as_mut() {
            Some(consumer) => {
                consumer.revoking = false;
                consumer.waits = true;
                consumer.sync_at = None;
                consumer.next_beat = now + beat;
                consumer.member.clone().unwrap_or_default()
            }
            None => return,
        };
        if let Some(sink) = self.sinks[leg].as_mut() {
            sink.group.join(&id, r, now);
        }
    }

    /// Whether the task's consumer has been struck from its group (or has never joined), so that it cannot commit.
    pub fn lost_its_group(&self, r: usize) -> bool {
        let run = &self.runs[r];
        let (Some(sink), Some(consumer)) = (&self.sinks[run.task.0], &run.consumer) else {
            return false;
        };
        let member = consumer.member.as_ref();
        !member.is_some_and(|id| sink.group.has(id)) || consumer.generation != sink.group.generation
    }

    /// A consumer that is closed says so.
    pub fn leave_sink_group(&mut self, r: usize) {
        let leg = self.runs[r].task.0;
        let member = self.runs[r]
            .consumer
            .as_mut()
            .and_then(|consumer| consumer.member.take());
        if let (Some(id), Some(sink)) = (member, self.sinks[leg].as_mut()) {
            sink.group.leave(&id);
        }
    }
}
