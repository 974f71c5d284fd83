//! A small made-up run for tests: a feed, a mirror, a sink, three workers, and faults and harm of known size.

use std::collections::BTreeMap;

use serde_json::json;

use crate::journal::{
    Batch, Ending, Event, EventLog, Exit, GroupMember, GroupView, HostInfo, Observation,
    ObservationKind, Phase, Proof, RunInfo, SinkMember, What,
};
use crate::model::{
    Connector, ConnectorName, Decode, Direction, Due, DuplicateLimit, Expectations, FaultId,
    FaultKind, KafkaVersion, Lane, LossLimit, Medium, Moment, OffsetMapping, Origin, Place,
    PlaceName, PlannedFault, Restart, Route, Seed, Sequence, StreamId, Target, TaskId, WorkerName,
};
use crate::plan::Plan;
use crate::scenario::{ConnectSpec, KafkaSpec, Scenario, StreamSpec, Timing};

use super::{Evidence, Judgement, judge};

pub(super) const LANES: u32 = 4;
const HOP_MS: u64 = 20;
const PERIOD_MS: u64 = 50;
const FEED_FROM_MS: u64 = 2_000;
pub(super) const KILL_MS: u64 = 10_000;
const RESUME_MS: u64 = 19_300;

/// What is to happen in a made-up run.
#[derive(Clone)]
pub(super) struct World {
    pub info: RunInfo,
    pub plan: Plan,
    /// Rows of feed, mirror tap and archive tap, by lane.
    pub feed: Vec<Vec<Observation>>,
    pub mirror: Vec<Vec<Observation>>,
    pub archive: Vec<Vec<Observation>>,
    pub events: Vec<(u64, What)>,
    pub faults: Vec<Blow>,
    pub drained: bool,
    pub damage: Option<String>,
}

/// One fault of a made-up run: a worker goes, and 9.3 s later another one has its tasks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Blow {
    pub kind: FaultKind,
    pub at_ms: u64,
    pub victim: &'static str,
    pub heir: &'static str,
    /// The tasks go on from where they were this long before the fault.
    pub back_ms: u64,
    /// How long the victim stands still or has no network; a session is 6 s.
    pub for_ms: u64,
}

/// A worker is given up after this.
const SESSION_MS: u64 = 6_000;

impl Blow {
    /// w2 with mirror-1, archive-1 and lanes 2 and 3 gives way to w3 at 10 s.
    pub(super) fn first(kind: FaultKind) -> Self {
        Self {
            kind,
            at_ms: KILL_MS,
            victim: "w2",
            heir: "w3",
            back_ms: 100,
            for_ms: 0,
        }
    }

    /// The same, standing still or without network for this long; for more than a session it wakes up as a zombie.
    pub(super) fn lasting(kind: FaultKind, for_ms: u64) -> Self {
        Self {
            for_ms,
            ..Self::first(kind)
        }
    }

    pub(super) fn wake_ms(self) -> u64 {
        self.at_ms + self.for_ms
    }

    fn is_kept(self) -> bool {
        !self.kind.ends_process() && self.for_ms < SESSION_MS
    }

    fn is_zombie(self) -> bool {
        !self.kind.ends_process() && self.for_ms >= SESSION_MS
    }

    fn resume_ms(self) -> u64 {
        match self.is_kept() {
            true => self.wake_ms(),
            false => self.at_ms + RESUME_MS - KILL_MS,
        }
    }

    /// From the last commit before it to the first one after it.
    fn without_commits(self) -> std::ops::Range<u64> {
        match self.is_kept() {
            true => self.at_ms..self.wake_ms() + 1_000,
            false if self.is_zombie() => self.at_ms..self.resume_ms() + 500,
            false => {
                self.at_ms.saturating_sub(self.back_ms.max(101) - 101)..self.resume_ms() + 3_000
            }
        }
    }
}

pub(super) fn worker(name: &str) -> WorkerName {
    WorkerName::new(name).unwrap()
}

fn connector(name: &str) -> ConnectorName {
    ConnectorName::new(name).unwrap()
}

