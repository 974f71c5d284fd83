//! Whether one cell is no worse than another by more than a user allows.

use super::answer::Direction;
use super::level::{Interval, Level, is_at_most};
use super::order::median;
use super::pairs::{Pairs, present};
use super::shift::{Shift, paired_ratio, paired_shift, unpaired_ratio, unpaired_shift};
use super::signs::smallest_p;

/// How much worse is not yet too much.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Margin {
    /// So much in the measure's unit.
    By(f64),
    /// This share of the base's value, 0.2 for 20 %.
    Share(f64),
}

/// Whether the values of two sides belong together block by block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contrast {
    /// As in a sweep: the n-th value of either side comes from the same block.
    Paired,
    /// As between two nights: the sides have nothing in common but the scenario.
    Unpaired,
}

/// The answer to "no worse than".
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum NoWorse {
    /// It is no worse than allowed: the whole interval lies within the margin.
    Shown(Bounds),
    /// It is worse than allowed: the whole interval lies beyond the margin.
    WorseThanAllowed(Bounds),
    /// The interval lies on both sides of the margin.
    CannotTell(Bounds),
    /// There is no interval with so few values.
    TooFewRepeats {
        /// The values that each side must have.
        needed: usize,
    },
}

/// What an answer rests on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    /// How many times the base, or by how much above it where `is_ratio` is not set.
    pub interval: Interval,
    /// Where the margin lies on the same scale.
    pub limit: f64,
    /// Whether interval and limit are ratios.
    pub is_ratio: bool,
}

/// Whether `other` is no worse than `base` by more than the margin. Each end of the interval is a one-sided bound at the
/// level, so at 95 % it is the exact 90 % interval of the Hodges–Lehmann shift: Schuirmann 1987, "A comparison of the two
/// one-sided tests procedure …", Journal of Pharmacokinetics and Biopharmaceutics 15(6). At 95 % it takes five pairs, or three
/// values against three.
///
/// A share is judged on the ratio. Where a value is not above 0 there is none, and it is judged on the difference, against that
/// share of the base's median.
///
/// Eight pairs whose ratios lie between 1 and 1.02, 20 % allowed: shown.
pub fn no_worse(
    base: &[Option<f64>],
    other: &[Option<f64>],
    contrast: Contrast,
    margin: Margin,
    direction: Direction,
    level: Level,
) -> NoWorse {
    let too_few = NoWorse::TooFewRepeats {
        needed: needed(contrast, level),
    };
    let Some(inner) = level.one_sided() else {
        return too_few;
    };
    let sides = Sides {
        base,
        other,
        contrast,
        level: inner,
    };
    let sign = match direction {
        Direction::LowerIsBetter => 1.0,
        Direction::HigherIsBetter => -1.0,
    };
    let ratio = match margin {
        Margin::Share(share) => sides.ratio().map(|shift| (shift, 1.0 + sign * share)),
        Margin::By(_) => None,
    };
    let is_ratio = ratio.is_some();
    let Some((shift, limit)) =
        ratio.or_else(|| Some((sides.difference()?, sign * sides.allowed(margin)?)))
    else {
        return too_few;
    };
    match shift.interval {
        Some(interval) => judge(
            Bounds {
                interval,
                limit,
                is_ratio,
            },
            direction,
        ),
        None => too_few,
    }
}

fn judge(bounds: Bounds, direction: Direction) -> NoWorse {
    let Bounds {
        interval, limit, ..
    } = bounds;
    let (within, beyond) = match direction {
        Direction::LowerIsBetter => (interval.high <= limit, interval.low > limit),
        Direction::HigherIsBetter => (interval.low >= limit, interval.high < limit),
    };
    match (within, beyond) {
        (true, _) => NoWorse::Shown(bounds),
        (false, true) => NoWorse::WorseThanAllowed(bounds),
        (false, false) => NoWorse::CannotTell(bounds),
    }
}

struct Sides<'a> {
    base: &'a [Option<f64>],
    other: &'a [Option<f64>],
    contrast: Contrast,
    level: Level,
}

impl Sides<'_> {
    fn difference(&self) -> Option<Shift> {
        match self.contrast {
            Contrast::Paired => {
                paired_shift(&Pairs::of(self.base, self.other).differences(), self.level)
            }
            Contrast::Unpaired => {
                unpaired_shift(&present(self.base).0, &present(self.other).0, self.level)
            }
        }
    }

    fn ratio(&self) -> Option<Shift> {
        match self.contrast {
            Contrast::Paired => paired_ratio(&Pairs::of(self.base, self.other), self.level),
            Contrast::Unpaired => {
                unpaired_ratio(&present(self.base).0, &present(self.other).0, self.level)
            }
        }
    }

    /// The margin in the measure's unit.
    fn allowed(&self, margin: Margin) -> Option<f64> {
        match margin {
            Margin::By(by) => Some(by),
            Margin::Share(share) => Some(share * median(self.base, self.level)?.value.abs()),
        }
    }
}

