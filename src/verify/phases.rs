//! Where the seconds of a whole recovery went: its waits, put together to phases that add up to it.

use crate::journal::RunInfo;
use crate::model::{Moment, WorkerName};

use super::RecoveryPhase;
use super::case::Case;
use super::history::{FaultStory, ProcessStep};
use super::marks::FaultMarks;
use super::recovered::Missing;
use super::settings;
use super::waits::Wait;

/// Error of an arrival at a tap and of a record of a topic, in milliseconds.
pub(super) const ARRIVAL_ERROR_MS: u64 = 10;

/// Phases that follow each other without holes.
pub(super) struct Phases {
    pub began: Moment,
    pub at: Moment,
    pub list: Vec<RecoveryPhase>,
}

impl Phases {
    pub(super) fn new(began: Moment) -> Self {
        Self {
            began,
            at: began,
            list: Vec::new(),
        }
    }

    /// Ends a phase; one that ended before the phase before it takes no time. Lengths are differences of whole
    /// milliseconds from the beginning, so that they add up.
    pub(super) fn end(
        &mut self,
        name: &str,
        to: Moment,
        error_ms: u64,
        signal: &str,
    ) -> &mut RecoveryPhase {
        let to = to.max(self.at);
        let since = |moment: Moment| (moment.0 - self.began.0) / 1_000;
        let length_ms = since(to) - since(self.at);
        self.at = to;
        self.list.push(RecoveryPhase {
            name: name.to_owned(),
            to,
            length_ms,
            error_ms,
            signal: signal.to_owned(),
            setting: None,
            note: String::new(),
        });
        let last = self.list.len() - 1;
        &mut self.list[last]
    }

    /// Nothing of them lies behind this moment: the phase that does not end before it is cut short there, and why is
    /// noted at it. True when there was something to cut.
    pub(super) fn cut(&mut self, until: Moment, why: &str) -> bool {
        let Some(first) = self.list.iter().position(|phase| phase.to > until) else {
            return false;
        };
        self.at = first
            .checked_sub(1)
            .map_or(self.began, |before| self.list[before].to);
        let mut phase = self.list[first].clone();
        self.list.truncate(first);
        let cut = self.end(&phase.name, until, 0, "journal");
        phase.note = format!("cut short: {why}");
        (cut.setting, cut.note) = (None, phase.note);
        true
    }

    pub(super) fn total_ms(&self) -> u64 {
        self.list.iter().map(|phase| phase.length_ms).sum()
    }
}

/// The phases of a fault from its effect to the end of these waits.
pub(super) fn whole(
    case: &Case<'_>,
    (fault, marks): (&FaultStory, &FaultMarks),
    began: Moment,
    waits: &[Wait],
) -> Phases {
    let teller = Teller { case, fault, marks };
    let mut phases = Phases::new(began);
    let mut from = 0;
    while let Some(first) = waits.get(from) {
        let name = teller.name(&first.missing);
        let rest = &waits[from..];
        let length = match name {
            // Lanes come and go until all flow: the phase ends with the last one's first record.
            "first record" | "backlog" => flow_length(&teller, rest),
            _ => same_length(&teller, rest),
        };
        let run = &rest[..length];
        if let Some(last) = run.last() {
            let name = teller.name(&last.missing);
            let (error, signal) = teller.signal(&last.missing);
            let phase = phases.end(name, last.to, error, &signal);
            phase.setting = teller.setting(&last.missing);
            phase.note = teller.note(run);
        }
        from += length.max(1);
    }
    phases
}

fn same_length(teller: &Teller<'_, '_>, waits: &[Wait]) -> usize {
    let name = teller.name(&waits[0].missing);
    let mut same = waits.iter();
    let other = same.position(|wait| teller.name(&wait.missing) != name);
    other.unwrap_or(waits.len())
}

fn flow_length(teller: &Teller<'_, '_>, waits: &[Wait]) -> usize {
    let is = |wait: &&Wait, names: &[&str]| names.contains(&teller.name(&wait.missing));
    let flow = waits
        .iter()
        .take_while(|wait| is(wait, &["first record", "backlog"]));
    let flow = flow.count();
    let silent = waits[..flow]
        .iter()
        .rposition(|wait| is(&wait, &["first record"]));
    silent.map_or(flow, |last| last + 1)
}

/// Says of what is missing what the phase is called that ends with it, what ends it and what causes it.
struct Teller<'t, 'a> {
    case: &'t Case<'a>,
    fault: &'t FaultStory,
    marks: &'t FaultMarks,
}

