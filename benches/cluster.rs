//! How fast one broker and three workers are ready, beside the same processes started one after the other with Kafka's own flags.
//!
//! The rounds take turns and the middle one of each counts. `SQUALL_BENCH_ROUNDS` sets how many (default 3).
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark prints its figures"
)]

mod support;

use std::time::Duration;

use squall::journal::Clock;
use squall::runtime::process::StartStyle;
use support::broker::OwnSpec;

const WORKERS: u32 = 3;

/// Time from the first process until the last one answers; what is made once for all runs is made before.
fn ready_after(style: StartStyle) -> Duration {
    let spec = OwnSpec::new(WORKERS, style);
    let clock = Clock::start();
    let begun = clock.now();
    let cluster = spec.start();
    let took = clock.now().since(begun);
    drop(cluster);
    took
}

fn main() {
    let (mut together, mut stock) = (Vec::new(), Vec::new());
    for round in 1..=support::number("SQUALL_BENCH_ROUNDS", 3).max(1) {
        let ours = ready_after(StartStyle::Together);
        let theirs = ready_after(StartStyle::Stock);
        println!(
            "round {round}: together {:.2} s   one after the other {:.2} s",
            ours.as_secs_f64(),
            theirs.as_secs_f64()
        );
        together.push(ours);
        stock.push(theirs);
    }
    let (ours, theirs) = (support::median(together), support::median(stock));
    println!(
        "one broker and {WORKERS} workers ready: {ours:.2} s / {theirs:.2} s = {:.2} (wanted: at most 0.60)",
        ours / theirs
    );
}
