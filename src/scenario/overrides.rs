//! Values of a scenario that are set from outside: written into its text, as if they had stood in the file.

use std::str::FromStr;

use crate::model::secrets::mask_setting;

use super::keys::{self, Shape, Table};
use super::mistake::{Collector, Span};
use super::shape;
use super::tree::{self, Entry, Node, Value};

/// A value with its place, as in `--set connect.config.offset.flush.interval.ms=1000`.
///
/// The place is the way of keys from the top of the file. Behind `config` the rest is one Kafka setting, dots and all. A step
/// of the route is named by its connector (`route.archive.config.tasks.max`), or like a fault by its number from 1
/// (`faults.2.kill.target`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    path: String,
    value: String,
}

/// What is wrong with overrides, a sentence each.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{}", .0.join("\n"))]
pub struct OverrideError(pub Vec<String>);

impl Override {
    /// As it may be shown: without the value of what holds a secret.
    pub fn masked(&self) -> String {
        let setting = self.path.split_once(".config.");
        let name = setting.map_or(self.path.as_str(), |(_, name)| name);
        format!("{}={}", self.path, mask_setting(name, &self.value))
    }
}

impl FromStr for Override {
    type Err = String;

    /// `PATH=VALUE`; fails without an equals sign, and without a path before it.
    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((path, value)) if !path.trim().is_empty() => Ok(Self {
                path: path.trim().to_owned(),
                value: value.trim().to_owned(),
            }),
            Some(_) | None => Err(
                "write PATH=VALUE, such as connect.config.offset.flush.interval.ms=1000".to_owned(),
            ),
        }
    }
}

/// The text of a scenario with these values in it. What is wrong with a value is a mistake of that text, at its place, as if
/// somebody had written it there. Fails when a path names nothing that a scenario has, or a place whose text cannot be
/// replaced; a text that is no scenario is left as it is, since reading it tells why.
pub fn with_overrides(text: &str, overrides: &[Override]) -> Result<String, OverrideError> {
    let mut edited = text.to_owned();
    let mut wrong = Vec::new();
    for one in overrides {
        let Some(root) = tree::read(&edited, &mut Collector::new(&edited)) else {
            return Ok(edited);
        };
        match Edit::of(&edited, &root, one) {
            Ok(edit) => edited.replace_range(edit.from..edit.to, &edit.text),
            Err(why) => wrong.push(format!("--set {}: {why}", one.path)),
        }
    }
    match wrong.is_empty() {
        true => Ok(edited),
        false => Err(OverrideError(wrong)),
    }
}

/// A piece of text, from one byte to another, with what shall stand there.
struct Edit {
    from: usize,
    to: usize,
    text: String,
}

/// One step of a path.
enum Step {
    Key(String),
    /// Counted from 0.
    Item(usize),
}

impl Edit {
    fn of(text: &str, root: &Node, one: &Override) -> Result<Self, String> {
        let steps = steps(&one.path, root)?;
        let (mut node, mut place) = (root, (root.span.offset, root.span.offset));
        for (at, step) in steps.iter().enumerate() {
            let (next, key_end) = match step {
                Step::Item(number) => (node.items().get(*number), None),
                Step::Key(key) => match node.entry(key) {
                    None => return Self::insert(text, (node, place), &steps[at..], &one.value),
                    Some(entry) => (Some(written_here(entry)?), Some(end_of(entry.key_span))),
                },
            };
            node = next.ok_or_else(|| "there is no such item in the scenario".to_owned())?;
            place = match (node.span.length, key_end) {
                // An empty value has no place of its own.
                (0, Some(key_end)) => behind_colon(text, key_end),
                (_, _) => (node.span.offset, end_of(node.span)),
            };
        }
        Self::replace(text, (node, place), &one.value)
    }

