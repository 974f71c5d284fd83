//! A history in a few sentences, for who has to judge whether it is legal.

use super::cluster::{Cluster, Phase, Run};
use super::names::task_id;
use super::setup::{Kind, Leg, LegKind, Setup};
use super::strike::Struck;

/// The settings, each fault, and each start of a task.
pub fn tell(cluster: &Cluster) -> Vec<String> {
    let mut story = vec![settings(&cluster.setup)];
    story.extend(
        cluster
            .strikes
            .struck
            .iter()
            .map(|struck| blow(cluster, struck)),
    );
    let starts = cluster.runs.iter().enumerate();
    story.extend(starts.map(|(number, run)| start(number, run)));
    story
}

fn settings(setup: &Setup) -> String {
    let legs: Vec<String> = setup.legs.iter().map(leg).collect();
    format!(
        "seed {:x}: {:?}, {} workers, {} lanes in {} partitions, one record each {} ms; {}; flush {}, session {}, delay {}, consumer session {} ms; commits take {} ms, sends {} ms",
        setup.seed,
        setup.style,
        setup.workers,
        setup.lanes,
        setup.partitions,
        setup.period_ms,
        legs.join(" -> "),
        setup.flush_ms,
        setup.session_ms,
        setup.delay_ms,
        setup.consumer_session_ms,
        setup.commit_ms,
        setup.send_ms,
    )
}

fn leg(leg: &Leg) -> String {
    let kind = match leg.kind {
        LegKind::Mirror => "mirror",
        LegKind::FileSource => "file source",
        LegKind::Own { .. } => "own source",
        LegKind::FileSink => "file sink",
        LegKind::TopicSink => "topic sink",
    };
    let how = match (leg.exactly_once, leg.kind.is_sink() && leg.reads_committed) {
        (true, _) => ", exactly once",
        (false, true) => ", reads committed",
        (false, false) => "",
    };
    let slow = match leg.writes_every_ms {
        0 => String::new(),
        every => format!(", writes every {every} ms"),
    };
    format!("{} ({kind}, {} tasks{how}{slow})", leg.name, leg.tasks)
}

fn blow(cluster: &Cluster, struck: &Struck) -> String {
    let fault = &cluster.strikes.faults[struck.fault];
    let kind = match fault.blow.kind {
        Kind::Kill => "kill".to_owned(),
        Kind::Stop { grace_ms, hangs } => format!(
            "stop{} (grace {grace_ms} ms{})",
            if hangs {
                " of a worker with a task that hangs"
            } else {
                ""
            },
            if struck.overrun { ", overrun" } else { "" },
        ),
        Kind::Pause => "pause".to_owned(),
        Kind::Cut => "network loss".to_owned(),
    };
    let end_of = |id: &str| id[id.len().saturating_sub(9)..].to_owned();
    format!(
        "F{} {:.2} s {kind} of w{} (member {}, {}), undone after {:?} ms",
        struck.fault + 1,
        struck.at as f64 / 1e3,
        struck.worker + 1,
        struck
            .member
            .as_deref()
            .map_or_else(|| "none".to_owned(), end_of),
        if struck.gone {
            "lost by the group"
        } else {
            "kept"
        },
        fault.blow.undo_ms,
    )
}

fn start(number: usize, run: &Run) -> String {
    let end = match run.phase {
        Phase::Ended => format!("{:.2} s", run.ended as f64 / 1e3),
        _ => "the end".to_owned(),
    };
    format!(
        "start {number}: {} on w{}#{} from {:.2} s to {end}{}",
        task_id(run.task),
        run.worker + 1,
        run.incarnation,
        run.began as f64 / 1e3,
        if run.fenced { ", fenced" } else { "" },
    )
}
