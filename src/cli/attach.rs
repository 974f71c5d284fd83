//! `--attach`: reading an inventory, a scenario for it, and what can be refused before a run begins.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::model::Seed;
use crate::plan::Plan;
use crate::run::Attach;
use crate::runtime::attached;
use crate::scenario::Override;
use crate::scenario::inventory::{self, Inventory};

use super::exit::Exit;
use super::input::read_text;
use super::output::{Output, first_lines};
use super::scenarios::{self, Loaded};

/// Which cluster is joined.
#[derive(Debug, Args)]
pub struct AttachArguments {
    /// Attach to the running cluster of this inventory file instead of starting one; `compose.yaml` is bundled
    #[arg(long, value_name = "INVENTORY")]
    pub attach: Option<PathBuf>,
    /// The Connect group that may be disturbed; needed when the cluster is not on this machine
    #[arg(long, value_name = "GROUP", requires = "attach")]
    pub yes_i_mean: Option<String>,
}

/// Which scenario, with what set in it, for which cluster.
#[derive(Debug, Args)]
pub struct Asked {
    /// Scenario file (YAML or JSON), or the name of a bundled scenario
    pub scenario: PathBuf,
    /// A value of the scenario to set, as if it stood in the file: connect.config.offset.flush.interval.ms=1000,
    /// route.archive.config.tasks.max=2 or faults.1.kill.target=leader; may be repeated
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub set: Vec<Override>,
    /// Seed of all choices, like 7f3a-91c2; drawn anew and printed when left out
    #[arg(long)]
    pub seed: Option<Seed>,
    /// The cluster to join instead of starting one
    #[command(flatten)]
    pub cluster: AttachArguments,
}

/// A scenario with the inventory of the cluster that it is for, if it is for one.
pub struct Chosen {
    /// The scenario.
    pub loaded: Loaded,
    /// Its timetable.
    pub plan: Plan,
    /// The cluster.
    pub attach: Option<Attach>,
}

/// Reads the scenario with the values that are set, for the cluster of `--attach` where there is one, and draws its plan.
pub fn choose(asked: &Asked, output: &Output) -> Result<Chosen, Exit> {
    let (scenario, set) = (asked.scenario.as_path(), asked.set.as_slice());
    let Some(path) = &asked.cluster.attach else {
        let loaded = scenarios::load(scenario, set, output)?;
        let plan = scenarios::plan_of(&loaded, asked.seed);
        return Ok(Chosen {
            loaded,
            plan,
            attach: None,
        });
    };
    let given = path.clone();
    let (inventory, path) = read(path, output)?;
    let (loaded, differences) = scenarios::load_for((scenario, set), &inventory, output)?;
    let plan = plan_of(&loaded, &inventory, asked.seed);
    Ok(Chosen {
        loaded,
        plan,
        attach: Some(Attach {
            inventory,
            path,
            given,
            yes_i_mean: asked.cluster.yes_i_mean.clone(),
            differences,
        }),
    })
}

/// Faults that go through all workers go through those that may be touched.
fn plan_of(loaded: &Loaded, inventory: &Inventory, seed: Option<Seed>) -> Plan {
    let mut loaded = loaded.clone();
    let touchable: Vec<_> = inventory
        .touchable()
        .map(|worker| worker.name.clone())
        .collect();
    if !touchable.is_empty() {
        loaded.scenario.connect.workers = touchable;
    }
    scenarios::plan_of(&loaded, seed)
}

/// Refuses what is known to be wrong before anything is asked of the cluster.
pub fn refuse(chosen: &Chosen, output: &Output) -> Result<(), Exit> {
    let refused = refusals(chosen);
    if refused.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> = refused.iter().map(|why| format!("- {why}")).collect();
    Err(output.failed(
        Exit::Usage,
        &format!("refused, nothing was touched:\n{}", first_lines(&lines)),
    ))
}

/// Everything for which a run would be refused, as far as it is known before.
pub fn refusals(chosen: &Chosen) -> Vec<String> {
    let Some(attach) = &chosen.attach else {
        return Vec::new();
    };
    attached::check(
        &chosen.plan,
        &chosen.loaded.scenario,
        &attach.inventory,
        None,
        attach.yes_i_mean.as_deref(),
    )
}

/// Reads an inventory file, or a bundled one by its name; every mistake goes to stderr.
pub fn read(path: &Path, output: &Output) -> Result<(Inventory, PathBuf), Exit> {
    let name = path.to_string_lossy().into_owned();
    let bundled = inventory::BUNDLED
        .iter()
        .find(|(bundled, _)| *bundled == name);
    let (text, kept) = match (read_text(path), bundled) {
        (Ok(text), _) => (
            text,
            std::path::absolute(path).unwrap_or_else(|_| path.to_owned()),
        ),
        (Err(_), Some((_, text))) => ((*text).to_owned(), path.to_owned()),
        (Err(error), None) => {
            let known: Vec<&str> = inventory::BUNDLED.iter().map(|(name, _)| *name).collect();
            return Err(output.failed(
                Exit::Usage,
                &format!(
                    "cannot read inventory {name}: {error}; give an inventory file, or a bundled one: {}",
                    known.join(", ")
                ),
            ));
        }
    };
    match inventory::parse(&name, &text) {
        Ok(inventory) => Ok((inventory, kept)),
        Err(mistakes) => {
            output.painted_remark(&mistakes.render(output.colour_err()));
            Err(Exit::Usage)
        }
    }
}
