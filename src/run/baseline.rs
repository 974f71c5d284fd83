//! The baseline: the stream flows undisturbed until the taps keep up, and what that looked like.

use std::time::Duration;

use crate::journal::{NormalAtTap, What};
use crate::model::{Medium, Moment, StreamId};
use crate::places::Feed;

use super::conductor::{Conductor, RunError, TimedOut};

/// Beyond twice the worst silence of the baseline, for a busy machine.
const SILENCE_SLACK: Duration = Duration::from_millis(500);
const REACH_LIMIT: Duration = Duration::from_secs(60);

/// What "as before" means after a fault.
#[derive(Debug, Clone, Copy)]
pub struct Baseline {
    /// When it was reached; planned times count from here.
    pub end: Moment,
    /// Records that may wait before any tap.
    pub backlog_limit: u64,
    /// How long a lane may be silent.
    pub silence_limit: Duration,
}

/// Looks whether the stream flows calmly, and how calm that is: connectors differ, so the worst of the calm time is the
/// measure for what comes after a fault.
struct Calm {
    backlog_limit: u64,
    silence_limit: Duration,
    settle: Duration,
    calm_since: Option<Moment>,
    /// When measuring began, and how many records the last tap had seen then.
    measured_since: Option<(Moment, u64)>,
    worst_backlog: u64,
    worst_silence: Duration,
    disturbed: Option<String>,
}

impl Calm {
    fn new(rate_per_second: u64, lanes: u32, settle: Duration) -> Self {
        Self {
            // A connector may well work in batches of a second, and the machine may be busy; further behind than this is
            // not keeping up.
            backlog_limit: rate_per_second * 4 + 50,
            silence_limit: lane_period(rate_per_second, lanes) * 2 + Duration::from_secs(4),
            settle,
            calm_since: None,
            measured_since: None,
            worst_backlog: 0,
            worst_silence: Duration::ZERO,
            disturbed: None,
        }
    }

    /// What last disturbed the calm, in words.
    fn last_disturbed(&self) -> String {
        self.disturbed
            .as_ref()
            .map_or_else(String::new, |what| format!("; last disturbed when {what}"))
    }

    /// Since when the calm is measured; or what keeps it from being measured. A stream that has just begun to flow has a
    /// backlog of its own, so it settles first.
    fn look(
        &mut self,
        now: Moment,
        backlog: u64,
        silence: Duration,
        seen: u64,
    ) -> Result<Moment, String> {
        if backlog > self.backlog_limit || silence > self.silence_limit {
            (self.calm_since, self.measured_since) = (None, None);
            let silence_s = silence.as_secs_f64();
            let what = format!(
                "{backlog} records waited before a tap, a lane was silent for {silence_s:.1} s"
            );
            self.disturbed = Some(what.clone());
            return Err(what);
        }
        let calm_since = *self.calm_since.get_or_insert(now);
        if now.since(calm_since) < self.settle {
            return Err(format!(
                "the stream has yet to settle{}",
                self.last_disturbed()
            ));
        }
        if self.measured_since.is_none() {
            (self.worst_backlog, self.worst_silence) = (0, Duration::ZERO);
        }
        self.worst_backlog = self.worst_backlog.max(backlog);
        self.worst_silence = self.worst_silence.max(silence);
        let (since, _) = *self.measured_since.get_or_insert((now, seen));
        Ok(since)
    }
}

