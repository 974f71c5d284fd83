//! Facts with their evidence, before anyone asks whether they were allowed.

use std::collections::BTreeMap;

use crate::journal::Exit;
use crate::model::{FaultId, Lane, Moment, TaskId};

use super::case::Case;
use super::contradictions::Contradiction;
use super::departures;
use super::dropped::Early;
use super::figures::{grouped, percent, plural};
use super::history::Victim;
use super::losses::{Loss, Losses};
use super::offsets::{Offsets, WrongCommit};
use super::ownership::{Ownership, overlap_ms};
use super::pass::Stray;
use super::recovery::{FaultRecovery, running};
use super::rewinds::{Bound, Rewinds};
use super::strays::OwnStrays;
use super::stuck::why_not_ended;
use super::{Finding, FindingKind, LogLine};

/// Findings of one kind that are listed.
const MOST_LISTED: usize = 200;
/// Ranges in one finding.
const MOST_RANGES: usize = 100;
/// Log lines at one finding.
const MOST_LINES: usize = 5;

/// Everything that findings are made of.
pub(super) struct Facts<'c, 'a> {
    pub case: &'c Case<'a>,
    pub rewinds: &'c Rewinds,
    /// Of each connector.
    pub strays: &'c [OwnStrays],
    pub losses: &'c Losses,
    pub offsets: &'c Offsets,
    pub ownership: &'c Ownership,
    pub recoveries: &'c [FaultRecovery],
    /// What the observations contradict.
    pub contradictions: &'c [Contradiction<'c>],
}

/// Findings, worst first, and how many of each kind are not listed.
pub(super) fn list(facts: &Facts<'_, '_>) -> (Vec<Finding>, BTreeMap<FindingKind, u64>) {
    let mut found = Vec::new();
    lost(facts, &mut found);
    strays(facts, &mut found);
    repeats(facts, &mut found);
    reorderings(facts, &mut found);
    commits(facts, &mut found);
    overlaps(facts, &mut found);
    stops_and_failures(facts, &mut found);
    departures(facts, &mut found);
    unrecovered(facts, &mut found);
    let is_of = |finding: &Finding| {
        let mut places = facts
            .contradictions
            .iter()
            .map(|contradiction| contradiction.place);
        places.any(|place| finding.place.as_ref() == Some(place))
    };
    found.retain(|finding| !is_of(finding));
    found.sort_by_key(|finding| (finding.kind, std::cmp::Reverse(finding.count)));
    number(found)
}

fn number(found: Vec<Finding>) -> (Vec<Finding>, BTreeMap<FindingKind, u64>) {
    let mut counts: BTreeMap<FindingKind, usize> = BTreeMap::new();
    let mut left_out: BTreeMap<FindingKind, u64> = BTreeMap::new();
    let mut listed = Vec::new();
    for mut finding in found {
        let count = counts.entry(finding.kind).or_insert(0);
        *count += 1;
        if *count > MOST_LISTED {
            *left_out.entry(finding.kind).or_insert(0) += 1;
        } else {
            finding.id = format!("{}/{count}", finding.kind.key());
            finding.ranges.truncate(MOST_RANGES);
            listed.push(finding);
        }
    }
    (listed, left_out)
}

fn blank(kind: FindingKind, text: String, count: u64) -> Finding {
    Finding {
        id: String::new(),
        kind,
        text,
        count,
        place: None,
        connector: None,
        task: None,
        lane: None,
        ranges: Vec::new(),
        from: None,
        to: None,
        fault: None,
        log: Vec::new(),
    }
}

fn first_ranges(ranges: &[(u64, u64)]) -> String {
    let show = |(first, last): &(u64, u64)| {
        if first == last {
            grouped(*first)
        } else {
            format!("{}–{}", grouped(*first), grouped(*last))
        }
    };
    let mut shown: Vec<String> = ranges.iter().take(3).map(show).collect();
    if ranges.len() > 3 {
        shown.push("…".to_owned());
    }
    shown.join(", ")
}

impl Facts<'_, '_> {
    /// The first log lines with trouble in them around a stretch.
    fn log_near(&self, from: Option<Moment>, to: Option<Moment>) -> Vec<LogLine> {
        let Some(from) = from else { return Vec::new() };
        let slack = 2_000_000;
        let to = to.unwrap_or(from).0.saturating_add(slack);
        let from = from.0.saturating_sub(slack);
        let near = self
            .case
            .history
            .logs
            .iter()
            .filter(|log| log.trouble && (from..=to).contains(&log.line.at.0));
        near.take(MOST_LINES).map(|log| log.line.clone()).collect()
    }

