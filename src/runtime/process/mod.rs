//! The `process` runtime: real brokers and workers as JVMs on this machine, each in a process group of its own.

mod archive;
mod cluster;
mod config;
mod installation;
mod java;
mod launch;
mod layout;
mod log_tail;
mod maven;
mod node;
mod plugins;
mod ports;
mod prepare;
mod probe;
mod storage;
mod supervisor;
mod tool;

pub use cluster::{ClusterSpec, ProcessCluster, StartStyle};
pub use config::RESERVED_WORKER_SETTINGS;
pub use installation::Installation;
pub(super) use installation::is_cached;
pub use java::Java;
pub(super) use java::needed_by as needed_java;
pub(super) use maven::is_there as maven_is_there;
pub(super) use ports::free_ports;
pub use prepare::{Prepared, prepare};
pub(super) use supervisor::check_setpriv;
