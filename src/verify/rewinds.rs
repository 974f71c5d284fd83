//! Why records were repeated: the own copies of each connector with what paid for them, or that nothing did.

use std::collections::BTreeMap;

use crate::model::{Lane, Moment};

use super::case::{Case, promise_begins, promise_us};
use super::credits::{self, Opened};
use super::history::FaultStory;
use super::judgement::Rewind;
use super::leg::IN_FLIGHT_US;
use super::reasons;
use super::replay::{Copy, Given, GivenCopy, Payer, PaysFirst, replay};
use super::stretch::{Nature, Stretch};
use super::told::{Outcome, Told};

/// Rewinds that are listed one by one.
const MOST_LISTED: usize = 2_000;

/// One connector, one cause (a fault, or none that is known), one lane.
pub(super) type GroupKey = (usize, Option<usize>, u32);

/// All rewinds of a case.
pub(super) struct Rewinds {
    pub told: Vec<Told>,
    /// The same by connector, fault and lane, with the bound for these.
    pub groups: BTreeMap<GroupKey, Group>,
}

impl Rewinds {
    pub(super) fn tell(case: &Case<'_>) -> Self {
        let mut told = Vec::new();
        for leg in 0..case.legs.len() {
            for lane in (0u32..).take(case.frame.lanes) {
                if case.taps[leg].lanes[lane as usize].extra_copies > 0 {
                    told.extend(of_lane(case, leg, lane));
                }
            }
        }
        told.sort_by_key(|told| (told.leg, told.at_us, told.lane, told.first));
        let groups = grouped(case, &told);
        Self { told, groups }
    }

    pub(super) fn of_leg(&self, leg: usize) -> impl Iterator<Item = &Told> {
        self.told.iter().filter(move |told| told.leg == leg)
    }

    /// The rewinds of the report: all, or the longest of them, in the order of time.
    pub(super) fn listed(&self, case: &Case<'_>) -> Vec<Rewind> {
        let mut chosen: Vec<&Told> = self.told.iter().collect();
        if chosen.len() > MOST_LISTED {
            chosen.sort_by_key(|told| std::cmp::Reverse((told.unexplained(), told.copies())));
            chosen.truncate(MOST_LISTED);
        }
        chosen.sort_by_key(|told| (told.at_us, told.leg, told.lane, told.first));
        let rewind = |told: &Told| {
            let bound = self.groups[&key_of(told)].bound;
            rewind(case, told, bound)
        };
        chosen.into_iter().map(rewind).collect()
    }
}

const fn key_of(told: &Told) -> GroupKey {
    (told.leg, told.cause, told.lane)
}

fn grouped(case: &Case<'_>, told: &[Told]) -> BTreeMap<GroupKey, Group> {
    let mut groups: BTreeMap<GroupKey, Group> = BTreeMap::new();
    for told in told {
        groups.entry(key_of(told)).or_default().add(told);
    }
    for (key, group) in &mut groups {
        group.bound = bound(case, *key, group.first_row);
    }
    groups
}

/// The own copies of one lane behind one connector, in the order of the tap.
fn of_lane(case: &Case<'_>, leg: usize, lane: u32) -> Vec<Told> {
    let facts = &case.taps[leg].lanes[lane as usize];
    let mut copies: Vec<Copy> = Vec::new();
    for run in &facts.copies {
        copies.extend((run.first..=run.last).map(|sequence| {
            let (row, at_us) = run.arrival(sequence);
            Copy {
                sequence,
                row,
                at_us,
            }
        }));
    }
    copies.sort_unstable();
    let given = given(case, leg, lane);
    let hits: Vec<usize> = credits::hits(case, leg, lane).collect();
    let mut best: Option<(u64, bool, Vec<Told>)> = None;
    for task in credits::makers(case, leg, lane) {
        let opened = credits::of_lane(case, leg, lane, task.as_ref());
        let credits: Vec<_> = opened.iter().map(|one| one.credit).collect();
        let teller = Teller {
            case,
            leg,
            lane,
            opened: &opened,
            hits: &hits,
        };
        for first in [PaysFirst::OpenedLast, PaysFirst::ClosesFirst] {
            let payers = replay(&copies, &given, &credits, first);
            let own = teller.runs(&copies, &payers);
            let unpaid = own.iter().map(Told::unexplained).sum();
            // No fault is charged with more than its bound where another may have done it.
            let beyond = grouped(case, &own).values().any(Group::beyond_bound);
            if (unpaid, beyond) == (0, false) {
                return own;
            }
            if best
                .as_ref()
                .is_none_or(|(most, over, _)| (unpaid, beyond) < (*most, *over))
            {
                best = Some((unpaid, beyond, own));
            }
        }
    }
    best.map_or_else(Vec::new, |(_, _, own)| own)
}

