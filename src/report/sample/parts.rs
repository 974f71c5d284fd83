//! The parts of the held sample: a run of 62 s with a killed follower and a stopped leader.

use crate::journal::HostInfo;
use crate::model::{FaultId, GuaranteeKind, Lane, Moment, Seed, Verdict};
use crate::verify::{
    FaultBand, FaultReport, Finding, FindingKind, GuaranteeResult, Latency, Measure, Paint,
    PhaseSpan, Recovery, RecoveryPhase, Rewind, RunSummary, Segment, Series, Setting, StateSpan,
    TapLedger, Timeline, TimelineLane, Unit, WatchedCommits, WatchedFault, WatchedReport,
};

use super::{at, connector, place, strings, task, worker};

pub(super) fn run_summary() -> RunSummary {
    let phase = |name: &str, from: f64, length_ms| PhaseSpan {
        phase: name.to_owned(),
        from: at(from),
        length_ms,
    };
    RunSummary {
        scenario: "bounce".to_owned(),
        question:
            "Does losing a worker lose records, or repeat more than the flush interval allows?"
                .to_owned(),
        scenario_path: "scenarios/bounce.yaml".to_owned(),
        cluster_arguments: Vec::new(),
        squall: "0.1.0".to_owned(),
        started: "2026-11-23T02:10:41Z".to_owned(),
        duration_ms: 62_000,
        seed: Seed(0x7f3a_91c2),
        runtime: crate::model::RuntimeKind::Process,
        runtime_facts: std::collections::BTreeMap::new(),
        kafka: "4.1.1".to_owned(),
        connect: "4.1.1".to_owned(),
        brokers: 1,
        workers: 3,
        route: strings(&["orders", "mirror", "src.orders", "archive", "archive.txt"]),
        faults_injected: 2,
        faults_proven: 2,
        host: HostInfo {
            os: "Linux 6.12.0".to_owned(),
            cpus: 4,
            memory_bytes: 16_750_000_000,
            java: "openjdk version \"17.0.17\" 2025-10-21".to_owned(),
        },
        phases: vec![
            phase("provision", 0.0, 5_100),
            phase("deploy", 5.1, 1_800),
            phase("baseline", 6.9, 5_000),
            phase("faults", 11.9, 36_300),
            phase("converge", 48.2, 6_900),
            phase("drain", 55.1, 4_200),
            phase("collect", 59.3, 1_500),
            phase("take down", 60.8, 1_200),
        ],
        start_ms: [
            ("broker-1", 1_900),
            ("w1", 3_150),
            ("w2", 3_200),
            ("w3", 3_180),
        ]
        .map(|(name, ms)| (name.to_owned(), ms))
        .into(),
        harness_cpu_ms: 3_720,
        resolved_scenario: serde_json::json!({"name": "bounce", "kafka": {"version": "4.1.1", "brokers": 1}}),
    }
}

fn guarantee(kind: GuaranteeKind, measure: Measure, note: &str) -> GuaranteeResult {
    GuaranteeResult {
        kind,
        verdict: Verdict::Held,
        measure,
        used: measure.used(),
        note: note.to_owned(),
        findings: Vec::new(),
    }
}

pub(super) fn guarantees() -> Vec<GuaranteeResult> {
    use GuaranteeKind as K;
    let measure = |value, unit, limit, population| Measure {
        value,
        unit,
        limit: Some(limit),
        population,
        limit_per_million: None,
    };
    let records = |value, population| measure(value, Unit::Records, 0, population);
    let ms = |value, limit| measure(value, Unit::Milliseconds, limit, None);
    let bound = measure(593, Unit::RecordsPerFaultAndLane, 1_340, Some(1_120));
    let commits = measure(0, Unit::Commits, 0, Some(339));
    let mut all = vec![
        guarantee(
            K::Lost,
            records(0, Some(110_000)),
            "shows at most 27 per million",
        ),
        guarantee(K::UnexplainedDuplicates, records(0, Some(1_120)), ""),
        guarantee(K::Duplicates, bound, ""),
        guarantee(K::Order, records(0, None), ""),
        guarantee(K::Offsets, commits, ""),
        guarantee(K::Overlap, ms(0, 0), "ownership polled at 50 ms"),
        guarantee(K::Recovery, ms(12_100, 20_000), ""),
    ];
    all[2].findings = strings(&["repeat/1"]);
    all
}

