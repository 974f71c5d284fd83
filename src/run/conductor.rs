//! The conductor of a run: one loop that takes events in, looks after everything that was started, and waits for conditions.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use crate::journal::{Deadline, Event, Journal, Phase, RunFolder, What};
use crate::kafka::{Admin, Cluster};
use crate::model::{Lane, Moment, PlaceName, Refusal, TaskId};
use crate::places::{Feed, FeedCounts, FeedEnd, Tap};
use crate::plan::Plan;
use crate::runtime::{HANDS_OFF, Runtime};
use crate::scenario::Scenario;
use crate::verify::Standing;

use super::attention::Attention;
use super::calm::Look;
use super::guard::Guard;
use super::live::Live;
use super::misfit;
use super::observe::Observers;
use super::step::OutOfStep;
use super::stop::{StopToken, Urgency};

/// Why a run ended before its time.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RunError {
    /// The user wished it.
    #[error("interrupted")]
    Interrupted,
    /// The environment failed: nothing can be said about the cluster.
    #[error("{0}")]
    Environment(String),
    /// Kafka Connect refuses what the scenario gives its connectors.
    #[error("Kafka Connect refuses the configuration of {} connectors or settings; see the scenario", .0.len())]
    Refused(Vec<Refusal>),
}

impl RunError {
    /// Wraps any error of a floor above as a failure of the environment.
    pub fn environment(error: impl std::fmt::Display) -> Self {
        Self::Environment(error.to_string())
    }
}

/// What was last seen instead of what was awaited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimedOut(pub String);

const TICK: Duration = Duration::from_millis(10);
const PROGRESS_EVERY: Duration = Duration::from_secs(1);

/// Everything that a run has started, and the loop that looks after it.
pub struct Conductor<'a> {
    /// The scenario.
    pub scenario: &'a Scenario,
    /// Its timetable.
    pub plan: &'a Plan,
    /// Where evidence goes.
    pub folder: &'a RunFolder,
    /// Where events go.
    pub journal: &'a Journal,
    /// The cluster.
    pub runtime: Arc<dyn Runtime>,
    /// How to reach Kafka.
    pub cluster: Cluster,
    /// For topics and offsets.
    pub admin: Admin,
    /// How closely the groups are looked at.
    pub attention: Attention,
    /// The live view.
    pub live: Live,
    /// All tasks of the route, once they are known.
    pub tasks: Vec<TaskId>,
    /// The feed, while it flows.
    pub feed: Option<Feed>,
    /// The feed's counts, from its start on.
    pub fed: Option<Arc<FeedCounts>>,
    /// The taps in the way of the records.
    pub taps: Vec<(PlaceName, Tap)>,
    /// Readers of exactly-once taps that also see aborted records.
    pub uncommitted: Vec<(String, Tap)>,
    /// The observers.
    pub observers: Option<Observers>,
    /// Rows of each finished observation file.
    pub rows: BTreeMap<String, u64>,
    /// When the last record had been sent, or the source was paused that makes its own.
    pub stream_ended: Moment,
    /// What ends the run for the sake of those whose cluster it is.
    pub guard: Option<Guard>,
    events: Receiver<Event>,
    stop: &'a StopToken,
    progress_told: Moment,
    out_of_step: OutOfStep,
}

impl<'a> Conductor<'a> {
    /// Takes over a cluster that is up.
    pub fn new(
        scenario: &'a Scenario,
        plan: &'a Plan,
        folder: &'a RunFolder,
        journal: &'a Journal,
        runtime: Arc<dyn Runtime>,
        stop: &'a StopToken,
    ) -> Result<Self, RunError> {
        let cluster = runtime.cluster();
        let admin = Admin::new(&cluster).map_err(RunError::environment)?;
        Ok(Self {
            scenario,
            plan,
            folder,
            journal,
            runtime,
            cluster,
            admin,
            attention: Attention::begin(journal.clock()),
            live: Live::new(Standing::new(scenario, &plan.faults)),
            tasks: Vec::new(),
            feed: None,
            fed: None,
            taps: Vec::new(),
            uncommitted: Vec::new(),
            observers: None,
            rows: BTreeMap::new(),
            stream_ended: Moment::default(),
            guard: None,
            events: journal.listen(),
            stop,
            progress_told: Moment::default(),
            out_of_step: OutOfStep::default(),
        })
    }

