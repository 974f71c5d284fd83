//! The checked scenario: everything that a plan and a run need to know, with no mistake left in it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{Expectations, FaultKind, KafkaVersion, Restart, Route, Target, WorkerName};

/// A scenario without mistakes; made by [`super::parse`] only, and stored with each run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Scenario {
    /// Short name; names the run folder.
    pub name: String,
    /// The question that the scenario answers, in a sentence.
    pub question: String,
    /// The brokers.
    pub kafka: KafkaSpec,
    /// The workers.
    pub connect: ConnectSpec,
    /// The known stream; for a source that makes its own sequence only `lanes` counts.
    pub stream: StreamSpec,
    /// The way of the records.
    pub route: Route,
    /// What is done to the workers, in order.
    pub faults: Vec<FaultStep>,
    /// What must hold.
    pub expect: Expectations,
    /// How long the phases take.
    pub timing: Timing,
}

/// The brokers of a scenario.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct KafkaSpec {
    /// Their release.
    pub version: KafkaVersion,
    /// How many: 1 or 3.
    pub brokers: u32,
}

/// The Connect workers of a scenario.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ConnectSpec {
    /// Their release.
    pub version: KafkaVersion,
    /// Their names, `w1` to `wN`; at least one.
    pub workers: Vec<WorkerName>,
    /// Worker settings as the user gave them; what is not here has Connect's own default.
    pub config: BTreeMap<String, String>,
    /// What stands on the plugin path besides Kafka's own connectors.
    pub plugins: Vec<Plugin>,
}

/// A plugin for the workers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Plugin {
    /// A folder or a jar on this machine; relative to the scenario file.
    Path(String),
    /// A Maven coordinate `group:artifact:version`, fetched with its dependencies.
    Maven(String),
}

/// The known stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct StreamSpec {
    /// Independent ordered sequences; at least one.
    pub lanes: u32,
    /// Records per second over all lanes; at least one.
    pub rate_per_second: u64,
    /// Bytes of each record, line end not counted.
    pub record_size_bytes: usize,
}

/// How long the phases of a run take, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Timing {
    /// Least length of the baseline.
    pub baseline_ms: u64,
    /// Least time that the stream flows after the baseline, faults or not.
    pub duration_ms: u64,
    /// Longest wait for the recovery from one fault before the run goes on without it.
    pub recovery_wait_ms: u64,
    /// Nothing new for this long, with lag and offsets standing still, ends the drain.
    pub quiet_ms: u64,
    /// Longest drain.
    pub drain_ms: u64,
}

/// One entry of a scenario's `faults`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FaultStep {
    /// One fault.
    Inject(InjectStep),
    /// Rounds of faults, each round this much after the one before.
    Repeat {
        /// When the first round begins, in milliseconds after the beginning of the series.
        first_ms: u64,
        /// How many rounds; at least one.
        rounds: u32,
        /// From the start of one round to the start of the next, in milliseconds.
        every_ms: u64,
        /// Each start is moved by up to this much either way, in milliseconds; at most `every_ms`.
        jitter_ms: u64,
        /// What each round does, in order; never empty.
        steps: Vec<InjectStep>,
    },
    /// The same fault for each worker in turn, each after the recovery from the one before.
    Rolling {
        /// What is done.
        kind: FaultKind,
        /// What happens afterwards.
        restart: Restart,
        /// Pause after each recovery, in milliseconds.
        pause_ms: u64,
    },
}

/// One fault of a scenario.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct InjectStep {
    /// What is done.
    pub kind: FaultKind,
    /// To whom.
    pub target: Target,
    /// When.
    pub start: Start,
    /// What happens afterwards.
    pub restart: Restart,
}

/// When a single fault comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Start {
    /// This many milliseconds after the end of the baseline, whatever else happens.
    At(u64),
    /// This many milliseconds after everything before has been recovered from.
    AfterRecovery(u64),
}
