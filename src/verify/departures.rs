//! Members that the group lost although no fault was done to their worker.

use std::collections::BTreeMap;

use crate::journal::{GroupMember, RunInfo};
use crate::model::{Moment, WorkerName};

use super::history::History;
use super::members::is_struck;

/// A member that was there in a stable view of the group, and from some moment on in none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Departure {
    /// When the first view without it was seen.
    pub at: Moment,
    /// Its worker; `None` for a stranger.
    pub worker: Option<WorkerName>,
    /// The address that it advertised.
    pub url: String,
}

impl Departure {
    /// Who it was, in words.
    pub(super) fn who(&self) -> String {
        match &self.worker {
            Some(worker) => worker.to_string(),
            None => format!("the member at {}, which is no worker of this run", self.url),
        }
    }
}

/// All such departures while the tasks were to run, in the order of their times. A member id that is gone never comes back,
/// so one that is seen again later had not left: the brokers had only not known it for a moment.
pub(super) fn unasked(history: &History<'_>, info: &RunInfo) -> Vec<Departure> {
    let Some(from) = history.tasks_running else {
        return Vec::new();
    };
    let to = history.duty_end();
    let held = history.groups.iter().rposition(|(at, _)| *at <= from);
    let views: Vec<_> = history
        .groups
        .iter()
        .skip(held.unwrap_or(0))
        .filter(|(at, _)| *at < to)
        .collect();
    let mut stable: BTreeMap<&str, &GroupMember> = BTreeMap::new();
    let mut last: BTreeMap<&str, usize> = BTreeMap::new();
    for (number, (_, view)) in views.iter().enumerate() {
        for member in &view.members {
            last.insert(&member.member_id, number);
            // Addresses are told in a stable group only.
            if view.state == "Stable" {
                stable.insert(&member.member_id, member);
            }
        }
    }
    let departed = stable.into_iter().filter_map(|(id, member)| {
        let (at, _) = views.get(last.get(id)? + 1)?;
        let departure = Departure {
            at: *at,
            worker: member.worker.clone(),
            url: member.url.clone(),
        };
        let struck = member
            .worker
            .as_ref()
            .is_some_and(|worker| is_struck((history, info), worker, id, *at));
        (!struck).then_some(departure)
    });
    let mut all: Vec<Departure> = departed.collect();
    all.sort_by_key(|departure| departure.at);
    all
}
