//! Real harm of known size, done to a running cluster through its public interfaces: each must be found, counted exactly and located.
#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod common;

use std::collections::BTreeMap;
use std::time::Duration;

use common::{Running, answer, findings, one_cluster, tap};
use serde_json::json;
use squall::connect::Rest;
use squall::connect::rest::{ConnectorOffset, while_passing};
use squall::journal::{Deadline, What};
use squall::kafka::{Admin, Cluster, RecordSender};
use squall::model::{ConnectorName, Lane, Record, RecordCodec, Sequence};

const CONTROL: &str = r"
name: harm
question: Is harm from outside found, counted and located?
connect:
  workers: 2
  config:
    offset.flush.interval.ms: 1000
    scheduled.rebalance.max.delay.ms: 1000
    session.timeout.ms: 6000
    consumer.session.timeout.ms: 6000
stream: {lanes: 4, rate: 800/s, record-size: 120}
baseline: 3s
duration: 40s
route:
  - feed: {topic: orders, partitions: 4}
  - connector: {name: mirror, config: {connector.class: MirrorSourceConnector, tasks.max: 2}}
  - tap: {topic: src.orders, partitions: 4}
  - connector: {name: archive, config: {connector.class: FileStreamSink, tasks.max: 2}}
  - tap: {file: archive.txt}
expect: {lost: 0, unexplained-duplicates: 0, order: kept, offsets: honest, overlap: none}
";

/// The cluster of a run, seen from outside.
struct Outside {
    rest: Rest,
    admin: Admin,
    cluster: Cluster,
}

const LIMIT: Duration = Duration::from_secs(20);

fn connector(name: &str) -> ConnectorName {
    ConnectorName::new(name).unwrap()
}

impl Outside {
    fn of(run: &Running) -> Self {
        let cluster = Cluster::at(&run.bootstrap());
        Self {
            rest: Rest::new(&run.rest()).unwrap(),
            admin: Admin::new(&cluster).unwrap(),
            cluster,
        }
    }

    /// Stops a connector and waits until it has no task any more.
    fn stop(&self, name: &str) {
        self.rest.stop(&connector(name), LIMIT).unwrap();
        self.wait(|| {
            let all = self.rest.status_all(LIMIT).ok()?;
            let status = all.get(&connector(name))?;
            (status.state == "STOPPED" && status.tasks.is_empty()).then_some(())
        });
    }

    fn resume(&self, name: &str) {
        self.rest.resume(&connector(name), LIMIT).unwrap();
    }

