//! Holds a tree against the key tables and reports whatever does not fit them.

use crate::model::KafkaVersion;

use super::keys::{Shape, Table};
use super::mistake::{Collector, Span};
use super::tree::{Node, Value};
use super::units;

/// What the whole file is called in messages.
pub(super) const SCENARIO_NAME: &str = "the scenario";
/// The same for an inventory.
pub(super) const INVENTORY_NAME: &str = "the inventory";
const WORKER: &str = "a worker";
const STEP: &str = "a step of the route";
const FAULT: &str = "a fault";
const ROUND_STEP: &str = "a step of a round";
const PLUGIN: &str = "a plugin";

/// Reports everything in `node` that the shape does not allow; `name` is what the value belongs to, at `key_span`.
pub(super) fn check(
    node: &Node,
    shape: &Shape,
    name: &str,
    key_span: Span,
    mistakes: &mut Collector<'_>,
) {
    match (shape, &node.value) {
        (Shape::Map(table) | Shape::TextOr(table) | Shape::LimitOr(_, table), Value::Map(_)) => {
            check_map(node, table, name, key_span, mistakes);
        }
        (Shape::Settings, Value::Map(_)) => check_settings(node, mistakes),
        (Shape::WordOrTexts(_), Value::List(items)) => {
            for item in items.iter() {
                check(item, &Shape::Text, name, item.span, mistakes);
            }
        }
        (Shape::List(of, least, most), Value::List(items)) => {
            if items.len() < *least {
                let message = format!("`{name}` is empty");
                mistakes.report(node.span, message, "give it at least one item");
            }
            if items.len() > *most {
                let message = format!("`{name}` has {} items", items.len());
                let help = format!("at most {most}; the rest of the file was not looked at");
                mistakes.stop(key_span, message, help);
            }
            for item in items.iter().take(*most) {
                check(item, of, item_name(name), item.span, mistakes);
            }
        }
        (_, Value::Scalar { text, plain }) if !node.is_null() => {
            if let Err((message, help)) = check_scalar(shape, text, *plain, name) {
                mistakes.report(node.span, message, help);
            }
        }
        _ => wrong_kind(node, shape, name, key_span, mistakes),
    }
}

fn check_map(
    node: &Node,
    table: &Table,
    name: &str,
    name_span: Span,
    mistakes: &mut Collector<'_>,
) {
    for entry in node.entries() {
        match table.keys.iter().find(|key| key.name == entry.key) {
            Some(key) => check(&entry.value, &key.shape, key.name, entry.key_span, mistakes),
            None => {
                let (message, help) = unknown_key(&entry.key, table, name);
                mistakes.report(entry.key_span, message, help);
            }
        }
    }
    let missing = table
        .keys
        .iter()
        .filter(|key| key.required && node.entry(key.name).is_none());
    for key in missing {
        let message = format!("`{}` is missing in {}", key.name, place_name(name));
        mistakes.report(name_span, message, format!("add `{}:`", key.name));
    }
    check_groups(node, table, name, name_span, mistakes);
}

fn unknown_key(key: &str, table: &Table, name: &str) -> Wrong {
    if let Some((_, help)) = table.elsewhere.iter().find(|(other, _)| *other == key) {
        let message = format!("{} has no `{key}`", place_name(name));
        return (message, (*help).to_owned());
    }
    let known: Vec<&str> = table.keys.iter().map(|key| key.name).collect();
    (format!("unknown key `{key}`"), meant(key, &known))
}

fn check_groups(
    node: &Node,
    table: &Table,
    name: &str,
    name_span: Span,
    mistakes: &mut Collector<'_>,
) {
    let has_unknown_key = node
        .entries()
        .iter()
        .any(|entry| table.keys.iter().all(|key| key.name != entry.key));
    for group in table.exactly_one {
        let none = group.iter().all(|key| node.entry(key).is_none());
        // An unknown key beside it was probably meant to be the missing one, and is reported already.
        if none && !has_unknown_key {
            let choice = listed(group, "or");
            let message = format!("{} needs {choice}", place_name(name));
            mistakes.report(name_span, message, format!("add {choice}"));
        }
    }
    for group in table.exactly_one.iter().chain(table.at_most_one) {
        let mut there = node
            .entries()
            .iter()
            .filter(|entry| group.contains(&entry.key.as_str()));
        let Some(first) = there.next() else { continue };
        for other in there {
            let message = format!("`{}` cannot stand beside `{}`", other.key, first.key);
            let help = match *group {
                ["feed", ..] | ["kill", _, "pause", ..] => {
                    "each step has one key: begin a new line with `- `"
                }
                ["file", "partitions"] => "only a topic has partitions",
                _ => "keep one of the two",
            };
            mistakes.report(other.key_span, message, help);
        }
    }
}

