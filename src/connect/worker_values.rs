//! The settings that a worker prints at its start (`AbstractConfig.logAll`), found in its log.

use std::collections::BTreeMap;

use crate::model::is_provided;

/// How the block of settings of a distributed worker begins; one line `\tname = value` follows for each setting.
pub const BEGINS: &str = "DistributedConfig values:";

/// The settings of the last start that a log tells of, as the worker prints them: lists in brackets, passwords hidden.
/// Settings of the tasks' clients (`consumer.…`, `producer.…`) are not among them. Empty where the log has no start.
pub fn last_in(log: &str) -> BTreeMap<String, String> {
    let mut last = BTreeMap::new();
    let mut is_inside = false;
    for line in log.lines() {
        if line.contains(BEGINS) {
            last.clear();
            is_inside = true;
            continue;
        }
        let setting = line.strip_prefix('\t').filter(|_| is_inside);
        match setting.and_then(|line| line.split_once(" =")) {
            Some((name, value)) => {
                last.insert(name.to_owned(), value.trim().to_owned());
            }
            None => is_inside = false,
        }
    }
    last
}

/// These settings with what the workers printed in place of what a configuration provider gives, for the names of interest
/// and where all workers printed the same.
pub fn with_provided<'a>(
    settings: &BTreeMap<String, String>,
    names: impl Iterator<Item = &'a str>,
    printed: &[BTreeMap<String, String>],
) -> BTreeMap<String, String> {
    let mut known = settings.clone();
    for name in names {
        let Some(value) = known.get_mut(name).filter(|value| is_provided(value)) else {
            continue;
        };
        let mut all = printed.iter().filter_map(|values| values.get(name));
        if let Some(first) = all.next()
            && all.all(|other| other == first)
        {
            value.clone_from(first);
        }
    }
    known
}

/// Whether a setting as it was written and as the worker printed it mean the same: numbers and words stand as they are,
/// lists stand in brackets with a blank behind each comma.
pub fn is_same(written: &str, printed: &str) -> bool {
    let plain = |text: &str| -> String {
        let text = text.trim();
        let inside = text.strip_prefix('[').and_then(|t| t.strip_suffix(']'));
        let parts = inside.unwrap_or(text).split(',').map(str::trim);
        parts.collect::<Vec<_>>().join(",")
    };
    let (written, printed) = (plain(written), plain(printed));
    // `class …` is how a class is printed; what is not set is `null`.
    let printed = printed.strip_prefix("class ").unwrap_or(&printed);
    written.eq_ignore_ascii_case(printed) || (written.is_empty() && printed == "null")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "[2026-11-27 03:34:40,101] INFO Kafka Connect worker initializing ... (org.apache.kafka.connect.cli.AbstractConnectCli)\n\
        [2026-11-27 03:34:41,200] INFO DistributedConfig values: \n\
        \taccess.control.allow.methods = \n\
        \tconfig.providers = []\n\
        \tlisteners = [http://0.0.0.0:8083]\n\
        \toffset.flush.interval.ms = 60000\n\
        \tssl.key.password = null\n \
        (org.apache.kafka.connect.runtime.distributed.DistributedConfig)\n\
        [2026-11-27 03:34:42,000] INFO ProducerConfig values: \n\
        \tlinger.ms = 5\n";

    #[test]
    fn the_settings_of_the_last_start_are_found() {
        let values = last_in(LOG);
        assert_eq!(values["offset.flush.interval.ms"], "60000");
        assert_eq!(values["access.control.allow.methods"], "");
        assert_eq!(values["listeners"], "[http://0.0.0.0:8083]");
        assert_eq!(values.len(), 5);
        let twice = format!("{LOG}{}", LOG.replace("60000", "1000"));
        assert_eq!(last_in(&twice)["offset.flush.interval.ms"], "1000");
        assert_eq!(last_in("nothing\n\tof = it\n"), BTreeMap::new());
    }

    #[test]
    fn what_a_provider_gives_is_what_all_workers_print() {
        let map = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
            pairs.iter().map(owned).collect()
        };
        let given = map(&[("a", "${file:/x:a}"), ("b", "${file:/x:b}"), ("c", "1")]);
        let printed = [
            map(&[("a", "5"), ("b", "1"), ("c", "2")]),
            map(&[("a", "5"), ("b", "2"), ("c", "2")]),
        ];
        let known = with_provided(&given, ["a", "b", "c", "d"].into_iter(), &printed);
        let expected = map(&[("a", "5"), ("b", "${file:/x:b}"), ("c", "1")]);
        assert_eq!(known, expected);
    }

    #[test]
    fn a_setting_is_recognised_as_the_worker_prints_it() {
        assert!(is_same("1000", "1000"));
        assert!(is_same(" a:1,b:2", "[a:1, b:2]"));
        assert!(is_same("", "null") && is_same("", "[]"));
        assert!(is_same("org.x.Y", "class org.x.Y"));
        assert!(is_same("ENABLED", "enabled"));
        assert!(!is_same("1000", "60000"));
    }
}
