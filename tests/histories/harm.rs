//! One harm on top of a legal history: what a correct Connect never does, done once, with its exact size.

use std::collections::{BTreeMap, BTreeSet};

use squall::journal::{Exit, ObservationKind, Proof, What};
use squall::model::Lane;

use super::cluster::{Cluster, Phase, Task};
use super::group::Ms;
use super::history::History;
use super::log::{Entry, Row, Writer};
use super::rng::Rng;
use super::setup::{LegKind, Setup, Style};

/// So long after all was well again no worker is a zombie any more, and each task has gone beyond what it had to do again.
const LEARNT_MS: Ms = 8_000;

/// The kinds of harm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Harm {
    Loss,
    TailLoss,
    Repeat,
    ThirdCopy,
    BelowCommit,
    Reordering,
    Phantom,
    Corrupt,
    CommitAhead,
    Overlap,
    Outage,
    Crash,
}

impl Harm {
    pub const ALL: [Self; 12] = [
        Self::Loss,
        Self::TailLoss,
        Self::Repeat,
        Self::ThirdCopy,
        Self::BelowCommit,
        Self::Reordering,
        Self::Phantom,
        Self::Corrupt,
        Self::CommitAhead,
        Self::Overlap,
        Self::Outage,
        Self::Crash,
    ];
}

/// What is to be done to a history while it is lived; the rest is done to what was left of it.
#[derive(Debug, Clone)]
pub struct Plant {
    pub harm: Harm,
    pub leg: usize,
    pub lane: u32,
    pub count: u64,
    /// How far back of the newest records.
    pub back: u64,
    /// Not before that.
    pub not_before: Ms,
    /// From this number on, for losses and reorderings.
    pub from: u64,
    /// How long a task stands still.
    pub stall_ms: Ms,
    /// It is done: when.
    pub done: Option<Ms>,
    held_back: Option<Row>,
    stalled: Option<(Task, Ms)>,
    /// The numbers that were written again.
    again: Vec<u64>,
}

impl Plant {
    /// Draws where and how much, for a history that was lived without harm.
    pub fn draw(harm: Harm, legal: &Cluster, rng: &mut Rng) -> Self {
        let legs = legal.setup.legs.len();
        // What damages a record is passed on by whatever reads it; so it is the last one that does.
        let leg = match harm {
            Harm::Phantom | Harm::Corrupt => legs - 1,
            _ => rng.range(0, legs as u64 - 1) as usize,
        };
        let lane = rng.range(0, u64::from(legal.setup.lanes) - 1) as u32;
        let count = match harm {
            Harm::Reordering => 1,
            Harm::Phantom | Harm::Corrupt => rng.range(1, 5),
            _ => rng.spread(1, 20),
        };
        let end = numbers(legal, leg, lane).len() as u64;
        let from = match harm {
            Harm::TailLoss => end.saturating_sub(count),
            _ => rng.range(3, end.saturating_sub(count + 5).max(4)),
        };
        Self {
            harm,
            leg,
            lane,
            count,
            back: rng.range(0, 8),
            not_before: match harm {
                Harm::Outage => 0,
                _ => rng.range(legal.feed.from.min(legal.now) / 2 + 3_000, legal.now),
            },
            from,
            stall_ms: 0,
            done: None,
            held_back: None,
            stalled: None,
            again: Vec::new(),
        }
    }
}

/// The distinct numbers of a lane behind a leg.
fn numbers(cluster: &Cluster, leg: usize, lane: u32) -> BTreeSet<u64> {
    let rows = cluster.logs[leg + 1].partitions.iter().flatten();
    rows.filter_map(|row| match row.entry {
        Entry::Record { lane: of, sequence } if of == lane => Some(sequence),
        _ => None,
    })
    .collect()
}

