//! What a worker waits for whose grace is over: its thread dump, asked for before it is killed.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::time::Duration;

use crate::connect::thread_dump::{first_whole, stacks_of};
use crate::journal::{Deadline, Stack, What};
use crate::model::{FaultId, WorkerName};
use crate::runtime::{Act, Condition};
use crate::verify::ENDING_THREADS;

use super::conductor::Conductor;

/// How long the kill may wait for the dump: a JVM writes it in some ten milliseconds, a log may come over ssh.
const DUMP_LIMIT: Duration = Duration::from_secs(3);
const POLL: Duration = Duration::from_millis(20);

impl Conductor<'_> {
    /// Writes down where the threads stand that were to end the worker. That there is no dump is no mistake: a worker
    /// may have no log here, or no way to be asked.
    pub fn tell_why_it_does_not_end(&self, fault: FaultId, worker: &WorkerName) {
        let Some(stacks) = self.dumped_stacks(worker) else {
            return;
        };
        self.journal.record(What::ThreadsDumped {
            fault,
            worker: worker.clone(),
            stacks,
        });
    }

    fn dumped_stacks(&self, worker: &WorkerName) -> Option<Vec<Stack>> {
        let mut log = File::open(self.log_of(worker)?).ok()?;
        log.seek(SeekFrom::End(0)).ok()?;
        let mut new = Vec::new();
        self.runtime.act(worker, Act::DumpThreads).ok()?;
        let deadline = Deadline::after(DUMP_LIMIT);
        loop {
            log.read_to_end(&mut new).ok()?;
            if let Some(dump) = first_whole(&String::from_utf8_lossy(&new)) {
                return Some(stacks_of(dump, &ENDING_THREADS));
            }
            let has_ended = matches!(self.runtime.condition(worker), Ok(Condition::Ended(_)));
            if has_ended || deadline.has_passed() {
                return None;
            }
            std::thread::sleep(POLL);
        }
    }

    fn log_of(&self, worker: &WorkerName) -> Option<PathBuf> {
        let logs = self.runtime.log_files().into_iter();
        let own = logs.filter(|log| log.worker == *worker);
        own.max_by_key(|log| log.incarnation).map(|log| log.path)
    }
}
