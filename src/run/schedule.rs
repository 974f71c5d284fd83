//! What to do next about the faults: a plain function of plan, time and what is known, that touches nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::model::{Due, FaultId, FaultKind, Moment, PlannedFault, Restart, Target, WorkerName};

use super::live::Live;

/// A worker that a fault was injected into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Struck {
    /// The worker.
    pub worker: WorkerName,
    /// The member of the group that it was when the fault came; nothing where it had yet to join.
    pub member_id: Option<String>,
    /// When the signal was sent.
    pub signalled: Moment,
    /// Whether SIGKILL followed because the grace was over.
    pub escalated: bool,
    /// When the fault took effect: its process was gone, it stood still, or its network was lost.
    pub ended: Option<Moment>,
    /// When it was started again, resumed or reconnected.
    pub restarted: Option<Moment>,
    /// Whether the group was seen without the member.
    pub member_gone: bool,
}

/// A fault that has been injected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActiveFault {
    /// As planned.
    pub planned: PlannedFault,
    /// Whom it struck.
    pub struck: Vec<Struck>,
    /// When it was injected.
    pub began: Moment,
    /// When it was recovered from, or given up; the run goes on after that.
    pub settled: Option<Moment>,
}

/// The faults of a run: those injected, and how far the plan has been gone through.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    /// Injected faults, in order.
    pub active: Vec<ActiveFault>,
    /// How many of the plan's faults have been injected or skipped.
    pub begun: usize,
    /// When the last settled or skipped fault was over; the end of the baseline at first.
    pub calm_since: Moment,
    /// When each series began.
    pub series: BTreeMap<u32, Moment>,
}

/// The next thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Inject the plan's fault with this index; it was due that long ago.
    Inject {
        /// Index in the plan.
        index: usize,
        /// How late it is.
        postponed: Duration,
    },
    /// The grace is over: SIGKILL.
    Escalate {
        /// Which fault.
        fault: FaultId,
        /// Whom.
        worker: WorkerName,
    },
    /// Start the worker again, resume it or reconnect it: whatever undoes its fault.
    Restart {
        /// Which fault.
        fault: FaultId,
        /// Whom.
        worker: WorkerName,
    },
    /// The fault has not been recovered from for too long: go on without.
    GiveUp {
        /// Which fault.
        fault: FaultId,
    },
    /// Nothing is due now.
    Wait,
    /// All planned faults were injected and are settled.
    Done,
}

/// What times count from and how long to wait.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// The end of the baseline.
    pub baseline_end: Moment,
    /// Longest wait for a recovery.
    pub recovery_wait: Duration,
}

impl Progress {
    /// What is to be done now. Restarts and escalations come before new faults.
    pub fn next_action(&mut self, plan: &[PlannedFault], rules: Rules, now: Moment) -> Action {
        if let Some(action) = self
            .active
            .iter()
            .find_map(|fault| due_for(fault, rules, now))
        {
            return action;
        }
        let Some(planned) = plan.get(self.begun) else {
            return if self.is_calm() {
                Action::Done
            } else {
                Action::Wait
            };
        };
        match self.due_moment(planned, rules) {
            Some(due) if due <= now => Action::Inject {
                index: self.begun,
                postponed: self.postponed(planned, now),
            },
            Some(_) | None => Action::Wait,
        }
    }

    /// Whether every injected fault is settled.
    pub fn is_calm(&self) -> bool {
        self.active.iter().all(|fault| fault.settled.is_some())
    }

    /// Whether a fault is not over yet, or the next one is due by then.
    pub fn is_eventful(&mut self, plan: &[PlannedFault], rules: Rules, by: Moment) -> bool {
        let next = plan.get(self.begun);
        !self.is_calm()
            || next
                .and_then(|planned| self.due_moment(planned, rules))
                .is_some_and(|due| due <= by)
    }

    fn due_moment(&mut self, planned: &PlannedFault, rules: Rules) -> Option<Moment> {
        match planned.due {
            Due::At { .. } => planned.fixed_moment(rules.baseline_end),
            Due::AfterRecovery { ms } => self
                .is_calm()
                .then(|| self.calm_since.after(Duration::from_millis(ms))),
            Due::InSeries { series, ms } => {
                if !self.is_calm() {
                    return None;
                }
                let began = *self.series.entry(series).or_insert(self.calm_since);
                Some(began.after(Duration::from_millis(ms)))
            }
        }
    }

