//! Runs on a cluster that somebody else started: certified, left as it was found, and refused whatever is not allowed.
#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod common;
mod foreign;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use common::{Running, dumped, one_cluster, outcome, squall};
use foreign::{Foreign, PASSWORD, free_ports, shell};
use squall::journal::{Clock, Deadline, Exit, Journal, Proof, RunFolder, What};
use squall::model::{Seed, WorkerName};
use squall::runtime::attached::{AttachedCluster, Joining};
use squall::runtime::{Act, Condition, Ledger, Runtime, RuntimeError, UserFolders};
use squall::scenario::inventory::{self, Inventory};

const LIMIT: Duration = Duration::from_secs(90);

fn bundled(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("scenarios")
        .join(format!("{name}.yaml"));
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn the_quickstart_holds_on_a_cluster_of_others_and_leaves_it_as_it_was() {
    let _turn = one_cluster();
    let foreign = Foreign::start(3);
    foreign.add_connector("theirs");
    foreign.add_sink("their-sink");
    // What the workers' logs tell need not be written.
    let text = foreign.inventory();
    let text = text.replace("  offset.flush.interval.ms: 1000\n", "");
    let inventory = foreign.write_inventory(&text);
    let before = foreign.belongings();
    let (run, code, result) =
        Running::to_verdict(&bundled("quickstart"), &["--attach", &inventory]);
    assert_eq!(code, 0, "{}", run.story());
    assert_eq!(result["verdict"], "held");
    assert_eq!(
        result["run"]["faults-proven"],
        result["run"]["faults-injected"]
    );
    assert_eq!(foreign.belongings(), before);
    let info = RunFolder::open(&run.folder()).unwrap().info().unwrap();
    assert_eq!(info.runtime, squall::model::RuntimeKind::Attached);
    let watched: Vec<String> = info.watched.iter().map(ToString::to_string).collect();
    assert_eq!(watched, ["their-sink", "theirs"]);
    assert_eq!(info.worker_config["offset.flush.interval.ms"], "1000");
    let commits = &result["watched"][0]["commits"];
    assert!(commits["commits"].as_u64().unwrap() > 0, "{commits}");
    let again: Vec<&str> = info.cluster_arguments.iter().map(String::as_str).collect();
    assert_eq!(again, ["--attach", inventory.as_str()]);
    assert_eq!(
        foreign.states("theirs"),
        BTreeMap::from([(0, "RUNNING".to_owned())])
    );
    let log = run.folder().join("logs/w1-1.log");
    assert!(std::fs::metadata(log).unwrap().len() > 0);
    let (code, said, _) = outcome(
        &squall(&["clean"])
            .env("SQUALL_STATE", run.home.path().join("state"))
            .output()
            .unwrap(),
    );
    assert_eq!((code, said.trim()), (0, "nothing to undo"));
}

/// A scenario without files, so that no folder need be shared.
fn mirror(faults: &str) -> String {
    format!(
        "name: mirror\nstream: {{lanes: 4, rate: 500/s}}\nroute:\n  - feed: {{topic: orders}}\n  - connector: {{name: mirror, config: {{connector.class: MirrorSourceConnector}}}}\n  - tap: {{topic: src.orders}}\nfaults:\n{faults}expect: {{lost: 0}}\n"
    )
}

/// A scenario whose connectors find their topics by patterns and rename them: here the run's own names must be in those.
fn patterns(faults: &str) -> String {
    format!(
        "name: patterns
stream: {{lanes: 4, rate: 500/s}}
route:
  - feed: {{topic: orders}}
  - connector:
      name: mirror
      config:
        connector.class: MirrorSourceConnector
        topics: .*
        transforms: rename
        transforms.rename.type: org.apache.kafka.connect.transforms.RegexRouter
        transforms.rename.regex: src[.](.*)
        transforms.rename.replacement: renamed-$1
  - tap: {{topic: renamed-orders}}
  - connector: {{name: archive, config: {{connector.class: FileStreamSink, topics.regex: '.*', consumer.override.group.id: archivists, errors.tolerance: all, errors.deadletterqueue.topic.name: dead, errors.deadletterqueue.topic.replication.factor: 1}}}}
  - tap: {{file: archive.txt}}
faults:
{faults}expect: {{lost: 0}}
"
    )
}

/// Exit code and stderr of a run that is to be refused.
fn refused(foreign: &Foreign, inventory: &str, faults: &str, more: &[&str]) -> (i32, String) {
    let inventory = foreign.write_inventory(inventory);
    let mut run = Running::start(&mirror(faults), &["--attach", &inventory]);
    if !more.is_empty() {
        run = Running::start(&mirror(faults), &[&["--attach", &inventory], more].concat());
    }
    let code = run.end();
    let said = format!("{}{}", run.stderr(), run.stdout());
    (code, one_line(&said))
}

/// What a terminal breaks into lines is one line again.
fn one_line(said: &str) -> String {
    said.split_whitespace().collect::<Vec<_>>().join(" ")
}

const KILL: &str = "  - kill: {target: any}\n";

/// The inventory with a worker that may not be touched.
fn without_control(inventory: &str, number: usize) -> String {
    let worker = format!("{{name: w{number},");
    let line = |line: &str| match line.split_once(", process:") {
        Some((start, _)) if line.contains(&worker) => format!("{start}}}\n"),
        _ => format!("{line}\n"),
    };
    inventory.lines().map(line).collect()
}

/// Name, inventory, faults, exit code, and what must be said.
type Case = (
    &'static str,
    String,
    &'static str,
    i32,
    &'static [&'static str],
);

