//! What a run may do to somebody else's cluster: a plain function of plan and inventory, asked before anything is touched.

use std::collections::BTreeSet;

use crate::model::{Due, FaultKind, Medium, PlannedFault, Restart, Target, WorkerName};
use crate::plan::Plan;
use crate::scenario::Scenario;
use crate::scenario::inventory::{Control, Inventory, InventoryWorker, is_loopback};

use super::commands::{commands_of, needed_for};

/// What is known of the group.
#[derive(Debug, Clone, Copy)]
pub struct Group<'a> {
    /// `group.id`.
    pub id: &'a str,
    /// The worker that leads it now, where that is one of the inventory.
    pub leader: Option<&'a WorkerName>,
    /// Whether it has members that the inventory does not have.
    pub has_strangers: bool,
}

/// Everything for which this plan is refused on this cluster, in words; empty when it may be run. Before the group is
/// known, what depends on it is left for later.
pub fn check(
    plan: &Plan,
    scenario: &Scenario,
    inventory: &Inventory,
    group: Option<&Group<'_>>,
    yes_i_mean: Option<&str>,
) -> Vec<String> {
    let mut refused = Vec::new();
    refused.extend(not_meant(inventory, group, yes_i_mean));
    if inventory.data.is_none() && needs_files(scenario) {
        refused.push(
            "the route has files, and the inventory no `data`: name a folder that has the same path here and for all workers".to_owned(),
        );
    }
    if !plan.faults.is_empty() && inventory.touchable().next().is_none() {
        refused.push(
            "the inventory gives no way to touch any worker: add `docker`, `compose`, `systemd`, `process` or `command`".to_owned(),
        );
        return refused;
    }
    for fault in &plan.faults {
        refused.extend(cannot_do(fault, inventory));
        refused.extend(cannot_aim(fault, inventory, group));
    }
    refused.extend(too_many_down(plan, inventory));
    let mut told = BTreeSet::new();
    refused.retain(|why| told.insert(why.clone()));
    refused
}

/// Whether a place of the route is a file.
pub fn needs_files(scenario: &Scenario) -> bool {
    let mut places = scenario.route.places();
    places.any(|place| matches!(place.medium, Medium::File(_)))
}

/// What of this inventory is not on this machine: addresses and hosts.
pub fn elsewhere(inventory: &Inventory) -> Vec<String> {
    let mut found = Vec::new();
    let brokers = inventory.bootstrap.split(',').map(str::trim);
    let rest = inventory.workers.iter().map(|worker| {
        let address = worker.rest.split("://").nth(1).unwrap_or(&worker.rest);
        address.trim_end_matches('/')
    });
    for address in brokers.chain(rest) {
        let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
        if !is_loopback(host) {
            found.push(address.to_owned());
        }
    }
    for ssh in inventory
        .touchable()
        .filter_map(|worker| worker.control.as_ref()?.ssh.as_ref())
    {
        if !is_loopback(&ssh.host) {
            found.push(format!("ssh {}", ssh.host));
        }
    }
    found.sort();
    found.dedup();
    found
}

fn not_meant(
    inventory: &Inventory,
    group: Option<&Group<'_>>,
    yes_i_mean: Option<&str>,
) -> Option<String> {
    let elsewhere = elsewhere(inventory);
    let id = group
        .map(|group| group.id)
        .or(inventory.group_id.as_deref());
    let shown = id.unwrap_or("NAME-OF-GROUP");
    match (yes_i_mean, id) {
        (Some(meant), Some(id)) if meant != id => Some(format!(
            "--yes-i-mean {meant}, but the group is {id}: is this the right inventory?"
        )),
        (None, _) if !elsewhere.is_empty() => Some(format!(
            "this cluster is not on this machine ({}): add --yes-i-mean {shown} if that is meant",
            elsewhere.join(", ")
        )),
        _ => None,
    }
}

/// The workers that a fault may come to, as far as that is known before.
pub fn candidates<'i>(target: &Target, inventory: &'i Inventory) -> Vec<&'i InventoryWorker> {
    match target {
        Target::Worker(name) => inventory.worker(name).into_iter().collect(),
        Target::Leader | Target::Follower | Target::Any | Target::All | Target::Owner(_) => {
            inventory.touchable().collect()
        }
    }
}

/// The controls of the workers lack something for this fault or for its undoing.
fn cannot_do(fault: &PlannedFault, inventory: &Inventory) -> Vec<String> {
    let mut why = Vec::new();
    for worker in candidates(&fault.target, inventory) {
        let Some(Control { way, .. }) = &worker.control else {
            continue;
        };
        let commands = commands_of(way, None);
        let missing: Vec<&str> = needed_for(&commands, fault.kind)
            .into_iter()
            .filter(|(_, command)| command.is_none())
            .map(|(name, _)| name)
            .collect();
        if !missing.is_empty() {
            why.push(format!(
                "{}: {} of {}: its control has no {}",
                fault.id,
                noun(fault.kind),
                worker.name,
                missing.join(" and no ")
            ));
        }
    }
    why
}

