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

/// A commit of one connector in the words of the journal.
pub(super) enum Said<'e> {
    /// A source's, of whatever it calls a partition.
    Source {
        partition: &'e Value,
        offset: &'e Value,
    },
    /// A sink's, of a partition of its input; without an offset it was deleted.
    Sink { partition: i32, next: Option<i64> },
}

/// What an event says of the commits of a connector that reads this topic.
pub(super) fn said<'e>(
    event: &'e Event,
    of: &Connector,
    input_topic: Option<&str>,
) -> Option<Said<'e>> {
    match (&event.what, of.direction) {
        (
            What::SourceCommit {
                connector,
                partition,
                offset,
                ..
            },
            Direction::Source,
        ) => (*connector == of.name).then_some(Said::Source { partition, offset }),
        (
            What::SinkCommit {
                connector,
                topic,
                partition,
                next_offset,
                ..
            },
            Direction::Sink,
        ) => {
            let own = *connector == of.name && input_topic == Some(topic.as_str());
            let (partition, next) = (*partition, *next_offset);
            own.then_some(Said::Sink { partition, next })
        }
        _ => None,
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
        match said(event, self.of, self.input_topic) {
            None => Reading::Other,
            Some(Said::Source { partition, offset }) => {
                self.source_commit(event.at, partition, offset)
            }
            Some(Said::Sink { partition, next }) => Reading::Commit(Commit {
                at: event.at,
                key: CommitKey::Partition(partition),
                next: next.map(|next| u64::try_from(next).unwrap_or(0)),
            }),
        }
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
