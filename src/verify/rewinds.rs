//! Why records were repeated: each run of own copies set against the faults and the positions committed before them.

use std::collections::{BTreeMap, HashMap};

use roaring::RoaringTreemap;

use crate::model::{Lane, Moment};

use super::Rewind;
use super::case::{
    Case, IN_FLIGHT_US, in_flight, last_read_us, promise_begins, promise_us, settled_flight,
};
use super::history::{FaultStory, Victim};
use super::pass::Run;
use super::zombie::{Allowance, Membership};

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
    /// Why it cannot be said whether the copies are explained.
    pub undecidable: Option<Undecidable>,
    /// The part that the committed position covers.
    pub covered: Option<(u64, u64)>,
}

/// Why it cannot be said whether repeats are explained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Undecidable {
    /// The connector's offsets cannot be mapped to records.
    Offsets,
    /// Whether the group gave the worker up is not known.
    Membership,
}

impl Told {
    pub(super) fn copies(&self) -> u64 {
        self.run.last - self.run.first + 1
    }

    pub(super) fn unexplained(&self) -> u64 {
        if self.undecidable.is_some() {
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
    covers: HashMap<(usize, usize, u32), Covers>,
    used: HashMap<(usize, usize, u32), Used>,
}

/// The records of a lane that a fault lets repeat.
#[derive(Debug, Clone, Copy, Default)]
struct Covers {
    /// Once each, and once more for each copy that the connector was given.
    once: Option<(u64, u64)>,
    /// From this moment in microseconds on, twice each, and twice more for each copy that the connector was given.
    again: Option<(u64, (u64, u64))>,
}

/// How often each record of a lane has been explained by a fault.
#[derive(Debug, Default)]
struct Used {
    once: RoaringTreemap,
    /// How often beyond that, for copies that the connector was given.
    more: HashMap<u64, u32>,
    again: HashMap<u64, u32>,
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
        } else if told.undecidable.is_some() {
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
            undecidable: None,
            covered: None,
        };
        told.undecidable = self.undecidable(&told, partition);
        if let Some(fault) = cause.filter(|_| told.undecidable.is_none()) {
            self.explain(fault, &mut told, partition);
        }
        told
    }

    fn undecidable(&self, told: &Told, partition: Option<i32>) -> Option<Undecidable> {
        if !self.case.legs[told.leg].measurable() {
            return Some(Undecidable::Offsets);
        }
        let unknown = allowed(self.case, told, partition)
            .is_some_and(|(_, allowance)| allowance == Allowance::Unknown);
        unknown.then_some(Undecidable::Membership)
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
        let key = (told.leg, fault, told.run.lane);
        let covers = *self
            .covers
            .entry(key)
            .or_insert_with(|| covered(case, told, partition).unwrap_or_default());
        let used = self.used.entry(key).or_default();
        let run = told.run;
        let sooner = run.earlier.map(|(at_us, high)| Run { at_us, high, ..run });
        for run in std::iter::once(run).chain(sooner) {
            if told.explained == 0 {
                explain_as(case, run, covers, used, told);
            }
        }
    }
}

/// Explains a run as one that began at this moment, with the lane as far as this.
fn explain_as(case: &Case<'_>, run: Run, covers: Covers, used: &mut Used, told: &mut Told) {
    let again = covers.again.filter(|(wake_us, _)| run.at_us >= *wake_us);
    let given = |sequence| case.given(told.leg, run.lane, sequence);
    if let Some(part) = again.and_then(|(_, cover)| meet(run, cover)) {
        told.explained = used.take_again(part, covers.once, given);
        told.covered = Some(part);
    } else if let Some(part) = covers.once.and_then(|cover| meet(run, cover)) {
        told.explained = used.take_once(part, given);
        told.covered = Some(part);
    }
}

impl Used {
    /// Counts each record of a stretch that has not been explained, or been explained less often than the connector was given
    /// copies of it beside: who goes back reads them all once more.
    fn take_once(&mut self, (first, last): (u64, u64), given: impl Fn(u64) -> u32) -> u64 {
        let mut before = self.once.iter();
        before.advance_to(first);
        let before: Vec<u64> = before.take_while(|sequence| *sequence <= last).collect();
        let fresh = self.once.insert_range(first..=last);
        let more = before.into_iter();
        fresh
            + more
                .filter(|sequence| self.take_more(*sequence, &given))
                .count() as u64
    }

    fn take_more(&mut self, sequence: u64, given: impl Fn(u64) -> u32) -> bool {
        let times = self.more.entry(sequence).or_insert(0);
        let takes = *times < given(sequence);
        *times += u32::from(takes);
        takes
    }

