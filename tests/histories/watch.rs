//! What a harness sees of a cluster and writes down: late by the time of a poll, and only what lasts until the next.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use squall::journal::{GroupMember, GroupView, LogFact, Proof, SinkMember, What};
use squall::model::{FaultId, TaskId};

use super::cluster::{Cluster, Phase, Process};
use super::group::{Member, Ms, State};
use super::history::RECORD_BYTES;
use super::log::{Entry, Row, Txn};
use super::names::{connector_name, place_text, task_id, worker_id, worker_name};
use super::setup::{LegKind, Setup, Style};

#[derive(Debug)]
pub struct Watch {
    pub view: Option<GroupView>,
    /// Member ids whose metadata has been seen.
    known: BTreeMap<String, usize>,
    /// When the group was seen to change last.
    pub changed_at: Ms,
    next_poll: Ms,
    last_poll: Ms,
    polls: u64,
    longest_gap_ms: Ms,
    next_count: Ms,
    sinks: Vec<Option<Vec<SinkMember>>>,
    next_sinks: Ms,
    /// Up to when statuses, sources' and sinks' commits were read: each of them in its own order.
    read_us: [u64; 3],
    /// The same of each worker's log.
    logs_us: BTreeMap<usize, u64>,
}

impl Watch {
    pub fn new(setup: &Setup) -> Self {
        Self {
            view: None,
            known: BTreeMap::new(),
            changed_at: 0,
            next_poll: 0,
            last_poll: 1_000,
            polls: 0,
            longest_gap_ms: 0,
            next_count: 2_000,
            sinks: vec![None; setup.legs.len()],
            next_sinks: 0,
            read_us: [0; 3],
            logs_us: BTreeMap::new(),
        }
    }

    /// Whether the last view has this member, and tells whose it is.
    pub fn knows(&self, id: &str) -> bool {
        let mut members = self.view.iter().flat_map(|view| &view.members);
        members.any(|member| member.member_id == id && member.worker.is_some())
    }
}

impl Cluster {
    pub fn step_watch(&mut self) {
        if self.watch.next_poll <= self.now {
            let late = self.rng.chance(5);
            let next = self.now
                + if late {
                    self.rng.range(60, 250)
                } else {
                    self.rng.range(40, 70)
                };
            self.watch.next_poll = next;
            self.poll_group();
        }
        if self.watch.next_sinks <= self.now {
            self.watch.next_sinks = self.now + self.rng.range(150, 350);
            self.poll_sinks();
        }
    }

    fn poll_group(&mut self) {
        let gap = self.now - self.watch.last_poll;
        self.watch.last_poll = self.now;
        self.watch.polls += 1;
        self.watch.longest_gap_ms = self.watch.longest_gap_ms.max(gap);
        if self.group.state == State::Stable {
            let known = self.group.members.iter().map(|m| (m.id.clone(), m.key));
            self.watch.known.extend(known);
        }
        let view = self.group_view();
        if self.watch.view.as_ref() != Some(&view) {
            let sparse = self.setup.style == Style::Sparse;
            if !(sparse && self.group.state == State::Empty) {
                self.tell(1_500, What::Group(view.clone()));
            }
            self.watch.view = Some(view);
            self.watch.changed_at = self.now;
            self.prove_departures();
        }
        self.see_recoveries();
        if self.watch.next_count <= self.now {
            self.watch.next_count = self.now + 1_000;
            let what = What::GroupPolled {
                polls: self.watch.polls,
                longest_gap_ms: self.watch.longest_gap_ms,
            };
            (self.watch.polls, self.watch.longest_gap_ms) = (0, 0);
            if self.setup.style == Style::Full {
                self.tell(1_900, what);
            }
        }
    }

