//! Why a worker did not end when it was asked to, by the stacks of the threads that were to end it.

use crate::journal::Stack;

const HOOK: &str = "connect-shutdown-hook";
const HERDER: &str = "DistributedHerder";
/// How the names begin of the threads that end a worker: `Connect` names the first, `DistributedHerder` the second.
pub const ENDING_THREADS: [&str; 2] = [HOOK, HERDER];

/// What the worker was waiting for, as the end of a sentence that says that it did not stop; `None` when the stacks do not
/// tell.
pub fn why_not_ended(stacks: &[Stack]) -> Option<String> {
    let stack = |name: &str| stacks.iter().find(|stack| stack.thread.starts_with(name));
    let hook = stack(HOOK)?;
    if is_lost_rest_server(hook) {
        return Some(
            "it would have waited for ever for its own REST server: Connect's and Jetty's shutdown hooks stopped that at the \
             same time (a fault of Kafka Connect since 4.0, of no connector)"
                .to_owned(),
        );
    }
    let herder = stack(HERDER).filter(|_| has(hook, "DistributedHerder.stop("));
    let (who, at) = match herder.and_then(own_place) {
        Some(at) => ("its herder", at),
        None => ("its shutdown hook", own_place(hook)?),
    };
    Some(format!("{who} stood in {at}"))
}

/// `RestServer.stop` stops Jetty and joins its threads. Jetty's own hook (`Server.setStopAtShutdown`), when it comes while the
/// server is stopping, destroys it, and what was not stopped by then never is: `QueuedThreadPool.join` does not return.
/// Before Jetty 12 (Kafka 4.0) such a `destroy` was refused. Seen with Kafka 4.1.1.
fn is_lost_rest_server(hook: &Stack) -> bool {
    has(hook, "rest.RestServer.stop(") && has(hook, "QueuedThreadPool.join(")
}

fn has(stack: &Stack, part: &str) -> bool {
    stack.frames.iter().any(|frame| frame.contains(part))
}

/// Where the thread stood outside the JVM's own classes, and which line of Kafka had called that.
fn own_place(stack: &Stack) -> Option<String> {
    let of_jvm = ["java.", "javax.", "jdk.", "sun."];
    let is_own = |frame: &&String| !of_jvm.iter().any(|package| frame.starts_with(package));
    let is_kafkas = |frame: &&String| frame.starts_with("org.apache.kafka.");
    let own = stack.frames.iter().find(is_own)?;
    Some(match stack.frames.iter().find(is_kafkas) {
        Some(kafkas) if kafkas != own => format!("{own}, called from {kafkas}"),
        Some(_) | None => own.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(thread: &str, frames: &[&str]) -> Stack {
        Stack {
            thread: thread.to_owned(),
            frames: frames.iter().map(|frame| (*frame).to_owned()).collect(),
        }
    }

    const PARK: &str = "jdk.internal.misc.Unsafe.park(Native Method)";
    const JOIN: &str =
        "org.eclipse.jetty.util.thread.QueuedThreadPool.join(QueuedThreadPool.java:834)";
    const LOCK: &str = "org.eclipse.jetty.util.thread.AutoLock.lock(AutoLock.java:46)";
    const REST: &str = "org.apache.kafka.connect.runtime.rest.RestServer.stop(RestServer.java:382)";
    const AWAIT: &str = "org.apache.kafka.common.utils.ThreadUtils.shutdownExecutorServiceQuietly(ThreadUtils.java:104)";
    const STOP: &str = "org.apache.kafka.connect.runtime.distributed.DistributedHerder.stop(DistributedHerder.java:858)";
    const LOG: &str = "org.apache.kafka.connect.util.KafkaBasedLog.stop(KafkaBasedLog.java:300)";

    #[test]
    fn the_two_hooks_are_known_by_both_their_frames() {
        let why = |frames: &[&str]| why_not_ended(&[stack(HOOK, frames)]).unwrap();
        assert!(why(&[PARK, JOIN, REST]).contains("own REST server"));
        assert_eq!(
            why(&[PARK, JOIN]),
            format!("its shutdown hook stood in {JOIN}")
        );
        let both = format!("its shutdown hook stood in {LOCK}, called from {REST}");
        assert_eq!(why(&[PARK, LOCK, REST]), both);
        assert_eq!(
            why(&[PARK, REST]),
            format!("its shutdown hook stood in {REST}")
        );
    }

    #[test]
    fn a_hook_that_waits_for_the_herder_is_told_by_the_herders_own_place() {
        let hook = stack(HOOK, &[PARK, AWAIT, STOP]);
        let herder = stack("DistributedHerder-connect-127.0.0.1:8083-1", &[PARK, LOG]);
        let told = |stacks: &[Stack]| why_not_ended(stacks);
        let in_log = format!("its herder stood in {LOG}");
        assert_eq!(told(&[herder.clone(), hook.clone()]), Some(in_log));
        let alone = format!("its shutdown hook stood in {AWAIT}");
        assert_eq!(told(std::slice::from_ref(&hook)), Some(alone.clone()));
        assert_eq!(told(&[hook, stack(HERDER, &[PARK])]), Some(alone));
        let elsewhere = stack(HOOK, &[PARK, LOG]);
        let in_hook = format!("its shutdown hook stood in {LOG}");
        assert_eq!(told(&[elsewhere, herder.clone()]), Some(in_hook));
        assert_eq!(told(&[herder]), None);
        assert_eq!(told(&[stack(HOOK, &[PARK])]), None);
        assert_eq!(told(&[]), None);
    }
}
