//! What can be done to a worker, to which one, when, and what happens to it afterwards.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Moment, TaskId, WorkerName};

/// The number of a fault in its plan, from 1; printed as `F1`.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct FaultId(pub u32);

impl fmt::Display for FaultId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "F{}", self.0)
    }
}

/// What is done to a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum FaultKind {
    /// SIGKILL: the process is gone at once and can neither commit nor say goodbye.
    Kill,
    /// SIGTERM: the worker may stop its tasks, commit and leave the group; SIGKILL follows when the grace is over.
    Stop {
        /// How long the worker may take, in milliseconds.
        grace_ms: u64,
    },
    /// The worker stands still: it keeps its connections and does nothing, until it is resumed (`Restart::After` counts
    /// from when it stands still).
    Pause,
    /// The worker loses its network and goes on running, until it is reconnected (`Restart::After` counts from the loss).
    Disconnect,
}

impl FaultKind {
    /// The name of what begins the fault: a signal's where there is one.
    pub const fn signal_name(self) -> &'static str {
        match self {
            Self::Kill => "SIGKILL",
            Self::Stop { .. } => "SIGTERM",
            Self::Pause => "pause",
            Self::Disconnect => "network loss",
        }
    }

    /// Whether the fault ends the worker's process; the others leave it alive, and so able to come back as a zombie.
    pub const fn ends_process(self) -> bool {
        match self {
            Self::Kill | Self::Stop { .. } => true,
            Self::Pause | Self::Disconnect => false,
        }
    }

    /// Whether the worker gets the chance to commit its offsets.
    pub const fn is_graceful(self) -> bool {
        match self {
            Self::Kill | Self::Pause | Self::Disconnect => false,
            Self::Stop { .. } => true,
        }
    }
}

/// Which worker a fault is for; roles are resolved from the live group when the fault is due.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Target {
    /// The worker of this name.
    Worker(WorkerName),
    /// The worker that leads the Connect group.
    Leader,
    /// One of the workers that do not lead, by the fault's draw.
    Follower,
    /// One of all workers that are up, by the fault's draw.
    Any,
    /// Every worker at once.
    All,
    /// The worker that runs this task.
    Owner(TaskId),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Worker(worker) => worker.fmt(f),
            Self::Leader => f.write_str("the leader"),
            Self::Follower => f.write_str("a follower"),
            Self::Any => f.write_str("any worker"),
            Self::All => f.write_str("all workers"),
            Self::Owner(task) => write!(f, "the owner of {task}"),
        }
    }
}

/// What happens to the worker after the fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Restart {
    /// It is started again this many milliseconds after its process has ended.
    After {
        /// The pause in milliseconds.
        ms: u64,
    },
    /// It stays down to the end of the run.
    Never,
}

/// When a fault is due. Times count from the end of the baseline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Due {
    /// At this time exactly, whether or not earlier faults have been recovered from.
    At {
        /// Milliseconds after the end of the baseline.
        ms: u64,
    },
    /// As soon as all earlier faults have been recovered from, and this much later.
    AfterRecovery {
        /// Milliseconds after the recovery.
        ms: u64,
    },
    /// A place in a series; the series begins when all faults before it have been recovered from, and no member of it
    /// comes before the member before it has been recovered from.
    InSeries {
        /// The number of the series in the plan, from 0.
        series: u32,
        /// Milliseconds after the beginning of the series.
        ms: u64,
    },
}

/// One fault as the plan has fixed it; everything but the identity behind a role is known before the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct PlannedFault {
    /// Its number, from 1.
    pub id: FaultId,
    /// What is done.
    pub kind: FaultKind,
    /// To whom.
    pub target: Target,
    /// A number drawn from the seed; chooses among the candidates of a role: candidates sorted by name, index `draw % count`.
    pub draw: u64,
    /// When.
    pub due: Due,
    /// What happens to the worker afterwards.
    pub restart: Restart,
}

impl PlannedFault {
    /// The candidate that this fault's draw selects; candidates must be in a stable order.
    pub fn choose<'a, T>(&self, candidates: &'a [T]) -> Option<&'a T> {
        let count = u64::try_from(candidates.len())
            .ok()
            .filter(|count| *count > 0)?;
        candidates.get(usize::try_from(self.draw % count).ok()?)
    }

    /// The earliest moment this fault can come, when that is known before the run; `baseline_end` is where times count from.
    pub fn fixed_moment(&self, baseline_end: Moment) -> Option<Moment> {
        match self.due {
            Due::At { ms } => Some(Moment(baseline_end.0 + ms * 1_000)),
            Due::AfterRecovery { .. } | Due::InSeries { .. } => None,
        }
    }
}
