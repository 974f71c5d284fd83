//! The route of a scenario: are its steps in an order that carries records, and does each say what it must?

use std::collections::BTreeMap;

use crate::model::{
    Connector, ConnectorName, Direction, Medium, OffsetMapping, Origin, Place, PlaceName, Route,
};

use super::draft::{ConnectorDraft, PlaceDraft, settings};
use super::leg;
use super::mistake::{Collector, Span};
use super::shape;
use super::tree::{Entry, Node};
use super::value::StreamSpec;

enum Step<'n> {
    Feed(Option<PlaceDraft<'n>>),
    Connector(Option<ConnectorDraft<'n>>),
    Tap(Option<PlaceDraft<'n>>),
}

/// What was read of a route.
pub(super) struct Reading {
    /// The route, where no mistake stands in its way.
    pub(super) route: Option<Route>,
    /// All connectors that have a name, in a route or not.
    pub(super) connectors: Vec<Connector>,
    /// The lanes of the stream: as given, or what fits this route.
    pub(super) lanes: u32,
}

/// Reads the route; `lanes` is what the scenario says about them.
pub(super) fn read(
    list: &Node,
    lanes: Option<u32>,
    stream: StreamSpec,
    brokers: u32,
    mistakes: &mut Collector<'_>,
) -> Reading {
    let entries: Vec<&Entry> = list
        .items()
        .iter()
        .filter_map(|step| step.entries().first())
        .collect();
    let steps: Vec<Step<'_>> = entries
        .iter()
        .filter_map(|entry| read_step(entry, mistakes))
        .collect();
    let whole = steps.len() == list.items().len();
    let in_order = whole && check_order(&entries, mistakes);
    check_names(&steps, mistakes);
    let lanes = lanes.unwrap_or_else(|| default_lanes(&steps, stream.lanes, mistakes));
    let stream = StreamSpec { lanes, ..stream };
    let connectors = steps
        .iter()
        .filter_map(|step| match step {
            Step::Connector(Some(draft)) => Some(draft.connector.clone()),
            Step::Connector(None) | Step::Feed(_) | Step::Tap(_) => None,
        })
        .collect();
    let route = if in_order {
        assemble(&steps, stream, brokers, mistakes)
    } else {
        None
    };
    Reading {
        route,
        connectors,
        lanes,
    }
}

fn read_step<'n>(entry: &'n Entry, mistakes: &mut Collector<'_>) -> Option<Step<'n>> {
    match entry.key.as_str() {
        "feed" => Some(Step::Feed(read_place(&entry.value, mistakes))),
        "tap" => Some(Step::Tap(read_place(&entry.value, mistakes))),
        "connector" => Some(Step::Connector(read_connector(&entry.value, mistakes))),
        _ => None,
    }
}

fn read_place<'n>(node: &'n Node, mistakes: &mut Collector<'_>) -> Option<PlaceDraft<'n>> {
    let topic = node.get("topic");
    let at = topic.or_else(|| node.get("file"))?;
    let text = at.text().filter(|_| !at.is_null())?;
    // A topic's name may have 249 characters, a file's 255 on common file systems.
    let name = match PlaceName::new(text) {
        Ok(name) if text.len() <= 249 => name,
        Ok(_) => {
            mistakes.report(at.span, "this name is too long", "at most 249 characters");
            return None;
        }
        Err(error) => {
            let help = "a plain name without folders; files stand in the run's own folder";
            mistakes.report(at.span, error.to_string(), help);
            return None;
        }
    };
    let medium = match topic {
        Some(_) => Medium::Topic(text.to_owned()),
        None => Medium::File(text.to_owned()),
    };
    Some(PlaceDraft {
        node,
        name,
        name_span: at.span,
        medium,
    })
}

/// A connector with its name and configuration; what is wrong in them is reported.
pub(super) fn read_connector<'n>(
    node: &'n Node,
    mistakes: &mut Collector<'_>,
) -> Option<ConnectorDraft<'n>> {
    let name_node = node.get("name")?;
    let name = match ConnectorName::new(name_node.text()?) {
        Ok(name) => Some(name),
        Err(error) => {
            let help = "a short plain name, such as `mirror`";
            mistakes.report(name_node.span, error.to_string(), help);
            None
        }
    };
    let config_entry = node.entry("config")?;
    let config = &config_entry.value;
    let class = config.get("connector.class");
    if class.is_none() && !config.entries().is_empty() {
        let help = "add `connector.class:`, such as `MirrorSourceConnector`";
        mistakes.report(
            config_entry.key_span,
            "`connector.class` is missing in `config`",
            help,
        );
    }
    if let Some(class) = class {
        check_class(class, mistakes);
    }
    let name = name?;
    check_config(&name, config, mistakes);
    let connector = Connector {
        name,
        direction: Direction::Source,
        config: settings(config),
        offsets: OffsetMapping::NotMeasurable,
        told: BTreeMap::new(),
    };
    Some(ConnectorDraft {
        node,
        direction: given_direction(node).or_else(|| direction_of_class(class?.text()?)),
        place: class.map_or(name_node.span, |class| class.span),
        connector,
    })
}

