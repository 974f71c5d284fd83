//! Finds secrets in settings and in free text, and puts [`HIDDEN`] in their place.

use std::collections::BTreeMap;
use std::ops::Range;

use super::names::{self, HIDDEN, holds_secret, is_secret};
use super::shapes;

/// Names whose value has blanks in it, so that in a text it goes to the end of the line.
const WHOLE_LINE_WORDS: [&str; 3] = ["jaasconfig", "authorization", "cookie"];

/// Parameters of an address that are secrets there, and ordinary words elsewhere.
const QUERY_NAMES: [&str; 9] = [
    "sig",
    "key",
    "code",
    "auth",
    "hmac",
    "policy",
    "pass",
    "signature",
    "key-pair-id",
];

/// Words before a secret, as `Authorization` and its like have them; all but the first are ordinary words too.
const SCHEMES: [&str; 11] = [
    "bearer",
    "basic",
    "token",
    "apikey",
    "digest",
    "negotiate",
    "splunk",
    "ssws",
    "geniekey",
    "key",
    "sharedkey",
];

/// Characters that may stand after a value without belonging to it.
const CLOSERS: [char; 8] = [',', ';', ')', '}', ']', '"', '\'', '.'];

/// Between a value and the name of its setting, where Kafka refuses it.
const BEHIND_VALUE: &str = " for configuration ";

/// The configuration with each secret replaced by [`HIDDEN`]: see [`mask_setting`].
pub fn mask(config: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let masked = config
        .iter()
        .map(|(name, value)| (name.clone(), mask_setting(name, value)));
    masked.collect()
}

/// The value of a setting as it may be shown: hidden as a whole where the setting holds a secret, else without what
/// [`mask_text`] finds in it.
pub fn mask_setting(name: &str, value: &str) -> String {
    if holds_secret(name, value) {
        HIDDEN.to_owned()
    } else {
        mask_text(value)
    }
}

/// A text (log line, stack trace, error message) with what looks like a secret replaced by [`HIDDEN`]; see [`spans`].
pub fn mask_text(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut from = 0;
    for span in spans(text) {
        masked.push_str(&text[from..span.start]);
        masked.push_str(HIDDEN);
        from = span.end;
    }
    masked.push_str(&text[from..]);
    masked
}

/// Where in a text something looks like a secret, in order and without overlaps: the value in `name=value`,
/// `name: value`, `"name": "value"` and `--name value` where the name is that of a secret, user and password in
/// addresses, signed parts of their queries, web hooks, what follows `Bearer` and its like, private keys, and tokens
/// whose issuers mark them. Rather too much than too little.
pub fn spans(text: &str) -> Vec<Range<usize>> {
    let mut found = shapes::spans(text);
    found.extend(refused_values(text));
    let mut from = 0;
    while let Some(step) = text[from..].find([':', '=', ' ']) {
        let at = from + step;
        from = at + 1;
        if let Some((kept, length)) = hidden_after(&text[..at], &text[at..])
            && length > 0
        {
            found.push(at + kept..at + kept + length);
            from = at + kept + length;
        }
    }
    merged(found)
}

/// The values in `Invalid value … for configuration NAME`, which is how Kafka refuses the value of a setting.
fn refused_values(text: &str) -> Vec<Range<usize>> {
    const BEFORE: &str = "Invalid value ";
    let mut found = Vec::new();
    for (at, _) in text.match_indices(BEFORE) {
        let start = at + BEFORE.len();
        let rest = near(&text[start..]);
        let Some(length) = rest.find(BEHIND_VALUE) else {
            continue;
        };
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let name = &rest[length + BEHIND_VALUE.len()..];
        let name = &name[..name.find(|c| !is_name(c)).unwrap_or(name.len())];
        let value = &rest[..length];
        if is_secret(name.trim_end_matches('.')) && value != HIDDEN {
            found.push(start..start + length);
        }
    }
    found
}

