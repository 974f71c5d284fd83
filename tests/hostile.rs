//! The program with hostile and huge input: it ends soon, in little memory, says what is wrong, and nothing of the input does
//! anything to the terminal or to files elsewhere.
#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod common;

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use common::{outcome, squall};
use squall::journal::Deadline;

/// Far more than any of these inputs needs, and far less than they once took.
const MEMORY_KIB: u32 = 1_000_000;
/// For a busy machine and a program without optimisation.
const LIMIT: Duration = Duration::from_secs(60);
/// The most that is printed, whatever the input.
const MOST_PRINTED: usize = 6 << 20;
/// What would clear a screen, name a window, turn a line around or forge one.
const EVIL: &str = "\u{1b}[2J\u{1b}]0;x\u{7}\u{202e}\u{9b}31m\r\nHELD";

/// The same program with little memory.
fn limited(arguments: &[&str]) -> (i32, String, String) {
    let deadline = Deadline::after(LIMIT);
    let script = format!("ulimit -v {MEMORY_KIB}; exec \"$0\" \"$@\"");
    let output = Command::new("sh")
        .args(["-c", &script, env!("CARGO_BIN_EXE_squall")])
        .args(arguments)
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(
        !deadline.has_passed(),
        "{arguments:?} took longer than {LIMIT:?}"
    );
    outcome(&output)
}

/// A route that is right, for scenarios that are wrong elsewhere.
const ROUTE: &str = "route:\n  - feed: {topic: orders}\n  - connector: {name: mirror, config: {connector.class: MirrorSourceConnector}}\n  - tap: {topic: src.orders}\n";

fn scenario(rest: &str) -> String {
    format!("name: huge\n{ROUTE}{rest}")
}

/// A name, a text, and what must be said of it.
type Case = (&'static str, String, &'static str);

fn many(piece: &str, bytes: usize) -> String {
    piece.repeat(bytes / piece.len())
}

/// Well-formed scenarios with about a mebibyte of one thing.
fn huge_scenarios() -> Vec<Case> {
    let faults = "  - repeat: {rounds: 10000, every: 1s, do: [{kill: {target: any}}, {kill: {target: any}}]}\n";
    let unknown: String = (0..9_900).map(|n| format!("key-{n}: 1\n")).collect();
    let names: String = (0..100_000).map(|n| format!("${{{n}}}")).collect();
    let class = |class: &str| scenario("").replace("MirrorSourceConnector", class);
    let config = |value: &str| class(&format!("MirrorSourceConnector, x: \"{value}\""));
    let nothing = "stands for nothing here";
    vec![
        ("mistakes", unknown, "unknown key `key-0`"),
        (
            "the same key",
            many("a: 1\n", 90_000),
            "`a` stands here a second time",
        ),
        ("one name", config(&many("${x}", 1_000_000)), nothing),
        ("names", config(&names), nothing),
        (
            "unclosed names",
            config(&many("${", 1_000_000)),
            "without its `}`",
        ),
        (
            "long key",
            scenario(&format!("{}: 1\n", many("k", 1_000))),
            "unknown key",
        ),
        (
            "long value",
            scenario(&format!("stream: {{rate: {}}}\n", many("9", 900_000))),
            "rate",
        ),
        (
            "long class",
            class(&many("MirrorSourc", 900_000)),
            "nothing tells whether",
        ),
        (
            "planned faults",
            scenario(&format!("faults:\n{}", many(faults, 20_000))),
            "holds 20000 faults",
        ),
        (
            "steps",
            format!("name: s\nroute:\n{}", many("  - tap: {topic: a}\n", 60_000)),
            "`route` has 3000 items",
        ),
    ]
}

