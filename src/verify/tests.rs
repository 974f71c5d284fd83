//! Made-up runs with harm of known size: each must be found, counted and located, and nothing else.

use std::collections::BTreeSet;

use proptest::prelude::*;

use crate::journal::{Event, Exit, Observation, ObservationKind, Proof, Stack, What};
use crate::model::{
    FaultId, FaultKind, GuaranteeKind, Lane, Moment, OffsetMapping, PlaceName, Sequence, Verdict,
};

use super::world::{KILL_MS, LANES, World, group, sink_commit, source_commit};
use super::{Evidence, FindingKind, GuaranteeResult, Judgement, TapLedger, explain, judge};

const RECORDS: u64 = 440;
const GRACEFUL: FaultKind = FaultKind::Stop { grace_ms: 30_000 };

pub(super) fn guarantee(judgement: &Judgement, kind: GuaranteeKind) -> &GuaranteeResult {
    let found = judgement.guarantees.iter().find(|g| g.kind == kind);
    found.expect("the guarantee was asked for")
}

pub(super) fn verdict_of(judgement: &Judgement, kind: GuaranteeKind) -> Verdict {
    guarantee(judgement, kind).verdict
}

pub(super) fn adds_up(tap: &TapLedger) -> bool {
    tap.expected == tap.once + tap.repeated + tap.lost + tap.undecided
        && tap.arrived == tap.once + tap.repeated + tap.extra_copies + tap.phantom + tap.corrupt
}

pub(super) fn count_of(judgement: &Judgement, kind: FindingKind) -> u64 {
    let of_kind = judgement.findings.iter().filter(|f| f.kind == kind);
    of_kind.map(|finding| finding.count).sum()
}

#[test]
fn a_calm_run_holds() {
    let judgement = World::calm(RECORDS).judge();
    assert_eq!(judgement.doubts, Vec::<String>::new());
    for guarantee in &judgement.guarantees {
        assert_eq!(guarantee.verdict, Verdict::Held, "{guarantee:?}");
    }
    assert_eq!(judgement.verdict, Verdict::Held);
    assert_eq!(judgement.sentence, "No record was lost; none was repeated.");
    assert!(judgement.findings.is_empty(), "{:?}", judgement.findings);
    let tap = &judgement.taps[1];
    assert_eq!((tap.expected, tap.once), (RECORDS * 4, RECORDS * 4));
    assert_eq!(judgement.latency.len(), 4);
}

#[test]
fn repeats_after_a_kill_are_explained_by_the_committed_positions() {
    let judgement = World::with_fault(RECORDS, FaultKind::Kill).judge();
    assert_eq!(judgement.doubts, Vec::<String>::new());
    for guarantee in &judgement.guarantees {
        assert_eq!(guarantee.verdict, Verdict::Held, "{guarantee:?}");
    }
    let explained: Vec<_> = judgement
        .rewinds
        .iter()
        .map(|r| (r.copies, r.explained))
        .collect();
    assert!(!explained.is_empty() && explained.iter().all(|(copies, told)| copies == told));
    assert_eq!(
        judgement.rewinds[0].why,
        "F1 killed mirror-1; the last commit, at 9.90 s, led on from 158; 2 were already delivered"
    );
    assert!(
        judgement
            .rewinds
            .iter()
            .all(|r| r.lane.0 >= 2 && r.fault == Some(FaultId(1)))
    );
    let fault = &judgement.faults[0];
    assert!(fault.proven, "{fault:?}");
    let total: u64 = judgement.taps.iter().map(|tap| tap.own_extra_copies).sum();
    assert_eq!(fault.repeats, total);
    assert!(
        fault.outage_ms > 9_000 && fault.outage_ms < 9_700,
        "{}",
        fault.outage_ms
    );
    let recovery = fault.recovery_ms.unwrap();
    assert!((9_200..=10_500).contains(&recovery), "{recovery}");
    assert!(
        judgement.sentence.contains("each explained"),
        "{}",
        judgement.sentence
    );
}

#[test]
fn phases_of_a_recovery_have_no_holes_and_name_their_settings() {
    let judgement = World::with_fault(RECORDS, FaultKind::Kill).judge();
    let tasks: BTreeSet<String> = judgement
        .recoveries
        .iter()
        .map(|r| r.task.to_string())
        .collect();
    assert_eq!(
        tasks,
        BTreeSet::from(["mirror-1".to_owned(), "archive-1".to_owned()])
    );
    for recovery in &judgement.recoveries {
        assert!(recovery.complete, "{recovery:?}");
        let sum: u64 = recovery.phases.iter().map(|phase| phase.length_ms).sum();
        assert_eq!(sum, recovery.total_ms);
        let names: Vec<&str> = recovery.phases.iter().map(|p| p.name.as_str()).collect();
        let expected = [
            "noticed",
            "delay",
            "assigned",
            "started",
            "first record",
            "first commit",
            "backlog",
        ];
        assert_eq!(names, expected);
        let settings: Vec<_> = recovery.phases.iter().map(|p| p.setting.clone()).collect();
        assert_eq!(settings[0].as_deref(), Some("session.timeout.ms = 6000"));
        assert_eq!(
            settings[1].as_deref(),
            Some("scheduled.rebalance.max.delay.ms = 3000")
        );
    }
}

