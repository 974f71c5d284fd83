//! Decodes the bytes that DescribeGroups returns for a Connect group and for the consumer groups of its sinks.

use std::collections::{BTreeMap, BTreeSet};

use crate::journal::{GroupMember, GroupView};
use crate::kafka::{RawGroup, RawMember};
use crate::model::{ConnectorName, TaskId, WorkerName};

use super::wire::{DecodeError, Fields};

/// The task number by which the protocol names the connector instance itself
/// (`ConnectProtocol.CONNECTOR_TASK`).
const CONNECTOR_INSTANCE: i32 = -1;

/// A set of tasks and connector instances.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Share {
    /// The tasks.
    pub tasks: BTreeSet<TaskId>,
    /// The connector instances.
    pub connectors: BTreeSet<ConnectorName>,
}

/// What one member's metadata and assignment tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemberView {
    /// 0 for eager, 1 for compatible, 2 for sessioned; that of the assignment, or of the metadata where there is no
    /// assignment yet.
    pub protocol_version: i16,
    /// The member's advertised REST URL without a slash at its end; `None` where the broker sent no metadata, as it
    /// does in any state but `Stable`.
    pub url: Option<String>,
    /// The config topic offset that the leader assigned by.
    pub config_offset: Option<i64>,
    /// The leader's member id; `None` before the first assignment.
    pub leader_member_id: Option<String>,
    /// The leader's REST URL without a slash at its end.
    pub leader_url: Option<String>,
    /// 0 for none, 1 when members disagreed about the configuration (`ConnectProtocol.Assignment.CONFIG_MISMATCH`).
    pub error: i16,
    /// How long the leader holds back lost tasks, in milliseconds.
    pub delay_ms: u64,
    /// Given in the last round; under version 0 all that the member owns.
    pub assigned: Share,
    /// Taken away in the last round.
    pub revoked: Share,
    /// What it owned when it joined the last round; `None` where that is not known.
    pub held: Option<Share>,
    /// Entries left out because their connector's name has characters that Squall does not take.
    pub skipped: u32,
}

impl MemberView {
    /// What the member owns now: held less revoked plus assigned; `None` where the broker sent too little to know
    /// (`IncrementalCooperativeConnectProtocol`: assignments of version 1 and 2 are deltas).
    pub fn owned(&self) -> Option<Share> {
        let mut owned = if self.protocol_version == 0 {
            Share::default()
        } else {
            self.held.clone()?
        };
        owned
            .tasks
            .retain(|task| !self.revoked.tasks.contains(task));
        owned
            .connectors
            .retain(|connector| !self.revoked.connectors.contains(connector));
        owned.tasks.extend(self.assigned.tasks.iter().cloned());
        owned
            .connectors
            .extend(self.assigned.connectors.iter().cloned());
        Some(owned)
    }
}

/// A URL without slashes at its end: the leader's URL has one, a member's own need not.
pub fn normalised_url(url: &str) -> &str {
    url.trim_end_matches('/')
}

/// One decoded assignment (`ConnectProtocol` version 0, `IncrementalCooperativeConnectProtocol` versions 1 and 2).
struct Assignment<'a> {
    version: i16,
    error: i16,
    leader: &'a str,
    leader_url: &'a str,
    config_offset: i64,
    assigned: Share,
    revoked: Share,
    delay_ms: i32,
    skipped: u32,
}

fn protocol_version(fields: &mut Fields<'_>) -> Result<i16, DecodeError> {
    let version = fields.int16("protocol version")?;
    // Newer versions are read like version 2, as Connect itself does: fields are only ever added at the end.
    if version < 0 {
        return Err(DecodeError::Number {
            what: "the protocol version",
            number: version.into(),
        });
    }
    Ok(version)
}

