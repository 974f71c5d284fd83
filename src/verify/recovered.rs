//! The one definition of *recovered*: a fold over the journal's events that the live run and the judge ask for what is still missing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::journal::{Event, GroupView, Proof, What, Word};
use crate::model::{
    Connector, ConnectorName, Direction, FaultId, FaultKind, PlaceName, PlannedFault, Restart,
    TaskId, WorkerName,
};
use crate::scenario::Scenario;

use super::roster::{Roster, Struck};

/// What a task's status says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// RUNNING, UNASSIGNED, …
    pub state: String,
    /// Who wrote it; `None` for a stranger.
    pub worker: Option<WorkerName>,
    /// The generation of the group that it was written in.
    pub generation: i64,
}

impl Status {
    fn word(&self) -> Word<'_> {
        Word {
            state: &self.state,
            worker: self.worker.as_ref(),
            generation: self.generation,
        }
    }
}

/// What a lane flow or a cluster still lacks to be as before a fault; the first of these in this order is what is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missing {
    /// Nothing was heard of this, which may well be as before.
    Unheard(String),
    /// The fault itself is not over, and the group has all its members.
    Acting(FaultId),
    /// The group has not lost the member that the fault hit.
    Unnoticed(FaultId),
    /// The group has members that are nobody's now.
    Leftover(String),
    /// The group is in this state.
    Rebalance(String),
    /// The leader holds lost tasks back for so many milliseconds.
    Delay(u64),
    /// So many members own this task.
    Owners(TaskId, usize),
    /// The task has no word from the process of its owner that it runs, but this.
    NotRunning(TaskId, String),
    /// The consumer group of this sink has not each of its tasks.
    ConsumerGroup(ConnectorName),
    /// A lane has not had a record at this tap for longer than in the baseline.
    Silent {
        /// The tap.
        tap: PlaceName,
        /// The lane, where it is known.
        lane: Option<u32>,
        /// For how long, in milliseconds.
        silence_ms: u64,
    },
    /// More records wait before this tap than in the baseline.
    Waiting {
        /// The tap.
        tap: PlaceName,
        /// How many.
        records: u64,
    },
    /// The worker is down, or held, until its fault is undone.
    Away(WorkerName),
    /// The worker has yet to join.
    Joining(WorkerName),
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unheard(what) => write!(f, "nothing was heard of {what} yet"),
            Self::Acting(fault) => write!(f, "{fault} still acts"),
            Self::Unnoticed(fault) => write!(f, "the group has not lost the member of {fault}"),
            Self::Leftover(who) => write!(f, "the group still has {who}"),
            Self::Rebalance(state) => write!(f, "the group is {state}"),
            Self::Delay(ms) => write!(f, "the leader holds lost tasks back for {ms} ms"),
            Self::Owners(task, count) => write!(f, "task {task} is owned by {count} members"),
            Self::NotRunning(task, said) => write!(f, "task {task} {said}"),
            Self::ConsumerGroup(sink) => {
                write!(f, "the consumer group of {sink} is not settled")
            }
            Self::Silent {
                tap,
                lane,
                silence_ms,
            } => {
                let which = lane.map_or("a lane".to_owned(), |lane| format!("lane {lane}"));
                let seconds = *silence_ms as f64 / 1e3;
                write!(f, "{which} is silent for {seconds:.1} s at {tap}")
            }
            Self::Waiting { tap, records } => write!(f, "{records} records wait before {tap}"),
            Self::Away(worker) => write!(f, "{worker} is not back"),
            Self::Joining(worker) => write!(f, "{worker} has yet to join the group"),
        }
    }
}

/// What a fault did to one worker.
#[derive(Debug, Clone)]
struct Hit {
    worker: WorkerName,
    member: Struck,
    lost: bool,
    ended: bool,
    undone: bool,
}

/// A fault that has not been recovered from.
#[derive(Debug, Clone)]
struct OpenFault {
    id: FaultId,
    kind: FaultKind,
    stays_down: bool,
    given_up: bool,
    hits: Vec<Hit>,
}

impl OpenFault {
    fn hit(&mut self, worker: &WorkerName) -> Option<&mut Hit> {
        self.hits.iter_mut().find(|hit| hit.worker == *worker)
    }

