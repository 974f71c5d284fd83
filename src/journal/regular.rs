//! Opens files of a run folder for reading: regular ones only, up to a size that a run can have.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Values such as `run.json`.
pub(super) const MOST_VALUE_BYTES: u64 = 64 << 20;
/// The journal of a run of days.
pub(super) const MOST_JOURNAL_BYTES: u64 = 4 << 30;
/// One event: the longest ones list the tasks and members of a whole cluster.
pub(super) const MOST_LINE_BYTES: u64 = 16 << 20;
/// The observations of one place: over a thousand million rows.
pub(super) const MOST_OBSERVATION_BYTES: u64 = 8 << 30;

/// Opens a file that is a file. What else may stand there, a pipe, a device, a folder, could hang or never end.
pub(super) fn open(path: &Path, most_bytes: u64) -> io::Result<File> {
    // Looked at before it is opened: opening a pipe waits for a writer.
    let found = std::fs::metadata(path)?;
    let refused = |why: String| Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    if !found.is_file() {
        return refused(
            "it is no regular file; a run folder is copied whole, with `cp -a` or tar".to_owned(),
        );
    }
    if found.len() > most_bytes {
        return refused(format!(
            "it has {} bytes, and no run writes more than {most_bytes} there",
            found.len()
        ));
    }
    File::open(path)
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
