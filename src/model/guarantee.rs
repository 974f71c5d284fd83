//! What a scenario expects of a cluster, and the three answers that a judgement can give.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The answer to an expectation; the worst wins: `Held` < `Inconclusive` < `Broken`.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Verdict {
    /// The evidence is complete and shows that the expectation was met.
    Held,
    /// The evidence cannot decide.
    Inconclusive,
    /// The evidence shows that the expectation was not met.
    Broken,
}

impl Verdict {
    /// The worse of two answers.
    pub fn and(self, other: Self) -> Self {
        self.max(other)
    }

    /// The word in capitals, as the terminal shows it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Held => "HELD",
            Self::Inconclusive => "INCONCLUSIVE",
            Self::Broken => "BROKEN",
        }
    }

    /// The mark that stands before a line.
    pub const fn mark(self) -> &'static str {
        match self {
            Self::Held => "✓",
            Self::Inconclusive => "?",
            Self::Broken => "✗",
        }
    }
}

/// What can be guaranteed; the order is the order of the report.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum GuaranteeKind {
    /// No acknowledged record is missing at the last tap, nor at one before it.
    Lost,
    /// No repeat that the committed positions do not explain.
    UnexplainedDuplicates,
    /// Repeats stay within a number, or within what the flush interval promises.
    Duplicates,
    /// Within a lane nothing arrives for the first time after something later.
    Order,
    /// Nothing arrives that was never sent, or damaged.
    Phantoms,
    /// No committed offset is ahead of what was delivered, and none goes back.
    Offsets,
    /// No task runs on two workers at once.
    Overlap,
    /// After each fault everything is as before within a time.
    Recovery,
    /// No lane is silent for longer than a time, beyond its baseline.
    Outage,
    /// A worker asked to stop does so by itself within its grace.
    Stops,
}

impl GuaranteeKind {
    /// All kinds, in the order of the report.
    pub const ALL: [Self; 10] = [
        Self::Lost,
        Self::UnexplainedDuplicates,
        Self::Duplicates,
        Self::Order,
        Self::Phantoms,
        Self::Offsets,
        Self::Overlap,
        Self::Recovery,
        Self::Outage,
        Self::Stops,
    ];

    /// The key in a scenario's `expect`, and the name of the test case in JUnit.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::UnexplainedDuplicates => "unexplained-duplicates",
            Self::Duplicates => "duplicates",
            Self::Order => "order",
            Self::Phantoms => "phantoms",
            Self::Offsets => "offsets",
            Self::Overlap => "overlap",
            Self::Recovery => "recovery",
            Self::Outage => "outage",
            Self::Stops => "stops",
        }
    }
}

/// How many repeats a scenario allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum DuplicateLimit {
    /// At most this many extra copies at any tap.
    Count(u64),
    /// Per fault, lane and connector at most `lane rate × (offset.flush.interval.ms + commit time) + in flight`; none for graceful stops and exactly-once.
    WithinFlushBound,
}

/// How many records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Amount {
    /// This many.
    Count(u64),
    /// A share of all that were expected.
    Share {
        /// In millionths.
        #[serde(rename = "per-million")]
        per_million: u32,
    },
}

impl Amount {
    /// How many of `all` that is, rounded down.
    pub fn of(self, all: u64) -> u64 {
        match self {
            Self::Count(count) => count,
            Self::Share { per_million } => {
                let part = u128::from(all) * u128::from(per_million) / 1_000_000;
                u64::try_from(part).unwrap_or(u64::MAX)
            }
        }
    }
}

/// How many records may be lost, and whether that holds for the time before any fault too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "LossText", into = "LossText")]
#[schemars(with = "LossText")]
pub struct LossLimit {
    /// Most of them.
    pub at_most: Amount,
    /// Whether some of them may be missing before any fault: what the connector leaves out on purpose.
    pub also_before_faults: bool,
}

impl LossLimit {
    /// This many, wherever they are: a plain number in a scenario.
    pub const fn anywhere(count: u64) -> Self {
        Self {
            at_most: Amount::Count(count),
            also_before_faults: true,
        }
    }
}

/// A limit as it is stored; a plain number, as older runs have it, is one that holds anywhere.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(untagged, rename_all_fields = "kebab-case")]
enum LossText {
    Anywhere(u64),
    Within {
        at_most: Amount,
        #[serde(default)]
        also_before_faults: bool,
    },
}

impl From<LossText> for LossLimit {
    fn from(text: LossText) -> Self {
        match text {
            LossText::Anywhere(count) => Self::anywhere(count),
            LossText::Within {
                at_most,
                also_before_faults,
            } => Self {
                at_most,
                also_before_faults,
            },
        }
    }
}

impl From<LossLimit> for LossText {
    fn from(limit: LossLimit) -> Self {
        match limit {
            LossLimit {
                at_most: Amount::Count(count),
                also_before_faults: true,
            } => Self::Anywhere(count),
            LossLimit {
                at_most,
                also_before_faults,
            } => Self::Within {
                at_most,
                also_before_faults,
            },
        }
    }
}

/// What a scenario expects; what is `None` is measured and shown but not judged.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Expectations {
    /// Most records that may be lost.
    pub lost: Option<LossLimit>,
    /// Most repeats that may stay unexplained.
    pub unexplained_duplicates: Option<u64>,
    /// Most repeats.
    pub duplicates: Option<DuplicateLimit>,
    /// Most reorderings (`kept` in a scenario is 0).
    pub order: Option<u64>,
    /// Most phantom and corrupt records.
    pub phantoms: Option<u64>,
    /// Most offsets ahead or gone back (`honest` in a scenario is 0).
    pub offsets: Option<u64>,
    /// Longest time that any task may be on two workers, in milliseconds (`none` in a scenario is 0).
    pub overlap_ms: Option<u64>,
    /// Longest recovery from any fault, in milliseconds.
    pub recovery_ms: Option<u64>,
    /// Longest silence of any lane around a fault beyond its baseline, in milliseconds.
    pub outage_ms: Option<u64>,
    /// Most graceful stops that may overrun their grace (`graceful` in a scenario is 0).
    pub stops: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_of_losses_is_stored_as_a_plain_number_where_it_is_one() {
        let check = |limit: LossLimit, text: &str| {
            assert_eq!(serde_json::to_string(&limit).unwrap(), text);
            assert_eq!(serde_json::from_str::<LossLimit>(text).unwrap(), limit);
        };
        check(LossLimit::anywhere(0), "0");
        let tenth = LossLimit {
            at_most: Amount::Share {
                per_million: 100_000,
            },
            also_before_faults: true,
        };
        check(
            tenth,
            r#"{"at-most":{"per-million":100000},"also-before-faults":true}"#,
        );
        let after = LossLimit {
            at_most: Amount::Count(5),
            also_before_faults: false,
        };
        check(after, r#"{"at-most":5,"also-before-faults":false}"#);
        assert_eq!(tenth.at_most.of(6_983), 698);
        assert_eq!(after.at_most.of(6_983), 5);
    }

    #[test]
    fn the_worst_answer_wins() {
        assert_eq!(
            Verdict::Held.and(Verdict::Inconclusive),
            Verdict::Inconclusive
        );
        assert_eq!(Verdict::Broken.and(Verdict::Inconclusive), Verdict::Broken);
        assert_eq!(Verdict::Held.and(Verdict::Held), Verdict::Held);
    }
}
