//! A Kafka release on this machine: from the cache, from `--kafka-home`, or fetched into the cache.

use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::journal::{Journal, What};
use crate::model::KafkaVersion;

use super::super::RuntimeError;
use super::maven::{self, Coordinate, FetchError};

const MANIFEST: &str = "manifest.json";

/// What a release is needed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Brokers only.
    Broker,
    /// Workers, and brokers too where both have the same version.
    Worker,
}

/// A Kafka release on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation {
    /// Its release.
    pub version: KafkaVersion,
    /// The class path: every jar by name, in a fixed order (class-data archives depend on the order).
    pub jars: Vec<PathBuf>,
    /// Optional artifacts that the repository does not have for this release.
    pub missing: Vec<String>,
}

impl Installation {
    /// The Kafka in a folder that the user names: the jars of its `libs/`. Fails when there is no kafka-clients among them.
    pub fn from_home(home: &Path) -> Result<Self, RuntimeError> {
        from_home(home)
    }

    /// Whether a jar of this artifact is on the class path.
    pub fn has(&self, artifact: &str) -> bool {
        let prefix = format!("{artifact}-");
        self.jars.iter().any(|jar| {
            file_name(jar)
                .strip_prefix(&prefix)
                .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        })
    }

    /// The class path as Java wants it.
    pub fn class_path(&self) -> String {
        let jars: Vec<String> = self
            .jars
            .iter()
            .map(|jar| jar.display().to_string())
            .collect();
        jars.join(":")
    }
}

/// What a cached folder holds; checked at each use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Manifest {
    files: Vec<CachedFile>,
    missing: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct CachedFile {
    name: String,
    bytes: u64,
    crc32: u32,
}

fn from_home(home: &Path) -> Result<Installation, RuntimeError> {
    let failed = |why: &str| RuntimeError::NoKafkaHome {
        path: home.to_owned(),
        why: why.to_owned(),
    };
    let libs = std::path::absolute(home.join("libs")).map_err(RuntimeError::file("find", home))?;
    let entries = fs::read_dir(&libs).map_err(|error| failed(&format!("libs/: {error}")))?;
    let mut jars: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "jar"))
        .collect();
    jars.sort();
    let version = jars
        .iter()
        .filter_map(|jar| {
            file_name(jar)
                .strip_prefix("kafka-clients-")?
                .strip_suffix(".jar")?
                .parse()
                .ok()
        })
        .next()
        .ok_or_else(|| failed("there is no libs/kafka-clients-<version>.jar"))?;
    Ok(Installation {
        version,
        jars,
        missing: Vec::new(),
    })
}

/// Whether the cache holds this release for workers, whole or not.
pub(in crate::runtime) fn is_cached(cache: &Path, version: KafkaVersion) -> bool {
    folder_of(cache, version, Role::Worker)
        .join(MANIFEST)
        .is_file()
}

/// The release from the cache; fetched with Maven when it is not there or damaged. Two runs at once fetch it once.
pub fn from_cache(
    cache: &Path,
    version: KafkaVersion,
    role: Role,
    journal: &Journal,
    stop: &AtomicBool,
) -> Result<Installation, RuntimeError> {
    let folder = folder_of(cache, version, role);
    let _lock = lock(cache, &folder, stop)?;
    let manifest = match checked(&folder) {
        Ok(manifest) => manifest,
        Err(why) => {
            let what = format!("Kafka {version}");
            journal.record(What::Note(format!("fetching {what} with Maven ({why})")));
            fetch_release(&what, &folder, version, role, stop)?
        }
    };
    Ok(Installation {
        version,
        jars: manifest
            .files
            .iter()
            .map(|file| folder.join("libs").join(&file.name))
            .collect(),
        missing: manifest.missing,
    })
}

/// The jars of a Maven coordinate and what it needs, less what each worker brings itself.
pub fn plugin_from_cache(
    cache: &Path,
    plugin: &Coordinate,
    journal: &Journal,
    stop: &AtomicBool,
) -> Result<PathBuf, RuntimeError> {
    let name = format!("{}_{}_{}", plugin.group, plugin.artifact, plugin.version);
    let folder = cache.join("plugins").join(name);
    let _lock = lock(cache, &folder, stop)?;
    if let Err(why) = checked(&folder) {
        journal.record(What::Note(format!(
            "fetching plugin {plugin} with Maven ({why})"
        )));
        let keep = |jar: &str| {
            jar.starts_with(&format!("{}-{}", plugin.artifact, plugin.version))
                || !comes_with_workers(jar)
        };
        fetch_into(
            &plugin.to_string(),
            &folder,
            vec![plugin.clone()],
            &[],
            keep,
            stop,
        )?;
    }
    Ok(folder.join("libs"))
}

