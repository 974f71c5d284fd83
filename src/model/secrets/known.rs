//! Secrets that are known by their value, and are hidden wherever they stand in free text.

use std::collections::{BTreeMap, BTreeSet};

use super::names::{HIDDEN, holds_secret, is_reference, is_switch};
use super::text::spans;

/// Shorter values stand in ordinary words.
const SHORTEST: usize = 6;
/// From this length on a value is hidden inside words too.
const LONG: usize = 12;
/// Words that stand in every log and in every configuration: a secret that is one of them cannot be told from it.
const EVERYDAY: [&str; 24] = [
    "access",
    "apache",
    "broker",
    "client",
    "cluster",
    "config",
    "connect",
    "connector",
    "consumer",
    "default",
    "kafka",
    "localhost",
    "offset",
    "password",
    "producer",
    "required",
    "secret",
    "server",
    "source",
    "string",
    "token",
    "topics",
    "username",
    "worker",
];

/// Values of secrets, to be hidden in free text: log lines, stack traces, messages, notes. Values that are short, numbers,
/// switches or names that the run needs are not among them: they would wreck the text, so they are hidden only where they
/// stand as the value of their setting.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Known {
    values: BTreeSet<String>,
    names: BTreeSet<String>,
}

/// Never shows a value.
impl std::fmt::Debug for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Known")
            .field("values", &self.values.len())
            .finish()
    }
}

impl Known {
    /// Learns the secrets of a configuration; see [`Self::learn`].
    pub fn learn_all(&mut self, config: &BTreeMap<String, String>) {
        for (name, value) in config {
            self.learn(name, value);
        }
    }

    /// Learns what is secret in the value of a setting: all of it, its lines and what stands behind the user, or the
    /// parts of it that look like secrets.
    pub fn learn(&mut self, name: &str, value: &str) {
        if holds_secret(name, value) {
            self.add_whole(value);
        }
        for span in spans(value) {
            let part = &value[span];
            self.add_whole(part);
            // A header line is hidden as a whole; the word behind `Bearer` may stand elsewhere alone.
            spans(part)
                .into_iter()
                .for_each(|span| self.add_whole(&part[span]));
        }
    }

    /// Learns a name that the run needs: a secret of the same text is never hidden in free text.
    pub fn spare(&mut self, name: &str) {
        self.names.insert(name.to_owned());
    }

    /// Learns what another one knows.
    pub fn join(&mut self, other: &Self) {
        self.values.extend(other.values.iter().cloned());
        self.names.extend(other.names.iter().cloned());
    }

    /// The text with each known secret replaced: as it is, and as JSON, addresses and `Basic` write it.
    pub fn hide(&self, text: &str) -> String {
        let mut longest: Vec<&String> = self.values.iter().collect();
        longest.sort_by_key(|value| std::cmp::Reverse(value.len()));
        let mut hidden = text.to_owned();
        for value in longest
            .into_iter()
            .filter(|value| !self.names.contains(*value))
        {
            if hidden.contains(value.as_str()) {
                hidden = replaced(&hidden, value);
            }
        }
        hidden
    }

    fn add_whole(&mut self, value: &str) {
        let value = value.trim();
        self.add(value);
        for line in value.lines().filter(|_| value.contains('\n')) {
            self.add(line.trim());
        }
        if value.contains("-----") {
            // The lines of a private key, which may have been folded into one, or hold `\n` written out.
            let lines = value.split_whitespace().flat_map(|part| part.split("\\n"));
            lines
                .filter(|line| line.len() >= LONG)
                .for_each(|line| self.add(line));
        }
        // `user:password` and `user/password`, and a list of settings that goes on behind the value.
        for at in [value.find(':'), value.find('/')].into_iter().flatten() {
            let (user, password) = value.split_at(at);
            if !user.is_empty() && user.len() <= 40 && !password.starts_with(":/") {
                self.add(password[1..].trim_matches('"'));
            }
        }
        for part in value
            .split([';', '|'])
            .filter(|part| part.len() < value.len())
        {
            self.add(part.trim());
            if let Some((_, behind)) = part.split_once('=') {
                self.add(behind.trim());
            }
        }
    }

    fn add(&mut self, value: &str) {
        if !can_stand_in_text(value) {
            return;
        }
        let json = serde_json::Value::from(value).to_string();
        let json = json.trim_matches('"').to_owned();
        self.values.extend(
            [
                json,
                percent_encoded(value),
                percent_decoded(value),
                base64(value),
            ]
            .into_iter()
            .filter(|form| can_stand_in_text(form)),
        );
        self.values.insert(value.to_owned());
    }
}

