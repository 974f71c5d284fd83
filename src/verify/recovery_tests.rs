//! Recoveries: the judge's against the live run's by the same rule, and each definition in numbers.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::journal::{Event, GroupView, NormalAtTap, Observation, What};
use crate::model::{FaultId, FaultKind, GuaranteeKind, Moment, PlaceName, Verdict};

use super::recovered::{Missing, Standing};
use super::tests::count_of;
use super::world::{
    Blow, KILL_MS, LANES, World, fault_story, group_of, plan, running, sink_members, worker,
};
use super::{FaultReport, FindingKind, Judgement};

const RECORDS: u64 = 440;
const NORMAL: NormalAtTap = NormalAtTap {
    backlog_limit: 60,
    silence_limit_ms: 700,
};
const STOP: FaultKind = FaultKind::Stop { grace_ms: 30_000 };

fn told(mut world: World) -> World {
    let places = ["src.orders", "archive.txt"].map(|name| PlaceName::new(name).unwrap());
    let reached = What::BaselineReached {
        since: Moment::from_ms(5_000),
        rate_per_second: 80.0,
        backlog: 5,
        normal: places.map(|place| (place, NORMAL)).into(),
    };
    world.events.push((8_000, reached));
    world.events.sort_by_key(|(at, _)| *at);
    world
}

fn phases(fault: &FaultReport) -> Vec<(&str, u64)> {
    let phases = fault.phases.iter();
    phases
        .map(|phase| (phase.name.as_str(), phase.length_ms))
        .collect()
}

fn sums_up(fault: &FaultReport) {
    let sum: u64 = fault.phases.iter().map(|phase| phase.length_ms).sum();
    assert_eq!(Some(sum), fault.recovery_ms, "{:?}", phases(fault));
}

#[test]
fn a_recovery_in_numbers_adds_up_to_its_phases() {
    let judgement = told(World::with_fault(RECORDS, FaultKind::Kill)).judge();
    let fault = &judgement.faults[0];
    let expected = [
        ("noticed", 5_995),
        ("delay", 3_000),
        ("started", 250),
        ("first record", 250),
        ("backlog", 100),
    ];
    assert_eq!(phases(fault), expected);
    assert_eq!(fault.recovery_ms, Some(9_595));
    let notes: Vec<&str> = fault
        .phases
        .iter()
        .map(|phase| phase.note.as_str())
        .collect();
    assert_eq!(
        notes,
        [
            "",
            "3000 ms announced",
            "archive-1 last",
            "lane 3 last",
            "up to 192 records"
        ]
    );
}

#[test]
fn who_comes_back_last_is_the_rest_of_a_recovery() {
    let mut world = told(World::with_fault(RECORDS, FaultKind::Kill));
    // w2 joins at 22 s only, and that moves nothing.
    for (at, what) in &mut world.events {
        if let What::Group(view) = what
            && (16_000..22_000).contains(at)
        {
            view.members.retain(|m| m.worker != Some(worker("w2")));
        }
    }
    let back = group_of(&[("w1", "a"), ("w2", "c"), ("w3", "a")], 0, "w3");
    world.events.push((22_000, back));
    world.events.sort_by_key(|(at, _)| *at);
    let judgement = world.judge();
    let fault = &judgement.faults[0];
    assert_eq!(fault.recovery_ms, Some(11_995));
    assert_eq!(phases(fault).last(), Some(&("return", 2_400)));
    assert_eq!(fault.phases.last().unwrap().note, "w2 last");
    sums_up(fault);
}

/// w2 is killed at 10 s and again at 13 s, when it has been started again and has not joined.
fn killed_while_joining() -> World {
    let first = Blow::first(FaultKind::Kill);
    let second = Blow {
        at_ms: 13_000,
        ..first
    };
    let mut world = told(World::with_faults(RECORDS, &[first]));
    world.plan = plan(&[first, second]);
    let own = fault_story(1, second).into_iter();
    let own = own.filter(|(_, what)| {
        let lost = matches!(what, What::FaultProof { proof, .. } if matches!(proof, crate::journal::Proof::MemberGone { .. }));
        !lost && !matches!(what, What::Group(_) | What::TaskStatus { .. })
    });
    world.events.extend(own);
    world.events.sort_by_key(|(at, _)| *at);
    world
}

