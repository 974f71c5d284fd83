//! What may not do what it says: the scenario's warnings, and settings that by the workers' own logs nobody reads.

use std::collections::{BTreeMap, BTreeSet};

use crate::journal::{Event, LogFact, RunInfo, What};

/// The warnings of the report.
pub(super) fn warnings(info: &RunInfo, events: &[Event]) -> Vec<String> {
    let mut by_name: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for event in events {
        if let What::Log { worker, fact, .. } = &event.what
            && let LogFact::UnknownSettings { names } = fact
        {
            for name in names {
                by_name.entry(name).or_default().insert(worker.as_str());
            }
        }
    }
    let of_logs = by_name.into_iter().map(|(name, workers)| {
        let workers: Vec<&str> = workers.into_iter().collect();
        let workers = workers.join(", ");
        format!("`{name}` is read by no worker and no client, by the log of {workers}; a plugin may read it")
    });
    info.warnings.iter().cloned().chain(of_logs).collect()
}

#[cfg(test)]
mod tests {
    use super::super::world::{World, worker};
    use crate::journal::{LogFact, What};

    #[test]
    fn warnings_of_the_scenario_and_of_the_logs_are_told_once_each() {
        let mut world = World::calm(100);
        world.info.warnings = vec!["t.yaml:4:12: `linger.ms` …".to_owned()];
        for name in ["w2", "w1", "w1"] {
            let fact = LogFact::UnknownSettings {
                names: vec!["my.own".to_owned()],
            };
            let log = What::Log {
                worker: worker(name),
                incarnation: 1,
                worker_ms: 400,
                level: "INFO".to_owned(),
                fact,
                text: "These configurations '[my.own]' were supplied".to_owned(),
            };
            world.events.push((450, log));
        }
        let told = world.judge().warnings;
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[0].contains("linger.ms") && told[1].contains("`my.own` is read by no worker"));
        assert!(told[1].contains("by the log of w1, w2"), "{told:?}");
    }
}
