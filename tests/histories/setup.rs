//! What a history is made of: route, settings, and the faults with their distances, all drawn from its seed.

use super::group::Ms;
use super::rng::Rng;

/// How much of what a harness can see the journal has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Everything that a run writes today.
    Full,
    /// What the first folders had: stable views of the group, no starts of processes, no counts of polls.
    Sparse,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LegKind {
    /// Reads a topic and writes a topic, and commits in the offsets topic.
    Mirror,
    /// Reads a file and writes a topic (`FileStreamSource`).
    FileSource,
    /// Makes its own sequences.
    Own { names_next: bool },
    /// Reads a topic as a consumer group and writes a file.
    FileSink,
    /// The same, and writes a topic.
    TopicSink,
}

impl LegKind {
    pub const fn is_sink(self) -> bool {
        matches!(self, Self::FileSink | Self::TopicSink)
    }
}

#[derive(Debug, Clone)]
pub struct Leg {
    pub kind: LegKind,
    pub name: String,
    pub tasks: u32,
    /// Its records and offsets are in transactions.
    pub exactly_once: bool,
    /// It reads only what was committed.
    pub reads_committed: bool,
    /// It gathers records for this long before it writes them.
    pub writes_every_ms: Ms,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Kill,
    /// The worker is asked to stop; a task of it hangs where this says so.
    Stop {
        grace_ms: Ms,
        hangs: bool,
    },
    Pause,
    Cut,
}

/// A fault as drawn; whom it hits is chosen when it comes.
#[derive(Debug, Clone, Copy)]
pub struct Blow {
    /// After the one before it, or after the baseline.
    pub gap_ms: Ms,
    pub kind: Kind,
    /// How many workers it hits at most.
    pub victims: usize,
    pub draw: u64,
    /// When it is undone, from its effect; never where this is `None`.
    pub undo_ms: Option<Ms>,
}

#[derive(Debug, Clone)]
pub struct Setup {
    pub seed: u64,
    pub style: Style,
    pub workers: usize,
    pub lanes: u32,
    pub partitions: u32,
    /// From one record of a lane to the next.
    pub period_ms: Ms,
    pub legs: Vec<Leg>,
    pub flush_ms: Ms,
    pub commit_ms: Ms,
    pub session_ms: Ms,
    pub beat_ms: Ms,
    pub delay_ms: Ms,
    pub consumer_session_ms: Ms,
    pub consumer_beat_ms: Ms,
    /// How many records a task takes at once.
    pub batch: usize,
    pub lag_ms: Ms,
    pub blows: Vec<Blow>,
    pub doubtful_sends: bool,
    /// Sends are refused instead of not answered.
    pub refuses: bool,
    /// Sinks commit what they have at every interval, whether it is new or not.
    pub commits_always: bool,
    /// Most time that a broker takes for a send, and how often in a thousand it takes much longer.
    pub send_ms: Ms,
    pub slow_sends: u64,
    /// How often in ten thousand a reader of a tap stands still for a while.
    pub stalls: u64,
    /// The stream flows for this long after all is well again, and a little more.
    pub tail_ms: Ms,
}

impl Setup {
    /// For how long all sinks together hold records back before they write them.
    pub fn gathered_ms(&self) -> Ms {
        self.legs.iter().map(|leg| leg.writes_every_ms).sum()
    }

    pub fn draw(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let partitions = *rng.pick(&[1, 1, 2, 3, 3, 4, 6]);
        let lanes = partitions * *rng.pick(&[1, 1, 1, 2]);
        let legs = legs(&mut rng, partitions, lanes);
        let slow = *rng.pick(&[50, 100, 100, 200]);
        let flush_ms = *rng.pick(&[1_000, 1_000, 1_000, 2_000, 5_000, 10_000]);
        let doubtful = matches!(legs[0].kind, LegKind::Own { .. });
        let mut setup = Self {
            seed,
            style: *rng.pick(&[Style::Full, Style::Full, Style::Sparse]),
            workers: rng.range(2, 4) as usize,
            lanes,
            partitions,
            period_ms: if lanes > 4 { 200 } else { slow },
            flush_ms,
            commit_ms: rng.range(4, 60),
            session_ms: 6_000,
            beat_ms: *rng.pick(&[2_000, 2_000, 3_000]),
            delay_ms: *rng.pick(&[0, 1_000, 3_000, 3_000, 3_000, 8_000]),
            consumer_session_ms: *rng.pick(&[6_000, 6_000, 6_000, 10_000, 45_000]),
            consumer_beat_ms: *rng.pick(&[1_000, 2_000, 3_000]),
            batch: rng.range(20, 200) as usize,
            lag_ms: rng.range(2, 40),
            blows: blows(&mut rng),
            doubtful_sends: !doubtful && rng.chance(15),
            tail_ms: 0,
            refuses: false,
            commits_always: false,
            send_ms: 12,
            slow_sends: 0,
            stalls: 5,
            legs,
        };
        setup.widen(&mut Rng::new(seed ^ 0x71de));
        setup
    }

