//! What the kernel's process table says: who runs since when, and whose command line carries a token.

use std::fs;

/// When a process was started, in clock ticks since boot (field 22 of `/proc/<pid>/stat`); together with the pid and the
/// boot id it names a process for ever. `None` when there is no such process, or only its zombie.
pub fn start_ticks(pid: u32) -> Option<u64> {
    let stat = stat(pid)?;
    begun(&stat).filter(|_| !matches!(state(&stat), Some("Z" | "X")))
}

/// Like [`start_ticks`], and also for a zombie. The state is that of the first thread: a killed process is called a zombie
/// while its other threads are still at what the kernel did for them, such as making a file.
pub fn start_ticks_to_the_last(pid: u32) -> Option<u64> {
    begun(&stat(pid)?)
}

/// When a process was started, and how many ticks of CPU its threads have used (fields 14 and 15). What its ended children
/// used is left out. `None` when there is no such process.
pub fn start_and_used_ticks(pid: u32) -> Option<(u64, u64)> {
    let stat = stat(pid)?;
    Some((begun(&stat)?, used(&stat)?))
}

fn stat(pid: u32) -> Option<String> {
    fs::read_to_string(format!("/proc/{pid}/stat")).ok()
}

/// The second field, the name, may hold blanks and brackets: fields are counted after its last bracket.
fn begun(stat: &str) -> Option<u64> {
    field(stat, 19)?.parse().ok()
}

fn used(stat: &str) -> Option<u64> {
    let ticks = |n| field(stat, n)?.parse::<u64>().ok();
    Some(ticks(11)? + ticks(12)?)
}

/// The field of this number behind the name, counted from 0.
fn field(stat: &str, number: usize) -> Option<&str> {
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_ascii_whitespace().nth(number)
}

/// What somebody else has done who makes a process stand still.
pub const STOPPED: &str = "stopped (SIGSTOP) the process of";

/// Whether a process stands still because of a signal: state T.
pub fn is_stopped(pid: u32) -> bool {
    stat(pid).is_some_and(|stat| state(&stat) == Some("T"))
}

fn state(stat: &str) -> Option<&str> {
    field(stat, 0)
}

/// Tells this boot of the machine from all others; empty where the kernel does not say.
pub fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map(|id| id.trim().to_owned())
        .unwrap_or_default()
}

/// All processes that have `token` as one whole argument of their command line.
pub fn pids_with_argument(token: &str) -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| has_argument(*pid, token))
        .collect()
}

/// Whether the process has `token` as one whole argument of its command line.
pub fn has_argument(pid: u32, token: &str) -> bool {
    fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| {
        line.split(|byte| *byte == 0)
            .any(|argument| argument == token.as_bytes())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_process_has_used_is_found_behind_a_name_with_brackets() {
        let stat = "12 (a) b (c) S 1 12 12 0 -1 4194560 1 2 3 4 50 6 7 8 20 0 1 0 987654 1 2 3";
        assert_eq!((begun(stat), used(stat)), (Some(987_654), Some(56)));
        assert_eq!(used("rubbish"), None);
    }

    #[test]
    fn the_start_time_is_found_behind_a_name_with_brackets() {
        let stat = "12 (a) b (c) S 1 12 12 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654 1 2 3";
        assert_eq!(begun(stat), Some(987_654));
        assert_eq!(begun("rubbish"), None);
        assert_eq!(state(stat), Some("S"));
        assert_eq!(state("rubbish"), None);
    }

    #[test]
    fn this_process_has_a_start_time_and_pid_0_has_none() {
        assert!(start_ticks(std::process::id()).is_some());
        assert_eq!(start_ticks(0), None);
        assert_eq!(start_ticks_to_the_last(0), None);
        assert!(!boot_id().is_empty());
    }

    #[test]
    fn a_zombie_runs_no_more_and_is_still_the_process_that_it_was() {
        let mut child = std::process::Command::new("cat")
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let ticks = start_ticks(child.id());
        assert!(ticks.is_some());
        assert_eq!(start_ticks_to_the_last(child.id()), ticks);
        child.kill().unwrap();
        let limit = crate::journal::Deadline::after(std::time::Duration::from_secs(10));
        while start_ticks(child.id()).is_some() && !limit.has_passed() {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        assert_eq!(start_ticks(child.id()), None);
        assert_eq!(start_ticks_to_the_last(child.id()), ticks);
        child.wait().unwrap();
        assert_eq!(start_ticks_to_the_last(child.id()), None);
    }
}
