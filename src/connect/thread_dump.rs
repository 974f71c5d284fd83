//! Thread dumps that a JVM writes into its log when it gets SIGQUIT.

use crate::journal::Stack;

/// How a dump begins (`VM_PrintThreads` of HotSpot), behind a line with the time.
const BEGINS: &str = "Full thread dump ";
/// How its last line begins: `JNI global refs: …`, `JNI global references: …` before Java 10.
const ENDS: &str = "JNI global ref";

/// The first whole dump in a log; `None` as long as it is not written to its end.
pub fn first_whole(log: &str) -> Option<&str> {
    let begin = log.find(BEGINS)?;
    let end = log[begin..].find(ENDS)?;
    Some(&log[begin..begin + end])
}

/// Where the threads stand whose names begin with one of these, in the order of the dump. Locks and states are left out,
/// and lines of the log that were written in between.
pub fn stacks_of(dump: &str, names: &[&str]) -> Vec<Stack> {
    let mut stacks = Vec::new();
    let mut wanted = false;
    for line in dump.lines() {
        if let Some((name, _)) = line.strip_prefix('"').and_then(|rest| rest.split_once('"')) {
            wanted = names.iter().any(|beginning| name.starts_with(beginning));
            if wanted {
                stacks.push(Stack {
                    thread: name.to_owned(),
                    frames: Vec::new(),
                });
            }
        } else if let Some(frame) = line.trim_start().strip_prefix("at ").filter(|_| wanted)
            && let Some(stack) = stacks.last_mut()
        {
            stack.frames.push(without_module(frame));
        } else if line.is_empty() {
            wanted = false;
        }
    }
    stacks
}

/// `java.lang.Object.wait(java.base@17.0.15/Native Method)` without the module and its version.
fn without_module(frame: &str) -> String {
    match frame
        .split_once('(')
        .and_then(|(method, place)| Some((method, place.split_once('/')?)))
    {
        Some((method, (module, rest))) if module.contains('@') => format!("{method}({rest}"),
        Some(_) | None => frame.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DUMP: &str = r#"[2026-11-27 10:51:07,050] INFO Stopping REST server (o.a.k.c.r.r.RestServer)
2026-11-27 10:51:09
Full thread dump OpenJDK 64-Bit Server VM (17.0.15+6-Debian-1deb12u1 mixed mode, sharing):

Threads class SMR info:
_java_thread_list=0x00007f8684c7b500, length=2, elements={
0x00007f86d4012790
}

"SIGTERM handler" #24 daemon prio=9 os_prio=0 cpu=1ms elapsed=6s tid=0x1 nid=0x2 in Object.wait()  [0x3]
   java.lang.Thread.State: WAITING (on object monitor)
	at java.lang.Thread.join(java.base@17.0.15/Thread.java:1313)

"connect-shutdown-hook" #25 prio=5 os_prio=0 cpu=6.69ms elapsed=6.58s tid=0x1 nid=0x29b3 waiting on condition  [0x4]
   java.lang.Thread.State: WAITING (parking)
	at jdk.internal.misc.Unsafe.park(java.base@17.0.15/Native Method)
	- parking to wait for  <0x00000000e72ba498> (a java.util.concurrent.locks.AbstractQueuedSynchronizer$ConditionObject)
	at org.eclipse.jetty.util.thread.QueuedThreadPool.join(QueuedThreadPool.java:834)
[2026-11-27 10:51:09,001] INFO a line in between (x)
	at org.apache.kafka.connect.runtime.rest.RestServer.stop(RestServer.java:382)

"VM Periodic Task Thread" os_prio=0 cpu=3.03ms elapsed=1s tid=0x1 nid=0x2 waiting on condition

JNI global refs: 21, weak refs: 0

"#;

    #[test]
    fn a_dump_is_taken_when_it_is_whole() {
        let dump = first_whole(DUMP).unwrap();
        assert!(dump.starts_with("Full thread dump") && dump.contains("Periodic"));
        assert!(!dump.contains("JNI"));
        let half = &DUMP[..DUMP.find("JNI").unwrap()];
        assert_eq!(first_whole(half), None);
        assert_eq!(first_whole(&half.replace("Full thread", "no")), None);
    }

    #[test]
    fn the_threads_that_are_asked_for_are_told_with_their_frames_alone() {
        let stacks = stacks_of(first_whole(DUMP).unwrap(), &["connect-shutdown", "Herder"]);
        let frames = [
            "jdk.internal.misc.Unsafe.park(Native Method)",
            "org.eclipse.jetty.util.thread.QueuedThreadPool.join(QueuedThreadPool.java:834)",
            "org.apache.kafka.connect.runtime.rest.RestServer.stop(RestServer.java:382)",
        ];
        assert_eq!(
            stacks,
            [Stack {
                thread: "connect-shutdown-hook".to_owned(),
                frames: frames.map(str::to_owned).to_vec(),
            }]
        );
        assert_eq!(stacks_of(DUMP, &["VM Periodic"])[0].frames, [""; 0]);
        assert_eq!(stacks_of(DUMP, &["nobody"]), []);
    }
}
