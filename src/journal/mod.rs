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

pub use clock::{Clock, Deadline, unix_us};
pub use event::{
    Ending, Event, Exit, GroupMember, GroupView, LogFact, NormalAtTap, Phase, Proof, ReadTo,
    RestClaim, SinkMember, Stack, What,
};
pub use folder::{Batches, EventLog, FolderError, Places, Readers, RunFolder, json_bytes};
pub use info::{FORMAT, HostInfo, KNOWN_FORMATS, RunInfo};
pub use looks::{ATTENDED_EVERY, Attendance, Looks};
pub use observation::{
    BATCH_ROWS, Batch, Observation, ObservationError, ObservationKind, ObservationReader,
    ObservationWriter,
};
pub(crate) use regular::append;
pub use status::Word;
pub use writer::Journal;
