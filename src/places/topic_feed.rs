//! A feed's way into a topic.

use std::time::Duration;

use crate::journal::{Deadline, ObservationKind};
use crate::kafka::{Cluster, Outcome, RecordSender, SendResult, Taken};

use super::counts::set_text;
use super::feed_book::{FeedBook, Outlet};
use super::{FeedCounts, PlaceError};

/// Records that are sent under one reading of the clock.
const BURST: usize = 256;
/// Most bursts in one turn, so that a feed that catches up still looks at its stop signal.
const MOST_BURSTS: usize = 64;
/// One wait for outcomes; the deadline is looked at in between.
const SETTLE_STEP: Duration = Duration::from_millis(20);
/// How long given-up records may take to be reported as such.
const GIVE_UP: Duration = Duration::from_secs(2);

/// Sends records with the key of their lane to the partition of their lane.
pub(super) struct TopicOutlet {
    sender: RecordSender,
    partitions: u32,
    keys: Vec<Vec<u8>>,
}

impl TopicOutlet {
    pub(super) fn new(
        cluster: &Cluster,
        topic: &str,
        partitions: u32,
        lanes: u32,
    ) -> Result<Self, PlaceError> {
        let key = |lane| format!("lane-{lane:05}").into_bytes();
        Ok(Self {
            sender: RecordSender::new(cluster, topic)?,
            partitions: partitions.max(1),
            keys: (0..lanes).map(key).collect(),
        })
    }

    /// Sends until `due` or until the queue is full; says whether it got to the end of a burst.
    fn burst(&mut self, book: &mut FeedBook, due: u64) -> Result<bool, PlaceError> {
        let at = book.now();
        for _ in 0..BURST {
            if book.sent() >= due {
                return Ok(false);
            }
            let tag = usize::try_from(book.sent()).expect("fewer records than addresses");
            let (record, line) = book.next_line();
            let partition = i32::try_from(record.lane.0 % self.partitions)
                .expect("a topic has fewer partitions than i32 can number");
            let key = &self.keys[record.lane.0 as usize];
            match self.sender.send(partition, key, line, tag)? {
                Taken::Full => return Ok(false),
                Taken::Queued => {
                    book.note_sent(at);
                }
                Taken::Refused(why) => {
                    let number = book.note_sent(at);
                    set_text(&book.counts.refusal, why.to_string());
                    book.note_outcome(number, (partition, -1), ObservationKind::Refused)?;
                }
            }
        }
        Ok(true)
    }

    fn outcomes(&self, book: &mut FeedBook) -> Result<(), PlaceError> {
        let mut written = Ok(());
        self.sender.outcomes(|outcome| {
            if written.is_ok() {
                written = note(book, outcome);
            }
        });
        written
    }
}

fn note(book: &mut FeedBook, outcome: Outcome) -> Result<(), PlaceError> {
    let (position, kind) = match outcome.result {
        SendResult::Acked { offset } => (offset, ObservationKind::Whole),
        SendResult::Refused(why) => (keep(&book.counts, &why), ObservationKind::Refused),
        SendResult::Unknown(why) => (keep(&book.counts, &why), ObservationKind::Unknown),
    };
    book.note_outcome(outcome.tag as u64, (outcome.partition, position), kind)
}

/// Keeps why a record has no offset, and returns what stands for it.
fn keep(counts: &FeedCounts, why: &impl ToString) -> i64 {
    set_text(&counts.refusal, why.to_string());
    -1
}

impl Outlet for TopicOutlet {
    fn advance(&mut self, book: &mut FeedBook, due: u64) -> Result<(), PlaceError> {
        for _ in 0..MOST_BURSTS {
            self.outcomes(book)?;
            if !self.burst(book, due)? {
                break;
            }
        }
        self.sender
            .fatal()
            .map_or(Ok(()), |error| Err(error.into()))
    }

    fn settle(&mut self, book: &mut FeedBook, deadline: Deadline) -> Result<(), PlaceError> {
        self.wait_until_settled(book, deadline)?;
        if !book.is_settled() {
            self.sender.give_up();
            self.wait_until_settled(book, Deadline::after(GIVE_UP))?;
        }
        Ok(())
    }
}

impl TopicOutlet {
    fn wait_until_settled(
        &self,
        book: &mut FeedBook,
        deadline: Deadline,
    ) -> Result<(), PlaceError> {
        loop {
            self.outcomes(book)?;
            if book.is_settled() || deadline.has_passed() {
                return Ok(());
            }
            self.sender.flush(SETTLE_STEP.min(deadline.left()));
            book.turned()?;
        }
    }
}
