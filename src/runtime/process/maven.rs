//! Fetches artifacts with their dependencies through Maven, from a generated project file.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::str::FromStr;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::super::RuntimeError;
use super::tool;

const FETCH_LIMIT: Duration = Duration::from_secs(600);

/// A Maven coordinate.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Coordinate {
    /// Group id.
    pub group: String,
    /// Artifact id.
    pub artifact: String,
    /// Version.
    pub version: String,
}

impl Coordinate {
    /// An artifact of Apache Kafka.
    pub fn kafka(artifact: &str, version: impl fmt::Display) -> Self {
        Self {
            group: "org.apache.kafka".to_owned(),
            artifact: artifact.to_owned(),
            version: version.to_string(),
        }
    }
}

impl fmt::Display for Coordinate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.group, self.artifact, self.version)
    }
}

impl FromStr for Coordinate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let allowed = |part: &&str| {
            let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
            !part.is_empty() && part.chars().all(known)
        };
        let parts: Vec<&str> = text.split(':').filter(allowed).collect();
        match parts.as_slice() {
            [group, artifact, version] if text.split(':').count() == 3 => Ok(Self {
                group: (*group).to_owned(),
                artifact: (*artifact).to_owned(),
                version: (*version).to_owned(),
            }),
            _ => Err("a Maven coordinate is written `group:artifact:version`".to_owned()),
        }
    }
}

/// Why nothing was fetched.
#[derive(Debug)]
pub enum FetchError {
    /// The repository does not have these of the artifacts asked for.
    Missing(Vec<Coordinate>),
    /// Anything else.
    Failed(RuntimeError),
}

/// Maven's first line about itself, when `mvn` can be run.
pub(in crate::runtime) fn is_there() -> Option<String> {
    let output = Command::new("mvn")
        .args(["-version", "-Dstyle.color=never"])
        .stdin(Stdio::null())
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().next().map(tool::without_colours)
}

/// Copies the artifacts and all that they need into a new folder `libs` in `scratch`, and returns it.
pub fn fetch(
    what: &str,
    artifacts: &[Coordinate],
    scratch: &Path,
    stop: &AtomicBool,
) -> Result<PathBuf, FetchError> {
    let pom = scratch.join("pom.xml");
    let libs = scratch.join("libs");
    fs::write(&pom, project_file(artifacts))
        .map_err(RuntimeError::file("write", &pom))
        .map_err(FetchError::Failed)?;
    let mut command = tool::bound_to_us("mvn");
    command
        .args([
            "-q",
            "-B",
            "-U",
            "-Dstyle.color=never",
            "dependency:copy-dependencies",
        ])
        .arg("-DincludeScope=runtime")
        .arg(format!("-DoutputDirectory={}", libs.display()))
        .current_dir(scratch);
    let done = tool::run("mvn", command, scratch, FETCH_LIMIT, stop).map_err(FetchError::Failed)?;
    if done.status.success() && libs.is_dir() {
        return Ok(libs);
    }
    let missing = missing_in(&done.output);
    if !missing.is_empty() {
        return Err(FetchError::Missing(missing));
    }
    Err(FetchError::Failed(not_fetched(
        what,
        done.status.code(),
        &done.output,
    )))
}

/// `setpriv` says 127 when the program is not there; Maven itself never does.
fn not_fetched(what: &str, status: Option<i32>, output: &str) -> RuntimeError {
    if status == Some(127) {
        return RuntimeError::NoMaven {
            what: what.to_owned(),
        };
    }
    let first_error = output.lines().find(|line| line.starts_with("[ERROR]"));
    let why = first_error
        .or_else(|| output.lines().next())
        .unwrap_or("it said nothing");
    RuntimeError::MavenFailed {
        what: what.to_owned(),
        why: why.trim_start_matches("[ERROR]").trim().to_owned(),
    }
}

