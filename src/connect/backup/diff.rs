//! What differs between a backup and now, in words that a person can judge; secrets never among them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::Value;

use crate::model::ConnectorName;
use crate::model::secrets::{HIDDEN, mask_setting};

use super::super::answers::ConnectorOffset;
use super::{Backup, Saved, TargetState};

/// One difference.
#[derive(Debug, Clone, PartialEq)]
pub enum Difference {
    /// A connector of the backup is not there.
    Missing {
        /// The connector.
        connector: ConnectorName,
        /// How many settings it has.
        settings: usize,
        /// How many offsets are saved; `None` where they are not known.
        offsets: Option<usize>,
        /// What it shall do.
        state: TargetState,
    },
    /// A connector is there that the backup does not know; it is never touched.
    Extra {
        /// The connector.
        connector: ConnectorName,
    },
    /// A setting differs.
    Setting {
        /// The connector.
        connector: ConnectorName,
        /// The setting.
        name: String,
        /// Its value in the backup, secrets hidden; `None` where it was not set.
        backup: Option<String>,
        /// Its value now, secrets hidden; `None` where it is not set.
        now: Option<String>,
    },
    /// What it shall do differs.
    State {
        /// The connector.
        connector: ConnectorName,
        /// In the backup.
        backup: TargetState,
        /// Now.
        now: TargetState,
    },
    /// A committed offset differs.
    Offset {
        /// The connector.
        connector: ConnectorName,
        /// The partition.
        partition: Value,
        /// Its offset in the backup; `None` where there was none.
        backup: Option<Value>,
        /// Its offset now; `None` where there is none.
        now: Option<Value>,
    },
    /// Its offsets cannot be compared.
    OffsetsUnknown {
        /// The connector.
        connector: ConnectorName,
        /// Why.
        why: String,
    },
}

impl Difference {
    /// The connector that differs.
    pub const fn connector(&self) -> &ConnectorName {
        match self {
            Self::Missing { connector, .. }
            | Self::Extra { connector }
            | Self::Setting { connector, .. }
            | Self::State { connector, .. }
            | Self::Offset { connector, .. }
            | Self::OffsetsUnknown { connector, .. } => connector,
        }
    }

    /// Whether there is something to be put back.
    pub const fn can_be_put_back(&self) -> bool {
        match self {
            Self::Missing { .. }
            | Self::Setting { .. }
            | Self::State { .. }
            | Self::Offset { .. } => true,
            Self::Extra { .. } | Self::OffsetsUnknown { .. } => false,
        }
    }
}

/// Without the connector's name, which stands above it.
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or = |value: &Option<String>, none: &str| value.clone().unwrap_or(none.to_owned());
        match self {
            Self::Missing {
                settings,
                offsets,
                state,
                ..
            } => {
                let offsets = match offsets {
                    Some(count) => format!("{count} offsets"),
                    None => "offsets not known".to_owned(),
                };
                write!(
                    f,
                    "missing now; in the backup: {settings} settings, {offsets}, {state}"
                )
            }
            Self::Extra { .. } => write!(f, "not in the backup; it is left alone"),
            Self::Setting {
                name, backup, now, ..
            } if backup == now => write!(f, "{name}: another value than in the backup ({HIDDEN})"),
            Self::Setting {
                name, backup, now, ..
            } => write!(
                f,
                "{name}: {} now, {} in the backup",
                or(now, "not set"),
                or(backup, "not set")
            ),
            Self::State { backup, now, .. } => {
                write!(f, "state: {now} now, {backup} in the backup")
            }
            Self::Offset {
                partition,
                backup,
                now,
                ..
            } => {
                let text = |value: &Option<Value>| value.as_ref().map(Value::to_string);
                write!(
                    f,
                    "offset of {partition}: {} now, {} in the backup",
                    or(&text(now), "none"),
                    or(&text(backup), "none")
                )
            }
            Self::OffsetsUnknown { why, .. } => write!(f, "offsets are not compared: {why}"),
        }
    }
}

