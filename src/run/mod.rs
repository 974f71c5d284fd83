//! The only place where things happen over time: provision, deploy, baseline, faults, converge, drain, take down.

mod attached;
mod baseline;
mod calm;
mod conductor;
mod deploy;
mod drain;
mod guard;
mod host;
mod inject;
mod live;
mod misfit;
mod observe;
mod schedule;
mod source_offsets;
mod step;
mod stop;
mod stuck;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::connect::secrets;
use crate::journal::{Clock, Ending, FORMAT, Journal, Phase, RunFolder, RunInfo, What};
use crate::model::{ConnectorName, Direction, RuntimeKind, StreamId};
use crate::plan::Plan;
use crate::runtime::attached::Other;
use crate::runtime::{
    ClusterSpec, Ledger, Runtime, RuntimeError, StartStyle, UserFolders, docker, process,
};
use crate::scenario::Scenario;

use conductor::Conductor;
use observe::{GROUP_POLL, Observers, Watched};

pub use attached::Attach;
pub use conductor::RunError;
pub use stop::{StopToken, Urgency};

const READY_LIMIT: Duration = Duration::from_secs(90);
const OBSERVER_LIMIT: Duration = Duration::from_secs(3);

/// What is to be run, and where its evidence goes.
#[derive(Debug, Clone)]
pub struct Request {
    /// The scenario.
    pub scenario: Scenario,
    /// Its text, as given.
    pub scenario_text: String,
    /// Its path, as given.
    pub scenario_path: String,
    /// The timetable.
    pub plan: Plan,
    /// A Kafka installation to use instead of a fetched one.
    pub kafka_home: Option<PathBuf>,
    /// What the cluster is made of.
    pub runtime: RuntimeKind,
    /// The image of brokers and workers in containers, instead of the usual one.
    pub image: Option<String>,
    /// The cluster that is joined instead of starting one.
    pub attach: Option<Attach>,
    /// The words of the command line that say all this about the cluster, to repeat the run with.
    pub cluster_arguments: Vec<String>,
}

/// A run that has begun to be written down, and has started nothing yet.
pub struct Run {
    request: Request,
    folder: RunFolder,
    journal: Journal,
    stream: StreamId,
    /// Connectors of others that were there before.
    others: BTreeMap<ConnectorName, Other>,
}

impl Run {
    /// Writes scenario, plan and what is known of the run into its new folder.
    pub fn prepare(
        mut request: Request,
        folder: RunFolder,
        clock: Clock,
    ) -> Result<Self, RunError> {
        let stream = host::fresh_stream(clock.started_unix_us());
        attached::take_own_names(&mut request, stream);
        let journal = Journal::create(&folder, clock).map_err(RunError::environment)?;
        let run = Self {
            request,
            folder,
            journal,
            stream,
            others: BTreeMap::new(),
        };
        run.folder
            .write(
                "scenario.yaml",
                host::masked_text(&run.request.scenario_text, &run.request.scenario).as_bytes(),
            )
            .map_err(RunError::environment)?;
        run.folder
            .write_json("plan.json", &run.request.plan)
            .map_err(RunError::environment)?;
        run.write_info("", "", BTreeMap::new(), BTreeMap::new(), BTreeMap::new())?;
        Ok(run)
    }

    /// The run's journal, to listen to.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// The scenario.
    pub fn scenario(&self) -> &Scenario {
        &self.request.scenario
    }

    /// What the cluster is made of.
    pub fn runtime(&self) -> RuntimeKind {
        self.request.runtime
    }

    /// The timetable.
    pub fn plan(&self) -> &Plan {
        &self.request.plan
    }

    /// Goes through all phases, takes everything down whatever happens, writes the last event and seals the folder.
    pub fn conduct(&self, stop: &StopToken) -> Ending {
        let mut rows = BTreeMap::new();
        let result = self.phases(stop, &mut rows);
        let ending = match result {
            Ok(()) => Ending::Complete,
            Err(RunError::Interrupted) => Ending::Interrupted,
            Err(RunError::Environment(why)) => {
                let why = host::masked_text(&why, &self.request.scenario);
                let why = attached::masked(why, self.request.attach.as_ref());
                Ending::Environment(secrets::mask_text(&why))
            }
        };
        let harness_cpu_ms = host::own_cpu_ms();
        self.journal.record(What::RunEnded {
            ending: ending.clone(),
            rows,
            harness_cpu_ms,
        });
        match self.folder.seal() {
            Ok(()) => ending,
            Err(error) => Ending::Environment(error.to_string()),
        }
    }

