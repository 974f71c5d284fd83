//! What starting has in common for all clusters of our own: a private folder, and other ports where some were taken.

use std::fs;
use std::path::PathBuf;

use crate::journal::{Journal, What};

use super::{ClusterSpec, Runtime, RuntimeError, private};

const PORT_ATTEMPTS: u32 = 3;

/// Builds a cluster and has it come up; with other ports where some were taken meanwhile, up to three times. When it fails
/// everything that was started is gone again.
pub(super) fn with_free_ports<C: Runtime>(
    journal: &Journal,
    build: impl Fn(u32) -> Result<C, RuntimeError>,
    come_up: impl Fn(&C) -> Result<(), RuntimeError>,
) -> Result<C, RuntimeError> {
    let mut attempt = 1;
    loop {
        let cluster = build(attempt)?;
        let Err(error) = come_up(&cluster) else {
            return Ok(cluster);
        };
        cluster.take_down();
        match error {
            RuntimeError::PortTaken { who, .. } if attempt < PORT_ATTEMPTS => {
                let note = format!("{who} found its port taken; starting again with other ports");
                journal.record(What::Note(note));
                attempt += 1;
            }
            RuntimeError::PortTaken { who, seen, .. } => {
                return Err(RuntimeError::PortTaken {
                    who,
                    attempts: attempt,
                    seen,
                });
            }
            error => return Err(error),
        }
    }
}

/// Makes the run's temporary folder, which the ledger knows first and nobody else can read, since worker settings may hold
/// secrets; gone again when `lay_out` fails.
pub(super) fn in_private_folder<C>(
    spec: &ClusterSpec,
    lay_out: impl FnOnce(PathBuf) -> Result<C, RuntimeError>,
) -> Result<C, RuntimeError> {
    let temp = private::make_temp(&spec.folders, &spec.ledger)?;
    lay_out(temp.clone()).inspect_err(|_| {
        // What cannot be removed stays in the ledger for the next clean.
        let _ = fs::remove_dir_all(&temp);
    })
}
