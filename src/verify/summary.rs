//! What was run, which faults took effect, and how it was measured.

use std::collections::BTreeMap;

use crate::journal::Exit;
use crate::model::{FaultId, FaultKind, OffsetMapping, TaskId};

use super::case::Case;
use super::figures::{plural, seconds};
use super::findings::Facts;
use super::guarantees::overlapping;
use super::history::{FaultStory, Membership, ProcessStep, Victim};
use super::offsets::Offsets;
use super::recovery::FaultRecovery;
use super::rewinds::Rewinds;
use super::roster::Struck;
use super::told::Told;
use super::zombie::moved;
use super::{FaultReport, LogLine, PhaseSpan, RunSummary, WATCHED_SHOWS};

/// Log lines in the excerpts.
const MOST_LINES: usize = 200;

/// The head of the report.
pub(super) fn run(case: &Case<'_>) -> RunSummary {
    let info = case.info;
    let scenario = &info.scenario;
    let mut route: Vec<String> = scenario
        .route
        .feed()
        .map(|p| p.name.to_string())
        .into_iter()
        .collect();
    for leg in &case.legs {
        route.push(leg.connector.name.to_string());
        route.push(leg.tap.name.to_string());
    }
    let injected = case
        .history
        .faults
        .iter()
        .filter(|fault| fault.acted().is_some());
    let proven = case.history.faults.iter().filter(|fault| fault.proven());
    RunSummary {
        scenario: scenario.name.clone(),
        question: scenario.question.clone(),
        scenario_path: info.scenario_path.clone(),
        cluster_arguments: info.cluster_arguments.clone(),
        squall: info.squall.clone(),
        started: info.started.clone(),
        duration_ms: case.history.end.as_ms(),
        seed: info.seed,
        runtime: info.runtime,
        runtime_facts: info.runtime_facts.clone(),
        kafka: scenario.kafka.version.to_string(),
        connect: scenario.connect.version.to_string(),
        brokers: scenario.kafka.brokers,
        workers: u32::try_from(scenario.connect.workers.len()).unwrap_or(u32::MAX),
        route,
        faults_injected: u32::try_from(injected.count()).unwrap_or(u32::MAX),
        faults_proven: u32::try_from(proven.count()).unwrap_or(u32::MAX),
        host: info.host.clone(),
        phases: phases(case),
        start_ms: starts(case),
        harness_cpu_ms: case
            .history
            .ended
            .as_ref()
            .map_or(0, |end| end.harness_cpu_ms),
        resolved_scenario: serde_json::to_value(scenario).unwrap_or_default(),
    }
}

fn phases(case: &Case<'_>) -> Vec<PhaseSpan> {
    let phases = &case.history.phases;
    phases
        .iter()
        .enumerate()
        .map(|(number, (phase, from))| {
            let to = phases
                .get(number + 1)
                .map_or(case.history.end, |(_, at)| *at);
            let name = serde_json::to_value(phase).unwrap_or_default();
            PhaseSpan {
                phase: name.as_str().unwrap_or_default().to_owned(),
                from: *from,
                length_ms: to.as_ms().saturating_sub(from.as_ms()),
            }
        })
        .collect()
}

fn starts(case: &Case<'_>) -> BTreeMap<String, u64> {
    let mut starts = BTreeMap::new();
    for process in &case.history.processes {
        if let ProcessStep::Ready {
            incarnation: 1,
            took_ms,
        } = process.what
        {
            starts.entry(process.name.to_owned()).or_insert(took_ms);
        }
    }
    starts
}

/// The faults with their proof and their effects.
pub(super) fn faults(facts: &Facts<'_, '_>) -> Vec<FaultReport> {
    let (case, recoveries) = (facts.case, facts.recoveries);
    let report = |(index, fault): (usize, &FaultStory)| {
        let recovery = &recoveries[index];
        let explained = facts
            .rewinds
            .told
            .iter()
            .filter(|told| told.cause == Some(index));
        let overlaps: Vec<FaultId> = overlapping(recoveries, index)
            .map(|other| case.history.faults[other].id)
            .collect();
        let gone = fault
            .victims
            .iter()
            .filter_map(|victim| victim.gone())
            .min();
        FaultReport {
            id: fault.id,
            signal: fault.kind.signal_name().to_owned(),
            target: fault.target.clone(),
            workers: fault.victims.iter().map(|v| v.worker.clone()).collect(),
            why: fault.skipped.clone().unwrap_or_else(|| fault.why.clone()),
            took_effect: gone,
            proven: fault.proven(),
            proof: proof(fault),
            undone: undone(fault),
            lasted_ms: fault.lasted_ms(),
            aftermath: aftermath(case, facts.offsets, index),
            recovered: recovery.recovered,
            recovery_ms: recovery.ms(),
            overlaps,
            repeats: explained.map(Told::explained).sum(),
            lost: facts.losses.by_fault.get(&index).copied().unwrap_or(0),
            outage_ms: recovery.outage.ms,
            phases: recovery.phases.clone(),
            unowned_task_ms: recovery.began.map_or(0, |began| {
                facts.ownership.unowned_ms(began, recovery.window_end)
            }),
        }
    };
    case.history.faults.iter().enumerate().map(report).collect()
}

