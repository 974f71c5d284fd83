//! Tests of the parser as a whole: bundled scenarios, every kind of mistake, and any text at all.

use std::path::{Path, PathBuf};

use proptest::prelude::*;

use crate::model::{
    Amount, Decode, Decoded, Direction, DuplicateLimit, FaultKind, LossLimit, OffsetMapping,
    Origin, Restart, Target,
};

use super::*;

const ROUTE: &str = "
route:
  - feed: {topic: orders}
  - connector: {name: mirror, config: {connector.class: MirrorSourceConnector, tasks.max: 3}}
  - tap: {topic: src.orders}
  - connector: {name: archive, config: {connector.class: FileStreamSink, tasks.max: 3}}
  - tap: {file: archive.txt}
";

/// Lines with a key that is not known there, and how that is reported.
pub(super) const MISUSED_KEYS: &[(&str, &str)] = &[
    ("kafka: {brokrs: 1}\n", "brokrs|did you mean `brokers`?"),
    ("connect: {worker: 1}\n", "worker|did you mean `workers`?"),
    (
        "connect: {plugins: [{pat: x}]}\n",
        "pat|did you mean `path`?",
    ),
    ("stream: {lane: 1}\n", "lane|did you mean `lanes`?"),
    (
        "faults: [{kil: {target: any}}]\n",
        "kil|did you mean `kill`?",
    ),
    (
        "faults: [{kill: {target: any, grace: 3s}}]\n",
        "grace|`kill` has no `grace`|only `stop` has a grace",
    ),
    (
        "faults: [{kill: {target: any, for: 3s}}]\n",
        "for|`kill` has no `for`|write `restart-after`",
    ),
    (
        "faults: [{rolling: {stop: {for: 3s}}}]\n",
        "for|`stop` has no `for`|write `restart-after`",
    ),
    (
        "faults: [{pause: {target: any, for: 3s, restart-after: 2s}}]\n",
        "restart-after|`pause` has no `restart-after`|write `for`",
    ),
    (
        "faults: [{disconnect: {target: any, for: 3s, grace: 2s}}]\n",
        "grace|`disconnect` has no `grace`|it comes at once",
    ),
    (
        "faults: [{repeat: {rounds: 1, every: 9s, do: [{pause: {target: any, for: 1s, restart-after: 1s}}]}}]\n",
        "restart-after|`pause` has no `restart-after`",
    ),
    (
        "faults: [{rolling: {kill: {}, disconnect: 1s}}]\n",
        "disconnect|`rolling` has no `disconnect`|one by one",
    ),
    (
        "faults: [{pause: {target: any, fro: 1s, for: 1s}}]\n",
        "fro|did you mean `for`?",
    ),
    (
        "faults: [{repeat: {rounds: 1, every: 1s, do: [{kill: {target: any, at: 1s}}]}}]\n",
        "at|known here",
    ),
    (
        "faults: [{rolling: {kill: {}, puase: 1s}}]\n",
        "puase|did you mean `pause`?",
    ),
    ("expect: {lots: 0}\n", "lots|did you mean `lost`?"),
    (
        "expect: {lost: {at-most: 5, also-before-fault: true}}\n",
        "also-before-fault|did you mean `also-before-faults`?",
    ),
    ("duraton: 3s\n", "duraton|did you mean `duration`?"),
];

