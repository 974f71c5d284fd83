//! Reads the generation of a Connect group where it stands: with the coordinator, else in the status topic.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::journal::Deadline;
use crate::kafka::{Admin, Cluster, Isolation, Item, KafkaError, RecordReader, Start, internal};

use super::super::topics::{self, StatusRecord};

/// How many records before the end of a partition are looked at.
const TAIL: i64 = 50_000;
/// How long each of the two topics may take.
const LIMIT: Duration = Duration::from_secs(6);
const POLL: Duration = Duration::from_millis(200);
const MOST: usize = 10_000;

/// A generation, and where it was read.
pub struct Generation {
    /// The number.
    pub number: Option<i64>,
    /// Where it was read, or why it is not known.
    pub from: String,
}

/// The generation that the group is in. The coordinator writes it down at the end of each round, in `__consumer_offsets`;
/// where that topic may not be read, or its record lies too far back, the newest status that one of these workers wrote
/// gives the generation of that time.
pub fn of_group(
    admin: &Admin,
    cluster: &Cluster,
    group: &str,
    status_topic: &str,
    workers: &BTreeSet<String>,
) -> Generation {
    let coordinator = from_coordinator(admin, cluster, group);
    if let Ok(Some(number)) = coordinator {
        return Generation {
            number: Some(number),
            from: "written down by the group's coordinator".to_owned(),
        };
    }
    match from_statuses(admin, cluster, status_topic, workers) {
        Ok(Some(number)) => Generation {
            number: Some(number),
            from: format!("newest in topic {status_topic}; the group may be further"),
        },
        Ok(None) => unknown(&format!(
            "neither the coordinator's record nor a status of these workers in {status_topic} was found"
        )),
        Err(KafkaError::NoTopic { .. }) => unknown(&format!(
            "there is no topic {status_topic}; name the workers' status.storage.topic"
        )),
        Err(error) => unknown(&error.to_string()),
    }
}

fn unknown(why: &str) -> Generation {
    Generation {
        number: None,
        from: format!("not known: {why}"),
    }
}

fn from_coordinator(
    admin: &Admin,
    cluster: &Cluster,
    group: &str,
) -> Result<Option<i64>, KafkaError> {
    let Some(partitions) = admin.partitions(internal::TOPIC, LIMIT)? else {
        return Ok(None);
    };
    let partition = internal::partition_of(group, partitions);
    let mut newest = None;
    let take = |key: &[u8], value: Option<&[u8]>| {
        if let Some(record) = internal::group_record(key, value)
            && record.group == group
        {
            newest = record.generation.map(i64::from);
        }
    };
    let whole = tail(admin, cluster, internal::TOPIC, &[partition], take)?;
    Ok(newest.filter(|_| whole))
}

fn from_statuses(
    admin: &Admin,
    cluster: &Cluster,
    topic: &str,
    workers: &BTreeSet<String>,
) -> Result<Option<i64>, KafkaError> {
    let partitions = admin.partitions(topic, LIMIT)?;
    let partitions = partitions.ok_or_else(|| KafkaError::NoTopic {
        bootstrap: cluster.bootstrap.clone(),
        topic: topic.to_owned(),
    })?;
    let all: Vec<i32> = (0..i32::try_from(partitions).unwrap_or(0)).collect();
    let mut newest = None;
    let whole = tail(admin, cluster, topic, &all, |key, value| {
        let status = match topics::status(key, value) {
            Ok(StatusRecord::Task { status, .. } | StatusRecord::Connector { status, .. }) => {
                status
            }
            Ok(StatusRecord::Other) | Err(_) => return,
        };
        // A topic of another group may have the usual name, too.
        if workers.contains(&status.worker_id) {
            newest = newest.max(Some(status.generation));
        }
    })?;
    Ok(newest.filter(|_| whole))
}

/// Hands over the last records of these partitions, each partition in its order; returns whether that was done to their
/// ends before the limit.
fn tail(
    admin: &Admin,
    cluster: &Cluster,
    topic: &str,
    partitions: &[i32],
    mut take: impl FnMut(&[u8], Option<&[u8]>),
) -> Result<bool, KafkaError> {
    let deadline = Deadline::after(LIMIT);
    let mut starts = BTreeMap::new();
    for partition in partitions {
        let (begin, end) = admin.edges(topic, *partition, deadline.left())?;
        if end > begin {
            starts.insert(*partition, begin.max(end - TAIL));
        }
    }
    let mut open: BTreeSet<i32> = starts.keys().copied().collect();
    if open.is_empty() {
        return Ok(true);
    }
    let all = Isolation::ReadUncommitted;
    let reader = RecordReader::open(cluster, topic, all, &Start::At(starts), deadline.left())?;
    while !open.is_empty() && !deadline.has_passed() {
        reader.poll(POLL.min(deadline.left()), MOST, |item| match item {
            Item::Record { key, value, .. } => take(key, value),
            Item::EndOfPartition { partition, .. } => drop(open.remove(&partition)),
        })?;
    }
    Ok(open.is_empty())
}
