//! Whole runs on real Kafka: bundled scenarios, their evidence, and what becomes of damaged evidence.
#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod common;

use std::path::Path;

use common::{Running, answer, copy_folder, one_cluster, outcome, squall, tap};
use serde_json::{Value, json};

fn bundled(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("scenarios")
        .join(format!("{name}.yaml"));
    std::fs::read_to_string(path).unwrap()
}

/// `expected = once + repeated + lost + undecided` and everything that arrived is accounted for.
fn assert_ledgers_add_up(result: &Value) {
    for tap in result["taps"].as_array().unwrap() {
        let of = |name: &str| tap[name].as_u64().unwrap();
        assert_eq!(
            of("expected"),
            of("once") + of("repeated") + of("lost") + of("undecided"),
            "{tap}"
        );
        let arrived = of("once")
            + of("repeated")
            + of("extra-copies")
            + of("of-unknown")
            + of("phantom")
            + of("corrupt");
        assert_eq!(of("arrived"), arrived, "{tap}");
    }
}

/// Every fault proven, nothing lost, every repeat explained.
fn assert_held(scenario: &str, arguments: &[&str]) -> (Running, Value) {
    let (run, code, result) = Running::to_verdict(scenario, arguments);
    assert_eq!(code, 0, "{}", run.story());
    assert_eq!(result["verdict"], "held");
    assert_eq!(
        result["run"]["faults-proven"],
        result["run"]["faults-injected"]
    );
    assert_ledgers_add_up(&result);
    (run, result)
}

fn verify(folder: &Path) -> (i32, String, String) {
    outcome(
        &squall(&["verify", folder.to_str().unwrap()])
            .output()
            .unwrap(),
    )
}

#[test]
fn the_quickstart_holds_and_its_folder_can_be_judged_again_but_not_when_damaged() {
    let _turn = one_cluster();
    let (run, result) = assert_held(&bundled("quickstart"), &["--seed", "7f3a-91c2"]);
    let folder = run.folder();
    assert_eq!(result["run"]["seed"], "7f3a-91c2");
    assert!(run.stdout().starts_with("HELD"), "{}", run.stdout());
    for name in [
        "scenario.yaml",
        "plan.json",
        "run.json",
        "events.jsonl",
        "report.html",
        "junit.xml",
        "summary.md",
        "ledger.csv",
        "faults.csv",
        "recoveries.csv",
        "rewinds.csv",
    ] {
        assert!(
            folder
                .join(name)
                .metadata()
                .is_ok_and(|found| found.len() > 0),
            "{name}"
        );
    }
    assert!(
        folder
            .parent()
            .unwrap()
            .join("latest")
            .join("result.json")
            .exists()
    );
    assert!(tap(&result, "archive.txt")["expected"].as_u64().unwrap() > 10_000);
    reports_come_out_the_same(&folder);
    every_damage_is_inconclusive(&folder);
}

fn reports_come_out_the_same(folder: &Path) {
    let names = [
        "result.json",
        "report.html",
        "junit.xml",
        "summary.md",
        "ledger.csv",
        "faults.csv",
        "recoveries.csv",
        "rewinds.csv",
    ];
    let before: Vec<Vec<u8>> = names
        .iter()
        .map(|name| std::fs::read(folder.join(name)).unwrap())
        .collect();
    let elsewhere = tempfile::tempdir().unwrap();
    let copy = elsewhere.path().join("copy");
    copy_folder(folder, &copy);
    names
        .iter()
        .for_each(|name| std::fs::remove_file(copy.join(name)).unwrap());
    let (code, _, stderr) = outcome(
        &squall(&["report", copy.to_str().unwrap()])
            .output()
            .unwrap(),
    );
    assert_eq!(code, 0, "{stderr}");
    for (name, before) in names.iter().zip(before) {
        assert!(
            std::fs::read(copy.join(name)).unwrap() == before,
            "{name} differs"
        );
    }
    assert_eq!(verify(&copy).0, 0);
}

/// Something that happens to the evidence in a run folder.
type Damage = fn(&Path);

