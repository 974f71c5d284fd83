//! Made-up runs whose commits say something wrong, or are read through an open transaction, a file or a generated source.

use std::collections::BTreeMap;

use serde_json::json;

use crate::journal::{Batch, Batches, Event, Observation, ObservationError, Places, What};
use crate::model::{
    FaultKind, GuaranteeKind, Medium, Moment, OffsetMapping, Origin, PlaceName, SequenceNames,
    Verdict,
};

use super::tests::{adds_up, count_of, guarantee, verdict_of};
use super::world::{World, batches, sink_commit, source_commit};
use super::{Evidence, FindingKind, Judgement, explain, judge};

const RECORDS: u64 = 440;
/// A line of the file feed with its end.
const LINE: u64 = 101;

fn exactly_once(world: &mut World, worker: &[(&str, &str)], connector: &[(&str, &str)]) {
    let owned = |(k, v): &(&str, &str)| ((*k).to_owned(), (*v).to_owned());
    let settings = &mut world.info.worker_config;
    settings.insert(
        "exactly.once.source.support".to_owned(),
        "enabled".to_owned(),
    );
    settings.extend(worker.iter().map(owned));
    let config = &mut world.info.scenario.route.legs[0].0.config;
    config.extend(connector.iter().map(owned));
}

/// The last records of lane 3 reach the mirror's tap this much later than the last commit names them.
fn late_by(delay_ms: u64) -> World {
    let mut world = World::calm(RECORDS);
    for (lane, hop) in [(&mut world.mirror[3], 0), (&mut world.archive[3], 20)] {
        for row in lane.iter_mut().rev().take(3) {
            row.at = Moment::from_ms(25_900 + delay_ms + hop);
        }
    }
    world.events.retain(|(at, what)| {
        *at < 23_000 || !matches!(what, What::SourceCommit { .. } | What::SinkCommit { .. })
    });
    world.events.push((25_900, source_commit(3, RECORDS - 1)));
    world
        .events
        .push((25_900 + delay_ms + 100, sink_commit(3, RECORDS as i64)));
    world
}

#[test]
fn a_commit_may_be_seen_before_its_record_by_as_long_as_readers_are_held_back() {
    let own = "producer.override.transaction.timeout.ms";
    let workers = "producer.transaction.timeout.ms";
    let none: &[(&str, &str)] = &[];
    let cases = [
        (false, none, none, 10_000),
        (true, none, none, 70_000),
        (true, &[(workers, "20000")], none, 30_000),
        (true, &[(workers, "20000")], &[(own, "5000")], 15_000),
    ];
    for (transactions, worker, connector, limit_ms) in cases {
        for (delay_ms, ahead) in [(limit_ms, 0), (limit_ms + 1, 1)] {
            let mut world = late_by(delay_ms);
            if transactions {
                exactly_once(&mut world, worker, connector);
            }
            let judgement = world.judge();
            assert_eq!(
                judgement.offsets[0].ahead, ahead,
                "{delay_ms} ms, limit {limit_ms} ms: {:?}",
                judgement.findings
            );
            assert_eq!(count_of(&judgement, FindingKind::OffsetAhead), ahead);
        }
    }
}

#[test]
fn a_sink_behind_an_exactly_once_source_is_held_back_by_nothing() {
    let mut world = World::calm(RECORDS);
    exactly_once(&mut world, &[], &[]);
    for row in world.archive[3].iter_mut().rev().take(3) {
        row.at = Moment::from_ms(38_000);
    }
    world.events.push((25_950, sink_commit(3, RECORDS as i64)));
    world.events.sort_by_key(|(at, _)| *at);
    world
        .events
        .retain(|(at, what)| *at <= 25_950 || !matches!(what, What::SinkCommit { .. }));
    let judgement = world.judge();
    assert!(judgement.offsets[1].ahead > 0, "{:?}", judgement.offsets);
    assert_eq!(judgement.offsets[0].ahead, 0);
}

#[test]
fn offsets_are_judged_one_commit_at_a_time_and_some_may_be_allowed() {
    let mut world = World::calm(RECORDS);
    world.events.push((23_950, source_commit(2, 17)));
    world.events.sort_by_key(|(at, _)| *at);
    for (limit, verdict) in [(0, Verdict::Broken), (1, Verdict::Held)] {
        world.info.scenario.expect.offsets = Some(limit);
        let judgement = world.judge();
        assert_eq!(verdict_of(&judgement, GuaranteeKind::Offsets), verdict);
        assert_eq!(judgement.offsets[0].regressed, 1);
    }
}

