//! A real, breakable cluster: what `run` may ask of it, whatever it is made of.

mod clean;
mod doctor;
mod error;
mod ledger;
mod proc_table;
pub mod process;
mod user_folders;

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::journal::Exit;
use crate::model::WorkerName;

pub use clean::{CleanReport, CleanedRun, clean};
pub use doctor::{Check, CheckState, DoctorScope, doctor_checks};
pub use error::{LogEnd, RuntimeError};
pub use ledger::{Ledger, Thing};
pub use user_folders::UserFolders;

/// A signal that can be sent to a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGKILL: gone at once.
    Kill,
    /// SIGTERM: asked to stop in good order.
    Terminate,
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

/// The one thing that `run` knows of a cluster. All calls are safe from any thread; each start, first answer and end of
/// a process is recorded in the journal by the runtime itself.
pub trait Runtime: Send + Sync {
    /// What the cluster is made of: `process`.
    fn kind(&self) -> &'static str;
    /// `bootstrap.servers` for clients on this machine.
    fn bootstrap(&self) -> String;
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
    /// Sends a signal to the worker's process and to no other; fails when it is down already.
    fn signal(&self, worker: &WorkerName, signal: Signal) -> Result<(), RuntimeError>;
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
    /// Brokers and workers that ended without being asked.
    fn unasked_deaths(&self) -> Vec<(String, Exit)>;
    /// The logs of all starts of all workers so far.
    fn log_files(&self) -> Vec<LogFile>;
    /// Ends everything at once and removes what was made outside the run folder; may be called again.
    fn take_down(&self);
}
