//! Bad luck: what is missing on the machine, what dies, and who pulls the plug; each with its exit code and nothing left behind.
#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod common;

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use common::{Running, one_cluster, outcome, processes_with, squall};
use squall::journal::{Deadline, Phase, RunFolder, What};

const SMALL: &str = r"
name: small
question: What happens when luck is bad?
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

fn run_id(run: &Running) -> String {
    RunFolder::open(&run.folder())
        .unwrap()
        .info()
        .unwrap()
        .stream
        .to_string()
}

/// The process of a broker or worker, once it was started.
fn pid_of(run: &mut Running, who: &str) -> u32 {
    let is_it = |what: &What| matches!(what, What::ProcessStarted { name, .. } if name == who);
    let What::ProcessStarted { pid, .. } = run.wait_for(who, is_it).what else {
        unreachable!("that was asked for")
    };
    pid
}

/// Sends a signal past the harness.
fn signal(pid: u32, name: &str) {
    let sent = Command::new("kill").args([name, &pid.to_string()]).status();
    assert!(sent.unwrap().success());
}

fn wait_until_gone(text: &str) {
    let deadline = Deadline::after(Duration::from_secs(10));
    while !processes_with(text).is_empty() {
        assert!(
            !deadline.has_passed(),
            "still there: {:?}",
            processes_with(text)
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn is_flowing(what: &What) -> bool {
    matches!(what, What::BaselineReached { .. })
}

#[test]
fn no_process_outlives_a_harness_that_was_killed_and_clean_undoes_the_rest() {
    let _turn = one_cluster();
    let mut run = Running::start(SMALL, &[]);
    run.wait_for("the baseline", is_flowing);
    let id = run_id(&run);
    assert!(
        processes_with(&id).len() >= 3,
        "a broker and two workers should run"
    );
    run.signal("-KILL");
    run.end();
    wait_until_gone(&id);
    let state = run.home.path().join("state");
    let (code, stdout, stderr) = outcome(
        &squall(&["clean"])
            .env("SQUALL_STATE", &state)
            .output()
            .unwrap(),
    );
    assert_eq!(code, 0, "{stdout}{stderr}");
    let (code, stdout, _) = outcome(
        &squall(&["clean", "--format", "json"])
            .env("SQUALL_STATE", &state)
            .output()
            .unwrap(),
    );
    assert_eq!(code, 0);
    let report: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(report["runs"].as_array().map(Vec::len), Some(0), "{report}");
    let (code, stdout, _) = outcome(
        &squall(&["verify", run.folder().to_str().unwrap()])
            .output()
            .unwrap(),
    );
    assert_eq!(code, 3, "{stdout}");
}

#[test]
fn the_first_interrupt_ends_the_run_with_a_report() {
    let _turn = one_cluster();
    let mut run = Running::start(SMALL, &[]);
    run.wait_for("the baseline", is_flowing);
    let id = run_id(&run);
    run.signal("-INT");
    let (code, result) = run.judged();
    assert_eq!(code, 130, "{}", run.stderr());
    assert_eq!(result["interrupted"], true);
    assert_ne!(result["verdict"], "held");
    wait_until_gone(&id);
}

#[test]
fn a_termination_or_a_closed_terminal_while_the_cluster_comes_up_leaves_nothing() {
    let _turn = one_cluster();
    for (signal, expected) in [("-TERM", 143), ("-HUP", 129)] {
        if signal == "-HUP" && hangups_are_ignored() {
            continue;
        }
        let mut run = Running::start(SMALL, &[]);
        run.wait_for("the first process", |what| {
            matches!(what, What::ProcessStarted { .. })
        });
        let id = run_id(&run);
        run.signal(signal);
        assert_eq!(run.end(), expected, "{}", run.stderr());
        wait_until_gone(&id);
    }
}

/// Whether these tests run under `nohup`: then so does what they start, and it outlives its terminal as it should.
fn hangups_are_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    u64::from_str_radix(ignored.unwrap().trim(), 16).unwrap() & 1 == 1
}

#[test]
fn two_interrupts_leave_at_once_and_leave_nothing() {
    let _turn = one_cluster();
    let mut run = Running::start(SMALL, &[]);
    run.wait_for("the deployment", |what| {
        matches!(what, What::PhaseBegan(Phase::Deploy))
    });
    let id = run_id(&run);
    run.signal("-INT");
    run.signal("-INT");
    assert_eq!(run.end(), 130, "{}", run.stderr());
    wait_until_gone(&id);
}

#[test]
fn a_broker_that_dies_unasked_is_a_failure_of_the_environment_never_a_finding() {
    let _turn = one_cluster();
    let mut run = Running::start(SMALL, &[]);
    let pid = pid_of(&mut run, "broker-1");
    run.wait_for("the baseline", is_flowing);
    signal(pid, "-KILL");
    let (code, result) = run.judged();
    assert_eq!(code, 4, "{}", run.stderr());
    assert!(
        result["environment-failure"]
            .as_str()
            .unwrap()
            .contains("broker"),
        "{result:#}"
    );
    for answer in result["guarantees"].as_array().unwrap() {
        assert_ne!(answer["verdict"], "broken", "{answer}");
    }
}

#[test]
fn a_worker_that_somebody_else_makes_stand_still_is_a_failure_of_the_environment() {
    let _turn = one_cluster();
    let mut run = Running::start(SMALL, &[]);
    let pid = pid_of(&mut run, "w2");
    run.wait_for("the baseline", is_flowing);
    signal(pid, "-STOP");
    let (code, result) = run.judged();
    assert_eq!(code, 4, "{}", run.stderr());
    let why = result["environment-failure"].as_str().unwrap();
    assert!(why.contains("SIGSTOP") && why.contains("w2"), "{why}");
}

#[test]
fn a_connector_that_fails_at_deployment_shows_its_trace() {
    let _turn = one_cluster();
    let scenario = SMALL.replace(
        "tasks.max: 1}",
        "tasks.max: 1, source.consumer.isolation.level: nonsense}",
    );
    let mut run = Running::start(&scenario, &[]);
    let (code, result) = run.judged();
    assert_eq!(code, 4, "{}{}", run.stderr(), run.stdout());
    let why = result["environment-failure"].as_str().unwrap();
    assert!(
        why.contains("isolation.level") && why.contains("mirror-0"),
        "{why}"
    );
}

#[test]
fn a_machine_without_java_is_told_so() {
    let home = tempfile::tempdir().unwrap();
    let scenario = home.path().join("small.yaml");
    std::fs::write(&scenario, SMALL).unwrap();
    let output = squall(&[
        "run",
        scenario.to_str().unwrap(),
        "--reports",
        home.path().join("reports").to_str().unwrap(),
    ])
    .env("PATH", home.path())
    .env_remove("JAVA_HOME")
    .env("SQUALL_STATE", home.path().join("state"))
    .output()
    .unwrap();
    let (code, stdout, stderr) = outcome(&output);
    assert_eq!(code, 4, "{stdout}{stderr}");
    assert!(
        format!("{stdout}{stderr}").to_lowercase().contains("java"),
        "{stdout}{stderr}"
    );
}

#[test]
fn a_full_disk_ends_the_run_with_the_environments_code() {
    let output = squall(&["run", "quickstart", "--reports", "/dev/full/reports"])
        .output()
        .unwrap();
    let (code, _, stderr) = outcome(&output);
    assert_eq!(code, 4, "{stderr}");
    assert!(stderr.contains("/dev/full"), "{stderr}");
}

/// The temporary folder of a run, from its ledger.
fn temporary_folder(run: &Running) -> PathBuf {
    let ledger = run
        .home
        .path()
        .join(format!("state/ledger/{}.jsonl", run_id(run)));
    let text = std::fs::read_to_string(ledger).unwrap();
    let mut folders = text.lines().filter_map(|line| {
        let thing: serde_json::Value = serde_json::from_str(line).unwrap();
        Some(PathBuf::from(thing.get("folder")?.as_str()?))
    });
    folders.next_back().unwrap()
}

/// Another user of the machine reads nothing of a run. Who is not root cannot become another user: then only the rights
/// are shown, and the test says so.
fn no_stranger_reads(run: &Running) {
    let temporary = temporary_folder(run);
    let settings = temporary.join("w1.properties");
    let rights = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((rights(&temporary), rights(&settings)), (0o700, 0o600));
    assert_eq!(rights(&run.folder()), 0o700);
    let info = std::fs::read_to_string(run.folder().join("run.json")).unwrap();
    let name = temporary
        .file_name()
        .unwrap()
        .to_string_lossy()
        .into_owned();
    assert!(
        !info.contains(&name) && !name.contains(&run_id(run)),
        "{name}"
    );
    for path in [
        settings,
        run.folder().join("run.json"),
        run.folder().join("logs/w1-1.log"),
    ] {
        let mut command = Command::new("cat");
        let tried = command.arg(&path).uid(65_534).gid(65_534).output();
        match tried {
            Ok(tried) => assert!(!tried.status.success(), "{} was read", path.display()),
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied),
        }
    }
}

#[test]
fn no_secret_of_a_scenario_reaches_a_file_the_terminal_or_another_user() {
    let _turn = one_cluster();
    let secret = "hunter2-and-more";
    let scenario = SMALL
        .replace("duration: 120s", "duration: 1s")
        .replace("name: small", &format!("# {secret}\nname: small"))
        .replace("session.timeout.ms: 6000}", "session.timeout.ms: 6000, ssl.key.password: \"hunter2-\\x61nd-more\"}")
        .replace("tasks.max: 1}", &format!("tasks.max: 1, source.cluster.ssl.truststore.password: '{secret}', my.api.key: {secret}, a.pwd: e, my.note: {secret}}}"));
    let mut run = Running::start(&scenario, &[]);
    run.wait_for(
        "w1",
        |what| matches!(what, What::ProcessStarted { name, .. } if name == "w1"),
    );
    no_stranger_reads(&run);
    let code = run.end();
    assert_eq!(code, 0, "{}{}", run.stderr(), run.stdout());
    std::fs::remove_file(run.home.path().join("scenario.yaml")).unwrap();
    let found = Command::new("grep")
        .args(["-rla", secret])
        .arg(run.home.path())
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&found.stdout), "");
}
