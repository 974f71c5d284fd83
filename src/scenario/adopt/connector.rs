//! A connector as somebody posts it: its name, its settings, and what is expected around it.

use crate::model::{Connector, Direction, PlaceName};

use super::super::effect::{self, Release};
use super::super::mistake::{Collector, Span};
use super::super::route;
use super::super::tree::{self, Entry, Node, Value};
use super::notes::Notes;
use super::value::{Setting, Source};
use super::{nodes, properties, worker};

/// What Connect answers or takes beside name and settings, and what a scenario has no use for.
const BESIDE: [&str; 3] = ["tasks", "type", "initial_state"];

/// A connector that was understood.
pub(super) struct Posted {
    pub(super) name: String,
    pub(super) settings: Vec<Setting>,
    /// Which way it moves records, where its class does not say so itself.
    pub(super) direction: Option<Direction>,
    pub(super) known: Connector,
}

/// Reads JSON as `POST /connectors` and `PUT …/config` take it, or the properties that a standalone worker is given.
pub(super) fn read(
    source: &Source<'_>,
    notes: &mut Notes,
    mistakes: &mut Collector<'_>,
) -> Option<Posted> {
    let text = source.text.trim_start_matches('\u{feff}').trim_start();
    let root = if text.starts_with(['{', '[']) {
        json(source.text, mistakes)?
    } else {
        properties::read(source.text, mistakes)
    };
    let (name, config) = parts(&root, mistakes)?;
    let config = flat(config, notes, mistakes);
    let named = named(name.or_else(|| config.get("name")), source, notes);
    let whole = nodes::map(
        root.span,
        vec![
            entry("name", named.clone()),
            entry("config", without(&config, "name")),
        ],
    );
    check_class_is_there(&config, mistakes);
    effect::check_connector(&whole, None, Release::of_others(None), mistakes);
    let draft = route::read_connector(&whole, mistakes)?;
    let settings = whole.get("config").map_or(&[][..], Node::entries);
    let settings = settings
        .iter()
        .map(|entry| Setting::new(&entry.key, entry.value.text().unwrap_or_default()))
        .collect();
    Some(Posted {
        name: named.text().unwrap_or_default().to_owned(),
        settings,
        direction: draft.direction,
        known: draft.connector,
    })
}

/// The tree of a JSON text. JSON says exactly where it is broken; YAML, which the tree is read with, would guess.
fn json(text: &str, mistakes: &mut Collector<'_>) -> Option<Node> {
    if let Err(error) =
        serde_json::from_str::<serde::de::IgnoredAny>(text.trim_start_matches('\u{feff}'))
    {
        let line_start = text
            .split_inclusive('\n')
            .take(error.line().saturating_sub(1))
            .map(str::len)
            .sum::<usize>();
        let at = line_start + error.column().saturating_sub(1);
        let why = error.to_string();
        let why = why.split(" at line ").next().unwrap_or_default();
        let help = "give the JSON that is posted to Connect: `{\"name\": …, \"config\": {…}}`, or the settings alone";
        mistakes.report(
            Span::between(at, at + 1),
            format!("this is not JSON: {why}"),
            help,
        );
        return None;
    }
    // Tabs may indent JSON and not YAML; none can stand in a string.
    tree::read(&text.replace('\t', " "), mistakes)
}

/// The name, where there is one beside the settings, and the settings.
fn parts<'n>(root: &'n Node, mistakes: &mut Collector<'_>) -> Option<(Option<&'n Node>, &'n Node)> {
    if !matches!(root.value, Value::Map(_)) {
        let help = "give one connector: `{\"name\": …, \"config\": {…}}`, or its settings alone";
        mistakes.report(root.span, "this is no connector", help);
        return None;
    }
    let Some(config) = root.get("config").filter(|node| node.text().is_none()) else {
        return Some((None, root));
    };
    if !matches!(config.value, Value::Map(_)) {
        let help = "`config` holds a name and a value for each setting";
        mistakes.report(config.span, "`config` is no map", help);
        return None;
    }
    for entry in root.entries() {
        let known = ["name", "config"].contains(&entry.key.as_str());
        if !known && !BESIDE.contains(&entry.key.as_str()) {
            let message = format!("`{}` beside `config`", entry.key);
            let help = "Connect would ignore it: settings belong into `config`";
            mistakes.report(entry.key_span, message, help);
        }
    }
    let name = root.get("name");
    if let (Some(name), Some(inner)) = (name, config.get("name"))
        && name.text() != inner.text()
    {
        let help = "Connect refuses two names: leave the one in `config` out";
        mistakes.report(inner.span, "a second name for this connector", help);
    }
    Some((name, config))
}

/// The settings that have a value; what is no single value is reported.
fn flat(config: &Node, notes: &mut Notes, mistakes: &mut Collector<'_>) -> Node {
    let mut kept: Vec<Entry> = Vec::new();
    if let Some(entry) = config.entries().get(properties::MOST_SETTINGS) {
        let message = format!("more than {} settings", properties::MOST_SETTINGS);
        mistakes.report(entry.key_span, message, "is this the right file?");
        return nodes::map(config.span, kept);
    }
    for entry in config.entries() {
        if entry.value.is_null() {
            notes.say(format!(
                "`{}` is null, which means that it is not set",
                entry.key
            ));
        } else if entry.value.text().is_none() {
            let message = format!("`{}` has more than one value", entry.key);
            let help = "a setting is a text, a number, true or false; Connect takes lists as `a,b`";
            mistakes.report(entry.key_span, message, help);
        } else {
            kept.push(entry.clone());
        }
    }
    nodes::map(config.span, kept)
}

