//! The `docker` runtime: real brokers and workers in containers on one network of their own.

mod build;
mod cluster;
mod engine;
mod events;
mod follow;
mod image;
mod labels;
mod layout;
mod node;
mod start;
mod sweep;

pub(super) use build::unmount_below;
pub use build::{BuiltImage, build_image};
pub use cluster::DockerCluster;
pub(super) use engine::{Engine, Facts};
pub use image::{Prepared, prepare};
pub(super) use image::{candidates, found as found_image};
pub use sweep::clean_engine;
pub(super) use sweep::{Swept, leftovers, remove_things};
