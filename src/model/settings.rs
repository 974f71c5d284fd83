//! What each release of Kafka Connect defines for a setting: where it belongs, its type, its default and what is valid.
//!
//! `settings.tsv` is made by `tests/settings/collect` from Kafka's own classes. Each line is a definition that holds for a
//! stretch of releases: place, name, first release, first release without it, type, default, and words or a range.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use super::KafkaVersion;

const TABLE: &str = include_str!("settings.tsv");

/// The oldest release of the table. Only a cluster of somebody else can have an older one; these define the same, but for
/// [`BEFORE_THE_OLDEST`].
const OLDEST: KafkaVersion = KafkaVersion::new(3, 0, 0);

/// Defaults that came with the oldest release, as they were before (KIP-722, KIP-735).
const BEFORE_THE_OLDEST: [(Reader, &str, &str); 2] = [
    (
        Reader::Worker,
        "connector.client.config.override.policy",
        "None",
    ),
    (Reader::Consumer, "session.timeout.ms", "10000"),
];

/// Who reads a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reader {
    /// A worker (`DistributedConfig`).
    Worker,
    /// Connect on behalf of any source connector (`SourceConnectorConfig`).
    Source,
    /// Connect on behalf of any sink connector (`SinkConnectorConfig`).
    Sink,
    /// `MirrorSourceConnector`.
    MirrorSource,
    /// `FileStreamSourceConnector`.
    FileStreamSource,
    /// `FileStreamSinkConnector`.
    FileStreamSink,
    /// A consumer.
    Consumer,
    /// A producer.
    Producer,
    /// An admin client.
    Admin,
}

impl Reader {
    fn of(place: &str) -> Option<Self> {
        Some(match place {
            "worker" => Self::Worker,
            "source" => Self::Source,
            "sink" => Self::Sink,
            "mirror-source" => Self::MirrorSource,
            "file-stream-source" => Self::FileStreamSource,
            "file-stream-sink" => Self::FileStreamSink,
            "consumer" => Self::Consumer,
            "producer" => Self::Producer,
            "admin" => Self::Admin,
            _ => return None,
        })
    }
}

/// What a release says about a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Definition {
    kind: &'static str,
    default: &'static str,
    valid: &'static str,
}

impl Definition {
    /// What it is when it is not set; `None` where there is no default.
    pub fn default(&self) -> Option<&'static str> {
        (!matches!(self.default, "-" | "!")).then_some(self.default)
    }

    /// Why Kafka would not take this value, as what it expects; `None` where it may take it.
    pub fn expected_instead_of(&self, value: &str) -> Option<String> {
        let value = value.trim();
        match self.kind {
            "boolean" => {
                let is_truth = ["true", "false"]
                    .iter()
                    .any(|truth| value.eq_ignore_ascii_case(truth));
                (!is_truth).then(|| "write `true` or `false`".to_owned())
            }
            "short" | "int" | "long" => self.whole_instead_of(value),
            "string" if self.valid != "-" => {
                let words: Vec<&str> = self.valid.split('|').collect();
                let is_one = words.iter().any(|word| value.eq_ignore_ascii_case(word));
                (!is_one).then(|| {
                    let words: Vec<String> = words
                        .iter()
                        .map(|word| format!("`{}`", word.to_ascii_lowercase()))
                        .collect();
                    format!("Connect takes {}", words.join(", "))
                })
            }
            _ => None,
        }
    }

    fn whole_instead_of(&self, value: &str) -> Option<String> {
        let (least, most) = self.range();
        let number = value.parse::<i64>().ok();
        if number.is_some_and(|number| (least..=most).contains(&number)) {
            return None;
        }
        Some(match (number, least) {
            (Some(number), _) if number > most => format!("write at most {most}"),
            (Some(_), _) => format!("write at least {least}"),
            (None, _) => "write a whole number".to_owned(),
        })
    }

    fn range(&self) -> (i64, i64) {
        let (lowest, highest) = match self.kind {
            "short" => (i64::from(i16::MIN), i64::from(i16::MAX)),
            "int" => (i64::from(i32::MIN), i64::from(i32::MAX)),
            _ => (i64::MIN, i64::MAX),
        };
        let mut ends = self.valid.split(",...").map(|end| {
            let end = end.trim_start_matches(',');
            end.parse::<i64>().ok()
        });
        let mut end = || ends.next().flatten();
        (end().unwrap_or(lowest), end().unwrap_or(highest))
    }

    /// Whether it is a whole number.
    pub fn is_whole(&self) -> bool {
        matches!(self.kind, "short" | "int" | "long")
    }
}

/// A definition with the releases that have it.
#[derive(Debug, Clone, Copy)]
struct Row {
    since: KafkaVersion,
    gone: Option<KafkaVersion>,
    definition: Definition,
}