/// Texts that are hard on whoever reads YAML.
fn huge_texts() -> Vec<Case> {
    let aliases = format!(
        "a: &a {}\nb: [{}]\n",
        many("x", 500_000),
        many("*a, ", 50_000)
    );
    vec![
        (
            "one line",
            format!("{{\"name\": \"s\", {}\"wrong\": 1}}", many(" ", 900_000)),
            "`route` is missing",
        ),
        (
            "far right",
            format!("{{\"name\": \"s\",{} \"route\": 1}}", many("\t", 900_000)),
            "`route` cannot be `1`",
        ),
        ("aliases", aliases, "repeat more than 1 MiB"),
        ("anchors", many("&a [", 400_000), "recursion limit"),
        ("brackets", many("[", 1_000_000), "recursion limit"),
        ("braces", many("{a: ", 1_000_000), "recursion limit"),
        ("questions", many("? ", 1_000_000), "64 levels"),
        ("dashes", many("- ", 1_000_000), "64 levels"),
        ("comments", many("# x\n", 1_000_000), "empty"),
        ("documents", many("---\n", 1_000_000), "second document"),
        (
            "quotes",
            format!("a: \"{}", many("x\n\n", 1_000_000)),
            "not YAML",
        ),
        (
            "block",
            format!("a: |\n{}", many("  x\n", 1_000_000)),
            "unknown key `a`",
        ),
        (
            "directives",
            many("%TAG ! tag:x,2000:\n", 1_000_000),
            "not YAML",
        ),
        ("tags", many("!a ", 1_000_000), "not YAML"),
        ("colons", many("a:", 1_000_000), "not YAML"),
        ("tabs", many("\t", 1_000_000), "empty"),
        ("zeros", many("\0", 1_000_000), "not YAML"),
        ("too much", many("a", 3_000_000), "more than 1 MiB"),
    ]
}

#[test]
fn huge_scenarios_are_refused_soon_in_little_memory_and_in_few_words() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("scenario.yaml");
    let mut wrong = Vec::new();
    for (name, text, expected) in huge_scenarios().into_iter().chain(huge_texts()) {
        std::fs::write(&file, text).unwrap();
        let (code, stdout, stderr) = limited(&["validate", file.to_str().unwrap()]);
        let fine = code == 2 && stdout.is_empty() && stderr.contains(expected);
        if !fine || stderr.len() > MOST_PRINTED {
            let told: String = stderr.chars().take(2_000).collect();
            wrong.push(format!("{name}: {code}, {} bytes: {told}", stderr.len()));
        }
        let json = limited(&["validate", "--format", "json", file.to_str().unwrap()]);
        if json.0 != 2 || json.1.len() > MOST_PRINTED {
            wrong.push(format!(
                "{name}: {} as JSON, {} bytes",
                json.0,
                json.1.len()
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn of_ten_thousand_mistakes_a_hundred_are_shown_and_the_others_counted() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("scenario.yaml");
    let unknown: String = (0..9_979).map(|n| format!("key-{n}: 1\n")).collect();
    std::fs::write(&file, format!("{unknown}{}", scenario("name: x\n"))).unwrap();
    let (code, _, stderr) = limited(&["validate", file.to_str().unwrap()]);
    assert_eq!(code, 2);
    assert!(
        stderr.contains("\n… and 9880 more\n9980 mistakes in "),
        "{}",
        &stderr[stderr.len() - 300..]
    );
}

#[test]
fn files_without_end_are_read_to_a_limit_wherever_they_are_given() {
    let home = tempfile::tempdir().unwrap();
    for name in ["backup.json", "run.json"] {
        symlink("/dev/zero", home.path().join(name)).unwrap();
    }
    let folder = home.path().to_str().unwrap();
    let addresses = ["--rest", "http://127.0.0.1:1", "--bootstrap", "127.0.0.1:1"];
    for (arguments, expected) in [
        (&["validate", "/dev/zero"][..], "more than 1 MiB of text"),
        (&["plan", "/dev/zero"], "more than 1 MiB of text"),
        (&["run", "/dev/zero"], "more than 1 MiB of text"),
        (
            &["plan", "quickstart", "--attach", "/dev/zero"],
            "more than 1 MiB of text",
        ),
        (
            &[&["inspect", "--client-config", "/dev/zero"], &addresses[..]].concat(),
            "not KEY=VALUE",
        ),
        (
            &["restore", folder, "--rest", "http://127.0.0.1:1"],
            "line 1, column 1",
        ),
        (&["verify", folder], "a symbolic link"),
    ] {
        let (code, _, stderr) = limited(arguments);
        assert_eq!(code, 2, "{arguments:?}: {stderr}");
        assert!(
            stderr.contains(expected) && stderr.len() < 10_000,
            "{arguments:?}: {stderr}"
        );
    }
}

#[test]
fn the_largest_plan_is_printed_in_few_words() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("scenario.yaml");
    let repeat = "connect: {workers: 99}\nfaults:\n  - repeat: {rounds: 10000, every: 1m, do: [{kill: {target: follower}}]}\n";
    std::fs::write(&file, scenario(repeat)).unwrap();
    let inventory = home.path().join("inventory.yaml");
    let command = "x".repeat(500_000);
    std::fs::write(
        &inventory,
        format!("name: n\nbootstrap: 127.0.0.1:9092\nworkers:\n  - {{name: w1, rest: \"http://127.0.0.1:8083\", command: {{kill: {command}, start: s, status: t}}}}\n  - {{name: w2, rest: \"http://127.0.0.1:8084\", command: {{kill: k, start: s, status: t}}}}\n"),
    )
    .unwrap();
    let (file, inventory) = (file.to_str().unwrap(), inventory.to_str().unwrap());
    for format in ["human", "json"] {
        for attach in [&[][..], &["--attach", inventory]] {
            let arguments = [&["plan", file, "--format", format][..], attach].concat();
            let (code, stdout, stderr) = limited(&arguments);
            assert_eq!(code, 0, "{stderr}");
            assert!(stdout.contains("10000"), "{arguments:?}");
            assert!(
                stdout.len() < MOST_PRINTED,
                "{arguments:?}: {} bytes",
                stdout.len()
            );
        }
    }
}

/// Nothing hidden is in what was printed but, where asked for, colours.
fn assert_harmless(what: &str, text: &str, colours: bool) {
    let mut rest = text;
    while let Some(at) = rest.find('\u{1b}') {
        assert!(colours, "{what}: {text:?}");
        let code: String = rest[at + 1..]
            .chars()
            .take_while(|c| "[;0123456789".contains(*c))
            .collect();
        let end = rest[at + 1 + code.len()..].chars().next();
        assert_eq!(
            (end, code.starts_with('[')),
            (Some('m'), true),
            "{what}: {text:?}"
        );
        rest = &rest[at + 1..];
    }
    for evil in ['\u{7}', '\u{202e}', '\u{9b}', '\r'] {
        assert!(!text.contains(evil), "{what}: {text:?}");
    }
    assert!(
        !text.lines().any(|line| line.starts_with("HELD")),
        "{what}: {text}"
    );
}

/// Answers every request with this status and body.
fn server(status: u16, body: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 65_536]);
            let head = format!(
                "HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
                body.len()
            );
            let _ = stream.write_all(format!("{head}{body}").as_bytes());
        }
    });
    url
}

