//! Properties of every judgement: no harm goes unseen, none is made up, and less evidence never certifies more.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use proptest::prelude::*;

use crate::journal::{Batch, Observation, RunFolder};
use crate::model::{FaultKind, GuaranteeKind, Lane, Sequence, Verdict};

use super::open_and_judge;
use super::tests::{adds_up, verdict_of};
use super::world::{Blow, KILL_MS, LANES, World};

const RECORDS: u64 = 300;
/// With this many records the feed sends long after the kill, and the run goes on after the recovery.
const RECORDS_AROUND_A_KILL: u64 = 440;

/// A change to the rows of one lane at one tap; places are shares of the length.
#[derive(Debug, Clone, Copy)]
enum Change {
    Remove(f64),
    Copy(f64, f64),
    Move(f64, f64),
    Phantom(f64),
}

type Changes = Vec<(usize, usize, Change)>;

fn changes() -> impl Strategy<Value = Changes> {
    let at = 0.0..1.0f64;
    let change = prop_oneof![
        at.clone().prop_map(Change::Remove),
        // Nothing arrives before it was sent.
        (at.clone(), at.clone()).prop_map(|(from, to)| Change::Copy(from.min(to), from.max(to))),
        (at.clone(), at.clone()).prop_map(|(from, to)| Change::Move(from.min(to), from.max(to))),
        at.prop_map(Change::Phantom),
    ];
    proptest::collection::vec((0..2usize, 0..LANES as usize, change), 0..4)
}

fn apply(rows: &mut Vec<Observation>, change: Change) {
    let place = |share: f64, len: usize| ((len as f64 * share) as usize).min(len.saturating_sub(1));
    let put = |rows: &mut Vec<Observation>, share: f64, row: Observation| {
        let to = place(share, rows.len());
        let at = rows[to].at;
        rows.insert(to, Observation { at, ..row });
    };
    match change {
        Change::Remove(at) => drop(rows.remove(place(at, rows.len()))),
        Change::Copy(from, to) => {
            let row = rows[place(from, rows.len())];
            put(rows, to, row);
        }
        Change::Move(from, to) => {
            let row = rows.remove(place(from, rows.len()));
            put(rows, to, row);
        }
        Change::Phantom(at) => {
            let sequence = Sequence(1_000_000);
            let row = Observation {
                sequence,
                ..rows[0]
            };
            put(rows, at, row);
        }
    }
}

fn changed(changes: &Changes, fault: Option<Blow>) -> World {
    let faults: Vec<Blow> = fault.into_iter().collect();
    let records = if faults.is_empty() {
        RECORDS
    } else {
        RECORDS_AROUND_A_KILL
    };
    let mut world = World::with_faults(records, &faults);
    let apply_all = |lanes: &mut Vec<Vec<Observation>>, wanted: usize| {
        for (_, lane, change) in changes.iter().filter(|(tap, _, _)| *tap == wanted) {
            apply(&mut lanes[*lane], *change);
        }
    };
    apply_all(&mut world.mirror, 0);
    world.archive = world.behind(&world.mirror, 200);
    apply_all(&mut world.archive, 1);
    world
}

/// What one lane at one tap shows to anyone who looks, without any of the verifier's machinery.
#[derive(Default)]
struct Truth {
    missing: u64,
    phantoms: u64,
    out_of_order: bool,
    copies: BTreeMap<u64, u32>,
}

fn truth(rows: &[Observation], fed: &[Observation]) -> Truth {
    let sent: BTreeSet<u64> = fed.iter().map(|row| row.sequence.0).collect();
    let mut truth = Truth::default();
    let mut highest = None;
    for number in rows.iter().map(|row| row.sequence.0) {
        if !sent.contains(&number) {
            truth.phantoms += 1;
            continue;
        }
        let copies = truth.copies.entry(number).or_insert(0);
        *copies += 1;
        if *copies == 1 {
            truth.out_of_order |= Some(number) < highest;
            highest = highest.max(Some(number));
        }
    }
    truth.missing = (sent.len() - truth.copies.len()) as u64;
    truth
}

