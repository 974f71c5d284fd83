//! Measures how fast a stored run of ten million records, one in a hundred out of the ordinary, is verified, beside a reader that only decodes.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark prints its figures"
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use squall::journal::{
    Clock, Ending, Event, EventLog, HostInfo, Observation, ObservationKind, Phase, Places,
    RunFolder, RunInfo, What,
};
use squall::model::{
    Connector, ConnectorName, Decode, Direction, Expectations, KafkaVersion, Lane, LossLimit,
    Medium, Moment, OffsetMapping, Origin, Place, PlaceName, Route, Seed, Sequence, StreamId,
    WorkerName,
};
use squall::plan::Plan;
use squall::scenario::{ConnectSpec, KafkaSpec, Scenario, StreamSpec, Timing};
use squall::verify::{Evidence, judge};

const LANES: u32 = 12;
const RATE: u64 = 50_000;

fn place(name: &str) -> Place {
    Place {
        silent_for_ms: None,
        name: PlaceName::new(name).expect("the name is plain"),
        medium: Medium::Topic(name.to_owned()),
        partitions: LANES,
        decode: Decode::Line,
    }
}

fn info() -> RunInfo {
    let version = KafkaVersion::new(4, 1, 1);
    let connector = Connector {
        name: ConnectorName::new("mirror").expect("the name is plain"),
        direction: Direction::Source,
        config: BTreeMap::new(),
        offsets: OffsetMapping::MirrorSource,
        told: BTreeMap::new(),
    };
    let scenario = Scenario {
        name: "bench".to_owned(),
        question: "How fast is a run verified?".to_owned(),
        kafka: KafkaSpec {
            version,
            brokers: 1,
        },
        connect: ConnectSpec {
            version,
            workers: vec![WorkerName::new("w1").expect("the name is plain")],
            config: BTreeMap::new(),
            plugins: Vec::new(),
        },
        stream: StreamSpec {
            lanes: LANES,
            rate_per_second: RATE,
            record_size_bytes: 200,
        },
        route: Route {
            origin: Origin::Feed(place("orders")),
            legs: vec![(connector, place("src.orders"))],
        },
        faults: Vec::new(),
        expect: Expectations {
            lost: Some(LossLimit::anywhere(0)),
            unexplained_duplicates: Some(0),
            order: Some(0),
            ..Expectations::default()
        },
        timing: Timing {
            baseline_ms: 1_000,
            duration_ms: 1_000,
            recovery_wait_ms: 1_000,
            quiet_ms: 1_000,
            drain_ms: 1_000,
        },
    };
    RunInfo {
        warnings: Vec::new(),
        format: 1,
        squall: "bench".to_owned(),
        started_unix_us: 0,
        started: String::new(),
        runtime: squall::model::RuntimeKind::Process,
        runtime_facts: BTreeMap::new(),
        watched: Vec::new(),
        seed: Seed(1),
        stream: StreamId(1),
        scenario,
        scenario_path: String::new(),
        cluster_arguments: Vec::new(),
        host: HostInfo::default(),
        bootstrap: String::new(),
        worker_ids: BTreeMap::new(),
        worker_config: BTreeMap::new(),
        connector_configs: BTreeMap::new(),
        group_poll_ms: 50,
    }
}

/// What is written for record `n` of the stream at the tap: one in 400 is lost, repeated, swapped with the next of its
/// lane, or followed by a phantom; together one in a hundred.
fn at_tap(n: u64, mut write: impl FnMut(u64, u64)) {
    let (lane, sequence) = (n % u64::from(LANES), n / u64::from(LANES));
    match sequence % 400 {
        0 => {}
        100 => {
            write(lane, sequence);
            write(lane, sequence);
        }
        200 => write(lane, sequence + 1),
        201 => write(lane, sequence - 1),
        300 => {
            write(lane, sequence);
            write(lane, sequence + 1_000_000_000);
        }
        _ => write(lane, sequence),
    }
}

