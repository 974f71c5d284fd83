//! The evidence of a run: everything that a judgement may rest on.

use crate::journal::{EventLog, FolderError, Places, RunFolder, RunInfo};
use crate::plan::Plan;

use super::{Explanation, Judgement, explain, judge};

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

/// A run folder's evidence, read into memory (the observations stay on disk).
struct Opened {
    info: RunInfo,
    plan: Plan,
    log: EventLog,
    damage: Vec<String>,
}

impl Opened {
    fn read(folder: &RunFolder) -> Result<Self, FolderError> {
        let log = folder.events().unwrap_or_else(|error| EventLog {
            events: Vec::new(),
            damage: Some(error.to_string()),
        });
        Ok(Self {
            info: folder.info()?,
            plan: folder.plan()?,
            log,
            damage: folder.check_seal(),
        })
    }

    fn evidence<'a>(&'a self, folder: &'a RunFolder) -> Evidence<'a> {
        Evidence {
            info: &self.info,
            plan: &self.plan,
            log: &self.log,
            places: folder,
            damage: self.damage.clone(),
        }
    }
}

/// Reads a run folder and judges it. Fails only when there is no run to judge: `run.json` or `plan.json` is missing or
/// unreadable. A missing event file is damage, not a failure.
pub fn open_and_judge(folder: &RunFolder) -> Result<Judgement, FolderError> {
    let opened = Opened::read(folder)?;
    Ok(judge(&opened.evidence(folder)))
}

/// Tells the story of one finding of a run folder; `None` when the judgement has no such finding. Fails like
/// [`open_and_judge`].
pub fn open_and_explain(
    folder: &RunFolder,
    judgement: &Judgement,
    finding: &str,
) -> Result<Option<Explanation>, FolderError> {
    let opened = Opened::read(folder)?;
    Ok(explain(&opened.evidence(folder), judgement, finding))
}
