//! A cluster that somebody else runs: what is done to its workers is written down before, watched, and undone.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::connect::reach::cluster_of;
use crate::connect::{Access, Rest};
use crate::journal::{Deadline, Exit, Journal, What};
use crate::kafka::Cluster;
use crate::model::{ConnectorName, KafkaVersion, RuntimeKind, TaskId, WorkerName};
use crate::scenario::inventory::{Commands, Inventory, Ssh};

use super::super::{
    Act, Condition, InternalTopics, Ledger, LogFile, Runtime, RuntimeError, Thing, Undo,
};
use super::commands::command_for;
use super::error::AttachedError;
use super::executor::{Executor, place_of};
use super::seen::{Seen, seen};
use super::undo::{STOP_LIMIT, told};
use super::worker::{Consequence, State, Wanted, Worker, locked};

/// How long one command may take.
const COMMAND_LIMIT: Duration = Duration::from_secs(30);
/// Between two looks at a worker that nothing is being done to.
const CALM_POLL: Duration = Duration::from_secs(1);
/// The same while the effect of an act is awaited.
const URGENT_POLL: Duration = Duration::from_millis(40);
/// A worker that cannot be looked at for this long is out of sight.
const BLIND_LIMIT: Duration = Duration::from_secs(30);
/// How long a worker may take from its start until it is seen up, and until it answers.
const START_LIMIT: Duration = Duration::from_secs(180);
const ANSWER_LIMIT: Duration = Duration::from_secs(2);
const ANSWER_POLL: Duration = Duration::from_millis(50);
/// The end of a log is on its way for this long.
const LOG_QUIET: Duration = Duration::from_millis(150);
const LOG_LIMIT: Duration = Duration::from_secs(1);

/// A connector that was there before.
#[derive(Debug, Clone, Default)]
pub struct Other {
    /// Its tasks that had failed.
    pub failed: BTreeSet<TaskId>,
    /// The consumer group that it commits in, where it is a sink.
    pub sink_group: Option<String>,
}

/// What was found out about the cluster when it was joined.
#[derive(Debug, Clone)]
pub struct Joined {
    /// `group.id`.
    pub group_id: String,
    /// The workers' release.
    pub version: KafkaVersion,
    /// How many brokers there are.
    pub brokers: u32,
    /// Connectors that were there before.
    pub connectors: BTreeMap<ConnectorName, Other>,
    /// The workers' settings, from the inventory and their logs.
    pub settings: BTreeMap<String, String>,
    /// What else is worth knowing, for `run.json`.
    pub facts: BTreeMap<String, String>,
}

/// A joined cluster. Dropping it undoes what is still to be undone.
pub struct AttachedCluster {
    inner: Arc<Inner>,
    /// What was found out when it was joined.
    pub joined: Joined,
    data: PathBuf,
}

pub(super) struct Inner {
    pub(super) inventory: Inventory,
    pub(super) journal: Journal,
    pub(super) ledger: Ledger,
    pub(super) executor: Executor,
    pub(super) workers: Vec<Worker>,
    pub(super) logs: PathBuf,
    pub(super) closing: AtomicBool,
    record: Mutex<Record>,
}

#[derive(Default)]
struct Record {
    deaths: Vec<(String, Exit)>,
    logs: Vec<LogFile>,
    trouble: Option<String>,
    left: Vec<String>,
}

impl AttachedCluster {
    /// Takes over workers that were checked; begins to watch them and their logs.
    pub(super) fn new(inner: Inner, joined: Joined, data: PathBuf) -> Result<Self, RuntimeError> {
        let inner = Arc::new(inner);
        let cluster = Self {
            inner: Arc::clone(&inner),
            joined,
            data,
        };
        for index in 0..inner.workers.len() {
            inner.begin_log(index, 1)?;
            inner.tell_started(index, 1);
            inner.tell_ready(index, 1, Duration::ZERO);
            if inner.workers[index].control.is_some() {
                watch(&inner, index)?;
            }
        }
        Ok(cluster)
    }

