//! Follows the log of a container over its starts, each line once: into one file for each start.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use futures_util::StreamExt;
use testcontainers::bollard::query_parameters::LogsOptions;

use crate::journal::Deadline;

use super::super::RuntimeError;
use super::engine::Engine;

/// How long one look into a silent log lasts before the end of the container is looked at.
const TURN: Duration = Duration::from_millis(100);
/// Pause before a log that broke off is asked for again.
const AGAIN: Duration = Duration::from_millis(20);

/// What has been read of a container's log: how many pieces in each second. The engine's `since` counts whole seconds,
/// so a follower that comes back asks from a second before the last piece on, and passes over as many as it has from there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen(BTreeMap<i64, u64>);

impl Seen {
    /// From which second to ask, and how many pieces from there on are known.
    fn resume(&self) -> (i64, u64) {
        let Some((last, _)) = self.0.last_key_value() else {
            return (0, 0);
        };
        // Two streams are stamped by two hands: a piece may stand behind one that is a little younger.
        let since = last - 1;
        (since, self.0.range(since..).map(|(_, count)| count).sum())
    }

    fn count(&mut self, second: i64) {
        *self.0.entry(second).or_insert(0) += 1;
    }
}

/// Follows one start of a container.
pub struct Follower {
    ended: Arc<AtomicBool>,
    abandoned: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

struct Task {
    engine: Arc<Engine>,
    container: String,
    file: File,
    seen: Arc<Mutex<Seen>>,
    ended: Arc<AtomicBool>,
    abandoned: Arc<AtomicBool>,
}

impl Follower {
    /// Begins to write into `log`, from the first line that `seen` does not know on.
    pub fn start(
        engine: &Arc<Engine>,
        container: &str,
        log: &Path,
        seen: &Arc<Mutex<Seen>>,
    ) -> Result<Self, RuntimeError> {
        let file = File::options()
            .create(true)
            .append(true)
            .open(log)
            .map_err(RuntimeError::file("write", log))?;
        let (ended, abandoned) = (Arc::default(), Arc::default());
        let mut task = Task {
            engine: Arc::clone(engine),
            container: container.to_owned(),
            file,
            seen: Arc::clone(seen),
            ended: Arc::clone(&ended),
            abandoned: Arc::clone(&abandoned),
        };
        let thread = std::thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || task.run())
            .map_err(|source| RuntimeError::Spawn {
                who: "a log thread".to_owned(),
                source,
            })?;
        Ok(Self {
            ended,
            abandoned,
            thread,
        })
    }

    /// Says that the container has ended: what is in its log now is all.
    pub fn end(&self) {
        self.ended.store(true, Ordering::SeqCst);
    }

    /// Waits until everything is written; false when the engine did not give it within the limit.
    pub fn finish(self, limit: Duration) -> bool {
        self.end();
        let deadline = Deadline::after(limit);
        while !self.thread.is_finished() {
            if deadline.has_passed() {
                self.abandoned.store(true, Ordering::SeqCst);
                return false;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        self.thread.join().is_ok()
    }
}

impl Task {
    fn run(&mut self) {
        loop {
            let is_last = self.ended.load(Ordering::SeqCst);
            let went_well = self.pass(!is_last);
            if self.abandoned.load(Ordering::SeqCst) || (is_last && went_well) {
                return;
            }
            std::thread::sleep(AGAIN);
        }
    }

    /// Reads until the log ends, breaks, or has nothing more although the container has ended; false when it broke.
    fn pass(&mut self, follow: bool) -> bool {
        let (since, mut known) = self.seen().resume();
        let options = LogsOptions {
            follow,
            stdout: true,
            stderr: true,
            since: i32::try_from(since).unwrap_or(0),
            timestamps: true,
            tail: "all".to_owned(),
            ..LogsOptions::default()
        };
        let engine = Arc::clone(&self.engine);
        let mut pieces = pin!(engine.docker.logs(&self.container, Some(options)));
        loop {
            let piece = engine.block_on(async { tokio::time::timeout(TURN, pieces.next()).await });
            match piece {
                Err(_) if self.abandoned.load(Ordering::SeqCst) => return true,
                Err(_) if follow && self.ended.load(Ordering::SeqCst) => return true,
                Err(_) => {}
                Ok(None) => return true,
                // A container that was removed has no log any more.
                Ok(Some(Err(_))) => return self.ended.load(Ordering::SeqCst),
                Ok(Some(Ok(_))) if known > 0 => known -= 1,
                Ok(Some(Ok(piece))) => {
                    let bytes = piece.into_bytes();
                    let (second, text) = split(&bytes);
                    if self.file.write_all(text).is_err() {
                        return false;
                    }
                    let mut seen = self.seen();
                    let last = seen.0.last_key_value().map_or(0, |(last, _)| *last);
                    seen.count(second.unwrap_or(last));
                }
            }
        }
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A piece of a log is a time, a blank, and a line or (over 16 KiB) a part of one; only the last part ends in a newline.
fn split(piece: &[u8]) -> (Option<i64>, &[u8]) {
    let Some(blank) = piece.iter().position(|byte| *byte == b' ') else {
        return (None, piece);
    };
    let time = std::str::from_utf8(&piece[..blank])
        .ok()
        .and_then(|text| text.parse::<jiff::Timestamp>().ok());
    match time {
        Some(time) => (Some(time.as_second()), &piece[blank + 1..]),
        None => (None, piece),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_is_cut_behind_its_time_and_may_lack_its_newline() {
        let (second, text) = split(b"2026-11-23T09:13:08.907387566Z [t] INFO a  b\n");
        assert_eq!(
            (second, text),
            (Some(1_795_425_188), &b"[t] INFO a  b\n"[..])
        );
        assert_eq!(split(b"2026-11-23T09:13:08Z part").1, b"part");
        assert_eq!(split(b"no time here\n"), (None, &b"no time here\n"[..]));
    }

    #[test]
    fn who_comes_back_asks_a_second_earlier_and_knows_what_it_has_from_there() {
        let mut seen = Seen::default();
        assert_eq!(seen.resume(), (0, 0));
        for second in [10, 11, 11, 12, 11, 12] {
            seen.count(second);
        }
        assert_eq!(seen.resume(), (11, 5));
    }
}
