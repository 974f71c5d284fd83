//! What rests on the times that a tap told after it had stood still, and what on a feed that did.
//!
//! Sets and orders rest on none: nothing is lost, arrived twice or out of order because it was seen late. How long lanes were
//! silent and when they flowed again does; and so does who pays for a copy, where the tap stood still while a fault was
//! about: what the predecessor had delivered is what had arrived when the fault came.

use crate::model::{DuplicateLimit, Moment};

use super::attendance::{Absence, LEAST_GAP_MS, Subject};
use super::case::{Case, promise_begins, promise_us};
use super::recovery::FaultRecovery;
use super::standstill::{Standstill, Who};
use super::stretch::{Nature, Stretch};

/// The standstills that a guarantee of the scenario rests on, and what rests on each. One who never told that he was at work
/// is always missed.
pub(super) fn absences(case: &Case<'_>, recoveries: &[FaultRecovery]) -> Vec<Absence> {
    let expect = &case.info.scenario.expect;
    let within_bound = expect.duplicates == Some(DuplicateLimit::WithinFlushBound);
    let of_flow = expect.recovery_ms.is_some() || expect.outage_ms.is_some();
    let of_copies = expect.unexplained_duplicates.is_some() || within_bound;
    let mut found = Vec::new();
    for still in &case.stills {
        let about = |subject| Absence {
            subject,
            from: still.from,
            text: still.text.clone(),
            within_bound,
            is_short: still.to.0.saturating_sub(still.from.0) <= LEAST_GAP_MS * 1_000,
        };
        if still.never || (of_flow && bends_flow(case, still, recoveries)) {
            found.push(about(Subject::Flow));
        }
        let reads = still.who != Who::Feed;
        if reads && (still.never || (of_copies && bends_copies(case, still))) {
            found.push(about(Subject::Arrivals));
        }
    }
    found
}

/// Whether it touches what silences are measured in: the baseline that they are held against, or a recovery.
fn bends_flow(case: &Case<'_>, still: &Standstill, recoveries: &[FaultRecovery]) -> bool {
    if matches!(still.who, Who::Twin(_)) {
        return false;
    }
    let baseline = case.history.baseline();
    let mut recoveries = recoveries
        .iter()
        .filter_map(|recovery| Some((recovery.began?, recovery.window_end)))
        .peekable();
    recoveries.peek().is_some()
        && (baseline.is_some_and(|(from, to)| still.touches(from, to))
            || recoveries.any(|(from, to)| still.touches(from, to)))
}

/// Whether it touches a stretch in which a connector may repeat: from what its bound counts to the last copies.
fn bends_copies(case: &Case<'_>, still: &Standstill) -> bool {
    let touches = |stretch: &Stretch| {
        let leg = &case.legs[stretch.leg];
        let from = promise_begins(leg, stretch, &case.stretches);
        let to = Moment(stretch.settled.0.saturating_add(promise_us(leg)));
        stretch.nature != Nature::Nothing && still.touches(from, to)
    };
    case.stretches.iter().any(touches)
}