    fn at_tap(&self, leg: usize, finding: Finding) -> Finding {
        let leg = &self.case.legs[leg];
        let log = self.log_near(finding.from, finding.to);
        Finding {
            place: Some(leg.tap.name.clone()),
            connector: Some(leg.connector.name.clone()),
            log,
            ..finding
        }
    }

    fn fault_id(&self, index: Option<usize>) -> Option<FaultId> {
        index.map(|index| self.case.history.faults[index].id)
    }
}

fn lost(facts: &Facts<'_, '_>, found: &mut Vec<Finding>) {
    let drained = facts.case.drained();
    for loss in &facts.losses.list {
        let leg = &facts.case.legs[loss.leg];
        let (kind, word) = if drained {
            (FindingKind::Lost, "lost by")
        } else {
            (FindingKind::Undecided, "still missing behind")
        };
        let mut text = format!(
            "{} of lane {} {word} connector {}: {}",
            plural(loss.count, "record"),
            loss.lane,
            leg.connector.name,
            first_ranges(&loss.ranges)
        );
        if let Some((from, to)) = loss.fed {
            text.push_str(&format!(", fed from {from} to {to}"));
        }
        if !facts.recoveries.is_empty() {
            text.push_str(&before_any_fault(loss));
        }
        if let Some(fault) = loss.fault {
            let story = &facts.case.history.faults[fault];
            text.push_str(&format!(", around {}: {}", story.id, story.phrase()));
        }
        let finding = Finding {
            lane: Some(Lane(loss.lane)),
            ranges: loss.ranges.clone(),
            from: loss.fed.map(|(from, _)| from),
            to: loss.fed.map(|(_, to)| to),
            fault: facts.fault_id(loss.fault),
            ..blank(kind, text, loss.count)
        };
        found.push(facts.at_tap(loss.leg, finding));
    }
}

fn before_any_fault(loss: &Loss) -> String {
    let (count, of) = (grouped(loss.before.count), grouped(loss.before.of));
    match loss.early {
        Early::None => String::new(),
        Early::All => "; all of them were missing before any fault".to_owned(),
        Early::SameShare => format!(
            "; the same share, {} ({count} of {of}), was missing before any fault",
            percent(loss.before.share())
        ),
        Early::Some => format!("; {count} of the first {of} were missing before any fault"),
    }
}

fn strays(facts: &Facts<'_, '_>, found: &mut Vec<Finding>) {
    for (leg, own) in facts.strays.iter().enumerate() {
        let place = &facts.case.legs[leg].tap.name;
        if own.phantom > 0 {
            let what = plural(own.phantom, "record");
            let text = format!(
                "{what} that nobody had sent at {place}{}",
                whereabouts(&own.phantoms)
            );
            let finding = timed(
                blank(FindingKind::Phantom, text, own.phantom),
                &own.phantoms,
            );
            found.push(facts.at_tap(leg, finding));
        }
        if own.corrupt > 0 {
            let what = plural(own.corrupt, "damaged record");
            let text = format!("{what} at {place}{}", whereabouts(&own.corrupts));
            let finding = timed(
                blank(FindingKind::Corrupt, text, own.corrupt),
                &own.corrupts,
            );
            found.push(facts.at_tap(leg, finding));
        }
    }
}

fn whereabouts(list: &[Stray]) -> String {
    let show = |stray: &Stray| {
        let what = stray.record.map_or(String::new(), |(lane, sequence)| {
            format!(" (record {sequence} of lane {lane})")
        });
        format!(
            "partition {}, position {}{what}",
            stray.partition, stray.position
        )
    };
    let mut shown: Vec<String> = list.iter().take(3).map(show).collect();
    if list.len() > 3 {
        shown.push("…".to_owned());
    }
    if shown.is_empty() {
        String::new()
    } else {
        format!(": {}", shown.join("; "))
    }
}

fn timed(finding: Finding, list: &[Stray]) -> Finding {
    let at = |stray: &Stray| Moment(stray.at_us);
    Finding {
        from: list.iter().map(at).min(),
        to: list.iter().map(at).max(),
        ..finding
    }
}

