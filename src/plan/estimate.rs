//! How long a run will take when its cluster is healthy, from the settings that make it wait.

use crate::model::{Direction, Due, FaultKind, PlannedFault, Restart, Target};
use crate::scenario::{ConnectSpec, Scenario};

const START_MS: u64 = 8_000;
/// From the end of a pause to the worker's return to the group and the rebalances that follow.
const REJOIN_MS: u64 = 4_000;
const DEPLOY_MS: u64 = 3_000;
const TAKE_DOWN_MS: u64 = 3_000;
/// Joins, starts of tasks and a short backlog.
const SETTLE_MS: u64 = 3_000;

/// From start to verdict, in milliseconds.
pub(super) fn estimate_ms(scenario: &Scenario, faults: &[PlannedFault]) -> u64 {
    let timing = &scenario.timing;
    let flow = fault_times(scenario, faults)
        .last()
        .map_or(0, |times| times.recovered_ms)
        .max(timing.duration_ms);
    let flush = scenario
        .connect
        .time_ms("offset.flush.interval.ms")
        .unwrap_or(0);
    let silence = scenario.route.longest_said_silence_ms();
    // The last batch comes one silence after the feed's end.
    let quiet = timing.quiet_ms.max(silence * 2) + silence;
    let drain = (flush + quiet + 1_000).min(timing.drain_ms);
    START_MS + DEPLOY_MS + timing.baseline_ms + flow + drain + TAKE_DOWN_MS
}

/// When a fault probably begins and has been recovered from, in milliseconds after the baseline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FaultTimes {
    pub(super) begins_ms: u64,
    pub(super) recovered_ms: u64,
}

/// The probable times of each fault.
pub(super) fn fault_times(scenario: &Scenario, faults: &[PlannedFault]) -> Vec<FaultTimes> {
    let mut all_recovered: u64 = 0;
    let mut series_began: Option<(u32, u64)> = None;
    let mut times = Vec::with_capacity(faults.len());
    for fault in faults {
        let begins_ms = match fault.due {
            Due::At { ms } => ms,
            Due::AfterRecovery { ms } => all_recovered.saturating_add(ms),
            Due::InSeries { series, ms } => {
                let began = match series_began {
                    Some((known, began)) if known == series => began,
                    Some(_) | None => all_recovered,
                };
                series_began = Some((series, began));
                began.saturating_add(ms).max(all_recovered)
            }
        };
        let recovered_ms = begins_ms.saturating_add(recovery_ms(scenario, fault));
        all_recovered = all_recovered.max(recovered_ms);
        times.push(FaultTimes {
            begins_ms,
            recovered_ms: all_recovered,
        });
    }
    times
}

/// The waits of one recovery: session and delay for a worker that the group loses, the delay alone for one that says
/// goodbye, and neither delay for a leader, whose successor knows of no earlier assignment
/// (`IncrementalCooperativeAssignor`). A worker that stands still for less than its session has to be waited for only
/// until it goes on. Behind a connector that writes in batches the flow is seen again with the next one.
fn recovery_ms(scenario: &Scenario, fault: &PlannedFault) -> u64 {
    let connect: &ConnectSpec = &scenario.connect;
    let time = |setting: &str| connect.time_ms(setting).unwrap_or(0);
    let has_sink = scenario
        .route
        .connectors()
        .any(|connector| connector.direction == Direction::Sink);
    let away = match fault.restart {
        Restart::After { ms } => ms,
        Restart::Never => 0,
    };
    let ends = fault.kind.ends_process();
    let lost_by = |session: &str| !fault.kind.is_graceful() && (ends || away > time(session));
    let delay = match fault.target {
        Target::Leader | Target::All => 0,
        Target::Worker(_) | Target::Follower | Target::Any | Target::Owner(_) => {
            time("scheduled.rebalance.max.delay.ms")
        }
    };
    let moved = match fault.kind {
        FaultKind::Stop { .. } => 1_000 + delay,
        FaultKind::Kill | FaultKind::Pause | FaultKind::Disconnect => {
            match lost_by("session.timeout.ms") {
                true => time("session.timeout.ms") + delay,
                false => 0,
            }
        }
    };
    let sinks = match has_sink && lost_by("consumer.session.timeout.ms") {
        true => time("consumer.session.timeout.ms"),
        false => 0,
    };
    let back = match (ends, moved) {
        (true, _) => away.saturating_add(START_MS),
        // It must learn that it is out, and join again.
        (false, 1..) => away.saturating_add(REJOIN_MS),
        (false, 0) => away,
    };
    let next_batch = scenario.route.longest_said_silence_ms();
    let longest = moved.max(sinks).max(back);
    longest.saturating_add(SETTLE_MS + next_batch)
}
