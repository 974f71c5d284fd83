//! Puts a backup back, connector by connector, and says of each step whether it was done.

use std::time::Duration;

use crate::journal::Deadline;
use crate::model::{ConnectorName, KafkaVersion};

use super::super::answers::ConnectorStatus;
use super::super::rest::while_passing;
use super::super::versions::{Feature, release_of};
use super::super::{Rest, RestError};
use super::{Backup, Saved, TargetState, diff, offers};

/// How long one change of one connector may take.
const STEP_LIMIT: Duration = Duration::from_secs(60);
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
const AGAIN: Duration = Duration::from_millis(100);

/// What is put back beside configurations and states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// Offsets too: what was done since is done again.
    All,
    /// Offsets of connectors that are there stay as they are.
    KeepOffsets,
}

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// As it should.
    Done,
    /// It cannot be done here, or was left on purpose.
    Left(String),
    /// It should have been done and was not.
    Failed(String),
}

/// One step of putting back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The connector.
    pub connector: ConnectorName,
    /// What was to be done: "put back 3 settings".
    pub what: String,
    /// How it ended.
    pub outcome: Outcome,
}

/// Puts back what differs; `now` is what [`super::take`] has just told. `tell` gets each step when it has ended.
/// Connectors that are not in the backup are not touched. A step that fails ends the work on its connector, not on the
/// others; a connector that had to be created and whose offsets could not be put back is left STOPPED.
pub fn restore(
    rest: &Rest,
    backup: &Backup,
    now: &Backup,
    choice: Choice,
    mut tell: impl FnMut(&Step),
) {
    for (name, saved) in &backup.connectors {
        let mut work = Work {
            rest,
            name,
            saved,
            release: release_of(&now.worker_version),
            tell: &mut tell,
        };
        // The failed step has been told.
        let _ = match now.connectors.get(name) {
            None => work.create(),
            Some(now) => work.change(now, choice),
        };
    }
}

/// That a step failed, which was told already.
struct Told;

struct Work<'a, T: FnMut(&Step)> {
    rest: &'a Rest,
    name: &'a ConnectorName,
    saved: &'a Saved,
    release: Option<KafkaVersion>,
    tell: &'a mut T,
}

