//! Connectors that are in the cluster and not in the route: their states, their owners and their recoveries.

use std::collections::{BTreeMap, BTreeSet};

use crate::journal::{GroupView, What};
use crate::model::{ConnectorName, Moment, TaskId, WorkerName};

use super::case::Case;
use super::history::{History, StatusSeen};
use super::marks::owners;
use super::{StateSpan, WatchedCommits, WatchedFault, WatchedReport};

/// State spans listed for one connector.
const MOST_SPANS: usize = 500;

/// The report of every watched connector, by name.
pub(super) fn reports(case: &Case<'_>) -> Vec<WatchedReport> {
    let names: BTreeSet<&ConnectorName> = case.info.watched.iter().collect();
    let Some((from, to)) = window(&case.history) else {
        return Vec::new();
    };
    names
        .into_iter()
        .map(|name| Watch::of(case, name, (from, to)).report(case))
        .collect()
}

/// Tasks of watched connectors, as stable views of the group have them.
pub(super) fn tasks(case: &Case<'_>) -> Vec<TaskId> {
    let mut tasks = BTreeSet::new();
    for (_, view) in stable(&case.history) {
        let owned = view.members.iter().flat_map(|member| &member.tasks);
        tasks.extend(owned.filter(|task| case.info.watched.contains(&task.connector)));
    }
    tasks.into_iter().cloned().collect()
}

/// From when all tasks of the route ran to when the run collects.
fn window(history: &History<'_>) -> Option<(Moment, Moment)> {
    let first = stable(history).next().map(|(at, _)| at);
    let from = history.tasks_running.or(first)?;
    let to = history.duty_end();
    (from < to).then_some((from, to))
}

fn stable<'h>(history: &'h History<'_>) -> impl Iterator<Item = (Moment, &'h GroupView)> {
    let views = history.groups.iter();
    views
        .filter(|(_, view)| view.state == "Stable")
        .map(|(at, view)| (*at, *view))
}

/// One watched connector within the stretch of the run in which it is looked at.
struct Watch<'c> {
    name: &'c ConnectorName,
    tasks: Vec<TaskId>,
    from: Moment,
    to: Moment,
    /// Stable views, each of which holds until the next one.
    views: Vec<(Moment, &'c GroupView)>,
    statuses: Vec<&'c StatusSeen<'c>>,
}

impl<'c> Watch<'c> {
    fn of(case: &'c Case<'c>, name: &'c ConnectorName, (from, to): (Moment, Moment)) -> Self {
        let all = tasks(case).into_iter();
        let statuses = case.history.statuses.iter();
        Self {
            name,
            tasks: all.filter(|task| task.connector == *name).collect(),
            from,
            to,
            views: stable(&case.history).collect(),
            statuses: statuses.filter(|s| s.task.connector == *name).collect(),
        }
    }

    fn report(&self, case: &Case<'_>) -> WatchedReport {
        let spans: Vec<StateSpan> = self
            .tasks
            .iter()
            .flat_map(|task| self.spans(task))
            .collect();
        let mut states: BTreeMap<String, u64> = BTreeMap::new();
        for span in &spans {
            *states.entry(span.state.clone()).or_insert(0) += ms(span.from, span.to);
        }
        let unowned: Vec<(Moment, Moment)> = self
            .tasks
            .iter()
            .flat_map(|task| self.unowned(task, self.from, self.to))
            .collect();
        let lengths = || unowned.iter().map(|(from, to)| ms(*from, *to));
        WatchedReport {
            connector: self.name.clone(),
            tasks: u32::try_from(self.tasks.len()).unwrap_or(u32::MAX),
            states,
            spans_not_listed: spans.len().saturating_sub(MOST_SPANS) as u64,
            spans: spans.into_iter().take(MOST_SPANS).collect(),
            unowned_task_ms: lengths().sum(),
            longest_unowned_ms: lengths().max().unwrap_or(0),
            faults: (0..case.history.faults.len())
                .filter_map(|fault| self.fault(case, fault))
                .collect(),
            commits: self.commits(&case.history),
        }
    }

