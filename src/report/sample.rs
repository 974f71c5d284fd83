//! Hand-made judgements for the tests of the reports: held, broken, inconclusive, failed environment, hostile, large.

mod parts;

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::model::{ConnectorName, FaultId, Lane, Moment, PlaceName, TaskId, Verdict, WorkerName};
use crate::verify::{
    FaultBand, FaultReport, FeedLedger, Finding, FindingKind, Judgement, LogLine, OffsetReport,
    Paint, Recovery, Rewind, TapLedger, Timeline,
};

use parts::{
    faults, guarantees, lane, latency, recoveries, repeat_finding, rewinds, run_summary,
    second_tap, segment, series, settings, tap, timeline,
};

/// Every sample with its name.
pub(super) fn all() -> Vec<(&'static str, Judgement)> {
    vec![
        ("held", held()),
        ("broken", broken()),
        ("inconclusive", inconclusive()),
        ("environment", environment()),
        ("hostile", hostile()),
        ("control", control()),
        ("large", large()),
        ("zombie", zombie()),
    ]
}

/// A ledger whose sums hold, with any numbers.
pub(super) fn any_tap() -> impl Strategy<Value = TapLedger> {
    let number = || 0u64..2_000_000_000;
    let numbers = (number(), number(), number(), number(), number());
    (numbers, number(), number(), number()).prop_map(
        |((once, repeated, extra, lost, undecided), phantom, corrupt, of_unknown)| {
            let mut tap = tap("src.orders", "mirror", once, repeated);
            tap.expected = once + repeated + lost + undecided;
            tap.extra_copies = extra;
            tap.lost = lost;
            tap.undecided = undecided;
            tap.phantom = phantom;
            tap.corrupt = corrupt;
            tap.of_unknown = of_unknown;
            tap.arrived = once + repeated + extra + phantom + corrupt + of_unknown;
            tap
        },
    )
}

fn place(name: &str) -> PlaceName {
    PlaceName::new(name).unwrap()
}

fn connector(name: &str) -> ConnectorName {
    ConnectorName::new(name).unwrap()
}

fn worker(name: &str) -> WorkerName {
    WorkerName::new(name).unwrap()
}

fn task(name: &str) -> TaskId {
    name.parse().unwrap()
}

