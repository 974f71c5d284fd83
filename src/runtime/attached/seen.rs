//! What a worker's status command prints, understood.

use crate::journal::Exit;

use super::super::Condition;

/// SIGKILL's number, and what shells and container engines add to a signal's number to make a status of it.
const KILLED: i32 = 128 + 9;

/// A worker as its status command has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// What it is doing.
    pub condition: Condition,
    /// A word that is another one after each start, where there is one.
    pub identity: Option<String>,
}

/// Reads `running`, `paused` or `disconnected` with an identity, or `ended` with an exit status; the error says what was
/// printed instead.
pub fn seen(printed: &str) -> Result<Seen, String> {
    let mut words = printed.split_whitespace();
    let word = words.next().unwrap_or_default();
    let second = words.next();
    let condition = match word {
        "running" => Condition::Running,
        "paused" => Condition::Paused,
        "disconnected" => Condition::Disconnected,
        "ended" => Condition::Ended(second.map_or(Exit::Unknown, exit_of)),
        _ => {
            let said: String = printed.trim().chars().take(200).collect();
            return Err(format!(
                "printed `{said}`, not `running`, `paused`, `disconnected` or `ended`"
            ));
        }
    };
    let identity = second.filter(|_| !matches!(condition, Condition::Ended(_)));
    Ok(Seen {
        condition,
        identity: identity.map(str::to_owned),
    })
}

fn exit_of(status: &str) -> Exit {
    match status.parse() {
        Ok(KILLED) => Exit::Signal(9),
        Ok(code) => Exit::Code(code),
        Err(_) => Exit::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_is_understood_and_others_are_repeated() {
        let condition = |text: &str| seen(text).unwrap().condition;
        assert_eq!(condition("running 12.34\n"), Condition::Running);
        assert_eq!(condition("ended 137"), Condition::Ended(Exit::Signal(9)));
        assert_eq!(condition("ended 143"), Condition::Ended(Exit::Code(143)));
        assert_eq!(condition("ended"), Condition::Ended(Exit::Unknown));
        assert_eq!(seen("paused 7").unwrap().identity.as_deref(), Some("7"));
        assert_eq!(seen("ended 7").unwrap().identity, None);
        assert!(seen("up and well").unwrap_err().contains("up and well"));
        assert!(seen("").is_err());
    }
}
