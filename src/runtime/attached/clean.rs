//! Undoing from the ledger what a harness that was itself killed has left in an attached cluster.

use std::collections::BTreeMap;
use std::path::Path;

use crate::model::WorkerName;
use crate::scenario::inventory::{self, Inventory};

use super::super::{Thing, Undo, UserFolders, private};
use super::executor::Executor;
use super::own;
use super::undo::STOP_LIMIT;

/// Brings back the workers that the ledger says something was done to, and removes what is ours; returns what was done.
/// What could not be done is added to `left`.
pub(in crate::runtime) fn undo_ledger(
    folders: &UserFolders,
    things: &[Thing],
    left: &mut Vec<String>,
) -> Vec<String> {
    let mut done = Vec::new();
    let outstanding = outstanding(things);
    if !outstanding.is_empty() {
        let sockets = private::fresh_path(folders);
        let made = sockets.and_then(|sockets| {
            if outstanding.values().any(|undo| undo.ssh.is_some()) {
                private::make_folder(&sockets)?;
            }
            Executor::new(sockets)
        });
        match made {
            Ok(executor) => bring_back(&executor, &outstanding, &mut done, left),
            Err(error) => left.push(error.to_string()),
        }
    }
    for thing in things {
        if let Thing::Own { inventory, prefix } = thing {
            match read(inventory) {
                Ok(inventory) => {
                    let own = own::remove(&inventory, prefix);
                    if own.is_empty() {
                        done.push(format!(
                            "removed what begins with {prefix} from {}",
                            inventory.name
                        ));
                    }
                    left.extend(own);
                }
                Err(why) => left.push(format!(
                    "connectors and topics that begin with {prefix}: {why}"
                )),
            }
        }
    }
    done
}

/// What was done to each worker and not undone.
fn outstanding(things: &[Thing]) -> BTreeMap<&WorkerName, &Undo> {
    let mut outstanding = BTreeMap::new();
    for thing in things {
        match thing {
            Thing::Undo(undo) => drop(outstanding.insert(&undo.worker, undo.as_ref())),
            Thing::Undone { worker } => drop(outstanding.remove(worker)),
            _ => {}
        }
    }
    outstanding
}

fn bring_back(
    executor: &Executor,
    outstanding: &BTreeMap<&WorkerName, &Undo>,
    done: &mut Vec<String>,
    left: &mut Vec<String>,
) {
    for (worker, undo) in outstanding {
        // Of a worker that cannot be told from its next start, what was asked has been done or never will be.
        let is_known = undo.ending && undo.identity.is_some();
        match undo.undo(executor, is_known.then_some(STOP_LIMIT)) {
            Ok(words) if words.is_empty() => done.push(format!("worker {worker} runs")),
            Ok(words) => done.push(format!("worker {worker} was {}", words.join(" and "))),
            Err(why) => left.push(format!("worker {worker}: {why}")),
        }
    }
}

fn read(path: &Path) -> Result<Inventory, String> {
    let name = path.to_string_lossy();
    let bundled = inventory::BUNDLED
        .iter()
        .find(|(bundled, _)| *bundled == name);
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => match bundled {
            Some((_, text)) => (*text).to_owned(),
            None => return Err(format!("cannot read their inventory {name}: {error}")),
        },
    };
    inventory::parse(&name, &text)
        .map_err(|mistakes| format!("their inventory has mistakes now: {mistakes}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folders(temp: &Path) -> UserFolders {
        UserFolders {
            cache: temp.to_owned(),
            state: temp.to_owned(),
            temp: temp.to_owned(),
        }
    }

    fn undo(worker: &str, status: &str) -> Undo {
        Undo {
            worker: WorkerName::new(worker).unwrap(),
            identity: None,
            ssh: None,
            ending: false,
            kill: None,
            status: status.to_owned(),
            resume: None,
            reconnect: None,
            start: None,
        }
    }

    #[test]
    fn a_worker_is_brought_back_by_what_it_is_and_only_when_nobody_did_before() {
        let temp = tempfile::tempdir().unwrap();
        let file = temp.path().join("state");
        std::fs::write(&file, "paused 7\n").unwrap();
        let file = file.display();
        let mut paused = undo("w1", &format!("cat {file}"));
        paused.resume = Some(format!("echo ended >{file}"));
        paused.start = Some(format!("echo running 8 >{file}"));
        let things = [
            Thing::Undo(Box::new(undo("w2", "false"))),
            Thing::Undone {
                worker: WorkerName::new("w2").unwrap(),
            },
            Thing::Undo(Box::new(paused)),
        ];
        let mut left = Vec::new();
        let done = undo_ledger(&folders(temp.path()), &things, &mut left);
        assert_eq!(done, ["worker w1 was resumed and started"]);
        assert_eq!(left, Vec::<String>::new());
    }

    #[test]
    fn the_end_of_a_worker_that_was_asked_to_stop_is_awaited() {
        let temp = tempfile::tempdir().unwrap();
        let file = temp.path().join("state");
        std::fs::write(&file, "ended 143\n").unwrap();
        let file = file.display();
        let mut stopping = undo(
            "w1",
            &format!(
                "if [ -e {file}.seen ]; then cat {file}; else touch {file}.seen; echo running 7; fi"
            ),
        );
        stopping.start = Some(format!("echo running 8 >{file}"));
        stopping.identity = Some("7".to_owned());
        stopping.ending = true;
        let mut left = Vec::new();
        let done = undo_ledger(
            &folders(temp.path()),
            &[Thing::Undo(Box::new(stopping))],
            &mut left,
        );
        assert_eq!(done, ["worker w1 was started"]);
        assert_eq!(left, Vec::<String>::new());
    }

    #[test]
    fn what_cannot_be_undone_is_told_with_its_worker() {
        let temp = tempfile::tempdir().unwrap();
        let things = [
            Thing::Undo(Box::new(undo("w1", "echo ended"))),
            Thing::Own {
                inventory: temp.path().join("none.yaml"),
                prefix: "squall-x-".to_owned(),
            },
        ];
        let mut left = Vec::new();
        undo_ledger(&folders(temp.path()), &things, &mut left);
        assert_eq!(left.len(), 2, "{left:?}");
        assert!(
            left[0].starts_with("worker w1: it is to be started"),
            "{left:?}"
        );
        assert!(left[1].contains("squall-x-") && left[1].contains("none.yaml"));
    }
}
