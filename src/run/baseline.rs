//! The baseline: the stream flows undisturbed until the taps keep up, and what that looked like.

use std::time::Duration;

use crate::journal::What;
use crate::model::{Medium, Moment, StreamId};
use crate::places::Feed;

use super::conductor::{Conductor, RunError, TimedOut};

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
        let lane_period = lane_period(rate, self.scenario.stream.lanes);
        let (allowed, silence) = (
            rate / 2 + 50,
            lane_period * 2 + Duration::from_millis(1_000),
        );
        let least = Duration::from_millis(self.scenario.timing.baseline_ms);
        let began = self.now();
        let (mut good_since, mut worst_backlog): (Option<(Moment, u64)>, u64) = (None, 0);
        let waited = self.wait_until(least + REACH_LIMIT, |run| {
            let backlog = run.backlogs().into_iter().max().unwrap_or(0);
            let silent = run.longest_silence();
            if backlog > allowed || silent > silence {
                good_since = None;
                worst_backlog = 0;
                return Err(format!(
                    "{backlog} records wait before a tap, a lane is silent for {:.1} s",
                    silent.as_secs_f64()
                ));
            }
            worst_backlog = worst_backlog.max(backlog);
            let (since, _) = *good_since.get_or_insert((run.now(), run.seen_last()));
            if run.now().since(began) < least || run.now().since(since) < least / 2 {
                return Err("the stream flows, but not for long enough yet".to_owned());
            }
            Ok(())
        })?;
        if let Err(TimedOut(seen)) = waited {
            return Err(RunError::Environment(format!(
                "the baseline was not reached in {} s: {seen}; lower the rate or give the machine more room",
                (least + REACH_LIMIT).as_secs()
            )));
        }
        let (since, seen_then) = good_since.unwrap_or((began, 0));
        let now = self.now();
        let passed = now.since(since).as_secs_f64().max(0.001);
        self.journal.record(What::BaselineReached {
            rate_per_second: self.seen_last().saturating_sub(seen_then) as f64 / passed,
            latency_p50_ms: None,
            latency_p99_ms: None,
            backlog: worst_backlog,
        });
        Ok(Baseline {
            end: now,
            backlog_limit: worst_backlog.saturating_mul(2) + rate / 4 + 50,
            silence_limit: silence,
        })
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