#[test]
fn a_delay_is_not_charged_with_the_rebalance_before_it() {
    let lengths = |world: &World| {
        let judgement = world.judge();
        let phases = judgement.recoveries[0].phases.iter();
        phases
            .map(|phase| (phase.name.clone(), phase.length_ms))
            .take(3)
            .collect::<Vec<_>>()
    };
    let mut world = World::with_fault(RECORDS, FaultKind::Kill);
    let at_once = lengths(&world);
    let announcing = world
        .events
        .iter()
        .position(|(_, what)| matches!(what, What::Group(view) if view.delay_ms > 0));
    let announcing = announcing.unwrap();
    let (at, What::Group(mut view)) = world.events[announcing].clone() else {
        unreachable!("that is what was looked for");
    };
    view.state = "PreparingRebalance".to_owned();
    view.delay_ms = 0;
    view.members
        .iter_mut()
        .for_each(|member| member.tasks.clear());
    world
        .events
        .insert(announcing, (at - 700, What::Group(view)));
    let [noticed, delay] = [&at_once[0], &at_once[1]];
    assert_eq!((noticed.0.as_str(), delay.0.as_str()), ("noticed", "delay"));
    let expected = [
        ("noticed".to_owned(), noticed.1 - 700),
        ("rebalance".to_owned(), 700),
        delay.clone(),
    ];
    assert_eq!(lengths(&world), expected);
}

#[test]
fn the_bound_of_a_joined_cluster_is_known_only_where_its_flush_interval_is() {
    let bound = |world: &World| {
        let judgement = world.judge();
        guarantee(&judgement, GuaranteeKind::Duplicates).verdict
    };
    let mut world = World::with_fault(RECORDS, FaultKind::Kill);
    world.info.runtime = crate::model::RuntimeKind::Attached;
    assert_eq!(bound(&world), Verdict::Held);
    let silent = |world: &mut World| {
        let told = world.info.worker_config.remove("offset.flush.interval.ms");
        assert!(told.is_some());
    };
    silent(&mut world);
    assert_eq!(bound(&world), Verdict::Inconclusive);
    // Without a repeat every bound is kept.
    let mut calm = World::calm(RECORDS);
    calm.info.runtime = crate::model::RuntimeKind::Attached;
    silent(&mut calm);
    assert_eq!(bound(&calm), Verdict::Held);
}

/// Where the first repeat of a lane stands in a tap's rows.
fn first_repeat(rows: &[Observation]) -> usize {
    let mut seen = BTreeSet::new();
    let at = rows.iter().position(|row| !seen.insert(row.sequence));
    at.expect("the lane has a repeat")
}

#[test]
fn a_repeat_below_the_committed_position_is_unexplained_and_the_one_at_it_is_explained() {
    let mut world = World::with_fault(RECORDS, FaultKind::Kill);
    let before = world.judge();
    assert_eq!(before.taps[0].unexplained_copies, 0);
    let at = first_repeat(&world.mirror[2]);
    let below = Observation {
        sequence: Sequence(world.mirror[2][at].sequence.0 - 1),
        ..world.mirror[2][at]
    };
    world.mirror[2].insert(at, below);
    world.archive = vec![
        world.mirror[0].clone(),
        world.mirror[1].clone(),
        world.mirror[2].clone(),
        world.mirror[3].clone(),
    ];
    let judgement = world.judge();
    assert_eq!(judgement.taps[0].unexplained_copies, 1);
    assert_eq!(judgement.taps[1].own_extra_copies, 0);
    assert_eq!(
        verdict_of(&judgement, GuaranteeKind::UnexplainedDuplicates),
        Verdict::Broken
    );
    let finding = judgement
        .findings
        .iter()
        .find(|f| f.kind == FindingKind::UnexplainedRepeat)
        .unwrap();
    assert_eq!(
        (finding.lane, finding.ranges.clone()),
        (Some(Lane(2)), vec![(below.sequence.0, below.sequence.0)])
    );
    assert_eq!(finding.connector.as_ref().unwrap().as_str(), "mirror");
}

