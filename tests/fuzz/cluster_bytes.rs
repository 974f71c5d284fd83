//! What a cluster leaves to be read: bytes of groups, records of Connect's own topics, and log lines.

use squall::connect::group::{consumer_assignment, decode, view};
use squall::connect::log::{LogParser, MAX_TEXT_CHARS};
use squall::connect::{thread_dump, topics};
use squall::kafka::{RawGroup, RawMember};
use squall::model::KafkaVersion;

use super::fuzz::Target;

/// A text as Kafka's protocols write it.
fn put(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend((text.len() as i16).to_be_bytes());
    bytes.extend(text.as_bytes());
}

fn assignment(version: i16, tasks: &[i32]) -> Vec<u8> {
    let mut bytes = version.to_be_bytes().to_vec();
    bytes.extend(0_i16.to_be_bytes());
    put(&mut bytes, "connect-1-abc");
    put(&mut bytes, "http://127.0.0.1:8083/");
    bytes.extend(42_i64.to_be_bytes());
    for part in [tasks, &[]] {
        bytes.extend(1_i32.to_be_bytes());
        put(&mut bytes, "mirror");
        bytes.extend((part.len() as i32).to_be_bytes());
        part.iter()
            .for_each(|task| bytes.extend(task.to_be_bytes()));
    }
    bytes.extend(3_000_i32.to_be_bytes());
    bytes
}

fn metadata(version: i16) -> Vec<u8> {
    let mut bytes = version.to_be_bytes().to_vec();
    put(&mut bytes, "http://127.0.0.1:8083");
    bytes.extend(42_i64.to_be_bytes());
    let held = assignment(version, &[-1, 0]);
    bytes.extend((held.len() as i32).to_be_bytes());
    bytes.extend(held);
    bytes
}

#[test]
fn fuzz_group_bytes() {
    let mut partitions = 1_i16.to_be_bytes().to_vec();
    partitions.extend(1_i32.to_be_bytes());
    put(&mut partitions, "orders");
    partitions.extend([0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1]);
    let mut seeds = vec![partitions];
    seeds.extend((0..=2).flat_map(|version| [assignment(version, &[-1, 0, 1]), metadata(version)]));
    let good = assignment(2, &[1]);
    assert!(decode(&metadata(2), &good).unwrap().owned().is_some());
    let target = Target {
        name: "group",
        seeds,
        words: &["mirror", "http://", "-1"],
        parts: 1,
    };
    target.fuzz(|bytes| {
        for (metadata, assignment) in [(bytes, &good[..]), (&[], bytes), (bytes, bytes)] {
            if let Ok(member) = decode(metadata, assignment) {
                member.owned();
            }
            let raw = RawGroup {
                state: "Stable".to_owned(),
                protocol_type: "connect".to_owned(),
                protocol: "sessioned".to_owned(),
                members: vec![RawMember {
                    member_id: "connect-1-abc".to_owned(),
                    client_id: String::new(),
                    client_host: String::new(),
                    metadata: metadata.to_vec(),
                    assignment: assignment.to_vec(),
                }],
            };
            let _ = view(&raw, |_| None);
        }
        let _ = consumer_assignment(bytes);
    });
}

#[test]
fn fuzz_records_of_connects_topics() {
    let target = Target {
        name: "topics",
        seeds: [
            "[\"mirror\",{\"cluster\":\"src\",\"partition\":0,\"topic\":\"orders\"}]\n{\"offset\":17}",
            "status-task-mirror-1\n{\"state\":\"FAILED\",\"trace\":\"java.lang\",\"worker_id\":\"a:1\",\"generation\":7}",
            "status-connector-mirror\n{\"state\":\"RUNNING\",\"worker_id\":\"a:1\",\"generation\":7}",
            "connector-mirror\n{\"properties\":{\"connector.class\":\"X\",\"password\":\"p\"}}",
            "commit-mirror\n{\"tasks\":3}",
            "target-state-mirror\n{\"state\":\"PAUSED\"}",
        ]
        .map(|text| text.as_bytes().to_vec())
        .into(),
        words: &["null", "[", "{}", "-", "status-task-", "connector-", "commit-"],
        parts: 1,
    };
    target.fuzz(|bytes| {
        let end = bytes
            .iter()
            .position(|byte| *byte == b'\n')
            .unwrap_or(bytes.len());
        let (key, value) = bytes.split_at(end);
        for value in [None, Some(value), value.get(1..)] {
            let _ = topics::offset(key, value);
            let _ = topics::status(key, value);
            let _ = topics::config(key, value);
        }
    });
}

const LOG: &str = "[2026-11-23 05:31:30,123] INFO [Worker clientId=connect-127.0.0.1:8083, groupId=squall] Successfully joined group with generation Generation{generationId=3, memberId='connect-1', protocol='sessioned'} (org.apache.kafka.connect.runtime.distributed.WorkerCoordinator:600)\n\
    [2026-11-23 05:31:30,124] WARN [mirror|task-0] [Producer clientId=x] 7 took too long (org.apache.kafka.clients.Producer)\n\
    [2026-11-23 05:31:31,000] ERROR [mirror|task-0|offsets] WorkerSourceTask{id=mirror-0} failed to flush (org.apache.kafka.connect.runtime.WorkerSourceTask:1)\n\
    java.lang.IllegalStateException: no\n\tat a.B.c(B.java:1)\n\
    Nov 23, 2026 5:31:30 AM org.glassfish.jersey.Errors\nWARNING: x\n\
    Exception in thread \"main\" java.lang.OutOfMemoryError\n";
const DUMP: &str = "2026-11-23 05:31:30\nFull thread dump OpenJDK 64-Bit Server VM (17):\n\n\
    \"task-thread-mirror-0\" #44 prio=5 os_prio=0 cpu=1ms elapsed=2s tid=0x1 nid=0x2 waiting on condition  [0x3]\n   java.lang.Thread.State: WAITING (parking)\n\
    \tat jdk.internal.misc.Unsafe.park(java.base@17/Native Method)\n\t- parking to wait for  <0x4> (a b)\n\nJNI global refs: 1\n";

#[test]
fn fuzz_log_lines() {
    let target = Target {
        name: "log",
        seeds: [LOG, DUMP].map(|text| text.as_bytes().to_vec()).into(),
        words: &[
            "INFO",
            "ERROR ",
            "[mirror|task-0] ",
            "(a.b.C:1)",
            "[2026-02-30 ",
            ",999] ",
            "Full thread dump",
            "\t- locked <",
        ],
        parts: 1,
    };
    target.fuzz(|bytes| {
        let mut parser = LogParser::new(KafkaVersion::new(4, 1, 1));
        let (first, second) = bytes.split_at(bytes.len() / 3);
        let mut lines = parser.facts(first);
        lines.extend(parser.facts(second));
        lines.extend(parser.flush());
        for line in lines {
            let hidden = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
            assert!(!line.text.chars().any(hidden));
            assert!(line.text.chars().count() <= MAX_TEXT_CHARS);
        }
        let text = String::from_utf8_lossy(bytes);
        if let Some(dump) = thread_dump::first_whole(&text) {
            thread_dump::stacks_of(dump, &["task-thread-mirror-0", ""]);
        }
    });
}
