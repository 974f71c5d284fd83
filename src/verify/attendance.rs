//! Who looked when: the stretches in which an observer saw nothing, and whether its last word is the last state.
//!
//! Only what rests on an observer suffers from its absence, and only where the absence is long enough to hide something.
//! A member is lost after a session without heartbeats, and heartbeats come three times in a session: a gap of less than
//! half a session (or of 2 s) hides neither a loss nor a rebalance and its undoing. What readers of topics miss is still
//! there when they come back, so of them the same gap says how late a time can be.

use std::collections::{BTreeMap, BTreeSet};

use crate::journal::{Ending, Event, Phase, What};
use crate::model::{ConnectorName, Direction, DuplicateLimit, GuaranteeKind, Moment, RuntimeKind};

use super::case::Case;
use super::commits::{Said, said};
use super::history::FaultStory;
use super::leg::Leg;
use super::looks::{self, Look};
use super::members;
use super::settings;

/// A gap shorter than this hides nothing.
pub(super) const LEAST_GAP_MS: u64 = 2_000;
/// The group is polled, and told about, once a second; of every other observer see [`looks::TOLD_MS`].
const GROUP_TOLD_MS: u64 = 1_000;
/// A commit may be late by this beyond interval and timeout, in milliseconds.
const COMMIT_SLACK_MS: u64 = 1_000;

/// What an observer watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    /// The Connect group.
    Group,
    /// Consumer groups of sinks.
    SinkGroup,
    /// Committed offsets of sources and sinks.
    Commits,
    /// States of tasks.
    Status,
    /// Configurations of connectors and tasks.
    Config,
    /// The workers' logs.
    Logs,
    /// What the workers' REST interfaces claim.
    Rest,
    /// What was done to a worker, and when that was over.
    Fault,
    /// When lanes flowed at the taps, and when they were silent.
    Flow,
    /// What had arrived at a tap when something happened.
    Arrivals,
}

impl Subject {
    fn of(observer: &str) -> Option<Self> {
        Some(match observer {
            "group" => Self::Group,
            "offsets topic" | "consumer offsets" => Self::Commits,
            "status topic" => Self::Status,
            "config topic" => Self::Config,
            "logs" => Self::Logs,
            "rest" => Self::Rest,
            _ if observer.starts_with("sink group ") => Self::SinkGroup,
            _ => return None,
        })
    }

    /// Whether an answer rests on it: one that is broken may have an excuse in what it did not show.
    fn carries(self, kind: GuaranteeKind, broken: bool, within_bound: bool) -> bool {
        match kind {
            GuaranteeKind::Lost
            | GuaranteeKind::Order
            | GuaranteeKind::Phantoms
            | GuaranteeKind::Stops => false,
            GuaranteeKind::UnexplainedDuplicates => {
                !matches!(self, Self::Rest | Self::Flow) && (broken || self != Self::Fault)
            }
            GuaranteeKind::Duplicates => {
                let carries = !matches!(self, Self::Rest | Self::Status | Self::Flow);
                within_bound && carries && (broken || self != Self::Fault)
            }
            // Whose commit it was that went back is told by all of these.
            GuaranteeKind::Offsets => {
                let tells = matches!(
                    self,
                    Self::Group | Self::Status | Self::Config | Self::Fault
                );
                self == Self::Commits || (broken && tells)
            }
            GuaranteeKind::Overlap => self == Self::Group,
            GuaranteeKind::Recovery => {
                matches!(self, Self::Group | Self::Status | Self::Flow)
                    || (broken && self == Self::Fault)
            }
            GuaranteeKind::Outage => {
                matches!(self, Self::Status | Self::Flow) || (broken && self == Self::Fault)
            }
        }
    }
}

/// A stretch that nobody saw.
#[derive(Debug, Clone)]
pub(super) struct Absence {
    pub subject: Subject,
    /// Before this everything was seen.
    pub from: Moment,
    pub text: String,
    /// Whether repeats are held against their bound, and not counted only.
    pub within_bound: bool,
    /// It is too short to hide anything, and excuses what is broken only.
    pub is_short: bool,
}

