//! The seal of a run folder: size and checksum of every file of evidence, so that later damage cannot pass for a result.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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

impl RunFolder {
    /// Writes down size and checksum of every file of evidence; the last act of a run that ended.
    pub fn seal(&self) -> Result<(), FolderError> {
        let mut files = BTreeMap::new();
        for name in self.evidence_files()? {
            let path = self.join(&name);
            let print = print_of(&path).map_err(|source| FolderError::Read { path, source })?;
            files.insert(name, print);
        }
        self.write_json(SEAL_FILE, &Seal { format: 1, files })
    }

    /// What differs from the seal, a sentence each; empty when the evidence is as it was sealed.
    pub fn check_seal(&self) -> Vec<String> {
        let seal: Seal = match self.read_json(SEAL_FILE) {
            Ok(seal) => seal,
            Err(error) => {
                return vec![format!(
                    "the run folder was never sealed, or its seal is gone ({error})"
                )];
            }
        };
        let changed = |(name, sealed): (&String, &Print)| match print_of(&self.join(name)) {
            Ok(now) if now == *sealed => None,
            Ok(now) if now.bytes != sealed.bytes => Some(format!(
                "{name} has {} bytes, {} when the run ended",
                now.bytes, sealed.bytes
            )),
            Ok(_) => Some(format!("{name} was changed after the run ended")),
            Err(error) => Some(format!("{name} cannot be read: {error}")),
        };
        seal.files.iter().filter_map(changed).collect()
    }

    fn evidence_files(&self) -> Result<Vec<String>, FolderError> {
        let mut names = vec![
            "scenario.yaml".to_owned(),
            "plan.json".to_owned(),
            "run.json".to_owned(),
        ];
        names.push("events.jsonl".to_owned());
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

fn print_of(path: &Path) -> std::io::Result<Print> {
    let mut reader = BufReader::with_capacity(1 << 20, File::open(path)?);
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

    #[test]
    fn a_sealed_folder_tells_every_change() {
        let reports = tempfile::tempdir().unwrap();
        let folder = RunFolder::create(reports.path(), "r").unwrap();
        std::fs::write(folder.join("events.jsonl"), "one\ntwo\n").unwrap();
        std::fs::write(folder.observations("tap"), [1, 2, 3]).unwrap();
        assert_eq!(
            folder.check_seal().len(),
            1,
            "an unsealed folder must say so"
        );
        folder.seal().unwrap();
        assert_eq!(folder.check_seal(), Vec::<String>::new());
        std::fs::write(folder.observations("tap"), [1, 2, 4]).unwrap();
        assert_eq!(
            folder.check_seal(),
            ["observations/tap.arrow was changed after the run ended"]
        );
        std::fs::write(folder.join("events.jsonl"), "one\n").unwrap();
        std::fs::remove_file(folder.observations("tap")).unwrap();
        let changes = folder.check_seal();
        assert!(changes[0].contains("4 bytes, 8 when"), "{changes:?}");
        assert!(changes[1].contains("cannot be read"), "{changes:?}");
    }
}
