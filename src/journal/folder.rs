//! The run folder on disk: where each file stands, and how it is opened, written and read back.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::model::PlaceName;
use crate::plan::Plan;

use super::regular::{self, MOST_JOURNAL_BYTES, MOST_LINE_BYTES, MOST_VALUE_BYTES};
use super::{Batch, Event, ObservationError, ObservationReader, ObservationWriter, RunInfo};

/// Why a run folder could not be made, written or read.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// A file or folder could not be made or written.
    #[error("cannot write {path}: {source}; {advice}", advice = advice_on(.source))]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The link to the newest run folder could not be set.
    #[error("cannot point {path} at this run: {source}; the run folder itself is whole")]
    Latest {
        /// The link.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file could not be read.
    #[error("cannot read {path}: {source}; is this a run folder of squall?")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file is not what it should be.
    #[error("{path} is damaged or not of squall: {why}")]
    Damaged {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
}

/// What to do about a file that cannot be written.
fn advice_on(error: &std::io::Error) -> &'static str {
    use std::io::ErrorKind::{InvalidInput, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    match error.kind() {
        StorageFull | QuotaExceeded => {
            "free disk space there, or choose a folder on another disk with --reports"
        }
        InvalidInput => "take it out of the folder",
        ReadOnlyFilesystem => "choose another folder with --reports",
        _ => "check its rights, or choose another folder with --reports",
    }
}

/// The observations of all places of a run, wherever they are kept.
pub trait Places {
    /// The batches of one place in their order, as far as they are whole; the last item is an error where they are damaged.
    fn batches(&self, place: &str) -> Result<Batches<'_>, ObservationError>;
}

/// Batches of one place.
pub type Batches<'a> = Box<dyn Iterator<Item = Result<Batch, ObservationError>> + 'a>;

/// The events of a run as far as they could be read.
#[derive(Debug, Clone, PartialEq)]
pub struct EventLog {
    /// Whole events in their order.
    pub events: Vec<Event>,
    /// Why there may be more, or why they cannot be trusted.
    pub damage: Option<String>,
}

/// Who may read a run folder and the reports in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Readers {
    /// Its owner alone: secrets are masked by what is known of them, and no rule knows them all.
    #[default]
    Owner,
    /// Its group too.
    Group,
    /// Every user of the machine.
    Everyone,
}

impl Readers {
    const fn folder_mode(self) -> u32 {
        match self {
            Self::Owner => 0o700,
            Self::Group => 0o750,
            Self::Everyone => 0o755,
        }
    }
}

/// A run folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    /// Makes a new folder `<reports>/<name>` for its owner alone, with a number behind it when that exists already; never
    /// overwrites anything.
    pub fn create(reports: &Path, name: &str) -> Result<Self, FolderError> {
        Self::create_for(reports, name, Readers::Owner)
    }

    /// The same for these readers.
    pub fn create_for(reports: &Path, name: &str, readers: Readers) -> Result<Self, FolderError> {
        let failed = |path: &Path, source| FolderError::Write {
            path: path.to_owned(),
            source,
        };
        fs::create_dir_all(reports).map_err(|source| failed(reports, source))?;
        let candidates =
            std::iter::once(name.to_owned()).chain((2..).map(|n| format!("{name}-{n}")));
        for candidate in candidates {
            let path = reports.join(candidate);
            match make_closed(&path) {
                Ok(()) => return Self::with_subfolders(path, readers),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(source) => return Err(failed(&path, source)),
            }
        }
        unreachable!("the numbers do not end")
    }

    fn with_subfolders(path: PathBuf, readers: Readers) -> Result<Self, FolderError> {
        let path = fs::canonicalize(&path).map_err(|source| FolderError::Write { path, source })?;
        for sub in ["observations", "logs", "data", ""] {
            let path = path.join(sub);
            let made = match sub {
                "" => Ok(()),
                _ => make_closed(&path),
            };
            // Whatever the user's umask is: who else may read was asked.
            let mode = fs::Permissions::from_mode(readers.folder_mode());
            made.and_then(|()| fs::set_permissions(&path, mode))
                .map_err(|source| FolderError::Write { path, source })?;
        }
        Ok(Self { path })
    }

    /// Opens a folder that a run has left; fails when there is no `run.json` in it.
    pub fn open(path: &Path) -> Result<Self, FolderError> {
        let folder = Self {
            path: path.to_owned(),
        };
        folder.info()?;
        Ok(folder)
    }

    /// Points `<reports>/latest` at this folder.
    pub fn become_latest(&self) -> Result<(), FolderError> {
        let (Some(reports), Some(name)) = (self.path.parent(), self.path.file_name()) else {
            return Ok(());
        };
        let link = reports.join("latest");
        regular::replace_link(&link, Path::new(name))
            .map_err(|source| FolderError::Latest { path: link, source })
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A file or folder in it.
    pub fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Where worker and broker logs stand.
    pub fn logs(&self) -> PathBuf {
        self.path.join("logs")
    }

    /// Where file feeds and file taps stand: the folder that all workers share.
    pub fn data(&self) -> PathBuf {
        self.path.join("data")
    }

    /// The observation file of a place.
    pub fn observations(&self, place: &str) -> PathBuf {
        self.path
            .join("observations")
            .join(format!("{place}.arrow"))
    }

    /// Begins the observations of a place.
    pub fn write_observations(&self, place: &str) -> Result<ObservationWriter, ObservationError> {
        ObservationWriter::create(&self.observations(place))
    }

    /// Writes a file in one step: it is there whole or not at all.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), FolderError> {
        let path = self.path.join(name);
        regular::replace(&path, bytes).map_err(|source| FolderError::Write { path, source })
    }

    /// Writes a value as JSON, pretty, with a line end.
    pub fn write_json<T: Serialize>(&self, name: &str, value: &T) -> Result<(), FolderError> {
        self.write(name, &json_bytes(value))
    }

    /// Reads a value from JSON.
    pub fn read_json<T: DeserializeOwned>(&self, name: &str) -> Result<T, FolderError> {
        let path = self.path.join(name);
        let bytes = regular::read(&path, MOST_VALUE_BYTES).map_err(|source| FolderError::Read {
            path: path.clone(),
            source,
        })?;
        serde_json::from_slice(&bytes).map_err(|error| FolderError::Damaged {
            path,
            why: error.to_string(),
        })
    }

    /// What is known about the run.
    pub fn info(&self) -> Result<RunInfo, FolderError> {
        let info: RunInfo = self.read_json("run.json")?;
        match info.scenario.absurd() {
            None => Ok(info),
            Some(why) => Err(FolderError::Damaged {
                path: self.path.join("run.json"),
                why,
            }),
        }
    }

    /// The run's timetable.
    pub fn plan(&self) -> Result<Plan, FolderError> {
        self.read_json("plan.json")
    }

    /// The run's events: whole lines with consecutive numbers, up to the first that is not.
    pub fn events(&self) -> Result<EventLog, FolderError> {
        let path = self.path.join("events.jsonl");
        let file = regular::open(&path, MOST_JOURNAL_BYTES)
            .map_err(|source| FolderError::Read { path, source })?;
        Ok(read_events(BufReader::new(file)))
    }
}

