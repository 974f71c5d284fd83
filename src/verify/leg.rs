//! One connector of the route with what is known about it before any record is looked at.

use std::collections::BTreeSet;

use crate::journal::RunInfo;
use crate::model::{Connector, Direction, Medium, Moment, OffsetMapping, Place, TaskId};

use super::commits::{CommitKey, Commits};
use super::history::{FaultStory, History, Victim};
use super::settings;

/// A connector with the places before and behind it.
pub(super) struct Leg<'a> {
    pub index: usize,
    pub connector: &'a Connector,
    pub tap: &'a Place,
    pub input: Option<&'a Place>,
    pub exactly_once: bool,
    pub flush_interval_ms: u64,
    pub commit_ms: u64,
    pub commits: Commits,
}

impl<'a> Leg<'a> {
    /// All legs of the run's route.
    pub(super) fn all(info: &'a RunInfo, history: &History<'_>) -> Vec<Self> {
        let route = &info.scenario.route;
        let leg = |(index, (connector, tap)): (usize, &'a (Connector, Place))| {
            let mut leg = Self {
                index,
                connector,
                tap,
                input: route.input_of(index),
                exactly_once: settings::exactly_once(info, connector),
                flush_interval_ms: settings::milliseconds(info, "offset.flush.interval.ms"),
                commit_ms: 0,
                commits: Commits::default(),
            };
            leg.commits = Commits::of(&leg, history);
            let promised = settings::milliseconds(info, "offset.flush.timeout.ms");
            leg.commit_ms = leg
                .measured_commit_ms(history)
                .unwrap_or(promised)
                .min(promised);
            leg
        };
        route.legs.iter().enumerate().map(leg).collect()
    }

