//! Runs shell commands on this machine or on others, over one ssh connection for each of them.

use std::collections::BTreeMap;
use std::fs::File;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use openssh::{ControlPersist, KnownHosts, Session, SessionBuilder};
use tokio::runtime::Runtime as Tokio;

use crate::journal::Deadline;
use crate::scenario::inventory::Ssh;

use super::super::RuntimeError;
use super::commands::quoted;
use super::error::AttachedError;

/// How long a connection may take to be made.
const CONNECT_LIMIT: Duration = Duration::from_secs(15);
/// A connection of a harness that was killed ends by itself after this many seconds.
const IDLE_SECONDS: usize = 60;
const CLOSE_LIMIT: Duration = Duration::from_secs(2);
const CLOSE_POLL: Duration = Duration::from_millis(5);

/// What a command did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// Its exit status; `None` when a signal ended it.
    pub status: Option<i32>,
    /// What it printed to standard output.
    pub stdout: String,
    /// What it printed to standard error.
    pub stderr: String,
}

impl Ran {
    /// Its first words about itself, for messages.
    pub fn words(&self) -> String {
        let said = [&self.stderr, &self.stdout]
            .into_iter()
            .find(|text| !text.trim().is_empty());
        let said: String = said
            .map_or("nothing", |text| text.trim())
            .chars()
            .take(400)
            .collect();
        match self.status {
            Some(status) => format!("ended with status {status} and said: {said}"),
            None => format!("was ended by a signal and said: {said}"),
        }
    }
}

/// Runs commands; one for a whole run.
pub struct Executor {
    // Present until drop.
    tokio: Option<Tokio>,
    sockets: PathBuf,
    sessions: Mutex<BTreeMap<Ssh, Arc<Session>>>,
}

impl Executor {
    /// Connects to nothing yet; ssh's sockets will stand in `sockets`, which is there and which nobody else can enter.
    pub fn new(sockets: PathBuf) -> Result<Self, RuntimeError> {
        let tokio = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("commands")
            .enable_all()
            .build()
            .map_err(AttachedError::Thread)?;
        Ok(Self {
            tokio: Some(tokio),
            sockets,
            sessions: Mutex::default(),
        })
    }

    fn tokio(&self) -> &Tokio {
        self.tokio.as_ref().expect("it is only taken by drop")
    }

    /// Runs a command that leaves nothing behind, such as a question.
    pub fn ask(
        &self,
        ssh: Option<&Ssh>,
        command: &str,
        limit: Duration,
    ) -> Result<Ran, RuntimeError> {
        let session = ssh.map(|ssh| self.session(ssh)).transpose()?;
        self.tokio().block_on(async {
            let output = async {
                match &session {
                    None => local(command)
                        .output()
                        .await
                        .map_err(|error| error.to_string()),
                    Some(session) => session
                        .raw_command(remote(command))
                        .stdin(openssh::Stdio::null())
                        .output()
                        .await
                        .map_err(|error| in_words(&error)),
                }
            };
            let output = tokio::time::timeout(limit, output)
                .await
                .map_err(|_| format!("did not end within {} s", limit.as_secs()))
                .and_then(|output| output);
            match output {
                Ok(output) => Ok(Ran {
                    status: output.status.code(),
                    stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
                    stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
                }),
                Err(why) => {
                    if let Some(ssh) = ssh {
                        self.forget_if_lost(ssh, session.as_deref()).await;
                    }
                    Err(AttachedError::Command {
                        what: "run a command".to_owned(),
                        command: command.to_owned(),
                        place: place_of(ssh),
                        why,
                    }
                    .into())
                }
            }
        })
    }

    /// Runs a command that may start something which goes on: its output is kept apart from ours, so that nothing waits
    /// for what was started.
    pub fn act(
        &self,
        ssh: Option<&Ssh>,
        command: &str,
        limit: Duration,
    ) -> Result<Ran, RuntimeError> {
        let wrapped = format!(
            "o=$(mktemp) || exit 1; sh -c {} >\"$o\" 2>&1 </dev/null; s=$?; head -c 4000 \"$o\"; rm -f \"$o\"; exit $s",
            quoted(command)
        );
        self.ask(ssh, &wrapped, limit)
    }

