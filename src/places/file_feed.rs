//! A feed's way into a file.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::journal::{Deadline, ObservationKind};

use super::PlaceError;
use super::feed_book::{FeedBook, Outlet};

/// Bytes that are gathered for one write at most.
const MOST_BYTES: usize = 256 << 10;

/// Appends records as lines, many with one write.
pub(super) struct FileOutlet {
    path: PathBuf,
    file: File,
    /// Where the next line will begin.
    end: u64,
    lines: Vec<u8>,
}

impl FileOutlet {
    pub(super) fn open(path: &Path) -> Result<Self, PlaceError> {
        let failed = |source| PlaceError::File {
            what: "open",
            path: path.to_owned(),
            source,
        };
        let mut options = OpenOptions::new();
        let file = options
            .append(true)
            .create(true)
            // The folder may be shared with others, who could have put a link there.
            .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed())
            .open(path)
            .map_err(failed)?;
        let end = file.metadata().map_err(failed)?.len();
        Ok(Self {
            path: path.to_owned(),
            file,
            end,
            lines: Vec::new(),
        })
    }

    /// Gathers lines up to `due` and writes them; says whether any were left to write.
    fn write(&mut self, book: &mut FeedBook, due: u64) -> Result<bool, PlaceError> {
        self.lines.clear();
        let (at, first) = (book.now(), book.sent());
        let mut ends = Vec::new();
        while book.sent() < due && self.lines.len() < MOST_BYTES {
            let (_, line) = book.next_line();
            self.lines.extend_from_slice(line);
            self.lines.push(b'\n');
            ends.push(self.lines.len());
            book.note_sent(at);
        }
        if ends.is_empty() {
            return Ok(false);
        }
        let (written, failure) = write_all(&mut self.file, &self.lines);
        let mut begin = 0;
        for (number, end) in (first..).zip(&ends) {
            // A line whose first bytes are in the file may still be completed by nobody, or seen by somebody.
            let (position, kind) = if *end <= written {
                (self.end + begin as u64, ObservationKind::Whole)
            } else if begin < written {
                (self.end + begin as u64, ObservationKind::Unknown)
            } else {
                (u64::MAX, ObservationKind::Refused)
            };
            let position = i64::try_from(position).unwrap_or(-1);
            book.note_outcome(number, (0, position), kind)?;
            begin = *end;
        }
        self.end += written as u64;
        match failure {
            None => Ok(true),
            Some(source) => Err(PlaceError::File {
                what: "append to",
                path: self.path.clone(),
                source,
            }),
        }
    }
}

/// Like `Write::write_all`, but says how much was written before it failed.
fn write_all(file: &mut impl Write, bytes: &[u8]) -> (usize, Option<std::io::Error>) {
    let mut written = 0;
    while written < bytes.len() {
        match file.write(&bytes[written..]) {
            Ok(0) => return (written, Some(std::io::ErrorKind::WriteZero.into())),
            Ok(some) => written += some,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return (written, Some(error)),
        }
    }
    (written, None)
}

impl Outlet for FileOutlet {
    fn advance(&mut self, book: &mut FeedBook, due: u64) -> Result<(), PlaceError> {
        // A few writes a turn: a feed that catches up still looks at its stop signal.
        for _ in 0..16 {
            if !self.write(book, due)? {
                break;
            }
        }
        Ok(())
    }

    fn settle(&mut self, _: &mut FeedBook, _: Deadline) -> Result<(), PlaceError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Disk {
        room: usize,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let taken = bytes.len().min(self.room).min(7);
            self.room -= taken;
            if taken == 0 {
                return Err(std::io::ErrorKind::StorageFull.into());
            }
            Ok(taken)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_disk_says_how_far_the_write_got() {
        let (written, failure) = write_all(&mut Disk { room: 25 }, &[0; 40]);
        assert_eq!(written, 25);
        assert_eq!(failure.unwrap().kind(), std::io::ErrorKind::StorageFull);
        assert!(write_all(&mut Disk { room: 99 }, &[0; 40]).1.is_none());
    }
}
