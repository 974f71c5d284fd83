//! The whole text to a checked scenario.

use crate::model::{KafkaVersion, MIN_RECORD_SIZE_BYTES, RecordCodec, Route, StreamId, WorkerName};

use super::effect::{self, Release};
use super::faults::{self, Aims};
use super::inventory::Inventory;
use super::keys::{self, Shape};
use super::mistake::{Collector, Mistakes, Span};
use super::tree::{self, Node, Value};
use super::value::{ConnectSpec, DEFAULT_VERSION, KafkaSpec, Plugin, Scenario, StreamSpec};
use super::{draft, expect, route, settings, shape, timing, topic_names, units};

const DEFAULT_STREAM: StreamSpec = StreamSpec {
    lanes: 12,
    rate_per_second: 2_000,
    record_size_bytes: 200,
};

/// Reads a scenario from YAML or JSON; fails with every mistake in the text, each at its place.
pub fn parse(source_name: &str, text: &str) -> Result<Scenario, Mistakes> {
    parse_with(source_name, text, None).map(|read| read.scenario)
}

/// A worker setting of the scenario that the attached cluster has otherwise, as far as its inventory says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The setting.
    pub setting: String,
    /// What the scenario sets.
    pub scenario: String,
    /// What the inventory says; nothing when the setting is not there.
    pub inventory: Option<String>,
}

/// Reads a scenario for the cluster of this inventory: its workers, their settings and their release take the place of
/// those that the scenario would start; the differences are returned. Fails like [`parse`], and also when a fault names a
/// worker that the inventory does not have.
pub fn parse_for(
    source_name: &str,
    text: &str,
    inventory: &Inventory,
) -> Result<(Scenario, Vec<Difference>), Mistakes> {
    let read = parse_with(source_name, text, Some(inventory))?;
    Ok((read.scenario, read.differences))
}

/// What may not do what it says in a scenario without mistakes, each at its place: settings that Connect or a plugin
/// probably ignores.
pub fn warnings(source_name: &str, text: &str, inventory: Option<&Inventory>) -> Option<Mistakes> {
    parse_with(source_name, text, inventory).ok()?.warnings
}

struct Read {
    scenario: Scenario,
    differences: Vec<Difference>,
    warnings: Option<Mistakes>,
}

fn parse_with(
    source_name: &str,
    text: &str,
    inventory: Option<&Inventory>,
) -> Result<Read, Mistakes> {
    let mut mistakes = Collector::new(text);
    let scenario = tree::read(text, &mut mistakes).and_then(|root| {
        let top = root
            .entries()
            .first()
            .map_or(root.span, |entry| entry.key_span);
        let whole_file = Shape::Map(&keys::SCENARIO);
        shape::check(&root, &whole_file, shape::SCENARIO_NAME, top, &mut mistakes);
        if mistakes.has_stopped() {
            return None;
        }
        read_scenario(&root, inventory, &mut mistakes)
    });
    match scenario {
        Some((scenario, differences)) if mistakes.is_empty() => Ok(Read {
            scenario,
            differences,
            warnings: mistakes.warnings(source_name),
        }),
        _ => {
            if mistakes.is_empty() {
                let help = "compare it with `squall init`";
                mistakes.report(Span::between(0, 0), "this is no scenario", help);
            }
            Err(mistakes.finish(source_name))
        }
    }
}

