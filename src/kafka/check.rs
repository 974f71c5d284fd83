//! Whether the brokers can be talked to at all, and when not, what librdkafka said last and which setting to look at.

use std::time::Duration;

use rdkafka::consumer::Consumer;

use crate::journal::Deadline;

use super::cluster::in_words;
use super::{Admin, KafkaError};

/// How long one question may take before it is asked again.
const ASK: Duration = Duration::from_millis(500);
/// Pause between two questions, for those that are answered at once.
const AGAIN: Duration = Duration::from_millis(20);
/// Brokers that cannot be connected to are given up after this long, however late the deadline is.
const GIVE_UP_AFTER: Duration = Duration::from_secs(5);
/// How many waiting events are served between two questions.
const EVENTS: u32 = 50;

/// What the brokers say of themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerFacts {
    /// How many brokers are up.
    pub brokers: usize,
    /// The id of their cluster, where they tell it.
    pub cluster_id: Option<String>,
}

/// How long a trouble is borne before the wait is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Patience {
    /// Not at all: waiting cannot mend it.
    None,
    /// [`GIVE_UP_AFTER`].
    Some,
    /// Until the deadline.
    All,
}

/// What a sentence of librdkafka means for its reader: which setting to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Meaning {
    patience: Patience,
    advice: &'static str,
}

const fn meaning(patience: Patience, advice: &'static str) -> Meaning {
    Meaning { patience, advice }
}

/// Sentences of librdkafka 2 by a part of them, most telling first.
const MEANINGS: [(&str, Meaning); 15] = [
    (
        "certificate verify failed",
        meaning(
            Patience::None,
            "the broker's certificate is not signed by an authority that is known here, or is made out to another host: look at `ssl.ca.location` and `ssl.endpoint.identification.algorithm`",
        ),
    ),
    (
        "connecting to a PLAINTEXT broker listener",
        meaning(
            Patience::None,
            "the broker speaks no TLS on this port: look at `security.protocol` and at the port",
        ),
    ),
    (
        "certificate required",
        meaning(
            Patience::None,
            "the broker wants a client certificate: set `ssl.certificate.location` and `ssl.key.location`",
        ),
    ),
    (
        "bad certificate",
        meaning(
            Patience::None,
            "the broker does not take the client certificate: look at `ssl.certificate.location` and `ssl.key.location`",
        ),
    ),
    (
        "SSL handshake failed",
        meaning(
            Patience::None,
            "look at `security.protocol`, `ssl.ca.location` and `ssl.certificate.location`, and at the port",
        ),
    ),
    (
        "nsupported SASL mechanism",
        meaning(
            Patience::None,
            "the broker does not offer this SASL mechanism: look at `sasl.mechanism`",
        ),
    ),
    (
        "might require SASL",
        meaning(
            Patience::None,
            "the broker wants credentials: set `security.protocol` to SASL_SSL or SASL_PLAINTEXT",
        ),
    ),
    ("SASL", meaning(Patience::None, CREDENTIALS)),
    ("Authentication", meaning(Patience::None, CREDENTIALS)),
    ("imed out", meaning(Patience::All, STUCK)),
    (
        "in state APIVERSION_QUERY",
        meaning(
            Patience::Some,
            "what listens there hangs up on the first request, as a broker does that wants TLS: look at `security.protocol` and at the port",
        ),
    ),
    (
        "in state UP",
        meaning(
            Patience::Some,
            "the broker hangs up on a client that has not said who it is: look at `security.protocol` and the `sasl.` settings",
        ),
    ),
    (
        "Connection refused",
        meaning(
            Patience::Some,
            "nothing listens there: look at the bootstrap address, and whether the broker runs",
        ),
    ),
    (
        "Failed to resolve",
        meaning(
            Patience::Some,
            "the host name is not known here: look at the bootstrap address",
        ),
    ),
    ("ApiVersion", meaning(Patience::All, STUCK)),
];

const STUCK: &str = "something listens there and does not answer as a broker does: look at the bootstrap address, and whether the broker is stuck";
const CREDENTIALS: &str = "the broker does not take the credentials: look at `sasl.username`, `sasl.password` and `sasl.mechanism`";

