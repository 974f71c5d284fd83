//! The verdict in one sentence.

use crate::model::{GuaranteeKind, Verdict};

use super::doubts::Doubts;
use super::dropped::Early;
use super::figures::{grouped, plural, seconds};
use super::findings::Facts;
use super::first_reason;
use super::told::Outcome;
use super::{Finding, FindingKind, GuaranteeResult, TapLedger};

/// What happened, in one sentence: the worst finding where something is broken, the first doubt where nothing can be said,
/// the account of the records otherwise.
pub(super) fn sentence(
    verdict: Verdict,
    facts: &Facts<'_, '_>,
    ledgers: &[TapLedger],
    guarantees: &[GuaranteeResult],
    findings: &[Finding],
    doubts: &Doubts,
) -> String {
    match verdict {
        Verdict::Broken => broken(facts, guarantees, findings),
        Verdict::Inconclusive => inconclusive(guarantees, doubts),
        Verdict::Held => held(facts, ledgers, guarantees),
    }
}

fn broken(facts: &Facts<'_, '_>, guarantees: &[GuaranteeResult], findings: &[Finding]) -> String {
    let Some(worst) = guarantees.iter().find(|g| g.verdict == Verdict::Broken) else {
        return "A guarantee was broken.".to_owned();
    };
    if worst.kind == GuaranteeKind::Lost {
        return lost(facts);
    }
    let first = findings
        .iter()
        .find(|finding| worst.findings.contains(&finding.id));
    let mut measured = beyond(worst);
    let repeats = [
        GuaranteeKind::UnexplainedDuplicates,
        GuaranteeKind::Duplicates,
    ];
    if let Some(reason) = first_reason::of_repeats(facts).filter(|_| repeats.contains(&worst.kind))
    {
        measured.push_str(&format!("; {reason}"));
    }
    match first {
        Some(finding) => format!("{measured}; {}.", finding.text),
        None => format!("{measured}."),
    }
}

/// What happened, with its figure and the limit.
fn beyond(guarantee: &GuaranteeResult) -> String {
    let (measured, limit) = (guarantee.measured(), guarantee.limit());
    let limit = limit.trim_start_matches("≤ ");
    let what = match guarantee.kind {
        GuaranteeKind::Lost => format!("{measured} records were lost"),
        GuaranteeKind::UnexplainedDuplicates => {
            format!("{measured} have no fault that explains them")
        }
        GuaranteeKind::Duplicates => format!("Records were repeated: {measured}"),
        GuaranteeKind::Order => {
            format!("{measured} records arrived out of the order of their lane")
        }
        GuaranteeKind::Phantoms => {
            format!("{measured} records arrived that were never sent, or damaged")
        }
        GuaranteeKind::Offsets => format!("Committed offsets are untrue: {measured}"),
        GuaranteeKind::Overlap => format!("A task ran on two workers for {measured}"),
        GuaranteeKind::Recovery => format!("A recovery took {measured}"),
        GuaranteeKind::Outage => format!("A lane was silent for {measured}"),
        GuaranteeKind::Stops => format!("Workers did not stop in good order: {measured}"),
    };
    match limit {
        "0" => format!("{what}; none is allowed"),
        limit => format!("{what}; at most {limit} is allowed"),
    }
}

fn lost(facts: &Facts<'_, '_>) -> String {
    let losses = facts.losses;
    let mut connectors: Vec<&str> = losses
        .list
        .iter()
        .map(|loss| facts.case.legs[loss.leg].connector.name.as_str())
        .collect();
    connectors.dedup();
    let most = losses.by_fault.iter().max_by_key(|(_, count)| **count);
    let when = most.map_or(String::new(), |(fault, _)| {
        format!(" after {}", facts.case.history.faults[*fault].phrase())
    });
    let early = losses.whatever_the_faults();
    let when = match early.filter(|_| !facts.recoveries.is_empty()) {
        Some(Early::SameShare) => {
            " from the first second on: the same share was missing before any fault".to_owned()
        }
        Some(Early::All) => " before any fault".to_owned(),
        Some(Early::None | Early::Some) | None => when,
    };
    let count = losses.count();
    let were = if count == 1 { "was" } else { "were" };
    let word = if connectors.len() > 1 {
        "connectors"
    } else {
        "connector"
    };
    format!(
        "{} {were} lost by {word} {}{when}.",
        plural(count, "record"),
        connectors.join(" and ")
    )
}

fn inconclusive(guarantees: &[GuaranteeResult], doubts: &Doubts) -> String {
    let open = guarantees
        .iter()
        .find(|guarantee| guarantee.verdict == Verdict::Inconclusive);
    let why = match (doubts.list.first(), open) {
        (Some(doubt), _) => doubt.clone(),
        (None, Some(guarantee)) => format!("{}: {}", guarantee.title(), guarantee.note),
        (None, None) => "the evidence cannot decide".to_owned(),
    };
    format!("Nothing is certified: {}.", why.trim_end_matches('.'))
}

