//! An inventory without a file: one bootstrap address and one REST address.

use std::collections::BTreeMap;

use crate::model::WorkerName;

use super::inventory::{Inventory, InventoryWorker, RestMeans, Secretive, StopWhen, TopicNames};

impl Inventory {
    /// What is known of a cluster from these two addresses alone: one worker called `w1` that may be asked and not be
    /// touched, Connect's usual topic names, and everything else left to be found out. An empty bootstrap address is
    /// for those who speak REST only.
    pub fn of(bootstrap: &str, rest_url: &str) -> Self {
        let rest = rest_url.trim_end_matches('/');
        let address = rest.split("://").nth(1).unwrap_or(rest);
        Self {
            name: address.to_owned(),
            bootstrap: bootstrap.to_owned(),
            inner_bootstrap: None,
            client: Secretive::default(),
            inner_client: Secretive::default(),
            rest: RestMeans::default(),
            group_id: None,
            topics: TopicNames::default(),
            version: None,
            settings: BTreeMap::new(),
            data: None,
            workers: vec![InventoryWorker {
                name: WorkerName::new("w1").expect("the name is plain"),
                rest: rest.to_owned(),
                id: None,
                control: None,
            }],
            max_down: 0,
            watch: None,
            stop_when: StopWhen::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_addresses_are_an_inventory_that_touches_nothing() {
        let inventory = Inventory::of("127.0.0.1:9092", "http://connect:8083/");
        assert_eq!(inventory.workers[0].rest, "http://connect:8083");
        assert_eq!(inventory.workers[0].worker_id(), "connect:8083");
        assert_eq!(inventory.workers[0].control, None);
        assert_eq!((inventory.max_down, inventory.group_id), (0, None));
    }
}
