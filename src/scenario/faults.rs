//! The faults of a scenario: can each find its target, and does a worker remain to recover with?

use std::collections::BTreeSet;

use crate::model::settings::{Reader, definition};
use crate::model::{
    Connector, ConnectorName, FaultKind, KafkaVersion, Restart, Target, TaskId, WorkerName,
};

use super::keys::MOST_FAULTS;
use super::mistake::{Collector, Span};
use super::shape;
use super::tree::{Entry, Node};
use super::units;
use super::value::{FaultStep, InjectStep, Start};

const DEFAULT_GRACE_MS: u64 = 30_000;
const ROLES: [&str; 4] = ["leader", "follower", "any", "all"];

/// What the faults of a scenario can be aimed at.
pub(super) struct Aims<'a> {
    /// The workers' release.
    pub(super) version: KafkaVersion,
    pub(super) workers: &'a [WorkerName],
    pub(super) connectors: &'a [Connector],
}

/// Reads the list of faults; what is wrong is reported and left out.
pub(super) fn read(list: &Node, aims: &Aims<'_>, mistakes: &mut Collector<'_>) -> Vec<FaultStep> {
    let mut steps = Vec::new();
    let mut alive = Alive::new(aims.workers);
    let mut last_at = None;
    let mut planned = 0;
    for entry in list
        .items()
        .iter()
        .filter_map(|item| item.entries().first())
    {
        let node = &entry.value;
        let step = match entry.key.as_str() {
            "kill" | "stop" | "pause" | "disconnect" => {
                check_at(node, &mut last_at, mistakes);
                inject(entry, aims, mistakes).map(|step| {
                    alive.after(&step, node, mistakes);
                    FaultStep::Inject(step)
                })
            }
            "repeat" => repeat(node, aims, &mut alive, mistakes),
            "rolling" => rolling(node, &mut alive, mistakes),
            _ => None,
        };
        planned += step.as_ref().map_or(0, |step| count(step, aims));
        if planned > MOST_FAULTS {
            let message = format!("with these the plan holds {planned} faults");
            let help = format!("at most {MOST_FAULTS}: fewer rounds, or less in each");
            mistakes.stop(entry.key_span, message, help);
            break;
        }
        steps.extend(step);
    }
    steps
}

/// How many faults a step stands for.
fn count(step: &FaultStep, aims: &Aims<'_>) -> usize {
    match step {
        FaultStep::Inject(_) => 1,
        FaultStep::Repeat { rounds, steps, .. } => usize::try_from(*rounds)
            .unwrap_or(usize::MAX)
            .saturating_mul(steps.len()),
        FaultStep::Rolling { .. } => aims.workers.len(),
    }
}

fn check_at(node: &Node, last_at: &mut Option<u64>, mistakes: &mut Collector<'_>) {
    let (Some(at), Some(value)) = (node.read("at", units::duration), node.get("at")) else {
        return;
    };
    if let Some(last) = last_at.filter(|last| at < *last) {
        let message = "this fault is due before the one above it";
        let help = format!(
            "write faults in the order of their times: {} or later",
            units::duration_text(last)
        );
        mistakes.report(value.span, message, help);
    }
    *last_at = Some(at);
}

fn inject(entry: &Entry, aims: &Aims<'_>, mistakes: &mut Collector<'_>) -> Option<InjectStep> {
    let node = &entry.value;
    let after = node.read("after-recovery", units::duration).unwrap_or(0);
    let start = match node.read("at", units::duration) {
        Some(at) => Start::At(at),
        None => Start::AfterRecovery(after),
    };
    let kind = kind(entry)?;
    Some(InjectStep {
        kind,
        target: target(node, aims, mistakes)?,
        start,
        restart: match kind.ends_process() {
            true => restart(node),
            false => Restart::After {
                ms: node.read("for", units::duration)?,
            },
        },
    })
}

fn kind(entry: &Entry) -> Option<FaultKind> {
    let grace = entry.value.read("grace", units::duration);
    match entry.key.as_str() {
        "kill" => Some(FaultKind::Kill),
        "stop" => Some(FaultKind::Stop {
            grace_ms: grace.unwrap_or(DEFAULT_GRACE_MS),
        }),
        "pause" => Some(FaultKind::Pause),
        "disconnect" => Some(FaultKind::Disconnect),
        _ => None,
    }
}

fn restart(node: &Node) -> Restart {
    match node.text_of("restart-after") {
        Some("never") => Restart::Never,
        Some(text) => Restart::After {
            ms: units::duration(text).unwrap_or(0),
        },
        None => Restart::After { ms: 0 },
    }
}