#[test]
fn a_kill_that_finds_its_worker_still_joining_is_proven_by_the_end_of_the_process() {
    let judgement = killed_while_joining().judge();
    assert_eq!(judgement.doubts, Vec::<String>::new());
    let second = &judgement.faults[1];
    assert!(second.proven);
    assert!(second.proof[1].contains("had yet to join, so the group had no member of it to lose"));
    assert!(
        judgement
            .recoveries
            .iter()
            .all(|task| task.fault == FaultId(1))
    );
    judgement.faults.iter().for_each(sums_up);
    assert!(
        phases(&judgement.faults[0])
            .iter()
            .all(|(name, _)| *name != "with F2")
    );
}

#[test]
fn a_pause_is_not_told_that_the_group_gave_up_what_an_earlier_kill_had_left() {
    let first = Blow::first(FaultKind::Kill);
    let pause = Blow {
        at_ms: 13_000,
        ..Blow::lasting(FaultKind::Pause, 1_000)
    };
    let mut world = told(World::with_faults(RECORDS, &[first]));
    world.plan = plan(&[first, pause]);
    world.events.extend(fault_story(1, pause));
    world.events.sort_by_key(|(at, _)| *at);
    let judgement = world.judge();
    let told = judgement.faults[1].aftermath.join(" ");
    assert!(!told.contains("was without w2"), "{told}");
}

#[test]
fn a_member_that_joined_while_its_worker_was_held_and_was_lost_by_that_is_no_departure() {
    // w2 is started again at 12 s, loses its network at 13 s, is a member at 16 s and is lost at 20.5 s: of a loss of 8 s
    // that is the work, of one of 0.5 s and a session of 6 s it is not.
    for (for_ms, departures) in [(8_000, 0), (500, 1)] {
        let first = Blow::first(FaultKind::Kill);
        let cut = Blow {
            at_ms: 13_000,
            ..Blow::lasting(FaultKind::Disconnect, for_ms)
        };
        let mut world = told(World::with_faults(RECORDS, &[first]));
        world.plan = plan(&[first, cut]);
        let own = fault_story(1, cut).into_iter();
        let own = own.filter(|(_, what)| !matches!(what, What::Group(_) | What::TaskStatus { .. }));
        world.events.extend(own);
        let without = group_of(&[("w1", "a"), ("w3", "a")], 0, "w3");
        let again = group_of(&[("w1", "a"), ("w2", "d"), ("w3", "a")], 0, "w3");
        world.events.extend([(20_500, without), (22_000, again)]);
        world.events.sort_by_key(|(at, _)| *at);
        let judgement = world.judge();
        let found = count_of(&judgement, FindingKind::Departure);
        assert_eq!(found, departures, "{for_ms}: {:?}", judgement.findings);
    }
}

#[test]
fn the_phases_of_a_task_end_at_the_next_fault_on_it() {
    let first = Blow::first(FaultKind::Kill);
    let second = Blow {
        at_ms: 19_250,
        victim: "w3",
        heir: "w2",
        ..first
    };
    let judgement = told(World::with_faults(RECORDS, &[first, second])).judge();
    for task in judgement
        .recoveries
        .iter()
        .filter(|r| r.fault == FaultId(1))
    {
        assert!(!task.complete);
        assert_eq!(task.total_ms, 9_245, "{task:?}");
        let last = task.phases.last().unwrap();
        assert_eq!(last.note, "cut short: F2 hit it again");
        assert!(last.to <= Moment::from_ms(19_250));
    }
}

#[test]
fn a_record_that_is_missing_for_good_is_no_backlog() {
    let mut world = told(World::with_fault(RECORDS, FaultKind::Kill));
    // One record in ten never comes out of the mirror, from the first second on: 4 lanes × 44.
    for lane in &mut world.mirror {
        lane.retain(|row| row.sequence.0 % 10 != 5);
    }
    world.archive = world.behind(&world.mirror, 200);
    let judgement = world.judge();
    assert_eq!(judgement.taps[0].lost, 176);
    let whole = told(World::with_fault(RECORDS, FaultKind::Kill)).judge();
    let ms = |judgement: &Judgement| judgement.faults[0].recovery_ms.unwrap();
    assert!(ms(&judgement).abs_diff(ms(&whole)) <= 100);
}

