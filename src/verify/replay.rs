//! Who pays for each copy: the arrivals of one lane behind a connector, set against what the connector was given and
//! against the credits that starts of its task opened.

use std::collections::HashMap;

/// A row may be seen behind a connector this much before it is seen in front of it, in microseconds: readers lag.
pub(super) const READERS_LAG_US: u64 = 2_000_000;

/// One arrival of a record that had arrived before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Copy {
    pub sequence: u64,
    /// Which row of the lane it was, counted from 0.
    pub row: u64,
    pub at_us: u64,
}

/// Where a credit begins in the input of a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct From {
    /// Rows of the lane that the input had before this position.
    pub rows: u64,
    /// The highest sequence number among them.
    pub high: Option<u64>,
}

/// What a start of a task may do again: the rows of its input from what was committed for certain up to what its
/// predecessor had read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Credit {
    /// From this row of the lane behind the connector on.
    pub opens_row: u64,
    /// When that was, in microseconds; of two that open at one row it says which came last.
    pub opens_us: u64,
    /// Up to this row, at which the task had passed it.
    pub closes_row: u64,
    /// And up to this moment, by which a commit had passed it.
    pub closes_us: u64,
    pub from: From,
    /// The highest record that the predecessor had delivered.
    pub to: u64,
    /// Up to when it can have read, in microseconds.
    pub read_us: u64,
    /// Copies that arrived from one moment to another were in flight with what was new, in microseconds.
    pub in_flight_us: Option<(u64, u64)>,
    /// How often each position may come again.
    pub times: u32,
    /// Whether it is certain; where it is not, what it pays for is undecided.
    pub certain: bool,
}

impl Credit {
    /// What either of two pays for, once: it is one of them, and not known which.
    pub(super) fn widen(&mut self, other: &Self) {
        self.closes_row = self.closes_row.max(other.closes_row);
        self.closes_us = self.closes_us.max(other.closes_us);
        self.to = self.to.max(other.to);
        self.read_us = self.read_us.max(other.read_us);
        self.certain &= other.certain;
    }

    fn is_open(&self, copy: &Copy) -> bool {
        (self.opens_row..self.closes_row).contains(&copy.row) && copy.at_us <= self.closes_us
    }

    fn was_in_flight(&self, copy: &Copy) -> bool {
        self.in_flight_us
            .is_some_and(|(from, to)| (from..=to).contains(&copy.at_us))
    }

    /// How often it pays for a record that the connector was given again at these rows and times.
    fn pays(&self, sequence: u64, given: &[GivenCopy]) -> u32 {
        if sequence > self.to {
            return 0;
        }
        let first = u32::from(self.from.high.is_none_or(|high| sequence > high));
        let again = given
            .iter()
            .filter(|copy| copy.row >= self.from.rows && copy.at_us <= self.read_us);
        let positions = first.saturating_add(u32::try_from(again.count()).unwrap_or(u32::MAX));
        positions.saturating_mul(self.times)
    }
}

/// Who paid for a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Payer {
    /// The connector was given it: it is not its own.
    Given,
    /// The credit of this number.
    Credit(usize),
    /// Nobody: no legal history has it.
    Nobody,
}

/// A row in front of a connector that holds a record once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct GivenCopy {
    /// Which row of the lane in front it is, counted from 0.
    pub row: u64,
    pub at_us: u64,
    /// The row behind the connector by which it must have come: the first with a record that is new in front only after it.
    pub until_row: u64,
}

/// What a connector was given again, by its number, in the order of the rows.
pub(super) type Given = HashMap<u64, Vec<GivenCopy>>;

/// Which of several open credits pays first. Whether all copies are paid hardly depends on it; which fault they are charged
/// to does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PaysFirst {
    /// The start that came last: what is repeated is most likely its work.
    OpenedLast,
    /// The one that is over first: it leaves the most for what comes later.
    ClosesFirst,
}

