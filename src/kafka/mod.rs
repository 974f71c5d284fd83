//! Kafka's own protocol, as Squall needs it: the only floor that names librdkafka, in plain blocking calls.
//!
//! | file | what it is |
//! |---|---|
//! | `cluster` | how a cluster is reached, and the errors of this floor |
//! | `check` | whether the brokers can be talked to, and what to look at when not |
//! | `admin` | topics, offsets and groups, asked from the brokers |
//! | `reader` | one topic's records in the order of its partitions |
//! | `sender` | records out, and what became of each |
//! | `internal` | records of `__consumer_offsets` |
//!
//! Nothing here ever joins a consumer group or commits an offset.

mod admin;
mod block;
mod check;
mod cluster;
pub mod internal;
mod reader;
mod sender;

pub use admin::{Admin, RawGroup, RawMember};
pub(crate) use check::BrokerFacts;
pub use cluster::{Cluster, KafkaError};
pub use reader::{Isolation, Item, RecordReader, Start};
pub(crate) use sender::{Outcome, SendResult};
pub use sender::{RecordSender, Taken};
