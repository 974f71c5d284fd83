//! One worker of an attached cluster: what was asked of it, what was seen of it, and what follows from the difference.

use std::sync::mpsc::Sender;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::journal::Exit;
use crate::model::WorkerName;
use crate::scenario::inventory::{Commands, Ssh};

use super::super::{Act, Condition, Undo};
use super::executor::Follower;
use super::seen::Seen;

/// What a worker is to be after what was asked of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Up, as it was found.
    Up,
    /// On its way up after a start of ours.
    Starting,
    /// Ended, by an act of ours.
    Down,
    /// Standing still.
    Paused,
    /// Without its network.
    Disconnected,
    /// Ended by somebody else; nothing more is said about it.
    Lost,
}

/// What follows from a look at a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Consequence {
    /// Nothing.
    None,
    /// What was asked has happened: the worker has ended.
    Ended(Exit),
    /// It ended without being asked.
    Died(Exit),
    /// It ended and is there again without being asked: whatever looks after it has started it.
    CameBack,
    /// It is there again after its end was seen, and nobody here has started it.
    Returned,
    /// A start of ours has brought it up.
    Up,
    /// Somebody else did something to it.
    Trouble(String),
}

/// What is known of a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// What it is to be.
    pub wanted: Wanted,
    /// What it was last seen doing.
    pub condition: Condition,
    /// Which process it was when last seen up.
    pub identity: Option<String>,
    /// Which start it is in, from 1.
    pub incarnation: u32,
    /// Grows with each act, so that a look from before it is not taken for one after it.
    pub acts: u64,
    /// Whether what is wanted was seen.
    pub took_effect: bool,
    /// Whether it came back by itself after we had ended it.
    pub came_back: bool,
}

impl State {
    /// A worker that was found up.
    pub const fn found(identity: Option<String>) -> Self {
        Self {
            wanted: Wanted::Up,
            condition: Condition::Running,
            identity,
            incarnation: 1,
            acts: 0,
            took_effect: true,
            came_back: false,
        }
    }

    /// Whether something of ours is being done to it.
    pub fn is_disturbed(&self) -> bool {
        !matches!(self.wanted, Wanted::Up)
    }

    /// Notes that this is about to be asked of it; a thread dump changes nothing.
    pub fn ask(&mut self, act: Act) {
        self.wanted = match act {
            Act::Kill | Act::Terminate => Wanted::Down,
            Act::Pause => Wanted::Paused,
            Act::Disconnect => Wanted::Disconnected,
            Act::Resume | Act::Reconnect => Wanted::Up,
            Act::DumpThreads => return,
        };
        self.acts += 1;
        self.took_effect = false;
    }

    /// Takes in a look.
    pub fn take(&mut self, seen: &Seen) -> Consequence {
        let other =
            seen.identity.is_some() && self.identity.is_some() && seen.identity != self.identity;
        let before = self.condition;
        let is_up = !matches!(seen.condition, Condition::Ended(_));
        match self.wanted {
            Wanted::Lost => Consequence::None,
            Wanted::Starting => {
                if !is_up {
                    return Consequence::None;
                }
                self.arrive(Wanted::Up, seen);
                Consequence::Up
            }
            Wanted::Down if self.took_effect => self.take_return(seen, is_up),
            Wanted::Down => self.take_end(seen, other),
            Wanted::Up | Wanted::Paused | Wanted::Disconnected => {
                if let Condition::Ended(exit) = seen.condition {
                    self.wanted = Wanted::Lost;
                    self.condition = seen.condition;
                    return Consequence::Died(exit);
                }
                if other {
                    self.wanted = Wanted::Lost;
                    return Consequence::Died(Exit::Unknown);
                }
                self.condition = seen.condition;
                self.identity.clone_from(&seen.identity);
                self.compare(before)
            }
        }
    }

    fn arrive(&mut self, wanted: Wanted, seen: &Seen) {
        self.wanted = wanted;
        self.condition = seen.condition;
        self.identity.clone_from(&seen.identity);
        self.took_effect = true;
    }

    /// Whatever looks after a worker may start it again after its end was seen.
    fn take_return(&mut self, seen: &Seen, is_up: bool) -> Consequence {
        if !is_up || self.came_back {
            return Consequence::None;
        }
        self.identity.clone_from(&seen.identity);
        self.came_back = true;
        Consequence::Returned
    }

    fn take_end(&mut self, seen: &Seen, other: bool) -> Consequence {
        match seen.condition {
            Condition::Ended(exit) => {
                self.condition = seen.condition;
                self.took_effect = true;
                Consequence::Ended(exit)
            }
            _ if other => {
                self.condition = Condition::Ended(Exit::Unknown);
                self.identity.clone_from(&seen.identity);
                self.took_effect = true;
                self.came_back = true;
                Consequence::CameBack
            }
            _ => Consequence::None,
        }
    }

    /// Holds what is seen against what is wanted, for a worker that is up.
    fn compare(&mut self, before: Condition) -> Consequence {
        let wanted = match self.wanted {
            Wanted::Paused => Condition::Paused,
            Wanted::Disconnected => Condition::Disconnected,
            _ => Condition::Running,
        };
        if self.condition == wanted {
            self.took_effect = true;
            return Consequence::None;
        }
        if !self.took_effect || before != wanted {
            return Consequence::None;
        }
        self.took_effect = false;
        let words = |condition| match condition {
            Condition::Paused => "stands still",
            Condition::Disconnected => "has no network",
            Condition::Running | Condition::Ended(_) => "runs",
        };
        Consequence::Trouble(format!(
            "{} and squall did not ask for it",
            words(self.condition)
        ))
    }
}

