//! Workers as members of Connect's group: joining, heartbeats, shares, and the way out.

use std::collections::BTreeSet;

use squall::journal::{Exit, LogFact, What};

use super::cluster::{Cluster, Phase, Process, Run, Share, Task};
use super::group::{Beat, Ms, State};
use super::setup::Style;

/// A task that has not stopped by then is left alone (`task.shutdown.graceful.timeout.ms`).
pub const GRACEFUL_MS: Ms = 5_000;

impl Cluster {
    pub fn step_worker(&mut self, w: usize) {
        match self.workers[w].process {
            Process::Down => {}
            Process::Booting(until) => {
                if !self.workers[w].frozen && !self.workers[w].cut && self.now >= until {
                    self.workers[w].process = Process::Up;
                    self.workers[w].join_at = self.now;
                    self.tell_ready(w);
                }
            }
            Process::Up => {
                if self.workers[w].gives_up_at.is_some_and(|at| at <= self.now) {
                    self.give_up_tasks(w);
                }
                if self.workers[w].responds() {
                    self.step_member(w);
                }
            }
            Process::Stopping { since, leaves } => {
                if self.workers[w].responds() {
                    self.step_stop(w, since, leaves);
                }
            }
        }
    }

    fn step_member(&mut self, w: usize) {
        let now = self.now;
        let Some(id) = self.workers[w].member.clone() else {
            if self.workers[w].join_at <= now {
                let id = self.fresh_id(w);
                self.workers[w].member = Some(id.clone());
                self.join(w, &id);
            }
            return;
        };
        if self.workers[w].share.is_some() {
            return self.await_share(w, &id);
        }
        self.beat(w, &id);
        if self.workers[w].member.is_none() {
            return;
        }
        if self.workers[w].waits {
            self.await_share(w, &id);
        } else if self.workers[w].rejoin_at.is_some_and(|at| at <= now)
            && !self.is_stopping_tasks(w)
        {
            self.join(w, &id);
        }
    }

    fn join(&mut self, w: usize, id: &str) {
        self.claims
            .insert(id.to_owned(), self.workers[w].held.clone());
        self.group.join(id, w, self.now);
        let beat = self.setup.beat_ms;
        let worker = &mut self.workers[w];
        worker.waits = true;
        worker.rejoin_at = None;
        worker.sync_at = None;
        worker.next_beat = self.now + beat;
    }

    fn beat(&mut self, w: usize, id: &str) {
        if self.workers[w].next_beat > self.now {
            return;
        }
        self.workers[w].next_beat = self.now + self.setup.beat_ms;
        match self.group.beat(id, self.now) {
            Beat::Fine => {}
            Beat::JoinAgain => {
                if self.workers[w].rejoin_at.is_none_or(|at| at > self.now) {
                    let soon = self.now + self.rng.range(0, 200);
                    self.workers[w].rejoin_at = Some(soon);
                }
                self.workers[w].waits = false;
            }
            Beat::Unknown => {
                let soon = self.now + self.rng.spread(20, 1_500);
                let worker = &mut self.workers[w];
                worker.member = None;
                worker.waits = false;
                worker.rejoin_at = None;
                worker.share = None;
                worker.generation = 0;
                worker.join_at = soon;
            }
        }
    }

    fn await_share(&mut self, w: usize, id: &str) {
        if self.workers[w].share.is_none() {
            if !self.group.has(id) {
                // It was struck while it waited, and hears so instead of its share.
                self.workers[w].next_beat = self.now;
                return;
            }
            let known = self.group.generation == self.workers[w].generation;
            if self.group.state != State::Stable || known {
                return;
            }
            // It asks late, and the round is still the last one.
            self.workers[w].share = Some(self.share_of(id));
            self.workers[w].sync_at = Some(self.now + 20);
        }
        if self.workers[w].sync_at.is_none_or(|at| at <= self.now)
            && let Some(share) = self.workers[w].share.take()
        {
            self.take_share(w, share);
        }
    }

