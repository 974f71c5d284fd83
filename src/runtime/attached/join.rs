//! Joining a cluster: everything is looked at before anything is touched, and whatever is wrong is told with its subject.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::connect::group::view;
use crate::connect::reach::{authority, cluster_of};
use crate::connect::rest::ConnectorStatus;
use crate::connect::{Access, Rest, RestError};
use crate::journal::{Deadline, GroupView, Journal, What};
use crate::kafka::{Admin, RawGroup};
use crate::model::{ConnectorName, DuplicateLimit, KafkaVersion, TaskId, WorkerName, sink_group};
use crate::plan::Plan;
use crate::scenario::Scenario;
use crate::scenario::inventory::Inventory;

use super::super::{Ledger, RuntimeError, UserFolders, private};
use super::cluster::{AttachedCluster, Inner, Joined, Other};
use super::error::AttachedError;
use super::executor::Executor;
use super::first_look::{self, Looked};
use super::safety::{self, Group};
use super::values::{self, Told};
use super::worker::Worker;

/// Wrong credentials are told by the brokers at once; what is not there is not told at all.
const BROKER_LIMIT: Duration = Duration::from_secs(12);
const REST_LIMIT: Duration = Duration::from_secs(5);
const ASK_LIMIT: Duration = Duration::from_secs(10);
const STABLE_LIMIT: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(200);
/// What the bound of repeats rests on.
const FLUSH_INTERVAL: &str = "offset.flush.interval.ms";

/// What is to be joined, and for what.
pub struct Joining<'a> {
    /// The inventory.
    pub inventory: &'a Inventory,
    /// What is to be run there.
    pub scenario: &'a Scenario,
    /// Its timetable.
    pub plan: &'a Plan,
    /// The group that the user said he means.
    pub yes_i_mean: Option<&'a str>,
    /// The run's journal.
    pub journal: &'a Journal,
    /// Its ledger.
    pub ledger: &'a Ledger,
    /// The user's folders.
    pub folders: &'a UserFolders,
    /// Where logs go.
    pub logs: PathBuf,
    /// The data folder of a route without files.
    pub data: PathBuf,
}

