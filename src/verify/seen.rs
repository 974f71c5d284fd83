//! A set of sequence numbers that costs one bit each where they are dense and little where they are not.

use roaring::RoaringTreemap;

/// Numbers this far above the dense part still extend it, in addition to twice the count.
const REACH: u64 = 65_536;

/// Sequence numbers of one lane.
#[derive(Debug, Default, Clone)]
pub(super) struct SeenSet {
    dense: Vec<u64>,
    sparse: RoaringTreemap,
    count: u64,
}

/// What is expected of a lane.
#[derive(Clone, Copy)]
pub(super) enum Expected<'a> {
    /// These.
    Set(&'a SeenSet),
    /// All below this number.
    Below(u64),
}

impl Expected<'_> {
    pub(super) fn count(self) -> u64 {
        match self {
            Self::Set(set) => set.count,
            Self::Below(end) => end,
        }
    }

    #[inline]
    pub(super) fn contains(self, number: u64) -> bool {
        match self {
            Self::Set(set) => set.contains(number),
            Self::Below(end) => number < end,
        }
    }
}

fn split(number: u64) -> (usize, u64) {
    (
        usize::try_from(number / 64).unwrap_or(usize::MAX),
        1 << (number % 64),
    )
}

impl SeenSet {
    pub(super) fn len(&self) -> u64 {
        self.count
    }

    #[inline]
    pub(super) fn contains(&self, number: u64) -> bool {
        let (word, bit) = split(number);
        self.dense.get(word).is_some_and(|bits| bits & bit != 0)
            || (!self.sparse.is_empty() && self.sparse.contains(number))
    }

    /// Adds a number; true when it was not there.
    #[inline]
    pub(super) fn insert(&mut self, number: u64) -> bool {
        let (word, bit) = split(number);
        if word >= self.dense.len() && !self.extend_to(number, word) {
            let fresh = self.sparse.insert(number);
            self.count += u64::from(fresh);
            return fresh;
        }
        let known = self.dense[word] & bit != 0
            || (!self.sparse.is_empty() && self.sparse.contains(number));
        if !known {
            self.dense[word] |= bit;
            self.count += 1;
        }
        !known
    }

    fn extend_to(&mut self, number: u64, word: usize) -> bool {
        let end = self.dense.len() as u64 * 64;
        let near = number - end <= REACH.saturating_add(self.count.saturating_mul(2));
        if near {
            self.dense.resize(word + 1, 0);
        }
        near
    }
}

/// Ranges (first, last) of what is expected and not seen, in order.
pub(super) fn missing(expected: Expected<'_>, seen: &SeenSet) -> Vec<(u64, u64)> {
    let mut ranges = Ranges::default();
    match expected {
        Expected::Set(set) => missing_of_set(set, seen, &mut ranges),
        Expected::Below(end) => missing_below(end, seen, &mut ranges),
    }
    ranges.finish()
}

fn missing_of_set(set: &SeenSet, seen: &SeenSet, ranges: &mut Ranges) {
    for (at, bits) in set.dense.iter().enumerate() {
        let left = bits & !seen.dense.get(at).copied().unwrap_or(0);
        push_bits(at, left, seen, ranges);
    }
    set.sparse
        .iter()
        .filter(|number| !seen.contains(*number))
        .for_each(|number| ranges.push(number, number));
}

fn missing_below(end: u64, seen: &SeenSet, ranges: &mut Ranges) {
    let mut begin = 0;
    for (at, bits) in seen.dense.iter().enumerate() {
        if begin >= end {
            return;
        }
        let mask = if end - begin >= 64 {
            u64::MAX
        } else {
            (1 << (end - begin)) - 1
        };
        push_bits(at, mask & !bits, seen, ranges);
        begin += 64;
    }
    let dense_end = begin;
    for number in seen.sparse.iter().filter(|n| *n >= dense_end && *n < end) {
        if number > begin {
            ranges.push(begin, number - 1);
        }
        begin = begin.max(number + 1);
    }
    if begin < end {
        ranges.push(begin, end - 1);
    }
}

