//! Takes secrets out of configurations and texts before they reach a file or the terminal.

use std::collections::BTreeMap;

/// What stands where a secret stood; Kafka's own word for it (`Password.HIDDEN`).
pub const HIDDEN: &str = "[hidden]";

/// A setting whose name, written in lower case without separators, contains one of these holds a secret.
const SECRET_WORDS: [&str; 20] = [
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "secret",
    "token",
    "credential",
    "jaasconfig",
    "keystorekey",
    "privatekey",
    "sslkeypem",
    "apikey",
    "accesskey",
    "accountkey",
    "sharedkey",
    "encryptionkey",
    "signingkey",
    "basicauth",
    "connectionstring",
    "authorization",
];

/// Names that contain such a word and hold no secret.
const NO_SECRETS: [&str; 5] = [
    "sasl.oauthbearer.token.endpoint.url",
    "sasl.login.refresh.buffer.seconds",
    "basic.auth.credentials.source",
    "key.converter.basic.auth.credentials.source",
    "value.converter.basic.auth.credentials.source",
];

/// Names whose value has blanks in it, so that in a text it goes to the end of the line.
const WHOLE_LINE_WORDS: [&str; 2] = ["jaasconfig", "authorization"];

/// Characters that may stand after a value without belonging to it.
const CLOSERS: [char; 8] = [',', ';', ')', '}', ']', '"', '\'', '.'];

/// Whether a setting of this name holds a secret.
pub fn is_secret(name: &str) -> bool {
    let plain = plain(name);
    !NO_SECRETS.contains(&name) && SECRET_WORDS.iter().any(|word| plain.contains(word))
}

fn plain(name: &str) -> String {
    name.chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

/// The configuration with each secret replaced by [`HIDDEN`]: values of settings named like secrets as a whole, and
/// what [`mask_text`] finds in the others.
pub fn mask(config: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    config
        .iter()
        .map(|(name, value)| {
            let masked = if is_secret(name) && !value.is_empty() {
                HIDDEN.to_owned()
            } else {
                mask_text(value)
            };
            (name.clone(), masked)
        })
        .collect()
}

/// A text (log line, stack trace, error message) with what looks like a secret replaced by [`HIDDEN`]: the value in
/// `name=value`, `name: value` and `"name": "value"` where the name is that of a secret, user and password in URLs, and
/// what follows `Bearer` or `Basic`. Rather hides too much than too little.
pub fn mask_text(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find([':', '=', ' ']) {
        let (before, from) = rest.split_at(at);
        masked.push_str(before);
        let hidden = hidden_after(&masked, from);
        let (kept, hidden_bytes) = hidden.unwrap_or((1, 0));
        masked.push_str(&from[..kept]);
        if hidden_bytes > 0 {
            masked.push_str(HIDDEN);
        }
        rest = &from[kept + hidden_bytes..];
    }
    masked.push_str(rest);
    masked
}

/// Where `from` begins with a separator: how many bytes stay as they are, and how many after them are a secret.
fn hidden_after(before: &str, from: &str) -> Option<(usize, usize)> {
    if let Some(authority) = from.strip_prefix("://") {
        return user_info(authority).map(|length| (3, length));
    }
    if let Some(value) = from.strip_prefix(' ') {
        let scheme = before.rsplit(|c: char| !c.is_ascii_alphabetic()).next()?;
        let named = scheme.eq_ignore_ascii_case("bearer")
            || (scheme.eq_ignore_ascii_case("basic") && word(value).len() >= 12);
        return (named && !word(value).is_empty()).then(|| (1, word(value).len()));
    }
    let name = name_before(before)?;
    if !is_secret(name) || name.ends_with("Exception") || name.ends_with("Error") {
        return None;
    }
    let spaced = before.ends_with(' ');
    let blanks = from[1..].len() - from[1..].trim_start_matches([' ', '\t']).len();
    let value = &from[1 + blanks..];
    let (opening, length) = secret_span(name, value, spaced && from.starts_with('='));
    let secret = &value[opening..opening + length];
    let is_line_number =
        from.starts_with(':') && blanks == 0 && secret.bytes().all(|b| b.is_ascii_digit());
    let is_hidden = value[opening..].starts_with(HIDDEN);
    (length > 0 && !is_line_number && !is_hidden).then_some((1 + blanks + opening, length))
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

/// Where in `value` the secret begins, and how many bytes it has.
fn secret_span(name: &str, value: &str, to_line_end: bool) -> (usize, usize) {
    let plain = plain(name);
    for quote in ["\"", "'", "\\\"", "\\'"] {
        if let Some(quoted) = value.strip_prefix(quote) {
            return (quote.len(), quoted_length(quoted, quote));
        }
    }
    if to_line_end || WHOLE_LINE_WORDS.iter().any(|word| plain.contains(word)) {
        return (0, value.find(['\n', '\r']).unwrap_or(value.len()));
    }
    (0, word(value).trim_end_matches(CLOSERS).len())
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

/// The length of `user:password` where a URL's authority begins with it.
fn user_info(authority: &str) -> Option<usize> {
    let end = authority
        .find(|c: char| c.is_whitespace() || matches!(c, '/' | '?' | '#' | '"' | '\'' | '<' | '>'))
        .unwrap_or(authority.len());
    authority[..end].rfind('@').filter(|length| *length > 0)
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
    fn settings_named_like_secrets_are_hidden_and_others_are_kept() {
        for name in [
            "database.password",
            "producer.override.sasl.jaas.config",
            "ssl.keystore.key",
            "aws_secret_access_key",
            "apiKey",
            "value.converter.basic.auth.user.info",
            "github.access-token",
        ] {
            assert!(is_secret(name), "{name} was not hidden");
        }
        for name in [
            "key.converter",
            "ssl.keystore.location",
            "inter.worker.key.ttl.ms",
            "sasl.oauthbearer.token.endpoint.url",
            "topics",
            "tasks.max",
        ] {
            assert!(!is_secret(name), "{name} was hidden");
        }
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
