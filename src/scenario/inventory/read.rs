//! The text of an inventory to a checked value, with every mistake at its place.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::model::{ConnectorName, WorkerName};

use super::super::effect::{self, Release};
use super::super::keys::Shape;
use super::super::mistake::{Collector, Mistakes, Span};
use super::super::tree::{self, MOST_BYTES, Node, Value};
use super::super::{shape, units};
use super::keys::{INVENTORY, WAYS};
use super::{
    Commands, Control, Inventory, InventoryWorker, RestMeans, Secretive, Ssh, StopWhen, TopicNames,
    Way,
};

/// What a variable of the environment holds; `None` when it is not set.
type Environment<'e> = &'e dyn Fn(&str) -> Option<String>;

/// Reads an inventory from YAML or JSON; fails with every mistake in the text, each at its place. `${env:NAME}` in a
/// value is replaced by the variable; relative paths count from the folder of `source_name`.
pub fn parse(source_name: &str, text: &str) -> Result<Inventory, Mistakes> {
    parse_with(source_name, text, &|name| std::env::var(name).ok())
}

/// The same with another environment.
pub(super) fn parse_with(
    source_name: &str,
    text: &str,
    environment: Environment<'_>,
) -> Result<Inventory, Mistakes> {
    let mut mistakes = Collector::new(text);
    let inventory = root_of(text, &mut mistakes).and_then(|root| {
        let top = root
            .entries()
            .first()
            .map_or(root.span, |entry| entry.key_span);
        let whole_file = Shape::Map(&INVENTORY);
        shape::check(
            &root,
            &whole_file,
            shape::INVENTORY_NAME,
            top,
            &mut mistakes,
        );
        if mistakes.has_stopped() {
            return None;
        }
        let mut room = MOST_BYTES;
        let mut variables = Variables {
            environment,
            room: &mut room,
            mistakes: &mut mistakes,
        };
        let root = variables.resolved(&root, false);
        Reader {
            base: Path::new(source_name).parent().unwrap_or(Path::new("")),
            mistakes: &mut mistakes,
        }
        .inventory(&root)
    });
    match inventory {
        Some(inventory) if mistakes.is_empty() => Ok(inventory),
        _ => {
            if mistakes.is_empty() {
                let help = "see `squall schema inventory`";
                mistakes.report(Span::between(0, 0), "this is no inventory", help);
            }
            Err(mistakes.finish(source_name))
        }
    }
}

/// The tree of the text; `None` when it is something else altogether, which is reported.
fn root_of(text: &str, mistakes: &mut Collector<'_>) -> Option<Node> {
    if text.trim().is_empty() {
        let help = "begin with `name:`; see `squall schema inventory`";
        mistakes.report(Span::between(0, 0), "the inventory is empty", help);
        return None;
    }
    let root = tree::read(text, mistakes)?;
    if let (Some(services), None) = (root.entry("services"), root.entry("workers")) {
        let help = "write an inventory beside it, with `workers:` such as `- {name: w1, rest: \"http://127.0.0.1:8083\", compose: {project: NAME, service: NAME}}`";
        mistakes.report(
            services.key_span,
            "this is a Docker Compose file, no inventory",
            help,
        );
        return None;
    }
    Some(root)
}

/// Puts variables of the environment in the place of `${env:NAME}`.
struct Variables<'v, 't> {
    environment: Environment<'v>,
    /// How many more bytes they may add: a long variable can be named many times.
    room: &'v mut usize,
    mistakes: &'v mut Collector<'t>,
}

impl Variables<'_, '_> {
    /// The tree with `${env:NAME}` replaced in its values; in commands it is refused, because commands are shown and
    /// written down.
    fn resolved(&mut self, node: &Node, is_command: bool) -> Node {
        let value = match &node.value {
            Value::Scalar { text, plain } => Value::Scalar {
                text: self.replaced(text, node.span, is_command).into(),
                plain: *plain && !text.contains("${env:"),
            },
            Value::List(items) => Value::List(
                items
                    .iter()
                    .map(|item| self.resolved(item, is_command))
                    .collect(),
            ),
            Value::Map(entries) => Value::Map(
                entries
                    .iter()
                    .map(|entry| {
                        let is_command =
                            is_command || matches!(entry.key.as_str(), "command" | "start");
                        let mut entry = entry.clone();
                        entry.value = self.resolved(&entry.value, is_command);
                        entry
                    })
                    .collect(),
            ),
        };
        Node {
            span: node.span,
            value,
        }
    }

