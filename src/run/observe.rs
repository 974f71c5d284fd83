//! Observers of a running cluster: each on its own thread, each writing what it sees into the journal.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::connect::group::{GroupReader, consumer_assignment, task_of_client_id};
use crate::connect::log::LogParser;
use crate::connect::topics::{self, ConfigRecord, StatusRecord};
use crate::connect::{Access, Rest};
use crate::journal::{
    Attendance, Deadline, GroupView, Journal, Looks, ReadTo, RestClaim, SinkMember, What,
};
use crate::kafka::{
    Admin, Cluster, Isolation, Item, KafkaError, RawGroup, RecordReader, Start, internal,
};
use crate::model::secrets;
use crate::model::{ConnectorName, KafkaVersion, TaskId, WorkerName};
use crate::runtime::Runtime;

use super::attention::{Attention, CLOSE};

const GROUP_ANSWER_LIMIT: Duration = Duration::from_secs(5);
/// Of close looks at the workers' group every so many come with one at the groups of the sinks; of resting ones each does.
const SINK_GROUP_EVERY: u32 = 4;
const POLLED_EVENT_EVERY: Duration = Duration::from_secs(1);
const REST_POLL: Duration = Duration::from_secs(1);
const LOG_POLL: Duration = Duration::from_millis(100);
const READER_POLL: Duration = Duration::from_millis(100);
const OPEN_LIMIT: Duration = Duration::from_secs(5);
const READER_MOST: usize = 10_000;
/// For what is still to be read when a reader is to stop.
const LAST_LIMIT: Duration = Duration::from_secs(3);
const CLOSE_LIMIT: Duration = Duration::from_secs(2);
/// An observer that cannot see for this long says so in the journal.
const BLIND_LIMIT: Duration = Duration::from_secs(20);

const CONSUMER_OFFSETS: &str = "__consumer_offsets";

/// What observers need to know of the cluster.
#[derive(Debug, Clone)]
pub struct Watched {
    /// The workers' release.
    pub version: KafkaVersion,
    /// How to reach Kafka.
    pub cluster: Cluster,
    /// The workers' group.
    pub group_id: String,
    /// Offsets topic of the workers.
    pub offsets_topic: String,
    /// Status topic of the workers.
    pub status_topic: String,
    /// Config topic of the workers.
    pub config_topic: String,
    /// The sinks of the route, and those of others that are watched, with what they read.
    pub sinks: BTreeMap<ConnectorName, Sink>,
    /// Worker ids (`host:port`) and the workers behind them.
    pub workers: BTreeMap<String, WorkerName>,
    /// How the workers' REST interfaces are spoken to.
    pub access: Access,
    /// REST addresses of the workers.
    pub rest: BTreeMap<WorkerName, String>,
    /// Whether sources write in transactions, so that open ones must not be believed.
    pub exactly_once: bool,
    /// The connectors that count, in a cluster with connectors of others; all when `None`. Commits of sinks are then read
    /// from now on only: the topic may be long.
    pub only: Option<BTreeSet<ConnectorName>>,
}

/// Where a sink commits what it has read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sink {
    /// Its consumer group; sinks can have one in common.
    pub group: String,
    /// The topic that counts, where that is known: a sink can read others beside it.
    pub topic: Option<String>,
}

impl Sink {
    fn counts(&self, topic: &str) -> bool {
        self.topic.as_ref().is_none_or(|counts| counts == topic)
    }
}

impl Watched {
    /// Whether an event is about a connector that counts. The status of every task is kept: stop conditions are about the
    /// tasks of all connectors.
    fn concerns(&self, what: &What) -> bool {
        let connector = match what {
            What::SourceCommit { connector, .. }
            | What::ConnectorConfig { connector, .. }
            | What::TargetState { connector, .. } => connector,
            What::TaskConfig { task, .. } => &task.connector,
            _ => return true,
        };
        self.only
            .as_ref()
            .is_none_or(|only| only.contains(connector))
    }

