//! What a scenario expects: the limits, and whether this route can measure them.

use crate::model::{Amount, DuplicateLimit, Expectations, LossLimit, OffsetMapping, Route};

use super::mistake::Collector;
use super::shape;
use super::tree::{Entry, Node, Value};
use super::units;

/// Reads the expectations; phantoms are always judged.
pub(super) fn read(node: Option<&Node>) -> Expectations {
    let Some(node) = node else {
        return Expectations {
            phantoms: Some(0),
            ..Expectations::default()
        };
    };
    Expectations {
        lost: lost(node),
        unexplained_duplicates: limit(node, "unexplained-duplicates"),
        duplicates: duplicates(node),
        order: limit(node, "order"),
        phantoms: limit(node, "phantoms").or(Some(0)),
        offsets: limit(node, "offsets"),
        overlap_ms: node.read("overlap", |text| match text {
            "none" => Ok(0),
            _ => units::duration(text),
        }),
        recovery_ms: node.read("recovery", units::duration),
        outage_ms: node.read("outage", units::duration),
        stops: limit(node, "stops"),
    }
}

/// A number, or 0 for the word that stands for it.
fn limit(node: &Node, key: &str) -> Option<u64> {
    let value = node.get(key)?;
    match &value.value {
        Value::Scalar { text, plain } => Some(shape::whole(text, *plain).unwrap_or(0)),
        Value::List(_) | Value::Map(_) => None,
    }
}

fn lost(node: &Node) -> Option<LossLimit> {
    let value = node.get("lost")?;
    match &value.value {
        Value::Map(_) => Some(LossLimit {
            at_most: amount(value.get("at-most")?)?,
            also_before_faults: value.text_of("also-before-faults") == Some("true"),
        }),
        Value::Scalar { .. } | Value::List(_) => limit(node, "lost").map(LossLimit::anywhere),
    }
}

fn amount(node: &Node) -> Option<Amount> {
    let Value::Scalar { text, plain } = &node.value else {
        return None;
    };
    match shape::whole(text, *plain) {
        Some(count) => Some(Amount::Count(count)),
        None => units::share(text)
            .ok()
            .map(|per_million| Amount::Share { per_million }),
    }
}

fn duplicates(node: &Node) -> Option<DuplicateLimit> {
    match node.text_of("duplicates")? {
        "within-flush-bound" => Some(DuplicateLimit::WithinFlushBound),
        _ => limit(node, "duplicates").map(DuplicateLimit::Count),
    }
}

/// Reports each expectation that this route cannot measure.
pub(super) fn check(node: &Node, route: &Route, mistakes: &mut Collector<'_>) {
    let blind: Vec<&str> = route
        .connectors()
        .filter(|connector| connector.offsets == OffsetMapping::NotMeasurable)
        .map(|connector| connector.name.as_str())
        .collect();
    let Some(first) = blind.first() else { return };
    let all_blind = blind.len() == route.legs.len();
    let mut report = |entry: &Entry| {
        let message = format!("this route cannot measure `{}`", entry.key);
        let help = format!(
            "nothing maps the offsets of `{first}` to records: add `offsets: {{sequence: /…, names: last-sent}}` to it"
        );
        mistakes.report(entry.key_span, message, help);
    };
    for entry in node.entries() {
        match entry.key.as_str() {
            "offsets" if all_blind => report(entry),
            "unexplained-duplicates" => report(entry),
            "duplicates" if entry.value.text() == Some("within-flush-bound") => report(entry),
            _ => {}
        }
    }
}
