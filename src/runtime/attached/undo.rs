//! Undoing what was done to a worker: it is asked how it is, and brought back from there.

use std::time::Duration;

use crate::journal::Deadline;

use super::super::{Condition, Undo};
use super::commands::quoted;
use super::executor::Executor;
use super::seen::{Seen, seen};

/// How long one command may take.
const COMMAND_LIMIT: Duration = Duration::from_secs(30);
/// How long a worker may take to end that was asked to stop before it can be started again.
pub const STOP_LIMIT: Duration = Duration::from_secs(120);
/// How long it may take until what a command did is seen.
const EFFECT_LIMIT: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(200);

/// The command with what it is told about the worker.
pub fn told(command: &str, identity: Option<&str>, incarnation: u32) -> String {
    let identity = identity.map_or_else(String::new, |identity| {
        format!(
            "SQUALL_IDENTITY={}; export SQUALL_IDENTITY; ",
            quoted(identity)
        )
    });
    format!("{identity}SQUALL_INCARNATION={incarnation}; export SQUALL_INCARNATION; {command}")
}

impl Undo {
    /// How the worker is now, or why that cannot be seen.
    pub(in crate::runtime) fn look(&self, executor: &Executor) -> Result<Seen, String> {
        let ran = executor
            .ask(self.ssh.as_ref(), &self.status, COMMAND_LIMIT)
            .map_err(|error| error.to_string())?;
        match ran.status {
            Some(0) => seen(&ran.stdout),
            _ => Err(ran.words()),
        }
    }

    /// Brings the worker back until its process runs with its network; says what was done. `stopping` tells that it was
    /// asked to stop, and how long its end is awaited before it is killed.
    pub(in crate::runtime) fn undo(
        &self,
        executor: &Executor,
        stopping: Option<Duration>,
    ) -> Result<Vec<&'static str>, String> {
        let stop_deadline = stopping.map(Deadline::after);
        let deadline = Deadline::after(stopping.unwrap_or_default() + EFFECT_LIMIT);
        let mut done = Vec::new();
        loop {
            let now = self.look(executor)?;
            let same = self.identity.is_none() || now.identity == self.identity;
            let (word, command) = match (now.condition, stop_deadline) {
                (Condition::Paused, _) => ("resumed", &self.resume),
                (Condition::Disconnected, _) => ("reconnected", &self.reconnect),
                (Condition::Ended(_), _) => ("started", &self.start),
                (Condition::Running, Some(stop)) if same && !done.contains(&"started") => {
                    if !stop.has_passed() {
                        std::thread::sleep(POLL);
                        continue;
                    }
                    ("killed", &self.kill)
                }
                (Condition::Running, _) => return Ok(done),
            };
            if !done.contains(&word) {
                match self.command(executor, word, command.as_deref(), &now) {
                    Ok(()) => done.push(word),
                    // It has changed by itself since it was looked at.
                    Err(_) if self.look(executor)?.condition != now.condition => {}
                    Err(why) => return Err(why),
                }
            } else if deadline.has_passed() {
                return Err(format!("it was {word}, and is still {:?}", now.condition));
            } else {
                std::thread::sleep(POLL);
            }
        }
    }

    fn command(
        &self,
        executor: &Executor,
        word: &str,
        command: Option<&str>,
        now: &Seen,
    ) -> Result<(), String> {
        let command =
            command.ok_or_else(|| format!("it is to be {word}, and there is no command for it"))?;
        // A process that is resumed or killed must be the one that was looked at.
        let told = told(command, now.identity.as_deref(), 0);
        let ran = executor
            .act(self.ssh.as_ref(), &told, COMMAND_LIMIT)
            .map_err(|error| error.to_string())?;
        match ran.status {
            Some(0) => Ok(()),
            _ => Err(format!("`{command}` {}", ran.words())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::WorkerName;

    /// A worker whose condition stands in a file; killing and starting it write there.
    fn undo(folder: &std::path::Path, condition: &str) -> (Undo, Executor) {
        let file = folder.join("state");
        std::fs::write(&file, condition).unwrap();
        let file = file.display();
        let undo = Undo {
            worker: WorkerName::new("w1").unwrap(),
            identity: Some("7".to_owned()),
            ssh: None,
            ending: true,
            kill: Some(format!("echo ended 137 >{file}")),
            status: format!("cat {file}"),
            resume: Some(format!("echo running 7 >{file}")),
            reconnect: None,
            start: Some(format!("echo running 8 >{file}")),
        };
        (undo, Executor::new(folder.join("sockets")).unwrap())
    }

    #[test]
    fn a_worker_that_does_not_end_is_killed_and_started() {
        let temp = tempfile::tempdir().unwrap();
        let (undo, executor) = undo(temp.path(), "running 7");
        let done = undo.undo(&executor, Some(Duration::ZERO));
        assert_eq!(done, Ok(vec!["killed", "started"]));
        let again = undo.undo(&executor, Some(Duration::ZERO));
        assert_eq!(again, Ok(vec![]), "its next start is left alone");
    }

    #[test]
    fn a_worker_that_stood_still_is_awaited_like_any_other() {
        let temp = tempfile::tempdir().unwrap();
        let (undo, executor) = undo(temp.path(), "paused 7");
        let done = undo.undo(&executor, Some(Duration::ZERO));
        assert_eq!(done, Ok(vec!["resumed", "killed", "started"]));
    }

    #[test]
    fn a_worker_that_was_not_asked_to_end_is_left_alone() {
        let temp = tempfile::tempdir().unwrap();
        let (undo, executor) = undo(temp.path(), "running 7");
        assert_eq!(undo.undo(&executor, None), Ok(vec![]));
    }

    #[test]
    fn what_changed_by_itself_is_no_failure_and_what_did_not_is() {
        let temp = tempfile::tempdir().unwrap();
        let (mut undo, executor) = undo(temp.path(), "running 7");
        let killed = undo.kill.take().unwrap();
        undo.kill = Some(format!("{killed}; false"));
        let done = undo.undo(&executor, Some(Duration::ZERO));
        assert_eq!(done, Ok(vec!["started"]));
        std::fs::write(temp.path().join("state"), "running 7").unwrap();
        undo.kill = Some("echo no >&2; false".to_owned());
        let failed = undo.undo(&executor, Some(Duration::ZERO)).unwrap_err();
        assert!(failed.contains("no >&2; false"), "{failed}");
        undo.kill = None;
        let failed = undo.undo(&executor, Some(Duration::ZERO)).unwrap_err();
        assert!(
            failed.contains("to be killed, and there is no command"),
            "{failed}"
        );
    }
}
