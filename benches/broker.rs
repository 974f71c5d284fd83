//! What Squall's feed, tap and observers cost the broker, beside the same route fed and read by bare clients.
//!
//! Each arm has one broker and three workers with a mirror and a file sink between them, 500 records a second, no fault. The
//! first is a run of the program; the second has the same connectors on the same settings, one librdkafka producer that
//! gives the same records at the same moments, and one librdkafka consumer with its own settings at the tap; nobody else
//! looks. `SQUALL_BENCH_SECONDS` sets how long it is measured (default 30), `SQUALL_BENCH_ROUNDS` how often (default 1); with
//! `SQUALL_BENCH_EVENLY=1` the bare producer gives each record by itself. Needs the `java` of a JDK to read the broker's counters.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark prints its figures"
)]

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, sleep};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};
use squall::connect::Rest;
use squall::journal::{Clock, Deadline, RunFolder, RunInfo, What};
use squall::kafka::{Admin, Cluster};
use squall::model::{Lane, Record, RecordCodec, Sequence, StreamId, WorkerName};
use squall::runtime::Runtime;
use squall::runtime::process::StartStyle;
use support::broker::{OwnCluster, OwnSpec};

const LANES: u32 = 12;
const PER_SECOND: u64 = 500;
/// From one turn of Squall's feed to the next at this rate.
const TURN: Duration = Duration::from_millis(144);
/// So long a route has flowed before it is measured.
const WARM: Duration = Duration::from_secs(20);
const WANTED: f64 = 1.3;

/// What a broker did in a stretch of time.
struct Cost {
    seconds: f64,
    cpu_seconds: f64,
    records: u64,
    requests: BTreeMap<String, u64>,
}

impl Cost {
    fn requests_a_record(&self) -> f64 {
        self.requests.values().sum::<u64>() as f64 / self.records as f64
    }

    fn cpu_us_a_record(&self) -> f64 {
        self.cpu_seconds * 1e6 / self.records as f64
    }

    fn tell(&self, who: &str) {
        let mut kinds: Vec<(&String, &u64)> = self.requests.iter().collect();
        kinds.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        let each =
            |(kind, count): (&String, &u64)| format!("{kind} {:.0}", *count as f64 / self.seconds);
        let each: Vec<String> = kinds.into_iter().take(8).map(each).collect();
        println!(
            "{who}: {:.0} records/s, {:.2} of a core, {:.0} requests/s ({})",
            self.records as f64 / self.seconds,
            self.cpu_seconds / self.seconds,
            self.requests.values().sum::<u64>() as f64 / self.seconds,
            each.join(", ")
        );
    }
}

fn main() {
    let (mut requests, mut cpu) = (Vec::new(), Vec::new());
    // Fetches Kafka and makes the archives where that was not done before.
    drop(OwnSpec::new(3, StartStyle::Together));
    for round in 1..=support::number("SQUALL_BENCH_ROUNDS", 1).max(1) {
        let home = tempfile::tempdir().expect("a temporary folder can be made");
        let (squall, run) = of_squall(home.path());
        squall.tell(&format!("round {round}, Squall"));
        let bare = of_bare_clients(&run);
        bare.tell(&format!("round {round}, bare  "));
        requests.push(squall.requests_a_record() / bare.requests_a_record());
        cpu.push(squall.cpu_us_a_record() / bare.cpu_us_a_record());
        println!(
            "round {round}: {:.2} / {:.2} requests and {:.0} / {:.0} µs of the broker's CPU a record",
            squall.requests_a_record(),
            bare.requests_a_record(),
            squall.cpu_us_a_record(),
            bare.cpu_us_a_record()
        );
    }
    for (what, mut ratios) in [("requests", requests), ("CPU of the broker", cpu)] {
        ratios.sort_by(f64::total_cmp);
        let ratio = ratios[ratios.len() / 2];
        println!("{what} a record, Squall / bare clients: {ratio:.2} (wanted: at most {WANTED})");
    }
}

