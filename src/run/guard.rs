//! The conditions under which a run on somebody else's cluster ends at once: a plain function of what is known.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::model::{ConnectorName, Moment, TaskId};
use crate::scenario::inventory::StopWhen;

use super::live::{ERRORS_WITHIN, Live};

/// Looks after those whose cluster it is.
#[derive(Debug, Clone)]
pub struct Guard {
    /// The conditions.
    pub when: StopWhen,
    /// Our own connectors: what happens to them is what is measured.
    pub own: BTreeSet<ConnectorName>,
    /// Tasks that had failed before the run began.
    pub failed_before: BTreeSet<TaskId>,
}

impl Guard {
    /// The condition that is met now, in words.
    pub fn broken(&self, live: &Live, now: Moment) -> Option<String> {
        let why = self
            .rest_down(live, now)
            .or_else(|| self.brokers_down(live))
            .or_else(|| self.unowned(live, now))
            .or_else(|| self.failed(live))
            .or_else(|| self.errors(live, now))?;
        Some(format!("a stop condition of the inventory was met: {why}"))
    }

    fn rest_down(&self, live: &Live, now: Moment) -> Option<String> {
        let limit = Duration::from_millis(self.when.rest_down_ms?);
        if live.rest.is_empty() || live.rest.values().any(|(answers, _)| *answers) {
            return None;
        }
        let since = live.rest.values().map(|(_, since)| *since).max()?;
        (now.since(since) > limit).then(|| {
            format!(
                "rest-down: no worker's REST interface answered for {} s",
                now.since(since).as_secs()
            )
        })
    }

    /// Counts to the last question that had no answer: an observer that asks no more says nothing about brokers.
    fn brokers_down(&self, live: &Live) -> Option<String> {
        let limit = Duration::from_millis(self.when.brokers_down_ms?);
        let silent = live.group_silent?.since(live.group_answered);
        (silent > limit).then(|| {
            format!(
                "brokers-down: no broker told anything of the workers' group for {} s",
                silent.as_secs()
            )
        })
    }

    fn unowned(&self, live: &Live, now: Moment) -> Option<String> {
        let limit = Duration::from_millis(self.when.unowned_ms?);
        let (task, since) = live
            .unowned
            .iter()
            .find(|(task, since)| !self.is_own(task) && now.since(**since) > limit)?;
        let seconds = now.since(*since).as_secs();
        Some(format!("unowned: nobody owned task {task} for {seconds} s"))
    }

    fn failed(&self, live: &Live) -> Option<String> {
        let limit = usize::try_from(self.when.failed_tasks?).unwrap_or(usize::MAX);
        let failed: Vec<String> = live
            .standing
            .status
            .iter()
            .filter(|(task, status)| {
                status.state == "FAILED" && !self.is_own(task) && !self.failed_before.contains(task)
            })
            .map(|(task, _)| task.to_string())
            .collect();
        (failed.len() > limit).then(|| {
            format!(
                "failed-tasks: failed since the run began: {}",
                failed.join(", ")
            )
        })
    }

    fn errors(&self, live: &Live, now: Moment) -> Option<String> {
        let limit = usize::try_from(self.when.errors_per_minute?).unwrap_or(usize::MAX);
        let recent = live
            .errors
            .iter()
            .filter(|at| now.since(**at) <= ERRORS_WITHIN)
            .count();
        (recent > limit).then(|| {
            format!("errors-per-minute: {recent} errors in the workers' logs within a minute")
        })
    }

    fn is_own(&self, task: &TaskId) -> bool {
        self.own.contains(&task.connector)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Event, GroupMember, GroupView, What};
    use crate::model::WorkerName;

    fn guard() -> Guard {
        Guard {
            when: StopWhen {
                rest_down_ms: Some(1_000),
                brokers_down_ms: Some(5_000),
                unowned_ms: Some(2_000),
                failed_tasks: Some(1),
                errors_per_minute: Some(2),
            },
            own: BTreeSet::from([ConnectorName::new("own").unwrap()]),
            failed_before: BTreeSet::from(["old-0".parse().unwrap()]),
        }
    }

    fn take(live: &mut Live, ms: u64, what: What) {
        live.apply(&Event {
            n: 0,
            at: Moment::from_ms(ms),
            what,
        });
    }

    fn worker(name: &str) -> WorkerName {
        WorkerName::new(name).unwrap()
    }

    fn broken(live: &Live, ms: u64) -> Option<String> {
        guard().broken(live, Moment::from_ms(ms))
    }

