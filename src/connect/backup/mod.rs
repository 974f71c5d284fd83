//! What a Connect cluster was told to do, saved into a folder: configurations, states and offsets of all connectors.
//!
//! The file holds configurations exactly as Connect returns them, so what was written into them in clear, passwords too,
//! stands in it in clear. It is made for its owner's eyes only (mode 0600).

mod diff;
mod restore;

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::journal::{Deadline, json_bytes, unix_us};
use crate::model::secrets::mask_text;
use crate::model::{ConnectorName, KafkaVersion};

use super::answers::{ConnectorOffset, ConnectorStatus};
use super::rest::while_passing;
use super::versions::{Feature, release_of};
use super::{Rest, RestError};

pub use diff::{Difference, diff};
pub use restore::{Choice, Outcome, Step, restore};

/// The version of the file's layout.
pub const BACKUP_FORMAT: u32 = 1;

/// More than all connectors of a cluster take; what is longer is cut, and then damaged.
const MOST_BYTES: u64 = 64 << 20;

/// The file in the folder.
pub const BACKUP_FILE: &str = "backup.json";

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The worker did not tell.
    #[error(transparent)]
    Rest(#[from] RestError),
    /// There is one already.
    #[error("{0} is there already and is not overwritten; choose another folder")]
    Taken(PathBuf),
    /// It cannot be written.
    #[error("cannot write {path}: {source}; choose another folder")]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It cannot be read.
    #[error("cannot read {path}: {source}; name a folder that `squall backup` wrote")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is not what was written.
    #[error("{path} is damaged or no backup of squall: {why}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
}

/// What a connector shall do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum TargetState {
    /// Run.
    Running,
    /// Stand still with its tasks in place.
    Paused,
    /// Stand still without tasks (since 3.5).
    Stopped,
}

impl TargetState {
    /// As Connect writes it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Paused => "PAUSED",
            Self::Stopped => "STOPPED",
        }
    }

    /// What the connector was told, by what it does. One that nobody runs at the moment shows it by its tasks; anything
    /// else, failures among it, was told to run.
    fn behind(status: Option<&ConnectorStatus>) -> Self {
        let Some(status) = status else {
            return Self::Running;
        };
        let unassigned_paused = status.state == "UNASSIGNED"
            && !status.tasks.is_empty()
            && status.tasks.iter().all(|task| task.state == "PAUSED");
        match status.state.as_str() {
            "STOPPED" => Self::Stopped,
            "PAUSED" => Self::Paused,
            _ if unassigned_paused => Self::Paused,
            _ => Self::Running,
        }
    }
}

impl fmt::Display for TargetState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// One connector.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Saved {
    /// `source`, `sink` or `unknown`.
    pub kind: String,
    /// Its configuration as it was given.
    pub config: BTreeMap<String, String>,
    /// What it shall do.
    pub state: TargetState,
    /// What it did when the backup was taken; `None` where the worker knew nothing.
    pub seen_state: Option<String>,
    /// Its committed offsets; those of one that runs go on meanwhile. `None` where they could not be had.
    pub offsets: Option<Vec<ConnectorOffset>>,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offsets_unknown: Option<String>,
}

/// Never shows a value of the configuration.
impl fmt::Debug for Saved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Saved")
            .field("settings", &self.config.keys())
            .field("state", &self.state)
            .field("offsets", &self.offsets)
            .finish_non_exhaustive()
    }
}

/// What all connectors of a cluster were told at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Backup {
    /// Version of this layout.
    pub format: u32,
    /// When it was taken, RFC 3339 in UTC.
    pub taken: String,
    /// The release of squall that took it.
    pub squall: String,
    /// The worker that was asked.
    pub rest: String,
    /// `group.id` of the workers, where it was known.
    pub group: Option<String>,
    /// The id of the workers' Kafka cluster.
    pub cluster_id: String,
    /// The release of the worker that was asked.
    pub worker_version: String,
    /// The connectors.
    pub connectors: BTreeMap<ConnectorName, Saved>,
    /// Connectors with names that Squall does not take: they are not in the backup.
    #[serde(default)]
    pub left_out: Vec<String>,
}

