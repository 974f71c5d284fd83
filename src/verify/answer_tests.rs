//! Made-up runs at the very edge of what is allowed, measurable or certain: each answer on either side of it.

use std::collections::BTreeMap;

use serde_json::json;

use crate::journal::{Ending, Event, Observation, ObservationKind, What};
use crate::model::{
    FaultId, FaultKind, GuaranteeKind, Moment, OffsetMapping, Refusal, SequenceNames, Verdict,
};

use super::tests::{count_of, guarantee, verdict_of};
use super::world::{Blow, KILL_MS, World, source_commit};
use super::{FindingKind, Measure};

const RECORDS: u64 = 440;

fn kill(back_ms: u64) -> Blow {
    Blow {
        back_ms,
        ..Blow::first(FaultKind::Kill)
    }
}

#[test]
fn the_loss_rate_has_a_bound_only_where_nothing_was_lost() {
    let mut world = World::calm(RECORDS);
    let calm = world.judge();
    let note = &guarantee(&calm, GuaranteeKind::Lost).note;
    assert!(note.contains("at most 1,703 per million"), "{note}");
    let bound = calm.taps[1].loss_bound_per_million.unwrap();
    assert!((bound - 2.995_732e6 / (RECORDS * 4) as f64).abs() < 0.001);
    world.archive[0].pop();
    let judgement = world.judge();
    assert_eq!(judgement.taps[1].loss_bound_per_million, None);
    assert!(judgement.taps[0].loss_bound_per_million.is_some());
}

#[test]
fn the_feeds_ledger_counts_each_number_once_and_how_far_it_fell_behind() {
    let mut world = World::calm(RECORDS);
    let mut push = |lane: usize, number, kind| {
        let last = *world.feed[lane].last().unwrap();
        let sequence = crate::model::Sequence(number);
        let row = Observation {
            sequence,
            kind,
            ..last
        };
        world.feed[lane].push(row);
    };
    // Refused and sent once more: taken, without an answer, refused again.
    push(0, 7, ObservationKind::Refused);
    push(0, RECORDS, ObservationKind::Unknown);
    push(0, RECORDS, ObservationKind::Refused);
    push(1, RECORDS, ObservationKind::Refused);
    let judgement = world.judge_with(
        |events| {
            for event in events {
                if let What::FeedEnded { due, .. } = &mut event.what {
                    *due = (RECORDS * 4 + 2) * 2;
                }
            }
        },
        |_| {},
    );
    let feed = judgement.feed.unwrap();
    let counts = (feed.acked, feed.unknown, feed.refused);
    assert_eq!(counts, (RECORDS * 4, 1, 1));
    assert!((feed.pace_error - 0.5).abs() < 1e-9, "{}", feed.pace_error);
}

#[test]
fn without_a_view_of_the_group_no_overlap_can_be_ruled_out() {
    let mut world = World::calm(RECORDS);
    world
        .events
        .retain(|(_, what)| !matches!(what, What::Group(_)));
    let judgement = world.judge();
    let answer = guarantee(&judgement, GuaranteeKind::Overlap);
    assert_eq!(answer.verdict, Verdict::Inconclusive, "{answer:?}");
}

#[test]
fn a_recovery_may_take_exactly_as_long_as_is_allowed() {
    let mut world = World::with_fault(RECORDS, FaultKind::Kill);
    let took = world.judge().faults[0].recovery_ms.unwrap();
    for (limit, verdict) in [(took, Verdict::Held), (took - 1, Verdict::Broken)] {
        world.info.scenario.expect.recovery_ms = Some(limit);
        assert_eq!(verdict_of(&world.judge(), GuaranteeKind::Recovery), verdict);
    }
}