    /// What could not be undone, and why.
    pub fn left(&self) -> Vec<String> {
        locked(&self.inner.record).left.clone()
    }

    fn worker(&self, name: &WorkerName) -> Result<(usize, &Worker), RuntimeError> {
        self.inner
            .workers
            .iter()
            .enumerate()
            .find(|(_, worker)| worker.name == *name)
            .ok_or_else(|| RuntimeError::UnknownWorker(name.clone()))
    }
}

impl Inner {
    pub(super) fn new(
        inventory: Inventory,
        journal: Journal,
        ledger: Ledger,
        executor: Executor,
        workers: Vec<Worker>,
        logs: PathBuf,
    ) -> Self {
        Self {
            inventory,
            journal,
            ledger,
            executor,
            workers,
            logs,
            closing: AtomicBool::new(false),
            record: Mutex::default(),
        }
    }

    fn log_name(&self, index: usize, incarnation: u32) -> String {
        format!("{}-{incarnation}.log", self.workers[index].name)
    }

    /// Follows the worker's log from now on into a file of this start.
    fn begin_log(&self, index: usize, incarnation: u32) -> Result<(), RuntimeError> {
        let worker = &self.workers[index];
        let Some((commands, ssh)) = &worker.control else {
            return Ok(());
        };
        let path = self.logs.join(self.log_name(index, incarnation));
        let file = File::create(&path).map_err(RuntimeError::file("write", &path))?;
        if let Some(command) = &commands.log {
            let command = told(command, None, incarnation);
            let follower = self.executor.follow(ssh.as_ref(), &command, file)?;
            *locked(&worker.follower) = Some(follower);
        }
        locked(&self.record).logs.push(LogFile {
            worker: worker.name.clone(),
            incarnation,
            path,
        });
        Ok(())
    }

    /// Ends the following of a log once nothing more comes.
    fn end_log(&self, index: usize) {
        let worker = &self.workers[index];
        let Some(follower) = locked(&worker.follower).take() else {
            return;
        };
        let path = self
            .logs
            .join(self.log_name(index, worker.state().incarnation));
        let length = || std::fs::metadata(&path).map_or(0, |found| found.len());
        let limit = Deadline::after(LOG_LIMIT);
        let (mut last, mut quiet) = (length(), Deadline::after(LOG_QUIET));
        while !quiet.has_passed() && !limit.has_passed() {
            std::thread::sleep(ANSWER_POLL);
            let now = length();
            if now != last {
                (last, quiet) = (now, Deadline::after(LOG_QUIET));
            }
        }
        self.executor.end(follower);
    }

    fn tell_started(&self, index: usize, incarnation: u32) {
        self.journal.record(What::ProcessStarted {
            name: self.workers[index].name.to_string(),
            pid: 0,
            incarnation,
            log: format!("logs/{}", self.log_name(index, incarnation)),
        });
    }

    fn tell_ready(&self, index: usize, incarnation: u32, took: Duration) {
        self.journal.record(What::ProcessReady {
            name: self.workers[index].name.to_string(),
            incarnation,
            took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        });
    }

    fn tell_ended(&self, index: usize, exit: Exit, asked: bool) {
        let worker = &self.workers[index];
        let incarnation = worker.state().incarnation;
        if !asked {
            let name = worker.name.to_string();
            locked(&self.record).deaths.push((name, exit));
        }
        self.journal.record(What::ProcessEnded {
            name: worker.name.to_string(),
            incarnation,
            exit,
            asked,
        });
    }

    fn trouble(&self, why: String) {
        locked(&self.record).trouble.get_or_insert(why);
    }

    fn tell_returned(&self, index: usize) {
        self.journal.record(What::Note(format!(
            "{} was started again by whatever looks after it, not by squall",
            self.workers[index].name
        )));
    }