fn check_settings(node: &Node, mistakes: &mut Collector<'_>) {
    for entry in node.entries() {
        let message = match &entry.value.value {
            Value::Scalar { .. } if !entry.value.is_null() => continue,
            Value::Scalar { .. } => format!("`{}` has no value", entry.key),
            Value::List(_) | Value::Map(_) => format!("`{}` is no single value", entry.key),
        };
        let help = "Kafka settings are single values: write a word, a number, or `\"\"` for empty";
        let span = match entry.value.span.length {
            0 => entry.key_span,
            _ => entry.value.span,
        };
        mistakes.report(span, message, help);
    }
}

/// Message and help of a mistake.
type Wrong = (String, String);

fn check_scalar(shape: &Shape, text: &str, plain: bool, name: &str) -> Result<(), Wrong> {
    let because = |what: &'static str| {
        move |help: String| (format!("`{text}` is no {what} for `{name}`"), help)
    };
    let expected = || {
        (
            format!("{} cannot be `{text}`", place_name(name)),
            format!("expected {}", noun(shape)),
        )
    };
    match shape {
        Shape::Text | Shape::TextOr(_) if plain && is_number_or_truth(text) => Err((
            format!("{} must be text", place_name(name)),
            format!("put quotes around it: `\"{text}\"`"),
        )),
        Shape::Text | Shape::TextOr(_) => Ok(()),
        Shape::Word(words) if words.contains(&text) => Ok(()),
        Shape::WordOrTexts(word) if text == *word => Ok(()),
        Shape::WordOrTexts(_) => Err(expected()),
        Shape::Word(words) => Err((format!("`{name}` cannot be `{text}`"), meant(text, words))),
        Shape::Whole(least, most) => check_whole(text, plain, name, *least, *most),
        Shape::OneOf(numbers) => match whole(text, plain) {
            Some(number) if numbers.contains(&number) => Ok(()),
            _ => Err(expected()),
        },
        Shape::Duration => units::duration(text).map(drop).map_err(because("duration")),
        Shape::Length => match units::duration(text) {
            Ok(0) => Err((
                format!("`{name}` is no time at all"),
                "write how long, such as `20s`".to_owned(),
            )),
            read => read.map(drop).map_err(because("duration")),
        },
        Shape::DurationOr(word) if text == *word => Ok(()),
        Shape::DurationOr(word) => units::duration(text)
            .map(drop)
            .map_err(|help| because("duration")(format!("{help}, or `{word}`"))),
        Shape::Jittered => units::jittered(text).map(drop).map_err(because("duration")),
        Shape::Stretch => units::stretch(text).map(drop).map_err(because("window")),
        Shape::Rate => units::rate(text).map(drop).map_err(because("rate")),
        Shape::Size => units::size(text).map(drop).map_err(because("size")),
        Shape::Pointer => units::pointer(text)
            .map(drop)
            .map_err(because("JSON pointer")),
        Shape::Maven => units::maven(text)
            .map(drop)
            .map_err(because("Maven coordinate")),
        Shape::Version => check_version(text, name),
        Shape::Limit(words) | Shape::LimitOr(words, _)
            if words.contains(&text) || whole(text, plain).is_some() =>
        {
            Ok(())
        }
        Shape::Limit(_) | Shape::LimitOr(..) => Err(expected()),
        Shape::Amount if whole(text, plain).is_some() => Ok(()),
        Shape::Amount => units::share(text)
            .map(drop)
            .map_err(|help| because("amount")(format!("{help}, or a whole number"))),
        Shape::Truth if plain && matches!(text, "true" | "false") => Ok(()),
        Shape::Truth => Err(expected()),
        Shape::Settings | Shape::Map(_) | Shape::List(..) => Err(expected()),
    }
}

