//! What the evidence shows and what that means for the scenario: the content of `result.json`, and all that a report prints.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::journal::HostInfo;
use crate::model::{
    ConnectorName, FaultId, GuaranteeKind, Lane, Moment, PlaceName, Seed, TaskId, Verdict,
    WorkerName,
};

use super::measure::Measure;

/// The judgement of one run; everything a report needs, and nothing that is not in the run folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Judgement {
    /// Version of this format, now 2.
    pub format: u32,
    /// The worst answer of all guarantees and doubts.
    pub verdict: Verdict,
    /// The verdict in one sentence.
    pub sentence: String,
    /// What makes the evidence incomplete or the run unproven; each makes the verdict at best inconclusive.
    pub doubts: Vec<String>,
    /// Why there can be no verdict about the cluster: the environment failed. Exit code 4.
    pub environment_failure: Option<String>,
    /// Whether the run was ended early by the user.
    pub interrupted: bool,
    /// What was run.
    pub run: RunSummary,
    /// Each expectation with its answer, in the order of the report.
    pub guarantees: Vec<GuaranteeResult>,
    /// The ledger of the feed, when there is one.
    pub feed: Option<FeedLedger>,
    /// The ledger of each tap, in the way of the records.
    pub taps: Vec<TapLedger>,
    /// Everything found, worst first; ids like `lost/1`.
    pub findings: Vec<Finding>,
    /// Findings of each kind that are counted but not listed, because there are too many.
    pub findings_not_listed: BTreeMap<FindingKind, u64>,
    /// Runs of repeated records.
    pub rewinds: Vec<Rewind>,
    /// The faults with their proof.
    pub faults: Vec<FaultReport>,
    /// Where the seconds of each recovery went.
    pub recoveries: Vec<Recovery>,
    /// What the committed offsets claim, by connector.
    pub offsets: Vec<OffsetReport>,
    /// Connectors that are in the cluster and not in the route, by name.
    #[serde(default)]
    pub watched: Vec<WatchedReport>,
    /// Who ran what when.
    pub timeline: Timeline,
    /// Throughput and backlog over time.
    pub series: Vec<Series>,
    /// Latency from feed to each tap in the baseline and over the whole run, where it can be measured.
    pub latency: Vec<Latency>,
    /// Worker settings of interest, with Connect's defaults.
    pub settings: Vec<Setting>,
    /// Settings that may have no effect: the scenario's warnings, and what workers say that nobody reads.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// Log lines near faults and findings.
    pub log_excerpts: Vec<LogLine>,
    /// How it was measured and what the run cannot show.
    pub method: Vec<String>,
}

/// What was run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct RunSummary {
    /// The scenario's name.
    pub scenario: String,
    /// Its question.
    pub question: String,
    /// Its path as given on the command line.
    pub scenario_path: String,
    /// The words of the command line that say which cluster it was, such as `--runtime docker`.
    #[serde(default)]
    pub cluster_arguments: Vec<String>,
    /// Squall's version.
    pub squall: String,
    /// When it began, RFC 3339, UTC.
    pub started: String,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// The seed.
    pub seed: Seed,
    /// What the cluster was made of.
    pub runtime: crate::model::RuntimeKind,
    /// What else is known of it, by name: the engine's version, the image.
    #[serde(default)]
    pub runtime_facts: BTreeMap<String, String>,
    /// Release of the brokers.
    pub kafka: String,
    /// Release of the workers.
    pub connect: String,
    /// Number of brokers.
    pub brokers: u32,
    /// Number of workers.
    pub workers: u32,
    /// Place names and connectors in the way of the records.
    pub route: Vec<String>,
    /// Faults injected.
    pub faults_injected: u32,
    /// Faults whose effect is proven.
    pub faults_proven: u32,
    /// The machine.
    pub host: HostInfo,
    /// The phases of the run: name, begin, length; shows where the time went.
    pub phases: Vec<PhaseSpan>,
    /// Start times of brokers and workers in milliseconds (first starts only).
    pub start_ms: BTreeMap<String, u64>,
    /// CPU time of the harness itself, in milliseconds.
    pub harness_cpu_ms: u64,
    /// The scenario file as resolved, in JSON.
    pub resolved_scenario: serde_json::Value,
}

