//! Finding, reading and checking scenario files.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::model::{Seed, visible};
use crate::plan::Plan;
use crate::scenario::inventory::Inventory;
use crate::scenario::{self, Difference, Override, Scenario, with_overrides};

use super::exit::Exit;
use super::input::read_text;
use super::output::{Format, Output};

/// The scenarios that come with the program: name and text.
pub const BUNDLED: [(&str, &str); 13] = [
    (
        "quickstart",
        include_str!("../../scenarios/quickstart.yaml"),
    ),
    ("bounce", include_str!("../../scenarios/bounce.yaml")),
    (
        "bounce-graceful",
        include_str!("../../scenarios/bounce-graceful.yaml"),
    ),
    (
        "bounce-hard",
        include_str!("../../scenarios/bounce-hard.yaml"),
    ),
    (
        "leader-versus-follower",
        include_str!("../../scenarios/leader-versus-follower.yaml"),
    ),
    (
        "flush-interval",
        include_str!("../../scenarios/flush-interval.yaml"),
    ),
    (
        "exactly-once-source",
        include_str!("../../scenarios/exactly-once-source.yaml"),
    ),
    (
        "file-to-file",
        include_str!("../../scenarios/file-to-file.yaml"),
    ),
    (
        "own-sequence",
        include_str!("../../scenarios/own-sequence.yaml"),
    ),
    ("zombie", include_str!("../../scenarios/zombie.yaml")),
    ("partition", include_str!("../../scenarios/partition.yaml")),
    ("control", include_str!("../../scenarios/control.yaml")),
    ("nightly", include_str!("../../scenarios/nightly.yaml")),
];

/// Arguments of `validate`.
#[derive(Debug, Args)]
pub struct ValidateArguments {
    /// Scenario files
    pub scenarios: Vec<PathBuf>,
    /// What stdout gets
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub format: Format,
}

/// A scenario that was read and checked.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// As resolved.
    pub scenario: Scenario,
    /// As given.
    pub text: String,
    /// Where it was read, as given.
    pub path: String,
}

/// Reads a scenario file, or a bundled one by its name; every mistake goes to stderr.
pub fn load(path: &Path, set: &[Override], output: &Output) -> Result<Loaded, Exit> {
    load_with((path, set), output, None, scenario::parse).map(|(path, text, scenario)| Loaded {
        scenario,
        text,
        path,
    })
}

/// The same for the cluster of an inventory; also returns the settings that the cluster has otherwise.
pub fn load_for(
    asked: (&Path, &[Override]),
    inventory: &Inventory,
    output: &Output,
) -> Result<(Loaded, Vec<Difference>), Exit> {
    let parse = |name: &str, text: &str| scenario::parse_for(name, text, inventory);
    load_with(asked, output, Some(inventory), parse).map(|(path, text, (scenario, differences))| {
        let loaded = Loaded {
            scenario,
            text,
            path,
        };
        (loaded, differences)
    })
}

fn load_with<T>(
    (path, set): (&Path, &[Override]),
    output: &Output,
    inventory: Option<&Inventory>,
    parse: impl Fn(&str, &str) -> Result<T, scenario::Mistakes>,
) -> Result<(String, String, T), Exit> {
    let name = path.to_string_lossy().into_owned();
    let text = match read_text(path) {
        Ok(text) => text,
        Err(error) => match BUNDLED.iter().find(|(bundled, _)| *bundled == name) {
            Some((_, text)) => (*text).to_owned(),
            None => {
                let help = "give a scenario file, or a name from `squall list scenarios`";
                return Err(output.failed(
                    Exit::Usage,
                    &format!("cannot read scenario {name}: {error}; {help}"),
                ));
            }
        },
    };
    let text = with_overrides(&text, set).map_err(|error| output.failed(Exit::Usage, &error))?;
    match parse(&name, &text) {
        Ok(read) => {
            warn(&name, &text, inventory, output);
            Ok((name, text, read))
        }
        Err(mistakes) => {
            output.painted_remark(&mistakes.render(output.colour_err()));
            Err(Exit::Usage)
        }
    }
}

/// What may not do what it says goes to stderr, and keeps nobody from running it.
fn warn(name: &str, text: &str, inventory: Option<&Inventory>, output: &Output) {
    if let Some(warnings) = scenario::warnings(name, text, inventory) {
        output.painted_remark(&warnings.render(output.colour_err()));
    }
}

/// The seed as given, or a fresh one.
pub fn seed_or_fresh(given: Option<Seed>) -> Seed {
    given.unwrap_or_else(|| {
        let now = crate::journal::unix_us();
        let mixed = now.wrapping_mul(0x9e37_79b9_7f4a_7c15_u64.cast_signed()) >> 32;
        Seed(u32::try_from(mixed & 0xffff_ffff).unwrap_or(0) ^ std::process::id())
    })
}

/// The plan of a scenario.
pub fn plan_of(loaded: &Loaded, seed: Option<Seed>) -> Plan {
    crate::plan::draw(&loaded.scenario, seed_or_fresh(seed))
}

/// `squall validate`.
pub fn validate(arguments: &ValidateArguments, output: &Output) -> Exit {
    if arguments.scenarios.is_empty() {
        return output.failed(
            Exit::NothingSelected,
            &"no scenario given; name one or more files",
        );
    }
    let mut worst = Exit::Fine;
    let mut results = serde_json::Map::new();
    for path in &arguments.scenarios {
        let (name, checked) = check(path);
        if !matches!(checked, Ok(Checked::Fine(_))) {
            worst = Exit::Usage;
        }
        match arguments.format {
            Format::Human => show(&name, &checked, output),
            Format::Json => drop(results.insert(name, in_json(&checked))),
        }
    }
    if arguments.format == Format::Json {
        output.json(&results);
    }
    worst
}

fn show(name: &str, checked: &Result<Checked, String>, output: &Output) {
    let told = match checked {
        Ok(Checked::Fine(warnings)) => {
            output.text(visible(&format!("{name}: fine"), 400));
            warnings.as_ref()
        }
        Ok(Checked::Wrong(mistakes)) => Some(mistakes),
        Err(error) => {
            output.failed(Exit::Usage, error);
            None
        }
    };
    if let Some(told) = told {
        output.painted_remark(&told.render(output.colour_err()));
    }
}

/// An empty list for a scenario without mistakes and warnings.
fn in_json(checked: &Result<Checked, String>) -> serde_json::Value {
    match checked {
        Ok(Checked::Fine(None)) => serde_json::json!([]),
        Ok(Checked::Fine(Some(told)) | Checked::Wrong(told)) => told.to_json(),
        Err(error) => serde_json::json!([{"message": error}]),
    }
}

/// What was found in a scenario that could be read.
enum Checked {
    /// No mistake, and what may not do what it says.
    Fine(Option<scenario::Mistakes>),
    /// Its mistakes.
    Wrong(scenario::Mistakes),
}

fn check(path: &Path) -> (String, Result<Checked, String>) {
    let name = path.display().to_string();
    let bundled = BUNDLED
        .iter()
        .find(|(bundled, _)| *bundled == name)
        .map(|(_, text)| (*text).to_owned());
    let text = read_text(path).or_else(|error| bundled.ok_or(error));
    let checked = match text {
        Ok(text) => Ok(scenario::parse(&name, &text).err().map_or_else(
            || Checked::Fine(scenario::warnings(&name, &text, None)),
            Checked::Wrong,
        )),
        Err(error) => Err(format!("cannot read {name}: {error}")),
    };
    (name, checked)
}