    fn rest(name: &str, answers: bool) -> What {
        What::RestView {
            worker: worker(name),
            answer: answers.then(Default::default).ok_or_else(String::new),
        }
    }

    fn group(tasks: &[&str]) -> What {
        What::Group(GroupView {
            state: "Stable".to_owned(),
            protocol: "sessioned".to_owned(),
            leader: None,
            delay_ms: 0,
            members: vec![GroupMember {
                member_id: "m".to_owned(),
                worker: None,
                url: String::new(),
                tasks: tasks.iter().map(|task| task.parse().unwrap()).collect(),
                connectors: Vec::new(),
            }],
        })
    }

    #[test]
    fn rest_is_down_when_no_worker_answers_for_long_enough() {
        let mut live = Live::default();
        assert_eq!(broken(&live, 60_000), None);
        take(&mut live, 0, rest("w1", false));
        take(&mut live, 0, rest("w2", true));
        assert_eq!(broken(&live, 60_000), None);
        take(&mut live, 60_000, rest("w2", false));
        assert_eq!(broken(&live, 61_000), None);
        assert!(broken(&live, 61_001).unwrap().contains("rest-down"));
        take(&mut live, 61_100, rest("w1", true));
        assert_eq!(broken(&live, 90_000), None);
    }

    #[test]
    fn brokers_are_down_when_the_group_is_asked_for_in_vain_for_long_enough() {
        let mut live = Live::default();
        let polled = |polls| What::GroupPolled {
            polls,
            longest_gap_ms: 0,
        };
        take(&mut live, 10_000, polled(3));
        assert_eq!(broken(&live, 60_000), None);
        take(&mut live, 15_000, polled(0));
        assert_eq!(broken(&live, 60_000), None);
        take(&mut live, 15_001, polled(0));
        let why = broken(&live, 15_001).unwrap();
        assert!(
            why.contains("brokers-down") && why.contains("for 5 s"),
            "{why}"
        );
        for answer in [polled(1), group(&[])] {
            take(&mut live, 15_002, answer);
            assert_eq!(broken(&live, 60_000), None);
            take(&mut live, 20_002, polled(0));
            assert_eq!(broken(&live, 60_000), None);
        }
    }

    #[test]
    fn only_tasks_of_others_that_somebody_owned_before_count_as_unowned() {
        let mut live = Live::default();
        take(&mut live, 0, group(&["theirs-0", "own-0"]));
        take(&mut live, 1_000, group(&[]));
        assert_eq!(broken(&live, 3_000), None);
        assert!(broken(&live, 3_001).unwrap().contains("theirs-0"));
        take(&mut live, 3_002, group(&["theirs-0"]));
        assert_eq!(broken(&live, 60_000), None);
        take(&mut live, 60_000, group(&[]));
        let gone = What::ConnectorConfig {
            connector: ConnectorName::new("theirs").unwrap(),
            config: None,
        };
        take(&mut live, 60_000, gone);
        assert_eq!(broken(&live, 90_000), None);
    }

    #[test]
    fn tasks_that_had_failed_before_and_our_own_do_not_count() {
        let mut live = Live::default();
        let failed = |task: &str| What::TaskStatus {
            task: task.parse().unwrap(),
            state: "FAILED".to_owned(),
            worker: None,
            generation: 1,
            trace: None,
        };
        for task in ["old-0", "own-0", "own-1", "theirs-0"] {
            take(&mut live, 0, failed(task));
        }
        assert_eq!(broken(&live, 0), None);
        take(&mut live, 0, failed("theirs-1"));
        assert!(broken(&live, 0).unwrap().contains("theirs-0, theirs-1"));
    }

    #[test]
    fn errors_count_within_a_minute() {
        let mut live = Live::default();
        for ms in [0, 1_000, 70_000] {
            let error = What::Log {
                worker: worker("w1"),
                incarnation: 1,
                worker_ms: 0,
                level: "ERROR".to_owned(),
                fact: crate::journal::LogFact::Trouble,
                text: String::new(),
            };
            take(&mut live, ms, error);
            assert_eq!(broken(&live, ms), None);
        }
        for ms in [70_001, 70_002] {
            let error = What::Log {
                worker: worker("w1"),
                incarnation: 1,
                worker_ms: 0,
                level: "ERROR".to_owned(),
                fact: crate::journal::LogFact::Trouble,
                text: String::new(),
            };
            take(&mut live, ms, error);
        }
        assert!(broken(&live, 70_003).unwrap().contains("3 errors"));
    }
}