/// Views of the group from this moment on have another member of w3, or none.
fn w3_leaves(world: &mut World, from_ms: u64, until_ms: u64, comes_back_as: Option<&str>) {
    for (at, what) in &mut world.events {
        let What::Group(view) = what else { continue };
        if (from_ms..until_ms).contains(at) {
            match comes_back_as {
                Some(id) => {
                    for member in &mut view.members {
                        if member.member_id == "w3-a" {
                            id.clone_into(&mut member.member_id);
                        }
                    }
                }
                None => view.members.retain(|member| member.member_id != "w3-a"),
            }
        }
    }
}

#[test]
fn what_may_follow_from_a_departure_that_nobody_asked_for_is_not_called_broken() {
    use GuaranteeKind::{Duplicates, UnexplainedDuplicates};
    let left = KILL_MS + 8_000;
    let mut world = World::with_fault(RECORDS, GRACEFUL);
    assert_eq!(count_of(&world.judge(), FindingKind::Departure), 0);
    w3_leaves(&mut world, left, u64::MAX, Some("w3-z"));
    let judgement = world.judge();
    assert_eq!(count_of(&judgement, FindingKind::Departure), 1);
    for kind in [UnexplainedDuplicates, Duplicates] {
        let answer = guarantee(&judgement, kind);
        assert_eq!(answer.verdict, Verdict::Inconclusive, "{kind:?}");
        assert!(answer.note.contains("lost w3"), "{}", answer.note);
    }
    // A loss has no such excuse.
    world.archive[0].retain(|row| row.sequence.0 != 5);
    assert_eq!(
        verdict_of(&world.judge(), GuaranteeKind::Lost),
        Verdict::Broken
    );
}

#[test]
fn a_departure_excuses_nothing_that_was_broken_before_it() {
    let mut world = World::with_fault(RECORDS, FaultKind::Kill);
    world.plant(5_000, 10..13);
    w3_leaves(&mut world, KILL_MS + 8_000, u64::MAX, Some("w3-z"));
    let judgement = world.judge();
    assert_eq!(count_of(&judgement, FindingKind::Departure), 1);
    let kind = GuaranteeKind::UnexplainedDuplicates;
    assert_eq!(verdict_of(&judgement, kind), Verdict::Broken);
}

#[test]
fn a_departure_excuses_what_came_in_the_session_before_it_as_the_definition_says() {
    let repeated_at = |at_ms| {
        let mut world = World::with_fault(RECORDS, FaultKind::Kill);
        let session = ("session.timeout.ms".to_owned(), "12000".to_owned());
        world.info.worker_config.extend([session]);
        world.plant(at_ms, 10..13);
        w3_leaves(&mut world, KILL_MS + 8_000, u64::MAX, Some("w3-z"));
        world.judge()
    };
    let departed = repeated_at(5_000)
        .findings
        .iter()
        .find(|finding| finding.kind == FindingKind::Departure)
        .and_then(|finding| finding.from)
        .unwrap()
        .as_ms();
    let verdict = |at_ms| verdict_of(&repeated_at(at_ms), GuaranteeKind::UnexplainedDuplicates);
    assert_eq!(verdict(departed - 12_500), Verdict::Broken);
    assert_eq!(verdict(departed - 11_500), Verdict::Inconclusive);
}

#[test]
fn a_departure_alone_breaks_nothing_and_is_told() {
    let mut world = World::with_fault(RECORDS, FaultKind::Kill);
    w3_leaves(&mut world, KILL_MS + 8_000, u64::MAX, Some("w3-z"));
    let judgement = world.judge();
    assert_eq!(judgement.verdict, Verdict::Held, "{}", judgement.sentence);
    let told = judgement.method.iter().find(|text| text.contains("w3"));
    assert!(told.is_some(), "{:?}", judgement.method);
}

#[test]
fn a_member_that_is_seen_again_had_not_left() {
    let mut world = World::with_fault(RECORDS, FaultKind::Kill);
    w3_leaves(&mut world, KILL_MS + 5_000, KILL_MS + 8_000, None);
    assert_eq!(count_of(&world.judge(), FindingKind::Departure), 0);
}

#[test]
fn repeats_after_a_graceful_stop_are_unexplained() {
    let judgement = World::with_fault(RECORDS, GRACEFUL).judge();
    let own: u64 = judgement.taps.iter().map(|tap| tap.own_extra_copies).sum();
    let unexplained: u64 = judgement
        .taps
        .iter()
        .map(|tap| tap.unexplained_copies)
        .sum();
    assert!(own > 0);
    assert_eq!(own, unexplained);
    assert_eq!(
        verdict_of(&judgement, GuaranteeKind::UnexplainedDuplicates),
        Verdict::Broken
    );
    assert_eq!(
        verdict_of(&judgement, GuaranteeKind::Duplicates),
        Verdict::Broken
    );
    assert!(
        judgement
            .rewinds
            .iter()
            .all(|rewind| rewind.bound == Some(0))
    );
    assert_eq!(count_of(&judgement, FindingKind::StopOverrun), 0);
}

