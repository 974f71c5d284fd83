//! Scenario and seed to a fixed timetable: the same input gives the same plan, byte for byte.

mod draw;
mod estimate;
mod stream;
mod timetable;
mod value;

#[cfg(test)]
mod tests;

pub use draw::draw;
pub(crate) use timetable::TimetableLine;
pub use timetable::timetable;
pub use value::Plan;
