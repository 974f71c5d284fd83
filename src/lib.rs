//! Squall certifies a Kafka Connect cluster against worker failure: this page is the map of its code.
//!
//! # The way of the data
//!
//! ```text
//! scenario -> plan -> [ runtime + run: feed / inject / observe / drain ] -> journal -> verify -> report
//!  (text)    (value)            (the only part that acts)                   (files)    (pure)   (bytes)
//! ```
//!
//! One way only. What [`verify`] and [`report`] say comes from the run folder alone, so an old run can be judged and
//! printed again on a machine without Kafka.
//!
//! # The floors
//!
//! A floor uses only those above it in this table; `tests/tidy.rs` fails on a file that looks down.
//!
//! | floor | does | touches |
//! |---|---|---|
//! | [`model`] | the words as types that cannot be wrong, and what a secret is | nothing |
//! | [`stats`] | what few runs can show: exact tests and intervals, better or worse | nothing |
//! | [`scenario`] | text to a checked value, every mistake at its place | environment |
//! | [`plan`] | scenario and seed to a fixed timetable | nothing |
//! | [`journal`] | the run folder: events, observations, seal | files, clock |
//! | [`verify`] | evidence to findings to verdicts; its page holds the definitions | reads through `journal` |
//! | [`report`] | judgement to bytes, one file a format | nothing |
//! | [`kafka`] | producer, readers, admin, raw group bytes | network |
//! | [`connect`] | REST, internal topics, group bytes, log lines, backups | network, files |
//! | [`places`] | live feeds and taps, each on its own thread | through `kafka`, files |
//! | [`runtime`] | a real, breakable cluster; what was started is written down before | processes |
//! | [`run`] | the only place where things happen over time | through the floors above |
//! | [`cli`] | arguments, progress, exit codes; the one place that prints | terminal |
//!
//! # The words
//!
//! | word | meaning |
//! |---|---|
//! | stream | the known records of a run: lanes, a pace, a record size |
//! | lane | one ordered sequence 0, 1, 2, …; its records share a key and a partition |
//! | record | stream, lane, sequence number and checksum in one line of ASCII |
//! | feed | where squall writes the stream: a topic or a file |
//! | tap | where squall reads what arrived: a topic or a file |
//! | route | feed → connector → tap → connector → tap; a source may also make the sequence itself |
//! | worker, connector, task, group, leader, generation | Kafka Connect's own words |
//! | fault | one injected event with its target, its proof and its undo |
//! | rewind | a run of repeated records of one lane: a task went back and sent again |
//! | journal | everything that happened in a run, in one order, on disk |
//! | guarantee | what a scenario expects |
//! | verdict | held, inconclusive or broken; the worst wins |
//!
//! # What is never done
//!
//! No floor below `run` sleeps for a fixed time: waits are for a condition, with a limit and a message that says what was
//! awaited and what was last seen. Nothing outside `cli` prints. No file but `journal/clock.rs` reads a clock. `verify`
//! never talks to a cluster. No reader of squall ever commits an offset. No fault is without a proof and an undo. Nothing that
//! somebody else wrote reaches a terminal but as visible characters, and nothing in a run folder is followed as a link.

#![cfg_attr(
    test,
    allow(clippy::unwrap_used, reason = "a test may fail where it stands")
)]

pub mod model;

pub mod stats;

pub mod scenario;

pub mod plan;

pub mod journal;

pub mod verify;

pub mod report;

pub mod kafka;

pub mod connect;

pub mod places;

pub mod runtime;

pub(crate) mod run;

pub mod cli;
