//! Who owned which task when, by stable views of the group: overlaps and time without an owner.

use std::collections::BTreeMap;

use crate::model::{Moment, TaskId};

use super::case::Case;
use super::marks::owners;

/// A stretch in which the group's bytes were to be trusted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stretch {
    pub from: Moment,
    pub to: Moment,
}

impl Stretch {
    fn ms(self) -> u64 {
        self.to.0.saturating_sub(self.from.0).div_ceil(1_000)
    }

    fn within(self, from: Moment, to: Moment) -> Self {
        let from = self.from.max(from);
        Self {
            from,
            to: self.to.min(to).max(from),
        }
    }
}

/// What the views of the group show.
#[derive(Debug, Default)]
pub(super) struct Ownership {
    /// Stretches in which a task was on two members, by task.
    pub overlaps: BTreeMap<TaskId, Vec<Stretch>>,
    /// Stretches in which a task was on none.
    pub unowned: BTreeMap<TaskId, Vec<Stretch>>,
    /// Stable views seen.
    pub views: usize,
}

impl Ownership {
    pub(super) fn read(case: &Case<'_>) -> Self {
        let mut found = Self::default();
        let history = &case.history;
        let end = history.duty_end();
        for (number, (at, view)) in history.groups.iter().enumerate() {
            if view.state != "Stable" {
                continue;
            }
            found.views += 1;
            let next = history
                .groups
                .get(number + 1)
                .map_or(end, |(next, _)| *next);
            let stretch = Stretch {
                from: *at,
                to: next.min(end).max(*at),
            };
            for member in &view.members {
                for task in &member.tasks {
                    if owners(view, task) > 1 {
                        add(&mut found.overlaps, task, stretch);
                    }
                }
            }
            let Some(duty) = history.tasks_running else {
                continue;
            };
            for task in history.tasks.iter().filter(|task| owners(view, task) == 0) {
                let stretch = stretch.within(duty, end);
                if stretch.ms() > 0 {
                    add(&mut found.unowned, task, stretch);
                }
            }
        }
        found
    }

    /// The longest that any task was on two members in all, in milliseconds; at least 1 where it was so at all.
    pub(super) fn longest_overlap_ms(&self) -> u64 {
        let of_task = |list: &Vec<Stretch>| overlap_ms(list);
        self.overlaps.values().map(of_task).max().unwrap_or(0)
    }

    /// Task-milliseconds without an owner within a stretch.
    pub(super) fn unowned_ms(&self, from: Moment, to: Moment) -> u64 {
        self.unowned
            .values()
            .flatten()
            .map(|stretch| stretch.within(from, to).ms())
            .sum()
    }
}

/// How long these stretches are together, at least 1 ms.
pub(super) fn overlap_ms(list: &[Stretch]) -> u64 {
    list.iter().map(|stretch| stretch.ms()).sum::<u64>().max(1)
}

fn add(to: &mut BTreeMap<TaskId, Vec<Stretch>>, task: &TaskId, stretch: Stretch) {
    let list = to.entry(task.clone()).or_default();
    match list.last_mut() {
        Some(last) if last.to >= stretch.from => last.to = last.to.max(stretch.to),
        _ => list.push(stretch),
    }
}

#[cfg(test)]
mod tests {
    use super::super::world::task;
    use super::*;

    #[test]
    fn stretches_of_a_task_that_touch_are_one_and_others_are_not() {
        let mut all = BTreeMap::new();
        let task = task("mirror-0");
        for (from, to) in [(1_000, 2_000), (2_000, 3_000), (5_000, 6_000)] {
            let (from, to) = (Moment::from_ms(from), Moment::from_ms(to));
            add(&mut all, &task, Stretch { from, to });
        }
        assert_eq!((all[&task].len(), overlap_ms(&all[&task])), (2, 3_000));
    }
}
