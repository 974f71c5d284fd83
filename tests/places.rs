//! Feeds, taps and the Kafka floor against a real broker.
#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

#[path = "common/broker.rs"]
mod broker;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use broker::{OwnCluster, OwnSpec};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use squall::journal::{
    Attendance, Clock, Deadline, Journal, Observation, ObservationKind, ObservationReader,
    ObservationWriter, RunFolder, What,
};
use squall::kafka::{Admin, Cluster, Isolation, Item, KafkaError, RecordReader, Start, internal};
use squall::model::{Decoded, Lane, Record, RecordCodec, Sequence, StreamId};
use squall::places::{Decoder, Feed, Tap};
use squall::runtime::process::StartStyle;
use squall::scenario::StreamSpec;

const LIMIT: Duration = Duration::from_secs(30);
const STREAM: StreamSpec = StreamSpec {
    lanes: 6,
    rate_per_second: 3_000,
    record_size_bytes: 120,
};

/// The broker of these tests: started by the first that needs it, taken down by the last that holds it.
fn broker() -> Arc<OwnCluster> {
    static SHARED: Mutex<Weak<OwnCluster>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    shared.upgrade().unwrap_or_else(|| {
        let started = Arc::new(OwnSpec::new(0, StartStyle::Together).start());
        *shared = Arc::downgrade(&started);
        started
    })
}

/// A fresh topic with three partitions, its admin, and a folder for observations.
struct Bench {
    broker: Arc<OwnCluster>,
    admin: Admin,
    topic: String,
    folder: tempfile::TempDir,
    run: RunFolder,
    journal: Journal,
}

impl Bench {
    fn new(name: &str) -> Self {
        let bench = Self::without_topic(name);
        bench.create();
        bench
    }

    fn without_topic(name: &str) -> Self {
        let (broker, clock) = (broker(), Clock::start());
        let topic = format!("{name}-{}", clock.started_unix_us());
        let admin = Admin::new(&Cluster::at(&broker.bootstrap())).unwrap();
        admin.wait_ready(1, Deadline::after(LIMIT)).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let run = RunFolder::create(folder.path(), "run").unwrap();
        let journal = Journal::create(&run, clock).unwrap();
        Self {
            broker,
            admin,
            topic,
            folder,
            run,
            journal,
        }
    }

    fn create(&self) {
        let deadline = Deadline::after(LIMIT);
        self.admin
            .create_topic(&self.topic, 3, 1, &BTreeMap::new(), deadline)
            .unwrap();
    }

    fn cluster(&self) -> Cluster {
        Cluster::at(&self.broker.bootstrap())
    }

    /// Settings of a plain client.
    fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.broker.bootstrap());
        config
    }

    /// A plain producer, transactional when it is named.
    fn producer(&self, transactional: Option<&str>) -> BaseProducer {
        let mut config = self.client();
        if let Some(id) = transactional {
            config.set("transactional.id", id);
        }
        config.create().unwrap()
    }

    /// Commits a position for a group from outside, as `kafka-consumer-groups` would.
    fn set_committed(&self, group: &str, partition: i32, next: i64) {
        let consumer: BaseConsumer = self.client().set("group.id", group).create().unwrap();
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&self.topic, partition, Offset::Offset(next))
            .unwrap();
        consumer.commit(&list, CommitMode::Sync).unwrap();
    }

    fn attendance(&self, observer: &str) -> Attendance {
        Attendance::begin(observer, &self.journal)
    }

    /// How often each observer says that it looked.
    fn looks(&self) -> BTreeMap<String, u64> {
        let mut all = BTreeMap::new();
        for event in self.run.events().unwrap().events {
            if let What::Attended {
                observer, looks, ..
            } = event.what
            {
                *all.entry(observer).or_default() += looks;
            }
        }
        all
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn writer(&self, name: &str) -> ObservationWriter {
        ObservationWriter::create(&self.path(name)).unwrap()
    }

    fn tap(&self, isolation: Isolation, name: &str) -> Tap {
        let decoder = Decoder::Line(codec());
        let (lanes, writer) = (STREAM.lanes, self.writer(name));
        Tap::start_topic(
            &self.cluster(),
            &self.topic,
            isolation,
            decoder,
            lanes,
            self.attendance(&format!("tap {name}")),
            writer,
        )
        .unwrap()
    }

    fn feed(&self, name: &str) -> Feed {
        let writer = self.writer(name);
        Feed::start_topic(
            &self.cluster(),
            &self.topic,
            3,
            STREAM,
            codec(),
            self.attendance(&format!("feed {name}")),
            writer,
        )
        .unwrap()
    }

    fn rows(&self, name: &str) -> Vec<Observation> {
        rows_of(&self.path(name))
    }

    fn ends(&self) -> BTreeMap<i32, i64> {
        self.admin.end_offsets(&self.topic, LIMIT).unwrap()
    }
}