impl Row {
    fn read(line: &'static str) -> Option<(Reader, &'static str, Self)> {
        let cells: Vec<&'static str> = line.split('\t').collect();
        let [place, name, since, gone, kind, default, valid] = cells.try_into().ok()?;
        let row = Self {
            since: release(since)?,
            gone: match gone {
                "-" => None,
                gone => Some(release(gone)?),
            },
            definition: Definition {
                kind,
                default,
                valid,
            },
        };
        Some((Reader::of(place)?, name, row))
    }

    fn is_in(&self, version: KafkaVersion) -> bool {
        let version = version.max(OLDEST);
        version >= self.since && self.gone.is_none_or(|gone| version < gone)
    }
}

fn release(text: &str) -> Option<KafkaVersion> {
    let (major, minor) = text.split_once('.')?;
    Some(KafkaVersion::new(
        major.parse().ok()?,
        minor.parse().ok()?,
        0,
    ))
}

type Rows = BTreeMap<(Reader, &'static str), Vec<Row>>;

fn rows() -> &'static Rows {
    static ROWS: OnceLock<Rows> = OnceLock::new();
    ROWS.get_or_init(|| {
        let mut rows = Rows::new();
        for (reader, name, row) in TABLE.lines().filter_map(Row::read) {
            rows.entry((reader, name)).or_default().push(row);
        }
        rows
    })
}

/// What this release defines for this reader under this name.
pub fn definition(reader: Reader, name: &str, version: KafkaVersion) -> Option<Definition> {
    let rows = rows().get(&(reader, name))?;
    let row = rows.iter().find(|row| row.is_in(version))?;
    let mut before = BEFORE_THE_OLDEST.iter().filter(|_| version < OLDEST);
    let old = before.find(|(whose, old, _)| (*whose, *old) == (reader, name));
    Some(Definition {
        default: old.map_or(row.definition.default, |(_, _, default)| default),
        ..row.definition
    })
}

/// The releases that have a setting: the first one (the oldest that the table knows where it is older), and the first
/// without it again. `None` where no release has it.
pub fn releases(reader: Reader, name: &str) -> Option<(KafkaVersion, Option<KafkaVersion>)> {
    let rows = rows().get(&(reader, name))?;
    Some((rows.first()?.since, rows.last()?.gone))
}

/// Every name that this release defines for this reader.
pub fn names(reader: Reader, version: KafkaVersion) -> impl Iterator<Item = &'static str> {
    rows()
        .iter()
        .filter(move |((whose, _), rows)| {
            *whose == reader && rows.iter().any(|row| row.is_in(version))
        })
        .map(|((_, name), _)| *name)
}

/// What plugins read, by the words that stand before it: only the plugin knows what it means.
pub const OF_PLUGINS: [&str; 6] = [
    "config.providers.",
    "key.converter.",
    "value.converter.",
    "header.converter.",
    "metrics.context.",
    "listener.name.",
];

/// Settings of the topics that workers make for themselves, and of HTTPS: any topic setting may follow (KIP-605).
pub const OF_WORKERS_TOPICS: [&str; 5] = [
    "config.storage.",
    "offset.storage.",
    "status.storage.",
    "listeners.https.",
    "admin.listeners.https.",
];

/// Whether a worker of this release, one of its tasks' clients or a plugin that is given to it reads a setting.
pub fn is_read_by_workers(version: KafkaVersion, name: &str) -> bool {
    let starts = |prefix: &&str| name.starts_with(prefix);
    let client = || {
        let (reader, inner) = client_setting(name)?;
        definition(reader, inner, version)
    };
    definition(Reader::Worker, name, version).is_some()
        || OF_PLUGINS.iter().any(starts)
        || OF_WORKERS_TOPICS.iter().any(starts)
        || client().is_some()
}

/// What a worker sets for the clients of its tasks before the user's own settings (`Worker.baseConsumerConfigs` and
/// `Worker.baseProducerConfigs`); the same in all releases but for the idempotence.
const SET_BY_WORKERS: [(Reader, &str, &str); 7] = [
    (Reader::Consumer, "auto.offset.reset", "earliest"),
    (Reader::Consumer, "enable.auto.commit", "false"),
    (Reader::Producer, "acks", "all"),
    (Reader::Producer, "delivery.timeout.ms", "2147483647"),
    (Reader::Producer, "enable.idempotence", "false"),
    (Reader::Producer, "max.block.ms", "9223372036854775807"),
    (
        Reader::Producer,
        "max.in.flight.requests.per.connection",
        "1",
    ),
];

/// 3.0.0, 3.0.1 and 3.1.0 leave the idempotence to the client's own changing default (KAFKA-13598).
const IDEMPOTENCE_OF_THE_CLIENT: [KafkaVersion; 3] = [
    KafkaVersion::new(3, 0, 0),
    KafkaVersion::new(3, 0, 1),
    KafkaVersion::new(3, 1, 0),
];