    /// What the fault itself is still about to do to the group.
    fn missing(&self) -> Option<Missing> {
        for hit in &self.hits {
            let over = match self.kind.ends_process() {
                true => hit.ended,
                false => hit.lost,
            };
            if !over && !hit.undone {
                return Some(Missing::Acting(self.id));
            }
            if self.kind.ends_process() && hit.member.id().is_some() && !hit.lost {
                return Some(Missing::Unnoticed(self.id));
            }
        }
        None
    }

    fn away(&self) -> Option<Missing> {
        let mut hits = self.hits.iter().filter(|_| !self.stays_down);
        let away = hits.find(|hit| !hit.undone)?;
        Some(Missing::Away(away.worker.clone()))
    }
}

/// The cluster as the journal's events have left it, and the faults that it has not recovered from.
#[derive(Debug, Clone, Default)]
pub struct Standing {
    /// Who is whom in the group.
    pub roster: Roster,
    /// The group as last described.
    pub group: Option<GroupView>,
    /// Each task's status as a reader of the status topic has it.
    pub status: BTreeMap<TaskId, Status>,
    /// What each worker said of each task last. Only its owner's word tells whether it runs: a worker that was given up and
    /// is assigned the same task again goes on with it and says nothing more, whatever others have said meanwhile.
    words: BTreeMap<(TaskId, WorkerName), (String, u32)>,
    /// The tasks in each sink's consumer group; none while it is not stable.
    pub sink_tasks: BTreeMap<ConnectorName, BTreeSet<TaskId>>,
    workers: BTreeSet<WorkerName>,
    sinks: Vec<ConnectorName>,
    tasks: Vec<TaskId>,
    stay_down: BTreeSet<FaultId>,
    down: BTreeSet<WorkerName>,
    open: Vec<OpenFault>,
}

impl Standing {
    /// Of the cluster of a scenario, before the faults of its plan.
    pub fn new(scenario: &Scenario, faults: &[PlannedFault]) -> Self {
        let stay = faults.iter().filter(|f| f.restart == Restart::Never);
        Self {
            workers: scenario.connect.workers.iter().cloned().collect(),
            sinks: told_apart(scenario),
            stay_down: stay.map(|fault| fault.id).collect(),
            ..Self::default()
        }
    }

    /// Takes one event in.
    pub fn apply(&mut self, event: &Event) {
        self.roster.apply(event);
        match &event.what {
            What::Group(view) => self.note_view(view),
            What::TaskStatus {
                task,
                state,
                worker,
                generation,
                ..
            } => {
                if let Some(worker) = worker {
                    let word = (state.clone(), self.roster.ends(worker));
                    self.words.insert((task.clone(), worker.clone()), word);
                }
                let status = Status {
                    state: state.clone(),
                    worker: worker.clone(),
                    generation: *generation,
                };
                self.note_status(task, status);
            }
            What::SinkGroup { connector, members } => {
                let tasks = members.iter().filter_map(|member| member.task.clone());
                self.sink_tasks.insert(connector.clone(), tasks.collect());
            }
            What::TasksRunning { tasks } => self.tasks.clone_from(tasks),
            What::ProcessEnded { name, .. } => self.note_end(name),
            _ => self.note_fault(&event.what),
        }
    }

    fn note_view(&mut self, view: &GroupView) {
        self.group = Some(view.clone());
        for hit in self.open.iter_mut().flat_map(|fault| &mut fault.hits) {
            hit.lost |= hit.member.id().is_some_and(|id| !self.roster.has(id));
        }
    }

    /// Takes in a task's status, unless it is one that says nothing.
    pub fn note_status(&mut self, task: &TaskId, status: Status) {
        let before = self.status.get(task).map(Status::word);
        if !before.is_some_and(|before| status.word().is_of_a_zombie(&before)) {
            self.status.insert(task.clone(), status);
        }
    }

    fn note_end(&mut self, name: &str) {
        let ending = self
            .open
            .iter_mut()
            .filter(|fault| fault.kind.ends_process());
        let hits = ending.flat_map(|fault| &mut fault.hits);
        for hit in hits.filter(|hit| hit.worker.as_str() == name) {
            hit.ended = true;
        }
    }

