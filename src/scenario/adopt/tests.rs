//! Somebody's files, good and bad, and the scenarios made of them.

use crate::model::{Direction, Medium};
use crate::scenario::{Scenario, parse};

use super::{Adopted, Around, Source, adopt};

/// `config/connect-distributed.properties` of Kafka's own distribution, without its comments.
const SAMPLE: &str = "# a comment\nbootstrap.servers=localhost:9092\ngroup.id=connect-cluster\n\
key.converter=org.apache.kafka.connect.json.JsonConverter\nvalue.converter=org.apache.kafka.connect.json.JsonConverter\n\
key.converter.schemas.enable=true\nvalue.converter.schemas.enable=true\noffset.storage.topic=connect-offsets\n\
offset.storage.replication.factor=1\nconfig.storage.topic=connect-configs\nconfig.storage.replication.factor=1\n\
status.storage.topic=connect-status\nstatus.storage.replication.factor=1\noffset.flush.interval.ms=10000\n\
#listeners=HTTP://:8083\n#plugin.path=/usr/share/java\n";

const SECRET: &str = "hunter2";

fn around() -> Around<'static> {
    Around {
        hides: &|name, value| name.contains("password") || value.contains("password="),
        plugins_in: &|path| match path {
            "/usr/share/java" => vec![format!("{path}/a"), format!("{path}/b.jar")],
            _ => Vec::new(),
        },
    }
}