impl Joining<'_> {
    /// Looks at brokers, REST interfaces, group, topics, data folder and the workers' controls, refuses what may not be
    /// done, and takes the cluster over. Fails with everything that is wrong with one of these at once.
    pub fn join(&self, stop: &AtomicBool) -> Result<AttachedCluster, RuntimeError> {
        let cluster = cluster_of(self.inventory);
        let brokers_failed =
            |error: crate::kafka::KafkaError| AttachedError::Brokers(error.to_string());
        let admin = Admin::new(&cluster).map_err(brokers_failed)?;
        let (brokers, cluster_id) = admin
            .cluster_seen(Deadline::after(BROKER_LIMIT))
            .map_err(brokers_failed)?;
        let rest = self.ask_rest(cluster_id.as_deref())?;
        let (group_id, view) = self.find_group(&admin, stop)?;
        let strangers = self.match_members(&group_id, &view)?;
        self.check_topics(&admin)?;
        let data = self.data_folder()?;
        self.refuse(&group_id, &view, &strangers)?;
        let sockets = private::make_temp(self.folders, self.ledger)?;
        let executor = Executor::new(sockets)?;
        let Looked { mut workers, told } = first_look::at_all(self.inventory, &executor)?;
        workers.extend((1..).zip(&strangers).filter_map(stranger));
        let settings =
            values::settled(&self.inventory.settings, &told).map_err(AttachedError::Settings)?;
        self.check_bound(&settings)?;
        let joined = Joined {
            facts: self.facts(&group_id, brokers, cluster_id, (&view, &told), rest.version),
            settings,
            group_id,
            version: rest.version,
            brokers: u32::try_from(brokers).unwrap_or(u32::MAX),
            connectors: rest.connectors,
        };
        let inner = Inner::new(
            self.inventory.clone(),
            self.journal.clone(),
            self.ledger.clone(),
            executor,
            workers,
            self.logs.clone(),
        );
        AttachedCluster::new(inner, joined, data)
    }

    fn ask_rest(&self, cluster_id: Option<&str>) -> Result<RestSeen, RuntimeError> {
        let access = Access::from(&self.inventory.rest);
        let mut troubles = Vec::new();
        let mut versions = BTreeSet::new();
        let (mut connectors, mut infos) = (BTreeMap::new(), BTreeMap::new());
        for worker in &self.inventory.workers {
            let asked = Rest::with_access(&worker.rest, &access).and_then(|rest| {
                let (info, all) = (rest.info(REST_LIMIT)?, rest.status_all(REST_LIMIT)?);
                if infos.is_empty() {
                    // All workers know all configurations; one that is asked is enough.
                    infos = rest.info_all(REST_LIMIT)?.0;
                }
                Ok((info, all))
            });
            match asked {
                Ok((info, all)) => {
                    if cluster_id.is_some_and(|id| {
                        !info.kafka_cluster_id.is_empty() && info.kafka_cluster_id != id
                    }) {
                        troubles.push(format!(
                            "{}: it works with another Kafka cluster than `bootstrap` leads to",
                            worker.name
                        ));
                    }
                    versions.insert(info.version);
                    connectors.extend(all);
                }
                Err(error) => troubles.push(format!("{}: {}", worker.name, why_not(&error))),
            }
        }
        if !troubles.is_empty() {
            return Err(AttachedError::Rest(troubles).into());
        }
        let known = versions.iter().find_map(|version| version_in(version));
        let version = self.inventory.version.or(known).ok_or_else(|| {
            let said: Vec<&str> = versions.iter().map(String::as_str).collect();
            AttachedError::Missing(format!(
                "the workers' release `{}` tells no Kafka version: write `version:` into the inventory",
                said.join(", ")
            ))
        })?;
        Ok(RestSeen {
            version,
            connectors: connectors
                .into_iter()
                .map(|(name, status)| {
                    let info = infos.get(&name).filter(|info| info.kind == "sink");
                    let other = Other {
                        failed: failed_tasks(&name, &status),
                        sink_group: info
                            .map(|info| sink_group(&name, &info.config, &self.inventory.settings)),
                    };
                    (name, other)
                })
                .collect(),
        })
    }

    /// The workers' group, once it is stable.
    fn find_group(
        &self,
        admin: &Admin,
        stop: &AtomicBool,
    ) -> Result<(String, GroupView), RuntimeError> {
        let deadline = Deadline::after(STABLE_LIMIT);
        loop {
            let groups = self.groups(admin)?;
            let seen = match group_among(self.inventory, &groups)? {
                Some((id, view)) if view.state == "Stable" => return Ok((id, view)),
                Some((id, view)) => format!("group {id} is {}, not Stable", view.state),
                None => "the brokers tell of no group of these workers".to_owned(),
            };
            if stop.load(Ordering::Relaxed) {
                return Err(RuntimeError::Interrupted(
                    "waiting for the group".to_owned(),
                ));
            }
            if deadline.has_passed() {
                return Err(AttachedError::Group(format!(
                    "after {} s: {seen}; look at the workers' logs, and run again once the group is calm",
                    STABLE_LIMIT.as_secs()
                ))
                .into());
            }
            std::thread::sleep(POLL);
        }
    }

    fn groups(&self, admin: &Admin) -> Result<BTreeMap<String, RawGroup>, RuntimeError> {
        let groups = match &self.inventory.group_id {
            Some(id) => admin
                .group(id, ASK_LIMIT)
                .map(|group| group.map(|group| (id.clone(), group)).into_iter().collect()),
            None => admin.groups(ASK_LIMIT),
        };
        let groups: BTreeMap<String, RawGroup> =
            groups.map_err(|error| AttachedError::Brokers(error.to_string()))?;
        let connects =
            |group: &RawGroup| group.protocol_type == "connect" && !group.members.is_empty();
        Ok(groups
            .into_iter()
            .filter(|(_, group)| connects(group))
            .collect())
    }

    /// Members that the inventory does not have; fails when it has workers that are no members.
    fn match_members(&self, group_id: &str, view: &GroupView) -> Result<Vec<String>, RuntimeError> {
        let present: BTreeSet<&WorkerName> = view
            .members
            .iter()
            .filter_map(|member| member.worker.as_ref())
            .collect();
        let absent: Vec<String> = self
            .inventory
            .workers
            .iter()
            .filter(|worker| !present.contains(&worker.name))
            .map(|worker| format!("{} ({})", worker.name, worker.worker_id()))
            .collect();
        let urls: Vec<&str> = view
            .members
            .iter()
            .map(|member| member.url.as_str())
            .collect();
        if !absent.is_empty() {
            return Err(AttachedError::Group(format!(
                "not in group {group_id}: {}; its members advertise {}; give each worker the `id` by which it is in the group, or take it out of the inventory",
                absent.join(", "),
                urls.join(", ")
            ))
            .into());
        }
        let strangers: Vec<String> = view
            .members
            .iter()
            .filter(|member| member.worker.is_none())
            .map(|member| authority(&member.url).to_owned())
            .collect();
        if !strangers.is_empty() {
            self.journal.record(What::Note(format!(
                "in the group and not in the inventory, so never touched: {}",
                strangers.join(", ")
            )));
        }
        Ok(strangers)
    }

    fn check_topics(&self, admin: &Admin) -> Result<(), RuntimeError> {
        let names = &self.inventory.topics;
        let needed = [
            ("config", &names.config),
            ("offsets", &names.offsets),
            ("status", &names.status),
        ];
        let topics = admin
            .topics(ASK_LIMIT)
            .map_err(|error| AttachedError::Brokers(error.to_string()))?;
        let missing: Vec<String> = needed
            .iter()
            .filter(|(_, name)| !topics.contains(name))
            .map(|(key, name)| format!("`{key}: {name}`"))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        Err(AttachedError::Missing(format!(
            "the brokers have no such internal topics: {}; write the workers' `config.storage.topic`, `offset.storage.topic` and `status.storage.topic` under `topics:` of the inventory",
            missing.join(", ")
        ))
        .into())
    }

    /// The folder of feeds and taps; that of the inventory must be there and can be written.
    fn data_folder(&self) -> Result<PathBuf, RuntimeError> {
        let Some(data) = &self.inventory.data else {
            return Ok(self.data.clone());
        };
        if !safety::needs_files(self.scenario) {
            return Ok(data.clone());
        }
        let probe = data.join(format!("squall-{}-probe", self.ledger.run()));
        std::fs::write(&probe, b"")
            .and_then(|()| std::fs::remove_file(&probe))
            .map_err(RuntimeError::file(
                "write into `data` of the inventory,",
                data,
            ))?;
        Ok(data.clone())
    }

    fn refuse(
        &self,
        group_id: &str,
        view: &GroupView,
        strangers: &[String],
    ) -> Result<(), RuntimeError> {
        let group = Group {
            id: group_id,
            leader: view.leader.as_ref(),
            has_strangers: !strangers.is_empty(),
        };
        let refused = safety::check(
            self.plan,
            self.scenario,
            self.inventory,
            Some(&group),
            self.yes_i_mean,
        );
        if refused.is_empty() {
            return Ok(());
        }
        Err(AttachedError::Refused(refused).into())
    }

    /// A run whose repeats are to keep within a bound is not begun where no bound could be known at its end.
    fn check_bound(&self, settings: &BTreeMap<String, String>) -> Result<(), RuntimeError> {
        let is_asked = self.scenario.expect.duplicates == Some(DuplicateLimit::WithinFlushBound)
            && !self.plan.faults.is_empty();
        if !is_asked || settings.contains_key(FLUSH_INTERVAL) {
            return Ok(());
        }
        Err(AttachedError::Missing(format!(
            "the scenario expects `duplicates: within-flush-bound`, and nothing tells the workers' {FLUSH_INTERVAL}: no log has it; write it under `settings:` of the inventory"
        ))
        .into())
    }

    fn facts(
        &self,
        group_id: &str,
        brokers: usize,
        cluster_id: Option<String>,
        (view, told): (&GroupView, &Told),
        version: KafkaVersion,
    ) -> BTreeMap<String, String> {
        let fact = |key: &str, value: String| (key.to_owned(), value);
        let mut facts = BTreeMap::from([
            fact("inventory", self.inventory.name.clone()),
            fact("group", group_id.to_owned()),
            fact("brokers", brokers.to_string()),
            fact("members", view.members.len().to_string()),
            fact("workers' release", version.to_string()),
            fact("workers' settings", settings_from(told)),
            fact(
                "most workers down at once",
                self.inventory.max_down.to_string(),
            ),
        ]);
        facts.extend(cluster_id.map(|id| fact("kafka cluster id", id)));
        facts
    }
}

