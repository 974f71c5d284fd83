//! What a reader must hear first: why repeats broke a guarantee, and which stopped workers never said goodbye.

use std::collections::BTreeSet;

use crate::model::FaultKind;

use super::case::Case;
use super::findings::Facts;

/// A worker that says goodbye is gone from the group sooner than this after its end, beside the error of the looks at it.
const GOODBYE_MS: u64 = 1_500;

/// What lies behind repeats that break a guarantee, where it is more than a fault: connectors that never committed, tasks
/// that did not stop in time. Nothing where neither is so.
pub(super) fn of_repeats(facts: &Facts<'_, '_>) -> Option<String> {
    let case = facts.case;
    let mut reasons = BTreeSet::new();
    for ((leg, cause, _), group) in &facts.rewinds.groups {
        if group.unexplained == 0 && !group.beyond_bound() {
            continue;
        }
        let place = &case.legs[*leg];
        let name = &place.connector.name;
        let committed = place
            .commits
            .list
            .iter()
            .any(|commit| commit.next.is_some());
        if place.measurable() && !committed {
            reasons.insert(format!(
                "connector {name} never committed an offset, so each start of its tasks begins anew"
            ));
        }
        reasons.extend(late(case, *leg, cause.or(group.before)));
    }
    let text = reasons.into_iter().collect::<Vec<_>>().join("; ");
    (!text.is_empty()).then_some(text)
}

/// The tasks of a connector that did not stop in time at a fault, or without any.
fn late(case: &Case<'_>, leg: usize, fault: Option<usize>) -> Vec<String> {
    const LIMIT: &str =
        "did not stop within task.shutdown.graceful.timeout.ms, so it could not commit";
    let name = &case.legs[leg].connector.name;
    let fault = fault.map(|index| &case.history.faults[index]);
    let at_fault = fault.into_iter().flat_map(|fault| {
        let tasks = fault.victims.iter().flat_map(|victim| &victim.late);
        tasks.map(move |task| (task, format!("at {}", fault.id)))
    });
    let alone = case.history.late.iter();
    let alone = alone.map(|late| (&late.task, format!("at {}", late.at)));
    let own = at_fault.chain(alone).filter_map(|(task, when)| match task {
        Some(task) if task.connector == *name => Some(format!("task {task} {LIMIT} ({when})")),
        Some(_) => None,
        None => Some(format!("a task {LIMIT} ({when})")),
    });
    own.collect()
}

/// Workers that ended as they were asked to and did not leave the group by themselves: it noticed at the end of their
/// session only.
pub(super) fn without_goodbye(case: &Case<'_>) -> Vec<String> {
    let history = &case.history;
    let error_ms = history.group_error_ms(case.info);
    let mut texts = Vec::new();
    for (fault, marks) in history.faults.iter().zip(&case.marks) {
        let stops = matches!(fault.kind, FaultKind::Stop { .. });
        let [victim] = fault.victims.as_slice() else {
            continue;
        };
        let Some((ended, noticed)) = victim.ended.zip(marks.noticed) else {
            continue;
        };
        let waited_ms = noticed.as_ms().saturating_sub(ended.as_ms());
        if stops && !victim.killed && !said_goodbye(waited_ms, error_ms) {
            texts.push(format!(
                "{}: {} stopped by itself and did not leave the group; that noticed {:.1} s later, at the end of its session",
                fault.id,
                victim.worker,
                waited_ms as f64 / 1e3
            ));
        }
    }
    texts
}

/// Whether a group lost a member as soon as it does when that leaves by itself, as far as looks at it tell.
const fn said_goodbye(noticed_after_ms: u64, error_ms: u64) -> bool {
    noticed_after_ms <= GOODBYE_MS + error_ms
}

#[cfg(test)]
mod tests {
    use crate::journal::What;
    use crate::model::{FaultKind, GuaranteeKind, Verdict};

    use super::super::tests::guarantee;
    use super::super::world::{Blow, World};

    const STOP: FaultKind = FaultKind::Stop { grace_ms: 30_000 };

