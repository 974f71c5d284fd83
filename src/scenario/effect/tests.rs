//! What is said of settings where they stand, by whole scenarios.

use super::super::{parse, warnings};

/// A scenario of this release with these worker settings and those of a mirror, an archive and a connector of somebody.
fn text(version: &str, worker: &str, mirror: &str, archive: &str, foreign: &str) -> String {
    format!(
        "name: t
kafka: {{version: {version}}}
connect:
  config: {{{worker}}}
route:
  - feed: {{topic: orders}}
  - connector: {{name: m, config: {{connector.class: MirrorSourceConnector, {mirror}}}}}
  - tap: {{topic: src.orders}}
  - connector: {{name: s, config: {{connector.class: {foreign}}}}}
  - tap: {{file: archive.txt}}
",
        foreign = match foreign {
            "" => format!("FileStreamSink, {archive}"),
            foreign => format!("com.example.MySinkConnector, {foreign}"),
        }
    )
}

/// What is said of the text: mistakes, or else warnings, each as its key or value, its message and its help.
fn said(text: &str) -> Vec<String> {
    let told = match parse("t.yaml", text) {
        Err(mistakes) => mistakes.all().to_vec(),
        Ok(_) => warnings("t.yaml", text, None)
            .map(|told| told.all().to_vec())
            .unwrap_or_default(),
    };
    let line = |told: &crate::scenario::Mistake| {
        let from = told.span.offset;
        let at = &text[from..from + told.span.length];
        format!("{at} | {} | {}", told.message, told.help)
    };
    told.iter().map(line).collect()
}

fn is_mistake(text: &str) -> bool {
    parse("t.yaml", text).is_err()
}

fn at_workers(setting: &str) -> String {
    text("4.1.1", setting, "", "", "")
}

fn check(text: &str, mistake: bool, words: &[&str]) {
    let said = said(text);
    assert_eq!(is_mistake(text), mistake, "{said:#?}");
    let [only] = &said[..] else {
        panic!("{said:#?} for {text}");
    };
    for word in words {
        assert!(only.contains(word), "{word} is not in {only}");
    }
}

#[test]
fn what_a_worker_ignores_for_certain_is_a_mistake_at_its_name() {
    for (setting, help) in [
        (
            "scheduled.rebalance.delay.max.ms: 1000",
            "did you mean `scheduled.rebalance.max.delay.ms`?",
        ),
        ("tasks.max: 3", "move it into the `config` of a connector"),
        (
            "consumer.override.session.timeout.ms: 6000",
            "write `consumer.session.timeout.ms` here",
        ),
        ("consumer.linger.ms: 5", "write `producer.linger.ms`"),
        (
            "consumer.max.poll.recrods: 5",
            "did you mean `consumer.max.poll.records`?",
        ),
        (
            "consumers.session.timeout.ms: 6000",
            "did you mean `consumer.session.timeout.ms`?",
        ),
        (
            "producer.offset.flush.interval.ms: 5",
            "under `connect.config`",
        ),
        (
            "topic.creation.default.partitions: 3",
            "move it into the `config` of a connector",
        ),
        (
            "errors.tolerance: all",
            "move it into the `config` of a connector",
        ),
    ] {
        let name = setting.split(':').next().unwrap();
        check(&at_workers(setting), true, &[&format!("{name} | "), help]);
    }
}

#[test]
fn what_connect_refuses_at_a_worker_is_a_mistake_at_its_value() {
    for (setting, at, words) in [
        (
            "connect.protocol: cooperative",
            "cooperative | ",
            "`eager`, `compatible`, `sessioned`",
        ),
        (
            "offset.flush.interval.ms: 1s",
            "1s | ",
            "write whole milliseconds",
        ),
        (
            "session.timeout.ms: -6000",
            "-6000 | ",
            "write whole milliseconds",
        ),
        ("consumer.max.poll.records: 0", "0 | ", "write at least 1"),
        (
            "heartbeat.interval.ms: 20000",
            "20000 | ",
            "a session of 10000 ms",
        ),
        (
            "consumer.heartbeat.interval.ms: 45000",
            "45000 | ",
            "a session of 45000 ms",
        ),
        (
            "session.timeout.ms: 3000, heartbeat.interval.ms: 1000",
            "3000 | ",
            "no shorter one than 6000",
        ),
    ] {
        check(&at_workers(setting), true, &[at, words]);
    }
}

