//! Progress on stderr: what is happening now, rates, backlog and the next fault; one line a phase where nobody watches.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::journal::{Event, Phase, Proof, What};
use crate::model::{FaultId, FaultKind, Moment, RuntimeKind, WorkerName, visible};
use crate::plan::Plan;
use crate::run::{Run, Watcher};
use crate::verify::why_not_ended;

use super::output::Output;

const REFRESH: Duration = Duration::from_millis(100);
/// The most characters of the two lines that change.
const LINE: usize = 400;
/// Without a terminal, silence is broken at least this often.
const HEARTBEAT_S: f64 = 30.0;

/// The progress of a run as it is drawn; ends when the run has ended.
pub struct Progress {
    quiet: bool,
    output: Output,
    thread: Option<JoinHandle<()>>,
}

impl Progress {
    /// Nothing is shown when it is to be quiet.
    pub fn new(quiet: bool, output: &Output) -> Self {
        Self {
            quiet,
            output: *output,
            thread: None,
        }
    }
}

impl Watcher for Progress {
    /// Prints the head and begins to follow the journal.
    fn begins(&mut self, run: &Run) {
        if self.quiet {
            return;
        }
        let (scenario, plan) = (run.scenario(), run.plan().clone());
        self.output.remark(format!(
            "squall {} · {} · {}",
            env!("CARGO_PKG_VERSION"),
            scenario.name,
            visible(&scenario.question, 1_000)
        ));
        self.output.remark(format!(
            "seed {} · runtime {} · {} · about {} s · {}\n",
            plan.seed,
            run.runtime(),
            releases(run),
            plan.estimate_ms / 1_000,
            super::folder::shown(run.folder().path())
        ));
        let watched = std::io::stderr().is_terminal() && std::env::var_os("CI").is_none();
        let events = run.journal().listen();
        let (output, joins) = (self.output, run.runtime() == RuntimeKind::Attached);
        let thread = std::thread::Builder::new()
            .name("progress".to_owned())
            .spawn(move || Display::new(plan, joins, watched, output).follow(&events));
        self.thread = thread.ok();
    }

