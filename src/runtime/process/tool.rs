//! Runs a helper program to its end: bound to the harness's life, with a limit, and ended early on interrupt.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Seek};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::journal::Deadline;

use super::super::RuntimeError;

/// What a helper program left.
#[derive(Debug)]
pub struct Done {
    /// How it ended.
    pub status: ExitStatus,
    /// Standard output and standard error together.
    pub output: String,
}

/// A command that dies with the thread that starts it: `setpriv` survives no parent, and the program takes its place.
pub fn bound_to_us(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("setpriv");
    command
        .args(["--pdeathsig", "KILL", "--"])
        .arg(program)
        .stdin(Stdio::null())
        .process_group(0);
    command
}

/// Runs the command and waits for it on this thread. `scratch` is a folder for its output.
pub fn run(
    what: &str,
    mut command: Command,
    scratch: &Path,
    limit: Duration,
    stop: &AtomicBool,
) -> Result<Done, RuntimeError> {
    let path = scratch.join("output.txt");
    let mut log = File::options()
        .create(true)
        .truncate(true)
        .read(true)
        .write(true)
        .open(&path)
        .map_err(RuntimeError::file("write", &path))?;
    let handle = |log: &File| log.try_clone().map_err(RuntimeError::file("write", &path));
    command.stdout(handle(&log)?).stderr(handle(&log)?);
    let child = command.spawn().map_err(|source| RuntimeError::Spawn {
        who: what.to_owned(),
        source,
    })?;
    let status = wait(what, child, limit, stop)?;
    let mut output = Vec::new();
    log.rewind()
        .and_then(|()| log.read_to_end(&mut output))
        .map_err(RuntimeError::file("read", &path))?;
    Ok(Done {
        status,
        output: without_colours(&String::from_utf8_lossy(&output)),
    })
}

/// Maven resets the terminal's colours before its first word, even when it is told to use none.
pub(super) fn without_colours(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push_str(part.split_once('m').map_or(part, |(_, rest)| rest));
    }
    plain
}

fn wait(
    what: &str,
    mut child: Child,
    limit: Duration,
    stop: &AtomicBool,
) -> Result<ExitStatus, RuntimeError> {
    let deadline = Deadline::after(limit);
    loop {
        let failed = |source| RuntimeError::Spawn {
            who: what.to_owned(),
            source,
        };
        if let Some(status) = child.try_wait().map_err(failed)? {
            return Ok(status);
        }
        if stop.load(Ordering::Relaxed) || deadline.has_passed() {
            // It may have ended meanwhile: then there is nothing to kill.
            let _ = child.kill();
            child.wait().map_err(failed)?;
            return Err(if deadline.has_passed() {
                RuntimeError::Tool {
                    tool: what.to_owned(),
                    why: format!("not finished after {} s", limit.as_secs()),
                }
            } else {
                RuntimeError::Interrupted(what.to_owned())
            });
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_taken_out_of_what_a_program_said() {
        let said = "\u{1b}[0m\u{1b}[0m[ERROR] a\n[\u{1b}[1;31mERROR\u{1b}[m] b";
        assert_eq!(without_colours(said), "[ERROR] a\n[ERROR] b");
        assert_eq!(without_colours("plain"), "plain");
    }
}