    /// What the status command says now.
    fn seen_now(&self, commands: &Commands, ssh: Option<&Ssh>) -> Result<Seen, String> {
        let status = commands.status.as_deref().unwrap_or("echo running");
        let ran = self
            .executor
            .ask(ssh, status, COMMAND_LIMIT)
            .map_err(|error| error.to_string())?;
        if ran.status != Some(0) {
            return Err(format!("its status command {}", ran.words()));
        }
        seen(&ran.stdout).map_err(|why| format!("its status command {why}"))
    }

    /// Whether a worker that came back by itself is up; one that cannot be looked at counts as down.
    fn is_back(&self, index: usize) -> bool {
        let Some((commands, ssh)) = &self.workers[index].control else {
            return false;
        };
        let seen = self.seen_now(commands, ssh.as_ref());
        seen.is_ok_and(|seen| !matches!(seen.condition, Condition::Ended(_)))
    }

    /// Looks at the worker once.
    fn look(&self, index: usize) -> Result<(), String> {
        let worker = &self.workers[index];
        let Some((commands, ssh)) = &worker.control else {
            return Ok(());
        };
        let acts = worker.state().acts;
        let seen = self.seen_now(commands, ssh.as_ref())?;
        let consequence = {
            let mut state = worker.state();
            if state.acts != acts || self.closing.load(Ordering::SeqCst) {
                return Ok(());
            }
            state.take(&seen)
        };
        match consequence {
            Consequence::None | Consequence::Up => {}
            Consequence::Ended(exit) => self.tell_ended(index, exit, true),
            Consequence::Died(exit) => self.tell_ended(index, exit, false),
            Consequence::CameBack => {
                self.tell_ended(index, Exit::Unknown, true);
                self.tell_returned(index);
            }
            Consequence::Returned => self.tell_returned(index),
            Consequence::Trouble(why) => self.trouble(format!("worker {} {why}", worker.name)),
        }
        Ok(())
    }

    /// Writes down how this worker is brought back, once for each time that something is done to it.
    fn note_undo(&self, index: usize, act: Act) -> Result<(), RuntimeError> {
        let worker = &self.workers[index];
        let Some((commands, ssh)) = &worker.control else {
            return Ok(());
        };
        let mut outstanding = locked(&worker.undo);
        let ending = matches!(act, Act::Kill | Act::Terminate);
        if outstanding
            .as_ref()
            .is_some_and(|undo| undo.ending || !ending)
        {
            return Ok(());
        }
        let identity = worker.state().identity.clone();
        let undo = undo_of(&worker.name, commands, ssh.as_ref(), identity, ending);
        self.ledger.note(&Thing::Undo(Box::new(undo.clone())))?;
        *outstanding = Some(undo);
        Ok(())
    }

    /// Nothing has to be undone on this worker any more, unless something more was asked of it than these many acts.
    fn undone(&self, index: usize, acts: u64) {
        let worker = &self.workers[index];
        let mut outstanding = locked(&worker.undo);
        if worker.state().acts == acts && outstanding.take().is_some() {
            // Undoing twice does nothing: the worker is asked how it is first.
            let _ = self.ledger.note(&Thing::Undone {
                worker: worker.name.clone(),
            });
        }
    }

    /// Asks the worker while this goes on, until it answers or the limit passes; true when it answers.
    fn await_answer(&self, index: usize, limit: Duration, goes_on: impl Fn() -> bool) -> bool {
        let worker = &self.workers[index];
        let access = Access::from(&self.inventory.rest);
        let Some(Ok(rest)) = worker
            .rest
            .as_ref()
            .map(|url| Rest::with_access(url, &access))
        else {
            return false;
        };
        let deadline = Deadline::after(limit);
        while goes_on() && !deadline.has_passed() {
            if rest.info(ANSWER_LIMIT).is_ok() {
                return true;
            }
            std::thread::sleep(ANSWER_POLL);
        }
        false
    }