/// A phase of the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct PhaseSpan {
    /// `provision`, `baseline`, …
    pub phase: String,
    /// When it began.
    pub from: Moment,
    /// How long it took, in milliseconds.
    pub length_ms: u64,
}

/// An expectation with its answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct GuaranteeResult {
    /// Which.
    pub kind: GuaranteeKind,
    /// The answer.
    pub verdict: Verdict,
    /// What was measured, and what is allowed.
    #[serde(flatten)]
    pub measure: Measure,
    /// How much of the limit was used, 0 to 1 and above; `None` where there is no such thing.
    pub used: Option<f64>,
    /// What else the reader must know: confidence bound, why it is inconclusive, *not measurable here*.
    pub note: String,
    /// Ids of the findings behind it, worst first, at most 20.
    pub findings: Vec<String>,
}

impl GuaranteeResult {
    /// What is promised, in words: "No record lost".
    pub fn title(&self) -> &'static str {
        self.measure.title(self.kind)
    }

    /// What was measured, in words: "0 of 110,000".
    pub fn measured(&self) -> String {
        self.measure.in_words(self.kind)
    }

    /// What is allowed, in words: "≤ 1,340".
    pub fn limit(&self) -> String {
        self.measure.limit_in_words(self.kind)
    }
}

/// What became of what was fed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct FeedLedger {
    /// The feed.
    pub place: PlaceName,
    /// Taken.
    pub acked: u64,
    /// Refused.
    pub refused: u64,
    /// Without answer: can be neither lost nor a phantom.
    pub unknown: u64,
    /// How far the feed fell behind its pace, as a share of it (0.004 is 0.4 %).
    pub pace_error: f64,
}

/// What arrived at a tap. `expected = once + repeated + lost + undecided` and
/// `arrived = once + repeated + extra_copies + phantom + corrupt`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct TapLedger {
    /// The tap.
    pub place: PlaceName,
    /// The connector that writes to it.
    pub connector: ConnectorName,
    /// Records that must be here: acknowledged by the feed, or up to the highest of each lane for a source of its own.
    pub expected: u64,
    /// Expected records here exactly once.
    pub once: u64,
    /// Expected records here more than once.
    pub repeated: u64,
    /// Copies beyond the first of the repeated ones.
    pub extra_copies: u64,
    /// Of these, made by the connector right before this tap (the rest it was already given).
    pub own_extra_copies: u64,
    /// Of the own ones, not explained by the committed positions.
    pub unexplained_copies: u64,
    /// Expected, not here, and the drain was finished.
    pub lost: u64,
    /// Of these, lost by the connector right before this tap (the rest was missing before).
    pub own_lost: u64,
    /// Expected, not here, and the drain was not finished.
    pub undecided: u64,
    /// Never sent, but here.
    pub phantom: u64,
    /// Here with a wrong size or checksum.
    pub corrupt: u64,
    /// Arrivals (all copies) of records whose send has no known outcome.
    pub of_unknown: u64,
    /// Everything that arrived.
    pub arrived: u64,
    /// First arrivals after something later of the same lane.
    pub reorderings: u64,
    /// Of an exactly-once source: records in the topic that a read_committed reader never sees; `None` where not read.
    pub aborted: Option<u64>,
    /// Upper 95 % bound of the loss rate when none was lost: "at most 27 per million".
    pub loss_bound_per_million: Option<f64>,
}

/// What kind of thing was found; the order is from worst to least.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum FindingKind {
    /// Records missing after a finished drain.
    Lost,
    /// Records missing, drain not finished.
    Undecided,
    /// Arrived and never sent.
    Phantom,
    /// Arrived damaged.
    Corrupt,
    /// Repeated beyond what the committed positions explain.
    UnexplainedRepeat,
    /// First arrival after something later.
    Reordering,
    /// A committed offset names something not delivered.
    OffsetAhead,
    /// A committed offset went back.
    OffsetRegression,
    /// A task on two workers at once.
    Overlap,
    /// A worker that was asked to stop ended by a signal or with a status of its own: it crashed.
    CrashedAtStop,
    /// A graceful stop overran its grace.
    StopOverrun,
    /// A task failed.
    TaskFailed,
    /// The group lost a member to whose worker nothing was done.
    Departure,
    /// A fault was not recovered from while the run waited.
    NotRecovered,
    /// Committed offsets that went back as those of a zombie do.
    ZombieCommit,
    /// Repeats that are explained but beyond the promised bound.
    RepeatBeyondBound,
    /// Explained repeats.
    Repeat,
}