fn target(node: &Node, aims: &Aims<'_>, mistakes: &mut Collector<'_>) -> Option<Target> {
    let target = node.get("target");
    if let Some(owner) = node
        .get("owner")
        .or_else(|| target.and_then(|target| target.get("owner")))
    {
        return owner_target(owner, aims, mistakes);
    }
    let target = target?;
    let text = target.text().filter(|_| !target.is_null())?;
    match text {
        "leader" => Some(Target::Leader),
        "follower" if aims.workers.len() < 2 => {
            let help = "the only worker leads: give `connect` two workers, or target `leader`";
            mistakes.report(target.span, "there is no follower", help);
            None
        }
        "follower" => Some(Target::Follower),
        "any" => Some(Target::Any),
        "all" => Some(Target::All),
        name => {
            let worker = aims.workers.iter().find(|worker| worker.as_str() == name);
            if worker.is_none() && !shape::is_number_or_truth(name) {
                unknown_worker(name, target.span, aims, mistakes);
            }
            worker.cloned().map(Target::Worker)
        }
    }
}

fn unknown_worker(name: &str, span: Span, aims: &Aims<'_>, mistakes: &mut Collector<'_>) {
    let message = format!("unknown worker `{name}`");
    let number = name.strip_prefix('w').map(str::parse::<u32>);
    // Those of an inventory may have any names.
    let counted = (1..)
        .zip(aims.workers)
        .all(|(number, worker)| worker.as_str() == format!("w{number}"));
    if let (Some(Ok(_)), Some(last), true) = (number, aims.workers.last(), counted) {
        let help = format!("this scenario has the workers `w1` to `{last}`");
        mistakes.report(span, message, help);
        return;
    }
    let workers = aims.workers.iter().map(WorkerName::as_str);
    let known: Vec<&str> = ROLES.into_iter().chain(workers).collect();
    mistakes.report(span, message, shape::meant(name, &known));
}

fn owner_target(node: &Node, aims: &Aims<'_>, mistakes: &mut Collector<'_>) -> Option<Target> {
    let text = node.text().filter(|_| !node.is_null())?;
    let task: TaskId = match text.parse() {
        Ok(task) => task,
        Err(_) => {
            let message = format!("`{text}` names no task");
            let help = "write a connector, a dash and the task's number, such as `mirror-1`";
            mistakes.report(node.span, message, help);
            return None;
        }
    };
    let names: Vec<&str> = aims.connectors.iter().map(|c| c.name.as_str()).collect();
    let connector = aims.connectors.iter().find(|c| c.name == task.connector);
    let Some(connector) = connector else {
        let message = format!("no connector `{}` in the route", task.connector);
        let help = shape::meant(task.connector.as_str(), &names);
        mistakes.report(node.span, message, help);
        return None;
    };
    if let Some(tasks) = most_tasks(connector, aims.version)
        && task.task >= tasks
    {
        let message = format!("`{}` has no task {}", task.connector, task.task);
        let help = owner_help(&task.connector, tasks, connector);
        mistakes.report(node.span, message, help);
        return None;
    }
    Some(Target::Owner(task))
}

/// How many tasks the connector has at most; `None` where only the running one knows.
fn most_tasks(connector: &Connector, version: KafkaVersion) -> Option<u32> {
    // `FileStreamSourceConnector.taskConfigs` gives one task, whatever `tasks.max` says.
    if connector.is_class("FileStreamSource") {
        return Some(1);
    }
    let keeps_to_it = || {
        let own = ["FileStreamSink", "MirrorSource", "VerifiableSource"];
        own.iter().any(|class| connector.is_class(class))
    };
    let enforce = "tasks.max.enforce";
    // Before KIP-1004 a connector could make more tasks than that.
    let is_enforced = definition(Reader::Source, enforce, version).is_some()
        && connector
            .setting(enforce)
            .is_none_or(|text| text.trim().eq_ignore_ascii_case("true"));
    let is_known = !connector.tasks_are_provided() && (is_enforced || keeps_to_it());
    is_known.then(|| connector.tasks_max())
}

fn owner_help(name: &ConnectorName, tasks: u32, connector: &Connector) -> String {
    let why = match tasks == connector.tasks_max() {
        true => "`tasks.max`",
        false => "this connector",
    };
    match tasks {
        0 => format!("{why} gives it no task"),
        1 => format!("{why} gives it one task: `{name}-0`"),
        _ => format!("{why} gives it `{name}-0` to `{name}-{}`", tasks - 1),
    }
}

fn repeat(
    node: &Node,
    aims: &Aims<'_>,
    alive: &mut Alive<'_>,
    mistakes: &mut Collector<'_>,
) -> Option<FaultStep> {
    let every = every(node, mistakes);
    let rounds = rounds(node, every.map(|(every, _)| every), mistakes);
    let list = node.get("do")?;
    let entries: Vec<&Entry> = list
        .items()
        .iter()
        .filter_map(|item| item.entries().first())
        .collect();
    if let Some(pause) = entries
        .first()
        .and_then(|first| first.value.entry("after-recovery"))
    {
        let help = "take it out: `every` says when a round begins";
        let message = "the first step of a round with a time of its own";
        mistakes.report(pause.key_span, message, help);
    }
    let steps: Vec<InjectStep> = entries
        .iter()
        .filter_map(|entry| inject(entry, aims, mistakes))
        .collect();
    let whole = steps.len() == list.items().len() && !steps.is_empty();
    let (first_ms, rounds) = rounds?;
    if whole {
        // Nobody can come back from `never`, so more rounds than workers tell nothing new.
        let most = aims.workers.len() + 1;
        for _ in 0..most.min(usize::try_from(rounds).unwrap_or(most)) {
            for (step, entry) in steps.iter().zip(&entries) {
                alive.after(step, &entry.value, mistakes);
            }
        }
    }
    let (every_ms, jitter_ms) = every?;
    whole.then_some(FaultStep::Repeat {
        first_ms,
        rounds,
        every_ms,
        jitter_ms,
        steps,
    })
}

