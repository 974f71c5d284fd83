//! The `docker` runtime: real brokers and workers in containers on one network of their own.

mod build;
mod checks;
mod cluster;
mod engine;
mod events;
mod follow;
mod image;
mod inner;
mod labels;
mod layout;
mod node;
mod start;
mod sweep;

pub(super) use build::unmount_below;
pub use build::{BuiltImage, build_image};
pub(super) use checks::engine_checks;
pub use cluster::DockerCluster;
pub use image::{Prepared, prepare};
pub use sweep::clean_engine;
pub(super) use sweep::remove_things;
