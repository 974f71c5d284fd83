//! Tests of plans as a whole.

use proptest::prelude::*;

use crate::model::{Due, FaultId, Seed, Target};
use crate::scenario::{Scenario, parse};

use super::*;

const ROUTE: &str = "
route:
  - feed: {topic: orders}
  - connector: {name: mirror, config: {connector.class: MirrorSourceConnector, tasks.max: 3}}
  - tap: {topic: src.orders}
";

fn scenario(faults: &str) -> Scenario {
    let text = format!("name: test\nfaults:\n{faults}{ROUTE}");
    parse("test.yaml", &text).unwrap_or_else(|mistakes| panic!("{}", mistakes.render(false)))
}

fn series_starts(plan: &Plan) -> Vec<u64> {
    plan.faults
        .iter()
        .filter_map(|fault| match fault.due {
            Due::InSeries { ms, .. } => Some(ms),
            Due::At { .. } | Due::AfterRecovery { .. } => None,
        })
        .collect()
}

#[test]
fn a_plan_stays_the_same_for_ever() {
    let scenario = scenario(
        "  - kill: {target: follower, restart-after: 2s}\n  - repeat: {rounds: 2, every: 15s ± 3s, do: [{kill: {target: any}}]}\n",
    );
    let plan = draw(&scenario, Seed(0x7f3a_91c2));
    let lines: Vec<String> = plan
        .faults
        .iter()
        .map(|fault| serde_json::to_string(fault).unwrap())
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    {"id":1,"kind":"kill","target":"follower","draw":3222497201,"due":{"after-recovery":{"ms":0}},"restart":{"after":{"ms":2000}}}
    {"id":2,"kind":"kill","target":"any","draw":1461234891,"due":{"in-series":{"series":0,"ms":0}},"restart":{"after":{"ms":0}}}
    {"id":3,"kind":"kill","target":"any","draw":2292133043,"due":{"in-series":{"series":0,"ms":13984}},"restart":{"after":{"ms":0}}}
    "#);
}

#[test]
fn rolling_takes_every_worker_in_turn() {
    let plan = draw(&scenario("  - rolling: {stop: {}, pause: 5s}\n"), Seed(1));
    let targets: Vec<String> = plan.faults.iter().map(|f| f.target.to_string()).collect();
    assert_eq!(targets, ["w1", "w2", "w3"]);
    let due: Vec<Due> = plan.faults.iter().map(|f| f.due).collect();
    let after = |ms| Due::AfterRecovery { ms };
    assert_eq!(due, [after(0), after(5_000), after(5_000)]);
}

#[test]
fn only_the_first_step_of_a_round_begins_on_the_clock() {
    let plan = draw(
        &scenario(
            "  - repeat: {window: 10s..60s, every: 20s, do: [{kill: {target: any}}, {stop: {target: leader, after-recovery: 3s}}]}\n",
        ),
        Seed(1),
    );
    assert_eq!(plan.faults.len(), 6);
    assert_eq!(series_starts(&plan), [10_000, 30_000, 50_000]);
    assert_eq!(plan.faults[1].due, Due::AfterRecovery { ms: 3_000 });
}

#[test]
fn each_repeat_is_a_series_of_its_own() {
    let repeat = "  - repeat: {rounds: 1, every: 20s, do: [{kill: {target: any}}]}\n";
    let plan = draw(&scenario(&repeat.repeat(2)), Seed(1));
    let series = |fault: &crate::model::PlannedFault| match fault.due {
        Due::InSeries { series, .. } => Some(series),
        Due::At { .. } | Due::AfterRecovery { .. } => None,
    };
    assert_eq!(
        plan.faults.iter().map(series).collect::<Vec<_>>(),
        [Some(0), Some(1)]
    );
    assert_ne!(plan.faults[0].draw, plan.faults[1].draw);
}

#[test]
fn one_more_round_or_fault_moves_no_earlier_choice() {
    let rounds = |rounds: u32, more: &str| {
        let faults = format!(
            "  - repeat: {{rounds: {rounds}, every: 15s ± 3s, do: [{{kill: {{target: any}}}}]}}\n{more}"
        );
        draw(&scenario(&faults), Seed(7)).faults
    };
    let three = rounds(3, "");
    assert_eq!(rounds(4, "")[..3], three[..]);
    assert_eq!(rounds(3, "  - kill: {target: any}\n")[..3], three[..]);
}

#[test]
fn the_estimate_counts_the_waits_that_the_settings_ask_for() {
    let quiet = draw(&scenario("  []\n"), Seed(1)).estimate_ms;
    let killed = draw(&scenario("  - kill: {target: follower}\n"), Seed(1)).estimate_ms;
    let stopped = draw(&scenario("  - stop: {target: leader}\n"), Seed(1)).estimate_ms;
    assert!(killed - quiet >= 300_000, "{killed} - {quiet}");
    assert!(stopped < killed && stopped >= quiet);
}

#[test]
fn a_pause_is_waited_for_and_one_beyond_the_session_costs_the_delay_too() {
    let lasts = |fault: &str| draw(&scenario(fault), Seed(1)).estimate_ms;
    let quiet = lasts("  []\n");
    let short = lasts("  - pause: {target: follower, for: 9s}\n");
    let long = lasts("  - pause: {target: follower, for: 12s}\n");
    let longest = lasts("  - disconnect: {target: follower, for: 400s}\n");
    // The session is 10 s, the delay 300 s, and records flow for 10 s in any case.
    assert_eq!(short - quiet, 2_000);
    assert_eq!(long - quiet, 303_000);
    assert_eq!(longest - quiet, 397_000);
}

