//! What `${…}` in a connector's configuration stands for.

use std::collections::BTreeMap;
use std::path::Path;

use crate::model::{Medium, Route};

/// What is known only when a run has begun.
#[derive(Debug, Clone, Copy)]
pub struct Substitutions<'a> {
    /// The brokers' addresses, `host:port` with commas between.
    pub bootstrap: &'a str,
    /// The absolute path of the folder that holds the feed and tap files.
    pub data_folder: &'a Path,
}

/// The configuration of the leg's connector with every `${…}` replaced; empty when the route has no such leg.
///
/// A `${provider:…}` stays as it is: with a colon it is for Connect's own configuration providers.
pub fn resolve_config(
    route: &Route,
    leg: usize,
    substitutions: &Substitutions<'_>,
) -> BTreeMap<String, String> {
    let Some((connector, tap)) = route.legs.get(leg) else {
        return BTreeMap::new();
    };
    let places: Vec<&Medium> = route.places().map(|place| &place.medium).collect();
    let before = route.input_of(leg).map(|place| &place.medium);
    let names = known_names(before, Some(&tap.medium), &places);
    let resolve = |(key, value): (&String, &String)| {
        let value = pieces(value)
            .into_iter()
            .map(|piece| piece.resolved(&names, substitutions))
            .collect();
        (key.clone(), value)
    };
    connector.config.iter().map(resolve).collect()
}

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    Bootstrap,
    Topic(String),
    File(String),
}

impl Meaning {
    fn of(medium: &Medium) -> Self {
        match medium {
            Medium::Topic(name) => Self::Topic(name.clone()),
            Medium::File(name) => Self::File(name.clone()),
        }
    }

    fn text(&self, substitutions: &Substitutions<'_>) -> String {
        match self {
            Self::Bootstrap => substitutions.bootstrap.to_owned(),
            Self::Topic(name) => name.clone(),
            Self::File(name) => substitutions
                .data_folder
                .join(name)
                .to_string_lossy()
                .into_owned(),
        }
    }
}

/// All names that a connector between these two places can use, among all places of its route.
pub(super) fn known_names(
    before: Option<&Medium>,
    after: Option<&Medium>,
    all: &[&Medium],
) -> BTreeMap<String, Meaning> {
    let mut names = BTreeMap::new();
    for name in ["bootstrap", "bootstrap.servers"] {
        names.insert(name.to_owned(), Meaning::Bootstrap);
    }
    for (place, words) in [(before, ["in", "feed"]), (after, ["out", "tap"])] {
        let Some(place) = place else { continue };
        for word in words {
            names.insert(word.to_owned(), Meaning::of(place));
            names.insert(format!("{word}.{}", kind_of(place)), Meaning::of(place));
        }
    }
    for place in all {
        let (Medium::Topic(name) | Medium::File(name)) = place;
        for word in ["feed", "tap", kind_of(place)] {
            names
                .entry(format!("{word}.{name}"))
                .or_insert_with(|| Meaning::of(place));
        }
    }
    names
}

const fn kind_of(medium: &Medium) -> &'static str {
    match medium {
        Medium::Topic(_) => "topic",
        Medium::File(_) => "file",
    }
}

/// A part of a configuration value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece<'t> {
    /// Stays as it is.
    Text(&'t str),
    /// A name of ours, from a `${name}`.
    Name(&'t str),
    /// A `${` that is never closed.
    Unclosed(&'t str),
}

impl Piece<'_> {
    fn resolved(
        self,
        names: &BTreeMap<String, Meaning>,
        substitutions: &Substitutions<'_>,
    ) -> String {
        match self {
            Self::Text(text) | Self::Unclosed(text) => text.to_owned(),
            Self::Name(name) => names.get(name).map_or_else(
                || format!("${{{name}}}"),
                |meaning| meaning.text(substitutions),
            ),
        }
    }
}

/// The parts of a configuration value; `$${` is a plain `${`.
pub(super) fn pieces(value: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = value;
    while let Some(at) = rest.find("${") {
        let (before, found) = rest.split_at(at);
        if let Some(before) = before.strip_suffix('$') {
            pieces.extend([Piece::Text(before), Piece::Text("${")]);
            rest = &found[2..];
            continue;
        }
        pieces.push(Piece::Text(before));
        let Some(end) = found.find('}') else {
            pieces.push(Piece::Unclosed(found));
            return pieces;
        };
        let name = &found[2..end];
        pieces.push(if name.contains(':') {
            Piece::Text(&found[..=end])
        } else {
            Piece::Name(name)
        });
        rest = &found[end + 1..];
    }
    pieces.push(Piece::Text(rest));
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(value: &str) -> String {
        let orders = Medium::Topic("orders".to_owned());
        let archive = Medium::File("archive.txt".to_owned());
        let names = known_names(Some(&orders), Some(&archive), &[&orders, &archive]);
        let substitutions = Substitutions {
            bootstrap: "localhost:9092",
            data_folder: Path::new("/run/data"),
        };
        pieces(value)
            .into_iter()
            .map(|piece| piece.resolved(&names, &substitutions))
            .collect()
    }

    #[test]
    fn names_stand_for_topics_absolute_files_and_brokers() {
        assert_eq!(
            resolved("${in}|${feed}|${feed.topic}"),
            "orders|orders|orders"
        );
        assert_eq!(resolved("<${out}>"), "</run/data/archive.txt>");
        assert_eq!(
            resolved("${topic.orders},${tap.archive.txt}"),
            "orders,/run/data/archive.txt"
        );
        assert_eq!(resolved("${bootstrap}"), "localhost:9092");
        assert_eq!(resolved("${bootstrap.servers}"), "localhost:9092");
    }

    #[test]
    fn what_is_meant_for_connect_stays_as_it_is() {
        assert_eq!(resolved("$${topic}-${in}"), "${topic}-orders");
        assert_eq!(
            resolved("${file:/etc/secrets:password}"),
            "${file:/etc/secrets:password}"
        );
        assert_eq!(resolved("a $ b {c}"), "a $ b {c}");
    }
}
