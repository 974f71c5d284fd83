//! Findings set against what the scenario expects, one answer for each expectation.

use std::time::Duration;

use crate::model::{Amount, DuplicateLimit, FaultKind, GuaranteeKind, LossLimit, Moment, Verdict};

use super::attendance::{Absence, Subject};
use super::credits::Undecidable;
use super::doubts::Doubts;
use super::figures::{grouped, plural, seconds};
use super::findings::{Facts, allowed};
use super::first_reason;
use super::history::FaultStory;
use super::load::OwnMachine;
use super::measure::{Measure, Unit};
use super::recovery::FaultRecovery;
use super::rewinds::Bound;
use super::settings;
use super::told::{Outcome, Told};
use super::zombie;
use super::{Finding, FindingKind, GuaranteeResult, TapLedger};

/// Ids of findings shown with one guarantee.
const MOST_IDS: usize = 20;

/// What one expectation came to, before doubts.
struct Answer {
    kind: GuaranteeKind,
    verdict: Verdict,
    measure: Measure,
    note: String,
    behind: &'static [FindingKind],
}

impl Answer {
    /// Broken by a value beyond the limit.
    fn of(kind: GuaranteeKind, measure: Measure) -> Self {
        Self {
            kind,
            verdict: match measure.is_beyond() {
                true => Verdict::Broken,
                false => Verdict::Held,
            },
            measure,
            note: String::new(),
            behind: &[],
        }
    }

    fn undecided(mut self, note: &str) -> Self {
        self.verdict = self.verdict.and(Verdict::Inconclusive);
        note.clone_into(&mut self.note);
        self
    }

    fn noted(mut self, note: String) -> Self {
        self.note = note;
        self
    }

    fn with(self, behind: &'static [FindingKind]) -> Self {
        Self { behind, ..self }
    }
}

/// What guarantees look at.
pub(super) struct Grounds<'c, 'a> {
    pub facts: &'c Facts<'c, 'a>,
    pub ledgers: &'c [TapLedger],
    pub findings: &'c [Finding],
    pub doubts: &'c Doubts,
}

/// The answer to every expectation of the scenario; phantoms are always judged.
pub(super) fn all(grounds: &Grounds<'_, '_>) -> Vec<GuaranteeResult> {
    GuaranteeKind::ALL
        .into_iter()
        .filter_map(|kind| grounds.answer(kind))
        .map(|answer| grounds.with_first_reason(answer))
        .map(|answer| grounds.weigh(answer))
        .collect()
}

impl Grounds<'_, '_> {
    fn answer(&self, kind: GuaranteeKind) -> Option<Answer> {
        let expect = &self.facts.case.info.scenario.expect;
        Some(match kind {
            GuaranteeKind::Lost => self.lost(expect.lost?),
            GuaranteeKind::UnexplainedDuplicates => {
                self.unexplained(expect.unexplained_duplicates?)
            }
            GuaranteeKind::Duplicates => self.duplicates(expect.duplicates?),
            GuaranteeKind::Order => self.order(expect.order?),
            GuaranteeKind::Phantoms => self.phantoms(expect.phantoms.unwrap_or(0)),
            GuaranteeKind::Offsets => self.offsets(expect.offsets?),
            GuaranteeKind::Overlap => self.overlap(expect.overlap_ms?),
            GuaranteeKind::Recovery => self.recovery(expect.recovery_ms?),
            GuaranteeKind::Outage => self.outage(expect.outage_ms?),
            GuaranteeKind::Stops => self.stops(expect.stops?),
        })
    }

    /// What a reader must hear first of repeats that break a guarantee.
    fn with_first_reason(&self, answer: Answer) -> Answer {
        let about_repeats = matches!(
            answer.kind,
            GuaranteeKind::UnexplainedDuplicates | GuaranteeKind::Duplicates
        );
        let broken = about_repeats && answer.verdict == Verdict::Broken;
        match first_reason::of_repeats(self.facts).filter(|_| broken) {
            Some(reason) if answer.note.is_empty() => answer.noted(reason),
            Some(reason) => {
                let note = format!("{reason}; {}", answer.note);
                answer.noted(note)
            }
            None => answer,
        }
    }

