//! Journal to findings to verdicts; never talks to a cluster.

mod judgement;

pub use judgement::{
    FaultBand, FaultReport, FeedLedger, Finding, FindingKind, GuaranteeResult, Judgement, Latency,
    LogLine, OffsetReport, Paint, PhaseSpan, Recovery, RecoveryPhase, Rewind, RunSummary, Segment,
    Series, Setting, TapLedger, Timeline, TimelineLane,
};
