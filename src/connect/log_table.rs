//! The table of worker log lines that tell something, and of warnings that tell nothing, keyed by version.

use crate::journal::LogFact;
use crate::model::{KafkaVersion, TaskId};

const HERDER: &str = "org.apache.kafka.connect.runtime.distributed.DistributedHerder";
const COORDINATOR: &str = "org.apache.kafka.connect.runtime.distributed.WorkerCoordinator";
const CLIENT_COORDINATOR: &str = "org.apache.kafka.clients.consumer.internals.AbstractCoordinator";
const CONNECT: &str = "org.apache.kafka.connect.runtime.Connect";
const WORKER: &str = "org.apache.kafka.connect.runtime.Worker";
const SINK_TASK: &str = "org.apache.kafka.connect.runtime.WorkerSinkTask";
const SOURCE_TASK: &str = "org.apache.kafka.connect.runtime.WorkerSourceTask";
const ANY_SOURCE_TASK: &str = "org.apache.kafka.connect.runtime.AbstractWorkerSourceTask";

/// A line that tells something: the class that logs it, words of it, and what it tells.
struct Row {
    /// First release that logs it so, and the first that does not any more.
    releases: (KafkaVersion, Option<KafkaVersion>),
    class: &'static str,
    words: &'static str,
    fact: fn(&str) -> Option<LogFact>,
}

/// Since 2.4, the oldest release that Squall knows; the same words were found in 2.8, 3.0, 3.3, 3.6, 3.9, 4.1 and 4.3.
const ALWAYS: (KafkaVersion, Option<KafkaVersion>) = (KafkaVersion::new(2, 4, 0), None);

/// The classes of sources got a common parent with KIP-618.
const BEFORE_3_3: (KafkaVersion, Option<KafkaVersion>) =
    (KafkaVersion::new(2, 4, 0), Some(KafkaVersion::new(3, 3, 0)));
const SINCE_3_3: (KafkaVersion, Option<KafkaVersion>) = (KafkaVersion::new(3, 3, 0), None);

const fn row(class: &'static str, words: &'static str, fact: fn(&str) -> Option<LogFact>) -> Row {
    Row {
        releases: ALWAYS,
        class,
        words,
        fact,
    }
}

const ROWS: &[Row] = &[
    row(HERDER, "Herder stopping", |_| Some(LogFact::Stopping)),
    row(CONNECT, "Kafka Connect stopped", |_| Some(LogFact::Stopped)),
    row(COORDINATOR, "Rebalance started", |_| {
        Some(LogFact::RebalanceStarted)
    }),
    row(HERDER, "Joined group at generation ", joined),
    row(
        HERDER,
        "Starting connectors and tasks using config offset",
        |_| Some(LogFact::StartingWork),
    ),
    row(HERDER, "Finished starting connectors and tasks", |_| {
        Some(LogFact::FinishedStartingWork)
    }),
    row(COORDINATOR, " sending LeaveGroup request", leaving),
    row(CLIENT_COORDINATOR, " sending LeaveGroup request", leaving),
    row(
        COORDINATOR,
        "Broker coordinator was unreachable for ",
        |_| Some(LogFact::CoordinatorLost),
    ),
    row(COORDINATOR, "Group coordinator ", coordinator_lost),
    row(CLIENT_COORDINATOR, "Group coordinator ", coordinator_lost),
    row(WORKER, "Graceful stop of task ", |message| {
        (message.contains(" failed")).then(|| LogFact::GracefulStopFailed {
            task: task_after(message, "Graceful stop of task ").or_else(|| task_of(message)),
        })
    }),
    row(
        SINK_TASK,
        "Sink task finished initialization and start",
        started,
    ),
    Row {
        releases: BEFORE_3_3,
        class: SOURCE_TASK,
        words: "Source task finished initialization and start",
        fact: started,
    },
    Row {
        releases: SINCE_3_3,
        class: ANY_SOURCE_TASK,
        words: "Source task finished initialization and start",
        fact: started,
    },
    row(HERDER, "Uncaught exception in herder work thread", |_| {
        Some(LogFact::HerderDied)
    }),
];

/// What a line of this class tells in this release; `None` where it is an ordinary line.
pub(super) fn fact(version: KafkaVersion, class: &str, message: &str) -> Option<LogFact> {
    let covers = |row: &&Row| {
        let (first, gone) = row.releases;
        version >= first && gone.is_none_or(|gone| version < gone)
    };
    ROWS.iter()
        .filter(covers)
        .filter(|row| row.class == class && message.contains(row.words))
        .find_map(|row| (row.fact)(message))
}