fn made(worker: Option<&str>, connector: Option<(&str, &str)>) -> Adopted {
    outcome(worker, connector).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

fn outcome(worker: Option<&str>, connector: Option<(&str, &str)>) -> Result<Adopted, String> {
    let worker = worker.map(|text| Source {
        name: "worker.properties",
        text,
    });
    let connector = connector.map(|(name, text)| Source { name, text });
    adopt(worker, connector, &around()).map_err(|wrong| {
        let texts: Vec<String> = wrong.iter().map(ToString::to_string).collect();
        texts.join("\n")
    })
}

fn scenario(adopted: &Adopted) -> Scenario {
    parse("scenario.yaml", &adopted.text).unwrap()
}

fn note(adopted: &Adopted, part: &str) {
    let found = adopted.notes.iter().any(|note| note.contains(part));
    assert!(found, "{part} is not said in\n{}", adopted.notes.join("\n"));
    assert!(
        adopted.text.contains(part),
        "{part} is not a comment in\n{}",
        adopted.text
    );
}

fn route(scenario: &Scenario) -> String {
    let places = scenario.route.places().map(|place| match &place.medium {
        Medium::Topic(name) => format!("topic {name}"),
        Medium::File(name) => format!("file {name}"),
    });
    places.collect::<Vec<_>>().join(" → ")
}

#[test]
fn kafkas_own_sample_becomes_a_scenario_and_what_is_left_out_is_said() {
    let adopted = made(Some(SAMPLE), None);
    let scenario = scenario(&adopted);
    let kept: Vec<&str> = scenario.connect.config.keys().map(String::as_str).collect();
    assert_eq!(
        kept,
        [
            "key.converter",
            "key.converter.schemas.enable",
            "offset.flush.interval.ms",
            "value.converter",
            "value.converter.schemas.enable"
        ]
    );
    note(
        &adopted,
        "left out of worker.properties: `bootstrap.servers` (the run starts its own brokers)",
    );
    note(
        &adopted,
        "`group.id`, `offset.storage.topic`, `config.storage.topic`, `status.storage.topic` (each run has",
    );
    note(&adopted, "`key.converter` and `value.converter` is kept");
    assert_eq!(route(&scenario), "topic orders → topic src.orders");
}

#[test]
fn clients_keep_their_times_and_lose_their_logins() {
    let text = format!(
        "security.protocol=SASL_SSL\nsasl.jaas.config=x password=\"{SECRET}\";\nproducer.sasl.mechanism=PLAIN\n\
         consumer.session.timeout.ms=6000\nproducer.linger.ms=5\nconsumer.bootstrap.servers=a:1\n\
         listeners=https://:8083\nrest.extension.classes=x.Basic\nadmin.listeners.https.ssl.key.password={SECRET}\n\
         plugin.path=/usr/share/java, /opt/gone,plugins\n"
    );
    let adopted = made(Some(&text), None);
    let scenario = scenario(&adopted);
    let kept: Vec<&str> = scenario.connect.config.keys().map(String::as_str).collect();
    assert_eq!(kept, ["consumer.session.timeout.ms", "producer.linger.ms"]);
    assert_eq!(scenario.connect.plugins.len(), 2);
    note(
        &adopted,
        "what is in /usr/share/java became `connect.plugins`",
    );
    note(&adopted, "no plugin is in /opt/gone on this machine");
    note(&adopted, "`rest.extension.classes`");
    assert!(!adopted.text.contains(SECRET), "{}", adopted.text);
}

#[test]
fn a_connector_is_taken_as_it_is_posted_answered_or_written_alone() {
    let settings = r#""connector.class": "FileStreamSink", "tasks.max": 2, "topics": "orders,more", "file": "/tmp/out.txt", "x": null"#;
    let properties = "name=archive\nconnector.class=FileStreamSink\ntasks.max=2\ntopics=orders,more\nfile=/tmp/out.txt\n";
    for (file, text) in [
        (
            "c.json",
            format!(r#"{{"name": "archive", "config": {{{settings}}}}}"#),
        ),
        (
            "c.json",
            format!(
                r#"{{"name": "archive", "initial_state": "STOPPED", "config": {{"name": "archive", {settings}}}, "tasks": [], "type": "sink"}}"#
            ),
        ),
        (
            "c.json",
            format!("{{\n\t\"name\": \"archive\",\n\t{settings}\n}}"),
        ),
        ("archive.json", format!("{{{settings}}}")),
        ("archive.properties", properties.to_owned()),
    ] {
        let adopted = made(None, Some((file, &text)));
        let scenario = scenario(&adopted);
        let connector = scenario.route.connectors().next().unwrap();
        assert_eq!(connector.name.as_str(), "archive", "{text}");
        assert_eq!(connector.tasks_max(), 2);
        assert_eq!(route(&scenario), "topic orders → file out.txt");
        assert_eq!(connector.config["topics"], "${in}");
        note(&adopted, "`topics` is \"${in}\" now");
    }
}

#[test]
fn each_kind_of_connector_gets_places_that_fit_it() {
    for (settings, places) in [
        (
            r#""connector.class": "org.apache.kafka.connect.mirror.MirrorSourceConnector", "source.cluster.alias": "primary", "source.cluster.bootstrap.servers": "a:1", "source.cluster.sasl.jaas.config": "x", "topics": "orders.*", "replication.factor": 3, "replication.policy.class": "org.apache.kafka.connect.mirror.IdentityReplicationPolicy""#,
            "topic orders → topic primary.orders",
        ),
        (
            r#""connector.class": "FileStreamSource", "file": "in/orders.txt", "topic": "orders""#,
            "file orders.txt → topic orders",
        ),
        (
            r#""connector.class": "VerifiableSource", "topic": "numbers", "tasks.max": "2""#,
            "topic numbers",
        ),
        (
            r#""connector.class": "io.example.JdbcSinkConnector", "topics.regex": "orders-.*", "table.name.format": "kafka_${topic}""#,
            "topic orders → file c.txt",
        ),
        (
            r#""connector.class": "io.example.PostgresConnector", "schema.history.internal.kafka.bootstrap.servers": "a:1", "topic.creation.default.replication.factor": 3, "topic.creation.default.partitions": 1"#,
            "file in.txt → topic c",
        ),
        (
            r#""connector.class": "io.example.Archiver", "topics": "orders""#,
            "topic orders → file c.txt",
        ),
    ] {
        let adopted = made(None, Some(("c.json", &format!("{{{settings}}}"))));
        assert_eq!(route(&scenario(&adopted)), places, "{}", adopted.text);
    }
}

#[test]
fn what_the_connector_needs_around_it_is_there() {
    let mirror = r#"{"connector.class": "MirrorSourceConnector", "topics": "orders", "exactly.once.support": "required",
        "transforms": "r", "transforms.r.type": "org.apache.kafka.connect.transforms.RegexRouter",
        "transforms.r.regex": "src[.](.*)", "transforms.r.replacement": "copy-$1"}"#;
    let adopted = made(None, Some(("c.json", mirror)));
    let read = scenario(&adopted);
    assert_eq!(route(&read), "topic orders → topic copy-orders");
    assert_eq!(
        read.connect.config["exactly.once.source.support"],
        "enabled"
    );
    note(&adopted, "the connector requires it");
    let sink = r#"{"connector.class": "FileStreamSink", "topics": "orders", "errors.tolerance": "all",
        "errors.deadletterqueue.topic.name": "dead"}"#;
    let adopted = made(None, Some(("c.json", sink)));
    let (sink, _) = &scenario(&adopted).route.legs[0];
    assert_eq!(
        sink.config["errors.deadletterqueue.topic.replication.factor"],
        "1"
    );
}