    fn postponed(&self, planned: &PlannedFault, now: Moment) -> Duration {
        match planned.due {
            Due::At { .. } | Due::AfterRecovery { .. } => Duration::ZERO,
            Due::InSeries { series, ms } => {
                let due = self
                    .series
                    .get(&series)
                    .map(|began| began.after(Duration::from_millis(ms)));
                due.map_or(Duration::ZERO, |due| now.since(due))
            }
        }
    }

    /// The injected fault of this number.
    pub fn fault_mut(&mut self, id: FaultId) -> Option<&mut ActiveFault> {
        self.active.iter_mut().find(|fault| fault.planned.id == id)
    }

    /// The worker struck by this fault.
    pub fn struck_mut(&mut self, id: FaultId, worker: &WorkerName) -> Option<&mut Struck> {
        self.fault_mut(id)?
            .struck
            .iter_mut()
            .find(|struck| struck.worker == *worker)
    }
}

fn due_for(fault: &ActiveFault, rules: Rules, now: Moment) -> Option<Action> {
    let id = fault.planned.id;
    for struck in &fault.struck {
        let worker = struck.worker.clone();
        match (struck.ended, fault.planned.kind, fault.planned.restart) {
            (None, FaultKind::Stop { grace_ms }, _)
                if !struck.escalated
                    && now >= struck.signalled.after(Duration::from_millis(grace_ms)) =>
            {
                return Some(Action::Escalate { fault: id, worker });
            }
            (Some(ended), _, Restart::After { ms })
                if struck.restarted.is_none() && now >= ended.after(Duration::from_millis(ms)) =>
            {
                return Some(Action::Restart { fault: id, worker });
            }
            _ => {}
        }
    }
    let last_act = fault
        .struck
        .iter()
        .filter_map(|struck| struck.restarted.or(struck.ended))
        .max();
    let waited_since = last_act.unwrap_or(fault.began);
    let overdue = fault.settled.is_none() && now >= waited_since.after(rules.recovery_wait);
    overdue.then_some(Action::GiveUp { fault: id })
}

