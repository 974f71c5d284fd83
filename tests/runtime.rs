//! The process runtime on real Kafka: coming up, being killed, coming back, going down, and dying with its harness.
#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use common::{assert_stops, dumped};
use squall::journal::{Clock, Deadline, Exit, Journal, RunFolder, What};
use squall::model::{KafkaVersion, WorkerName};
use squall::runtime::process::{ClusterSpec, ProcessCluster, StartStyle, prepare};
use squall::runtime::{Act, Ledger, Runtime, RuntimeError, UserFolders, clean};

const LIMIT: Duration = Duration::from_secs(60);

struct Scene {
    _temp: tempfile::TempDir,
    folder: RunFolder,
    journal: Journal,
    spec: ClusterSpec,
}

/// A run folder of its own; the cache is the user's, so that Kafka is fetched once.
fn scene(run: &str, workers: u32) -> Scene {
    let temp = tempfile::tempdir().unwrap();
    scene_in(temp, run, workers)
}

fn scene_in(temp: tempfile::TempDir, run: &str, workers: u32) -> Scene {
    let folder = RunFolder::create(temp.path(), "run").unwrap();
    let journal = Journal::create(&folder, Clock::start()).unwrap();
    let folders = UserFolders {
        cache: UserFolders::from_env().cache,
        state: temp.path().join("state"),
        temp: temp.path().join("temp"),
    };
    let ledger = Ledger::create(&folders, run, folder.path()).unwrap();
    let version = KafkaVersion::new(4, 1, 1);
    let spec = ClusterSpec {
        kafka_version: version,
        brokers: 1,
        connect_version: version,
        workers: (1..=workers).map(|n| name(&format!("w{n}"))).collect(),
        worker_config: BTreeMap::new(),
        plugins: Vec::new(),
        plugin_base: PathBuf::from("."),
        connector_classes: vec!["MirrorSourceConnector".to_owned()],
        group_id: format!("squall-{run}"),
        logs: folder.logs(),
        data: folder.data(),
        folders,
        kafka_home: None,
        java: None,
        style: StartStyle::Together,
        ready_limit: LIMIT,
        ledger,
    };
    Scene {
        _temp: temp,
        folder,
        journal,
        spec,
    }
}

fn name(text: &str) -> WorkerName {
    WorkerName::new(text).unwrap()
}

fn started(scene: &Scene) -> ProcessCluster {
    let stop = AtomicBool::new(false);
    let prepared = prepare(&scene.spec, &scene.journal, &stop).unwrap();
    ProcessCluster::start(&scene.spec, &prepared, &scene.journal, &stop).unwrap()
}

fn processes_of(run: &str) -> Vec<u32> {
    let token = format!("-Dsquall.run={run}");
    let pids = std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid: &u32| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        line.split(|byte| *byte == 0)
            .any(|argument| argument == token.as_bytes())
    })
    .collect()
}