/// Lines with a value of the wrong kind, and how that is reported.
pub(super) const MISUSED_VALUES: &[(&str, &str)] = &[
    (
        "kafka: 4.1.1\n",
        "4.1.1|`kafka` cannot be `4.1.1`|expected a map with `version` and `brokers`",
    ),
    (
        "kafka: {version: 4.1}\n",
        "4.1|no Kafka version|three numbers",
    ),
    (
        "kafka: {version: 2.8.1}\n",
        "2.8.1|not supported|3.0.0 to 4.3.x",
    ),
    ("kafka: {version: 4.4.0}\n", "4.4.0|not supported"),
    ("kafka: {brokers: 2}\n", "2|expected `1` or `3`"),
    ("connect: {workers: three}\n", "three|no whole number"),
    (
        "expect: {lost: {also-before-faults: true}}\n",
        "lost|`at-most` is missing in `lost`",
    ),
    (
        "expect: {lost: {at-most: ten}}\n",
        "ten|no amount for `at-most`|such as `10 %` or `0.5 %`, or a whole number",
    ),
    (
        "expect: {lost: {at-most: 5, also-before-faults: maybe}}\n",
        "maybe|`also-before-faults` cannot be `maybe`|expected `true` or `false`",
    ),
    (
        "expect: {lost: 10 %}\n",
        "10 %|`lost` cannot be `10 %`|a map with `at-most` and `also-before-faults`",
    ),
    (
        "connect: {workers: \"3\"}\n",
        "\"3\"|no whole number|without quotes",
    ),
    (
        "connect: {config: [a]}\n",
        "[a]|cannot be a list|expected a map",
    ),
    ("connect: {config: {a: [b]}}\n", "[b]|no single value"),
    ("connect: {config: {a: }}\n", "a|`a` has no value"),
    ("stream: {lanes: 0}\n", "0|at least 1"),
    ("stream: {rate: 0/s}\n", "0/s|no records at all"),
    (
        "faults: {kill: {target: any}}\n",
        "{kill: {target: any}}|cannot be a map|expected a list",
    ),
    (
        "faults: [kill]\n",
        "kill|a fault cannot be `kill`|expected a map with `kill`",
    ),
    (
        "faults: [{kill: any}]\n",
        "any|`kill` cannot be `any`|expected a map",
    ),
    ("faults: [{kill: {}}]\n", "kill|needs `target` or `owner`"),
    (
        "faults: [{kill: {target: any, owner: mirror-0}}]\n",
        "owner|cannot stand beside `target`",
    ),
    (
        "faults: [{kill: {target: any, at: 1s, after-recovery: 1s}}]\n",
        "after-recovery|cannot stand beside `at`",
    ),
    (
        "faults: [{kill: {target: any}, stop: {target: any}}]\n",
        "stop|cannot stand beside `kill`|begin a new line",
    ),
    (
        "faults: [{kill: {target: any, restart-after: 2}}]\n",
        "2|write the unit too",
    ),
    (
        "faults: [{pause: {target: any}}]\n",
        "pause|`for` is missing in `pause`|add `for:`",
    ),
    (
        "faults: [{disconnect: {target: any, for: 0s}}]\n",
        "0s|`for` is no time at all|such as `20s`",
    ),
    (
        "faults: [{pause: {target: any, for: 5}}]\n",
        "5|write the unit too",
    ),
    (
        "faults: [{pause: {for: 5s}}]\n",
        "pause|needs `target` or `owner`",
    ),
    ("expect:\n", "expect|`expect` has no value|expected a map"),
    (
        "expect: {duplicates: few}\n",
        "few|a whole number or `none` or `within-flush-bound`",
    ),
    ("question: 42\n", "42|must be text|\"42\""),
];

