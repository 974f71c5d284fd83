//! Facts about this machine, and what of a scenario's secrets may be written down: nothing.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::super::{Assignment, Run, Site};
use super::*;
use crate::journal::{Clock, RunFolder, What};
use crate::model::Seed;

#[test]
fn this_process_has_used_some_processor_time() {
    let mut waste = 0u64;
    while own_cpu_ms() == 0 {
        waste = waste.wrapping_add(1);
    }
    assert!(own_cpu_ms() > 0, "{waste}");
}

#[test]
fn a_time_is_printed_in_utc() {
    assert_eq!(rfc3339(1_763_863_841_500_000), "2025-11-23T02:10:41Z");
}

/// Every secret has `Gehe1m` in it; there is one in each way that people write them.
const SECRETIVE: &str = r#"
# the old password was Gehe1m-alt
name: secretive
question: Does Gehe1m-und-lang survive?
connect:
  workers: 1
  config:
    ssl.key.password: |
      Gehe1m-und-lang
    ssl.keystore.key: >-
      -----BEGIN PRIVATE KEY-----
      Gehe1mMIIEvQIBADANBgkqhkiG9w0BAQ
      -----END PRIVATE KEY-----
    note: Gehe1m-und-lang # Gehe1m-und-lang
route:
  - feed: {topic: orders}
  - connector:
      name: archive
      config:
        connector.class: FileStreamSink
        tasks.max: 1
        db.password: "a\"Gehe1m-zwei\""
        short.password: a
        number.password: 1000
        connection.url: jdbc:oracle:thin:scott/Gehe1m-drei@//h:1521/x
        hook.url: https://hooks.slack.com/services/Gehe1m/B/C
        http.headers: "X-Api: Token Gehe1m4"
        ref.password: ${file:/etc/db.properties:password}
        token.cache.enabled: true
  - tap: {file: archive.txt}
expect: {lost: 0}
"#;

struct Scene {
    reports: tempfile::TempDir,
    run: Run,
}

fn scene() -> Scene {
    let reports = tempfile::tempdir().unwrap();
    let scenario = crate::scenario::parse("s.yaml", SECRETIVE).unwrap();
    let folder = RunFolder::create(reports.path(), "run").unwrap();
    let assignment = Assignment {
        plan: crate::plan::draw(&scenario, Seed(7)),
        scenario,
        text: SECRETIVE.to_owned(),
        path: "s.yaml".to_owned(),
        set: Vec::new(),
        site: Site::Process { home: None },
    };
    let run = Run::prepare(assignment, folder, Clock::start()).unwrap();
    Scene { reports, run }
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let below = entries.map(|path| match path.is_dir() {
        true => files_below(&path),
        false => vec![path],
    });
    below.flatten().collect()
}

#[test]
fn no_secret_of_a_scenario_is_in_any_file_of_a_run() {
    let Scene { reports, run } = scene();
    let journal = run.journal();
    let words = "\tdb.password = Gehe1m-zwei\n ... login of scott with Gehe1m-drei: a\"Gehe1m-zwei\" is wrong";
    journal.record(What::Note(words.to_owned()));
    journal.record(What::ObserverFailed {
        observer: "group".to_owned(),
        why: "Gehe1m-und-lang".to_owned(),
    });
    let config = [("any.name".to_owned(), "Gehe1m-und-lang".to_owned())];
    let archive = run
        .scenario()
        .route
        .connectors()
        .next()
        .unwrap()
        .name
        .clone();
    journal.record(What::ConnectorConfig {
        connector: archive,
        config: Some(BTreeMap::from(config)),
    });
    let folder = reports.path().join("run");
    let log = folder.join("logs/w1-1.log");
    std::fs::write(
        &log,
        format!("{words}\nshort.password = a\nname: a\nGehe1mMIIEvQIBADANBgkqhkiG9w0BAQ\n"),
    )
    .unwrap();
    std::fs::create_dir(folder.join("logs/more")).unwrap();
    hide_secrets_in(&folder.join("logs"), journal).unwrap();
    let files = files_below(&folder);
    assert!(files.len() >= 5, "{files:?}");
    for file in &files {
        let text = String::from_utf8_lossy(&std::fs::read(file).unwrap()).into_owned();
        assert!(!text.contains("Gehe1m"), "{}:\n{text}", file.display());
    }
    let log = std::fs::read_to_string(&log).unwrap();
    assert!(
        log.contains("short.password = [hidden]\nname: a\n"),
        "{log}"
    );
}

#[test]
fn what_is_no_secret_stays_as_it_is() {
    let Scene { reports, run } = scene();
    let folder = RunFolder::open(&reports.path().join("run")).unwrap();
    let info = folder.info().unwrap();
    let config = &info.scenario.route.connectors().next().unwrap().config;
    for (name, value) in [
        ("short.password", "[hidden]"),
        ("number.password", "[hidden]"),
        ("db.password", "[hidden]"),
        ("ref.password", "${file:/etc/db.properties:password}"),
        ("token.cache.enabled", "true"),
        ("connection.url", "jdbc:oracle:thin:[hidden]@//h:1521/x"),
        ("hook.url", "https://hooks.slack.com/[hidden]"),
        ("connector.class", "FileStreamSink"),
    ] {
        assert_eq!(config.get(name).map(String::as_str), Some(value), "{name}");
    }
    assert_eq!(run.scenario().name, info.scenario.name);
    let text = std::fs::read_to_string(folder.join("scenario.yaml")).unwrap();
    let again =
        crate::scenario::parse("s.yaml", &text).unwrap_or_else(|error| panic!("{text}{error}"));
    assert_eq!(again, info.scenario, "{text}");
}
