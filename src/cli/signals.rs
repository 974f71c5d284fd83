//! SIGINT and SIGTERM become a wish to stop; the third one ends the program at once.

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::run::StopToken;

/// Begins to listen for signals; fails when the operating system refuses.
pub fn listen(stop: &StopToken) -> std::io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
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