/// Faults that could never be carried out, and how that is reported.
const SENSELESS_FAULTS: &[(&str, &str)] = &[
    (
        "faults: [{kill: {target: w9}}]\n",
        "w9|unknown worker `w9`|`w1` to `w3`",
    ),
    (
        "faults: [{kill: {target: laeder}}]\n",
        "laeder|did you mean `leader`?",
    ),
    (
        "faults: [{kill: {owner: miror-1}}]\n",
        "miror-1|no connector `miror`|did you mean `mirror`?",
    ),
    (
        "faults: [{kill: {owner: mirror-3}}]\n",
        "mirror-3|no task 3|`mirror-0` to `mirror-2`",
    ),
    (
        "faults: [{kill: {owner: mirror}}]\n",
        "mirror|names no task",
    ),
    (
        "connect: {workers: 1}\nfaults: [{kill: {target: follower}}]\n",
        "follower|no follower",
    ),
    (
        "faults: [{kill: {target: all, restart-after: never}}]\n",
        "never|no worker is left",
    ),
    (
        "faults: [{rolling: {kill: {restart-after: never}}}]\n",
        "never|no worker is left",
    ),
    (
        "faults: [{repeat: {rounds: 3, every: 9s, do: [{kill: {target: any, restart-after: never}}]}}]\n",
        "never|no worker is left",
    ),
    (
        "faults: [{kill: {target: w1, restart-after: never}}, {kill: {target: w1}}]\n",
        "w1|already down",
    ),
    (
        "faults: [{kill: {target: w1, at: 9s}}, {kill: {target: w1, at: 8s}}]\n",
        "8s|before the one above it",
    ),
    (
        "faults: [{repeat: {rounds: 0, every: 9s, do: [{kill: {target: any}}]}}]\n",
        "0|at least 1",
    ),
    (
        "faults: [{repeat: {rounds: 1, every: 0s, do: [{kill: {target: any}}]}}]\n",
        "0s|without time",
    ),
    (
        "faults: [{repeat: {rounds: 1, every: 1s ± 2s, do: [{kill: {target: any}}]}}]\n",
        "1s ± 2s|ends before it begins",
    ),
    (
        "faults: [{repeat: {window: 60s..10s, every: 1s, do: [{kill: {target: any}}]}}]\n",
        "60s..10s|ends before it begins|did you mean `10s..1m`?",
    ),
    (
        "faults: [{repeat: {window: 0s..10h, every: 1s, do: [{kill: {target: any}}]}}]\n",
        "0s..10h|36000 rounds",
    ),
    (
        "faults: [{repeat: {rounds: 1, every: 1s, do: []}}]\n",
        "[]|`do` is empty",
    ),
    (
        "faults: [{repeat: {rounds: 1, every: 1s, do: [{kill: {target: any, after-recovery: 1s}}]}}]\n",
        "after-recovery|a time of its own",
    ),
];

pub(super) fn bundled() -> Vec<(PathBuf, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "yaml"))
        .collect();
    files.sort();
    files
        .into_iter()
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            (path, text)
        })
        .collect()
}

fn good(text: &str) -> Scenario {
    parse("test.yaml", text).unwrap_or_else(|mistakes| panic!("{}", mistakes.render(false)))
}

/// A scenario with the usual route and these lines.
pub(super) fn with(lines: &str) -> String {
    format!("name: test\n{lines}{ROUTE}")
}

pub(super) fn with_route(route: &str) -> String {
    format!("name: test\nroute:\n{route}")
}

/// Each mistake as `underlined text: message: help`.
fn mistakes(text: &str) -> Vec<String> {
    let Err(mistakes) = parse("test.yaml", text) else {
        return Vec::new();
    };
    mistakes
        .all()
        .iter()
        .map(|m| {
            let place = &text[m.span.offset..m.span.offset + m.span.length];
            format!("{place}: {}: {}", m.message, m.help)
        })
        .collect()
}

/// Checks that the text has exactly this one mistake; `expected` is `underlined|part of message|part of help`.
#[track_caller]
pub(super) fn one(text: &str, expected: &str) {
    let found = mistakes(text);
    let parts: Vec<&str> = expected.split('|').collect();
    assert_eq!(
        found.len(),
        1,
        "expected {expected}\nin {text}\nfound {found:#?}"
    );
    let fits = found[0].starts_with(&format!("{}: ", parts[0]))
        && parts[1..].iter().all(|part| found[0].contains(part));
    assert!(fits, "expected {expected}\nin {text}\nfound {found:#?}");
}

#[test]
fn every_bundled_scenario_has_no_mistake_and_asks_a_question() {
    let files = bundled();
    assert!(files.len() >= 11, "only {} scenarios", files.len());
    for (path, text) in files {
        let scenario = parse(&path.to_string_lossy(), &text)
            .unwrap_or_else(|mistakes| panic!("{}", mistakes.render(false)));
        let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
        assert_eq!(scenario.name, stem);
        assert!(scenario.question.ends_with('?'), "{stem} asks nothing");
        assert!(
            text.starts_with("# yaml-language-server: $schema=scenario.schema.json\n"),
            "{stem} names no schema"
        );
    }
}