    fn replace(
        text: &str,
        (node, (from, to)): (&Node, (usize, usize)),
        value: &str,
    ) -> Result<Self, String> {
        let old = &text[from..to];
        let is_block = match &node.value {
            Value::Scalar { .. } => old.contains('\n') || old.starts_with(['|', '>']),
            Value::List(_) | Value::Map(_) => !old.starts_with(['{', '[']),
        };
        if is_block {
            return Err(
                "it is written over several lines here; change it in the file, or set what is inside"
                    .to_owned(),
            );
        }
        // An empty value has no text of its own, and none before it.
        let space = if old.is_empty() { " " } else { "" };
        Ok(Self {
            from,
            to,
            text: format!("{space}{}", scalar(value)),
        })
    }

    /// The first key that is not there, with all that follows it, before the first key of its map.
    fn insert(
        text: &str,
        (map, (start, end)): (&Node, (usize, usize)),
        missing: &[Step],
        value: &str,
    ) -> Result<Self, String> {
        let mut keys = Vec::new();
        for step in missing {
            match step {
                Step::Key(key) => keys.push(key.as_str()),
                Step::Item(_) => return Err("there is no such item in the scenario".to_owned()),
            }
        }
        let Some((first, inner)) = keys.split_first() else {
            return Err("it names nothing".to_owned());
        };
        let inside = inner.iter().rev().fold(scalar(value), |inside, key| {
            format!("{{{}: {inside}}}", quoted(key))
        });
        if text[start..].starts_with('{') {
            let more = if map.entries().is_empty() { "" } else { ", " };
            return Ok(Self {
                from: start + 1,
                to: start + 1,
                text: format!("{}: {inside}{more}", quoted(first)),
            });
        }
        if map.is_null() {
            return Ok(Self {
                from: start,
                to: end,
                text: format!(" {{{}: {inside}}}", quoted(first)),
            });
        }
        let before = map.entries().first().map(|entry| entry.key_span.offset);
        let before = before.ok_or_else(|| "what is there is no map of keys".to_owned())?;
        let line = text[..before].rfind('\n').map_or(0, |at| at + 1);
        let indent = " ".repeat(text[line..before].chars().count());
        Ok(Self {
            from: before,
            to: before,
            text: format!("{}: {inside}\n{indent}", quoted(first)),
        })
    }
}

/// The place behind the colon of a key that ends here.
fn behind_colon(text: &str, key_end: usize) -> (usize, usize) {
    let at = text[key_end..]
        .find(':')
        .map_or(key_end, |at| key_end + at + 1);
    (at, at)
}

const fn end_of(span: Span) -> usize {
    span.offset + span.length
}

/// The value of an entry, where its text stands behind its key and not at an anchor elsewhere.
fn written_here(entry: &Entry) -> Result<&Node, String> {
    match entry.value.span.offset >= end_of(entry.key_span) {
        true => Ok(&entry.value),
        false => Err(format!(
            "`{}` is an alias of what stands elsewhere; write its value in the file",
            entry.key
        )),
    }
}

/// A path as steps, by what a scenario may have at each place.
fn steps(path: &str, root: &Node) -> Result<Vec<Step>, String> {
    let mut steps = Vec::new();
    let mut shape = &Shape::Map(&keys::SCENARIO);
    let (mut node, mut rest) = (Some(root), path);
    while !rest.is_empty() {
        match shape {
            Shape::Settings => {
                steps.push(Step::Key(rest.to_owned()));
                rest = "";
            }
            Shape::Map(table) | Shape::TextOr(table) | Shape::LimitOr(_, table) => {
                let (word, behind) = rest.split_once('.').unwrap_or((rest, ""));
                shape = of_key(table, word)?;
                node = node.and_then(|node| node.get(word));
                steps.push(Step::Key(word.to_owned()));
                rest = behind;
            }
            Shape::List(item, ..) => {
                let (number, behind) = item_of(node, rest)?;
                node = node.and_then(|node| node.items().get(number));
                steps.push(Step::Item(number));
                (shape, rest) = (item, behind);
                let connector = node.and_then(|node| node.get("connector"));
                // A connector is meant, not the step of the route around it.
                if let (Some(_), Shape::Map(table)) = (connector, item)
                    && !rest.starts_with("connector")
                {
                    shape = of_key(table, "connector")?;
                    node = connector;
                    steps.push(Step::Key("connector".to_owned()));
                }
            }
            _ => {
                return Err(format!(
                    "there is nothing inside of a plain value (`{rest}`)"
                ));
            }
        }
    }
    Ok(steps)
}