#[test]
fn what_a_worker_may_ignore_is_a_warning() {
    for (setting, words) in [
        ("linger.ms: 5", "`producer.linger.ms`"),
        ("max.poll.records: 5", "`consumer.max.poll.records`"),
        ("internal.key.converter: a.B", "since 3.0"),
        (
            "scheduled.rebalance.delay.ms: 1000",
            "did you mean `scheduled.rebalance.max.delay.ms`?",
        ),
        ("metrics.jmx.whitelist: a", ""),
    ] {
        if words.is_empty() {
            assert!(said(&at_workers(setting)).is_empty(), "{setting}");
        } else {
            check(&at_workers(setting), false, &[words]);
        }
    }
}

#[test]
fn settings_of_other_releases_are_told_and_what_exactly_once_rests_on_is_a_mistake() {
    let plugin = text("3.5.1", "plugin.discovery: service_load", "", "", "");
    check(
        &plugin,
        false,
        &["Connect 3.5.1 has no `plugin.discovery`", "came with 3.6"],
    );
    let eos = text("3.2.0", "exactly.once.source.support: enabled", "", "", "");
    check(&eos, true, &["came with 3.3"]);
    let boundary = text("3.2.0", "", "transaction.boundary: poll", "", "");
    check(&boundary, true, &["came with 3.3"]);
    let gone = text("4.1.1", "auto.include.jmx.reporter: true", "", "", "");
    check(&gone, false, &["gone since 4.0"]);
}

#[test]
fn what_a_connector_of_kafkas_ignores_is_a_mistake() {
    for (setting, words) in [
        (
            "offset.flush.interval.ms: 1000",
            "move it to `connect.config`",
        ),
        (
            "consumer.max.poll.records: 5",
            "write `consumer.override.max.poll.records`",
        ),
        (
            "max.poll.records: 5",
            "write `consumer.override.max.poll.records`",
        ),
        (
            "consumer.override.max.poll.record: 5",
            "did you mean `consumer.override.max.poll.records`?",
        ),
        (
            "consumer.overide.max.poll.records: 5",
            "did you mean `consumer.override.max.poll.records`?",
        ),
        ("task.max: 5", "did you mean `tasks.max`?"),
        ("errors.tolerence: all", "did you mean `errors.tolerance`?"),
        (
            "errors.retry.timeout: 1s",
            "`errors.retry.timeout` cannot be `1s`",
        ),
        ("transaction.boundary: poll", "a sink ignores it"),
        (
            "consumer.override.heartbeat.interval.ms: 50000",
            "a session of 45000 ms",
        ),
    ] {
        check(&text("4.1.1", "", "", setting, ""), true, &[words]);
    }
    let unknown = text("4.1.1", "", "", "batch.sizes: 7", "");
    check(
        &unknown,
        false,
        &["FileStreamSink does not know `batch.sizes`"],
    );
    let mirror = text("4.1.1", "", "errors.deadletterqueue.topic.name: d", "", "");
    check(&mirror, true, &["a source ignores it"]);
}

#[test]
fn of_a_connector_of_others_only_what_is_connects_alone_is_a_mistake() {
    for (setting, mistake, words) in [
        (
            "offset.flush.interval.ms: 1000",
            true,
            "move it to `connect.config`",
        ),
        (
            "exactly.once.source.support: enabled",
            true,
            "move it to `connect.config`",
        ),
        (
            "errors.tolerence: all",
            false,
            "did you mean `errors.tolerance`?",
        ),
        (
            "consumer.max.poll.records: 5",
            false,
            "write `consumer.override.max.poll.records`",
        ),
        (
            "producer.override.linger.ms: 5",
            false,
            "a sink's tasks have no producer",
        ),
    ] {
        check(&text("4.1.1", "", "", "", setting), mistake, &[words]);
    }
}