fn merged(mut found: Vec<Range<usize>>) -> Vec<Range<usize>> {
    found.sort_by_key(|span| (span.start, span.end));
    let mut merged: Vec<Range<usize>> = Vec::with_capacity(found.len());
    for span in found {
        match merged.last_mut() {
            Some(last) if span.start < last.end => last.end = last.end.max(span.end),
            _ => merged.push(span),
        }
    }
    merged
}

/// Where `from` begins with a separator: how many bytes stay as they are, and how many after them are a secret.
fn hidden_after(before: &str, from: &str) -> Option<(usize, usize)> {
    if let Some(authority) = from.strip_prefix("://") {
        return user_info(authority).map(|length| (3, length));
    }
    if let Some(value) = from.strip_prefix(' ') {
        let word = word_until(value, &['"', '\'']);
        let is_hidden = follows_scheme(before, word) || follows_flag(before, word);
        return is_hidden.then_some((1, word.len()));
    }
    if let Some(login) = from.strip_prefix(':').filter(|_| is_oracle(before)) {
        return oracle_login(login).map(|length| (1, length));
    }
    let name = name_before(before)?;
    let login = || login_without_scheme(before, from);
    let is_class = name.ends_with("Exception") || name.ends_with("Error");
    let ahead = before.strip_suffix(name).unwrap_or("");
    // `/home/me/password: no such file`, `… for configuration db.password: too short`.
    let is_subject =
        from.starts_with(':') && (ahead.ends_with('/') || ahead.ends_with(BEHIND_VALUE));
    if is_class || is_subject {
        return login();
    }
    let of_query = ahead.ends_with(['?', '&', ';']);
    let is_parameter = || {
        QUERY_NAMES
            .iter()
            .any(|known| name.eq_ignore_ascii_case(known))
    };
    let is_named = is_secret(name) || (of_query && from.starts_with('=') && is_parameter());
    value_after(name, is_named, before, from).or_else(login)
}

/// The same for a separator behind this name.
fn value_after(name: &str, is_named: bool, before: &str, from: &str) -> Option<(usize, usize)> {
    let blanks = from[1..].len() - from[1..].trim_start_matches([' ', '\t']).len();
    let value = &from[1 + blanks..];
    let (opening, length) = if is_named {
        secret_span(name, value, Surroundings::of(name, before, from))
    } else if name.to_ascii_lowercase().ends_with("key") {
        (0, word(near(value)).trim_end_matches(CLOSERS).len())
    } else {
        return None;
    };
    let secret = &value[opening..opening + length];
    let is_frame = from.starts_with(':') && blanks == 0 && !before.ends_with('"');
    let is_line_number = is_frame && secret.bytes().all(|b| b.is_ascii_digit());
    let is_hidden = value[opening..].starts_with(HIDDEN);
    // Marks alone stand in words about a setting: `password:` in quotes, `PASSWORD=…`.
    let is_one = secret.contains(char::is_alphanumeric)
        && (holds_secret(name, secret) || (is_named && !is_secret(name)));
    let is_kept = length == 0 || !is_one || is_line_number || is_hidden;
    (!is_kept).then_some((1 + blanks + opening, length))
}

/// What stands around a value, as far as it says where the value ends.
#[derive(Clone, Copy)]
enum Surroundings {
    /// `name = value`: it goes to the end of the line.
    Line,
    /// `a=b;name=value;c=d`: it ends at the semicolon.
    List,
    /// `{"name":value,"c":d}`: it ends at the comma.
    Json,
    /// Anything else: it ends at the next blank.
    Words,
}

impl Surroundings {
    fn of(name: &str, before: &str, from: &str) -> Self {
        if before.ends_with(' ') && from.starts_with('=') {
            Self::Line
        } else if before.ends_with('"') && from.starts_with(':') {
            Self::Json
        } else if before
            .strip_suffix(name)
            .is_some_and(|before| before.ends_with(';'))
        {
            Self::List
        } else {
            Self::Words
        }
    }
}

