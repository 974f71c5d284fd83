//! Waiting until something changes in a folder, by inotify.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};

/// A watched folder.
pub(super) struct Watch {
    events: OwnedFd,
}

impl Watch {
    /// Watches a folder: files made, moved, deleted and written.
    pub(super) fn folder(path: &Path) -> io::Result<Self> {
        let events = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        let flags = WatchFlags::CREATE
            | WatchFlags::MODIFY
            | WatchFlags::MOVED_TO
            | WatchFlags::MOVED_FROM
            | WatchFlags::DELETE;
        inotify::add_watch(&events, path, flags)?;
        Ok(Self { events })
    }

    /// Waits until something has changed since the last call, at most `limit`.
    pub(super) fn wait(&self, limit: Duration) -> io::Result<()> {
        let limit = Timespec::try_from(limit).unwrap_or(Timespec {
            tv_sec: 1,
            tv_nsec: 0,
        });
        let mut polled = [PollFd::new(&self.events, PollFlags::IN)];
        match poll(&mut polled, Some(&limit)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        self.forget();
        Ok(())
    }

    /// Empties the queue of events: which they were does not matter, the reader looks at the file itself.
    fn forget(&self) {
        let mut space = [MaybeUninit::uninit(); 4096];
        while rustix::io::read(&self.events, &mut space[..]).is_ok_and(|(read, _)| !read.is_empty())
        {
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::journal::Deadline;

    use super::*;

    #[test]
    fn a_new_file_and_an_append_end_the_wait_and_silence_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let watch = Watch::folder(folder.path()).unwrap();
        let limit = Duration::from_secs(60);
        for _ in 0..2 {
            let deadline = Deadline::after(limit);
            std::fs::write(folder.path().join("f"), "x").unwrap();
            watch.wait(limit).unwrap();
            assert!(!deadline.has_passed());
        }
        let deadline = Deadline::after(Duration::from_millis(30));
        watch.wait(Duration::from_millis(40)).unwrap();
        assert!(deadline.has_passed());
    }
}