#[test]
fn what_is_left_out_has_the_documented_default() {
    let scenario = good(&with(""));
    assert_eq!(scenario.kafka.version.to_string(), "4.1.1");
    assert_eq!(scenario.connect.version, scenario.kafka.version);
    let workers: Vec<&str> = scenario
        .connect
        .workers
        .iter()
        .map(|w| w.as_str())
        .collect();
    assert_eq!(workers, ["w1", "w2", "w3"]);
    assert_eq!(
        scenario.stream,
        StreamSpec {
            lanes: 12,
            rate_per_second: 2_000,
            record_size_bytes: 200
        }
    );
    assert_eq!(
        scenario.timing,
        Timing {
            baseline_ms: 5_000,
            duration_ms: 10_000,
            recovery_wait_ms: 10_000 + 300_000 + 45_000 + 60_000,
            quiet_ms: 2_000,
            drain_ms: 120_000,
        }
    );
    assert_eq!(scenario.expect.phantoms, Some(0));
    assert_eq!(scenario.expect.lost, None);
    assert!(scenario.route.places().all(|place| place.partitions == 12));
}

#[test]
fn what_a_connector_leaves_out_on_purpose_can_be_said() {
    let lost = |text: &str| {
        good(&with(&format!("expect: {{lost: {text}}}\n")))
            .expect
            .lost
    };
    let limit = |at_most, also_before_faults| {
        Some(LossLimit {
            at_most,
            also_before_faults,
        })
    };
    let share = |per_million| Amount::Share { per_million };
    assert_eq!(lost("none"), limit(Amount::Count(0), true));
    assert_eq!(lost("5"), limit(Amount::Count(5), true));
    assert_eq!(lost("{at-most: 5}"), limit(Amount::Count(5), false));
    assert_eq!(
        lost("{at-most: 10 %, also-before-faults: true}"),
        limit(share(100_000), true)
    );
    assert_eq!(
        lost("{at-most: \"0.5%\", also-before-faults: false}"),
        limit(share(5_000), false)
    );
}

#[test]
fn a_tap_that_is_silent_between_batches_gives_the_phases_their_length() {
    let text = |keys: &str| {
        with_route(&format!(
            "  - feed: {{topic: a}}\n  - connector: {{name: m, config: {{connector.class: MirrorSourceConnector}}}}\n  - tap: {{topic: s.a, silent-for: 10m}}\n  - connector: {{name: k, config: {{connector.class: XSink}}}}\n  - tap: {{file: f.txt, silent-for: 3s}}\n{keys}"
        ))
    };
    let scenario = good(&text(""));
    let said: Vec<_> = scenario.route.taps().map(|tap| tap.silent_for_ms).collect();
    assert_eq!(said, [Some(600_000), Some(3_000)]);
    assert_eq!(
        scenario.timing,
        Timing {
            baseline_ms: 1_200_000,
            duration_ms: 10_000,
            recovery_wait_ms: 10_000 + 300_000 + 45_000 + 60_000 + 600_000,
            quiet_ms: 2_000,
            drain_ms: 1_920_000,
        }
    );
    assert_eq!(good(&text("baseline: 5s\n")).timing.baseline_ms, 5_000);
    one(
        &text("drain: 2m\n"),
        "2m|shorter than the quiet|twice the longest `silent-for`: 20m",
    );
}

#[test]
fn a_silence_stands_at_a_tap_and_has_a_unit_and_a_length() {
    let at = |feed: &str, tap: &str| {
        with_route(&format!(
            "  - feed: {{topic: a{feed}}}\n  - connector: {{name: m, config: {{connector.class: MirrorSourceConnector}}}}\n  - tap: {{topic: s.a{tap}}}\n"
        ))
    };
    one(
        &at("", ", silent-for: 10"),
        "10|no duration|write the unit too",
    );
    one(&at("", ", silent-for: 0s"), "0s|no time at all");
    one(
        &at("", ", silentfor: 1s"),
        "silentfor|did you mean `silent-for`?",
    );
    one(
        &at(", silent-for: 1s", ""),
        "silent-for|`feed` has no `silent-for`|say it at the tap",
    );
}