/// Whether what stands before a blank is the scheme of a credential, and the word behind it can be one.
fn follows_scheme(before: &str, word: &str) -> bool {
    let scheme = before
        .rsplit(|c: char| !c.is_ascii_alphabetic())
        .next()
        .unwrap_or("");
    if word.is_empty()
        || !SCHEMES
            .iter()
            .any(|known| scheme.eq_ignore_ascii_case(known))
    {
        return false;
    }
    let head = &before[..before.len() - scheme.len()];
    let head = head.trim_end_matches([' ', '"', '\'', '\\']);
    let header = head.strip_suffix([':', '=']).and_then(name_before);
    let is_own_header = header.is_some_and(|name| {
        name.len() > 2 && name.is_char_boundary(2) && name[..2].eq_ignore_ascii_case("x-")
    });
    let is_long = scheme.eq_ignore_ascii_case("basic") && word.len() >= 12;
    scheme.eq_ignore_ascii_case("bearer")
        || is_own_header
        || is_long
        || names::looks_random(word.trim_end_matches(CLOSERS))
}

/// Whether what stands before a blank is `--password` and its like, or curl's `-u` with a password behind it.
fn follows_flag(before: &str, word: &str) -> bool {
    let flag = before
        .rsplit(|c: char| c.is_whitespace() || matches!(c, '"' | '\''))
        .next()
        .unwrap_or("");
    let has_user = matches!(flag, "-u" | "--user" | "--proxy-user") && word.contains(':');
    let is_named = flag
        .strip_prefix("--")
        .is_some_and(|name| holds_secret(name, word) && !word.starts_with('-'));
    has_user || is_named
}

/// The name that ends where `before` ends, quotes and blanks around it left out.
fn name_before(before: &str) -> Option<&str> {
    let trimmed = before
        .trim_end_matches([' ', '\t'])
        .trim_end_matches(['"', '\'', '\\']);
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let start = trimmed.rfind(|c: char| !is_name(c)).map_or(0, |at| {
        at + trimmed[at..].chars().next().map_or(1, char::len_utf8)
    });
    Some(&trimmed[start..]).filter(|name| !name.is_empty())
}

/// Where in `value` the secret begins, and how many bytes it has. In a list of settings braces may stand around it.
fn secret_span(name: &str, value: &str, around: Surroundings) -> (usize, usize) {
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    let plain = plain.to_ascii_lowercase();
    for quote in ["\"", "'", "\\\"", "\\'"] {
        if let Some(quoted) = value.strip_prefix(quote) {
            return (quote.len(), quoted_length(quoted, quote));
        }
    }
    if WHOLE_LINE_WORDS.iter().any(|word| plain.contains(word)) {
        return (0, line(value).len());
    }
    let word = match around {
        Surroundings::Line => return (0, line(value).len()),
        Surroundings::List => match value.strip_prefix('{') {
            Some(braced) => return (1, braced.find('}').unwrap_or(braced.len())),
            None => word_until(value, &[';']),
        },
        Surroundings::Json => word_until(value, &[',', '}', ']']),
        Surroundings::Words => word(value),
    };
    (0, word.trim_end_matches(CLOSERS).len())
}

fn line(text: &str) -> &str {
    until(text, &['\n', '\r'])
}

fn until<'t>(text: &'t str, ends: &[char]) -> &'t str {
    &text[..text.find(ends).unwrap_or(text.len())]
}

/// The beginning of a text, for what is looked for behind every separator.
fn near(text: &str) -> &str {
    &text[..text.floor_char_boundary(400)]
}

/// Where the quoted text ends: before the same quote again, where no backslash escapes it, or at the end of the text.
fn quoted_length(text: &str, quote: &str) -> usize {
    if quote.len() > 1 {
        return text.find(quote).unwrap_or(text.len());
    }
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if quote.starts_with(c) && !escaped {
            return at;
        }
        escaped = c == '\\' && !escaped;
    }
    text.len()
}

/// The text up to the next blank or `&`.
fn word(text: &str) -> &str {
    word_until(text, &[])
}