#[test]
fn a_damaged_record_alone_breaks_the_promise_that_nothing_is_damaged() {
    let mut world = World::calm(RECORDS);
    let row = world.archive[0][9];
    let kind = ObservationKind::Corrupt;
    world.archive[0].insert(9, Observation { kind, ..row });
    let judgement = world.judge();
    assert_eq!(judgement.taps[1].corrupt, 1);
    assert_eq!(
        verdict_of(&judgement, GuaranteeKind::Phantoms),
        Verdict::Broken
    );
    assert_eq!(count_of(&judgement, FindingKind::Corrupt), 1);
    let used = guarantee(&judgement, GuaranteeKind::Phantoms).used;
    assert_eq!(used, None, "there is no part of nothing");
    world.info.scenario.expect.phantoms = Some(4);
    let judgement = world.judge();
    let answer = guarantee(&judgement, GuaranteeKind::Phantoms);
    assert_eq!(answer.verdict, Verdict::Held);
    assert_eq!((answer.limit().as_str(), answer.used), ("≤ 4", Some(0.25)));
}

#[test]
fn the_pace_of_a_source_that_feeds_itself_is_measured_in_the_baseline() {
    let promised = |world: &World| {
        let judgement = world.judge();
        let promised = judgement.rewinds.iter().filter_map(|r| r.promised);
        promised.max().unwrap()
    };
    let mut world = World::with_fault(RECORDS, FaultKind::Kill);
    let fed = promised(&world);
    world.info.scenario.route.origin = crate::model::Origin::Generated;
    world.info.scenario.route.legs[0].0.offsets = OffsetMapping::Pointers {
        lane: Some("/partition".to_owned()),
        sequence: "/offset".to_owned(),
        names: SequenceNames::LastSent,
    };
    let generated = promised(&world);
    assert!(
        fed > 0 && fed.abs_diff(generated) <= 1,
        "{fed}, {generated}"
    );
}

#[test]
fn a_loss_names_the_first_three_runs_of_numbers_that_are_missing() {
    let text = |missing: &[u64]| {
        let mut world = World::calm(RECORDS);
        world.archive[1].retain(|row| !missing.contains(&row.sequence.0));
        let findings = world.judge().findings;
        let lost = findings.iter().find(|f| f.kind == FindingKind::Lost);
        lost.unwrap().text.clone()
    };
    let three = text(&[100, 101, 102, 120, 130]);
    let all = "5 records of lane 1 lost by connector archive: 100–102, 120, 130, fed from";
    assert!(three.starts_with(all), "{three}");
    let four = text(&[100, 101, 102, 120, 130, 140]);
    assert!(four.contains("archive: 100–102, 120, 130, …, fed from"));
}

#[test]
fn a_loss_is_set_beside_the_fault_that_was_running_for_most_of_it() {
    let second = Blow {
        at_ms: 28_000,
        victim: "w3",
        heir: "w2",
        ..Blow::first(FaultKind::Kill)
    };
    // In lane 0 record n was fed at 2 s + n × 50 ms: 160 at the first kill, 520 at the second.
    for (of_first, of_second, blamed) in [(5, 2, 1), (2, 5, 2)] {
        let mut world = World::with_faults(800, &[Blow::first(FaultKind::Kill), second]);
        world.archive[0].retain(|row| {
            let number = row.sequence.0;
            !(160..160 + of_first).contains(&number) && !(520..520 + of_second).contains(&number)
        });
        let judgement = world.judge();
        let lost = judgement.findings.iter();
        let lost: Vec<_> = lost.filter(|f| f.kind == FindingKind::Lost).collect();
        assert_eq!(lost.len(), 1);
        assert_eq!(lost[0].fault, Some(FaultId(blamed)));
        assert_eq!(
            (judgement.faults[0].lost, judgement.faults[1].lost),
            (of_first, of_second)
        );
    }
}

#[test]
fn a_lost_record_was_fed_when_it_was_acknowledged() {
    let mut world = World::calm(RECORDS);
    world.archive[1].retain(|row| row.sequence.0 != 100);
    let refused = Observation {
        at: Moment::from_ms(3_000),
        kind: ObservationKind::Refused,
        ..world.feed[1][100]
    };
    world.feed[1].insert(0, refused);
    let judgement = world.judge();
    let lost = judgement.findings.iter();
    let lost: Vec<_> = lost.filter(|f| f.kind == FindingKind::Lost).collect();
    assert_eq!(lost[0].from, Some(Moment::from_ms(7_000)));
    assert_eq!(lost[0].to, Some(Moment::from_ms(7_000)));
}

