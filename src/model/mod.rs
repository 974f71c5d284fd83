//! The words of Squall as types that cannot be wrong: no I/O, no clock, no randomness.

mod fault;
mod guarantee;
mod names;
mod record;
mod refusal;
mod route;
mod runtime_kind;
pub(crate) mod secrets;
pub(crate) mod settings;
mod time;
mod version;
mod visible;

pub use fault::{Due, FaultId, FaultKind, PlannedFault, Restart, Target};
pub(crate) use guarantee::Amount;
pub use guarantee::{DuplicateLimit, Expectations, GuaranteeKind, LossLimit, Verdict};
pub(crate) use names::NameError;
pub use names::{ConnectorName, Lane, PlaceName, Seed, Sequence, StreamId, TaskId, WorkerName};
pub(crate) use record::{MIN_RECORD_SIZE_BYTES, Sighting};
pub use record::{Record, RecordCodec};
pub(crate) use refusal::Refusal;
pub use route::{
    Connector, Decode, Decoded, Direction, Medium, OffsetMapping, Origin, Place, Route,
    SequenceNames,
};
pub(crate) use route::{is_provided, sink_group};
pub use runtime_kind::RuntimeKind;
pub use time::Moment;
pub use version::KafkaVersion;
pub(crate) use visible::{is_deceptive, shown, visible, visible_lines};
