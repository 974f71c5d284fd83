//! Listens to the engine's events: the proof of every act, and the trace of whatever somebody else does to a container.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use futures_util::StreamExt;
use testcontainers::bollard::models::{EventMessage, EventMessageTypeEnum};
use testcontainers::bollard::query_parameters::EventsOptions;

use crate::journal::{Exit, What};

use super::super::RuntimeError;
use super::engine::in_words;
use super::inner::Inner;
use super::node::Node;

/// How long one look at the silent stream lasts before the end of the cluster is looked at.
const TURN: Duration = Duration::from_millis(100);

/// Begins to listen, from a second ago on; ends when the cluster is done or dropped.
pub fn watch(inner: &Arc<Inner>) -> Result<JoinHandle<()>, RuntimeError> {
    let weak = Arc::downgrade(inner);
    let engine = Arc::clone(&inner.engine);
    let since = crate::journal::unix_us() / 1_000_000 - 1;
    let options = EventsOptions {
        since: Some(since.to_string()),
        until: None,
        filters: Some(HashMap::from([(
            "type".to_owned(),
            vec!["container".to_owned(), "network".to_owned()],
        )])),
    };
    let listen = move || {
        let mut events = Box::pin(engine.docker.events(Some(options)));
        loop {
            let next = engine.block_on(async { tokio::time::timeout(TURN, events.next()).await });
            let Some(inner) = listening(&weak) else {
                return;
            };
            match next {
                Err(_) => {}
                Ok(Some(Ok(event))) => take_in(&inner, &event),
                Ok(Some(Err(error))) => return gone(&inner, &in_words(&error)),
                Ok(None) => return gone(&inner, "it ended"),
            }
        }
    };
    std::thread::Builder::new()
        .name("events".to_owned())
        .spawn(listen)
        .map_err(|source| RuntimeError::Spawn {
            who: "the thread for the engine's events".to_owned(),
            source,
        })
}

fn listening(weak: &Weak<Inner>) -> Option<Arc<Inner>> {
    weak.upgrade()
        .filter(|inner| !inner.done.load(Ordering::SeqCst))
}

fn gone(inner: &Inner, why: &str) {
    disturbed(
        inner,
        format!("the engine's stream of events broke off ({why}), so no act can be proven"),
    );
}

fn disturbed(inner: &Inner, what: String) {
    if !inner.closing.load(Ordering::SeqCst) {
        inner.journal.record(What::Note(what.clone()));
        inner.record().disturbances.push(what);
    }
}

fn take_in(inner: &Inner, event: &EventMessage) {
    let Some(attributes) = event
        .actor
        .as_ref()
        .and_then(|actor| actor.attributes.as_ref())
    else {
        return;
    };
    let text = |key: &str| attributes.get(key).map_or("", String::as_str);
    let action = event.action.as_deref().unwrap_or_default();
    match event.typ {
        Some(EventMessageTypeEnum::CONTAINER) => {
            let place = inner
                .nodes
                .iter()
                .position(|node| node.plan.container == text("name"));
            if let Some(index) = place {
                of_container(inner, index, action, attributes);
            }
        }
        Some(EventMessageTypeEnum::NETWORK) => {
            let id = event.actor.as_ref().and_then(|actor| actor.id.as_deref());
            let ends = ends_of(attributes, id).filter(|(network, _)| *network == inner.network);
            // The record is locked for the question only: what follows may write into it.
            let place = ends.and_then(|(_, container)| inner.record().ids.get(container).copied());
            if let Some(index) = place {
                of_network(inner, &inner.nodes[index], action);
            }
        }
        _ => {}
    }
}

/// The network and the id of the container that an event of a network is about. Docker's actor is the network; Podman's is
/// the container, and the network an attribute.
fn ends_of<'a>(
    attributes: &'a HashMap<String, String>,
    actor: Option<&'a str>,
) -> Option<(&'a str, &'a str)> {
    let text = |key: &str| attributes.get(key).map(String::as_str);
    match text("network") {
        Some(network) => Some((network, actor?)),
        None => Some((text("name")?, text("container")?)),
    }
}

fn of_container(inner: &Inner, index: usize, action: &str, attributes: &HashMap<String, String>) {
    let node = &inner.nodes[index];
    let who = &node.plan.name;
    match action {
        "die" => ended(inner, index, attributes.get("exitCode")),
        "start" => expect(inner, node, "start", "started"),
        "kill" => match attributes.get("signal") {
            Some(signal) => {
                let what = format!("signal {signal}");
                expect(inner, node, &what, &format!("sent {what} to"));
            }
            // Podman does not say which.
            None if node.change(|slot| slot.take_expected_kind("signal ")) => {}
            None => disturbed(inner, format!("somebody else sent a signal to {who}")),
        },
        "pause" => {
            node.change(|slot| slot.is_paused = true);
            expect(inner, node, "pause", "paused");
        }
        "unpause" => {
            node.change(|slot| slot.is_paused = false);
            expect(inner, node, "unpause", "resumed");
        }
        "oom" => disturbed(
            inner,
            format!("{who} reached its memory limit and the kernel ended it"),
        ),
        _ => {}
    }
}