/// The direction that stands beside a connector's name.
pub(super) fn given_direction(connector: &Node) -> Option<Direction> {
    match connector.text_of("direction") {
        Some("source") => Some(Direction::Source),
        Some("sink") => Some(Direction::Sink),
        _ => None,
    }
}

/// Connectors that come with Kafka itself.
const KAFKAS_OWN: [&str; 6] = [
    "FileStreamSink",
    "FileStreamSource",
    "MirrorCheckpoint",
    "MirrorHeartbeat",
    "MirrorSource",
    "VerifiableSource",
];

/// Any class may stand on the plugin path, so only a slip in the name of one of Kafka's own is reported.
fn check_class(class: &Node, mistakes: &mut Collector<'_>) {
    let Some(text) = class.text() else { return };
    let (package, short) = text.rsplit_once('.').unwrap_or(("", text));
    let bare = short.strip_suffix("Connector").unwrap_or(short);
    if let Some((1..=2, own)) = shape::nearest(bare, &KAFKAS_OWN)
        && (package.is_empty() || package.starts_with("org.apache.kafka."))
    {
        let message = format!("no connector class is called `{text}`");
        let help = format!("did you mean `{}`?", text.replace(bare, own));
        mistakes.report(class.span, message, help);
    }
}

fn check_config(name: &ConnectorName, config: &Node, mistakes: &mut Collector<'_>) {
    if let Some(tasks) = config.get("tasks.max")
        && let Some(text) = tasks.text()
        && !text.contains("${")
        && !text.trim().parse::<u32>().is_ok_and(|tasks| tasks >= 1)
    {
        let help = "write a whole number, at least 1";
        mistakes.report(tasks.span, format!("`tasks.max` cannot be `{text}`"), help);
    }
    if let Some(other) = config.get("name")
        && other.text() != Some(name.as_str())
    {
        let help = format!("Connect wants `{name}` here too: leave it out");
        mistakes.report(other.span, "a second name for this connector", help);
    }
}

/// The direction that a class names by its end.
pub(super) fn direction_of_class(class: &str) -> Option<Direction> {
    let short = class.rsplit('.').next().unwrap_or(class);
    let short = short.strip_suffix("Connector").unwrap_or(short);
    if short.ends_with("Source") {
        Some(Direction::Source)
    } else if short.ends_with("Sink") {
        Some(Direction::Sink)
    } else {
        None
    }
}

