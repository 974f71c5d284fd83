//! The command line as clap reads it.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::journal::Readers;
use crate::model::{KafkaVersion, RuntimeKind};

use super::attach::Asked;
use super::backup::{BackupArguments, RestoreArguments};
use super::inspect::InspectArguments;
use super::output::{Colour, Format};
use super::scenarios::ValidateArguments;

const EXIT_CODES: &str = "Exit codes: 0 all guarantees held · 1 one was broken · 2 usage or scenario error · 3 inconclusive · \
4 the environment failed · 5 nothing selected · 129/130/143 ended by SIGHUP, SIGINT or SIGTERM, all undone";

/// Chaos certification for Kafka Connect: kills workers on a schedule and accounts for every record, every committed
/// offset and every second.
#[derive(Debug, Parser)]
#[command(name = "squall", version, after_help = EXIT_CODES, propagate_version = true)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Colour: auto follows the terminal and NO_COLOR.
    #[arg(long, global = true, value_enum, default_value_t = Colour::Auto)]
    pub color: Colour,
}

/// What a cluster can be made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RuntimeChoice {
    /// Java processes on this machine.
    Process,
    /// Containers.
    Docker,
}

impl From<RuntimeChoice> for RuntimeKind {
    fn from(choice: RuntimeChoice) -> Self {
        match choice {
            RuntimeChoice::Process => Self::Process,
            RuntimeChoice::Docker => Self::Docker,
        }
    }
}

/// Who may read a run's folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReadersChoice {
    /// The user that made it alone.
    Owner,
    /// Its group too.
    Group,
    /// Every user of the machine.
    Everyone,
}

impl From<ReadersChoice> for Readers {
    fn from(choice: ReadersChoice) -> Self {
        match choice {
            ReadersChoice::Owner => Self::Owner,
            ReadersChoice::Group => Self::Group,
            ReadersChoice::Everyone => Self::Everyone,
        }
    }
}

/// What squall can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start a cluster, send a known stream, inject the scenario's faults and judge
    Run(RunArguments),
    /// Show the timetable of a scenario, what will be touched and how long it takes; starts nothing
    Plan(PlanArguments),
    /// Check scenario files; every mistake is shown at its place
    Validate(ValidateArguments),
    /// Judge a run folder again, from its evidence alone
    Verify(FolderArguments),
    /// Write the reports of a run folder again
    Report(FolderArguments),
    /// Tell the story of one finding: every sighting, the commits, the fault, the log lines
    Explain(ExplainArguments),
    /// Show a Connect cluster as it is: who leads, who runs what, offsets and lag; changes nothing
    Inspect(InspectArguments),
    /// Save every connector's configuration, state and offsets into a folder
    Backup(BackupArguments),
    /// Show what differs from a backup, then put it back
    Restore(RestoreArguments),
    /// Check what a run needs on this machine, with the remedy for what is missing
    Doctor(DoctorArguments),
    /// Make images for --runtime docker
    Image(ImageArguments),
    /// Undo what a squall that was killed has left behind
    Clean(CleanArguments),
    /// Write a first scenario and its JSON Schema into a folder, of your own worker's and connector's files where given
    Init(InitArguments),
    /// List bundled scenarios, faults or guarantees
    List(ListArguments),
    /// Print the JSON Schema of scenario files (or of inventories, or of result.json)
    Schema(SchemaArguments),
    /// Print a completion script for a shell
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
}

/// Arguments of `run`.
#[derive(Debug, Args)]
pub struct RunArguments {
    /// What is run, and where
    #[command(flatten)]
    pub asked: Asked,
    /// Where the run's folder is made
    #[arg(long, default_value = "reports", env = "SQUALL_REPORTS")]
    pub reports: PathBuf,
    /// Who may read the run's folder and its reports
    #[arg(long, value_enum, value_name = "WHO", default_value_t = ReadersChoice::Owner, env = "SQUALL_READABLE_BY")]
    pub readable_by: ReadersChoice,
    /// What the cluster is made of
    #[arg(long, value_enum, default_value_t = RuntimeChoice::Process)]
    pub runtime: RuntimeChoice,
    /// With --runtime docker: the image of brokers and workers, with Kafka in /opt/kafka/libs and Java on its path
    /// [default: squall/kafka:VERSION if it was built here, else apache/kafka:VERSION]
    #[arg(long, value_name = "IMAGE")]
    pub image: Option<String>,
    /// A Kafka installation to use instead of fetching one (its libs folder is used)
    #[arg(long, env = "KAFKA_HOME")]
    pub kafka_home: Option<PathBuf>,
    /// What stdout gets
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub format: Format,
    /// No progress on stderr
    #[arg(long, short)]
    pub quiet: bool,
}