/// Settings that the workers do not have.
fn other_settings(good: &str) -> Case {
    let flush = "offset.flush.interval.ms: ";
    (
        "settings that the workers do not have",
        good.replace(&format!("{flush}1000"), &format!("{flush}60000")),
        KILL,
        4,
        &[
            "w1 has offset.flush.interval.ms = 1000 by its log, not 60000",
            "w2 has",
            "correct its `settings`",
        ],
    )
}

/// What is to be refused, from an inventory that is fine and the REST port of its second worker.
fn cases(good: &str, port: u16) -> [Case; 9] {
    [
        other_settings(good),
        (
            "a worker outside",
            good.to_owned(),
            "  - kill: {target: w9}\n",
            2,
            &["w9", "`w1` to `w2`"],
        ),
        (
            "two at once",
            good.to_owned(),
            "  - kill: {target: all}\n",
            2,
            &["max-down"],
        ),
        (
            "an address elsewhere",
            good.replace("bootstrap: 127.0.0.1", "bootstrap: kafka.example.org"),
            KILL,
            2,
            &["--yes-i-mean", "kafka.example.org"],
        ),
        (
            "a worker that may not be touched",
            without_control(good, 2),
            "  - kill: {target: w2}\n",
            2,
            &["worker w2 may not be touched"],
        ),
        (
            "a worker that is not in the group",
            good.replacen("{name: w2,", "{name: w2, id: \"elsewhere:8083\",", 1),
            KILL,
            4,
            &[
                "w2 (elsewhere:8083)",
                "their-group",
                "its members advertise http://127.0.0.1:",
            ],
        ),
        (
            "REST of nobody",
            good.replace(&format!("127.0.0.1:{port}"), "127.0.0.1:1"),
            KILL,
            4,
            &["w2: no answer from http://127.0.0.1:1/", "refused"],
        ),
        (
            "an internal topic of another name",
            good.replace("offsets: o", "offsets: connect-offsets"),
            KILL,
            4,
            &["`offsets: connect-offsets`"],
        ),
        (
            "a pid file of nobody",
            good.replace("pid-file: w2.pid", "pid-file: w9.pid"),
            KILL,
            4,
            &["w2", "says `ended`, but the worker answers"],
        ),
    ]
}

#[test]
fn what_is_not_allowed_or_not_there_is_refused_with_its_reason_and_nothing_is_touched() {
    let _turn = one_cluster();
    let foreign = Foreign::start(2);
    let before = foreign.belongings();
    let pids = [foreign.pid(1), foreign.pid(2)];
    let good = foreign.inventory();
    for (name, inventory, faults, expected, words) in cases(&good, foreign.ports[1]) {
        let (code, said) = refused(&foreign, &inventory, faults, &[]);
        assert_eq!(code, expected, "{name}: {said}");
        for word in words {
            assert!(said.contains(word), "{name}: {word} is not in {said}");
        }
    }
    let (code, said) = refused(&foreign, &good, KILL, &["--yes-i-mean", "production"]);
    assert!(
        code == 4 && said.contains("the group is their-group"),
        "{said}"
    );
    // A bound that nobody could know at the end.
    let blind = good
        .replace("  offset.flush.interval.ms: 1000\n", "")
        .replace(", log: w1.log", "")
        .replace(", log: w2.log", "");
    let text = mirror(KILL).replace("{lost: 0}", "{duplicates: within-flush-bound}");
    let inventory = foreign.write_inventory(&blind);
    let mut run = Running::start(&text, &["--attach", &inventory]);
    let (code, result) = run.judged();
    let why = result["environment-failure"].as_str().unwrap();
    assert_eq!(code, 4, "{why}");
    assert!(
        why.contains("offset.flush.interval.ms") && why.contains("`settings:`"),
        "{why}"
    );
    assert_eq!([foreign.pid(1), foreign.pid(2)], pids);
    assert_eq!(foreign.belongings(), before);
}