    fn note_fault(&mut self, what: &What) {
        match what {
            What::FaultIntended {
                fault,
                kind,
                workers,
                ..
            } => self.note_intended(*fault, *kind, workers),
            What::FaultActed {
                fault,
                worker,
                member_id,
            } => {
                let told = member_id.clone().map(Struck::Member);
                let member = told.unwrap_or_else(|| self.roster.struck(worker));
                self.down.insert(worker.clone());
                self.on_hit(*fault, worker, |hit| hit.member = member);
            }
            What::FaultProof {
                fault,
                proof: Proof::ProcessEnded { worker, .. },
            } => self.on_hit(*fault, worker, |hit| hit.ended = true),
            What::FaultUndone { fault, worker } => {
                self.down.remove(worker);
                self.on_hit(*fault, worker, |hit| hit.undone = true);
            }
            What::RecoveryGivenUp { fault, .. } => {
                let mut open = self.open.iter_mut();
                if let Some(found) = open.find(|open| open.id == *fault) {
                    found.given_up = true;
                }
            }
            _ => {}
        }
    }

    fn note_intended(&mut self, id: FaultId, kind: FaultKind, workers: &[WorkerName]) {
        let hit = |worker: &WorkerName| Hit {
            worker: worker.clone(),
            member: Struck::Unknown,
            lost: false,
            ended: false,
            undone: false,
        };
        self.open.push(OpenFault {
            id,
            kind,
            stays_down: self.stay_down.contains(&id),
            given_up: false,
            hits: workers.iter().map(hit).collect(),
        });
    }

    fn on_hit(&mut self, id: FaultId, worker: &WorkerName, change: impl FnOnce(&mut Hit)) {
        let fault = self.open.iter_mut().find(|fault| fault.id == id);
        if let Some(hit) = fault.and_then(|fault| fault.hit(worker)) {
            change(hit);
        }
    }

    /// Whether there is a fault that has not been recovered from or given up.
    pub fn is_open(&self) -> bool {
        self.open.iter().any(|fault| !fault.given_up)
    }

    /// Whether there is a fault that was not recovered from, given up or not.
    pub fn has_faults(&self) -> bool {
        !self.open.is_empty()
    }

    /// What is waited for before everything is as before: what the faults and the group still do, then that all lanes
    /// flow at all taps (`flow` says what they lack), then that every worker is back.
    pub fn missing(&self, flow: impl FnOnce() -> Option<Missing>) -> Option<Missing> {
        self.unsettled().or_else(flow).or_else(|| self.away())
    }

    /// What of the faults, the group, the tasks and the consumer groups is not as before.
    pub fn unsettled(&self) -> Option<Missing> {
        let mut open = self.open.iter().filter(|fault| !fault.given_up);
        open.find_map(OpenFault::missing)
            .or_else(|| self.unsteady())
            .or_else(|| self.leftover())
            .or_else(|| self.tasks.iter().find_map(|task| self.not_once(task)))
            .or_else(|| self.tasks.iter().find_map(|task| self.not_running(task)))
            .or_else(|| {
                self.sinks
                    .iter()
                    .find_map(|sink| self.scattered(sink, &self.tasks))
            })
    }

    /// Who is not back.
    pub fn away(&self) -> Option<Missing> {
        let mut open = self.open.iter().filter(|fault| !fault.given_up);
        open.find_map(OpenFault::away).or_else(|| self.joining())
    }

