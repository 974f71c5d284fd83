//! What an inspection brings back, as plain values.

use serde::Serialize;
use serde_json::Value;

/// What is known of a Connect cluster at one moment. What the group's bytes say is a fact; what a worker's REST interface
/// says is that worker's claim.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Inspection {
    /// Version of this layout.
    pub format: u32,
    /// The brokers' address as it was given.
    pub bootstrap: String,
    /// How many brokers are up.
    pub brokers: usize,
    /// The id of the brokers' cluster.
    pub cluster_id: Option<String>,
    /// The worker that was asked for everything that only REST tells.
    pub asked: String,
    /// The Connect group.
    pub group: GroupFacts,
    /// The group's members, then known workers that are not among them.
    pub workers: Vec<WorkerFacts>,
    /// All connectors, by name.
    pub connectors: Vec<ConnectorFacts>,
    /// Where two sources contradict each other, or something could not be seen.
    pub doubts: Vec<String>,
}

/// The Connect group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct GroupFacts {
    /// `group.id`.
    pub id: String,
    /// `Stable`, `PreparingRebalance`, `CompletingRebalance`, `Empty` or `Dead`.
    pub state: String,
    /// `sessioned`, `compatible` or `default`; empty while the members have not agreed.
    pub protocol: String,
    /// The generation, where it could be read.
    pub generation: Option<i64>,
    /// Where the generation was read, or why it is not known.
    pub generation_from: String,
    /// Worker id of the leader; `None` while there is none.
    pub leader: Option<String>,
    /// How long the leader still holds back the tasks of workers that have gone, in milliseconds, as it said in the last
    /// round.
    pub rebalance_delay_ms: u64,
    /// How far the members have read the config topic, by the leader's last assignment.
    pub config_offset: Option<i64>,
}

/// One worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct WorkerFacts {
    /// Its worker id: the `host:port` that it advertises.
    pub id: String,
    /// What the inventory calls it.
    pub name: Option<String>,
    /// The REST address under which it was asked.
    pub url: String,
    /// Whether it leads.
    pub leads: bool,
    /// Its member id; `None` when it is not in the group.
    pub member_id: Option<String>,
    /// The address that it speaks to the brokers from.
    pub host: Option<String>,
    /// `healthy`, `starting`, `unhealthy` (its own words, since 3.9), `answers` or `silent`.
    pub state: String,
    /// Why it is silent, or its own words where it is not healthy.
    pub why: Option<String>,
    /// Its release.
    pub version: Option<String>,
    /// The commit it was built from.
    pub commit: Option<String>,
    /// The connectors whose instance it runs, by the group; `None` while the group does not say.
    pub connectors: Option<Vec<String>>,
    /// The tasks that it runs, by the group; `None` while the group does not say.
    pub tasks: Option<Vec<String>>,
}

/// One connector.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ConnectorFacts {
    /// Its name.
    pub name: String,
    /// `source`, `sink` or `unknown`.
    pub kind: String,
    /// Its class.
    pub class: String,
    /// Its state by REST; `None` where the asked worker has none.
    pub state: Option<String>,
    /// The worker that runs it, by the group.
    pub worker: Option<String>,
    /// First line of the stack trace of a failed one.
    pub trace: Option<String>,
    /// Its tasks, in the order of their numbers.
    pub tasks: Vec<TaskFacts>,
    /// How far it has come.
    pub offsets: OffsetFacts,
}

/// One task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct TaskFacts {
    /// Its number.
    pub id: u32,
    /// Its state by REST; `None` where the asked worker has none.
    pub state: Option<String>,
    /// The worker that runs it, by the group.
    pub worker: Option<String>,
    /// The worker that runs it, by REST.
    pub claimed_worker: Option<String>,
    /// First line of the stack trace of a failed one.
    pub trace: Option<String>,
}

/// How far a connector has come.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum OffsetFacts {
    /// A source: its own words for its places.
    Source(Vec<SourceOffset>),
    /// A sink: the topics that it reads.
    Sink(Vec<SinkOffset>),
    /// They could not be had, and why.
    Unknown(String),
}

/// One committed place of a source.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct SourceOffset {
    /// The source partition.
    pub partition: Value,
    /// The source offset.
    pub offset: Value,
    /// How many records of the same Kafka cluster lie behind it, where the source reads one.
    pub lag: Option<i64>,
}

/// One partition that a sink reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct SinkOffset {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The offset that is read next by what was committed; `None` when nothing was.
    pub committed: Option<i64>,
    /// The offset that the next record will get; transaction markers count.
    pub end: Option<i64>,
    /// From the committed offset to the end; from the first record that is there where nothing was committed.
    pub lag: Option<i64>,
}
