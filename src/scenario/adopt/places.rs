//! The places around a connector of somebody's, as far as its class and its settings tell them.

use crate::model::{Connector, Direction};

use super::super::topic_names;
use super::connector::{self, Posted, plain_name};
use super::notes::Notes;
use super::value::Setting;

/// A feed or tap: `topic` or `file`, and its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) kind: &'static str,
    pub(super) name: String,
}

/// A connector between its places.
#[derive(Debug)]
pub(super) struct Leg {
    pub(super) name: String,
    pub(super) direction: Option<Direction>,
    pub(super) settings: Vec<Setting>,
    /// Nothing before a source that makes its own records.
    pub(super) feed: Option<Place>,
    pub(super) tap: Place,
    /// Whether repeats and offsets can be judged without being told where its offsets name records.
    pub(super) offsets_known: bool,
}

/// A connector for a worker's file that comes alone: Kafka's own MirrorSource.
pub(super) fn usual() -> Leg {
    Leg {
        name: "mirror".to_owned(),
        direction: None,
        settings: vec![
            Setting::new("connector.class", "MirrorSourceConnector"),
            Setting::new("tasks.max", "3"),
        ],
        feed: Some(topic("orders")),
        tap: topic("src.orders"),
        offsets_known: true,
    }
}

/// The connector with places that fit it, its settings pointing at them.
pub(super) fn of(mut posted: Posted, file: &str, notes: &mut Notes) -> Leg {
    connector::fit(&mut posted, file, notes);
    let class = posted.known.clone();
    let mut settings = Settings {
        all: posted.settings,
        notes,
    };
    let (direction, feed, tap) = if class.is_class("MirrorSource") {
        let (feed, tap) = mirror(&mut settings);
        (None, Some(feed), tap)
    } else if class.is_class("VerifiableSource") {
        (None, None, settings.written_topic(&posted.name))
    } else {
        let direction = posted.direction.unwrap_or_else(|| settings.direction());
        let told = posted.direction.is_none().then_some(direction);
        let (feed, tap) = match direction {
            Direction::Source => source(&class, &posted.name, &mut settings),
            Direction::Sink => sink(&class, &posted.name, &mut settings),
        };
        (told, Some(feed), tap)
    };
    let offsets_known =
        is_kafkas_own(&class) || direction.or(posted.direction) == Some(Direction::Sink);
    Leg {
        name: posted.name,
        direction,
        settings: settings.all,
        feed,
        tap,
        offsets_known,
    }
}

fn is_kafkas_own(class: &Connector) -> bool {
    [
        "MirrorSource",
        "VerifiableSource",
        "FileStreamSource",
        "FileStreamSink",
    ]
    .iter()
    .any(|name| class.is_class(name))
}

fn topic(name: &str) -> Place {
    Place {
        kind: "topic",
        name: name.to_owned(),
    }
}

fn file(name: &str) -> Place {
    Place {
        kind: "file",
        name: name.to_owned(),
    }
}

/// `DefaultReplicationPolicy`: alias, dot, topic.
fn mirror(settings: &mut Settings<'_>) -> (Place, Place) {
    let feed = settings.read_topic();
    let alias = settings.value("source.cluster.alias").unwrap_or("src");
    let written = format!("{}.{}", plain_name(alias, "src"), feed.name);
    let all = settings.all.iter();
    let config = all.map(|setting| (setting.name.clone(), setting.value.clone()));
    let renamed = topic_names::renamed(&config.collect(), &written);
    let tap = renamed.filter(|name| plain_name(name, "") == *name && !name.is_empty());
    (feed, topic(&tap.unwrap_or(written)))
}

fn source(class: &Connector, name: &str, settings: &mut Settings<'_>) -> (Place, Place) {
    let feed = if class.is_class("FileStreamSource") {
        settings.own_file("in.txt")
    } else {
        settings.notes.say(format!(
            "Squall does not know what `{name}` reads. The feed is a file: put \"${{in}}\" where the configuration names the file \
             that it reads. A source that makes its own records has no feed: see docs/scenarios.md"
        ));
        file("in.txt")
    };
    let tap = settings.written_topic(name);
    (feed, tap)
}

fn sink(class: &Connector, name: &str, settings: &mut Settings<'_>) -> (Place, Place) {
    let feed = settings.read_topic();
    let otherwise = format!("{name}.txt");
    let tap = if class.is_class("FileStreamSink") {
        settings.own_file(&otherwise)
    } else {
        settings.notes.say(format!(
            "Squall does not know where `{name}` writes. The tap is a file: put \"${{out}}\" where the configuration names the file \
             that it writes; a topic can be a tap too, another place cannot"
        ));
        file(&otherwise)
    };
    (feed, tap)
}

/// The connector's settings while they are pointed at the places of the route.
struct Settings<'n> {
    all: Vec<Setting>,
    notes: &'n mut Notes,
}

impl Settings<'_> {
    fn value(&self, name: &str) -> Option<&str> {
        let setting = self.all.iter().find(|setting| setting.name == name)?;
        Some(setting.value.as_str()).filter(|value| !value.trim().is_empty())
    }

    fn take(&mut self, name: &str) -> Option<String> {
        let at = self.all.iter().position(|setting| setting.name == name)?;
        Some(self.all.remove(at).value)
    }

    /// A connector that reads topics is a sink, whatever its class is called.
    fn direction(&mut self) -> Direction {
        let reads = self.value("topics").or_else(|| self.value("topics.regex"));
        let (direction, word) = match reads {
            Some(_) => (Direction::Sink, "sink"),
            None => (Direction::Source, "source"),
        };
        self.notes.say(format!(
            "its class does not say whether it is a source or a sink; it looks like a {word}: see `direction`"
        ));
        direction
    }

    /// The first topic that it reads is the feed; Squall feeds one.
    fn read_topic(&mut self) -> Place {
        let listed = self.take("topics").unwrap_or_default();
        let pattern = self.take("topics.regex");
        let names: Vec<&str> = listed.split(',').map(str::trim).collect();
        let is_name = |name: &&&str| plain_name(name, "") == **name && !name.is_empty();
        let first = names.iter().find(is_name).copied().unwrap_or("orders");
        if pattern.is_some() || names != [first] {
            self.notes.say(format!(
                "`topics` is \"${{in}}\" now, the feed, which is called {first}: a route feeds one topic"
            ));
        }
        self.all.push(Setting::new("topics", "${in}"));
        topic(first)
    }

    /// The topic that a source writes is the tap.
    fn written_topic(&mut self, name: &str) -> Place {
        let known = ["topic", "kafka.topic", "topic.name"];
        let key = known.iter().find(|key| self.value(key).is_some());
        let Some(key) = key else {
            self.notes.say(format!(
                "no setting names the topic that it writes: the tap is called {name}; call it what the connector does, or \
                 put \"${{out}}\" where the configuration names the topic"
            ));
            return topic(name);
        };
        let given = self.value(key).unwrap_or_default().to_owned();
        let place = topic(&plain_name(&given, name));
        for setting in &mut self.all {
            if setting.name == *key {
                setting.value = "${out}".to_owned();
            }
        }
        place
    }

    /// The file of one of Kafka's file connectors, which the route names.
    fn own_file(&mut self, otherwise: &str) -> Place {
        let given = self.take("file").unwrap_or_default();
        let base = given.rsplit('/').next().unwrap_or_default();
        if given.contains('/') {
            let name = plain_name(base, otherwise);
            self.notes.say(format!(
                "`file` follows from the route now: {name} in the run folder"
            ));
        }
        file(&plain_name(base, otherwise))
    }
}