/// Measures the broker with this process id while a route flows; the tap's topic tells how many records went through.
fn measure(pid: u32, bootstrap: &str) -> Cost {
    let admin = Admin::new(&Cluster::at(bootstrap)).expect("the client settings are plain");
    let arrived = || -> u64 {
        let ends = admin.end_offsets("src.orders", support::LIMIT);
        let ends = ends.expect("the broker answers");
        ends.values()
            .map(|end| u64::try_from(*end).unwrap_or(0))
            .sum()
    };
    let clock = Clock::start();
    sleep(WARM);
    let requests_before = requests(pid);
    let (began, cpu_before, arrived_before) = (clock.now(), support::cpu(pid), arrived());
    sleep(Duration::from_secs(support::number(
        "SQUALL_BENCH_SECONDS",
        30,
    )));
    let (cpu, arrived, took) = (support::cpu(pid), arrived(), clock.now().since(began));
    let mut requests = requests(pid);
    for (kind, count) in &mut requests {
        *count -= requests_before.get(kind).copied().unwrap_or(0);
    }
    Cost {
        seconds: took.as_secs_f64(),
        cpu_seconds: (cpu - cpu_before).as_secs_f64(),
        records: arrived - arrived_before,
        requests,
    }
}

/// How many requests of each kind the broker has answered so far.
fn requests(pid: u32) -> BTreeMap<String, u64> {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/support/Requests.java");
    let output = Command::new("java")
        .arg(program)
        .arg(pid.to_string())
        .output();
    let output = output.expect("java is on the path");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "the counters cannot be read: {told}"
    );
    let told = String::from_utf8_lossy(&output.stdout);
    let mut all: BTreeMap<String, u64> = BTreeMap::new();
    for (kind, count) in told.lines().filter_map(|line| line.split_once(' ')) {
        // A fetch is counted a second time by who asks.
        if kind != "FetchConsumer" && kind != "FetchFollower" {
            *all.entry(kind.to_owned()).or_default() += count.parse().unwrap_or(0);
        }
    }
    all
}

