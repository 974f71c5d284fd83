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
const STOP_LIMIT: Duration = Duration::from_secs(120);
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
    /// asked to stop, so that its end is awaited.
    pub(in crate::runtime) fn undo(
        &self,
        executor: &Executor,
        stopping: bool,
    ) -> Result<Vec<&'static str>, String> {
        let deadline = Deadline::after(STOP_LIMIT);
        let mut done = Vec::new();
        loop {
            let now = self.look(executor)?;
            let same = self.identity.is_none() || now.identity == self.identity;
            let (word, command) = match now.condition {
                Condition::Paused => ("resumed", &self.resume),
                Condition::Disconnected => ("reconnected", &self.reconnect),
                Condition::Ended(_) => ("started", &self.start),
                Condition::Running
                    if stopping && same && done.is_empty() && !deadline.has_passed() =>
                {
                    std::thread::sleep(POLL);
                    continue;
                }
                Condition::Running => return Ok(done),
            };
            if !done.contains(&word) {
                let command = command
                    .as_deref()
                    .ok_or_else(|| format!("it is to be {word}, and there is no command for it"))?;
                // A resumed process must be the one that was paused.
                let identity = now.identity.as_deref();
                let ran = executor
                    .act(
                        self.ssh.as_ref(),
                        &told(command, identity, 0),
                        COMMAND_LIMIT,
                    )
                    .map_err(|error| error.to_string())?;
                if ran.status != Some(0) {
                    return Err(format!("`{command}` {}", ran.words()));
                }
                done.push(word);
            } else if deadline.has_passed() {
                return Err(format!("it was {word}, and is still {:?}", now.condition));
            } else {
                std::thread::sleep(POLL);
            }
        }
    }
}