/// A source that makes its own records has one lane a task, unless the scenario says otherwise.
fn default_lanes(steps: &[Step<'_>], usual: u32, mistakes: &mut Collector<'_>) -> u32 {
    match steps.first() {
        Some(Step::Connector(Some(draft))) => {
            let config = draft.node.get("config");
            if draft.connector.tasks_are_provided()
                && let Some(tasks) = config.and_then(|config| config.get("tasks.max"))
            {
                let message = "nothing here tells how many lanes this source makes";
                let help =
                    "a configuration provider gives `tasks.max`: write `lanes` under `stream`";
                mistakes.report(tasks.span, message, help);
            }
            draft.connector.tasks_max()
        }
        Some(Step::Connector(None) | Step::Feed(_) | Step::Tap(_)) | None => usual,
    }
}

/// Whether the steps stand in the order `[feed] connector tap [connector tap]`; reports each that does not.
fn check_order(entries: &[&Entry], mistakes: &mut Collector<'_>) -> bool {
    let mut fine = true;
    let mut wrong = |span: Span, message: &str, help: &str| {
        mistakes.report(span, message, help);
        fine = false;
    };
    let mut before = "";
    let mut connectors = 0;
    for entry in entries {
        let key = entry.key.as_str();
        connectors += usize::from(key == "connector");
        match (before, key) {
            ("", "tap") => wrong(
                entry.key_span,
                "the route begins with a tap",
                "begin with a feed, or with a source connector that makes its own records",
            ),
            ("" | "feed" | "tap", "connector") if connectors > 2 => wrong(
                entry.key_span,
                "a third connector",
                "a route has one or two connectors",
            ),
            ("", _) | ("feed" | "tap", "connector") | ("connector", "tap") => {}
            (_, "feed") => wrong(
                entry.key_span,
                "a feed behind the beginning of the route",
                "records are fed at the beginning only; what a connector wrote is read at a `tap`",
            ),
            ("connector", _) => wrong(
                entry.key_span,
                "two connectors without a tap between them",
                "put a tap between them: the topic that one writes and the other reads",
            ),
            _ => wrong(
                entry.key_span,
                "a tap without a connector before it",
                "a connector is expected here: it writes what the tap reads",
            ),
        }
        before = key;
    }
    let last = entries.last().filter(|last| last.key != "tap");
    // A feed behind the beginning was reported as such.
    if let Some(last) = last.filter(|last| last.key != "feed" || entries.len() == 1) {
        let help = match last.key.as_str() {
            "feed" => "a connector and a tap are expected behind it",
            _ => "a tap is expected behind it: the topic or file that it writes",
        };
        wrong(
            last.key_span,
            &format!("the route ends with a {}", last.key),
            help,
        );
    }
    fine
}

fn check_names(steps: &[Step<'_>], mistakes: &mut Collector<'_>) {
    let mut places: Vec<&str> = Vec::new();
    let mut connectors: Vec<&str> = Vec::new();
    for step in steps {
        let (name, span, seen, what) = match step {
            Step::Feed(Some(draft)) | Step::Tap(Some(draft)) => {
                (draft.name.as_str(), draft.name_span, &mut places, "place")
            }
            Step::Connector(Some(draft)) => {
                let span = draft.node.get("name").map_or(draft.place, |name| name.span);
                let name = draft.connector.name.as_str();
                (name, span, &mut connectors, "connector")
            }
            Step::Feed(None) | Step::Tap(None) | Step::Connector(None) => continue,
        };
        if seen.contains(&name) {
            let message = format!("a second {what} called `{name}`");
            mistakes.report(span, message, "give each its own name");
        }
        seen.push(name);
    }
}

fn assemble(
    steps: &[Step<'_>],
    stream: StreamSpec,
    brokers: u32,
    mistakes: &mut Collector<'_>,
) -> Option<Route> {
    let (feed, rest) = match steps {
        [Step::Feed(feed), rest @ ..] => (Some(feed.as_ref()?), rest),
        rest => (None, rest),
    };
    let drafts: Vec<(&ConnectorDraft<'_>, &PlaceDraft<'_>)> = rest
        .chunks(2)
        .map(|leg| match leg {
            [Step::Connector(Some(connector)), Step::Tap(Some(tap))] => Some((connector, tap)),
            _ => None,
        })
        .collect::<Option<_>>()?;
    let media: Vec<&Medium> = feed
        .into_iter()
        .chain(drafts.iter().map(|(_, tap)| *tap))
        .map(|place| &place.medium)
        .collect();
    let setting = leg::Setting {
        stream,
        brokers,
        media: &media,
        generated: feed.is_none(),
    };
    let feed = feed.map(|draft| leg::feed(draft, stream));
    let mut legs: Vec<(Connector, Place)> = Vec::new();
    for (connector, tap) in drafts {
        let before = legs.last().map(|(_, tap)| tap).or(feed.as_ref());
        let leg = leg::read(connector, tap, before, &setting, mistakes)?;
        legs.push(leg);
    }
    let origin = feed.map_or(Origin::Generated, Origin::Feed);
    Some(Route { origin, legs })
}
