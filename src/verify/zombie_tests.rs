//! Made-up runs with faults that a worker outlives: short pauses, zombies, lost networks, and harm of known size in them.

use crate::journal::{Event, Observation, Proof, What};
use crate::model::{FaultId, FaultKind, GuaranteeKind, Lane, Moment, Verdict};

use super::tests::{count_of, guarantee, verdict_of};
use super::world::{Blow, KILL_MS, World, group_of, sink_commit, source_commit, task};
use super::{FindingKind, Judgement};

const RECORDS: u64 = 800;
/// In the seconds before the fault: records 0 to 159 of each lane were delivered by then, and 157 was committed.
const DELIVERED: u64 = 160;
const ZOMBIE_MS: u64 = 12_000;
const WAKE_MS: u64 = KILL_MS + ZOMBIE_MS;
/// When the group has settled, and a second of flight more.
const SETTLED_MS: u64 = WAKE_MS + 660 + 1_000;

fn paused(for_ms: u64) -> World {
    World::with_faults(RECORDS, &[Blow::lasting(FaultKind::Pause, for_ms)])
}

fn cut_off(for_ms: u64) -> World {
    World::with_faults(RECORDS, &[Blow::lasting(FaultKind::Disconnect, for_ms)])
}

/// Own copies of a connector, and those of them that are unexplained.
fn copies(judgement: &Judgement, tap: usize) -> (u64, u64) {
    let ledger = &judgement.taps[tap];
    (ledger.own_extra_copies, ledger.unexplained_copies)
}

fn assert_held(judgement: &Judgement) {
    assert_eq!(judgement.doubts, Vec::<String>::new());
    assert_eq!(
        judgement.verdict,
        Verdict::Held,
        "{:#?}",
        judgement.findings
    );
}

/// Without the guarantee that a zombie leaves open in any case.
fn without_overlap(mut world: World) -> World {
    world.info.scenario.expect.overlap_ms = None;
    world
}

#[test]
fn a_short_pause_holds_and_says_how_long_it_was_and_that_the_group_kept_the_worker() {
    let judgement = paused(2_000).judge();
    assert_held(&judgement);
    assert_eq!(
        (copies(&judgement, 0), copies(&judgement, 1)),
        ((0, 0), (0, 0))
    );
    let fault = &judgement.faults[0];
    assert!(fault.proven);
    assert_eq!(fault.lasted_ms, Some(1_995));
    assert_eq!(fault.took_effect, Some(Moment::from_ms(KILL_MS + 5)));
    assert_eq!(fault.aftermath, ["the group kept w2 as a member"]);
    assert_eq!(fault.undone, ["w2 was resumed at 12.00 s, after 2.0 s"]);
    let recovery = fault.recovery_ms.unwrap();
    assert!((1_995..2_200).contains(&recovery), "{recovery}");
    for recovery in &judgement.recoveries {
        let names: Vec<&str> = recovery.phases.iter().map(|p| p.name.as_str()).collect();
        assert_eq!(names, ["back", "first record", "first commit", "backlog"]);
        assert!(recovery.complete);
        assert_eq!(recovery.phases[0].to, Moment::from_ms(KILL_MS + 2_000));
    }
}

#[test]
fn what_a_recovery_waited_for_is_the_worker_or_that_its_group_noticed() {
    let first = |for_ms| {
        let judgement = paused(for_ms).judge();
        judgement.faults[0].phases[0].name.clone()
    };
    assert_eq!(first(2_000), "back");
    assert_eq!(first(ZOMBIE_MS), "noticed");
}

#[test]
fn the_time_line_shows_the_pause_and_the_band_says_where_it_was_over() {
    let judgement = paused(2_000).judge();
    let band = &judgement.timeline.bands[0];
    assert_eq!(band.label, "F1 pause w2 (a follower)");
    assert_eq!(band.over, Some(Moment::from_ms(KILL_MS + 2_000)));
    assert!(band.over.unwrap() <= band.to);
    let mut lanes = judgement.timeline.lanes.iter();
    let lane = lanes
        .find(|lane| lane.group == "workers" && lane.label == "w2")
        .unwrap();
    let paused: Vec<_> = lane
        .segments
        .iter()
        .filter(|s| s.label == "paused")
        .collect();
    assert_eq!(paused.len(), 1);
    assert_eq!(paused[0].from, Moment::from_ms(KILL_MS + 5));
    assert_eq!(paused[0].to, Moment::from_ms(KILL_MS + 2_000));
}

