//! Converge and drain: the feed ends, and every tap is read until nothing can be missing that is not lost.

use std::collections::BTreeMap;
use std::sync::mpsc::channel;
use std::time::Duration;

use crate::journal::{Phase, What};
use crate::model::{Connector, ConnectorName, Medium, OffsetMapping, PlaceName};

use super::baseline::Baseline;
use super::conductor::{Conductor, RunError, TimedOut};
use super::deploy::uncommitted_name;

const FEED_LIMIT: Duration = Duration::from_secs(150);
const ENDS_LIMIT: Duration = Duration::from_secs(10);
/// After the last expected record, this much quiet shows that no copies follow, unless the tap is used to longer silences.
const TRAILING_QUIET: Duration = Duration::from_millis(500);
/// The last batch comes one silence after the end of the feed, and two more show that nothing follows it.
const SILENCES_IN_DRAIN: u32 = 3;
/// Offsets and lag have this long to follow the last batch.
const AFTER_LAST_BATCH: Duration = Duration::from_secs(30);

/// End offsets of each topic of the route.
type Ends = BTreeMap<PlaceName, BTreeMap<i32, i64>>;

/// Why the drain may end.
enum Drained {
    /// Every acknowledged record was seen at every tap, and the taps are at their ends.
    AllSeen,
    /// Nothing moves any more, offsets are at their ends.
    StandsStill,
}

