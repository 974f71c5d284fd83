//! Brokers and workers as JVMs on this machine: starting, signalling, restarting, and taking down.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::journal::{Deadline, Exit, Journal, What};
use crate::model::{RuntimeKind, WorkerName};

use super::super::own_cluster::{in_private_folder, with_free_ports};
use super::super::{
    Act, ClusterSpec, Condition, InternalTopics, Ledger, LogFile, Runtime, RuntimeError,
    StartStyle, Thing, proc_table,
};
use super::config;
use super::layout::Layout;
use super::node::{Node, POLL, Progress, Slot};
use super::prepare::Prepared;
use super::probe::Probe;
use super::supervisor::{Order, Supervisor};

const KILL_LIMIT: Duration = Duration::from_secs(20);
/// A restarted worker is asked for this long whether it answers; nobody waits for it here.
const RESTART_WATCH: Duration = Duration::from_secs(600);

/// A running cluster of local processes. Dropping it takes it down.
pub struct ProcessCluster {
    inner: Arc<Inner>,
    bootstrap: String,
    settings: BTreeMap<String, String>,
    data: PathBuf,
    temp: PathBuf,
}

struct Inner {
    journal: Journal,
    ledger: Ledger,
    supervisor: Supervisor,
    nodes: Vec<Node>,
    closing: AtomicBool,
    record: Mutex<Record>,
}

#[derive(Default)]
struct Record {
    deaths: Vec<(String, Exit)>,
    logs: Vec<LogFile>,
}

impl ProcessCluster {
    /// Starts brokers and workers and waits until each of them answers. Ports that were taken meanwhile are replaced, up
    /// to three times. When it fails, or `stop` becomes true, everything that was started is gone again.
    pub fn start(
        spec: &ClusterSpec,
        prepared: &Prepared,
        journal: &Journal,
        stop: &AtomicBool,
    ) -> Result<Self, RuntimeError> {
        with_free_ports(
            journal,
            |attempt| Self::build(spec, prepared, journal, attempt),
            |cluster| cluster.come_up(spec, stop),
        )
    }

    fn build(
        spec: &ClusterSpec,
        prepared: &Prepared,
        journal: &Journal,
        attempt: u32,
    ) -> Result<Self, RuntimeError> {
        in_private_folder(spec, |temp| {
            Self::laid_out(spec, prepared, journal, temp, attempt)
        })
    }

    fn laid_out(
        spec: &ClusterSpec,
        prepared: &Prepared,
        journal: &Journal,
        temp: PathBuf,
        attempt: u32,
    ) -> Result<Self, RuntimeError> {
        let layout = Layout::new(spec, prepared, temp.clone(), attempt)?;
        let nodes = layout.nodes()?;
        let inner = Inner {
            journal: journal.clone(),
            ledger: spec.ledger.clone(),
            supervisor: Supervisor::start()?,
            nodes,
            closing: AtomicBool::new(false),
            record: Mutex::default(),
        };
        Ok(Self {
            inner: Arc::new(inner),
            bootstrap: layout.bootstrap(),
            settings: config::shared_worker(&layout.facts(&layout.bootstrap())),
            data: spec.data.clone(),
            temp,
        })
    }

    fn come_up(&self, spec: &ClusterSpec, stop: &AtomicBool) -> Result<(), RuntimeError> {
        let all: Vec<usize> = (0..self.inner.nodes.len()).collect();
        let groups: Vec<&[usize]> = match spec.style {
            StartStyle::Together => vec![&all],
            StartStyle::Stock => all.chunks(1).collect(),
        };
        for group in groups {
            for index in group {
                start_node(&self.inner, *index, spec.ready_limit)?;
            }
            self.await_ready(group, spec.ready_limit, stop)?;
        }
        Ok(())
    }

    fn await_ready(
        &self,
        awaited: &[usize],
        limit: Duration,
        stop: &AtomicBool,
    ) -> Result<(), RuntimeError> {
        let deadline = Deadline::after(limit);
        loop {
            let mut waiting = None;
            for (index, node) in self.inner.nodes.iter().enumerate() {
                match node.progress() {
                    Progress::Ended(exit) => return Err(node.died(exit)),
                    Progress::Starting if awaited.contains(&index) => {
                        waiting = waiting.or(Some(node))
                    }
                    Progress::Starting | Progress::Down | Progress::Ready => {}
                }
            }
            let Some(node) = waiting else {
                return Ok(());
            };
            if stop.load(Ordering::Relaxed) {
                return Err(RuntimeError::Interrupted(format!(
                    "waiting for {}",
                    node.name
                )));
            }
            if deadline.has_passed() {
                return Err(node.not_ready(limit));
            }
            std::thread::sleep(POLL);
        }
    }