#[test]
fn an_outage_that_runs_into_the_next_fault_breaks_nothing_by_what_cannot_be_told_apart() {
    // Silent from 10.1 s to 19.3 s; the second fault comes at 13 s: 3 s are certainly the first one's, 6.3 s the second's.
    let mut world = killed_while_joining();
    let second = world.judge().faults[1].outage_ms;
    let mut check = |limit, verdict, note: &str| {
        world.info.scenario.expect.outage_ms = Some(limit);
        let judgement = world.judge();
        let mut answers = judgement.guarantees.iter();
        let answer = answers.find(|g| g.kind == GuaranteeKind::Outage).unwrap();
        assert_eq!(answer.verdict, verdict, "{limit}: {answer:?}");
        assert!(answer.note.starts_with(note), "{limit}: {answer:?}");
    };
    let about = "longest silence at a tap";
    check(9_500, Verdict::Held, about);
    let first = "the silence after F1 runs into the next fault and cannot be told apart";
    check(8_000, Verdict::Inconclusive, first);
    check(second, Verdict::Inconclusive, first);
    check(second - 1, Verdict::Broken, about);
    check(5_000, Verdict::Broken, about);
}

#[test]
fn a_lane_that_falls_silent_as_a_recovery_ends_is_no_outage_of_its_fault() {
    let mut world = told(World::with_fault(800, FaultKind::Kill));
    let usual = world.judge().faults[0].clone();
    let ended_ms = KILL_MS + 5 + usual.recovery_ms.unwrap();
    // Lane 0 was not hit: its last record comes as the recovery ends, and the next one 12 s later.
    let silent = |first_ms: u64, world: &mut World| {
        for row in &mut world.archive[0] {
            let at_ms = row.at.as_ms();
            if (first_ms - 50..first_ms).contains(&at_ms) {
                row.at = Moment::from_ms(first_ms);
            } else if (first_ms..first_ms + 12_000).contains(&at_ms) {
                row.at = Moment::from_ms(first_ms + 12_000);
            }
        }
        world.judge().faults[0].clone()
    };
    let after = silent(ended_ms, &mut world.clone());
    assert_eq!(after.recovery_ms, usual.recovery_ms);
    assert_eq!(after.outage_ms, usual.outage_ms);
    let before = silent(ended_ms - 100, &mut world);
    assert!(before.outage_ms > usual.outage_ms, "{before:?}");
}

#[test]
fn a_lane_of_which_all_has_come_is_not_silent() {
    // The feed ends at 10.5 s, all of it has come by 19.6 s, and w2 joins at 22 s only.
    let judged = |joins_ms: u64| {
        let mut world = told(World::with_fault(170, FaultKind::Kill));
        for (at, what) in &mut world.events {
            if let What::Group(view) = what
                && (16_000..joins_ms).contains(at)
            {
                view.members.retain(|m| m.worker != Some(worker("w2")));
            }
        }
        let back = group_of(&[("w1", "a"), ("w2", "c"), ("w3", "a")], 0, "w3");
        world.events.push((joins_ms, back));
        world.events.sort_by_key(|(at, _)| *at);
        world.judge().faults[0].clone()
    };
    let (soon, late) = (judged(19_500), judged(22_000));
    assert_eq!(late.recovery_ms, Some(11_995));
    assert!(soon.recovery_ms < late.recovery_ms);
    assert_eq!(soon.outage_ms, late.outage_ms);
}

#[test]
fn a_lane_that_falls_silent_again_while_it_catches_up_is_still_waited_for_as_a_first_record() {
    let mut world = told(World::with_fault(RECORDS, FaultKind::Kill));
    for rows in world.mirror.iter_mut().skip(2) {
        let (mut next_ms, again_ms) = (19_300, 21_500);
        for row in rows.iter_mut().filter(|row| row.at.as_ms() >= 19_000) {
            // A hundred records a second, with a pause from 20.0 s on.
            let pauses = (20_000..again_ms).contains(&next_ms);
            next_ms = if pauses { again_ms } else { next_ms + 10 };
            row.at = row.at.max(Moment::from_ms(next_ms));
        }
    }
    world.archive = world.behind(&world.mirror, 200);
    let judgement = world.judge();
    let fault = &judgement.faults[0];
    let names: Vec<&str> = phases(fault).iter().map(|(name, _)| *name).collect();
    let expected = ["noticed", "delay", "started", "first record", "backlog"];
    assert_eq!(names, expected, "{:?}", phases(fault));
    sums_up(fault);
}

#[test]
fn what_was_fed_in_the_last_second_may_have_no_answer_yet_and_does_not_wait() {
    // Two of four lanes lag behind. Of what they lack 80 records were sent in the last second, 60 are normal, and 8 come
    // from one look to the next: 148 are no backlog, and 152 are one to the end of the feed.
    let recovered_ms = |lag_ms: u64| {
        let mut world = told(World::with_fault(800, FaultKind::Kill));
        for row in world.mirror.iter_mut().skip(2).flatten() {
            if row.at.as_ms() >= 19_000 {
                row.at = Moment::from_ms(row.at.as_ms() + lag_ms - 20);
            }
        }
        world.archive = world.behind(&world.mirror, 200);
        world.judge().faults[0].recovery_ms.unwrap()
    };
    let (normal, more) = (recovered_ms(3_700), recovered_ms(3_800));
    assert!(normal < 14_000 && more > 30_000, "{normal}, {more}");
}