    /// Everything is as before now: no fault is open any more. Returns those that have been recovered from by this, also
    /// ones that were given up and did not get in the way any more.
    pub fn settle(&mut self) -> Vec<FaultId> {
        let over = |fault: &OpenFault| {
            !fault.given_up || (fault.missing().is_none() && fault.away().is_none())
        };
        let (over, open): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.open).into_iter().partition(over);
        self.open = open;
        over.into_iter().map(|fault| fault.id).collect()
    }

    /// Nothing when the group is balanced over exactly these workers and each of these tasks runs where the group says;
    /// else what is missing.
    pub fn balanced(&self, workers: &BTreeSet<WorkerName>, tasks: &[TaskId]) -> Result<(), String> {
        if let Some(missing) = self.unsteady() {
            return Err(missing.to_string());
        }
        let present = self.present();
        let count = self.group.as_ref().map_or(0, |view| view.members.len());
        if present != *workers || count != workers.len() {
            let (present, workers) = (list(&present), list(workers));
            return Err(format!("the group has {present}, not {workers}"));
        }
        let missing = tasks
            .iter()
            .find_map(|task| self.not_once(task).or_else(|| self.not_running(task)));
        missing.map_or(Ok(()), |missing| Err(missing.to_string()))
    }

    /// Nothing when every task of each sink is in its consumer group and the group is stable; else what is missing.
    pub fn sinks_settled(&self, sinks: &[ConnectorName], tasks: &[TaskId]) -> Result<(), String> {
        let missing = sinks.iter().find_map(|sink| self.scattered(sink, tasks));
        missing.map_or(Ok(()), |missing| Err(missing.to_string()))
    }

    fn present(&self) -> BTreeSet<WorkerName> {
        let members = self.group.iter().flat_map(|view| &view.members);
        members.filter_map(|member| member.worker.clone()).collect()
    }

    fn expected(&self) -> BTreeSet<WorkerName> {
        self.workers.difference(&self.down).cloned().collect()
    }

    fn unsteady(&self) -> Option<Missing> {
        let Some(view) = &self.group else {
            return Some(Missing::Unheard("the group".to_owned()));
        };
        if view.state != "Stable" {
            return Some(Missing::Rebalance(view.state.clone()));
        }
        (view.delay_ms > 0).then_some(Missing::Delay(view.delay_ms))
    }

    /// Members that are there beside those that the workers are now.
    fn leftover(&self) -> Option<Missing> {
        let view = self.group.as_ref()?;
        let expected = self.expected();
        let (mut seen, mut extra) = (BTreeSet::new(), Vec::new());
        for member in &view.members {
            match &member.worker {
                Some(worker) if expected.contains(worker) && seen.insert(worker) => {}
                Some(worker) => extra.push(format!("a member more of {worker}")),
                None => extra.push(format!("a stranger at {}", member.url)),
            }
        }
        extra.into_iter().next().map(Missing::Leftover)
    }

    fn joining(&self) -> Option<Missing> {
        let present = self.present();
        let mut absent = self.expected().into_iter();
        let absent = absent.find(|worker| !present.contains(worker))?;
        Some(Missing::Joining(absent))
    }

    fn not_once(&self, task: &TaskId) -> Option<Missing> {
        let members = self.group.iter().flat_map(|view| &view.members);
        let count = members.filter(|m| m.tasks.contains(task)).count();
        (count != 1).then(|| Missing::Owners(task.clone(), count))
    }

    fn not_running(&self, task: &TaskId) -> Option<Missing> {
        let mut members = self.group.iter().flat_map(|view| &view.members);
        let owner = members.find(|member| member.tasks.contains(task))?;
        let Some(status) = self.status.get(task) else {
            return Some(Missing::Unheard(format!("task {task}")));
        };
        let not = |said: String| Some(Missing::NotRunning(task.clone(), said));
        let gone = status.state == "DESTROYED";
        let own = owner.worker.as_ref().filter(|_| !gone).and_then(|worker| {
            let (state, ends) = self.words.get(&(task.clone(), worker.clone()))?;
            (state == "RUNNING").then_some((worker, *ends))
        });
        match own {
            Some((worker, ends)) if ends < self.roster.ends(worker) => {
                not(format!("was RUNNING on {worker} before that ended"))
            }
            Some(_) => None,
            // A stranger owns it and says so.
            None if owner.worker.is_none()
                && status.worker.is_none()
                && status.state == "RUNNING" =>
            {
                None
            }
            None => {
                let on = status.worker.as_ref();
                let on = on.map_or(String::new(), |worker| format!(" on {worker}"));
                not(format!("is {}{on}", status.state))
            }
        }
    }

    fn scattered(&self, sink: &ConnectorName, tasks: &[TaskId]) -> Option<Missing> {
        let wanted = tasks.iter().filter(|task| task.connector == *sink);
        let wanted: BTreeSet<TaskId> = wanted.cloned().collect();
        match self.sink_tasks.get(sink) {
            Some(there) if *there == wanted => None,
            Some(_) => Some(Missing::ConsumerGroup(sink.clone())),
            None => Some(Missing::Unheard(format!("the consumer group of {sink}"))),
        }
    }
}

/// The sinks of a scenario whose consumer groups can be told apart by task: those without a client id of the user, be it
/// the connector's or the workers', and on the classic protocol. Of others the tasks' own words must do.
pub fn told_apart(scenario: &Scenario) -> Vec<ConnectorName> {
    let workers = &scenario.connect.config;
    let is_known = |connector: &&Connector| {
        let consumers = |name: &str| {
            let own = connector.setting(&format!("consumer.override.{name}"));
            own.or_else(|| workers.get(&format!("consumer.{name}")).map(String::as_str))
        };
        let is_classic = consumers("group.protocol")
            .is_none_or(|protocol| protocol.trim().eq_ignore_ascii_case("classic"));
        connector.direction == Direction::Sink && consumers("client.id").is_none() && is_classic
    };
    let sinks = scenario.route.connectors().filter(is_known);
    sinks.map(|connector| connector.name.clone()).collect()
}

