//! A feed's way into a topic.

use std::time::Duration;

use crate::journal::{Deadline, ObservationKind};
use crate::kafka::{Cluster, Outcome, RecordSender, SendResult, Taken};

use super::PlaceError;
use super::feed_book::{FeedBook, Outlet, SHORTEST_TURN};

/// Records of a partition that share a request where the pace allows it: each request is for one partition, so a broker
/// that is sent records one by one works for the feed more than for the connectors.
const SHARED: u64 = 6;
/// No record is later than this for the sake of a shared request; silences of this length are in no measure.
const LONGEST_TURN: Duration = Duration::from_millis(150);
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
    /// Partitions that lanes are in.
    used: u32,
    keys: Vec<Vec<u8>>,
}

impl TopicOutlet {
    pub(super) fn new(
        cluster: &Cluster,
        topic: &str,
        partitions: u32,
        lanes: u32,
    ) -> Result<Self, PlaceError> {
        let partitions = partitions.max(1);
        let key = |lane| format!("lane-{lane:05}").into_bytes();
        Ok(Self {
            sender: RecordSender::new(cluster, topic)?,
            partitions,
            used: partitions.min(lanes).max(1),
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
                Taken::Refused(_) => {
                    let number = book.note_sent(at);
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
        SendResult::Refused(_) => (-1, ObservationKind::Refused),
        SendResult::Unknown(_) => (-1, ObservationKind::Unknown),
    };
    book.note_outcome(outcome.tag as u64, (outcome.partition, position), kind)
}

/// How far apart the turns of a feed are that spreads this many records a second over this many partitions.
fn turn(partitions: u32, per_second: u64) -> Duration {
    let shared_us = u64::from(partitions) * SHARED * 1_000_000 / per_second.max(1);
    Duration::from_micros(shared_us).clamp(SHORTEST_TURN, LONGEST_TURN)
}

impl Outlet for TopicOutlet {
    fn turn(&self, per_second: u64) -> Duration {
        turn(self.used, per_second)
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    /// Requests a second that a feed of this rate makes, one for each partition and turn.
    fn requests(partitions: u32, per_second: u64) -> u64 {
        u64::from(partitions) * 1_000 / turn(partitions, per_second).as_millis() as u64
    }

    #[test]
    fn records_of_a_partition_share_their_requests_and_none_waits_long_for_that() {
        assert_eq!(turn(12, 500), Duration::from_millis(144));
        assert_eq!(requests(12, 500), 83);
        assert_eq!(requests(3, 500), 83);
        assert_eq!(turn(12, 50), LONGEST_TURN);
        assert_eq!(turn(6, 60_000), SHORTEST_TURN);
        assert_eq!(turn(1, 0), LONGEST_TURN);
    }
}
