//! Why a run of own copies is explained or not, in words.

use super::case::Case;
use super::credits::Undecidable;
use super::history::{Membership, Victim};
use super::stretch::{Nature, Stretch};
use super::told::{Outcome, Told};

/// The reason, as it stands in the report beside each rewind.
pub(super) fn of(case: &Case<'_>, told: &Told) -> String {
    let leg = &case.legs[told.leg];
    let connector = &leg.connector.name;
    let Some(stretch) = told.stretch.map(|index| &case.stretches[index]) else {
        return match told.before {
            None => "no fault had been injected yet".to_owned(),
            Some(before) => format!(
                "no fault before it hit the task of {connector} that reads this lane; the last one was {}",
                case.history.faults[before].id
            ),
        };
    };
    let task = stretch
        .task
        .as_ref()
        .map_or_else(|| format!("a task of {connector}"), ToString::to_string);
    let by_fault = told.cause.zip(stretch.victim(&case.history));
    let Some((fault, victim)) = by_fault.filter(|_| stretch.nature != Nature::Late) else {
        return format!(
            "{task} did not stop within task.shutdown.graceful.timeout.ms, so it could not commit; {}",
            committed(case, told, stretch)
        );
    };
    let id = case.history.faults[fault].id;
    match told.outcome {
        Outcome::Undecidable(Undecidable::Offsets) => {
            return format!(
                "{id} hit {task}; its offsets cannot be mapped to records, so it cannot be said what was committed"
            );
        }
        Outcome::Undecidable(Undecidable::Membership) => {
            return format!(
                "{id} hit {task}; whether the group gave {} up is not known, so it cannot be said what may be repeated",
                victim.worker
            );
        }
        Outcome::Explained | Outcome::Unexplained => {}
    }
    if leg.exactly_once {
        return format!("{id} hit {task}, but exactly-once promises no repeat");
    }
    match done(case, fault, victim, stretch, &task) {
        Done::MustNotRepeat(text) => text,
        Done::InFlight(text) => in_flight_only(told, &text),
        Done::Above(text) => format!("{text}; {}", committed(case, told, stretch)),
    }
}

/// What a fault did to a task.
enum Done {
    MustNotRepeat(String),
    InFlight(String),
    /// It may repeat what lies above the committed position.
    Above(String),
}

fn done(case: &Case<'_>, fault: usize, victim: &Victim, stretch: &Stretch, task: &str) -> Done {
    let story = &case.history.faults[fault];
    let (id, signal) = (story.id, story.kind.signal_name());
    match stretch.nature {
        Nature::Nothing if story.kind.ends_process() => Done::MustNotRepeat(format!(
            "{id} stopped {task} gracefully, so it could commit and must not repeat"
        )),
        Nature::Nothing | Nature::Unknown => Done::MustNotRepeat(format!(
            "{id} was the {signal} of {}, which the group kept as a member, so {task} must not repeat",
            victim.worker
        )),
        Nature::InFlight => Done::InFlight(format!("{id} took the network of {task}")),
        Nature::Taken if victim.killed => Done::Above(format!("{id} killed {task}")),
        Nature::Taken if story.kind.ends_process() => {
            Done::Above(format!("{id} stopped {task}, too late for it to commit"))
        }
        Nature::Taken if stretch.opens == stretch.struck => {
            Done::Above(given_up(case, fault, victim, task))
        }
        Nature::Taken | Nature::Late | Nature::Zombie => Done::Above(format!(
            "{}, and {} was back as a zombie from {} until it had settled at {}",
            given_up(case, fault, victim, task),
            victim.worker,
            victim.undone.unwrap_or_default(),
            stretch.settled
        )),
    }
}

/// "F1 was the pause of w2, and its group gave mirror-1 up at 22.46 s"
fn given_up(case: &Case<'_>, fault: usize, victim: &Victim, task: &str) -> String {
    let story = &case.history.faults[fault];
    let when = match victim.membership {
        Membership::Lost(at) => format!(" at {at}"),
        Membership::Kept | Membership::Unknown => String::new(),
    };
    format!(
        "{} was the {} of {}, and its group gave {task} up{when}",
        story.id,
        story.kind.signal_name(),
        victim.worker
    )
}

fn in_flight_only(told: &Told, done: &str) -> String {
    let share = match told.outcome {
        Outcome::Explained => "as these were",
        Outcome::Unexplained | Outcome::Undecidable(_) => "which none of these was",
    };
    format!(
        "{done}, and the group kept the worker: only what was in flight may come again, {share}"
    )
}

/// "the last commit, at 13.52 s, led on from 4705; 295 were already delivered"
fn committed(case: &Case<'_>, told: &Told, stretch: &Stretch) -> String {
    let leg = &case.legs[told.leg];
    let partition = case.input_partition(told.leg, told.lane);
    let Some(key) = leg.key_of(told.lane, partition) else {
        return "the lane's partition is not known".to_owned();
    };
    let next = case.certain(stretch, key);
    let start = case.start(told.leg, told.lane, (key, next));
    let position = match (leg.commits.last_before(key, stretch.struck), start) {
        (None, _) => "nothing was committed before".to_owned(),
        (Some(commit), Some(start)) => format!(
            "the last commit, at {}, led on from {}",
            commit.at,
            start.high.map_or(0, |high| high + 1)
        ),
        (Some(commit), None) => format!(
            "the last commit, at {}, left nothing of this lane to do again",
            commit.at
        ),
    };
    match told.outcome {
        Outcome::Explained => format!("{position}; {} were already delivered", told.copies()),
        Outcome::Unexplained | Outcome::Undecidable(_) => {
            format!("{position}, which does not explain these")
        }
    }
}
