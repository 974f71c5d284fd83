//! The worker settings that decide how long things take, and those that only the run itself can know.

use crate::model::settings::worker_default;

use super::mistake::Collector;
use super::tree::Node;
use super::value::ConnectSpec;

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
    /// that are no time.
    pub fn time_ms(&self, setting: &str) -> Option<u64> {
        let number = |text: &str| text.trim().parse().ok();
        let given = self.config.get(setting).and_then(|text| number(text));
        given.or_else(|| worker_default(self.version, setting).and_then(number))
    }

    /// The same for a setting that is a time.
    pub(super) fn known_time_ms(&self, setting: &str) -> u64 {
        self.time_ms(setting).unwrap_or(0)
    }
}

/// Why a worker setting is the run's own, where it is.
pub(super) fn of_the_run(setting: &str) -> Option<&'static str> {
    let own = OF_THE_RUN.iter().find(|(name, _)| *name == setting);
    own.map(|(_, why)| *why)
}

/// Reports worker settings that are the run's own.
pub(super) fn check_own(config: &Node, mistakes: &mut Collector<'_>) {
    for entry in config.entries() {
        if let Some(why) = of_the_run(&entry.key) {
            let message = format!("`{}` is not for the scenario to set", entry.key);
            mistakes.report(entry.key_span, message, format!("take it out: {why}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;

    #[test]
    fn a_time_is_what_is_given_or_the_default_of_that_release() {
        let text = |version: &str| {
            let text = include_str!("../../scenarios/quickstart.yaml");
            text.replace("4.1.1", version)
        };
        let connect = parse("t", &text("4.1.1")).unwrap().connect;
        assert_eq!(connect.time_ms("worker.sync.timeout.ms"), Some(3_000));
        assert_eq!(connect.time_ms("session.timeout.ms"), Some(6_000));
        assert_eq!(connect.time_ms("producer.linger.ms"), Some(5));
        assert_eq!(connect.time_ms("connect.protocol"), None);
        let connect = parse("t", &text("3.9.1")).unwrap().connect;
        assert_eq!(connect.time_ms("producer.linger.ms"), Some(0));
    }
}
