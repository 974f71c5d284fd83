//! Histories of an independent model of Kafka Connect, held against the judgement of them.
#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]
#![allow(
    clippy::print_stdout,
    reason = "what came out, seed by seed, is what these tests are run for"
)]

mod assign;
mod attend;
mod check;
mod cluster;
mod evidence;
mod feed;
mod folders;
mod frame;
#[path = "../common/fuzz.rs"]
mod fuzz;
mod group;
mod harm;
mod history;
mod hostile;
mod life;
mod load;
mod log;
mod names;
mod rng;
mod setup;
mod sinks;
mod still;
mod story;
mod strike;
mod tap;
mod tasks;
mod watch;
mod workers;
