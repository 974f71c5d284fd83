//! The release that settings are held against, and what is known of the cluster around it.

use crate::model::KafkaVersion;

use super::super::value::DEFAULT_VERSION;

/// No default asks for more brokers.
const MOST_COPIES: u32 = 3;

/// The release that settings are held against.
#[derive(Debug, Clone, Copy)]
pub(in crate::scenario) struct Release {
    pub(in crate::scenario) version: KafkaVersion,
    /// Whether the workers have it for certain; else nothing is said about what only some releases have.
    pub(in crate::scenario) is_certain: bool,
    /// How many brokers a run starts of its own, with Kafka's defaults; `None` where the cluster is somebody else's.
    pub(in crate::scenario) brokers: Option<u32>,
}

impl Release {
    /// A run's own workers and brokers.
    pub(in crate::scenario) const fn of_a_run(version: KafkaVersion) -> Self {
        Self {
            version,
            is_certain: true,
            brokers: Some(MOST_COPIES),
        }
    }

    /// The same with this many brokers.
    pub(in crate::scenario) const fn with_brokers(self, brokers: u32) -> Self {
        Self {
            brokers: Some(brokers),
            ..self
        }
    }

    /// Whether the workers are a run's own, so that all their settings are known.
    pub(super) const fn own_workers(self) -> bool {
        self.brokers.is_some()
    }

    /// A cluster of somebody else, whose release may not be known.
    pub(in crate::scenario) fn of_others(version: Option<KafkaVersion>) -> Self {
        Self {
            version: version.unwrap_or(DEFAULT_VERSION),
            is_certain: version.is_some(),
            brokers: None,
        }
    }
}
