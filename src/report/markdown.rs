//! The judgement as a Markdown summary for the step summary of a CI run; under 200 KB whatever was found.

use crate::verify::{Judgement, RecoveryPhase, WATCHED_SHOWS};

use super::ledger::equations;
use super::numbers::{count, lasting, long, moment, percent, plural, seconds};
use super::text::{again, visible};
use super::watched as words;

/// Most bytes of a summary; GitHub refuses a whole upload above 1 MiB.
const MOST_BYTES: usize = 200_000;
const TEXT_LIMIT: usize = 500;
const ROWS: usize = 40;

/// The summary in GitHub's Markdown; every text is escaped so that it reads as it is.
pub fn markdown(judgement: &Judgement) -> String {
    let mut out = String::new();
    head(&mut out, judgement);
    guarantees(&mut out, judgement);
    findings(&mut out, judgement);
    ledger(&mut out, judgement);
    faults(&mut out, judgement);
    recoveries(&mut out, judgement);
    watched(&mut out, judgement);
    closing(&mut out, judgement);
    capped(out)
}

/// Text as Markdown shows it unchanged, in a table cell or outside of one.
fn plain(text: &str) -> String {
    let mut out = String::new();
    for c in visible(text, TEXT_LIMIT).chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '`' | '|' | '*' | '_' | '[' | ']' | '#' | '~' | '@' | '$' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    // A bare address would become a link.
    out.replace("://", "&#58;//").replace("www.", "www&#46;")
}