/// What the connector was given again of a lane.
fn given(case: &Case<'_>, leg: usize, lane: u32) -> Given {
    let mut given = Given::new();
    let Some(front) = case.given(leg).map(|tap| &tap.lanes[lane as usize]) else {
        return given;
    };
    let behind = &case.taps[leg].lanes[lane as usize];
    for run in &front.copies {
        let high = front.high_before(run.row);
        let until_row = high.and_then(|high| behind.first_beyond(high));
        for sequence in run.first..=run.last {
            let (row, at_us) = run.arrival(sequence);
            given.entry(sequence).or_default().push(GivenCopy {
                row,
                at_us,
                until_row: until_row.unwrap_or(u64::MAX),
            });
        }
    }
    given
}

/// Tells what paid for copies of one lane.
struct Teller<'c, 'a> {
    case: &'c Case<'a>,
    leg: usize,
    lane: u32,
    opened: &'c [Opened],
    /// Stretches that hit the lane's task.
    hits: &'c [usize],
}

impl Teller<'_, '_> {
    /// The connector's own copies, those that follow each other and were paid alike as one.
    fn runs(&self, copies: &[Copy], payers: &[Payer]) -> Vec<Told> {
        let mut own: Vec<Told> = copies
            .iter()
            .zip(payers)
            .filter_map(|(copy, payer)| self.tell(copy, *payer))
            .collect();
        own.sort_unstable_by_key(|told| told.row);
        own.dedup_by(|next, open| {
            let goes_on = open.goes_on_with(next);
            if goes_on {
                (open.last, open.until_us) = (next.last, next.until_us);
            }
            goes_on
        });
        own
    }

    /// `None` for a copy that the connector was given.
    fn tell(&self, copy: &Copy, payer: Payer) -> Option<Told> {
        let paid = match payer {
            Payer::Given => return None,
            Payer::Credit(number) => Some(&self.opened[number]),
            Payer::Nobody => None,
        };
        let outcome = match paid.map(|paid| paid.undecidable) {
            None => Outcome::Unexplained,
            Some(None) => Outcome::Explained,
            Some(Some(why)) => Outcome::Undecidable(why),
        };
        let at = Moment(copy.at_us);
        let before = self.last_fault(at);
        let stretch = paid.map(|paid| paid.stretch).or_else(|| {
            let stretches = &self.case.stretches;
            let struck = self.hits.iter().copied();
            struck
                .filter(|hit| stretches[*hit].struck <= at)
                .max_by_key(|hit| (stretches[*hit].struck, *hit))
        });
        let cause = stretch.and_then(|stretch| self.case.stretches[stretch].fault());
        Some(Told {
            leg: self.leg,
            lane: self.lane,
            first: copy.sequence,
            last: copy.sequence,
            row: copy.row,
            at_us: copy.at_us,
            until_us: copy.at_us,
            stretch,
            cause,
            before,
            outcome,
        })
    }

    fn last_fault(&self, at: Moment) -> Option<usize> {
        let faults = self.case.history.faults.iter().enumerate();
        let before = faults.filter_map(|(index, fault)| Some((fault.acted()?, index)));
        let last = before.filter(|(acted, _)| *acted <= at).max();
        last.map(|(_, index)| index)
    }
}

/// How much the settings let a lane repeat after a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bound {
    /// What the settings promise at the lane's pace.
    pub promised: u64,
    /// What that came to: more where the victim had delivered more than its pace in that time.
    pub stretched: u64,
}

impl Bound {
    const NOTHING: Self = Self {
        promised: 0,
        stretched: 0,
    };
}

/// Own copies of one connector in one lane with one cause.
pub(super) struct Group {
    pub copies: u64,
    pub explained: u64,
    pub unexplained: u64,
    /// `None` where nothing can be said about it.
    pub bound: Option<Bound>,
    pub from_us: u64,
    pub to_us: u64,
    pub before: Option<usize>,
    first_row: u64,
    /// At most 100 ranges that are explained (or undecided), and as many that are not.
    pub explained_ranges: Vec<(u64, u64)>,
    pub unexplained_ranges: Vec<(u64, u64)>,
}

impl Default for Group {
    fn default() -> Self {
        Self {
            copies: 0,
            explained: 0,
            unexplained: 0,
            bound: None,
            from_us: u64::MAX,
            to_us: 0,
            before: None,
            first_row: u64::MAX,
            explained_ranges: Vec::new(),
            unexplained_ranges: Vec::new(),
        }
    }
}

impl Group {
    fn add(&mut self, told: &Told) {
        self.copies += told.copies();
        self.explained += told.explained();
        self.unexplained += told.unexplained();
        self.from_us = self.from_us.min(told.at_us);
        self.to_us = self.to_us.max(told.until_us);
        self.before = self.before.max(told.before);
        self.first_row = self.first_row.min(told.row);
        let ranges = match told.outcome {
            Outcome::Unexplained => &mut self.unexplained_ranges,
            Outcome::Explained | Outcome::Undecidable(_) => &mut self.explained_ranges,
        };
        if ranges.len() < 100 {
            ranges.push((told.first, told.last));
        }
    }

    pub(super) fn beyond_bound(&self) -> bool {
        self.bound
            .is_some_and(|bound| self.copies > bound.stretched)
    }
}

