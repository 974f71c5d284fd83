//! The docker runtime on a real engine: faults and their proof, logs, whole scenarios, and what becomes of a harness that was killed.
#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use common::{Running, assert_stops, dumped, one_cluster, outcome, squall};
use serde_json::Value;
use squall::connect::Rest;
use squall::journal::{Clock, Deadline, Exit, Journal, RunFolder, What};
use squall::model::{KafkaVersion, WorkerName};
use squall::runtime::docker::{DockerCluster, prepare};
use squall::runtime::{
    Act, ClusterSpec, Condition, Ledger, Runtime, RuntimeError, StartStyle, UserFolders,
};

const LIMIT: Duration = Duration::from_secs(90);
const ASK_LIMIT: Duration = Duration::from_secs(2);
const IMAGE: &str = "squall/kafka:4.1.1";

const SMALL: &str = r"
name: small
question: What happens to containers when luck is bad?
connect:
  workers: 2
  config: {offset.flush.interval.ms: 1000, scheduled.rebalance.max.delay.ms: 1000, session.timeout.ms: 6000}
stream: {lanes: 2, rate: 200/s, record-size: 100}
duration: 120s
route:
  - feed: {topic: orders, partitions: 2}
  - connector: {name: mirror, config: {connector.class: MirrorSourceConnector, tasks.max: 1}}
  - tap: {topic: src.orders, partitions: 2}
expect: {lost: 0}
";

/// `docker` with these arguments: its success and what it printed. Without an engine the test fails.
fn docker(arguments: &[&str]) -> (bool, String) {
    let output = Command::new("docker").args(arguments).output().unwrap();
    let (code, stdout, stderr) = outcome(&output);
    (code == 0, format!("{stdout}{stderr}"))
}

fn docker_must(arguments: &[&str]) -> String {
    let (succeeded, said) = docker(arguments);
    assert!(succeeded, "docker {}: {said}", arguments.join(" "));
    said
}

/// The image that all tests run on; built once when it is not there, while others wait.
fn need_image() {
    let lock = std::env::temp_dir().join("squall-test-image.lock");
    let lock = std::fs::File::create(lock).unwrap();
    lock.lock().unwrap();
    docker_must(&["version"]);
    if !docker(&["image", "inspect", IMAGE]).0 {
        let (code, _, stderr) = outcome(&squall(&["image", "build"]).output().unwrap());
        assert_eq!(code, 0, "{stderr}");
    }
    assert!(docker(&["image", "inspect", IMAGE]).0);
}

struct Scene {
    _temp: tempfile::TempDir,
    folder: RunFolder,
    journal: Journal,
    spec: ClusterSpec,
}

