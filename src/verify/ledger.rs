//! The ledgers of the feed and of each tap: every expected record in exactly one place of the equation.

use super::case::Case;
use super::rewinds::Rewinds;
use super::seen::{missing, total};
use super::told::Told;
use super::{FeedLedger, TapLedger};

/// −ln 0.05: with n records and none lost, the loss rate is below this over n with 95 % confidence (the rule of three).
const RULE_OF_THREE: f64 = 2.995_732;

/// The ledger of the feed.
pub(super) fn feed(case: &Case<'_>) -> Option<FeedLedger> {
    let place = case.info.scenario.route.feed()?;
    let feed = case.feed.as_ref()?;
    let acked = feed.acked;
    let (mut unknown, mut refused) = (0, 0);
    for lane in &feed.lanes {
        let open = |numbers: &roaring::RoaringTreemap| {
            numbers
                .iter()
                .filter(|n| !lane.expected.contains(*n))
                .count() as u64
        };
        unknown += open(&lane.unknown) + lane.unknown_seen;
        refused += lane
            .refused
            .iter()
            .filter(|n| !lane.expected.contains(*n) && !lane.unknown.contains(*n))
            .count() as u64;
    }
    let due = case.history.feed_ended.map_or(0, |end| end.due);
    let sent = acked + unknown + refused;
    let pace_error = if due == 0 {
        0.0
    } else {
        due.saturating_sub(sent) as f64 / due as f64
    };
    Some(FeedLedger {
        place: place.name.clone(),
        acked,
        refused,
        unknown,
        pace_error,
    })
}

/// The ledger of each tap.
pub(super) fn taps(case: &Case<'_>, rewinds: &Rewinds) -> Vec<TapLedger> {
    (0..case.legs.len())
        .map(|leg| tap(case, rewinds, leg))
        .collect()
}

fn tap(case: &Case<'_>, rewinds: &Rewinds, leg: usize) -> TapLedger {
    let facts = &case.taps[leg];
    let (mut once, mut repeated, mut extra, mut gone, mut own_gone, mut expected) =
        (0, 0, 0, 0, 0, 0);
    for (number, lane) in facts.lanes.iter().enumerate() {
        let seen = lane.seen.len();
        let twice = lane.repeated.len();
        once += seen - twice;
        repeated += twice;
        extra += lane.extra_copies;
        expected += case.expected(leg, number).count();
        gone += total(&missing(case.expected(leg, number), &lane.seen));
        own_gone += total(&case.own_missing(leg, number));
    }
    let drained = case.drained();
    let told = || rewinds.of_leg(leg);
    let reorderings = facts
        .lanes
        .iter()
        .map(|lane| lane.reordered.len() as u64)
        .sum();
    let uncommitted = case.uncommitted.get(leg).and_then(Option::as_ref);
    TapLedger {
        place: case.legs[leg].tap.name.clone(),
        connector: case.legs[leg].connector.name.clone(),
        expected,
        once,
        repeated,
        extra_copies: extra,
        own_extra_copies: told().map(Told::copies).sum(),
        unexplained_copies: told().map(Told::unexplained).sum(),
        lost: if drained { gone } else { 0 },
        own_lost: if drained { own_gone } else { 0 },
        undecided: if drained { 0 } else { gone },
        phantom: facts.phantom,
        corrupt: facts.corrupt,
        of_unknown: facts.of_unknown,
        arrived: once + repeated + extra + facts.phantom + facts.corrupt,
        reorderings,
        aborted: uncommitted.map(|all| all.whole.saturating_sub(facts.whole)),
        loss_bound_per_million: (gone == 0 && expected > 0)
            .then(|| RULE_OF_THREE / expected as f64 * 1e6),
    }
}
