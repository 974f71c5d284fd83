//! The judgement for a terminal: the verdict in one sentence, then what it rests on.

use crate::model::{RuntimeKind, Verdict};
use crate::verify::{
    FaultReport, GuaranteeResult, Judgement, Recovery, RecoveryPhase, RunSummary, WATCHED_SHOWS,
};

use super::ledger::equations;
use super::numbers::{bare_seconds, count, lasting, long, moment, percent, plural, seconds};
use super::text::{again, shell_word, visible, wrapped};
use super::watched as words;

const TEXT_LIMIT: usize = 600;
const BAR_CELLS: usize = 16;
const FINDINGS_SHOWN: usize = 3;
const FAULTS_SHOWN: usize = 12;
/// Faults of which it is shown where their time went, the longest ones.
const ACCOUNTED_SHOWN: usize = 6;
const RECOVERIES_SHOWN: usize = 2;
const WATCHED_SHOWN: usize = 12;
const NARROWEST: usize = 60;
const WIDEST: usize = 140;

/// The whole result for a terminal of `width` columns, ANSI colours only with `colour`; `folder` is the run folder as the
/// user can type it.
pub fn terminal(judgement: &Judgement, folder: &str, colour: bool, width: usize) -> String {
    let mut screen = Screen {
        out: String::new(),
        colour,
        width: width.clamp(NARROWEST, WIDEST),
    };
    verdict(&mut screen, judgement);
    guarantees(&mut screen, judgement, folder);
    ledger(&mut screen, judgement);
    faults(&mut screen, judgement);
    recoveries(&mut screen, judgement);
    watched(&mut screen, judgement);
    closing(&mut screen, judgement, folder);
    screen.out
}

/// How a piece of text is painted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ink {
    Plain,
    Bold,
    Faint,
    Good,
    Bad,
    Doubtful,
}

impl Ink {
    const fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Bold => "1",
            Self::Faint => "2",
            Self::Good => "32",
            Self::Bad => "1;31",
            Self::Doubtful => "33",
        }
    }

    const fn of(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Held => Self::Good,
            Verdict::Inconclusive => Self::Doubtful,
            Verdict::Broken => Self::Bad,
        }
    }
}

/// Text under construction; each piece is made harmless before it is painted.
struct Screen {
    out: String,
    colour: bool,
    width: usize,
}

impl Screen {
    fn put(&mut self, ink: Ink, text: &str) -> &mut Self {
        let code = ink.code();
        if self.colour && !code.is_empty() {
            self.out.push_str(&format!("\u{1b}[{code}m{text}\u{1b}[0m"));
        } else {
            self.out.push_str(text);
        }
        self
    }

    fn end(&mut self) {
        let end = self.out.trim_end_matches(' ').len();
        self.out.truncate(end);
        self.out.push('\n');
    }

    fn line(&mut self, ink: Ink, text: &str) {
        self.put(ink, text).end();
    }

    /// A heading with an empty line before it.
    fn heading(&mut self, text: &str, aside: &str) {
        self.end();
        self.put(Ink::Plain, "  ").put(Ink::Bold, text);
        if !aside.is_empty() {
            self.put(Ink::Faint, &format!("  {aside}"));
        }
        self.end();
    }

    /// Text broken at the width; the first line continues what stands, the others begin at column `indent`.
    fn hanging(&mut self, ink: Ink, text: &str, indent: usize) {
        let text = visible(text, TEXT_LIMIT);
        let room = self.width.saturating_sub(indent).max(20);
        for (index, line) in wrapped(&text, room).iter().enumerate() {
            if index > 0 {
                self.out.push_str(&" ".repeat(indent));
            }
            self.line(ink, line);
        }
    }
}

fn verdict(screen: &mut Screen, judgement: &Judgement) {
    let (word, ink) = match judgement.environment_failure {
        Some(_) => ("NO VERDICT", Ink::Doubtful),
        None => (judgement.verdict.word(), Ink::of(judgement.verdict)),
    };
    screen.put(ink, word).put(Ink::Plain, "  ");
    screen.hanging(Ink::Bold, &judgement.sentence, word.len() + 2);
    if let Some(why) = &judgement.environment_failure {
        screen.end();
        screen.put(Ink::Bad, "  environment  ");
        screen.hanging(Ink::Plain, why, 15);
    }
    if judgement.interrupted {
        screen.end();
        screen.line(Ink::Doubtful, "  ? the run was ended early by its user");
    }
}