fn every_damage_is_inconclusive(folder: &Path) {
    let damages: [(&str, Damage); 6] = [
        ("events cut in the middle", |copy| {
            cut(&copy.join("events.jsonl"), 0.5)
        }),
        ("the last event gone", |copy| {
            cut(&copy.join("events.jsonl"), 0.9999)
        }),
        ("a tap cut", |copy| {
            cut(&copy.join("observations/archive.txt.arrow"), 0.7)
        }),
        ("a tap gone", |copy| {
            std::fs::remove_file(copy.join("observations/src.orders.arrow")).unwrap()
        }),
        ("one byte of the feed changed", |copy| {
            flip(&copy.join("observations/orders.arrow"))
        }),
        ("the seal gone", |copy| {
            std::fs::remove_file(copy.join("evidence.json")).unwrap()
        }),
    ];
    for (name, damage) in damages {
        let elsewhere = tempfile::tempdir().unwrap();
        let copy = elsewhere.path().join("copy");
        copy_folder(folder, &copy);
        damage(&copy);
        let (code, stdout, stderr) = verify(&copy);
        assert_eq!(code, 3, "{name}: {stdout}{stderr}");
        assert!(stdout.starts_with("INCONCLUSIVE"), "{name}: {stdout}");
    }
    let stranger = tempfile::tempdir().unwrap();
    let (code, _, stderr) = verify(stranger.path());
    assert_eq!(code, 2);
    assert!(stderr.contains("run.json"), "{stderr}");
}

fn cut(path: &Path, share: f64) {
    let bytes = std::fs::read(path).unwrap();
    let keep = ((bytes.len() as f64 * share) as usize).min(bytes.len() - 1);
    std::fs::write(path, &bytes[..keep]).unwrap();
}

fn flip(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn files_can_be_the_feed_and_the_last_tap() {
    let _turn = one_cluster();
    let (_, result) = assert_held(&bundled("file-to-file"), &[]);
    assert!(result["feed"]["acked"].as_u64().unwrap() > 1_000);
}

#[test]
fn an_exactly_once_source_repeats_nothing_that_a_committed_reader_sees() {
    let _turn = one_cluster();
    let (_, result) = assert_held(&bundled("exactly-once-source"), &[]);
    let ledger = &result["taps"][0];
    assert_eq!(ledger["repeated"], json!(0));
    assert!(ledger["aborted"].is_u64(), "{ledger}");
}

#[test]
fn a_source_that_makes_its_own_sequence_is_certified_without_a_feed() {
    let _turn = one_cluster();
    let (_, result) = assert_held(&bundled("own-sequence"), &[]);
    assert!(result["feed"].is_null());
    assert!(result["taps"][0]["expected"].as_u64().unwrap() > 100);
}

#[test]
fn a_guarantee_that_kafka_does_not_give_is_broken() {
    let _turn = one_cluster();
    let scenario = bundled("quickstart")
        .replace("duplicates: within-flush-bound", "duplicates: none")
        .replace("recovery: 60s", "recovery: 1s");
    let mut run = Running::start(&scenario, &[]);
    let (code, result) = run.judged();
    assert_eq!(code, 1, "{}", run.stderr());
    assert!(run.stdout().starts_with("BROKEN"), "{}", run.stdout());
    assert_eq!(answer(&result, "lost"), "held");
    assert_eq!(answer(&result, "recovery"), "broken");
    let folder = run.folder();
    let listed = squall(&["explain", folder.to_str().unwrap()])
        .output()
        .unwrap();
    let (_, listed, _) = outcome(&listed);
    let first = listed
        .split_whitespace()
        .next()
        .expect("a broken run has findings");
    let (code, story, stderr) = outcome(
        &squall(&["explain", folder.to_str().unwrap(), first])
            .output()
            .unwrap(),
    );
    assert_eq!(code, 0, "{stderr}");
    assert!(story.lines().count() > 2, "{story}");
    let (code, _, _) = outcome(
        &squall(&["explain", folder.to_str().unwrap(), "lost/99"])
            .output()
            .unwrap(),
    );
    assert_eq!(code, 5);
}

#[test]
fn a_stop_that_overruns_its_grace_is_a_finding_and_its_repeats_are_explained() {
    let _turn = one_cluster();
    let scenario = bundled("quickstart")
        .replace("  - kill: {target: follower, restart-after: 2s}\n", "")
        .replace("grace: 30s", "grace: 20ms");
    let mut run = Running::start(&scenario, &[]);
    let (code, result) = run.judged();
    assert_eq!(code, 1, "{}", run.stderr());
    assert_eq!(answer(&result, "stops"), "broken");
    assert_eq!(answer(&result, "lost"), "held");
    assert_eq!(answer(&result, "unexplained-duplicates"), "held");
    assert_eq!(result["faults"][0]["proven"], json!(true));
    let events = std::fs::read_to_string(run.folder().join("events.jsonl")).unwrap();
    assert!(events.contains("threads-dumped"), "no thread dump");
}
