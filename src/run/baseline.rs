//! The baseline: the stream flows undisturbed until the taps keep up, and what that looked like.

use std::time::Duration;

use crate::journal::{Attendance, NormalAtTap, What};
use crate::model::{Medium, Moment, Place, StreamId};
use crate::places::Feed;

use super::attention::BEFORE;
use super::calm::{Calm, Expected, Look, Window, Worst};
use super::conductor::{Conductor, RunError};

/// Beyond twice the worst silence of the baseline, for a busy machine.
const SILENCE_SLACK: Duration = Duration::from_millis(500);
const REACH_LIMIT: Duration = Duration::from_secs(60);
/// A lane that a tap has not had by then is left out by its connector.
const UNSEEN_LIMIT: Duration = Duration::from_secs(30);
/// Silences from here on are worth a word.
const WORTH_TELLING: Duration = Duration::from_secs(1);

/// What "as before" means after a fault.
#[derive(Debug, Clone)]
pub struct Baseline {
    /// When it was reached; planned times count from here.
    pub end: Moment,
    /// What is normal at each tap, in the way of the records.
    pub taps: Vec<Normal>,
}

/// What is normal at a tap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Normal {
    /// The longest silence of a lane that the baseline accepted.
    pub silence: Duration,
    /// How long a lane may be silent.
    pub silence_limit: Duration,
    /// Records that may wait before the tap.
    pub backlog_limit: u64,
}

impl Normal {
    fn of(worst: Worst, expected: Expected) -> Self {
        let rate = expected.rate_per_second;
        let said = expected.said.unwrap_or_default();
        // What is said was perhaps not seen: then as much may pile up as comes in that time.
        let piled_up = said.saturating_sub(worst.silence).as_secs() * rate;
        let silence = worst.silence.max(said);
        Self {
            silence,
            silence_limit: silence * 2 + SILENCE_SLACK,
            backlog_limit: (worst.backlog + piled_up).saturating_mul(2) + rate / 4 + 50,
        }
    }
}

/// How a tap differs from its baseline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unlike {
    /// So many records wait before it.
    Waiting(u64),
    /// A lane is silent for so long.
    Silent(Duration),
}

impl Normal {
    /// How a look differs from what is normal; `None` when it does not.
    fn compare(&self, look: &Look) -> Option<Unlike> {
        if look.backlog > self.backlog_limit {
            return Some(Unlike::Waiting(look.backlog));
        }
        (look.silence > self.silence_limit).then_some(Unlike::Silent(look.silence))
    }

    /// The two limits, as the journal keeps them for the judge.
    fn written(&self) -> NormalAtTap {
        let ms = self.silence_limit.as_millis();
        NormalAtTap {
            backlog_limit: self.backlog_limit,
            silence_limit_ms: u64::try_from(ms).unwrap_or(u64::MAX),
        }
    }
}

impl Baseline {
    /// One that nothing can meet, to hear what is missing to it.
    pub fn strictest(taps: usize) -> Self {
        let nothing = Normal {
            silence: Duration::ZERO,
            silence_limit: Duration::ZERO,
            backlog_limit: 0,
        };
        Self {
            end: Moment::default(),
            taps: vec![nothing; taps],
        }
    }

    /// The first tap (its index) that is out of the ordinary; `None` when all flows as in the baseline.
    pub fn compare(&self, looks: &[Look]) -> Option<(usize, Unlike)> {
        let taps = self.taps.iter().zip(looks).enumerate();
        taps.filter_map(|(tap, (normal, look))| Some((tap, normal.compare(look)?)))
            .next()
    }

    /// The longest silence that was accepted at any tap.
    pub fn longest_silence(&self) -> Duration {
        let silences = self.taps.iter().map(|normal| normal.silence);
        silences.max().unwrap_or_default()
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
        let (spec, codec) = (self.scenario.stream, self.codec(stream)?);
        let attendance = Attendance::begin(format!("feed {}", place.name), self.journal);
        let feed = match &place.medium {
            Medium::Topic(topic) => Feed::start_topic(
                &self.cluster,
                topic,
                place.partitions,
                spec,
                codec,
                attendance,
                writer,
            ),
            Medium::File(file) => Feed::start_file(
                &self.runtime.data_folder().join(file),
                spec,
                codec,
                attendance,
                writer,
            ),
        };
        let feed = feed.map_err(RunError::environment)?;
        self.fed = Some(feed.counts());
        self.feed = Some(feed);
        self.journal.record(What::FeedBegan);
        Ok(())
    }