    fn run(&self, index: usize, what: &str, command: &str) -> Result<(), RuntimeError> {
        let worker = &self.workers[index];
        let ssh = worker.control.as_ref().and_then(|(_, ssh)| ssh.as_ref());
        let (identity, incarnation) = {
            let state = worker.state();
            (state.identity.clone(), state.incarnation)
        };
        let ran = self.executor.act(
            ssh,
            &told(command, identity.as_deref(), incarnation),
            COMMAND_LIMIT,
        )?;
        if ran.status == Some(0) {
            return Ok(());
        }
        Err(AttachedError::Command {
            what: format!("{what} worker {}", worker.name),
            command: command.to_owned(),
            place: place_of(ssh),
            why: ran.words(),
        }
        .into())
    }

    /// How many other workers something is being done to.
    fn others_down(&self, index: usize) -> usize {
        let others = self.workers.iter().enumerate().filter(|(n, _)| *n != index);
        others
            .filter(|(_, worker)| worker.state().is_disturbed())
            .count()
    }

    /// Brings back every worker that something was done to, and waits until each answers.
    fn undo_all(&self) -> Vec<String> {
        let mut left = Vec::new();
        let mut awaited = Vec::new();
        for (index, worker) in self.workers.iter().enumerate() {
            let Some(undo) = locked(&worker.undo).clone() else {
                continue;
            };
            let stopping = {
                let state = worker.state();
                state.wanted == Wanted::Down && !state.took_effect
            };
            match undo.undo(&self.executor, stopping.then_some(STOP_LIMIT)) {
                Ok(done) => {
                    let words = done.join(" and ");
                    if !words.is_empty() {
                        self.journal.record(What::Note(format!(
                            "{} was {words} at the end",
                            worker.name
                        )));
                    }
                    awaited.push(index);
                }
                Err(why) => left.push(format!("worker {}: {why}", worker.name)),
            }
        }
        let deadline = Deadline::after(START_LIMIT);
        for index in awaited {
            let worker = &self.workers[index];
            let acts = worker.state().acts;
            if self.await_answer(index, deadline.left(), || true) {
                self.undone(index, acts);
            } else {
                left.push(format!("worker {} does not answer yet", worker.name));
            }
        }
        left
    }
}

/// How a worker is brought back.
fn undo_of(
    worker: &WorkerName,
    commands: &Commands,
    ssh: Option<&Ssh>,
    identity: Option<String>,
    ending: bool,
) -> Undo {
    Undo {
        worker: worker.clone(),
        identity,
        ssh: ssh.cloned(),
        ending,
        kill: commands.kill.clone(),
        status: commands.status.clone().unwrap_or_default(),
        resume: commands.resume.clone(),
        reconnect: commands.reconnect.clone(),
        start: commands.start.clone(),
    }
}

/// Looks at a worker again and again on a thread of its own: often while an effect is awaited, else about once a second.
fn watch(inner: &Arc<Inner>, index: usize) -> Result<(), RuntimeError> {
    let (wake, woken) = channel();
    *locked(&inner.workers[index].wake) = Some(wake);
    let weak = Arc::downgrade(inner);
    let body = move || {
        let mut blind_until: Option<Deadline> = None;
        let mut pause = CALM_POLL;
        while awake_after(&woken, pause) {
            let Some(inner) = weak.upgrade() else { return };
            if inner.closing.load(Ordering::SeqCst) {
                return;
            }
            match inner.look(index) {
                Ok(()) => blind_until = None,
                Err(why) => {
                    let limit = *blind_until.get_or_insert_with(|| Deadline::after(BLIND_LIMIT));
                    if limit.has_passed() {
                        let name = &inner.workers[index].name;
                        inner.trouble(format!("worker {name} is out of sight: {why}"));
                    }
                }
            }
            let urgent = !inner.workers[index].state().took_effect;
            pause = if urgent { URGENT_POLL } else { CALM_POLL };
        }
    };
    std::thread::Builder::new()
        .name("worker status".to_owned())
        .spawn(body)
        .map(drop)
        .map_err(|error| AttachedError::Thread(error).into())
}

