//! Shifts and their intervals against SciPy's tests inverted by search, and against what must always hold.

use proptest::prelude::*;

use super::*;

const USUAL: Level = Level::USUAL;

fn assert_interval(shift: Shift, estimate: f64, low: f64, high: f64, level: f64) {
    let interval = shift.interval.unwrap();
    for (found, expected) in [
        (shift.estimate, estimate),
        (interval.low, low),
        (interval.high, high),
        (interval.level, level),
    ] {
        assert!((found - expected).abs() < 1e-9, "{shift:?}");
    }
}

#[test]
fn six_pairs_reach_from_the_least_to_the_most_difference() {
    let shift = paired_shift(&[3.0, 1.0, 6.0, 2.0, 5.0, 4.0], USUAL).unwrap();
    assert_interval(shift, 3.5, 1.0, 6.0, 0.96875);
    assert_eq!(shift.p.value, 0.03125);
}

#[test]
fn five_pairs_have_no_interval_at_ninety_five_percent_but_one_at_ninety() {
    let differences = [1.0, 2.0, 3.0, 4.0, 5.0];
    let shift = paired_shift(&differences, USUAL).unwrap();
    assert_eq!((shift.estimate, shift.interval), (3.0, None));
    let shift = paired_shift(&differences, Level::new(0.9).unwrap()).unwrap();
    assert_interval(shift, 3.0, 1.0, 5.0, 0.9375);
}

/// The ends between which `scipy.stats.wilcoxon(x - t, method="exact")` stays above 0.05, searched in steps of 0.0005
/// (SciPy 1.17.1): 0.3002 to 1.9497; level from the exact distribution for n = 10.
#[test]
fn the_paired_interval_is_the_signed_rank_test_inverted() {
    let differences = [0.3, 1.7, -0.4, 2.2, 0.9, 1.3, 3.1, -0.2, 0.8, 1.1];
    assert_interval(
        paired_shift(&differences, USUAL).unwrap(),
        1.0,
        0.3,
        1.95,
        0.951171875,
    );
}

/// The ends between which `scipy.stats.mannwhitneyu(a, b - t, method="exact")` stays above 0.05, searched in steps of
/// 0.0005 (SciPy 1.17.1): 0.3002 to 4.0997.
#[test]
fn the_unpaired_interval_is_the_rank_sum_test_inverted() {
    let from = [1.1, 2.3, 0.7, 3.9, 2.8];
    let to = [4.2, 3.3, 5.1, 2.9, 6.4, 4.8];
    let shift = unpaired_shift(&from, &to, USUAL).unwrap();
    assert_interval(shift, 2.25, 0.3, 4.1, 1.0 - 2.0 * 7.0 / 462.0);
}

#[test]
fn four_against_four_are_the_fewest_with_an_interval() {
    let from = [1.0, 2.0, 3.0, 4.0];
    let to = [11.0, 12.0, 13.0, 14.0];
    let shift = unpaired_shift(&from, &to, USUAL).unwrap();
    assert_interval(shift, 10.0, 7.0, 13.0, 1.0 - 2.0 / 70.0);
    assert_eq!(
        unpaired_shift(&from[..3], &to, USUAL).unwrap().interval,
        None
    );
}

#[test]
fn a_ratio_is_how_many_times() {
    let base: Vec<Option<f64>> = [10.0, 20.0, 30.0, 15.0, 25.0, 12.0].map(Some).to_vec();
    let twice: Vec<Option<f64>> = base
        .iter()
        .map(|value| value.map(|value| 2.0 * value))
        .collect();
    let ratio = paired_ratio(&Pairs::of(&base, &twice), USUAL).unwrap();
    assert_interval(ratio, 2.0, 2.0, 2.0, 0.96875);
    let ratio = unpaired_ratio(&[1.0, 2.0], &[5.0, 10.0], USUAL).unwrap();
    assert!((ratio.estimate - 5.0).abs() < 1e-12);
}

#[test]
fn there_is_no_ratio_with_a_nought_and_no_shift_of_nothing() {
    assert_eq!(unpaired_ratio(&[0.0], &[1.0], USUAL), None);
    assert_eq!(
        paired_ratio(&Pairs::of(&[Some(0.0)], &[Some(1.0)]), USUAL),
        None
    );
    assert_eq!(paired_shift(&[], USUAL), None);
    assert_eq!(unpaired_shift(&[], &[1.0], USUAL), None);
}

fn values(fewest: usize) -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(-1e3..1e3, fewest..12)
}

proptest! {
    #[test]
    fn the_interval_holds_the_estimate_at_no_less_than_its_level(differences in values(6)) {
        let shift = paired_shift(&differences, USUAL).unwrap();
        let interval = shift.interval.unwrap();
        prop_assert!(interval.contains(shift.estimate));
        prop_assert!(interval.level >= 0.95 && interval.level < 0.985);
    }

    #[test]
    fn the_paired_interval_leaves_out_nought_where_the_test_shows_a_difference(differences in values(6)) {
        let shift = paired_shift(&differences, USUAL).unwrap();
        prop_assert_eq!(shift.p.value <= 0.05, !shift.interval.unwrap().contains(0.0));
    }

    #[test]
    fn the_unpaired_interval_leaves_out_nought_where_the_test_shows_a_difference(from in values(4), to in values(4)) {
        let shift = unpaired_shift(&from, &to, USUAL).unwrap();
        let interval = shift.interval.unwrap();
        prop_assert!(interval.contains(shift.estimate));
        prop_assert_eq!(shift.p.value <= 0.05, !interval.contains(0.0));
    }

    #[test]
    fn swapping_the_sides_turns_the_interval_round(from in values(4), to in values(4)) {
        let there = unpaired_shift(&from, &to, USUAL).unwrap();
        let back = unpaired_shift(&to, &from, USUAL).unwrap();
        prop_assert!((there.estimate + back.estimate).abs() < 1e-9);
        prop_assert_eq!(there.interval.unwrap().low, -back.interval.unwrap().high);
    }
}
