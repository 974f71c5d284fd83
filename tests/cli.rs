//! The command line without a cluster: exit codes, mistakes, plans, schemas and lists.
#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod common;

use common::{outcome, squall};

fn run(arguments: &[&str]) -> (i32, String, String) {
    outcome(&squall(arguments).output().unwrap())
}

fn with_file(text: &str, arguments: impl Fn(&str) -> Vec<String>) -> (i32, String, String) {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("scenario.yaml");
    std::fs::write(&file, text).unwrap();
    let arguments = arguments(file.to_str().unwrap());
    outcome(
        &squall(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
            .output()
            .unwrap(),
    )
}

#[test]
fn a_wrong_command_line_is_a_usage_error() {
    assert_eq!(run(&["frobnicate"]).0, 2);
    assert_eq!(run(&["run"]).0, 2);
    assert_eq!(run(&["run", "no-such-scenario.yaml"]).0, 2);
    assert_eq!(run(&["plan", "quickstart", "--seed", "xyz"]).0, 2);
    assert_eq!(run(&["validate"]).0, 5);
    let (code, _, told) = run(&["run", "quickstart", "--image", "mine:1"]);
    assert_eq!(code, 2);
    assert!(told.contains("add --runtime docker"), "{told}");
    assert_eq!(run(&["--help"]).0, 0);
    assert_eq!(run(&["--version"]).0, 0);
}

#[test]
fn all_mistakes_of_a_scenario_are_shown_at_once_and_nothing_is_started() {
    let text = "name: bad\nquestion: q?\nconnect: {workers: 0}\nroute:\n  - feed: {topic: a}\n  - connector: {name: m, config: {connector.class: MirrorSourceConnector}}\n  - tap: {topic: src.a}\nfaults:\n  - kill: {target: w9, resart-after: 2s}\nexpect: {lost: 0}\n";
    let (code, stdout, stderr) = with_file(text, |file| vec!["run".to_owned(), file.to_owned()]);
    assert_eq!((code, stdout.as_str()), (2, ""), "{stderr}");
    for expected in ["resart-after", "restart-after", "w9", "workers"] {
        assert!(stderr.contains(expected), "{expected} is not in\n{stderr}");
    }
    assert!(stderr.contains("scenario.yaml:9:"), "{stderr}");
}

#[test]
fn the_same_scenario_and_seed_give_the_same_plan_byte_for_byte() {
    let plan = |seed: &str| run(&["plan", "bounce", "--seed", seed, "--format", "json"]);
    let (first, second, other) = (plan("7f3a-91c2"), plan("7f3a-91c2"), plan("0000-0001"));
    assert_eq!(first.0, 0, "{}", first.2);
    assert_eq!(first.1, second.1);
    assert_ne!(first.1, other.1);
    let (code, human, _) = run(&["plan", "bounce", "--seed", "7f3a-91c2"]);
    assert_eq!(code, 0);
    assert!(human.contains("F1") && human.contains("SIGKILL"), "{human}");
}

#[test]
fn every_bundled_scenario_is_listed_and_valid() {
    let (code, list, _) = run(&["list", "scenarios"]);
    assert_eq!(code, 0);
    let names: Vec<&str> = list
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(names.len() >= 8, "{list}");
    for name in names {
        let (code, stdout, stderr) = run(&["validate", name]);
        assert_eq!(code, 0, "{name}: {stdout}{stderr}");
    }
    for what in ["faults", "guarantees"] {
        let (code, list, _) = run(&["list", what]);
        assert!(code == 0 && list.lines().count() >= 10, "{list}");
    }
}

#[test]
fn schemas_completions_and_manual_are_printed() {
    for arguments in [&["schema"][..], &["schema", "result"]] {
        let (code, stdout, _) = run(arguments);
        assert_eq!(code, 0);
        let schema: serde_json::Value = serde_json::from_str(&stdout).unwrap();
        assert!(schema["properties"].is_object());
    }
    assert!(run(&["completions", "bash"]).1.contains("squall"));
    assert!(run(&["man"]).1.contains(".TH"));
}

#[test]
fn init_writes_a_valid_scenario_and_overwrites_nothing() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().to_str().unwrap();
    assert_eq!(run(&["init", folder]).0, 0);
    let scenario = home.path().join("scenario.yaml");
    assert_eq!(run(&["validate", scenario.to_str().unwrap()]).0, 0);
    std::fs::write(&scenario, "mine").unwrap();
    let (code, _, stderr) = run(&["init", folder]);
    assert_eq!(code, 2);
    assert!(stderr.contains("scenario.yaml"), "{stderr}");
    assert_eq!(std::fs::read_to_string(&scenario).unwrap(), "mine");
}

