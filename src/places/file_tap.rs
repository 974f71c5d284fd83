//! Reading a growing file live, for a tap.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::journal::Clock;

use super::PlaceError;
use super::lines::Lines;
use super::sightings::Sightings;
use super::thread::StopSignal;
use super::watch::Watch;

/// Longest wait for a change: a net below inotify, and how late a stop can be heard.
const WAIT: Duration = Duration::from_millis(50);
/// After something was read, more is let gather for this long: many sink tasks append one line each.
const GATHER: Duration = Duration::from_millis(2);
/// Bytes that are read at once.
const CHUNK_BYTES: usize = 256 << 10;

/// A file that is waited for, then read to its end again and again.
pub(super) struct FileTap {
    path: PathBuf,
    watch: Watch,
    file: Option<File>,
    lines: Lines,
    chunk: Vec<u8>,
}

impl FileTap {
    /// Watches the file's folder, which must be there.
    pub(super) fn watch(path: &Path) -> Result<Self, PlaceError> {
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        let watch = Watch::folder(folder).map_err(|source| PlaceError::File {
            what: "watch the folder of",
            path: path.to_owned(),
            source,
        })?;
        Ok(Self {
            path: path.to_owned(),
            watch,
            file: None,
            lines: Lines::default(),
            chunk: vec![0; CHUNK_BYTES],
        })
    }

    /// Reads until the signal; fails when the file cannot be read or was changed other than by appending.
    pub(super) fn read(
        &mut self,
        book: &mut Sightings,
        clock: Clock,
        stop: &StopSignal,
    ) -> Result<(), PlaceError> {
        while !stop.is_set() {
            if self.read_to_end(book, clock)? {
                stop.wait(GATHER);
            } else {
                let waited = self.watch.wait(WAIT);
                waited.map_err(|error| cannot_read(&self.path, error))?;
            }
            book.looked()?;
        }
        self.read_to_end(book, clock)?;
        self.take_unfinished(book, clock)
    }

    /// Takes in what was appended since the last time; says whether there was anything.
    fn read_to_end(&mut self, book: &mut Sightings, clock: Clock) -> Result<bool, PlaceError> {
        self.check()?;
        let Some(file) = &mut self.file else {
            return Ok(false);
        };
        let before = self.lines.read_to();
        loop {
            let read = match file.read(&mut self.chunk) {
                Ok(0) => return Ok(self.lines.read_to() > before),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(cannot_read(&self.path, error)),
            };
            let at = clock.now();
            let mut written = Ok(());
            self.lines.push(&self.chunk[..read], |position, line| {
                if written.is_ok() {
                    written = book.sight(at, (0, signed(position)), b"", Some(line));
                }
            });
            written?;
            book.show(std::iter::once((0, signed(self.lines.line_at()))));
            book.looked()?;
        }
    }

    /// Opens the file once it is there; fails when the file there is not the opened one any more, or is shorter than
    /// what was read of it.
    fn check(&mut self) -> Result<(), PlaceError> {
        let failed = |error| cannot_read(&self.path, error);
        let absent = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
        let Some(file) = &self.file else {
            self.file = match File::open(&self.path) {
                Ok(file) => Some(file),
                Err(error) if absent(&error) => None,
                Err(error) => return Err(failed(error)),
            };
            return Ok(());
        };
        let there = match fs::metadata(&self.path) {
            Ok(there) => there,
            Err(error) if absent(&error) => return Err(self.tampered("removed")),
            Err(error) => return Err(failed(error)),
        };
        let opened = file.metadata().map_err(failed)?;
        if (opened.dev(), opened.ino()) != (there.dev(), there.ino()) {
            return Err(self.tampered("replaced"));
        }
        if opened.len() < self.lines.read_to() {
            return Err(self.tampered("truncated"));
        }
        Ok(())
    }

    /// A last line without its end is counted when reading ends: nothing in the file goes unaccounted for.
    fn take_unfinished(&mut self, book: &mut Sightings, clock: Clock) -> Result<(), PlaceError> {
        if let Some((position, line)) = self.lines.unfinished() {
            book.sight(clock.now(), (0, signed(position)), b"", Some(line))?;
            book.show(std::iter::once((0, signed(position))));
        }
        Ok(())
    }

    fn tampered(&self, how: &'static str) -> PlaceError {
        PlaceError::Tampered {
            path: self.path.clone(),
            how,
        }
    }
}

fn cannot_read(path: &Path, source: io::Error) -> PlaceError {
    PlaceError::File {
        what: "read",
        path: path.to_owned(),
        source,
    }
}

/// A position as the observations hold it; no file is longer than that.
fn signed(position: u64) -> i64 {
    i64::try_from(position).unwrap_or(i64::MAX)
}
