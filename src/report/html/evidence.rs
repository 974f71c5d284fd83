//! Findings, faults, rewinds and offsets as the HTML report shows them.

use crate::model::Moment;
use crate::report::numbers::{count, lasting, moment, percent, plural, range, seconds};
use crate::report::text::visible;
use crate::verify::{FaultReport, Finding, FindingKind, Judgement, LogLine, OffsetReport, Rewind};

use super::share::{LINE_LIMIT, anchor, class, share, width};

/// Most log lines of one list.
const LINES: usize = 300;
/// Most ranges of one finding.
const RANGES: usize = 30;

/// One finding with its evidence.
pub(super) struct FindingCard {
    pub(super) anchor: String,
    pub(super) id: String,
    pub(super) class: &'static str,
    pub(super) text: String,
    pub(super) facts: Vec<String>,
    pub(super) ranges: Vec<String>,
    pub(super) more_ranges: usize,
    pub(super) log: Vec<Line>,
}

pub(super) fn finding(judgement: &Judgement, finding: &Finding) -> FindingCard {
    let verdicts = judgement
        .guarantees
        .iter()
        .filter(|g| g.findings.contains(&finding.id));
    let worst = verdicts.map(|guarantee| guarantee.verdict).max();
    let mut facts = vec![what_counts(finding)];
    facts.extend(finding.place.iter().map(|place| format!("at {place}")));
    facts.extend(
        finding
            .connector
            .iter()
            .map(|connector| format!("by connector {connector}")),
    );
    facts.extend(finding.task.iter().map(|task| format!("task {task}")));
    facts.extend(finding.lane.iter().map(|lane| format!("lane {lane}")));
    facts.extend(finding.fault.iter().map(|fault| format!("during {fault}")));
    facts.extend(between(finding.from, finding.to));
    FindingCard {
        anchor: anchor(&finding.id),
        id: finding.id.clone(),
        class: worst.map_or("", class),
        text: visible(&finding.text, 2 * LINE_LIMIT),
        facts,
        ranges: finding
            .ranges
            .iter()
            .take(RANGES)
            .map(|(first, last)| range(*first, *last))
            .collect(),
        more_ranges: finding.ranges.len().saturating_sub(RANGES),
        log: lines(&finding.log),
    }
}

/// What a finding stands for, with its unit.
fn what_counts(finding: &Finding) -> String {
    let (one, many) = match finding.kind {
        FindingKind::Lost
        | FindingKind::Undecided
        | FindingKind::Phantom
        | FindingKind::Corrupt
        | FindingKind::UnexplainedRepeat
        | FindingKind::Reordering
        | FindingKind::RepeatBeyondBound
        | FindingKind::Repeat => ("record", "records"),
        FindingKind::OffsetAhead | FindingKind::OffsetRegression | FindingKind::ZombieCommit => {
            ("commit", "commits")
        }
        FindingKind::Overlap
        | FindingKind::CrashedAtStop
        | FindingKind::StopOverrun
        | FindingKind::TaskFailed
        | FindingKind::Departure
        | FindingKind::NotRecovered => ("time", "times"),
    };
    plural(finding.count, one, many)
}

fn between(from: Option<Moment>, to: Option<Moment>) -> Option<String> {
    match (from, to) {
        (Some(from), Some(to)) if from != to => Some(format!("{} to {}", moment(from), moment(to))),
        (Some(at), _) | (None, Some(at)) => Some(format!("at {}", moment(at))),
        (None, None) => None,
    }
}

/// A log line, cut and made visible.
pub(super) struct Line {
    pub(super) at: String,
    pub(super) worker: String,
    pub(super) level: String,
    pub(super) class: &'static str,
    pub(super) text: String,
}

pub(super) fn lines(log: &[LogLine]) -> Vec<Line> {
    let line = |line: &LogLine| Line {
        at: moment(line.at),
        worker: line.worker.to_string(),
        level: visible(&line.level, 8),
        class: match line.level.as_str() {
            "ERROR" | "FATAL" => "error",
            "WARN" => "warn",
            _ => "info",
        },
        text: visible(&line.text, LINE_LIMIT),
    };
    log.iter().take(LINES).map(line).collect()
}

/// How many log lines [`lines`] leaves out.
pub(super) fn lines_left(log: &[LogLine]) -> usize {
    log.len().saturating_sub(LINES)
}

pub(super) fn workers(fault: &FaultReport) -> String {
    let names: Vec<&str> = fault.workers.iter().map(|worker| worker.as_str()).collect();
    names.join(" ")
}

/// A line of the fault table.
pub(super) struct FaultRow {
    pub(super) class: &'static str,
    pub(super) mark: &'static str,
    pub(super) word: &'static str,
    pub(super) id: String,
    pub(super) signal: String,
    pub(super) workers: String,
    pub(super) lasting: String,
    pub(super) target: String,
    pub(super) why: String,
    pub(super) took_effect: String,
    pub(super) proof: Vec<String>,
    pub(super) aftermath: Vec<String>,
    pub(super) undone: Vec<String>,
    pub(super) recovery: String,
    pub(super) damage: Vec<String>,
}