    #[test]
    fn a_connector_that_never_committed_is_the_first_reason_of_its_repeats() {
        let mut world = World::with_fault(440, STOP);
        let judgement = world.judge_with(
            |events| {
                events.retain(|event| !matches!(event.what, What::SourceCommit { .. }));
                (0..).zip(events).for_each(|(n, event)| event.n = n);
            },
            |_| {},
        );
        for kind in [
            GuaranteeKind::UnexplainedDuplicates,
            GuaranteeKind::Duplicates,
        ] {
            // In a journal that does not tell who watched, the doubt stands before it.
            let answer = guarantee(&judgement, kind);
            assert_ne!(answer.verdict, Verdict::Held, "{answer:?}");
            assert!(
                answer
                    .note
                    .contains("connector mirror never committed an offset"),
                "{answer:?}"
            );
            let times = answer.note.matches("never committed").count();
            assert_eq!(times, 1, "{answer:?}");
        }
        let lost = guarantee(&judgement, GuaranteeKind::Lost);
        assert!(!lost.note.contains("never committed"), "{lost:?}");
        world.info.scenario.expect.duplicates = None;
        let usual = world.judge();
        let note = &guarantee(&usual, GuaranteeKind::UnexplainedDuplicates).note;
        assert!(!note.contains("never committed"), "{note}");
    }

    #[test]
    fn where_repeats_break_a_guarantee_the_connector_that_never_committed_is_told_before_all_else()
    {
        let kill = Blow {
            back_ms: 9_000,
            ..Blow::first(FaultKind::Kill)
        };
        let mut world = World::with_faults(440, &[kill]);
        world.info.scenario.expect.recovery_ms = Some(1_000);
        let judgement = world.judge_with(
            |events| {
                events.retain(|event| !matches!(event.what, What::SourceCommit { .. }));
                (0..).zip(events).for_each(|(n, event)| event.n = n);
            },
            |_| {},
        );
        let answer = guarantee(&judgement, GuaranteeKind::Duplicates);
        assert_eq!(answer.verdict, Verdict::Broken, "{answer:?}");
        let first = "connector mirror never committed an offset, so each start of its tasks begins anew; bound: ";
        assert!(answer.note.starts_with(first), "{answer:?}");
        // It is no reason for what is broken beside them.
        let recovery = guarantee(&judgement, GuaranteeKind::Recovery);
        assert_eq!(recovery.verdict, Verdict::Broken, "{recovery:?}");
        assert_eq!(recovery.note, "");
    }

    #[test]
    fn a_connector_whose_repeats_broke_nothing_is_no_reason_for_those_of_another_one() {
        let mut world = World::with_fault(440, FaultKind::Kill);
        let rows = world.archive[0].clone().into_iter();
        let again = rows.filter(|row| (100..103).contains(&row.sequence.0));
        let at = crate::model::Moment::from_ms(21_000);
        world.archive[0].extend(again.map(|row| crate::journal::Observation { at, ..row }));
        world.archive[0].sort_by_key(|row| row.at);
        let judgement = world.judge_with(
            |events| {
                events.retain(|event| !matches!(event.what, What::SourceCommit { .. }));
                (0..).zip(events).for_each(|(n, event)| event.n = n);
            },
            |_| {},
        );
        assert_eq!(judgement.taps[1].unexplained_copies, 3);
        let note = &guarantee(&judgement, GuaranteeKind::UnexplainedDuplicates).note;
        assert!(!note.contains("never committed"), "{note}");
    }

    #[test]
    fn a_member_that_leaves_by_itself_is_missed_within_a_second_and_a_half_and_a_look() {
        assert!(super::said_goodbye(1_600, 100));
        assert!(!super::said_goodbye(1_601, 100));
    }

    #[test]
    fn a_worker_that_ended_in_good_order_without_leaving_the_group_is_told() {
        let judgement = World::with_fault(440, STOP).judge();
        let note = &guarantee(&judgement, GuaranteeKind::Stops).note;
        assert!(
            note.contains(
                "F1: w2 stopped by itself and did not leave the group; that noticed 6.0 s later"
            ),
            "{note}"
        );
        let killed = Blow::first(FaultKind::Kill);
        let paused = Blow::lasting(FaultKind::Pause, 12_000);
        for other in [killed, paused] {
            let judgement = World::with_faults(440, &[other]).judge();
            let note = &guarantee(&judgement, GuaranteeKind::Stops).note;
            assert!(!note.contains("did not leave"), "{note}");
        }
    }
}