/// A worker of the group.
pub struct Worker {
    /// Its name.
    pub name: WorkerName,
    /// Its REST address as reached from here; none for a stranger.
    pub rest: Option<String>,
    /// The `host:port` that it advertises.
    pub id: String,
    /// Its commands and where they run; none for one that may not be touched.
    pub control: Option<(Commands, Option<Ssh>)>,
    /// What is known of it.
    pub state: Mutex<State>,
    /// Follows its log.
    pub follower: Mutex<Option<Follower>>,
    /// What has to be undone.
    pub undo: Mutex<Option<Undo>>,
    /// Wakes whoever looks after it.
    pub wake: Mutex<Option<Sender<()>>>,
}

impl Worker {
    /// One that was found up and that nothing was asked of yet; without a control.
    pub fn found(name: WorkerName, rest: Option<String>, id: &str) -> Self {
        Self {
            name,
            rest,
            id: id.to_owned(),
            control: None,
            state: Mutex::new(State::found(None)),
            follower: Mutex::default(),
            undo: Mutex::default(),
            wake: Mutex::default(),
        }
    }

    /// Locks what is known of it.
    pub fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }

    /// Has it looked at now.
    pub fn look_now(&self) {
        if let Some(wake) = locked(&self.wake).as_ref() {
            // Nobody looks any more once the cluster is being left.
            let _ = wake.send(());
        }
    }
}

/// Locks; a panic elsewhere leaves the value usable.
pub fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::super::seen::seen;
    use super::*;

    fn state() -> State {
        State::found(Some("1".to_owned()))
    }

    fn look(state: &mut State, printed: &str) -> Consequence {
        state.take(&seen(printed).unwrap())
    }

    #[test]
    fn an_end_that_was_asked_for_is_told_once_and_a_start_brings_it_back() {
        let mut state = state();
        state.ask(Act::Kill);
        assert_eq!(look(&mut state, "running 1"), Consequence::None);
        assert_eq!(
            look(&mut state, "ended 137"),
            Consequence::Ended(Exit::Signal(9))
        );
        assert_eq!(look(&mut state, "ended 137"), Consequence::None);
        state.wanted = Wanted::Starting;
        assert_eq!(look(&mut state, "ended 137"), Consequence::None);
        assert_eq!(look(&mut state, "running 2"), Consequence::Up);
        assert_eq!(
            (state.wanted, state.identity.as_deref()),
            (Wanted::Up, Some("2"))
        );
    }

    #[test]
    fn an_end_that_nobody_asked_for_is_a_death_even_when_it_was_too_short_to_be_seen() {
        let mut seen_end = state();
        assert_eq!(
            look(&mut seen_end, "ended 1"),
            Consequence::Died(Exit::Code(1))
        );
        assert_eq!(look(&mut seen_end, "running 2"), Consequence::None);
        let mut unseen = state();
        assert_eq!(look(&mut unseen, "running 1"), Consequence::None);
        assert_eq!(
            look(&mut unseen, "running 2"),
            Consequence::Died(Exit::Unknown)
        );
        let mut paused = state();
        paused.ask(Act::Pause);
        assert_eq!(look(&mut paused, "ended"), Consequence::Died(Exit::Unknown));
    }

    #[test]
    fn a_worker_that_its_manager_starts_again_at_once_had_ended() {
        let mut state = state();
        state.ask(Act::Kill);
        assert_eq!(look(&mut state, "running 2"), Consequence::CameBack);
        assert_eq!(state.condition, Condition::Ended(Exit::Unknown));
        assert!(state.came_back);
    }

    #[test]
    fn a_worker_that_its_manager_starts_again_after_its_end_was_seen_is_told_once_and_is_another_process()
     {
        let mut state = state();
        state.ask(Act::Kill);
        let ended = Consequence::Ended(Exit::Signal(9));
        assert_eq!(look(&mut state, "ended 137"), ended);
        assert_eq!(look(&mut state, "running 2"), Consequence::Returned);
        assert_eq!(look(&mut state, "running 2"), Consequence::None);
        assert!(state.came_back);
        // Its end is that of the process which is there now.
        state.wanted = Wanted::Starting;
        state.came_back = false;
        state.ask(Act::Kill);
        assert_eq!(look(&mut state, "running 2"), Consequence::None);
        assert_eq!(look(&mut state, "ended 137"), ended);
    }

    #[test]
    fn a_pause_is_seen_and_interference_is_told() {
        let mut state = state();
        state.ask(Act::Pause);
        assert_eq!(look(&mut state, "running 1"), Consequence::None);
        assert_eq!(look(&mut state, "paused 1"), Consequence::None);
        assert_eq!(state.condition, Condition::Paused);
        assert!(matches!(
            look(&mut state, "running 1"),
            Consequence::Trouble(_)
        ));
        let mut calm = State::found(Some("1".to_owned()));
        assert!(
            matches!(look(&mut calm, "paused 1"), Consequence::Trouble(why) if why.contains("stands still"))
        );
    }

    #[test]
    fn a_resumed_worker_may_be_seen_standing_still_a_little_longer() {
        let mut state = state();
        state.ask(Act::Pause);
        look(&mut state, "paused 1");
        state.ask(Act::Resume);
        assert_eq!(look(&mut state, "paused 1"), Consequence::None);
        assert_eq!(look(&mut state, "running 1"), Consequence::None);
        assert!(state.took_effect);
    }
}
