//! The contents of the HTML report, row by row, each number already as it is read.

use std::collections::BTreeSet;

use crate::model::{Moment, Verdict};
use crate::verify::{
    FaultReport, FeedLedger, Finding, FindingKind, GuaranteeResult, Judgement, LogLine, Recovery,
    RecoveryPhase, Rewind, Setting, TapLedger,
};

use super::ledger::equations;
use super::numbers::{count, milliseconds, moment, percent, plural, range, seconds};
use super::text::visible;

/// Most characters of a log line.
const LINE_LIMIT: usize = 500;
/// Most log lines of one list.
const LINES: usize = 300;
/// Most ranges of one finding.
const RANGES: usize = 30;

/// The style class of an answer.
pub(super) const fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Held => "held",
        Verdict::Inconclusive => "inconclusive",
        Verdict::Broken => "broken",
    }
}

/// A place on the page that can be linked to: `finding-lost-1`.
pub(super) fn anchor(id: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    format!("finding-{}", id.chars().map(safe).collect::<String>())
}

/// A link to a finding.
pub(super) struct Link {
    pub(super) anchor: String,
    pub(super) id: String,
}

/// A line of the guarantee table.
pub(super) struct GuaranteeRow {
    pub(super) class: &'static str,
    pub(super) mark: &'static str,
    pub(super) word: &'static str,
    pub(super) title: String,
    pub(super) key: &'static str,
    pub(super) measured: String,
    pub(super) limit: String,
    pub(super) used: Option<String>,
    pub(super) fill: String,
    pub(super) note: String,
    pub(super) findings: Vec<Link>,
    pub(super) more_findings: usize,
}

/// The guarantees, the worst first, otherwise in the order of the judgement.
pub(super) fn guarantees(judgement: &Judgement) -> Vec<GuaranteeRow> {
    let mut sorted: Vec<&GuaranteeResult> = judgement.guarantees.iter().collect();
    sorted.sort_by_key(|guarantee| std::cmp::Reverse(guarantee.verdict));
    sorted
        .into_iter()
        .map(|guarantee| guarantee_row(judgement, guarantee))
        .collect()
}

fn guarantee_row(judgement: &Judgement, guarantee: &GuaranteeResult) -> GuaranteeRow {
    const LINKS: usize = 5;
    let listed = |id: &&String| judgement.findings.iter().any(|finding| finding.id == **id);
    let link = |id: &String| Link {
        anchor: anchor(id),
        id: id.clone(),
    };
    GuaranteeRow {
        class: class(guarantee.verdict),
        mark: guarantee.verdict.mark(),
        word: guarantee.verdict.word(),
        title: guarantee.title.clone(),
        key: guarantee.kind.key(),
        measured: visible(&guarantee.measured, 48),
        limit: visible(&guarantee.limit, 48),
        used: guarantee.used.map(percent),
        fill: width(guarantee.used.unwrap_or(0.0)),
        note: visible(&guarantee.note, LINE_LIMIT),
        findings: guarantee
            .findings
            .iter()
            .filter(listed)
            .take(LINKS)
            .map(link)
            .collect(),
        more_findings: guarantee.findings.len().saturating_sub(LINKS),
    }
}

/// A share as a CSS width, between 0 and 100 %.
fn width(share: f64) -> String {
    let share = if share.is_nan() {
        1.0
    } else {
        share.clamp(0.0, 1.0)
    };
    format!("{:.2}%", share * 100.0)
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}

/// The feed's card.
pub(super) struct FeedCard {
    pub(super) place: String,
    pub(super) acked: String,
    pub(super) lines: Vec<String>,
}

pub(super) fn feed(feed: &FeedLedger) -> FeedCard {
    FeedCard {
        place: feed.place.to_string(),
        acked: count(feed.acked),
        lines: vec![
            format!("{} refused", count(feed.refused)),
            format!("{} without answer", count(feed.unknown)),
            format!("pace kept within {}", percent(feed.pace_error)),
        ],
    }
}

/// A step of a waterfall.
pub(super) struct Step {
    pub(super) sign: &'static str,
    pub(super) name: String,
    pub(super) value: String,
    pub(super) class: &'static str,
    pub(super) left: String,
    pub(super) width: String,
    pub(super) some: bool,
}

/// A tap's card.
pub(super) struct TapCard {
    pub(super) place: String,
    pub(super) connector: String,
    pub(super) once: String,
    pub(super) repeated: String,
    pub(super) steps: Vec<Step>,
    pub(super) lines: Vec<String>,
    pub(super) equations: Vec<Sum>,
}

/// A printed equation.
pub(super) struct Sum {
    pub(super) text: String,
    pub(super) holds: bool,
}