/// Waits for the pause, or until woken; false when nobody can wake any more.
fn awake_after(woken: &Receiver<()>, pause: Duration) -> bool {
    !matches!(
        woken.recv_timeout(pause),
        Err(RecvTimeoutError::Disconnected)
    )
}

impl Runtime for AttachedCluster {
    fn kind(&self) -> RuntimeKind {
        RuntimeKind::Attached
    }

    fn facts(&self) -> BTreeMap<String, String> {
        self.joined.facts.clone()
    }

    fn bootstrap(&self) -> String {
        self.inner.inventory.bootstrap.clone()
    }

    fn inner_bootstrap(&self) -> String {
        let inventory = &self.inner.inventory;
        let inner = inventory.inner_bootstrap.as_ref();
        inner.unwrap_or(&inventory.bootstrap).clone()
    }

    fn cluster(&self) -> Cluster {
        cluster_of(&self.inner.inventory)
    }

    fn rest_access(&self) -> Access {
        Access::from(&self.inner.inventory.rest)
    }

    fn group_id(&self) -> String {
        self.joined.group_id.clone()
    }

    fn internal_topics(&self) -> InternalTopics {
        let topics = &self.inner.inventory.topics;
        InternalTopics {
            config: topics.config.clone(),
            offsets: topics.offsets.clone(),
            status: topics.status.clone(),
        }
    }

    fn workers(&self) -> Vec<WorkerName> {
        let workers = self.inner.workers.iter();
        workers.map(|worker| worker.name.clone()).collect()
    }

    fn rest_url(&self, worker: &WorkerName) -> Option<String> {
        self.worker(worker).ok()?.1.rest.clone()
    }

    fn worker_id(&self, worker: &WorkerName) -> Option<String> {
        Some(self.worker(worker).ok()?.1.id.clone())
    }

    fn data_folder(&self) -> &Path {
        &self.data
    }

    fn act(&self, name: &WorkerName, act: Act) -> Result<(), RuntimeError> {
        let (index, worker) = self.worker(name)?;
        let cannot = |why: String| RuntimeError::CannotAct {
            worker: name.clone(),
            act,
            why,
        };
        let Some((commands, _)) = &worker.control else {
            return Err(cannot("the inventory gives no way to touch it".to_owned()));
        };
        let command = command_for(commands, act)
            .ok_or_else(|| cannot(format!("the inventory has no `{}` for it", act.verb())))?;
        if act == Act::DumpThreads {
            return self.inner.run(index, act.verb(), command);
        }
        let begins = !matches!(act, Act::Resume | Act::Reconnect);
        let most = usize::try_from(self.inner.inventory.max_down).unwrap_or(usize::MAX);
        if begins && self.inner.others_down(index) >= most {
            return Err(cannot(format!(
                "{} others are down already, and `max-down` of the inventory allows {most} at once",
                self.inner.others_down(index)
            )));
        }
        if matches!(worker.state().condition, Condition::Ended(_)) {
            return Err(RuntimeError::WorkerDown(name.clone()));
        }
        let acts = {
            let mut state = worker.state();
            state.ask(act);
            state.acts
        };
        if begins {
            self.inner.note_undo(index, act)?;
        }
        let acted = self.inner.run(index, act.verb(), command);
        worker.look_now();
        acted?;
        if !begins {
            self.inner.undone(index, acts);
        }
        Ok(())
    }

    fn condition(&self, worker: &WorkerName) -> Result<Condition, RuntimeError> {
        Ok(self.worker(worker)?.1.state().condition)
    }

    fn wait_ended(
        &self,
        worker: &WorkerName,
        limit: Duration,
    ) -> Result<Option<Exit>, RuntimeError> {
        let (_, worker) = self.worker(worker)?;
        let deadline = Deadline::after(limit);
        loop {
            if let Condition::Ended(exit) = worker.state().condition {
                return Ok(Some(exit));
            }
            if deadline.has_passed() {
                return Ok(None);
            }
            std::thread::sleep(ANSWER_POLL);
        }
    }

