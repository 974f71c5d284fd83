//! A Connect cluster that squall did not start: a broker, and workers that a script starts, each with its pid file.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use squall::connect::Rest;
use squall::journal::{Clock, Deadline, Journal, RunFolder};
use squall::kafka::{Admin, Cluster};
use squall::model::{ConnectorName, KafkaVersion};
use squall::runtime::process::{ClusterSpec, Prepared, ProcessCluster, StartStyle, prepare};
use squall::runtime::{Ledger, Runtime, UserFolders};

const LIMIT: Duration = Duration::from_secs(120);
const ANSWER: Duration = Duration::from_secs(5);

/// The cluster; dropping it ends it.
pub struct Foreign {
    /// Where all its files stand.
    pub home: tempfile::TempDir,
    /// The workers' REST ports.
    pub ports: Vec<u16>,
    broker: ProcessCluster,
}

impl Foreign {
    /// Starts a broker and this many workers, and waits until all of them are in the group.
    pub fn start(workers: usize) -> Self {
        let home = tempfile::tempdir().unwrap();
        let (broker, prepared) = start_broker(home.path());
        std::fs::create_dir(home.path().join("data")).unwrap();
        let listeners: Vec<TcpListener> = (0..workers)
            .map(|_| TcpListener::bind("127.0.0.1:0").unwrap())
            .collect();
        let ports = listeners
            .iter()
            .map(|listener| listener.local_addr().unwrap().port())
            .collect();
        drop(listeners);
        let foreign = Self {
            home,
            ports,
            broker,
        };
        for number in 1..=workers {
            foreign.write_worker(number, &prepared);
            let started = Command::new(foreign.script(number)).status().unwrap();
            assert!(started.success());
        }
        foreign.await_workers();
        foreign
    }

    /// Waits until each worker answers and knows of the others.
    pub fn await_workers(&self) {
        let deadline = Deadline::after(LIMIT);
        for number in 1..=self.ports.len() {
            while self.rest(number).status_all(ANSWER).is_err() {
                assert!(
                    !deadline.has_passed(),
                    "w{number} does not answer:\n{}",
                    self.log(number)
                );
                std::thread::sleep(Duration::from_millis(50));
            }
        }
        let admin = Admin::new(&Cluster::at(&self.bootstrap())).unwrap();
        loop {
            let group = admin.group("their-group", ANSWER);
            let is_whole = matches!(&group, Ok(Some(group)) if group.state == "Stable" && group.members.len() == self.ports.len());
            if is_whole {
                return;
            }
            assert!(!deadline.has_passed(), "{group:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The brokers' address.
    pub fn bootstrap(&self) -> String {
        self.broker.bootstrap()
    }

    /// The REST interface of a worker, from 1.
    pub fn rest(&self, number: usize) -> Rest {
        Rest::new(&format!("http://127.0.0.1:{}", self.ports[number - 1])).unwrap()
    }

    /// The script that starts a worker.
    pub fn script(&self, number: usize) -> PathBuf {
        self.home.path().join(format!("start-w{number}"))
    }

    /// Where a worker's process id stands.
    pub fn pid_file(&self, number: usize) -> PathBuf {
        self.home.path().join(format!("w{number}.pid"))
    }

    /// A worker's process id as it is now.
    pub fn pid(&self, number: usize) -> Option<u32> {
        let text = std::fs::read_to_string(self.pid_file(number)).ok()?;
        text.trim().parse().ok()
    }

    /// The state of a worker's process: `S`, `T`, `Z`; `None` when it is gone.
    pub fn process_state(&self, number: usize) -> Option<String> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid(number)?)).ok()?;
        let (_, rest) = stat.rsplit_once(')')?;
        rest.split_whitespace().next().map(str::to_owned)
    }

    fn log(&self, number: usize) -> String {
        std::fs::read_to_string(self.home.path().join(format!("w{number}.log"))).unwrap_or_default()
    }

    /// An inventory with a pid file for each worker.
    pub fn inventory(&self) -> String {
        let control = |number: usize| {
            format!(
                "process: {{pid-file: w{number}.pid, start: {}, log: w{number}.log}}",
                self.script(number).display()
            )
        };
        self.inventory_with(control)
    }

    /// An inventory with what this says for each worker.
    pub fn inventory_with(&self, control: impl Fn(usize) -> String) -> String {
        let mut text = format!(
            "name: theirs\nbootstrap: {}\ntopics: {{config: c, offsets: o, status: s}}\ndata: data\nsettings:\n  offset.flush.interval.ms: 1000\n  scheduled.rebalance.max.delay.ms: 3000\n  session.timeout.ms: 6000\n  consumer.session.timeout.ms: 6000\nworkers:\n",
            self.bootstrap()
        );
        for (number, port) in (1..).zip(&self.ports) {
            text.push_str(&format!(
                "  - {{name: w{number}, rest: \"http://127.0.0.1:{port}\", {}}}\n",
                control(number)
            ));
        }
        text
    }

    /// Writes an inventory beside the workers' files; returns its path.
    pub fn write_inventory(&self, text: &str) -> String {
        let path = self.home.path().join("inventory.yaml");
        std::fs::write(&path, text).unwrap();
        path.to_string_lossy().into_owned()
    }