/// Classes that must be the worker's own; a second copy beside a plugin only confuses.
fn comes_with_workers(jar: &str) -> bool {
    const THEIRS: [&str; 7] = [
        "connect-api-",
        "connect-runtime-",
        "kafka-clients-",
        "slf4j-",
        "log4j-",
        "reload4j-",
        "logback-",
    ];
    THEIRS.iter().any(|prefix| jar.starts_with(prefix))
}

fn folder_of(cache: &Path, version: KafkaVersion, role: Role) -> PathBuf {
    cache.join(match role {
        Role::Broker => format!("kafka-broker-{version}"),
        Role::Worker => format!("kafka-{version}"),
    })
}

/// Which artifacts a role needs, and which of them some releases do without: connect-mirror is not published for every
/// release (none for 3.1.0), connect-test-plugins only for some of 3.6 to 3.9.
fn artifacts(version: KafkaVersion, role: Role) -> (Vec<Coordinate>, Vec<&'static str>) {
    let optional = vec![
        "connect-mirror",
        "connect-mirror-client",
        "connect-test-plugins",
    ];
    let mut names = vec!["kafka_2.13"];
    if role == Role::Worker {
        names.extend([
            "connect-runtime",
            "connect-file",
            "connect-json",
            "connect-transforms",
        ]);
        names.extend(["connect-mirror", "connect-mirror-client"]);
        if version.at_least(3, 6) && !version.at_least(4, 0) {
            names.push("connect-test-plugins");
        }
    }
    let mut wanted: Vec<Coordinate> = names
        .iter()
        .map(|name| Coordinate::kafka(name, version))
        .collect();
    wanted.push(logger_binding(version));
    (wanted, optional)
}

/// Kafka's libraries log through slf4j 1.7; its scripts bring the binding, its Maven artifacts do not.
fn logger_binding(version: KafkaVersion) -> Coordinate {
    let (group, artifact, version) = if version.at_least(4, 0) {
        ("org.apache.logging.log4j", "log4j-slf4j-impl", "2.24.3")
    } else {
        ("org.slf4j", "slf4j-reload4j", "1.7.36")
    };
    Coordinate {
        group: group.to_owned(),
        artifact: artifact.to_owned(),
        version: version.to_owned(),
    }
}

fn fetch_release(
    what: &str,
    folder: &Path,
    version: KafkaVersion,
    role: Role,
    stop: &AtomicBool,
) -> Result<Manifest, RuntimeError> {
    let (wanted, optional) = artifacts(version, role);
    fetch_into(what, folder, wanted, &optional, |_| true, stop)
}

/// Fetches beside the folder and moves it into place in one step, so that the cache never holds half of anything.
fn fetch_into(
    what: &str,
    folder: &Path,
    mut wanted: Vec<Coordinate>,
    optional: &[&str],
    keep: impl Fn(&str) -> bool,
    stop: &AtomicBool,
) -> Result<Manifest, RuntimeError> {
    let scratch = folder.with_file_name(format!("{}.part", file_name(folder)));
    remove(&scratch)?;
    fs::create_dir_all(&scratch).map_err(RuntimeError::file("make", &scratch))?;
    let mut missing = Vec::new();
    let libs = loop {
        match maven::fetch(what, &wanted, &scratch, stop) {
            Ok(libs) => break libs,
            Err(FetchError::Failed(error)) => return Err(error),
            Err(FetchError::Missing(gone)) => {
                leave_out(&gone, &mut wanted, optional)?;
                missing.extend(gone.into_iter().map(|coordinate| coordinate.artifact));
            }
        }
    };
    let manifest = Manifest {
        files: described(&libs, keep)?,
        missing,
    };
    let path = scratch.join(MANIFEST);
    fs::write(&path, crate::journal::json_bytes(&manifest))
        .map_err(RuntimeError::file("write", &path))?;
    remove(folder)?;
    fs::rename(&scratch, folder).map_err(RuntimeError::file("make", folder))?;
    Ok(manifest)
}

fn leave_out(
    gone: &[Coordinate],
    wanted: &mut Vec<Coordinate>,
    optional: &[&str],
) -> Result<(), RuntimeError> {
    for coordinate in gone {
        let before = wanted.len();
        wanted.retain(|one| one != coordinate);
        let can_do_without = optional.contains(&coordinate.artifact.as_str());
        if !can_do_without || wanted.len() == before {
            return Err(RuntimeError::ArtifactMissing {
                artifact: coordinate.to_string(),
            });
        }
    }
    Ok(())
}

