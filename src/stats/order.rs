//! The median of a cell, and the interval between two of its own values that holds the true one.

use statrs::function::beta::beta_reg;

use super::level::{Interval, Level, is_at_most};
use super::pairs::present;

/// The median of a cell's runs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Median {
    /// The middle value; the mean of the two in the middle where their number is even.
    pub value: f64,
    /// The exact interval; `None` where so few values have none at the level that was asked for.
    pub interval: Option<Interval>,
    /// How many values it was taken from.
    pub values: usize,
    /// How many values are missing.
    pub missing: usize,
}

/// The median with its order-statistic interval: Thompson 1936, "On confidence ranges for the median", Annals of
/// Mathematical Statistics 7(3); David and Nagaraja 2003, *Order Statistics*, §7.1.
///
/// As many values are left off at either end as a fair coin allows: each is below the true median by chance 1/2,
/// whatever the distribution. With few values its steps are wide: seven give 98.4 %. At 95 % there is an interval from six values on. `None` where every value is missing.
///
/// 3, 1, 4, 1, 5, 9: median 3.5, interval 1 to 9 at 96.875 %.
pub fn median(cell: &[Option<f64>], level: Level) -> Option<Median> {
    let (mut values, missing) = present(cell);
    if values.is_empty() {
        return None;
    }
    values.sort_by(f64::total_cmp);
    Some(Median {
        value: middle(&values),
        interval: interval(&values, level),
        values: values.len(),
        missing,
    })
}

fn interval(sorted: &[f64], level: Level) -> Option<Interval> {
    let last = sorted.len() - 1;
    let tails =
        (0..sorted.len() / 2).map(|left_off| (left_off, half_or_less(left_off, sorted.len())));
    let (left_off, beyond) = tails
        .take_while(|(_, beyond)| is_at_most(*beyond, level.tail()))
        .last()?;
    Some(Interval {
        low: sorted[left_off],
        high: sorted[last - left_off],
        level: 1.0 - 2.0 * beyond,
    })
}

/// The chance that at most so many of all fair coins show heads.
fn half_or_less(heads: usize, coins: usize) -> f64 {
    beta_reg((coins - heads) as f64, (heads + 1) as f64, 0.5)
}

/// The middle of sorted values, of which there is at least one.
pub(super) fn middle(sorted: &[f64]) -> f64 {
    let half = sorted.len() / 2;
    if sorted.len().is_multiple_of(2) {
        f64::midpoint(sorted[half - 1], sorted[half])
    } else {
        sorted[half]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[f64]) -> Median {
        let cell: Vec<Option<f64>> = values.iter().copied().map(Some).collect();
        median(&cell, Level::USUAL).unwrap()
    }

    #[test]
    fn six_values_hold_the_true_median_between_their_ends_at_31_of_32() {
        let found = of(&[3.0, 1.0, 4.0, 1.0, 5.0, 9.0]);
        assert_eq!(found.value, 3.5);
        let interval = found.interval.unwrap();
        assert_eq!((interval.low, interval.high), (1.0, 9.0));
        assert!((interval.level - 0.96875).abs() < 1e-12);
    }

    #[test]
    fn five_values_have_no_interval_at_ninety_five_percent() {
        assert_eq!(of(&[1.0, 2.0, 3.0, 4.0, 5.0]).interval, None);
    }

    /// Levels: `1 - 2 * scipy.stats.binom.cdf(left_off, n, 0.5)`, SciPy 1.17.1.
    #[test]
    fn the_interval_takes_the_values_that_the_coin_allows() {
        for (count, low, level) in [
            (8, 1.0, 0.9921875),
            (9, 2.0, 0.9609375),
            (20, 6.0, 0.958610534667969),
            (1_000, 469.0, 0.953708802639652),
        ] {
            let values: Vec<f64> = (1..=count).map(f64::from).collect();
            let interval = of(&values).interval.unwrap();
            assert_eq!(
                (interval.low, interval.high),
                (low, f64::from(count) + 1.0 - low),
                "{count}"
            );
            assert!(
                (interval.level - level).abs() < 1e-9,
                "{count}: {}",
                interval.level
            );
        }
    }

    #[test]
    fn missing_values_are_counted_and_none_at_all_have_no_median() {
        let found = median(&[None, Some(2.0), Some(f64::INFINITY)], Level::USUAL).unwrap();
        assert_eq!((found.value, found.values, found.missing), (2.0, 1, 2));
        assert_eq!(median(&[None], Level::USUAL), None);
    }
}
