//! How many records are due after some time at a fixed pace, and how long until the next one.

use std::time::Duration;

/// A fixed number of records per second, evenly spread.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    per_second: u64,
}

impl Pace {
    /// A pace of at least one record per second.
    pub(super) fn per_second(records: u64) -> Self {
        Self {
            per_second: records.max(1),
        }
    }

    /// Records due once this much time has passed.
    pub(super) fn due(self, elapsed: Duration) -> u64 {
        let records = elapsed.as_micros() * u128::from(self.per_second) / 1_000_000;
        u64::try_from(records).unwrap_or(u64::MAX)
    }

    /// How long until the record behind `sent` others is due; zero when it already is.
    pub(super) fn until_next(self, sent: u64, elapsed: Duration) -> Duration {
        let at_us = ((u128::from(sent) + 1) * 1_000_000).div_ceil(u128::from(self.per_second));
        let left_us = at_us.saturating_sub(elapsed.as_micros());
        Duration::from_micros(u64::try_from(left_us).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_second_brings_the_whole_rate_and_half_a_second_half_of_it() {
        let pace = Pace::per_second(2_000);
        assert_eq!(pace.due(Duration::from_secs(1)), 2_000);
        assert_eq!(pace.due(Duration::from_millis(500)), 1_000);
        assert_eq!(pace.due(Duration::ZERO), 0);
    }

    proptest! {
        #[test]
        fn after_the_wait_exactly_the_next_record_is_due(rate in 1..1_000_000u64, elapsed_us in 0..10_000_000_000u64) {
            let pace = Pace::per_second(rate);
            let elapsed = Duration::from_micros(elapsed_us);
            let sent = pace.due(elapsed);
            let wait = pace.until_next(sent, elapsed);
            prop_assert!(!wait.is_zero());
            prop_assert!(pace.due(elapsed + wait) > sent);
            prop_assert_eq!(pace.due(elapsed + wait - Duration::from_micros(1)), sent);
        }
    }
}