/// Broken ones first, then what could not be decided, each in the order of the report.
fn guarantees(screen: &mut Screen, judgement: &Judgement, folder: &str) {
    let mut sorted: Vec<&GuaranteeResult> = judgement.guarantees.iter().collect();
    sorted.sort_by_key(|guarantee| std::cmp::Reverse(guarantee.verdict));
    let columns = Columns::of(&sorted);
    if !sorted.is_empty() {
        screen.end();
    }
    for guarantee in &sorted {
        guarantee_line(screen, guarantee, &columns);
        if guarantee.verdict == Verdict::Broken {
            broken(screen, judgement, guarantee, folder);
        }
    }
    if !judgement.doubts.is_empty() {
        screen.heading("Doubts", "each keeps this run from being proof");
    }
    for doubt in &judgement.doubts {
        screen.put(Ink::Doubtful, "  ? ");
        screen.hanging(Ink::Plain, doubt, 4);
    }
    if !judgement.warnings.is_empty() {
        screen.heading("Warnings", "settings that may have no effect");
    }
    for warning in &judgement.warnings {
        screen.put(Ink::Doubtful, "  ! ");
        screen.hanging(Ink::Plain, warning, 4);
    }
}

/// The widths of the guarantee table.
struct Columns {
    key: usize,
    measured: usize,
    limit: usize,
}

impl Columns {
    fn of(guarantees: &[&GuaranteeResult]) -> Self {
        let widest = |text: &dyn Fn(&GuaranteeResult) -> usize| {
            guarantees.iter().map(|g| text(g)).max().unwrap_or(0)
        };
        Self {
            key: widest(&|g| g.kind.key().len()),
            measured: widest(&|g| measured(g).chars().count()).min(28),
            limit: widest(&|g| limit(g).chars().count()).min(26),
        }
    }
}

fn measured(guarantee: &GuaranteeResult) -> String {
    visible(&guarantee.measured(), 60)
}

fn limit(guarantee: &GuaranteeResult) -> String {
    let limit = visible(&guarantee.limit(), 60);
    if limit.starts_with(|c: char| c.is_ascii_digit()) {
        format!("limit {limit}")
    } else {
        limit
    }
}

fn guarantee_line(screen: &mut Screen, guarantee: &GuaranteeResult, columns: &Columns) {
    let head = format!(
        "{:<key$}  {:<measured$}  {:<limit$}  ",
        guarantee.kind.key(),
        measured(guarantee),
        limit(guarantee),
        key = columns.key,
        measured = columns.measured,
        limit = columns.limit,
    );
    let mut column = 4 + head.chars().count();
    screen
        .put(Ink::Plain, "  ")
        .put(Ink::of(guarantee.verdict), guarantee.verdict.mark())
        .put(Ink::Plain, " ")
        .put(Ink::Plain, &head);
    if let Some(used) = guarantee.used {
        let text = format!("{} {}", bar(used), percent(used));
        column += text.chars().count() + 2;
        screen
            .put(Ink::of(guarantee.verdict), &text)
            .put(Ink::Plain, "  ");
    }
    note(screen, &guarantee.note, column, 4 + columns.key + 2);
}

/// A note on the same line where it fits, else below.
fn note(screen: &mut Screen, note: &str, column: usize, indent: usize) {
    let note = visible(note, TEXT_LIMIT);
    if note.is_empty() {
        screen.end();
    } else if column + note.chars().count() + 2 <= screen.width {
        screen.line(Ink::Faint, &format!("({note})"));
    } else {
        screen.end();
        screen.out.push_str(&" ".repeat(indent));
        screen.hanging(Ink::Faint, &note, indent);
    }
}

fn broken(screen: &mut Screen, judgement: &Judgement, guarantee: &GuaranteeResult, folder: &str) {
    let findings: Vec<_> = judgement
        .findings
        .iter()
        .filter(|finding| guarantee.findings.contains(&finding.id))
        .collect();
    for finding in findings.iter().take(FINDINGS_SHOWN) {
        screen.out.push_str("      ");
        screen.hanging(Ink::Plain, &finding.text, 6);
        let command = format!("squall explain {} {}", shell_word(folder), finding.id);
        screen.line(
            Ink::Faint,
            &format!("        {}", visible(&command, TEXT_LIMIT)),
        );
    }
    let more = guarantee.findings.len().saturating_sub(FINDINGS_SHOWN);
    if more > 0 {
        let text = format!("      and {more} more in the report");
        screen.line(Ink::Faint, &text);
    }
}