pub(super) fn tap(name: &str, by: &str, once: u64, repeated: u64) -> TapLedger {
    TapLedger {
        place: place(name),
        connector: connector(by),
        expected: once + repeated,
        once,
        repeated,
        extra_copies: repeated,
        own_extra_copies: repeated,
        unexplained_copies: 0,
        lost: 0,
        own_lost: 0,
        undecided: 0,
        phantom: 0,
        corrupt: 0,
        of_unknown: 0,
        arrived: once + 2 * repeated,
        reorderings: 0,
        aborted: None,
        loss_bound_per_million: Some(27.2),
    }
}

pub(super) fn second_tap() -> TapLedger {
    let mut tap = tap("archive.txt", "archive", 109_137, 863);
    tap.own_extra_copies = 270;
    tap
}

pub(super) fn repeat_finding() -> Finding {
    Finding {
        id: "repeat/1".to_owned(),
        kind: FindingKind::Repeat,
        text: "295 records of lane 1 were sent again by mirror-1 after F1.".to_owned(),
        count: 295,
        place: Some(place("src.orders")),
        connector: Some(connector("mirror")),
        task: Some(task("mirror-1")),
        lane: Some(Lane(1)),
        ranges: vec![(4_706, 5_000)],
        from: Some(at(23.6)),
        to: Some(at(23.8)),
        fault: Some(FaultId(1)),
        log: Vec::new(),
    }
}

pub(super) fn rewinds() -> Vec<Rewind> {
    let rewind = |place_name: &str, by: &str, lane, (first, last): (u64, u64), why: &str| Rewind {
        place: place(place_name),
        connector: connector(by),
        lane: Lane(lane),
        first,
        last,
        copies: last - first + 1,
        explained: last - first + 1,
        at: at(23.6),
        fault: Some(FaultId(1)),
        why: why.to_owned(),
        bound: Some(670),
        promised: Some(670),
    };
    vec![
        rewind(
            "src.orders",
            "mirror",
            1,
            (4_706, 5_000),
            "F1 killed mirror-1; last commit named 4,705 at 13.52 s; 295 were already in the topic",
        ),
        rewind(
            "src.orders",
            "mirror",
            4,
            (4_703, 5_000),
            "F1 killed mirror-1; last commit named 4,702 at 13.52 s; 298 were already in the topic",
        ),
        rewind(
            "archive.txt",
            "archive",
            2,
            (4_731, 5_000),
            "F1 killed archive-1; the group had committed 4,731 at 13.80 s; 270 were already in the file",
        ),
    ]
}

pub(super) fn faults() -> Vec<FaultReport> {
    let first = FaultReport {
        id: FaultId(1),
        signal: "SIGKILL".to_owned(),
        target: "a follower".to_owned(),
        workers: vec![worker("w2")],
        why: "a follower: the leader was w1 (generation 5)".to_owned(),
        took_effect: Some(at(14.03)),
        proven: true,
        proof: strings(&[
            "process gone, signal 9",
            "the group lost the member at 19.20 s",
        ]),
        undone: strings(&["restarted at 16.03 s", "in the group at 28.20 s"]),
        lasted_ms: None,
        aftermath: Vec::new(),
        recovered: Some(at(26.13)),
        recovery_ms: Some(12_100),
        overlaps: Vec::new(),
        repeats: 863,
        lost: 0,
        outage_ms: 9_600,
        unowned_task_ms: 19_040,
        phases: whole_of_first(),
    };
    let second = FaultReport {
        id: FaultId(2),
        signal: "SIGTERM".to_owned(),
        target: "the leader".to_owned(),
        workers: vec![worker("w1")],
        why: "leads the group (generation 7)".to_owned(),
        took_effect: Some(at(38.71)),
        proof: strings(&[
            "process ended by itself, code 143, after 0.70 s of 30 s",
            "left the group at 39.20 s",
        ]),
        undone: strings(&["restarted at 38.80 s", "in the group at 44.90 s"]),
        recovered: Some(at(41.71)),
        recovery_ms: Some(3_000),
        repeats: 0,
        outage_ms: 1_900,
        unowned_task_ms: 3_500,
        phases: phases(
            38.71,
            &[
                ("stopped", 700, "", ""),
                ("assigned", 770, "", "mirror-0 last"),
                ("started", 220, "", "mirror-0 last"),
                ("return", 1_310, "", "w1 last"),
            ],
        ),
        ..first.clone()
    };
    vec![first, second]
}

