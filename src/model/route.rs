//! The way of the records through a cluster: a feed (or a source that makes its own sequence), connectors, and taps.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ConnectorName, PlaceName};

/// What holds the records at a place.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Medium {
    /// A Kafka topic of this name.
    Topic(String),
    /// A file of this name in the run's shared folder.
    File(String),
}

/// How lane and sequence number are read from what arrives at a tap.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Decode {
    /// The record is Squall's own line.
    Line,
    /// The source made the record: lane and sequence number stand at these JSON pointers (RFC 6901).
    Pointers {
        /// Where the lane stands.
        lane: Decoded,
        /// Where the sequence number stands.
        sequence: Decoded,
    },
}

/// A JSON pointer into a record's key or value.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Decoded {
    /// Into the key.
    Key(String),
    /// Into the value.
    Value(String),
}

/// A feed or a tap.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Place {
    /// Its name: that of the topic or file.
    pub name: PlaceName,
    /// What holds the records.
    pub medium: Medium,
    /// Partitions, where it is a topic that Squall makes.
    pub partitions: u32,
    /// How its records are read.
    pub decode: Decode,
    /// How long nothing may arrive here although all is well, in milliseconds, where the scenario says so: the connector
    /// writes in batches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silent_for_ms: Option<u64>,
}

/// Which way a connector moves records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Direction {
    /// Into Kafka.
    Source,
    /// Out of Kafka.
    Sink,
}

/// Which record a committed sequence number names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum SequenceNames {
    /// The last one that was sent.
    LastSent,
    /// The next one to send.
    NextToSend,
}

/// How a connector's committed offsets name records of its input.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum OffsetMapping {
    /// `{"cluster","partition","topic"}` → `{"offset"}`: the offset of the last upstream record that was sent (`MirrorSourceTask`).
    MirrorSource,
    /// `{"filename"}` → `{"position"}`: characters already read, so the next to read (`FileStreamSourceTask`); ASCII makes them bytes.
    FileStreamSource,
    /// The offset holds a sequence number of a lane at JSON pointers given in the scenario.
    Pointers {
        /// Pointer into the source partition that gives the lane; without it the partition speaks for lane 0.
        lane: Option<String>,
        /// Pointer into the source offset that gives the sequence number.
        sequence: String,
        /// Which record that number names.
        names: SequenceNames,
    },
    /// The consumer group's committed offsets: next to read, of the input topic.
    SinkGroup,
    /// They cannot be mapped; checks that need them say *not measurable here*.
    NotMeasurable,
}

/// A connector of the route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Connector {
    /// Its name.
    pub name: ConnectorName,
    /// Which way it moves records.
    pub direction: Direction,
    /// Its configuration, `${…}` not yet replaced.
    pub config: BTreeMap<String, String>,
    /// How its offsets are read.
    pub offsets: OffsetMapping,
    /// What Connect says that settings of `config` are which a configuration provider gives, once it was asked.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub told: BTreeMap<String, String>,
}

/// Whether a setting stands in no file of ours: a configuration provider gives it (`${file:…}`), or `${…}` is still to be
/// replaced.
pub fn is_provided(value: &str) -> bool {
    value.contains("${")
}

impl Connector {
    /// A setting as Connect has said that it is, else as it was written.
    pub fn setting(&self, name: &str) -> Option<&str> {
        let said = self.told.get(name).or_else(|| self.config.get(name));
        said.map(String::as_str)
    }

    /// `tasks.max` of the configuration; Connect's own default is 1.
    pub fn tasks_max(&self) -> u32 {
        self.setting("tasks.max")
            .and_then(|text| text.trim().parse().ok())
            .unwrap_or(1)
    }

    /// Whether a configuration provider gives `tasks.max` (`${file:…}`): then only the running connector knows its tasks.
    pub fn tasks_are_provided(&self) -> bool {
        self.setting("tasks.max").is_some_and(is_provided)
    }

    /// Whether this is one of Kafka's own classes, by its full or its short name (with or without `Connector`).
    pub fn is_class(&self, simple_name: &str) -> bool {
        let class = self
            .config
            .get("connector.class")
            .map_or("", String::as_str);
        let short = class.rsplit('.').next().unwrap_or(class);
        short.strip_suffix("Connector").unwrap_or(short)
            == simple_name.strip_suffix("Connector").unwrap_or(simple_name)
    }

    /// The consumer group that a sink commits in, on workers with these settings.
    pub fn sink_group(&self, workers: &BTreeMap<String, String>) -> String {
        group_of_sink(
            &self.name,
            self.setting("consumer.override.group.id"),
            workers,
        )
    }
}

/// The consumer group that a sink of this name and configuration commits in: `connect-<name>` unless
/// `consumer.override.group.id`, or the workers' `consumer.group.id`, says otherwise (`Worker.baseConsumerConfigs`).
pub fn sink_group(
    name: &ConnectorName,
    config: &BTreeMap<String, String>,
    workers: &BTreeMap<String, String>,
) -> String {
    let own = config.get("consumer.override.group.id");
    group_of_sink(name, own.map(String::as_str), workers)
}

fn group_of_sink(
    name: &ConnectorName,
    own: Option<&str>,
    workers: &BTreeMap<String, String>,
) -> String {
    let of_workers = || workers.get("consumer.group.id").map(String::as_str);
    match own.or_else(of_workers) {
        Some(group) => group.to_owned(),
        None => format!("connect-{name}"),
    }
}

/// Where the records of a route come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Origin {
    /// Squall writes the stream here.
    Feed(Place),
    /// The first connector makes its own sequences, one a lane, contiguous from 0.
    Generated,
}

/// A checked route: an origin, then one or two legs of connector and tap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Route {
    /// Where the records come from.
    pub origin: Origin,
    /// Each connector with the tap behind it, in the way of the records; never empty.
    pub legs: Vec<(Connector, Place)>,
}

impl Route {
    /// The feed, where Squall writes the stream itself.
    pub fn feed(&self) -> Option<&Place> {
        match &self.origin {
            Origin::Feed(place) => Some(place),
            Origin::Generated => None,
        }
    }

    /// The taps in the way of the records.
    pub fn taps(&self) -> impl Iterator<Item = &Place> {
        self.legs.iter().map(|(_, tap)| tap)
    }

    /// The longest silence, in milliseconds, that the scenario allows any tap; 0 where it speaks of none.
    pub fn longest_said_silence_ms(&self) -> u64 {
        let said = self.taps().filter_map(|tap| tap.silent_for_ms);
        said.max().unwrap_or(0)
    }

    /// The connectors in the way of the records.
    pub fn connectors(&self) -> impl Iterator<Item = &Connector> {
        self.legs.iter().map(|(connector, _)| connector)
    }

    /// Feed and taps in the way of the records.
    pub fn places(&self) -> impl Iterator<Item = &Place> {
        self.feed().into_iter().chain(self.taps())
    }

    /// The place that leg `index` reads from; `None` for a source that makes its own sequence.
    pub fn input_of(&self, index: usize) -> Option<&Place> {
        match index.checked_sub(1) {
            None => self.feed(),
            Some(before) => self.legs.get(before).map(|(_, tap)| tap),
        }
    }
}
