//! Taps and feeds that stood still: what rests on the times that they told is inconclusive, with the gap named, and nothing else is.

use crate::journal::{Exit, What};
use crate::model::{FaultKind, GuaranteeKind, Moment, Verdict};

use super::Judgement;
use super::attendance_tests::{PLACES, attendance, attended_by_all, is_of};
use super::tests::verdict_of;
use super::world::World;

/// The feed goes on to 42 s; the kill is at 10 s.
const RECORDS: u64 = 800;

fn killed() -> World {
    let mut world = attended_by_all(World::with_fault(RECORDS, FaultKind::Kill));
    world.info.scenario.expect.outage_ms = Some(20_000);
    world
}

/// A run without a fault.
pub(super) fn calm() -> World {
    let mut world = attended_by_all(World::calm(RECORDS));
    world
        .events
        .retain(|(_, what)| !matches!(what, What::RecoverySeen { .. }));
    let ended = What::ProcessEnded {
        name: "w1".to_owned(),
        incarnation: 1,
        exit: Exit::Signal(9),
        asked: true,
    };
    world.events.push((world.end_ms() + 2_200, ended));
    world
}

/// The place was not looked at from one moment to another, in milliseconds, and tells it.
fn stood_still(mut world: World, observer: &str, from: u64, to: u64) -> World {
    world
        .events
        .retain(|(at, what)| !is_of(what, observer) || !(from..to + 3_000).contains(at));
    world.events.push((to, attendance(observer, 9, to - from)));
    world
        .events
        .push((to + 3_000, attendance(observer, 90, 60)));
    world.events.sort_by_key(|(at, _)| *at);
    world
}

/// Both taps stood still, and what came meanwhile is told when they are looked at again.
fn told_late(mut world: World, from: u64, to: u64) -> World {
    let rows = world.mirror.iter_mut().chain(&mut world.archive);
    for row in rows.flatten() {
        if (from..to).contains(&row.at.as_ms()) {
            row.at = Moment::from_ms(to);
        }
    }
    let world = stood_still(world, "tap src.orders", from, to);
    stood_still(world, "tap archive.txt", from, to)
}

/// What rests on the times of a place, by the page of definitions.
fn resting_on(observer: &str) -> Vec<GuaranteeKind> {
    use GuaranteeKind as Kind;
    let mut kinds = vec![Kind::Recovery, Kind::Outage];
    if observer.starts_with("tap ") {
        kinds.extend([Kind::UnexplainedDuplicates, Kind::Duplicates]);
    }
    kinds
}

fn doubted(judgement: &Judgement, observer: &str, why: &str) {
    let told = judgement.doubts.iter().filter(|doubt| doubt.contains(why));
    assert_eq!(told.count(), 1, "{observer}, {why}: {:?}", judgement.doubts);
    assert_eq!(judgement.verdict, Verdict::Inconclusive, "{observer}");
    for guarantee in &judgement.guarantees {
        let wanted = match resting_on(observer).contains(&guarantee.kind) {
            true => Verdict::Inconclusive,
            false => Verdict::Held,
        };
        assert_eq!(guarantee.verdict, wanted, "{observer}: {guarantee:?}");
    }
}

#[test]
fn a_tap_or_feed_that_never_tells_that_it_was_at_work_is_missed() {
    assert_eq!(killed().judge().doubts, Vec::<String>::new());
    assert_eq!(killed().judge().verdict, Verdict::Held);
    for (observer, why) in [
        (
            "tap archive.txt",
            "nobody looked at archive.txt from 1.6 to",
        ),
        ("tap src.orders", "nobody looked at src.orders from 1.6 to"),
        ("feed orders", "nothing was fed to orders from 2.0 to"),
    ] {
        let mut world = killed();
        world.events.retain(|(_, what)| !is_of(what, observer));
        doubted(&world.judge(), observer, why);
    }
}

#[test]
fn journals_from_before_taps_and_feeds_told_are_judged_without() {
    for format in [1, 2] {
        let mut world = killed();
        world.info.format = format;
        let of_place = |what: &What| PLACES.iter().any(|place| is_of(what, place));
        world.events.retain(|(_, what)| !of_place(what));
        let judgement = world.judge();
        assert_eq!(judgement.verdict, Verdict::Held, "{:?}", judgement.doubts);
    }
}

