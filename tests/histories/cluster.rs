//! A Connect cluster in a few hundred lines, moved on in steps of ten milliseconds: what really happened, whoever saw it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use squall::journal::What;

use super::feed::Feed;
use super::group::{Group, Ms};
use super::harm::Plant;
use super::log::{Log, Row, Txn, Writer};
use super::names::worker_id;
use super::rng::Rng;
use super::setup::{LegKind, Setup, Style};
use super::strike::Strikes;
use super::watch::Watch;

pub const STEP_MS: Ms = 10;

/// A task: its leg and its number.
pub type Task = (usize, u32);

/// Where a start of a task stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Phase {
    Starting(Ms),
    Working,
    /// Since then; it may be hanging.
    Stopping(Ms),
    #[default]
    Ended,
}

/// How far a start of a task has come in one partition of its input (or in one lane that it makes).
#[derive(Debug, Clone, Copy, Default)]
pub struct Cursor {
    /// The next position to read.
    pub read: u64,
    /// Behind the last one that is known to be written.
    pub acked: u64,
    /// What this start has committed.
    pub offered: u64,
    /// When the next record is made, for a source that makes its own.
    pub due: Ms,
}

/// A record on its way: input key and position, lane and sequence number.
pub type Parcel = (u64, u64, u32, u64);

/// Records that are sent together.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    pub rows: Vec<Parcel>,
    /// When it is at the broker, and when the answer is back.
    pub sent: Option<(Ms, Ms)>,
    pub written: bool,
    /// It is there already, so the broker drops it (an idempotent producer's retry).
    pub known: bool,
}

/// Offsets on their way.
#[derive(Debug, Clone, Default)]
pub struct Commit {
    /// When they land; never before the worker is back where this is far away.
    pub at: Ms,
    pub values: Vec<(u64, u64)>,
    /// They are there, and the task has not heard so yet.
    pub landed: bool,
}

/// A sink task's consumer.
#[derive(Debug, Clone, Default)]
pub struct Consumer {
    pub member: Option<String>,
    pub waits: bool,
    pub generation: u64,
    pub next_beat: Ms,
    pub join_at: Ms,
    pub sync_at: Option<Ms>,
    /// It has to let go of its partitions and join again.
    pub revoking: bool,
}

