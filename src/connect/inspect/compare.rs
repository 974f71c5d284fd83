//! Where REST and the group contradict each other: REST is a claim, the group is the fact.

use std::collections::BTreeMap;

use crate::model::{ConnectorName, TaskId};

use super::super::Rest;
use super::super::answers::{ConnectorInfo, ConnectorStatus};
use super::super::reach::authority;
use super::WorkerFacts;
use super::members::Members;

/// One sentence for each contradiction, and for what could not be seen.
pub fn doubts(
    members: &Members,
    statuses: &BTreeMap<ConnectorName, ConnectorStatus>,
    infos: &BTreeMap<ConnectorName, ConnectorInfo>,
    workers: &[WorkerFacts],
    rest: &Rest,
) -> Vec<String> {
    let mut doubts = of_group(members, workers, rest);
    doubts.extend(workers.iter().filter_map(of_worker));
    if members.is_known() {
        doubts.extend(
            statuses
                .iter()
                .flat_map(|(name, status)| of_tasks(name, status, members)),
        );
        doubts.extend(unclaimed(members, statuses));
    }
    let without = infos.keys().filter(|name| !statuses.contains_key(name));
    doubts.extend(without.map(|name| {
        format!("connector {name} has a configuration and no status yet: no worker has started it")
    }));
    doubts
}

fn of_group(members: &Members, workers: &[WorkerFacts], rest: &Rest) -> Vec<String> {
    let mut doubts = Vec::new();
    if !members.is_known() {
        let state = &members.state;
        doubts.push(format!(
            "who owns what is not known: the group is in state {state}; ask again once it is Stable"
        ));
    }
    let asked = authority(rest.base_url());
    // An inventory may know it under the address that it advertises.
    let is_known_member =
        |worker: &WorkerFacts| authority(&worker.url) == asked && worker.member_id.is_some();
    let is_member = members.by_worker.contains_key(asked) || workers.iter().any(is_known_member);
    if members.is_known() && !is_member {
        doubts.push(format!(
            "the asked worker {asked} goes by another address in the group; give it as its `id` in the inventory"
        ));
    }
    doubts.extend(members.twice.iter().map(|id| {
        format!("more than one member advertises {id}: their REST interfaces cannot be told apart")
    }));
    doubts
}

fn of_worker(worker: &WorkerFacts) -> Option<String> {
    let id = &worker.id;
    match (&worker.member_id, worker.state.as_str(), &worker.why) {
        (Some(_), "silent", Some(why)) => Some(format!(
            "worker {id} is a member of the group and its REST interface does not answer: {why}"
        )),
        (None, "silent", _) => Some(format!(
            "worker {id} is not in the group and does not answer"
        )),
        (None, _, _) => Some(format!(
            "worker {id} answers and the group has no member with this address: it has not joined, belongs to another group, or advertises another address (`id` in the inventory)"
        )),
        (Some(_), "unhealthy" | "starting", Some(why)) => {
            Some(format!("worker {id} is {}: {why}", worker.state))
        }
        (Some(_), _, _) => None,
    }
}

fn of_tasks(name: &ConnectorName, status: &ConnectorStatus, members: &Members) -> Vec<String> {
    let mut doubts = Vec::new();
    for task in &status.tasks {
        let id = TaskId {
            connector: name.clone(),
            task: task.id,
        };
        let (state, claimed) = (&task.state, &task.worker_id);
        match members.owner_of_task(&id) {
            None => doubts.push(format!(
                "task {id} is {state} on {claimed} by REST, and nobody in the group owns it"
            )),
            Some(owner) if owner != *claimed => doubts.push(format!(
                "task {id} is {state} on {claimed} by REST, and in the group {owner} owns it"
            )),
            Some(owner) if state == "UNASSIGNED" => doubts.push(format!(
                "task {id} is UNASSIGNED by REST, and in the group {owner} owns it"
            )),
            Some(_) => {}
        }
    }
    match members.owner_of_connector(name) {
        Some(owner) if owner != status.worker_id => doubts.push(format!(
            "connector {name} is {} on {} by REST, and in the group {owner} owns it",
            status.state, status.worker_id
        )),
        None => doubts.push(format!(
            "connector {name} is {} on {} by REST, and nobody in the group owns it",
            status.state, status.worker_id
        )),
        Some(_) => {}
    }
    doubts
}

