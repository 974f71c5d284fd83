//! Evidence that contradicts itself: it is told by file and row, and it is nobody's fault.

use std::collections::{BTreeMap, BTreeSet};

use crate::journal::{Event, Exit, Proof, What};
use crate::model::{Decode, FaultId, Medium, Moment, Place, PlaceName, RuntimeKind, WorkerName};

use super::case::Case;
use super::consistency::{Consistency, Spacing, file_of};
use super::pass::FeedFacts;
use super::seen::{Expected, missing, total};
use super::{settings, transactions};

/// A place whose observations contradict something, and what, in a sentence.
pub(super) struct Contradiction<'c> {
    pub place: &'c PlaceName,
    pub text: String,
}

/// What the observations of this run contradict.
pub(super) fn of_places<'c>(case: &'c Case<'_>) -> Vec<Contradiction<'c>> {
    let route = &case.info.scenario.route;
    let mut told = Vec::new();
    if let (Some(place), Some(feed)) = (route.feed(), &case.feed) {
        let texts = of_feed(case, place, feed).into_iter();
        told.extend(texts.map(|text| Contradiction {
            place: &place.name,
            text,
        }));
    }
    for leg in 0..case.legs.len() {
        let place = &case.legs[leg].tap.name;
        let texts = of_tap(case, leg).into_iter();
        told.extend(texts.map(|text| Contradiction { place, text }));
        let front = leg.checked_sub(1).map(|before| &case.legs[before].tap.name);
        let text = never_in_front(case, leg);
        told.extend(
            front
                .zip(text)
                .map(|(place, text)| Contradiction { place, text }),
        );
    }
    told
}

fn of_feed(case: &Case<'_>, place: &Place, feed: &FeedFacts) -> Vec<String> {
    let mut told = feed.consistency.told(place.name.as_str(), |_| true);
    let spare = feed.lanes.iter().map(|lane| lane.unknown.len()).sum();
    told.extend(dense(case, place, &feed.consistency, spare));
    told.extend(torn_file(case, place, &feed.consistency, false));
    told
}

fn of_tap(case: &Case<'_>, number: usize) -> Vec<String> {
    let leg = &case.legs[number];
    let name = leg.tap.name.as_str();
    let known = |(lane, sequence): (u32, u64)| is_known(case, number, lane, sequence);
    let consistency = &case.taps[number].consistency;
    let mut told = consistency.told(name, known);
    if !leg.exactly_once {
        told.extend(dense(case, leg.tap, consistency, 0));
    }
    told.extend(torn_file(case, leg.tap, consistency, true));
    if let Some(twin) = &case.uncommitted[number] {
        let name = format!("{name}!uncommitted");
        told.extend(twin.consistency.told(&name, known));
        told.extend(transactions::overlooked(case, number));
    }
    told
}

fn is_known(case: &Case<'_>, leg: usize, lane: u32, sequence: u64) -> bool {
    let at = lane as usize;
    let open = || {
        let feed = case.feed.as_ref()?;
        Some(feed.lanes.get(at)?.unknown.contains(sequence))
    };
    at < case.frame.lanes && (case.expected(leg, at).contains(sequence) || open().unwrap_or(false))
}

/// Topics of a cluster of our own are new, are read from their beginning and lose nothing: each position is a record.
fn dense(case: &Case<'_>, place: &Place, consistency: &Consistency, spare: u64) -> Option<String> {
    let ours = case.info.runtime != RuntimeKind::Attached;
    if !ours || !case.drained() || !matches!(place.medium, Medium::Topic(_)) {
        return None;
    }
    let none = BTreeMap::new();
    let ends = case
        .history
        .final_ends
        .and_then(|ends| ends.get(&place.name));
    let name = place.name.as_str();
    // What has no position may be in any hole.
    let torn = || {
        consistency
            .torn(name, Spacing::Records, true)
            .filter(|_| spare == 0)
    };
    let hole = consistency.hole(name, ends.unwrap_or(&none), spare)?;
    Some(match torn() {
        Some(torn) => format!("{hole}; {torn}"),
        None => hole,
    })
}

/// Each line of a file is a row, whatever it is, and begins where the one before it ends. How long a line is that is no
/// whole record is not known, and so nothing of what follows it; the length of the file is not known either. A tap reads
/// from the first byte on, and a feed writes behind what was there. Folders before format 3 are judged as they were then.
fn torn_file(
    case: &Case<'_>,
    place: &Place,
    consistency: &Consistency,
    from_0: bool,
) -> Option<String> {
    let is_file = matches!(place.medium, Medium::File(_));
    if !is_file || !case.info.has_attendance_of_places() {
        return None;
    }
    let spacing = match place.decode {
        Decode::Line => Spacing::Lines(case.info.scenario.stream.record_size_bytes as i64 + 1),
        Decode::Pointers { .. } => Spacing::Unknown,
    };
    consistency.torn(place.name.as_str(), spacing, from_0)
}

