//! How long the phases of a run take: as the scenario says, else worked out from the settings.

use crate::model::{Expectations, FaultKind, Restart};

use super::mistake::Collector;
use super::tree::Node;
use super::units;
use super::value::{ConnectSpec, FaultStep, Timing};

const DEFAULT_BASELINE_MS: u64 = 5_000;
const DEFAULT_DURATION_MS: u64 = 10_000;
const DEFAULT_QUIET_MS: u64 = 2_000;
const DEFAULT_DRAIN_MS: u64 = 120_000;
/// Joins, starts and a backlog come on top of every timeout.
const MARGIN_MS: u64 = 60_000;

/// Reads the times of the phases and fills in the others.
pub(super) fn read(
    root: &Node,
    connect: &ConnectSpec,
    faults: &[FaultStep],
    expect: &Expectations,
    mistakes: &mut Collector<'_>,
) -> Timing {
    let given = |key: &str| root.read(key, units::duration);
    for (key, least) in [
        ("baseline", 1_000),
        ("quiet", 500),
        ("drain", 1_000),
        ("recovery-wait", 1_000),
    ] {
        check_least(root, key, least, mistakes);
    }
    let flush = connect.known_time_ms("offset.flush.interval.ms") + MARGIN_MS;
    let timing = Timing {
        baseline_ms: given("baseline").unwrap_or(DEFAULT_BASELINE_MS),
        duration_ms: given("duration").unwrap_or(DEFAULT_DURATION_MS),
        recovery_wait_ms: given("recovery-wait")
            .unwrap_or_else(|| recovery_wait(connect, faults, expect)),
        quiet_ms: given("quiet").unwrap_or(DEFAULT_QUIET_MS),
        drain_ms: given("drain").unwrap_or(DEFAULT_DRAIN_MS.max(flush)),
    };
    if let (Some(drain), true) = (root.get("drain"), timing.drain_ms < timing.quiet_ms) {
        let quiet = units::duration_text(timing.quiet_ms);
        let message = "the drain is shorter than the quiet that ends it";
        mistakes.report(
            drain.span,
            message,
            format!("write more than `quiet`: {quiet}"),
        );
    }
    timing
}

fn check_least(root: &Node, key: &str, least_ms: u64, mistakes: &mut Collector<'_>) {
    if let (Some(ms), Some(node)) = (root.read(key, units::duration), root.get(key))
        && ms < least_ms
    {
        let least = units::duration_text(least_ms);
        let message = format!("`{key}` is too short to tell anything");
        mistakes.report(node.span, message, format!("write at least `{least}`"));
    }
}

/// Long enough to see a recovery that is twice as slow as expected, and never shorter than what the settings themselves ask for.
fn recovery_wait(connect: &ConnectSpec, faults: &[FaultStep], expect: &Expectations) -> u64 {
    let settings = connect.known_time_ms("session.timeout.ms")
        + connect.known_time_ms("scheduled.rebalance.max.delay.ms")
        + connect.known_time_ms("consumer.session.timeout.ms");
    let faults = faults.iter().map(down_time).max().unwrap_or(0);
    let expected = expect.recovery_ms.unwrap_or(0).saturating_mul(2);
    expected.max(settings + faults + MARGIN_MS)
}

fn down_time(step: &FaultStep) -> u64 {
    let of = |kind: FaultKind, restart: Restart| {
        let grace = match kind {
            FaultKind::Kill | FaultKind::Pause | FaultKind::Disconnect => 0,
            FaultKind::Stop { grace_ms } => grace_ms,
        };
        let pause = match restart {
            Restart::After { ms } => ms,
            Restart::Never => 0,
        };
        grace + pause
    };
    match step {
        FaultStep::Inject(step) => of(step.kind, step.restart),
        FaultStep::Repeat { steps, .. } => steps
            .iter()
            .map(|step| of(step.kind, step.restart))
            .max()
            .unwrap_or(0),
        FaultStep::Rolling { kind, restart, .. } => of(*kind, *restart),
    }
}