    fn group_view(&self) -> GroupView {
        let sparse = self.setup.style == Style::Sparse;
        let stable = self.group.state == State::Stable;
        let before = self.watch.view.as_ref().map_or(0, |view| view.delay_ms);
        let worker_of = |id: &String| self.watch.known.get(id).map(|w| worker_name(*w));
        // The old folders have stable groups alone: whoever still joins is in none.
        let told = |member: &&Member| !sparse || worker_of(&member.id).is_some();
        let members = self.group.members.iter().filter(told).map(|member| {
            let owned = self.shares.owned.get(&member.id);
            let tasks = owned.filter(|_| stable || sparse).into_iter().flatten();
            GroupMember {
                member_id: member.id.clone(),
                // The old folders knew each member at once.
                worker: match sparse {
                    true => Some(worker_name(member.key)),
                    false => worker_of(&member.id),
                },
                url: match worker_of(&member.id) {
                    Some(_) => format!("http://{}", worker_id(member.key)),
                    None => String::new(),
                },
                tasks: tasks.map(|task| task_id(*task)).collect(),
                connectors: Vec::new(),
            }
        });
        let leader = self.group.leader.as_ref().and_then(worker_of);
        GroupView {
            state: if sparse {
                State::Stable
            } else {
                self.group.state
            }
            .name()
            .to_owned(),
            protocol: if stable && !sparse { "sessioned" } else { "" }.to_owned(),
            leader: leader.filter(|_| !sparse),
            delay_ms: if stable { self.shares.delay_ms } else { before },
            members: members.collect(),
        }
    }

    /// The group was seen without a member that a fault hit.
    fn prove_departures(&mut self) {
        let present: BTreeSet<String> = self
            .group
            .members
            .iter()
            .map(|member| member.id.clone())
            .collect();
        for number in 0..self.strikes.struck.len() {
            let struck = &mut self.strikes.struck[number];
            let Some(member_id) = struck.member.clone() else {
                continue;
            };
            if struck.gone || present.contains(&member_id) {
                continue;
            }
            struck.gone = true;
            let proof = Proof::MemberGone {
                worker: worker_name(struck.worker),
                member_id,
            };
            let fault = FaultId(struck.fault as u32 + 1);
            self.tell(1_600, What::FaultProof { fault, proof });
        }
    }

    fn see_recoveries(&mut self) {
        let open = self
            .strikes
            .faults
            .iter()
            .any(|fault| fault.settled_at.is_none());
        if !open || !self.is_as_before() {
            return;
        }
        for number in 0..self.strikes.faults.len() {
            if self.strikes.faults[number].settled_at.is_none() {
                self.strikes.faults[number].settled_at = Some(self.now);
                let fault = FaultId(number as u32 + 1);
                self.tell(1_700 + number as u64, What::RecoverySeen { fault });
            }
        }
    }

    /// Whether everything is as it should be without faults, as far as a harness can see.
    pub fn is_as_before(&self) -> bool {
        let proven = self.strikes.struck.iter().all(|struck| {
            let ends = self.strikes.faults[struck.fault]
                .blow
                .fault_kind()
                .ends_process();
            struck.gone || struck.member.is_none() || !ends
        });
        proven && self.strikes.are_spent() && self.is_balanced() && self.is_caught_up()
    }

    pub fn is_balanced(&self) -> bool {
        let workers = self
            .workers
            .iter()
            .filter(|worker| worker.process != Process::Down);
        let all_in = workers.clone().all(|worker| {
            worker.responds()
                && worker.member.as_ref().is_some_and(|id| self.group.has(id))
                && !worker.waits
        });
        let stable = self.group.state == State::Stable
            && self.shares.delay_ms == 0
            && self.group.members.len() == workers.count();
        let runs = self.active.iter().map(|run| &self.runs[*run]);
        let running: BTreeMap<_, usize> = runs.filter(|run| run.phase == Phase::Working).fold(
            BTreeMap::new(),
            |mut count, run| {
                *count.entry(run.task).or_default() += 1;
                count
            },
        );
        let each_once = self
            .tasks()
            .iter()
            .all(|task| running.get(task) == Some(&1));
        let sinks = self.sinks.iter().enumerate().all(|(leg, sink)| {
            sink.as_ref().is_none_or(|sink| {
                let works = |run: usize| self.runs[run].phase == Phase::Working;
                sink.group.state == State::Stable
                    && sink.group.members.len() == self.setup.legs[leg].tasks as usize
                    && sink.group.members.iter().all(|member| works(member.key))
            })
        });
        all_in && stable && each_once && sinks && self.active.len() == self.tasks().len()
    }

    /// Whether hardly anything waits before any leg.
    pub fn is_caught_up(&self) -> bool {
        // What is in an open transaction waits for its end.
        let exactly_once = self.setup.legs.iter().any(|leg| leg.exactly_once);
        let gathered = self.setup.gathered_ms();
        let held_ms = 400 + gathered + if exactly_once { self.setup.flush_ms } else { 0 };
        let per_lane = held_ms / self.setup.period_ms + 2;
        self.unread() <= self.setup.lanes as usize * per_lane as usize * self.setup.legs.len()
    }

