//! What is known about a run apart from its events: versions, seed, hosts and settings, secrets masked.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{ConnectorName, RuntimeKind, Seed, StreamId, WorkerName};
use crate::scenario::Scenario;

/// The format of the run folders that this version writes.
pub const FORMAT: u32 = 3;

/// Formats of run folders that can be judged.
pub const KNOWN_FORMATS: [u32; 3] = [1, 2, FORMAT];

/// The content of `run.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct RunInfo {
    /// Version of the run folder's format: [`FORMAT`]; 1 of runs without attendance of their observers, 2 of runs without
    /// that of their taps and feed.
    pub format: u32,
    /// Version of Squall that made the run.
    pub squall: String,
    /// Wall-clock time of moment 0, microseconds since the epoch.
    pub started_unix_us: i64,
    /// The same in RFC 3339, UTC.
    pub started: String,
    /// What the cluster is made of.
    pub runtime: RuntimeKind,
    /// What else is known of it, by name: the engine's version, the image and its digest, the inventory.
    #[serde(default)]
    pub runtime_facts: BTreeMap<String, String>,
    /// Connectors that were there before and are watched while faults run; their records are not known.
    #[serde(default)]
    pub watched: Vec<ConnectorName>,
    /// Where all planned choices come from.
    pub seed: Seed,
    /// What tells this run's records from all others.
    pub stream: StreamId,
    /// The scenario as resolved.
    pub scenario: Scenario,
    /// The scenario's path as given on the command line.
    pub scenario_path: String,
    /// The words of the command line that say which cluster it is, such as `--runtime docker`.
    #[serde(default)]
    pub cluster_arguments: Vec<String>,
    /// What may not do what it says in the scenario, each with its place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// The machine.
    pub host: HostInfo,
    /// The REST address (`host:port`) that each worker advertises; its worker id in Connect.
    pub worker_ids: BTreeMap<WorkerName, String>,
    /// `bootstrap.servers` of the brokers, for clients on this machine; empty until they are up.
    pub bootstrap: String,
    /// The settings that each worker was started with (bootstrap, ports and paths left out), secrets masked.
    pub worker_config: BTreeMap<String, String>,
    /// The connectors' configurations as sent, secrets masked.
    pub connector_configs: BTreeMap<ConnectorName, BTreeMap<String, String>>,
    /// Interval between two polls of the group that was aimed at, in milliseconds.
    pub group_poll_ms: u64,
}

impl RunInfo {
    /// Whether the observers of the cluster write down that they look.
    pub const fn has_attendance(&self) -> bool {
        self.format >= 2
    }

    /// Whether the taps and the feed do too.
    pub const fn has_attendance_of_places(&self) -> bool {
        self.format >= 3
    }
}

/// The machine of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct HostInfo {
    /// Kernel name and release.
    pub os: String,
    /// Processors that the harness may use.
    pub cpus: u32,
    /// Memory in bytes.
    pub memory_bytes: u64,
    /// `java -version`, first line.
    pub java: String,
}
