//! Made-up runs with faults: what each of them explains, what the settings promise, and how long it took.

use crate::journal::{Exit, LogFact, Proof, What};
use crate::model::{DuplicateLimit, FaultId, FaultKind, GuaranteeKind, Lane, Moment, Verdict};

use super::tests::{count_of, guarantee, verdict_of};
use super::world::{
    Blow, KILL_MS, World, fault_story, group_of, plan, sink_commit, sink_members, task, worker,
};
use super::{FindingKind, Judgement};

const RECORDS: u64 = 440;
const GRACEFUL: FaultKind = FaultKind::Stop { grace_ms: 30_000 };
/// 20 records a second in a lane, a flush interval of 1 s, commits that take no time, and 1 s in flight.
const BOUND: u64 = 40;

fn killed_twice(second_at_ms: u64) -> World {
    let first = Blow::first(FaultKind::Kill);
    let second = Blow {
        at_ms: second_at_ms,
        victim: "w3",
        heir: "w2",
        ..first
    };
    World::with_faults(800, &[first, second])
}

/// Copies of one connector, and those of them that are unexplained.
fn copies(judgement: &Judgement, tap: usize) -> (u64, u64) {
    let ledger = &judgement.taps[tap];
    (ledger.own_extra_copies, ledger.unexplained_copies)
}

#[test]
fn the_bound_counts_the_copies_that_a_task_was_given_too() {
    let mut world = World::with_fault(RECORDS, FaultKind::Kill);
    let at = world.mirror[2]
        .iter()
        .position(|row| row.at.as_ms() >= 9_200)
        .unwrap();
    let again = world.mirror[2][at - 30..at].to_vec();
    let moment = world.mirror[2][at].at;
    for (n, row) in again.into_iter().enumerate() {
        let row = crate::journal::Observation { at: moment, ..row };
        world.mirror[2].insert(at + n, row);
    }
    world.faults[0].back_ms = 1_100;
    world.archive = world.behind(&world.mirror, 200);
    world.events = world.story();
    let judgement = world.judge();
    let rewinds = judgement.rewinds.iter();
    let of_sink: Vec<_> = rewinds
        .filter(|r| r.connector.as_str() == "archive" && r.lane == Lane(2))
        .collect();
    let repeated: u64 = of_sink.iter().map(|rewind| rewind.copies).sum();
    assert!(
        repeated > BOUND && repeated <= BOUND + 30,
        "{repeated} in {of_sink:?}"
    );
    assert!(
        of_sink.iter().all(|r| r.bound == Some(BOUND + 30)),
        "{of_sink:?}"
    );
    let mut beyond = judgement.findings.iter();
    assert!(!beyond.any(|finding| {
        finding.kind == FindingKind::RepeatBeyondBound
            && finding
                .connector
                .as_ref()
                .is_some_and(|name| name.as_str() == "archive")
    }));
}

fn could_not_stop(world: &mut World, at_ms: u64, on: &str, name: Option<&str>) {
    let log = What::Log {
        worker: worker(on),
        incarnation: 1,
        worker_ms: at_ms as i64,
        level: "ERROR".to_owned(),
        fact: LogFact::GracefulStopFailed {
            task: name.map(task),
        },
        text: "Graceful stop of task failed.".to_owned(),
    };
    world.events.push((at_ms, log));
    world.events.sort_by_key(|(at, _)| *at);
}

#[test]
fn a_task_that_was_to_move_and_did_not_stop_in_time_may_repeat_without_a_fault() {
    let of_lane = |told: bool| {
        let mut world = World::calm(RECORDS);
        world.plant(KILL_MS + 20, 158..160);
        if told {
            could_not_stop(&mut world, KILL_MS, "w2", Some("mirror-1"));
        }
        copies(&world.judge(), 0)
    };
    assert_eq!(of_lane(false), (2, 2));
    assert_eq!(of_lane(true), (2, 0));
}

