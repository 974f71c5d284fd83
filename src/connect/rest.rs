//! A synchronous client of one worker's REST interface.

use std::collections::BTreeMap;
use std::io::Read;
use std::time::Duration;

use reqwest::Method;
use reqwest::blocking::{Client, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::journal::Deadline;
use crate::model::ConnectorName;
use crate::model::secrets::mask_text;

use super::access::Access;
use super::answers::{Expanded, ExpandedInfo, Offsets, RawValidation};
use super::rest_error::{RestError, with_causes};

pub use super::answers::{
    ConnectorInfo, ConnectorOffset, ConnectorStatus, Health, HealthState, TaskStatus, Validation,
    WorkerInfo,
};

/// The most bytes of an answer that are read; stack traces of many failed tasks stay far below.
const MAX_ANSWER_BYTES: u64 = 16 * 1024 * 1024;
/// The most characters of a worker's message that an error repeats.
const MAX_MESSAGE_CHARS: usize = 2_000;
/// Between two attempts while the group settles: there is no event to wait for.
const RETRY_PAUSE: Duration = Duration::from_millis(50);

/// A client of one worker. Every call blocks, so it must not be made, used or dropped inside an asynchronous task.
#[derive(Clone)]
pub struct Rest {
    base: String,
    client: Client,
    basic: Option<(String, String)>,
}

/// Never shows a password.
impl std::fmt::Debug for Rest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rest")
            .field("base", &self.base)
            .finish_non_exhaustive()
    }
}

impl Rest {
    /// A client for the worker at this address, such as `http://127.0.0.1:8083`; connects with the first call. Fails
    /// when the system refuses a thread for it.
    pub fn new(base_url: &str) -> Result<Self, RestError> {
        Self::with_access(base_url, &Access::default())
    }

    /// The same with a password or certificates; fails also when one of their files cannot be used.
    pub fn with_access(base_url: &str, access: &Access) -> Result<Self, RestError> {
        Ok(Self {
            base: base_url.trim_end_matches('/').to_owned(),
            client: access.client(base_url)?,
            basic: access.basic.clone(),
        })
    }

    /// A client for another worker that shares this one's thread.
    pub fn at(&self, base_url: &str) -> Self {
        Self {
            base: base_url.trim_end_matches('/').to_owned(),
            client: self.client.clone(),
            basic: self.basic.clone(),
        }
    }

    /// The address without a slash at its end.
    pub fn base_url(&self) -> &str {
        &self.base
    }

    /// What the worker says of itself.
    pub fn info(&self, timeout: Duration) -> Result<WorkerInfo, RestError> {
        self.get("/", timeout)
    }

    /// Creates a connector in this state, RUNNING, PAUSED or STOPPED (since 3.7), with [`while_passing`] until the
    /// deadline; fails with [`RestError::Refused`] when there is one of this name.
    pub fn create_in_state(
        &self,
        name: &ConnectorName,
        config: &BTreeMap<String, String>,
        state: &str,
        deadline: Deadline,
    ) -> Result<(), RestError> {
        let body = json!({"name": name.as_str(), "config": config, "initial_state": state});
        while_passing(deadline, |timeout| {
            self.send(Method::POST, "/connectors", Some(&body), timeout)
                .map(drop)
        })
    }

    /// Creates a connector or changes its configuration, with [`while_passing`] until the deadline.
    pub fn put_config(
        &self,
        name: &ConnectorName,
        config: &BTreeMap<String, String>,
        deadline: Deadline,
    ) -> Result<(), RestError> {
        let path = format!("/connectors/{name}/config");
        let body = json!(config);
        while_passing(deadline, |timeout| {
            self.send(Method::PUT, &path, Some(&body), timeout)
                .map(drop)
        })
    }

    /// Deletes a connector; that there is none is no error.
    pub fn delete(&self, name: &ConnectorName, timeout: Duration) -> Result<(), RestError> {
        match self.send(
            Method::DELETE,
            &format!("/connectors/{name}"),
            None,
            timeout,
        ) {
            Err(RestError::Refused { status: 404, .. }) => Ok(()),
            answer => answer.map(drop),
        }
    }