/// A stop of w2 that overran its grace and ended like this, with what its threads waited for.
fn overrun(exit: Exit, stacks: Vec<Stack>) -> World {
    let mut world = World::with_fault(RECORDS, GRACEFUL);
    let (fault, worker) = (FaultId(1), super::world::worker("w2"));
    let overrun = What::GraceOverrun {
        fault,
        worker: worker.clone(),
        grace_ms: 1,
    };
    let dumped = What::ThreadsDumped {
        fault,
        worker,
        stacks,
    };
    world.events.insert(0, (KILL_MS + 1, dumped));
    world.events.insert(0, (KILL_MS + 1, overrun));
    world.events.sort_by_key(|(at, _)| *at);
    for (_, what) in &mut world.events {
        if let What::ProcessEnded { exit: seen, .. }
        | What::FaultProof {
            proof: Proof::ProcessEnded { exit: seen, .. },
            ..
        } = what
        {
            *seen = exit;
        }
    }
    world
}

fn text_of(judgement: &Judgement, kind: FindingKind) -> &str {
    let found = judgement.findings.iter().find(|found| found.kind == kind);
    &found.unwrap().text
}

#[test]
fn a_stop_that_overran_its_grace_was_a_kill() {
    let stack = |frame: &str| Stack {
        thread: "connect-shutdown-hook".to_owned(),
        frames: vec![frame.to_owned()],
    };
    let judgement = overrun(Exit::Signal(9), vec![stack("org.a.B.c(B.java:1)")]).judge();
    assert_eq!(
        verdict_of(&judgement, GuaranteeKind::UnexplainedDuplicates),
        Verdict::Held
    );
    assert_eq!(
        verdict_of(&judgement, GuaranteeKind::Stops),
        Verdict::Broken
    );
    assert_eq!(count_of(&judgement, FindingKind::StopOverrun), 1);
    assert_eq!(
        text_of(&judgement, FindingKind::StopOverrun),
        "F1: w2 did not stop within its grace and was killed; its shutdown hook stood in org.a.B.c(B.java:1)"
    );
}

#[test]
fn a_stop_that_ended_before_the_kill_of_its_overrun_was_none() {
    for exit in [Exit::Code(143), Exit::Code(0)] {
        let judgement = overrun(exit, Vec::new()).judge();
        assert_eq!(
            verdict_of(&judgement, GuaranteeKind::UnexplainedDuplicates),
            Verdict::Broken
        );
        assert_eq!(count_of(&judgement, FindingKind::StopOverrun), 1);
        assert_eq!(
            text_of(&judgement, FindingKind::StopOverrun),
            "F1: w2 did not stop within its grace and ended a moment later"
        );
    }
    for exit in [Exit::Unknown, Exit::Code(1), Exit::Code(137)] {
        let judgement = overrun(exit, Vec::new()).judge();
        assert_eq!(
            verdict_of(&judgement, GuaranteeKind::UnexplainedDuplicates),
            Verdict::Held
        );
    }
}

#[test]
fn a_fault_explains_each_record_once() {
    let mut world = World::with_fault(RECORDS, FaultKind::Kill);
    let at = first_repeat(&world.mirror[2]);
    let again = world.mirror[2][at];
    world.mirror[2].insert(at, again);
    world.archive = world.mirror.clone();
    let judgement = world.judge();
    assert_eq!(judgement.taps[0].unexplained_copies, 1);
}

#[test]
fn a_rewind_after_the_lane_had_gone_on_is_not_due_to_the_old_kill() {
    let mut world = World::with_fault(RECORDS, FaultKind::Kill);
    let at = first_repeat(&world.mirror[2]);
    let old = world.mirror[2][at];
    let last = *world.mirror[2].last().unwrap();
    world.mirror[2].push(Observation { at: last.at, ..old });
    world.archive = world.mirror.clone();
    assert_eq!(world.judge().taps[0].unexplained_copies, 1);
}

#[test]
fn a_task_is_at_work_again_when_it_runs_itself_whenever_others_do() {
    let mut world = World::with_fault(RECORDS, FaultKind::Kill);
    for (at, what) in world.events.iter_mut().filter(|(at, _)| *at > 10_000) {
        if matches!(what, What::TaskStatus { task, .. } if task.to_string() == "archive-1") {
            *at = 23_000;
        }
    }
    world.events.sort_by_key(|(at, _)| *at);
    // First sent by mirror-1 when it had been at work for a while.
    world.plant_in(2, 22_000, 360..363);
    assert_eq!(world.judge().taps[0].unexplained_copies, 3);
}