fn assignment(bytes: &[u8]) -> Result<Assignment<'_>, DecodeError> {
    let mut fields = Fields::new(bytes);
    let version = protocol_version(&mut fields)?;
    let error = fields.int16("assignment error")?;
    let leader = fields.string("leader")?;
    let leader_url = fields.string("leader URL")?;
    let config_offset = fields.int64("config offset")?;
    let (assigned, left_out) = share(&mut fields, "assigned tasks")?;
    let (revoked, left_out_too, delay_ms) = if version == 0 {
        (Share::default(), 0, 0)
    } else {
        let (revoked, left_out) = share(&mut fields, "revoked tasks")?;
        (revoked, left_out, fields.int32("rebalance delay")?)
    };
    Ok(Assignment {
        version,
        error,
        leader,
        leader_url,
        config_offset,
        assigned,
        revoked,
        delay_ms,
        skipped: left_out + left_out_too,
    })
}

/// A nullable array of {connector, task numbers}, and how many entries had a name that Squall does not take.
fn share(fields: &mut Fields<'_>, what: &'static str) -> Result<(Share, u32), DecodeError> {
    let mut share = Share::default();
    let mut skipped = 0;
    for _ in 0..fields.count(what)?.unwrap_or(0) {
        let connector = ConnectorName::new(fields.string("connector name")?).ok();
        for _ in 0..fields.count("task numbers")?.unwrap_or(0) {
            let number = fields.int32("task number")?;
            match &connector {
                None => skipped += 1,
                Some(connector) => put(&mut share, connector, number)?,
            }
        }
    }
    Ok((share, skipped))
}

fn put(share: &mut Share, connector: &ConnectorName, number: i32) -> Result<(), DecodeError> {
    if number == CONNECTOR_INSTANCE {
        share.connectors.insert(connector.clone());
        return Ok(());
    }
    let task = u32::try_from(number).map_err(|_| DecodeError::Number {
        what: "a task number",
        number: number.into(),
    })?;
    let connector = connector.clone();
    share.tasks.insert(TaskId { connector, task });
    Ok(())
}

/// Decodes one member of a Connect group. Empty metadata or an empty assignment is no error: brokers send them while a
/// rebalance is under way.
pub fn decode(metadata: &[u8], assigned: &[u8]) -> Result<MemberView, DecodeError> {
    let mut view = MemberView::default();
    if !metadata.is_empty() {
        read_metadata(metadata, &mut view)?;
    }
    if !assigned.is_empty() {
        let assignment = assignment(assigned)?;
        view.protocol_version = assignment.version;
        view.error = assignment.error;
        view.leader_member_id = Some(assignment.leader.to_owned()).filter(|id| !id.is_empty());
        view.leader_url =
            Some(normalised_url(assignment.leader_url).to_owned()).filter(|url| !url.is_empty());
        view.config_offset = Some(assignment.config_offset);
        view.delay_ms = u64::try_from(assignment.delay_ms).unwrap_or(0);
        view.assigned = assignment.assigned;
        view.revoked = assignment.revoked;
        view.skipped += assignment.skipped;
    }
    Ok(view)
}

fn read_metadata(metadata: &[u8], view: &mut MemberView) -> Result<(), DecodeError> {
    let mut fields = Fields::new(metadata);
    view.protocol_version = protocol_version(&mut fields)?;
    view.url = Some(normalised_url(fields.string("member URL")?).to_owned());
    view.config_offset = Some(fields.int64("config offset")?);
    if view.protocol_version == 0 {
        return Ok(());
    }
    let allocation = fields.nullable_bytes("allocation")?;
    view.held = Some(Share::default());
    if let Some(allocation) = allocation.filter(|bytes| !bytes.is_empty()) {
        // The allocation's own revoked part is history: the worker had applied it before it joined.
        let allocation = assignment(allocation)?;
        view.held = Some(allocation.assigned);
        view.skipped += allocation.skipped;
    }
    Ok(())
}

/// A member of the group whose bytes cannot be read.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[error("cannot read what member {member_id} of the Connect group owns: {source}")]
pub struct GroupError {
    /// The member.
    pub member_id: String,
    /// Why.
    #[source]
    pub source: DecodeError,
}

/// Each member of a group with what its bytes tell.
pub fn decode_members(
    raw: &RawGroup,
) -> impl Iterator<Item = Result<(&RawMember, MemberView), GroupError>> {
    raw.members.iter().map(|member| {
        let view = decode(&member.metadata, &member.assignment).map_err(|source| GroupError {
            member_id: member.member_id.clone(),
            source,
        })?;
        Ok((member, view))
    })
}

