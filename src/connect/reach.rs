//! How a Connect cluster of somebody else is reached: Kafka, and the first worker whose REST interface answers.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::kafka::Cluster;
use crate::scenario::inventory::{Inventory, RestMeans};

use super::{Access, Rest, RestError};

/// How long one worker may take to say who it is.
const ANSWER_LIMIT: Duration = Duration::from_secs(4);

/// A worker's address, and what the inventory calls the worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Its name in the inventory.
    pub name: Option<String>,
    /// Its REST address as reached from here.
    pub url: String,
}

/// How a Connect cluster is reached.
#[derive(Debug, Clone, PartialEq)]
pub struct Reach {
    /// Kafka.
    pub cluster: Cluster,
    /// Addresses under which the same brokers are known to the workers, beside [`Cluster::bootstrap`].
    pub inner_bootstrap: Option<String>,
    /// How REST is spoken.
    pub access: Access,
    /// Workers that are known beforehand, by worker id, in the inventory's order.
    pub workers: Vec<(String, Known)>,
    /// `group.id`, where it is known.
    pub group_id: Option<String>,
    /// `status.storage.topic`, or what it is usually called.
    pub status_topic: String,
}

/// How the brokers of an inventory are reached.
pub fn cluster_of(inventory: &Inventory) -> Cluster {
    Cluster {
        bootstrap: inventory.bootstrap.clone(),
        properties: inventory.client.0.clone(),
    }
}

impl From<&RestMeans> for Access {
    fn from(means: &RestMeans) -> Self {
        Self {
            basic: means.basic.clone(),
            ca_file: means.ca_file.clone(),
            client: means.client.clone(),
        }
    }
}

impl Reach {
    /// The way to the cluster of this inventory.
    pub fn of(inventory: &Inventory) -> Self {
        let workers = inventory.workers.iter().map(|worker| {
            let known = Known {
                name: Some(worker.name.to_string()),
                url: worker.rest.clone(),
            };
            (worker.worker_id().to_owned(), known)
        });
        Self {
            cluster: cluster_of(inventory),
            inner_bootstrap: inventory.inner_bootstrap.clone(),
            access: Access::from(&inventory.rest),
            workers: workers.collect(),
            group_id: inventory.group_id.clone(),
            status_topic: inventory.topics.status.clone(),
        }
    }

    /// A client of the first worker that answers as one does; fails with what the first of them said when none does.
    pub fn rest(&self) -> Result<Rest, RestError> {
        let mut first = None;
        for (_, known) in &self.workers {
            let rest = Rest::with_access(&known.url, &self.access)?;
            match rest.info(ANSWER_LIMIT) {
                Ok(_) => return Ok(rest),
                Err(error) => drop(first.get_or_insert(error)),
            }
        }
        Err(first.unwrap_or_else(|| RestError::Unreachable {
            url: "any worker".to_owned(),
            why: "no REST address is known".to_owned(),
        }))
    }

    /// Names and addresses of the known workers, by worker id.
    pub(super) fn known(&self) -> BTreeMap<&str, &Known> {
        self.workers
            .iter()
            .map(|(id, known)| (id.as_str(), known))
            .collect()
    }
}

/// The `host:port` of a URL: what Connect calls a worker id.
pub fn authority(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_id_is_what_stands_between_scheme_and_path() {
        for url in ["http://h:1", "https://h:1/", "h:1", "http://h:1/a/b"] {
            assert_eq!(authority(url), "h:1", "{url}");
        }
    }

    #[test]
    fn when_no_worker_answers_the_first_one_is_named() {
        let mut inventory = Inventory::of("127.0.0.1:1", "http://127.0.0.1:1");
        let mut second = inventory.workers[0].clone();
        second.rest = "http://127.0.0.1:2".to_owned();
        inventory.workers.push(second);
        let error = Reach::of(&inventory).rest().unwrap_err().to_string();
        assert!(error.contains("127.0.0.1:1/"), "{error}");
        assert!(error.contains("onnection refused"), "{error}");
    }
}
