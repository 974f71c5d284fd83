//! The live view of a running cluster: a plain fold over the journal's events, asked by the conductor what is still missing.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use crate::journal::{Event, Exit, GroupView, What, Word};
use crate::model::{ConnectorName, Moment, TaskId, WorkerName};

/// Older errors say nothing about the present rate.
pub const ERRORS_WITHIN: Duration = Duration::from_secs(60);

/// What a task's status says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// RUNNING, UNASSIGNED, …
    pub state: String,
    /// Who wrote it; `None` for a stranger.
    pub worker: Option<WorkerName>,
    /// The generation of the group that it was written in.
    pub generation: i64,
}

impl Status {
    fn of(state: &str, worker: Option<&WorkerName>, generation: i64) -> Self {
        Self {
            state: state.to_owned(),
            worker: worker.cloned(),
            generation,
        }
    }

    fn word(&self) -> Word<'_> {
        Word {
            state: &self.state,
            worker: self.worker.as_ref(),
            generation: self.generation,
        }
    }
}

/// What the last events say about the cluster.
#[derive(Debug, Clone, Default)]
pub struct Live {
    /// The group as last described.
    pub group: Option<GroupView>,
    /// Each task's status as a reader of the status topic has it.
    pub status: BTreeMap<TaskId, Status>,
    /// The last trace of a failed task.
    pub traces: BTreeMap<TaskId, String>,
    /// How many tasks each connector was given by its last configuration.
    pub task_counts: BTreeMap<ConnectorName, u32>,
    /// Last committed source offsets: by connector, then by source partition (as JSON text).
    pub source_commits:
        BTreeMap<ConnectorName, BTreeMap<String, (serde_json::Value, serde_json::Value)>>,
    /// When a source last committed something new.
    pub source_moved: Moment,
    /// Last committed sink offsets, by connector and partition.
    pub sink_commits: BTreeMap<ConnectorName, BTreeMap<i32, i64>>,
    /// The tasks in each sink's consumer group; none while it is not stable.
    pub sink_tasks: BTreeMap<ConnectorName, BTreeSet<TaskId>>,
    /// Processes that ended: name, how, whether asked for.
    pub ended: BTreeMap<(String, u32), (Exit, bool, Moment)>,
    /// Observers that failed.
    pub failed_observers: Vec<String>,
    /// Whether each worker's REST interface answered when it was last asked, and since when that is so.
    pub rest: BTreeMap<WorkerName, (bool, Moment)>,
    /// When the brokers last told something of the workers' group.
    pub group_answered: Moment,
    /// When it was last found that they tell nothing any more; `None` while they do.
    pub group_silent: Option<Moment>,
    /// When the workers' logs had an ERROR, within the last minute of them.
    pub errors: VecDeque<Moment>,
    /// Tasks that somebody owned once and nobody owns now, and since when.
    pub unowned: BTreeMap<TaskId, Moment>,
    /// Tasks that somebody owned once.
    pub owned: BTreeSet<TaskId>,
}

impl Live {
    /// Takes one event in.
    pub fn apply(&mut self, event: &Event) {
        self.apply_for_others(event);
        match &event.what {
            What::Group(view) => self.group = Some(view.clone()),
            What::TaskStatus {
                task,
                state,
                worker,
                generation,
                trace,
            } => {
                self.note_status(task, Status::of(state, worker.as_ref(), *generation));
                if let Some(trace) = trace {
                    self.traces.insert(task.clone(), trace.clone());
                }
            }
            What::TaskConfig { task, .. } => {
                let count = self.task_counts.entry(task.connector.clone()).or_default();
                *count = (*count).max(task.task + 1);
            }
            What::SourceCommit {
                connector,
                partition,
                offset,
                ..
            } => {
                let commits = self.source_commits.entry(connector.clone()).or_default();
                let value = (partition.clone(), offset.clone());
                if commits.insert(partition.to_string(), value.clone()) != Some(value) {
                    self.source_moved = event.at;
                }
            }
            What::SinkCommit {
                connector,
                partition,
                next_offset: Some(next),
                ..
            } => {
                self.sink_commits
                    .entry(connector.clone())
                    .or_default()
                    .insert(*partition, *next);
            }
            What::SinkGroup { connector, members } => {
                let tasks = members
                    .iter()
                    .filter_map(|member| member.task.clone())
                    .collect();
                self.sink_tasks.insert(connector.clone(), tasks);
            }
            What::ProcessEnded {
                name,
                incarnation,
                exit,
                asked,
            } => {
                self.ended
                    .insert((name.clone(), *incarnation), (*exit, *asked, event.at));
            }
            What::ObserverFailed { observer, why } => {
                self.failed_observers.push(format!("{observer}: {why}"))
            }
            _ => {}
        }
    }

