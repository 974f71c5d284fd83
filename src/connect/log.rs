//! Turns the bytes of a worker's log, as they come, into the lines that tell something.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::journal::LogFact;
use crate::model::KafkaVersion;
use crate::model::secrets::mask_text;

use super::log_table::{fact, harmless};
use super::log_unknown::UnknownSettings;

/// The most characters of a line that are kept.
pub const MAX_TEXT_CHARS: usize = 2_000;
/// The most bytes of a line that is not ended yet; what is beyond is dropped.
const MAX_LINE_BYTES: usize = 64 * 1024;
/// The most bytes of a line and its stack trace before secrets are masked and the text is cut.
const MAX_HELD_BYTES: usize = 16 * 1024;
/// So many lines of trouble that differ in numbers only are passed on in [`REPEAT_WINDOW_MS`].
const MAX_REPEATS: u32 = 5;
/// The worker's own time after which such lines are passed on again.
const REPEAT_WINDOW_MS: i64 = 10_000;
/// The most kinds of trouble that are told apart.
const MAX_KINDS: usize = 1_000;

/// Beginnings of lines that the virtual machine writes past the logger when it fails.
const JVM_FAILURES: [&str; 5] = [
    "Exception in thread ",
    "Error: ",
    "Error occurred during initialization of VM",
    "# A fatal error has been detected by the Java Runtime Environment",
    "Terminating due to java.lang.OutOfMemoryError",
];

/// A line that tells something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParsedLine {
    /// Its time on the worker's clock, milliseconds since the epoch, where the worker's time zone is UTC; for a line
    /// without a time that of the line before, or 0.
    pub worker_ms: i64,
    /// INFO, WARN, …
    pub level: String,
    /// What it tells.
    pub fact: LogFact,
    /// The line with its stack trace, at most [`MAX_TEXT_CHARS`], secrets masked, control characters replaced.
    pub text: String,
}

/// Reads the log of one start of one worker, written in Kafka's default pattern
/// `[%d] %p %X{connector.context}%m (%c:%L)%n`.
#[derive(Debug)]
pub struct LogParser {
    version: KafkaVersion,
    line: Vec<u8>,
    held: Option<ParsedLine>,
    last_ms: i64,
    has_joined: bool,
    repeats: HashMap<u64, (i64, u32)>,
    unknown: UnknownSettings,
}

/// The parts of a line that begins with time and level.
struct Head<'a> {
    worker_ms: i64,
    level: &'a str,
    message: &'a str,
    class: &'a str,
}

impl LogParser {
    /// A parser for workers of this release, at the beginning of a log.
    pub fn new(version: KafkaVersion) -> Self {
        Self {
            version,
            line: Vec::new(),
            held: None,
            last_ms: 0,
            has_joined: false,
            repeats: HashMap::new(),
            unknown: UnknownSettings::default(),
        }
    }

    /// Takes the next bytes, cut anywhere, and returns what is known by now, in the order of the log. A line that a stack
    /// trace may follow is held back until the next line begins: see [`LogParser::flush`].
    pub fn facts(&mut self, bytes: &[u8]) -> Vec<ParsedLine> {
        let mut found = Vec::new();
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let ends = part.last() == Some(&b'\n');
            let part = part.strip_suffix(b"\n").unwrap_or(part);
            let room = MAX_LINE_BYTES.saturating_sub(self.line.len());
            self.line.extend_from_slice(&part[..part.len().min(room)]);
            if ends {
                let line = std::mem::take(&mut self.line);
                self.take_line(&String::from_utf8_lossy(&line), &mut found);
            }
        }
        found
    }

    /// Returns the line that is held back, if there is one: call it when nothing has come for a moment, and at the end
    /// of the log. What follows it later, if it belongs to its stack trace, is dropped.
    pub fn flush(&mut self) -> Vec<ParsedLine> {
        let mut found = Vec::new();
        self.release(&mut found);
        found
    }

    fn take_line(&mut self, line: &str, found: &mut Vec<ParsedLine>) {
        let line = line.trim_end_matches('\r');
        if let Some(head) = head(line) {
            self.release(found);
            self.last_ms = head.worker_ms;
            self.held = self.tell(&head, line);
            // No stack trace follows an ordinary line, and others wait for these.
            if self.held.as_ref().is_some_and(|held| held.level == "INFO") {
                self.release(found);
            }
        } else if JVM_FAILURES.iter().any(|start| line.starts_with(start)) {
            self.release(found);
            self.held = Some(ParsedLine {
                worker_ms: self.last_ms,
                level: "FATAL".to_owned(),
                fact: LogFact::Trouble,
                text: line.to_owned(),
            });
        } else if is_of_another_logger(line) {
            self.release(found);
        } else if let Some(held) = &mut self.held
            && held.text.len() < MAX_HELD_BYTES
        {
            held.text.push('\n');
            held.text.push_str(line);
        }
    }

    fn tell(&mut self, head: &Head<'_>, line: &str) -> Option<ParsedLine> {
        let known = fact(self.version, head.class, head.message);
        let known = known.or_else(|| self.unknown.told_in(head.message, self.version));
        let fact = match known {
            Some(fact) => fact,
            None => self.trouble(head)?,
        };
        if matches!(fact, LogFact::Joined { .. }) {
            self.has_joined = true;
        }
        Some(ParsedLine {
            worker_ms: head.worker_ms,
            level: head.level.to_owned(),
            fact,
            text: line.to_owned(),
        })
    }

    fn trouble(&mut self, head: &Head<'_>) -> Option<LogFact> {
        let is_trouble = matches!(head.level, "WARN" | "ERROR" | "FATAL");
        if !is_trouble || harmless(head.level, head.message, self.has_joined).is_some() {
            return None;
        }
        if self.is_repeat(head) {
            return None;
        }
        Some(LogFact::Trouble)
    }

    fn is_repeat(&mut self, head: &Head<'_>) -> bool {
        let mut hasher = DefaultHasher::new();
        head.level.hash(&mut hasher);
        // A warning is the same whichever client gives it; an error of each task counts on its own.
        let message = match head.level {
            "WARN" => without_prefixes(head.message),
            _ => head.message,
        };
        let letters = message.bytes().filter(|byte| !byte.is_ascii_digit());
        letters.take(300).for_each(|byte| byte.hash(&mut hasher));
        let kind = hasher.finish();
        if self.repeats.len() >= MAX_KINDS && !self.repeats.contains_key(&kind) {
            self.repeats.clear();
        }
        let (begun, count) = self.repeats.entry(kind).or_insert((head.worker_ms, 0));
        let age = head.worker_ms.saturating_sub(*begun);
        if !(0..REPEAT_WINDOW_MS).contains(&age) {
            (*begun, *count) = (head.worker_ms, 0);
        }
        *count += 1;
        *count > MAX_REPEATS
    }

    fn release(&mut self, found: &mut Vec<ParsedLine>) {
        if let Some(mut line) = self.held.take() {
            line.text = presentable(&line.text);
            found.push(line);
        }
    }
}