    /// Now, on the run's clock.
    pub fn now(&self) -> Moment {
        self.journal.clock().now()
    }

    /// Says that a phase begins.
    pub fn begin(&self, phase: Phase) {
        self.journal.record(What::PhaseBegan(phase));
    }

    /// Takes in what happened, for one short turn; fails when the run cannot go on.
    pub fn turn(&mut self) -> Result<(), RunError> {
        if let Ok(event) = self.events.recv_timeout(TICK) {
            self.take_in(&event);
        }
        while let Ok(event) = self.events.try_recv() {
            self.take_in(&event);
        }
        self.tell_progress();
        self.check_health()
    }

    fn take_in(&mut self, event: &Event) {
        self.attention.hear(&event.what);
        self.live.apply(event);
    }

    /// Waits until `missing` has nothing more to miss; the inner error says what was last seen when the limit passed.
    pub fn wait_until(
        &mut self,
        limit: Duration,
        mut missing: impl FnMut(&mut Self) -> Result<(), String>,
    ) -> Result<Result<(), TimedOut>, RunError> {
        let deadline = Deadline::after(limit);
        loop {
            self.turn()?;
            match missing(self) {
                Ok(()) => return Ok(Ok(())),
                Err(seen) if deadline.has_passed() => return Ok(Err(TimedOut(seen))),
                Err(_) => {}
            }
        }
    }

    fn check_health(&mut self) -> Result<(), RunError> {
        if self.stop.urgency() > Urgency::None {
            return Err(RunError::Interrupted);
        }
        if let Some(failure) = self.journal.failure() {
            return Err(RunError::Environment(format!(
                "{failure}; free disk space and run again"
            )));
        }
        if let Some(why) = self.runtime.trouble().into_iter().next() {
            return Err(RunError::Environment(why));
        }
        let now = self.now();
        if let Some(what) = self.out_of_step.lasting(now, || self.runtime.out_of_step()) {
            return Err(RunError::Environment(format!("{what}; {HANDS_OFF}")));
        }
        if let Some((name, exit)) = self.runtime.unasked_deaths().first() {
            let logs = self.folder.logs();
            return Err(RunError::Environment(format!(
                "{name} ended {exit} without being asked; its last words are in {}",
                logs.display()
            )));
        }
        let stop_condition = self
            .guard
            .as_ref()
            .and_then(|guard| guard.broken(&self.live, self.now()));
        if let Some(why) = stop_condition {
            return Err(RunError::Environment(why));
        }
        let legs = self.scenario.route.legs.iter().zip(&self.taps);
        for ((connector, place), (_, tap)) in legs {
            if let Some(misfit) = tap.counts().misfit() {
                let why = misfit::in_words(&misfit, connector, place);
                return Err(RunError::Environment(why));
            }
        }
        let feed = self
            .fed
            .as_ref()
            .and_then(|fed| fed.failure())
            .map(|why| ("the feed".to_owned(), why));
        let taps = self
            .taps
            .iter()
            .find_map(|(name, tap)| Some((format!("tap {name}"), tap.counts().failure()?)));
        match feed.or(taps) {
            Some((who, why)) => Err(RunError::Environment(format!("{who} failed: {why}"))),
            None => Ok(()),
        }
    }

    fn tell_progress(&mut self) {
        let now = self.now();
        if self.taps.is_empty() || now.since(self.progress_told) < PROGRESS_EVERY {
            return;
        }
        self.progress_told = now;
        let seen = self
            .taps
            .iter()
            .map(|(name, tap)| (name.clone(), tap.counts().distinct()))
            .collect();
        self.journal.record(What::Progress {
            fed: self.acked(),
            seen,
        });
    }

