//! The answer to whole sweeps: better, worse, no difference shown and too few repeats, each where it belongs.

use proptest::prelude::*;

use super::*;

const ASKED: Question = Question {
    direction: Direction::LowerIsBetter,
    scale: Scale::Ratio,
    level: Level::USUAL,
    family: Family::Holm,
    measures: 1,
};

/// Cells that are so many times the first, wobbling by a few percent from block to block.
fn sweep(factors: &[f64], blocks: usize) -> Vec<Vec<Option<f64>>> {
    let wobble = |cell: usize, block: usize| 1.0 + 0.01 * ((cell * 5 + block * 3) % 7) as f64;
    let cell = |(cell, factor): (usize, &f64)| -> Vec<Option<f64>> {
        let value = |block| Some((10.0 + block as f64) * factor * wobble(cell, block));
        (0..blocks).map(value).collect()
    };
    factors.iter().enumerate().map(cell).collect()
}

fn answers(cells: &[Vec<Option<f64>>], question: Question) -> Vec<Answer> {
    compare(cells, &question)
        .iter()
        .map(|found| found.answer)
        .collect()
}

#[test]
fn twice_as_much_is_worse_where_lower_is_better_and_better_where_higher_is() {
    let cells = sweep(&[1.0, 2.0], 6);
    assert_eq!(answers(&cells, ASKED), [Answer::Worse]);
    let higher = Question {
        direction: Direction::HigherIsBetter,
        ..ASKED
    };
    assert_eq!(answers(&cells, higher), [Answer::Better]);
    let swapped = [cells[1].clone(), cells[0].clone()];
    assert_eq!(answers(&swapped, ASKED), [Answer::Better]);
}

#[test]
fn the_comparison_holds_the_numbers_of_its_sentence() {
    let cells: Vec<Vec<Option<f64>>> = [1.0, 2.0]
        .map(|factor| {
            (10..16)
                .map(|value| Some(f64::from(value) * factor))
                .collect()
        })
        .to_vec();
    let found = compare(&cells, &ASKED).remove(0);
    assert_eq!(
        (found.base, found.other, found.pairs, found.incomplete),
        (0, 1, 6, 0)
    );
    assert!((found.ratio.unwrap().estimate - 2.0).abs() < 1e-12);
    assert_eq!(found.difference.unwrap().estimate, 12.5);
    assert_eq!((found.p.value, found.adjusted_p), (0.03125, 0.03125));
}

#[test]
fn five_pairs_are_too_few_however_large_the_difference() {
    let cells = sweep(&[1.0, 1000.0], 5);
    assert_eq!(
        answers(&cells, ASKED),
        [Answer::TooFewRepeats { needed: 6 }]
    );
}

#[test]
fn three_cells_need_seven_repeats_by_holm_and_six_after_a_joint_test() {
    let factors = [1.0, 2.0, 4.0];
    let holm = answers(&sweep(&factors, 6), ASKED);
    assert_eq!(holm, [Answer::TooFewRepeats { needed: 7 }; 3]);
    assert_eq!(answers(&sweep(&factors, 7), ASKED), [Answer::Worse; 3]);
    let after = Question {
        family: Family::AfterJoint,
        ..ASKED
    };
    assert_eq!(answers(&sweep(&factors, 6), after), [Answer::Worse; 3]);
}

#[test]
fn more_measures_ask_for_more_repeats() {
    let three = Question {
        measures: 3,
        ..ASKED
    };
    let found = answers(&sweep(&[1.0, 2.0], 6), three);
    assert_eq!(found, [Answer::TooFewRepeats { needed: 7 }]);
}

#[test]
fn no_difference_comes_with_the_most_that_it_may_be() {
    let cells = sweep(&[1.0, 1.0], 8);
    let found = compare(&cells, &ASKED).remove(0);
    let Answer::NoDifferenceShown { at_most } = found.answer else {
        panic!("{found:?}");
    };
    let interval = found.difference.unwrap().interval.unwrap();
    assert_eq!(at_most, interval.low.abs().max(interval.high));
    assert!(at_most > 0.0 && at_most < 2.0, "{at_most}");
}

#[test]
fn stops_that_stay_at_nought_differ_by_at_most_nought() {
    let cells = vec![vec![Some(0.0); 6]; 2];
    let found = compare(&cells, &ASKED).remove(0);
    assert_eq!(found.answer, Answer::NoDifferenceShown { at_most: 0.0 });
    assert_eq!((found.scale, found.ratio), (Scale::Difference, None));
}

#[test]
fn missing_repeats_are_counted_and_may_leave_too_few() {
    let mut cells = sweep(&[1.0, 2.0], 7);
    cells[0][2] = None;
    let found = compare(&cells, &ASKED).remove(0);
    assert_eq!(
        (found.pairs, found.incomplete, found.answer),
        (6, 1, Answer::Worse)
    );
    cells[1][4] = None;
    let found = compare(&cells, &ASKED).remove(0);
    assert_eq!((found.pairs, found.incomplete), (5, 2));
    assert_eq!(found.answer, Answer::TooFewRepeats { needed: 6 });
    assert_eq!(found.detectable, None);
}

#[test]
fn what_can_be_seen_shrinks_with_repeats_and_is_a_factor_on_the_ratio_scale() {
    let seen = |blocks| {
        compare(&sweep(&[1.0, 1.0], blocks), &ASKED)[0]
            .detectable
            .unwrap()
    };
    let (few, many) = (seen(6), seen(20));
    assert!(few > many && many > 1.0 && few < 1.2, "{few} {many}");
    let cells = sweep(&[1.0, 1.0], 6);
    let by = Question {
        scale: Scale::Difference,
        ..ASKED
    };
    let found = compare(&cells, &by).remove(0);
    let pairs = Pairs::of(&cells[0], &cells[1]);
    let spread = deviation(&pairs.differences()).unwrap();
    assert!((found.detectable.unwrap() / spread - 1.79).abs() < 0.05);
}

#[test]
fn a_sweep_without_a_run_is_no_panic() {
    assert!(compare(&[], &ASKED).is_empty());
    assert!(compare(&[vec![Some(1.0)]], &ASKED).is_empty());
    let found = answers(&[vec![], vec![None], vec![Some(1.0)]], ASKED);
    assert_eq!(found, [Answer::TooFewRepeats { needed: 7 }; 3]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn a_difference_is_called_only_where_p_value_and_interval_agree(
        cells in prop::collection::vec(prop::collection::vec(prop::option::weighted(0.9, 1.0..9.0), 7), 2..4),
        after in any::<bool>(),
    ) {
        let family = if after { Family::AfterJoint } else { Family::Holm };
        for found in compare(&cells, &Question { family, ..ASKED }) {
            prop_assert!(found.adjusted_p >= found.p.value);
            prop_assert!(found.p.value >= smallest_p(found.pairs));
            if matches!(found.answer, Answer::Better | Answer::Worse) {
                prop_assert!(found.adjusted_p <= 0.05 + 1e-9);
                prop_assert!(!found.ratio.unwrap().interval.unwrap().contains(1.0));
            }
        }
    }
}