    /// Asks for the connector to be paused; it is when its status says so.
    pub fn pause(&self, name: &ConnectorName, timeout: Duration) -> Result<(), RestError> {
        self.change(name, "pause", timeout)
    }

    /// Asks for a paused or stopped connector to be resumed.
    pub fn resume(&self, name: &ConnectorName, timeout: Duration) -> Result<(), RestError> {
        self.change(name, "resume", timeout)
    }

    /// Asks for the connector's tasks to be shut down and its configuration kept (since 3.5).
    pub fn stop(&self, name: &ConnectorName, timeout: Duration) -> Result<(), RestError> {
        self.change(name, "stop", timeout)
    }

    fn change(&self, name: &ConnectorName, what: &str, timeout: Duration) -> Result<(), RestError> {
        let path = format!("/connectors/{name}/{what}");
        self.send(Method::PUT, &path, None, timeout).map(drop)
    }

    /// The status of all connectors, as this worker has it from the status topic: a claim, not a fact. Connectors with
    /// names that Squall does not take are left out.
    pub fn status_all(
        &self,
        timeout: Duration,
    ) -> Result<BTreeMap<ConnectorName, ConnectorStatus>, RestError> {
        let answer: BTreeMap<String, Expanded> = self.get("/connectors?expand=status", timeout)?;
        let named = answer.into_iter().filter_map(|(name, expanded)| {
            Some((ConnectorName::new(&name).ok()?, expanded.status.into()))
        });
        Ok(named.collect())
    }

    /// Configuration and kind of all connectors, and the names among them that Squall does not take. Secrets are in
    /// clear.
    pub fn info_all(
        &self,
        timeout: Duration,
    ) -> Result<(BTreeMap<ConnectorName, ConnectorInfo>, Vec<String>), RestError> {
        let answer: BTreeMap<String, ExpandedInfo> =
            self.get("/connectors?expand=info", timeout)?;
        let mut strange = Vec::new();
        let mut known = BTreeMap::new();
        for (name, expanded) in answer {
            match ConnectorName::new(&name) {
                Ok(name) => drop(known.insert(name, expanded.info.into())),
                Err(_) => strange.push(name),
            }
        }
        Ok((known, strange))
    }

    /// The committed offsets of a connector (since 3.5).
    pub fn offsets(
        &self,
        name: &ConnectorName,
        timeout: Duration,
    ) -> Result<Vec<ConnectorOffset>, RestError> {
        let answer: Offsets = self.get(&format!("/connectors/{name}/offsets"), timeout)?;
        Ok(answer.offsets)
    }

    /// Forgets the committed offsets of a stopped connector (since 3.6); of a sink its consumer group goes too.
    pub fn reset_offsets(&self, name: &ConnectorName, timeout: Duration) -> Result<(), RestError> {
        let path = format!("/connectors/{name}/offsets");
        self.send(Method::DELETE, &path, None, timeout).map(drop)
    }

    /// Changes committed offsets of a stopped connector (since 3.6); returns the worker's words about it.
    pub fn alter_offsets(
        &self,
        name: &ConnectorName,
        offsets: &[ConnectorOffset],
        timeout: Duration,
    ) -> Result<String, RestError> {
        let path = format!("/connectors/{name}/offsets");
        let body = json!({"offsets": offsets});
        let answer = self.send(Method::PATCH, &path, Some(&body), timeout)?;
        Ok(words_of(&answer))
    }

    /// How the worker judges itself. An unhealthy worker is no error here.
    pub fn health(&self, timeout: Duration) -> Result<Health, RestError> {
        let (status, body) = self.exchange(Method::GET, "/health", None, timeout)?;
        let state = match status {
            200 => HealthState::Healthy,
            404 => HealthState::NotOffered,
            503 => HealthState::Starting,
            500 => HealthState::Unhealthy,
            _ => return Err(self.refused("/health", status, &body)),
        };
        let message = words_of(&body);
        Ok(Health { state, message })
    }

