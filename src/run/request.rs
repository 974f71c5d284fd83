//! What is asked of a run: scenario and timetable, what the cluster is made of, or which one is joined.

use std::path::PathBuf;

use crate::model::RuntimeKind;
use crate::plan::Plan;
use crate::scenario::inventory::Inventory;
use crate::scenario::{self, Difference, Scenario};

/// What is joined, and with what consent.
#[derive(Debug, Clone)]
pub struct Attach {
    /// The inventory.
    pub inventory: Inventory,
    /// Where it was read: an absolute path, or the name of a bundled one.
    pub path: PathBuf,
    /// The group that the user said he means.
    pub yes_i_mean: Option<String>,
    /// Settings of the scenario that the cluster has otherwise.
    pub differences: Vec<Difference>,
}

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

impl Request {
    /// What may not do what it says in the scenario, each with its place.
    pub(super) fn warnings(&self) -> Vec<String> {
        let inventory = self.attach.as_ref().map(|attach| &attach.inventory);
        let told = scenario::warnings(&self.scenario_path, &self.scenario_text, inventory);
        told.map_or_else(Vec::new, |told| told.lines())
    }
}
