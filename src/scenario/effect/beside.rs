//! Settings that are what they should be, and that others beside them make useless or impossible.

use crate::model::settings::{Reader, definition, worker_default};
use crate::model::{Direction, is_provided};

use super::super::mistake::Collector;
use super::super::substitute::{Piece, pieces};
use super::super::tree::{Entry, Node};
use super::connector::Subject;
use super::lists;
use super::release::Release;

const POLICY: &str = "connector.client.config.override.policy";
const PROTOCOL: &str = "group.protocol";
const DEAD_LETTERS: &str = "errors.deadletterqueue.topic.name";

/// What `group.protocol=consumer` leaves to the brokers, and a consumer refuses beside it (KIP-848).
const OF_CLASSIC_GROUPS: [&str; 3] = [
    "heartbeat.interval.ms",
    "partition.assignment.strategy",
    "session.timeout.ms",
];

/// Configuration providers by the names that everybody gives them. Other words before a colon may be a plugin's own.
const USUAL_PROVIDERS: [&str; 8] = [
    "dir",
    "directory",
    "env",
    "file",
    "secret",
    "secretManager",
    "secrets",
    "vault",
];

/// A connector with what stands around it.
pub(super) struct Beside<'a> {
    pub(super) subject: &'a Subject,
    pub(super) direction: Option<Direction>,
    pub(super) config: &'a Node,
    /// The workers' `config`, where they have one.
    pub(super) workers: Option<&'a Node>,
    pub(super) release: Release,
}

