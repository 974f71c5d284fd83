//! The worker settings that decide how long things take, with Connect's own defaults.

use super::mistake::Collector;
use super::shape;
use super::tree::Node;
use super::value::ConnectSpec;

/// Times in milliseconds that a recovery is made of, and Connect's defaults (`DistributedConfig`, `WorkerConfig`, and
/// KIP-735 for the consumers' session).
const TIMES: [(&str, u64); 9] = [
    ("session.timeout.ms", 10_000),
    ("heartbeat.interval.ms", 3_000),
    ("rebalance.timeout.ms", 60_000),
    ("scheduled.rebalance.max.delay.ms", 300_000),
    ("consumer.session.timeout.ms", 45_000),
    ("offset.flush.interval.ms", 60_000),
    ("offset.flush.timeout.ms", 5_000),
    ("task.shutdown.graceful.timeout.ms", 5_000),
    ("worker.sync.timeout.ms", 3_000),
];

/// Settings that only the run itself can know.
const OF_THE_RUN: [(&str, &str); 6] = [
    ("bootstrap.servers", "the run starts its own brokers"),
    ("listeners", "the run chooses free ports"),
    ("plugin.path", "put plugins under `connect.plugins`"),
    ("rest.advertised.host.name", "the run chooses free ports"),
    ("rest.advertised.port", "the run chooses free ports"),
    ("rest.advertised.listener", "the run chooses free ports"),
];

impl ConnectSpec {
    /// The time in milliseconds that a worker setting stands for: as given, else Connect's default; `None` for settings
    /// that are no time known here.
    pub fn time_ms(&self, setting: &str) -> Option<u64> {
        let default = TIMES.iter().find(|(name, _)| *name == setting)?.1;
        let given = self.config.get(setting);
        Some(
            given
                .and_then(|text| text.trim().parse().ok())
                .unwrap_or(default),
        )
    }

    /// The same for a setting that is one of the known times.
    pub(super) fn known_time_ms(&self, setting: &str) -> u64 {
        self.time_ms(setting).unwrap_or(0)
    }
}

/// Why a worker setting is the run's own, where it is.
pub(super) fn of_the_run(setting: &str) -> Option<&'static str> {
    let own = OF_THE_RUN.iter().find(|(name, _)| *name == setting);
    own.map(|(_, why)| *why)
}

/// Reports worker settings that are the run's own, and times that are no numbers.
pub(super) fn check_worker_config(config: &Node, mistakes: &mut Collector<'_>) {
    for entry in config.entries() {
        if let Some(why) = of_the_run(&entry.key) {
            let message = format!("`{}` is not for the scenario to set", entry.key);
            mistakes.report(entry.key_span, message, format!("take it out: {why}"));
        }
    }
    check_times(config, mistakes);
}

/// Reports slips in the names of known times, and times that are no numbers.
pub(super) fn check_times(config: &Node, mistakes: &mut Collector<'_>) {
    for entry in config.entries() {
        if let Some(meant) = slip_of(&entry.key) {
            let message = format!("`{}` is no setting of a worker", entry.key);
            mistakes.report(entry.key_span, message, format!("did you mean `{meant}`?"));
        }
        let is_time = TIMES.iter().any(|(name, _)| *name == entry.key);
        let text = entry.value.text().filter(|_| !entry.value.is_null());
        if let (true, Some(text)) = (is_time, text)
            && text.trim().parse::<u32>().is_err()
        {
            let message = format!("`{}` cannot be `{text}`", entry.key);
            mistakes.report(
                entry.value.span,
                message,
                "write whole milliseconds, such as `1000`",
            );
        }
    }
}

/// The known time that a name is a slip of the pen away from. Connect ignores settings that it does not know, so a slip
/// would leave the default in force without a word.
fn slip_of(name: &str) -> Option<&'static str> {
    let known = TIMES.map(|(known, _)| known);
    match shape::nearest(name, &known) {
        Some((1..=2, known)) => Some(known),
        Some(_) | None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_in_a_setting_that_decides_times_is_told_and_other_settings_are_left_alone() {
        assert_eq!(slip_of("sesion.timeout.ms"), Some("session.timeout.ms"));
        assert_eq!(
            slip_of("offset.flush.intervall.ms"),
            Some("offset.flush.interval.ms")
        );
        for fine in [
            "session.timeout.ms",
            "consumer.session.timeout.ms",
            "producer.linger.ms",
            "request.timeout.ms",
            "my.own",
        ] {
            assert_eq!(slip_of(fine), None, "{fine}");
        }
    }
}