    /// Runs a command that prints until it is told to end, into a file; it also ends when this program does.
    pub fn follow(
        &self,
        ssh: Option<&Ssh>,
        command: &str,
        into: File,
    ) -> Result<Follower, RuntimeError> {
        // It ends when its standard input does, on whatever machine and for whatever reason.
        let word = quoted(command);
        let wrapped = format!(
            "if command -v setsid >/dev/null 2>&1; then setsid sh -c {word} </dev/null & else sh -c {word} </dev/null & fi; p=$!; cat >/dev/null; kill -- -$p 2>/dev/null || kill $p 2>/dev/null"
        );
        let failed = |why: String| AttachedError::Command {
            what: "follow a log".to_owned(),
            command: command.to_owned(),
            place: place_of(ssh),
            why,
        };
        match ssh {
            None => {
                let mut follower = std::process::Command::new("sh");
                std::os::unix::process::CommandExt::process_group(&mut follower, 0);
                let child = follower
                    .args(["-c", &wrapped])
                    .stdin(Stdio::piped())
                    .stdout(into)
                    .stderr(Stdio::null())
                    .spawn()
                    .map_err(|error| failed(error.to_string()))?;
                Ok(Follower::Local(child))
            }
            Some(ssh) => {
                let session = self.session(ssh)?;
                let _inside = self.tokio().enter();
                let child = self.tokio().block_on(
                    Session::arc_raw_command(session, remote(&wrapped))
                        .stdin(openssh::Stdio::piped())
                        .stdout(openssh::Stdio::from(into))
                        .stderr(openssh::Stdio::null())
                        .spawn(),
                );
                let child = child.map_err(|error| failed(in_words(&error)))?;
                Ok(Follower::Remote(Box::new(child)))
            }
        }
    }

    /// Ends a follower and waits for it, for a short time.
    pub fn end(&self, follower: Follower) {
        match follower {
            Follower::Local(mut child) => {
                drop(child.stdin.take());
                let deadline = Deadline::after(CLOSE_LIMIT);
                while matches!(child.try_wait(), Ok(None)) && !deadline.has_passed() {
                    std::thread::sleep(CLOSE_POLL);
                }
                // One that has ended cannot be ended again, and that is fine.
                let _ = child.kill();
                let _ = child.wait();
            }
            Follower::Remote(mut child) => {
                drop(child.stdin().take());
                let ended = async { tokio::time::timeout(CLOSE_LIMIT, child.wait()).await };
                // Nobody needs its status.
                drop(self.tokio().block_on(ended));
            }
        }
    }

    /// The connection to this machine, made at its first use.
    fn session(&self, ssh: &Ssh) -> Result<Arc<Session>, RuntimeError> {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(session) = sessions.get(ssh) {
            return Ok(Arc::clone(session));
        }
        let connecting = builder(ssh, &self.sockets);
        let connected = self.tokio().block_on(async {
            tokio::time::timeout(CONNECT_LIMIT * 2, connecting.connect(&ssh.host)).await
        });
        let why = match connected {
            Ok(Ok(session)) => {
                let session = Arc::new(session);
                sessions.insert(ssh.clone(), Arc::clone(&session));
                return Ok(session);
            }
            Ok(Err(error)) => in_words(&error),
            Err(_) => "no answer in time".to_owned(),
        };
        Err(AttachedError::Host {
            host: ssh.host.clone(),
            why,
            by_hand: by_hand(ssh),
        }
        .into())
    }

    /// A connection that is gone is made again at its next use.
    async fn forget_if_lost(&self, ssh: &Ssh, session: Option<&Session>) {
        if let Some(session) = session
            && session.check().await.is_err()
        {
            let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
            sessions.remove(ssh);
        }
    }
}

impl Drop for Executor {
    /// Closes all connections.
    fn drop(&mut self) {
        let sessions =
            std::mem::take(&mut *self.sessions.lock().unwrap_or_else(PoisonError::into_inner));
        let Some(tokio) = self.tokio.take() else {
            return;
        };
        for session in sessions.into_values().filter_map(Arc::into_inner) {
            let closing = async { tokio::time::timeout(CLOSE_LIMIT, session.close()).await };
            // One that does not close ends by itself once it is idle.
            drop(tokio.block_on(closing));
        }
        tokio.shutdown_timeout(CLOSE_LIMIT);
        // Not empty when a connection did not close; the ledger knows the folder.
        let _ = std::fs::remove_dir(&self.sockets);
    }
}