/// Secrets masked, control characters replaced, cut to [`MAX_TEXT_CHARS`].
fn presentable(text: &str) -> String {
    let visible = |c: char| match c {
        '\n' | '\t' => c,
        c if c.is_control() => char::REPLACEMENT_CHARACTER,
        c => c,
    };
    mask_text(text)
        .chars()
        .map(visible)
        .take(MAX_TEXT_CHARS)
        .collect()
}

/// A message without the `[connector|task-0] [Consumer clientId=…, groupId=…] ` before it.
fn without_prefixes(message: &str) -> &str {
    let mut rest = message;
    while let Some((_, after)) = rest
        .strip_prefix('[')
        .and_then(|inside| inside.split_once("] "))
    {
        rest = after;
    }
    rest
}

/// `java.util.logging`, which the web framework writes to, begins its lines like this.
fn is_of_another_logger(line: &str) -> bool {
    let levels = ["WARNING: ", "INFO: ", "SEVERE: "];
    let has_date = || {
        let mut words = line.split(' ');
        let (month, day, year) = (words.next(), words.next(), words.next());
        month.is_some_and(|word| word.len() == 3)
            && day.is_some_and(|word| word.ends_with(','))
            && year.is_some_and(|word| word.len() == 4 && word.parse::<u16>().is_ok())
    };
    levels.iter().any(|level| line.starts_with(level)) || has_date()
}

fn head(line: &str) -> Option<Head<'_>> {
    let worker_ms = time_ms(line.get(..25)?)?;
    let (level, message) = line.get(25..)?.strip_prefix(' ')?.split_once(' ')?;
    let known = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];
    if !known.contains(&level) {
        return None;
    }
    Some(Head {
        worker_ms,
        level,
        message,
        class: class_of(message).unwrap_or(""),
    })
}

/// `[2026-11-23 05:31:30,123]` as milliseconds since the epoch.
fn time_ms(stamp: &str) -> Option<i64> {
    let stamp = stamp.strip_prefix('[')?.strip_suffix(']')?;
    let separators = [
        (4, b'-'),
        (7, b'-'),
        (10, b' '),
        (13, b':'),
        (16, b':'),
        (19, b','),
    ];
    let bytes = stamp.as_bytes();
    if separators
        .iter()
        .any(|(at, byte)| bytes.get(*at) != Some(byte))
    {
        return None;
    }
    let number = |from: usize, to: usize| -> Option<i16> {
        let digits = stamp.get(from..to)?;
        let all = digits.bytes().all(|byte| byte.is_ascii_digit());
        all.then(|| digits.parse().ok()).flatten()
    };
    let small = |from: usize, to: usize| i8::try_from(number(from, to)?).ok();
    let time = jiff::civil::DateTime::new(
        number(0, 4)?,
        small(5, 7)?,
        small(8, 10)?,
        small(11, 13)?,
        small(14, 16)?,
        small(17, 19)?,
        i32::from(number(20, 23)?) * 1_000_000,
    )
    .ok()?;
    let zoned = time.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(zoned.timestamp().as_millisecond())
}

/// The logging class from `(class:line)` or `(class)` at the end of a line.
fn class_of(message: &str) -> Option<&str> {
    let (_, place) = message.trim_end().strip_suffix(')')?.rsplit_once(" (")?;
    let class = place.split(':').next()?;
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '$');
    (!class.is_empty() && class.chars().all(is_part)).then_some(class)
}

#[cfg(test)]
#[path = "log_tests.rs"]
mod tests;
