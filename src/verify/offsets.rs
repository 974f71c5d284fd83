//! What the committed offsets claim: commits ahead of what was delivered, and commits that went back.

use std::collections::BTreeMap;

use crate::model::{Moment, OffsetMapping};

use super::OffsetReport;
use super::case::Case;
use super::commits::{Commit, CommitKey};
use super::dropped;
use super::input_end;
use super::settings;
use super::standstill;
use super::zombie::commit_of;

/// A record may reach a tap this much later than the commit that names it is seen, in milliseconds: readers lag.
const LATEST_MS: u64 = 10_000;

/// A commit that claims something wrong.
#[derive(Debug, Clone)]
pub(super) struct WrongCommit {
    pub leg: usize,
    pub at: Moment,
    pub text: String,
    /// The record that it names, where there is one.
    pub record: Option<(u32, u64)>,
    /// The fault whose zombie made it.
    pub zombie: Option<usize>,
}

/// All wrong commits, and the report of each connector.
#[derive(Default)]
pub(super) struct Offsets {
    pub reports: Vec<OffsetReport>,
    pub ahead: Vec<WrongCommit>,
    pub regressed: Vec<WrongCommit>,
    /// Commits that went back as those of a zombie do.
    pub by_zombies: Vec<WrongCommit>,
    pub unreadable: u64,
    /// Of a commit that may be ahead or not: the tap stood still when the record that it names came.
    pub unsure: Option<String>,
}

impl Offsets {
    pub(super) fn check(case: &Case<'_>) -> Self {
        let mut all = Self::default();
        for leg in 0..case.legs.len() {
            all.check_leg(case, leg);
        }
        all
    }

    fn check_leg(&mut self, case: &Case<'_>, index: usize) {
        let leg = &case.legs[index];
        let (mut ahead, mut back) = (Vec::new(), Vec::new());
        if leg.measurable() {
            let mut last: BTreeMap<CommitKey, u64> = BTreeMap::new();
            for commit in &leg.commits.list {
                let before = last.get(&commit.key).copied();
                back.extend(went_back(case, index, commit, before));
                if let Some(next) = commit.next {
                    last.insert(commit.key, next);
                } else {
                    last.remove(&commit.key);
                }
                if case.drained() {
                    match is_ahead(case, index, commit) {
                        Some(Ahead::Unsure(why)) => drop(self.unsure.get_or_insert(why)),
                        Some(Ahead::Wrong(wrong)) => ahead.push(wrong),
                        None => {}
                    }
                }
            }
        }
        forget_left_out(case, index, &mut ahead);
        let (mut by_zombies, mut regressed): (Vec<_>, Vec<_>) =
            back.into_iter().partition(|wrong| wrong.zombie.is_some());
        self.unreadable += leg.commits.unreadable;
        self.reports.push(OffsetReport {
            connector: leg.connector.name.clone(),
            not_measurable: (!leg.measurable())
                .then(|| "its offsets cannot be mapped to records".to_owned()),
            commits: leg.commits.read,
            ahead: ahead.len() as u64,
            regressed: regressed.len() as u64,
            by_zombies: by_zombies.len() as u64,
        });
        self.by_zombies.append(&mut by_zombies);
        self.ahead.append(&mut ahead);
        self.regressed.append(&mut regressed);
    }
}

/// A commit that names a record which its connector leaves out, faults or not, claims nothing of its delivery.
fn forget_left_out(case: &Case<'_>, leg: usize, ahead: &mut Vec<WrongCommit>) {
    let mut known: BTreeMap<u32, bool> = BTreeMap::new();
    ahead.retain(|wrong| {
        let Some((lane, sequence)) = wrong.record else {
            return true;
        };
        let lanes = &case.taps[leg].lanes;
        let came = lanes
            .get(lane as usize)
            .is_none_or(|facts| facts.seen.contains(sequence));
        let leaves_out = || dropped::leaves_out(case, leg, lane as usize);
        came || !*known.entry(lane).or_insert_with(leaves_out)
    });
}

