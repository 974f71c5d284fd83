//! The plan: the timetable of a run as a value that can be printed, stored and compared byte for byte.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{PlannedFault, Seed};

/// The timetable of one run; the same scenario and seed give the same bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Plan {
    /// Version of this format, now 1.
    pub format: u32,
    /// Name of the scenario.
    pub scenario: String,
    /// Where all choices come from.
    pub seed: Seed,
    /// The faults in the order in which they begin.
    pub faults: Vec<PlannedFault>,
    /// What the run is expected to take in all, in milliseconds, from start to verdict.
    pub estimate_ms: u64,
}
