//! How long the whole quickstart takes, from the command line to the reports, when Kafka and the archives are in the cache.
//!
//! `SQUALL_BENCH_ROUNDS` sets how many times it runs (default 1); the middle one counts.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark prints its figures"
)]

mod support;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use squall::journal::Clock;
use squall::runtime::process::StartStyle;
use support::broker::OwnSpec;

const WANTED_SECONDS: f64 = 60.0;

/// The whole program once; returns its time and its result.
fn run(home: &Path, round: u64) -> (Duration, Value) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let reports = home.join(format!("reports-{round}"));
    let clock = Clock::start();
    let begun = clock.now();
    let output = Command::new(env!("CARGO_BIN_EXE_squall"))
        .args(["run", "scenarios/quickstart.yaml", "--quiet", "--reports"])
        .arg(&reports)
        .current_dir(root)
        .env("SQUALL_STATE", home.join("state"))
        .stdin(Stdio::null())
        .output()
        .expect("the program is built");
    let took = clock.now().since(begun);
    assert!(
        output.status.success(),
        "{}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    let result = std::fs::read(reports.join("latest/result.json"));
    let result = result.expect("a run that ended well has a result");
    (
        took,
        serde_json::from_slice(&result).expect("the result is JSON"),
    )
}

fn phases(result: &Value) -> String {
    let phases = result["run"]["phases"].as_array();
    let each = phases.into_iter().flatten().map(|phase| {
        let seconds = phase["length-ms"].as_f64().unwrap_or(0.0) / 1e3;
        format!("{} {seconds:.1} s", phase["phase"].as_str().unwrap_or("?"))
    });
    each.collect::<Vec<_>>().join(", ")
}

fn main() {
    // Fetches Kafka and makes the archives where that was not done before.
    drop(OwnSpec::new(3, StartStyle::Together));
    let home = tempfile::tempdir().expect("a temporary folder can be made");
    let mut times = Vec::new();
    for round in 1..=support::number("SQUALL_BENCH_ROUNDS", 1).max(1) {
        let (took, result) = run(home.path(), round);
        println!(
            "round {round}: {:.1} s, {}; {}",
            took.as_secs_f64(),
            result["verdict"].as_str().unwrap_or("?"),
            phases(&result)
        );
        times.push(took);
    }
    let seconds = support::median(times);
    println!(
        "quickstart: {seconds:.1} s / {WANTED_SECONDS:.0} s = {:.2} (wanted: at most 1)",
        seconds / WANTED_SECONDS
    );
}
