//! Taps and feeds that stand still for a while because the machine is busy, and tell it when they are at work again.

use std::collections::BTreeMap;

use squall::journal::What;
use squall::model::Moment;

use super::group::Ms;
use super::history::History;
use super::names::place_text;
use super::rng::Rng;

/// Nobody looks at the tap behind a leg for a while: what came meanwhile has the time at which it was looked at again.
pub fn tap(history: &mut History, leg: usize, (from, to): (Ms, Ms)) {
    let name = place_text(leg + 1);
    let rows = history.places.0.get_mut(&name).expect("a tap");
    for seen in rows {
        if (from * 1_000..to * 1_000).contains(&seen.row.at.0) {
            seen.row.at = Moment(to * 1_000);
        }
    }
    tell(history, &format!("tap {name}"), (from, to));
}

/// Whoever stood still tells nothing meanwhile, and for how long it was afterwards.
pub fn tell(history: &mut History, observer: &str, (from, to): (Ms, Ms)) {
    let of_it =
        |what: &What| matches!(what, What::Attended { observer: who, .. } if who == observer);
    let within = from * 1_000..to * 1_000;
    history
        .events
        .retain(|(at, what)| !of_it(what) || !within.contains(at));
    let told = What::Attended {
        observer: observer.to_owned(),
        looks: 1,
        longest_gap_ms: to - from,
        read: BTreeMap::new(),
    };
    history.events.push((to * 1_000, told));
    history.events.sort_by_key(|(at, _)| *at);
}

/// A stretch of three seconds or more that begins shortly before a fault acts and ends after it has.
pub fn across_a_fault(history: &History, rng: &mut Rng) -> Option<(Ms, Ms)> {
    let acted = history.events.iter().filter_map(|(at, what)| match what {
        What::FaultActed { .. } => Some(at / 1_000),
        _ => None,
    });
    let acted: Vec<Ms> = acted.collect();
    if acted.is_empty() {
        return None;
    }
    let from = rng.pick(&acted).saturating_sub(rng.range(100, 2_500));
    let to = from + rng.range(3_000, 12_000);
    (from > history.stages.feed && to < history.stages.converge).then_some((from, to))
}

/// Expects times as short as they were, and half a second: so late is any reader.
pub fn tighten(history: &mut History) {
    let faults = history.judge().faults;
    let outage_ms = faults.iter().map(|fault| fault.outage_ms).max();
    let recovery_ms = faults.iter().filter_map(|fault| fault.recovery_ms).max();
    let expect = &mut history.info.scenario.expect;
    expect.outage_ms = outage_ms.map(|ms| ms + 500);
    expect.recovery_ms = recovery_ms.map(|ms| ms + 500);
}
