//! `squall backup` and `squall restore`: what a Connect cluster was told to do, into a folder and back.

use std::path::PathBuf;

use clap::Args;

use super::exit::Exit;
use super::output::Output;
use super::reach::ReachArguments;

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
}

/// Writes a backup.
pub fn backup(_arguments: &BackupArguments, output: &Output) -> Exit {
    output.failed(Exit::Usage, &"not yet")
}

/// Puts one back.
pub fn restore(_arguments: &RestoreArguments, output: &Output) -> Exit {
    output.failed(Exit::Usage, &"not yet")
}
