//! The rows of one place on their way into its observation file, never held back for long.

use std::time::Duration;

use crate::journal::{Clock, Observation, ObservationWriter};
use crate::model::Moment;

use super::PlaceError;

/// Rows are handed to the operating system at least this often, give or take one pause of the place's thread.
const HOLD: Duration = Duration::from_millis(200);

/// Writes rows and flushes them in time.
pub(super) struct Rows {
    writer: ObservationWriter,
    clock: Clock,
    flushed: Moment,
}

impl Rows {
    pub(super) fn new(writer: ObservationWriter, clock: Clock) -> Self {
        Self {
            writer,
            clock,
            flushed: clock.now(),
        }
    }

    pub(super) fn push(&mut self, row: Observation) -> Result<(), PlaceError> {
        Ok(self.writer.push(row)?)
    }

    /// Flushes when the last time is too long ago.
    pub(super) fn flush_in_time(&mut self) -> Result<(), PlaceError> {
        let now = self.clock.now();
        if now.since(self.flushed) >= HOLD {
            self.flushed = now;
            self.writer.flush()?;
        }
        Ok(())
    }

    /// Rows so far.
    pub(super) fn count(&self) -> u64 {
        self.writer.rows()
    }

    /// Ends the file; returns its rows.
    pub(super) fn finish(self) -> Result<u64, PlaceError> {
        Ok(self.writer.finish()?)
    }
}