/// A bar of sixteenths, full when the limit is used up; never empty when something was used.
fn bar(used: f64) -> String {
    let share = if used.is_nan() { 1.0 } else { used };
    let reached = |cell: &usize| *cell as f64 + 0.5 <= share * BAR_CELLS as f64;
    let full = (0..BAR_CELLS).filter(reached).count();
    let full = if share > 0.0 { full.max(1) } else { 0 };
    format!("{}{}", "█".repeat(full), "░".repeat(BAR_CELLS - full))
}

fn ledger(screen: &mut Screen, judgement: &Judgement) {
    if judgement.feed.is_none() && judgement.taps.is_empty() {
        return;
    }
    screen.heading("Every record", "");
    let names = judgement.taps.iter().map(|tap| tap.place.as_str());
    let feed = judgement.feed.iter().map(|feed| feed.place.as_str());
    let widest = names.chain(feed).map(str::len).max().unwrap_or(0);
    if let Some(feed) = &judgement.feed {
        screen.line(
            Ink::Plain,
            &format!(
                "    {:<widest$}  {} acknowledged, {} refused, {} without answer",
                feed.place,
                count(feed.acked),
                count(feed.refused),
                count(feed.unknown)
            ),
        );
    }
    for tap in &judgement.taps {
        let mut name = tap.place.as_str();
        for equation in equations(judgement, tap) {
            let ink = if equation.holds() {
                Ink::Plain
            } else {
                Ink::Bad
            };
            screen.put(Ink::Plain, &format!("    {name:<widest$}  "));
            screen.hanging(ink, &equation.to_string(), widest + 6);
            name = "";
        }
    }
}

/// Unproven faults first come into the list, so that none hides behind "and 88 more".
fn faults(screen: &mut Screen, judgement: &Judgement) {
    if judgement.faults.is_empty() {
        return;
    }
    let proven = judgement.faults.iter().filter(|fault| fault.proven).count();
    let aside = format!("{proven} of {} proven", judgement.faults.len());
    screen.heading("Faults", &aside);
    let mut shown: Vec<&FaultReport> = judgement.faults.iter().collect();
    shown.sort_by_key(|fault| fault.proven);
    shown.truncate(FAULTS_SHOWN);
    shown.sort_by_key(|fault| fault.id);
    let mut longest = shown.clone();
    longest.sort_by_key(|fault| std::cmp::Reverse(fault.recovery_ms));
    longest.truncate(ACCOUNTED_SHOWN);
    for fault in &shown {
        fault_lines(screen, fault);
        if longest.iter().any(|known| known.id == fault.id) && !fault.phases.is_empty() {
            screen.put(Ink::Plain, "        ");
            screen.hanging(Ink::Faint, &went(&fault.phases), 8);
        }
    }
    let more = judgement.faults.len() - shown.len();
    if more > 0 {
        let text = format!("    and {more} more in the report");
        screen.line(Ink::Faint, &text);
    }
}

fn fault_lines(screen: &mut Screen, fault: &FaultReport) {
    // None where it was never injected.
    let workers = fault.workers.iter();
    let workers: String = workers.map(|worker| format!(" {worker}")).collect();
    let when = fault
        .took_effect
        .map_or("without effect".to_owned(), moment);
    let (mark, ink, word) = if fault.proven {
        ("✓", Ink::Good, "proven")
    } else {
        ("?", Ink::Doubtful, "not proven")
    };
    let recovered = match fault.recovery_ms {
        Some(ms) => format!("recovered in {}", seconds(ms)),
        None => "recovery not seen".to_owned(),
    };
    let head = format!(
        "{}  {when}  {}{workers}{}, {}  ",
        fault.id,
        visible(&fault.signal, 40),
        lasting(fault.lasted_ms),
        visible(&fault.target, 80)
    );
    screen.put(Ink::Plain, "  ").put(ink, mark);
    screen
        .put(Ink::Plain, &format!(" {head}"))
        .line(Ink::Bold, &recovered);
    screen.put(Ink::Plain, "        ");
    let mut proof = fault.proof.clone();
    if fault.lasted_ms.is_some() {
        proof.extend_from_slice(&fault.undone);
    }
    let proof = format!("{word}: {}", proof.join(" · "));
    screen.hanging(
        if fault.proven { Ink::Faint } else { Ink::Plain },
        &proof,
        8,
    );
    if !fault.aftermath.is_empty() {
        screen.put(Ink::Plain, "        ");
        screen.hanging(Ink::Plain, &fault.aftermath.join(" · "), 8);
    }
}