    /// Records that wait before a leg, all in all.
    pub fn unread(&self) -> usize {
        let runs = self.active.iter().map(|run| &self.runs[*run]);
        let sent = runs.flat_map(|run| &run.wire).map(|batch| batch.rows.len());
        let mut waiting = sent.sum();
        for (leg, of) in self.setup.legs.iter().enumerate() {
            if matches!(of.kind, LegKind::Own { .. }) {
                continue;
            }
            for (partition, rows) in self.logs[leg].partitions.iter().enumerate() {
                let ahead = rows
                    .iter()
                    .skip(self.read_to(leg, partition as u64) as usize);
                waiting += ahead.filter(|row| self.is_wanted(leg, row)).count();
            }
        }
        waiting
    }

    /// How far the tasks of a leg have read a partition; where none reads it, how far it was committed.
    fn read_to(&self, leg: usize, partition: u64) -> u64 {
        let runs = self.active.iter().map(|run| &self.runs[*run]);
        let of_leg = runs.filter(|run| run.task.0 == leg && run.phase == Phase::Working);
        let read = of_leg
            .filter_map(|run| run.cursors.get(&partition))
            .map(|cursor| cursor.read);
        let committed = self.committed[leg].get(&partition).copied().unwrap_or(0);
        read.max().unwrap_or(committed)
    }

    /// Whether a leg is given this row sooner or later.
    pub fn is_wanted(&self, leg: usize, row: &Row) -> bool {
        let aborted = row
            .txn
            .is_some_and(|txn| matches!(self.txns[txn], Txn::Aborted(_)));
        let passed_over = aborted && self.setup.legs[leg].reads_committed;
        row.entry != Entry::Marker && !passed_over
    }

    fn poll_sinks(&mut self) {
        for leg in 0..self.sinks.len() {
            let Some(sink) = &self.sinks[leg] else {
                continue;
            };
            let mut members: Vec<SinkMember> = Vec::new();
            if sink.group.state == State::Stable {
                members.extend(sink.group.members.iter().map(|member| {
                    SinkMember {
                        task: Some(task_id(self.runs[member.key].task)),
                        partitions: sink
                            .shares
                            .get(&member.id)
                            .into_iter()
                            .flatten()
                            .map(|partition| *partition as i32)
                            .collect(),
                    }
                }));
            }
            members.sort_by(|a, b| (&a.task, &a.partitions).cmp(&(&b.task, &b.partitions)));
            if self.watch.sinks[leg].as_ref() == Some(&members) {
                continue;
            }
            self.watch.sinks[leg] = Some(members.clone());
            let connector = connector_name(leg);
            self.tell(1_300, What::SinkGroup { connector, members });
        }
    }

    pub fn tell_status(&mut self, r: usize, state: &str) {
        let run = &self.runs[r];
        let sparse = self.setup.style == Style::Sparse;
        if sparse && state == "UNASSIGNED" {
            return;
        }
        let what = What::TaskStatus {
            task: task_id(run.task),
            state: state.to_owned(),
            worker: Some(worker_name(run.worker)),
            // The old folders told starts only, and all of one generation.
            generation: if sparse { 3 } else { run.generation as i64 },
            trace: None,
        };
        let at = self.read_at(0);
        self.events.push((at, what));
    }

    /// When it has the next one of the same batch.
    fn read_next(&mut self, reader: usize) -> u64 {
        self.watch.read_us[reader] += 3;
        self.watch.read_us[reader]
    }

    /// When a reader of a topic has what was written there just now.
    fn read_at(&mut self, reader: usize) -> u64 {
        let at = self.now * 1_000 + self.rng.range(1_000, 60_000);
        let read = &mut self.watch.read_us[reader];
        *read = at.max(*read + 1);
        *read
    }

    /// The log of a worker says that a task did not stop in time.
    pub fn tell_not_stopped(&mut self, r: usize) {
        let run = &self.runs[r];
        let task = task_id(run.task);
        let text = format!(
            "ERROR Graceful stop of task {task} failed. (org.apache.kafka.connect.runtime.Worker)"
        );
        let fact = LogFact::GracefulStopFailed { task: Some(task) };
        let (w, incarnation) = (run.worker, run.incarnation);
        self.tell_log(w, incarnation, "ERROR", fact, text);
    }

