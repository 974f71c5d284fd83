//! Why records were repeated: each run of own copies set against the faults and the positions committed before them.

use std::collections::{BTreeMap, HashMap};

use roaring::RoaringTreemap;

use crate::model::{Lane, Moment};

use super::Rewind;
use super::case::{Case, promise_begins, promise_us, settled_flight};
use super::history::Victim;
use super::pass::Run;

/// Rewinds that are listed one by one.
const MOST_LISTED: usize = 2_000;

/// A run of own copies with its cause.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told {
    pub leg: usize,
    pub run: Run,
    /// The fault (its index) that took the task which sent again.
    pub cause: Option<usize>,
    /// The last fault before it, whoever was hit.
    pub before: Option<usize>,
    pub explained: u64,
    /// It cannot be said whether the copies are explained: the connector's offsets cannot be mapped.
    pub undecidable: bool,
    /// The part that the committed position covers.
    pub covered: Option<(u64, u64)>,
}

impl Told {
    pub(super) fn copies(&self) -> u64 {
        self.run.last - self.run.first + 1
    }

    pub(super) fn unexplained(&self) -> u64 {
        if self.undecidable {
            0
        } else {
            self.copies() - self.explained
        }
    }
}

/// All rewinds of a case.
pub(super) struct Rewinds {
    pub told: Vec<Told>,
}

/// Remembers what is asked again and again.
struct Teller<'c, 'a> {
    case: &'c Case<'a>,
    hits: HashMap<(usize, usize, Option<i32>), bool>,
    covers: HashMap<(usize, usize, u32), Option<(u64, u64)>>,
    /// Each fault explains each record once for each connector.
    used: HashMap<(usize, usize, u32), RoaringTreemap>,
}

impl Rewinds {
    pub(super) fn tell(case: &Case<'_>) -> Self {
        let mut teller = Teller {
            case,
            hits: HashMap::new(),
            covers: HashMap::new(),
            used: HashMap::new(),
        };
        let mut told = Vec::new();
        for leg in 0..case.legs.len() {
            told.extend(case.taps[leg].runs.iter().map(|run| teller.tell(leg, *run)));
        }
        Self { told }
    }

    pub(super) fn of_leg(&self, leg: usize) -> impl Iterator<Item = &Told> {
        self.told.iter().filter(move |told| told.leg == leg)
    }

    /// Copies per connector, fault and lane, with the bound for these.
    pub(super) fn groups(&self, case: &Case<'_>) -> BTreeMap<(usize, Option<usize>, u32), Group> {
        let mut groups: BTreeMap<(usize, Option<usize>, u32), Group> = BTreeMap::new();
        for told in &self.told {
            let key = (told.leg, told.cause, told.run.lane);
            groups
                .entry(key)
                .or_insert_with(|| Group::new(bound(case, told)))
                .add(told);
        }
        groups
    }

    /// The rewinds of the report: all, or the longest of them, in the order of time.
    pub(super) fn listed(&self, case: &Case<'_>) -> Vec<Rewind> {
        let mut chosen: Vec<&Told> = self.told.iter().collect();
        if chosen.len() > MOST_LISTED {
            chosen.sort_by_key(|told| std::cmp::Reverse((told.unexplained(), told.copies())));
            chosen.truncate(MOST_LISTED);
        }
        chosen.sort_by_key(|told| (told.run.at_us, told.leg, told.run.lane, told.run.first));
        chosen.into_iter().map(|told| rewind(case, told)).collect()
    }
}

/// Own copies of one connector in one lane with one cause.
pub(super) struct Group {
    pub copies: u64,
    pub explained: u64,
    pub unexplained: u64,
    pub bound: Option<u64>,
    pub from_us: u64,
    pub to_us: u64,
    pub before: Option<usize>,
    /// At most 100 ranges that are explained at least in part, and as many that are not.
    pub explained_ranges: Vec<(u64, u64)>,
    pub unexplained_ranges: Vec<(u64, u64)>,
}

impl Group {
    fn new(bound: Option<u64>) -> Self {
        Self {
            copies: 0,
            explained: 0,
            unexplained: 0,
            bound,
            from_us: u64::MAX,
            to_us: 0,
            before: None,
            explained_ranges: Vec::new(),
            unexplained_ranges: Vec::new(),
        }
    }

