//! Runs that somebody did not see all of: what rests on it is inconclusive, with the gap named, and nothing else is.

use crate::journal::{Event, FORMAT, ReadTo, What};
use crate::model::{FaultKind, GuaranteeKind, Verdict};

use super::Judgement;
use super::tests::verdict_of;
use super::world::{World, group, running, source_commit};

const RECORDS: u64 = 440;

/// Everybody who must look in the runs that are written now.
const OBSERVERS: [&str; 7] = [
    "offsets topic",
    "consumer offsets",
    "status topic",
    "config topic",
    "sink group archive",
    "logs",
    "rest",
];

/// The taps and the feed of these runs, which tell of themselves as well.
pub(super) const PLACES: [&str; 3] = ["feed orders", "tap src.orders", "tap archive.txt"];

/// A run with a kill as it is written now: its observers tell every five seconds, that of the group every second, and
/// the journal has what a living cluster leaves in it.
fn attended() -> World {
    attended_by_all(World::with_fault(RECORDS, FaultKind::Kill))
}

/// The same of any run.
pub(super) fn attended_by_all(mut world: World) -> World {
    world.info.format = FORMAT;
    let end = world.end_ms() + 2_050;
    for at in (1_000..end).step_by(1_000).chain([end]) {
        let polled = What::GroupPolled {
            polls: 20,
            longest_gap_ms: 60,
        };
        world.events.push((at, polled));
    }
    for observer in OBSERVERS.into_iter().chain(PLACES) {
        for at in (1_000..end).step_by(5_000).chain([end]) {
            world.events.push((at, attendance(observer, 100, 120)));
        }
    }
    world.events.extend(super::world::living());
    world.events.sort_by_key(|(at, _)| *at);
    world
}

pub(super) fn attendance(observer: &str, looks: u64, longest_gap_ms: u64) -> What {
    What::Attended {
        observer: observer.to_owned(),
        looks,
        longest_gap_ms,
        read: std::collections::BTreeMap::new(),
    }
}

pub(super) fn is_of(what: &What, observer: &str) -> bool {
    match what {
        What::Attended { observer: told, .. } => told == observer,
        What::GroupPolled { .. } => observer == "group",
        _ => false,
    }
}

/// The kinds that rest on an observer, by the page of definitions.
fn resting_on(observer: &str) -> Vec<GuaranteeKind> {
    use GuaranteeKind as Kind;
    match observer {
        "group" => vec![
            Kind::UnexplainedDuplicates,
            Kind::Duplicates,
            Kind::Overlap,
            Kind::Recovery,
        ],
        "offsets topic" | "consumer offsets" => {
            vec![Kind::UnexplainedDuplicates, Kind::Duplicates, Kind::Offsets]
        }
        "status topic" => vec![Kind::UnexplainedDuplicates, Kind::Recovery],
        "rest" => Vec::new(),
        _ => vec![Kind::UnexplainedDuplicates, Kind::Duplicates],
    }
}

fn doubted(judgement: &Judgement, observer: &str, why: &str) {
    let told = judgement.doubts.iter().any(|doubt| doubt.contains(why));
    assert!(told, "{observer}, {why}: {:?}", judgement.doubts);
    assert_eq!(judgement.verdict, Verdict::Inconclusive, "{observer}");
    for guarantee in &judgement.guarantees {
        let rests = resting_on(observer).contains(&guarantee.kind);
        let wanted = if rests {
            Verdict::Inconclusive
        } else {
            Verdict::Held
        };
        assert_eq!(guarantee.verdict, wanted, "{observer}: {guarantee:?}");
    }
}

#[test]
fn a_run_that_everybody_saw_holds() {
    let judgement = attended().judge();
    assert_eq!(judgement.doubts, Vec::<String>::new());
    assert_eq!(judgement.verdict, Verdict::Held);
}

#[test]
fn an_observer_that_never_tells_that_it_looked_is_missed() {
    for observer in OBSERVERS.into_iter().chain(["group"]) {
        let mut world = attended();
        world.events.retain(|(_, what)| !is_of(what, observer));
        let what = if observer == "group" {
            "the group".to_owned()
        } else {
            format!("`{observer}`")
        };
        doubted(
            &world.judge(),
            observer,
            &format!("nobody saw {what} from 1.6 to"),
        );
    }
}

