//! Whose word on a task's state counts: what readers of the status topic make of a zombie's.

use crate::model::WorkerName;

/// What one record of the status topic says of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Word<'a> {
    /// RUNNING, UNASSIGNED, …
    pub state: &'a str,
    /// Who wrote it; `None` for a stranger.
    pub worker: Option<&'a WorkerName>,
    /// The generation of the group that it was written in.
    pub generation: i64,
}

impl Word<'_> {
    /// Whether this word, which came after `before`, says nothing about the task: a worker that the group had given up says
    /// that it has let go of what another runs by now. Connect's own readers pass over it from 3.6 on (KAFKA-12525).
    pub fn is_of_a_zombie(&self, before: &Self) -> bool {
        self.state == "UNASSIGNED"
            && before.state == "RUNNING"
            && self.worker != before.worker
            && self.generation <= before.generation
    }
}
