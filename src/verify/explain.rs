//! The story of one record of a finding: every sighting, the commits around it, the fault, the log lines.

use serde::Serialize;

use crate::journal::{ObservationKind, Places};
use crate::model::{FaultKind, Moment, PlaceName};

use super::commits::CommitKey;
use super::history::{History, Membership};
use super::leg::Leg;
use super::pass::each_batch;
use super::{Evidence, Finding, Judgement};

/// Lines of one kind in a story.
const MOST_LINES: usize = 40;
/// How far around the sightings commits and logs are told, in microseconds.
const AROUND_US: u64 = 15_000_000;

/// The story of one record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Explanation {
    /// What it is about.
    pub title: String,
    /// What happened, in the order of time; lines without a time come first.
    pub lines: Vec<StoryLine>,
}

/// One line of a story.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct StoryLine {
    /// When, where it has a time.
    pub at: Option<Moment>,
    /// What happened; may quote a worker's log, which is hostile input.
    pub text: String,
}

struct Seen<'a> {
    at: Moment,
    place: &'a PlaceName,
    partition: i32,
}

/// Tells the story of the first record of a finding, or of the finding itself where it is about no record; `None` when the
/// judgement has no finding of this id.
pub fn explain(
    evidence: &Evidence<'_>,
    judgement: &Judgement,
    finding_id: &str,
) -> Option<Explanation> {
    let finding = judgement.findings.iter().find(|f| f.id == finding_id)?;
    let history = History::read(evidence);
    let legs = Leg::all(evidence.info, &history);
    let mut lines = Vec::new();
    let record = finding
        .lane
        .and_then(|lane| Some((lane.0, finding.ranges.first()?.0)));
    let mut title = finding.text.clone();
    let mut times: Vec<Moment> = finding.from.into_iter().chain(finding.to).collect();
    if let Some(record) = record {
        title = format!("record {} of lane {}: {}", record.1, record.0, finding.text);
        let seen = sightings(evidence, record, &mut lines);
        times.extend(seen.iter().map(|seen| seen.at));
        let around = stretch(&times);
        commits(&legs, finding, record.0, &seen, around, &mut lines);
    }
    let around = stretch(&times);
    faults(&history, finding, around, &mut lines);
    logs(&history, around, &mut lines);
    let wanted = finding.lane.zip(finding.ranges.first());
    for rewind in &judgement.rewinds {
        let about = wanted.is_some_and(|(lane, range)| {
            rewind.lane == lane && rewind.first <= range.0 && range.0 <= rewind.last
        });
        if about && Some(&rewind.place) == finding.place.as_ref() {
            lines.push(line(
                Some(rewind.at),
                format!(
                    "{} sent {} to {} again: {}",
                    rewind.connector, rewind.first, rewind.last, rewind.why
                ),
            ));
        }
    }
    lines.sort_by_key(|line| line.at);
    Some(Explanation { title, lines })
}

fn line(at: Option<Moment>, text: String) -> StoryLine {
    StoryLine { at, text }
}

fn stretch(times: &[Moment]) -> (u64, u64) {
    let from = times.iter().min().map_or(0, |at| at.0);
    let to = times.iter().max().map_or(0, |at| at.0);
    (from.saturating_sub(AROUND_US), to.saturating_add(AROUND_US))
}

/// A second look at all places, for one record only.
fn sightings<'a>(
    evidence: &Evidence<'a>,
    record: (u32, u64),
    lines: &mut Vec<StoryLine>,
) -> Vec<Seen<'a>> {
    let route = &evidence.info.scenario.route;
    let mut all = Vec::new();
    for place in route.places() {
        let is_feed = route.feed().is_some_and(|feed| feed.name == place.name);
        let seen = at_place(evidence.places, &place.name, record, is_feed, lines);
        if seen.is_empty() {
            lines.push(line(None, format!("never seen at {}", place.name)));
        }
        all.extend(seen);
    }
    all
}