fn every(node: &Node, mistakes: &mut Collector<'_>) -> Option<(u64, u64)> {
    let (every, jitter) = node.read("every", units::jittered)?;
    let span = node.get("every")?.span;
    if every == 0 {
        let help = "write the time from one round to the next, such as `15s`";
        mistakes.report(span, "rounds without time between them", help);
        return None;
    }
    if jitter > every {
        let message = "a round's window ends before it begins: the jitter is longer than the time between rounds";
        let text = units::duration_text(every);
        mistakes.report(span, message, format!("at most `{text} ± {text}`"));
        return None;
    }
    Some((every, jitter))
}

/// When the first round begins, and how many there are.
fn rounds(node: &Node, every: Option<u64>, mistakes: &mut Collector<'_>) -> Option<(u64, u32)> {
    let Some((from, to)) = node.read("window", units::stretch) else {
        let rounds = shape::whole(node.text_of("rounds")?, true)?;
        return Some((0, u32::try_from(rounds).ok()?));
    };
    let span = node.get("window")?.span;
    if to <= from {
        let message = match to < from {
            true => "this window ends before it begins",
            false => "this window has no length",
        };
        let (from, to) = (units::duration_text(from), units::duration_text(to));
        let help = match from == to {
            true => format!("write a later end than `{from}`"),
            false => format!("did you mean `{to}..{from}`?"),
        };
        mistakes.report(span, message, help);
        return None;
    }
    let rounds = (to - from).div_ceil(every?);
    if rounds > 10_000 {
        let help = "shorten the window or lengthen `every`: at most 10000 rounds";
        mistakes.report(span, format!("{rounds} rounds in this window"), help);
        return None;
    }
    Some((from, u32::try_from(rounds).ok()?))
}

fn rolling(node: &Node, alive: &mut Alive<'_>, mistakes: &mut Collector<'_>) -> Option<FaultStep> {
    let entry = node.entry("kill").or_else(|| node.entry("stop"))?;
    let step = InjectStep {
        kind: kind(entry)?,
        target: Target::All,
        start: Start::AfterRecovery(0),
        restart: restart(&entry.value),
    };
    alive.after(&step, &entry.value, mistakes);
    Some(FaultStep::Rolling {
        kind: step.kind,
        restart: step.restart,
        pause_ms: node.read("pause", units::duration).unwrap_or(0),
    })
}

/// Follows which workers are down for good.
struct Alive<'a> {
    workers: &'a [WorkerName],
    named: BTreeSet<WorkerName>,
    /// How many more were taken by a role, so that nobody knows which.
    by_role: usize,
    told: bool,
}

impl<'a> Alive<'a> {
    const fn new(workers: &'a [WorkerName]) -> Self {
        Self {
            workers,
            named: BTreeSet::new(),
            by_role: 0,
            told: false,
        }
    }

    fn after(&mut self, step: &InjectStep, node: &Node, mistakes: &mut Collector<'_>) {
        if self.told {
            return;
        }
        if let Target::Worker(worker) = &step.target
            && self.named.contains(worker)
        {
            let message = format!("`{worker}` is already down for good");
            let help = "give the earlier fault another `restart-after`, or this one another target";
            let span = node.get("target").map_or(node.span, |target| target.span);
            mistakes.report(span, message, help);
            self.told = true;
            return;
        }
        match step.restart {
            Restart::After { .. } => return,
            Restart::Never => self.lose(&step.target),
        }
        if self.named.len() + self.by_role >= self.workers.len() {
            let span = node
                .get("restart-after")
                .map_or(node.span, |value| value.span);
            let message = "after this fault no worker is left, so nothing can recover";
            let help = format!(
                "of {} at least one must come back: write a duration, such as `2s`",
                plural(self.workers.len(), "worker")
            );
            mistakes.report(span, message, help);
            self.told = true;
        }
    }

    fn lose(&mut self, target: &Target) {
        match target {
            Target::Worker(worker) => {
                self.named.insert(worker.clone());
            }
            Target::Leader | Target::Follower | Target::Any | Target::Owner(_) => self.by_role += 1,
            Target::All => self.by_role = self.workers.len(),
        }
    }
}

fn plural(count: usize, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}
