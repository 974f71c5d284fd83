//! Why a cluster could not be provided, each with its subject and what the user can do next.

use std::path::PathBuf;

use crate::journal::Exit;
use crate::model::{KafkaVersion, WorkerName};

use super::Act;
use super::attached::AttachedError;

/// Why the runtime failed. All of these are failures of the environment, never findings about Connect.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// No Java could be started.
    #[error(
        "cannot run {}: {why}; install a Java runtime 17 or later (Debian: apt-get install openjdk-17-jre-headless) or set JAVA_HOME",
        .path.display()
    )]
    NoJava {
        /// What was tried.
        path: PathBuf,
        /// Why it did not work.
        why: String,
    },
    /// Java is too old for the release.
    #[error(
        "{} is Java {found}, but Kafka {version} needs Java {needed} or later; set JAVA_HOME to such a Java",
        .path.display()
    )]
    WrongJava {
        /// The program.
        path: PathBuf,
        /// Its feature release.
        found: u32,
        /// The least that will do.
        needed: u32,
        /// For which Kafka.
        version: KafkaVersion,
    },
    /// Maven is needed and not there.
    #[error(
        "{what} is not in the cache and there is no Maven to fetch it: install maven (Debian: apt-get install maven) or pass --kafka-home"
    )]
    NoMaven {
        /// What was to be fetched.
        what: String,
    },
    /// The artifact repository does not have it.
    #[error(
        "{artifact} cannot be had from the artifact repository; choose another version, or pass --kafka-home with a Kafka that has it"
    )]
    ArtifactMissing {
        /// `group:artifact:version`.
        artifact: String,
    },
    /// The route's connector is in an artifact that this Kafka came without.
    #[error("connector class {class} is not part of this Kafka {version}: {remedy}")]
    ConnectorMissing {
        /// The class.
        class: String,
        /// The workers' release.
        version: KafkaVersion,
        /// What to do.
        remedy: String,
    },
    /// Maven failed for another reason.
    #[error(
        "maven could not fetch {what}: {why}; check the network and Maven's settings, or pass --kafka-home"
    )]
    MavenFailed {
        /// What was to be fetched.
        what: String,
        /// The first error line of Maven.
        why: String,
    },
    /// `--kafka-home` is no Kafka.
    #[error("{} is no Kafka: {why}; name the folder that holds `libs/`", .path.display())]
    NoKafkaHome {
        /// The folder.
        path: PathBuf,
        /// What is missing.
        why: String,
    },
    /// `--kafka-home` is another release than the scenario asks for.
    #[error(
        "{} is Kafka {found}, but the scenario asks for {asked}; leave --kafka-home out, or set the scenario's versions to {found}",
        .path.display()
    )]
    WrongKafkaHome {
        /// The folder.
        path: PathBuf,
        /// Its release.
        found: KafkaVersion,
        /// What was asked.
        asked: KafkaVersion,
    },
    /// A plugin of the scenario is not usable.
    #[error("plugin `{plugin}`: {why}")]
    Plugin {
        /// As written in the scenario.
        plugin: String,
        /// What is wrong, and what would be right.
        why: String,
    },
    /// `setpriv` cannot be used, so JVMs could outlive the harness.
    #[error(
        "`setpriv --pdeathsig` does not work ({why}), so a JVM could outlive squall; install util-linux (Debian: apt-get install util-linux)"
    )]
    NoSetpriv {
        /// What happened.
        why: String,
    },
    /// A worker setting that the harness must own.
    #[error("connect.config must not set `{key}`: squall sets it for each worker; remove it")]
    ReservedSetting {
        /// The setting.
        key: String,
    },
    /// Ports were taken between being found free and being used, again and again.
    #[error(
        "{who} could not have its port in {attempts} attempts: `{seen}`; look for other programs that take many ports (ss -ltn)"
    )]
    PortTaken {
        /// Broker or worker.
        who: String,
        /// How often it was tried.
        attempts: u32,
        /// The log line.
        seen: String,
    },
    /// A broker or worker ended while it was awaited.
    #[error("{who} ended {exit} before it was ready; {end}")]
    Died {
        /// Broker or worker.
        who: String,
        /// How.
        exit: Exit,
        /// Its log.
        end: Box<LogEnd>,
    },
    /// A broker or worker did not answer within the limit.
    #[error(
        "{who} was not ready after {limit_s} s: awaited {awaited}, last seen: {last_seen}; {end}"
    )]
    NotReady {
        /// Broker or worker.
        who: String,
        /// The limit in seconds.
        limit_s: u64,
        /// What was awaited.
        awaited: String,
        /// What was seen last.
        last_seen: String,
        /// Its log.
        end: Box<LogEnd>,
    },
    /// No container engine answers.
    #[error(
        "no Docker engine answers: {why}; start one (`docker version` must show a server), or name it with DOCKER_HOST"
    )]
    NoEngine {
        /// What happened.
        why: String,
    },
    /// The engine is of no use to a run.
    #[error("this Docker engine cannot be used: {why}")]
    WrongEngine {
        /// What is wrong, and what would be right.
        why: String,
    },
    /// The engine refused or failed.
    #[error("the Docker engine could not {action}: {why}; see `squall doctor --runtime docker`")]
    Engine {
        /// What was asked of it, with its subject.
        action: String,
        /// What it said.
        why: String,
    },
    /// There is no image for the brokers or workers.
    #[error(
        "image {image} is not on this engine and cannot be pulled ({why}); make one with `squall image build --kafka {version}`, or name another with --image"
    )]
    NoImage {
        /// The image.
        image: String,
        /// For which release.
        version: KafkaVersion,
        /// What the engine said.
        why: String,
    },
    /// The image is not what the scenario asks for.
    #[error("image {image} cannot be used: {why}")]
    WrongImage {
        /// The image.
        image: String,
        /// What is wrong, and what would be right.
        why: String,
    },
    /// An image could not be built.
    #[error("cannot build image {image}: {why}")]
    ImageBuild {
        /// The image.
        image: String,
        /// What is missing, and what to do.
        why: String,
    },
    /// A helper program failed.
    #[error("{tool} failed: {why}")]
    Tool {
        /// Which.
        tool: String,
        /// What it said.
        why: String,
    },
    /// A process could not be started.
    #[error("cannot start {who}: {source}; see `squall doctor` for limits of processes and memory")]
    Spawn {
        /// Broker or worker.
        who: String,
        /// Why.
        source: std::io::Error,
    },
    /// A file or folder could not be used.
    #[error("cannot {action} {}: {source}; {advice}", .path.display(), advice = advice_on(.source))]
    File {
        /// What was to be done.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A temporary folder was there before it was made.
    #[error("{} was made by somebody else just before squall could; nothing was put into it: run again, and see who does that", .path.display())]
    Occupied {
        /// The folder.
        path: PathBuf,
    },
    /// No such worker.
    #[error("there is no worker {0} in this cluster; see connect.workers of the scenario")]
    UnknownWorker(WorkerName),
    /// The runtime has no way to do this to the worker.
    #[error("cannot {} worker {worker}: {why}", .act.verb())]
    CannotAct {
        /// The worker.
        worker: WorkerName,
        /// What was to be done.
        act: Act,
        /// Why it cannot be, and what would do.
        why: String,
    },
    /// The worker is down.
    #[error("worker {0} is not running, so it cannot be signalled; start it first")]
    WorkerDown(WorkerName),
    /// The worker is up.
    #[error("worker {0} is still running, so it cannot be started; end it first")]
    WorkerUp(WorkerName),
    /// A signal could not be sent.
    #[error("cannot signal {who}: {source}; run squall as the user that started it")]
    Signal {
        /// Who.
        who: String,
        /// Why.
        source: std::io::Error,
    },
    /// An attached cluster cannot be used.
    #[error(transparent)]
    Attached(#[from] AttachedError),
    /// The user interrupted the start, or the cluster is being taken down.
    #[error("interrupted while {0}; start the run again")]
    Interrupted(String),
}

/// What to do about a file or folder that cannot be used.
fn advice_on(error: &std::io::Error) -> &'static str {
    use std::io::ErrorKind::{QuotaExceeded, StorageFull};
    match error.kind() {
        StorageFull | QuotaExceeded => {
            "its disk is full: free space there, or name another folder (TMPDIR, SQUALL_CACHE, SQUALL_STATE, --reports)"
        }
        _ => "check its rights and the free disk space",
    }
}

/// The end of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEnd {
    /// The file.
    pub log: PathBuf,
    /// Its last error lines, or its last lines when there are none.
    pub last_words: String,
}

impl std::fmt::Display for LogEnd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "its log {} ends with:\n{}",
            self.log.display(),
            self.last_words
        )
    }
}

impl RuntimeError {
    /// Makes an error of a failed file operation.
    pub(super) fn file(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File {
            action,
            path,
            source,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_called_so_with_its_path_and_a_way_out() {
        let full = std::io::Error::from_raw_os_error(rustix::io::Errno::NOSPC.raw_os_error());
        let told = RuntimeError::file("write", "/data/squall-1/x")(full).to_string();
        for part in ["/data/squall-1/x", "its disk is full", "TMPDIR"] {
            assert!(told.contains(part), "{told}");
        }
    }
}