fn subject(key: CommitKey) -> String {
    match key {
        CommitKey::Partition(partition) => format!("partition {partition}"),
        CommitKey::Lane(lane) => format!("lane {lane}"),
    }
}

fn went_back(
    case: &Case<'_>,
    leg: usize,
    commit: &Commit,
    before: Option<u64>,
) -> Option<WrongCommit> {
    let (next, before) = (commit.next?, before?);
    if next >= before {
        return None;
    }
    let made = (commit.key, next, commit.at);
    let zombie = commit_of(case, leg, made);
    Some(WrongCommit {
        leg,
        at: commit.at,
        text: format!(
            "the commit for {} at {} went back from {before} to {next}",
            subject(commit.key),
            commit.at
        ),
        record: None,
        zombie,
    })
}

/// A commit that leads beyond what was delivered, or may.
enum Ahead {
    Wrong(WrongCommit),
    Unsure(String),
}

fn is_ahead(case: &Case<'_>, leg: usize, commit: &Commit) -> Option<Ahead> {
    let next = commit.next?;
    let wrong = |what: String, record| {
        Some(Ahead::Wrong(WrongCommit {
            leg,
            at: commit.at,
            text: format!(
                "the commit for {} at {} {what}",
                subject(commit.key),
                commit.at
            ),
            record,
            zombie: None,
        }))
    };
    if let CommitKey::Partition(partition) = commit.key
        && let Some(end) = input_end::before(case, leg, partition, next)
    {
        return wrong(
            format!("leads on from {next}, but the input ends at {end}"),
            None,
        );
    }
    let (lane, sequence) = case.named(leg, commit.key, next)?;
    let tap = case.taps[leg].lanes.get(lane as usize)?;
    if !is_owed(case, leg, lane, sequence) {
        return None;
    }
    if !tap.seen.contains(sequence) {
        let text = format!("names record {sequence} of lane {lane}, which never arrived");
        return wrong(text, Some((lane, sequence)));
    }
    let arrived = tap.watched(sequence)?;
    let latest = commit.at.0.saturating_add(latest_us(case, leg));
    if arrived > latest {
        let earliest = standstill::earliest_us(&case.stills, leg, arrived);
        if earliest <= latest {
            return Some(Ahead::Unsure(format!(
                "whether record {sequence} of lane {lane} came in time for the commit at {} is not known: nobody looked at {} from {} to {}",
                commit.at,
                case.legs[leg].tap.name,
                Moment(earliest),
                Moment(arrived)
            )));
        }
        let text = format!(
            "names record {sequence} of lane {lane}, which arrived only at {}",
            Moment(arrived)
        );
        return wrong(text, Some((lane, sequence)));
    }
    None
}

/// How long after its commit a record may arrive at the tap, in microseconds. Readers of committed records are held back
/// by any open transaction of the topic, and one that a killed task left open lasts until the broker ends it.
fn latest_us(case: &Case<'_>, leg: usize) -> u64 {
    let leg = &case.legs[leg];
    let held_back_ms = if leg.exactly_once {
        settings::transaction_timeout_ms(case.info, leg.connector)
    } else {
        0
    };
    LATEST_MS.saturating_add(held_back_ms).saturating_mul(1_000)
}

/// Whether a record has to be at the tap; what was sent without a known outcome need not be. A connector that commits
/// sequence numbers claims whatever it commits.
fn is_owed(case: &Case<'_>, leg: usize, lane: u32, sequence: u64) -> bool {
    let claims = matches!(
        case.legs[leg].connector.offsets,
        OffsetMapping::Pointers { .. }
    );
    let unknown = case.feed.as_ref().is_some_and(|feed| {
        feed.lanes
            .get(lane as usize)
            .is_some_and(|fed| fed.unknown.contains(sequence))
    });
    case.expected(leg, lane as usize).contains(sequence) || (claims && !unknown)
}