    /// What nobody saw and this answer rests on. Harm that was complete before that stays what it is.
    fn absent_for(&self, answer: &Answer) -> Option<&str> {
        let broken = answer.verdict == Verdict::Broken;
        // Commits that were not seen could only have explained less.
        let stands = |absence: &&Absence| {
            let commits = absence.subject == Subject::Commits;
            let certain = || absence.subject == Subject::Flow && self.is_certainly_broken(answer);
            broken && (commits || self.was_broken_before(answer, absence.from) || certain())
        };
        let mut absences = self.doubts.absences.iter();
        let absence =
            absences.find(|absence| absence.carries(answer.kind, broken) && !stands(absence))?;
        Some(&absence.text)
    }

    /// Whether a time breaks its limit even if all that came while somebody stood still came at once.
    fn is_certainly_broken(&self, answer: &Answer) -> bool {
        let expect = &self.facts.case.info.scenario.expect;
        let (limit_ms, certain_ms): (_, fn(&FaultRecovery) -> u64) = match answer.kind {
            GuaranteeKind::Outage => (expect.outage_ms, |one| one.outage.certain_ms),
            GuaranteeKind::Recovery => (expect.recovery_ms, |one| one.certain_ms),
            GuaranteeKind::Lost
            | GuaranteeKind::UnexplainedDuplicates
            | GuaranteeKind::Duplicates
            | GuaranteeKind::Order
            | GuaranteeKind::Phantoms
            | GuaranteeKind::Offsets
            | GuaranteeKind::Overlap
            | GuaranteeKind::Stops => return false,
        };
        let mut recoveries = self.facts.recoveries.iter();
        limit_ms.is_some_and(|limit| recoveries.any(|one| certain_ms(one) > limit))
    }

    /// Whether what was complete before a moment breaks the limit by itself; what comes later excuses none of it.
    fn was_broken_before(&self, answer: &Answer, from: Moment) -> bool {
        let expect = &self.facts.case.info.scenario.expect;
        let limit = match answer.kind {
            GuaranteeKind::UnexplainedDuplicates => expect.unexplained_duplicates,
            GuaranteeKind::Duplicates => Some(0),
            GuaranteeKind::Offsets => expect.offsets,
            GuaranteeKind::Overlap => expect.overlap_ms.filter(|limit| *limit == 0),
            GuaranteeKind::Lost
            | GuaranteeKind::Order
            | GuaranteeKind::Phantoms
            | GuaranteeKind::Recovery
            | GuaranteeKind::Outage
            | GuaranteeKind::Stops => None,
        };
        let behind = self.findings.iter().filter(|finding| {
            answer.behind.contains(&finding.kind)
                && finding.to.or(finding.from).is_some_and(|at| at < from)
        });
        let before: u64 = behind.map(|finding| finding.count).sum();
        limit.is_some_and(|limit| before > limit)
    }

    /// Doubts can turn an answer into *inconclusive*, whichever it was.
    fn weigh(&self, mut answer: Answer) -> GuaranteeResult {
        let silenced = self.doubts.silences(answer.kind);
        let weakened = self
            .doubts
            .weakens(answer.kind)
            .filter(|_| answer.verdict == Verdict::Held);
        let excused = self
            .doubts
            .excuses(answer.kind)
            .filter(|_| answer.verdict == Verdict::Broken)
            .filter(|(from, _)| !self.was_broken_before(&answer, *from))
            .map(|(_, why)| why);
        let absent = self.absent_for(&answer);
        if let Some(why) = silenced.or(weakened).or(excused).or(absent) {
            answer.verdict = Verdict::Inconclusive;
            answer.note = if answer.note.is_empty() {
                why.to_owned()
            } else {
                format!("{why}; {}", answer.note)
            };
        }
        let behind = self
            .findings
            .iter()
            .filter(|f| answer.behind.contains(&f.kind));
        GuaranteeResult {
            kind: answer.kind,
            verdict: answer.verdict,
            measure: answer.measure,
            used: answer.measure.used(),
            note: answer.note,
            findings: behind.map(|f| f.id.clone()).take(MOST_IDS).collect(),
        }
    }

