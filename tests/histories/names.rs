//! Names as a journal has them.

use squall::model::{ConnectorName, PlaceName, TaskId, WorkerName};

use super::cluster::Task;

pub fn worker_name(number: usize) -> WorkerName {
    WorkerName::new(&format!("w{}", number + 1)).expect("a worker's name")
}

/// The REST address that a worker advertises.
pub fn worker_id(number: usize) -> String {
    format!("127.0.0.1:{}", 30_001 + number)
}

pub fn connector_name(leg: usize) -> ConnectorName {
    ConnectorName::new(&format!("c{leg}")).expect("a connector's name")
}

pub fn task_id(task: Task) -> TaskId {
    TaskId {
        connector: connector_name(task.0),
        task: task.1,
    }
}

/// The feed is place 0, what is behind leg n is place n + 1.
pub fn place(number: usize) -> PlaceName {
    PlaceName::new(&place_text(number)).expect("a place's name")
}

pub fn place_text(number: usize) -> String {
    format!("t{number}")
}
