//! Settings, latency and the phases of the run as the HTML report shows them.

use crate::report::numbers::{count, milliseconds, percent, seconds};
use crate::report::text::visible;
use crate::report::watched as words;
use crate::verify::{Judgement, Latency, PhaseSpan, Setting, WatchedReport};

use super::share::{LINE_LIMIT, share, width};

/// Faults in the line of one watched connector.
const WATCHED_FAULTS: usize = 40;

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
    let row = |latency: &Latency| LatencyRow {
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
    let row = |phase: &PhaseSpan| {
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

/// A line of the table of watched connectors.
pub(super) struct WatchedRow {
    pub(super) connector: String,
    pub(super) tasks: String,
    pub(super) states: String,
    pub(super) commits: Option<String>,
    pub(super) unowned: String,
    pub(super) longest: String,
    /// Fault, recovery and harm.
    pub(super) faults: Vec<(String, String, String)>,
}

/// The watched connectors by name.
pub(super) fn watched(judgement: &Judgement) -> Vec<WatchedRow> {
    let row = |report: &WatchedReport| WatchedRow {
        connector: report.connector.to_string(),
        tasks: report.tasks.to_string(),
        states: words::states(report),
        commits: words::commits(report),
        unowned: seconds(report.unowned_task_ms),
        longest: seconds(report.longest_unowned_ms),
        faults: report
            .faults
            .iter()
            .take(WATCHED_FAULTS)
            .map(|fault| {
                let id = fault.fault.to_string();
                (id, words::recovery(fault), words::harm(fault))
            })
            .collect(),
    };
    judgement.watched.iter().map(row).collect()
}
