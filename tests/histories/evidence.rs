//! Evidence that is gone or contradicts itself: each case takes something from a history that was held.

use squall::journal::{LogFact, ObservationKind, What};
use squall::model::{Lane, Moment};

use super::history::History;
use super::names::place_text;
use super::rng::Rng;
use super::setup::LegKind;
use super::still;

/// An observer, and the events that only it writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Observer {
    Group,
    SinkGroups,
    SourceCommits,
    SinkCommits,
    Statuses,
    Taps,
    Feed,
}

/// What is done to the evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Case {
    /// All that an observer wrote is gone.
    Never(Observer),
    /// From some time on.
    Until(Observer),
    /// For ten seconds.
    Gap(Observer),
    /// All events of a kind are gone, by its name in the journal.
    Without(&'static str),
    /// A place has no rows, or not all.
    NoRows,
    CutRows,
    HoleInRows,
    /// Rows are gone from the middle of a tap, and the run says that it wrote no more.
    HoleThatIsCounted,
    /// Nobody looked at a tap while a fault was about, or the feed stood still then, and tells it.
    TapStoodStill,
    FeedStoodStill,
    /// Rows stand twice, in one go or one of them.
    TwiceRows,
    TwiceRow,
    /// A record is missing at a tap and there behind it.
    NotBetween,
    /// The feed sent ten seconds later than it says.
    SentLater,
    /// One record arrived a second before it was sent.
    OneEarly,
    /// Rows of a partition go back in time, or in position.
    BackInTime,
    BackInPosition,
    /// A record of a lane stands in another partition.
    OtherPartition,
    /// The journal ends early, or its times go back.
    CutJournal,
    JournalGoesBack,
    /// The number of rows that the run wrote is another.
    OtherCount,
    /// Nobody knows these formats.
    RunFormat,
    PlanFormat,
}

/// The kinds of events whose absence takes evidence away. Not here: `note`, on which nothing rests;
/// `final-source-offsets`, which workers before 3.5 cannot tell; and log lines other than of tasks that did not stop.
const KINDS: [&str; 29] = [
    "attended",
    "task-config",
    "process-ready",
    "connector-created",
    "connector-config",
    "rest-view",
    "progress",
    "recovery-seen",
    "phase-began",
    "process-started",
    "process-ended",
    "tasks-running",
    "feed-began",
    "feed-ended",
    "baseline-reached",
    "fault-intended",
    "fault-acted",
    "fault-proof",
    "grace-overrun",
    "fault-undone",
    "group",
    "group-polled",
    "sink-group",
    "source-commit",
    "sink-commit",
    "task-status",
    "log",
    "final-offsets",
    "drain-ended",
];

impl Case {
    pub fn all() -> Vec<Self> {
        use Observer::{Feed, Group, SinkCommits, SinkGroups, SourceCommits, Statuses, Taps};
        let observers = [Group, SinkGroups, SourceCommits, SinkCommits, Statuses];
        let mut all: Vec<Self> = observers.map(Self::Never).to_vec();
        all.extend([Taps, Feed].map(Self::Never));
        all.extend(observers.map(Self::Until));
        all.extend([Group, SourceCommits, SinkCommits].map(Self::Gap));
        all.extend(KINDS.map(Self::Without));
        all.extend([
            Self::NoRows,
            Self::CutRows,
            Self::HoleInRows,
            Self::HoleThatIsCounted,
            Self::TapStoodStill,
            Self::FeedStoodStill,
            Self::TwiceRows,
            Self::TwiceRow,
            Self::NotBetween,
            Self::SentLater,
            Self::OneEarly,
            Self::BackInTime,
            Self::BackInPosition,
            Self::OtherPartition,
            Self::CutJournal,
            Self::JournalGoesBack,
            Self::OtherCount,
            Self::RunFormat,
            Self::PlanFormat,
        ]);
        all
    }

