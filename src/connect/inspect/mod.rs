//! Everything that a Connect cluster tells about itself at one moment: who leads, who runs what, and how far it has come.
//!
//! | file | what it is |
//! |---|---|
//! | `facts` | the values that come out |
//! | `find` | which of the brokers' groups a worker belongs to |
//! | `members` | the group's bytes as owners of connectors and tasks |
//! | `generation` | the group's generation, read where it stands |
//! | `progress` | committed offsets and what lies behind them |
//! | `compare` | where REST and the group contradict each other |

mod compare;
mod facts;
mod find;
mod generation;
mod members;
mod progress;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::journal::Deadline;
use crate::kafka::{Admin, BrokerFacts, KafkaError, RawGroup};
use crate::model::{ConnectorName, TaskId};

use super::answers::{ConnectorInfo, ConnectorStatus, HealthState, TaskStatus, WorkerInfo};
use super::group::GroupError;
use super::reach::{Reach, authority};
use super::versions::release_of;
use super::{Rest, RestError};

pub use facts::{
    ConnectorFacts, GroupFacts, Inspection, OffsetFacts, SinkOffset, SourceOffset, TaskFacts,
    WorkerFacts,
};
pub use find::FindError;
use find::Wanted;
use members::Members;
use progress::ANSWER_LIMIT;

/// The version of [`Inspection`]'s layout.
pub const INSPECTION_FORMAT: u32 = 1;

/// How long brokers may take until they answer at all.
const CHECK_LIMIT: Duration = Duration::from_secs(14);
/// How long a rebalance is waited out: while one is under way nobody knows who owns what.
const STABLE_LIMIT: Duration = Duration::from_secs(6);
const AGAIN: Duration = Duration::from_millis(200);

