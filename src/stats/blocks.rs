//! Whether any of several cells differs at all: the permutation test within blocks.

use super::draws::Draws;
use super::level::PValue;
use super::pairs::value_at;

/// Up to so many arrangements all are counted: six blocks of three cells have 46,656.
const COUNTED: usize = 50_000;
/// How many arrangements are drawn where there are more.
const DRAWS: u32 = 9_999;
/// Sums of the same numbers in another order differ by less than this share of all squares.
const ROUNDING: f64 = 1e-12;
const SEED: u64 = 0x626c_6f63;

/// One block's values, less their mean, with the cells that they belong to.
struct Block {
    cells: Vec<usize>,
    values: Vec<f64>,
}

/// The permutation test of all cells at once: Pitman 1938, "Significance tests which may be applied to samples from any
/// populations. III. The analysis of variance test", Biometrika 29(3/4).
///
/// If no cell differs, the values of a block could as well have come in any other order; the p-value is the share of the
/// orders in which the cells' mean deviations from their blocks are as large (the sum of squares between cells). All
/// orders are counted up to 50,000; beyond, 9,999 are drawn. A cell that is missing in a block stays missing there, and a
/// block with a single value says nothing.
///
/// Three cells, two blocks, each 1, 2, 3: 6 of 36 orders are as far apart, p = 0.1667.
pub fn joint_test(cells: &[Vec<Option<f64>>]) -> PValue {
    let mut blocks = blocks_of(cells);
    let weights = weights(&blocks, cells.len());
    let mut sums = vec![0.0; cells.len()];
    let squares = blocks.iter().flat_map(|block| &block.values);
    let slack = squares.map(|value| value * value).sum::<f64>() * ROUNDING;
    let least = spread_with(&blocks, &mut sums, &weights) - slack;
    if least <= 0.0 {
        return PValue::exact(1.0);
    }
    let orders = blocks.iter().try_fold(1_usize, |product, block| {
        (1..=block.values.len()).try_fold(product, usize::checked_mul)
    });
    if orders.is_some_and(|orders| orders <= COUNTED) {
        return PValue::exact(counted(&blocks, &weights, cells.len(), least));
    }
    let mut draws = Draws::new(SEED);
    let as_far = (0..DRAWS)
        .filter(|_| {
            for block in &mut blocks {
                draws.shuffle(&mut block.values);
            }
            spread_with(&blocks, &mut sums, &weights) >= least
        })
        .count();
    PValue::simulated(u32::try_from(as_far).unwrap_or(DRAWS), DRAWS)
}

fn blocks_of(cells: &[Vec<Option<f64>>]) -> Vec<Block> {
    let count = cells.iter().map(Vec::len).max().unwrap_or(0);
    let block = |at: usize| -> Block {
        let present = cells.iter().enumerate();
        let (cells, values): (Vec<usize>, Vec<f64>) = present
            .filter_map(|(number, cell)| Some((number, value_at(cell, at)?)))
            .unzip();
        let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
        let values = values.iter().map(|value| value - mean).collect();
        Block { cells, values }
    };
    (0..count)
        .map(block)
        .filter(|block| block.cells.len() > 1)
        .collect()
}

/// One over the number of blocks in which each cell is, 0 for a cell that is in none.
fn weights(blocks: &[Block], cells: usize) -> Vec<f64> {
    let count = |cell| {
        blocks
            .iter()
            .filter(|block| block.cells.contains(&cell))
            .count()
    };
    let counts = (0..cells).map(count);
    counts
        .map(|count| if count == 0 { 0.0 } else { 1.0 / count as f64 })
        .collect()
}

fn spread_with(blocks: &[Block], sums: &mut [f64], weights: &[f64]) -> f64 {
    sums.fill(0.0);
    for block in blocks {
        add(sums, &block.cells, &block.values);
    }
    spread(sums, weights)
}

/// The sum of squares between cells.
fn spread(sums: &[f64], weights: &[f64]) -> f64 {
    let both = sums.iter().zip(weights);
    both.map(|(sum, weight)| sum * sum * weight).sum()
}

fn add(sums: &mut [f64], cells: &[usize], values: &[f64]) {
    for (cell, value) in cells.iter().zip(values) {
        sums[*cell] += value;
    }
}

/// All orders of the values.
fn orders_of(values: &[f64]) -> Vec<Vec<f64>> {
    let mut orders = vec![Vec::new()];
    for value in values {
        let insert = |order: &Vec<f64>| {
            let order = order.clone();
            (0..=order.len()).map(move |place| {
                let mut longer = order.clone();
                longer.insert(place, *value);
                longer
            })
        };
        orders = orders.iter().flat_map(insert).collect();
    }
    orders
}

/// The share of all orders that are at least as far apart.
fn counted(blocks: &[Block], weights: &[f64], cells: usize, least: f64) -> f64 {
    let mut choices: Vec<Vec<Vec<f64>>> = blocks
        .iter()
        .map(|block| orders_of(&block.values))
        .collect();
    // Where no cell is missing, it does not matter which cell is called which: the first block can stay as it is.
    if blocks.iter().all(|block| block.cells.len() == cells) {
        choices[0].truncate(1);
    }
    let orders: usize = choices.iter().map(Vec::len).product();
    let counting = Counting {
        blocks,
        choices: &choices,
        weights,
        least,
    };
    counting.as_far(0, &mut vec![0.0; cells]) as f64 / orders as f64
}

struct Counting<'a> {
    blocks: &'a [Block],
    choices: &'a [Vec<Vec<f64>>],
    weights: &'a [f64],
    least: f64,
}

impl Counting<'_> {
    /// How many orders of the blocks from this one on are at least as far apart, with what the blocks before have summed.
    fn as_far(&self, from: usize, sums: &mut Vec<f64>) -> u64 {
        let Some(block) = self.blocks.get(from) else {
            return u64::from(spread(sums, self.weights) >= self.least);
        };
        let mut count = 0;
        for order in &self.choices[from] {
            let before = sums.clone();
            add(sums, &block.cells, order);
            count += self.as_far(from + 1, sums);
            // Put back rather than subtracted, so that no rounding gathers.
            *sums = before;
        }
        count
    }
}

#[cfg(test)]
#[path = "blocks_tests.rs"]
mod tests;