    fn node(&self, worker: &WorkerName) -> Result<(usize, &Node), RuntimeError> {
        let is_it = |node: &Node| node.worker.as_ref() == Some(worker);
        self.inner
            .nodes
            .iter()
            .enumerate()
            .find(|(_, node)| is_it(node))
            .ok_or_else(|| RuntimeError::UnknownWorker(worker.clone()))
    }

    fn port(&self, worker: &WorkerName) -> Option<u16> {
        match self.node(worker).ok()?.1.probe {
            Probe::Worker(port) => Some(port),
            Probe::Broker(_) => None,
        }
    }
}

impl Runtime for ProcessCluster {
    fn kind(&self) -> RuntimeKind {
        RuntimeKind::Process
    }

    fn bootstrap(&self) -> String {
        self.bootstrap.clone()
    }

    fn group_id(&self) -> String {
        self.settings.get("group.id").cloned().unwrap_or_default()
    }

    fn internal_topics(&self) -> InternalTopics {
        config::internal_topics(&self.settings)
    }

    fn workers(&self) -> Vec<WorkerName> {
        self.inner
            .nodes
            .iter()
            .filter_map(|node| node.worker.clone())
            .collect()
    }

    fn rest_url(&self, worker: &WorkerName) -> Option<String> {
        self.port(worker)
            .map(|port| format!("http://127.0.0.1:{port}"))
    }

    fn worker_id(&self, worker: &WorkerName) -> Option<String> {
        self.port(worker).map(|port| format!("127.0.0.1:{port}"))
    }

    fn data_folder(&self) -> &Path {
        &self.data
    }

    fn act(&self, worker: &WorkerName, act: Act) -> Result<(), RuntimeError> {
        let (_, node) = self.node(worker)?;
        if matches!(act, Act::Disconnect | Act::Reconnect) {
            return Err(RuntimeError::CannotAct {
                worker: worker.clone(),
                act,
                why: "local processes share this machine's network; run with --runtime docker"
                    .to_owned(),
            });
        }
        let down = || RuntimeError::WorkerDown(worker.clone());
        let process = node.process().ok_or_else(down)?;
        match process.signal(act) {
            Ok(true) => Ok(()),
            Ok(false) => Err(down()),
            Err(source) => Err(RuntimeError::Signal {
                who: node.name.clone(),
                source,
            }),
        }
    }

    fn condition(&self, worker: &WorkerName) -> Result<Condition, RuntimeError> {
        let process = self.node(worker)?.1.process();
        let process = process.ok_or_else(|| RuntimeError::WorkerDown(worker.clone()))?;
        Ok(match process.exit() {
            Some(exit) => Condition::Ended(exit),
            None if process.is_stopped() => Condition::Paused,
            None => Condition::Running,
        })
    }

    fn wait_ended(
        &self,
        worker: &WorkerName,
        limit: Duration,
    ) -> Result<Option<Exit>, RuntimeError> {
        let process = self.node(worker)?.1.process();
        let process = process.ok_or_else(|| RuntimeError::WorkerDown(worker.clone()))?;
        Ok(process.wait(limit))
    }

    fn start_worker(&self, worker: &WorkerName) -> Result<(), RuntimeError> {
        let (index, _) = self.node(worker)?;
        start_node(&self.inner, index, RESTART_WATCH)
    }

    fn is_up(&self, worker: &WorkerName) -> bool {
        let progress = self.node(worker).map(|(_, node)| node.progress());
        matches!(progress, Ok(Progress::Starting | Progress::Ready))
    }

    fn out_of_step(&self) -> Vec<String> {
        let of_node = |node: &Node| {
            let done = node.process()?.out_of_step()?;
            Some(format!("somebody else {done} {}", node.name))
        };
        self.inner.nodes.iter().filter_map(of_node).collect()
    }

    fn pids(&self) -> Option<Vec<u32>> {
        let processes = self.inner.nodes.iter().filter_map(Node::process);
        let up = processes.filter(|process| process.exit().is_none());
        Some(up.map(|process| process.pid()).collect())
    }

    fn unasked_deaths(&self) -> Vec<(String, Exit)> {
        self.inner.record().deaths.clone()
    }

    fn log_files(&self) -> Vec<LogFile> {
        self.inner.record().logs.clone()
    }

