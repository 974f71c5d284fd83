//! Times that cannot be: negative ones, sessions that brokers refuse, and heartbeats that come too late for theirs.

use crate::model::settings::{Reader, definition, worker_default};

use super::super::mistake::Collector;
use super::super::tree::Node;
use super::release::Release;
use super::said::Said;

const HEARTBEAT: &str = "heartbeat.interval.ms";
const SESSION: &str = "session.timeout.ms";

/// Times that a recovery is made of. Connect takes any number for them, and no run can be timed with a negative one, nor
/// with more than a month.
const TIMES: [&str; 9] = [
    "session.timeout.ms",
    "heartbeat.interval.ms",
    "rebalance.timeout.ms",
    "scheduled.rebalance.max.delay.ms",
    "consumer.session.timeout.ms",
    "offset.flush.interval.ms",
    "offset.flush.timeout.ms",
    "task.shutdown.graceful.timeout.ms",
    "worker.sync.timeout.ms",
];

/// What is said against a time that is none.
pub(super) fn absurd(name: &str, value: &str) -> Option<Said> {
    let is_absurd = TIMES.contains(&name) && value.trim().parse::<u32>().is_err();
    is_absurd.then(|| Said::Refused {
        message: format!("`{name}` cannot be `{value}`"),
        help: "write whole milliseconds, such as `1000`".to_owned(),
    })
}

/// Brokers take no shorter session (`group.min.session.timeout.ms`), and a run's own brokers have Kafka's default.
const SHORTEST_SESSION_MS: u64 = 6_000;

/// Reports sessions of workers, and of the consumers that they give to sinks, that cannot be.
pub(super) fn check_worker(config: &Node, release: Release, mistakes: &mut Collector<'_>) {
    for prefix in ["", "consumer."] {
        let (heartbeat, session) = (format!("{prefix}{HEARTBEAT}"), format!("{prefix}{SESSION}"));
        let default = |name: &str| number(worker_default(release.version, name)?);
        let pair = Pair {
            release,
            names: (&heartbeat, &session),
            heartbeat_ms: given(config, &heartbeat).or_else(|| default(&heartbeat)),
            session_ms: given(config, &session).or_else(|| default(&session)),
        };
        pair.check(config, mistakes);
    }
}

/// The same for what a connector says of its own consumers.
pub(super) fn check_connector(
    config: &Node,
    workers: Option<&Node>,
    release: Release,
    mistakes: &mut Collector<'_>,
) {
    let prefix = "consumer.override.";
    let (heartbeat, session) = (format!("{prefix}{HEARTBEAT}"), format!("{prefix}{SESSION}"));
    let otherwise = |name: &str| {
        let at_workers = workers.map(|workers| workers.get(&format!("consumer.{name}")));
        match at_workers.flatten().and_then(Node::text) {
            Some(text) => number(text),
            None => number(definition(Reader::Consumer, name, release.version)?.default()?),
        }
    };
    let pair = Pair {
        release,
        names: (&heartbeat, &session),
        heartbeat_ms: given(config, &heartbeat).or_else(|| otherwise(HEARTBEAT)),
        session_ms: given(config, &session).or_else(|| otherwise(SESSION)),
    };
    pair.check(config, mistakes);
}

struct Pair<'a> {
    release: Release,
    names: (&'a str, &'a str),
    heartbeat_ms: Option<u64>,
    session_ms: Option<u64>,
}

impl Pair<'_> {
    /// Reports the pair at what `config` says of it; what it does not say is the default's or the workers' affair.
    fn check(&self, config: &Node, mistakes: &mut Collector<'_>) {
        let (heartbeat, session) = self.names;
        let place = |name: &str| config.get(name).filter(|node| node.text().is_some());
        if let (Some(node), Some(ms)) = (place(session), given(config, session))
            && ms < SHORTEST_SESSION_MS
            && self.release.own_workers()
        {
            let message = format!(
                "`{session}` cannot be {ms}: brokers take no shorter one than {SHORTEST_SESSION_MS}"
            );
            let help = format!("write at least `{SHORTEST_SESSION_MS}`");
            mistakes.report(node.span, message, help);
        }
        let (Some(heartbeat_ms), Some(session_ms)) = (self.heartbeat_ms, self.session_ms) else {
            return;
        };
        if heartbeat_ms < session_ms {
            return;
        }
        let Some(node) = place(heartbeat).or_else(|| place(session)) else {
            return;
        };
        let message = format!(
            "a heartbeat every {heartbeat_ms} ms is too late for a session of {session_ms} ms: Kafka refuses both"
        );
        let help =
            format!("`{heartbeat}` must be shorter than `{session}`: a third of it is usual");
        mistakes.report(node.span, message, help);
    }
}

/// What a map says, where it is a number; what a configuration provider gives is not known.
fn given(config: &Node, name: &str) -> Option<u64> {
    number(config.text_of(name)?)
}

fn number(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}