fn read_scenario(
    root: &Node,
    inventory: Option<&Inventory>,
    mistakes: &mut Collector<'_>,
) -> Option<(Scenario, Vec<Difference>)> {
    let name = scenario_name(root, mistakes);
    let kafka = kafka(root.get("kafka"));
    let own = root
        .get("connect")
        .and_then(|connect| connect.get("config"));
    let connect = connect(root.get("connect"), kafka.version, mistakes);
    let differences = inventory.map_or_else(Vec::new, |there| differences(&connect, there));
    let connect = inventory.map_or(connect.clone(), |there| attached(connect, there));
    let (stream, lanes) = stream(root.get("stream"));
    let empty = Node {
        span: root.span,
        value: Value::List([].into()),
    };
    let steps = root.get("route").unwrap_or(&empty);
    let reading = route::read(steps, lanes, stream, kafka.brokers, mistakes);
    if let Some(route) = &reading.route {
        topic_names::check(steps, route, inventory.is_some(), mistakes);
    }
    let release = match inventory {
        None => Release::of_a_run(connect.version).with_brokers(kafka.brokers),
        Some(there) => Release::of_others(there.version),
    };
    effect::check_connectors(
        steps,
        own.filter(|_| inventory.is_none()),
        release,
        mistakes,
    );
    let stream = StreamSpec {
        lanes: reading.lanes,
        ..stream
    };
    check_stream(root.get("stream"), stream, mistakes);
    let aims = Aims {
        version: connect.version,
        workers: &connect.workers,
        connectors: &reading.connectors,
    };
    let faults = faults::read(root.get("faults").unwrap_or(&empty), &aims, mistakes);
    let expect_node = root.get("expect");
    let expect = expect::read(expect_node);
    if let (Some(node), Some(route)) = (expect_node, &reading.route) {
        expect::check(node, route, mistakes);
    }
    let route = reading.route.as_ref();
    let needs = timing::Needs {
        connect: &connect,
        faults: &faults,
        expect: &expect,
        silence_ms: route.map_or(0, Route::longest_said_silence_ms),
    };
    let timing = timing::read(root, &needs, mistakes);
    let scenario = Scenario {
        name: name?,
        question: root.text_of("question").unwrap_or("").to_owned(),
        kafka,
        connect,
        stream,
        route: reading.route?,
        faults,
        expect,
        timing,
    };
    Some((scenario, differences))
}

fn differences(connect: &ConnectSpec, inventory: &Inventory) -> Vec<Difference> {
    let differing = connect
        .config
        .iter()
        .filter(|(key, value)| inventory.settings.get(*key) != Some(value));
    differing
        .map(|(key, value)| Difference {
            setting: key.clone(),
            scenario: value.clone(),
            inventory: inventory.settings.get(key).cloned(),
        })
        .collect()
}

/// The workers that are there instead of those that the scenario would start.
fn attached(asked: ConnectSpec, inventory: &Inventory) -> ConnectSpec {
    ConnectSpec {
        version: inventory.version.unwrap_or(asked.version),
        workers: inventory
            .workers
            .iter()
            .map(|worker| worker.name.clone())
            .collect(),
        config: inventory.settings.clone(),
        plugins: Vec::new(),
    }
}

fn scenario_name(root: &Node, mistakes: &mut Collector<'_>) -> Option<String> {
    let node = root.get("name")?;
    let name = node.text().filter(|_| !node.is_null())?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let fine = (1..=100).contains(&name.len())
        && name.chars().all(allowed)
        && !name.starts_with(['.', '-']);
    if !fine {
        let message = format!("`{name}` cannot name a run folder");
        let help =
            "letters, digits, `.`, `_` and `-`, at most 100, beginning with a letter or digit";
        mistakes.report(node.span, message, help);
    }
    Some(name.to_owned())
}

fn kafka(node: Option<&Node>) -> KafkaSpec {
    let brokers = node.and_then(|node| node.text_of("brokers"));
    KafkaSpec {
        version: version(node).unwrap_or(DEFAULT_VERSION),
        brokers: if brokers == Some("3") { 3 } else { 1 },
    }
}

fn version(node: Option<&Node>) -> Option<KafkaVersion> {
    node?.read("version", str::parse)
}