/// Asks for everything; waits rebalances out until the deadline. Offsets that cannot be had are no failure: the reason
/// is kept in their place.
pub fn take(rest: &Rest, group: Option<&str>, deadline: Deadline) -> Result<Backup, RestError> {
    let info = while_passing(deadline, |timeout| rest.info(timeout))?;
    let release = release_of(&info.version);
    let (infos, left_out) = while_passing(deadline, |timeout| rest.info_all(timeout))?;
    let statuses = while_passing(deadline, |timeout| rest.status_all(timeout))?;
    let mut connectors = BTreeMap::new();
    for (name, info) in infos {
        let status = statuses.get(&name);
        let (offsets, offsets_unknown) = match offsets_of(rest, &name, release, deadline) {
            Ok(offsets) => (Some(offsets), None),
            Err(why) => (None, Some(why)),
        };
        let saved = Saved {
            kind: info.kind,
            config: info.config,
            state: TargetState::behind(status),
            seen_state: status.map(|status| status.state.clone()),
            offsets,
            offsets_unknown,
        };
        connectors.insert(name, saved);
    }
    Ok(Backup {
        format: BACKUP_FORMAT,
        taken: now(),
        squall: env!("CARGO_PKG_VERSION").to_owned(),
        rest: mask_text(rest.base_url()),
        group: group.map(str::to_owned),
        cluster_id: info.kafka_cluster_id,
        worker_version: info.version,
        connectors,
        left_out,
    })
}

fn now() -> String {
    jiff::Timestamp::from_second(unix_us() / 1_000_000)
        .unwrap_or_default()
        .to_string()
}

fn offsets_of(
    rest: &Rest,
    name: &ConnectorName,
    release: Option<KafkaVersion>,
    deadline: Deadline,
) -> Result<Vec<ConnectorOffset>, String> {
    if !offers(release, Feature::ReadOffsets) {
        let first = Feature::ReadOffsets.first_release();
        return Err(format!("offsets are not told before {first}"));
    }
    while_passing(deadline, |timeout| rest.offsets(name, timeout))
        .map_err(|error| error.to_string())
}

/// Whether workers of this release have it; unknown releases are asked.
fn offers(release: Option<KafkaVersion>, feature: Feature) -> bool {
    release.is_none_or(|release| feature.is_in(release))
}