#[test]
fn nothing_that_others_wrote_reaches_the_terminal_as_it_is() {
    let home = tempfile::tempdir().unwrap();
    // Both JSON and YAML know this escape; as they are, YAML takes not all of these characters.
    let escaped = EVIL.chars().map(|c| format!("\\u{:04x}", u32::from(c)));
    let quoted = format!("\"{}\"", escaped.collect::<String>());
    let evil_name = home.path().join(format!("{}.yaml", EVIL.replace('/', "")));
    let evil_name = evil_name.to_str().unwrap();
    let put = |name: &str, text: String| {
        let path = home.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let question = put("question.yaml", scenario(&format!("question: {quoted}\n")));
    let key = put("key.yaml", scenario(&format!("{quoted}: 1\n")));
    let raw = put("raw.yaml", scenario(&format!("x: 'a {EVIL} b'\n")));
    std::fs::write(evil_name, scenario("wrong: 1\n")).unwrap();
    let body = serde_json::json!({"error_code": 500, "message": format!("no\n{EVIL}")}).to_string();
    let (refusing, odd) = (server(500, body), server(200, format!("<{EVIL}>")));
    let missing = format!("{evil_name}.none");
    for colour in ["never", "always"] {
        for arguments in [
            &["plan", &question][..],
            &["plan", &question, "--format", "json"],
            &["validate", &key],
            &["validate", &key, "--format", "json"],
            &["validate", &raw],
            &["plan", &raw],
            &["validate", evil_name],
            &["plan", evil_name],
            &["run", &missing],
            &["plan", &missing, "--attach", &missing],
            &["validate", &missing, "--format", "json"],
            &["list", EVIL],
            &["explain", &missing, EVIL],
            &["backup", "--rest", &refusing, &missing],
            &["backup", "--rest", &odd, &missing],
            &["inspect", "--rest", &refusing, "--bootstrap", "127.0.0.1:1"],
            &["restore", "--rest", &refusing, &missing],
        ] {
            let output = squall(arguments)
                .args(["--color", colour])
                .output()
                .unwrap();
            let (_, stdout, stderr) = outcome(&output);
            assert!(!(stdout + &stderr).is_empty());
            let (_, stdout, stderr) = outcome(&output);
            assert_harmless(&format!("{arguments:?}"), &stdout, colour == "always");
            assert_harmless(&format!("{arguments:?}"), &stderr, colour == "always");
        }
    }
}

/// A run that fails before anything is started, because there is no Java: its folder is whole all the same.
fn failed_run(home: &Path, more: &[&str]) -> (i32, String, PathBuf) {
    let reports = home.join("reports");
    let output = squall(&["run", "quickstart", "--reports", reports.to_str().unwrap()])
        .args(more)
        .env("PATH", home)
        .env_remove("JAVA_HOME")
        .env("SQUALL_STATE", home.join("state"))
        .output()
        .unwrap();
    let (code, _, stderr) = outcome(&output);
    let folder = std::fs::read_dir(&reports)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| {
            path.file_name()
                .unwrap()
                .to_string_lossy()
                .starts_with("quickstart-")
        });
    (code, stderr, folder.unwrap())
}

