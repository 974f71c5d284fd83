//! What workers and their clients say of settings that nobody reads.

use std::collections::BTreeSet;

use crate::journal::LogFact;
use crate::model::KafkaVersion;
use crate::model::settings::is_read_by_workers;

/// The words of all releases: since 3.0 one line names them all, before one line each.
const UNUSED: &str = " were supplied but are not used yet";
const UNKNOWN: &str = " was supplied but isn't a known config";

/// So many are told; who has more has read the first.
const MOST_TOLD: usize = 100;

/// The settings that one worker has told of. Each client is given all settings of its worker, and warns of those that are
/// the worker's own, so what somebody else reads is not told.
#[derive(Debug, Default)]
pub(super) struct UnknownSettings {
    told: BTreeSet<String>,
}

impl UnknownSettings {
    /// What this message tells for the first time.
    pub(super) fn told_in(&mut self, message: &str, version: KafkaVersion) -> Option<LogFact> {
        let names: Vec<String> = names_in(message)?
            .filter(|name| !is_read_by_workers(version, name))
            .filter(|name| self.told.len() < MOST_TOLD && self.told.insert((*name).to_owned()))
            .map(str::to_owned)
            .collect();
        (!names.is_empty()).then_some(LogFact::UnknownSettings { names })
    }
}

fn names_in(message: &str) -> Option<impl Iterator<Item = &str>> {
    let before = match message.split_once(UNUSED) {
        Some((before, _)) => before,
        None => message.split_once(UNKNOWN)?.0,
    };
    let (_, quoted) = before.strip_suffix('\'')?.split_once('\'')?;
    let list = quoted.strip_prefix('[').unwrap_or(quoted);
    let list = list.strip_suffix(']').unwrap_or(list);
    Some(list.split(", ").filter(|name| !name.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_reads_is_told_once_and_what_the_worker_reads_is_not() {
        let version = KafkaVersion::new(4, 1, 1);
        let mut unknown = UnknownSettings::default();
        let line = "These configurations '[consumer.session.timeout.ms, plugin.path, my.own.setting, \
            metrics.context.connect.group.id, key.converter.schemas.enable]' were supplied but are not used yet. (a.B)";
        let names = vec!["my.own.setting".to_owned()];
        let fact = Some(LogFact::UnknownSettings { names });
        assert_eq!(unknown.told_in(line, version), fact);
        assert_eq!(unknown.told_in(line, version), None);
        let old = "[m|task-0] The configuration 'fetch.minimum' was supplied but isn't a known config. (a.B)";
        let names = vec!["fetch.minimum".to_owned()];
        assert_eq!(
            unknown.told_in(old, version),
            Some(LogFact::UnknownSettings { names })
        );
        assert_eq!(unknown.told_in("Kafka version: 4.1.1 (a.B)", version), None);
    }
}