/// Text in a fixed-width font, as HTML because a code span cannot hold every text.
fn code(text: &str) -> String {
    let mut out = String::from("<code>");
    for c in visible(text, TEXT_LIMIT).chars() {
        match c {
            '<' | '>' | '&' | '"' | '\\' | '`' | '|' | '*' | '_' | '[' | ']' | '~' | '@' | '$' => {
                out.push_str(&format!("&#{};", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out.push_str("</code>");
    out.replace("://", "&#58;//").replace("www.", "www&#46;")
}

fn row(out: &mut String, cells: &[String]) {
    out.push_str(&format!("| {} |\n", cells.join(" | ")));
}

fn more(out: &mut String, left: usize, what: &str) {
    if left > 0 {
        out.push_str(&format!("\nand {left} more {what} in the report\n"));
    }
}

fn head(out: &mut String, judgement: &Judgement) {
    let run = &judgement.run;
    let (mark, word) = match judgement.environment_failure {
        Some(_) => ("?", "NO VERDICT"),
        None => (judgement.verdict.mark(), judgement.verdict.word()),
    };
    out.push_str(&format!("## {mark} {word} · {}\n\n", plain(&run.scenario)));
    out.push_str(&format!("**{}**\n\n", plain(&judgement.sentence)));
    if let Some(why) = &judgement.environment_failure {
        out.push_str(&format!("The environment failed: {}\n\n", plain(why)));
    }
    out.push_str(&format!("{}\n\n", plain(&run.question)));
    if judgement.interrupted {
        out.push_str("The run was ended early by its user.\n\n");
    }
    if !judgement.doubts.is_empty() {
        out.push_str("### Doubts\n\n");
    }
    for doubt in judgement.doubts.iter().take(ROWS) {
        out.push_str(&format!("- {}\n", plain(doubt)));
    }
    more(out, judgement.doubts.len().saturating_sub(ROWS), "doubts");
    if !judgement.warnings.is_empty() {
        out.push_str("\n### Settings that may have no effect\n\n");
    }
    for warning in judgement.warnings.iter().take(ROWS) {
        out.push_str(&format!("- {}\n", plain(warning)));
    }
    more(
        out,
        judgement.warnings.len().saturating_sub(ROWS),
        "warnings",
    );
    out.push('\n');
}

fn guarantees(out: &mut String, judgement: &Judgement) {
    if judgement.guarantees.is_empty() {
        return;
    }
    out.push_str("| | guarantee | measured | limit | |\n|---|---|---:|---:|---|\n");
    for guarantee in &judgement.guarantees {
        let used = guarantee
            .used
            .map(|used| format!("{} of the limit", percent(used)));
        let note = (!guarantee.note.is_empty()).then(|| plain(&guarantee.note));
        let said: Vec<String> = used.into_iter().chain(note).collect();
        let cells = [
            guarantee.verdict.mark().to_owned(),
            plain(guarantee.title()),
            plain(&guarantee.measured()),
            plain(&guarantee.limit()),
            said.join(" · "),
        ];
        row(out, &cells);
    }
}

fn findings(out: &mut String, judgement: &Judgement) {
    let behind = |id: &String| {
        let mut guarantees = judgement.guarantees.iter();
        guarantees.any(|g| g.verdict != crate::model::Verdict::Held && g.findings.contains(id))
    };
    let told: Vec<_> = judgement
        .findings
        .iter()
        .filter(|f| behind(&f.id))
        .collect();
    if told.is_empty() {
        return;
    }
    out.push_str("\n### Findings\n\n");
    for finding in told.iter().take(ROWS) {
        out.push_str(&format!(
            "- {} {}\n",
            code(&finding.id),
            plain(&finding.text)
        ));
    }
    more(out, told.len().saturating_sub(ROWS), "findings");
}

fn ledger(out: &mut String, judgement: &Judgement) {
    if judgement.taps.is_empty() {
        return;
    }
    out.push_str("\n### Every record\n\n");
    if let Some(feed) = &judgement.feed {
        out.push_str(&format!(
            "- {}: {} acknowledged, {} refused, {} without answer\n",
            code(feed.place.as_str()),
            count(feed.acked),
            count(feed.refused),
            count(feed.unknown)
        ));
    }
    for tap in &judgement.taps {
        let [expected, arrived] = equations(judgement, tap);
        let name = code(tap.place.as_str());
        out.push_str(&format!("- {name}: {expected}; {arrived}\n"));
    }
}

fn faults(out: &mut String, judgement: &Judgement) {
    if judgement.faults.is_empty() {
        return;
    }
    out.push_str("\n### Faults\n\n| | fault | took effect | recovered in | proof |\n|---|---|---:|---:|---|\n");
    for fault in judgement.faults.iter().take(ROWS) {
        let workers: Vec<&str> = fault.workers.iter().map(|worker| worker.as_str()).collect();
        let mark = if fault.proven { "✓" } else { "?" };
        let cells = [
            format!("{mark} {}", fault.id),
            plain(&format!(
                "{} {}{}, {}",
                fault.signal,
                workers.join(" "),
                lasting(fault.lasted_ms),
                fault.target
            )),
            fault.took_effect.map_or("no effect".to_owned(), moment),
            fault.recovery_ms.map_or("not seen".to_owned(), seconds),
            plain(&[&fault.proof[..], &fault.aftermath].concat().join(" · ")),
        ];
        row(out, &cells);
    }
    more(out, judgement.faults.len().saturating_sub(ROWS), "faults");
}

fn watched(out: &mut String, judgement: &Judgement) {
    if judgement.watched.is_empty() {
        return;
    }
    out.push_str("\n### Watched connectors\n\n| connector | tasks | states | without owner | longest | faults |\n|---|---:|---|---:|---:|---|\n");
    for report in judgement.watched.iter().take(ROWS) {
        let of_fault = report.faults.iter().take(ROWS).map(|fault| {
            format!(
                "{} {}, {}",
                fault.fault,
                words::recovery(fault),
                words::harm(fault)
            )
        });
        let faults: Vec<String> = of_fault.chain(words::commits(report)).collect();
        let cells = [
            plain(report.connector.as_str()),
            report.tasks.to_string(),
            plain(&words::states(report)),
            seconds(report.unowned_task_ms),
            seconds(report.longest_unowned_ms),
            plain(&faults.join(" · ")),
        ];
        row(out, &cells);
    }
    more(
        out,
        judgement.watched.len().saturating_sub(ROWS),
        "watched connectors",
    );
    out.push_str(&format!("\n{}\n", plain(WATCHED_SHOWS)));
}

/// The longest recovery as a whole, and the longest of its tasks.
fn recoveries(out: &mut String, judgement: &Judgement) {
    let known = judgement.faults.iter().filter(|f| !f.phases.is_empty());
    if let Some(fault) = known.max_by_key(|fault| fault.recovery_ms) {
        let total = fault.phases.iter().map(|phase| phase.length_ms).sum();
        let title = format!("longest recovery, {},", fault.id);
        recovery(
            out,
            &title,
            (total, fault.recovery_ms.is_some()),
            &fault.phases,
        );
    }
    let longest = judgement.recoveries.iter().max_by_key(|r| r.total_ms);
    if let Some(task) = longest {
        let title = format!(
            "recovery of task {} from {}",
            plain(&task.task.to_string()),
            task.fault
        );
        recovery(out, &title, (task.total_ms, task.complete), &task.phases);
    }
}

fn recovery(
    out: &mut String,
    title: &str,
    (total_ms, complete): (u64, bool),
    phases: &[RecoveryPhase],
) {
    let least = if complete { "" } else { "at least " };
    out.push_str(&format!(
        "\n### Where the {title} went: {least}{}\n\n| phase | | because of |\n|---|---:|---|\n",
        seconds(total_ms)
    ));
    for phase in phases {
        let mut said: Vec<String> = phase.setting.iter().map(|setting| code(setting)).collect();
        said.extend((!phase.note.is_empty()).then(|| plain(&phase.note)));
        row(
            out,
            &[
                plain(&phase.name),
                seconds(phase.length_ms),
                said.join(" · "),
            ],
        );
    }
}

fn closing(out: &mut String, judgement: &Judgement) {
    let run = &judgement.run;
    out.push_str(&format!(
        "\n{} · {} · Kafka {}, Connect {} × {} · Squall {}\n\nAgain: {}\n",
        long(run.duration_ms),
        plural(u64::from(run.faults_injected), "fault", "faults"),
        plain(&run.kafka),
        plain(&run.connect),
        run.workers,
        plain(&run.squall),
        code(&again(run))
    ));
}

/// Cuts at a line end, and says so.
fn capped(mut out: String) -> String {
    const NOTE: &str = "\n\nThe rest is in the report.\n";
    if out.len() > MOST_BYTES {
        let most = MOST_BYTES - NOTE.len();
        let boundary = (0..=most).rev().find(|at| out.is_char_boundary(*at));
        let room = boundary.unwrap_or(0);
        let end = out[..room].rfind('\n').unwrap_or(room);
        out.truncate(end);
        out.push_str(NOTE);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{sample, text::is_deceptive};

    #[test]
    fn a_held_run_as_a_summary() {
        insta::assert_snapshot!(markdown(&sample::held()));
    }

    #[test]
    fn a_broken_run_as_a_summary() {
        insta::assert_snapshot!(markdown(&sample::broken()));
    }

    #[test]
    fn an_inconclusive_run_as_a_summary() {
        insta::assert_snapshot!(markdown(&sample::inconclusive()));
    }

    #[test]
    fn hostile_text_is_neither_markup_nor_a_link() {
        let text = markdown(&sample::hostile());
        for bad in ["<script", "<img", "https://", "[a](", "| `", " **bold"] {
            assert!(!text.contains(bad), "{bad} in {text}");
        }
        assert!(!text.chars().any(|c| c != '\n' && is_deceptive(c)));
    }

    #[test]
    fn every_row_of_a_table_has_the_cells_of_its_head() {
        let bars = |line: &str| line.replace("\\|", "").matches('|').count();
        for (name, judgement) in sample::all() {
            let text = markdown(&judgement);
            let mut expected = None;
            for line in text.lines() {
                match (line.starts_with('|'), expected) {
                    (false, _) => expected = None,
                    (true, None) => expected = Some(bars(line)),
                    (true, Some(count)) => assert_eq!(bars(line), count, "{name}: {line}"),
                }
            }
        }
    }

    #[test]
    fn a_summary_stays_below_its_limit_whatever_was_found() {
        let mut judgement = sample::broken();
        judgement.guarantees[0].note = "é".repeat(400);
        judgement.guarantees = vec![judgement.guarantees[0].clone(); 1_000];
        let text = markdown(&judgement);
        assert!(text.len() <= MOST_BYTES, "{}", text.len());
        assert!(text.ends_with("The rest is in the report.\n"));
    }
}