    /// Waits until all lanes flow through all taps for the least length of the baseline, and for three batches of each
    /// connector that writes in batches.
    pub fn reach_baseline(&mut self) -> Result<Baseline, RunError> {
        let least = Duration::from_millis(self.scenario.timing.baseline_ms);
        let mut calm = Calm::new(self.expected(), least / 2);
        let began = self.now();
        let window = loop {
            self.turn()?;
            let (passed, looks) = (self.now().since(began), self.looks());
            if passed + BEFORE >= least {
                // The first fault may come with the end of the baseline.
                self.attention.rouse();
            }
            match self.look_at(&mut calm, (passed, least), &looks) {
                Ok(window) => break window,
                Err(seen) if passed > least + REACH_LIMIT + calm.extra(&looks) => {
                    return Err(self.not_reached(&calm, passed, &seen));
                }
                Err(_) => {}
            }
        };
        let end = self.now();
        let (counted_since, seen_then) = window.counted_since;
        let passed_s = end.since(counted_since).as_secs_f64().max(0.001);
        let taps = window.worst.iter().zip(self.expected());
        let baseline = Baseline {
            end,
            taps: taps.map(|(worst, said)| Normal::of(*worst, said)).collect(),
        };
        let names = self.taps.iter().map(|(name, _)| name.clone());
        let normal = names.zip(baseline.taps.iter().map(Normal::written));
        self.journal.record(What::BaselineReached {
            since: window.since,
            rate_per_second: self.seen_last().saturating_sub(seen_then) as f64 / passed_s,
            backlog: window
                .worst
                .iter()
                .map(|worst| worst.backlog)
                .max()
                .unwrap_or(0),
            normal: normal.collect(),
        });
        self.tell_what_is_normal(&baseline);
        Ok(baseline)
    }

    fn expected(&self) -> Vec<Expected> {
        let stream = self.scenario.stream;
        let of_tap = |place: &Place| Expected {
            rate_per_second: stream.rate_per_second,
            lane_period: lane_period(stream.rate_per_second, stream.lanes),
            said: place.silent_for_ms.map(Duration::from_millis),
        };
        self.scenario.route.taps().map(of_tap).collect()
    }

    /// The measured stretch once all is as it should be, after this time of a baseline of at least `least`.
    fn look_at(
        &self,
        calm: &mut Calm,
        (passed, least): (Duration, Duration),
        looks: &[Look],
    ) -> Result<Window, String> {
        let now = self.now();
        self.lanes_seen(passed)?;
        calm.look(now, looks, self.seen_last())?;
        let window = calm.measured(now, least / 2)?;
        if passed < least {
            return Err("the baseline has yet to last as long as the scenario wants".to_owned());
        }
        Ok(window.clone())
    }

    /// Every tap has had every lane; those that it has not after a while are left out by its connector.
    fn lanes_seen(&self, passed: Duration) -> Result<(), String> {
        let lanes = u64::from(self.scenario.stream.lanes);
        let taps = self.taps.iter().zip(self.unseen_lanes());
        for (((name, _), unseen), expected) in taps.zip(self.expected()) {
            let silence = expected.said.unwrap_or_default().max(expected.lane_period);
            let patience = UNSEEN_LIMIT.max(silence * 3);
            if unseen > 0 && (unseen == lanes || passed < patience) {
                return Err(format!(
                    "tap {name} has not had a record of {unseen} of {lanes} lanes yet"
                ));
            }
        }
        Ok(())
    }