impl Beside<'_> {
    /// Reports what cannot work together, and what has no effect here.
    pub(super) fn check(&self, mistakes: &mut Collector<'_>) {
        self.check_converters(mistakes);
        self.check_protocol(mistakes);
        match self.direction {
            Some(Direction::Sink) => self.check_errors(mistakes),
            Some(Direction::Source) => {
                self.check_topic_creation(mistakes);
                self.check_boundary(mistakes);
            }
            None => {}
        }
        // Of the workers of others not everything is known.
        if self.release.own_workers() {
            self.check_policy(mistakes);
            self.check_exactly_once(mistakes);
            self.check_providers(mistakes);
        }
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.config.text_of(name).map(str::trim)
    }

    fn at_workers(&self, name: &str) -> Option<&str> {
        let given = self.workers.and_then(|workers| workers.text_of(name));
        let value = given.or_else(|| worker_default(self.release.version, name));
        value.map(str::trim)
    }

    fn entries(&self, prefix: &str) -> impl Iterator<Item = &Entry> {
        let entries = self.config.entries().iter();
        entries.filter(move |entry| entry.key.starts_with(prefix))
    }

    /// A connector has the workers' converters unless it names its own, and only those get its settings of converters.
    fn check_converters(&self, mistakes: &mut Collector<'_>) {
        for kind in ["key.converter", "value.converter", "header.converter"] {
            let is_filled_in = self.subject.gets_converters() && kind != "header.converter";
            if self.config.get(kind).is_some() || is_filled_in {
                continue;
            }
            if let Some(entry) = self.entries(&format!("{kind}.")).next() {
                let message = format!("`{}` has no effect without `{kind}` beside it", entry.key);
                let help =
                    format!("the workers' converter has the workers' settings: add `{kind}`");
                mistakes.warn(entry.key_span, message, help);
            }
        }
    }

    fn check_protocol(&self, mistakes: &mut Collector<'_>) {
        let own = format!("consumer.override.{PROTOCOL}");
        let workers = format!("consumer.{PROTOCOL}");
        let is_new = |text: &str| text.trim().eq_ignore_ascii_case("consumer");
        let at_own = self.config.get(&own);
        let protocol = self.text(&own).or_else(|| self.at_workers(&workers));
        if self.direction != Some(Direction::Sink)
            || self.release.version.major < 4
            || !protocol.is_some_and(is_new)
        {
            return;
        }
        for name in OF_CLASSIC_GROUPS {
            let at_connector = format!("consumer.override.{name}");
            let at_workers = format!("consumer.{name}");
            let given = self.workers.and_then(|workers| workers.get(&at_workers));
            let (refused, node) = match (self.config.entry(&at_connector), given, at_own) {
                (Some(entry), _, _) => (at_connector, entry.key_span),
                (None, Some(_), Some(node)) => (at_workers, node.span),
                (None, _, _) => continue,
            };
            let message = format!(
                "`{refused}` beside `{PROTOCOL}: consumer`: the sink's consumer refuses both"
            );
            mistakes.report(
                node,
                message,
                "take it out: the brokers decide in this protocol",
            );
        }
    }

    fn check_errors(&self, mistakes: &mut Collector<'_>) {
        let is_true = |name: &str| self.text(name).is_some_and(|text| text != "false");
        let dead_letters = self.text(DEAD_LETTERS).filter(|topic| !topic.is_empty());
        let copies = "errors.deadletterqueue.topic.replication.factor";
        match dead_letters {
            None => {
                for entry in self.entries("errors.deadletterqueue.") {
                    if entry.key != DEAD_LETTERS {
                        warn_without(entry, DEAD_LETTERS, mistakes);
                    }
                }
            }
            Some(_) if self.config.get(copies).is_none() && self.release.brokers < Some(3) => {
                if let (Some(node), Some(brokers)) =
                    (self.config.get(DEAD_LETTERS), self.release.brokers)
                {
                    let message = format!(
                        "`{DEAD_LETTERS}` is made with 3 copies by default, and this run has fewer brokers"
                    );
                    let help = format!("add `{copies}: {brokers}`");
                    mistakes.report(node.span, message, help);
                }
            }
            Some(_) => {}
        }
        if let Some(entry) = self.config.entry("errors.log.include.messages")
            && is_true("errors.log.include.messages")
            && !is_true("errors.log.enable")
        {
            warn_without(entry, "errors.log.enable: true", mistakes);
        }
    }

    fn check_topic_creation(&self, mistakes: &mut Collector<'_>) {
        let Some(first) = self.entries("topic.creation.").next() else {
            return;
        };
        if self.release.own_workers() && self.at_workers("topic.creation.enable") == Some("false") {
            let message = format!(
                "`{}` has no effect: the workers create no topics",
                first.key
            );
            let help = "take `topic.creation.enable: false` out of `connect.config`";
            mistakes.report(first.key_span, message, help);
            return;
        }
        for needed in ["replication.factor", "partitions"] {
            let needed = format!("topic.creation.default.{needed}");
            if self.config.get(&needed).is_none() {
                let message = format!("`{}` without `{needed}`: Connect refuses that", first.key);
                mistakes.report(first.key_span, message, "add it");
            }
        }
    }

    fn check_boundary(&self, mistakes: &mut Collector<'_>) {
        let boundary = self.text("transaction.boundary").unwrap_or("poll");
        if let Some(entry) = self.config.entry("transaction.boundary.interval.ms")
            && !boundary.eq_ignore_ascii_case("interval")
            && !is_provided(boundary)
        {
            warn_without(entry, "transaction.boundary: interval", mistakes);
        }
    }

    /// Whether the workers let a connector set something for its clients (KIP-458).
    fn check_policy(&self, mistakes: &mut Collector<'_>) {
        let policy = self.at_workers(POLICY).unwrap_or("All");
        let short = policy.rsplit('.').next().unwrap_or(policy);
        let short = short.trim_end_matches("ConnectorClientConfigOverridePolicy");
        let allowed: &[&str] = match short {
            "None" => &[],
            "Principal" => &["sasl.jaas.config", "sasl.mechanism", "security.protocol"],
            _ => return,
        };
        let prefixes: &[&str] = match self.direction {
            Some(Direction::Sink) if self.config.get(DEAD_LETTERS).is_some() => &[
                "consumer.override.",
                "producer.override.",
                "admin.override.",
            ],
            Some(Direction::Sink) => &["consumer.override."],
            Some(Direction::Source) => &["producer.override."],
            None => &[],
        };
        for prefix in prefixes {
            for entry in self.entries(prefix) {
                let inner = entry.key.strip_prefix(prefix).unwrap_or(&entry.key);
                if !allowed.contains(&inner) {
                    let message = format!(
                        "`{}` is refused: the workers' `{POLICY}` is `{policy}`",
                        entry.key
                    );
                    let help =
                        format!("take it out, or write `{POLICY}: All` under `connect.config`");
                    mistakes.report(entry.key_span, message, help);
                }
            }
        }
    }

    /// What a source may say of its transactions depends on what the workers support (KIP-618).
    fn check_exactly_once(&self, mistakes: &mut Collector<'_>) {
        let support = self.at_workers("exactly.once.source.support").unwrap_or("");
        if self.direction != Some(Direction::Source) || is_provided(support) || support.is_empty() {
            return;
        }
        let wanted = "exactly.once.source.support: enabled";
        if support.eq_ignore_ascii_case("enabled") {
            return self.check_transactional(mistakes);
        }
        let required = self.text("exactly.once.support");
        if let Some(node) = self.config.get("exactly.once.support")
            && required.is_some_and(|text| text.eq_ignore_ascii_case("required"))
        {
            let message = format!(
                "`exactly.once.support: required` is refused: the workers have `exactly.once.source.support: {support}`"
            );
            let help = format!("write `{wanted}` under `connect.config`");
            mistakes.report(node.span, message, help);
        }
        for entry in self.entries("transaction.boundary") {
            let message = format!("`{}` has no effect without `{wanted}`", entry.key);
            let help = format!("write `{wanted}` under `connect.config`, or take it out");
            mistakes.warn(entry.key_span, message, help);
        }
    }

    /// `Worker.exactlyOnceSourceTaskProducerConfigs` sets these itself, and a transactional producer wants all acknowledgements.
    fn check_transactional(&self, mistakes: &mut Collector<'_>) {
        for name in ["enable.idempotence", "transactional.id"] {
            let key = format!("producer.override.{name}");
            if let Some(entry) = self.config.entry(&key)
                && self.text(&key) != Some("true")
            {
                let message =
                    format!("`{key}` has no effect: Connect sets it itself for exactly-once");
                mistakes.report(entry.key_span, message, "take it out");
            }
        }
        let key = "producer.override.acks";
        if let (Some(node), Some(acks)) = (self.config.get(key), self.text(key))
            && matches!(acks, "0" | "1")
        {
            let message =
                format!("`{key}` cannot be `{acks}`: an exactly-once producer refuses that");
            mistakes.report(node.span, message, "write `all`, or take it out");
        }
    }

    fn check_providers(&self, mistakes: &mut Collector<'_>) {
        // A plugin may have providers of its own.
        if self.config.get("config.providers").is_some() {
            return;
        }
        let declared = self
            .workers
            .map_or(Some(Vec::new()), |w| lists::names(w, "config.providers"));
        let Some(declared) = declared else { return };
        for entry in self.config.entries() {
            let Some(provider) = undeclared(entry, &declared) else {
                continue;
            };
            let (message, help) = left_as_it_is(provider);
            if self.subject.is_connects(&entry.key) {
                mistakes.report(entry.value.span, message, help);
            } else if USUAL_PROVIDERS.contains(&provider) {
                mistakes.warn(entry.value.span, message, help);
            }
        }
    }
}

