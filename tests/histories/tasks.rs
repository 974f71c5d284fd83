//! What a start of a task does: it reads, sends, commits, and stops, each only while its process can.

use std::collections::BTreeSet;

use squall::journal::LogFact;

use super::cluster::{Batch, Cluster, Commit, Consumer, Cursor, Parcel, Phase, Process, Run};
use super::group::{Ms, State};
use super::log::Txn;
use super::setup::LegKind;
use super::workers::GRACEFUL_MS;

/// A send that is never answered by itself.
pub const NEVER: Ms = Ms::MAX / 2;

impl Cluster {
    pub fn step_run(&mut self, r: usize) {
        let responds = self.workers[self.runs[r].worker].responds();
        self.step_wire(r, responds);
        self.step_commit(r, responds);
        if !responds {
            return self.step_cut_off(r);
        }
        if self.runs[r].phase == Phase::Ended {
            return;
        }
        if self.runs[r].fenced {
            return self.end_run(r);
        }
        if self.runs[r].consumer.is_some() && !self.step_consumer(r) {
            // It waits for its group; only a stop goes on.
            if let Phase::Stopping(since) = self.runs[r].phase {
                self.step_stopping(r, since);
            }
            return;
        }
        match self.runs[r].phase {
            Phase::Starting(at) if at <= self.now => self.begin_work(r),
            Phase::Starting(_) | Phase::Ended => {}
            Phase::Working => {
                self.poll(r);
                self.begin_commit(r);
            }
            Phase::Stopping(since) => self.step_stopping(r, since),
        }
    }

    /// A task that is to stop without a network can only be given up.
    fn step_cut_off(&mut self, r: usize) {
        let run = &self.runs[r];
        let Phase::Stopping(since) = run.phase else {
            return;
        };
        if self.workers[run.worker].frozen || self.now < since + 50 {
            return;
        }
        let is_done =
            run.wire.is_empty() && run.commit.is_none() && Self::committable(run).is_empty();
        if is_done {
            self.end_run(r);
        } else if self.now > since + GRACEFUL_MS {
            self.tell_not_stopped(r);
            self.runs[r].wire.clear();
            self.end_run(r);
        }
    }

    fn begin_work(&mut self, r: usize) {
        let (leg, task) = self.runs[r].task;
        let of = self.setup.legs[leg].clone();
        self.runs[r].phase = Phase::Working;
        self.runs[r].next_poll = self.now + self.rng.spread(20, 300);
        self.runs[r].next_commit = self.now + self.setup.flush_ms;
        self.tell_status(r, "RUNNING");
        let started = LogFact::TaskStarted {
            task: Some(super::names::task_id(self.runs[r].task)),
        };
        self.tell_info(self.runs[r].worker, started);
        if of.kind.is_sink() {
            self.runs[r].consumer = Some(Consumer {
                join_at: self.now,
                ..Consumer::default()
            });
            return;
        }
        if of.exactly_once {
            self.fence_others(r);
        }
        let count = match of.kind {
            LegKind::Own { .. } => u64::from(self.setup.lanes),
            _ => u64::from(self.setup.partitions),
        };
        for key in (0..count).filter(|key| key % u64::from(of.tasks) == u64::from(task)) {
            let at = self.committed[leg].get(&key).copied().unwrap_or(0);
            let at = self.goes_back(leg, key, at);
            let cursor = Cursor {
                read: at,
                acked: at,
                offered: at,
                due: self.now + key * 7,
            };
            self.runs[r].cursors.insert(key, cursor);
        }
    }

    /// A new producer of a task makes the broker end what the old one had open, and refuse it from then on.
    fn fence_others(&mut self, r: usize) {
        let task = self.runs[r].task;
        if let Some(txn) = self.open.remove(&task) {
            self.end_txn(txn, false);
        }
        for other in 0..self.runs.len() {
            if other != r && self.runs[other].task == task && self.runs[other].phase != Phase::Ended
            {
                self.runs[other].fenced = true;
            }
        }
    }

    fn step_wire(&mut self, r: usize, responds: bool) {
        let exactly_once = self.setup.legs[self.runs[r].task.0].exactly_once;
        let to_file = self.setup.legs[self.runs[r].task.0].kind == LegKind::FileSink;
        while let Some(front) = self.runs[r].wire.front() {
            let (sent, written, known) = (front.sent, front.written, front.known);
            let Some((there, back)) = sent else {
                if !responds || self.runs[r].fenced {
                    return;
                }
                let there = self.now + if to_file { 0 } else { self.send_time() };
                let back = there + if to_file { 0 } else { self.rng.range(1, 6) };
                self.runs[r].wire[0].sent = Some((there, back));
                continue;
            };
            if !written && there <= self.now {
                let rows = self.runs[r].wire[0].rows.clone();
                if !known && !self.runs[r].fenced {
                    if exactly_once {
                        self.open_txn(r);
                    }
                    self.write(r, &rows);
                }
                self.runs[r].wire[0].written = true;
            }
            if !self.runs[r].wire[0].written || back > self.now || !responds {
                return;
            }
            let rows = self.runs[r]
                .wire
                .pop_front()
                .map_or_else(Vec::new, |b| b.rows);
            for (key, position, _, _) in rows {
                if let Some(cursor) = self.runs[r].cursors.get_mut(&key) {
                    cursor.acked = cursor.acked.max(position + 1);
                }
            }
        }
    }