    pub fn tell_coordinator_lost(&mut self, w: usize) {
        let text =
            "INFO Broker coordinator was unreachable for 3000ms. Revoking previous assignment";
        let incarnation = self.workers[w].incarnation;
        self.tell_log(
            w,
            incarnation,
            "INFO",
            LogFact::CoordinatorLost,
            text.to_owned(),
        );
    }

    /// A line of a worker's log at INFO, where the journal has such lines.
    pub fn tell_info(&mut self, w: usize, fact: LogFact) {
        if self.setup.style == Style::Full {
            let text = format!("INFO {fact:?}");
            let incarnation = self.workers[w].incarnation;
            self.tell_log(w, incarnation, "INFO", fact, text);
        }
    }

    fn tell_log(&mut self, w: usize, incarnation: u32, level: &str, fact: LogFact, text: String) {
        let what = What::Log {
            worker: worker_name(w),
            incarnation,
            worker_ms: START_UNIX_MS + self.now as i64,
            level: level.to_owned(),
            fact,
            text,
        };
        // Each log is read in its own order, a file at a time.
        let at = self.now * 1_000 + self.rng.range(5_000, 150_000);
        let read = self.watch.logs_us.entry(w).or_default();
        *read = at.max(*read + 1);
        let at = *read;
        self.events.push((at, what));
    }

    pub fn tell_started(&mut self, w: usize) {
        let (name, incarnation) = (self.workers[w].name.clone(), self.workers[w].incarnation);
        let what = What::ProcessStarted {
            log: format!("logs/{name}-{incarnation}.log"),
            name,
            pid: 1_000 + w as u32 * 100 + incarnation,
            incarnation,
        };
        if self.setup.style == Style::Full {
            self.tell(300, what);
        }
    }

    pub fn tell_ready(&mut self, w: usize) {
        let what = What::ProcessReady {
            name: self.workers[w].name.clone(),
            incarnation: self.workers[w].incarnation,
            took_ms: 1_000,
        };
        if self.setup.style == Style::Full {
            let late = self.rng.range(1_000, 400_000);
            self.tell(late, what);
        }
    }

    pub fn tell_commit(&mut self, leg: usize, values: &[(u64, u64)]) {
        let broker_ms = match self.setup.style {
            Style::Full => START_UNIX_MS + self.now as i64,
            Style::Sparse => 0,
        };
        for (number, (key, next)) in values.iter().enumerate() {
            let connector = connector_name(leg);
            let what = match self.setup.legs[leg].kind.is_sink() {
                true => What::SinkCommit {
                    connector,
                    topic: place_text(leg),
                    partition: *key as i32,
                    next_offset: Some(*next as i64),
                    broker_ms,
                },
                false => {
                    let (partition, offset) = self.source_offset(leg, *key, *next);
                    What::SourceCommit {
                        connector,
                        partition,
                        offset,
                        broker_ms,
                    }
                }
            };
            let reader = 1 + usize::from(matches!(what, What::SinkCommit { .. }));
            let at = if number == 0 {
                self.read_at(reader)
            } else {
                self.read_next(reader)
            };
            self.events.push((at, what));
        }
    }

    /// Source partition and offset as a source writes them.
    pub fn source_offset(&self, leg: usize, key: u64, next: u64) -> (Value, Value) {
        match self.setup.legs[leg].kind {
            LegKind::FileSource => (
                json!({"filename": place_text(leg)}),
                json!({ "position": next * (RECORD_BYTES as u64 + 1) }),
            ),
            LegKind::Own { names_next } => (
                json!({ "lane": key }),
                json!({ "seq": if names_next { next } else { next - 1 } }),
            ),
            LegKind::Mirror | LegKind::FileSink | LegKind::TopicSink => (
                json!({"cluster": "src", "partition": key, "topic": place_text(leg)}),
                json!({ "offset": next - 1 }),
            ),
        }
    }

    /// Tasks that a history has, as the journal names them.
    pub fn task_ids(&self) -> Vec<TaskId> {
        self.tasks().into_iter().map(task_id).collect()
    }
}

/// Moment 0 of every history, on the clocks of brokers and workers.
pub const START_UNIX_MS: i64 = 1_795_838_238_538;