#[test]
fn workers_that_are_strangers_or_have_no_control_stay_untouched() {
    let _turn = one_cluster();
    let foreign = Foreign::start(3);
    let before = foreign.belongings();
    let text = without_control(&foreign.inventory(), 2);
    let strange = text
        .lines()
        .find(|line| line.contains("{name: w3,"))
        .unwrap()
        .to_owned();
    let text = text.replace(&strange, "");
    let inventory = foreign.write_inventory(&text);
    let pids = || [2, 3].map(|number| foreign.pid(number));
    let (first, others) = (foreign.pid(1), pids());
    let rolling = mirror("  - rolling: {kill: {restart-after: 1s}, pause: 1s}\n");
    let mut run = Running::start(&rolling, &["--attach", &inventory]);
    let (code, result) = run.judged();
    assert_eq!(code, 0, "{}\n{}", run.stderr(), run.stdout());
    assert_eq!(result["verdict"], "held");
    assert_eq!(result["run"]["faults-proven"], 1);
    assert_ne!(foreign.pid(1), first);
    assert_eq!(pids(), others);
    assert_eq!(foreign.belongings(), before);
}

#[test]
fn a_stop_condition_ends_the_run_and_undoes_everything() {
    let _turn = one_cluster();
    let foreign = Foreign::start(2);
    foreign.add_connector("theirs");
    let before = foreign.belongings();
    let inventory = foreign.write_inventory(&foreign.inventory());
    let text = mirror("  - kill: {target: w1, restart-after: 10m}\n") + "recovery-wait: 20m\n";
    let mut run = Running::start(&text, &["--attach", &inventory]);
    run.wait_for("the kill", |what| matches!(what, What::FaultProof { .. }));
    foreign.break_connector("theirs", 2);
    let code = run.end();
    assert_eq!(code, 4, "{}", run.stderr());
    let said = run.stderr() + &run.stdout();
    assert!(
        said.contains("failed-tasks") && said.contains("theirs-0"),
        "{said}"
    );
    assert!(one_line(&said).contains("everything was undone"), "{said}");
    assert_eq!(foreign.process_state(1).as_deref(), Some("S"));
    foreign.await_workers();
    assert_eq!(foreign.belongings(), before);
}

#[test]
fn a_harness_that_was_killed_is_undone_by_clean() {
    let _turn = one_cluster();
    let foreign = Foreign::start(2);
    let before = foreign.belongings();
    let inventory = foreign.write_inventory(&foreign.inventory());
    let text = mirror("  - kill: {target: w1, restart-after: 10m}\n") + "recovery-wait: 20m\n";
    let mut run = Running::start(&text, &["--attach", &inventory]);
    let killed = foreign.pid(1);
    run.wait_for("the kill", |what| {
        matches!(
            what,
            What::FaultProof {
                proof: Proof::ProcessEnded { .. },
                ..
            }
        )
    });
    run.signal("-KILL");
    run.end();
    assert_eq!(foreign.process_state(1), None);
    let (code, said, stderr) = outcome(
        &squall(&["clean"])
            .env("SQUALL_STATE", run.home.path().join("state"))
            .output()
            .unwrap(),
    );
    assert_eq!(code, 0, "{said}{stderr}");
    assert!(said.contains("worker w1 was started"), "{said}");
    foreign.await_workers();
    assert_ne!(foreign.pid(1), killed);
    assert_eq!(foreign.belongings(), before);
    no_follower_is_left(&foreign);
}

/// Followers of logs end with their harness.
fn no_follower_is_left(foreign: &Foreign) {
    none_is_left(&tail_of_w1(foreign));
}