    /// Does it to a history; `None` where that would take nothing away.
    pub fn done_to(self, history: &History, rng: &mut Rng) -> Option<History> {
        let mut history = history.clone();
        let what = match self {
            Self::Never(observer) => without_observer(&mut history, observer, 0, u64::MAX)?,
            Self::Until(observer) => {
                let from = late_enough(&history, observer, rng)?;
                without_observer(&mut history, observer, from, u64::MAX)?
            }
            Self::Gap(observer) => {
                let (from, to) = gap(&history, observer, rng)?;
                without_observer(&mut history, observer, from, to)?
            }
            Self::Without(kind) => without_kind(&mut history, kind)?,
            Self::CutJournal => cut_journal(&mut history, rng)?,
            Self::JournalGoesBack => go_back(&mut history, rng)?,
            Self::OtherCount => other_count(&mut history, rng)?,
            Self::TapStoodStill | Self::FeedStoodStill => self.stood_still(&mut history, rng)?,
            Self::RunFormat => {
                history.info.format = 99;
                "run.json has format 99".to_owned()
            }
            Self::PlanFormat => {
                history.plan.format = 99;
                "plan.json has format 99".to_owned()
            }
            _ => self.done_to_rows(&mut history, rng)?,
        };
        history.story.push(format!("EVIDENCE {self:?}: {what}"));
        Some(history)
    }

    fn stood_still(self, history: &mut History, rng: &mut Rng) -> Option<String> {
        // Only times suffer, and only where they are asked for.
        let expect = &history.info.scenario.expect;
        expect.recovery_ms.or(expect.outage_ms)?;
        let (from, to) = still::across_a_fault(history, rng)?;
        let who = match self {
            Self::FeedStoodStill => {
                history.places.0.get(&place_text(0))?;
                let feed = format!("feed {}", place_text(0));
                still::tell(history, &feed, (from, to));
                feed
            }
            _ => {
                let leg = rng.range(0, history.setup.legs.len() as u64 - 1) as usize;
                still::tap(history, leg, (from, to));
                format!("tap {}", place_text(leg + 1))
            }
        };
        Some(format!("{who} from {from} to {to} ms"))
    }

    fn done_to_rows(self, history: &mut History, rng: &mut Rng) -> Option<String> {
        let names: Vec<String> = history.places.0.keys().cloned().collect();
        let taps: Vec<String> = names.iter().filter(|name| *name != "t0").cloned().collect();
        let name = match self {
            Self::NoRows | Self::CutRows | Self::HoleInRows | Self::TwiceRows => {
                rng.pick(&names).clone()
            }
            Self::NotBetween => return not_between(history, rng),
            Self::SentLater | Self::OneEarly => place_text(0),
            _ => rng.pick(&taps).clone(),
        };
        let rows = history.places.0.get_mut(&name)?;
        if rows.len() < 60 {
            return None;
        }
        let at = rng.range(20, rows.len() as u64 - 20) as usize;
        match self {
            Self::NoRows => rows.clear(),
            Self::CutRows => rows.truncate(at),
            Self::HoleInRows => drop(rows.drain(at..at + 5)),
            Self::HoleThatIsCounted => {
                rows.drain(at..at + 5);
                history.count_rows();
                shows_holes(history, &name).then_some(())?;
            }
            Self::TwiceRows => {
                let again = rows.clone();
                rows.extend(again);
                history.count_rows();
            }
            Self::TwiceRow => {
                rows.insert(at, rows[at]);
                history.count_rows();
            }
            Self::SentLater => {
                for seen in rows.iter_mut() {
                    seen.row.at = Moment(seen.row.at.0 + 10_000_000);
                }
            }
            Self::OneEarly => rows[at].row.at = Moment(rows[at].row.at.0 + 60_000_000),
            Self::BackInTime => rows[at].row.at = Moment(rows[at].row.at.0 - 2_000_000),
            Self::BackInPosition => {
                let partition = rows[at].row.partition;
                let later = (at + 1..rows.len()).find(|n| rows[*n].row.partition == partition)?;
                let position = rows[at].row.position;
                rows[at].row.position = rows[later].row.position;
                rows[later].row.position = position;
            }
            Self::OtherPartition => {
                if history.setup.partitions < 2 || rows.iter().all(|seen| seen.row.partition == 0) {
                    return None;
                }
                let partition = rows[at].row.partition;
                rows[at].row.partition = (partition + 1) % history.setup.partitions as i32;
            }
            _ => return None,
        }
        Some(format!("at {name}, row {at}"))
    }

