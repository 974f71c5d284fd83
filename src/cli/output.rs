//! Printing: results to stdout, everything else to stderr, colour where it is wanted.

use std::fmt::Display;
use std::io::{IsTerminal, Write};

use clap::ValueEnum;
use serde::Serialize;

use crate::model::secrets::mask_text;

use super::exit::Exit;

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

    /// A result, to stdout. A reader that has gone away is no error.
    pub fn text(&self, text: impl Display) {
        self.bytes(format!("{text}\n").as_bytes());
    }

    /// A result in JSON, to stdout.
    pub fn json<T: Serialize>(&self, value: &T) {
        self.bytes(&crate::journal::json_bytes(value));
    }

    /// Bytes, to stdout.
    pub fn bytes(&self, bytes: &[u8]) {
        let mut stdout = std::io::stdout().lock();
        let _ = stdout.write_all(bytes).and_then(|()| stdout.flush());
    }

    /// A remark, to stderr.
    pub fn remark(&self, text: impl Display) {
        let _ = writeln!(std::io::stderr().lock(), "{text}");
    }

    /// An error, to stderr, without what looks like a secret: it may repeat an argument, or a server's words. Returns the
    /// exit code it leads to.
    pub fn failed(&self, exit: Exit, error: &dyn Display) -> Exit {
        let mark = if self.colour_err {
            "\u{1b}[31merror:\u{1b}[0m"
        } else {
            "error:"
        };
        self.remark(format!("{mark} {}", mask_text(&error.to_string())));
        exit
    }
}
