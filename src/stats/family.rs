//! Many pairs, one answer: p-values adjusted so that a whole sweep errs no more often than one comparison may.

use std::collections::BTreeSet;

use super::level::{Level, is_at_most};
use super::signs::smallest_p;

/// How the p-values of a sweep's pairs are adjusted; either keeps the chance of a single wrong "better" or "worse" among
/// all pairs below the level, whichever cells truly differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Holm's step-down: the smallest p-value times the number of pairs, the next times one fewer, and so on. Takes the
    /// most repeats: three cells show nothing below seven.
    Holm,
    /// First whether the cells differ at all ([`joint_test`](super::joint_test)), then Holm's steps with the factors that
    /// are possible for pairs: if one of three cells differs, it does so from two. Three cells can answer with six repeats;
    /// two are a single pair, which needs no joint test.
    AfterJoint,
}

/// Holm's adjusted p-values, in the order given: Holm 1979, "A simple sequentially rejective multiple test procedure",
/// Scandinavian Journal of Statistics 6(2).
///
/// 0.01, 0.04, 0.03 become 0.03, 0.06, 0.06.
pub fn holm(p: &[f64]) -> Vec<f64> {
    step_down(p, |place| p.len() - place)
}

/// The adjusted p-values of all pairs of `cells` cells where a joint test of all cells came first: Shaffer 1986,
/// "Modified sequentially rejective multiple test procedures", JASA 81(395), where the joint test is proposed; Holland and
/// Copenhaver 1987, "An improved sequentially rejective Bonferroni test procedure", Biometrics 43(2).
///
/// Pairs hang together: of four cells' six pairs 0, 1, 2, 3 or 6 can be without a difference, never 4 or 5. So each step
/// multiplies by the most that can still be, and no pair is below the joint p-value.
///
/// Three cells, 0.01, 0.04, 0.03 with joint 0.02 become 0.02, 0.04, 0.03.
pub fn shaffer_after_joint(p: &[f64], cells: usize, joint: f64) -> Vec<f64> {
    let possible = alike(cells);
    let adjusted = step_down(p, |place| {
        // At the first step the joint test has already found that one pair differs.
        let left = p.len() - place.max(1);
        possible
            .range(..=left)
            .next_back()
            .copied()
            .unwrap_or(1)
            .max(1)
    });
    adjusted.iter().map(|p| p.max(joint)).collect()
}

/// How many of the pairs of so many cells can be without a difference: one number for each way to sort cells into groups
/// of equals.
fn alike(cells: usize) -> BTreeSet<usize> {
    let mut numbers = vec![BTreeSet::from([0])];
    for count in 1..=cells {
        let with_group = |size: usize| {
            let rest = numbers[count - size].iter();
            rest.map(move |rest| rest + size * (size - 1) / 2)
        };
        numbers.push((1..=count).flat_map(with_group).collect());
    }
    numbers.pop().unwrap_or_default()
}

/// Each p-value times the factor of its place, smallest first, none below the one before, at most 1.
fn step_down(p: &[f64], factor: impl Fn(usize) -> usize) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|a, b| p[*a].total_cmp(&p[*b]));
    let mut adjusted = vec![1.0; p.len()];
    let mut least = 0.0_f64;
    for (place, at) in order.into_iter().enumerate() {
        least = least.max(p[at] * factor(place) as f64).min(1.0);
        adjusted[at] = least;
    }
    adjusted
}

impl Family {
    /// The adjusted p-values of all pairs of so many cells; `joint` is asked for only where it is needed.
    pub(super) fn adjust(self, p: &[f64], cells: usize, joint: impl FnOnce() -> f64) -> Vec<f64> {
        match self {
            Self::AfterJoint if cells > 2 => shaffer_after_joint(p, cells, joint()),
            Self::AfterJoint | Self::Holm => holm(p),
        }
    }

    /// What the smallest p-value of so many cells is multiplied by.
    pub(super) fn first_factor(self, cells: usize) -> f64 {
        let pairs = vec![1e-300; cells * cells.saturating_sub(1) / 2];
        let adjusted = self.adjust(&pairs, cells, || 0.0);
        adjusted.first().map_or(1.0, |p| p / 1e-300)
    }
}

/// The fewest complete blocks with which a sweep of so many cells, judged by so many measures, can call any pair better
/// or worse at this level. Below it every answer is [`TooFewRepeats`](super::Answer::TooFewRepeats), whatever is measured.
///
/// Two cells: 6 at 95 %. Three cells: 7 by [`Family::Holm`], 6 by [`Family::AfterJoint`].
pub fn fewest_blocks(cells: usize, measures: usize, family: Family, level: Level) -> usize {
    let factor = family.first_factor(cells) * measures.max(1) as f64;
    (1..1_000)
        .find(|blocks| is_at_most(smallest_p(*blocks) * factor, level.error()))
        .unwrap_or(1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_close(found: &[f64], expected: &[f64]) {
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
    }

    #[test]
    fn holm_multiplies_by_what_is_left_and_never_falls() {
        assert_close(&holm(&[0.01, 0.04, 0.03]), &[0.03, 0.06, 0.06]);
        assert_close(&holm(&[0.5, 0.6]), &[1.0, 1.0]);
        assert_close(&holm(&[]), &[]);
        // R 4: p.adjust(c(0.001, 0.008, 0.039, 0.041, 0.042, 0.06), "holm")
        let six = holm(&[0.001, 0.008, 0.039, 0.041, 0.042, 0.06]);
        assert_close(&six, &[0.006, 0.04, 0.156, 0.156, 0.156, 0.156]);
    }

    #[test]
    fn pairs_hang_together() {
        assert_eq!(alike(3), BTreeSet::from([0, 1, 3]));
        assert_eq!(alike(4), BTreeSet::from([0, 1, 2, 3, 6]));
        // Shaffer 1986, table 1.
        assert_eq!(alike(5), BTreeSet::from([0, 1, 2, 3, 4, 6, 10]));
    }

    #[test]
    fn after_a_joint_test_three_cells_pay_nothing_more() {
        let adjusted = shaffer_after_joint(&[0.01, 0.04, 0.03], 3, 0.02);
        assert_close(&adjusted, &[0.02, 0.04, 0.03]);
    }

    #[test]
    fn four_cells_pay_three_until_few_pairs_are_left() {
        let adjusted = shaffer_after_joint(&[0.01; 6], 4, 0.001);
        assert_close(&adjusted, &[0.03; 6]);
        let falling = shaffer_after_joint(&[1e-5, 1e-4, 1e-3, 1e-2, 0.02, 0.03], 4, 0.0);
        assert_close(&falling, &[3e-5, 3e-4, 3e-3, 0.03, 0.04, 0.04]);
    }

    #[test]
    fn the_fewest_blocks_are_known_before_the_first_run() {
        for (cells, measures, family, blocks) in [
            (2, 1, Family::Holm, 6),
            (3, 1, Family::Holm, 7),
            (3, 1, Family::AfterJoint, 6),
            (3, 3, Family::Holm, 9),
            (3, 3, Family::AfterJoint, 7),
            (4, 1, Family::Holm, 8),
            (4, 1, Family::AfterJoint, 7),
            (5, 1, Family::Holm, 9),
        ] {
            assert_eq!(
                fewest_blocks(cells, measures, family, Level::USUAL),
                blocks,
                "{cells} {measures} {family:?}"
            );
        }
    }
}
