//! Names, addresses, ports, settings and command lines of all containers of one attempt to start a cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use crate::model::{KafkaVersion, WorkerName};

use super::super::process::config::{self, Listeners, Logger, WorkerFacts};
use super::super::process::installation::Role;
use super::super::process::launch::{flags, main_class};
use super::super::process::ports::free_ports;
use super::super::process::probe::Probe;
use super::super::process::{plugins, storage};
use super::super::{ClusterSpec, RuntimeError, private};
use super::image::{Image, Prepared};
use super::node::Plan;

/// Where brokers listen for containers, for controllers, and for this machine, inside their containers.
const INNER_PORT: u16 = 9092;
const CONTROLLER_PORT: u16 = 9093;
const HOST_PORT: u16 = 19092;
/// Where workers listen, inside their containers.
pub const REST_PORT: u16 = 8083;
/// Where the official image has Kafka's jars.
const LIBS: &str = "/opt/kafka/libs/*";
/// A broker's data, in its container: it goes with the container and stays over its restarts.
const BROKER_DATA: &str = "/tmp/squall-broker";
/// Longest label of a DNS name.
const LONGEST_LABEL: usize = 63;

/// A network with room for all containers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subnet {
    first: u32,
    size: u32,
}

impl Subnet {
    /// Reads `172.18.0.0/16`; `None` for anything else, and for networks of fewer than 32 addresses.
    pub fn parse(text: &str) -> Option<Self> {
        let (base, length) = text.split_once('/')?;
        let base: Ipv4Addr = base.parse().ok()?;
        let length: u32 = length
            .parse()
            .ok()
            .filter(|length| (1..=27).contains(length))?;
        let size = 1_u32 << (32 - length);
        Some(Self {
            first: u32::from(base) & !(size - 1),
            size,
        })
    }

    /// The n-th address from the top: the engine gives its own from the bottom.
    pub fn address(self, n: usize) -> String {
        let n = u32::try_from(n).unwrap_or(0);
        Ipv4Addr::from(self.first + self.size - 2 - n).to_string()
    }
}

/// A container's network is changed once after its start: its program begins when that is over, told by a file whose name
/// comes first among the arguments.
const AT_GATE: &str = "until [ -e \"$1\" ]; do sleep 0.05; done; shift;";

/// Everything of one attempt that does not change any more.
pub struct Layout {
    /// The containers: brokers first, then workers in the scenario's order.
    pub plans: Vec<Plan>,
    /// `bootstrap.servers` on this machine.
    pub bootstrap: String,
    /// `bootstrap.servers` in the containers.
    pub inner_bootstrap: String,
    /// What all workers have in common.
    pub settings: BTreeMap<String, String>,
}

/// What the plans are made from.
struct Draft<'a> {
    spec: &'a ClusterSpec,
    prepared: &'a Prepared,
    temp: &'a Path,
    user: String,
}

/// The name of the run's network.
pub fn network_name(run: &str) -> String {
    format!("squall-{run}")
}

impl Layout {
    /// Finds ports and writes all settings into `temp`, which must be empty.
    pub fn new(
        spec: &ClusterSpec,
        prepared: &Prepared,
        temp: &Path,
        attempt: u32,
    ) -> Result<Self, RuntimeError> {
        let brokers = usize::try_from(spec.brokers).unwrap_or(1);
        let salt = (u64::from(std::process::id()) << 32)
            ^ crate::journal::unix_us().unsigned_abs()
            ^ u64::from(attempt);
        let ports = free_ports(brokers + spec.workers.len(), salt)?;
        let (broker_ports, rest_ports) = ports.split_at(brokers);
        let prefix = network_name(spec.ledger.run());
        let broker_hosts: Vec<String> = (1..=brokers)
            .map(|id| format!("{prefix}-broker-{id}"))
            .collect();
        let bootstrap = joined(broker_ports.iter().map(|port| format!("127.0.0.1:{port}")));
        let inner_bootstrap = joined(
            broker_hosts
                .iter()
                .map(|host| format!("{host}:{INNER_PORT}")),
        );
        let plugin_path = plugins::plugin_path(&temp.join("plugins"), &prepared.plugins)?;
        let facts = WorkerFacts {
            bootstrap: &inner_bootstrap,
            group_id: &spec.group_id,
            brokers: spec.brokers,
            version: spec.connect_version,
            plugin_path: &plugin_path,
            own_plugins: !prepared.plugins.is_empty(),
            config: &spec.worker_config,
        };
        let draft = Draft {
            spec,
            prepared,
            temp,
            user: format!(
                "{}:{}",
                rustix::process::geteuid().as_raw(),
                rustix::process::getegid().as_raw()
            ),
        };
        let cluster_id = storage::random_id()?;
        let mut plans = Vec::new();
        for (index, (host, port)) in broker_hosts.iter().zip(broker_ports).enumerate() {
            plans.push(draft.broker(index, host, *port, &broker_hosts, &cluster_id)?);
        }
        let hosts = worker_hosts(&prefix, &spec.workers);
        for ((worker, host), port) in spec.workers.iter().zip(hosts).zip(rest_ports) {
            plans.push(draft.worker(worker, host, *port, &facts)?);
        }
        Ok(Self {
            plans,
            settings: config::shared_worker(&facts),
            bootstrap,
            inner_bootstrap,
        })
    }
}

