//! Undoes what a harness that was itself killed has left: its processes, its temporary folders and its ledger.

use std::fs;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::journal::Deadline;

use super::attached;
use super::ledger::{self, Owner, Thing, token_of};
use super::{RuntimeError, UserFolders, docker, private, proc_table};

const END_LIMIT: Duration = Duration::from_secs(10);

/// What cleaning did.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct CleanReport {
    /// Dead runs that were undone.
    pub runs: Vec<CleanedRun>,
    /// Live runs, which were not touched: their run folders.
    pub live: Vec<PathBuf>,
    /// What could not be undone, and why; its ledger stays for the next time.
    pub left: Vec<String>,
}

/// One dead run that was undone.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct CleanedRun {
    /// Its id.
    pub run: String,
    /// Its run folder, which stays.
    pub run_folder: PathBuf,
    /// Processes that were killed.
    pub killed: Vec<u32>,
    /// Folders that were removed.
    pub removed: Vec<PathBuf>,
    /// Containers that were removed.
    pub containers: Vec<String>,
    /// Container networks that were removed.
    pub networks: Vec<String>,
    /// What was undone in an attached cluster, in words.
    pub undone: Vec<String>,
}

/// Undoes all runs whose harness is gone; never touches a run whose harness is alive. Fails only when the folder of
/// ledgers cannot be read.
pub fn clean(folders: &UserFolders) -> Result<CleanReport, RuntimeError> {
    let mut report = CleanReport::default();
    for path in ledger_files(&folders.ledgers())? {
        match ledger::read(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => report.left.push(format!("{}: {error}", path.display())),
            Ok(None) => report.left.push(format!(
                "{}: no ledger of squall; remove it by hand",
                path.display()
            )),
            Ok(Some((owner, _))) if owner.is_alive() => report.live.push(owner.run_folder),
            Ok(Some((owner, things))) => clean_run(folders, &path, owner, &things, &mut report),
        }
    }
    Ok(report)
}

/// Dead runs that still await [`clean`], by their run folders.
pub(super) fn leftovers(folders: &UserFolders) -> Vec<PathBuf> {
    ledger_files(&folders.ledgers())
        .unwrap_or_default()
        .iter()
        .filter_map(|path| ledger::read(path).ok().flatten())
        .filter(|(owner, _)| !owner.is_alive())
        .map(|(owner, _)| owner.run_folder)
        .collect()
}

fn ledger_files(ledgers: &Path) -> Result<Vec<PathBuf>, RuntimeError> {
    let entries = match fs::read_dir(ledgers) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(RuntimeError::file("read", ledgers)(error)),
    };
    let mut files: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "jsonl")
        })
        .collect();
    files.sort();
    Ok(files)
}

fn clean_run(
    folders: &UserFolders,
    path: &Path,
    owner: Owner,
    things: &[Thing],
    report: &mut CleanReport,
) {
    let mut left = Vec::new();
    let killed = kill_all(&owner, things, &mut left);
    let swept = docker::remove_things(&owner.run, things, &mut left);
    let undone = attached::undo_ledger(folders, things, &mut left);
    let removed = remove_folders(path, things, &mut left);
    if left.is_empty()
        && let Err(error) = fs::remove_file(path)
    {
        left.push(format!("{}: {error}", path.display()));
    }
    report.left.append(&mut left);
    report.runs.push(CleanedRun {
        run: owner.run,
        run_folder: owner.run_folder,
        killed,
        removed,
        containers: swept.containers,
        networks: swept.networks,
        undone,
    });
}

fn kill_all(owner: &Owner, things: &[Thing], left: &mut Vec<String>) -> Vec<u32> {
    if owner.boot != proc_table::boot_id() {
        return Vec::new();
    }
    let mut killed = Vec::new();
    for thing in things {
        if let Thing::Started {
            name,
            pid,
            start_ticks,
        } = thing
        {
            kill_one(name, *pid, *start_ticks, &mut killed, left);
        }
    }
    for pid in proc_table::pids_with_argument(&token_of(&owner.run)) {
        if let Some(start_ticks) = proc_table::start_ticks(pid) {
            kill_one("a process of the run", pid, start_ticks, &mut killed, left);
        }
    }
    killed
}

