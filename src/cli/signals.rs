//! SIGINT, SIGTERM and SIGHUP become a wish to stop; a SIGHUP that was ignored when Squall began stays ignored.

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::run::StopToken;

/// Begins to listen for signals; fails when the operating system refuses.
pub fn listen(stop: &StopToken) -> std::io::Result<()> {
    let mut wanted = vec![SIGINT, SIGTERM];
    // `nohup squall run …` is meant to outlive its terminal.
    if !is_ignored(
        SIGHUP,
        &std::fs::read_to_string("/proc/self/status").unwrap_or_default(),
    ) {
        wanted.push(SIGHUP);
    }
    let mut signals = Signals::new(wanted)?;
    let stop = stop.clone();
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            for signal in &mut signals {
                stop.ask(signal);
            }
        })?;
    Ok(())
}

/// Whether the mask `SigIgn` in this process status has the signal.
fn is_ignored(signal: i32, status: &str) -> bool {
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & (1 << (signal - 1)) != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_that_is_ignored_is_seen_in_the_mask() {
        let status = "Name:\tsquall\nSigBlk:\t0000000000000002\nSigIgn:\t0000000000001001\n";
        assert!(is_ignored(SIGHUP, status));
        assert!(!is_ignored(SIGINT, status));
        assert!(!is_ignored(SIGHUP, ""));
    }
}