#[test]
fn a_reset_claims_nothing_and_a_commit_after_it_has_not_gone_back() {
    let mut world = World::calm(RECORDS);
    let reset = What::SourceCommit {
        connector: "mirror".parse().unwrap(),
        partition: json!({"cluster": "src", "partition": 2, "topic": "orders"}),
        offset: json!(null),
        broker_ms: 0,
    };
    world.events.push((23_950, reset));
    world.events.push((23_960, source_commit(2, 17)));
    world.events.sort_by_key(|(at, _)| *at);
    let judgement = world.judge();
    assert_eq!(
        (judgement.offsets[0].regressed, judgement.offsets[0].ahead),
        (0, 0)
    );
}

#[test]
fn without_a_finished_drain_no_commit_is_called_ahead_and_none_is_called_honest() {
    let mut world = World::calm(RECORDS);
    world.events.push((29_000, source_commit(2, RECORDS * 2)));
    world.drained = false;
    let judgement = world.judge();
    assert_eq!(judgement.offsets[0].ahead, 0);
    assert_eq!(
        verdict_of(&judgement, GuaranteeKind::Offsets),
        Verdict::Inconclusive
    );
}

#[test]
fn a_connector_that_committed_nothing_shows_nothing() {
    let mut world = World::calm(RECORDS);
    world
        .events
        .retain(|(_, what)| !matches!(what, What::SinkCommit { .. }));
    let judgement = world.judge();
    let answer = guarantee(&judgement, GuaranteeKind::Offsets);
    assert_eq!(answer.verdict, Verdict::Inconclusive);
    assert!(answer.note.contains("committed nothing"), "{}", answer.note);
}

/// The evidence of a file feed: one partition, positions in bytes, in the order of time.
fn as_file(places: &mut BTreeMap<PlaceName, Vec<Batch>>, feed: &[Vec<Observation>]) {
    let rows = in_order(feed);
    let batch: Batch = (0..)
        .zip(rows)
        .map(|(n, row)| Observation {
            partition: 0,
            position: n * LINE as i64,
            ..row
        })
        .collect();
    places.insert(PlaceName::new("orders").unwrap(), vec![batch]);
}

fn in_order(lanes: &[Vec<Observation>]) -> Vec<Observation> {
    let mut rows: Vec<Observation> = lanes.iter().flatten().copied().collect();
    rows.sort_by_key(|row| (row.at, row.lane));
    rows
}

fn file_commit(at_ms: u64, position: u64) -> (u64, What) {
    let what = What::SourceCommit {
        connector: "mirror".parse().unwrap(),
        partition: json!({"filename": "/data/orders"}),
        offset: json!({ "position": position }),
        broker_ms: 0,
    };
    (at_ms, what)
}

/// A file source in place of the mirror; it commits every second what it has read.
fn of_file() -> World {
    let mut world = World::calm(RECORDS);
    let mut feed = world.info.scenario.route.feed().unwrap().clone();
    feed.medium = Medium::File("orders".to_owned());
    world.info.scenario.route.origin = Origin::Feed(feed);
    world.info.scenario.route.legs[0].0.offsets = OffsetMapping::FileStreamSource;
    world
        .events
        .retain(|(_, what)| !matches!(what, What::SourceCommit { .. }));
    let rows = in_order(&world.feed);
    for at_ms in (3_000..24_000).step_by(1_000) {
        let read = rows
            .iter()
            .filter(|row| row.at.as_ms() + 20 < at_ms)
            .count();
        world.events.push(file_commit(at_ms, read as u64 * LINE));
    }
    world.events.sort_by_key(|(at, _)| *at);
    world
}

fn judge_file(world: &World) -> Judgement {
    world.judge_with(
        |_: &mut Vec<Event>| {},
        |places| as_file(places, &world.feed),
    )
}

#[test]
fn positions_in_a_file_are_read_as_records() {
    let judgement = judge_file(&of_file());
    assert_eq!(judgement.doubts, Vec::<String>::new());
    assert_eq!(judgement.verdict, Verdict::Held, "{:?}", judgement.findings);
    assert_eq!(judgement.offsets[0].commits, 21);
}