#[test]
fn repeats_of_a_task_that_did_not_stop_in_time_are_explained_and_bounded_as_after_a_kill() {
    let mut world = World::with_fault(RECORDS, GRACEFUL);
    could_not_stop(&mut world, KILL_MS + 4, "w2", Some("mirror-1"));
    let judgement = world.judge();
    let (own, unexplained) = copies(&judgement, 0);
    assert!(own > 0 && unexplained == 0, "{own}, {unexplained}");
    let (own, unexplained) = copies(&judgement, 1);
    assert!(own > 0 && unexplained == own, "{own}, {unexplained}");
    for rewind in &judgement.rewinds {
        let late = rewind.connector.as_str() == "mirror";
        assert_eq!(rewind.bound, Some(if late { BOUND } else { 0 }));
        assert_eq!(rewind.why.contains("too late for it to commit"), late);
    }
    assert_eq!(verdict_of(&judgement, GuaranteeKind::Stops), Verdict::Held);
    let told = |text: &&String| {
        text.contains("mirror-1") && text.contains("task.shutdown.graceful.timeout.ms")
    };
    assert_eq!(judgement.method.iter().filter(told).count(), 1);
    let note = &guarantee(&judgement, GuaranteeKind::Duplicates).note;
    assert!(note.contains("task.shutdown.graceful.timeout.ms"), "{note}");
}

#[test]
fn a_late_task_without_a_name_may_be_any_of_its_worker_and_of_no_other_worker() {
    let mut any = World::with_fault(RECORDS, GRACEFUL);
    could_not_stop(&mut any, KILL_MS + 4, "w2", None);
    let judgement = any.judge();
    assert_eq!((copies(&judgement, 0).1, copies(&judgement, 1).1), (0, 0));
    // The same line on a worker that never had the task says nothing about this stop.
    let mut world = World::with_fault(RECORDS, GRACEFUL);
    could_not_stop(&mut world, KILL_MS + 4, "w3", Some("mirror-1"));
    let (own, unexplained) = copies(&world.judge(), 0);
    assert_eq!(own, unexplained);
}

#[test]
fn latency_is_told_in_milliseconds() {
    let judgement = World::calm(RECORDS).judge();
    for latency in &judgement.latency {
        let hops = if latency.place.as_str() == "src.orders" {
            20.0
        } else {
            40.0
        };
        for value in [
            latency.p50_ms,
            latency.p95_ms,
            latency.p99_ms,
            latency.max_ms,
        ] {
            assert!((value - hops).abs() < 0.1, "{latency:?}");
        }
    }
    let samples: u64 = judgement.latency.iter().map(|l| l.samples).sum();
    assert_eq!(samples % 4, 0);
    assert!(samples > 0);
}

#[test]
fn a_sinks_recovery_looks_at_the_lanes_that_it_had_when_the_fault_came() {
    let mut world = World::with_fault(RECORDS, FaultKind::Kill);
    world
        .events
        .retain(|(at, what)| !(*at > KILL_MS && matches!(what, What::SinkGroup { .. })));
    let moved = sink_members(&[("archive-0", &[0, 1, 2, 3]), ("archive-1", &[])]);
    world.events.push((19_000, moved));
    world.events.sort_by_key(|(at, _)| *at);
    let judgement = world.judge();
    let of_sink = judgement
        .recoveries
        .iter()
        .find(|r| r.task == task("archive-1"))
        .unwrap();
    assert!(of_sink.complete, "{of_sink:?}");
    let first = of_sink.phases.iter().find(|p| p.name == "first record");
    // Lanes 0 and 1, which it never had, got records all the time.
    assert!(
        first.unwrap().to >= Moment::from_ms(19_500),
        "{:?}",
        of_sink.phases
    );
}

#[test]
fn a_sink_group_without_members_says_nothing_about_who_reads_what() {
    let mut world = World::with_fault(RECORDS, FaultKind::Kill);
    world.events.push((KILL_MS - 100, sink_members(&[])));
    world.events.sort_by_key(|(at, _)| *at);
    let judgement = world.judge();
    assert!(
        judgement.recoveries.iter().all(|r| r.complete),
        "{:?}",
        judgement.recoveries
    );
    assert_eq!(judgement.taps[1].unexplained_copies, 0);
    assert_eq!(judgement.verdict, Verdict::Held);
}

