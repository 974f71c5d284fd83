//! One topic's records in the order of its partitions, read without any group and without ever committing.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError as Native;
use rdkafka::message::BorrowedMessage;
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{Message, Offset, TopicPartitionList};

use super::admin::partition_ids;
use super::cluster::{Heard, close_within, in_words};
use super::{Cluster, KafkaError};

/// Which records of transactions are seen (`isolation.level`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isolation {
    /// Only what was committed, and nothing beyond the first open transaction.
    ReadCommitted,
    /// Everything, aborted records too.
    ReadUncommitted,
}

impl Isolation {
    /// The value of `isolation.level`.
    pub const fn setting(self) -> &'static str {
        match self {
            Self::ReadCommitted => "read_committed",
            Self::ReadUncommitted => "read_uncommitted",
        }
    }
}

/// Where reading starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// At offset 0 of every partition; fails when records from there are already deleted.
    Zero,
    /// At the first record that is still there.
    Earliest,
    /// Behind what is there when reading begins.
    End,
    /// These partitions only, at these offsets.
    At(BTreeMap<i32, i64>),
    /// Where an earlier reader stopped: at these offsets, and in partitions that it knew nothing of at the first record.
    On(BTreeMap<i32, i64>),
}

/// What a reader hands over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item<'a> {
    /// A record.
    Record {
        /// Its partition.
        partition: i32,
        /// Its offset.
        offset: i64,
        /// Its timestamp in milliseconds since the epoch; -1 without one, and for a reader that does not ask for them. By
        /// the topic's setting it was given by the producer or by the broker.
        timestamp_ms: i64,
        /// Its key; empty without one.
        key: &'a [u8],
        /// Its value; `None` for a tombstone.
        value: Option<&'a [u8]>,
    },
    /// Everything that the partition held when this was said has been handed over.
    EndOfPartition {
        /// The partition.
        partition: i32,
        /// The offset behind everything that was there, transaction markers included; `None` where librdkafka does
        /// not say.
        next_offset: Option<i64>,
    },
}

/// Reads all partitions of one topic; broker trouble that may pass is waited out.
pub struct RecordReader {
    cluster: Cluster,
    topic: String,
    asks_timestamps: bool,
    // Present until close or drop, when it is handed to a closing thread.
    consumer: Option<BaseConsumer<Heard>>,
}

/// Makes group ids unique within the process; the process id does the same between processes.
static READERS: AtomicU64 = AtomicU64::new(0);

impl RecordReader {
    /// Makes the consumer; talks to no broker yet. Fails when librdkafka refuses the settings.
    pub fn connect(
        cluster: &Cluster,
        topic: &str,
        isolation: Isolation,
    ) -> Result<Self, KafkaError> {
        Ok(Self {
            cluster: cluster.clone(),
            topic: topic.to_owned(),
            asks_timestamps: true,
            consumer: Some(consumer(cluster, isolation)?),
        })
    }

    /// Leaves out the records' own timestamps: asking for them costs a tap as much as taking in its records.
    #[must_use]
    pub fn without_timestamps(mut self) -> Self {
        self.asks_timestamps = false;
        self
    }

    /// Begins to read; waits at most `timeout` for the topic's description. Fails when the topic is not there yet
    /// ([`KafkaError::NoTopic`]) or the brokers do not answer ([`KafkaError::Request`]): both can be tried again.
    pub fn begin(&self, start: &Start, timeout: Duration) -> Result<(), KafkaError> {
        let assignment = self.assignment(start, timeout)?;
        self.consumer()
            .assign(&assignment)
            .map_err(|error| self.failed(in_words(&error)))
    }

    /// [`Self::connect`] and [`Self::begin`] in one.
    pub fn open(
        cluster: &Cluster,
        topic: &str,
        isolation: Isolation,
        start: &Start,
        timeout: Duration,
    ) -> Result<Self, KafkaError> {
        let reader = Self::connect(cluster, topic, isolation)?;
        reader.begin(start, timeout)?;
        Ok(reader)
    }

