//! When a tap or the feed stood still: what came to a tap meanwhile is told with a later time than it came.
//!
//! Nothing is missed by that, for a topic's or a file's records are there when the tap comes back. But a time that it tells
//! then may be late by as much as it stood still; and what the feed did not send was nobody's to deliver.

use std::collections::BTreeMap;

use crate::journal::{Event, Phase, RunInfo, What};
use crate::model::Moment;

use super::history::History;
use super::leg::Leg;
use super::looks::{self, Duty, Look};

/// Who stands still for less is late by no more than every reader may be.
const LEAST_US: u64 = 500_000;
/// So long a tap may take to read what gathered while it stood still.
const CATCHES_UP_US: u64 = 1_000_000;

/// Who stood still.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    Feed,
    /// The tap behind this leg.
    Tap(usize),
    /// The second reader of that tap, which sees aborted records too.
    Twin(usize),
}

/// A stretch in which a tap was not looked at, or nothing was fed.
#[derive(Debug, Clone)]
pub(super) struct Standstill {
    pub who: Who,
    pub from: Moment,
    pub to: Moment,
    /// It never told that it was at work, although it had to.
    pub never: bool,
    pub text: String,
}

impl Standstill {
    /// Whether it touches a stretch of the run, or what was told late because of it does.
    pub(super) fn touches(&self, from: Moment, to: Moment) -> bool {
        self.from < to && from < self.told_until()
    }

    /// When all that gathered meanwhile had been told.
    fn told_until(&self) -> Moment {
        Moment(self.to.0.saturating_add(CATCHES_UP_US))
    }

    /// Whether how the lanes flow at this tap is told wrongly because of it.
    fn is_about(&self, leg: usize) -> bool {
        match self.who {
            Who::Feed => true,
            Who::Tap(tap) => tap == leg,
            Who::Twin(_) => false,
        }
    }
}

/// All of a run, in the order of the places. What was written before taps and feed told of themselves has none.
pub(super) fn all(
    info: &RunInfo,
    history: &History<'_>,
    legs: &[Leg<'_>],
    events: &[Event],
) -> Vec<Standstill> {
    let Some(running) = history.tasks_running else {
        return Vec::new();
    };
    if !info.has_attendance_of_places() {
        return Vec::new();
    }
    let told = looks::told(events);
    let duty = |from: Moment, to: Moment| Duty {
        from,
        to,
        every_ms: looks::TOLD_MS,
        steady: true,
    };
    let mut found = Vec::new();
    if let Some(place) = info.scenario.route.feed() {
        let began = events.iter().find(|event| event.what == What::FeedBegan);
        let from = began.map_or(running, |event| event.at);
        let to = history.phase(Phase::Converge).unwrap_or(history.duty_end());
        let place = place.name.as_str();
        found.extend(of_one(&told, (Who::Feed, place), duty(from, to)));
    }
    for leg in legs {
        let duty = duty(running, history.duty_end());
        let place = leg.tap.name.as_str();
        found.extend(of_one(&told, (Who::Tap(leg.index), place), duty));
        let twin = format!("{place}!uncommitted");
        let rows = history.ended.as_ref().map(|end| end.rows);
        if rows.is_some_and(|rows| rows.contains_key(&twin)) {
            found.extend(of_one(&told, (Who::Twin(leg.index), &twin), duty));
        }
    }
    found
}

fn of_one(
    told: &BTreeMap<&str, Vec<Look>>,
    (who, place): (Who, &str),
    duty: Duty,
) -> Vec<Standstill> {
    let observer = match who {
        Who::Feed => format!("feed {place}"),
        Who::Tap(_) | Who::Twin(_) => format!("tap {place}"),
    };
    let told = told.get(observer.as_str());
    let gaps = match told {
        None => vec![(duty.from, duty.to)],
        Some(told) => long(looks::gaps(told, duty), duty),
    };
    let one = |(from, to): (Moment, Moment)| {
        let (begin, end) = (from.as_seconds(), to.as_seconds());
        Standstill {
            who,
            from,
            to,
            never: told.is_none(),
            text: match who {
                Who::Feed => format!(
                    "nothing was fed to {place} from {begin:.1} to {end:.1} s: the feed stood still"
                ),
                Who::Tap(_) | Who::Twin(_) => {
                    format!("nobody looked at {place} from {begin:.1} to {end:.1} s")
                }
            },
        }
    };
    gaps.into_iter().map(one).collect()
}

/// The gaps that are long enough, within the duty, in order; those that meet are one.
fn long(gaps: Vec<(Moment, Moment)>, duty: Duty) -> Vec<(Moment, Moment)> {
    let within = |(from, to): (Moment, Moment)| (from.max(duty.from), to.min(duty.to));
    let mut cut: Vec<(Moment, Moment)> = gaps.into_iter().map(within).collect();
    cut.retain(|(from, to)| to.0.saturating_sub(from.0) > LEAST_US);
    cut.sort_unstable();
    let mut apart: Vec<(Moment, Moment)> = Vec::new();
    for (from, to) in cut {
        match apart.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => apart.push((from, to)),
        }
    }
    apart
}

/// When a record that a tap tells of can have arrived there at the earliest, in microseconds.
pub(super) fn earliest_us(all: &[Standstill], leg: usize, told_us: u64) -> u64 {
    let own = all.iter().filter(|still| still.who == Who::Tap(leg));
    let late = own.filter(|still| still.from.0 < told_us && told_us <= still.told_until().0);
    late.map(|still| still.from.0).fold(told_us, u64::min)
}

/// When all lanes can have flowed again at the earliest, where they were seen to flow from this moment on.
pub(super) fn flowed_from(all: &[Standstill], seen: Moment) -> Moment {
    let lanes = all
        .iter()
        .filter(|still| !matches!(still.who, Who::Twin(_)));
    let late = lanes.filter(|still| still.from < seen && seen <= still.told_until());
    late.map(|still| still.from).fold(seen, Moment::min)
}

/// What is left of a silence at a tap for certain: its pieces outside of every standstill, of the tap or of the feed.
pub(super) fn certain_pieces(
    all: &[Standstill],
    leg: usize,
    (from, to): (u64, u64),
) -> Vec<(u64, u64)> {
    let mut holes: Vec<(u64, u64)> = all
        .iter()
        .filter(|still| still.is_about(leg))
        .map(|still| (still.from.0, still.told_until().0))
        .collect();
    holes.sort_unstable();
    let (mut pieces, mut begin) = (Vec::new(), from);
    for (hole, over) in holes {
        if hole > begin {
            pieces.push((begin, hole.min(to)));
        }
        begin = begin.max(over);
    }
    pieces.push((begin, to));
    pieces.retain(|(from, to)| from < to);
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standstill_touches_what_ends_after_it_began_and_begins_before_all_was_told() {
        let (from, to) = (Moment::from_ms(10_000), Moment::from_ms(12_000));
        let still = Standstill {
            who: Who::Tap(0),
            from,
            to,
            never: false,
            text: String::new(),
        };
        let told = Moment(to.0 + CATCHES_UP_US);
        let [just_before, just_after] = [Moment(told.0 - 1), Moment(from.0 + 1)];
        assert!(still.touches(just_before, told) && !still.touches(told, Moment(told.0 + 1)));
        assert!(still.touches(Moment(0), just_after) && !still.touches(Moment(0), from));
    }
}
