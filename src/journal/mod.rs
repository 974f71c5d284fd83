//! The run folder: events, observations and logs, written as they happen and read back by everyone who judges.

mod clock;
mod event;
mod folder;
mod frames;
mod free_texts;
mod info;
mod looks;
mod observation;
mod regular;
mod seal;
mod status;
mod writer;

pub(crate) use clock::unix_us;
pub use clock::{Clock, Deadline};
pub use event::{
    Ending, Event, Exit, GroupMember, GroupView, LogFact, NormalAtTap, Phase, Proof, ReadTo,
    RestClaim, SinkMember, Stack, What,
};
pub(crate) use folder::Readers;
pub use folder::{Batches, EventLog, FolderError, Places, RunFolder, json_bytes};
pub(crate) use info::KNOWN_FORMATS;
pub use info::{FORMAT, HostInfo, RunInfo};
pub use looks::Attendance;
pub(crate) use looks::{ATTENDED_EVERY, Looks};
pub use observation::{
    Batch, Observation, ObservationError, ObservationKind, ObservationReader, ObservationWriter,
};
pub(crate) use regular::append;
pub(crate) use status::Word;
pub use writer::Journal;
