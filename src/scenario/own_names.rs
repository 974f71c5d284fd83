//! A scenario for a cluster of somebody else: everything of ours gets names with a prefix, wherever it is spoken of.

use std::collections::BTreeMap;

use crate::model::{
    Connector, ConnectorName, Direction, Medium, Origin, Place, PlaceName, Route, Target, TaskId,
};

use super::substitute::{self, Piece};
use super::value::{FaultStep, InjectStep, Scenario};
use super::{java_regex, topic_names};

impl Scenario {
    /// The same scenario with this prefix before the names of its connectors, topics and files, and in whatever refers to
    /// them. The topic of a MirrorSource keeps the form that its replication policy gives it: the alias has the prefix too.
    pub fn with_own_names(&self, prefix: &str) -> Self {
        let names = self.own_places(prefix);
        let mut own = self.clone();
        if let Origin::Feed(place) = &mut own.route.origin {
            rename_place(place, &names);
        }
        for (leg, (connector, tap)) in own.route.legs.iter_mut().enumerate() {
            rename_connector(connector, prefix, &names);
            fit_patterns(connector, &self.route, leg, &names);
            rename_place(tap, &names);
        }
        for step in &mut own.faults {
            match step {
                FaultStep::Inject(step) => rename_target(&mut step.target, prefix),
                FaultStep::Repeat { steps, .. } => steps
                    .iter_mut()
                    .for_each(|InjectStep { target, .. }| rename_target(target, prefix)),
                FaultStep::Rolling { .. } => {}
            }
        }
        own
    }

    /// The new name of each place.
    fn own_places(&self, prefix: &str) -> BTreeMap<String, String> {
        let mut names = BTreeMap::new();
        if let Some(feed) = self.route.feed() {
            names.insert(feed.name.to_string(), format!("{prefix}{}", feed.name));
        }
        for (leg, (connector, tap)) in self.route.legs.iter().enumerate() {
            let input = self.route.input_of(leg).map(|place| place.name.as_str());
            let own = match input.and_then(|input| tap.name.as_str().strip_suffix(input)) {
                // Whatever the policy puts before the topic stays before the topic's new name.
                Some(before) if connector.is_class("MirrorSource") => {
                    let input = input.unwrap_or_default();
                    format!(
                        "{prefix}{before}{}",
                        names.get(input).map_or(input, String::as_str)
                    )
                }
                Some(_) | None => format!("{prefix}{}", tap.name),
            };
            names.insert(tap.name.to_string(), own);
        }
        names
    }
}

/// The prefix before the name of a connector; the name stays as it is where the result would be none.
pub fn own_connector(prefix: &str, name: &ConnectorName) -> ConnectorName {
    ConnectorName::new(&format!("{prefix}{name}")).unwrap_or_else(|_| name.clone())
}

/// The prefix in a target that speaks of a task.
pub fn rename_target(target: &mut Target, prefix: &str) {
    if let Target::Owner(TaskId { connector, .. }) = target {
        *connector = own_connector(prefix, connector);
    }
}

fn rename_place(place: &mut Place, names: &BTreeMap<String, String>) {
    let Some(own) = names.get(place.name.as_str()) else {
        return;
    };
    if let Ok(name) = PlaceName::new(own) {
        place.name = name;
        place.medium = match &place.medium {
            Medium::Topic(_) => Medium::Topic(own.clone()),
            Medium::File(_) => Medium::File(own.clone()),
        };
    }
}

fn rename_connector(connector: &mut Connector, prefix: &str, names: &BTreeMap<String, String>) {
    connector.name = own_connector(prefix, &connector.name);
    let is_mirror = connector.is_class("MirrorSource");
    for (key, value) in &mut connector.config {
        *value = references(value, names);
        let is_target = connector.direction == Direction::Source && key.ends_with(".replacement");
        if key.contains("topic") || is_target {
            *value = listed(value, names);
        }
        let is_own = matches!(key.as_str(), "consumer.override.group.id" | "name")
            // Connect makes these topics.
            || matches!(key.as_str(), "errors.deadletterqueue.topic.name" | "offsets.storage.topic")
                && !value.is_empty()
                && !names.values().any(|own| own == value)
            // MirrorSource makes a topic of its own with the name of its target.
            || (is_mirror
                && matches!(key.as_str(), "source.cluster.alias" | "target.cluster.alias"));
        if is_own {
            *value = format!("{prefix}{value}");
        }
    }
}

/// Patterns of topics, and what renames topics, were written for the names of the scenario: what is at `leg` of this route
/// gets patterns of the run's own topics alone, so that nothing of others is read or written.
fn fit_patterns(
    connector: &mut Connector,
    route: &Route,
    leg: usize,
    names: &BTreeMap<String, String>,
) {
    let Some((before, tap)) = route.legs.get(leg) else {
        return;
    };
    let own = |place: &Place| names.get(place.name.as_str()).cloned();
    let Some((input, own_input)) = route
        .input_of(leg)
        .and_then(|place| Some((place.name.as_str(), own(place)?)))
    else {
        return;
    };
    if before.direction == Direction::Sink {
        if let Some(pattern) = connector.config.get_mut("topics.regex") {
            *pattern = java_regex::quoted(&own_input);
        }
        return;
    }
    if !before.is_class("MirrorSource") {
        return;
    }
    connector
        .config
        .insert("topics".to_owned(), own_input.clone());
    let sent = topic_names::as_sent(route, leg);
    let written = topic_names::mirrored(&sent, input);
    let renamed = written.and_then(|written| {
        let renamed = topic_names::renamed(&sent, &written)?;
        (renamed == tap.name.as_str() && renamed != written).then_some(renamed)
    });
    let (Some(_), Some(own_tap), Some(own_written)) = (
        renamed,
        own(tap),
        topic_names::mirrored(&connector.config, &own_input),
    ) else {
        return;
    };
    let routers: Vec<String> = topic_names::transforms(&sent)
        .filter(|name| topic_names::is_router(&sent, name))
        .map(|name| format!("transforms.{name}."))
        .collect();
    for router in routers {
        let pattern = java_regex::quoted(&own_written);
        connector.config.insert(format!("{router}regex"), pattern);
        connector
            .config
            .insert(format!("{router}replacement"), own_tap.clone());
    }
}

