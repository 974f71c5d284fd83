//! A real broker of one's own, with workers if wanted, that is gone without a trace when nobody holds it any more.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use squall::journal::{Clock, Journal, RunFolder, What};
use squall::model::{KafkaVersion, WorkerName};
use squall::runtime::process::{ClusterSpec, Prepared, ProcessCluster, StartStyle, prepare};
use squall::runtime::{Ledger, Runtime, UserFolders, docker};

/// Longest wait until brokers and workers answer.
const READY_LIMIT: Duration = Duration::from_secs(180);

/// Makes the names of clusters unique within the process.
static CLUSTERS: AtomicU32 = AtomicU32::new(0);

/// A cluster that can be started: Kafka is fetched, archives are made, folders are there.
pub struct OwnSpec {
    spec: ClusterSpec,
    prepared: Prepared,
    run: RunFolder,
    journal: Journal,
    // Removed last, with everything in it.
    home: tempfile::TempDir,
}

/// A running cluster; dropping it takes it down and removes its folders.
pub struct OwnCluster {
    cluster: ProcessCluster,
    spec: OwnSpec,
}

impl OwnSpec {
    /// Prepares one broker and so many workers. The cache is the user's, so that Kafka is fetched once; everything else
    /// stands in a temporary folder.
    pub fn new(workers: u32, style: StartStyle) -> Self {
        let home = tempfile::tempdir().expect("a temporary folder can be made");
        let folder = RunFolder::create(home.path(), "run").expect("the folder is empty");
        let journal = Journal::create(&folder, Clock::start()).expect("the folder is empty");
        let folders = UserFolders {
            cache: UserFolders::from_env().cache,
            state: home.path().join("state"),
            temp: home.path().join("temp"),
        };
        let number = CLUSTERS.fetch_add(1, Ordering::Relaxed);
        let run = format!("own-{}-{number}", std::process::id());
        let ledger = Ledger::create(&folders, &run, folder.path()).expect("the folder is empty");
        let version = KafkaVersion::new(4, 1, 1);
        let worker = |n| WorkerName::new(&format!("w{n}")).expect("the name is plain");
        let spec = ClusterSpec {
            kafka_version: version,
            brokers: 1,
            connect_version: version,
            workers: (1..=workers).map(worker).collect(),
            worker_config: BTreeMap::new(),
            plugins: Vec::new(),
            plugin_base: PathBuf::from("."),
            connector_classes: Vec::new(),
            group_id: format!("squall-{run}"),
            logs: folder.logs(),
            data: folder.data(),
            folders,
            kafka_home: None,
            java: None,
            style,
            ready_limit: READY_LIMIT,
            ledger,
        };
        let prepared = prepare(&spec, &journal, &AtomicBool::new(false))
            .unwrap_or_else(|error| panic!("no cluster can be prepared: {error}"));
        Self {
            spec,
            prepared,
            run: folder,
            journal,
            home,
        }
    }

    /// Sets a worker setting.
    #[allow(dead_code, reason = "not every test needs workers")]
    pub fn worker_setting(mut self, name: &str, value: &str) -> Self {
        let config = &mut self.spec.worker_config;
        config.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Takes this plugin, too; it is fetched at once.
    #[allow(dead_code, reason = "not every test needs plugins")]
    pub fn plugin(mut self, coordinate: &str) -> Self {
        let plugin = squall::scenario::Plugin::Maven(coordinate.to_owned());
        self.spec.plugins.push(plugin);
        self.prepared = prepare(&self.spec, &self.journal, &AtomicBool::new(false))
            .unwrap_or_else(|error| panic!("no plugin can be had: {error}"));
        self
    }

    /// What it is started from.
    #[allow(dead_code, reason = "for tests that start processes of their own")]
    pub fn prepared(&self) -> &Prepared {
        &self.prepared
    }

    /// A folder that is gone with it.
    #[allow(dead_code, reason = "for tests that start processes of their own")]
    pub fn home(&self) -> &std::path::Path {
        self.home.path()
    }

    /// Finds the engine and the image for the same cluster in containers.
    #[allow(dead_code, reason = "only a benchmark needs containers")]
    pub fn prepare_containers(&self) -> docker::Prepared {
        docker::prepare(&self.spec, None, &self.journal, &AtomicBool::new(false))
            .unwrap_or_else(|error| panic!("no containers can be prepared: {error}"))
    }

    /// Starts it in containers and waits until everybody answers; dropping what is returned takes it down.
    #[allow(dead_code, reason = "only a benchmark needs containers")]
    pub fn start_containers(&self, prepared: &docker::Prepared) -> docker::DockerCluster {
        let stop = AtomicBool::new(false);
        docker::DockerCluster::start(&self.spec, prepared, &self.journal, &stop)
            .unwrap_or_else(|error| panic!("{}: {error}", self.home.path().display()))
    }

    /// Starts it and waits until everybody answers.
    pub fn start(self) -> OwnCluster {
        let stop = AtomicBool::new(false);
        let cluster = ProcessCluster::start(&self.spec, &self.prepared, &self.journal, &stop)
            .unwrap_or_else(|error| panic!("{}: {error}", self.home.path().display()));
        OwnCluster {
            cluster,
            spec: self,
        }
    }
}

impl OwnCluster {
    /// `bootstrap.servers` of its broker.
    pub fn bootstrap(&self) -> String {
        self.cluster.bootstrap()
    }

    /// The process id of its broker.
    #[allow(dead_code, reason = "only a benchmark looks at the process")]
    pub fn broker_pid(&self) -> u32 {
        let events = self.spec.run.events().map(|log| log.events);
        let started = events
            .into_iter()
            .flatten()
            .find_map(|event| match event.what {
                What::ProcessStarted { name, pid, .. } if name == "broker-1" => Some(pid),
                _ => None,
            });
        started.expect("the broker was started")
    }

    /// The cluster itself.
    #[allow(dead_code, reason = "not every test needs workers")]
    pub fn runtime(&self) -> &ProcessCluster {
        &self.cluster
    }

    /// A folder that is gone with the cluster.
    #[allow(dead_code, reason = "not every test needs files")]
    pub fn home(&self) -> &std::path::Path {
        self.spec.home.path()
    }
}