    /// Whether a history of the first format can be held to it: it never had what this takes away, or little of it.
    pub const fn asks_for_all(self) -> bool {
        matches!(
            self,
            Self::Never(_)
                | Self::Until(_)
                | Self::Gap(_)
                | Self::Without(_)
                | Self::HoleThatIsCounted
                | Self::TapStoodStill
                | Self::FeedStoodStill
        )
    }
}

fn is_of(observer: Observer, what: &What) -> bool {
    match observer {
        _ if is_attendance_of(observer, what) => true,
        Observer::Group => matches!(what, What::Group(_) | What::GroupPolled { .. }),
        Observer::SinkGroups => matches!(what, What::SinkGroup { .. }),
        Observer::SourceCommits => matches!(what, What::SourceCommit { .. }),
        Observer::SinkCommits => matches!(what, What::SinkCommit { .. }),
        Observer::Statuses => matches!(what, What::TaskStatus { .. }),
        Observer::Taps | Observer::Feed => false,
    }
}

/// Whether the positions at a tap tell that rows are gone. Transactions end with markers that no reader sees, and how long a
/// line of a file is that is no record of ours nobody knows.
fn shows_holes(history: &History, name: &str) -> bool {
    let legs = &history.setup.legs;
    let leg = (0..legs.len()).find(|leg| place_text(leg + 1) == name);
    let own = matches!(legs[0].kind, LegKind::Own { .. });
    leg.is_some_and(|leg| !(legs[leg].exactly_once || own && legs[leg].kind == LegKind::FileSink))
}

fn is_attendance_of(observer: Observer, what: &What) -> bool {
    let What::Attended { observer: name, .. } = what else {
        return false;
    };
    match observer {
        Observer::Group => false,
        Observer::SinkGroups => name.starts_with("sink group "),
        Observer::SourceCommits => name == "offsets topic",
        Observer::SinkCommits => name == "consumer offsets",
        Observer::Statuses => name == "status topic",
        Observer::Taps => name.starts_with("tap "),
        Observer::Feed => name.starts_with("feed "),
    }
}

fn without_observer(
    history: &mut History,
    observer: Observer,
    from: u64,
    to: u64,
) -> Option<String> {
    let before = history.events.len();
    history
        .events
        .retain(|(at, what)| !is_of(observer, what) || *at < from || *at > to);
    let gone = before - history.events.len();
    (gone > 0).then(|| format!("{gone} events gone from {from} to {to} us"))
}

/// A time from which on the observer had to see something that the judgement rests on.
fn late_enough(history: &History, observer: Observer, rng: &mut Rng) -> Option<u64> {
    let stages = &history.stages;
    let expect = &history.info.scenario.expect;
    let room = match observer {
        Observer::Group => 3_000,
        Observer::SourceCommits | Observer::SinkCommits => 4 * history.setup.flush_ms + 4_000,
        Observer::SinkGroups | Observer::Statuses | Observer::Taps | Observer::Feed => 0,
    };
    // Only what is asked for can suffer.
    let asked = match observer {
        Observer::Group => expect.overlap_ms.is_some(),
        Observer::SinkGroups | Observer::Statuses => expect.recovery_ms.is_some(),
        Observer::SourceCommits | Observer::SinkCommits => true,
        Observer::Taps | Observer::Feed => expect.recovery_ms.or(expect.outage_ms).is_some(),
    };
    let last = stages.converge.checked_sub(room)?;
    if !asked || last <= stages.feed {
        return None;
    }
    let from = rng.range(stages.feed, last) * 1_000;
    let news = history
        .events
        .iter()
        .any(|(at, what)| is_of(observer, what) && *at > from && *at < stages.converge * 1_000);
    news.then_some(from)
}

