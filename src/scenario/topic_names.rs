//! Do the topics that a connector names, matches or renames fit the places around it?

use std::collections::BTreeMap;
use std::path::Path;

use crate::model::{Connector, Direction, Medium, Place, Route, is_provided};

use super::java_regex;
use super::mistake::Collector;
use super::substitute::{Substitutions, resolve_config};
use super::tree::Node;

/// Kafka's own transforms that leave the name of a topic as it is.
const KEEP_NAMES: [&str; 14] = [
    "Cast",
    "DropHeaders",
    "ExtractField",
    "Filter",
    "Flatten",
    "HeaderFrom",
    "HoistField",
    "InsertField",
    "InsertHeader",
    "MaskField",
    "ReplaceField",
    "SetSchemaMetadata",
    "TimestampConverter",
    "ValueToKey",
];

type Config = BTreeMap<String, String>;

/// Reports what cannot fit; `attached` is whether the topics get names of the run's own.
pub(super) fn check(steps: &Node, route: &Route, attached: bool, mistakes: &mut Collector<'_>) {
    let entries = steps
        .items()
        .iter()
        .filter_map(|step| step.entries().first());
    let (mut connectors, mut taps) = (Vec::new(), Vec::new());
    for entry in entries {
        match entry.key.as_str() {
            "connector" => connectors.push(&entry.value),
            "tap" => taps.push(&entry.value),
            _ => {}
        }
    }
    for (leg, (node, tap)) in connectors.iter().zip(taps).enumerate() {
        let Some((connector, place)) = route.legs.get(leg) else {
            return;
        };
        let Some(settings) = node.get("config") else {
            continue;
        };
        let subject = Subject {
            connector,
            config: as_sent(route, leg),
            input: route.input_of(leg).and_then(topic_of),
            tap: topic_of(place),
            route,
            settings,
        };
        subject.check_input(attached, mistakes);
        subject.check_output(tap, attached, mistakes);
    }
}

/// The settings with the names of places in them.
pub(super) fn as_sent(route: &Route, leg: usize) -> Config {
    let known_later = Substitutions {
        bootstrap: "",
        data_folder: Path::new(""),
    };
    resolve_config(route, leg, &known_later)
}

/// The topic that MirrorSource writes for one that it reads; `None` where a policy of the user decides (`DefaultReplicationPolicy`).
pub(super) fn mirrored(config: &Config, topic: &str) -> Option<String> {
    if config.contains_key("replication.policy.class") {
        return None;
    }
    let alias = config.get("source.cluster.alias")?;
    let separator = config.get("replication.policy.separator");
    let separator = separator.map_or(".", String::as_str);
    let name = format!("{alias}{separator}{topic}");
    (!is_provided(&name)).then_some(name)
}

/// What the transforms of a connector make of the name of a topic; `None` where only they know.
pub(super) fn renamed(config: &Config, topic: &str) -> Option<String> {
    let mut topic = topic.to_owned();
    for name in transforms(config) {
        let setting = |key: &str| config.get(&format!("transforms.{name}.{key}"));
        if is_router(config, name) {
            if setting("predicate").is_some() {
                return None;
            }
            topic = java_regex::routed(setting("regex")?, setting("replacement")?, &topic)?;
        } else if !keeps_names(setting("type")?) {
            return None;
        }
    }
    Some(topic)
}

/// The connector's transforms in their order.
pub(super) fn transforms(config: &Config) -> impl Iterator<Item = &str> {
    let list = config.get("transforms").map_or("", String::as_str);
    list.split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
}

/// Whether this transform is a `RegexRouter`.
pub(super) fn is_router(config: &Config, transform: &str) -> bool {
    let class = config.get(&format!("transforms.{transform}.type"));
    class.is_some_and(|class| class == "org.apache.kafka.connect.transforms.RegexRouter")
}

fn keeps_names(class: &str) -> bool {
    let own = class.strip_prefix("org.apache.kafka.connect.transforms.");
    own.is_some_and(|own| KEEP_NAMES.contains(&own.split('$').next().unwrap_or(own)))
}

fn topic_of(place: &Place) -> Option<&str> {
    match &place.medium {
        Medium::Topic(topic) => Some(topic),
        Medium::File(_) => None,
    }
}

/// A connector with what it names and what stands around it.
struct Subject<'a> {
    connector: &'a Connector,
    /// Its settings as they are sent, but for brokers and folders.
    config: Config,
    input: Option<&'a str>,
    tap: Option<&'a str>,
    route: &'a Route,
    /// Its settings where they stand.
    settings: &'a Node,
}

