//! `squall run`: the story of a run.

use std::path::PathBuf;

use crate::journal::{Clock, Ending, RunFolder};
use crate::model::RuntimeKind;
use crate::plan::Plan;
use crate::run::{Request, Run, StopToken, Urgency};
use crate::runtime::Act;
use crate::scenario::{self, Mistakes};
use crate::verify::{self, Judgement};

use super::args::{RunArguments, RuntimeChoice};
use super::exit::Exit;
use super::output::{Format, Output, first_lines};
use super::progress::Progress;
use super::{attach, signals};

/// Scenario → plan → cluster → run → verify → report → exit code.
pub fn run(arguments: &RunArguments, output: &Output) -> Exit {
    story(arguments, output).unwrap_or_else(|exit| exit)
}

fn story(arguments: &RunArguments, output: &Output) -> Result<Exit, Exit> {
    let environment = |error: &dyn std::fmt::Display| output.failed(Exit::Environment, error);
    let chosen = attach::choose(
        &arguments.scenario,
        &arguments.cluster,
        arguments.seed,
        output,
    )?;
    attach::refuse(&chosen, output)?;
    let kind = match chosen.attach {
        Some(_) => RuntimeKind::Attached,
        None => arguments.runtime.into(),
    };
    refuse_impossible(&chosen.plan, kind, output)?;
    let clock = Clock::start();
    let name = format!(
        "{}-{}",
        chosen.loaded.scenario.name,
        folder_time(clock.started_unix_us())
    );
    let folder = RunFolder::create_for(&arguments.reports, &name, arguments.readable_by.into())
        .map_err(|error| environment(&error))?;
    let stop = StopToken::default();
    signals::listen(&stop).map_err(|error| environment(&error))?;
    let (path, text) = (chosen.loaded.path.clone(), chosen.loaded.text.clone());
    let run = Run::prepare(request(arguments, chosen), folder.clone(), clock)
        .map_err(|error| environment(&error))?;
    let progress = Progress::start(&run, &folder, arguments.quiet, output);
    let ending = run.conduct(&stop);
    progress.finish();
    if stop.urgency() == Urgency::Leave {
        return Ok(Exit::of_signal(stop.signal()));
    }
    let judgement = verify::open_and_judge(&folder).map_err(|error| environment(&error))?;
    let exit = match &ending {
        Ending::Refused(refusals) => {
            let mistakes = scenario::refused(&path, &text, refusals);
            return Err(refused(&judgement, &folder, &mistakes, output));
        }
        Ending::Interrupted => Exit::of_signal(stop.signal()),
        Ending::Complete | Ending::Environment(_) => Exit::of(&judgement),
    };
    publish(&judgement, &folder, arguments.format, output)?;
    Ok(exit)
}

/// Faults that this kind of cluster cannot be given are mistakes of the command line: nothing is started.
fn refuse_impossible(plan: &Plan, runtime: RuntimeKind, output: &Output) -> Result<(), Exit> {
    let mut refusals: Vec<String> = plan
        .faults
        .iter()
        .filter_map(|fault| {
            let why = runtime.can(fault.kind).err()?;
            let verb = Act::of(fault.kind).verb();
            Some(format!(
                "{}: cannot {verb} {}: {why}",
                fault.id, fault.target
            ))
        })
        .collect();
    refusals.dedup();
    match refusals.is_empty() {
        true => Ok(()),
        false => Err(output.failed(Exit::Usage, &first_lines(&refusals))),
    }
}

fn request(arguments: &RunArguments, chosen: attach::Chosen) -> Request {
    let attach::Chosen {
        loaded,
        plan,
        attach,
    } = chosen;
    Request {
        scenario: loaded.scenario,
        scenario_text: loaded.text,
        scenario_path: loaded.path,
        plan,
        kafka_home: arguments.kafka_home.clone(),
        image: arguments.image.clone(),
        runtime: match attach {
            Some(_) => RuntimeKind::Attached,
            None => arguments.runtime.into(),
        },
        attach,
        cluster_arguments: cluster_arguments(arguments),
    }
}

/// The arguments that say which cluster it is, without those that are what they would be anyway.
fn cluster_arguments(arguments: &RunArguments) -> Vec<String> {
    let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
    let cluster = &arguments.cluster;
    let runtime = (arguments.runtime == RuntimeChoice::Docker && cluster.attach.is_none())
        .then(|| "docker".to_owned());
    let all = [
        ("--runtime", runtime),
        ("--image", arguments.image.clone()),
        ("--kafka-home", path(&arguments.kafka_home)),
        ("--attach", path(&cluster.attach)),
        ("--yes-i-mean", cluster.yes_i_mean.clone()),
    ];
    all.into_iter()
        .filter_map(|(name, value)| Some([name.to_owned(), value?]))
        .flatten()
        .collect()
}

/// Prints the verdict, writes all reports and points `latest` at the folder.
fn publish(
    judgement: &Judgement,
    folder: &RunFolder,
    format: Format,
    output: &Output,
) -> Result<(), Exit> {
    let written = super::folder::write_reports(judgement, folder);
    super::folder::show(judgement, folder, format, output);
    super::folder::append_summary(judgement, output);
    // A convenience: whatever stands in its place, the verdict is what it is.
    if let Err(error) = folder.become_latest() {
        output.remark(format!("warning: {error}"));
    }
    written.map_err(|error| output.failed(Exit::Environment, &error))
}

/// What Connect refuses is a mistake of the scenario, at its line; nothing was sent, and there is no verdict to print.
fn refused(
    judgement: &Judgement,
    folder: &RunFolder,
    mistakes: &Mistakes,
    output: &Output,
) -> Exit {
    output.painted_remark(&mistakes.render(output.colour_err()));
    output.remark(format!(
        "nothing was sent; the workers' logs are in {}",
        super::folder::shown(&folder.path().join("logs"))
    ));
    match super::folder::write_reports(judgement, folder) {
        Ok(()) => Exit::Usage,
        Err(error) => output.failed(Exit::Environment, &error),
    }
}

fn folder_time(unix_us: i64) -> String {
    let time = jiff::Timestamp::from_microsecond(unix_us).unwrap_or_default();
    time.strftime("%Y-%m-%dT%H-%M-%S").to_string()
}
