//! Tests of what a connector leaves out before any fault: told from there, charged to no fault, allowed where it is said.

use crate::model::{Amount, FaultKind, GuaranteeKind, LossLimit, Verdict};

use super::tests::{guarantee, verdict_of};
use super::world::World;
use super::{FindingKind, GuaranteeResult};

const RECORDS: u64 = 440;

/// Every tenth record of every lane is missing behind the sink, from the first on.
fn world_that_drops_a_tenth(kind: FaultKind) -> World {
    let mut world = World::with_fault(RECORDS, kind);
    for lane in &mut world.archive {
        lane.retain(|row| row.sequence.0 % 10 != 3);
    }
    world
}

fn limit(per_million: u32, also_before_faults: bool) -> Option<LossLimit> {
    let at_most = Amount::Share { per_million };
    Some(LossLimit {
        at_most,
        also_before_faults,
    })
}

#[test]
fn what_is_left_out_from_the_first_second_on_is_no_faults_doing() {
    let world = world_that_drops_a_tenth(FaultKind::Kill);
    let judgement = world.judge();
    let lost = judgement.taps[1].own_lost;
    assert_eq!(
        judgement.sentence,
        format!(
            "{lost} records were lost by connector archive from the first second on: the same share was missing before any fault."
        )
    );
    assert_eq!(judgement.faults[0].lost, 0);
    let finding = judgement
        .findings
        .iter()
        .find(|f| f.kind == FindingKind::Lost);
    let finding = finding.unwrap();
    assert_eq!(finding.fault, None);
    assert!(
        finding.text.contains("; the same share, 10.")
            && finding.text.ends_with("was missing before any fault"),
        "{}",
        finding.text
    );
}

#[test]
fn what_is_left_out_on_purpose_can_be_allowed_and_more_than_that_is_a_loss() {
    let with = |limit: Option<LossLimit>| -> GuaranteeResult {
        let mut world = world_that_drops_a_tenth(FaultKind::Kill);
        world.info.scenario.expect.lost = limit;
        guarantee(&world.judge(), GuaranteeKind::Lost).clone()
    };
    let allowed = with(limit(100_000, true));
    assert_eq!(allowed.verdict, Verdict::Held, "{allowed:?}");
    assert!(allowed.limit().starts_with("≤ 10.0 % ("), "{allowed:?}");
    assert!(
        allowed.note.ends_with("missing before any fault"),
        "{allowed:?}"
    );
    assert_eq!(with(limit(90_000, true)).verdict, Verdict::Broken);
    let after = with(limit(100_000, false));
    assert_eq!(after.verdict, Verdict::Broken);
    assert!(after.note.contains("also-before-faults: true"), "{after:?}");
}

#[test]
fn a_limit_for_faults_allows_what_a_fault_costs() {
    let mut world = World::with_fault(RECORDS, FaultKind::Kill);
    world.archive[1].retain(|row| !(155..158).contains(&row.sequence.0));
    let mut verdict = |limit| {
        world.info.scenario.expect.lost = limit;
        verdict_of(&world.judge(), GuaranteeKind::Lost)
    };
    assert_eq!(verdict(limit(100_000, false)), Verdict::Held);
    assert_eq!(verdict(limit(0, false)), Verdict::Broken);
}

#[test]
fn what_a_silent_tap_may_still_have_had_in_hand_at_a_fault_is_not_missing_before_it() {
    // Number 60 is missing, and 61 came at 5.09 s: 4.91 s before the kill, of which 1 s is a flight.
    for (silent_for_ms, verdict) in [(3_910, Verdict::Broken), (3_911, Verdict::Held)] {
        let mut world = World::with_fault(RECORDS, FaultKind::Kill);
        world.archive[1].retain(|row| row.sequence.0 != 60);
        world.info.scenario.route.legs[1].1.silent_for_ms = Some(silent_for_ms);
        world.info.scenario.expect.lost = limit(100_000, false);
        let judgement = world.judge();
        assert_eq!(verdict_of(&judgement, GuaranteeKind::Lost), verdict);
    }
}

#[test]
fn a_lane_that_never_came_is_not_waited_for_in_a_recovery() {
    let mut world = World::with_fault(440, FaultKind::Kill);
    let usual = world.judge().faults[0].recovery_ms;
    world.archive[1].clear();
    let judgement = world.judge();
    assert!(usual.is_some());
    assert_eq!(judgement.faults[0].recovery_ms, usual);
}