/// Which workers a fault goes to now, and why these; or why there is none.
pub fn resolve(
    planned: &PlannedFault,
    up: &BTreeSet<WorkerName>,
    live: &Live,
) -> Result<(Vec<WorkerName>, String), String> {
    let up_list: Vec<WorkerName> = up.iter().cloned().collect();
    let only = |worker: Option<&WorkerName>, why: &str, missing: &str| match worker {
        Some(worker) if up.contains(worker) => Ok((vec![worker.clone()], why.to_owned())),
        Some(worker) => Err(format!("{worker} is down already, or may not be touched")),
        None => Err(missing.to_owned()),
    };
    match &planned.target {
        Target::Worker(worker) => only(Some(worker), "named in the scenario", ""),
        Target::Leader => only(live.leader(), "leads the group", "nobody leads the group"),
        Target::Owner(task) => {
            let why = format!("owns {task}");
            only(live.owner(task), &why, &format!("nobody owns {task}"))
        }
        Target::Follower => {
            let leader = live
                .leader()
                .ok_or("nobody leads the group, so there is no follower")?;
            let followers: Vec<WorkerName> = up_list
                .iter()
                .filter(|worker| *worker != leader)
                .cloned()
                .collect();
            only(
                planned.choose(&followers),
                &format!("a follower; leader is {leader}"),
                "there is no follower",
            )
        }
        Target::Any => {
            let why = format!("drawn from {} workers", up_list.len());
            only(planned.choose(&up_list), &why, "no worker is up")
        }
        Target::All if up_list.is_empty() => Err("no worker is up".to_owned()),
        Target::All => Ok((up_list, "all workers that are up".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::GroupView;

    fn worker(name: &str) -> WorkerName {
        WorkerName::new(name).unwrap()
    }

    fn planned(id: u32, due: Due, restart: Restart) -> PlannedFault {
        PlannedFault {
            id: FaultId(id),
            kind: FaultKind::Kill,
            target: Target::Any,
            draw: 4,
            due,
            restart,
        }
    }

    fn rules() -> Rules {
        Rules {
            baseline_end: Moment::from_ms(1_000),
            recovery_wait: Duration::from_secs(60),
        }
    }

    fn struck(fault: &PlannedFault, at_ms: u64) -> ActiveFault {
        let struck = Struck {
            worker: worker("w1"),
            member_id: None,
            signalled: Moment::from_ms(at_ms),
            escalated: false,
            ended: None,
            restarted: None,
            member_gone: false,
        };
        ActiveFault {
            planned: fault.clone(),
            struck: vec![struck],
            began: Moment::from_ms(at_ms),
            settled: None,
        }
    }

    #[test]
    fn a_fault_after_recovery_waits_until_everything_is_calm() {
        let first = planned(1, Due::At { ms: 0 }, Restart::Never);
        let second = planned(2, Due::AfterRecovery { ms: 500 }, Restart::Never);
        let plan = [first.clone(), second];
        let mut progress = Progress {
            calm_since: Moment::from_ms(1_000),
            ..Progress::default()
        };
        let at =
            |progress: &mut Progress, ms| progress.next_action(&plan, rules(), Moment::from_ms(ms));
        assert_eq!(at(&mut progress, 900), Action::Wait);
        assert!(matches!(
            at(&mut progress, 1_000),
            Action::Inject { index: 0, .. }
        ));
        progress.active.push(struck(&first, 1_000));
        progress.begun = 1;
        assert_eq!(at(&mut progress, 9_000), Action::Wait);
        progress.active[0].struck[0].ended = Some(Moment::from_ms(1_010));
        progress.active[0].settled = Some(Moment::from_ms(9_000));
        progress.calm_since = Moment::from_ms(9_000);
        assert_eq!(at(&mut progress, 9_499), Action::Wait);
        assert!(matches!(
            at(&mut progress, 9_500),
            Action::Inject { index: 1, .. }
        ));
    }

    #[test]
    fn something_is_up_from_shortly_before_a_fault_until_it_is_settled() {
        let first = planned(1, Due::At { ms: 4_000 }, Restart::Never);
        let plan = [
            first.clone(),
            planned(2, Due::AfterRecovery { ms: 9_000 }, Restart::Never),
        ];
        let mut progress = Progress {
            calm_since: Moment::from_ms(1_000),
            ..Progress::default()
        };
        let by =
            |progress: &mut Progress, ms| progress.is_eventful(&plan, rules(), Moment::from_ms(ms));
        assert!(!by(&mut progress, 4_999));
        assert!(by(&mut progress, 5_000));
        progress.active.push(struck(&first, 5_000));
        progress.begun = 1;
        assert!(by(&mut progress, 5_001));
        progress.active[0].settled = Some(Moment::from_ms(8_000));
        progress.calm_since = Moment::from_ms(8_000);
        assert!(!by(&mut progress, 16_999));
        assert!(by(&mut progress, 17_000));
        progress.begun = 2;
        assert!(!by(&mut progress, 99_000));
    }

    #[test]
    fn a_struck_worker_is_restarted_after_its_pause_counted_from_the_end_of_its_process() {
        let fault = planned(1, Due::At { ms: 0 }, Restart::After { ms: 2_000 });
        let mut progress = Progress {
            active: vec![struck(&fault, 1_000)],
            begun: 1,
            ..Progress::default()
        };
        let plan = [fault];
        assert_eq!(
            progress.next_action(&plan, rules(), Moment::from_ms(5_000)),
            Action::Wait
        );
        progress.active[0].struck[0].ended = Some(Moment::from_ms(4_000));
        assert_eq!(
            progress.next_action(&plan, rules(), Moment::from_ms(5_999)),
            Action::Wait
        );
        let expected = Action::Restart {
            fault: FaultId(1),
            worker: worker("w1"),
        };
        assert_eq!(
            progress.next_action(&plan, rules(), Moment::from_ms(6_000)),
            expected
        );
        progress.active[0].struck[0].restarted = Some(Moment::from_ms(6_000));
        assert_eq!(
            progress.next_action(&plan, rules(), Moment::from_ms(65_999)),
            Action::Wait
        );
        assert_eq!(
            progress.next_action(&plan, rules(), Moment::from_ms(66_000)),
            Action::GiveUp { fault: FaultId(1) }
        );
    }

    #[test]
    fn a_stop_that_overruns_its_grace_is_escalated_once() {
        let mut fault = planned(1, Due::At { ms: 0 }, Restart::Never);
        fault.kind = FaultKind::Stop { grace_ms: 3_000 };
        let mut progress = Progress {
            active: vec![struck(&fault, 1_000)],
            begun: 1,
            ..Progress::default()
        };
        let plan = [fault];
        assert_eq!(
            progress.next_action(&plan, rules(), Moment::from_ms(3_999)),
            Action::Wait
        );
        let escalate = Action::Escalate {
            fault: FaultId(1),
            worker: worker("w1"),
        };
        assert_eq!(
            progress.next_action(&plan, rules(), Moment::from_ms(4_000)),
            escalate
        );
        progress.active[0].struck[0].escalated = true;
        assert_eq!(
            progress.next_action(&plan, rules(), Moment::from_ms(4_001)),
            Action::Wait
        );
    }

    #[test]
    fn members_of_a_series_keep_their_times_unless_the_one_before_is_not_over() {
        let plan = [
            planned(1, Due::InSeries { series: 0, ms: 0 }, Restart::Never),
            planned(
                2,
                Due::InSeries {
                    series: 0,
                    ms: 9_000,
                },
                Restart::Never,
            ),
        ];
        let mut progress = Progress {
            calm_since: Moment::from_ms(2_000),
            ..Progress::default()
        };
        assert!(matches!(
            progress.next_action(&plan, rules(), Moment::from_ms(2_000)),
            Action::Inject { index: 0, .. }
        ));
        progress.active.push(struck(&plan[0], 2_000));
        progress.begun = 1;
        progress.active[0].struck[0].ended = Some(Moment::from_ms(2_001));
        assert_eq!(
            progress.next_action(&plan, rules(), Moment::from_ms(12_000)),
            Action::Wait
        );
        progress.active[0].settled = Some(Moment::from_ms(13_000));
        progress.calm_since = Moment::from_ms(13_000);
        let late = Action::Inject {
            index: 1,
            postponed: Duration::from_secs(2),
        };
        assert_eq!(
            progress.next_action(&plan, rules(), Moment::from_ms(13_000)),
            late
        );
        progress.begun = 2;
        assert_eq!(
            progress.next_action(&plan, rules(), Moment::from_ms(13_000)),
            Action::Done
        );
    }

    #[test]
    fn roles_are_resolved_among_workers_that_are_up() {
        let view = GroupView {
            state: "Stable".to_owned(),
            protocol: String::new(),
            leader: Some(worker("w2")),
            delay_ms: 0,
            members: Vec::new(),
        };
        let mut live = Live::default();
        live.standing.group = Some(view);
        let up: BTreeSet<WorkerName> = ["w1", "w2", "w3"].into_iter().map(worker).collect();
        let resolved = |target: Target, up: &BTreeSet<WorkerName>| {
            let fault = PlannedFault {
                target,
                ..planned(1, Due::At { ms: 0 }, Restart::Never)
            };
            resolve(&fault, up, &live).map(|(workers, _)| workers)
        };
        assert_eq!(resolved(Target::Leader, &up), Ok(vec![worker("w2")]));
        assert_eq!(resolved(Target::Follower, &up), Ok(vec![worker("w1")]));
        assert_eq!(resolved(Target::Any, &up), Ok(vec![worker("w2")]));
        assert_eq!(resolved(Target::All, &up).map(|all| all.len()), Ok(3));
        assert!(resolved(Target::Owner("m-0".parse().unwrap()), &up).is_err());
        let without_leader: BTreeSet<WorkerName> = ["w1", "w3"].into_iter().map(worker).collect();
        assert!(resolved(Target::Leader, &without_leader).is_err());
        assert!(resolved(Target::Any, &BTreeSet::new()).is_err());
    }
}