/// Arguments of `plan`.
#[derive(Debug, Args)]
pub struct PlanArguments {
    /// What is run, and where
    #[command(flatten)]
    pub asked: Asked,
    /// What stdout gets
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub format: Format,
}

/// Arguments of `verify` and `report`.
#[derive(Debug, Args)]
pub struct FolderArguments {
    /// A run folder
    pub folder: PathBuf,
    /// What stdout gets
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub format: Format,
}

/// Arguments of `explain`.
#[derive(Debug, Args)]
pub struct ExplainArguments {
    /// A run folder
    pub folder: PathBuf,
    /// A finding, like lost/1; all are listed when left out
    pub finding: Option<String>,
    /// What stdout gets
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub format: Format,
}

/// Arguments of `image`.
#[derive(Debug, Args)]
pub struct ImageArguments {
    /// What to do with images.
    #[command(subcommand)]
    pub command: ImageCommand,
}

/// What can be done with images.
#[derive(Debug, Subcommand)]
pub enum ImageCommand {
    /// Build a local image from a Debian root and Kafka's jars, for machines without a registry; needs root
    Build(ImageBuildArguments),
}

/// Arguments of `image build`.
#[derive(Debug, Args)]
pub struct ImageBuildArguments {
    /// The Kafka release
    #[arg(long, value_name = "VERSION", default_value = "4.1.1")]
    pub kafka: KafkaVersion,
    /// The image's name and tag [default: squall/kafka:VERSION]
    #[arg(long, value_name = "NAME")]
    pub tag: Option<String>,
    /// What stdout gets
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub format: Format,
}

/// Arguments of `doctor`.
#[derive(Debug, Args)]
pub struct DoctorArguments {
    /// For which kind of cluster; what only the other kind needs is shown and never fails
    #[arg(long, value_enum, default_value_t = RuntimeChoice::Process)]
    pub runtime: RuntimeChoice,
    /// With --runtime docker: the image that would be used
    #[arg(long, value_name = "IMAGE")]
    pub image: Option<String>,
    /// Where run folders would be made
    #[arg(long, default_value = "reports", env = "SQUALL_REPORTS")]
    pub reports: PathBuf,
    /// What stdout gets
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub format: Format,
}

/// Arguments of `clean`.
#[derive(Debug, Args)]
pub struct CleanArguments {
    /// What stdout gets
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub format: Format,
}

/// Arguments of `init`.
#[derive(Debug, Args)]
pub struct InitArguments {
    /// Where to write
    #[arg(default_value = ".")]
    pub folder: PathBuf,
    /// Your connect-distributed.properties as it is: its settings become the scenario's, but for those of the run's own
    #[arg(long, value_name = "PROPERTIES")]
    pub from: Option<PathBuf>,
    /// Your connector as you post it to Connect: {name, config} or the settings alone, in JSON or as properties
    #[arg(long, value_name = "JSON")]
    pub connector: Option<PathBuf>,
}

/// Arguments of `list`.
#[derive(Debug, Args)]
pub struct ListArguments {
    /// What to list
    #[arg(value_enum)]
    pub what: Listed,
    /// What stdout gets
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub format: Format,
}

/// What can be listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Listed {
    /// The bundled scenarios and the questions they answer.
    Scenarios,
    /// The faults and their targets.
    Faults,
    /// The guarantees and how each is decided.
    Guarantees,
}

/// Arguments of `schema`.
#[derive(Debug, Args)]
pub struct SchemaArguments {
    /// Which schema
    #[arg(value_enum, default_value_t = SchemaKind::Scenario)]
    pub kind: SchemaKind,
}

/// Which schema to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaKind {
    /// Of scenario files.
    Scenario,
    /// Of result.json.
    Result,
    /// Of inventory files.
    Inventory,
}