fn word_until<'t>(text: &'t str, ends: &[char]) -> &'t str {
    let end = text.find(|c: char| c.is_whitespace() || c == '&' || ends.contains(&c));
    &text[..end.unwrap_or(text.len())]
}

/// Up to the next blank or quote, and before the next address.
fn address(text: &str) -> &str {
    let is_end = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | '`');
    let text = &text[..text.find("://").unwrap_or(text.len())];
    &text[..text.find(is_end).unwrap_or(text.len())]
}

/// The length of `user:password` where an address begins with it (without its scheme). A password may have slashes in
/// it: then the `@` comes late, and what stands before the first slash is no host with a port.
fn user_info(text: &str) -> Option<usize> {
    let address = address(text);
    let last = address.rfind('@').filter(|length| *length > 0)?;
    let head = &address[..address.find(['/', '?', '#']).unwrap_or(address.len())];
    let is_login = match head.split_once(':') {
        _ if head.contains('@') => true,
        None => false,
        Some((host, port)) => {
            let is_host = host.contains(['.', '[']) || host.eq_ignore_ascii_case("localhost");
            !(is_host
                && port
                    .bytes()
                    .all(|b| b.is_ascii_digit() || b == b':' || b == b']'))
        }
    };
    is_login.then_some(last)
}

/// A password behind `user:` and before `@host:port`, as addresses without a scheme have it.
fn login_without_scheme(before: &str, from: &str) -> Option<(usize, usize)> {
    // Most colons have no login behind them, and texts with a million of them are read too.
    let near = Some(near(from.strip_prefix(':')?)).filter(|near| near.contains('@'))?;
    let address = address(near);
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == ':';
    // `jdbc:oracle:thin:user/password@host:port` has its own rule.
    let before = &before[before.ceil_char_boundary(before.len().saturating_sub(40))..];
    if before.rsplit(|c| !is_part(c)).next()?.starts_with("jdbc") {
        return None;
    }
    let at = address.rfind('@').filter(|at| *at > 0)?;
    let (host, port) = address[at + 1..].split_once(':')?;
    let is_host = |c: char| c.is_ascii_alphanumeric() || ".-_[]".contains(c);
    let fits = !host.is_empty()
        && host.chars().all(is_host)
        && port.starts_with(|c: char| c.is_ascii_digit());
    (fits && !address.starts_with(HIDDEN)).then_some((1, at))
}

/// Whether what comes next is the login of a JDBC address of Oracle: behind `jdbc:oracle:thin`.
fn is_oracle(before: &str) -> bool {
    let mut parts = before.rsplitn(3, ':');
    let driver = parts.next().unwrap_or("");
    let vendor = parts.next().unwrap_or("");
    let is_driver = !driver.is_empty() && driver.bytes().all(|b| b.is_ascii_alphanumeric());
    let scheme = parts.next().unwrap_or("");
    let is_jdbc =
        scheme.len() >= 4 && scheme.as_bytes()[scheme.len() - 4..].eq_ignore_ascii_case(b"jdbc");
    is_driver && vendor.eq_ignore_ascii_case("oracle") && is_jdbc
}

/// The length of `user/password` before an `@`; the password may stand in quotes.
fn oracle_login(text: &str) -> Option<usize> {
    let slash = text
        .find(['/', '@'])
        .filter(|at| text[*at..].starts_with('/'))?;
    if slash == 0 || text[..slash].contains(char::is_whitespace) {
        return None;
    }
    let password = &text[slash + 1..];
    for quote in ["\\\"", "\""] {
        if let Some(quoted) = password.strip_prefix(quote) {
            let length = slash + 1 + quote.len() * 2 + quoted_length(quoted, quote);
            return text.get(length..)?.starts_with('@').then_some(length);
        }
    }
    let end = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | '`');
    let login = &text[..text.find(end).unwrap_or(text.len())];
    login.rfind('@').filter(|at| *at > slash)
}

#[cfg(test)]
#[path = "text_tests.rs"]
mod tests;
