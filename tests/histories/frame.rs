//! What a run writes down besides what it observes: its stages, configurations, counts and its end.

use std::collections::BTreeMap;

use squall::journal::{Ending, Exit, ObservationKind, Phase, What};

use super::cluster::{Cluster, Process};
use super::history::History;
use super::life::Stages;
use super::names::{connector_name, place, place_text, task_id};
use super::setup::{LegKind, Style};

type Events = Vec<(u64, What)>;

/// All events of a history, not yet in order.
pub fn events(cluster: &Cluster, stages: &Stages, history: &History) -> Events {
    let full = cluster.setup.style == Style::Full;
    let mut events = cluster.events.clone();
    events.extend(configurations(cluster));
    if full {
        events.extend(provision(cluster));
        events.push((
            stages.drained * 1_000 + 20_000,
            final_offsets(cluster, stages),
        ));
        events.push((
            stages.drained * 1_000 + 20_500,
            final_source_offsets(cluster, stages),
        ));
        events.push((
            stages.faults * 1_000 + 9,
            baseline(cluster, stages, history),
        ));
        events.extend(super::attend::all(cluster, stages, history));
    }
    let fed = stages.feed * 1_000 - 2_000;
    events.push((
        stages.running * 1_000 + 70_000,
        What::TasksRunning {
            tasks: cluster.task_ids(),
        },
    ));
    events.push((fed - 1_000, What::PhaseBegan(Phase::Baseline)));
    events.push((stages.faults * 1_000 + 10, What::PhaseBegan(Phase::Faults)));
    events.push((stages.converge * 1_000, What::PhaseBegan(Phase::Converge)));
    if history.places.0.contains_key(&place_text(0)) {
        events.push((fed, What::FeedBegan));
        events.push((stages.fed * 1_000, fed_all(history)));
    }
    let why = "every acknowledged record was seen at every tap".to_owned();
    let finished = true;
    if full {
        events.push((stages.fed * 1_000 + 40, What::PhaseBegan(Phase::Drain)));
    }
    let drained = stages.drained * 1_000 + 21_000;
    events.push((drained, What::DrainEnded { finished, why }));
    if full {
        events.push((drained + 40, What::PhaseBegan(Phase::Collect)));
    }
    let over = stages.over * 1_000 + 200_000;
    events.push((over, What::PhaseBegan(Phase::TakeDown)));
    if full {
        events.extend(taken_down(cluster, over + 50_000));
    }
    let ended = What::RunEnded {
        ending: Ending::Complete,
        rows: history.rows(),
        harness_cpu_ms: 1_000,
    };
    events.push((over + 400_000, ended));
    events
}

fn configurations(cluster: &Cluster) -> Events {
    let mut events = vec![
        (0, What::PhaseBegan(Phase::Provision)),
        (900_000, What::PhaseBegan(Phase::Deploy)),
    ];
    let full = cluster.setup.style == Style::Full;
    for (number, task) in (0..).zip(cluster.tasks()) {
        let leg = &cluster.setup.legs[task.0];
        let mut config = BTreeMap::new();
        if leg.kind == LegKind::Mirror {
            let all = 0..cluster.setup.partitions;
            let own = all.filter(|partition| partition % leg.tasks == task.1);
            let names: Vec<String> = own
                .map(|partition| format!("{}-{partition}", place_text(task.0)))
                .collect();
            config.insert("task.assigned.partitions".to_owned(), names.join(","));
        } else if !full {
            continue;
        }
        let task = task_id(task);
        events.push((950_000 + number, What::TaskConfig { task, config }));
    }
    if full {
        for leg in 0..cluster.setup.legs.len() {
            let config = What::ConnectorConfig {
                connector: connector_name(leg),
                config: Some(super::history::connector_config(&cluster.setup, leg)),
            };
            events.push((905_000 + leg as u64, config));
            events.push((
                910_000 + leg as u64,
                What::ConnectorCreated(connector_name(leg)),
            ));
        }
    }
    events
}

