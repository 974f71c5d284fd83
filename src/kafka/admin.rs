//! What the brokers themselves say about topics, offsets and groups, and the few changes that a run makes to them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};

use crate::journal::Deadline;

use super::cluster::{Heard, close_within, in_words};
use super::{Cluster, KafkaError, block};

/// How long one question of a waiting loop may take before it is asked again.
const ASK: Duration = Duration::from_millis(500);
/// Pause between questions that are answered at once but not yet as wished.
const AGAIN: Duration = Duration::from_millis(20);
/// How long dropping a client may hold up its owner.
const CLOSE: Duration = Duration::from_millis(200);

/// A consumer group as its coordinator describes it (`DescribeGroups`), members' bytes undecoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawGroup {
    /// `Stable`, `PreparingRebalance`, `CompletingRebalance`, `Empty` or `Dead`.
    pub state: String,
    /// `connect` for Connect's workers, `consumer` for consumers.
    pub protocol_type: String,
    /// The assignment protocol that the members agreed on; empty while they have not.
    pub protocol: String,
    /// The members; their bytes are to be trusted in state `Stable` only.
    pub members: Vec<RawMember>,
}

impl RawGroup {
    /// A group that nobody has joined, as a coordinator that does not know it would describe it.
    pub fn absent() -> Self {
        Self {
            state: "Dead".to_owned(),
            protocol_type: String::new(),
            protocol: String::new(),
            members: Vec::new(),
        }
    }
}

/// A member of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawMember {
    /// The id that the coordinator gave it.
    pub member_id: String,
    /// The client's own name.
    pub client_id: String,
    /// The address it speaks from.
    pub client_host: String,
    /// What it said when it joined.
    pub metadata: Vec<u8>,
    /// What it was assigned.
    pub assignment: Vec<u8>,
}

/// Asks the brokers and changes topics; one connection for a whole run, usable from many threads at once.
pub struct Admin {
    cluster: Cluster,
    // Present until drop, when they are handed to a closing thread.
    changes: Option<AdminClient<Heard>>,
    questions: Option<BaseConsumer<Heard>>,
    groups: Mutex<BTreeMap<String, Arc<BaseConsumer<Heard>>>>,
}

impl Admin {
    /// Makes the clients; talks to no broker yet. Fails when librdkafka refuses the settings.
    pub fn new(cluster: &Cluster) -> Result<Self, KafkaError> {
        let failed = |error| cluster.client_error(&error);
        let changes = cluster
            .config(&[])
            .create_with_context(Heard::default())
            .map_err(failed)?;
        // Without a group id this client can be dropped at any time; it must not make topics by asking for them.
        let questions = cluster
            .config(&[
                ("allow.auto.create.topics", "false"),
                ("isolation.level", "read_uncommitted"),
            ])
            // A broker that hangs up because it speaks another protocol is told at this level only.
            .set_log_level(RDKafkaLogLevel::Info)
            .create_with_context(Heard::default())
            .map_err(failed)?;
        Ok(Self {
            cluster: cluster.clone(),
            changes: Some(changes),
            questions: Some(questions),
            groups: Mutex::new(BTreeMap::new()),
        })
    }

    pub(super) fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    pub(super) fn questions(&self) -> &BaseConsumer<Heard> {
        let client = self
            .questions
            .as_ref()
            .expect("the client is only taken by drop");
        // Serves the log queue, which nobody else empties.
        let _ = client.poll(Duration::ZERO);
        client
    }

    fn changes(&self) -> &AdminClient<Heard> {
        self.changes
            .as_ref()
            .expect("the client is only taken by drop")
    }

    /// Waits until a broker answers and names this many brokers, itself included, as up.
    pub fn wait_ready(&self, brokers: usize, deadline: Deadline) -> Result<(), KafkaError> {
        loop {
            let asked = self
                .questions()
                .fetch_metadata(None, ASK.min(deadline.left()));
            let seen = match asked {
                Ok(metadata) if metadata.brokers().len() >= brokers => return Ok(()),
                Ok(metadata) => format!("{} brokers", metadata.brokers().len()),
                Err(error) => self.trouble_or(&in_words(&error)),
            };
            if deadline.has_passed() {
                return Err(KafkaError::NotReady {
                    bootstrap: self.cluster.bootstrap.clone(),
                    wanted: brokers,
                    seen,
                });
            }
            std::thread::sleep(AGAIN.min(deadline.left()));
        }
    }

    pub(super) fn trouble_or(&self, otherwise: &str) -> String {
        let trouble = self.questions().context().trouble();
        trouble.unwrap_or_else(|| otherwise.to_owned())
    }

