//! Made-up runs beside which connectors run that are not in the route: their states, owners and recoveries.

use crate::journal::What;
use crate::model::{ConnectorName, FaultKind, GuaranteeKind, Moment, Verdict};

use super::tests::{count_of, guarantee};
use super::world::{Blow, KILL_MS, World, running, task};
use super::{FindingKind, Judgement, WATCHED_SHOWS, WatchedReport};

const RECORDS: u64 = 440;

fn billing() -> ConnectorName {
    ConnectorName::new("billing").unwrap()
}

fn status(name: &str, state: &str, on: &str) -> What {
    match running(name, on) {
        What::TaskStatus {
            task,
            worker,
            generation,
            ..
        } => What::TaskStatus {
            task,
            state: state.to_owned(),
            worker,
            generation,
            trace: None,
        },
        other => other,
    }
}

/// Beside the route runs billing: billing-0 on w1, and billing-1 wherever mirror-1 is.
fn beside(mut world: World) -> World {
    world.info.watched = vec![billing()];
    for (_, what) in &mut world.events {
        let What::Group(view) = what else { continue };
        for member in &mut view.members {
            let second = member.tasks.contains(&task("mirror-1"));
            let first = member.tasks.contains(&task("mirror-0"));
            member.tasks.extend(first.then(|| task("billing-0")));
            member.tasks.extend(second.then(|| task("billing-1")));
        }
    }
    tell(&mut world, 1_550, running("billing-0", "w1"));
    tell(&mut world, 1_560, running("billing-1", "w2"));
    world
}

fn tell(world: &mut World, at_ms: u64, what: What) {
    world.events.push((at_ms, what));
    world.events.sort_by_key(|(at, _)| *at);
}

fn killed() -> World {
    let mut world = beside(World::with_fault(RECORDS, FaultKind::Kill));
    tell(&mut world, KILL_MS + 9_400, running("billing-1", "w3"));
    world
}

fn only(judgement: &Judgement) -> &WatchedReport {
    assert_eq!(judgement.watched.len(), 1);
    &judgement.watched[0]
}

#[test]
fn nothing_is_said_where_nothing_is_watched() {
    let judgement = World::with_fault(RECORDS, FaultKind::Kill).judge();
    assert_eq!(judgement.watched, []);
    assert!(!judgement.method.iter().any(|text| text == WATCHED_SHOWS));
}

#[test]
fn a_watched_connector_is_told_with_states_owners_and_its_recovery() {
    let judgement = killed().judge();
    assert_eq!(judgement.verdict, Verdict::Held, "{:?}", judgement.findings);
    assert!(judgement.method.iter().any(|text| text == WATCHED_SHOWS));
    let report = only(&judgement);
    assert_eq!((report.connector.as_str(), report.tasks), ("billing", 2));
    // Nobody had it from when the group had lost w2 to when w3 was given it.
    assert_eq!(report.unowned_task_ms, 3_000);
    assert_eq!(report.longest_unowned_ms, 3_000);
    let fault = &report.faults[0];
    assert_eq!((fault.tasks_hit, fault.tasks_before), (1, 2));
    assert_eq!((fault.moves, fault.starts), (1, 1));
    assert_eq!(fault.unowned_task_ms, 3_000);
    // From the end of the process to the RUNNING on w3, not to the status that never ceased to say RUNNING.
    assert_eq!(fault.recovery_ms, Some(9_395));
    assert_eq!(report.commits, None);
    let lanes = judgement.timeline.lanes.iter();
    let lanes: Vec<&str> = lanes
        .filter(|l| l.group == "watched")
        .map(|l| l.label.as_str())
        .collect();
    assert_eq!(lanes, ["billing-0", "billing-1"]);
}

#[test]
fn a_watched_task_that_does_not_run_again_has_no_recovery() {
    let silent = beside(World::with_fault(RECORDS, FaultKind::Kill));
    assert_eq!(only(&silent.judge()).faults[0].recovery_ms, None);
    let mut failed = killed();
    tell(
        &mut failed,
        KILL_MS + 9_900,
        status("billing-1", "FAILED", "w3"),
    );
    let judgement = failed.judge();
    assert_eq!(only(&judgement).faults[0].recovery_ms, None);
    assert!(only(&judgement).states["FAILED"] > 0);
    // It is in its table, and no finding against the route.
    assert_eq!(count_of(&judgement, FindingKind::TaskFailed), 0);
}

