//! Every command line and exit code in README and `docs/` is one that the program has.

use std::collections::BTreeSet;
use std::path::Path;

use clap::{CommandFactory, Parser};

use super::args::Arguments;

fn pages() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let docs = std::fs::read_dir(root.join("docs")).unwrap();
    let docs = docs.map(|entry| entry.unwrap().path());
    let files = docs.chain([
        root.join("README.md"),
        root.join("scenarios/inventories/compose.yaml"),
    ]);
    files
        .map(|path| {
            (
                path.display().to_string(),
                std::fs::read_to_string(&path).unwrap(),
            )
        })
        .collect()
}

/// What a text calls squall with: in a line of a block or in `code`, from the program's name to the end of the command.
fn calls(text: &str) -> Vec<String> {
    let in_blocks = text.lines().filter(|line| !line.contains('`'));
    let in_code = text
        .lines()
        .filter(|line| !line.starts_with("```"))
        .flat_map(|line| line.split('`').skip(1).step_by(2));
    in_blocks.chain(in_code).filter_map(call).collect()
}

fn call(line: &str) -> Option<String> {
    let at = ["target/release/squall ", "squall "]
        .into_iter()
        .find_map(|name| line.find(name).map(|at| (at, at + name.len())));
    let (at, behind) = at?;
    let before = line[..at].trim_end();
    let begins = before.is_empty() || before.ends_with(['&', '|', ';', '\'', '-', '#', '(']);
    let arguments = line[behind..]
        .split([';', '|', '&', '>', '#', '\'', ')'])
        .next()?;
    let command = arguments.starts_with(|c: char| c.is_ascii_lowercase() || c == '-');
    (begins && command).then(|| arguments.trim().to_owned())
}

#[test]
fn every_command_line_that_the_docs_show_is_accepted() {
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for (page, text) in pages() {
        for call in calls(&text) {
            // `[…]` is what may be left out, and is tried as if it were given.
            let words = call.replace(['[', ']'], "");
            let words: Vec<&str> = words
                .split_whitespace()
                .map(|word| word.trim_matches('"'))
                .collect();
            seen += 1;
            // A command that is spoken of by its name alone.
            if let [name] = words.as_slice()
                && Arguments::command().find_subcommand(name).is_some()
            {
                continue;
            }
            if let Err(error) = Arguments::try_parse_from(["squall"].into_iter().chain(words))
                && error.use_stderr()
            {
                wrong.push(format!("{page}: squall {call}\n{error}"));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(seen >= 20, "only {seen} command lines were found");
}

#[test]
fn a_command_line_is_found_wherever_it_is_written() {
    for (line, found) in [
        (
            "target/release/squall run a.yaml --seed 1  # so",
            Some("run a.yaml --seed 1"),
        ),
        ("    - target/release/squall run x", Some("run x")),
        ("make needs && squall doctor", Some("doctor")),
        ("squall restore DIR", Some("restore DIR")),
        ("for squall itself is killed", None),
        ("squall/kafka", None),
    ] {
        assert_eq!(call(line).as_deref(), found, "{line}");
    }
}

#[test]
fn the_readme_and_the_help_list_every_exit_code() {
    let numbers = |text: &str| -> Vec<u8> {
        let words = text.split(|c: char| !c.is_ascii_digit());
        words.filter_map(|word| word.parse().ok()).collect()
    };
    let arms = include_str!("exit.rs").lines();
    let all: BTreeSet<u8> = arms
        .filter(|line| line.trim_start().starts_with("Self::"))
        .filter_map(|line| line.split_once("=> ")?.1.strip_suffix(',')?.parse().ok())
        .collect();
    assert!(all.len() >= 8, "{all:?}");
    let readme = include_str!("../../README.md");
    let (_, table) = readme.split_once("\n| exit code | means |").unwrap();
    let rows = table.split("\n\n").next().unwrap().lines();
    let listed: BTreeSet<u8> = rows
        .filter_map(|row| row.strip_prefix("| ")?.split(" |").next())
        .flat_map(numbers)
        .collect();
    assert_eq!(listed, all);
    let help = Arguments::command().get_after_help().unwrap().to_string();
    for code in all {
        assert!(numbers(&help).contains(&code), "{code} is not in: {help}");
    }
}