    fn start_worker(&self, name: &WorkerName) -> Result<(), RuntimeError> {
        let (index, worker) = self.worker(name)?;
        let inner = &self.inner;
        if !matches!(worker.state().condition, Condition::Ended(_)) {
            return Err(RuntimeError::WorkerUp(name.clone()));
        }
        if inner.closing.load(Ordering::SeqCst) {
            return Err(RuntimeError::Interrupted(format!("starting {name}")));
        }
        let start = worker
            .control
            .as_ref()
            .and_then(|(commands, _)| commands.start.as_deref());
        let start =
            start.ok_or_else(|| AttachedError::Missing(format!("no `start` for {name}")))?;
        inner.end_log(index);
        let (incarnation, came_back) = {
            let state = worker.state();
            (state.incarnation + 1, state.came_back)
        };
        inner.begin_log(index, incarnation)?;
        inner.tell_started(index, incarnation);
        {
            let mut state = worker.state();
            state.incarnation = incarnation;
            state.acts += 1;
            state.wanted = Wanted::Starting;
            state.took_effect = false;
            state.came_back = false;
            state.identity = None;
            state.condition = Condition::Running;
        }
        if !came_back || !inner.is_back(index) {
            inner.run(index, "start", start)?;
        }
        worker.look_now();
        watch_readiness(inner, index, incarnation)
    }

    fn is_up(&self, worker: &WorkerName) -> bool {
        let ended = |state: &State| matches!(state.condition, Condition::Ended(_));
        self.worker(worker)
            .is_ok_and(|(_, worker)| !ended(&worker.state()))
    }

    fn touchable(&self, worker: &WorkerName) -> bool {
        self.worker(worker)
            .is_ok_and(|(_, worker)| worker.control.is_some())
    }

    fn trouble(&self) -> Vec<String> {
        let first = locked(&self.inner.record).trouble.clone();
        first.into_iter().collect()
    }

    fn unasked_deaths(&self) -> Vec<(String, Exit)> {
        locked(&self.inner.record).deaths.clone()
    }

    fn log_files(&self) -> Vec<LogFile> {
        locked(&self.inner.record).logs.clone()
    }

    /// Brings back what was taken away; stops nothing.
    fn take_down(&self) {
        if self.inner.closing.swap(true, Ordering::SeqCst) {
            return;
        }
        let left = self.inner.undo_all();
        for why in &left {
            self.inner
                .journal
                .record(What::Note(format!("not undone: {why}; run `squall clean`")));
        }
        locked(&self.inner.record).left = left;
        for index in 0..self.inner.workers.len() {
            self.inner.end_log(index);
        }
    }
}

impl Drop for AttachedCluster {
    fn drop(&mut self) {
        self.take_down();
    }
}

/// Waits for the first answer after a start on a thread of its own.
fn watch_readiness(inner: &Arc<Inner>, index: usize, incarnation: u32) -> Result<(), RuntimeError> {
    let inner = Arc::clone(inner);
    let started = inner.journal.clock().now();
    let acts = inner.workers[index].state().acts;
    let body = move || {
        let goes_on = || {
            let is_this_start = inner.workers[index].state().incarnation == incarnation;
            is_this_start && !inner.closing.load(Ordering::SeqCst)
        };
        if inner.await_answer(index, START_LIMIT, goes_on) {
            // Which process it is must be known before anything more is done to it.
            let _ = inner.look(index);
            let took = inner.journal.clock().now().since(started);
            inner.tell_ready(index, incarnation, took);
            inner.undone(index, acts);
        } else if goes_on() {
            let name = &inner.workers[index].name;
            inner.trouble(format!(
                "worker {name} was started and does not answer after {} s",
                START_LIMIT.as_secs()
            ));
        }
    };
    std::thread::Builder::new()
        .name("readiness".to_owned())
        .spawn(body)
        .map(drop)
        .map_err(|error| AttachedError::Thread(error).into())
}
