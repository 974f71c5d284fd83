//! What only the running workers know of a scenario: what its configuration providers give, and what Connect refuses.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::connect::Rest;
use crate::connect::rest::while_passing;
use crate::connect::worker_values::{last_in, with_provided};
use crate::journal::Deadline;
use crate::model::{Connector, ConnectorName, Refusal, is_provided};
use crate::runtime::Runtime;
use crate::scenario::{self, Scenario, Substitutions};
use crate::verify::decisive_settings;

use super::conductor::RunError;
use super::on_cluster::OnCluster;

const VALIDATE_LIMIT: Duration = Duration::from_secs(30);

/// The settings of a connector that a run and its verdict rest on. No other value of a provider is kept: most of them are
/// secrets.
const READ: [&str; 10] = [
    "consumer.override.client.id",
    "consumer.override.group.id",
    "consumer.override.group.protocol",
    "consumer.override.heartbeat.interval.ms",
    "consumer.override.isolation.level",
    "consumer.override.session.timeout.ms",
    "producer.override.transaction.timeout.ms",
    "tasks.max",
    "transaction.boundary",
    "transaction.boundary.interval.ms",
];

impl OnCluster<'_> {
    /// The same with what the workers say of settings that a configuration provider gives. Fails with everything that
    /// Connect refuses in the connectors' configurations.
    pub(super) fn with_what_workers_say(&self, runtime: &dyn Runtime) -> Result<Self, RunError> {
        let mut scenario = self.scenario.clone();
        let mut said = said_by_connect(&scenario, runtime)?;
        for (connector, _) in &mut scenario.route.legs {
            connector.told = said.remove(&connector.name).unwrap_or_default();
        }
        let mut settings = scenario.connect.config.values();
        if settings.any(|value| is_provided(value)) {
            scenario.connect.config = with_provided(
                &scenario.connect.config,
                decisive_settings(),
                &printed_at_start(runtime),
            );
        }
        Ok(Self {
            run: self.run,
            scenario,
            others: self.others.clone(),
        })
    }
}

/// The settings that each worker printed when it started.
fn printed_at_start(runtime: &dyn Runtime) -> Vec<BTreeMap<String, String>> {
    let logs = runtime.log_files().into_iter();
    let printed = logs.filter_map(|file| {
        let log = std::fs::read(&file.path).ok()?;
        Some(last_in(&String::from_utf8_lossy(&log)))
    });
    printed.filter(|values| !values.is_empty()).collect()
}

/// The connectors' configurations with `${…}` of ours replaced.
pub(super) fn connector_configs(
    scenario: &Scenario,
    runtime: &dyn Runtime,
) -> BTreeMap<ConnectorName, BTreeMap<String, String>> {
    let bootstrap = runtime.inner_bootstrap();
    let substitutions = Substitutions {
        bootstrap: &bootstrap,
        data_folder: runtime.data_folder(),
    };
    let route = &scenario.route;
    let resolved = |(index, connector): (usize, &Connector)| {
        (
            connector.name.clone(),
            scenario::resolve_config(route, index, &substitutions),
        )
    };
    route.connectors().enumerate().map(resolved).collect()
}

/// The REST interface of any worker that is up.
pub(super) fn rest(scenario: &Scenario, runtime: &dyn Runtime) -> Result<Rest, RunError> {
    let mut workers = scenario.connect.workers.iter();
    let up = workers.find(|worker| runtime.is_up(worker));
    let url = up.and_then(|worker| runtime.rest_url(worker));
    let url = url.ok_or_else(|| RunError::Environment("no worker is up".to_owned()))?;
    Rest::with_access(&url, &runtime.rest_access()).map_err(RunError::environment)
}

/// What Connect says that the settings are which no file of ours has, by connector. It is asked about every configuration
/// before the first connector is created, so that all mistakes come out at once. A worker that gives no answer to this
/// question is asked to create the connector, and its answer to that counts.
fn said_by_connect(
    scenario: &Scenario,
    runtime: &dyn Runtime,
) -> Result<BTreeMap<ConnectorName, BTreeMap<String, String>>, RunError> {
    let rest = rest(scenario, runtime)?;
    let configs = connector_configs(scenario, runtime);
    let (mut said, mut refusals) = (BTreeMap::new(), Vec::new());
    for (index, connector) in scenario.route.connectors().enumerate() {
        let Some(mut config) = configs.get(&connector.name).cloned() else {
            continue;
        };
        config.insert("name".to_owned(), connector.name.to_string());
        let class = config.get("connector.class").cloned().unwrap_or_default();
        let answer = while_passing(Deadline::after(VALIDATE_LIMIT), |left| {
            rest.validate(&class, &config, left)
        });
        let Ok(mut validation) = answer else { continue };
        validation
            .values
            .retain(|name, _| is_only_said(name, connector));
        said.insert(connector.name.clone(), validation.values);
        let of_setting = |(setting, errors): (String, Vec<String>)| Refusal {
            connector: index,
            name: connector.name.clone(),
            setting: Some(setting),
            why: errors.join("; "),
        };
        refusals.extend(validation.errors.into_iter().map(of_setting));
    }
    match refusals.is_empty() {
        true => Ok(said),
        false => Err(RunError::Refused(refusals)),
    }
}

/// Whether the run needs this setting, and its text does not have the value.
fn is_only_said(name: &str, connector: &Connector) -> bool {
    READ.contains(&name)
        && connector
            .config
            .get(name)
            .is_some_and(|text| is_provided(text))
}
