//! What all tests of the program share: running it, reading its folders, and talking to its cluster from outside.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]
#![allow(clippy::print_stderr, reason = "a run that was repeated is to be seen")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use squall::connect::thread_dump::{first_whole, stacks_of};
use squall::journal::{Deadline, Event, Exit, RunFolder, Stack, What};
use squall::model::WorkerName;
use squall::runtime::{Act, Runtime};
use squall::verify::why_not_ended;

/// Real clusters are run one after the other: the machine may be small.
static ONE_CLUSTER: Mutex<()> = Mutex::new(());

/// Waits for the turn to run a real cluster.
pub fn one_cluster() -> MutexGuard<'static, ()> {
    ONE_CLUSTER.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The program under test.
pub fn squall(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_squall"));
    command
        .args(arguments)
        .env("NO_COLOR", "1")
        .env("CI", "true")
        .env_remove("GITHUB_STEP_SUMMARY");
    command.stdin(Stdio::null());
    command
}

/// Its exit code, stdout and stderr.
pub fn outcome(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code().unwrap_or(-1),
        text(&output.stdout),
        text(&output.stderr),
    )
}

/// A run of a scenario text in a temporary folder.
pub struct Running {
    /// Where everything of the run stands.
    pub home: tempfile::TempDir,
    child: Child,
}

impl Running {
    /// Starts `squall run` on the scenario.
    pub fn start(scenario: &str, arguments: &[&str]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("scenario.yaml");
        std::fs::write(&file, scenario).unwrap();
        let log = std::fs::File::create(home.path().join("stderr")).unwrap();
        let out = std::fs::File::create(home.path().join("stdout")).unwrap();
        let child = squall(&[
            "run",
            file.to_str().unwrap(),
            "--reports",
            home.path().join("reports").to_str().unwrap(),
        ])
        .args(arguments)
        .env("SQUALL_STATE", home.path().join("state"))
        .stdout(out)
        .stderr(log)
        .spawn()
        .unwrap();
        Self { home, child }
    }

