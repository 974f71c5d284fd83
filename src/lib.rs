//! Squall certifies a Kafka Connect cluster against worker failure: this page is the map of its code.

pub mod cli;
pub mod connect;
pub mod journal;
pub mod kafka;
pub mod model;
pub mod places;
pub mod plan;
pub mod report;
pub mod run;
pub mod runtime;
pub mod scenario;
pub mod verify;
