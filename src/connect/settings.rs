//! What Kafka Connect takes for a setting that nobody has set, by release.

use std::collections::BTreeMap;

use crate::model::KafkaVersion;

/// The default from a release on; `None` where the setting is not there or has no default.
type Since = (KafkaVersion, Option<&'static str>);

/// A setting and its defaults, oldest release first.
type Row = (&'static str, &'static [Since]);

const fn v(major: u16, minor: u16, patch: u16) -> KafkaVersion {
    KafkaVersion::new(major, minor, patch)
}

/// A default that has been the same since 2.4, the oldest release that Squall knows.
macro_rules! always {
    ($value:literal) => {
        &[(v(2, 4, 0), Some($value))]
    };
}

/// `DistributedConfig` and `WorkerConfig`, compared over 2.8, 3.0, 3.3, 3.6, 3.9, 4.1 and 4.3.
const WORKER: &[Row] = &[
    ("config.storage.replication.factor", always!("3")),
    ("connect.protocol", always!("sessioned")),
    ("connections.max.idle.ms", always!("540000")),
    (
        "connector.client.config.override.policy",
        &[(v(2, 4, 0), Some("None")), (v(3, 0, 0), Some("All"))],
    ),
    (
        "exactly.once.source.support",
        &[(v(3, 3, 0), Some("disabled"))],
    ),
    (
        "header.converter",
        always!("org.apache.kafka.connect.storage.SimpleHeaderConverter"),
    ),
    ("heartbeat.interval.ms", always!("3000")),
    ("inter.worker.key.ttl.ms", always!("3600000")),
    ("listeners", &[(v(3, 0, 0), Some("http://:8083"))]),
    ("metadata.max.age.ms", always!("300000")),
    ("offset.flush.interval.ms", always!("60000")),
    ("offset.flush.timeout.ms", always!("5000")),
    ("offset.storage.partitions", always!("25")),
    ("offset.storage.replication.factor", always!("3")),
    ("plugin.discovery", &[(v(3, 6, 0), Some("hybrid_warn"))]),
    ("rebalance.timeout.ms", always!("60000")),
    ("reconnect.backoff.max.ms", always!("1000")),
    ("reconnect.backoff.ms", always!("50")),
    ("request.timeout.ms", always!("40000")),
    ("retry.backoff.ms", always!("100")),
    ("scheduled.rebalance.max.delay.ms", always!("300000")),
    ("security.protocol", always!("PLAINTEXT")),
    ("session.timeout.ms", always!("10000")),
    ("status.storage.partitions", always!("5")),
    ("status.storage.replication.factor", always!("3")),
    ("task.shutdown.graceful.timeout.ms", always!("5000")),
    ("topic.creation.enable", always!("true")),
    ("topic.tracking.enable", always!("true")),
    ("worker.sync.timeout.ms", always!("3000")),
    ("worker.unsync.backoff.ms", always!("300000")),
];

/// Consumers of sink tasks, under `consumer.`: `ConsumerConfig` with what `Worker.baseConsumerConfigs` sets.
const CONSUMER: &[Row] = &[
    ("auto.offset.reset", always!("earliest")),
    ("enable.auto.commit", always!("false")),
    ("fetch.max.wait.ms", always!("500")),
    ("heartbeat.interval.ms", always!("3000")),
    ("isolation.level", always!("read_uncommitted")),
    ("max.poll.interval.ms", always!("300000")),
    ("max.poll.records", always!("500")),
    ("metadata.max.age.ms", always!("300000")),
    ("request.timeout.ms", always!("30000")),
    // KAFKA-12874
    (
        "session.timeout.ms",
        &[(v(2, 4, 0), Some("10000")), (v(3, 0, 0), Some("45000"))],
    ),
];

/// Producers of source tasks, under `producer.`: `ProducerConfig` with what `Worker.baseProducerConfigs` sets.
const PRODUCER: &[Row] = &[
    ("acks", always!("all")),
    ("batch.size", always!("16384")),
    ("buffer.memory", always!("33554432")),
    ("compression.type", always!("none")),
    ("delivery.timeout.ms", always!("2147483647")),
    // 3.0.0, 3.0.1 and 3.1.0 leave it to the client's own changing default (KAFKA-13598).
    (
        "enable.idempotence",
        &[
            (v(2, 4, 0), Some("false")),
            (v(3, 0, 0), None),
            (v(3, 0, 2), Some("false")),
            (v(3, 1, 0), None),
            (v(3, 1, 1), Some("false")),
        ],
    ),
    (
        "linger.ms",
        &[(v(2, 4, 0), Some("0")), (v(4, 0, 0), Some("5"))],
    ),
    ("max.block.ms", always!("9223372036854775807")),
    ("max.in.flight.requests.per.connection", always!("1")),
    ("request.timeout.ms", always!("30000")),
    ("retries", always!("2147483647")),
    ("transaction.timeout.ms", always!("60000")),
];

/// Connectors: `ConnectorConfig` and `SourceConnectorConfig`.
const CONNECTOR: &[Row] = &[
    ("config.action.reload", always!("restart")),
    ("errors.log.enable", always!("false")),
    ("errors.retry.timeout", always!("0")),
    ("errors.tolerance", always!("none")),
    ("exactly.once.support", &[(v(3, 3, 0), Some("requested"))]),
    ("tasks.max", always!("1")),
    // KIP-1004
    ("tasks.max.enforce", &[(v(3, 8, 0), Some("true"))]),
    ("transaction.boundary", &[(v(3, 3, 0), Some("poll"))]),
];

fn table_of(name: &str) -> (&'static [Row], &str) {
    if let Some(rest) = name.strip_prefix("consumer.") {
        return (CONSUMER, rest);
    }
    if let Some(rest) = name.strip_prefix("producer.") {
        return (PRODUCER, rest);
    }
    (WORKER, name)
}

fn at(row: &Row, version: KafkaVersion) -> Option<&'static str> {
    let (_, defaults) = row;
    defaults
        .iter()
        .rev()
        .find(|(since, _)| version >= *since)
        .and_then(|(_, value)| *value)
}