#[test]
fn a_gap_in_the_run_is_named_and_one_outside_of_it_is_nobodys() {
    for observer in OBSERVERS
        .into_iter()
        .chain(["group"])
        .filter(|name| *name != "rest")
    {
        let what = if observer == "group" {
            "the group".to_owned()
        } else {
            format!("`{observer}`")
        };
        let gap = |from: u64, to: u64| {
            let mut world = attended();
            world
                .events
                .retain(|(at, what)| !is_of(what, observer) || *at <= from || *at >= to);
            world.judge()
        };
        // What tells every five seconds and does not for fifteen has not looked for ten of them, or was not written down.
        doubted(
            &gap(6_500, 21_000),
            observer,
            &format!("nobody saw {what} from 6."),
        );
        let told = |gap_ms: u64| {
            let mut world = attended();
            world
                .events
                .retain(|(at, what)| !is_of(what, observer) || !(12_000..16_000).contains(at));
            let mark = if observer == "group" {
                What::GroupPolled {
                    polls: 3,
                    longest_gap_ms: gap_ms,
                }
            } else {
                attendance(observer, 3, gap_ms)
            };
            world.events.push((15_000, mark));
            world.events.sort_by_key(|(at, _)| *at);
            world.judge()
        };
        doubted(
            &told(3_500),
            observer,
            &format!("nobody saw {what} from 11.5 to 15.0 s"),
        );
    }
    // A busy machine: half a session is 3 s here.
    let mut slow = attended();
    for (_, what) in &mut slow.events {
        if let What::Attended { longest_gap_ms, .. } | What::GroupPolled { longest_gap_ms, .. } =
            what
        {
            *longest_gap_ms = 1_900;
        }
    }
    assert_eq!(
        slow.judge().verdict,
        Verdict::Held,
        "{:?}",
        slow.judge().doubts
    );
}

#[test]
fn an_observer_that_looked_and_saw_nothing_was_absent() {
    for observer in OBSERVERS
        .into_iter()
        .chain(["group"])
        .filter(|name| *name != "rest")
    {
        let mut world = attended();
        for (at, what) in &mut world.events {
            if !(5_000..20_000).contains(at) || !is_of(what, observer) {
                continue;
            }
            if let What::Attended { looks, .. } | What::GroupPolled { polls: looks, .. } = what {
                *looks = 0;
            }
        }
        let judgement = world.judge();
        assert_eq!(judgement.verdict, Verdict::Inconclusive, "{observer}");
    }
}

#[test]
fn a_reader_that_stopped_before_the_end_of_its_topic_is_doubted() {
    let mut world = attended();
    let last = world
        .events
        .iter_mut()
        .rev()
        .find_map(|(_, what)| match what {
            What::Attended { observer, read, .. } if observer == "status topic" => Some(read),
            _ => None,
        });
    last.unwrap().insert(3, ReadTo { next: 4, end: 9 });
    doubted(
        &world.judge(),
        "status topic",
        "`status topic` was read up to 4 of 9 in partition 3",
    );
}

#[test]
fn tasks_without_a_status_are_a_doubt_in_any_journal() {
    let mut world = World::with_fault(RECORDS, FaultKind::Kill);
    world
        .events
        .retain(|(_, what)| !matches!(what, What::TaskStatus { .. }));
    let judgement = world.judge();
    assert!(
        judgement.doubts[0].contains("no status of any task"),
        "{:?}",
        judgement.doubts
    );
    assert_eq!(
        verdict_of(&judgement, GuaranteeKind::Recovery),
        Verdict::Inconclusive
    );
}

#[test]
fn the_last_status_of_a_task_is_of_its_last_owner() {
    let mut world = World::with_fault(RECORDS, FaultKind::Kill);
    world
        .events
        .retain(|(at, what)| *at < 10_000 || !matches!(what, What::TaskStatus { .. }));
    let doubts = world.judge().doubts;
    let told = doubts
        .iter()
        .any(|text| text.contains("its last status is RUNNING by w2"));
    assert!(told, "{doubts:?}");
    let mut strange = World::calm(RECORDS);
    strange.events.push((20_000, running("mirror-0", "w3")));
    strange.events.sort_by_key(|(at, _)| *at);
    assert_eq!(strange.judge().verdict, Verdict::Inconclusive);
}

#[test]
fn a_journal_with_most_of_what_only_a_living_cluster_leaves_must_have_all_of_it() {
    // The first five events are of four kinds among eight, the sixth is of another one.
    let told = |events: usize| {
        let mut world = World::with_fault(RECORDS, FaultKind::Kill);
        let living = super::world::living().into_iter().take(events);
        world.events.extend(living);
        world.events.sort_by_key(|(at, _)| *at);
        let doubts = world.judge().doubts;
        doubts.iter().any(|doubt| doubt.contains("does not tell"))
    };
    assert!(!told(5));
    assert!(told(6));
}

