//! Folders and files in a place that all users of the machine share, made so that nobody else can read or replace them.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::{Ledger, RuntimeError, Thing, UserFolders};

/// Letters of a name: 20 of 32 are 100 bits, and short enough for the sockets that stand in the folder.
const NAME_LENGTH: usize = 20;

/// A path below the user's temporary folder that nobody can know before: from the system's random numbers, and from
/// nothing that is written down for others to read.
pub fn fresh_path(folders: &UserFolders) -> Result<PathBuf, RuntimeError> {
    const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let source = Path::new("/dev/urandom");
    let mut bytes = [0_u8; NAME_LENGTH];
    File::open(source)
        .and_then(|mut file| file.read_exact(&mut bytes))
        .map_err(RuntimeError::file("read", source))?;
    let letters = bytes.map(|byte| char::from(LETTERS[usize::from(byte & 31)]));
    let name: String = letters.into_iter().collect();
    Ok(folders.temp.join(format!("squall-{name}")))
}

/// Makes the folder for its owner alone. Fails when anything stands there already: whoever made it could read and replace
/// what is put into it.
pub fn make_folder(path: &Path) -> Result<(), RuntimeError> {
    let made = DirBuilder::new().mode(0o700).create(path);
    made.map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => RuntimeError::Occupied {
            path: path.to_owned(),
        },
        _ => RuntimeError::file("make", path)(error),
    })
}

/// Makes a temporary folder that the run's ledger knows first, and nobody else. Its parent is made where it is missing.
pub fn make_temp(folders: &UserFolders, ledger: &Ledger) -> Result<PathBuf, RuntimeError> {
    fs::create_dir_all(&folders.temp).map_err(RuntimeError::file("make", &folders.temp))?;
    let path = fresh_path(folders)?;
    ledger.note(&Thing::Folder(path.clone()))?;
    make_folder(&path)?;
    Ok(path)
}

/// Writes a new file that only its owner can read. A file that an earlier attempt left there is replaced, never written
/// into.
pub fn write(path: &Path, bytes: impl AsRef<[u8]>) -> Result<(), RuntimeError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(RuntimeError::file("write", path)(error));
        }
        Ok(()) | Err(_) => {}
    }
    let opened = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    opened
        .and_then(|mut file| file.write_all(bytes.as_ref()))
        .map_err(RuntimeError::file("write", path))
}

/// Whether what stands at the path is a folder of the user who owns this ledger; a link to one is none.
pub fn is_folder_of_the_owner(path: &Path, ledger: &Path) -> std::io::Result<bool> {
    let found = fs::symlink_metadata(path)?;
    Ok(found.is_dir() && found.uid() == fs::metadata(ledger)?.uid())
}

#[cfg(test)]
#[path = "private_tests.rs"]
mod tests;
