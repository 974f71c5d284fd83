//! `squall plan`: the timetable, what will be touched and how long it takes.

use crate::plan::timetable;

use super::args::{Format, PlanArguments};
use super::exit::Exit;
use super::output::Output;
use super::scenarios;

/// Prints the plan; starts nothing.
pub fn plan(arguments: &PlanArguments, output: &Output) -> Exit {
    let loaded = match scenarios::load(&arguments.scenario, output) {
        Ok(loaded) => loaded,
        Err(exit) => return exit,
    };
    let plan = scenarios::plan_of(&loaded, arguments.seed);
    if arguments.format == Format::Json {
        output.json(&plan);
        return Exit::Fine;
    }
    let scenario = &loaded.scenario;
    output.text(format!("{} · {}", scenario.name, scenario.question));
    output.text(format!(
        "seed {} · runtime process · Kafka {}, Connect {} × {} · about {} s\n",
        plan.seed,
        scenario.kafka.version,
        scenario.connect.version,
        scenario.connect.workers.len(),
        plan.estimate_ms / 1_000
    ));
    let lines = timetable(scenario, &plan);
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
    Exit::Fine
}
