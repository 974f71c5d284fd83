//! The values of two cells block by block, and what had to be left out because one of the two is missing.

/// Two cells' values from the blocks in which both have one.
#[derive(Debug, Clone, PartialEq)]
pub struct Pairs {
    /// The first cell's values, one a complete block.
    pub base: Vec<f64>,
    /// The second cell's values from the same blocks.
    pub other: Vec<f64>,
    /// The blocks that were left out since at least one of the two values is missing. A value that is no finite number
    /// is missing.
    pub incomplete: usize,
}

impl Pairs {
    /// The complete pairs of two cells whose values are in the order of the blocks. Where one cell has fewer blocks
    /// than the other, its further ones are missing.
    pub fn of(base: &[Option<f64>], other: &[Option<f64>]) -> Self {
        let mut pairs = Self {
            base: Vec::new(),
            other: Vec::new(),
            incomplete: 0,
        };
        for block in 0..base.len().max(other.len()) {
            match (value_at(base, block), value_at(other, block)) {
                (Some(base), Some(other)) => {
                    pairs.base.push(base);
                    pairs.other.push(other);
                }
                (None, _) | (_, None) => pairs.incomplete += 1,
            }
        }
        pairs
    }

    /// How many blocks have both values.
    pub fn len(&self) -> usize {
        self.base.len()
    }

    /// Whether no block has both values.
    pub fn is_empty(&self) -> bool {
        self.base.is_empty()
    }

    /// By how much the second cell is above the first, block by block.
    pub fn differences(&self) -> Vec<f64> {
        let both = self.base.iter().zip(&self.other);
        both.map(|(base, other)| other - base).collect()
    }

    /// The logarithms of how many times the first cell the second is; `None` where a value is not above 0.
    pub fn log_ratios(&self) -> Option<Vec<f64>> {
        let both = self.base.iter().zip(&self.other);
        both.map(|(base, other)| (*base > 0.0 && *other > 0.0).then(|| other.ln() - base.ln()))
            .collect()
    }
}

/// The value of this block, where it has one that is a finite number.
pub(super) fn value_at(cell: &[Option<f64>], block: usize) -> Option<f64> {
    let value = cell.get(block).copied().flatten();
    value.filter(|value| value.is_finite())
}

/// The values that are there, and how many are missing.
pub fn present(cell: &[Option<f64>]) -> (Vec<f64>, usize) {
    let values: Vec<f64> = (0..cell.len())
        .filter_map(|block| value_at(cell, block))
        .collect();
    let missing = cell.len() - values.len();
    (values, missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_in_which_one_value_is_missing_is_left_out_and_counted() {
        let pairs = Pairs::of(
            &[Some(1.0), None, Some(3.0), Some(f64::NAN), Some(5.0)],
            &[Some(2.0), Some(2.0), None, Some(4.0)],
        );
        assert_eq!(pairs.differences(), [1.0]);
        assert_eq!(pairs.incomplete, 4);
    }

    #[test]
    fn there_is_no_ratio_to_a_value_of_nought() {
        let pairs = Pairs::of(&[Some(0.0), Some(1.0)], &[Some(2.0), Some(2.0)]);
        assert_eq!(pairs.log_ratios(), None);
    }

    #[test]
    fn what_is_missing_in_a_cell_is_counted() {
        assert_eq!(present(&[Some(1.0), None, Some(2.0)]), (vec![1.0, 2.0], 1));
    }
}
