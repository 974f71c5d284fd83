//! A run on a cluster that somebody else runs: own names, joining, guarding its other connectors, and leaving nothing behind.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::connect::worker_values::last_in;
use crate::connect::{Rest, backup};
use crate::journal::{Deadline, Phase, What};
use crate::model::StreamId;
use crate::model::secrets::{Known, mask_setting};
use crate::runtime::attached::{AttachedCluster, Joined, Joining, Told, contradictions, remove};
use crate::runtime::{Ledger, Runtime, Thing, UserFolders};
use crate::scenario::inventory::Inventory;
use crate::scenario::{Difference, Scenario, rename_target};

use super::assignment::{Assignment, Attach, Site};
use super::conductor::RunError;
use super::on_cluster::{OnCluster, Run, failed};
use super::stop::StopToken;

/// How long asking for every connector may take before anything is touched.
const BACKUP_LIMIT: Duration = Duration::from_secs(60);

/// What all names of a run begin with.
fn prefix_of(stream: StreamId) -> String {
    format!("squall-{stream}-")
}

/// On a cluster of somebody else everything of ours has a prefix, in the scenario and in its plan.
pub fn take_own_names(assignment: &mut Assignment, stream: StreamId) {
    let Site::Attached(attach) = &assignment.site else {
        return;
    };
    let prefix = prefix_of(stream);
    assignment.scenario = assignment.scenario.with_own_names(&prefix);
    for fault in &mut assignment.plan.faults {
        rename_target(&mut fault.target, &prefix);
    }
    for (connector, _) in &mut assignment.scenario.route.legs {
        if connector.is_class("MirrorSource") {
            for (key, value) in &attach.inventory.inner_client.0 {
                for side in ["source", "target"] {
                    let key = format!("{side}.cluster.{key}");
                    connector.config.entry(key).or_insert_with(|| value.clone());
                }
            }
        }
    }
}

/// The secrets of an inventory.
pub fn secrets_of(inventory: &Inventory) -> Known {
    let mut known = Known::default();
    known.learn_all(&inventory.client.0);
    known.learn_all(&inventory.inner_client.0);
    known.learn_all(&inventory.settings);
    if let Some((_, password)) = &inventory.rest.basic {
        known.learn("password", password);
    }
    known
}

impl Run {
    /// Joins the cluster, goes through all phases, and leaves the cluster as it was found.
    pub(super) fn on_attached(
        &self,
        attach: &Attach,
        folders: &UserFolders,
        ledger: &Ledger,
        stop: &StopToken,
        rows: &mut BTreeMap<String, u64>,
    ) -> Result<(), RunError> {
        self.journal.record(What::PhaseBegan(Phase::Provision));
        self.tell_differences(attach);
        let joining = Joining {
            inventory: &attach.inventory,
            scenario: &self.assignment.scenario,
            plan: &self.assignment.plan,
            yes_i_mean: attach.yes_i_mean.as_deref(),
            journal: &self.journal,
            ledger,
            folders,
            logs: self.folder.logs(),
            data: self.folder.data(),
        };
        let cluster = match joining.join(stop.asked()) {
            Ok(cluster) => Arc::new(cluster),
            Err(error) => {
                ledger.close();
                return Err(failed(&error, stop));
            }
        };
        let there = self.as_joined(&cluster.joined, &cluster);
        let prefix = prefix_of(self.stream);
        let result = ledger
            .note(&Thing::Own {
                inventory: attach.path.clone(),
                prefix: prefix.clone(),
            })
            .map_err(RunError::environment)
            .and_then(|()| self.backup_before_faults(&cluster))
            .and_then(|()| there.conduct(Arc::clone(&cluster) as _, "", stop, rows))
            .and_then(|()| there.check_settings(&cluster));
        // What was begun before an error is undone here; after a whole run there is nothing left to undo.
        cluster.take_down();
        let mut left = remove(&attach.inventory, &prefix);
        left.extend(cluster.left());
        if left.is_empty() {
            ledger.close();
            return result.map_err(with_comfort);
        }
        let left = left.join("; ");
        let why = format!("not everything could be undone: {left}; run `squall clean`");
        match result {
            Err(RunError::Environment(first)) => {
                Err(RunError::Environment(format!("{first}; and {why}")))
            }
            Ok(()) | Err(RunError::Interrupted | RunError::Refused(_)) => {
                Err(RunError::Environment(why))
            }
        }
    }

