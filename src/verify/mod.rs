//! Journal to findings to verdicts; never talks to a cluster.
//!
//! Findings are facts with their evidence, whatever the scenario allows. Guarantees are judged after that, each by
//! comparing findings with its limit. A finding's id is its kind and a number, such as `lost/1`; the same run folder
//! always gives the same ids. A finding that no guarantee of the scenario asks for, such as a failed task, is told all
//! the same.
//!
//! # What the words mean
//!
//! **Send outcome.** The feed *acknowledged* a record (the brokers had it, or the line was written), *refused* it, or
//! gave no answer, which makes it *unknown*. An unknown record that is seen at any place was sent, and is expected like any
//! other; one that is seen nowhere is neither lost nor a phantom. A refused one that arrives all the same is a phantom.
//! Example: of 7 records without an answer 5 arrive at the first tap and 3 behind the sink: the sink lost 2.
//!
//! **Expected** at a tap is every record that was acknowledged, or seen without an answer. Of a source that makes its own sequence it is, in each lane,
//! everything from 0 up to the highest number that arrived at the first tap or that the source has committed; so what
//! such a source never sent at its very end cannot be missed.
//!
//! **The ledger of a tap.** Every expected record is exactly one of *once*, *repeated*, or missing, which is *lost*
//! after a finished drain and *undecided* otherwise: `expected = once + repeated + lost + undecided`. Everything that
//! arrives is counted once: `arrived = once + repeated + extra copies + phantom + corrupt`, where *extra
//! copies* are the arrivals after the first. A *phantom* was never sent; a *corrupt* record is ours by its head and
//! damaged. Behind an exactly-once source the tap is read with `read_committed`; what only a second reader with
//! `read_uncommitted` sees is counted as *aborted* and judged by nothing.
//!
//! **Loss is located**: what was at the place before a connector and is missing behind it was lost by that connector.
//! So each lost record is blamed once. In the same way the copies, strays and reorderings that a connector was already
//! given are not its own. A loss is set beside the fault that was running when most of its records were fed; *running*
//! is a fault from as long before its effect as the bound below reaches back, to the recovery from it.
//!
//! **Left out before any fault** is what is missing of a lane although a later record of it had come behind the same
//! connector a second (and the silence that is said of the tap) before the first fault, or before the end of the baseline
//! where there is none; a lane of which nothing ever came is left out as a whole. Within a lane records keep their order, so
//! no later fault can have cost these. Is what is missing after that no more than the same share (at least five records
//! before, and three times the root of what the share promises beside it), it is no fault's doing either, is charged to
//! none, and a commit that names such a record claims nothing. *Example:* before the first fault 84 of 841 records of a lane
//! are missing, in the 4,932 after it 493; the share promises 492.6, and up to 559 would do, so all 577 were left out from the
//! first second on.
//!
//! **A limit of losses** is a number or a share of what is expected at the first tap, rounded down. It allows what was left
//! out before any fault only where it says so (a plain number does); without that, one such record breaks it.
//!
//! **Silence.** How long a lane may be silent at a tap is its longest silence in the baseline, or what the scenario says
//! (`silent-for`) where that is longer. The baseline lasts for two of the longest, and the drain for two since the last
//! record was sent or arrived, there or at a place before. *Example:* a sink writes every 3 s; its baseline lasts for 6 s or
//! more, and its drain ends 6 s after the last record, not 2 s.
//!
//! **Order** is that of the tap: offset or byte position, within a lane. A first arrival below the highest number of its
//! lane is a *reordering*; an arrival of what had arrived before is a *repeat*, and consecutive repeats are a *rewind*.
//!
//! **Repeats are explained by replay**, per connector and lane, in the order of the tap. Each arrival of a record after its
//! first needs a payer:
//! - *What the connector was given.* Each row in front of it pays for one arrival, not before it was there and not after
//!   what follows it there. Copies that are paid so are not the connector's own.
//! - *A credit.* Each start of a task whose predecessor had no chance to commit opens one: the positions of its input from
//!   what was committed for certain (seen before the fault; nothing committed is position 0) up to what the predecessor had
//!   read. It pays for each position once, whichever fault opened it, and closes when the lane goes on beyond it after the
//!   task was at work again, or a commit leaves nothing to do.
//!
//! What nobody pays for is *unexplained*. Example: 0 to 68 had arrived and 60 was committed when a task was killed; its heir
//! brings 60 to 299. 60 to 68 are its own copies and explained, and a pause of the heir in between changes nothing. 60 once
//! more before 69 arrives has no payer, nor has 59, nor has any of them after 69.
//!
//! **Who had no chance to commit**: tasks of a killed worker, of one that overran its grace (unless it ended by itself
//! before the kill) or did not stop in good order; a task that by its worker's log did not stop within
//! `task.shutdown.graceful.timeout.ms`; and tasks of a worker that was *given up* through a pause or network loss. Whose
//! tasks a fault hit is told by the member of the group that the worker was when the fault came, and by the last
//! statuses. Which task is behind a lane is told by the sink group's members or the source's assigned partitions, looked
//! at around that moment because both are polled. Where that is not known, any task of the connector counts, and of those
//! that one fault took from one worker one is behind the lane. Of what a source makes by itself that task is the same all
//! the time. A worker that was no member had what its process had told of, and one that had yet to join had nothing to
//! lose. Under exactly-once nobody gets a credit. Where offsets cannot be mapped to records, what a credit from position
//! 0 would pay is undecided, and the guarantee says *not measurable here*.
//!
//! **A worker that outlives a fault** (a pause, a network loss) is *given up* when the group is seen without the member
//! that it was (or, just joining, became by the next look), from the fault to one `session.timeout.ms` after its end, and
//! before the fault where it had been lost by then; a sink's task also when its consumer group gives its partitions to
//! others. Where a consumer was silent for its session less a heartbeat and nobody saw that, what comes until its group
//! has settled is undecided: it may have been given up between two looks. What the group gave to the member meanwhile it
//! may run too when it is back. Kept through a pause, it opens no credit. Kept through a network loss, it opens one for
//! what was in flight: what the lane delivered from 1,000 ms before the loss to as long after it. Given up, it opens that
//! of a kill, and two more from 1,000 ms before its return as a *zombie*: one for the zombie, which sends what it had in
//! hand and may commit it, and one for the owner after both, which starts from whichever commit came last. The zombie is
//! gone 1,000 ms after its worker was seen in the group again, with the task in one place and started there (of a sink,
//! its consumer group whole again). Where the task stayed another's without a new start, the worker has five seconds to
//! learn it; held again within these, it is a zombie on. The end of its process ends it too. Example: a pause from 8.9 to
//! 20.9 s, the group without w1 from 14.9 s, w1 back at 21.4 s, its old task RUNNING on w2 at 21.6 s: a repeat at 22 s
//! may be explained, one at 37 s is not.
//!
//! **The bound** for one fault, connector and lane is what the settings promise: the lane's rate ×
//! (`offset.flush.interval.ms` + commit time + 1,000 ms in flight). The commit time is what commits of the undisturbed run
//! took beyond the interval, at most `offset.flush.timeout.ms`, and that timeout where fewer than three intervals were seen.
//! Where the victim had delivered more than that in so much time before the fault, catching up after an outage, the bound is
//! stretched to it, and both figures stand in the report; what its heir delivers, from the first own copy on, never counts.
//! Where another fault was not over when it came, the time reaches back to before that one.
//! Example: 167 records/s a lane × (1,000 + 500 + 1,000 ms) = 418. Of a cluster that Squall only attaches to the interval
//! is known where its inventory or its workers' logs tell it; elsewhere nothing is said about the bound once a record was
//! repeated. The bound is 0 where no credit was opened, and after a network loss that the group did not notice what the
//! lane delivers in the 1,000 ms in flight. After a worker was given up no setting limits its zombie: twice the bound of a
//! kill, and twice what the lane was given until the zombie was gone. A copy that several open credits may pay for is
//! charged to the fault that came last, or to others where that keeps each within its bound. Explained and within the
//! bound are two questions: the first is about the position that was committed, the second about the one that should have
//! been.
//!
//! **Offsets.** A commit is *ahead* when it leads beyond the end of the input, or the last record before it never
//! arrived behind the connector, or did so more than ten seconds after the commit was seen (behind an exactly-once source
//! its `transaction.timeout.ms` later, for which an open transaction can hold readers back). A commit below the one before
//! it for the same partition *went back*. Resets and deleted commits claim nothing. Ahead is judged after a finished
//! drain only. A commit of a source that went back while a zombie was about, for a task that the zombie had, to nothing
//! below what was committed for certain before the fault, is *a zombie's*: found and told, and not held against the
//! offsets, because nothing but exactly-once guards a source's offsets against a zombie and going back costs repeats only.
//! A consumer group refuses the commits of members that it has lost, so a sink has no such excuse. Where nobody asked for
//! the end of the input, it is the last row that was seen there, and as many more as may stand behind that: sends of its
//! lanes that had no answer since, or the marker of a transaction for each task and each later start. *The last row is at
//! 438 and one later send had no answer: a commit of 440 may be right, one of 441 is ahead.*
//!
//! **Ownership** is read from views of the group in state Stable, each of which holds until the next view. A task on
//! two members is an *overlap*, counted in all for each task and at least 1 ms; a task on none is *unowned*, counted in
//! task-milliseconds from when all tasks first ran until the run collects. While the group changes, nothing is known,
//! and nothing is counted. A zombie is no member, so no view can show what it runs: where a task had another owner when
//! its zombie woke up, it is not known whether the task was on two workers at once, and the guarantee is inconclusive.
//!
//! **Proof of a fault.** A fault hits a *member*: the one that its worker was when it came, first seen in the group after the
//! present start of its process (the member before it may stand beside it until its session ends). A kill is proven when
//! each victim was signalled, its process ended by signal 9 and the group lost that member; a stop, when each ended by
//! itself, or by signal 9 after its grace, and the group lost it; it was graceful when that was with status 0 or 143, and a
//! *crash* otherwise, after which repeats count as after a kill. A victim that had yet to join has no member to lose, and
//! the end of its process is proof enough: w2, killed at 10.0 s and started again at 12.0 s, is killed once more at 13.0 s
//! and joins at 16.0 s only. A pause is proven when each victim was seen to stand still and was resumed, a network loss when
//! each was seen without its network and was connected again; whether the group gave the worker up is told beside that
//! proof. A fault that was planned and not injected is not proven.
//!
//! **The status of a task** is what readers of the status topic make of it: an UNASSIGNED that is no newer than another
//! worker's RUNNING is a zombie's that lets go of what it has lost already, and says nothing.
//!
//! **Recovery** from a fault begins with its effect: the end of the process for a kill, the signal for a stop, standing
//! still or without network for the others. It ends when nothing is *missing* any more; the live run and the judge ask the
//! same code, in this order: the fault is over and the group has lost the member that it hit; the group is stable, without
//! a delay and without a member that is nobody's; every task is owned once, and its owner's present process says that it
//! runs; each sink's consumer group has each of its tasks; no lane is silent at a tap for longer than twice its longest in
//! the baseline and 0.5 s; no more records *wait* before a tap than twice the most of the baseline and some slack; every
//! worker that should be back is a member. What waits lies beyond the newest record of its lane: what is missing although a
//! later one has come is lost, and no backlog. All open faults are recovered from at once. What runs into the next fault
//! cannot be told apart and breaks nothing, except where the time up to that fault, or after the last one, is too long by
//! itself. So it is with the *outage*: the longest silence of a lane from the effect to the recovery, less its longest in
//! the baseline (silences under 0.2 s or four record periods are not looked at). Silent from 10.1 s to 19.3 s with a second
//! fault at 13.0 s breaks a limit of 5 s, and none of 7 s.
//!
//! **The phases** of a whole recovery are these waits, one after the other, so they add up to it: *noticed* 5,995 ms,
//! *delay* 3,000, *started* 250, *first record* 250 and *backlog* 100 make 9,595 ms. Beside the names below they are
//! *stopped* (until the process has ended), *consumer group*, *away* (the worker stays down as planned), *return* (from its
//! start to its joining) and *another fault*; a rebalance that the return causes stands there as well. The phases of a
//! task's recovery follow each other in the same way and end, at the latest, with the next fault on that task or its next
//! start:
//!
//! | phase | ends when | signal | setting |
//! |---|---|---|---|
//! | back | the worker was resumed or connected again, and the group had kept it: nothing up to `started` follows | runtime | |
//! | noticed | the group has lost the member | group bytes | `session.timeout.ms`, but not after a stop |
//! | rebalance | the members have joined again and a delay was announced, where there was one, and not in the view that noticed | group bytes | |
//! | delay | the announced delay is over, where there was one | group bytes | `scheduled.rebalance.max.delay.ms` |
//! | assigned | a stable view gives the task to a member | group bytes | |
//! | started | the task is RUNNING; left out where its old worker was back in time to go on with it | status topic | |
//! | first record | one of the task's lanes arrives (of a sink: the lanes that it had when the fault came) | tap | the sink's consumer session, when a sink task that was killed or given up was held back over a second |
//! | first commit | an offset of the task is committed, where offsets can be mapped | offsets topic or consumer group | `offset.flush.interval.ms`; the transaction boundary under exactly-once |
//! | backlog | the backlog of its lanes is back to normal | tap, in buckets | |
//!
//! **A watched connector** is in the cluster and not in the route, so its records are not known: nothing can be said about
//! loss, repeats and order, and no guarantee speaks of it. Looked at is the stretch from when all tasks of the route ran
//! until the run collects. Its tasks are those that stable views of the group have; its states are what the status topic
//! says, which keeps saying RUNNING of a task whose worker died. A task is *well* when one member owns it and its last
//! status is RUNNING (or PAUSED) and by that member; while the group changes, the last stable view holds. The recovery
//! from a fault ends when every task that was well before it is so again and stays so up to the next fault, and a task of
//! a victim is not well before the group has noticed the fault (or the worker that it kept is back).
//!
//! # Doubts
//!
//! A **departure** is a member that the group lost although no fault was done to its worker; whether that is Connect's doing
//! or the machine's cannot be seen from here. It is told, and repeats, commits, overlap, recovery and outage that break a
//! guarantee are inconclusive then, except for what was complete one session before. *A session of 6 s, a departure at
//! 18 s: an unexplained repeat at 5 s is broken all the same, one at 13 s is not.*
//!
//! Where the journal is cut, damaged, unknown or contradicts itself, a file is not the one in the seal, the environment
//! failed or a process died unasked, nothing is called broken and nothing held. A fault without its proof, an interrupted
//! run and an unfinished drain leave the verdict at best inconclusive.
//!
//! **Contradictions.** In each partition positions grow, times do not go back, and a topic of ours has a record at each
//! position; a file has a line where the record before it ends (from format 3 on; what follows a line that is no whole
//! record can begin anywhere, and a file's length is not known); a lane of the feed is in one partition, nothing arrives
//! 0.5 s before it was sent, and what is behind a connector was seen in front of it. What contradicts this is told by file
//! and row, blamed on nobody, and silences what is said about records. *Positions 4,854, 4,855, 4,836: the reader read 20
//! rows twice; no task repeated.*
//!
//! **A machine that others use.** What others had of its CPUs (other programs, the host of a virtual machine, a limit of CPU)
//! is counted every two seconds. The stream needs a part of the machine at any time, as in the baseline (at most seven
//! tenths); what else there is a recovery has to itself on a machine of its own, and less than a tenth of this is
//! housekeeping. So it would have been shorter by the share of this that others had at most, and by no more than the time in which
//! anybody waited for a CPU. Waits that a setting or the plan gives are as long on any machine: the session (less a heartbeat, which
//! the last one may have been old), the delay, the time that a worker was to be held or away. A recovery or outage is broken
//! when it is too long even so, and inconclusive when it may have been in time. *133.8 s to a recovery, 45 s allowed, 6 s of
//! it waits; the stream needs 30 %, others took 50 %: 6 + 127.8 × (1 − 0.5 / 0.7) = 42.5 s, so nobody can tell; had they
//! taken 40 %, 60.8 s would be broken.*
//!
//! **Absence.** Observers write down that they looked. A gap of half a session (at least 2 s) while the tasks had to run, a
//! reader that stopped before the end of its topic, and a last word that is not the state at the end (the last commit, the
//! last status of a task and its last owner) make inconclusive what rests on that observer, and only that: on the group
//! repeats, overlap and recovery; on commits repeats and offsets; on statuses repeats, recovery and outage; on the groups
//! of sinks, the configurations and the logs repeats. Harm that was complete before stays broken, and commits that nobody
//! saw excuse nothing, since they could only have explained less. Journals of format 1 have no attendance: what they tell
//! of the group's polls counts. *A session of 6 s, answers of the group at 3.0 s and 15.0 s: nobody saw the group for 12 s,
//! twice a session; an overlap of 0 ms is not shown. With 2.9 s between answers it is.*
//!
//! **A tap that stood still** tells what came meanwhile with a later time than it came; nothing is missed by it, and
//! loss, order and phantoms rest on no time. Recovery and outage do, where it touches the baseline or a recovery: they
//! are inconclusive, except where what is left outside of it breaks the limit by itself. So do repeats, where it touches
//! what a fault lets a task repeat: what the predecessor had delivered is what had arrived then. A commit is not ahead of
//! a record that may have come in time. A feed that stood still makes lanes silent, and nothing else. Journals before
//! format 3 tell of neither. Half a second is any reader's lag, and up to 2 s excuse what is broken only. *Silent from
//! 10.0 to 19.3 s, and nobody looked from 12.0 to 19.3 s: a limit of 5 s is inconclusive, and one of 1.5 s is broken, for
//! lanes were silent from 10.0 to 12.0 s in any case.*

