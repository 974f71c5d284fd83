//! Which image brokers and workers run from, and what else must be there before containers can start.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use futures_util::StreamExt;
use testcontainers::bollard::query_parameters::CreateImageOptions;

use crate::journal::{Deadline, Journal, What};
use crate::model::KafkaVersion;

use super::super::process::prepare::refuse_reserved;
use super::super::process::{Installation, plugins};
use super::super::{ClusterSpec, RuntimeError};
use super::engine::{Engine, Facts, in_words};

/// How long a pull may take.
const PULL_LIMIT: std::time::Duration = std::time::Duration::from_secs(900);

/// An image on the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// As it was asked for.
    pub name: String,
    /// Its id, `sha256:…`: what containers are made from.
    pub id: String,
    /// Its digest in a registry, when it came from one.
    pub digest: Option<String>,
}

/// Everything that containers are started from.
pub struct Prepared {
    pub(super) engine: std::sync::Arc<Engine>,
    pub(super) facts: Facts,
    /// The brokers' image.
    pub broker: Image,
    /// The workers' image.
    pub worker: Image,
    /// Plugins on this machine, for the plugin path.
    pub(super) plugins: Vec<PathBuf>,
    /// Jars on this machine that belong on the workers' class path.
    pub(super) more_jars: Vec<PathBuf>,
}

/// Finds the engine and the images; pulls an image when the engine has none. `image` is the user's own, for brokers and
/// workers alike. Fails with the first thing that is missing and how to get it.
pub fn prepare(
    spec: &ClusterSpec,
    image: Option<&str>,
    journal: &Journal,
    stop: &AtomicBool,
) -> Result<Prepared, RuntimeError> {
    refuse_reserved(spec)?;
    let engine = Engine::connect()?;
    let facts = engine.facts()?;
    refuse_unfit(&facts)?;
    let worker = choose(&engine, image, spec.connect_version, journal, stop)?;
    let broker = if spec.kafka_version == spec.connect_version {
        worker.clone()
    } else {
        choose(&engine, image, spec.kafka_version, journal, stop)?
    };
    let cache = &spec.folders.cache;
    let plugins = plugins::resolve(&spec.plugins, &spec.plugin_base, cache, journal, stop)?;
    // What the image has itself stands first on the class path and wins.
    let unknown = Installation {
        version: spec.connect_version,
        jars: Vec::new(),
        missing: Vec::new(),
    };
    let (more_jars, plugins) = plugins::split(plugins, &unknown);
    Ok(Prepared {
        engine,
        facts,
        broker,
        worker,
        plugins,
        more_jars,
    })
}

fn refuse_unfit(facts: &Facts) -> Result<(), RuntimeError> {
    let wrong = |why: String| Err(RuntimeError::WrongEngine { why });
    if !facts.api_will_do() {
        return wrong(format!(
            "its API is {}, but 1.41 or later is needed: install Docker 20.10 or later",
            facts.api
        ));
    }
    if is_elsewhere() {
        return wrong(
            "it is reached over the network, but containers and squall must share files and 127.0.0.1: use the engine of this machine (unset DOCKER_HOST)"
                .to_owned(),
        );
    }
    Ok(())
}

/// Whether the environment names an engine that is surely not on this machine.
pub(in crate::runtime) fn is_elsewhere() -> bool {
    let host = std::env::var("DOCKER_HOST").unwrap_or_default();
    let Some((scheme, address)) = host.split_once("://") else {
        return false;
    };
    let is_local = ["127.", "localhost", "[::1]"]
        .iter()
        .any(|start| address.starts_with(start));
    !matches!(scheme, "unix" | "npipe") && !is_local
}

/// The images that are looked for on the engine, best first: the user's own alone; else a local build, then the official one.
pub(in crate::runtime) fn candidates(wanted: Option<&str>, version: KafkaVersion) -> Vec<String> {
    match wanted {
        Some(name) => vec![with_tag(name)],
        None => vec![
            format!("squall/kafka:{version}"),
            format!("apache/kafka:{version}"),
        ],
    }
}

/// An image without tag or digest means `latest`.
fn with_tag(name: &str) -> String {
    let last = name.rsplit('/').next().unwrap_or(name);
    if last.contains([':', '@']) {
        name.to_owned()
    } else {
        format!("{name}:latest")
    }
}

/// The image of that name, when the engine has it.
pub(in crate::runtime) fn found(
    engine: &Engine,
    name: &str,
) -> Result<Option<Image>, RuntimeError> {
    match engine.try_call(engine.docker.inspect_image(name)) {
        Ok(image) => Ok(Some(Image {
            name: name.to_owned(),
            id: image.id.unwrap_or_default(),
            digest: image.repo_digests.unwrap_or_default().into_iter().next(),
        })),
        Err(refusal) if refusal.status == Some(404) => Ok(None),
        Err(refusal) => Err(refusal.of(&format!("inspect image {name}"))),
    }
}

fn choose(
    engine: &Engine,
    wanted: Option<&str>,
    version: KafkaVersion,
    journal: &Journal,
    stop: &AtomicBool,
) -> Result<Image, RuntimeError> {
    let names = candidates(wanted, version);
    for name in &names {
        if let Some(image) = found(engine, name)? {
            return Ok(image);
        }
    }
    let name = names.last().cloned().unwrap_or_default();
    journal.record(What::Note(format!("pulling image {name}")));
    let missing = |why: String| RuntimeError::NoImage {
        image: name.clone(),
        version,
        why,
    };
    pull(engine, &name, stop)?.map_err(missing)?;
    found(engine, &name)?.ok_or_else(|| missing("it is not there after the pull".to_owned()))
}

/// The outer error is an interrupt, the inner one what the engine said.
fn pull(
    engine: &Engine,
    name: &str,
    stop: &AtomicBool,
) -> Result<Result<(), String>, RuntimeError> {
    let options = CreateImageOptions {
        from_image: Some(name.to_owned()),
        ..CreateImageOptions::default()
    };
    let limit = Deadline::after(PULL_LIMIT);
    engine.block_on(async {
        let mut steps = engine.docker.create_image(Some(options), None, None);
        loop {
            if stop.load(std::sync::atomic::Ordering::Relaxed) {
                return Err(RuntimeError::Interrupted(format!("pulling image {name}")));
            }
            if limit.has_passed() {
                return Ok(Err(format!(
                    "not finished after {} s",
                    PULL_LIMIT.as_secs()
                )));
            }
            // The engine may be silent for long; the wish to stop is looked at meanwhile.
            let turn = std::time::Duration::from_millis(200);
            match tokio::time::timeout(turn, steps.next()).await {
                Err(_) | Ok(Some(Ok(_))) => {}
                Ok(Some(Err(error))) => return Ok(Err(in_words(&error))),
                Ok(None) => return Ok(Ok(())),
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_local_build_is_preferred_and_the_users_image_stands_alone() {
        let version = KafkaVersion::new(4, 1, 1);
        assert_eq!(
            candidates(None, version),
            vec!["squall/kafka:4.1.1", "apache/kafka:4.1.1"]
        );
        assert_eq!(
            candidates(Some("registry:5000/kafka"), version),
            vec!["registry:5000/kafka:latest"]
        );
        assert_eq!(
            candidates(Some("mine@sha256:ab"), version),
            vec!["mine@sha256:ab"]
        );
        assert_eq!(candidates(Some("mine:1"), version), vec!["mine:1"]);
    }
}
