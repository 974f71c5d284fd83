//! What Kafka Connect refuses of a scenario.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ConnectorName;

/// What Kafka Connect says against the configuration of a connector (`PUT /connector-plugins/{class}/config/validate`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Refusal {
    /// The connector by its place in the route, from 0; its name may be another on an attached cluster.
    pub connector: usize,
    /// The connector's name.
    pub name: ConnectorName,
    /// The setting that it does not take; nothing where it speaks of the configuration as a whole.
    pub setting: Option<String>,
    /// Connect's own words, secrets masked.
    pub why: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, why, .. } = self;
        match &self.setting {
            Some(setting) => write!(f, "connector {name}, `{setting}`: {why}"),
            None => write!(f, "connector {name}: {why}"),
        }
    }
}
