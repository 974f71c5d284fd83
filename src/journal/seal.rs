//! The seal of a run folder: size and checksum of every file of evidence, so that later damage cannot pass for a result.

use std::collections::BTreeMap;
use std::io::{BufReader, Read};
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::regular::{self, MOST_JOURNAL_BYTES, MOST_OBSERVATION_BYTES, MOST_VALUE_BYTES};
use super::{FolderError, RunFolder};

const SEAL_FILE: &str = "evidence.json";

/// Size and checksum of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct Print {
    bytes: u64,
    crc32: u32,
}

/// The content of `evidence.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct Seal {
    format: u32,
    files: BTreeMap<String, Print>,
}

/// The format of the seal itself.
const SEAL_FORMAT: u32 = 1;

/// Files that every verdict rests on, beside the observations.
const ALWAYS: [&str; 4] = ["scenario.yaml", "plan.json", "run.json", "events.jsonl"];

impl RunFolder {
    /// Writes down size and checksum of every file of evidence; the last act of a run that ended.
    pub fn seal(&self) -> Result<(), FolderError> {
        let mut files = BTreeMap::new();
        for name in self.evidence_files()? {
            let path = self.join(&name);
            let print =
                print_of(&path, &name).map_err(|source| FolderError::Read { path, source })?;
            files.insert(name, print);
        }
        let format = SEAL_FORMAT;
        self.write_json(SEAL_FILE, &Seal { format, files })
    }

    /// What differs from the seal, a sentence each; empty when the evidence is as it was sealed. `places` are those whose
    /// observations a verdict needs: a seal that does not name all of them is none.
    pub fn check_seal<'p>(&self, places: impl Iterator<Item = &'p str>) -> Vec<String> {
        let seal: Seal = match self.read_json(SEAL_FILE) {
            Ok(seal) => seal,
            Err(error) => {
                return vec![format!(
                    "the run folder was never sealed, or its seal is gone ({error})"
                )];
            }
        };
        if seal.format != SEAL_FORMAT {
            return vec![format!(
                "the seal has format {}, which this squall does not know; judge the run with the squall that made it",
                seal.format
            )];
        }
        let always = ALWAYS.iter().map(|name| (*name).to_owned());
        let needed = always.chain(places.map(|place| format!("observations/{place}.arrow")));
        let unsealed = needed
            .filter(|name| !seal.files.contains_key(name))
            .map(|name| {
                format!("the seal does not name {name}, so nothing shows that it is whole")
            });
        let changed = |(name, sealed): (&String, &Print)| self.change(name, *sealed);
        let mut told: Vec<String> = unsealed.collect();
        told.extend(seal.files.iter().filter_map(changed));
        told
    }

    fn change(&self, name: &str, sealed: Print) -> Option<String> {
        let path = self.join(name);
        // Sizes first: they cost nothing.
        let length = std::fs::metadata(&path).map_or(sealed.bytes, |found| found.len());
        let differs = |bytes: u64| {
            format!(
                "{name} has {bytes} bytes, {} when the run ended",
                sealed.bytes
            )
        };
        if path.is_file() && length != sealed.bytes {
            return Some(differs(length));
        }
        match print_of(&path, name) {
            Ok(now) if now == sealed => None,
            Ok(now) if now.bytes != sealed.bytes => Some(differs(now.bytes)),
            Ok(_) => Some(format!("{name} was changed after the run ended")),
            Err(error) => Some(format!("{name} cannot be read: {error}")),
        }
    }

    fn evidence_files(&self) -> Result<Vec<String>, FolderError> {
        let mut names = ALWAYS.map(str::to_owned).to_vec();
        let folder = self.join("observations");
        let failed = |source| FolderError::Read {
            path: folder.clone(),
            source,
        };
        let mut observations = Vec::new();
        for entry in std::fs::read_dir(&folder).map_err(failed)? {
            observations.push(format!(
                "observations/{}",
                entry.map_err(failed)?.file_name().to_string_lossy()
            ));
        }
        observations.sort();
        names.extend(observations);
        names.retain(|name| self.join(name).exists());
        Ok(names)
    }
}

/// The most bytes that a file of this name may have.
fn most_bytes(name: &str) -> u64 {
    match name {
        "events.jsonl" => MOST_JOURNAL_BYTES,
        _ if name.starts_with("observations/") => MOST_OBSERVATION_BYTES,
        _ => MOST_VALUE_BYTES,
    }
}

fn print_of(path: &Path, name: &str) -> std::io::Result<Print> {
    let file = regular::open(path, most_bytes(name))?;
    let mut reader = BufReader::with_capacity(1 << 20, file);
    let mut hasher = crc32fast::Hasher::new();
    let mut buffer = vec![0; 1 << 20];
    let mut bytes = 0;
    loop {
        let read = reader.read(&mut buffer)?;
        if read == 0 {
            return Ok(Print {
                bytes,
                crc32: hasher.finalize(),
            });
        }
        bytes += read as u64;
        hasher.update(&buffer[..read]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(folder: &RunFolder) -> Vec<String> {
        folder.check_seal(["tap"].into_iter())
    }

    #[test]
    fn a_seal_that_names_less_than_a_verdict_rests_on_is_none() {
        let reports = tempfile::tempdir().unwrap();
        let folder = RunFolder::create(reports.path(), "r").unwrap();
        for name in ALWAYS {
            std::fs::write(folder.join(name), "one\n").unwrap();
        }
        std::fs::write(folder.observations("tap"), [1]).unwrap();
        folder.seal().unwrap();
        let whole: Seal = folder.read_json(SEAL_FILE).unwrap();
        let needed = ALWAYS.into_iter().chain(["observations/tap.arrow"]);
        for name in needed {
            let mut less = whole.clone();
            less.files.remove(name);
            folder.write_json(SEAL_FILE, &less).unwrap();
            let told = check(&folder);
            assert_eq!(told.len(), 1, "{told:?}");
            assert!(told[0].contains(name), "{told:?}");
        }
        let format = SEAL_FORMAT + 1;
        folder
            .write_json(SEAL_FILE, &Seal { format, ..whole })
            .unwrap();
        assert!(
            check(&folder)[0].contains("format 2"),
            "{:?}",
            check(&folder)
        );
    }

    #[test]
    fn a_sealed_folder_tells_every_change() {
        let reports = tempfile::tempdir().unwrap();
        let folder = RunFolder::create(reports.path(), "r").unwrap();
        for name in ALWAYS {
            std::fs::write(folder.join(name), "one\ntwo\n").unwrap();
        }
        std::fs::write(folder.observations("tap"), [1, 2, 3]).unwrap();
        assert_eq!(check(&folder).len(), 1, "an unsealed folder must say so");
        folder.seal().unwrap();
        assert_eq!(check(&folder), Vec::<String>::new());
        std::fs::write(folder.observations("tap"), [1, 2, 4]).unwrap();
        assert_eq!(
            check(&folder),
            ["observations/tap.arrow was changed after the run ended"]
        );
        std::fs::write(folder.join("events.jsonl"), "one\n").unwrap();
        std::fs::remove_file(folder.observations("tap")).unwrap();
        let changes = check(&folder);
        assert!(changes[0].contains("4 bytes, 8 when"), "{changes:?}");
        assert!(changes[1].contains("cannot be read"), "{changes:?}");
    }
}
