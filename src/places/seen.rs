//! The set of sequence numbers of one lane that have arrived, at one bit a record.

use std::collections::BTreeSet;

/// Numbers up to this far beyond the last word are given bits; further ones are kept apart, so that a wild number from
/// a foreign source cannot ask for all memory.
const REACH_WORDS: usize = 1 << 16;

/// A growing set of sequence numbers.
#[derive(Debug, Default)]
pub(super) struct Seen {
    words: Vec<u64>,
    far: BTreeSet<u64>,
}

impl Seen {
    /// Adds a number; says whether it is new.
    pub(super) fn insert(&mut self, number: u64) -> bool {
        match usize::try_from(number / 64) {
            Ok(word) if word < self.words.len() + REACH_WORDS => {
                if word >= self.words.len() {
                    self.words.resize(word + 1, 0);
                }
                let bit = 1u64 << (number % 64);
                let new = self.words[word] & bit == 0;
                self.words[word] |= bit;
                new && (self.far.is_empty() || !self.far.contains(&number))
            }
            Ok(_) | Err(_) => self.far.insert(number),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_wild_number_costs_no_memory() {
        let mut seen = Seen::default();
        assert!(seen.insert(u64::MAX));
        assert!(!seen.insert(u64::MAX));
        assert!(seen.words.is_empty());
    }

    #[test]
    fn a_number_that_was_far_and_came_near_is_still_known() {
        let far = 64 * REACH_WORDS as u64 + 3;
        let mut seen = Seen::default();
        assert!(seen.insert(far));
        assert!(seen.insert(64 * 10));
        assert!(!seen.insert(far));
        assert!(seen.insert(far + 1));
    }

    proptest! {
        #[test]
        fn it_answers_like_any_other_set(numbers in prop::collection::vec(prop_oneof![0..500u64, any::<u64>()], 0..400)) {
            let (mut seen, mut model) = (Seen::default(), HashSet::new());
            for number in numbers {
                prop_assert_eq!(seen.insert(number), model.insert(number));
            }
        }
    }
}