impl Draft<'_> {
    fn broker(
        &self,
        index: usize,
        host: &str,
        port: u16,
        hosts: &[String],
        cluster_id: &str,
    ) -> Result<Plan, RuntimeError> {
        let id = u32::try_from(index + 1).expect("small number");
        let name = format!("broker-{id}");
        let settings = config::broker_with(
            id,
            hosts.len(),
            listeners(host, port, hosts),
            Path::new(BROKER_DATA),
        );
        let version = self.spec.kafka_version;
        let (properties, java) = self.java(Role::Broker, &name, version, &settings, &[])?;
        // The tool writes the folder once; the broker then takes the shell's place as the container's first process.
        let script = format!(
            "{AT_GATE} java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp '{LIBS}' kafka.tools.StorageTool format \
             --ignore-formatted -t \"$1\" -c \"$2\" && shift 2 && exec java \"$@\""
        );
        let mut arguments = vec![
            "-c".to_owned(),
            script,
            "sh".to_owned(),
            self.gate(&name),
            cluster_id.to_owned(),
            properties.display().to_string(),
        ];
        arguments.extend(java);
        Ok(Plan {
            gate: self.gate(&name).into(),
            name,
            worker: None,
            container: host.to_owned(),
            image: self.prepared.broker.clone(),
            entry_point: "/bin/sh".to_owned(),
            arguments,
            inner_port: HOST_PORT,
            port,
            probe: Probe::Broker(port),
            ..self.common()
        })
    }

    fn worker(
        &self,
        worker: &WorkerName,
        host: String,
        port: u16,
        facts: &WorkerFacts<'_>,
    ) -> Result<Plan, RuntimeError> {
        let name = worker.to_string();
        let settings = config::worker_at(facts, "0.0.0.0", &host, REST_PORT);
        let version = self.spec.connect_version;
        let jars = &self.prepared.more_jars;
        let (_, java) = self.java(Role::Worker, &name, version, &settings, jars)?;
        let script = format!("{AT_GATE} exec java \"$@\"");
        let mut arguments = vec!["-c".to_owned(), script, "sh".to_owned(), self.gate(&name)];
        arguments.extend(java);
        Ok(Plan {
            gate: self.gate(&name).into(),
            name,
            worker: Some(worker.clone()),
            container: host,
            image: self.prepared.worker.clone(),
            entry_point: "/bin/sh".to_owned(),
            arguments,
            inner_port: REST_PORT,
            port,
            probe: Probe::Worker(port),
            ..self.common()
        })
    }

    /// The file that lets a container's program begin.
    fn gate(&self, name: &str) -> String {
        let file = self.temp.join(format!("{name}-gate"));
        file.display().to_string()
    }

    fn common(&self) -> Plan {
        let mut read_only = vec![self.temp.to_owned()];
        read_only.extend(self.prepared.plugins.iter().cloned());
        read_only.extend(self.prepared.more_jars.iter().cloned());
        Plan {
            name: String::new(),
            worker: None,
            container: String::new(),
            image: Image {
                name: String::new(),
                id: String::new(),
                digest: None,
            },
            entry_point: String::new(),
            arguments: Vec::new(),
            inner_port: 0,
            port: 0,
            probe: Probe::Worker(0),
            user: self.user.clone(),
            folder: self.spec.data.clone(),
            read_only,
            read_write: vec![self.spec.data.clone(), self.spec.logs.clone()],
            gate: PathBuf::new(),
            logs: self.spec.logs.clone(),
        }
    }

    /// Writes the settings; returns their file and the arguments of `java`: those of the process runtime, less the
    /// class-data archive, which fits only the Java that made it.
    fn java(
        &self,
        role: Role,
        name: &str,
        version: KafkaVersion,
        settings: &BTreeMap<String, String>,
        more_jars: &[PathBuf],
    ) -> Result<(PathBuf, Vec<String>), RuntimeError> {
        let logger = if version.at_least(4, 0) {
            Logger::Two
        } else {
            Logger::One
        };
        let properties = self.temp.join(format!("{name}.properties"));
        let logger_file = self.temp.join(format!("{name}-logger.properties"));
        for (path, text) in [
            (&properties, config::properties(settings)),
            (&logger_file, logger.configuration()),
        ] {
            private::write(path, text)?;
        }
        let errors = self.spec.logs.join(format!("{name}.hs_err"));
        let mut class_path = vec![LIBS.to_owned()];
        class_path.extend(more_jars.iter().map(|jar| jar.display().to_string()));
        let mut arguments = vec![
            self.spec.ledger.token(),
            format!("-Dsquall.name={name}"),
            "-Duser.timezone=UTC".to_owned(),
            format!("-XX:ErrorFile={}", errors.display()),
            format!("-D{}=file:{}", logger.property(), logger_file.display()),
        ];
        arguments.extend(flags(role, self.spec.style).into_iter().map(str::to_owned));
        arguments.extend([
            "-cp".to_owned(),
            class_path.join(":"),
            main_class(role).to_owned(),
            properties.display().to_string(),
        ]);
        Ok((properties, arguments))
    }
}

