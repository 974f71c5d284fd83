//! Decodes records of Connect's three internal topics; secrets are masked on the way.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::model::secrets::{mask, mask_text};
use crate::model::{ConnectorName, NameError, TaskId};

/// A record of an internal topic that does not have the form it should have.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TopicError {
    /// The key cannot be read.
    #[error(
        "a key of Connect's {topic} topic is not {expected}: check that no other program writes to the topic"
    )]
    Key {
        /// `offsets`, `status` or `config`.
        topic: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// The value cannot be read.
    #[error(
        "the value of `{key}` in Connect's {topic} topic is not {expected}: check that the topic was written with the JSON converter without schemas, which Connect always uses since 3.0"
    )]
    Value {
        /// `offsets`, `status` or `config`.
        topic: &'static str,
        /// The record's key.
        key: String,
        /// What it should be.
        expected: &'static str,
    },
    /// The record is about a connector whose name Squall does not take.
    #[error(
        "Connect's {topic} topic has a record about a connector that Squall cannot name: {source}; rename the connector, or use a group of its own"
    )]
    Name {
        /// `offsets`, `status` or `config`.
        topic: &'static str,
        /// Why.
        #[source]
        source: NameError,
    },
}

/// A source offset commit (`OffsetStorageWriter`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceCommit {
    /// The connector.
    pub connector: ConnectorName,
    /// The source partition.
    pub partition: Value,
    /// The source offset; null is a reset.
    pub offset: Value,
}

/// A record of the status topic (`KafkaStatusBackingStore`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatusRecord {
    /// About a task.
    Task {
        /// The task.
        task: TaskId,
        /// The status.
        status: Status,
    },
    /// About a connector.
    Connector {
        /// The connector.
        connector: ConnectorName,
        /// The status.
        status: Status,
    },
    /// Which topics a connector uses, and anything else that is no status.
    Other,
}

/// The status of a task or a connector (`AbstractStatus`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// RUNNING, UNASSIGNED, FAILED, …; `DESTROYED` for a tombstone.
    pub state: String,
    /// The worker that wrote it, as advertised `host:port`; empty for a tombstone.
    pub worker_id: String,
    /// The generation it was written in; -1 for a tombstone.
    pub generation: i64,
    /// The stack trace of a failure, secrets masked.
    pub trace: Option<String>,
}

/// A record of the config topic (`KafkaConfigBackingStore`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfigRecord {
    /// The configuration of a connector; `None` when it is deleted.
    Connector {
        /// The connector.
        connector: ConnectorName,
        /// Its settings, secrets masked.
        config: Option<BTreeMap<String, String>>,
    },
    /// The configuration of a task; takes effect with the next commit record of its connector.
    Task {
        /// The task.
        task: TaskId,
        /// Its settings, secrets masked.
        config: BTreeMap<String, String>,
    },
    /// The task configurations written before take effect.
    Commit {
        /// The connector.
        connector: ConnectorName,
        /// How many tasks it has from now on.
        tasks: u32,
    },
    /// What the connector shall do; `None` when it is deleted.
    TargetState {
        /// The connector.
        connector: ConnectorName,
        /// STARTED, PAUSED or STOPPED.
        state: Option<String>,
    },
    /// Session keys, restart requests, fencing, log levels: nothing that a run judges, and session keys are secret.
    Other,
}

fn text<'a>(topic: &'static str, key: &'a [u8]) -> Result<&'a str, TopicError> {
    let expected = "UTF-8 text";
    std::str::from_utf8(key).map_err(|_| TopicError::Key { topic, expected })
}

fn connector(topic: &'static str, name: &str) -> Result<ConnectorName, TopicError> {
    ConnectorName::new(name).map_err(|source| TopicError::Name { topic, source })
}

fn task(topic: &'static str, name: &str) -> Result<TaskId, TopicError> {
    name.parse()
        .map_err(|source| TopicError::Name { topic, source })
}

fn object(topic: &'static str, key: &str, value: &[u8]) -> Result<Map<String, Value>, TopicError> {
    serde_json::from_slice(value).map_err(|_| wrong(topic, key, "a JSON object"))
}

fn wrong(topic: &'static str, key: &str, expected: &'static str) -> TopicError {
    TopicError::Value {
        topic,
        key: key.to_owned(),
        expected,
    }
}

/// Decodes a record of an offsets topic: the key is a JSON array of the connector's name and the source partition, the
/// value a JSON map; no value is a reset.
pub fn offset(key: &[u8], value: Option<&[u8]>) -> Result<SourceCommit, TopicError> {
    const TOPIC: &str = "offsets";
    let expected = "a JSON array of a connector's name and a source partition";
    let key_error = || TopicError::Key {
        topic: TOPIC,
        expected,
    };
    let (name, partition): (String, Value) =
        serde_json::from_slice(key).map_err(|_| key_error())?;
    let offset = match value {
        None => Value::Null,
        Some(value) => serde_json::from_slice(value).map_err(|_| wrong(TOPIC, &name, "JSON"))?,
    };
    Ok(SourceCommit {
        connector: connector(TOPIC, &name)?,
        partition,
        offset,
    })
}

