//! The house rules, checked on the source itself: floors, circles, heads, outside crates, printing, clocks and lengths.
#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

#[path = "tidy/imports.rs"]
mod imports;
#[path = "tidy/tokens.rs"]
mod tokens;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use imports::Imports;

/// The floors from top to bottom; a file may name its own floor and those before it.
const FLOORS: [&str; 13] = [
    "model", "stats", "scenario", "plan", "journal", "verify", "report", "kafka", "connect",
    "places", "runtime", "run", "cli",
];

/// Which floors may name which outside crate; a crate that is not here may be named anywhere.
const CRATES: [(&str, &[&str]); 28] = [
    ("rdkafka", &["kafka"]),
    ("reqwest", &["connect"]),
    ("rustls", &["connect"]),
    ("testcontainers", &["runtime"]),
    ("openssh", &["runtime"]),
    ("tokio", &["runtime"]),
    ("futures_util", &["runtime"]),
    ("serde_saphyr", &["scenario"]),
    ("miette", &["scenario"]),
    ("strsim", &["scenario"]),
    ("regex", &["scenario"]),
    ("rand", &["plan", "stats"]),
    ("rand_chacha", &["plan", "stats"]),
    ("statrs", &["stats"]),
    ("arrow_array", &["journal"]),
    ("arrow_buffer", &["journal"]),
    ("arrow_ipc", &["journal"]),
    ("arrow_schema", &["journal"]),
    ("roaring", &["verify"]),
    ("hdrhistogram", &["verify"]),
    ("askama", &["report"]),
    ("csv", &["report"]),
    ("quick_junit", &["report"]),
    ("rustix", &["runtime", "places", "journal"]),
    ("clap", &["cli"]),
    ("clap_complete", &["cli"]),
    ("clap_mangen", &["cli"]),
    ("indicatif", &["cli"]),
];

const LONGEST_FUNCTION: usize = 70;

struct Source {
    path: PathBuf,
    text: String,
}

impl Source {
    fn name(&self) -> String {
        self.path.display().to_string()
    }

    /// The floor that the file belongs to; `None` for `lib.rs` and `main.rs`.
    fn floor(&self) -> Option<String> {
        let mut parts = self
            .path
            .components()
            .map(|part| part.as_os_str().to_string_lossy().into_owned());
        parts.find(|part| part == "src")?;
        let first = parts.next()?;
        FLOORS.contains(&first.as_str()).then_some(first)
    }

    /// Lines of code before the tests, without comments.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().enumerate().map(|(n, line)| (n + 1, line));
        lines
            .take_while(|(_, line)| line.trim() != "#[cfg(test)]")
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
    }
}

fn rust_files(folder: &str) -> Vec<Source> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let path = path
                    .strip_prefix(env!("CARGO_MANIFEST_DIR"))
                    .unwrap()
                    .to_owned();
                found.push(Source { path, text });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn sources() -> Vec<Source> {
    let found = rust_files("src");
    assert!(found.len() > 20, "the sources were not found");
    found
}

fn assert_none(breaches: &[String]) {
    assert!(breaches.is_empty(), "\n{}", breaches.join("\n"));
}

#[test]
fn lib_lists_the_floors_in_their_order() {
    let lib = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    let listed: Vec<&str> = lib
        .lines()
        .filter_map(|line| {
            let floor = ["pub mod ", "pub(crate) mod "]
                .iter()
                .find_map(|start| line.strip_prefix(start))?;
            floor.strip_suffix(';')
        })
        .collect();
    assert_eq!(listed, FLOORS);
}

#[test]
fn no_floor_looks_down() {
    let rank: BTreeMap<&str, usize> = FLOORS
        .iter()
        .enumerate()
        .map(|(n, floor)| (*floor, n))
        .collect();
    let mut breaches = Vec::new();
    for source in sources() {
        let Some(own) = source.floor() else { continue };
        for (number, line) in source.code() {
            for named in line.split("crate::").skip(1) {
                let named: String = named
                    .chars()
                    .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
                    .collect();
                if rank
                    .get(named.as_str())
                    .is_some_and(|named| *named > rank[own.as_str()])
                {
                    breaches.push(format!(
                        "{}:{number}: {own} looks down at {named}",
                        source.name()
                    ));
                }
            }
        }
    }
    assert_none(&breaches);
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let sources: Vec<(String, String)> = sources()
        .into_iter()
        .map(|source| (source.name(), source.text))
        .collect();
    let sources = sources
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()));
    assert_none(&Imports::of(sources).circles());
}