/// Kills the process that had this pid since that time; a later process with the same pid is none of ours. The start
/// time is read after the pidfd was opened, so what is compared is what is killed. One that is dying already is awaited to
/// its last thread, because until then files may appear in the folders that are removed next.
fn kill_one(name: &str, pid: u32, start_ticks: u64, killed: &mut Vec<u32>, left: &mut Vec<String>) {
    let Some(target) = i32::try_from(pid).ok().and_then(Pid::from_raw) else {
        return;
    };
    let Ok(pidfd) = pidfd_open(target, PidfdFlags::empty()) else {
        return;
    };
    if proc_table::start_ticks_to_the_last(pid) != Some(start_ticks)
        || ended_within(&pidfd, Duration::ZERO) == Ok(true)
    {
        return;
    }
    match pidfd_send_signal(&pidfd, Signal::KILL) {
        Ok(()) | Err(rustix::io::Errno::SRCH) => {}
        Err(error) => {
            left.push(format!("{name} (pid {pid}): {error}; end it by hand"));
            return;
        }
    }
    match ended_within(&pidfd, END_LIMIT) {
        Ok(true) => killed.push(pid),
        Ok(false) => left.push(format!("{name} (pid {pid}) does not end after SIGKILL")),
        Err(error) => left.push(format!("{name} (pid {pid}): {error}")),
    }
}

/// Whether the process ends within the limit, to its last thread: then its pidfd can be read.
fn ended_within(pidfd: &OwnedFd, limit: Duration) -> rustix::io::Result<bool> {
    let deadline = Deadline::after(limit);
    let mut ended = [PollFd::new(pidfd, PollFlags::IN)];
    loop {
        let timeout = deadline.left().try_into().ok();
        match poll(&mut ended, timeout.as_ref()) {
            Ok(0) | Err(rustix::io::Errno::INTR) if deadline.has_passed() => return Ok(false),
            Ok(0) | Err(rustix::io::Errno::INTR) => {}
            Ok(_) => return Ok(true),
            Err(error) => return Err(error),
        }
    }
}