/// A command that prints until it is told to end.
pub enum Follower {
    /// On this machine.
    Local(std::process::Child),
    /// On another one.
    Remote(Box<openssh::Child<Arc<Session>>>),
}

fn builder(ssh: &Ssh, sockets: &std::path::Path) -> SessionBuilder {
    let mut builder = SessionBuilder::default();
    builder
        .known_hosts_check(KnownHosts::Strict)
        .connect_timeout(CONNECT_LIMIT)
        .server_alive_interval(Duration::from_secs(5))
        .control_persist(ControlPersist::IdleFor(
            NonZeroUsize::new(IDLE_SECONDS).unwrap_or(NonZeroUsize::MIN),
        ))
        .control_directory(sockets);
    if let Some(user) = &ssh.user {
        builder.user(user.clone());
    }
    if let Some(port) = ssh.port {
        builder.port(port);
    }
    if let Some(key) = &ssh.key {
        builder.keyfile(key);
    }
    if let Some(config) = &ssh.config {
        builder.config_file(config);
    }
    builder
}

fn local(command: &str) -> tokio::process::Command {
    let mut shell = tokio::process::Command::new("sh");
    shell
        .args(["-c", command])
        .stdin(Stdio::null())
        // What it starts must not be reached by an interrupt that is typed for us.
        .process_group(0)
        .kill_on_drop(true);
    shell
}

/// The command as one line for whatever shell the user has there.
fn remote(command: &str) -> String {
    format!("exec sh -c {}", quoted(command))
}

/// " on HOST", or nothing for this machine.
pub fn place_of(ssh: Option<&Ssh>) -> String {
    ssh.map_or_else(String::new, |ssh| format!(" on {}", ssh.host))
}

/// The command by which a user can try the connection.
pub fn by_hand(ssh: &Ssh) -> String {
    let mut command = "ssh".to_owned();
    let mut option = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            command.push_str(&format!(" {name} {}", quoted(&value)));
        }
    };
    let path = |path: &Option<PathBuf>| {
        path.as_ref()
            .map(|path| path.to_string_lossy().into_owned())
    };
    option("-F", path(&ssh.config));
    option("-i", path(&ssh.key));
    option("-p", ssh.port.map(|port| port.to_string()));
    option("-l", ssh.user.clone());
    format!("{command} {} true", quoted(&ssh.host))
}

/// An error with all its causes.
fn in_words(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words.push_str(": ");
        words.push_str(error.to_string().trim());
        cause = error.source();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(20);

    fn executor() -> Executor {
        Executor::new(std::env::temp_dir().join("squall-unused")).unwrap()
    }

    #[test]
    fn an_act_does_not_wait_for_what_it_starts() {
        let executor = executor();
        let ran = executor
            .act(None, "sleep 100 & echo $!; exit 3", LIMIT)
            .unwrap();
        assert_eq!(ran.status, Some(3));
        let pid = ran.stdout.trim().to_owned();
        let killed = executor.ask(None, &format!("kill {pid}"), LIMIT).unwrap();
        assert_eq!(killed.status, Some(0), "{}", killed.words());
    }

    #[test]
    fn a_command_that_hangs_is_given_up() {
        let error = executor()
            .ask(None, "sleep 100", Duration::from_millis(50))
            .unwrap_err();
        assert!(error.to_string().contains("did not end"), "{error}");
    }

    #[test]
    fn a_follower_ends_with_its_input_and_takes_what_it_started_along() {
        let temp = tempfile::tempdir().unwrap();
        let log = temp.path().join("log");
        let executor = executor();
        let follower = executor
            .follow(
                None,
                "sleep 100 & echo $!; wait",
                File::create(&log).unwrap(),
            )
            .unwrap();
        let deadline = Deadline::after(LIMIT);
        let printed = || std::fs::read_to_string(&log).unwrap();
        while !printed().ends_with('\n') && !deadline.has_passed() {
            std::thread::sleep(CLOSE_POLL);
        }
        let pid = printed().trim().to_owned();
        executor.end(follower);
        while std::path::Path::new(&format!("/proc/{pid}/cmdline")).exists()
            && !deadline.has_passed()
        {
            std::thread::sleep(CLOSE_POLL);
        }
        assert!(!deadline.has_passed(), "{pid} still runs");
    }
}