pub(super) fn task(name: &str) -> TaskId {
    name.parse().unwrap()
}

fn place(name: &str, topic: bool) -> Place {
    Place {
        name: PlaceName::new(name).unwrap(),
        medium: if topic {
            Medium::Topic(name.to_owned())
        } else {
            Medium::File(name.to_owned())
        },
        partitions: LANES,
        decode: Decode::Line,
        silent_for_ms: None,
    }
}

fn route() -> Route {
    let leg = |name: &str, direction, offsets, tap| {
        let connector = Connector {
            name: connector(name),
            direction,
            config: BTreeMap::new(),
            offsets,
            told: BTreeMap::new(),
        };
        (connector, tap)
    };
    Route {
        origin: Origin::Feed(place("orders", true)),
        legs: vec![
            leg(
                "mirror",
                Direction::Source,
                OffsetMapping::MirrorSource,
                place("src.orders", true),
            ),
            leg(
                "archive",
                Direction::Sink,
                OffsetMapping::SinkGroup,
                place("archive.txt", false),
            ),
        ],
    }
}

fn scenario() -> Scenario {
    let version = KafkaVersion::new(4, 1, 1);
    let worker_config: BTreeMap<String, String> = [
        ("offset.flush.interval.ms", "1000"),
        ("session.timeout.ms", "6000"),
        ("scheduled.rebalance.max.delay.ms", "3000"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    Scenario {
        name: "made-up".to_owned(),
        question: "Is it found?".to_owned(),
        kafka: KafkaSpec {
            version,
            brokers: 1,
        },
        connect: ConnectSpec {
            version,
            workers: ["w1", "w2", "w3"].map(worker).to_vec(),
            config: worker_config,
            plugins: Vec::new(),
        },
        stream: StreamSpec {
            lanes: LANES,
            rate_per_second: u64::from(LANES) * 1_000 / PERIOD_MS,
            record_size_bytes: 100,
        },
        route: route(),
        faults: Vec::new(),
        expect: Expectations {
            lost: Some(LossLimit::anywhere(0)),
            unexplained_duplicates: Some(0),
            duplicates: Some(DuplicateLimit::WithinFlushBound),
            order: Some(0),
            phantoms: Some(0),
            offsets: Some(0),
            overlap_ms: Some(0),
            recovery_ms: Some(20_000),
            outage_ms: None,
            stops: Some(0),
        },
        timing: Timing {
            baseline_ms: 5_000,
            duration_ms: 20_000,
            recovery_wait_ms: 60_000,
            quiet_ms: 1_000,
            drain_ms: 10_000,
        },
    }
}

fn info() -> RunInfo {
    let scenario = scenario();
    let worker_config = scenario.connect.config.clone();
    RunInfo {
        format: 1,
        squall: "0.1.0".to_owned(),
        started_unix_us: 0,
        started: "2026-01-01T00:00:00Z".to_owned(),
        runtime: crate::model::RuntimeKind::Process,
        runtime_facts: BTreeMap::new(),
        watched: Vec::new(),
        seed: Seed(1),
        stream: StreamId(7),
        scenario,
        scenario_path: "made-up.yaml".to_owned(),
        cluster_arguments: Vec::new(),
        warnings: Vec::new(),
        host: HostInfo::default(),
        bootstrap: String::new(),
        worker_ids: BTreeMap::new(),
        worker_config,
        connector_configs: BTreeMap::new(),
        group_poll_ms: 50,
    }
}

fn row(at_ms: u64, lane: u32, sequence: u64) -> Observation {
    Observation {
        at: Moment::from_ms(at_ms),
        lane: Lane(lane),
        sequence: Sequence(sequence),
        partition: lane as i32,
        position: 0,
        kind: ObservationKind::Whole,
    }
}

/// A pause of a lane: the task dies, and goes on later from an index of its input.
#[derive(Clone, Copy)]
struct Pause {
    stop_ms: u64,
    resume_ms: u64,
    from: usize,
}

fn through(rows: &[Observation], pauses: &[Pause]) -> Vec<Observation> {
    let mut out = Vec::new();
    let (mut from, mut not_before_ms) = (0, 0);
    for number in 0..=pauses.len() {
        let stop_ms = pauses.get(number).map_or(u64::MAX, |pause| pause.stop_ms);
        let part = rows[from..].iter().enumerate().map(|(n, row)| {
            let at_ms = (row.at.as_ms() + HOP_MS).max(not_before_ms + n as u64);
            Observation {
                at: Moment::from_ms(at_ms),
                ..*row
            }
        });
        out.extend(part.take_while(|row| row.at.as_ms() <= stop_ms));
        if let Some(pause) = pauses.get(number) {
            (from, not_before_ms) = (pause.from, pause.resume_ms);
        }
    }
    out
}

/// How many rows of the input were delivered at a time, counted along the way to the last resume.
fn delivered(rows: &[Observation], at_ms: u64) -> usize {
    rows.iter()
        .filter(|row| row.at.as_ms() + HOP_MS <= at_ms)
        .count()
}

impl World {
    /// A run of 30 s without faults.
    pub(super) fn calm(records: u64) -> Self {
        Self::with_faults(records, &[])
    }

    /// A run in which w2 is killed (or stopped) at 10 s; mirror-1 and archive-1 with lanes 2 and 3 move to w3.
    pub(super) fn with_fault(records: u64, kind: FaultKind) -> Self {
        Self::with_faults(records, &[Blow::first(kind)])
    }

    /// A run in which each of these faults takes mirror-1 and archive-1 with lanes 2 and 3.
    pub(super) fn with_faults(records: u64, faults: &[Blow]) -> Self {
        let feed: Vec<Vec<Observation>> = (0..LANES)
            .map(|lane| {
                (0..records)
                    .map(|n| row(FEED_FROM_MS + n * PERIOD_MS, lane, n))
                    .collect()
            })
            .collect();
        let mut world = Self {
            info: info(),
            plan: plan(faults),
            mirror: Vec::new(),
            archive: Vec::new(),
            feed,
            events: Vec::new(),
            faults: faults.to_vec(),
            drained: true,
            damage: None,
        };
        world.mirror = world.behind(&world.feed, 0);
        for fault in faults.iter().filter(|fault| fault.is_zombie()) {
            world.haunt(*fault);
        }
        world.archive = world.behind(&world.mirror, 200);
        world.events = world.story();
        world
    }

    /// The victim's source task wakes up and sends what came in while it was away, until the group has settled.
    fn haunt(&mut self, fault: Blow) {
        let wake_ms = fault.wake_ms();
        for (fed, out) in self.feed.iter().zip(&mut self.mirror).skip(2) {
            let missed = &fed[delivered(fed, fault.at_ms)..delivered(fed, wake_ms)];
            out.extend((0..).zip(missed).map(|(n, row)| Observation {
                at: Moment::from_ms(wake_ms + 50 + n),
                ..*row
            }));
            out.sort_by_key(|row| row.at);
        }
    }

    /// Copies of a lane at the mirror's tap, from this time on; nothing else is changed.
    pub(super) fn plant_in(&mut self, lane: usize, at_ms: u64, sequences: std::ops::Range<u64>) {
        let copies = (0..)
            .zip(sequences)
            .map(|(n, s)| row(at_ms + n, lane as u32, s));
        self.mirror[lane].extend(copies);
        self.mirror[lane].sort_by_key(|row| row.at);
        self.archive = self.behind(&self.mirror, 200);
    }

    /// Copies of lane 2 at the mirror's tap, from this time on, one a millisecond; all behind it is made anew.
    pub(super) fn plant(&mut self, at_ms: u64, sequences: std::ops::Range<u64>) {
        let copies = (0..).zip(sequences).map(|(n, s)| row(at_ms + n, 2, s));
        self.mirror[2].extend(copies);
        self.mirror[2].sort_by_key(|row| row.at);
        self.archive = self.behind(&self.mirror, 200);
        self.events = self.story();
    }

    /// What a connector makes of these rows; its tasks go on this long after the others.
    pub(super) fn behind(
        &self,
        input: &[Vec<Observation>],
        later_ms: u64,
    ) -> Vec<Vec<Observation>> {
        let pauses = |rows: &[Observation]| -> Vec<Pause> {
            let of_fault = |fault: &Blow| Pause {
                stop_ms: fault.at_ms,
                resume_ms: fault.resume_ms() + later_ms,
                from: match fault.is_kept() {
                    true => delivered(rows, fault.at_ms),
                    false => delivered(rows, fault.at_ms - fault.back_ms),
                },
            };
            self.faults.iter().map(of_fault).collect()
        };
        let lanes = input.iter().enumerate();
        let of_lane = |(lane, rows): (usize, &Vec<Observation>)| {
            let pauses = if lane >= 2 { pauses(rows) } else { Vec::new() };
            through(rows, &pauses)
        };
        lanes.map(of_lane).collect()
    }

    pub(super) fn story(&self) -> Vec<(u64, What)> {
        let tasks = ["mirror-0", "mirror-1", "archive-0", "archive-1"].map(task);
        let mut events = vec![
            (0, What::PhaseBegan(Phase::Provision)),
            (1_000, What::PhaseBegan(Phase::Deploy)),
            (1_500, group(&["w1", "w2", "w3"], 0, "w2", "b")),
            (
                1_600,
                What::TasksRunning {
                    tasks: tasks.to_vec(),
                },
            ),
            (2_000, What::PhaseBegan(Phase::Baseline)),
            (2_000, What::FeedBegan),
            (8_000, What::PhaseBegan(Phase::Faults)),
        ];
        for (name, lanes) in [
            ("mirror-0", "orders-0,orders-1"),
            ("mirror-1", "orders-2,orders-3"),
        ] {
            let config =
                BTreeMap::from([("task.assigned.partitions".to_owned(), lanes.to_owned())]);
            let what = What::TaskConfig {
                task: task(name),
                config,
            };
            events.push((1_200, what));
        }
        for (name, on) in [
            ("mirror-0", "w1"),
            ("archive-0", "w1"),
            ("mirror-1", "w2"),
            ("archive-1", "w2"),
        ] {
            events.push((1_550, running(name, on)));
        }
        events.push((1_700, sink_group()));
        let first = [
            ("mirror-0", "w1"),
            ("archive-0", "w1"),
            ("mirror-1", "w2"),
            ("archive-1", "w2"),
        ];
        events.extend(first.map(|(name, on)| (1_550, running(name, on))));
        for (number, fault) in self.faults.iter().enumerate() {
            events.extend(fault_story(number, *fault));
            events.push((fault.resume_ms() + 150, sink_group()));
        }
        events.extend(self.commits());
        let end = self.end_ms();
        events.push((end, What::PhaseBegan(Phase::Converge)));
        events.push((end + 2_100, What::PhaseBegan(Phase::TakeDown)));
        events.sort_by_key(|(at, _)| *at);
        events
    }

    pub(super) fn end_ms(&self) -> u64 {
        let last =
            |rows: &Vec<Vec<Observation>>| rows.iter().flatten().map(|row| row.at.as_ms()).max();
        last(&self.feed)
            .max(last(&self.archive))
            .unwrap_or(0)
            .max(24_000)
            + 500
    }

    fn commits(&self) -> Vec<(u64, What)> {
        let mut events = Vec::new();
        for fault in self.faults.iter().filter(|fault| fault.is_zombie()) {
            for lane in 2..LANES as usize {
                let had = delivered(&self.feed[lane], fault.at_ms) as u64;
                events.push((fault.wake_ms() + 20, source_commit(lane, had - 1)));
            }
        }
        for at in (FEED_FROM_MS + 900..=self.end_ms() + 1_900).step_by(1_000) {
            for lane in 0..LANES as usize {
                let silent = |fault: &Blow| fault.without_commits().contains(&at);
                if lane >= 2 && self.faults.iter().any(silent) {
                    continue;
                }
                let settled = at.saturating_sub(1);
                let last = delivered(&self.feed[lane], settled);
                if last > 0 {
                    events.push((at, source_commit(lane, last as u64 - 1)));
                }
                let next = delivered(&self.mirror[lane], settled);
                events.push((at, sink_commit(lane, next as i64)));
            }
        }
        events
    }

    /// All evidence, judged.
    pub(super) fn judge(&self) -> Judgement {
        self.judge_with(|_| {}, |_| {})
    }

    /// All evidence, judged after these changes to events and places.
    pub(super) fn judge_with(
        &self,
        change_events: impl FnOnce(&mut Vec<Event>),
        change_places: impl FnOnce(&mut BTreeMap<PlaceName, Vec<Batch>>),
    ) -> Judgement {
        let (mut log, mut places) = self.evidence();
        change_events(&mut log.events);
        change_places(&mut places);
        judge(&Evidence {
            info: &self.info,
            plan: &self.plan,
            log: &log,
            places: &places,
            damage: Vec::new(),
        })
    }

    pub(super) fn evidence(&self) -> (EventLog, BTreeMap<PlaceName, Vec<Batch>>) {
        let places: BTreeMap<PlaceName, Vec<Batch>> = [
            ("orders", &self.feed),
            ("src.orders", &self.mirror),
            ("archive.txt", &self.archive),
        ]
        .into_iter()
        .map(|(name, rows)| (PlaceName::new(name).unwrap(), batches(rows)))
        .collect();
        let rows = places
            .iter()
            .map(|(name, batches)| {
                (
                    name.to_string(),
                    batches.iter().map(|b| b.len() as u64).sum(),
                )
            })
            .collect();
        let acked = self
            .feed
            .iter()
            .flatten()
            .filter(|row| row.kind == ObservationKind::Whole)
            .count() as u64;
        let end = self.end_ms();
        let mut events = self.events.clone();
        let feed_ended = What::FeedEnded {
            acked,
            refused: 0,
            unknown: 0,
            due: acked,
        };
        events.push((end, feed_ended));
        let drain = What::DrainEnded {
            finished: self.drained,
            why: "all was seen".to_owned(),
        };
        events.push((end + 2_000, drain));
        events.sort_by_key(|(at, _)| *at);
        let ended = What::RunEnded {
            ending: Ending::Complete,
            rows,
            harness_cpu_ms: 1,
        };
        events.push((end + 2_500, ended));
        let events = (0..)
            .zip(events)
            .map(|(n, (at, what))| Event {
                n,
                at: Moment::from_ms(at),
                what,
            })
            .collect();
        let log = EventLog {
            events,
            damage: self.damage.clone(),
        };
        (log, places)
    }
}

pub(super) fn batches(lanes: &[Vec<Observation>]) -> Vec<Batch> {
    let mut rows = Vec::new();
    for lane in lanes {
        rows.extend(lane.iter().enumerate().map(|(position, row)| Observation {
            position: position as i64,
            ..*row
        }));
    }
    rows.chunks(100)
        .map(|chunk| chunk.iter().copied().collect())
        .collect()
}

pub(super) fn plan(faults: &[Blow]) -> Plan {
    let planned = |(number, fault): (u32, &Blow)| PlannedFault {
        id: FaultId(number),
        kind: fault.kind,
        target: Target::Follower,
        draw: 0,
        due: Due::At { ms: 2_000 },
        restart: Restart::After {
            ms: if fault.for_ms > 0 {
                fault.for_ms
            } else {
                2_000
            },
        },
    };
    Plan {
        format: 1,
        scenario: "made-up".to_owned(),
        seed: Seed(1),
        faults: (1..).zip(faults).map(planned).collect(),
        estimate_ms: 30_000,
    }
}

/// A stable view; `carrier` runs the second tasks, w1 the first ones; member ids end in `suffix` for w2.
pub(super) fn group(workers: &[&str], delay_ms: u64, carrier: &str, suffix: &str) -> What {
    let ids: Vec<(&str, &str)> = workers
        .iter()
        .map(|name| (*name, if *name == "w2" { suffix } else { "a" }))
        .collect();
    group_of(&ids, delay_ms, carrier)
}

/// A stable view of these workers with the ends of their member ids.
pub(super) fn group_of(ids: &[(&str, &str)], delay_ms: u64, carrier: &str) -> What {
    let members = ids
        .iter()
        .map(|(name, suffix)| {
            let mut tasks = Vec::new();
            if *name == "w1" {
                tasks.extend(["mirror-0", "archive-0"].map(task));
            }
            if *name == carrier {
                tasks.extend(["mirror-1", "archive-1"].map(task));
            }
            GroupMember {
                member_id: format!("{name}-{suffix}"),
                worker: Some(worker(name)),
                url: format!("http://{name}/"),
                tasks,
                connectors: Vec::new(),
            }
        })
        .collect();
    What::Group(GroupView {
        state: "Stable".to_owned(),
        protocol: "sessioned".to_owned(),
        leader: Some(worker("w1")),
        delay_ms,
        members,
    })
}

pub(super) fn running(name: &str, on: &str) -> What {
    What::TaskStatus {
        task: task(name),
        state: "RUNNING".to_owned(),
        worker: Some(worker(on)),
        generation: 3,
        trace: None,
    }
}

fn sink_group() -> What {
    sink_members(&[("archive-0", &[0, 1]), ("archive-1", &[2, 3])])
}

/// Who reads which partitions of the sink's input.
pub(super) fn sink_members(readers: &[(&str, &[i32])]) -> What {
    let member = |(name, partitions): &(&str, &[i32])| SinkMember {
        task: Some(task(name)),
        partitions: partitions.to_vec(),
    };
    What::SinkGroup {
        connector: connector("archive"),
        members: readers.iter().map(member).collect(),
    }
}

pub(super) fn source_commit(lane: usize, last: u64) -> What {
    What::SourceCommit {
        connector: connector("mirror"),
        partition: json!({"cluster": "src", "partition": lane, "topic": "orders"}),
        offset: json!({ "offset": last }),
        broker_ms: 0,
    }
}

pub(super) fn sink_commit(lane: usize, next: i64) -> What {
    What::SinkCommit {
        connector: connector("archive"),
        topic: "src.orders".to_owned(),
        partition: lane as i32,
        next_offset: Some(next),
        broker_ms: 0,
    }
}

pub(super) fn fault_story(number: usize, blow: Blow) -> Vec<(u64, What)> {
    if !blow.kind.ends_process() {
        return pause_story(number, blow);
    }
    let victim = worker(blow.victim);
    let fault = FaultId(number as u32 + 1);
    let exit = match blow.kind {
        FaultKind::Stop { .. } => Exit::Code(143),
        _ => Exit::Signal(9),
    };
    let intended = What::FaultIntended {
        fault,
        kind: blow.kind,
        target: Target::Follower,
        workers: vec![victim.clone()],
        why: "a follower".to_owned(),
        postponed_ms: 0,
    };
    let acted = What::FaultActed {
        fault,
        worker: victim.clone(),
        member_id: None,
    };
    let ended = What::ProcessEnded {
        name: blow.victim.to_owned(),
        incarnation: 1,
        exit,
        asked: true,
    };
    let undone = What::FaultUndone {
        fault,
        worker: victim.clone(),
    };
    let proof = |proof| What::FaultProof { fault, proof };
    let process = Proof::ProcessEnded {
        worker: victim.clone(),
        exit,
        took_ms: 5,
    };
    let member = Proof::MemberGone {
        worker: victim,
        member_id: format!("{}-old", blow.victim),
    };
    // The victim comes back under a new id; those of the others end as they did.
    let suffix = |name| match (name == blow.victim, name, number) {
        (true, _, _) => ["c", "d", "e"][number],
        (false, "w2", 0) => "b",
        (false, "w2", _) => "c",
        (false, _, _) => "a",
    };
    let ids = ["w1", "w2", "w3"].map(|name| (name, suffix(name)));
    let at = blow.at_ms;
    vec![
        (at - 10, intended),
        (at, acted),
        (at + 5, ended),
        (at + 6, proof(process)),
        (at + 2_000, undone),
        (at + 6_000, group_of(&ids, 3_000, "")),
        (at + 6_001, proof(member)),
        (at + 9_000, group_of(&ids, 0, blow.heir)),
        (at + 9_200, running("mirror-1", blow.heir)),
        (at + 9_250, running("archive-1", blow.heir)),
    ]
}

/// A worker stands still or loses its network; given up, it comes back under a new id, and its heir's tasks start anew.
fn pause_story(number: usize, blow: Blow) -> Vec<(u64, What)> {
    let victim = worker(blow.victim);
    let fault = FaultId(number as u32 + 1);
    let took_ms = 5;
    let proof = |proof| What::FaultProof { fault, proof };
    let (at, wake) = (blow.at_ms, blow.wake_ms());
    let mut story = vec![
        (
            at - 10,
            What::FaultIntended {
                fault,
                kind: blow.kind,
                target: Target::Follower,
                workers: vec![victim.clone()],
                why: "a follower".to_owned(),
                postponed_ms: 0,
            },
        ),
        (
            at,
            What::FaultActed {
                fault,
                worker: victim.clone(),
                member_id: None,
            },
        ),
        (
            at + 5,
            proof(match blow.kind {
                FaultKind::Disconnect => Proof::Disconnected {
                    worker: victim.clone(),
                    took_ms,
                },
                _ => Proof::Paused {
                    worker: victim.clone(),
                    took_ms,
                },
            }),
        ),
        (
            wake,
            What::FaultUndone {
                fault,
                worker: victim.clone(),
            },
        ),
    ];
    if !blow.is_zombie() {
        return story;
    }
    let gone = Proof::MemberGone {
        worker: victim,
        member_id: format!("{}-b", blow.victim),
    };
    let others = [("w1", "a"), ("w3", "a")];
    let all = [("w1", "a"), ("w2", "c"), ("w3", "a")];
    story.extend([
        (at + 6_000, group_of(&others, 3_000, "")),
        (at + 6_001, proof(gone)),
        (at + 9_000, group_of(&others, 0, blow.heir)),
        (at + 9_200, running("mirror-1", blow.heir)),
        (at + 9_250, running("archive-1", blow.heir)),
        (wake + 500, group_of(&all, 0, "")),
        (wake + 600, group_of(&all, 0, blow.heir)),
        (wake + 650, running("mirror-1", blow.heir)),
        (wake + 660, running("archive-1", blow.heir)),
    ]);
    story
}

/// What a living cluster leaves in the journal beside the story of a kill at 10 s.
pub(super) fn living() -> Vec<(u64, What)> {
    let fault = FaultId(1);
    let name = "w1".to_owned();
    let started = What::ProcessStarted {
        name: name.clone(),
        pid: 7,
        incarnation: 1,
        log: "logs/w1.log".to_owned(),
    };
    let ready = What::ProcessReady {
        name,
        incarnation: 1,
        took_ms: 300,
    };
    let config = What::ConnectorConfig {
        connector: connector("mirror"),
        config: Some(BTreeMap::new()),
    };
    let rest = What::RestView {
        worker: worker("w1"),
        answer: Ok(BTreeMap::new()),
    };
    let log = What::Log {
        worker: worker("w1"),
        incarnation: 1,
        worker_ms: 400,
        level: "INFO".to_owned(),
        fact: crate::journal::LogFact::FinishedStartingWork,
        text: "started".to_owned(),
    };
    let progress = What::Progress {
        fed: 1,
        seen: BTreeMap::new(),
    };
    let baseline = What::BaselineReached {
        since: Moment::from_ms(3_000),
        normal: BTreeMap::new(),
        rate_per_second: 80.0,
        backlog: 4,
    };
    let offsets = What::FinalOffsets {
        sinks: BTreeMap::new(),
        ends: BTreeMap::new(),
    };
    vec![
        (100, started),
        (400, ready),
        (500, log),
        (900, rest),
        (1_050, config),
        (1_100, What::ConnectorCreated(connector("mirror"))),
        (3_000, progress),
        (7_900, baseline),
        (21_000, What::RecoverySeen { fault }),
        (25_000, offsets),
        (
            25_001,
            What::FinalSourceOffsets {
                sources: BTreeMap::new(),
            },
        ),
    ]
}