    fn not_reached(&self, calm: &Calm, passed: Duration, seen: &str) -> RunError {
        let unseen = self.unseen_lanes();
        let never = unseen
            .iter()
            .position(|unseen| *unseen == u64::from(self.scenario.stream.lanes));
        let which = never.or(calm.disturbed_tap()).unwrap_or(0);
        let advice = match self.scenario.route.legs.get(which) {
            Some((connector, tap)) => format!(
                "if {} writes in batches, say how far apart they are (`silent-for: 5m` at tap {}); else lower the rate or give the machine more room",
                connector.name, tap.name
            ),
            None => "lower the rate or give the machine more room".to_owned(),
        };
        RunError::Environment(format!(
            "the baseline was not reached in {} s: {seen}; {advice}",
            passed.as_secs()
        ))
    }

    /// Says of each tap what a reader may take for a fault's doing later: silences, and records that never come.
    fn tell_what_is_normal(&self, baseline: &Baseline) {
        let mut left_out_before = self
            .fed
            .as_ref()
            .map_or(0, |fed| fed.answered() - fed.acked());
        let legs = self.scenario.route.legs.iter().zip(&self.taps);
        let unseen = self.unseen_lanes();
        for (((connector, place), (_, tap)), (normal, unseen)) in legs
            .map(|(leg, tap)| ((&leg.0, &leg.1), tap))
            .zip(baseline.taps.iter().zip(unseen))
        {
            let (name, tap_name) = (&connector.name, &place.name);
            if normal.silence >= WORTH_TELLING {
                let silence_s = normal.silence.as_secs_f64();
                self.journal.record(What::Note(format!(
                    "tap {tap_name} is silent for up to {silence_s:.1} s although all is well: the drain waits twice as long"
                )));
            }
            if unseen > 0 {
                self.journal.record(What::Note(format!(
                    "connector {name} leaves {unseen} lanes out: none of their records has come to tap {tap_name}, before any fault"
                )));
            }
            let left_out = tap.counts().left_out();
            let own = left_out.saturating_sub(left_out_before);
            if own > 0 {
                let of = tap.counts().distinct() + left_out;
                let share = own as f64 * 100.0 / of as f64;
                self.journal.record(What::Note(format!(
                    "connector {name} leaves records out from its first second on: {own} of {of} ({share:.1} %) have not come to tap {tap_name} although later ones of their lanes have, before any fault"
                )));
            }
            left_out_before = left_out;
        }
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

    fn normal(backlog: u64, silence_ms: u64, said_ms: Option<u64>) -> Normal {
        let worst = Worst {
            backlog,
            silence: Duration::from_millis(silence_ms),
        };
        let expected = Expected {
            rate_per_second: 500,
            lane_period: lane_period(500, 12),
            said: said_ms.map(Duration::from_millis),
        };
        Normal::of(worst, expected)
    }

    #[test]
    fn twice_the_worst_of_the_baseline_is_as_before() {
        let learned = normal(1_500, 3_000, None);
        assert_eq!(learned.silence_limit, Duration::from_millis(6_500));
        assert_eq!(learned.backlog_limit, 3_175);
        let said = normal(0, 0, Some(600_000));
        assert_eq!(said.silence, Duration::from_secs(600));
        assert_eq!(said.backlog_limit, 600_175);
        assert_eq!(normal(1_500, 3_000, Some(2_000)), learned);
    }

    #[test]
    fn each_tap_is_held_against_its_own_baseline() {
        let baseline = Baseline {
            end: Moment::default(),
            taps: vec![normal(20, 100, None), normal(1_500, 3_000, None)],
        };
        let look = |backlog, silence_ms| Look {
            backlog,
            silence: Duration::from_millis(silence_ms),
        };
        let calm = [look(30, 200), look(2_000, 5_000)];
        assert_eq!(baseline.compare(&calm), None);
        let swapped = baseline.compare(&[look(30, 5_000), look(2_000, 200)]);
        let silent = Unlike::Silent(Duration::from_secs(5));
        assert_eq!(swapped, Some((0, silent)));
        let waiting = baseline.compare(&[look(400, 0), look(0, 0)]);
        assert_eq!(waiting, Some((0, Unlike::Waiting(400))));
        assert_eq!(baseline.longest_silence(), Duration::from_secs(3));
    }
}
