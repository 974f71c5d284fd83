//! The live view of a running cluster: a plain fold over the journal's events, asked by the conductor what is still missing.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use crate::journal::{Event, Exit, GroupView, What};
use crate::model::{ConnectorName, Moment, TaskId, WorkerName};
use crate::verify::Standing;

/// Older errors say nothing about the present rate.
pub const ERRORS_WITHIN: Duration = Duration::from_secs(60);

/// What the last events say about the cluster.
#[derive(Debug, Clone, Default)]
pub struct Live {
    /// The group, the tasks and the faults, and what is missing before all is as before.
    pub standing: Standing,
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
    /// Of a cluster that nothing is known of yet.
    pub fn new(standing: Standing) -> Self {
        Self {
            standing,
            ..Self::default()
        }
    }

    /// Takes one event in.
    pub fn apply(&mut self, event: &Event) {
        self.standing.apply(event);
        self.apply_for_others(event);
        match &event.what {
            What::TaskStatus {
                task,
                trace: Some(trace),
                ..
            } => {
                self.traces.insert(task.clone(), trace.clone());
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
        self.standing.group.as_ref()?.leader.as_ref()
    }

    /// The worker that owns a task, by the group.
    pub fn owner(&self, task: &TaskId) -> Option<&WorkerName> {
        let members = self.standing.group.iter().flat_map(|view| &view.members);
        members
            .filter(|member| member.tasks.contains(task))
            .find_map(|member| member.worker.as_ref())
    }

    /// A task of these connectors that failed, with its trace.
    pub fn failed_task(&self, connectors: &[ConnectorName]) -> Option<(&TaskId, &str)> {
        let (task, _) = self.standing.status.iter().find(|(task, status)| {
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
}
