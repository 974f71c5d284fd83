//! The recoveries as the HTML report shows them: cards with a bar of phases.

use std::collections::BTreeSet;

use crate::model::FaultId;
use crate::report::numbers::{count, lasting, seconds};
use crate::report::text::visible;
use crate::verify::{FaultReport, Judgement, Recovery, RecoveryPhase};

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

/// The recoveries: those of faults as a whole, then of each fault and connector the longest task, then all others, each the
/// longest first; the bars of all have one scale.
pub(super) fn recoveries(judgement: &Judgement) -> Vec<RecoveryCard> {
    let mut faults: Vec<&FaultReport> = judgement.faults.iter().collect();
    faults.retain(|fault| !fault.phases.is_empty());
    faults.sort_by_key(|fault| std::cmp::Reverse(total_ms(fault)));
    let mut tasks: Vec<&Recovery> = judgement.recoveries.iter().collect();
    tasks.sort_by_key(|recovery| std::cmp::Reverse(recovery.total_ms));
    let wholes = faults.iter().map(|fault| total_ms(fault));
    let longest = wholes.chain(tasks.first().map(|task| task.total_ms));
    let longest = longest.max().unwrap_or(1);
    let mut seen = BTreeSet::new();
    let (first, others): (Vec<_>, Vec<_>) = tasks
        .into_iter()
        .partition(|recovery| seen.insert((recovery.fault, &recovery.task.connector)));
    let whole = faults.iter().map(|fault| {
        let total = (total_ms(fault), fault.recovery_ms.is_some());
        let named = (fault.id, "as a whole");
        card(judgement, named, total, (&fault.phases, longest))
    });
    let task = |recovery: &Recovery| {
        let total = (recovery.total_ms, recovery.complete);
        let name = recovery.task.to_string();
        let named = (recovery.fault, name.as_str());
        card(judgement, named, total, (&recovery.phases, longest))
    };
    let tasks = first.into_iter().chain(others).map(task);
    whole.chain(tasks).collect()
}

fn total_ms(fault: &FaultReport) -> u64 {
    fault.phases.iter().map(|phase| phase.length_ms).sum()
}

fn card(
    judgement: &Judgement,
    (id, task): (FaultId, &str),
    (total_ms, complete): (u64, bool),
    (phases, longest): (&[RecoveryPhase], u64),
) -> RecoveryCard {
    let fault = judgement.faults.iter().find(|fault| fault.id == id);
    let part = share(total_ms, longest);
    RecoveryCard {
        fault: id.to_string(),
        what: fault
            .map(|fault| {
                let lasting = lasting(fault.lasted_ms);
                format!("{} {}{lasting}", fault.signal, workers(fault))
            })
            .unwrap_or_default(),
        task: task.to_owned(),
        total: seconds(total_ms),
        complete,
        scale: width(part),
        phases: phases
            .iter()
            .map(|phase| phase_row(phase, total_ms, part))
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
        "noticed" | "back" | "stopped" | "ended" => "p1",
        "delay" | "away" => "p2",
        "rebalance" | "assigned" => "p3",
        "started" | "return" => "p4",
        "first record" | "consumer group" => "p5",
        "first commit" => "p6",
        _ => "p7",
    }
}