#[test]
fn the_group_was_seen_as_well_as_it_was_looked_at_around_faults() {
    let mut world = attended();
    for (at, what) in &mut world.events {
        if let What::GroupPolled { longest_gap_ms, .. } = what
            && *at == 8_000
        {
            *longest_gap_ms = 900;
        }
    }
    let judgement = world.judge();
    let mut answers = judgement.guarantees.iter();
    let overlap = answers.find(|g| g.kind == GuaranteeKind::Overlap).unwrap();
    let error = "shorter than 60 ms around faults and 900 ms between them cannot be seen";
    assert!(overlap.note.ends_with(error), "{}", overlap.note);
}

#[test]
fn commits_that_stop_while_records_go_on_are_a_doubt() {
    for (kept, name) in [("mirror", "archive"), ("archive", "mirror")] {
        let mut world = World::calm(RECORDS);
        world.events.retain(|(at, what)| {
            let goes = match what {
                What::SourceCommit { .. } => name == "mirror",
                What::SinkCommit { .. } => name == "archive",
                _ => false,
            };
            *at < 8_000 || !goes
        });
        // A start of another connector's task is no reason to wait for a commit once more.
        let start = running(&format!("{kept}-0"), "w1");
        world.events.push((15_000, start));
        world.events.sort_by_key(|(at, _)| *at);
        let judgement = world.judge();
        let why = format!("nobody saw a commit of {name} from 7.9 to 2");
        let told = judgement.doubts.iter().any(|text| text.starts_with(&why));
        assert!(told, "{kept}: {:?}", judgement.doubts);
        assert_eq!(
            verdict_of(&judgement, GuaranteeKind::Offsets),
            Verdict::Inconclusive
        );
        assert_eq!(verdict_of(&judgement, GuaranteeKind::Lost), Verdict::Held);
    }
}

#[test]
fn the_last_commit_is_what_stood_there_at_the_end() {
    let finals = |source: u64, sink: i64| {
        let mut world = World::calm(RECORDS);
        let at = world.end_ms() + 1_950;
        let What::SourceCommit {
            connector,
            partition,
            offset,
            ..
        } = source_commit(2, source)
        else {
            panic!("a source commit")
        };
        let sources = [(connector, vec![(partition, offset)])].into();
        world
            .events
            .push((at, What::FinalSourceOffsets { sources }));
        let sinks = [("archive".parse().unwrap(), [(1, sink)].into())].into();
        let ends = std::collections::BTreeMap::new();
        world.events.push((at, What::FinalOffsets { sinks, ends }));
        world.judge()
    };
    let (last, next) = (RECORDS - 1, RECORDS as i64);
    let good = finals(last, next);
    // What was read again at the end is told as missing the rest of a living journal; commits are not.
    let about = |judgement: &Judgement| {
        judgement
            .doubts
            .iter()
            .filter(|d| d.contains("never told"))
            .count()
    };
    assert_eq!(about(&good), 0, "{:?}", good.doubts);
    assert_eq!(about(&finals(last + 1, next)), 1);
    assert_eq!(about(&finals(last, next + 1)), 1);
}

#[test]
fn harm_that_was_complete_before_nobody_looked_stays_harm() {
    let mut world = attended();
    // Lane 0 is of a worker that nothing was done to.
    world.plant_in(0, 5_000, 20..25);
    world.info.format = FORMAT;
    let mut late = world.clone();
    for (at, what) in &mut late.events {
        if *at > 20_000
            && let What::GroupPolled { polls, .. } = what
        {
            *polls = 0;
        }
    }
    assert_eq!(
        verdict_of(&late.judge(), GuaranteeKind::UnexplainedDuplicates),
        Verdict::Broken
    );
    assert_eq!(
        verdict_of(&late.judge(), GuaranteeKind::Overlap),
        Verdict::Inconclusive
    );
    let mut early = world;
    for (at, what) in &mut early.events {
        if *at < 8_000
            && let What::GroupPolled { polls, .. } = what
        {
            *polls = 0;
        }
    }
    assert_eq!(
        verdict_of(&early.judge(), GuaranteeKind::UnexplainedDuplicates),
        Verdict::Inconclusive
    );
}

