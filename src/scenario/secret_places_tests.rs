//! Secrets in every spelling at every place: gone from the masked text, which says the same otherwise.

use super::super::{Scenario, parse};
use super::*;

/// What must never be seen again; it is part of every secret below.
const SECRET: &str = "Gehe1m-und-lang";

/// How a value can be spelt: a name, and the text behind `key: ` where the lines of the setting are indented by `_`.
const SPELLINGS: [(&str, &str); 17] = [
    ("plain", "Gehe1m-und-lang"),
    (
        "plain with a comment behind it",
        "Gehe1m-und-lang # Gehe1m-und-lang",
    ),
    (
        "plain over two lines",
        "Gehe1m-und-lang\n_  second-half-of-it",
    ),
    ("single quotes", "'Gehe1m-und-lang'"),
    ("a quote in single quotes", "'Gehe1m-und-lang''s'"),
    ("double quotes", "\"Gehe1m-und-lang\""),
    ("escaped quotes", "\"a\\\"Gehe1m-und-lang\\\"b\""),
    ("escaped letters", "\"\\x47ehe1m-und-lang\""),
    (
        "double quotes over lines",
        "\"Gehe1m-und-lang\\\n_  and more\"",
    ),
    ("a block", "|\n_  Gehe1m-und-lang\n_  and more"),
    (
        "a block without its last line end",
        "|-\n_  Gehe1m-und-lang\n",
    ),
    (
        "a block with blank lines",
        "|+\n\n_  Gehe1m-und-lang\n\n_  more-of-it\n\n",
    ),
    (
        "a block with a comment",
        "| # Gehe1m-und-lang\n_  Gehe1m-und-lang",
    ),
    (
        "a folded block",
        ">-\n_  Gehe1m-und-lang\n_  Gehe1m-und-lang",
    ),
    (
        "an indented block",
        "|2\n_    Gehe1m-und-lang\n_  more-of-it",
    ),
    ("a tag", "!!str Gehe1m-und-lang"),
    ("an anchor", "&a Gehe1m-und-lang"),
];

/// Where it can stand: a name, and a scenario; `@` is the spelling for a setting with this indentation.
fn places() -> Vec<(&'static str, usize, String)> {
    let whole = |worker: &str, connector: &str, top: &str| {
        format!(
            "{top}name: masked\nquestion: Is it hidden?\nconnect:\n  workers: 2\n  config:\n    session.timeout.ms: 6000\n{worker}\
             route:\n  - feed: {{topic: orders}}\n  - connector:\n      name: archive\n      config:\n        connector.class: FileStreamSink\n        tasks.max: 1\n{connector}\
             \x20 - tap: {{file: archive.txt}}\n"
        )
    };
    vec![
        (
            "a worker's setting",
            4,
            whole("    ssl.key.password: @\n", "", ""),
        ),
        (
            "a connector's setting",
            8,
            whole("", "        db.pwd: @\n", ""),
        ),
        ("a quoted key", 8, whole("", "        \"db.pass\": @\n", "")),
        (
            "the first of three",
            8,
            whole("", "        hmac.key: @\n        a: b\n        c: d\n", ""),
        ),
        (
            "a second key with the same value",
            8,
            whole(
                "    sasl.password: Gehe1m-und-lang\n",
                "        note: @\n",
                "",
            ),
        ),
        (
            "below a comment",
            4,
            whole("    # Gehe1m-und-lang\n    db.password: @\n", "", ""),
        ),
        (
            "above a comment",
            4,
            whole(
                "    db.password: @\n    # was Gehe1m-und-lang\n    # until May\n",
                "",
                "",
            ),
        ),
        (
            "beside a commented-out setting",
            4,
            whole(
                "    my.token: @\n",
                "",
                "# ssl.key.password: |\n#   alt-Gehe1m-und-lang\n\n",
            ),
        ),
    ]
}

