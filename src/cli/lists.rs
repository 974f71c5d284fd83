//! `squall list`: bundled scenarios, faults and guarantees.

use serde::Serialize;

use crate::model::GuaranteeKind;
use crate::scenario;

use super::args::{ListArguments, Listed};
use super::exit::Exit;
use super::output::{Format, Output};
use super::scenarios::BUNDLED;

/// A line of a list.
#[derive(Debug, Serialize)]
struct Entry {
    name: &'static str,
    about: String,
}

const FAULTS: [(&str, &str); 14] = [
    (
        "kill",
        "SIGKILL: the worker can neither commit nor leave the group; `target`, `restart-after` (0s; or never), `at` or `after-recovery`",
    ),
    (
        "stop",
        "SIGTERM: the worker may commit and leave; SIGKILL when `grace` (30s) is over; the rest as with kill",
    ),
    (
        "pause",
        "the worker stands still `for` a time and goes on: a zombie where that is longer than its session; `target`, `at` or `after-recovery`",
    ),
    (
        "disconnect",
        "the worker loses its network `for` a time and runs on; not with local processes; the rest as with pause",
    ),
    (
        "repeat",
        "`rounds` of faults, `every: 15s ± 3s` with seeded jitter, or within a `window`; `do:` lists them",
    ),
    (
        "rolling",
        "the same fault for each worker in turn, `pause` after each recovery",
    ),
    ("target: w1", "the worker of this name"),
    (
        "target: leader",
        "the worker that leads the Connect group when the fault is due",
    ),
    (
        "target: follower",
        "a worker that does not lead, by the seed",
    ),
    ("target: any", "a worker that is up, by the seed"),
    ("target: all", "every worker at once"),
    (
        "owner: mirror-1",
        "the worker that runs this task when the fault is due",
    ),
    (
        "at: 10s",
        "this long after the baseline, whatever else happens",
    ),
    (
        "after-recovery: 5s",
        "this long after everything before has been recovered from (0s when neither is given)",
    ),
];

fn about(kind: GuaranteeKind) -> &'static str {
    match kind {
        GuaranteeKind::Lost => {
            "`lost: 0`, a number, or `{at-most: 10 %, also-before-faults: true}`: acknowledged records missing after a finished drain, the newest included"
        }
        GuaranteeKind::UnexplainedDuplicates => {
            "`unexplained-duplicates: 0`: repeats that the committed positions do not explain, record by record"
        }
        GuaranteeKind::Duplicates => "`duplicates: within-flush-bound`, a number, or none",
        GuaranteeKind::Order => {
            "`order: kept`: nothing arrives for the first time after something later of its lane"
        }
        GuaranteeKind::Phantoms => {
            "`phantoms: 0`: nothing arrives that was never sent, or damaged; always judged"
        }
        GuaranteeKind::Offsets => {
            "`offsets: honest`: no committed offset ahead of what was delivered, none goes back"
        }
        GuaranteeKind::Overlap => "`overlap: none`, or a time: no task on two workers at once",
        GuaranteeKind::Recovery => {
            "`recovery: 20s`: from a fault's effect until group, tasks and flow are as before"
        }
        GuaranteeKind::Outage => {
            "`outage: 10s`: longest silence of a lane around a fault, beyond its baseline"
        }
        GuaranteeKind::Stops => {
            "`stops: graceful`: a worker asked to stop ends by itself within its grace"
        }
    }
}

/// Prints the list.
pub fn list(arguments: &ListArguments, output: &Output) -> Exit {
    let entries: Vec<Entry> = match arguments.what {
        Listed::Scenarios => BUNDLED
            .iter()
            .map(|(name, text)| Entry {
                name,
                about: question_of(name, text),
            })
            .collect(),
        Listed::Faults => FAULTS
            .iter()
            .map(|(name, about)| Entry {
                name,
                about: (*about).to_owned(),
            })
            .collect(),
        Listed::Guarantees => GuaranteeKind::ALL
            .iter()
            .map(|kind| Entry {
                name: kind.key(),
                about: about(*kind).to_owned(),
            })
            .collect(),
    };
    match arguments.format {
        Format::Json => output.json(&entries),
        Format::Human => {
            let width = entries
                .iter()
                .map(|entry| entry.name.len())
                .max()
                .unwrap_or(0);
            entries
                .iter()
                .for_each(|entry| output.text(format!("{:<width$}  {}", entry.name, entry.about)));
        }
    }
    Exit::Fine
}

fn question_of(name: &str, text: &str) -> String {
    scenario::parse(name, text)
        .map(|scenario| scenario.question)
        .unwrap_or_default()
}