impl Cluster {
    /// Whether a record is kept from being written, now or for good.
    pub fn is_kept_back(&mut self, leg: usize, partition: usize, row: Row) -> bool {
        let Some(plant) = self.plant.as_mut() else {
            return false;
        };
        let Entry::Record { lane, sequence } = row.entry else {
            return false;
        };
        if plant.leg != leg || plant.lane != lane {
            return false;
        }
        match plant.harm {
            Harm::Loss | Harm::TailLoss => {
                (plant.from..plant.from + plant.count).contains(&sequence)
            }
            Harm::Reordering if plant.done.is_none() && sequence == plant.from => {
                plant.held_back = Some(row);
                plant.done = Some(self.now);
                true
            }
            Harm::Reordering if sequence >= plant.from + 2 => {
                if let Some(held) = plant.held_back.take() {
                    let now = self.now;
                    self.append(leg + 1, partition, row);
                    self.append(leg + 1, partition, Row { at: now, ..held });
                    return true;
                }
                false
            }
            _ => false,
        }
    }

    /// Does what is to be done at a time of its own.
    pub fn step_harm(&mut self) {
        let Some(plant) = self.plant.clone() else {
            return;
        };
        if plant.done.is_some() || self.now < plant.not_before {
            return;
        }
        let done = match plant.harm {
            Harm::Repeat => self.repeat(&plant, 1),
            Harm::ThirdCopy => self.repeat(&plant, 2),
            Harm::Phantom | Harm::Corrupt => self.make_up(&plant),
            Harm::Outage => self.stall(&plant),
            _ => false,
        };
        if done && let Some(plant) = self.plant.as_mut() {
            plant.done = Some(self.now);
        }
    }

    /// Nothing has been done to the cluster yet, or all has been well for a while.
    fn is_calm(&self, plant: &Plant) -> bool {
        let flowing = self.feed.from + 2_000 < self.now && self.feed.until.is_none();
        let settled = self.strikes.faults.iter().all(|fault| {
            // A worker that outlived its fault may be a zombie until it has learnt what it lost.
            let learns = if fault.blow.fault_kind().ends_process() {
                3_000
            } else {
                LEARNT_MS
            };
            fault.settled_at.is_some_and(|at| at + learns <= self.now)
        });
        let leg = plant.leg;
        let works = self
            .active
            .iter()
            .any(|run| self.runs[*run].task.0 == leg && self.runs[*run].phase == Phase::Working);
        let quiet = self.strikes.faults.is_empty() || self.watch.changed_at + LEARNT_MS <= self.now;
        flowing && settled && quiet && works
    }

    /// Writes records again that the present start of their task has written, in a time of calm.
    fn repeat(&mut self, plant: &Plant, copies: usize) -> bool {
        if !self.is_calm(plant) {
            return false;
        }
        let since = self
            .strikes
            .faults
            .iter()
            .filter_map(|fault| fault.settled_at)
            .max();
        let since = since.map_or(0, |at| at + 500);
        let mut found: BTreeMap<u64, (usize, Vec<Row>)> = BTreeMap::new();
        for (partition, rows) in self.logs[plant.leg + 1].partitions.iter().enumerate() {
            for row in rows {
                if let Entry::Record { lane, sequence } = row.entry
                    && lane == plant.lane
                {
                    found
                        .entry(sequence)
                        .or_insert((partition, Vec::new()))
                        .1
                        .push(*row);
                }
            }
        }
        let fits = |rows: &[Row]| match copies {
            // Once, by a start that has stood since all was well again.
            1 => rows.len() == 1 && rows[0].at >= since && rows[0].at + 300 <= self.now,
            _ => rows.len() == copies && rows.iter().all(|row| row.at + 3_000 <= self.now),
        };
        let of: Vec<(u64, usize)> = found
            .iter()
            .filter(|(_, (_, rows))| fits(rows))
            .map(|(sequence, (partition, _))| (*sequence, *partition))
            .collect();
        let (count, back) = (plant.count as usize, plant.back as usize);
        if of.len() < count + back {
            return false;
        }
        let end = of.len() - back;
        for (sequence, partition) in of[end - count..end].iter().copied() {
            let entry = Entry::Record {
                lane: plant.lane,
                sequence,
            };
            self.add(plant.leg, partition, entry);
            if let Some(plant) = self.plant.as_mut() {
                plant.again.push(sequence);
            }
        }
        true
    }

    fn add(&mut self, leg: usize, partition: usize, entry: Entry) {
        let row = Row {
            entry,
            at: self.now,
            by: Writer::Planted,
            txn: None,
        };
        self.append(leg + 1, partition, row);
    }

