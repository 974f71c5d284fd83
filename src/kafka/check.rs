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
/// Brokers of which none can be connected to are given up after this long, however late the deadline is.
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

/// What a sentence of librdkafka means for its reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Meaning {
    /// Which setting to look at.
    advice: &'static str,
    /// Whether waiting cannot mend it.
    is_final: bool,
}

/// Sentences of librdkafka 2 by a part of them, most telling first.
const MEANINGS: [(&str, Meaning); 12] = [
    (
        "certificate verify failed",
        lasting(
            "the broker's certificate is not signed by an authority that is known here, or is made out to another host: look at `ssl.ca.location` and `ssl.endpoint.identification.algorithm`",
        ),
    ),
    (
        "connecting to a PLAINTEXT broker listener",
        lasting(
            "the broker speaks no TLS on this port: look at `security.protocol` and at the port",
        ),
    ),
    (
        "connecting to a SSL listener",
        lasting("the broker wants TLS on this port: set `security.protocol` to SSL or SASL_SSL"),
    ),
    (
        "certificate required",
        lasting(
            "the broker wants a client certificate: set `ssl.certificate.location` and `ssl.key.location`",
        ),
    ),
    (
        "bad certificate",
        lasting(
            "the broker does not take the client certificate: look at `ssl.certificate.location` and `ssl.key.location`",
        ),
    ),
    (
        "SSL handshake failed",
        lasting(
            "look at `security.protocol`, `ssl.ca.location` and `ssl.certificate.location`, and at the port",
        ),
    ),
    (
        "nsupported SASL mechanism",
        lasting("the broker does not offer this SASL mechanism: look at `sasl.mechanism`"),
    ),
    (
        "SASL",
        lasting(
            "the broker does not take the credentials: look at `sasl.username`, `sasl.password` and `sasl.mechanism`",
        ),
    ),
    (
        "Authentication",
        lasting(
            "the broker does not take the credentials: look at `sasl.username`, `sasl.password` and `sasl.mechanism`",
        ),
    ),
    (
        "Connection refused",
        passing(
            "nothing listens there: look at the bootstrap address, and whether the broker runs",
        ),
    ),
    (
        "Failed to resolve",
        passing("the host name is not known here: look at the bootstrap address"),
    ),
    (
        "ApiVersion",
        passing(
            "something listens there and does not answer as a broker does: look at the bootstrap address, and whether the broker is stuck",
        ),
    ),
];

const fn lasting(advice: &'static str) -> Meaning {
    Meaning {
        advice,
        is_final: true,
    }
}

const fn passing(advice: &'static str) -> Meaning {
    Meaning {
        advice,
        is_final: false,
    }
}

fn meaning_of(words: &str) -> Meaning {
    let known = MEANINGS.iter().find(|(part, _)| words.contains(part));
    known.map_or(
        passing(
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
            let refused = patience.has_passed() && is_unconnected(&why);
            if meaning.is_final || refused || deadline.has_passed() {
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

fn is_unconnected(words: &str) -> bool {
    ["Connection refused", "Failed to resolve"]
        .iter()
        .any(|part| words.contains(part))
}

#[cfg(test)]
mod tests {
    use super::super::Cluster;
    use super::*;

    #[test]
    fn librdkafkas_sentences_lead_to_the_setting_to_look_at() {
        for (words, setting, is_final) in [
            (
                "sasl_ssl://127.0.0.1:9/bootstrap: SASL authentication error: Authentication failed during authentication due to invalid credentials with SASL mechanism SCRAM-SHA-512 (after 5ms in state AUTH_REQ)",
                "sasl.password",
                true,
            ),
            (
                "ssl://127.0.0.1:9/bootstrap: SSL handshake failed: error:0A000086:SSL routines::certificate verify failed: broker certificate could not be verified, verify that ssl.ca.location is correctly configured",
                "ssl.ca.location",
                true,
            ),
            (
                "127.0.0.1:9/bootstrap: Disconnected while requesting ApiVersion: might be caused by incorrect security.protocol configuration (connecting to a SSL listener?)",
                "security.protocol",
                true,
            ),
            (
                "127.0.0.1:1/bootstrap: Connect to ipv4#127.0.0.1:1 failed: Connection refused (after 0ms in state CONNECT)",
                "bootstrap",
                false,
            ),
            ("something new", "bootstrap", false),
        ] {
            let meaning = meaning_of(words);
            assert!(meaning.advice.contains(setting), "{words}: {meaning:?}");
            assert_eq!(meaning.is_final, is_final, "{words}");
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