/// The one group that workers of the inventory are in; `None` while it cannot be told which that is.
fn group_among(
    inventory: &Inventory,
    groups: &BTreeMap<String, RawGroup>,
) -> Result<Option<(String, GroupView)>, RuntimeError> {
    if let (Some(id), true) = (&inventory.group_id, groups.is_empty()) {
        return Err(AttachedError::Group(format!(
            "the brokers know no group of workers called {id}; correct `group` in the inventory, or leave it out and it is looked for"
        ))
        .into());
    }
    let mut views: Vec<(String, GroupView)> = groups
        .iter()
        .filter_map(|(id, raw)| Some((id.clone(), view_of(inventory, raw)?)))
        .collect();
    if inventory.group_id.is_none() {
        let is_ours = |view: &GroupView| {
            // Members' addresses are told in a stable group only.
            view.state != "Stable" || view.members.iter().any(|member| member.worker.is_some())
        };
        let all: Vec<String> = views.iter().map(|(id, _)| id.clone()).collect();
        views.retain(|(_, view)| is_ours(view));
        // Workers without any group are about to join again, as after a restart of the brokers.
        if views.is_empty() && !all.is_empty() {
            return Err(AttachedError::Group(format!(
                "no worker of the inventory is in a Connect group; groups there are: {}; check `id` and `rest` of the workers",
                all.join(", ")
            ))
            .into());
        }
    }
    if views.len() > 1 {
        let ids: Vec<&str> = views.iter().map(|(id, _)| id.as_str()).collect();
        if views.iter().all(|(_, view)| view.state == "Stable") {
            return Err(AttachedError::Group(format!(
                "workers of the inventory are in {} groups: {}; write `group:` and the workers of that group only",
                ids.len(),
                ids.join(", ")
            ))
            .into());
        }
        return Ok(None);
    }
    Ok(views.pop())
}

