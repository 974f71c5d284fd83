//! A setting in a connector's `config`: would the connector, or Connect on its behalf, read it?

use crate::model::Direction;
use crate::model::settings::{Definition, Reader, definition, names};

use super::super::tree::Node;
use super::client::{self, CLIENTS, OVERRIDES};
use super::near::Patience;
use super::release::Release;
use super::said::{self, Said};

/// What converters, transforms and topics are given by, whatever the connector: any name may follow.
const OPEN: [&str; 8] = [
    "transforms.",
    "predicates.",
    "topic.creation.",
    "key.converter.",
    "value.converter.",
    "header.converter.",
    "config.providers.",
    "metrics.context.",
];

/// What `MirrorConnectorConfig` hands to its clients, filters and policies.
const OF_MIRRORS: [&str; 9] = [
    "source.",
    "target.",
    "consumer.",
    "producer.",
    "admin.",
    "topic.filter.",
    "config.property.filter.",
    "replication.policy.",
    "forwarding.admin.",
];

/// Names that no connector has for something of its own.
const OF_WORKERS_ALONE: [&str; 14] = [
    "config.storage.",
    "connect.protocol",
    "connector.client.config.override.",
    "exactly.once.source.support",
    "inter.worker.",
    "offset.flush.",
    "offset.storage.",
    "plugin.discovery",
    "plugin.path",
    "rebalance.timeout.ms",
    "scheduled.rebalance.",
    "status.storage.",
    "task.shutdown.graceful.timeout.ms",
    "topic.tracking.",
];

/// A connector as far as it matters to its settings.
pub(super) struct Subject {
    release: Release,
    class: String,
    /// Its own definitions, where it is one of Kafka's connectors whose definitions are known.
    own: Option<Reader>,
    /// What Connect reads on its behalf.
    common: Vec<Reader>,
}

impl Subject {
    pub(super) fn new(class: &str, direction: Option<Direction>, release: Release) -> Self {
        let short = class.rsplit('.').next().unwrap_or(class);
        let is_kafkas = short == class || class.starts_with("org.apache.kafka.connect.");
        let own = match short.strip_suffix("Connector").unwrap_or(short) {
            "MirrorSource" => Some(Reader::MirrorSource),
            "FileStreamSource" => Some(Reader::FileStreamSource),
            "FileStreamSink" => Some(Reader::FileStreamSink),
            _ => None,
        };
        Self {
            release,
            class: short.to_owned(),
            own: own.filter(|_| is_kafkas),
            common: match direction {
                Some(Direction::Source) => vec![Reader::Source],
                Some(Direction::Sink) => vec![Reader::Sink],
                None => vec![Reader::Source, Reader::Sink],
            },
        }
    }

    /// Whether converters are filled in where it names none, see `wiring`.
    pub(super) fn gets_converters(&self) -> bool {
        let short = self.class.strip_suffix("Connector").unwrap_or(&self.class);
        matches!(
            short,
            "FileStreamSink" | "FileStreamSource" | "MirrorSource" | "VerifiableSource"
        )
    }

    /// Whether Connect itself reads the setting, or a client of the tasks.
    pub(super) fn is_connects(&self, name: &str) -> bool {
        let is_override = OVERRIDES.iter().any(|(prefix, _)| name.starts_with(prefix));
        is_override || self.defined(name).is_some()
    }

    fn readers(&self) -> impl Iterator<Item = Reader> {
        self.own.into_iter().chain(self.common.iter().copied())
    }

    fn defined(&self, name: &str) -> Option<Definition> {
        let version = self.release.version;
        self.readers()
            .find_map(|reader| definition(reader, name, version))
    }

    fn is_mirror(&self) -> bool {
        self.own == Some(Reader::MirrorSource)
    }

    fn is_sink(&self) -> bool {
        self.common == [Reader::Sink]
    }

    fn is_source(&self) -> bool {
        self.common == [Reader::Source]
    }

    /// What is said against a setting of this name; `config` are all settings of the connector.
    pub(super) fn of(&self, name: &str, config: &Node, patience: &mut Patience) -> Option<Said> {
        if self.defined(name).is_some() {
            return None;
        }
        let prefix = OVERRIDES
            .iter()
            .find(|(prefix, _)| name.starts_with(prefix));
        if let Some((prefix, reader)) = prefix {
            let unknown = client::of(name, &OVERRIDES, prefix, *reader, self.release, patience);
            return unknown.or_else(|| self.of_unused_client(name, *reader, config));
        }
        if let Some(said) = self.of_other_direction(name) {
            return Some(said);
        }
        let is_open =
            OPEN.iter().any(|prefix| name.starts_with(prefix)) && name != "topic.creation.enable";
        let is_mirrors = || OF_MIRRORS.iter().any(|prefix| name.starts_with(prefix));
        if is_open || self.is_mirror() && is_mirrors() {
            return None;
        }
        if self.release.is_certain {
            let other = self
                .readers()
                .find_map(|reader| said::of_other_release(reader, name, self.release));
            if other.is_some() {
                return other;
            }
        }
        self.of_worker(name)
            .or_else(|| self.of_client(name))
            .or_else(|| self.slip(name, patience))
            .or_else(|| self.unknown(name))
    }