impl Teller<'_, '_> {
    fn name(&self, missing: &Missing) -> &'static str {
        match missing {
            Missing::Unheard(_) => "unheard",
            Missing::Acting(other) | Missing::Unnoticed(other) if *other != self.fault.id => {
                "another fault"
            }
            Missing::Acting(_) if self.fault.kind.is_graceful() => "stopped",
            Missing::Acting(_) if self.fault.kind.ends_process() => "ended",
            Missing::Acting(_) if self.marks.noticed.is_none() => "back",
            Missing::Acting(_) | Missing::Unnoticed(_) | Missing::Leftover(_) => "noticed",
            Missing::Rebalance(_) => "rebalance",
            Missing::Delay(_) => "delay",
            Missing::Owners(..) => "assigned",
            Missing::NotRunning(..) => "started",
            Missing::ConsumerGroup(_) => "consumer group",
            Missing::Silent { .. } => "first record",
            Missing::Waiting { .. } => "backlog",
            Missing::Away(_) => "away",
            Missing::Joining(_) => "return",
        }
    }

    fn signal(&self, missing: &Missing) -> (u64, String) {
        let group = self.case.history.group_error_ms(self.case.info);
        match missing {
            Missing::Acting(_) | Missing::Away(_) => (ARRIVAL_ERROR_MS, "runtime".to_owned()),
            Missing::Unheard(_)
            | Missing::Unnoticed(_)
            | Missing::Leftover(_)
            | Missing::Rebalance(_)
            | Missing::Delay(_)
            | Missing::Owners(..)
            | Missing::Joining(_) => (group, "group bytes".to_owned()),
            Missing::NotRunning(..) => (ARRIVAL_ERROR_MS, "status topic".to_owned()),
            Missing::ConsumerGroup(_) => (group, "consumer group".to_owned()),
            Missing::Silent { tap, .. } => (ARRIVAL_ERROR_MS, format!("tap {tap}")),
            Missing::Waiting { tap, .. } => {
                (self.case.frame.grid.bucket_ms(), format!("tap {tap}"))
            }
        }
    }

    fn setting(&self, missing: &Missing) -> Option<String> {
        let info: &RunInfo = self.case.info;
        let taken = !self.fault.kind.is_graceful();
        match missing {
            Missing::Acting(_) | Missing::Unnoticed(_) if self.name(missing) != "noticed" => None,
            Missing::Acting(_) | Missing::Unnoticed(_) | Missing::Leftover(_) => {
                taken.then(|| settings::named(info, "session.timeout.ms"))
            }
            Missing::Delay(_) => Some(settings::named(info, "scheduled.rebalance.max.delay.ms")),
            Missing::ConsumerGroup(sink) => {
                let mut connectors = info.scenario.route.connectors();
                let sink = connectors.find(|connector| connector.name == *sink)?;
                taken.then(|| settings::sink_session(info, sink))
            }
            Missing::Unheard(_)
            | Missing::Rebalance(_)
            | Missing::Owners(..)
            | Missing::NotRunning(..)
            | Missing::Silent { .. }
            | Missing::Waiting { .. }
            | Missing::Away(_)
            | Missing::Joining(_) => None,
        }
    }

    /// Who was waited for last.
    fn note(&self, run: &[Wait]) -> String {
        let Some(last) = run.last() else {
            return String::new();
        };
        match &last.missing {
            Missing::Acting(other) | Missing::Unnoticed(other) if *other != self.fault.id => {
                format!("{other} had come")
            }
            Missing::Acting(_) | Missing::Unnoticed(_) | Missing::Rebalance(_) => String::new(),
            Missing::Unheard(what) => format!("of {what}"),
            Missing::Leftover(who) => format!("{who} was still there"),
            Missing::Delay(_) => {
                let announced = run.iter().filter_map(|wait| match wait.missing {
                    Missing::Delay(ms) => Some(ms),
                    _ => None,
                });
                format!("{} ms announced", announced.max().unwrap_or(0))
            }
            Missing::Owners(task, _) | Missing::NotRunning(task, _) => format!("{task} last"),
            Missing::ConsumerGroup(sink) => format!("of {sink}"),
            Missing::Silent {
                lane: Some(lane), ..
            } => format!("lane {lane} last"),
            Missing::Silent { lane: None, .. } => String::new(),
            Missing::Waiting { .. } => {
                let waited = run.iter().filter_map(|wait| match wait.missing {
                    Missing::Waiting { records, .. } => Some(records),
                    _ => None,
                });
                format!("up to {} records", waited.max().unwrap_or(0))
            }
            Missing::Away(worker) => format!("{worker} stayed away as planned"),
            Missing::Joining(worker) => self.joining(worker, last.to),
        }
    }

    /// How long the process took that a worker came back as.
    fn joining(&self, worker: &WorkerName, until: Moment) -> String {
        let processes = self.case.history.processes.iter().rev();
        let mut of_worker = processes.filter(|p| p.name == worker.as_str() && p.at <= until);
        let ready = of_worker.find_map(|process| match process.what {
            ProcessStep::Ready { took_ms, .. } => Some(took_ms),
            ProcessStep::Started | ProcessStep::Ended { .. } => None,
        });
        let after = |took_ms| format!(", its process answered after {:.1} s", took_ms as f64 / 1e3);
        format!("{worker} last{}", ready.map_or_else(String::new, after))
    }
}