#[test]
fn a_sink_whose_consumers_kept_their_partitions_through_a_pause_must_repeat_nothing() {
    let mut world = paused(2_000);
    let rows = world.archive[2].clone().into_iter();
    let again = rows.filter(|row| (DELIVERED - 3..DELIVERED).contains(&row.sequence.0));
    let at = Moment::from_ms(KILL_MS + 2_300);
    world.archive[2].extend(again.map(|row| Observation { at, ..row }));
    world.archive[2].sort_by_key(|row| row.at);
    assert_eq!(copies(&world.judge(), 1), (3, 3));
}

#[test]
fn a_repeat_after_a_short_pause_is_unexplained_and_beyond_a_bound_of_nothing() {
    let mut world = paused(2_000);
    world.plant(KILL_MS + 2_100, DELIVERED - 3..DELIVERED);
    let judgement = world.judge();
    assert_eq!(copies(&judgement, 0), (3, 3));
    assert_eq!(judgement.verdict, Verdict::Broken);
    let kind = GuaranteeKind::UnexplainedDuplicates;
    assert_eq!(verdict_of(&judgement, kind), Verdict::Broken);
    assert_eq!(
        verdict_of(&judgement, GuaranteeKind::Duplicates),
        Verdict::Broken
    );
    let rewind = &judgement.rewinds[0];
    assert_eq!(rewind.bound, Some(0));
    assert!(rewind.why.contains("kept as a member"), "{}", rewind.why);
    let note = &guarantee(&judgement, GuaranteeKind::Duplicates).note;
    assert!(
        note.contains("after F1 0: the group kept the worker"),
        "{note}"
    );
    let mut found = judgement.findings.iter();
    let found = found
        .find(|f| f.kind == FindingKind::UnexplainedRepeat)
        .unwrap();
    let [from, to] = [2_100, 2_102].map(|after| Some(Moment::from_ms(KILL_MS + after)));
    assert_eq!((found.from, found.to), (from, to));
    assert!(
        found.text.contains("the pause of w2 at 10.0 s"),
        "{}",
        found.text
    );
}

#[test]
fn a_zombie_may_send_again_what_it_missed_and_commit_what_it_had() {
    let judgement = without_overlap(paused(ZOMBIE_MS)).judge();
    assert_held(&judgement);
    let (own, unexplained) = copies(&judgement, 0);
    // What the heir repeats in two lanes, and the twelve seconds that both send.
    assert!(own > 2 * 239 && unexplained == 0, "{own}, {unexplained}");
    assert_eq!(count_of(&judgement, FindingKind::ZombieCommit), 2);
    assert_eq!(count_of(&judgement, FindingKind::OffsetRegression), 0);
    let offsets = guarantee(&judgement, GuaranteeKind::Offsets);
    assert_eq!(offsets.verdict, Verdict::Held);
    assert!(
        offsets.note.starts_with("2 more went back"),
        "{}",
        offsets.note
    );
    let fault = &judgement.faults[0];
    assert_eq!(
        fault.repeats,
        copies(&judgement, 0).0 + copies(&judgement, 1).0
    );
    let aftermath = fault.aftermath.join("; ");
    for part in [
        "the group was without w2 from 16.00 s",
        "w3 had mirror-1 from 19.00 s, before its old owner was back",
        "2 source commits went back",
    ] {
        assert!(aftermath.contains(part), "{aftermath}");
    }
    let haunted = judgement
        .rewinds
        .iter()
        .filter(|r| r.why.contains("was back as a zombie"));
    assert!(haunted.count() >= 2);
    // It is over when the zombie has settled, not when the heir had the tasks.
    assert!(fault.recovered >= Some(Moment::from_ms(WAKE_MS + 600)));
    let recovery = judgement
        .recoveries
        .iter()
        .find(|r| r.task == task("mirror-1"))
        .unwrap();
    let names: Vec<&str> = recovery.phases.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names[..4], ["noticed", "delay", "assigned", "started"]);
    let setting = recovery.phases[0].setting.as_deref();
    assert_eq!(setting, Some("session.timeout.ms = 6000"));
}