    fn replaced(&mut self, text: &str, span: Span, is_command: bool) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some(at) = rest.find("${env:") {
            out.push_str(&rest[..at]);
            let behind = &rest[at + "${env:".len()..];
            let Some(end) = behind.find('}') else {
                let help = "close it with `}`";
                self.mistakes
                    .report(span, "a `${env:` without its `}`", help);
                return text.to_owned();
            };
            let name = &behind[..end];
            rest = &behind[end + 1..];
            if is_command {
                let message = format!("`${{env:{name}}}` in a command");
                let help = format!("commands are run by a shell and shown: write `\"${name}\"`");
                self.mistakes.report(span, message, help);
                continue;
            }
            self.put(name, span, &mut out);
        }
        out.push_str(rest);
        out
    }

    fn put(&mut self, name: &str, span: Span, out: &mut String) {
        match (self.environment)(name) {
            Some(value) if value.len() > *self.room => {
                let message = format!("with `{name}` variables add more than 1 MiB");
                let help = "name it less often; is this the right variable?";
                self.mistakes.report(span, message, help);
            }
            Some(value) => {
                *self.room -= value.len();
                out.push_str(&value);
            }
            None => {
                let message = format!("the environment has no variable `{name}`");
                let help = format!("set it: `export {name}=…`");
                self.mistakes.report(span, message, help);
            }
        }
    }
}

struct Reader<'r, 't> {
    base: &'r Path,
    mistakes: &'r mut Collector<'t>,
}

impl Reader<'_, '_> {
    fn wrong(&mut self, node: &Node, message: impl Into<String>, help: impl Into<String>) {
        self.mistakes.report(node.span, message, help);
    }

    /// Text that may be written; a value that is not there or no text was reported by the shape check.
    fn text(&self, node: &Node, key: &str) -> Option<String> {
        let value = node.get(key).filter(|value| !value.is_null())?;
        value.text().map(str::to_owned)
    }

    fn inventory(&mut self, root: &Node) -> Option<Inventory> {
        let bootstrap = self.brokers(root, "bootstrap");
        let inner_bootstrap = self.brokers(root, "inner-bootstrap");
        if let Some(config) = root.get("settings") {
            let release = Release::of_others(root.read("version", str::parse));
            effect::check_worker(config, release, self.mistakes);
        }
        let inventory = Inventory {
            name: self.text(root, "name")?,
            bootstrap: bootstrap?,
            inner_bootstrap,
            client: self.client(root.get("client")),
            inner_client: Secretive(plain_settings(root.get("inner-client"))),
            rest: self.rest(root.get("rest")),
            group_id: self.text(root, "group"),
            topics: self.topics(root.get("topics")),
            version: root.read("version", str::parse),
            settings: plain_settings(root.get("settings")),
            data: self.text(root, "data").map(|path| self.path(&path)),
            workers: self.workers(root),
            max_down: whole_of(root, "max-down").unwrap_or(1),
            watch: self.watched(root),
            stop_when: stop_when(root.get("stop-when")),
        };
        Some(inventory)
    }

    fn path(&self, text: &str) -> PathBuf {
        let path = self.base.join(text);
        std::path::absolute(&path).unwrap_or(path)
    }

    fn brokers(&mut self, root: &Node, key: &str) -> Option<String> {
        let text = self.text(root, key)?;
        let fits = text
            .split(',')
            .all(|address| host_and_port(address.trim()).is_some());
        if !fits {
            let node = root.get(key)?;
            let help = "write `host:port`, with commas between several";
            self.wrong(node, format!("`{key}` names no broker"), help);
        }
        Some(text)
    }