    fn add(&mut self, told: &Told) {
        self.copies += told.copies();
        self.explained += told.explained;
        self.unexplained += told.unexplained();
        self.from_us = self.from_us.min(told.run.at_us);
        self.to_us = self.to_us.max(told.run.at_us);
        self.before = self.before.max(told.before);
        let (first, last) = (told.run.first, told.run.last);
        if told.unexplained() > 0 {
            push(&mut self.unexplained_ranges, uncovered(told));
        }
        if told.explained > 0 {
            let covered = told.covered.unwrap_or((first, last));
            push(&mut self.explained_ranges, vec![covered]);
        } else if told.undecidable {
            push(&mut self.explained_ranges, vec![(first, last)]);
        }
    }

    pub(super) fn beyond_bound(&self) -> bool {
        self.bound.is_some_and(|bound| self.copies > bound)
    }
}

fn push(list: &mut Vec<(u64, u64)>, ranges: Vec<(u64, u64)>) {
    let room = 100_usize.saturating_sub(list.len());
    list.extend(ranges.into_iter().take(room));
}

fn uncovered(told: &Told) -> Vec<(u64, u64)> {
    let (first, last) = (told.run.first, told.run.last);
    match told.covered.filter(|_| told.explained > 0) {
        None => vec![(first, last)],
        Some((low, high)) => {
            let below = (first < low).then(|| (first, low - 1));
            let above = (high < last).then(|| (high + 1, last));
            let rest: Vec<(u64, u64)> = below.into_iter().chain(above).collect();
            if rest.is_empty() {
                vec![(first, last)]
            } else {
                rest
            }
        }
    }
}

impl Teller<'_, '_> {
    fn tell(&mut self, leg: usize, run: Run) -> Told {
        let faults = &self.case.history.faults;
        let at = Moment(run.at_us);
        let earlier = |index: &usize| faults[*index].acted().is_some_and(|acted| acted <= at);
        let mut candidates: Vec<usize> = (0..faults.len()).filter(earlier).collect();
        candidates.sort_by_key(|index| (faults[*index].acted(), *index));
        let before = candidates.last().copied();
        let partition = self.case.input_partition(leg, run.lane);
        let cause = candidates
            .into_iter()
            .rev()
            .find(|fault| self.hit(leg, *fault, partition));
        let mut told = Told {
            leg,
            run,
            cause,
            before,
            explained: 0,
            undecidable: !self.case.legs[leg].measurable(),
            covered: None,
        };
        if let Some(fault) = cause.filter(|_| !told.undecidable) {
            self.explain(fault, &mut told, partition);
        }
        told
    }

    fn hit(&mut self, leg: usize, fault: usize, partition: Option<i32>) -> bool {
        let case = self.case;
        *self.hits.entry((leg, fault, partition)).or_insert_with(|| {
            case.legs[leg]
                .hit_by(&case.history.faults[fault], partition, &case.history)
                .is_some()
        })
    }

    fn explain(&mut self, fault: usize, told: &mut Told, partition: Option<i32>) {
        let case = self.case;
        let covers = self
            .covers
            .entry((told.leg, fault, told.run.lane))
            .or_insert_with(|| covered(case, fault, told, partition));
        let Some((low, high)) = covers.filter(|(_, high)| told.run.high <= *high) else {
            return;
        };
        let first = told.run.first.max(low);
        let last = told.run.last.min(high);
        if first > last {
            return;
        }
        let used = self
            .used
            .entry((told.leg, fault, told.run.lane))
            .or_default();
        told.explained = used.insert_range(first..=last);
        told.covered = Some((first, last));
    }
}

/// The records of a lane that a fault lets repeat: from the committed position to what had been delivered. Nothing when
/// the task could commit, or shares a transaction with its offsets. A run that began after the lane had gone on beyond
/// what was delivered then is no work of this fault.
fn covered(
    case: &Case<'_>,
    fault: usize,
    told: &Told,
    partition: Option<i32>,
) -> Option<(u64, u64)> {
    let leg = &case.legs[told.leg];
    let story = &case.history.faults[fault];
    let victim = leg.hit_by(story, partition, &case.history)?;
    if leg.exactly_once || !victim.could_not_commit(&leg.connector.name) {
        return None;
    }
    let delivered = case
        .snap(
            told.leg,
            told.run.lane as usize,
            settled_flight(leg, story, &case.history)?,
        )
        .high?;
    let key = leg.key_of(told.run.lane, partition)?;
    let next = leg.commits.certain_at(key, victim.acted?);
    let start = case.start(told.leg, told.run.lane, (key, next), victim)?;
    Some((start, delivered))
}