/// Where the 12.1 s of the first fault went.
fn whole_of_first() -> Vec<RecoveryPhase> {
    phases(
        14.03,
        &[
            ("noticed", 5_170, "session.timeout.ms = 6000", ""),
            (
                "delay",
                3_080,
                "scheduled.rebalance.max.delay.ms = 3000",
                "3000 ms announced",
            ),
            ("assigned", 1_050, "", "archive-1 last"),
            ("started", 310, "", "archive-1 last"),
            ("first record", 120, "", "lane 4 last"),
            ("backlog", 1_270, "", "up to 6290 records"),
            (
                "return",
                1_100,
                "",
                "w2 last, its process answered after 2.3 s",
            ),
        ],
    )
}

/// Name, milliseconds, setting and note of a phase.
type Told<'a> = (&'a str, u64, &'a str, &'a str);

fn phases(from: f64, phases: &[Told<'_>]) -> Vec<RecoveryPhase> {
    let mut end = at(from);
    phases
        .iter()
        .map(|&(name, length_ms, setting, note)| {
            end = Moment(end.0 + length_ms * 1_000);
            RecoveryPhase {
                name: name.to_owned(),
                to: end,
                length_ms,
                error_ms: if name == "first record" { 10 } else { 50 },
                signal: match name {
                    "started" => "status topic",
                    "first record" | "backlog" => "tap src.orders",
                    "first commit" => "offsets topic",
                    _ => "group bytes",
                }
                .to_owned(),
                setting: (!setting.is_empty()).then(|| setting.to_owned()),
                note: note.to_owned(),
            }
        })
        .collect()
}

fn recovery(fault: u32, name: &str, from: f64, told: &[Told<'_>]) -> Recovery {
    Recovery {
        fault: FaultId(fault),
        task: task(name),
        total_ms: told.iter().map(|(_, length_ms, _, _)| length_ms).sum(),
        complete: true,
        phases: phases(from, told),
    }
}

pub(super) fn recoveries() -> Vec<Recovery> {
    vec![
        recovery(
            1,
            "mirror-1",
            14.03,
            &[
                (
                    "noticed",
                    5_170,
                    "session.timeout.ms = 6000",
                    "last heartbeat 0.83 s before the kill",
                ),
                (
                    "delay",
                    3_080,
                    "scheduled.rebalance.max.delay.ms = 3000",
                    "",
                ),
                ("assigned", 950, "", "join and sync of 2 members"),
                ("started", 240, "", "on w1"),
                ("first record", 60, "", ""),
                ("first commit", 500, "offset.flush.interval.ms = 1000", ""),
                ("backlog", 2_100, "", "6,290 records"),
            ],
        ),
        recovery(
            1,
            "archive-1",
            14.03,
            &[
                ("noticed", 5_170, "session.timeout.ms = 6000", ""),
                (
                    "delay",
                    3_080,
                    "scheduled.rebalance.max.delay.ms = 3000",
                    "",
                ),
                (
                    "assigned",
                    1_050,
                    "",
                    "consumer.session.timeout.ms had expired before",
                ),
                ("started", 310, "", "on w3"),
                ("first record", 120, "", ""),
                ("backlog", 2_330, "", "6,290 records"),
            ],
        ),
        recovery(
            2,
            "mirror-0",
            38.71,
            &[
                ("noticed", 550, "", "LeaveGroup 0.55 s after the signal"),
                ("assigned", 920, "", "no delay: the leader left"),
                ("started", 220, "", "on w3"),
                ("first record", 50, "", ""),
                ("backlog", 1_300, "", "1,190 records"),
            ],
        ),
    ]
}

pub(super) fn segment(from: f64, to: f64, label: &str, paint: Paint) -> Segment {
    Segment {
        from: at(from),
        to: at(to),
        label: label.to_owned(),
        paint,
    }
}

pub(super) fn lane(group: &str, label: &str, segments: Vec<Segment>) -> TimelineLane {
    TimelineLane {
        group: group.to_owned(),
        label: label.to_owned(),
        segments,
        ticks: Vec::new(),
    }
}

pub(super) fn timeline() -> Timeline {
    let mut lanes = group_lanes();
    lanes.extend(worker_lanes());
    lanes.extend(task_lanes());
    lanes.extend(commit_lanes());
    Timeline {
        end: at(62.0),
        lanes,
        bands: bands(),
    }
}

fn group_lanes() -> Vec<TimelineLane> {
    use Paint::{Changing, Good, Waiting, Worker};
    let s = segment;
    let state = vec![
        s(5.2, 19.2, "Stable · 3 members", Good),
        s(19.2, 20.3, "rebalance", Changing),
        s(20.3, 23.4, "delay 3 s", Waiting),
        s(23.4, 28.2, "Stable · 2", Good),
        s(28.2, 30.4, "rebalance", Changing),
        s(30.4, 39.2, "Stable · 3", Good),
        s(39.2, 40.1, "rebalance", Changing),
        s(40.1, 44.9, "Stable · 2", Good),
        s(44.9, 47.2, "rebalance", Changing),
        s(47.2, 62.0, "Stable · 3 members", Good),
    ];
    let leader = vec![
        s(5.2, 38.7, "w1", Worker(0)),
        s(40.1, 62.0, "w3", Worker(2)),
    ];
    vec![
        lane("group", "state", state),
        lane("group", "leader", leader),
    ]
}

fn worker_lanes() -> Vec<TimelineLane> {
    use Paint::{Bad, Changing, Worker};
    let s = segment;
    let first = vec![
        s(5.0, 38.7, "up", Worker(0)),
        s(38.8, 41.2, "starting", Changing),
        s(41.2, 62.0, "up", Worker(0)),
    ];
    let second = vec![
        s(5.1, 14.03, "up", Worker(1)),
        s(14.03, 16.03, "gone", Bad),
        s(16.03, 24.1, "starting", Changing),
        s(24.1, 62.0, "up", Worker(1)),
    ];
    let third = vec![s(5.1, 62.0, "up", Worker(2))];
    let lanes = [("w1", first), ("w2", second), ("w3", third)];
    lanes
        .map(|(name, segments)| lane("workers", name, segments))
        .into()
}

fn task_lanes() -> Vec<TimelineLane> {
    use Paint::{Bad, Worker};
    let s = segment;
    let on_third = || vec![s(6.9, 62.0, "w3", Worker(2))];
    let moved = vec![
        s(6.9, 38.4, "w1", Worker(0)),
        s(38.4, 40.2, "nobody 1.8 s", Bad),
        s(40.2, 62.0, "w3", Worker(2)),
    ];
    let killed = vec![
        s(6.9, 14.03, "w2", Worker(1)),
        s(14.03, 23.5, "nobody 9.5 s", Bad),
        s(23.5, 29.2, "w1", Worker(0)),
        s(30.5, 62.0, "w2", Worker(1)),
    ];
    let kept = vec![
        s(6.9, 38.4, "w1", Worker(0)),
        s(40.3, 62.0, "w1", Worker(0)),
    ];
    let taken = vec![
        s(6.9, 14.03, "w2", Worker(1)),
        s(14.03, 23.6, "nobody 9.6 s", Bad),
        s(23.6, 62.0, "w3", Worker(2)),
    ];
    let lanes = [
        ("mirror-0", moved),
        ("mirror-1", killed),
        ("mirror-2", on_third()),
        ("archive-0", kept),
        ("archive-1", taken),
        ("archive-2", on_third()),
    ];
    lanes
        .map(|(name, segments)| lane("tasks", name, segments))
        .into()
}

fn commit_lanes() -> Vec<TimelineLane> {
    let commits = |name: &str, from: f64| {
        let all = (0..50).map(move |index| from + f64::from(index));
        let ticks = all.filter(|t| !(14.0..24.5).contains(t)).map(at);
        TimelineLane {
            ticks: ticks.collect(),
            ..lane("commits", name, Vec::new())
        }
    };
    vec![
        commits("mirror offsets", 7.5),
        commits("archive group", 7.8),
    ]
}

fn bands() -> Vec<FaultBand> {
    let band = |fault, label: &str, from, to| FaultBand {
        fault: FaultId(fault),
        label: label.to_owned(),
        from: at(from),
        to: at(to),
        over: None,
    };
    vec![
        band(1, "F1 SIGKILL w2 (follower)", 14.03, 26.13),
        band(2, "F2 SIGTERM w1 (leader)", 38.71, 41.71),
    ]
}

pub(super) fn series() -> Vec<Series> {
    let rate = |t: f64| match t {
        t if !(7.0..55.0).contains(&t) => 0.0,
        t if (14.0..23.5).contains(&t) => 1_340.0,
        t if (23.5..26.1).contains(&t) => 4_400.0,
        t if (38.7..40.2).contains(&t) => 1_340.0,
        t if (40.2..41.7).contains(&t) => 2_900.0,
        _ => 2_000.0,
    };
    let backlog = |t: f64| match t {
        t if (14.0..23.5).contains(&t) => (t - 14.0) * 660.0,
        t if (23.5..26.1).contains(&t) => (26.1 - t) * 2_400.0,
        t if (38.7..40.2).contains(&t) => (t - 38.7) * 660.0,
        t if (40.2..41.7).contains(&t) => (41.7 - t) * 660.0,
        _ => 4.0,
    };
    let values = |f: &dyn Fn(f64) -> f64, wobble: f64| -> Vec<f64> {
        let value = |index: u32| {
            let noise = f64::from(index * 7_919 % 13) - 6.0;
            let value = (f(f64::from(index) * 0.25) + noise * wobble).max(0.0);
            (value * 10.0).round() / 10.0
        };
        (0..248).map(value).collect()
    };
    let one = |label: &str, unit: &str, tap: &str, low, high, baseline| Series {
        label: label.to_owned(),
        unit: unit.to_owned(),
        place: place(tap),
        bucket_ms: 250,
        low,
        high,
        baseline: Some(baseline),
    };
    let mut all = Vec::new();
    for tap in ["src.orders", "archive.txt"] {
        all.push(one(
            &format!("arrived at {tap}"),
            "records/s",
            tap,
            values(&rate, 3.0),
            values(&rate, 12.0),
            2_000.0,
        ));
        all.push(one(
            &format!("backlog before {tap}"),
            "records",
            tap,
            values(&backlog, 0.1),
            values(&backlog, 1.0),
            4.0,
        ));
    }
    all
}

pub(super) fn latency() -> Vec<Latency> {
    let row = |tap: &str, phase: &str, p50_ms, p99_ms, max_ms| Latency {
        place: place(tap),
        phase: phase.to_owned(),
        samples: 10_000,
        p50_ms,
        p95_ms: (p50_ms + p99_ms) / 2.0,
        p99_ms,
        max_ms,
    };
    vec![
        row("src.orders", "baseline", 8.4, 38.0, 61.0),
        row("src.orders", "whole run", 9.1, 9_420.0, 9_610.0),
        row("archive.txt", "baseline", 17.2, 61.0, 88.0),
        row("archive.txt", "whole run", 19.0, 9_700.0, 10_120.0),
    ]
}

pub(super) fn settings() -> Vec<Setting> {
    let setting = |name: &str, value: &str, default: Option<&str>, decides: &str| Setting {
        name: name.to_owned(),
        value: value.to_owned(),
        default: default.map(str::to_owned),
        decides: decides.to_owned(),
    };
    vec![
        setting(
            "offset.flush.interval.ms",
            "1000",
            Some("60000"),
            "at most 670 repeats per lane and killed task at this rate",
        ),
        setting(
            "scheduled.rebalance.max.delay.ms",
            "3000",
            Some("300000"),
            "3.1 of 12.1 s after a kill",
        ),
        setting(
            "session.timeout.ms",
            "6000",
            Some("10000"),
            "5.2 of 12.1 s after a kill",
        ),
        setting("consumer.session.timeout.ms", "6000", Some("45000"), ""),
        setting(
            "exactly.once.source.support",
            "disabled",
            Some("disabled"),
            "",
        ),
        setting("plugin.discovery", "service_load", None, ""),
    ]
}

pub(super) fn watched() -> WatchedReport {
    let states = [("RUNNING", 90_000), ("UNASSIGNED", 10_000)];
    WatchedReport {
        connector: connector("billing"),
        tasks: 2,
        states: states.map(|(state, ms)| (state.to_owned(), ms)).into(),
        spans: vec![StateSpan {
            task: task("billing-0"),
            state: "RUNNING".to_owned(),
            from: at(5.0),
            to: at(50.0),
        }],
        spans_not_listed: 0,
        unowned_task_ms: 4_200,
        longest_unowned_ms: 4_200,
        faults: vec![WatchedFault {
            fault: FaultId(1),
            tasks_hit: 1,
            moves: 1,
            starts: 1,
            unowned_task_ms: 4_200,
            tasks_before: 2,
            recovery_ms: Some(9_400),
        }],
        commits: Some(WatchedCommits {
            commits: 40,
            moved: 12_000,
            went_back: 0,
            longest_still_ms: 9_900,
        }),
    }
}