#[test]
fn a_position_beyond_the_end_of_the_file_is_ahead_and_one_that_goes_back_is_a_regression() {
    let end = RECORDS * 4 * LINE;
    for (position, ahead, regressed) in [
        (end, 0, 0),
        (end + 1, 1, 0),
        (end - 50 * LINE, 0, 0),
        (LINE, 0, 1),
    ] {
        let mut world = of_file();
        world.events.push(file_commit(24_400, position));
        world.events.sort_by_key(|(at, _)| *at);
        let found = &judge_file(&world).offsets[0];
        assert_eq!(
            (found.ahead, found.regressed),
            (ahead, regressed),
            "{position}"
        );
    }
}

#[test]
fn a_position_behind_a_line_that_never_arrived_is_ahead() {
    let mut world = of_file();
    world.events.push(file_commit(24_400, RECORDS * 4 * LINE));
    world.mirror[3].pop();
    world.archive[3].pop();
    let judgement = judge_file(&world);
    assert_eq!(judgement.offsets[0].ahead, 1);
    let finding = judgement
        .findings
        .iter()
        .find(|f| f.kind == FindingKind::OffsetAhead);
    assert!(
        finding.unwrap().text.contains("never arrived"),
        "{finding:?}"
    );
    assert_eq!(judgement.taps[0].own_lost, 1);
}

#[test]
fn what_a_generated_source_committed_and_nobody_saw_is_lost() {
    let mut world = World::calm(RECORDS);
    world.info.scenario.route.origin = Origin::Generated;
    world.info.scenario.route.legs[0].0.offsets = OffsetMapping::Pointers {
        lane: Some("/partition".to_owned()),
        sequence: "/offset".to_owned(),
        names: SequenceNames::NextToSend,
    };
    world
        .events
        .retain(|(_, what)| !matches!(what, What::SourceCommit { .. }));
    for lane in 0..4 {
        world.events.push((24_100, source_commit(lane, RECORDS)));
    }
    assert_eq!(
        world.judge().verdict,
        Verdict::Held,
        "{:?}",
        world.judge().findings
    );
    let keep = RECORDS as usize - 5;
    world.mirror[3].truncate(keep);
    world.archive[3].truncate(keep);
    let judgement = world.judge();
    let ledger = &judgement.taps[0];
    assert_eq!(
        (ledger.expected, ledger.lost, ledger.own_lost),
        (RECORDS * 4, 5, 5)
    );
    assert_eq!(judgement.taps[1].own_lost, 0);
    assert!(judgement.taps.iter().all(adds_up));
    let lost = judgement
        .findings
        .iter()
        .find(|f| f.kind == FindingKind::Lost);
    assert_eq!(lost.unwrap().ranges, [(RECORDS - 5, RECORDS - 1)]);
    assert_eq!(verdict_of(&judgement, GuaranteeKind::Lost), Verdict::Broken);
    assert_eq!(judgement.offsets[0].ahead, 1);
}

const UNCOMMITTED: &str = "src.orders!uncommitted";

/// Places with one more, whose name no scenario can give.
struct WithUncommitted {
    places: BTreeMap<PlaceName, Vec<Batch>>,
    uncommitted: Batch,
}

impl Places for WithUncommitted {
    fn batches(&self, place: &str) -> Result<Batches<'_>, ObservationError> {
        if place == UNCOMMITTED {
            return Ok(Box::new(std::iter::once(Ok(self.uncommitted.clone()))));
        }
        self.places.batches(place)
    }
}

/// What a reader of uncommitted records sees: everything, and 7 records of an aborted transaction. The journal says that
/// it saw this many, or as many as it did.
fn rows_of(batch: &Batch) -> impl Iterator<Item = Observation> + '_ {
    (0..batch.len()).filter_map(|index| batch.row(index))
}

fn with_aborted(world: &World, said: Option<u64>) -> Judgement {
    let (mut log, places) = world.evidence();
    let mut lanes = world.mirror.clone();
    let last = lanes[0].last().unwrap().at;
    let aborted: Vec<Observation> = lanes[0][100..107].to_vec();
    lanes[0].extend(aborted.iter().map(|row| Observation { at: last, ..*row }));
    let all: Vec<Observation> = batches(&lanes).iter().flat_map(rows_of).collect();
    if let Some(What::RunEnded { rows, .. }) = log.events.last_mut().map(|e| &mut e.what) {
        rows.insert(UNCOMMITTED.to_owned(), said.unwrap_or(all.len() as u64));
    }
    let places = WithUncommitted {
        places,
        uncommitted: all.into_iter().collect(),
    };
    judge(&Evidence {
        info: &world.info,
        plan: &world.plan,
        log: &log,
        places: &places,
        damage: Vec::new(),
    })
}