/// Turns descriptions of the Connect group into views; remembers each member's URL, because a broker sends it in state
/// `Stable` only.
#[derive(Debug, Clone, Default)]
pub struct GroupReader {
    urls: BTreeMap<String, String>,
}

impl GroupReader {
    /// The view of one description. `worker_of_url` gets URLs without a slash at their end. In any state but `Stable`
    /// members own nothing in the view, because the bytes do not tell. The leader is one of the members, or none: a
    /// description taken after a leader has gone may still name it.
    pub fn view(
        &mut self,
        raw: &RawGroup,
        worker_of_url: impl Fn(&str) -> Option<WorkerName>,
    ) -> Result<GroupView, GroupError> {
        let decoded: BTreeMap<&str, MemberView> = decode_members(raw)
            .map(|decoded| decoded.map(|(member, view)| (member.member_id.as_str(), view)))
            .collect::<Result<_, _>>()?;
        self.remember(&decoded);
        let leader = decoded.values().find_map(|view| {
            let id = view.leader_member_id.as_deref()?;
            decoded
                .contains_key(id)
                .then_some(view.leader_url.as_deref()?)
        });
        Ok(GroupView {
            state: raw.state.clone(),
            protocol: raw.protocol.clone(),
            leader: leader.and_then(&worker_of_url),
            delay_ms: decoded
                .values()
                .map(|view| view.delay_ms)
                .max()
                .unwrap_or(0),
            members: decoded
                .iter()
                .map(|(id, view)| self.member(id, view, &raw.state, &worker_of_url))
                .collect(),
        })
    }

    fn remember(&mut self, decoded: &BTreeMap<&str, MemberView>) {
        self.urls.retain(|id, _| decoded.contains_key(id.as_str()));
        for (id, view) in decoded {
            if let Some(url) = &view.url {
                self.urls.insert((*id).to_owned(), url.clone());
            }
        }
    }

    fn member(
        &self,
        id: &str,
        view: &MemberView,
        state: &str,
        worker_of_url: &impl Fn(&str) -> Option<WorkerName>,
    ) -> GroupMember {
        let url = self.urls.get(id).cloned().unwrap_or_default();
        let stable = state == "Stable";
        let owned = view.owned().filter(|_| stable).unwrap_or_default();
        GroupMember {
            member_id: id.to_owned(),
            worker: worker_of_url(&url),
            url,
            tasks: owned.tasks.into_iter().collect(),
            connectors: owned.connectors.into_iter().collect(),
        }
    }
}

/// The view of a single description, without memory of earlier ones; see [`GroupReader::view`].
pub fn view(
    raw: &RawGroup,
    worker_of_url: impl Fn(&str) -> Option<WorkerName>,
) -> Result<GroupView, GroupError> {
    GroupReader::default().view(raw, worker_of_url)
}

/// Which partitions a member of a consumer group was given (`ConsumerProtocol`, all versions); empty bytes are no error.
pub fn consumer_assignment(bytes: &[u8]) -> Result<BTreeMap<String, Vec<i32>>, DecodeError> {
    let mut topics: BTreeMap<String, Vec<i32>> = BTreeMap::new();
    if bytes.is_empty() {
        return Ok(topics);
    }
    let mut fields = Fields::new(bytes);
    protocol_version(&mut fields)?;
    for _ in 0..fields.count("assigned topics")?.unwrap_or(0) {
        let partitions = topics
            .entry(fields.string("topic")?.to_owned())
            .or_default();
        for _ in 0..fields.count("partitions")?.unwrap_or(0) {
            partitions.push(fields.int32("partition")?);
        }
    }
    Ok(topics)
}

/// The sink task behind a consumer's client id `connector-consumer-<connector>-<task>`; `None` for any other client id,
/// such as one set by the user.
pub fn task_of_client_id(client_id: &str) -> Option<TaskId> {
    client_id.strip_prefix("connector-consumer-")?.parse().ok()
}

#[cfg(test)]
#[path = "group_tests.rs"]
mod tests;
