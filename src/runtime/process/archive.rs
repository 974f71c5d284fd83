//! Class-data archives: what a JVM has parsed and verified of its classes, kept for the next start (about half of it).

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::journal::{Journal, What};

use super::super::{Act, RuntimeError, StartStyle};
use super::config::{self, BrokerPorts, WorkerFacts};
use super::installation::{Installation, Role, file_name, lock};
use super::java::Java;
use super::launch::{Archive, Launch, flags, logger_of};
use super::node::await_answer;
use super::ports::free_ports;
use super::probe::Probe;
use super::supervisor::{Order, Process, Supervisor};
use super::{plugins, storage};

const READY_LIMIT: Duration = Duration::from_secs(60);
const DUMP_LIMIT: Duration = Duration::from_secs(60);

/// The archives of a cluster; `None` where there is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Archives {
    /// For brokers.
    pub broker: Option<PathBuf>,
    /// For workers.
    pub worker: Option<PathBuf>,
}

/// What a training run needs.
#[derive(Debug, Clone, Copy)]
pub struct Training<'a> {
    /// The cache.
    pub cache: &'a Path,
    /// The brokers' release.
    pub broker: &'a Installation,
    /// The workers' release.
    pub worker: &'a Installation,
    /// Formatted data folder of the brokers' release.
    pub template: &'a Path,
    /// Java.
    pub java: &'a Java,
}

/// The archives for these releases and this Java: from the cache, or made by one training run of a broker and a worker.
/// When they cannot be made, the cluster starts without them and the journal says why; only an interrupt is an error.
pub fn archives(
    training: &Training<'_>,
    journal: &Journal,
    stop: &AtomicBool,
) -> Result<Archives, RuntimeError> {
    let folder = training.cache.join("archives");
    let broker = folder.join(archive_name(Role::Broker, training.broker, training.java));
    let worker = folder.join(archive_name(Role::Worker, training.worker, training.java));
    let _lock = lock(training.cache, &worker, stop)?;
    if !broker.is_file() || !worker.is_file() {
        journal.record(What::Note(
            "making class-data archives (once per release and Java)".to_owned(),
        ));
        match train(training, &folder, &broker, &worker, stop) {
            Ok(()) => {}
            Err(RuntimeError::Interrupted(what)) => return Err(RuntimeError::Interrupted(what)),
            Err(error) => drop(journal.record(What::Note(format!(
                "going on without class-data archives: {error}"
            )))),
        }
    }
    Ok(Archives {
        broker: Some(broker).filter(|path| path.is_file()),
        worker: Some(worker).filter(|path| path.is_file()),
    })
}

/// An archive fits one Java build, one class path (names, sizes and times of the jars) and one set of flags.
fn archive_name(role: Role, installation: &Installation, java: &Java) -> String {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(java.build.as_bytes());
    hasher.update(java.path.as_os_str().as_encoded_bytes());
    flags(role, StartStyle::Together)
        .iter()
        .for_each(|flag| hasher.update(flag.as_bytes()));
    for jar in &installation.jars {
        hasher.update(jar.as_os_str().as_encoded_bytes());
        if let Ok(meta) = fs::metadata(jar) {
            hasher.update(format!("{} {:?}", meta.len(), meta.modified().ok()).as_bytes());
        }
    }
    let role = match role {
        Role::Broker => "broker",
        Role::Worker => "worker",
    };
    format!(
        "{role}-{}-java{}-{:08x}.jsa",
        installation.version,
        java.feature,
        hasher.finalize()
    )
}

fn train(
    training: &Training<'_>,
    folder: &Path,
    broker: &Path,
    worker: &Path,
    stop: &AtomicBool,
) -> Result<(), RuntimeError> {
    let scratch = training
        .cache
        .join(format!("archives-{}.part", file_name(worker)));
    let _ = fs::remove_dir_all(&scratch);
    for folder in [folder, &scratch] {
        fs::create_dir_all(folder).map_err(RuntimeError::file("make", folder))?;
    }
    let made = train_in(training, &scratch, stop);
    let kept = made.and_then(|(made_broker, made_worker)| {
        fs::rename(&made_broker, broker).map_err(RuntimeError::file("make", broker))?;
        fs::rename(&made_worker, worker).map_err(RuntimeError::file("make", worker))
    });
    let _ = fs::remove_dir_all(&scratch);
    kept
}