fn connect(node: Option<&Node>, kafka: KafkaVersion, mistakes: &mut Collector<'_>) -> ConnectSpec {
    let count = node
        .and_then(|node| shape::whole(node.text_of("workers")?, true))
        .map_or(3, |count| count.clamp(1, 99));
    let workers = (1..=count)
        .map(|number| {
            WorkerName::new(&format!("w{number}")).expect("a letter and a number make a name")
        })
        .collect();
    let version = version(node).unwrap_or(kafka);
    let config = node.and_then(|node| node.get("config"));
    if let Some(config) = config {
        settings::check_own(config, mistakes);
        effect::check_worker(config, Release::of_a_run(version), mistakes);
    }
    let plugins = node.and_then(|node| node.get("plugins"));
    ConnectSpec {
        version,
        workers,
        config: config.map(draft::settings).unwrap_or_default(),
        plugins: plugins.map_or_else(Vec::new, |list| {
            list.items().iter().filter_map(plugin).collect()
        }),
    }
}

/// A bare text with two colons and no slash is a Maven coordinate, anything else a path.
fn plugin(node: &Node) -> Option<Plugin> {
    if let Some(text) = node.text() {
        let coordinate = !text.contains('/') && units::maven(text).is_ok();
        let text = text.to_owned();
        return Some(if coordinate {
            Plugin::Maven(text)
        } else {
            Plugin::Path(text)
        });
    }
    let path = node.text_of("path").map(str::to_owned).map(Plugin::Path);
    path.or_else(|| node.text_of("maven").map(str::to_owned).map(Plugin::Maven))
}

fn stream(node: Option<&Node>) -> (StreamSpec, Option<u32>) {
    let lanes = node.and_then(|node| draft::whole_of(node, "lanes"));
    let rate = node.and_then(|node| node.read("rate", units::rate));
    let size = node.and_then(|node| node.read("record-size", units::size));
    let stream = StreamSpec {
        lanes: lanes.unwrap_or(DEFAULT_STREAM.lanes),
        rate_per_second: rate.unwrap_or(DEFAULT_STREAM.rate_per_second),
        record_size_bytes: size.unwrap_or(DEFAULT_STREAM.record_size_bytes),
    };
    (stream, lanes)
}

/// What no machine that runs brokers and workers beside the feed could send.
const MOST_BYTES_PER_SECOND: u64 = 1 << 30;
/// Brokers refuse larger ones unless told otherwise (`message.max.bytes`, 1 MiB with its overhead).
const LARGEST_RECORD_BYTES: usize = 1_000_000;

fn check_stream(node: Option<&Node>, stream: StreamSpec, mistakes: &mut Collector<'_>) {
    let Some(node) = node else { return };
    let place = |key: &str| {
        let value = node.get(key).or_else(|| node.get("record-size"));
        value.map_or(node.span, |value| value.span)
    };
    if stream.rate_per_second == 0 {
        let help = "write at least `1/s`";
        mistakes.report(place("rate"), "a rate of no records at all", help);
    }
    let size = stream.record_size_bytes;
    if size < MIN_RECORD_SIZE_BYTES {
        let message = format!("a record of {size} bytes cannot hold its lane, number and checksum");
        let help = format!("write at least {MIN_RECORD_SIZE_BYTES}");
        mistakes.report(place("record-size"), message, help);
    } else if let Err(error) = RecordCodec::new(StreamId(0), size, stream.lanes.min(100_000)) {
        mistakes.report(
            place("record-size"),
            error.to_string(),
            "see `squall schema`",
        );
    }
    if size > LARGEST_RECORD_BYTES {
        let message = format!("brokers take no record of {size} bytes by default");
        let help = format!("write at most {LARGEST_RECORD_BYTES}");
        mistakes.report(place("record-size"), message, help);
        return;
    }
    let bytes = u64::try_from(size)
        .unwrap_or(u64::MAX)
        .saturating_mul(stream.rate_per_second);
    if bytes > MOST_BYTES_PER_SECOND {
        let most = MOST_BYTES_PER_SECOND / u64::try_from(size.max(1)).unwrap_or(u64::MAX);
        let message = format!("records of {size} bytes cannot be sent at this rate: over 1 GiB/s");
        mistakes.report(
            place("rate"),
            message,
            format!("write at most `{most}/s`, or smaller records"),
        );
    }
}