#[test]
fn repeats_of_a_worker_that_was_not_hit_are_unexplained() {
    let mut world = World::with_fault(RECORDS, FaultKind::Kill);
    let at = world.mirror[0]
        .iter()
        .position(|row| row.at.as_ms() > KILL_MS)
        .unwrap();
    let again = world.mirror[0][at - 1];
    world.mirror[0].insert(at, again);
    world.archive = world.mirror.clone();
    let judgement = world.judge();
    assert_eq!(judgement.taps[0].unexplained_copies, 1);
    assert_eq!(count_of(&judgement, FindingKind::UnexplainedRepeat), 1);
    // Not committed when the kill came, and still not what it let this lane repeat.
    let mut after = World::with_fault(RECORDS, FaultKind::Kill);
    after.plant_in(0, KILL_MS + 500, 158..160);
    assert_eq!(after.judge().taps[0].unexplained_copies, 2);
}

#[test]
fn exactly_once_explains_nothing() {
    let mut world = World::with_fault(RECORDS, FaultKind::Kill);
    let key = "exactly.once.source.support".to_owned();
    world.info.worker_config.insert(key, "enabled".to_owned());
    let judgement = world.judge();
    assert!(judgement.taps[0].own_extra_copies > 0);
    assert_eq!(
        judgement.taps[0].unexplained_copies,
        judgement.taps[0].own_extra_copies
    );
    assert_eq!(judgement.taps[1].unexplained_copies, 0);
}

#[test]
fn what_cannot_be_measured_is_said_to_be_so() {
    let mut world = World::with_fault(RECORDS, FaultKind::Kill);
    world.info.scenario.route.legs[0].0.offsets = OffsetMapping::NotMeasurable;
    let judgement = world.judge();
    for kind in [GuaranteeKind::UnexplainedDuplicates, GuaranteeKind::Offsets] {
        assert_eq!(verdict_of(&judgement, kind), Verdict::Inconclusive);
    }
    assert_eq!(judgement.verdict, Verdict::Inconclusive);
    let mut calm = World::calm(RECORDS);
    calm.info.scenario.route.legs[0].0.offsets = OffsetMapping::NotMeasurable;
    assert_eq!(
        verdict_of(&calm.judge(), GuaranteeKind::UnexplainedDuplicates),
        Verdict::Held
    );
}

#[test]
fn missing_records_are_lost_after_a_finished_drain_and_undecided_before() {
    let mut world = World::calm(RECORDS);
    world.archive[1].drain(100..103);
    let judgement = world.judge();
    assert_eq!(
        judgement.sentence,
        "3 records were lost by connector archive."
    );
    assert_eq!((judgement.taps[0].lost, judgement.taps[1].own_lost), (0, 3));
    let finding = judgement
        .findings
        .iter()
        .find(|f| f.kind == FindingKind::Lost)
        .unwrap();
    assert_eq!(
        (finding.count, finding.lane, finding.ranges.clone()),
        (3, Some(Lane(1)), vec![(100, 102)])
    );
    assert_eq!(finding.from, Some(Moment::from_ms(7_000)));
    world.drained = false;
    let judgement = world.judge();
    assert_eq!(
        verdict_of(&judgement, GuaranteeKind::Lost),
        Verdict::Inconclusive
    );
    assert_eq!(judgement.verdict, Verdict::Inconclusive);
    assert_eq!(judgement.taps[1].undecided, 3);
}

#[test]
fn a_loss_around_a_kill_names_the_kill() {
    let mut world = World::with_fault(RECORDS, FaultKind::Kill);
    world.archive[1].retain(|row| !(155..158).contains(&row.sequence.0));
    let judgement = world.judge();
    assert_eq!(
        judgement.sentence,
        "3 records were lost by connector archive after the SIGKILL of w2 at 10.0 s."
    );
    assert_eq!(judgement.faults[0].lost, 3);
}

#[test]
fn unknown_sends_are_neither_lost_nor_phantoms() {
    let mut world = World::calm(RECORDS);
    for (lane, sequence) in [(0, 50), (1, 60)] {
        world.feed[lane][sequence].kind = ObservationKind::Unknown;
    }
    world.mirror[0].remove(50);
    world.archive = world.mirror.clone();
    let judgement = world.judge();
    let tap = &judgement.taps[0];
    assert_eq!((tap.lost, tap.phantom, tap.of_unknown), (0, 0, 1));
    assert_eq!(judgement.feed.as_ref().unwrap().unknown, 2);
    assert_eq!(verdict_of(&judgement, GuaranteeKind::Lost), Verdict::Held);
    assert_eq!(verdict_of(&judgement, GuaranteeKind::Order), Verdict::Held);
}

