//! Brokers and workers as containers: starting, striking, restarting, and taking down.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use testcontainers::bollard::models::NetworkCreateRequest;

use crate::connect::Rest;
use crate::journal::{Deadline, Exit, Journal};
use crate::model::{KafkaVersion, RuntimeKind, WorkerName};

use super::super::own_cluster::{in_private_folder, with_free_ports};
use super::super::proc_table;
use super::super::process::config;
use super::super::process::node::{POLL, Progress};
use super::super::{
    Act, ClusterSpec, Condition, HANDS_OFF, InternalTopics, LogFile, Runtime, RuntimeError, Thing,
};
use super::engine::{Engine, Facts, Refusal};
use super::image::{Image, Prepared};
use super::inner::{Inner, LOG_LIMIT, event_of};
use super::layout::{Layout, REST_PORT, Subnet, network_name};
use super::node::Node;
use super::{events, labels, start};

const NETWORK_ATTEMPTS: u32 = 5;
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// A restarted worker is asked for this long whether it answers; nobody waits for it here.
const RESTART_WATCH: Duration = Duration::from_secs(600);

/// A running cluster of containers. Dropping it takes it down.
pub struct DockerCluster {
    inner: Arc<Inner>,
    bootstrap: String,
    inner_bootstrap: String,
    settings: BTreeMap<String, String>,
    facts: BTreeMap<String, String>,
    data: PathBuf,
    temp: PathBuf,
    watcher: Mutex<Option<JoinHandle<()>>>,
}

impl DockerCluster {
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

    /// The name of a worker's container; `None` for a stranger.
    #[cfg_attr(alone, expect(dead_code, reason = "tests look into containers"))]
    pub fn container(&self, worker: &WorkerName) -> Option<String> {
        Some(self.node(worker).ok()?.1.plan.container.clone())
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
        let layout = Layout::new(spec, prepared, &temp, attempt)?;
        let network = network_name(spec.ledger.run());
        let labels = labels::of_run(spec.ledger.run());
        spec.ledger.note(&Thing::Network {
            name: network.clone(),
        })?;
        let engine = Arc::clone(&prepared.engine);
        let subnet = make_network(&engine, &network, &labels)?;
        let nodes = layout
            .plans
            .into_iter()
            .enumerate()
            .map(|(n, plan)| Node::new(plan, subnet.address(n), attempt - 1))
            .collect();
        let inner = Arc::new(Inner {
            journal: journal.clone(),
            ledger: spec.ledger.clone(),
            engine: Arc::clone(&engine),
            network: network.clone(),
            labels,
            nodes,
            closing: AtomicBool::new(false),
            done: AtomicBool::new(false),
            record: Mutex::default(),
        });
        let watcher = events::watch(&inner).inspect_err(|_| {
            // What cannot be removed stays in the ledger for the next clean.
            let _ = engine.remove_network(&network);
        })?;
        Ok(Self {
            inner,
            bootstrap: layout.bootstrap,
            inner_bootstrap: layout.inner_bootstrap,
            settings: layout.settings,
            facts: in_words(&prepared.facts, &prepared.broker, &prepared.worker),
            data: spec.data.clone(),
            temp,
            watcher: Mutex::new(Some(watcher)),
        })
    }

    /// Workers give up at once on a broker whose name nobody knows yet, so brokers are started first; nobody waits for
    /// them to answer.
    fn come_up(&self, spec: &ClusterSpec, stop: &AtomicBool) -> Result<(), RuntimeError> {
        let brokers = self
            .inner
            .nodes
            .iter()
            .filter(|node| node.plan.worker.is_none())
            .count();
        start::all(&self.inner, 0..brokers, spec.ready_limit)?;
        if stop.load(Ordering::Relaxed) {
            return Err(RuntimeError::Interrupted("starting containers".to_owned()));
        }
        start::all(
            &self.inner,
            brokers..self.inner.nodes.len(),
            spec.ready_limit,
        )?;
        self.await_ready(spec.ready_limit, stop)?;
        self.check_release(spec.connect_version)
    }

    /// An image is taken by its name; what is in it, its worker tells.
    fn check_release(&self, wanted: KafkaVersion) -> Result<(), RuntimeError> {
        let worker = self
            .inner
            .nodes
            .iter()
            .find(|node| node.plan.worker.is_some());
        let Some(node) = worker else {
            return Ok(());
        };
        let wrong = |why: String| RuntimeError::WrongImage {
            image: node.plan.image.name.clone(),
            why,
        };
        let url = format!("http://127.0.0.1:{}", node.plan.port);
        let told = Rest::new(&url)
            .and_then(|rest| rest.info(ANSWER_LIMIT))
            .map_err(|error| wrong(error.to_string()))?;
        if told.version == wanted.to_string() {
            return Ok(());
        }
        Err(wrong(format!(
            "it holds Kafka {}, but the scenario asks for {wanted}; name another image, or set the scenario's versions",
            told.version
        )))
    }