#[test]
fn legal_settings_are_taken_without_a_word() {
    let worker = "config.providers: file, config.providers.file.class: a.B, config.providers.file.param.x: y, \
        consumer.session.timeout.ms: 6000, consumer.interceptor.classes: a.B, my.interceptor.url: 'http://x', \
        producer.compression.type: lz4, admin.request.timeout.ms: 5000, rest.extension.classes: a.B, \
        acme.rest.auth.enabled: true, metric.reporters: a.B, acme.reporter.interval: 5, \
        offset.storage.cleanup.policy: compact, config.storage.min.insync.replicas: 1, key.converter: a.B, \
        key.converter.schemas.enable: false, value.converter.schema.registry.url: x, \
        connector.client.config.override.policy: All, admin.listeners: 'http://127.0.0.1:9999', \
        exactly.once.source.support: enabled, \
        listeners.https.ssl.keystore.location: /x, connections.max.idle.ms: -1, \
        session.timeout.ms: '${file:/x:y}', heartbeat.interval.ms: '${file:/x:z}', metrics.context.a: b";
    let mirror = "source.consumer.max.poll.records: 5, producer.override.linger.ms: 5, topics: '${in}', \
        refresh.topics.interval.seconds: 1, sync.topic.configs.enabled: false, consumer.poll.timeout.ms: 10, \
        transforms: a, transforms.a.type: x.Y, predicates: p, predicates.p.type: x.Y, \
        topic.creation.default.partitions: 3, topic.creation.default.replication.factor: 1, \
        exactly.once.support: required, transaction.boundary: INTERVAL, offset.lag.max: 5";
    let foreign = "heartbeat.interval.ms: 100000, retry.backoff.ms: 5, connection.url: 'jdbc:x', max.retries: 3, \
        batch.size: 100, security.protocol: SSL, listeners: 'http://x', topics: src.orders, table.name.format: t, \
        database.hostname: x, errors.deadletterqueue.topic.name: d, producer.override.linger.ms: 5, \
        errors.deadletterqueue.topic.replication.factor: 1, \
        consumer.override.auto.offset.reset: 'by_duration:PT1H', consumer.override.max.poll.records: 7";
    assert_eq!(
        said(&text("4.1.1", worker, mirror, "errors.tolerance: ALL", "")),
        [""; 0]
    );
    assert_eq!(said(&text("4.1.1", worker, mirror, "", foreign)), [""; 0]);
}

#[test]
fn a_warning_has_its_place_and_does_not_fail_a_scenario() {
    let text = at_workers("linger.ms: 5");
    let told = warnings("t.yaml", &text, None).unwrap();
    assert!(
        told.lines()[0].starts_with("t.yaml:4:12: `linger.ms` reaches"),
        "{told}"
    );
    assert!(
        told.render(false).contains("1 warning in t.yaml"),
        "{}",
        told.render(false)
    );
    assert_eq!(told.to_json()["warnings"][0]["line"], 4);
}

