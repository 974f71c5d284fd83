//! Whether the stream flows calmly, and how calm that is: a plain fold over looks at the taps, that touches nothing.

use std::time::Duration;

use crate::model::Moment;

/// Longer silences than this must be told by the scenario, or are learned once they have come twice.
const ORDINARY_SILENCE: Duration = Duration::from_secs(4);
/// A silence that has not ended yet gives the baseline no more time than this would.
const MOST_UNENDED: Duration = Duration::from_secs(20);
/// Two silences follow each other although the second seems to begin this much before the end of the first: looks are
/// some time apart.
const LOOKS_APART: Duration = Duration::from_millis(200);

/// A backlog that grows by more than this part of the stream's rate, and a little, is a connector that does not keep up.
const FALLING_BEHIND: u64 = 10;
const LEAST_GROWTH_PER_SECOND: u64 = 50;

/// What one tap shows at one look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Look {
    /// Records that the place before it has and that lie beyond its newest.
    pub backlog: u64,
    /// The longest time since any lane that was ever seen here had a record.
    pub silence: Duration,
}

/// What is expected of a tap before anything was seen.
#[derive(Debug, Clone, Copy)]
pub struct Expected {
    /// Records per second.
    pub rate_per_second: u64,
    /// From one record of a lane to the next.
    pub lane_period: Duration,
    /// How long the scenario says that it may be silent.
    pub said: Option<Duration>,
}

/// The worst of one tap in a stretch of time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Worst {
    /// The highest backlog.
    pub backlog: u64,
    /// The longest silence, whether it had ended or not.
    pub silence: Duration,
}

/// A stretch of time in which nothing was out of the ordinary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// Where it begins.
    pub since: Moment,
    /// When records began to be counted, and how many there had been then.
    pub counted_since: (Moment, u64),
    /// The worst of each tap.
    pub worst: Vec<Worst>,
    /// The backlogs of all taps, some time apart: whether they grow is told by their lowest, early and late.
    backlogs: Vec<(Moment, Vec<u64>)>,
}

impl Window {
    fn new(since: Moment, counted_since: (Moment, u64), taps: usize) -> Self {
        Self {
            since,
            counted_since,
            worst: vec![Worst::default(); taps],
            backlogs: Vec::new(),
        }
    }

    fn note(&mut self, now: Moment, looks: &[Look]) {
        let last = self.backlogs.last().map(|(at, _)| *at);
        if last.is_none_or(|at| now.since(at) >= LOOKS_APART) {
            let backlogs = looks.iter().map(|look| look.backlog).collect();
            self.backlogs.push((now, backlogs));
        }
        for (worst, look) in self.worst.iter_mut().zip(looks) {
            worst.backlog = worst.backlog.max(look.backlog);
            worst.silence = worst.silence.max(look.silence);
        }
    }

    /// By how many records a second the backlog of this tap grows: from its lowest in the first half of the stretch to its
    /// lowest in the second. A connector that writes in batches is as far behind after each as after the one before, so
    /// each half must hold a whole batch (three silences in all); before that nothing is told.
    fn growth_per_second(&self, now: Moment, tap: usize, least: Duration) -> Option<u64> {
        let passed = now.since(self.since);
        if passed < least.max(self.worst[tap].silence * 3) {
            return None;
        }
        let middle = self.since.after(passed / 2);
        // Asked at every look: the list is in order of time, and nothing is copied.
        let half = self.backlogs.partition_point(|(at, _)| *at < middle);
        let (early, late) = self.backlogs.split_at(half);
        let lowest = |looks: &[(Moment, Vec<u64>)]| looks.iter().map(|(_, all)| all[tap]).min();
        let grown = lowest(late)?.saturating_sub(lowest(early)?);
        Some((grown as f64 / (passed / 2).as_secs_f64()) as u64)
    }
}

/// A silence that has ended.
#[derive(Debug, Clone, Copy)]
struct Ended {
    at: Moment,
    length: Duration,
}

/// What is accepted of one tap.
struct Tap {
    expected: Expected,
    accepted: Duration,
    before: Duration,
    long: Option<Ended>,
}

