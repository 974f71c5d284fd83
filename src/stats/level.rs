//! How sure an interval is, the interval itself, and a p-value with the way it was come by.

/// Chances are sums of fractions: two that are equal on paper may differ by this much in the machine.
const EQUAL: f64 = 1e-9;

/// True where a chance is no more than `most`, as it would be on paper: one in twenty is not above `1 - 0.95`.
pub(super) fn is_at_most(chance: f64, most: f64) -> bool {
    chance <= most + EQUAL
}

/// The share of intervals that are to hold the truth: above a half and below one.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Level(f64);

impl Level {
    /// 95 %, the level of everything that Squall prints unless somebody asks for another.
    pub const USUAL: Self = Self(0.95);

    /// A level as a share; `None` where it is not above a half and below one.
    pub fn new(share: f64) -> Option<Self> {
        (share > 0.5 && share < 1.0).then_some(Self(share))
    }

    /// The level as a share, 0.95 for 95 %.
    pub const fn share(self) -> f64 {
        self.0
    }

    /// How often an answer may be wrong, both sides together: 0.05 for 95 %.
    pub fn error(self) -> f64 {
        1.0 - self.0
    }

    /// The chance that one side of a two-sided interval may miss: 0.025 for 95 %.
    pub(super) fn tail(self) -> f64 {
        self.error() / 2.0
    }

    /// The two-sided level either of whose ends is a one-sided bound at this level: 90 % for 95 %.
    pub(super) fn one_sided(self) -> Option<Self> {
        Self::new(1.0 - 2.0 * self.error())
    }
}

/// From where to where the truth is, with the share of such intervals that hold it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The lower end, part of the interval.
    pub low: f64,
    /// The upper end, part of the interval; infinite where a ratio has no upper end.
    pub high: f64,
    /// The share of such intervals that hold the truth. Exact intervals come in steps, so it is at or above the level
    /// that was asked for: six pairs asked for 95 % give 96.875 %.
    pub level: f64,
}

impl Interval {
    /// Whether a value lies in the interval or at its ends.
    pub fn contains(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }

    /// The farthest that the interval goes from nought, on either side.
    pub(super) fn farthest(&self) -> f64 {
        self.low.abs().max(self.high.abs())
    }

    /// The interval of a rising function of the value, at the same level.
    pub(super) fn map(self, rising: impl Fn(f64) -> f64) -> Self {
        Self {
            low: rising(self.low),
            high: rising(self.high),
            level: self.level,
        }
    }
}

/// How a p-value was come by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Counted over every arrangement that chance could have made.
    Exact,
    /// Estimated from so many drawn arrangements, since there are too many to count; the seed is fixed, so that the
    /// same values give the same answer.
    Simulated {
        /// How many arrangements were drawn.
        draws: u32,
    },
}

/// The chance of values as far apart as these where nothing but chance sets them apart, both directions together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PValue {
    /// The chance, above 0 and at most 1.
    pub value: f64,
    /// How it was come by.
    pub source: Source,
}

impl PValue {
    pub(super) fn exact(value: f64) -> Self {
        Self {
            value: value.min(1.0),
            source: Source::Exact,
        }
    }

    /// From drawn arrangements of which `as_far` were as far out as the observed one, which counts as one of them, so
    /// that the value is never 0 and never too small (Phipson and Smyth 2010, "Permutation p-values should never be
    /// zero", Statistical Applications in Genetics and Molecular Biology 9(1)).
    pub(super) fn simulated(as_far: u32, draws: u32) -> Self {
        Self {
            value: f64::from(as_far + 1) / f64::from(draws + 1),
            source: Source::Simulated { draws },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_above_a_half_and_below_one() {
        assert_eq!(Level::new(0.95), Some(Level::USUAL));
        for wrong in [0.0, 0.5, 1.0, 95.0, f64::NAN] {
            assert_eq!(Level::new(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn one_in_twenty_is_not_above_what_ninety_five_percent_leave() {
        assert!(is_at_most(0.1, 1.0 - 0.9));
        assert!(!is_at_most(0.0501, 0.05));
    }

    #[test]
    fn a_simulated_p_value_counts_the_observed_arrangement() {
        assert_eq!(PValue::simulated(0, 9_999).value, 0.0001);
    }
}
