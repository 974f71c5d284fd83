//! The events of a run, put in order by what they are about.

use std::collections::BTreeMap;

use crate::journal::{
    Ending, Event, Exit, GroupView, LogFact, NormalAtTap, Phase, Proof, RunInfo, SinkMember, Stack,
    What, Word,
};
use crate::model::{ConnectorName, FaultId, FaultKind, Moment, PlaceName, TaskId, WorkerName};

use super::roster::{Roster, Struck};
use super::{Evidence, LogLine};

/// What became of the membership of a worker whose process outlived a fault.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Membership {
    /// Which member it was is not known.
    #[default]
    Unknown,
    /// The group kept it.
    Kept,
    /// The group was seen without it, at this moment first.
    Lost(Moment),
}

/// What one fault did to one worker.
#[derive(Debug, Clone)]
pub(super) struct Victim {
    pub worker: WorkerName,
    pub acted: Option<Moment>,
    /// The member of the group that it was then.
    pub struck: Struck,
    /// When the end of its process was seen, or that it stands still or has no network.
    pub ended: Option<Moment>,
    /// It was killed: at once, or because its grace was over.
    pub killed: bool,
    /// Whether the group gave it up, of a worker whose process outlives the fault.
    pub membership: Membership,
    /// Tasks that did not stop within `task.shutdown.graceful.timeout.ms` and so could not commit, by the worker's log;
    /// `None` where the line does not name the task.
    pub late: Vec<Option<TaskId>>,
    pub exit: Option<Exit>,
    /// When the group was seen without it, by the fault's own proof.
    pub member_gone: Option<Moment>,
    pub overran: bool,
    /// It was asked to stop and crashed instead.
    pub crashed: bool,
    /// Where the threads stood that were to end it when its grace was over.
    pub stacks: Vec<Stack>,
    pub undone: Option<Moment>,
}

impl Victim {
    fn new(worker: WorkerName, killed: bool) -> Self {
        Self {
            worker,
            acted: None,
            struck: Struck::Unknown,
            ended: None,
            killed,
            membership: Membership::Unknown,
            late: Vec::new(),
            exit: None,
            member_gone: None,
            overran: false,
            crashed: false,
            stacks: Vec::new(),
            undone: None,
        }
    }

    /// Whether the group lost the member that it was, or had none to lose because it had yet to join.
    pub(super) fn no_member_left(&self) -> bool {
        self.member_gone.is_some() || self.struck == Struck::Nobody
    }

    /// Whether this task of a connector (any, where it is not known which) had no chance to commit.
    pub(super) fn could_not_commit(
        &self,
        connector: &ConnectorName,
        task: Option<&TaskId>,
    ) -> bool {
        let is_late = |late: &Option<TaskId>| match (late, task) {
            (None, _) => true,
            (Some(late), None) => late.connector == *connector,
            (Some(late), Some(task)) => late == task,
        };
        self.killed || self.late.iter().any(is_late)
    }

    /// When the worker could last commit: the end of its process (or when it stood still or had no network), or the signal
    /// where that was not seen.
    pub(super) fn gone(&self) -> Option<Moment> {
        self.ended.or(self.acted)
    }
}

/// One fault, planned and done.
#[derive(Debug, Clone)]
pub(super) struct FaultStory {
    pub id: FaultId,
    pub kind: FaultKind,
    pub target: String,
    pub restarts: bool,
    pub intended: Option<Moment>,
    pub why: String,
    pub skipped: Option<String>,
    pub victims: Vec<Victim>,
    pub missing_proof: Vec<String>,
    pub recovery_seen: Option<Moment>,
    pub given_up: Option<(Moment, String)>,
}

impl FaultStory {
    /// When a signal was first sent.
    pub(super) fn acted(&self) -> Option<Moment> {
        self.victims.iter().filter_map(|victim| victim.acted).min()
    }