#[test]
fn without_a_finished_drain_a_record_that_was_committed_may_still_arrive() {
    let mut world = World::calm(RECORDS);
    for rows in [&mut world.mirror[3], &mut world.archive[3]] {
        rows.pop();
    }
    world.events.push((29_000, source_commit(3, RECORDS - 1)));
    assert!(world.judge().offsets[0].ahead > 0);
    world.drained = false;
    assert_eq!(world.judge().offsets[0].ahead, 0);
}

#[test]
fn a_committed_number_whose_send_had_no_answer_claims_nothing() {
    let mut world = World::calm(RECORDS);
    world.info.scenario.route.legs[0].0.offsets = OffsetMapping::Pointers {
        lane: Some("/partition".to_owned()),
        sequence: "/offset".to_owned(),
        names: SequenceNames::LastSent,
    };
    world.feed[3][RECORDS as usize - 1].kind = ObservationKind::Unknown;
    for rows in [&mut world.mirror[3], &mut world.archive[3]] {
        rows.pop();
    }
    world.events.push((29_000, source_commit(3, RECORDS - 1)));
    assert_eq!(world.judge().offsets[0].ahead, 0);
    world.events.push((29_001, source_commit(3, RECORDS)));
    assert_eq!(world.judge().offsets[0].ahead, 1);
}

#[test]
fn the_input_ends_where_the_brokers_say_or_where_a_record_was_read() {
    for (said, next, ahead) in [
        (9, RECORDS, 0),
        (9, RECORDS + 1, 1),
        (RECORDS + 1, RECORDS + 1, 0),
    ] {
        let mut world = World::calm(RECORDS);
        let said = i64::try_from(said).unwrap();
        let ends = What::FinalOffsets {
            sinks: BTreeMap::new(),
            ends: BTreeMap::from([("orders".parse().unwrap(), BTreeMap::from([(3, said)]))]),
        };
        world.events.push((29_000, ends));
        world.events.push((29_000, source_commit(3, next - 1)));
        let judgement = world.judge();
        assert_eq!(judgement.offsets[0].ahead, ahead, "{said}, {next}");
    }
}

#[test]
fn a_send_without_an_answer_moves_the_end_of_the_input_only_where_it_may_stand_behind_the_last_row()
{
    let last = RECORDS as usize - 1;
    for (unanswered, lane, next, ahead) in [
        (vec![last], 3, RECORDS, 0),
        (vec![last], 3, RECORDS + 1, 1),
        (vec![last - 1, last], 3, RECORDS, 0),
        (vec![last - 9, last - 8], 3, RECORDS, 0),
        (vec![last - 9, last - 8], 3, RECORDS + 1, 1),
        (vec![last], 2, RECORDS + 1, 1),
    ] {
        let mut world = World::calm(RECORDS);
        for number in &unanswered {
            world.feed[3][*number].kind = ObservationKind::Unknown;
        }
        world.events.push((29_000, source_commit(lane, next - 1)));
        let judgement = world.judge();
        let ahead_of = judgement.offsets[0].ahead;
        assert_eq!(ahead_of, ahead, "{unanswered:?}, {lane}, {next}");
    }
}

#[test]
fn as_many_repeats_as_the_settings_promise_are_within_the_bound() {
    for (back_ms, verdict) in [(2_000, Verdict::Held), (2_050, Verdict::Broken)] {
        let judgement = World::with_faults(RECORDS, &[kill(back_ms)]).judge();
        let answer = guarantee(&judgement, GuaranteeKind::Duplicates);
        assert_eq!(answer.verdict, verdict, "{answer:?}");
        let worst = if verdict == Verdict::Held { 40 } else { 41 };
        let all = judgement.taps[1].extra_copies;
        let Measure {
            value, population, ..
        } = answer.measure;
        assert_eq!((value, population), (worst, Some(all)));
    }
}

