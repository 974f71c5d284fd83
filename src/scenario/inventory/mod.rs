//! The inventory of an attached cluster: how it is reached, what of it may be touched, and how each worker is controlled.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use crate::model::{ConnectorName, KafkaVersion, WorkerName};

mod keys;
mod read;

#[cfg(test)]
mod tests;

pub(super) use keys::INVENTORY;
pub use read::{has_user, is_loopback, parse};

/// Inventories that come with the program: file name and text.
pub const BUNDLED: [(&str, &str); 1] = [(
    "compose.yaml",
    include_str!("../../../scenarios/inventories/compose.yaml"),
)];

/// A cluster that somebody else runs, as an inventory file describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inventory {
    /// What the file calls it; for reports.
    pub name: String,
    /// `bootstrap.servers` as reached from here.
    pub bootstrap: String,
    /// `bootstrap.servers` as the workers reach the brokers, where that differs.
    pub inner_bootstrap: Option<String>,
    /// Further client settings in librdkafka's names, such as `security.protocol`; passwords are among them.
    pub client: Secretive,
    /// Client settings in Java's names that Kafka's own MirrorSource needs to reach the brokers from within a worker;
    /// passwords are among them.
    pub inner_client: Secretive,
    /// How the REST interfaces are spoken to.
    pub rest: RestMeans,
    /// `group.id` of the workers; found through the group's members when left out.
    pub group_id: Option<String>,
    /// The internal topics; those of Kafka's own sample configuration when left out.
    pub topics: TopicNames,
    /// The workers' release; asked of a worker when left out.
    pub version: Option<KafkaVersion>,
    /// What the workers' properties files set, as far as it differs from Connect's defaults: bounds and attributions of
    /// the report rest on it. Read from the workers' logs where these can be read.
    pub settings: BTreeMap<String, String>,
    /// A folder that has the same path here and for all workers; needed for routes with files.
    pub data: Option<PathBuf>,
    /// The workers, in the order of the file.
    pub workers: Vec<InventoryWorker>,
    /// The most workers that may be down at once.
    pub max_down: u32,
    /// Connectors that are not ours and are to be watched; all of them when `None`.
    pub watch: Option<Vec<ConnectorName>>,
    /// When the run is to be ended at once and undone.
    pub stop_when: StopWhen,
}

/// Names of Connect's internal topics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicNames {
    /// `config.storage.topic`.
    pub config: String,
    /// `offset.storage.topic`.
    pub offsets: String,
    /// `status.storage.topic`.
    pub status: String,
}

impl Default for TopicNames {
    /// Those of `config/connect-distributed.properties` in Kafka's own distribution.
    fn default() -> Self {
        Self {
            config: "connect-configs".to_owned(),
            offsets: "connect-offsets".to_owned(),
            status: "connect-status".to_owned(),
        }
    }
}

/// Settings some of which are secret: their values are never shown by `Debug`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secretive(pub BTreeMap<String, String>);

impl fmt::Debug for Secretive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// How the REST interfaces are spoken to.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct RestMeans {
    /// User name and password of basic authentication.
    pub basic: Option<(String, String)>,
    /// PEM file of a private certificate authority.
    pub ca_file: Option<PathBuf>,
    /// PEM files of a client certificate and its private key.
    pub client: Option<(PathBuf, PathBuf)>,
}

impl fmt::Debug for RestMeans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RestMeans")
            .field("user", &self.basic.as_ref().map(|(user, _)| user))
            .field("ca_file", &self.ca_file)
            .field("client", &self.client)
            .finish()
    }
}

/// One worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InventoryWorker {
    /// What scenarios call it.
    pub name: WorkerName,
    /// Its REST address as reached from here, without a slash at its end.
    pub rest: String,
    /// The `host:port` that it advertises, where that differs from `rest`.
    pub id: Option<String>,
    /// How it is controlled; one without may not be touched.
    pub control: Option<Control>,
}

impl Inventory {
    /// The worker of this name.
    pub fn worker(&self, name: &WorkerName) -> Option<&InventoryWorker> {
        self.workers.iter().find(|worker| worker.name == *name)
    }