/// One start of a task.
#[derive(Debug, Clone, Default)]
pub struct Run {
    pub task: Task,
    pub worker: usize,
    pub incarnation: u32,
    pub generation: u64,
    pub phase: Phase,
    pub cursors: BTreeMap<u64, Cursor>,
    pub wire: VecDeque<Batch>,
    pub next_poll: Ms,
    pub next_commit: Ms,
    pub commit: Option<Commit>,
    pub consumer: Option<Consumer>,
    pub txn: Option<usize>,
    /// It will not stop by itself.
    pub hangs: bool,
    /// Another start of the same task has taken its producer's place.
    pub fenced: bool,
    pub began: Ms,
    pub ended: Ms,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Process {
    Down,
    /// Until then.
    Booting(Ms),
    Up,
    /// Asked to stop: since then, and when it leaves the group and when it is gone, as far as that is known.
    Stopping {
        since: Ms,
        leaves: Option<Ms>,
    },
}

#[derive(Debug, Clone)]
pub struct Worker {
    pub name: String,
    pub process: Process,
    pub incarnation: u32,
    pub frozen: bool,
    pub cut: bool,
    /// When it gives up its tasks because no broker answers.
    pub gives_up_at: Option<Ms>,
    pub member: Option<String>,
    pub waits: bool,
    pub generation: u64,
    pub next_beat: Ms,
    pub join_at: Ms,
    pub rejoin_at: Option<Ms>,
    pub sync_at: Option<Ms>,
    /// What the leader gave it, on the way to it since the round was complete.
    pub share: Option<Share>,
    pub held: BTreeSet<Task>,
}

impl Worker {
    /// Whether it can do anything and be heard.
    pub fn responds(&self) -> bool {
        !self.frozen && !self.cut && matches!(self.process, Process::Up | Process::Stopping { .. })
    }
}

/// What was in the network when its process ended.
#[derive(Debug, Clone)]
pub enum Orphan {
    Rows {
        at: Ms,
        run: usize,
        rows: Vec<Parcel>,
    },
    Commit {
        at: Ms,
        run: usize,
        values: Vec<(u64, u64)>,
    },
}

/// What the leader of Connect's group remembers.
#[derive(Debug, Clone, Default)]
pub struct Lead {
    pub id: String,
    pub before: Option<BTreeSet<Task>>,
    pub members: BTreeSet<String>,
    pub due: Option<Ms>,
}

/// What the last round gave out.
#[derive(Debug, Clone, Default)]
pub struct Shares {
    pub owned: BTreeMap<String, BTreeSet<Task>>,
    pub revoked: BTreeMap<String, BTreeSet<Task>>,
    pub delay_ms: Ms,
}

/// What one member of Connect's group is given.
#[derive(Debug, Clone)]
pub struct Share {
    pub owned: BTreeSet<Task>,
    pub revoked: BTreeSet<Task>,
    pub delay_ms: Ms,
    pub generation: u64,
}

/// A sink's consumer group.
#[derive(Debug, Clone)]
pub struct SinkGroup {
    pub group: Group,
    pub shares: BTreeMap<String, Vec<u64>>,
    pub complete_at: Option<Ms>,
}

pub struct Cluster {
    pub setup: Setup,
    pub rng: Rng,
    pub now: Ms,
    pub feed: Feed,
    /// The feed, and what is behind each leg.
    pub logs: Vec<Log>,
    pub txns: Vec<Txn>,
    /// Of each transaction: the log and the partitions that it wrote to.
    pub touched: Vec<(usize, BTreeSet<usize>)>,
    pub open: BTreeMap<Task, usize>,
    pub workers: Vec<Worker>,
    pub group: Group,
    pub lead: Lead,
    pub claims: BTreeMap<String, BTreeSet<Task>>,
    pub shares: Shares,
    pub complete_at: Option<Ms>,
    pub sinks: Vec<Option<SinkGroup>>,
    /// Of each leg: the next position by partition or lane.
    pub committed: Vec<BTreeMap<u64, u64>>,
    pub runs: Vec<Run>,
    pub active: Vec<usize>,
    pub orphans: Vec<Orphan>,
    pub strikes: Strikes,
    pub paused_source: bool,
    /// One harm to be done on the way.
    pub plant: Option<Plant>,
    /// What was committed for a while when the first fault came.
    pub certain: Vec<BTreeMap<u64, u64>>,
    /// When each of them was committed.
    pub committed_at: Vec<BTreeMap<u64, Ms>>,
    pub events: Vec<(u64, What)>,
    pub watch: Watch,
    names: u32,
}

impl Cluster {
    pub fn new(setup: Setup) -> Self {
        let mut rng = Rng::new(setup.seed ^ 0xabcd);
        let partitions = |leg: usize| match setup.legs[leg].kind {
            LegKind::FileSink => 1,
            _ => setup.partitions,
        };
        let logs = std::iter::once(setup.partitions)
            .chain((0..setup.legs.len()).map(partitions))
            .map(Log::new)
            .collect();
        let sinks = setup.legs.iter().map(|leg| {
            leg.kind.is_sink().then(|| SinkGroup {
                group: Group::new(setup.consumer_session_ms),
                shares: BTreeMap::new(),
                complete_at: None,
            })
        });
        let mut cluster = Self {
            feed: Feed::new(&setup, &mut rng),
            logs,
            now: 1_000,
            txns: Vec::new(),
            touched: Vec::new(),
            open: BTreeMap::new(),
            workers: Vec::new(),
            group: Group::new(setup.session_ms),
            lead: Lead::default(),
            claims: BTreeMap::new(),
            shares: Shares::default(),
            complete_at: None,
            sinks: sinks.collect(),
            committed: vec![BTreeMap::new(); setup.legs.len()],
            runs: Vec::new(),
            active: Vec::new(),
            orphans: Vec::new(),
            strikes: Strikes::default(),
            paused_source: false,
            plant: None,
            certain: vec![BTreeMap::new(); setup.legs.len()],
            committed_at: vec![BTreeMap::new(); setup.legs.len()],
            events: Vec::new(),
            watch: Watch::new(&setup),
            names: 0,
            setup,
            rng,
        };
        cluster.workers = (0..cluster.setup.workers)
            .map(|n| cluster.worker(n))
            .collect();
        cluster
    }

