//! Transforms, predicates, groups of topics and configuration providers: a list names them, and each has settings of its own.

use std::collections::BTreeSet;

use crate::model::is_provided;

use super::super::mistake::Collector;
use super::super::tree::{Entry, Node};

/// A list with what Connect wants of each of its names.
struct List {
    /// The setting that holds the list.
    key: &'static str,
    /// What stands before the settings of each name.
    prefix: &'static str,
    /// What each name must have, where it must have something.
    needed: Option<&'static str>,
}

const OF_CONNECTORS: [List; 3] = [
    List {
        key: "transforms",
        prefix: "transforms.",
        needed: Some("type"),
    },
    List {
        key: "predicates",
        prefix: "predicates.",
        needed: Some("type"),
    },
    List {
        key: "topic.creation.groups",
        prefix: "topic.creation.",
        needed: None,
    },
];

const PROVIDERS: List = List {
    key: "config.providers",
    prefix: "config.providers.",
    needed: Some("class"),
};

/// Reports what a connector's lists and the settings behind them do not have in common.
pub(super) fn check_connector(config: &Node, mistakes: &mut Collector<'_>) {
    for list in &OF_CONNECTORS {
        list.check(config, mistakes);
    }
    check_predicates(config, mistakes);
}

/// The same for the configuration providers of workers.
pub(super) fn check_worker(config: &Node, mistakes: &mut Collector<'_>) {
    PROVIDERS.check(config, mistakes);
}

/// The names that a list holds; `None` where a configuration provider gives it.
pub(super) fn names<'n>(config: &'n Node, key: &str) -> Option<Vec<&'n str>> {
    let text = config.text_of(key).unwrap_or("");
    let names = text.split(',').map(str::trim);
    (!is_provided(text)).then(|| names.filter(|name| !name.is_empty()).collect())
}

impl List {
    fn check(&self, config: &Node, mistakes: &mut Collector<'_>) {
        let key = self.key;
        let Some(names) = names(config, key) else {
            return;
        };
        if let Some(node) = config.get(key) {
            let mut seen = BTreeSet::new();
            for name in &names {
                let needed = self
                    .needed
                    .map(|what| format!("{}{name}.{what}", self.prefix));
                let missing = needed.filter(|needed| config.get(needed).is_none());
                if !seen.insert(name) {
                    let message = format!("`{key}` names `{name}` twice: Connect refuses that");
                    mistakes.report(node.span, message, "take one of them out");
                } else if let Some(missing) = missing {
                    let message = format!("`{key}` names `{name}`, and there is no `{missing}`");
                    let help = format!("add it, or take `{name}` out of the list");
                    mistakes.report(node.span, message, help);
                }
            }
        }
        let mut told = BTreeSet::new();
        for entry in config.entries() {
            if let Some(name) = self.unlisted(entry, &names)
                && told.insert(name)
            {
                let message = format!(
                    "`{}` has no effect: `{key}` does not name `{name}`",
                    entry.key
                );
                mistakes.warn(entry.key_span, message, format!("add `{name}` to `{key}`"));
            }
        }
    }

    /// The name that a setting is for, where the list does not have it.
    fn unlisted<'e>(&self, entry: &'e Entry, names: &[&str]) -> Option<&'e str> {
        let rest = entry.key.strip_prefix(self.prefix)?;
        let (name, _) = rest.split_once('.')?;
        let mut listed = names.iter();
        let is_listed = listed.any(|listed| {
            let own = rest.strip_prefix(listed);
            own.is_some_and(|own| own.starts_with('.'))
        });
        // The group that needs no list.
        let is_given = self.prefix == "topic.creation." && name == "default";
        (!is_listed && !is_given).then_some(name)
    }
}

/// A transform may stand under a condition that a predicate gives.
fn check_predicates(config: &Node, mistakes: &mut Collector<'_>) {
    let (Some(transforms), Some(predicates)) =
        (names(config, "transforms"), names(config, "predicates"))
    else {
        return;
    };
    for transform in transforms {
        let key = format!("transforms.{transform}.predicate");
        let negate = format!("transforms.{transform}.negate");
        match (config.get(&key), config.get(&negate)) {
            (Some(node), _) => {
                let Some(name) = node.text().map(str::trim) else {
                    continue;
                };
                if !is_provided(name) && !predicates.contains(&name) {
                    let message = format!("no predicate is called `{name}`");
                    let help =
                        format!("name it in `predicates`, and give `predicates.{name}.type`");
                    mistakes.report(node.span, message, help);
                }
            }
            (None, Some(node)) => {
                let message = format!("`{negate}` without `{key}`: Connect refuses that");
                mistakes.report(node.span, message, format!("add `{key}`, or take it out"));
            }
            (None, None) => {}
        }
    }
}
