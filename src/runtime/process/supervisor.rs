//! The one long-lived thread that starts all JVMs, and the handles to what it started.
//!
//! The kernel's parent-death signal follows the thread that forked, not the process: a JVM started from a thread of a
//! pool would be killed when that thread idles away. Here it is killed when this thread ends, which is when the cluster
//! is dropped or when the harness dies by whatever cause.

use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, mpsc};
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{
    Pid, PidfdFlags, Signal as UnixSignal, WaitId, WaitIdOptions, kill_process_group, pidfd_open,
    pidfd_send_signal, waitid,
};

use crate::journal::{Deadline, Exit};

use super::super::{Act, RuntimeError, proc_table};
use super::tool;

type OnStart = Box<dyn FnOnce(u32) + Send>;
type OnEnd = Box<dyn FnOnce(Exit, bool) + Send>;

/// What is to be started.
pub struct Order {
    /// The command; it must lead a process group of its own.
    pub command: Command,
    /// Called with the pid before anybody can see the process end.
    pub on_start: OnStart,
    /// Called when the process is gone: how, and whether it was asked to go.
    pub on_end: OnEnd,
}

struct Request {
    order: Order,
    reply: mpsc::Sender<std::io::Result<Arc<Process>>>,
}

/// Starts processes from its one thread; when it is dropped the thread ends, and with it all that it started.
pub struct Supervisor {
    requests: Mutex<mpsc::Sender<Request>>,
}

impl Supervisor {
    /// Starts the thread.
    pub fn start() -> Result<Self, RuntimeError> {
        let (requests, inbox) = mpsc::channel::<Request>();
        std::thread::Builder::new()
            .name("supervisor".to_owned())
            .spawn(move || {
                for Request { order, reply } in inbox {
                    // Who asked and went away is the cluster's own end: the process then ends with this thread.
                    let _ = reply.send(spawn(order));
                }
            })
            .map_err(|source| RuntimeError::Spawn {
                who: "the supervisor thread".to_owned(),
                source,
            })?;
        Ok(Self {
            requests: Mutex::new(requests),
        })
    }

    /// Starts a process and returns when it is spawned.
    pub fn spawn(&self, order: Order) -> std::io::Result<Arc<Process>> {
        let (reply, answer) = mpsc::channel();
        let gone = || std::io::Error::other("the supervisor thread has ended");
        self.requests
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .send(Request { order, reply })
            .map_err(|_| gone())?;
        answer.recv().map_err(|_| gone())?
    }
}

fn spawn(order: Order) -> std::io::Result<Arc<Process>> {
    let Order {
        mut command,
        on_start,
        on_end,
    } = order;
    let mut child = command.spawn()?;
    // The child is not reaped yet, so this pid is still its own.
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let opened = pid
        .ok_or(Errno::SRCH)
        .and_then(|pid| Ok((pid, pidfd_open(pid, PidfdFlags::empty())?)));
    let (pid, pidfd) = match opened {
        Ok(opened) => opened,
        Err(error) => {
            child.kill()?;
            child.wait()?;
            return Err(error.into());
        }
    };
    on_start(child.id());
    let process = Arc::new(Process {
        pid: child.id(),
        pidfd,
        asked: AtomicBool::new(false),
        halted: AtomicBool::new(false),
        exit: Mutex::new(None),
        ended: Condvar::new(),
    });
    let waiting = Arc::clone(&process);
    std::thread::Builder::new()
        .name("waiter".to_owned())
        .spawn(move || waiting.await_end(child, pid, on_end))?;
    Ok(process)
}

/// A process that was started; signals to it can never reach another one.
pub struct Process {
    pid: u32,
    pidfd: OwnedFd,
    asked: AtomicBool,
    halted: AtomicBool,
    exit: Mutex<Option<Exit>>,
    ended: Condvar,
}

impl Process {
    fn await_end(&self, mut child: Child, group: Pid, on_end: OnEnd) {
        let ended = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        while matches!(
            waitid(WaitId::PidFd(self.pidfd.as_fd()), ended),
            Err(Errno::INTR)
        ) {}
        // While its leader is not reaped the group's id cannot be given to others: what it left behind goes now.
        let _ = kill_process_group(group, UnixSignal::KILL);
        let exit = child.wait().map_or(Exit::Code(-1), exit_of);
        on_end(exit, self.asked.load(Ordering::SeqCst));
        *self.exit.lock().unwrap_or_else(PoisonError::into_inner) = Some(exit);
        self.ended.notify_all();
    }

