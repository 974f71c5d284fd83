//! What a connector had left out before any fault: missing records that no fault can have cost.

use super::case::Case;
use super::seen::total;

/// Fewer than this are no share.
const LEAST: u64 = 5;

/// What a connector left out of one lane before the first fault.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct LeftOut {
    /// Records that had not come although a later one of their lane had.
    pub count: u64,
    /// Records of the lane that had passed by then, these included.
    pub of: u64,
    /// The number from which on nothing had passed yet.
    pub next: u64,
}

/// How much of what is missing was missing before any fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Early {
    /// Nothing: all of it went missing later.
    None,
    /// A part, and later more than that part promises.
    Some,
    /// The same share as later: the connector leaves it out, faults or not.
    SameShare,
    /// All of it.
    All,
}

impl LeftOut {
    /// The share of them among all that had passed; 0 where nothing had.
    pub(super) fn share(&self) -> f64 {
        self.count as f64 / self.of.max(1) as f64
    }

    /// How it compares with the `count` that are missing of the `of` records after that.
    pub(super) fn compare(&self, count: u64, of: u64) -> Early {
        match (self.count, count) {
            (0, _) => Early::None,
            (_, 0) => Early::All,
            _ if self.explains(count, of) => Early::SameShare,
            _ => Early::Some,
        }
    }

    /// Whether `count` of `of` records missing later is no more than this share promises: by chance a share of 10 % of
    /// 1,000 gives 100, and three times the root of that more or less.
    fn explains(&self, count: u64, of: u64) -> bool {
        let usual = self.share() * of as f64;
        self.count >= LEAST && count as f64 <= usual + 3.0 * (usual + 1.0).sqrt()
    }
}

/// What the connector of a leg had left out of a lane shortly before the first fault; without any, at the end of the baseline.
/// Within a lane records keep their order, so what a later one has overtaken was left out by then. A lane of which nothing
/// ever came, although a baseline was reached, was left out from the first.
fn before_faults(case: &Case<'_>, leg: usize, lane: usize) -> LeftOut {
    let next = next_at_first_fault(case, leg, lane);
    let before = |ranges: Vec<(u64, u64)>| {
        let passed = ranges.into_iter().filter(|(first, _)| *first < next);
        let passed: Vec<(u64, u64)> = passed
            .map(|(first, last)| (first, last.min(next.saturating_sub(1))))
            .collect();
        total(&passed)
    };
    let given = match leg.checked_sub(1) {
        None => next,
        Some(input) => next.saturating_sub(before(case.missing(input, lane))),
    };
    LeftOut {
        count: before(case.own_missing(leg, lane)),
        of: given,
        next,
    }
}

/// What is missing of a lane behind a connector, how much of it was so before any fault, and how the two compare.
pub(super) fn of_lane(case: &Case<'_>, leg: usize, lane: usize) -> (LeftOut, Early) {
    let before = before_faults(case, leg, lane);
    let missing = total(&case.own_missing(leg, lane)) - before.count;
    let later = case.expected(leg, lane).count().saturating_sub(before.of);
    (before, before.compare(missing, later))
}

/// Whether a connector leaves records of a lane out, faults or not: the same share was missing before any fault, or nothing
/// of the lane ever came.
pub(super) fn leaves_out(case: &Case<'_>, leg: usize, lane: usize) -> bool {
    never_came(case, leg, lane) || of_lane(case, leg, lane).1 == Early::SameShare
}

fn never_came(case: &Case<'_>, leg: usize, lane: usize) -> bool {
    let seen = case.taps[leg].lanes[lane].seen.len();
    seen == 0 && case.history.baseline_reached.is_some()
}

fn next_at_first_fault(case: &Case<'_>, leg: usize, lane: usize) -> u64 {
    if never_came(case, leg, lane) {
        return u64::MAX;
    }
    let said = case.legs[leg].tap.silent_for_ms;
    let at = case.history.before_any_fault(said);
    let high = at.and_then(|at| case.snap(leg, lane, at).high);
    high.map_or(0, |high| high + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_share_as_before_is_told_from_more_than_it() {
        let before = LeftOut {
            count: 84,
            of: 841,
            next: 841,
        };
        assert_eq!(before.compare(493, 4_932), Early::SameShare);
        assert_eq!(before.compare(559, 4_932), Early::SameShare);
        assert_eq!(before.compare(560, 4_932), Early::Some);
        assert_eq!(before.compare(0, 4_932), Early::All);
        let none = LeftOut { count: 0, ..before };
        assert_eq!(none.compare(493, 4_932), Early::None);
        let few = LeftOut { count: 4, ..before };
        assert_eq!(few.compare(1, 4_932), Early::Some);
    }
}
