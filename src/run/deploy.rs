//! Deploying a route: topics, taps, connectors, and the wait until each task runs on exactly one worker.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::connect::rest::ConnectorStatus;
use crate::connect::{Rest, RestError};
use crate::journal::{Attendance, Deadline, Phase, What};
use crate::kafka::Isolation;
use crate::model::{
    ConnectorName, Decode, Direction, Medium, Origin, Place, PlannedFault, RecordCodec, Refusal,
    StreamId, Target, TaskId,
};
use crate::places::{Decoder, Tap};
use crate::verify::told_apart;

use super::conductor::{Conductor, RunError, TimedOut};
use super::told;

const CREATE_LIMIT: Duration = Duration::from_secs(30);
const RUNNING_LIMIT: Duration = Duration::from_secs(90);

/// The name of the second observation file of an exactly-once tap.
pub fn uncommitted_name(place: &str) -> String {
    format!("{place}!uncommitted")
}

impl Conductor<'_> {
    /// Makes topics, starts taps, creates connectors and waits for their tasks.
    pub fn deploy(&mut self, stream: StreamId) -> Result<(), RunError> {
        self.begin(Phase::Deploy);
        self.make_topics()?;
        self.start_taps(stream)?;
        let names = self.create_connectors()?;
        self.wait_for_tasks(&names)
    }

    /// The connectors' configurations with `${…}` replaced.
    pub fn connector_configs(&self) -> BTreeMap<ConnectorName, BTreeMap<String, String>> {
        told::connector_configs(self.scenario, self.runtime.as_ref())
    }

    /// Whether the source in front of this leg writes in transactions.
    pub fn is_exactly_once(&self, leg: usize) -> bool {
        let enabled = self
            .scenario
            .connect
            .config
            .get("exactly.once.source.support")
            .is_some_and(|value| value.eq_ignore_ascii_case("enabled"));
        let source = self
            .scenario
            .route
            .legs
            .get(leg)
            .is_some_and(|(connector, _)| connector.direction == Direction::Source);
        enabled && source
    }

    fn make_topics(&self) -> Result<(), RunError> {
        let replication = if self.scenario.kafka.brokers >= 3 {
            3
        } else {
            1
        };
        for place in self.scenario.route.places() {
            if let Medium::Topic(topic) = &place.medium {
                self.admin
                    .create_topic(
                        topic,
                        place.partitions,
                        replication,
                        &BTreeMap::new(),
                        Deadline::after(CREATE_LIMIT),
                    )
                    .map_err(RunError::environment)?;
            }
        }
        Ok(())
    }

    /// The codec of this run's records.
    pub fn codec(&self, stream: StreamId) -> Result<RecordCodec, RunError> {
        let spec = self.scenario.stream;
        RecordCodec::new(stream, spec.record_size_bytes, spec.lanes).map_err(RunError::environment)
    }

    fn start_taps(&mut self, stream: StreamId) -> Result<(), RunError> {
        let legs: Vec<Place> = self.scenario.route.taps().cloned().collect();
        for (leg, place) in legs.iter().enumerate() {
            let exactly_once = self.is_exactly_once(leg);
            let isolation = if exactly_once {
                Isolation::ReadCommitted
            } else {
                Isolation::ReadUncommitted
            };
            let tap = self.start_tap(stream, place, place.name.as_str(), isolation)?;
            self.taps.push((place.name.clone(), tap));
            if exactly_once {
                let name = uncommitted_name(place.name.as_str());
                let tap = self.start_tap(stream, place, &name, Isolation::ReadUncommitted)?;
                self.uncommitted.push((name, tap));
            }
        }
        Ok(())
    }

    fn start_tap(
        &self,
        stream: StreamId,
        place: &Place,
        file: &str,
        isolation: Isolation,
    ) -> Result<Tap, RunError> {
        let writer = self
            .folder
            .write_observations(file)
            .map_err(RunError::environment)?;
        let decoder = match &place.decode {
            Decode::Line => Decoder::Line(self.codec(stream)?),
            Decode::Pointers { lane, sequence } => Decoder::Pointers {
                lane: lane.clone(),
                sequence: sequence.clone(),
            },
        };
        let lanes = self.scenario.stream.lanes;
        let attendance = Attendance::begin(format!("tap {file}"), self.journal);
        let started = match &place.medium {
            Medium::Topic(topic) => Tap::start_topic(
                &self.cluster,
                topic,
                isolation,
                decoder,
                lanes,
                attendance,
                writer,
            ),
            Medium::File(file) => Tap::start_file(
                &self.runtime.data_folder().join(file),
                decoder,
                lanes,
                attendance,
                writer,
            ),
        };
        started.map_err(RunError::environment)
    }

    /// The REST interface of any worker that is up.
    pub fn rest(&self) -> Result<Rest, RunError> {
        told::rest(self.scenario, self.runtime.as_ref())
    }

    /// What the answer to creating this connector means for the run.
    fn not_created(&self, name: &ConnectorName, error: RestError) -> RunError {
        let mut connectors = self.scenario.route.connectors();
        let index = connectors.position(|connector| connector.name == *name);
        match (index, error) {
            (
                Some(connector),
                RestError::Refused {
                    status: 400,
                    message,
                    ..
                },
            ) => RunError::Refused(vec![Refusal {
                connector,
                name: name.clone(),
                setting: None,
                why: message,
            }]),
            (_, error) => RunError::environment(error),
        }
    }

    fn create_connectors(&mut self) -> Result<Vec<ConnectorName>, RunError> {
        let rest = self.rest()?;
        let mut names = Vec::new();
        for (name, config) in self.connector_configs() {
            rest.put_config(&name, &config, Deadline::after(CREATE_LIMIT))
                .map_err(|error| self.not_created(&name, error))?;
            self.journal.record(What::ConnectorCreated(name.clone()));
            names.push(name);
        }
        Ok(names)
    }

    fn wait_for_tasks(&mut self, names: &[ConnectorName]) -> Result<(), RunError> {
        let workers = self.scenario.connect.workers.iter().cloned().collect();
        let waited = self.wait_until(RUNNING_LIMIT, |run| {
            if run.live.failed_task(names).is_some() {
                return Ok(());
            }
            let waiting = names
                .iter()
                .find(|name| !run.live.task_counts.contains_key(name));
            if let Some(name) = waiting {
                return Err(format!("connector {name} has no task yet"));
            }
            let tasks = run.live.tasks_of(names);
            run.live.standing.balanced(&workers, &tasks)?;
            let sinks = told_apart(run.scenario);
            run.live.standing.sinks_settled(&sinks, &tasks)?;
            run.tasks = tasks;
            Ok(())
        })?;
        if let Some((task, trace)) = self.live.failed_task(names) {
            return Err(RunError::Environment(format!(
                "task {task} failed when it was deployed; check the connector's config. Its trace:\n{trace}"
            )));
        }
        if let Err(TimedOut(seen)) = waited {
            let states = self
                .rest()?
                .status_all(Duration::from_secs(5))
                .map(|all| in_words(&all))
                .unwrap_or_default();
            return Err(RunError::Environment(format!(
                "the connectors' tasks did not run within {} s: {seen}{states}",
                RUNNING_LIMIT.as_secs()
            )));
        }
        self.journal.record(What::TasksRunning {
            tasks: self.tasks.clone(),
        });
        match without_aim(&self.plan.faults, &self.tasks) {
            Some(why) => Err(RunError::Environment(why)),
            None => Ok(()),
        }
    }

    /// Whether the first connector makes the records itself.
    pub fn is_generated(&self) -> bool {
        match self.scenario.route.origin {
            Origin::Generated => true,
            Origin::Feed(_) => false,
        }
    }
}