impl Absence {
    /// Whether a guarantee rests on what was not seen.
    pub(super) fn carries(&self, kind: GuaranteeKind, broken: bool) -> bool {
        (broken || !self.is_short) && self.subject.carries(kind, broken, self.within_bound)
    }
}

/// What a fault that is not proven leaves open; it has a doubt of its own.
pub(super) fn of_fault(case: &Case<'_>, fault: &FaultStory, text: String) -> Absence {
    let limit = case.info.scenario.expect.duplicates;
    Absence {
        subject: Subject::Fault,
        from: fault.acted().or(fault.intended).unwrap_or_default(),
        text,
        within_bound: limit == Some(DuplicateLimit::WithinFlushBound),
        is_short: false,
    }
}

/// All absences of a run that something rests on.
pub(super) fn absences(case: &Case<'_>) -> Vec<Absence> {
    let Some(duty) = Duty::of(case) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for observer in duty.observers() {
        found.extend(duty.absence(&observer));
    }
    found.extend(duty.unread());
    found.extend(duty.never_seen());
    found.extend(duty.last_status());
    found.extend(case.legs.iter().filter_map(|leg| duty.last_commit(leg)));
    found.extend(duty.failed());
    let mut told = BTreeSet::new();
    found.retain(|absence| told.insert(absence.text.clone()));
    found
}

/// The part of the run in which observers had to look, and what they wrote down.
struct Duty<'c, 'a> {
    case: &'c Case<'a>,
    from: Moment,
    to: Moment,
    /// The shortest gap that hides something, in milliseconds.
    gap_ms: u64,
    told: BTreeMap<&'a str, Vec<Look>>,
}

impl<'c, 'a> Duty<'c, 'a> {
    fn of(case: &'c Case<'a>) -> Option<Self> {
        let session_ms = settings::milliseconds(case.info, "session.timeout.ms");
        Some(Self {
            case,
            from: case.history.tasks_running?,
            to: case.history.duty_end(),
            gap_ms: (session_ms / 2).max(LEAST_GAP_MS),
            told: looks::told(&case.evidence.log.events),
        })
    }

    fn is_whole_format(&self) -> bool {
        self.case.info.has_attendance()
    }