    /// Files among the settings count from the inventory too.
    fn client(&mut self, node: Option<&Node>) -> Secretive {
        let mut client = plain_settings(node);
        for (key, value) in &mut client {
            if key.starts_with("ssl.") && key.ends_with(".location") {
                *value = self.path(value).to_string_lossy().into_owned();
            }
        }
        if let Some(entry) = node.and_then(|node| node.entry("bootstrap.servers")) {
            let help = "take it out: `bootstrap` names the brokers";
            self.mistakes
                .report(entry.key_span, "`bootstrap.servers` a second time", help);
        }
        Secretive(client)
    }

    fn rest(&mut self, node: Option<&Node>) -> RestMeans {
        let Some(node) = node else {
            return RestMeans::default();
        };
        for pair in [["username", "password"], ["certificate", "key"]] {
            let [first, second] = pair.map(|key| node.entry(key));
            let (there, missing) = match (first, second) {
                (Some(there), None) => (there, pair[1]),
                (None, Some(there)) => (there, pair[0]),
                _ => continue,
            };
            let message = format!("`{}` without `{missing}`", there.key);
            self.mistakes.report(
                there.key_span,
                message,
                format!("add `{missing}:` beside it"),
            );
        }
        let file = |key: &str| self.text(node, key).map(|path| self.path(&path));
        RestMeans {
            basic: self.text(node, "username").zip(self.text(node, "password")),
            ca_file: file("ca"),
            client: file("certificate").zip(file("key")),
        }
    }

    fn topics(&self, node: Option<&Node>) -> TopicNames {
        let given = |key: &str| self.text(node?, key);
        let usual = TopicNames::default();
        TopicNames {
            config: given("config").unwrap_or(usual.config),
            offsets: given("offsets").unwrap_or(usual.offsets),
            status: given("status").unwrap_or(usual.status),
        }
    }

    fn watched(&mut self, root: &Node) -> Option<Vec<ConnectorName>> {
        let node = root.get("watch")?;
        let Value::List(items) = &node.value else {
            return None;
        };
        let mut names = Vec::new();
        for item in items.iter() {
            match ConnectorName::new(item.text().unwrap_or_default()) {
                Ok(name) => names.push(name),
                Err(error) => self.wrong(item, error.to_string(), "name a connector"),
            }
        }
        Some(names)
    }

    fn workers(&mut self, root: &Node) -> Vec<InventoryWorker> {
        let list = root.get("workers").map_or(&[][..], Node::items);
        let (mut names, mut addresses) = (BTreeSet::new(), BTreeSet::new());
        let mut workers = Vec::new();
        for node in list {
            let Some(worker) = self.worker(node) else {
                continue;
            };
            if !names.insert(worker.name.clone()) {
                let message = format!("a second worker called `{}`", worker.name);
                self.wrong(
                    node.get("name").unwrap_or(node),
                    message,
                    "give each its own name",
                );
            }
            if !addresses.insert(worker.worker_id().to_owned()) {
                let message = format!("a second worker at `{}`", worker.worker_id());
                let help = "each worker advertises an address of its own: see `id`";
                let place = node.get("id").or(node.get("rest")).unwrap_or(node);
                self.wrong(place, message, help);
            }
            workers.push(worker);
        }
        workers
    }

    fn worker(&mut self, node: &Node) -> Option<InventoryWorker> {
        let name_node = node.get("name")?;
        let name = WorkerName::new(name_node.text().unwrap_or_default());
        if let Err(error) = &name {
            self.wrong(
                name_node,
                error.to_string(),
                "a short plain name, such as `w1`",
            );
        }
        let rest = self.rest_url(node);
        let id = self.text(node, "id");
        if let (Some(id), Some(place)) = (&id, node.get("id"))
            && host_and_port(id).is_none()
        {
            let help = "write the `host:port` that the worker advertises, such as `connect-1:8083`";
            self.wrong(place, "`id` is no worker id", help);
        }
        let control = self.control(node);
        Some(InventoryWorker {
            name: name.ok()?,
            rest: rest?,
            id,
            control,
        })
    }

