//! Evidence that contradicts itself: each contradiction is a doubt, and none is the connector's.

use crate::journal::{Batch, Event, Exit, Observation, ObservationKind, Proof, What};
use crate::model::{FaultKind, GuaranteeKind, Moment, PlaceName, Sequence, Verdict};

use super::Judgement;
use super::standstill_tests::calm;
use super::tests::verdict_of;
use super::world::{KILL_MS, World};

const RECORDS: u64 = 440;

fn place(name: &str) -> PlaceName {
    PlaceName::new(name).unwrap()
}

/// A calm run of which the rows of one place were changed, and their number with them.
fn with_rows(name: &str, change: impl FnOnce(&mut Vec<Observation>)) -> Judgement {
    with_rows_of(&World::calm(RECORDS), name, change)
}

fn with_rows_of(
    world: &World,
    name: &str,
    change: impl FnOnce(&mut Vec<Observation>),
) -> Judgement {
    let (_, places) = world.evidence();
    let batches = &places[&place(name)];
    let each = |batch: &Batch| {
        (0..batch.len())
            .filter_map(|i| batch.row(i))
            .collect::<Vec<_>>()
    };
    let mut rows: Vec<Observation> = batches.iter().flat_map(each).collect();
    change(&mut rows);
    let count = rows.len() as u64;
    let changed: Vec<Batch> = rows
        .chunks(100)
        .map(|part| part.iter().copied().collect())
        .collect();
    let acked = rows
        .iter()
        .filter(|row| row.kind == ObservationKind::Whole)
        .count() as u64;
    world.judge_with(
        |events| {
            for event in events {
                if let What::RunEnded { rows, .. } = &mut event.what {
                    rows.insert(name.to_owned(), count);
                }
                if let (What::FeedEnded { acked: told, .. }, "orders") = (&mut event.what, name) {
                    *told = acked;
                }
            }
        },
        |places| drop(places.insert(place(name), changed)),
    )
}

/// A doubt that names this, no guarantee about records that is held or broken, and nobody blamed at the place.
fn doubted(judgement: &Judgement, name: &str, why: &str) {
    let told = judgement.doubts.iter().any(|doubt| doubt.contains(why));
    assert!(told, "{why}: {:?}", judgement.doubts);
    assert_eq!(judgement.verdict, Verdict::Inconclusive, "{why}");
    for kind in [
        GuaranteeKind::Lost,
        GuaranteeKind::Order,
        GuaranteeKind::Phantoms,
    ] {
        assert_eq!(verdict_of(judgement, kind), Verdict::Inconclusive, "{why}");
    }
    let blamed = judgement
        .findings
        .iter()
        .find(|f| f.place == Some(place(name)));
    assert!(blamed.is_none(), "{blamed:?}");
}

#[test]
fn rows_that_were_read_twice_are_the_readers() {
    for name in ["src.orders", "archive.txt"] {
        let again = with_rows(name, |rows| {
            let copies: Vec<Observation> = rows[100..120].to_vec();
            rows.splice(120..120, copies);
        });
        doubted(
            &again,
            name,
            &format!("observations/{name}.arrow contradicts itself at row 120: position 100"),
        );
        let one = with_rows(name, |rows| rows.insert(7, rows[6]));
        doubted(
            &one,
            name,
            "at row 7: position 6 of partition 0 comes after position 6",
        );
    }
}

#[test]
fn two_known_records_at_one_position_are_a_contradiction_and_a_phantom_beside_one_is_not() {
    let two = with_rows("archive.txt", |rows| rows[11].position = rows[10].position);
    doubted(
        &two,
        "archive.txt",
        "position 10 of partition 0 holds two records",
    );
    let phantom = with_rows("archive.txt", |rows| {
        let stray = Observation {
            sequence: Sequence(9_999),
            ..rows[10]
        };
        rows.insert(10, stray);
    });
    assert_eq!(
        verdict_of(&phantom, GuaranteeKind::Phantoms),
        Verdict::Broken
    );
    assert!(phantom.doubts.is_empty(), "{:?}", phantom.doubts);
}

#[test]
fn times_of_a_partition_only_grow() {
    for name in ["orders", "src.orders", "archive.txt"] {
        let back = with_rows(name, |rows| rows[50].at = Moment(rows[50].at.0 - 2_000_000));
        doubted(
            &back,
            name,
            &format!("observations/{name}.arrow contradicts itself at row 50: partition 0 is at"),
        );
    }
}