#[test]
fn what_cannot_be_as_it_was_is_changed_and_said() {
    let text = r#"{"connector.class": "io.example.PostgresConnector", "history.kafka.bootstrap.servers": "a:1",
        "topic.creation.default.replication.factor": 3, "topic.creation.default.partitions": 1, "table": "kafka_${topic}", "key": "${file:/a:b}",
        "producer.override.sasl.jaas.config": "x", "producer.override.linger.ms": 5, "name": "orders (prod)"}"#;
    let adopted = made(None, Some(("c.json", text)));
    let scenario = scenario(&adopted);
    let connector = scenario.route.connectors().next().unwrap();
    assert_eq!(connector.direction, Direction::Source);
    assert_eq!(connector.name.as_str(), "orders--prod");
    for (name, value) in [
        ("history.kafka.bootstrap.servers", "${bootstrap}"),
        ("topic.creation.default.replication.factor", "1"),
        ("table", "kafka_$${topic}"),
        ("key", "${file:/a:b}"),
        ("producer.override.linger.ms", "5"),
    ] {
        assert_eq!(connector.config[name], value, "{name}");
    }
    assert!(
        !connector
            .config
            .contains_key("producer.override.sasl.jaas.config")
    );
    note(
        &adopted,
        "`history.kafka.bootstrap.servers` is ${bootstrap} now",
    );
    note(&adopted, "it looks like a source");
    assert!(
        adopted.text.contains("# needs `offsets`:"),
        "{}",
        adopted.text
    );
}

#[test]
fn no_secret_reaches_the_scenario_and_the_variable_for_it_is_named() {
    let worker = format!(
        "value.converter.password={SECRET}\nconfig.providers=file\nconfig.providers.file.class=x.F\n"
    );
    let connector = format!(
        r#"{{"connector.class": "io.example.JdbcSink", "topics": "a", "connection.password": "{SECRET}\"\n x",
            "connection.url": "jdbc:x?password={SECRET}", "other.password": "${{file:/a:b}}", "no.password": ""}}"#
    );
    let adopted = made(Some(&worker), Some(("c.json", &connector)));
    assert!(!adopted.text.contains(SECRET), "{}", adopted.text);
    let scenario = scenario(&adopted);
    let config = &scenario.route.connectors().next().unwrap().config;
    assert_eq!(config["connection.password"], "${env:CONNECTION_PASSWORD}");
    assert_eq!(config["connection.url"], "${env:CONNECTION_URL}");
    assert_eq!(config["other.password"], "${file:/a:b}");
    let workers = &scenario.connect.config;
    assert_eq!(
        workers["value.converter.password"],
        "${env:VALUE_CONVERTER_PASSWORD}"
    );
    assert_eq!(workers["config.providers"], "file,env");
    assert!(workers["config.providers.env.class"].ends_with("EnvVarConfigProvider"));
    note(&adopted, "set the variable CONNECTION_URL for `squall run`");
}

