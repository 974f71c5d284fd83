//! The container engine: one client and the threads that its calls run on, shared by all clusters of this program.

use std::collections::HashMap;
use std::future::Future;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use testcontainers::bollard::Docker;
use testcontainers::bollard::errors::Error;
use testcontainers::bollard::models::{
    ContainerInspectResponse, ContainerSummary, EndpointIpamConfig, EndpointSettings,
    NetworkConnectRequest, NetworkDisconnectRequest,
};
use testcontainers::bollard::query_parameters::{
    InspectContainerOptions, KillContainerOptions, ListContainersOptions, ListNetworksOptions,
    RemoveContainerOptions, StartContainerOptions,
};
use testcontainers::core::client::docker_client_instance;

use crate::connect::install_crypto;
use crate::journal::Deadline;

use super::super::RuntimeError;

/// How long one call to the engine may take.
pub const CALL_LIMIT: Duration = Duration::from_secs(60);
/// The first question of all: an engine that is there answers at once.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
const SETTLE_LIMIT: Duration = Duration::from_secs(5);
const SETTLE_POLL: Duration = Duration::from_millis(50);
/// The oldest API that the runtime was tried with.
pub const LEAST_API: (u32, u32) = (1, 41);

/// What the engine says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Its version.
    pub version: String,
    /// Its newest API, like `1.41`.
    pub api: String,
    /// Whether it calls itself Podman.
    pub is_podman: bool,
    /// Its cgroup version.
    pub cgroup: String,
    /// Where it keeps images and containers.
    pub data_root: PathBuf,
    /// The name of the machine it runs on.
    pub machine: String,
}

impl Facts {
    /// Whether the API is new enough.
    pub fn api_will_do(&self) -> bool {
        api_number(&self.api).is_some_and(|api| api >= LEAST_API)
    }
}

