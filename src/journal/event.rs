//! The events of a run: when and what, one JSON line each.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{
    ConnectorName, FaultId, FaultKind, Moment, PlaceName, Refusal, Target, TaskId, WorkerName,
};

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Event {
    /// Its number, from 0 without holes; given by the journal writer alone.
    pub n: u64,
    /// When the harness saw it, on the run's monotonic clock.
    pub at: Moment,
    /// What happened.
    pub what: What,
}

/// A stage of the run.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Phase {
    /// Kafka is fetched or found, and class-data archives are made.
    Prepare,
    /// Brokers and workers come up.
    Provision,
    /// Connectors are created and their tasks start.
    Deploy,
    /// The stream flows undisturbed.
    Baseline,
    /// Faults are injected.
    Faults,
    /// Faults are undone, the feed has ended.
    Converge,
    /// The taps are read to their end.
    Drain,
    /// Logs and last facts are collected.
    Collect,
    /// Everything started is taken down.
    TakeDown,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Exit {
    /// By itself with this status.
    Code(i32),
    /// By this signal.
    Signal(i32),
    /// It is gone, and how it ended cannot be seen from here (a worker of an attached cluster).
    Unknown,
}

impl std::fmt::Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Code(code) => write!(f, "with status {code}"),
            Self::Signal(signal) => write!(f, "by signal {signal}"),
            Self::Unknown => f.write_str("in a way that could not be seen"),
        }
    }
}

/// What the end of a run was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Ending {
    /// All phases were gone through.
    Complete,
    /// The user interrupted it.
    Interrupted,
    /// The environment failed: no verdict about the cluster can be had.
    Environment(String),
    /// Kafka Connect refuses configurations that the scenario gives: nothing was created, and nothing sent.
    Refused(Vec<Refusal>),
}

/// A member of the Connect group, decoded from the group's bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct GroupMember {
    /// Kafka's member id; new for each time that a worker joins.
    pub member_id: String,
    /// The worker behind it, found by its advertised REST address; `None` for a stranger.
    pub worker: Option<WorkerName>,
    /// The worker's advertised REST URL.
    pub url: String,
    /// Tasks it owns now (allocation less revoked plus assigned).
    pub tasks: Vec<TaskId>,
    /// Connector instances it owns now.
    pub connectors: Vec<ConnectorName>,
}

/// What DescribeGroups said of the Connect group; written when it differs from the last one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct GroupView {
    /// `Stable`, `PreparingRebalance`, `CompletingRebalance`, `Empty`, `Dead`; ownership is to be trusted in `Stable` only.
    pub state: String,
    /// `sessioned`, `compatible` or `default`; empty while there is none.
    pub protocol: String,
    /// The worker that leads.
    pub leader: Option<WorkerName>,
    /// The delay that the leader has announced for lost tasks, in milliseconds; 0 for none.
    pub delay_ms: u64,
    /// Members in the order of their ids.
    pub members: Vec<GroupMember>,
}

/// A member of a sink's consumer group: which task reads which partitions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct SinkMember {
    /// The task, from the consumer's client id `connector-consumer-<connector>-<task>`.
    pub task: Option<TaskId>,
    /// Partitions of the input topic that it reads.
    pub partitions: Vec<i32>,
}

/// What the baseline found normal at a tap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct NormalAtTap {
    /// So many records may wait before it.
    pub backlog_limit: u64,
    /// For so long a lane may have no record there, in milliseconds.
    pub silence_limit_ms: u64,
}

/// The proof that a fault took effect, or what is missing of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Proof {
    /// The process of this worker ended.
    ProcessEnded {
        /// The worker.
        worker: WorkerName,
        /// How.
        exit: Exit,
        /// From the signal to the end, in milliseconds.
        took_ms: u64,
    },
    /// The group no longer has the member that the worker was.
    MemberGone {
        /// The worker.
        worker: WorkerName,
        /// Its member id at the time of the fault.
        member_id: String,
    },
    /// The worker stands still: its process is in state T, or its container is paused.
    Paused {
        /// The worker.
        worker: WorkerName,
        /// From the act to the proof, in milliseconds.
        took_ms: u64,
    },
    /// The worker has no network.
    Disconnected {
        /// The worker.
        worker: WorkerName,
        /// From the act to the proof, in milliseconds.
        took_ms: u64,
    },
    /// The signal was not followed by what it should cause, within the limit.
    Missing {
        /// The worker.
        worker: WorkerName,
        /// What was awaited and what was last seen instead.
        awaited: String,
    },
}

