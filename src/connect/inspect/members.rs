//! The bytes of a Connect group as workers, the leader among them, and what each of them owns.

use std::collections::{BTreeMap, BTreeSet};

use crate::kafka::RawGroup;
use crate::model::{ConnectorName, TaskId};

use super::super::group::{GroupError, MemberView, Share, decode_members};
use super::super::reach::authority;

/// One member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Kafka's member id.
    pub member_id: String,
    /// The address that it speaks from.
    pub host: String,
    /// Its advertised REST address.
    pub url: String,
    /// What it owns; `None` while the group does not say.
    pub owned: Option<Share>,
}

/// The members of a group at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Members {
    /// The group's state.
    pub state: String,
    /// The protocol that they agreed on.
    pub protocol: String,
    /// Worker id of the leader.
    pub leader: Option<String>,
    /// The longest delay that the leader gave out in the last round, in milliseconds.
    pub delay_ms: u64,
    /// The config topic offset of the last round.
    pub config_offset: Option<i64>,
    /// The members by worker id; one whose address the group does not tell now goes by its member id.
    pub by_worker: BTreeMap<String, Member>,
    /// Worker ids that more than one member advertises.
    pub twice: BTreeSet<String>,
}

impl Members {
    /// Decodes the group; fails when a member's bytes are not of Connect.
    pub fn of(raw: &RawGroup) -> Result<Self, GroupError> {
        let stable = raw.state == "Stable";
        let mut members = Self {
            state: raw.state.clone(),
            protocol: raw.protocol.clone(),
            leader: None,
            delay_ms: 0,
            config_offset: None,
            by_worker: BTreeMap::new(),
            twice: BTreeSet::new(),
        };
        let mut leader_ids = BTreeSet::new();
        for decoded in decode_members(raw) {
            let (member, view) = decoded?;
            leader_ids.extend(view.leader_member_id.clone());
            members.delay_ms = members.delay_ms.max(view.delay_ms);
            members.config_offset = members.config_offset.max(view.config_offset);
            members.add(&member.member_id, &member.client_host, &view, stable);
        }
        // A description taken after a leader has gone may still name it.
        let leader = members
            .by_worker
            .iter()
            .find(|(_, member)| leader_ids.contains(&member.member_id));
        members.leader = leader.map(|(id, _)| id.clone());
        Ok(members)
    }

    fn add(&mut self, member_id: &str, host: &str, view: &MemberView, stable: bool) {
        let url = view.url.clone().unwrap_or_default();
        let worker = Some(authority(&url)).filter(|id| !id.is_empty());
        let mut id = worker.unwrap_or(member_id).to_owned();
        if self.by_worker.contains_key(&id) {
            self.twice.insert(id.clone());
            id = format!("{id} ({member_id})");
        }
        let member = Member {
            member_id: member_id.to_owned(),
            host: host.trim_start_matches('/').to_owned(),
            url,
            owned: view.owned().filter(|_| stable),
        };
        self.by_worker.insert(id, member);
    }

    /// Whether it is known of every member what it owns.
    pub fn is_known(&self) -> bool {
        !self.by_worker.is_empty() && self.by_worker.values().all(|member| member.owned.is_some())
    }

    fn owners<'a>(&'a self, owns: impl Fn(&Share) -> bool + 'a) -> impl Iterator<Item = &'a str> {
        self.by_worker
            .iter()
            .filter(move |(_, member)| member.owned.as_ref().is_some_and(&owns))
            .map(|(id, _)| id.as_str())
    }

    /// The workers that own a task, commas between them: more than one is a fault of the group.
    pub fn owner_of_task(&self, task: &TaskId) -> Option<String> {
        listed(self.owners(|share| share.tasks.contains(task)))
    }

    /// The same for the connector's own instance.
    pub fn owner_of_connector(&self, connector: &ConnectorName) -> Option<String> {
        listed(self.owners(|share| share.connectors.contains(connector)))
    }

    /// The tasks of this connector that anybody owns.
    pub fn tasks_of(&self, connector: &ConnectorName) -> BTreeSet<u32> {
        self.all_tasks()
            .filter(|task| task.connector == *connector)
            .map(|task| task.task)
            .collect()
    }

    /// All tasks that anybody owns.
    pub fn all_tasks(&self) -> impl Iterator<Item = &TaskId> {
        let shares = self.by_worker.values().filter_map(|m| m.owned.as_ref());
        shares.flat_map(|share| &share.tasks)
    }
}

fn listed<'a>(owners: impl Iterator<Item = &'a str>) -> Option<String> {
    let owners: Vec<&str> = owners.collect();
    (!owners.is_empty()).then(|| owners.join(", "))
}
