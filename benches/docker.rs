//! How fast one broker and three workers are ready in containers, beside the same cluster of local processes.
//!
//! The rounds take turns and the middle one of each counts. `SQUALL_BENCH_ROUNDS` sets how many (default 3). Needs a
//! Docker engine and an image: `squall image build`.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark prints its figures"
)]

mod support;

use std::time::Duration;

use squall::journal::Clock;
use squall::runtime::StartStyle;
use support::broker::OwnSpec;

const WORKERS: u32 = 3;

/// Time from the first process until the last one answers; what is made once for all runs is made before.
fn in_processes() -> Duration {
    let spec = OwnSpec::new(WORKERS, StartStyle::Together);
    let clock = Clock::start();
    let begun = clock.now();
    let cluster = spec.start();
    let took = clock.now().since(begun);
    drop(cluster);
    took
}

/// Time from the network until the last container answers, the engine and the image being known.
fn in_containers() -> Duration {
    let spec = OwnSpec::new(WORKERS, StartStyle::Together);
    let prepared = spec.prepare_containers();
    let clock = Clock::start();
    let begun = clock.now();
    let cluster = spec.start_containers(&prepared);
    let took = clock.now().since(begun);
    drop(cluster);
    took
}

fn main() {
    let (mut contained, mut local) = (Vec::new(), Vec::new());
    for round in 1..=support::number("SQUALL_BENCH_ROUNDS", 3).max(1) {
        let ours = in_containers();
        let theirs = in_processes();
        println!(
            "round {round}: containers {:.2} s   processes {:.2} s",
            ours.as_secs_f64(),
            theirs.as_secs_f64()
        );
        contained.push(ours);
        local.push(theirs);
    }
    let (ours, theirs) = (support::median(contained), support::median(local));
    println!(
        "one broker and {WORKERS} workers ready: containers {ours:.2} s / processes {theirs:.2} s = {:.2}",
        ours / theirs
    );
}