    fn make_up(&mut self, plant: &Plant) -> bool {
        if self.feed.from + 500 > self.now {
            return false;
        }
        let partitions = self.logs[plant.leg + 1].partitions.len();
        let own = matches!(self.setup.legs[0].kind, LegKind::Own { .. });
        for n in 0..plant.count {
            let entry = match (plant.harm, n % 2) {
                (Harm::Corrupt, _) => Entry::Corrupt,
                (_, 0) if !own => Entry::Record {
                    lane: plant.lane,
                    sequence: 1_000_000 + n,
                },
                _ => Entry::Foreign,
            };
            self.add(plant.leg, plant.lane as usize % partitions, entry);
        }
        true
    }

    /// A task that no fault has hit stands still, right after the first fault.
    fn stall(&mut self, plant: &Plant) -> bool {
        let Some(first) = self.strikes.struck.first() else {
            return false;
        };
        // Later than that, nobody can say that it belongs to the fault.
        if self.now < first.at + 100 || self.now > first.at + 1_500 {
            return false;
        }
        let of_leg = self.active.iter().map(|run| &self.runs[*run]);
        let found = of_leg
            .filter(|run| run.task.0 == plant.leg && run.phase == Phase::Working)
            .find(|run| !run.cursors.is_empty() && self.workers[run.worker].responds())
            .map(|run| run.task);
        let Some(task) = found else {
            return false;
        };
        let until = self.now + plant.stall_ms;
        if let Some(plant) = self.plant.as_mut() {
            plant.stalled = Some((task, until));
        }
        true
    }

    pub fn is_stalled(&self, task: Task) -> bool {
        let stalled = self.plant.as_ref().and_then(|plant| plant.stalled);
        stalled.is_some_and(|(of, until)| of == task && self.now < until)
    }

    /// How far before its committed position a start of a task begins, where that is the harm.
    pub fn goes_back(&mut self, leg: usize, key: u64, at: u64) -> u64 {
        let struck = self.strikes.struck.first().map(|struck| struck.at);
        let Some(plant) = self.plant.clone() else {
            return at;
        };
        let is_due = plant.harm == Harm::BelowCommit && plant.leg == leg && plant.done.is_none();
        let (Some(struck), true) = (struck, is_due) else {
            return at;
        };
        let certain = self.certain[leg].get(&key).copied().unwrap_or(0);
        if certain != at || self.now < struck + 1_000 {
            return at;
        }
        let Some(from) = self.records_before(leg, key, at, plant.count) else {
            return at;
        };
        if let Some(plant) = self.plant.as_mut() {
            plant.done = Some(self.now);
            plant.from = from;
        }
        from
    }

    /// The position of the record that many before this one, of those that the leg can read.
    fn records_before(&self, leg: usize, key: u64, at: u64, count: u64) -> Option<u64> {
        if matches!(self.setup.legs[leg].kind, LegKind::Own { .. }) {
            return at.checked_sub(count);
        }
        let rows = &self.logs[leg].partitions[key as usize][..at as usize];
        let readable = rows
            .iter()
            .enumerate()
            .rev()
            .filter(|(_, row)| self.is_wanted(leg, row));
        let (position, _) = readable.take(count as usize).last()?;
        let passed = rows[position..]
            .iter()
            .filter(|row| self.is_wanted(leg, row))
            .count();
        (passed as u64 == count).then_some(position as u64)
    }
}

/// What a judgement has to find.
#[derive(Debug, Clone)]
pub struct Claim {
    pub harm: Harm,
    pub leg: usize,
    /// Records, where the kind counts them.
    pub count: Option<u64>,
    pub sentence: String,
}