#[test]
fn loss_does_not_rest_on_anybody_who_watches_the_cluster() {
    for observer in OBSERVERS.into_iter().chain(["group"]) {
        let mut world = attended();
        world.archive[1].drain(100..103);
        world.events.retain(|(_, what)| !is_of(what, observer));
        assert_eq!(
            verdict_of(&world.judge(), GuaranteeKind::Lost),
            Verdict::Broken,
            "{observer}"
        );
    }
}

/// A journal of a living run without one kind of event.
fn without(is_it: impl Fn(&What) -> bool) -> Judgement {
    let mut world = attended();
    world.events.retain(|(_, what)| !is_it(what));
    world.judge_with(
        |events: &mut Vec<Event>| {
            events.retain(|event| !is_it(&event.what));
            (0..).zip(events).for_each(|(n, event)| event.n = n);
        },
        |_| {},
    )
}

/// A kind of event by name.
type Kind = (&'static str, fn(&What) -> bool);

const KINDS: [Kind; 22] = [
    ("phases", |w| matches!(w, What::PhaseBegan(_))),
    ("starts", |w| matches!(w, What::ProcessStarted { .. })),
    ("answers", |w| matches!(w, What::ProcessReady { .. })),
    ("ends", |w| matches!(w, What::ProcessEnded { .. })),
    ("created", |w| matches!(w, What::ConnectorCreated(_))),
    ("running", |w| matches!(w, What::TasksRunning { .. })),
    ("feed began", |w| matches!(w, What::FeedBegan)),
    ("feed ended", |w| matches!(w, What::FeedEnded { .. })),
    ("baseline", |w| matches!(w, What::BaselineReached { .. })),
    ("intended", |w| matches!(w, What::FaultIntended { .. })),
    ("acted", |w| matches!(w, What::FaultActed { .. })),
    ("proof", |w| matches!(w, What::FaultProof { .. })),
    ("seen", |w| matches!(w, What::RecoverySeen { .. })),
    ("views", |w| matches!(w, What::Group(_))),
    ("sinks", |w| matches!(w, What::SinkGroup { .. })),
    ("statuses", |w| matches!(w, What::TaskStatus { .. })),
    ("tasks", |w| matches!(w, What::TaskConfig { .. })),
    ("connectors", |w| matches!(w, What::ConnectorConfig { .. })),
    ("progress", |w| matches!(w, What::Progress { .. })),
    ("logs", |w| matches!(w, What::Log { .. })),
    ("final", |w| matches!(w, What::FinalOffsets { .. })),
    ("drain", |w| matches!(w, What::DrainEnded { .. })),
];

#[test]
fn no_kind_of_event_can_be_taken_away() {
    assert_eq!(without(|_| false).verdict, Verdict::Held);
    for (name, is_it) in KINDS {
        let judgement = without(is_it);
        assert_eq!(
            judgement.verdict,
            Verdict::Inconclusive,
            "{name}: {:?}",
            judgement.doubts
        );
    }
}

#[test]
fn a_format_that_nobody_knows_is_no_evidence() {
    for format in [0, 4, 99] {
        let mut world = World::calm(RECORDS);
        world.archive[1].drain(100..103);
        world.info.format = format;
        let judgement = world.judge();
        for guarantee in &judgement.guarantees {
            assert_eq!(guarantee.verdict, Verdict::Inconclusive, "{guarantee:?}");
        }
    }
}

#[test]
fn an_older_journal_is_judged_by_what_it_tells_of_the_group() {
    let polled = |gap_ms| {
        let mut world = World::calm(RECORDS);
        let what = What::GroupPolled {
            polls: 2,
            longest_gap_ms: gap_ms,
        };
        world.events.push((15_000, what));
        world.events.sort_by_key(|(at, _)| *at);
        world.judge()
    };
    assert_eq!(polled(2_900).doubts, Vec::<String>::new());
    let blind = polled(12_000);
    assert_eq!(blind.doubts, ["nobody saw the group from 3.0 to 15.0 s"]);
    assert_eq!(
        verdict_of(&blind, GuaranteeKind::Overlap),
        Verdict::Inconclusive
    );
    let mut without = World::calm(RECORDS);
    without
        .events
        .retain(|(_, what)| !matches!(what, What::Group(_)));
    assert_eq!(without.judge().verdict, Verdict::Inconclusive);
    let again = group(&["w1", "w2", "w3"], 0, "w2", "b");
    without.events.push((1_500, again));
    without.events.sort_by_key(|(at, _)| *at);
    assert_eq!(without.judge().verdict, Verdict::Held);
}