    /// Creates a topic and waits until every partition of it has a leader; a topic of this name with as many
    /// partitions is taken as it is. `config` holds topic settings such as `cleanup.policy`.
    pub fn create_topic(
        &self,
        name: &str,
        partitions: u32,
        replication: u32,
        config: &BTreeMap<String, String>,
        deadline: Deadline,
    ) -> Result<(), KafkaError> {
        let what = || format!("create topic {name}");
        let wanted = i32::try_from(partitions).unwrap_or(i32::MAX);
        let replicas = i32::try_from(replication).unwrap_or(i32::MAX);
        let mut topic = NewTopic::new(name, wanted, TopicReplication::Fixed(replicas));
        for (key, value) in config {
            topic = topic.set(key, value);
        }
        let options = AdminOptions::new().operation_timeout(Some(deadline.left()));
        let answer = block::on(self.changes().create_topics([&topic], &options), deadline)
            .ok_or_else(|| {
                self.cluster
                    .request_failed(what(), "no answer in time".to_owned())
            })?
            .map_err(|error| self.cluster.request_error(what(), &error))?;
        match answer.into_iter().next() {
            Some(Err((_, code))) if code != RDKafkaErrorCode::TopicAlreadyExists => {
                Err(self.cluster.request_failed(what(), code.to_string()))
            }
            Some(_) | None => self.wait_topic(name, partitions, deadline),
        }
    }

    /// Waits until the topic is there with at least this many partitions, each with a leader.
    pub fn wait_topic(
        &self,
        topic: &str,
        partitions: u32,
        deadline: Deadline,
    ) -> Result<(), KafkaError> {
        loop {
            let led = self.led_partitions(topic, ASK.min(deadline.left()));
            if matches!(led, Ok(Some(led)) if led >= partitions.max(1)) {
                return Ok(());
            }
            if deadline.has_passed() {
                let what = format!("wait for {partitions} partitions of topic {topic}");
                let why = format!("last seen with a leader: {led:?}");
                return Err(self.cluster.request_failed(what, why));
            }
            std::thread::sleep(AGAIN.min(deadline.left()));
        }
    }

    /// How many partitions the topic has; `None` when there is no such topic. Never creates one.
    pub fn partitions(&self, topic: &str, timeout: Duration) -> Result<Option<u32>, KafkaError> {
        Ok(
            partition_ids(&self.cluster, self.questions(), topic, timeout)?
                .map(|ids| u32::try_from(ids.len()).unwrap_or(u32::MAX)),
        )
    }

    fn led_partitions(&self, topic: &str, timeout: Duration) -> Result<Option<u32>, KafkaError> {
        let metadata = self
            .questions()
            .fetch_metadata(Some(topic), timeout)
            .map_err(|error| {
                let what = format!("describe topic {topic}");
                self.cluster.request_error(what, &error)
            })?;
        let found = metadata.topics().iter().find(|found| found.name() == topic);
        Ok(found.map(|found| {
            let led = found
                .partitions()
                .iter()
                .filter(|partition| partition.leader() >= 0 && partition.error().is_none());
            u32::try_from(led.count()).unwrap_or(u32::MAX)
        }))
    }

    /// For each partition the offset that the next record will get; transaction markers count. The limit is for the
    /// whole topic.
    pub fn end_offsets(
        &self,
        topic: &str,
        timeout: Duration,
    ) -> Result<BTreeMap<i32, i64>, KafkaError> {
        self.watermarks(topic, timeout, |(_, end)| end)
    }

    fn watermarks(
        &self,
        topic: &str,
        timeout: Duration,
        side: impl Fn((i64, i64)) -> i64,
    ) -> Result<BTreeMap<i32, i64>, KafkaError> {
        let deadline = Deadline::after(timeout);
        let ids =
            partition_ids(&self.cluster, self.questions(), topic, timeout)?.ok_or_else(|| {
                KafkaError::NoTopic {
                    bootstrap: self.cluster.bootstrap.clone(),
                    topic: topic.to_owned(),
                }
            })?;
        ids.into_iter()
            .map(|id| {
                let marks = self
                    .questions()
                    .fetch_watermarks(topic, id, deadline.left());
                marks.map(|marks| (id, side(marks))).map_err(|error| {
                    let what = format!("read the offsets of {topic}-{id}");
                    self.cluster.request_error(what, &error)
                })
            })
            .collect()
    }