/// Whether a value can be looked for in free text.
fn can_stand_in_text(value: &str) -> bool {
    let is_number = value.parse::<f64>().is_ok();
    let is_everyday = EVERYDAY.iter().any(|word| value.eq_ignore_ascii_case(word));
    let is_border = value.starts_with("-----");
    value.chars().count() >= SHORTEST
        && !is_number
        && !is_switch(value)
        && !is_reference(value)
        && !is_everyday
        && !is_border
        && !value.contains(HIDDEN)
}

/// Every place of `value`; where it is not long, only those that are no part of a longer word.
fn replaced(text: &str, value: &str) -> String {
    if value.len() >= LONG {
        return text.replace(value, HIDDEN);
    }
    let is_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for (at, found) in text.match_indices(value) {
        let (before, after) = (&text[..at], &text[at + found.len()..]);
        let joined_before = is_word(before.chars().next_back()) && is_word(value.chars().next());
        let joined_after = is_word(after.chars().next()) && is_word(value.chars().next_back());
        // Behind a backslash a letter belongs to it: `\nhunter2`.
        let is_escape = before.len() >= 2 && before.as_bytes()[before.len() - 2] == b'\\';
        if (joined_before && !is_escape) || joined_after {
            continue;
        }
        out.push_str(&text[from..at]);
        out.push_str(HIDDEN);
        from = at + found.len();
    }
    out.push_str(&text[from..]);
    out
}

fn percent_encoded(value: &str) -> String {
    value.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
        out
    })
}

fn percent_decoded(value: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = value.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let code = behind
            .get(..2)
            .filter(|_| *first == b'%')
            .and_then(|code| std::str::from_utf8(code).ok())
            .and_then(|code| u8::from_str_radix(code, 16).ok());
        bytes.push(code.unwrap_or(*first));
        rest = if code.is_some() { &behind[2..] } else { behind };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn base64(value: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in value.as_bytes().chunks(3) {
        let byte = |n: usize| u32::from(chunk.get(n).copied().unwrap_or(0));
        let bits = (byte(0) << 16) | (byte(1) << 8) | byte(2);
        for n in 0..4_usize {
            let digit = (bits >> (18 - 6 * n)) & 0x3f;
            out.push(if n <= chunk.len() {
                char::from(DIGITS[digit as usize])
            } else {
                '='
            });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(settings: &[(&str, &str)]) -> Known {
        let mut known = Known::default();
        for (name, value) in settings {
            known.learn(name, value);
        }
        known
    }

    fn check(settings: &[(&str, &str)], text: &str, hidden: &str) {
        assert_eq!(known(settings).hide(text), hidden);
    }

    #[test]
    fn short_values_numbers_and_everyday_words_wreck_no_text() {
        for value in [
            "a", "abc12", "1234567", "0.25", "true", "null", "password", "connect", "",
        ] {
            let text = format!("name: {value}, connector a 1234567 true password null");
            check(&[("db.password", value)], &text, &text);
        }
        check(
            &[("db.password", "${file:/a/b:key}")],
            "${file:/a/b:key}",
            "${file:/a/b:key}",
        );
    }

    #[test]
    fn a_value_is_hidden_as_a_word_and_a_long_one_everywhere() {
        check(
            &[("db.pwd", "hunter2")],
            "x hunter2, hunter2!",
            "x [hidden], [hidden]!",
        );
        check(
            &[("db.pwd", "hunter2")],
            "xhunter2 hunter23",
            "xhunter2 hunter23",
        );
        check(
            &[("db.pwd", "a-long-secret-1")],
            "xa-long-secret-1x",
            "x[hidden]x",
        );
        let mut spared = known(&[("db.pwd", "orders-in")]);
        spared.spare("orders-in");
        assert_eq!(spared.hide("topic orders-in"), "topic orders-in");
    }

    #[test]
    fn a_value_is_hidden_in_each_way_that_it_is_written() {
        check(
            &[("db.pwd", "hun\"ter/2")],
            r#"{"x":"hun\"ter/2"}"#,
            r#"{"x":"[hidden]"}"#,
        );
        check(
            &[("db.pwd", "hun ter/2")],
            "?p=hun%20ter%2F2",
            "?p=[hidden]",
        );
        check(
            &[("api.token", "hunter2hunter2")],
            "aHVudGVyMmh1bnRlcjI=",
            "[hidden]",
        );
        check(
            &[("url", "http://u:hunter%2F2@h/")],
            "login with hunter/2 failed",
            "login with [hidden] failed",
        );
        check(
            &[("x.user.info", "user:hunter2")],
            "pw hunter2",
            "pw [hidden]",
        );
        check(
            &[("url", "jdbc:oracle:thin:scott/tiger77@h:1521:x")],
            "tiger77 for scott",
            "[hidden] for scott",
        );
        check(
            &[("ssl.key.password", "first-line\nsecond-line")],
            "# first-line\n# second-line",
            "# [hidden]\n# [hidden]",
        );
    }
}
