//! The `attached` runtime: a cluster that somebody else runs, as an inventory describes it; everything done to it is undone.
//!
//! | file | what it is |
//! |---|---|
//! | `commands` | what each way of controlling a worker means in shell commands |
//! | `seen` | what a status command prints, understood |
//! | `worker` | what was asked of a worker, what was seen of it, and what follows |
//! | `values` | the settings that workers say they have, held against the inventory's |
//! | `safety` | what a plan may do to an inventory's cluster |
//! | `would_run` | every command that a run would run |
//! | `executor` | running commands here and over ssh |
//! | `first_look` | that each control leads to a worker that runs, and what its log says |
//! | `join` | everything is looked at before anything is touched |
//! | `cluster` | the runtime itself |
//! | `undo`, `own` | bringing workers back, and removing what is ours |
//! | `clean` | the same from the ledger of a harness that was killed |

mod clean;
mod cluster;
mod commands;
mod error;
mod executor;
mod first_look;
mod join;
mod own;
mod safety;
mod seen;
mod undo;
mod values;
mod worker;
mod would_run;

pub(super) use clean::undo_ledger;
pub use cluster::{AttachedCluster, Joined, Other};
pub use error::AttachedError;
pub use join::Joining;
pub use own::remove;
pub use safety::check;
pub use values::{Told, contradictions};
pub use would_run::{Commanded, WouldRun, would_run};