impl Places for RunFolder {
    fn batches(&self, place: &str) -> Result<Batches<'_>, ObservationError> {
        Ok(Box::new(ObservationReader::open(
            &self.observations(place),
        )?))
    }
}

/// Observations kept in memory, for tests and what-if questions.
impl Places for BTreeMap<PlaceName, Vec<Batch>> {
    fn batches(&self, place: &str) -> Result<Batches<'_>, ObservationError> {
        let found = self
            .iter()
            .find(|(name, _)| name.as_str() == place)
            .map(|(_, batches)| batches);
        Ok(Box::new(found.into_iter().flatten().cloned().map(Ok)))
    }
}

/// Makes a folder that nobody else can enter, not even for a moment.
fn make_closed(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().mode(0o700).create(path)
}

/// A value as pretty JSON with a line end.
pub fn json_bytes<T: Serialize>(value: &T) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(value).expect("our own types have string keys only");
    bytes.push(b'\n');
    bytes
}

/// The next line without its end; `None` behind the last one.
fn next_line(lines: &mut impl BufRead) -> std::io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    lines
        .by_ref()
        .take(MOST_LINE_BYTES)
        .read_until(b'\n', &mut line)?;
    if line.last() == Some(&b'\n') {
        line.pop();
    } else if line.is_empty() {
        return Ok(None);
    } else if line.len() as u64 == MOST_LINE_BYTES {
        let why = format!("it is longer than {MOST_LINE_BYTES} bytes, as no event is");
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, why));
    }
    Ok(Some(line))
}

fn read_events(mut lines: impl BufRead) -> EventLog {
    let mut events = Vec::new();
    for n in 0.. {
        let damage = |why: String| Some(format!("events.jsonl, line {}: {why}", n + 1));
        let line = match next_line(&mut lines) {
            Ok(Some(line)) => line,
            Ok(None) => break,
            Err(error) => {
                return EventLog {
                    events,
                    damage: damage(error.to_string()),
                };
            }
        };
        match serde_json::from_slice::<Event>(&line) {
            Ok(event) if event.n == n => events.push(event),
            Ok(event) => {
                let why = format!("event {} stands where {n} should", event.n);
                return EventLog {
                    events,
                    damage: damage(why),
                };
            }
            Err(error) => {
                return EventLog {
                    events,
                    damage: damage(error.to_string()),
                };
            }
        }
    }
    EventLog {
        events,
        damage: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_folder_is_its_owners_alone_unless_others_were_asked_for() {
        let reports = tempfile::tempdir().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let owner = RunFolder::create(reports.path(), "r").unwrap();
        assert_eq!((mode(owner.path()), mode(&owner.logs())), (0o700, 0o700));
        for (readers, expected) in [
            (Readers::Owner, 0o700),
            (Readers::Group, 0o750),
            (Readers::Everyone, 0o755),
        ] {
            let folder = RunFolder::create_for(reports.path(), "r", readers).unwrap();
            for path in [folder.path(), &folder.logs(), &folder.data()] {
                assert_eq!(mode(path), expected, "{readers:?}: {}", path.display());
            }
        }
    }
}