fn described(libs: &Path, keep: impl Fn(&str) -> bool) -> Result<Vec<CachedFile>, RuntimeError> {
    let mut files = Vec::new();
    let entries = fs::read_dir(libs).map_err(RuntimeError::file("read", libs))?;
    for path in entries.flatten().map(|entry| entry.path()) {
        if keep(&file_name(&path)) {
            let (bytes, crc32) = size_and_sum(&path).map_err(RuntimeError::file("read", &path))?;
            files.push(CachedFile {
                name: file_name(&path),
                bytes,
                crc32,
            });
        } else {
            fs::remove_file(&path).map_err(RuntimeError::file("remove", &path))?;
        }
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}

/// The manifest, when every file is there as it was fetched; else what is wrong.
fn checked(folder: &Path) -> Result<Manifest, String> {
    let bytes = fs::read(folder.join(MANIFEST)).map_err(|_| "not in the cache".to_owned())?;
    let manifest: Manifest =
        serde_json::from_slice(&bytes).map_err(|error| format!("damaged cache: {error}"))?;
    for file in &manifest.files {
        let path = folder.join("libs").join(&file.name);
        match size_and_sum(&path) {
            Ok(found) if found == (file.bytes, file.crc32) => {}
            Ok(_) => return Err(format!("damaged cache: {} has changed", file.name)),
            Err(error) => return Err(format!("damaged cache: {}: {error}", file.name)),
        }
    }
    Ok(manifest)
}

fn size_and_sum(path: &Path) -> std::io::Result<(u64, u32)> {
    let mut file = BufReader::with_capacity(1 << 16, File::open(path)?);
    let mut hasher = crc32fast::Hasher::new();
    let mut bytes = 0;
    let mut chunk = vec![0; 1 << 16];
    loop {
        let read = file.read(&mut chunk)?;
        if read == 0 {
            return Ok((bytes, hasher.finalize()));
        }
        bytes += read as u64;
        hasher.update(&chunk[..read]);
    }
}

/// Holds off other runs from the same part of the cache until it is dropped.
pub(super) fn lock(cache: &Path, what: &Path, stop: &AtomicBool) -> Result<File, RuntimeError> {
    let locks = cache.join("locks");
    fs::create_dir_all(&locks).map_err(RuntimeError::file("make", &locks))?;
    if let Some(parent) = what.parent() {
        fs::create_dir_all(parent).map_err(RuntimeError::file("make", parent))?;
    }
    let path = locks.join(file_name(what));
    let file = File::create(&path).map_err(RuntimeError::file("write", &path))?;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(fs::TryLockError::Error(error)) => {
                return Err(RuntimeError::file("lock", &path)(error));
            }
            Err(fs::TryLockError::WouldBlock) if stop.load(Ordering::Relaxed) => {
                return Err(RuntimeError::Interrupted(format!(
                    "waiting for {}",
                    path.display()
                )));
            }
            Err(fs::TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(50)),
        }
    }
}

fn remove(folder: &Path) -> Result<(), RuntimeError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(RuntimeError::file("remove", folder)(error))
        }
        _ => Ok(()),
    }
}

pub(in crate::runtime) fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cached_file_that_changed_by_one_byte_is_noticed() {
        let temp = tempfile::tempdir().unwrap();
        let libs = temp.path().join("libs");
        fs::create_dir(&libs).unwrap();
        fs::write(libs.join("a.jar"), b"abc").unwrap();
        let manifest = Manifest {
            files: described(&libs, |_| true).unwrap(),
            missing: vec![],
        };
        fs::write(
            temp.path().join(MANIFEST),
            crate::journal::json_bytes(&manifest),
        )
        .unwrap();
        assert_eq!(checked(temp.path()), Ok(manifest));
        fs::write(libs.join("a.jar"), b"abd").unwrap();
        assert!(
            checked(temp.path())
                .unwrap_err()
                .contains("a.jar has changed")
        );
        fs::remove_file(libs.join("a.jar")).unwrap();
        assert!(checked(temp.path()).is_err());
    }

    #[test]
    fn a_kafka_home_tells_its_release_and_a_wrong_folder_is_named() {
        let temp = tempfile::tempdir().unwrap();
        assert!(
            from_home(temp.path())
                .unwrap_err()
                .to_string()
                .contains("libs/")
        );
        let libs = temp.path().join("libs");
        fs::create_dir(&libs).unwrap();
        for jar in [
            "kafka-clients-3.9.1.jar",
            "connect-file-3.9.1.jar",
            "README",
        ] {
            fs::write(libs.join(jar), b"").unwrap();
        }
        let found = from_home(temp.path()).unwrap();
        assert_eq!(
            (found.version, found.jars.len()),
            (KafkaVersion::new(3, 9, 1), 2)
        );
        assert!(found.has("connect-file") && !found.has("connect"));
    }

    #[test]
    fn an_artifact_that_is_needed_and_missing_is_named() {
        let version = KafkaVersion::new(3, 1, 0);
        let (mut wanted, optional) = artifacts(version, Role::Worker);
        let all = wanted.len();
        leave_out(
            &[Coordinate::kafka("connect-mirror", version)],
            &mut wanted,
            &optional,
        )
        .unwrap();
        assert_eq!(wanted.len(), all - 1);
        let gone = [Coordinate::kafka("connect-runtime", version)];
        let error = leave_out(&gone, &mut wanted, &optional)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("org.apache.kafka:connect-runtime:3.1.0"),
            "{error}"
        );
    }
}
