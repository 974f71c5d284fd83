//! Points and stretches of a run's own time, counted from its start by one monotonic clock.

use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A point of the run's time: microseconds since the run folder was opened, monotonic.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(transparent)]
pub struct Moment(pub u64);

impl Moment {
    /// The point `ms` milliseconds after the start.
    pub const fn from_ms(ms: u64) -> Self {
        Self(ms * 1_000)
    }

    /// Microseconds since the start.
    pub const fn as_us(self) -> u64 {
        self.0
    }

    /// Whole milliseconds since the start.
    pub const fn as_ms(self) -> u64 {
        self.0 / 1_000
    }

    /// Seconds since the start.
    pub fn as_seconds(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// The time from `earlier` to here; zero when `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// The point `span` later.
    pub fn after(self, span: Duration) -> Self {
        Self(
            self.0
                .saturating_add(u64::try_from(span.as_micros()).unwrap_or(u64::MAX)),
        )
    }

    /// The point `span` earlier, not before the start.
    pub fn before(self, span: Duration) -> Self {
        Self(
            self.0
                .saturating_sub(u64::try_from(span.as_micros()).unwrap_or(u64::MAX)),
        )
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2} s", self.as_seconds())
    }
}

/// A stretch of the run's time that cannot end before it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "(Moment, Moment)", into = "(Moment, Moment)")]
pub struct Window {
    from: Moment,
    to: Moment,
}

/// A window whose end lies before its beginning.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a window ends at {to}, before it begins at {from}")]
pub struct WindowError {
    from: Moment,
    to: Moment,
}

impl Window {
    /// The stretch between two points; fails when it would end before it begins.
    pub fn new(from: Moment, to: Moment) -> Result<Self, WindowError> {
        if to < from {
            Err(WindowError { from, to })
        } else {
            Ok(Self { from, to })
        }
    }

    /// Where it begins.
    pub const fn from(self) -> Moment {
        self.from
    }

    /// Where it ends.
    pub const fn to(self) -> Moment {
        self.to
    }

    /// How long it is.
    pub fn length(self) -> Duration {
        self.to.since(self.from)
    }

    /// Whether the point lies inside, both ends included.
    pub fn contains(self, moment: Moment) -> bool {
        self.from <= moment && moment <= self.to
    }
}

impl TryFrom<(Moment, Moment)> for Window {
    type Error = WindowError;

    fn try_from((from, to): (Moment, Moment)) -> Result<Self, WindowError> {
        Self::new(from, to)
    }
}

impl From<Window> for (Moment, Moment) {
    fn from(window: Window) -> Self {
        (window.from, window.to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_cannot_end_before_it_begins() {
        assert!(Window::new(Moment(2), Moment(1)).is_err());
        let window = Window::new(Moment(1), Moment(3)).unwrap();
        assert!(
            window.contains(Moment(1)) && window.contains(Moment(3)) && !window.contains(Moment(4))
        );
        assert!(serde_json::from_str::<Window>("[3,1]").is_err());
    }

    #[test]
    fn moments_never_wrap() {
        assert_eq!(Moment(5).before(Duration::from_secs(1)), Moment(0));
        assert_eq!(
            Moment(u64::MAX).after(Duration::from_secs(1)),
            Moment(u64::MAX)
        );
        assert_eq!(Moment(1).since(Moment(9)), Duration::ZERO);
    }
}