fn check_whole(text: &str, plain: bool, name: &str, least: u64, most: u64) -> Result<(), Wrong> {
    match whole(text, plain) {
        Some(number) if number < least => Err((
            format!("`{name}` must be at least {least}"),
            format!("write a whole number from {least} to {most}"),
        )),
        Some(number) if number > most => Err((
            format!("`{name}` must be at most {most}"),
            format!("write a whole number from {least} to {most}"),
        )),
        Some(_) => Ok(()),
        None => Err((
            format!("`{text}` is no whole number for `{name}`"),
            format!("write a whole number from {least} to {most}, without quotes"),
        )),
    }
}

fn check_version(text: &str, name: &str) -> Result<(), Wrong> {
    let range = "Squall knows 3.0.0 to 4.3.x";
    match text.parse::<KafkaVersion>() {
        Err(_) => Err((
            format!("`{text}` is no Kafka version for `{name}`"),
            "write three numbers, such as `4.1.1`".to_owned(),
        )),
        Ok(version) if !version.at_least(3, 0) || version.at_least(4, 4) => Err((
            format!("Kafka {version} is not supported"),
            range.to_owned(),
        )),
        Ok(_) => Ok(()),
    }
}

fn wrong_kind(
    node: &Node,
    shape: &Shape,
    name: &str,
    key_span: Span,
    mistakes: &mut Collector<'_>,
) {
    let name = place_name(name);
    let message = match &node.value {
        Value::Scalar { .. } if node.is_null() => format!("{name} has no value"),
        Value::Scalar { text, .. } => format!("{name} cannot be `{text}`"),
        Value::List(_) => format!("{name} cannot be a list"),
        Value::Map(_) => format!("{name} cannot be a map"),
    };
    let span = match node.span.length {
        0 => key_span,
        _ => node.span,
    };
    mistakes.report(span, message, format!("expected {}", noun(shape)));
}

fn noun(shape: &Shape) -> String {
    match shape {
        Shape::Text => "text".to_owned(),
        Shape::Word(words) => listed(words, "or"),
        Shape::Whole(least, most) => format!("a whole number from {least} to {most}"),
        Shape::OneOf(numbers) => {
            let words: Vec<String> = numbers.iter().map(u64::to_string).collect();
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            listed(&words, "or")
        }
        Shape::Duration | Shape::Length => "a duration, such as `2s`".to_owned(),
        Shape::DurationOr(word) => format!("a duration, such as `2s`, or `{word}`"),
        Shape::Jittered => "a duration, such as `15s` or `15s ± 3s`".to_owned(),
        Shape::Stretch => "a window, such as `10s..60s`".to_owned(),
        Shape::Rate => "a rate, such as `2000/s`".to_owned(),
        Shape::Size => "a size, such as `200` or `1KiB`".to_owned(),
        Shape::Version => "a Kafka version, such as `4.1.1`".to_owned(),
        Shape::Pointer => "a JSON pointer, such as `/id`".to_owned(),
        Shape::Maven => "a Maven coordinate `group:artifact:version`".to_owned(),
        Shape::Limit(words) => format!("a whole number or {}", listed(words, "or")),
        Shape::LimitOr(words, table) => format!(
            "a whole number, {}, or a map with {}",
            listed(words, "or"),
            keys_of(table)
        ),
        Shape::Amount => "a whole number, or a share such as `10 %`".to_owned(),
        Shape::Truth => "`true` or `false`".to_owned(),
        Shape::Settings => "a map of Kafka settings".to_owned(),
        Shape::Map(table) => format!("a map with {}", keys_of(table)),
        Shape::List(..) => "a list: `- ` before each item".to_owned(),
        Shape::WordOrTexts(word) => format!("`{word}`, or a list of names"),
        Shape::TextOr(table) => format!("text, or a map with {}", keys_of(table)),
    }
}

fn keys_of(table: &Table) -> String {
    let keys: Vec<&str> = table.keys.iter().map(|key| key.name).collect();
    match table.exactly_one {
        [group] if group.len() == keys.len() => listed(&keys, "or"),
        _ => listed(&keys, "and"),
    }
}