#[test]
fn expectations_are_read_as_words_and_as_numbers() {
    let expect = good(&with(
        "expect: {lost: 0, duplicates: within-flush-bound, order: kept, offsets: honest, overlap: none, recovery: 20s, stops: graceful}\n",
    ))
    .expect;
    assert_eq!(expect.duplicates, Some(DuplicateLimit::WithinFlushBound));
    assert_eq!(
        (expect.lost, expect.order, expect.offsets),
        (Some(LossLimit::anywhere(0)), Some(0), Some(0))
    );
    assert_eq!(
        (expect.overlap_ms, expect.recovery_ms),
        (Some(0), Some(20_000))
    );
    assert_eq!(expect.stops, Some(0));
    let expect = good(&with(
        "expect: {duplicates: 7, order: 3, overlap: 2s, outage: 1m, phantoms: 2}\n",
    ))
    .expect;
    assert_eq!(expect.duplicates, Some(DuplicateLimit::Count(7)));
    assert_eq!((expect.order, expect.phantoms), (Some(3), Some(2)));
    assert_eq!(
        (expect.overlap_ms, expect.outage_ms),
        (Some(2_000), Some(60_000))
    );
    let none = good(&with("expect: {duplicates: none}\n")).expect;
    assert_eq!(none.duplicates, Some(DuplicateLimit::Count(0)));
}

#[test]
fn faults_are_read_with_target_time_and_return() {
    let faults = good(&with(
        "faults:
  - kill: {target: w2, at: 4s, restart-after: never}
  - stop: {owner: mirror-1}
  - stop: {target: {owner: archive-0}, grace: 5s, after-recovery: 1s}
  - rolling: {kill: {restart-after: 1s}, pause: 5s}
  - repeat: {window: 10s..60s, every: 20s +- 2s, do: [{kill: {target: any}}, {stop: {target: leader, after-recovery: 3s}}]}
",
    ))
    .faults;
    let FaultStep::Inject(kill) = &faults[0] else {
        panic!("{faults:?}")
    };
    assert_eq!(kill.start, Start::At(4_000));
    assert_eq!(kill.restart, Restart::Never);
    let FaultStep::Inject(stop) = &faults[1] else {
        panic!("{faults:?}")
    };
    assert_eq!(stop.target, Target::Owner("mirror-1".parse().unwrap()));
    assert_eq!(stop.kind, FaultKind::Stop { grace_ms: 30_000 });
    let FaultStep::Inject(stop) = &faults[2] else {
        panic!("{faults:?}")
    };
    assert_eq!(stop.target, Target::Owner("archive-0".parse().unwrap()));
    assert_eq!(stop.start, Start::AfterRecovery(1_000));
    let FaultStep::Repeat {
        first_ms,
        rounds,
        every_ms,
        jitter_ms,
        steps,
    } = &faults[4]
    else {
        panic!("{faults:?}")
    };
    assert_eq!(
        (*first_ms, *rounds, *every_ms, *jitter_ms),
        (10_000, 3, 20_000, 2_000)
    );
    assert_eq!(steps.len(), 2);
}

#[test]
fn a_pause_and_a_network_loss_end_after_their_time() {
    let faults = good(&with(
        "faults:
  - pause: {target: any, for: 20s, at: 4s}
  - disconnect: {owner: mirror-1, for: 0m 2s, after-recovery: 1s}
  - repeat: {rounds: 2, every: 30s, do: [{pause: {target: w1, for: 500ms}}, {disconnect: {target: leader, for: 1m}}]}
",
    ))
    .faults;
    let read = |step: &InjectStep| (step.kind, step.start, step.restart);
    let FaultStep::Inject(pause) = &faults[0] else {
        panic!("{faults:?}")
    };
    let after = |ms| Restart::After { ms };
    let expected = (FaultKind::Pause, Start::At(4_000), after(20_000));
    assert_eq!(read(pause), expected);
    let FaultStep::Inject(loss) = &faults[1] else {
        panic!("{faults:?}")
    };
    let expected = (
        FaultKind::Disconnect,
        Start::AfterRecovery(1_000),
        after(2_000),
    );
    assert_eq!(read(loss), expected);
    let FaultStep::Repeat { steps, .. } = &faults[2] else {
        panic!("{faults:?}")
    };
    let kinds: Vec<_> = steps.iter().map(|step| (step.kind, step.restart)).collect();
    assert_eq!(
        kinds,
        [
            (FaultKind::Pause, after(500)),
            (FaultKind::Disconnect, after(60_000))
        ]
    );
}