    fn worker_of_url(&self, url: &str) -> Option<WorkerName> {
        let rest = url.split("://").nth(1).unwrap_or(url);
        self.workers.get(rest.trim_end_matches('/')).cloned()
    }
}

/// The running observers.
pub struct Observers {
    threads: Vec<(String, Sender<()>, JoinHandle<()>)>,
}

impl Observers {
    /// Starts all observers.
    pub fn start(watched: &Watched, journal: &Journal, attention: &Attention) -> Self {
        let mut observers = Self {
            threads: Vec::new(),
        };
        let attention = attention.clone();
        observers.spawn("group", watched, journal, move |watched, journal, stop| {
            watch_group(watched, journal, &attention, stop);
        });
        observers.spawn("rest", watched, journal, watch_rest);
        let sources = if watched.exactly_once {
            Isolation::ReadCommitted
        } else {
            Isolation::ReadUncommitted
        };
        let all = Isolation::ReadUncommitted;
        let mut topics = vec![
            Topic::new(
                "offsets topic",
                &watched.offsets_topic,
                sources,
                source_commit,
            ),
            Topic::new("status topic", &watched.status_topic, all, task_status),
            Topic::new(
                "config topic",
                &watched.config_topic,
                Isolation::ReadCommitted,
                configuration,
            ),
        ];
        if !watched.sinks.is_empty() {
            topics.push(Topic::new(
                "consumer offsets",
                CONSUMER_OFFSETS,
                all,
                sink_commit,
            ));
        }
        for topic in topics {
            observers.spawn(
                topic.observer,
                watched,
                journal,
                move |watched, journal, stop| {
                    read_topic(&topic, watched, journal, stop);
                },
            );
        }
        observers
    }

    /// Begins to follow the workers' logs; new incarnations are found by asking the runtime.
    pub fn follow_logs(
        &mut self,
        runtime: std::sync::Arc<dyn Runtime>,
        watched: &Watched,
        journal: &Journal,
    ) {
        self.spawn("logs", watched, journal, move |w, journal, stop| {
            watch_logs(runtime.as_ref(), w.version, journal, stop);
        });
    }

    /// Starts an observer on a thread of its own; it is told to stop with all others.
    pub fn spawn(
        &mut self,
        name: &str,
        watched: &Watched,
        journal: &Journal,
        body: impl FnOnce(&Watched, &Journal, &Receiver<()>) + Send + 'static,
    ) {
        let (stop, stopped) = channel();
        let (watched, journal) = (watched.clone(), journal.clone());
        let thread = std::thread::Builder::new()
            .name(format!("observe {name}"))
            .spawn(move || body(&watched, &journal, &stopped))
            .expect("the operating system can start a thread");
        self.threads.push((name.to_owned(), stop, thread));
    }

    /// Asks all observers to stop and waits for them, up to the limit; one that hangs is left behind.
    pub fn stop(self, limit: Duration) {
        let deadline = Deadline::after(limit);
        let threads: Vec<JoinHandle<()>> = self
            .threads
            .into_iter()
            .map(|(_, stop, thread)| {
                drop(stop);
                thread
            })
            .collect();
        for thread in threads {
            while !thread.is_finished() && !deadline.has_passed() {
                std::thread::sleep(Duration::from_millis(2));
            }
            if thread.is_finished() {
                let _ = thread.join();
            }
        }
    }
}

/// Waits for the pause or until told to stop; true means stop.
pub(super) fn stopped_within(stop: &Receiver<()>, pause: Duration) -> bool {
    !matches!(stop.recv_timeout(pause), Err(RecvTimeoutError::Timeout))
}

/// Tells the journal when an observer has been blind for too long, once for each time.
struct Sight<'a> {
    observer: &'a str,
    journal: &'a Journal,
    since: Option<Deadline>,
    told: bool,
}