/// Older releases log these lines under the class that the workers' coordinator shares with all consumers.
fn is_workers_own(message: &str) -> bool {
    message.contains("[Worker clientId=")
}

fn leaving(message: &str) -> Option<LogFact> {
    is_workers_own(message).then_some(LogFact::Leaving)
}

fn coordinator_lost(message: &str) -> Option<LogFact> {
    (is_workers_own(message) && message.contains(" is unavailable"))
        .then_some(LogFact::CoordinatorLost)
}

fn started(message: &str) -> Option<LogFact> {
    let task = task_of(message);
    Some(LogFact::TaskStarted { task })
}

fn joined(message: &str) -> Option<LogFact> {
    let generation = number_after(message, "at generation ")?;
    let delay_ms = number_after(message, "rebalance delay: ")
        .or_else(|| number_after(message, "delay="))
        .unwrap_or(0);
    Some(LogFact::Joined {
        generation,
        delay_ms,
    })
}

fn number_after(message: &str, words: &str) -> Option<u64> {
    let (_, rest) = message.split_once(words)?;
    let end = rest.find(|c: char| !c.is_ascii_digit());
    rest[..end.unwrap_or(rest.len())].parse().ok()
}

fn task_after(message: &str, words: &str) -> Option<TaskId> {
    let (_, rest) = message.split_once(words)?;
    rest.split(' ').next()?.parse().ok()
}

/// The task that a line is about: from `{id=archive-0}`, else from the context `[archive|task-0]` (KIP-449).
fn task_of(message: &str) -> Option<TaskId> {
    let by_id = || {
        let (_, rest) = message.split_once("{id=")?;
        rest.split('}').next()?.parse().ok()
    };
    let by_context = || {
        let context = message.strip_prefix('[')?.split(']').next()?;
        let (connector, number) = context.split_once("|task-")?;
        let number = number.split('|').next()?;
        format!("{connector}-{number}").parse().ok()
    };
    by_id().or_else(by_context)
}

/// When a harmless warning is harmless.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum While {
    /// At any time.
    Always,
    /// Until the worker has joined its group for the first time; later it means trouble.
    Starting,
}

/// Words of warnings that tell nothing about the cluster, when that is so, and why.
const HARMLESS: &[(&str, While, &str)] = &[
    (
        "were supplied but are not used yet",
        While::Always,
        "clients are given the settings of the whole worker",
    ),
    (
        "was supplied but isn't a known config",
        While::Always,
        "the same in older words",
    ),
    (
        "Catching up to assignment's config offset",
        While::Always,
        "each worker that is not the leader reads the config topic before it starts new work",
    ),
    (
        "contains empty path annotation",
        While::Always,
        "the web framework about Connect's own REST resources",
    ),
    (
        "does not implement any provider interfaces applicable in the SERVER runtime",
        While::Always,
        "the web framework about Connect's own REST resources",
    ),
    (
        "Error registering AppInfo mbean",
        While::Always,
        "clients of one worker share a client id, and JMX takes only the first",
    ),
    (
        "plugins are missing ServiceLoader manifests",
        While::Always,
        "plugin.discovery=hybrid_warn about plugins that work all the same",
    ),
    (
        "All plugins have ServiceLoader manifests",
        While::Always,
        "plugin.discovery=hybrid_warn when there is nothing to warn of",
    ),
    (
        "could not get type for name",
        While::Always,
        "the plugin scan met a class whose optional dependency is not there",
    ),
    (
        "Couldn't get the Method's",
        While::Always,
        "the plugin scan met a class whose optional dependency is not there",
    ),
    (
        "could not be established",
        While::Starting,
        "workers are started beside the brokers and try until these answer",
    ),
    (
        "disconnected",
        While::Starting,
        "workers are started beside the brokers and try until these answer",
    ),
    (
        "Error while fetching metadata with correlation id",
        While::Starting,
        "the worker is creating its internal topics",
    ),
    (
        "reported a recoverable issue with correlation id",
        While::Starting,
        "the worker is creating its internal topics",
    ),
];

/// Why a warning tells nothing about the cluster; `None` where it may tell something. `has_joined`: whether the worker
/// has been in its group since its start.
pub(super) fn harmless(level: &str, message: &str, has_joined: bool) -> Option<&'static str> {
    if level != "WARN" {
        return None;
    }
    HARMLESS
        .iter()
        .filter(|(_, when, _)| *when == While::Always || !has_joined)
        .find(|(words, _, _)| message.contains(words))
        .map(|(_, _, why)| *why)
}