    fn await_ready(&self, limit: Duration, stop: &AtomicBool) -> Result<(), RuntimeError> {
        let deadline = Deadline::after(limit);
        loop {
            let mut waiting = None;
            for node in &self.inner.nodes {
                match node.progress() {
                    Progress::Ended(exit) => return Err(node.died(exit, LOG_LIMIT)),
                    Progress::Starting => waiting = waiting.or(Some(node)),
                    Progress::Down | Progress::Ready => {}
                }
            }
            let Some(node) = waiting else {
                return Ok(());
            };
            if stop.load(Ordering::Relaxed) {
                return Err(RuntimeError::Interrupted(format!(
                    "waiting for {}",
                    node.plan.name
                )));
            }
            if let Some(why) = self.inner.record().disturbances.first() {
                return Err(RuntimeError::WrongEngine { why: why.clone() });
            }
            if deadline.has_passed() {
                return Err(node.not_ready(limit));
            }
            std::thread::sleep(POLL);
        }
    }

    fn node(&self, worker: &WorkerName) -> Result<(usize, &Node), RuntimeError> {
        let is_it = |node: &Node| node.plan.worker.as_ref() == Some(worker);
        self.inner
            .nodes
            .iter()
            .enumerate()
            .find(|(_, node)| is_it(node))
            .ok_or_else(|| RuntimeError::UnknownWorker(worker.clone()))
    }
}

impl Runtime for DockerCluster {
    fn kind(&self) -> RuntimeKind {
        RuntimeKind::Docker
    }

    fn facts(&self) -> BTreeMap<String, String> {
        self.facts.clone()
    }

    fn bootstrap(&self) -> String {
        self.bootstrap.clone()
    }

    fn inner_bootstrap(&self) -> String {
        self.inner_bootstrap.clone()
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
            .filter_map(|node| node.plan.worker.clone())
            .collect()
    }

    fn rest_url(&self, worker: &WorkerName) -> Option<String> {
        let (_, node) = self.node(worker).ok()?;
        Some(format!("http://127.0.0.1:{}", node.plan.port))
    }

    fn worker_id(&self, worker: &WorkerName) -> Option<String> {
        let (_, node) = self.node(worker).ok()?;
        Some(format!("{}:{REST_PORT}", node.plan.container))
    }

    fn data_folder(&self) -> &Path {
        &self.data
    }

    fn act(&self, worker: &WorkerName, act: Act) -> Result<(), RuntimeError> {
        let (_, node) = self.node(worker)?;
        if !node.slot().is_up() {
            return Err(RuntimeError::WorkerDown(worker.clone()));
        }
        let before = node.change(|slot| {
            let before = (slot.asked, slot.wants_cut_off);
            slot.expected.extend(event_of(act));
            match act {
                Act::Kill | Act::Terminate => slot.asked = true,
                Act::Pause | Act::Resume | Act::DumpThreads => {}
                Act::Disconnect | Act::Reconnect => {
                    slot.wants_cut_off = act == Act::Disconnect;
                    slot.network_acts += 1;
                }
            }
            before
        });
        let struck = self.inner.strike(node, act);
        let is_up = node.change(|slot| {
            if matches!(act, Act::Disconnect | Act::Reconnect) {
                slot.network_acts += 1;
            }
            if struck.is_err() {
                event_of(act).map(|event| slot.take_expected(&event));
                (slot.asked, slot.wants_cut_off) = before;
            }
            slot.is_up()
        });
        struck.map_err(|refusal| refused(worker, act, is_up, refusal))
    }

    fn condition(&self, worker: &WorkerName) -> Result<Condition, RuntimeError> {
        let condition = self.node(worker)?.1.condition();
        condition.ok_or_else(|| RuntimeError::WorkerDown(worker.clone()))
    }

    fn wait_ended(
        &self,
        worker: &WorkerName,
        limit: Duration,
    ) -> Result<Option<Exit>, RuntimeError> {
        let (_, node) = self.node(worker)?;
        if node.slot().incarnation == 0 {
            return Err(RuntimeError::WorkerDown(worker.clone()));
        }
        Ok(node.wait_ended(limit))
    }

    fn start_worker(&self, worker: &WorkerName) -> Result<(), RuntimeError> {
        let (index, _) = self.node(worker)?;
        start::one(&self.inner, index, RESTART_WATCH)
    }

    fn is_up(&self, worker: &WorkerName) -> bool {
        let progress = self.node(worker).map(|(_, node)| node.progress());
        matches!(progress, Ok(Progress::Starting | Progress::Ready))
    }

    fn out_of_step(&self) -> Vec<String> {
        // A container's pause is no signal. Where the engine is on another machine, its processes are not to be seen here.
        let mark = self.inner.ledger.token();
        let of_node = |node: &Node| {
            let pid = node.pid()?;
            let stands = proc_table::is_stopped(pid) && proc_table::has_argument(pid, &mark);
            stands.then(|| format!("somebody else {} {}", proc_table::STOPPED, node.plan.name))
        };
        self.inner.nodes.iter().filter_map(of_node).collect()
    }

