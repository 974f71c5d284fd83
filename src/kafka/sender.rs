//! Records out to one topic, and for each of them what became of it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rdkafka::Message;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError as Native;
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext, PurgeConfig};
use rdkafka::types::RDKafkaErrorCode;

use super::cluster::{Heard, close_within, in_words};
use super::{Cluster, KafkaError};

/// What became of a record that was given to a sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// The number that it was sent under.
    pub tag: usize,
    /// The partition that it was sent to.
    pub partition: i32,
    /// Whether it is there.
    pub result: SendResult,
}

/// Whether a record is in the topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendResult {
    /// All in-sync replicas have it, at this offset.
    Acked {
        /// Its offset.
        offset: i64,
    },
    /// The broker said that it did not take it.
    Refused(SendError),
    /// No answer: it may or may not be there.
    Unknown(SendError),
}

/// Kafka's error code behind an outcome; prints as its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SendError(RDKafkaErrorCode);

impl std::fmt::Display for SendError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// Whether a sender took a record over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It is on its way; an [`Outcome`] will follow.
    Queued,
    /// The queue is full: poll and give it again.
    Full,
    /// It can never be sent, as when it is larger than `message.max.bytes`; no outcome will follow.
    Refused(SendError),
}

/// An idempotent producer for one topic (`acks=all`): records of a partition arrive in the order in which they were
/// given, each at most once.
pub struct RecordSender {
    topic: String,
    // Present until close or drop, when it is handed to a closing thread.
    producer: Option<BaseProducer<Deliveries>>,
}

impl RecordSender {
    /// Makes the producer; talks to no broker yet. Fails when librdkafka refuses the settings.
    pub fn new(cluster: &Cluster, topic: &str) -> Result<Self, KafkaError> {
        let own = [
            ("enable.idempotence", "true"),
            ("acks", "all"),
            ("message.timeout.ms", "120000"),
            ("linger.ms", "5"),
            ("queue.buffering.max.messages", "200000"),
            ("queue.buffering.max.kbytes", "262144"),
            ("retry.backoff.ms", "20"),
            ("retry.backoff.max.ms", "200"),
            ("compression.type", "none"),
        ];
        let producer = cluster
            .config(&own)
            .create_with_context(Deliveries::default())
            .map_err(|error| cluster.client_error(&error))?;
        Ok(Self {
            topic: topic.to_owned(),
            producer: Some(producer),
        })
    }

    fn producer(&self) -> &BaseProducer<Deliveries> {
        self.producer
            .as_ref()
            .expect("the producer is only taken by close and drop")
    }

    /// Gives a record over without waiting; its outcome carries `tag`. Fails only when the producer is of no more use.
    pub fn send(
        &self,
        partition: i32,
        key: &[u8],
        value: &[u8],
        tag: usize,
    ) -> Result<Taken, KafkaError> {
        let record = BaseRecord::with_opaque_to(&self.topic, tag)
            .partition(partition)
            .key(key)
            .payload(value);
        match self.producer().send(record) {
            Ok(()) => Ok(Taken::Queued),
            Err((Native::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => Ok(Taken::Full),
            Err((Native::MessageProduction(code), _)) if is_refusal(code) => {
                Ok(Taken::Refused(SendError(code)))
            }
            Err((error, _)) => Err(self.failed(in_words(&error))),
        }
    }

    /// Sends what is queued without lingering and waits at most `limit` for it to become known.
    pub fn flush(&self, limit: Duration) {
        // Running out of time is no failure: what is still open has no outcome yet.
        let _ = self.producer().flush(limit);
    }

    /// Takes in, without waiting, what has become known, and hands it over: in the order of offsets within each
    /// partition.
    pub fn outcomes(&self, mut take: impl FnMut(Outcome)) {
        let deliveries = std::sync::Arc::clone(self.producer().client().context());
        let mut before = 0;
        loop {
            self.producer().poll(Duration::ZERO);
            let known = deliveries.known();
            if known.len() == before {
                break;
            }
            before = known.len();
        }
        let known = std::mem::take(&mut *deliveries.known());
        for outcome in &known {
            take(*outcome);
        }
        deliveries.reuse(known);
    }

    /// Why the producer is of no more use, if it is.
    pub fn fatal(&self) -> Option<KafkaError> {
        let (_, why) = self.producer().client().fatal_error()?;
        Some(self.failed(why))
    }

    /// Gives up on all records without an answer; their outcomes come at the next calls of [`Self::outcomes`].
    pub fn give_up(&self) {
        self.producer()
            .purge(PurgeConfig::default().queue().inflight());
    }

    fn failed(&self, why: String) -> KafkaError {
        KafkaError::Send {
            topic: self.topic.clone(),
            why,
        }
    }
}

impl Drop for RecordSender {
    fn drop(&mut self) {
        if let Some(producer) = self.producer.take() {
            close_within(Duration::ZERO, move || drop(producer));
        }
    }
}

/// Gathers delivery reports; librdkafka gives them on the thread that polls.
#[derive(Default)]
struct Deliveries {
    known: Mutex<Vec<Outcome>>,
    heard: Heard,
}

impl Deliveries {
    fn known(&self) -> std::sync::MutexGuard<'_, Vec<Outcome>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives an emptied vector back so that its memory is used again.
    fn reuse(&self, mut emptied: Vec<Outcome>) {
        emptied.clear();
        let mut known = self.known();
        if known.is_empty() {
            *known = emptied;
        }
    }
}

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.heard.log(level, facility, message);
    }

