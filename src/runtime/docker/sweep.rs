//! Removes the containers and networks that a harness that was itself killed has left, and only those.

use std::collections::{BTreeMap, HashMap};

use super::super::{CleanReport, CleanedRun, RuntimeError, Thing};
use super::engine::Engine;
use super::labels::{self, Ownership};

/// Containers and networks that were removed, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Swept {
    /// Containers.
    pub containers: Vec<String>,
    /// Networks.
    pub networks: Vec<String>,
}

/// What carries a run's label on the engine.
#[derive(Debug, Default)]
struct Found {
    containers: Vec<String>,
    networks: Vec<String>,
    labels: HashMap<String, String>,
}

/// Removes what the ledger of dead run `run` names; a thing of that name without the run's label is somebody else's.
/// What cannot be removed, and why, goes to `left`.
pub fn remove_things(run: &str, things: &[Thing], left: &mut Vec<String>) -> Swept {
    let is_of_engine =
        |thing: &Thing| matches!(thing, Thing::Container { .. } | Thing::Network { .. });
    if !things.iter().any(is_of_engine) {
        return Swept::default();
    }
    let found = Engine::connect().and_then(|engine| {
        Ok((
            with_label(&engine, &format!("{}={run}", labels::RUN))?,
            engine,
        ))
    });
    match found {
        Ok((mut runs, engine)) => runs
            .remove(run)
            .map(|found| remove(&engine, &found, left))
            .unwrap_or_default(),
        Err(error) => {
            left.push(format!("containers of run {run}: {error}"));
            Swept::default()
        }
    }
}

/// Removes all containers and networks whose harness is gone, found by their labels alone, and adds what it did to the
/// report. Says nothing when there is no engine.
pub fn clean_engine(report: &mut CleanReport) {
    let Ok(engine) = Engine::connect() else {
        return;
    };
    let runs = match with_label(&engine, labels::RUN) {
        Ok(runs) => runs,
        Err(error) => return report.left.push(error.to_string()),
    };
    for (run, found) in runs {
        match labels::ownership(&found.labels, now_unix_s()) {
            Ownership::Live => {}
            Ownership::Unknown => report.left.push(format!(
                "containers of run {run}: made on another machine or before a restart of this one; remove them with `docker rm -f {}` if that run is over",
                found.containers.join(" ")
            )),
            Ownership::Dead => {
                let swept = remove(&engine, &found, &mut report.left);
                report.runs.push(CleanedRun {
                    run,
                    run_folder: std::path::PathBuf::new(),
                    killed: Vec::new(),
                    undone: Vec::new(),
                    removed: Vec::new(),
                    containers: swept.containers,
                    networks: swept.networks,
                });
            }
        }
    }
}

/// Dead runs that still have something on this engine.
pub fn leftovers(engine: &Engine) -> Result<Vec<String>, RuntimeError> {
    let runs = with_label(engine, labels::RUN)?;
    Ok(runs
        .into_iter()
        .filter(|(_, found)| labels::ownership(&found.labels, now_unix_s()) == Ownership::Dead)
        .map(|(run, _)| run)
        .collect())
}

fn now_unix_s() -> i64 {
    crate::journal::unix_us() / 1_000_000
}

fn with_label(engine: &Engine, label: &str) -> Result<BTreeMap<String, Found>, RuntimeError> {
    let mut runs: BTreeMap<String, Found> = BTreeMap::new();
    for container in engine.containers_with(label)? {
        let labels = container.labels.unwrap_or_default();
        let name = container.names.unwrap_or_default().into_iter().next();
        let name = name.or(container.id).unwrap_or_default();
        if let Some(run) = labels.get(labels::RUN).cloned() {
            let found = runs.entry(run).or_default();
            found
                .containers
                .push(name.trim_start_matches('/').to_owned());
            found.labels = labels;
        }
    }
    for (name, labels) in engine.networks_with(label)? {
        if let Some(run) = labels.get(labels::RUN).cloned() {
            let found = runs.entry(run).or_default();
            found.networks.push(name);
            found.labels = labels;
        }
    }
    Ok(runs)
}

fn remove(engine: &Engine, found: &Found, left: &mut Vec<String>) -> Swept {
    let mut swept = Swept::default();
    for name in &found.containers {
        match engine.remove(name) {
            Ok(()) => swept.containers.push(name.clone()),
            Err(error) => left.push(error.to_string()),
        }
    }
    for name in &found.networks {
        match engine.remove_network(name) {
            Ok(()) => swept.networks.push(name.clone()),
            Err(error) => left.push(error.to_string()),
        }
    }
    swept
}
