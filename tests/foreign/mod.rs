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
    /// What the broker is.
    broker: Broker,
}

/// A broker without secrets, or one that is started by hand with a TLS listener and passwords.
enum Broker {
    Plain(ProcessCluster),
    Secured { pid: u32, inside: u16, outside: u16 },
}

/// The password that the secured broker wants.
pub const PASSWORD: &str = "correct-horse";

impl Foreign {
    /// Starts a broker and this many workers, and waits until all of them are in the group.
    pub fn start(workers: usize) -> Self {
        let home = tempfile::tempdir().unwrap();
        let (broker, prepared) = start_broker(home.path());
        Self::with_broker(home, Broker::Plain(broker), &prepared, workers)
    }

    /// The same with a broker that wants SASL over TLS from outside, with an authority of its own (`ca.pem`).
    pub fn start_secured(workers: usize) -> Self {
        let home = tempfile::tempdir().unwrap();
        let (plain, prepared) = start_broker(home.path());
        drop(plain);
        let broker = start_secured_broker(home.path(), &prepared);
        Self::with_broker(home, broker, &prepared, workers)
    }

    fn with_broker(
        home: tempfile::TempDir,
        broker: Broker,
        prepared: &Prepared,
        workers: usize,
    ) -> Self {
        std::fs::create_dir(home.path().join("data")).unwrap();
        let ports = free_ports(workers);
        let foreign = Self {
            home,
            ports,
            broker,
        };
        for number in 1..=workers {
            foreign.write_worker(number, prepared);
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
        match &self.broker {
            Broker::Plain(cluster) => cluster.bootstrap(),
            Broker::Secured { inside, .. } => format!("127.0.0.1:{inside}"),
        }
    }

    /// The secured broker's address that wants a password.
    pub fn secured_bootstrap(&self) -> String {
        match &self.broker {
            Broker::Plain(cluster) => cluster.bootstrap(),
            Broker::Secured { outside, .. } => format!("127.0.0.1:{outside}"),
        }
    }

    /// The REST interface of a worker, from 1.
    pub fn rest(&self, number: usize) -> Rest {
        Rest::new(&format!("http://127.0.0.1:{}", self.ports[number - 1])).unwrap()
    }

    /// The script that starts a worker.
    pub fn script(&self, number: usize) -> PathBuf {
        self.home.path().join(format!("start-w{number}"))
    }

    /// The program that becomes a worker, in the foreground.
    pub fn program(&self, number: usize) -> PathBuf {
        self.home.path().join(format!("run-w{number}"))
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

    /// The state of a worker's process: `S` or `T`; `None` when it is gone.
    pub fn process_state(&self, number: usize) -> Option<String> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid(number)?)).ok()?;
        let (_, rest) = stat.rsplit_once(')')?;
        let state = rest.split_whitespace().next().map(str::to_owned);
        // One that nobody has asked for its status yet is gone all the same.
        state.filter(|state| state != "Z")
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
        let config = [
            ("connector.class", "FileStreamSource"),
            ("file", file.to_str().unwrap()),
            ("topic", "their-topic"),
        ];
        self.create(name, config);
        let deadline = Deadline::after(LIMIT);
        // Its first record makes the topic, which may come after the task's first status.
        let admin = Admin::new(&Cluster::at(&self.bootstrap())).unwrap();
        while !admin
            .topics(ANSWER)
            .unwrap()
            .iter()
            .any(|topic| topic == "their-topic")
        {
            assert!(!deadline.has_passed(), "their topic was never made");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn create<const N: usize>(&self, name: &str, config: [(&str, &str); N]) {
        let config = config.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let name = ConnectorName::new(name).unwrap();
        self.rest(1)
            .put_config(&name, &BTreeMap::from(config), Deadline::after(LIMIT))
            .unwrap();
        let deadline = Deadline::after(LIMIT);
        while self.states(name.as_str()) != BTreeMap::from([(0, "RUNNING".to_owned())]) {
            assert!(!deadline.has_passed(), "{:?}", self.states(name.as_str()));
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Creates a sink that belongs to others, reads what [`Foreign::add_connector`] makes and commits what comes; waits
    /// until its task runs. A line comes every second.
    pub fn add_sink(&self, name: &str) {
        let home = self.home.path();
        let copy = home.join("their-copy");
        let config = [
            ("connector.class", "FileStreamSink"),
            ("topics", "their-topic"),
            ("file", copy.to_str().unwrap()),
        ];
        self.create(name, config);
        // It ends with the cluster's folder, in which it writes.
        shell(
            home,
            "nohup setsid sh -c 'while echo another line of theirs >>their-lines; do sleep 1; done' >/dev/null 2>&1 &",
        );
    }

    /// Makes the task of a connector fail, asked of this worker; waits until the worker says so.
    pub fn break_connector(&self, name: &str, worker: usize) {
        let file = self.home.path().join("their-lines");
        let config = BTreeMap::from(
            [
                ("connector.class", "FileStreamSource"),
                ("file", file.to_str().unwrap()),
                ("topic", "no topic has such a name!"),
            ]
            .map(|(key, value)| (key.to_owned(), value.to_owned())),
        );
        let name = ConnectorName::new(name).unwrap();
        let rest = self.rest(worker);
        rest.put_config(&name, &config, Deadline::after(LIMIT))
            .unwrap();
        let deadline = Deadline::after(LIMIT);
        let has_failed = || {
            let all = rest.status_all(ANSWER).unwrap_or_default();
            let tasks = all.get(&name).map_or(&[][..], |status| &status.tasks);
            tasks.iter().any(|task| task.state == "FAILED")
        };
        // A task with the old settings may still take a line or two.
        for number in 0.. {
            let lines: String = (0..=number)
                .map(|n| format!("line {n} of theirs\n"))
                .collect();
            std::fs::write(&file, lines + "a line of theirs\n").unwrap();
            if has_failed() {
                return;
            }
            assert!(!deadline.has_passed(), "the task of {name} does not fail");
            std::thread::sleep(Duration::from_millis(200));
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
        std::fs::write(&logger, LOGGER).unwrap();
        let run = format!(
            "#!/bin/sh\ncd {home}\nexec {java} -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Duser.timezone=UTC -Dlog4j2.configurationFile=file:{logger} -cp {cp} \
             org.apache.kafka.connect.cli.ConnectDistributed {file}\n",
            home = home.display(),
            java = prepared.java.path.display(),
            logger = logger.display(),
            cp = prepared.worker.class_path(),
            file = file.display(),
        );
        write_script(&self.program(number), &run);
        let start = format!(
            "#!/bin/sh\ncd {home}\nsetsid {run} >>w{number}.log 2>&1 </dev/null &\necho $! >w{number}.pid.new && mv w{number}.pid.new w{number}.pid\n",
            home = home.display(),
            run = self.program(number).display(),
        );
        write_script(&self.script(number), &start);
    }
}

fn write_script(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

impl Drop for Foreign {
    fn drop(&mut self) {
        let workers = (1..=self.ports.len()).filter_map(|number| self.pid(number));
        workers.for_each(kill);
        if let Broker::Secured { pid, .. } = self.broker {
            kill(pid);
        }
    }
}

fn kill(pid: u32) {
    // One that is gone already is fine.
    let _ = Command::new("kill")
        .args(["-KILL", &pid.to_string()])
        .stderr(std::process::Stdio::null())
        .status();
}

/// Ports that were free just now.
pub fn free_ports(count: usize) -> Vec<u16> {
    let listeners: Vec<TcpListener> = (0..count)
        .map(|_| TcpListener::bind("127.0.0.1:0").unwrap())
        .collect();
    listeners
        .iter()
        .map(|listener| listener.local_addr().unwrap().port())
        .collect()
}

/// Runs a script that must succeed; returns what it printed.
pub fn shell(folder: &Path, script: &str) -> String {
    let output = Command::new("sh")
        .args(["-ec", script])
        .current_dir(folder)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "{script}\n{}{}",
        text(&output.stdout),
        text(&output.stderr)
    );
    text(&output.stdout)
}

fn start_secured_broker(home: &Path, prepared: &Prepared) -> Broker {
    shell(
        home,
        "openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=their-ca 2>&1
         openssl req -newkey rsa:2048 -nodes -keyout b.key -out b.csr -subj /CN=127.0.0.1 2>&1
         echo 'subjectAltName=IP:127.0.0.1' >b.ext
         openssl x509 -req -in b.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out b.pem -days 2 -extfile b.ext 2>&1
         openssl pkcs8 -topk8 -nocrypt -in b.key -out b.p8
         cat b.p8 b.pem >broker-store.pem
         openssl req -x509 -newkey rsa:2048 -nodes -keyout o.key -out other-ca.pem -days 2 -subj /CN=other-ca 2>&1",
    );
    let ports = free_ports(3);
    let (inside, outside, controller) = (ports[0], ports[1], ports[2]);
    let store = home.join("broker-store.pem");
    let properties = format!(
        "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@127.0.0.1:{controller}\nlog.dirs={data}\n\
         listeners=IN://127.0.0.1:{inside},OUT://127.0.0.1:{outside},C://127.0.0.1:{controller}\nadvertised.listeners=IN://127.0.0.1:{inside},OUT://127.0.0.1:{outside}\n\
         controller.listener.names=C\ninter.broker.listener.name=IN\nlistener.security.protocol.map=IN:PLAINTEXT,OUT:SASL_SSL,C:PLAINTEXT\n\
         offsets.topic.replication.factor=1\noffsets.topic.num.partitions=4\ntransaction.state.log.replication.factor=1\ntransaction.state.log.min.isr=1\ngroup.initial.rebalance.delay.ms=0\n\
         listener.name.out.ssl.keystore.type=PEM\nlistener.name.out.ssl.keystore.location={store}\n\
         sasl.enabled.mechanisms=SCRAM-SHA-512\nlistener.name.out.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;\n",
        data = home.join("secured-data").display(),
        store = store.display(),
    );
    std::fs::write(home.join("broker.properties"), properties).unwrap();
    std::fs::write(home.join("quiet.properties"), LOGGER).unwrap();
    let java = prepared.java.path.display();
    let class_path = prepared.broker.class_path();
    shell(
        home,
        &format!(
            "{java} -XX:TieredStopAtLevel=1 -Dlog4j2.configurationFile=file:quiet.properties -cp {class_path} kafka.tools.StorageTool format -t MkU3OEVBNTcwNTJENDM2Qk -c broker.properties --add-scram 'SCRAM-SHA-512=[name=squall,password={PASSWORD}]' 2>&1"
        ),
    );
    let pid = shell(
        home,
        &format!(
            "setsid {java} -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dlog4j2.configurationFile=file:quiet.properties -cp {class_path} kafka.Kafka broker.properties >broker.log 2>&1 </dev/null & echo $!"
        ),
    );
    Broker::Secured {
        pid: pid.trim().parse().unwrap(),
        inside,
        outside,
    }
}

const LOGGER: &str = "appender.stdout.type=Console\nappender.stdout.name=stdout\nappender.stdout.layout.type=PatternLayout\n\
    appender.stdout.layout.pattern=[%d] %p %X{connector.context}%m (%c:%L)%n\nrootLogger.level=INFO\nrootLogger.appenderRef.stdout.ref=stdout\n";

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
