//! `squall doctor` and `squall clean`: what a run needs, and what a dead one left.

use crate::runtime::{self, Check, CheckState};

use super::args::{CleanArguments, DoctorArguments, Format};
use super::exit::Exit;
use super::output::Output;

/// Checks the machine; exit code 4 when something is missing that a run needs.
pub fn doctor(arguments: &DoctorArguments, output: &Output) -> Exit {
    let checks = runtime::doctor_checks(&arguments.reports);
    match arguments.format {
        Format::Json => output.json(&checks),
        Format::Human => checks.iter().for_each(|check| output.text(line_of(check, output.colour_out()))),
    }
    let failed = checks.iter().any(|check| check.state == CheckState::Fail);
    if failed { Exit::Environment } else { Exit::Fine }
}

fn line_of(check: &Check, colour: bool) -> String {
    let (word, code) = match check.state {
        CheckState::Ok => ("ok  ", "32"),
        CheckState::Warn => ("warn", "33"),
        CheckState::Fail => ("FAIL", "31"),
    };
    let word = if colour { format!("\u{1b}[{code}m{word}\u{1b}[0m") } else { word.to_owned() };
    let remedy = if check.remedy.is_empty() { String::new() } else { format!("\n        → {}", check.remedy) };
    format!("  {word}  {:<14} {}{remedy}", check.name, check.found)
}

/// Undoes what dead runs left; exit code 4 when something could not be undone.
pub fn clean(arguments: &CleanArguments, output: &Output) -> Exit {
    let report = match runtime::clean() {
        Ok(report) => report,
        Err(error) => return output.failed(Exit::Environment, &error),
    };
    match arguments.format {
        Format::Json => output.json(&report),
        Format::Human => output.text(&report),
    }
    if report.is_clean() { Exit::Fine } else { Exit::Environment }
}
