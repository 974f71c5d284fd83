//! Evidence on disk: what can befall the files of a sealed run folder.

use std::fs;
use std::path::Path;

use squall::journal::{FolderError, RunFolder};
use squall::model::Verdict;
use squall::verify::{Judgement, open_and_judge};

use super::history::History;
use super::rng::Rng;

/// What befalls a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mishap {
    /// A file that the seal names is gone, empty, cut, or has one byte changed.
    Gone,
    Empty,
    Cut,
    Changed,
    /// The same, and the folder was sealed again afterwards.
    GoneAndSealed,
    CutAndSealed,
    /// The seal is gone, names no file, or one file less.
    NoSeal,
    SealOfNothing,
    SealOfLess,
}

impl Mishap {
    pub const ALL: [Self; 9] = [
        Self::Gone,
        Self::Empty,
        Self::Cut,
        Self::Changed,
        Self::GoneAndSealed,
        Self::CutAndSealed,
        Self::NoSeal,
        Self::SealOfNothing,
        Self::SealOfLess,
    ];

    /// Leaves a folder, lets it happen to one of its files, and tells the file.
    pub fn befall(self, history: &History, reports: &Path, rng: &mut Rng) -> (RunFolder, String) {
        let folder = history.write(reports, "run");
        let file = rng.pick(&files_of(&folder)).clone();
        let path = folder.join(&file);
        match self {
            Self::Gone => fs::remove_file(&path).unwrap(),
            Self::Empty => fs::write(&path, b"").unwrap(),
            Self::Cut => cut(&path, rng),
            Self::Changed => change(&path, rng),
            Self::GoneAndSealed => {
                fs::remove_file(&path).unwrap();
                folder.seal().unwrap();
            }
            Self::CutAndSealed => {
                cut(&path, rng);
                folder.seal().unwrap();
            }
            Self::NoSeal => fs::remove_file(folder.join("evidence.json")).unwrap(),
            Self::SealOfNothing => change_seal(&folder, |files| files.clear()),
            Self::SealOfLess => change_seal(&folder, |files| drop(files.remove(&file))),
        }
        (folder, file)
    }

    /// Whether this takes anything from a judgement when it happens to this file: the scenario as the user wrote it is
    /// sealed, but nothing rests on it, so a folder that was sealed without it lacks nothing.
    pub fn matters(self, file: &str) -> bool {
        let unnamed = matches!(
            self,
            Self::GoneAndSealed | Self::CutAndSealed | Self::SealOfLess
        );
        !(unnamed && file == "scenario.yaml")
    }
}

/// The files that the seal names.
fn files_of(folder: &RunFolder) -> Vec<String> {
    let seal: serde_json::Value = folder.read_json("evidence.json").unwrap();
    let files = seal["files"].as_object().unwrap();
    files.keys().cloned().collect()
}

type Files = serde_json::Map<String, serde_json::Value>;

fn change_seal(folder: &RunFolder, change: impl FnOnce(&mut Files)) {
    let mut seal: serde_json::Value = folder.read_json("evidence.json").unwrap();
    change(seal["files"].as_object_mut().unwrap());
    folder.write_json("evidence.json", &seal).unwrap();
}

fn cut(path: &Path, rng: &mut Rng) {
    let bytes = fs::read(path).unwrap();
    let left = bytes.len() - rng.range(1, bytes.len() as u64 / 2) as usize;
    fs::write(path, &bytes[..left]).unwrap();
}

fn change(path: &Path, rng: &mut Rng) {
    let mut bytes = fs::read(path).unwrap();
    let at = rng.range(0, bytes.len() as u64 - 1) as usize;
    bytes[at] ^= 0x11;
    fs::write(path, bytes).unwrap();
}

/// The verdict of a folder; a folder that cannot be opened has none, which is as it should be.
pub fn verdict_of(judged: &Result<Judgement, FolderError>) -> Verdict {
    judged
        .as_ref()
        .map_or(Verdict::Inconclusive, |judgement| judgement.verdict)
}

/// Judges a history by the folder that it leaves.
pub fn judged_on_disk(history: &History) -> Judgement {
    let reports = tempfile::tempdir().unwrap();
    let folder = history.write(reports.path(), "run");
    open_and_judge(&folder).unwrap()
}