pub(super) fn tap(judgement: &Judgement, tap: &TapLedger) -> TapCard {
    let sums = equations(judgement, tap);
    TapCard {
        place: tap.place.to_string(),
        connector: tap.connector.to_string(),
        once: count(tap.once),
        repeated: count(tap.repeated),
        steps: steps(tap, sums[0].of),
        lines: tap_lines(tap),
        equations: sums
            .iter()
            .map(|sum| Sum {
                text: sum.to_string(),
                holds: sum.holds(),
            })
            .collect(),
    }
}

/// From what was expected down to what is here, and up again to everything that arrived.
fn steps(tap: &TapLedger, of: &str) -> Vec<Step> {
    let scale = tap.expected.max(tap.arrived);
    let mut level = tap.expected;
    let mut steps = vec![step("", of, tap.expected, "whole", 0, scale)];
    for (name, value, class) in [
        ("lost", tap.lost, "lost"),
        ("undecided", tap.undecided, "undecided"),
    ] {
        level = level.saturating_sub(value);
        if value > 0 || name == "lost" {
            steps.push(step("−", name, value, class, level, scale));
        }
    }
    let more = [
        ("extra copies", tap.extra_copies, "copies"),
        ("of unknown outcome", tap.of_unknown, "undecided"),
        ("phantom", tap.phantom, "lost"),
        ("corrupt", tap.corrupt, "lost"),
    ];
    for (name, value, class) in more {
        if value > 0 || name == "extra copies" {
            steps.push(step("+", name, value, class, level, scale));
        }
        level = level.saturating_add(value);
    }
    steps.push(step("=", "arrived", tap.arrived, "whole", 0, scale));
    steps
}

fn step(
    sign: &'static str,
    name: &str,
    value: u64,
    class: &'static str,
    from: u64,
    scale: u64,
) -> Step {
    Step {
        sign,
        name: name.to_owned(),
        value: count(value),
        class,
        left: width(share(from, scale)),
        width: width(share(value, scale)),
        some: value > 0,
    }
}

fn tap_lines(tap: &TapLedger) -> Vec<String> {
    let by = &tap.connector;
    let mut lines = Vec::new();
    if tap.lost > 0 {
        lines.push(format!(
            "{} of {} lost were lost by {by}",
            count(tap.own_lost),
            count(tap.lost)
        ));
    }
    if tap.extra_copies > 0 {
        let (own, all) = (count(tap.own_extra_copies), count(tap.extra_copies));
        let unexplained = count(tap.unexplained_copies);
        lines.push(format!(
            "{own} of {all} extra copies made by {by}, {unexplained} unexplained"
        ));
    }
    lines.push(plural(tap.reorderings, "reordering", "reorderings"));
    if let Some(aborted) = tap.aborted {
        lines.push(format!(
            "{} of aborted transactions, never visible",
            count(aborted)
        ));
    }
    if let Some(bound) = tap.loss_bound_per_million {
        lines.push(format!(
            "shows a loss of at most {bound:.1} per million, at 95 %"
        ));
    }
    lines
}

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
        FindingKind::OffsetAhead | FindingKind::OffsetRegression => ("commit", "commits"),
        FindingKind::Overlap
        | FindingKind::StopOverrun
        | FindingKind::TaskFailed
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

/// A phase of a recovery.
pub(super) struct PhaseRow {
    pub(super) class: &'static str,
    pub(super) name: String,
    pub(super) inside: bool,
    pub(super) length: String,
    pub(super) width: String,
    pub(super) setting: Option<String>,
    pub(super) note: String,
    pub(super) signal: String,
}

/// One recovery.
pub(super) struct RecoveryCard {
    pub(super) fault: String,
    pub(super) what: String,
    pub(super) task: String,
    pub(super) total: String,
    pub(super) complete: bool,
    pub(super) scale: String,
    pub(super) phases: Vec<PhaseRow>,
}

/// The recoveries: the longest of each fault and connector, then all others, each the longest first; the bars of all have
/// one scale.
pub(super) fn recoveries(judgement: &Judgement) -> Vec<RecoveryCard> {
    let mut sorted: Vec<&Recovery> = judgement.recoveries.iter().collect();
    sorted.sort_by_key(|recovery| std::cmp::Reverse(recovery.total_ms));
    let longest = sorted.first().map_or(1, |recovery| recovery.total_ms);
    let mut seen = BTreeSet::new();
    let (first, others): (Vec<_>, Vec<_>) = sorted
        .into_iter()
        .partition(|recovery| seen.insert((recovery.fault, &recovery.task.connector)));
    first
        .into_iter()
        .chain(others)
        .map(|recovery| recovery_card(judgement, recovery, longest))
        .collect()
}

fn recovery_card(judgement: &Judgement, recovery: &Recovery, longest: u64) -> RecoveryCard {
    let fault = judgement
        .faults
        .iter()
        .find(|fault| fault.id == recovery.fault);
    let part = share(recovery.total_ms, longest);
    RecoveryCard {
        fault: recovery.fault.to_string(),
        what: fault
            .map(|fault| format!("{} {}", fault.signal, workers(fault)))
            .unwrap_or_default(),
        task: recovery.task.to_string(),
        total: seconds(recovery.total_ms),
        complete: recovery.complete,
        scale: width(part),
        phases: recovery
            .phases
            .iter()
            .map(|phase| phase_row(phase, recovery.total_ms, part))
            .collect(),
    }
}

