//! Scenario and seed to a fixed timetable: the same input gives the same plan, byte for byte.

mod value;

pub use value::Plan;
