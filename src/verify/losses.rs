//! Missing records, located: which connector, which lane, when they were fed, which fault was running then.

use std::collections::BTreeMap;

use crate::journal::ObservationKind;
use crate::model::Moment;

use super::case::Case;
use super::dropped::{self, Early, LeftOut};
use super::pass::each_batch;
use super::recovery::{FaultRecovery, running};
use super::seen::total;

/// What is missing behind one connector in one lane.
#[derive(Debug, Clone)]
pub(super) struct Loss {
    pub leg: usize,
    pub lane: u32,
    pub count: u64,
    pub ranges: Vec<(u64, u64)>,
    /// When the first and the last of them were fed.
    pub fed: Option<(Moment, Moment)>,
    /// The fault that was running for most of them.
    pub fault: Option<usize>,
    /// What was missing of the lane before any fault.
    pub before: LeftOut,
    /// How that compares with what is missing later.
    pub early: Early,
}

/// All that is missing.
#[derive(Debug, Default)]
pub(super) struct Losses {
    pub list: Vec<Loss>,
    /// Records missing by fault.
    pub by_fault: BTreeMap<usize, u64>,
}

impl Losses {
    pub(super) fn find(case: &Case<'_>, recoveries: &[FaultRecovery]) -> Self {
        let mut losses = Self::default();
        for leg in 0..case.legs.len() {
            for lane in 0..case.frame.lanes {
                let ranges = case.own_missing(leg, lane);
                if !ranges.is_empty() {
                    let (before, early) = dropped::of_lane(case, leg, lane);
                    losses.list.push(Loss {
                        leg,
                        lane: u32::try_from(lane).unwrap_or(u32::MAX),
                        count: total(&ranges),
                        ranges,
                        fed: None,
                        fault: None,
                        before,
                        early,
                    });
                }
            }
        }
        losses.time(case, recoveries);
        losses
    }

    /// A second look at the feed, only when something is missing.
    fn time(&mut self, case: &Case<'_>, recoveries: &[FaultRecovery]) {
        let Some(feed) = case.info.scenario.route.feed() else {
            return;
        };
        if self.list.is_empty() {
            return;
        }
        let mut of_lane: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        for (index, loss) in self.list.iter().enumerate() {
            of_lane.entry(loss.lane).or_default().push(index);
        }
        let mut votes: BTreeMap<(usize, usize), u64> = BTreeMap::new();
        let whole = ObservationKind::Whole.code();
        each_batch(case.evidence.places, feed.name.as_str(), |batch| {
            for i in (0..batch.len()).filter(|i| batch.kind[*i] == whole) {
                let Some(losses) = of_lane.get(&batch.lane[i]) else {
                    continue;
                };
                let at = Moment(batch.at_us[i]);
                for index in losses {
                    let loss = &mut self.list[*index];
                    if !holds(&loss.ranges, batch.sequence[i]) {
                        continue;
                    }
                    let (from, to) = loss.fed.unwrap_or((at, at));
                    loss.fed = Some((from.min(at), to.max(at)));
                    let whole = matches!(loss.early, Early::SameShare | Early::All);
                    if whole || batch.sequence[i] < loss.before.next {
                        continue;
                    }
                    if let Some(fault) = running(case, recoveries, loss.leg, at) {
                        *votes.entry((*index, fault)).or_insert(0) += 1;
                    }
                }
            }
        });
        for ((index, fault), count) in &votes {
            *self.by_fault.entry(*fault).or_insert(0) += count;
            let loss = &mut self.list[*index];
            let most = loss.fault.and_then(|known| votes.get(&(*index, known)));
            if most.is_none_or(|most| count >= most) {
                loss.fault = Some(*fault);
            }
        }
    }

    pub(super) fn count(&self) -> u64 {
        self.list.iter().map(|loss| loss.count).sum()
    }

    /// Those that were missing before any fault.
    pub(super) fn before_faults(&self) -> u64 {
        self.list.iter().map(|loss| loss.before.count).sum()
    }

    /// What a connector leaves out before any fault, where that is all: it has nothing to do with them.
    pub(super) fn whatever_the_faults(&self) -> Option<Early> {
        let whole = |early| matches!(early, Early::SameShare | Early::All);
        let all = || self.list.iter().map(|loss| loss.early);
        let same = all().find(|early| *early == Early::SameShare);
        same.or(all().next()).filter(|_| all().all(whole))
    }
}

fn holds(ranges: &[(u64, u64)], number: u64) -> bool {
    let at = ranges.partition_point(|(_, last)| *last < number);
    ranges.get(at).is_some_and(|(first, _)| *first <= number)
}