/// Why a fault will find no owner: how many tasks a connector makes is its own affair, so that only those that run tell.
fn without_aim(faults: &[PlannedFault], tasks: &[TaskId]) -> Option<String> {
    let missing = faults.iter().find_map(|fault| match &fault.target {
        Target::Owner(task) if !tasks.contains(task) => Some(task),
        _ => None,
    })?;
    let own = tasks
        .iter()
        .filter(|task| task.connector == missing.connector);
    let own: Vec<String> = own.map(ToString::to_string).collect();
    Some(format!(
        "a fault is aimed at the owner of {missing}, and the running connector has {} only: aim it at one of these",
        own.join(", ")
    ))
}

/// What REST says of connectors that do not run, with the first lines of their traces.
fn in_words(all: &BTreeMap<ConnectorName, ConnectorStatus>) -> String {
    let mut words = String::new();
    for (name, status) in all.iter().filter(|(_, status)| status.state != "RUNNING") {
        words.push_str(&format!("; connector {name} is {}", status.state));
        if let Some(trace) = &status.trace {
            words.push_str(&format!(":\n{trace}"));
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Due, FaultId, FaultKind, Restart};

    #[test]
    fn a_fault_at_a_task_that_the_connector_did_not_make_is_told_before_anything_flows() {
        let task = |name: &str| name.parse::<TaskId>().unwrap();
        let fault = |target: &str| PlannedFault {
            id: FaultId(1),
            due: Due::At { ms: 0 },
            kind: FaultKind::Kill,
            target: Target::Owner(task(target)),
            restart: Restart::Never,
            draw: 0,
        };
        let tasks = [task("m-0"), task("m-1"), task("s-0")];
        assert_eq!(without_aim(&[fault("m-1")], &tasks), None);
        let why = without_aim(&[fault("s-0"), fault("m-2")], &tasks).unwrap();
        assert!(
            why.contains("owner of m-2, and the running connector has m-0, m-1 only"),
            "{why}"
        );
    }
}
