//! The text of a scenario made of somebody's files.

use crate::model::Direction;

use super::places::{Leg, Place};
use super::value::Setting;
use super::worker::Worker;

/// The whole text, with everything that was said as comments at its head.
pub(super) fn scenario(files: &[&str], notes: &[String], worker: &Worker, leg: &Leg) -> String {
    let mut text = "# yaml-language-server: $schema=scenario.schema.json\n".to_owned();
    let files: Vec<String> = files
        .iter()
        .map(|file| file.escape_debug().to_string())
        .collect();
    text += &format!("# Made by `squall init` of {}.\n", files.join(" and "));
    for note in notes {
        text += &format!("# - {note}\n");
    }
    let name = &leg.name;
    text += &format!("name: {}\n", scalar(name));
    let question = format!(
        "Does {name} lose or repeat records when one worker is killed and another is stopped?"
    );
    text += &format!("question: {}\n", scalar(&question));
    text += "connect:\n  workers: 3\n";
    if !worker.plugins.is_empty() {
        text += "  plugins:\n";
        for plugin in &worker.plugins {
            text += &format!("    - {{path: {}}}\n", scalar(plugin));
        }
    }
    text += &settings("  ", &worker.settings);
    text += &route(leg);
    text += "faults:\n  - kill: {target: follower, restart-after: 2s}\n  - stop: {target: leader, grace: 30s, restart-after: 0s}\n";
    text += &expect(leg);
    text
}

fn route(leg: &Leg) -> String {
    let mut text = "route:\n".to_owned();
    if let Some(feed) = &leg.feed {
        text += &place("feed", feed);
    }
    text += &format!("  - connector:\n      name: {}\n", scalar(&leg.name));
    if let Some(direction) = leg.direction {
        let word = match direction {
            Direction::Source => "source",
            Direction::Sink => "sink",
        };
        text += &format!("      direction: {word}\n");
    }
    text += &settings("      ", &leg.settings);
    text + &place("tap", &leg.tap)
}

fn place(step: &str, place: &Place) -> String {
    format!("  - {step}: {{{}: {}}}\n", place.kind, scalar(&place.name))
}

fn settings(indent: &str, settings: &[Setting]) -> String {
    if settings.is_empty() {
        return format!("{indent}config: {{}}\n");
    }
    let mut text = format!("{indent}config:\n");
    for Setting { name, value } in settings {
        text += &format!("{indent}  {}: {}\n", scalar(name), scalar(value));
    }
    text
}

fn expect(leg: &Leg) -> String {
    let judged =
        "  unexplained-duplicates: 0\n  duplicates: within-flush-bound\n  offsets: honest\n";
    let judged = match leg.offsets_known {
        true => judged.to_owned(),
        // These need `offsets` beside the connector's configuration: docs/scenarios.md.
        false => judged
            .lines()
            .map(|line| format!("  # needs `offsets`:{line}\n"))
            .collect(),
    };
    format!("expect:\n  lost: 0\n{judged}  order: kept\n  overlap: none\n  stops: graceful\n")
}

/// A value as YAML: plain where nothing could be meant by it but itself, else in quotes.
fn scalar(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/');
    let words = ["true", "false", "yes", "no", "on", "off"];
    let lower = text.to_ascii_lowercase();
    let plain = text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(is_plain)
        && !["null", "y", "n"].contains(&lower.as_str());
    if plain || words.contains(&lower.as_str()) {
        return text.to_owned();
    }
    // A JSON string is a YAML string; line separators that YAML would break at are escaped besides.
    serde_json::Value::from(text)
        .to_string()
        .replace('\u{85}', "\\u0085")
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029")
        .replace('\u{7f}', "\\u007f")
        .replace('\u{feff}', "\\ufeff")
}