fn tail_of_w1(foreign: &Foreign) -> String {
    format!("tail -n 0 -F {}/w1.log", foreign.home.path().display())
}

fn none_is_left(follower: &str) {
    let deadline = Deadline::after(LIMIT);
    let left = || common::processes_with(follower);
    while !left().is_empty() {
        assert!(!deadline.has_passed(), "{:?}", left());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A joined cluster with its run folder, for what no scenario can say.
struct Scene {
    temp: tempfile::TempDir,
    folder: RunFolder,
    journal: Journal,
    ledger: Ledger,
    folders: UserFolders,
    inventory: Inventory,
}

impl Scene {
    fn new(foreign: &Foreign, text: &str) -> Self {
        let path = foreign.write_inventory(text);
        let inventory =
            inventory::parse(&path, text).unwrap_or_else(|mistakes| panic!("{mistakes}"));
        let temp = tempfile::tempdir().unwrap();
        let folder = RunFolder::create(temp.path(), "run").unwrap();
        let journal = Journal::create(&folder, Clock::start()).unwrap();
        let folders = UserFolders {
            cache: temp.path().join("cache"),
            state: temp.path().join("state"),
            temp: temp.path().join("temp"),
        };
        let ledger = Ledger::create(&folders, "joined", folder.path()).unwrap();
        Self {
            temp,
            folder,
            journal,
            ledger,
            folders,
            inventory,
        }
    }

    fn join(&self, yes_i_mean: Option<&str>) -> Result<AttachedCluster, RuntimeError> {
        let (scenario, _) = squall::scenario::parse_for(
            "m.yaml",
            &mirror("  - kill: {target: any}\n"),
            &self.inventory,
        )
        .unwrap();
        let plan = squall::plan::draw(&scenario, Seed(1));
        let joining = Joining {
            inventory: &self.inventory,
            scenario: &scenario,
            plan: &plan,
            yes_i_mean,
            journal: &self.journal,
            ledger: &self.ledger,
            folders: &self.folders,
            logs: self.folder.logs(),
            data: self.temp.path().to_owned(),
        };
        joining.join(&AtomicBool::new(false))
    }

    fn is_ready(&self, worker: &str, start: u32) -> bool {
        let events = self.folder.events().unwrap().events;
        events.iter().any(|event| {
            matches!(&event.what, What::ProcessReady { name, incarnation, .. } if name == worker && *incarnation == start)
        })
    }
}

fn worker(name: &str) -> WorkerName {
    WorkerName::new(name).unwrap()
}

fn await_that(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Deadline::after(LIMIT);
    while !condition() {
        assert!(!deadline.has_passed(), "awaited: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_paused_worker_is_resumed_at_the_end_and_interference_is_noticed() {
    let _turn = one_cluster();
    let foreign = Foreign::start(2);
    let scene = Scene::new(&foreign, &foreign.inventory());
    let cluster = scene.join(None).unwrap();
    let (w1, w2) = (worker("w1"), worker("w2"));
    cluster.act(&w1, Act::Pause).unwrap();
    await_that("w1 stands still", || {
        cluster.condition(&w1).unwrap() == Condition::Paused
    });
    assert_eq!(foreign.process_state(1).as_deref(), Some("T"));
    let refused = cluster.act(&w2, Act::Kill).unwrap_err();
    assert!(refused.to_string().contains("max-down"), "{refused}");
    cluster.act(&w1, Act::Resume).unwrap();
    await_that("w1 goes on", || {
        cluster.condition(&w1).unwrap() == Condition::Running
    });
    cluster.act(&w2, Act::Pause).unwrap();
    await_that("w2 stands still", || {
        cluster.condition(&w2).unwrap() == Condition::Paused
    });
    cluster.take_down();
    assert_eq!(cluster.left(), Vec::<String>::new());
    assert_eq!(foreign.process_state(2).as_deref(), Some("S"));
    drop(cluster);
    let scene = Scene::new(&foreign, &foreign.inventory());
    let cluster = scene.join(None).unwrap();
    shell(foreign.home.path(), "kill -STOP $(cat w1.pid)");
    await_that("the pause is told", || {
        cluster
            .trouble()
            .iter()
            .any(|why| why.contains("w1 stands still"))
    });
    shell(
        foreign.home.path(),
        "kill -CONT $(cat w1.pid); kill -KILL $(cat w2.pid)",
    );
    await_that("the end is told", || {
        cluster.unasked_deaths() == vec![("w2".to_owned(), Exit::Unknown)]
    });
    cluster.take_down();
    // What squall did not end it does not start.
    assert_eq!(foreign.process_state(2), None);
}

/// An sshd of our own on loopback, and a client configuration with an alias for it.
struct Sshd {
    folder: PathBuf,
    pid: u32,
}

impl Sshd {
    fn start(folder: &Path) -> Self {
        std::fs::create_dir_all(folder).unwrap();
        let port = free_ports(1)[0];
        let path = std::env::var("PATH").unwrap();
        let at = folder.display();
        shell(
            folder,
            &format!(
                "ssh-keygen -q -t ed25519 -N '' -f host; ssh-keygen -q -t ed25519 -N '' -f user; ssh-keygen -q -t ed25519 -N '' -f stranger
                 cp user.pub authorized; mkdir -p /run/sshd 2>/dev/null || true
                 printf '%s\n' 'ListenAddress 127.0.0.1:{port}' 'HostKey {at}/host' 'PidFile {at}/sshd.pid' 'AuthorizedKeysFile {at}/authorized' \
                   'StrictModes no' 'UsePAM no' 'PasswordAuthentication no' 'KbdInteractiveAuthentication no' 'PermitRootLogin yes' 'SetEnv PATH={at}/bin:{path}' >sshd_config
                 printf '[127.0.0.1]:{port} %s\n' \"$(cat host.pub)\" >known_hosts
                 for key in user stranger; do printf '%s\n' 'Host their-node' '  HostName 127.0.0.1' '  Port {port}' \"  IdentityFile {at}/$key\" '  IdentitiesOnly yes' '  UserKnownHostsFile {at}/known_hosts' >config-$key; done
                 $(command -v sshd || echo /usr/sbin/sshd) -f {at}/sshd_config -E {at}/sshd.log"
            ),
        );
        let pid_file = folder.join("sshd.pid");
        // It makes the file before it writes into it.
        let mut pid = None;
        await_that("sshd is up", || {
            let text = std::fs::read_to_string(&pid_file).unwrap_or_default();
            pid = text.strip_suffix('\n').and_then(|text| text.parse().ok());
            pid.is_some()
        });
        Self {
            folder: folder.to_owned(),
            pid: pid.unwrap(),
        }
    }

    fn config(&self, key: &str) -> String {
        self.folder
            .join(format!("config-{key}"))
            .display()
            .to_string()
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.pid.to_string()).status();
    }
}

/// The unit of worker 1: of systemd where this machine runs it and lets us, else of a stand-in.
struct Unit {
    name: String,
    file: Option<PathBuf>,
}

impl Unit {
    /// Hands the worker over; `bin` is searched first for programs by who comes over ssh.
    fn of_worker_1(foreign: &Foreign, bin: &Path) -> Self {
        let units = Path::new("/run/systemd/system");
        if !units.is_dir() || shell(bin.parent().unwrap(), "id -u").trim() != "0" {
            stand_in_for_systemd(foreign, bin);
            return Self {
                name: "w1".to_owned(),
                file: None,
            };
        }
        let name = format!("squall-test-{}", std::process::id());
        let file = units.join(format!("{name}.service"));
        // A unit doubles the dollar signs that the shell is to see.
        let text = format!(
            "[Service]\nType=exec\nWorkingDirectory={home}\nExecStart=/bin/sh -c 'echo $$$$ >w1.pid; exec {program}'\nSuccessExitStatus=143\n",
            home = foreign.home.path().display(),
            program = foreign.program(1).display(),
        );
        std::fs::write(&file, text).unwrap();
        let unit = Self {
            name,
            file: Some(file),
        };
        let home = foreign.home.path();
        // A stop may hang, see `verify/stuck.rs`.
        shell(home, "kill -KILL $(cat w1.pid)");
        await_that("w1 has left", || foreign.process_state(1).is_none());
        shell(
            home,
            &format!("systemctl daemon-reload; systemctl start {}", unit.name),
        );
        foreign.await_workers();
        unit
    }

    /// What a follower of its log looks like in the process table.
    fn follower(&self, foreign: &Foreign) -> String {
        match &self.file {
            Some(_) => format!("journalctl -u {}", self.name),
            None => tail_of_w1(foreign),
        }
    }
}

impl Drop for Unit {
    fn drop(&mut self) {
        if let Some(file) = &self.file {
            let _ = std::fs::remove_file(file);
            let end = format!(
                "systemctl kill -s KILL {0}; systemctl stop {0}; systemctl reset-failed {0}; systemctl daemon-reload",
                self.name
            );
            let _ = Command::new("sh").args(["-c", &end]).output();
        }
    }
}

/// Programs that do to the worker of a unit what systemd would do.
fn stand_in_for_systemd(foreign: &Foreign, folder: &Path) {
    let home = foreign.home.path().display();
    let systemctl = format!(
        "#!/bin/sh
# systemctl VERB OPTIONS UNIT, as far as squall uses it; the unit is the worker's name.
cd {home} || exit 1
verb=$1; for unit; do :; done
pid=$(cat $unit.pid 2>/dev/null)
case \"$verb $*\" in
kill\\ *-s\\ KILL*) kill -KILL $pid;;
kill\\ *-s\\ STOP*) kill -STOP $pid;;
kill\\ *-s\\ CONT*) kill -CONT $pid;;
kill\\ *-s\\ QUIT*) kill -QUIT $pid;;
stop\\ *--no-block*) kill -TERM $pid;;
start\\ *--no-block*) {home}/start-$unit; rm -f $unit.died;;
reset-failed*) exit 1;;
show*)
  state=$(sed 's/.*) //' /proc/$pid/stat 2>/dev/null | cut -c1)
  # As systemd does, which learns of an end a moment later than /proc: once more, it is the main process of an active unit.
  case $state in ''|Z) if [ ! -e $unit.died ]; then touch $unit.died; state=late; fi;; esac
  case $state in ''|Z) printf 'ActiveState=failed\\nMainPID=0\\nExecMainStartTimestampMonotonic=0\\nExecMainCode=2\\nExecMainStatus=9\\n';;
  *) printf 'MainPID=%s\\nActiveState=active\\nExecMainStartTimestampMonotonic=%s0\\nExecMainCode=0\\nExecMainStatus=0\\n' $pid $pid;; esac;;
