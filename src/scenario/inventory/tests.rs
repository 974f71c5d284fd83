//! Tests of inventories: what is read, what is refused and where, and what is never shown.

use proptest::prelude::*;

use super::read::parse_with;
use super::*;

const WHOLE: &str = r#"
name: staging
bootstrap: b1:9092,b2:9092
inner-bootstrap: broker:9092
client: {security.protocol: SASL_SSL, sasl.password: "${env:SQUALL_PASSWORD}", ssl.ca.location: ca.pem}
rest: {username: ops, password: "${env:CONNECT_PASSWORD}", ca: ca.pem, certificate: me.pem, key: /keys/me.key}
group: connect-cluster
topics: {config: c, offsets: o, status: s}
version: 4.1.1
settings: {offset.flush.interval.ms: 1000}
data: /srv/connect-data
max-down: 2
watch: [orders-sink]
stop-when: {rest-down: 60s, brokers-down: 30s, unowned: never, failed-tasks: 3, errors-per-minute: 50}
workers:
  - {name: w1, rest: "http://127.0.0.1:8083/", id: "connect-1:8083", docker: {container: connect-1}}
  - {name: w2, rest: "https://node2:8083", process: {pid-file: /run/c2.pid, start: "run c2", log: /var/log/c2}, ssh: {host: node2, user: ops, port: 2222, key: id, config: cfg}}
  - {name: w3, rest: "https://node3:8083", systemd: {unit: kafka-connect, host: node3, user: true}}
  - {name: w4, rest: "http://127.0.0.1:8084", command: {kill: k, stop: t, start: s, status: st, host: localhost}}
  - {name: w5, rest: "http://127.0.0.1:8085"}
  - {name: w6, rest: "http://127.0.0.1:8086", compose: {project: p, service: s}, ssh: node6}
"#;

fn environment(name: &str) -> Option<String> {
    name.ends_with("_PASSWORD")
        .then(|| format!("hush-{}", name.to_lowercase()))
}

fn read(text: &str) -> Result<Inventory, String> {
    parse_with("/etc/squall/staging.yaml", text, &environment).map_err(|mistakes| {
        let lines: Vec<String> = mistakes
            .all()
            .iter()
            .map(|m| format!("{}:{} {}: {}", m.line, m.column, m.message, m.help))
            .collect();
        lines.join("\n")
    })
}

#[test]
fn a_whole_inventory_is_read() {
    let inventory = read(WHOLE).unwrap();
    assert_eq!(inventory.bootstrap, "b1:9092,b2:9092");
    assert_eq!(inventory.client.0["sasl.password"], "hush-squall_password");
    assert_eq!(inventory.client.0["ssl.ca.location"], "/etc/squall/ca.pem");
    let rest = &inventory.rest;
    assert_eq!(rest.ca_file, Some(PathBuf::from("/etc/squall/ca.pem")));
    assert_eq!(
        rest.client.as_ref().unwrap().1,
        PathBuf::from("/keys/me.key")
    );
    assert_eq!(inventory.topics.offsets, "o");
    assert_eq!(inventory.max_down, 2);
    let expected = StopWhen {
        rest_down_ms: Some(60_000),
        brokers_down_ms: Some(30_000),
        unowned_ms: None,
        failed_tasks: Some(3),
        errors_per_minute: Some(50),
    };
    assert_eq!(inventory.stop_when, expected);
    let ids: Vec<&str> = inventory
        .workers
        .iter()
        .map(InventoryWorker::worker_id)
        .collect();
    assert_eq!(ids[..3], ["connect-1:8083", "node2:8083", "node3:8083"]);
    assert_eq!(inventory.workers[0].rest, "http://127.0.0.1:8083");
    assert_eq!(inventory.touchable().count(), 5);
    let ssh = |n: usize| inventory.workers[n].control.as_ref().unwrap().ssh.clone();
    assert_eq!(ssh(1).unwrap().key, Some(PathBuf::from("/etc/squall/id")));
    assert_eq!(ssh(2).unwrap().host, "node3");
    assert_eq!(ssh(3), None);
    assert_eq!(ssh(5).unwrap().host, "node6");
}

#[test]
fn a_password_is_never_shown() {
    let shown = format!("{:?}", read(WHOLE).unwrap());
    assert!(
        shown.contains("sasl.password") && !shown.contains("hush"),
        "{shown}"
    );
}

