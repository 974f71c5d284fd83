//! Names and numbers that identify things of a run, each a type of its own so that no two can be mixed up.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why a name was refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NameError {
    /// The name is empty.
    #[error("a {what} name must not be empty")]
    Empty {
        /// What was to be named.
        what: &'static str,
    },
    /// The name has a character that a file name, a log context or a topic could not carry.
    #[error("`{name}` cannot name a {what}: use letters, digits, `.`, `_` and `-` only")]
    Character {
        /// What was to be named.
        what: &'static str,
        /// The refused name.
        name: String,
    },
    /// The text is not `connector-task`.
    #[error(
        "`{0}` names no task: write the connector, a dash and the task's number, like `mirror-1`"
    )]
    Task(String),
}

fn checked(what: &'static str, name: &str) -> Result<String, NameError> {
    if name.is_empty() {
        return Err(NameError::Empty { what });
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if !name.chars().all(allowed) || name == "." || name == ".." {
        return Err(NameError::Character {
            what,
            name: name.to_owned(),
        });
    }
    Ok(name.to_owned())
}

macro_rules! name_type {
    ($(#[$doc:meta])* $type:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(String);

        impl $type {
            /// Checks and wraps a name; fails when it is empty or has a character outside `[A-Za-z0-9._-]`.
            pub fn new(name: &str) -> Result<Self, NameError> {
                checked($what, name).map(Self)
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl FromStr for $type {
            type Err = NameError;

            fn from_str(name: &str) -> Result<Self, NameError> {
                Self::new(name)
            }
        }

        impl TryFrom<String> for $type {
            type Error = NameError;

            fn try_from(name: String) -> Result<Self, NameError> {
                Self::new(&name)
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> String {
                name.0
            }
        }
    };
}

name_type!(
    /// A Connect worker of the run, such as `w1`; stays the same over restarts.
    WorkerName, "worker"
);
name_type!(
    /// A connector, as it is called in Connect's REST interface.
    ConnectorName, "connector"
);
name_type!(
    /// A feed or a tap: the topic's name or the file's name.
    PlaceName, "feed or tap"
);

/// One task of one connector; printed like Kafka's own `ConnectorTaskId`: `mirror-1`.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
pub struct TaskId {
    /// The connector that the task belongs to.
    pub connector: ConnectorName,
    /// The task's number, from 0.
    pub task: u32,
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.connector, self.task)
    }
}

impl FromStr for TaskId {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let wrong = || NameError::Task(text.to_owned());
        let (connector, task) = text.rsplit_once('-').ok_or_else(wrong)?;
        let task = task.parse().map_err(|_| wrong())?;
        Ok(Self {
            connector: ConnectorName::new(connector)?,
            task,
        })
    }
}

impl TryFrom<String> for TaskId {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<TaskId> for String {
    fn from(task: TaskId) -> String {
        task.to_string()
    }
}

/// One independent ordered sequence of the stream; lanes are numbered from 0.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct Lane(pub u32);

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The place of a record in its lane, from 0 without holes.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct Sequence(pub u64);

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Tells the records of this run from those of any other; drawn anew for each run, never from the seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct StreamId(pub u32);

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

/// The one number that all choices of a plan come from; written like `7f3a-91c2`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct Seed(pub u32);

/// A seed that cannot be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is no seed: write one to eight hexadecimal digits, like `7f3a-91c2`")]
pub struct SeedError(String);

impl fmt::Display for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04x}-{:04x}", self.0 >> 16, self.0 & 0xffff)
    }
}

impl FromStr for Seed {
    type Err = SeedError;

    fn from_str(text: &str) -> Result<Self, SeedError> {
        let digits: String = text.chars().filter(|c| *c != '-').collect();
        let hexadecimal = !digits.is_empty() && digits.chars().all(|c| c.is_ascii_hexdigit());
        match u32::from_str_radix(&digits, 16) {
            Ok(seed) if hexadecimal => Ok(Self(seed)),
            _ => Err(SeedError(text.to_owned())),
        }
    }
}

impl TryFrom<String> for Seed {
    type Error = SeedError;

    fn try_from(text: String) -> Result<Self, SeedError> {
        text.parse()
    }
}

impl From<Seed> for String {
    fn from(seed: Seed) -> String {
        seed.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_survives_being_printed_and_read() {
        for seed in [0, 1, 0x7f3a_91c2, u32::MAX] {
            assert_eq!(Seed(seed).to_string().parse(), Ok(Seed(seed)));
        }
        assert!("".parse::<Seed>().is_err());
        assert!("+1".parse::<Seed>().is_err());
        assert!("123456789".parse::<Seed>().is_err());
    }

    #[test]
    fn a_task_is_named_like_kafka_names_it_even_when_the_connector_has_dashes() {
        let task: TaskId = "my-mirror-12".parse().unwrap();
        assert_eq!((task.connector.as_str(), task.task), ("my-mirror", 12));
        assert_eq!(task.to_string(), "my-mirror-12");
        assert!("mirror".parse::<TaskId>().is_err());
        assert!("mirror-x".parse::<TaskId>().is_err());
        assert!("-1".parse::<TaskId>().is_err());
    }

    #[test]
    fn a_name_that_could_leave_its_folder_is_refused() {
        for bad in ["", ".", "..", "a/b", "a b", "ä"] {
            assert!(PlaceName::new(bad).is_err(), "{bad:?} was accepted");
        }
        assert!(PlaceName::new("src.orders").is_ok());
    }
}
