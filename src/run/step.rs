//! Whether somebody else makes processes stand still, or go on: a signal leaves no event, so it is looked for.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::Moment;

const EVERY: Duration = Duration::from_millis(250);
/// A signal of ours shows within this, also on a busy machine.
const LIMIT: Duration = Duration::from_secs(1);

/// What has been seen to stand still or run against what was asked, and since when.
#[derive(Debug, Default)]
pub struct OutOfStep {
    looked: Moment,
    since: BTreeMap<String, Moment>,
}

impl OutOfStep {
    /// What has lasted for longer than any act takes to show; looks at most four times a second.
    pub fn lasting(&mut self, now: Moment, look: impl FnOnce() -> Vec<String>) -> Option<String> {
        if now.since(self.looked) < EVERY {
            return None;
        }
        self.looked = now;
        let seen = look();
        self.since.retain(|what, _| seen.contains(what));
        for what in seen {
            self.since.entry(what).or_insert(now);
        }
        let mut all = self.since.iter();
        all.find(|(_, since)| now.since(**since) >= LIMIT)
            .map(|(what, _)| what.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lasts_counts() {
        let mut step = OutOfStep::default();
        let mut look = |ms: u64, seen: &[&str]| {
            let seen = seen.iter().map(|what| (*what).to_owned()).collect();
            step.lasting(Moment::from_ms(ms), || seen)
        };
        assert_eq!(look(1_000, &["w1"]), None);
        // Too soon after the last look.
        assert_eq!(look(1_100, &[]), None);
        assert_eq!(look(1_900, &["w1"]), None);
        assert_eq!(look(2_200, &["w2"]), None);
        assert_eq!(look(2_500, &["w1", "w2"]), None);
        assert_eq!(look(3_200, &["w1", "w2"]).as_deref(), Some("w2"));
    }
}
