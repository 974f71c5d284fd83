//! Where everything of one attempt to start a cluster stands, and on which ports.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;

use crate::model::WorkerName;

use super::super::{ClusterSpec, RuntimeError, StartStyle, private};
use super::config::{self, BrokerPorts, WorkerFacts};
use super::installation::Role;
use super::launch::{Archive, Launch, logger_of};
use super::node::{Node, Slot};
use super::ports::free_ports;
use super::prepare::Prepared;
use super::probe::Probe;
use super::{plugins, storage};

/// Where everything of one attempt to start stands, and on which ports.
pub struct Layout<'a> {
    spec: &'a ClusterSpec,
    prepared: &'a Prepared,
    temp: PathBuf,
    brokers: Vec<BrokerPorts>,
    rest: Vec<u16>,
    plugin_path: String,
    earlier_starts: u32,
}

impl<'a> Layout<'a> {
    /// Finds ports and makes the plugin path folder; `temp` must be empty.
    pub fn new(
        spec: &'a ClusterSpec,
        prepared: &'a Prepared,
        temp: PathBuf,
        attempt: u32,
    ) -> Result<Self, RuntimeError> {
        let brokers = usize::try_from(spec.brokers).unwrap_or(1);
        let salt = (u64::from(std::process::id()) << 32)
            ^ crate::journal::unix_us().unsigned_abs()
            ^ u64::from(attempt);
        let ports = free_ports(2 * brokers + spec.workers.len(), salt)?;
        let (broker_ports, rest) = ports.split_at(2 * brokers);
        let brokers = broker_ports
            .chunks_exact(2)
            .map(|pair| BrokerPorts {
                clients: pair[0],
                controller: pair[1],
            })
            .collect();
        let plugin_path = plugins::plugin_path(&temp.join("plugins"), &prepared.plugins)?;
        Ok(Self {
            spec,
            prepared,
            temp,
            brokers,
            rest: rest.to_vec(),
            plugin_path,
            earlier_starts: attempt - 1,
        })
    }

    /// `bootstrap.servers`.
    pub fn bootstrap(&self) -> String {
        let hosts: Vec<String> = self
            .brokers
            .iter()
            .map(|ports| format!("127.0.0.1:{}", ports.clients))
            .collect();
        hosts.join(",")
    }

    /// What the workers have in common.
    pub fn facts<'f>(&'f self, bootstrap: &'f str) -> WorkerFacts<'f> {
        WorkerFacts {
            bootstrap,
            group_id: &self.spec.group_id,
            brokers: self.spec.brokers,
            version: self.spec.connect_version,
            plugin_path: &self.plugin_path,
            own_plugins: !self.prepared.plugins.is_empty(),
            config: &self.spec.worker_config,
        }
    }

    /// Formats the brokers' data folders, writes all settings, and returns all nodes, down: brokers first.
    pub fn nodes(&self) -> Result<Vec<Node>, RuntimeError> {
        let cluster_id = storage::random_id()?;
        let bootstrap = self.bootstrap();
        let mut nodes = Vec::new();
        for (id, ports) in (1..).zip(&self.brokers) {
            let data = self.temp.join(format!("broker-{id}"));
            storage::format(&self.prepared.template, &data, &cluster_id, id)?;
            let settings = config::broker(id, &self.brokers, &data);
            let launch = self.launch(Role::Broker, format!("broker-{id}"), &settings)?;
            nodes.push(self.node(launch, None, Probe::Broker(ports.clients)));
        }
        for (worker, port) in self.spec.workers.iter().zip(&self.rest) {
            let settings = config::worker(&self.facts(&bootstrap), *port);
            let launch = self.launch(Role::Worker, worker.to_string(), &settings)?;
            nodes.push(self.node(launch, Some(worker.clone()), Probe::Worker(*port)));
        }
        Ok(nodes)
    }

    fn node(&self, launch: Launch, worker: Option<WorkerName>, probe: Probe) -> Node {
        Node {
            name: launch.name.clone(),
            worker,
            launch,
            probe,
            logs: self.spec.logs.clone(),
            slot: Mutex::new(Slot {
                incarnation: self.earlier_starts,
                ..Slot::default()
            }),
        }
    }

    fn launch(
        &self,
        role: Role,
        name: String,
        settings: &BTreeMap<String, String>,
    ) -> Result<Launch, RuntimeError> {
        let (installation, archive) = match role {
            Role::Broker => (&self.prepared.broker, &self.prepared.archives.broker),
            Role::Worker => (&self.prepared.worker, &self.prepared.archives.worker),
        };
        let archive = match (self.spec.style, archive) {
            (StartStyle::Together, Some(path)) => Archive::Use(path.clone()),
            (StartStyle::Together, None) | (StartStyle::Stock, _) => Archive::None,
        };
        let properties = self.temp.join(format!("{name}.properties"));
        let logger_file = self.temp.join(format!("{name}-logger.properties"));
        for (path, text) in [
            (&properties, config::properties(settings)),
            (&logger_file, logger_of(installation).configuration()),
        ] {
            private::write(path, text)?;
        }
        Ok(Launch {
            role,
            installation: installation.clone(),
            java: self.prepared.java.clone(),
            style: self.spec.style,
            archive,
            token: self.spec.ledger.token(),
            name,
            properties,
            logger_file,
            folder: self.spec.data.clone(),
        })
    }
}