    /// When its effect began: for a stop the signal, from which tasks begin to stop; else when it was seen, such as the end
    /// of the process.
    pub(super) fn began(&self) -> Option<Moment> {
        let of = |victim: &Victim| match self.kind {
            FaultKind::Kill | FaultKind::Pause | FaultKind::Disconnect => victim.gone(),
            FaultKind::Stop { .. } => victim.acted,
        };
        self.victims.iter().filter_map(of).min()
    }

    /// Whether every piece of the proof is there.
    pub(super) fn proven(&self) -> bool {
        let whole = |victim: &Victim| {
            victim.acted.is_some()
                && match (self.kind, victim.exit) {
                    (FaultKind::Pause | FaultKind::Disconnect, _) => {
                        victim.ended.is_some() && victim.undone.is_some()
                    }
                    (FaultKind::Kill | FaultKind::Stop { .. }, None) => false,
                    (FaultKind::Kill, Some(exit)) => {
                        victim.no_member_left() && matches!(exit, Exit::Signal(9) | Exit::Unknown)
                    }
                    (FaultKind::Stop { .. }, Some(Exit::Signal(9))) => {
                        victim.no_member_left() && victim.overran
                    }
                    (FaultKind::Stop { .. }, Some(_)) => victim.no_member_left(),
                }
        };
        !self.victims.is_empty()
            && self.missing_proof.is_empty()
            && self.skipped.is_none()
            && self.victims.iter().all(whole)
    }

    fn victim(&mut self, worker: &WorkerName) -> &mut Victim {
        let killed = matches!(self.kind, FaultKind::Kill);
        let known = self.victims.iter().position(|v| v.worker == *worker);
        let at = known.unwrap_or_else(|| {
            self.victims.push(Victim::new(worker.clone(), killed));
            self.victims.len() - 1
        });
        &mut self.victims[at]
    }

    /// When the last of its victims was undone: started again, resumed or connected again.
    pub(super) fn undone(&self) -> Option<Moment> {
        let undone = self.victims.iter().map(|victim| victim.undone);
        undone.collect::<Option<Vec<_>>>()?.into_iter().max()
    }

    /// How long the victims stood still or had no network, in milliseconds; `None` where the process ended.
    pub(super) fn lasted_ms(&self) -> Option<u64> {
        let over = self.undone().filter(|_| !self.kind.ends_process())?;
        Some(over.as_ms().saturating_sub(self.began()?.as_ms()))
    }

    /// Whether a worker that its process outlived was given up by the group.
    pub(super) fn lost_member(&self) -> bool {
        let lost = |victim: &Victim| matches!(victim.membership, Membership::Lost(_));
        self.victims.iter().any(lost)
    }

    /// "the SIGKILL of w2 at 14.0 s"
    pub(super) fn phrase(&self) -> String {
        let names: Vec<&str> = self.victims.iter().map(|v| v.worker.as_str()).collect();
        let at = self
            .began()
            .map_or(String::new(), |at| format!(" at {:.1} s", at.as_seconds()));
        format!(
            "the {} of {}{at}",
            self.kind.signal_name(),
            names.join(" and ")
        )
    }
}

/// A task's status as readers of the status topic have it.
pub(super) struct StatusSeen<'a> {
    pub at: Moment,
    pub task: &'a TaskId,
    pub state: &'a str,
    pub worker: Option<&'a WorkerName>,
    pub generation: i64,
    pub trace: Option<&'a str>,
}

impl<'a> StatusSeen<'a> {
    fn word(&self) -> Word<'a> {
        Word {
            state: self.state,
            worker: self.worker,
            generation: self.generation,
        }
    }
}

/// A process that came, answered or went.
pub(super) struct ProcessSeen<'a> {
    pub at: Moment,
    pub name: &'a str,
    pub what: ProcessStep,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ProcessStep {
    Started,
    Ready { incarnation: u32, took_ms: u64 },
    Ended { exit: Exit, asked: bool },
}

/// The last event: how the run ended and how many rows each place must have.
pub(super) struct EndSeen<'a> {
    pub ending: &'a Ending,
    pub rows: &'a BTreeMap<String, u64>,
    pub harness_cpu_ms: u64,
}

