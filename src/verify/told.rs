//! A run of own copies of consecutive records, with what is to be said of it.

use super::credits::Undecidable;

/// What is to be said of a run of own copies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// An open credit paid for them.
    Explained,
    /// Nothing did.
    Unexplained,
    /// It cannot be said.
    Undecidable(Undecidable),
}

/// A run of own copies of consecutive records, with its cause.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told {
    pub leg: usize,
    pub lane: u32,
    pub first: u64,
    pub last: u64,
    /// Which row of the lane the first of them was.
    pub row: u64,
    pub at_us: u64,
    /// When the last of them came.
    pub until_us: u64,
    /// The stretch (its index) that paid for them; where none did, the last before them that hit their task.
    pub stretch: Option<usize>,
    /// The fault (its index) behind that.
    pub cause: Option<usize>,
    /// The last fault before it, whoever was hit.
    pub before: Option<usize>,
    pub outcome: Outcome,
}

impl Told {
    pub(super) fn copies(&self) -> u64 {
        self.last - self.first + 1
    }

    pub(super) fn explained(&self) -> u64 {
        match self.outcome {
            Outcome::Explained => self.copies(),
            Outcome::Unexplained | Outcome::Undecidable(_) => 0,
        }
    }

    pub(super) fn unexplained(&self) -> u64 {
        match self.outcome {
            Outcome::Unexplained => self.copies(),
            Outcome::Explained | Outcome::Undecidable(_) => 0,
        }
    }

    /// Whether a copy goes on where this run ends.
    pub(super) fn goes_on_with(&self, other: &Self) -> bool {
        let same = (self.stretch, self.cause, self.before, self.outcome)
            == (other.stretch, other.cause, other.before, other.outcome);
        same && other.first == self.last + 1 && other.row == self.row + self.copies()
    }
}