/// What a worker of this release takes for a worker setting that is not set; `consumer.`, `producer.` and `admin.`
/// settings are those of its tasks' clients. `None` where there is no default.
pub fn worker_default(version: KafkaVersion, name: &str) -> Option<&'static str> {
    if let Some(own) = definition(Reader::Worker, name, version) {
        return own.default();
    }
    let (reader, inner) = client_setting(name)?;
    let set = SET_BY_WORKERS
        .iter()
        .find(|(whose, set, _)| *whose == reader && *set == inner)
        .filter(|_| inner != "enable.idempotence" || !IDEMPOTENCE_OF_THE_CLIENT.contains(&version));
    match set {
        Some((_, _, value)) => Some(value),
        None => definition(reader, inner, version)?.default(),
    }
}

/// The client that a worker setting is for, and what it is there: `consumer.session.timeout.ms` is `session.timeout.ms`
/// of a consumer.
pub fn client_setting(name: &str) -> Option<(Reader, &str)> {
    let (client, inner) = name.split_once('.')?;
    let reader = match client {
        "consumer" => Reader::Consumer,
        "producer" => Reader::Producer,
        "admin" => Reader::Admin,
        _ => return None,
    };
    Some((reader, inner))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> KafkaVersion {
        text.parse().unwrap()
    }

    #[test]
    fn every_line_of_the_table_is_read_and_stretches_of_releases_follow_each_other() {
        for line in TABLE.lines() {
            assert!(Row::read(line).is_some(), "{line:?} was not read");
        }
        for (key, rows) in rows() {
            let fits = |pair: &[Row]| pair[0].gone.is_some_and(|gone| gone <= pair[1].since);
            assert!(rows.windows(2).all(fits), "{key:?}");
        }
    }

    #[test]
    fn defaults_that_changed_are_known_on_both_sides_of_the_change() {
        for (release, name, expected) in [
            ("2.8.2", "consumer.session.timeout.ms", Some("10000")),
            (
                "2.8.2",
                "connector.client.config.override.policy",
                Some("None"),
            ),
            ("2.8.2", "session.timeout.ms", Some("10000")),
            ("2.8.2", "offset.flush.interval.ms", Some("60000")),
            ("2.8.2", "exactly.once.source.support", None),
            (
                "3.0.0",
                "connector.client.config.override.policy",
                Some("All"),
            ),
            ("3.0.0", "consumer.session.timeout.ms", Some("45000")),
            ("3.9.1", "producer.linger.ms", Some("0")),
            ("4.0.0", "producer.linger.ms", Some("5")),
            ("3.5.2", "plugin.discovery", None),
            ("3.6.0", "plugin.discovery", Some("hybrid_warn")),
            ("3.2.3", "exactly.once.source.support", None),
            ("3.3.2", "exactly.once.source.support", Some("disabled")),
            ("4.1.1", "session.timeout.ms", Some("10000")),
            ("4.1.1", "consumer.auto.offset.reset", Some("earliest")),
            ("3.1.1", "producer.enable.idempotence", Some("false")),
            ("3.1.0", "producer.enable.idempotence", Some("true")),
            ("4.1.1", "no.such.setting", None),
            ("4.1.1", "group.id", None),
        ] {
            let found = worker_default(version(release), name);
            assert_eq!(found, expected, "{name} of {release}");
        }
    }

    #[test]
    fn what_connect_refuses_is_known_by_type_words_and_range() {
        let check = |reader, name, value: &str, expected: Option<&str>| {
            let found = definition(reader, name, version("4.1.1")).unwrap();
            let said = found.expected_instead_of(value);
            assert_eq!(said.as_deref(), expected, "{name}={value}");
        };
        let words = "Connect takes `eager`, `compatible`, `sessioned`";
        check(
            Reader::Worker,
            "connect.protocol",
            "cooperative",
            Some(words),
        );
        check(Reader::Worker, "connect.protocol", "Sessioned", None);
        check(
            Reader::Worker,
            "topic.creation.enable",
            "yes",
            Some("write `true` or `false`"),
        );
        check(
            Reader::Worker,
            "offset.flush.interval.ms",
            "1s",
            Some("write a whole number"),
        );
        check(Reader::Worker, "offset.flush.interval.ms", " 1000 ", None);
        let delay = "scheduled.rebalance.max.delay.ms";
        check(Reader::Worker, delay, "-1", Some("write at least 0"));
        check(
            Reader::Worker,
            delay,
            "99999999999",
            Some("write at most 2147483647"),
        );
        check(
            Reader::Consumer,
            "auto.offset.reset",
            "by_duration:PT1H",
            None,
        );
        check(Reader::Source, "tasks.max", "0", Some("write at least 1"));
    }
}