#[test]
fn whether_a_zombie_ran_a_task_beside_its_heir_is_not_known() {
    let judgement = paused(ZOMBIE_MS).judge();
    let overlap = guarantee(&judgement, GuaranteeKind::Overlap);
    assert_eq!(overlap.verdict, Verdict::Inconclusive);
    assert!(overlap.note.contains("had w3"), "{}", overlap.note);
    assert_eq!(judgement.verdict, Verdict::Inconclusive);
    assert_eq!(
        verdict_of(&paused(2_000).judge(), GuaranteeKind::Overlap),
        Verdict::Held
    );
}

/// Copies of three records of lane 2 that came while the zombie slept or later, in a world with this change to its events.
fn unexplained_copies(mut world: World, at_ms: u64, change: impl Fn(&mut (u64, What))) -> u64 {
    world.plant_in(2, at_ms, 420..423);
    world.events.iter_mut().for_each(change);
    world.events.sort_by_key(|(at, _)| *at);
    let judgement = without_overlap(world).judge();
    copies(&judgement, 0).1
}

#[test]
fn a_zombie_is_about_until_its_worker_is_a_member_again() {
    let joining = WAKE_MS + 400..WAKE_MS + 700;
    let late = |event: &mut (u64, What)| {
        let moves = matches!(event.1, What::Group(_) | What::TaskStatus { .. });
        if joining.contains(&event.0) && moves {
            event.0 += 19_000;
        }
    };
    let at_ms = WAKE_MS + 8_000;
    assert_eq!(unexplained_copies(paused(ZOMBIE_MS), at_ms, |_| {}), 3);
    assert_eq!(unexplained_copies(paused(ZOMBIE_MS), at_ms, late), 0);
}

#[test]
fn a_zombie_that_is_held_again_before_it_has_learnt_what_it_lost_is_about_until_it_has() {
    let first = Blow::lasting(FaultKind::Pause, ZOMBIE_MS);
    for (again_ms, unexplained) in [(WAKE_MS + 1_000, 0), (WAKE_MS + 13_000, 3)] {
        let again = Blow {
            at_ms: again_ms,
            ..Blow::lasting(FaultKind::Pause, 2_000)
        };
        let world = World::with_faults(RECORDS, &[first, again]);
        let found = unexplained_copies(world, WAKE_MS + 6_000, |_| {});
        assert_eq!(found, unexplained, "{again_ms}");
    }
}

#[test]
fn what_the_group_gave_a_held_worker_before_it_gave_it_up_is_in_its_hands_when_it_wakes() {
    for (given, unexplained) in [(false, 3), (true, 0)] {
        let mut world = without_overlap(paused(ZOMBIE_MS));
        world.plant_in(0, WAKE_MS + 100, 300..303);
        let What::Group(mut view) = group_of(&[("w1", "a"), ("w2", "b"), ("w3", "a")], 0, "w2")
        else {
            unreachable!("that is what it is");
        };
        let moved = task("mirror-0");
        for member in &mut view.members {
            member.tasks.retain(|task| *task != moved);
            if member.member_id == "w2-b" {
                member.tasks.push(moved.clone());
            }
        }
        if given {
            world.events.push((KILL_MS + 2_000, What::Group(view)));
            world.events.sort_by_key(|(at, _)| *at);
        }
        assert_eq!(copies(&world.judge(), 0).1, unexplained);
    }
}

#[test]
fn the_owner_after_a_zombie_may_repeat_once_more_and_nobody_a_third_time() {
    let again = DELIVERED + 100..DELIVERED + 140;
    for (times, unexplained) in [(1, 0), (2, 40)] {
        let mut world = without_overlap(paused(ZOMBIE_MS));
        for time in 0..times {
            world.plant(WAKE_MS + 700 + time * 100, again.clone());
        }
        let judgement = world.judge();
        assert_eq!(copies(&judgement, 0).1, unexplained, "{times}");
    }
}

#[test]
fn a_zombie_explains_nothing_below_the_committed_position_and_nothing_once_it_has_settled() {
    let mut below = without_overlap(paused(ZOMBIE_MS));
    below.plant(WAKE_MS + 400, DELIVERED - 40..DELIVERED - 35);
    assert_eq!(copies(&below.judge(), 0).1, 5);
    let mut late = without_overlap(paused(ZOMBIE_MS));
    late.plant(SETTLED_MS + 500, DELIVERED + 100..DELIVERED + 105);
    let judgement = late.judge();
    assert_eq!(copies(&judgement, 0).1, 5);
    assert_eq!(judgement.verdict, Verdict::Broken);
}

