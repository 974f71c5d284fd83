//! What is ours in somebody else's cluster, and its removal: connectors, their offsets, groups, topics and files.

use std::path::Path;
use std::time::Duration;

use crate::connect::reach::cluster_of;
use crate::connect::rest::{ConnectorStatus, while_passing};
use crate::connect::{Access, Rest};
use crate::journal::Deadline;
use crate::kafka::Admin;
use crate::model::ConnectorName;
use crate::scenario::inventory::Inventory;

const ANSWER_LIMIT: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(100);
/// After this long what is left is told instead.
const REMOVE_LIMIT: Duration = Duration::from_secs(60);
/// Topics that were not there for this long do not come back.
const STAY_AWAY: Duration = Duration::from_secs(1);
/// How long a connector may take to stop; without that its offsets stay behind, which harms nobody.
const STOP_LIMIT: Duration = Duration::from_secs(20);

/// Removes everything whose name begins with this prefix; returns what is left, in words. Never touches anything else.
pub fn remove(inventory: &Inventory, prefix: &str) -> Vec<String> {
    let deadline = Deadline::after(REMOVE_LIMIT);
    let mut left = Vec::new();
    if let Err(why) = remove_connectors(inventory, prefix, deadline) {
        left.push(format!("connectors that begin with {prefix}: {why}"));
    }
    match Admin::new(&cluster_of(inventory)) {
        Ok(admin) => {
            if let Err(why) = remove_groups(&admin, prefix, deadline) {
                left.push(format!(
                    "consumer groups that begin with connect-{prefix}: {why}"
                ));
            }
            if let Err(why) = remove_topics(&admin, prefix, deadline) {
                left.push(format!("topics with {prefix} in their names: {why}"));
            }
        }
        Err(error) => left.push(format!("topics with {prefix} in their names: {error}")),
    }
    if let Some(Err(why)) = inventory
        .data
        .as_ref()
        .map(|data| remove_files(data, prefix))
    {
        left.push(why);
    }
    left
}

fn remove_connectors(
    inventory: &Inventory,
    prefix: &str,
    deadline: Deadline,
) -> Result<(), String> {
    let access = Access::from(&inventory.rest);
    let mut why = "no worker".to_owned();
    loop {
        for worker in &inventory.workers {
            let removed = Rest::with_access(&worker.rest, &access)
                .map_err(|error| error.to_string())
                .and_then(|rest| remove_connectors_by(&rest, prefix, deadline));
            match removed {
                Ok(()) => return Ok(()),
                Err(error) => why = error,
            }
        }
        if deadline.has_passed() {
            return Err(why);
        }
        std::thread::sleep(POLL);
    }
}

/// Our connectors, and whether each has stopped and let go of all its tasks.
fn own_connectors(rest: &Rest, prefix: &str) -> Result<Vec<(ConnectorName, bool)>, String> {
    let all = rest
        .status_all(ANSWER_LIMIT)
        .map_err(|error| error.to_string())?;
    let own = all
        .into_iter()
        .filter(|(name, _)| name.as_str().starts_with(prefix));
    let stopped = |status: &ConnectorStatus| status.state == "STOPPED" && status.tasks.is_empty();
    Ok(own.map(|(name, status)| (name, stopped(&status))).collect())
}

fn remove_connectors_by(rest: &Rest, prefix: &str, deadline: Deadline) -> Result<(), String> {
    let own = own_connectors(rest, prefix)?;
    let stop_limit = Deadline::after(STOP_LIMIT);
    let brief = |timeout: Duration| timeout.min(ANSWER_LIMIT);
    // Stopped connectors let go of their offsets; releases that cannot do this leave them behind.
    let can_stop = own.iter().all(|(name, _)| {
        while_passing(stop_limit, |timeout| rest.stop(name, brief(timeout))).is_ok()
    });
    while can_stop
        && own_connectors(rest, prefix)?
            .iter()
            .any(|(_, stopped)| !stopped)
        && !stop_limit.has_passed()
    {
        std::thread::sleep(POLL);
    }
    for (name, _) in &own {
        if can_stop {
            // Without this the connector goes all the same.
            let _ = while_passing(stop_limit, |timeout| {
                rest.reset_offsets(name, brief(timeout))
            });
        }
        while_passing(deadline, |timeout| rest.delete(name, brief(timeout)))
            .map_err(|error| error.to_string())?;
    }
    while !own_connectors(rest, prefix)?.is_empty() {
        if deadline.has_passed() {
            return Err("they were deleted and are still there".to_owned());
        }
        std::thread::sleep(POLL);
    }
    Ok(())
}

/// Groups of deleted sinks lose their members within moments.
fn remove_groups(admin: &Admin, prefix: &str, deadline: Deadline) -> Result<(), String> {
    loop {
        let groups = admin
            .groups(ANSWER_LIMIT)
            .map_err(|error| error.to_string())?;
        let own: Vec<&String> = groups
            .iter()
            .filter(|(name, group)| {
                let bare = name.strip_prefix("connect-").unwrap_or(name);
                bare.starts_with(prefix) && group.state != "Dead"
            })
            .map(|(name, _)| name)
            .collect();
        let mut why = None;
        for group in own {
            if let Err(error) = admin.delete_group(group, Deadline::after(ANSWER_LIMIT)) {
                why = Some(error.to_string());
            }
        }
        match why {
            None => return Ok(()),
            Some(why) if deadline.has_passed() => return Err(why),
            Some(_) => std::thread::sleep(POLL),
        }
    }
}

/// The prefix holds the run's own number, so that a topic with it anywhere in its name is ours: MirrorSource puts words of
/// its own before it. A task that is still stopping may make its topic again by asking for it, so they must stay away.
fn remove_topics(admin: &Admin, prefix: &str, deadline: Deadline) -> Result<(), String> {
    let mut gone = Deadline::after(STAY_AWAY);
    loop {
        let topics = admin
            .topics(ANSWER_LIMIT)
            .map_err(|error| error.to_string())?;
        let own: Vec<&String> = topics
            .iter()
            .filter(|topic| topic.contains(prefix))
            .collect();
        if own.is_empty() && gone.has_passed() {
            return Ok(());
        }
        if !own.is_empty() {
            gone = Deadline::after(STAY_AWAY);
        }
        for topic in &own {
            admin
                .delete_topic(topic, Deadline::after(ANSWER_LIMIT * 2))
                .map_err(|error| error.to_string())?;
        }
        if !own.is_empty() && deadline.has_passed() {
            return Err("they were deleted and are still there".to_owned());
        }
        std::thread::sleep(POLL);
    }
}

fn remove_files(data: &Path, prefix: &str) -> Result<(), String> {
    let Ok(entries) = std::fs::read_dir(data) else {
        return Ok(());
    };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(prefix) {
            let path = entry.path();
            std::fs::remove_file(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        }
    }
    Ok(())
}
