//! A second user of the machine tries to take over, read and replace what a run puts into the temporary folder.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use super::*;

/// `nobody` and its group, on every Linux.
const STRANGER: u32 = 65_534;

struct Machine {
    _home: tempfile::TempDir,
    folders: UserFolders,
    ledger: Ledger,
}

/// A temporary folder like `/tmp`: everyone may write, and remove only what is their own.
fn machine() -> Machine {
    let home = tempfile::tempdir().unwrap();
    let shared = home.path().join("tmp");
    fs::create_dir(&shared).unwrap();
    let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode));
    mode(home.path(), 0o755).unwrap();
    mode(&shared, 0o1777).unwrap();
    let folders = UserFolders {
        cache: home.path().join("cache"),
        state: home.path().join("state"),
        temp: shared,
    };
    let ledger = Ledger::create(&folders, "cafe1234", home.path()).unwrap();
    Machine {
        _home: home,
        folders,
        ledger,
    }
}

/// Whether a shell of the second user can do this. `None` where this process may not become another user: what such a
/// test shows is then only what permissions and owners say.
fn stranger_can(script: &str, path: &Path) -> Option<bool> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let status = Command::new("/bin/sh")
        .args(["-c", script, "sh"])
        .arg(path)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .uid(STRANGER)
        .gid(STRANGER)
        .status()
        .unwrap();
    Some(status.success())
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn a_stranger_reads_replaces_and_adds_nothing_in_a_temporary_folder() {
    let machine = machine();
    let folder = make_temp(&machine.folders, &machine.ledger).unwrap();
    let properties = folder.join("w1.properties");
    write(&properties, "ssl.key.password=hunter2\n").unwrap();
    assert_eq!((mode(&folder), mode(&properties)), (0o700, 0o600));
    let may_do = stranger_can("mkdir \"$1\"", &machine.folders.temp.join("other"));
    assert_ne!(
        may_do,
        Some(false),
        "the stranger can use the shared folder"
    );
    for script in [
        "cat \"$1\"",
        "ls \"$(dirname \"$1\")\"",
        "echo evil > \"$1\"",
        "rm -f \"$1\" && test ! -e \"$1\"",
        "touch \"$(dirname \"$1\")/more\"",
        "mv \"$(dirname \"$1\")\" \"$(dirname \"$1\")-away\"",
    ] {
        assert_ne!(stranger_can(script, &properties), Some(true), "{script}");
    }
    // Should the folder be opened by hand, the file is still closed.
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    assert_ne!(stranger_can("cat \"$1\"", &properties), Some(true));
}

#[test]
fn a_folder_that_a_stranger_made_first_is_refused_and_left_alone() {
    let machine = machine();
    let path = fresh_path(&machine.folders).unwrap();
    if stranger_can("mkdir -m 777 \"$1\"", &path).is_none() {
        fs::create_dir(&path).unwrap();
    }
    let error = make_folder(&path).unwrap_err();
    assert!(matches!(error, RuntimeError::Occupied { .. }), "{error}");
    assert!(error.to_string().contains("somebody else"), "{error}");
    assert_eq!(fs::read_dir(&path).unwrap().count(), 0);
    let link = machine.folders.temp.join("link");
    std::os::unix::fs::symlink(machine.folders.temp.join("missing"), &link).unwrap();
    assert!(
        make_folder(&link).is_err(),
        "a link that leads nowhere was followed"
    );
}

#[test]
fn a_stranger_cannot_know_a_name_before_it_is_there() {
    let machine = machine();
    let names: Vec<PathBuf> = (0..50)
        .map(|_| fresh_path(&machine.folders).unwrap())
        .collect();
    let different: std::collections::BTreeSet<&PathBuf> = names.iter().collect();
    assert_eq!(different.len(), names.len());
    for name in &names {
        let name = name.file_name().unwrap().to_string_lossy().into_owned();
        assert!(
            name.starts_with("squall-") && !name.contains("cafe1234"),
            "{name}"
        );
        assert!(name.len() < 30, "{name} leaves too little room for sockets");
    }
    // The ledger tells the name before the folder is made, and nobody else can read the ledger.
    let folder = make_temp(&machine.folders, &machine.ledger).unwrap();
    let ledger = machine.folders.ledgers().join("cafe1234.jsonl");
    let text = fs::read_to_string(&ledger).unwrap();
    assert!(text.contains(&folder.display().to_string()), "{text}");
    assert_eq!(
        (mode(&ledger), mode(&machine.folders.ledgers())),
        (0o600, 0o700)
    );
    assert_ne!(stranger_can("cat \"$1\"", &ledger), Some(true));
}

#[test]
fn a_file_that_stands_there_is_replaced_and_a_link_is_not_followed() {
    let machine = machine();
    let folder = make_temp(&machine.folders, &machine.ledger).unwrap();
    let (file, victim) = (folder.join("w1.properties"), folder.join("victim"));
    write(&victim, "mine").unwrap();
    std::os::unix::fs::symlink(&victim, &file).unwrap();
    write(&file, "first").unwrap();
    write(&file, "second").unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap(), "second");
    assert_eq!(fs::read_to_string(&victim).unwrap(), "mine");
}

#[test]
fn cleaning_leaves_links_and_folders_of_strangers_alone() {
    let machine = machine();
    let ledger = machine.folders.ledgers().join("cafe1234.jsonl");
    let own = make_temp(&machine.folders, &machine.ledger).unwrap();
    assert!(is_folder_of_the_owner(&own, &ledger).unwrap());
    let link = machine.folders.temp.join("squall-link");
    std::os::unix::fs::symlink(&own, &link).unwrap();
    assert!(!is_folder_of_the_owner(&link, &ledger).unwrap());
    let foreign = machine.folders.temp.join("squall-foreign");
    if stranger_can("mkdir \"$1\"", &foreign) == Some(true) {
        assert!(!is_folder_of_the_owner(&foreign, &ledger).unwrap());
    }
}