fn phase_row(phase: &RecoveryPhase, total_ms: u64, part: f64) -> PhaseRow {
    /// Share of a card that one character takes.
    const CHARACTER: f64 = 0.016;
    let of_recovery = share(phase.length_ms, total_ms);
    let name = visible(&phase.name, 30);
    PhaseRow {
        class: phase_class(&phase.name),
        inside: of_recovery * part > (name.chars().count() + 1) as f64 * CHARACTER,
        name,
        length: seconds(phase.length_ms),
        width: width(of_recovery),
        setting: phase
            .setting
            .as_deref()
            .map(|setting| visible(setting, 200)),
        note: visible(&phase.note, LINE_LIMIT),
        signal: format!(
            "{}, ±{} ms",
            visible(&phase.signal, 80),
            count(phase.error_ms)
        ),
    }
}

/// The colour of a phase; phases of other names share the last one.
fn phase_class(name: &str) -> &'static str {
    match name {
        "noticed" => "p1",
        "delay" => "p2",
        "assigned" => "p3",
        "started" => "p4",
        "first record" => "p5",
        "first commit" => "p6",
        _ => "p7",
    }
}

fn workers(fault: &FaultReport) -> String {
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
    pub(super) target: String,
    pub(super) why: String,
    pub(super) took_effect: String,
    pub(super) proof: Vec<String>,
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
        target: visible(&fault.target, 80),
        why: visible(&fault.why, LINE_LIMIT),
        took_effect: fault.took_effect.map_or("no effect".to_owned(), moment),
        proof: all(&fault.proof),
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

/// A line of the settings table.
pub(super) struct SettingRow {
    pub(super) differs: bool,
    pub(super) name: String,
    pub(super) value: String,
    pub(super) default: String,
    pub(super) decides: String,
}

/// The settings, those that differ from Connect's defaults first.
pub(super) fn settings(judgement: &Judgement) -> Vec<SettingRow> {
    let row = |setting: &Setting| SettingRow {
        differs: setting
            .default
            .as_ref()
            .is_some_and(|default| *default != setting.value),
        name: visible(&setting.name, 120),
        value: number_or_text(&setting.value),
        default: setting
            .default
            .as_deref()
            .map_or("not known".to_owned(), number_or_text),
        decides: visible(&setting.decides, LINE_LIMIT),
    };
    let mut rows: Vec<SettingRow> = judgement.settings.iter().map(row).collect();
    rows.sort_by_key(|row| !row.differs);
    rows
}

fn number_or_text(value: &str) -> String {
    let number = value.bytes().all(|byte| byte.is_ascii_digit());
    match value.parse() {
        Ok(value) if number => count(value),
        _ => visible(value, 200),
    }
}

/// A line of the latency table.
pub(super) struct LatencyRow {
    pub(super) place: String,
    pub(super) phase: String,
    pub(super) numbers: [String; 4],
    pub(super) samples: String,
}

pub(super) fn latency(judgement: &Judgement) -> Vec<LatencyRow> {
    let row = |latency: &crate::verify::Latency| LatencyRow {
        place: latency.place.to_string(),
        phase: visible(&latency.phase, 40),
        numbers: [
            latency.p50_ms,
            latency.p95_ms,
            latency.p99_ms,
            latency.max_ms,
        ]
        .map(milliseconds),
        samples: count(latency.samples),
    };
    judgement.latency.iter().map(row).collect()
}

/// A line of the offsets table.
pub(super) struct OffsetRow {
    pub(super) connector: String,
    pub(super) why_not: Option<String>,
    pub(super) class: &'static str,
    pub(super) numbers: [String; 3],
}

pub(super) fn offsets(judgement: &Judgement) -> Vec<OffsetRow> {
    let row = |offsets: &crate::verify::OffsetReport| OffsetRow {
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
    };
    judgement.offsets.iter().map(row).collect()
}

/// A phase of the run itself.
pub(super) struct RunPhase {
    pub(super) name: String,
    pub(super) length: String,
    pub(super) share: String,
    pub(super) width: String,
    pub(super) inside: bool,
}

pub(super) fn run_phases(judgement: &Judgement) -> Vec<RunPhase> {
    let phases = &judgement.run.phases;
    let total = phases.iter().map(|phase| phase.length_ms).sum();
    let row = |phase: &crate::verify::PhaseSpan| {
        let name = visible(&phase.phase, 40);
        let part = share(phase.length_ms, total);
        RunPhase {
            inside: part > (name.chars().count() + 1) as f64 * 0.0065,
            name,
            length: seconds(phase.length_ms),
            share: percent(part),
            width: width(part),
        }
    };
    phases.iter().map(row).collect()
}
