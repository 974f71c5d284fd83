//! The checked scenario: everything that a plan and a run need to know, with no mistake left in it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{Expectations, FaultKind, KafkaVersion, Restart, Route, Target, WorkerName};

/// The release of brokers and workers that nobody names.
pub(super) const DEFAULT_VERSION: KafkaVersion = KafkaVersion::new(4, 1, 1);

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

/// No scenario names a longer time, nor one that is made of several.
const LONGEST_MS: u64 = 365 * 24 * 3_600_000;
/// Nor larger numbers of anything.
const MOST_OF_ANYTHING: u64 = 1 << 30;
const MOST_LANES: u32 = 100_000;

impl Scenario {
    /// A number that no parsed scenario has, in words. A stored scenario may come from somebody else, and whoever reckons
    /// with it relies on numbers that can be added and kept in memory.
    pub(crate) fn absurd(&self) -> Option<String> {
        let Self { stream, timing, .. } = self;
        let size = u64::try_from(stream.record_size_bytes).unwrap_or(u64::MAX);
        let places = self.route.places();
        let partitions = places.map(|place| u64::from(place.partitions)).max();
        let counts = [
            ("lanes", u64::from(stream.lanes), u64::from(MOST_LANES)),
            ("rate-per-second", stream.rate_per_second, MOST_OF_ANYTHING),
            ("record-size-bytes", size, MOST_OF_ANYTHING),
            ("partitions", partitions.unwrap_or(0), MOST_OF_ANYTHING),
        ];
        let times = [
            ("baseline-ms", timing.baseline_ms),
            ("duration-ms", timing.duration_ms),
            ("recovery-wait-ms", timing.recovery_wait_ms),
            ("quiet-ms", timing.quiet_ms),
            ("drain-ms", timing.drain_ms),
            ("silent-for-ms", self.route.longest_said_silence_ms()),
        ];
        let times = times.map(|(name, ms)| (name, ms, LONGEST_MS));
        let mut all = counts.into_iter().chain(times);
        all.find(|(_, number, most)| number > most)
            .map(|(name, number, _)| format!("its scenario has {number} for `{name}`"))
    }
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
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
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
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
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
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Start {
    /// This many milliseconds after the end of the baseline, whatever else happens.
    At(u64),
    /// This many milliseconds after everything before has been recovered from.
    AfterRecovery(u64),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_no_scenario_has_are_told_and_those_of_real_ones_are_not() {
        let text = include_str!("../../scenarios/nightly.yaml");
        let scenario = super::super::parse("nightly", text).unwrap();
        assert_eq!(scenario.absurd(), None);
        let changes: [fn(&mut Scenario); 3] = [
            |scenario| scenario.stream.record_size_bytes = usize::MAX,
            |scenario| scenario.stream.lanes = u32::MAX,
            |scenario| scenario.timing.quiet_ms = u64::MAX,
        ];
        for change in changes {
            let mut changed = scenario.clone();
            change(&mut changed);
            assert!(
                changed
                    .absurd()
                    .is_some_and(|why| why.contains("its scenario has"))
            );
        }
    }
}