#[test]
fn a_killed_sink_reads_all_copies_again_that_it_was_given() {
    let mut world = World::with_fault(RECORDS, FaultKind::Kill);
    let plain = world.judge();
    assert_eq!(copies(&plain, 1).1, 0);
    // Twice in the sink's input, both behind what it had committed when it was killed.
    world.plant(KILL_MS - 40, DELIVERED - 1..DELIVERED);
    let judgement = world.judge();
    assert!(copies(&judgement, 1).0 > copies(&plain, 1).0);
    assert_eq!(copies(&judgement, 1).1, 0, "{:?}", judgement.rewinds);
    // A third reading is one too many.
    let lane = &mut world.archive[2];
    let last = lane.iter().rposition(|row| row.sequence.0 == DELIVERED - 1);
    let last = lane[last.unwrap()];
    for _ in 0..3 {
        lane.push(Observation {
            at: Moment(last.at.0 + 1_000),
            ..last
        });
    }
    lane.sort_by_key(|row| row.at);
    assert!(copies(&world.judge(), 1).1 > 0);
}

#[test]
fn a_record_repeated_twice_before_the_zombie_woke_up_is_explained_once() {
    let mut world = without_overlap(paused(ZOMBIE_MS));
    world.plant(KILL_MS + 9_400, DELIVERED - 1..DELIVERED);
    assert_eq!(copies(&world.judge(), 0).1, 1);
}

#[test]
fn more_than_the_wide_bound_after_a_zombie_is_beyond_it() {
    let judgement = without_overlap(paused(ZOMBIE_MS)).judge();
    let of_mirror = |rewind: &&super::Rewind| rewind.connector.as_str() == "mirror";
    let rewinds = judgement.rewinds.iter().filter(of_mirror);
    let bound = rewinds.filter_map(|r| r.bound).max().unwrap();
    // Twice 2 s of flush and flight, and twice the 13.7 s from the fault to where the zombie had settled.
    assert!((2 * (40 + 270)..2 * (40 + 290)).contains(&bound), "{bound}");
    let mut world = without_overlap(paused(ZOMBIE_MS));
    for time in 0..3 {
        world.plant(WAKE_MS + 700 + time * 250, DELIVERED..DELIVERED + 240);
    }
    assert_eq!(
        verdict_of(&world.judge(), GuaranteeKind::Duplicates),
        Verdict::Broken
    );
}

#[test]
fn a_loss_during_a_pause_is_found_and_named() {
    for for_ms in [2_000, ZOMBIE_MS] {
        let mut world = without_overlap(paused(for_ms));
        let missing = DELIVERED + 10..DELIVERED + 15;
        world.mirror[3].retain(|row| !missing.contains(&row.sequence.0));
        world.archive = world.behind(&world.mirror, 200);
        world.events = world.story();
        let judgement = world.judge();
        assert_eq!(judgement.verdict, Verdict::Broken);
        let mut lost = judgement.findings.iter();
        let lost = lost.find(|f| f.kind == FindingKind::Lost).unwrap();
        assert_eq!(
            (lost.count, lost.lane, lost.fault),
            (5, Some(Lane(3)), Some(FaultId(1)))
        );
        assert!(lost.text.contains("the pause of w2"), "{}", lost.text);
    }
}

fn without(world: &World, unwanted: impl Fn(&What) -> bool) -> Judgement {
    world.judge_with(
        |events| {
            events.retain(|event: &Event| !unwanted(&event.what));
            for (n, event) in (0..).zip(events) {
                event.n = n;
            }
        },
        |_| {},
    )
}

#[test]
fn a_pause_without_its_proof_or_its_end_is_inconclusive() {
    let is_proof = |what: &What| matches!(what, What::FaultProof { proof, .. } if matches!(proof, Proof::Paused { .. } | Proof::Disconnected { .. }));
    for world in [paused(2_000), cut_off(2_000)] {
        let judgement = without(&world, is_proof);
        assert_eq!(judgement.verdict, Verdict::Inconclusive);
        assert_eq!(judgement.doubts, ["F1 is not proven to have taken effect"]);
        assert!(!judgement.faults[0].proven);
        assert!(judgement.faults[0].proof[0].starts_with("missing: w2"));
        let judgement = without(&world, |what| matches!(what, What::FaultUndone { .. }));
        assert_eq!(judgement.verdict, Verdict::Inconclusive);
        assert_eq!(judgement.doubts, ["F1 was not seen to be undone"]);
    }
}