#[test]
fn a_task_has_caught_up_when_no_more_waits_than_a_bucket_brings_beyond_the_baseline() {
    // A lane sends 20 records a second: 2 in a bucket of 100 ms, and none waits in the baseline.
    let caught_up_ms = |late_ms: u64| {
        let mut world = told(World::with_fault(RECORDS, FaultKind::Kill));
        for row in world.mirror.iter_mut().skip(2).flatten() {
            if row.at.as_ms() >= 19_000 {
                row.at = Moment::from_ms(row.at.as_ms() + late_ms);
            }
        }
        world.archive = world.behind(&world.mirror, 200);
        let recoveries = world.judge().recoveries;
        let task = recoveries.iter().find(|r| r.task.to_string() == "mirror-1");
        task.unwrap().phases.last().unwrap().to.as_ms()
    };
    // Three are always on their way when each comes 150 ms after it was sent, and four after 200 ms.
    let (three, four) = (caught_up_ms(130), caught_up_ms(180));
    assert!(three < 23_000 && four >= 24_000, "{three}, {four}");
}

#[test]
fn what_the_live_run_saw_and_the_evidence_does_not_show_breaks_nothing() {
    let mut world = told(World::with_fault(RECORDS, FaultKind::Kill));
    for (at, what) in world.events.iter_mut().filter(|(at, _)| *at > 10_000) {
        if matches!(what, What::TaskStatus { task, .. } if task.to_string() == "archive-1") {
            *at = 22_000;
        }
    }
    world.events.sort_by_key(|(at, _)| *at);
    world.info.scenario.expect.recovery_ms = Some(10_000);
    let verdict = |world: &World| {
        let judgement = world.judge();
        let mut answers = judgement.guarantees.iter();
        answers
            .find(|g| g.kind == GuaranteeKind::Recovery)
            .unwrap()
            .verdict
    };
    assert_eq!(verdict(&world), Verdict::Broken);
    world
        .events
        .push((19_600, What::RecoverySeen { fault: FaultId(1) }));
    world.events.sort_by_key(|(at, _)| *at);
    assert_eq!(verdict(&world), Verdict::Inconclusive);
}

/// What a live run would have shown of the taps at a moment, when each send is answered so much later.
struct LiveTaps<'w> {
    world: &'w World,
    answered_ms: u64,
}

impl LiveTaps<'_> {
    fn missing(&self, now: Moment) -> Option<Missing> {
        let world = self.world;
        let places = [&world.feed, &world.mirror, &world.archive];
        let next = |place: usize, lane: usize, at: u64| {
            let arrived = places[place][lane]
                .iter()
                .filter(|row| row.at.as_ms() <= at);
            arrived.map(|row| row.sequence.0 + 1).max().unwrap_or(0)
        };
        for (tap, name) in [(1, "src.orders"), (2, "archive.txt")] {
            let behind = if tap == 1 { self.answered_ms } else { 0 };
            let (mut waiting, mut silence_ms) = (0, 0);
            for (lane, rows) in places[tap].iter().enumerate() {
                let front = next(tap - 1, lane, now.as_ms() - behind);
                waiting += front.saturating_sub(next(tap, lane, now.as_ms()));
                let rows = rows.iter().map(|row| row.at);
                let last = rows.filter(|at| *at <= now).max().unwrap_or_default();
                silence_ms = silence_ms.max(now.as_ms() - last.as_ms());
            }
            let tap = PlaceName::new(name).unwrap();
            if waiting > NORMAL.backlog_limit {
                let records = waiting;
                return Some(Missing::Waiting { tap, records });
            }
            if silence_ms > NORMAL.silence_limit_ms {
                let lane = None;
                return Some(Missing::Silent {
                    tap,
                    lane,
                    silence_ms,
                });
            }
        }
        None
    }
}