/// The faults in their order, unproven ones first when there are too many to show at once.
pub(super) fn faults(judgement: &Judgement, shown: usize) -> Vec<FaultRow> {
    let mut sorted: Vec<&FaultReport> = judgement.faults.iter().collect();
    if sorted.len() > shown {
        sorted.sort_by_key(|fault| fault.proven);
    }
    sorted.into_iter().map(fault_row).collect()
}

fn fault_row(fault: &FaultReport) -> FaultRow {
    let all = |texts: &[String]| texts.iter().map(|text| visible(text, LINE_LIMIT)).collect();
    let mut damage = Vec::new();
    if fault.lost > 0 {
        damage.push(format!("{} lost", count(fault.lost)));
    }
    damage.push(plural(fault.repeats, "repeat", "repeats"));
    damage.push(format!("silence {}", seconds(fault.outage_ms)));
    damage.push(format!("{} without owner", seconds(fault.unowned_task_ms)));
    let overlaps: Vec<String> = fault.overlaps.iter().map(ToString::to_string).collect();
    if !overlaps.is_empty() {
        damage.push(format!("overlaps {}", overlaps.join(" ")));
    }
    FaultRow {
        class: if fault.proven { "held" } else { "inconclusive" },
        mark: if fault.proven { "✓" } else { "?" },
        word: if fault.proven { "proven" } else { "not proven" },
        id: fault.id.to_string(),
        signal: visible(&fault.signal, 40),
        workers: workers(fault),
        lasting: lasting(fault.lasted_ms),
        target: visible(&fault.target, 80),
        why: visible(&fault.why, LINE_LIMIT),
        took_effect: fault.took_effect.map_or("no effect".to_owned(), moment),
        proof: all(&fault.proof),
        aftermath: all(&fault.aftermath),
        undone: all(&fault.undone),
        recovery: fault.recovery_ms.map_or("not seen".to_owned(), seconds),
        damage,
    }
}

/// A line of the rewind table.
pub(super) struct RewindRow {
    pub(super) lane: String,
    pub(super) connector: String,
    pub(super) place: String,
    pub(super) records: String,
    pub(super) copies: String,
    pub(super) class: &'static str,
    pub(super) explained: String,
    pub(super) at: String,
    pub(super) fault: String,
    pub(super) why: String,
    pub(super) bound: Option<String>,
    pub(super) used: String,
    pub(super) fill: String,
}

/// The rewinds, unexplained and large ones first.
pub(super) fn rewinds(judgement: &Judgement) -> Vec<RewindRow> {
    let mut sorted: Vec<&Rewind> = judgement.rewinds.iter().collect();
    let unexplained = |rewind: &Rewind| rewind.copies.saturating_sub(rewind.explained);
    sorted.sort_by_key(|rewind| std::cmp::Reverse((unexplained(rewind), rewind.copies)));
    sorted.into_iter().map(rewind_row).collect()
}

fn rewind_row(rewind: &Rewind) -> RewindRow {
    let used = rewind.bound.map(|bound| match bound {
        0 => f64::INFINITY,
        bound => share(rewind.copies, bound),
    });
    RewindRow {
        lane: rewind.lane.to_string(),
        connector: rewind.connector.to_string(),
        place: rewind.place.to_string(),
        records: range(rewind.first, rewind.last),
        copies: count(rewind.copies),
        class: if rewind.explained < rewind.copies {
            "broken"
        } else {
            "held"
        },
        explained: match rewind.copies.saturating_sub(rewind.explained) {
            0 => "✓ all".to_owned(),
            left => format!("✗ all but {}", count(left)),
        },
        at: moment(rewind.at),
        fault: rewind
            .fault
            .map(|fault| fault.to_string())
            .unwrap_or_default(),
        why: visible(&rewind.why, LINE_LIMIT),
        bound: rewind.bound.map(|bound| format!("≤ {}", count(bound))),
        used: used.map(percent).unwrap_or_default(),
        fill: width(used.unwrap_or(0.0)),
    }
}

/// A line of the offsets table.
pub(super) struct OffsetRow {
    pub(super) connector: String,
    pub(super) why_not: Option<String>,
    pub(super) class: &'static str,
    pub(super) numbers: [String; 3],
    pub(super) by_zombies: Option<String>,
}

pub(super) fn offsets(judgement: &Judgement) -> Vec<OffsetRow> {
    let row = |offsets: &OffsetReport| OffsetRow {
        connector: offsets.connector.to_string(),
        why_not: offsets
            .not_measurable
            .as_deref()
            .map(|why| visible(why, LINE_LIMIT)),
        class: if offsets.ahead + offsets.regressed > 0 {
            "broken"
        } else {
            ""
        },
        numbers: [offsets.commits, offsets.ahead, offsets.regressed].map(count),
        by_zombies: (offsets.by_zombies > 0).then(|| count(offsets.by_zombies)),
    };
    judgement.offsets.iter().map(row).collect()
}
