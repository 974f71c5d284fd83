//! Counts and shares against SciPy, at nought, at few and at a million.

use proptest::prelude::*;

use super::*;

const USUAL: Level = Level::USUAL;

fn assert_near(found: f64, expected: f64) {
    let is_near = found == expected || (found - expected).abs() <= 1e-8 * expected.abs();
    assert!(is_near, "{found} is not {expected}");
}

/// `chi2.ppf(0.025, 2 * c) / 2`, `chi2.ppf(0.975, 2 * c + 2) / 2` of `scipy.stats`, SciPy 1.17.1.
#[test]
fn the_poisson_interval_agrees_with_scipy() {
    for (count, low, high) in [
        (0, 0.0, 3.6888794541139354),
        (1, 0.025317807984289897, 5.571643390938898),
        (2, 0.24220927854396507, 7.22468766772396),
        (10, 4.7953886961324335, 18.39035604201778),
        (100, 81.36399125092315, 121.62679379242638),
        (1_000_000, 998040.9833402939, 1001961.9119454322),
    ] {
        let interval = poisson_interval(count, USUAL);
        assert_near(interval.low, low);
        assert_near(interval.high, high);
    }
}

/// `beta.ppf(0.025, k, n - k + 1)`, `beta.ppf(0.975, k + 1, n - k)` of `scipy.stats`, SciPy 1.17.1.
#[test]
fn the_interval_of_a_share_agrees_with_scipy() {
    for (count, of, low, high) in [
        (0, 10, 0.0, 0.3084971078187607),
        (10, 10, 0.6915028921812392, 1.0),
        (3, 10, 0.0667395111777345, 0.6524528500599973),
        (1, 3, 0.008403758659612643, 0.9057006759497539),
        (50, 100, 0.398321129503301, 0.601678870496699),
        (0, 1_000_000, 0.0, 3.688872650206488e-06),
        (2, 1_000_000, 2.422093703160033e-07, 7.2246687944522814e-06),
        (500_000, 1_000_000, 0.49901951919531184, 0.5009804808046882),
    ] {
        let interval = share_interval(count, of, USUAL).unwrap();
        assert_near(interval.low, low);
        assert_near(interval.high, high);
    }
    assert_eq!(share_interval(0, 0, USUAL), None);
    assert_eq!(share_interval(2, 1, USUAL), None);
}

#[test]
fn none_of_n_is_at_most_about_three_over_n() {
    assert_near(at_most_when_none(1, USUAL), 0.95);
    // 1 - 0.05 ** (1 / 100)
    assert_near(at_most_when_none(100, USUAL), 0.029513049607037937);
    assert!((at_most_when_none(1_000_000, USUAL) * 1e6 - 2.9957).abs() < 1e-4);
    assert_eq!(at_most_when_none(0, USUAL), 1.0);
}

/// p: `min(1, 2 * min(binom.cdf(b, n, s), binom.sf(b - 1, n, s)))` with `s = eb / (ea + eb)`; ends: the share's ends from
/// `beta.ppf` as `s / (1 - s) * ea / eb`; all of `scipy.stats`, SciPy 1.17.1.
#[test]
fn two_rates_agree_with_scipy() {
    for (base, other, p, low, high) in [
        (
            (3, 10.0),
            (12, 10.0),
            0.03515625,
            1.0794727323911188,
            22.088286897741465,
        ),
        (
            (0, 10.0),
            (5, 10.0),
            0.0625,
            0.91635585731546,
            f64::INFINITY,
        ),
        ((5, 1.0), (0, 1.0), 0.0625, 0.0, 1.091279105182546),
        (
            (2, 1.0),
            (2, 1.0),
            1.0,
            0.07248495358195572,
            13.795966619049318,
        ),
        ((0, 1.0), (0, 1.0), 1.0, 0.0, f64::INFINITY),
        (
            (11, 800.0),
            (2, 1011.0),
            0.006927037563349406,
            0.01549578021742579,
            0.6592152756255861,
        ),
        (
            (150, 30.0),
            (260, 31.0),
            3.686024560369385e-07,
            1.3667974994282333,
            2.0647262026856095,
        ),
        (
            (40_000, 10.0),
            (41_000, 10.0),
            0.0004478218231375636,
            1.0109534782820586,
            1.0392422932928562,
        ),
    ] {
        let found = compare_rates(base, other, USUAL).unwrap();
        let near = |found: f64, expected: f64| {
            assert!(
                found == expected || (found / expected - 1.0).abs() < 1e-6,
                "{base:?} {other:?}: {found} {expected}"
            );
        };
        near(found.p.value, p);
        near(found.interval.low, low);
        near(found.interval.high, high);
    }
}

#[test]
fn a_rate_needs_an_exposure_and_a_ratio_a_base() {
    assert_eq!(compare_rates((1, 0.0), (1, 1.0), USUAL), None);
    assert_eq!(compare_rates((1, f64::NAN), (1, 1.0), USUAL), None);
    assert_eq!(
        compare_rates((0, 1.0), (1, 1.0), USUAL).unwrap().ratio,
        None
    );
    assert_eq!(
        compare_rates((2, 1.0), (1, 1.0), USUAL).unwrap().ratio,
        Some(0.5)
    );
}

proptest! {
    #[test]
    fn the_intervals_hold_what_was_seen(count in 0_u64..500, more in 0_u64..500) {
        prop_assert!(poisson_interval(count, USUAL).contains(count as f64));
        if let Some(interval) = share_interval(count, count + more, USUAL) {
            prop_assert!(interval.contains(count as f64 / (count + more) as f64));
        }
    }

    #[test]
    fn the_test_of_two_rates_fits_its_interval(base in 0_u64..60, other in 0_u64..60, hours in 0.1..10.0) {
        let found = compare_rates((base, 1.0), (other, hours), USUAL).unwrap();
        if (found.p.value - 0.05).abs() > 1e-6 {
            prop_assert_eq!(found.p.value < 0.05, !found.interval.contains(1.0));
        }
    }
}
