//! How many records are due after some time at a fixed pace, and how long until the next ones.

use std::time::Duration;

/// A fixed number of records per second, evenly spread over turns: what falls due within a turn is due together, at its
/// end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    per_second: u64,
    turn_us: u128,
}

impl Pace {
    /// A pace of at least one record per second, in turns of at least a microsecond.
    pub(super) fn per_second(records: u64, turn: Duration) -> Self {
        Self {
            per_second: records.max(1),
            turn_us: turn.as_micros().max(1),
        }
    }

    /// Records due once this much time has passed.
    pub(super) fn due(self, elapsed: Duration) -> u64 {
        let turned_us = elapsed.as_micros() / self.turn_us * self.turn_us;
        let records = turned_us * u128::from(self.per_second) / 1_000_000;
        u64::try_from(records).unwrap_or(u64::MAX)
    }

    /// How long until the record behind `sent` others is due; zero when it already is.
    pub(super) fn until_next(self, sent: u64, elapsed: Duration) -> Duration {
        let at_us = ((u128::from(sent) + 1) * 1_000_000).div_ceil(u128::from(self.per_second));
        let turn_ends_us = at_us.div_ceil(self.turn_us) * self.turn_us;
        let left_us = turn_ends_us.saturating_sub(elapsed.as_micros());
        Duration::from_micros(u64::try_from(left_us).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_second_brings_the_whole_rate_and_half_a_second_half_of_it() {
        let pace = Pace::per_second(2_000, Duration::from_millis(2));
        assert_eq!(pace.due(Duration::from_secs(1)), 2_000);
        assert_eq!(pace.due(Duration::from_millis(500)), 1_000);
        assert_eq!(pace.due(Duration::ZERO), 0);
    }

    #[test]
    fn what_falls_due_within_a_turn_is_due_together_at_its_end() {
        let pace = Pace::per_second(500, Duration::from_millis(100));
        assert_eq!(pace.due(Duration::from_millis(99)), 0);
        assert_eq!(pace.due(Duration::from_millis(100)), 50);
        assert_eq!(pace.due(Duration::from_millis(199)), 50);
        let wait = pace.until_next(50, Duration::from_millis(130));
        assert_eq!(wait, Duration::from_millis(70));
    }

    proptest! {
        #[test]
        fn after_the_wait_the_next_record_is_due_and_not_before(
            rate in 1..1_000_000u64,
            turn_us in 1..200_000u64,
            elapsed_us in 0..10_000_000_000u64,
        ) {
            let pace = Pace::per_second(rate, Duration::from_micros(turn_us));
            let elapsed = Duration::from_micros(elapsed_us);
            let sent = pace.due(elapsed);
            let wait = pace.until_next(sent, elapsed);
            prop_assert!(!wait.is_zero());
            prop_assert!(pace.due(elapsed + wait) > sent);
            prop_assert_eq!(pace.due(elapsed + wait - Duration::from_micros(1)), sent);
        }

        #[test]
        fn no_record_is_sent_before_its_time_or_more_than_a_turn_after_it(
            rate in 1..100_000u64,
            turn_us in 1..200_000u64,
            elapsed_us in 0..10_000_000u64,
        ) {
            let even = Pace::per_second(rate, Duration::from_micros(1));
            let pace = Pace::per_second(rate, Duration::from_micros(turn_us));
            let elapsed = Duration::from_micros(elapsed_us);
            prop_assert!(pace.due(elapsed) <= even.due(elapsed));
            prop_assert!(pace.due(elapsed + Duration::from_micros(turn_us)) >= even.due(elapsed));
        }
    }
}
