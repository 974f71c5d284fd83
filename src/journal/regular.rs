//! Files of a run folder, to be read and written: regular ones only, links never followed, up to a size that a run can have.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Values such as `run.json`.
pub(super) const MOST_VALUE_BYTES: u64 = 64 << 20;
/// The journal of a run of days.
pub(super) const MOST_JOURNAL_BYTES: u64 = 4 << 30;
/// One event: the longest ones list the tasks and members of a whole cluster.
pub(super) const MOST_LINE_BYTES: u64 = 16 << 20;
/// The observations of one place: over a thousand million rows.
pub(super) const MOST_OBSERVATION_BYTES: u64 = 8 << 30;

/// Opens a file that is a file. What else may stand there, a pipe, a device, a folder, could hang or never end; a link could
/// lead to what is no part of the run, and from there into a report that is passed on.
pub(super) fn open(path: &Path, most_bytes: u64) -> io::Result<File> {
    // Looked at before it is opened: a device may do something when it is opened.
    refuse_other(&std::fs::symlink_metadata(path)?)?;
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path)?;
    // Looked at again: it may be another one by now.
    let found = file.metadata()?;
    refuse_other(&found)?;
    if found.len() > most_bytes {
        return refused(format!(
            "it has {} bytes, and no run writes more than {most_bytes} there",
            found.len()
        ));
    }
    Ok(file)
}

fn refuse_other(found: &std::fs::Metadata) -> io::Result<()> {
    if found.is_file() {
        return Ok(());
    }
    let what = match found.is_symlink() {
        true => "a symbolic link and no regular file",
        false => "no regular file",
    };
    refused(format!(
        "it is {what}; a run folder is copied whole, with `cp -a` or tar"
    ))
}

fn refused<T>(why: String) -> io::Result<T> {
    Err(io::Error::new(io::ErrorKind::InvalidInput, why))
}

/// Puts a file in its place in one step, whole or not at all. What stands there is replaced where it is a file, and never
/// written through: a run folder may come from somebody else.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    match std::fs::symlink_metadata(path) {
        Ok(found) => refuse_other(&found)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let (part, mut file) = beside(path, |part| File::create_new(part))?;
    let written = file.write_all(bytes).and_then(|()| file.sync_data());
    drop(file);
    put(&part, path, written)
}

/// Points a link at `target`, in one step. What stands there is replaced where it is a link.
pub(super) fn replace_link(path: &Path, target: &Path) -> io::Result<()> {
    match std::fs::symlink_metadata(path) {
        Ok(found) if !found.is_symlink() => {
            return refused("it is there already and no link of squall; move it away".to_owned());
        }
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(_) | Err(_) => {}
    }
    let (part, ()) = beside(path, |part| std::os::unix::fs::symlink(target, part))?;
    put(&part, path, Ok(()))
}

/// Appends to a file that somebody else keeps; made where it is not there. A pipe that nobody reads is refused instead of
/// waited for.
pub fn append(path: &Path, bytes: &[u8]) -> io::Result<()> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed())
        .open(path)?
        .write_all(bytes)
}

/// Moves what is written to its place; nothing stays beside it where that fails.
fn put(part: &Path, path: &Path, written: io::Result<()>) -> io::Result<()> {
    let put = written.and_then(|()| std::fs::rename(part, path));
    if put.is_err() {
        let _ = std::fs::remove_file(part);
    }
    put
}