fn push_bits(word: usize, mut bits: u64, seen: &SeenSet, ranges: &mut Ranges) {
    while bits != 0 {
        let number = word as u64 * 64 + u64::from(bits.trailing_zeros());
        bits &= bits - 1;
        if seen.sparse.is_empty() || !seen.sparse.contains(number) {
            ranges.push(number, number);
        }
    }
}

/// Ranges that grow together where they touch.
#[derive(Debug, Default, Clone)]
pub(super) struct Ranges {
    list: Vec<(u64, u64)>,
}

impl Ranges {
    pub(super) fn push(&mut self, first: u64, last: u64) {
        match self.list.last_mut() {
            Some(end) if end.1.checked_add(1) == Some(first) => end.1 = last,
            _ => self.list.push((first, last)),
        }
    }

    pub(super) fn finish(mut self) -> Vec<(u64, u64)> {
        self.list.sort_unstable();
        let mut merged: Vec<(u64, u64)> = Vec::with_capacity(self.list.len());
        for (first, last) in self.list {
            match merged.last_mut() {
                Some(end) if first <= end.1.saturating_add(1) => end.1 = end.1.max(last),
                _ => merged.push((first, last)),
            }
        }
        merged
    }
}

/// How many numbers these ranges hold.
pub(super) fn total(ranges: &[(u64, u64)]) -> u64 {
    ranges.iter().map(|(first, last)| last - first + 1).sum()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn set_of(numbers: &BTreeSet<u64>) -> SeenSet {
        let mut set = SeenSet::default();
        numbers.iter().for_each(|n| assert!(set.insert(*n)));
        numbers.iter().for_each(|n| assert!(!set.insert(*n)));
        set
    }

    fn numbers() -> impl Strategy<Value = BTreeSet<u64>> {
        let near = 0..400u64;
        let far = prop_oneof![near, 60_000..70_000u64, 1u64 << 38..(1 << 38) + 50];
        proptest::collection::btree_set(far, 0..200)
    }

    #[test]
    fn what_is_missing_below_an_end_counts_what_lies_far_out_as_well() {
        let seen = set_of(&BTreeSet::from([0, 10_000_000, 20_000_000]));
        let below = |end| missing(Expected::Below(end), &seen);
        let first = (1, 9_999_999);
        assert_eq!(below(15_000_000), [first, (10_000_001, 14_999_999)]);
        let pair = set_of(&BTreeSet::from([0, 10_000_000, 10_000_001]));
        let last = (10_000_002, 10_000_002);
        assert_eq!(missing(Expected::Below(10_000_003), &pair), [first, last]);
        assert_eq!(below(20_000_000), [first, (10_000_001, 19_999_999)]);
        assert_eq!(
            below(20_000_002),
            [first, (10_000_001, 19_999_999), (20_000_001, 20_000_001)]
        );
    }

    proptest! {
        #[test]
        fn what_is_missing_is_exactly_the_difference(expected in numbers(), seen in numbers(), end in 0..500u64) {
            let flat = |ranges: Vec<(u64, u64)>| ranges.into_iter().flat_map(|(a, b)| a..=b).collect::<BTreeSet<u64>>();
            let (e, s) = (set_of(&expected), set_of(&seen));
            prop_assert_eq!(flat(missing(Expected::Set(&e), &s)), expected.difference(&seen).copied().collect::<BTreeSet<_>>());
            let below: BTreeSet<u64> = (0..end).filter(|n| !seen.contains(n)).collect();
            prop_assert_eq!(flat(missing(Expected::Below(end), &s)), below);
            prop_assert_eq!(e.len(), expected.len() as u64);
        }

        #[test]
        fn the_order_of_insertion_does_not_matter(mut order in proptest::collection::vec(prop_oneof![0..300u64, 60_000..150_000u64], 0..300)) {
            let mut set = SeenSet::default();
            for n in &order {
                set.insert(*n);
            }
            order.sort_unstable();
            order.dedup();
            prop_assert_eq!(set.len(), order.len() as u64);
            prop_assert!(order.iter().all(|n| set.contains(*n)));
            prop_assert!(missing(Expected::Set(&set), &set).is_empty());
        }
    }
}