#[test]
fn nothing_sent_is_never_held() {
    let judgement = World::calm(0).judge();
    assert_eq!(judgement.verdict, Verdict::Inconclusive);
    assert!(
        judgement.sentence.contains("nothing was sent"),
        "{}",
        judgement.sentence
    );
}

#[test]
fn a_fault_without_proof_makes_the_run_inconclusive() {
    for drop_what in ["proof", "all"] {
        let mut world = World::with_fault(RECORDS, FaultKind::Kill);
        world.events.retain(|(_, what)| match what {
            What::FaultProof { .. } => false,
            What::FaultIntended { .. } | What::FaultActed { .. } | What::FaultUndone { .. } => {
                drop_what != "all"
            }
            _ => true,
        });
        let judgement = world.judge();
        assert_ne!(judgement.verdict, Verdict::Held, "{drop_what}");
        assert!(
            judgement.doubts[0].starts_with("F1"),
            "{:?}",
            judgement.doubts
        );
    }
}

#[test]
fn damage_from_outside_is_never_a_finding_against_the_cluster() {
    let mut world = World::calm(RECORDS);
    world.archive[1].drain(100..103);
    let died = What::ProcessEnded {
        name: "w3".to_owned(),
        incarnation: 1,
        exit: Exit::Signal(9),
        asked: false,
    };
    world.events.push((9_000, died));
    let judgement = world.judge();
    assert_eq!(judgement.verdict, Verdict::Inconclusive);
    assert!(
        judgement.sentence.contains("w3 ended by signal 9"),
        "{}",
        judgement.sentence
    );
}

#[test]
fn a_commit_of_what_was_not_delivered_is_ahead_and_one_that_goes_back_is_a_regression() {
    let mut world = World::calm(RECORDS);
    world.mirror[3].truncate(RECORDS as usize - 5);
    world.archive = world.mirror.clone();
    world.events.retain(|(at, what)| {
        *at < 20_000 || !matches!(what, What::SourceCommit { .. } | What::SinkCommit { .. })
    });
    world.events.push((26_000, source_commit(3, RECORDS - 1)));
    world.events.push((26_001, source_commit(2, 17)));
    world.events.push((26_002, sink_commit(1, 40)));
    let judgement = world.judge();
    let [mirror, archive] = &judgement.offsets[..] else {
        panic!("two connectors")
    };
    assert_eq!((mirror.ahead, mirror.regressed), (1, 1));
    assert_eq!((archive.ahead, archive.regressed), (0, 1));
    assert_eq!(
        verdict_of(&judgement, GuaranteeKind::Offsets),
        Verdict::Broken
    );
    assert_eq!(count_of(&judgement, FindingKind::OffsetAhead), 1);
    assert_eq!(judgement.taps[0].own_lost, 5);
}

#[test]
fn a_task_on_two_workers_is_an_overlap() {
    let mut world = World::calm(RECORDS);
    world
        .events
        .push((9_000, group(&["w1", "w2", "w3", "w2"], 0, "w2", "b")));
    world
        .events
        .push((9_400, group(&["w1", "w2", "w3"], 0, "w2", "b")));
    let judgement = world.judge();
    assert_eq!(
        verdict_of(&judgement, GuaranteeKind::Overlap),
        Verdict::Broken
    );
    assert_eq!(count_of(&judgement, FindingKind::Overlap), 2);
    let overlap = judgement
        .guarantees
        .iter()
        .find(|g| g.kind == GuaranteeKind::Overlap)
        .unwrap();
    assert_eq!(overlap.measured(), "400 ms");
}

#[test]
fn a_source_of_its_own_is_contiguous_from_zero_up_to_what_it_committed() {
    let mut world = World::calm(RECORDS);
    world.info.scenario.route.origin = crate::model::Origin::Generated;
    world.info.scenario.route.legs[0].0.offsets = OffsetMapping::Pointers {
        lane: Some("/partition".to_owned()),
        sequence: "/offset".to_owned(),
        names: crate::model::SequenceNames::LastSent,
    };
    let calm = world.judge();
    assert_eq!(
        verdict_of(&calm, GuaranteeKind::Lost),
        Verdict::Held,
        "{:?}",
        calm.findings
    );
    assert_eq!(
        verdict_of(&calm, GuaranteeKind::Offsets),
        Verdict::Held,
        "{:?}",
        calm.findings
    );
    world.mirror[0].remove(7);
    world.archive = world.mirror.clone();
    world.events.push((30_000, source_commit(1, RECORDS + 1)));
    let judgement = world.judge();
    assert_eq!(judgement.taps[0].own_lost, 3);
    assert_eq!(judgement.taps[1].own_lost, 0);
    assert_eq!(judgement.offsets[0].ahead, 1);
    assert!(judgement.taps.iter().all(adds_up));
}