/// Reports what workers themselves want of configuration providers that they do not have.
pub(super) fn check_worker(config: &Node, release: Release, mistakes: &mut Collector<'_>) {
    let Some(declared) = lists::names(config, "config.providers").filter(|_| release.own_workers())
    else {
        return;
    };
    for entry in config.entries() {
        let is_known = definition(Reader::Worker, &entry.key, release.version).is_some();
        if let Some(provider) = undeclared(entry, &declared).filter(|_| is_known) {
            let (message, help) = left_as_it_is(provider);
            mistakes.report(entry.value.span, message, help);
        }
    }
}

fn warn_without(entry: &Entry, other: &str, mistakes: &mut Collector<'_>) {
    let message = format!("`{}` has no effect without `{other}`", entry.key);
    mistakes.warn(
        entry.key_span,
        message,
        format!("add `{other}`, or take it out"),
    );
}

fn left_as_it_is(provider: &str) -> (String, String) {
    (
        format!(
            "no worker has a configuration provider `{provider}`: Connect leaves this text as it is"
        ),
        format!(
            "name it in `config.providers` under `connect.config`, with `config.providers.{provider}.class`"
        ),
    )
}

/// The configuration provider that a value asks for and that is not declared (`ConfigTransformer`).
fn undeclared<'e>(entry: &'e Entry, declared: &[&str]) -> Option<&'e str> {
    let text = entry.value.text()?;
    pieces(text).into_iter().find_map(|piece| match piece {
        Piece::Text(text) => {
            let (provider, _) = text
                .strip_prefix("${")?
                .strip_suffix('}')?
                .split_once(':')?;
            (!declared.contains(&provider)).then_some(provider)
        }
        Piece::Name(_) | Piece::Unclosed(_) => None,
    })
}