    /// A limit that holds after the first fault only is broken by what was missing before, whatever its number.
    fn lost(&self, limit: LossLimit) -> Answer {
        let missing = self.facts.losses.count();
        let expected = self.ledgers.first().map_or(0, |tap| tap.expected);
        let drained = self.facts.case.drained();
        let lost = if drained { missing } else { 0 };
        let most = limit.at_most.of(expected);
        let measure = Measure {
            limit_per_million: match limit.at_most {
                Amount::Share { per_million } => Some(per_million),
                Amount::Count(_) => None,
            },
            ..Measure::of(lost, Unit::Records, most).out_of(expected)
        };
        let mut answer = Answer::of(GuaranteeKind::Lost, measure)
            .with(&[FindingKind::Lost, FindingKind::Undecided]);
        let before = self.facts.losses.before_faults();
        if drained && before > 0 {
            if !self.facts.recoveries.is_empty() {
                answer.note = format!("{} missing before any fault", plural(before, "record"));
            }
            if !limit.also_before_faults {
                answer.verdict = Verdict::Broken;
                answer.note = format!(
                    "{} missing without any fault before, and none may be: `also-before-faults: true` would allow what a connector leaves out on purpose",
                    plural(before, "record")
                );
            }
        }
        if !drained && missing > 0 {
            return answer.undecided(&format!(
                "{} missing and undecided",
                plural(missing, "record")
            ));
        }
        let bound = self
            .ledgers
            .iter()
            .filter_map(|tap| tap.loss_bound_per_million);
        match bound.reduce(f64::max).filter(|_| missing == 0) {
            Some(bound) => answer.noted(format!(
                "loss rate at most {} per million with 95 % confidence",
                rounded(bound)
            )),
            None => answer,
        }
    }

    fn unexplained(&self, limit: u64) -> Answer {
        let count = self.ledgers.iter().map(|tap| tap.unexplained_copies).sum();
        let own: u64 = self.ledgers.iter().map(|tap| tap.own_extra_copies).sum();
        let measure = Measure::of(count, Unit::Records, limit).out_of(own);
        let answer = Answer::of(GuaranteeKind::UnexplainedDuplicates, measure)
            .with(&[FindingKind::UnexplainedRepeat]);
        if let Some(why) = self.undecidable() {
            return answer.undecided(&why);
        }
        answer
    }

    /// Why nothing can be said about some repeats.
    fn undecidable(&self) -> Option<String> {
        let count = |why: Undecidable| {
            let told = self.facts.rewinds.told.iter();
            let copies: u64 = told
                .filter(|told| told.outcome == Outcome::Undecidable(why))
                .map(Told::copies)
                .sum();
            Some(plural(copies, "repeat")).filter(|_| copies > 0)
        };
        let offsets = count(Undecidable::Offsets).map(|repeats| {
            format!("not measurable here: the offsets of the connector behind {repeats} cannot be mapped to records")
        });
        let membership = count(Undecidable::Membership).map(|repeats| {
            format!("whether the group gave up the worker behind {repeats} is not known")
        });
        let both: Vec<String> = offsets.into_iter().chain(membership).collect();
        Some(both.join("; ")).filter(|why| !why.is_empty())
    }

    fn duplicates(&self, limit: DuplicateLimit) -> Answer {
        let kind = GuaranteeKind::Duplicates;
        let most = self
            .ledgers
            .iter()
            .map(|tap| tap.extra_copies)
            .max()
            .unwrap_or(0);
        match limit {
            DuplicateLimit::Count(limit) => {
                Answer::of(kind, Measure::of(most, Unit::Records, limit)).with(&[
                    FindingKind::UnexplainedRepeat,
                    FindingKind::RepeatBeyondBound,
                    FindingKind::Repeat,
                ])
            }
            DuplicateLimit::WithinFlushBound => self.within_bound(most),
        }
    }