#[test]
fn the_story_of_a_lost_record_tells_every_sighting() {
    let mut world = World::with_fault(RECORDS, FaultKind::Kill);
    world.archive[1].retain(|row| row.sequence.0 != 155);
    let (log, places) = world.evidence();
    let evidence = Evidence {
        info: &world.info,
        plan: &world.plan,
        log: &log,
        places: &places,
        damage: Vec::new(),
    };
    let judgement = judge(&evidence);
    let story = explain::explain(&evidence, &judgement, "lost/1").unwrap();
    let text: Vec<&str> = story.lines.iter().map(|line| line.text.as_str()).collect();
    assert!(text.contains(&"never seen at archive.txt"), "{text:?}");
    assert!(
        text.contains(&"fed to orders, partition 1, position 155"),
        "{text:?}"
    );
    assert!(
        text.contains(&"arrived at src.orders, partition 1, position 155"),
        "{text:?}"
    );
    assert!(
        text.iter()
            .any(|line| line.starts_with("archive committed for partition 1"))
    );
    assert!(
        text.iter()
            .any(|line| line.starts_with("F1: the SIGKILL of w2"))
    );
    assert_eq!(explain::explain(&evidence, &judgement, "lost/2"), None);
}

/// Harm of one kind to one lane of one tap.
#[derive(Debug, Clone, Copy)]
enum Harm {
    Loss,
    Repeat,
    Swap,
    Phantom,
    Corrupt,
}

#[derive(Debug, Clone, Copy)]
struct Planted {
    harm: Harm,
    lane: usize,
    slot: usize,
    late: bool,
}

fn planted() -> impl Strategy<Value = Vec<Planted>> {
    let harm = prop_oneof![
        Just(Harm::Loss),
        Just(Harm::Repeat),
        Just(Harm::Swap),
        Just(Harm::Phantom),
        Just(Harm::Corrupt)
    ];
    let one = (harm, 0..LANES as usize, 0..40usize, any::<bool>());
    proptest::collection::vec(one, 1..12).prop_map(|list| {
        let mut taken = BTreeSet::new();
        list.into_iter()
            .filter(|(_, lane, slot, _)| taken.insert((*lane, *slot)))
            .map(|(harm, lane, slot, late)| Planted {
                harm,
                lane,
                slot,
                late,
            })
            .collect()
    })
}

/// Slots lie ten records apart, so that harm in one never touches that in another.
fn plant(rows: &mut Vec<Observation>, slot: usize, harm: Harm) {
    let wanted = slot as u64 * 10 + 4;
    let at = rows
        .iter()
        .position(|row| row.sequence.0 == wanted && row.kind == ObservationKind::Whole);
    let at = at.expect("slots do not touch each other");
    let row = rows[at];
    match harm {
        Harm::Loss => drop(rows.remove(at)),
        Harm::Repeat => rows.insert(at + 1, row),
        Harm::Swap => rows.swap(at, at + 1),
        Harm::Phantom => rows.insert(
            at,
            Observation {
                sequence: Sequence(1_000_000 + wanted),
                ..row
            },
        ),
        Harm::Corrupt => rows.insert(
            at,
            Observation {
                kind: ObservationKind::Corrupt,
                ..row
            },
        ),
    }
}

fn harmed(list: &[Planted]) -> World {
    let mut world = World::calm(RECORDS);
    for one in list.iter().filter(|one| !one.late) {
        plant(&mut world.mirror[one.lane], one.slot, one.harm);
        plant(&mut world.archive[one.lane], one.slot, one.harm);
    }
    for one in list.iter().filter(|one| one.late) {
        plant(&mut world.archive[one.lane], one.slot, one.harm);
    }
    world
}

