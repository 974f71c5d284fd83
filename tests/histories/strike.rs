//! Faults: whom they hit, what that does to a process and to what it had in the network, and how it is undone.

use serde_json::json;
use squall::journal::{Exit, LogFact, Proof, What};
use squall::model::{FaultId, FaultKind, Target};

use super::cluster::{Cluster, Orphan, Phase, Process};
use super::group::Ms;
use super::names::worker_name;
use super::setup::{Blow, Kind, Style};
use super::tasks::NEVER;

/// One worker that a fault hit.
#[derive(Debug, Clone)]
pub struct Struck {
    /// Index of its fault.
    pub fault: usize,
    pub worker: usize,
    /// The member that it was, as the harness saw the group.
    pub member: Option<String>,
    pub at: Ms,
    pub ended: Option<Ms>,
    pub undo_at: Option<Ms>,
    pub undone: bool,
    pub gone: bool,
    pub overrun: bool,
}

/// A fault that came.
#[derive(Debug, Clone)]
pub struct Injected {
    pub blow: Blow,
    /// After the baseline.
    pub due_ms: Ms,
    pub target: Target,
    pub settled_at: Option<Ms>,
}

#[derive(Debug, Default)]
pub struct Strikes {
    pub faults: Vec<Injected>,
    pub struck: Vec<Struck>,
    /// When the baseline ended; faults begin then.
    pub from: Ms,
    pub next: usize,
    pub next_at: Ms,
}

impl Strikes {
    /// Whether all that faults do is done.
    pub fn are_spent(&self) -> bool {
        self.struck.iter().all(|struck| {
            struck.ended.is_some()
                && (struck.undone || self.faults[struck.fault].blow.undo_ms.is_none())
        })
    }

    pub fn begin(&mut self, at: Ms, blows: &[Blow]) {
        self.from = at;
        self.next_at = at + blows.first().map_or(0, |blow| blow.gap_ms);
    }
}

impl Blow {
    pub fn fault_kind(&self) -> FaultKind {
        match self.kind {
            Kind::Kill => FaultKind::Kill,
            Kind::Stop { grace_ms, .. } => FaultKind::Stop { grace_ms },
            Kind::Pause => FaultKind::Pause,
            Kind::Cut => FaultKind::Disconnect,
        }
    }
}

impl Cluster {
    pub fn step_faults(&mut self) {
        self.undo_due();
        self.escalate_due();
        if self.strikes.from == 0 || self.strikes.next >= self.setup.blows.len() {
            return;
        }
        if self.strikes.next_at > self.now {
            return;
        }
        let blow = self.setup.blows[self.strikes.next];
        self.strikes.next += 1;
        let gap = self
            .setup
            .blows
            .get(self.strikes.next)
            .map_or(0, |blow| blow.gap_ms);
        self.strikes.next_at = self.now + gap;
        self.inject(blow);
    }

    fn candidates(&self, kind: Kind) -> Vec<usize> {
        let standing = |worker: &usize| {
            let found = &self.workers[*worker];
            let lasting = matches!(kind, Kind::Pause | Kind::Cut);
            match found.process {
                Process::Down | Process::Stopping { .. } => false,
                Process::Booting(_) => !lasting,
                Process::Up => !found.frozen && !found.cut,
            }
        };
        (0..self.workers.len()).filter(standing).collect()
    }

    fn inject(&mut self, mut blow: Blow) {
        let mut open = self.candidates(blow.kind);
        let mut chosen = Vec::new();
        let mut draw = blow.draw;
        while chosen.len() < blow.victims && !open.is_empty() {
            chosen.push(open.remove((draw % open.len() as u64) as usize));
            draw /= 7;
        }
        if chosen.is_empty() {
            return;
        }
        // Somebody has to be left to carry on.
        let for_good = self
            .strikes
            .struck
            .iter()
            .filter(|struck| self.strikes.faults[struck.fault].blow.undo_ms.is_none());
        if blow.undo_ms.is_none() && for_good.count() + chosen.len() >= self.workers.len() {
            blow.undo_ms = Some(2_000);
        }
        let fault = self.strikes.faults.len();
        if fault == 0 {
            self.remember_commits();
        }
        let all = chosen.len() == self.workers.len();
        let target = match (all, chosen.len()) {
            (true, _) => Target::All,
            (false, 1) if blow.draw.is_multiple_of(3) => Target::Worker(worker_name(chosen[0])),
            (false, _) => Target::Any,
        };
        chosen.sort_unstable();
        self.strikes.faults.push(Injected {
            blow,
            due_ms: self.now - self.strikes.from,
            target: target.clone(),
            settled_at: None,
        });
        let intended = What::FaultIntended {
            fault: FaultId(fault as u32 + 1),
            kind: blow.fault_kind(),
            target,
            workers: chosen.iter().map(|w| worker_name(*w)).collect(),
            why: "as drawn".to_owned(),
            postponed_ms: 0,
        };
        let before = self.rng.range(500, 4_000);
        self.events.push((self.now * 1_000 - before, intended));
        for (number, worker) in (0..).zip(chosen) {
            self.strike(fault, blow, worker, number);
        }
    }