    fn phases(&self, stop: &StopToken, rows: &mut BTreeMap<String, u64>) -> Result<(), RunError> {
        self.journal.record(What::PhaseBegan(Phase::Prepare));
        let folders = UserFolders::from_env();
        let ledger = Ledger::create(&folders, &self.stream.to_string(), self.folder.path())
            .map_err(RunError::environment)?;
        if let Some(attach) = &self.request.attach {
            return self.on_attached(attach, &folders, &ledger, stop, rows);
        }
        let spec = self.cluster_spec(folders, ledger.clone());
        let result = self.with_cluster(&spec, stop, rows);
        ledger.close();
        result
    }

    fn with_cluster(
        &self,
        spec: &ClusterSpec,
        stop: &StopToken,
        rows: &mut BTreeMap<String, u64>,
    ) -> Result<(), RunError> {
        let failed = |error: RuntimeError| failed(&error, stop);
        let (runtime, java) = self.start_cluster(spec, stop).map_err(failed)?;
        self.conduct_on(runtime, &java, stop, rows)
    }

    /// Everything that happens on a cluster that is there, to its end.
    fn conduct_on(
        &self,
        runtime: Arc<dyn Runtime>,
        java: &str,
        stop: &StopToken,
        rows: &mut BTreeMap<String, u64>,
    ) -> Result<(), RunError> {
        let scenario = &self.request.scenario;
        let conductor = Conductor::new(
            scenario,
            &self.request.plan,
            &self.folder,
            &self.journal,
            Arc::clone(&runtime),
            stop,
        );
        let result = conductor.and_then(|mut conductor| {
            let result = self.act(&mut conductor, java);
            let troubles = conductor.finish_observations(OBSERVER_LIMIT);
            rows.append(&mut conductor.rows);
            for why in troubles {
                self.journal.record(What::ObserverFailed {
                    observer: "observations".to_owned(),
                    why,
                });
            }
            result
        });
        self.journal.record(What::PhaseBegan(Phase::TakeDown));
        runtime.take_down();
        let hidden = host::hide_secrets_in(&self.folder.logs(), &self.request.scenario);
        result.and(hidden.map_err(|error| {
            RunError::Environment(format!(
                "cannot hide secrets in the logs: {error}; delete the run's logs"
            ))
        }))
    }

    /// Starts what the run asks for; returns it with the version of this machine's Java, where that is used.
    fn start_cluster(
        &self,
        spec: &ClusterSpec,
        stop: &StopToken,
    ) -> Result<(Arc<dyn Runtime>, String), RuntimeError> {
        let (journal, stop) = (&self.journal, stop.asked());
        let provision = || drop(journal.record(What::PhaseBegan(Phase::Provision)));
        match self.request.runtime {
            RuntimeKind::Process => {
                let prepared = process::prepare(spec, journal, stop)?;
                provision();
                let cluster = process::ProcessCluster::start(spec, &prepared, journal, stop)?;
                Ok((Arc::new(cluster), prepared.java.line))
            }
            RuntimeKind::Docker => {
                let image = self.request.image.as_deref();
                let prepared = docker::prepare(spec, image, journal, stop)?;
                provision();
                let cluster = docker::DockerCluster::start(spec, &prepared, journal, stop)?;
                Ok((Arc::new(cluster), String::new()))
            }
            RuntimeKind::Attached => Err(RuntimeError::WrongEngine {
                why: "an attached cluster is not started by a run".to_owned(),
            }),
        }
    }

    fn act(&self, conductor: &mut Conductor<'_>, java: &str) -> Result<(), RunError> {
        self.write_known(conductor, java)?;
        let watched = self.watched(conductor);
        let mut observers = Observers::start(&watched, &self.journal);
        observers.follow_logs(Arc::clone(&conductor.runtime), &watched, &self.journal);
        conductor.observers = Some(observers);
        conductor.deploy(self.stream)?;
        conductor.guard = self.guard();
        conductor.begin(Phase::Baseline);
        conductor.start_feed(self.stream)?;
        let baseline = conductor.reach_baseline()?;
        conductor.inject_faults(&baseline)?;
        conductor.converge()?;
        conductor.drain(&baseline)?;
        conductor.look_at_source_offsets();
        conductor.begin(Phase::Collect);
        Ok(())
    }

