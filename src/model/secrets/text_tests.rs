//! Secrets in settings and in free text, in the ways that people and programs write them.

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

/// Texts, and what is seen of them.
const ADDRESSES: [(&str, &str); 21] = [
    (
        "jdbc:oracle:thin:scott/tiger@//h:1521/x",
        "jdbc:oracle:thin:[hidden]@//h:1521/x",
    ),
    (
        "jdbc:oracle:oci:scott/\"ti@ger\"@h",
        "jdbc:oracle:oci:[hidden]@h",
    ),
    (
        "jdbc:oracle:thin:scott/ti/g@er@h:1:x",
        "jdbc:oracle:thin:[hidden]@h:1:x",
    ),
    (
        "jdbc:oracle:thin:@//h:1521/x",
        "jdbc:oracle:thin:@//h:1521/x",
    ),
    ("url=jdbc:oracle:thin:/@h", "url=jdbc:oracle:thin:/@h"),
    ("http://u:pa/ss@h:1/x", "http://[hidden]@h:1/x"),
    (
        "mongodb+srv://u:p?a#s/s@h1:1,h2:2/db",
        "mongodb+srv://[hidden]@h1:1,h2:2/db",
    ),
    ("http://10.0.0.1:8083/a@b", "http://10.0.0.1:8083/a@b"),
    (
        "http://connect.local:8083/a?b=c@d",
        "http://connect.local:8083/a?b=c@d",
    ),
    ("redis://:pw@h", "redis://[hidden]@h"),
    ("login ops:pw@h:1 failed", "login ops:[hidden]@h:1 failed"),
    (
        "jdbc:sqlserver://h;user=u;password={a;b};encrypt=true",
        "jdbc:sqlserver://h;user=u;password={[hidden]};encrypt=true",
    ),
    (
        "jdbc:sqlserver://h;user=u;password=ab;encrypt=true",
        "jdbc:sqlserver://h;user=u;password=[hidden];encrypt=true",
    ),
    (
        "https://a.blob.core/x?sv=1&sig=ab%3D&se=2",
        "https://a.blob.core/x?sv=1&sig=[hidden]&se=2",
    ),
    (
        "https://s3/x?X-Amz-Credential=a&X-Amz-Signature=b&c=d",
        "https://s3/x?X-Amz-Credential=[hidden]&X-Amz-Signature=[hidden]&c=d",
    ),
    (
        "https://f.azure/api?code=abc&x=1",
        "https://f.azure/api?code=[hidden]&x=1",
    ),
    ("https://maps/api?key=AbC", "https://maps/api?key=[hidden]"),
    (
        "https://hooks.slack.com/services/T/B/x.",
        "https://hooks.slack.com/[hidden].",
    ),
    (
        "(https://discord.com/api/webhooks/1/a-b)",
        "(https://discord.com/api/webhooks/[hidden])",
    ),
    (
        "https://x.webhook.office.com/webhookb2/a@b/c",
        "https://x.webhook.office.com/[hidden]",
    ),
    (
        "https://api.telegram.org/bot12:ab/sendMessage",
        "https://api.telegram.org/bot[hidden]",
    ),
];

#[test]
fn secrets_in_addresses_are_hidden() {
    for (text, masked) in ADDRESSES {
        check(text, masked);
    }
}

/// Texts, and what is seen of them.
const HEADERS: [(&str, &str); 13] = [
    (
        "Invalid value a for configuration db.password: too short",
        "Invalid value [hidden] for configuration db.password: too short",
    ),
    ("Cookie: a=b; session=x y\nnext", "Cookie: [hidden]\nnext"),
    ("Set-Cookie: a=b", "Set-Cookie: [hidden]"),
    ("X-Auth: Token abc", "X-Auth: Token [hidden]"),
    (
        "{\"X-Any\":\"Token abc\",\"a\":1}",
        "{\"X-Any\":\"Token [hidden]\",\"a\":1}",
    ),
    ("the Token abc is bad", "the Token abc is bad"),
    ("with Splunk 12345678-1234-aaaa", "with Splunk [hidden]"),
    ("X-Api-Key: a", "X-Api-Key: [hidden]"),
    ("curl -u ops:pw http://h", "curl -u [hidden] http://h"),
    (
        "tool --password pw --url x",
        "tool --password [hidden] --url x",
    ),
    (
        "{\"a.token\":12345678,\"b\":1}",
        "{\"a.token\":[hidden],\"b\":1}",
    ),
    (
        "{\"token.cache\":true,\"b\":1}",
        "{\"token.cache\":true,\"b\":1}",
    ),
    ("hmac.key=9f86d081884c7d65 x", "hmac.key=[hidden] x"),
];

#[test]
fn secrets_in_headers_and_commands_are_hidden() {
    for (text, masked) in HEADERS {
        check(text, masked);
    }
}

/// Texts, and what is seen of them.
const SHAPES: [(&str, &str); 8] = [
    (
        "a -----BEGIN EC PRIVATE KEY-----\nMHcCAQEE\n-----END EC PRIVATE KEY----- b",
        "a [hidden] b",
    ),
    (
        "a=-----BEGIN PRIVATE KEY-----\\nMHcCAQEE\\n-----END PRIVATE KEY-----\\n",
        "a=[hidden]\\n",
    ),
    (
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
    ),
    (
        "-----BEGIN PRIVATE KEY-----\nMHcCAQEE, and more",
        "[hidden], and more",
    ),
    (
        "got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln!",
        "got [hidden]!",
    ),
    ("ghp_0123456789abcdefghijABCDEFGHIJ012345", "[hidden]"),
    ("id AKIAIOSFODNN7EXAMPLE,", "id [hidden],"),
    (
        "sk-learn and npm_config_registry",
        "sk-learn and npm_config_registry",
    ),
];

#[test]
fn secrets_of_a_known_shape_are_hidden_under_any_name() {
    for (text, masked) in SHAPES {
        check(text, masked);
    }
}

#[test]
fn long_texts_without_blanks_take_time_by_their_length() {
    for piece in [
        "key:",
        "a:b@",
        "://",
        "\"token\":1,",
        "password=",
        "-----BEGIN PRIVATE KEY-----",
        "x-y: Token ",
    ] {
        let text = piece.repeat(100_000 / piece.len());
        assert!(mask_text(&text).len() <= 20 * text.len(), "{piece}");
    }
}

#[test]
fn texts_without_secrets_stay_as_they_are() {
    for text in [
        "",
        "Missing required configuration \"password\" which has no default value.",
        "Invalid value a for configuration tasks.max: no number",
        "write `password:` beside it, or set PASSWORD=…",
        "InvalidTokenException: the offset is too old",
        "cannot read /home/me/password: No such file, nor scenarios/token.yaml: No such file",
        "cannot read secret-rotation.yaml: No such file",
        "two.tokens.enabled: true, token.url=http://h/t, password.length=12",
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
