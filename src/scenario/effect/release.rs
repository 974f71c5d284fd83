//! The release that settings are held against, and what is known of the cluster around it.

use crate::model::KafkaVersion;

use super::super::value::DEFAULT_VERSION;

/// The release that settings are held against.
#[derive(Debug, Clone, Copy)]
pub(in crate::scenario) struct Release {
    pub(in crate::scenario) version: KafkaVersion,
    /// Whether the workers have it for certain; else nothing is said about what only some releases have.
    pub(in crate::scenario) is_certain: bool,
    /// Whether the brokers are a run's own, with Kafka's defaults.
    pub(in crate::scenario) own_brokers: bool,
}

impl Release {
    /// A run's own workers and brokers.
    pub(in crate::scenario) const fn of_a_run(version: KafkaVersion) -> Self {
        Self {
            version,
            is_certain: true,
            own_brokers: true,
        }
    }

    /// A cluster of somebody else, whose release may not be known.
    pub(in crate::scenario) fn of_others(version: Option<KafkaVersion>) -> Self {
        Self {
            version: version.unwrap_or(DEFAULT_VERSION),
            is_certain: version.is_some(),
            own_brokers: false,
        }
    }
}
