//! The feed: what it sent when, what the brokers answered, and what got there.

use super::cluster::Cluster;
use super::group::Ms;
use super::log::{Entry, Row, Writer};
use super::rng::Rng;
use super::setup::{LegKind, Setup};
use super::tasks::NEVER;

/// One record that was sent.
#[derive(Debug, Clone, Copy)]
pub struct Sent {
    pub at_us: u64,
    pub lane: u32,
    pub sequence: u64,
    pub partition: usize,
    /// Its offset, once it is there.
    pub offset: Option<u64>,
    /// There was no answer.
    pub unknown: bool,
    /// The brokers refused it.
    pub refused: bool,
}

#[derive(Debug)]
pub struct Feed {
    pub sent: Vec<Sent>,
    /// When the stream began, and when it ended.
    pub from: Ms,
    pub until: Option<Ms>,
    due: Vec<Ms>,
    /// Records under way: when they are there, and which.
    under_way: Vec<(Ms, usize)>,
    /// In these stretches sends have no answer.
    silent: Vec<(Ms, Ms)>,
    makes_own: bool,
}

impl Feed {
    pub fn new(setup: &Setup, rng: &mut Rng) -> Self {
        let silent = (0..rng.range(1, 2)).map(|_| {
            let begin = rng.range(5_000, 30_000);
            (begin, begin + rng.range(50, 600))
        });
        let silent = match setup.doubtful_sends {
            true => silent.collect(),
            false => Vec::new(),
        };
        Self {
            sent: Vec::new(),
            from: NEVER,
            until: None,
            due: Vec::new(),
            under_way: Vec::new(),
            silent,
            makes_own: matches!(setup.legs[0].kind, LegKind::Own { .. }),
        }
    }

    /// The stream begins.
    pub fn begin(&mut self, at: Ms, setup: &Setup) {
        self.from = at;
        let lanes = u64::from(setup.lanes);
        self.due = (0..lanes)
            .map(|lane| at + lane * setup.period_ms / lanes)
            .collect();
    }

    /// Whether all that was sent is there.
    pub fn is_settled(&self) -> bool {
        self.under_way.is_empty()
    }
}

impl Cluster {
    pub fn step_feed(&mut self) {
        if self.feed.makes_own {
            return;
        }
        let now = self.now;
        self.feed_arrivals();
        if self.feed.from > now || self.feed.until.is_some_and(|until| now >= until) {
            return;
        }
        for lane in 0..self.setup.lanes as usize {
            while self.feed.due[lane] <= now {
                self.send(lane);
                self.feed.due[lane] += self.setup.period_ms;
            }
        }
    }

    fn send(&mut self, lane: usize) {
        let due = self.feed.due[lane];
        let sequence = (due - self.feed.from) / self.setup.period_ms;
        let since = due - self.feed.from;
        let unknown = self
            .feed
            .silent
            .iter()
            .any(|(a, b)| (*a..*b).contains(&since));
        let refused = unknown && self.setup.refuses;
        let lost = refused || (unknown && self.rng.chance(50));
        if !lost {
            self.feed.under_way.push((self.now, self.feed.sent.len()));
        }
        let at_us = self.now * 1_000 - 9_000 + lane as u64 * 100;
        self.feed.sent.push(Sent {
            at_us,
            lane: lane as u32,
            sequence,
            partition: lane % self.setup.partitions as usize,
            offset: None,
            unknown: unknown && !refused,
            refused,
        });
    }

    fn feed_arrivals(&mut self) {
        let now = self.now;
        let (there, later): (Vec<_>, Vec<_>) =
            self.feed.under_way.iter().partition(|(at, _)| *at <= now);
        self.feed.under_way = later;
        for (_, number) in there {
            let sent = self.feed.sent[number];
            let offset = self.logs[0].partitions[sent.partition].len() as u64;
            self.feed.sent[number].offset = Some(offset);
            let row = Row {
                entry: Entry::Record {
                    lane: sent.lane,
                    sequence: sent.sequence,
                },
                at: now,
                by: Writer::Feed,
                txn: None,
            };
            self.append(0, sent.partition, row);
        }
    }
}