fn look_up(rows: &'static [Row], version: KafkaVersion, name: &str) -> Option<&'static str> {
    let row = rows.iter().find(|(row, _)| *row == name)?;
    at(row, version)
}

/// What a worker of this release takes for a worker setting that is not set; `consumer.` and `producer.` settings are
/// those of its tasks' clients. `None` where there is no default, or none that Squall knows.
pub fn default_of(version: KafkaVersion, name: &str) -> Option<&'static str> {
    let (rows, name) = table_of(name);
    look_up(rows, version, name)
}

/// What a connector setting is when it is not set; `None` where there is no default, or none that Squall knows.
pub fn connector_default_of(version: KafkaVersion, name: &str) -> Option<&'static str> {
    look_up(CONNECTOR, version, name)
}

/// All defaults of worker settings that Squall knows for this release, by name.
pub fn worker_defaults(version: KafkaVersion) -> BTreeMap<String, &'static str> {
    [
        ("", WORKER),
        ("consumer.", CONSUMER),
        ("producer.", PRODUCER),
    ]
    .into_iter()
    .flat_map(|(prefix, rows)| rows.iter().map(move |row| (prefix, row)))
    .filter_map(|(prefix, row)| Some((format!("{prefix}{}", row.0), at(row, version)?)))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(version: &str, name: &str, expected: Option<&str>) {
        let version = version.parse().unwrap();
        assert_eq!(default_of(version, name), expected, "{name} of {version}");
    }

    #[test]
    fn defaults_that_changed_are_known_on_both_sides_of_the_change() {
        check("2.8.2", "consumer.session.timeout.ms", Some("10000"));
        check("3.0.0", "consumer.session.timeout.ms", Some("45000"));
        check("3.9.1", "producer.linger.ms", Some("0"));
        check("4.0.0", "producer.linger.ms", Some("5"));
        check("3.5.2", "plugin.discovery", None);
        check("3.6.0", "plugin.discovery", Some("hybrid_warn"));
        check("3.2.3", "exactly.once.source.support", None);
        check("3.3.2", "exactly.once.source.support", Some("disabled"));
        check("3.1.0", "producer.enable.idempotence", None);
        check("3.1.1", "producer.enable.idempotence", Some("false"));
    }

    #[test]
    fn a_worker_and_its_consumers_have_session_timeouts_of_their_own() {
        check("4.1.1", "session.timeout.ms", Some("10000"));
        check("4.1.1", "consumer.session.timeout.ms", Some("45000"));
        check("4.1.1", "no.such.setting", None);
    }

    #[test]
    fn every_row_has_its_releases_in_order_and_stands_once() {
        for rows in [WORKER, CONSUMER, PRODUCER, CONNECTOR] {
            assert!(rows.windows(2).all(|pair| pair[0].0 < pair[1].0));
            let in_order = |row: &Row| row.1.windows(2).all(|pair| pair[0].0 < pair[1].0);
            assert!(rows.iter().all(in_order));
        }
        let defaults = worker_defaults(v(4, 1, 1));
        assert_eq!(defaults["consumer.max.poll.records"], "500");
        assert_eq!(defaults["offset.flush.interval.ms"], "60000");
    }
}
