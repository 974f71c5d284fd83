//! What cluster is wanted, whatever it is made of.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::model::{KafkaVersion, WorkerName};
use crate::scenario::Plugin;

use super::{Ledger, UserFolders};

/// How brokers and workers are started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartStyle {
    /// All at once, with small heaps and class-data archives.
    Together,
    /// One after the other with the flags of Kafka's own scripts and no archives: the reference for measurements.
    #[cfg_attr(alone, expect(dead_code, reason = "the benchmark's reference"))]
    Stock,
}

/// What cluster is wanted.
#[derive(Debug, Clone)]
pub struct ClusterSpec {
    /// The brokers' release.
    pub kafka_version: KafkaVersion,
    /// How many: 1 or 3.
    pub brokers: u32,
    /// The workers' release.
    pub connect_version: KafkaVersion,
    /// The workers' names.
    pub workers: Vec<WorkerName>,
    /// The user's worker settings.
    pub worker_config: BTreeMap<String, String>,
    /// The user's plugins.
    pub plugins: Vec<Plugin>,
    /// Where relative plugin paths count from.
    pub plugin_base: PathBuf,
    /// Connector classes that the route uses, to find out early that one is not there.
    pub connector_classes: Vec<String>,
    /// `group.id` of the workers and prefix of their internal topics, unless `worker_config` says otherwise.
    pub group_id: String,
    /// Where logs go; in the run folder.
    pub logs: PathBuf,
    /// Where file feeds and taps stand; in the run folder.
    pub data: PathBuf,
    /// Cache, state and temporary folders.
    pub folders: UserFolders,
    /// A Kafka of the user.
    pub kafka_home: Option<PathBuf>,
    /// Java; found through `JAVA_HOME` or the path when `None`.
    pub java: Option<PathBuf>,
    /// How to start.
    pub style: StartStyle,
    /// How long brokers and workers may take until they answer.
    pub ready_limit: Duration,
    /// Where everything is written down before it is created.
    pub ledger: Ledger,
}