    /// Takes in what tells how the cluster's other users fare.
    fn apply_for_others(&mut self, event: &Event) {
        match &event.what {
            What::Group(view) => {
                self.note_owners(view, event.at);
                (self.group_answered, self.group_silent) = (event.at, None);
            }
            What::GroupPolled { polls: 0, .. } => self.group_silent = Some(event.at),
            What::GroupPolled { .. } => {
                (self.group_answered, self.group_silent) = (event.at, None);
            }
            What::ConnectorConfig {
                connector,
                config: None,
            } => self.forget_tasks_of(connector),
            What::TargetState { connector, state } if state == "STOPPED" => {
                self.forget_tasks_of(connector);
            }
            What::RestView { worker, answer } => {
                let answers = answer.is_ok();
                let known = self.rest.get(worker);
                if known.is_none_or(|(before, _)| *before != answers) {
                    self.rest.insert(worker.clone(), (answers, event.at));
                }
            }
            What::Log { level, .. } if matches!(level.as_str(), "ERROR" | "FATAL") => {
                self.errors.push_back(event.at);
                while let Some(first) = self.errors.front()
                    && event.at.since(*first) > ERRORS_WITHIN
                {
                    self.errors.pop_front();
                }
            }
            _ => {}
        }
    }

    fn note_status(&mut self, task: &TaskId, status: Status) {
        let before = self.status.get(task).map(Status::word);
        if !before.is_some_and(|before| status.word().is_of_a_zombie(&before)) {
            self.status.insert(task.clone(), status);
        }
    }

    fn note_owners(&mut self, view: &GroupView, at: Moment) {
        let now: BTreeSet<TaskId> = view
            .members
            .iter()
            .flat_map(|member| member.tasks.iter().cloned())
            .collect();
        self.unowned.retain(|task, _| !now.contains(task));
        for task in self.owned.difference(&now) {
            self.unowned.entry(task.clone()).or_insert(at);
        }
        self.owned.extend(now);
    }

    /// Nobody is expected to own these any more.
    fn forget_tasks_of(&mut self, connector: &ConnectorName) {
        self.owned.retain(|task| task.connector != *connector);
        self.unowned.retain(|task, _| task.connector != *connector);
    }

    /// The worker that leads, as far as the group says.
    pub fn leader(&self) -> Option<&WorkerName> {
        self.group.as_ref().and_then(|view| view.leader.as_ref())
    }

    /// The group's member id of a worker.
    pub fn member_id(&self, worker: &WorkerName) -> Option<&str> {
        let members = self.group.iter().flat_map(|view| &view.members);
        members
            .filter(|member| member.worker.as_ref() == Some(worker))
            .map(|member| member.member_id.as_str())
            .next()
    }

    /// Whether the group still has this member.
    pub fn has_member(&self, member_id: &str) -> bool {
        self.group
            .iter()
            .flat_map(|view| &view.members)
            .any(|member| member.member_id == member_id)
    }

    /// The worker that owns a task, by the group.
    pub fn owner(&self, task: &TaskId) -> Option<&WorkerName> {
        let members = self.group.iter().flat_map(|view| &view.members);
        members
            .filter(|member| member.tasks.contains(task))
            .find_map(|member| member.worker.as_ref())
    }

    /// A task of these connectors that failed, with its trace.
    pub fn failed_task(&self, connectors: &[ConnectorName]) -> Option<(&TaskId, &str)> {
        let (task, _) = self.status.iter().find(|(task, status)| {
            status.state == "FAILED" && connectors.contains(&task.connector)
        })?;
        Some((
            task,
            self.traces
                .get(task)
                .map_or("no trace was given", String::as_str),
        ))
    }

    /// All tasks of the connectors, as far as their configurations are known.
    pub fn tasks_of(&self, connectors: &[ConnectorName]) -> Vec<TaskId> {
        let tasks = |connector: &ConnectorName| {
            let count = self.task_counts.get(connector).copied().unwrap_or(0);
            let connector = connector.clone();
            (0..count).map(move |task| TaskId {
                connector: connector.clone(),
                task,
            })
        };
        connectors.iter().flat_map(tasks).collect()
    }

    /// Nothing when the group is balanced over exactly these workers and each task runs where the group says; else what is missing.
    pub fn balanced(&self, workers: &BTreeSet<WorkerName>, tasks: &[TaskId]) -> Result<(), String> {
        let view = self
            .group
            .as_ref()
            .ok_or("the group has not been described yet")?;
        if view.state != "Stable" {
            return Err(format!("the group is {}", view.state));
        }
        if view.delay_ms > 0 {
            return Err(format!(
                "the leader holds lost tasks back for {} ms",
                view.delay_ms
            ));
        }
        let present: BTreeSet<WorkerName> = view
            .members
            .iter()
            .filter_map(|member| member.worker.clone())
            .collect();
        if present != *workers || view.members.len() != workers.len() {
            return Err(format!(
                "the group has {}, not {}",
                list(&present),
                list(workers)
            ));
        }
        tasks.iter().try_for_each(|task| self.runs_once(view, task))
    }

    /// Nothing when every task of each sink is in its consumer group and the group is stable; else what is missing.
    pub fn sinks_settled(&self, sinks: &[ConnectorName], tasks: &[TaskId]) -> Result<(), String> {
        for sink in sinks {
            let wanted: BTreeSet<TaskId> = tasks
                .iter()
                .filter(|task| task.connector == *sink)
                .cloned()
                .collect();
            if self.sink_tasks.get(sink) != Some(&wanted) {
                return Err(format!("the consumer group of {sink} is not settled"));
            }
        }
        Ok(())
    }

