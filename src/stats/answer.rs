//! The answer to a sweep: for every pair of cells whether the second is better, worse, not shown to differ, or measured too seldom.

use std::collections::BTreeMap;

use super::blocks::joint_test;
use super::detectable::{deviation, deviations_needed};
use super::family::{Family, fewest_blocks};
use super::level::{Interval, Level, PValue, is_at_most};
use super::pairs::{Pairs, value_at};
use super::shift::{Shift, paired_ratio, paired_shift};
use super::signs::smallest_p;

/// Which values users want.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Duplicates, outage, recovery.
    LowerIsBetter,
    /// Records a second.
    HigherIsBetter,
}

/// On which scale cells are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// By how much: the noise is as large in high cells as in low ones, or values may be 0.
    Difference,
    /// How many times: the noise grows with the value, as it does with durations and counts that vary by a share. Where
    /// a value of the measure is not above 0, differences are taken instead, and the answer says so.
    Ratio,
}

/// What a sweep is asked about one measure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Question {
    /// Which values are wanted.
    pub direction: Direction,
    /// The scale of the comparison, chosen for the measure before values are seen.
    pub scale: Scale,
    /// How sure each interval is, and the answers of the whole family are.
    pub level: Level,
    /// How the pairs' p-values are adjusted.
    pub family: Family,
    /// How many measures the same sweep is asked about, this one included: each p-value is multiplied by it
    /// (Bonferroni), so that the level holds for the sweep. 1 keeps the level for each measure on its own.
    pub measures: usize,
}

/// What may be said of a pair of cells.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Answer {
    /// The second cell is better.
    Better,
    /// The second cell is worse.
    Worse,
    /// The repeats could have shown a difference and did not.
    NoDifferenceShown {
        /// The difference, in the measure's unit and in either direction, that the interval does not rule out.
        at_most: f64,
    },
    /// So few complete blocks can show no difference, however large: no p-value is small enough.
    TooFewRepeats {
        /// The complete blocks that the sweep must have before it can show one.
        needed: usize,
    },
}

/// Two cells side by side.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The first cell's place among the cells.
    pub base: usize,
    /// The second cell's place; everything is said of it, against the first.
    pub other: usize,
    /// Blocks in which both have a value.
    pub pairs: usize,
    /// Blocks that were left out since one has none.
    pub incomplete: usize,
    /// The scale on which the pair was tested.
    pub scale: Scale,
    /// By how much the second is above the first; `None` without a pair. Its interval holds for this pair alone.
    pub difference: Option<Shift>,
    /// How many times the first the second is; `None` where a value is not above 0.
    pub ratio: Option<Shift>,
    /// The exact p-value of the scale's signed-rank test, before it is adjusted.
    pub p: PValue,
    /// The p-value adjusted over all pairs and measures; the answer rests on it.
    pub adjusted_p: f64,
    /// How much the cells must differ to be told apart by this many repeats in [`POWER`](super::POWER) of the sweeps, at
    /// the family's strictest step: a difference in the measure's unit, or how many times on the ratio scale (its
    /// inverse is seen as often). It takes the differences to be normal on the scale with the deviation seen here, which so few
    /// runs give only roughly. `None` where nothing can be seen.
    pub detectable: Option<f64>,
    /// What may be said.
    pub answer: Answer,
}

/// Compares all pairs of cells of a sweep by one measure; `cells` holds each cell's values in the order of the blocks.
///
/// A pair is called better or worse where its adjusted p-value is within the level and the interval on its scale leaves
/// out "no difference". In six blocks 10, 11, 12, 13, 14, 15 against twice that: worse where lower is better, 2 times,
/// p = 0.03125.
pub fn compare(cells: &[Vec<Option<f64>>], question: &Question) -> Vec<Comparison> {
    let scale = usable_scale(cells, question.scale);
    let drafts: Vec<Comparison> = (0..cells.len())
        .flat_map(|other| (0..other).map(move |base| (base, other)))
        .map(|(base, other)| draft(cells, base, other, scale, question.level))
        .collect();
    let p: Vec<f64> = drafts.iter().map(|draft| draft.p.value).collect();
    let floors: Vec<f64> = drafts.iter().map(|draft| smallest_p(draft.pairs)).collect();
    let measures = question.measures.max(1) as f64;
    let adjust = |p: &[f64], joint: &dyn Fn() -> f64| -> Vec<f64> {
        let adjusted = question.family.adjust(p, cells.len(), joint);
        adjusted.iter().map(|p| (p * measures).min(1.0)).collect()
    };
    let adjusted = adjust(&p, &|| joint_on(cells, scale));
    let lowest = adjust(&floors, &|| 0.0);
    let reach = Reach::new(&drafts, cells.len(), question);
    drafts
        .into_iter()
        .zip(adjusted.into_iter().zip(lowest))
        .map(|(draft, (adjusted_p, lowest))| {
            let detectable = reach.detectable(cells, &draft);
            let draft = Comparison {
                adjusted_p,
                detectable,
                ..draft
            };
            let answer = answer(&draft, lowest, cells.len(), question);
            Comparison { answer, ..draft }
        })
        .collect()
}

