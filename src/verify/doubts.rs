//! What makes the evidence incomplete, and which guarantees suffer from it.

use crate::journal::{Ending, KNOWN_FORMATS};
use crate::model::{GuaranteeKind, Moment, RuntimeKind};

use super::attendance::{self, Absence};
use super::case::Case;
use super::findings::Facts;
use super::history::{FaultStory, Victim};
use super::recovery::FaultRecovery;
use super::{contradictions, departures, lateness, settings};

/// Everything that keeps the verdict from being *held*.
#[derive(Debug, Default)]
pub(super) struct Doubts {
    /// A sentence each, the gravest first.
    pub list: Vec<String>,
    pub environment: Option<String>,
    pub interrupted: bool,
    /// The journal cannot be trusted or something from outside did damage: nothing may be called broken.
    untrusted: Option<String>,
    /// An observation file or tap is damaged: nothing about records can be said.
    records: Option<String>,
    /// The commits of a connector were not all seen.
    commits: Option<String>,
    /// The group was not seen all the time.
    group: Option<String>,
    /// Records may still arrive.
    moving: Option<String>,
    /// From when on a worker was leaving the group for a reason that is not known.
    departed: Option<(Moment, String)>,
    /// What nobody saw.
    pub absences: Vec<Absence>,
}

impl Doubts {
    pub(super) fn of(facts: &Facts<'_, '_>) -> Self {
        let case = facts.case;
        let mut doubts = Self::default();
        doubts.of_journal(case);
        doubts.of_outside(case);
        doubts.of_records(facts);
        doubts.of_observers(case);
        doubts.of_faults(case);
        doubts.of_attendance(case, facts.recoveries);
        doubts.of_drain(case);
        let departures = departures::unasked(&case.history, case.info);
        doubts.departed = departures.first().map(|departure| {
            let session_ms = settings::milliseconds(case.info, "session.timeout.ms");
            let from = departure.at.0.saturating_sub(session_ms.saturating_mul(1_000));
            let text = format!(
                "the group lost {} at {} and no fault had been done to it: whether this is Connect's doing or the machine's is not known",
                departure.who(),
                departure.at
            );
            (Moment(from), text)
        });
        doubts
    }

    fn untrust(&mut self, text: String) {
        self.untrusted.get_or_insert_with(|| text.clone());
        self.list.push(text);
    }

    fn distrust_records(&mut self, text: String) {
        self.records.get_or_insert_with(|| text.clone());
        self.list.push(text);
    }

    fn of_journal(&mut self, case: &Case<'_>) {
        let (format, plan) = (case.info.format, case.evidence.plan.format);
        if !KNOWN_FORMATS.contains(&format) || plan != 1 {
            self.untrust(format!(
                "the run folder has format {format} and its plan {plan}, which this squall does not know; judge it with squall {}, which made it",
                case.info.squall
            ));
        }
        if let Some(damage) = &case.evidence.log.damage {
            self.untrust(format!("the journal is damaged: {damage}"));
        }
        let numbered = (0..).zip(&case.evidence.log.events);
        if let Some((n, _)) = numbered.into_iter().find(|(n, event)| event.n != *n) {
            self.untrust(format!("the journal has a hole at event {n}"));
        }
        let told = case.info.runtime != RuntimeKind::Attached;
        if let Some(text) = contradictions::of_events(&case.evidence.log.events, told) {
            self.untrust(text);
        }
        match &case.history.ended {
            None => self.untrust(
                "the journal is cut off: its last event is not the end of the run".to_owned(),
            ),
            Some(end) => match end.ending {
                Ending::Complete => {}
                Ending::Interrupted => {
                    self.interrupted = true;
                    self.list.push("the run was interrupted".to_owned());
                }
                Ending::Environment(why) => self.of_environment(why.clone()),
                Ending::Refused(refusals) => {
                    let words: Vec<String> = refusals.iter().map(ToString::to_string).collect();
                    let words = words.join("; ");
                    self.of_environment(format!(
                        "Kafka Connect refuses the configuration: {words}"
                    ));
                }
            },
        }
        let damage: Vec<String> = case.evidence.damage.clone();
        damage.into_iter().for_each(|text| self.untrust(text));
    }