impl FindingKind {
    /// The word before the slash of a finding's id, `lost` in `lost/1`.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Undecided => "undecided",
            Self::Phantom => "phantom",
            Self::Corrupt => "corrupt",
            Self::UnexplainedRepeat => "unexplained",
            Self::Reordering => "reordering",
            Self::OffsetAhead => "ahead",
            Self::OffsetRegression => "regression",
            Self::Overlap => "overlap",
            Self::CrashedAtStop => "crash",
            Self::StopOverrun => "overrun",
            Self::TaskFailed => "failed",
            Self::Departure => "departure",
            Self::NotRecovered => "unrecovered",
            Self::ZombieCommit => "zombie-commit",
            Self::RepeatBeyondBound => "beyond-bound",
            Self::Repeat => "repeat",
        }
    }
}

/// One thing found, with its evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Finding {
    /// Like `lost/1`; stable for the same run folder.
    pub id: String,
    /// What kind.
    pub kind: FindingKind,
    /// In one sentence, with lane, ranges and times.
    pub text: String,
    /// How many records, offsets or events it stands for.
    pub count: u64,
    /// The tap where it shows.
    pub place: Option<PlaceName>,
    /// The connector that it is blamed on.
    pub connector: Option<ConnectorName>,
    /// The task, where it is about one.
    pub task: Option<TaskId>,
    /// The lane, where it is about one.
    pub lane: Option<Lane>,
    /// Sequence numbers, first and last of each range, at most 100 ranges.
    pub ranges: Vec<(u64, u64)>,
    /// When it began: for missing records, when they were fed.
    pub from: Option<Moment>,
    /// When it ended.
    pub to: Option<Moment>,
    /// The fault running then.
    pub fault: Option<FaultId>,
    /// First log lines near it.
    pub log: Vec<LogLine>,
}

/// A line of a worker's log; hostile input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct LogLine {
    /// When it was written, on the run's clock.
    pub at: Moment,
    /// By whom.
    pub worker: WorkerName,
    /// INFO, WARN, …
    pub level: String,
    /// The text.
    pub text: String,
}

/// A run of repeated records of one lane at one tap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Rewind {
    /// Where it shows.
    pub place: PlaceName,
    /// The connector that sent again.
    pub connector: ConnectorName,
    /// The lane.
    pub lane: Lane,
    /// First repeated sequence number.
    pub first: u64,
    /// Last repeated sequence number.
    pub last: u64,
    /// Repeated records in it (own copies only).
    pub copies: u64,
    /// Of these, explained.
    pub explained: u64,
    /// When its first record arrived.
    pub at: Moment,
    /// The fault that explains it, or the last one before it.
    pub fault: Option<FaultId>,
    /// Why, in words: "F1 killed mirror-1; last commit named 4,705 at 13.52 s; 295 were already in the topic".
    pub why: String,
    /// How much may be repeated in one lane after one fault, in records; `None` where nothing is promised. It is what the
    /// settings promise, or what the lane had really delivered in that time before the fault where that is more.
    pub bound: Option<u64>,
    /// What the settings promise at the lane's pace, in records; `None` in results of older versions.
    #[serde(default)]
    pub promised: Option<u64>,
}