fn proof(fault: &FaultStory) -> Vec<String> {
    let mut proof = Vec::new();
    for victim in &fault.victims {
        match fault.kind {
            FaultKind::Kill | FaultKind::Stop { .. } => end_proof(victim, &mut proof),
            FaultKind::Pause => state_proof(victim, "stood still", "resumed", &mut proof),
            FaultKind::Disconnect => {
                state_proof(victim, "had no network", "connected again", &mut proof);
            }
        }
    }
    proof.extend(
        fault
            .missing_proof
            .iter()
            .map(|what| format!("missing: {what}")),
    );
    proof
}

fn end_proof(victim: &Victim, proof: &mut Vec<String>) {
    let worker = &victim.worker;
    match (victim.exit, victim.ended) {
        (Some(Exit::Code(code)), Some(at)) => {
            proof.push(format!("{worker} ended with status {code} at {at}"));
        }
        (Some(Exit::Signal(signal)), Some(at)) => {
            proof.push(format!("{worker} was ended by signal {signal} at {at}"));
        }
        (Some(Exit::Unknown), Some(at)) => proof.push(format!("{worker} was gone at {at}")),
        (None, _) | (_, None) => {
            proof.push(format!("missing: the end of {worker} was not seen"));
        }
    }
    if victim.overran {
        proof.push(format!("{worker} overran its grace"));
    }
    proof.push(if victim.member_gone.is_some() {
        format!("the group lost the member that {worker} was")
    } else if victim.struck == Struck::Nobody {
        format!("{worker} had yet to join, so the group had no member of it to lose")
    } else {
        format!("missing: that the group lost the member that {worker} was")
    });
}

/// Whether the group noticed is not part of this proof.
fn state_proof(victim: &Victim, state: &str, back: &str, proof: &mut Vec<String>) {
    let worker = &victim.worker;
    proof.push(match victim.ended {
        Some(at) => format!("{worker} {state} at {at}"),
        None => format!("missing: {worker} was not seen to have {state}"),
    });
    if victim.undone.is_none() {
        proof.push(format!("missing: {worker} was not {back}"));
    }
}

fn undone(fault: &FaultStory) -> Vec<String> {
    let how = match fault.kind {
        FaultKind::Kill | FaultKind::Stop { .. } => "started again",
        FaultKind::Pause => "resumed",
        FaultKind::Disconnect => "connected again",
    };
    let done = fault.victims.iter().filter_map(|victim| {
        let at = victim.undone?;
        let after = victim.ended.filter(|_| !fault.kind.ends_process());
        let after = after.map_or(String::new(), |ended| {
            format!(
                ", after {}",
                seconds(at.as_ms().saturating_sub(ended.as_ms()))
            )
        });
        Some(format!("{} was {how} at {at}{after}", victim.worker))
    });
    let mut list: Vec<String> = done.collect();
    if list.is_empty() && !fault.restarts {
        list.push("stays down, as planned".to_owned());
    }
    list
}

/// What a fault did to workers that outlived it.
fn aftermath(case: &Case<'_>, offsets: &Offsets, index: usize) -> Vec<String> {
    let fault = &case.history.faults[index];
    if fault.kind.ends_process() {
        return Vec::new();
    }
    let acted = fault.victims.iter().filter(|victim| victim.acted.is_some());
    let mut texts: Vec<String> = acted
        .map(|victim| match victim.membership {
            Membership::Lost(at) => format!("the group was without {} from {at}", victim.worker),
            Membership::Kept if victim.struck == Struck::Nobody => {
                format!("{} had yet to join the group", victim.worker)
            }
            Membership::Kept => format!("the group kept {} as a member", victim.worker),
            Membership::Unknown => {
                format!(
                    "whether the group kept {} as a member is not known",
                    victim.worker
                )
            }
        })
        .collect();
    let moved = moved(fault, &case.marks[index]);
    texts.extend(moved.iter().map(|(task, owner, at)| {
        format!("{owner} had {task} from {at}, before its old owner was back")
    }));
    let by_this = offsets.by_zombies.iter();
    let commits = by_this.filter(|wrong| wrong.zombie == Some(index)).count() as u64;
    if commits > 0 {
        let what = plural(commits, "source commit");
        texts.push(format!("{what} went back as those of a zombie do"));
    }
    texts
}

