//! `squall run`: the story of a run.

use crate::journal::{Ending, RunFolder};
use crate::model::RuntimeKind;
use crate::plan::Plan;
use crate::run::{Assignment, Certified, Reports, RunError, Site, StopToken, certify};
use crate::runtime::Act;
use crate::scenario::{self, Mistakes};
use crate::verify::Judgement;

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
    let chosen = attach::choose(&arguments.asked, output)?;
    attach::refuse(&chosen, output)?;
    let in_containers = chosen.attach.is_none() && arguments.runtime == RuntimeChoice::Docker;
    if arguments.image.is_some() && !in_containers {
        let why = "--image is for clusters in containers; add --runtime docker, or leave it out";
        return Err(output.failed(Exit::Usage, &why));
    }
    let assignment = assignment(arguments, chosen);
    refuse_impossible(&assignment.plan, assignment.site.kind(), output)?;
    let stop = StopToken::default();
    signals::listen(&stop).map_err(|error| environment(&error))?;
    let (path, text) = (assignment.path.clone(), assignment.text.clone());
    let reports = Reports {
        folder: arguments.reports.clone(),
        readers: arguments.readable_by.into(),
    };
    let mut progress = Progress::new(arguments.quiet, output);
    let Certified {
        folder,
        judgement,
        ending,
    } = match certify(assignment, &reports, &stop, &mut progress) {
        Ok(certified) => certified,
        Err(RunError::Interrupted) => return Ok(Exit::of_signal(stop.signal())),
        Err(error) => return Err(environment(&error)),
    };
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

fn assignment(arguments: &RunArguments, chosen: attach::Chosen) -> Assignment {
    let attach::Chosen {
        loaded,
        plan,
        attach,
    } = chosen;
    Assignment {
        scenario: loaded.scenario,
        text: loaded.text,
        path: loaded.path,
        plan,
        set: arguments.asked.set.clone(),
        site: match (attach, arguments.runtime) {
            (Some(attach), _) => Site::Attached(Box::new(attach)),
            (None, RuntimeChoice::Process) => Site::Process {
                home: arguments.kafka_home.clone(),
            },
            (None, RuntimeChoice::Docker) => Site::Docker {
                image: arguments.image.clone(),
            },
        },
    }
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
