//! A real, breakable cluster: what `run` may ask of it, whatever it is made of.

pub mod attached;
mod clean;
pub mod docker;
mod doctor;
mod error;
mod ledger;
mod own_cluster;
mod private;
pub(crate) mod proc_table;
pub mod process;
mod spec;
mod user_folders;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::connect::Access;
use crate::journal::Exit;
use crate::kafka::Cluster;
use crate::model::{FaultKind, RuntimeKind, WorkerName};

pub use clean::clean;
pub(crate) use clean::{CleanReport, CleanedRun};
pub(crate) use doctor::{Check, CheckState, DoctorScope, doctor_checks};
pub(crate) use error::LogEnd;
pub use error::RuntimeError;
pub use ledger::Ledger;
pub(crate) use ledger::{Thing, Undo};
pub use spec::{ClusterSpec, StartStyle};
pub use user_folders::UserFolders;

/// What can be done to a worker that is up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Act {
    /// SIGKILL: gone at once.
    Kill,
    /// SIGTERM: asked to stop in good order.
    Terminate,
    /// Stands still from now on.
    Pause,
    /// Goes on after [`Act::Pause`].
    Resume,
    /// Loses its network.
    Disconnect,
    /// Has its network again after [`Act::Disconnect`].
    Reconnect,
    /// SIGQUIT: a JVM writes what its threads are doing into its log and goes on.
    DumpThreads,
}

impl Act {
    /// What begins a fault of this kind.
    pub const fn of(kind: FaultKind) -> Self {
        match kind {
            FaultKind::Kill => Self::Kill,
            FaultKind::Stop { .. } => Self::Terminate,
            FaultKind::Pause => Self::Pause,
            FaultKind::Disconnect => Self::Disconnect,
        }
    }

    /// A verb for messages: "kill", "pause".
    pub const fn verb(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Terminate => "stop",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Disconnect => "disconnect",
            Self::Reconnect => "reconnect",
            Self::DumpThreads => "dump-threads",
        }
    }
}

/// What a worker is doing, as far as the runtime can see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// Its process runs.
    Running,
    /// Its process is there and stands still.
    Paused,
    /// Its process runs without a network.
    Disconnected,
    /// Its process is gone.
    Ended(Exit),
}

/// The log of one start of a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFile {
    /// The worker.
    pub worker: WorkerName,
    /// Which start, from 1.
    pub incarnation: u32,
    /// The file; it grows while the worker runs.
    pub path: PathBuf,
}

/// The names of Connect's internal topics in this cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InternalTopics {
    /// `config.storage.topic`.
    pub config: String,
    /// `offset.storage.topic`.
    pub offsets: String,
    /// `status.storage.topic`.
    pub status: String,
}

/// What to do about somebody else's hands on the cluster.
pub const HANDS_OFF: &str = "nobody else may touch the cluster during a run";

/// The one thing that `run` knows of a cluster. All calls are safe from any thread; each start, first answer and end of
/// a process is recorded in the journal by the runtime itself.
pub trait Runtime: Send + Sync {
    /// What the cluster is made of.
    fn kind(&self) -> RuntimeKind;
    /// What else is worth knowing of it, for `run.json`.
    fn facts(&self) -> BTreeMap<String, String> {
        BTreeMap::new()
    }
    /// `bootstrap.servers` for clients on this machine.
    fn bootstrap(&self) -> String;
    /// `bootstrap.servers` as the workers reach the brokers: what connectors are given.
    fn inner_bootstrap(&self) -> String {
        self.bootstrap()
    }
    /// How clients on this machine reach Kafka, with all their settings.
    fn cluster(&self) -> Cluster {
        Cluster::at(&self.bootstrap())
    }
    /// How the workers' REST interfaces are to be spoken to.
    fn rest_access(&self) -> Access {
        Access::default()
    }
    /// The Connect group's `group.id`.
    fn group_id(&self) -> String;
    /// Connect's internal topics.
    fn internal_topics(&self) -> InternalTopics;
    /// All workers, up or not, in the order of the scenario.
    fn workers(&self) -> Vec<WorkerName>;
    /// The worker's REST address, `http://host:port` without a slash at its end; `None` for a stranger.
    fn rest_url(&self, worker: &WorkerName) -> Option<String>;
    /// The worker id in Connect's own words: advertised `host:port`; `None` for a stranger.
    fn worker_id(&self, worker: &WorkerName) -> Option<String>;
    /// Where file feeds and file taps stand; the path is the same for the harness and for all workers.
    fn data_folder(&self) -> &Path;
    /// Does this to the worker and to no other; fails when it is down already, or when the runtime has no way to.
    fn act(&self, worker: &WorkerName, act: Act) -> Result<(), RuntimeError>;
    /// What the worker is doing now: the proof of an act. Does not wait for long.
    fn condition(&self, worker: &WorkerName) -> Result<Condition, RuntimeError>;
    /// Waits until the worker's process is gone; `None` when it still runs at the limit.
    fn wait_ended(
        &self,
        worker: &WorkerName,
        limit: Duration,
    ) -> Result<Option<Exit>, RuntimeError>;
    /// Starts a worker that is down again, with the same port, files and settings; returns when the process is spawned.
    /// That it answers is journaled later as [`crate::journal::What::ProcessReady`].
    fn start_worker(&self, worker: &WorkerName) -> Result<(), RuntimeError>;
    /// Whether the worker's process runs.
    fn is_up(&self, worker: &WorkerName) -> bool;
    /// Whether the worker may be touched at all.
    fn touchable(&self, worker: &WorkerName) -> bool {
        self.workers().contains(worker)
    }
    /// Why the run cannot go on although nothing has ended without being asked: somebody else has paused, signalled or cut
    /// off a broker or worker, or one is out of sight. Each is a sentence with its victim and what to do, the first first.
    fn trouble(&self) -> Vec<String> {
        Vec::new()
    }
    /// Brokers and workers that ended without being asked.
    fn unasked_deaths(&self) -> Vec<(String, Exit)>;
    /// Processes of brokers and workers that stand still because of a signal, or run, against what was asked of them: each
    /// a sentence that names the victim. An act takes a moment to show, so this counts only when it lasts.
    fn out_of_step(&self) -> Vec<String> {
        Vec::new()
    }
    /// The processes of all brokers and workers that are up; nothing where they cannot be seen on this machine.
    fn pids(&self) -> Option<Vec<u32>> {
        None
    }
    /// The logs of all starts of all workers so far.
    fn log_files(&self) -> Vec<LogFile>;
    /// Ends everything at once and removes what was made outside the run folder; may be called again.
    fn take_down(&self);
}