*) echo \"unknown: $*\" >&2; exit 64;;
esac
"
    );
    let journalctl = format!(
        "#!/bin/sh
case \"$1 $3 $4 $5 $6 $7\" in
'-u -f -n 0 -o cat') exec tail -n 0 -F {home}/$2.log;;
'-u -o cat --no-pager  ') exec cat {home}/$2.log;;
*) exit 64;;
esac
"
    );
    std::fs::create_dir_all(folder).unwrap();
    for (name, text) in [("systemctl", systemctl), ("journalctl", journalctl)] {
        std::fs::write(folder.join(name), text).unwrap();
        shell(folder, &format!("chmod +x {name}"));
    }
}

/// Asks a worker for a thread dump, pauses, resumes, kills and starts it, and looks at the process itself each time.
fn through_all_acts(
    foreign: &Foreign,
    scene: &Scene,
    cluster: &AttachedCluster,
    name: &str,
    exit: Exit,
) {
    let number: usize = name.trim_start_matches('w').parse().unwrap();
    let name = worker(name);
    assert!(!dumped(cluster, &name).is_empty());
    cluster.act(&name, Act::Pause).unwrap();
    await_that("it stands still", || {
        cluster.condition(&name).unwrap() == Condition::Paused
    });
    assert_eq!(foreign.process_state(number).as_deref(), Some("T"));
    cluster.act(&name, Act::Resume).unwrap();
    await_that("it goes on", || {
        cluster.condition(&name).unwrap() == Condition::Running
    });
    let pid = foreign.pid(number);
    cluster.act(&name, Act::Kill).unwrap();
    assert_eq!(cluster.wait_ended(&name, LIMIT).unwrap(), Some(exit));
    cluster.start_worker(&name).unwrap();
    await_that("it answers again", || scene.is_ready(name.as_str(), 2));
    await_that("it is up", || {
        cluster.condition(&name).unwrap() == Condition::Running
    });
    assert_ne!(foreign.pid(number), pid);
    let log = scene.folder.logs().join(format!("{name}-2.log"));
    await_that("its log is followed from its start", || {
        std::fs::read_to_string(&log)
            .unwrap()
            .contains("Kafka version")
    });
}