#[test]
fn a_report_is_never_written_through_a_link_in_the_folder() {
    let home = tempfile::tempdir().unwrap();
    let (code, stderr, folder) = failed_run(home.path(), &[]);
    assert_eq!(code, 4, "{stderr}");
    let again = || {
        outcome(
            &squall(&["report", folder.to_str().unwrap()])
                .output()
                .unwrap(),
        )
    };
    assert_eq!(again().0, 0);
    let names = [
        "result.json",
        "report.html",
        "junit.xml",
        "ledger.csv",
        "summary.md",
        "result.schema.json",
    ];
    for name in names {
        let mine = home.path().join(format!("mine-{name}"));
        std::fs::write(&mine, "precious").unwrap();
        let place = folder.join(name);
        std::fs::remove_file(&place).unwrap();
        symlink(&mine, &place).unwrap();
        symlink(&mine, folder.join(format!(".{name}.part"))).unwrap();
        let (code, _, stderr) = again();
        assert_eq!(code, 4, "{name}: {stderr}");
        assert!(
            stderr.contains(name) && stderr.contains("symbolic link"),
            "{stderr}"
        );
        assert_eq!(
            std::fs::read_to_string(&mine).unwrap(),
            "precious",
            "{name}"
        );
        std::fs::remove_file(&place).unwrap();
        assert_eq!(again().0, 0, "{name}");
    }
}

#[test]
fn what_stands_in_the_place_of_latest_changes_no_exit_code_and_stays() {
    let home = tempfile::tempdir().unwrap();
    let latest = home.path().join("reports/latest");
    std::fs::create_dir_all(latest.join("mine")).unwrap();
    let (code, stderr, folder) = failed_run(home.path(), &[]);
    assert_eq!(code, 4);
    assert!(
        stderr.contains("warning: cannot point") && stderr.contains("move it away"),
        "{stderr}"
    );
    assert!(latest.join("mine").is_dir() && folder.join("report.html").is_file());
}

#[test]
fn what_cannot_be_written_to_stdout_is_no_success_and_a_reader_that_leaves_is_no_failure() {
    let full = || File::options().write(true).open("/dev/full").unwrap();
    for arguments in [
        &["list", "scenarios"][..],
        &["plan", "quickstart"],
        &["schema"],
        &["man"],
        &["completions", "bash"],
        &["validate", "quickstart"],
        &["--help"],
        &["--version"],
    ] {
        let output = squall(arguments).stdout(full()).output().unwrap();
        let (code, _, stderr) = outcome(&output);
        assert_eq!(code, 4, "{arguments:?}: {stderr}");
        assert!(
            stderr.contains("cannot write to stdout: No space left on device"),
            "{stderr}"
        );
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = squall(arguments).stdout(writer).output().unwrap();
        let (code, _, stderr) = outcome(&output);
        assert_eq!((code, stderr.as_str()), (0, ""), "{arguments:?}");
    }
    // A verdict that the exit code tells stays what it is.
    let output = squall(&["validate", "--format", "json", "/none"])
        .stdout(full())
        .output()
        .unwrap();
    assert_eq!(outcome(&output).0, 2);
}