impl<'a> Sight<'a> {
    fn new(observer: &'a str, journal: &'a Journal) -> Self {
        Self {
            observer,
            journal,
            since: None,
            told: false,
        }
    }

    fn good(&mut self) {
        self.since = None;
        self.told = false;
    }

    /// It will never see again.
    fn lost(&mut self, why: &str) {
        let (observer, why) = (self.observer.to_owned(), secrets::mask_text(why));
        self.journal.record(What::ObserverFailed { observer, why });
    }

    fn bad(&mut self, why: &str) {
        let blind_until = *self
            .since
            .get_or_insert_with(|| Deadline::after(BLIND_LIMIT));
        if blind_until.has_passed() && !self.told {
            self.told = true;
            self.lost(why);
        }
    }
}

fn watch_group(watched: &Watched, journal: &Journal, attention: &Attention, stop: &Receiver<()>) {
    let mut sight = Sight::new("group", journal);
    let admin = match Admin::new(&watched.cluster) {
        Ok(admin) => admin,
        Err(error) => return sight.lost(&error.to_string()),
    };
    let mut reader = GroupReader::default();
    let mut last: Option<GroupView> = None;
    let mut sinks = SinkGroups::new(watched, journal);
    let clock = journal.clock();
    let (mut looks, mut round, mut was_close) = (Looks::begin(clock), 0u32, true);
    loop {
        let (began, is_close) = (clock.now(), attention.is_close());
        match described(&admin, &mut reader, watched) {
            Ok(view) => {
                sight.good();
                if last.as_ref() != Some(&view) {
                    attention.rouse();
                    journal.record(What::Group(view.clone()));
                    last = Some(view);
                }
                looks.seen();
            }
            Err(why) => {
                attention.rouse();
                sight.bad(&why);
            }
        }
        if !is_close || round.is_multiple_of(SINK_GROUP_EVERY) {
            sinks.poll(&admin, attention);
        }
        round = round.wrapping_add(1);
        // The gaps of resting looks are told apart from those of close ones.
        if looks.is_due(POLLED_EVENT_EVERY) || is_close != was_close {
            tell_polls(&mut looks, journal);
        }
        was_close = is_close;
        if stopped_before_next_look(stop, attention, || clock.now().since(began)) {
            tell_polls(&mut looks, journal);
            return sinks.leave();
        }
    }
}

/// Waits until the next look is due, which is soon when something happens meanwhile; true means stop.
fn stopped_before_next_look(
    stop: &Receiver<()>,
    attention: &Attention,
    passed: impl Fn() -> Duration,
) -> bool {
    loop {
        let passed = passed();
        let left = attention.pause().saturating_sub(passed);
        if stopped_within(stop, left.min(CLOSE)) {
            return true;
        }
        if left <= CLOSE {
            return false;
        }
    }
}

fn tell_polls(looks: &mut Looks, journal: &Journal) {
    let (polls, longest_gap_ms) = looks.take();
    journal.record(What::GroupPolled {
        polls,
        longest_gap_ms,
    });
}

/// The group as it is now; one that nobody has joined yet has no members.
fn described(
    admin: &Admin,
    reader: &mut GroupReader,
    watched: &Watched,
) -> Result<GroupView, String> {
    let raw = admin
        .group(&watched.group_id, GROUP_ANSWER_LIMIT)
        .map_err(|error| error.to_string())?;
    let raw = raw.unwrap_or_else(RawGroup::absent);
    let view = reader.view(&raw, |url| watched.worker_of_url(url));
    view.map_err(|error| error.to_string())
}

/// The consumer groups of the sinks, looked at one after the other.
struct SinkGroups<'a> {
    watched: &'a Watched,
    journal: &'a Journal,
    last: BTreeMap<ConnectorName, Vec<SinkMember>>,
    attendance: BTreeMap<ConnectorName, Attendance>,
}