#[test]
fn each_file_opens_with_one_sentence() {
    let mut breaches = Vec::new();
    for source in sources()
        .into_iter()
        .chain(rust_files("tests"))
        .chain(rust_files("benches"))
    {
        let first = source.text.lines().next().unwrap_or_default();
        if !first.starts_with("//! ")
            || !first.trim_end().ends_with(['.', '?', ':', ';', ','])
                && source
                    .text
                    .lines()
                    .nth(1)
                    .is_none_or(|l| !l.starts_with("//!"))
        {
            breaches.push(format!(
                "{}: does not open with a sentence that says what it is",
                source.name()
            ));
        }
    }
    assert_none(&breaches);
}

#[test]
fn outside_crates_stay_where_they_belong() {
    let mut breaches = Vec::new();
    for source in sources() {
        let Some(own) = source.floor() else { continue };
        for (number, line) in source.code() {
            for (name, allowed) in CRATES {
                let names_it = line.contains(&format!("{name}::"))
                    || line.trim_start().starts_with(&format!("use {name}"));
                let qualified =
                    line.contains(&format!("::{name}::")) || line.contains(&format!("_{name}::"));
                if names_it && !qualified && !allowed.contains(&own.as_str()) {
                    breaches.push(format!("{}:{number}: {own} names {name}", source.name()));
                }
            }
        }
    }
    assert_none(&breaches);
}

#[test]
fn only_the_command_line_prints() {
    let mut breaches = Vec::new();
    for source in sources() {
        if source.floor().as_deref() == Some("cli") {
            continue;
        }
        for (number, line) in source.code() {
            let prints = ["println!", "print!(", "eprintln!", "eprint!(", "dbg!("];
            if prints.iter().any(|word| line.contains(word)) {
                breaches.push(format!("{}:{number}: prints", source.name()));
            }
        }
    }
    assert_none(&breaches);
}

#[test]
fn only_one_file_reads_a_clock() {
    let mut breaches = Vec::new();
    for source in sources() {
        if source.path.ends_with("journal/clock.rs") {
            continue;
        }
        for (number, line) in source.code() {
            if [
                "Instant::",
                "SystemTime",
                "Timestamp::now",
                "Zoned::now",
                "std::time::Instant",
            ]
            .iter()
            .any(|word| line.contains(word))
            {
                breaches.push(format!("{}:{number}: reads a clock", source.name()));
            }
        }
    }
    assert_none(&breaches);
}

#[test]
fn no_function_is_longer_than_seventy_lines() {
    let mut breaches = Vec::new();
    for source in sources()
        .into_iter()
        .chain(rust_files("tests"))
        .chain(rust_files("benches"))
    {
        let mut open: Option<(usize, usize, String)> = None;
        for (number, line) in source.text.lines().enumerate() {
            let indent = line.len() - line.trim_start().len();
            let code = line.trim_start();
            let is_function = [
                "fn ",
                "pub fn ",
                "pub(crate) fn ",
                "pub(super) fn ",
                "const fn ",
                "pub const fn ",
            ]
            .iter()
            .any(|start| code.starts_with(start));
            if is_function && !code.ends_with(';') && open.is_none() {
                open = Some((number, indent, code.to_owned()));
            }
            if let Some((from, at, name)) = &open
                && code.starts_with('}')
                && indent == *at
            {
                let length = number - from + 1;
                if length > LONGEST_FUNCTION {
                    breaches.push(format!(
                        "{}:{}: {length} lines: {name}",
                        source.name(),
                        from + 1
                    ));
                }
                open = None;
            } else if open.as_ref().is_some_and(|(from, at, _)| {
                *from == number && *at == indent && code.ends_with('}')
            }) {
                open = None;
            }
        }
    }
    assert_none(&breaches);
}

#[test]
fn nothing_waits_for_a_fixed_time_outside_a_polling_loop() {
    let mut breaches = Vec::new();
    for source in sources() {
        let sleeps: Vec<usize> = source
            .code()
            .filter(|(_, line)| line.contains("sleep("))
            .map(|(n, _)| n)
            .collect();
        for number in sleeps {
            let before = source.text.lines().take(number).collect::<Vec<_>>();
            let looped = before.iter().rev().take(45).any(|line| {
                let code = line.trim_start();
                code.starts_with("loop") || code.starts_with("while ") || code.contains("= loop {")
            });
            if !looped {
                breaches.push(format!(
                    "{}:{number}: sleeps for a fixed time",
                    source.name()
                ));
            }
        }
    }
    assert_none(&breaches);
}