/// When a live run that looks every so often would have seen each recovery, up to the end of the feed.
fn seen_live(world: &World, every_ms: u64, answered_ms: u64) -> BTreeMap<FaultId, Moment> {
    let taps = LiveTaps { world, answered_ms };
    let mut standing = Standing::new(&world.info.scenario, &world.plan.faults);
    let mut events = (0..).zip(&world.events).peekable();
    let mut seen = BTreeMap::new();
    let end = world
        .feed
        .iter()
        .flatten()
        .map(|row| row.at.as_ms())
        .max()
        .unwrap();
    for now in (0..end).step_by(every_ms as usize).map(Moment::from_ms) {
        while let Some((n, (at, what))) = events.next_if(|(_, (at, _))| *at <= now.as_ms()) {
            let (at, what) = (Moment::from_ms(*at), what.clone());
            standing.apply(&Event { n, at, what });
        }
        if standing.is_open() && standing.missing(|| taps.missing(now)).is_none() {
            seen.extend(standing.settle().into_iter().map(|fault| (fault, now)));
        }
    }
    seen
}

fn kinds() -> impl Strategy<Value = Blow> {
    let kind = prop_oneof![
        Just(Blow::first(FaultKind::Kill)),
        Just(Blow::first(STOP)),
        (500..14_000_u64).prop_map(|ms| Blow::lasting(FaultKind::Pause, ms)),
        (500..14_000_u64).prop_map(|ms| Blow::lasting(FaultKind::Disconnect, ms)),
    ];
    (kind, 100..1_500_u64).prop_map(|(blow, back_ms)| Blow { back_ms, ..blow })
}

/// A lane of a tap stands still from a moment on, for so long; and every so many records one is lost for good.
fn disturbed(rows: &mut [Vec<Observation>], (lane, from, for_ms): (usize, u64, u64), lose: u64) {
    let until = from + for_ms;
    for row in &mut rows[lane] {
        if (from..until).contains(&row.at.as_ms()) {
            row.at = Moment::from_ms(until + row.sequence.0 % 3);
        }
    }
    rows[lane].sort_by_key(|row| row.at);
    rows[lane].retain(|row| lose == 0 || row.sequence.0 % lose != 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn what_the_live_run_sees_recovered_the_judge_finds_recovered_by_then(
        blow in kinds(),
        still in (0..LANES as usize, 9_000..23_000_u64, 0..6_000_u64),
        lose in prop_oneof![Just(0), 4..30_u64],
        unstable in prop::option::of(19_000..23_000_u64),
        (every_ms, answered_ms) in (7..90_u64, 0..900_u64),
    ) {
        let mut world = told(World::with_faults(RECORDS, &[blow]));
        disturbed(&mut world.mirror, still, lose);
        world.archive = world.behind(&world.mirror, 200);
        if let Some(at) = unstable {
            let again = world.events.iter().rev().find_map(|(_, what)| match what {
                What::Group(view) => Some(view.clone()),
                _ => None,
            });
            if let Some(view) = again {
                let changing = GroupView { state: "PreparingRebalance".to_owned(), ..view.clone() };
                world.events.extend([(at, What::Group(changing)), (at + 700, What::Group(view))]);
                world.events.push((at + 10, sink_members(&[])));
                world.events.push((at + 900, sink_members(&[("archive-0", &[0, 1]), ("archive-1", &[2, 3])])));
                world.events.push((at + 950, running("mirror-1", "w9")));
                world.events.push((at + 990, running("mirror-1", if blow.kind.ends_process() { "w3" } else { "w2" })));
                world.events.sort_by_key(|(at, _)| *at);
            }
        }
        let seen = seen_live(&world, every_ms, answered_ms);
        let judgement = world.judge();
        for fault in &judgement.faults {
            if let Some(live) = seen.get(&fault.id) {
                prop_assert!(fault.recovered.is_some_and(|at| at <= *live), "{:?} {live} {:?}", fault.recovered, phases(fault));
                let sum: u64 = fault.phases.iter().map(|phase| phase.length_ms).sum();
                prop_assert_eq!(Some(sum), fault.recovery_ms);
            }
        }
    }
}

#[test]
fn the_group_has_noticed_when_it_is_without_the_member_and_not_when_it_was_only_looked_at() {
    let world = World::with_fault(RECORDS, FaultKind::Kill);
    let looked_at = world.judge_with(
        |events| {
            let is_before = |event: &&Event| event.at < Moment::from_ms(KILL_MS);
            let view = |event: &Event| match &event.what {
                What::Group(view) => Some(view.clone()),
                _ => None,
            };
            let before = events.iter().rev().filter(is_before).find_map(view);
            let at = Moment::from_ms(KILL_MS + 1_000);
            let next = events.iter().position(|event| event.at > at).unwrap();
            let what = What::Group(before.unwrap());
            events.insert(next, Event { n: 0, at, what });
            (0..).zip(events).for_each(|(n, event)| event.n = n);
        },
        |_| {},
    );
    assert_eq!(looked_at.recoveries, world.judge().recoveries);
}