    fn rest_url(&mut self, node: &Node) -> Option<String> {
        let text = self.text(node, "rest")?;
        let url = text.trim_end_matches('/').to_owned();
        let address = url
            .strip_prefix("http://")
            .or_else(|| url.strip_prefix("https://"));
        let place = node.get("rest")?;
        let help = "write `http://host:port`, or `https://host:port`";
        match address {
            _ if has_user(&url) => {
                let help = "write `username` and `password` under `rest:` of the inventory";
                self.wrong(place, "a user in a worker's address", help);
            }
            Some(address) if host_and_port(address).is_some() => {}
            _ => self.wrong(place, "`rest` is no address of a worker", help),
        }
        Some(url)
    }

    fn control(&mut self, worker: &Node) -> Option<Control> {
        let entry = worker
            .entries()
            .iter()
            .find(|entry| WAYS.contains(&entry.key.as_str()));
        let Some(entry) = entry else {
            if let Some(ssh) = worker.entry("ssh") {
                let help = "say what the worker is there: `docker`, `compose`, `systemd`, `process` or `command`";
                self.mistakes
                    .report(ssh.key_span, "`ssh` without anything to run there", help);
            }
            return None;
        };
        let ssh = self.ssh(worker, &entry.value);
        let way = self.way(&entry.key, &entry.value, ssh.is_some())?;
        Some(Control { way, ssh })
    }

    fn ssh(&mut self, worker: &Node, way: &Node) -> Option<Ssh> {
        let (node, host) = match (worker.get("ssh"), way.entry("host")) {
            (Some(_), Some(host)) => {
                let help = "keep `ssh`, and take `host` out";
                self.mistakes
                    .report(host.key_span, "`host` beside `ssh`", help);
                return None;
            }
            (None, Some(host)) => {
                let text = host.value.text().unwrap_or_default();
                if is_loopback(text) {
                    return None;
                }
                (&host.value, text.to_owned())
            }
            (Some(ssh), None) => {
                let host = ssh.text().map(str::to_owned);
                (ssh, host.or_else(|| self.text(ssh, "host"))?)
            }
            (None, None) => return None,
        };
        let ssh = Ssh {
            host,
            user: self.text(node, "user"),
            port: whole_of(node, "port").and_then(|port| u16::try_from(port).ok()),
            key: self.text(node, "key").map(|path| self.path(&path)),
            config: self.text(node, "config").map(|path| self.path(&path)),
        };
        let names = [Some(&ssh.host), ssh.user.as_ref()];
        if names.into_iter().flatten().any(|name| !is_plain_name(name)) {
            let help = "a host name or alias, and a user name";
            self.wrong(node, "this cannot be given to ssh", help);
        }
        Some(ssh)
    }

    fn way(&mut self, kind: &str, node: &Node, is_remote: bool) -> Option<Way> {
        match kind {
            "docker" => Some(Way::Docker {
                container: self.name_in(node, "container")?,
                network: node
                    .get("network")
                    .and_then(|_| self.name_in(node, "network")),
            }),
            "compose" => Some(Way::Compose {
                project: self.name_in(node, "project")?,
                service: self.name_in(node, "service")?,
            }),
            "systemd" => Some(Way::Systemd {
                unit: self.name_in(node, "unit")?,
                user: node.text_of("user") == Some("true"),
            }),
            "process" => Some(Way::Process {
                pid_file: self.file_there(node, "pid-file", is_remote)?,
                start: self.text(node, "start")?,
                log: node
                    .get("log")
                    .and_then(|_| self.file_there(node, "log", is_remote)),
            }),
            _ => self.commands(node).map(Way::Commands),
        }
    }