    /// The group of repeats that uses most of its bound.
    fn within_bound(&self, most: u64) -> Answer {
        let groups = &self.facts.rewinds.groups;
        let beyond = groups.values().filter(|group| group.beyond_bound()).count();
        let share = |(copies, bound): &(u64, Bound)| *copies as f64 / bound.stretched.max(1) as f64;
        let worst = groups
            .values()
            .filter_map(|group| Some((group.copies, group.bound?)))
            .max_by(|a, b| share(a).total_cmp(&share(b)));
        let measure = Measure {
            value: worst.map_or(0, |(copies, _)| copies),
            unit: Unit::RecordsPerFaultAndLane,
            limit: worst.map(|(_, bound)| bound.stretched),
            population: Some(most),
            limit_per_million: None,
        };
        let mut note = "bound: what a lane delivers in flush interval + commit time + 1 s in flight; 0 after stops at which the tasks kept within task.shutdown.graceful.timeout.ms, without a fault, and under exactly-once".to_owned();
        note.push_str(&self.about_outlived());
        if let Some((_, bound)) = worst.filter(|(_, bound)| bound.stretched > bound.promised) {
            note.push_str(&format!("; the worst lane's bound is {}", allowed(bound)));
        }
        let answer = Answer {
            // Where nobody knows what a fault did, there is no bound to be beyond of.
            verdict: match beyond {
                0 => Verdict::Held,
                _ => Verdict::Broken,
            },
            note,
            ..Answer::of(GuaranteeKind::Duplicates, measure).with(&[FindingKind::RepeatBeyondBound])
        };
        let repeats = groups.values().any(|group| group.copies > 0);
        if groups.values().any(|group| group.bound.is_none()) {
            return answer.undecided(
                "whether the group gave up a worker is not known, so neither is the bound",
            );
        }
        if repeats && !settings::is_known(self.facts.case.info, "offset.flush.interval.ms") {
            return answer.undecided(
                "the workers' offset.flush.interval.ms is not known, so neither is the bound: no log tells it; write it under `settings` of the inventory",
            );
        }
        answer
    }

    /// What the bound is after faults that workers outlived.
    fn about_outlived(&self) -> String {
        let outlived = self.facts.case.history.faults.iter();
        let outlived = outlived.filter(|fault| !fault.kind.ends_process());
        let (lost, kept): (Vec<_>, Vec<_>) = outlived.partition(|fault| fault.lost_member());
        let mut text = String::new();
        for fault in lost {
            text.push_str(&format!(
                "; after {} twice that, and twice what the lane was given until its zombie had settled",
                fault.id
            ));
        }
        for fault in kept {
            let most = match fault.kind {
                FaultKind::Disconnect => "what was in flight, 1 s",
                FaultKind::Kill | FaultKind::Stop { .. } | FaultKind::Pause => "0",
            };
            text.push_str(&format!(
                "; after {} {most}: the group kept the worker",
                fault.id
            ));
        }
        text
    }

    fn order(&self, limit: u64) -> Answer {
        let lanes = self.facts.case.taps.iter().flat_map(|tap| &tap.lanes);
        let count = lanes.map(|lane| lane.own_reordered).sum();
        Answer::of(
            GuaranteeKind::Order,
            Measure::of(count, Unit::Records, limit),
        )
        .with(&[FindingKind::Reordering])
    }

    fn phantoms(&self, limit: u64) -> Answer {
        let own = self.facts.strays.iter();
        let count = own.map(|own| own.phantom + own.corrupt).sum();
        let measure = Measure::of(count, Unit::Records, limit);
        Answer::of(GuaranteeKind::Phantoms, measure)
            .with(&[FindingKind::Phantom, FindingKind::Corrupt])
    }

