//! The tests of signs against SciPy, against counting by hand, and against what must always hold.

use proptest::prelude::*;

use super::super::Source;
use super::*;

const DARWIN: [f64; 15] = [
    49.0, -67.0, 8.0, 16.0, 6.0, 23.0, 28.0, 41.0, 14.0, 29.0, 56.0, 24.0, 75.0, 60.0, -48.0,
];

/// The share of arrangements of signs whose statistic is at least as far from 0, one after the other.
fn brute_force(differences: &[f64], statistic: impl Fn(&[f64]) -> f64) -> f64 {
    let arrangements = 1_u32 << differences.len();
    let least = statistic(differences).abs() - 1e-9;
    let as_far = (0..arrangements).filter(|arrangement| {
        let flipped: Vec<f64> = differences
            .iter()
            .enumerate()
            .map(|(at, value)| {
                if arrangement >> at & 1 == 1 {
                    -value
                } else {
                    *value
                }
            })
            .collect();
        statistic(&flipped).abs() >= least
    });
    as_far.count() as f64 / f64::from(arrangements)
}

fn signed_rank_sum(differences: &[f64]) -> f64 {
    let sizes: Vec<f64> = differences.iter().map(|value| value.abs()).collect();
    let ranks = doubled_midranks(&sizes);
    let both = differences.iter().zip(ranks);
    both.filter(|(value, _)| **value != 0.0)
        .map(|(value, rank)| value.signum() * rank as f64)
        .sum()
}

/// `scipy.stats.permutation_test((d,), numpy.sum, permutation_type="samples", n_resamples=numpy.inf)`, SciPy 1.17.1; a
/// single difference by hand.
#[test]
fn the_sign_flip_test_agrees_with_scipy() {
    let cases: [(&[f64], f64); 10] = [
        (&[], 1.0),
        (&[1.0], 1.0),
        (&[1.0, 2.0], 0.5),
        (&[1.5, -0.5, 2.0], 0.5),
        (&[1.0, 1.0, -1.0, 2.0, 2.0], 0.25),
        (&[0.1, 0.2, 0.3, -0.3, 0.2, 0.1], 0.375),
        (&[0.0, 0.0, 1.0, 2.0, 3.0, 4.0], 0.125),
        (&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 0.03125),
        (&[3.2, -1.1, 0.4, 2.2, 5.0, -0.4, 1.1, 0.9], 0.1015625),
        (&DARWIN, 0.05267333984375),
    ];
    for (differences, p) in cases {
        assert_eq!(sign_flip_test(differences).value, p, "{differences:?}");
    }
}

/// The same call with the sum of signed mid-ranks, `scipy.stats.rankdata(abs(d))`, as its statistic; the last two are also
/// `scipy.stats.wilcoxon(d, method="exact")`, SciPy 1.17.1.
#[test]
fn the_signed_rank_test_agrees_with_scipy_with_ties_and_noughts() {
    let cases: [(&[f64], f64); 11] = [
        (&[], 1.0),
        (&[1.0], 1.0),
        (&[1.0, 2.0], 0.5),
        (&[1.5, -0.5, 2.0], 0.5),
        (&[1.0, 1.0, -1.0, 2.0, 2.0], 0.25),
        (&[0.1, 0.2, 0.3, -0.3, 0.2, 0.1], 0.375),
        (&[0.0, 0.0, 1.0, 2.0, 3.0, 4.0], 0.125),
        (&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 0.03125),
        (&[3.2, -1.1, 0.4, 2.2, 5.0, -0.4, 1.1, 0.9], 0.1171875),
        (
            &[0.3, 1.7, -0.4, 2.2, 0.9, 1.3, 3.1, -0.2, 0.8, 1.1],
            0.013671875,
        ),
        (&DARWIN, 0.041259765625),
    ];
    for (differences, p) in cases {
        assert_eq!(signed_rank_test(differences).value, p, "{differences:?}");
    }
}

#[test]
fn no_difference_at_all_is_no_evidence() {
    assert_eq!(sign_flip_test(&[0.0; 6]).value, 1.0);
    assert_eq!(signed_rank_test(&[0.0; 6]).value, 1.0);
}

#[test]
fn the_smallest_p_halves_with_each_pair() {
    for (pairs, p) in [
        (0, 1.0),
        (1, 1.0),
        (2, 0.5),
        (5, 0.0625),
        (6, 0.03125),
        (10, 2.0 / 1024.0),
    ] {
        assert_eq!(smallest_p(pairs), p, "{pairs}");
    }
}

#[test]
fn beyond_thirty_pairs_the_arrangements_are_drawn_and_it_is_said() {
    let differences: Vec<f64> = (0..40).map(|at| f64::from(at % 7) - 2.0).collect();
    let drawn = sign_flip_test(&differences);
    assert_eq!(drawn.source, Source::Simulated { draws: 19_999 });
    assert_eq!(sign_flip_test(&differences), drawn, "the seed is fixed");
    // The normal approximation of the same sum: 33 / sqrt(156) = 2.64 deviations.
    assert!((0.004..0.014).contains(&drawn.value), "{}", drawn.value);
    assert_eq!(sign_flip_test(&[1.0; 30]).source, Source::Exact);
    assert_eq!(sign_flip_test(&[1.0; 31]).value, 1.0 / 20_000.0);
}

fn few_differences() -> impl Strategy<Value = Vec<f64>> {
    // Halves from -3 to 3, so that ties and noughts are common.
    prop::collection::vec((-6_i32..=6).prop_map(|value| f64::from(value) / 2.0), 1..=7)
}

proptest! {
    #[test]
    fn both_tests_are_what_counting_by_hand_gives(differences in few_differences()) {
        let sum = brute_force(&differences, |values| values.iter().sum());
        prop_assert!((sign_flip_test(&differences).value - sum).abs() < 1e-12);
        let ranks = brute_force(&differences, signed_rank_sum);
        prop_assert!((signed_rank_test(&differences).value - ranks).abs() < 1e-12);
    }

    #[test]
    fn swapping_the_cells_changes_no_p_value(differences in prop::collection::vec(-1e3..1e3, 1..20)) {
        let swapped: Vec<f64> = differences.iter().map(|value| -value).collect();
        prop_assert_eq!(sign_flip_test(&differences), sign_flip_test(&swapped));
        prop_assert_eq!(signed_rank_test(&differences), signed_rank_test(&swapped));
    }

    #[test]
    fn no_p_value_is_below_the_smallest(differences in prop::collection::vec(-1e3..1e3, 1..20)) {
        for p in [sign_flip_test(&differences), signed_rank_test(&differences)] {
            prop_assert!(p.value >= smallest_p(differences.len()) && p.value <= 1.0);
        }
    }
}