    /// Deletes the records of a partition that lie before this offset (`DeleteRecords`).
    #[cfg_attr(alone, expect(dead_code, reason = "tests harm a cluster with it"))]
    pub fn delete_records(
        &self,
        topic: &str,
        partition: i32,
        before_offset: i64,
        deadline: Deadline,
    ) -> Result<(), KafkaError> {
        let what = || format!("delete records of {topic}-{partition} before {before_offset}");
        let failed = |why: String| self.cluster.request_failed(what(), why);
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, partition, Offset::Offset(before_offset))
            .map_err(|error| failed(in_words(&error)))?;
        let options = AdminOptions::new();
        let answer = block::on(self.changes().delete_records(&list, &options), deadline)
            .ok_or_else(|| failed("no answer in time".to_owned()))?
            .map_err(|error| failed(in_words(&error)))?;
        match answer.elements().iter().find_map(|of| of.error().err()) {
            Some(error) => Err(failed(in_words(&error))),
            None => Ok(()),
        }
    }

    /// What a group has committed for these partitions of a topic: next to read. Partitions without a commit are left
    /// out. Joins nothing.
    pub fn committed(
        &self,
        group: &str,
        topic: &str,
        partitions: impl IntoIterator<Item = i32>,
        timeout: Duration,
    ) -> Result<BTreeMap<i32, i64>, KafkaError> {
        let failed = |error| {
            let what = format!("read what group {group} has committed of topic {topic}");
            self.cluster.request_error(what, &error)
        };
        let client = self.client_of(group)?;
        let _ = client.poll(Duration::ZERO);
        let mut list = TopicPartitionList::new();
        for partition in partitions {
            list.add_partition(topic, partition);
        }
        if list.count() == 0 {
            return Ok(BTreeMap::new());
        }
        let committed = client.committed_offsets(list, timeout).map_err(failed)?;
        let mut offsets = BTreeMap::new();
        for element in committed.elements() {
            element.error().map_err(failed)?;
            if let Offset::Offset(next) = element.offset() {
                offsets.insert(element.partition(), next);
            }
        }
        Ok(offsets)
    }

    fn client_of(&self, group: &str) -> Result<Arc<BaseConsumer<Heard>>, KafkaError> {
        let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = groups.get(group) {
            return Ok(Arc::clone(client));
        }
        // read_uncommitted: a commit that waits for a transaction must not make this question wait with it.
        let client: BaseConsumer<Heard> = self
            .cluster
            .config(&[
                ("group.id", group),
                ("enable.auto.commit", "false"),
                ("isolation.level", "read_uncommitted"),
                ("allow.auto.create.topics", "false"),
            ])
            .create_with_context(Heard::default())
            .map_err(|error| self.cluster.client_error(&error))?;
        let client = Arc::new(client);
        groups.insert(group.to_owned(), Arc::clone(&client));
        Ok(client)
    }

    /// The group as its coordinator describes it now; `None` when no broker knows it. Costs two small requests to
    /// each broker, so it can be asked every 50 ms; fails when a broker does not answer in time.
    pub fn group(&self, group: &str, timeout: Duration) -> Result<Option<RawGroup>, KafkaError> {
        let list = self
            .questions()
            .fetch_group_list(Some(group), timeout)
            .map_err(|error| {
                self.cluster
                    .request_error(format!("describe group {group}"), &error)
            })?;
        let found = list.groups().iter().find(|found| found.name() == group);
        Ok(found.map(raw_group))
    }

    /// All groups of one protocol type, such as `connect`, by their ids; fails when a broker does not answer in time.
    pub fn groups_of_type(
        &self,
        protocol_type: &str,
        timeout: Duration,
    ) -> Result<BTreeMap<String, RawGroup>, KafkaError> {
        let mut groups = self.groups(timeout)?;
        groups.retain(|_, group| group.protocol_type == protocol_type);
        Ok(groups)
    }

    /// The offset of the first record that is still there in one partition, and the one that the next record will get.
    pub fn edges(
        &self,
        topic: &str,
        partition: i32,
        timeout: Duration,
    ) -> Result<(i64, i64), KafkaError> {
        let marks = self.questions().fetch_watermarks(topic, partition, timeout);
        marks.map_err(|error| {
            let what = format!("read the offsets of {topic}-{partition}");
            self.cluster.request_error(what, &error)
        })
    }
}

impl Admin {
    /// Waits until a broker answers, and says how many there are and which cluster they are (its id, where they tell it).
    /// Fails with the clients' last trouble, such as a refused password or an unknown certificate authority.
    pub fn cluster_seen(&self, deadline: Deadline) -> Result<(usize, Option<String>), KafkaError> {
        self.wait_ready(1, deadline)?;
        let metadata = self
            .questions()
            .fetch_metadata(None, deadline.left().max(ASK))
            .map_err(|error| {
                self.cluster
                    .request_error("describe the cluster".to_owned(), &error)
            })?;
        let id = self.questions().client().fetch_cluster_id(ASK);
        Ok((metadata.brokers().len(), id))
    }