/// All differences, by connector; none when everything is as it was.
pub fn diff(backup: &Backup, now: &Backup) -> Vec<Difference> {
    let names: BTreeSet<&ConnectorName> = backup
        .connectors
        .keys()
        .chain(now.connectors.keys())
        .collect();
    let mut found = Vec::new();
    for name in names {
        match (backup.connectors.get(name), now.connectors.get(name)) {
            (Some(saved), Some(now)) => found.extend(of_connector(name, saved, now)),
            (Some(saved), None) => found.push(Difference::Missing {
                connector: name.clone(),
                settings: saved.config.len(),
                offsets: saved.offsets.as_ref().map(Vec::len),
                state: saved.state,
            }),
            (None, _) => found.push(Difference::Extra {
                connector: name.clone(),
            }),
        }
    }
    found
}

fn of_connector(name: &ConnectorName, saved: &Saved, now: &Saved) -> Vec<Difference> {
    let mut found = of_settings(name, saved, now);
    if saved.state != now.state {
        found.push(Difference::State {
            connector: name.clone(),
            backup: saved.state,
            now: now.state,
        });
    }
    match (&saved.offsets, &now.offsets) {
        (Some(saved), Some(now)) => found.extend(of_offsets(name, saved, now)),
        (None, None) => {}
        (None, _) | (_, None) => {
            let why = saved
                .offsets_unknown
                .as_ref()
                .or(now.offsets_unknown.as_ref());
            found.push(Difference::OffsetsUnknown {
                connector: name.clone(),
                why: why.cloned().unwrap_or_default(),
            });
        }
    }
    found
}

fn of_settings(name: &ConnectorName, saved: &Saved, now: &Saved) -> Vec<Difference> {
    let settings: BTreeSet<&String> = saved.config.keys().chain(now.config.keys()).collect();
    let differing = settings
        .into_iter()
        .filter(|setting| saved.config.get(*setting) != now.config.get(*setting));
    differing
        .map(|setting| {
            let shown = |config: &BTreeMap<String, String>| {
                let value = config.get(setting)?;
                Some(mask_setting(setting, value))
            };
            Difference::Setting {
                connector: name.clone(),
                name: setting.clone(),
                backup: shown(&saved.config),
                now: shown(&now.config),
            }
        })
        .collect()
}

/// Offsets by partition; the text of a JSON object has its keys in order here, so it is one text for one partition.
fn by_partition(offsets: &[ConnectorOffset]) -> BTreeMap<String, &ConnectorOffset> {
    offsets
        .iter()
        .map(|offset| (offset.partition.to_string(), offset))
        .collect()
}

fn of_offsets(
    name: &ConnectorName,
    saved: &[ConnectorOffset],
    now: &[ConnectorOffset],
) -> Vec<Difference> {
    let place = |offset: &ConnectorOffset| offset.offset.clone();
    let (saved, now) = (by_partition(saved), by_partition(now));
    patch_of(&saved, &now)
        .into_iter()
        .map(|patch| {
            let key = patch.partition.to_string();
            Difference::Offset {
                connector: name.clone(),
                partition: patch.partition,
                backup: saved.get(&key).map(|offset| place(offset)),
                now: now.get(&key).map(|offset| place(offset)),
            }
        })
        .collect()
}

/// What must be told to Connect so that the offsets are as they were: null takes one away.
pub(super) fn patch(saved: &[ConnectorOffset], now: &[ConnectorOffset]) -> Vec<ConnectorOffset> {
    patch_of(&by_partition(saved), &by_partition(now))
}