fn entry(key: &str, value: Node) -> Entry {
    Entry {
        key: key.to_owned(),
        key_span: value.span,
        value,
    }
}

fn without(config: &Node, key: &str) -> Node {
    let kept = config.entries().iter().filter(|entry| entry.key != key);
    nodes::map(config.span, kept.cloned().collect())
}

/// The connector's name as a scenario can have it: Connect takes any text, a scenario names files and topics with it.
fn named(given: Option<&Node>, source: &Source<'_>, notes: &mut Notes) -> Node {
    let stem = std::path::Path::new(source.name).file_stem();
    let stem = stem.map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    let text = given.and_then(Node::text).unwrap_or(&stem);
    let name = plain_name(text, "connector");
    if given.is_some() && name != text {
        notes.say(format!(
            "the connector is called `{name}` here: letters, digits, `.`, `_` and `-` make a name"
        ));
    }
    nodes::text(given.map_or(Span::between(0, 0), |node| node.span), name)
}

/// The text with a dash for whatever a name cannot have.
pub(super) fn plain_name(text: &str, otherwise: &str) -> String {
    let plain: String = text
        .chars()
        .map(|c| {
            let fits = c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
            if fits { c } else { '-' }
        })
        .collect();
    let plain: String = plain.trim_matches(['-', '.']).chars().take(100).collect();
    match PlaceName::new(&plain) {
        Ok(_) => plain,
        Err(_) => otherwise.to_owned(),
    }
}

/// An empty map has no place in a scenario's own check, which asks for settings first.
fn check_class_is_there(config: &Node, mistakes: &mut Collector<'_>) {
    if config.entries().is_empty() {
        let help = "give the JSON that is posted to Connect, with `connector.class` in it";
        mistakes.report(config.span, "a connector without settings", help);
    }
}

/// Takes out or changes what cannot be as it was on the cluster that the connector comes from.
pub(super) fn fit(posted: &mut Posted, file: &str, notes: &mut Notes) {
    let is_mirror = posted.known.is_class("MirrorSource");
    posted.settings.retain(|setting| {
        let why = if is_mirror {
            of_mirrors(&setting.name)
        } else {
            None
        };
        let why = why.or_else(|| of_clients(&setting.name));
        if let Some(why) = why {
            notes.left_out(file, &setting.name, why);
        }
        why.is_none()
    });
    for setting in &mut posted.settings {
        if setting.name.ends_with("bootstrap.servers") {
            set(setting, "${bootstrap}", notes);
        } else if setting.name.ends_with("replication.factor") && setting.value.trim() != "1" {
            set(setting, "1", notes);
        } else {
            setting.value = escaped(&setting.value);
        }
    }
    let copies = "errors.deadletterqueue.topic.replication.factor";
    let has = |name: &str| posted.settings.iter().any(|setting| setting.name == name);
    if has("errors.deadletterqueue.topic.name") && !has(copies) {
        let mut setting = Setting::new(copies, "3");
        set(&mut setting, "1", notes);
        posted.settings.push(setting);
    }
}

fn set(setting: &mut Setting, value: &str, notes: &mut Notes) {
    notes.say(format!(
        "`{}` is {value} now: the run starts one broker of its own",
        setting.name
    ));
    setting.value = value.to_owned();
}

fn of_clients(name: &str) -> Option<&'static str> {
    let client = [
        "producer.override.",
        "consumer.override.",
        "admin.override.",
    ]
    .iter()
    .find_map(|prefix| name.strip_prefix(prefix))?;
    worker::is_connection(client).then_some(worker::LOGIN)
}

fn of_mirrors(name: &str) -> Option<&'static str> {
    let cluster = ["source.cluster.", "target.cluster."]
        .iter()
        .find_map(|prefix| name.strip_prefix(prefix))
        .or_else(|| name.strip_prefix("source."))
        .or_else(|| name.strip_prefix("target."));
    let client = cluster.map(|rest| {
        let client = ["consumer.", "producer.", "admin."];
        client
            .iter()
            .find_map(|prefix| rest.strip_prefix(prefix))
            .unwrap_or(rest)
    });
    if client.is_some_and(worker::is_connection) {
        return Some(worker::LOGIN);
    }
    match name {
        "replication.policy.class" | "replication.policy.separator" => {
            Some("source and target are one cluster here, and the alias tells their topics apart")
        }
        "sync.topic.acls.enabled" => Some("the run's brokers have no access rules"),
        _ if name.ends_with("replication.factor") => Some("it follows from `kafka.brokers`"),
        _ => None,
    }
}

/// A value as a scenario writes it, where a `${` without a colon would stand for a place of the route.
fn escaped(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    let mut rest = value;
    while let Some(at) = rest.find("${") {
        let (before, found) = rest.split_at(at);
        let name = found.find('}').map(|end| &found[2..end]);
        let is_provider = name.is_some_and(|name| name.contains(':')) && !before.ends_with('$');
        escaped.push_str(before);
        escaped.push_str(if is_provider { "${" } else { "$${" });
        rest = &found[2..];
    }
    escaped + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_a_connector_understands_is_left_to_it() {
        assert_eq!(escaped("kafka_${topic}"), "kafka_$${topic}");
        assert_eq!(escaped("${file:/a:b}-${x"), "${file:/a:b}-$${x");
        assert_eq!(escaped("$${a:b}"), "$$${a:b}");
        assert_eq!(escaped("plain $ {x}"), "plain $ {x}");
    }

    #[test]
    fn a_name_is_made_of_what_names_files() {
        assert_eq!(plain_name("orders sink (prod)", "x"), "orders-sink--prod");
        assert_eq!(plain_name("…", "x"), "x");
        assert_eq!(plain_name("mirror", "x"), "mirror");
    }
}
