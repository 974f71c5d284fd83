//! Which settings hold a secret, told by their names, and by their values where a name leaves it open.

/// What stands where a secret stood; Kafka's own word for it (`Password.HIDDEN`).
pub const HIDDEN: &str = "[hidden]";

/// A word of a name that contains one of these speaks of a secret, whatever the value is.
const HARD: [&str; 6] = [
    "passw",
    "passphrase",
    "passcode",
    "kennwort",
    "secret",
    "passkey",
];
/// The same for whole words.
const HARD_WORDS: [&str; 5] = ["pass", "pwd", "psw", "pswd", "pw"];
/// A word that contains this speaks of a secret, unless the value is a switch or a small number.
const CREDENTIAL: &str = "credential";
/// The same for words that end like this: `accesstoken`, `dbpwd`.
const ENDINGS: [&str; 5] = ["token", "tokens", "pwd", "jwt", "hmac"];
/// The same for whole words.
const WORDS: [&str; 9] = [
    "cred",
    "creds",
    "cookie",
    "cookies",
    "sas",
    "sig",
    "signature",
    "authorization",
    "bearer",
];
/// The same for words that are the last of their name.
const LAST_WORDS: [&str; 4] = ["pat", "dsn", "salt", "otp"];
/// Words that end like a secret and are none.
const NO_SECRETS: [&str; 3] = ["bypass", "compass", "trespass"];

/// Letters of the shortest of [`PHRASES`].
const SHORTEST_PHRASE: usize = 6;
/// Two or more words beside each other, or written as one; `keys` counts as `key`.
const PHRASES: [&str; 45] = [
    "access key",
    "account key",
    "admin key",
    "aes key",
    "api key",
    "app key",
    "auth key",
    "basic auth",
    "cipher key",
    "client key",
    "confluent license",
    "connection string",
    "crypto key",
    "customer key",
    "cipher data key",
    "decryption key",
    "encryption key",
    "function key",
    "functions key",
    "gpg key",
    "host key",
    "ingest key",
    "integration key",
    "jaas config",
    "key material",
    "key pem",
    "keystore key",
    "license key",
    "master key",
    "pgp key",
    "private key",
    "root key",
    "rsa key",
    "server key",
    "service key",
    "session key",
    "shared access",
    "shared key",
    "signing key",
    "ssh key",
    "storage key",
    "subscription key",
    "user info",
    "wrapping key",
    "write key",
];

/// A name that ends like this says something about a secret, and is none: `token.endpoint.url`, `password.required`.
const ABOUT: [&str; 65] = [
    "age",
    "algorithm",
    "alias",
    "attempts",
    "audience",
    "bytes",
    "class",
    "column",
    "columns",
    "conf",
    "count",
    "dir",
    "directory",
    "disable",
    "disabled",
    "enable",
    "enabled",
    "endpoint",
    "expiration",
    "expires",
    "expiry",
    "field",
    "fields",
    "file",
    "format",
    "header",
    "hours",
    "interval",
    "issuer",
    "iterations",
    "jar",
    "java",
    "jks",
    "kind",
    "length",
    "lifetime",
    "location",
    "log",
    "max",
    "min",
    "minutes",
    "mode",
    "ms",
    "p12",
    "path",
    "pfx",
    "policy",
    "properties",
    "provider",
    "required",
    "retries",
    "retry",
    "scope",
    "sec",
    "seconds",
    "size",
    "source",
    "timeout",
    "ttl",
    "txt",
    "type",
    "uri",
    "url",
    "yaml",
    "yml",
];
/// What an address of a web hook is called: whoever knows it may call it.
const ADDRESSES: [&str; 8] = [
    "url", "urls", "uri", "endpoint", "address", "path", "webhook", "hook",
];

/// Whether a setting of this name holds a secret.
pub fn is_secret(name: &str) -> bool {
    let words = words(name);
    let Some(last) = words.last() else {
        return false;
    };
    let is_about = ABOUT.contains(&last.as_str());
    is_hook(&words) || (!is_about && (is_hard(&words) || is_soft(&words)))
}