#[test]
fn a_standstill_while_a_fault_is_about_is_named_and_only_what_rests_on_times_suffers() {
    for (observer, why) in [
        (
            "tap archive.txt",
            "nobody looked at archive.txt from 12.0 to 15.5 s",
        ),
        (
            "tap src.orders",
            "nobody looked at src.orders from 12.0 to 15.5 s",
        ),
        (
            "feed orders",
            "nothing was fed to orders from 12.0 to 15.5 s: the feed stood still",
        ),
    ] {
        doubted(
            &stood_still(killed(), observer, 12_000, 15_500).judge(),
            observer,
            why,
        );
    }
    // The baseline is what silences are held against; no copy rests on it.
    let baseline = stood_still(killed(), "tap archive.txt", 3_000, 5_500).judge();
    doubted(
        &baseline,
        "feed orders",
        "nobody looked at archive.txt from 3.0 to 5.5 s",
    );
    // What stops telling in the middle was not looked at from there on.
    let mut silent = killed();
    silent
        .events
        .retain(|(at, what)| *at < 12_000 || !is_of(what, "tap archive.txt"));
    doubted(
        &silent.judge(),
        "tap archive.txt",
        "nobody looked at archive.txt from 11.0 to",
    );
}

#[test]
fn a_standstill_that_nothing_rests_on_is_nobodys() {
    let held = |world: World| {
        let judgement = world.judge();
        assert_eq!(judgement.doubts, Vec::<String>::new());
        assert_eq!(judgement.verdict, Verdict::Held);
    };
    for observer in PLACES {
        held(stood_still(killed(), observer, 30_000, 36_000));
        held(stood_still(killed(), observer, 12_000, 12_900));
        held(stood_still(calm(), observer, 12_000, 18_000));
        // Nobody asks for a time.
        let mut unasked = killed();
        let expect = &mut unasked.info.scenario.expect;
        (expect.recovery_ms, expect.outage_ms) = (None, None);
        (expect.unexplained_duplicates, expect.duplicates) = (None, None);
        held(stood_still(unasked, observer, 12_000, 18_000));
    }
}

#[test]
fn a_short_standstill_excuses_what_is_broken_and_is_no_doubt() {
    let outage = |world: World, limit_ms: u64| {
        let mut world = world;
        world.info.scenario.expect.outage_ms = Some(limit_ms);
        let judgement = world.judge();
        assert_eq!(judgement.doubts, Vec::<String>::new());
        verdict_of(&judgement, GuaranteeKind::Outage)
    };
    let late = || told_late(killed(), 18_300, 20_100);
    assert_eq!(outage(killed(), 9_800), Verdict::Held);
    assert_eq!(outage(late(), 10_400), Verdict::Held);
    assert_eq!(outage(late(), 9_800), Verdict::Inconclusive);
    assert_eq!(outage(late(), 7_500), Verdict::Broken);
}

#[test]
fn a_silence_breaks_its_limit_by_what_is_certain_of_it_only() {
    // The worked example of the definitions: silent from 10.0 to 19.3 s, and nobody looked from 12.0 to 19.3 s.
    let answer = |world: World, limit_ms: u64| {
        let mut world = world;
        let expect = &mut world.info.scenario.expect;
        (expect.outage_ms, expect.recovery_ms) = (Some(limit_ms), Some(limit_ms));
        let judgement = world.judge();
        [GuaranteeKind::Outage, GuaranteeKind::Recovery].map(|kind| verdict_of(&judgement, kind))
    };
    assert_eq!(answer(killed(), 5_000), [Verdict::Broken; 2]);
    let late = || told_late(killed(), 12_000, 19_350);
    assert_eq!(answer(late(), 5_000), [Verdict::Inconclusive; 2]);
    assert_eq!(answer(late(), 1_500)[0], Verdict::Broken);
    // A recovery of 9.3 s that was seen late can have been one of 2 s, and not one of less.
    assert_eq!(answer(late(), 1_500)[1], Verdict::Broken);
}

#[test]
fn a_commit_is_not_ahead_of_a_record_that_came_while_nobody_looked() {
    let late = |told: bool| {
        let mut world = told_late(calm(), 12_000, 24_000);
        if !told {
            for at in [12_500, 17_000, 21_500] {
                let looked = |place| (at, attendance(place, 90, 60));
                world
                    .events
                    .extend(["tap src.orders", "tap archive.txt"].map(looked));
            }
            for (_, what) in &mut world.events {
                if let What::Attended { longest_gap_ms, .. } = what {
                    *longest_gap_ms = 60;
                }
            }
            world.events.sort_by_key(|(at, _)| *at);
        }
        world.judge()
    };
    assert_eq!(
        verdict_of(&late(false), GuaranteeKind::Offsets),
        Verdict::Broken
    );
    let judgement = late(true);
    let offsets = judgement
        .guarantees
        .iter()
        .find(|one| one.kind == GuaranteeKind::Offsets)
        .unwrap();
    assert_eq!(offsets.verdict, Verdict::Inconclusive);
    assert!(
        offsets
            .note
            .contains("nobody looked at src.orders from 12."),
        "{}",
        offsets.note
    );
}
