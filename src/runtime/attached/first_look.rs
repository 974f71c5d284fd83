//! The first look at the workers that may be touched: that each control leads to a worker that runs, and what its log says.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use crate::connect::worker_values::last_in;
use crate::scenario::inventory::{Control, Inventory, Ssh, Way};

use super::super::{Condition, RuntimeError};
use super::commands::{
    Network, commands_of, container_question, network_question, networks_in, settings_question,
};
use super::error::AttachedError;
use super::executor::Executor;
use super::seen::{Seen, seen};
use super::values::Told;
use super::worker::{State, Worker};

const COMMAND_LIMIT: Duration = Duration::from_secs(15);
/// How long reading a worker's whole log may take.
const LOG_LIMIT: Duration = Duration::from_secs(30);

/// What was seen.
#[derive(Default)]
pub struct Looked {
    /// The inventory's workers in its order, with their commands.
    pub workers: Vec<Worker>,
    /// What their logs so far say of their settings.
    pub told: Told,
}

/// Looks at all workers of the inventory; a log that cannot be read says nothing. Fails with every control that leads to no
/// worker that runs.
pub fn at_all(inventory: &Inventory, executor: &Executor) -> Result<Looked, RuntimeError> {
    let mut looked = Looked::default();
    let mut troubles = Vec::new();
    for there in &inventory.workers {
        let mut worker = Worker::found(
            there.name.clone(),
            Some(there.rest.clone()),
            there.worker_id(),
        );
        if let Some(control) = &there.control {
            match at_one(executor, control, &mut worker) {
                Ok(values) if values.is_empty() => {}
                Ok(values) => {
                    looked.told.insert(there.name.clone(), values);
                }
                Err(why) => troubles.push(format!("{}: {why}", there.name)),
            }
        }
        looked.workers.push(worker);
    }
    if !troubles.is_empty() {
        return Err(AttachedError::Control(troubles).into());
    }
    Ok(looked)
}

/// Gives the worker its control and its identity; returns the settings in its log.
fn at_one(
    executor: &Executor,
    control: &Control,
    worker: &mut Worker,
) -> Result<BTreeMap<String, String>, String> {
    let ssh = control.ssh.as_ref();
    let way = container_of(executor, &control.way, ssh)?;
    let network = network_of(executor, &way, ssh);
    let commands = commands_of(&way, network.as_ref());
    let status = commands.status.clone().unwrap_or_default();
    let seen = running(executor, ssh, &status)?;
    worker.state = Mutex::new(State::found(seen.identity));
    worker.control = Some((commands, control.ssh.clone()));
    let log = settings_question(&way).and_then(|ask| executor.ask(ssh, &ask, LOG_LIMIT).ok());
    Ok(log.map(|ran| last_in(&ran.stdout)).unwrap_or_default())
}

/// The way with the container of a service in its place.
fn container_of(executor: &Executor, way: &Way, ssh: Option<&Ssh>) -> Result<Way, String> {
    let Some(question) = container_question(way) else {
        return Ok(way.clone());
    };
    let ran = executor
        .ask(ssh, &question, COMMAND_LIMIT)
        .map_err(|error| error.to_string())?;
    if ran.status != Some(0) {
        return Err(format!("`{question}` {}", ran.words()));
    }
    let names: Vec<&str> = ran.stdout.split_whitespace().collect();
    match names.as_slice() {
        [name] => Ok(Way::Docker {
            container: (*name).to_owned(),
            network: None,
        }),
        [] => Err(format!(
            "`{question}` finds no container; is the project up?"
        )),
        _ => Err(format!(
            "`{question}` finds {} containers: {}; there must be one",
            names.len(),
            names.join(", ")
        )),
    }
}

/// The network that a container can be cut off from; without an answer the commands find it themselves.
fn network_of(executor: &Executor, way: &Way, ssh: Option<&Ssh>) -> Option<Network> {
    let question = network_question(way)?;
    let ran = executor.ask(ssh, &question, COMMAND_LIMIT).ok()?;
    let networks = networks_in(&ran.stdout)?;
    let named = match way {
        Way::Docker { network, .. } => network.clone(),
        _ => None,
    };
    match named {
        Some(name) => networks.into_iter().find(|network| network.name == name),
        None => networks.into_iter().next(),
    }
}

/// The worker behind the status command, which must run.
fn running(executor: &Executor, ssh: Option<&Ssh>, status: &str) -> Result<Seen, String> {
    let ran = executor
        .ask(ssh, status, COMMAND_LIMIT)
        .map_err(|error| error.to_string())?;
    if ran.status != Some(0) {
        return Err(format!("`{status}` {}", ran.words()));
    }
    let seen = seen(&ran.stdout).map_err(|why| format!("`{status}` {why}"))?;
    if seen.condition == Condition::Running {
        return Ok(seen);
    }
    let said = ran.stdout.trim();
    Err(format!(
        "`{status}` says `{said}`, but the worker answers: the control leads to something else, or nowhere"
    ))
}