    fn of_environment(&mut self, why: String) {
        // The reason stands above all guarantees: each of them need not repeat it.
        self.untrusted
            .get_or_insert_with(|| "the environment failed".to_owned());
        self.list.push(format!("the environment failed: {why}"));
        self.environment = Some(why);
    }

    fn of_outside(&mut self, case: &Case<'_>) {
        for text in case.history.ended_unasked() {
            self.untrust(text);
        }
    }

    fn of_records(&mut self, facts: &Facts<'_, '_>) {
        let case = facts.case;
        if case.legs.is_empty() {
            self.distrust_records("the route has no connector and no tap".to_owned());
        }
        if case.info.scenario.stream.lanes as usize > case.frame.lanes {
            self.distrust_records("the stream has more lanes than records can name".to_owned());
        }
        if let Some(place) = case.info.scenario.route.feed()
            && let Some(feed) = &case.feed
        {
            self.of_place(case, place.name.as_str(), feed.rows, &feed.damage);
            self.of_feed(case);
        }
        for (leg, tap) in case.legs.iter().zip(&case.taps) {
            self.of_place(case, leg.tap.name.as_str(), tap.rows, &tap.damage);
        }
        for (leg, tap) in case.legs.iter().zip(&case.uncommitted) {
            if let Some(tap) = tap {
                let name = format!("{}!uncommitted", leg.tap.name);
                self.of_place(case, &name, tap.rows, &tap.damage);
            }
        }
        for contradiction in facts.contradictions {
            self.distrust_records(contradiction.text.clone());
        }
        let nothing = (0..case.legs.len()).all(|leg| case.expected_count(leg) == 0);
        if nothing {
            self.distrust_records("nothing was sent, so nothing can be shown".to_owned());
        }
    }

    fn of_feed(&mut self, case: &Case<'_>) {
        let Some(feed) = &case.feed else { return };
        if feed.twice > 0 {
            self.distrust_records(format!(
                "{} records were acknowledged more than once by the feed: the harness sent them twice",
                feed.twice
            ));
        }
        match case.history.feed_ended {
            None => {
                self.distrust_records("the end of the feed is not in the journal".to_owned());
            }
            Some(end) if end.acked != feed.acked => self.distrust_records(format!(
                "the journal says that {} records were acknowledged, the observations hold {}",
                end.acked, feed.acked
            )),
            Some(_) => {}
        }
    }

    fn of_place(&mut self, case: &Case<'_>, name: &str, rows: u64, damage: &[String]) {
        for text in damage {
            self.distrust_records(text.clone());
        }
        let Some(end) = &case.history.ended else {
            return;
        };
        let said = end.rows.get(name);
        match said {
            None => self.distrust_records(format!(
                "the journal does not say how many rows {name} must have"
            )),
            Some(said) if *said != rows => self.distrust_records(format!(
                "the observations of {name} have {rows} rows, the journal says {said}"
            )),
            Some(_) => {}
        }
    }

    fn of_observers(&mut self, case: &Case<'_>) {
        for (observer, why) in &case.history.observers_failed {
            let text = format!("the observer of `{observer}` failed: {why}");
            match *observer {
                "group" => {
                    self.group.get_or_insert_with(|| text.clone());
                }
                "offsets topic" | "consumer offsets" => {
                    self.commits.get_or_insert_with(|| text.clone());
                }
                other => {
                    let place = other.strip_suffix("!uncommitted").unwrap_or(other);
                    let mut places = case.info.scenario.route.places();
                    if places.any(|known| known.name.as_str() == place) {
                        self.records.get_or_insert_with(|| text.clone());
                    }
                }
            }
            self.list.push(text);
        }
        let unreadable: u64 = case.legs.iter().map(|leg| leg.commits.unreadable).sum();
        if unreadable > 0 {
            let text = format!("{unreadable} offset commits could not be understood");
            self.commits.get_or_insert_with(|| text.clone());
            self.list.push(text);
        }
    }

    fn of_faults(&mut self, case: &Case<'_>) {
        for fault in &case.history.faults {
            let Some(text) = of_fault(fault, case.info.has_attendance_of_places()) else {
                continue;
            };
            if fault.skipped.is_none() {
                let open = attendance::of_fault(case, fault, text.clone());
                self.absences.push(open);
            }
            self.list.push(text);
        }
    }