    fn send_time(&mut self) -> Ms {
        let most = self.setup.send_ms;
        let slow = self.rng.range(0, 999) < self.setup.slow_sends;
        self.rng.range(1, most) + if slow { self.rng.range(100, 500) } else { 0 }
    }

    /// What was in the network when its process ended.
    pub fn write_orphan(&mut self, r: usize, rows: &[Parcel]) {
        if self.runs[r].fenced {
            return;
        }
        if self.setup.legs[self.runs[r].task.0].exactly_once {
            self.open_txn(r);
        }
        self.write(r, rows);
    }

    fn open_txn(&mut self, r: usize) {
        if self.runs[r]
            .txn
            .is_some_and(|txn| self.txns[txn] == Txn::Open)
        {
            return;
        }
        let txn = self.txns.len();
        self.txns.push(Txn::Open);
        let log = self.runs[r].task.0 + 1;
        self.touched.push((log, BTreeSet::new()));
        self.runs[r].txn = Some(txn);
        self.open.insert(self.runs[r].task, txn);
    }

    fn poll(&mut self, r: usize) {
        let waiting: usize = self.runs[r].wire.iter().map(|batch| batch.rows.len()).sum();
        let exactly_once = self.setup.legs[self.runs[r].task.0].exactly_once;
        let ends_txn = self.runs[r].commit.is_some() || self.runs[r].next_commit <= self.now;
        let busy = (exactly_once && ends_txn) || self.is_stalled(self.runs[r].task);
        if self.runs[r].next_poll > self.now || waiting > self.setup.batch || busy {
            return;
        }
        let gathers = self.setup.legs[self.runs[r].task.0].writes_every_ms;
        self.runs[r].next_poll = self.now + self.rng.range(10, 60) + gathers;
        let mut rows: Vec<Parcel> = Vec::new();
        let keys: Vec<u64> = self.runs[r].cursors.keys().copied().collect();
        let most = match gathers {
            0 => self.setup.batch / keys.len().max(1) + 1,
            _ => usize::MAX,
        };
        for key in keys {
            match self.setup.legs[self.runs[r].task.0].kind {
                LegKind::Own { .. } => self.make(r, key, &mut rows),
                _ => self.read(r, key, most, &mut rows),
            }
        }
        if !rows.is_empty() {
            // What waits behind a send goes out together.
            match self.runs[r].wire.iter_mut().skip(1).last() {
                Some(waiting) => waiting.rows.extend(rows),
                None => self.runs[r].wire.push_back(Batch {
                    rows,
                    ..Batch::default()
                }),
            }
            let responds = true;
            self.step_wire(r, responds);
        }
    }

    fn read(&mut self, r: usize, key: u64, most: usize, rows: &mut Vec<Parcel>) {
        let leg = self.runs[r].task.0;
        let committed_only = self.setup.legs[leg].reads_committed;
        let mut at = self.runs[r].cursors[&key].read;
        for _ in 0..most {
            let next = self.logs[leg].next(key as usize, at, committed_only, &self.txns);
            let Some((offset, lane, sequence)) = next else {
                break;
            };
            rows.push((key, offset, lane, sequence));
            at = offset + 1;
        }
        if let Some(cursor) = self.runs[r].cursors.get_mut(&key) {
            cursor.read = at;
        }
    }

    fn make(&mut self, r: usize, key: u64, rows: &mut Vec<Parcel>) {
        let (now, period, stopped) = (self.now, self.setup.period_ms, self.paused_source);
        if let Some(cursor) = self.runs[r].cursors.get_mut(&key) {
            while cursor.due <= now && !stopped {
                rows.push((key, cursor.read, key as u32, cursor.read));
                cursor.read += 1;
                // Its pace is its own: what it could not make in time is not made up for.
                cursor.due = (cursor.due + period).max(now.saturating_sub(period));
            }
        }
    }

    /// What could be committed now.
    pub fn committable(run: &Run) -> Vec<(u64, u64)> {
        let news = run
            .cursors
            .iter()
            .filter(|(_, cursor)| cursor.acked > cursor.offered);
        news.map(|(key, cursor)| (*key, cursor.acked)).collect()
    }

