//! The settings that decide how long a recovery takes and how much is repeated, with Connect's own defaults.

use crate::journal::RunInfo;
use crate::model::settings::worker_default;
use crate::model::{Connector, Direction, RuntimeKind, is_provided};

use super::Setting;

/// How the offsets of records and tasks are kept alive: the settings of interest and what each decides.
const TABLE: [(&str, &str); 10] = [
    ("offset.flush.interval.ms", "how much a killed task repeats"),
    (
        "offset.flush.timeout.ms",
        "how long an offset commit may take",
    ),
    ("session.timeout.ms", "when the group notices a dead worker"),
    (
        "heartbeat.interval.ms",
        "how soon a worker hears of a rebalance",
    ),
    (
        "rebalance.timeout.ms",
        "how long a rebalance waits for a worker",
    ),
    (
        "scheduled.rebalance.max.delay.ms",
        "how long lost tasks wait for their worker to come back",
    ),
    (
        "task.shutdown.graceful.timeout.ms",
        "how long tasks may take to stop and commit",
    ),
    (
        "consumer.session.timeout.ms",
        "when a sink's consumer group notices a dead task",
    ),
    (
        "exactly.once.source.support",
        "whether source records and offsets share a transaction",
    ),
    (
        "connect.protocol",
        "whether only moved tasks stop in a rebalance",
    ),
];

/// The names of the worker settings that bounds, recoveries and guarantees rest on.
pub fn decisive() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|(name, _)| *name)
}

/// The value that the workers had, given or by default; empty for a setting that is neither.
pub(super) fn value<'a>(info: &'a RunInfo, name: &str) -> &'a str {
    info.worker_config
        .get(name)
        .map(String::as_str)
        .or_else(|| worker_default(info.scenario.connect.version, name))
        .unwrap_or_default()
}

/// Whether it is known that the workers have the value above. Workers that Squall starts have what it gives them, or the
/// default; of those of others it is known only where the inventory or their logs have told it.
pub(super) fn is_known(info: &RunInfo, name: &str) -> bool {
    let given = info.worker_config.get(name);
    // What a configuration provider gives stands in no file of ours.
    let is_provided = given.is_some_and(|value| is_provided(value));
    !is_provided && (info.runtime != RuntimeKind::Attached || given.is_some())
}

/// A setting in milliseconds; the default's value where the given one is no number.
pub(super) fn milliseconds(info: &RunInfo, name: &str) -> u64 {
    let number = |text: &str| text.trim().parse::<u64>().ok();
    number(value(info, name))
        .or_else(|| worker_default(info.scenario.connect.version, name).and_then(number))
        .unwrap_or(0)
}

/// `name = value`, the way a recovery phase names its cause.
pub(super) fn named(info: &RunInfo, name: &str) -> String {
    format!("{name} = {}", value(info, name))
}

/// The session timeout of a sink's consumers: the connector's own override, or the workers' setting.
pub(super) fn sink_session(info: &RunInfo, connector: &Connector) -> String {
    let own = "consumer.override.session.timeout.ms";
    match effective(info, connector, own) {
        Some(given) => format!("{own} = {given}"),
        None => named(info, "consumer.session.timeout.ms"),
    }
}

/// From how long a silence on a sink's consumer may be given up by its group: its session, less what had passed since its
/// last heartbeat at most, in milliseconds (`ConsumerConfig`).
pub(super) fn sink_patience_ms(info: &RunInfo, connector: &Connector) -> u64 {
    let ms = |name| client_milliseconds(info, connector, ("consumer", name));
    ms("session.timeout.ms").saturating_sub(ms("heartbeat.interval.ms"))
}

/// A setting of the clients of a connector's tasks, as it was given: the connector's own override, or the workers'.
fn of_client<'a>(
    info: &'a RunInfo,
    connector: &'a Connector,
    (client, name): (&str, &str),
) -> Option<&'a str> {
    let workers = info.worker_config.get(&format!("{client}.{name}"));
    effective(info, connector, &format!("{client}.override.{name}"))
        .or_else(|| workers.map(String::as_str))
}

/// The same in milliseconds; the workers' value where the given one is no number.
fn client_milliseconds(info: &RunInfo, connector: &Connector, (client, name): (&str, &str)) -> u64 {
    of_client(info, connector, (client, name))
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or_else(|| milliseconds(info, &format!("{client}.{name}")))
}