    /// What every reader of commits knew before the first fault.
    fn remember_commits(&mut self) {
        let known = self.now - 200;
        for (leg, committed) in self.committed.iter().enumerate() {
            let since = &self.committed_at[leg];
            let of = committed.iter().filter(|(key, _)| since[*key] < known);
            self.certain[leg] = of.map(|(key, next)| (*key, *next)).collect();
        }
    }

    fn strike(&mut self, fault: usize, blow: Blow, w: usize, number: u64) {
        let member = self.workers[w]
            .member
            .clone()
            .filter(|id| self.watch.knows(id));
        self.strikes.struck.push(Struck {
            fault,
            worker: w,
            member: member.clone(),
            at: self.now,
            ended: None,
            undo_at: None,
            undone: false,
            gone: false,
            overrun: false,
        });
        let acted = json!({ "fault-acted": {
            "fault": fault + 1,
            "worker": worker_name(w),
            "member-id": member.filter(|_| self.setup.style == Style::Full),
        } });
        let acted = serde_json::from_value(acted).expect("an event");
        let after = number * 300 + self.rng.range(30, 900);
        self.tell(after, acted);
        match blow.kind {
            Kind::Kill => self.kill(w),
            Kind::Stop { hangs, .. } => self.stop(w, hangs),
            Kind::Pause => {
                self.freeze(w);
                self.stands_still(fault, w, after);
            }
            Kind::Cut => {
                self.cut(w, blow.draw);
                self.stands_still(fault, w, after);
            }
        }
    }

    fn stands_still(&mut self, fault: usize, w: usize, after: u64) {
        let took_us = after + self.rng.range(100, 25_000);
        let took_ms = (took_us - after) / 1_000;
        let worker = worker_name(w);
        let blow = self.strikes.faults[fault].blow;
        let proof = match blow.kind {
            Kind::Pause => Proof::Paused { worker, took_ms },
            _ => Proof::Disconnected { worker, took_ms },
        };
        let what = What::FaultProof {
            fault: FaultId(fault as u32 + 1),
            proof,
        };
        self.tell(took_us, what);
        if let Some(struck) = self.strikes.struck.last_mut() {
            let ended = self.now + took_us / 1_000;
            struck.ended = Some(ended);
            struck.undo_at = blow.undo_ms.map(|ms| ended + ms);
        }
    }

    fn kill(&mut self, w: usize) {
        let runs = self.runs_of(w);
        self.workers[w].process = Process::Down;
        for r in runs {
            self.orphan(r);
            self.end_run(r);
        }
        self.end_process(w, Exit::Signal(9));
        self.workers[w].frozen = false;
        self.workers[w].cut = false;
    }

    /// What had left a process that is gone may get there all the same.
    fn orphan(&mut self, r: usize) {
        if let Some(front) = self.runs[r].wire.front().cloned()
            && let Some((at, _)) = front.sent
            && !front.written
            && self.rng.chance(60)
        {
            self.orphans.push(Orphan::Rows {
                at,
                run: r,
                rows: front.rows,
            });
        }
        self.runs[r].wire.clear();
        if let Some(commit) = self.runs[r].commit.take()
            && !commit.landed
            && commit.at < NEVER
            && self.rng.chance(60)
        {
            self.orphans.push(Orphan::Commit {
                at: commit.at,
                run: r,
                values: commit.values,
            });
        }
    }

    fn stop(&mut self, w: usize, hangs: bool) {
        if let Process::Booting(_) = self.workers[w].process {
            return self.end_process(w, Exit::Code(143));
        }
        self.tell_info(w, LogFact::Stopping);
        self.workers[w].process = Process::Stopping {
            since: self.now,
            leaves: None,
        };
        self.workers[w].rejoin_at = None;
        let runs = self.runs_of(w);
        if hangs && !runs.is_empty() {
            let hanging = *self.rng.pick(&runs);
            self.runs[hanging].hangs = true;
        }
        for r in runs {
            self.begin_stop(r);
        }
    }

    fn freeze(&mut self, w: usize) {
        self.workers[w].frozen = true;
        for r in self.runs_of(w) {
            let on_the_wire = self.rng.chance(60);
            if let Some(commit) = self.runs[r].commit.as_mut()
                && !on_the_wire
            {
                commit.at = NEVER;
            }
        }
    }

    fn cut(&mut self, w: usize, draw: u64) {
        self.workers[w].cut = true;
        let patience = self.setup.beat_ms + 2_000 + draw % 4_000;
        self.workers[w].gives_up_at = draw.is_multiple_of(3).then_some(self.now + patience);
        for r in self.runs_of(w) {
            let reaches = self.rng.chance(50);
            if let Some(front) = self.runs[r].wire.front_mut()
                && !front.written
                && !reaches
            {
                front.sent = None;
            }
            if let Some(commit) = self.runs[r].commit.as_mut()
                && !reaches
            {
                commit.at = NEVER;
            }
        }
    }