impl<'a> SinkGroups<'a> {
    fn new(watched: &'a Watched, journal: &'a Journal) -> Self {
        let begin = |sink: &ConnectorName| {
            let observer = format!("sink group {sink}");
            (sink.clone(), Attendance::begin(observer, journal))
        };
        Self {
            watched,
            journal,
            last: BTreeMap::new(),
            attendance: watched.sinks.keys().map(begin).collect(),
        }
    }

    fn poll(&mut self, admin: &Admin, attention: &Attention) {
        for (connector, sink) in &self.watched.sinks {
            let Some(attendance) = self.attendance.get_mut(connector) else {
                continue;
            };
            let Ok(raw) = admin.group(&sink.group, GROUP_ANSWER_LIMIT) else {
                attendance.tell_in_time();
                continue;
            };
            attendance.seen();
            let Some(raw) = raw else { continue };
            let members = sink_members(&raw, connector, sink);
            if self.last.get(connector) != Some(&members) {
                attention.rouse();
                self.journal.record(What::SinkGroup {
                    connector: connector.clone(),
                    members: members.clone(),
                });
                self.last.insert(connector.clone(), members);
            }
        }
    }

    fn leave(mut self) {
        let all = self.attendance.values_mut();
        all.for_each(|attendance| attendance.tell(BTreeMap::new()));
    }
}

/// Who reads what is known in a stable group only: until then nobody is said to read anything. Tasks of other connectors
/// that commit in the same group are left out.
fn sink_members(raw: &RawGroup, connector: &ConnectorName, sink: &Sink) -> Vec<SinkMember> {
    let stable = raw.state == "Stable";
    let is_own = |task: &Option<TaskId>| {
        task.as_ref()
            .is_none_or(|task| task.connector == *connector)
    };
    let mut members: Vec<SinkMember> = raw
        .members
        .iter()
        .filter(|_| stable)
        .filter_map(|member| {
            let topics = consumer_assignment(&member.assignment).ok()?;
            let counting = topics.into_iter().filter(|(topic, _)| sink.counts(topic));
            let partitions = counting.flat_map(|(_, partitions)| partitions).collect();
            Some(SinkMember {
                task: task_of_client_id(&member.client_id),
                partitions,
            })
        })
        .filter(|member| is_own(&member.task))
        .collect();
    members.sort_by(|a, b| (&a.task, &a.partitions).cmp(&(&b.task, &b.partitions)));
    members
}

/// One record of an internal topic.
struct Internal<'a> {
    key: &'a [u8],
    value: Option<&'a [u8]>,
    timestamp_ms: i64,
}