/// The fewest values a side, as many on either, that have a one-sided bound at the level.
fn needed(contrast: Contrast, level: Level) -> usize {
    let chance = |values: usize| match contrast {
        Contrast::Paired => smallest_p(values) / 2.0,
        // One of all ways to choose n of 2n.
        Contrast::Unpaired => (1..=values)
            .map(|k| k as f64 / (values + k) as f64)
            .product(),
    };
    (1..1_000)
        .find(|values| is_at_most(chance(*values), level.error()))
        .unwrap_or(1_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Contrast::{Paired, Unpaired};
    use Direction::{HigherIsBetter, LowerIsBetter};

    fn times(factor: f64, count: usize) -> (Vec<Option<f64>>, Vec<Option<f64>>) {
        let base: Vec<f64> = (0..count).map(|block| 10.0 + block as f64 / 10.0).collect();
        let wobble = |block: usize| 1.0 + 0.01 * (block % 3) as f64;
        let other = base
            .iter()
            .enumerate()
            .map(|(block, value)| Some(value * factor * wobble(block)));
        let other = other.collect();
        (base.into_iter().map(Some).collect(), other)
    }

    fn ask(
        factor: f64,
        count: usize,
        contrast: Contrast,
        margin: Margin,
        direction: Direction,
    ) -> NoWorse {
        let (base, other) = times(factor, count);
        no_worse(&base, &other, contrast, margin, direction, Level::USUAL)
    }

    #[test]
    fn what_lies_within_the_margin_is_no_worse_and_what_lies_beyond_is() {
        let fifth = Margin::Share(0.2);
        for contrast in [Paired, Unpaired] {
            assert!(matches!(
                ask(1.0, 8, contrast, fifth, LowerIsBetter),
                NoWorse::Shown(_)
            ));
            assert!(matches!(
                ask(1.4, 8, contrast, fifth, LowerIsBetter),
                NoWorse::WorseThanAllowed(_)
            ));
            assert!(matches!(
                ask(1.19, 8, contrast, fifth, LowerIsBetter),
                NoWorse::CannotTell(_)
            ));
            assert!(matches!(
                ask(1.4, 8, contrast, fifth, HigherIsBetter),
                NoWorse::Shown(_)
            ));
            assert!(matches!(
                ask(0.5, 8, contrast, fifth, HigherIsBetter),
                NoWorse::WorseThanAllowed(_)
            ));
        }
    }

    #[test]
    fn a_margin_in_the_unit_is_judged_on_the_difference() {
        let NoWorse::Shown(bounds) = ask(1.0, 8, Paired, Margin::By(0.5), LowerIsBetter) else {
            panic!("not shown");
        };
        assert!(!bounds.is_ratio);
        assert_eq!(bounds.limit, 0.5);
    }

    #[test]
    fn with_values_of_nought_a_share_is_one_of_the_median() {
        let base: Vec<Option<f64>> = [0.0, 10.0, 10.0, 10.0, 12.0].map(Some).to_vec();
        let NoWorse::Shown(bounds) = no_worse(
            &base,
            &base,
            Paired,
            Margin::Share(0.2),
            LowerIsBetter,
            Level::USUAL,
        ) else {
            panic!("not shown");
        };
        assert_eq!((bounds.limit, bounds.is_ratio), (2.0, false));
    }

    #[test]
    fn five_pairs_or_three_against_three_are_the_fewest() {
        let fifth = Margin::Share(0.2);
        for (contrast, fewest) in [(Paired, 5), (Unpaired, 3)] {
            let below = ask(1.0, fewest - 1, contrast, fifth, LowerIsBetter);
            assert_eq!(below, NoWorse::TooFewRepeats { needed: fewest });
            assert!(matches!(
                ask(1.0, fewest, contrast, fifth, LowerIsBetter),
                NoWorse::Shown(_)
            ));
        }
        let none = no_worse(&[None], &[None], Paired, fifth, LowerIsBetter, Level::USUAL);
        assert_eq!(none, NoWorse::TooFewRepeats { needed: 5 });
    }
}
