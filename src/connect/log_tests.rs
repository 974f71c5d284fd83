//! Tests of the log parser with lines of real workers and with hostile bytes.

use proptest::prelude::*;

use super::*;
use crate::model::TaskId;

const HERDER: &str = "org.apache.kafka.connect.runtime.distributed.DistributedHerder";
const COORDINATOR: &str = "org.apache.kafka.connect.runtime.distributed.WorkerCoordinator";
const MS: i64 = 1_795_413_979_931;

fn version(text: &str) -> KafkaVersion {
    text.parse().unwrap()
}

fn task(text: &str) -> Option<TaskId> {
    Some(text.parse().unwrap())
}

fn all(release: &str, log: &[u8]) -> Vec<ParsedLine> {
    let mut parser = LogParser::new(version(release));
    let mut lines = parser.facts(log);
    lines.extend(parser.flush());
    lines
}

/// What one line after a first join tells, in each of these releases.
fn check(releases: &[&str], rest: &str, expected: Option<LogFact>) {
    for release in releases {
        let log = format!("[2026-11-23 06:06:19,931] {rest}\n");
        let lines = all(release, log.as_bytes());
        let facts: Vec<LogFact> = lines.iter().map(|line| line.fact.clone()).collect();
        assert_eq!(
            facts,
            expected.clone().into_iter().collect::<Vec<_>>(),
            "{release}: {rest}"
        );
        assert!(lines.iter().all(|line| line.worker_ms == MS), "{lines:?}");
    }
}

#[test]
fn the_life_of_a_worker_is_read_from_its_log_in_all_releases() {
    let every = [
        "2.4.1", "2.8.2", "3.0.2", "3.3.2", "3.6.0", "3.9.1", "4.1.1", "4.3.0",
    ];
    let prefix = "INFO [Worker clientId=connect-127.0.0.1:19311, groupId=squall-connect]";
    for (message, class, fact) in [
        ("Herder stopping", HERDER, LogFact::Stopping),
        ("Rebalance started", COORDINATOR, LogFact::RebalanceStarted),
        (
            "Starting connectors and tasks using config offset 12",
            HERDER,
            LogFact::StartingWork,
        ),
        (
            "Finished starting connectors and tasks",
            HERDER,
            LogFact::FinishedStartingWork,
        ),
        (
            "Group coordinator 127.0.0.1:19400 (id: 2147483646 rack: null) is unavailable or invalid due to cause: coordinator unavailable. isDisconnected: true. Rediscovery will be attempted.",
            COORDINATOR,
            LogFact::CoordinatorLost,
        ),
        (
            "Broker coordinator was unreachable for 2000ms. Revoking previous assignment Assignment{error=0}",
            COORDINATOR,
            LogFact::CoordinatorLost,
        ),
        (
            "Member connect-1-06dd sending LeaveGroup request to coordinator 127.0.0.1:19400 (id: 2147483646 rack: null) due to the consumer is being closed",
            COORDINATOR,
            LogFact::Leaving,
        ),
        (
            "Member connect-1-06dd sending LeaveGroup request to coordinator 127.0.0.1:19400 (id: 2147483646 rack: null)",
            "org.apache.kafka.clients.consumer.internals.AbstractCoordinator",
            LogFact::Leaving,
        ),
        (
            "Uncaught exception in herder work thread, exiting: ",
            HERDER,
            LogFact::HerderDied,
        ),
    ] {
        check(
            &every,
            &format!("{prefix} {message} ({class}:1234)"),
            Some(fact.clone()),
        );
        check(&every, &format!("{prefix} {message} ({class})"), Some(fact));
    }
    let stopped = "INFO Kafka Connect stopped (org.apache.kafka.connect.runtime.Connect:92)";
    check(&every, stopped, Some(LogFact::Stopped));
}

#[test]
fn a_join_tells_generation_and_delay_in_its_long_and_short_form() {
    let long = format!(
        "INFO [Worker clientId=connect-1, groupId=g] Joined group at generation 9 with protocol version 2 and got assignment: Assignment{{error=0, leader='connect-1-b4d8', leaderUrl='http://127.0.0.1:19411/', offset=12, connectorIds=[in], taskIds=[in-0], revokedConnectorIds=[], revokedTaskIds=[], delay=2987}} with rebalance delay: 2987 ({HERDER}:2690)"
    );
    let fact = LogFact::Joined {
        generation: 9,
        delay_ms: 2987,
    };
    check(&["2.8.2", "4.1.1"], &long, Some(fact));
    let short = format!(
        "INFO Joined group at generation 4 and got assignment: Assignment{{error=0}} ({HERDER})"
    );
    let fact = LogFact::Joined {
        generation: 4,
        delay_ms: 0,
    };
    check(&["2.4.1"], &short, Some(fact));
}

