//! Text to a checked scenario, every mistake reported at its place.

mod value;

pub use value::{
    ConnectSpec, FaultStep, InjectStep, KafkaSpec, Plugin, Scenario, Start, StreamSpec, Timing,
};
