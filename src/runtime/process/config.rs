//! The files that brokers, workers and their loggers are configured with: plain functions from facts to text.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use crate::model::KafkaVersion;

use super::super::InternalTopics;

/// Worker settings that the harness owns, because they differ from worker to worker or hold the harness's own paths.
pub const RESERVED_WORKER_SETTINGS: [&str; 6] = [
    "bootstrap.servers",
    "listeners",
    "plugin.path",
    "rest.advertised.host.name",
    "rest.advertised.listener",
    "rest.advertised.port",
];

/// The two ports of a broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BrokerPorts {
    /// For clients and other brokers.
    pub clients: u16,
    /// For the KRaft quorum.
    pub controller: u16,
}

/// Settings of broker `node` (from 1) of a combined KRaft cluster. Kafka's defaults, but for: replication as far as the
/// brokers go; fewer partitions in the coordinators' topics and a small cleaner buffer (they cost start-up time and
/// memory only); and `group.initial.rebalance.delay.ms` 0, which delays only the very first join of an empty group.
pub fn broker(node: u32, ports: &[BrokerPorts], data: &Path) -> BTreeMap<String, String> {
    let host = |port: u16| format!("127.0.0.1:{port}");
    let own = ports[usize::try_from(node).expect("small number") - 1];
    let voters: Vec<String> = (1..)
        .zip(ports)
        .map(|(id, ports)| format!("{id}@{}", host(ports.controller)))
        .collect();
    let listeners = Listeners {
        listeners: format!(
            "PLAINTEXT://{},CONTROLLER://{}",
            host(own.clients),
            host(own.controller)
        ),
        advertised: format!("PLAINTEXT://{}", host(own.clients)),
        protocols: "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT".to_owned(),
        between_brokers: "PLAINTEXT",
        voters: voters.join(","),
    };
    broker_with(node, ports.len(), listeners, data)
}

/// How a broker can be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listeners {
    /// `listeners`; the controller's is called `CONTROLLER`.
    pub listeners: String,
    /// `advertised.listeners`.
    pub advertised: String,
    /// `listener.security.protocol.map`.
    pub protocols: String,
    /// `inter.broker.listener.name`.
    pub between_brokers: &'static str,
    /// `controller.quorum.voters`.
    pub voters: String,
}

/// [`broker`] with listeners of any kind, one of `count` brokers.
pub fn broker_with(
    node: u32,
    count: usize,
    listeners: Listeners,
    data: &Path,
) -> BTreeMap<String, String> {
    let replication = count.min(3).to_string();
    let least_in_sync = if count >= 3 { "2" } else { "1" };
    let settings = [
        ("process.roles", "broker,controller".to_owned()),
        ("node.id", node.to_string()),
        ("controller.quorum.voters", listeners.voters),
        ("listeners", listeners.listeners),
        ("advertised.listeners", listeners.advertised),
        ("listener.security.protocol.map", listeners.protocols),
        ("controller.listener.names", "CONTROLLER".to_owned()),
        (
            "inter.broker.listener.name",
            listeners.between_brokers.to_owned(),
        ),
        ("log.dirs", data.display().to_string()),
        ("default.replication.factor", replication.clone()),
        ("offsets.topic.replication.factor", replication.clone()),
        ("offsets.topic.num.partitions", "5".to_owned()),
        ("transaction.state.log.replication.factor", replication),
        ("transaction.state.log.min.isr", least_in_sync.to_owned()),
        ("transaction.state.log.num.partitions", "5".to_owned()),
        ("group.initial.rebalance.delay.ms", "0".to_owned()),
        ("log.cleaner.dedupe.buffer.size", "16777216".to_owned()),
    ];
    settings
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}