    fn sinks(&self) -> impl Iterator<Item = &'c ConnectorName> + use<'c, 'a> {
        let legs = self.case.legs.iter();
        let sinks = legs.filter(|leg| leg.connector.direction == Direction::Sink);
        sinks.map(|leg| &leg.connector.name)
    }

    /// Who must have looked. Older journals tell of the group only, and not all of them.
    fn observers(&self) -> Vec<String> {
        let names =
            |list: &[&str]| -> Vec<String> { list.iter().map(|n| (*n).to_owned()).collect() };
        if !self.is_whole_format() {
            return names(if self.told.contains_key("group") {
                &["group"]
            } else {
                &[]
            });
        }
        let mut all = names(&["group", "offsets topic", "status topic", "config topic"]);
        if self.case.info.runtime != RuntimeKind::Attached {
            all.extend(names(&["logs", "rest"]));
        }
        if self.sinks().next().is_some() {
            all.extend(names(&["consumer offsets"]));
        }
        all.extend(self.sinks().map(|sink| format!("sink group {sink}")));
        all
    }

    fn absent(&self, subject: Subject, from: Moment, text: String) -> Absence {
        let limit = self.case.info.scenario.expect.duplicates;
        Absence {
            subject,
            from,
            text,
            within_bound: limit == Some(DuplicateLimit::WithinFlushBound),
            is_short: false,
        }
    }

    /// The longest stretch of the duty that an observer saw nothing of.
    fn absence(&self, observer: &str) -> Option<Absence> {
        let subject = Subject::of(observer)?;
        let mut hides_ms = self.gap_ms;
        if subject == Subject::Rest {
            // Nothing rests on it; workers that are down keep it waiting.
            hides_ms = u64::MAX;
        }
        let gaps = match self.told.get(observer) {
            None => vec![(self.from, self.to)],
            Some(told) => self.gaps(observer, told),
        };
        let within = |(from, to): (Moment, Moment)| (from.max(self.from), to.min(self.to));
        let length = |gap: &(Moment, Moment)| gap.1.0.saturating_sub(gap.0.0);
        let (from, to) = gaps.into_iter().map(within).max_by_key(length)?;
        let never = !self.told.contains_key(observer);
        if !never && length(&(from, to)) <= hides_ms.saturating_mul(1_000) {
            return None;
        }
        let what = match subject {
            Subject::Group => "the group".to_owned(),
            _ => format!("`{observer}`"),
        };
        let text = format!(
            "nobody saw {what} from {:.1} to {:.1} s",
            from.as_seconds(),
            to.as_seconds()
        );
        Some(self.absent(subject, from, text))
    }

    fn gaps(&self, observer: &str, told: &[Look]) -> Vec<(Moment, Moment)> {
        let duty = looks::Duty {
            from: self.from,
            to: self.to,
            every_ms: match observer {
                "group" => GROUP_TOLD_MS,
                _ => looks::TOLD_MS,
            },
            // An older journal of an observer that told once or twice says nothing about the rest of the run.
            steady: self.is_whole_format() || told.len() > 2,
        };
        looks::gaps(told, duty)
    }

    /// Observers that said that they were blind, beside those of the group and of commits.
    fn failed(&self) -> Vec<Absence> {
        let failed = self.case.history.observers_failed.iter();
        let absent = failed.filter_map(|(observer, _)| {
            let subject = Subject::of(observer)?;
            let text = format!("`{observer}` was blind for some time");
            Some(self.absent(subject, Moment::default(), text))
        });
        absent
            .filter(|absence| !matches!(absence.subject, Subject::Group | Subject::Commits))
            .collect()
    }

    /// A reader that stopped before the end of its topic.
    fn unread(&self) -> Option<Absence> {
        let exactly_once = self.case.legs.iter().any(|leg| leg.exactly_once);
        self.case.evidence.log.events.iter().find_map(|event| {
            let What::Attended { observer, read, .. } = &event.what else {
                return None;
            };
            let subject = Subject::of(observer)?;
            // Behind an open transaction nothing committed is readable yet.
            if exactly_once && observer == "offsets topic" {
                return None;
            }
            let (partition, to) = read.iter().find(|(_, to)| to.next < to.end)?;
            let text = format!(
                "`{observer}` was read up to {} of {} in partition {partition}",
                to.next, to.end
            );
            Some(self.absent(subject, self.from, text))
        })
    }

    /// Subjects that must have shown something and never did, whoever looked.
    fn never_seen(&self) -> Vec<Absence> {
        let history = &self.case.history;
        let mut found = Vec::new();
        let mut never = |subject, text: String| found.push(self.absent(subject, self.from, text));
        if history.groups.is_empty() {
            never(
                Subject::Group,
                "no view of the group is in the journal".to_owned(),
            );
        }
        if history.statuses.is_empty() {
            let text = "tasks ran, and no status of any task is in the journal";
            never(Subject::Status, text.to_owned());
        }
        let ours = self.case.info.runtime != RuntimeKind::Attached;
        if ours && history.logs.is_empty() && is_live(self.case) {
            let text = "no line of any worker's log is in the journal";
            never(Subject::Logs, text.to_owned());
        }
        for sink in self.sinks() {
            if !history.sink_groups.iter().any(|(_, name, _)| *name == sink) {
                let text = format!("no view of the consumer group of {sink} is in the journal");
                never(Subject::SinkGroup, text);
            }
        }
        found
    }

    /// The last stable view says who owns a task; its last status is of that worker, once all is recovered from.
    fn last_status(&self) -> Option<Absence> {
        let history = &self.case.history;
        let given_up = history.faults.iter().any(|fault| fault.given_up.is_some());
        let stable = history
            .groups
            .iter()
            .rfind(|(at, view)| view.state == "Stable" && *at <= self.to);
        let (at, view) = stable.filter(|_| !given_up && !history.statuses.is_empty())?;
        let owned = view.members.iter().flat_map(|member| {
            let worker = member.worker.as_ref();
            member
                .tasks
                .iter()
                .filter_map(move |task| Some((task, worker?)))
        });
        owned.into_iter().find_map(|(task, owner)| {
            // A worker that outlived a fault goes on with a task that comes back to it without another word.
            if !self.case.is_ours(task) || members::has_told(history, owner, task, self.to) {
                return None;
            }
            let last = history.statuses.iter().rfind(|status| status.task == task);
            let said = match last {
                Some(status) if status.worker.is_none_or(|worker| worker == owner) => return None,
                Some(status) => format!(
                    "its last status is {} by {} at {}",
                    status.state, status.worker?, status.at
                ),
                None => "it never had a status".to_owned(),
            };
            let text = format!("the group gave {task} to {owner} at {at}, and {said}");
            let from = last.map_or(self.from, |status| status.at);
            Some(self.absent(Subject::Status, from, text))
        })
    }

    /// The last commit that was seen is the last that there was.
    fn last_commit(&self, leg: &Leg<'_>) -> Option<Absence> {
        let observer = leg.commit_signal();
        let seen = self.commits_of(leg);
        let last = seen.values().map(|(at, _)| *at).max();
        match self.final_offsets(leg) {
            Some(told) => told.into_iter().find_map(|(key, offset)| {
                let known = seen.get(&key).is_some_and(|(_, offsets)| offsets.contains(&offset));
                (!known).then(|| {
                    let name = &leg.connector.name;
                    let text = format!(
                        "`{observer}` never told that {name} had committed {offset} for {key}, which stood there at the end"
                    );
                    self.absent(Subject::Commits, last.unwrap_or(self.from), text)
                })
            }),
            None => self.commits_stopped(leg, last),
        }
    }

    /// Where nobody asked at the end: commits that stop while records go on.
    fn commits_stopped(&self, leg: &Leg<'_>, last: Option<Moment>) -> Option<Absence> {
        if !leg.measurable() || self.attended_to_its_end(leg.commit_signal()) {
            return None;
        }
        let timeout = settings::milliseconds(self.case.info, "offset.flush.timeout.ms");
        let boundary = settings::effective(
            self.case.info,
            leg.connector,
            "transaction.boundary.interval.ms",
        );
        let boundary = boundary
            .and_then(|text| text.trim().parse().ok())
            .unwrap_or(0);
        let late_ms = leg.flush_interval_ms.max(boundary) + timeout + COMMIT_SLACK_MS;
        // A task that starts anew commits one interval later: each start begins a stretch of its own.
        let since = last.unwrap_or(self.from);
        let statuses = self.case.history.statuses.iter();
        let starts =
            statuses.filter(|s| s.state == "RUNNING" && s.task.connector == leg.connector.name);
        let mut begins = vec![since];
        begins.extend(starts.map(|status| status.at).filter(|at| *at > since));
        let ends = begins[1..].iter().copied().chain([self.case.history.end]);
        begins.iter().zip(ends).find_map(|(from, to)| {
            let arrived = self.last_arrival(leg, *from, to)?;
            let silent_ms = arrived.as_ms().saturating_sub(from.as_ms());
            (silent_ms > late_ms).then(|| {
                let text = format!(
                    "nobody saw a commit of {} from {:.1} to {:.1} s, while its records went on arriving",
                    leg.connector.name,
                    from.as_seconds(),
                    arrived.as_seconds()
                );
                self.absent(Subject::Commits, *from, text)
            })
        })
    }

    /// When the last new record came from behind a connector within a stretch, to the end of a bucket.
    fn last_arrival(&self, leg: &Leg<'_>, from: Moment, to: Moment) -> Option<Moment> {
        let grid = self.case.frame.grid;
        let lanes = &self.case.taps[leg.index].lanes;
        let came = |bucket: &usize| lanes.iter().any(|lane| lane.arrivals[*bucket] > 0);
        let last = (grid.index(from.0)..=grid.index(to.0)).rev().find(came)?;
        let end = (last as u64 + 1).saturating_mul(grid.bucket_us);
        Some(Moment(end.min(to.0)))
    }

    fn attended_to_its_end(&self, observer: &str) -> bool {
        self.is_whole_format() && self.told.contains_key(observer)
    }

    /// What a connector was seen to commit, by the partition as text: the last time, and all offsets as text.
    fn commits_of(&self, leg: &Leg<'_>) -> BTreeMap<String, (Moment, BTreeSet<String>)> {
        let mut seen: BTreeMap<String, (Moment, BTreeSet<String>)> = BTreeMap::new();
        for event in &self.case.history.commits {
            if let Some((key, offset)) = committed(event, leg) {
                let entry = seen.entry(key).or_default();
                entry.0 = entry.0.max(event.at);
                entry.1.insert(offset);
            }
        }
        seen
    }

    /// The offsets that stood there at the end, the same way; `None` where nobody asked.
    fn final_offsets(&self, leg: &Leg<'_>) -> Option<Vec<(String, String)>> {
        let name = &leg.connector.name;
        self.case
            .evidence
            .log
            .events
            .iter()
            .rev()
            .find_map(|event| {
                if let What::FinalOffsets { sinks, .. } = &event.what
                    && leg.connector.direction == Direction::Sink
                {
                    let told = sinks.get(name)?.iter();
                    return Some(
                        told.map(|(p, offset)| (p.to_string(), offset.to_string()))
                            .collect(),
                    );
                }
                if let What::FinalSourceOffsets { sources } = &event.what
                    && leg.connector.direction == Direction::Source
                {
                    let told = sources.get(name)?.iter();
                    return Some(
                        told.map(|(p, offset)| (p.to_string(), offset.to_string()))
                            .collect(),
                    );
                }
                None
            })
    }
}

