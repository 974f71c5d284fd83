//! Tests of safety: what is refused, and that nothing else is.

use proptest::prelude::*;

use super::*;
use crate::model::{FaultId, Seed};
use crate::scenario::inventory;

const KILL: &str = "kill: k, stop: t, start: s, status: st";

fn inventory_with(workers: &str, more: &str) -> Inventory {
    let text = format!("name: x\nbootstrap: 127.0.0.1:1\ndata: /tmp\n{more}\nworkers:\n{workers}");
    inventory::parse("x.yaml", &text).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

fn three(more: &str) -> Inventory {
    let worker = |n: u32| {
        format!("  - {{name: w{n}, rest: \"http://127.0.0.1:808{n}\", command: {{{KILL}}}}}\n")
    };
    inventory_with(&[worker(1), worker(2), worker(3)].concat(), more)
}

/// A plan of these faults, and the scenario that it is of.
fn planned(faults: &str, inventory: &Inventory) -> (Plan, Scenario) {
    let text = format!(
        "name: t\nroute:\n  - feed: {{topic: orders}}\n  - connector: {{name: m, config: {{connector.class: MirrorSource}}}}\n  - tap: {{topic: src.orders}}\nfaults:\n{faults}"
    );
    let (scenario, _) = crate::scenario::parse_for("t.yaml", &text, inventory)
        .unwrap_or_else(|mistakes| panic!("{mistakes}"));
    (crate::plan::draw(&scenario, Seed(1)), scenario)
}

fn refused(faults: &str, inventory: &Inventory, group: Option<&Group<'_>>) -> Vec<String> {
    let (plan, scenario) = planned(faults, inventory);
    check(&plan, &scenario, inventory, group, None)
}

#[test]
fn a_plan_that_stays_within_the_inventory_is_not_refused() {
    let faults =
        "  - kill: {target: follower}\n  - stop: {target: leader}\n  - rolling: {kill: {}}\n";
    assert_eq!(refused(faults, &three(""), None), Vec::<String>::new());
}

#[test]
fn a_worker_that_may_not_be_touched_is_refused_by_name_and_as_leader() {
    let workers = format!(
        "  - {{name: w1, rest: \"http://127.0.0.1:8081\", command: {{{KILL}}}}}\n  - {{name: w2, rest: \"http://127.0.0.1:8082\"}}\n"
    );
    let inventory = inventory_with(&workers, "");
    let why = refused("  - kill: {target: w2}\n", &inventory, None);
    assert!(why[0].contains("w2 may not be touched"), "{why:?}");
    let leader = WorkerName::new("w2").unwrap();
    let led = |leader, has_strangers| Group {
        id: "g",
        leader,
        has_strangers,
    };
    let kill_leader = "  - kill: {target: leader}\n";
    let why = refused(kill_leader, &inventory, Some(&led(Some(&leader), false)));
    assert!(why[0].contains("w2 leads the group"), "{why:?}");
    let why = refused(kill_leader, &inventory, Some(&led(None, true)));
    assert!(why[0].contains("not in the inventory"), "{why:?}");
    let leader = WorkerName::new("w1").unwrap();
    let fine = refused(kill_leader, &inventory, Some(&led(Some(&leader), false)));
    assert_eq!(fine, Vec::<String>::new());
    let why = refused("  - kill: {target: follower}\n", &inventory, None);
    assert!(
        why[0].contains("two workers that may be touched"),
        "{why:?}"
    );
}

#[test]
fn more_workers_down_than_allowed_are_refused() {
    let all = "  - kill: {target: all}\n";
    let why = refused(all, &three("max-down: 2"), None);
    assert!(why[0].contains("up to 3 workers"), "{why:?}");
    assert_eq!(
        refused(all, &three("max-down: 3"), None),
        Vec::<String>::new()
    );
    let never = "  - kill: {target: w1, restart-after: never}\n  - kill: {target: w2}\n";
    assert_eq!(refused(never, &three(""), None).len(), 1);
    assert_eq!(
        refused(never, &three("max-down: 2"), None),
        Vec::<String>::new()
    );
    let overlapping =
        "  - kill: {target: w1, at: 1s, restart-after: 60s}\n  - kill: {target: w2, at: 30s}\n";
    assert_eq!(refused(overlapping, &three(""), None).len(), 1);
    let apart =
        "  - kill: {target: w1, at: 1s, restart-after: 2s}\n  - kill: {target: w2, at: 5m}\n";
    assert_eq!(refused(apart, &three(""), None), Vec::<String>::new());
}

#[test]
fn a_fault_that_the_control_has_no_way_for_is_refused() {
    let workers = "  - {name: w1, rest: \"http://127.0.0.1:8081\", command: {pause: p, resume: r, status: s}}\n";
    let why = refused(
        "  - stop: {target: any}\n",
        &inventory_with(workers, ""),
        None,
    );
    assert!(
        why[0].contains("no stop and no kill and no start"),
        "{why:?}"
    );
}

#[test]
fn a_cluster_elsewhere_needs_its_group_to_be_named() {
    let mut inventory = three("group: g");
    let none = |inventory: &Inventory, meant| {
        let (plan, scenario) = planned("  []\n", inventory);
        check(&plan, &scenario, inventory, None, meant)
    };
    assert_eq!(none(&inventory, None), Vec::<String>::new());
    inventory.workers[0].rest = "http://connect.example.org:8083".to_owned();
    let why = none(&inventory, None);
    assert!(why[0].contains("--yes-i-mean g"), "{why:?}");
    assert!(why[0].contains("connect.example.org:8083"), "{why:?}");
    assert_eq!(none(&inventory, Some("g")), Vec::<String>::new());
    assert!(none(&inventory, Some("h"))[0].contains("the group is g"));
}

#[test]
fn a_route_with_files_needs_a_shared_folder() {
    let mut inventory = three("");
    inventory.data = None;
    let text = include_str!("../../../scenarios/quickstart.yaml");
    let (scenario, _) = crate::scenario::parse_for("q.yaml", text, &inventory).unwrap();
    let plan = crate::plan::draw(&scenario, Seed(1));
    let why = check(&plan, &scenario, &inventory, None, None);
    assert!(why[0].contains("no `data`"), "{why:?}");
}

/// The most workers down in one course of events that the plan allows: waiting faults one after the other, each on the
/// clock at its time.
fn worst_course(faults: &[PlannedFault], touchable: usize) -> usize {
    let mut worst = 0;
    for (index, fault) in faults.iter().enumerate() {
        let mut down = taken(fault, touchable);
        for (other_index, other) in faults.iter().enumerate() {
            let timed = |fault: &PlannedFault| matches!(fault.due, Due::At { .. });
            let still_down = match (other.restart, timed(fault) && timed(other)) {
                _ if other_index == index => false,
                (Restart::Never, _) => other_index < index,
                // Both on the clock: the other one's time is not over when this one comes.
                (Restart::After { .. }, true) => {
                    let (from, to) = window(other);
                    let (at, _) = window(fault);
                    from <= at && at < to
                }
                (Restart::After { .. }, false) => false,
            };
            down += if still_down {
                taken(other, touchable)
            } else {
                0
            };
        }
        worst = worst.max(down.min(touchable));
    }
    worst
}

proptest! {
    #[test]
    fn the_bound_is_never_below_what_can_happen(
        faults in proptest::collection::vec((0_u64..300, 0_u64..120, any::<bool>(), any::<bool>(), any::<bool>()), 0..6),
        touchable in 1_usize..6,
    ) {
        let faults: Vec<PlannedFault> = (1..).zip(faults).map(|(id, (at, down, timed, all, never))| PlannedFault {
            id: FaultId(id),
            kind: FaultKind::Kill,
            target: if all { Target::All } else { Target::Any },
            draw: 0,
            due: if timed { Due::At { ms: at * 1_000 } } else { Due::AfterRecovery { ms: at } },
            restart: if never { Restart::Never } else { Restart::After { ms: down * 1_000 } },
        }).collect();
        let plan = Plan { format: 1, scenario: "t".to_owned(), seed: Seed(1), estimate_ms: 0, faults };
        let bound = most_down(&plan, touchable);
        prop_assert!(bound <= touchable);
        prop_assert!(bound >= worst_course(&plan.faults, touchable), "{} < {}", bound, worst_course(&plan.faults, touchable));
    }
}