fn view_of(inventory: &Inventory, raw: &RawGroup) -> Option<GroupView> {
    view(raw, |url| {
        let address = authority(url);
        let found = inventory
            .workers
            .iter()
            .find(|worker| worker.worker_id() == address);
        found.map(|worker| worker.name.clone())
    })
    .ok()
}

fn settings_from(told: &Told) -> String {
    if told.is_empty() {
        return "as the inventory says; no log tells them".to_owned();
    }
    let names: Vec<&str> = told.keys().map(WorkerName::as_str).collect();
    format!("as the logs of {} have them", names.join(", "))
}

struct RestSeen {
    version: KafkaVersion,
    connectors: BTreeMap<ConnectorName, Other>,
}

fn failed_tasks(connector: &ConnectorName, status: &ConnectorStatus) -> BTreeSet<TaskId> {
    let failed = status.tasks.iter().filter(|task| task.state == "FAILED");
    failed
        .map(|task| TaskId {
            connector: connector.clone(),
            task: task.id,
        })
        .collect()
}

/// What an error of a REST interface means to somebody who writes an inventory.
fn why_not(error: &RestError) -> String {
    match error {
        RestError::Refused {
            status: 401 | 403,
            url,
            ..
        } => format!(
            "{url} refused user and password; correct `username` and `password` under `rest:` of the inventory"
        ),
        RestError::Unreachable { why, .. } if why.contains("UnknownIssuer") => format!(
            "{error}; the certificate is of an authority that is not trusted: write its PEM file as `ca` under `rest:` of the inventory"
        ),
        _ => error.to_string(),
    }
}