fn committed(event: &Event, leg: &Leg<'_>) -> Option<(String, String)> {
    Some(match said(event, leg.connector, leg.input_topic())? {
        Said::Source { partition, offset } => (partition.to_string(), offset.to_string()),
        Said::Sink { partition, next } => (partition.to_string(), next?.to_string()),
    })
}

/// Something that the journal of a run must tell: whether it must, how it is known, and what it is.
type Needed = (bool, fn(&What) -> bool, &'static str);

/// What the journal of every run that came to its end tells, and this one does not.
pub(super) fn untold(case: &Case<'_>) -> Vec<String> {
    let ended = case.history.ended.as_ref();
    if !ended.is_some_and(|end| *end.ending == Ending::Complete) {
        return Vec::new();
    }
    let mut needed = always(case);
    if is_live(case) {
        needed.extend(of_the_cluster(case));
        needed.extend(of_the_run(case));
    }
    let events = &case.evidence.log.events;
    let any = |is_it: fn(&What) -> bool| events.iter().any(|event| is_it(&event.what));
    let untold = needed
        .into_iter()
        .filter(|(must, is_it, _)| *must && !any(*is_it));
    untold
        .map(|(_, _, what)| {
            format!("the run came to its end, and its journal does not tell {what}")
        })
        .collect()
}

fn always(case: &Case<'_>) -> Vec<Needed> {
    use Phase::{Baseline, Converge, Deploy, Provision, TakeDown};
    let fed = case.info.scenario.route.feed().is_some();
    vec![
        (
            true,
            |what| *what == What::PhaseBegan(Provision),
            "when the cluster was provisioned",
        ),
        (
            true,
            |what| *what == What::PhaseBegan(Deploy),
            "when the connectors were deployed",
        ),
        (
            true,
            |what| *what == What::PhaseBegan(Baseline),
            "when the baseline began",
        ),
        (
            true,
            |what| *what == What::PhaseBegan(Converge),
            "when faults were over",
        ),
        (
            true,
            |what| *what == What::PhaseBegan(TakeDown),
            "when all was taken down",
        ),
        (
            true,
            |what| matches!(what, What::TasksRunning { .. }),
            "that its tasks ran",
        ),
        (
            fed,
            |what| matches!(what, What::FeedBegan),
            "when the feed began",
        ),
    ]
}

fn of_the_cluster(case: &Case<'_>) -> Vec<Needed> {
    let ours = case.info.runtime != RuntimeKind::Attached;
    vec![
        (
            ours,
            |what| matches!(what, What::ProcessStarted { .. }),
            "when its processes started",
        ),
        (
            ours,
            |what| matches!(what, What::ProcessReady { .. }),
            "when its processes answered",
        ),
        (
            ours,
            |what| matches!(what, What::ProcessEnded { .. }),
            "when its processes ended",
        ),
        (
            ours,
            |what| matches!(what, What::Log { .. }),
            "what its workers logged",
        ),
        (
            ours,
            |what| matches!(what, What::RestView { .. }),
            "what its workers answered",
        ),
        (
            true,
            |what| matches!(what, What::GroupPolled { .. }),
            "how often the group was asked",
        ),
    ]
}

fn of_the_run(case: &Case<'_>) -> Vec<Needed> {
    let mut faults = case.history.faults.iter();
    let faults = faults.any(|fault| fault.acted().is_some());
    vec![
        (
            true,
            |what| matches!(what, What::ConnectorConfig { .. }),
            "how its connectors were configured",
        ),
        (
            true,
            |what| matches!(what, What::ConnectorCreated(_)),
            "that its connectors were created",
        ),
        (
            true,
            |what| matches!(what, What::TaskConfig { .. }),
            "how its tasks were configured",
        ),
        (
            true,
            |what| matches!(what, What::BaselineReached { .. }),
            "that the baseline was reached",
        ),
        (
            true,
            |what| matches!(what, What::Progress { .. }),
            "how it went on",
        ),
        (
            true,
            |what| matches!(what, What::FinalOffsets { .. }),
            "which offsets stood there at the end",
        ),
        (
            case.info.has_attendance(),
            |what| matches!(what, What::FinalSourceOffsets { .. }),
            "which offsets its sources had at the end",
        ),
        (
            faults,
            |what| {
                matches!(
                    what,
                    What::RecoverySeen { .. } | What::RecoveryGivenUp { .. }
                )
            },
            "whether its faults were recovered from",
        ),
    ]
}

/// Whether the journal was written while a cluster ran. Older ones are known by the kinds of events that only a run
/// writes: one that has most of them must have them all.
fn is_live(case: &Case<'_>) -> bool {
    let kinds: [fn(&What) -> bool; 8] = [
        |what| matches!(what, What::ProcessStarted { .. }),
        |what| matches!(what, What::ProcessReady { .. }),
        |what| matches!(what, What::RestView { .. }),
        |what| matches!(what, What::ConnectorConfig { .. }),
        |what| matches!(what, What::ConnectorCreated(_)),
        |what| matches!(what, What::BaselineReached { .. }),
        |what| matches!(what, What::Progress { .. }),
        |what| matches!(what, What::FinalOffsets { .. }),
    ];
    let events = &case.evidence.log.events;
    let told = |is_it: &&fn(&What) -> bool| events.iter().any(|event| is_it(&event.what));
    case.info.has_attendance() || kinds.iter().filter(told).count() * 2 > kinds.len()
}