/// Runs the program on the route and measures its broker while the stream flows calmly.
fn of_squall(home: &Path) -> (Cost, RunInfo) {
    let scenario = home.join("light.yaml");
    std::fs::write(&scenario, scenario_text()).expect("the folder can be written");
    let reports = home.join("reports");
    let mut child = Command::new(env!("CARGO_BIN_EXE_squall"))
        .args(["run", "--quiet", "--reports"])
        .args([&reports, &scenario])
        .env("SQUALL_STATE", home.join("state"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .expect("the program is built");
    let (folder, pid) = flowing(&reports, &mut child);
    let info = folder.info().expect("the run has begun");
    let cost = measure(pid, &info.bootstrap);
    let ended = child.wait().expect("the program can be waited for");
    assert!(ended.success(), "{ended}");
    (cost, info)
}

/// Faults would come after the baseline, and there are none: looks are as between two faults.
fn scenario_text() -> String {
    let seconds = WARM.as_secs() + support::number("SQUALL_BENCH_SECONDS", 30);
    format!(
        "name: light
kafka: {{version: 4.1.1, brokers: 1}}
connect: {{workers: 3}}
stream: {{lanes: {LANES}, rate: {PER_SECOND}/s, record-size: 200}}
route:
  - feed: {{topic: orders}}
  - connector: {{name: mirror, config: {{connector.class: MirrorSourceConnector, tasks.max: 3}}}}
  - tap: {{topic: src.orders}}
  - connector: {{name: archive, config: {{connector.class: FileStreamSink, tasks.max: 3}}}}
  - tap: {{file: archive.txt}}
faults: []
baseline: 10s
duration: {}s
expect: {{lost: 0}}
",
        seconds + 30
    )
}

/// Waits until the baseline of the run is reached; returns its folder and the broker's process id.
fn flowing(reports: &Path, child: &mut Child) -> (RunFolder, u32) {
    let deadline = Deadline::after(support::LIMIT * 3);
    loop {
        assert!(!deadline.has_passed(), "the route does not flow in time");
        let ended = child.try_wait().expect("the program can be asked");
        assert!(ended.is_none(), "the run ended before its time");
        sleep(Duration::from_millis(200));
        let folders = std::fs::read_dir(reports).into_iter().flatten().flatten();
        let Some(folder) = folders
            .filter_map(|each| RunFolder::open(&each.path()).ok())
            .next()
        else {
            continue;
        };
        let events = folder.events().map(|log| log.events).unwrap_or_default();
        let broker = events.iter().find_map(|event| match &event.what {
            What::ProcessStarted { name, pid, .. } if name == "broker-1" => Some(*pid),
            _ => None,
        });
        let reached = |what: &What| matches!(what, What::BaselineReached { .. });
        if let (Some(pid), true) = (broker, events.iter().any(|event| reached(&event.what))) {
            return (folder, pid);
        }
    }
}

/// The same route on a cluster of its own, with bare clients at its ends.
fn of_bare_clients(run: &RunInfo) -> Cost {
    let cluster = OwnSpec::new(3, StartStyle::Together).start();
    let bootstrap = cluster.bootstrap();
    let admin = Admin::new(&Cluster::at(&bootstrap)).expect("the client settings are plain");
    for topic in ["orders", "src.orders"] {
        let deadline = Deadline::after(support::LIMIT);
        admin
            .create_topic(topic, LANES, 1, &BTreeMap::new(), deadline)
            .expect("the topic can be made");
    }
    deploy(&cluster, run);
    let stop = Arc::new(AtomicBool::new(false));
    let ends = [
        spawn(&bootstrap, &stop, bare_feed),
        spawn(&bootstrap, &stop, bare_tap),
    ];
    let deadline = Deadline::after(support::LIMIT);
    let file = cluster.home().join("archive.txt");
    while std::fs::metadata(&file).map_or(0, |file| file.len()) == 0 {
        assert!(!deadline.has_passed(), "the route does not flow in time");
        sleep(Duration::from_millis(200));
    }
    let pids = cluster.broker_pid();
    let cost = measure(pids, &bootstrap);
    stop.store(true, Ordering::Relaxed);
    for end in ends {
        end.join().expect("a bare client does not fail");
    }
    cost
}

/// Creates the connectors that the run had, on this cluster.
fn deploy(cluster: &OwnCluster, run: &RunInfo) {
    let worker = WorkerName::new("w1").expect("the name is plain");
    let url = cluster.runtime().rest_url(&worker).expect("there is a w1");
    let rest = Rest::new(&url).expect("the address is plain");
    for (name, config) in &run.connector_configs {
        let mut config = config.clone();
        for (key, value) in &mut config {
            *value = value.replace(&run.bootstrap, &cluster.bootstrap());
            if key == "file" {
                *value = cluster.home().join("archive.txt").display().to_string();
            }
        }
        rest.put_config(name, &config, Deadline::after(support::LIMIT))
            .expect("the connector can be created");
    }
}

fn spawn(bootstrap: &str, stop: &Arc<AtomicBool>, body: fn(&str, &AtomicBool)) -> JoinHandle<()> {
    let (bootstrap, stop) = (bootstrap.to_owned(), Arc::clone(stop));
    std::thread::spawn(move || body(&bootstrap, &stop))
}

/// A producer with librdkafka's settings, but for the promise that a feed needs: no record twice or out of order.
fn bare_feed(bootstrap: &str, stop: &AtomicBool) {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("enable.idempotence", "true")
        .create()
        .expect("the client settings are plain");
    let codec = RecordCodec::new(StreamId(1), 200, LANES).expect("200 bytes hold a record");
    let turn = match support::number("SQUALL_BENCH_EVENLY", 0) {
        0 => TURN,
        _ => Duration::from_millis(1),
    };
    let (clock, mut line, mut sent) = (Clock::start(), Vec::new(), 0u64);
    let began = clock.now();
    let mut turns = 0u32;
    while !stop.load(Ordering::Relaxed) {
        turns += 1;
        sleep((turn * turns).saturating_sub(clock.now().since(began)));
        let due = clock.now().since(began).as_micros() as u64 * PER_SECOND / 1_000_000;
        while sent < due {
            let lane = (sent % u64::from(LANES)) as u32;
            let sequence = Sequence(sent / u64::from(LANES));
            let record = Record {
                lane: Lane(lane),
                sequence,
            };
            codec.encode(record, &mut line);
            let key = format!("lane-{lane:05}");
            let to = BaseRecord::to("orders").partition(lane as i32);
            let given = producer.send(to.key(&key).payload(&line));
            given
                .map_err(|(error, _)| error)
                .expect("the queue has room");
            sent += 1;
        }
        producer.poll(Duration::ZERO);
    }
    producer.flush(support::LIMIT).expect("the broker is up");
}

/// A consumer with librdkafka's settings.
fn bare_tap(bootstrap: &str, stop: &AtomicBool) {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("group.id", "bench-bare")
        .set("enable.auto.commit", "false")
        .create()
        .expect("the client settings are plain");
    let mut list = TopicPartitionList::new();
    for partition in 0..LANES as i32 {
        list.add_partition_offset("src.orders", partition, Offset::Offset(0))
            .expect("the offset is valid");
    }
    consumer.assign(&list).expect("the topic is there");
    while !stop.load(Ordering::Relaxed) {
        consumer.poll(Duration::from_millis(100));
    }
}
