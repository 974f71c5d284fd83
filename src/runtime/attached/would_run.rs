//! Every command that a run on an attached cluster would run, without running any.

use serde::Serialize;

use crate::model::{PlannedFault, Restart};
use crate::plan::Plan;
use crate::scenario::inventory::{Inventory, InventoryWorker};

use super::commands::{
    commands_of, container_question, needed_for, network_question, settings_question, useful_for,
};
use super::safety::candidates;

/// A command that would be run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct WouldRun {
    /// The fault, such as `F1`; `at first` and `always` for finding, looking and following logs.
    pub fault: String,
    /// The worker; for a role each that may have it.
    pub worker: String,
    /// The machine, when it is another one.
    pub host: Option<String>,
    /// What it does: `kill`, `start`, `status`.
    pub what: String,
    /// The command.
    pub command: String,
}

/// All of it is shown up to so many bytes: a plan names the same commands with each of its faults.
const MOST_BYTES: usize = 1 << 20;

/// What a plan would run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commanded {
    /// The commands for each worker that may be touched, then those of each fault.
    pub commands: Vec<WouldRun>,
    /// Of how many faults not all commands are here because it would be too much to show; they are like the others.
    pub more_faults: usize,
}

impl WouldRun {
    fn bytes(&self) -> usize {
        let host = self.host.as_ref().map_or(0, String::len);
        self.worker.len() + host + self.what.len() + self.command.len() + 40
    }
}

/// Every command, without running any.
pub fn would_run(inventory: &Inventory, plan: &Plan) -> Commanded {
    let mut commands = of_workers(inventory);
    let mut bytes = 0;
    for (shown, fault) in plan.faults.iter().enumerate() {
        for worker in candidates(&fault.target, inventory) {
            let first = commands.len();
            of_fault(fault, worker, &mut commands);
            bytes += commands[first..].iter().map(WouldRun::bytes).sum::<usize>();
            if bytes > MOST_BYTES {
                let more_faults = plan.faults.len() - shown;
                return Commanded {
                    commands,
                    more_faults,
                };
            }
        }
    }
    Commanded {
        commands,
        more_faults: 0,
    }
}

/// For finding each worker, looking at it and following its log.
fn of_workers(inventory: &Inventory) -> Vec<WouldRun> {
    let mut all = Vec::new();
    for worker in inventory.touchable() {
        let Some(control) = &worker.control else {
            continue;
        };
        let commands = commands_of(&control.way, None);
        let before = [
            ("container c", container_question(&control.way)),
            ("networks", network_question(&control.way)),
            ("settings", settings_question(&control.way)),
        ];
        let always = [("status", commands.status), ("log", commands.log)];
        for (when, what, command) in before
            .map(|(what, command)| ("at first", what, command))
            .into_iter()
            .chain(always.map(|(what, command)| ("always", what, command)))
        {
            all.extend(command.map(|command| WouldRun {
                fault: when.to_owned(),
                worker: worker.name.to_string(),
                host: control.ssh.as_ref().map(|ssh| ssh.host.clone()),
                what: what.to_owned(),
                command,
            }));
        }
    }
    all
}

fn of_fault(fault: &PlannedFault, worker: &InventoryWorker, all: &mut Vec<WouldRun>) {
    let Some(control) = &worker.control else {
        return;
    };
    let commands = commands_of(&control.way, None);
    let useful = useful_for(&commands, fault.kind);
    for (what, command) in needed_for(&commands, fault.kind)
        .into_iter()
        .chain(useful.map(|(what, command)| (what, Some(command))))
    {
        let at_end =
            fault.restart == Restart::Never && matches!(what, "start" | "resume" | "reconnect");
        all.extend(command.map(|command| WouldRun {
            fault: fault.id.to_string(),
            worker: worker.name.to_string(),
            host: control.ssh.as_ref().map(|ssh| ssh.host.clone()),
            what: if at_end {
                format!("{what} at the end")
            } else {
                what.to_owned()
            },
            command: command.to_owned(),
        }));
    }
}