impl Subject<'_> {
    fn is_mirror(&self) -> bool {
        self.connector.is_class("MirrorSource")
    }

    /// Whether it reads what stands before it.
    fn check_input(&self, attached: bool, mistakes: &mut Collector<'_>) {
        let Some(input) = self.input else { return };
        if self.connector.direction == Direction::Source && !self.is_mirror() {
            return;
        }
        for name in ["topics", "topics.regex"] {
            let (Some(node), Some(value)) = (self.settings.get(name), self.config.get(name)) else {
                continue;
            };
            let span = node.span;
            if is_provided(value) {
                if attached {
                    let message = format!(
                        "`{name}` comes from a configuration provider, and this run's topics have names of its own"
                    );
                    mistakes.report(span, message, "write `topics: ${in}`");
                }
                continue;
            }
            let reads = match (name, self.is_mirror()) {
                ("topics", false) => value.split(',').any(|part| part.trim() == input),
                ("topics", true) => any_matches(value, input),
                _ => java_regex::matches(value.trim(), input).unwrap_or(true),
            };
            if !reads {
                let message = format!(
                    "`{}` does not read `{input}`, which stands before it",
                    self.connector.name
                );
                let help = format!("`{name}` must match the whole name: write `topics: ${{in}}`");
                mistakes.report(span, message, help);
            }
        }
        if let (Some(_), Some(node)) = (
            self.settings.get("topics"),
            self.settings.get("topics.regex"),
        ) && self.connector.direction == Direction::Sink
        {
            let message = "`topics.regex` beside `topics`: Connect refuses both";
            mistakes.report(node.span, message, "take one of them out");
        }
    }

    /// Whether it writes to the tap behind it.
    fn check_output(&self, tap_node: &Node, attached: bool, mistakes: &mut Collector<'_>) {
        let Some(tap) = self.tap else { return };
        if self.connector.direction == Direction::Sink {
            return;
        }
        if !self.is_mirror() {
            if attached {
                self.check_routers(mistakes);
            }
            return;
        }
        let span = tap_node
            .get("topic")
            .map_or(tap_node.span, |node| node.span);
        let Some(written) = self.input.and_then(|input| mirrored(&self.config, input)) else {
            return;
        };
        match renamed(&self.config, &written) {
            Some(name) if name == tap => {}
            Some(name) => {
                let message = format!("MirrorSource does not write to `{tap}`");
                let how = match name == written {
                    true => "it puts its source's alias before the topic",
                    false => {
                        "it puts its source's alias before the topic, and its transforms rename that"
                    }
                };
                mistakes.report(span, message, format!("{how}: call the tap `{name}`"));
            }
            None if attached && tap != written => {
                let message = format!(
                    "nothing here tells whether these transforms turn `{written}` into `{tap}`"
                );
                let help = "on a cluster of others topics have names of the run's own: rename with one `RegexRouter`";
                let at = self
                    .settings
                    .get("transforms")
                    .map_or(span, |node| node.span);
                mistakes.report(at, message, help);
            }
            None => {}
        }
    }

    /// On a cluster of others a source must not write into topics of others.
    fn check_routers(&self, mistakes: &mut Collector<'_>) {
        for transform in transforms(&self.config).filter(|name| is_router(&self.config, name)) {
            let key = format!("transforms.{transform}.replacement");
            let (Some(value), Some(node)) = (self.config.get(&key), self.settings.get(&key)) else {
                continue;
            };
            let mut places = self.route.places().filter_map(topic_of);
            if !places.any(|place| place == value) {
                let message = format!(
                    "`{}` may write into topics of others: here only the topics of the route have names of the run's own",
                    self.connector.name
                );
                mistakes.report(node.span, message, "write `${out}`");
            }
        }
    }
}

/// Whether one of these patterns matches; yes where one is known to Java alone (`MirrorUtils.compilePatternList`).
fn any_matches(patterns: &str, topic: &str) -> bool {
    let mut patterns = patterns.split(',').map(str::trim);
    patterns.any(|pattern| java_regex::matches(pattern, topic).unwrap_or(true))
}

#[cfg(test)]
mod tests {
    use super::super::inventory::Inventory;
    use super::super::{Scenario, parse, parse_for};

    fn text(mirror: &str, sink: &str, tap: &str) -> String {
        format!(
            "name: t
connect: {{config: {{config.providers: file, config.providers.file.class: a.B}}}}
route:
  - feed: {{topic: orders}}
  - connector: {{name: m, config: {{connector.class: MirrorSourceConnector, {mirror}}}}}
  - tap: {{topic: {tap}}}
  - connector: {{name: s, config: {{connector.class: FileStreamSink, {sink}}}}}
  - tap: {{file: archive.txt}}
"
        )
    }

    fn attached(text: &str) -> Result<Scenario, Vec<String>> {
        let inventory = Inventory::of("127.0.0.1:1", "http://127.0.0.1:2");
        parse_for("t.yaml", text, &inventory)
            .map(|(scenario, _)| scenario)
            .map_err(|mistakes| mistakes.lines())
    }

