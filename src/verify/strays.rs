//! Rows at a tap that should not be there and that its connector was not given: matched one by one, not counted against
//! each other.

use std::collections::HashMap;

use super::case::Case;
use super::pass::Stray;
use super::replay::READERS_LAG_US;

/// The strays of one connector.
#[derive(Debug, Default)]
pub(super) struct OwnStrays {
    pub phantom: u64,
    pub corrupt: u64,
    pub phantoms: Vec<Stray>,
    pub corrupts: Vec<Stray>,
}

impl OwnStrays {
    /// Those of each connector, in the order of the route.
    pub(super) fn of_all(case: &Case<'_>) -> Vec<Self> {
        (0..case.legs.len())
            .map(|leg| Self::of(case, leg))
            .collect()
    }

    fn of(case: &Case<'_>, leg: usize) -> Self {
        let tap = &case.taps[leg];
        let before = case.given(leg);
        let given = |list: fn(&super::pass::TapFacts) -> &Vec<Stray>| {
            before.map_or(&[][..], |tap| list(tap).as_slice())
        };
        let phantoms = own(&tap.phantoms, given(|tap| &tap.phantoms));
        let corrupts = own(&tap.corrupts, given(|tap| &tap.corrupts));
        // Those beyond what is kept one by one can only be counted.
        let unkept = |count: u64, kept: &[Stray]| count - kept.len() as u64;
        let more = |here: u64, there: u64| here.saturating_sub(there);
        let unkept_phantoms = more(
            unkept(tap.phantom, &tap.phantoms),
            before.map_or(0, |tap| unkept(tap.phantom, &tap.phantoms)),
        );
        let unkept_corrupts = more(
            unkept(tap.corrupt, &tap.corrupts),
            before.map_or(0, |tap| unkept(tap.corrupt, &tap.corrupts)),
        );
        Self {
            phantom: phantoms.len() as u64 + unkept_phantoms,
            corrupt: corrupts.len() as u64 + unkept_corrupts,
            phantoms,
            corrupts,
        }
    }
}

/// Those that nothing in front of the connector pays for. One that names a record is paid by the same record, any other
/// by one that was there in time; each pays once.
fn own(here: &[Stray], given: &[Stray]) -> Vec<Stray> {
    let mut left: HashMap<Option<(u32, u64)>, Vec<u64>> = HashMap::new();
    for stray in given.iter().rev() {
        left.entry(stray.record).or_default().push(stray.at_us);
    }
    let is_own = |stray: &&Stray| {
        let there = |at_us: &mut u64| *at_us <= stray.at_us.saturating_add(READERS_LAG_US);
        let times = left.get_mut(&stray.record);
        times.and_then(|times| times.pop_if(there)).is_none()
    };
    here.iter().filter(is_own).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stray(at_us: u64, record: Option<(u32, u64)>) -> Stray {
        Stray {
            at_us,
            partition: 0,
            position: 0,
            record,
        }
    }

    #[test]
    fn one_phantom_dropped_and_another_made_are_two() {
        let given = [stray(3, Some((0, 9_999)))];
        let here = [stray(4, Some((0, 8_888)))];
        assert_eq!(own(&here, &given), here);
        assert_eq!(own(&given, &given), []);
    }

    #[test]
    fn a_stray_without_a_name_is_given_when_one_was_there_in_time() {
        let given = [stray(9_000_000, None)];
        assert_eq!(own(&[stray(9_500_000, None)], &given), []);
        let early = [stray(5_000_000, None)];
        assert_eq!(own(&early, &given), early);
    }
}