/// Three listeners: metadata leads clients to the advertised address, so containers and this machine need one each.
fn listeners(host: &str, port: u16, hosts: &[String]) -> Listeners {
    let voters = (1..)
        .zip(hosts)
        .map(|(id, host): (u32, _)| format!("{id}@{host}:{CONTROLLER_PORT}"));
    Listeners {
        listeners: format!(
            "CONTAINERS://0.0.0.0:{INNER_PORT},HOST://0.0.0.0:{HOST_PORT},CONTROLLER://0.0.0.0:{CONTROLLER_PORT}"
        ),
        advertised: format!("CONTAINERS://{host}:{INNER_PORT},HOST://127.0.0.1:{port}"),
        protocols: "CONTAINERS:PLAINTEXT,HOST:PLAINTEXT,CONTROLLER:PLAINTEXT".to_owned(),
        between_brokers: "CONTAINERS",
        voters: joined(voters),
    }
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(",")
}

/// Container names that are host names too: a host name has letters, digits and dashes only, and at most 63 of them.
fn worker_hosts(prefix: &str, workers: &[WorkerName]) -> Vec<String> {
    let mut taken = BTreeSet::new();
    let plain = |worker: &WorkerName| -> String {
        let keep = |c: char| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                '-'
            }
        };
        let name: String = worker.as_str().chars().map(keep).collect();
        format!("{prefix}-{}", name.trim_matches('-'))
    };
    (1..)
        .zip(workers)
        .map(|(n, worker): (u32, _)| {
            let wanted = plain(worker);
            let fits = wanted.len() <= LONGEST_LABEL && !wanted.ends_with('-');
            if fits && taken.insert(wanted.clone()) {
                wanted
            } else {
                format!("{prefix}-worker-{n}")
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_from_the_top_of_the_network() {
        let subnet = Subnet::parse("172.18.0.0/16").unwrap();
        assert_eq!(subnet.address(0), "172.18.255.254");
        assert_eq!(
            Subnet::parse("10.1.2.0/24").unwrap().address(3),
            "10.1.2.251"
        );
        assert_eq!(Subnet::parse("10.1.2.0/30"), None);
        assert_eq!(Subnet::parse("fd00::/64"), None);
    }

    #[test]
    fn host_names_are_valid_and_different() {
        let names = ["w1", "W_2", "w-2", "_", &"x".repeat(80)];
        let workers = names.map(|name| WorkerName::new(name).unwrap());
        assert_eq!(
            worker_hosts("squall-r", &workers),
            vec![
                "squall-r-w1",
                "squall-r-w-2",
                "squall-r-worker-3",
                "squall-r-worker-4",
                "squall-r-worker-5"
            ]
        );
    }

    #[test]
    fn a_broker_is_known_to_containers_by_name_and_to_this_machine_by_port() {
        let hosts = ["a-broker-1", "a-broker-2"].map(str::to_owned);
        let found = listeners("a-broker-2", 15_001, &hosts);
        assert_eq!(
            found.advertised,
            "CONTAINERS://a-broker-2:9092,HOST://127.0.0.1:15001"
        );
        assert_eq!(found.voters, "1@a-broker-1:9093,2@a-broker-2:9093");
    }
}