#[test]
fn what_had_failed_before_a_fault_is_not_waited_for() {
    let mut world = beside(World::with_fault(RECORDS, FaultKind::Kill));
    tell(
        &mut world,
        KILL_MS - 2_000,
        status("billing-1", "FAILED", "w2"),
    );
    let judgement = world.judge();
    let report = only(&judgement);
    assert_eq!(report.faults[0].tasks_before, 1);
    assert_eq!(report.faults[0].recovery_ms, Some(0));
    let spans = report
        .spans
        .iter()
        .filter(|span| span.task == task("billing-1"));
    let spans: Vec<(&str, Moment)> = spans.map(|s| (s.state.as_str(), s.from)).collect();
    let began = Moment::from_ms(1_600);
    let failed = Moment::from_ms(KILL_MS - 2_000);
    assert_eq!(spans, [("RUNNING", began), ("FAILED", failed)]);
}

#[test]
fn what_is_told_of_a_watched_task_is_its_own_and_from_when_the_routes_tasks_ran_to_the_end() {
    let mut world = beside(World::calm(RECORDS));
    let end = world.end_ms() + 2_100;
    for (at, name, state) in [
        (1_570, "billing-0", "FAILED"),
        (1_580, "billing-0", "RUNNING"),
        (5_000, "billing-1", "PAUSED"),
        (6_000, "billing-0", "RUNNING"),
        (end, "billing-1", "UNASSIGNED"),
        (end + 100, "billing-0", "UNASSIGNED"),
    ] {
        let on = if name == "billing-0" { "w1" } else { "w2" };
        tell(&mut world, at, status(name, state, on));
    }
    let judgement = world.judge();
    let spans = only(&judgement).spans.iter();
    let spans: Vec<(String, &str, u64, u64)> = spans
        .map(|s| {
            let (from, to) = (s.from.as_ms(), s.to.as_ms());
            (s.task.to_string(), s.state.as_str(), from, to)
        })
        .collect();
    let [first, second] = ["billing-0", "billing-1"].map(str::to_owned);
    let expected = [
        (first, "RUNNING", 1_600, end),
        (second.clone(), "RUNNING", 1_600, 5_000),
        (second, "PAUSED", 5_000, end),
    ];
    assert_eq!(spans, expected);
}

#[test]
fn a_pause_that_the_group_did_not_notice_is_over_for_a_watched_task_when_its_worker_is_back() {
    let world = beside(World::with_faults(
        800,
        &[Blow::lasting(FaultKind::Pause, 2_000)],
    ));
    let judgement = world.judge();
    let fault = &only(&judgement).faults[0];
    assert_eq!((fault.tasks_hit, fault.moves, fault.starts), (1, 0, 0));
    assert_eq!(fault.recovery_ms, Some(1_995));
}

#[test]
fn a_late_start_of_a_watched_task_does_not_lengthen_the_routes_recovery() {
    let recovery = |world: &World| world.judge().faults[0].recovery_ms;
    let early = recovery(&killed());
    let mut late = killed();
    tell(&mut late, KILL_MS + 13_000, running("billing-1", "w3"));
    tell(&mut late, KILL_MS + 13_500, running("unwatched-0", "w3"));
    assert_eq!(recovery(&late), early);
    assert!(early.is_some());
}

#[test]
fn a_zombie_that_lets_go_of_a_task_which_another_runs_changes_nothing() {
    let judged = |generation: i64| {
        let mut world = killed();
        let mut late = status("billing-1", "UNASSIGNED", "w2");
        if let What::TaskStatus { generation: of, .. } = &mut late {
            *of = generation;
        }
        tell(&mut world, KILL_MS + 12_000, late);
        world.judge().watched
    };
    let What::TaskStatus { generation, .. } = running("billing-1", "w3") else {
        unreachable!("that is what it is");
    };
    let undisturbed = killed().judge().watched;
    assert_eq!(judged(generation), undisturbed);
    assert_ne!(judged(generation + 1), undisturbed);
}

#[test]
fn the_commits_of_a_watched_sink_move_or_stand_still() {
    let mut world = killed();
    let commit = |next| What::SinkCommit {
        connector: billing(),
        topic: "invoices".to_owned(),
        partition: 0,
        next_offset: Some(next),
        broker_ms: 0,
    };
    let commits = [
        (1_000, 5),
        (3_000, 10),
        (4_000, 30),
        (20_000, 25),
        (21_000, 60),
    ];
    for (at, next) in commits {
        tell(&mut world, at, commit(next));
    }
    let judgement = world.judge();
    let commits = only(&judgement).commits.clone().unwrap();
    assert_eq!(
        (commits.commits, commits.moved, commits.went_back),
        (4, 55, 1)
    );
    assert_eq!(commits.longest_still_ms, 17_000);
    // They speak for no record of the route.
    let offsets = guarantee(&judgement, GuaranteeKind::Offsets);
    assert_eq!(offsets.verdict, Verdict::Held);
}
