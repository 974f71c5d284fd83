//! A setting of the clients of tasks: does that client have it?

use crate::model::settings::{Reader, definition, names};

use super::near::Patience;
use super::release::Release;
use super::said::{self, Said};

/// The clients with the words that stand before their settings at a worker.
pub(super) const CLIENTS: [(&str, Reader); 3] = [
    ("consumer.", Reader::Consumer),
    ("producer.", Reader::Producer),
    ("admin.", Reader::Admin),
];

/// The same in a connector (`ConnectorConfig`, KIP-458).
pub(super) const OVERRIDES: [(&str, Reader); 3] = [
    ("consumer.override.", Reader::Consumer),
    ("producer.override.", Reader::Producer),
    ("admin.override.", Reader::Admin),
];

pub(super) const fn noun(reader: Reader) -> &'static str {
    match reader {
        Reader::Consumer => "consumer",
        Reader::Producer => "producer",
        Reader::Admin => "admin client",
        Reader::Worker => "worker",
        Reader::Source | Reader::MirrorSource | Reader::FileStreamSource => "source connector",
        Reader::Sink | Reader::FileStreamSink => "sink connector",
    }
}

/// The client that has this setting, where only one kind of client has it for certain.
pub(super) fn owner(inner: &str, release: Release) -> Option<(&'static str, Reader)> {
    let has = |(_, reader): &&(&str, Reader)| definition(*reader, inner, release.version).is_some();
    CLIENTS.iter().find(has).copied()
}

/// What is said against a setting of this client; `group` has the prefixes that stand here for each client. An
/// interceptor of the user may read what no client knows.
pub(super) fn of(
    name: &str,
    group: &[(&'static str, Reader)],
    prefix: &str,
    reader: Reader,
    release: Release,
    patience: &mut Patience,
) -> Option<Said> {
    let inner = name.strip_prefix(prefix)?;
    if definition(reader, inner, release.version).is_some() {
        return None;
    }
    let what = noun(reader);
    let other = group
        .iter()
        .find(|(_, other)| definition(*other, inner, release.version).is_some());
    if let Some((other_prefix, other)) = other {
        let message = format!("`{name}` has no effect: no {what} has `{inner}`");
        let help = format!(
            "it belongs to the {}: write `{other_prefix}{inner}`",
            noun(*other)
        );
        return Some(Said::new(true, message, help));
    }
    if release.is_certain
        && let Some(said) = said::of_other_release(reader, inner, release)
    {
        return Some(said);
    }
    if definition(Reader::Worker, inner, release.version).is_some() {
        let message = format!("`{name}` has no effect: no {what} has `{inner}`");
        let help = format!("it is a worker's setting: write `{inner}` under `connect.config`");
        return Some(Said::new(true, message, help));
    }
    let known = names(reader, release.version).map(|inner| ("", inner));
    let near = patience.nearest(inner, known)?;
    let message = format!("`{name}` has no effect: no {what} has `{inner}`");
    let help = format!("did you mean `{prefix}{}`?", near.name);
    Some(Said::new(near.is_slip, message, help))
}
