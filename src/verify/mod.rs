//! Journal to findings to verdicts; never talks to a cluster.

mod backlog;
mod case;
mod commits;
mod cuts;
mod doubts;
mod evidence;
mod explain;
mod findings;
mod guarantees;
mod history;
mod judge;
mod judgement;
mod ledger;
mod leg;
mod losses;
mod marks;
mod offsets;
mod ownership;
mod pass;
mod recovery;
mod rewinds;
mod seen;
mod sentence;
mod settings;
mod summary;
mod timeline;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod world;

pub use evidence::{Evidence, open_and_explain, open_and_judge};
pub use explain::{Explanation, StoryLine, explain};
pub use judge::judge;
pub use judgement::{
    FaultBand, FaultReport, FeedLedger, Finding, FindingKind, GuaranteeResult, Judgement, Latency,
    LogLine, OffsetReport, Paint, PhaseSpan, Recovery, RecoveryPhase, Rewind, RunSummary, Segment,
    Series, Setting, TapLedger, Timeline, TimelineLane,
};
