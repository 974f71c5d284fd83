//! How far each connector has come: what it has committed, and what lies behind that.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;

use crate::kafka::{Admin, KafkaError};
use crate::model::{ConnectorName, KafkaVersion, sink_group};

use super::super::answers::{ConnectorInfo, ConnectorOffset};
use super::super::group::consumer_assignment;
use super::super::reach::Reach;
use super::super::versions::Feature;
use super::super::{Rest, RestError};
use super::facts::{OffsetFacts, SinkOffset, SourceOffset};

/// How long one question to the cluster may take.
pub const ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// First record that is there and next record, for each partition of a topic.
type Edges = BTreeMap<i32, (i64, i64)>;

/// Asks for the progress of connectors, one after the other; asks for each topic once.
pub struct Progress<'a> {
    reach: &'a Reach,
    admin: &'a Admin,
    rest: &'a Rest,
    release: Option<KafkaVersion>,
    topics: BTreeMap<String, Option<Edges>>,
    /// What could not be seen.
    pub doubts: Vec<String>,
}

impl<'a> Progress<'a> {
    /// Begins with nothing asked.
    pub fn new(
        reach: &'a Reach,
        admin: &'a Admin,
        rest: &'a Rest,
        release: Option<KafkaVersion>,
    ) -> Self {
        Self {
            reach,
            admin,
            rest,
            release,
            topics: BTreeMap::new(),
            doubts: Vec::new(),
        }
    }

    /// The progress of one connector.
    pub fn of(&mut self, name: &ConnectorName, info: &ConnectorInfo) -> OffsetFacts {
        let offers = offers(self.release, Feature::ReadOffsets);
        let told = offers.then(|| self.rest.offsets(name, ANSWER_LIMIT));
        match (info.kind.as_str(), told) {
            ("sink", Some(Ok(told))) => self.sink(name, info, Some(&told)),
            ("sink", _) => self.sink(name, info, None),
            (_, Some(Ok(told))) => self.source(info, told),
            (
                _,
                Some(Err(RestError::Refused {
                    status: 404 | 405, ..
                }))
                | None,
            ) => OffsetFacts::Unknown(format!(
                "source offsets are not told before {}",
                Feature::ReadOffsets.first_release()
            )),
            (_, Some(Err(error))) => OffsetFacts::Unknown(error.to_string()),
        }
    }

    /// A source's own words; the lag of one that reads a topic of these very brokers can be counted.
    fn source(&mut self, info: &ConnectorInfo, told: Vec<ConnectorOffset>) -> OffsetFacts {
        let from = info.config.get("source.cluster.bootstrap.servers");
        let is_here = from.is_some_and(|from| {
            *from == self.reach.cluster.bootstrap
                || self.reach.inner_bootstrap.as_ref() == Some(from)
        });
        let offsets = told.into_iter().map(|told| {
            let lag = is_here.then(|| self.mirror_lag(&told)).flatten();
            SourceOffset {
                partition: told.partition,
                offset: told.offset,
                lag,
            }
        });
        OffsetFacts::Source(offsets.collect())
    }

    /// MirrorSourceConnector commits the offset of the last record that it copied, under `topic` and `partition`.
    fn mirror_lag(&mut self, told: &ConnectorOffset) -> Option<i64> {
        let topic = told.partition.get("topic")?.as_str()?;
        let partition = i32::try_from(told.partition.get("partition")?.as_i64()?).ok()?;
        let last = told.offset.get("offset")?.as_i64()?;
        let (_, end) = *self.edges(topic)?.get(&partition)?;
        Some((end - last - 1).max(0))
    }

    fn sink(
        &mut self,
        name: &ConnectorName,
        info: &ConnectorInfo,
        told: Option<&[ConnectorOffset]>,
    ) -> OffsetFacts {
        let group = sink_group(name, &info.config, &BTreeMap::new());
        let topics = self.topics_of(&group, info, told);
        let mut offsets = Vec::new();
        for topic in topics {
            let edges = self.edges(&topic).cloned().unwrap_or_default();
            let committed = match told {
                Some(told) => committed_by_rest(told, &topic),
                None => match self.committed(&group, &topic, &edges) {
                    Ok(committed) => committed,
                    Err(error) => return OffsetFacts::Unknown(error.to_string()),
                },
            };
            let partitions: BTreeSet<i32> = edges.keys().chain(committed.keys()).copied().collect();
            offsets.extend(partitions.into_iter().map(|partition| {
                let committed = committed.get(&partition).copied();
                sink_offset(&topic, partition, committed, edges.get(&partition).copied())
            }));
        }
        OffsetFacts::Sink(offsets)
    }

