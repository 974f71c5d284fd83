//! A Kafka release number, ordered as releases are.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A release of Apache Kafka, such as 4.1.1.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
pub struct KafkaVersion {
    /// First number.
    pub major: u16,
    /// Second number.
    pub minor: u16,
    /// Third number.
    pub patch: u16,
}

/// A text that names no Kafka release.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is no Kafka version: write three numbers, like `4.1.1`")]
pub struct VersionError(String);

impl KafkaVersion {
    /// The release with these three numbers.
    pub const fn new(major: u16, minor: u16, patch: u16) -> Self {
        Self {
            major,
            minor,
            patch,
        }
    }

    /// Whether this release is `major.minor` or later.
    pub const fn at_least(self, major: u16, minor: u16) -> bool {
        self.major > major || (self.major == major && self.minor >= minor)
    }
}

impl fmt::Display for KafkaVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl FromStr for KafkaVersion {
    type Err = VersionError;

    fn from_str(text: &str) -> Result<Self, VersionError> {
        let numbers: Option<Vec<u16>> = text
            .split('.')
            .map(|part| {
                part.bytes()
                    .all(|b| b.is_ascii_digit())
                    .then(|| part.parse().ok())
                    .flatten()
            })
            .collect();
        match numbers.as_deref() {
            Some([major, minor, patch]) => Ok(Self::new(*major, *minor, *patch)),
            _ => Err(VersionError(text.to_owned())),
        }
    }
}

impl TryFrom<String> for KafkaVersion {
    type Error = VersionError;

    fn try_from(text: String) -> Result<Self, VersionError> {
        text.parse()
    }
}

impl From<KafkaVersion> for String {
    fn from(version: KafkaVersion) -> String {
        version.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_by_number_not_by_letter() {
        let old: KafkaVersion = "3.9.1".parse().unwrap();
        let new: KafkaVersion = "3.10.0".parse().unwrap();
        assert!(old < new);
        assert!(
            new.at_least(3, 10)
                && new.at_least(2, 99)
                && !new.at_least(4, 0)
                && !old.at_least(3, 10)
        );
    }

    #[test]
    fn what_is_no_version_is_refused() {
        for bad in ["", "4", "4.1", "4.1.1.1", "4.1.x", "+4.1.1", "4.1.1-rc0"] {
            assert!(bad.parse::<KafkaVersion>().is_err(), "{bad:?} was accepted");
        }
    }
}