    fn worker(&mut self, number: usize) -> Worker {
        Worker {
            name: format!("w{}", number + 1),
            process: Process::Up,
            incarnation: 1,
            frozen: false,
            cut: false,
            gives_up_at: None,
            member: None,
            waits: false,
            generation: 0,
            next_beat: 0,
            join_at: 1_000,
            rejoin_at: None,
            sync_at: None,
            share: None,
            held: BTreeSet::new(),
        }
    }

    /// A member id that nobody had before.
    pub fn fresh_id(&mut self, w: usize) -> String {
        self.names += 1;
        let (number, drawn) = (self.names, self.rng.next());
        match self.setup.style {
            Style::Full => format!(
                "connect-{}-{:08x}-{:04x}-4{number:03x}-9000-{:012x}",
                worker_id(w),
                drawn >> 32,
                drawn & 0xffff,
                drawn & 0xffff_ffff,
            ),
            Style::Sparse => format!("w{}-{number}", w + 1),
        }
    }

    pub fn tasks(&self) -> Vec<Task> {
        let legs = self.setup.legs.iter().enumerate();
        legs.flat_map(|(leg, of)| (0..of.tasks).map(move |task| (leg, task)))
            .collect()
    }

    /// Writes an event down as seen this many microseconds after the present step.
    pub fn tell(&mut self, after_us: u64, what: What) {
        self.events.push((self.now * 1_000 + after_us, what));
    }

    pub fn append(&mut self, log: usize, partition: usize, row: Row) {
        if let Some(txn) = row.txn {
            self.touched[txn].1.insert(partition);
        }
        self.logs[log].append(partition, row);
    }

    /// One step of time.
    pub fn step(&mut self) {
        self.now += STEP_MS;
        self.step_faults();
        self.step_feed();
        self.step_orphans();
        self.group.tick(self.now);
        self.step_round();
        for worker in 0..self.workers.len() {
            self.step_worker(worker);
        }
        self.step_sink_groups();
        self.active
            .retain(|run| self.runs[*run].phase != Phase::Ended);
        for run in self.active.clone() {
            self.step_run(run);
        }
        self.step_harm();
        self.step_watch();
    }

    fn step_orphans(&mut self) {
        let now = self.now;
        let (due, later) = std::mem::take(&mut self.orphans)
            .into_iter()
            .partition(|orphan| match orphan {
                Orphan::Rows { at, .. } | Orphan::Commit { at, .. } => *at <= now,
            });
        self.orphans = later;
        for orphan in due {
            match orphan {
                Orphan::Rows { run, rows, .. } => self.write_orphan(run, &rows),
                Orphan::Commit { run, values, .. } => self.land(run, &values),
            }
        }
    }

    /// The records of a batch get to the place behind the connector.
    pub fn write(&mut self, run: usize, rows: &[Parcel]) {
        let (leg, txn) = (self.runs[run].task.0, self.runs[run].txn);
        let partitions = u64::from(self.setup.partitions);
        for (key, _, lane, sequence) in rows {
            let partition = match self.setup.legs[leg].kind {
                LegKind::Mirror => *key,
                LegKind::FileSink | LegKind::FileSource => 0,
                LegKind::Own { .. } | LegKind::TopicSink => u64::from(*lane) % partitions,
            };
            let row = Row {
                entry: super::log::Entry::Record {
                    lane: *lane,
                    sequence: *sequence,
                },
                at: self.now,
                by: Writer::Start(run),
                txn,
            };
            if !self.is_kept_back(leg, partition as usize, row) {
                self.append(leg + 1, partition as usize, row);
            }
        }
    }

    /// Ends a transaction either way: its markers are written.
    pub fn end_txn(&mut self, txn: usize, committed: bool) {
        if self.txns[txn] != Txn::Open {
            return;
        }
        self.txns[txn] = match committed {
            true => Txn::Committed(self.now),
            false => Txn::Aborted(self.now),
        };
        let (log, partitions) = self.touched[txn].clone();
        for partition in partitions {
            let row = Row {
                entry: super::log::Entry::Marker,
                at: self.now,
                by: Writer::Feed,
                txn: Some(txn),
            };
            self.logs[log].append(partition, row);
        }
    }
}
