//! Feeds and taps: where the stream is written and where it is read, each on a thread of its own, live.
//!
//! A feed keeps the asked pace by counting what is due, never by sleeping between records, so what it could not send in
//! time it sends later and nothing is left out of the count. A tap only looks: it commits nothing and changes nothing.
//! Each writes one row a record into its own observation file and shows live counts, which cost a load each to look at.

mod counts;
mod decoder;
mod feed;
mod feed_book;
mod file_feed;
mod file_tap;
mod lines;
mod misfit;
mod pace;
mod rows;
mod seen;
mod sightings;
mod tap;
mod thread;
mod topic_feed;
mod topic_tap;
mod watch;

use std::path::PathBuf;
use std::time::Duration;

pub(crate) use counts::{FeedCounts, TapCounts};
pub use decoder::Decoder;
pub use feed::Feed;
pub use feed_book::FeedEnd;
pub(crate) use misfit::{Dress, Misfit};
pub use tap::Tap;

use crate::journal::ObservationError;
use crate::kafka::KafkaError;

/// What can go wrong at a feed or a tap.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// The topic's cluster failed.
    #[error(transparent)]
    Kafka(#[from] KafkaError),
    /// The file could not be made, read or written.
    #[error("cannot {what} {path}: {source}; check the folder's rights and its free space")]
    File {
        /// What was tried.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// Somebody else changed the file in a way that makes what was read worthless.
    #[error("{path} was {how} from outside; let nobody but the connector write it, and run again")]
    Tampered {
        /// The file.
        path: PathBuf,
        /// What was done to it.
        how: &'static str,
    },
    /// A connector changes the records on their way, so that reading on would tell nothing.
    #[error("what arrives are not the records that were fed")]
    Misfit,
    /// The observations could not be written.
    #[error(transparent)]
    Observations(#[from] ObservationError),
    /// The thread could not be started.
    #[error("cannot start the thread of {place}: {source}; raise the limit of processes")]
    Thread {
        /// The feed or tap.
        place: String,
        /// Why it failed.
        source: std::io::Error,
    },
    /// The thread did not end in time and was left behind.
    #[error(
        "{place} did not stop within {limit:?} and was left behind; its observations are not complete"
    )]
    Overran {
        /// The feed or tap.
        place: String,
        /// How long it was waited for.
        limit: Duration,
    },
    /// The thread ended without a result.
    #[error("{place} broke off without a result: this is a fault of Squall, please report it")]
    Gone {
        /// The feed or tap.
        place: String,
    },
}