    /// Why Connect would not take this value; the number of tasks is looked at elsewhere.
    pub(super) fn refuses(&self, name: &str, value: &str) -> Option<Said> {
        let inner = || {
            let (prefix, reader) = OVERRIDES.iter().find(|(p, _)| name.starts_with(p))?;
            definition(*reader, name.strip_prefix(prefix)?, self.release.version)
        };
        let found = self.defined(name).or_else(inner)?;
        said::refused(name, value, found).filter(|_| name != "tasks.max")
    }

    /// A sink's producer only writes what fails, and a source has a consumer for its offsets alone.
    fn of_unused_client(&self, name: &str, reader: Reader, config: &Node) -> Option<Said> {
        let has_dead_letters = || config.get("errors.deadletterqueue.topic.name").is_some();
        let (what, help) = match reader {
            Reader::Consumer if self.is_source() => (
                "a source's tasks have no consumer",
                "Connect's own consumer of its offsets may read it",
            ),
            Reader::Producer if self.is_sink() && !has_dead_letters() => (
                "a sink's tasks have no producer",
                "a producer is there with `errors.deadletterqueue.topic.name` only",
            ),
            _ => return None,
        };
        Some(Said::new(
            false,
            format!("`{name}` may have no effect: {what}"),
            help,
        ))
    }

    fn of_other_direction(&self, name: &str) -> Option<Said> {
        let version = self.release.version;
        let defined = |reader| definition(reader, name, version).is_some();
        let creates = name.starts_with("topic.creation.") && name != "topic.creation.enable";
        let what = if self.is_sink() && (defined(Reader::Source) || creates) {
            "a source's setting: a sink ignores it"
        } else if self.is_source() && name.starts_with("errors.deadletterqueue.") {
            "a sink's setting: a source ignores it"
        } else {
            return None;
        };
        let is_certain = self.own.is_some();
        Some(Said::new(
            is_certain,
            format!("`{name}` is {what}"),
            "take it out",
        ))
    }

    fn of_worker(&self, name: &str) -> Option<Said> {
        let alone = name == "topic.creation.enable"
            || OF_WORKERS_ALONE
                .iter()
                .any(|known| match known.ends_with('.') {
                    true => name.starts_with(known),
                    false => name == *known,
                });
        let version = self.release.version;
        definition(Reader::Worker, name, version)?;
        let client = client::owner(name, self.release);
        if !alone && (self.own.is_none() || client.is_some()) {
            return None;
        }
        let message = format!("`{name}` is a worker's setting: a connector ignores it");
        let help = "move it to `connect.config`, where it holds for all connectors";
        Some(Said::new(true, message, help))
    }

    /// `consumer.max.poll.records`, or `max.poll.records`, where `consumer.override.max.poll.records` was meant.
    fn of_client(&self, name: &str) -> Option<Said> {
        let version = self.release.version;
        let prefixed = CLIENTS.iter().find_map(|(prefix, reader)| {
            let inner = name.strip_prefix(prefix)?;
            definition(*reader, inner, version)?;
            Some((*prefix, inner))
        });
        let wants = match self.is_sink() {
            true => Reader::Consumer,
            false => Reader::Producer,
        };
        let preferred = || {
            definition(wants, name, version)?;
            CLIENTS.iter().find(|(_, reader)| *reader == wants)
        };
        let bare = || {
            self.own?;
            let (prefix, _) = preferred()
                .copied()
                .or_else(|| client::owner(name, self.release))?;
            Some((prefix, name))
        };
        let (prefix, inner) = prefixed.or_else(bare)?;
        let message = format!("`{name}` has no effect in a connector");
        let help = match definition(Reader::Worker, name, version) {
            Some(_) => format!(
                "write `{prefix}override.{inner}`, or `{name}` under `connect.config` for the workers"
            ),
            None => format!("write `{prefix}override.{inner}`"),
        };
        let message = match self.own {
            Some(_) => message,
            None => format!("{message}, unless {} reads it", self.class),
        };
        Some(Said::new(self.own.is_some(), message, help))
    }

    fn slip(&self, name: &str, patience: &mut Patience) -> Option<Said> {
        let version = self.release.version;
        let own = self
            .readers()
            .flat_map(|reader| names(reader, version).map(|name| ("", name)));
        let overrides = OVERRIDES
            .iter()
            .flat_map(|(prefix, reader)| names(*reader, version).map(|name| (*prefix, name)));
        let workers = names(Reader::Worker, version)
            .filter(|name| OF_WORKERS_ALONE.iter().any(|known| name.starts_with(known)))
            .map(|name| ("", name));
        let near = patience.nearest(name, own.chain(overrides).chain(workers))?;
        let is_certain = self.own.is_some() && near.is_slip;
        let message = match is_certain {
            true => format!("`{name}` is no setting of a connector"),
            false => format!("`{name}` is no setting that Connect knows"),
        };
        Some(Said::new(
            is_certain,
            message,
            format!("did you mean `{}`?", near.name),
        ))
    }

    /// Kafka's own connectors have nothing but what they define.
    fn unknown(&self, name: &str) -> Option<Said> {
        self.own?;
        let message = format!("{} does not know `{name}`", self.class);
        Some(Said::new(false, message, "it has no effect: take it out"))
    }
}