/// Tasks of the group that REST does not know.
fn unclaimed(
    members: &Members,
    statuses: &BTreeMap<ConnectorName, ConnectorStatus>,
) -> Vec<String> {
    let is_claimed = |task: &TaskId| {
        let status = statuses.get(&task.connector);
        status.is_some_and(|status| status.tasks.iter().any(|claim| claim.id == task.task))
    };
    members
        .all_tasks()
        .filter(|task| !is_claimed(task))
        .map(|task| format!("task {task} is owned in the group and has no status by REST"))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::super::answers::TaskStatus;
    use super::super::super::group::Share;
    use super::super::members::Member;
    use super::*;

    fn name(name: &str) -> ConnectorName {
        ConnectorName::new(name).unwrap()
    }

    fn members(of: &[(&str, &[&str], &[&str])]) -> Members {
        let member = |url: &str, connectors: &[&str], tasks: &[&str]| Member {
            member_id: format!("m-{url}"),
            host: "127.0.0.1".to_owned(),
            url: format!("http://{url}"),
            owned: Some(Share {
                tasks: tasks.iter().map(|task| task.parse().unwrap()).collect(),
                connectors: connectors.iter().map(|connector| name(connector)).collect(),
            }),
        };
        Members {
            state: "Stable".to_owned(),
            protocol: "sessioned".to_owned(),
            leader: None,
            delay_ms: 0,
            config_offset: None,
            by_worker: of
                .iter()
                .map(|(id, connectors, tasks)| ((*id).to_owned(), member(id, connectors, tasks)))
                .collect(),
            twice: BTreeSet::new(),
        }
    }

    fn status(worker: &str, tasks: &[(u32, &str, &str)]) -> ConnectorStatus {
        let task = |(id, state, worker): &(u32, &str, &str)| TaskStatus {
            id: *id,
            state: (*state).to_owned(),
            worker_id: (*worker).to_owned(),
            trace: None,
        };
        ConnectorStatus {
            state: "RUNNING".to_owned(),
            worker_id: worker.to_owned(),
            trace: None,
            tasks: tasks.iter().map(task).collect(),
        }
    }

    fn doubts_of(members: &Members, status: ConnectorStatus) -> Vec<String> {
        let statuses = BTreeMap::from([(name("c"), status)]);
        let rest = Rest::new("http://h:1").unwrap();
        doubts(members, &statuses, &BTreeMap::new(), &[], &rest)
    }

    #[test]
    fn sources_that_agree_leave_no_doubt() {
        let group = members(&[("h:1", &["c"], &["c-0"]), ("h:2", &[], &["c-1"])]);
        let claims = status("h:1", &[(0, "RUNNING", "h:1"), (1, "PAUSED", "h:2")]);
        assert_eq!(doubts_of(&group, claims), Vec::<String>::new());
    }

    #[test]
    fn the_asked_worker_may_advertise_another_address_that_the_inventory_knows() {
        let group = members(&[("inner:1", &["c"], &["c-0"])]);
        let claims = || {
            let status = status("inner:1", &[(0, "RUNNING", "inner:1")]);
            BTreeMap::from([(name("c"), status)])
        };
        let rest = Rest::new("http://h:1").unwrap();
        let known = |member_id: Option<&str>| WorkerFacts {
            id: "inner:1".to_owned(),
            name: None,
            url: "http://h:1".to_owned(),
            leads: true,
            member_id: member_id.map(str::to_owned),
            host: None,
            state: "answers".to_owned(),
            why: None,
            version: None,
            commit: None,
            connectors: None,
            tasks: None,
        };
        let told =
            |workers: &[WorkerFacts]| doubts(&group, &claims(), &BTreeMap::new(), workers, &rest);
        assert_eq!(told(&[known(Some("m"))]), Vec::<String>::new());
        assert!(told(&[])[0].contains("another address"));
        assert!(told(&[known(None)])[0].contains("another address"));
    }

    #[test]
    fn a_dead_worker_that_rest_still_names_is_found_out() {
        let group = members(&[("h:1", &["c"], &["c-0"])]);
        let claims = status("h:1", &[(0, "RUNNING", "h:1"), (1, "RUNNING", "h:2")]);
        assert_eq!(
            doubts_of(&group, claims),
            ["task c-1 is RUNNING on h:2 by REST, and nobody in the group owns it"]
        );
    }

    #[test]
    fn another_owner_a_task_without_status_and_an_unassigned_one_are_told() {
        let group = members(&[
            ("h:1", &[], &["c-0", "c-2"]),
            ("h:2", &["c"], &["c-1", "c-9"]),
        ]);
        let claims = status(
            "h:1",
            &[
                (0, "RUNNING", "h:2"),
                (1, "UNASSIGNED", "h:2"),
                (2, "FAILED", "h:1"),
            ],
        );
        let doubts = doubts_of(&group, claims);
        assert_eq!(doubts.len(), 4, "{doubts:#?}");
        for part in [
            "task c-0 is RUNNING on h:2 by REST, and in the group h:1",
            "task c-1 is UNASSIGNED",
            "task c-9 is owned in the group",
            "connector c is RUNNING on h:1 by REST, and in the group h:2",
        ] {
            assert!(
                doubts.iter().any(|doubt| doubt.contains(part)),
                "{part}: {doubts:#?}"
            );
        }
    }

    #[test]
    fn while_the_group_says_nothing_rest_is_not_contradicted() {
        let mut group = members(&[("h:1", &[], &[])]);
        group.state = "PreparingRebalance".to_owned();
        for member in group.by_worker.values_mut() {
            member.owned = None;
        }
        let doubts = doubts_of(&group, status("h:1", &[(0, "RUNNING", "h:1")]));
        assert_eq!(doubts.len(), 1);
        assert!(doubts[0].contains("PreparingRebalance"), "{doubts:?}");
    }
}