    fn committed(
        &self,
        group: &str,
        topic: &str,
        edges: &Edges,
    ) -> Result<BTreeMap<i32, i64>, KafkaError> {
        self.admin
            .committed(group, topic, edges.keys().copied(), ANSWER_LIMIT)
    }

    /// The topics that the sink is configured for, has committed in, or reads now.
    fn topics_of(
        &self,
        group: &str,
        info: &ConnectorInfo,
        told: Option<&[ConnectorOffset]>,
    ) -> BTreeSet<String> {
        let configured = info.config.get("topics").map_or("", String::as_str);
        let mut topics: BTreeSet<String> = configured
            .split(',')
            .map(str::trim)
            .filter(|topic| !topic.is_empty())
            .map(str::to_owned)
            .collect();
        let told = told.unwrap_or_default().iter();
        topics.extend(told.filter_map(|told| Some(kafka_partition(told)?.0)));
        if let Ok(Some(raw)) = self.admin.group(group, ANSWER_LIMIT) {
            let read = raw
                .members
                .iter()
                .filter_map(|member| consumer_assignment(&member.assignment).ok());
            topics.extend(read.flat_map(BTreeMap::into_keys));
        }
        topics
    }

    fn edges(&mut self, topic: &str) -> Option<&Edges> {
        if !self.topics.contains_key(topic) {
            let edges = self.asked_edges(topic);
            if let Err(error) = &edges {
                self.doubts.push(error.to_string());
            }
            self.topics.insert(topic.to_owned(), edges.ok());
        }
        self.topics.get(topic)?.as_ref()
    }

    fn asked_edges(&self, topic: &str) -> Result<Edges, KafkaError> {
        let partitions = self.admin.partitions(topic, ANSWER_LIMIT)?;
        let partitions = partitions.ok_or_else(|| KafkaError::NoTopic {
            bootstrap: self.reach.cluster.bootstrap.clone(),
            topic: topic.to_owned(),
        })?;
        (0..i32::try_from(partitions).unwrap_or(i32::MAX))
            .map(|partition| {
                let edges = self.admin.edges(topic, partition, ANSWER_LIMIT)?;
                Ok((partition, edges))
            })
            .collect()
    }
}

/// Whether workers of this release have it; unknown releases are asked.
fn offers(release: Option<KafkaVersion>, feature: Feature) -> bool {
    release.is_none_or(|release| feature.is_in(release))
}

fn kafka_partition(told: &ConnectorOffset) -> Option<(String, i32)> {
    let topic = told.partition.get("kafka_topic")?.as_str()?;
    let partition = told.partition.get("kafka_partition").and_then(number)?;
    Some((topic.to_owned(), i32::try_from(partition).ok()?))
}

/// Connect shows numbers as numbers and takes them as texts, too.
fn number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

fn committed_by_rest(told: &[ConnectorOffset], topic: &str) -> BTreeMap<i32, i64> {
    told.iter()
        .filter_map(|told| {
            let (of, partition) = kafka_partition(told)?;
            let next = told.offset.get("kafka_offset").and_then(number)?;
            (of == topic).then_some((partition, next))
        })
        .collect()
}

fn sink_offset(
    topic: &str,
    partition: i32,
    committed: Option<i64>,
    edges: Option<(i64, i64)>,
) -> SinkOffset {
    let lag = edges.map(|(begin, end)| (end - committed.unwrap_or(begin)).max(0));
    SinkOffset {
        topic: topic.to_owned(),
        partition,
        committed,
        end: edges.map(|(_, end)| end),
        lag,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn offsets_of_a_sink_are_read_as_connect_shows_them() {
        let told = [
            (
                json!({"kafka_topic": "a", "kafka_partition": 1}),
                json!({"kafka_offset": 7}),
            ),
            (
                json!({"kafka_topic": "a", "kafka_partition": "2"}),
                json!({"kafka_offset": "9"}),
            ),
            (
                json!({"kafka_topic": "b", "kafka_partition": 0}),
                json!({"kafka_offset": 1}),
            ),
            (json!({"file": "x"}), json!({"position": 3})),
        ]
        .map(|(partition, offset)| ConnectorOffset { partition, offset });
        assert_eq!(
            committed_by_rest(&told, "a"),
            BTreeMap::from([(1, 7), (2, 9)])
        );
    }

    #[test]
    fn lag_counts_from_the_commit_or_from_what_is_still_there() {
        assert_eq!(sink_offset("t", 0, Some(7), Some((2, 10))).lag, Some(3));
        assert_eq!(sink_offset("t", 0, None, Some((2, 10))).lag, Some(8));
        assert_eq!(sink_offset("t", 0, Some(12), Some((2, 10))).lag, Some(0));
        assert_eq!(sink_offset("t", 0, Some(7), None).lag, None);
    }
}
