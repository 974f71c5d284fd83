//! Journal to findings to verdicts; never talks to a cluster.
//!
//! # What the words mean
//!
//! **Expected** at a tap is every record that the feed acknowledged. Of a source that makes its own sequence it is, in
//! each lane, everything from 0 up to the highest number that arrived at the first tap or that the source has committed.
//! A send without an answer is *unknown*: it can be neither lost nor a phantom, and it takes no part in the order.
//!
//! **At a tap** every expected record is exactly one of *once*, *repeated*, or missing, which is *lost* after a finished
//! drain and *undecided* otherwise: `expected = once + repeated + lost + undecided`. Everything that arrives is counted
//! once: `arrived = once + repeated + extra copies + of unknown + phantom + corrupt`. A *phantom* was never sent (or was
//! refused); a *corrupt* record is ours by its head and damaged.
//!
//! **Loss is located**: what was at the place before a connector and is missing behind it was lost by that connector. So
//! each lost record is blamed once. In the same way the copies, strays and reorderings that a connector was already given
//! are not its own.
//!
//! **Order** is that of the tap: offset or byte position, within a lane. A first arrival below the highest number of its
//! lane is a *reordering*; an arrival of what had arrived before is a *repeat*, and consecutive repeats are a *rewind*.
//!
//! **A rewind is explained** record by record. Its cause is the latest fault before it that hit the worker which ran the
//! task behind the lane: by the last stable view of the group and the task statuses, and for the lane by the sink group's
//! members or the task's assigned partitions (any task of the connector where these are not known; any fault where the
//! group was changing). A record of it is explained when that fault was a kill, or a stop that overran its grace; when its
//! number is at or above the position committed for certain before the signal (commits seen later are not counted, so
//! this is the lowest position that can have been current); when it had been delivered by the kill, which means: before
//! a second had passed or the first task taken over was at work again, whichever is later, and the lane had not gone on
//! beyond that since; and when the same fault has not explained the same record of the same connector already. After a
//! graceful stop and under exactly-once nothing is explained. Where offsets cannot be mapped to records it cannot be
//! decided, and the guarantee says *not measurable here*.
//!
//! **The bound** for one fault, connector and lane is the lane's rate × (`offset.flush.interval.ms` + commit time +
//! 1,000 ms in flight). The commit time is what commits of the undisturbed run took beyond the interval, at most
//! `offset.flush.timeout.ms`, and that timeout where fewer than three intervals were seen. Where the lane delivered more
//! than its nominal rate in that stretch before the kill, catching up after an outage, what it delivered counts. The bound
//! is 0 after a graceful stop, under exactly-once and without a fault.
//!
//! **Offsets.** A commit is *ahead* when it leads beyond the end of the input, or the last record before it never arrived
//! behind the connector, or did so more than ten seconds after the commit was seen. A commit below the one before it for
//! the same partition *went back*. Resets and deleted commits claim nothing. Ahead is judged after a finished drain only.
//!
//! **Ownership** is read from views of the group in state Stable. While the group changes, nothing is known, and nothing
//! is counted.
//!
//! **Recovery** from a fault ends when the group is stable without a delay, every worker that should be back is a member,
//! every task is owned once and has started, and every lane at every tap has had a record and a backlog no higher than in
//! the second half of the baseline (plus what the pace adds in one bucket). A kill takes effect when the process is gone, a stop with its
//! signal. An *outage* is the longest silence of a lane in that time, less its longest in the baseline.
//!
//! # Doubts
//!
//! A guarantee that is broken on complete evidence stays broken whatever else is in doubt. Nothing is called broken, and
//! nothing held, where the journal is cut or damaged, the environment failed, or a process died that nobody had asked to;
//! nor about records where an observation file is short, long or damaged. A fault without its proof, an interrupted run, a
//! drain that was not finished and an observer that failed each make the verdict at best inconclusive.

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