/// A connector's setting as Connect has said that it is, as it was sent, or as the scenario has it.
pub(super) fn effective<'a>(
    info: &'a RunInfo,
    connector: &'a Connector,
    name: &str,
) -> Option<&'a str> {
    let sent = || info.connector_configs.get(&connector.name)?.get(name);
    let said = connector.told.get(name).or_else(sent);
    said.map_or_else(|| connector.setting(name), |value| Some(value.as_str()))
}

/// Whether the records and offsets of this connector are committed in one transaction (KIP-618).
pub(super) fn exactly_once(info: &RunInfo, connector: &Connector) -> bool {
    connector.direction == Direction::Source
        && value(info, "exactly.once.source.support").eq_ignore_ascii_case("enabled")
}

/// How long the broker lets a transaction of this connector's producers stay open, in milliseconds (`ProducerConfig`).
pub(super) fn transaction_timeout_ms(info: &RunInfo, connector: &Connector) -> u64 {
    client_milliseconds(info, connector, ("producer", "transaction.timeout.ms"))
}

/// The setting that decides when a task commits its offsets: under exactly-once the connector's own transaction boundary
/// (`SourceTask.TransactionBoundary`; the interval is that of the workers unless the connector has its own).
pub(super) fn commit_pace(info: &RunInfo, connector: &Connector) -> String {
    let workers = || named(info, "offset.flush.interval.ms");
    if !exactly_once(info, connector) {
        return workers();
    }
    let boundary = effective(info, connector, "transaction.boundary").unwrap_or("poll");
    let interval = "transaction.boundary.interval.ms";
    match effective(info, connector, interval) {
        _ if !boundary.eq_ignore_ascii_case("interval") => {
            format!("transaction.boundary = {}", boundary.to_ascii_lowercase())
        }
        Some(given) => format!("{interval} = {given}"),
        None => workers(),
    }
}

/// Whether a sink's consumer sees committed records only (the consumer's default is to see all).
pub(super) fn reads_committed(info: &RunInfo, connector: &Connector) -> bool {
    of_client(info, connector, ("consumer", "isolation.level")) == Some("read_committed")
}

/// The table of the report: the settings of interest, then whatever else was given.
pub(super) fn table(info: &RunInfo) -> Vec<Setting> {
    let version = info.scenario.connect.version;
    let row = |name: &str, value: &str, decides: &str| Setting {
        name: name.to_owned(),
        value: value.to_owned(),
        default: worker_default(version, name).map(str::to_owned),
        decides: decides.to_owned(),
    };
    // What this release does not have, and nobody set, decides nothing.
    let known = TABLE
        .iter()
        .map(|(name, decides)| row(name, value(info, name), decides))
        .filter(|row| !row.value.is_empty());
    let others = info
        .worker_config
        .iter()
        .filter(|(name, _)| decisive().all(|known| known != name.as_str()))
        .map(|(name, value)| row(name, value, ""));
    known.chain(others).collect()
}

#[cfg(test)]
mod tests {
    use super::super::world::World;
    use super::*;

    #[test]
    fn what_a_configuration_provider_gives_is_not_known() {
        let flush = "offset.flush.interval.ms";
        let mut info = World::calm(10).info;
        assert!(is_known(&info, flush));
        let provided = "${file:/x:y}".to_owned();
        info.worker_config.insert(flush.to_owned(), provided);
        assert!(!is_known(&info, flush));
    }

    #[test]
    fn the_table_has_the_defaults_of_the_release_and_no_setting_that_it_does_not_have() {
        let mut info = World::calm(10).info;
        info.worker_config
            .insert("producer.linger.ms".to_owned(), "7".to_owned());
        let row = |info: &RunInfo, name: &str| {
            let mut rows = table(info).into_iter().filter(|row| row.name == name);
            let row = rows.next().map(|row| row.default);
            assert!(rows.next().is_none(), "{name} stands twice");
            row
        };
        let linger = |info: &RunInfo| row(info, "producer.linger.ms");
        assert_eq!(linger(&info), Some(Some("5".to_owned())));
        assert!(row(&info, "exactly.once.source.support").is_some());
        info.scenario.connect.version = crate::model::KafkaVersion::new(3, 2, 0);
        assert_eq!(linger(&info), Some(Some("0".to_owned())));
        assert_eq!(row(&info, "exactly.once.source.support"), None);
    }
}