fn place_name(name: &str) -> String {
    match name {
        SCENARIO_NAME | INVENTORY_NAME | STEP | FAULT | ROUND_STEP | PLUGIN | WORKER => {
            name.to_owned()
        }
        _ => format!("`{name}`"),
    }
}

fn item_name(list: &str) -> &str {
    match list {
        "route" => STEP,
        "faults" => FAULT,
        "do" => ROUND_STEP,
        "plugins" => PLUGIN,
        "workers" => WORKER,
        _ => list,
    }
}

/// The whole number that an unquoted scalar stands for.
pub(super) fn whole(text: &str, plain: bool) -> Option<u64> {
    let digits = plain && text.bytes().all(|b| b.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

/// Whether YAML reads this unquoted scalar as something other than text.
pub(super) fn is_number_or_truth(text: &str) -> bool {
    let starts_like_a_number = text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
    let number = starts_like_a_number && text.parse::<f64>().is_ok();
    let other_base = |prefix: &str, base: u32| {
        text.strip_prefix(prefix)
            .is_some_and(|digits| u64::from_str_radix(digits, base).is_ok())
    };
    let truths = ["true", "True", "TRUE", "false", "False", "FALSE"];
    number || other_base("0x", 16) || other_base("0o", 8) || truths.contains(&text)
}

/// No key is as long.
const MOST_COMPARED: usize = 300;
/// Who has more names than this reads none of them.
const MOST_LISTED: usize = 20;

/// The names in words: "`a`, `b` or `c`".
pub(super) fn listed(names: &[&str], last: &str) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        None => "nothing".to_owned(),
        Some((only, [])) => only.clone(),
        Some(_) if quoted.len() > MOST_LISTED => {
            let (first, more) = quoted.split_at(MOST_LISTED);
            format!("{} and {} more", first.join(", "), more.len())
        }
        Some((end, rest)) => format!("{} {last} {end}", rest.join(", ")),
    }
}

/// What was probably meant by a word that is none of the known ones; else the known ones.
pub(super) fn meant(word: &str, known: &[&str]) -> String {
    match nearest(word, known) {
        // A third of the letters may be wrong: enough for typing mistakes, too little for another word.
        Some((distance, name)) if distance <= (name.chars().count() / 3).max(1) => {
            format!("did you mean `{name}`?")
        }
        _ => format!("known here: {}", listed(known, "and")),
    }
}

/// The known word that is nearest to this one, and how many letters they differ by. Words of quite another length are not
/// compared: that takes time and memory with the product of both lengths.
pub(super) fn nearest<'k>(word: &str, known: &[&'k str]) -> Option<(usize, &'k str)> {
    let length = word.chars().take(MOST_COMPARED + 1).count();
    let comparable = |name: &&&str| {
        let other = name.chars().count();
        length <= MOST_COMPARED && length.abs_diff(other) <= (other / 3).max(2)
    };
    let near = known.iter().filter(comparable);
    near.map(|name| (strsim::damerau_levenshtein(word, name), *name))
        .min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_keyboard_is_understood_and_another_word_is_not() {
        let known = ["restart-after", "target", "at"];
        assert_eq!(
            meant("resart-after", &known),
            "did you mean `restart-after`?"
        );
        assert_eq!(meant("taregt", &known), "did you mean `target`?");
        assert_eq!(
            meant("colour", &known),
            "known here: `restart-after`, `target` and `at`"
        );
    }

    #[test]
    fn a_word_without_end_is_compared_with_nothing_and_many_names_are_counted() {
        let names: Vec<String> = (0..500).map(|n| format!("name-{n}")).collect();
        let known: Vec<&str> = names.iter().map(String::as_str).collect();
        let told = meant(&"x".repeat(1 << 20), &known);
        assert!(told.ends_with("`name-19` and 480 more"), "{told}");
    }

    #[test]
    fn a_version_is_text_and_a_number_is_not() {
        assert!(!is_number_or_truth("4.1.1") && !is_number_or_truth("info"));
        for number in ["4.1", "12", "1e3", "-1", ".5", "0x1F", "true"] {
            assert!(is_number_or_truth(number), "{number:?} counted as text");
        }
    }
}