    fn consumer(&self) -> &BaseConsumer<Heard> {
        self.consumer
            .as_ref()
            .expect("the consumer is only taken by close and drop")
    }

    fn assignment(
        &self,
        start: &Start,
        timeout: Duration,
    ) -> Result<TopicPartitionList, KafkaError> {
        let cluster = &self.cluster;
        let ids = partition_ids(cluster, self.consumer(), &self.topic, timeout)?;
        let ids = ids
            .filter(|ids| !ids.is_empty())
            .ok_or_else(|| KafkaError::NoTopic {
                bootstrap: cluster.bootstrap.clone(),
                topic: self.topic.clone(),
            })?;
        let everywhere = |offset: Offset| ids.iter().map(move |id| (*id, offset)).collect();
        let places: Vec<(i32, Offset)> = match start {
            Start::Zero => everywhere(Offset::Offset(0)),
            Start::Earliest => everywhere(Offset::Beginning),
            Start::End => everywhere(Offset::End),
            Start::At(places) => places
                .iter()
                .map(|(id, offset)| (*id, Offset::Offset(*offset)))
                .collect(),
            Start::On(places) => {
                let known = |id: &i32| places.get(id).copied().map(Offset::Offset);
                ids.iter()
                    .map(|id| (*id, known(id).unwrap_or(Offset::Beginning)))
                    .collect()
            }
        };
        let mut list = TopicPartitionList::with_capacity(places.len());
        for (id, offset) in places {
            list.add_partition_offset(&self.topic, id, offset)
                .map_err(|error| self.failed(in_words(&error)))?;
        }
        Ok(list)
    }