impl Backup {
    /// Writes `backup.json` into the folder, which is made when it is not there, both for their owner's eyes only.
    /// Fails when there is one already.
    pub fn write(&self, folder: &Path) -> Result<PathBuf, BackupError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source: std::io::Error| match source.kind() {
                std::io::ErrorKind::AlreadyExists => BackupError::Taken(path),
                _ => BackupError::Write { path, source },
            }
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(failed(folder))?;
        let path = folder.join(BACKUP_FILE);
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(failed(&path))?;
        file.write_all(&json_bytes(self))
            .and_then(|()| file.sync_all())
            .inspect_err(|_| {
                // Half a backup would only be taken for one.
                let _ = std::fs::remove_file(&path);
            })
            .map_err(failed(&path))?;
        Ok(path)
    }

    /// Reads what [`Self::write`] wrote.
    pub fn read(folder: &Path) -> Result<Self, BackupError> {
        let path = folder.join(BACKUP_FILE);
        let mut bytes = Vec::new();
        File::open(&path)
            .and_then(|file| file.take(MOST_BYTES).read_to_end(&mut bytes))
            .map_err(|source| BackupError::Read {
                path: path.clone(),
                source,
            })?;
        let damaged = |why: String| BackupError::Damaged {
            path: path.clone(),
            why,
        };
        let backup: Self = serde_json::from_slice(&bytes).map_err(|error| {
            // The error's own text may quote a value.
            damaged(format!("line {}, column {}", error.line(), error.column()))
        })?;
        if backup.format == BACKUP_FORMAT {
            Ok(backup)
        } else {
            Err(damaged(format!(
                "its layout is {}, this squall knows {BACKUP_FORMAT}",
                backup.format
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    pub(super) fn saved(config: &[(&str, &str)], state: TargetState) -> Saved {
        let pairs = config.iter();
        Saved {
            kind: "sink".to_owned(),
            config: pairs
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            state,
            seen_state: Some(state.word().to_owned()),
            offsets: Some(Vec::new()),
            offsets_unknown: None,
        }
    }

    pub(super) fn backup(connectors: &[(&str, Saved)]) -> Backup {
        let named = connectors.iter();
        Backup {
            format: BACKUP_FORMAT,
            taken: "2026-01-02T03:04:05Z".to_owned(),
            squall: "0".to_owned(),
            rest: "http://h:1".to_owned(),
            group: Some("g".to_owned()),
            cluster_id: "c".to_owned(),
            worker_version: "4.1.1".to_owned(),
            connectors: named
                .map(|(name, saved)| (ConnectorName::new(name).unwrap(), saved.clone()))
                .collect(),
            left_out: Vec::new(),
        }
    }

    #[test]
    fn a_backup_is_read_as_it_was_written_and_only_its_owner_can_read_it() {
        let temp = tempfile::tempdir().unwrap();
        let folder = temp.path().join("a/b");
        let secret = saved(&[("db.password", "hunter2")], TargetState::Paused);
        let written = backup(&[("c", secret)]);
        let path = written.write(&folder).unwrap();
        assert_eq!(Backup::read(&folder).unwrap(), written);
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(&folder)), (0o600, 0o700));
        assert!(!format!("{written:?}").contains("hunter2"));
    }

    #[test]
    fn nothing_is_overwritten_and_damage_is_named_without_values() {
        let temp = tempfile::tempdir().unwrap();
        backup(&[]).write(temp.path()).unwrap();
        let again = backup(&[]).write(temp.path());
        assert!(matches!(again, Err(BackupError::Taken(_))), "{again:?}");
        let path = temp.path().join(BACKUP_FILE);
        std::fs::write(&path, "{\"format\": \"hunter2\"}").unwrap();
        let error = Backup::read(temp.path()).unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
        let mut newer = backup(&[]);
        newer.format = 2;
        std::fs::write(&path, json_bytes(&newer)).unwrap();
        let error = Backup::read(temp.path()).unwrap_err().to_string();
        assert!(error.contains("layout is 2"), "{error}");
    }

    #[test]
    fn what_a_connector_was_told_is_seen_behind_what_it_does() {
        let status = |state: &str, tasks: &[&str]| ConnectorStatus {
            state: state.to_owned(),
            worker_id: "h:1".to_owned(),
            trace: None,
            tasks: tasks
                .iter()
                .zip(0..)
                .map(|(state, id)| crate::connect::rest::TaskStatus {
                    id,
                    state: (*state).to_owned(),
                    worker_id: "h:1".to_owned(),
                    trace: None,
                })
                .collect(),
        };
        for (status, told) in [
            (status("RUNNING", &["FAILED"]), TargetState::Running),
            (status("FAILED", &[]), TargetState::Running),
            (status("PAUSED", &["PAUSED"]), TargetState::Paused),
            (status("STOPPED", &[]), TargetState::Stopped),
            (status("UNASSIGNED", &["PAUSED"]), TargetState::Paused),
            (status("UNASSIGNED", &["RUNNING"]), TargetState::Running),
        ] {
            assert_eq!(TargetState::behind(Some(&status)), told, "{status:?}");
        }
        assert_eq!(TargetState::behind(None), TargetState::Running);
    }
}
