//! Judgement to bytes: one file a format, each a pure function, the same bytes for the same judgement.

mod csv;
mod files;
mod html;
mod json;
mod junit;
mod ledger;
mod markdown;
mod numbers;
mod terminal;
mod text;
mod watched;

#[cfg(test)]
mod sample;

pub(crate) use csv::{csv_faults, csv_ledger, csv_recoveries, csv_rewinds};
pub use files::files;
pub(crate) use html::html;
pub use json::json;
pub(crate) use json::result_schema;
pub(crate) use junit::junit;
pub(crate) use markdown::markdown;
pub use terminal::terminal;
pub(crate) use text::{visible, wrapped};