    fn take_down(&self) {
        self.inner.closing.store(true, Ordering::SeqCst);
        let processes: Vec<_> = self.inner.nodes.iter().filter_map(Node::process).collect();
        for process in &processes {
            // One that cannot be signalled ends with the supervisor's thread.
            let _ = process.signal(Act::Kill);
        }
        let deadline = Deadline::after(KILL_LIMIT);
        for process in &processes {
            process.wait(deadline.left());
        }
        // What cannot be removed stays in the ledger for the next clean.
        let _ = fs::remove_dir_all(&self.temp);
    }
}

impl Drop for ProcessCluster {
    fn drop(&mut self) {
        self.take_down();
    }
}

impl Inner {
    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts one node that is down, and watches for its first answer. The slot stays locked meanwhile, so that a take-down
/// either is seen here or sees the new process.
fn start_node(inner: &Arc<Inner>, index: usize, limit: Duration) -> Result<(), RuntimeError> {
    let node = &inner.nodes[index];
    let mut slot = node.slot();
    let is_up = slot
        .process
        .as_ref()
        .is_some_and(|process| process.exit().is_none());
    if let (true, Some(worker)) = (is_up, &node.worker) {
        return Err(RuntimeError::WorkerUp(worker.clone()));
    }
    if inner.closing.load(Ordering::SeqCst) {
        return Err(RuntimeError::Interrupted(format!("starting {}", node.name)));
    }
    inner.ledger.note(&Thing::Process {
        name: node.name.clone(),
    })?;
    let incarnation = slot.incarnation + 1;
    let log = node.logs.join(node.log_name(incarnation));
    let order = order(inner, node, incarnation, &log)?;
    if let Some(worker) = &node.worker {
        inner.record().logs.push(LogFile {
            worker: worker.clone(),
            incarnation,
            path: log,
        });
    }
    let process = inner
        .supervisor
        .spawn(order)
        .map_err(|source| RuntimeError::Spawn {
            who: node.name.clone(),
            source,
        })?;
    *slot = Slot {
        incarnation,
        process: Some(process),
        ready: false,
        last_seen: "nothing yet".to_owned(),
    };
    drop(slot);
    watch_readiness(inner, index, incarnation, limit)
}

fn order(
    inner: &Arc<Inner>,
    node: &Node,
    incarnation: u32,
    log: &Path,
) -> Result<Order, RuntimeError> {
    let name = node.name.clone();
    let log_name = format!("logs/{}", node.log_name(incarnation));
    let started = Arc::downgrade(inner);
    let ended = Arc::downgrade(inner);
    let ended_name = name.clone();
    Ok(Order {
        command: node.launch.command(log)?,
        on_start: Box::new(move |pid| {
            let Some(inner) = started.upgrade() else {
                return;
            };
            inner.journal.record(What::ProcessStarted {
                name: name.clone(),
                pid,
                incarnation,
                log: log_name,
            });
            let thing = Thing::Started {
                name,
                pid,
                start_ticks: proc_table::start_ticks(pid).unwrap_or_default(),
            };
            // Without this line the process is still found by its token.
            let _ = inner.ledger.note(&thing);
        }),
        on_end: Box::new(move |exit, asked| {
            let Some(inner) = ended.upgrade() else { return };
            if !asked {
                inner.record().deaths.push((ended_name.clone(), exit));
            }
            inner.journal.record(What::ProcessEnded {
                name: ended_name,
                incarnation,
                exit,
                asked,
            });
        }),
    })
}

/// Asks the node on a thread of its own until it answers, ends, or is taken down.
fn watch_readiness(
    inner: &Arc<Inner>,
    index: usize,
    incarnation: u32,
    limit: Duration,
) -> Result<(), RuntimeError> {
    let weak = Arc::downgrade(inner);
    let clock = inner.journal.clock();
    let started = clock.now();
    let deadline = Deadline::after(limit);
    let watch = move || {
        while let Some(inner) = weak.upgrade() {
            let node = &inner.nodes[index];
            if inner.closing.load(Ordering::SeqCst)
                || !node.is_starting(incarnation)
                || deadline.has_passed()
            {
                return;
            }
            let answer = node.probe.ask();
            let mut slot = node.slot();
            match answer {
                Ok(()) if slot.is_starting(incarnation) => {
                    let took = clock.now().since(started);
                    inner.journal.record(What::ProcessReady {
                        name: node.name.clone(),
                        incarnation,
                        took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
                    });
                    slot.ready = true;
                    return;
                }
                Ok(()) => return,
                Err(seen) => slot.last_seen = seen,
            }
            drop(slot);
            drop(inner);
            std::thread::sleep(POLL);
        }
    };
    std::thread::Builder::new()
        .name("readiness".to_owned())
        .spawn(watch)
        .map(drop)
        .map_err(|source| RuntimeError::Spawn {
            who: "a readiness thread".to_owned(),
            source,
        })
}