    /// The workers that may be touched, in the order of the file.
    pub fn touchable(&self) -> impl Iterator<Item = &InventoryWorker> {
        self.workers
            .iter()
            .filter(|worker| worker.control.is_some())
    }
}

impl InventoryWorker {
    /// Its worker id in Connect's words: the `host:port` that it advertises.
    pub fn worker_id(&self) -> &str {
        let address = self.rest.split("://").nth(1).unwrap_or(&self.rest);
        self.id.as_deref().unwrap_or(address)
    }
}

/// How a worker is controlled, and from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Control {
    /// What it is.
    pub way: Way,
    /// The machine on which its commands run; this one when `None`.
    pub ssh: Option<Ssh>,
}

/// What a worker is to the machine that it runs on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// A container.
    Docker {
        /// Its name or id.
        container: String,
        /// The network that it can be cut off from; the first one of the container when left out.
        network: Option<String>,
    },
    /// The container of a Compose service; there must be exactly one.
    Compose {
        /// The project.
        project: String,
        /// The service.
        service: String,
    },
    /// A systemd unit.
    Systemd {
        /// Its name.
        unit: String,
        /// Whether it belongs to the user's own manager (`systemctl --user`).
        user: bool,
    },
    /// A process whose id stands in a file.
    Process {
        /// The file.
        pid_file: PathBuf,
        /// The command that starts it again, and writes the file.
        start: String,
        /// Its log file.
        log: Option<PathBuf>,
    },
    /// Commands of the user's own, each run by `sh -c`.
    Commands(Commands),
}

/// One shell command for each thing that can be done; what is left out cannot be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Commands {
    /// Ends it at once (SIGKILL).
    pub kill: Option<String>,
    /// Asks it to stop in good order (SIGTERM), without waiting for it.
    pub stop: Option<String>,
    /// Starts it again.
    pub start: Option<String>,
    /// Makes it stand still (SIGSTOP).
    pub pause: Option<String>,
    /// Lets it go on (SIGCONT).
    pub resume: Option<String>,
    /// Takes its network.
    pub disconnect: Option<String>,
    /// Gives its network back.
    pub reconnect: Option<String>,
    /// Makes it write a thread dump into its log (SIGQUIT to a JVM); asked for when a stop takes too long.
    pub dump_threads: Option<String>,
    /// Prints `running`, `paused`, `disconnected` or `ended`: for the last with the exit status behind a blank where it
    /// is known (137 is SIGKILL), for the others with a word that is another one after each start where there is such.
    pub status: Option<String>,
    /// Prints its log from now on until it is ended; run anew just before each start, with the number of the start in
    /// `SQUALL_INCARNATION`.
    pub log: Option<String>,
}

/// A machine reached with the user's own `ssh`, its configuration, agent and known hosts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Ssh {
    /// Host name or alias of the user's configuration.
    pub host: String,
    /// User.
    pub user: Option<String>,
    /// Port.
    pub port: Option<u16>,
    /// Private key file.
    pub key: Option<PathBuf>,
    /// A configuration file instead of `~/.ssh/config`.
    pub config: Option<PathBuf>,
}

/// Conditions under which a run ends at once and undoes everything; all are about connectors that are not ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StopWhen {
    /// No worker's REST interface answered for this long.
    pub rest_down_ms: Option<u64>,
    /// The brokers told nothing of the workers' group for this long.
    pub brokers_down_ms: Option<u64>,
    /// Tasks of other connectors were owned by nobody for this long.
    pub unowned_ms: Option<u64>,
    /// More tasks of other connectors than this have FAILED since the run began.
    pub failed_tasks: Option<u32>,
    /// More ERROR lines a minute than this in the workers' logs.
    pub errors_per_minute: Option<u32>,
}

impl Default for StopWhen {
    /// REST silent for two minutes, brokers for one, tasks of others without an owner for ten, or any task of others newly
    /// FAILED.
    fn default() -> Self {
        Self {
            rest_down_ms: Some(120_000),
            brokers_down_ms: Some(60_000),
            unowned_ms: Some(600_000),
            failed_tasks: Some(0),
            errors_per_minute: None,
        }
    }
}
