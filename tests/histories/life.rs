//! The life of a history from its first worker to its last record, in the stages of a run.

use std::collections::BTreeMap;

use super::cluster::{Cluster, STEP_MS};
use super::group::Ms;
use super::harm::Plant;
use super::rng::Rng;
use super::setup::{LegKind, Setup};

/// When each stage of a run began.
#[derive(Debug, Clone, Default)]
pub struct Stages {
    pub running: Ms,
    pub feed: Ms,
    pub faults: Ms,
    pub converge: Ms,
    pub fed: Ms,
    pub drained: Ms,
    pub over: Ms,
    pub end: Ms,
    /// Committed offsets of each leg and the end of each place, as read when the drain ended.
    pub committed: Vec<BTreeMap<u64, u64>>,
    pub ends: Vec<Vec<u64>>,
    /// Records that waited when the baseline was reached.
    pub backlog: u64,
}

/// A stage took longer than any legal history can.
pub struct Stuck(pub String);

const LIMIT_MS: Ms = 240_000;

/// Lives a history.
pub fn live(setup: Setup) -> Result<(Cluster, Stages), Stuck> {
    live_with(setup, None)
}

/// Lives it with one harm.
pub fn live_with(setup: Setup, plant: Option<Plant>) -> Result<(Cluster, Stages), Stuck> {
    let mut rng = Rng::new(setup.seed ^ 0x11fe);
    let mut cluster = Cluster::new(setup);
    cluster.plant = plant;
    let mut stages = Stages::default();
    until(&mut cluster, "start", |cluster| {
        cluster.now > 2_000 && cluster.is_balanced()
    })?;
    stages.running = cluster.now;
    pass(&mut cluster, rng.range(100, 400));
    stages.feed = cluster.now;
    let setup = cluster.setup.clone();
    cluster.feed.begin(stages.feed, &setup);
    let baseline = setup.flush_ms.max(4_000) + rng.range(1_000, 2_500);
    pass(&mut cluster, baseline);
    stages.faults = cluster.now;
    stages.backlog = cluster.unread() as u64;
    cluster.strikes.begin(stages.faults, &setup.blows);
    let least = stages.faults + rng.range(4_000, 12_000);
    until(&mut cluster, "recovery", |cluster| {
        cluster.now >= least
            && cluster.strikes.next >= setup.blows.len()
            && cluster
                .strikes
                .faults
                .iter()
                .all(|fault| fault.settled_at.is_some())
    })?;
    let tail = setup.tail_ms + rng.range(200, 3_000);
    pass(&mut cluster, tail);
    finish(&mut cluster, &mut stages, &mut rng)?;
    Ok((cluster, stages))
}

fn finish(cluster: &mut Cluster, stages: &mut Stages, rng: &mut Rng) -> Result<(), Stuck> {
    stages.converge = cluster.now;
    cluster.feed.until = Some(cluster.now);
    if matches!(cluster.setup.legs[0].kind, LegKind::Own { .. }) {
        cluster.paused_source = true;
    }
    until(cluster, "end of the feed", |cluster| {
        cluster.feed.is_settled()
    })?;
    pass(cluster, 20);
    stages.fed = cluster.now;
    if cluster.paused_source {
        for run in cluster.active.clone() {
            if cluster.runs[run].task.0 == 0 {
                cluster.tell_status(run, "PAUSED");
            }
        }
    }
    let exactly_once = cluster.setup.legs.iter().any(|leg| leg.exactly_once);
    let waits_for_commits = cluster.paused_source || exactly_once || rng.chance(50);
    until(cluster, "drain", |cluster| {
        cluster.unread() == 0 && (!waits_for_commits || cluster.has_committed_all())
    })?;
    pass(
        cluster,
        if waits_for_commits {
            2_000
        } else {
            rng.range(520, 900)
        },
    );
    stages.drained = cluster.now;
    stages.committed = cluster.committed.clone();
    let ends = |log: &super::log::Log| {
        log.partitions
            .iter()
            .map(|rows| rows.len() as u64)
            .collect()
    };
    stages.ends = cluster.logs.iter().map(ends).collect();
    pass(cluster, rng.range(300, 900));
    stages.over = cluster.now;
    stages.end = cluster.now + 500;
    Ok(())
}

fn pass(cluster: &mut Cluster, ms: Ms) {
    let end = cluster.now + ms;
    while cluster.now + STEP_MS <= end {
        cluster.step();
    }
}

fn until(cluster: &mut Cluster, what: &str, is_so: impl Fn(&Cluster) -> bool) -> Result<(), Stuck> {
    let limit = cluster.now + LIMIT_MS;
    while !is_so(cluster) {
        if cluster.now > limit {
            return Err(Stuck(format!(
                "it waited for the {what} in vain; {} unread; {:?}; {:?}; {:?}\n{}",
                cluster.unread(),
                cluster.group.state,
                cluster.shares,
                cluster.strikes.struck,
                super::story::tell(cluster).join("\n"),
            )));
        }
        cluster.step();
    }
    Ok(())
}

impl Cluster {
    /// Whether every leg has committed all that it was given.
    fn has_committed_all(&self) -> bool {
        (0..self.setup.legs.len()).all(|leg| {
            let runs = self.active.iter().map(|run| &self.runs[*run]);
            let mut of_leg = runs.filter(|run| run.task.0 == leg);
            of_leg.all(|run| {
                run.wire.is_empty() && run.commit.is_none() && Self::committable(run).is_empty()
            })
        })
    }
}