/// A fault with what proves it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct FaultReport {
    /// Which.
    pub id: FaultId,
    /// SIGKILL, SIGTERM, `pause` or `network loss`.
    pub signal: String,
    /// To whom, as planned: "a follower".
    pub target: String,
    /// To whom it went.
    pub workers: Vec<WorkerName>,
    /// Why these.
    pub why: String,
    /// When the process was gone, stood still or had no network (or the signal was sent, where that is not known).
    pub took_effect: Option<Moment>,
    /// Whether all of the proof is there.
    pub proven: bool,
    /// The proof, or what is missing, a sentence each.
    pub proof: Vec<String>,
    /// How it was undone, a sentence each.
    pub undone: Vec<String>,
    /// How long the workers stood still or had no network, in milliseconds; `None` where their processes ended.
    #[serde(default)]
    pub lasted_ms: Option<u64>,
    /// What it did to workers that outlived it, a sentence each: whether the group gave them up, and what came of that.
    #[serde(default)]
    pub aftermath: Vec<String>,
    /// When everything was as before; `None` when that was not seen.
    pub recovered: Option<Moment>,
    /// From effect to recovery, in milliseconds.
    pub recovery_ms: Option<u64>,
    /// Faults whose recovery overlapped, so that times cannot be told apart.
    pub overlaps: Vec<FaultId>,
    /// Extra copies explained by this fault.
    pub repeats: u64,
    /// Records lost while it ran.
    pub lost: u64,
    /// Longest silence of a lane beyond its baseline, in milliseconds.
    pub outage_ms: u64,
    /// Task-seconds without owner, in milliseconds.
    pub unowned_task_ms: u64,
    /// Where the time of the whole recovery went: its parts add up to `recovery_ms`.
    #[serde(default)]
    pub phases: Vec<RecoveryPhase>,
}

/// Where the time of one task's recovery from one fault went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Recovery {
    /// From which fault.
    pub fault: FaultId,
    /// Of which task.
    pub task: TaskId,
    /// In all, in milliseconds.
    pub total_ms: u64,
    /// Whether the end was seen; otherwise the total is a lower bound.
    pub complete: bool,
    /// One after the other, without holes.
    pub phases: Vec<RecoveryPhase>,
}

/// One phase of a recovery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct RecoveryPhase {
    /// `noticed`, `rebalance`, `delay`, `assigned`, `started` (or `back`, where a worker kept its tasks), `first record`,
    /// `first commit`, `backlog`; of a whole recovery also `stopped`, `consumer group`, `away`,
    /// `return`, `another fault`.
    pub name: String,
    /// When it ended.
    pub to: Moment,
    /// How long it took, in milliseconds.
    pub length_ms: u64,
    /// Error of its end, plus or minus milliseconds.
    pub error_ms: u64,
    /// The signal that ends it: "group bytes", "status topic", "tap src.orders".
    pub signal: String,
    /// The setting that causes it, `session.timeout.ms = 6000`, where one does.
    pub setting: Option<String>,
    /// What else: "on w1", "6,290 records".
    pub note: String,
}

/// What the committed offsets of one connector claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct OffsetReport {
    /// The connector.
    pub connector: ConnectorName,
    /// `None` when they can be checked; else why not.
    pub not_measurable: Option<String>,
    /// Commits read.
    pub commits: u64,
    /// Commits that name something not delivered.
    pub ahead: u64,
    /// Commits that went back, and not as a zombie's do.
    pub regressed: u64,
    /// Commits that went back as those of a worker do that was given up and came back.
    #[serde(default)]
    pub by_zombies: u64,
}

/// What watching a connector shows and what it cannot show.
pub const WATCHED_SHOWS: &str = "Watching shows the states of these connectors, who owned their tasks and when all was as before. It cannot show loss, repeats or order, because their records are not known.";

/// A connector that is in the cluster and not in the route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct WatchedReport {
    /// The connector.
    pub connector: ConnectorName,
    /// How many tasks stable views of the group had of it.
    pub tasks: u32,
    /// How long its tasks were in each state by the status topic, in task-milliseconds.
    pub states: BTreeMap<String, u64>,
    /// The same task by task, in order; at most 500.
    pub spans: Vec<StateSpan>,
    /// Spans that are counted but not listed.
    pub spans_not_listed: u64,
    /// Task-milliseconds without an owner.
    pub unowned_task_ms: u64,
    /// The longest that one task was without an owner, in milliseconds.
    pub longest_unowned_ms: u64,
    /// What each fault did to it.
    pub faults: Vec<WatchedFault>,
    /// How its committed offsets moved, of a sink whose commits were read.
    pub commits: Option<WatchedCommits>,
}

/// A stretch in which the status topic said the same of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct StateSpan {
    /// The task.
    pub task: TaskId,
    /// RUNNING, FAILED, UNASSIGNED, PAUSED, …
    pub state: String,
    /// Where it begins.
    pub from: Moment,
    /// Where it ends.
    pub to: Moment,
}

