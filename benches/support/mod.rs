//! What the benchmarks share: a broker and a topic on it.

use std::collections::BTreeMap;
use std::time::Duration;

use squall::journal::{Clock, Deadline};
use squall::kafka::{Admin, Cluster};

/// Longest wait for anything.
pub const LIMIT: Duration = Duration::from_secs(120);

/// `host:port` of the broker to measure with.
pub fn broker() -> String {
    std::env::var("SQUALL_BENCH_BOOTSTRAP")
        .expect("set SQUALL_BENCH_BOOTSTRAP to host:port of a broker that this may write to")
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
