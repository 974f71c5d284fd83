//! One connector of the route with what is known about it before any record is looked at.

use std::collections::BTreeSet;

use crate::journal::{RunInfo, SinkMember};
use crate::model::{Connector, Direction, Medium, Moment, OffsetMapping, Place, TaskId};

use super::commits::{CommitKey, Commits};
use super::history::History;
use super::settings;

/// Records in flight arrive within this time: producers and consumers hold less than a second of records.
pub(super) const IN_FLIGHT_US: u64 = 1_000_000;
/// A sink's consumer group is looked at this often, at least.
const POLLED_US: u64 = 1_000_000;

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
            leg.commits = Commits::of(connector, leg.input_topic(), history);
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

    /// Views of the sink's consumer group, in the order of time.
    pub(super) fn sink_views<'h>(
        &'h self,
        history: &'h History<'_>,
    ) -> impl DoubleEndedIterator<Item = (Moment, &'h [SinkMember])> + 'h {
        let of_this = history.sink_groups.iter();
        of_this
            .filter(|(_, name, _)| **name == self.connector.name)
            .map(|(at, _, members)| (*at, *members))
    }

    /// The tasks that read this partition of the input around a moment: the group is polled, so it may have been another
    /// one's a moment before it was seen. `None` where that is not known.
    pub(super) fn owners_around(
        &self,
        partition: i32,
        at: Moment,
        history: &History<'_>,
    ) -> Option<BTreeSet<TaskId>> {
        let (from, to) = (
            Moment(at.0.saturating_sub(POLLED_US)),
            Moment(at.0.saturating_add(POLLED_US)),
        );
        if self.connector.direction == Direction::Source {
            let owners = [from, at, to].map(|at| self.task_of(partition, at, history));
            return owners.into_iter().collect();
        }
        let held = self.sink_views(history).rfind(|(seen, _)| *seen <= from);
        let within = self
            .sink_views(history)
            .filter(|(seen, _)| *seen > from && *seen <= to);
        let mut owners = BTreeSet::new();
        for (_, members) in held.into_iter().chain(within) {
            let owner = members.iter().find(|m| m.partitions.contains(&partition));
            owners.insert(owner?.task.clone()?);
        }
        Some(owners).filter(|owners| !owners.is_empty())
    }

    /// When a task that was taken was at work again, or a second after it was gone, whichever is later: before that only
    /// what was in flight can arrive. A sink's task is also at work again when others read its partitions.
    pub(super) fn at_work(
        &self,
        task: Option<&TaskId>,
        gone: Moment,
        history: &History<'_>,
    ) -> Moment {
        let is_meant = |other: &TaskId| match task {
            Some(task) => task == other,
            None => other.connector == self.connector.name,
        };
        let running = history
            .statuses
            .iter()
            .find(|status| status.at > gone && status.state == "RUNNING" && is_meant(status.task));
        let (_, before) = self
            .sink_views(history)
            .rfind(|(at, _)| *at <= gone)
            .unwrap_or_default();
        let had: BTreeSet<i32> = before
            .iter()
            .filter(|member| member.task.as_ref().is_some_and(is_meant))
            .flat_map(|member| member.partitions.iter().copied())
            .collect();
        let taken_over = self.sink_views(history).find(|(at, members)| {
            let mut others = members.iter().filter(|member| {
                member.task.is_some() && !(task.is_some() && member.task.as_ref() == task)
            });
            *at > gone
                && task.is_some()
                && others.any(|member| member.partitions.iter().any(|p| had.contains(p)))
        });
        let first = running.map(|status| status.at);
        let again = first.into_iter().chain(taken_over.map(|(at, _)| at)).min();
        let flight = Moment(gone.0.saturating_add(IN_FLIGHT_US));
        again.map_or(flight, |at| at.max(flight))
    }

    /// When, from a moment on, the sink's consumer group has each of its tasks once.
    pub(super) fn consumers_settled(&self, from: Moment, history: &History<'_>) -> Option<Moment> {
        let tasks: BTreeSet<&TaskId> = history
            .tasks
            .iter()
            .filter(|task| task.connector == self.connector.name)
            .collect();
        let whole = |members: &[SinkMember]| {
            let there: BTreeSet<&TaskId> = members.iter().filter_map(|m| m.task.as_ref()).collect();
            there == tasks && members.len() == tasks.len()
        };
        let held = self.sink_views(history).rfind(|(at, _)| *at <= from);
        if held.is_none_or(|(_, members)| whole(members)) {
            return Some(from);
        }
        self.sink_views(history)
            .find(|(at, members)| *at > from && whole(members))
            .map(|(at, _)| at)
    }
}
