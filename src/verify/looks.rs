//! What whoever looks wrote down about its looking, and the stretches that this leaves unseen.

use std::collections::BTreeMap;

use crate::journal::{ATTENDED_EVERY, Event, What};
use crate::model::Moment;

/// How often whoever looks tells of it, in milliseconds; of the Connect group more often.
pub(super) const TOLD_MS: u64 = ATTENDED_EVERY.as_secs() * 1_000;

/// One telling: when, how often it had looked since the one before, and its longest gap.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    pub at: Moment,
    pub looks: u64,
    pub gap_ms: u64,
}

/// The part of a run in which somebody had to look, and how he told of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Duty {
    pub from: Moment,
    pub to: Moment,
    /// So often he tells.
    pub every_ms: u64,
    /// Whether he tells all the time.
    pub steady: bool,
}

/// All tellings, by who looked.
pub(super) fn told(events: &[Event]) -> BTreeMap<&str, Vec<Look>> {
    let mut told: BTreeMap<&str, Vec<Look>> = BTreeMap::new();
    for event in events {
        let (observer, looks, gap_ms) = match &event.what {
            What::GroupPolled {
                polls,
                longest_gap_ms,
            } => ("group", *polls, *longest_gap_ms),
            What::Attended {
                observer,
                looks,
                longest_gap_ms,
                ..
            } => (observer.as_str(), *looks, *longest_gap_ms),
            _ => continue,
        };
        let at = event.at;
        told.entry(observer)
            .or_default()
            .push(Look { at, looks, gap_ms });
    }
    told
}

/// The gaps that these tellings leave, long and short, some of them twice; they may reach beyond the duty.
pub(super) fn gaps(told: &[Look], duty: Duty) -> Vec<(Moment, Moment)> {
    let mut gaps = Vec::new();
    let mut before: Option<Look> = None;
    let mut blind: Option<Moment> = None;
    for look in told {
        let back = |ms: u64| Moment(look.at.0.saturating_sub(ms.saturating_mul(1_000)));
        gaps.push((back(look.gap_ms), look.at));
        let since = before.map_or(duty.from, |before| before.at);
        // Turns without a look follow each other as one gap.
        blind = (look.looks == 0).then(|| blind.unwrap_or(since));
        gaps.extend(blind.map(|from| (from, look.at)));
        // What it says covers a turn, as long as its gaps have made it.
        let gap_ms = before.map_or(0, |before| before.gap_ms);
        let turn = duty.every_ms.saturating_add(look.gap_ms);
        let covered = back(turn.saturating_add(gap_ms));
        if duty.steady && covered > since {
            gaps.push((since, covered));
        }
        before = Some(*look);
    }
    if let Some(last) = before.filter(|_| duty.steady) {
        gaps.push((last.at, duty.to));
    }
    gaps
}
