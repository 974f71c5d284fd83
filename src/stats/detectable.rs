//! How much two cells must differ for a sweep of this size to show it.

use super::draws::Draws;
use super::shift::{left_off, walsh_averages};

/// In what share of sweeps a difference that "can be seen" is seen: four in five, as Cohen 1988, *Statistical Power Analysis
/// for the Behavioral Sciences*, proposed.
pub const POWER: f64 = 0.8;

/// How many sweeps are simulated: the result is right to about two hundredths.
const SWEEPS: usize = 2_000;
const SEED: u64 = 0x706f_7765;

/// How many deviations of the differences the truth must be away from none for the signed-rank test to show it in
/// [`POWER`] of the sweeps, where the differences are normal. `None` where so few pairs can show nothing at this tail.
///
/// The test shows a shift where all but `left_off` of the Walsh averages are on its side. So each simulated sweep of
/// noise has one shift from which on it is shown, and the answer is the quantile of those: no search is needed.
/// Six pairs at 95 % need all on one side, for which Φ(x)⁶ = 0.8 gives 1.79.
pub(super) fn deviations_needed(pairs: usize, tail: f64) -> Option<f64> {
    let left_off = left_off(pairs, tail)?;
    let mut draws = Draws::new(SEED);
    let mut needed: Vec<f64> = (0..SWEEPS)
        .map(|_| {
            let noise: Vec<f64> = (0..pairs).map(|_| draws.normal()).collect();
            let mut averages = walsh_averages(&noise);
            -*averages.select_nth_unstable_by(left_off, f64::total_cmp).1
        })
        .collect();
    needed.sort_by(f64::total_cmp);
    needed.get((SWEEPS as f64 * POWER) as usize).copied()
}

/// The deviation of the differences about their mean; `None` below two.
pub(super) fn deviation(differences: &[f64]) -> Option<f64> {
    let count = differences.len() as f64;
    if count < 2.0 {
        return None;
    }
    let mean = differences.iter().sum::<f64>() / count;
    let squares = differences.iter().map(|value| (value - mean).powi(2));
    Some((squares.sum::<f64>() / (count - 1.0)).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The root of Φ(x)⁶ = 0.8 is 1.7927: `scipy.stats.norm.ppf(0.8 ** (1 / 6))`, SciPy 1.17.1.
    #[test]
    fn six_pairs_show_one_point_eight_deviations() {
        let needed = deviations_needed(6, 0.025).unwrap();
        assert!((needed - 1.79).abs() < 0.05, "{needed}");
    }

    #[test]
    fn five_pairs_show_nothing_and_more_pairs_show_less() {
        assert_eq!(deviations_needed(5, 0.025), None);
        let needed = [6, 10, 20].map(|pairs| deviations_needed(pairs, 0.025).unwrap());
        assert!(needed.is_sorted_by(|more, less| more > less), "{needed:?}");
    }

    #[test]
    fn the_deviation_divides_by_one_less_than_there_are() {
        assert_eq!(deviation(&[1.0, 3.0]), Some(2.0_f64.sqrt()));
        assert_eq!(deviation(&[1.0]), None);
    }
}
