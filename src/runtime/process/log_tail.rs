//! The last words of a log, for error messages.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::super::LogEnd;

const TAIL_BYTES: u64 = 256 * 1024;
const LINES: usize = 5;
const LINE_CHARACTERS: usize = 400;

/// The end of this log.
pub fn end_of(log: PathBuf) -> LogEnd {
    LogEnd {
        last_words: last_words(&log),
        log,
    }
}

/// The last lines at ERROR or FATAL with an exception's first line; the last lines of any kind when there are none.
fn last_words(log: &Path) -> String {
    let text = tail(log);
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    let mut troubles = Vec::new();
    for (n, line) in lines.iter().enumerate() {
        let after_error = n > 0 && is_error(lines[n - 1]);
        let is_exception = after_error && !line.starts_with(['[', '\t', ' ']);
        if is_error(line) || is_exception || is_uncaught(line) {
            troubles.push(*line);
        }
    }
    let chosen = if troubles.is_empty() {
        &lines
    } else {
        &troubles
    };
    let last = &chosen[chosen.len().saturating_sub(LINES)..];
    if last.is_empty() {
        return "  (nothing)".to_owned();
    }
    let cut: Vec<String> = last
        .iter()
        .map(|line| format!("  {}", printable(line)))
        .collect();
    cut.join("\n")
}

/// The line that says that a port was taken, if there is one.
pub fn port_trouble(log: &Path) -> Option<String> {
    tail(log)
        .lines()
        .find(|line| line.contains("Address already in use"))
        .map(printable)
}

fn is_error(line: &str) -> bool {
    [" ERROR ", " FATAL "]
        .iter()
        .any(|level| line.contains(level))
}

/// What a JVM prints of an exception's cause, of an exception that nobody caught, and of its own refusal to start.
fn is_uncaught(line: &str) -> bool {
    ["Caused by: ", "Exception in thread", "Error"]
        .iter()
        .any(|start| line.starts_with(start))
}

fn printable(line: &str) -> String {
    line.chars()
        .filter(|c| !c.is_control())
        .take(LINE_CHARACTERS)
        .collect()
}

fn tail(log: &Path) -> String {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = File::open(log)?;
        let end = file.seek(SeekFrom::End(0))?;
        file.seek(SeekFrom::Start(end.saturating_sub(TAIL_BYTES)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    String::from_utf8_lossy(&read().unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_told_before_the_lines_that_merely_came_last() {
        let temp = tempfile::tempdir().unwrap();
        let log = temp.path().join("w1.log");
        std::fs::write(
            &log,
            "[t] INFO a (x)\n[t] ERROR no broker (x)\n[t] INFO b (x)\n",
        )
        .unwrap();
        assert_eq!(last_words(&log), "  [t] ERROR no broker (x)");
        let trace = "[t] ERROR stopping (x)\na.ConfigException: not soon\n\tat a.b(C.java)\n[t] INFO b (x)\n";
        std::fs::write(&log, trace).unwrap();
        assert_eq!(
            last_words(&log),
            "  [t] ERROR stopping (x)\n  a.ConfigException: not soon"
        );
        std::fs::write(&log, "[t] INFO a (x)\n\u{1b}[31m[t] INFO b (x)\n").unwrap();
        assert_eq!(last_words(&log), "  [t] INFO a (x)\n  [31m[t] INFO b (x)");
        assert_eq!(last_words(&temp.path().join("none")), "  (nothing)");
    }
}