fn at(seconds: f64) -> Moment {
    Moment((seconds * 1e6).round() as u64)
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// The run of the README: two faults, no loss, each repeat explained.
pub(super) fn held() -> Judgement {
    Judgement {
        format: 2,
        verdict: Verdict::Held,
        sentence: "No record was lost; 593 were repeated, each explained; the longest recovery took 12.1 s of the 20 s allowed.".to_owned(),
        doubts: Vec::new(),
        warnings: Vec::new(),
        environment_failure: None,
        interrupted: false,
        run: run_summary(),
        guarantees: guarantees(),
        feed: Some(FeedLedger { place: place("orders"), acked: 110_000, refused: 0, unknown: 0, pace_error: 0.004 }),
        taps: vec![tap("src.orders", "mirror", 109_407, 593), second_tap()],
        findings: vec![repeat_finding()],
        findings_not_listed: BTreeMap::new(),
        rewinds: rewinds(),
        faults: faults(),
        recoveries: recoveries(),
        offsets: vec![
            OffsetReport { connector: connector("mirror"), not_measurable: None, commits: 165, ahead: 0, regressed: 0, by_zombies: 0 },
            OffsetReport { connector: connector("archive"), not_measurable: None, commits: 174, ahead: 0, regressed: 0, by_zombies: 0 },
        ],
        watched: Vec::new(),
        timeline: timeline(),
        series: series(),
        latency: latency(),
        settings: settings(),
        log_excerpts: vec![
            log(19.2, "w1", "INFO", "[Worker clientId=connect-1, groupId=squall] Rebalance started"),
            log(23.41, "w1", "INFO", "[Worker clientId=connect-1, groupId=squall] Starting connectors and tasks using config offset 9"),
            log(39.1, "w1", "WARN", "[archive|task-0] Graceful stop of task archive-0 took 640 ms"),
        ],
        method: strings(&[
            "Arrival times ±0.01 s (own clock, monotonic); ownership polled at 50 ms; commits read from the offsets topic.",
            "The feed kept its pace within 0.4 %.",
            "A run without loss shows at most: fewer than 28 lost per million, at 95 %.",
        ]),
    }
}

fn log(seconds: f64, by: &str, level: &str, text: &str) -> LogLine {
    LogLine {
        at: at(seconds),
        worker: worker(by),
        level: level.to_owned(),
        text: text.to_owned(),
    }
}

/// Three records lost by the sink after the first fault.
pub(super) fn broken() -> Judgement {
    let mut judgement = held();
    judgement.verdict = Verdict::Broken;
    judgement.sentence =
        "3 records were lost by connector archive after the SIGKILL of w2 at 14.0 s.".to_owned();
    let lost = &mut judgement.guarantees[0];
    lost.verdict = Verdict::Broken;
    lost.measure.value = 3;
    lost.note = String::new();
    lost.used = None;
    lost.findings = strings(&["lost/1"]);
    let tap = &mut judgement.taps[1];
    tap.once -= 3;
    tap.arrived -= 3;
    tap.lost = 3;
    tap.own_lost = 3;
    tap.loss_bound_per_million = None;
    judgement.faults[0].lost = 3;
    judgement.findings.insert(0, lost_finding());
    judgement.findings_not_listed.insert(FindingKind::Repeat, 4);
    judgement
}

fn lost_finding() -> Finding {
    Finding {
        id: "lost/1".to_owned(),
        kind: FindingKind::Lost,
        text: "Lane 2: 4,731–4,733 were in src.orders and never reached archive.txt.".to_owned(),
        count: 3,
        place: Some(place("archive.txt")),
        connector: Some(connector("archive")),
        task: Some(task("archive-1")),
        lane: Some(Lane(2)),
        ranges: vec![(4_731, 4_733)],
        from: Some(at(13.95)),
        to: Some(at(13.99)),
        fault: Some(FaultId(1)),
        log: vec![
            log(
                23.55,
                "w3",
                "INFO",
                "[archive|task-1] Setting offset for partition src.orders-2 to the committed offset 4734",
            ),
            log(
                23.58,
                "w3",
                "WARN",
                "[archive|task-1] Commit of offsets for a record that was not yet flushed",
            ),
        ],
    }
}

/// A drain that was cut off, and a fault that did not take effect.
pub(super) fn inconclusive() -> Judgement {
    let mut judgement = held();
    judgement.verdict = Verdict::Inconclusive;
    judgement.sentence =
        "The evidence cannot decide: F2 did not take effect, and the drain was not finished."
            .to_owned();
    judgement.doubts = strings(&[
        "F2 did not take effect: the process of w1 was still running 30 s after SIGTERM.",
        "The drain was not finished after 60 s: 12 records were neither seen nor excluded.",
    ]);
    judgement.interrupted = true;
    let lost = &mut judgement.guarantees[0];
    lost.verdict = Verdict::Inconclusive;
    lost.note = "12 records are undecided: the drain was not finished".to_owned();
    let tap = &mut judgement.taps[1];
    tap.once -= 12;
    tap.arrived -= 12;
    tap.undecided = 12;
    tap.loss_bound_per_million = None;
    judgement.run.faults_proven = 1;
    let fault = &mut judgement.faults[1];
    fault.proven = false;
    fault.proof = strings(&["missing: the process did not end within 30 s"]);
    fault.recovered = None;
    fault.recovery_ms = None;
    judgement.recoveries[2].complete = false;
    judgement.offsets[0].not_measurable =
        Some("not measurable here: the offsets of this connector have no mapping".to_owned());
    judgement
}

/// A worker of a cluster of containers stood still, was given up and came back.
pub(super) fn zombie() -> Judgement {
    let mut judgement = held();
    judgement.run.runtime = crate::model::RuntimeKind::Docker;
    let facts = [("engine", "20.10.24"), ("image", "apache/kafka:4.1.1")];
    judgement.run.runtime_facts = facts
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    let fault = &mut judgement.faults[0];
    fault.signal = "pause".to_owned();
    fault.proof = strings(&["w2 stood still at 14.03 s"]);
    fault.undone = strings(&["w2 was resumed at 26.00 s, after 12.0 s"]);
    fault.lasted_ms = Some(11_970);
    fault.aftermath = strings(&[
        "the group was without w2 from 19.20 s",
        "w3 had mirror-1 from 23.40 s, before its old owner was back",
        "2 source commits went back as those of a zombie do",
    ]);
    judgement.offsets[0].by_zombies = 2;
    judgement.watched = vec![parts::watched()];
    let band = &mut judgement.timeline.bands[0];
    band.label = "F1 pause w2 (a follower)".to_owned();
    band.over = Some(at(26.0));
    judgement
}

/// A run whose cluster never came up: nothing was judged.
pub(super) fn environment() -> Judgement {
    let mut judgement = held();
    judgement.verdict = Verdict::Inconclusive;
    judgement.sentence = "The cluster did not come up, so there is nothing to judge.".to_owned();
    judgement.environment_failure = Some(
        "worker w2 did not answer within 60 s: port 8083 is taken; free it and run again"
            .to_owned(),
    );
    judgement.run.duration_ms = 8_440;
    judgement.run.faults_injected = 0;
    judgement.run.faults_proven = 0;
    judgement.run.phases.truncate(1);
    judgement.guarantees.clear();
    judgement.feed = None;
    judgement.taps.clear();
    judgement.findings.clear();
    judgement.rewinds.clear();
    judgement.faults.clear();
    judgement.recoveries.clear();
    judgement.offsets.clear();
    judgement.timeline = Timeline::default();
    judgement.series.clear();
    judgement.latency.clear();
    judgement.settings.clear();
    judgement.method.clear();
    judgement
}

/// A run without faults: a control.
pub(super) fn control() -> Judgement {
    let mut judgement = held();
    judgement.sentence = "No record was lost, none was repeated.".to_owned();
    judgement.run.duration_ms = 20_000;
    judgement.run.faults_injected = 0;
    judgement.run.faults_proven = 0;
    judgement.taps = vec![tap("src.orders", "mirror", 30_000, 0)];
    judgement.feed = None;
    judgement.run.route = strings(&["mirror", "src.orders"]);
    judgement.findings.clear();
    judgement.rewinds.clear();
    judgement.faults.clear();
    judgement.recoveries.clear();
    judgement.timeline.end = at(20.0);
    judgement.timeline.bands.clear();
    for lane in &mut judgement.timeline.lanes {
        lane.segments = vec![segment(5.1, 20.0, "w1", Paint::Worker(0))];
        lane.ticks.retain(|tick| *tick < at(20.0));
    }
    for series in &mut judgement.series {
        series.low.truncate(80);
        series.high.truncate(80);
    }
    judgement
}

/// Text that tries to break out of each format, to reverse it and to flood it.
pub(super) const HOSTILE: &str = "</script><script src=https://evil.example/x.js></script>\u{202e}gnp.exe\u{1b}[2J\u{0}\u{feff}<img src=x onerror=alert(1)>\" onload='x' | `code` **bold** [a](https://evil.example) {{ 7*7 }} ]]> &amp; @here";

/// A broken run with hostile text wherever text can come from outside.
pub(super) fn hostile() -> Judgement {
    let mut judgement = broken();
    let long = format!("{HOSTILE}{}", "A".repeat(200_000));
    let text = || HOSTILE.to_owned();
    judgement.sentence = text();
    judgement.doubts = vec![text()];
    judgement.run.scenario = text();
    judgement.run.question = text();
    judgement.run.scenario_path = text();
    judgement.run.host.java = text();
    judgement.run.resolved_scenario = serde_json::json!({ HOSTILE: HOSTILE });
    judgement.guarantees[0].note = text();
    judgement.findings[0].text = text();
    judgement.findings[0].log = vec![
        log(1.0, "w1", HOSTILE, &long),
        log(1.0, "w1", "WARN", "a\nb\r\nc"),
    ];
    judgement.log_excerpts = vec![log(1.0, "w1", "ERROR", &long)];
    judgement.rewinds[0].why = text();
    judgement.faults[0].why = text();
    judgement.faults[0].proof = vec![text()];
    judgement.recoveries[0].phases[0].note = text();
    judgement.recoveries[0].phases[0].setting = Some(text());
    judgement.recoveries[0].phases[1].name = text();
    judgement.timeline.lanes[0].segments[0].label = text();
    judgement.timeline.bands[0].label = text();
    judgement.series[0].label = text();
    judgement.settings[0].decides = text();
    judgement.settings[0].value = text();
    judgement.offsets[0].not_measurable = Some(text());
    judgement.method = vec![text()];
    judgement
}

/// Half an hour, 100 faults, 50 tasks.
pub(super) fn large() -> Judgement {
    let mut judgement = held();
    let every = 17.5;
    judgement.run.duration_ms = 1_812_000;
    judgement.run.faults_injected = 100;
    judgement.run.faults_proven = 100;
    let (fault, rewind, phases) = (
        judgement.faults[0].clone(),
        judgement.rewinds[0].clone(),
        judgement.recoveries[0].clone(),
    );
    judgement.faults = (1..=100u32)
        .map(|id| FaultReport {
            id: FaultId(id),
            took_effect: Some(at(f64::from(id) * every)),
            ..fault.clone()
        })
        .collect();
    judgement.rewinds = (0..400u32)
        .map(|id| Rewind {
            lane: Lane(id),
            fault: Some(FaultId(id / 4 + 1)),
            ..rewind.clone()
        })
        .collect();
    judgement.recoveries = (0..800u32)
        .map(|id| Recovery {
            fault: FaultId(id / 8 + 1),
            task: task(&format!("mirror-{}", id % 50)),
            ..phases.clone()
        })
        .collect();
    judgement.timeline = large_timeline(every);
    for series in &mut judgement.series {
        series.bucket_ms = 1_000;
        series.low = series.low.iter().cycle().take(1_812).copied().collect();
        series.high = series.high.iter().cycle().take(1_812).copied().collect();
    }
    judgement.log_excerpts = (0..2_000u32)
        .map(|id| log(f64::from(id), "w1", "INFO", &"long text ".repeat(30)))
        .collect();
    judgement
}

fn large_timeline(every: f64) -> Timeline {
    let turn = |lane: u32, index: u32| {
        let from = f64::from(index) * every;
        let owner = (lane + index) % 7;
        [
            segment(from, from + 5.0, "nobody", Paint::Bad),
            segment(
                from + 5.0,
                from + every,
                &format!("w{}", owner + 1),
                Paint::Worker(owner),
            ),
        ]
    };
    let lanes = (0..50u32).map(|number| {
        let segments = (0..103).flat_map(|index| turn(number, index)).collect();
        let mut lane = lane("tasks", &format!("mirror-{number}"), segments);
        if number == 49 {
            lane.group = "commits".to_owned();
            lane.segments.clear();
            lane.ticks = (0..1_812).map(|second| at(f64::from(second))).collect();
        }
        lane
    });
    let bands = (1..=100u32).map(|id| FaultBand {
        fault: FaultId(id),
        label: format!("F{id} SIGKILL w2 (follower)"),
        from: at(f64::from(id) * every),
        to: at(f64::from(id) * every + 12.1),
        over: None,
    });
    Timeline {
        end: at(1_812.0),
        lanes: lanes.collect(),
        bands: bands.collect(),
    }
}