impl Tap {
    fn new(expected: Expected) -> Self {
        Self {
            expected,
            accepted: expected.lane_period * 2
                + ORDINARY_SILENCE
                + expected.said.unwrap_or_default(),
            before: Duration::ZERO,
            long: None,
        }
    }

    /// Two of the batches that the scenario speaks of.
    fn batches(&self) -> Duration {
        self.expected.said.unwrap_or_default() * 2
    }

    /// A connector may well work in batches, and the machine may be busy; further behind than this is not keeping up.
    fn backlog_limit(&self) -> u64 {
        let seconds = self.accepted.as_secs().max(ORDINARY_SILENCE.as_secs());
        self.expected.rate_per_second.saturating_mul(seconds) + 50
    }

    /// The long silence that has ended with this look. Lanes wait beside each other, so the longest of all falls when the
    /// one that waited longest has got its batch.
    fn ended(&mut self, now: Moment, silence: Duration) -> Option<Ended> {
        let before = std::mem::replace(&mut self.before, silence);
        (silence < before && before > self.accepted).then_some(Ended {
            at: now,
            length: before,
        })
    }

    /// Takes in a long silence. Of a stall there is one; of a connector that writes in batches another of the same kind
    /// follows, and then silences of that length are accepted.
    fn learn(&mut self, ended: Ended) -> Lesson {
        let Some(first) = self.long else {
            self.long = Some(ended);
            return Lesson::Another;
        };
        let began_us = ended.at.0
            - u64::try_from(ended.length.as_micros())
                .unwrap_or(0)
                .min(ended.at.0);
        if Moment(began_us).after(LOOKS_APART) < first.at {
            // Of another lane, beside the first.
            return Lesson::Nothing;
        }
        let alike = ended.length <= first.length * 2 && first.length <= ended.length * 2;
        self.long = Some(ended);
        if !alike {
            return Lesson::Another;
        }
        self.accepted = first.length.max(ended.length) * 3 / 2;
        Lesson::Learned
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lesson {
    Nothing,
    Another,
    Learned,
}

/// Connectors differ, so the worst of the calm time is the measure for what comes after a fault.
pub struct Calm {
    taps: Vec<Tap>,
    settle: Duration,
    calm_since: Option<Moment>,
    current: Option<Window>,
    /// What has been so since the first of two long silences began.
    candidate: Option<Window>,
    disturbed: Option<(usize, String)>,
    /// Records that the last tap had seen at the look before.
    seen_before: u64,
}

impl Calm {
    /// Of these taps; the stream has `settle` to settle first, since one that has just begun to flow has a backlog of its
    /// own.
    pub fn new(taps: impl IntoIterator<Item = Expected>, settle: Duration) -> Self {
        Self {
            taps: taps.into_iter().map(Tap::new).collect(),
            settle,
            calm_since: None,
            current: None,
            candidate: None,
            disturbed: None,
            seen_before: 0,
        }
    }

    /// Takes in one look at all taps, with the number of records that the last one has seen.
    pub fn look(&mut self, now: Moment, looks: &[Look], seen: u64) -> Result<(), String> {
        self.learn(now, looks);
        self.seen_before = seen;
        if let Some(window) = &mut self.candidate {
            window.note(now, looks);
        }
        let out = |(tap, look): (&Tap, &Look)| {
            look.backlog > tap.backlog_limit() || look.silence > tap.accepted
        };
        if let Some(which) = self.taps.iter().zip(looks).position(out) {
            (self.calm_since, self.current) = (None, None);
            let what = in_words(looks[which]);
            self.disturbed = Some((which, what.clone()));
            return Err(what);
        }
        let calm_since = *self.calm_since.get_or_insert(now);
        if self.current.is_none() && now.since(calm_since) < self.settle {
            return Err(format!(
                "the stream has yet to settle{}",
                self.last_disturbed()
            ));
        }
        let taps = self.taps.len();
        self.current
            .get_or_insert_with(|| Window::new(now, (now, seen), taps))
            .note(now, looks);
        self.keeps_up(now)
    }

    fn growth(&self, window: &Window, now: Moment, which: usize) -> Option<u64> {
        let least = self.settle.max(self.taps[which].batches());
        window.growth_per_second(now, which, least)
    }

    /// A tap that falls further behind all the time shows a machine that is too slow for the stream (or not yet warm), and
    /// no fault could be recovered from: the calm begins anew.
    fn keeps_up(&mut self, now: Moment) -> Result<(), String> {
        let Some(window) = &self.current else {
            return Ok(());
        };
        let behind = self.taps.iter().enumerate().find_map(|(which, tap)| {
            let growth = self.growth(window, now, which)?;
            let rate = tap.expected.rate_per_second;
            let most = rate / FALLING_BEHIND + LEAST_GROWTH_PER_SECOND;
            (growth > most).then(|| {
                let what = format!(
                    "what waited before a tap grew by {growth} records a second, of {rate} sent"
                );
                (which, what)
            })
        });
        let Some((which, what)) = behind else {
            return Ok(());
        };
        (self.calm_since, self.current) = (None, None);
        self.disturbed = Some((which, what.clone()));
        Err(what)
    }

    fn learn(&mut self, now: Moment, looks: &[Look]) {
        let count = self.taps.len();
        for (tap, look) in self.taps.iter_mut().zip(looks) {
            let Some(ended) = tap.ended(now, look.silence) else {
                continue;
            };
            match tap.learn(ended) {
                Lesson::Nothing => {}
                Lesson::Another => {
                    let length_us = u64::try_from(ended.length.as_micros()).unwrap_or(0);
                    let began = Moment(now.0.saturating_sub(length_us));
                    // Up to the look before this one nothing had come in that silence.
                    let counted = (began, self.seen_before);
                    self.candidate = Some(Window::new(began, counted, count));
                }
                Lesson::Learned => {
                    self.current = self.candidate.take();
                    self.calm_since = self.current.as_ref().map(|window| window.since);
                }
            }
        }
    }

    /// The measured stretch once it is `least` long and holds three silences of the longest kind of each tap; else what is
    /// missing. What the scenario says of a tap need not be waited for.
    pub fn measured(&self, now: Moment, least: Duration) -> Result<&Window, String> {
        let Some(window) = &self.current else {
            return Err(format!("the stream does not flow{}", self.last_disturbed()));
        };
        let passed = now.since(window.since);
        let unsaid = |(tap, worst): (&Tap, &Worst)| {
            let said = tap.expected.said.unwrap_or_default();
            (worst.silence > said).then_some(worst.silence * 3)
        };
        let batches = self.taps.iter().zip(&window.worst).filter_map(unsaid);
        let untold = (0..self.taps.len()).any(|which| {
            let batches = self.taps[which].batches();
            passed >= batches && self.growth(window, now, which).is_none()
        });
        if untold || passed < batches.max().unwrap_or_default().max(least) {
            return Err(format!(
                "the stream flows, but not for long enough yet{}",
                self.last_disturbed()
            ));
        }
        Ok(window)
    }

    /// How much longer than usual the baseline may take, for silences that are said or that were seen.
    pub fn extra(&self, looks: &[Look]) -> Duration {
        let of_tap = |(tap, look): (&Tap, &Look)| {
            let said = tap.expected.said.unwrap_or_default();
            let long = tap.long.map_or(Duration::ZERO, |ended| ended.length);
            said.max(long).max(look.silence.min(MOST_UNENDED))
        };
        let longest = self.taps.iter().zip(looks).map(of_tap).max();
        longest.unwrap_or_default() * 3
    }

    /// The tap that was last out of the ordinary.
    pub fn disturbed_tap(&self) -> Option<usize> {
        self.disturbed.as_ref().map(|(tap, _)| *tap)
    }

    /// What last disturbed the calm, in words.
    fn last_disturbed(&self) -> String {
        self.disturbed
            .as_ref()
            .map_or_else(String::new, |(_, what)| {
                format!("; last disturbed when {what}")
            })
    }
}

fn in_words(look: Look) -> String {
    format!(
        "{} records waited before a tap, a lane was silent for {:.1} s",
        look.backlog,
        look.silence.as_secs_f64()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: u64 = 500;

    fn expected(said_ms: Option<u64>) -> Expected {
        Expected {
            rate_per_second: RATE,
            lane_period: Duration::from_millis(24),
            said: said_ms.map(Duration::from_millis),
        }
    }

    fn calm(said_ms: Option<u64>, settle_ms: u64) -> Calm {
        Calm::new([expected(said_ms)], Duration::from_millis(settle_ms))
    }

    fn look(calm: &mut Calm, ms: u64, backlog: u64, silence_ms: u64) -> Result<(), String> {
        let look = Look {
            backlog,
            silence: Duration::from_millis(silence_ms),
        };
        calm.look(Moment::from_ms(ms), &[look], ms)
    }

    /// When the baseline of a connector is reached that writes everything every `period_ms`, its first batch `period_ms`
    /// after the feed's first record.
    fn reached(
        calm: &mut Calm,
        period_ms: u64,
        least_ms: u64,
        until_ms: u64,
    ) -> Option<(u64, Window)> {
        for ms in (period_ms..until_ms).step_by(10) {
            let silence = ms % period_ms;
            let _ = look(calm, ms, silence * RATE / 1_000, silence);
            let least = Duration::from_millis(least_ms);
            if let Ok(window) = calm.measured(Moment::from_ms(ms), least) {
                return Some((ms, window.clone()));
            }
        }
        None
    }

    #[test]
    fn a_connector_that_works_in_batches_of_a_second_is_calm_and_one_that_falls_behind_is_not() {
        let mut calm = calm(None, 0);
        for ms in [0, 500, 1_000] {
            assert_eq!(look(&mut calm, ms, ms / 2, ms), Ok(()));
        }
        let worst = Worst {
            backlog: 500,
            silence: Duration::from_secs(1),
        };
        assert_eq!(
            calm.current.as_ref().map(|window| window.worst[0]),
            Some(worst)
        );
        assert!(look(&mut calm, 2_000, 2_051, 0).is_err());
        assert_eq!(look(&mut calm, 3_000, 10, 0), Ok(()));
        assert_eq!(
            calm.current.as_ref().map(|window| window.since),
            Some(Moment::from_ms(3_000))
        );
        assert!(look(&mut calm, 4_000, 0, 5_000).is_err());
    }

    #[test]
    fn the_backlog_of_the_beginning_is_no_measure_for_later() {
        let mut calm = calm(None, 2_000);
        assert!(look(&mut calm, 0, 1_900, 0).is_err());
        assert!(look(&mut calm, 1_999, 900, 0).is_err());
        assert_eq!(look(&mut calm, 2_000, 20, 100), Ok(()));
        let worst = Worst {
            backlog: 20,
            silence: Duration::from_millis(100),
        };
        assert_eq!(calm.current.map(|window| window.worst[0]), Some(worst));
    }

    #[test]
    fn the_baseline_holds_two_batches_however_short_it_may_be() {
        for period_ms in [500, 1_000, 3_000] {
            let (ms, window) = reached(&mut calm(None, 500), period_ms, 500, 60_000).unwrap();
            let passed = ms - window.since.as_ms();
            assert!(passed >= 2 * (period_ms - 10), "{period_ms}: {passed}");
            assert!(ms <= period_ms * 4 + 2_000, "{period_ms}: {ms}");
        }
    }

    #[test]
    fn batches_half_a_minute_apart_are_learned_from_the_second_on() {
        let mut calm = calm(None, 2_500);
        let (ms, window) = reached(&mut calm, 30_000, 2_500, 600_000).unwrap();
        assert!((119_000..121_000).contains(&ms), "{ms}");
        assert!(window.since <= Moment::from_ms(30_020), "{window:?}");
        assert_eq!(window.counted_since.0, window.since);
        let worst = window.worst[0];
        assert_eq!(worst.silence.as_secs(), 29);
        assert!(worst.backlog > 14_000, "{worst:?}");
        assert_eq!(calm.extra(&[Look::default()]).as_secs(), 89);
    }

    #[test]
    fn a_connector_that_falls_further_behind_has_no_baseline_until_it_keeps_up() {
        // A busy machine: of 2,000 records a second 1,500 went through, in batches of 6.8 s, until it was warm after 40.8 s.
        let mut calm = Calm::new(
            [Expected {
                rate_per_second: 2_000,
                ..expected(None)
            }],
            Duration::from_millis(2_500),
        );
        let mut reached = None;
        for ms in (6_800..80_000_u64).step_by(10) {
            let (silence, batch_ms) = match ms {
                0..40_800 => (ms % 6_800, ms / 6_800 * 6_800),
                _ => (20, ms - 20),
            };
            let through = match ms {
                0..40_800 => batch_ms * 3 / 2,
                _ => (61_170 + (batch_ms - 40_780) * 6).min(batch_ms * 2),
            };
            let _ = look(&mut calm, ms, ms * 2 - through, silence);
            let least = Duration::from_millis(2_500);
            let measured = calm.measured(Moment::from_ms(ms), least).cloned();
            reached = reached.or(measured.ok().map(|window| (ms, window)));
        }
        let (ms, window) = reached.unwrap();
        assert!(ms > 45_000, "{ms}: {window:?}");
        assert!(window.worst[0].backlog < 11_000, "{window:?}");
    }

    #[test]
    fn a_backlog_that_grows_is_no_baseline_however_low_it_still_is() {
        // Three of four records go through, without a pause: after 12 s 6,000 wait, and 8,000 would be too many.
        let mut calm = Calm::new(
            [Expected {
                rate_per_second: 2_000,
                ..expected(None)
            }],
            Duration::from_millis(2_500),
        );
        let least = Duration::from_millis(2_500);
        for ms in (0..12_000_u64).step_by(10) {
            let _ = look(&mut calm, ms, ms / 2, 20);
            let measured = calm.measured(Moment::from_ms(ms), least);
            assert!(measured.is_err(), "{ms}: {measured:?}");
        }
        let (_, what) = calm.disturbed.clone().unwrap();
        assert!(what.contains("of 2000 sent"), "{what}");
        let kept_up = (12_000..30_000_u64).step_by(10).find(|ms| {
            let _ = look(&mut calm, *ms, 6_000, 20);
            calm.measured(Moment::from_ms(*ms), least).is_ok()
        });
        assert!(kept_up.is_some_and(|ms| ms < 20_000), "{kept_up:?}");
    }

    #[test]
    fn one_stall_teaches_nothing() {
        let mut calm = calm(None, 1_000);
        for ms in (0..6_000).step_by(10) {
            let _ = look(&mut calm, ms, 0, ms);
        }
        for ms in (6_000..8_500).step_by(10) {
            let _ = look(&mut calm, ms, 0, 20);
        }
        let window = calm.measured(Moment::from_ms(8_500), Duration::from_secs(1));
        assert_eq!(window.unwrap().worst[0].silence.as_millis(), 20);
        assert!(look(&mut calm, 20_000, 0, 5_000).is_err());
    }

    #[test]
    fn lanes_that_wait_beside_each_other_are_one_stall() {
        let mut calm = calm(None, 1_000);
        for ms in (0..6_000).step_by(10) {
            let _ = look(&mut calm, ms, 0, ms);
        }
        // One lane has its record, the other has waited for a second less and waits on.
        for ms in (6_000..6_500).step_by(10) {
            let _ = look(&mut calm, ms, 0, ms - 1_000);
        }
        assert!(look(&mut calm, 6_500, 0, 10).is_err());
        assert!(look(&mut calm, 12_000, 0, 5_500).is_err());
    }

    #[test]
    fn what_the_scenario_says_need_not_be_waited_for() {
        let mut said = calm(Some(600_000), 1_000);
        let mut at = None;
        for ms in (0..30_000).step_by(10) {
            let _ = look(&mut said, ms, ms * RATE / 1_000, ms);
            let least = Duration::from_secs(5);
            at = at.or(said.measured(Moment::from_ms(ms), least).ok().map(|_| ms));
        }
        assert_eq!(at, Some(6_000));
        assert_eq!(said.extra(&[Look::default()]).as_secs(), 1_800);
    }
}