    fn check(mirror: &str, sink: &str, tap: &str, expected: Result<(), &str>) {
        let text = text(mirror, sink, tap);
        let lines = parse("t.yaml", &text).map_err(|mistakes| mistakes.lines());
        match (lines, expected) {
            (Ok(_), Ok(())) => {}
            (Err(lines), Err(words)) => assert!(
                lines.len() == 1 && lines[0].contains(words),
                "{words}: {lines:#?}"
            ),
            (lines, expected) => panic!("{expected:?}: {:#?} of {text}", lines.err()),
        }
    }

    const RENAME: &str = "transforms: r, \
        transforms.r.type: org.apache.kafka.connect.transforms.RegexRouter, \
        transforms.r.regex: 'src[.](.*)', transforms.r.replacement: 'renamed-$1'";

    #[test]
    fn what_a_connector_reads_must_be_what_stands_before_it() {
        check("", "topics.regex: 'src[.].*'", "src.orders", Ok(()));
        check("", "topics.regex: '(?!x).*'", "src.orders", Ok(()));
        check("", "topics.regex: '${file:/x:y}'", "src.orders", Ok(()));
        check("", "topics: 'more, src.orders'", "src.orders", Ok(()));
        check("topics: 'a, ord.*'", "", "src.orders", Ok(()));
        let unread = Err("`s` does not read `src.orders`");
        check("", "topics.regex: orders", "src.orders", unread);
        check("", "topics: orders", "src.orders", unread);
        check(
            "topics: 'ord'",
            "",
            "src.orders",
            Err("`m` does not read `orders`"),
        );
        let both = "topics: src.orders, topics.regex: 'src.*'";
        check("", both, "src.orders", Err("Connect refuses both"));
    }

    #[test]
    fn what_a_router_makes_of_a_mirrored_topic_is_the_taps_name() {
        check(RENAME, "", "renamed-orders", Ok(()));
        check(
            RENAME,
            "",
            "src.orders",
            Err("call the tap `renamed-orders`"),
        );
        check("", "", "renamed-orders", Err("call the tap `src.orders`"));
        let kept = "transforms: k, transforms.k.type: org.apache.kafka.connect.transforms.InsertField$Value";
        check(kept, "", "renamed", Err("call the tap `src.orders`"));
        check(
            "transforms: k, transforms.k.type: x.Y",
            "",
            "renamed",
            Ok(()),
        );
        check(
            "replication.policy.separator: '_'",
            "",
            "src_orders",
            Ok(()),
        );
    }

    #[test]
    fn on_a_cluster_of_others_patterns_are_of_the_runs_own_topics_alone() {
        let text = text(
            &format!("topics: '.*', offsets.storage.topic: progress, {RENAME}"),
            "topics.regex: 'renamed-.*', errors.deadletterqueue.topic.name: dead",
            "renamed-orders",
        );
        let own = attached(&text).unwrap().with_own_names("own-");
        let configs: Vec<_> = own.route.connectors().map(|c| c.config.clone()).collect();
        let tap = own.route.legs[0].1.name.to_string();
        assert_eq!(configs[0]["topics"], "own-orders");
        assert_eq!(configs[0]["transforms.r.regex"], r"\Qown-src.own-orders\E");
        assert_eq!(configs[0]["transforms.r.replacement"], tap);
        assert_eq!(configs[1]["topics.regex"], format!(r"\Q{tap}\E"));
        assert!(tap.starts_with("own-"));
        // Connect makes these, and they must be gone after the run.
        assert_eq!(configs[0]["offsets.storage.topic"], "own-progress");
        let dead = &configs[1]["errors.deadletterqueue.topic.name"];
        assert_eq!(dead, "own-dead");
    }

    #[test]
    fn on_a_cluster_of_others_what_nobody_can_follow_is_a_mistake() {
        let said = |mirror: &str, sink: &str, tap: &str| {
            attached(&text(mirror, sink, tap)).unwrap_err().join("\n")
        };
        let unknown = said("transforms: k, transforms.k.type: x.Y", "", "renamed");
        assert!(
            unknown.contains("rename with one `RegexRouter`"),
            "{unknown}"
        );
        let provided = said("", "topics.regex: '${file:/x:y}'", "src.orders");
        assert!(provided.contains("have names of its own"), "{provided}");
        let source = "name: t
route:
  - connector: {name: c, config: {connector.class: VerifiableSource, transforms: r, transforms.r.type: org.apache.kafka.connect.transforms.RegexRouter, transforms.r.regex: '.*', transforms.r.replacement: REPLACED}}
  - tap: {topic: numbers}
";
        let written = |to: &str| attached(&source.replace("REPLACED", to));
        let strange = written("payments").unwrap_err().join("\n");
        assert!(
            strange.contains("may write into topics of others"),
            "{strange}"
        );
        assert!(written("'$0'").is_err());
        let own = written("numbers").unwrap().with_own_names("own-");
        let (connector, _) = &own.route.legs[0];
        assert_eq!(connector.config["transforms.r.replacement"], "own-numbers");
        assert!(written("'${out}'").is_ok());
    }
}
