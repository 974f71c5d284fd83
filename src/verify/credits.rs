//! The credits of each lane: its stretches as rows behind the connector and positions in front of it.

use std::collections::BTreeSet;

use crate::model::{Moment, TaskId};

use super::case::Case;
use super::commits::CommitKey;
use super::pass::Snap;
use super::replay::{Credit, From};
use super::stretch::{Nature, Stretch};

/// A commit that passed everything is seen this much before the last records at most: readers lag.
const READERS_LAG_US: u64 = 3_000_000;

/// Why it cannot be said whether repeats are explained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Undecidable {
    /// The connector's offsets cannot be mapped to records.
    Offsets,
    /// Whether the group gave the worker up is not known.
    Membership,
}

/// A credit, the stretch (its index) that opened it, and why it is not certain where it is not.
#[derive(Debug, Clone, Copy)]
pub(super) struct Opened {
    pub credit: Credit,
    pub stretch: usize,
    pub undecidable: Option<Undecidable>,
}

/// The stretches (their indices) that hit the task behind a lane.
pub(super) fn hits<'c>(
    case: &'c Case<'_>,
    leg: usize,
    lane: u32,
) -> impl DoubleEndedIterator<Item = usize> + 'c {
    let partition = case.input_partition(leg, lane);
    let mine = case.stretches.iter().enumerate();
    mine.filter(move |(_, stretch)| {
        stretch.leg == leg && stretch.concerns(&case.legs[leg], partition, &case.history)
    })
    .map(|(index, _)| index)
}

/// The credits of a lane behind a connector, where this task of it is behind the lane, or one of its tasks.
pub(super) fn of_lane(
    case: &Case<'_>,
    leg: usize,
    lane: u32,
    task: Option<&TaskId>,
) -> Vec<Opened> {
    let mut list: Vec<Opened> = Vec::new();
    for index in hits(case, leg, lane) {
        let stretch = &case.stretches[index];
        let others = stretch.task.as_ref().zip(task);
        if others.is_some_and(|(struck, own)| struck != own) {
            continue;
        }
        let Some((credit, undecidable)) = credit(case, stretch, lane) else {
            continue;
        };
        let same = |open: &&mut Opened| {
            let other = &case.stretches[open.stretch];
            (other.cause, other.nature, other.opens)
                == (stretch.cause, stretch.nature, stretch.opens)
        };
        match list.iter_mut().find(same) {
            // One of a victim's tasks was behind the lane: which one is not known.
            Some(open) => open.credit.widen(&credit),
            None => list.push(Opened {
                credit,
                stretch: index,
                undecidable,
            }),
        }
    }
    list
}

/// Which tasks may be behind a lane all the time. What a source makes by itself it divides among its tasks once, and nobody
/// tells how; of an input it is told, and may change.
pub(super) fn makers(case: &Case<'_>, leg: usize, lane: u32) -> Vec<Option<TaskId>> {
    let own = case.legs[leg].input.is_none();
    let struck = hits(case, leg, lane).filter_map(|hit| case.stretches[hit].task.clone());
    let tasks: BTreeSet<TaskId> = struck.filter(|_| own).collect();
    match tasks.len() {
        0 | 1 => vec![None],
        _ => tasks.into_iter().map(Some).collect(),
    }
}

fn credit(case: &Case<'_>, stretch: &Stretch, lane: u32) -> Option<(Credit, Option<Undecidable>)> {
    if stretch.nature == Nature::Nothing {
        return None;
    }
    let snap = |at: Moment| case.snap(stretch.leg, lane as usize, at);
    let settled = snap(stretch.settled);
    let (from, unknown) = begin(case, stretch, lane, snap(stretch.flight_began()))?;
    let undecidable = match stretch.nature {
        Nature::Unknown => Some(Undecidable::Membership),
        _ => unknown.then_some(Undecidable::Offsets),
    };
    let lasts = matches!(stretch.nature, Nature::Zombie | Nature::Unknown);
    let closes_row = match lasts {
        true => settled.arrived,
        false => settled.passed.unwrap_or(u64::MAX),
    };
    let credit = Credit {
        opens_row: snap(stretch.opens).arrived,
        opens_us: stretch.opens.0,
        closes_row,
        closes_us: match lasts {
            true => u64::MAX,
            false => committed_past_all(case, stretch, lane),
        },
        from,
        to: settled.high?,
        read_us: stretch.read_until.0,
        in_flight_us: (stretch.nature == Nature::InFlight)
            .then(|| (stretch.flight_began().0, stretch.settled.0)),
        times: if stretch.nature == Nature::Unknown {
            2
        } else {
            1
        },
        certain: undecidable.is_none(),
    };
    Some((credit, undecidable))
}

/// Where a task that went back may have begun again, and whether that is a mere guess; `None` where nothing was left to do.
fn begin(
    case: &Case<'_>,
    stretch: &Stretch,
    lane: u32,
    before_flight: Snap,
) -> Option<(From, bool)> {
    let anywhere = From {
        rows: 0,
        high: None,
    };
    if stretch.nature == Nature::InFlight {
        let from = From {
            rows: u64::MAX,
            high: before_flight.high,
        };
        return Some((from, false));
    }
    let leg = &case.legs[stretch.leg];
    let key = leg.key_of(lane, case.input_partition(stretch.leg, lane));
    let Some(key) = key.filter(|_| leg.measurable()) else {
        return Some((anywhere, true));
    };
    let next = case.certain(stretch, key);
    let at = case.start(stretch.leg, lane, (key, next))?;
    Some((
        From {
            rows: at.rows,
            high: at.high,
        },
        false,
    ))
}

/// When a commit was seen, after the task was at work again, that leaves nothing of its partition to do: it has passed
/// every credit then.
fn committed_past_all(case: &Case<'_>, stretch: &Stretch, lane: u32) -> u64 {
    let leg = &case.legs[stretch.leg];
    let partition = case.input_partition(stretch.leg, lane);
    let end = || {
        let cuts = case.input_cuts(stretch.leg)?;
        cuts.end(partition?)
    };
    let (Some(CommitKey::Partition(key)), Some(end)) = (leg.key_of(lane, partition), end()) else {
        return u64::MAX;
    };
    let past = leg.commits.list.iter().find(|commit| {
        commit.key == CommitKey::Partition(key)
            && commit.at > stretch.settled
            && commit.next.is_some_and(|next| next >= end)
    });
    past.map_or(u64::MAX, |commit| {
        commit.at.0.saturating_add(READERS_LAG_US)
    })
}
