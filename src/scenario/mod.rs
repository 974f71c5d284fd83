//! Text to a checked scenario, every mistake reported at its place.
//!
//! The text becomes a tree that knows its places (`tree`); the tree is held against the key tables (`keys`, `shape`);
//! then each part is read and checked for sense (`read`, `route`, `leg`, `draft`, `faults`, `expect`, `timing`). A part that is
//! wrong is reported and left out, and reading goes on, so that all mistakes come out at once.

mod adopt;
mod draft;
mod effect;
mod expect;
mod faults;
pub mod inventory;
mod inventory_of;
mod java_regex;
mod keys;
mod leg;
mod mistake;
mod overrides;
mod own_names;
mod read;
mod refused;
mod render;
mod route;
mod schema;
mod secret_places;
mod settings;
mod shape;
mod substitute;
mod timing;
mod topic_names;
mod tree;
mod units;
mod value;
mod wiring;

#[cfg(test)]
mod route_tests;
#[cfg(test)]
mod schema_tests;
#[cfg(test)]
mod tests;

pub use adopt::Source;
pub(crate) use adopt::{Adopted, Around, adopt};
pub use mistake::{Mistake, Mistakes};
pub(crate) use overrides::{Override, with_overrides};
pub(crate) use own_names::rename_target;
pub(crate) use read::Difference;
pub use read::{parse, parse_for, warnings};
pub use refused::refused;
pub(crate) use schema::{inventory_schema, json_schema};
pub(crate) use secret_places::{masked_text, secrets_in};
pub use substitute::{Substitutions, resolve_config};
pub(crate) use units::duration_text;
pub use value::{ConnectSpec, KafkaSpec, Plugin, Scenario, Start, StreamSpec, Timing};
pub(crate) use value::{FaultStep, InjectStep};
