//! Looks whether this machine can run a cluster: each check with what was found and what would help.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::model::{KafkaVersion, RuntimeKind};

use super::clean::leftovers;
use super::process::{
    Installation, Java, check_setpriv, free_ports, is_cached, maven_is_there, needed_java,
};
use super::{UserFolders, docker};

const MEBIBYTE: u64 = 1024 * 1024;

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckState {
    /// As it should be.
    Ok,
    /// Not as it should be, but of no use to the kind of run that was asked about.
    Info,
    /// A run may work, with less comfort or less room.
    Warn,
    /// A run cannot work.
    Fail,
}

/// One line of `squall doctor`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Check {
    /// What was looked at.
    pub name: String,
    /// How it ended.
    pub state: CheckState,
    /// What was found.
    pub found: String,
    /// What to do; empty when all is well.
    pub remedy: String,
}

/// For what the machine is to be checked.
#[derive(Debug, Clone)]
pub struct DoctorScope {
    /// The Kafka release that would be run.
    pub version: KafkaVersion,
    /// `--kafka-home` or `KAFKA_HOME`.
    pub kafka_home: Option<PathBuf>,
    /// Where run folders go.
    pub reports: PathBuf,
    /// Cache, state and temporary folders.
    pub folders: UserFolders,
    /// For which kind of cluster: what only another kind needs never fails.
    pub runtime: RuntimeKind,
    /// `--image`.
    pub image: Option<String>,
}

/// Looks at everything that a run needs; changes nothing.
pub fn doctor_checks(scope: &DoctorScope) -> Vec<Check> {
    let folders = &scope.folders;
    let mut checks = vec![java(scope.version), kafka(scope), setpriv()];
    let mut engine = docker::engine_checks(scope);
    // What only the other kind of cluster needs is told, but keeps nobody from running.
    match scope.runtime {
        RuntimeKind::Process => engine.iter_mut().for_each(told_only),
        RuntimeKind::Docker => checks.iter_mut().for_each(told_only),
        RuntimeKind::Attached => {
            engine.iter_mut().for_each(told_only);
            checks.iter_mut().for_each(told_only);
        }
    }
    checks.append(&mut engine);
    checks.extend([
        ports(),
        disk(
            "disk space of the cache",
            &folders.cache,
            300,
            "SQUALL_CACHE",
        ),
        disk("disk space for broker data", &folders.temp, 1024, "TMPDIR"),
        disk("disk space for reports", &scope.reports, 500, "--reports"),
        others_in(&folders.temp),
        memory(),
        processors(),
        open_files(),
        earlier_runs(folders),
    ]);
    checks
}

fn told_only(check: &mut Check) {
    if check.state != CheckState::Ok {
        check.state = CheckState::Info;
    }
}

/// Where everybody may rename what is there, a run's folder can be replaced by another one of its name; a sticky bit forbids
/// it. That is no matter where nobody else is, as in many containers.
fn others_in(temp: &Path) -> Check {
    let mode = fs::metadata(temp).map_or(0, |found| found.permissions().mode());
    let state = match mode & 0o1002 {
        0o0002 => CheckState::Warn,
        _ => CheckState::Ok,
    };
    let found = match state {
        CheckState::Ok => format!("{}: others can replace nothing of yours", temp.display()),
        CheckState::Info | CheckState::Warn | CheckState::Fail => {
            format!("{}: others can replace what is yours", temp.display())
        }
    };
    let remedy = format!(
        "chmod +t {}, or set TMPDIR to a folder of your own",
        temp.display()
    );
    check("temporary folder", state, found, remedy)
}

/// One line; a remedy is kept only where something is not as it should be.
pub(super) fn check(
    name: &str,
    state: CheckState,
    found: impl Into<String>,
    remedy: impl Into<String>,
) -> Check {
    let remedy = match state {
        CheckState::Ok => String::new(),
        CheckState::Info | CheckState::Warn | CheckState::Fail => remedy.into(),
    };
    Check {
        name: name.to_owned(),
        state,
        found: found.into(),
        remedy,
    }
}

