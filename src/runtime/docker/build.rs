//! Builds a local image with the layout of `apache/kafka`: a Debian root with a headless Java and Kafka's jars in `/opt/kafka/libs`.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use futures_util::StreamExt;
use testcontainers::bollard::{body_try_stream, query_parameters::CreateImageOptions};

use crate::journal::Journal;
use crate::model::KafkaVersion;

use super::super::process::{
    Installation,
    installation::{self, Role},
    tool,
};
use super::super::{Ledger, RuntimeError, UserFolders, private};
use super::engine::{Engine, in_words};

const DEBOOTSTRAP_LIMIT: Duration = Duration::from_secs(900);
const IMPORT_LIMIT: Duration = Duration::from_secs(600);
const JAVA: &str = "openjdk-17-jre-headless";
/// What no container needs of a Debian root.
const DEAD_WEIGHT: [&str; 5] = [
    "var/cache/apt",
    "var/lib/apt/lists",
    "usr/share/doc",
    "usr/share/man",
    "usr/share/locale",
];

/// An image that was built.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct BuiltImage {
    /// Its name with its tag.
    pub image: String,
    /// Its id.
    pub id: String,
}

/// Builds image `name` (with its tag) of this release and gives it to the engine. Needs root for debootstrap; takes about
/// a minute. `told` hears what is being done. Fails when the engine, root rights, debootstrap, or what they fetch is missing.
pub fn build_image(
    folders: &UserFolders,
    version: KafkaVersion,
    name: &str,
    ledger: &Ledger,
    journal: &Journal,
    told: &dyn Fn(&str),
    stop: &AtomicBool,
) -> Result<BuiltImage, RuntimeError> {
    let failed = |why: String| RuntimeError::ImageBuild {
        image: name.to_owned(),
        why,
    };
    let engine = Engine::connect()?;
    check_tools().map_err(failed)?;
    let source = Source::of_this_machine().map_err(failed)?;
    told(&format!("looking for Kafka {version} in the cache"));
    let kafka = installation::from_cache(&folders.cache, version, Role::Worker, journal, stop)?;
    let work = private::make_temp(folders, ledger)?;
    let built = told_and_built(&work, &source, &kafka, told, stop).and_then(|root| {
        told(&format!("giving {name} to the engine"));
        import(&engine, &root, name, version).map_err(failed)
    });
    // What cannot be removed stays in the ledger for the next clean.
    unmount_below(&work);
    let removed = fs::remove_dir_all(&work).map_err(RuntimeError::file("remove", &work));
    built.and_then(|image| removed.map(|()| image))
}

fn told_and_built(
    work: &Path,
    source: &Source,
    kafka: &Installation,
    told: &dyn Fn(&str),
    stop: &AtomicBool,
) -> Result<PathBuf, RuntimeError> {
    told(&format!(
        "making a Debian root ({}) with {JAVA} from {}",
        source.suite, source.mirror
    ));
    let root = work.join("root");
    let mut command = tool::bound_to_us("debootstrap");
    command
        .arg("--variant=minbase")
        .arg(format!("--include={JAVA}"));
    if let Some(keyring) = &source.keyring {
        command.arg(format!("--keyring={keyring}"));
    }
    command
        .arg(format!("--components={}", source.components))
        .arg(&source.suite)
        .arg(&root)
        .arg(&source.mirror);
    let done = tool::run("debootstrap", command, work, DEBOOTSTRAP_LIMIT, stop)?;
    if !done.status.success() {
        let why = done.output.lines().rfind(|line| line.starts_with("E:"));
        let last = done.output.lines().last();
        return Err(RuntimeError::Tool {
            tool: "debootstrap".to_owned(),
            why: why.or(last).unwrap_or("it said nothing").to_owned(),
        });
    }
    for folder in DEAD_WEIGHT {
        // Only makes the image bigger.
        let _ = fs::remove_dir_all(root.join(folder));
    }
    let libs = root.join("opt/kafka/libs");
    fs::create_dir_all(&libs).map_err(RuntimeError::file("make", &libs))?;
    for jar in &kafka.jars {
        let to = libs.join(installation::file_name(jar));
        fs::copy(jar, &to).map_err(RuntimeError::file("write", &to))?;
    }
    Ok(root)
}