#[test]
fn init_makes_a_scenario_of_a_workers_and_a_connectors_files_without_their_secrets() {
    let home = tempfile::tempdir().unwrap();
    let path = |name: &str| home.path().join(name).to_str().unwrap().to_owned();
    let plugin = home.path().join("plugins/jdbc/lib");
    std::fs::create_dir_all(&plugin).unwrap();
    std::fs::write(plugin.join("jdbc.jar"), "").unwrap();
    let worker = format!(
        "bootstrap.servers=a:9092\nsasl.jaas.config=x password=\"hunter2\";\noffset.flush.interval.ms=10000\nplugin.path={}\n",
        path("plugins")
    );
    std::fs::write(path("worker.properties"), worker).unwrap();
    let connector = r#"{"name": "orders", "config": {"connector.class": "io.example.JdbcSink", "topics": "orders", "connection.password": "hunter2"}}"#;
    std::fs::write(path("c.json"), connector).unwrap();
    let (from, given, mine) = (path("worker.properties"), path("c.json"), path("mine"));
    let init = ["init", &mine, "--from", &from, "--connector", &given];
    let (code, said, stderr) = run(&init);
    assert_eq!(code, 0, "{stderr}");
    for expected in [
        "`bootstrap.servers`",
        "CONNECTION_PASSWORD",
        "connect.plugins",
    ] {
        assert!(said.contains(expected), "{expected} is not in\n{said}");
    }
    let scenario = path("mine/scenario.yaml");
    let text = std::fs::read_to_string(&scenario).unwrap();
    assert!(
        !text.contains("hunter2") && !said.contains("hunter2"),
        "{text}{said}"
    );
    assert!(text.contains("plugins/jdbc"), "{text}");
    let (code, shown, stderr) = run(&["plan", &scenario]);
    assert_eq!(code, 0, "{stderr}");
    assert!(shown.contains("orders"), "{shown}");
}

#[test]
fn init_reports_all_mistakes_of_the_files_and_writes_nothing() {
    let home = tempfile::tempdir().unwrap();
    let path = |name: &str| home.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("worker.properties"), "sesion.timeout.ms=1\nlonely\n").unwrap();
    std::fs::write(path("c.json"), "{\"tasks.max\": 0}").unwrap();
    let (from, given, mine) = (path("worker.properties"), path("c.json"), path("mine"));
    let (code, _, stderr) = run(&["init", &mine, "--from", &from, "--connector", &given]);
    assert_eq!(code, 2);
    for expected in [
        "session.timeout.ms",
        "lonely",
        "tasks.max",
        "connector.class",
    ] {
        assert!(stderr.contains(expected), "{expected} is not in\n{stderr}");
    }
    assert!(!home.path().join("mine").exists());
    let (code, _, stderr) = run(&["init", &mine, "--from", "gone", "--connector", "lost"]);
    assert_eq!(code, 2);
    assert!(
        stderr.contains("gone") && stderr.contains("lost"),
        "{stderr}"
    );
}

#[test]
fn what_is_no_run_folder_is_refused() {
    let home = tempfile::tempdir().unwrap();
    for command in ["verify", "report", "explain"] {
        let (code, _, stderr) = run(&[command, home.path().to_str().unwrap()]);
        assert_eq!(code, 2, "{command}: {stderr}");
    }
    std::fs::write(home.path().join("run.json"), "{\"format\": 1}").unwrap();
    assert_eq!(run(&["verify", home.path().to_str().unwrap()]).0, 2);
}

