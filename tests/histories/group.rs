//! A classic group as a broker keeps it: members, sessions, and rounds of joining; Connect's own and those of sinks' consumers.

pub type Ms = u64;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Empty,
    Preparing,
    Completing,
    Stable,
}

impl State {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::Preparing => "PreparingRebalance",
            Self::Completing => "CompletingRebalance",
            Self::Stable => "Stable",
        }
    }
}

/// What a member hears when it sends a heartbeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beat {
    Fine,
    JoinAgain,
    Unknown,
}

#[derive(Debug, Clone)]
pub struct Member {
    pub id: String,
    /// The worker (of Connect's group) or the start of a task (of a sink's) behind it.
    pub key: usize,
    heard: Ms,
    joined: bool,
}

#[derive(Debug, Clone)]
pub struct Group {
    pub state: State,
    pub members: Vec<Member>,
    pub leader: Option<String>,
    pub generation: u64,
    session_ms: Ms,
}

impl Group {
    pub fn new(session_ms: Ms) -> Self {
        Self {
            state: State::Empty,
            members: Vec::new(),
            leader: None,
            generation: 0,
            session_ms,
        }
    }

    pub fn has(&self, id: &str) -> bool {
        self.members.iter().any(|member| member.id == id)
    }

    fn member(&mut self, id: &str) -> Option<&mut Member> {
        self.members.iter_mut().find(|member| member.id == id)
    }

    fn prepare(&mut self) {
        self.state = if self.members.is_empty() {
            State::Empty
        } else {
            State::Preparing
        };
        self.members.iter_mut().for_each(|m| m.joined = false);
    }

    /// A member joins, for the first time or again.
    pub fn join(&mut self, id: &str, key: usize, now: Ms) {
        if self.state != State::Preparing {
            self.prepare();
            self.state = State::Preparing;
        }
        if !self.has(id) {
            self.members.push(Member {
                id: id.to_owned(),
                key,
                heard: now,
                joined: false,
            });
            self.members.sort_by(|a, b| a.id.cmp(&b.id));
        }
        if let Some(member) = self.member(id) {
            member.joined = true;
            member.heard = now;
        }
    }

    pub fn leave(&mut self, id: &str) {
        if self.has(id) {
            self.members.retain(|member| member.id != id);
            self.lost_one();
        }
    }

    fn lost_one(&mut self) {
        if self.state != State::Preparing {
            self.prepare();
        } else if self.members.is_empty() {
            self.state = State::Empty;
        }
        let leads = self.leader.clone();
        if !leads.is_some_and(|leader| self.has(&leader)) {
            self.leader = self.members.first().map(|member| member.id.clone());
        }
    }

    pub fn beat(&mut self, id: &str, now: Ms) -> Beat {
        let preparing = self.state == State::Preparing;
        match self.member(id) {
            None => Beat::Unknown,
            Some(member) => {
                member.heard = now;
                if preparing && !member.joined {
                    Beat::JoinAgain
                } else {
                    Beat::Fine
                }
            }
        }
    }

    /// Strikes members whose session is over, and begins to complete a round that all have joined.
    pub fn tick(&mut self, now: Ms) {
        let preparing = self.state == State::Preparing;
        let (session, before) = (self.session_ms, self.members.len());
        self.members
            .retain(|m| (preparing && m.joined) || m.heard + session >= now);
        if self.members.len() < before {
            self.lost_one();
        }
        if self.state == State::Preparing && self.members.iter().all(|m| m.joined) {
            self.state = State::Completing;
            self.generation += 1;
            self.members.iter_mut().for_each(|m| m.heard = now);
            if !self.leader.clone().is_some_and(|leader| self.has(&leader)) {
                self.leader = self.members.first().map(|member| member.id.clone());
            }
        }
    }

    /// The leader has sent everybody's share.
    pub fn complete(&mut self) {
        self.state = State::Stable;
    }
}