fn same_but_for_values(masked: &Scenario, scenario: &Scenario, why: &str) {
    let keys = |scenario: &Scenario| {
        let configs = scenario
            .route
            .connectors()
            .map(|connector| &connector.config);
        configs
            .chain([&scenario.connect.config])
            .map(|config| config.keys().cloned().collect::<Vec<_>>())
            .collect::<Vec<_>>()
    };
    assert_eq!(keys(masked), keys(scenario), "{why}");
    let plain = |scenario: &Scenario| {
        let mut plain = scenario.clone();
        let hide = |config: &mut BTreeMap<String, String>| {
            config.retain(|_, value| !value.contains(SECRET) && !value.contains(HIDDEN));
        };
        hide(&mut plain.connect.config);
        plain
            .route
            .legs
            .iter_mut()
            .for_each(|(connector, _)| hide(&mut connector.config));
        plain
    };
    assert_eq!(plain(masked), plain(scenario), "{why}");
}

fn check_spelling(text: &str, why: &str) {
    let why = format!("{why}:\n{text}");
    let scenario = parse("t.yaml", text).unwrap_or_else(|error| panic!("{why}{error}"));
    let masked = masked_text(text, &Known::default());
    let why = format!("{why}\nmasked:\n{masked}");
    assert!(
        !masked.contains(SECRET) && !masked.contains("ehe1m"),
        "{why}"
    );
    assert!(masked.contains(HIDDEN), "{why}");
    let again = parse("t.yaml", &masked).unwrap_or_else(|error| panic!("{why}{error}"));
    same_but_for_values(&again, &scenario, &why);
    let twice = masked_text(&masked, &Known::default());
    assert_eq!(twice, masked, "masking twice changes nothing");
}

#[test]
fn a_secret_is_hidden_in_every_spelling_at_every_place() {
    for (place, indent, text) in places() {
        for (spelling, value) in SPELLINGS {
            let value = value.replace('_', &" ".repeat(indent));
            let text = text.replace('@', &value);
            check_spelling(&text, &format!("{spelling}, {place}"));
            let text = text.replace('\n', "\r\n");
            check_spelling(
                &text,
                &format!("{spelling}, {place}, with carriage returns"),
            );
        }
    }
}

fn check(text: &str, masked: &str) {
    assert_eq!(masked_text(text, &Known::default()), masked);
}

#[test]
fn json_keeps_its_form() {
    check(
        r#"{"name": "a", "config": {"db.password": "x\"y", "token.cache.enabled": true, "pin.pass": 1234}}"#,
        r#"{"name": "a", "config": {"db.password": "[hidden]", "token.cache.enabled": true, "pin.pass": "[hidden]"}}"#,
    );
    check(
        "{\n  \"url\": \"http://u:pa/ss@h/\",\n  \"hook\": \"https://hooks.slack.com/services/T0/B0/x\"\n}\n",
        "{\n  \"url\": \"http://[hidden]@h/\",\n  \"hook\": \"https://hooks.slack.com/[hidden]\"\n}\n",
    );
}

#[test]
fn short_secrets_are_hidden_at_their_places_alone() {
    check(
        "name: banana\nconfig: {db.password: a, b.pwd: true, c.pass: 1}\n",
        "name: banana\nconfig: {db.password: \"[hidden]\", b.pwd: \"[hidden]\", c.pass: \"[hidden]\"}\n",
    );
    let untouched =
        "token.cache.enabled: true\ntoken.window: 30\ndb.password:\nx.secret: ~\nname: a # true\n";
    check(untouched, untouched);
    let reference = "db.password: ${file:/etc/db.properties:password}\n";
    check(reference, reference);
}

#[test]
fn what_an_alias_makes_a_secret_is_hidden_where_it_stands() {
    check(
        "shared: &p hunter\nconfig:\n  db.password: *p\nother: *p\n",
        "shared: &p \"[hidden]\"\nconfig:\n  db.password: *p\nother: *p\n",
    );
    check(
        "base: &b {user: me, pw: x}\ncredentials: *b\n",
        "base: &b {user: \"[hidden]\", pw: \"[hidden]\"}\ncredentials: *b\n",
    );
    check(
        "credentials:\n  - one\n  - {two: 2}\n",
        "credentials:\n  - \"[hidden]\"\n  - {two: \"[hidden]\"}\n",
    );
}