fn truths(world: &World) -> Vec<(usize, usize, Truth)> {
    let taps = [&world.mirror, &world.archive].into_iter().enumerate();
    taps.flat_map(|(tap, lanes)| {
        let lanes = lanes.iter().zip(&world.feed).enumerate();
        lanes.map(move |(lane, (rows, fed))| (tap, lane, truth(rows, fed)))
    })
    .collect()
}

fn held_if(good: bool) -> Verdict {
    if good { Verdict::Held } else { Verdict::Broken }
}

fn kill() -> impl Strategy<Value = Option<Blow>> {
    let blow = |back_ms| Blow {
        back_ms,
        ..Blow::first(FaultKind::Kill)
    };
    proptest::option::of((50..4_000u64).prop_map(blow))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn no_history_is_held_that_should_not_be_and_none_is_broken_for_nothing(changes in changes(), fault in kill(), stale: bool) {
        let mut world = changed(&changes, fault);
        if !stale && let Some(fault) = world.faults.first_mut() {
            // The commits go on to the very kill: what is repeated from before them is not explained.
            fault.back_ms = 100;
            world.events = world.story();
        }
        let judgement = world.judge();
        let truths = truths(&world);
        let none = |bad: fn(&Truth) -> bool| !truths.iter().any(|(_, _, truth)| bad(truth));
        prop_assert!(judgement.taps.iter().all(adds_up));
        prop_assert_eq!(verdict_of(&judgement, GuaranteeKind::Lost), held_if(none(|t| t.missing > 0)));
        prop_assert_eq!(verdict_of(&judgement, GuaranteeKind::Order), held_if(none(|t| t.out_of_order)));
        prop_assert_eq!(verdict_of(&judgement, GuaranteeKind::Phantoms), held_if(none(|t| t.phantoms > 0)));
        let calm = world.faults.is_empty();
        let committed = |lane: usize| {
            let mut last = world.events.iter().filter(|(at, _)| *at <= KILL_MS).filter_map(|(_, what)| match what {
                crate::journal::What::SourceCommit { partition, offset, .. } if partition["partition"] == lane => offset["offset"].as_u64(),
                _ => None,
            });
            last.next_back().map_or(0, |last| last + 1)
        };
        let repeated = |(tap, lane, truth): &(usize, usize, Truth)| {
            let given = truths.iter().find(|(t, l, _)| *t + 1 == *tap && l == lane).map(|(_, _, t)| &t.copies);
            let below = if calm || *lane < 2 { u64::MAX } else if *tap == 0 { committed(*lane) } else { 0 };
            truth.copies.iter().any(|(number, copies)| {
                let given = given.and_then(|given| given.get(number).copied()).unwrap_or(1);
                // One kill lets what was not committed be read once more, with all copies of it; nothing else repeats.
                *copies > given * (1 + u32::from(*number >= below))
            })
        };
        if truths.iter().any(repeated) {
            prop_assert_eq!(verdict_of(&judgement, GuaranteeKind::UnexplainedDuplicates), Verdict::Broken);
        }
        if none(|t| t.copies.values().any(|copies| *copies > 1)) {
            prop_assert_eq!(verdict_of(&judgement, GuaranteeKind::UnexplainedDuplicates), Verdict::Held);
            prop_assert_eq!(verdict_of(&judgement, GuaranteeKind::Duplicates), Verdict::Held);
        }
        let broken = judgement.guarantees.iter().any(|g| g.verdict == Verdict::Broken);
        prop_assert_eq!(judgement.verdict == Verdict::Held, !broken);
    }

    #[test]
    fn a_record_less_or_more_anywhere_is_never_held(tap in 0..2usize, lane in 0..LANES, at in 0..RECORDS, less: bool) {
        let mut world = World::calm(RECORDS);
        let change = |rows: &mut Vec<Observation>| {
            if less {
                rows.remove(at as usize);
            } else {
                rows.insert(at as usize, rows[at as usize]);
            }
        };
        if tap == 0 {
            change(&mut world.mirror[lane as usize]);
            world.archive = world.behind(&world.mirror, 200);
        } else {
            change(&mut world.archive[lane as usize]);
        }
        let judgement = world.judge();
        let kind = if less { GuaranteeKind::Lost } else { GuaranteeKind::UnexplainedDuplicates };
        prop_assert_eq!(verdict_of(&judgement, kind), Verdict::Broken);
        let finding = &judgement.findings[0];
        prop_assert_eq!((finding.lane, finding.count), (Some(Lane(lane)), 1));
        prop_assert_eq!(&finding.ranges, &vec![(at, at)]);
        let connector = ["mirror", "archive"][tap];
        prop_assert_eq!(finding.connector.as_ref().unwrap().as_str(), connector);
    }
}

