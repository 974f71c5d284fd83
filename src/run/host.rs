//! Facts about this machine and this process that a run writes down.

use std::path::Path;

use crate::connect::secrets;
use crate::journal::HostInfo;
use crate::model::StreamId;
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
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|text| text.parse::<u64>().ok());
    ticks.sum::<u64>() * 1_000 / TICKS_PER_SECOND
}

/// The secret values of a scenario's settings, longest first, so that none hides behind a part of it.
fn secret_values(scenario: &Scenario) -> Vec<&str> {
    let settings = scenario
        .route
        .connectors()
        .map(|connector| &connector.config);
    let mut secret: Vec<&str> = Vec::new();
    for config in settings.chain([&scenario.connect.config]) {
        let masked = secrets::mask(config);
        let differing = config
            .iter()
            .filter(|(name, value)| masked.get(*name) != Some(value));
        secret.extend(
            differing
                .map(|(_, value)| value.as_str())
                .filter(|value| !value.is_empty()),
        );
    }
    secret.sort_by_key(|value| std::cmp::Reverse(value.len()));
    secret
}

/// The scenario's text as it may be written to disk: each secret value of its settings is replaced wherever it stands.
pub fn masked_text(text: &str, scenario: &Scenario) -> String {
    let hide = |text: String, value: &&str| text.replace(value, secrets::HIDDEN);
    secret_values(scenario).iter().fold(text.to_owned(), hide)
}

/// Replaces each secret value of the scenario in the logs of brokers and workers: Kafka hides only what a class declares as
/// a password. Fails when a log cannot be read or written.
pub fn hide_secrets_in(logs: &Path, scenario: &Scenario) -> std::io::Result<()> {
    if secret_values(scenario).is_empty() {
        return Ok(());
    }
    for entry in std::fs::read_dir(logs)? {
        let path = entry?.path();
        let text = String::from_utf8_lossy(&std::fs::read(&path)?).into_owned();
        let masked = masked_text(&text, scenario);
        if masked != text {
            std::fs::write(&path, masked)?;
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

/// The scenario as it may be written to disk: secrets in worker and connector settings are masked.
pub fn masked_scenario(scenario: &Scenario) -> Scenario {
    let mut masked = scenario.clone();
    masked.connect.config = secrets::mask(&scenario.connect.config);
    for (connector, _) in &mut masked.route.legs {
        connector.config = secrets::mask(&connector.config);
    }
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_used_some_processor_time() {
        let mut waste = 0u64;
        while own_cpu_ms() == 0 {
            waste = waste.wrapping_add(1);
        }
        assert!(own_cpu_ms() > 0, "{waste}");
    }

    #[test]
    fn a_time_is_printed_in_utc() {
        assert_eq!(rfc3339(1_763_863_841_500_000), "2025-11-23T02:10:41Z");
    }
}