/// Folders of whoever owns the ledger; what a stranger put in such a place, or a link, is left alone.
fn remove_folders(ledger: &Path, things: &[Thing], left: &mut Vec<String>) -> Vec<PathBuf> {
    let mut removed = Vec::new();
    for thing in things {
        let Thing::Folder(folder) = thing else {
            continue;
        };
        if !is_ours(folder) {
            left.push(format!(
                "{}: its name does not begin with `squall-`; remove it by hand",
                folder.display()
            ));
            continue;
        }
        match private::is_folder_of_the_owner(folder, ledger) {
            Ok(true) => {}
            Ok(false) => {
                let folder = folder.display();
                left.push(format!(
                    "{folder}: a link, or made by another user; remove it by hand"
                ));
                continue;
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => {
                left.push(format!("{}: {error}", folder.display()));
                continue;
            }
        }
        docker::unmount_below(folder);
        match fs::remove_dir_all(folder) {
            Ok(()) => removed.push(folder.clone()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => left.push(format!("{}: {error}", folder.display())),
        }
    }
    removed
}

/// A damaged ledger must never remove a user's folder.
fn is_ours(folder: &Path) -> bool {
    let named_by_us = folder
        .file_name()
        .is_some_and(|name| name.to_string_lossy().starts_with("squall-"));
    folder.is_absolute() && named_by_us
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::process::{Child, Command};

    use super::super::Ledger;
    use super::*;

    struct Scene {
        _temp: tempfile::TempDir,
        folders: UserFolders,
    }

    fn scene() -> Scene {
        let temp = tempfile::tempdir().unwrap();
        let folders = UserFolders {
            cache: temp.path().join("cache"),
            state: temp.path().join("state"),
            temp: temp.path().join("temp"),
        };
        Scene {
            _temp: temp,
            folders,
        }
    }

    fn sleeper(argument: &str) -> Child {
        // `sh -c SCRIPT NAME` keeps NAME as an argument of its own, like a JVM keeps -D.
        Command::new("sh")
            .args(["-c", "read forever", argument])
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap()
    }

    fn started(child: &Child) -> Thing {
        Thing::Started {
            name: "w1".to_owned(),
            pid: child.id(),
            start_ticks: proc_table::start_ticks(child.id()).unwrap(),
        }
    }

    fn dead_owner(run: &str) -> Owner {
        let mut harness = Command::new("true").spawn().unwrap();
        let pid = harness.id();
        harness.wait().unwrap();
        Owner {
            run: run.to_owned(),
            pid,
            start_ticks: 1,
            boot: proc_table::boot_id(),
            run_folder: PathBuf::from("/reports/r"),
        }
    }

    #[test]
    fn a_dead_run_loses_its_processes_and_folders_and_its_ledger() {
        let scene = scene();
        let mut known = sleeper("x");
        let mut unknown = sleeper(&token_of("dead"));
        let folder = scene.folders.temp.join("squall-dead");
        fs::create_dir_all(folder.join("broker-1")).unwrap();
        let ledger = Ledger::begin(&scene.folders.ledgers(), &dead_owner("dead")).unwrap();
        ledger.note(&Thing::Folder(folder.clone())).unwrap();
        ledger
            .note(&Thing::Process {
                name: "w1".to_owned(),
            })
            .unwrap();
        ledger.note(&started(&known)).unwrap();
        // Zombies have ended: reap them only after the count.
        let report = clean(&scene.folders).unwrap();
        assert_eq!(report.left, Vec::<String>::new());
        assert_eq!(report.runs.len(), 1);
        assert_eq!(report.runs[0].killed, vec![known.id(), unknown.id()]);
        assert_eq!(report.runs[0].removed, vec![folder.clone()]);
        assert!(!folder.exists());
        known.wait().unwrap();
        unknown.wait().unwrap();
        assert_eq!(clean(&scene.folders).unwrap(), CleanReport::default());
    }

    /// Not a test of its own: what [`a_dying_process_is_awaited_to_its_last_thread`] kills.
    #[test]
    #[ignore = "the victim of another test, which runs it as a process of its own"]
    fn a_process_of_many_threads() {
        let Some(folder) = std::env::var_os("SQUALL_TEST_VICTIM").map(PathBuf::from) else {
            return;
        };
        let write = |thread: u32| {
            for number in 0.. {
                let path = folder.join(format!("{thread}-{number}"));
                let mut file = fs::File::create(path).unwrap();
                file.write_all(&[1; 100_000]).unwrap();
                file.sync_all().unwrap();
            }
        };
        std::thread::scope(|scope| {
            for thread in 0..24 {
                scope.spawn(move || write(thread));
            }
        });
    }

    #[test]
    fn a_dying_process_is_awaited_to_its_last_thread() {
        for _ in 0..25 {
            let scene = scene();
            let folder = scene.folders.temp.join("squall-dying");
            fs::create_dir_all(&folder).unwrap();
            let mut victim = Command::new(std::env::current_exe().unwrap())
                .args([
                    "--ignored",
                    "--exact",
                    "runtime::clean::tests::a_process_of_many_threads",
                ])
                .env("SQUALL_TEST_VICTIM", &folder)
                .stdout(std::process::Stdio::null())
                .spawn()
                .unwrap();
            let ledger = Ledger::begin(&scene.folders.ledgers(), &dead_owner("dying")).unwrap();
            ledger.note(&Thing::Folder(folder.clone())).unwrap();
            ledger.note(&started(&victim)).unwrap();
            let limit = Deadline::after(END_LIMIT);
            let await_that = |condition: &dyn Fn() -> bool| {
                while !condition() {
                    assert!(!limit.has_passed());
                    std::thread::sleep(Duration::from_millis(1));
                }
            };
            await_that(&|| fs::read_dir(&folder).unwrap().count() > 48);
            victim.kill().unwrap();
            await_that(&|| proc_table::start_ticks(victim.id()).is_none());
            let report = clean(&scene.folders).unwrap();
            assert_eq!(report.left, Vec::<String>::new());
            assert!(victim.try_wait().unwrap().is_some(), "{report:?}");
        }
    }

    #[test]
    fn a_live_run_is_never_touched() {
        let scene = scene();
        let mut child = sleeper(&token_of("live"));
        let ledger = Ledger::create(&scene.folders, "live", Path::new("/reports/l")).unwrap();
        ledger.note(&started(&child)).unwrap();
        let report = clean(&scene.folders).unwrap();
        assert_eq!(report.live, vec![PathBuf::from("/reports/l")]);
        assert_eq!(report.runs, vec![]);
        assert!(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
        ledger.close();
        assert_eq!(clean(&scene.folders).unwrap(), CleanReport::default());
    }

    #[test]
    fn a_later_process_with_the_same_pid_is_left_alone() {
        let scene = scene();
        let mut stranger = sleeper("stranger");
        let ledger = Ledger::begin(&scene.folders.ledgers(), &dead_owner("reused")).unwrap();
        let Thing::Started {
            name,
            pid,
            start_ticks,
        } = started(&stranger)
        else {
            unreachable!()
        };
        let earlier = Thing::Started {
            name,
            pid,
            start_ticks: start_ticks - 1,
        };
        ledger.note(&earlier).unwrap();
        let report = clean(&scene.folders).unwrap();
        assert_eq!(report.runs[0].killed, Vec::<u32>::new());
        assert!(stranger.try_wait().unwrap().is_none());
        stranger.kill().unwrap();
        stranger.wait().unwrap();
    }

    #[test]
    fn an_owner_whose_pid_was_given_to_another_process_is_dead() {
        let own = std::process::id();
        let mut owner = dead_owner("o");
        owner.pid = own;
        assert!(!owner.is_alive());
        owner.start_ticks = proc_table::start_ticks(own).unwrap();
        assert!(owner.is_alive());
        owner.boot = "another boot".to_owned();
        assert!(!owner.is_alive());
    }

    #[test]
    fn a_folder_that_is_not_ours_is_left_and_the_ledger_with_it() {
        let scene = scene();
        let home = scene.folders.temp.join("home");
        fs::create_dir_all(&home).unwrap();
        let ledger = Ledger::begin(&scene.folders.ledgers(), &dead_owner("odd")).unwrap();
        ledger.note(&Thing::Folder(home.clone())).unwrap();
        let report = clean(&scene.folders).unwrap();
        assert!(home.exists());
        assert_eq!(report.left.len(), 1);
        assert_eq!(ledger_files(&scene.folders.ledgers()).unwrap().len(), 1);
    }

    #[test]
    fn a_torn_ledger_is_undone_as_far_as_it_goes() {
        let scene = scene();
        let folder = scene.folders.temp.join("squall-torn");
        fs::create_dir_all(&folder).unwrap();
        let ledger = Ledger::begin(&scene.folders.ledgers(), &dead_owner("torn")).unwrap();
        ledger.note(&Thing::Folder(folder.clone())).unwrap();
        let path = ledger_files(&scene.folders.ledgers()).unwrap().remove(0);
        let mut text = fs::read_to_string(&path).unwrap();
        text.push_str("{\"started\":{\"name\":\"w");
        fs::write(&path, text).unwrap();
        assert_eq!(clean(&scene.folders).unwrap().runs[0].removed, vec![folder]);
        fs::write(scene.folders.ledgers().join("x.jsonl"), "rubbish").unwrap();
        assert_eq!(clean(&scene.folders).unwrap().left.len(), 1);
    }
}
