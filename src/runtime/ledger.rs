//! The run ledger: what a run is about to create, written down and synced before it is created, so that it can be undone.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::model::WorkerName;
use crate::scenario::inventory::Ssh;

use super::{RuntimeError, UserFolders, proc_table};

/// Something that a run creates outside its run folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Thing {
    /// A process that is about to be started; found by the run's token even when its pid was never written.
    Process {
        /// `broker-1`, `w1`.
        name: String,
    },
    /// A process that has been started.
    Started {
        /// `broker-1`, `w1`.
        name: String,
        /// Its process id.
        pid: u32,
        /// Its start in ticks since boot.
        start_ticks: u64,
    },
    /// A temporary folder; its name begins with `squall-`.
    Folder(PathBuf),
    /// A container that is about to be made; it carries the run's id as a label.
    Container {
        /// Its name.
        name: String,
    },
    /// A container network that is about to be made; it carries the run's id as a label.
    Network {
        /// Its name.
        name: String,
    },
    /// Something is about to be done to a worker of an attached cluster that has to be undone; no secret is in it.
    Undo(Box<Undo>),
    /// What had to be undone on a worker has been.
    Undone {
        /// The worker.
        worker: WorkerName,
    },
    /// Connectors, topics and files are about to be made in an attached cluster, all with this prefix.
    Own {
        /// The inventory, by which the cluster is reached again: a file, or the name of a bundled one.
        inventory: PathBuf,
        /// The prefix of all names.
        prefix: String,
    },
}

/// How what is done to a worker of an attached cluster is undone, whatever was done: it is asked how it is, and resumed,
/// reconnected or started again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Undo {
    /// The worker.
    pub worker: WorkerName,
    /// Which process it was when it was last seen running, where that is known.
    pub identity: Option<String>,
    /// The machine on which the commands run; this one when left out.
    pub ssh: Option<Ssh>,
    /// Prints how it is; see [`crate::scenario::inventory::Commands`].
    pub status: String,
    /// It was asked to end, so its end is to be awaited before it can be started again.
    #[serde(default)]
    pub ending: bool,
    /// Ends it at once, where it does not end by itself.
    #[serde(default)]
    pub kill: Option<String>,
    /// Lets it go on.
    pub resume: Option<String>,
    /// Gives its network back.
    pub reconnect: Option<String>,
    /// Starts it.
    pub start: Option<String>,
}

/// The first line of a ledger: whose run it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Owner {
    pub(super) run: String,
    pub(super) pid: u32,
    pub(super) start_ticks: u64,
    pub(super) boot: String,
    pub(super) run_folder: PathBuf,
}

impl Owner {
    /// Whether the harness that began the run still runs; a later process with the same pid does not count.
    pub(super) fn is_alive(&self) -> bool {
        self.boot == proc_table::boot_id()
            && proc_table::start_ticks(self.pid) == Some(self.start_ticks)
    }
}

/// The ledger of a live run; clones write to the same file.
#[derive(Debug, Clone)]
pub struct Ledger {
    run: String,
    path: PathBuf,
    file: Arc<Mutex<File>>,
}

impl Ledger {
    /// Begins the ledger of run `run`, which must be unique on this machine. Fails when it exists or cannot be written.
    pub fn create(
        folders: &UserFolders,
        run: &str,
        run_folder: &Path,
    ) -> Result<Self, RuntimeError> {
        let pid = std::process::id();
        let owner = Owner {
            run: run.to_owned(),
            pid,
            start_ticks: proc_table::start_ticks(pid).unwrap_or_default(),
            boot: proc_table::boot_id(),
            run_folder: run_folder.to_owned(),
        };
        Self::begin(&folders.ledgers(), &owner)
    }

    pub(super) fn begin(ledgers: &Path, owner: &Owner) -> Result<Self, RuntimeError> {
        // It tells what the temporary folder will be called, and commands on workers.
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(ledgers)
            .map_err(RuntimeError::file("make", ledgers))?;
        let path = ledgers.join(format!("{}.jsonl", owner.run));
        let part = ledgers.join(format!(".{}.part", owner.run));
        let failed = |source| RuntimeError::File {
            action: "write",
            path: path.clone(),
            source,
        };
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&part)
            .map_err(failed)?;
        write_line(&mut file, owner).map_err(failed)?;
        fs::hard_link(&part, &path).map_err(failed)?;
        fs::remove_file(&part).map_err(failed)?;
        Ok(Self {
            run: owner.run.clone(),
            path,
            file: Arc::new(Mutex::new(file)),
        })
    }

    /// The run's id.
    pub fn run(&self) -> &str {
        &self.run
    }

    /// The argument that each process of the run carries on its command line.
    pub fn token(&self) -> String {
        token_of(&self.run)
    }

    /// Writes down a thing and syncs it to disk; call this before the thing is created.
    pub fn note(&self, thing: &Thing) -> Result<(), RuntimeError> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        write_line(&mut file, thing).map_err(RuntimeError::file("write", &self.path))
    }

    /// Whether no folder that it knows is there any more.
    pub fn has_no_folder_left(&self) -> bool {
        let things = read(&self.path).ok().flatten().map(|(_, things)| things);
        let is_there = |thing: &Thing| matches!(thing, Thing::Folder(folder) if folder.exists());
        !things.unwrap_or_default().iter().any(is_there)
    }

    /// Ends the ledger: everything in it has been undone.
    pub fn close(&self) {
        // A ledger that stays behind is harmless: the next clean finds nothing to undo.
        let _ = fs::remove_file(&self.path);
    }
}

pub(super) fn token_of(run: &str) -> String {
    format!("-Dsquall.run={run}")
}

fn write_line<T: Serialize>(file: &mut File, value: &T) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    file.write_all(&line)?;
    file.sync_data()
}

/// Reads a ledger as far as it is whole; a torn last line is what a power cut leaves, and is left out.
pub(super) fn read(path: &Path) -> std::io::Result<Option<(Owner, Vec<Thing>)>> {
    let text = fs::read_to_string(path)?;
    let mut lines = text.lines();
    let Some(Ok(owner)) = lines.next().map(serde_json::from_str) else {
        return Ok(None);
    };
    Ok(Some((
        owner,
        lines.flat_map(serde_json::from_str).collect(),
    )))
}
