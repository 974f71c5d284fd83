//! Named streams of random numbers from one seed, so that drawing one number more in one place moves no number in another.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::model::Seed;

/// One stream of numbers; the same seed and name give the same numbers on every machine and in every release.
pub(super) struct NumberStream(ChaCha8Rng);

impl NumberStream {
    /// The stream of this name.
    pub(super) fn new(seed: Seed, name: &str) -> Self {
        let mut state = fnv1a(seed, name);
        let mut key = [0; 32];
        for word in key.chunks_exact_mut(8) {
            word.copy_from_slice(&split_mix(&mut state).to_le_bytes());
        }
        Self(ChaCha8Rng::from_seed(key))
    }

    /// The next number.
    pub(super) fn next(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number from 0 to `most`. The remainder favours small numbers by less than one in 2^64 / `most`, which no plan can show.
    pub(super) fn up_to(&mut self, most: u64) -> u64 {
        match most.checked_add(1) {
            Some(count) => self.next() % count,
            None => self.next(),
        }
    }
}

/// The FNV-1a hash, which is written down once and for all, unlike the standard library's.
fn fnv1a(seed: Seed, name: &str) -> u64 {
    let bytes = seed.0.to_le_bytes();
    bytes
        .iter()
        .copied()
        .chain(name.bytes())
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        })
}

/// SplitMix64: spreads 64 bits over as many as a key needs.
const fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_a_seed_and_name_never_change() {
        let mut stream = NumberStream::new(Seed(0x7f3a_91c2), "fault-1");
        let numbers = [stream.next(), stream.next()];
        assert_eq!(
            numbers,
            [3_182_577_612_959_268_312, 3_947_408_208_174_904_974]
        );
    }

    #[test]
    fn another_name_or_seed_gives_other_numbers() {
        let first = |seed, name| NumberStream::new(Seed(seed), name).next();
        assert_ne!(first(1, "a"), first(1, "b"));
        assert_ne!(first(1, "a"), first(2, "a"));
    }

    #[test]
    fn a_bounded_number_reaches_both_its_ends() {
        let mut stream = NumberStream::new(Seed(1), "ends");
        let drawn: Vec<u64> = (0..200).map(|_| stream.up_to(3)).collect();
        for expected in 0..=3 {
            assert!(drawn.contains(&expected), "{expected} never came");
        }
        assert!(drawn.iter().all(|number| *number <= 3));
    }
}
