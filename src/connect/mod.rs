//! Kafka Connect as seen from outside: its REST interface, group bytes, internal topics, log lines and version table.

mod access;
mod answers;
pub(crate) mod backup;
pub mod group;
pub(crate) mod inspect;
pub mod log;
mod log_table;
mod log_unknown;
pub mod reach;
pub mod rest;
mod rest_advice;
mod rest_error;
pub mod thread_dump;
pub mod topics;
pub(crate) mod versions;
mod wire;
pub(crate) mod worker_values;

pub use access::Access;
pub(crate) use access::install_crypto;
pub use rest::Rest;
pub(crate) use rest_error::RestError;