fn await_that(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Deadline::after(LIMIT);
    while !condition() {
        assert!(!deadline.has_passed(), "awaited: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn events(scene: &Scene) -> Vec<What> {
    scene
        .folder
        .events()
        .unwrap()
        .events
        .into_iter()
        .map(|event| event.what)
        .collect()
}

fn is_ready(what: &What, who: &str, start: u32) -> bool {
    matches!(what, What::ProcessReady { name, incarnation, .. } if name == who && *incarnation == start)
}

#[test]
fn workers_are_killed_stopped_and_come_back_on_the_same_port_and_nothing_is_left_at_the_end() {
    let run = format!("life-{}", std::process::id());
    let scene = scene(&run, 2);
    let cluster = started(&scene);
    let (w1, w2) = (name("w1"), name("w2"));
    let url = cluster.rest_url(&w1).unwrap();
    assert_eq!(processes_of(&run).len(), 3);

    let stacks = dumped(&cluster, &w1);
    assert!(
        stacks
            .iter()
            .any(|stack| stack.thread.starts_with("DistributedHerder-connect-"))
    );
    cluster.act(&w1, Act::Kill).unwrap();
    assert_eq!(
        cluster.wait_ended(&w1, LIMIT).unwrap(),
        Some(Exit::Signal(9))
    );
    assert!(!cluster.is_up(&w1) && cluster.is_up(&w2));
    assert!(matches!(
        cluster.act(&w1, Act::Kill),
        Err(RuntimeError::WorkerDown(_))
    ));
    assert!(matches!(
        cluster.start_worker(&w2),
        Err(RuntimeError::WorkerUp(_))
    ));
    cluster.start_worker(&w1).unwrap();
    assert_eq!(cluster.rest_url(&w1).unwrap(), url);

    cluster.act(&w2, Act::Terminate).unwrap();
    assert_stops(&cluster, &w2, LIMIT);
    await_that("w1 answers again", || {
        events(&scene).iter().any(|what| is_ready(what, "w1", 2))
    });
    assert_eq!(cluster.unasked_deaths(), vec![]);
    let logs: Vec<PathBuf> = cluster
        .log_files()
        .into_iter()
        .map(|log| log.path)
        .collect();
    assert_eq!(
        logs,
        ["w1-1", "w2-1", "w1-2"].map(|log| scene.folder.logs().join(format!("{log}.log")))
    );
    let last = std::fs::read_to_string(&logs[2]).unwrap();
    assert!(last.contains(" INFO "));

    cluster.take_down();
    cluster.take_down();
    assert_eq!(processes_of(&run), Vec::<u32>::new());
    assert!(
        !scene
            .spec
            .folders
            .temp
            .join(format!("squall-{run}"))
            .exists()
    );
    let ends = events(&scene)
        .iter()
        .filter(|what| matches!(what, What::ProcessEnded { asked: true, .. }))
        .count();
    assert_eq!(ends, 4);
    assert!(matches!(
        cluster.start_worker(&w1),
        Err(RuntimeError::Interrupted(_))
    ));
}

#[test]
fn a_worker_that_cannot_start_ends_the_wait_at_once_with_its_last_words() {
    let run = format!("bad-{}", std::process::id());
    let mut scene = scene(&run, 1);
    scene.spec.worker_config.insert(
        "scheduled.rebalance.max.delay.ms".to_owned(),
        "soon".to_owned(),
    );
    let stop = AtomicBool::new(false);
    let prepared = prepare(&scene.spec, &scene.journal, &stop).unwrap();
    let error = ProcessCluster::start(&scene.spec, &prepared, &scene.journal, &stop)
        .err()
        .unwrap();
    assert!(
        matches!(&error, RuntimeError::Died { who, .. } if who == "w1"),
        "{error}"
    );
    assert!(error.to_string().contains("soon"), "{error}");
    assert_eq!(processes_of(&run), Vec::<u32>::new());
}

#[test]
fn an_interrupt_while_starting_leaves_nothing() {
    let run = format!("stop-{}", std::process::id());
    let scene = scene(&run, 1);
    let stop = AtomicBool::new(false);
    let prepared = prepare(&scene.spec, &scene.journal, &stop).unwrap();
    stop.store(true, std::sync::atomic::Ordering::SeqCst);
    let error = ProcessCluster::start(&scene.spec, &prepared, &scene.journal, &stop)
        .err()
        .unwrap();
    assert!(matches!(error, RuntimeError::Interrupted(_)), "{error}");
    assert_eq!(processes_of(&run), Vec::<u32>::new());
}

/// Not a test of its own: the harness that [`no_jvm_outlives_a_harness_that_was_killed`] kills.
#[test]
#[ignore = "the victim of another test, which runs it as a process of its own"]
fn a_harness_to_be_killed() {
    let Some(folder) = std::env::var_os("SQUALL_TEST_VICTIM") else {
        return;
    };
    let temp = tempfile::tempdir_in(&folder).unwrap();
    let scene = scene_in(temp, "victim", 1);
    let _cluster = started(&scene);
    let state = Path::new(&folder).join("state");
    let half = state.with_extension("half");
    std::fs::write(
        &half,
        scene.spec.folders.state.as_os_str().as_encoded_bytes(),
    )
    .unwrap();
    std::fs::rename(half, state).unwrap();
    std::thread::sleep(LIMIT);
}

#[test]
fn no_jvm_outlives_a_harness_that_was_killed() {
    let temp = tempfile::tempdir().unwrap();
    let mut harness = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "a_harness_to_be_killed"])
        .env("SQUALL_TEST_VICTIM", temp.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let state = temp.path().join("state");
    await_that("the other harness has its cluster", || state.exists());
    assert_eq!(processes_of("victim").len(), 2);
    harness.kill().unwrap();
    harness.wait().unwrap();
    await_that("its JVMs are gone", || processes_of("victim").is_empty());
    let folders = UserFolders {
        state: PathBuf::from(std::fs::read_to_string(&state).unwrap()),
        ..UserFolders::from_env()
    };
    let report = clean(&folders).unwrap();
    assert_eq!((report.runs.len(), report.left.len()), (1, 0), "{report:?}");
    assert_eq!(report.runs[0].removed.len(), 1);
    assert!(!report.runs[0].removed[0].exists());
}