    /// The names of all topics.
    pub fn topics(&self, timeout: Duration) -> Result<Vec<String>, KafkaError> {
        let metadata = self
            .questions()
            .fetch_metadata(None, timeout)
            .map_err(|error| self.cluster.request_error("list topics".to_owned(), &error))?;
        let topics = metadata.topics().iter();
        Ok(topics.map(|topic| topic.name().to_owned()).collect())
    }

    /// All groups of the cluster by their names, as their coordinators describe them now.
    pub fn groups(&self, timeout: Duration) -> Result<BTreeMap<String, RawGroup>, KafkaError> {
        let list = self
            .questions()
            .fetch_group_list(None, timeout)
            .map_err(|error| self.cluster.request_error("list groups".to_owned(), &error))?;
        let group =
            |found: &rdkafka::groups::GroupInfo| (found.name().to_owned(), raw_group(found));
        Ok(list.groups().iter().map(group).collect())
    }

    /// Deletes a topic; one that is not there is fine.
    pub fn delete_topic(&self, topic: &str, deadline: Deadline) -> Result<(), KafkaError> {
        let failed = |why: String| {
            self.cluster
                .request_failed(format!("delete topic {topic}"), why)
        };
        let options = AdminOptions::new().operation_timeout(Some(deadline.left()));
        let answer = block::on(self.changes().delete_topics(&[topic], &options), deadline)
            .ok_or_else(|| failed("no answer in time".to_owned()))?
            .map_err(|error| failed(in_words(&error)))?;
        let gone = [
            RDKafkaErrorCode::UnknownTopicOrPartition,
            RDKafkaErrorCode::UnknownTopic,
        ];
        match answer.into_iter().next() {
            Some(Err((_, code))) if !gone.contains(&code) => Err(failed(code.to_string())),
            Some(_) | None => Ok(()),
        }
    }

    /// Deletes a consumer group without members, with what it has committed; one that is not there is fine.
    pub fn delete_group(&self, group: &str, deadline: Deadline) -> Result<(), KafkaError> {
        let failed = |why: String| {
            self.cluster
                .request_failed(format!("delete group {group}"), why)
        };
        let options = AdminOptions::new().request_timeout(Some(deadline.left()));
        let answer = block::on(self.changes().delete_groups(&[group], &options), deadline)
            .ok_or_else(|| failed("no answer in time".to_owned()))?
            .map_err(|error| failed(in_words(&error)))?;
        match answer.into_iter().next() {
            Some(Err((_, code))) if code != RDKafkaErrorCode::GroupIdNotFound => {
                Err(failed(code.to_string()))
            }
            Some(_) | None => Ok(()),
        }
    }
}

fn raw_group(group: &rdkafka::groups::GroupInfo) -> RawGroup {
    RawGroup {
        state: group.state().to_owned(),
        protocol_type: group.protocol_type().to_owned(),
        protocol: group.protocol().to_owned(),
        members: group.members().iter().map(raw_member).collect(),
    }
}

fn raw_member(member: &rdkafka::groups::GroupMemberInfo) -> RawMember {
    RawMember {
        member_id: member.id().to_owned(),
        client_id: member.client_id().to_owned(),
        client_host: member.client_host().to_owned(),
        metadata: member.metadata().unwrap_or_default().to_vec(),
        assignment: member.assignment().unwrap_or_default().to_vec(),
    }
}

/// The numbers of a topic's partitions; `None` when there is no such topic.
pub(super) fn partition_ids(
    cluster: &Cluster,
    client: &BaseConsumer<Heard>,
    topic: &str,
    timeout: Duration,
) -> Result<Option<Vec<i32>>, KafkaError> {
    let what = || format!("describe topic {topic}");
    let metadata = client
        .fetch_metadata(Some(topic), timeout)
        .map_err(|error| cluster.request_error(what(), &error))?;
    let Some(found) = metadata.topics().iter().find(|found| found.name() == topic) else {
        return Ok(None);
    };
    match found.error().map(RDKafkaErrorCode::from) {
        None => Ok(Some(found.partitions().iter().map(|p| p.id()).collect())),
        Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => {
            Ok(None)
        }
        Some(code) => Err(cluster.request_failed(what(), code.to_string())),
    }
}

impl Drop for Admin {
    /// Hands the clients to a thread that may take as long as the brokers make it take.
    fn drop(&mut self) {
        let changes = self.changes.take();
        let questions = self.questions.take();
        let groups =
            std::mem::take(&mut *self.groups.lock().unwrap_or_else(PoisonError::into_inner));
        close_within(CLOSE, move || drop((changes, questions, groups)));
    }
}
