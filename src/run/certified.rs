//! One call that makes a run and returns it: folder, judgement and ending.

use std::path::PathBuf;

use crate::journal::{Clock, Ending, Readers, RunFolder};
use crate::verify::{self, Judgement};

use super::assignment::Assignment;
use super::conductor::RunError;
use super::on_cluster::Run;
use super::stop::{StopToken, Urgency};

/// Where the folder of a run is made, and for whom.
#[derive(Debug, Clone)]
pub struct Reports {
    /// The folder in which it is made.
    pub folder: PathBuf,
    /// Who may read it.
    pub readers: Readers,
}

/// Somebody who looks on.
pub trait Watcher {
    /// The run is about to begin: its journal can be listened to.
    fn begins(&mut self, run: &Run);

    /// The run has ended, and the last event was written.
    fn ended(&mut self);
}

/// A run that is over.
#[derive(Debug)]
pub struct Certified {
    /// Its folder, sealed.
    pub folder: RunFolder,
    /// What its evidence says.
    pub judgement: Judgement,
    /// How it ended.
    pub ending: Ending,
}

/// Makes a run from the beginning to its judgement. It prints nothing and listens to no signal: the wish to stop comes by the
/// token, and what happens is told to the watcher. Everything that was started is gone when it returns, also with an error:
/// the folder cannot be written or read, or ([`RunError::Interrupted`]) the user wished to leave without a judgement.
pub fn certify(
    assignment: Assignment,
    reports: &Reports,
    stop: &StopToken,
    watcher: &mut dyn Watcher,
) -> Result<Certified, RunError> {
    let clock = Clock::start();
    let began = folder_time(clock.started_unix_us());
    let name = format!("{}-{began}", assignment.scenario.name);
    let folder = RunFolder::create_for(&reports.folder, &name, reports.readers)
        .map_err(RunError::environment)?;
    let run = Run::prepare(assignment, folder.clone(), clock)?;
    watcher.begins(&run);
    let ending = run.conduct(stop);
    watcher.ended();
    if stop.urgency() == Urgency::Leave {
        return Err(RunError::Interrupted);
    }
    let judgement = verify::open_and_judge(&folder).map_err(RunError::environment)?;
    Ok(Certified {
        folder,
        judgement,
        ending,
    })
}

fn folder_time(unix_us: i64) -> String {
    let time = jiff::Timestamp::from_microsecond(unix_us).unwrap_or_default();
    time.strftime("%Y-%m-%dT%H-%M-%S").to_string()
}
