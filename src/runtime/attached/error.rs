//! Why an attached cluster cannot be used, each with its subject and what the user can do next.

/// Why an attached cluster cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AttachedError {
    /// A machine cannot be reached.
    #[error("cannot reach {host} by ssh: {why}; it must work without a question: try `{by_hand}`")]
    Host {
        /// The host.
        host: String,
        /// ssh's own words.
        why: String,
        /// The command to try.
        by_hand: String,
    },
    /// A command could not be run or failed.
    #[error("cannot {what}: `{command}`{place} {why}; try it by hand, and correct the inventory")]
    Command {
        /// What was to be done, with its subject.
        what: String,
        /// The command.
        command: String,
        /// " on HOST", or nothing.
        place: String,
        /// What happened.
        why: String,
    },
    /// The brokers cannot be used.
    #[error("cannot use the brokers of the inventory: {0}")]
    Brokers(String),
    /// Workers' REST interfaces cannot be used.
    #[error("the REST interface of {} cannot be used; nothing was touched:\n{}", count(.0.len()), listed(.0))]
    Rest(Vec<String>),
    /// The Connect group is not what the inventory says.
    #[error("{0}")]
    Group(String),
    /// Something that is needed is not there.
    #[error("{0}")]
    Missing(String),
    /// The controls of the inventory do not fit.
    #[error("the inventory's control of {} does not work; nothing was touched:\n{}", count(.0.len()), listed(.0))]
    Control(Vec<String>),
    /// The workers' settings are not those that bounds would be taken from.
    #[error("bounds and recoveries are judged by the workers' settings, and those are not as the inventory has them; correct its `settings`; nothing was touched:\n{}", listed(.0))]
    Settings(Vec<String>),
    /// The run would touch what it may not.
    #[error("refused, nothing was touched:\n{}", listed(.0))]
    Refused(Vec<String>),
    /// An own thread or runtime could not be started.
    #[error("cannot start a thread of squall: {0}; see `squall doctor` for limits of processes")]
    Thread(std::io::Error),
}

fn count(number: usize) -> String {
    match number {
        1 => "one worker".to_owned(),
        _ => format!("{number} workers"),
    }
}

fn listed(lines: &[String]) -> String {
    let lines: Vec<String> = lines.iter().map(|line| format!("  - {line}")).collect();
    lines.join("\n")
}