/// Decodes a record of a status topic.
pub fn status(key: &[u8], value: Option<&[u8]>) -> Result<StatusRecord, TopicError> {
    const TOPIC: &str = "status";
    let key = text(TOPIC, key)?;
    if let Some(name) = key.strip_prefix("status-task-") {
        let task = task(TOPIC, name)?;
        let status = status_value(key, value)?;
        return Ok(StatusRecord::Task { task, status });
    }
    if let Some(name) = key.strip_prefix("status-connector-") {
        let connector = connector(TOPIC, name)?;
        let status = status_value(key, value)?;
        return Ok(StatusRecord::Connector { connector, status });
    }
    Ok(StatusRecord::Other)
}

fn status_value(key: &str, value: Option<&[u8]>) -> Result<Status, TopicError> {
    const TOPIC: &str = "status";
    let Some(value) = value else {
        return Ok(Status {
            state: "DESTROYED".to_owned(),
            worker_id: String::new(),
            generation: -1,
            trace: None,
        });
    };
    let fields = object(TOPIC, key, value)?;
    let string = |name: &str| fields.get(name).and_then(Value::as_str);
    Ok(Status {
        state: string("state")
            .ok_or_else(|| wrong(TOPIC, key, "a status with a `state`"))?
            .to_owned(),
        worker_id: string("worker_id")
            .ok_or_else(|| wrong(TOPIC, key, "a status with a `worker_id`"))?
            .to_owned(),
        generation: fields
            .get("generation")
            .and_then(Value::as_i64)
            .ok_or_else(|| wrong(TOPIC, key, "a status with a `generation`"))?,
        trace: string("trace").map(mask_text),
    })
}

/// Decodes a record of a config topic.
pub fn config(key: &[u8], value: Option<&[u8]>) -> Result<ConfigRecord, TopicError> {
    const TOPIC: &str = "config";
    let key = text(TOPIC, key)?;
    if let Some(name) = key.strip_prefix("connector-") {
        let connector = connector(TOPIC, name)?;
        let config = value.map(|value| properties(key, value)).transpose()?;
        return Ok(ConfigRecord::Connector { connector, config });
    }
    if let Some(name) = key.strip_prefix("target-state-") {
        let connector = connector(TOPIC, name)?;
        let state = value.map(|value| target_state(key, value)).transpose()?;
        return Ok(ConfigRecord::TargetState { connector, state });
    }
    // Task and commit records are never deleted; Connect ignores a null value, and so do we.
    let Some(value) = value else {
        return Ok(ConfigRecord::Other);
    };
    if let Some(name) = key.strip_prefix("task-") {
        let task = task(TOPIC, name)?;
        let config = properties(key, value)?;
        return Ok(ConfigRecord::Task { task, config });
    }
    if let Some(name) = key.strip_prefix("commit-") {
        let connector = connector(TOPIC, name)?;
        let tasks = commit_tasks(key, value)?;
        return Ok(ConfigRecord::Commit { connector, tasks });
    }
    Ok(ConfigRecord::Other)
}

fn properties(key: &str, value: &[u8]) -> Result<BTreeMap<String, String>, TopicError> {
    const TOPIC: &str = "config";
    let mut fields = object(TOPIC, key, value)?;
    let Some(Value::Object(settings)) = fields.remove("properties") else {
        return Err(wrong(TOPIC, key, "a configuration with `properties`"));
    };
    let plain = settings
        .into_iter()
        .filter_map(|(name, value)| match value {
            Value::Null => None,
            Value::String(text) => Some((name, text)),
            Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                Some((name, value.to_string()))
            }
        });
    Ok(mask(&plain.collect()))
}

/// The state as 3.5 and later write it in `state.v2`, where `state` says PAUSED for STOPPED (KIP-875).
fn target_state(key: &str, value: &[u8]) -> Result<String, TopicError> {
    const TOPIC: &str = "config";
    let fields = object(TOPIC, key, value)?;
    ["state.v2", "state"]
        .iter()
        .find_map(|name| fields.get(*name).and_then(Value::as_str))
        .map(str::to_owned)
        .ok_or_else(|| wrong(TOPIC, key, "a target state with a `state`"))
}