    fn escalate_due(&mut self) {
        for number in 0..self.strikes.struck.len() {
            let struck = self.strikes.struck[number].clone();
            let Kind::Stop { grace_ms, .. } = self.strikes.faults[struck.fault].blow.kind else {
                continue;
            };
            if struck.ended.is_some() || self.now < struck.at + grace_ms {
                continue;
            }
            self.strikes.struck[number].overrun = true;
            let what = What::GraceOverrun {
                fault: FaultId(struck.fault as u32 + 1),
                worker: worker_name(struck.worker),
                grace_ms,
            };
            self.events.push((self.now * 1_000 - 100, what));
            self.kill(struck.worker);
        }
    }

    /// A process ended: the fault that did it has its proof.
    pub fn note_end(&mut self, w: usize, exit: Exit, took_us: u64) {
        let now = self.now;
        let found = self
            .strikes
            .struck
            .iter_mut()
            .rev()
            .find(|struck| struck.worker == w && struck.ended.is_none());
        let Some(struck) = found else {
            return;
        };
        let ended = now + took_us / 1_000;
        struck.ended = Some(ended);
        let blow = self.strikes.faults[struck.fault].blow;
        struck.undo_at = blow.undo_ms.map(|ms| ended + ms);
        let proof = Proof::ProcessEnded {
            worker: worker_name(w),
            exit,
            took_ms: now - struck.at + took_us / 1_000,
        };
        let what = What::FaultProof {
            fault: FaultId(struck.fault as u32 + 1),
            proof,
        };
        self.tell(took_us + 700, what);
    }

    fn undo_due(&mut self) {
        for number in 0..self.strikes.struck.len() {
            let struck = self.strikes.struck[number].clone();
            if struck.undone || struck.undo_at.is_none_or(|at| at > self.now) {
                continue;
            }
            self.strikes.struck[number].undone = true;
            match self.strikes.faults[struck.fault].blow.kind {
                Kind::Kill | Kind::Stop { .. } => self.start_again(struck.worker),
                Kind::Pause => self.wake(struck.worker),
                Kind::Cut => self.reconnect(struck.worker),
            }
            let what = What::FaultUndone {
                fault: FaultId(struck.fault as u32 + 1),
                worker: worker_name(struck.worker),
            };
            self.tell(900, what);
        }
    }

    fn start_again(&mut self, w: usize) {
        let boots = self.now + self.rng.spread(900, 9_000);
        self.workers[w].process = Process::Booting(boots);
        self.workers[w].incarnation += 1;
        self.tell_started(w);
    }

    fn wake(&mut self, w: usize) {
        self.workers[w].frozen = false;
        self.is_back(w);
        for r in self.runs_of(w) {
            let soon = self.now + self.rng.range(5, 30);
            match self.runs[r].commit.clone() {
                Some(commit) if commit.landed => self.heard(r, &commit.values),
                Some(_) => {
                    if let Some(commit) = self.runs[r].commit.as_mut() {
                        commit.at = commit.at.min(soon);
                    }
                }
                None => {}
            }
        }
    }

    fn reconnect(&mut self, w: usize) {
        self.workers[w].cut = false;
        self.workers[w].gives_up_at = None;
        self.is_back(w);
        for r in self.runs_of(w) {
            let leg = self.setup.legs[self.runs[r].task.0].clone();
            let soon = self.now + self.rng.range(5, 40);
            if let Some(front) = self.runs[r].wire.front_mut()
                && front.sent.is_some()
            {
                // No answer came, so it is sent again; what was there already is there twice then.
                front.known = front.written && leg.exactly_once;
                front.sent = None;
                front.written = false;
            }
            match self.runs[r].commit.as_mut() {
                Some(_) if leg.kind.is_sink() => self.runs[r].commit = None,
                Some(commit) => {
                    commit.at = soon;
                    commit.landed &= leg.exactly_once;
                }
                None => {}
            }
        }
    }

    /// Timers that should have rung ring now.
    fn is_back(&mut self, w: usize) {
        let now = self.now;
        let soon = now + self.rng.spread(5, 400);
        let worker = &mut self.workers[w];
        worker.next_beat = worker.next_beat.min(soon).max(now + 5);
        for r in self.runs_of(w) {
            let (soon, later) = (self.rng.range(0, 40), self.rng.spread(5, 200));
            let run = &mut self.runs[r];
            run.next_poll = run.next_poll.max(now);
            run.next_commit = run.next_commit.max(now + soon);
            if let Some(consumer) = run.consumer.as_mut() {
                consumer.next_beat = consumer.next_beat.max(now + later);
            }
            if let Phase::Starting(at) = run.phase {
                run.phase = Phase::Starting(at.max(now + soon));
            }
            if let Phase::Stopping(since) = run.phase {
                run.phase = Phase::Stopping(since.max(now));
            }
        }
    }
}