    fn runs_once(&self, view: &GroupView, task: &TaskId) -> Result<(), String> {
        let owners: Vec<_> = view
            .members
            .iter()
            .filter(|member| member.tasks.contains(task))
            .collect();
        let [owner] = owners.as_slice() else {
            return Err(format!("task {task} is owned by {} members", owners.len()));
        };
        let Some(Status { state, worker, .. }) = self.status.get(task) else {
            return Err(format!("task {task} has no status yet"));
        };
        match worker {
            _ if state == "RUNNING" && *worker == owner.worker => Ok(()),
            Some(worker) => Err(format!("task {task} is {state} on {worker}")),
            None => Err(format!("task {task} is {state}")),
        }
    }
}

fn list(workers: &BTreeSet<WorkerName>) -> String {
    if workers.is_empty() {
        return "no member".to_owned();
    }
    workers
        .iter()
        .map(WorkerName::as_str)
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::GroupMember;

    fn worker(name: &str) -> WorkerName {
        WorkerName::new(name).unwrap()
    }

    fn task(name: &str) -> TaskId {
        name.parse().unwrap()
    }

    fn member(name: &str, tasks: &[&str]) -> GroupMember {
        GroupMember {
            member_id: format!("{name}-id"),
            worker: Some(worker(name)),
            url: String::new(),
            tasks: tasks.iter().map(|name| task(name)).collect(),
            connectors: Vec::new(),
        }
    }

    fn live(members: Vec<GroupMember>, running: &[(&str, &str)]) -> Live {
        let group = GroupView {
            state: "Stable".to_owned(),
            protocol: "sessioned".to_owned(),
            leader: Some(worker("w1")),
            delay_ms: 0,
            members,
        };
        let mut live = Live {
            group: Some(group),
            ..Live::default()
        };
        for (name, on) in running {
            live.note_status(&task(name), status("RUNNING", on, 1));
        }
        live
    }

    fn status(state: &str, on: &str, generation: i64) -> Status {
        Status::of(state, Some(&worker(on)), generation)
    }

    fn workers(names: &[&str]) -> BTreeSet<WorkerName> {
        names.iter().map(|name| worker(name)).collect()
    }

    #[test]
    fn a_group_is_balanced_when_each_task_runs_where_the_group_says() {
        let live = live(
            vec![member("w1", &["m-0"]), member("w2", &["m-1"])],
            &[("m-0", "w1"), ("m-1", "w2")],
        );
        assert_eq!(
            live.balanced(&workers(&["w1", "w2"]), &[task("m-0"), task("m-1")]),
            Ok(())
        );
    }

    #[test]
    fn what_is_missing_is_said_in_words() {
        let tasks = [task("m-0"), task("m-1")];
        let check =
            |live: &Live, names: &[&str]| live.balanced(&workers(names), &tasks).unwrap_err();
        let unowned = live(vec![member("w1", &["m-0"])], &[("m-0", "w1")]);
        assert_eq!(check(&unowned, &["w1"]), "task m-1 is owned by 0 members");
        assert_eq!(
            check(&unowned, &["w1", "w2"]),
            "the group has w1, not w1, w2"
        );
        let twice = live(
            vec![member("w1", &["m-0", "m-1"]), member("w2", &["m-1"])],
            &[("m-0", "w1")],
        );
        assert_eq!(
            check(&twice, &["w1", "w2"]),
            "task m-1 is owned by 2 members"
        );
        let stale = live(
            vec![member("w1", &["m-0", "m-1"])],
            &[("m-0", "w1"), ("m-1", "w9")],
        );
        assert_eq!(check(&stale, &["w1"]), "task m-1 is RUNNING on w9");
    }

    #[test]
    fn a_dead_workers_running_claim_does_not_count() {
        let live = live(vec![member("w1", &["m-0"])], &[("m-0", "w2")]);
        assert!(live.balanced(&workers(&["w1"]), &[task("m-0")]).is_err());
    }

    #[test]
    fn a_task_runs_on_when_a_zombie_lets_go_of_it() {
        let mut live = live(vec![member("w1", &["m-0"])], &[("m-0", "w1")]);
        let runs = |live: &Live| live.balanced(&workers(&["w1"]), &[task("m-0")]);
        live.note_status(&task("m-0"), status("UNASSIGNED", "w2", 0));
        assert_eq!(runs(&live), Ok(()));
        live.note_status(&task("m-0"), status("UNASSIGNED", "w2", 1));
        assert_eq!(runs(&live), Ok(()));
        // Its owner letting go, or anybody later, is meant.
        let mut newer = live.clone();
        newer.note_status(&task("m-0"), status("UNASSIGNED", "w2", 2));
        assert!(runs(&newer).is_err());
        live.note_status(&task("m-0"), status("UNASSIGNED", "w1", 1));
        assert!(runs(&live).is_err());
    }
}