    fn wait<T>(&self, mut condition: impl FnMut() -> Option<T>) -> T {
        let deadline = Deadline::after(LIMIT);
        loop {
            if let Some(found) = condition() {
                return found;
            }
            assert!(!deadline.has_passed(), "the cluster did not get there");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn sink_position(&self, partition: i32) -> i64 {
        let committed = self
            .admin
            .committed("connect-archive", "src.orders", [partition], LIMIT)
            .unwrap();
        committed[&partition]
    }

    /// The offset of the last record that the source has committed for a partition.
    fn source_position(&self, partition: i32) -> i64 {
        let offsets = self.rest.offsets(&connector("mirror"), LIMIT).unwrap();
        let found = offsets.iter().find(|entry| {
            entry.partition["partition"] == partition && entry.partition["topic"] == "orders"
        });
        found
            .unwrap_or_else(|| panic!("no offset of partition {partition} in {offsets:?}"))
            .offset["offset"]
            .as_i64()
            .unwrap()
    }

    /// Waits until a topic's partition has grown beyond an offset.
    fn grown(&self, topic: &str, partition: i32, beyond: i64) {
        self.wait(|| {
            (self.admin.end_offsets(topic, LIMIT).ok()?[&partition] > beyond).then_some(())
        });
    }

    fn move_sink(&self, moves: &[(i32, i64)]) {
        let position = |(partition, offset): &(i32, i64)| ConnectorOffset {
            partition: json!({"kafka_topic": "src.orders", "kafka_partition": partition}),
            offset: json!({"kafka_offset": offset}),
        };
        self.alter("archive", &moves.iter().map(position).collect::<Vec<_>>());
    }

    fn move_source(&self, moves: &[(i32, i64)]) {
        let position = |(partition, offset): &(i32, i64)| ConnectorOffset {
            partition: json!({"cluster": "src", "partition": partition, "topic": "orders"}),
            offset: json!({"offset": offset}),
        };
        self.alter("mirror", &moves.iter().map(position).collect::<Vec<_>>());
    }

    fn alter(&self, name: &str, offsets: &[ConnectorOffset]) {
        let name = connector(name);
        while_passing(Deadline::after(LIMIT), |timeout| {
            self.rest.alter_offsets(&name, offsets, timeout)
        })
        .unwrap();
    }

    /// Writes values into a topic, as a stranger would.
    fn produce(&self, topic: &str, values: &[Vec<u8>]) {
        let sender = RecordSender::new(&self.cluster, topic).unwrap();
        for value in values {
            sender.send(0, b"stranger", value, 0).unwrap();
        }
        let mut answered = 0;
        self.wait(|| {
            sender.outcomes(|_| answered += 1);
            (answered == values.len()).then_some(())
        });
    }
}

fn baseline_of(run: &mut Running) -> Outside {
    run.wait_for("the baseline", |what| {
        matches!(what, What::BaselineReached { .. })
    });
    Outside::of(run)
}

/// Three records that the stream never sent, and two damaged ones.
fn produce_strangers(run: &Running, outside: &Outside) {
    let info = squall::journal::RunFolder::open(&run.folder())
        .unwrap()
        .info()
        .unwrap();
    let codec = RecordCodec::new(info.stream, 120, 4).unwrap();
    let mut damaged = Vec::new();
    codec.encode(
        Record {
            lane: Lane(0),
            sequence: Sequence(7),
        },
        &mut damaged,
    );
    damaged[100] ^= 1;
    let foreign = vec![
        b"hello".to_vec(),
        b"sq1 00000000 nothing of ours".to_vec(),
        b"<script>alert(1)</script>".to_vec(),
    ];
    outside.produce("src.orders", &foreign);
    outside.produce("src.orders", &[damaged.clone(), damaged]);
}

#[test]
fn strangers_and_moved_sink_offsets_are_found_and_counted() {
    let _turn = one_cluster();
    let mut run = Running::start(CONTROL, &[]);
    let outside = baseline_of(&mut run);
    produce_strangers(&run, &outside);
    outside.stop("archive");
    let (back, forward) = (outside.sink_position(1), outside.sink_position(2));
    outside.grown("src.orders", 2, forward + 40);
    outside.move_sink(&[(1, back - 25), (2, forward + 40)]);
    outside.resume("archive");
    let (code, result) = run.judged();
    assert_eq!(code, 1, "{}", run.stderr());
    assert_eq!(result["verdict"], "broken");
    let (source, sink) = (tap(&result, "src.orders"), tap(&result, "archive.txt"));
    assert_eq!(
        (&source["phantom"], &source["corrupt"], &source["lost"]),
        (&json!(3), &json!(2), &json!(0)),
        "{source}"
    );
    assert_eq!(
        (&sink["phantom"], &sink["corrupt"]),
        (&json!(3), &json!(2)),
        "{sink}"
    );
    assert_eq!(
        (&sink["lost"], &sink["own-lost"]),
        (&json!(40), &json!(40)),
        "{sink}"
    );
    assert_eq!(
        (&sink["own-extra-copies"], &sink["unexplained-copies"]),
        (&json!(25), &json!(25)),
        "{sink}"
    );
    assert_eq!(
        findings(&result, "lost"),
        BTreeMap::from([("archive".to_owned(), 40)])
    );
    assert_eq!(
        findings(&result, "unexplained-repeat"),
        BTreeMap::from([("archive".to_owned(), 25)])
    );
    assert_eq!(
        findings(&result, "offset-regression"),
        BTreeMap::from([("archive".to_owned(), 1)])
    );
    assert_eq!(
        findings(&result, "offset-ahead"),
        BTreeMap::from([("archive".to_owned(), 1)])
    );
    for broken in ["lost", "unexplained-duplicates", "offsets", "phantoms"] {
        assert_eq!(answer(&result, broken), "broken", "{broken}");
    }
    assert_eq!(answer(&result, "order"), "held");
}

#[test]
fn deleted_records_and_altered_source_offsets_are_found_and_counted() {
    let _turn = one_cluster();
    let mut run = Running::start(CONTROL, &[]);
    let outside = baseline_of(&mut run);
    outside.stop("archive");
    let position = outside.sink_position(3);
    outside.grown("src.orders", 3, position + 60);
    outside
        .admin
        .delete_records("src.orders", 3, position + 60, Deadline::after(LIMIT))
        .unwrap();
    outside.resume("archive");
    outside.stop("mirror");
    let (back, forward) = (outside.source_position(0), outside.source_position(1));
    outside.grown("orders", 1, forward + 30);
    outside.move_source(&[(0, back - 15), (1, forward + 30)]);
    outside.resume("mirror");
    let (code, result) = run.judged();
    assert_eq!(code, 1, "{}", run.stderr());
    let (source, sink) = (tap(&result, "src.orders"), tap(&result, "archive.txt"));
    assert_eq!(
        (&source["lost"], &source["own-lost"]),
        (&json!(30), &json!(30)),
        "{source}"
    );
    assert_eq!(
        (&source["own-extra-copies"], &source["unexplained-copies"]),
        (&json!(15), &json!(15)),
        "{source}"
    );
    assert_eq!(
        (&sink["lost"], &sink["own-lost"]),
        (&json!(90), &json!(60)),
        "{sink}"
    );
    assert_eq!(&sink["own-extra-copies"], &json!(0), "{sink}");
    let lost = findings(&result, "lost");
    assert_eq!(
        lost,
        BTreeMap::from([("archive".to_owned(), 60), ("mirror".to_owned(), 30)])
    );
    assert_eq!(
        findings(&result, "offset-regression").get("mirror"),
        Some(&1)
    );
    assert_eq!(findings(&result, "offset-ahead").get("mirror"), Some(&1));
    assert_eq!(answer(&result, "lost"), "broken");
}
