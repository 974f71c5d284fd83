//! `squall inspect`, `squall backup` and `squall restore` on a real broker and real workers.
#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

#[path = "common/broker.rs"]
mod broker;
mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use broker::{OwnCluster, OwnSpec};
use common::{one_cluster, outcome, squall};
use serde_json::Value;
use squall::connect::Rest;
use squall::journal::Deadline;
use squall::kafka::{Admin, Cluster, RecordSender};
use squall::model::{ConnectorName, WorkerName};
use squall::runtime::process::StartStyle;
use squall::runtime::{Act, Runtime};

const LIMIT: Duration = Duration::from_secs(60);

fn cluster(workers: u32) -> OwnCluster {
    OwnSpec::new(workers, StartStyle::Together)
        .worker_setting("offset.flush.interval.ms", "500")
        .worker_setting("session.timeout.ms", "6000")
        .worker_setting("heartbeat.interval.ms", "2000")
        .worker_setting("scheduled.rebalance.max.delay.ms", "20000")
        .start()
}

fn worker(n: u32) -> WorkerName {
    WorkerName::new(&format!("w{n}")).unwrap()
}

fn url(cluster: &OwnCluster, n: u32) -> String {
    cluster.runtime().rest_url(&worker(n)).unwrap()
}

fn named(name: &str) -> ConnectorName {
    ConnectorName::new(name).unwrap()
}