/// Where the time of a whole recovery went, in one line; who was waited for is in the other reports.
fn went(phases: &[RecoveryPhase]) -> String {
    let told = phases.iter().filter(|phase| phase.length_ms > 0);
    let told =
        told.map(|phase| format!("{} {}", visible(&phase.name, 40), seconds(phase.length_ms)));
    told.collect::<Vec<_>>().join(" · ")
}

fn watched(screen: &mut Screen, judgement: &Judgement) {
    if judgement.watched.is_empty() {
        return;
    }
    screen.heading("Watched connectors", "");
    for report in judgement.watched.iter().take(WATCHED_SHOWN) {
        let mut parts = vec![
            plural(u64::from(report.tasks), "task", "tasks"),
            words::states(report),
            format!(
                "without owner {} in all, one task {} at most",
                seconds(report.unowned_task_ms),
                seconds(report.longest_unowned_ms)
            ),
        ];
        parts.extend(words::commits(report));
        let name = visible(report.connector.as_str(), 80);
        screen.put(Ink::Bold, &format!("    {name}"));
        screen.put(Ink::Plain, "  ");
        screen.hanging(Ink::Plain, &parts.join(" · "), 6 + name.chars().count());
        for fault in report.faults.iter().take(FAULTS_SHOWN) {
            let recovery = words::recovery(fault);
            let harm = words::harm(fault);
            screen.put(Ink::Plain, &format!("      {}  ", fault.fault));
            screen.hanging(Ink::Faint, &format!("{recovery} · {harm}"), 10);
        }
    }
    let more = judgement.watched.len().saturating_sub(WATCHED_SHOWN);
    if more > 0 {
        let text = format!("    and {more} more in the report");
        screen.line(Ink::Faint, &text);
    }
    screen.put(Ink::Plain, "    ");
    screen.hanging(Ink::Faint, WATCHED_SHOWS, 4);
}

/// Where the seconds of the longest recoveries went, one a fault.
fn recoveries(screen: &mut Screen, judgement: &Judgement) {
    let mut longest: Vec<&Recovery> = judgement.recoveries.iter().collect();
    longest.sort_by_key(|recovery| std::cmp::Reverse(recovery.total_ms));
    let mut seen = Vec::new();
    longest.retain(|recovery| {
        let first = !seen.contains(&recovery.fault);
        seen.push(recovery.fault);
        first
    });
    for recovery in longest.into_iter().take(RECOVERIES_SHOWN) {
        let least = if recovery.complete { "" } else { "at least " };
        let title = format!("Where {least}{} went", seconds(recovery.total_ms));
        let aside = format!("{}, {}", recovery.fault, recovery.task);
        screen.heading(&title, &aside);
        recovery_lines(screen, recovery);
    }
}

fn recovery_lines(screen: &mut Screen, recovery: &Recovery) {
    let name = |text: &str| visible(text, 40);
    let names = recovery
        .phases
        .iter()
        .map(|phase| name(&phase.name).chars().count());
    let widest = names.max().unwrap_or(0);
    let lengths = recovery
        .phases
        .iter()
        .map(|phase| bare_seconds(phase.length_ms).len());
    let digits = lengths.max().unwrap_or(0);
    for phase in &recovery.phases {
        let length = bare_seconds(phase.length_ms);
        screen
            .put(Ink::Plain, "    ")
            .put(Ink::Bold, &format!("{length:>digits$}"));
        screen.put(Ink::Plain, &format!(" s  {:<widest$}  ", name(&phase.name)));
        let mut said: Vec<&str> = Vec::new();
        said.extend(phase.setting.as_deref());
        said.extend((!phase.note.is_empty()).then_some(phase.note.as_str()));
        if said.is_empty() {
            screen.end();
        } else {
            screen.hanging(Ink::Faint, &said.join(" · "), 4 + digits + 4 + widest + 2);
        }
    }
}

/// What the cluster was made of, where that is not local processes: " · docker: image apache/kafka:4.1.1".
fn runtime(run: &RunSummary) -> String {
    if run.runtime == RuntimeKind::Process {
        return String::new();
    }
    let facts = run.runtime_facts.iter();
    let facts: Vec<String> = facts
        .map(|(name, value)| format!("{} {}", visible(name, 40), visible(value, 100)))
        .collect();
    let colon = if facts.is_empty() { "" } else { ": " };
    format!(" · {}{colon}{}", run.runtime, facts.join(", "))
}