/// Where one thread of a JVM stood, as its thread dump has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Stack {
    /// The thread's name.
    pub thread: String,
    /// Where it stood, innermost first: `package.Class.method(File.java:1)`.
    pub frames: Vec<String>,
}

/// What a worker's log line tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum LogFact {
    /// The herder began to stop.
    Stopping,
    /// The worker has stopped in good order.
    Stopped,
    /// A rebalance began.
    RebalanceStarted,
    /// The worker joined a generation.
    Joined {
        /// The generation.
        generation: u64,
        /// The announced delay in milliseconds.
        delay_ms: u64,
    },
    /// The worker began to start connectors and tasks.
    StartingWork,
    /// It has started them.
    FinishedStartingWork,
    /// The worker said that it leaves the group (no proof that the group lost it).
    Leaving,
    /// The coordinator could not be reached.
    CoordinatorLost,
    /// A task did not stop within `task.shutdown.graceful.timeout.ms`.
    GracefulStopFailed {
        /// The task.
        task: Option<TaskId>,
    },
    /// A task finished its start.
    TaskStarted {
        /// The task.
        task: Option<TaskId>,
    },
    /// The herder died.
    HerderDied,
    /// The worker or one of its clients said that nobody reads these settings.
    UnknownSettings {
        /// Their names.
        names: Vec<String>,
    },
    /// Any other line at WARN, ERROR or FATAL.
    Trouble,
}