fn repeats(facts: &Facts<'_, '_>, found: &mut Vec<Finding>) {
    for (&(leg, cause, lane), group) in &facts.rewinds.groups {
        let connector = &facts.case.legs[leg].connector.name;
        let fault = cause.or(group.before);
        let after = fault.map_or("without any fault before".to_owned(), |fault| {
            let story = &facts.case.history.faults[fault];
            format!("after {}: {}", story.id, story.phrase())
        });
        let finding = |kind, how: &str, count: u64, ranges: &[(u64, u64)]| Finding {
            lane: Some(Lane(lane)),
            ranges: ranges.to_vec(),
            from: Some(Moment(group.from_us)),
            to: Some(Moment(group.to_us)),
            fault: facts.fault_id(fault),
            ..blank(
                kind,
                format!(
                    "{} of lane {lane} repeated by connector {connector} {after}, {how}: {}",
                    plural(count, "record"),
                    first_ranges(ranges)
                ),
                count,
            )
        };
        if group.unexplained > 0 {
            let how = "which no committed position explains";
            let kind = FindingKind::UnexplainedRepeat;
            let one = finding(kind, how, group.unexplained, &group.unexplained_ranges);
            found.push(facts.at_tap(leg, one));
        }
        let plain = group.copies - group.unexplained;
        if plain > 0 {
            let how = if group.explained > 0 {
                "explained by the committed position"
            } else {
                "and whether that is explained is not measurable here"
            };
            let one = finding(FindingKind::Repeat, how, plain, &group.explained_ranges);
            found.push(facts.at_tap(leg, one));
        }
        if let Some(bound) = group.bound.filter(|_| group.beyond_bound()) {
            let how = format!("more than {}", allowed(bound));
            let mut ranges = group.explained_ranges.clone();
            ranges.extend(&group.unexplained_ranges);
            let one = finding(FindingKind::RepeatBeyondBound, &how, group.copies, &ranges);
            found.push(facts.at_tap(leg, one));
        }
    }
}

/// "the 418 that the settings promise", with what that was stretched to where a lane delivered more.
pub(super) fn allowed(bound: Bound) -> String {
    let promised = format!("the {} that the settings promise", grouped(bound.promised));
    match bound.stretched > bound.promised {
        true => format!(
            "{} ({promised}, stretched to what could really be under way then)",
            grouped(bound.stretched)
        ),
        false => promised,
    }
}

fn reorderings(facts: &Facts<'_, '_>, found: &mut Vec<Finding>) {
    for (leg, tap) in facts.case.taps.iter().enumerate() {
        for (number, lane) in tap.lanes.iter().enumerate() {
            if lane.own_reordered == 0 {
                continue;
            }
            let was_given = |sequence: &u64| {
                leg.checked_sub(1).is_some_and(|before| {
                    facts.case.taps[before].lanes[number]
                        .reordered
                        .contains(sequence)
                })
            };
            let mut ranges = super::seen::Ranges::default();
            for sequence in lane.reordered.iter().filter(|s| !was_given(s)) {
                ranges.push(*sequence, *sequence);
            }
            let ranges = ranges.finish();
            let text = format!(
                "{} of lane {number} first arrived at {} after something later: {}",
                plural(lane.own_reordered, "record"),
                facts.case.legs[leg].tap.name,
                first_ranges(&ranges)
            );
            let finding = Finding {
                lane: u32::try_from(number).ok().map(Lane),
                ranges,
                ..blank(FindingKind::Reordering, text, lane.own_reordered)
            };
            found.push(facts.at_tap(leg, finding));
        }
    }
}

fn commits(facts: &Facts<'_, '_>, found: &mut Vec<Finding>) {
    let one = |kind, wrong: &WrongCommit| {
        let finding = Finding {
            from: Some(wrong.at),
            to: Some(wrong.at),
            lane: wrong.record.map(|(lane, _)| Lane(lane)),
            ranges: wrong.record.map(|(_, s)| (s, s)).into_iter().collect(),
            fault: facts.fault_id(running_at(facts, wrong.leg, wrong.at)),
            ..blank(
                kind,
                format!(
                    "connector {}: {}",
                    facts.case.legs[wrong.leg].connector.name, wrong.text
                ),
                1,
            )
        };
        facts.at_tap(wrong.leg, finding)
    };
    found.extend(
        facts
            .offsets
            .ahead
            .iter()
            .map(|w| one(FindingKind::OffsetAhead, w)),
    );
    let back = facts.offsets.regressed.iter();
    found.extend(back.map(|w| one(FindingKind::OffsetRegression, w)));
    found.extend(facts.offsets.by_zombies.iter().map(|wrong| {
        let made = one(FindingKind::ZombieCommit, wrong);
        let by = wrong.zombie.map(|fault| &facts.case.history.faults[fault]);
        let after = by.map_or(String::new(), |story| {
            format!(
                ", as a zombie's does after {}: {}",
                story.id,
                story.phrase()
            )
        });
        Finding {
            fault: facts.fault_id(wrong.zombie),
            text: format!("{}{after}", made.text),
            ..made
        }
    }));
}