/// Whether this value of a setting of this name is a secret: references to a secret that stands elsewhere (`${file:…}`)
/// are none, and switches and small numbers are none either unless the name speaks of a password. Under `*.key`, which
/// most often names a field, only what looks like a key is one.
pub fn holds_secret(name: &str, value: &str) -> bool {
    let value = value.trim();
    let is_none = value.eq_ignore_ascii_case("null") || value.bytes().all(|b| b"*~".contains(&b));
    if is_none || value == HIDDEN || is_reference(value) {
        return false;
    }
    if is_secret(name) {
        return is_hard(&words(name)) || !is_switch_or_small_number(value);
    }
    let ends_with_key = matches!(words(name).last(), Some(last) if last == "key" || last == "keys");
    ends_with_key && looks_random(value)
}

/// Whether prose (a comment) speaks of a secret, so that what it says may be one.
pub fn speaks_of_secrets(prose: &str) -> bool {
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let names = prose.split(|c| !is_name(c));
    names
        .map(|name| name.trim_matches(['.', '-', '_']))
        .any(is_secret)
}

/// Sixteen or more letters and digits of a key: `hmac.key: 9f86d081884c7d65`.
pub(super) fn looks_random(value: &str) -> bool {
    let is_key = |b: u8| b.is_ascii_alphanumeric() || b"+/=_-".contains(&b);
    value.len() >= 16
        && value.bytes().all(is_key)
        && value.bytes().any(|b| b.is_ascii_digit())
        && value.bytes().any(|b| b.is_ascii_alphabetic())
}

/// Whether the value as a whole is a reference that a worker or Squall resolves: `${file:/etc/db.properties:password}`.
pub(super) fn is_reference(value: &str) -> bool {
    let inside = value
        .strip_prefix("${")
        .and_then(|rest| rest.strip_suffix('}'));
    inside.is_some_and(|inside| inside.contains(':') && !inside.contains(['{', '}']))
}

pub(super) fn is_switch(value: &str) -> bool {
    let switches = ["true", "false", "yes", "no", "on", "off", "null", "none"];
    switches.iter().any(|word| value.eq_ignore_ascii_case(word))
}

fn is_switch_or_small_number(value: &str) -> bool {
    is_switch(value) || (value.len() <= 6 && value.parse::<f64>().is_ok())
}

fn is_hard(words: &[String]) -> bool {
    words.iter().any(|word| {
        let ends = word.ends_with("pass") && !NO_SECRETS.contains(&word.as_str());
        ends || HARD.iter().any(|part| word.contains(part)) || HARD_WORDS.contains(&word.as_str())
    })
}

fn is_soft(words: &[String]) -> bool {
    let by_word = words.iter().any(|word| {
        word.contains(CREDENTIAL)
            || ENDINGS.iter().any(|ending| word.ends_with(ending))
            || WORDS.contains(&word.as_str())
    });
    let last = words.last().map_or("", String::as_str);
    // No phrase is shorter, and most names in front of a separator are.
    let is_long = words.iter().map(String::len).sum::<usize>() >= SHORTEST_PHRASE;
    let by_phrase = || PHRASES.iter().any(|phrase| has_phrase(words, phrase));
    by_word || LAST_WORDS.contains(&last) || (is_long && by_phrase())
}

fn is_hook(words: &[String]) -> bool {
    let last = words.last().map_or("", String::as_str);
    words.iter().any(|word| word.starts_with("webhook")) && ADDRESSES.contains(&last)
        || words.windows(2).any(|pair| pair == ["web", "hook"])
}

/// Without allocation: it is asked of every name before every separator of a text.
fn has_phrase(words: &[String], phrase: &str) -> bool {
    let same = |word: &String, part: &str| word == part || (part == "key" && word == "keys");
    let beside = words.windows(phrase.split(' ').count()).any(|window| {
        window
            .iter()
            .zip(phrase.split(' '))
            .all(|(w, part)| same(w, part))
    });
    let ends_joined = |word: &String| {
        let mut parts = phrase.rsplit(' ');
        let rest = word.trim_end_matches('s');
        parts
            .try_fold(rest, |rest, part| rest.strip_suffix(part))
            .is_some()
    };
    beside || words.iter().any(ends_joined)
}

