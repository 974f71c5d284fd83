//! The thread of a feed or tap: how it is started, told to stop, and waited for with a limit.

use std::cell::Cell;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, TryRecvError};
use std::time::Duration;

use crate::journal::Deadline;

use super::PlaceError;

/// Time for the last writes, beyond the limit that the caller gave for the work itself.
const LAST_WRITES: Duration = Duration::from_secs(5);

/// A running thread that ends with a result of its own.
pub(super) struct PlaceThread<T> {
    place: String,
    stop: Sender<Deadline>,
    result: Receiver<Result<T, PlaceError>>,
}

/// Where the thread looks whether it is to stop. Dropping the handle stops it too.
pub(super) struct StopSignal {
    asked: Receiver<Deadline>,
    deadline: Cell<Option<Deadline>>,
}

impl<T: Send + 'static> PlaceThread<T> {
    /// Starts a thread that is named after its place.
    pub(super) fn start(
        place: String,
        body: impl FnOnce(&StopSignal) -> Result<T, PlaceError> + Send + 'static,
    ) -> Result<Self, PlaceError> {
        let (stop, asked) = mpsc::channel();
        let (ended, result) = mpsc::channel();
        let signal = StopSignal {
            asked,
            deadline: Cell::new(None),
        };
        let started = std::thread::Builder::new()
            .name(place.clone())
            .spawn(move || drop(ended.send(body(&signal))));
        match started {
            Ok(_) => Ok(Self {
                place,
                stop,
                result,
            }),
            Err(source) => Err(PlaceError::Thread { place, source }),
        }
    }

    /// Asks the thread to stop within `limit` and waits for its result a little longer than that.
    pub(super) fn stop(self, limit: Duration) -> Result<T, PlaceError> {
        // A thread that has already ended does not hear this; its result is waiting.
        let _ = self.stop.send(Deadline::after(limit));
        match self.result.recv_timeout(limit + LAST_WRITES) {
            Ok(result) => result,
            Err(RecvTimeoutError::Timeout) => Err(PlaceError::Overran {
                place: self.place,
                limit: limit + LAST_WRITES,
            }),
            Err(RecvTimeoutError::Disconnected) => Err(PlaceError::Gone { place: self.place }),
        }
    }
}

impl StopSignal {
    /// Whether the thread is to stop.
    pub(super) fn is_set(&self) -> bool {
        if self.deadline.get().is_none() {
            match self.asked.try_recv() {
                Ok(deadline) => self.deadline.set(Some(deadline)),
                Err(TryRecvError::Disconnected) => self.abandon(),
                Err(TryRecvError::Empty) => {}
            }
        }
        self.deadline.get().is_some()
    }

    /// Waits until the thread is to stop, at most `pause`; says whether it is.
    pub(super) fn wait(&self, pause: Duration) -> bool {
        if !self.is_set() {
            match self.asked.recv_timeout(pause) {
                Ok(deadline) => self.deadline.set(Some(deadline)),
                Err(RecvTimeoutError::Disconnected) => self.abandon(),
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
        self.deadline.get().is_some()
    }

    /// When the work must have ended; now, where the thread was not asked but left.
    pub(super) fn deadline(&self) -> Deadline {
        self.deadline
            .get()
            .unwrap_or_else(|| Deadline::after(Duration::ZERO))
    }

    fn abandon(&self) {
        self.deadline.set(Some(Deadline::after(Duration::ZERO)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_gives_its_result_when_it_is_stopped() {
        let thread = PlaceThread::start("t".to_owned(), |stop| {
            while !stop.wait(Duration::from_secs(60)) {}
            Ok(stop.deadline().left())
        });
        let left = thread.unwrap().stop(Duration::from_secs(30)).unwrap();
        assert!(left > Duration::from_secs(1));
    }

    #[test]
    fn a_thread_that_breaks_is_reported() {
        let thread = PlaceThread::<()>::start("t".to_owned(), |_| panic!("on purpose"));
        let ended = thread.unwrap().stop(Duration::from_secs(30));
        assert!(matches!(ended, Err(PlaceError::Gone { .. })));
    }

    #[test]
    fn a_thread_whose_handle_is_dropped_stops() {
        let (told, heard) = mpsc::channel();
        let thread = PlaceThread::start("t".to_owned(), move |stop| {
            while !stop.wait(Duration::from_secs(60)) {}
            let _ = told.send(());
            Ok(())
        });
        drop(thread);
        assert_eq!(heard.recv_timeout(Duration::from_secs(20)), Ok(()));
    }
}
