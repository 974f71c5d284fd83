//! A finished history: what a harness would have left of it, and what really happened.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use squall::journal::{
    Batch, Batches, Event, EventLog, FORMAT, HostInfo, Observation, ObservationError,
    ObservationKind, Places, RunFolder, RunInfo, What, json_bytes,
};
use squall::model::{
    Connector, Decode, Decoded, Direction, Due, DuplicateLimit, Expectations, FaultId,
    KafkaVersion, Lane, LossLimit, Medium, Moment, OffsetMapping, Origin, Place, PlannedFault,
    Restart, Route, RuntimeKind, Seed, Sequence, SequenceNames, StreamId,
};
use squall::plan::Plan;
use squall::scenario::{ConnectSpec, KafkaSpec, Scenario, StreamSpec, Timing};
use squall::verify::{Evidence, Judgement, judge};

use super::cluster::Cluster;
use super::life::Stages;
use super::log::Writer;
use super::names::{connector_name, place, place_text, worker_id, worker_name};
use super::rng::Rng;
use super::setup::{LegKind, Setup, Style};
use super::watch::START_UNIX_MS;

/// A row of a place, and who wrote the record.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    pub row: Observation,
    pub by: Writer,
}

/// Observations by place, also of second readers.
#[derive(Debug, Clone, Default)]
pub struct Observed(pub BTreeMap<String, Vec<Seen>>);

impl Places for Observed {
    fn batches(&self, place: &str) -> Result<Batches<'_>, ObservationError> {
        let rows = self.0.get(place).map_or(&[][..], Vec::as_slice);
        let batches = rows.chunks(1_000).map(|rows| {
            let batch: Batch = rows.iter().map(|seen| seen.row).collect();
            Ok(batch)
        });
        Ok(Box::new(batches))
    }
}

/// A history as it is judged.
#[derive(Debug, Clone)]
pub struct History {
    pub setup: Setup,
    pub stages: Stages,
    pub info: RunInfo,
    pub plan: Plan,
    pub events: Vec<(u64, What)>,
    pub places: Observed,
    /// Sentences about what happened.
    pub story: Vec<String>,
    /// Why the folder is damaged, if it is.
    pub damage: Option<String>,
}

impl History {
    pub fn of(cluster: &mut Cluster, stages: &Stages) -> Self {
        let setup = cluster.setup.clone();
        let info = info(cluster);
        let mut history = Self {
            plan: plan(cluster),
            events: Vec::new(),
            places: observed(cluster),
            story: super::story::tell(cluster),
            damage: None,
            info,
            stages: stages.clone(),
            setup,
        };
        history.events = super::frame::events(cluster, stages, &history);
        history.events.sort_by_key(|(at, _)| *at);
        history
    }

    pub fn log(&self) -> EventLog {
        let events = self.events.iter().enumerate().map(|(n, (at, what))| Event {
            n: n as u64,
            at: Moment(*at),
            what: what.clone(),
        });
        EventLog {
            events: events.collect(),
            damage: self.damage.clone(),
        }
    }

    pub fn judge(&self) -> Judgement {
        let log = self.log();
        judge(&Evidence {
            info: &self.info,
            plan: &self.plan,
            log: &log,
            places: &self.places,
            damage: Vec::new(),
        })
    }

    /// Rows by place as the last event has them.
    pub fn rows(&self) -> BTreeMap<String, u64> {
        let places = self.places.0.iter();
        places
            .map(|(name, rows)| (name.clone(), rows.len() as u64))
            .collect()
    }

    /// The last event counts the rows that are there now.
    pub fn count_rows(&mut self) {
        let now = self.rows();
        for (_, what) in &mut self.events {
            if let What::RunEnded { rows, .. } = what {
                rows.clone_from(&now);
            }
        }
    }

    /// Leaves a run folder, sealed.
    pub fn write(&self, reports: &Path, name: &str) -> RunFolder {
        let folder = RunFolder::create(reports, name).expect("a folder");
        let scenario = format!(
            "name: {}\n# {}\n",
            self.info.scenario.name,
            self.story.join("\n# ")
        );
        folder
            .write("scenario.yaml", scenario.as_bytes())
            .expect("scenario.yaml");
        folder
            .write_json("plan.json", &self.plan)
            .expect("plan.json");
        folder
            .write("run.json", &json_bytes(&self.info))
            .expect("run.json");
        let mut lines = Vec::new();
        for event in &self.log().events {
            serde_json::to_writer(&mut lines, event).expect("an event");
            lines.push(b'\n');
        }
        std::fs::write(folder.join("events.jsonl"), lines).expect("events.jsonl");
        for (place, rows) in &self.places.0 {
            let mut writer = folder.write_observations(place).expect("observations");
            rows.iter()
                .for_each(|seen| writer.push(seen.row).expect("a row"));
            writer.finish().expect("the end of observations");
        }
        folder.seal().expect("a seal");
        folder
    }
}