    fn tell_differences(&self, attach: &Attach) {
        for difference in &attach.differences {
            let Difference {
                setting,
                scenario,
                inventory,
            } = difference;
            let shown = |value: &str| mask_setting(setting, value);
            let there = match inventory {
                Some(value) => format!("the inventory says {}", shown(value)),
                None => {
                    "the inventory says nothing of it, so Connect's default is assumed".to_owned()
                }
            };
            let note = format!(
                "the scenario asks for {setting} = {}, and {there}: the cluster's own counts",
                shown(scenario)
            );
            self.journal.record(What::Note(note));
        }
    }

    /// The run with what is now known of the cluster.
    fn as_joined(&self, joined: &Joined, cluster: &AttachedCluster) -> OnCluster<'_> {
        let mut scenario = self.assignment.scenario.clone();
        fit_replication(&mut scenario, joined.brokers);
        scenario.connect.version = joined.version;
        scenario.connect.config.clone_from(&joined.settings);
        scenario.connect.workers = cluster.workers();
        OnCluster {
            run: self,
            scenario,
            others: joined.connectors.clone(),
        }
    }

    /// Configuration, state and offsets of every connector that is there go into the run folder before anything is done.
    fn backup_before_faults(&self, cluster: &AttachedCluster) -> Result<(), RunError> {
        let worker = cluster.workers().into_iter().next();
        let url = worker.and_then(|worker| cluster.rest_url(&worker));
        let url = url.ok_or_else(|| RunError::Environment("no worker to ask".to_owned()))?;
        let rest =
            Rest::with_access(&url, &cluster.rest_access()).map_err(RunError::environment)?;
        let deadline = Deadline::after(BACKUP_LIMIT);
        let saved = backup::take(&rest, Some(&cluster.group_id()), deadline)
            .map_err(RunError::environment)?;
        // What runs beside ours writes into the same logs.
        let mut secrets = Known::default();
        let others = saved.connectors.values();
        others.for_each(|other| secrets.learn_all(&other.config));
        self.journal.learn(&secrets);
        let path = saved
            .write(&self.folder.path().join("backup"))
            .map_err(RunError::environment)?;
        let saved = match saved.connectors.len() {
            1 => "1 connector was".to_owned(),
            count => format!("{count} connectors were"),
        };
        let path = path.display();
        self.journal.record(What::Note(format!(
            "{saved} saved to {path}; `squall restore` puts them back"
        )));
        Ok(())
    }
}

impl OnCluster<'_> {
    /// Workers that were started in the run have the settings that they had before, as far as their logs tell.
    fn check_settings(&self, cluster: &AttachedCluster) -> Result<(), RunError> {
        let mut told = Told::new();
        for file in cluster.log_files() {
            let log = std::fs::read(&file.path).unwrap_or_default();
            let values = last_in(&String::from_utf8_lossy(&log));
            if !values.is_empty() {
                told.insert(file.worker, values);
            }
        }
        let wrong = contradictions(&self.scenario.connect.config, &told);
        match wrong.is_empty() {
            true => Ok(()),
            false => Err(RunError::Environment(format!(
                "a worker came back with other settings than those that the run counted on: {}; make them the same, and run again",
                wrong.join("; ")
            ))),
        }
    }
}

/// Whose cluster it is wants to know first that it is as it was.
fn with_comfort(error: RunError) -> RunError {
    match error {
        RunError::Environment(why) => {
            RunError::Environment(format!("{why}; everything was undone"))
        }
        RunError::Interrupted | RunError::Refused(_) => error,
    }
}

/// As many copies as the brokers that are there allow, where the scenario left that to us.
fn fit_replication(scenario: &mut Scenario, brokers: u32) {
    let planned = scenario.kafka.brokers.min(3).to_string();
    let fitting = if brokers >= 3 { "3" } else { "1" };
    for (connector, _) in &mut scenario.route.legs {
        if !connector.is_class("MirrorSource") {
            continue;
        }
        for key in [
            "replication.factor",
            "offset-syncs.topic.replication.factor",
        ] {
            if let Some(value) = connector.config.get_mut(key)
                && *value == planned
            {
                fitting.clone_into(value);
            }
        }
    }
    scenario.kafka.brokers = brokers;
}