#[test]
fn a_kill_that_the_group_did_not_notice_is_not_proven_whether_it_was_undone_or_not() {
    let world = World::with_fault(RECORDS, FaultKind::Kill);
    let is_gone = |what: &What| {
        matches!(
            what,
            What::FaultUndone { .. }
                | What::FaultProof {
                    proof: Proof::MemberGone { .. },
                    ..
                }
        )
    };
    let doubts = without(&world, is_gone).doubts;
    assert_eq!(doubts, ["F1 is not proven to have taken effect"]);
}

#[test]
fn that_the_group_gave_the_worker_up_is_no_part_of_the_proof() {
    let is_gone = |what: &What| {
        matches!(
            what,
            What::FaultProof {
                proof: Proof::MemberGone { .. },
                ..
            }
        )
    };
    let judgement = without(&without_overlap(paused(ZOMBIE_MS)), is_gone);
    assert_held(&judgement);
}

#[test]
fn repeats_of_a_worker_whose_membership_is_not_known_are_not_judged() {
    let mut world = paused(2_000);
    world.plant(KILL_MS + 2_100, DELIVERED - 2..DELIVERED);
    let in_group = |what: &What| matches!(what, What::Group(_));
    let judgement = without(&world, in_group);
    let answer = guarantee(&judgement, GuaranteeKind::UnexplainedDuplicates);
    assert_eq!(answer.verdict, Verdict::Inconclusive);
    assert!(
        answer.note.contains("gave up the worker behind 2 repeats"),
        "{}",
        answer.note
    );
    let bound = guarantee(&judgement, GuaranteeKind::Duplicates);
    assert_eq!(bound.verdict, Verdict::Inconclusive, "{bound:?}");
    let aftermath = &judgement.faults[0].aftermath;
    assert_eq!(
        aftermath,
        &["whether the group kept w2 as a member is not known"]
    );
}

#[test]
fn a_commit_that_went_back_is_told_with_its_partition() {
    let mut world = World::calm(RECORDS);
    world
        .events
        .push((KILL_MS + 20, source_commit(2, DELIVERED - 60)));
    world.events.sort_by_key(|(at, _)| *at);
    let judgement = world.judge();
    let mut findings = judgement.findings.iter();
    let back = findings.find(|f| f.kind == FindingKind::OffsetRegression);
    let text = back.map_or("", |finding| &finding.text);
    assert!(
        text.starts_with("connector mirror: the commit for partition 2 at 10.02 s went back"),
        "{text}"
    );
}

#[test]
fn a_commit_that_goes_back_is_a_zombies_only_while_it_is_about_and_not_below_what_was_committed() {
    let count = |at_ms: u64, last: u64| {
        let mut world = without_overlap(paused(ZOMBIE_MS));
        world.events.push((at_ms, source_commit(2, last)));
        world.events.sort_by_key(|(at, _)| *at);
        let judgement = world.judge();
        let verdict = verdict_of(&judgement, GuaranteeKind::Offsets);
        (count_of(&judgement, FindingKind::ZombieCommit), verdict)
    };
    // The worker's own last commit before the fault named record 157; the zombie commits twice, each below the heir's.
    assert_eq!(count(WAKE_MS + 950, DELIVERED - 1), (3, Verdict::Held));
    assert_eq!(count(WAKE_MS + 950, DELIVERED - 60).1, Verdict::Broken);
    assert_eq!(
        count(SETTLED_MS + 1_000, DELIVERED + 60),
        (2, Verdict::Broken)
    );
    assert_eq!(
        count(KILL_MS + 14_000 - 4_000, DELIVERED - 3).1,
        Verdict::Broken
    );
}