#[test]
fn json_is_read_like_yaml() {
    let json = r#"{"name": "test", "connect": {"workers": 2}, "stream": {"rate": "100/s"},
        "route": [{"feed": {"topic": "a"}},
            {"connector": {"name": "m", "config": {"connector.class": "MirrorSource", "tasks.max": 2}}},
            {"tap": {"topic": "src.a"}}]}"#;
    let scenario = good(json);
    assert_eq!(scenario.connect.workers.len(), 2);
    let stored = serde_json::to_string(&scenario).unwrap();
    assert_eq!(serde_json::from_str::<Scenario>(&stored).unwrap(), scenario);
}

#[test]
fn all_mistakes_are_reported_at_once_in_the_order_of_the_text() {
    let text = "nam: test
connect: {workers: 0}
stream: {rate: 2000, record-size: 10}
route:
  - feed: {topic: orders}
  - connector: {name: mirror, config: {connector.class: MirrorSourceConnector}}
  - tap: {topic: src.orders}
faults:
  - kill: {target: w9, resart-after: 2s}
expect: {lost: -1}
baseline: 5
";
    assert_eq!(
        mistakes(text),
        [
            "nam: `name` is missing in the scenario: add `name:`",
            "nam: unknown key `nam`: did you mean `name`?",
            "0: `workers` must be at least 1: write a whole number from 1 to 99",
            "2000: `2000` is no rate for `rate`: write records per second, such as `2000/s`",
            "10: a record of 10 bytes cannot hold its lane, number and checksum: write at least 40",
            "w9: unknown worker `w9`: this scenario has the workers `w1` to `w1`",
            "resart-after: unknown key `resart-after`: did you mean `restart-after`?",
            "-1: `lost` cannot be `-1`: expected a whole number, `none`, or a map with `at-most` and `also-before-faults`",
            "5: `5` is no duration for `baseline`: write the unit too, such as `5s`",
        ]
    );
}

#[test]
fn an_unknown_key_is_found_at_every_level() {
    for (lines, expected) in MISUSED_KEYS {
        one(&with(lines), expected);
    }
    one(
        &with_route(
            "  - feed: {topik: a}\n  - connector: {name: m, config: {connector.class: MirrorSource}}\n  - tap: {topic: s.a}\n",
        ),
        "topik|did you mean `topic`?",
    );
    one(
        &with_route(
            "  - feed: {topic: a}\n  - connector: {name: m, config: {connector.class: XSource}, offset: {}}\n  - tap: {topic: s.a}\n",
        ),
        "offset|did you mean `offsets`?",
    );
}

#[test]
fn values_of_the_wrong_kind_are_reported_with_what_is_expected() {
    for (lines, expected) in MISUSED_VALUES {
        one(&with(lines), expected);
    }
}

#[test]
fn values_that_only_fail_together_are_reported() {
    for (lines, expected) in [
        (
            "stream: {rate: 10000k/s, record-size: 1KiB}\n",
            "10000k/s|over 1 GiB/s|1048576/s",
        ),
        ("baseline: 0s\n", "0s|too short"),
        ("drain: 1s\n", "1s|shorter than the quiet"),
        ("stream: {record-size: 2MiB}\n", "2MiB|at most 1000000"),
    ] {
        one(&with(lines), expected);
    }
}

#[test]
fn faults_without_sense_are_reported() {
    for (lines, expected) in SENSELESS_FAULTS {
        one(&with(lines), expected);
    }
    let two_of_three = "faults: [{kill: {target: any, restart-after: never}}, {stop: {target: any, restart-after: never}}, {kill: {target: all}}]\n";
    assert_eq!(mistakes(&with(two_of_three)), [""; 0]);
}

#[test]
fn a_guarantee_that_the_route_cannot_measure_is_reported() {
    let route = "  - feed: {topic: a}\n  - connector: {name: m, config: {connector.class: XSource}}\n  - tap: {topic: b}\n";
    let with_expect = |expect: &str| format!("{}expect: {{{expect}}}\n", with_route(route));
    for key in [
        "offsets: honest",
        "unexplained-duplicates: 0",
        "duplicates: within-flush-bound",
    ] {
        let name = key.split(':').next().unwrap();
        one(
            &with_expect(key),
            &format!("{name}|this route cannot measure|add `offsets:"),
        );
    }
    for fine in ["duplicates: 5", "overlap: none", "lost: 0"] {
        assert_eq!(mistakes(&with_expect(fine)), [""; 0]);
    }
    let mapped = with_expect("offsets: honest").replace(
        "config:",
        "offsets: {sequence: /n, names: next-to-send}, config:",
    );
    assert_eq!(mistakes(&mapped), [""; 0]);
}