/// The three numbers at the beginning of a release such as `7.6.0-ccs` or `4.1.1`.
fn version_in(text: &str) -> Option<KafkaVersion> {
    let numbers = text.split(['-', '+']).next()?;
    let version: KafkaVersion = numbers.parse().ok()?;
    // Vendors count in numbers of their own.
    (version.at_least(2, 0) && !version.at_least(5, 0)).then_some(version)
}

/// A member that the inventory does not have.
fn stranger((number, address): (usize, &String)) -> Option<Worker> {
    let name = WorkerName::new(&format!("other-{number}")).ok()?;
    Some(Worker::found(name, None, address))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_refused_password_says_what_to_correct() {
        let refused = RestError::Refused {
            url: "http://h:1/".to_owned(),
            status: 401,
            message: "Unauthorized".to_owned(),
        };
        assert!(why_not(&refused).contains("correct `username` and `password`"));
    }

    #[test]
    fn a_certificate_of_an_unknown_authority_says_what_to_write() {
        let temp = tempfile::tempdir().unwrap();
        let make = "openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=ca && \
             openssl req -newkey rsa:2048 -nodes -keyout w.key -out w.csr -subj /CN=127.0.0.1 && \
             echo subjectAltName=IP:127.0.0.1 >ext && \
             openssl x509 -req -in w.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out w.pem -days 2 -extfile ext";
        let made = Command::new("sh")
            .args(["-c", make])
            .current_dir(&temp)
            .output()
            .unwrap();
        assert!(made.status.success());
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let mut server = Command::new("openssl")
            .args([
                "s_server", "-quiet", "-www", "-cert", "w.pem", "-key", "w.key",
            ])
            .args(["-accept", &port.to_string()])
            .current_dir(&temp)
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let rest = Rest::new(&format!("https://127.0.0.1:{port}")).unwrap();
        let deadline = Deadline::after(REST_LIMIT * 2);
        let seen = loop {
            let seen = why_not(&rest.info(REST_LIMIT).unwrap_err());
            if !seen.contains("refused") || deadline.has_passed() {
                break seen;
            }
            std::thread::sleep(POLL);
        };
        server.kill().unwrap();
        server.wait().unwrap();
        assert!(seen.contains("write its PEM file as `ca`"), "{seen}");
    }

    #[test]
    fn workers_without_any_group_are_waited_for_and_groups_of_others_are_not() {
        let text =
            "name: n\nbootstrap: b:9092\nworkers:\n  - {name: w1, rest: \"http://w1:8083\"}\n";
        let inventory = crate::scenario::inventory::parse("inventory.yaml", text).unwrap();
        let group = |state: &str| RawGroup {
            state: state.to_owned(),
            protocol_type: "connect".to_owned(),
            protocol: "sessioned".to_owned(),
            members: Vec::new(),
        };
        let among = |groups: &[(&str, &str)]| {
            let groups = groups
                .iter()
                .map(|(id, state)| ((*id).to_owned(), group(state)));
            group_among(&inventory, &groups.collect()).map(|found| found.map(|(id, _)| id))
        };
        assert_eq!(among(&[]).unwrap(), None);
        let others = among(&[("theirs", "Stable"), ("etl", "Stable")]).unwrap_err();
        assert!(
            others
                .to_string()
                .contains("groups there are: etl, theirs;")
        );
        let rebalancing = among(&[("theirs", "Stable"), ("etl", "PreparingRebalance")]);
        assert_eq!(rebalancing.unwrap().as_deref(), Some("etl"));
    }

    #[test]
    fn a_release_is_found_in_builds_of_others_unless_they_count_otherwise() {
        assert_eq!(version_in("4.1.1"), Some(KafkaVersion::new(4, 1, 1)));
        assert_eq!(
            version_in("3.9.0-SNAPSHOT"),
            Some(KafkaVersion::new(3, 9, 0))
        );
        assert_eq!(version_in("7.6.0-ccs"), None);
    }
}
