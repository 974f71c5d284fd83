//! What a cluster under test is made of, and which faults can be injected into it.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::FaultKind;

/// What a cluster is made of.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum RuntimeKind {
    /// Local processes that the run starts and takes down.
    Process,
    /// Containers that the run starts and takes down.
    Docker,
    /// A cluster that was there before and stays: described by an inventory.
    Attached,
}

impl RuntimeKind {
    /// Whether this kind of cluster can be given this kind of fault; the error says why not and what can. An attached
    /// cluster can be given what its inventory has a way for, which is asked of the inventory.
    pub const fn can(self, fault: FaultKind) -> Result<(), &'static str> {
        match (self, fault) {
            (Self::Process, FaultKind::Disconnect) => Err(
                "local processes share this machine's network, so one of them cannot lose it alone: run with --runtime docker",
            ),
            (Self::Process, FaultKind::Kill | FaultKind::Stop { .. } | FaultKind::Pause)
            | (
                Self::Docker | Self::Attached,
                FaultKind::Kill | FaultKind::Stop { .. } | FaultKind::Pause | FaultKind::Disconnect,
            ) => Ok(()),
        }
    }
}

impl fmt::Display for RuntimeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Process => "process",
            Self::Docker => "docker",
            Self::Attached => "attached",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_local_processes_cannot_lose_their_network() {
        let kinds = [
            FaultKind::Kill,
            FaultKind::Stop { grace_ms: 1 },
            FaultKind::Pause,
            FaultKind::Disconnect,
        ];
        for runtime in [
            RuntimeKind::Process,
            RuntimeKind::Docker,
            RuntimeKind::Attached,
        ] {
            for kind in kinds {
                let refused = (runtime, kind) == (RuntimeKind::Process, FaultKind::Disconnect);
                assert_eq!(runtime.can(kind).is_err(), refused, "{runtime} {kind:?}");
            }
        }
    }
}