/// What the settings promise for one lane, one fault and one connector; `None` where nothing can be said. Nothing may
/// come again after a stop at which tasks could commit or a pause that the group did not notice, under exactly-once, and
/// without a fault.
fn bound(case: &Case<'_>, (leg, cause, lane): GroupKey, first_row: u64) -> Option<Bound> {
    let Some(cause) = cause else {
        return Some(Bound::NOTHING);
    };
    let story = &case.history.faults[cause];
    let of_cause: Vec<&Stretch> = credits::hits(case, leg, lane)
        .map(|hit| &case.stretches[hit])
        .filter(|stretch| stretch.fault() == Some(cause))
        .collect();
    // The bound of a zombie holds what its heirs may do as well.
    let zombie = of_cause.iter().any(|s| s.nature == Nature::Zombie);
    let mut bounds = of_cause
        .into_iter()
        .filter(|stretch| !zombie || stretch.nature == Nature::Zombie)
        .map(|stretch| of_stretch(case, stretch, story, lane, first_row))
        .collect::<Option<Vec<Bound>>>()?;
    bounds.sort_by_key(|bound| bound.stretched);
    Some(bounds.pop().unwrap_or(Bound::NOTHING))
}

fn of_stretch(
    case: &Case<'_>,
    stretch: &Stretch,
    story: &FaultStory,
    lane: u32,
    first_row: u64,
) -> Option<Bound> {
    let rows = |at: Moment| case.snap(stretch.leg, lane as usize, at).arrived;
    let pace = |us: u64| (case.lane_rate() * us as f64 / 1e6).ceil() as u64;
    let bound = |promised: u64, delivered: u64| Bound {
        promised,
        stretched: promised.max(delivered),
    };
    // Its heir delivers from the first copy on: what the victim delivered lies before that.
    let by_victim = rows(stretch.settled).min(first_row.max(rows(stretch.struck)));
    let leg = &case.legs[stretch.leg];
    let of_kill = || {
        let delivered =
            by_victim.saturating_sub(rows(promise_begins(leg, stretch, &case.stretches)));
        bound(pace(promise_us(leg)), delivered)
    };
    match stretch.nature {
        Nature::Nothing => Some(Bound::NOTHING),
        Nature::Unknown => None,
        Nature::Taken | Nature::Late => Some(of_kill()),
        Nature::InFlight => {
            let delivered = rows(stretch.settled).saturating_sub(rows(stretch.flight_began()));
            Some(bound(pace(IN_FLIGHT_US), delivered))
        }
        Nature::Zombie => {
            let of_kill = of_kill();
            let through = through(case, stretch, story, lane);
            Some(Bound {
                promised: of_kill.promised,
                stretched: of_kill.stretched.saturating_add(through).saturating_mul(2),
            })
        }
    }
}

/// What the lane was given from a fault to the end of its zombie: new records, and copies that came before the connector.
fn through(case: &Case<'_>, stretch: &Stretch, story: &FaultStory, lane: u32) -> u64 {
    let leg = &case.legs[stretch.leg];
    let lane = lane as usize;
    let Some(began) = story.began() else {
        return 0;
    };
    let from = promise_begins(leg, stretch, &case.stretches);
    let until = stretch.settled;
    let nominal = case.lane_rate() * until.since(began).as_secs_f64();
    let high = |at| case.snap(stretch.leg, lane, at).high.unwrap_or(0);
    let new = high(until).saturating_sub(high(began));
    let given = stretch.leg.checked_sub(1).map_or(0, |before| {
        let at = |at| case.snap(before, lane, at).arrived;
        at(until).saturating_sub(at(from))
    });
    new.max(given).max(nominal.ceil() as u64)
}

fn rewind(case: &Case<'_>, told: &Told, bound: Option<Bound>) -> Rewind {
    let leg = &case.legs[told.leg];
    let fault = told.cause.or(told.before);
    Rewind {
        place: leg.tap.name.clone(),
        connector: leg.connector.name.clone(),
        lane: Lane(told.lane),
        first: told.first,
        last: told.last,
        copies: told.copies(),
        explained: told.explained(),
        at: Moment(told.at_us),
        fault: fault.map(|fault| case.history.faults[fault].id),
        why: reasons::of(case, told),
        bound: bound.map(|bound| bound.stretched),
        promised: bound.map(|bound| bound.promised),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_counts_all_runs_of_its_copies() {
        let run = |first, last, outcome| Told {
            leg: 0,
            lane: 2,
            first,
            last,
            row: first + 10,
            at_us: first * 1_000,
            until_us: last * 1_000,
            stretch: None,
            cause: None,
            before: Some(first as usize),
            outcome,
        };
        let mut group = Group::default();
        for told in [
            run(60, 64, Outcome::Unexplained),
            run(70, 71, Outcome::Explained),
            run(72, 79, Outcome::Unexplained),
        ] {
            group.add(&told);
        }
        assert_eq!(
            (group.copies, group.explained, group.unexplained),
            (15, 2, 13)
        );
        assert_eq!((group.from_us, group.to_us), (60_000, 79_000));
        assert_eq!((group.first_row, group.before), (70, Some(72)));
        assert_eq!(group.unexplained_ranges, [(60, 64), (72, 79)]);
        assert_eq!(group.explained_ranges, [(70, 71)]);
    }
}
