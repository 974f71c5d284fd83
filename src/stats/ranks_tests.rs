//! The rank-sum test against SciPy, against counting by hand, and against what must always hold.

use proptest::prelude::*;

use super::super::Source;
use super::*;

/// Twice the smaller share of choices of the first group whose rank sum is as small, or as large.
fn brute_force(first: &[f64], second: &[f64]) -> f64 {
    let ranks = doubled_midranks(&[first, second].concat());
    let observed: usize = ranks[..first.len()].iter().sum();
    let (mut below, mut above, mut all) = (0, 0, 0);
    for chosen in 0_u32..1 << ranks.len() {
        if chosen.count_ones() as usize != first.len() {
            continue;
        }
        let sum: usize = (0..ranks.len())
            .filter(|at| chosen >> at & 1 == 1)
            .map(|at| ranks[at])
            .sum();
        below += i32::from(sum <= observed);
        above += i32::from(sum >= observed);
        all += 1;
    }
    (2.0 * f64::from(below.min(above)) / f64::from(all)).min(1.0)
}

/// `scipy.stats.permutation_test((a, b), rank sum of a over rankdata, permutation_type="independent",
/// n_resamples=numpy.inf)`, SciPy 1.17.1; without ties also `mannwhitneyu(a, b, method="exact")`; tiny groups by hand.
#[test]
fn the_rank_sum_test_agrees_with_scipy_with_ties_and_tiny_groups() {
    let cases: [(&[f64], &[f64], f64); 12] = [
        (&[], &[1.0, 2.0], 1.0),
        (&[1.0], &[2.0], 1.0),
        (&[1.0, 2.0], &[3.0], 2.0 / 3.0),
        (&[1.0, 2.0], &[3.0, 4.0], 1.0 / 3.0),
        (&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0], 0.1),
        (&[1.0, 2.0, 3.0, 4.0], &[5.0, 6.0, 7.0, 8.0], 2.0 / 70.0),
        (
            &[1.0, 2.0, 3.0, 4.0, 6.0],
            &[5.0, 7.0, 8.0, 9.0, 10.0],
            4.0 / 252.0,
        ),
        (
            &[1.0, 1.0, 2.0, 2.0, 3.0, 5.0],
            &[2.0, 4.0, 4.0, 5.0, 5.0, 6.0],
            0.06277056277056277,
        ),
        (&[1.0; 3], &[1.0; 3], 1.0),
        (&[0.0, 0.0, 0.0, 1.0], &[0.0, 1.0, 1.0, 1.0, 1.0], 1.0 / 3.0),
        (&[3.0, 1.0, 4.0, 1.0, 5.0], &[9.0, 2.0, 6.0], 0.25),
        (
            &[1.1, 2.3, 0.7, 3.9, 2.8],
            &[4.2, 3.3, 5.1, 2.9, 6.4, 4.8],
            0.017316017316017316,
        ),
    ];
    for (first, second, p) in cases {
        for found in [rank_sum_test(first, second), rank_sum_test(second, first)] {
            assert!(
                (found.value - p).abs() < 1e-12,
                "{first:?} {second:?}: {}",
                found.value
            );
        }
    }
}

/// `scipy.stats.mannwhitneyu(a, b, method="exact")`, SciPy 1.17.1.
#[test]
fn thirty_against_thirty_are_counted() {
    let first: Vec<f64> = (0..30)
        .map(|at| f64::from(at * 37 % 61) + 0.005 * f64::from(at))
        .collect();
    let second: Vec<f64> = (0..30).map(|at| f64::from(at * 53 % 67) + 3.25).collect();
    let found = rank_sum_test(&first, &second);
    assert_eq!(found.source, Source::Exact);
    assert!(
        (found.value - 0.1871786398320834).abs() < 1e-12,
        "{}",
        found.value
    );
}

#[test]
fn large_groups_are_drawn_and_it_is_said() {
    let first: Vec<f64> = (0..150).map(f64::from).collect();
    let second: Vec<f64> = (0..150).map(|at| f64::from(at) + 20.5).collect();
    let found = rank_sum_test(&first, &second);
    assert_eq!(found.source, Source::Simulated { draws: 19_999 });
    assert!(found.value < 0.001, "{}", found.value);
}

#[test]
fn tied_values_share_the_middle_of_their_ranks() {
    assert_eq!(doubled_midranks(&[5.0, 1.0, 5.0, 9.0]), [5, 2, 5, 8]);
    assert_eq!(doubled_midranks(&[-0.0, 0.0]), [3, 3]);
}

#[test]
fn the_untied_distribution_is_that_of_the_tied_one_without_ties() {
    for (first, second) in [(1, 1), (2, 3), (5, 4), (6, 6)] {
        let ranks: Vec<usize> = (1..=first + second).map(|rank| 2 * rank).collect();
        let tied = chances_of_sums(&ranks, first);
        let least = first * (first + 1) / 2;
        for (count, chance) in untied_chances(first, second).iter().enumerate() {
            assert!((chance - tied[2 * (least + count)]).abs() < 1e-12);
        }
    }
}

fn few_values() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec((0_u8..6).prop_map(f64::from), 1..=5)
}

proptest! {
    #[test]
    fn it_is_what_counting_by_hand_gives(first in few_values(), second in few_values()) {
        let found = rank_sum_test(&first, &second).value;
        prop_assert!((found - brute_force(&first, &second)).abs() < 1e-12);
    }

    #[test]
    fn swapping_the_groups_changes_no_p_value(first in few_values(), second in few_values()) {
        let swapped = rank_sum_test(&second, &first).value;
        prop_assert!((rank_sum_test(&first, &second).value - swapped).abs() < 1e-12);
    }
}