    /// Waits until the last event was shown.
    fn ended(&mut self) {
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What is started; of a cluster that is joined the releases are not known yet.
fn releases(run: &Run) -> String {
    let scenario = run.scenario();
    let workers = scenario.connect.workers.len();
    match run.runtime() {
        RuntimeKind::Attached => format!("{workers} workers"),
        RuntimeKind::Process | RuntimeKind::Docker => format!(
            "Kafka {}, Connect {} × {workers}",
            scenario.kafka.version, scenario.connect.version
        ),
    }
}

/// What has been seen so far, and where it is drawn.
struct Display {
    plan: Plan,
    /// Whether the cluster was there before.
    joins: bool,
    bar: Option<ProgressBar>,
    output: Output,
    now: Moment,
    told: Moment,
    activity: String,
    ready: BTreeMap<String, u64>,
    counts: String,
    faults_done: usize,
    acted: BTreeMap<FaultId, (Moment, FaultKind)>,
}

impl Display {
    fn new(plan: Plan, joins: bool, watched: bool, output: Output) -> Self {
        let bar = watched.then(|| {
            let bar =
                ProgressBar::with_draw_target(Some(plan.estimate_ms), ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template("  {spinner} {wide_msg}\n  {bar:40} {prefix}");
            bar.set_style(
                style
                    .unwrap_or_else(|_| ProgressStyle::default_bar())
                    .progress_chars("━╸─"),
            );
            bar.enable_steady_tick(REFRESH);
            bar
        });
        Self {
            plan,
            joins,
            bar,
            output,
            now: Moment::default(),
            told: Moment::default(),
            activity: "preparing".to_owned(),
            ready: BTreeMap::new(),
            counts: String::new(),
            faults_done: 0,
            acted: BTreeMap::new(),
        }
    }

    fn follow(mut self, events: &Receiver<Event>) {
        loop {
            match events.recv_timeout(REFRESH) {
                Ok(event) => {
                    self.now = event.at;
                    let last = matches!(event.what, What::RunEnded { .. });
                    self.take(&event);
                    self.draw();
                    if last {
                        break;
                    }
                }
                Err(RecvTimeoutError::Timeout) => self.draw(),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn draw(&mut self) {
        match &self.bar {
            Some(bar) => {
                bar.set_position(self.now.as_ms().min(self.plan.estimate_ms));
                bar.set_message(visible(&self.activity, LINE));
                bar.set_prefix(visible(&self.counts, LINE));
            }
            None if self.now.as_seconds() - self.told.as_seconds() >= HEARTBEAT_S => {
                let line = format!(
                    "  {:>7}  {} · {}",
                    self.now.to_string(),
                    self.activity,
                    self.counts
                );
                self.say(&line);
            }
            None => {}
        }
    }

    fn say(&mut self, line: &str) {
        self.told = self.now;
        match &self.bar {
            Some(bar) => bar.suspend(|| self.output.remark(line)),
            None => self.output.remark(line),
        }
    }

    fn stamped(&mut self, text: &str) {
        // Further lines begin where the text does, so that none looks like a moment of its own.
        let text = text.replace('\n', "\n           ");
        let line = format!("  {:>7}  {text}", self.now.to_string());
        self.say(&line);
    }

    fn take(&mut self, event: &Event) {
        match &event.what {
            What::PhaseBegan(phase) => self.phase(*phase),
            What::ProcessReady {
                name,
                incarnation: 1,
                took_ms,
            } => drop(self.ready.insert(name.clone(), *took_ms)),
            What::ProcessReady { name, took_ms, .. } => {
                self.stamped(&format!("{name} is back after {}", seconds(*took_ms)))
            }
            What::TasksRunning { tasks } => {
                self.stamped(&format!(
                    "connectors  ✓ {} tasks, each owned once",
                    tasks.len()
                ));
            }
            What::BaselineReached {
                rate_per_second,
                backlog,
                ..
            } => {
                self.stamped(&format!("baseline    ✓ {rate_per_second:.0} records/s into the last tap, {backlog} waiting"));
            }
            What::Progress { fed, seen } => {
                let seen: Vec<String> = seen
                    .iter()
                    .map(|(place, count)| format!("{count} at {place}"))
                    .collect();
                self.counts = format!("{fed} fed · {}", seen.join(" · "));
            }
            What::DrainEnded { finished, why } => {
                self.stamped(&format!(
                    "drain       {} {why}",
                    if *finished { "✓" } else { "?" }
                ));
            }
            What::ObserverFailed { observer, why } => {
                self.stamped(&format!("{observer} failed: {why}"))
            }
            What::Note(text) => self.stamped(text),
            _ => self.fault(event),
        }
    }

    fn fault(&mut self, event: &Event) {
        match &event.what {
            What::FaultIntended {
                fault,
                kind,
                workers,
                why,
                ..
            } => {
                self.faults_done += 1;
                self.acted.insert(*fault, (event.at, *kind));
                let workers: Vec<&str> = workers.iter().map(|worker| worker.as_str()).collect();
                self.activity = format!(
                    "{fault} {} {}: waiting for recovery",
                    kind.signal_name(),
                    workers.join(", ")
                );
                self.stamped(&format!(
                    "{fault}  {} {}, {why}",
                    kind.signal_name(),
                    workers.join(", ")
                ));
            }
            What::FaultProof { fault, proof } => {
                let text = proof_text(proof);
                self.stamped(&format!("{fault}    {text}"));
            }
            What::FaultUndone { fault, worker } => self.undone(*fault, worker),
            What::ThreadsDumped {
                fault,
                worker,
                stacks,
            } => {
                if let Some(why) = why_not_ended(stacks) {
                    self.stamped(&format!("{fault}      {worker}: {why}"));
                }
            }
            What::GraceOverrun {
                fault,
                worker,
                grace_ms,
            } => {
                self.stamped(&format!(
                    "{fault}    ✗ {worker} did not stop within {}; SIGKILL follows",
                    seconds(*grace_ms)
                ));
            }
            What::FaultSkipped { fault, why } => {
                self.stamped(&format!("{fault}  not injected: {why}"))
            }
            What::RecoverySeen { fault } => {
                let took = self
                    .acted
                    .get(fault)
                    .map(|(acted, _)| event.at.since(*acted))
                    .unwrap_or_default();
                self.activity = self.next_fault();
                self.stamped(&format!(
                    "{fault}    ✓ everything is as before after {:.1} s",
                    took.as_secs_f64()
                ));
            }
            What::RecoveryGivenUp { fault, missing } => {
                self.activity = self.next_fault();
                self.stamped(&format!("{fault}    ✗ no recovery: {missing}"));
            }
            _ => {}
        }
    }

    /// A process that is started again says so itself when it is ready.
    fn undone(&mut self, fault: FaultId, worker: &WorkerName) {
        match self.acted.get(&fault).map(|(_, kind)| kind) {
            Some(FaultKind::Pause) => self.stamped(&format!("{fault}    ✓ {worker} was resumed")),
            Some(FaultKind::Disconnect) => {
                self.stamped(&format!("{fault}    ✓ {worker} has its network again"));
            }
            Some(FaultKind::Kill | FaultKind::Stop { .. }) | None => {}
        }
    }

    fn phase(&mut self, phase: Phase) {
        let activity = match phase {
            Phase::Prepare if self.joins => "reading what the inventory says",
            Phase::Prepare => "getting Kafka ready",
            Phase::Provision if self.joins => "joining the cluster",
            Phase::Provision => "starting brokers and workers",
            Phase::Deploy => "creating connectors",
            Phase::Baseline => "the stream flows undisturbed",
            Phase::Faults => "injecting faults",
            Phase::Converge => "the stream ends",
            Phase::Drain => "reading every tap to its end",
            Phase::Collect => "collecting",
            Phase::TakeDown if self.joins => "leaving the cluster as it was",
            Phase::TakeDown => "taking everything down",
        };
        if phase == Phase::Deploy {
            let times: Vec<String> = self
                .ready
                .iter()
                .map(|(name, ms)| match self.joins {
                    true => format!("{name} answers"),
                    false => format!("{name} {}", seconds(*ms)),
                })
                .collect();
            self.stamped(&format!("cluster     ✓ {}", times.join(" · ")));
        }
        self.activity = if phase == Phase::Faults {
            self.next_fault()
        } else {
            activity.to_owned()
        };
        if self.bar.is_none() {
            self.stamped(activity);
        }
    }

    fn next_fault(&self) -> String {
        match self.plan.faults.get(self.faults_done) {
            Some(fault) => format!(
                "next: {} {} of {}",
                fault.id,
                fault.kind.signal_name(),
                fault.target
            ),
            None => "no more faults; the stream flows".to_owned(),
        }
    }
}

fn seconds(ms: u64) -> String {
    if ms < 100 {
        format!("{ms} ms")
    } else {
        format!("{:.1} s", ms as f64 / 1e3)
    }
}

fn proof_text(proof: &Proof) -> String {
    match proof {
        Proof::ProcessEnded {
            worker,
            exit,
            took_ms,
        } => {
            format!(
                "✓ the process of {worker} ended {exit} after {}",
                seconds(*took_ms)
            )
        }
        Proof::Paused { worker, took_ms } => {
            format!("✓ {worker} stands still after {}", seconds(*took_ms))
        }
        Proof::Disconnected { worker, took_ms } => {
            format!("✓ {worker} has no network after {}", seconds(*took_ms))
        }
        Proof::MemberGone { worker, .. } => format!("✓ the group has lost {worker}"),
        Proof::Missing { worker, awaited } => format!("? {worker}: {awaited}"),
    }
}