/// Why a cluster could not be inspected.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// The brokers.
    #[error(transparent)]
    Kafka(#[from] KafkaError),
    /// The worker that was to be asked.
    #[error(transparent)]
    Rest(#[from] RestError),
    /// The group was not found.
    #[error(transparent)]
    Find(#[from] FindError),
    /// The group's bytes cannot be read.
    #[error(transparent)]
    Group(#[from] GroupError),
    /// Bootstrap address and REST address lead to different clusters.
    #[error(
        "the worker at {url} uses Kafka cluster {of_worker}, and {bootstrap} is cluster {of_brokers}; look at the bootstrap address"
    )]
    OtherCluster {
        /// The worker.
        url: String,
        /// The id of its cluster.
        of_worker: String,
        /// The brokers.
        bootstrap: String,
        /// Theirs.
        of_brokers: String,
    },
}

/// Looks at the cluster; changes nothing, joins nothing, commits nothing. Takes a second or two when all is well; fails
/// within half a minute when the brokers, or all known workers, do not answer.
pub fn inspect(reach: &Reach) -> Result<Inspection, InspectError> {
    let admin = Admin::new(&reach.cluster)?;
    let brokers = admin.check(Deadline::after(CHECK_LIMIT))?;
    let rest = reach.rest()?;
    let info = rest.info(ANSWER_LIMIT)?;
    refuse_other_cluster(reach, &rest, &info, &brokers)?;
    let (infos, strange) = rest.info_all(ANSWER_LIMIT)?;
    let statuses = rest.status_all(ANSWER_LIMIT)?;
    let id = found(reach, &admin, &rest, &statuses)?;
    let members = stable_members(&admin, &id)?;
    let left_out = strange.iter().map(|name| {
        format!("connector `{name}` is left out: Squall takes names of letters, digits, `.`, `_` and `-` only")
    });
    let mut doubts: Vec<String> = left_out.collect();
    let workers = workers(reach, &rest, &members);
    let ids: BTreeSet<String> = members.by_worker.keys().cloned().collect();
    let generation = generation::of_group(&admin, &reach.cluster, &id, &reach.status_topic, &ids);
    let mut progress = progress::Progress::new(reach, &admin, &rest, release_of(&info.version));
    let connectors = infos
        .iter()
        .map(|(name, info)| {
            let offsets = progress.of(name, info);
            connector(name, info, statuses.get(name), &members, offsets)
        })
        .collect();
    doubts.extend(progress.doubts);
    doubts.extend(compare::doubts(
        &members, &statuses, &infos, &workers, &rest,
    ));
    Ok(Inspection {
        format: INSPECTION_FORMAT,
        bootstrap: reach.cluster.bootstrap.clone(),
        brokers: brokers.brokers,
        cluster_id: brokers.cluster_id,
        asked: rest.base_url().to_owned(),
        group: GroupFacts {
            id,
            state: members.state.clone(),
            protocol: members.protocol.clone(),
            generation: generation.number,
            generation_from: generation.from,
            leader: members.leader.clone(),
            rebalance_delay_ms: members.delay_ms,
            config_offset: members.config_offset,
        },
        workers,
        connectors,
        doubts,
    })
}

/// The id of the Connect group behind these addresses; the first half of [`inspect`].
pub fn group_of(reach: &Reach, admin: &Admin, rest: &Rest) -> Result<String, InspectError> {
    let brokers = admin.check(Deadline::after(CHECK_LIMIT))?;
    let info = rest.info(ANSWER_LIMIT)?;
    refuse_other_cluster(reach, rest, &info, &brokers)?;
    let statuses = rest.status_all(ANSWER_LIMIT)?;
    found(reach, admin, rest, &statuses)
}

/// Fails when worker and brokers are known not to belong together.
fn refuse_other_cluster(
    reach: &Reach,
    rest: &Rest,
    info: &WorkerInfo,
    brokers: &BrokerFacts,
) -> Result<(), InspectError> {
    match &brokers.cluster_id {
        Some(id) if *id != info.kafka_cluster_id && !info.kafka_cluster_id.is_empty() => {
            Err(InspectError::OtherCluster {
                url: rest.base_url().to_owned(),
                of_worker: info.kafka_cluster_id.clone(),
                bootstrap: reach.cluster.bootstrap.clone(),
                of_brokers: id.clone(),
            })
        }
        Some(_) | None => Ok(()),
    }
}

/// The group; asked again while none fits: a rebalance hides members, and a worker that starts is none yet.
fn found(
    reach: &Reach,
    admin: &Admin,
    rest: &Rest,
    statuses: &BTreeMap<ConnectorName, ConnectorStatus>,
) -> Result<String, InspectError> {
    let base = rest.base_url();
    let mut asked = BTreeSet::from([authority(base).to_owned()]);
    let known = reach.workers.iter().filter(|(_, known)| known.url == base);
    asked.extend(known.map(|(id, _)| id.clone()));
    let claimed = statuses.values().flat_map(|status| {
        let tasks = status.tasks.iter().map(|task| task.worker_id.clone());
        tasks.chain([status.worker_id.clone()])
    });
    let claimed = claimed.collect();
    let wanted = Wanted {
        group: reach.group_id.as_deref(),
        bootstrap: &reach.cluster.bootstrap,
        asked: &asked,
        claimed: &claimed,
    };
    let deadline = Deadline::after(STABLE_LIMIT);
    loop {
        // A coordinator that loads, or moves, answers in a moment.
        let groups = match admin.groups_of_type("connect", ANSWER_LIMIT) {
            Err(error) if deadline.has_passed() => return Err(error.into()),
            Err(_) => {
                std::thread::sleep(AGAIN);
                continue;
            }
            Ok(groups) => groups,
        };
        let settled = groups.values().all(|group| group.state == "Stable");
        match find::find(&groups, &wanted) {
            Ok(id) => return Ok(id),
            Err(error @ FindError::Many { .. }) if settled => return Err(error.into()),
            Err(error) if deadline.has_passed() => return Err(error.into()),
            Err(_) => std::thread::sleep(AGAIN),
        }
    }
}

fn stable_members(admin: &Admin, group: &str) -> Result<Members, InspectError> {
    let deadline = Deadline::after(STABLE_LIMIT);
    loop {
        match admin.group(group, ANSWER_LIMIT) {
            Ok(Some(raw)) if raw.state == "Stable" => return Ok(Members::of(&raw)?),
            last if deadline.has_passed() => {
                let raw = last?.unwrap_or_else(RawGroup::absent);
                return Ok(Members::of(&raw)?);
            }
            Ok(_) | Err(_) => std::thread::sleep(AGAIN),
        }
    }
}

/// The members, then known workers that are not among them; all are asked at once, because silent ones take long.
fn workers(reach: &Reach, rest: &Rest, members: &Members) -> Vec<WorkerFacts> {
    let known = reach.known();
    let mut ids: Vec<&str> = members.by_worker.keys().map(String::as_str).collect();
    // The asked worker is one of the members, be it under another id (behind a mapped port): it must not stand here twice.
    let strangers = reach
        .workers
        .iter()
        .filter(|(id, known)| !members.by_worker.contains_key(id) && known.url != rest.base_url());
    ids.extend(strangers.map(|(id, _)| id.as_str()));
    let address = |id: &str| match (known.get(id), members.by_worker.get(id)) {
        (Some(known), _) => known.url.clone(),
        (None, Some(member)) => member.url.clone(),
        (None, None) => String::new(),
    };
    std::thread::scope(|scope| {
        let asked: Vec<_> = ids
            .iter()
            .map(|id| {
                let (rest, url) = (rest.at(&address(id)), address(id));
                scope.spawn(move || (url, asked_worker(&rest)))
            })
            .collect();
        ids.iter()
            .zip(asked)
            .map(|(id, asked)| {
                let (url, answer) = asked.join().unwrap_or_else(|_| {
                    let silent = Answer {
                        state: "silent",
                        why: Some("the question failed".to_owned()),
                        info: None,
                    };
                    (address(id), silent)
                });
                worker(
                    id,
                    url,
                    answer,
                    members,
                    known.get(id).and_then(|known| known.name.clone()),
                )
            })
            .collect()
    })
}

/// What one worker said of itself.
struct Answer {
    state: &'static str,
    why: Option<String>,
    info: Option<WorkerInfo>,
}

fn asked_worker(rest: &Rest) -> Answer {
    let info = match rest.info(ANSWER_LIMIT) {
        Ok(info) => info,
        Err(error) => {
            return Answer {
                state: "silent",
                why: Some(error.to_string()),
                info: None,
            };
        }
    };
    let (state, why) = match rest.health(ANSWER_LIMIT) {
        Ok(health) => match health.state {
            HealthState::Healthy => ("healthy", None),
            HealthState::Starting => ("starting", Some(health.message)),
            HealthState::Unhealthy => ("unhealthy", Some(health.message)),
            HealthState::NotOffered => ("answers", None),
        },
        Err(error) => ("answers", Some(error.to_string())),
    };
    Answer {
        state,
        why,
        info: Some(info),
    }
}

fn worker(
    id: &str,
    url: String,
    answer: Answer,
    members: &Members,
    name: Option<String>,
) -> WorkerFacts {
    let member = members.by_worker.get(id);
    let owned = member.and_then(|member| member.owned.as_ref());
    WorkerFacts {
        id: id.to_owned(),
        name,
        url,
        leads: members.leader.as_deref() == Some(id),
        member_id: member.map(|member| member.member_id.clone()),
        host: member.map(|member| member.host.clone()),
        state: answer.state.to_owned(),
        why: answer.why,
        version: answer.info.as_ref().map(|info| info.version.clone()),
        commit: answer.info.map(|info| info.commit),
        connectors: owned.map(|share| share.connectors.iter().map(ToString::to_string).collect()),
        tasks: owned.map(|share| share.tasks.iter().map(ToString::to_string).collect()),
    }
}

fn connector(
    name: &ConnectorName,
    info: &ConnectorInfo,
    status: Option<&ConnectorStatus>,
    members: &Members,
    offsets: OffsetFacts,
) -> ConnectorFacts {
    let claimed: BTreeMap<u32, &TaskStatus> = status
        .iter()
        .flat_map(|status| &status.tasks)
        .map(|task| (task.id, task))
        .collect();
    let owned = members.tasks_of(name);
    let numbers: BTreeSet<u32> = claimed.keys().chain(&owned).copied().collect();
    let tasks = numbers.into_iter().map(|id| {
        let claim = claimed.get(&id);
        let task = TaskId {
            connector: name.clone(),
            task: id,
        };
        TaskFacts {
            id,
            state: claim.map(|task| task.state.clone()),
            worker: members.owner_of_task(&task),
            claimed_worker: claim.map(|task| task.worker_id.clone()),
            trace: claim.and_then(|task| first_line(task.trace.as_deref())),
        }
    });
    ConnectorFacts {
        name: name.to_string(),
        kind: info.kind.clone(),
        class: info
            .config
            .get("connector.class")
            .cloned()
            .unwrap_or_default(),
        state: status.map(|status| status.state.clone()),
        worker: members.owner_of_connector(name),
        trace: status.and_then(|status| first_line(status.trace.as_deref())),
        tasks: tasks.collect(),
        offsets,
    }
}

fn first_line(trace: Option<&str>) -> Option<String> {
    let line = trace?.lines().next()?.trim();
    Some(line.to_owned()).filter(|line| !line.is_empty())
}
