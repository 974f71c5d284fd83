//! Whether each Kafka setting of a scenario has an effect where it stands.
//!
//! Connect ignores what it does not know, so a setting with a slip in its name, or one that belongs elsewhere, leaves a
//! default in force without a word, and the run would certify that default. What is ignored for certain is a mistake; what
//! a plugin may know is a warning at most, and so is what another setting beside it would make work.

mod beside;
mod client;
mod connector;
mod lists;
mod near;
mod release;
mod said;
mod times;
mod worker;

#[cfg(test)]
mod tests;

use super::mistake::Collector;
use super::route;
use super::tree::{Entry, Node};
use near::Patience;
use said::Said;

pub(super) use release::Release;

/// Reports what a worker would ignore or refuse.
pub(super) fn check_worker(config: &Node, release: Release, mistakes: &mut Collector<'_>) {
    let mut patience = Patience::default();
    for entry in config.entries() {
        let value = value_of(entry);
        let said = worker::of(&entry.key, release, &mut patience)
            .or_else(|| worker::refuses(&entry.key, value?, release));
        tell(entry, said, mistakes);
    }
    lists::check_worker(config, mistakes);
    beside::check_worker(config, release, mistakes);
    times::check_worker(config, release, mistakes);
}

/// Reports what the connectors of this route would ignore or refuse; `workers` is the workers' `config`.
pub(super) fn check_connectors(
    route: &Node,
    workers: Option<&Node>,
    release: Release,
    mistakes: &mut Collector<'_>,
) {
    let steps = route.items().iter();
    for connector in steps.filter_map(|step| step.get("connector")) {
        check_connector(connector, workers, release, mistakes);
    }
}

/// The same for one connector with its `config`.
pub(super) fn check_connector(
    connector: &Node,
    workers: Option<&Node>,
    release: Release,
    mistakes: &mut Collector<'_>,
) {
    let Some(config) = connector.get("config") else {
        return;
    };
    let Some(class) = config.text_of("connector.class") else {
        return;
    };
    let direction = route::given_direction(connector).or_else(|| route::direction_of_class(class));
    let subject = connector::Subject::new(class, direction, release);
    let mut patience = Patience::default();
    for entry in config.entries() {
        let value = value_of(entry);
        let said = subject
            .of(&entry.key, config, &mut patience)
            .or_else(|| subject.refuses(&entry.key, value?));
        tell(entry, said, mistakes);
    }
    lists::check_connector(config, mistakes);
    let beside = beside::Beside {
        subject: &subject,
        direction,
        config,
        workers,
        release,
    };
    beside.check(mistakes);
    times::check_connector(config, workers, release, mistakes);
}

/// The value as Connect will have it; `None` where a configuration provider gives it, or where there is none.
fn value_of(entry: &Entry) -> Option<&str> {
    let text = entry.value.text().filter(|_| !entry.value.is_null())?;
    (!text.contains("${")).then_some(text)
}

fn tell(entry: &Entry, said: Option<Said>, mistakes: &mut Collector<'_>) {
    match said {
        None => {}
        Some(Said::Mistake { message, help }) => mistakes.report(entry.key_span, message, help),
        Some(Said::Refused { message, help }) => {
            mistakes.report(entry.value.span, message, help);
        }
        Some(Said::Warning { message, help }) => mistakes.warn(entry.key_span, message, help),
    }
}