fn config(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let pairs = pairs.iter();
    pairs
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn topic(cluster: &OwnCluster, name: &str, partitions: u32) {
    let admin = Admin::new(&Cluster::at(&cluster.bootstrap())).unwrap();
    let deadline = Deadline::after(LIMIT);
    admin
        .create_topic(name, partitions, 1, &BTreeMap::new(), deadline)
        .unwrap();
}

fn send(cluster: &OwnCluster, topic: &str, partition: i32, records: usize) {
    let sender = RecordSender::new(&Cluster::at(&cluster.bootstrap()), topic).unwrap();
    for n in 0..records {
        let value = format!("record {n}");
        sender.send(partition, b"", value.as_bytes(), n).unwrap();
    }
    let mut left = records;
    await_that("the records are acknowledged", || {
        sender.outcomes(|_| left -= 1);
        left == 0
    });
}

fn await_that(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Deadline::after(LIMIT);
    while !condition() {
        assert!(!deadline.has_passed(), "awaited: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Runs squall against the cluster by its addresses, with further arguments.
fn on(cluster: &OwnCluster, command: &[&str], n: u32) -> (i32, String, String) {
    let (bootstrap, rest) = (cluster.bootstrap(), url(cluster, n));
    let arguments = [command, &["--bootstrap", &bootstrap, "--rest", &rest]].concat();
    outcome(&squall(&arguments).output().unwrap())
}

fn inspected(cluster: &OwnCluster, n: u32) -> Value {
    let (code, stdout, stderr) = on(cluster, &["inspect", "--format", "json"], n);
    assert_eq!(code, 0, "{stderr}");
    serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}"))
}

fn connector<'a>(seen: &'a Value, name: &str) -> &'a Value {
    let all = seen["connectors"].as_array().unwrap();
    all.iter()
        .find(|connector| connector["name"] == name)
        .unwrap_or_else(|| panic!("no connector {name} in {seen:#}"))
}

/// Lag of a sink by partition.
fn lag(seen: &Value, name: &str) -> BTreeMap<i64, i64> {
    let places = connector(seen, name)["offsets"]["sink"].as_array().unwrap();
    places
        .iter()
        .map(|place| {
            let of = |key: &str| place[key].as_i64().unwrap();
            (of("partition"), of("lag"))
        })
        .collect()
}

/// What stands behind the last `mark` in the logs of all workers, up to one of `ends`.
fn last_in_logs(cluster: &OwnCluster, mark: &str, ends: &[char]) -> BTreeSet<String> {
    let logs = cluster.runtime().log_files();
    logs.iter()
        .filter_map(|log| {
            let text = std::fs::read_to_string(&log.path).unwrap();
            let (_, rest) = text.rsplit_once(mark)?;
            rest.split(ends).next().map(str::to_owned)
        })
        .collect()
}

fn sink_of(cluster: &OwnCluster, topic: &str) -> BTreeMap<String, String> {
    let file = cluster.home().join("out.txt");
    config(&[
        ("connector.class", "FileStreamSinkConnector"),
        ("tasks.max", "3"),
        ("topics", topic),
        ("file", file.to_str().unwrap()),
    ])
}

fn deploy(cluster: &OwnCluster, name: &str, config: &BTreeMap<String, String>, tasks: usize) {
    let rest = Rest::new(&url(cluster, 1)).unwrap();
    rest.put_config(&named(name), config, Deadline::after(LIMIT))
        .unwrap();
    await_that("the tasks run", || {
        let all = rest.status_all(LIMIT).unwrap_or_default();
        all.get(&named(name)).is_some_and(|status| {
            let running = status.tasks.iter().filter(|task| task.state == "RUNNING");
            status.state == "RUNNING" && running.count() == tasks
        })
    });
}

fn paused(cluster: &OwnCluster, name: &str) {
    let rest = Rest::new(&url(cluster, 1)).unwrap();
    rest.pause(&named(name), LIMIT).unwrap();
    await_that("the connector is paused", || {
        let all = rest.status_all(LIMIT).unwrap();
        let status = &all[&named(name)];
        status.state == "PAUSED" && status.tasks.iter().all(|task| task.state == "PAUSED")
    });
}

#[test]
fn the_leader_the_tasks_the_lag_and_a_dead_worker_are_seen() {
    let _turn = one_cluster();
    let cluster = cluster(3);
    topic(&cluster, "orders", 3);
    deploy(&cluster, "out", &sink_of(&cluster, "orders"), 3);
    send(&cluster, "orders", 0, 30);
    await_that("everything is committed", || {
        lag(&inspected(&cluster, 1), "out").values().sum::<i64>() == 0
    });
    paused(&cluster, "out");
    send(&cluster, "orders", 0, 12);
    send(&cluster, "orders", 1, 7);

    let seen = inspected(&cluster, 2);
    assert_eq!(lag(&seen, "out"), [(0, 12), (1, 7), (2, 0)].into());
    assert_eq!(seen["doubts"], serde_json::json!([]), "{seen:#}");
    let group = &seen["group"];
    assert_eq!(group["state"], "Stable");
    assert_eq!(group["protocol"], "sessioned");
    assert_eq!(group["id"], cluster.runtime().group_id());
    let leader = format!("http://{}/", group["leader"].as_str().unwrap());
    assert_eq!(
        last_in_logs(&cluster, "leaderUrl='", &['\'']),
        [leader].into()
    );
    let generation = group["generation"].as_i64().unwrap().to_string();
    assert_eq!(
        last_in_logs(&cluster, "Joined group at generation ", &[' ']),
        [generation].into()
    );
    let workers = seen["workers"].as_array().unwrap();
    assert!(workers.iter().all(|worker| worker["state"] == "healthy"));
    assert!(workers.iter().all(|worker| worker["version"] == "4.1.1"));
    let mut tasks: Vec<&str> = workers
        .iter()
        .flat_map(|worker| worker["tasks"].as_array().unwrap())
        .map(|task| task.as_str().unwrap())
        .collect();
    tasks.sort_unstable();
    assert_eq!(tasks, ["out-0", "out-1", "out-2"]);
    let states = connector(&seen, "out")["tasks"].as_array().unwrap();
    assert!(states.iter().all(|task| task["state"] == "PAUSED"));

    let (code, table, _) = on(&cluster, &["inspect"], 1);
    assert_eq!(code, 0, "{table}");
    let starred = table.lines().find(|line| line.contains('★')).unwrap();
    assert!(
        starred.contains(group["leader"].as_str().unwrap()),
        "{table}"
    );
    a_dead_worker_is_seen(&cluster, group["leader"].as_str().unwrap());
}

/// A new leader gives lost tasks away at once; only one that has seen them before holds them back: a follower is killed.
fn a_dead_worker_is_seen(cluster: &OwnCluster, leader: &str) {
    let id = |n: u32| cluster.runtime().worker_id(&worker(n)).unwrap();
    let victim = (1..=3).find(|n| id(*n) != leader).unwrap();
    let asked = (1..=3).find(|n| *n != victim).unwrap();
    cluster.runtime().act(&worker(victim), Act::Kill).unwrap();
    let dead = id(victim);
    let doubt_of = |part: &str| {
        let seen = inspected(cluster, asked);
        let doubts = seen["doubts"].as_array().unwrap().iter();
        let mut doubts = doubts.filter_map(|doubt| doubt.as_str().map(str::to_owned));
        doubts.find(|doubt| doubt.contains(&dead) && doubt.contains(part))
    };
    let silent = doubt_of("does not answer").expect("the session has not ended yet");
    assert!(silent.contains("is a member of the group"), "{silent}");
    await_that("REST still claims what the group denies", || {
        doubt_of("nobody in the group owns it").is_some()
    });
    let seen = inspected(cluster, asked);
    let delay = seen["group"]["rebalance-delay-ms"].as_u64().unwrap();
    assert!(delay > 0, "{seen:#}");
}

#[test]
fn addresses_that_do_not_belong_together_are_refused_with_the_reason() {
    let _turn = one_cluster();
    let cluster = cluster(1);
    let (bootstrap, rest) = (cluster.bootstrap(), url(&cluster, 1));
    let run = |arguments: &[&str]| outcome(&squall(arguments).output().unwrap());
    let (code, _, stderr) = run(&[
        "inspect",
        "--bootstrap",
        &bootstrap,
        "--rest",
        "http://127.0.0.1:1",
    ]);
    assert_eq!(code, 4);
    assert!(stderr.contains("http://127.0.0.1:1"), "{stderr}");
    assert!(stderr.contains("REST address"), "{stderr}");
    let (code, _, stderr) = run(&["inspect", "--bootstrap", "127.0.0.1:1", "--rest", &rest]);
    assert_eq!(code, 4);
    assert!(stderr.contains("Connection refused"), "{stderr}");
    let (code, _, stderr) = on(&cluster, &["inspect", "--group", "nobody"], 1);
    assert_eq!(code, 4);
    assert!(stderr.contains(&cluster.runtime().group_id()), "{stderr}");
    for wrong in [
        vec!["inspect"],
        vec!["inspect", "--rest", &rest],
        vec![
            "inspect",
            "--bootstrap",
            &bootstrap,
            "--rest",
            "127.0.0.1:1",
        ],
        vec![
            "inspect",
            "--bootstrap",
            &bootstrap,
            "--rest",
            &rest,
            "--client",
            "x",
        ],
        vec!["inspect", "--attach", "/nowhere.yaml"],
    ] {
        assert_eq!(run(&wrong).0, 2, "{wrong:?}");
    }
}

/// Names, states and offsets of these connectors, as inspect shows them.
fn picture(cluster: &OwnCluster, names: &[&str]) -> Vec<Value> {
    let seen = inspected(cluster, 1);
    let one = |name: &&str| {
        let connector = connector(&seen, name);
        serde_json::json!([
            name,
            connector["state"],
            connector["offsets"],
            connector["class"]
        ])
    };
    names.iter().map(one).collect()
}

/// Tells a connector to stop and gives it this offset for all that it has committed.
fn moved(cluster: &OwnCluster, name: &str, offset: &Value) {
    let rest = Rest::new(&url(cluster, 1)).unwrap();
    rest.stop(&named(name), LIMIT).unwrap();
    let mut offsets = rest.offsets(&named(name), LIMIT).unwrap();
    offsets
        .iter_mut()
        .for_each(|place| place.offset = offset.clone());
    await_that("the offsets are altered", || {
        rest.alter_offsets(&named(name), &offsets, LIMIT).is_ok()
    });
}

fn three_connectors(cluster: &OwnCluster, lines: &std::path::Path) {
    topic(cluster, "orders", 1);
    topic(cluster, "lines", 1);
    send(cluster, "orders", 0, 20);
    let ten: String = (0..10).map(|n| format!("line {n}\n")).collect();
    std::fs::write(lines, ten).unwrap();
    let mut out = sink_of(cluster, "orders");
    deploy(cluster, "out", &out, 3);
    out.insert(
        "file".to_owned(),
        cluster.home().join("gone.txt").display().to_string(),
    );
    out.insert("tasks.max".to_owned(), "1".to_owned());
    deploy(cluster, "gone", &out, 1);
    let source = config(&[
        ("connector.class", "FileStreamSourceConnector"),
        ("topic", "lines"),
        ("file", lines.to_str().unwrap()),
        ("some.password", "hunter2"),
    ]);
    deploy(cluster, "in", &source, 1);
    await_that("everything is committed", || {
        let seen = inspected(cluster, 1);
        let read = connector(&seen, "in")["offsets"]["source"][0]["offset"]["position"].as_i64();
        let left = |name| lag(&seen, name).values().sum::<i64>();
        left("out") == 0 && left("gone") == 0 && read == Some(70)
    });
    paused(cluster, "out");
}

/// One of each kind of change.
fn everything_changed(cluster: &OwnCluster, lines: &std::path::Path) {
    let rest = Rest::new(&url(cluster, 1)).unwrap();
    let mut out = sink_of(cluster, "orders");
    out.insert("tasks.max".to_owned(), "2".to_owned());
    rest.put_config(&named("out"), &out, Deadline::after(LIMIT))
        .unwrap();
    moved(cluster, "gone", &serde_json::json!({"kafka_offset": 3}));
    rest.delete(&named("gone"), LIMIT).unwrap();
    let source = config(&[
        ("connector.class", "FileStreamSourceConnector"),
        ("topic", "lines"),
        ("file", lines.to_str().unwrap()),
        ("some.password", "other"),
    ]);
    rest.put_config(&named("in"), &source, Deadline::after(LIMIT))
        .unwrap();
    moved(cluster, "in", &serde_json::json!({"position": 7}));
    let mut fresh = sink_of(cluster, "orders");
    fresh.insert("tasks.max".to_owned(), "1".to_owned());
    deploy(cluster, "fresh", &fresh, 1);
}

#[test]
fn what_was_changed_after_a_backup_is_shown_and_put_back() {
    let _turn = one_cluster();
    let cluster = cluster(2);
    let lines = cluster.home().join("lines.txt");
    three_connectors(&cluster, &lines);
    let names = ["gone", "in", "out"];
    let before = picture(&cluster, &names);
    let folder = cluster.home().join("backup");
    let folder = folder.to_str().unwrap();
    let (code, _, stderr) = on(&cluster, &["backup", folder], 1);
    assert_eq!((code, stderr.as_str()), (0, ""));
    assert_eq!(on(&cluster, &["backup", folder], 1).0, 2);
    let saved = std::fs::read_to_string(cluster.home().join("backup/backup.json")).unwrap();
    assert!(
        saved.contains("hunter2"),
        "a backup without secrets is none"
    );
    assert!(saved.contains(&cluster.runtime().group_id()));

    everything_changed(&cluster, &lines);
    let (code, shown, stderr) = on(&cluster, &["restore", folder, "--dry-run"], 2);
    assert_eq!(code, 0, "{stderr}");
    let differences: Vec<&str> = shown.lines().skip(1).collect();
    assert_eq!(
        differences,
        [
            "  fresh",
            "    + not in the backup; it is left alone",
            "  gone",
            "    - missing now; in the backup: 5 settings, 1 offsets, RUNNING",
            "  in",
            "    ~ some.password: another value than in the backup ([hidden])",
            "    ~ state: STOPPED now, RUNNING in the backup",
            &format!(
                r#"    ~ offset of {{"filename":"{}"}}: {{"position":7}} now, {{"position":70}} in the backup"#,
                lines.display()
            ),
            "  out",
            "    ~ tasks.max: 2 now, 3 in the backup",
            "nothing was changed (--dry-run)",
        ]
    );
    let (code, _, stderr) = on(&cluster, &["restore", "/nowhere"], 1);
    assert_eq!(code, 2, "{stderr}");

    let (code, shown, stderr) = on(&cluster, &["restore", folder], 2);
    assert_eq!(code, 0, "{shown}{stderr}");
    assert!(!shown.contains("hunter2"), "{shown}");
    assert_eq!(picture(&cluster, &names), before, "{shown}");
    let (code, again, _) = on(&cluster, &["restore", folder], 1);
    assert_eq!(code, 0);
    assert!(again.ends_with("nothing to put back\n"), "{again}");
    let admin = Admin::new(&Cluster::at(&cluster.bootstrap())).unwrap();
    assert_eq!(admin.end_offsets("lines", LIMIT).unwrap()[&0], 10);
    let written = std::fs::read_to_string(cluster.home().join("gone.txt")).unwrap();
    assert_eq!(written.lines().count(), 20, "the sink went on where it was");
}
