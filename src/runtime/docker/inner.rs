//! What all threads of a cluster of containers share: the nodes, the record of them, and the ways to act on one.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::journal::{Exit, Journal, What};

use super::super::{Act, Ledger, LogFile};
use super::engine::{Engine, Refusal};
use super::node::Node;

const KILL_LIMIT: Duration = Duration::from_secs(20);
/// A log that ended is read to its end within this.
pub const LOG_LIMIT: Duration = Duration::from_secs(5);

/// What all threads of a cluster share.
pub struct Inner {
    /// Where everything is recorded.
    pub journal: Journal,
    /// Where everything is written down before it is made.
    pub ledger: Ledger,
    /// The engine.
    pub engine: Arc<Engine>,
    /// The run's network.
    pub network: String,
    /// What every container and network carries.
    pub labels: HashMap<String, String>,
    /// The containers, brokers first.
    pub nodes: Vec<Node>,
    /// Set when the cluster is being taken down: from then on every end is asked for.
    pub closing: AtomicBool,
    /// Set when nothing is awaited of the engine any more.
    pub done: AtomicBool,
    /// What is kept for whoever asks.
    pub record: Mutex<Record>,
}

/// What is kept for whoever asks.
#[derive(Default)]
pub struct Record {
    /// Ends that nobody asked for.
    pub deaths: Vec<(String, Exit)>,
    /// What else somebody else did.
    pub disturbances: Vec<String>,
    /// All logs.
    pub logs: Vec<LogFile>,
    /// Which container has which id, by place in [`Inner::nodes`].
    pub ids: HashMap<String, usize>,
}

impl Inner {
    /// Locks the record.
    pub fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes down that a container has ended; its start must have been written down before.
    pub fn record_end(&self, index: usize, exit: Exit) {
        let node = &self.nodes[index];
        let (incarnation, asked) = {
            let slot = node.slot();
            (slot.incarnation, slot.asked)
        };
        let asked = asked || self.closing.load(Ordering::SeqCst);
        if !asked {
            let death = (node.plan.name.clone(), exit);
            self.record().deaths.push(death);
        }
        self.journal.record(What::ProcessEnded {
            name: node.plan.name.clone(),
            incarnation,
            exit,
            asked,
        });
    }

    /// Does this to a container, and nothing more: whoever asks for it writes down that it is expected.
    pub fn strike(&self, node: &Node, act: Act) -> Result<(), Refusal> {
        let container = &node.plan.container;
        let docker = &self.engine.docker;
        match act {
            Act::Kill | Act::Terminate | Act::DumpThreads => {
                self.engine.kill(container, signal_of(act))
            }
            Act::Pause => self.engine.try_call(docker.pause_container(container)),
            Act::Resume => self.engine.try_call(docker.unpause_container(container)),
            Act::Disconnect => self.engine.disconnect(container, &self.network),
            Act::Reconnect => self
                .engine
                .reconnect(container, &self.network, &node.address),
        }
    }

    /// Ends a container at once, takes in the rest of its log, and removes it.
    pub fn remove(&self, node: &Node) {
        let _busy = node.busy.lock().unwrap_or_else(PoisonError::into_inner);
        let is_up = node.change(|slot| {
            slot.asked = true;
            slot.is_up()
        });
        if is_up && self.engine.kill(&node.plan.container, 9).is_ok() {
            node.wait_ended(KILL_LIMIT);
        }
        let (follower, handle) = node.change(|slot| (slot.follower.take(), slot.handle.take()));
        if let Some(follower) = follower {
            follower.finish(LOG_LIMIT);
        }
        let removed = handle.map(|handle| self.engine.block_on(handle.rm()));
        if !matches!(removed, Some(Ok(()))) {
            // A start that failed half-way leaves a container without a handle. What cannot be removed carries the
            // run's label: the next clean finds it.
            let _ = self.engine.remove(&node.plan.container);
        }
    }
}

const fn signal_of(act: Act) -> i32 {
    match act {
        Act::Terminate => 15,
        Act::DumpThreads => 3,
        Act::Kill | Act::Pause | Act::Resume | Act::Disconnect | Act::Reconnect => 9,
    }
}

/// What the engine's event about this act is called among what is expected; a change to a network is told in other ways.
pub fn event_of(act: Act) -> Option<String> {
    match act {
        Act::Kill | Act::Terminate | Act::DumpThreads => Some(format!("signal {}", signal_of(act))),
        Act::Pause => Some("pause".to_owned()),
        Act::Resume => Some("unpause".to_owned()),
        Act::Disconnect | Act::Reconnect => None,
    }
}
