//! How much a measure changes with a numeric setting: the slope over the axis, block by block.

use super::answer::Scale;
use super::level::Level;
use super::order::middle;
use super::pairs::value_at;
use super::shift::{Shift, paired_shift};

/// A slope over a numeric axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dose {
    /// By how much the measure rises with each unit of the axis, or on the ratio scale how many times; with interval and
    /// p-value against no change.
    pub slope: Shift,
    /// The blocks that it was taken from.
    pub blocks: usize,
    /// The blocks that were left out since a cell is missing there.
    pub incomplete: usize,
    /// The scale on which it was taken.
    pub scale: Scale,
}

/// The slope of a measure over an axis with one cell at each of its values. Each complete block gives one slope, the
/// median of the slopes between its points (Theil 1950, "A rank-invariant method of linear and polynomial regression
/// analysis", Indagationes Mathematicae 12; Sen 1968, "Estimates of the regression coefficient based on Kendall's tau",
/// JASA 63), so that what a whole block has in common is gone; the blocks' slopes give estimate, exact interval and
/// p-value as [`paired_shift`] does. It takes them to lie evenly about the true one.
///
/// On [`Scale::Ratio`] the measure's logarithm is taken, so the slope is a factor for each unit; where a value is not above
/// 0, differences. Whoever wants "times for each doubling" gives the axis as base-2 logarithms. `None` where no block is
/// complete or all cells stand at one place.
///
/// At 1, 2 and 4 the values 2, 4 and 8 in six blocks: a slope of 2.
pub fn dose(axis: &[f64], cells: &[Vec<Option<f64>>], scale: Scale, level: Level) -> Option<Dose> {
    let count = cells.iter().map(Vec::len).max()?;
    let block = |at: usize| -> Option<Vec<f64>> {
        let values = cells.iter().map(|cell| value_at(cell, at));
        values.collect()
    };
    let complete: Vec<Vec<f64>> = (0..count).filter_map(block).collect();
    let is_positive = complete.iter().flatten().all(|value| *value > 0.0);
    let scale = if is_positive {
        scale
    } else {
        Scale::Difference
    };
    let slopes: Option<Vec<f64>> = complete
        .iter()
        .map(|values| match scale {
            Scale::Difference => slope(axis, values),
            Scale::Ratio => slope(
                axis,
                &values.iter().map(|value| value.ln()).collect::<Vec<_>>(),
            ),
        })
        .collect();
    let slope = paired_shift(&slopes?, level)?;
    Some(Dose {
        slope: if scale == Scale::Ratio {
            slope.exp()
        } else {
            slope
        },
        blocks: complete.len(),
        incomplete: count - complete.len(),
        scale,
    })
}

/// The median of the slopes between all points that are not above each other; `None` where there are none.
fn slope(axis: &[f64], values: &[f64]) -> Option<f64> {
    let points: Vec<(f64, f64)> = axis.iter().copied().zip(values.iter().copied()).collect();
    let mut slopes: Vec<f64> = (0..points.len())
        .flat_map(|one| (0..one).map(move |other| (one, other)))
        .map(|(one, other)| {
            (
                points[one].0 - points[other].0,
                points[one].1 - points[other].1,
            )
        })
        .filter(|(run, _)| *run != 0.0)
        .map(|(run, rise)| rise / run)
        .collect();
    slopes.sort_by(f64::total_cmp);
    (!slopes.is_empty()).then(|| middle(&slopes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(blocks: &[[f64; 3]]) -> Vec<Vec<Option<f64>>> {
        let cell = |at: usize| blocks.iter().map(|block| Some(block[at])).collect();
        (0..3).map(cell).collect()
    }

    #[test]
    fn a_line_has_its_slope_whatever_a_block_adds_to_all_its_cells() {
        let blocks: Vec<[f64; 3]> = (0..6)
            .map(|block| [2.0, 4.0, 8.0].map(|value| value + f64::from(block * block)))
            .collect();
        let dose = dose(
            &[1.0, 2.0, 4.0],
            &cells(&blocks),
            Scale::Difference,
            Level::USUAL,
        )
        .unwrap();
        assert_eq!(dose.slope.estimate, 2.0);
        assert_eq!(dose.slope.p.value, 0.03125);
        let interval = dose.slope.interval.unwrap();
        assert_eq!((interval.low, interval.high), (2.0, 2.0));
    }

    /// `scipy.stats.theilslopes([2, 9, 61], [1, 10, 60])` gives 1, SciPy 1.17.1.
    #[test]
    fn the_slope_of_a_block_is_the_median_of_the_slopes_between_its_points() {
        let found = slope(&[1.0, 10.0, 60.0], &[2.0, 9.0, 61.0]).unwrap();
        assert!((found - 1.0).abs() < 1e-12, "{found}");
    }

    #[test]
    fn on_the_ratio_scale_the_slope_is_how_many_times_a_unit() {
        let blocks: Vec<[f64; 3]> = (1..=6)
            .map(|block| [1.0, 2.0, 8.0].map(|value| value * f64::from(block)))
            .collect();
        let dose = dose(
            &[0.0, 1.0, 3.0],
            &cells(&blocks),
            Scale::Ratio,
            Level::USUAL,
        )
        .unwrap();
        assert!((dose.slope.estimate - 2.0).abs() < 1e-12);
        assert_eq!(dose.scale, Scale::Ratio);
    }

    #[test]
    fn a_block_without_a_cell_is_left_out_and_counted() {
        let mut cells = cells(&[[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]]);
        cells[1][0] = None;
        let found = dose(&[1.0, 2.0, 3.0], &cells, Scale::Difference, Level::USUAL).unwrap();
        assert_eq!((found.blocks, found.incomplete), (1, 1));
        assert_eq!(found.slope.interval, None, "one block has no interval");
        assert_eq!(
            dose(&[1.0, 1.0, 1.0], &cells, Scale::Difference, Level::USUAL),
            None
        );
    }

    #[test]
    fn a_value_of_nought_is_compared_by_differences() {
        let cells = cells(&[[0.0, 2.0, 3.0]]);
        let found = dose(&[1.0, 2.0, 3.0], &cells, Scale::Ratio, Level::USUAL).unwrap();
        assert_eq!(found.scale, Scale::Difference);
    }
}
