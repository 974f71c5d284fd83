//! What the benchmarks share: a cluster of their own, a topic on it, and numbers from the environment.
#![allow(dead_code, reason = "each benchmark uses a part of it")]

use std::collections::BTreeMap;
use std::time::Duration;

use squall::journal::{Clock, Deadline};
use squall::kafka::{Admin, Cluster};

#[path = "../../tests/common/broker.rs"]
pub mod broker;

/// Longest wait for anything.
pub const LIMIT: Duration = Duration::from_secs(120);

/// A whole number from the environment.
pub fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(otherwise)
}

/// The middle one of some times, in seconds.
pub fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64()
}

/// A fresh topic on the broker.
pub fn topic(cluster: &Cluster, clock: Clock, name: &str, partitions: u32) -> (Admin, String) {
    let admin = Admin::new(cluster).expect("the client settings are plain");
    let topic = format!("{name}-{}", clock.started_unix_us());
    let deadline = Deadline::after(LIMIT);
    admin.wait_ready(1, deadline).expect("the broker answers");
    admin
        .create_topic(&topic, partitions, 1, &BTreeMap::new(), deadline)
        .expect("the topic can be made");
    (admin, topic)
}

/// CPU time that a process has used, over all threads; the kernel counts it in hundredths of a second.
pub fn cpu(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .expect("Linux shows the times of each process");
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    // Fields 14 and 15 of proc(5): user and system time; the two before the name's end are cut off.
    let ticks: u64 = after_name
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    Duration::from_millis(ticks * 10)
}
