//! Which settings of somebody's `connect-distributed.properties` workers of a run can have, and why not the others.

use super::super::effect::{self, Release};
use super::super::mistake::{Collector, Span};
use super::super::settings;
use super::super::tree::{Entry, Node};
use super::notes::Notes;
use super::value::{Around, Setting};

const ADDRESS: &str = "the run chooses free ports";
const GROUP: &str = "each run has a group and topics of its own";
pub(super) const LOGIN: &str =
    "the run starts its own brokers, which ask for no login and no certificate";
const COPIES: &str = "it follows from `kafka.brokers`";
const REST_LOGIN: &str = "Squall asks the workers' REST interface without a login";

/// What cannot be kept besides what no scenario may set; a name that ends with a dot stands for all that begin with it.
const LEFT_OUT: [(&str, &str); 21] = [
    ("admin.listeners.https.", REST_LOGIN),
    ("admin.listeners", ADDRESS),
    ("rest.host.name", ADDRESS),
    ("rest.port", ADDRESS),
    ("rest.advertised.", ADDRESS),
    ("group.id", GROUP),
    ("config.storage.topic", GROUP),
    ("offset.storage.topic", GROUP),
    ("status.storage.topic", GROUP),
    ("config.storage.replication.factor", COPIES),
    ("offset.storage.replication.factor", COPIES),
    ("status.storage.replication.factor", COPIES),
    (
        "offset.storage.file.filename",
        "the workers of a run are distributed ones",
    ),
    ("security.protocol", LOGIN),
    ("sasl.", LOGIN),
    ("ssl.", LOGIN),
    ("producer.", LOGIN),
    ("consumer.", LOGIN),
    ("admin.", LOGIN),
    ("listeners.https.", REST_LOGIN),
    ("rest.extension.classes", REST_LOGIN),
];

/// What was read of a worker's file.
#[derive(Debug, Default)]
pub(super) struct Worker {
    pub(super) settings: Vec<Setting>,
    /// Entries of `plugin.path` that are on this machine.
    pub(super) plugins: Vec<String>,
}

/// Sorts the settings into those that are kept and those that are left out, and notes the latter with the reason.
pub(super) fn read(
    file: &str,
    properties: &Node,
    around: &Around<'_>,
    notes: &mut Notes,
    mistakes: &mut Collector<'_>,
) -> Worker {
    check_kind(properties, mistakes);
    effect::check_worker(properties, Release::of_others(None), mistakes);
    let mut worker = Worker {
        settings: Vec::new(),
        plugins: Vec::new(),
    };
    for entry in properties.entries() {
        let value = entry.value.text().unwrap_or_default();
        if entry.key == "plugin.path" {
            worker.plugins = plugins(file, value, around, notes);
        } else if let Some(why) = why_not(&entry.key) {
            notes.left_out(file, &entry.key, why);
        } else {
            worker.settings.push(Setting::new(&entry.key, value));
        }
    }
    note_converters(&worker, notes);
    worker
}

/// Workers of nobody's file support what the connector asks for.
pub(super) fn support_exactly_once(worker: &mut Worker, connector: &[Setting], notes: &mut Notes) {
    let is_required = |setting: &Setting| {
        setting.name == "exactly.once.support"
            && setting.value.trim().eq_ignore_ascii_case("required")
    };
    if connector.iter().any(is_required) {
        let name = "exactly.once.source.support";
        worker.settings.push(Setting::new(name, "enabled"));
        notes.say(format!(
            "`{name}` is enabled at the workers: the connector requires it"
        ));
    }
}

/// A file of something else would be kept without a word, and the run would certify Connect's defaults.
fn check_kind(properties: &Node, mistakes: &mut Collector<'_>) {
    let Some(first) = properties.entries().first() else {
        if mistakes.is_empty() {
            let help =
                "give the file that the worker is started with: `connect-distributed.properties`";
            mistakes.report(Span::between(0, 0), "no setting at all", help);
        }
        return;
    };
    if first.key.starts_with(['{', '[', '<']) {
        let help =
            "a worker's file has lines `name=value`; a connector is given with `--connector`";
        mistakes.report(first.key_span, "this is no properties file", help);
    } else if let Some(Entry { key_span, .. }) = properties.entry("connector.class") {
        let help = "give it with `--connector`, and the file of a worker with `--from`";
        mistakes.report(*key_span, "this is the file of a connector", help);
    }
}

fn why_not(name: &str) -> Option<&'static str> {
    if let Some(why) = settings::of_the_run(name) {
        return Some(why);
    }
    let client = ["producer.", "consumer.", "admin."]
        .iter()
        .find_map(|prefix| name.strip_prefix(prefix));
    // What the clients are set to decides times; where they connect to and how they log in is the run's.
    if let Some(setting) = client
        && !is_connection(setting)
        && !name.starts_with("admin.listeners")
    {
        return None;
    }
    let fits = |known: &str| match known.strip_suffix('.') {
        Some(_) => name.starts_with(known),
        None => name == known,
    };
    let known = LEFT_OUT.iter().find(|(known, _)| fits(known));
    known.map(|(_, why)| *why)
}

/// Whether a client's setting says where the brokers are, or how to log in there.
pub(super) fn is_connection(setting: &str) -> bool {
    matches!(setting, "bootstrap.servers" | "security.protocol")
        || setting.starts_with("sasl.")
        || setting.starts_with("ssl.")
}

/// Folders that are not here would end the run before it begins.
fn plugins(file: &str, value: &str, around: &Around<'_>, notes: &mut Notes) -> Vec<String> {
    let mut all = Vec::new();
    for entry in value.split(',').map(str::trim).filter(|e| !e.is_empty()) {
        // What a relative path counts from is known to the worker alone.
        let found = match entry.starts_with('/') {
            true => (around.plugins_in)(entry),
            false => Vec::new(),
        };
        if found.is_empty() {
            let why = format!(
                "no plugin is in {entry} on this machine: add what the connector needs to `connect.plugins`"
            );
            notes.left_out(file, "plugin.path", &why);
        } else {
            notes.say(format!(
                "what is in {entry} became `connect.plugins`: keep what the connector needs"
            ));
        }
        all.extend(found);
    }
    all
}

/// Squall's records are lines of text: another converter wraps or refuses them.
fn note_converters(worker: &Worker, notes: &mut Notes) {
    let others: Vec<&str> = worker
        .settings
        .iter()
        .filter(|setting| matches!(setting.name.as_str(), "key.converter" | "value.converter"))
        .filter(|setting| {
            let class = setting.value.rsplit('.').next().unwrap_or_default();
            !matches!(class, "StringConverter" | "ByteArrayConverter")
        })
        .map(|setting| setting.name.as_str())
        .collect();
    if !others.is_empty() {
        notes.say(format!(
            "`{}` is kept as it is. Squall's records are lines of text: if the run ends because they arrive changed, set \
             StringConverter in the connector's `config`",
            others.join("` and `")
        ));
    }
}
