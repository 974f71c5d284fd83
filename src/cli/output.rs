//! Printing: results to stdout, everything else to stderr, colour where it is wanted; whatever stands in a text, the
//! terminal gets visible characters.

use std::fmt::Display;
use std::io::{ErrorKind, IsTerminal, Write};
use std::sync::OnceLock;

use clap::ValueEnum;
use serde::Serialize;

use crate::model::secrets::mask_text;
use crate::model::{is_deceptive, shown, visible_lines};

use super::exit::Exit;

/// Why a result could not be written to stdout, the first time that it was so.
static UNWRITTEN: OnceLock<String> = OnceLock::new();

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Colour {
    /// When the stream is a terminal and NO_COLOR is not set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Human,
    /// For programs.
    Json,
}

/// Where and how to print.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    colour_out: bool,
    colour_err: bool,
}

impl Output {
    /// Decides on colour by wish, terminal and `NO_COLOR`.
    pub fn new(wish: Colour) -> Self {
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let decide = |terminal: bool| match wish {
            Colour::Always => true,
            Colour::Never => false,
            Colour::Auto => terminal && !unwanted,
        };
        Self {
            colour_out: decide(std::io::stdout().is_terminal()),
            colour_err: decide(std::io::stderr().is_terminal()),
        }
    }

    /// Whether stdout gets colour.
    pub fn colour_out(&self) -> bool {
        self.colour_out
    }

    /// Whether stderr gets colour.
    pub fn colour_err(&self) -> bool {
        self.colour_err
    }

    /// How many columns a line on stdout may have.
    pub fn width(&self) -> usize {
        let columns = std::env::var("COLUMNS")
            .ok()
            .and_then(|text| text.parse().ok());
        columns.unwrap_or(120).clamp(60, 160)
    }

    /// A result, to stdout.
    pub fn text(&self, text: impl Display) {
        to_stdout(format!("{}\n", visible_lines(&text.to_string())).as_bytes());
    }

    /// A result that was painted where colours are wanted on stdout: those colours pass, and nothing else does.
    pub fn painted(&self, text: &str) {
        to_stdout(format!("{}\n", only_colours(text, self.colour_out)).as_bytes());
    }

    /// A result in JSON, to stdout.
    pub fn json<T: Serialize>(&self, value: &T) {
        self.json_bytes(&crate::journal::json_bytes(value));
    }

    /// JSON that is bytes already, to stdout; means the same, but no string in it can touch the terminal.
    pub fn json_bytes(&self, bytes: &[u8]) {
        to_stdout(harmless_json(&String::from_utf8_lossy(bytes)).as_bytes());
    }

    /// Scripts and pages that Squall makes of its own words, to stdout as they are.
    pub fn own_bytes(&self, bytes: &[u8]) {
        to_stdout(bytes);
    }

    /// A remark, to stderr.
    pub fn remark(&self, text: impl Display) {
        to_stderr(&format!("{}\n", visible_lines(&text.to_string())));
    }

    /// A remark that was painted where colours are wanted on stderr.
    pub fn painted_remark(&self, text: &str) {
        to_stderr(&format!("{}\n", only_colours(text, self.colour_err)));
    }

    /// An error, to stderr, its further lines indented, so that none of them looks like one of ours, and without what looks
    /// like a secret: it may repeat an argument, or a server's words. Returns the exit code that it leads to.
    pub fn failed(&self, exit: Exit, error: &dyn Display) -> Exit {
        let mark = if self.colour_err {
            "\u{1b}[31merror:\u{1b}[0m"
        } else {
            "error:"
        };
        let words = visible_lines(&mask_text(&error.to_string())).replace('\n', "\n  ");
        to_stderr(&format!("{mark} {words}\n"));
        exit
    }

    /// How the program ends: as it would, unless a result could not be written. A verdict that is told by the exit code is
    /// told all the same.
    pub fn ended(&self, exit: Exit) -> Exit {
        let Some(why) = UNWRITTEN.get() else {
            return exit;
        };
        let told = self.failed(Exit::Environment, &format!("cannot write to stdout: {why}"));
        match exit {
            Exit::Fine => told,
            other => other,
        }
    }
}

/// The first of many lines, and how many more there are.
pub fn first_lines(lines: &[String]) -> String {
    const MOST: usize = 20;
    let mut text = lines[..lines.len().min(MOST)].join("\n");
    if lines.len() > MOST {
        text.push_str(&format!("\nand {} more", lines.len() - MOST));
    }
    text
}

/// A reader that has gone away is no error: `squall list scenarios | head -1`.
fn to_stdout(bytes: &[u8]) {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            let _ = UNWRITTEN.set(error.to_string());
        }
        Ok(()) | Err(_) => {}
    }
}

/// Where an error cannot be told, nothing is left to tell it.
fn to_stderr(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// The text with the sequences that colour it, where `colour` wants them; everything else that is hidden is shown.
fn only_colours(text: &str, colour: bool) -> String {
    let mut pieces = text.split('\u{1b}');
    let mut out = visible_lines(pieces.next().unwrap_or(""));
    for piece in pieces {
        match colour_code(piece).filter(|_| colour) {
            Some((code, rest)) => {
                out.push('\u{1b}');
                out.push_str(code);
                out.push_str(&visible_lines(rest));
            }
            None => {
                out.push_str(&shown('\u{1b}'));
                out.push_str(&visible_lines(piece));
            }
        }
    }
    out
}

/// `[1;31m` at the beginning, and what is behind it.
fn colour_code(text: &str) -> Option<(&str, &str)> {
    let numbers = text.strip_prefix('[')?;
    let end = numbers.find(|c: char| !c.is_ascii_digit() && c != ';')?;
    numbers[end..]
        .starts_with('m')
        .then(|| text.split_at(end + 2))
}

/// In JSON such characters stand in strings only, where an escape means the same.
fn harmless_json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c != '\n' && is_deceptive(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_pass_where_they_are_wanted_and_nothing_else_does() {
        let text = "\u{1b}[1;31mred\u{1b}[0m \u{1b}]0;title\u{7} \u{1b}[2J \u{1b}[3";
        assert_eq!(
            only_colours(text, true),
            "\u{1b}[1;31mred\u{1b}[0m ⟨U+001B⟩]0;title⟨U+0007⟩ ⟨U+001B⟩[2J ⟨U+001B⟩[3"
        );
        assert!(!only_colours(text, false).contains('\u{1b}'));
    }

    #[test]
    fn json_means_the_same_and_touches_no_terminal() {
        let value = serde_json::json!({"a": "\u{1b}[31m \u{9b}2J \u{202e} \u{7f} \u{e0041} é"});
        let text = harmless_json(&serde_json::to_string_pretty(&value).unwrap());
        assert!(
            !text.chars().any(|c| c != '\n' && is_deceptive(c)),
            "{text}"
        );
        let back: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(back, value);
    }
}