/// The artifacts that Maven names in "Could not find artifact g:a:jar:v in …" and in the list "The following artifacts
/// could not be resolved: g:a:jar:v, …". A network failure has the list but says "Could not transfer": that is no missing artifact.
fn missing_in(output: &str) -> Vec<Coordinate> {
    if !output.contains("Could not find artifact") && !output.contains("was not found in") {
        return Vec::new();
    }
    let mut missing: Vec<Coordinate> = output
        .lines()
        .filter(|line| line.starts_with("[ERROR]"))
        .flat_map(|line| line.split([' ', ',']))
        .map(|word| word.trim_end_matches(':'))
        .filter_map(
            |word| match word.split(':').collect::<Vec<_>>().as_slice() {
                [group, artifact, "jar" | "pom", version] if group.contains('.') => {
                    Some(Coordinate {
                        group: (*group).to_owned(),
                        artifact: (*artifact).to_owned(),
                        version: (*version).to_owned(),
                    })
                }
                _ => None,
            },
        )
        .collect();
    missing.sort();
    missing.dedup();
    missing
}

/// The project file. Old Connect releases bring log4j 1 beside the maintained reload4j: both in one class path would fight.
fn project_file(artifacts: &[Coordinate]) -> String {
    let dependency = |artifact: &Coordinate| {
        format!(
            "    <dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version><exclusions>\
             <exclusion><groupId>log4j</groupId><artifactId>log4j</artifactId></exclusion>\
             <exclusion><groupId>org.slf4j</groupId><artifactId>slf4j-log4j12</artifactId></exclusion>\
             </exclusions></dependency>\n",
            artifact.group, artifact.artifact, artifact.version
        )
    };
    let dependencies: String = artifacts.iter().map(dependency).collect();
    format!(
        "<project xmlns=\"http://maven.apache.org/POM/4.0.0\">\n  <modelVersion>4.0.0</modelVersion>\n  \
         <groupId>squall</groupId>\n  <artifactId>fetch</artifactId>\n  <version>1</version>\n  \
         <packaging>pom</packaging>\n  <dependencies>\n{dependencies}  </dependencies>\n</project>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_artifacts_are_named_from_both_forms_of_mavens_message() {
        let one = "[ERROR] Failed to execute goal on project kafka: Could not resolve dependencies for project squall:kafka:pom:1: \
                   Could not find artifact org.apache.kafka:connect-test-plugins:jar:3.9.1 in central (https://r) -> [Help 1]";
        assert_eq!(
            missing_in(one),
            vec![Coordinate::kafka("connect-test-plugins", "3.9.1")]
        );
        let two = "[ERROR] Failed: The following artifacts could not be resolved: org.apache.kafka:connect-mirror:jar:3.1.0, \
                   org.apache.kafka:connect-mirror-client:jar:3.1.0: Could not find artifact org.apache.kafka:connect-mirror:jar:3.1.0 in central (https://r) -> [Help 1]";
        assert_eq!(
            missing_in(two),
            vec![
                Coordinate::kafka("connect-mirror", "3.1.0"),
                Coordinate::kafka("connect-mirror-client", "3.1.0")
            ]
        );
        let network = "[ERROR] The following artifacts could not be resolved: org.apache.kafka:connect-mirror:jar:3.1.0: Could not transfer artifact";
        assert_eq!(missing_in(network), vec![]);
    }

    #[test]
    fn only_whole_coordinates_are_read() {
        let good: Coordinate = "io.debezium:debezium-connector-postgres:3.2.0.Final"
            .parse()
            .unwrap();
        assert_eq!(
            good.to_string(),
            "io.debezium:debezium-connector-postgres:3.2.0.Final"
        );
        for bad in [
            "", "a:b", "a:b:c:d", "a::c", "a:b:c:", "a:b:<c>", "a:b/..:c",
        ] {
            assert!(bad.parse::<Coordinate>().is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn a_missing_mvn_is_told_apart_from_a_failing_one() {
        let none = not_fetched("Kafka 4.1.1", Some(127), "setpriv: failed to execute mvn");
        assert!(none.to_string().contains("apt-get install maven"), "{none}");
        let failing = not_fetched("Kafka 4.1.1", Some(1), "[ERROR] no network\n[ERROR] more");
        assert!(failing.to_string().contains("no network"), "{failing}");
    }
}