/// Lives a history with one harm of this kind; `None` where the history has no place for it.
pub fn harmed(harm: Harm, seed: u64) -> Option<(History, Claim)> {
    let mut setup = Setup::draw(seed);
    setup.tail_ms = setup.flush_ms + 2_000 + LEARNT_MS;
    let exactly_once = setup.legs.iter().any(|leg| leg.exactly_once);
    let suits = match harm {
        Harm::Outage => !exactly_once && only(&setup, &[0, 1]) && !setup.blows.is_empty(),
        Harm::BelowCommit => only(&setup, &[0]) && setup.blows.len() == 1,
        Harm::Crash => setup.blows.iter().any(|blow| kind_number(blow.kind) == 1),
        _ => true,
    };
    if !suits {
        return None;
    }
    let mut rng = Rng::new(seed ^ 0x4a53);
    let (mut legal, stages) = super::life::live(setup.clone()).ok()?;
    let mut plant = Plant::draw(harm, &legal, &mut rng);
    let after = matches!(harm, Harm::CommitAhead | Harm::Overlap | Harm::Crash);
    if after {
        let mut history = History::of(&mut legal, &stages);
        let claim = plant_after(&mut history, &legal, &plant, &mut rng)?;
        history.story.push(claim.sentence.clone());
        return Some((history, claim));
    }
    let silence = longest_silence(&History::of(&mut legal, &stages), &legal, &[]);
    let gathered = setup.gathered_ms();
    plant.stall_ms = silence + gathered + 4_000;
    let (mut cluster, stages) = super::life::live_with(setup, Some(plant)).ok()?;
    let mut history = History::of(&mut cluster, &stages);
    if harm == Harm::Outage {
        // Another fault may have ended the task while it stood, and of a silence through one nobody can say whose it is.
        let struck = cluster.strikes.struck.iter();
        let faults: Vec<Ms> = struck.map(|struck| struck.at).collect();
        if longest_silence(&history, &cluster, &faults) < silence + gathered + 3_000 {
            return None;
        }
        history.info.scenario.expect.outage_ms = Some(silence + 1_000);
    }
    let claim = claim_of(&cluster, &history)?;
    history.story.push(claim.sentence.clone());
    Some((history, claim))
}

const fn kind_number(kind: super::setup::Kind) -> u8 {
    match kind {
        super::setup::Kind::Kill => 0,
        super::setup::Kind::Stop { .. } => 1,
        super::setup::Kind::Pause | super::setup::Kind::Cut => 2,
    }
}

fn only(setup: &Setup, kinds: &[u8]) -> bool {
    setup
        .blows
        .iter()
        .all(|blow| kinds.contains(&kind_number(blow.kind)))
}

/// The exact size of what was done, by what really stands where.
fn claim_of(cluster: &Cluster, history: &History) -> Option<Claim> {
    let plant = cluster.plant.as_ref()?;
    let (leg, lane) = (plant.leg, plant.lane);
    let count = match plant.harm {
        Harm::Loss | Harm::TailLoss => Some(lost(cluster, leg, lane)).filter(|count| *count > 0)?,
        Harm::Reordering => Some(reordered(history, leg, lane)).filter(|count| *count == 1)?,
        _ => plant.done.map(|_| plant.count)?,
    };
    let at = plant
        .done
        .map_or_else(String::new, |at| format!(" at {:.2} s", at as f64 / 1e3));
    Some(Claim {
        harm: plant.harm,
        leg,
        count: (plant.harm != Harm::Outage).then_some(count),
        sentence: format!(
            "PLANTED {:?} of {count} by c{leg} in lane {lane}{at}: {}",
            plant.harm,
            match plant.harm {
                Harm::Repeat | Harm::ThirdCopy => format!("{:?} once more", plant.again),
                Harm::Outage => format!("{:?} stands still", plant.stalled),
                _ => format!("from {}", plant.from),
            }
        ),
    })
}

/// Records of a lane that a leg was given and that are not behind it.
fn lost(cluster: &Cluster, leg: usize, lane: u32) -> u64 {
    let behind = numbers(cluster, leg, lane);
    let given: BTreeSet<u64> = match (leg.checked_sub(1), cluster.setup.legs[leg].kind) {
        (Some(before), _) => numbers(cluster, before, lane),
        (None, LegKind::Own { .. }) => {
            let highest = behind.last().map_or(0, |highest| highest + 1);
            let committed = cluster.committed[0].get(&u64::from(lane)).copied();
            (0..highest.max(committed.unwrap_or(0))).collect()
        }
        (None, _) => {
            let sent = cluster.feed.sent.iter();
            let known = sent.filter(|sent| sent.lane == lane && !sent.unknown && !sent.refused);
            known.map(|sent| sent.sequence).collect()
        }
    };
    given.difference(&behind).count() as u64
}