fn of_key(table: &'static Table, word: &str) -> Result<&'static Shape, String> {
    let known = table.keys.iter().find(|key| key.name == word);
    known.map(|key| &key.shape).ok_or_else(|| {
        let names: Vec<&str> = table.keys.iter().map(|key| key.name).collect();
        format!(
            "a scenario has no `{word}` there; {}",
            shape::meant(word, &names)
        )
    })
}

/// Which item of a list a path names, and what follows it: by the name of its connector, or by its number from 1.
fn item_of<'p>(list: Option<&Node>, path: &'p str) -> Result<(usize, &'p str), String> {
    let items = list.map_or(&[][..], Node::items);
    let named = items.iter().enumerate().filter_map(|(number, item)| {
        let name = item.get("connector")?.text_of("name")?;
        let behind = path.strip_prefix(name)?;
        let is_whole = behind.is_empty() || behind.starts_with('.');
        is_whole.then(|| (name.len(), number, behind.trim_start_matches('.')))
    });
    if let Some((_, number, behind)) = named.max_by_key(|(length, ..)| *length) {
        return Ok((number, behind));
    }
    let (word, behind) = path.split_once('.').unwrap_or((path, ""));
    let number = word.parse::<usize>().ok().and_then(|n| n.checked_sub(1));
    match number.filter(|number| *number < items.len()) {
        Some(number) => Ok((number, behind)),
        None => Err(format!(
            "`{word}` is none of the {} items; name a connector, or count from 1",
            items.len()
        )),
    }
}

/// A key that says the same in a flow map, in a block map and in JSON.
fn quoted(key: &str) -> String {
    serde_json::Value::from(key).to_string()
}