fn held(facts: &Facts<'_, '_>, ledgers: &[TapLedger], guarantees: &[GuaranteeResult]) -> String {
    let lost = facts.losses.count();
    let first = match lost {
        0 => "No record was lost".to_owned(),
        1 => "1 record was lost, as allowed".to_owned(),
        lost => format!("{} records were lost, as allowed", grouped(lost)),
    };
    let repeated: u64 = ledgers.iter().map(|tap| tap.own_extra_copies).sum();
    let unexplained: u64 = ledgers.iter().map(|tap| tap.unexplained_copies).sum();
    let undecidable = facts
        .rewinds
        .told
        .iter()
        .any(|told| matches!(told.outcome, Outcome::Undecidable(_)));
    let second = match (repeated, unexplained, undecidable) {
        (0, _, _) => "none was repeated".to_owned(),
        (n, _, true) => format!("{} repeated", were(n)),
        (n, 0, false) => format!("{} repeated, each explained", were(n)),
        (n, u, false) => format!("{} repeated, {} unexplained", were(n), grouped(u)),
    };
    let recovery = guarantees
        .iter()
        .find(|g| g.kind == GuaranteeKind::Recovery);
    let longest = facts.recoveries.iter().filter_map(|r| r.ms()).max();
    match (longest, recovery) {
        (Some(longest), Some(guarantee)) => format!(
            "{first}; {second}; the longest recovery took {} of the {} allowed.",
            seconds(longest),
            guarantee.limit().trim_start_matches("≤ ")
        ),
        (Some(longest), None) => {
            format!(
                "{first}; {second}; the longest recovery took {}.",
                seconds(longest)
            )
        }
        (None, _) => format!("{first}; {second}."),
    }
}

fn were(count: u64) -> String {
    if count == 1 {
        "1 was".to_owned()
    } else {
        format!("{} were", grouped(count))
    }
}

/// Kinds that a reader must see even when no guarantee speaks of them.
pub(super) fn unasked(findings: &[Finding], guarantees: &[GuaranteeResult]) -> Vec<String> {
    let asked = |kind| guarantees.iter().any(|guarantee| guarantee.kind == kind);
    let worth = |finding: &&Finding| match finding.kind {
        FindingKind::Lost | FindingKind::Undecided => !asked(GuaranteeKind::Lost),
        FindingKind::UnexplainedRepeat => !asked(GuaranteeKind::UnexplainedDuplicates),
        FindingKind::Reordering => !asked(GuaranteeKind::Order),
        FindingKind::OffsetAhead | FindingKind::OffsetRegression => !asked(GuaranteeKind::Offsets),
        FindingKind::Overlap => !asked(GuaranteeKind::Overlap),
        FindingKind::CrashedAtStop | FindingKind::StopOverrun => !asked(GuaranteeKind::Stops),
        FindingKind::TaskFailed | FindingKind::Departure => true,
        FindingKind::NotRecovered => !asked(GuaranteeKind::Recovery),
        FindingKind::Phantom
        | FindingKind::Corrupt
        | FindingKind::ZombieCommit
        | FindingKind::RepeatBeyondBound
        | FindingKind::Repeat => false,
    };
    let texts = findings.iter().filter(worth).take(5);
    texts
        .map(|finding| format!("Found, though no guarantee asks for it: {}.", finding.text))
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::model::{FaultKind, GuaranteeKind};

    use super::super::world::World;
    use super::*;

    #[test]
    fn one_was_and_several_were() {
        assert_eq!(["1 was", "2 were"], [were(1), were(2)].as_slice());
    }

    #[test]
    fn a_finding_is_told_beside_the_verdict_where_no_guarantee_asks_for_it() {
        let judgement = World::with_fault(440, FaultKind::Kill).judge();
        let texts = |kind, asked: Option<GuaranteeKind>| {
            let finding = Finding {
                kind,
                ..judgement.findings[0].clone()
            };
            let mut guarantee = judgement.guarantees[0].clone();
            let guarantees = asked.map(|kind| {
                guarantee.kind = kind;
                guarantee
            });
            unasked(&[finding], guarantees.as_slice()).len()
        };
        for (found, asked) in [
            (FindingKind::Lost, GuaranteeKind::Lost),
            (FindingKind::Undecided, GuaranteeKind::Lost),
            (
                FindingKind::UnexplainedRepeat,
                GuaranteeKind::UnexplainedDuplicates,
            ),
            (FindingKind::Reordering, GuaranteeKind::Order),
            (FindingKind::OffsetAhead, GuaranteeKind::Offsets),
            (FindingKind::OffsetRegression, GuaranteeKind::Offsets),
            (FindingKind::Overlap, GuaranteeKind::Overlap),
            (FindingKind::CrashedAtStop, GuaranteeKind::Stops),
            (FindingKind::StopOverrun, GuaranteeKind::Stops),
            (FindingKind::NotRecovered, GuaranteeKind::Recovery),
        ] {
            assert_eq!(texts(found, None), 1, "{found:?}");
            assert_eq!(texts(found, Some(asked)), 0, "{found:?}");
        }
        assert_eq!(texts(FindingKind::Departure, Some(GuaranteeKind::Lost)), 1);
        assert_eq!(texts(FindingKind::Repeat, None), 0);
    }
}
