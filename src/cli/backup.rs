//! `squall backup` and `squall restore`: what a Connect cluster was told to do, into a folder and back.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::connect::backup::{
    Backup, BackupError, Choice, Difference, Outcome, Step, diff, restore as put_back, take,
};
use crate::connect::inspect::group_of;
use crate::connect::reach::Reach;
use crate::connect::{Rest, RestError};
use crate::journal::Deadline;
use crate::kafka::Admin;
use crate::report::visible;

use super::exit::Exit;
use super::output::Output;
use super::reach::{ReachArguments, reach};

/// How long asking for everything may take.
const TAKE_LIMIT: Duration = Duration::from_secs(60);
/// The most characters of a line.
const LINE: usize = 400;

/// Arguments of `backup`.
#[derive(Debug, Args)]
pub struct BackupArguments {
    /// How the cluster is reached
    #[command(flatten)]
    pub reach: ReachArguments,
    /// Where to write backup.json; made when it is not there
    pub folder: PathBuf,
}

/// Arguments of `restore`.
#[derive(Debug, Args)]
pub struct RestoreArguments {
    /// A folder that `squall backup` wrote
    pub folder: PathBuf,
    /// How the cluster is reached
    #[command(flatten)]
    pub reach: ReachArguments,
    /// Only show what differs
    #[arg(long)]
    pub dry_run: bool,
    /// Leave the offsets of connectors that are there: what was done since is not done again
    #[arg(long)]
    pub keep_offsets: bool,
    /// Put it into a cluster that it was not taken from
    #[arg(long)]
    pub other_cluster: bool,
}

/// Asks for everything and writes it.
pub fn backup(arguments: &BackupArguments, output: &Output) -> Exit {
    let reach = match reach(&arguments.reach, output) {
        Ok(reach) => reach,
        Err(exit) => return exit,
    };
    match taken(&reach, output) {
        Ok((_, backup)) => match backup.write(&arguments.folder) {
            Ok(path) => {
                let count = backup.connectors.len();
                let path = path.display();
                output.text(format!(
                    "saved {count} connectors to {path}; it holds their secrets as Connect returns them"
                ));
                for name in &backup.left_out {
                    let name = visible(name, LINE);
                    output.remark(format!(
                        "left out: connector `{name}`, whose name Squall does not take"
                    ));
                }
                Exit::Fine
            }
            Err(error) => output.failed(exit_of(&error), &error),
        },
        Err(error) => output.failed(Exit::Environment, &error),
    }
}

fn taken(reach: &Reach, output: &Output) -> Result<(Rest, Backup), RestError> {
    let rest = reach.rest()?;
    let group = group(reach, &rest, output);
    let backup = take(&rest, group.as_deref(), Deadline::after(TAKE_LIMIT))?;
    Ok((rest, backup))
}

/// The group's id belongs into a backup and is not needed for it.
fn group(reach: &Reach, rest: &Rest, output: &Output) -> Option<String> {
    if reach.group_id.is_some() || reach.cluster.bootstrap.is_empty() {
        return reach.group_id.clone();
    }
    let found = Admin::new(&reach.cluster)
        .map_err(Into::into)
        .and_then(|admin| group_of(reach, &admin, rest));
    found
        .inspect_err(|error| {
            let why = visible(&error.to_string(), LINE);
            output.remark(format!("the group is not known: {why}"));
        })
        .ok()
}

fn exit_of(error: &BackupError) -> Exit {
    match error {
        BackupError::Rest(_) => Exit::Environment,
        BackupError::Taken(_)
        | BackupError::Write { .. }
        | BackupError::Read { .. }
        | BackupError::Damaged { .. } => Exit::Usage,
    }
}

/// Shows what differs, then puts it back; exit code 4 when something could not be put back.
pub fn restore(arguments: &RestoreArguments, output: &Output) -> Exit {
    let backup = match Backup::read(&arguments.folder) {
        Ok(backup) => backup,
        Err(error) => return output.failed(exit_of(&error), &error),
    };
    let reach = match reach(&arguments.reach, output) {
        Ok(reach) => reach,
        Err(exit) => return exit,
    };
    let (rest, now) = match without_group(&reach) {
        Ok(taken) => taken,
        Err(error) => return output.failed(Exit::Environment, &error),
    };
    if backup.cluster_id != now.cluster_id && !arguments.other_cluster {
        let why = format!(
            "the backup is of Kafka cluster {}, and the worker at {} uses {}; add --other-cluster to put it there",
            backup.cluster_id,
            rest.base_url(),
            now.cluster_id
        );
        return output.failed(Exit::Usage, &why);
    }
    let differences = diff(&backup, &now);
    show(&backup, &differences, output);
    if !differences.iter().any(Difference::can_be_put_back) {
        output.text("nothing to put back");
        return Exit::Fine;
    }
    if arguments.dry_run {
        output.text("nothing was changed (--dry-run)");
        return Exit::Fine;
    }
    let choice = if arguments.keep_offsets {
        Choice::KeepOffsets
    } else {
        Choice::All
    };
    let mut failed = 0_u32;
    put_back(&rest, &backup, &now, choice, |step| {
        failed += u32::from(matches!(step.outcome, Outcome::Failed(_)));
        output.painted(&line_of(step, output.colour_out()));
    });
    if failed == 0 {
        Exit::Fine
    } else {
        output.failed(
            Exit::Environment,
            &format!("{failed} steps failed; the others are done, and restore can be run again"),
        )
    }
}

fn without_group(reach: &Reach) -> Result<(Rest, Backup), RestError> {
    let rest = reach.rest()?;
    let now = take(&rest, None, Deadline::after(TAKE_LIMIT))?;
    Ok((rest, now))
}

fn show(backup: &Backup, differences: &[Difference], output: &Output) {
    let count = backup.connectors.len();
    let group = backup.group.as_deref().unwrap_or("not known");
    let head = format!(
        "backup of {} · group {group} · cluster {} · {count} connectors",
        backup.taken, backup.cluster_id
    );
    output.text(visible(&head, LINE));
    let mut last = None;
    for difference in differences {
        if last != Some(difference.connector()) {
            output.text(format!("  {}", difference.connector()));
            last = Some(difference.connector());
        }
        let mark = match difference {
            Difference::Missing { .. } => '-',
            Difference::Extra { .. } => '+',
            Difference::OffsetsUnknown { .. } => '?',
            Difference::Setting { .. } | Difference::State { .. } | Difference::Offset { .. } => {
                '~'
            }
        };
        let words = visible(&difference.to_string(), LINE);
        output.text(format!("    {mark} {words}"));
    }
}

fn line_of(step: &Step, colour: bool) -> String {
    let (word, code, why) = match &step.outcome {
        Outcome::Done => ("done", "32", ""),
        Outcome::Left(why) => ("left", "33", why.as_str()),
        Outcome::Failed(why) => ("FAIL", "31", why.as_str()),
    };
    let word = if colour {
        format!("\u{1b}[{code}m{word}\u{1b}[0m")
    } else {
        word.to_owned()
    };
    let why = if why.is_empty() {
        String::new()
    } else {
        format!(": {}", visible(why, LINE))
    };
    let what = visible(&step.what, LINE);
    format!("  {word}  {}: {what}{why}", step.connector)
}
