//! What whoever looks writes down about its own looking: how often it did, and its longest gap.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::Moment;

use super::{Clock, Journal, ReadTo, What};

/// Every so often an observer writes down that it looked: a longer silence of it in a journal is an absence.
pub const ATTENDED_EVERY: Duration = Duration::from_secs(5);
/// A gap longer than this is written down as soon as it is over: so it is known when that was.
const TOLD_AT_ONCE: Duration = Duration::from_millis(500);

/// How often one observer looked, and how long it saw nothing between.
pub struct Looks {
    clock: Clock,
    looks: u64,
    longest: Duration,
    answered: Moment,
    reported: Moment,
}

impl Looks {
    /// Begins to count; until the first look it is blind.
    pub fn begin(clock: Clock) -> Self {
        Self {
            clock,
            looks: 0,
            longest: Duration::ZERO,
            answered: clock.now(),
            reported: clock.now(),
        }
    }

    /// It looked and saw; returns for how long it had not.
    pub fn seen(&mut self) -> Duration {
        let now = self.clock.now();
        let gap = now.since(self.answered);
        self.longest = self.longest.max(gap);
        self.answered = now;
        self.looks += 1;
        gap
    }

    /// Whether so much time has passed since it was last asked what it saw.
    pub fn is_due(&self, every: Duration) -> bool {
        self.clock.now().since(self.reported) >= every
    }

    /// Looks, and the longest gap in milliseconds, since this was last asked. One that has not ended yet counts.
    pub fn take(&mut self) -> (u64, u64) {
        let now = self.clock.now();
        let longest = self.longest.max(now.since(self.answered));
        let looks = std::mem::take(&mut self.looks);
        (self.longest, self.reported) = (Duration::ZERO, now);
        (
            looks,
            u64::try_from(longest.as_millis()).unwrap_or(u64::MAX),
        )
    }
}

/// The looks of an observer, written into the journal.
pub struct Attendance {
    observer: String,
    journal: Journal,
    looks: Looks,
}

impl Attendance {
    /// Begins to count the looks of the observer of this name.
    pub fn begin(observer: impl Into<String>, journal: &Journal) -> Self {
        Self {
            observer: observer.into(),
            journal: journal.clone(),
            looks: Looks::begin(journal.clock()),
        }
    }

    /// The clock by which it looks.
    pub fn clock(&self) -> Clock {
        self.journal.clock()
    }

    /// Looked and saw; written down every few seconds, and after each long gap.
    pub fn seen(&mut self) {
        if self.looks.seen() > TOLD_AT_ONCE {
            self.tell(BTreeMap::new());
        }
        self.tell_in_time();
    }

    /// Did not see; writes down what it saw before when that is due.
    pub fn tell_in_time(&mut self) {
        if self.looks.is_due(ATTENDED_EVERY) {
            self.tell(BTreeMap::new());
        }
    }

    /// Writes down its looks, and how far it has read where it is a reader that stops.
    pub fn tell(&mut self, read: BTreeMap<i32, ReadTo>) {
        let (looks, longest_gap_ms) = self.looks.take();
        self.journal.record(What::Attended {
            observer: self.observer.clone(),
            looks,
            longest_gap_ms,
            read,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Deadline, RunFolder};
    use super::*;

    #[test]
    fn a_long_gap_is_written_down_as_soon_as_it_is_over() {
        let reports = tempfile::tempdir().unwrap();
        let folder = RunFolder::create(reports.path(), "r").unwrap();
        let journal = Journal::create(&folder, Clock::start()).unwrap();
        let mut attendance = Attendance::begin("tap archive.txt", &journal);
        attendance.seen();
        assert!(folder.events().unwrap().events.is_empty());
        let stood_still = Deadline::after(TOLD_AT_ONCE + Duration::from_millis(20));
        while !stood_still.has_passed() {
            std::thread::sleep(stood_still.left());
        }
        attendance.seen();
        let events = folder.events().unwrap().events;
        let [event] = events.as_slice() else {
            panic!("{events:?}")
        };
        let What::Attended {
            observer,
            looks: 2,
            longest_gap_ms,
            ..
        } = &event.what
        else {
            panic!("{event:?}")
        };
        assert_eq!(observer, "tap archive.txt");
        assert!(*longest_gap_ms >= 520, "{longest_gap_ms}");
    }
}
