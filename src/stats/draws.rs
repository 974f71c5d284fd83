//! Numbers drawn from a fixed seed, so that the same values give the same answer on every machine and every day.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// A generator of numbers; equal seeds give equal numbers.
pub(super) struct Draws(ChaCha8Rng);

impl Draws {
    pub(super) fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// A number below `count`, which is at least 1; small numbers are favoured by less than `count` in 2^64.
    pub(super) fn below(&mut self, count: usize) -> usize {
        (self.0.next_u64() % count as u64) as usize
    }

    /// A fair coin.
    pub(super) fn coin(&mut self) -> bool {
        self.0.next_u32() & 1 == 1
    }

    /// A number above 0 and at most 1.
    fn share(&mut self) -> f64 {
        ((self.0.next_u64() >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }

    /// A normal number of mean 0 and deviation 1 (Box and Muller 1958, "A note on the generation of random normal
    /// deviates", Annals of Mathematical Statistics 29(2)).
    pub(super) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * self.share().ln()).sqrt();
        radius * (std::f64::consts::TAU * self.share()).cos()
    }

    /// Puts the values into a drawn order (Fisher and Yates; Durstenfeld 1964, CACM 7(7), algorithm 235).
    pub(super) fn shuffle(&mut self, values: &mut [f64]) {
        for last in (1..values.len()).rev() {
            values.swap(last, self.below(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_numbers_have_mean_nought_and_deviation_one() {
        let mut draws = Draws::new(1);
        let numbers: Vec<f64> = (0..20_000).map(|_| draws.normal()).collect();
        let mean = numbers.iter().sum::<f64>() / 20_000.0;
        let square = numbers.iter().map(|number| number * number).sum::<f64>() / 20_000.0;
        assert!(mean.abs() < 0.03, "{mean}");
        assert!((square - 1.0).abs() < 0.05, "{square}");
    }

    #[test]
    fn every_order_of_three_values_is_as_likely() {
        let mut draws = Draws::new(2);
        let mut seen = std::collections::BTreeMap::new();
        for _ in 0..6_000 {
            let mut values = [1.0, 2.0, 3.0];
            draws.shuffle(&mut values);
            *seen.entry(values.map(|value| value as u8)).or_insert(0) += 1;
        }
        assert_eq!(seen.len(), 6);
        assert!(seen.values().all(|count| (850..1_150).contains(count)));
    }
}
