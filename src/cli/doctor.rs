//! `squall doctor` and `squall clean`: what a run needs, and what a dead one left.

use crate::model::{KafkaVersion, visible};
use crate::runtime::{self, Check, CheckState, CleanReport, DoctorScope, UserFolders};

use super::args::{CleanArguments, DoctorArguments};
use super::exit::Exit;
use super::output::{Format, Output};

/// The most characters of a line.
const LINE: usize = 2_000;
/// What a scenario runs that names no version.
const DEFAULT_VERSION: KafkaVersion = KafkaVersion::new(4, 1, 1);

/// Checks the machine; exit code 4 when something is missing that a run needs.
pub fn doctor(arguments: &DoctorArguments, output: &Output) -> Exit {
    let scope = DoctorScope {
        version: DEFAULT_VERSION,
        kafka_home: std::env::var_os("KAFKA_HOME").map(Into::into),
        reports: arguments.reports.clone(),
        folders: UserFolders::from_env(),
        runtime: arguments.runtime.into(),
        image: arguments.image.clone(),
    };
    let checks = runtime::doctor_checks(&scope);
    match arguments.format {
        Format::Json => output.json(&checks),
        Format::Human => {
            let width = checks
                .iter()
                .map(|check| check.name.len())
                .max()
                .unwrap_or(0);
            checks
                .iter()
                .for_each(|check| output.painted(&line_of(check, width, output.colour_out())));
        }
    }
    let failed = checks.iter().any(|check| check.state == CheckState::Fail);
    if failed {
        Exit::Environment
    } else {
        Exit::Fine
    }
}

fn line_of(check: &Check, width: usize, colour: bool) -> String {
    let (word, code) = match check.state {
        CheckState::Ok => ("ok  ", "32"),
        CheckState::Info => ("info", "36"),
        CheckState::Warn => ("warn", "33"),
        CheckState::Fail => ("FAIL", "31"),
    };
    let word = if colour {
        format!("\u{1b}[{code}m{word}\u{1b}[0m")
    } else {
        word.to_owned()
    };
    let remedy = if check.remedy.is_empty() {
        String::new()
    } else {
        format!("\n        → {}", visible(&check.remedy, LINE))
    };
    let found = visible(&check.found, LINE);
    format!("  {word}  {:<width$}  {found}{remedy}", check.name)
}

/// Undoes what dead runs left; exit code 4 when something could not be undone.
pub fn clean(arguments: &CleanArguments, output: &Output) -> Exit {
    let mut report = match runtime::clean(&UserFolders::from_env()) {
        Ok(report) => report,
        Err(error) => return output.failed(Exit::Environment, &error),
    };
    runtime::docker::clean_engine(&mut report);
    match arguments.format {
        Format::Json => output.json(&report),
        Format::Human => output.text(in_words(&report)),
    }
    if report.left.is_empty() {
        Exit::Fine
    } else {
        Exit::Environment
    }
}

fn in_words(report: &CleanReport) -> String {
    let mut lines = Vec::new();
    for run in &report.runs {
        let (killed, removed) = (run.killed.len(), run.removed.len());
        let (containers, networks) = (run.containers.len(), run.networks.len());
        let mut line = format!(
            "undid run {}: {killed} processes, {removed} folders",
            run.run
        );
        if containers + networks > 0 {
            line.push_str(&format!(", {containers} containers, {networks} networks"));
        }
        // A run that was found by its containers' labels alone has told no folder.
        if !run.run_folder.as_os_str().is_empty() {
            line.push_str(&format!(
                "; its evidence stays in {}",
                run.run_folder.display()
            ));
        }
        lines.push(line);
        lines.extend(run.undone.iter().map(|what| format!("  {what}")));
    }
    lines.extend(
        report
            .live
            .iter()
            .map(|folder| format!("left alone: a live run in {}", folder.display())),
    );
    lines.extend(
        report
            .left
            .iter()
            .map(|left| format!("could not undo {left}")),
    );
    if lines.is_empty() {
        lines.push("nothing to undo".to_owned());
    }
    lines.join("\n")
}