/// Records behind a connector that its input never showed: whoever read the input missed them.
fn never_in_front(case: &Case<'_>, leg: usize) -> Option<String> {
    let before = leg.checked_sub(1)?;
    if !case.drained() {
        return None;
    }
    let reads_all = !settings::reads_committed(case.info, case.legs[leg].connector);
    let twin = case.uncommitted[before].as_ref().filter(|_| reads_all);
    let front = twin.unwrap_or(&case.taps[before]);
    let lanes = case.taps[leg].lanes.iter().zip(&front.lanes).enumerate();
    let mut found = lanes.filter_map(|(lane, (behind, front))| {
        let ranges = missing(Expected::Set(&behind.seen), &front.seen);
        Some((lane, *ranges.first()?, total(&ranges)))
    });
    let (lane, (sequence, _), count) = found.next()?;
    let all = found.fold(count, |all, (_, _, count)| all + count);
    Some(format!(
        "{} lacks {} that arrived behind {}, such as record {sequence} of lane {lane}: whoever read it missed them",
        file_of(case.legs[before].tap.name.as_str()),
        records(all),
        case.legs[leg].connector.name
    ))
}

/// What the order of the events contradicts, by the line of the first such event. Ends of processes are `told` by whoever
/// started them; a proof and the event of the same end come from two observers, in either order.
pub(super) fn of_events(events: &[Event], told: bool) -> Option<String> {
    let mut order = Order {
        told,
        ..Order::default()
    };
    for event in events {
        if let What::ProcessEnded { name, .. } = &event.what {
            order.ends.insert(name);
        }
    }
    let mut before = Moment::default();
    let found = events.iter().enumerate().find_map(|(number, event)| {
        let why = if event.at < before {
            Some(format!(
                "it is at {} and stands behind one at {before}",
                event.at
            ))
        } else {
            order.contradicts(&event.what)
        };
        before = event.at;
        why.map(|why| (number, why))
    });
    let (number, why) = found?;
    Some(format!(
        "the journal contradicts itself: events.jsonl, line {}: {why}",
        number + 1
    ))
}

/// What must have been before some events.
#[derive(Default)]
struct Order<'a> {
    intended: BTreeSet<FaultId>,
    acted: BTreeSet<(FaultId, &'a WorkerName)>,
    ended: BTreeMap<&'a str, Exit>,
    /// Of which processes the journal tells an end anywhere.
    ends: BTreeSet<&'a str>,
    told: bool,
}

impl<'a> Order<'a> {
    fn contradicts(&mut self, what: &'a What) -> Option<String> {
        if let What::FaultIntended { fault, .. } = what {
            self.intended.insert(*fault);
        } else if let What::FaultActed { fault, worker, .. } = what {
            self.acted.insert((*fault, worker));
            // What ended before was an end of its own.
            self.ended.remove(worker.as_str());
            return (!self.intended.contains(fault))
                .then(|| format!("{fault} acted on {worker} before it was intended"));
        } else if let What::ProcessEnded { name, exit, .. } = what {
            self.ended.insert(name, *exit);
        } else if let What::GraceOverrun { fault, worker, .. }
        | What::ThreadsDumped { fault, worker, .. }
        | What::FaultUndone { fault, worker } = what
        {
            return self.before_it_acted(*fault, worker);
        } else if let What::FaultProof { fault, proof } = what {
            return self.before_its_signs(*fault, proof);
        } else if let What::RecoverySeen { fault } = what {
            let acted = self.acted.iter().any(|(known, _)| known == fault);
            return (!acted).then(|| format!("{fault} is recovered from before it acted"));
        }
        None
    }

    fn before_it_acted(&self, fault: FaultId, worker: &WorkerName) -> Option<String> {
        (!self.acted.contains(&(fault, worker)))
            .then(|| format!("this comes before {fault} acted on {worker}"))
    }

    /// A proof that a process has ended names an end that was seen.
    fn before_its_signs(&self, fault: FaultId, proof: &Proof) -> Option<String> {
        let (Proof::ProcessEnded { worker, .. }
        | Proof::MemberGone { worker, .. }
        | Proof::Paused { worker, .. }
        | Proof::Disconnected { worker, .. }
        | Proof::Missing { worker, .. }) = proof;
        let unsigned = || {
            let Proof::ProcessEnded { exit, .. } = proof else {
                return None;
            };
            match self.ended.get(worker.as_str()) {
                Some(seen) if seen == exit => None,
                Some(seen) => Some(format!("{worker} ended {exit} here, and {seen} before")),
                None if !self.told || self.ends.contains(worker.as_str()) => None,
                None => Some(format!("no event tells of the end of {worker}")),
            }
        };
        self.before_it_acted(fault, worker).or_else(unsigned)
    }
}

fn records(count: u64) -> String {
    match count {
        1 => "1 record".to_owned(),
        _ => format!("{count} records"),
    }
}