impl<T: FnMut(&Step)> Work<'_, T> {
    fn say(&mut self, what: String, outcome: Outcome) {
        (self.tell)(&Step {
            connector: self.name.clone(),
            what,
            outcome,
        });
    }

    fn step(&mut self, what: impl Into<String>, done: Result<(), String>) -> Result<(), Told> {
        let failed = done.is_err();
        self.say(
            what.into(),
            match done {
                Ok(()) => Outcome::Done,
                Err(why) => Outcome::Failed(why),
            },
        );
        if failed { Err(Told) } else { Ok(()) }
    }

    fn offers(&self, feature: Feature) -> bool {
        offers(self.release, feature)
    }

    /// A connector that is not there: created without running where the release can, so that its offsets are in place
    /// before its first record.
    fn create(&mut self) -> Result<(), Told> {
        let has_offsets = self.saved.offsets.is_some();
        let alters = has_offsets && self.offers(Feature::AlterOffsets);
        let deadline = Deadline::after(STEP_LIMIT);
        let config = &self.saved.config;
        let first = if alters {
            TargetState::Stopped
        } else {
            self.saved.state
        };
        let mut current = TargetState::Running;
        let created = if self.offers(Feature::InitialState) {
            current = first;
            self.rest
                .create_in_state(self.name, config, first.word(), deadline)
        } else {
            self.rest.put_config(self.name, config, deadline)
        };
        let settings = config.len();
        self.step(
            format!("create it with {settings} settings, {current}"),
            words(created),
        )?;
        if alters {
            if current != TargetState::Stopped {
                self.turn(TargetState::Stopped)?;
                current = TargetState::Stopped;
            }
            if let Err(told) = self.put_offsets_back() {
                let why = "its offsets could not be put back; it stays STOPPED";
                let what = format!("let it be {}", self.saved.state);
                self.say(what, Outcome::Left(why.to_owned()));
                return Err(told);
            }
        } else {
            self.cannot_alter();
        }
        self.end_in(current)
    }

    fn change(&mut self, now: &Saved, choice: Choice) -> Result<(), Told> {
        let saved = self.saved;
        let patch = match (&saved.offsets, &now.offsets) {
            (Some(saved), Some(now)) => diff::patch(saved, now),
            (None, _) | (_, None) => Vec::new(),
        };
        let same_config = saved.config == now.config;
        let mut wanted = !patch.is_empty();
        if wanted && choice == Choice::KeepOffsets {
            let why = "left as they are, as asked".to_owned();
            self.say("put offsets back".to_owned(), Outcome::Left(why));
            wanted = false;
        }
        if wanted && !self.offers(Feature::AlterOffsets) {
            self.cannot_alter();
            wanted = false;
        }
        if !wanted && same_config && saved.state == now.state {
            return Ok(());
        }
        let mut current = now.state;
        if wanted && current != TargetState::Stopped {
            self.turn(TargetState::Stopped)?;
            current = TargetState::Stopped;
        }
        if !same_config {
            let deadline = Deadline::after(STEP_LIMIT);
            let put = self.rest.put_config(self.name, &saved.config, deadline);
            self.step("put the configuration back", words(put))?;
        }
        // One that ran before goes on running, with the offsets that it had, when they could not be put back.
        let offsets = if wanted {
            self.put_offsets_back()
        } else {
            Ok(())
        };
        let state = self.end_in(current);
        offsets.and(state)
    }

    fn cannot_alter(&mut self) {
        let why = match (&self.saved.offsets, &self.saved.offsets_unknown) {
            (None, Some(why)) => why.clone(),
            (None, None) => "the backup has none".to_owned(),
            (Some(_), _) => {
                let first = Feature::AlterOffsets.first_release();
                format!("offsets can be altered since {first}")
            }
        };
        self.say("put offsets back".to_owned(), Outcome::Left(why));
    }

    /// What it had committed by now counts, not what it had when the difference was shown.
    fn put_offsets_back(&mut self) -> Result<(), Told> {
        let deadline = Deadline::after(STEP_LIMIT);
        let saved = self.saved.offsets.as_deref().unwrap_or_default();
        let told = while_passing(deadline, |timeout| self.rest.offsets(self.name, timeout));
        let patch = match told {
            Ok(now) => diff::patch(saved, &now),
            Err(error) => return self.step("put offsets back", Err(error.to_string())),
        };
        if patch.is_empty() {
            return self.step("leave offsets, which are as they were", Ok(()));
        }
        let count = patch.len();
        let altered = loop {
            let wait = deadline.left().max(ANSWER_LIMIT);
            match self.rest.alter_offsets(self.name, &patch, wait) {
                Err(error) if may_pass(&error) && !deadline.has_passed() => {
                    std::thread::sleep(AGAIN);
                }
                answer => break answer.map(drop),
            }
        };
        let plural = if count == 1 { "offset" } else { "offsets" };
        self.step(format!("put {count} {plural} back"), words(altered))
    }

    fn end_in(&mut self, current: TargetState) -> Result<(), Told> {
        if current == self.saved.state {
            let reached = self.await_state(current);
            return match reached {
                Ok(()) => Ok(()),
                Err(why) => self.step(format!("let it be {current}"), Err(why)),
            };
        }
        self.turn(self.saved.state)
    }

    /// Tells it to be in this state and waits until it is.
    fn turn(&mut self, to: TargetState) -> Result<(), Told> {
        let deadline = Deadline::after(STEP_LIMIT);
        let told = while_passing(deadline, |timeout| match to {
            TargetState::Running => self.rest.resume(self.name, timeout),
            TargetState::Paused => self.rest.pause(self.name, timeout),
            TargetState::Stopped => self.rest.stop(self.name, timeout),
        });
        let done = words(told).and_then(|()| self.await_state(to));
        self.step(format!("let it be {to}"), done)
    }

    fn await_state(&self, wanted: TargetState) -> Result<(), String> {
        let deadline = Deadline::after(STEP_LIMIT);
        loop {
            let seen = match self.rest.status_all(ANSWER_LIMIT) {
                Ok(mut all) => match all.remove(self.name) {
                    Some(status) => match judged(&status, wanted) {
                        Seen::Reached => return Ok(()),
                        Seen::Failed(why) => return Err(why),
                        Seen::Not => status.state,
                    },
                    None => "without a status".to_owned(),
                },
                Err(error) => error.to_string(),
            };
            if deadline.has_passed() {
                let limit = STEP_LIMIT.as_secs();
                return Err(format!("not {wanted} after {limit} s, last seen {seen}"));
            }
            std::thread::sleep(AGAIN);
        }
    }
}

