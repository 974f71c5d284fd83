//! One container of the cluster, a broker's or a worker's, through all its starts.

use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use testcontainers::{ContainerAsync, GenericImage};

use crate::journal::{Deadline, Exit};
use crate::model::WorkerName;

use super::super::process::log_tail;
use super::super::process::node::Progress;
use super::super::process::probe::Probe;
use super::super::{Condition, RuntimeError};
use super::follow::{Follower, Seen};
use super::image::Image;

/// What never changes of a container.
#[derive(Debug, Clone)]
pub struct Plan {
    /// `broker-1`, `w1`.
    pub name: String,
    /// The worker, when it is one.
    pub worker: Option<WorkerName>,
    /// The container's name, which is its host name for the others.
    pub container: String,
    /// What it is made from.
    pub image: Image,
    /// The program.
    pub entry_point: String,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// The port that is published.
    pub inner_port: u16,
    /// As which port of 127.0.0.1.
    pub port: u16,
    /// How it is asked whether it answers.
    pub probe: Probe,
    /// `uid:gid` of the harness: files in shared folders are the user's.
    pub user: String,
    /// Where it runs: relative file names of connectors stand there.
    pub folder: PathBuf,
    /// Folders and files of this machine that it may read, at the same path.
    pub read_only: Vec<PathBuf>,
    /// Folders of this machine that it may write, at the same path.
    pub read_write: Vec<PathBuf>,
    /// Where its logs go.
    pub logs: PathBuf,
    /// Its program begins when this file is there: from its first start on, once it has its lasting address.
    pub gate: PathBuf,
}

/// A container: what never changes, and what it is now.
pub struct Node {
    /// What never changes.
    pub plan: Plan,
    /// Its address in the run's network, the same after each start and reconnect.
    pub address: String,
    /// Held by who starts or removes it.
    pub busy: Mutex<()>,
    /// What has been read of its log.
    pub seen: Arc<Mutex<Seen>>,
    slot: Mutex<Slot>,
    changed: Condvar,
}

/// What a container is now; changed by who acts and by the engine's events.
#[derive(Default)]
pub struct Slot {
    /// How often it has been started.
    pub incarnation: u32,
    /// Keeps the container from outliving the harness by accident.
    pub handle: Option<ContainerAsync<GenericImage>>,
    /// Whether its start is in the journal; an end that comes earlier has to wait for that.
    pub announced: bool,
    /// How the last start ended.
    pub exit: Option<Exit>,
    /// Whether this end was asked for.
    pub asked: bool,
    /// What this process asked for and no event has told of yet: "start", "pause", "unpause", "signal 9".
    pub expected: Vec<String>,
    /// Whether it stands still, by the engine's events.
    pub is_paused: bool,
    /// Whether it is off its network, by the engine's events.
    pub is_cut_off: bool,
    /// Whether this process wants it off its network.
    pub wants_cut_off: bool,
    /// Counts the beginnings and ends of this process's changes to its network: odd while one is under way.
    pub network_acts: u64,
    /// Whether it has answered.
    pub ready: bool,
    /// What was seen instead of an answer.
    pub last_seen: String,
    /// The id of its process on the engine's machine.
    pub pid: Option<u32>,
    /// Who writes its log.
    pub follower: Option<Follower>,
}

impl Slot {
    /// Whether it has been started and has not ended.
    pub fn is_up(&self) -> bool {
        self.incarnation > 0 && self.exit.is_none()
    }

    /// Takes this off what is expected; false when nobody here asked for it.
    pub fn take_expected(&mut self, what: &str) -> bool {
        let place = self.expected.iter().position(|expected| expected == what);
        place.map(|place| self.expected.remove(place)).is_some()
    }

    /// The same for the first that is expected of what begins with this: an engine may leave out the rest.
    pub fn take_expected_kind(&mut self, beginning: &str) -> bool {
        let is_it = |expected: &String| expected.starts_with(beginning);
        let place = self.expected.iter().position(is_it);
        place.map(|place| self.expected.remove(place)).is_some()
    }

