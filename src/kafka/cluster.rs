//! How a Kafka cluster is reached, and what can go wrong with it.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use rdkafka::client::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::KafkaError as Native;
use rdkafka::types::RDKafkaErrorCode;

/// Where a cluster is and how clients talk to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// Brokers to ask first: `host:port,…`.
    pub bootstrap: String,
    /// Further client settings in librdkafka's names, such as `security.protocol`.
    pub properties: BTreeMap<String, String>,
}

/// What can go wrong with a cluster.
#[derive(Debug, thiserror::Error, Clone, PartialEq, Eq)]
pub enum KafkaError {
    /// librdkafka refused the settings.
    #[error("cannot make a client for {bootstrap}: {why}; check the client settings")]
    Client {
        /// The cluster.
        bootstrap: String,
        /// librdkafka's own words.
        why: String,
    },
    /// The brokers did not all answer in time.
    #[error(
        "{bootstrap} was not ready in time: waited for {wanted} brokers, last seen {seen}; look at the brokers' logs"
    )]
    NotReady {
        /// The cluster.
        bootstrap: String,
        /// Brokers that were awaited.
        wanted: usize,
        /// What the last answer was.
        seen: String,
    },
    /// No broker of the cluster can be talked to.
    #[error("cannot talk to Kafka at {bootstrap}: {why}; {advice}")]
    Unreachable {
        /// The cluster.
        bootstrap: String,
        /// librdkafka's last words.
        why: String,
        /// Which setting to look at.
        advice: &'static str,
    },
    /// An administrative request failed.
    #[error("cannot {what} on {bootstrap}: {why}")]
    Request {
        /// The cluster.
        bootstrap: String,
        /// What was asked, with its subject.
        what: String,
        /// librdkafka's own words.
        why: String,
    },
    /// A topic that is needed is not there.
    #[error(
        "topic {topic} does not exist on {bootstrap}; create it, or check the connector that should write it"
    )]
    NoTopic {
        /// The cluster.
        bootstrap: String,
        /// The topic.
        topic: String,
    },
    /// Reading a topic failed in a way that waiting does not mend.
    #[error("cannot go on reading topic {topic}: {why}")]
    Read {
        /// The topic.
        topic: String,
        /// What happened, and at which partition where it is known.
        why: String,
    },
    /// Sending failed for good: the producer cannot be used any more.
    #[error("cannot go on sending to topic {topic}: {why}")]
    Send {
        /// The topic.
        topic: String,
        /// What happened.
        why: String,
    },
}

impl Cluster {
    /// A cluster that needs no further settings.
    pub fn at(bootstrap: &str) -> Self {
        Self {
            bootstrap: bootstrap.to_owned(),
            properties: BTreeMap::new(),
        }
    }

    /// The settings of a client of this cluster; `own` win over the user's.
    pub(super) fn config(&self, own: &[(&str, &str)]) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.bootstrap);
        config.set("client.id", "squall");
        // A broker that comes back is found again within a tenth of a second rather than after librdkafka's ten.
        config.set("reconnect.backoff.ms", "20");
        config.set("reconnect.backoff.max.ms", "100");
        for (key, value) in &self.properties {
            config.set(key, value);
        }
        for (key, value) in own {
            config.set(*key, *value);
        }
        config.set_log_level(RDKafkaLogLevel::Error);
        config
    }

    pub(super) fn client_error(&self, error: &Native) -> KafkaError {
        KafkaError::Client {
            bootstrap: self.bootstrap.clone(),
            why: error.to_string(),
        }
    }

    pub(super) fn request_error(&self, what: String, error: &Native) -> KafkaError {
        self.request_failed(what, in_words(error))
    }

    pub(super) fn request_failed(&self, what: String, why: String) -> KafkaError {
        KafkaError::Request {
            bootstrap: self.bootstrap.clone(),
            what,
            why,
        }
    }
}

/// The error in librdkafka's words, without the wrapper's.
pub(super) fn in_words(error: &Native) -> String {
    match error.rdkafka_error_code() {
        Some(code) => code.to_string(),
        None => error.to_string(),
    }
}

/// Runs `close`, which may block for as long as brokers do not answer, on a thread of its own; waits for it at most
/// `limit` and then leaves it behind. Returns whether it ended.
pub(super) fn close_within(limit: Duration, close: impl FnOnce() + Send + 'static) -> bool {
    let (ended, end) = std::sync::mpsc::channel();
    let spawned = std::thread::Builder::new()
        .name("kafka-close".to_owned())
        .spawn(move || {
            close();
            let _ = ended.send(());
        });
    spawned.is_ok() && end.recv_timeout(limit).is_ok()
}

/// Keeps what librdkafka says beside its results: the last trouble, and where a partition ended.
#[derive(Default)]
pub(super) struct Heard {
    trouble: Mutex<Option<String>>,
    end_offset: AtomicI64,
}

impl Heard {
    /// The last trouble with the brokers, in words.
    pub(super) fn trouble(&self) -> Option<String> {
        self.trouble
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn hear(&self, words: &str) {
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        // That all brokers are down follows from the trouble before it, which says why.
        if trouble.is_none() || !words.contains("brokers are down") {
            *trouble = Some(words.to_owned());
        }
    }

    /// The offset of the end-of-partition event that was just returned by a poll on this thread.
    pub(super) fn end_offset(&self) -> Option<i64> {
        let offset = self.end_offset.swap(-1, Ordering::Relaxed);
        (offset >= 0).then_some(offset)
    }
}

impl ClientContext for Heard {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        if (level as i32) <= (RDKafkaLogLevel::Error as i32) || facility == "FAIL" {
            // A line of the log begins with the thread that wrote it.
            let own = message.starts_with("[thrd:");
            let words = message.split_once("]: ").filter(|_| own);
            self.hear(words.map_or(message, |(_, words)| words));
        }
    }

    fn error(&self, error: Native, reason: &str) {
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::PartitionEOF) {
            self.end_offset
                .store(end_offset_in(reason).unwrap_or(-1), Ordering::Relaxed);
        } else {
            self.hear(reason);
        }
    }
}

impl ConsumerContext for Heard {}

/// The offset in librdkafka's sentence for the end of a partition ("… reached end of partition at offset 17
/// (HighwaterMark 17)"): the only place where the wrapper passes it on. It lies behind transaction markers, which a
/// position counted from records never does.
fn end_offset_in(reason: &str) -> Option<i64> {
    let rest = reason.split_once("end of partition at offset ")?.1;
    rest.split([' ', '(']).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_partition_is_read_from_librdkafkas_sentence() {
        let reason = "Fetch from broker 1 reached end of partition at offset 17 (HighwaterMark 18)";
        assert_eq!(end_offset_in(reason), Some(17));
        assert_eq!(end_offset_in("Broker: No more messages"), None);
    }

    #[test]
    fn a_close_that_hangs_is_left_behind() {
        let (_keep, never) = std::sync::mpsc::channel::<()>();
        assert!(!close_within(Duration::from_millis(10), move || {
            let _ = never.recv();
        }));
        assert!(close_within(Duration::from_secs(20), || ()));
    }

    #[test]
    fn a_users_setting_reaches_the_client_but_never_replaces_what_squall_needs() {
        let mut cluster = Cluster::at("127.0.0.1:1");
        cluster.properties.insert("acks".into(), "0".into());
        cluster.properties.insert("client.rack".into(), "r1".into());
        let config = cluster.config(&[("acks", "all")]);
        assert_eq!(config.get("acks"), Some("all"));
        assert_eq!(config.get("client.rack"), Some("r1"));
    }
}