enum Seen {
    Reached,
    Failed(String),
    Not,
}

fn judged(status: &ConnectorStatus, wanted: TargetState) -> Seen {
    let word = wanted.word();
    let is_there = match wanted {
        TargetState::Stopped => status.tasks.is_empty(),
        TargetState::Running | TargetState::Paused => {
            status.tasks.iter().all(|task| task.state == word)
        }
    };
    if status.state == word && is_there {
        return Seen::Reached;
    }
    let traces = status.tasks.iter().filter(|task| task.state == "FAILED");
    let failed = traces
        .map(|task| task.trace.as_deref())
        .chain((status.state == "FAILED").then_some(status.trace.as_deref()))
        .next();
    match failed {
        Some(trace) if wanted != TargetState::Stopped => {
            let line = trace.and_then(|trace| trace.lines().next());
            Seen::Failed(format!("FAILED: {}", line.unwrap_or("without a trace")))
        }
        Some(_) | None => Seen::Not,
    }
}

fn words(done: Result<(), RestError>) -> Result<(), String> {
    done.map_err(|error| error.to_string())
}

/// Connect refuses until the last task has gone: "… safely retried", or that the connector is not STOPPED yet.
fn may_pass(error: &RestError) -> bool {
    match error {
        RestError::Refused { message, .. } => {
            error.is_passing()
                || message.contains("safely retried")
                || message.contains("STOPPED state")
        }
        _ => error.is_passing(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::answers::TaskStatus;
    use super::*;

    fn status(state: &str, tasks: &[&str]) -> ConnectorStatus {
        let task = |(id, state): (u32, &&str)| TaskStatus {
            id,
            state: (*state).to_owned(),
            worker_id: String::new(),
            trace: Some("java.lang.Exception: no\n\tat x".to_owned()),
        };
        ConnectorStatus {
            state: state.to_owned(),
            worker_id: String::new(),
            trace: None,
            tasks: (0..).zip(tasks).map(task).collect(),
        }
    }

    #[test]
    fn a_state_is_reached_with_all_tasks_and_a_failure_ends_the_wait() {
        let reached = |status, wanted| matches!(judged(&status, wanted), Seen::Reached);
        assert!(reached(
            status("RUNNING", &["RUNNING"]),
            TargetState::Running
        ));
        assert!(!reached(
            status("RUNNING", &["UNASSIGNED"]),
            TargetState::Running
        ));
        assert!(!reached(
            status("STOPPED", &["RUNNING"]),
            TargetState::Stopped
        ));
        assert!(reached(status("STOPPED", &[]), TargetState::Stopped));
        let failed = judged(&status("RUNNING", &["FAILED"]), TargetState::Running);
        assert!(matches!(failed, Seen::Failed(why) if why == "FAILED: java.lang.Exception: no"));
        let stopping = judged(&status("RUNNING", &["FAILED"]), TargetState::Stopped);
        assert!(matches!(stopping, Seen::Not));
    }

    #[test]
    fn only_a_refusal_that_passes_is_tried_again() {
        let refused = |message: &str| RestError::Refused {
            url: String::new(),
            status: 500,
            message: message.to_owned(),
        };
        assert!(may_pass(&refused(
            "… this operation can be safely retried."
        )));
        assert!(!may_pass(&refused("The connector refused the offsets")));
    }
}
