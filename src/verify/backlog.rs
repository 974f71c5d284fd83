//! Throughput, backlog and latency over time, from counts in equal buckets.

use hdrhistogram::Histogram;

use crate::model::Moment;

use super::case::Case;
use super::{Latency, Series};

/// Records of a lane that wait before a tap, at the end of each bucket: those that the place before it has and that lie
/// beyond the newest one here. What is missing although a later one has come does not wait. Empty where nothing tells what
/// was sent.
pub(super) fn of_lane(case: &Case<'_>, leg: usize, lane: usize) -> Vec<i64> {
    let front: &[u32] = match (&case.feed, leg.checked_sub(1)) {
        (_, Some(before)) => &case.taps[before].lanes[lane].advanced,
        (Some(feed), None) => &feed.lanes[lane].advanced,
        (None, None) => return Vec::new(),
    };
    let mut waiting = 0;
    let buckets = front.iter().zip(&case.taps[leg].lanes[lane].advanced);
    buckets
        .map(|(sent, arrived)| {
            waiting += i64::from(*sent) - i64::from(*arrived);
            waiting.max(0)
        })
        .collect()
}

/// The same of all lanes together; lanes that the tap had never had by the end of the baseline are not waited for.
pub(super) fn of_tap(case: &Case<'_>, leg: usize) -> Vec<i64> {
    let mut sums = Vec::new();
    for lane in (0..case.frame.lanes).filter(|lane| is_seen(case, leg, *lane)) {
        let of_lane = of_lane(case, leg, lane);
        sums.resize(of_lane.len().max(sums.len()), 0);
        for (sum, waiting) in sums.iter_mut().zip(of_lane) {
            *sum += waiting;
        }
    }
    sums
}

/// Whether a tap had had a record of a lane by the end of the baseline.
pub(super) fn is_seen(case: &Case<'_>, leg: usize, lane: usize) -> bool {
    let to = case
        .frame
        .baseline
        .map_or(usize::MAX, |(_, to)| case.frame.grid.index(to));
    let advanced = &case.taps[leg].lanes[lane].advanced;
    advanced.iter().take(to.saturating_add(1)).any(|by| *by > 0)
}

/// Whether the place before a tap has had records of a lane beyond the last one that came here.
pub(super) fn more_was_to_come(case: &Case<'_>, leg: usize, lane: usize) -> bool {
    let front = match (&case.feed, leg.checked_sub(1)) {
        (_, Some(before)) => case.taps[before].lanes[lane].highest,
        (Some(feed), None) => feed.lanes[lane].highest,
        (None, None) => None,
    };
    front > case.taps[leg].lanes[lane].highest
}

/// The highest of these in the second half of the baseline.
pub(super) fn highest_in_baseline(case: &Case<'_>, backlog: &[i64]) -> Option<i64> {
    let grid = case.frame.grid;
    let (from, to) = case.frame.baseline?;
    let (from, to) = (grid.index(from), grid.index(to));
    let middle = from + (to - from) / 2;
    backlog.get(middle..=to)?.iter().max().copied()
}

/// The highest backlog of the baseline and what the pace adds in one bucket: up to here a lane counts as caught up.
pub(super) fn normal_level(case: &Case<'_>, backlog: &[i64]) -> i64 {
    let grid = case.frame.grid;
    let per_bucket = (case.lane_rate() * grid.bucket_us as f64 / 1e6).ceil() as i64;
    let in_baseline = highest_in_baseline(case, backlog);
    let level = in_baseline.unwrap_or_else(|| case.lane_rate().ceil() as i64);
    level.max(0) + per_bucket + 1
}

/// When a lane's backlog was back to normal at or after a moment; `None` when that was not seen.
pub(super) fn gone(case: &Case<'_>, backlog: &[i64], from: Moment) -> Option<Moment> {
    if backlog.is_empty() {
        return Some(from);
    }
    let grid = case.frame.grid;
    let level = normal_level(case, backlog);
    let first = grid.index(from.0);
    let found = (first..backlog.len()).find(|bucket| backlog[*bucket] <= level)?;
    if found == first {
        return Some(from);
    }
    Some(Moment((found as u64 + 1).saturating_mul(grid.bucket_us)))
}

/// Arrivals per second and backlog of every tap.
pub(super) fn series(case: &Case<'_>) -> Vec<Series> {
    let mut all = Vec::new();
    for leg in 0..case.legs.len() {
        all.push(throughput(case, leg));
        all.extend(backlog(case, leg));
    }
    all
}