#[test]
fn private_keys_and_tokens_are_hidden_under_any_name() {
    let pem =
        "-----BEGIN RSA PRIVATE KEY-----\n  MIIEpAIBAAKCAQEA\n  -----END RSA PRIVATE KEY-----";
    check(
        &format!("blob: |\n  {pem}\nb: 1\n"),
        "blob: \"[hidden]\\n\"\nb: 1\n",
    );
    check(
        "x: {y: ghp_0123456789abcdefghijABCDEFGHIJ012345}\n",
        "x: {y: \"[hidden]\"}\n",
    );
}

#[test]
fn comments_that_have_nothing_to_do_with_secrets_stay() {
    check(
        "# three workers\nworkers: 3 # enough\n\ndb.pwd: hunter2 # old\n\n# see hunter2 and http://u:x@h/\n\n# more\n",
        "# three workers\nworkers: 3 # enough\n\ndb.pwd: \"[hidden]\" # [hidden]\n\n# see [hidden] and http://[hidden]@h/\n\n# more\n",
    );
}

#[test]
fn bundled_scenarios_have_no_secrets() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios");
    let files = std::fs::read_dir(folder).unwrap();
    let files = files.map(|entry| entry.unwrap().path());
    let yaml = files.filter(|path| path.extension().is_some_and(|end| end == "yaml"));
    let files: Vec<_> = yaml.collect();
    assert!(files.len() > 10);
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        check(&text, &text);
        assert_eq!(starred_text(&text), text);
    }
}

#[test]
fn text_that_is_no_yaml_is_masked_as_far_as_it_goes() {
    let masked = masked_text(
        "db.pwd: hunter2\nb: [\nc: hunter2\ndb.token: xyz7\n",
        &Known::default(),
    );
    assert!(
        !masked.contains("hunter2") && !masked.contains("xyz7"),
        "{masked}"
    );
}

#[test]
fn a_mistake_is_shown_without_the_secrets_around_it() {
    for text in [
        "name: m\nconnect:\n  config: {ssl.key.password: 'Gehe1m-und-lang', ssl.key.password: Gehe1m-und-lang}\n",
        "name: m\nconnect: {config: {db.password: [Gehe1m-und-lang]}}\n",
        "name: m\nroute:\n  - feed: {topic: t}\n  - connector: {name: c, config: {connector.class: FileStreamSink, db.pwd: \"${Gehe1m-und-lang}\"}}\n  - tap: {file: x}\n",
        "name: m\nnam: {a.token: Gehe1m-und-lang # Gehe1m-und-lang\n  }\n",
        "name: m\nbad: [db.password: Gehe1m-und-lang\n",
    ] {
        let mistakes = parse("t.yaml", text).unwrap_err();
        for shown in [
            mistakes.render(false),
            mistakes.to_string(),
            mistakes.to_json().to_string(),
        ] {
            assert!(!shown.contains("Gehe1m"), "{shown}");
        }
    }
    let text = "ä: 1\ndb.pwd: größer-als # x\n";
    assert_eq!(starred_text(text).len(), text.len());
}

proptest::proptest! {
    #[test]
    fn masking_never_panics_and_starring_keeps_every_place(text in "(db.pwd: |[&*]a |\\||>|-|\n|  |#|'|\"|[{}\\[\\],:]|ä|hunter22|://u:p@){0,40}") {
        let _ = masked_text(&text, &Known::default());
        let starred = starred_text(&text);
        proptest::prop_assert_eq!(starred.len(), text.len());
        proptest::prop_assert_eq!(starred.matches('\n').count(), text.matches('\n').count());
    }
}

#[test]
fn what_is_shown_beside_a_mistake_has_a_known_secret_nowhere() {
    let text = "# hunter2-and-more\nx: {a.password: hunter2-and-more, my.note: 'hunter2-and-more', my.other: open}\n";
    let starred = starred_text(text);
    assert_eq!(starred.len(), text.len());
    assert!(!starred.contains("hunter2"), "{starred}");
    assert!(starred.contains("my.note: ") && starred.contains("my.other: open"));
}