#[test]
fn task_lines_name_their_task() {
    let class = "org.apache.kafka.connect.runtime";
    check(
        &["2.8.2", "4.1.1"],
        &format!(
            "INFO [archive|task-0] WorkerSinkTask{{id=archive-0}} Sink task finished initialization and start ({class}.WorkerSinkTask:322)"
        ),
        Some(LogFact::TaskStarted {
            task: task("archive-0"),
        }),
    );
    let source = "INFO [a-b|task-2] ExactlyOnceWorkerSourceTask{id=a-b-2} Source task finished initialization and start";
    let told = Some(LogFact::TaskStarted {
        task: task("a-b-2"),
    });
    check(
        &["3.3.2", "4.1.1"],
        &format!("{source} ({class}.AbstractWorkerSourceTask:281)"),
        told.clone(),
    );
    check(
        &["2.8.2", "3.2.3"],
        &format!("{source} ({class}.WorkerSourceTask:281)"),
        told,
    );
    check(
        &["4.1.1"],
        &format!(
            "ERROR [archive|task-2] Graceful stop of task archive-2 failed. ({class}.Worker:1105)"
        ),
        Some(LogFact::GracefulStopFailed {
            task: task("archive-2"),
        }),
    );
}

#[test]
fn a_consumer_that_leaves_its_own_group_is_no_leaving_worker() {
    let line = "INFO [archive|task-1] [Consumer clientId=connector-consumer-archive-1, groupId=connect-archive] Member x sending LeaveGroup request to coordinator y due to the consumer is being closed";
    check(
        &["4.1.1"],
        &format!("{line} (org.apache.kafka.clients.consumer.internals.ConsumerCoordinator:1)"),
        None,
    );
    check(
        &["2.8.2"],
        &format!("{line} (org.apache.kafka.clients.consumer.internals.AbstractCoordinator:1)"),
        None,
    );
}

#[test]
fn the_same_words_of_another_class_tell_nothing() {
    check(
        &["4.1.1"],
        "INFO Herder stopping (com.example.DistributedHerder:1)",
        None,
    );
    check(&["4.1.1"], "INFO quoting: Rebalance started", None);
}

#[test]
fn a_stack_trace_belongs_to_the_line_before_it() {
    let log = b"[2026-11-23 06:08:39,105] ERROR [broken|task-0] WorkerSinkTask{id=broken-0} Task threw an uncaught and unrecoverable exception (org.apache.kafka.connect.runtime.WorkerTask:251)\n\
        org.apache.kafka.connect.errors.ConnectException: Couldn't find or create file '/nonexistent/x'\n\
        \tat org.apache.kafka.connect.file.FileStreamSinkTask.start(FileStreamSinkTask.java:74)\n\
        Caused by: java.nio.file.NoSuchFileException: /nonexistent/x\n\
        \t... 10 more\n\
        [2026-11-23 06:08:39,106] INFO something else (a.b.C:1)\n";
    let lines = all("4.1.1", log);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!(lines[0].fact, LogFact::Trouble);
    assert_eq!(lines[0].level, "ERROR");
    assert!(
        lines[0].text.ends_with("\n\t... 10 more"),
        "{}",
        lines[0].text
    );
    assert_eq!(lines[0].text.lines().count(), 5);
}

#[test]
fn lines_of_another_logger_and_messages_of_the_virtual_machine_end_a_stack_trace() {
    let log = b"[2026-11-23 06:08:39,105] WARN odd (a.b.C:1)\n\
        Nov 23, 2026 6:06:50 AM org.glassfish.jersey.internal.Errors logErrors\n\
        WARNING: The (sub)resource method x contains empty path annotation.\n\
        Exception in thread \"main\" java.lang.OutOfMemoryError: Java heap space\n\
        \tat a.b.C.d(C.java:1)\n";
    let lines = all("4.1.1", log);
    let texts: Vec<usize> = lines.iter().map(|line| line.text.lines().count()).collect();
    assert_eq!(texts, [1, 2], "{lines:?}");
    assert_eq!(
        (lines[1].level.as_str(), &lines[1].fact),
        ("FATAL", &LogFact::Trouble)
    );
}