/// The run's folder as a finished run leaves it.
fn folder_of(world: &World, reports: &std::path::Path) -> RunFolder {
    let folder = RunFolder::create(reports, "made-up").unwrap();
    let (log, places) = world.evidence();
    folder.write_json("run.json", &world.info).unwrap();
    folder.write_json("plan.json", &world.plan).unwrap();
    folder.write("scenario.yaml", b"name: made-up\n").unwrap();
    let mut lines = Vec::new();
    for event in &log.events {
        serde_json::to_writer(&mut lines, event).unwrap();
        lines.push(b'\n');
    }
    folder.write("events.jsonl", &lines).unwrap();
    for (place, batches) in &places {
        let mut writer = folder.write_observations(place.as_str()).unwrap();
        let rows = |batch: &Batch| {
            (0..batch.len())
                .filter_map(|i| batch.row(i))
                .collect::<Vec<_>>()
        };
        for row in batches.iter().flat_map(rows) {
            writer.push(row).unwrap();
        }
        writer.finish().unwrap();
    }
    folder.seal().unwrap();
    folder
}

#[test]
fn a_run_folder_cut_at_any_byte_is_inconclusive_even_under_a_new_seal() {
    for fault in [None, Some(Blow::first(FaultKind::Kill))] {
        let faults: Vec<Blow> = fault.into_iter().collect();
        let world = World::with_faults(60 + 380 * faults.len() as u64, &faults);
        let reports = tempfile::tempdir().unwrap();
        let folder = folder_of(&world, reports.path());
        assert_eq!(open_and_judge(&folder).unwrap().verdict, Verdict::Held);
        let places = ["orders", "src.orders", "archive.txt"];
        let mut files = vec![folder.join("events.jsonl")];
        files.extend(places.map(|place| folder.observations(place)));
        let mut runner = proptest::test_runner::TestRunner::deterministic();
        for path in files {
            let whole = fs::read(&path).unwrap();
            // The very last byte of the journal is a line end, which holds nothing.
            let last = whole.len() - 2;
            let mut cuts = vec![0, 1, last];
            for _ in 0..12 {
                let cut = (0..last).new_tree(&mut runner).unwrap();
                cuts.push(proptest::strategy::ValueTree::current(&cut));
            }
            for cut in cuts {
                fs::write(&path, &whole[..cut]).unwrap();
                for resealed in [false, true] {
                    if resealed {
                        folder.seal().unwrap();
                    }
                    let judgement = open_and_judge(&folder).unwrap();
                    let place = path.display();
                    assert_eq!(
                        judgement.verdict,
                        Verdict::Inconclusive,
                        "{place} cut at {cut} of {}, resealed: {resealed}",
                        whole.len()
                    );
                    assert!(judgement.taps.iter().all(adds_up));
                }
                fs::write(&path, &whole).unwrap();
                folder.seal().unwrap();
            }
        }
        assert_eq!(open_and_judge(&folder).unwrap().verdict, Verdict::Held);
    }
}
