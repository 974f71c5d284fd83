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
        let word = word(value);
        let is_hidden = follows_scheme(before, word) || follows_flag(before, word);
        return is_hidden.then_some((1, word.len()));
    }
    if let Some(login) = from.strip_prefix(':').filter(|_| is_oracle(before)) {
        return oracle_login(login).map(|length| (1, length));
    }
    let name = name_before(before)?;
    if name.ends_with("Exception") || name.ends_with("Error") {
        return None;
    }
    let of_query = before[..before.len() - name.len()].ends_with(['?', '&', ';']);
    let is_named = is_secret(name)
        || (of_query
            && from.starts_with('=')
            && QUERY_NAMES
                .iter()
                .any(|known| name.eq_ignore_ascii_case(known)));
    value_after(name, is_named, before, from)
}

/// The same for a separator behind this name.
fn value_after(name: &str, is_named: bool, before: &str, from: &str) -> Option<(usize, usize)> {
    let blanks = from[1..].len() - from[1..].trim_start_matches([' ', '\t']).len();
    let value = &from[1 + blanks..];
    let to_line_end = before.ends_with(' ') && from.starts_with('=');
    let in_list = before.ends_with(name) && before[..before.len() - name.len()].ends_with(';');
    let (opening, length) = if is_named {
        secret_span(name, value, to_line_end, in_list)
    } else if name.to_ascii_lowercase().ends_with("key") {
        (0, word(value).trim_end_matches(CLOSERS).len())
    } else {
        return None;
    };
    let secret = &value[opening..opening + length];
    let is_line_number =
        from.starts_with(':') && blanks == 0 && secret.bytes().all(|b| b.is_ascii_digit());
    let is_hidden = value[opening..].starts_with(HIDDEN);
    let is_one = holds_secret(name, secret) || (is_named && !is_secret(name));
    (length > 0 && is_one && !is_line_number && !is_hidden)
        .then_some((1 + blanks + opening, length))
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

/// Where in `value` the secret begins, and how many bytes it has. In a list of settings (`a=b;c=d`) it ends at the next
/// semicolon, unless braces stand around it.
fn secret_span(name: &str, value: &str, to_line_end: bool, in_list: bool) -> (usize, usize) {
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    let plain = plain.to_ascii_lowercase();
    for quote in ["\"", "'", "\\\"", "\\'"] {
        if let Some(quoted) = value.strip_prefix(quote) {
            return (quote.len(), quoted_length(quoted, quote));
        }
    }
    if to_line_end || WHOLE_LINE_WORDS.iter().any(|word| plain.contains(word)) {
        return (0, value.find(['\n', '\r']).unwrap_or(value.len()));
    }
    if in_list && let Some(braced) = value.strip_prefix('{') {
        return (1, braced.find('}').unwrap_or(braced.len()));
    }
    let word = word(value);
    let end = if in_list { word.find(';') } else { None };
    (
        0,
        word[..end.unwrap_or(word.len())]
            .trim_end_matches(CLOSERS)
            .len(),
    )
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
    let end = text.find(|c: char| c.is_whitespace() || c == '&');
    &text[..end.unwrap_or(text.len())]
}

/// Up to the next blank or quote, and before the next address.
fn address(text: &str) -> &str {
    let is_end = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | '`');
    let address = &text[..text.find(is_end).unwrap_or(text.len())];
    &address[..address.find("://").unwrap_or(address.len())]
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
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, masked: &str) {
        assert_eq!(mask_text(text), masked);
        assert_eq!(
            mask_text(masked),
            masked,
            "masking twice must change nothing"
        );
    }

    #[test]
    fn a_configuration_keeps_its_names_and_loses_its_secrets() {
        let config: BTreeMap<String, String> = [
            (
                "connection.url",
                "jdbc:postgresql://db:5432/x?user=u&password=hunter2&ssl=on",
            ),
            ("endpoint", "https://me:hunter2@host:8080/path"),
            ("db.password", "hunter2"),
            ("empty.password", ""),
            ("topics", "orders"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        let masked = mask(&config);
        assert_eq!(
            masked.keys().collect::<Vec<_>>(),
            config.keys().collect::<Vec<_>>()
        );
        assert!(masked.values().all(|value| !value.contains("hunter2")));
        assert_eq!(masked["topics"], "orders");
        assert_eq!(masked["empty.password"], "");
        assert_eq!(masked["endpoint"], "https://[hidden]@host:8080/path");
        assert_eq!(
            masked["connection.url"],
            "jdbc:postgresql://db:5432/x?user=u&password=[hidden]&ssl=on"
        );
    }

    #[test]
    fn secrets_in_texts_are_hidden_in_each_way_of_writing() {
        check("a password=x1, user=y", "a password=[hidden], user=y");
        check("{password=x1}", "{password=[hidden]}");
        check(
            r#"{"db.password": "x\"1", "a": 1}"#,
            r#"{"db.password": "[hidden]", "a": 1}"#,
        );
        check(
            r#"{\"token\":\"x1\",\"a\":1}"#,
            r#"{\"token\":\"[hidden]\",\"a\":1}"#,
        );
        check(
            "\tssl.key.password = x 1 y\n\tnext = 2",
            "\tssl.key.password = [hidden]\n\tnext = 2",
        );
        check(
            "sasl.jaas.config=Module required username=\"u\" password=\"x\";\nnext",
            "sasl.jaas.config=[hidden]\nnext",
        );
        check(
            "Authorization: Basic dXNlcjpwYXNz",
            "Authorization: [hidden]",
        );
        check("header was Bearer abc.def", "header was Bearer [hidden]");
        check(
            "http://u:p@h/x http://h/y@z",
            "http://[hidden]@h/x http://h/y@z",
        );
    }

    #[test]
    fn texts_without_secrets_stay_as_they_are() {
        for text in [
            "",
            "Missing required configuration \"password\" which has no default value.",
            "InvalidTokenException: the offset is too old",
            "Login failed (org.apache.kafka.ExpiringCredentialRefreshingLogin:412)",
            "Joined group at generation 3 with protocol version 2 and got assignment: Assignment{error=0}",
            "basic auth is off",
        ] {
            check(text, text);
        }
    }

    proptest! {
        #[test]
        fn no_secret_survives_in_a_known_way_of_writing(secret in "[A-Z0-9!#$%*+/]{6,20}Q", before in "[a-z ]{0,10}", after in "[ ,a-z]{0,10}") {
            for text in [
                format!("{before} password={secret} {after}"),
                format!("{before} api.key: {secret}\n{after}"),
                format!("{before}{{\"client_secret\":\"{secret}\"}}{after}"),
                format!("{before} sasl.jaas.config = x required password=\"{secret}\";\n{after}"),
            ] {
                prop_assert!(!mask_text(&text).contains(&secret), "{}", text);
            }
        }

        #[test]
        fn arbitrary_text_never_panics(text in "(\\PC|[:=\"'\\\\ \n]|password|://|@){0,60}") {
            let _ = mask_text(&text);
        }
    }
}
