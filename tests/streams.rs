//! Connectors that are slow, change what they are given or are refused: none is taken for a fault of the machine or a loss.
#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod common;

use common::{Running, answer, one_cluster, tap};
use serde_json::Value;
use squall::journal::RunFolder;

/// A short run of one connector or two, with nothing broken.
fn control(name: &str, lines: &str, legs: &str) -> String {
    format!(
        "name: {name}
question: Is everything in order when nothing is broken?
connect:
  workers: 1
  config: {{offset.flush.interval.ms: 1000, scheduled.rebalance.max.delay.ms: 1000, session.timeout.ms: 6000}}
stream: {{lanes: 2, rate: 400/s, record-size: 100}}
baseline: 2s
duration: 1s
{lines}route:
  - feed: {{topic: orders, partitions: 2}}
{legs}faults: []
expect: {{lost: 0, unexplained-duplicates: 0, order: kept}}
"
    )
}

/// A sink whose consumer has its broker gather records for three seconds, so that it writes once in that time.
const SLOW_SINK: &str = "  - connector: {name: archive, config: {connector.class: FileStreamSink, consumer.override.fetch.min.bytes: 50000000, consumer.override.fetch.max.wait.ms: 3000}}\n";

fn notes(result: &Value, run: &Running) -> String {
    assert_eq!(result["verdict"], "held", "{}", run.story());
    run.stderr()
}

#[test]
fn a_sink_that_writes_every_three_seconds_loses_nothing() {
    let _turn = one_cluster();
    let legs = format!("{SLOW_SINK}  - tap: {{file: archive.txt}}\n");
    let (run, code, result) = Running::to_verdict(&control("slow", "", &legs), &[]);
    assert_eq!(code, 0, "{}", run.story());
    let told = notes(&result, &run);
    assert!(
        told.contains("tap archive.txt is silent for up to 3."),
        "{told}"
    );
    let ledger = tap(&result, "archive.txt");
    assert_eq!(ledger["lost"], 0);
    assert!(ledger["expected"].as_u64().unwrap() > 1_500, "{ledger}");
}

#[test]
fn records_that_arrive_wrapped_end_the_run_and_name_what_to_set() {
    let _turn = one_cluster();
    let legs = "  - connector: {name: mirror, config: {connector.class: MirrorSourceConnector, value.converter: org.apache.kafka.connect.json.JsonConverter}}\n  - tap: {topic: src.orders}\n";
    let mut run = Running::start(&control("wrapped", "", legs), &[]);
    let (code, result) = run.judged();
    assert_eq!(code, 4, "{}", run.story());
    let told = run.stdout();
    for part in [
        "tap src.orders gets records that contain a fed one",
        "connector mirror writes them as JSON with their schema",
        "ByteArrayConverter",
    ] {
        assert!(
            told.split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
                .contains(part),
            "{part}: {told}"
        );
    }
    assert_eq!(tap(&result, "src.orders")["phantom"], 3);
}

#[test]
fn what_connect_refuses_is_a_mistake_of_the_scenario_at_its_line() {
    let _turn = one_cluster();
    let legs = "  - connector: {name: archive, config: {connector.class: FileStreamSink, transforms: t, transforms.t.type: no.such.Transform}}\n  - tap: {file: archive.txt}\n";
    let mut run = Running::start(&control("refused", "", legs), &[]);
    let (code, result) = run.judged();
    assert_eq!(code, 2, "{}", run.story());
    let told = run.stderr();
    for part in [
        "Kafka Connect does not take `transforms.t.type`",
        "could not be found",
        "scenario.yaml:11:",
        "1 mistake in",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert_eq!(run.stdout(), "", "no verdict is printed");
    assert_eq!(result["guarantees"].as_array().unwrap().len(), 0);
    assert_eq!(result["verdict"], "inconclusive");
}

/// What a configuration provider reads on the workers' machine.
const PROVIDED: &str = "flush=1000\ntasks=2\ngroup=archivists\n";

/// A scenario with what only the running cluster knows: values of a provider, a group and client ids of somebody's
/// choice, a pattern of topics, and a mirror that renames.
fn as_people_have_it(file: &str) -> String {
    format!(
        "name: provided
question: Does it hold with the settings that people have?
connect:
  workers: 2
  config:
    config.providers: file
    config.providers.file.class: org.apache.kafka.common.config.provider.FileConfigProvider
    offset.flush.interval.ms: \"${{file:{file}:flush}}\"
    scheduled.rebalance.max.delay.ms: 1000
    session.timeout.ms: 6000
    consumer.session.timeout.ms: 6000
    consumer.client.id: reader
stream: {{lanes: 4, rate: 400/s, record-size: 100}}
baseline: 3s
route:
  - feed: {{topic: orders, partitions: 4}}
  - connector:
      name: mirror
      config:
        connector.class: MirrorSourceConnector
        tasks.max: \"${{file:{file}:tasks}}\"
        topics: ord.*
        transforms: rename
        transforms.rename.type: org.apache.kafka.connect.transforms.RegexRouter
        transforms.rename.regex: src[.](.*)
        transforms.rename.replacement: renamed-$1
  - tap: {{topic: renamed-orders}}
  - connector:
      name: archive
      config:
        connector.class: FileStreamSink
        tasks.max: \"${{file:{file}:tasks}}\"
        topics.regex: renamed-.*
        consumer.override.group.id: \"${{file:{file}:group}}\"
  - tap: {{file: archive.txt}}
faults:
  - kill: {{owner: mirror-1, restart-after: 1s}}
expect: {{lost: 0, unexplained-duplicates: 0, duplicates: within-flush-bound, order: kept}}
"
    )
}

#[test]
fn what_only_the_running_cluster_knows_is_asked_of_it() {
    let _turn = one_cluster();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("provided.properties");
    std::fs::write(&file, PROVIDED).unwrap();
    let scenario = as_people_have_it(file.to_str().unwrap());
    let (run, code, result) = Running::to_verdict(&scenario, &[]);
    assert_eq!(code, 0, "{}", run.story());
    let told = notes(&result, &run);
    assert!(!told.contains('⚠'), "{told}");
    assert_eq!(answer(&result, "duplicates"), "held");
    let info = RunFolder::open(&run.folder()).unwrap().info().unwrap();
    assert_eq!(info.worker_config["offset.flush.interval.ms"], "1000");
    let connectors: Vec<_> = info.scenario.route.connectors().collect();
    assert!(
        connectors
            .iter()
            .all(|connector| connector.tasks_max() == 2)
    );
    assert_eq!(connectors[1].sink_group(&info.worker_config), "archivists");
    // The text of the scenario is what was sent.
    assert!(connectors[0].config["tasks.max"].starts_with("${file:"));
    let sink = &result["taps"][1];
    assert!(sink["expected"].as_u64().unwrap() > 1_500, "{sink}");
}