/// Ten seconds in which the observer had to see something.
fn gap(history: &History, observer: Observer, rng: &mut Rng) -> Option<(u64, u64)> {
    let length = match observer {
        Observer::Group => 10_000,
        _ => 10_000.max(4 * history.setup.flush_ms + 4_000),
    };
    let stages = &history.stages;
    let last = stages.converge.checked_sub(length)?;
    if last <= stages.feed
        || (observer == Observer::Group && history.info.scenario.expect.overlap_ms.is_none())
    {
        return None;
    }
    let from = rng.range(stages.feed, last) * 1_000;
    Some((from, from + length * 1_000))
}

fn kind_of(what: &What) -> String {
    match serde_json::to_value(what) {
        Ok(serde_json::Value::Object(map)) => map.keys().next().cloned().unwrap_or_default(),
        Ok(serde_json::Value::String(name)) => name,
        _ => String::new(),
    }
}

fn without_kind(history: &mut History, kind: &str) -> Option<String> {
    let tells = |what: &What| match what {
        What::Log { fact, .. } => matches!(fact, LogFact::GracefulStopFailed { .. }),
        _ => true,
    };
    let taken = history
        .events
        .iter()
        .any(|(_, what)| kind_of(what) == kind && tells(what));
    if !taken {
        return None;
    }
    // Without a restart, nothing rests on the starts of processes.
    let restarts = |(_, what): &(u64, What)| matches!(what, What::FaultUndone { .. });
    if kind == "process-started" && !history.events.iter().any(restarts) {
        return None;
    }
    let before = history.events.len();
    history.events.retain(|(_, what)| kind_of(what) != kind);
    Some(format!("{} events gone", before - history.events.len()))
}

/// A journal of fewer events has no middle.
const FEWEST_EVENTS: usize = 70;

fn cut_journal(history: &mut History, rng: &mut Rng) -> Option<String> {
    if history.events.len() < FEWEST_EVENTS {
        return None;
    }
    let at = rng.range(20, history.events.len() as u64 - 1) as usize;
    history.events.truncate(at);
    Some(format!("{at} events are left"))
}

fn go_back(history: &mut History, rng: &mut Rng) -> Option<String> {
    if history.events.len() < FEWEST_EVENTS {
        return None;
    }
    let number = rng.range(30, history.events.len() as u64 - 30) as usize;
    let at = history.events[number].0;
    history.events[number].0 = at.saturating_sub(3_000_000);
    Some(format!("event {number} says three seconds less"))
}

fn other_count(history: &mut History, rng: &mut Rng) -> Option<String> {
    let names: Vec<String> = history.places.0.keys().cloned().collect();
    let name = rng.pick(&names).clone();
    let more = rng.chance(50);
    for (_, what) in &mut history.events {
        if let What::RunEnded { rows, .. } = what {
            let count = rows.get_mut(&name)?;
            *count = if more {
                *count + 7
            } else {
                count.saturating_sub(7)
            };
        }
    }
    Some(format!("rows of {name}"))
}

/// Takes all copies of a record from a tap that is not the last.
fn not_between(history: &mut History, rng: &mut Rng) -> Option<String> {
    let legs = history.setup.legs.len() as u64;
    if legs < 2 {
        return None;
    }
    let name = place_text(rng.range(1, legs - 1) as usize);
    let rows = history.places.0.get_mut(&name)?;
    let whole: Vec<_> = rows
        .iter()
        .filter(|seen| seen.row.kind == ObservationKind::Whole)
        .collect();
    if whole.len() < 40 {
        return None;
    }
    let row = whole[rng.range(10, whole.len() as u64 - 10) as usize].row;
    let (lane, sequence): (Lane, _) = (row.lane, row.sequence);
    rows.retain(|seen| seen.row.lane != lane || seen.row.sequence != sequence);
    history.count_rows();
    Some(format!(
        "record {} of lane {} at {name}",
        sequence.0, lane.0
    ))
}