fn check_tools() -> Result<(), String> {
    if !rustix::process::geteuid().is_root() {
        return Err(
            "debootstrap needs root: run `sudo squall image build`, or load an image that another machine built (docker save, docker load)"
                .to_owned(),
        );
    }
    for (tool, package) in [("debootstrap", "debootstrap"), ("tar", "tar")] {
        let there = Command::new(tool)
            .arg("--version")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        if there.is_err() {
            return Err(format!(
                "{tool} is not installed (Debian: apt-get install {package})"
            ));
        }
    }
    Ok(())
}

/// Where this machine has its packages from.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Source {
    mirror: String,
    suite: String,
    components: String,
    keyring: Option<String>,
}

impl Source {
    fn of_this_machine() -> Result<Self, String> {
        let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
        let suite = release
            .lines()
            .find_map(|line| line.strip_prefix("VERSION_CODENAME="))
            .map(|name| name.trim_matches('"').to_owned())
            .ok_or(
                "this machine is no Debian or Ubuntu (no VERSION_CODENAME in /etc/os-release)",
            )?;
        let mut texts = vec![fs::read_to_string("/etc/apt/sources.list").unwrap_or_default()];
        let mut files: Vec<PathBuf> = fs::read_dir("/etc/apt/sources.list.d")
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| {
                path.extension()
                    .is_some_and(|end| end == "list" || end == "sources")
            })
            .collect();
        files.sort();
        texts.extend(files.iter().flat_map(fs::read_to_string));
        texts
            .iter()
            .find_map(|text| Self::in_text(text, &suite))
            .ok_or_else(|| format!("no source of packages for {suite} in /etc/apt/sources.list or /etc/apt/sources.list.d"))
    }

    /// Reads both forms: lines of `deb [options] URI suite components…`, and paragraphs of fields.
    fn in_text(text: &str, suite: &str) -> Option<Self> {
        text.lines()
            .find_map(|line| Self::in_line(line, suite))
            .or_else(|| {
                text.split("\n\n")
                    .find_map(|paragraph| Self::in_paragraph(paragraph, suite))
            })
    }

    fn in_line(line: &str, suite: &str) -> Option<Self> {
        let rest = line.trim().strip_prefix("deb ")?.trim();
        let (options, rest) = match rest.strip_prefix('[') {
            Some(after) => after.split_once(']')?,
            None => ("", rest),
        };
        let mut words = rest.split_ascii_whitespace();
        let mirror = words.next()?.to_owned();
        if words.next()? != suite {
            return None;
        }
        let keyring = options
            .split_ascii_whitespace()
            .find_map(|option| option.strip_prefix("signed-by="))
            .map(str::to_owned);
        Some(Self {
            mirror,
            suite: suite.to_owned(),
            components: words.collect::<Vec<_>>().join(","),
            keyring,
        })
    }

    fn in_paragraph(paragraph: &str, suite: &str) -> Option<Self> {
        let field = |name: &str| {
            paragraph.lines().find_map(|line| {
                let (key, value) = line.split_once(':')?;
                key.eq_ignore_ascii_case(name)
                    .then(|| value.trim().to_owned())
            })
        };
        let has = |name: &str, wanted: &str| {
            field(name).is_some_and(|value| value.split_ascii_whitespace().any(|one| one == wanted))
        };
        if !has("Types", "deb") || !has("Suites", suite) {
            return None;
        }
        let uris = field("URIs")?;
        Some(Self {
            mirror: uris.split_ascii_whitespace().next()?.to_owned(),
            suite: suite.to_owned(),
            components: field("Components")?
                .split_ascii_whitespace()
                .collect::<Vec<_>>()
                .join(","),
            keyring: field("Signed-By").filter(|path| path.starts_with('/')),
        })
    }
}

