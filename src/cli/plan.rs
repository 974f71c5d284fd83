//! `squall plan`: the timetable, what will be touched and how long it takes.

use crate::plan::timetable;
use crate::run::Attach;
use crate::runtime::attached::{WouldRun, would_run};

use super::args::PlanArguments;
use super::attach::{self, Chosen};
use super::exit::Exit;
use super::output::{Format, Output};

/// Prints the plan; starts nothing.
pub fn plan(arguments: &PlanArguments, output: &Output) -> Exit {
    let chosen = match attach::choose(
        &arguments.scenario,
        &arguments.cluster,
        arguments.seed,
        output,
    ) {
        Ok(chosen) => chosen,
        Err(exit) => return exit,
    };
    let plan = &chosen.plan;
    match (arguments.format, &chosen.attach) {
        (Format::Json, None) => output.json(plan),
        (Format::Json, Some(there)) => output.json(&serde_json::json!({
            "plan": plan,
            "commands": would_run(&there.inventory, plan),
            "refused": attach::refusals(&chosen),
        })),
        (Format::Human, _) => show(&chosen, output),
    }
    Exit::Fine
}

fn show(chosen: &Chosen, output: &Output) {
    let (scenario, plan) = (&chosen.loaded.scenario, &chosen.plan);
    output.text(format!("{} · {}", scenario.name, scenario.question));
    output.text(format!(
        "seed {} · {} · about {} s\n",
        plan.seed,
        cluster_in_words(chosen),
        plan.estimate_ms / 1_000
    ));
    let mut lines = timetable(scenario, plan);
    if let (Some(attach), Some(first)) = (&chosen.attach, lines.first_mut()) {
        first.what = format!("join {}", attach.inventory.name);
    }
    let width = |column: fn(&crate::plan::TimetableLine) -> &str| {
        lines
            .iter()
            .map(|line| column(line).chars().count())
            .max()
            .unwrap_or(0)
    };
    let (at, what) = (width(|line| &line.at), width(|line| &line.what));
    for line in &lines {
        output
            .text(format!("  {:<at$}  {:<what$}  {}", line.at, line.what, line.touches).trim_end());
    }
    if let Some(attach) = &chosen.attach {
        show_commands(&would_run(&attach.inventory, plan), output);
    }
    let refused = attach::refusals(chosen);
    if !refused.is_empty() {
        output.text("\nA run would be refused:");
    }
    refused
        .iter()
        .for_each(|why| output.text(format!("  - {why}")));
}

fn cluster_in_words(chosen: &Chosen) -> String {
    let scenario = &chosen.loaded.scenario;
    match &chosen.attach {
        Some(Attach { inventory, .. }) => format!(
            "runtime attached · {} · {} workers, {} of them may be touched, at most {} at once",
            inventory.name,
            inventory.workers.len(),
            inventory.touchable().count(),
            inventory.max_down
        ),
        None => format!(
            "Kafka {}, Connect {} × {}",
            scenario.kafka.version,
            scenario.connect.version,
            scenario.connect.workers.len(),
        ),
    }
}

/// Every command that would run, by fault and worker.
fn show_commands(commands: &[WouldRun], output: &Output) {
    output.text("\nCommands that would run; for a role, those of the worker that has it then:");
    for WouldRun {
        fault,
        worker,
        host,
        what,
        command,
    } in commands
    {
        let host = host
            .as_ref()
            .map_or_else(String::new, |host| format!(" on {host}"));
        output.text(format!("  {fault}  {worker}{host}  {what}: {command}"));
    }
}