#[test]
fn workers_are_reached_over_ssh_and_by_systemd() {
    let _turn = one_cluster();
    let foreign = Foreign::start(2);
    let sshd = Sshd::start(&foreign.home.path().join("ssh"));
    let unit = Unit::of_worker_1(&foreign, &sshd.folder.join("bin"));
    let home = foreign.home.path().display().to_string();
    let with_key = |key: &str| {
        foreign.inventory_with(|number| {
            let ssh = format!("ssh: {{host: their-node, config: {}}}", sshd.config(key));
            match number {
                1 => format!("systemd: {}, {ssh}", unit.name),
                _ => format!(
                    "process: {{pid-file: {home}/w2.pid, start: {home}/start-w2, log: {home}/w2.log}}, {ssh}"
                ),
            }
        })
    };
    let refused = Scene::new(&foreign, &with_key("user"))
        .join(None)
        .err()
        .unwrap()
        .to_string();
    assert!(
        refused.contains("--yes-i-mean their-group") && refused.contains("ssh their-node"),
        "{refused}"
    );
    let unknown = Scene::new(&foreign, &with_key("stranger"));
    let unknown = unknown.join(Some("their-group")).err().unwrap().to_string();
    assert!(
        unknown.contains("cannot reach their-node by ssh"),
        "{unknown}"
    );
    assert!(
        unknown.contains("Permission denied") && unknown.contains("try `ssh -F"),
        "{unknown}"
    );
    let scene = Scene::new(&foreign, &with_key("user"));
    let cluster = scene.join(Some("their-group")).unwrap();
    through_all_acts(&foreign, &scene, &cluster, "w1", Exit::Signal(9));
    through_all_acts(&foreign, &scene, &cluster, "w2", Exit::Unknown);
    cluster.act(&worker("w1"), Act::Terminate).unwrap();
    cluster.take_down();
    assert_eq!(cluster.left(), Vec::<String>::new());
    assert_eq!(foreign.process_state(1).as_deref(), Some("S"));
    assert_eq!(cluster.unasked_deaths(), vec![]);
    drop(cluster);
    none_is_left(&unit.follower(&foreign));
    assert_eq!(common::processes_with("their-node"), Vec::<String>::new());
}

