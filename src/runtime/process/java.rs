//! Finds Java and learns its version.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::model::KafkaVersion;

use super::super::RuntimeError;

/// A Java program that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Java {
    /// The program.
    pub path: PathBuf,
    /// Its feature release: 17 for 17.0.15.
    pub feature: u32,
    /// First line of `java -version`.
    pub line: String,
    /// All of `java -version`: tells one build from another.
    pub build: String,
}

impl Java {
    /// `$JAVA_HOME/bin/java`, else `java` on the path.
    pub fn from_env() -> Result<Self, RuntimeError> {
        let path = match std::env::var_os("JAVA_HOME").filter(|home| !home.is_empty()) {
            Some(home) => Path::new(&home).join("bin/java"),
            None => PathBuf::from("java"),
        };
        Self::at(&path)
    }

    /// The Java at this path; fails when it does not run or says no version.
    pub fn at(path: &Path) -> Result<Self, RuntimeError> {
        let failed = |why: String| RuntimeError::NoJava {
            path: path.to_owned(),
            why,
        };
        let output = Command::new(path)
            .arg("-version")
            .stdin(Stdio::null())
            .output()
            .map_err(|error| failed(error.to_string()))?;
        let build = String::from_utf8_lossy(&output.stderr).into_owned();
        let line = build.lines().find(|line| line.contains("version \""));
        match line.and_then(|line| Some((line, feature_of(line)?))) {
            Some((line, feature)) if output.status.success() => Ok(Self {
                path: path.to_owned(),
                feature,
                line: line.to_owned(),
                build: build.clone(),
            }),
            _ => Err(failed(format!(
                "`-version` ended with {} and said: {}",
                output.status,
                build.lines().next().unwrap_or("nothing")
            ))),
        }
    }

    /// Fails when this Java is too old for the release: Kafka 4 needs 17 (brokers and Connect), Kafka 3 gets 11.
    pub fn check(&self, version: KafkaVersion) -> Result<(), RuntimeError> {
        let needed = needed_by(version);
        if self.feature >= needed {
            return Ok(());
        }
        Err(RuntimeError::WrongJava {
            path: self.path.clone(),
            found: self.feature,
            needed,
            version,
        })
    }
}

/// The least Java feature release for a Kafka release.
pub(in crate::runtime) const fn needed_by(version: KafkaVersion) -> u32 {
    if version.at_least(4, 0) { 17 } else { 11 }
}

/// `openjdk version "17.0.15" 2025-04-15` is 17; `java version "1.8.0_292"` is 8.
fn feature_of(line: &str) -> Option<u32> {
    let (_, rest) = line.split_once('"')?;
    let (version, _) = rest.split_once('"')?;
    let mut numbers = version.split(|c: char| !c.is_ascii_digit());
    match numbers.next()?.parse().ok()? {
        1 => numbers.next()?.parse().ok(),
        feature => Some(feature),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_feature_release_is_read_from_old_and_new_version_lines() {
        assert_eq!(
            feature_of("openjdk version \"17.0.15\" 2025-04-15"),
            Some(17)
        );
        assert_eq!(feature_of("java version \"1.8.0_292\""), Some(8));
        assert_eq!(feature_of("openjdk version \"25-ea\" 2025-09-16"), Some(25));
        assert_eq!(feature_of("openjdk 17"), None);
    }

    #[test]
    fn kafka_4_refuses_java_11_and_kafka_3_takes_it() {
        let java = Java {
            path: PathBuf::from("java"),
            feature: 11,
            line: String::new(),
            build: String::new(),
        };
        assert!(java.check(KafkaVersion::new(3, 9, 1)).is_ok());
        let error = java.check(KafkaVersion::new(4, 1, 1)).unwrap_err();
        assert!(matches!(
            error,
            RuntimeError::WrongJava {
                found: 11,
                needed: 17,
                ..
            }
        ));
    }

    #[test]
    fn a_java_that_is_not_there_is_named() {
        let error = Java::at(Path::new("/nowhere/java"))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("/nowhere/java") && error.contains("JAVA_HOME"),
            "{error}"
        );
    }
}