    /// Counts each record of a stretch that has been explained seldom enough since the return of a zombie.
    fn take_again(
        &mut self,
        (first, last): (u64, u64),
        once: Option<(u64, u64)>,
        given: impl Fn(u64) -> u32,
    ) -> u64 {
        let mut explained = 0;
        for sequence in first..=last {
            let most = given(sequence).saturating_add(1).saturating_mul(2);
            let in_once = once.is_some_and(|(low, high)| (low..=high).contains(&sequence));
            let times = self.again.entry(sequence).or_insert(0);
            if *times < most {
                *times += 1;
                explained += 1;
            } else if in_once && (self.once.insert(sequence) || self.take_more(sequence, &given)) {
                explained += 1;
            }
        }
        explained
    }
}

/// The part of a run that lies in a cover; none where the lane had gone on beyond the cover when the run began.
fn meet(run: Run, (low, high): (u64, u64)) -> Option<(u64, u64)> {
    let part = (run.first.max(low), run.last.min(high));
    (run.high <= high && part.0 <= part.1).then_some(part)
}

/// The victim behind a rewind with what its fault lets it repeat.
fn allowed<'c>(
    case: &'c Case<'_>,
    told: &Told,
    partition: Option<i32>,
) -> Option<(&'c Victim, Allowance)> {
    let fault = told.cause?;
    let story = &case.history.faults[fault];
    let victim = case.legs[told.leg].hit_by(story, partition, &case.history)?;
    Some((victim, case.allowance(told.leg, fault, victim)))
}

/// The records of a lane that a fault lets repeat: from the committed position to what had been delivered, or after the
/// loss of its network alone what was in flight then. A run that began after the lane had gone on beyond what was
/// delivered then is no work of this fault.
fn covered(case: &Case<'_>, told: &Told, partition: Option<i32>) -> Option<Covers> {
    let leg = &case.legs[told.leg];
    let story = &case.history.faults[told.cause?];
    let (victim, allowance) = allowed(case, told, partition)?;
    let lane = told.run.lane as usize;
    let high = |at: Moment| case.snap(told.leg, lane, at).high;
    let from = |read_us: u64| {
        let key = leg.key_of(told.run.lane, partition)?;
        let next = leg.commits.certain_at(key, victim.acted?);
        case.start(told.leg, told.run.lane, (key, next), read_us)
    };
    let once = || {
        let delivered = high(settled_flight(leg, story, &case.history)?)?;
        Some((from(last_read_us(victim))?, delivered))
    };
    Some(match allowance {
        Allowance::Nothing | Allowance::Unknown => Covers::default(),
        Allowance::Once => Covers {
            once: once(),
            again: None,
        },
        Allowance::InFlight => {
            let (before, after) = in_flight(story)?;
            let first = high(before).map_or(0, |high| high + 1);
            Covers {
                once: Some((first, high(after)?)),
                again: None,
            }
        }
        Allowance::Zombie { wake, until } => {
            let again = from(until.0).zip(high(until));
            Covers {
                once: once(),
                again: again.map(|cover| (wake.0, cover)),
            }
        }
    })
}

/// What the settings promise for one lane, one fault and one connector; `None` where nothing can be said. Nothing may
/// come again after a stop at which tasks could commit or a pause that the group did not notice, under exactly-once, and
/// without a fault.
pub(super) fn bound(case: &Case<'_>, told: &Told) -> Option<u64> {
    let Some(story) = told.cause.map(|fault| &case.history.faults[fault]) else {
        return Some(0);
    };
    let partition = case.input_partition(told.leg, told.run.lane);
    let allowance = allowed(case, told, partition).map_or(Allowance::Nothing, |(_, it)| it);
    match allowance {
        Allowance::Nothing => Some(0),
        Allowance::Unknown => None,
        Allowance::Once => Some(promised(case, told, story)),
        Allowance::InFlight => {
            let nominal = (case.lane_rate() * IN_FLIGHT_US as f64 / 1e6).ceil() as u64;
            let delivered = in_flight(story).map_or(0, |(from, to)| arrived(case, told, from, to));
            Some(delivered.max(nominal))
        }
        Allowance::Zombie { until, .. } => {
            let twice =
                promised(case, told, story).saturating_add(through(case, told, story, until));
            Some(twice.saturating_mul(2))
        }
    }
}