/// `${topic.orders}` and the like with the new name.
fn references(value: &str, names: &BTreeMap<String, String>) -> String {
    let again = |piece: Piece<'_>| match piece {
        // A plain `${` was written as `$${`.
        Piece::Text("${") => "$${".to_owned(),
        Piece::Text(text) | Piece::Unclosed(text) => text.to_owned(),
        Piece::Name(name) => {
            let place = name.split_once('.');
            let own = place.and_then(|(kind, place)| Some((kind, names.get(place)?)));
            own.map_or_else(
                || format!("${{{name}}}"),
                |(kind, own)| format!("${{{kind}.{own}}}"),
            )
        }
    };
    substitute::pieces(value).into_iter().map(again).collect()
}

/// A list of topics with the new names of ours.
fn listed(value: &str, names: &BTreeMap<String, String>) -> String {
    let renamed = value.split(',').map(|part| {
        let own = names.get(part.trim());
        own.map_or(part, String::as_str)
    });
    renamed.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Substitutions, parse, resolve_config};

    const PREFIX: &str = "squall-1a2b3c4d-";

    fn own(text: &str) -> Scenario {
        parse("t.yaml", text).unwrap().with_own_names(PREFIX)
    }

    fn config(scenario: &Scenario, leg: usize) -> BTreeMap<String, String> {
        let substitutions = Substitutions {
            bootstrap: "b:1",
            data_folder: std::path::Path::new("/data"),
        };
        resolve_config(&scenario.route, leg, &substitutions)
    }

    #[test]
    fn everything_of_the_bounce_gets_the_prefix_and_still_fits_together() {
        let scenario = own(include_str!("../../scenarios/bounce.yaml"));
        let places: Vec<&str> = scenario
            .route
            .places()
            .map(|place| place.name.as_str())
            .collect();
        let mirrored = "squall-1a2b3c4d-src.squall-1a2b3c4d-orders";
        assert_eq!(
            places,
            [
                "squall-1a2b3c4d-orders",
                mirrored,
                "squall-1a2b3c4d-archive.txt"
            ]
        );
        let mirror = config(&scenario, 0);
        assert_eq!(mirror["topics"], "squall-1a2b3c4d-orders");
        // DefaultReplicationPolicy: alias, dot, topic.
        assert_eq!(
            format!("{}.{}", mirror["source.cluster.alias"], mirror["topics"]),
            mirrored
        );
        assert!(mirror["target.cluster.alias"].starts_with(PREFIX));
        let sink = config(&scenario, 1);
        assert_eq!(sink["topics"], mirrored);
        assert_eq!(sink["file"], "/data/squall-1a2b3c4d-archive.txt");
        let names: Vec<String> = scenario
            .route
            .connectors()
            .map(|c| c.name.to_string())
            .collect();
        assert_eq!(names, ["squall-1a2b3c4d-mirror", "squall-1a2b3c4d-archive"]);
    }

    #[test]
    fn references_by_name_and_targets_follow() {
        let text = "name: t\nroute:\n  - feed: {topic: in}\n  - connector: {name: s, config: {connector.class: a.b.MySink, topics: 'in', dlq.topic.name: other, note: '$${topic.in} ${topic.in} ${file:/x:y}', consumer.override.group.id: g}}\n  - tap: {file: out.txt}\nfaults:\n  - kill: {owner: s-0}\n";
        let scenario = own(text);
        let config = config(&scenario, 0);
        assert_eq!(config["topics"], "squall-1a2b3c4d-in");
        assert_eq!(config["dlq.topic.name"], "other");
        assert_eq!(
            config["note"],
            "${topic.in} squall-1a2b3c4d-in ${file:/x:y}"
        );
        assert_eq!(config["consumer.override.group.id"], "squall-1a2b3c4d-g");
        let FaultStep::Inject(step) = &scenario.faults[0] else {
            panic!("one fault")
        };
        assert_eq!(step.target.to_string(), "the owner of squall-1a2b3c4d-s-0");
    }

    #[test]
    fn all_bundled_scenarios_can_have_own_names() {
        for entry in std::fs::read_dir("scenarios").unwrap().flatten() {
            let path = entry.path();
            if path
                .extension()
                .is_some_and(|extension| extension == "yaml")
            {
                let scenario = own(&std::fs::read_to_string(&path).unwrap());
                let all_own = scenario
                    .route
                    .places()
                    .all(|place| place.name.as_str().starts_with(PREFIX));
                assert!(all_own, "{}", path.display());
                (0..scenario.route.legs.len()).for_each(|leg| {
                    let left = config(&scenario, leg)
                        .values()
                        .any(|value| value.contains("${"));
                    assert!(!left, "{}", path.display());
                });
            }
        }
    }
}
