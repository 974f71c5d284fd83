//! What must be on this machine before a cluster can start: Java, Kafka, plugins, a formatted folder, class-data archives.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use crate::journal::Journal;
use crate::model::KafkaVersion;

use super::super::{ClusterSpec, RuntimeError};
use super::archive::{self, Archives, Training};
use super::config::RESERVED_WORKER_SETTINGS;
use super::installation::{self, Installation, Role};
use super::java::Java;
use super::supervisor::check_setpriv;
use super::{plugins, storage};

/// Everything that a cluster is started from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// Java.
    pub java: Java,
    /// The brokers' Kafka.
    pub broker: Installation,
    /// The workers' Kafka.
    pub worker: Installation,
    /// The plugins on this machine.
    pub(super) plugins: Vec<PathBuf>,
    pub(super) template: PathBuf,
    pub(super) archives: Archives,
}

/// Finds, fetches or makes it; slow the first time, about a tenth of a second later. Progress goes to the journal as
/// notes. Fails with the first thing that is missing and how to get it.
pub fn prepare(
    spec: &ClusterSpec,
    journal: &Journal,
    stop: &AtomicBool,
) -> Result<Prepared, RuntimeError> {
    refuse_reserved(spec)?;
    let java = match &spec.java {
        Some(path) => Java::at(path)?,
        None => Java::from_env()?,
    };
    check_setpriv()?;
    java.check(spec.kafka_version)?;
    java.check(spec.connect_version)?;
    let cache = &spec.folders.cache;
    let home = home(spec)?;
    let find = |version: KafkaVersion, role: Role| match &home {
        Some(home) if home.version == version => Ok(home.clone()),
        Some(_) | None => installation::from_cache(cache, version, role, journal, stop),
    };
    let mut worker = find(spec.connect_version, Role::Worker)?;
    let broker = if spec.kafka_version == spec.connect_version {
        worker.clone()
    } else {
        find(spec.kafka_version, Role::Broker)?
    };
    let plugins = plugins::resolve(&spec.plugins, &spec.plugin_base, cache, journal, stop)?;
    refuse_missing_connectors(spec, &worker)?;
    let template = storage::template(cache, &broker, &java, stop)?;
    let training = Training {
        cache,
        broker: &broker,
        worker: &worker,
        template: &template,
        java: &java,
    };
    let archives = archive::archives(&training, journal, stop)?;
    // More jars at the end of the class path leave the archive usable.
    let (more_jars, plugins) = plugins::split(plugins, &worker);
    worker.jars.extend(more_jars);
    Ok(Prepared {
        java,
        broker,
        worker,
        plugins,
        template,
        archives,
    })
}

fn home(spec: &ClusterSpec) -> Result<Option<Installation>, RuntimeError> {
    let Some(path) = &spec.kafka_home else {
        return Ok(None);
    };
    let home = Installation::from_home(path)?;
    if home.version == spec.kafka_version || home.version == spec.connect_version {
        return Ok(Some(home));
    }
    Err(RuntimeError::WrongKafkaHome {
        path: path.clone(),
        found: home.version,
        asked: spec.connect_version,
    })
}

pub(in crate::runtime) fn refuse_reserved(spec: &ClusterSpec) -> Result<(), RuntimeError> {
    match RESERVED_WORKER_SETTINGS
        .iter()
        .find(|key| spec.worker_config.contains_key(**key))
    {
        Some(key) => Err(RuntimeError::ReservedSetting {
            key: (*key).to_owned(),
        }),
        None => Ok(()),
    }
}

/// Kafka's own connectors stand in artifacts that not every release has; a plugin of the user may bring the class instead.
fn refuse_missing_connectors(
    spec: &ClusterSpec,
    worker: &Installation,
) -> Result<(), RuntimeError> {
    if !spec.plugins.is_empty() {
        return Ok(());
    }
    for class in &spec.connector_classes {
        if let Some(remedy) = remedy_for(class, worker) {
            return Err(RuntimeError::ConnectorMissing {
                class: class.clone(),
                version: worker.version,
                remedy,
            });
        }
    }
    Ok(())
}

fn remedy_for(class: &str, worker: &Installation) -> Option<String> {
    let name = class.rsplit('.').next().unwrap_or(class);
    let version = worker.version;
    if name.starts_with("Mirror") && !worker.has("connect-mirror") {
        return Some(format!(
            "org.apache.kafka:connect-mirror:{version} is not published; choose another version of Kafka"
        ));
    }
    let is_verifiable = ["VerifiableSource", "VerifiableSink", "SchemaSource"]
        .iter()
        .any(|prefix| name.starts_with(prefix));
    // Up to 3.5 these classes are part of connect-runtime.
    if is_verifiable && version.at_least(3, 6) && !worker.has("connect-test-plugins") {
        let remedy = "add `org.apache.kafka:connect-test-plugins:3.9.0` to connect.plugins";
        return Some(remedy.to_owned());
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn installation(version: KafkaVersion, jars: &[&str]) -> Installation {
        Installation {
            version,
            jars: jars.iter().map(PathBuf::from).collect(),
            missing: vec![],
        }
    }

    #[test]
    fn a_connector_whose_artifact_is_not_there_is_refused_with_a_remedy() {
        let bare = installation(
            KafkaVersion::new(4, 1, 1),
            &["/l/connect-runtime-4.1.1.jar"],
        );
        let verifiable = remedy_for(
            "org.apache.kafka.connect.tools.VerifiableSourceConnector",
            &bare,
        );
        assert!(verifiable.unwrap().contains("connect-test-plugins:3.9.0"));
        assert!(
            remedy_for("MirrorSourceConnector", &bare)
                .unwrap()
                .contains("connect-mirror:4.1.1")
        );
        assert_eq!(remedy_for("FileStreamSink", &bare), None);
        let old = installation(
            KafkaVersion::new(3, 5, 2),
            &["/l/connect-runtime-3.5.2.jar"],
        );
        assert_eq!(remedy_for("VerifiableSourceConnector", &old), None);
        let whole = installation(KafkaVersion::new(4, 1, 1), &["/l/connect-mirror-4.1.1.jar"]);
        assert_eq!(remedy_for("MirrorSource", &whole), None);
        let client = installation(
            KafkaVersion::new(4, 1, 1),
            &["/l/connect-mirror-client-4.1.1.jar"],
        );
        assert!(remedy_for("MirrorSource", &client).is_some());
    }
}
