//! One place of the cluster, a broker's or a worker's, through all its starts.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::journal::{Deadline, Exit};
use crate::model::WorkerName;

use super::super::RuntimeError;
use super::launch::Launch;
use super::log_tail;
use super::probe::Probe;
use super::supervisor::Process;

/// Pause between two questions whether a process answers: a closed port gives no event, and each question to a worker
/// that is half up costs a line of its log.
pub const POLL: Duration = Duration::from_millis(20);

/// A broker or a worker.
pub struct Node {
    /// `broker-1`, `w1`.
    pub name: String,
    /// The worker, when it is one.
    pub worker: Option<WorkerName>,
    /// How it is started.
    pub launch: Launch,
    /// How it is asked whether it answers.
    pub probe: Probe,
    /// Where its logs stand.
    pub logs: PathBuf,
    /// What it is now.
    pub slot: Mutex<Slot>,
}

/// What a node is now.
#[derive(Default)]
pub struct Slot {
    /// How often it has been started.
    pub incarnation: u32,
    /// The last start's process.
    pub process: Option<Arc<Process>>,
    /// Whether that process has answered.
    pub ready: bool,
    /// What was seen instead of an answer.
    pub last_seen: String,
}

/// How far a start has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Not started yet.
    Down,
    /// Started, no answer yet.
    Starting,
    /// It answers.
    Ready,
    /// It has ended.
    Ended(Exit),
}

impl Slot {
    /// Whether this start runs and has not answered yet.
    pub fn is_starting(&self, incarnation: u32) -> bool {
        let runs = self
            .process
            .as_ref()
            .is_some_and(|process| process.exit().is_none());
        runs && self.incarnation == incarnation && !self.ready
    }
}

impl Node {
    /// Locks the slot.
    pub fn slot(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How far the last start has come.
    pub fn progress(&self) -> Progress {
        let slot = self.slot();
        match slot.process.as_ref().map(|process| process.exit()) {
            None => Progress::Down,
            Some(Some(exit)) => Progress::Ended(exit),
            Some(None) if slot.ready => Progress::Ready,
            Some(None) => Progress::Starting,
        }
    }

    /// Whether this start runs and has not answered yet.
    pub fn is_starting(&self, incarnation: u32) -> bool {
        self.slot().is_starting(incarnation)
    }

    /// The last start's process, running or not.
    pub fn process(&self) -> Option<Arc<Process>> {
        self.slot().process.clone()
    }

    /// File name of the log of a start.
    pub fn log_name(&self, incarnation: u32) -> String {
        format!("{}-{incarnation}.log", self.name)
    }

    /// The log of the last start.
    pub fn log(&self) -> PathBuf {
        let incarnation = self.slot().incarnation;
        self.logs.join(self.log_name(incarnation))
    }

    /// The error of a node that ended while it was awaited.
    pub fn died(&self, exit: Exit) -> RuntimeError {
        let log = self.log();
        if let Some(seen) = log_tail::port_trouble(&log) {
            return RuntimeError::PortTaken {
                who: self.name.clone(),
                attempts: 1,
                seen,
            };
        }
        RuntimeError::Died {
            who: self.name.clone(),
            exit,
            end: Box::new(log_tail::end_of(log)),
        }
    }

    /// The error of a node that did not answer in time.
    pub fn not_ready(&self, limit: Duration) -> RuntimeError {
        let log = self.log();
        RuntimeError::NotReady {
            who: self.name.clone(),
            limit_s: limit.as_secs(),
            awaited: self.probe.awaited(),
            last_seen: self.slot().last_seen.clone(),
            end: Box::new(log_tail::end_of(log)),
        }
    }
}

/// Waits for the first answer of a process that no journal knows of.
pub fn await_answer(
    probe: Probe,
    process: &Process,
    limit: Duration,
    stop: &AtomicBool,
) -> Result<(), RuntimeError> {
    let failed = |why: String| RuntimeError::Tool {
        tool: "the training run".to_owned(),
        why,
    };
    let deadline = Deadline::after(limit);
    loop {
        let seen = match probe.ask() {
            Ok(()) => return Ok(()),
            Err(seen) => seen,
        };
        if stop.load(Ordering::Relaxed) {
            return Err(RuntimeError::Interrupted(
                "making class-data archives".to_owned(),
            ));
        }
        if let Some(exit) = process.exit() {
            return Err(failed(format!("it ended early: {exit:?}")));
        }
        if deadline.has_passed() {
            return Err(failed(format!(
                "awaited {}, last seen: {seen}",
                probe.awaited()
            )));
        }
        std::thread::sleep(POLL);
    }
}
