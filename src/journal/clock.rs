//! The only file that reads a clock: one monotonic clock for a whole run, and limits for waiting.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::model::Moment;

/// The clock of one run; copies of it tell the same time.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    started: Instant,
    started_unix_us: i64,
}

impl Clock {
    /// Starts a clock: now is moment 0.
    pub fn start() -> Self {
        Self {
            started: Instant::now(),
            started_unix_us: unix_us(),
        }
    }

    /// Now, on the run's monotonic clock.
    pub fn now(&self) -> Moment {
        Moment(u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    /// Wall-clock time of moment 0, microseconds since the epoch.
    pub const fn started_unix_us(&self) -> i64 {
        self.started_unix_us
    }
}

/// Wall-clock time now, microseconds since the epoch.
pub fn unix_us() -> i64 {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX)
}

/// A point after which waiting ends.
#[derive(Debug, Clone, Copy)]
pub struct Deadline {
    end: Instant,
}

impl Deadline {
    /// The point `limit` from now.
    pub fn after(limit: Duration) -> Self {
        Self {
            end: Instant::now() + limit,
        }
    }

    /// What is left; zero when it has passed.
    pub fn left(&self) -> Duration {
        self.end.saturating_duration_since(Instant::now())
    }

    /// Whether it has passed.
    pub fn has_passed(&self) -> bool {
        self.left().is_zero()
    }
}