/// Makes something new with a name of its own beside `path`: what stands there with that name is neither opened nor replaced.
fn beside<T>(path: &Path, make: impl Fn(&Path) -> io::Result<T>) -> io::Result<(PathBuf, T)> {
    const ATTEMPTS: u32 = 1_000;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut last = io::Error::from(io::ErrorKind::AlreadyExists);
    for attempt in 0..ATTEMPTS {
        let part = path.with_file_name(format!(".{name}.{}-{attempt}.part", std::process::id()));
        match make(&part) {
            Ok(made) => return Ok((part, made)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => last = error,
            Err(error) => return Err(error),
        }
    }
    Err(last)
}

/// The whole content of such a file.
pub(super) fn read(path: &Path, most_bytes: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path, most_bytes)?
        .take(most_bytes)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::process::Command;

    use super::*;
    use crate::journal::{Deadline, Places, RunFolder};

    /// A folder of which one file is replaced by something that is no file of a run.
    fn folder_with(name: &str, put: &dyn Fn(&Path)) -> (tempfile::TempDir, RunFolder) {
        let reports = tempfile::tempdir().unwrap();
        let folder = RunFolder::create(reports.path(), "r").unwrap();
        for known in ["scenario.yaml", "plan.json", "run.json", "events.jsonl"] {
            std::fs::write(folder.join(known), "{}").unwrap();
        }
        std::fs::write(folder.observations("tap"), "x").unwrap();
        folder.seal().unwrap();
        let path = folder.join(name);
        std::fs::remove_file(&path).unwrap();
        put(&path);
        (reports, folder)
    }

    #[test]
    fn what_is_no_file_or_too_large_is_refused_at_once_wherever_it_stands() {
        let limit = std::time::Duration::from_secs(10);
        let pipe = |path: &Path| {
            assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
        };
        let zeros = |path: &Path| symlink("/dev/zero", path).unwrap();
        let directory = |path: &Path| std::fs::create_dir(path).unwrap();
        let sparse = |path: &Path| File::create(path).unwrap().set_len(20 << 30).unwrap();
        type Put<'a> = (&'a dyn Fn(&Path), &'a str);
        let puts: [Put<'_>; 4] = [
            (&pipe, "no regular file"),
            (&zeros, "no regular file"),
            (&directory, "no regular file"),
            (&sparse, "no run writes more"),
        ];
        for (put, why) in puts {
            for name in [
                "plan.json",
                "run.json",
                "events.jsonl",
                "observations/tap.arrow",
            ] {
                let deadline = Deadline::after(limit);
                let (_reports, folder) = folder_with(name, put);
                let error = match name {
                    "plan.json" => folder.plan().unwrap_err().to_string(),
                    "run.json" => RunFolder::open(folder.path()).unwrap_err().to_string(),
                    "events.jsonl" => folder.events().unwrap_err().to_string(),
                    _ => folder.batches("tap").err().unwrap().to_string(),
                };
                assert!(error.contains(why), "{name}: {error}");
                let told = folder.check_seal(["tap"].into_iter());
                assert!(told.iter().any(|text| text.contains(name)), "{told:?}");
                assert!(!deadline.has_passed(), "{name}: {why}");
            }
        }
    }

    #[test]
    fn nothing_is_written_or_read_through_a_link_in_the_folder() {
        let outside = tempfile::tempdir().unwrap();
        let mine = outside.path().join("mine");
        std::fs::write(&mine, "precious").unwrap();
        let (_reports, folder) = folder_with("run.json", &|path| symlink(&mine, path).unwrap());
        let error = folder.write("run.json", b"{}").unwrap_err().to_string();
        assert!(error.contains("a symbolic link"), "{error}");
        let error = folder.info().unwrap_err().to_string();
        assert!(error.contains("a symbolic link"), "{error}");
        // The names that a file has before it is in its place can be guessed.
        for attempt in 0..3 {
            let part = format!(".result.json.{}-{attempt}.part", std::process::id());
            symlink(&mine, folder.join(&part)).unwrap();
        }
        symlink(&mine, folder.join(".result.json.part")).unwrap();
        folder.write("result.json", b"{}").unwrap();
        assert!(
            std::fs::symlink_metadata(folder.join("result.json"))
                .unwrap()
                .is_file()
        );
        assert_eq!(std::fs::read_to_string(&mine).unwrap(), "precious");
    }

    #[test]
    fn a_folder_in_the_place_of_a_report_is_named_and_leaves_nothing_behind() {
        let (_reports, folder) = folder_with("run.json", &|path| {
            std::fs::create_dir(path).unwrap();
        });
        let error = folder.write("run.json", b"{}").unwrap_err().to_string();
        assert!(error.contains("no regular file"), "{error}");
        let left = std::fs::read_dir(folder.path()).unwrap();
        let parts = left.filter(|entry| {
            let name = entry.as_ref().unwrap().file_name();
            name.to_string_lossy().ends_with(".part")
        });
        assert_eq!(parts.count(), 0);
    }

    #[test]
    fn a_pipe_without_a_reader_is_refused_and_a_file_grows() {
        let home = tempfile::tempdir().unwrap();
        let pipe = home.path().join("pipe");
        assert!(
            Command::new("mkfifo")
                .arg(&pipe)
                .status()
                .unwrap()
                .success()
        );
        assert!(append(&pipe, b"x").is_err());
        let file = home.path().join("file");
        append(&file, b"one ").unwrap();
        append(&file, b"two").unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "one two");
    }

    #[test]
    fn latest_is_replaced_only_where_it_is_a_link() {
        let reports = tempfile::tempdir().unwrap();
        let latest = reports.path().join("latest");
        let [one, two] =
            ["one", "two"].map(|name| RunFolder::create(reports.path(), name).unwrap());
        one.become_latest().unwrap();
        two.become_latest().unwrap();
        assert_eq!(std::fs::read_link(&latest).unwrap(), Path::new("two"));
        std::fs::remove_file(&latest).unwrap();
        let put: [&dyn Fn(); 2] = [&|| std::fs::write(&latest, "mine").unwrap(), &|| {
            std::fs::create_dir(&latest).unwrap()
        }];
        for put in put {
            put();
            let error = one.become_latest().unwrap_err().to_string();
            assert!(
                error.contains("latest") && error.contains("move it away"),
                "{error}"
            );
            let found = std::fs::symlink_metadata(&latest).unwrap();
            assert!(!found.is_symlink());
            if found.is_file() {
                std::fs::remove_file(&latest).unwrap();
            }
        }
    }

    #[test]
    fn a_line_without_end_is_damage_and_not_memory() {
        let (_reports, folder) = folder_with("events.jsonl", &|path| {
            File::create(path).unwrap().set_len(3 << 30).unwrap();
        });
        let log = folder.events().unwrap();
        let damage = log.damage.unwrap();
        assert!(
            damage.contains("line 1") && damage.contains("longer"),
            "{damage}"
        );
    }
}
