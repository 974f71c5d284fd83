//! Injecting faults: asks the schedule what is due, writes down the intention, acts, and gathers the proof.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::journal::{Phase, Proof, What};
use crate::model::{FaultId, FaultKind, Moment, PlannedFault, WorkerName};
use crate::runtime::{Act, Condition};
use crate::verify::Missing;

use super::attention::BEFORE;
use super::baseline::{Baseline, Unlike};
use super::conductor::{Conductor, RunError};
use super::schedule::{Action, ActiveFault, Progress, Rules, Struck, resolve};

/// How long a role may have no holder (during a rebalance) before its fault is skipped.
const ROLE_LIMIT: Duration = Duration::from_secs(120);

/// How soon the end of a worker must show that could not be killed because it had ended.
const END_LIMIT: Duration = Duration::from_secs(2);

impl Conductor<'_> {
    /// Goes through the plan's faults, then lets the stream flow for the scenario's least duration.
    pub fn inject_faults(&mut self, baseline: &Baseline) -> Result<(), RunError> {
        self.begin(Phase::Faults);
        let rules = Rules {
            baseline_end: baseline.end,
            recovery_wait: Duration::from_millis(self.scenario.timing.recovery_wait_ms),
        };
        let least_end = baseline
            .end
            .after(Duration::from_millis(self.scenario.timing.duration_ms));
        let mut progress = Progress {
            calm_since: baseline.end,
            ..Progress::default()
        };
        let mut role_wanted_since: Option<Moment> = None;
        loop {
            self.turn()?;
            let now = self.now();
            self.gather_proof(&mut progress);
            self.settle(&mut progress, baseline);
            if progress.is_eventful(&self.plan.faults, rules, now.after(BEFORE)) {
                self.attention.rouse();
            }
            match progress.next_action(&self.plan.faults, rules, now) {
                Action::Inject { index, postponed } => {
                    let wanted_since = *role_wanted_since.get_or_insert(now);
                    let may_wait = now.since(wanted_since) < ROLE_LIMIT;
                    if self.inject(
                        &mut progress,
                        index,
                        postponed + now.since(wanted_since),
                        may_wait,
                    )? {
                        role_wanted_since = None;
                    }
                }
                Action::Escalate { fault, worker } => {
                    self.escalate(&mut progress, fault, &worker)?
                }
                Action::Restart { fault, worker } => self.restart(&mut progress, fault, &worker)?,
                Action::GiveUp { fault } => self.give_up(&mut progress, fault),
                Action::Done if now >= least_end => return Ok(()),
                Action::Done | Action::Wait => {}
            }
        }
    }

    /// Injects a planned fault; false means that its role has no holder yet and it is worth waiting.
    fn inject(
        &mut self,
        progress: &mut Progress,
        index: usize,
        postponed: Duration,
        may_wait: bool,
    ) -> Result<bool, RunError> {
        let planned = self.plan.faults[index].clone();
        let up: BTreeSet<WorkerName> = self
            .scenario
            .connect
            .workers
            .iter()
            .filter(|worker| self.runtime.is_up(worker) && self.runtime.touchable(worker))
            .cloned()
            .collect();
        let (workers, why) = match resolve(&planned, &up, &self.live) {
            Ok(resolved) => resolved,
            Err(_) if may_wait && !up.is_empty() => return Ok(false),
            Err(why) => {
                self.journal.record(What::FaultSkipped {
                    fault: planned.id,
                    why,
                });
                progress.begun += 1;
                progress.calm_since = self.now();
                return Ok(true);
            }
        };
        self.journal.record(What::FaultIntended {
            fault: planned.id,
            kind: planned.kind,
            target: planned.target.clone(),
            workers: workers.clone(),
            why,
            postponed_ms: u64::try_from(postponed.as_millis()).unwrap_or(u64::MAX),
        });
        let struck = workers
            .into_iter()
            .map(|worker| self.strike(&planned, worker))
            .collect::<Result<_, _>>()?;
        progress.active.push(ActiveFault {
            planned,
            struck,
            began: self.now(),
            settled: None,
        });
        progress.begun += 1;
        Ok(true)
    }

    fn strike(&self, planned: &PlannedFault, worker: WorkerName) -> Result<Struck, RunError> {
        let member_id = self.live.standing.roster.of(&worker).map(str::to_owned);
        self.runtime
            .act(&worker, Act::of(planned.kind))
            .map_err(RunError::environment)?;
        let event = self.journal.record(What::FaultActed {
            fault: planned.id,
            worker: worker.clone(),
            member_id: member_id.clone(),
        });
        Ok(Struck {
            worker,
            member_id,
            signalled: event.at,
            escalated: false,
            ended: None,
            restarted: None,
            member_gone: false,
        })
    }

    fn escalate(
        &self,
        progress: &mut Progress,
        fault: FaultId,
        worker: &WorkerName,
    ) -> Result<(), RunError> {
        let grace_ms = match progress.fault_mut(fault).map(|active| active.planned.kind) {
            Some(FaultKind::Stop { grace_ms }) => grace_ms,
            Some(FaultKind::Kill | FaultKind::Pause | FaultKind::Disconnect) | None => 0,
        };
        self.journal.record(What::GraceOverrun {
            fault,
            worker: worker.clone(),
            grace_ms,
        });
        self.tell_why_it_does_not_end(fault, worker);
        if let Err(error) = self.runtime.act(worker, Act::Kill)
            // It may have ended by itself in the last moment.
            && !matches!(self.runtime.wait_ended(worker, END_LIMIT), Ok(Some(_)))
        {
            return Err(RunError::environment(error));
        }
        if let Some(struck) = progress.struck_mut(fault, worker) {
            struck.escalated = true;
        }
        Ok(())
    }

    fn restart(
        &self,
        progress: &mut Progress,
        fault: FaultId,
        worker: &WorkerName,
    ) -> Result<(), RunError> {
        let kind = progress.fault_mut(fault).map(|active| active.planned.kind);
        match kind {
            Some(FaultKind::Pause) => self.runtime.act(worker, Act::Resume),
            Some(FaultKind::Disconnect) => self.runtime.act(worker, Act::Reconnect),
            Some(FaultKind::Kill | FaultKind::Stop { .. }) | None => {
                self.runtime.start_worker(worker)
            }
        }
        .map_err(RunError::environment)?;
        let event = self.journal.record(What::FaultUndone {
            fault,
            worker: worker.clone(),
        });
        if let Some(struck) = progress.struck_mut(fault, worker) {
            struck.restarted = Some(event.at);
        }
        Ok(())
    }

    /// The proof that the fault took effect on this worker, when there is one by now.
    fn effect(&self, kind: FaultKind, struck: &Struck, now: Moment) -> Option<Proof> {
        let worker = struck.worker.clone();
        let took_ms = u64::try_from(now.since(struck.signalled).as_millis()).unwrap_or(u64::MAX);
        match (kind, self.runtime.condition(&worker).ok()?) {
            (FaultKind::Kill | FaultKind::Stop { .. }, Condition::Ended(exit)) => {
                Some(Proof::ProcessEnded {
                    worker,
                    exit,
                    took_ms,
                })
            }
            (FaultKind::Pause, Condition::Paused) => Some(Proof::Paused { worker, took_ms }),
            (FaultKind::Disconnect, Condition::Disconnected) => {
                Some(Proof::Disconnected { worker, took_ms })
            }
            _ => None,
        }
    }

    /// Looks whether faults took effect and the group has lost members, and writes down each as proof, once.
    fn gather_proof(&self, progress: &mut Progress) {
        for fault in &mut progress.active {
            let (id, kind) = (fault.planned.id, fault.planned.kind);
            for struck in &mut fault.struck {
                let worker = struck.worker.clone();
                let now = self.now();
                if struck.ended.is_none()
                    && let Some(proof) = self.effect(kind, struck, now)
                {
                    struck.ended = Some(now);
                    self.journal.record(What::FaultProof { fault: id, proof });
                }
                if let Some(member_id) = &struck.member_id
                    && !struck.member_gone
                    && !self.live.standing.roster.has(member_id)
                {
                    struck.member_gone = true;
                    let proof = Proof::MemberGone {
                        worker,
                        member_id: member_id.clone(),
                    };
                    self.journal.record(What::FaultProof { fault: id, proof });
                }
            }
        }
    }

    /// Settles every open fault once everything is as before.
    fn settle(&mut self, progress: &mut Progress, baseline: &Baseline) {
        if !self.live.standing.is_open() || self.missing_for_recovery(baseline).is_some() {
            return;
        }
        let now = self.now();
        for id in self.live.standing.settle() {
            if let Some(fault) = progress.fault_mut(id)
                && fault.settled.is_none()
            {
                fault.settled = Some(now);
                self.journal.record(What::RecoverySeen { fault: id });
            }
        }
        progress.calm_since = now;
    }

    fn missing_for_recovery(&self, baseline: &Baseline) -> Option<Missing> {
        self.live.standing.missing(|| self.missing_flow(baseline))
    }

    /// What the lanes lack to flow as in the baseline.
    fn missing_flow(&self, baseline: &Baseline) -> Option<Missing> {
        let (tap, unlike) = baseline.compare(&self.looks())?;
        let tap = self.taps[tap].0.clone();
        Some(match unlike {
            Unlike::Waiting(records) => Missing::Waiting { tap, records },
            Unlike::Silent(silence) => Missing::Silent {
                tap,
                lane: None,
                silence_ms: u64::try_from(silence.as_millis()).unwrap_or(u64::MAX),
            },
        })
    }

    fn give_up(&self, progress: &mut Progress, id: FaultId) {
        let missing = self
            .missing_for_recovery(&Baseline::strictest(self.taps.len()))
            .map_or_else(String::new, |missing| missing.to_string());
        let now = self.now();
        if let Some(fault) = progress.fault_mut(id) {
            fault.settled = Some(now);
            let kind = fault.planned.kind;
            let unproven = |struck: &&Struck| {
                let keeps = struck.member_id.is_some() && !struck.member_gone;
                struck.ended.is_none() || (kind.ends_process() && keeps)
            };
            for struck in fault.struck.iter().filter(unproven) {
                let awaited = format!("{}; last seen: {missing}", awaited_proof(kind));
                let proof = Proof::Missing {
                    worker: struck.worker.clone(),
                    awaited,
                };
                self.journal.record(What::FaultProof { fault: id, proof });
            }
        }
        self.journal
            .record(What::RecoveryGivenUp { fault: id, missing });
        progress.calm_since = now;
    }
}

/// What proves a fault of this kind, in words.
const fn awaited_proof(kind: FaultKind) -> &'static str {
    match kind {
        FaultKind::Kill | FaultKind::Stop { .. } => "process ended and member left the group",
        FaultKind::Pause => "process stands still",
        FaultKind::Disconnect => "worker has no network",
    }
}