    fn begin_commit(&mut self, r: usize) {
        let run = &self.runs[r];
        let exactly_once = self.setup.legs[run.task.0].exactly_once;
        if run.commit.is_some() || run.next_commit > self.now {
            return;
        }
        if exactly_once && !run.wire.is_empty() {
            return;
        }
        self.offer(r);
    }

    pub fn offer(&mut self, r: usize) {
        let sink = self.setup.legs[self.runs[r].task.0].kind.is_sink();
        let mut values = Self::committable(&self.runs[r]);
        let works = self.runs[r].phase == Phase::Working;
        if sink && (!values.is_empty() || (self.setup.commits_always && works)) {
            // A sink commits all its partitions, also those where nothing came.
            let all = self.runs[r].cursors.iter();
            values = all.map(|(key, cursor)| (*key, cursor.acked)).collect();
        }
        let took = self.commit_time();
        self.runs[r].next_commit = self.now + self.setup.flush_ms + if sink { 0 } else { took };
        if !values.is_empty() {
            self.runs[r].commit = Some(Commit {
                at: self.now + took,
                values,
                landed: false,
            });
        }
    }

    fn commit_time(&mut self) -> Ms {
        let usual = self.setup.commit_ms;
        self.rng.range(usual / 2, usual + usual / 2)
    }

    fn step_commit(&mut self, r: usize, responds: bool) {
        let Some(commit) = self.runs[r].commit.clone() else {
            return;
        };
        if commit.at > self.now {
            return;
        }
        if !commit.landed {
            self.land(r, &commit.values);
        }
        if responds {
            return self.heard(r, &commit.values);
        }
        // It is there; the worker will hear so when it can.
        self.runs[r].commit = Some(Commit {
            landed: true,
            ..commit
        });
    }

    /// The task knows that these offsets are committed.
    pub fn heard(&mut self, r: usize, values: &[(u64, u64)]) {
        self.runs[r].commit = None;
        for (key, next) in values {
            if let Some(cursor) = self.runs[r].cursors.get_mut(key) {
                cursor.offered = *next;
            }
        }
    }

    /// Offsets get to where they are kept, unless they are refused.
    pub fn land(&mut self, r: usize, values: &[(u64, u64)]) {
        let run = &self.runs[r];
        let leg = run.task.0;
        if run.fenced {
            return;
        }
        if let Some(sink) = &self.sinks[leg] {
            let member = run
                .consumer
                .as_ref()
                .and_then(|consumer| consumer.member.as_ref());
            let known = member.is_some_and(|id| sink.group.has(id))
                && run
                    .consumer
                    .as_ref()
                    .is_some_and(|c| c.generation == sink.group.generation)
                && sink.group.state != State::Completing;
            if !known {
                return;
            }
        }
        if self.setup.legs[leg].exactly_once
            && let Some(txn) = self.runs[r].txn
        {
            self.end_txn(txn, true);
            self.open.remove(&self.runs[r].task);
        }
        for (key, next) in values {
            self.committed[leg].insert(*key, *next);
            self.committed_at[leg].insert(*key, self.now);
        }
        self.tell_commit(leg, values);
    }

    pub fn begin_stop(&mut self, r: usize) {
        if !matches!(self.runs[r].phase, Phase::Ended | Phase::Stopping(_)) {
            self.runs[r].phase = Phase::Stopping(self.now);
        }
    }

    fn step_stopping(&mut self, r: usize, since: Ms) {
        if self.now > since + GRACEFUL_MS {
            self.tell_not_stopped(r);
            self.runs[r].wire.clear();
            return self.end_run(r);
        }
        let run = &self.runs[r];
        if run.hangs || !run.wire.is_empty() || run.commit.is_some() {
            return;
        }
        if !Self::committable(run).is_empty() && !self.lost_its_group(r) {
            return self.offer(r);
        }
        self.leave_sink_group(r);
        self.tell_status(r, "UNASSIGNED");
        self.end_run(r);
    }

    pub fn end_run(&mut self, r: usize) {
        self.runs[r].phase = Phase::Ended;
        self.runs[r].ended = self.now;
        if self.runs[r].fenced {
            let task = self.runs[r].task;
            self.workers[self.runs[r].worker].held.remove(&task);
        }
        if let Some(txn) = self.runs[r].txn
            && !self.runs[r].fenced
            && self.txns[txn] == Txn::Open
        {
            // A producer that is closed aborts; one that is killed leaves it to the next.
            let alive = self.workers[self.runs[r].worker].process != Process::Down;
            if alive {
                self.end_txn(txn, false);
                self.open.remove(&self.runs[r].task);
            }
        }
    }
}