fn write_run(folder: &RunFolder, records: u64) -> (u64, u64) {
    let row = |at: u64, lane: u64, sequence: u64, position: i64| Observation {
        at: Moment(at),
        lane: Lane(lane as u32),
        sequence: Sequence(sequence),
        partition: lane as i32,
        position,
        kind: ObservationKind::Whole,
    };
    let mut feed = folder
        .write_observations("orders")
        .expect("the disk takes it");
    let mut tap = folder
        .write_observations("src.orders")
        .expect("the disk takes it");
    let mut positions = vec![0_i64; LANES as usize];
    for n in 0..records {
        let at = n * 1_000_000 / RATE;
        let (lane, sequence) = (n % u64::from(LANES), n / u64::from(LANES));
        feed.push(row(at, lane, sequence, sequence as i64))
            .expect("the disk takes it");
        at_tap(n, |lane, sequence| {
            let position = &mut positions[lane as usize];
            tap.push(row(at + 15_000, lane, sequence, *position))
                .expect("the disk takes it");
            *position += 1;
        });
    }
    let fed = feed.finish().expect("the disk takes it");
    let arrived = tap.finish().expect("the disk takes it");
    (fed, arrived)
}

fn events(records: u64, rows: (u64, u64)) -> EventLog {
    let end = records * 1_000_000 / RATE + 1_000_000;
    let list = [
        (0, What::PhaseBegan(Phase::Baseline)),
        (1_000_000, What::PhaseBegan(Phase::Faults)),
        (
            end,
            What::FeedEnded {
                acked: records,
                refused: 0,
                unknown: 0,
                due: records,
            },
        ),
        (
            end,
            What::DrainEnded {
                finished: true,
                why: String::new(),
            },
        ),
        (
            end,
            What::RunEnded {
                ending: Ending::Complete,
                rows: BTreeMap::from([
                    ("orders".to_owned(), rows.0),
                    ("src.orders".to_owned(), rows.1),
                ]),
                harness_cpu_ms: 0,
            },
        ),
    ];
    let events = (0..).zip(list).map(|(n, (at, what))| Event {
        n,
        at: Moment(at),
        what,
    });
    EventLog {
        events: events.collect(),
        damage: None,
    }
}

/// Decodes both places and adds something up, so that nothing is left out.
fn only_decode(folder: &RunFolder) -> u64 {
    ["orders", "src.orders"]
        .iter()
        .flat_map(|place| folder.batches(place).expect("the file is there"))
        .map(|batch| {
            batch
                .expect("the file is whole")
                .sequence
                .iter()
                .fold(0, |a, b| a ^ b)
        })
        .fold(0, |a, b| a ^ b)
}

fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok())
        .unwrap_or(0)
}

/// Makes the peak start again from what is resident now.
fn reset_peak() {
    let done = std::fs::write("/proc/self/clear_refs", "5");
    if done.is_err() {
        eprintln!("the peak cannot be reset: the memory figure has the writing in it");
    }
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let clock = Clock::start();
    let result = work();
    (result, clock.now().since(Moment(0)))
}

fn measure(reports: &Path, records: u64) {
    let folder = RunFolder::create(reports, "bench").expect("the disk takes it");
    let rows = write_run(&folder, records);
    let (info, log) = (info(), events(records, rows));
    let plan = Plan {
        format: 1,
        scenario: "bench".to_owned(),
        seed: Seed(1),
        faults: Vec::new(),
        estimate_ms: 0,
    };
    let evidence = Evidence {
        info: &info,
        plan: &plan,
        log: &log,
        places: &folder,
        damage: Vec::new(),
    };
    reset_peak();
    let (sum, reference) = timed(|| only_decode(&folder));
    let decode_kib = peak_kib();
    reset_peak();
    let (judgement, took) = timed(|| judge(&evidence));
    let peak = peak_kib().saturating_sub(decode_kib);
    let tap = &judgement.taps[0];
    let rate = records as f64 / took.as_secs_f64();
    println!(
        "verdict {:?}, lost {}, repeated {}, reordered {}, phantoms {} (sum {sum:x})",
        judgement.verdict, tap.lost, tap.repeated, tap.reorderings, tap.phantom
    );
    println!(
        "{records} records, {} rows: {:.2} s, {:.2} M records/s on one core (asked: ≥ 3)",
        rows.0 + rows.1,
        took.as_secs_f64(),
        rate / 1e6
    );
    println!(
        "only decoding the same files: {:.2} s, ratio {:.2}",
        reference.as_secs_f64(),
        took.as_secs_f64() / reference.as_secs_f64()
    );
    println!(
        "memory beyond the decoder's: {:.2} bytes a record (asked: ≤ 2)",
        peak as f64 * 1024.0 / records as f64
    );
}

fn main() {
    let records = std::env::var("SQUALL_BENCH_RECORDS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(10_000_000);
    let reports = tempfile::tempdir().expect("there is a place for temporary files");
    measure(reports.path(), records);
}
