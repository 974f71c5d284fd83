//! The wish to stop, as it reaches a run from a signal handler.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering};

/// Tells a run that it shall end early; clones share the wish.
#[derive(Debug, Clone, Default)]
pub struct StopToken {
    wishes: Arc<AtomicU32>,
    signal: Arc<AtomicI32>,
    asked: Arc<AtomicBool>,
}

/// How urgently a run shall end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// Not at all.
    None,
    /// Undo everything, then report.
    EndEarly,
    /// Undo everything and leave.
    Leave,
}

impl StopToken {
    /// Asks once more, because of this signal.
    pub fn ask(&self, signal: i32) {
        self.signal.store(signal, Ordering::SeqCst);
        self.wishes.fetch_add(1, Ordering::SeqCst);
        self.asked.store(true, Ordering::SeqCst);
    }

    /// How often it was asked: once ends the run, twice leaves without a report.
    pub fn urgency(&self) -> Urgency {
        match self.wishes.load(Ordering::SeqCst) {
            0 => Urgency::None,
            1 => Urgency::EndEarly,
            _ => Urgency::Leave,
        }
    }

    /// Whether it was asked at all, for floors that know no urgency.
    pub fn asked(&self) -> &AtomicBool {
        &self.asked
    }

    /// The last signal; 0 for none.
    pub fn signal(&self) -> i32 {
        self.signal.load(Ordering::SeqCst)
    }
}