fn patch_of(
    saved: &BTreeMap<String, &ConnectorOffset>,
    now: &BTreeMap<String, &ConnectorOffset>,
) -> Vec<ConnectorOffset> {
    let changed = saved
        .iter()
        .filter(|(key, offset)| now.get(*key).map(|now| &now.offset) != Some(&offset.offset))
        .map(|(_, offset)| (*offset).clone());
    let gone = now
        .iter()
        .filter(|(key, _)| !saved.contains_key(*key))
        .map(|(_, offset)| ConnectorOffset {
            partition: offset.partition.clone(),
            offset: Value::Null,
        });
    changed.chain(gone).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::{backup, saved};
    use super::*;

    fn offset(partition: i32, next: i64) -> ConnectorOffset {
        ConnectorOffset {
            partition: json!({"kafka_topic": "t", "kafka_partition": partition}),
            offset: json!({"kafka_offset": next}),
        }
    }

    fn words(backup: &Backup, now: &Backup) -> Vec<String> {
        diff(backup, now)
            .iter()
            .map(|difference| format!("{}: {difference}", difference.connector()))
            .collect()
    }

    #[test]
    fn equal_backups_differ_in_nothing() {
        let one = backup(&[("c", saved(&[("topics", "t")], TargetState::Running))]);
        assert_eq!(diff(&one, &one), []);
    }

    #[test]
    fn each_difference_is_told_with_both_sides_and_secrets_are_hidden() {
        let mut old = saved(
            &[("topics", "t"), ("tasks.max", "1"), ("db.password", "old")],
            TargetState::Running,
        );
        old.offsets = Some(vec![offset(0, 5), offset(1, 6)]);
        let mut new = saved(
            &[("tasks.max", "2"), ("db.password", "new"), ("file", "f")],
            TargetState::Paused,
        );
        new.offsets = Some(vec![offset(0, 9), offset(2, 1)]);
        let gone = saved(&[("a", "b")], TargetState::Stopped);
        let before = backup(&[("c", old), ("gone", gone)]);
        let after = backup(&[("c", new), ("fresh", saved(&[], TargetState::Running))]);
        let at = |partition: i32| format!(r#"{{"kafka_partition":{partition},"kafka_topic":"t"}}"#);
        assert_eq!(
            words(&before, &after),
            [
                "c: db.password: another value than in the backup ([hidden])".to_owned(),
                "c: file: f now, not set in the backup".to_owned(),
                "c: tasks.max: 2 now, 1 in the backup".to_owned(),
                "c: topics: not set now, t in the backup".to_owned(),
                "c: state: PAUSED now, RUNNING in the backup".to_owned(),
                format!(
                    r#"c: offset of {}: {{"kafka_offset":9}} now, {{"kafka_offset":5}} in the backup"#,
                    at(0)
                ),
                format!(
                    r#"c: offset of {}: none now, {{"kafka_offset":6}} in the backup"#,
                    at(1)
                ),
                format!(
                    r#"c: offset of {}: {{"kafka_offset":1}} now, none in the backup"#,
                    at(2)
                ),
                "fresh: not in the backup; it is left alone".to_owned(),
                "gone: missing now; in the backup: 1 settings, 0 offsets, STOPPED".to_owned(),
            ]
        );
    }

    #[test]
    fn a_patch_makes_offsets_as_they_were() {
        let patch = patch(&[offset(0, 5), offset(1, 6)], &[offset(1, 6), offset(2, 7)]);
        let mut gone = offset(2, 7);
        gone.offset = Value::Null;
        assert_eq!(patch, [offset(0, 5), gone]);
    }

    #[test]
    fn offsets_that_are_known_on_one_side_only_are_not_compared() {
        let mut unknown = saved(&[], TargetState::Running);
        unknown.offsets = None;
        unknown.offsets_unknown = Some("too old".to_owned());
        let before = backup(&[("c", unknown)]);
        let after = backup(&[("c", saved(&[], TargetState::Running))]);
        assert_eq!(
            words(&before, &after),
            ["c: offsets are not compared: too old"]
        );
        assert!(!diff(&before, &after)[0].can_be_put_back());
    }
}