fn list(workers: &BTreeSet<WorkerName>) -> String {
    if workers.is_empty() {
        return "no member".to_owned();
    }
    let names: Vec<&str> = workers.iter().map(WorkerName::as_str).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Exit, GroupMember, SinkMember};
    use crate::model::{Moment, Target};

    fn worker(name: &str) -> WorkerName {
        WorkerName::new(name).unwrap()
    }

    fn task(name: &str) -> TaskId {
        name.parse().unwrap()
    }

    fn member(id: &str, tasks: &[&str]) -> GroupMember {
        GroupMember {
            member_id: id.to_owned(),
            worker: id.split('-').next().map(worker),
            url: String::new(),
            tasks: tasks.iter().map(|name| task(name)).collect(),
            connectors: Vec::new(),
        }
    }

    fn view(members: Vec<GroupMember>, delay_ms: u64) -> What {
        What::Group(GroupView {
            state: "Stable".to_owned(),
            protocol: "sessioned".to_owned(),
            leader: Some(worker("w1")),
            delay_ms,
            members,
        })
    }

    fn says(name: &str, state: &str, on: &str, generation: i64) -> What {
        What::TaskStatus {
            task: task(name),
            state: state.to_owned(),
            worker: Some(worker(on)),
            generation,
            trace: None,
        }
    }

    /// A cluster of w1 and w2, told of itself event by event.
    struct Told {
        standing: Standing,
        n: u64,
    }

    impl Told {
        fn new(tasks: &[&str]) -> Self {
            let standing = Standing {
                workers: workers(&["w1", "w2"]),
                tasks: tasks.iter().map(|name| task(name)).collect(),
                ..Standing::default()
            };
            Self { standing, n: 0 }
        }

        fn tell(&mut self, story: impl IntoIterator<Item = What>) -> &mut Self {
            for what in story {
                let at = Moment::from_ms(self.n);
                let n = self.n;
                self.standing.apply(&Event { n, at, what });
                self.n += 1;
            }
            self
        }

        fn missing(&self) -> Option<Missing> {
            self.standing.missing(|| None)
        }

        fn balanced(&self, names: &[&str]) -> Result<(), String> {
            let tasks = &self.standing.tasks;
            self.standing.balanced(&workers(names), tasks)
        }
    }

    fn workers(names: &[&str]) -> BTreeSet<WorkerName> {
        names.iter().map(|name| worker(name)).collect()
    }

    /// One task on each of two workers.
    fn calm() -> Told {
        let mut told = Told::new(&["m-0", "m-1"]);
        told.tell([
            view(vec![member("w1-a", &["m-0"]), member("w2-a", &["m-1"])], 0),
            says("m-0", "RUNNING", "w1", 1),
            says("m-1", "RUNNING", "w2", 1),
        ]);
        told
    }

    fn intended(kind: FaultKind) -> What {
        What::FaultIntended {
            fault: FaultId(1),
            kind,
            target: Target::Any,
            workers: vec![worker("w2")],
            why: String::new(),
            postponed_ms: 0,
        }
    }

    fn acted() -> What {
        What::FaultActed {
            fault: FaultId(1),
            worker: worker("w2"),
            member_id: None,
        }
    }

    fn ended() -> What {
        What::ProcessEnded {
            name: "w2".to_owned(),
            incarnation: 1,
            exit: Exit::Signal(9),
            asked: true,
        }
    }

    fn undone() -> What {
        What::FaultUndone {
            fault: FaultId(1),
            worker: worker("w2"),
        }
    }

    fn paused() -> What {
        let worker = worker("w2");
        What::FaultProof {
            fault: FaultId(1),
            proof: Proof::Paused { worker, took_ms: 1 },
        }
    }

    #[test]
    fn a_group_is_balanced_when_each_task_runs_where_the_group_says() {
        let told = calm();
        assert_eq!(told.balanced(&["w1", "w2"]), Ok(()));
        assert_eq!(told.missing(), None);
    }

    #[test]
    fn what_is_missing_is_said_in_words() {
        let check = |members, story: Vec<What>, names: &[&str]| {
            let mut told = Told::new(&["m-0", "m-1"]);
            told.tell([view(members, 0)]).tell(story);
            told.balanced(names).unwrap_err()
        };
        let first = || says("m-0", "RUNNING", "w1", 1);
        let unowned = || vec![member("w1-a", &["m-0"])];
        assert_eq!(
            check(unowned(), vec![first()], &["w1"]),
            "task m-1 is owned by 0 members"
        );
        assert_eq!(
            check(unowned(), vec![first()], &["w1", "w2"]),
            "the group has w1, not w1, w2"
        );
        let twice = vec![member("w1-a", &["m-0", "m-1"]), member("w2-a", &["m-1"])];
        assert_eq!(
            check(twice, vec![first()], &["w1", "w2"]),
            "task m-1 is owned by 2 members"
        );
        let both = || vec![member("w1-a", &["m-0", "m-1"])];
        assert_eq!(
            check(both(), vec![first()], &["w1"]),
            "nothing was heard of task m-1 yet"
        );
        let stale = vec![first(), says("m-1", "RUNNING", "w9", 1)];
        assert_eq!(check(both(), stale, &["w1"]), "task m-1 is RUNNING on w9");
    }

    #[test]
    fn a_task_runs_on_when_a_zombie_lets_go_of_it() {
        let mut told = Told::new(&["m-0"]);
        told.tell([
            view(vec![member("w1-a", &["m-0"])], 0),
            says("m-0", "RUNNING", "w1", 1),
            says("m-0", "UNASSIGNED", "w2", 0),
            says("m-0", "UNASSIGNED", "w2", 1),
        ]);
        assert_eq!(told.balanced(&["w1"]), Ok(()));
        // Its owner letting go is meant, and so is that nobody runs it any more.
        for (state, on) in [("UNASSIGNED", "w1"), ("DESTROYED", "w2")] {
            let mut newer = Told {
                standing: told.standing.clone(),
                n: 9,
            };
            newer.tell([says("m-0", state, on, 2)]);
            assert!(newer.balanced(&["w1"]).is_err());
        }
    }

    #[test]
    fn a_worker_that_gets_a_task_back_which_it_never_stopped_has_said_that_it_runs() {
        let mut told = calm();
        let back = || view(vec![member("w1-a", &["m-0"]), member("w2-b", &["m-1"])], 0);
        told.tell([
            view(vec![member("w1-a", &["m-0", "m-1"])], 0),
            says("m-1", "RUNNING", "w1", 2),
            says("m-1", "UNASSIGNED", "w1", 3),
            back(),
        ]);
        assert_eq!(told.missing(), None);
        // One that had stopped it has said that, too, though readers of the status pass over it.
        let mut told = calm();
        told.tell([
            view(vec![member("w1-a", &["m-0", "m-1"])], 0),
            says("m-1", "RUNNING", "w1", 2),
            says("m-1", "UNASSIGNED", "w2", 1),
            back(),
        ]);
        assert!(matches!(told.missing(), Some(Missing::NotRunning(..))));
    }

    #[test]
    fn a_kill_is_recovered_from_in_this_order() {
        let mut told = calm();
        let mut waits = |story: Vec<What>, missing: Option<Missing>| {
            told.tell(story);
            assert_eq!(told.missing(), missing);
        };
        let (w1, m1) = (|tasks: &[&str]| member("w1-a", tasks), task("m-1"));
        waits(
            vec![intended(FaultKind::Kill), acted()],
            Some(Missing::Acting(FaultId(1))),
        );
        waits(vec![ended()], Some(Missing::Unnoticed(FaultId(1))));
        // Old and new member of the worker stand side by side until the old one's session ends.
        let both = vec![w1(&["m-0"]), member("w2-a", &["m-1"]), member("w2-b", &[])];
        waits(
            vec![undone(), view(both, 0)],
            Some(Missing::Unnoticed(FaultId(1))),
        );
        let back = |tasks: &[&str]| vec![w1(&["m-0"]), member("w2-b", tasks)];
        waits(vec![view(back(&[]), 3_000)], Some(Missing::Delay(3_000)));
        waits(
            vec![view(back(&[]), 0)],
            Some(Missing::Owners(m1.clone(), 0)),
        );
        // That the dead process had it running says nothing about the new one.
        let old = "was RUNNING on w2 before that ended".to_owned();
        waits(
            vec![view(back(&["m-1"]), 0)],
            Some(Missing::NotRunning(m1, old)),
        );
        waits(vec![says("m-1", "RUNNING", "w2", 2)], None);
        let waiting = Missing::Away(worker("w9"));
        assert_eq!(
            told.standing.missing(|| Some(waiting.clone())),
            Some(waiting)
        );
        assert_eq!(told.standing.settle(), [FaultId(1)]);
        assert!(!told.standing.is_open());
    }

    #[test]
    fn a_worker_that_comes_back_later_than_its_tasks_is_waited_for_last() {
        let mut told = calm();
        let alone = || vec![member("w1-a", &["m-0", "m-1"])];
        told.tell([
            intended(FaultKind::Kill),
            acted(),
            ended(),
            view(alone(), 0),
        ]);
        told.tell([says("m-1", "RUNNING", "w1", 2)]);
        assert_eq!(told.missing(), Some(Missing::Away(worker("w2"))));
        told.tell([undone()]);
        assert_eq!(told.missing(), Some(Missing::Joining(worker("w2"))));
    }

    #[test]
    fn a_kill_that_finds_its_worker_still_joining_has_no_member_to_wait_for() {
        let mut told = calm();
        told.tell([view(vec![member("w1-a", &["m-0", "m-1"])], 0)]);
        told.tell([says("m-1", "RUNNING", "w1", 2)]);
        told.tell([intended(FaultKind::Kill), acted(), ended()]);
        assert_eq!(told.missing(), Some(Missing::Away(worker("w2"))));
    }

    #[test]
    fn a_pause_that_the_group_sits_through_is_over_with_its_end() {
        let mut told = calm();
        told.tell([intended(FaultKind::Pause), acted(), paused()]);
        assert_eq!(told.missing(), Some(Missing::Acting(FaultId(1))));
        told.tell([undone()]);
        assert_eq!(told.missing(), None);
    }

    #[test]
    fn what_was_given_up_holds_nobody_up_and_may_still_be_recovered_from() {
        let mut told = calm();
        told.tell([intended(FaultKind::Pause), acted(), paused()]);
        told.tell([What::RecoveryGivenUp {
            fault: FaultId(1),
            missing: String::new(),
        }]);
        assert!(!told.standing.is_open());
        assert_eq!(told.standing.settle(), []);
        told.tell([undone()]);
        assert_eq!(told.standing.settle(), [FaultId(1)]);
    }

    #[test]
    fn a_sink_is_settled_when_its_consumer_group_has_each_of_its_tasks() {
        let mut told = calm();
        told.standing.sinks = vec![ConnectorName::new("m").unwrap()];
        let scattered = Missing::ConsumerGroup(told.standing.sinks[0].clone());
        let group = |tasks: &[&str]| What::SinkGroup {
            connector: ConnectorName::new("m").unwrap(),
            members: tasks
                .iter()
                .map(|name| SinkMember {
                    task: Some(task(name)),
                    partitions: Vec::new(),
                })
                .collect(),
        };
        let unheard = Missing::Unheard("the consumer group of m".to_owned());
        assert_eq!(told.missing(), Some(unheard));
        told.tell([group(&["m-1"])]);
        assert_eq!(told.missing(), Some(scattered));
        told.tell([group(&["m-1", "m-0"])]);
        assert_eq!(told.missing(), None);
    }

    #[test]
    fn sinks_without_client_ids_of_their_own_or_on_the_new_protocol_are_not_told_apart() {
        let sinks = |worker: &str, archive: &str| {
            let text = include_str!("../../scenarios/quickstart.yaml");
            let mut scenario = crate::scenario::parse("t", text).unwrap();
            let set = |config: &mut BTreeMap<String, String>, line: &str| {
                config.extend(
                    line.split_once(": ")
                        .map(|(k, v)| (k.to_owned(), v.to_owned())),
                );
            };
            set(&mut scenario.connect.config, worker);
            for (connector, _) in &mut scenario.route.legs {
                set(&mut connector.config, archive);
            }
            told_apart(&scenario).len()
        };
        assert_eq!(sinks("", ""), 1);
        assert_eq!(sinks("consumer.client.id: mine", ""), 0);
        assert_eq!(sinks("consumer.group.protocol: CONSUMER", ""), 0);
        assert_eq!(sinks("", "consumer.override.group.protocol: consumer"), 0);
        let overridden = "consumer.override.group.protocol: classic";
        assert_eq!(sinks("consumer.group.protocol: consumer", overridden), 1);
    }
}