#[test]
fn a_timetable_says_how_a_worker_comes_back() {
    let scenario =
        scenario("  - pause: {target: any, for: 20s}\n  - disconnect: {target: w1, for: 1500ms}\n");
    let lines: Vec<String> = timetable(&scenario, &draw(&scenario, Seed(1)))[3..5]
        .iter()
        .map(|line| format!("{} | {} | {}", line.at, line.what, line.touches))
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    ~0.0 s | F1 pause any worker | one of w1, w2, w3, resumed after 20s
    ~313.0 s | F2 network loss w1 | w1, reconnected after 1s 500ms
    "#);
}

#[test]
fn the_quickstart_is_planned_for_a_minute_at_most() {
    let text = include_str!("../../scenarios/quickstart.yaml");
    let plan = draw(&parse("quickstart.yaml", text).unwrap(), Seed(1));
    assert!(plan.estimate_ms <= 60_000, "{} ms", plan.estimate_ms);
    let text = include_str!("../../scenarios/nightly.yaml");
    let plan = draw(&parse("nightly.yaml", text).unwrap(), Seed(1));
    assert!(plan.estimate_ms >= 15 * 60_000, "{} ms", plan.estimate_ms);
}

#[test]
fn a_timetable_says_when_what_and_whom() {
    let scenario = scenario(
        "  - kill: {target: w2, at: 4s, restart-after: never}\n  - stop: {target: leader, grace: 5s, restart-after: 2s}\n",
    );
    let lines: Vec<String> = timetable(&scenario, &draw(&scenario, Seed(1)))
        .iter()
        .map(|line| format!("{} | {} | {}", line.at, line.what, line.touches))
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    before | start Kafka 4.1.1 × 1 and Connect 4.1.1 × 3 | w1, w2, w3
    before | deploy | mirror
    before | baseline of at least 5s | orders, src.orders
    4.0 s | F1 SIGKILL w2 | w2, stays down
    ~317.0 s | F2 SIGTERM the leader | one of w1, w2, w3, SIGKILL after 5s, restarted after 2s
    ~330.0 s | drain until nothing arrives for 2s, at most 2m | src.orders
    "#);
}

#[test]
fn a_tap_that_is_silent_between_batches_is_in_the_timetable_and_in_the_estimate() {
    let with = |said: &str| {
        let route = ROUTE.replace("topic: src.orders", &format!("topic: src.orders{said}"));
        let text = format!("name: test\nfaults: [{{kill: {{target: leader}}}}]\n{route}");
        parse("test.yaml", &text).unwrap()
    };
    let (usual, slow) = (with(""), with(", silent-for: 30s"));
    let lines: Vec<String> = timetable(&slow, &draw(&slow, Seed(1)))
        .into_iter()
        .map(|line| format!("{} | {}", line.at, line.what))
        .collect();
    insta::assert_snapshot!(lines[2..].join("\n"), @r#"
    before | baseline of at least 1m
    ~0.0 s | F1 SIGKILL the leader
    ~43.0 s | drain until nothing arrives for 2s (1m at src.orders), at most 3m 30s
    "#);
    let estimate = |scenario| draw(scenario, Seed(1)).estimate_ms;
    // A baseline of two silences instead of 5 s, the next batch after the fault, the last one, and quiet for two of 2 s.
    let longer = (60_000 - 5_000) + 30_000 + 30_000 + (60_000 - 2_000);
    assert_eq!(estimate(&slow) - estimate(&usual), longer);
}

proptest! {
    #[test]
    fn any_seed_gives_an_ordered_plan_within_its_jitter(
        seed: u32,
        rounds in 1_u32..40,
        every in 1_u64..30_000,
        share in 0.0..=1.0_f64,
        from in 0_u64..10_000,
    ) {
        let jitter = (every as f64 * share) as u64;
        let mut scenario = scenario("  - repeat: {rounds: 1, every: 1s, do: [{kill: {target: any}}, {stop: {target: w1}}]}\n");
        if let crate::scenario::FaultStep::Repeat { rounds: r, every_ms, jitter_ms, first_ms, .. } = &mut scenario.faults[0] {
            (*r, *every_ms, *jitter_ms, *first_ms) = (rounds, every, jitter, from);
        }
        let plan = draw(&scenario, Seed(seed));
        let starts = series_starts(&plan);
        prop_assert_eq!(starts.len(), rounds as usize);
        prop_assert!(starts.is_sorted());
        for (round, start) in starts.iter().enumerate() {
            let planned = from + round as u64 * every;
            prop_assert!(start.abs_diff(planned) <= jitter, "round {} at {} not {}", round, start, planned);
        }
        for (index, fault) in plan.faults.iter().enumerate() {
            prop_assert_eq!(fault.id, FaultId(index as u32 + 1));
            prop_assert_eq!(&fault.target, if index % 2 == 0 { &Target::Any } else { &Target::Worker("w1".parse().unwrap()) });
        }
        let bytes = |plan: &Plan| serde_json::to_vec(plan).unwrap();
        prop_assert_eq!(bytes(&plan), bytes(&draw(&scenario, Seed(seed))));
    }
}
