//! A run from the moment that its cluster is there: what it knows, watches, does and writes down, to its end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::journal::{FORMAT, Journal, Phase, RunFolder, RunInfo, What};
use crate::model::{
    Connector, ConnectorName, Direction, Medium, RuntimeKind, StreamId, WorkerName,
};
use crate::plan::Plan;
use crate::runtime::attached::Other;
use crate::runtime::{Runtime, RuntimeError};
use crate::scenario::Scenario;

use super::assignment::{Assignment, Attach};
use super::attention;
use super::conductor::{Conductor, RunError};
use super::guard::Guard;
use super::host;
use super::load;
use super::observe::{Observers, Sink, Watched};
use super::stop::{StopToken, Urgency};

const OBSERVER_LIMIT: Duration = Duration::from_secs(3);

/// A run that has begun to be written down, and has started nothing yet.
pub struct Run {
    pub(super) assignment: Assignment,
    pub(super) folder: RunFolder,
    pub(super) journal: Journal,
    pub(super) stream: StreamId,
}

impl Run {
    /// The run's journal, to listen to.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Where its evidence goes.
    pub fn folder(&self) -> &RunFolder {
        &self.folder
    }

    /// The scenario.
    pub fn scenario(&self) -> &Scenario {
        &self.assignment.scenario
    }

    /// What the cluster is made of.
    pub fn runtime(&self) -> RuntimeKind {
        self.assignment.site.kind()
    }

    /// The timetable.
    pub fn plan(&self) -> &Plan {
        &self.assignment.plan
    }
}

/// A run with what is known of its cluster.
pub(super) struct OnCluster<'r> {
    pub run: &'r Run,
    /// The scenario as the cluster has it: releases, workers and settings of a cluster that is joined are its own.
    pub scenario: Scenario,
    /// Connectors of others that were there before.
    pub others: BTreeMap<ConnectorName, Other>,
}

/// What only a cluster that is there can tell; nothing yet, before that.
#[derive(Default)]
pub(super) struct Found {
    /// The version of this machine's Java, where the cluster runs on it.
    pub java: String,
    pub bootstrap: String,
    pub facts: BTreeMap<String, String>,
    pub worker_ids: BTreeMap<WorkerName, String>,
    pub connector_configs: BTreeMap<ConnectorName, BTreeMap<String, String>>,
}

impl<'r> OnCluster<'r> {
    /// A cluster that is as the scenario wants it, with nobody else on it.
    pub(super) fn of_our_own(run: &'r Run) -> Self {
        Self {
            run,
            scenario: run.assignment.scenario.clone(),
            others: BTreeMap::new(),
        }
    }

    /// Everything that happens there, to its end.
    pub(super) fn conduct(
        &self,
        runtime: Arc<dyn Runtime>,
        java: &str,
        stop: &StopToken,
        rows: &mut BTreeMap<String, u64>,
    ) -> Result<(), RunError> {
        let (run, journal) = (self.run, &self.run.journal);
        let told = self.with_what_workers_say(runtime.as_ref());
        let result = told.and_then(|told| told.through_all_phases(&runtime, java, stop, rows));
        journal.record(What::PhaseBegan(Phase::TakeDown));
        runtime.take_down();
        let hidden = host::hide_secrets_in(&run.folder.logs(), journal);
        result.and(hidden.map_err(|error| {
            RunError::Environment(format!(
                "cannot hide secrets in the logs: {error}; delete the run's logs"
            ))
        }))
    }

    fn through_all_phases(
        &self,
        runtime: &Arc<dyn Runtime>,
        java: &str,
        stop: &StopToken,
        rows: &mut BTreeMap<String, u64>,
    ) -> Result<(), RunError> {
        let (run, journal) = (self.run, &self.run.journal);
        let mut conductor = Conductor::new(
            &self.scenario,
            &run.assignment.plan,
            &run.folder,
            journal,
            Arc::clone(runtime),
            stop,
        )?;
        let result = self.act(&mut conductor, java);
        let troubles = conductor.finish_observations(OBSERVER_LIMIT);
        rows.append(&mut conductor.rows);
        for why in troubles {
            journal.record(What::ObserverFailed {
                observer: "observations".to_owned(),
                why,
            });
        }
        result
    }

    fn act(&self, conductor: &mut Conductor<'_>, java: &str) -> Result<(), RunError> {
        let journal = &self.run.journal;
        self.write_known(conductor, java)?;
        let watched = self.watched(conductor);
        let mut observers = Observers::start(&watched, journal, &conductor.attention);
        observers.follow_logs(Arc::clone(&conductor.runtime), &watched, journal);
        let runtime = Arc::clone(&conductor.runtime);
        observers.spawn("load", &watched, journal, move |_, journal, stop| {
            load::watch(runtime.as_ref(), journal, stop);
        });
        conductor.observers = Some(observers);
        conductor.deploy(self.run.stream)?;
        conductor.guard = self.guard();
        conductor.begin(Phase::Baseline);
        conductor.start_feed(self.run.stream)?;
        let baseline = conductor.reach_baseline()?;
        conductor.inject_faults(&baseline)?;
        conductor.converge()?;
        conductor.drain(&baseline)?;
        conductor.look_at_source_offsets();
        conductor.begin(Phase::Collect);
        Ok(())
    }

