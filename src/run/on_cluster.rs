//! A run from the moment that its cluster is there: what it knows, watches, does and writes down, to its end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::journal::{FORMAT, Journal, Phase, RunFolder, RunInfo, What};
use crate::model::{ConnectorName, Direction, RuntimeKind, StreamId, WorkerName};
use crate::plan::Plan;
use crate::runtime::attached::Other;
use crate::runtime::{Runtime, RuntimeError};
use crate::scenario::Scenario;

use super::attention;
use super::conductor::{Conductor, RunError};
use super::guard::Guard;
use super::host;
use super::load;
use super::observe::{Observers, Watched};
use super::request::Request;
use super::stop::{StopToken, Urgency};

const OBSERVER_LIMIT: Duration = Duration::from_secs(3);

/// A run that has begun to be written down, and has started nothing yet.
pub struct Run {
    pub(super) request: Request,
    pub(super) folder: RunFolder,
    pub(super) journal: Journal,
    pub(super) stream: StreamId,
    /// Connectors of others that were there before.
    pub(super) others: BTreeMap<ConnectorName, Other>,
}

impl Run {
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

    /// Everything that happens on a cluster that is there, to its end.
    pub(super) fn conduct_on(
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
        let hidden = host::hide_secrets_in(&self.folder.logs(), &self.journal);
        result.and(hidden.map_err(|error| {
            RunError::Environment(format!(
                "cannot hide secrets in the logs: {error}; delete the run's logs"
            ))
        }))
    }

    fn act(&self, conductor: &mut Conductor<'_>, java: &str) -> Result<(), RunError> {
        self.write_known(conductor, java)?;
        let watched = self.watched(conductor);
        let mut observers = Observers::start(&watched, &self.journal, &conductor.attention);
        observers.follow_logs(Arc::clone(&conductor.runtime), &watched, &self.journal);
        let runtime = Arc::clone(&conductor.runtime);
        observers.spawn("load", &watched, &self.journal, move |_, journal, stop| {
            load::watch(runtime.as_ref(), journal, stop);
        });
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
            .map(|(name, config)| (name.clone(), host::masked_config(config, &self.journal)))
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

    /// Writes `run.json` with what is known by now.
    pub(super) fn write_info(
        &self,
        java: &str,
        bootstrap: &str,
        facts: BTreeMap<String, String>,
        worker_ids: BTreeMap<WorkerName, String>,
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
            scenario: host::masked_scenario(&self.request.scenario, &self.journal),
            scenario_path: self.request.scenario_path.clone(),
            cluster_arguments: self.request.cluster_arguments.clone(),
            warnings: self.request.warnings(),
            host: host::this_machine(java),
            worker_ids,
            bootstrap: bootstrap.to_owned(),
            worker_config: host::masked_config(
                &self.request.scenario.connect.config,
                &self.journal,
            ),
            connector_configs,
            group_poll_ms: u64::try_from(attention::CLOSE.as_millis()).unwrap_or(0),
        };
        self.folder
            .write_json("run.json", &info)
            .map_err(RunError::environment)
    }

    /// Connectors of others that are watched.
    pub(super) fn watched_connectors(&self) -> Vec<ConnectorName> {
        let asked = self
            .request
            .attach
            .as_ref()
            .and_then(|attach| attach.inventory.watch.as_ref());
        let is_watched = |name: &&ConnectorName| asked.is_none_or(|watched| watched.contains(name));
        self.others.keys().filter(is_watched).cloned().collect()
    }

    /// Sinks among them, with the groups that they commit in.
    pub(super) fn watched_sinks(&self) -> Vec<(ConnectorName, String)> {
        let names = self.watched_connectors().into_iter();
        names
            .filter_map(|name| {
                let group = self.others.get(&name)?.sink_group.clone()?;
                Some((name, group))
            })
            .collect()
    }

    /// The connectors whose events are kept: ours and the watched ones; all on a cluster of our own.
    pub(super) fn connectors_that_count(&self) -> Option<BTreeSet<ConnectorName>> {
        self.request.attach.as_ref()?;
        let mut names: BTreeSet<ConnectorName> = self.watched_connectors().into_iter().collect();
        let own = self.request.scenario.route.connectors();
        names.extend(own.map(|connector| connector.name.clone()));
        Some(names)
    }

    /// What ends the run early for the sake of the cluster's other users.
    pub(super) fn guard(&self) -> Option<Guard> {
        let attach = self.request.attach.as_ref()?;
        let own = self.request.scenario.route.connectors();
        let failed = self.others.values().flat_map(|other| &other.failed);
        Some(Guard {
            when: attach.inventory.stop_when,
            own: own.map(|connector| connector.name.clone()).collect(),
            failed_before: failed.cloned().collect(),
        })
    }
}

/// An error of a runtime; after an interrupt it is a consequence of that.
pub(super) fn failed(error: &RuntimeError, stop: &StopToken) -> RunError {
    match stop.urgency() {
        Urgency::None => RunError::environment(error),
        Urgency::EndEarly | Urgency::Leave => RunError::Interrupted,
    }
}