#[test]
fn aborted_records_are_counted_apart_and_judged_by_nothing() {
    let mut world = World::calm(RECORDS);
    exactly_once(&mut world, &[], &[]);
    let judgement = with_aborted(&world, None);
    assert_eq!(judgement.doubts, Vec::<String>::new());
    assert_eq!(judgement.taps[0].aborted, Some(7));
    assert_eq!(judgement.taps[1].aborted, None);
    assert_eq!(judgement.taps[0].extra_copies, 0);
    assert_eq!(judgement.verdict, Verdict::Held);
    let short = with_aborted(&world, Some(1));
    assert_eq!(short.verdict, Verdict::Inconclusive, "{:?}", short.doubts);
    let without = World::calm(RECORDS).judge();
    assert_eq!(without.taps[0].aborted, None);
}

#[test]
fn a_sink_that_reads_uncommitted_records_was_given_the_aborted_ones() {
    let mut world = World::calm(RECORDS);
    exactly_once(&mut world, &[], &[]);
    let given: Vec<Observation> = world.mirror[0][100..107].to_vec();
    let last = world.archive[0].last().unwrap().at;
    world.archive[0].extend(given.iter().map(|row| Observation { at: last, ..*row }));
    let judgement = with_aborted(&world, None);
    assert_eq!(judgement.taps[1].extra_copies, 7);
    assert_eq!(judgement.taps[1].own_extra_copies, 0);
    let committed = [("consumer.isolation.level", "read_committed")];
    exactly_once(&mut world, &committed, &[]);
    let judgement = with_aborted(&world, None);
    assert_eq!(judgement.taps[1].own_extra_copies, 7);
}

#[test]
fn behind_the_last_row_of_an_exactly_once_source_there_may_be_a_marker_for_each_of_its_two_tasks() {
    for (next, ahead) in [(RECORDS + 2, 0), (RECORDS + 3, 1)] {
        let mut world = World::calm(RECORDS);
        exactly_once(&mut world, &[], &[]);
        let next = i64::try_from(next).unwrap();
        world.events.push((29_000, sink_commit(3, next)));
        assert_eq!(with_aborted(&world, None).offsets[1].ahead, ahead, "{next}");
        // Where nobody read the aborted records, they may stand there too.
        assert_eq!(world.judge().offsets[1].ahead, 0, "{next}");
    }
}

#[test]
fn the_story_of_a_record_tells_commits_of_its_own_input_partition_only() {
    let mut world = World::with_fault(RECORDS, FaultKind::Kill);
    world.archive[1].retain(|row| row.sequence.0 != 155);
    world.mirror[2].retain(|row| row.sequence.0 != 160);
    world.archive[2].retain(|row| row.sequence.0 != 160);
    let (log, mut places) = world.evidence();
    // A file tap has a partition of its own.
    let file = places.get_mut(&PlaceName::new("archive.txt").unwrap());
    let file = file.unwrap();
    let mut rows: Vec<Observation> = file.iter().flat_map(rows_of).collect();
    rows.sort_by_key(|row| row.at);
    let of_file = (0..).zip(rows).map(|(position, row)| Observation {
        partition: 0,
        position,
        ..row
    });
    *file = vec![of_file.collect()];
    let evidence = Evidence {
        info: &world.info,
        plan: &world.plan,
        log: &log,
        places: &places,
        damage: Vec::new(),
    };
    let judgement = judge(&evidence);
    for finding in judgement.findings.iter().filter(|f| f.lane.is_some()) {
        let story = explain::explain(&evidence, &judgement, &finding.id).unwrap();
        let own = format!("committed for partition {}:", finding.lane.unwrap().0);
        let commits = story
            .lines
            .iter()
            .filter(|line| line.text.contains("committed for"));
        let mut commits = commits.peekable();
        assert!(commits.peek().is_some(), "{story:?}");
        let connector = finding.connector.as_ref().unwrap();
        assert!(
            commits
                .all(|line| line.text.contains(&own) && line.text.starts_with(connector.as_str()))
        );
    }
    assert_eq!(count_of(&judgement, FindingKind::Lost), 2);
}