/// Log lines with trouble in them near faults, at most 200, shared out among the faults.
pub(super) fn log_excerpts(case: &Case<'_>, recoveries: &[FaultRecovery]) -> Vec<LogLine> {
    let faults = recoveries
        .iter()
        .filter(|recovery| recovery.began.is_some())
        .count();
    let share = MOST_LINES / faults.max(1);
    let mut chosen: Vec<usize> = Vec::new();
    for recovery in recoveries {
        let Some(began) = recovery.began else {
            continue;
        };
        let from = began.0.saturating_sub(1_000_000);
        let to = recovery.window_end.0.saturating_add(1_000_000);
        let near = case
            .history
            .logs
            .iter()
            .enumerate()
            .filter(|(_, log)| (from..=to).contains(&log.line.at.0));
        let (trouble, plain): (Vec<_>, Vec<_>) = near.partition(|(_, log)| log.trouble);
        let both = trouble.into_iter().chain(plain);
        chosen.extend(both.map(|(index, _)| index).take(share));
    }
    chosen.sort_unstable();
    chosen.dedup();
    let mut lines: Vec<LogLine> = chosen
        .into_iter()
        .map(|index| case.history.logs[index].line.clone())
        .collect();
    lines.sort_by_key(|line| line.at);
    lines
}

/// The tasks that a stop left without a chance to commit, a sentence for each worker.
fn late_tasks<'c>(case: &'c Case<'_>) -> impl Iterator<Item = String> + 'c {
    case.history.faults.iter().flat_map(|fault| {
        let late = fault.victims.iter().filter(|victim| !victim.late.is_empty());
        late.map(|victim| {
            let name = |task: &Option<TaskId>| {
                task.as_ref()
                    .map_or_else(|| "a task".to_owned(), ToString::to_string)
            };
            let names: Vec<String> = victim.late.iter().map(name).collect();
            format!(
                "{}: on {} the stop of {} overran task.shutdown.graceful.timeout.ms, so what these connectors repeat after it counts as after a kill.",
                fault.id,
                victim.worker,
                names.join(" and ")
            )
        })
    })
}

/// What workers may repeat that outlived a fault, where there are any.
fn outlived(case: &Case<'_>) -> Option<String> {
    let mut faults = case.history.faults.iter();
    faults.any(|fault| !fault.kind.ends_process()).then(|| {
        "A worker that the group kept through a pause must repeat nothing, and after a network loss only what was in flight. One that was given up comes back as a zombie: its tasks repeat as after a kill, and from its return until the group has settled each record above the committed position may come twice more, from the zombie and from the owner after it.".to_owned()
    })
}

/// How it was measured, and what the run cannot show.
pub(super) fn method(case: &Case<'_>, rewinds: &Rewinds, listed: usize) -> Vec<String> {
    let mut text = vec![
        "Every record carries its lane, its number and a checksum; every arrival at every tap is compared with what the feed acknowledged.".to_owned(),
        "A missing record counts as lost only after a finished drain: cluster healthy, offsets at their end, nothing new for the quiet period.".to_owned(),
        format!(
            "Ownership comes from the group's bytes in state Stable, polled every {} ms while something happens; the longest gap between two answers was {} ms around faults and {} ms in all. Taps are read live, ±10 ms.",
            case.info.group_poll_ms,
            case.history.group_error_ms(case.info),
            case.history.group_gap_ms(case.info)
        ),
        "A repeat is explained when a kill hit its task (or a stop that overran its grace, or at which a task of its connector overran task.shutdown.graceful.timeout.ms), it lies at or above the last position committed for certain before the kill, it had been delivered by then, and its task had not passed it since; each start of a task explains each position once.".to_owned(),
    ];
    text.extend(outlived(case));
    text.extend(late_tasks(case));
    text.extend((!case.info.watched.is_empty()).then(|| WATCHED_SHOWS.to_owned()));
    for leg in &case.legs {
        text.push(format!(
            "Bound for {}: lane rate × (offset.flush.interval.ms {} ms + commit time {} ms + 1,000 ms in flight), or what the lane really delivered in that time before the kill where that is more.",
            leg.connector.name, leg.flush_interval_ms, leg.commit_ms
        ));
        if leg.exactly_once {
            text.push(format!(
                "{} runs exactly-once: its tap is read with read_committed, and no repeat is allowed for.",
                leg.connector.name
            ));
        }
        if matches!(leg.connector.offsets, OffsetMapping::NotMeasurable) {
            text.push(format!(
                "The offsets of {} cannot be mapped to records: whether its repeats are explained is not measurable here.",
                leg.connector.name
            ));
        }
    }
    if listed < rewinds.told.len() {
        text.push(format!(
            "{} more rewinds are counted but not listed.",
            rewinds.told.len() - listed
        ));
    }
    text.extend(
        case.history
            .notes
            .iter()
            .take(20)
            .map(|note| (*note).to_owned()),
    );
    text
}
