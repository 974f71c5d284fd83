//! Why a request to a worker's REST interface brought nothing.

use crate::model::secrets::mask_text;

/// Why a request to a worker brought nothing.
#[derive(Debug, thiserror::Error)]
pub enum RestError {
    /// No answer came in time, or no connection could be made.
    #[error(
        "no answer from {url}: {why}; {advice}",
        advice = super::rest_advice::of_silence(.why)
    )]
    Unreachable {
        /// What was asked.
        url: String,
        /// Why.
        why: String,
    },
    /// The group is rebalancing, or the worker's view of the configuration is behind (status 409).
    #[error("{url} answers that the group is rebalancing: {message}; ask again once it is stable")]
    Rebalancing {
        /// What was asked.
        url: String,
        /// The worker's own words.
        message: String,
    },
    /// The worker said no.
    #[error(
        "{url} refused with status {status}: {message}; {advice}",
        advice = super::rest_advice::of_refusal(*.status)
    )]
    Refused {
        /// What was asked.
        url: String,
        /// The HTTP status.
        status: u16,
        /// The worker's own words.
        message: String,
    },
    /// A file of the client's own means cannot be used.
    #[error("cannot use {} for the REST interface: {why}; name a readable PEM file", .path.display())]
    Access {
        /// The file.
        path: std::path::PathBuf,
        /// Why.
        why: String,
    },
    /// The answer is not what a worker says.
    #[error(
        "the answer of {url} cannot be understood: {why}; see whether a Kafka Connect worker listens there"
    )]
    Undecodable {
        /// What was asked.
        url: String,
        /// Why.
        why: String,
    },
}

impl RestError {
    /// Whether the same request may succeed in a moment: while the group rebalances, while a worker starts, and while
    /// a request cannot be forwarded because there is no leader to forward it to.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Rebalancing { .. } => true,
            Self::Refused {
                status, message, ..
            } => *status == 503 || (*status == 500 && message.contains("forward REST request")),
            Self::Unreachable { .. } | Self::Undecodable { .. } | Self::Access { .. } => false,
        }
    }
}

/// An error with all its causes: the outermost one of the HTTP library says nothing.
pub(super) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words.push_str(": ");
        words.push_str(&error.to_string());
        cause = error.source();
    }
    mask_text(&words)
}