/// What can happen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum What {
    /// A stage began.
    PhaseBegan(Phase),
    /// A broker or worker process was started.
    ProcessStarted {
        /// `broker-1`, `w1`.
        name: String,
        /// Its process id on the machine of the harness; 0 where it is not known.
        pid: u32,
        /// How often it has been started, from 1.
        incarnation: u32,
        /// Its log file, relative to the run folder.
        log: String,
    },
    /// A broker or worker answered for the first time since its start.
    ProcessReady {
        /// `broker-1`, `w1`.
        name: String,
        /// Which start.
        incarnation: u32,
        /// From its start, in milliseconds.
        took_ms: u64,
    },
    /// A process ended.
    ProcessEnded {
        /// `broker-1`, `w1`.
        name: String,
        /// Which start.
        incarnation: u32,
        /// How.
        exit: Exit,
        /// Whether the harness had asked for it.
        asked: bool,
    },
    /// A connector was created; its tasks have not started yet.
    ConnectorCreated(ConnectorName),
    /// All expected tasks run and are each owned by exactly one member.
    TasksRunning {
        /// All tasks of the route.
        tasks: Vec<TaskId>,
    },
    /// The feed began.
    FeedBegan,
    /// The feed sent its last record; outcomes are all known.
    FeedEnded {
        /// Records taken, refused, and without answer.
        acked: u64,
        /// Refused by the feed.
        refused: u64,
        /// No answer.
        unknown: u64,
        /// Records that should have been sent by then at the asked pace.
        due: u64,
    },
    /// The baseline is reached.
    BaselineReached {
        /// When the stretch began in which it was measured: after the stream had settled.
        since: Moment,
        /// Records per second into the last tap.
        rate_per_second: f64,
        /// Records between feed and last tap at its end.
        backlog: u64,
        /// What is normal at each tap, and so as before after a fault; not told by journals of format 1.
        #[serde(default)]
        normal: BTreeMap<PlaceName, NormalAtTap>,
    },
    /// A fault is about to be injected; written before anything is done.
    FaultIntended {
        /// Which.
        fault: FaultId,
        /// What.
        kind: FaultKind,
        /// To whom, as planned.
        target: Target,
        /// To whom, as resolved just now.
        workers: Vec<WorkerName>,
        /// Why these, in words: "a follower; leader was w1, generation bytes at 13.98 s".
        why: String,
        /// How long after its planned time, in milliseconds, and why it waited.
        postponed_ms: u64,
    },
    /// The signal was sent; the worker was told to stand still, or was cut off.
    FaultActed {
        /// Which.
        fault: FaultId,
        /// To whom.
        worker: WorkerName,
        /// The member of the group that the worker was just then; `None` where it had not joined since its last start (or
        /// in a journal of format 1, which does not tell).
        #[serde(default)]
        member_id: Option<String>,
    },
    /// A piece of proof, or its absence.
    FaultProof {
        /// Which.
        fault: FaultId,
        /// What.
        proof: Proof,
    },
    /// A graceful stop took longer than its grace; SIGKILL follows.
    GraceOverrun {
        /// Which.
        fault: FaultId,
        /// Who.
        worker: WorkerName,
        /// The grace in milliseconds.
        grace_ms: u64,
    },
    /// Where the threads stood that were to end a worker, when its grace was over.
    ThreadsDumped {
        /// Which.
        fault: FaultId,
        /// Who.
        worker: WorkerName,
        /// Connect's shutdown hook and its herder, as far as they ran; the whole dump is in the worker's log.
        stacks: Vec<Stack>,
    },
    /// The worker was started again, resumed or reconnected.
    FaultUndone {
        /// Which.
        fault: FaultId,
        /// Who.
        worker: WorkerName,
    },
    /// Live view: everything is as before the fault (`verify` decides for itself when that was).
    RecoverySeen {
        /// Which.
        fault: FaultId,
    },
    /// Live view: the limit of the wait passed before that.
    RecoveryGivenUp {
        /// Which.
        fault: FaultId,
        /// What was still missing.
        missing: String,
    },
    /// A planned fault could not be injected (no such target was up).
    FaultSkipped {
        /// Which.
        fault: FaultId,
        /// Why.
        why: String,
    },
    /// The Connect group as the broker describes it; written on change.
    Group(GroupView),
    /// Polls of the group since the last such event: shows that no change means "polled and unchanged".
    GroupPolled {
        /// How many.
        polls: u64,
        /// The longest time between two answers, in milliseconds.
        longest_gap_ms: u64,
    },
    /// Looks of an observer, a tap or the feed since the last such event of it: shows that no news means "looked and
    /// nothing new". Written every few seconds, after each gap of more than half a second, and once more when it stops.
    Attended {
        /// Which: `offsets topic`, `sink group archive`, `tap archive.txt`, `feed orders`, …
        observer: String,
        /// How many.
        looks: u64,
        /// The longest time between two looks that saw something, in milliseconds.
        longest_gap_ms: u64,
        /// Of a reader that stops: for each partition how far it has read, and the end of the partition then.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        read: BTreeMap<i32, ReadTo>,
    },
    /// A sink's consumer group; written on change. Without members while it is not stable: then it is not known who reads what.
    SinkGroup {
        /// The sink.
        connector: ConnectorName,
        /// Its members.
        members: Vec<SinkMember>,
    },
    /// A source offset commit, from the offsets topic.
    SourceCommit {
        /// The connector.
        connector: ConnectorName,
        /// The source partition, as JSON.
        partition: serde_json::Value,
        /// The source offset, as JSON; null is a reset.
        offset: serde_json::Value,
        /// When the record was appended, milliseconds on the broker's clock since the epoch.
        broker_ms: i64,
    },
    /// A sink offset commit, from `__consumer_offsets`.
    SinkCommit {
        /// The connector.
        connector: ConnectorName,
        /// The topic that it reads.
        topic: String,
        /// The partition.
        partition: i32,
        /// The next offset to read; `None` for a deleted commit.
        next_offset: Option<i64>,
        /// When it was committed, milliseconds on the broker's clock since the epoch.
        broker_ms: i64,
    },
    /// A task's status, from the status topic.
    TaskStatus {
        /// The task.
        task: TaskId,
        /// RUNNING, UNASSIGNED, FAILED, …; `DESTROYED` for a tombstone.
        state: String,
        /// Who wrote it; `None` for a stranger.
        worker: Option<WorkerName>,
        /// The generation it was written in.
        generation: i64,
        /// The stack trace of a failed task.
        trace: Option<String>,
    },
    /// The configuration of a task, from the config topic.
    TaskConfig {
        /// The task.
        task: TaskId,
        /// Its settings, secrets masked.
        config: BTreeMap<String, String>,
    },
    /// A connector's configuration, from the config topic; null is a deletion.
    ConnectorConfig {
        /// The connector.
        connector: ConnectorName,
        /// Its settings, secrets masked.
        config: Option<BTreeMap<String, String>>,
    },
    /// A connector's target state, from the config topic.
    TargetState {
        /// The connector.
        connector: ConnectorName,
        /// STARTED, PAUSED or STOPPED.
        state: String,
    },
    /// What the REST interface of one worker claims; written on change.
    RestView {
        /// The worker asked.
        worker: WorkerName,
        /// Its answer: state and worker of each task, or why there was none.
        answer: Result<BTreeMap<TaskId, RestClaim>, String>,
    },
    /// A line of a worker's log that tells something.
    Log {
        /// The worker.
        worker: WorkerName,
        /// Which start.
        incarnation: u32,
        /// Its time on the worker's clock, milliseconds since the epoch.
        worker_ms: i64,
        /// INFO, WARN, …
        level: String,
        /// What it tells.
        fact: LogFact,
        /// The line, cut at 2,000 characters; hostile input.
        text: String,
    },
    /// Live counters, about once a second, for progress and charts.
    Progress {
        /// Records with an outcome `acked` so far.
        fed: u64,
        /// Distinct known records seen so far at each tap.
        seen: BTreeMap<PlaceName, u64>,
    },
    /// What the CPUs of this machine did since the last such event or, at first, since their observer began. Written every
    /// few seconds where the processes of brokers and workers are to be seen here; times are in milliseconds.
    MachineLoad {
        /// Over so much time, up to this event.
        over_ms: u64,
        /// CPU time that there was, on all CPUs that the run may use.
        total_ms: u64,
        /// CPU time of it that was nobody's: idle, or spent on interrupts.
        free_ms: u64,
        /// CPU time that squall, its brokers and its workers used.
        ours_ms: u64,
        /// CPU time that the host of this virtual machine gave to others.
        stolen_ms: u64,
        /// Time in which some process or other had to wait for a CPU; nothing where the kernel does not count it.
        waited_ms: Option<u64>,
        /// Time for which a limit of CPU (a cgroup's quota) held the run's processes back, counted on each CPU.
        throttled_ms: u64,
    },
    /// The last look at committed offsets, through the group API and REST, at the end of the drain.
    FinalOffsets {
        /// Sink: committed next offset per partition, by connector.
        sinks: BTreeMap<ConnectorName, BTreeMap<i32, i64>>,
        /// End offset per partition of each topic of the route, taken after the drain.
        ends: BTreeMap<PlaceName, BTreeMap<i32, i64>>,
    },
    /// The last look at the committed offsets of sources, through REST (Connect 3.5 and later), at the end of the drain.
    FinalSourceOffsets {
        /// Source partition and offset, as JSON, by connector.
        sources: BTreeMap<ConnectorName, Vec<(serde_json::Value, serde_json::Value)>>,
    },
    /// The drain ended.
    DrainEnded {
        /// Whether every source of evidence stood still at its end, so that what is missing is lost.
        finished: bool,
        /// Why it ended, or what was still moving.
        why: String,
    },
    /// A source of evidence broke (a tap that cannot be read, an observer that stopped).
    ObserverFailed {
        /// Which: a tap's name, `group`, `offsets topic`, …
        observer: String,
        /// Why.
        why: String,
    },
    /// Something worth telling the reader that fits nowhere else.
    Note(String),
    /// The last event of every run that ended; its absence means that the journal is cut off.
    RunEnded {
        /// How.
        ending: Ending,
        /// Rows written to each observation file, by its name without the ending.
        rows: BTreeMap<String, u64>,
        /// CPU time that the harness itself used, in milliseconds.
        harness_cpu_ms: u64,
    },
}

/// How far a reader has come in a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ReadTo {
    /// The next offset that it would have read.
    pub next: i64,
    /// The end of the partition when it stopped.
    pub end: i64,
}

/// State and worker of a task, as REST claims them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct RestClaim {
    /// RUNNING, UNASSIGNED, …
    pub state: String,
    /// The worker id, as it stands there.
    pub worker_id: String,
}
