//! Intervals and tests for things that are counted: losses, hanging stops, repeats.

use statrs::function::beta::beta_reg;
use statrs::function::gamma::gamma_lr;

use super::level::{Interval, Level, PValue};

/// Halvings until a bound no longer moves: more than a number has digits.
const HALVINGS: usize = 200;

/// The interval of the number that is to be expected where `count` came: Garwood 1936, "Fiducial limits for the Poisson
/// distribution", Biometrika 28(3/4). Divide by hours or records for a rate.
///
/// None came: 0 to 3.689. Ten came: 4.795 to 18.39.
pub fn poisson_interval(count: u64, level: Level) -> Interval {
    let tail = level.tail();
    let most = count as f64 + 1.0;
    // The chance of at least `shape` events where `mean` are expected rises with the mean.
    let mean_where = |shape: f64, chance: f64| {
        let above = 2.0 * (shape + 10.0 * shape.sqrt() + 50.0 - chance.ln());
        root(0.0, above, |mean| gamma_lr(shape, mean) >= chance)
    };
    Interval {
        low: if count == 0 {
            0.0
        } else {
            mean_where(count as f64, tail)
        },
        high: mean_where(most, 1.0 - tail),
        level: level.share(),
    }
}

/// The interval of a share of which `count` of `of` were seen: Clopper and Pearson 1934, "The use of confidence or fiducial
/// limits illustrated in the case of the binomial", Biometrika 26(4). `None` where there was nothing to see or more was
/// seen than there was.
///
/// 3 of 10: 6.67 % to 65.25 %.
pub fn share_interval(count: u64, of: u64, level: Level) -> Option<Interval> {
    let rest = of.checked_sub(count).filter(|_| of > 0)?;
    let (count, rest, tail) = (count as f64, rest as f64, level.tail());
    Some(Interval {
        low: if count == 0.0 {
            0.0
        } else {
            share_where(count, rest + 1.0, tail)
        },
        high: if rest == 0.0 {
            1.0
        } else {
            share_where(count + 1.0, rest, 1.0 - tail)
        },
        level: level.share(),
    })
}

/// The share at which the regularised incomplete beta function reaches a chance.
fn share_where(a: f64, b: f64, chance: f64) -> f64 {
    root(0.0, 1.0, |share| beta_reg(a, b, share) >= chance)
}

/// The most that a share can be where none of `of` was seen, as a one-sided bound: 1 − 0.05^(1/N) at 95 %, which is the
/// "rule of three", 3 / N, without its rounding (Hanley and Lippman-Hand 1983, "If nothing goes wrong, is everything all
/// right?", JAMA 249(13)). Of nothing it can be all.
///
/// 0 of 100: at most 2.95 %. 0 of 1,000,000: at most 0.0003 %.
pub fn at_most_when_none(of: u64, level: Level) -> f64 {
    if of == 0 {
        return 1.0;
    }
    // 1 - e^x without losing the digits of a small share.
    -(level.error().ln() / of as f64).exp_m1()
}

/// One rate against another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RateRatio {
    /// How many times the base rate the other is; `None` where nothing came on the base's side.
    pub ratio: Option<f64>,
    /// The exact interval, whose upper end is infinite where nothing came on the base's side.
    pub interval: Interval,
    /// The exact p-value against equal rates. It is twice the smaller tail, so that it fits the interval; R's
    /// `poisson.test` adds up the less likely outcomes and may print a smaller one.
    pub p: PValue,
}

/// Whether events come at another rate in `other` than in `base`, each a count and what it was counted over (hours, faults,
/// records): given the sum, the other's count is binomial. Przyborowski and Wilenski 1940, "Homogeneity of results in
/// testing samples from Poisson series", Biometrika 31(3/4); the interval is Clopper and Pearson's for the share, turned
/// into a ratio. `None` where an exposure is not above 0.
///
/// 3 in 10 h against 12 in 10 h: 4 times (1.08 to 22.1), p = 0.0352.
pub fn compare_rates(base: (u64, f64), other: (u64, f64), level: Level) -> Option<RateRatio> {
    let usable = |exposure: f64| exposure > 0.0 && exposure.is_finite();
    if !usable(base.1) || !usable(other.1) {
        return None;
    }
    let to_ratio = |share: f64| share / (1.0 - share) * base.1 / other.1;
    let shares = share_interval(other.0, base.0 + other.0, level).unwrap_or(Interval {
        low: 0.0,
        high: 1.0,
        level: 1.0,
    });
    Some(RateRatio {
        ratio: (base.0 > 0).then(|| other.0 as f64 / other.1 / (base.0 as f64 / base.1)),
        interval: shares.map(to_ratio),
        p: PValue::exact(two_tails(base.0, other.0, other.1 / (base.1 + other.1))),
    })
}

/// Twice the smaller binomial tail of `other` of the sum, each with chance `share`.
fn two_tails(base: u64, other: u64, share: f64) -> f64 {
    let (base, other) = (base as f64, other as f64);
    let at_least = if other == 0.0 {
        1.0
    } else {
        beta_reg(other, base + 1.0, share)
    };
    let at_most = if base == 0.0 {
        1.0
    } else {
        beta_reg(base, other + 1.0, 1.0 - share)
    };
    2.0 * at_least.min(at_most)
}

/// Where a rising yes-or-no turns to yes, by halving. Halving in place of a library's quantile, since that of the beta
/// distribution is wrong in the fourth digit at two of a million.
fn root(mut low: f64, mut high: f64, is_reached: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..HALVINGS {
        let between = f64::midpoint(low, high);
        if between <= low || between >= high {
            break;
        }
        if is_reached(between) {
            high = between;
        } else {
            low = between;
        }
    }
    high
}

#[cfg(test)]
#[path = "counts_tests.rs"]
mod tests;