fn import(
    engine: &Engine,
    root: &Path,
    name: &str,
    version: KafkaVersion,
) -> Result<BuiltImage, String> {
    let mut tar = Command::new("tar")
        .arg("-C")
        .arg(root)
        .args(["--numeric-owner", "-c", "."])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("tar: {error}"))?;
    let imported = send(engine, &mut tar, name, version);
    // A tar that is still writing has lost its reader.
    let _ = tar.kill();
    let ended = tar.wait().map_err(|error| format!("tar: {error}"))?;
    imported?;
    if !ended.success() {
        return Err(format!("tar ended with {ended}"));
    }
    let image = super::image::found(engine, name).map_err(|error| error.to_string())?;
    let image = image.ok_or("it is not there after the import")?;
    Ok(BuiltImage {
        image: image.name,
        id: image.id,
    })
}

fn send(engine: &Engine, tar: &mut Child, name: &str, version: KafkaVersion) -> Result<(), String> {
    let mut pipe = tar.stdout.take().ok_or("tar has no output")?;
    let mut chunk = vec![0; 1 << 18];
    let chunks = std::iter::from_fn(move || match pipe.read(&mut chunk) {
        Ok(0) => None,
        Ok(read) => Some(Ok(chunk[..read].to_vec().into())),
        Err(error) => Some(Err(error)),
    });
    let (repository, tag) = name.rsplit_once(':').unwrap_or((name, "latest"));
    let options = CreateImageOptions {
        from_src: Some("-".to_owned()),
        repo: Some(repository.to_owned()),
        tag: Some(tag.to_owned()),
        message: Some(format!("Kafka {version}, made by squall image build")),
        changes: vec![format!("LABEL squall.kafka={version}")],
        ..CreateImageOptions::default()
    };
    let body = body_try_stream(futures_util::stream::iter(chunks));
    let work = async {
        let mut steps = engine.docker.create_image(Some(options), Some(body), None);
        while let Some(step) = steps.next().await {
            step.map_err(|error| in_words(&error))?;
        }
        Ok(())
    };
    let limited = async { tokio::time::timeout(IMPORT_LIMIT, work).await };
    engine.block_on(limited).unwrap_or_else(|_| {
        Err(format!(
            "the engine took longer than {} s",
            IMPORT_LIMIT.as_secs()
        ))
    })
}

/// A debootstrap that was ended early leaves `/proc` and `/sys` mounted in its root.
pub(in crate::runtime) fn unmount_below(folder: &Path) {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let below: Vec<&str> = mounts
        .lines()
        .filter_map(|line| line.split(' ').nth(1))
        .filter(|mount| Path::new(mount).starts_with(folder))
        .collect();
    for mount in below.iter().rev() {
        // What stays mounted makes the removal fail, which is told.
        let _ = Command::new("umount").arg(mount).status();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_package_sources_are_read() {
        let lines = "# deb http://old bookworm main\ndeb http://sec bookworm-security main\n\
                     deb [arch=amd64 signed-by=/k.gpg] http://mirror/debian bookworm main contrib\n";
        let found = Source::in_text(lines, "bookworm").unwrap();
        assert_eq!(
            (found.mirror.as_str(), found.components.as_str()),
            ("http://mirror/debian", "main,contrib")
        );
        assert_eq!(found.keyring.as_deref(), Some("/k.gpg"));
        let paragraphs = "Types: deb\nURIs: http://sec\nSuites: bookworm-security\nComponents: main\n\n\
                          Types: deb deb-src\n# why\nURIs: http://mirror/debian http://b\nSuites: bookworm bookworm-updates\nComponents: main\nSigned-By: /k.gpg\n";
        let found = Source::in_text(paragraphs, "bookworm").unwrap();
        assert_eq!(found.mirror, "http://mirror/debian");
        assert_eq!(found.keyring.as_deref(), Some("/k.gpg"));
        assert_eq!(Source::in_text(lines, "trixie"), None);
    }
}