#[test]
fn all_mistakes_come_out_at_once_with_what_would_be_right() {
    let text = r#"name: staging
bootstrap: broker
rest: {username: ops}
client: {sasl.password: "${env:MISSING}"}
settings: {sesion.timeout.ms: 6000}
max-donw: 2
workers:
  - {name: w1, rest: "127.0.0.1:8083", docker: connect-1}
  - {name: w1, rest: "http://ops:pw@127.0.0.1:8083", docker: -x, compose: {project: p, service: s}}
  - {name: w 3, rest: "http://h:1", command: {kill: "k ${env:TOKEN}", status: s}}
  - {name: w4, rest: "http://h:2", ssh: h}
  - {name: w5, rest: "http://h:3", process: {pid-file: run/x, start: s}, ssh: h}
"#;
    insta::assert_snapshot!(read(text).unwrap_err(), @r#"
    2:12 `bootstrap` names no broker: write `host:port`, with commas between several
    3:8 `username` without `password`: add `password:` beside it
    4:25 the environment has no variable `MISSING`: set it: `export MISSING=…`
    5:12 `sesion.timeout.ms` is no setting of a worker: did you mean `session.timeout.ms`?
    6:1 unknown key `max-donw`: did you mean `max-down`?
    8:22 `rest` is no address of a worker: write `http://host:port`, or `https://host:port`
    9:12 a second worker called `w1`: give each its own name
    9:22 a user in a worker's address: write `username` and `password` under `rest:` of the inventory
    9:62 `-x` is no container: a plain name, without blanks and without a dash at its beginning
    9:66 `compose` cannot stand beside `docker`: keep one of the two
    10:12 `w 3` cannot name a worker: use letters, digits, `.`, `_` and `-` only: a short plain name, such as `w1`
    10:47 `kill` without `start`: add `start:`, so that nothing is left as it was made
    10:53 `${env:TOKEN}` in a command: commands are run by a shell and shown: write `"$TOKEN"`
    11:36 `ssh` without anything to run there: say what the worker is there: `docker`, `compose`, `systemd`, `process` or `command`
    12:56 a relative path on another machine: write the whole path, beginning with `/`
    "#);
}

#[test]
fn a_compose_file_is_told_from_an_inventory() {
    let error = read("services:\n  broker: {image: apache/kafka}\n").unwrap_err();
    assert!(
        error.starts_with("1:1 this is a Docker Compose file"),
        "{error}"
    );
    assert!(error.contains("compose: {project: NAME, service: NAME}"));
}

#[test]
fn an_empty_text_is_no_inventory() {
    assert!(read(" \n").unwrap_err().contains("the inventory is empty"));
}

#[test]
fn what_is_left_out_has_its_default() {
    let text = "{\"name\": \"x\", \"bootstrap\": \"h:1\", \"workers\": [{\"name\": \"w1\", \"rest\": \"http://h:2\"}]}";
    let inventory = read(text).unwrap();
    assert_eq!((inventory.max_down, inventory.watch), (1, None));
    assert_eq!(inventory.topics, TopicNames::default());
    assert_eq!(inventory.stop_when, StopWhen::default());
    assert_eq!(inventory.data, None);
}

#[test]
fn the_bundled_inventories_are_fine() {
    for (name, text) in BUNDLED {
        let inventory = parse(name, text).unwrap();
        assert_eq!(inventory.touchable().count(), 3, "{name}");
    }
}

proptest! {
    #[test]
    fn no_text_is_too_strange(text in "\\PC{0,200}") {
        let _ = read(&text);
    }

    #[test]
    fn a_secret_of_the_environment_is_in_no_message(secret in "[a-zA-Z0-9]{12,20}", key in "[a-z-]{3,12}") {
        let text = format!(
            "name: x\nbootstrap: \"${{env:S}}\"\n{key}x: \"${{env:S}}\"\nrest: {{username: u, password: \"${{env:S}}\", ca: 1}}\nworkers:\n  - {{name: w, rest: \"${{env:S}}\", id: \"${{env:S}}\"}}\n"
        );
        let given = secret.clone();
        let error = parse_with("x.yaml", &text, &|_| Some(given.clone())).unwrap_err();
        prop_assert!(!error.to_string().contains(&secret), "{}", error);
    }
}