#[test]
fn a_provider_of_variables_that_is_there_already_is_used() {
    let class = "org.apache.kafka.common.config.provider.EnvVarConfigProvider";
    let worker = format!(
        "config.providers=v\nconfig.providers.v.class={class}\na.password=x\nA_PASSWORD.password=y\n"
    );
    let adopted = made(Some(&worker), None);
    let config = scenario(&adopted).connect.config;
    assert_eq!(config["config.providers"], "v");
    assert_eq!(config["a.password"], "${v:A_PASSWORD}");
    let taken = made(
        Some("config.providers=env\nconfig.providers.env.class=x.E\na.password=x\n"),
        None,
    );
    assert_eq!(
        scenario(&taken).connect.config["config.providers"],
        "env,squallenv"
    );
}

#[test]
fn all_mistakes_of_both_files_are_reported_at_once_and_at_their_places() {
    let worker = "offset.flush.interval.ms=10s\nsesion.timeout.ms=6000\nlonely\n";
    let connector = "{\"name\": \"a\", \"config\": {\n  \"connector.class\": \"FileStreamSnk\",\n  \"tasks.max\": \"0\",\n  \"topics\": [\"a\", \"b\"]\n}, \"topics\": \"a\"}";
    let said = outcome(Some(worker), Some(("c.json", connector))).unwrap_err();
    for expected in [
        "worker.properties:1:26: `offset.flush.interval.ms` cannot be `10s`",
        "worker.properties:2:1: `sesion.timeout.ms` is no setting of a worker: did you mean `session.timeout.ms`?",
        "worker.properties:3:1: a name without a value",
        "c.json:2:22: no connector class is called `FileStreamSnk`",
        "c.json:3:16: `tasks.max` cannot be `0`",
        "c.json:4:3: `topics` has more than one value",
        "c.json:5:4: `topics` beside `config`",
    ] {
        assert!(said.contains(expected), "{expected} is not in\n{said}");
    }
}

#[test]
fn a_file_of_another_kind_is_named_for_what_it_is() {
    for (worker, connector, expected) in [
        (
            Some("{\"name\": \"a\"}"),
            None,
            "this is no properties file",
        ),
        (Some("# nothing\n"), None, "no setting at all"),
        (
            Some("connector.class=A\nname=x\n"),
            None,
            "this is the file of a connector",
        ),
        (None, Some("[]"), "this is no connector"),
        (None, Some("{}"), "a connector without settings"),
        (
            None,
            Some("{\"topics\": \"a\"}"),
            "`connector.class` is missing",
        ),
        (
            None,
            Some("{\"connector.class\": \"A\","),
            "this is not JSON",
        ),
        (
            None,
            Some("{\"a\": 1,\n \"b\" 2}"),
            "c.json:2:6: this is not JSON",
        ),
        (
            None,
            Some("bootstrap.servers=a:1\n"),
            "`connector.class` is missing",
        ),
        (
            None,
            Some("{\"name\": \"a\", \"config\": [1]}"),
            "`config` is no map",
        ),
        (
            None,
            Some("{\"name\": \"a\", \"config\": {\"name\": \"b\", \"connector.class\": \"A\"}}"),
            "a second name",
        ),
        (None, Some(""), "a connector without settings"),
    ] {
        let said = outcome(worker, connector.map(|text| ("c.json", text))).unwrap_err();
        assert!(said.contains(expected), "{expected} is not in\n{said}");
    }
}

proptest::proptest! {
    #[test]
    fn whatever_the_values_are_the_scenario_has_them_and_none_ends_a_line(value in "\\PC{0,20}|[\u{0}-\u{a0}\u{2028}\u{feff}]{0,8}", key in "[a-z.]{1,8}|\\PC{1,6}") {
        let posted = serde_json::json!({"connector.class": "io.example.JdbcSink", "topics": "a", format!("x{key}"): value});
        // What Squall itself cannot write down is refused with a place, and never a panic.
        if let Ok(adopted) = outcome(None, Some(("c.json", &posted.to_string()))) {
            let scenario = scenario(&adopted);
            let substitutions = crate::scenario::Substitutions { bootstrap: "b:1", data_folder: std::path::Path::new("/d") };
            let config = crate::scenario::resolve_config(&scenario.route, 0, &substitutions);
            let kept = config.get(&format!("x{key}"));
            proptest::prop_assert!(kept.is_none_or(|kept| *kept == value || kept == "1" || kept == "b:1" || kept.starts_with("${env:")), "{:?} {}", kept, adopted.text);
        }
    }
}