fn meaning_of(words: &str) -> Meaning {
    MEANINGS.iter().find(|(part, _)| words.contains(part)).map_or(
        meaning(
            Patience::All,
            "look at the bootstrap address and the client settings, and whether the broker runs",
        ),
        |(_, meaning)| *meaning,
    )
}

impl Admin {
    /// Asks until a broker answers. Wrong credentials, certificates and protocols end the wait at once, brokers that
    /// cannot be connected to after some seconds, and anything else, such as a broker that hangs, at the deadline: with
    /// librdkafka's last words and the setting to look at ([`KafkaError::Unreachable`]).
    pub fn check(&self, deadline: Deadline) -> Result<BrokerFacts, KafkaError> {
        let patience = Deadline::after(GIVE_UP_AFTER);
        loop {
            let wait = ASK.min(deadline.left());
            let asked = self.questions().fetch_metadata(None, wait);
            let seen = match asked {
                Ok(metadata) if !metadata.brokers().is_empty() => {
                    let wait = deadline.left().max(ASK);
                    return Ok(BrokerFacts {
                        brokers: metadata.brokers().len(),
                        cluster_id: self.questions().client().fetch_cluster_id(wait),
                    });
                }
                Ok(_) => "no broker is up".to_owned(),
                Err(error) => in_words(&error),
            };
            self.serve_events();
            let why = self.trouble_or(&format!("no answer ({seen})"));
            let meaning = meaning_of(&why);
            let is_over = match meaning.patience {
                Patience::None => true,
                Patience::Some => patience.has_passed(),
                Patience::All => false,
            };
            if is_over || deadline.has_passed() {
                return Err(KafkaError::Unreachable {
                    bootstrap: self.cluster().bootstrap.clone(),
                    why,
                    advice: meaning.advice,
                });
            }
            std::thread::sleep(AGAIN);
        }
    }

    /// Errors reach the context only when they are polled for, one at a time.
    fn serve_events(&self) {
        for _ in 0..EVENTS {
            if self.questions().poll(Duration::ZERO).is_none() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Cluster;
    use super::*;

    #[test]
    fn librdkafkas_sentences_lead_to_the_setting_to_look_at() {
        for (words, setting, patience) in [
            (
                "sasl_ssl://127.0.0.1:9/bootstrap: SASL authentication error: Authentication failed during authentication due to invalid credentials with SASL mechanism SCRAM-SHA-512 (after 5ms in state AUTH_REQ)",
                "sasl.password",
                Patience::None,
            ),
            (
                "ssl://127.0.0.1:9/bootstrap: SSL handshake failed: error:0A000086:SSL routines::certificate verify failed: broker certificate could not be verified, verify that ssl.ca.location is correctly configured",
                "ssl.ca.location",
                Patience::None,
            ),
            (
                "sasl_plaintext://127.0.0.1:9/bootstrap: Disconnected: connection closed by peer: receive 0 after POLLIN (after 1ms in state APIVERSION_QUERY)",
                "security.protocol",
                Patience::Some,
            ),
            (
                "127.0.0.1:1/bootstrap: Connect to ipv4#127.0.0.1:1 failed: Connection refused (after 0ms in state CONNECT)",
                "bootstrap",
                Patience::Some,
            ),
            ("something new", "bootstrap", Patience::All),
        ] {
            let meaning = meaning_of(words);
            assert!(meaning.advice.contains(setting), "{words}: {meaning:?}");
            assert_eq!(meaning.patience, patience, "{words}");
        }
    }

    #[test]
    fn a_port_where_nobody_listens_is_named_with_the_reason() {
        let admin = Admin::new(&Cluster::at("127.0.0.1:1")).unwrap();
        let error = admin
            .check(Deadline::after(Duration::from_secs(60)))
            .unwrap_err();
        let words = error.to_string();
        assert!(words.contains("127.0.0.1:1"), "{words}");
        assert!(words.contains("Connection refused"), "{words}");
        assert!(words.contains("bootstrap address"), "{words}");
    }

    #[test]
    fn a_broker_that_hangs_is_given_up_at_the_deadline() {
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = silent.local_addr().unwrap().to_string();
        let admin = Admin::new(&Cluster::at(&address)).unwrap();
        let deadline = Deadline::after(Duration::from_secs(2));
        let error = admin.check(deadline).unwrap_err();
        assert!(deadline.has_passed());
        assert!(error.to_string().contains(&address), "{error}");
    }
}