    /// What not every history has.
    fn widen(&mut self, rng: &mut Rng) {
        self.commits_always = rng.chance(50);
        self.refuses = self.doubtful_sends && rng.chance(30);
        if rng.chance(15) {
            self.commit_ms = rng.range(60, 400);
        }
        if rng.chance(15) {
            self.send_ms = rng.range(12, 120);
            self.slow_sends = rng.range(1, 30);
        }
        if rng.chance(15) {
            self.stalls = rng.range(10, 200);
        }
        if rng.chance(20) {
            // Blow upon blow.
            let longest = rng.spread(300, 4_000);
            let later = self.blows.iter_mut().skip(1);
            later.for_each(|blow| blow.gap_ms = rng.spread(200, longest));
        }
        for blow in &mut self.blows {
            let lasts = matches!(blow.kind, Kind::Pause | Kind::Cut);
            if lasts && rng.chance(12) {
                // About as long as a session.
                blow.undo_ms = Some(rng.range(3_500, 6_500));
            }
        }
        if self.legs[0].kind == LegKind::Mirror && rng.chance(12) {
            // It gives its records no key, so that only one partition keeps their order.
            self.partitions = 1;
            self.legs[0].kind = LegKind::FileSource;
            self.doubtful_sends = false;
            self.legs.iter_mut().for_each(|leg| leg.tasks = 1);
        }
        let slow = rng.chance(12);
        if let Some(leg) = self
            .legs
            .iter_mut()
            .find(|leg| leg.kind == LegKind::FileSink)
            && slow
        {
            leg.writes_every_ms = *rng.pick(&[1_000, 3_000]);
        }
    }
}

fn legs(rng: &mut Rng, partitions: u32, lanes: u32) -> Vec<Leg> {
    use LegKind::{FileSink, Mirror, TopicSink};
    let own = LegKind::Own {
        names_next: rng.chance(50),
    };
    let kinds: Vec<LegKind> = match rng.range(0, 99) {
        0..=14 => vec![Mirror],
        15..=54 => vec![Mirror, FileSink],
        55..=64 => vec![Mirror, Mirror, FileSink],
        65..=70 => vec![TopicSink, Mirror],
        71..=74 => vec![Mirror, TopicSink, FileSink],
        75..=84 => vec![FileSink],
        85..=91 => vec![own],
        _ => vec![own, FileSink],
    };
    let exactly_once = !kinds[0].is_sink() && rng.chance(12);
    // What an own sequence aborted last may never be made again, and a sink that read it would have made it up.
    let reads_committed = rng.chance(50) || (exactly_once && kinds[0] != Mirror);
    let leg = |(number, kind): (usize, LegKind)| Leg {
        kind,
        name: format!("c{number}"),
        tasks: match kind {
            LegKind::Own { .. } => rng.range(1, 3).min(u64::from(lanes)) as u32,
            _ => rng.range(1, 3).min(u64::from(partitions)) as u32,
        },
        exactly_once: exactly_once && !kind.is_sink(),
        reads_committed: !kind.is_sink() || reads_committed,
        writes_every_ms: 0,
    };
    kinds.into_iter().enumerate().map(leg).collect()
}

fn blows(rng: &mut Rng) -> Vec<Blow> {
    let count = *rng.pick(&[0, 1, 1, 2, 2, 2, 3, 3, 4, 5]);
    let mut blows: Vec<Blow> = (0..count).map(|_| blow(rng)).collect();
    if let Some(first) = blows.first_mut() {
        first.gap_ms = rng.spread(200, 4_000);
    }
    blows
}

fn blow(rng: &mut Rng) -> Blow {
    let kind = match rng.range(0, 99) {
        0..=44 => Kind::Kill,
        45..=64 => Kind::Stop {
            grace_ms: *rng.pick(&[1_000, 3_000, 10_000, 30_000]),
            hangs: rng.chance(30),
        },
        65..=84 => Kind::Pause,
        _ => Kind::Cut,
    };
    let undo_ms = match kind {
        Kind::Kill | Kind::Stop { .. } => {
            let after = *rng.pick(&[0, 500, 2_000, 2_000, 5_000, 12_000]);
            (!rng.chance(6)).then_some(after)
        }
        Kind::Pause | Kind::Cut => Some(match rng.chance(55) {
            true => rng.spread(300, 3_500),
            false => rng.range(6_500, 20_000),
        }),
    };
    let longest = if rng.chance(80) { 14_000 } else { 60_000 };
    Blow {
        gap_ms: rng.spread(200, longest),
        kind,
        victims: *rng.pick(&[1, 1, 1, 1, 1, 1, 1, 1, 2, 9]),
        draw: rng.next(),
        undo_ms,
    }
}
