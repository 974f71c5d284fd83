//! Waiting for a future on the calling thread, with a limit.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use crate::journal::Deadline;

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// What the future gives; `None` when the deadline passes first.
pub(super) fn on<F: Future>(future: F, deadline: Deadline) -> Option<F::Output> {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return Some(output);
        }
        if deadline.has_passed() {
            return None;
        }
        thread::park_timeout(deadline.left());
    }
}

#[cfg(test)]
mod tests {
    use std::future;
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_future_woken_by_another_thread_is_waited_for() {
        let mut asked = false;
        let output = on(
            future::poll_fn(move |context| {
                if asked {
                    return Poll::Ready(7);
                }
                asked = true;
                let waker = context.waker().clone();
                thread::spawn(move || waker.wake());
                Poll::Pending
            }),
            Deadline::after(Duration::from_secs(20)),
        );
        assert_eq!(output, Some(7));
    }

    #[test]
    fn a_future_that_never_ends_is_given_up_at_the_deadline() {
        let deadline = Deadline::after(Duration::from_millis(20));
        assert_eq!(on(future::pending::<()>(), deadline), None);
        assert!(deadline.has_passed());
    }
}
