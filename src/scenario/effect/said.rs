//! What can be said against a setting, and how surely.

use crate::model::settings::{Definition, Reader, releases};

use super::release::Release;

/// What is said against one setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    /// The setting has no effect where it stands, for certain.
    Mistake { message: String, help: String },
    /// Kafka does not take its value.
    Refused { message: String, help: String },
    /// It may have no effect.
    Warning { message: String, help: String },
}

impl Said {
    pub(super) fn new(is_certain: bool, message: String, help: impl Into<String>) -> Self {
        let help = help.into();
        match is_certain {
            true => Self::Mistake { message, help },
            false => Self::Warning { message, help },
        }
    }
}

/// Only other releases have it. What an exactly-once run rests on must be there; a scenario that speaks of anything else
/// may be meant for several releases.
pub(super) fn of_other_release(reader: Reader, name: &str, release: Release) -> Option<Said> {
    let (since, gone) = releases(reader, name)?;
    let inner = name.rsplit("override.").next().unwrap_or(name);
    let decides = inner.starts_with("exactly.once.") || inner.starts_with("transaction.boundary");
    let help = match gone {
        Some(gone) if release.version >= gone => {
            format!(
                "it is gone since {}.{}: take it out",
                gone.major, gone.minor
            )
        }
        Some(_) | None => format!("it came with {}.{}", since.major, since.minor),
    };
    let message = format!("Connect {} has no `{name}`", release.version);
    Some(Said::new(decides, message, help))
}

/// What Kafka expects instead of this value, where it does not take it.
pub(super) fn refused(name: &str, value: &str, definition: Definition) -> Option<Said> {
    let expected = definition.expected_instead_of(value)?;
    let is_number = value.trim().parse::<i64>().is_ok();
    let help = match name.ends_with(".ms") && definition.is_whole() && !is_number {
        true => "write whole milliseconds, such as `1000`".to_owned(),
        false => expected,
    };
    let message = format!("`{name}` cannot be `{value}`");
    Some(Said::Refused { message, help })
}
