//! Facts about this machine and this process that a run writes down.

use std::collections::BTreeMap;
use std::path::Path;

use crate::journal::{HostInfo, Journal};
use crate::model::secrets::{self, Known, mask_text};
use crate::model::{Medium, StreamId};
use crate::runtime::proc_table;
use crate::scenario::Scenario;

/// Kernel clock ticks a second, as `/proc` counts them on Linux.
pub(super) const TICKS_PER_SECOND: u64 = 100;

/// A stream id that no other run on this machine has: from start time and process id.
pub fn fresh_stream(started_unix_us: i64) -> StreamId {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&started_unix_us.to_le_bytes());
    hasher.update(&std::process::id().to_le_bytes());
    StreamId(hasher.finalize())
}

/// The machine as the report shows it; what cannot be read is left empty. `java` is the version of its Java.
pub fn this_machine(java: &str) -> HostInfo {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let memory_kib = read("/proc/meminfo").lines().find_map(|line| {
        line.strip_prefix("MemTotal:")?
            .trim()
            .strip_suffix(" kB")?
            .trim()
            .parse::<u64>()
            .ok()
    });
    HostInfo {
        os: format!(
            "{} {}",
            read("/proc/sys/kernel/ostype").trim(),
            read("/proc/sys/kernel/osrelease").trim()
        ),
        cpus: std::thread::available_parallelism()
            .map_or(0, |count| u32::try_from(count.get()).unwrap_or(0)),
        memory_bytes: memory_kib.unwrap_or(0) * 1024,
        java: java.to_owned(),
    }
}

/// CPU time that this process has used so far, in milliseconds; 0 where it cannot be read.
pub fn own_cpu_ms() -> u64 {
    let used = proc_table::start_and_used_ticks(std::process::id());
    used.map_or(0, |(_, ticks)| ticks * 1_000 / TICKS_PER_SECOND)
}

/// The secrets of a scenario's text and settings, and the names that the run cannot do without.
pub fn secrets_of(text: &str, scenario: &Scenario) -> Known {
    let mut known = crate::scenario::secrets_in(text);
    known.learn_all(&scenario.connect.config);
    for connector in scenario.route.connectors() {
        known.learn_all(&connector.config);
        known.spare(connector.name.as_str());
        if let Some(class) = connector.config.get("connector.class") {
            known.spare(class);
        }
    }
    for place in scenario.route.places() {
        let (Medium::Topic(name) | Medium::File(name)) = &place.medium;
        known.spare(name);
        known.spare(place.name.as_str());
    }
    known.spare(&scenario.name);
    known
}

/// Takes secrets out of the logs of brokers and workers, by what is known of them and by how they are written: Kafka hides
/// only what a class declares as a password. Fails when a log cannot be read or written.
pub fn hide_secrets_in(logs: &Path, journal: &Journal) -> std::io::Result<()> {
    for entry in std::fs::read_dir(logs)? {
        let entry = entry?;
        if !entry.file_type()?.is_file() {
            continue;
        }
        let text = String::from_utf8_lossy(&std::fs::read(entry.path())?).into_owned();
        let masked = mask_text(&journal.hidden(&text));
        if masked != text {
            std::fs::write(entry.path(), masked)?;
        }
    }
    Ok(())
}

/// A wall-clock time in RFC 3339, UTC, in whole seconds.
pub fn rfc3339(unix_us: i64) -> String {
    jiff::Timestamp::from_second(unix_us / 1_000_000)
        .map(|time| time.to_string())
        .unwrap_or_default()
}

/// The scenario as it may be written to disk: secrets in worker and connector settings are masked, and known ones wherever
/// they stand.
pub fn masked_scenario(scenario: &Scenario, journal: &Journal) -> Scenario {
    let mut masked = scenario.clone();
    masked.question = mask_text(&journal.hidden(&scenario.question));
    masked.connect.config = masked_config(&scenario.connect.config, journal);
    for (connector, _) in &mut masked.route.legs {
        connector.config = masked_config(&connector.config, journal);
        connector.told = masked_config(&connector.told, journal);
    }
    masked
}

/// The settings as they may be written to disk.
pub fn masked_config(
    config: &BTreeMap<String, String>,
    journal: &Journal,
) -> BTreeMap<String, String> {
    let masked = secrets::mask(config).into_iter();
    masked
        .map(|(name, value)| (name, journal.hidden(&value)))
        .collect()
}

#[cfg(test)]
#[path = "host_tests.rs"]
mod tests;