fn closing(screen: &mut Screen, judgement: &Judgement, folder: &str) {
    let run = &judgement.run;
    let folder = visible(folder.trim_end_matches('/'), TEXT_LIMIT);
    let summary = format!(
        "{} · {}{} · Kafka {}, Connect {} × {} · {}",
        visible(&run.scenario, 80),
        long(run.duration_ms),
        runtime(run),
        visible(&run.kafka, 40),
        visible(&run.connect, 40),
        run.workers,
        plural(u64::from(run.faults_injected), "fault", "faults"),
    );
    screen.end();
    for (name, text) in [
        ("run", summary),
        ("report", format!("{folder}/report.html")),
        ("again", visible(&again(run), TEXT_LIMIT)),
    ] {
        screen
            .put(Ink::Faint, &format!("  {name:<7} "))
            .line(Ink::Plain, &text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{sample, text::is_deceptive};

    const FOLDER: &str = "reports/bounce-2026-11-23T02-10-41";

    fn plain(judgement: &Judgement) -> String {
        terminal(judgement, FOLDER, false, 100)
    }

    #[test]
    fn a_held_run_in_a_terminal() {
        insta::assert_snapshot!(plain(&sample::held()));
    }

    #[test]
    fn a_broken_run_begins_with_what_broke_and_where_to_look() {
        insta::assert_snapshot!(plain(&sample::broken()));
    }

    #[test]
    fn an_inconclusive_run_names_its_doubts() {
        insta::assert_snapshot!(plain(&sample::inconclusive()));
    }

    #[test]
    fn a_pause_says_how_long_it_was_and_what_came_of_it() {
        let text = plain(&sample::zombie());
        for part in [
            "F1  14.03 s  pause w2 for 12.0 s, a follower",
            "proven: w2 stood still at 14.03 s · w2 was resumed at 26.00 s",
            "the group was without w2 from 19.20 s",
            "docker: engine 20.10.24, image apache/kafka:4.1.1",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!plain(&sample::held()).contains(" · process"));
    }

    #[test]
    fn watched_connectors_are_told_with_what_cannot_be_known_of_them() {
        let text = plain(&sample::zombie());
        for part in [
            "billing  2 tasks · RUNNING 90 %, UNASSIGNED 10 %",
            "F1  recovered in 9.40 s · 1 task hit, 1 move, 1 start, 4.20 s without owner",
            "It cannot show loss, repeats or order",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!plain(&sample::held()).contains("Watched"));
    }

    #[test]
    fn a_failed_environment_is_no_verdict() {
        insta::assert_snapshot!(plain(&sample::environment()));
    }

    #[test]
    fn a_run_of_a_hundred_faults_fits_on_two_screens() {
        let text = plain(&sample::large());
        assert!(text.lines().count() <= 80, "{text}");
        assert!(text.contains("and 88 more in the report"));
    }

    #[test]
    fn an_unproven_fault_never_hides_behind_the_number_of_those_left_out() {
        let mut judgement = sample::large();
        judgement.faults[98].proven = false;
        assert!(plain(&judgement).contains("? F99 "));
    }

    #[test]
    fn without_colour_there_is_no_escape_and_with_it_the_text_is_the_same() {
        for (name, judgement) in sample::all() {
            let plain = plain(&judgement);
            assert!(
                !plain.chars().any(|c| c != '\n' && is_deceptive(c)),
                "{name}: {plain}"
            );
            let painted = terminal(&judgement, FOLDER, true, 100);
            let mut stripped = painted.clone();
            for ink in ["", "1", "2", "32", "1;31", "33", "0"] {
                stripped = stripped.replace(&format!("\u{1b}[{ink}m"), "");
            }
            let lines = |text: &str| -> Vec<String> {
                text.lines()
                    .map(|line| line.trim_end().to_owned())
                    .collect()
            };
            assert_eq!(lines(&stripped), lines(&plain), "{name}");
            assert_ne!(painted, plain, "{name}");
        }
    }

    #[test]
    fn a_margin_that_is_used_a_little_is_not_drawn_as_unused() {
        assert_eq!(bar(0.0), "░".repeat(16));
        assert_eq!(bar(0.001), format!("█{}", "░".repeat(15)));
        assert_eq!(bar(1.7), "█".repeat(16));
    }
}