#[test]
fn warnings_without_meaning_are_dropped_but_lost_brokers_count_once_the_worker_has_joined() {
    let unused = "WARN These configurations '[group.id, plugin.path]' were supplied but are not used yet. (org.apache.kafka.clients.consumer.ConsumerConfig:1)";
    check(&["4.1.1"], unused, None);
    let no_broker = "[2026-11-23 06:06:20,000] WARN [AdminClient clientId=x] Connection to node 1 (/127.0.0.1:1) could not be established. Node may not be available. (org.apache.kafka.clients.NetworkClient:899)\n";
    let join = format!(
        "[2026-11-23 06:06:21,000] INFO [Worker clientId=c, groupId=g] Joined group at generation 1 with protocol version 2 and got assignment: A{{}} with rebalance delay: 0 ({HERDER}:1)\n"
    );
    let lines = all("4.1.1", format!("{no_broker}{join}{no_broker}").as_bytes());
    let troubles = lines.iter().filter(|line| line.fact == LogFact::Trouble);
    assert_eq!((lines.len(), troubles.count()), (2, 1), "{lines:?}");
}

#[test]
fn a_flood_of_lines_that_differ_in_numbers_only_is_cut_and_counted() {
    let line = |n: u32| {
        format!(
            "[2026-11-23 06:06:{:02},000] WARN retry {n} of 99 (a.b.C:1)\n",
            n / 10
        )
    };
    let log: String = (0..200).map(line).collect();
    let mut parser = LogParser::new(version("4.1.1"));
    let mut passed = parser.facts(log.as_bytes());
    passed.extend(parser.flush());
    assert_eq!(passed.len(), 10, "5 in each 10 s of 20 s");
}

#[test]
fn a_warning_of_many_clients_is_one_kind_and_an_error_of_many_tasks_is_not() {
    let lines = |level: &str| -> String {
        (b'a'..b'k')
            .map(|task| {
                let task = char::from(task);
                format!("[2026-11-23 06:06:19,931] {level} [{task}|task-0] [Consumer clientId=x-{task}] odd (a.b.C:1)\n")
            })
            .collect()
    };
    assert_eq!(all("4.1.1", lines("WARN").as_bytes()).len(), 5);
    assert_eq!(all("4.1.1", lines("ERROR").as_bytes()).len(), 10);
}

#[test]
fn long_and_hostile_lines_are_cut_masked_and_made_visible() {
    let mut log = b"[2026-11-23 06:08:39,105] ERROR password=hunter2 \x1b[31m\xff ".to_vec();
    log.extend(std::iter::repeat_n(b'x', 1 << 20));
    log.extend(b"\n[2026-11-23 06:08:39,106] ERROR next (a.b.C:1)\n");
    let lines = all("4.1.1", &log);
    assert_eq!(lines.len(), 2);
    let text = &lines[0].text;
    assert_eq!(text.chars().count(), MAX_TEXT_CHARS);
    assert!(text.contains("password=[hidden]") && !text.contains("hunter2"));
    assert!(!text.contains('\x1b') && text.contains('\u{fffd}'));
}

#[test]
fn a_fact_is_told_as_soon_as_its_line_ends() {
    let mut parser = LogParser::new(version("4.1.1"));
    let line =
        format!("[2026-11-23 06:06:19,931] INFO [Worker] Rebalance started ({COORDINATOR}:239)");
    assert_eq!(parser.facts(line.as_bytes()), []);
    assert_eq!(parser.facts(b"\r\n").len(), 1);
    assert_eq!(parser.flush(), []);
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
        let _ = all("4.1.1", &bytes);
    }

    #[test]
    fn it_does_not_matter_where_the_bytes_are_cut(cuts in proptest::collection::vec(0..900usize, 0..12)) {
        let log = format!(
            "[2026-11-23 06:06:19,931] INFO [Worker clientId=a, groupId=b] Rebalance started ({COORDINATOR}:239)\n\
             [2026-11-23 06:06:20,931] WARN odd \u{00e9} (a.b.C:1)\n\tat x\n\
             [2026-11-23 06:06:21,931] INFO [Worker clientId=a, groupId=b] Herder stopping ({HERDER}:854)\n"
        );
        let whole = all("4.1.1", log.as_bytes());
        prop_assert_eq!(whole.len(), 3);
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(log.len())).collect();
        cuts.sort_unstable();
        let mut parser = LogParser::new(version("4.1.1"));
        let mut found = Vec::new();
        let mut from = 0;
        for cut in cuts.into_iter().chain([log.len()]) {
            found.extend(parser.facts(&log.as_bytes()[from..cut]));
            from = cut;
        }
        found.extend(parser.flush());
        prop_assert_eq!(found, whole);
    }
}