fn provision(cluster: &Cluster) -> Events {
    let mut events = Vec::new();
    let names = std::iter::once("broker-1".to_owned())
        .chain(cluster.workers.iter().map(|worker| worker.name.clone()));
    for (number, name) in (0..).zip(names) {
        let started = What::ProcessStarted {
            name: name.clone(),
            pid: 500 + number,
            incarnation: 1,
            log: format!("logs/{name}-1.log"),
        };
        events.push((10_000 + u64::from(number), started));
        let ready = What::ProcessReady {
            name,
            incarnation: 1,
            took_ms: 800,
        };
        events.push((810_000 + u64::from(number), ready));
    }
    events
}

fn baseline(cluster: &Cluster, stages: &Stages, history: &History) -> What {
    let since = squall::model::Moment((stages.feed + (stages.faults - stages.feed) / 2) * 1_000);
    What::BaselineReached {
        since,
        rate_per_second: f64::from(cluster.setup.lanes) * 1_000.0 / cluster.setup.period_ms as f64,
        backlog: stages.backlog,
        normal: super::attend::normal(cluster, stages, history),
    }
}

fn fed_all(history: &History) -> What {
    let feed = history
        .places
        .0
        .get(&place_text(0))
        .map_or(&[][..], Vec::as_slice);
    let count = |kind| feed.iter().filter(|seen| seen.row.kind == kind).count() as u64;
    What::FeedEnded {
        acked: count(ObservationKind::Whole),
        refused: count(ObservationKind::Refused),
        unknown: count(ObservationKind::Unknown),
        due: feed.len() as u64,
    }
}

fn final_offsets(cluster: &Cluster, stages: &Stages) -> What {
    let legs = cluster.setup.legs.iter().enumerate();
    let sinks = legs
        .clone()
        .filter(|(_, leg)| leg.kind.is_sink())
        .map(|(number, _)| {
            let committed = stages.committed[number].iter();
            let by_partition = committed.map(|(partition, next)| (*partition as i32, *next as i64));
            (connector_name(number), by_partition.collect())
        });
    let first = cluster.setup.legs[0].kind;
    let no_topic = matches!(first, LegKind::Own { .. } | LegKind::FileSource);
    let topics = (0..=cluster.setup.legs.len()).filter(|number| match number.checked_sub(1) {
        None => !no_topic,
        Some(leg) => cluster.setup.legs[leg].kind != LegKind::FileSink,
    });
    let ends = topics.map(|number| {
        let of = (0..)
            .zip(&stages.ends[number])
            .map(|(partition, end)| (partition, *end as i64));
        (place(number), of.collect())
    });
    What::FinalOffsets {
        sinks: sinks.collect(),
        ends: ends.collect(),
    }
}

/// What each source has committed at the end, as REST tells it.
fn final_source_offsets(cluster: &Cluster, stages: &Stages) -> What {
    let legs = cluster.setup.legs.iter().enumerate();
    let sources = legs
        .filter(|(_, leg)| !leg.kind.is_sink())
        .map(|(number, _)| {
            let committed = stages.committed[number].iter();
            let offsets = committed.map(|(key, next)| cluster.source_offset(number, *key, *next));
            (connector_name(number), offsets.collect())
        });
    What::FinalSourceOffsets {
        sources: sources.collect(),
    }
}

fn taken_down(cluster: &Cluster, from_us: u64) -> Events {
    let up = cluster
        .workers
        .iter()
        .filter(|worker| worker.process != Process::Down);
    let workers = up.map(|worker| (worker.name.clone(), worker.incarnation));
    let all = std::iter::once(("broker-1".to_owned(), 1)).chain(workers);
    (0..)
        .zip(all)
        .map(|(number, (name, incarnation))| {
            let what = What::ProcessEnded {
                name,
                incarnation,
                exit: Exit::Signal(9),
                asked: true,
            };
            (from_us + number, what)
        })
        .collect()
}
