//! Who ran what when: the lanes of the time line.

use crate::model::{FaultKind, Moment, TaskId, WorkerName};

use super::case::Case;
use super::history::ProcessStep;
use super::recovery::FaultRecovery;
use super::watched;
use super::{FaultBand, Paint, Segment, Timeline, TimelineLane};

/// Points in one lane.
const MOST_TICKS: usize = 2_000;
/// Tasks of watched connectors that have a lane; the others are in their table.
const MOST_WATCHED: usize = 24;

/// The time line of a case.
pub(super) fn timeline(case: &Case<'_>, recoveries: &[FaultRecovery]) -> Timeline {
    let end = case.history.end;
    let mut lanes = vec![
        lane("group", "state", states(case, end)),
        lane("group", "leader", leaders(case, end)),
    ];
    for worker in &case.info.scenario.connect.workers {
        lanes.push(lane("workers", worker.as_str(), lives(case, worker, end)));
    }
    for task in &case.history.tasks {
        lanes.push(lane("tasks", &task.to_string(), owners_of(case, task, end)));
    }
    for task in watched::tasks(case).iter().take(MOST_WATCHED) {
        let owners = owners_of(case, task, end);
        lanes.push(lane("watched", &task.to_string(), owners));
    }
    for leg in &case.legs {
        let times: Vec<Moment> = leg.commits.list.iter().map(|commit| commit.at).collect();
        lanes.push(TimelineLane {
            ticks: thinned(times),
            ..lane("commits", leg.connector.name.as_str(), Vec::new())
        });
    }
    Timeline {
        end,
        lanes,
        bands: bands(case, recoveries),
    }
}

fn lane(group: &str, label: &str, segments: Vec<Segment>) -> TimelineLane {
    TimelineLane {
        group: group.to_owned(),
        label: label.to_owned(),
        segments,
        ticks: Vec::new(),
    }
}

fn thinned(mut times: Vec<Moment>) -> Vec<Moment> {
    times.dedup();
    let step = times.len().div_ceil(MOST_TICKS).max(1);
    times.into_iter().step_by(step).collect()
}

/// Stretches from changes: each lasts to the next one; equal neighbours grow together.
fn stretches(changes: &[(Moment, Option<(String, Paint)>)], end: Moment) -> Vec<Segment> {
    let mut segments: Vec<Segment> = Vec::new();
    for (number, (from, state)) in changes.iter().enumerate() {
        let to = changes.get(number + 1).map_or(end, |(next, _)| *next);
        let Some((label, paint)) = state else {
            continue;
        };
        match segments.last_mut() {
            Some(last) if last.to == *from && last.label == *label && last.paint == *paint => {
                last.to = to;
            }
            _ => segments.push(Segment {
                from: *from,
                to,
                label: label.clone(),
                paint: *paint,
            }),
        }
    }
    segments.retain(|segment| segment.to > segment.from);
    segments
}

fn states(case: &Case<'_>, end: Moment) -> Vec<Segment> {
    let state = |(at, view): &(Moment, &crate::journal::GroupView)| {
        let members = view.members.len();
        let (label, paint) = if view.state != "Stable" {
            (view.state.clone(), Paint::Changing)
        } else if view.delay_ms > 0 {
            (format!("delay {} ms", view.delay_ms), Paint::Waiting)
        } else {
            (format!("Stable · {members} members"), Paint::Good)
        };
        (*at, Some((label, paint)))
    };
    let changes: Vec<_> = case.history.groups.iter().map(state).collect();
    stretches(&changes, end)
}

fn paint_of(case: &Case<'_>, worker: &WorkerName) -> Paint {
    let workers = &case.info.scenario.connect.workers;
    let index = workers.iter().position(|known| known == worker);
    index
        .and_then(|index| u32::try_from(index).ok())
        .map_or(Paint::Changing, Paint::Worker)
}

fn leaders(case: &Case<'_>, end: Moment) -> Vec<Segment> {
    let leader = |(at, view): &(Moment, &crate::journal::GroupView)| {
        let state = view
            .leader
            .as_ref()
            .map(|leader| (leader.to_string(), paint_of(case, leader)));
        (*at, state)
    };
    let changes: Vec<_> = case.history.groups.iter().map(leader).collect();
    stretches(&changes, end)
}

fn lives(case: &Case<'_>, worker: &WorkerName, end: Moment) -> Vec<Segment> {
    let of_worker = case
        .history
        .processes
        .iter()
        .filter(|process| process.name == worker.as_str());
    let mut changes: Vec<_> = of_worker
        .map(|process| (process.at, life(case, worker, process.what)))
        .collect();
    for fault in &case.history.faults {
        let label = match fault.kind {
            FaultKind::Kill | FaultKind::Stop { .. } => continue,
            FaultKind::Pause => "paused",
            FaultKind::Disconnect => "no network",
        };
        for victim in fault.victims.iter().filter(|v| v.worker == *worker) {
            let Some(from) = victim.ended else { continue };
            changes.push((from, Some((label.to_owned(), Paint::Waiting))));
            let up = Some(("up".to_owned(), paint_of(case, worker)));
            changes.extend(victim.undone.map(|at| (at, up)));
        }
    }
    changes.sort_by_key(|(at, _)| *at);
    stretches(&changes, end)
}

