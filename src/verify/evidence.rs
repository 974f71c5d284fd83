//! The evidence of a run: everything that a judgement may rest on.

use crate::journal::{EventLog, FolderError, Places, RunFolder, RunInfo};
use crate::plan::Plan;

use super::{Judgement, judge};

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

/// Reads a run folder and judges it. Fails only when there is no run to judge: `run.json` or `plan.json` is missing or
/// unreadable. A missing event file is damage, not a failure.
pub fn open_and_judge(folder: &RunFolder) -> Result<Judgement, FolderError> {
    let info = folder.info()?;
    let plan = folder.plan()?;
    let log = folder.events().unwrap_or_else(|error| EventLog {
        events: Vec::new(),
        damage: Some(error.to_string()),
    });
    Ok(judge(&Evidence {
        info: &info,
        plan: &plan,
        log: &log,
        places: folder,
        damage: Vec::new(),
    }))
}