    fn of_attendance(&mut self, case: &Case<'_>, recoveries: &[FaultRecovery]) {
        self.list.extend(attendance::untold(case));
        let mut absences = attendance::absences(case);
        absences.extend(lateness::absences(case, recoveries));
        for absence in absences.iter().filter(|absence| !absence.is_short) {
            if !self.list.contains(&absence.text) {
                self.list.push(absence.text.clone());
            }
        }
        self.absences.extend(absences);
    }

    fn of_drain(&mut self, case: &Case<'_>) {
        let text = match case.history.drain {
            Some((true, _)) => return,
            Some((false, why)) => format!("the drain was not finished: {why}"),
            None => "the taps were not drained".to_owned(),
        };
        self.moving = Some(text.clone());
        self.list.push(text);
    }

    /// Why nothing about this guarantee may be called broken or held.
    pub(super) fn silences(&self, kind: GuaranteeKind) -> Option<&str> {
        let of_records = self.records.as_ref();
        let own = match kind {
            GuaranteeKind::Lost
            | GuaranteeKind::Duplicates
            | GuaranteeKind::Order
            | GuaranteeKind::Phantoms
            | GuaranteeKind::Outage => of_records,
            GuaranteeKind::UnexplainedDuplicates => {
                of_records.or(self.commits.as_ref()).or(self.group.as_ref())
            }
            GuaranteeKind::Offsets => of_records.or(self.commits.as_ref()),
            GuaranteeKind::Recovery => of_records.or(self.group.as_ref()),
            GuaranteeKind::Overlap => self.group.as_ref(),
            GuaranteeKind::Stops => None,
        };
        self.untrusted.as_ref().or(own).map(String::as_str)
    }

    /// Why what happened from some moment on may not be called broken, though it may be called held.
    pub(super) fn excuses(&self, kind: GuaranteeKind) -> Option<(Moment, &str)> {
        let may_follow = match kind {
            GuaranteeKind::UnexplainedDuplicates
            | GuaranteeKind::Duplicates
            | GuaranteeKind::Offsets
            | GuaranteeKind::Overlap
            | GuaranteeKind::Recovery
            | GuaranteeKind::Outage => true,
            GuaranteeKind::Lost
            | GuaranteeKind::Order
            | GuaranteeKind::Phantoms
            | GuaranteeKind::Stops => false,
        };
        let (from, why) = self.departed.as_ref().filter(|_| may_follow)?;
        Some((*from, why))
    }

    /// Why this guarantee may not be called held, though it may be called broken.
    pub(super) fn weakens(&self, kind: GuaranteeKind) -> Option<&str> {
        let needs_end = match kind {
            GuaranteeKind::UnexplainedDuplicates
            | GuaranteeKind::Duplicates
            | GuaranteeKind::Order
            | GuaranteeKind::Phantoms
            | GuaranteeKind::Offsets => true,
            GuaranteeKind::Lost
            | GuaranteeKind::Overlap
            | GuaranteeKind::Recovery
            | GuaranteeKind::Outage
            | GuaranteeKind::Stops => false,
        };
        self.moving
            .as_ref()
            .filter(|_| needs_end)
            .map(String::as_str)
    }
}

/// Journals before format 3 need not tell that a worker was started again.
fn of_fault(fault: &FaultStory, tells_restarts: bool) -> Option<String> {
    let id = fault.id;
    if let Some(why) = &fault.skipped {
        return Some(format!("{id} could not be injected: {why}"));
    }
    if fault.intended.is_none() {
        return Some(format!("{id} was planned and never injected"));
    }
    let seen = |victim: &Victim| victim.ended.is_some();
    let ends = fault.kind.ends_process();
    let open = if fault.proven() {
        ends && fault.restarts && tells_restarts
    } else {
        !ends && fault.victims.iter().all(seen)
    };
    if open && fault.undone().is_none() {
        return Some(format!("{id} was not seen to be undone"));
    }
    if fault.proven() {
        return None;
    }
    if !fault.missing_proof.is_empty() {
        let what = fault.missing_proof.join("; ");
        return Some(format!("{id} is not proven: {what}"));
    }
    Some(format!("{id} is not proven to have taken effect"))
}