    /// The text of this key, or of the node itself where it is a text; it must not look like an option.
    fn name_in(&mut self, node: &Node, key: &str) -> Option<String> {
        let place = node.get(key).unwrap_or(node);
        let name = place.text().filter(|_| !place.is_null())?.to_owned();
        if !is_plain_name(&name) {
            let help = "a plain name, without blanks and without a dash at its beginning";
            self.wrong(place, format!("`{name}` is no {key}"), help);
        }
        Some(name)
    }

    /// A file on the machine of the worker: on another one nothing tells what a relative path counts from.
    fn file_there(&mut self, node: &Node, key: &str, is_remote: bool) -> Option<PathBuf> {
        let text = self.text(node, key)?;
        if !is_remote {
            return Some(self.path(&text));
        }
        if !Path::new(&text).is_absolute() {
            let place = node.get(key)?;
            let help = "write the whole path, beginning with `/`";
            self.wrong(place, "a relative path on another machine", help);
        }
        Some(PathBuf::from(text))
    }

    fn commands(&mut self, node: &Node) -> Option<Commands> {
        let pairs = [
            ("kill", "start"),
            ("stop", "start"),
            ("stop", "kill"),
            ("pause", "resume"),
            ("disconnect", "reconnect"),
        ];
        for (act, undo) in pairs {
            if let (Some(entry), None) = (node.entry(act), node.entry(undo)) {
                let message = format!("`{act}` without `{undo}`");
                let help = format!("add `{undo}:`, so that nothing is left as it was made");
                self.mistakes.report(entry.key_span, message, help);
            }
        }
        let command = |key: &str| self.text(node, key);
        Some(Commands {
            kill: command("kill"),
            stop: command("stop"),
            start: command("start"),
            pause: command("pause"),
            resume: command("resume"),
            disconnect: command("disconnect"),
            reconnect: command("reconnect"),
            dump_threads: command("dump-threads"),
            status: Some(command("status")?),
            log: command("log"),
        })
    }
}

fn plain_settings(node: Option<&Node>) -> BTreeMap<String, String> {
    node.map(super::super::draft::settings).unwrap_or_default()
}

fn whole_of(node: &Node, key: &str) -> Option<u32> {
    let number = shape::whole(node.text_of(key)?, true)?;
    u32::try_from(number).ok()
}

fn stop_when(node: Option<&Node>) -> StopWhen {
    let usual = StopWhen::default();
    let Some(node) = node else { return usual };
    let time = |key: &str, usual: Option<u64>| match node.text_of(key) {
        None => usual,
        Some("never") => None,
        Some(text) => units::duration(text).ok(),
    };
    let count = |key: &str, usual: Option<u32>| match node.text_of(key) {
        None => usual,
        Some("never") => None,
        Some(_) => whole_of(node, key),
    };
    StopWhen {
        rest_down_ms: time("rest-down", usual.rest_down_ms),
        brokers_down_ms: time("brokers-down", usual.brokers_down_ms),
        unowned_ms: time("unowned", usual.unowned_ms),
        failed_tasks: count("failed-tasks", usual.failed_tasks),
        errors_per_minute: count("errors-per-minute", usual.errors_per_minute),
    }
}

/// Host and port of `host:port`, where the host may stand in brackets.
/// Whether a user stands in an address, and most often a password with it: addresses are shown and written down. A
/// password may hold slashes, so the `@` may stand anywhere.
pub fn has_user(address: &str) -> bool {
    address.contains('@')
}

fn host_and_port(address: &str) -> Option<(&str, u16)> {
    let (host, port) = address.rsplit_once(':')?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || ".-_[]:%".contains(c);
    let is_fine = !host.is_empty() && host.chars().all(allowed);
    let port = port.parse().ok().filter(|port| *port > 0)?;
    is_fine.then_some((host, port))
}

/// Whether a host name means this machine itself.
pub fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let by_number = host
        .parse::<std::net::IpAddr>()
        .is_ok_and(|address| address.is_loopback());
    by_number || host.eq_ignore_ascii_case("localhost")
}

fn is_plain_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-@:\\/".contains(c);
    !name.is_empty() && !name.starts_with('-') && name.chars().all(allowed)
}