    fn watched(&self, conductor: &Conductor<'_>) -> Watched {
        let scenario = &self.scenario;
        let runtime = conductor.runtime.as_ref();
        let topics = runtime.internal_topics();
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
            sinks: own_sinks(scenario).chain(self.watched_sinks()).collect(),
            workers: ids.collect(),
            access: runtime.rest_access(),
            rest: rest.collect(),
            exactly_once: conductor.is_exactly_once(0),
            only: self.connectors_that_count(),
        }
    }

    fn write_known(&self, conductor: &Conductor<'_>, java: &str) -> Result<(), RunError> {
        let journal = &self.run.journal;
        let workers = self.scenario.connect.workers.iter();
        let ids = workers
            .filter_map(|worker| Some((worker.clone(), conductor.runtime.worker_id(worker)?)));
        let configs = conductor.connector_configs();
        let masked = configs
            .iter()
            .map(|(name, config)| (name.clone(), host::masked_config(config, journal)))
            .collect();
        let runtime = &conductor.runtime;
        self.write_info(&Found {
            java: java.to_owned(),
            bootstrap: runtime.bootstrap(),
            facts: runtime.facts(),
            worker_ids: ids.collect(),
            connector_configs: masked,
        })
    }

    /// Writes `run.json` with what is known by now.
    pub(super) fn write_info(&self, found: &Found) -> Result<(), RunError> {
        let (run, journal) = (self.run, &self.run.journal);
        let started_unix_us = journal.clock().started_unix_us();
        let info = RunInfo {
            format: FORMAT,
            squall: env!("CARGO_PKG_VERSION").to_owned(),
            started_unix_us,
            started: host::rfc3339(started_unix_us),
            runtime: run.runtime(),
            runtime_facts: found.facts.clone(),
            watched: self.watched_connectors(),
            seed: run.plan().seed,
            stream: run.stream,
            scenario: host::masked_scenario(&self.scenario, journal),
            scenario_path: run.assignment.path.clone(),
            cluster_arguments: {
                let words = run.assignment.arguments().into_iter();
                words.map(|word| journal.hidden(&word)).collect()
            },
            warnings: run.assignment.warnings(),
            host: host::this_machine(&found.java),
            worker_ids: found.worker_ids.clone(),
            bootstrap: found.bootstrap.clone(),
            worker_config: host::masked_config(&self.scenario.connect.config, journal),
            connector_configs: found.connector_configs.clone(),
            group_poll_ms: u64::try_from(attention::CLOSE.as_millis()).unwrap_or(0),
        };
        run.folder
            .write_json("run.json", &info)
            .map_err(RunError::environment)
    }

    fn attach(&self) -> Option<&'r Attach> {
        self.run.assignment.site.attach()
    }

    /// Connectors of others that are watched.
    pub(super) fn watched_connectors(&self) -> Vec<ConnectorName> {
        let asked = self
            .attach()
            .and_then(|attach| attach.inventory.watch.as_ref());
        let is_watched = |name: &&ConnectorName| asked.is_none_or(|watched| watched.contains(name));
        self.others.keys().filter(is_watched).cloned().collect()
    }

    /// Sinks among them, with the groups that they commit in.
    pub(super) fn watched_sinks(&self) -> Vec<(ConnectorName, Sink)> {
        let names = self.watched_connectors().into_iter();
        names
            .filter_map(|name| {
                let group = self.others.get(&name)?.sink_group.clone()?;
                Some((name, Sink { group, topic: None }))
            })
            .collect()
    }

    /// The connectors whose events are kept: ours and the watched ones; all on a cluster of our own.
    pub(super) fn connectors_that_count(&self) -> Option<BTreeSet<ConnectorName>> {
        self.attach()?;
        let mut names: BTreeSet<ConnectorName> = self.watched_connectors().into_iter().collect();
        let own = self.scenario.route.connectors();
        names.extend(own.map(|connector| connector.name.clone()));
        Some(names)
    }

    /// What ends the run early for the sake of the cluster's other users.
    pub(super) fn guard(&self) -> Option<Guard> {
        let attach = self.attach()?;
        let own = self.scenario.route.connectors();
        let failed = self.others.values().flat_map(|other| &other.failed);
        Some(Guard {
            when: attach.inventory.stop_when,
            own: own.map(|connector| connector.name.clone()).collect(),
            failed_before: failed.cloned().collect(),
        })
    }
}

/// The sinks of the route with the topic that each reads.
fn own_sinks(scenario: &Scenario) -> impl Iterator<Item = (ConnectorName, Sink)> {
    let route = &scenario.route;
    let of_leg = move |(leg, connector): (usize, &Connector)| {
        let input = route.input_of(leg).map(|place| &place.medium);
        let topic = input.and_then(|medium| match medium {
            Medium::Topic(topic) => Some(topic.clone()),
            Medium::File(_) => None,
        });
        let group = connector.sink_group(&scenario.connect.config);
        let is_sink = connector.direction == Direction::Sink;
        is_sink.then(|| (connector.name.clone(), Sink { group, topic }))
    };
    route.connectors().enumerate().filter_map(of_leg)
}

/// An error of a runtime; after an interrupt it is a consequence of that.
pub(super) fn failed(error: &RuntimeError, stop: &StopToken) -> RunError {
    match stop.urgency() {
        Urgency::None => RunError::environment(error),
        Urgency::EndEarly | Urgency::Leave => RunError::Interrupted,
    }
}