/// Ratios only where every value of the measure is above 0. Whether that is so does not depend on which value belongs to
/// which cell, so that the tests stay exact.
fn usable_scale(cells: &[Vec<Option<f64>>], asked: Scale) -> Scale {
    let mut present = cells
        .iter()
        .flat_map(|cell| (0..cell.len()).filter_map(|at| value_at(cell, at)));
    if asked == Scale::Ratio && present.all(|value| value > 0.0) {
        Scale::Ratio
    } else {
        Scale::Difference
    }
}

fn draft(
    cells: &[Vec<Option<f64>>],
    base: usize,
    other: usize,
    scale: Scale,
    level: Level,
) -> Comparison {
    let pairs = Pairs::of(&cells[base], &cells[other]);
    let difference = paired_shift(&pairs.differences(), level);
    let ratio = paired_ratio(&pairs, level);
    let tested = if scale == Scale::Ratio {
        ratio
    } else {
        difference
    };
    Comparison {
        base,
        other,
        pairs: pairs.len(),
        incomplete: pairs.incomplete,
        scale,
        difference,
        ratio,
        p: tested.map_or(PValue::exact(1.0), |shift| shift.p),
        adjusted_p: 1.0,
        detectable: None,
        answer: Answer::TooFewRepeats { needed: 0 },
    }
}

fn joint_on(cells: &[Vec<Option<f64>>], scale: Scale) -> f64 {
    match scale {
        Scale::Difference => joint_test(cells).value,
        Scale::Ratio => {
            let logs =
                |cell: &Vec<Option<f64>>| cell.iter().map(|value| value.map(f64::ln)).collect();
            joint_test(&cells.iter().map(logs).collect::<Vec<_>>()).value
        }
    }
}

fn answer(draft: &Comparison, lowest: f64, cells: usize, question: &Question) -> Answer {
    let too_few = Answer::TooFewRepeats {
        needed: fewest_blocks(cells, question.measures, question.family, question.level),
    };
    let bounds = draft.difference.and_then(|shift| shift.interval);
    let Some(bounds) = bounds.filter(|_| is_at_most(lowest, question.level.error())) else {
        return too_few;
    };
    let side = draft
        .side()
        .filter(|_| is_at_most(draft.adjusted_p, question.level.error()));
    match (side, question.direction) {
        (None, _) => Answer::NoDifferenceShown {
            at_most: bounds.farthest(),
        },
        (Some(Side::Above), Direction::HigherIsBetter)
        | (Some(Side::Below), Direction::LowerIsBetter) => Answer::Better,
        (Some(Side::Above), Direction::LowerIsBetter)
        | (Some(Side::Below), Direction::HigherIsBetter) => Answer::Worse,
    }
}

enum Side {
    Above,
    Below,
}

impl Comparison {
    /// The shift on the scale on which the pair was tested.
    pub fn tested(&self) -> Option<Shift> {
        match self.scale {
            Scale::Difference => self.difference,
            Scale::Ratio => self.ratio,
        }
    }

    fn side(&self) -> Option<Side> {
        let Interval { low, high, .. } = self.tested()?.interval?;
        let none = match self.scale {
            Scale::Difference => 0.0,
            Scale::Ratio => 1.0,
        };
        if low > none {
            Some(Side::Above)
        } else {
            (high < none).then_some(Side::Below)
        }
    }
}

/// How many deviations can be seen, by the number of pairs.
struct Reach(BTreeMap<usize, Option<f64>>);

impl Reach {
    fn new(drafts: &[Comparison], cells: usize, question: &Question) -> Self {
        let factor = question.family.first_factor(cells) * question.measures.max(1) as f64;
        let tail = question.level.tail() / factor;
        let mut needed = BTreeMap::new();
        for draft in drafts {
            needed
                .entry(draft.pairs)
                .or_insert_with(|| deviations_needed(draft.pairs, tail));
        }
        Self(needed)
    }

    fn detectable(&self, cells: &[Vec<Option<f64>>], draft: &Comparison) -> Option<f64> {
        let needed = self.0.get(&draft.pairs).copied().flatten()?;
        let pairs = Pairs::of(&cells[draft.base], &cells[draft.other]);
        match draft.scale {
            Scale::Difference => Some(needed * deviation(&pairs.differences())?),
            Scale::Ratio => Some((needed * deviation(&pairs.log_ratios()?)?).exp()),
        }
    }
}

#[cfg(test)]
#[path = "answer_tests.rs"]
mod tests;
