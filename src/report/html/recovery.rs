//! The recoveries as the HTML report shows them: cards with a bar of phases.

use std::collections::BTreeSet;

use crate::report::numbers::{count, lasting, seconds};
use crate::report::text::visible;
use crate::verify::{Judgement, Recovery, RecoveryPhase};

use super::evidence::workers;
use super::share::{LINE_LIMIT, share, width};

/// A phase of a recovery.
pub(super) struct PhaseRow {
    pub(super) class: &'static str,
    pub(super) name: String,
    pub(super) inside: bool,
    pub(super) length: String,
    pub(super) width: String,
    pub(super) setting: Option<String>,
    pub(super) note: String,
    pub(super) signal: String,
}

/// One recovery.
pub(super) struct RecoveryCard {
    pub(super) fault: String,
    pub(super) what: String,
    pub(super) task: String,
    pub(super) total: String,
    pub(super) complete: bool,
    pub(super) scale: String,
    pub(super) phases: Vec<PhaseRow>,
}

/// The recoveries: the longest of each fault and connector, then all others, each the longest first; the bars of all have
/// one scale.
pub(super) fn recoveries(judgement: &Judgement) -> Vec<RecoveryCard> {
    let mut sorted: Vec<&Recovery> = judgement.recoveries.iter().collect();
    sorted.sort_by_key(|recovery| std::cmp::Reverse(recovery.total_ms));
    let longest = sorted.first().map_or(1, |recovery| recovery.total_ms);
    let mut seen = BTreeSet::new();
    let (first, others): (Vec<_>, Vec<_>) = sorted
        .into_iter()
        .partition(|recovery| seen.insert((recovery.fault, &recovery.task.connector)));
    first
        .into_iter()
        .chain(others)
        .map(|recovery| recovery_card(judgement, recovery, longest))
        .collect()
}

fn recovery_card(judgement: &Judgement, recovery: &Recovery, longest: u64) -> RecoveryCard {
    let fault = judgement
        .faults
        .iter()
        .find(|fault| fault.id == recovery.fault);
    let part = share(recovery.total_ms, longest);
    RecoveryCard {
        fault: recovery.fault.to_string(),
        what: fault
            .map(|fault| {
                let lasting = lasting(fault.lasted_ms);
                format!("{} {}{lasting}", fault.signal, workers(fault))
            })
            .unwrap_or_default(),
        task: recovery.task.to_string(),
        total: seconds(recovery.total_ms),
        complete: recovery.complete,
        scale: width(part),
        phases: recovery
            .phases
            .iter()
            .map(|phase| phase_row(phase, recovery.total_ms, part))
            .collect(),
    }
}

fn phase_row(phase: &RecoveryPhase, total_ms: u64, part: f64) -> PhaseRow {
    /// Share of a card that one character takes.
    const CHARACTER: f64 = 0.016;
    let of_recovery = share(phase.length_ms, total_ms);
    let name = visible(&phase.name, 30);
    PhaseRow {
        class: phase_class(&phase.name),
        inside: of_recovery * part > (name.chars().count() + 1) as f64 * CHARACTER,
        name,
        length: seconds(phase.length_ms),
        width: width(of_recovery),
        setting: phase
            .setting
            .as_deref()
            .map(|setting| visible(setting, 200)),
        note: visible(&phase.note, LINE_LIMIT),
        signal: format!(
            "{}, ±{} ms",
            visible(&phase.signal, 80),
            count(phase.error_ms)
        ),
    }
}

/// The colour of a phase; phases of other names share the last one.
fn phase_class(name: &str) -> &'static str {
    match name {
        "noticed" | "back" => "p1",
        "delay" => "p2",
        "rebalance" | "assigned" => "p3",
        "started" => "p4",
        "first record" => "p5",
        "first commit" => "p6",
        _ => "p7",
    }
}