fn observed(cluster: &mut Cluster) -> Observed {
    let mut places = BTreeMap::new();
    if !matches!(cluster.setup.legs[0].kind, LegKind::Own { .. }) {
        let from_file = cluster.setup.legs[0].kind == LegKind::FileSource;
        let rows = cluster.feed.sent.iter().map(|sent| Seen {
            row: Observation {
                at: Moment(sent.at_us),
                lane: Lane(sent.lane),
                sequence: Sequence(sent.sequence),
                partition: sent.partition as i32,
                position: match (sent.unknown, sent.offset) {
                    (false, Some(offset)) if from_file => offset as i64 * (RECORD_BYTES as i64 + 1),
                    (false, Some(offset)) => offset as i64,
                    _ => -1,
                },
                kind: match (sent.unknown, sent.refused) {
                    (true, _) => ObservationKind::Unknown,
                    (_, true) => ObservationKind::Refused,
                    (false, false) => ObservationKind::Whole,
                },
            },
            by: Writer::Feed,
        });
        places.insert(place_text(0), rows.collect());
    }
    for leg in 0..cluster.setup.legs.len() {
        let exactly_once = cluster.setup.legs[leg].exactly_once;
        places.insert(
            place_text(leg + 1),
            super::tap::read(cluster, leg, exactly_once),
        );
        if exactly_once {
            let name = format!("{}!uncommitted", place_text(leg + 1));
            places.insert(name, super::tap::read(cluster, leg, false));
        }
    }
    Observed(places)
}

fn plan(cluster: &Cluster) -> Plan {
    let faults = cluster
        .strikes
        .faults
        .iter()
        .enumerate()
        .map(|(number, fault)| PlannedFault {
            id: FaultId(number as u32 + 1),
            kind: fault.blow.fault_kind(),
            target: fault.target.clone(),
            draw: fault.blow.draw,
            due: Due::At { ms: fault.due_ms },
            restart: fault
                .blow
                .undo_ms
                .map_or(Restart::Never, |ms| Restart::After { ms }),
        });
    Plan {
        format: 1,
        scenario: "history".to_owned(),
        seed: Seed(cluster.setup.seed as u32),
        faults: faults.collect(),
        estimate_ms: 60_000,
    }
}

fn info(cluster: &Cluster) -> RunInfo {
    let scenario = scenario(cluster);
    let cuts = cluster
        .setup
        .blows
        .iter()
        .any(|blow| blow.kind == super::setup::Kind::Cut);
    RunInfo {
        format: match cluster.setup.style {
            Style::Full => FORMAT,
            Style::Sparse => 1,
        },
        squall: "0.1.0".to_owned(),
        started_unix_us: START_UNIX_MS * 1_000,
        started: "2026-11-28T03:57:18Z".to_owned(),
        runtime: if cuts {
            RuntimeKind::Docker
        } else {
            RuntimeKind::Process
        },
        runtime_facts: BTreeMap::new(),
        watched: Vec::new(),
        seed: Seed(cluster.setup.seed as u32),
        stream: StreamId(7),
        worker_config: scenario.connect.config.clone(),
        connector_configs: match cluster.setup.style {
            Style::Sparse => BTreeMap::new(),
            Style::Full => scenario
                .route
                .connectors()
                .map(|connector| (connector.name.clone(), connector.config.clone()))
                .collect(),
        },
        scenario,
        scenario_path: "history.yaml".to_owned(),
        cluster_arguments: Vec::new(),
        warnings: Vec::new(),
        host: HostInfo::default(),
        worker_ids: (0..cluster.setup.workers)
            .map(|worker| (worker_name(worker), worker_id(worker)))
            .collect(),
        bootstrap: String::new(),
        group_poll_ms: 50,
    }
}

fn worker_config(setup: &Setup) -> BTreeMap<String, String> {
    let mut config: BTreeMap<String, String> = [
        ("consumer.session.timeout.ms", setup.consumer_session_ms),
        ("consumer.heartbeat.interval.ms", setup.consumer_beat_ms),
        ("offset.flush.interval.ms", setup.flush_ms),
        ("scheduled.rebalance.max.delay.ms", setup.delay_ms),
        ("session.timeout.ms", setup.session_ms),
        ("heartbeat.interval.ms", setup.beat_ms),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_string()))
    .into();
    if setup.legs.iter().any(|leg| leg.exactly_once) {
        config.insert(
            "exactly.once.source.support".to_owned(),
            "enabled".to_owned(),
        );
    }
    config
}