fn reordered(history: &History, leg: usize, lane: u32) -> u64 {
    let rows = &history.places.0[&super::names::place_text(leg + 1)];
    let (mut seen, mut count) = (BTreeSet::new(), 0);
    for row in rows.iter().map(|seen| seen.row) {
        if row.lane != Lane(lane) || row.kind != ObservationKind::Whole {
            continue;
        }
        if seen.last().is_some_and(|highest| *highest > row.sequence.0)
            && !seen.contains(&row.sequence.0)
        {
            count += 1;
        }
        seen.insert(row.sequence.0);
    }
    count
}

/// The longest silence of any lane at any tap, from the first fault to the end of the feed, in pieces between these times.
fn longest_silence(history: &History, cluster: &Cluster, cuts: &[Ms]) -> Ms {
    let Some(first) = cluster.strikes.struck.first() else {
        return 0;
    };
    let piece = |from: Ms, to: Ms| {
        let within = cuts.iter().copied().filter(|cut| (from..to).contains(cut));
        let mut points: Vec<Ms> = within.chain([from, to]).collect();
        points.sort_unstable();
        let pieces = points.windows(2).map(|pair| pair[1] - pair[0]);
        pieces.max().unwrap_or(0)
    };
    let mut longest = 0;
    for leg in 0..cluster.setup.legs.len() {
        let mut last: BTreeMap<u32, u64> = BTreeMap::new();
        let rows = &history.places.0[&super::names::place_text(leg + 1)];
        for row in rows.iter().map(|seen| seen.row) {
            let at = row.at.as_ms();
            let before = last.insert(row.lane.0, at).unwrap_or(first.at);
            if at >= first.at {
                longest = longest.max(piece(before.min(at), at));
            }
        }
    }
    longest
}

/// Harm that shows in the journal alone.
fn plant_after(
    history: &mut History,
    cluster: &Cluster,
    plant: &Plant,
    rng: &mut Rng,
) -> Option<Claim> {
    let (count, sentence, leg) = match plant.harm {
        Harm::CommitAhead => commit_ahead(history, cluster, plant)?,
        Harm::Overlap => overlap(history, rng)?,
        _ => crash(history, cluster, rng)?,
    };
    history.events.sort_by_key(|(at, _)| *at);
    Some(Claim {
        harm: plant.harm,
        leg,
        count,
        sentence: format!("PLANTED {:?}: {sentence}", plant.harm),
    })
}

type Planted = (Option<u64>, String, usize);

/// The last commit of a partition leads beyond the end of the input.
fn commit_ahead(history: &mut History, cluster: &Cluster, plant: &Plant) -> Option<Planted> {
    let leg = plant.leg;
    let key = u64::from(plant.lane % cluster.setup.partitions);
    if matches!(cluster.setup.legs[leg].kind, LegKind::Own { .. }) {
        return None;
    }
    let is_of_leg = |what: &What| match what {
        What::SourceCommit { connector, .. } | What::SinkCommit { connector, .. } => {
            *connector == super::names::connector_name(leg)
        }
        _ => false,
    };
    let last = history.events.iter().rfind(|(_, what)| is_of_leg(what))?.0;
    let end = cluster.logs[leg].partitions[key as usize].len() as u64;
    let ahead = end + plant.count + may_stand_behind(cluster, leg);
    let mut reader = Cluster::new(cluster.setup.clone());
    reader.now = last / 1_000;
    reader.tell_commit(leg, &[(key, ahead)]);
    let (_, what) = reader.events.pop()?;
    for (at, event) in &mut history.events {
        if let What::FinalOffsets { sinks, .. } = event
            && let Some(of) = sinks.get_mut(&super::names::connector_name(leg))
        {
            of.insert(key as i32, ahead as i64);
            if *at < last + 10 {
                *at = last + 10;
            }
        }
    }
    history.events.push((last + 1, what));
    let sentence = format!(
        "c{leg} commits {ahead} of partition {key} at {last} us, {} beyond the end",
        ahead - end
    );
    Some((Some(1), sentence, leg))
}