/// The last fault whose effects reach a moment.
fn running_at(facts: &Facts<'_, '_>, leg: usize, at: Moment) -> Option<usize> {
    running(facts.case, facts.recoveries, leg, at)
}

fn overlaps(facts: &Facts<'_, '_>, found: &mut Vec<Finding>) {
    for (task, stretches) in &facts.ownership.overlaps {
        let (Some(first), Some(last)) = (stretches.first(), stretches.last()) else {
            continue;
        };
        let text = format!(
            "task {task} was on two members at once for {} ms, first at {}",
            overlap_ms(stretches),
            first.from
        );
        found.push(Finding {
            connector: Some(task.connector.clone()),
            task: Some(task.clone()),
            from: Some(first.from),
            to: Some(last.to),
            log: facts.log_near(Some(first.from), Some(last.to)),
            ..blank(FindingKind::Overlap, text, stretches.len() as u64)
        });
    }
}

fn departures(facts: &Facts<'_, '_>, found: &mut Vec<Finding>) {
    for departure in departures::unasked(&facts.case.history, facts.case.info) {
        let at = Some(departure.at);
        let text = format!(
            "the group lost {} at {}, and no fault had been done to it",
            departure.who(),
            departure.at
        );
        found.push(Finding {
            from: at,
            log: facts.log_near(at, at),
            ..blank(FindingKind::Departure, text, 1)
        });
    }
}

fn stops_and_failures(facts: &Facts<'_, '_>, found: &mut Vec<Finding>) {
    for fault in &facts.case.history.faults {
        for victim in fault.victims.iter().filter(|victim| victim.crashed) {
            let exit = victim.exit.unwrap_or(Exit::Unknown);
            let text = format!(
                "{}: {} was asked to stop and ended {exit}, which is a crash",
                fault.id, victim.worker
            );
            found.push(Finding {
                from: victim.acted,
                to: victim.ended,
                fault: Some(fault.id),
                log: facts.log_near(victim.acted, victim.ended),
                ..blank(FindingKind::CrashedAtStop, text, 1)
            });
        }
        let overran = |victim: &&Victim| victim.overran && !victim.crashed;
        for victim in fault.victims.iter().filter(overran) {
            let end = if victim.killed {
                "was killed"
            } else {
                "ended a moment later"
            };
            let why = why_not_ended(&victim.stacks);
            let text = format!(
                "{}: {} did not stop within its grace and {end}{}",
                fault.id,
                victim.worker,
                why.map_or_else(String::new, |why| format!("; {why}"))
            );
            found.push(Finding {
                from: victim.acted,
                to: victim.ended,
                fault: Some(fault.id),
                log: facts.log_near(victim.acted, victim.ended),
                ..blank(FindingKind::StopOverrun, text, 1)
            });
        }
    }
    let mut failed: BTreeMap<&TaskId, (u64, Moment, Moment, Option<&str>)> = BTreeMap::new();
    for status in facts
        .case
        .history
        .statuses
        .iter()
        .filter(|s| s.state == "FAILED" && facts.case.is_ours(s.task))
    {
        let entry = failed
            .entry(status.task)
            .or_insert((0, status.at, status.at, status.trace));
        entry.0 += 1;
        entry.2 = status.at;
    }
    for (task, (count, from, to, trace)) in failed {
        let why = trace
            .and_then(|trace| trace.lines().next())
            .unwrap_or("no trace");
        let text = format!("task {task} failed at {from}: {why}");
        found.push(Finding {
            connector: Some(task.connector.clone()),
            task: Some(task.clone()),
            from: Some(from),
            to: Some(to),
            log: facts.log_near(Some(from), Some(to)),
            ..blank(FindingKind::TaskFailed, text, count)
        });
    }
}

fn unrecovered(facts: &Facts<'_, '_>, found: &mut Vec<Finding>) {
    for (fault, recovery) in facts.case.history.faults.iter().zip(facts.recoveries) {
        let (Some(began), None) = (recovery.began, recovery.recovered) else {
            continue;
        };
        let missing = fault.given_up.as_ref().map_or_else(
            || "the end of it was not seen".to_owned(),
            |(at, missing)| format!("given up at {at}, still missing: {missing}"),
        );
        let text = format!(
            "{}, {}, was not recovered from; {missing}",
            fault.id,
            fault.phrase()
        );
        found.push(Finding {
            from: Some(began),
            fault: Some(fault.id),
            log: facts.log_near(Some(began), None),
            ..blank(FindingKind::NotRecovered, text, 1)
        });
    }
}