impl Conductor<'_> {
    /// Ends the stream: stops the feed, or the source that makes its own.
    pub fn converge(&mut self) -> Result<(), RunError> {
        self.begin(Phase::Converge);
        let ended = self.end_stream();
        self.stream_ended = self.now();
        ended
    }

    fn end_stream(&mut self) -> Result<(), RunError> {
        if self.is_generated() {
            return self.pause_source();
        }
        let Some(feed) = self.feed.take() else {
            return Ok(());
        };
        // Stopping waits for the last answers, so it has a thread of its own: this one goes on looking after the run.
        let (done, answer) = channel();
        std::thread::spawn(move || done.send(feed.stop(FEED_LIMIT)));
        let mut end = None;
        let waited = self.wait_until(FEED_LIMIT * 2, |_| {
            end = end.take().or_else(|| answer.try_recv().ok());
            if end.is_some() {
                Ok(())
            } else {
                Err("the feed still waits for answers".to_owned())
            }
        })?;
        match (end, waited) {
            (Some(Ok(end)), _) => self.feed_ended(&end),
            (Some(Err(error)), _) => return Err(RunError::environment(error)),
            (None, Err(TimedOut(seen))) => return Err(RunError::Environment(seen)),
            (None, Ok(())) => {}
        }
        Ok(())
    }

    fn pause_source(&mut self) -> Result<(), RunError> {
        let Some(source) = self
            .scenario
            .route
            .connectors()
            .next()
            .map(|connector| connector.name.clone())
        else {
            return Ok(());
        };
        self.rest()?
            .pause(&source, ENDS_LIMIT)
            .map_err(RunError::environment)?;
        let waited = self.wait_until(Duration::from_secs(60), |run| {
            let of_source = run
                .live
                .standing
                .status
                .iter()
                .filter(|(task, _)| task.connector == source);
            match of_source
                .into_iter()
                .find(|(_, status)| status.state != "PAUSED")
            {
                Some((task, status)) => Err(format!("task {task} is {}", status.state)),
                None => Ok(()),
            }
        })?;
        if let Err(TimedOut(seen)) = waited {
            self.journal.record(What::Note(format!(
                "the source was not paused in time: {seen}"
            )));
        }
        Ok(())
    }

    /// Reads the taps to their end, as patiently as what was normal in the baseline asks for.
    pub fn drain(&mut self, baseline: &Baseline) -> Result<(), RunError> {
        self.begin(Phase::Drain);
        let batches = baseline.longest_silence() * SILENCES_IN_DRAIN + AFTER_LAST_BATCH;
        let limit = Duration::from_millis(self.scenario.timing.drain_ms).max(batches);
        let mut how = None;
        let waited = self.wait_until(limit, |run| {
            how = Some(run.missing_for_drain(baseline)?);
            Ok(())
        })?;
        let (finished, why) = match (waited, how) {
            (Ok(()), Some(Drained::AllSeen)) => (
                true,
                "every acknowledged record was seen at every tap".to_owned(),
            ),
            (Ok(()), _) => (
                true,
                "offsets and lag stand still at their ends and nothing arrives".to_owned(),
            ),
            (Err(TimedOut(seen)), _) => (false, format!("after {} s: {seen}", limit.as_secs())),
        };
        let (sinks, ends) = self.final_offsets();
        self.journal.record(What::FinalOffsets { sinks, ends });
        self.journal.record(What::DrainEnded { finished, why });
        Ok(())
    }

    fn missing_for_drain(&mut self, baseline: &Baseline) -> Result<Drained, String> {
        self.quiet_for(TRAILING_QUIET, baseline)?;
        let short = self.first_short_tap();
        if !self.is_generated() && short.is_none() {
            self.taps_at_end()?;
            return Ok(Drained::AllSeen);
        }
        let needed = Duration::from_millis(self.scenario.timing.quiet_ms);
        self.quiet_for(needed, baseline)
            .map_err(|why| match &short {
                Some(short) => format!("{short}; {why}"),
                None => why,
            })?;
        let workers = self.up_workers();
        self.live
            .standing
            .balanced(&workers, &self.tasks_that_run())?;
        self.taps_at_end()?;
        for leg in 0..self.scenario.route.legs.len() {
            self.offsets_at_end(leg)?;
        }
        Ok(Drained::StandsStill)
    }

    /// How long each tap has been quiet: since the last record arrived there or before it, or was sent.
    fn quiets(&self) -> Vec<Duration> {
        let now = self.now();
        let mut last = self.stream_ended;
        let mut quiets = Vec::new();
        for (_, tap) in &self.taps {
            last = last.max(tap.counts().last_of_any_lane().unwrap_or_default());
            quiets.push(now.since(last));
        }
        quiets
    }

    /// Every tap has been quiet for this long, and for twice as long as it was silent in the baseline.
    fn quiet_for(&self, least: Duration, baseline: &Baseline) -> Result<(), String> {
        let taps = self.taps.iter().zip(self.quiets()).zip(&baseline.taps);
        for (((name, _), quiet), normal) in taps {
            let needed = least.max(normal.silence * 2);
            if quiet < needed {
                return Err(format!(
                    "tap {name} is quiet for {:.1} s of {:.1} s only",
                    quiet.as_secs_f64(),
                    needed.as_secs_f64()
                ));
            }
        }
        Ok(())
    }

    fn first_short_tap(&self) -> Option<String> {
        let acked = self.acked();
        let short = self
            .taps
            .iter()
            .find(|(_, tap)| tap.counts().distinct() < acked);
        short.map(|(name, tap)| {
            format!(
                "{} of {acked} records are at {name}",
                tap.counts().distinct()
            )
        })
    }

    fn up_workers(&self) -> std::collections::BTreeSet<crate::model::WorkerName> {
        self.scenario
            .connect
            .workers
            .iter()
            .filter(|worker| self.runtime.is_up(worker))
            .cloned()
            .collect()
    }

    /// A paused source owns its tasks but does not run them.
    fn tasks_that_run(&self) -> Vec<crate::model::TaskId> {
        let source = self
            .scenario
            .route
            .connectors()
            .next()
            .map(|connector| connector.name.clone());
        let paused = source.filter(|_| self.is_generated());
        self.tasks
            .iter()
            .filter(|task| Some(&task.connector) != paused.as_ref())
            .cloned()
            .collect()
    }

    fn ends_of(&self, topic: &str) -> Result<BTreeMap<i32, i64>, String> {
        self.admin
            .end_offsets(topic, ENDS_LIMIT)
            .map_err(|error| error.to_string())
    }

    fn taps_at_end(&self) -> Result<(), String> {
        for place in self.scenario.route.taps() {
            let Some((name, tap)) = self.taps.iter().find(|(name, _)| *name == place.name) else {
                continue;
            };
            match &place.medium {
                Medium::Topic(topic) => {
                    let ends = self.ends_of(topic)?;
                    if !tap.has_read_to(&ends) {
                        return Err(format!("tap {name} is not at the end of its topic"));
                    }
                    let pair = self
                        .uncommitted
                        .iter()
                        .find(|(file, _)| *file == uncommitted_name(name.as_str()));
                    if pair.is_some_and(|(_, tap)| !tap.has_read_to(&ends)) {
                        return Err(format!(
                            "the uncommitted reader of {name} is not at its end"
                        ));
                    }
                }
                Medium::File(file) => {
                    let path = self.runtime.data_folder().join(file);
                    let length = std::fs::metadata(&path).map_or(0, |found| found.len());
                    if !tap.has_read_to(&BTreeMap::from([(
                        0,
                        i64::try_from(length).unwrap_or(i64::MAX),
                    )])) {
                        return Err(format!("tap {name} is not at the end of its file"));
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether this leg's connector has committed everything that its input holds.
    fn offsets_at_end(&self, leg: usize) -> Result<(), String> {
        let (connector, _) = &self.scenario.route.legs[leg];
        let input = self.scenario.route.input_of(leg);
        match (&connector.offsets, input.map(|place| &place.medium)) {
            (OffsetMapping::SinkGroup, Some(Medium::Topic(topic))) => {
                let committed = self.live.sink_commits.get(&connector.name);
                // A sink that has read everything stands behind the last record, before any transaction marker; only the
                // tap that read the same topic knows where that is.
                let ends = match leg.checked_sub(1).and_then(|before| self.taps.get(before)) {
                    Some((_, tap)) => tap.counts().record_ends(),
                    None => self.ends_of(topic)?,
                };
                each_end(&ends, topic, connector, |partition| {
                    committed?.get(&partition).copied()
                })
            }
            (OffsetMapping::MirrorSource, Some(Medium::Topic(topic))) => {
                let committed = self.source_positions(&connector.name, "/partition", "/offset");
                each_end(&self.ends_of(topic)?, topic, connector, |partition| {
                    committed.get(&partition).map(|last| last + 1)
                })
            }
            (OffsetMapping::FileStreamSource, Some(Medium::File(file))) => {
                let length = std::fs::metadata(self.runtime.data_folder().join(file))
                    .map_or(0, |found| found.len());
                let positions = self.source_positions(&connector.name, "/filename", "/position");
                let position = positions.values().copied().max().unwrap_or(0);
                if position < i64::try_from(length).unwrap_or(i64::MAX) {
                    return Err(format!(
                        "{} has committed {position} of {length} bytes",
                        connector.name
                    ));
                }
                Ok(())
            }
            (
                OffsetMapping::Pointers { .. }
                | OffsetMapping::NotMeasurable
                | OffsetMapping::SinkGroup
                | OffsetMapping::MirrorSource
                | OffsetMapping::FileStreamSource,
                _,
            ) => self.offsets_stand_still(),
        }
    }

    fn source_positions(
        &self,
        connector: &ConnectorName,
        partition: &str,
        offset: &str,
    ) -> BTreeMap<i32, i64> {
        let commits = self
            .live
            .source_commits
            .get(connector)
            .into_iter()
            .flat_map(|commits| commits.values());
        let position = |(source, value): &(serde_json::Value, serde_json::Value)| {
            let number = source
                .pointer(partition)
                .and_then(serde_json::Value::as_i64)
                .unwrap_or(0);
            Some((
                i32::try_from(number).ok()?,
                value.pointer(offset)?.as_i64()?,
            ))
        };
        commits.filter_map(position).collect()
    }

    fn offsets_stand_still(&self) -> Result<(), String> {
        let flush_ms = self.scenario.connect.time_ms("offset.flush.interval.ms");
        let needed = Duration::from_millis(flush_ms.unwrap_or(60_000)) + Duration::from_secs(2);
        let quiet = self.quiets().into_iter().min().unwrap_or_default();
        let still = self.now().since(self.live.source_moved).min(quiet);
        if still < needed {
            return Err(format!(
                "source offsets stand still for {:.1} s of {:.1} s",
                still.as_secs_f64(),
                needed.as_secs_f64()
            ));
        }
        Ok(())
    }

    fn final_offsets(&self) -> (BTreeMap<ConnectorName, BTreeMap<i32, i64>>, Ends) {
        let mut ends = Ends::new();
        for place in self.scenario.route.places() {
            if let Medium::Topic(topic) = &place.medium
                && let Ok(found) = self.ends_of(topic)
            {
                ends.insert(place.name.clone(), found);
            }
        }
        let mut sinks = BTreeMap::new();
        for (leg, (connector, _)) in self.scenario.route.legs.iter().enumerate() {
            let Some(Medium::Topic(topic)) =
                self.scenario.route.input_of(leg).map(|place| &place.medium)
            else {
                continue;
            };
            if connector.offsets != OffsetMapping::SinkGroup {
                continue;
            }
            let group = connector.sink_group(&self.scenario.connect.config);
            let partitions: Vec<i32> = ends
                .values()
                .flat_map(|ends| ends.keys().copied())
                .collect();
            if let Ok(committed) = self.admin.committed(&group, topic, partitions, ENDS_LIMIT) {
                sinks.insert(connector.name.clone(), committed);
            }
        }
        (sinks, ends)
    }
}

fn each_end(
    ends: &BTreeMap<i32, i64>,
    topic: &str,
    connector: &Connector,
    committed: impl Fn(i32) -> Option<i64>,
) -> Result<(), String> {
    for (partition, end) in ends {
        let position = committed(*partition).unwrap_or(0);
        if position < *end {
            let name = &connector.name;
            return Err(format!(
                "{name} has committed {position} of {end} in {topic}-{partition}"
            ));
        }
    }
    Ok(())
}