#[test]
fn what_the_position_covers_is_not_explained_once_the_lane_had_gone_on() {
    let mut world = World::with_fault(RECORDS, FaultKind::Kill);
    // The last commit before the kill was 1.1 s old, but the tasks went back 0.1 s only.
    world.faults[0].back_ms = 1_100;
    world.events = world.story();
    assert_eq!(world.judge().taps[0].unexplained_copies, 0);
    let at = world.mirror[2].last().unwrap().at;
    let row = world.mirror[2][145];
    world.mirror[2].push(Observation { at, ..row });
    assert_eq!(world.judge().taps[0].unexplained_copies, 1);
}

#[test]
fn exactly_once_allows_no_repeat_at_all() {
    let mut world = World::with_fault(RECORDS, FaultKind::Kill);
    let key = "exactly.once.source.support".to_owned();
    world.info.worker_config.insert(key, "enabled".to_owned());
    for rewind in world.judge().rewinds {
        let of_source = rewind.connector.as_str() == "mirror";
        assert_eq!(rewind.bound, Some(if of_source { 0 } else { 40 }));
    }
}

#[test]
fn a_lane_that_was_silent_before_the_kill_has_the_bound_of_its_nominal_rate() {
    let mut world = World::with_faults(RECORDS, &[kill(3_000)]);
    world.feed[2].retain(|row| !(7_900..KILL_MS).contains(&row.at.as_ms()));
    world.mirror = world.behind(&world.feed, 0);
    world.archive = world.behind(&world.mirror, 200);
    world.events = world.story();
    let judgement = world.judge();
    let of_lane: Vec<_> = judgement
        .rewinds
        .iter()
        .filter(|rewind| rewind.lane.0 == 2)
        .collect();
    assert!(!of_lane.is_empty());
    assert!(of_lane.iter().all(|r| r.bound == Some(40)), "{of_lane:?}");
}

#[test]
fn a_feed_that_sent_twice_or_counted_otherwise_proves_nothing_about_records() {
    let mut twice = World::calm(RECORDS);
    let row = twice.feed[0][9];
    twice.feed[0].insert(9, row);
    let judgement = twice.judge();
    let said = |text: &String| text.contains("the harness sent them twice");
    assert!(judgement.doubts.iter().any(said), "{:?}", judgement.doubts);
    let judgement = World::calm(RECORDS).judge_with(
        |events| {
            for event in events {
                if let What::FeedEnded { acked, .. } = &mut event.what {
                    *acked += 1;
                }
            }
        },
        |_| {},
    );
    assert_eq!(
        verdict_of(&judgement, GuaranteeKind::Lost),
        Verdict::Inconclusive
    );
    assert_eq!(judgement.doubts.len(), 1, "{:?}", judgement.doubts);
}

#[test]
fn a_commit_that_cannot_be_understood_leaves_offsets_and_repeats_open() {
    let mut world = World::calm(RECORDS);
    let strange = What::SourceCommit {
        connector: "mirror".parse().unwrap(),
        partition: json!({"cluster": "src", "partition": 2, "topic": "orders"}),
        offset: json!({"offset": "many"}),
        broker_ms: 0,
    };
    world.events.push((23_950, strange));
    let judgement = world.judge();
    for kind in [GuaranteeKind::Offsets, GuaranteeKind::UnexplainedDuplicates] {
        assert_eq!(verdict_of(&judgement, kind), Verdict::Inconclusive);
    }
    assert_eq!(verdict_of(&judgement, GuaranteeKind::Lost), Verdict::Held);
}

#[test]
fn a_fault_that_was_never_injected_is_told_apart_from_one_without_proof() {
    let mut world = World::calm(RECORDS);
    world.plan = super::world::plan(&[kill(100)]);
    let judgement = world.judge();
    assert_eq!(judgement.doubts, ["F1 was planned and never injected"]);
    assert_eq!(judgement.verdict, Verdict::Inconclusive);
}

