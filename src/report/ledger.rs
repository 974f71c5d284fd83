//! The ledger of a tap as equations that a reader can add up, told apart from those that do not.

use std::fmt;

use crate::verify::{Judgement, TapLedger};

use super::numbers::count;

/// One sum of a ledger; printed with `≠` when it does not add up, so that a wrong sum can never look right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Equation {
    /// The whole.
    pub(super) total: u64,
    /// What the whole counts.
    pub(super) of: &'static str,
    /// The parts with what each counts.
    pub(super) terms: Vec<(u64, &'static str)>,
}

impl Equation {
    /// Whether the parts make up the whole.
    pub(super) fn holds(&self) -> bool {
        let sum: u128 = self.terms.iter().map(|(value, _)| u128::from(*value)).sum();
        sum == u128::from(self.total)
    }
}

impl fmt::Display for Equation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", count(self.total), self.of)?;
        let mut sign = if self.holds() { "=" } else { "≠" };
        for (value, name) in &self.terms {
            write!(f, " {sign} {} {name}", count(*value))?;
            sign = "+";
        }
        Ok(())
    }
}

/// What became of the expected records of a tap, and what everything that arrived at it is made of.
pub(super) fn equations(judgement: &Judgement, tap: &TapLedger) -> [Equation; 2] {
    let of = match &judgement.feed {
        Some(_) => "acknowledged",
        None => "expected",
    };
    let expected = Equation {
        total: tap.expected,
        of,
        terms: vec![
            (tap.once, "once"),
            (tap.repeated, "repeated"),
            (tap.lost, "lost"),
            (tap.undecided, "undecided"),
        ],
    };
    let mut terms = vec![
        (tap.once, "once"),
        (tap.repeated, "repeated"),
        (tap.extra_copies, "extra copies"),
    ];
    let others = [
        (tap.of_unknown, "of unknown outcome"),
        (tap.phantom, "phantom"),
        (tap.corrupt, "corrupt"),
    ];
    terms.extend(others.into_iter().filter(|(value, _)| *value > 0));
    let arrived = Equation {
        total: tap.arrived,
        of: "arrived",
        terms,
    };
    [expected, arrived]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;
    use proptest::prelude::*;

    #[test]
    fn a_sum_that_does_not_add_up_cannot_look_right() {
        let wrong = Equation {
            total: 5,
            of: "expected",
            terms: vec![(2, "once"), (2, "repeated")],
        };
        assert_eq!(wrong.to_string(), "5 expected ≠ 2 once + 2 repeated");
    }

    /// The numbers of a printed equation, and whether it claims to hold.
    fn read(text: &str) -> (u64, bool, Vec<u64>) {
        let holds = text.contains(" = ");
        let (total, terms) = text.split_once(if holds { " = " } else { " ≠ " }).unwrap();
        let number = |part: &str| {
            let digits = part.split(' ').next().unwrap().replace(',', "");
            digits.parse::<u64>().unwrap()
        };
        (
            number(total),
            holds,
            terms.split(" + ").map(number).collect(),
        )
    }

    proptest! {
        #[test]
        fn every_printed_equation_adds_up(tap in sample::any_tap()) {
            for equation in equations(&sample::held(), &tap) {
                let (total, holds, terms) = read(&equation.to_string());
                prop_assert!(holds, "{equation}");
                prop_assert_eq!(terms.iter().sum::<u64>(), total);
            }
        }

        #[test]
        fn a_printed_equation_claims_to_hold_only_when_it_does(tap in sample::any_tap(), off in 1u64..9) {
            let tap = TapLedger { expected: tap.expected + off, arrived: tap.arrived + off, ..tap };
            for equation in equations(&sample::held(), &tap) {
                prop_assert!(!read(&equation.to_string()).1, "{equation}");
            }
        }
    }
}