#[test]
fn nothing_arrives_before_it_was_sent() {
    let late = with_rows("orders", |rows| {
        for row in rows.iter_mut() {
            row.at = Moment(row.at.0 + 1_000_000);
        }
    });
    doubted(
        &late,
        "src.orders",
        "observations/src.orders.arrow contradicts itself at row 0: record 0 of lane 0 arrived at",
    );
    let a_little = with_rows("orders", |rows| {
        for row in rows.iter_mut() {
            row.at = Moment(row.at.0 + 100_000);
        }
    });
    assert_eq!(a_little.verdict, Verdict::Held, "{:?}", a_little.doubts);
}

#[test]
fn a_lane_of_the_feed_is_in_one_partition() {
    let moved = with_rows("orders", |rows| {
        let last = rows.len() - 1;
        rows[last].partition = 9;
        rows[last].position = 0;
    });
    doubted(
        &moved,
        "orders",
        "lane 3 is in partition 9, and was in partition 3",
    );
}

#[test]
fn a_topic_has_a_record_at_each_position() {
    for (name, at) in [("orders", 40), ("src.orders", 0), ("src.orders", 40)] {
        let hole = with_rows(name, |rows| {
            rows.remove(at);
        });
        let why = format!(
            "observations/{name}.arrow has 439 rows of partition 0, which held 440 records"
        );
        doubted(&hole, name, &why);
    }
}

#[test]
fn the_hole_of_a_topic_is_told_by_its_row() {
    let hole = with_rows("src.orders", |rows| drop(rows.drain(40..43)));
    let why = "which held 440 records; observations/src.orders.arrow contradicts itself at row 40: position 43 of partition 0 does not follow on position 39";
    doubted(&hole, "src.orders", why);
}

/// The rows of the file as its bytes have them: a line of 101 bytes each, in the order of their times.
fn as_bytes(rows: &mut [Observation]) {
    rows.sort_by_key(|row| row.at);
    for (n, row) in (0..).zip(rows) {
        (row.partition, row.position) = (0, n * 101);
    }
}

#[test]
fn a_line_of_a_file_begins_where_the_record_before_it_ends() {
    assert_eq!(
        with_rows_of(&calm(), "archive.txt", |rows| as_bytes(rows)).verdict,
        Verdict::Held
    );
    let hole = with_rows_of(&calm(), "archive.txt", |rows| {
        as_bytes(rows);
        drop(rows.drain(70..75));
    });
    let why = "observations/archive.txt.arrow contradicts itself at row 70: position 7575 of partition 0 does not follow on position 6969";
    doubted(&hole, "archive.txt", why);
    let headless = with_rows_of(&calm(), "archive.txt", |rows| {
        as_bytes(rows);
        rows.remove(0);
    });
    doubted(
        &headless,
        "archive.txt",
        "at row 0: the first row of partition 0 is at position 101",
    );
}

#[test]
fn how_long_the_lines_of_a_file_are_its_rows_say_also_where_one_is_missed_late() {
    let short = |gone: bool| {
        with_rows_of(&calm(), "archive.txt", |rows| {
            as_bytes(rows);
            rows.iter_mut().for_each(|row| row.position /= 101);
            rows.iter_mut().for_each(|row| row.position *= 50);
            if gone {
                rows.remove(rows.len() - 20);
            }
        })
    };
    assert_eq!(short(false).verdict, Verdict::Held);
    let why = "does not follow on position";
    doubted(&short(true), "archive.txt", why);
}

#[test]
fn folders_from_before_taps_told_of_themselves_are_not_held_to_the_positions_of_lines() {
    let old = with_rows("archive.txt", |rows| {
        as_bytes(rows);
        drop(rows.drain(70..75));
    });
    assert_eq!(old.doubts, Vec::<String>::new());
    assert_eq!(verdict_of(&old, GuaranteeKind::Lost), Verdict::Broken);
}

#[test]
fn how_long_a_line_is_that_is_no_record_nobody_knows() {
    let strange = |gone: bool| {
        with_rows_of(&calm(), "archive.txt", |rows| {
            as_bytes(rows);
            let stranger = Observation {
                kind: ObservationKind::Foreign,
                ..rows[70]
            };
            rows.insert(70, stranger);
            for row in &mut rows[71..] {
                row.position += 4_000;
            }
            if gone {
                // What stood behind the stranger is missed by its count and by nothing else.
                rows.remove(71);
            }
        })
    };
    assert_eq!(strange(false).doubts, Vec::<String>::new());
    assert_eq!(
        verdict_of(&strange(false), GuaranteeKind::Phantoms),
        Verdict::Broken
    );
    assert_eq!(strange(true).doubts, Vec::<String>::new());
}

