//! How closely the groups are looked at: closely around a fault and around whatever happens, and now and then between.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::journal::{Clock, What};
use crate::model::Moment;

/// Aim for the time between two looks at the workers' group while something happens.
pub const CLOSE: Duration = Duration::from_millis(50);
/// Aim for the same while nothing does. What an observer tells at once is a longer gap than this; what hides a loss and
/// its undoing is one several times as long.
pub const RESTING: Duration = Duration::from_millis(400);
/// Looks are close from so long before what is planned: several resting ones, so the last view before a fault is as fresh
/// as any after it.
pub const BEFORE: Duration = Duration::from_secs(2);
/// Looks stay close for so long after the last thing that happened.
const AFTER: Duration = Duration::from_secs(5);

/// Shared by whoever knows that something happens and whoever looks; a load or a store each.
#[derive(Debug, Clone)]
pub struct Attention {
    clock: Clock,
    close_until_us: Arc<AtomicU64>,
}

impl Attention {
    /// Close at first: a cluster that has just come up is about to do something.
    pub fn begin(clock: Clock) -> Self {
        let attention = Self {
            clock,
            close_until_us: Arc::default(),
        };
        attention.rouse();
        attention
    }

    #[cfg(test)]
    pub fn resting(clock: Clock) -> Self {
        Self {
            clock,
            close_until_us: Arc::default(),
        }
    }

    /// Something happens, or is about to.
    pub fn rouse(&self) {
        let until = self.clock.now().after(AFTER);
        self.close_until_us
            .fetch_max(until.as_us(), Ordering::Relaxed);
    }

    /// Rouses when this event tells of something that the groups will show, or have shown.
    pub fn hear(&self, what: &What) {
        if stirs(what) {
            self.rouse();
        }
    }

    /// Whether looks are close now.
    pub fn is_close(&self) -> bool {
        self.is_close_at(self.clock.now())
    }

    fn is_close_at(&self, now: Moment) -> bool {
        now.as_us() < self.close_until_us.load(Ordering::Relaxed)
    }

    /// From the beginning of one look to that of the next.
    pub fn pause(&self) -> Duration {
        if self.is_close() { CLOSE } else { RESTING }
    }
}

/// Whether members, tasks or connectors come, go or change hands with it.
fn stirs(what: &What) -> bool {
    matches!(
        what,
        What::Group(_)
            | What::SinkGroup { .. }
            | What::TaskStatus { .. }
            | What::TaskConfig { .. }
            | What::ConnectorConfig { .. }
            | What::ConnectorCreated(_)
            | What::TargetState { .. }
            | What::RestView { .. }
            | What::ProcessStarted { .. }
            | What::ProcessReady { .. }
            | What::ProcessEnded { .. }
            | What::FaultIntended { .. }
            | What::FaultActed { .. }
            | What::FaultProof { .. }
            | What::FaultUndone { .. }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_are_close_from_what_happens_until_a_while_after_it() {
        let attention = Attention::begin(Clock::start());
        let roused = attention.clock.now();
        assert!(attention.is_close());
        assert_eq!(attention.pause(), CLOSE);
        let later = roused.after(AFTER + Duration::from_millis(1));
        assert!(!attention.is_close_at(later));
    }

    #[test]
    fn a_status_rouses_and_a_count_of_records_does_not() {
        let attention = Attention::resting(Clock::start());
        attention.hear(&What::Progress {
            fed: 1,
            seen: Default::default(),
        });
        attention.hear(&What::GroupPolled {
            polls: 3,
            longest_gap_ms: 400,
        });
        assert_eq!(attention.pause(), RESTING);
        attention.hear(&What::TaskStatus {
            task: "m-0".parse().unwrap(),
            state: "RUNNING".to_owned(),
            worker: None,
            generation: 1,
            trace: None,
        });
        assert_eq!(attention.pause(), CLOSE);
    }
}