fn java(version: KafkaVersion) -> Check {
    let needed = needed_java(version);
    let remedy = format!(
        "install Java {needed} or later (Debian: apt-get install openjdk-17-jre-headless) or set JAVA_HOME to one"
    );
    match Java::from_env() {
        Err(error) => check("Java", CheckState::Fail, error.to_string(), remedy),
        Ok(java) => {
            let state = if java.feature >= needed {
                CheckState::Ok
            } else {
                CheckState::Fail
            };
            let found = format!(
                "{} ({}), Kafka {version} needs {needed}",
                java.line,
                java.path.display()
            );
            check("Java", state, found, remedy)
        }
    }
}

fn kafka(scope: &DoctorScope) -> Check {
    let version = scope.version;
    if let Some(home) = &scope.kafka_home {
        return match Installation::from_home(home) {
            Ok(found) if found.version == version => check(
                "Kafka",
                CheckState::Ok,
                format!("{version} in {}", home.display()),
                "",
            ),
            Ok(found) => check(
                "Kafka",
                CheckState::Warn,
                format!(
                    "{} in {}, the scenario asks for {version}",
                    found.version,
                    home.display()
                ),
                "leave --kafka-home and KAFKA_HOME out, or change the scenario's versions",
            ),
            Err(error) => check(
                "Kafka",
                CheckState::Fail,
                error.to_string(),
                "correct --kafka-home or KAFKA_HOME",
            ),
        };
    }
    if is_cached(&scope.folders.cache, version) {
        let found = format!("{version} in the cache {}", scope.folders.cache.display());
        return check("Kafka", CheckState::Ok, found, "");
    }
    match maven_is_there() {
        Some(maven) => check(
            "Kafka",
            CheckState::Ok,
            format!("{version} will be fetched by {maven}"),
            "",
        ),
        None => check(
            "Kafka",
            CheckState::Fail,
            format!("{version} is not in the cache, and there is no Maven to fetch it"),
            "install maven (Debian: apt-get install maven) or pass --kafka-home",
        ),
    }
}

fn setpriv() -> Check {
    match check_setpriv() {
        Ok(()) => check(
            "setpriv",
            CheckState::Ok,
            "JVMs end with squall, whatever ends it",
            "",
        ),
        Err(error) => check(
            "setpriv",
            CheckState::Fail,
            error.to_string(),
            "install util-linux (Debian: apt-get install util-linux)",
        ),
    }
}

/// Three brokers with two ports each, and six workers.
fn ports() -> Check {
    match free_ports(12, u64::from(std::process::id())) {
        Ok(_) => check("ports", CheckState::Ok, "12 free ports on 127.0.0.1", ""),
        Err(error) => check(
            "ports",
            CheckState::Fail,
            error.to_string(),
            "end what listens on so many ports (ss -ltn)",
        ),
    }
}

pub(super) fn disk(name: &str, folder: &Path, needed_mib: u64, setting: &str) -> Check {
    let there = folder
        .ancestors()
        .find(|folder| folder.exists())
        .unwrap_or(folder);
    let remedy = format!("free some space, or name another folder with {setting}");
    match rustix::fs::statvfs(there) {
        Err(error) => check(
            name,
            CheckState::Fail,
            format!("{}: {error}", there.display()),
            remedy,
        ),
        Ok(space) => {
            let free_mib = space.f_bavail.saturating_mul(space.f_frsize) / MEBIBYTE;
            let found = format!(
                "{free_mib} MiB free in {}, {needed_mib} MiB wanted",
                there.display()
            );
            let state = match free_mib {
                free if free >= needed_mib => CheckState::Ok,
                free if free >= needed_mib / 4 => CheckState::Warn,
                _ => CheckState::Fail,
            };
            let read_only = space.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY);
            if read_only {
                return check(
                    name,
                    CheckState::Fail,
                    format!("{} is read-only", there.display()),
                    remedy,
                );
            }
            check(name, state, found, remedy)
        }
    }
}