/// What the feed said at its end.
#[derive(Debug, Clone, Copy)]
pub(super) struct FeedEnd {
    pub at: Moment,
    pub acked: u64,
    pub due: u64,
}

/// All events by subject.
#[derive(Default)]
pub(super) struct History<'a> {
    pub end: Moment,
    /// Who was whom in the group, up to the event that was read last.
    pub roster: Roster,
    pub ended: Option<EndSeen<'a>>,
    pub phases: Vec<(Phase, Moment)>,
    pub processes: Vec<ProcessSeen<'a>>,
    pub tasks: Vec<TaskId>,
    pub tasks_running: Option<Moment>,
    pub feed_ended: Option<FeedEnd>,
    pub baseline_backlog: Option<u64>,
    pub baseline_rate: Option<f64>,
    /// What the live run found normal at each tap.
    pub normal: Option<&'a BTreeMap<PlaceName, NormalAtTap>>,
    pub baseline_reached: Option<Moment>,
    /// Where its measured stretch begins.
    pub baseline_since: Option<Moment>,
    pub faults: Vec<FaultStory>,
    pub groups: Vec<(Moment, &'a GroupView)>,
    /// Counts of looks at the group: when each was told, and the longest gap between two of them in milliseconds.
    pub group_polls: Vec<(Moment, u64)>,
    pub sink_groups: Vec<(Moment, &'a ConnectorName, &'a [SinkMember])>,
    pub commits: Vec<&'a Event>,
    pub statuses: Vec<StatusSeen<'a>>,
    pub task_configs: Vec<(Moment, &'a TaskId, &'a BTreeMap<String, String>)>,
    pub logs: Vec<LogSeen>,
    /// Tasks that did not stop in time on workers that nothing had been done to.
    pub late: Vec<LateTask>,
    pub final_ends: Option<&'a BTreeMap<PlaceName, BTreeMap<i32, i64>>>,
    pub drain: Option<(bool, &'a str)>,
    pub observers_failed: Vec<(&'a str, &'a str)>,
    pub notes: Vec<&'a str>,
}

/// A task that did not stop within `task.shutdown.graceful.timeout.ms`, by its worker's log.
pub(super) struct LateTask {
    pub at: Moment,
    pub worker: WorkerName,
    /// `None` where the line does not name it.
    pub task: Option<TaskId>,
}

/// A log line and what it tells.
pub(super) struct LogSeen {
    pub line: LogLine,
    pub trouble: bool,
    pub graceful_stop_failed: bool,
}

impl<'a> History<'a> {
    pub(super) fn read(evidence: &Evidence<'a>) -> Self {
        let mut history = Self {
            faults: planned(evidence),
            ..Self::default()
        };
        let events = &evidence.log.events;
        events
            .iter()
            .for_each(|event| history.note(event, evidence.info));
        history.end = events
            .iter()
            .map(|event| event.at)
            .max()
            .unwrap_or_default();
        if !matches!(
            events.last().map(|event| &event.what),
            Some(What::RunEnded { .. })
        ) {
            history.ended = None;
        }
        history
    }

    fn note(&mut self, event: &'a Event, info: &RunInfo) {
        let at = event.at;
        self.roster.apply(event);
        match &event.what {
            What::PhaseBegan(phase) => self.phases.push((*phase, at)),
            What::ProcessStarted { .. } | What::ProcessReady { .. } | What::ProcessEnded { .. } => {
                self.note_process(event)
            }
            What::TasksRunning { tasks } => {
                self.tasks.clone_from(tasks);
                self.tasks_running.get_or_insert(at);
            }
            What::FeedEnded { acked, due, .. } => {
                self.feed_ended = Some(FeedEnd {
                    at,
                    acked: *acked,
                    due: *due,
                });
            }
            What::BaselineReached { .. } => self.note_baseline(event),
            What::FaultIntended { .. }
            | What::FaultActed { .. }
            | What::FaultProof { .. }
            | What::GraceOverrun { .. }
            | What::ThreadsDumped { .. }
            | What::FaultUndone { .. }
            | What::RecoverySeen { .. }
            | What::RecoveryGivenUp { .. }
            | What::FaultSkipped { .. } => self.note_fault(event),
            What::Group(view) => self.groups.push((at, view)),
            What::GroupPolled { longest_gap_ms, .. } => {
                self.group_polls.push((at, *longest_gap_ms));
            }
            What::SinkGroup { connector, members } => {
                self.sink_groups.push((at, connector, members));
            }
            What::SourceCommit { .. } | What::SinkCommit { .. } => self.commits.push(event),
            What::TaskStatus { .. } | What::TaskConfig { .. } | What::Log { .. } => {
                self.note_worker(event, info);
            }
            What::FinalOffsets { ends, .. } => self.final_ends = Some(ends),
            What::DrainEnded { finished, why } => self.drain = Some((*finished, why)),
            What::ObserverFailed { observer, why } => self.observers_failed.push((observer, why)),
            What::Note(text) => self.notes.push(text),
            What::RunEnded {
                ending,
                rows,
                harness_cpu_ms,
            } => {
                self.ended = Some(EndSeen {
                    ending,
                    rows,
                    harness_cpu_ms: *harness_cpu_ms,
                });
            }
            What::ConnectorCreated(_)
            | What::FeedBegan
            | What::ConnectorConfig { .. }
            | What::TargetState { .. }
            | What::Attended { .. }
            | What::MachineLoad { .. }
            | What::FinalSourceOffsets { .. }
            | What::RestView { .. }
            | What::Progress { .. } => {}
        }
    }

    fn note_process(&mut self, event: &'a Event) {
        let (name, what) = if let What::ProcessStarted { name, .. } = &event.what {
            (name, ProcessStep::Started)
        } else if let What::ProcessReady {
            name,
            incarnation,
            took_ms,
        } = &event.what
        {
            let step = ProcessStep::Ready {
                incarnation: *incarnation,
                took_ms: *took_ms,
            };
            (name, step)
        } else if let What::ProcessEnded {
            name, exit, asked, ..
        } = &event.what
        {
            let step = ProcessStep::Ended {
                exit: *exit,
                asked: *asked,
            };
            (name, step)
        } else {
            return;
        };
        self.processes.push(ProcessSeen {
            at: event.at,
            name,
            what,
        });
        if let ProcessStep::Ended { .. } = what {
            self.note_end_of_victim(name, event.at);
        }
    }

    /// The end of a process is the effect of the last fault that was aimed at it and has not taken effect yet.
    fn note_end_of_victim(&mut self, name: &str, at: Moment) {
        let waiting = self
            .faults
            .iter_mut()
            .rev()
            .filter(|fault| fault.kind.ends_process())
            .flat_map(|fault| fault.victims.iter_mut())
            .find(|v| v.worker.as_str() == name && v.acted.is_some() && v.ended.is_none());
        if let Some(victim) = waiting {
            victim.ended = Some(at);
        }
    }

    fn fault(&mut self, id: FaultId, kind: FaultKind) -> &mut FaultStory {
        let known = self.faults.iter().position(|fault| fault.id == id);
        let at = known.unwrap_or_else(|| {
            self.faults.push(FaultStory::new(id, kind));
            self.faults.len() - 1
        });
        &mut self.faults[at]
    }

    fn note_fault(&mut self, event: &'a Event) {
        let at = event.at;
        if let What::FaultIntended {
            fault,
            kind,
            workers,
            why,
            ..
        } = &event.what
        {
            let story = self.fault(*fault, *kind);
            story.kind = *kind;
            story.intended = Some(at);
            story.why.clone_from(why);
            for worker in workers {
                story.victim(worker);
            }
        } else if let What::FaultActed {
            fault,
            worker,
            member_id,
        } = &event.what
        {
            let told = member_id.clone().map(Struck::Member);
            let struck = told.unwrap_or_else(|| self.roster.struck(worker));
            let victim = self.fault(*fault, FaultKind::Kill).victim(worker);
            if victim.acted.is_none() {
                (victim.acted, victim.struck) = (Some(at), struck);
            }
        } else if let What::FaultProof { fault, proof } = &event.what {
            self.fault(*fault, FaultKind::Kill).note_proof(at, proof);
        } else if let What::GraceOverrun { fault, worker, .. } = &event.what {
            let victim = self.fault(*fault, FaultKind::Kill).victim(worker);
            victim.overran = true;
            victim.killed = true;
        } else if let What::ThreadsDumped {
            fault,
            worker,
            stacks,
        } = &event.what
        {
            let victim = self.fault(*fault, FaultKind::Kill).victim(worker);
            victim.stacks.clone_from(stacks);
        } else if let What::FaultUndone { fault, worker } = &event.what {
            let victim = self.fault(*fault, FaultKind::Kill).victim(worker);
            victim.undone.get_or_insert(at);
        } else if let What::RecoverySeen { fault } = &event.what {
            self.fault(*fault, FaultKind::Kill).recovery_seen = Some(at);
        } else if let What::RecoveryGivenUp { fault, missing } = &event.what {
            self.fault(*fault, FaultKind::Kill).given_up = Some((at, missing.clone()));
        } else if let What::FaultSkipped { fault, why } = &event.what {
            self.fault(*fault, FaultKind::Kill).skipped = Some(why.clone());
        }
    }

    fn note_worker(&mut self, event: &'a Event, info: &RunInfo) {
        if let What::TaskStatus {
            task,
            state,
            worker,
            generation,
            trace,
        } = &event.what
        {
            let status = StatusSeen {
                at: event.at,
                task,
                state,
                worker: worker.as_ref(),
                generation: *generation,
                trace: trace.as_deref(),
            };
            let before = self.statuses.iter().rfind(|seen| seen.task == task);
            if !before.is_some_and(|before| status.word().is_of_a_zombie(&before.word())) {
                self.statuses.push(status);
            }
        } else if let What::TaskConfig { task, config } = &event.what {
            self.task_configs.push((event.at, task, config));
        } else if let What::Log {
            worker,
            worker_ms,
            level,
            fact,
            text,
            ..
        } = &event.what
        {
            let line = LogLine {
                at: written_at(event.at, *worker_ms, info.started_unix_us),
                worker: worker.clone(),
                level: level.clone(),
                text: text.clone(),
            };
            if let LogFact::GracefulStopFailed { task } = fact {
                self.note_late(worker, line.at, task.as_ref());
            }
            self.logs.push(LogSeen {
                line,
                trouble: matches!(level.as_str(), "WARN" | "ERROR" | "FATAL"),
                graceful_stop_failed: matches!(fact, LogFact::GracefulStopFailed { .. }),
            });
        }
    }

    /// A late task is the work of the stop that its worker is in; else of a rebalance that took it away.
    fn note_late(&mut self, worker: &WorkerName, at: Moment, task: Option<&TaskId>) {
        let stopping = |victim: &&mut Victim| {
            victim.worker == *worker
                && victim.acted.is_some_and(|acted| acted <= at)
                && victim.undone.is_none_or(|undone| at <= undone)
        };
        let stops = self.faults.iter_mut().filter(|f| f.kind.ends_process());
        let victims = stops.flat_map(|fault| &mut fault.victims);
        match victims.filter(stopping).max_by_key(|victim| victim.acted) {
            Some(victim) => victim.late.push(task.cloned()),
            None => self.late.push(LateTask {
                at,
                worker: worker.clone(),
                task: task.cloned(),
            }),
        }
    }

    /// The last fault (its index, and which of its victims) that had come by a moment: one of this worker where there is one
    /// that it outlived, else whichever.
    pub(super) fn last_hit(&self, worker: &WorkerName, at: Moment) -> Option<(usize, usize)> {
        let faults = self.faults.iter().enumerate();
        let hits = faults.flat_map(|(index, fault)| {
            let victims = fault.victims.iter().enumerate();
            victims.filter_map(move |(number, victim)| {
                let own = victim.worker == *worker && !fault.kind.ends_process();
                Some((own, victim.acted?, (index, number)))
            })
        });
        let before = hits.filter(|(_, acted, _)| *acted <= at);
        before.max().map(|(_, _, hit)| hit)
    }

    /// When a worker's process was next ended by a fault after a moment.
    pub(super) fn next_end_of(&self, worker: &WorkerName, after: Moment) -> Option<Moment> {
        let ending = self.faults.iter().filter(|f| f.kind.ends_process());
        ending
            .flat_map(|fault| &fault.victims)
            .filter(|victim| victim.worker == *worker)
            .filter_map(Victim::gone)
            .filter(|gone| *gone > after)
            .min()
    }

    /// When a phase began.
    pub(super) fn phase(&self, wanted: Phase) -> Option<Moment> {
        self.phases
            .iter()
            .find(|(phase, _)| *phase == wanted)
            .map(|(_, at)| *at)
    }

    fn note_baseline(&mut self, event: &'a Event) {
        if let What::BaselineReached {
            since,
            rate_per_second,
            backlog,
            normal,
        } = &event.what
        {
            self.normal = Some(normal);
            self.baseline_since = Some(*since);
            self.baseline_reached = Some(event.at);
            self.baseline_backlog = Some(*backlog);
            self.baseline_rate = Some(*rate_per_second);
        }
    }

    /// The undisturbed stretch: from where the stream had settled to the first fault, or to where it was reached.
    pub(super) fn baseline(&self) -> Option<(Moment, Moment)> {
        let from = self.baseline_since.or(self.phase(Phase::Baseline))?;
        let to = self
            .phase(Phase::Faults)
            .or(self.baseline_reached)
            .or(self.phase(Phase::Converge))?;
        let first_fault = self.faults.iter().filter_map(FaultStory::acted).min();
        let to = first_fault.map_or(to, |fault| fault.min(to));
        (from < to).then_some((from, to))
    }

    /// So long before the first fault (or the end of the baseline, without one) that what a connector had in hand then had
    /// arrived before it: a second of flight, and the silence that the scenario allows its tap.
    pub(super) fn before_any_fault(&self, silent_for_ms: Option<u64>) -> Option<Moment> {
        let first = self.faults.iter().filter_map(FaultStory::acted).min();
        let first = first.or_else(|| self.baseline().map(|(_, to)| to))?;
        let in_hand_us = 1_000_000 + silent_for_ms.unwrap_or(0) * 1_000;
        Some(Moment(first.0.saturating_sub(in_hand_us)))
    }

    /// Where the part of the run ends in which tasks must be owned and running.
    pub(super) fn duty_end(&self) -> Moment {
        let after = [Phase::Collect, Phase::TakeDown].map(|phase| self.phase(phase));
        after.into_iter().flatten().min().unwrap_or(self.end)
    }

    /// The error of what rests on the group's bytes around faults, in milliseconds: the longest time between two looks at
    /// it then, or anywhere where nothing was looked at around a fault.
    pub(super) fn group_error_ms(&self, info: &RunInfo) -> u64 {
        let around = self
            .group_polls
            .iter()
            .filter(|(at, _)| self.is_around_a_fault(*at));
        let longest = around.map(|(_, gap_ms)| *gap_ms).max();
        longest.map_or_else(
            || self.group_gap_ms(info),
            |gap| gap.max(info.group_poll_ms),
        )
    }

    /// The longest time between two looks at the group in the whole run, in milliseconds: while nothing happens it is looked
    /// at now and then.
    pub(super) fn group_gap_ms(&self, info: &RunInfo) -> u64 {
        let longest = self.group_polls.iter().map(|(_, gap_ms)| *gap_ms).max();
        longest.unwrap_or(0).max(info.group_poll_ms)
    }

    fn is_around_a_fault(&self, at: Moment) -> bool {
        self.faults.iter().any(|fault| {
            let over = fault.recovery_seen.unwrap_or(self.end);
            fault.acted().is_some_and(|acted| at >= acted && at <= over)
        })
    }

    /// Processes that ended unasked while they were needed, a phrase each.
    pub(super) fn ended_unasked(&self) -> Vec<String> {
        let needed = |at: Moment| self.phase(Phase::TakeDown).is_none_or(|down| at < down);
        let mut unasked = Vec::new();
        for process in &self.processes {
            if let ProcessStep::Ended { exit, asked: false } = process.what
                && needed(process.at)
            {
                unasked.push(format!(
                    "{} ended {exit} at {} and nobody had asked it to",
                    process.name, process.at
                ));
            }
        }
        unasked
    }
}

impl FaultStory {
    fn new(id: FaultId, kind: FaultKind) -> Self {
        Self {
            id,
            kind,
            target: String::new(),
            restarts: true,
            intended: None,
            why: String::new(),
            skipped: None,
            victims: Vec::new(),
            missing_proof: Vec::new(),
            recovery_seen: None,
            given_up: None,
        }
    }

    fn note_proof(&mut self, at: Moment, proof: &Proof) {
        let is_stop = matches!(self.kind, FaultKind::Stop { .. });
        match proof {
            Proof::ProcessEnded { worker, exit, .. } => {
                let victim = self.victim(worker);
                victim.exit = Some(*exit);
                victim.ended.get_or_insert(at);
                // It ended in good order after all, just before the kill that its overrun had earned it.
                if victim.overran && matches!(exit, Exit::Code(0 | 143)) {
                    victim.killed = false;
                }
                if is_stop && is_crash(*exit) {
                    // Its tasks may have been anywhere on their way to a last commit.
                    (victim.crashed, victim.killed) = (true, true);
                }
            }
            Proof::Paused { worker, .. } | Proof::Disconnected { worker, .. } => {
                self.victim(worker).ended.get_or_insert(at);
            }
            Proof::MemberGone { worker, .. } => {
                self.victim(worker).member_gone.get_or_insert(at);
            }
            Proof::Missing { worker, awaited } => {
                self.missing_proof.push(format!("{worker}: {awaited}"));
            }
        }
    }
}

/// Whether a process that was asked to stop did something else: Java ends with 0, or with 143 after SIGTERM. What was
/// killed from outside has not stopped at all, and an end that could not be seen says nothing.
const fn is_crash(exit: Exit) -> bool {
    !matches!(exit, Exit::Code(0 | 143) | Exit::Signal(9) | Exit::Unknown)
}

fn planned(evidence: &Evidence<'_>) -> Vec<FaultStory> {
    let story = |fault: &crate::model::PlannedFault| FaultStory {
        target: fault.target.to_string(),
        restarts: fault.restart != crate::model::Restart::Never,
        ..FaultStory::new(fault.id, fault.kind)
    };
    evidence.plan.faults.iter().map(story).collect()
}

/// The worker's own time on the run's clock, unless that is far from when the line was read.
fn written_at(seen: Moment, worker_ms: i64, started_unix_us: i64) -> Moment {
    let own = worker_ms
        .checked_mul(1_000)
        .and_then(|us| us.checked_sub(started_unix_us))
        .and_then(|us| u64::try_from(us).ok());
    match own {
        Some(us) if us.abs_diff(seen.0) < 60_000_000 => Moment(us),
        Some(_) | None => seen,
    }
}

#[cfg(test)]
mod tests {
    use super::{Moment, written_at};

    #[test]
    fn a_worker_whose_clock_is_a_minute_off_is_not_believed() {
        let written = |seen_us: u64| written_at(Moment(seen_us), 10_000, 0);
        assert_eq!(written(69_999_999), Moment::from_ms(10_000));
        assert_eq!(written(70_000_000), Moment::from_ms(70_000));
    }
}
