//! The command lines of brokers and workers.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::super::{RuntimeError, StartStyle};
use super::config::Logger;
use super::installation::{Installation, Role};
use super::java::Java;
use super::tool;

/// What is done with a class-data archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Archive {
    /// None is used.
    None,
    /// This one is used; Java goes on without it when it does not fit.
    Use(PathBuf),
    /// This one is written when the process ends in good order.
    Make(PathBuf),
}

/// Everything that the command line of one broker or worker is made of.
#[derive(Debug, Clone)]
pub struct Launch {
    /// Broker or worker.
    pub role: Role,
    /// Its class path.
    pub installation: Installation,
    /// Its Java.
    pub java: Java,
    /// Flags for speed, or those of Kafka's own scripts.
    pub style: StartStyle,
    /// Class-data archive.
    pub archive: Archive,
    /// The run's token; see the ledger.
    pub token: String,
    /// `broker-1`, `w1`.
    pub name: String,
    /// Its properties file.
    pub properties: PathBuf,
    /// The logger's configuration.
    pub logger_file: PathBuf,
    /// Where it runs: relative file names of connectors stand there.
    pub folder: PathBuf,
}

/// Which logger configuration this class path needs.
pub fn logger_of(installation: &Installation) -> Logger {
    if installation.has("log4j-core") {
        Logger::Two
    } else {
        Logger::One
    }
}

/// Java flags that a class-data archive must have been made with. Small heaps, and no more compilation than a short
/// life is worth; Kafka's scripts give workers 2 GB and brokers 1 GB with G1.
pub fn flags(role: Role, style: StartStyle) -> Vec<&'static str> {
    match (style, role) {
        (StartStyle::Together, Role::Broker | Role::Worker) => {
            vec!["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
        }
        (StartStyle::Stock, Role::Broker) => vec!["-Xmx1G", "-Xms1G", "-XX:+UseG1GC"],
        (StartStyle::Stock, Role::Worker) => vec!["-Xms256M", "-Xmx2G", "-XX:+UseG1GC"],
    }
}

impl Launch {
    /// The command that starts it, with its output appended to `log`.
    pub fn command(&self, log: &Path) -> Result<Command, RuntimeError> {
        let open = || {
            File::options()
                .create(true)
                .append(true)
                .open(log)
                .map_err(RuntimeError::file("write", log))
        };
        let mut command = tool::bound_to_us(&self.java.path);
        command
            .args(self.arguments(log))
            .current_dir(&self.folder)
            .stdout(open()?)
            .stderr(open()?);
        Ok(command)
    }

    fn arguments(&self, log: &Path) -> Vec<String> {
        let mut arguments = vec![self.token.clone(), format!("-Dsquall.name={}", self.name)];
        arguments.extend(flags(self.role, self.style).into_iter().map(str::to_owned));
        arguments.extend(archive_flags(&self.archive));
        arguments.push("-Duser.timezone=UTC".to_owned());
        arguments.push(format!(
            "-XX:ErrorFile={}",
            log.with_extension("hs_err").display()
        ));
        arguments.push(format!(
            "-D{}=file:{}",
            logger_of(&self.installation).property(),
            self.logger_file.display()
        ));
        arguments.push("-cp".to_owned());
        arguments.push(self.installation.class_path());
        arguments.push(main_class(self.role).to_owned());
        arguments.push(self.properties.display().to_string());
        arguments
    }
}

fn archive_flags(archive: &Archive) -> Vec<String> {
    // What the archive has to say about itself must not stand in a worker's log.
    let quiet = [
        "-Xlog:cds=off",
        "-Xlog:cds+dynamic=off",
        "-Xlog:class+path=off",
    ];
    let mut flags: Vec<String> = match archive {
        Archive::None => return Vec::new(),
        Archive::Use(path) => vec![
            format!("-XX:SharedArchiveFile={}", path.display()),
            "-Xshare:auto".to_owned(),
        ],
        Archive::Make(path) => vec![format!("-XX:ArchiveClassesAtExit={}", path.display())],
    };
    flags.extend(quiet.map(str::to_owned));
    flags
}

/// The class that is run.
pub const fn main_class(role: Role) -> &'static str {
    match role {
        Role::Broker => "kafka.Kafka",
        Role::Worker => "org.apache.kafka.connect.cli.ConnectDistributed",
    }
}
