//! The joint test against counting by hand, and against what must always hold.

use super::super::Source;
use super::*;

fn cells(blocks: &[&[f64]]) -> Vec<Vec<Option<f64>>> {
    let cell = |at: usize| blocks.iter().map(|block| Some(block[at])).collect();
    (0..blocks[0].len()).map(cell).collect()
}

/// All orders of all blocks by `itertools.permutations` in Python 3.11, statistic the sum of the squared column sums of the
/// blocks less their means.
#[test]
fn the_joint_test_agrees_with_counting_in_python() {
    let cases: [(&[&[f64]], f64); 3] = [
        (&[&[1.0, 2.0, 3.0], &[1.0, 2.0, 3.0]], 1.0 / 6.0),
        (
            &[
                &[1.0, 2.0, 3.0],
                &[1.0, 3.0, 2.0],
                &[2.0, 2.0, 5.0],
                &[1.0, 4.0, 4.0],
            ],
            0.09259259259259259,
        ),
        (&[&[1.0, 2.0], &[3.0, 4.5], &[2.0, 7.0], &[5.0, 4.0]], 0.375),
    ];
    for (blocks, p) in cases {
        let found = joint_test(&cells(blocks));
        assert!((found.value - p).abs() < 1e-12, "{found:?}");
        assert_eq!(found.source, Source::Exact);
    }
}

#[test]
fn many_blocks_are_drawn_and_it_is_said() {
    let block: &[f64] = &[1.0, 2.0, 3.0, 4.0];
    let found = joint_test(&cells(&[block; 10]));
    assert_eq!(found.source, Source::Simulated { draws: 9_999 });
    assert_eq!(found.value, 0.0001);
}

#[test]
fn cells_that_are_alike_or_missing_show_nothing() {
    assert_eq!(
        joint_test(&cells(&[&[2.0, 2.0, 2.0], &[1.0, 1.0, 1.0]])).value,
        1.0
    );
    assert_eq!(joint_test(&[]).value, 1.0);
    assert_eq!(joint_test(&[vec![None], vec![Some(1.0)]]).value, 1.0);
}

#[test]
fn a_missing_cell_leaves_the_rest_of_its_block() {
    let mut cells = cells(&[&[1.0, 2.0, 3.0], &[1.0, 2.0, 3.0], &[1.0, 2.0, 3.0]]);
    cells[2][0] = None;
    // 2 · 6 · 6 orders; only the observed one and its mirror image sum as far apart.
    let found = joint_test(&cells).value;
    assert!(found < 0.1, "{found}");
}