    /// The view that holds at a moment.
    fn view(&self, at: Moment) -> Option<&'c GroupView> {
        let held = self.views.iter().rfind(|(seen, _)| *seen <= at);
        held.map(|(_, view)| *view)
    }

    fn status(&self, task: &TaskId, at: Moment) -> Option<&'c StatusSeen<'c>> {
        let of_task = self.statuses.iter().rev().filter(|s| s.task == task);
        of_task.copied().find(|status| status.at <= at)
    }

    /// What the status topic said of a task, stretch by stretch.
    fn spans(&self, task: &TaskId) -> Vec<StateSpan> {
        let mut spans: Vec<StateSpan> = Vec::new();
        let before = self.status(task, self.from).map(|s| (self.from, s.state));
        let within = self
            .statuses
            .iter()
            .filter(|s| s.task == task && s.at > self.from && s.at < self.to);
        for (at, state) in before.into_iter().chain(within.map(|s| (s.at, s.state))) {
            if let Some(last) = spans.last_mut() {
                if last.state == state {
                    continue;
                }
                last.to = at;
            }
            spans.push(StateSpan {
                task: task.clone(),
                state: state.to_owned(),
                from: at,
                to: self.to,
            });
        }
        spans
    }

    /// Stretches in which stable views had a task on no member.
    fn unowned(&self, task: &TaskId, from: Moment, to: Moment) -> Vec<(Moment, Moment)> {
        let mut found: Vec<(Moment, Moment)> = Vec::new();
        for (number, (at, view)) in self.views.iter().enumerate() {
            let next = self.views.get(number + 1).map_or(to, |(next, _)| *next);
            let (begin, end) = ((*at).max(from), next.min(to));
            if begin >= end || owners(view, task) > 0 {
                continue;
            }
            match found.last_mut() {
                Some(last) if last.1 == begin => last.1 = end,
                _ => found.push((begin, end)),
            }
        }
        found
    }

    /// Whether a task is owned once and, as far as the status topic says, runs with its owner (or is paused there).
    fn is_well(&self, task: &TaskId, at: Moment) -> bool {
        let Some(view) = self.view(at) else {
            return false;
        };
        let owner = owner(view, task).flatten();
        owners(view, task) == 1
            && self.status(task, at).is_none_or(|status| {
                let there = status
                    .worker
                    .zip(owner)
                    .is_none_or(|(one, other)| one == other);
                there && matches!(status.state, "RUNNING" | "PAUSED")
            })
    }

    /// What a fault did to this connector; `None` where the fault had no effect.
    fn fault(&self, case: &Case<'_>, index: usize) -> Option<WatchedFault> {
        let (fault, marks) = (&case.history.faults[index], &case.marks[index]);
        let began = marks.began?;
        let later = case.marks.iter().filter_map(|other| other.began);
        let end = later.filter(|at| *at > began).min().unwrap_or(self.to);
        let end = end.min(self.to).max(began);
        let hit: Vec<&TaskId> = marks
            .tasks
            .iter()
            .map(|task| &task.task)
            .filter(|task| task.connector == *self.name)
            .collect();
        let before = Moment(fault.acted()?.0.saturating_sub(1));
        // What did not run before the fault cannot show a recovery from it.
        let ran = self.tasks.iter().filter(|task| self.is_well(task, before));
        let ran: Vec<&TaskId> = ran.collect();
        let known = marks.noticed.or(marks.back);
        let recovered = self.recovered(&ran, &hit, (began, known, end));
        let started = self
            .statuses
            .iter()
            .filter(|status| status.state == "RUNNING" && status.at > began && status.at <= end);
        let unowned = self
            .tasks
            .iter()
            .flat_map(|task| self.unowned(task, began, end));
        Some(WatchedFault {
            fault: fault.id,
            tasks_hit: hit.len() as u64,
            moves: self
                .tasks
                .iter()
                .map(|task| self.moves(task, before, end))
                .sum(),
            starts: started.count() as u64,
            unowned_task_ms: unowned.map(|(from, to)| ms(from, to)).sum(),
            tasks_before: ran.len() as u64,
            recovery_ms: recovered.map(|at| ms(began, at)),
        })
    }

    /// When all of these tasks were well and stayed so until the next fault; the beginning where none was ever unwell. A
    /// task of a victim is unwell until the group has noticed, whatever its status says.
    fn recovered(
        &self,
        tasks: &[&TaskId],
        hit: &[&TaskId],
        (began, known, end): (Moment, Option<Moment>, Moment),
    ) -> Option<Moment> {
        let touched = tasks.iter().any(|task| hit.contains(task));
        let from = match (touched, known) {
            (true, Some(known)) => known.max(began),
            (true, None) => return None,
            (false, _) => began,
        };
        let mut changes: BTreeSet<Moment> = self.views.iter().map(|(at, _)| *at).collect();
        changes.extend(self.statuses.iter().map(|status| status.at));
        let mut well_since = None;
        let within = changes.into_iter().filter(|at| *at > from && *at < end);
        for at in std::iter::once(from).chain(within) {
            let well = tasks.iter().all(|task| self.is_well(task, at));
            well_since = if well { well_since.or(Some(at)) } else { None };
        }
        well_since
    }

    /// How often stable views saw a task with another owner than before.
    fn moves(&self, task: &TaskId, from: Moment, to: Moment) -> u64 {
        let mut last = self.view(from).and_then(|view| owner(view, task));
        let mut moves = 0;
        for (_, view) in self.views.iter().filter(|(at, _)| *at > from && *at <= to) {
            let now = owner(view, task);
            if now.is_some() && last.is_some() && now != last {
                moves += 1;
            }
            last = now.or(last);
        }
        moves
    }

    /// How the committed offsets of a sink moved, where its commits were read.
    fn commits(&self, history: &History<'_>) -> Option<WatchedCommits> {
        let mut ends: BTreeMap<(&str, i32), (i64, i64)> = BTreeMap::new();
        let (mut commits, mut back, mut longest_us, mut last) = (0, 0, 0, self.from);
        for event in &history.commits {
            let What::SinkCommit {
                connector,
                topic,
                partition,
                next_offset: Some(next),
                ..
            } = &event.what
            else {
                continue;
            };
            if connector != self.name || event.at >= self.to {
                continue;
            }
            let known = ends
                .entry((topic.as_str(), *partition))
                .or_insert((*next, *next));
            if event.at < self.from {
                *known = (*next, *next);
                continue;
            }
            commits += 1;
            back += u64::from(*next < known.1);
            if *next > known.1 {
                longest_us = longest_us.max(event.at.0 - last.0);
                last = event.at;
            }
            known.1 = *next;
        }
        let moved = ends
            .values()
            .map(|(first, last)| last.saturating_sub(*first));
        (!ends.is_empty()).then(|| WatchedCommits {
            commits,
            moved: moved.filter_map(|moved| u64::try_from(moved).ok()).sum(),
            went_back: back,
            longest_still_ms: longest_us.max(self.to.0 - last.0) / 1_000,
        })
    }
}

/// The member that has a task: `None` where none has it, and nothing within where that is a stranger.
fn owner<'v>(view: &'v GroupView, task: &TaskId) -> Option<Option<&'v WorkerName>> {
    let mut members = view.members.iter();
    let member = members.find(|member| member.tasks.contains(task))?;
    Some(member.worker.as_ref())
}

fn ms(from: Moment, to: Moment) -> u64 {
    to.as_ms().saturating_sub(from.as_ms())
}
