//! Watched connectors in words: the cells of the tables that terminal, Markdown and HTML share.

use crate::verify::{WatchedFault, WatchedReport};

use super::numbers::{count, percent, plural, seconds};
use super::text::visible;

/// How its tasks spent their time: `RUNNING 98 %, UNASSIGNED 2 %`.
pub(super) fn states(report: &WatchedReport) -> String {
    let all: u64 = report.states.values().sum();
    let share = |(state, ms): (&String, &u64)| {
        let share = *ms as f64 / all.max(1) as f64;
        format!("{} {}", visible(state, 20), percent(share))
    };
    let states: Vec<String> = report.states.iter().map(share).collect();
    match states.is_empty() {
        true => "no status seen".to_owned(),
        false => states.join(", "),
    }
}

/// How its committed offsets moved; nothing where they were not read.
pub(super) fn commits(report: &WatchedReport) -> Option<String> {
    let commits = report.commits.as_ref()?;
    let back = match commits.went_back {
        0 => String::new(),
        back => format!(", {} back", count(back)),
    };
    Some(format!(
        "{} on in {}{back}, still for {} at most",
        plural(commits.moved, "record", "records"),
        plural(commits.commits, "commit", "commits"),
        seconds(commits.longest_still_ms)
    ))
}

/// How long it took until all was as before.
pub(super) fn recovery(fault: &WatchedFault) -> String {
    match (fault.tasks_before, fault.recovery_ms) {
        (0, _) => "nothing ran before".to_owned(),
        (_, None) => "recovery not seen".to_owned(),
        (_, Some(0)) => "undisturbed".to_owned(),
        (_, Some(ms)) => format!("recovered in {}", seconds(ms)),
    }
}

/// What a fault did to it, but for the recovery: `2 tasks hit, 3 moves, 3 starts, 9.10 s without owner`.
pub(super) fn harm(fault: &WatchedFault) -> String {
    format!(
        "{} hit, {}, {}, {} without owner",
        plural(fault.tasks_hit, "task", "tasks"),
        plural(fault.moves, "move", "moves"),
        plural(fault.starts, "start", "starts"),
        seconds(fault.unowned_task_ms)
    )
}
