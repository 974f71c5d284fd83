//! A setting at the workers: would a worker read it?

use crate::model::settings::{
    OF_PLUGINS, OF_WORKERS_TOPICS, Reader, client_setting, definition, names,
};

use super::client::{self, CLIENTS, OVERRIDES};
use super::near::Patience;
use super::release::Release;
use super::said::{self, Said};
use super::times;

/// What a connector has besides its table.
const OF_CONNECTORS: [&str; 4] = [
    "transforms.",
    "predicates.",
    "topic.creation.",
    "errors.deadletterqueue.",
];

/// What workers before 3.0 read, and files that are older than that still have.
const BEFORE_3_0: [&str; 4] = [
    "internal.key.converter",
    "internal.value.converter",
    "rest.host.name",
    "rest.port",
];

/// What is said against a setting of this name at a worker.
pub(super) fn of(name: &str, release: Release, patience: &mut Patience) -> Option<Said> {
    let version = release.version;
    let is_defined = definition(Reader::Worker, name, version).is_some();
    if is_defined || is_plugins(name) {
        return None;
    }
    if let Some(said) = of_override(name) {
        return Some(said);
    }
    let client = CLIENTS.iter().find(|(prefix, _)| name.starts_with(prefix));
    if let Some((prefix, reader)) = client
        && !name.starts_with("admin.listeners.")
    {
        return client::of(name, &CLIENTS, prefix, *reader, release, patience);
    }
    if let Some(said) = of_old(name) {
        return Some(said);
    }
    if release.is_certain
        && let Some(said) = said::of_other_release(Reader::Worker, name, release)
    {
        return Some(said);
    }
    if is_connectors(name, release) {
        let message = format!("`{name}` is a connector's setting: a worker ignores it");
        return Some(Said::new(
            true,
            message,
            "move it into the `config` of a connector",
        ));
    }
    of_bare_client(name, release).or_else(|| slip(name, release, patience))
}

/// Why a worker would not take this value.
pub(super) fn refuses(name: &str, value: &str, release: Release) -> Option<Said> {
    let own = definition(Reader::Worker, name, release.version);
    let client = || {
        let (reader, inner) = client_setting(name)?;
        definition(reader, inner, release.version)
    };
    let refused = |known| said::refused(name, value, known);
    let refused = own.or_else(client).and_then(refused);
    refused.or_else(|| times::absurd(name, value))
}

fn is_plugins(name: &str) -> bool {
    let before_3_0 = name.starts_with("internal.");
    !before_3_0 && OF_PLUGINS.iter().any(|prefix| name.starts_with(prefix))
}

fn of_override(name: &str) -> Option<Said> {
    let (prefix, _) = OVERRIDES
        .iter()
        .find(|(prefix, _)| name.starts_with(prefix))?;
    let inner = name.strip_prefix(prefix)?;
    let client = prefix.split('.').next()?;
    let message = format!("`{name}` has no effect at a worker");
    let help =
        format!("write `{client}.{inner}` here, or move it into the `config` of a connector");
    Some(Said::new(true, message, help))
}

fn of_old(name: &str) -> Option<Said> {
    let is_old = BEFORE_3_0.iter().any(|old| {
        name.strip_prefix(old)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    });
    is_old.then(|| {
        let message = format!("`{name}` has no effect: workers ignore it since 3.0");
        Said::new(false, message, "take it out")
    })
}

fn is_connectors(name: &str, release: Release) -> bool {
    let defined = [Reader::Source, Reader::Sink]
        .iter()
        .any(|reader| definition(*reader, name, release.version).is_some());
    defined || OF_CONNECTORS.iter().any(|prefix| name.starts_with(prefix))
}

/// The clients of the workers' own topics get all settings of the worker, those of tasks do not (`KafkaBasedLog`).
fn of_bare_client(name: &str, release: Release) -> Option<Said> {
    let (prefix, reader) = client::owner(name, release)?;
    let message = format!("`{name}` reaches the clients of the workers' own topics only");
    let help = format!(
        "if the tasks' {}s are meant, write `{prefix}{name}`",
        client::noun(reader)
    );
    Some(Said::new(false, message, help))
}

fn slip(name: &str, release: Release, patience: &mut Patience) -> Option<Said> {
    let version = release.version;
    let own = names(Reader::Worker, version).map(|name| ("", name));
    let clients = CLIENTS
        .iter()
        .flat_map(|(prefix, reader)| names(*reader, version).map(|name| (*prefix, name)));
    let connectors = [Reader::Source, Reader::Sink]
        .into_iter()
        .flat_map(|reader| names(reader, version).map(|name| ("", name)));
    let near = patience.nearest(name, own.chain(clients).chain(connectors))?;
    let is_open = OF_WORKERS_TOPICS
        .iter()
        .any(|prefix| name.starts_with(prefix));
    let message = format!("`{name}` is no setting of a worker");
    let help = format!("did you mean `{}`?", near.name);
    match (near.is_slip, is_open) {
        (false, true) => None,
        (is_slip, _) => Some(Said::new(is_slip, message, help)),
    }
}
