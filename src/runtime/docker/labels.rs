//! The labels that every container and network of a run carries: whose it is, and from when on nobody can want it.

use std::collections::HashMap;
use std::fs;

use super::super::proc_table;

/// The run's id.
pub const RUN: &str = "squall.run";
const OWNER_PID: &str = "squall.owner-pid";
const OWNER_START: &str = "squall.owner-start-ticks";
const OWNER_BOOT: &str = "squall.owner-boot";
const OWNER_SPACE: &str = "squall.owner-pid-space";
const EXPIRES: &str = "squall.expires-unix-s";

/// No run lasts that long.
const LIFETIME_S: i64 = 24 * 60 * 60;

/// The labels of everything that this process makes for the run.
pub fn of_run(run: &str) -> HashMap<String, String> {
    let pid = std::process::id();
    let expires = crate::journal::unix_us() / 1_000_000 + LIFETIME_S;
    let start = proc_table::start_ticks(pid).unwrap_or_default();
    [
        (RUN, run.to_owned()),
        (OWNER_PID, pid.to_string()),
        (OWNER_START, start.to_string()),
        (OWNER_BOOT, proc_table::boot_id()),
        (OWNER_SPACE, pid_space()),
        (EXPIRES, expires.to_string()),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value))
    .collect()
}

/// What the labels say of the harness that made a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ownership {
    /// It still runs.
    Live,
    /// It is gone.
    Dead,
    /// It ran where this process cannot look, and may still run.
    Unknown,
}

/// Whether the harness that made a thing with these labels still runs. Process ids tell something only on the same boot
/// of the same machine and in the same process-id space; for the others the expiry decides.
pub fn ownership(labels: &HashMap<String, String>, now_unix_s: i64) -> Ownership {
    let text = |key: &str| labels.get(key).map_or("", String::as_str);
    let is_here = text(OWNER_BOOT) == proc_table::boot_id() && text(OWNER_SPACE) == pid_space();
    if is_here && let (Ok(pid), Ok(start)) = (text(OWNER_PID).parse(), text(OWNER_START).parse()) {
        return if proc_table::start_ticks(pid) == Some(start) {
            Ownership::Live
        } else {
            Ownership::Dead
        };
    }
    match text(EXPIRES).parse::<i64>() {
        Ok(expires) if expires < now_unix_s => Ownership::Dead,
        Ok(_) | Err(_) => Ownership::Unknown,
    }
}

/// Tells this process-id space from those of containers.
fn pid_space() -> String {
    fs::read_link("/proc/self/ns/pid")
        .map(|link| link.display().to_string())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_live_process_made_is_live_and_strangers_have_until_their_expiry() {
        let now = crate::journal::unix_us() / 1_000_000;
        let mut labels = of_run("r");
        assert_eq!(ownership(&labels, now), Ownership::Live);
        labels.insert(OWNER_START.to_owned(), "1".to_owned());
        assert_eq!(ownership(&labels, now), Ownership::Dead);
        labels.insert(OWNER_BOOT.to_owned(), "another".to_owned());
        assert_eq!(ownership(&labels, now), Ownership::Unknown);
        assert_eq!(ownership(&labels, now + LIFETIME_S + 1), Ownership::Dead);
        assert_eq!(ownership(&HashMap::new(), now), Ownership::Unknown);
    }
}