#[test]
fn each_of_two_faults_has_its_own_repeats_proof_and_recovery() {
    let judgement = killed_twice(28_000).judge();
    assert_eq!(judgement.doubts, Vec::<String>::new());
    assert_eq!(judgement.verdict, Verdict::Held, "{:?}", judgement.findings);
    let own: u64 = judgement.taps.iter().map(|tap| tap.own_extra_copies).sum();
    let [first, second] = &judgement.faults[..] else {
        panic!("two faults")
    };
    assert_eq!(first.repeats + second.repeats, own);
    for (fault, at_ms) in [(first, KILL_MS), (second, 28_000)] {
        assert!(fault.proven && fault.overlaps.is_empty(), "{fault:?}");
        assert_eq!(fault.repeats, own / 2);
        let recovery = fault.recovery_ms.unwrap();
        assert!((9_200..=10_500).contains(&recovery), "{recovery}");
        assert_eq!(fault.took_effect, Some(Moment::from_ms(at_ms + 5)));
        let rewinds = judgement.rewinds.iter();
        for rewind in rewinds.filter(|rewind| rewind.fault == Some(fault.id)) {
            let since = rewind.at.as_ms() - at_ms;
            assert!((9_300..9_700).contains(&since), "{rewind:?}");
        }
    }
    assert_eq!(judgement.recoveries.len(), 4);
    assert!(judgement.recoveries.iter().all(|r| r.complete));
}

#[test]
fn the_second_fault_explains_nothing_below_what_was_committed_before_it() {
    let mut world = killed_twice(28_000);
    world.faults[1].back_ms = 1_500;
    world.mirror = world.behind(&world.feed, 0);
    world.archive = world.behind(&world.mirror, 200);
    // The commits stay: the last one before the second kill came 0.1 s before it.
    let judgement = world.judge();
    for tap in 0..2 {
        let (own, unexplained) = copies(&judgement, tap);
        assert!(
            own > 60 && unexplained > 40,
            "{own}, {unexplained} {:#?}",
            judgement.rewinds
        );
    }
    let wrong = judgement.findings.iter();
    let mut wrong = wrong.filter(|f| f.kind == FindingKind::UnexplainedRepeat);
    assert!(wrong.all(|finding| finding.fault == Some(FaultId(2))));
}

#[test]
fn repeats_of_more_than_the_flush_interval_promises_are_beyond_the_bound_though_explained() {
    let late = Blow {
        back_ms: 3_000,
        ..Blow::first(FaultKind::Kill)
    };
    let judgement = World::with_faults(RECORDS, &[late]).judge();
    let kind = GuaranteeKind::UnexplainedDuplicates;
    assert_eq!(verdict_of(&judgement, kind), Verdict::Held);
    let answer = guarantee(&judgement, GuaranteeKind::Duplicates);
    assert_eq!(answer.verdict, Verdict::Broken);
    assert_eq!(answer.limit(), format!("≤ {BOUND} per fault and lane"));
    let beyond = judgement.findings.iter();
    let beyond: Vec<_> = beyond
        .filter(|f| f.kind == FindingKind::RepeatBeyondBound)
        .collect();
    // Two lanes behind each of two connectors.
    assert_eq!(beyond.len(), 4);
    for finding in beyond {
        assert!((60..=62).contains(&finding.count), "{finding:?}");
    }
    assert!(answer.used.unwrap() > 1.4, "{answer:?}");
}

#[test]
fn a_number_of_repeats_can_be_allowed() {
    let mut world = World::with_fault(RECORDS, FaultKind::Kill);
    let most = world.judge().taps[1].extra_copies;
    for (limit, verdict) in [(most, Verdict::Held), (most - 1, Verdict::Broken)] {
        world.info.scenario.expect.duplicates = Some(DuplicateLimit::Count(limit));
        assert_eq!(
            verdict_of(&world.judge(), GuaranteeKind::Duplicates),
            verdict
        );
    }
}