fn at_place<'a>(
    places: &dyn Places,
    place: &'a PlaceName,
    (lane, sequence): (u32, u64),
    is_feed: bool,
    lines: &mut Vec<StoryLine>,
) -> Vec<Seen<'a>> {
    let mut seen = Vec::new();
    let damage = each_batch(places, place.as_str(), |batch| {
        for i in 0..batch.len() {
            if batch.sequence[i] != sequence || batch.lane[i] != lane {
                continue;
            }
            let (partition, position) = (batch.partition[i], batch.position[i]);
            let how = match ObservationKind::from_code(batch.kind[i]) {
                Some(ObservationKind::Whole) if is_feed => "fed to",
                Some(ObservationKind::Whole) => "arrived at",
                Some(ObservationKind::Refused) => "refused by",
                Some(ObservationKind::Unknown) => "sent without an answer to",
                Some(ObservationKind::Corrupt | ObservationKind::Foreign) | None => continue,
            };
            let at = Moment(batch.at_us[i]);
            if seen.len() < MOST_LINES {
                let text = format!("{how} {place}, partition {partition}, position {position}");
                lines.push(line(Some(at), text));
            }
            seen.push(Seen {
                at,
                place,
                partition,
            });
        }
    });
    if let Some(damage) = damage {
        lines.push(line(None, damage));
    }
    seen
}

/// Commits that speak for the lane: positions of a partition count where the record was in the connector's own input.
fn commits(
    legs: &[Leg<'_>],
    finding: &Finding,
    lane: u32,
    seen: &[Seen<'_>],
    (from, to): (u64, u64),
    lines: &mut Vec<StoryLine>,
) {
    for leg in legs {
        if finding
            .connector
            .as_ref()
            .is_some_and(|name| *name != leg.connector.name)
        {
            continue;
        }
        let about = |key: CommitKey| match key {
            CommitKey::Lane(committed) => committed == lane,
            CommitKey::Partition(partition) => seen.iter().any(|seen| {
                seen.partition == partition
                    && leg.input.is_some_and(|input| input.name == *seen.place)
            }),
        };
        let near = leg
            .commits
            .list
            .iter()
            .filter(|commit| (from..=to).contains(&commit.at.0) && about(commit.key));
        for commit in near.take(MOST_LINES) {
            let subject = match commit.key {
                CommitKey::Partition(partition) => format!("partition {partition}"),
                CommitKey::Lane(lane) => format!("lane {lane}"),
            };
            let what = match commit.next {
                Some(next) => format!("committed for {subject}: next is {next}"),
                None => format!("its commit for {subject} was deleted"),
            };
            lines.push(line(
                Some(commit.at),
                format!("{} {what}", leg.connector.name),
            ));
        }
    }
}

fn faults(
    history: &History<'_>,
    finding: &Finding,
    (from, to): (u64, u64),
    lines: &mut Vec<StoryLine>,
) {
    for fault in &history.faults {
        let near = fault.acted().is_some_and(|at| (from..=to).contains(&at.0));
        if near || finding.fault == Some(fault.id) {
            let text = format!("{}: {}; {}", fault.id, fault.phrase(), fault.why);
            lines.push(line(fault.acted(), text));
            for victim in &fault.victims {
                let worker = &victim.worker;
                let (gone, back) = match fault.kind {
                    FaultKind::Kill | FaultKind::Stop { .. } => (
                        format!("the process of {worker} was gone"),
                        format!("{worker} was started again"),
                    ),
                    FaultKind::Pause => (
                        format!("{worker} stood still"),
                        format!("{worker} was resumed"),
                    ),
                    FaultKind::Disconnect => (
                        format!("{worker} had no network"),
                        format!("{worker} was connected again"),
                    ),
                };
                lines.extend(victim.ended.map(|at| line(Some(at), gone)));
                if let Membership::Lost(at) = victim.membership {
                    let text = format!("the group was without the member that {worker} was");
                    lines.push(line(Some(at), text));
                }
                lines.extend(victim.undone.map(|at| line(Some(at), back)));
            }
        }
    }
}

fn logs(history: &History<'_>, (from, to): (u64, u64), lines: &mut Vec<StoryLine>) {
    let near = history
        .logs
        .iter()
        .filter(|log| log.trouble && (from..=to).contains(&log.line.at.0));
    for log in near.take(MOST_LINES) {
        let text = format!(
            "log of {}: {} {}",
            log.line.worker, log.line.level, log.line.text
        );
        lines.push(line(Some(log.line.at), text));
    }
}
