//! The evidence of a run: everything that a judgement may rest on.

use crate::journal::{EventLog, Places, RunInfo};
use crate::plan::Plan;

/// What a run has left behind; a judgement uses nothing else.
pub struct Evidence<'a> {
    /// Versions, seed, hosts, settings and the scenario as resolved.
    pub info: &'a RunInfo,
    /// The timetable.
    pub plan: &'a Plan,
    /// The events, and what is wrong with them.
    pub log: &'a EventLog,
    /// What was fed and what arrived.
    pub places: &'a dyn Places,
    /// Other damage that the caller has found, a sentence each.
    pub damage: Vec<String>,
}