#[test]
fn an_outage_is_the_silence_around_a_fault_beyond_that_of_the_baseline() {
    let mut world = World::with_fault(RECORDS, FaultKind::Kill);
    let outage = world.judge().faults[0].outage_ms;
    for (limit, verdict) in [
        (outage, Verdict::Held),
        (outage - 1, Verdict::Broken),
        (5_000, Verdict::Broken),
    ] {
        world.info.scenario.expect.outage_ms = Some(limit);
        let judgement = world.judge();
        let answer = guarantee(&judgement, GuaranteeKind::Outage);
        assert_eq!(answer.verdict, verdict);
        assert_eq!(answer.measured(), format!("{:.1} s", outage as f64 / 1e3));
        assert_eq!(judgement.verdict, verdict);
    }
    let mut calm = World::calm(RECORDS);
    calm.info.scenario.expect.outage_ms = Some(0);
    assert_eq!(
        verdict_of(&calm.judge(), GuaranteeKind::Outage),
        Verdict::Held
    );
}

/// w3, which has no tasks, is killed while those of w2 are still nobody's.
fn overlapping() -> World {
    let first = Blow {
        heir: "w2",
        ..Blow::first(FaultKind::Kill)
    };
    let second = Blow {
        at_ms: 13_000,
        victim: "w3",
        ..first
    };
    let mut world = World::with_faults(RECORDS, &[first]);
    world.plan = plan(&[first, second]);
    world
        .events
        .retain(|(at, what)| !(matches!(what, What::Group(_)) && *at > 16_000));
    let own = fault_story(1, second).into_iter();
    let own = own.filter(|(_, what)| !matches!(what, What::Group(_) | What::TaskStatus { .. }));
    world.events.extend(own);
    let balanced = group_of(&[("w1", "a"), ("w2", "c"), ("w3", "d")], 0, "w2");
    world.events.push((19_000, balanced));
    world.events.sort_by_key(|(at, _)| *at);
    world
}

#[test]
fn recoveries_that_overlap_cannot_be_told_apart_unless_the_last_alone_is_too_long() {
    let mut world = overlapping();
    let judgement = world.judge();
    let [first, second] = &judgement.faults[..] else {
        panic!("two faults")
    };
    assert_eq!(first.overlaps, [FaultId(2)]);
    assert_eq!(second.overlaps, [FaultId(1)]);
    let (first, second) = (first.recovery_ms.unwrap(), second.recovery_ms.unwrap());
    assert!(first > second + 2_900, "{first} {second}");
    for (limit, verdict) in [
        (first, Verdict::Held),
        (first - 1, Verdict::Inconclusive),
        (second, Verdict::Inconclusive),
        (second - 10, Verdict::Broken),
    ] {
        world.info.scenario.expect.recovery_ms = Some(limit);
        let judgement = world.judge();
        let answer = guarantee(&judgement, GuaranteeKind::Recovery);
        assert_eq!(answer.verdict, verdict, "{limit}: {answer:?}");
        let told = answer.note.contains("F1 runs into the next fault");
        assert_eq!(told, limit < first, "{answer:?}");
    }
}

#[test]
fn a_worker_that_never_came_back_is_a_recovery_that_was_not_seen() {
    let mut world = World::with_fault(RECORDS, FaultKind::Kill);
    world
        .events
        .retain(|(at, what)| !(matches!(what, What::Group(_)) && *at > 18_000));
    for (limit, verdict) in [(60_000, Verdict::Inconclusive), (5_000, Verdict::Broken)] {
        world.info.scenario.expect.recovery_ms = Some(limit);
        let judgement = world.judge();
        assert_eq!(verdict_of(&judgement, GuaranteeKind::Recovery), verdict);
        assert_eq!(count_of(&judgement, FindingKind::NotRecovered), 1);
    }
}