/// Finds the payer of each copy; `copies` are in the order of their numbers and rows. The first arrival of a record is
/// always that of its first row in front; each further row in front pays for one arrival, not before it was there and not
/// after what follows it there; each credit pays for each of its positions once (or as often as it says) while it is open.
pub(super) fn replay(
    copies: &[Copy],
    given: &Given,
    credits: &[Credit],
    first: PaysFirst,
) -> Vec<Payer> {
    // To take what was given first makes the fewest copies the connector's own; to take first what ends first explains
    // the most.
    let mut ways = vec![
        (first, GivenFirst::Always),
        (first, GivenFirst::WhereItEndsFirst),
    ];
    if first != PaysFirst::ClosesFirst {
        ways.extend([
            (PaysFirst::ClosesFirst, GivenFirst::Always),
            (PaysFirst::ClosesFirst, GivenFirst::WhereItEndsFirst),
        ]);
    }
    let unpaid = |list: &Vec<Payer>| list.iter().filter(|p| **p == Payer::Nobody).count();
    let mut payers = Vec::with_capacity(copies.len());
    for of_record in copies.chunk_by(|a, b| a.sequence == b.sequence) {
        let rows = given
            .get(&of_record[0].sequence)
            .map_or(&[][..], Vec::as_slice);
        let mut best: Option<Vec<Payer>> = None;
        for way in &ways {
            let paid = pay(of_record, rows, credits, *way);
            if best
                .as_ref()
                .is_none_or(|best| unpaid(&paid) < unpaid(best))
            {
                best = Some(paid);
            }
            if best.as_ref().is_some_and(|best| unpaid(best) == 0) {
                break;
            }
        }
        payers.extend(best.unwrap_or_default());
    }
    payers
}

/// When what the connector was given pays before a credit that could.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum GivenFirst {
    Always,
    WhereItEndsFirst,
}

fn pay(
    arrivals: &[Copy],
    given: &[GivenCopy],
    credits: &[Credit],
    (first, given_first): (PaysFirst, GivenFirst),
) -> Vec<Payer> {
    let mut purse = Purse::new(arrivals[0].sequence, given, credits);
    let one = |purse: &mut Purse<'_>, copy: &Copy| {
        let of_given = purse.of_given(copy);
        let of_credit = purse.of_credit(copy, first);
        let by_given = match (of_given, of_credit) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(given), Some(credit)) => {
                given_first == GivenFirst::Always || given.until_row <= credits[credit].closes_row
            }
        };
        if by_given {
            purse.given = &purse.given[1..];
            return Payer::Given;
        }
        of_credit.map_or(Payer::Nobody, |credit| {
            purse.left[credit] -= 1;
            Payer::Credit(credit)
        })
    };
    arrivals
        .iter()
        .map(|copy| {
            let payer = one(&mut purse, copy);
            purse.flew(copy, payer);
            payer
        })
        .collect()
}

/// What is left to pay for one record's arrivals.
struct Purse<'a> {
    given: &'a [GivenCopy],
    credits: &'a [Credit],
    left: Vec<u32>,
}

impl<'a> Purse<'a> {
    fn new(sequence: u64, given: &'a [GivenCopy], credits: &'a [Credit]) -> Self {
        let left = credits.iter().map(|c| c.pays(sequence, given)).collect();
        Self {
            given,
            credits,
            left,
        }
    }

    /// The next given copy, where it is there by now; those whose time is over are dropped.
    fn of_given(&mut self, copy: &Copy) -> Option<GivenCopy> {
        while let [over, rest @ ..] = self.given
            && over.until_row <= copy.row
        {
            self.given = rest;
        }
        let next = self.given.first().copied();
        next.filter(|given| given.at_us <= copy.at_us.saturating_add(READERS_LAG_US))
    }

    /// A copy that was in flight may come once more for that, unless it is itself what came for it.
    fn flew(&mut self, copy: &Copy, payer: Payer) {
        for (number, left) in self.left.iter_mut().enumerate() {
            if self.credits[number].was_in_flight(copy) && payer != Payer::Credit(number) {
                *left = left.saturating_add(1);
            }
        }
    }

