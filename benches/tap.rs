//! How fast a live topic tap reads, beside a bare librdkafka consumer on the same topic.
//!
//! Both connect and read the same records from the first to the last, in turns, so that broker and page cache are equally
//! warm; the best round of each counts. `SQUALL_BENCH_RECORDS` sets how many records (default 2,000,000).
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark prints its figures"
)]

mod support;

use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use squall::journal::{Attendance, Clock, Deadline, Journal, ObservationWriter, RunFolder};
use squall::kafka::{Cluster, Isolation, RecordSender, Taken};
use squall::model::{Lane, Record, RecordCodec, Sequence, StreamId};
use squall::places::{Decoder, Tap};
use squall::runtime::process::StartStyle;
use support::broker::OwnSpec;

const PARTITIONS: u32 = 6;
const LANES: u32 = 12;
const ROUNDS: usize = 5;

fn main() {
    let records = support::number("SQUALL_BENCH_RECORDS", 2_000_000);
    let broker = OwnSpec::new(0, StartStyle::Together).start();
    let cluster = Cluster::at(&broker.bootstrap());
    let clock = Clock::start();
    let (_admin, topic) = support::topic(&cluster, clock, "bench-tap", PARTITIONS);
    let codec = RecordCodec::new(StreamId(1), 200, LANES).expect("200 bytes hold a record");
    fill(&cluster, &topic, codec, records);
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let run = RunFolder::create(folder.path(), "run").expect("the folder is empty");
    let journal = Journal::create(&run, clock).expect("the folder is empty");
    let (mut bare_best, mut tap_best) = (0.0f64, 0.0f64);
    for round in 1..=ROUNDS {
        let bare = rate(records, bare(&broker.bootstrap(), &topic, records, clock));
        let path = folder.path().join(format!("{round}.arrow"));
        let writer = ObservationWriter::create(&path).expect("the folder is empty");
        let tap = rate(
            records,
            tap(&cluster, &topic, codec, records, &journal, writer),
        );
        println!(
            "round {round}: bare {bare:>9.0}/s   tap {tap:>9.0}/s   ratio {:.2}",
            tap / bare
        );
        bare_best = bare_best.max(bare);
        tap_best = tap_best.max(tap);
    }
    let ratio = tap_best / bare_best;
    println!("tap / bare librdkafka consumer: {ratio:.2} (wanted: at least 0.95)");
}

fn rate(records: u64, took: Duration) -> f64 {
    records as f64 / took.as_secs_f64()
}

fn fill(cluster: &Cluster, topic: &str, codec: RecordCodec, records: u64) {
    let sender = RecordSender::new(cluster, topic).expect("the client settings are plain");
    let mut known = 0;
    let mut line = Vec::new();
    for number in 0..records {
        let lane = (number % u64::from(LANES)) as u32;
        let record = Record {
            lane: Lane(lane),
            sequence: Sequence(number / u64::from(LANES)),
        };
        codec.encode(record, &mut line);
        let partition = (lane % PARTITIONS) as i32;
        while sender
            .send(partition, b"key", &line, 0)
            .expect("the broker is up")
            == Taken::Full
        {
            sender.outcomes(|_| known += 1);
            std::thread::yield_now();
        }
        if number % 1_000 == 0 {
            sender.outcomes(|_| known += 1);
        }
    }
    let deadline = Deadline::after(support::LIMIT);
    while known < records && !deadline.has_passed() {
        sender.flush(Duration::from_millis(100));
        sender.outcomes(|_| known += 1);
    }
    assert_eq!(
        known, records,
        "the broker did not take all records in time"
    );
}

/// A consumer that fetches as the tap does and only looks at each record's size. With librdkafka's own settings it would
/// now and then stand still for a second when its queue is full, which says nothing about the tap.
fn bare(bootstrap: &str, topic: &str, records: u64, clock: Clock) -> Duration {
    let begun = clock.now();
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("group.id", "bench-bare")
        .set("enable.auto.commit", "false")
        .set("fetch.wait.max.ms", "500")
        .set("fetch.queue.backoff.ms", "5")
        .set("fetch.message.max.bytes", "4194304")
        .set("queued.min.messages", "200000")
        .set("queued.max.messages.kbytes", "131072")
        .create()
        .expect("the client settings are plain");
    let mut list = TopicPartitionList::new();
    for partition in 0..PARTITIONS as i32 {
        list.add_partition_offset(topic, partition, Offset::Offset(0))
            .expect("the offset is valid");
    }
    consumer.assign(&list).expect("the topic is there");
    let (mut read, mut bytes) = (0, 0);
    let deadline = Deadline::after(support::LIMIT);
    while read < records && !deadline.has_passed() {
        if let Some(Ok(message)) = consumer.poll(Duration::from_millis(100)) {
            read += 1;
            bytes += message.payload_len();
        }
    }
    let took = clock.now().since(begun);
    assert_eq!((read, bytes as u64), (records, records * 200));
    took
}

fn tap(
    cluster: &Cluster,
    topic: &str,
    codec: RecordCodec,
    records: u64,
    journal: &Journal,
    writer: ObservationWriter,
) -> Duration {
    let clock = journal.clock();
    let begun = clock.now();
    let decoder = Decoder::Line(codec);
    let isolation = Isolation::ReadCommitted;
    let attendance = Attendance::begin("tap", journal);
    let tap = Tap::start_topic(
        cluster, topic, isolation, decoder, LANES, attendance, writer,
    )
    .expect("the client settings are plain");
    let counts = tap.counts();
    let deadline = Deadline::after(support::LIMIT);
    while counts.distinct() < records && !deadline.has_passed() {
        std::thread::sleep(Duration::from_millis(1));
    }
    let took = clock.now().since(begun);
    assert_eq!(counts.distinct(), records);
    let end = tap
        .stop(support::LIMIT)
        .expect("the observations can be written");
    assert_eq!(end.rows, records);
    took
}