/// What one fault did to a watched connector.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct WatchedFault {
    /// The fault.
    pub fault: FaultId,
    /// Tasks that its victims ran.
    pub tasks_hit: u64,
    /// Changes of owner up to the next fault.
    pub moves: u64,
    /// Times that a task was RUNNING anew up to the next fault.
    pub starts: u64,
    /// Task-milliseconds without an owner up to the next fault.
    pub unowned_task_ms: u64,
    /// Tasks that were owned and RUNNING (or PAUSED) before it; only these can show a recovery.
    pub tasks_before: u64,
    /// From its effect until all of these were so again and stayed so up to the next fault, in milliseconds; 0 where they
    /// never ceased to be, `None` where it was not seen.
    pub recovery_ms: Option<u64>,
}

/// How the committed offsets of a watched sink moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct WatchedCommits {
    /// Commits read while the route ran.
    pub commits: u64,
    /// How far all partitions moved on, in records.
    pub moved: u64,
    /// Commits below the one before.
    pub went_back: u64,
    /// The longest that no partition moved on, in milliseconds.
    pub longest_still_ms: u64,
}

/// The lanes of the time line.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Timeline {
    /// Where it ends.
    pub end: Moment,
    /// From top to bottom.
    pub lanes: Vec<TimelineLane>,
    /// Fault bands across all lanes.
    pub bands: Vec<FaultBand>,
}

/// A fault as a band over the time line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct FaultBand {
    /// Which.
    pub fault: FaultId,
    /// "F1 SIGKILL w2 (follower)".
    pub label: String,
    /// From its effect.
    pub from: Moment,
    /// To the recovery, or to where that was given up.
    pub to: Moment,
    /// Where the fault itself was over, of a worker that stood still or had no network.
    #[serde(default)]
    pub over: Option<Moment>,
}

/// One lane of the time line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct TimelineLane {
    /// `group`, `workers`, `tasks`, `watched`, `commits`.
    pub group: String,
    /// `state`, `leader`, `w1`, `mirror-0`.
    pub label: String,
    /// Stretches, in order.
    pub segments: Vec<Segment>,
    /// Points, such as offset commits; at most 2,000.
    pub ticks: Vec<Moment>,
}

/// A stretch of a time line lane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Segment {
    /// Where it begins.
    pub from: Moment,
    /// Where it ends.
    pub to: Moment,
    /// What it says: "w1", "nobody 9.5 s", "Stable · 3 members".
    pub label: String,
    /// How it is painted.
    pub paint: Paint,
}

/// How a stretch of the time line is painted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Paint {
    /// In the colour of the worker with this index (from 0).
    Worker(u32),
    /// Good.
    Good,
    /// Changing: a rebalance, a start.
    Changing,
    /// Waiting: an announced delay.
    Waiting,
    /// Bad: nobody, two owners, failed.
    Bad,
}

/// Values over time in equal buckets, at most 2,000 of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Series {
    /// What: "arrived at src.orders", "backlog before archive.txt".
    pub label: String,
    /// `records/s` or `records`.
    pub unit: String,
    /// The tap it is about.
    pub place: PlaceName,
    /// Length of a bucket in milliseconds.
    pub bucket_ms: u64,
    /// Lowest value of each bucket.
    pub low: Vec<f64>,
    /// Highest value of each bucket (spikes survive).
    pub high: Vec<f64>,
    /// The value that counts as normal.
    pub baseline: Option<f64>,
}

/// Latency from feed to a tap, in milliseconds, from a sample of the records.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Latency {
    /// The tap.
    pub place: PlaceName,
    /// `baseline` or `whole run`.
    pub phase: String,
    /// Records sampled.
    pub samples: u64,
    /// Median.
    pub p50_ms: f64,
    /// 95th percentile.
    pub p95_ms: f64,
    /// 99th percentile.
    pub p99_ms: f64,
    /// Longest.
    pub max_ms: f64,
}

/// A worker setting beside Connect's own default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Setting {
    /// Its name.
    pub name: String,
    /// Its value in this run.
    pub value: String,
    /// Connect's default for this version; `None` where Squall does not know one.
    pub default: Option<String>,
    /// What it decided in this run, in words; may be empty.
    pub decides: String,
}