/// What nobody here asked for was done by somebody else.
fn expect(inner: &Inner, node: &Node, what: &str, done: &str) {
    if !node.change(|slot| slot.take_expected(what)) {
        disturbed(inner, format!("somebody else {done} {}", node.plan.name));
    }
}

fn ended(inner: &Inner, index: usize, code: Option<&String>) {
    let node = &inner.nodes[index];
    let exit = exit_of(code.and_then(|code| code.parse().ok()).unwrap_or(-1));
    let announced = node.change(|slot| {
        if slot.exit.is_some() {
            return false;
        }
        if let Some(follower) = &slot.follower {
            follower.end();
        }
        slot.is_paused = false;
        slot.exit = Some(exit);
        slot.announced
    });
    if announced {
        inner.record_end(index, exit);
    }
}

/// The engine tells a death by signal as 128 and the signal. A JVM that is asked to stop ends itself with such a code
/// too (143, 130, 129): those are codes.
fn exit_of(code: i32) -> Exit {
    match code {
        // ABRT, BUS, FPE, KILL, SEGV: no program ends itself with these.
        134 | 135 | 136 | 137 | 139 => Exit::Signal(code - 128),
        code => Exit::Code(code),
    }
}

/// The engine takes a container that ends off its network, and puts it back at its start: that is nobody's doing. So
/// what nobody asked for is asked about.
fn of_network(inner: &Inner, node: &Node, action: &str) {
    let is_cut_off = match action {
        "disconnect" => true,
        "connect" => false,
        _ => return,
    };
    let (is_wanted, acts) = node.change(|slot| {
        slot.is_cut_off = is_cut_off;
        let is_wanted = slot.wants_cut_off == is_cut_off || !slot.is_up();
        (is_wanted || slot.network_acts % 2 == 1, slot.network_acts)
    });
    if is_wanted || inner.closing.load(Ordering::SeqCst) {
        return;
    }
    let Ok(found) = inner.engine.inspect(&node.plan.container) else {
        return;
    };
    let is_running = found.state.and_then(|state| state.running) == Some(true);
    let networks = found
        .network_settings
        .and_then(|settings| settings.networks)
        .unwrap_or_default();
    let is_out = !networks.contains_key(&inner.network);
    let is_other = {
        let slot = node.slot();
        is_running && slot.is_up() && slot.network_acts == acts && is_out != slot.wants_cut_off
    };
    if is_other {
        let done = if is_out { "took" } else { "put" };
        let place = if is_out { "off" } else { "back on" };
        let who = &node.plan.name;
        disturbed(
            inner,
            format!("somebody else {done} {who} {place} its network"),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::super::node::Slot;
    use super::*;

    #[test]
    fn a_death_by_signal_is_told_from_an_exit_code() {
        assert_eq!(exit_of(137), Exit::Signal(9));
        assert_eq!(exit_of(134), Exit::Signal(6));
        assert_eq!(exit_of(143), Exit::Code(143));
        assert_eq!(exit_of(0), Exit::Code(0));
    }

    #[test]
    fn network_events_of_both_engines_are_understood() {
        let map = |pairs: &[(&str, &str)]| -> HashMap<String, String> {
            let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
            pairs.iter().map(owned).collect()
        };
        let docker = map(&[("name", "net"), ("container", "c0ffee"), ("type", "bridge")]);
        assert_eq!(ends_of(&docker, Some("f00d")), Some(("net", "c0ffee")));
        let podman = map(&[("name", "w1"), ("network", "net")]);
        assert_eq!(ends_of(&podman, Some("c0ffee")), Some(("net", "c0ffee")));
        assert_eq!(ends_of(&map(&[]), Some("c0ffee")), None);
    }

    #[test]
    fn a_signal_without_its_number_takes_the_first_that_is_expected() {
        let mut slot = Slot {
            expected: vec!["start".to_owned(), "signal 9".to_owned()],
            ..Slot::default()
        };
        assert!(slot.take_expected_kind("signal "));
        assert!(!slot.take_expected_kind("signal "));
        assert_eq!(slot.expected, ["start"]);
    }

    #[test]
    fn each_signal_is_expected_as_often_as_it_was_sent() {
        let mut slot = Slot {
            expected: vec!["signal 15".to_owned(), "signal 9".to_owned()],
            ..Slot::default()
        };
        assert!(slot.take_expected("signal 9"));
        assert!(!slot.take_expected("signal 9"));
        assert!(slot.take_expected("signal 15"));
    }
}