impl Conductor<'_> {
    /// Begins the feed.
    pub fn start_feed(&mut self, stream: StreamId) -> Result<(), RunError> {
        let Some(place) = self.scenario.route.feed() else {
            return Ok(());
        };
        let writer = self
            .folder
            .write_observations(place.name.as_str())
            .map_err(RunError::environment)?;
        let (spec, codec, clock) = (
            self.scenario.stream,
            self.codec(stream)?,
            self.journal.clock(),
        );
        let feed = match &place.medium {
            Medium::Topic(topic) => Feed::start_topic(
                &self.cluster,
                topic,
                place.partitions,
                spec,
                codec,
                clock,
                writer,
            ),
            Medium::File(file) => Feed::start_file(
                &self.runtime.data_folder().join(file),
                spec,
                codec,
                clock,
                writer,
            ),
        };
        let feed = feed.map_err(RunError::environment)?;
        self.fed = Some(feed.counts());
        self.feed = Some(feed);
        self.journal.record(What::FeedBegan);
        Ok(())
    }

    /// Waits until all lanes flow through all taps for the least length of the baseline.
    pub fn reach_baseline(&mut self) -> Result<Baseline, RunError> {
        let rate = self.scenario.stream.rate_per_second;
        let least = Duration::from_millis(self.scenario.timing.baseline_ms);
        let mut calm = Calm::new(rate, self.scenario.stream.lanes, least / 2);
        let began = self.now();
        let waited = self.wait_until(least + REACH_LIMIT, |run| {
            let backlog = run.backlogs().into_iter().max().unwrap_or(0);
            let since = calm.look(run.now(), backlog, run.longest_silence(), run.seen_last())?;
            if run.now().since(began) < least || run.now().since(since) < least / 2 {
                return Err(format!(
                    "the stream flows, but not for long enough yet{}",
                    calm.last_disturbed()
                ));
            }
            Ok(())
        })?;
        if let Err(TimedOut(seen)) = waited {
            return Err(RunError::Environment(format!(
                "the baseline was not reached in {} s: {seen}; lower the rate or give the machine more room",
                (least + REACH_LIMIT).as_secs()
            )));
        }
        let now = self.now();
        let (since, seen_then) = calm.measured_since.unwrap_or((began, 0));
        let passed = now.since(since).as_secs_f64().max(0.001);
        let baseline = Baseline {
            end: now,
            backlog_limit: calm.worst_backlog.saturating_mul(2) + rate / 4 + 50,
            silence_limit: calm.worst_silence * 2 + SILENCE_SLACK,
        };
        let normal = NormalAtTap {
            backlog_limit: baseline.backlog_limit,
            silence_limit_ms: u64::try_from(baseline.silence_limit.as_millis()).unwrap_or(0),
        };
        let taps = self.taps.iter().map(|(name, _)| (name.clone(), normal));
        self.journal.record(What::BaselineReached {
            since,
            rate_per_second: self.seen_last().saturating_sub(seen_then) as f64 / passed,
            backlog: calm.worst_backlog,
            normal: taps.collect(),
        });
        Ok(baseline)
    }

    fn seen_last(&self) -> u64 {
        self.taps
            .last()
            .map_or(0, |(_, tap)| tap.counts().distinct())
    }
}

/// From one record of a lane to the next.
pub fn lane_period(rate_per_second: u64, lanes: u32) -> Duration {
    Duration::from_secs_f64(f64::from(lanes) / rate_per_second.max(1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(calm: &mut Calm, ms: u64, backlog: u64, silence_ms: u64) -> Result<Moment, String> {
        calm.look(
            Moment::from_ms(ms),
            backlog,
            Duration::from_millis(silence_ms),
            ms,
        )
    }

    #[test]
    fn a_connector_that_works_in_batches_of_a_second_is_calm_and_one_that_falls_behind_is_not() {
        let mut calm = Calm::new(500, 12, Duration::ZERO);
        for ms in [0, 500, 1_000] {
            assert_eq!(look(&mut calm, ms, ms / 2, ms), Ok(Moment::from_ms(0)));
        }
        assert_eq!(
            (calm.worst_backlog, calm.worst_silence),
            (500, Duration::from_secs(1))
        );
        assert!(look(&mut calm, 2_000, 2_051, 0).is_err());
        assert_eq!(look(&mut calm, 3_000, 10, 0), Ok(Moment::from_ms(3_000)));
        assert!(look(&mut calm, 4_000, 0, 5_000).is_err());
    }

    #[test]
    fn the_backlog_of_the_beginning_is_no_measure_for_later() {
        let mut calm = Calm::new(500, 12, Duration::from_secs(2));
        assert!(look(&mut calm, 0, 1_900, 0).is_err());
        assert!(look(&mut calm, 1_999, 900, 0).is_err());
        assert_eq!(look(&mut calm, 2_000, 20, 100), Ok(Moment::from_ms(2_000)));
        assert_eq!(
            (calm.worst_backlog, calm.worst_silence),
            (20, Duration::from_millis(100))
        );
    }
}
