//! Exact tests of paired blocks: if nothing but chance sets two cells apart, each difference could as well have the other sign.

use super::draws::Draws;
use super::level::PValue;
use super::ranks::doubled_midranks;

/// Up to so many pairs every arrangement of signs is counted.
const COUNTED_PAIRS: usize = 30;
/// How many arrangements are drawn where there are more pairs.
const DRAWS: u32 = 19_999;
/// Sums of the same numbers in another order differ by less than this share of their sizes.
const ROUNDING: f64 = 1e-12;
const SEED: u64 = 0x5167_6e73;

/// The smallest p-value that this many pairs can give, 2 / 2ⁿ: all differences have one sign, and that is one arrangement
/// in 2ⁿ for either direction. With five pairs it is 0.0625, so that five pairs show nothing at 5 %.
pub fn smallest_p(pairs: usize) -> f64 {
    let pairs = i32::try_from(pairs).unwrap_or(i32::MAX);
    2.0_f64.powi(1_i32.saturating_sub(pairs)).min(1.0)
}

/// The permutation test of paired differences on their sum: Fisher 1935, *The Design of Experiments*, §21; Pitman 1937,
/// "Significance tests which may be applied to samples from any populations", Supplement to JRSS 4(1).
///
/// The p-value is the share of the 2ⁿ arrangements of signs whose sum is as far from 0 as the observed one. All are
/// counted up to 30 pairs (the sums of either half are sorted, then met in the middle); beyond, 19,999 are drawn from a
/// fixed seed and the [`Source`](super::Source) says so.
///
/// Darwin's fifteen pairs of plants, the example of Fisher's book, differ by
/// 49, −67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, −48: 1,726 of 32,768 arrangements are as far out, p = 0.05267.
pub fn sign_flip_test(differences: &[f64]) -> PValue {
    let sizes: Vec<f64> = differences.iter().map(|value| value.abs()).collect();
    let slack = sizes.iter().sum::<f64>() * ROUNDING;
    let observed = differences.iter().sum::<f64>().abs() - slack;
    if observed <= 0.0 {
        return PValue::exact(1.0);
    }
    if sizes.len() <= COUNTED_PAIRS {
        let as_far = count_at_least(&sizes, observed);
        return PValue::exact(as_far as f64 * smallest_p(sizes.len()));
    }
    let mut draws = Draws::new(SEED);
    let as_far = (0..DRAWS)
        .filter(|_| {
            let flipped = sizes
                .iter()
                .map(|size| if draws.coin() { *size } else { -size });
            flipped.sum::<f64>().abs() >= observed
        })
        .count();
    PValue::simulated(u32::try_from(as_far).unwrap_or(DRAWS), DRAWS)
}

/// How many of the arrangements of signs have a sum of at least `least`.
fn count_at_least(sizes: &[f64], least: f64) -> u64 {
    let (left, right) = sizes.split_at(sizes.len() / 2);
    let (left, right) = (sorted_sums(left), sorted_sums(right));
    let mut from = right.len();
    let mut count = 0;
    for sum in left {
        while from > 0 && sum + right[from - 1] >= least {
            from -= 1;
        }
        count += (right.len() - from) as u64;
    }
    count
}

/// The sums of all arrangements of signs, smallest first.
fn sorted_sums(sizes: &[f64]) -> Vec<f64> {
    let mut sums = vec![0.0];
    for size in sizes {
        sums = sums
            .iter()
            .flat_map(|sum| [sum - size, sum + size])
            .collect();
    }
    sums.sort_by(f64::total_cmp);
    sums
}

/// The exact signed-rank test: Wilcoxon 1945, "Individual comparisons by ranking methods", Biometrics Bulletin 1(6), on
/// mid-ranks where sizes are tied, with differences of 0 ranked but on neither side (Pratt 1959, "Remarks on zeros and
/// ties in the Wilcoxon signed rank procedures", JASA 54).
///
/// It is the permutation test over signs whose scores are ranks, so one wild value cannot rule it, and the interval of
/// [`paired_shift`](super::paired_shift) is its inversion. Counted exactly at every size and with ties, since it
/// works on the doubled ranks that there are and not on a table.
///
/// Darwin's fifteen pairs (see [`sign_flip_test`]): p = 0.04126.
pub fn signed_rank_test(differences: &[f64]) -> PValue {
    let sizes: Vec<f64> = differences.iter().map(|value| value.abs()).collect();
    let ranks = doubled_midranks(&sizes);
    let side = |is_on: fn(f64) -> bool| -> Vec<usize> {
        let both = differences.iter().zip(&ranks);
        both.filter(|(value, _)| is_on(**value))
            .map(|(_, rank)| *rank)
            .collect()
    };
    let above = side(|value| value > 0.0);
    let below = side(|value| value < 0.0);
    let farther = above.iter().sum::<usize>().max(below.iter().sum());
    let chances = subset_sum_chances(&[above, below].concat());
    PValue::exact(2.0 * chances[farther..].iter().sum::<f64>())
}

/// The chance of every sum of the scores of which each is taken or left by a fair coin.
pub(super) fn subset_sum_chances(scores: &[usize]) -> Vec<f64> {
    let mut chances = vec![0.0; scores.iter().sum::<usize>() + 1];
    chances[0] = 1.0;
    let mut reach = 0;
    for score in scores {
        for sum in (0..=reach).rev() {
            let half = chances[sum] / 2.0;
            chances[sum] = half;
            chances[sum + score] += half;
        }
        reach += score;
    }
    chances
}

#[cfg(test)]
#[path = "signs_tests.rs"]
mod tests;