    /// The worker hears what it has to stop and to start.
    fn take_share(&mut self, w: usize, share: Share) {
        let Share {
            owned,
            revoked,
            delay_ms,
            generation,
        } = share;
        let fresh: Vec<Task> = owned.difference(&self.workers[w].held).copied().collect();
        self.workers[w].waits = false;
        self.workers[w].sync_at = None;
        self.workers[w].generation = generation;
        for run in self.active.clone() {
            if self.runs[run].worker == w && revoked.contains(&self.runs[run].task) {
                self.begin_stop(run);
            }
        }
        self.workers[w].held = owned;
        let joined = LogFact::Joined {
            generation,
            delay_ms,
        };
        self.tell_info(w, joined);
        self.tell_info(w, LogFact::StartingWork);
        for task in fresh {
            self.start(w, task);
        }
        self.tell_info(w, LogFact::FinishedStartingWork);
        self.workers[w].rejoin_at = match (revoked.is_empty(), delay_ms) {
            (false, _) => Some(self.now + self.rng.range(10, 100)),
            (true, 0) => None,
            (true, delay) => Some(self.now + delay + self.rng.range(0, 30)),
        };
    }

    fn start(&mut self, w: usize, task: Task) {
        let at = self.now + self.rng.spread(120, 1_500);
        let run = Run {
            task,
            worker: w,
            incarnation: self.workers[w].incarnation,
            generation: self.workers[w].generation,
            phase: Phase::Starting(at),
            began: self.now,
            ..Run::default()
        };
        self.active.push(self.runs.len());
        self.runs.push(run);
    }

    pub fn is_stopping_tasks(&self, w: usize) -> bool {
        self.active.iter().any(|run| {
            let run = &self.runs[*run];
            run.worker == w && matches!(run.phase, Phase::Stopping(_))
        })
    }

    pub fn runs_of(&self, w: usize) -> Vec<usize> {
        let of = |run: &usize| self.runs[*run].worker == w && self.runs[*run].phase != Phase::Ended;
        self.active.iter().copied().filter(of).collect()
    }

    /// No broker has answered for too long: the worker stops its tasks, which cannot commit any more.
    fn give_up_tasks(&mut self, w: usize) {
        self.workers[w].gives_up_at = None;
        self.workers[w].held = BTreeSet::new();
        // It joins again as soon as a broker answers.
        self.workers[w].rejoin_at = Some(self.now);
        for run in self.runs_of(w) {
            self.begin_stop(run);
        }
        self.tell_coordinator_lost(w);
    }

    fn step_stop(&mut self, w: usize, since: Ms, leaves: Option<Ms>) {
        let now = self.now;
        if let Some(id) = self.workers[w].member.clone()
            && self.workers[w].next_beat <= now
        {
            self.workers[w].next_beat = now + self.setup.beat_ms;
            self.group.beat(&id, now);
        }
        match leaves {
            None if now >= since + 50 && self.runs_of(w).is_empty() => {
                let leaves = Some(now + self.rng.range(150, 500));
                self.workers[w].process = Process::Stopping { since, leaves };
            }
            None => {}
            Some(at) if at <= now => {
                if let Some(id) = self.workers[w].member.take() {
                    self.tell_info(w, LogFact::Leaving);
                    self.group.leave(&id);
                }
                if at + 150 <= now {
                    self.tell_info(w, LogFact::Stopped);
                    self.end_process(w, Exit::Code(143));
                }
            }
            Some(_) => {}
        }
    }

    /// The process is gone.
    pub fn end_process(&mut self, w: usize, exit: Exit) {
        let took_us = match exit {
            Exit::Signal(_) => self.rng.range(4_000, 60_000),
            _ => self.rng.range(1_000, 30_000),
        };
        let sparse = self.setup.style == Style::Sparse;
        let worker = &mut self.workers[w];
        worker.process = Process::Down;
        worker.member = None;
        worker.waits = false;
        worker.rejoin_at = None;
        worker.sync_at = None;
        worker.share = None;
        worker.gives_up_at = None;
        worker.held = BTreeSet::new();
        worker.generation = 0;
        let what = What::ProcessEnded {
            name: worker.name.clone(),
            // The old folders counted no starts.
            incarnation: if sparse { 1 } else { worker.incarnation },
            exit,
            asked: true,
        };
        self.tell(took_us, what);
        self.note_end(w, exit, took_us);
    }
}