/// What all workers of a cluster have in common.
#[derive(Debug, Clone, Copy)]
pub struct WorkerFacts<'a> {
    /// `bootstrap.servers`.
    pub bootstrap: &'a str,
    /// Prefix of the internal topics, and `group.id`, unless the user says otherwise.
    pub group_id: &'a str,
    /// How many brokers there are.
    pub brokers: u32,
    /// The workers' release.
    pub version: KafkaVersion,
    /// Plugin path entries.
    pub plugin_path: &'a str,
    /// Whether the user has plugins of his own.
    pub own_plugins: bool,
    /// The user's settings; they win over everything but the reserved ones.
    pub config: &'a BTreeMap<String, String>,
}

/// Settings that all workers share, without addresses and paths: what the harness must set, then what the user set.
/// Nothing else is set, so everything that the user left out has Connect's own default. Without plugins of the user
/// `plugin.discovery` is `service_load` (3.6 and later, KIP-898), which only makes the start faster.
pub fn shared_worker(facts: &WorkerFacts<'_>) -> BTreeMap<String, String> {
    let group = facts.group_id;
    let replication = facts.brokers.min(3).to_string();
    let converter = "org.apache.kafka.connect.storage.StringConverter";
    let mut settings: BTreeMap<String, String> = [
        ("group.id", group.to_owned()),
        ("key.converter", converter.to_owned()),
        ("value.converter", converter.to_owned()),
        ("config.storage.topic", format!("{group}-configs")),
        ("config.storage.replication.factor", replication.clone()),
        ("offset.storage.topic", format!("{group}-offsets")),
        ("offset.storage.replication.factor", replication.clone()),
        ("status.storage.topic", format!("{group}-status")),
        ("status.storage.replication.factor", replication),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value))
    .collect();
    if facts.version.at_least(3, 6) && !facts.own_plugins {
        settings.insert("plugin.discovery".to_owned(), "service_load".to_owned());
    }
    settings.extend(facts.config.clone());
    settings
}

/// All settings of the worker that listens on this port.
pub fn worker(facts: &WorkerFacts<'_>, port: u16) -> BTreeMap<String, String> {
    worker_at(facts, "127.0.0.1", "127.0.0.1", port)
}

/// All settings of the worker that listens at `listen` and is known to the others as `host`.
pub fn worker_at(
    facts: &WorkerFacts<'_>,
    listen: &str,
    host: &str,
    port: u16,
) -> BTreeMap<String, String> {
    let mut settings = shared_worker(facts);
    let own = [
        ("bootstrap.servers", facts.bootstrap.to_owned()),
        ("listeners", format!("http://{listen}:{port}")),
        ("rest.advertised.host.name", host.to_owned()),
        ("rest.advertised.port", port.to_string()),
        ("plugin.path", facts.plugin_path.to_owned()),
    ];
    settings.extend(own.into_iter().map(|(key, value)| (key.to_owned(), value)));
    settings
}

/// The internal topics that these worker settings name.
pub fn internal_topics(settings: &BTreeMap<String, String>) -> InternalTopics {
    let topic = |key: &str| settings.get(key).cloned().unwrap_or_default();
    InternalTopics {
        config: topic("config.storage.topic"),
        offsets: topic("offset.storage.topic"),
        status: topic("status.storage.topic"),
    }
}

/// Settings as a Java properties file.
pub fn properties(settings: &BTreeMap<String, String>) -> String {
    settings
        .iter()
        .fold(String::new(), |mut text, (key, value)| {
            text.push_str(&escaped(key, true));
            text.push('=');
            text.push_str(&escaped(value, false));
            text.push('\n');
            text
        })
}

/// Escapes what `java.util.Properties` would read as something else; the file is read as ISO 8859-1.
fn escaped(text: &str, is_key: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, c) in text.chars().enumerate() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            ' ' if is_key || at == 0 => out.push_str("\\ "),
            '=' | ':' | '#' | '!' if is_key => {
                out.push('\\');
                out.push(c);
            }
            ' '..='~' => out.push(c),
            _ => c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| {
                write!(out, "\\u{unit:04x}").expect("a string takes all text");
            }),
        }
    }
    out
}

/// Line pattern of Connect's own log files, less the line number, which is costly to find.
const PATTERN: &str = "[%d] %p %X{connector.context}%m (%c)%n";