/// The words of a name in lower case: parted by anything that is no letter or digit, and where small letters go over to
/// capitals (`dbPassword`, `AWSAccessKeyId`).
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let letters: Vec<char> = name.chars().collect();
    for (at, letter) in letters.iter().enumerate() {
        if !letter.is_alphanumeric() {
            words.push(String::new());
            continue;
        }
        let before = at.checked_sub(1).and_then(|at| letters.get(at));
        let after = letters.get(at + 1);
        let is_small = |c: Option<&char>| c.is_some_and(|c| c.is_lowercase() || c.is_numeric());
        let is_capital = |c: Option<&char>| c.is_some_and(|c| c.is_uppercase());
        let begins = letter.is_uppercase()
            && (is_small(before)
                || (is_capital(before) && after.is_some_and(|c| c.is_lowercase())));
        if begins {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.extend(letter.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_phrase_is_shorter_than_the_shortest() {
        let letters = |phrase: &&str| phrase.chars().filter(|c| *c != ' ').count();
        assert_eq!(PHRASES.iter().map(letters).min(), Some(SHORTEST_PHRASE));
    }

    #[test]
    fn settings_that_hold_secrets_are_known_by_their_names() {
        for name in [
            "database.password",
            "producer.override.sasl.jaas.config",
            "ssl.keystore.key",
            "ssl.key.pem",
            "aws_secret_access_key",
            "AWSAccessKeyId",
            "apiKey",
            "apikey",
            "value.converter.basic.auth.user.info",
            "github.access-token",
            "accesstoken",
            "db.pwd",
            "dbPwd",
            "db.pass",
            "userpass",
            "hmac.key",
            "signing_key",
            "azblob.account.key",
            "azure.sas.token",
            "sharedAccessSignature",
            "gcs.credentials.json",
            "java.naming.security.credentials",
            "connect.cosmos.master.key",
            "sftp.passphrase",
            "cipher_data_keys",
            "s3.sse.customer.key",
            "slack.webhook.url",
            "web.hook",
            "X-Api-Key",
            "X-Functions-Key",
            "Ocp-Apim-Subscription-Key",
            "Cookie",
            "Proxy-Authorization",
            "snowflake.private.key",
            "confluent.license",
            "oauth.refresh_token",
            "sentry.dsn",
        ] {
            assert!(is_secret(name), "{name} was not hidden");
        }
    }

    #[test]
    fn settings_about_secrets_and_settings_about_record_keys_are_none() {
        for name in [
            "",
            "key.converter",
            "ssl.keystore.location",
            "ssl.truststore.type",
            "inter.worker.key.ttl.ms",
            "inter.worker.key.generation.algorithm",
            "sasl.oauthbearer.token.endpoint.url",
            "sasl.login.refresh.buffer.seconds",
            "basic.auth.credentials.source",
            "value.converter.basic.auth.credentials.source",
            "s3.credentials.provider.class",
            "token.cache.enabled",
            "gcs.credentials.path",
            "password.required",
            "message.key.columns",
            "includes.keys",
            "pk.mode",
            "proxy.bypass",
            "transforms.tokenize.type",
            "webhook.timeout.ms",
            "topics",
            "tasks.max",
        ] {
            assert!(!is_secret(name), "{name} was hidden");
        }
    }

    #[test]
    fn a_value_decides_where_a_name_leaves_it_open() {
        for (name, value) in [
            ("db.password", "a"),
            ("db.password", "1234"),
            ("api.token", "12345678"),
            ("partition.key", "9f86d081884c7d659a2f"),
        ] {
            assert!(holds_secret(name, value), "{name}: {value} was not hidden");
        }
        for (name, value) in [
            ("token.cache", "true"),
            ("token.window", "30"),
            ("db.password", ""),
            ("db.password", "${file:/etc/db.properties:password}"),
            ("partition.key", "customer_id"),
        ] {
            assert!(!holds_secret(name, value), "{name}: {value} was hidden");
        }
        assert!(holds_secret("db.password", "${file:/a:b}x"));
    }

    #[test]
    fn prose_that_names_a_secret_speaks_of_one() {
        for prose in ["# the old password was x", "# db.pwd", "- my_api_key, x"] {
            assert!(speaks_of_secrets(prose), "{prose}");
        }
        for prose in ["# three workers", "# keys and values are kept"] {
            assert!(!speaks_of_secrets(prose), "{prose}");
        }
    }
}