    fn cluster_spec(&self, folders: UserFolders, ledger: Ledger) -> ClusterSpec {
        let scenario = &self.request.scenario;
        let classes = scenario
            .route
            .connectors()
            .filter_map(|connector| connector.config.get("connector.class").cloned());
        ClusterSpec {
            kafka_version: scenario.kafka.version,
            brokers: scenario.kafka.brokers,
            connect_version: scenario.connect.version,
            workers: scenario.connect.workers.clone(),
            worker_config: scenario.connect.config.clone(),
            plugins: scenario.connect.plugins.clone(),
            plugin_base: Path::new(&self.request.scenario_path)
                .parent()
                .map(PathBuf::from)
                .unwrap_or_default(),
            connector_classes: classes.collect(),
            group_id: format!("squall-{}", self.stream),
            logs: self.folder.logs(),
            data: self.folder.data(),
            folders,
            kafka_home: self.request.kafka_home.clone(),
            java: None,
            style: StartStyle::Together,
            ready_limit: READY_LIMIT,
            ledger,
        }
    }

    fn watched(&self, conductor: &Conductor<'_>) -> Watched {
        let scenario = &self.request.scenario;
        let runtime = conductor.runtime.as_ref();
        let topics = runtime.internal_topics();
        let sinks = scenario
            .route
            .connectors()
            .filter(|connector| connector.direction == Direction::Sink);
        let ids = scenario
            .connect
            .workers
            .iter()
            .filter_map(|worker| Some((runtime.worker_id(worker)?, worker.clone())));
        let rest = scenario
            .connect
            .workers
            .iter()
            .filter_map(|worker| Some((worker.clone(), runtime.rest_url(worker)?)));
        Watched {
            version: scenario.connect.version,
            cluster: conductor.cluster.clone(),
            group_id: runtime.group_id(),
            offsets_topic: topics.offsets,
            status_topic: topics.status,
            config_topic: topics.config,
            sinks: sinks
                .map(|sink| (sink.name.clone(), sink.sink_group()))
                .chain(self.watched_sinks())
                .collect(),
            workers: ids.collect(),
            access: runtime.rest_access(),
            rest: rest.collect(),
            exactly_once: conductor.is_exactly_once(0),
            only: self.connectors_that_count(),
        }
    }

    fn write_known(&self, conductor: &Conductor<'_>, java: &str) -> Result<(), RunError> {
        let workers = self.request.scenario.connect.workers.iter();
        let ids = workers
            .filter_map(|worker| Some((worker.clone(), conductor.runtime.worker_id(worker)?)));
        let configs = conductor.connector_configs();
        let masked = configs
            .iter()
            .map(|(name, config)| (name.clone(), secrets::mask(config)))
            .collect();
        let runtime = &conductor.runtime;
        self.write_info(
            java,
            &runtime.bootstrap(),
            runtime.facts(),
            ids.collect(),
            masked,
        )
    }

    fn write_info(
        &self,
        java: &str,
        bootstrap: &str,
        facts: BTreeMap<String, String>,
        worker_ids: BTreeMap<crate::model::WorkerName, String>,
        connector_configs: BTreeMap<ConnectorName, BTreeMap<String, String>>,
    ) -> Result<(), RunError> {
        let clock = self.journal.clock();
        let info = RunInfo {
            format: FORMAT,
            squall: env!("CARGO_PKG_VERSION").to_owned(),
            started_unix_us: clock.started_unix_us(),
            started: host::rfc3339(clock.started_unix_us()),
            runtime: self.request.runtime,
            runtime_facts: facts,
            watched: self.watched_connectors(),
            seed: self.request.plan.seed,
            stream: self.stream,
            scenario: host::masked_scenario(&self.request.scenario),
            scenario_path: self.request.scenario_path.clone(),
            cluster_arguments: self.request.cluster_arguments.clone(),
            host: host::this_machine(java),
            worker_ids,
            bootstrap: bootstrap.to_owned(),
            worker_config: secrets::mask(&self.request.scenario.connect.config),
            connector_configs,
            group_poll_ms: u64::try_from(GROUP_POLL.as_millis()).unwrap_or(0),
        };
        self.folder
            .write_json("run.json", &info)
            .map_err(RunError::environment)
    }
}

/// An error of a runtime; after an interrupt it is a consequence of that.
fn failed(error: &RuntimeError, stop: &StopToken) -> RunError {
    match stop.urgency() {
        Urgency::None => RunError::environment(error),
        Urgency::EndEarly | Urgency::Leave => RunError::Interrupted,
    }
}