#[test]
fn a_source_that_makes_its_own_records_needs_no_feed() {
    let scenario = good(&with_route(
        "  - connector: {name: c, config: {connector.class: org.apache.kafka.connect.tools.VerifiableSourceConnector, tasks.max: 4}}\n  - tap: {topic: b}\n",
    ));
    assert_eq!(scenario.route.origin, Origin::Generated);
    assert_eq!(scenario.stream.lanes, 4);
    let (connector, tap) = &scenario.route.legs[0];
    assert_eq!(connector.direction, Direction::Source);
    assert!(
        matches!(&connector.offsets, OffsetMapping::Pointers { sequence, .. } if sequence == "/seqno")
    );
    let whole = || String::new();
    let expected = Decode::Pointers {
        lane: Decoded::Key(whole()),
        sequence: Decoded::Value(whole()),
    };
    assert_eq!(tap.decode, expected);
    assert_eq!(connector.config["throughput"], "500");
}

#[test]
fn kafkas_own_connectors_are_wired_and_others_are_left_alone() {
    let scenario = good(&with("kafka: {brokers: 3}\n"));
    let substitutions = Substitutions {
        bootstrap: "b:1",
        data_folder: Path::new("/data"),
    };
    let mirror = resolve_config(&scenario.route, 0, &substitutions);
    for (key, value) in [
        ("source.cluster.alias", "src"),
        ("source.cluster.bootstrap.servers", "b:1"),
        ("topics", "orders"),
        ("replication.factor", "3"),
        ("tasks.max", "3"),
    ] {
        assert_eq!(mirror[key], value, "{key}");
    }
    let archive = resolve_config(&scenario.route, 1, &substitutions);
    assert_eq!(archive["topics"], "src.orders");
    assert_eq!(archive["file"], "/data/archive.txt");
    assert!(resolve_config(&scenario.route, 2, &substitutions).is_empty());
    let other = "  - feed: {topic: a}\n  - connector: {name: m, direction: source, config: {connector.class: X, to: \"${out}\"}}\n  - tap: {topic: b}\n";
    let scenario = good(&with_route(other));
    assert_eq!(resolve_config(&scenario.route, 0, &substitutions).len(), 2);
    assert_eq!(
        resolve_config(&scenario.route, 0, &substitutions)["to"],
        "b"
    );
}

#[test]
fn an_unknown_name_in_a_configuration_is_reported_with_the_known_ones() {
    let text = with("").replace(
        "FileStreamSink, ",
        "FileStreamSink, x: \"${inn}\", y: \"${in\", z: \"$${topic}\", ",
    );
    let found = mistakes(&text);
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found[0].contains("`${inn}` stands for nothing here") && found[0].contains("`in`"));
    assert!(found[1].contains("without its `}`"));
}

#[test]
fn a_slip_in_the_name_of_one_of_kafkas_connectors_is_reported() {
    let slip = with("").replace("FileStreamSink", "FileStreamSnik");
    one(&slip, "FileStreamSnik|did you mean `FileStreamSink`?");
    let slip = with("").replace(
        "MirrorSourceConnector",
        "org.apache.kafka.connect.mirror.MirorSourceConnector",
    );
    let found = mistakes(&slip);
    assert!(
        found[0].contains("did you mean `org.apache.kafka.connect.mirror.MirrorSourceConnector`?"),
        "{found:#?}"
    );
}

#[test]
fn settings_that_only_the_run_can_know_are_refused() {
    one(
        &with("connect: {config: {listeners: x}}\n"),
        "listeners|not for the scenario",
    );
    one(
        &with("connect: {config: {session.timeout.ms: 6s}}\n"),
        "6s|whole milliseconds",
    );
}

