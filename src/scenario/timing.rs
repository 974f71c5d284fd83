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

/// What the phases must leave room for.
pub(super) struct Needs<'a> {
    pub(super) connect: &'a ConnectSpec,
    pub(super) faults: &'a [FaultStep],
    pub(super) expect: &'a Expectations,
    /// The longest silence that the scenario allows a tap.
    pub(super) silence_ms: u64,
}

/// Reads the times of the phases and fills in the others.
pub(super) fn read(root: &Node, needs: &Needs<'_>, mistakes: &mut Collector<'_>) -> Timing {
    let given = |key: &str| root.read(key, units::duration);
    for (key, least) in [
        ("baseline", 1_000),
        ("quiet", 500),
        ("drain", 1_000),
        ("recovery-wait", 1_000),
    ] {
        check_least(root, key, least, mistakes);
    }
    // The last batch comes one silence after the feed's end, and two more show that nothing follows it.
    let batches = needs.silence_ms * 3;
    let flush = needs.connect.known_time_ms("offset.flush.interval.ms") + MARGIN_MS + batches;
    let timing = Timing {
        // Two batches show how long the silence between them is.
        baseline_ms: given("baseline").unwrap_or(DEFAULT_BASELINE_MS.max(needs.silence_ms * 2)),
        duration_ms: given("duration").unwrap_or(DEFAULT_DURATION_MS),
        recovery_wait_ms: given("recovery-wait").unwrap_or_else(|| recovery_wait(needs)),
        quiet_ms: given("quiet").unwrap_or(DEFAULT_QUIET_MS),
        drain_ms: given("drain").unwrap_or(DEFAULT_DRAIN_MS.max(flush)),
    };
    check_drain(root, &timing, needs.silence_ms, mistakes);
    timing
}

fn check_drain(root: &Node, timing: &Timing, silence_ms: u64, mistakes: &mut Collector<'_>) {
    let needed_ms = timing.quiet_ms.max(silence_ms * 2);
    if let (Some(drain), true) = (root.get("drain"), timing.drain_ms < needed_ms) {
        let needed = units::duration_text(needed_ms);
        let message = "the drain is shorter than the quiet that ends it";
        let what = match silence_ms * 2 > timing.quiet_ms {
            true => "twice the longest `silent-for`",
            false => "`quiet`",
        };
        mistakes.report(
            drain.span,
            message,
            format!("write more than {what}: {needed}"),
        );
    }
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
fn recovery_wait(needs: &Needs<'_>) -> u64 {
    let connect = needs.connect;
    let settings = connect.known_time_ms("session.timeout.ms")
        + connect.known_time_ms("scheduled.rebalance.max.delay.ms")
        + connect.known_time_ms("consumer.session.timeout.ms");
    let faults = needs.faults.iter().map(down_time).max().unwrap_or(0);
    let expected = needs.expect.recovery_ms.unwrap_or(0).saturating_mul(2);
    // Of a connector that writes in batches the next one shows that it is back.
    expected.max(settings + faults + MARGIN_MS) + needs.silence_ms
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
