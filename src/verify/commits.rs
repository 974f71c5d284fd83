//! Offset commits of each connector, read as positions of its input.

use serde_json::Value;

use crate::journal::{Event, What};
use crate::model::{Connector, Direction, Moment, OffsetMapping, SequenceNames};

use super::history::History;

/// What a committed offset speaks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum CommitKey {
    /// A partition of the input: positions of it.
    Partition(i32),
    /// A lane: sequence numbers of it.
    Lane(u32),
}

/// One commit, as the next position or sequence number that it leaves to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Commit {
    pub at: Moment,
    pub key: CommitKey,
    /// `None` for a reset or a deleted commit.
    pub next: Option<u64>,
}

/// All commits of one connector in their order.
#[derive(Debug, Clone, Default)]
pub(super) struct Commits {
    pub list: Vec<Commit>,
    /// All that were read, also those that cannot be mapped.
    pub read: u64,
    /// Commits whose content could not be understood.
    pub unreadable: u64,
}

impl Commits {
    pub(super) fn of(
        connector: &Connector,
        input_topic: Option<&str>,
        history: &History<'_>,
    ) -> Self {
        let reader = Reader {
            of: connector,
            input_topic,
        };
        let mut commits = Self::default();
        for event in &history.commits {
            match reader.mapped(event) {
                Reading::Other => {}
                Reading::Unmapped => commits.read += 1,
                Reading::Unreadable => {
                    commits.read += 1;
                    commits.unreadable += 1;
                }
                Reading::Commit(commit) => {
                    commits.read += 1;
                    commits.list.push(commit);
                }
            }
        }
        commits
    }

    /// The position that was committed for certain at a moment: 0 where nothing was.
    pub(super) fn certain_at(&self, key: CommitKey, at: Moment) -> u64 {
        self.last_before(key, at)
            .and_then(|commit| commit.next)
            .unwrap_or(0)
    }

    /// The last commit seen up to a moment.
    pub(super) fn last_before(&self, key: CommitKey, at: Moment) -> Option<&Commit> {
        self.list
            .iter()
            .rfind(|commit| commit.key == key && commit.at <= at)
    }

    /// Everything that commits speak for.
    pub(super) fn keys(&self) -> Vec<CommitKey> {
        let mut keys: Vec<CommitKey> = self.list.iter().map(|commit| commit.key).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }
}

enum Reading {
    Other,
    Unmapped,
    Unreadable,
    Commit(Commit),
}

/// Reads commits of one connector as positions of its input.
struct Reader<'a> {
    of: &'a Connector,
    input_topic: Option<&'a str>,
}

impl Reader<'_> {
    fn mapped(&self, event: &Event) -> Reading {
        if let What::SourceCommit {
            connector,
            partition,
            offset,
            ..
        } = &event.what
            && self.of.direction == Direction::Source
            && *connector == self.of.name
        {
            return self.source_commit(event.at, partition, offset);
        }
        if let What::SinkCommit {
            connector,
            topic,
            partition,
            next_offset,
            ..
        } = &event.what
            && self.of.direction == Direction::Sink
            && *connector == self.of.name
            && self.input_topic == Some(topic.as_str())
        {
            let next = next_offset.map(|next| u64::try_from(next).unwrap_or(0));
            return Reading::Commit(Commit {
                at: event.at,
                key: CommitKey::Partition(*partition),
                next,
            });
        }
        Reading::Other
    }

    fn source_commit(&self, at: Moment, partition: &Value, offset: &Value) -> Reading {
        let positions = match &self.of.offsets {
            OffsetMapping::MirrorSource => {
                if partition.get("topic").and_then(Value::as_str) != self.input_topic {
                    return Reading::Other;
                }
                let key = partition
                    .get("partition")
                    .and_then(Value::as_i64)
                    .and_then(|number| i32::try_from(number).ok())
                    .map(CommitKey::Partition);
                (key, plus_one(offset.get("offset")))
            }
            OffsetMapping::FileStreamSource => (
                Some(CommitKey::Partition(0)),
                offset.get("position").and_then(number),
            ),
            OffsetMapping::Pointers {
                lane,
                sequence,
                names,
            } => {
                let lane = match lane {
                    Some(pointer) => partition.pointer(pointer).and_then(number),
                    None => Some(0),
                };
                let key = lane
                    .and_then(|n| u32::try_from(n).ok())
                    .map(CommitKey::Lane);
                let next = match names {
                    SequenceNames::LastSent => plus_one(offset.pointer(sequence)),
                    SequenceNames::NextToSend => offset.pointer(sequence).and_then(number),
                };
                (key, next)
            }
            OffsetMapping::SinkGroup | OffsetMapping::NotMeasurable => return Reading::Unmapped,
        };
        match positions {
            (None, _) => Reading::Unreadable,
            (Some(_), None) if !offset.is_null() => Reading::Unreadable,
            (Some(key), next) => Reading::Commit(Commit { at, key, next }),
        }
    }
}

fn number(value: &Value) -> Option<u64> {
    value
        .as_u64()
        .or_else(|| value.as_str().and_then(|text| text.trim().parse().ok()))
}

fn plus_one(value: Option<&Value>) -> Option<u64> {
    value.and_then(number).and_then(|last| last.checked_add(1))
}