fn throughput(case: &Case<'_>, leg: usize) -> Series {
    let grid = case.frame.grid;
    let mut counts = vec![0_u64; grid.count];
    for lane in &case.taps[leg].lanes {
        for (count, arrived) in counts.iter_mut().zip(&lane.arrivals) {
            *count += u64::from(*arrived);
        }
    }
    let seconds = grid.bucket_us as f64 / 1e6;
    let values: Vec<f64> = counts.iter().map(|count| *count as f64 / seconds).collect();
    let place = case.legs[leg].tap.name.clone();
    Series {
        label: format!("arrived at {place}"),
        unit: "records/s".to_owned(),
        place,
        bucket_ms: grid.bucket_ms(),
        low: values.clone(),
        high: values,
        baseline: case.history.baseline_rate,
    }
}

fn backlog(case: &Case<'_>, leg: usize) -> Option<Series> {
    let grid = case.frame.grid;
    let mut sums = vec![0_i64; grid.count];
    let mut measured = false;
    for lane in 0..case.frame.lanes {
        let of_lane = of_lane(case, leg, lane);
        measured |= !of_lane.is_empty();
        for (sum, value) in sums.iter_mut().zip(of_lane) {
            *sum += value;
        }
    }
    if !measured {
        return None;
    }
    let at_end: Vec<f64> = sums.iter().map(|sum| (*sum).max(0) as f64).collect();
    let at_start = std::iter::once(0.0).chain(at_end.iter().copied());
    let pairs: Vec<(f64, f64)> = at_start.zip(at_end.iter().copied()).collect();
    let place = case.legs[leg].tap.name.clone();
    Some(Series {
        label: format!("backlog before {place}"),
        unit: "records".to_owned(),
        place,
        bucket_ms: grid.bucket_ms(),
        low: pairs.iter().map(|(a, b)| a.min(*b)).collect(),
        high: pairs.iter().map(|(a, b)| a.max(*b)).collect(),
        baseline: case.history.baseline_backlog.map(|backlog| backlog as f64),
    })
}

/// Latency to each tap, in the baseline and over the whole run.
pub(super) fn latency(case: &Case<'_>) -> Vec<Latency> {
    let mut all = Vec::new();
    for (leg, tap) in case.legs.iter().zip(&case.taps) {
        let Some((calm, whole)) = &tap.latency else {
            continue;
        };
        for (phase, histogram) in [("baseline", calm), ("whole run", whole)] {
            if !histogram.is_empty() {
                all.push(latency_of(&leg.tap.name, phase, histogram));
            }
        }
    }
    all
}

fn latency_of(place: &crate::model::PlaceName, phase: &str, histogram: &Histogram<u64>) -> Latency {
    let ms = |quantile: f64| histogram.value_at_quantile(quantile) as f64 / 1e3;
    Latency {
        place: place.clone(),
        phase: phase.to_owned(),
        samples: histogram.len(),
        p50_ms: ms(0.5),
        p95_ms: ms(0.95),
        p99_ms: ms(0.99),
        max_ms: histogram.max() as f64 / 1e3,
    }
}

#[cfg(test)]
mod tests {
    use crate::model::FaultKind;

    use super::super::world::World;

    #[test]
    fn what_arrives_in_a_second_and_what_waits_is_told_for_each_tap_in_buckets() {
        let judgement = World::with_fault(440, FaultKind::Kill).judge();
        let series = |label: &str| {
            let mut all = judgement.series.iter();
            all.find(|series| series.label == label).unwrap()
        };
        let arrived = series("arrived at src.orders");
        assert_eq!(arrived.bucket_ms, 100);
        // Four lanes of 20 records a second; after the kill at 10 s two of them are silent.
        let at = [50, 150].map(|bucket| (arrived.low[bucket], arrived.high[bucket]));
        assert_eq!(at, [(80.0, 80.0), (40.0, 40.0)]);
        // By 19.3 s 346 records of each of these two were fed, of which 160 had come before the kill.
        let waiting = series("backlog before src.orders");
        assert_eq!((waiting.low[192], waiting.high[192]), (368.0, 372.0));
    }

    #[test]
    fn latency_in_the_baseline_is_of_records_that_were_sent_and_came_within_it() {
        let latency = World::calm(440).judge().latency;
        let of_mirror = latency.iter().filter(|l| l.place.as_str() == "src.orders");
        let samples: Vec<(&str, u64)> = of_mirror.map(|l| (l.phase.as_str(), l.samples)).collect();
        // Each 64th of 440 records in four lanes: seven of a lane, of which two came by 8 s.
        assert_eq!(samples, [("baseline", 8), ("whole run", 28)]);
    }
}