fn cannot_aim(
    fault: &PlannedFault,
    inventory: &Inventory,
    group: Option<&Group<'_>>,
) -> Option<String> {
    let id = fault.id;
    match &fault.target {
        Target::Worker(name) => match inventory.worker(name) {
            None => Some(format!("{id}: worker {name} is not in the inventory")),
            Some(worker) if worker.control.is_none() => Some(format!(
                "{id}: worker {name} may not be touched: the inventory gives no way to"
            )),
            Some(_) => None,
        },
        Target::Leader => {
            let group = group?;
            let touchable = |name: &WorkerName| {
                inventory
                    .worker(name)
                    .is_some_and(|worker| worker.control.is_some())
            };
            match group.leader {
                Some(leader) if touchable(leader) => None,
                Some(leader) => Some(format!(
                    "{id}: {leader} leads the group and may not be touched; name another target, or give {leader} a control"
                )),
                None if group.has_strangers => Some(format!(
                    "{id}: the group is led by a worker that is not in the inventory; name another target"
                )),
                None => None,
            }
        }
        Target::Follower if inventory.touchable().count() < 2 => Some(format!(
            "{id}: a follower needs two workers that may be touched, for one of them may lead"
        )),
        Target::Follower | Target::Any | Target::All | Target::Owner(_) => None,
    }
}

const fn noun(kind: FaultKind) -> &'static str {
    match kind {
        FaultKind::Kill => "a kill",
        FaultKind::Stop { .. } => "a stop",
        FaultKind::Pause => "a pause",
        FaultKind::Disconnect => "a network loss",
    }
}

/// How many workers a fault takes.
fn taken(fault: &PlannedFault, touchable: usize) -> usize {
    match fault.target {
        Target::All => touchable,
        Target::Worker(_) | Target::Leader | Target::Follower | Target::Any | Target::Owner(_) => 1,
    }
}

/// The most workers that this plan may have down at once. Faults on the clock come whether or not earlier ones are over;
/// the others wait until everything is as before, less the workers that never come back.
pub fn most_down(plan: &Plan, touchable: usize) -> usize {
    let never: usize = plan
        .faults
        .iter()
        .filter(|fault| fault.restart == Restart::Never)
        .map(|fault| taken(fault, touchable))
        .sum();
    let comes_back = |fault: &&PlannedFault| fault.restart != Restart::Never;
    let is_timed = |fault: &PlannedFault| matches!(fault.due, Due::At { .. });
    let waiting = plan
        .faults
        .iter()
        .filter(comes_back)
        .filter(|fault| !is_timed(fault))
        .map(|fault| taken(fault, touchable))
        .max()
        .unwrap_or(0);
    let timed: Vec<&PlannedFault> = plan
        .faults
        .iter()
        .filter(comes_back)
        .filter(|fault| is_timed(fault))
        .collect();
    let at_once = timed.iter().map(|fault| {
        let (begin, _) = window(fault);
        let overlapping = timed.iter().filter(|other| {
            let (from, to) = window(other);
            from <= begin && begin < to
        });
        overlapping
            .map(|other| taken(other, touchable))
            .sum::<usize>()
    });
    (never + waiting + at_once.max().unwrap_or(0)).min(touchable)
}

/// How long a start takes until a worker counts as up again.
const START_MS: u64 = 60_000;

/// From when until when a fault on the clock may keep its worker down, in milliseconds after the baseline.
fn window(fault: &PlannedFault) -> (u64, u64) {
    let begin = match fault.due {
        Due::At { ms } | Due::AfterRecovery { ms } | Due::InSeries { ms, .. } => ms,
    };
    let grace = match fault.kind {
        FaultKind::Stop { grace_ms } => grace_ms,
        FaultKind::Kill | FaultKind::Pause | FaultKind::Disconnect => 0,
    };
    let down = match fault.restart {
        Restart::After { ms } => ms,
        Restart::Never => 0,
    };
    (begin, begin + grace + down + START_MS)
}

fn too_many_down(plan: &Plan, inventory: &Inventory) -> Option<String> {
    let most = most_down(plan, inventory.touchable().count());
    let allowed = usize::try_from(inventory.max_down).unwrap_or(usize::MAX);
    (most > allowed).then(|| {
        format!(
            "up to {most} workers may be down at once, and `max-down` of the inventory allows {allowed}: change the faults, or write `max-down: {most}`"
        )
    })
}

#[cfg(test)]
#[path = "safety_tests.rs"]
mod tests;