fn scenario(cluster: &Cluster) -> Scenario {
    let setup = &cluster.setup;
    let version = KafkaVersion::new(4, 1, 1);
    Scenario {
        name: "history".to_owned(),
        question: "What does a correct Connect do?".to_owned(),
        kafka: KafkaSpec {
            version,
            brokers: 1,
        },
        connect: ConnectSpec {
            version,
            workers: (0..setup.workers).map(worker_name).collect(),
            config: worker_config(setup),
            plugins: Vec::new(),
        },
        stream: StreamSpec {
            lanes: setup.lanes,
            rate_per_second: u64::from(setup.lanes) * 1_000 / setup.period_ms,
            record_size_bytes: RECORD_BYTES,
        },
        route: route(setup),
        faults: Vec::new(),
        expect: expect(cluster),
        timing: Timing {
            baseline_ms: 5_000,
            duration_ms: 10_000,
            recovery_wait_ms: 120_000,
            quiet_ms: 2_000,
            drain_ms: 120_000,
        },
    }
}

/// The size of a record in a file, its line end not counted.
pub const RECORD_BYTES: usize = 100;

/// What a correct Connect can be expected to do with these faults.
fn expect(cluster: &Cluster) -> Expectations {
    let strikes = &cluster.strikes;
    let outlives = |fault: usize| !strikes.faults[fault].blow.fault_kind().ends_process();
    let zombies = strikes
        .struck
        .iter()
        .any(|struck| outlives(struck.fault) && struck.gone);
    let overruns: BTreeSet<(usize, usize)> = strikes
        .struck
        .iter()
        .filter(|struck| struck.overrun)
        .map(|struck| (struck.fault, struck.worker))
        .collect();
    let mut rng = Rng::new(cluster.setup.seed ^ 0xe4ec7);
    let exactly_once = cluster.setup.legs.iter().any(|leg| leg.exactly_once);
    let limit = match rng.chance(70) && !exactly_once {
        true => DuplicateLimit::WithinFlushBound,
        false => DuplicateLimit::Count(1_000_000),
    };
    Expectations {
        lost: Some(LossLimit::anywhere(0)),
        unexplained_duplicates: Some(0),
        duplicates: Some(limit),
        order: Some(0),
        phantoms: Some(0),
        offsets: Some(0),
        overlap_ms: (!zombies).then_some(0),
        recovery_ms: rng.chance(50).then_some(300_000),
        outage_ms: rng.chance(50).then_some(300_000),
        stops: Some(overruns.len() as u64),
    }
}

fn route(setup: &Setup) -> Route {
    let own = matches!(setup.legs[0].kind, LegKind::Own { .. });
    let decode = || match own {
        true => Decode::Pointers {
            lane: Decoded::Value("/lane".to_owned()),
            sequence: Decoded::Value("/seq".to_owned()),
        },
        false => Decode::Line,
    };
    let at = |number: usize, file: bool| Place {
        name: place(number),
        silent_for_ms: None,
        medium: match file {
            true => Medium::File(place_text(number)),
            false => Medium::Topic(place_text(number)),
        },
        partitions: setup.partitions,
        decode: decode(),
    };
    let legs = setup.legs.iter().enumerate().map(|(number, leg)| {
        let connector = Connector {
            name: connector_name(number),
            direction: match leg.kind.is_sink() {
                true => Direction::Sink,
                false => Direction::Source,
            },
            config: connector_config(setup, number),
            told: BTreeMap::new(),
            offsets: match leg.kind {
                LegKind::Mirror => OffsetMapping::MirrorSource,
                LegKind::FileSource => OffsetMapping::FileStreamSource,
                LegKind::FileSink | LegKind::TopicSink => OffsetMapping::SinkGroup,
                LegKind::Own { names_next } => OffsetMapping::Pointers {
                    lane: Some("/lane".to_owned()),
                    sequence: "/seq".to_owned(),
                    names: match names_next {
                        true => SequenceNames::NextToSend,
                        false => SequenceNames::LastSent,
                    },
                },
            },
        };
        (connector, at(number + 1, leg.kind == LegKind::FileSink))
    });
    Route {
        origin: match own {
            true => Origin::Generated,
            false => Origin::Feed(at(0, setup.legs[0].kind == LegKind::FileSource)),
        },
        legs: legs.collect(),
    }
}

pub fn connector_config(setup: &Setup, number: usize) -> BTreeMap<String, String> {
    let leg = &setup.legs[number];
    let mut config = BTreeMap::new();
    if leg.kind.is_sink() && leg.reads_committed {
        config.insert(
            "consumer.override.isolation.level".to_owned(),
            "read_committed".to_owned(),
        );
    }
    if leg.exactly_once {
        config.insert("transaction.boundary".to_owned(), "interval".to_owned());
    }
    if setup.style == Style::Full {
        config.insert("tasks.max".to_owned(), leg.tasks.to_string());
        let class = match leg.kind {
            LegKind::Mirror => "org.apache.kafka.connect.mirror.MirrorSourceConnector",
            LegKind::FileSource => "FileStreamSource",
            LegKind::FileSink => "FileStreamSink",
            LegKind::TopicSink => "org.example.RelaySink",
            LegKind::Own { .. } => "org.example.CounterSource",
        };
        config.insert("connector.class".to_owned(), class.to_owned());
    }
    config
}
