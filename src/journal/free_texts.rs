//! Where an event has free text in it: words of workers, brokers and systems, which may repeat a secret.

use std::collections::BTreeMap;

use super::{Ending, Proof, What};

impl What {
    /// Every free text of the event; names, states and numbers are none.
    pub(super) fn free_texts(&mut self) -> Vec<&mut String> {
        match self {
            Self::FaultIntended { why, .. }
            | Self::FaultSkipped { why, .. }
            | Self::DrainEnded { why, .. }
            | Self::ObserverFailed { why, .. } => vec![why],
            Self::RecoveryGivenUp { missing, .. } => vec![missing],
            Self::Log { text, .. } | Self::Note(text) => vec![text],
            Self::TaskStatus { trace, .. } => trace.iter_mut().collect(),
            Self::RestView { answer, .. } => answer.as_mut().err().into_iter().collect(),
            Self::TaskConfig { config, .. } => values(Some(config)),
            Self::ConnectorConfig { config, .. } => values(config.as_mut()),
            Self::RunEnded {
                ending: Ending::Environment(why),
                ..
            } => vec![why],
            Self::FaultProof {
                proof: Proof::Missing { awaited, .. },
                ..
            } => vec![awaited],
            Self::RunEnded {
                ending: Ending::Refused(refusals),
                ..
            } => refusals
                .iter_mut()
                .map(|refusal| &mut refusal.why)
                .collect(),
            Self::RunEnded {
                ending: Ending::Complete | Ending::Interrupted,
                ..
            }
            | Self::FaultProof {
                proof:
                    Proof::ProcessEnded { .. }
                    | Proof::MemberGone { .. }
                    | Proof::Paused { .. }
                    | Proof::Disconnected { .. },
                ..
            }
            | Self::PhaseBegan(_)
            | Self::ProcessStarted { .. }
            | Self::ProcessReady { .. }
            | Self::ProcessEnded { .. }
            | Self::ConnectorCreated(_)
            | Self::TasksRunning { .. }
            | Self::FeedBegan
            | Self::FeedEnded { .. }
            | Self::BaselineReached { .. }
            | Self::FaultActed { .. }
            | Self::GraceOverrun { .. }
            | Self::ThreadsDumped { .. }
            | Self::FaultUndone { .. }
            | Self::RecoverySeen { .. }
            | Self::Group(_)
            | Self::GroupPolled { .. }
            | Self::Attended { .. }
            | Self::SinkGroup { .. }
            | Self::SourceCommit { .. }
            | Self::SinkCommit { .. }
            | Self::TargetState { .. }
            | Self::Progress { .. }
            | Self::MachineLoad { .. }
            | Self::FinalOffsets { .. }
            | Self::FinalSourceOffsets { .. } => Vec::new(),
        }
    }
}

fn values(config: Option<&mut BTreeMap<String, String>>) -> Vec<&mut String> {
    config.into_iter().flat_map(BTreeMap::values_mut).collect()
}