    fn error(&self, error: Native, reason: &str) {
        self.heard.error(error, reason);
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = usize;

    fn delivery(&self, delivery: &DeliveryResult<'_>, tag: usize) {
        let (partition, result) = match delivery {
            Ok(message) => {
                let offset = message.offset();
                (message.partition(), SendResult::Acked { offset })
            }
            Err((error, message)) => (message.partition(), result_of(error)),
        };
        self.known().push(Outcome {
            tag,
            partition,
            result,
        });
    }
}

fn result_of(error: &Native) -> SendResult {
    let code = error
        .rdkafka_error_code()
        .unwrap_or(RDKafkaErrorCode::Unknown);
    let because = SendError(code);
    if is_refusal(code) {
        SendResult::Refused(because)
    } else {
        SendResult::Unknown(because)
    }
}

/// Whether this error says that the record is certainly not in the topic; every other one leaves it open.
fn is_refusal(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        code,
        Code::MessageSizeTooLarge
            | Code::MessageBatchTooLarge
            | Code::InvalidMessage
            | Code::InvalidMessageSize
            | Code::InvalidRecord
            | Code::InvalidTimestamp
            | Code::InvalidTopic
            | Code::InvalidRequiredAcks
            | Code::UnknownTopic
            | Code::UnknownPartition
            | Code::UnknownTopicOrPartition
            | Code::TopicAuthorizationFailed
            | Code::ClusterAuthorizationFailed
            | Code::PolicyViolation
            | Code::UnsupportedCompressionType
            | Code::UnsupportedForMessageFormat
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_never_taken_for_a_refusal() {
        let result = |code| result_of(&Native::MessageProduction(code));
        for code in [
            RDKafkaErrorCode::MessageTimedOut,
            RDKafkaErrorCode::PurgeInflight,
            RDKafkaErrorCode::PurgeQueue,
            RDKafkaErrorCode::BrokerTransportFailure,
            RDKafkaErrorCode::NotEnoughReplicasAfterAppend,
        ] {
            assert!(matches!(result(code), SendResult::Unknown(_)), "{code}");
        }
        let refused = result(RDKafkaErrorCode::MessageSizeTooLarge);
        assert!(matches!(refused, SendResult::Refused(_)));
    }

    #[test]
    fn what_was_never_answered_becomes_known_as_unknown_when_it_is_given_up() {
        let sender = RecordSender::new(&Cluster::at("127.0.0.1:1"), "t").unwrap();
        assert_eq!(sender.send(0, b"k", b"v", 42), Ok(Taken::Queued));
        assert!(sender.producer().in_flight_count() >= 1);
        sender.give_up();
        let deadline = crate::journal::Deadline::after(Duration::from_secs(20));
        let mut outcomes = Vec::new();
        while outcomes.is_empty() && !deadline.has_passed() {
            sender.outcomes(|outcome| outcomes.push(outcome));
            std::thread::yield_now();
        }
        assert_eq!(outcomes.len(), 1);
        assert_eq!(outcomes[0].tag, 42);
        assert!(matches!(outcomes[0].result, SendResult::Unknown(_)));
    }
}