#[test]
fn passwords_and_authorities_that_are_wrong_are_told_and_right_ones_carry_a_whole_run() {
    let _turn = one_cluster();
    let foreign = Foreign::start_secured(2);
    let inventory = |password: &str, authority: &str| {
        let client = format!(
            "client: {{security.protocol: SASL_SSL, sasl.mechanism: SCRAM-SHA-512, sasl.username: squall, sasl.password: {password}, ssl.ca.location: {authority}}}"
        );
        let addresses = format!(
            "bootstrap: {}\ninner-bootstrap: {}\n{client}",
            foreign.secured_bootstrap(),
            foreign.bootstrap()
        );
        foreign
            .inventory()
            .replace(&format!("bootstrap: {}", foreign.bootstrap()), &addresses)
    };
    let join = |password: &str, authority: &str| {
        let scene = Scene::new(&foreign, &inventory(password, authority));
        scene.join(None).err().map(|error| error.to_string())
    };
    let wrong_password = join("wrong", "ca.pem").unwrap();
    assert!(
        wrong_password.contains("uthentication failed"),
        "{wrong_password}"
    );
    let wrong_authority = join(PASSWORD, "other-ca.pem").unwrap();
    assert!(
        wrong_authority.contains("certificate verify failed"),
        "{wrong_authority}"
    );
    let before = foreign.belongings();
    let path = foreign.write_inventory(&inventory("\"${env:SQUALL_TEST_PASSWORD}\"", "ca.pem"));
    let scenario = foreign.home.path().join("scenario.yaml");
    std::fs::write(
        &scenario,
        patterns("  - kill: {target: follower, restart-after: 1s}\n"),
    )
    .unwrap();
    let reports = foreign.home.path().join("reports");
    let output = squall(&[
        "run",
        scenario.to_str().unwrap(),
        "--attach",
        &path,
        "--reports",
        reports.to_str().unwrap(),
    ])
    .env("SQUALL_STATE", foreign.home.path().join("state"))
    .env("SQUALL_TEST_PASSWORD", PASSWORD)
    .output()
    .unwrap();
    let (code, stdout, stderr) = outcome(&output);
    assert_eq!(code, 0, "{stdout}{stderr}");
    assert_eq!(foreign.belongings(), before);
    let found = shell(&reports, &format!("grep -rl {PASSWORD} . || true"));
    assert_eq!(found, "", "the password was written down");
}