    /// Runs the scenario to its verdict; anew when nothing but the one fault of Kafka Connect itself was found that lets
    /// a stop hang now and then, see `verify/stuck.rs`.
    pub fn to_verdict(scenario: &str, arguments: &[&str]) -> (Self, i32, Value) {
        let mut attempt = 1;
        loop {
            let mut run = Self::start(scenario, arguments);
            let (code, result) = run.judged();
            if attempt == 3 || !only_kafka_hung(&result) {
                return (run, code, result);
            }
            tell_again(&run.stdout());
            attempt += 1;
        }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The run's folder, as soon as it is there.
    pub fn folder(&self) -> PathBuf {
        let reports = self.home.path().join("reports");
        let deadline = Deadline::after(Duration::from_secs(30));
        while !deadline.has_passed() {
            let found = std::fs::read_dir(&reports)
                .into_iter()
                .flatten()
                .flatten()
                .find(|e| e.path().join("run.json").exists());
            if let Some(entry) = found {
                return entry.path();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("the run made no folder:\n{}", self.stderr());
    }

    /// What the run has printed to stderr so far.
    pub fn stderr(&self) -> String {
        std::fs::read_to_string(self.home.path().join("stderr")).unwrap_or_default()
    }

    /// What the run has printed to stdout so far.
    pub fn stdout(&self) -> String {
        std::fs::read_to_string(self.home.path().join("stdout")).unwrap_or_default()
    }

    /// What the run has printed and the last lines of all logs: for a failure that may not come a second time.
    pub fn story(&self) -> String {
        let mut story = format!("{}\n{}", self.stderr(), self.stdout());
        let mut logs: Vec<PathBuf> = std::fs::read_dir(self.folder().join("logs"))
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .collect();
        logs.sort();
        for log in logs {
            let text = std::fs::read(&log).unwrap_or_default();
            let text = String::from_utf8_lossy(&text);
            let lines: Vec<&str> = text.lines().collect();
            let end = &lines[lines.len().saturating_sub(40)..];
            story.push_str(&format!("\n== {}\n{}\n", log.display(), end.join("\n")));
        }
        story
    }

    /// Waits for an event; fails when the run ends before.
    pub fn wait_for(&mut self, what: &str, wanted: impl Fn(&What) -> bool) -> Event {
        let path = self.folder().join("events.jsonl");
        let deadline = Deadline::after(Duration::from_secs(180));
        while !deadline.has_passed() {
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            let events = text
                .lines()
                .filter_map(|line| serde_json::from_str::<Event>(line).ok());
            if let Some(event) = events.into_iter().find(|event| wanted(&event.what)) {
                return event;
            }
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!(
                    "the run ended with {status} before {what}:\n{}\n{}",
                    self.stderr(),
                    self.stdout()
                );
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("{what} did not come:\n{}", self.stderr());
    }

    /// Sends a signal to the harness.
    pub fn signal(&self, signal: &str) {
        let sent = Command::new("kill")
            .args([signal, &self.pid().to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
    }

    /// Waits for the end and returns the exit code.
    pub fn end(&mut self) -> i32 {
        self.child.wait().unwrap().code().unwrap_or(-1)
    }

    /// Waits for the end and returns exit code and result.
    pub fn judged(&mut self) -> (i32, Value) {
        let code = self.end();
        let path = self.folder().join("result.json");
        let bytes = std::fs::read(&path).unwrap_or_else(|error| {
            panic!("{error}: no result:\n{}\n{}", self.stderr(), self.stdout())
        });
        (code, serde_json::from_slice(&bytes).unwrap())
    }

    /// The REST address of the first worker.
    pub fn rest(&self) -> String {
        let info = RunFolder::open(&self.folder()).unwrap().info().unwrap();
        let id = info
            .worker_ids
            .values()
            .next()
            .expect("the workers are known by now")
            .clone();
        format!("http://{id}")
    }

    /// The brokers' address.
    pub fn bootstrap(&self) -> String {
        let info = RunFolder::open(&self.folder()).unwrap().info().unwrap();
        info.bootstrap
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How squall tells the hang of Kafka Connect's own.
pub const KAFKA_HUNG: &str = "for its own REST server";

/// Says that a run is repeated, and what the first one said.
pub fn tell_again(said: &str) {
    eprintln!("Kafka Connect hung at a stop; run anew:\n{said}");
}

fn only_kafka_hung(result: &Value) -> bool {
    let findings = result["findings"].as_array().unwrap();
    let overruns = findings
        .iter()
        .filter(|found| found["kind"] == "stop-overrun");
    let overruns: Vec<&Value> = overruns.collect();
    let broken = result["guarantees"].as_array().unwrap().iter();
    let broken = broken.filter(|answer| answer["verdict"] == "broken");
    // It stands still until its grace is over, which some scenarios allow for no recovery.
    let costs = ["stops", "recovery", "outage"];
    let is_known = |found: &&Value| found["text"].as_str().unwrap().contains(KAFKA_HUNG);
    !overruns.is_empty()
        && overruns.iter().all(is_known)
        && broken
            .into_iter()
            .all(|answer| costs.contains(&answer["kind"].as_str().unwrap()))
}

/// Asserts that a worker ends that was asked to stop. One that hangs in the fault of Kafka Connect's own is killed; any other
/// that does not end is a failure that shows where its threads stand.
pub fn assert_stops(cluster: &dyn Runtime, worker: &WorkerName, limit: Duration) {
    if let Some(exit) = cluster.wait_ended(worker, limit).unwrap() {
        assert_eq!(exit, Exit::Code(143));
        return;
    }
    let stacks = dumped(cluster, worker);
    let why = why_not_ended(&stacks).unwrap_or_default();
    assert!(
        why.contains(KAFKA_HUNG),
        "{worker} did not stop: {why}\n{stacks:#?}"
    );
    eprintln!("{worker}: {why}");
    cluster.act(worker, Act::Kill).unwrap();
    let killed = cluster.wait_ended(worker, limit).unwrap();
    assert_eq!(killed, Some(Exit::Signal(9)));
}

/// Asks a worker for a thread dump and returns all its stacks. It is asked again when no dump comes: a log that is followed
/// from elsewhere has none of what was written before its follower had begun.
pub fn dumped(cluster: &dyn Runtime, worker: &WorkerName) -> Vec<Stack> {
    let logs = cluster.log_files().into_iter();
    let own = logs.filter(|log| log.worker == *worker);
    let log = own.max_by_key(|log| log.incarnation).unwrap().path;
    let before = std::fs::read(&log).unwrap().len();
    let deadline = Deadline::after(Duration::from_secs(60));
    let mut patience = Deadline::after(Duration::ZERO);
    loop {
        if patience.has_passed() {
            cluster.act(worker, Act::DumpThreads).unwrap();
            patience = Deadline::after(Duration::from_secs(5));
        }
        let new = std::fs::read(&log).unwrap().split_off(before);
        if let Some(dump) = first_whole(&String::from_utf8_lossy(&new)) {
            return stacks_of(dump, &[""]);
        }
        assert!(!deadline.has_passed(), "{worker} wrote no thread dump");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The ledger of a tap in a result.
pub fn tap<'a>(result: &'a Value, place: &str) -> &'a Value {
    let taps = result["taps"].as_array().unwrap();
    taps.iter()
        .find(|tap| tap["place"] == place)
        .unwrap_or_else(|| panic!("no tap {place} in {result:#}"))
}

/// The answer to one guarantee in a result.
pub fn answer<'a>(result: &'a Value, guarantee: &str) -> &'a str {
    let all = result["guarantees"].as_array().unwrap();
    let found = all.iter().find(|answer| answer["kind"] == guarantee);
    found
        .and_then(|answer| answer["verdict"].as_str())
        .unwrap_or_else(|| panic!("no guarantee {guarantee} in {result:#}"))
}

/// Findings of one kind: count and connector.
pub fn findings(result: &Value, kind: &str) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for finding in result["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| finding["kind"] == kind)
    {
        let connector = finding["connector"].as_str().unwrap_or("nobody").to_owned();
        *counts.entry(connector).or_insert(0) += finding["count"].as_u64().unwrap();
    }
    counts
}

/// Copies a folder with everything in it.
pub fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Processes of this machine whose command line has this text.
pub fn processes_with(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let command = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let command = String::from_utf8_lossy(&command).replace('\0', " ");
        if command.contains(text) {
            found.push(command);
        }
    }
    found
}