fn life(case: &Case<'_>, worker: &WorkerName, step: ProcessStep) -> Option<(String, Paint)> {
    match step {
        ProcessStep::Started => Some(("starting".to_owned(), Paint::Changing)),
        ProcessStep::Ready { .. } => Some(("up".to_owned(), paint_of(case, worker))),
        ProcessStep::Ended { asked: true, .. } => Some(("down".to_owned(), Paint::Waiting)),
        ProcessStep::Ended { asked: false, .. } => Some(("ended unasked".to_owned(), Paint::Bad)),
    }
}

fn owners_of(case: &Case<'_>, task: &TaskId, end: Moment) -> Vec<Segment> {
    let duty = case.history.tasks_running.unwrap_or(end);
    let over = case.history.duty_end();
    let mut changes = Vec::new();
    for (at, view) in &case.history.groups {
        let owners: Vec<String> = view
            .members
            .iter()
            .filter(|member| member.tasks.contains(task))
            .map(|m| {
                m.worker
                    .as_ref()
                    .map_or_else(|| m.url.clone(), ToString::to_string)
            })
            .collect();
        let owner = view
            .members
            .iter()
            .find(|member| member.tasks.contains(task));
        let state = if view.state != "Stable" {
            Some(("rebalance".to_owned(), Paint::Changing))
        } else {
            match (
                owners.len(),
                owner.and_then(|member| member.worker.as_ref()),
            ) {
                (0, _) if *at < duty || *at >= over => None,
                (0, _) => Some(("nobody".to_owned(), Paint::Bad)),
                (1, Some(worker)) => Some((worker.to_string(), paint_of(case, worker))),
                (1, None) => Some((owners[0].clone(), Paint::Changing)),
                (_, _) => Some((owners.join(" and "), Paint::Bad)),
            }
        };
        changes.push((*at, state));
    }
    let mut segments = stretches(&changes, end);
    for segment in segments.iter_mut().filter(|s| s.label == "nobody") {
        segment.label = format!(
            "nobody {:.1} s",
            segment.to.since(segment.from).as_secs_f64()
        );
    }
    segments
}

fn bands(case: &Case<'_>, recoveries: &[FaultRecovery]) -> Vec<FaultBand> {
    let faults = case.history.faults.iter().zip(recoveries);
    faults
        .filter_map(|(fault, recovery)| {
            let from = recovery.began?;
            let given_up = fault.given_up.as_ref().map(|(at, _)| *at);
            let to = recovery.recovered.or(given_up).unwrap_or(case.history.end);
            let names: Vec<&str> = fault.victims.iter().map(|v| v.worker.as_str()).collect();
            let label = format!(
                "{} {} {} ({})",
                fault.id,
                fault.kind.signal_name(),
                names.join(", "),
                fault.target
            );
            Some(FaultBand {
                fault: fault.id,
                label,
                from,
                to: to.max(from),
                over: fault.undone().filter(|_| !fault.kind.ends_process()),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::model::FaultKind;

    use super::super::Paint;
    use super::super::world::World;
    use super::Moment;

    #[test]
    fn equal_neighbours_grow_together_and_others_do_not() {
        let good = |label: &str| Some((label.to_owned(), Paint::Good));
        let changes = [good("a"), good("a"), good("b"), None, good("b")];
        let changes: Vec<_> = (0..).map(Moment).zip(changes).collect();
        let segments = super::stretches(&changes, Moment(9));
        let told = segments
            .iter()
            .map(|s| (s.from.0, s.to.0, s.label.as_str()));
        let expected = [(0, 2, "a"), (2, 3, "b"), (4, 9, "b")];
        assert_eq!(told.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn the_time_line_of_a_kill_tells_of_the_group_of_workers_and_of_tasks() {
        let timeline = World::with_fault(440, FaultKind::Kill).judge().timeline;
        let end = timeline.end.as_ms();
        let lane = |label: &str| -> Vec<(u64, u64, &str, Paint)> {
            let lane = timeline.lanes.iter().find(|lane| lane.label == label);
            let segments = lane.unwrap().segments.iter();
            segments
                .map(|s| (s.from.as_ms(), s.to.as_ms(), s.label.as_str(), s.paint))
                .collect()
        };
        let stable = "Stable · 3 members";
        assert_eq!(
            lane("state"),
            [
                (1_500, 16_000, stable, Paint::Good),
                (16_000, 19_000, "delay 3000 ms", Paint::Waiting),
                (19_000, end, stable, Paint::Good),
            ]
        );
        assert_eq!(lane("leader"), [(1_500, end, "w1", Paint::Worker(0))]);
        assert_eq!(
            lane("mirror-1"),
            [
                (1_500, 16_000, "w2", Paint::Worker(1)),
                (16_000, 19_000, "nobody 3.0 s", Paint::Bad),
                (19_000, end, "w3", Paint::Worker(2)),
            ]
        );
        let down = lane("w2").into_iter().find(|segment| segment.2 == "down");
        assert_eq!(down, Some((10_005, end, "down", Paint::Waiting)));
    }
}
