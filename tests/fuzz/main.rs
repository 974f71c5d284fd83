//! Whatever the input, the readers of outside text and bytes end soon and never panic; see `tests/common/fuzz.rs`.
#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

#[path = "../common/fuzz.rs"]
mod fuzz;

mod answers;
mod cluster_bytes;
mod texts;