#[test]
fn a_sinks_commit_that_goes_back_is_never_a_zombies() {
    let mut world = without_overlap(paused(ZOMBIE_MS));
    world.events.push((WAKE_MS + 950, sink_commit(2, 170)));
    world.events.sort_by_key(|(at, _)| *at);
    let judgement = world.judge();
    assert_eq!(count_of(&judgement, FindingKind::OffsetRegression), 1);
    assert_eq!(
        verdict_of(&judgement, GuaranteeKind::Offsets),
        Verdict::Broken
    );
}

#[test]
fn exactly_once_allows_a_zombie_nothing() {
    let mut world = without_overlap(paused(ZOMBIE_MS));
    let name = "exactly.once.source.support".to_owned();
    world.info.worker_config.insert(name, "enabled".to_owned());
    let judgement = world.judge();
    let (own, unexplained) = copies(&judgement, 0);
    assert!(own > 0 && own == unexplained, "{own}, {unexplained}");
    assert_eq!(count_of(&judgement, FindingKind::OffsetRegression), 2);
}

#[test]
fn a_lost_network_may_repeat_what_was_in_flight_and_nothing_older() {
    let mut world = cut_off(2_000);
    world.plant(KILL_MS + 1_980, DELIVERED - 15..DELIVERED);
    let judgement = world.judge();
    assert_held(&judgement);
    assert_eq!(copies(&judgement, 0), (15, 0));
    assert!(judgement.rewinds[0].bound >= Some(20));
    assert!(judgement.rewinds[0].why.contains("only what was in flight"));
    assert_eq!(
        judgement.faults[0].undone,
        ["w2 was connected again at 12.00 s, after 2.0 s"]
    );
    let mut older = cut_off(2_000);
    older.plant(KILL_MS + 1_960, DELIVERED - 30..DELIVERED);
    let judgement = older.judge();
    assert_eq!(judgement.verdict, Verdict::Broken);
    let (own, unexplained) = copies(&judgement, 0);
    assert!(
        own == 30 && (9..=11).contains(&unexplained),
        "{unexplained}"
    );
}

#[test]
fn a_worker_that_comes_back_within_the_delay_goes_on_with_its_tasks() {
    let blow = Blow::lasting(FaultKind::Pause, 7_000);
    let mut world = World::with_faults(RECORDS, &[Blow { heir: "w2", ..blow }]);
    // Nobody else gets the tasks, and no record comes twice.
    world.mirror = world.feed.clone();
    for rows in world.mirror.iter_mut().skip(2) {
        for row in rows {
            let late = (KILL_MS..KILL_MS + 7_000).contains(&row.at.as_ms());
            row.at = if late {
                Moment::from_ms(KILL_MS + 7_010)
            } else {
                row.at
            };
        }
    }
    world.archive = world.mirror.clone();
    world.events = world.story();
    world.events.retain(|(at, what)| {
        let after = *at > KILL_MS + 6_500;
        !(after && matches!(what, What::Group(_) | What::TaskStatus { .. }))
    });
    let back = group_of(&[("w1", "a"), ("w2", "c"), ("w3", "a")], 0, "w2");
    world.events.push((KILL_MS + 7_300, back));
    world.events.sort_by_key(|(at, _)| *at);
    let judgement = world.judge();
    assert_eq!(
        verdict_of(&judgement, GuaranteeKind::Overlap),
        Verdict::Held
    );
    let recovery = judgement
        .recoveries
        .iter()
        .find(|r| r.task == task("mirror-1"))
        .unwrap();
    let names: Vec<&str> = recovery.phases.iter().map(|p| p.name.as_str()).collect();
    assert!(
        !names.contains(&"started") && names.contains(&"first record"),
        "{names:?}"
    );
    assert!(recovery.complete);
}

#[test]
fn a_later_fault_of_the_same_worker_is_not_what_an_earlier_pause_did() {
    let pause = Blow::lasting(FaultKind::Pause, 2_000);
    let kill = Blow {
        at_ms: 16_000,
        ..Blow::first(FaultKind::Kill)
    };
    let judgement = World::with_faults(RECORDS, &[pause, kill]).judge();
    assert_eq!(
        judgement.faults[0].aftermath,
        ["the group kept w2 as a member"]
    );
    assert!(
        judgement.faults.iter().all(|fault| fault.proven),
        "{:?}",
        judgement.doubts
    );
    assert_eq!(copies(&judgement, 0).1, 0);
    assert_eq!(judgement.faults[0].repeats, 0);
}
