//! What people write: scenarios and inventories, and the plan that a run folder holds.

use std::path::Path;

use squall::connect::reach::Reach;
use squall::journal::RunFolder;
use squall::model::Seed;
use squall::plan::{Plan, draw, timetable};
use squall::runtime::attached;
use squall::scenario::inventory::{self, Inventory};
use squall::scenario::{self, Mistakes, Scenario, Substitutions, resolve_config};

use super::fuzz::Target;

const WORDS: &[&str] = &[
    "${in}",
    "${",
    "$${",
    "${env:HOME}",
    "${file:/a:b}",
    "&a ",
    "*a",
    "<<: *a",
    "- ",
    ": ",
    "{",
    "}",
    "[",
    "]",
    "|\n",
    ">-\n",
    "\"",
    "'",
    "#",
    "? ",
    "---\n",
    "...\n",
    "!!str ",
    "%YAML 1.2\n",
    "never",
    "0s",
    "99999999h",
    "1e999",
    "15s ± 15s",
    "10s..5s",
    "leader",
    "follower",
    "all",
    "owner",
    "after-recovery",
    "restart-after",
    "repeat",
    "rolling",
    "rounds: 10000",
    "w99",
    "mirror-1",
    "4294967295",
    "18446744073709551616",
    "-1",
    "~",
    "null",
    "true",
    "\u{feff}",
    "\u{202e}",
    "\u{1b}[31m",
    "\u{0}",
    "\r",
    "\t",
    "100 %",
    "within-flush-bound",
    "silent-for: 720h",
    "connector.class: ",
    "tasks.max: 0",
];

fn files(folder: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "yaml")
        })
        .collect();
    paths.sort();
    paths
        .iter()
        .map(|path| std::fs::read(path).unwrap())
        .collect()
}

/// Mistakes that people can read, whatever they are about.
fn readable(mistakes: &Mistakes, text: &str) {
    assert!((1..=100).contains(&mistakes.all().len()));
    let end = |mistake: &scenario::Mistake| mistake.span.offset + mistake.span.length;
    for mistake in mistakes.all() {
        assert!(text.get(mistake.span.offset..end(mistake)).is_some());
        assert!(!mistake.message.is_empty() && !mistake.help.is_empty());
    }
    let hidden = |c: char| c.is_control() && c != '\n';
    assert!(!mistakes.to_string().chars().any(hidden));
    let shown = mistakes.render(false);
    assert!(!shown.chars().any(hidden) && shown.len() < 1 << 20);
    assert!(mistakes.render(true).len() < 1 << 20);
    assert!(mistakes.to_json()["mistakes"].is_array());
}

/// A scenario without mistakes can be planned, printed and stored.
fn usable(scenario: &Scenario) {
    let plan = draw(scenario, Seed(7));
    assert!(plan.faults.len() <= 10_000);
    assert!(timetable(scenario, &plan).len() >= plan.faults.len());
    let substitutions = Substitutions {
        bootstrap: "127.0.0.1:9092",
        data_folder: Path::new("/data"),
    };
    for leg in 0..scenario.route.legs.len() {
        resolve_config(&scenario.route, leg, &substitutions);
    }
    let stored = serde_json::to_string(scenario).unwrap();
    assert_eq!(
        *scenario,
        serde_json::from_str::<Scenario>(&stored).unwrap()
    );
    let stored = serde_json::to_string(&plan).unwrap();
    assert_eq!(plan, serde_json::from_str::<Plan>(&stored).unwrap());
}

const ONE_LINE: &str = r#"{"name":"s","route":[{"feed":{"topic":"orders"}},{"connector":{"name":"mirror","config":{"connector.class":"MirrorSourceConnector","tasks.max":2,"x":"${in}"}}},{"tap":{"topic":"src.orders"}}],"faults":[{"repeat":{"rounds":3,"every":"15s ± 3s","do":[{"kill":{"target":"leader","restart-after":"2s"}}]}}],"expect":{"lost":0}}"#;

#[test]
fn fuzz_scenarios() {
    let mut seeds = files("scenarios");
    seeds.push(ONE_LINE.as_bytes().to_vec());
    let target = Target {
        name: "scenario",
        seeds,
        words: WORDS,
        parts: 1,
    };
    target.fuzz(|bytes| {
        let text = String::from_utf8_lossy(bytes);
        match scenario::parse("f\u{1b}.yaml", &text) {
            Ok(scenario) => usable(&scenario),
            Err(mistakes) => readable(&mistakes, &text),
        }
    });
}

fn inventories() -> Vec<Vec<u8>> {
    let bundled = inventory::BUNDLED
        .iter()
        .map(|(_, text)| text.as_bytes().to_vec());
    let by_hand = "name: n\nbootstrap: h:9092\nclient: {sasl.password: \"${env:HOME}\"}\nsettings: {offset.flush.interval.ms: 1000}\n\
        rest: {username: a, password: b}\ndata: /srv\nmax-down: 2\nwatch: [a, b]\nstop-when: {rest-down: 1m, failed-tasks: 2}\nworkers:\n\
        \x20 - {name: w1, rest: \"http://a:8083\", ssh: {host: h}, systemd: {unit: u}}\n\
        \x20 - {name: w2, rest: \"http://b:8083\", process: {pid-file: /p, start: run}}\n\
        \x20 - {name: w3, rest: \"http://c:8083\", id: \"c:1\", command: {kill: k, start: s, status: t}}\n";
    bundled.chain([by_hand.as_bytes().to_vec()]).collect()
}

fn attachable(inventory: &Inventory) {
    let quickstart = include_str!("../../scenarios/quickstart.yaml");
    let _ = Reach::of(inventory);
    let Ok((scenario, _)) = scenario::parse_for("q", quickstart, inventory) else {
        return;
    };
    let plan = draw(&scenario, Seed(7));
    attached::would_run(inventory, &plan);
    attached::check(&plan, &scenario, inventory, None, None);
}

#[test]
fn fuzz_inventories_of_clusters() {
    let target = Target {
        name: "inventory",
        seeds: inventories(),
        words: WORDS,
        parts: 1,
    };
    target.fuzz(|bytes| {
        let text = String::from_utf8_lossy(bytes);
        match inventory::parse("/etc/i.yaml", &text) {
            Ok(inventory) => attachable(&inventory),
            Err(mistakes) => readable(&mistakes, &text),
        }
    });
}

#[test]
fn fuzz_plans() {
    let scenario =
        |text: &[u8]| scenario::parse("seed", std::str::from_utf8(text).unwrap()).unwrap();
    let all: Vec<Scenario> = files("scenarios")
        .iter()
        .map(|text| scenario(text))
        .collect();
    let target = Target {
        name: "plan",
        seeds: all
            .iter()
            .map(|scenario| serde_json::to_vec(&draw(scenario, Seed(7))).unwrap())
            .collect(),
        words: WORDS,
        parts: 1,
    };
    let home = tempfile::tempdir().unwrap();
    let folder = RunFolder::create(home.path(), "r").unwrap();
    target.fuzz(|bytes| {
        std::fs::write(folder.join("plan.json"), bytes).unwrap();
        if let Ok(plan) = folder.plan() {
            timetable(&all[0], &plan);
        }
    });
}
