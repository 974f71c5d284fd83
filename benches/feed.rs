//! What a feed, two taps and their observation files cost together, in CPU time per record at a sustained rate.
//!
//! The two taps read the topic that the feed writes, as the taps of a route do. `SQUALL_BENCH_SECONDS` sets how long
//! (default 20) and `SQUALL_BENCH_RATE` how many records per second (default 60,000: more than must be sustained).
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark prints its figures"
)]

mod support;

use std::time::Duration;

use squall::journal::{Attendance, Clock, Deadline, Journal, ObservationWriter, RunFolder};
use squall::kafka::{Admin, Cluster, Isolation};
use squall::model::{RecordCodec, StreamId};
use squall::places::{Decoder, Feed, FeedEnd, Tap};
use squall::runtime::process::StartStyle;
use squall::scenario::StreamSpec;
use support::broker::OwnSpec;

const PARTITIONS: u32 = 6;

fn main() {
    let seconds = support::number("SQUALL_BENCH_SECONDS", 20);
    let stream = StreamSpec {
        lanes: 12,
        rate_per_second: support::number("SQUALL_BENCH_RATE", 60_000),
        record_size_bytes: 200,
    };
    let broker = OwnSpec::new(0, StartStyle::Together).start();
    let cluster = Cluster::at(&broker.bootstrap());
    let clock = Clock::start();
    let (admin, topic) = support::topic(&cluster, clock, "bench-feed", PARTITIONS);
    let codec = RecordCodec::new(StreamId(1), stream.record_size_bytes, stream.lanes)
        .expect("200 bytes hold a record");
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let run = RunFolder::create(folder.path(), "run").expect("the folder is empty");
    let journal = Journal::create(&run, clock).expect("the folder is empty");
    let writer = |name: &str| {
        ObservationWriter::create(&folder.path().join(name)).expect("the folder is empty")
    };
    let tap = |name: &str| {
        let decoder = Decoder::Line(codec);
        let isolation = Isolation::ReadCommitted;
        Tap::start_topic(
            &cluster,
            &topic,
            isolation,
            decoder,
            stream.lanes,
            Attendance::begin(name, &journal),
            writer(name),
        )
        .expect("the client settings are plain")
    };
    let taps = [tap("one.arrow"), tap("two.arrow")];
    let feed = Feed::start_topic(
        &cluster,
        &topic,
        PARTITIONS,
        stream,
        codec,
        Attendance::begin("feed", &journal),
        writer("feed.arrow"),
    )
    .expect("the client settings are plain");

    // The rate is sustained when it is measured after the start and the backlog does not grow.
    std::thread::sleep(Duration::from_secs(2));
    let (began, cpu_before, acked_before) = (
        clock.now(),
        support::cpu(std::process::id()),
        feed.counts().acked(),
    );
    std::thread::sleep(Duration::from_secs(seconds));
    let took = clock.now().since(began);
    let used = support::cpu(std::process::id()) - cpu_before;
    let acked = feed.counts().acked() - acked_before;

    let (end, drained) = drain(feed, taps, &admin, &topic);
    println!(
        "{} due, {} acked in all; taps at the end {} ms after the feed",
        end.due,
        end.acked,
        drained.as_millis()
    );
    tell(acked, took, used, stream.rate_per_second);
}

/// Ends the feed and waits until both taps have read everything; returns how long they took behind the feed.
fn drain(feed: Feed, taps: [Tap; 2], admin: &Admin, topic: &str) -> (FeedEnd, Duration) {
    let end = feed
        .stop(support::LIMIT)
        .expect("the observations can be written");
    let ends = admin
        .end_offsets(topic, support::LIMIT)
        .expect("the broker answers");
    let deadline = Deadline::after(support::LIMIT);
    while !taps.iter().all(|tap| tap.has_read_to(&ends)) && !deadline.has_passed() {
        std::thread::sleep(Duration::from_millis(1));
    }
    let drained = support::LIMIT.saturating_sub(deadline.left());
    for tap in taps {
        assert_eq!(tap.counts().distinct(), end.acked, "every record arrives");
        tap.stop(support::LIMIT)
            .expect("the observations can be written");
    }
    (end, drained)
}

/// Prints the figures beside what is wanted.
fn tell(acked: u64, took: Duration, used: Duration, offered_per_second: u64) {
    let each_us = used.as_secs_f64() * 1e6 / acked as f64;
    let rate = acked as f64 / took.as_secs_f64();
    println!(
        "sustained over {:.1} s: {rate:.0}/s of {}/s offered (wanted: at least 50000/s)",
        took.as_secs_f64(),
        offered_per_second
    );
    println!(
        "CPU per record for feed, two taps and observations: {each_us:.2} µs / 10 µs = {:.2} (wanted: at most 1)",
        each_us / 10.0
    );
}