    /// Records that the feed has taken; for a source of its own, those seen at the first tap.
    pub fn acked(&self) -> u64 {
        match &self.fed {
            Some(fed) => fed.acked(),
            None => self
                .taps
                .first()
                .map_or(0, |(_, tap)| tap.counts().distinct()),
        }
    }

    /// What each tap shows now. Its backlog is what lies beyond the newest record of each lane: what was left out before
    /// that will not come any more. Lanes that were never seen there are not waited for.
    pub fn looks(&self) -> Vec<Look> {
        let now = self.now();
        let lanes = || (0..self.scenario.stream.lanes).map(Lane);
        let mut before: Option<Vec<u64>> = self.fed.as_ref().map(|fed| {
            let answered = fed.answered();
            lanes()
                .map(|lane| share_of(lane, answered, self.scenario.stream.lanes))
                .collect()
        });
        let mut looks = Vec::new();
        for (_, tap) in &self.taps {
            let counts = tap.counts();
            let here: Vec<u64> = lanes().map(|lane| counts.lane_next(lane)).collect();
            let waiting = before.iter().flatten().zip(&here);
            let waiting = waiting.filter(|(_, next)| **next > 0);
            let seen = lanes().filter_map(|lane| counts.lane_last(lane));
            looks.push(Look {
                backlog: waiting.map(|(sent, next)| sent.saturating_sub(*next)).sum(),
                silence: seen.map(|last| now.since(last)).max().unwrap_or_default(),
            });
            before = Some(here);
        }
        looks
    }

    /// How many lanes were never seen at each tap.
    pub fn unseen_lanes(&self) -> Vec<u64> {
        let of_tap = |(_, tap): &(PlaceName, Tap)| {
            let counts = tap.counts();
            let lanes = (0..self.scenario.stream.lanes).map(Lane);
            lanes
                .filter(|lane| counts.lane_last(*lane).is_none())
                .count() as u64
        };
        self.taps.iter().map(of_tap).collect()
    }

    /// Keeps what the feed did in all.
    pub fn feed_ended(&mut self, end: &FeedEnd) {
        if let Some(place) = self.scenario.route.feed() {
            self.rows.insert(place.name.to_string(), end.rows);
        }
        let FeedEnd {
            acked,
            refused,
            unknown,
            due,
            ..
        } = *end;
        self.journal.record(What::FeedEnded {
            acked,
            refused,
            unknown,
            due,
        });
    }

    /// Stops taps, readers and observers and keeps the number of rows they wrote.
    pub fn finish_observations(&mut self, limit: Duration) -> Vec<String> {
        let mut troubles = Vec::new();
        if let Some(feed) = self.feed.take() {
            match feed.stop(Duration::from_secs(1)) {
                Ok(end) => self.feed_ended(&end),
                Err(error) => troubles.push(error.to_string()),
            }
        }
        for (name, tap) in std::mem::take(&mut self.taps) {
            match tap.stop(limit) {
                Ok(end) => drop(self.rows.insert(name.to_string(), end.rows)),
                Err(error) => troubles.push(error.to_string()),
            }
        }
        for (name, tap) in std::mem::take(&mut self.uncommitted) {
            match tap.stop(limit) {
                Ok(end) => drop(self.rows.insert(name, end.rows)),
                Err(error) => troubles.push(error.to_string()),
            }
        }
        if let Some(observers) = self.observers.take() {
            observers.stop(limit);
        }
        troubles
    }
}

/// How many of the first `count` records of a feed, which gives each lane its turn, are of this lane.
fn share_of(lane: Lane, count: u64, lanes: u32) -> u64 {
    let lanes = u64::from(lanes.max(1));
    count / lanes + u64::from(u64::from(lane.0) < count % lanes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lanes_of_a_feed_take_turns() {
        let shares = |count| [0, 1, 2].map(|lane| share_of(Lane(lane), count, 3));
        assert_eq!(shares(0), [0, 0, 0]);
        assert_eq!(shares(4), [2, 1, 1]);
        assert_eq!(shares(8), [3, 3, 2]);
    }
}