#[test]
fn doctor_names_what_is_missing() {
    let (code, stdout, stderr) = run(&["doctor"]);
    assert_eq!(code, 0, "{stdout}{stderr}");
    assert!(stdout.contains("ok"), "{stdout}");
    let empty = tempfile::tempdir().unwrap();
    let output = squall(&["doctor"])
        .env("PATH", empty.path())
        .env_remove("JAVA_HOME")
        .output()
        .unwrap();
    let (code, stdout, _) = outcome(&output);
    assert_eq!(code, 4, "{stdout}");
    assert!(stdout.contains("FAIL") && stdout.contains("→"), "{stdout}");
}

#[test]
fn a_password_in_an_address_is_refused_and_repeated_nowhere() {
    let home = tempfile::tempdir().unwrap();
    let backup = home.path().join("backup");
    let folder = backup.to_str().unwrap();
    for address in [
        "http://ops:Gehe1m@127.0.0.1:1",
        "https://ops:Gehe1m/und@127.0.0.1:1/",
        "http://Gehe1m@127.0.0.1:1",
        "ops:Gehe1m@127.0.0.1:1",
    ] {
        for arguments in [
            vec!["inspect", "--bootstrap", "127.0.0.1:1", "--rest", address],
            vec!["backup", folder, "--rest", address],
            vec!["inspect", address],
            vec![
                "inspect",
                "--bootstrap",
                address,
                "--rest",
                "http://127.0.0.1:1",
            ],
        ] {
            let (code, stdout, stderr) = run(&arguments);
            assert_eq!(code, 2, "{arguments:?}: {stderr}");
            assert!(!backup.exists(), "{arguments:?}");
            assert!(
                !format!("{stdout}{stderr}").contains("Gehe1m"),
                "{arguments:?}: {stderr}"
            );
        }
    }
    let (_, _, stderr) = run(&[
        "inspect",
        "--bootstrap",
        "127.0.0.1:1",
        "--rest",
        "http://u:p@h:1",
    ]);
    assert!(
        stderr.contains("--rest-user") && stderr.contains("SQUALL_REST_PASSWORD"),
        "{stderr}"
    );
}

#[test]
fn a_run_folder_is_its_owners_alone_unless_asked_otherwise() {
    use std::os::unix::fs::PermissionsExt;
    for (readers, expected) in [(None, 0o700), (Some("everyone"), 0o755)] {
        let home = tempfile::tempdir().unwrap();
        let reports = home.path().join("reports");
        let mut arguments = vec!["run", "quickstart", "--reports", reports.to_str().unwrap()];
        arguments.extend(readers.map(|_| "--readable-by"));
        arguments.extend(readers);
        let output = squall(&arguments)
            .env("JAVA_HOME", "/nowhere")
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(4));
        let folder = std::fs::read_dir(&reports)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        let folder = folder
            .into_iter()
            .find(|path| path.file_name() != Some("latest".as_ref()))
            .unwrap();
        let mode = std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, expected, "{readers:?}");
    }
}

#[test]
fn a_value_that_is_set_counts_as_if_it_stood_in_the_file() {
    let plan = |set: &[&str]| {
        let mut words = vec!["plan", "quickstart", "--seed", "7f3a-91c2"];
        words.extend(set.iter().flat_map(|one| ["--set", one]));
        run(&words)
    };
    let (code, text, _) = plan(&["connect.workers=5"]);
    assert_eq!(code, 0);
    assert!(text.contains("× 5"), "{text}");
    let (code, text, told) = plan(&["connect.workers=many"]);
    assert_eq!((code, text.as_str()), (2, ""));
    assert!(
        told.contains("quickstart:") && told.contains("many"),
        "{told}"
    );
    let (code, _, told) = plan(&["connect.wrkers=5", "faults.99.kill.target=w1"]);
    assert_eq!(code, 2);
    assert!(told.contains("did you mean `workers`"), "{told}");
    assert!(told.contains("`99` is none of the"), "{told}");
    assert_eq!(plan(&["novalue"]).0, 2);
}