    fn pids(&self) -> Option<Vec<u32>> {
        let mark = self.inner.ledger.token();
        let up = self.inner.nodes.iter().filter(|node| node.slot().is_up());
        let seen = |node: &Node| {
            let pid = node.pid()?;
            proc_table::has_argument(pid, &mark).then_some(pid)
        };
        up.map(seen).collect()
    }

    fn unasked_deaths(&self) -> Vec<(String, Exit)> {
        self.inner.record().deaths.clone()
    }

    fn trouble(&self) -> Vec<String> {
        let with_advice = |what: &String| format!("{what}; {HANDS_OFF}");
        let record = self.inner.record();
        record.disturbances.iter().map(with_advice).collect()
    }

    fn log_files(&self) -> Vec<LogFile> {
        self.inner.record().logs.clone()
    }

    fn take_down(&self) {
        if self.inner.done.load(Ordering::SeqCst) {
            return;
        }
        self.inner.closing.store(true, Ordering::SeqCst);
        std::thread::scope(|scope| {
            for node in &self.inner.nodes {
                scope.spawn(|| self.inner.remove(node));
            }
        });
        // What cannot be removed carries the run's label: the next clean finds it.
        let _ = self.inner.engine.remove_network(&self.inner.network);
        self.inner.done.store(true, Ordering::SeqCst);
        let watcher = self
            .watcher
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(watcher) = watcher {
            // A watcher that panicked has nothing more to tell.
            let _ = watcher.join();
        }
        // What cannot be removed stays in the ledger for the next clean.
        let _ = fs::remove_dir_all(&self.temp);
    }
}

fn refused(worker: &WorkerName, act: Act, is_up: bool, refusal: Refusal) -> RuntimeError {
    if !is_up || refusal.why.contains("is not running") {
        return RuntimeError::WorkerDown(worker.clone());
    }
    RuntimeError::CannotAct {
        worker: worker.clone(),
        act,
        why: refusal.why,
    }
}

impl Drop for DockerCluster {
    fn drop(&mut self) {
        self.take_down();
    }
}

/// Makes the run's network. Addresses of one's own choice are allowed only in a network whose range was asked for, so the
/// engine is first asked which range it would give.
fn make_network(
    engine: &Engine,
    name: &str,
    labels: &HashMap<String, String>,
) -> Result<Subnet, RuntimeError> {
    let request = |subnet: Option<&str>| NetworkCreateRequest {
        name: name.to_owned(),
        labels: Some(labels.clone()),
        ipam: subnet.map(with_range),
        ..NetworkCreateRequest::default()
    };
    let making = format!("make network {name}");
    let mut last = String::new();
    for _ in 0..NETWORK_ATTEMPTS {
        engine.call(&making, engine.docker.create_network(request(None)))?;
        let found = engine.call(
            &format!("inspect network {name}"),
            engine.docker.inspect_network(
                name,
                None::<testcontainers::bollard::query_parameters::InspectNetworkOptions>,
            ),
        );
        engine.remove_network(name)?;
        let ranges = found?.ipam.and_then(|ipam| ipam.config).unwrap_or_default();
        let range = ranges
            .into_iter()
            .filter_map(|range| range.subnet)
            .find_map(|text| Some((Subnet::parse(&text)?, text)));
        let Some((subnet, text)) = range else {
            return Err(RuntimeError::Engine {
                action: making,
                why: "it gave no IPv4 range with room for the containers; look at its `default-address-pools`".to_owned(),
            });
        };
        match engine.try_call(engine.docker.create_network(request(Some(&text)))) {
            Ok(_) => return Ok(subnet),
            // Another one was given the range meanwhile.
            Err(refusal) if refusal.why.contains("overlap") => last = refusal.why,
            Err(refusal) => return Err(refusal.of(&making)),
        }
    }
    Err(RuntimeError::Engine {
        action: making,
        why: last,
    })
}

fn with_range(subnet: &str) -> testcontainers::bollard::models::Ipam {
    use testcontainers::bollard::models::{Ipam, IpamConfig};
    Ipam {
        config: Some(vec![IpamConfig {
            subnet: Some(subnet.to_owned()),
            ..IpamConfig::default()
        }]),
        ..Ipam::default()
    }
}

/// What `run.json` says of the engine and the images.
fn in_words(facts: &Facts, broker: &Image, worker: &Image) -> BTreeMap<String, String> {
    let mut words = BTreeMap::from([
        ("engine".to_owned(), facts.version.clone()),
        ("api".to_owned(), facts.api.clone()),
        ("cgroup".to_owned(), facts.cgroup.clone()),
    ]);
    let mut add = |of: &str, image: &Image| {
        words.insert(format!("{of}image"), image.name.clone());
        words.insert(format!("{of}image-id"), image.id.clone());
        if let Some(digest) = &image.digest {
            words.insert(format!("{of}image-digest"), digest.clone());
        }
    };
    add("", worker);
    if broker != worker {
        add("broker-", broker);
    }
    words
}