    /// Sets the level of a logger on this worker (since 2.4).
    #[cfg_attr(
        alone,
        expect(dead_code, reason = "tests make workers write many lines")
    )]
    pub fn set_logger(&self, class: &str, level: &str, timeout: Duration) -> Result<(), RestError> {
        let path = format!("/admin/loggers/{}", escaped(class));
        let body = json!({"level": level});
        self.send(Method::PUT, &path, Some(&body), timeout)
            .map(drop)
    }

    /// What the worker finds wrong with a configuration; `plugin` is the connector's class, by its full or short name.
    pub fn validate(
        &self,
        plugin: &str,
        config: &BTreeMap<String, String>,
        timeout: Duration,
    ) -> Result<Validation, RestError> {
        let path = format!("/connector-plugins/{}/config/validate", escaped(plugin));
        let body = self.send(Method::PUT, &path, Some(&json!(config)), timeout)?;
        self.decoded::<RawValidation>(&path, &body)
            .map(Validation::from)
    }

    fn get<T: DeserializeOwned>(&self, path: &str, timeout: Duration) -> Result<T, RestError> {
        let body = self.send(Method::GET, path, None, timeout)?;
        self.decoded(path, &body)
    }

    fn decoded<T: DeserializeOwned>(&self, path: &str, body: &[u8]) -> Result<T, RestError> {
        serde_json::from_slice(body).map_err(|error| RestError::Undecodable {
            url: self.url(path),
            // The error's own text may quote the answer, and the answer may hold a secret.
            why: mask_text(&error.to_string()),
        })
    }

    /// The body of an answer with a status of success; any other status is an error.
    fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        timeout: Duration,
    ) -> Result<Vec<u8>, RestError> {
        let (status, answer) = self.exchange(method, path, body, timeout)?;
        // Connect says 409 for a name that is taken, too, and that does not pass.
        match status {
            200..=299 => Ok(answer),
            409 if !words_of(&answer).contains("already exists") => Err(RestError::Rebalancing {
                url: self.url(path),
                message: words_of(&answer),
            }),
            _ => Err(self.refused(path, status, &answer)),
        }
    }

    fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        timeout: Duration,
    ) -> Result<(u16, Vec<u8>), RestError> {
        let unreachable = |why: String| RestError::Unreachable {
            url: self.url(path),
            why,
        };
        let mut request = self.client.request(method, self.url(path)).timeout(timeout);
        if let Some((user, password)) = &self.basic {
            request = request.basic_auth(user, Some(password));
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request
            .send()
            .map_err(|error| unreachable(with_causes(&error.without_url())))?;
        let status = response.status().as_u16();
        let bytes = read(response).map_err(|error| unreachable(error.to_string()))?;
        Ok((status, bytes))
    }

    fn refused(&self, path: &str, status: u16, answer: &[u8]) -> RestError {
        RestError::Refused {
            url: self.url(path),
            status,
            message: words_of(answer),
        }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }
}

/// Asks again until the deadline while the answer is one that passes ([`RestError::is_passing`]), and returns the last
/// answer; `ask` gets the time that is left.
pub fn while_passing<T>(
    deadline: Deadline,
    mut ask: impl FnMut(Duration) -> Result<T, RestError>,
) -> Result<T, RestError> {
    loop {
        match ask(deadline.left().max(RETRY_PAUSE)) {
            Err(error) if error.is_passing() && !deadline.has_passed() => {
                std::thread::sleep(RETRY_PAUSE);
            }
            answer => return answer,
        }
    }
}

fn read(response: Response) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    response.take(MAX_ANSWER_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The `message` of a worker's answer, or the answer itself; secrets masked.
fn words_of(answer: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Words {
        message: String,
    }
    let words = serde_json::from_slice::<Words>(answer).map_or_else(
        |_| String::from_utf8_lossy(answer).trim().to_owned(),
        |words| words.message,
    );
    mask_text(&words).chars().take(MAX_MESSAGE_CHARS).collect()
}

/// The text as one segment of a path (RFC 3986).
fn escaped(segment: &str) -> String {
    segment.bytes().fold(String::new(), |mut path, byte| {
        if byte.is_ascii_alphanumeric() || b".-_~$".contains(&byte) {
            path.push(char::from(byte));
        } else {
            path.push_str(&format!("%{byte:02X}"));
        }
        path
    })
}

#[cfg(test)]
#[path = "rest_tests.rs"]
mod tests;