fn number(list: &[Planted], late: bool, wanted: fn(Harm) -> bool) -> u64 {
    list.iter()
        .filter(|one| one.late == late && wanted(one.harm))
        .count() as u64
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn planted_harm_is_found_exactly_and_located(list in planted()) {
        let judgement = harmed(&list).judge();
        prop_assert_eq!(judgement.verdict, Verdict::Broken);
        for (tap, late) in [(0, false), (1, true)] {
            let ledger = &judgement.taps[tap];
            prop_assert_eq!(ledger.own_lost, number(&list, late, |h| matches!(h, Harm::Loss)));
            prop_assert_eq!(ledger.own_extra_copies, number(&list, late, |h| matches!(h, Harm::Repeat)));
            prop_assert_eq!(ledger.unexplained_copies, ledger.own_extra_copies);
            prop_assert!(adds_up(ledger));
        }
        let all = |wanted: fn(Harm) -> bool| number(&list, false, wanted) + number(&list, true, wanted);
        prop_assert_eq!(judgement.taps[1].lost, all(|h| matches!(h, Harm::Loss)));
        prop_assert_eq!(judgement.taps[1].reorderings, all(|h| matches!(h, Harm::Swap)));
        prop_assert_eq!(judgement.taps[1].phantom, all(|h| matches!(h, Harm::Phantom)));
        prop_assert_eq!(judgement.taps[1].corrupt, all(|h| matches!(h, Harm::Corrupt)));
        prop_assert_eq!(count_of(&judgement, FindingKind::Lost), all(|h| matches!(h, Harm::Loss)));
        prop_assert_eq!(count_of(&judgement, FindingKind::Reordering), all(|h| matches!(h, Harm::Swap)));
        prop_assert_eq!(count_of(&judgement, FindingKind::UnexplainedRepeat), all(|h| matches!(h, Harm::Repeat)));
        prop_assert_eq!(count_of(&judgement, FindingKind::Phantom), all(|h| matches!(h, Harm::Phantom)));
        prop_assert_eq!(count_of(&judgement, FindingKind::Corrupt), all(|h| matches!(h, Harm::Corrupt)));
    }

    #[test]
    fn a_cut_journal_is_inconclusive_whatever_it_shows(list in planted(), killed: bool, share in 0.0..1.0f64) {
        let world = if killed { World::with_fault(RECORDS, FaultKind::Kill) } else { harmed(&list) };
        let judgement = world.judge_with(
            |events| {
                let keep = (events.len() as f64 * share) as usize;
                events.truncate(keep);
            },
            |_| {},
        );
        prop_assert_eq!(judgement.verdict, Verdict::Inconclusive);
        prop_assert!(judgement.taps.iter().all(adds_up));
    }

    #[test]
    fn cut_observations_are_inconclusive_whatever_they_show(place in 0..3usize, share in 0.0..1.0f64, killed: bool) {
        let world = if killed { World::with_fault(RECORDS, FaultKind::Kill) } else { World::calm(RECORDS) };
        let name = PlaceName::new(["orders", "src.orders", "archive.txt"][place]).unwrap();
        let judgement = world.judge_with(
            |_| {},
            |places| {
                let batches = places.get_mut(&name).unwrap();
                let keep = (batches.len() as f64 * share) as usize;
                batches.truncate(keep);
            },
        );
        prop_assert_eq!(judgement.verdict, Verdict::Inconclusive);
        prop_assert!(judgement.taps.iter().all(adds_up));
    }

    #[test]
    fn no_event_can_make_the_judge_panic_and_no_hole_is_held(
        moves in proptest::collection::vec((any::<prop::sample::Index>(), any::<u64>()), 0..20),
        gone in proptest::collection::vec(any::<prop::sample::Index>(), 1..20),
    ) {
        let world = World::with_fault(RECORDS, FaultKind::Kill);
        let judgement = world.judge_with(
            |events| {
                for (index, at) in &moves {
                    index.get_mut(events).at = Moment(*at);
                }
                for index in &gone {
                    if !events.is_empty() {
                        let _: Event = events.remove(index.index(events.len()));
                    }
                }
            },
            |_| {},
        );
        prop_assert_eq!(judgement.verdict, Verdict::Inconclusive);
        prop_assert!(judgement.taps.iter().all(adds_up));
    }

    #[test]
    fn any_rows_add_up(rows in proptest::collection::vec((0..60_000_000u64, 0..6u32, prop_oneof![0..500u64, any::<u64>()], -1..5i32, -1..600i64, 0..6u8), 0..300), place in 0..3usize, generated: bool) {
        let mut world = World::with_fault(60, FaultKind::Kill);
        if generated {
            world.info.scenario.route.origin = crate::model::Origin::Generated;
        }
        let name = PlaceName::new(["orders", "src.orders", "archive.txt"][place]).unwrap();
        let judgement = world.judge_with(
            |_| {},
            |places| {
                let mut batch = crate::journal::Batch::default();
                for (at, lane, sequence, partition, position, kind) in &rows {
                    batch.at_us.push(*at);
                    batch.lane.push(*lane);
                    batch.sequence.push(*sequence);
                    batch.partition.push(*partition);
                    batch.position.push(*position);
                    batch.kind.push(*kind);
                }
                places.insert(name, vec![batch]);
            },
        );
        prop_assert_ne!(judgement.verdict, Verdict::Held);
        prop_assert!(judgement.taps.iter().all(adds_up), "{:?}", judgement.taps);
    }
}
