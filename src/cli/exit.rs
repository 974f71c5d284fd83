//! The exit codes, in one place.

use std::process::ExitCode;

use crate::model::Verdict;
use crate::verify::Judgement;

/// How the program ends; the numbers are a promise to scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// All guarantees held, or the command did what it was asked.
    Fine,
    /// A guarantee was broken.
    Broken,
    /// The command line or a scenario is wrong.
    Usage,
    /// The evidence cannot decide.
    Inconclusive,
    /// The environment failed.
    Environment,
    /// Nothing was selected.
    NothingSelected,
    /// Ended by SIGHUP, all undone.
    HungUp,
    /// Ended by SIGINT, all undone.
    Interrupted,
    /// Ended by SIGTERM, all undone.
    Terminated,
}

impl Exit {
    /// The number that the shell sees.
    pub const fn code(self) -> u8 {
        match self {
            Self::Fine => 0,
            Self::Broken => 1,
            Self::Usage => 2,
            Self::Inconclusive => 3,
            Self::Environment => 4,
            Self::NothingSelected => 5,
            Self::HungUp => 129,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }

    /// The code of a program that this signal has ended, as shells count: 128 and the signal's number.
    pub const fn of_signal(signal: i32) -> Self {
        match signal {
            signal_hook::consts::SIGHUP => Self::HungUp,
            signal_hook::consts::SIGTERM => Self::Terminated,
            _ => Self::Interrupted,
        }
    }

    /// What a judgement means for the exit code; an interrupted run keeps its own code, which the caller knows.
    pub fn of(judgement: &Judgement) -> Self {
        if judgement.environment_failure.is_some() {
            return Self::Environment;
        }
        match judgement.verdict {
            Verdict::Held => Self::Fine,
            Verdict::Inconclusive => Self::Inconclusive,
            Verdict::Broken => Self::Broken,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_gives_the_code_that_shells_give_it() {
        for signal in [1, 2, 15] {
            assert_eq!(i32::from(Exit::of_signal(signal).code()), 128 + signal);
        }
    }
}
