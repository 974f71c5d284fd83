//! A machine that others use: a history whose recovery takes longer for it, and what an observer of the CPUs sees.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use squall::journal::What;
use squall::model::{GuaranteeKind, Moment, Verdict};
use squall::verify::{GuaranteeResult, Judgement};

use super::check::{for_all, number};
use super::history::History;
use super::life::live;
use super::setup::{Kind, Setup};
use super::watch::START_UNIX_MS;

/// What needs CPUs takes so many times as long.
const SLOWER: u64 = 4;
const LOOK_MS: u64 = 200;
/// Less than this can be the error of a bucket.
const LEAST_WORK_MS: u64 = 1_500;

/// Stretches that take longer, in microseconds of the undisturbed history.
struct Slowed(Vec<(u64, u64)>);

impl Slowed {
    /// The work of a recovery: no timer and no plan decides how long it takes.
    fn of(judgement: &Judgement) -> Option<Self> {
        let fault = judgement.faults.first()?;
        let mut from = fault.took_effect?;
        let mut parts = Vec::new();
        for phase in &fault.phases {
            if !["ended", "noticed", "delay", "away", "back"].contains(&phase.name.as_str()) {
                parts.push((from.0, phase.to.0));
            }
            from = phase.to;
        }
        Some(Self(parts))
    }

    fn work_ms(&self) -> u64 {
        self.0.iter().map(|(from, to)| to - from).sum::<u64>() / 1_000
    }

    fn at(&self, us: u64) -> u64 {
        let passed = |(from, to): &(u64, u64)| us.min(*to).saturating_sub(*from);
        us + self.0.iter().map(passed).sum::<u64>() * (SLOWER - 1)
    }

    fn on_clock(&self, unix_ms: &mut i64) {
        if let Ok(ms) = u64::try_from(*unix_ms - START_UNIX_MS) {
            *unix_ms = START_UNIX_MS + (self.at(ms * 1_000) / 1_000) as i64;
        }
    }

    /// Observers look as often as before, so between two of their words that are further apart now there are more.
    fn looks(&self, events: &[(u64, What)]) -> Vec<(u64, What)> {
        let mut last: BTreeMap<String, u64> = BTreeMap::new();
        let mut more = Vec::new();
        for (at, what) in events {
            let (observer, mut what) = match what {
                What::GroupPolled { .. } => (String::new(), what.clone()),
                What::Attended { observer, .. } => (observer.clone(), what.clone()),
                _ => continue,
            };
            if let What::Attended { read, .. } = &mut what {
                read.clear();
            }
            let before = last.insert(observer, *at).unwrap_or(*at);
            let between = (self.at(before)..self.at(*at)).step_by((at - before).max(1) as usize);
            more.extend(between.skip(1).map(|at| (at, what.clone())));
        }
        more
    }

    /// The history as it would have been.
    fn history(&self, history: &History) -> History {
        let mut slowed = history.clone();
        for (at, what) in &mut slowed.events {
            *at = self.at(*at);
            match what {
                What::SourceCommit { broker_ms, .. } | What::SinkCommit { broker_ms, .. } => {
                    self.on_clock(broker_ms);
                }
                What::Log { worker_ms, .. } => self.on_clock(worker_ms),
                _ => {}
            }
        }
        slowed.events.extend(self.looks(&history.events));
        // What the live run saw has a doubt of its own.
        let live = |what: &What| matches!(what, What::RecoverySeen { .. });
        slowed.events.retain(|(_, what)| !live(what));
        slowed.events.sort_by_key(|(at, _)| *at);
        for seen in slowed.places.0.values_mut().flatten() {
            seen.row.at = Moment(self.at(seen.row.at.0));
        }
        slowed
    }
}

/// Others take so many thousandths of two CPUs, all the time.
fn watched(history: &History, others_per_mille: u64) -> History {
    let mut history = history.clone();
    let end_ms = history.events.last().map_or(0, |(at, _)| at / 1_000);
    let total_ms = 2 * LOOK_MS;
    let others_ms = total_ms * others_per_mille / 1_000;
    let loads = (LOOK_MS..end_ms).step_by(LOOK_MS as usize).map(|ms| {
        let what = What::MachineLoad {
            over_ms: LOOK_MS,
            total_ms,
            free_ms: total_ms * 9 / 10 - others_ms,
            ours_ms: total_ms / 10,
            stolen_ms: 0,
            waited_ms: Some(LOOK_MS),
            throttled_ms: 0,
        };
        (ms * 1_000, what)
    });
    history.events.extend(loads);
    history.events.sort_by_key(|(at, _)| *at);
    history
}

fn recovery(judgement: &Judgement) -> &GuaranteeResult {
    let mut answers = judgement.guarantees.iter();
    let answer = answers.find(|answer| answer.kind == GuaranteeKind::Recovery);
    answer.expect("an answer")
}

/// A history of one kill, as it would be on a slower machine, with limits between both.
fn slowed(seed: u64) -> Option<History> {
    let mut setup = Setup::draw(seed);
    setup.blows.truncate(1);
    let blow = setup.blows.first_mut()?;
    (blow.kind, blow.victims) = (Kind::Kill, 1);
    let (mut cluster, stages) = live(setup).ok()?;
    let history = History::of(&mut cluster, &stages);
    let judgement = history.judge();
    let parts = Slowed::of(&judgement).filter(|parts| parts.work_ms() >= LEAST_WORK_MS)?;
    let fault = &judgement.faults[0];
    let slack_ms = parts.work_ms() * (SLOWER - 1) / 4;
    let mut slowed = parts.history(&history);
    let expect = &mut slowed.info.scenario.expect;
    expect.recovery_ms = Some(fault.recovery_ms? + slack_ms);
    expect.outage_ms = Some(fault.outage_ms + slack_ms);
    Some(slowed)
}

#[test]
fn a_recovery_that_others_slowed_down_is_never_broken_and_a_slow_one_is() {
    let count = number("SQUALL_LOADED", number("SQUALL_HISTORIES", 60));
    let first = number("SQUALL_SEED", number("SQUALL_FIRST", 400_000));
    let slowed_down = AtomicU64::new(0);
    for_all(first, count, |seed| {
        let Some(history) = slowed(seed) else { return };
        // A quarter of the machine was left: four times as long is what that makes of it.
        let judgement = watched(&history, 1_000 - 1_000 / SLOWER).judge();
        let sentence = &judgement.sentence;
        let story = history.story.join("\n");
        assert_ne!(judgement.verdict, Verdict::Broken, "{story}\n{sentence}");
        let answer = recovery(&judgement);
        let why = format!("{story}\n{answer:?}");
        assert_eq!(answer.verdict, Verdict::Inconclusive, "{why}");
        assert!(answer.note.contains("other programs took 75 %"), "{why}");
        // With four fifths left, and where nobody says who took what, the machine is no excuse.
        for judgement in [watched(&history, 200).judge(), history.judge()] {
            let answer = recovery(&judgement);
            assert_eq!(answer.verdict, Verdict::Broken, "{why}\n{answer:?}");
        }
        slowed_down.fetch_add(1, Ordering::Relaxed);
    });
    let slowed_down = slowed_down.into_inner();
    println!("{slowed_down} histories slowed down");
    assert!(
        slowed_down * 10 >= count,
        "too few histories have work in them"
    );
}
