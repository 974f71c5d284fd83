//! The only place where things happen over time: provision, deploy, baseline, faults, converge, drain, take down.

mod assignment;
mod attached;
mod attention;
mod baseline;
mod calm;
mod certified;
mod conductor;
mod deploy;
mod drain;
mod full_disk;
mod guard;
mod host;
mod inject;
mod live;
mod load;
mod misfit;
mod observe;
mod on_cluster;
mod schedule;
mod source_offsets;
mod step;
mod stop;
mod stuck;
mod told;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::journal::{Clock, Ending, Journal, Phase, RunFolder, What};
use crate::model::{Refusal, secrets};
use crate::runtime::{
    ClusterSpec, Ledger, Runtime, RuntimeError, StartStyle, UserFolders, docker, process,
};
use crate::scenario;

use on_cluster::{Found, OnCluster, failed};

pub use assignment::{Assignment, Attach, Site};
pub use certified::{Certified, Reports, Watcher, certify};
pub use conductor::RunError;
pub use on_cluster::Run;
pub use stop::{StopToken, Urgency};

/// A worker that ends is noticed at once, so this is for workers that live and load plugins on a busy machine.
const READY_LIMIT: Duration = Duration::from_secs(300);

impl Run {
    /// Writes scenario, plan and what is known of the run into its new folder.
    pub fn prepare(
        mut assignment: Assignment,
        folder: RunFolder,
        clock: Clock,
    ) -> Result<Self, RunError> {
        let stream = host::fresh_stream(clock.started_unix_us());
        attached::take_own_names(&mut assignment, stream);
        let journal = Journal::create(&folder, clock).map_err(RunError::environment)?;
        let secrets = host::secrets_of(&assignment.text, &assignment.scenario);
        journal.learn(&secrets);
        if let Some(attach) = assignment.site.attach() {
            journal.learn(&attached::secrets_of(&attach.inventory));
        }
        let run = Self {
            assignment,
            folder,
            journal,
            stream,
        };
        run.folder
            .write(
                "scenario.yaml",
                scenario::masked_text(&run.assignment.text, &secrets).as_bytes(),
            )
            .map_err(RunError::environment)?;
        run.folder
            .write_json("plan.json", &run.assignment.plan)
            .map_err(RunError::environment)?;
        OnCluster::of_our_own(&run).write_info(&Found::default())?;
        Ok(run)
    }

    /// Goes through all phases, takes everything down whatever happens, writes the last event and seals the folder.
    pub fn conduct(&self, stop: &StopToken) -> Ending {
        let mut rows = BTreeMap::new();
        let result = self.phases(stop, &mut rows);
        let ending = match result {
            Ok(()) => Ending::Complete,
            Err(RunError::Interrupted) => Ending::Interrupted,
            Err(RunError::Environment(why)) => {
                let temp = UserFolders::from_env().temp;
                let why = full_disk::before(why, &self.folder.logs(), &temp);
                Ending::Environment(self.masked(&why))
            }
            Err(RunError::Refused(refusals)) => {
                let masked = |refusal: Refusal| Refusal {
                    why: self.masked(&refusal.why),
                    ..refusal
                };
                Ending::Refused(refusals.into_iter().map(masked).collect())
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

    /// Without the secrets of scenario and inventory, and without what looks like one.
    fn masked(&self, why: &str) -> String {
        secrets::mask_text(&self.journal.hidden(why))
    }

    fn phases(&self, stop: &StopToken, rows: &mut BTreeMap<String, u64>) -> Result<(), RunError> {
        self.journal.record(What::PhaseBegan(Phase::Prepare));
        let folders = UserFolders::from_env();
        let ledger = Ledger::create(&folders, &self.stream.to_string(), self.folder.path())
            .map_err(RunError::environment)?;
        if let Some(attach) = self.assignment.site.attach() {
            return self.on_attached(attach, &folders, &ledger, stop, rows);
        }
        let spec = self.cluster_spec(folders, ledger.clone());
        let started = self.start_cluster(&spec, stop);
        let result = started
            .map_err(|error| failed(&error, stop))
            .and_then(|(runtime, java)| {
                OnCluster::of_our_own(self).conduct(runtime, &java, stop, rows)
            });
        ledger.close();
        result
    }

    /// Starts what the run asks for; returns it with the version of this machine's Java, where that is used.
    fn start_cluster(
        &self,
        spec: &ClusterSpec,
        stop: &StopToken,
    ) -> Result<(Arc<dyn Runtime>, String), RuntimeError> {
        let (journal, stop) = (&self.journal, stop.asked());
        let provision = || drop(journal.record(What::PhaseBegan(Phase::Provision)));
        match &self.assignment.site {
            Site::Process { .. } => {
                let prepared = process::prepare(spec, journal, stop)?;
                provision();
                let cluster = process::ProcessCluster::start(spec, &prepared, journal, stop)?;
                Ok((Arc::new(cluster), prepared.java.line))
            }
            Site::Docker { image } => {
                let prepared = docker::prepare(spec, image.as_deref(), journal, stop)?;
                provision();
                let cluster = docker::DockerCluster::start(spec, &prepared, journal, stop)?;
                Ok((Arc::new(cluster), String::new()))
            }
            Site::Attached(_) => Err(RuntimeError::WrongEngine {
                why: "an attached cluster is not started by a run".to_owned(),
            }),
        }
    }

    fn cluster_spec(&self, folders: UserFolders, ledger: Ledger) -> ClusterSpec {
        let scenario = &self.assignment.scenario;
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
            plugin_base: Path::new(&self.assignment.path)
                .parent()
                .map(PathBuf::from)
                .unwrap_or_default(),
            connector_classes: classes.collect(),
            group_id: format!("squall-{}", self.stream),
            logs: self.folder.logs(),
            data: self.folder.data(),
            folders,
            kafka_home: match &self.assignment.site {
                Site::Process { home } => home.clone(),
                Site::Docker { .. } | Site::Attached(_) => None,
            },
            java: None,
            style: StartStyle::Together,
            ready_limit: READY_LIMIT,
            ledger,
        }
    }
}