    /// The open credit that pays: one that is certain before one that is not.
    fn of_credit(&self, copy: &Copy, first: PaysFirst) -> Option<usize> {
        let open =
            (0..self.credits.len()).filter(|c| self.left[*c] > 0 && self.credits[*c].is_open(copy));
        open.min_by_key(|c| {
            let credit = &self.credits[*c];
            let opened = match first {
                PaysFirst::OpenedLast => u64::MAX - credit.opens_us,
                PaysFirst::ClosesFirst => 0,
            };
            (!credit.certain, opened, credit.closes_row, credit.closes_us)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Copy, Credit, From, Given, GivenCopy, Payer, PaysFirst};

    fn replay(copies: &[Copy], given: &Given, credits: &[Credit]) -> Vec<Payer> {
        super::replay(copies, given, credits, PaysFirst::ClosesFirst)
    }

    fn copy(sequence: u64, row: u64) -> Copy {
        Copy {
            sequence,
            row,
            at_us: row * 100_000,
        }
    }

    fn given_at(at_us: u64, until_row: u64) -> GivenCopy {
        GivenCopy {
            row: 70,
            at_us,
            until_row,
        }
    }

    /// A task had delivered 0 to 68 and committed 60; its heir may do 60 to 68 again until it passes them.
    fn credit() -> Credit {
        Credit {
            opens_row: 69,
            opens_us: 6_900_000,
            closes_row: 78,
            closes_us: u64::MAX,
            from: From {
                rows: 60,
                high: Some(59),
            },
            to: 68,
            read_us: 9_000_000,
            in_flight_us: None,
            times: 1,
            certain: true,
        }
    }

    #[test]
    fn an_heir_repeats_from_the_committed_position_to_what_had_been_read() {
        // The worked example of the definitions: 0 to 68 arrived, 60 was committed, then 60 to 299 arrive.
        let copies: Vec<Copy> = (60..=68).map(|s| copy(s, s + 9)).collect();
        let paid = replay(&copies, &Given::new(), &[credit()]);
        assert_eq!(paid, [Payer::Credit(0); 9]);
    }

    #[test]
    fn a_credit_that_is_certain_pays_before_one_that_is_not() {
        let unsure = Credit {
            certain: false,
            ..credit()
        };
        for (credits, payer) in [([unsure, credit()], 1), ([credit(), unsure], 0)] {
            let paid = replay(&[copy(60, 69)], &Given::new(), &credits);
            assert_eq!(paid, [Payer::Credit(payer)]);
        }
    }

    #[test]
    fn what_lies_below_the_committed_position_or_beyond_what_was_read_is_paid_by_nobody() {
        let copies = [copy(59, 69), copy(69, 77)];
        assert_eq!(
            replay(&copies, &Given::new(), &[credit()]),
            [Payer::Nobody; 2]
        );
    }

    #[test]
    fn a_credit_pays_for_each_position_once_and_not_after_the_task_has_passed_it() {
        let twice = [copy(60, 69), copy(60, 70)];
        assert_eq!(
            replay(&twice, &Given::new(), &[credit()]),
            [Payer::Credit(0), Payer::Nobody]
        );
        let late = [copy(60, 78)];
        assert_eq!(replay(&late, &Given::new(), &[credit()]), [Payer::Nobody]);
        let committed = Credit {
            closes_us: 6_900_000,
            ..credit()
        };
        let copies = [copy(60, 69), copy(61, 70)];
        assert_eq!(
            replay(&copies, &Given::new(), &[committed]),
            [Payer::Credit(0), Payer::Nobody]
        );
    }

    #[test]
    fn a_copy_that_was_in_flight_when_the_network_went_comes_once_more_and_no_more() {
        // An heir was at 60 again when its network went at 6.9 s: the answer was lost, and it sends 60 again.
        let heir = credit();
        let flight = Credit {
            opens_row: 69,
            opens_us: 6_900_000,
            closes_row: 90,
            from: From {
                rows: u64::MAX,
                high: Some(68),
            },
            in_flight_us: Some((5_900_000, 7_900_000)),
            ..credit()
        };
        let copies = [copy(60, 70), copy(60, 80), copy(60, 81)];
        let paid = replay(&copies, &Given::new(), &[heir, flight]);
        let owed = [Payer::Credit(0), Payer::Credit(1), Payer::Nobody];
        assert_eq!(paid, owed);
        let long_before = [copy(61, 58), copy(61, 80)];
        let paid = replay(&long_before, &Given::new(), &[flight]);
        assert_eq!(paid, [Payer::Nobody; 2]);
        let back_at_once = [copy(60, 70), copy(60, 72), copy(60, 74)];
        let paid = replay(&back_at_once, &Given::new(), &[heir, flight]);
        assert_eq!(paid[2], Payer::Nobody);
    }

    #[test]
    fn whichever_fault_opened_it_an_open_credit_pays() {
        let second = Credit {
            opens_row: 72,
            opens_us: 7_200_000,
            closes_row: 90,
            ..credit()
        };
        let copies = [copy(60, 69), copy(60, 75), copy(60, 80)];
        assert_eq!(
            replay(&copies, &Given::new(), &[credit(), second]),
            [Payer::Credit(0), Payer::Credit(1), Payer::Nobody]
        );
    }

    #[test]
    fn the_start_that_came_last_pays_first_where_that_leaves_nothing_unpaid() {
        let second = Credit {
            opens_row: 72,
            opens_us: 7_200_000,
            closes_row: 90,
            ..credit()
        };
        let credits = [credit(), second];
        let paid =
            |copies: &[Copy]| super::replay(copies, &Given::new(), &credits, PaysFirst::OpenedLast);
        assert_eq!(
            paid(&[copy(60, 69), copy(61, 75)]),
            [Payer::Credit(0), Payer::Credit(1)]
        );
        // The first is over at row 78: it has to pay for the first of these two.
        assert_eq!(
            paid(&[copy(60, 75), copy(60, 80)]),
            [Payer::Credit(0), Payer::Credit(1)]
        );
    }

    #[test]
    fn what_was_given_again_is_passed_on_once_and_read_again_after_a_start() {
        // Given 60 twice, the second time as row 70 at 7 s; the heir goes back to 60 and so reads both.
        let given = Given::from([(60, vec![given_at(7_000_000, 101)])]);
        let heir = Credit {
            closes_row: 200,
            ..credit()
        };
        let copies = [copy(60, 72), copy(60, 100), copy(60, 110), copy(60, 120)];
        let paid = replay(&copies, &given, &[heir]);
        assert_eq!(
            paid,
            [
                Payer::Given,
                Payer::Credit(0),
                Payer::Credit(0),
                Payer::Nobody
            ]
        );
    }

    #[test]
    fn nothing_comes_behind_a_connector_before_it_was_in_front_of_it() {
        let given = Given::from([(60, vec![given_at(10_000_000, u64::MAX)])]);
        let early = [copy(60, 79)];
        assert_eq!(replay(&early, &given, &[]), [Payer::Nobody]);
        let in_time = [copy(60, 80)];
        assert_eq!(replay(&in_time, &given, &[]), [Payer::Given]);
    }

    #[test]
    fn what_was_given_again_comes_before_what_follows_it_in_front() {
        // The lane went on at row 80 with what came after the given copy.
        let given = Given::from([(60, vec![given_at(6_000_000, 80)])]);
        let copies = [copy(60, 70), copy(60, 90)];
        assert_eq!(
            replay(&copies, &given, &[credit()]),
            [Payer::Given, Payer::Nobody]
        );
    }

    #[test]
    fn a_credit_that_closes_is_used_before_what_was_given_where_that_explains_more() {
        // The heir goes back first and comes to the given copy after its credit has closed.
        let given = Given::from([(60, vec![given_at(6_000_000, 100)])]);
        let copies = [copy(60, 70), copy(60, 90)];
        let paid = replay(&copies, &given, &[credit()]);
        assert_eq!(paid, [Payer::Credit(0), Payer::Given]);
    }
}