    pub(super) fn input_topic(&self) -> Option<&'a str> {
        match &self.input?.medium {
            Medium::Topic(name) => Some(name),
            Medium::File(_) => None,
        }
    }

    /// Whether committed positions can be mapped to records.
    pub(super) fn measurable(&self) -> bool {
        match &self.connector.offsets {
            OffsetMapping::NotMeasurable => false,
            OffsetMapping::Pointers { .. } => true,
            OffsetMapping::MirrorSource
            | OffsetMapping::FileStreamSource
            | OffsetMapping::SinkGroup => self.input.is_some(),
        }
    }

    /// Which observer the commits come from.
    pub(super) fn commit_signal(&self) -> &'static str {
        match self.connector.direction {
            Direction::Source => "offsets topic",
            Direction::Sink => "consumer offsets",
        }
    }

    /// How much longer than the flush interval two commits lay apart while nothing disturbed them; `None` when too few were seen.
    fn measured_commit_ms(&self, history: &History<'_>) -> Option<u64> {
        let disturbed: Vec<(Moment, Moment)> = history
            .faults
            .iter()
            .filter_map(|fault| {
                let given_up = fault.given_up.as_ref().map(|(at, _)| *at);
                let to = fault.recovery_seen.or(given_up).unwrap_or(history.end);
                Some((fault.acted()?, to))
            })
            .collect();
        let calm_end = history.feed_ended.map_or(history.end, |feed| feed.at);
        let mut gaps = Vec::new();
        for key in self.commits.keys() {
            let times: Vec<Moment> = self
                .commits
                .list
                .iter()
                .filter(|commit| commit.key == key)
                .map(|commit| commit.at)
                .collect();
            let calm = |pair: &&[Moment]| {
                pair[1] <= calm_end
                    && !disturbed
                        .iter()
                        .any(|(from, to)| pair[0] <= *to && pair[1] >= *from)
            };
            gaps.extend(
                times
                    .windows(2)
                    .filter(calm)
                    .map(|pair| pair[1].as_ms().saturating_sub(pair[0].as_ms())),
            );
        }
        let longest = gaps.iter().max().filter(|_| gaps.len() >= 3)?;
        Some(longest.saturating_sub(self.flush_interval_ms))
    }

    /// The task that read this partition of the input at a moment; `None` where that is not known.
    pub(super) fn task_of(
        &self,
        partition: i32,
        at: Moment,
        history: &History<'_>,
    ) -> Option<TaskId> {
        match self.connector.direction {
            Direction::Sink => {
                let mut of_this = history
                    .sink_groups
                    .iter()
                    .filter(|(_, name, _)| **name == self.connector.name);
                let (_, _, members) = of_this.rfind(|(seen, _, _)| *seen <= at)?;
                members
                    .iter()
                    .find(|member| member.partitions.contains(&partition))
                    .and_then(|member| member.task.clone())
            }
            Direction::Source => self.source_task_of(partition, at, history),
        }
    }

    fn source_task_of(&self, partition: i32, at: Moment, history: &History<'_>) -> Option<TaskId> {
        let wanted = format!("{}-{partition}", self.input_topic()?);
        let mut found = None;
        let configs = history
            .task_configs
            .iter()
            .filter(|(seen, task, _)| *seen <= at && task.connector == self.connector.name);
        for (_, task, config) in configs {
            let assigned = config
                .iter()
                .find(|(key, _)| key.ends_with("task.assigned.partitions"));
            let Some((_, list)) = assigned else { continue };
            if list.split(',').any(|name| name.trim() == wanted) {
                found = Some((*task).clone());
            } else if found.as_ref() == Some(*task) {
                found = None;
            }
        }
        found
    }

    /// What a lane's commits are filed under.
    pub(super) fn key_of(&self, lane: u32, partition: Option<i32>) -> Option<CommitKey> {
        match &self.connector.offsets {
            OffsetMapping::Pointers { .. } => Some(CommitKey::Lane(lane)),
            OffsetMapping::FileStreamSource => Some(CommitKey::Partition(0)),
            OffsetMapping::MirrorSource | OffsetMapping::SinkGroup => {
                partition.map(CommitKey::Partition)
            }
            OffsetMapping::NotMeasurable => None,
        }
    }

    /// The victim of a fault that may have run the task behind a partition of the input (any task, where that is not known).
    pub(super) fn hit_by<'f>(
        &self,
        fault: &'f FaultStory,
        partition: Option<i32>,
        history: &History<'_>,
    ) -> Option<&'f Victim> {
        fault.victims.iter().find(|victim| {
            let Some(acted) = victim.acted else {
                return false;
            };
            let Some(owned) = history.tasks_of(&victim.worker, acted) else {
                return true;
            };
            match partition.and_then(|partition| self.task_of(partition, acted, history)) {
                Some(task) => owned.contains(&task),
                None => owned
                    .iter()
                    .any(|task| task.connector == self.connector.name),
            }
        })
    }

    /// Tasks of this connector that a fault took from its workers; empty where that is not known.
    pub(super) fn tasks_hit(&self, fault: &FaultStory, history: &History<'_>) -> BTreeSet<TaskId> {
        fault
            .victims
            .iter()
            .filter_map(|victim| history.tasks_of(&victim.worker, victim.acted?))
            .flatten()
            .filter(|task| task.connector == self.connector.name)
            .collect()
    }

    /// When the first of the tasks that a fault took was at work again; before that only records in flight can arrive.
    pub(super) fn resumed(&self, fault: &FaultStory, history: &History<'_>) -> Option<Moment> {
        let gone = fault.victims.iter().filter_map(Victim::gone).max()?;
        let hit = self.tasks_hit(fault, history);
        let running = history.statuses.iter().find(|status| {
            status.at > gone && status.state == "RUNNING" && hit.contains(status.task)
        });
        let taken_over = history.sink_groups.iter().find(|(at, name, members)| {
            *at > gone
                && **name == self.connector.name
                && members.iter().any(|member| {
                    member.task.as_ref().is_some_and(|task| {
                        member
                            .partitions
                            .iter()
                            .filter_map(|p| self.task_of(*p, gone, history))
                            .any(|before| hit.contains(&before) && before != *task)
                    })
                })
        });
        let first = running.map(|status| status.at);
        let second = taken_over.map(|(at, _, _)| *at);
        first.into_iter().chain(second).min()
    }
}