#[test]
fn a_run_that_failed_before_its_first_record_says_why_and_nothing_else() {
    let ends = |ending: &Ending, sent: bool| {
        World::calm(RECORDS).judge_with(
            |events| {
                if !sent {
                    let feed = |event: &Event| matches!(event.what, What::FeedBegan);
                    let at = events.iter().position(feed).unwrap();
                    events.remove(at);
                }
                for (n, event) in (0..).zip(events.iter_mut()) {
                    event.n = n;
                    if let What::RunEnded { ending: end, .. } = &mut event.what {
                        end.clone_from(ending);
                    }
                }
            },
            |_| {},
        )
    };
    let refusal = Refusal {
        connector: 0,
        name: crate::model::ConnectorName::new("archive").unwrap(),
        setting: Some("errors.tolerance".to_owned()),
        why: "one of none, all".to_owned(),
    };
    for (ending, why) in [
        (Ending::Environment("port 8083 is taken".to_owned()), "8083"),
        (
            Ending::Refused(vec![refusal]),
            "archive, `errors.tolerance`: one of",
        ),
    ] {
        let judgement = ends(&ending, false);
        assert_eq!(judgement.verdict, Verdict::Inconclusive);
        assert!(judgement.environment_failure.unwrap().contains(why));
        assert!(judgement.doubts.is_empty() && judgement.guarantees.is_empty());
        assert!(judgement.taps.is_empty() && judgement.faults.is_empty());
        let judgement = ends(&ending, true);
        assert!(judgement.environment_failure.unwrap().contains(why));
        assert!(!judgement.doubts.is_empty() && !judgement.guarantees.is_empty());
    }
    assert!(!ends(&Ending::Complete, false).guarantees.is_empty());
}

#[test]
fn a_source_that_feeds_itself_has_sent_once_its_tasks_ran() {
    let judged = |ran: bool| {
        let mut world = World::calm(RECORDS);
        world.info.scenario.route.origin = crate::model::Origin::Generated;
        let is_feed = |what: &What| matches!(what, What::FeedBegan | What::FeedEnded { .. });
        let is_running = |what: &What| matches!(what, What::TasksRunning { .. });
        world
            .events
            .retain(|(_, what)| !is_feed(what) && (ran || !is_running(what)));
        let fails = |events: &mut Vec<Event>| {
            for event in events {
                if let What::RunEnded { ending, .. } = &mut event.what {
                    *ending = Ending::Environment("the broker is gone".to_owned());
                }
            }
        };
        world.judge_with(fails, |_| {})
    };
    assert!(!judged(true).guarantees.is_empty(), "its tasks ran");
    assert!(judged(false).guarantees.is_empty(), "nothing was sent");
}

#[test]
fn a_killed_worker_that_was_to_come_back_and_was_not_seen_to_is_a_doubt() {
    let judged = |restarts: bool, format: u32| {
        let mut world = World::with_fault(RECORDS, FaultKind::Kill);
        world.info.format = format;
        world
            .events
            .retain(|(_, what)| !matches!(what, What::FaultUndone { .. }));
        if !restarts {
            world.plan.faults[0].restart = crate::model::Restart::Never;
        }
        world.judge()
    };
    let told = |judgement: &crate::verify::Judgement| {
        let undone = |doubt: &String| doubt == "F1 was not seen to be undone";
        judgement.doubts.iter().any(undone)
    };
    assert!(told(&judged(true, 3)));
    assert_ne!(judged(true, 3).verdict, Verdict::Held);
    assert!(!told(&judged(false, 3)));
    assert!(!told(&judged(true, 2)), "it need not be told there");
}

#[test]
fn the_sentence_of_a_broken_run_says_what_happened_and_how_much_is_allowed() {
    let mut world = World::with_fault(RECORDS, FaultKind::Kill);
    world.info.scenario.expect.recovery_ms = Some(10);
    let said = world.judge().sentence;
    assert!(
        said.starts_with("A recovery took ") && said.contains("; at most "),
        "{said}"
    );
}
