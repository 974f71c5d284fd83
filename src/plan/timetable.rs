//! A plan in words: when, what, and what it touches.

use serde::Serialize;

use crate::model::{Due, FaultKind, PlannedFault, Restart, Target};
use crate::scenario::{Scenario, duration_text};

use super::estimate::fault_times;
use super::value::Plan;

/// A line stays readable with so many names.
const MOST_NAMES: usize = 12;

/// One line of a timetable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct TimetableLine {
    /// When, counted from the end of the baseline; `~` where it depends on a recovery.
    pub at: String,
    /// What happens.
    pub what: String,
    /// Whom or what it touches.
    pub touches: String,
}

/// The whole run in lines: provision and baseline, each fault, drain and end.
pub fn timetable(scenario: &Scenario, plan: &Plan) -> Vec<TimetableLine> {
    let times = fault_times(scenario, &plan.faults);
    let mut lines = before_the_faults(scenario);
    for (fault, times) in plan.faults.iter().zip(&times) {
        lines.push(TimetableLine {
            at: at(fault.due, times.begins_ms),
            what: format!("{} {} {}", fault.id, fault.kind.signal_name(), fault.target),
            touches: touches(scenario, fault),
        });
    }
    let flow = times.last().map_or(0, |times| times.recovered_ms);
    let flow = flow.max(scenario.timing.duration_ms);
    lines.push(TimetableLine {
        at: format!("~{}", seconds(flow)),
        what: format!(
            "drain until nothing arrives for {}, at most {}",
            quiet(scenario),
            duration_text(scenario.timing.drain_ms)
        ),
        touches: names(scenario.route.taps().map(|tap| tap.name.as_str())),
    });
    lines
}

fn before_the_faults(scenario: &Scenario) -> Vec<TimetableLine> {
    let line = |what: String, touches: String| TimetableLine {
        at: "before".to_owned(),
        what,
        touches,
    };
    let kafka = &scenario.kafka;
    let connect = &scenario.connect;
    let workers = names(connect.workers.iter().map(|worker| worker.as_str()));
    let start = format!(
        "start Kafka {} × {} and Connect {} × {}",
        kafka.version,
        kafka.brokers,
        connect.version,
        connect.workers.len()
    );
    let connectors = names(scenario.route.connectors().map(|c| c.name.as_str()));
    let baseline = format!(
        "baseline of at least {}",
        duration_text(scenario.timing.baseline_ms)
    );
    let places = names(scenario.route.places().map(|place| place.name.as_str()));
    vec![
        line(start, workers),
        line("deploy".to_owned(), connectors),
        line(baseline, places),
    ]
}

/// How long nothing may arrive for the drain to end; of each tap that the scenario allows to be silent, its own.
fn quiet(scenario: &Scenario) -> String {
    let least_ms = scenario.timing.quiet_ms;
    let mut text = duration_text(least_ms);
    for tap in scenario.route.taps() {
        let own_ms = tap.silent_for_ms.map_or(0, |ms| ms * 2);
        if own_ms > least_ms {
            text.push_str(&format!(" ({} at {})", duration_text(own_ms), tap.name));
        }
    }
    text
}

fn at(due: Due, begins_ms: u64) -> String {
    match due {
        Due::At { ms } => seconds(ms),
        Due::AfterRecovery { .. } | Due::InSeries { .. } => format!("~{}", seconds(begins_ms)),
    }
}

fn touches(scenario: &Scenario, fault: &PlannedFault) -> String {
    let who = match &fault.target {
        Target::Worker(worker) => worker.to_string(),
        Target::All => names(
            scenario
                .connect
                .workers
                .iter()
                .map(|worker| worker.as_str()),
        ),
        Target::Leader | Target::Follower | Target::Any | Target::Owner(_) => {
            let workers = names(
                scenario
                    .connect
                    .workers
                    .iter()
                    .map(|worker| worker.as_str()),
            );
            format!("one of {workers}")
        }
    };
    let grace = match fault.kind {
        FaultKind::Kill | FaultKind::Pause | FaultKind::Disconnect => String::new(),
        FaultKind::Stop { grace_ms } => format!(", SIGKILL after {}", duration_text(grace_ms)),
    };
    let back = match fault.kind {
        FaultKind::Kill | FaultKind::Stop { .. } => "restarted",
        FaultKind::Pause => "resumed",
        FaultKind::Disconnect => "reconnected",
    };
    let then = match fault.restart {
        Restart::After { ms: 0 } => format!("{back} at once"),
        Restart::After { ms } => format!("{back} after {}", duration_text(ms)),
        Restart::Never => "stays down".to_owned(),
    };
    format!("{who}{grace}, {then}")
}

/// The names with commas between; of many the first few and how many more.
fn names<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let mut all: Vec<&str> = names.collect();
    let more = all.len().saturating_sub(MOST_NAMES);
    if more < 2 {
        return all.join(", ");
    }
    all.truncate(MOST_NAMES);
    format!("{} and {more} more", all.join(", "))
}

fn seconds(ms: u64) -> String {
    format!("{}.{} s", ms / 1_000, ms % 1_000 / 100)
}