    /// Waits at most `timeout` for something, then hands over what is there without waiting, up to `most` items;
    /// returns how many. Fails only when reading can never go on.
    pub fn poll(
        &self,
        timeout: Duration,
        most: usize,
        mut take: impl FnMut(Item<'_>),
    ) -> Result<usize, KafkaError> {
        let consumer = self.consumer();
        let mut taken = 0;
        let mut wait = timeout;
        while taken < most {
            match consumer.poll(wait) {
                None => break,
                Some(Ok(message)) => take(record(&message, self.asks_timestamps)),
                Some(Err(Native::PartitionEOF(partition))) => take(Item::EndOfPartition {
                    partition,
                    next_offset: consumer.context().end_offset(),
                }),
                Some(Err(error)) => {
                    self.judge(&error)?;
                    break;
                }
            }
            taken += 1;
            wait = Duration::ZERO;
        }
        Ok(taken)
    }

    fn judge(&self, error: &Native) -> Result<(), KafkaError> {
        let passes = match error {
            Native::MessageConsumption(code) | Native::Global(code) => may_pass(*code),
            _ => false,
        };
        if passes {
            return Ok(());
        }
        let words = in_words(error);
        let trouble = self.consumer().context().trouble();
        Err(self.failed(match trouble {
            Some(trouble) => format!("{words} ({trouble})"),
            None => words,
        }))
    }

    fn failed(&self, why: String) -> KafkaError {
        KafkaError::Read {
            topic: self.topic.clone(),
            why,
        }
    }

    /// Closes the consumer; waits at most `limit`, then leaves the closing to its own thread. Returns whether it was
    /// closed in time.
    pub fn close(mut self, limit: Duration) -> bool {
        let consumer = self.consumer.take();
        close_within(limit, move || drop(consumer))
    }
}

impl Drop for RecordReader {
    fn drop(&mut self) {
        if let Some(consumer) = self.consumer.take() {
            close_within(Duration::ZERO, move || drop(consumer));
        }
    }
}

fn consumer(cluster: &Cluster, isolation: Isolation) -> Result<BaseConsumer<Heard>, KafkaError> {
    // librdkafka wants a group id for an assignment by hand; nothing ever joins or commits under it.
    let number = READERS.fetch_add(1, Ordering::Relaxed);
    let group = format!("squall-reader-{}-{number}", std::process::id());
    let own = [
        ("group.id", group.as_str()),
        ("isolation.level", isolation.setting()),
        ("enable.auto.commit", "false"),
        ("enable.auto.offset.store", "false"),
        ("enable.partition.eof", "true"),
        ("auto.offset.reset", "error"),
        ("allow.auto.create.topics", "false"),
        // Arrival times are evidence: a question waits at the broker and is answered as soon as there is one byte to read, so a
        // record is handed over when it becomes readable, and not at the next of many questions. Only a partition that
        // becomes readable while the others are asked about, at the start or under a new leader, has to wait for this.
        ("fetch.min.bytes", "1"),
        ("fetch.wait.max.ms", "500"),
        ("fetch.error.backoff.ms", "20"),
        ("fetch.queue.backoff.ms", "5"),
        ("fetch.message.max.bytes", "4194304"),
        ("queued.min.messages", "200000"),
        ("queued.max.messages.kbytes", "131072"),
    ];
    cluster
        .config(&own)
        .create_with_context(Heard::default())
        .map_err(|error| cluster.client_error(&error))
}

fn record<'a>(message: &'a BorrowedMessage<'_>, asks_timestamp: bool) -> Item<'a> {
    let timestamp = asks_timestamp.then(|| message.timestamp().to_millis());
    Item::Record {
        partition: message.partition(),
        offset: message.offset(),
        timestamp_ms: timestamp.flatten().unwrap_or(-1),
        key: message.key().unwrap_or_default(),
        value: message.payload(),
    }
}

/// Whether librdkafka goes on by itself after this error: brokers away, leaders moving, coordinators loading.
fn may_pass(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        code,
        Code::BrokerTransportFailure
            | Code::AllBrokersDown
            | Code::Resolve
            | Code::OperationTimedOut
            | Code::TimedOutQueue
            | Code::BrokerDestroy
            | Code::DestroyBroker
            | Code::NodeUpdate
            | Code::UnknownBroker
            | Code::WaitingForCoordinator
            | Code::WaitCache
            | Code::Retry
            | Code::Outdated
            | Code::InProgress
            | Code::PreviousInProgress
            | Code::Interrupted
            | Code::LeaderNotAvailable
            | Code::NotLeaderForPartition
            | Code::RequestTimedOut
            | Code::BrokerNotAvailable
            | Code::ReplicaNotAvailable
            | Code::NetworkException
            | Code::CoordinatorLoadInProgress
            | Code::CoordinatorNotAvailable
            | Code::NotCoordinator
            | Code::NotController
            | Code::KafkaStorageError
            | Code::FetchSessionIdNotFound
            | Code::InvalidFetchSessionEpoch
            | Code::FencedLeaderEpoch
            | Code::UnknownLeaderEpoch
            | Code::OffsetNotAvailable
            | Code::PreferredLeaderNotAvailable
            | Code::ListenerNotFound
            | Code::ThrottlingQuotaExceeded
            | Code::RebootstrapRequired
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brokers_away_are_waited_for_and_missing_records_are_not() {
        assert!(may_pass(RDKafkaErrorCode::AllBrokersDown));
        assert!(may_pass(RDKafkaErrorCode::NotLeaderForPartition));
        assert!(!may_pass(RDKafkaErrorCode::UnknownTopicOrPartition));
        assert!(!may_pass(RDKafkaErrorCode::TopicAuthorizationFailed));
        assert!(!may_pass(RDKafkaErrorCode::AutoOffsetReset));
        assert!(!may_pass(RDKafkaErrorCode::Fatal));
    }

    #[test]
    fn a_reader_of_a_cluster_that_is_away_gives_up_in_time() {
        let deadline = crate::journal::Deadline::after(Duration::from_secs(20));
        let opened = RecordReader::open(
            &Cluster::at("127.0.0.1:1"),
            "t",
            Isolation::ReadCommitted,
            &Start::Zero,
            Duration::from_millis(100),
        );
        assert!(matches!(opened, Err(KafkaError::Request { .. })));
        assert!(!deadline.has_passed());
    }
}