fn rows_of(path: &Path) -> Vec<Observation> {
    let batches = ObservationReader::open(path).unwrap().map(Result::unwrap);
    batches
        .flat_map(|batch| (0..batch.len()).map(move |n| batch.row(n).unwrap()))
        .collect()
}

fn codec() -> RecordCodec {
    RecordCodec::new(StreamId(0x51), STREAM.record_size_bytes, STREAM.lanes).unwrap()
}

fn line(codec: &RecordCodec, lane: u32, sequence: u64) -> Vec<u8> {
    let mut line = Vec::new();
    let record = Record {
        lane: Lane(lane),
        sequence: Sequence(sequence),
    };
    codec.encode(record, &mut line);
    line
}

fn wait(what: &str, mut reached: impl FnMut() -> bool) {
    let deadline = Deadline::after(LIMIT);
    while !reached() {
        assert!(!deadline.has_passed(), "not in time: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn produce(producer: &BaseProducer, topic: &str, key: &str, value: &[u8]) {
    let record = BaseRecord::to(topic).partition(0).key(key).payload(value);
    producer.send(record).map_err(|(error, _)| error).unwrap();
}

#[test]
fn every_record_of_a_feed_arrives_once_at_a_tap_in_the_order_of_its_lane() {
    let bench = Bench::new("flow");
    let tap = bench.tap(Isolation::ReadCommitted, "tap.arrow");
    let feed = bench.feed("feed.arrow");
    let counts = feed.counts();
    wait("a second of records", || counts.acked() >= 3_000);
    let end = feed.stop(LIMIT).unwrap();
    assert_eq!((end.refused, end.unknown, end.failure), (0, 0, None));
    assert_eq!(
        (end.acked, end.rows),
        (end.lanes_sent.iter().sum(), end.acked)
    );
    assert!(
        end.due.abs_diff(end.acked) < 300,
        "{} due, {} acked",
        end.due,
        end.acked
    );
    let ends = bench.ends();
    wait("the tap to read all", || tap.has_read_to(&ends));
    assert_eq!(tap.counts().distinct(), end.acked);
    assert!(tap.counts().lane_last(Lane(5)).is_some());
    assert_eq!(tap.stop(LIMIT).unwrap().rows, end.rows);

    let (fed, arrived) = (bench.rows("feed.arrow"), bench.rows("tap.arrow"));
    let sent: BTreeMap<_, _> = fed
        .iter()
        .map(|row| ((row.partition, row.position), row))
        .collect();
    assert_eq!(sent.len(), fed.len());
    let mut next = [0u64; 6];
    for row in &arrived {
        let from = sent[&(row.partition, row.position)];
        assert_eq!((from.lane, from.sequence), (row.lane, row.sequence));
        assert!(from.at <= row.at && row.kind == ObservationKind::Whole);
        assert_eq!(row.partition as u32, row.lane.0 % 3);
        let lane = row.lane.0 as usize;
        assert_eq!(row.sequence.0, next[lane]);
        next[lane] += 1;
    }
    assert_eq!(next.to_vec(), end.lanes_sent);
}

#[test]
fn aborted_records_are_seen_only_by_a_tap_that_reads_uncommitted_and_both_reach_the_end() {
    let bench = Bench::new("transactions");
    let producer = bench.producer(Some(&bench.topic));
    producer.init_transactions(LIMIT).unwrap();
    for (numbers, commit) in [(0..3, true), (3..5, false), (5..6, true)] {
        producer.begin_transaction().unwrap();
        for number in numbers {
            produce(
                &producer,
                &bench.topic,
                "lane-00000",
                &line(&codec(), 0, number),
            );
        }
        producer.flush(LIMIT).unwrap();
        match commit {
            true => producer.commit_transaction(LIMIT).unwrap(),
            false => producer.abort_transaction(LIMIT).unwrap(),
        }
    }
    // A commit is over when its coordinator has it written down; the markers follow.
    wait("three transaction markers", || bench.ends()[&0] == 6 + 3);
    let ends = bench.ends();
    for (isolation, name, records) in [
        (Isolation::ReadCommitted, "committed", 4),
        (Isolation::ReadUncommitted, "all", 6),
    ] {
        let tap = bench.tap(isolation, name);
        wait("the end behind the last marker", || tap.has_read_to(&ends));
        assert_eq!(tap.counts().arrived.load(Relaxed), records);
        assert_eq!(tap.stop(LIMIT).unwrap().rows, records);
    }
}

#[test]
fn a_tap_waits_for_a_topic_that_is_not_there_yet() {
    let bench = Bench::without_topic("later");
    let tap = bench.tap(Isolation::ReadCommitted, "tap.arrow");
    assert!(
        bench
            .admin
            .partitions(&bench.topic, LIMIT)
            .unwrap()
            .is_none()
    );
    bench.create();
    let producer = bench.producer(None);
    produce(&producer, &bench.topic, "k", &line(&codec(), 1, 0));
    producer.flush(LIMIT).unwrap();
    wait("the first record", || tap.counts().distinct() == 1);
    assert_eq!(tap.stop(LIMIT).unwrap().failure, None);
}

#[test]
fn strangers_and_damaged_records_in_a_topic_are_told_apart() {
    let bench = Bench::new("strangers");
    let tap = bench.tap(Isolation::ReadCommitted, "tap.arrow");
    let producer = bench.producer(None);
    let other = RecordCodec::new(StreamId(0x52), 120, 6).unwrap();
    let mut damaged = line(&codec(), 0, 1);
    damaged[100] ^= 1;
    for value in [
        line(&codec(), 0, 0),
        line(&other, 0, 0),
        damaged,
        b"hello".to_vec(),
    ] {
        produce(&producer, &bench.topic, "k", &value);
    }
    producer.flush(LIMIT).unwrap();
    wait("all four", || tap.has_read_to(&bench.ends()));
    tap.stop(LIMIT).unwrap();
    use ObservationKind::{Corrupt, Foreign, Whole};
    let kinds: Vec<_> = bench.rows("tap.arrow").iter().map(|row| row.kind).collect();
    assert_eq!(kinds, [Whole, Foreign, Corrupt, Foreign]);
}

#[test]
fn a_tap_reads_lane_and_number_where_the_pointers_say() {
    let bench = Bench::new("pointers");
    let decoder = Decoder::Pointers {
        lane: Decoded::Value("/id".to_owned()),
        sequence: Decoded::Key(String::new()),
    };
    let writer = bench.writer("tap.arrow");
    let isolation = Isolation::ReadCommitted;
    let tap = Tap::start_topic(
        &bench.cluster(),
        &bench.topic,
        isolation,
        decoder,
        2,
        bench.attendance("tap pointers"),
        writer,
    )
    .unwrap();
    let producer = bench.producer(None);
    for (key, value) in [
        ("0", r#"{"id":1}"#),
        ("1", r#"{"id":"1"}"#),
        ("2", r#"{"id":2}"#),
    ] {
        produce(&producer, &bench.topic, key, value.as_bytes());
    }
    producer.flush(LIMIT).unwrap();
    wait("all three", || tap.has_read_to(&bench.ends()));
    let counts = tap.counts();
    assert_eq!((counts.distinct(), counts.foreign.load(Relaxed)), (2, 1));
    assert_eq!(counts.lane_next[1].load(Relaxed), 2);
}

#[test]
fn a_tap_whose_records_were_deleted_before_it_read_them_says_so() {
    let bench = Bench::new("deleted");
    let producer = bench.producer(None);
    for number in 0..10 {
        produce(&producer, &bench.topic, "k", &line(&codec(), 0, number));
    }
    producer.flush(LIMIT).unwrap();
    let deadline = Deadline::after(LIMIT);
    bench
        .admin
        .delete_records(&bench.topic, 0, 4, deadline)
        .unwrap();
    let tap = bench.tap(Isolation::ReadCommitted, "tap.arrow");
    wait("the tap's failure", || tap.counts().failure().is_some());
    assert!(tap.stop(LIMIT).unwrap().failure.is_some());

    let start = Start::Earliest;
    let reader = RecordReader::open(
        &bench.cluster(),
        &bench.topic,
        Isolation::ReadCommitted,
        &start,
        LIMIT,
    )
    .unwrap();
    let mut offsets = BTreeSet::new();
    wait("the rest", || {
        let taken = reader.poll(Duration::from_millis(50), 100, |item| match item {
            Item::Record { offset, .. } => drop(offsets.insert(offset)),
            Item::EndOfPartition { .. } => {}
        });
        taken.unwrap();
        offsets.len() == 6
    });
    assert_eq!(offsets.first(), Some(&4));
    assert!(reader.close(LIMIT));
}

#[test]
fn lines_of_a_file_are_read_as_they_are_completed() {
    let bench = Bench::without_topic("file");
    let path = bench.path("archive.txt");
    let writer = bench.writer("tap.arrow");
    let tap = Tap::start_file(
        &path,
        Decoder::Line(codec()),
        STREAM.lanes,
        bench.attendance("tap archive.txt"),
        writer,
    )
    .unwrap();
    let feed = Feed::start_file(
        &path,
        STREAM,
        codec(),
        bench.attendance("feed archive.txt"),
        bench.writer("feed.arrow"),
    )
    .unwrap();
    let counts = feed.counts();
    wait("a second of records", || counts.acked() >= 3_000);
    let end = feed.stop(LIMIT).unwrap();
    let length = std::fs::metadata(&path).unwrap().len() as i64;
    assert_eq!(length, end.acked as i64 * 121);
    wait("the tap to read all", || {
        tap.has_read_to(&BTreeMap::from([(0, length)]))
    });
    let half = line(&codec(), 0, end.lanes_sent[0]);
    let mut file = OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(&half[..60]).unwrap();
    assert!(!tap.has_read_to(&BTreeMap::from([(0, length + 60)])));
    file.write_all(&half[60..]).unwrap();
    file.write_all(b"\nstranger\nunfin").unwrap();
    wait("the last whole line", || {
        tap.counts().foreign.load(Relaxed) == 1
    });
    assert_eq!(tap.counts().distinct(), end.acked + 1);
    assert_eq!(tap.stop(LIMIT).unwrap().rows, end.acked + 3);
    let looks = bench.looks();
    assert!(
        looks["tap archive.txt"] > 20 && looks["feed archive.txt"] > 20,
        "{looks:?}"
    );

    let (fed, arrived) = (bench.rows("feed.arrow"), bench.rows("tap.arrow"));
    for (from, row) in fed.iter().zip(&arrived) {
        assert_eq!(
            (from.lane, from.sequence, from.position),
            (row.lane, row.sequence, row.position)
        );
        assert!(from.at <= row.at);
    }
}

#[test]
fn a_file_that_is_cut_or_replaced_from_outside_ends_its_tap() {
    let bench = Bench::without_topic("cut");
    for (name, harm) in [
        (
            "cut",
            (|path| std::fs::write(path, "x").unwrap()) as fn(&Path),
        ),
        ("removed", |path| std::fs::remove_file(path).unwrap()),
        ("replaced", |path| {
            let other = path.with_extension("other");
            std::fs::write(&other, [b'x'; 400]).unwrap();
            std::fs::rename(other, path).unwrap();
        }),
    ] {
        let path = bench.path(&format!("{name}.txt"));
        std::fs::write(&path, [line(&codec(), 0, 0), b"\n".to_vec()].concat()).unwrap();
        let (writer, attendance) = (bench.writer(name), bench.attendance(name));
        let tap = Tap::start_file(&path, Decoder::Line(codec()), 6, attendance, writer).unwrap();
        wait("the line", || tap.counts().distinct() == 1);
        harm(&path);
        wait(name, || {
            tap.counts()
                .failure()
                .is_some_and(|why| why.contains("from outside"))
        });
        assert_eq!(tap.stop(LIMIT).unwrap().rows, 1);
    }
}

#[test]
fn a_feed_without_a_broker_ends_in_time_and_knows_of_no_record() {
    let bench = Bench::without_topic("nobody");
    let away = Cluster::at("127.0.0.1:1");
    let (writer, attendance) = (bench.writer("feed.arrow"), bench.attendance("feed t"));
    let feed = Feed::start_topic(&away, "t", 3, STREAM, codec(), attendance, writer).unwrap();
    let counts = feed.counts();
    wait("some records", || counts.sent.load(Relaxed) >= 300);
    let deadline = Deadline::after(Duration::from_secs(10));
    let end = feed.stop(Duration::from_millis(300)).unwrap();
    assert!(!deadline.has_passed());
    assert_eq!((end.acked, end.refused, end.unknown), (0, 0, end.rows));
    assert!(end.rows >= 300);
    assert!(
        bench
            .rows("feed.arrow")
            .iter()
            .all(|row| row.kind == ObservationKind::Unknown)
    );
}

#[test]
fn what_groups_commit_is_seen_through_the_group_and_in_the_internal_topic() {
    let bench = Bench::new("groups");
    let group = format!("connect-{}", bench.topic);
    assert_eq!(
        bench
            .admin
            .committed(&group, &bench.topic, 0..3, LIMIT)
            .unwrap(),
        BTreeMap::new()
    );
    bench.set_committed(&group, 1, 17);
    bench.set_committed(&group, 1, 11);
    let committed = bench
        .admin
        .committed(&group, &bench.topic, 0..3, LIMIT)
        .unwrap();
    assert_eq!(committed, BTreeMap::from([(1, 11)]));

    let internal = "__consumer_offsets";
    let reader = RecordReader::open(
        &bench.cluster(),
        internal,
        Isolation::ReadUncommitted,
        &Start::Earliest,
        LIMIT,
    )
    .unwrap();
    let mut seen = Vec::new();
    wait("both commits", || {
        let taken = reader.poll(Duration::from_millis(50), 1_000, |item| match item {
            Item::Record { key, value, .. } => {
                let commit = internal::offset_commit(key, value);
                seen.extend(commit.filter(|commit| commit.group == group));
            }
            Item::EndOfPartition { .. } => {}
        });
        taken.unwrap();
        seen.len() >= 2
    });
    let offsets: Vec<_> = seen
        .iter()
        .map(|commit| (commit.partition, commit.next_offset))
        .collect();
    assert_eq!(offsets, [(1, Some(17)), (1, Some(11))]);
    assert!(
        seen.iter()
            .all(|commit| commit.topic == bench.topic && commit.commit_timestamp_ms > 0)
    );
}

#[test]
fn a_live_group_shows_its_state_and_its_members_bytes() {
    let bench = Bench::new("members");
    let group = format!("g-{}", bench.topic);
    let consumer: BaseConsumer = bench
        .client()
        .set("group.id", &group)
        .set("client.id", "member")
        .create()
        .unwrap();
    consumer.subscribe(&[&bench.topic]).unwrap();
    wait("a stable group", || {
        let _ = consumer.poll(Duration::from_millis(50));
        // The broker's own topic for groups may still be loading when this is the first group ever.
        let seen = bench.admin.group(&group, LIMIT);
        matches!(seen, Ok(Some(seen)) if seen.state == "Stable" && !seen.members.is_empty())
    });
    let seen = bench.admin.group(&group, LIMIT).unwrap().unwrap();
    assert_eq!(seen.protocol_type, "consumer");
    assert_eq!(seen.members[0].client_id, "member");
    assert!(!seen.members[0].assignment.is_empty() && !seen.members[0].metadata.is_empty());
}

#[test]
fn topics_are_made_once_counted_and_missed() {
    let bench = Bench::new("topics");
    bench.create();
    assert_eq!(
        bench.admin.partitions(&bench.topic, LIMIT).unwrap(),
        Some(3)
    );
    assert_eq!(bench.admin.partitions("not-there", LIMIT).unwrap(), None);
    let missing = bench.admin.end_offsets("not-there", LIMIT);
    assert!(matches!(missing, Err(KafkaError::NoTopic { .. })));
    let config = BTreeMap::from([("cleanup.policy".to_owned(), "nonsense".to_owned())]);
    let refused = bench
        .admin
        .create_topic("other", 1, 1, &config, Deadline::after(LIMIT));
    assert!(matches!(refused, Err(KafkaError::Request { .. })));
    let deadline = Deadline::after(Duration::from_millis(300));
    let not_ready = bench.admin.wait_ready(99, deadline);
    assert!(matches!(
        not_ready,
        Err(KafkaError::NotReady { wanted: 99, .. })
    ));
}