/// What the settings promise for one lane, one fault and one connector: what the lane delivered, or should have, in
/// flush interval + commit time + one second in flight. None at all after a graceful stop, under exactly-once, and
/// without a fault.
pub(super) fn bound(case: &Case<'_>, told: &Told) -> Option<u64> {
    let leg = &case.legs[told.leg];
    let Some(story) = told.cause.map(|fault| &case.history.faults[fault]) else {
        return Some(0);
    };
    let partition = case.input_partition(told.leg, told.run.lane);
    let killed = leg
        .hit_by(story, partition, &case.history)
        .is_some_and(|victim| victim.could_not_commit(&leg.connector.name));
    if leg.exactly_once || !killed {
        return Some(0);
    }
    let nominal = case.lane_rate() * promise_us(leg) as f64 / 1e6;
    let lane = told.run.lane as usize;
    // Copies count: a task that is given records twice delivers them twice, and so repeats them twice.
    let arrived = |at: Option<Moment>| at.map_or(0, |at| case.snap(told.leg, lane, at).arrived);
    let delivered = arrived(settled_flight(leg, story, &case.history))
        .saturating_sub(arrived(promise_begins(leg, story)));
    Some(delivered.max(nominal.ceil() as u64))
}

fn rewind(case: &Case<'_>, told: &Told) -> Rewind {
    let leg = &case.legs[told.leg];
    let fault = told.cause.or(told.before);
    Rewind {
        place: leg.tap.name.clone(),
        connector: leg.connector.name.clone(),
        lane: Lane(told.run.lane),
        first: told.run.first,
        last: told.run.last,
        copies: told.copies(),
        explained: told.explained,
        at: Moment(told.run.at_us),
        fault: fault.map(|fault| case.history.faults[fault].id),
        why: why(case, told),
        bound: bound(case, told),
    }
}

fn why(case: &Case<'_>, told: &Told) -> String {
    let leg = &case.legs[told.leg];
    let connector = &leg.connector.name;
    let Some(fault) = told.cause else {
        return match told.before {
            None => "no fault had been injected yet".to_owned(),
            Some(before) => format!(
                "no fault before it hit the task of {connector} that reads this lane; the last one was {}",
                case.history.faults[before].id
            ),
        };
    };
    let story = &case.history.faults[fault];
    let id = story.id;
    let partition = case.input_partition(told.leg, told.run.lane);
    let Some(victim) = leg.hit_by(story, partition, &case.history) else {
        return String::new();
    };
    let task = partition
        .and_then(|p| leg.task_of(p, victim.acted.unwrap_or_default(), &case.history))
        .map_or_else(|| format!("a task of {connector}"), |task| task.to_string());
    if told.undecidable {
        return format!(
            "{id} hit {task}; its offsets cannot be mapped to records, so it cannot be said what was committed"
        );
    }
    if leg.exactly_once {
        return format!("{id} hit {task}, but exactly-once promises no repeat");
    }
    if !victim.could_not_commit(&leg.connector.name) {
        return format!("{id} stopped {task} gracefully, so it could commit and must not repeat");
    }
    let done = if victim.killed {
        format!("{id} killed {task}")
    } else {
        format!("{id} stopped {task}, too late for it to commit")
    };
    format!("{done}; {}", committed(case, told, victim, partition))
}

/// "last commit named 4,705 at 13.52 s; 295 were already delivered"
fn committed(case: &Case<'_>, told: &Told, victim: &Victim, partition: Option<i32>) -> String {
    let leg = &case.legs[told.leg];
    let acted = victim.acted.unwrap_or_default();
    let Some(key) = leg.key_of(told.run.lane, partition) else {
        return "the lane's partition is not known".to_owned();
    };
    let commit = leg.commits.last_before(key, acted);
    let next = leg.commits.certain_at(key, acted);
    let start = case.start(told.leg, told.run.lane, (key, next), victim);
    let position = match (commit, start) {
        (None, _) => "nothing was committed before".to_owned(),
        (Some(commit), Some(start)) => {
            format!("the last commit, at {}, led on from {start}", commit.at)
        }
        (Some(commit), None) => format!(
            "the last commit, at {}, left nothing of this lane to do again",
            commit.at
        ),
    };
    match told.explained {
        0 => format!("{position}, which does not explain these"),
        n if n == told.copies() => format!("{position}; {n} were already delivered"),
        n => format!("{position}, which explains {n} of {}", told.copies()),
    }
}
