//! Brokers with SASL_SSL and SCRAM, REST with TLS, client certificates and passwords: right ones work, wrong ones are named.
#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

#[allow(dead_code, reason = "the brokers of these tests are started otherwise")]
#[path = "common/broker.rs"]
mod broker;
mod common;

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use broker::OwnSpec;
use common::{one_cluster, outcome, squall};
use serde_json::Value;
use squall::connect::rest::HealthState;
use squall::connect::{Access, Rest};
use squall::journal::Deadline;
use squall::kafka::{Admin, Cluster, Isolation, Item, RecordReader, RecordSender, Start};
use squall::runtime::UserFolders;
use squall::runtime::process::StartStyle;

const LIMIT: Duration = Duration::from_secs(90);
const PASSWORD: &str = "scram-Geheimnis-1";
const REST_PASSWORD: &str = "rest-Geheimnis-2";
const STORE_PASSWORD: &str = "store-Geheimnis-3";

fn await_that(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Deadline::after(LIMIT);
    while !condition() {
        assert!(!deadline.has_passed(), "awaited: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Runs a helper program in a folder; it must succeed.
fn tool(folder: &Path, line: &str) {
    let words: Vec<&str> = line.split_whitespace().collect();
    let output = Command::new(words[0])
        .args(&words[1..])
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{line}: {said}");
}

/// Authorities, and certificates that the first of them signed: `ca.pem`, `other.pem`, `server.*`, `client.*`.
fn certificates(folder: &Path) {
    const KEY: &str = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    for name in ["ca", "other"] {
        tool(
            folder,
            &format!(
                "openssl req -x509 {KEY} -keyout {name}.key -out {name}.pem -subj /CN={name} -days 2"
            ),
        );
    }
    fs::write(
        folder.join("names"),
        "subjectAltName=IP:127.0.0.1,DNS:localhost\n",
    )
    .unwrap();
    for name in ["server", "client"] {
        for line in [
            format!("openssl req -new {KEY} -keyout {name}.key -out {name}.csr -subj /CN={name}"),
            format!(
                "openssl x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out {name}.pem -days 2 -extfile names"
            ),
        ] {
            tool(folder, &line);
        }
    }
    for line in [
        format!(
            "openssl pkcs12 -export -in server.pem -inkey server.key -certfile ca.pem -name server -out server.p12 -passout pass:{STORE_PASSWORD}"
        ),
        format!(
            "keytool -importcert -noprompt -alias ca -file ca.pem -keystore trust.p12 -storetype PKCS12 -storepass {STORE_PASSWORD}"
        ),
    ] {
        tool(folder, &line);
    }
}

/// Java processes of this test; they die with it.
struct Jvms(Vec<Child>);

impl Drop for Jvms {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

struct Secured {
    jvms: Jvms,
    spec: OwnSpec,
    broker: u16,
    https: u16,
    basic: u16,
}

/// Ports that are free now; they are all held until all are known.
fn ports<const N: usize>() -> [u16; N] {
    let held = [(); N].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    held.map(|listener| listener.local_addr().unwrap().port())
}

impl Secured {
    fn start() -> Self {
        let extension = "org.apache.kafka:connect-basic-auth-extension:4.1.1";
        let spec = OwnSpec::new(0, StartStyle::Together).plugin(extension);
        certificates(spec.home());
        let [broker, controller, https, basic] = ports();
        let mut secured = Self {
            jvms: Jvms(Vec::new()),
            spec,
            broker,
            https,
            basic,
        };
        secured.start_broker(controller);
        let admin = Admin::new(&secured.kafka()).unwrap();
        await_that("the broker takes the password", || {
            admin.check(Deadline::after(LIMIT)).is_ok()
        });
        secured.start_workers();
        secured
    }

    fn file(&self, name: &str) -> PathBuf {
        self.spec.home().join(name)
    }

    fn path(&self, name: &str) -> String {
        self.file(name).display().to_string()
    }

    fn write(&self, name: &str, text: &str) -> String {
        fs::write(self.file(name), text).unwrap();
        self.path(name)
    }

    /// Java with the jars of the cache, the extension among them.
    fn java(&self, flags: &[String], arguments: &[&str]) -> Command {
        let prepared = self.spec.prepared();
        let plugins = UserFolders::from_env().cache.join("plugins");
        let extension = plugins.join("org.apache.kafka_connect-basic-auth-extension_4.1.1/libs/*");
        let mut command = Command::new("setpriv");
        command
            .args(["--pdeathsig", "KILL", "--"])
            .arg(&prepared.java.path)
            .args(["-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"])
            .args(flags)
            .arg("-cp")
            .arg(format!(
                "{}:{}",
                prepared.worker.class_path(),
                extension.display()
            ))
            .args(arguments)
            .current_dir(self.spec.home())
            .stdin(Stdio::null());
        command
    }

    fn spawn(&mut self, name: &str, flags: &[String], arguments: &[&str]) {
        let log = fs::File::create(self.file(&format!("{name}.log"))).unwrap();
        let child = self
            .java(flags, arguments)
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.jvms.0.push(child);
    }

    fn stores(&self, prefix: &str) -> String {
        let (key, trust) = (self.path("server.p12"), self.path("trust.p12"));
        format!(
            "{prefix}ssl.keystore.location={key}\n{prefix}ssl.keystore.password={STORE_PASSWORD}\n{prefix}ssl.keystore.type=PKCS12\n\
             {prefix}ssl.truststore.location={trust}\n{prefix}ssl.truststore.password={STORE_PASSWORD}\n{prefix}ssl.truststore.type=PKCS12\n"
        )
    }

    fn start_broker(&mut self, controller: u16) {
        let (port, stores, data) = (self.broker, self.stores(""), self.path("data"));
        let login = login();
        let properties = self.write(
            "broker.properties",
            &format!(
                "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@127.0.0.1:{controller}\n\
                 listeners=SASL_SSL://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}\n\
                 advertised.listeners=SASL_SSL://127.0.0.1:{port}\ncontroller.listener.names=CONTROLLER\n\
                 listener.security.protocol.map=SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT\ninter.broker.listener.name=SASL_SSL\n\
                 sasl.enabled.mechanisms=SCRAM-SHA-512\nsasl.mechanism.inter.broker.protocol=SCRAM-SHA-512\n\
                 listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config={login}\n{stores}log.dirs={data}\n\
                 offsets.topic.replication.factor=1\noffsets.topic.num.partitions=3\ngroup.initial.rebalance.delay.ms=0\n\
                 transaction.state.log.replication.factor=1\ntransaction.state.log.min.isr=1\nlog.cleaner.dedupe.buffer.size=16777216\n"
            ),
        );
        let scram = format!("SCRAM-SHA-512=[name=ops,password={PASSWORD}]");
        let format = [
            "kafka.tools.StorageTool",
            "format",
            "-t",
            "AAAAAAAAAAAAAAAAAAAAAQ",
            "-c",
            &properties,
            "--add-scram",
            &scram,
        ];
        let output = self.java(&[], &format).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
        self.spawn("broker", &[], &["kafka.Kafka", &properties]);
    }

    fn start_workers(&mut self) {
        let (https, basic, stores) = (self.https, self.basic, self.stores("listeners.https."));
        let tls = self.worker(
            "tls",
            &format!(
                "listeners=https://127.0.0.1:{https}\nrest.advertised.listener=https\n{stores}listeners.https.ssl.client.auth=required\n"
            ),
        );
        let extension =
            "org.apache.kafka.connect.rest.basic.auth.extension.BasicAuthSecurityRestExtension";
        let password = self.worker(
            "password",
            &format!("listeners=http://127.0.0.1:{basic}\nrest.extension.classes={extension}\n"),
        );
        let users = self.write("users", &format!("ops={REST_PASSWORD}\n"));
        let module = "org.apache.kafka.connect.rest.basic.auth.extension.PropertyFileLoginModule";
        let jaas = self.write(
            "jaas",
            &format!("KafkaConnect {{ {module} required file=\"{users}\"; }};\n"),
        );
        let main = "org.apache.kafka.connect.cli.ConnectDistributed";
        self.spawn("tls", &[], &[main, &tls]);
        let flag = format!("-Djava.security.auth.login.config={jaas}");
        self.spawn("password", &[flag], &[main, &password]);
        let (plain, secret) = (self.password_access(), self.tls_access());
        for (name, url, access) in [
            ("tls", self.https_url(), secret),
            ("password", self.basic_url(), plain),
        ] {
            let rest = Rest::with_access(&url, &access).unwrap();
            let deadline = Deadline::after(LIMIT);
            loop {
                let health = rest.health(Duration::from_secs(5));
                if matches!(&health, Ok(health) if health.state == HealthState::Healthy) {
                    break;
                }
                let log = self.file(&format!("{name}.log"));
                let log = fs::read_to_string(log).unwrap_or_default();
                assert!(!deadline.has_passed(), "{name}: {health:?}\n{log}");
                std::thread::sleep(Duration::from_millis(100));
            }
        }
    }

    fn worker(&self, name: &str, own: &str) -> String {
        let (login, trust) = (login(), self.path("trust.p12"));
        let client: String = ["", "producer.", "consumer.", "admin."]
            .iter()
            .map(|prefix| {
                format!(
                    "{prefix}security.protocol=SASL_SSL\n{prefix}sasl.mechanism=SCRAM-SHA-512\n{prefix}sasl.jaas.config={login}\n\
                     {prefix}ssl.truststore.location={trust}\n{prefix}ssl.truststore.password={STORE_PASSWORD}\n{prefix}ssl.truststore.type=PKCS12\n"
                )
            })
            .collect();
        let broker = self.broker;
        self.write(
            &format!("{name}.properties"),
            &format!(
                "bootstrap.servers=127.0.0.1:{broker}\ngroup.id=group-{name}\n\
                 config.storage.topic={name}-configs\noffset.storage.topic={name}-offsets\nstatus.storage.topic={name}-status\n\
                 config.storage.replication.factor=1\noffset.storage.replication.factor=1\nstatus.storage.replication.factor=1\n\
                 key.converter=org.apache.kafka.connect.storage.StringConverter\n\
                 value.converter=org.apache.kafka.connect.storage.StringConverter\nplugin.discovery=service_load\n{client}{own}"
            ),
        )
    }

    fn kafka(&self) -> Cluster {
        Cluster {
            bootstrap: format!("127.0.0.1:{}", self.broker),
            properties: self.client_settings(),
        }
    }

    fn client_settings(&self) -> BTreeMap<String, String> {
        [
            ("security.protocol", "SASL_SSL"),
            ("sasl.mechanism", "SCRAM-SHA-512"),
            ("sasl.username", "ops"),
            ("sasl.password", PASSWORD),
            ("ssl.ca.location", &self.path("ca.pem")),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }

    fn https_url(&self) -> String {
        format!("https://127.0.0.1:{}", self.https)
    }

    fn basic_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.basic)
    }

    fn tls_access(&self) -> Access {
        Access {
            basic: None,
            ca_file: Some(self.file("ca.pem")),
            client: Some((self.file("client.pem"), self.file("client.key"))),
        }
    }

    fn password_access(&self) -> Access {
        Access {
            basic: Some(("ops".to_owned(), REST_PASSWORD.to_owned())),
            ..Access::default()
        }
    }

    /// Inspects through an inventory file: client settings and the lines of its `rest:`.
    fn inspected(
        &self,
        settings: &BTreeMap<String, String>,
        url: &str,
        rest: &[(&str, &str)],
    ) -> (i32, String, String) {
        let mut file = format!(
            "name: secured\nbootstrap: 127.0.0.1:{}\nclient:\n",
            self.broker
        );
        for (name, value) in settings {
            file.push_str(&format!("  {name}: \"{value}\"\n"));
        }
        if !rest.is_empty() {
            file.push_str("rest:\n");
        }
        for (name, value) in rest {
            file.push_str(&format!("  {name}: \"{value}\"\n"));
        }
        file.push_str(&format!("workers:\n  - {{name: w1, rest: \"{url}\"}}\n"));
        let file = self.write("inventory.yaml", &file);
        let mut command = squall(&["inspect", "--format", "json", "--attach", &file]);
        let command = command
            .env("SCRAM_PASSWORD", PASSWORD)
            .env("REST_PASSWORD", REST_PASSWORD);
        outcome(&command.output().unwrap())
    }
}

fn login() -> String {
    format!(
        "org.apache.kafka.common.security.scram.ScramLoginModule required username=\"ops\" password=\"{PASSWORD}\";"
    )
}

/// Ended with exit code 4, names these words and gives no secret away.
fn refused(outcome: &(i32, String, String), words: &[&str]) {
    let (code, _, stderr) = outcome;
    assert_eq!(*code, 4, "{stderr}");
    for word in words {
        assert!(stderr.contains(word), "{word} is not in {stderr}");
    }
    for secret in [PASSWORD, REST_PASSWORD, "wrong-one"] {
        assert!(!stderr.contains(secret), "{stderr}");
    }
}

#[test]
fn a_secured_cluster_is_seen_with_the_right_means_and_the_wrong_ones_are_named() {
    let _turn = one_cluster();
    let secured = Secured::start();
    the_right_means_work(&secured);
    wrong_means_for_kafka_are_named(&secured);
    wrong_means_for_rest_are_named(&secured);
    records_go_in_and_come_out(&secured);
}

fn the_right_means_work(secured: &Secured) {
    let mut settings = secured.client_settings();
    settings.insert(
        "sasl.password".to_owned(),
        "${env:SCRAM_PASSWORD}".to_owned(),
    );
    let (ca, certificate, key) = (
        secured.path("ca.pem"),
        secured.path("client.pem"),
        secured.path("client.key"),
    );
    let tls = [("ca", &*ca), ("certificate", &*certificate), ("key", &*key)];
    let basic = [("username", "ops"), ("password", "${env:REST_PASSWORD}")];
    for (url, rest, group, port) in [
        (
            secured.https_url(),
            tls.as_slice(),
            "group-tls",
            secured.https,
        ),
        (
            secured.basic_url(),
            basic.as_slice(),
            "group-password",
            secured.basic,
        ),
    ] {
        let (code, stdout, stderr) = secured.inspected(&settings, &url, rest);
        assert_eq!(code, 0, "{stderr}");
        let seen: Value = serde_json::from_str(&stdout).unwrap();
        assert_eq!(seen["group"]["id"], group, "{seen:#}");
        assert_eq!(seen["group"]["leader"], format!("127.0.0.1:{port}"));
        assert_eq!(seen["workers"][0]["state"], "healthy", "{seen:#}");
        assert_eq!(seen["doubts"], serde_json::json!([]), "{seen:#}");
    }
    let lines: String = secured
        .client_settings()
        .iter()
        .map(|(name, value)| format!("{name}={value}\n"))
        .collect();
    let file = secured.write("client.conf", &lines);
    let bootstrap = format!("127.0.0.1:{}", secured.broker);
    let url = secured.https_url();
    let arguments = [
        "inspect",
        "--bootstrap",
        &bootstrap,
        "--rest",
        &url,
        "--client-config",
        &file,
        "--rest-ca",
        &ca,
        "--rest-cert",
        &certificate,
        "--rest-key",
        &key,
    ];
    let (code, _, stderr) = outcome(&squall(&arguments).output().unwrap());
    assert_eq!(code, 0, "{stderr}");
}

fn wrong_means_for_kafka_are_named(secured: &Secured) {
    let url = secured.basic_url();
    let other = secured.path("other.pem");
    for (setting, value, words) in [
        (
            "sasl.password",
            "wrong-one",
            ["uthentication failed", "sasl.password"],
        ),
        (
            "sasl.username",
            "nobody",
            ["uthentication failed", "sasl.username"],
        ),
        (
            "ssl.ca.location",
            &other,
            ["certificate verify failed", "ssl.ca.location"],
        ),
        (
            "sasl.mechanism",
            "SCRAM-SHA-256",
            ["SCRAM-SHA-512", "sasl.mechanism"],
        ),
        (
            "security.protocol",
            "SASL_PLAINTEXT",
            ["in state APIVERSION_QUERY", "security.protocol"],
        ),
        (
            "security.protocol",
            "SSL",
            ["in state UP", "security.protocol"],
        ),
    ] {
        let mut settings = secured.client_settings();
        settings.insert(setting.to_owned(), value.to_owned());
        refused(&secured.inspected(&settings, &url, &[]), &words);
    }
}

fn wrong_means_for_rest_are_named(secured: &Secured) {
    let settings = secured.client_settings();
    let inspected = |url: &str, rest: &[(&str, &str)]| secured.inspected(&settings, url, rest);
    let (ca, other) = (secured.path("ca.pem"), secured.path("other.pem"));
    let (certificate, key) = (secured.path("client.pem"), secured.path("client.key"));
    let (https, basic) = (secured.https_url(), secured.basic_url());
    let client = [("certificate", &*certificate), ("key", &*key)];
    for (url, rest, words) in [
        (
            &https,
            vec![("ca", &*other), client[0], client[1]],
            ["UnknownIssuer", "`rest: ca`"],
        ),
        (&https, client.to_vec(), ["UnknownIssuer", "`rest: ca`"]),
        (
            &https,
            vec![("ca", &*ca)],
            ["client certificate", "`rest: certificate`"],
        ),
        (
            &https.replace("https", "http"),
            vec![],
            ["https://", "REST address"],
        ),
        (
            &basic.replace("http", "https"),
            vec![],
            ["http://", "REST address"],
        ),
        (&basic, vec![], ["401", "`rest: username`"]),
        (
            &basic,
            vec![("username", "ops"), ("password", "wrong-one")],
            ["401", "`password`"],
        ),
    ] {
        refused(&inspected(url, &rest), &words);
    }
    let no_key = secured.write("no.pem", "rubbish");
    let rest = [
        ("ca", &*ca),
        ("certificate", &*certificate),
        ("key", &*no_key),
    ];
    refused(&inspected(&https, &rest), &["client.pem"]);
}

fn records_go_in_and_come_out(secured: &Secured) {
    let cluster = secured.kafka();
    let admin = Admin::new(&cluster).unwrap();
    let deadline = Deadline::after(LIMIT);
    admin
        .create_topic("t", 1, 1, &BTreeMap::new(), deadline)
        .unwrap();
    let sender = RecordSender::new(&cluster, "t").unwrap();
    for n in 0..100 {
        let value = n.to_string();
        sender.send(0, b"k", value.as_bytes(), n).unwrap();
    }
    let mut left = 100;
    await_that("the records are acknowledged", || {
        sender.outcomes(|_| left -= 1);
        left == 0
    });
    let committed = Isolation::ReadCommitted;
    let reader = RecordReader::open(&cluster, "t", committed, &Start::Zero, LIMIT).unwrap();
    let mut read = Vec::new();
    await_that("the records are read", || {
        let take = |item: Item<'_>| {
            if let Item::Record { value, .. } = item {
                read.push(String::from_utf8(value.unwrap().to_vec()).unwrap());
            }
        };
        reader
            .poll(Duration::from_millis(100), 1_000, take)
            .unwrap();
        read.len() == 100
    });
    assert_eq!(read, (0..100).map(|n| n.to_string()).collect::<Vec<_>>());
}

#[test]
fn brokers_and_workers_that_are_silent_or_away_end_in_a_clear_error() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = listener.local_addr().unwrap().to_string();
    let run = |bootstrap: &str| {
        let rest = "http://127.0.0.1:1";
        let arguments = ["inspect", "--bootstrap", bootstrap, "--rest", rest];
        outcome(&squall(&arguments).output().unwrap())
    };
    refused(&run(&silent), &[&silent, "bootstrap address"]);
    refused(
        &run("127.0.0.1:1"),
        &["Connection refused", "bootstrap address"],
    );
    refused(
        &run("no.such.host.invalid:9"),
        &["resolve", "bootstrap address"],
    );
    let url = format!("http://{silent}");
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("backup");
    let arguments = ["backup", "--rest", &url, folder.to_str().unwrap()];
    let silence = outcome(&squall(&arguments).output().unwrap());
    refused(&silence, &[&url, "runs or hangs"]);
    assert!(!folder.exists(), "a backup that failed leaves nothing");
}