/// Which logger configuration a class path needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Logger {
    /// log4j 1 or reload4j: Kafka 3.
    One,
    /// log4j 2: Kafka 4.
    Two,
}

impl Logger {
    /// The system property that names the configuration file.
    pub const fn property(self) -> &'static str {
        match self {
            Self::One => "log4j.configuration",
            Self::Two => "log4j2.configurationFile",
        }
    }

    /// A configuration that writes everything from INFO on to standard output.
    pub fn configuration(self) -> String {
        match self {
            Self::One => format!(
                "log4j.rootLogger=INFO, stdout\n\
                 log4j.appender.stdout=org.apache.log4j.ConsoleAppender\n\
                 log4j.appender.stdout.layout=org.apache.log4j.PatternLayout\n\
                 log4j.appender.stdout.layout.ConversionPattern={PATTERN}\n\
                 log4j.logger.org.reflections=ERROR\n"
            ),
            Self::Two => format!(
                "appender.stdout.type=Console\n\
                 appender.stdout.name=stdout\n\
                 appender.stdout.layout.type=PatternLayout\n\
                 appender.stdout.layout.pattern={PATTERN}\n\
                 rootLogger.level=INFO\n\
                 rootLogger.appenderRef.stdout.ref=stdout\n"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(config: &BTreeMap<String, String>) -> WorkerFacts<'_> {
        WorkerFacts {
            bootstrap: "127.0.0.1:1",
            group_id: "squall-x",
            brokers: 3,
            version: KafkaVersion::new(4, 1, 1),
            plugin_path: "/p",
            own_plugins: false,
            config,
        }
    }

    #[test]
    fn what_the_user_did_not_set_is_left_to_connect() {
        let config = BTreeMap::new();
        let settings = worker(&facts(&config), 8083);
        for key in settings.keys() {
            let is_ours = RESERVED_WORKER_SETTINGS.contains(&key.as_str())
                || key.ends_with(".storage.topic")
                || key.ends_with(".storage.replication.factor")
                || [
                    "group.id",
                    "key.converter",
                    "value.converter",
                    "plugin.discovery",
                ]
                .contains(&key.as_str());
            assert!(is_ours, "{key} is set for no reason");
        }
        assert_eq!(settings["offset.storage.replication.factor"], "3");
    }

    #[test]
    fn what_the_user_sets_wins_and_names_the_internal_topics() {
        let config = BTreeMap::from([
            ("offset.storage.topic".to_owned(), "mine".to_owned()),
            ("plugin.discovery".to_owned(), "only_scan".to_owned()),
        ]);
        let settings = worker(&facts(&config), 8083);
        assert_eq!(settings["plugin.discovery"], "only_scan");
        let topics = internal_topics(&settings);
        assert_eq!(
            (topics.offsets.as_str(), topics.status.as_str()),
            ("mine", "squall-x-status")
        );
    }

    #[test]
    fn three_brokers_replicate_and_one_does_not() {
        let ports = |n: u16| BrokerPorts {
            clients: n,
            controller: n + 1,
        };
        let three = broker(2, &[ports(10), ports(20), ports(30)], Path::new("/d"));
        assert_eq!(
            three["controller.quorum.voters"],
            "1@127.0.0.1:11,2@127.0.0.1:21,3@127.0.0.1:31"
        );
        assert_eq!(three["advertised.listeners"], "PLAINTEXT://127.0.0.1:20");
        assert_eq!(three["offsets.topic.replication.factor"], "3");
        assert_eq!(three["transaction.state.log.min.isr"], "2");
        let one = broker(1, &[ports(10)], Path::new("/d"));
        assert_eq!(one["transaction.state.log.replication.factor"], "1");
    }

    #[test]
    fn properties_are_escaped_as_java_reads_them() {
        let settings = BTreeMap::from([("a b:c".to_owned(), " x\\y=z\nü😀".to_owned())]);
        assert_eq!(
            properties(&settings),
            "a\\ b\\:c=\\ x\\\\y=z\\n\\u00fc\\ud83d\\ude00\n"
        );
    }
}