/// The value as it can stand on one line: as it is where it is a word, a number, or already written as YAML; else in quotes.
fn scalar(value: &str) -> String {
    let is_yaml = value.starts_with(['{', '[', '"', '\'']);
    let is_plain = |c: char| c.is_alphanumeric() || "._/%+- ".contains(c);
    let is_word = value.starts_with(|c: char| c.is_alphanumeric()) && value.chars().all(is_plain);
    match is_yaml || is_word {
        true => value.to_owned(),
        false => quoted(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "name: t\nconnect:\n  workers: 3\n  config: {session.timeout.ms: 6000}\nstream: {rate: 500/s}\nroute:\n  - feed: {topic: orders}\n  - connector:\n      name: mirror.a\n      config:\n        connector.class: MirrorSourceConnector\n  - tap: {topic: src.orders}\nfaults:\n  - kill: {target: w1}\n  - stop: {target: follower, restart-after: 2s}\nexpect: {lost: 0}\n";

    fn set(text: &str, all: &[&str]) -> Result<String, OverrideError> {
        let overrides: Vec<Override> = all.iter().map(|one| one.parse().unwrap()).collect();
        with_overrides(text, &overrides)
    }

    fn parsed(all: &[&str]) -> crate::scenario::Scenario {
        let text = set(TEXT, all).unwrap();
        crate::scenario::parse("t.yaml", &text)
            .unwrap_or_else(|mistakes| panic!("{}\n{text}", mistakes.render(false)))
    }

    #[test]
    fn a_value_that_is_there_is_replaced_and_nothing_else() {
        let text = set(TEXT, &["connect.config.session.timeout.ms=7000"]).unwrap();
        assert_eq!(text, TEXT.replace("6000", "7000"));
        let text = set(TEXT, &["faults.2.stop.target=w2"]).unwrap();
        assert_eq!(text, TEXT.replace("target: follower", "target: w2"));
        assert_eq!(parsed(&["connect.workers=5"]).connect.workers.len(), 5);
    }

    #[test]
    fn a_value_that_is_not_there_is_written_into_its_map_whatever_that_is_written_in() {
        let scenario = parsed(&[
            "connect.config.offset.flush.interval.ms=1000",
            "stream.lanes=7",
            "route.mirror.a.config.tasks.max=3",
            "kafka.brokers=3",
            "kafka.version=4.1.1",
        ]);
        assert_eq!(scenario.connect.config["offset.flush.interval.ms"], "1000");
        assert_eq!(scenario.stream.lanes, 7);
        assert_eq!(scenario.kafka.brokers, 3);
        let mirror = scenario.route.connectors().next().unwrap();
        assert_eq!(mirror.config["tasks.max"], "3");
    }

    #[test]
    fn the_same_works_in_json_and_in_an_empty_map() {
        let json = r#"{"name": "t", "connect": {"config": {}}, "stream": null}"#;
        let text = set(
            json,
            &["connect.config.plugin.path=/a b#c", "connect.workers=2"],
        );
        assert_eq!(
            text.unwrap(),
            r#"{"name": "t", "connect": {"workers": 2, "config": {"plugin.path": "/a b#c"}}, "stream": null}"#
        );
        let text = set("name: t\nstream:\n", &["stream.rate=9/s"]).unwrap();
        let root = tree::read(&text, &mut Collector::new(&text)).expect(&text);
        assert_eq!(root.get("stream").unwrap().text_of("rate"), Some("9/s"));
    }

    #[test]
    fn a_wrong_value_is_a_mistake_of_the_text_at_its_place() {
        let text = set(TEXT, &["connect.workers=many"]).unwrap();
        let mistakes = crate::scenario::parse("t.yaml", &text).unwrap_err();
        let first = &mistakes.all()[0];
        assert_eq!((first.line, first.column), (3, 12));
    }

    #[test]
    fn every_path_that_names_nothing_is_told_with_what_was_meant() {
        let wrong = set(
            TEXT,
            &[
                "conect.workers=2",
                "route.nobody.config.tasks.max=1",
                "faults.3.kill.target=w1",
                "connect.workers.more=1",
                "route=x",
            ],
        );
        let OverrideError(said) = wrong.unwrap_err();
        assert_eq!(said.len(), 5, "{said:?}");
        assert!(said[0].contains("conect.workers: ") && said[0].contains("`connect`"));
        assert!(said[1].contains("`nobody` is none of the 3 items"));
        assert!(said[2].contains("`3` is none of the 2 items"));
        assert!(said[3].contains("nothing inside of a plain value"));
        assert!(said[4].contains("over several lines"));
        let aliased = "connect: {config: &c {a: b}}\nroute:\n  - connector: {config: *c}\n";
        let OverrideError(said) = set(aliased, &["route.1.connector.config.a=c"]).unwrap_err();
        assert!(said[0].contains("alias"), "{said:?}");
    }

    #[test]
    fn an_override_is_a_path_and_a_value() {
        assert!("novalue".parse::<Override>().is_err());
        assert!("=1".parse::<Override>().is_err());
        let one: Override = "a.b = c=d".parse().unwrap();
        assert_eq!(one.masked(), "a.b=c=d");
        let secret = "route.sink.config.connection.password=Gehe1m".parse::<Override>();
        assert!(!secret.unwrap().masked().contains("Gehe1m"));
    }

    proptest::proptest! {
        /// Whatever is set, the text either says so when it is read again, or was left alone with a reason.
        #[test]
        fn what_is_set_is_what_is_read(value in "\\PC{0,40}") {
            let one = format!("connect.config.some.setting={value}");
            let text = set(TEXT, &[&one]).unwrap();
            let root = tree::read(&text, &mut Collector::new(&text));
            let is_yaml = value.trim().starts_with(['{', '[', '"', '\'']);
            if let (Some(root), false) = (root, is_yaml) {
                let config = root.get("connect").unwrap().get("config").unwrap();
                proptest::prop_assert_eq!(config.text_of("some.setting"), Some(value.trim()));
            }
        }
    }
}
