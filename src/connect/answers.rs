//! What a worker answers over REST, as types.

use crate::model::secrets::{mask_setting, mask_text};
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a worker says of itself (`GET /`).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct WorkerInfo {
    /// Its release, such as `4.1.1`; a text, because builds of others may have more than three numbers.
    pub version: String,
    /// The commit it was built from.
    pub commit: String,
    /// The cluster id of its brokers.
    #[serde(default)]
    pub kafka_cluster_id: String,
}

/// The status of a connector and its tasks, as the asked worker has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectorStatus {
    /// RUNNING, PAUSED, STOPPED, FAILED, UNASSIGNED, …
    pub state: String,
    /// The worker that last wrote the connector's status; may have died since.
    pub worker_id: String,
    /// The stack trace of a failed connector, secrets masked.
    pub trace: Option<String>,
    /// Its tasks, in the order of their numbers.
    pub tasks: Vec<TaskStatus>,
}

/// The status of a task, as the asked worker has it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TaskStatus {
    /// The task's number.
    pub id: u32,
    /// RUNNING, UNASSIGNED, FAILED, …; stays RUNNING for a worker that was killed until another starts the task.
    pub state: String,
    /// The worker that last wrote the status; may have died since.
    pub worker_id: String,
    /// The stack trace of a failed task, secrets masked.
    pub trace: Option<String>,
}

/// One committed position of a connector, as the REST interface shows and takes it. Sinks have `kafka_topic` and
/// `kafka_partition` for the partition and `kafka_offset`, the next to read, for the offset (KIP-875).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectorOffset {
    /// The partition.
    pub partition: Value,
    /// The offset; null in a request to alter removes it.
    pub offset: Value,
}

/// How a worker judges itself (`GET /health`, KIP-1017).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HealthState {
    /// It has started and handles requests.
    Healthy,
    /// It has not finished its start.
    Starting,
    /// It has started and does not handle requests.
    Unhealthy,
    /// Its release has no such endpoint (before 3.9).
    NotOffered,
}

/// A worker's judgement of itself, with its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// The judgement.
    pub state: HealthState,
    /// The worker's words: names the step at which its main thread is stuck.
    pub message: String,
}

/// What a worker says of a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Validation {
    /// How many mistakes it has.
    pub error_count: u64,
    /// The mistakes, by setting, secrets masked.
    pub errors: BTreeMap<String, Vec<String>>,
    /// What each setting is for Connect, defaults and what its configuration providers give among them. What may be a
    /// secret is not here.
    pub values: BTreeMap<String, String>,
}

/// The answer to `GET /connectors/{name}/offsets`.
#[derive(Deserialize)]
pub(super) struct Offsets {
    pub(super) offsets: Vec<ConnectorOffset>,
}

/// A connector's configuration and kind, as the workers have them from the config topic.
#[derive(Clone, PartialEq, Eq)]
pub struct ConnectorInfo {
    /// Its settings as they were given: secrets in clear, unless they were given as references.
    pub config: BTreeMap<String, String>,
    /// `source`, `sink` or `unknown`.
    pub kind: String,
}

/// Never shows a value.
impl std::fmt::Debug for ConnectorInfo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConnectorInfo")
            .field("kind", &self.kind)
            .field("settings", &self.config.keys())
            .finish()
    }
}

/// One connector in the answer to `GET /connectors?expand=info`.
#[derive(Deserialize)]
pub(super) struct ExpandedInfo {
    pub(super) info: RawInfo,
}

#[derive(Deserialize)]
pub(super) struct RawInfo {
    config: BTreeMap<String, Option<String>>,
    #[serde(rename = "type", default)]
    kind: Option<String>,
}

impl From<RawInfo> for ConnectorInfo {
    fn from(raw: RawInfo) -> Self {
        let given = raw.config.into_iter();
        Self {
            config: given
                .filter_map(|(name, value)| Some((name, value?)))
                .collect(),
            kind: raw.kind.unwrap_or_else(|| "unknown".to_owned()),
        }
    }
}

/// One connector in the answer to `GET /connectors?expand=status`.
#[derive(Deserialize)]
pub(super) struct Expanded {
    pub(super) status: RawStatus,
}

#[derive(Deserialize)]
pub(super) struct RawStatus {
    connector: RawConnectorState,
    #[serde(default)]
    tasks: Vec<TaskStatus>,
}

#[derive(Deserialize)]
struct RawConnectorState {
    state: String,
    worker_id: String,
    trace: Option<String>,
}

impl From<RawStatus> for ConnectorStatus {
    fn from(raw: RawStatus) -> Self {
        let mut tasks = raw.tasks;
        tasks.sort_by_key(|task| task.id);
        for task in &mut tasks {
            task.trace = task.trace.as_deref().map(mask_text);
        }
        Self {
            state: raw.connector.state,
            worker_id: raw.connector.worker_id,
            trace: raw.connector.trace.as_deref().map(mask_text),
            tasks,
        }
    }
}

/// The answer to `PUT /connector-plugins/{plugin}/config/validate`.
#[derive(Deserialize)]
pub(super) struct RawValidation {
    error_count: u64,
    #[serde(default)]
    configs: Vec<RawSetting>,
}

#[derive(Deserialize)]
struct RawSetting {
    value: RawSettingValue,
}

#[derive(Deserialize)]
struct RawSettingValue {
    name: String,
    #[serde(default)]
    value: Option<String>,
    #[serde(default)]
    errors: Vec<String>,
}

impl From<RawValidation> for Validation {
    fn from(raw: RawValidation) -> Self {
        let mut validation = Self {
            error_count: raw.error_count,
            errors: BTreeMap::new(),
            values: BTreeMap::new(),
        };
        for RawSetting { value: setting } in raw.configs {
            if let Some(value) = setting.value
                && mask_setting(&setting.name, &value) == value
            {
                validation.values.insert(setting.name.clone(), value);
            }
            if !setting.errors.is_empty() {
                let errors = setting.errors.iter().map(|error| mask_text(error));
                validation.errors.insert(setting.name, errors.collect());
            }
        }
        validation
    }
}
