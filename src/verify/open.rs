//! A run folder on disk, opened and judged.

use std::collections::{BTreeMap, BTreeSet};

use crate::journal::{EventLog, FolderError, RunFolder, RunInfo, What};
use crate::plan::Plan;

use super::evidence::Evidence;
use super::explain::{Explanation, explain};
use super::judge::judge;
use super::judgement::Judgement;

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
        let info = folder.info()?;
        let places = info.scenario.route.places();
        let route = places.map(|place| place.name.as_str());
        let needed: BTreeSet<&str> = route.chain(written(&log)).collect();
        let damage = folder.check_seal(needed.into_iter());
        Ok(Self {
            info,
            plan: folder.plan()?,
            log,
            damage,
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

/// The places whose observations the run says that it wrote.
fn written(log: &EventLog) -> impl Iterator<Item = &str> {
    let rows = match log.events.last().map(|event| &event.what) {
        Some(What::RunEnded { rows, .. }) => Some(rows),
        Some(_) | None => None,
    };
    let names = rows.into_iter().flat_map(BTreeMap::keys);
    names.map(String::as_str)
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