/// What a run that did not ask for the ends of its topics cannot exclude behind the last row: markers of transactions,
/// records without an answer.
fn may_stand_behind(cluster: &Cluster, leg: usize) -> u64 {
    if cluster.setup.style == Style::Full {
        return 0;
    }
    match leg.checked_sub(1) {
        None => cluster.feed.sent.iter().filter(|s| s.unknown).count() as u64,
        Some(before) if cluster.setup.legs[before].exactly_once => {
            let starts = cluster.runs.iter().filter(|run| run.task.0 == before);
            2 * starts.count() as u64
        }
        Some(_) => 0,
    }
}

/// A view of the group in which a task is on two members.
fn overlap(history: &mut History, rng: &mut Rng) -> Option<Planted> {
    history.info.scenario.expect.overlap_ms?;
    let until = history.stages.converge * 1_000;
    let views: Vec<(u64, What)> = history
        .events
        .iter()
        .filter(|(_, what)| matches!(what, What::Group(_)))
        .cloned()
        .collect();
    let mut places = Vec::new();
    for (number, (at, what)) in views.iter().enumerate() {
        let end = views.get(number + 1).map_or(until, |(next, _)| *next);
        let What::Group(view) = what else { continue };
        let owners = view
            .members
            .iter()
            .filter(|member| !member.tasks.is_empty())
            .count();
        let fits = view.state == "Stable" && view.members.len() > 1 && owners > 0;
        if fits && *at > history.stages.feed * 1_000 && end > at + 400_000 {
            places.push((*at, end, view.clone()));
        }
    }
    if places.is_empty() {
        return None;
    }
    let (at, end, view) = rng.pick(&places).clone();
    let mut twice = view.clone();
    let from = view
        .members
        .iter()
        .position(|member| !member.tasks.is_empty())?;
    let task = view.members[from].tasks[0].clone();
    let to = (from + 1) % view.members.len();
    twice.members[to].tasks.push(task.clone());
    twice.members[to].tasks.sort();
    let begin = rng.range(at + 50_000, end - 300_000);
    let over = begin + rng.range(100_000, 250_000);
    history.events.push((begin, What::Group(twice)));
    history.events.push((over, What::Group(view)));
    let leg = task
        .connector
        .as_str()
        .trim_start_matches('c')
        .parse()
        .ok()?;
    Some((
        None,
        format!("{task} is on two members from {begin} to {over} us"),
        leg,
    ))
}

/// A process that was asked to stop ends by a crash.
fn crash(history: &mut History, cluster: &Cluster, rng: &mut Rng) -> Option<Planted> {
    let stops: Vec<_> = cluster
        .strikes
        .struck
        .iter()
        .filter(|struck| {
            let kind = cluster.strikes.faults[struck.fault].blow.kind;
            kind_number(kind) == 1 && !struck.overrun && struck.ended.is_some()
        })
        .collect();
    if stops.is_empty() {
        return None;
    }
    let struck = *rng.pick(&stops);
    let crash = *rng.pick(&[
        Exit::Code(1),
        Exit::Code(134),
        Exit::Signal(6),
        Exit::Signal(11),
    ]);
    let fault_number = struck.fault as u32 + 1;
    let struck_worker = super::names::worker_name(struck.worker);
    let mut near = None;
    for (at, what) in &mut history.events {
        if let What::FaultProof {
            fault,
            proof: Proof::ProcessEnded { worker, exit, .. },
        } = what
            && fault.0 == fault_number
            && *worker == struck_worker
        {
            *exit = crash;
            near = Some(*at);
        }
    }
    let near = near?;
    for (at, what) in &mut history.events {
        if let What::ProcessEnded { name, exit, .. } = what
            && name.as_str() == struck_worker.as_str()
            && at.abs_diff(near) < 2_000
        {
            *exit = crash;
        }
    }
    Some((
        None,
        format!("{struck_worker} ends {crash} at the stop F{fault_number}"),
        0,
    ))
}