mod attendance;
mod backlog;
mod case;
mod commits;
mod consistency;
mod contradictions;
mod credits;
mod cuts;
mod departures;
mod doubts;
mod dropped;
mod evidence;
mod explain;
mod figures;
mod findings;
mod first_reason;
mod guarantees;
mod history;
mod input_end;
mod judge;
mod judgement;
mod lateness;
mod ledger;
mod leg;
mod load;
mod looks;
mod losses;
mod marks;
mod measure;
mod members;
mod offsets;
mod open;
mod ownership;
mod pass;
mod phases;
mod reasons;
mod recovered;
mod recovery;
mod replay;
mod rewinds;
mod roster;
mod seen;
mod sentence;
mod settings;
mod standstill;
mod strays;
mod stretch;
mod stuck;
mod summary;
mod timeline;
mod told;
mod transactions;
mod waits;
mod warned;
mod watched;
mod zombie;

#[cfg(test)]
mod answer_tests;
#[cfg(test)]
mod attendance_tests;
#[cfg(test)]
mod consistency_tests;
#[cfg(test)]
mod dropped_tests;
#[cfg(test)]
mod fault_tests;
#[cfg(test)]
mod load_tests;
#[cfg(test)]
mod offset_tests;
#[cfg(test)]
mod property_tests;
#[cfg(test)]
mod recovery_tests;
#[cfg(test)]
mod standstill_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod watched_tests;
#[cfg(test)]
mod world;
#[cfg(test)]
mod zombie_tests;

pub use evidence::Evidence;
pub use explain::Explanation;
pub use judge::judge;
pub(crate) use judgement::{
    FaultBand, FaultReport, FeedLedger, Latency, LogLine, OffsetReport, Paint, PhaseSpan,
    RecoveryPhase, Rewind, RunSummary, Segment, Series, Setting, StateSpan, TapLedger, Timeline,
    TimelineLane, WATCHED_SHOWS, WatchedCommits, WatchedFault, WatchedReport,
};
pub use judgement::{Finding, FindingKind, GuaranteeResult, Judgement, Recovery};
pub use measure::{Measure, Unit};
pub use open::{open_and_explain, open_and_judge};
pub(crate) use recovered::{Missing, Standing, told_apart};
pub(crate) use settings::decisive as decisive_settings;
pub(crate) use stuck::ENDING_THREADS;
pub use stuck::why_not_ended;
