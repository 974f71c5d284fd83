//! `squall plan`: the timetable, what will be touched and how long it takes.

use crate::model::visible;
use crate::plan::timetable;
use crate::run::Attach;
use crate::runtime::attached::{Commanded, WouldRun, would_run};

use super::args::PlanArguments;
use super::attach::{self, Chosen};
use super::exit::Exit;
use super::output::{Format, Output, first_lines};

/// Prints the plan; starts nothing.
pub fn plan(arguments: &PlanArguments, output: &Output) -> Exit {
    let chosen = match attach::choose(&arguments.asked, output) {
        Ok(chosen) => chosen,
        Err(exit) => return exit,
    };
    let plan = &chosen.plan;
    match (arguments.format, &chosen.attach) {
        (Format::Json, None) => output.json(plan),
        (Format::Json, Some(there)) => {
            let would_run = would_run(&there.inventory, plan);
            output.json(&serde_json::json!({
                "plan": plan,
                "commands": would_run.commands,
                "faults-with-more-commands": would_run.more_faults,
                "refused": attach::refusals(&chosen),
            }));
        }
        (Format::Human, _) => show(&chosen, output),
    }
    Exit::Fine
}

fn show(chosen: &Chosen, output: &Output) {
    let (scenario, plan) = (&chosen.loaded.scenario, &chosen.plan);
    let head = format!("{} · {}", scenario.name, scenario.question);
    output.text(visible(&head, 2_000));
    output.text(format!(
        "seed {} · {} · about {} s\n",
        plan.seed,
        visible(&cluster_in_words(chosen), 400),
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
        let line = format!("  {:<at$}  {:<what$}  {}", line.at, line.what, line.touches);
        output.text(visible(line.trim_end(), 2_000));
    }
    if let Some(attach) = &chosen.attach {
        show_commands(&would_run(&attach.inventory, plan), output);
    }
    let refused = attach::refusals(chosen);
    if !refused.is_empty() {
        output.text("\nA run would be refused:");
    }
    let lines: Vec<String> = refused.iter().map(|why| format!("  - {why}")).collect();
    if !lines.is_empty() {
        output.text(first_lines(&lines));
    }
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
fn show_commands(would_run: &Commanded, output: &Output) {
    output.text("\nCommands that would run; for a role, those of the worker that has it then:");
    for WouldRun {
        fault,
        worker,
        host,
        what,
        command,
    } in &would_run.commands
    {
        let host = host
            .as_ref()
            .map_or_else(String::new, |host| format!(" on {host}"));
        let line = format!("  {fault}  {worker}{host}  {what}: {command}");
        output.text(visible(&line, 2_000));
    }
    if would_run.more_faults > 0 {
        let more = would_run.more_faults;
        output.text(format!(
            "  … and more for the last {more} faults, like these"
        ));
    }
}