fn taken(text: &str) -> crate::scenario::Scenario {
    parse("t.yaml", text).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

const FILE_PROVIDER: &str = "config.providers: file, \
    config.providers.file.class: org.apache.kafka.common.config.provider.FileConfigProvider";

#[test]
fn what_a_configuration_provider_gives_is_taken() {
    let provided = "\"${file:/x:y}\"";
    let worker = format!("{FILE_PROVIDER}, offset.flush.interval.ms: {provided}");
    let mirror = format!("tasks.max: {provided}");
    let faults = "faults:\n  - kill: {owner: m-2}\n";
    let scenario = taken(&(text("4.1.1", &worker, &mirror, "", "") + faults));
    let connectors: Vec<_> = scenario.route.connectors().collect();
    assert!(connectors[0].tasks_are_provided() && !connectors[1].tasks_are_provided());
    assert_eq!(
        scenario.connect.time_ms("offset.flush.interval.ms"),
        Some(60_000)
    );
    let given = text("4.1.1", "", "tasks.max: 2", "", "") + faults;
    assert!(is_mistake(&given));
}

#[test]
fn a_sink_with_a_pattern_of_topics_gets_no_topics_beside_it() {
    let config = |archive: &str| {
        let scenario = taken(&text("4.1.1", "", "", archive, ""));
        let connector = scenario.route.connectors().last().cloned();
        connector
            .map(|connector| connector.config)
            .unwrap_or_default()
    };
    assert!(!config("topics.regex: 'src[.].*'").contains_key("topics"));
    assert!(config("topics.regex: 'src[.].*'").contains_key("file"));
    assert_eq!(config("tasks.max: 1")["topics"], "${in}");
}

#[test]
fn a_mirror_with_a_transform_may_write_to_any_topic() {
    let mirror = "transforms: r, transforms.r.type: org.apache.kafka.connect.transforms.RegexRouter, \
        transforms.r.regex: 'src[.](.*)', transforms.r.replacement: 'renamed-$1'";
    let renamed = text("4.1.1", "", mirror, "", "").replace("src.orders}", "renamed-orders}");
    let scenario = taken(&renamed);
    let connector = scenario.route.connectors().next().cloned();
    assert_eq!(
        connector
            .map(|c| c.config["source.cluster.alias"].clone())
            .as_deref(),
        Some("src")
    );
    let plain = text("4.1.1", "", "", "", "").replace("src.orders}", "renamed-orders}");
    assert!(is_mistake(&plain));
}

#[test]
fn a_list_and_the_settings_behind_it_belong_together() {
    for (setting, mistake, words) in [
        (
            "transforms: 'a,b', transforms.a.type: x.Y",
            true,
            "there is no `transforms.b.type`",
        ),
        (
            "transforms: 'a,a', transforms.a.type: x.Y",
            true,
            "names `a` twice",
        ),
        (
            "transforms: a, transforms.a.type: x.Y, transforms.b.type: x.Y",
            false,
            "`transforms` does not name `b`",
        ),
        (
            "transforms.b.type: x.Y, transforms.b.field: z",
            false,
            "`transforms` does not name `b`",
        ),
        (
            "transforms: a, transforms.a.type: x.Y, transforms.a.predicate: p",
            true,
            "no predicate is called `p`",
        ),
        (
            "transforms: a, transforms.a.type: x.Y, transforms.a.negate: true",
            true,
            "without `transforms.a.predicate`",
        ),
        ("predicates: p", true, "there is no `predicates.p.type`"),
    ] {
        check(&text("4.1.1", "", "", setting, ""), mistake, &[words]);
    }
    let provided = text(
        "4.1.1",
        FILE_PROVIDER,
        "",
        "transforms: '${file:/x:y}', transforms.a.type: x.Y",
        "",
    );
    assert_eq!(said(&provided), [""; 0]);
}

#[test]
fn groups_of_topics_and_providers_belong_to_what_names_them() {
    let copies =
        "topic.creation.default.partitions: 1, topic.creation.default.replication.factor: 1";
    for (mirror, mistake, words) in [
        (
            "topic.creation.groups: g, topic.creation.g.include: a, topic.creation.default.partitions: 1",
            true,
            "without `topic.creation.default.replication.factor`",
        ),
        (
            &format!("{copies}, topic.creation.g.include: a"),
            false,
            "`topic.creation.groups` does not name `g`",
        ),
    ] {
        check(&text("4.1.1", "", mirror, "", ""), mistake, &[words]);
    }
    let off = text("4.1.1", "topic.creation.enable: false", copies, "", "");
    check(&off, true, &["the workers create no topics"]);
    let nobody = at_workers("config.providers: file");
    check(
        &nobody,
        true,
        &["there is no `config.providers.file.class`"],
    );
    let unlisted = at_workers("config.providers.file.class: a.B");
    check(
        &unlisted,
        false,
        &["`config.providers` does not name `file`"],
    );
}

#[test]
fn a_provider_that_no_worker_has_leaves_the_text_as_it_is() {
    let nobody = "no worker has a configuration provider `file`";
    let tasks = "tasks.max: '${file:/x:y}'";
    check(
        &text("4.1.1", "", tasks, "", ""),
        true,
        &["${file:/x:y}", nobody],
    );
    check(
        &at_workers("offset.flush.interval.ms: '${file:/x:y}'"),
        true,
        &[nobody],
    );
    let url = text("4.1.1", "", "", "", "connection.url: '${file:/x:y}'");
    check(&url, false, &[nobody]);
    for setting in [
        "name.template: 'dir-${timestamp:unit=yyyy}'",
        "config.providers: file, config.providers.file.class: a.B, connection.url: '${file:/x:y}'",
        "note: '$${file:/x:y}'",
    ] {
        assert_eq!(
            said(&text("4.1.1", "", "", "", setting)),
            [""; 0],
            "{setting}"
        );
    }
}

#[test]
fn what_others_beside_it_make_impossible_is_a_mistake() {
    let policy = |which: &str| format!("connector.client.config.override.policy: {which}");
    let poll = "consumer.override.max.poll.records: 5";
    check(
        &text("4.1.1", &policy("None"), "", poll, ""),
        true,
        &["policy` is `None`"],
    );
    check(
        &text("4.1.1", &policy("Principal"), "", poll, ""),
        true,
        &["is refused"],
    );
    let login = "consumer.override.sasl.mechanism: PLAIN";
    assert_eq!(
        said(&text("4.1.1", &policy("Principal"), "", login, "")),
        [""; 0]
    );
    let enabled = "exactly.once.source.support: enabled";
    for (worker, mirror, mistake, words) in [
        (
            "",
            "exactly.once.support: required",
            true,
            "`exactly.once.support: required` is refused",
        ),
        (
            "",
            "transaction.boundary: poll",
            false,
            "has no effect without `exactly.once.source.support: enabled`",
        ),
        (
            enabled,
            "transaction.boundary.interval.ms: 500",
            false,
            "without `transaction.boundary: interval`",
        ),
        (
            enabled,
            "producer.override.acks: 1",
            true,
            "an exactly-once producer refuses that",
        ),
        (
            enabled,
            "producer.override.transactional.id: x",
            true,
            "Connect sets it itself",
        ),
    ] {
        check(&text("4.1.1", worker, mirror, "", ""), mistake, &[words]);
    }
    let new = "consumer.override.group.protocol: consumer";
    let session = "consumer.session.timeout.ms: 6000";
    check(
        &text("4.1.1", session, "", new, ""),
        true,
        &["`consumer.session.timeout.ms` beside"],
    );
    let both = format!("{new}, consumer.override.session.timeout.ms: 6000");
    check(
        &text("4.1.1", "", "", &both, ""),
        true,
        &["`consumer.override.session.timeout.ms` beside"],
    );
    assert_eq!(said(&text("4.1.1", "", "", new, "")), [""; 0]);
}

#[test]
fn what_waits_for_another_setting_is_told() {
    for (archive, mistake, words) in [
        (
            "errors.deadletterqueue.context.headers.enable: true",
            false,
            "without `errors.deadletterqueue.topic.name`",
        ),
        (
            "errors.log.include.messages: true",
            false,
            "without `errors.log.enable: true`",
        ),
        (
            "errors.deadletterqueue.topic.name: d",
            true,
            "add `errors.deadletterqueue.topic.replication.factor: 1`",
        ),
    ] {
        check(&text("4.1.1", "", "", archive, ""), mistake, &[words]);
    }
    let schemas = text("4.1.1", "", "", "", "value.converter.schemas.enable: false");
    check(&schemas, false, &["without `value.converter` beside it"]);
    let archive = text("4.1.1", "", "", "value.converter.schemas.enable: false", "");
    assert_eq!(said(&archive), [""; 0]);
    let capitals = at_workers("Offset.Flush.Interval.Ms: 1000");
    check(
        &capitals,
        true,
        &["did you mean `offset.flush.interval.ms`?"],
    );
}