fn scene(run: &str, brokers: u32, workers: u32) -> Scene {
    need_image();
    let temp = tempfile::tempdir().unwrap();
    let folder = RunFolder::create(temp.path(), "run").unwrap();
    let journal = Journal::create(&folder, Clock::start()).unwrap();
    let folders = UserFolders {
        cache: UserFolders::from_env().cache,
        state: temp.path().join("state"),
        temp: temp.path().join("temp"),
    };
    let run = format!("{run}-{}", std::process::id());
    let ledger = Ledger::create(&folders, &run, folder.path()).unwrap();
    let version = KafkaVersion::new(4, 1, 1);
    let spec = ClusterSpec {
        kafka_version: version,
        brokers,
        connect_version: version,
        workers: (1..=workers).map(|n| name(&format!("w{n}"))).collect(),
        worker_config: BTreeMap::from([
            ("session.timeout.ms".to_owned(), "6000".to_owned()),
            (
                "scheduled.rebalance.max.delay.ms".to_owned(),
                "1000".to_owned(),
            ),
        ]),
        plugins: Vec::new(),
        plugin_base: PathBuf::from("."),
        connector_classes: Vec::new(),
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

impl Scene {
    fn started(&self) -> DockerCluster {
        let stop = AtomicBool::new(false);
        let prepared = prepare(&self.spec, None, &self.journal, &stop).unwrap();
        DockerCluster::start(&self.spec, &prepared, &self.journal, &stop).unwrap()
    }

    fn events(&self) -> Vec<What> {
        let events = self.folder.events().unwrap().events;
        events.into_iter().map(|event| event.what).collect()
    }

    fn assert_nothing_left(&self) {
        assert_eq!(things_of(self.spec.ledger.run()), Vec::<String>::new());
        let temp = std::fs::read_dir(&self.spec.folders.temp).unwrap();
        assert_eq!(temp.count(), 0);
    }
}

/// Containers and networks that carry the run's label.
fn things_of(run: &str) -> Vec<String> {
    let label = format!("label=squall.run={run}");
    let containers = docker_must(&["ps", "--all", "--filter", &label, "--format", "{{.Names}}"]);
    let networks = docker_must(&["network", "ls", "--filter", &label, "--format", "{{.Name}}"]);
    let all = containers.lines().chain(networks.lines());
    all.map(str::to_owned).collect()
}

fn name(text: &str) -> WorkerName {
    WorkerName::new(text).unwrap()
}

fn await_that(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Deadline::after(LIMIT);
    while !condition() {
        assert!(!deadline.has_passed(), "awaited: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn answers(cluster: &DockerCluster, worker: &WorkerName) -> bool {
    let url = cluster.rest_url(worker).unwrap();
    Rest::new(&url).unwrap().info(ASK_LIMIT).is_ok()
}

fn address(cluster: &DockerCluster, worker: &WorkerName) -> String {
    let container = cluster.container(worker).unwrap();
    let form =
        "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}} {{json .NetworkSettings.Ports}}";
    docker_must(&["inspect", "--format", form, &container])
}

fn await_condition(cluster: &DockerCluster, worker: &WorkerName, wanted: Condition) {
    await_that(&format!("{worker} is {wanted:?}"), || {
        cluster.condition(worker).unwrap() == wanted
    });
}

#[test]
fn workers_are_paused_cut_off_killed_and_stopped_and_come_back_as_they_were() {
    let _turn = one_cluster();
    let scene = scene("acts", 1, 2);
    let cluster = scene.started();
    let (w1, w2) = (name("w1"), name("w2"));
    let before = address(&cluster, &w1);
    assert!(before.contains("127.0.0.1"), "{before}");
    assert!(!before.contains("0.0.0.0"), "{before}");
    let id = cluster.worker_id(&w1).unwrap();
    assert_eq!(id, format!("{}:8083", cluster.container(&w1).unwrap()));

    assert!(!dumped(&cluster, &w1).is_empty());
    cluster.act(&w1, Act::Pause).unwrap();
    await_condition(&cluster, &w1, Condition::Paused);
    assert!(!answers(&cluster, &w1) && answers(&cluster, &w2));
    cluster.act(&w1, Act::Resume).unwrap();
    await_condition(&cluster, &w1, Condition::Running);
    await_that("w1 answers after its pause", || answers(&cluster, &w1));

    cluster.act(&w1, Act::Disconnect).unwrap();
    await_condition(&cluster, &w1, Condition::Disconnected);
    assert!(!answers(&cluster, &w1) && answers(&cluster, &w2));
    cluster.act(&w1, Act::Reconnect).unwrap();
    await_condition(&cluster, &w1, Condition::Running);
    await_that("w1 answers after its loss of network", || {
        answers(&cluster, &w1)
    });
    assert_eq!(address(&cluster, &w1), before);

    cluster.act(&w1, Act::Kill).unwrap();
    cluster.act(&w2, Act::Terminate).unwrap();
    let killed = cluster.wait_ended(&w1, LIMIT).unwrap();
    assert_eq!(killed, Some(Exit::Signal(9)));
    assert_stops(&cluster, &w2, LIMIT);
    assert!(matches!(
        cluster.act(&w1, Act::Kill),
        Err(RuntimeError::WorkerDown(_))
    ));
    // In the other order: who comes first must not take the other's address.
    cluster.start_worker(&w2).unwrap();
    cluster.start_worker(&w1).unwrap();
    assert!(matches!(
        cluster.start_worker(&w1),
        Err(RuntimeError::WorkerUp(_))
    ));
    await_that("both answer again", || {
        answers(&cluster, &w1) && answers(&cluster, &w2)
    });
    assert_eq!(address(&cluster, &w1), before);

    // A worker that stands still can be killed, and one that stands still without a network can be taken down.
    cluster.act(&w2, Act::Pause).unwrap();
    cluster.act(&w2, Act::Kill).unwrap();
    let killed = cluster.wait_ended(&w2, LIMIT).unwrap();
    assert_eq!(killed, Some(Exit::Signal(9)));
    cluster.act(&w1, Act::Disconnect).unwrap();
    cluster.act(&w1, Act::Pause).unwrap();
    assert_eq!(cluster.trouble(), Vec::<String>::new());
    assert_eq!(cluster.unasked_deaths(), vec![]);
    cluster.take_down();
    cluster.take_down();
    scene.assert_nothing_left();
    let unasked = |what: &What| matches!(what, What::ProcessEnded { asked: false, .. });
    assert!(!scene.events().iter().any(unasked));
    assert!(matches!(
        cluster.start_worker(&w1),
        Err(RuntimeError::Interrupted(_))
    ));
}

/// Everything that the engine has of a container's log, in its order, without times.
fn whole_log(container: &str) -> Vec<String> {
    let script = format!("docker logs {container} 2>&1");
    let output = Command::new("bash").args(["-c", &script]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().map(str::to_owned).collect()
}

fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort_unstable();
    lines
}

#[test]
fn each_line_of_a_log_stands_once_in_the_file_of_its_start() {
    let _turn = one_cluster();
    let scene = scene("logs", 1, 1);
    let cluster = scene.started();
    let w1 = name("w1");
    let container = cluster.container(&w1).unwrap();
    for round in 1..=3_u32 {
        let rest = Rest::new(&cluster.rest_url(&w1).unwrap()).unwrap();
        await_that("the worker answers", || rest.info(ASK_LIMIT).is_ok());
        // As many lines as the worker can write, until it is killed in the middle of them.
        rest.set_logger("root", "TRACE", LIMIT).unwrap();
        let log = scene.folder.logs().join(format!("w1-{round}.log"));
        let size = |path: &Path| path.metadata().unwrap().len();
        let begun = size(&log);
        await_that("many lines", || {
            let _ = rest.info(ASK_LIMIT);
            size(&log) > begun + 500_000
        });
        cluster.act(&w1, Act::Kill).unwrap();
        assert_eq!(
            cluster.wait_ended(&w1, LIMIT).unwrap(),
            Some(Exit::Signal(9))
        );
        if round < 3 {
            cluster.start_worker(&w1).unwrap();
        }
    }
    let all = whole_log(&container);
    assert!(all.len() > 3_000, "{} lines", all.len());
    cluster.take_down();
    let mut followed: Vec<String> = Vec::new();
    for log in cluster.log_files() {
        let text = String::from_utf8_lossy(&std::fs::read(&log.path).unwrap()).into_owned();
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let starts = lines
            .iter()
            .filter(|line| line.contains("Kafka Connect worker initializing"));
        assert_eq!(starts.count(), 1, "{}", log.path.display());
        followed.extend(lines);
    }
    assert_eq!(cluster.log_files().len(), 3);
    assert_eq!(followed.len(), all.len());
    // Two streams may be told in another order; nothing else may differ.
    assert!(sorted(followed) == sorted(all), "lines differ");
    scene.assert_nothing_left();
}

#[test]
fn what_somebody_else_does_to_a_container_is_told_apart_from_an_act() {
    let _turn = one_cluster();
    let scene = scene("others", 1, 2);
    let cluster = scene.started();
    let (w1, w2) = (name("w1"), name("w2"));
    let [c1, c2] = [&w1, &w2].map(|worker| cluster.container(worker).unwrap());
    let network = format!("squall-{}", scene.spec.ledger.run());
    let told = |words: &str| {
        await_that(words, || {
            cluster.trouble().iter().any(|told| told.contains(words))
        });
    };
    docker_must(&["pause", &c1]);
    told("paused w1");
    docker_must(&["unpause", &c1]);
    told("resumed w1");
    docker_must(&["network", "disconnect", &network, &c1]);
    told("took w1 off its network");
    assert_eq!(cluster.unasked_deaths(), vec![]);
    // A signal past the engine gives no event.
    let pid = docker_must(&["inspect", "--format", "{{.State.Pid}}", &c2]);
    let signal = |name: &str| {
        let sent = Command::new("kill").args([name, pid.trim()]).status();
        assert!(sent.unwrap().success());
    };
    assert_eq!(cluster.out_of_step(), Vec::<String>::new());
    signal("-STOP");
    await_that("w2 stands still", || {
        cluster.out_of_step() == ["somebody else stopped (SIGSTOP) the process of w2"]
    });
    signal("-CONT");
    await_that("w2 goes on", || cluster.out_of_step().is_empty());
    docker_must(&["kill", "--signal", "KILL", &c2]);
    await_that("the death", || !cluster.unasked_deaths().is_empty());
    assert_eq!(
        cluster.unasked_deaths(),
        vec![("w2".to_owned(), Exit::Signal(9))]
    );
    told("sent signal 9 to w2");
    drop(cluster);
    scene.assert_nothing_left();
}

#[test]
fn three_brokers_serve_containers_and_this_machine() {
    let _turn = one_cluster();
    let scene = scene("three", 3, 1);
    let cluster = scene.started();
    assert_eq!(cluster.bootstrap().split(',').count(), 3);
    let admin = squall::kafka::Admin::new(&cluster.cluster()).unwrap();
    admin.wait_ready(3, Deadline::after(LIMIT)).unwrap();
    let facts = cluster.facts();
    assert_eq!(facts["image"], IMAGE);
    assert!(facts["image-id"].starts_with("sha256:"), "{facts:?}");
    assert!(!facts["engine"].is_empty() && !facts["api"].is_empty());
    cluster.take_down();
    scene.assert_nothing_left();
}

#[test]
fn an_interrupt_while_starting_leaves_nothing() {
    let _turn = one_cluster();
    let scene = scene("stop", 1, 1);
    let stop = AtomicBool::new(false);
    let prepared = prepare(&scene.spec, None, &scene.journal, &stop).unwrap();
    stop.store(true, std::sync::atomic::Ordering::SeqCst);
    let error = DockerCluster::start(&scene.spec, &prepared, &scene.journal, &stop)
        .err()
        .unwrap();
    assert!(matches!(error, RuntimeError::Interrupted(_)), "{error}");
    scene.assert_nothing_left();
}

#[test]
fn a_worker_that_cannot_start_is_told_with_its_last_words() {
    let _turn = one_cluster();
    let mut scene = scene("bad", 1, 1);
    let key = "scheduled.rebalance.max.delay.ms".to_owned();
    scene.spec.worker_config.insert(key, "soon".to_owned());
    let stop = AtomicBool::new(false);
    let prepared = prepare(&scene.spec, None, &scene.journal, &stop).unwrap();
    let error = DockerCluster::start(&scene.spec, &prepared, &scene.journal, &stop)
        .err()
        .unwrap();
    assert!(
        matches!(&error, RuntimeError::Died { who, .. } if who == "w1"),
        "{error}"
    );
    assert!(error.to_string().contains("soon"), "{error}");
    scene.assert_nothing_left();
}

fn bundled(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("scenarios")
        .join(format!("{name}.yaml"));
    std::fs::read_to_string(path).unwrap()
}

/// Runs a bundled scenario with one seed to a verdict.
fn held(scenario: &str, runtime: &str) -> Value {
    let arguments = ["--runtime", runtime, "--seed", "7f3a-91c2"];
    let (run, code, result) = Running::to_verdict(&bundled(scenario), &arguments);
    assert_eq!(code, 0, "{}", run.story());
    let facts = &result["run"];
    assert_eq!(facts["faults-proven"], facts["faults-injected"]);
    assert_eq!(facts["runtime"], runtime);
    result
}

/// Runs a bundled scenario in containers and as processes, which must come to the same; returns what containers gave.
fn held_in_both(scenario: &str) -> Value {
    need_image();
    let (contained, processes) = (held(scenario, "docker"), held(scenario, "process"));
    assert_eq!(contained["verdict"], processes["verdict"]);
    assert_eq!(verdicts(&contained), verdicts(&processes));
    let injected = |result: &Value| result["run"]["faults-injected"].clone();
    assert_eq!(injected(&contained), injected(&processes));
    contained
}

/// Guarantees with their verdicts.
fn verdicts(result: &Value) -> BTreeSet<(String, String)> {
    let guarantees = result["guarantees"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    guarantees
        .iter()
        .map(|answer| (text(&answer["kind"]), text(&answer["verdict"])))
        .collect()
}

#[test]
fn the_quickstart_has_the_same_verdict_in_containers_as_in_processes() {
    let _turn = one_cluster();
    held_in_both("quickstart");
}

#[test]
fn an_exactly_once_source_has_the_same_verdict_in_containers_as_in_processes() {
    let _turn = one_cluster();
    held_in_both("exactly-once-source");
}

#[test]
fn files_are_shared_with_containers_and_have_the_same_verdict_as_in_processes() {
    let _turn = one_cluster();
    let result = held_in_both("file-to-file");
    assert!(result["feed"]["acked"].as_u64().unwrap() > 1_000);
}

fn is_flowing(what: &What) -> bool {
    matches!(what, What::BaselineReached { .. })
}

fn run_id(run: &Running) -> String {
    let info = RunFolder::open(&run.folder()).unwrap().info().unwrap();
    info.stream.to_string()
}

#[test]
fn clean_removes_what_a_killed_harness_left_and_nothing_else() {
    let _turn = one_cluster();
    need_image();
    let foreign = format!("foreign-{}", std::process::id());
    let mut run = Running::start(SMALL, &["--runtime", "docker"]);
    run.wait_for("the baseline", is_flowing);
    docker_must(&["run", "--detach", "--name", &foreign, IMAGE, "sleep", "300"]);
    let id = run_id(&run);
    let live = things_of(&id);
    assert_eq!(live.len(), 4, "{live:?}");
    let state = run.home.path().join("state");
    let clean = || {
        let output = squall(&["clean", "--format", "json"])
            .env("SQUALL_STATE", &state)
            .output();
        outcome(&output.unwrap())
    };
    // A live run is left alone, also by who finds only its labels.
    let (code, stdout, stderr) = clean();
    assert_eq!(code, 0, "{stdout}{stderr}");
    let elsewhere = tempfile::tempdir().unwrap();
    let output = squall(&["clean"])
        .env("SQUALL_STATE", elsewhere.path())
        .output();
    assert_eq!(outcome(&output.unwrap()).0, 0);
    assert_eq!(things_of(&id), live);

    run.signal("-KILL");
    run.end();
    let (code, stdout, stderr) = clean();
    assert_eq!(code, 0, "{stdout}{stderr}");
    assert_eq!(things_of(&id), Vec::<String>::new());
    let running = docker_must(&["inspect", "--format", "{{.State.Running}}", &foreign]);
    docker_must(&["rm", "--force", &foreign]);
    assert_eq!(running.trim(), "true");
}

/// Does this to a run that flows, of which its first worker's container and its network are told; the run must end as a
/// failure of the environment that names the worker, and leave nothing.
fn damaged(what: &str, damage: impl Fn(&str, &str)) {
    need_image();
    let mut run = Running::start(SMALL, &["--runtime", "docker"]);
    run.wait_for("the baseline", is_flowing);
    let id = run_id(&run);
    damage(&format!("squall-{id}-w1"), &format!("squall-{id}"));
    let (code, result) = run.judged();
    assert_eq!(code, 4, "{what}: {}\n{}", run.stderr(), run.stdout());
    for answer in result["guarantees"].as_array().unwrap() {
        assert_ne!(answer["verdict"], "broken", "{what}: {answer}");
    }
    let why = result["environment-failure"].as_str().unwrap();
    assert!(why.contains("w1"), "{what}: {why}");
    assert_eq!(things_of(&id), Vec::<String>::new(), "{what}");
}

#[test]
fn damage_from_outside_is_a_failure_of_the_environment_never_a_finding() {
    let _turn = one_cluster();
    damaged("a kill", |worker, _| drop(docker_must(&["kill", worker])));
    damaged("a pause", |worker, _| drop(docker_must(&["pause", worker])));
    damaged("a removal", |worker, _| {
        docker_must(&["rm", "--force", worker]);
    });
    damaged("a loss of network", |worker, network| {
        docker_must(&["network", "disconnect", network, worker]);
    });
}

#[test]
fn an_image_that_cannot_be_had_is_told_with_what_would_help() {
    let mut run = Running::start(
        SMALL,
        &["--runtime", "docker", "--image", "no.such/image:1"],
    );
    assert_eq!(run.end(), 4, "{}", run.stderr());
    let said = format!("{}{}", run.stdout(), run.stderr());
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("no.such/image:1"), "{said}");
    assert!(said.contains("squall image build"), "{said}");
}

#[test]
fn a_missing_engine_is_told_with_what_would_help_and_doctor_fails_only_when_it_is_asked_for() {
    let nowhere = tempfile::tempdir().unwrap();
    let host = format!("unix://{}/docker.sock", nowhere.path().display());
    let doctor = |arguments: &[&str]| {
        let mut command = squall(&["doctor"]);
        command.args(arguments).env("DOCKER_HOST", &host);
        outcome(&command.output().unwrap())
    };
    let (code, stdout, _) = doctor(&["--runtime", "docker"]);
    assert_eq!(code, 4, "{stdout}");
    assert!(stdout.contains("FAIL  Docker engine"), "{stdout}");
    let (code, stdout, _) = doctor(&[]);
    assert_eq!(code, 0, "{stdout}");
    assert!(stdout.contains("info  Docker engine"), "{stdout}");
}

#[test]
fn a_fault_that_processes_cannot_be_given_is_refused_before_anything_starts() {
    let home = tempfile::tempdir().unwrap();
    let reports = home.path().join("reports");
    let output = squall(&["run", "partition", "--reports", reports.to_str().unwrap()]).output();
    let (code, _, stderr) = outcome(&output.unwrap());
    assert_eq!(code, 2, "{stderr}");
    assert!(stderr.contains("F1: cannot disconnect"), "{stderr}");
    assert!(stderr.contains("--runtime docker"), "{stderr}");
    assert!(!reports.exists());
}
