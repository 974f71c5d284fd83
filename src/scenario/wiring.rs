//! The settings that tie Kafka's own connectors to their places, filled in where the scenario leaves them out.

use crate::model::{Connector, Medium};

use super::value::StreamSpec;

const STRING: &str = "org.apache.kafka.connect.storage.StringConverter";
const BYTES: &str = "org.apache.kafka.connect.converters.ByteArrayConverter";
const JSON: &str = "org.apache.kafka.connect.json.JsonConverter";

/// What stands around a connector.
pub(super) struct Surroundings<'a> {
    pub(super) before: Option<&'a Medium>,
    pub(super) after: &'a Medium,
    pub(super) brokers: u32,
    pub(super) stream: StreamSpec,
}

/// Adds what one of Kafka's own connectors needs for its places; other classes are left alone.
pub(super) fn fill_in(connector: &mut Connector, around: &Surroundings<'_>) {
    let settings = if connector.is_class("MirrorSource") {
        mirror_source(around)
    } else if connector.is_class("FileStreamSource") {
        strings(&[("file", "${in}"), ("topic", "${out}")])
    } else if connector.is_class("FileStreamSink") {
        file_sink(connector)
    } else if connector.is_class("VerifiableSource") {
        verifiable_source(around.stream)
    } else {
        Vec::new()
    };
    for (key, value) in settings {
        connector.config.entry(key).or_insert(value);
    }
}

/// The alias that makes MirrorSource write to this tap: `src` for `src.orders` behind `orders` (`DefaultReplicationPolicy`).
pub(super) fn mirror_alias<'t>(feed: &str, tap: &'t str) -> Option<&'t str> {
    tap.strip_suffix(feed)?
        .strip_suffix('.')
        .filter(|alias| !alias.is_empty())
}

type Settings = Vec<(String, String)>;

fn owned(settings: &[(&str, &str)]) -> Settings {
    settings
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

fn converters(class: &str) -> Settings {
    owned(&[("key.converter", class), ("value.converter", class)])
}

/// The file connectors read and write lines: a text converter keeps them as they are.
fn strings(settings: &[(&str, &str)]) -> Settings {
    [owned(settings), converters(STRING)].concat()
}

/// Connect takes `topics` or `topics.regex`, and refuses both.
fn file_sink(connector: &Connector) -> Settings {
    match connector.config.contains_key("topics.regex") {
        true => strings(&[("file", "${out}")]),
        false => strings(&[("topics", "${in}"), ("file", "${out}")]),
    }
}

fn mirror_source(around: &Surroundings<'_>) -> Settings {
    let copies = around.brokers.min(3).to_string();
    let mut settings = owned(&[
        ("source.cluster.bootstrap.servers", "${bootstrap}"),
        ("target.cluster.bootstrap.servers", "${bootstrap}"),
        ("target.cluster.alias", "target"),
        ("topics", "${in}"),
        ("replication.factor", &copies),
        ("offset-syncs.topic.replication.factor", &copies),
        // The brokers of a run have no authorizer to read access rules from.
        ("sync.topic.acls.enabled", "false"),
    ]);
    if let (Some(Medium::Topic(feed)), Medium::Topic(tap)) = (around.before, around.after) {
        // The tap of a transform that renames the topic says nothing of the alias, and MirrorSource must have one.
        let alias = mirror_alias(feed, tap).unwrap_or("src");
        settings.extend(owned(&[("source.cluster.alias", alias)]));
    }
    settings.extend(converters(BYTES));
    settings
}

/// It makes a lane a task.
fn verifiable_source(stream: StreamSpec) -> Settings {
    let per_task = (stream.rate_per_second / u64::from(stream.lanes.max(1))).max(1);
    let mut settings = owned(&[
        ("topic", "${out}"),
        ("throughput", &per_task.to_string()),
        ("key.converter.schemas.enable", "false"),
        ("value.converter.schemas.enable", "false"),
    ]);
    settings.extend(converters(JSON));
    settings
}