/// What a record of an internal topic tells, if anything.
type Telling = fn(&Internal<'_>, &Watched) -> Option<What>;

/// An internal topic, how it is read, and what its records tell.
struct Topic {
    observer: &'static str,
    name: String,
    isolation: Isolation,
    what_of: Telling,
}

impl Topic {
    fn new(observer: &'static str, name: &str, isolation: Isolation, what_of: Telling) -> Self {
        Self {
            observer,
            name: name.to_owned(),
            isolation,
            what_of,
        }
    }
}

/// Reads until told to stop. Trouble is asked about again for as long as the run lasts: a topic that is just being made
/// has partitions that some broker does not know yet, and brokers come back.
fn read_topic(topic: &Topic, watched: &Watched, journal: &Journal, stop: &Receiver<()>) {
    let mut sight = Sight::new(topic.observer, journal);
    let mut attendance = Attendance::begin(topic.observer, journal);
    let mut reading = Reading::default();
    while !stopped_within(stop, Duration::ZERO) {
        let read = match reading.open(topic, watched) {
            Ok(reader) => reading.read_on(&reader, topic, watched, journal),
            Err(error) => Err(error),
        };
        match read {
            Ok(()) => {
                sight.good();
                attendance.seen();
            }
            Err(error) => {
                sight.bad(&error.to_string());
                attendance.tell_in_time();
                if stopped_within(stop, READER_POLL) {
                    break;
                }
            }
        }
    }
    let ends = reading.read_to_end(topic, watched, journal);
    attendance.tell(reading.compared(&ends.unwrap_or_default()));
    reading.close();
}

/// A reader of an internal topic with how far it has come, which outlives the client under it.
#[derive(Default)]
struct Reading {
    reader: Option<Rc<RecordReader>>,
    next: BTreeMap<i32, i64>,
}

impl Reading {
    fn open(&mut self, topic: &Topic, watched: &Watched) -> Result<Rc<RecordReader>, KafkaError> {
        if let Some(reader) = &self.reader {
            return Ok(Rc::clone(reader));
        }
        let start = if !self.next.is_empty() {
            Start::On(self.next.clone())
        } else if topic.name == CONSUMER_OFFSETS && watched.only.is_some() {
            Start::End
        } else {
            Start::Earliest
        };
        let (cluster, isolation) = (&watched.cluster, topic.isolation);
        let opened = RecordReader::open(cluster, &topic.name, isolation, &start, OPEN_LIMIT)?;
        Ok(Rc::clone(self.reader.insert(Rc::new(opened))))
    }

    /// Writes down what is there. A client that cannot go on is let go; the next one begins where this one ended.
    fn read_on(
        &mut self,
        reader: &RecordReader,
        topic: &Topic,
        watched: &Watched,
        journal: &Journal,
    ) -> Result<(), KafkaError> {
        let next = &mut self.next;
        let read = reader.poll(READER_POLL, READER_MOST, |item| match item {
            Item::Record {
                partition,
                offset,
                timestamp_ms,
                key,
                value,
            } => {
                next.insert(partition, offset + 1);
                let record = Internal {
                    key,
                    value,
                    timestamp_ms,
                };
                let what = (topic.what_of)(&record, watched);
                if let Some(what) = what.filter(|what| watched.concerns(what)) {
                    journal.record(what);
                }
            }
            Item::EndOfPartition {
                partition,
                next_offset,
            } => {
                let known = next.entry(partition).or_insert(0);
                *known = (*known).max(next_offset.unwrap_or(0));
            }
        });
        if read.is_err() {
            self.reader = None;
        }
        read.map(drop)
    }

    /// Reads what the topic holds by now, as far as that goes in a moment.
    fn read_to_end(
        &mut self,
        topic: &Topic,
        watched: &Watched,
        journal: &Journal,
    ) -> Result<BTreeMap<i32, i64>, KafkaError> {
        let deadline = Deadline::after(LAST_LIMIT);
        let ends = Admin::new(&watched.cluster)?.end_offsets(&topic.name, LAST_LIMIT)?;
        let short = |next: &BTreeMap<i32, i64>| {
            let mut ends = ends.iter();
            ends.any(|(partition, end)| next.get(partition).copied().unwrap_or(0) < *end)
        };
        while short(&self.next) && !deadline.has_passed() {
            let reader = self.open(topic, watched)?;
            self.read_on(&reader, topic, watched, journal)?;
        }
        Ok(ends)
    }

    fn compared(&self, ends: &BTreeMap<i32, i64>) -> BTreeMap<i32, ReadTo> {
        let of = |(partition, end): (&i32, &i64)| {
            let next = self.next.get(partition).copied().unwrap_or(0);
            (*partition, ReadTo { next, end: *end })
        };
        ends.iter().map(of).collect()
    }

    fn close(self) {
        if let Some(reader) = self.reader.and_then(Rc::into_inner) {
            reader.close(CLOSE_LIMIT);
        }
    }
}

fn source_commit(record: &Internal<'_>, _: &Watched) -> Option<What> {
    let commit = topics::offset(record.key, record.value).ok()?;
    Some(What::SourceCommit {
        connector: commit.connector,
        partition: commit.partition,
        offset: commit.offset,
        broker_ms: record.timestamp_ms,
    })
}

fn sink_commit(record: &Internal<'_>, watched: &Watched) -> Option<What> {
    let commit = internal::offset_commit(record.key, record.value)?;
    let (connector, _) = watched
        .sinks
        .iter()
        .find(|(_, sink)| sink.group == commit.group && sink.counts(&commit.topic))?;
    Some(What::SinkCommit {
        connector: connector.clone(),
        topic: commit.topic,
        partition: commit.partition,
        next_offset: commit.next_offset,
        broker_ms: commit.commit_timestamp_ms,
    })
}

fn task_status(record: &Internal<'_>, watched: &Watched) -> Option<What> {
    match topics::status(record.key, record.value).ok()? {
        StatusRecord::Task { task, status } => Some(What::TaskStatus {
            task,
            worker: watched.workers.get(&status.worker_id).cloned(),
            state: status.state,
            generation: status.generation,
            trace: status.trace,
        }),
        StatusRecord::Connector { .. } | StatusRecord::Other => None,
    }
}

fn configuration(record: &Internal<'_>, _: &Watched) -> Option<What> {
    match topics::config(record.key, record.value).ok()? {
        ConfigRecord::Connector { connector, config } => {
            Some(What::ConnectorConfig { connector, config })
        }
        ConfigRecord::Task { task, config } => Some(What::TaskConfig { task, config }),
        ConfigRecord::TargetState { connector, state } => Some(What::TargetState {
            connector,
            state: state?,
        }),
        ConfigRecord::Commit { .. } | ConfigRecord::Other => None,
    }
}

fn watch_rest(watched: &Watched, journal: &Journal, stop: &Receiver<()>) {
    let mut last: BTreeMap<WorkerName, Result<BTreeMap<TaskId, RestClaim>, String>> =
        BTreeMap::new();
    let Some(Ok(any)) = watched
        .rest
        .values()
        .next()
        .map(|url| Rest::with_access(url, &watched.access))
    else {
        return;
    };
    // One client thread serves all workers for the whole run.
    let clients: Vec<(&WorkerName, Rest)> = watched
        .rest
        .iter()
        .map(|(worker, url)| (worker, any.at(url)))
        .collect();
    let mut attendance = Attendance::begin("rest", journal);
    loop {
        for (worker, rest) in &clients {
            let worker = *worker;
            let answer = rest_claims(rest);
            if last.get(worker) != Some(&answer) {
                journal.record(What::RestView {
                    worker: worker.clone(),
                    answer: answer.clone(),
                });
                last.insert(worker.clone(), answer);
            }
        }
        attendance.seen();
        if stopped_within(stop, REST_POLL) {
            return attendance.tell(BTreeMap::new());
        }
    }
}

fn rest_claims(rest: &Rest) -> Result<BTreeMap<TaskId, RestClaim>, String> {
    let connectors = rest
        .status_all(Duration::from_secs(1))
        .map_err(|error| error.to_string())?;
    let mut claims = BTreeMap::new();
    for (connector, status) in connectors {
        for task in status.tasks {
            let id = TaskId {
                connector: connector.clone(),
                task: task.id,
            };
            claims.insert(
                id,
                RestClaim {
                    state: task.state,
                    worker_id: task.worker_id,
                },
            );
        }
    }
    Ok(claims)
}

/// A log file that is being followed.
struct Followed {
    worker: WorkerName,
    incarnation: u32,
    path: PathBuf,
    position: u64,
    parser: LogParser,
}

impl Followed {
    /// Reads what was appended and writes down what it tells; `last` also tells of a line that has no end yet.
    fn read_on(&mut self, journal: &Journal, last: bool) {
        let mut appended = Vec::new();
        let read = std::fs::File::open(&self.path).and_then(|mut file| {
            file.seek(SeekFrom::Start(self.position))?;
            file.take(4 << 20).read_to_end(&mut appended)
        });
        let Ok(read) = read else { return };
        self.position += read as u64;
        let mut lines = self.parser.facts(&appended);
        if last || read == 0 {
            lines.extend(self.parser.flush());
        }
        for line in lines {
            journal.record(What::Log {
                worker: self.worker.clone(),
                incarnation: self.incarnation,
                worker_ms: line.worker_ms,
                level: line.level,
                fact: line.fact,
                text: line.text,
            });
        }
    }
}

fn watch_logs(
    runtime: &dyn Runtime,
    version: KafkaVersion,
    journal: &Journal,
    stop: &Receiver<()>,
) {
    let mut followed: Vec<Followed> = Vec::new();
    let mut attendance = Attendance::begin("logs", journal);
    loop {
        let ending = stopped_within(stop, LOG_POLL);
        for file in runtime.log_files() {
            if !followed.iter().any(|known| known.path == file.path) {
                let (worker, incarnation, path) = (file.worker, file.incarnation, file.path);
                followed.push(Followed {
                    worker,
                    incarnation,
                    path,
                    position: 0,
                    parser: LogParser::new(version),
                });
            }
        }
        followed
            .iter_mut()
            .for_each(|file| file.read_on(journal, ending));
        attendance.seen();
        if ending {
            return attendance.tell(BTreeMap::new());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::Clock;
    use crate::kafka::RawMember;

    /// `ConsumerProtocolAssignment`: version, then each topic with its partitions.
    fn assignment(topics: &[(&str, &[i32])]) -> Vec<u8> {
        let short = |number: usize| i16::try_from(number).unwrap().to_be_bytes();
        let int = |number: usize| i32::try_from(number).unwrap().to_be_bytes();
        let mut bytes = short(1).to_vec();
        bytes.extend(int(topics.len()));
        for (topic, partitions) in topics {
            bytes.extend(short(topic.len()));
            bytes.extend(topic.as_bytes());
            bytes.extend(int(partitions.len()));
            partitions
                .iter()
                .for_each(|partition| bytes.extend(partition.to_be_bytes()));
        }
        bytes
    }

    #[test]
    fn of_a_group_in_common_only_the_sinks_own_tasks_and_its_topic_count() {
        let member = |client: &str, topics: &[(&str, &[i32])]| RawMember {
            member_id: client.to_owned(),
            client_id: client.to_owned(),
            client_host: String::new(),
            metadata: Vec::new(),
            assignment: assignment(topics),
        };
        let raw = RawGroup {
            state: "Stable".to_owned(),
            members: vec![
                member("connector-consumer-s-0", &[("in", &[0, 1]), ("more", &[7])]),
                member("connector-consumer-other-0", &[("in", &[2])]),
                member("reader", &[("more", &[8])]),
            ],
            ..RawGroup::absent()
        };
        let sink = |topic: Option<&str>| Sink {
            group: "g".to_owned(),
            topic: topic.map(str::to_owned),
        };
        let name = ConnectorName::new("s").unwrap();
        let partitions = |sink: &Sink| -> Vec<Vec<i32>> {
            let members = sink_members(&raw, &name, sink).into_iter();
            members.map(|member| member.partitions).collect()
        };
        assert_eq!(partitions(&sink(Some("in"))), [vec![], vec![0, 1]]);
        assert_eq!(partitions(&sink(None)), [vec![8], vec![0, 1, 7]]);
    }

    #[test]
    fn a_resting_look_comes_early_when_something_happens() {
        let attention = Attention::resting(Clock::start());
        let (_stop, stopped) = channel();
        let asked = std::cell::Cell::new(0u32);
        let passed = || {
            asked.set(asked.get() + 1);
            if asked.get() == 2 {
                attention.rouse();
            }
            CLOSE * (asked.get() - 1)
        };
        assert!(!stopped_before_next_look(&stopped, &attention, passed));
        assert_eq!(asked.get(), 2);
    }
}