/// One broker (340 MiB resident) and three workers (160 MiB each), and room for their archives and page cache.
fn memory() -> Check {
    let available_mib = fs::read_to_string("/proc/meminfo")
        .ok()
        .and_then(|text| available_mib(&text));
    let remedy = "end other programs, or use fewer workers";
    match available_mib {
        None => check(
            "memory",
            CheckState::Warn,
            "the kernel does not say how much is free",
            remedy,
        ),
        Some(mib) => {
            let state = match mib {
                1500.. => CheckState::Ok,
                800.. => CheckState::Warn,
                _ => CheckState::Fail,
            };
            check(
                "memory",
                state,
                format!("{mib} MiB available, 1500 MiB wanted"),
                remedy,
            )
        }
    }
}

fn available_mib(meminfo: &str) -> Option<u64> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes / 1024)
}

fn processors() -> Check {
    let count = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let state = if count >= 2 {
        CheckState::Ok
    } else {
        CheckState::Warn
    };
    let remedy =
        "with one processor all times are longer than the cluster's own; use a bigger machine";
    check(
        "processors",
        state,
        format!("{count} usable, 2 wanted"),
        remedy,
    )
}

fn open_files() -> Check {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let state = match limit {
        None | Some(4096..) => CheckState::Ok,
        Some(1024..) => CheckState::Warn,
        Some(_) => CheckState::Fail,
    };
    let found = limit.map_or_else(
        || "no limit".to_owned(),
        |limit| format!("{limit} allowed, 4096 wanted"),
    );
    check(
        "open files",
        state,
        found,
        "raise the limit of this shell: ulimit -n 4096",
    )
}

fn earlier_runs(folders: &UserFolders) -> Check {
    let left = leftovers(folders);
    if left.is_empty() {
        return check("earlier runs", CheckState::Ok, "nothing left behind", "");
    }
    let names: Vec<String> = left
        .iter()
        .map(|folder| folder.display().to_string())
        .collect();
    check(
        "earlier runs",
        CheckState::Warn,
        format!("left behind by {}", names.join(", ")),
        "run `squall clean`",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn available_memory_is_read_from_the_kernels_table() {
        let table = "MemTotal:       24683520 kB\nMemAvailable:    2048000 kB\n";
        assert_eq!(available_mib(table), Some(2000));
        assert_eq!(available_mib("MemTotal: 1 kB\n"), None);
    }

    #[test]
    fn a_temporary_folder_in_which_others_may_rename_is_warned_of() {
        let temp = tempfile::tempdir().unwrap();
        for (mode, state) in [
            (0o700, CheckState::Ok),
            (0o1777, CheckState::Ok),
            (0o777, CheckState::Warn),
        ] {
            let rights = fs::Permissions::from_mode(mode);
            fs::set_permissions(temp.path(), rights).unwrap();
            assert_eq!(others_in(temp.path()).state, state, "{mode:o}");
        }
    }

    #[test]
    fn each_check_that_is_not_ok_has_a_remedy_and_each_that_is_has_none() {
        let temp = tempfile::tempdir().unwrap();
        let scope = DoctorScope {
            version: KafkaVersion::new(4, 1, 1),
            kafka_home: Some(temp.path().join("nowhere")),
            reports: temp.path().join("reports"),
            runtime: RuntimeKind::Process,
            image: None,
            folders: UserFolders {
                cache: temp.path().join("cache"),
                state: temp.path().join("state"),
                temp: temp.path().to_owned(),
            },
        };
        let checks = doctor_checks(&scope);
        for check in &checks {
            assert_eq!(
                check.state == CheckState::Ok,
                check.remedy.is_empty(),
                "{check:?}"
            );
        }
        let kafka = checks.iter().find(|check| check.name == "Kafka").unwrap();
        assert_eq!(kafka.state, CheckState::Fail);
        assert!(!scope.folders.cache.exists(), "doctor changed something");
    }
}