fn commit_tasks(key: &str, value: &[u8]) -> Result<u32, TopicError> {
    const TOPIC: &str = "config";
    object(TOPIC, key, value)?
        .get("tasks")
        .and_then(Value::as_u64)
        .and_then(|tasks| u32::try_from(tasks).ok())
        .ok_or_else(|| wrong(TOPIC, key, "a commit with a number of `tasks`"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn name(name: &str) -> ConnectorName {
        ConnectorName::new(name).unwrap()
    }

    #[test]
    fn source_commits_of_4_1_1_are_read_with_their_partition() {
        let key = br#"["mirror",{"cluster":"src","partition":0,"topic":"orders"}]"#;
        let commit = offset(key, Some(br#"{"offset":29}"#)).unwrap();
        assert_eq!(commit.connector, name("mirror"));
        assert_eq!(commit.partition["topic"], "orders");
        assert_eq!(commit.offset, serde_json::json!({"offset": 29}));
        assert_eq!(offset(key, None).unwrap().offset, Value::Null);
    }

    #[test]
    fn task_and_connector_statuses_of_4_1_1_are_read() {
        let value = br#"{"state":"UNASSIGNED","trace":null,"worker_id":"127.0.0.1:19312","generation":11,"version":null}"#;
        let expected = Status {
            state: "UNASSIGNED".to_owned(),
            worker_id: "127.0.0.1:19312".to_owned(),
            generation: 11,
            trace: None,
        };
        assert_eq!(
            status(b"status-task-in-0", Some(value)).unwrap(),
            StatusRecord::Task {
                task: "in-0".parse().unwrap(),
                status: expected.clone()
            }
        );
        assert_eq!(
            status(b"status-connector-in", Some(value)).unwrap(),
            StatusRecord::Connector {
                connector: name("in"),
                status: expected
            }
        );
    }

    #[test]
    fn a_status_tombstone_means_destroyed_and_topic_records_are_no_status() {
        let StatusRecord::Task { status: gone, .. } = status(b"status-task-a-b-3", None).unwrap()
        else {
            panic!("a tombstone of a task is a task record");
        };
        assert_eq!((gone.state.as_str(), gone.generation), ("DESTROYED", -1));
        let value =
            br#"{"topic":{"name":"t","connector":"mirror","task":0,"discoverTimestamp":1}}"#;
        let key = b"status-topic-t:connector-mirror";
        assert_eq!(status(key, Some(value)).unwrap(), StatusRecord::Other);
    }

    #[test]
    fn configurations_are_read_and_their_secrets_masked() {
        let value = br#"{"properties":{"tasks.max":"3","db.password":"hunter2","gone":null}}"#;
        let expected: BTreeMap<String, String> = [("tasks.max", "3"), ("db.password", "[hidden]")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        assert_eq!(
            config(b"connector-my-sink", Some(value)).unwrap(),
            ConfigRecord::Connector {
                connector: name("my-sink"),
                config: Some(expected.clone())
            }
        );
        assert_eq!(
            config(b"task-my-sink-12", Some(value)).unwrap(),
            ConfigRecord::Task {
                task: "my-sink-12".parse().unwrap(),
                config: expected
            }
        );
    }

    #[test]
    fn stopped_is_read_though_older_workers_see_paused() {
        let state = |value: Option<&[u8]>| match config(b"target-state-in", value).unwrap() {
            ConfigRecord::TargetState { state, .. } => state,
            other => panic!("{other:?} is no target state"),
        };
        let stopped = br#"{"state":"PAUSED","state.v2":"STOPPED"}"#;
        assert_eq!(state(Some(stopped)).as_deref(), Some("STOPPED"));
        assert_eq!(
            state(Some(br#"{"state":"PAUSED"}"#)).as_deref(),
            Some("PAUSED")
        );
        assert_eq!(state(None), None);
    }

    #[test]
    fn deletions_commits_and_other_records_of_the_config_topic_are_told_apart() {
        assert_eq!(
            config(b"connector-in", None).unwrap(),
            ConfigRecord::Connector {
                connector: name("in"),
                config: None
            }
        );
        assert_eq!(
            config(b"commit-in", Some(br#"{"tasks":1}"#)).unwrap(),
            ConfigRecord::Commit {
                connector: name("in"),
                tasks: 1
            }
        );
        assert_eq!(config(b"task-in-0", None).unwrap(), ConfigRecord::Other);
        let session = br#"{"key":"c2VjcmV0","algorithm":"HmacSHA256","creation-timestamp":1}"#;
        assert_eq!(
            config(b"session-key", Some(session)).unwrap(),
            ConfigRecord::Other
        );
    }

    #[test]
    fn errors_never_show_a_value() {
        let secret = br#"{"properties":"hunter2"}"#;
        let error = config(b"connector-in", Some(secret))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("connector-in") && !error.contains("hunter2"),
            "{error}"
        );
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(key: Vec<u8>, value: Option<Vec<u8>>) {
            let _ = offset(&key, value.as_deref());
            let _ = status(&key, value.as_deref());
            let _ = config(&key, value.as_deref());
        }

        #[test]
        fn arbitrary_values_under_known_keys_never_panic(kind in 0..6usize, rest in "\\PC{0,12}", value in "\\PC{0,60}") {
            let prefix = ["connector-", "task-", "commit-", "target-state-", "status-task-", "status-connector-"][kind];
            let key = format!("{prefix}{rest}");
            let _ = config(key.as_bytes(), Some(value.as_bytes()));
            let _ = status(key.as_bytes(), Some(value.as_bytes()));
        }
    }
}