    fn offsets(&self, limit: u64) -> Answer {
        let offsets = self.facts.offsets;
        let wrong = (offsets.ahead.len() + offsets.regressed.len()) as u64;
        let commits: u64 = offsets.reports.iter().map(|report| report.commits).sum();
        let measure = Measure::of(wrong, Unit::Commits, limit).out_of(commits);
        let answer = Answer::of(GuaranteeKind::Offsets, measure).with(&[
            FindingKind::OffsetAhead,
            FindingKind::OffsetRegression,
            FindingKind::ZombieCommit,
        ]);
        let answer = match offsets.by_zombies.len() as u64 {
            0 => answer,
            count => answer.noted(format!(
                "{} more went back as those of a zombie do: nothing but exactly-once guards a source's offsets against it, and it costs repeats only",
                grouped(count)
            )),
        };
        let blind: Vec<&str> = offsets
            .reports
            .iter()
            .filter(|report| report.not_measurable.is_some())
            .map(|report| report.connector.as_str())
            .collect();
        if !blind.is_empty() {
            return answer.undecided(&format!("not measurable here for {}", blind.join(", ")));
        }
        if let Some(why) = offsets.unsure.as_ref().filter(|_| wrong <= limit) {
            return answer.undecided(why);
        }
        let silent = offsets.reports.iter().any(|report| report.commits == 0);
        if silent && answer.verdict == Verdict::Held {
            return answer.undecided("a connector committed nothing, so nothing could be checked");
        }
        answer
    }

    fn overlap(&self, limit_ms: u64) -> Answer {
        let longest = self.facts.ownership.longest_overlap_ms();
        let case = self.facts.case;
        let near = case.history.group_error_ms(case.info);
        let far = case.history.group_gap_ms(case.info);
        let between = match far > near {
            true => format!(" around faults and {far} ms between them"),
            false => String::new(),
        };
        let measure = Measure::of(longest, Unit::Milliseconds, limit_ms);
        let answer = Answer {
            note: format!(
                "by the group's bytes, polled; shorter than {near} ms{between} cannot be seen"
            ),
            ..Answer::of(GuaranteeKind::Overlap, measure).with(&[FindingKind::Overlap])
        };
        if self.facts.ownership.views == 0 {
            return answer.undecided("the group was never seen in a stable state");
        }
        match self.beside() {
            Some(why) if answer.verdict == Verdict::Held => answer.undecided(&why),
            Some(_) | None => answer,
        }
    }

    /// Tasks that may have run on a zombie beside their new owner, which the group's bytes cannot show.
    fn beside(&self) -> Option<String> {
        let case = self.facts.case;
        let mut texts = Vec::new();
        for (fault, marks) in case.history.faults.iter().zip(&case.marks) {
            let moved = zombie::moved(fault, marks);
            let Some((first, owner, _)) = moved.first() else {
                continue;
            };
            let more = match moved.len() {
                1 => String::new(),
                n => format!(" and {} more tasks had", n - 1),
            };
            texts.push(format!(
                "{}: {first} had {owner}{more} when its zombie woke up, and whether that ran it too the group's bytes cannot show",
                fault.id
            ));
        }
        Some(texts.join("; ")).filter(|text| !text.is_empty())
    }

    fn recovery(&self, limit_ms: u64) -> Answer {
        let (mut worst, mut verdict) = (0, Verdict::Held);
        let mut notes = Vec::new();
        let faults = self.facts.case.history.faults.iter();
        for (fault, recovery) in faults.zip(self.facts.recoveries) {
            let Some(began) = recovery.began else {
                continue;
            };
            if !fault.kind.ends_process() && fault.undone().is_none() {
                verdict = verdict.and(Verdict::Inconclusive);
                notes.push(format!("{} was not seen to be undone", fault.id));
                continue;
            }
            let given_up = fault.given_up.as_ref().map(|(at, _)| *at);
            let seen_until = given_up.unwrap_or(self.facts.case.history.duty_end());
            let seen = seen_until.0.saturating_sub(began.0) / 1_000;
            let whole = recovery.ms().unwrap_or(seen);
            worst = worst.max(whole);
            let lengths = (whole, limit_ms);
            let (answer, why) = match recovery_answer(fault, recovery, lengths) {
                (Verdict::Broken, why) => match self.too_slow_for_others(recovery, lengths) {
                    Some(doubt) => (Verdict::Inconclusive, Some(doubt)),
                    None => (Verdict::Broken, why),
                },
                decided => decided,
            };
            verdict = verdict.and(answer);
            notes.extend(why.map(|why| format!("{} {why}", fault.id)));
        }
        let measure = Measure::of(worst, Unit::Milliseconds, limit_ms);
        Answer {
            verdict,
            note: notes.join("; "),
            ..Answer::of(GuaranteeKind::Recovery, measure).with(&[FindingKind::NotRecovered])
        }
    }