#[test]
fn a_picture_of_a_mistake_underlines_its_place() {
    let text = with("faults:\n  - kill: {target: follower, resart-after: 2s}\n");
    let picture = parse("bounce.yaml", &text).unwrap_err().render(false);
    insta::assert_snapshot!(picture, @r#"
      × unknown key `resart-after`
       ╭─[bounce.yaml:3:30]
     3 │   - kill: {target: follower, resart-after: 2s}
       ·                              ──────┬─────
       ·                                    ╰── did you mean `restart-after`?
       ╰────

    1 mistake in bounce.yaml
    "#);
    let coloured = parse("bounce.yaml", &text).unwrap_err().render(true);
    assert!(coloured.contains('\u{1b}') && !picture.contains('\u{1b}'));
}

#[test]
fn a_help_that_is_too_long_for_its_line_stands_below() {
    let picture = parse("f.yaml", &with("").replace("src.orders", "other"))
        .unwrap_err()
        .render(false);
    insta::assert_snapshot!(picture, @r#"
      × MirrorSource does not write to `other`
       ╭─[f.yaml:6:18]
     6 │   - tap: {topic: other}
       ·                  ─────
       ╰────
      help: it puts its source's alias before the topic: call the tap `src.orders`

    1 mistake in f.yaml
    "#);
}

#[test]
fn mistakes_are_also_told_in_json_and_in_lines() {
    let mistakes = parse("f.yaml", &with("duraton: 3s\n")).unwrap_err();
    let json = mistakes.to_json();
    assert_eq!(json["source"], "f.yaml");
    assert_eq!(json["mistakes"][0]["line"], 2);
    assert_eq!(json["mistakes"][0]["column"], 1);
    assert_eq!(json["mistakes"][0]["span"]["length"], 7);
    assert_eq!(
        mistakes.to_string(),
        "f.yaml:2:1: unknown key `duraton`: did you mean `duration`?"
    );
}

#[test]
fn the_shipped_schema_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/scenario.schema.json");
    let expected = format!("{:#}\n", json_schema());
    if std::env::var_os("SQUALL_UPDATE_SCHEMA").is_some() {
        std::fs::write(&path, &expected).unwrap();
    }
    let shipped = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        shipped == expected,
        "run this test with SQUALL_UPDATE_SCHEMA=1 to write it anew"
    );
}

/// The whole of what must be true of any text.
fn check_any(text: &str) {
    let Err(mistakes) = parse("any", text) else {
        return;
    };
    assert!(!mistakes.all().is_empty());
    for mistake in mistakes.all() {
        let end = mistake.span.offset + mistake.span.length;
        assert!(
            text.get(mistake.span.offset..end).is_some(),
            "{mistake:?} in {text:?}"
        );
        assert!(!mistake.help.is_empty() && !mistake.message.is_empty());
    }
    mistakes.render(false);
}

pub(super) fn damaged_scenario() -> impl Strategy<Value = String> {
    let texts: Vec<String> = bundled().into_iter().map(|(_, text)| text).collect();
    let pieces = vec![
        "", "x", "0", "-1", "w9", "[", "}", ": ", "\n", "never", "±", "*a", "&a ", "null",
    ];
    (
        prop::sample::select(texts),
        0.0..1.0_f64,
        0_usize..12,
        prop::sample::select(pieces),
    )
        .prop_map(|(text, at, length, piece)| {
            let characters: Vec<char> = text.chars().collect();
            let from = (characters.len() as f64 * at) as usize;
            let to = (from + length).min(characters.len());
            let head: String = characters[..from].iter().collect();
            let tail: String = characters[to..].iter().collect();
            format!("{head}{piece}{tail}")
        })
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic_and_every_place_lies_in_the_text(text in "\\PC*") {
        check_any(&text);
    }

    #[test]
    fn no_text_of_yamls_own_signs_makes_the_parser_panic(text in "[-a-b:{}\\[\\]&*!|>'\"%@?,# \n\t~0-9.]{0,60}") {
        check_any(&text);
    }

    #[test]
    fn no_damaged_scenario_makes_the_parser_panic(text in damaged_scenario()) {
        check_any(&text);
    }
}

#[test]
fn a_second_colon_in_a_text_is_told_to_be_quoted() {
    let mistakes = parse("x.yaml", "name: x\nquestion: Does it: work\n").unwrap_err();
    let help = &mistakes.all()[0].help;
    assert!(help.contains("`question: \"Does it: work\"`"), "{help}");
    let mistakes = parse("x.yaml", "name: x\n- question\n").unwrap_err();
    assert!(!mistakes.all()[0].help.contains("quotes"));
}