fn train_in(
    training: &Training<'_>,
    scratch: &Path,
    stop: &AtomicBool,
) -> Result<(PathBuf, PathBuf), RuntimeError> {
    let supervisor = Supervisor::start()?;
    let salt = u64::from(std::process::id());
    let ports = free_ports(3, salt)?;
    let (clients, controller, rest) = (ports[0], ports[1], ports[2]);
    let data = scratch.join("data");
    storage::format(training.template, &data, &storage::random_id()?, 1)?;
    let broker_config = config::broker(
        1,
        &[BrokerPorts {
            clients,
            controller,
        }],
        &data,
    );
    let plugin_path = plugins::plugin_path(&scratch.join("plugins"), &[])?;
    let facts = WorkerFacts {
        bootstrap: &format!("127.0.0.1:{clients}"),
        group_id: "training",
        brokers: 1,
        version: training.worker.version,
        plugin_path: &plugin_path,
        own_plugins: false,
        config: &std::collections::BTreeMap::new(),
    };
    let worker_config = config::worker(&facts, rest);
    let broker_launch = launch(training, Role::Broker, scratch, &broker_config)?;
    let worker_launch = launch(training, Role::Worker, scratch, &worker_config)?;
    let broker = begin(&supervisor, &broker_launch)?;
    let worker = begin(&supervisor, &worker_launch)?;
    await_answer(Probe::Broker(clients), &broker, READY_LIMIT, stop)?;
    await_answer(Probe::Worker(rest), &worker, READY_LIMIT, stop)?;
    for (name, process) in [("worker", &worker), ("broker", &broker)] {
        let failed = |source| RuntimeError::Signal {
            who: name.to_owned(),
            source,
        };
        process.signal(Act::Terminate).map_err(failed)?;
        if process.wait(DUMP_LIMIT).is_none() {
            return Err(RuntimeError::Tool {
                tool: format!("the training run of the {name}"),
                why: format!("it did not end within {} s", DUMP_LIMIT.as_secs()),
            });
        }
    }
    Ok((
        archive_of(scratch, Role::Broker),
        archive_of(scratch, Role::Worker),
    ))
}

fn archive_of(scratch: &Path, role: Role) -> PathBuf {
    scratch.join(match role {
        Role::Broker => "broker.jsa",
        Role::Worker => "worker.jsa",
    })
}

fn launch(
    training: &Training<'_>,
    role: Role,
    scratch: &Path,
    settings: &std::collections::BTreeMap<String, String>,
) -> Result<Launch, RuntimeError> {
    let (name, installation) = match role {
        Role::Broker => ("broker", training.broker),
        Role::Worker => ("worker", training.worker),
    };
    let properties = scratch.join(format!("{name}.properties"));
    let logger_file = scratch.join(format!("{name}-logger.properties"));
    for (path, text) in [
        (&properties, config::properties(settings)),
        (&logger_file, logger_of(installation).configuration()),
    ] {
        fs::write(path, text).map_err(RuntimeError::file("write", path))?;
    }
    Ok(Launch {
        role,
        installation: installation.clone(),
        java: training.java.clone(),
        style: StartStyle::Together,
        archive: Archive::Make(archive_of(scratch, role)),
        token: "-Dsquall.run=training".to_owned(),
        name: name.to_owned(),
        properties,
        logger_file,
        folder: scratch.to_owned(),
    })
}

fn begin(
    supervisor: &Supervisor,
    launch: &Launch,
) -> Result<std::sync::Arc<Process>, RuntimeError> {
    let log = launch.folder.join(format!("{}.log", launch.name));
    let order = Order {
        command: launch.command(&log)?,
        on_start: Box::new(|_| {}),
        on_end: Box::new(|_, _| {}),
    };
    supervisor
        .spawn(order)
        .map_err(|source| RuntimeError::Spawn {
            who: format!("the training run of the {}", launch.name),
            source,
        })
}