/// Arrivals of the lane at the tap between two moments. Copies count: a task that is given records twice delivers them
/// twice, and so repeats them twice.
fn arrived(case: &Case<'_>, told: &Told, from: Moment, to: Moment) -> u64 {
    let at = |at: Moment| case.snap(told.leg, told.run.lane as usize, at).arrived;
    at(to).saturating_sub(at(from))
}

/// What the lane delivered, or should have, in flush interval + commit time + one second in flight.
fn promised(case: &Case<'_>, told: &Told, story: &FaultStory) -> u64 {
    let leg = &case.legs[told.leg];
    let nominal = (case.lane_rate() * promise_us(leg) as f64 / 1e6).ceil() as u64;
    let stretch = promise_begins(leg, story).zip(settled_flight(leg, story, &case.history));
    let delivered = stretch.map_or(0, |(from, to)| arrived(case, told, from, to));
    delivered.max(nominal)
}

/// What the lane was given from a fault to the end of its zombie: new records, and copies that came before the connector.
fn through(case: &Case<'_>, told: &Told, story: &FaultStory, until: Moment) -> u64 {
    let leg = &case.legs[told.leg];
    let lane = told.run.lane as usize;
    let (Some(began), Some(from)) = (story.began(), promise_begins(leg, story)) else {
        return 0;
    };
    let nominal = case.lane_rate() * until.since(began).as_secs_f64();
    let high = |at| case.snap(told.leg, lane, at).high.unwrap_or(0);
    let new = high(until).saturating_sub(high(began));
    let given = told.leg.checked_sub(1).map_or(0, |before| {
        let at = |at| case.snap(before, lane, at).arrived;
        at(until).saturating_sub(at(from))
    });
    new.max(given).max(nominal.ceil() as u64)
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
    match told.undecidable {
        Some(Undecidable::Offsets) => {
            return format!(
                "{id} hit {task}; its offsets cannot be mapped to records, so it cannot be said what was committed"
            );
        }
        Some(Undecidable::Membership) => {
            return format!(
                "{id} hit {task}; whether the group gave {} up is not known, so it cannot be said what may be repeated",
                victim.worker
            );
        }
        None => {}
    }
    if leg.exactly_once {
        return format!("{id} hit {task}, but exactly-once promises no repeat");
    }
    let done = match case.allowance(told.leg, fault, victim) {
        Allowance::Nothing if story.kind.ends_process() => {
            return format!(
                "{id} stopped {task} gracefully, so it could commit and must not repeat"
            );
        }
        Allowance::Nothing | Allowance::Unknown => {
            return format!(
                "{id} was the {} of {}, which the group kept as a member, so {task} must not repeat",
                story.kind.signal_name(),
                victim.worker
            );
        }
        Allowance::InFlight => {
            return in_flight_only(told, &format!("{id} took the network of {task}"));
        }
        Allowance::Once if victim.killed => format!("{id} killed {task}"),
        Allowance::Once if story.kind.ends_process() => {
            format!("{id} stopped {task}, too late for it to commit")
        }
        Allowance::Once => given_up(story, victim, &task),
        Allowance::Zombie { wake, .. } if told.run.at_us < wake.0 => given_up(story, victim, &task),
        Allowance::Zombie { until, .. } => format!(
            "{}, and {} was back as a zombie from {} until it had settled at {until}",
            given_up(story, victim, &task),
            victim.worker,
            victim.undone.unwrap_or_default()
        ),
    };
    format!("{done}; {}", committed(case, told, victim, partition))
}

/// "F1 paused w2, and the group gave mirror-1 up at 22.46 s"
fn given_up(story: &FaultStory, victim: &Victim, task: &str) -> String {
    let when = match victim.membership {
        Membership::Lost(at) => format!(" at {at}"),
        Membership::Kept | Membership::Unknown => String::new(),
    };
    format!(
        "{} was the {} of {}, and its group gave {task} up{when}",
        story.id,
        story.kind.signal_name(),
        victim.worker
    )
}

fn in_flight_only(told: &Told, done: &str) -> String {
    let share = match told.explained {
        0 => "which none of these was".to_owned(),
        n if n == told.copies() => "as these were".to_owned(),
        n => format!("as {n} of {} were", told.copies()),
    };
    format!(
        "{done}, and the group kept the worker: only what was in flight may come again, {share}"
    )
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
    let read_us = match case.allowance(told.leg, told.cause.unwrap_or_default(), victim) {
        Allowance::Zombie { wake, until } if told.run.at_us >= wake.0 => until.0,
        _ => last_read_us(victim),
    };
    let start = case.start(told.leg, told.run.lane, (key, next), read_us);
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