    /// Why a recovery that was too long may have been in time on a machine of its own.
    fn too_slow_for_others(
        &self,
        recovery: &FaultRecovery,
        (whole_ms, limit_ms): (u64, u64),
    ) -> Option<String> {
        let from = recovery.began?;
        let ms = recovery.alone_ms().unwrap_or(whole_ms);
        let stretch = (from, from.after(Duration::from_millis(ms)));
        let load = &self.facts.case.load;
        let own = load.without_others(stretch, &recovery.timed)?;
        let own_ms = own.us / 1_000;
        (own_ms <= limit_ms).then(|| {
            format!(
                "ran while {}: on a machine of its own the recovery may have taken {} of the {} allowed",
                taken_by_others(own, stretch),
                seconds(own_ms),
                seconds(limit_ms)
            )
        })
    }

    fn outage(&self, limit_ms: u64) -> Answer {
        let outages = || self.facts.recoveries.iter().map(|r| r.outage);
        let worst = outages().map(|outage| outage.ms).max().unwrap_or(0);
        let alone = outages().map(|outage| outage.alone_ms).max().unwrap_or(0);
        let about = "longest silence at a tap around a fault, less how long the lane may be silent (its longest in the baseline, or `silent-for`); silences under 0.2 s are not counted";
        let measure = Measure::of(worst, Unit::Milliseconds, limit_ms);
        let answer = Answer {
            note: about.to_owned(),
            ..Answer::of(GuaranteeKind::Outage, measure)
        };
        if worst <= limit_ms {
            return answer;
        }
        if alone > limit_ms {
            return match self.silent_for_others(limit_ms) {
                Some(doubt) => Answer {
                    verdict: Verdict::Inconclusive,
                    note: format!("{doubt}; {about}"),
                    ..answer
                },
                None => answer,
            };
        }
        let run_on = self
            .facts
            .recoveries
            .iter()
            .zip(&self.facts.case.history.faults);
        let ids: Vec<String> = run_on
            .filter(|(recovery, _)| recovery.outage.ms > limit_ms)
            .map(|(_, fault)| fault.id.to_string())
            .collect();
        Answer {
            verdict: Verdict::Inconclusive,
            note: format!(
                "the silence after {} runs into the next fault and cannot be told apart: at most {} of it are one fault's; {about}",
                ids.join(" and "),
                seconds(alone)
            ),
            ..answer
        }
    }

    /// Why lanes that were silent for too long may have been so for less on a machine of its own.
    fn silent_for_others(&self, limit_ms: u64) -> Option<String> {
        let outages = || self.facts.recoveries.iter().map(|r| (r, r.outage));
        let own_ms = outages().map(|(_, outage)| outage.own_ms).max()?;
        let (recovery, longest) = outages().max_by_key(|(_, outage)| outage.alone_ms)?;
        let load = &self.facts.case.load;
        let own = load.without_others(longest.alone, &recovery.timed)?;
        (own_ms <= limit_ms).then(|| {
            format!(
                "{}: on a machine of its own the silence may have lasted {} of the {} allowed",
                taken_by_others(own, longest.alone),
                seconds(own_ms),
                seconds(limit_ms)
            )
        })
    }