    /// Whether this start runs and has not answered yet.
    pub fn is_starting(&self, incarnation: u32) -> bool {
        self.incarnation == incarnation && self.is_up() && !self.ready
    }
}

impl Node {
    /// A container that is not there yet.
    pub fn new(plan: Plan, address: String, earlier_starts: u32) -> Self {
        let slot = Slot {
            incarnation: earlier_starts,
            // Earlier attempts have ended.
            exit: (earlier_starts > 0).then_some(Exit::Signal(9)),
            ..Slot::default()
        };
        Self {
            plan,
            address,
            busy: Mutex::default(),
            seen: Arc::default(),
            slot: Mutex::new(slot),
            changed: Condvar::new(),
        }
    }

    /// Locks the slot.
    pub fn slot(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the slot and wakes who waits for it.
    pub fn change<T>(&self, change: impl FnOnce(&mut Slot) -> T) -> T {
        let mut slot = self.slot();
        let result = change(&mut slot);
        drop(slot);
        self.changed.notify_all();
        result
    }

    /// The id of its process on the engine's machine, while it is up.
    pub fn pid(&self) -> Option<u32> {
        let slot = self.slot();
        slot.pid.filter(|_| slot.is_up())
    }

    /// How far the last start has come.
    pub fn progress(&self) -> Progress {
        let slot = self.slot();
        match (slot.incarnation, slot.exit) {
            (0, _) => Progress::Down,
            (_, Some(exit)) => Progress::Ended(exit),
            (_, None) if slot.ready => Progress::Ready,
            (_, None) => Progress::Starting,
        }
    }

    /// What it is doing, by the engine's events.
    pub fn condition(&self) -> Option<Condition> {
        let slot = self.slot();
        match (slot.incarnation, slot.exit) {
            (0, _) => None,
            (_, Some(exit)) => Some(Condition::Ended(exit)),
            (_, None) if slot.is_paused => Some(Condition::Paused),
            (_, None) if slot.wants_cut_off && slot.is_cut_off => Some(Condition::Disconnected),
            (_, None) => Some(Condition::Running),
        }
    }

    /// Waits for its end; `None` when it still runs at the limit.
    pub fn wait_ended(&self, limit: Duration) -> Option<Exit> {
        let deadline = Deadline::after(limit);
        let mut slot = self.slot();
        while slot.exit.is_none() && !deadline.has_passed() {
            slot = self
                .changed
                .wait_timeout(slot, deadline.left())
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        slot.exit
    }

    /// File name of the log of a start.
    pub fn log_name(&self, incarnation: u32) -> String {
        format!("{}-{incarnation}.log", self.plan.name)
    }

    /// The log of a start.
    pub fn log(&self, incarnation: u32) -> PathBuf {
        self.plan.logs.join(self.log_name(incarnation))
    }

    /// The error of a container that ended while it was awaited; its log is whole first.
    pub fn died(&self, exit: Exit, limit: Duration) -> RuntimeError {
        let (follower, incarnation) = self.change(|slot| (slot.follower.take(), slot.incarnation));
        if let Some(follower) = follower {
            follower.finish(limit);
        }
        RuntimeError::Died {
            who: self.plan.name.clone(),
            exit,
            end: Box::new(log_tail::end_of(self.log(incarnation))),
        }
    }

    /// The error of a container that did not answer in time.
    pub fn not_ready(&self, limit: Duration) -> RuntimeError {
        let (incarnation, last_seen) = {
            let slot = self.slot();
            (slot.incarnation, slot.last_seen.clone())
        };
        RuntimeError::NotReady {
            who: self.plan.name.clone(),
            limit_s: limit.as_secs(),
            awaited: self.plan.probe.awaited(),
            last_seen,
            end: Box::new(log_tail::end_of(self.log(incarnation))),
        }
    }
}