#[test]
fn what_is_behind_a_connector_was_in_front_of_it() {
    // The positions close ranks, so that nothing but the record behind the sink tells of it.
    let mut world = World::calm(RECORDS);
    world.mirror[2].remove(100);
    doubted(
        &world.judge(),
        "src.orders",
        "observations/src.orders.arrow lacks 1 record that arrived behind archive, such as record 100 of lane 2",
    );
    // Where the sink lacks it too, it is a loss.
    world.archive = world.behind(&world.mirror, 200);
    let lost = world.judge();
    assert_eq!(verdict_of(&lost, GuaranteeKind::Lost), Verdict::Broken);
    assert!(lost.doubts.is_empty(), "{:?}", lost.doubts);
}

#[test]
fn a_loss_in_one_place_stays_a_loss_while_another_place_is_sound() {
    let mut world = World::calm(RECORDS);
    world.archive[1].drain(100..103);
    assert_eq!(
        verdict_of(&world.judge(), GuaranteeKind::Lost),
        Verdict::Broken
    );
}

/// A run with a kill of which the events were changed.
fn with_events(change: impl FnOnce(&mut Vec<Event>)) -> Judgement {
    World::with_fault(RECORDS, FaultKind::Kill).judge_with(
        |events| {
            change(events);
            (0..).zip(events).for_each(|(n, event)| event.n = n);
        },
        |_| {},
    )
}

fn number_of(events: &[Event], is_it: impl Fn(&What) -> bool) -> usize {
    events.iter().position(|event| is_it(&event.what)).unwrap()
}

fn untrusted(judgement: &Judgement, why: &str) {
    let told = judgement.doubts.iter().any(|doubt| {
        doubt.starts_with("the journal contradicts itself: events.jsonl, line ")
            && doubt.contains(why)
    });
    assert!(told, "{why}: {:?}", judgement.doubts);
    for guarantee in &judgement.guarantees {
        assert_eq!(
            guarantee.verdict,
            Verdict::Inconclusive,
            "{why}: {guarantee:?}"
        );
    }
}

#[test]
fn the_journal_of_a_kill_agrees_with_itself() {
    assert_eq!(with_events(|_| {}).verdict, Verdict::Held);
}

#[test]
fn events_stand_in_the_order_of_their_times() {
    let earlier = with_events(|events| events[40].at = Moment::from_ms(3));
    untrusted(&earlier, "line 41: it is at 0.00 s");
}

#[test]
fn no_sign_of_a_fault_comes_before_it() {
    let proof = |what: &What| {
        matches!(
            what,
            What::FaultProof {
                proof: Proof::ProcessEnded { .. },
                ..
            }
        )
    };
    let moved = |is_it: fn(&What) -> bool, why: &str| {
        let judgement = with_events(|events| {
            let mut event = events.remove(number_of(events, is_it));
            event.at = Moment::from_ms(KILL_MS - 1_000);
            let to = events.iter().position(|other| other.at > event.at).unwrap();
            events.insert(to, event);
        });
        untrusted(&judgement, why);
    };
    moved(
        |what| matches!(what, What::FaultActed { .. }),
        "F1 acted on w2 before it was intended",
    );
    moved(
        |what| matches!(what, What::FaultUndone { .. }),
        "this comes before F1 acted on w2",
    );
    moved(
        |what| matches!(what, What::FaultProof { .. }),
        "this comes before F1 acted on w2",
    );
    let unseen = with_events(|events| {
        events.remove(number_of(events, |what| {
            matches!(what, What::ProcessEnded { .. })
        }));
    });
    untrusted(&unseen, "no event tells of the end of w2");
    // Two observers tell of the same end, in either order.
    let late = with_events(|events| {
        let number = number_of(events, |what| matches!(what, What::ProcessEnded { .. }));
        let mut event = events.remove(number);
        let to = number_of(events, proof) + 1;
        event.at = events[to - 1].at;
        events.insert(to, event);
    });
    assert_eq!(late.doubts, Vec::<String>::new());
    let other = with_events(|events| {
        let number = number_of(events, proof);
        if let What::FaultProof {
            proof: Proof::ProcessEnded { exit, .. },
            ..
        } = &mut events[number].what
        {
            *exit = Exit::Code(0);
        }
    });
    untrusted(
        &other,
        "w2 ended with status 0 here, and by signal 9 before",
    );
}
