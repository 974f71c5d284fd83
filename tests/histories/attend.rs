//! What a run of today writes down about its own looking: who looked how often, how far it went on, what is normal.

use std::collections::{BTreeMap, BTreeSet};

use squall::journal::{NormalAtTap, ReadTo, RestClaim, What};
use squall::model::PlaceName;

use super::cluster::Cluster;
use super::group::Ms;
use super::history::History;
use super::life::Stages;
use super::names::{place, place_text, task_id, worker_id, worker_name};

const EVERY_MS: Ms = 5_000;

/// Attendance of all observers, progress, and what the workers' REST interfaces said at first.
pub fn all(cluster: &Cluster, stages: &Stages, history: &History) -> Vec<(u64, What)> {
    let mut events = progress(stages, history);
    for observer in observers(cluster) {
        let duty = (950, stages.over + 150);
        events.extend(attended(cluster, duty, &observer));
    }
    for tap in taps(cluster) {
        events.extend(attended(cluster, (880, stages.over + 120), &tap));
    }
    if history.places.0.contains_key(&place_text(0)) {
        let feed = format!("feed {}", place_text(0));
        events.extend(attended(cluster, (stages.feed, stages.fed), &feed));
    }
    let claims = first_claims(cluster);
    for worker in 0..cluster.setup.workers {
        let what = What::RestView {
            worker: worker_name(worker),
            answer: Ok(claims.clone()),
        };
        events.push((stages.running * 1_000 + 30_000 + worker as u64, what));
    }
    events
}

fn observers(cluster: &Cluster) -> Vec<String> {
    let always = [
        "offsets topic",
        "status topic",
        "config topic",
        "logs",
        "rest",
    ];
    let mut all: Vec<String> = always.map(str::to_owned).to_vec();
    let sinks = cluster.setup.legs.iter().filter(|leg| leg.kind.is_sink());
    let groups: Vec<String> = sinks
        .map(|leg| format!("sink group {}", leg.name))
        .collect();
    if !groups.is_empty() {
        all.push("consumer offsets".to_owned());
    }
    all.extend(groups);
    all
}

/// The readers of the taps, with the second ones of those behind exactly-once sources.
fn taps(cluster: &Cluster) -> Vec<String> {
    let legs = cluster.setup.legs.iter().enumerate();
    let mut all = Vec::new();
    for (number, leg) in legs {
        let tap = format!("tap {}", place_text(number + 1));
        all.extend(leg.exactly_once.then(|| format!("{tap}!uncommitted")));
        all.push(tap);
    }
    all
}

fn attended(cluster: &Cluster, (from, end): (Ms, Ms), observer: &str) -> Vec<(u64, What)> {
    let reads = observer.ends_with("topic") || observer == "consumer offsets";
    let mut events = Vec::new();
    let mut at = from + EVERY_MS;
    let what = |longest_gap_ms, read| What::Attended {
        observer: observer.to_owned(),
        looks: 40,
        longest_gap_ms,
        read,
    };
    while at < end {
        // Some turns are longer than others.
        let gap = 60 + (at * 7 + cluster.setup.seed) % 190;
        events.push((at * 1_000 + 333, what(gap, BTreeMap::new())));
        at += EVERY_MS + gap;
    }
    let next = 1_000 + events.len() as i64;
    let read = reads.then_some((0, ReadTo { next, end: next }));
    events.push((end * 1_000, what(110, read.into_iter().collect())));
    events
}

fn first_claims(cluster: &Cluster) -> BTreeMap<squall::model::TaskId, RestClaim> {
    let first = cluster.tasks().into_iter().filter_map(|task| {
        let run = cluster.runs.iter().find(|run| run.task == task)?;
        let claim = RestClaim {
            state: "RUNNING".to_owned(),
            worker_id: worker_id(run.worker),
        };
        Some((task_id(task), claim))
    });
    first.collect()
}

/// Counters, once a second.
fn progress(stages: &Stages, history: &History) -> Vec<(u64, What)> {
    let taps: Vec<(PlaceName, Vec<u64>)> = (1..=history.setup.legs.len())
        .map(|number| (place(number), firsts(history, number)))
        .collect();
    let fed: Vec<u64> = history
        .places
        .0
        .get(&place_text(0))
        .map_or_else(Vec::new, |rows| {
            rows.iter().map(|seen| seen.row.at.0).collect()
        });
    let count = |times: &[u64], at: u64| times.partition_point(|time| *time <= at) as u64;
    (stages.feed..stages.over)
        .step_by(1_000)
        .map(|ms| {
            let at = ms * 1_000 + 777;
            let seen = taps
                .iter()
                .map(|(name, times)| (name.clone(), count(times, at)));
            let what = What::Progress {
                fed: count(&fed, at),
                seen: seen.collect(),
            };
            (at, what)
        })
        .collect()
}

/// When each record was first seen at a place.
fn firsts(history: &History, number: usize) -> Vec<u64> {
    let mut known = BTreeSet::new();
    let rows = &history.places.0[&place_text(number)];
    let fresh = rows
        .iter()
        .filter(|seen| known.insert((seen.row.lane, seen.row.sequence)));
    fresh.map(|seen| seen.row.at.0).collect()
}

/// What the baseline found normal at each tap.
pub fn normal(
    cluster: &Cluster,
    stages: &Stages,
    history: &History,
) -> BTreeMap<PlaceName, NormalAtTap> {
    let rate = u64::from(cluster.setup.lanes) * 1_000 / cluster.setup.period_ms;
    let (from, to) = ((stages.feed + stages.faults) / 2, stages.faults);
    (1..=cluster.setup.legs.len())
        .map(|number| {
            let silence = silence(history, number, from, to);
            let limits = NormalAtTap {
                backlog_limit: (silence * rate / 1_000 + stages.backlog) * 2 + rate / 4 + 50,
                silence_limit_ms: silence * 2 + 500,
            };
            (place(number), limits)
        })
        .collect()
}

fn silence(history: &History, number: usize, from: Ms, to: Ms) -> Ms {
    let mut last: BTreeMap<u32, Ms> = BTreeMap::new();
    let mut longest = history.setup.period_ms;
    for seen in &history.places.0[&place_text(number)] {
        let at = seen.row.at.as_ms();
        let before = last.insert(seen.row.lane.0, at);
        if (from..to).contains(&at) {
            longest = longest.max(at - before.unwrap_or(from).min(at));
        }
    }
    longest
}
