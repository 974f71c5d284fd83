//! What zombies leave behind beside repeats: commits that went back, and tasks that may have run twice.

use crate::model::{Direction, Moment, TaskId};

use super::case::Case;
use super::commits::CommitKey;
use super::history::FaultStory;
use super::marks::{FaultMarks, TaskMarks};
use super::stretch::Nature;

/// The fault whose zombie made a commit that went back: the commit of a source, while the zombie was about, for a task
/// that it had, to nothing below what was committed before. Nothing guards the offsets of a source against it, except
/// exactly-once; a consumer group refuses the commits of members that it has lost.
pub(super) fn commit_of(
    case: &Case<'_>,
    leg: usize,
    (key, next, at): (CommitKey, u64, Moment),
) -> Option<usize> {
    let of = &case.legs[leg];
    if of.connector.direction != Direction::Source {
        return None;
    }
    let partition = match key {
        CommitKey::Partition(partition) => Some(partition),
        CommitKey::Lane(_) => None,
    };
    let mut zombies = case.stretches.iter().rev().filter(|stretch| {
        stretch.leg == leg
            && stretch.nature == Nature::Zombie
            && (stretch.opens..=stretch.settled).contains(&at)
    });
    zombies
        .find(|zombie| {
            next >= of.commits.certain_at(key, zombie.struck)
                && zombie.concerns(of, partition, &case.history)
        })
        .and_then(|zombie| zombie.fault())
}

/// Tasks of a fault's victims that another worker had by the time their own woke up, with that worker and that moment.
pub(super) fn moved<'m>(
    fault: &FaultStory,
    marks: &'m FaultMarks,
) -> Vec<(&'m TaskId, String, Moment)> {
    if fault.kind.ends_process() {
        return Vec::new();
    }
    let woke = fault
        .victims
        .iter()
        .filter_map(|victim| victim.undone)
        .max();
    let victims: Vec<_> = fault.victims.iter().map(|victim| &victim.worker).collect();
    let moved = |task: &'m TaskMarks| {
        let (at, owner) = task.assigned.as_ref()?;
        let elsewhere = owner.as_ref().is_none_or(|owner| !victims.contains(&owner));
        let name = owner
            .as_ref()
            .map_or_else(|| "another member".to_owned(), ToString::to_string);
        let before = woke.is_some_and(|woke| *at < woke);
        (elsewhere && before).then_some((&task.task, name, *at))
    };
    marks.tasks.iter().filter_map(moved).collect()
}