    /// Creates a connector that belongs to others, and waits until its task runs.
    pub fn add_connector(&self, name: &str) {
        let file = self.home.path().join("their-lines");
        std::fs::write(&file, "a line of theirs\n").unwrap();
        let config = BTreeMap::from(
            [
                ("connector.class", "FileStreamSource"),
                ("file", file.to_str().unwrap()),
                ("topic", "their-topic"),
            ]
            .map(|(key, value)| (key.to_owned(), value.to_owned())),
        );
        let name = ConnectorName::new(name).unwrap();
        self.rest(1)
            .put_config(&name, &config, Deadline::after(LIMIT))
            .unwrap();
        let deadline = Deadline::after(LIMIT);
        while self.states(name.as_str()) != BTreeMap::from([(0, "RUNNING".to_owned())]) {
            assert!(!deadline.has_passed(), "{:?}", self.states(name.as_str()));
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The states of a connector's tasks.
    pub fn states(&self, connector: &str) -> BTreeMap<u32, String> {
        let all = self.rest(1).status_all(ANSWER).unwrap_or_default();
        all.into_iter()
            .filter(|(name, _)| name.as_str() == connector)
            .flat_map(|(_, status)| status.tasks)
            .map(|task| (task.id, task.state))
            .collect()
    }

    /// Everything in the cluster that a run could leave behind: connectors, topics, groups and files.
    pub fn belongings(&self) -> BTreeSet<String> {
        let admin = Admin::new(&Cluster::at(&self.bootstrap())).unwrap();
        let connectors = self.rest(1).status_all(ANSWER).unwrap();
        let mut all: BTreeSet<String> = connectors
            .keys()
            .map(|name| format!("connector {name}"))
            .collect();
        let topics = admin.topics(ANSWER).unwrap();
        // Brokers make this one when the first group commits.
        let topics = topics.iter().filter(|topic| *topic != "__consumer_offsets");
        all.extend(topics.map(|topic| format!("topic {topic}")));
        let groups = admin.groups(ANSWER).unwrap();
        all.extend(groups.keys().map(|group| format!("group {group}")));
        let files = std::fs::read_dir(self.home.path().join("data"))
            .unwrap()
            .flatten();
        all.extend(files.map(|file| format!("file {}", file.path().display())));
        all
    }

    fn write_worker(&self, number: usize, prepared: &Prepared) {
        let home = self.home.path();
        let converter = "org.apache.kafka.connect.storage.StringConverter";
        let port = self.ports[number - 1];
        let bootstrap = self.bootstrap();
        let properties = format!(
            "bootstrap.servers={bootstrap}\ngroup.id=their-group\nkey.converter={converter}\nvalue.converter={converter}\n\
             config.storage.topic=c\nconfig.storage.replication.factor=1\noffset.storage.topic=o\noffset.storage.replication.factor=1\noffset.storage.partitions=3\n\
             status.storage.topic=s\nstatus.storage.replication.factor=1\nlisteners=http://127.0.0.1:{port}\n\
             rest.advertised.host.name=127.0.0.1\nrest.advertised.port={port}\nplugin.discovery=service_load\n\
             offset.flush.interval.ms=1000\nscheduled.rebalance.max.delay.ms=3000\nsession.timeout.ms=6000\nconsumer.session.timeout.ms=6000\n"
        );
        let file = home.join(format!("w{number}.properties"));
        std::fs::write(&file, properties).unwrap();
        let logger = home.join("logger.properties");
        std::fs::write(
            &logger,
            "appender.stdout.type=Console\nappender.stdout.name=stdout\nappender.stdout.layout.type=PatternLayout\n\
             appender.stdout.layout.pattern=[%d] %p %X{connector.context}%m (%c:%L)%n\nrootLogger.level=INFO\nrootLogger.appenderRef.stdout.ref=stdout\n",
        )
        .unwrap();
        let start = format!(
            "#!/bin/sh\ncd {home}\nsetsid {java} -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Duser.timezone=UTC -Dlog4j2.configurationFile=file:{logger} -cp {cp} \
             org.apache.kafka.connect.cli.ConnectDistributed {file} >>w{number}.log 2>&1 </dev/null &\necho $! >w{number}.pid.new && mv w{number}.pid.new w{number}.pid\n",
            home = home.display(),
            java = prepared.java.path.display(),
            logger = logger.display(),
            cp = prepared.worker.class_path(),
            file = file.display(),
        );
        let script = self.script(number);
        std::fs::write(&script, start).unwrap();
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        for number in 1..=self.ports.len() {
            if let Some(pid) = self.pid(number) {
                let _ = Command::new("kill")
                    .args(["-KILL", &pid.to_string()])
                    .status();
            }
        }
    }
}

fn start_broker(home: &Path) -> (ProcessCluster, Prepared) {
    let folder = RunFolder::create(home, "broker").unwrap();
    let journal = Journal::create(&folder, Clock::start()).unwrap();
    let folders = UserFolders {
        cache: UserFolders::from_env().cache,
        state: home.join("broker-state"),
        temp: home.join("broker-temp"),
    };
    let run = format!("foreign-{}", std::process::id());
    let ledger = Ledger::create(&folders, &run, folder.path()).unwrap();
    let version = KafkaVersion::new(4, 1, 1);
    let spec = ClusterSpec {
        kafka_version: version,
        brokers: 1,
        connect_version: version,
        workers: Vec::new(),
        worker_config: BTreeMap::new(),
        plugins: Vec::new(),
        plugin_base: PathBuf::from("."),
        connector_classes: Vec::new(),
        group_id: "unused".to_owned(),
        logs: folder.logs(),
        data: folder.data(),
        folders,
        kafka_home: None,
        java: None,
        style: StartStyle::Together,
        ready_limit: LIMIT,
        ledger,
    };
    let stop = AtomicBool::new(false);
    let prepared = prepare(&spec, &journal, &stop).unwrap();
    let broker = ProcessCluster::start(&spec, &prepared, &journal, &stop).unwrap();
    (broker, prepared)
}