#[test]
fn under_exactly_once_the_transaction_boundary_sets_the_pace_of_commits() {
    let cases = [
        (&[][..], "transaction.boundary = poll"),
        (
            &[("transaction.boundary", "INTERVAL")],
            "offset.flush.interval.ms = 1000",
        ),
        (
            &[
                ("transaction.boundary", "interval"),
                ("transaction.boundary.interval.ms", "250"),
            ],
            "transaction.boundary.interval.ms = 250",
        ),
        (
            &[
                ("transaction.boundary", "connector"),
                ("transaction.boundary.interval.ms", "250"),
            ],
            "transaction.boundary = connector",
        ),
    ];
    for (config, expected) in cases {
        let mut world = World::with_fault(RECORDS, FaultKind::Kill);
        let key = "exactly.once.source.support".to_owned();
        world.info.worker_config.insert(key, "enabled".to_owned());
        let of_mirror = &mut world.info.scenario.route.legs[0].0.config;
        of_mirror.extend(
            config
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned())),
        );
        for recovery in world.judge().recoveries {
            let commit = recovery.phases.iter().find(|p| p.name == "first commit");
            let setting = commit.unwrap().setting.as_deref();
            let sink = recovery.task == task("archive-1");
            let expected = if sink {
                "offset.flush.interval.ms = 1000"
            } else {
                expected
            };
            assert_eq!(setting, Some(expected));
        }
    }
}

#[test]
fn a_sink_commit_after_the_signal_does_not_count_as_certain() {
    let mut world = World::with_fault(RECORDS, FaultKind::Kill);
    let all = world.archive[2]
        .iter()
        .filter(|row| row.at.as_ms() <= KILL_MS)
        .count();
    world.events.push((KILL_MS + 1, sink_commit(2, all as i64)));
    world.events.sort_by_key(|(at, _)| *at);
    let judgement = world.judge();
    assert!(judgement.taps[1].own_extra_copies > 0);
    assert_eq!(judgement.taps[1].unexplained_copies, 0);
}

#[test]
fn a_sink_that_goes_back_repeats_first_and_comes_to_the_copies_that_it_was_given_after_that() {
    let mut world = World::with_fault(RECORDS, FaultKind::Kill);
    // The last record that the mirror had delivered was not with the sink yet.
    for lane in &mut world.archive[2..] {
        let last = lane.iter().rposition(|row| row.at.as_ms() <= KILL_MS);
        lane.remove(last.unwrap());
    }
    let judgement = world.judge();
    let (own, unexplained) = copies(&judgement, 1);
    assert!(own > 0 && unexplained == 0, "{own}, {unexplained}");
    assert_eq!(judgement.verdict, Verdict::Held, "{:?}", judgement.findings);
}

/// A stop at which the process ended like this, by itself.
fn stopped_with(exit: Exit) -> Judgement {
    let mut world = World::with_fault(RECORDS, FaultKind::Stop { grace_ms: 30_000 });
    for (_, what) in &mut world.events {
        match what {
            What::ProcessEnded { exit: seen, .. }
            | What::FaultProof {
                proof: Proof::ProcessEnded { exit: seen, .. },
                ..
            } => *seen = exit,
            _ => {}
        }
    }
    world.judge()
}

#[test]
fn a_worker_that_is_asked_to_stop_and_ends_otherwise_has_crashed() {
    for exit in [
        Exit::Signal(6),
        Exit::Signal(11),
        Exit::Code(1),
        Exit::Code(134),
    ] {
        let judgement = stopped_with(exit);
        let stops = guarantee(&judgement, GuaranteeKind::Stops);
        assert_eq!(stops.verdict, Verdict::Broken, "{exit}");
        assert_eq!(stops.measured(), "1 of 1 stop overran or crashed");
        let crash = judgement.findings.iter().find(|f| f.id == "crash/1");
        let text = format!("F1: w2 was asked to stop and ended {exit}, which is a crash");
        assert_eq!(crash.unwrap().text, text);
        // It had no sure chance to commit: its repeats are those of a kill.
        let repeats = verdict_of(&judgement, GuaranteeKind::UnexplainedDuplicates);
        assert_eq!(repeats, Verdict::Held, "{exit}");
        assert!(judgement.doubts.is_empty(), "{:?}", judgement.doubts);
    }
    for exit in [Exit::Code(0), Exit::Code(143), Exit::Unknown] {
        let judgement = stopped_with(exit);
        assert_eq!(verdict_of(&judgement, GuaranteeKind::Stops), Verdict::Held);
    }
}