    /// Does this to the process by a signal; false when it is gone already, or when no signal does such a thing.
    pub fn signal(&self, act: Act) -> std::io::Result<bool> {
        let signal = match act {
            Act::Kill => UnixSignal::KILL,
            Act::Terminate => UnixSignal::TERM,
            Act::Pause => UnixSignal::STOP,
            Act::Resume => UnixSignal::CONT,
            Act::DumpThreads => UnixSignal::QUIT,
            Act::Disconnect | Act::Reconnect => return Ok(false),
        };
        if matches!(act, Act::Kill | Act::Terminate) {
            self.asked.store(true, Ordering::SeqCst);
        }
        if matches!(act, Act::Pause | Act::Resume) {
            self.halted.store(act == Act::Pause, Ordering::SeqCst);
        }
        match pidfd_send_signal(&self.pidfd, signal) {
            Ok(()) => Ok(true),
            Err(Errno::SRCH) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Its id; once it has ended this may be that of another one.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether it stands still (state T), as the kernel says.
    pub fn is_stopped(&self) -> bool {
        self.exit().is_none() && proc_table::is_stopped(self.pid)
    }

    /// What somebody else has done to it when it stands still, or runs, against what was asked last.
    pub fn out_of_step(&self) -> Option<&'static str> {
        if self.exit().is_some() {
            return None;
        }
        match (self.is_stopped(), self.halted.load(Ordering::SeqCst)) {
            (true, false) => Some(proc_table::STOPPED),
            (false, true) => Some("resumed the process of"),
            (true, true) | (false, false) => None,
        }
    }

    /// How it ended, when it has and all that had to be told was told.
    pub fn exit(&self) -> Option<Exit> {
        *self.exit.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for its end.
    pub fn wait(&self, limit: Duration) -> Option<Exit> {
        let deadline = Deadline::after(limit);
        let mut exit = self.exit.lock().unwrap_or_else(PoisonError::into_inner);
        while exit.is_none() && !deadline.has_passed() {
            exit = self
                .ended
                .wait_timeout(exit, deadline.left())
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        *exit
    }
}

fn exit_of(status: ExitStatus) -> Exit {
    match (status.code(), status.signal()) {
        (Some(code), _) => Exit::Code(code),
        (None, Some(signal)) => Exit::Signal(signal),
        (None, None) => Exit::Code(-1),
    }
}

/// Fails when a process cannot be bound to the life of the thread that starts it.
pub(in crate::runtime) fn check_setpriv() -> Result<(), RuntimeError> {
    let failed = |why: String| RuntimeError::NoSetpriv { why };
    let output = tool::bound_to_us("true")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .output()
        .map_err(|error| failed(error.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(failed(
        said.lines().next().unwrap_or("no reason given").to_owned(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    fn started(
        supervisor: &Supervisor,
        script: &str,
    ) -> (Arc<Process>, u32, mpsc::Receiver<(Exit, bool)>) {
        let (on_start, pid) = mpsc::channel();
        let (on_end, end) = mpsc::channel();
        let mut command = tool::bound_to_us("sh");
        command.args(["-c", script]);
        let order = Order {
            command,
            on_start: Box::new(move |pid| on_start.send(pid).unwrap()),
            on_end: Box::new(move |exit, asked| on_end.send((exit, asked)).unwrap()),
        };
        let process = supervisor.spawn(order).unwrap();
        (process, pid.recv().unwrap(), end)
    }

    #[test]
    fn an_end_tells_how_and_whether_it_was_asked_for() {
        let supervisor = Supervisor::start().unwrap();
        let (by_itself, _, end) = started(&supervisor, "exit 7");
        assert_eq!(by_itself.wait(LIMIT), Some(Exit::Code(7)));
        assert_eq!(end.recv().unwrap(), (Exit::Code(7), false));
        assert!(!by_itself.signal(Act::Kill).unwrap());
        let (killed, _, end) = started(&supervisor, "exec sleep 60");
        assert_eq!(killed.wait(Duration::from_millis(1)), None);
        assert!(killed.signal(Act::Kill).unwrap());
        assert_eq!(killed.wait(LIMIT), Some(Exit::Signal(9)));
        assert_eq!(end.recv().unwrap(), (Exit::Signal(9), true));
    }

    #[test]
    fn what_a_process_started_goes_with_it() {
        let supervisor = Supervisor::start().unwrap();
        let temp = tempfile::tempdir().unwrap();
        let file = temp.path().join("pid");
        let script = format!(
            "sleep 60 & echo $! > {0}.part; mv {0}.part {0}; wait",
            file.display()
        );
        let (process, _, _end) = started(&supervisor, &script);
        let deadline = Deadline::after(LIMIT);
        while !file.exists() && !deadline.has_passed() {
            std::thread::sleep(Duration::from_millis(5));
        }
        let grandchild: u32 = std::fs::read_to_string(&file)
            .unwrap()
            .trim()
            .parse()
            .unwrap();
        process.signal(Act::Kill).unwrap();
        process.wait(LIMIT).unwrap();
        while is_running(grandchild) && !deadline.has_passed() {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(!is_running(grandchild));
    }

    #[test]
    fn nothing_outlives_the_supervisor() {
        let supervisor = Supervisor::start().unwrap();
        let (process, pid, _end) = started(&supervisor, "exec sleep 60");
        // setpriv has to have run: only the program behind it is bound.
        let deadline = Deadline::after(LIMIT);
        let name = || std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap();
        while name() != "sleep\n" && !deadline.has_passed() {
            std::thread::sleep(Duration::from_millis(5));
        }
        drop(supervisor);
        assert_eq!(process.wait(LIMIT), Some(Exit::Signal(9)));
    }

    fn is_running(pid: u32) -> bool {
        proc_table::start_ticks(pid).is_some()
    }
}
