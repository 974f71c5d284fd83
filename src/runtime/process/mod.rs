//! The `process` runtime: real brokers and workers as JVMs on this machine, each in a process group of its own.

mod archive;
mod cluster;
pub(super) mod config;
pub(super) mod installation;
mod java;
pub(super) mod launch;
mod layout;
pub(super) mod log_tail;
mod maven;
pub(super) mod node;
pub(super) mod plugins;
pub(super) mod ports;
pub(super) mod prepare;
pub(super) mod probe;
pub(super) mod storage;
mod supervisor;
pub(super) mod tool;

pub use super::spec::{ClusterSpec, StartStyle};
pub use cluster::ProcessCluster;
pub use installation::Installation;
pub(super) use installation::is_cached;
pub use java::Java;
pub(super) use java::needed_by as needed_java;
pub(super) use maven::is_there as maven_is_there;
pub(super) use ports::free_ports;
pub use prepare::{Prepared, prepare};
pub(super) use supervisor::check_setpriv;