    fn stops(&self, limit: u64) -> Answer {
        let history = &self.facts.case.history;
        let asked = history
            .faults
            .iter()
            .filter(|fault| matches!(fault.kind, FaultKind::Stop { .. }))
            .flat_map(|fault| &fault.victims)
            .filter(|victim| victim.acted.is_some());
        let (mut stops, mut overrun, mut crashed) = (0, 0, 0);
        for victim in asked {
            stops += 1;
            crashed += u64::from(victim.crashed);
            overrun += u64::from(victim.overran && !victim.crashed);
        }
        let failed = history
            .logs
            .iter()
            .filter(|log| log.graceful_stop_failed)
            .count() as u64;
        let measure = Measure::of(overrun + crashed, Unit::Stops, limit).out_of(stops);
        let answer = Answer::of(GuaranteeKind::Stops, measure)
            .with(&[FindingKind::CrashedAtStop, FindingKind::StopOverrun]);
        let crashes = (crashed > 0).then(|| format!("{} ended in a crash", grouped(crashed)));
        let note = match (stops, failed) {
            (0, _) => "no worker was asked to stop".to_owned(),
            (_, 0) => String::new(),
            (_, failed) => format!(
                "{} did not stop within task.shutdown.graceful.timeout.ms",
                plural(failed, "task")
            ),
        };
        let notes = crashes
            .into_iter()
            .chain([note])
            .filter(|note| !note.is_empty());
        let notes = notes.chain(first_reason::without_goodbye(self.facts.case));
        let note = notes.collect::<Vec<_>>().join("; ");
        Answer { note, ..answer }
    }
}

/// What a recovery of this length comes to, and why where it is not held or broken for certain. Beyond the next fault its
/// time cannot be told apart from that one's, so up to there it must be too long to be broken. Where the evidence does not
/// show what the live run saw, it lacks something.
fn recovery_answer(
    fault: &FaultStory,
    recovery: &FaultRecovery,
    (whole_ms, limit_ms): (u64, u64),
) -> (Verdict, Option<String>) {
    let doubt = |why: String| (Verdict::Inconclusive, Some(why));
    let seen_live = fault.recovery_seen.zip(recovery.began);
    let seen_live = seen_live.map(|(at, began)| at.0.saturating_sub(began.0) / 1_000);
    if recovery.alone_ms().unwrap_or(whole_ms) > limit_ms {
        if let Some(what) = &recovery.unheard {
            return doubt(format!(
                "cannot be seen to end: nothing was heard of {what}"
            ));
        }
        match seen_live.filter(|ms| *ms <= limit_ms) {
            Some(ms) => doubt(format!(
                "was over after {} for the live run, which the evidence does not show",
                seconds(ms)
            )),
            None => (Verdict::Broken, None),
        }
    } else if whole_ms > limit_ms {
        doubt("runs into the next fault, so its time cannot be told apart".to_owned())
    } else if recovery.recovered.is_none() {
        doubt("was not seen to be recovered from".to_owned())
    } else {
        (Verdict::Held, None)
    }
}

/// "other programs took 71 % of this machine's CPU from 57.2 to 191.0 s"
fn taken_by_others(own: OwnMachine, (from, to): (Moment, Moment)) -> String {
    let others = match own.limited {
        true => "a limit of CPU (a cgroup's quota) took",
        false => "other programs took",
    };
    format!(
        "{others} {:.0} % of this machine's CPU from {:.1} to {:.1} s",
        own.others * 100.0,
        from.as_seconds(),
        to.as_seconds()
    )
}

/// Other faults whose stretch meets that of this one.
pub(super) fn overlapping(
    recoveries: &[FaultRecovery],
    index: usize,
) -> impl Iterator<Item = usize> + '_ {
    let of = |recovery: &FaultRecovery| {
        let began = recovery.began?;
        // A recovery that was not seen may have lasted to the end.
        let end = recovery.recovered.map_or(u64::MAX, |at| at.0);
        Some((began.0, end))
    };
    let this = of(&recoveries[index]);
    (0..recoveries.len()).filter(move |other| {
        *other != index
            && this
                .zip(of(&recoveries[*other]))
                .is_some_and(|(a, b)| a.0 < b.1 && b.0 < a.1)
    })
}

fn rounded(value: f64) -> String {
    if value >= 10.0 {
        grouped(value.ceil() as u64)
    } else {
        format!("{value:.2}")
    }
}