fn api_number(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// A client of the engine and the threads that its calls run on.
pub struct Engine {
    runtime: tokio::runtime::Runtime,
    /// The client.
    pub docker: Docker,
}

/// One client for all clusters of this program: its connections belong to the threads that opened them.
static SHARED: Mutex<Weak<Engine>> = Mutex::new(Weak::new());

/// The name of a container or network, and its labels.
pub type Labelled = (String, HashMap<String, String>);

impl Engine {
    /// The engine that the environment names (`DOCKER_HOST`, or the usual socket); fails when none answers. Must not be
    /// called from a thread of an asynchronous runtime.
    pub fn connect() -> Result<Arc<Self>, RuntimeError> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(engine) = shared.upgrade() {
            return Ok(engine);
        }
        install_crypto();
        let failed = |why: String| RuntimeError::NoEngine { why };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("engine")
            .enable_all()
            .build()
            .map_err(|error| failed(error.to_string()))?;
        let docker = runtime
            .block_on(docker_client_instance())
            .map_err(|error| failed(in_words(&error)))?;
        let pong =
            runtime.block_on(async { tokio::time::timeout(CONNECT_LIMIT, docker.ping()).await });
        match pong {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return Err(failed(in_words(&error))),
            Err(_) => {
                return Err(failed(format!(
                    "no answer within {} s",
                    CONNECT_LIMIT.as_secs()
                )));
            }
        }
        let engine = Arc::new(Self { runtime, docker });
        *shared = Arc::downgrade(&engine);
        Ok(engine)
    }

    /// Runs this on the engine's threads and waits for it.
    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// One call with the usual limit; `action` says what was asked, with its subject.
    pub fn call<T>(
        &self,
        action: &str,
        future: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, RuntimeError> {
        self.try_call(future).map_err(|refusal| refusal.of(action))
    }

    /// [`Self::call`] for callers who look at the refusal first.
    pub fn try_call<T>(
        &self,
        future: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Refusal> {
        match self.block_on(async { tokio::time::timeout(CALL_LIMIT, future).await }) {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(Error::DockerResponseServerError {
                status_code,
                message,
            })) => Err(Refusal {
                status: Some(status_code),
                why: message,
            }),
            Ok(Err(error)) => Err(Refusal {
                status: None,
                why: in_words(&error),
            }),
            Err(_) => Err(Refusal {
                status: None,
                why: format!("no answer within {} s", CALL_LIMIT.as_secs()),
            }),
        }
    }

    /// What the engine says of itself.
    pub fn facts(&self) -> Result<Facts, RuntimeError> {
        let version = self.call("say its version", self.docker.version())?;
        let info = self.call("describe itself", self.docker.info())?;
        let components = version.components.unwrap_or_default();
        Ok(Facts {
            version: version.version.unwrap_or_default(),
            api: version.api_version.unwrap_or_default(),
            is_podman: components
                .iter()
                .any(|component| component.name.to_lowercase().contains("podman")),
            cgroup: info
                .cgroup_version
                .map(|version| version.to_string())
                .unwrap_or_default(),
            data_root: info.docker_root_dir.unwrap_or_default().into(),
            machine: info.name.unwrap_or_default(),
        })
    }

    /// What the engine knows of a container.
    pub fn inspect(&self, container: &str) -> Result<ContainerInspectResponse, RuntimeError> {
        let asked = self.settled(|| {
            let options = None::<InspectContainerOptions>;
            self.docker.inspect_container(container, options)
        });
        asked.map_err(|refusal| refusal.of(&format!("inspect container {container}")))
    }

    /// Asks again for a moment while the answer has a word that the client does not know: Podman calls a container that
    /// has ended `stopped` until it has cleaned up behind it.
    fn settled<T, F>(&self, ask: impl Fn() -> F) -> Result<T, Refusal>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let deadline = Deadline::after(SETTLE_LIMIT);
        loop {
            match self.try_call(ask()) {
                Err(refusal)
                    if refusal.why.contains("unknown variant") && !deadline.has_passed() =>
                {
                    std::thread::sleep(SETTLE_POLL);
                }
                other => return other,
            }
        }
    }

    /// Starts a container that is there and down.
    pub fn start(&self, container: &str) -> Result<(), RuntimeError> {
        let options = None::<StartContainerOptions>;
        self.call(
            &format!("start container {container}"),
            self.docker.start_container(container, options),
        )
    }

    /// Sends a signal to a container's init.
    pub fn kill(&self, container: &str, signal: i32) -> Result<(), Refusal> {
        let options = KillContainerOptions {
            signal: signal.to_string(),
        };
        self.try_call(self.docker.kill_container(container, Some(options)))
    }

    /// Takes a container off a network.
    pub fn disconnect(&self, container: &str, network: &str) -> Result<(), Refusal> {
        let request = NetworkDisconnectRequest {
            container: container.to_owned(),
            force: None,
        };
        self.try_call(self.docker.disconnect_network(network, request))
    }

    /// Puts a container on a network with this address.
    pub fn reconnect(&self, container: &str, network: &str, address: &str) -> Result<(), Refusal> {
        let request = NetworkConnectRequest {
            container: container.to_owned(),
            endpoint_config: Some(EndpointSettings {
                ipam_config: Some(EndpointIpamConfig {
                    ipv4_address: Some(address.to_owned()),
                    ..EndpointIpamConfig::default()
                }),
                ..EndpointSettings::default()
            }),
        };
        self.try_call(self.docker.connect_network(network, request))
    }

    /// Removes a container whatever it does; one that is not there is fine.
    pub fn remove(&self, container: &str) -> Result<(), RuntimeError> {
        let options = RemoveContainerOptions {
            v: true,
            force: true,
            link: false,
        };
        gone_is_fine(self.try_call(self.docker.remove_container(container, Some(options))))
            .map_err(|refusal| refusal.of(&format!("remove container {container}")))
    }

    /// Removes a network; one that is not there is fine.
    pub fn remove_network(&self, network: &str) -> Result<(), RuntimeError> {
        gone_is_fine(self.try_call(self.docker.remove_network(network)))
            .map_err(|refusal| refusal.of(&format!("remove network {network}")))
    }

    /// All containers, running or not, that carry this label (`key` or `key=value`).
    pub fn containers_with(&self, label: &str) -> Result<Vec<ContainerSummary>, RuntimeError> {
        let listed = self.settled(|| {
            let options = ListContainersOptions {
                all: true,
                filters: Some(by_label(label)),
                ..ListContainersOptions::default()
            };
            self.docker.list_containers(Some(options))
        });
        listed.map_err(|refusal| refusal.of("list containers"))
    }

    /// Names and labels of all networks that carry this label.
    pub fn networks_with(&self, label: &str) -> Result<Vec<Labelled>, RuntimeError> {
        let options = ListNetworksOptions {
            filters: Some(by_label(label)),
        };
        let found = self.call("list networks", self.docker.list_networks(Some(options)))?;
        Ok(found
            .into_iter()
            .filter_map(|network| Some((network.name?, network.labels.unwrap_or_default())))
            .collect())
    }
}

fn by_label(label: &str) -> HashMap<String, Vec<String>> {
    HashMap::from([("label".to_owned(), vec![label.to_owned()])])
}

fn gone_is_fine(result: Result<(), Refusal>) -> Result<(), Refusal> {
    match result {
        Err(refusal) if refusal.status == Some(404) => Ok(()),
        // Another one removes it at this moment.
        Err(refusal) if refusal.why.contains("already in progress") => Ok(()),
        other => other,
    }
}

/// Why the engine did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status, when there was an answer.
    pub status: Option<u16>,
    /// What it said.
    pub why: String,
}

impl Refusal {
    /// As an error about this action.
    pub fn of(self, action: &str) -> RuntimeError {
        RuntimeError::Engine {
            action: action.to_owned(),
            why: self.why,
        }
    }
}

/// An error with its causes: the outermost one alone often says only "error in the client".
pub fn in_words(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let text = inner.to_string();
        if !words.contains(&text) {
            words.push_str(": ");
            words.push_str(&text);
        }
        cause = inner.source();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(api: &str) -> Facts {
        Facts {
            version: String::new(),
            api: api.to_owned(),
            is_podman: false,
            cgroup: String::new(),
            data_root: PathBuf::new(),
            machine: String::new(),
        }
    }

    #[test]
    fn api_versions_are_compared_as_numbers() {
        assert!(facts("1.41").api_will_do());
        assert!(facts("1.100").api_will_do() && facts("2.0").api_will_do());
        assert!(!facts("1.40").api_will_do() && !facts("1.9").api_will_do());
        assert!(!facts("").api_will_do());
    }
}
