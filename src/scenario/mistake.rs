//! What is wrong in a scenario text: all of it at once, each mistake with its place and what would be right.

use std::fmt;

use serde::Serialize;

use crate::model::secrets::mask_text;
use crate::model::visible;

use super::secret_places::{secrets_in, starred_text};

/// So many mistakes are told; who has more mends these first.
const MOST_TOLD: usize = 100;
/// The most characters of a message or a help, which quote what they are about.
const LONGEST_SENTENCE: usize = 1_000;
/// So many bytes of it are kept until secrets are hidden in it: a piece of one could not be found any more.
const MOST_KEPT: usize = 20_000;
/// The most bytes of the text that a mistake marks: a value can be as long as the text.
const LONGEST_MARK: usize = 1_000;
/// The most characters of a text's name.
const LONGEST_NAME: usize = 300;

/// A stretch of the text, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Span {
    /// Where it begins, in bytes from the start of the text.
    pub offset: usize,
    /// How long it is, in bytes.
    pub length: usize,
}

impl Span {
    /// The stretch between two byte offsets; empty when `to` is not behind `from`.
    pub const fn between(from: usize, to: usize) -> Self {
        Self {
            offset: from,
            length: to.saturating_sub(from),
        }
    }
}

/// One mistake of a scenario text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mistake {
    /// What is wrong, such as "unknown key `resart-after`".
    pub message: String,
    /// What would be right, such as "did you mean `restart-after`?".
    pub help: String,
    /// Where, within one line of the text.
    pub span: Span,
    /// Line of its beginning, from 1.
    pub line: usize,
    /// Column of its beginning in characters, from 1.
    pub column: usize,
}

/// What is told of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    /// It cannot be used as it is.
    Mistake,
    /// It may not do what it says.
    Warning,
}

/// The mistakes of one scenario text, in the order of the text; never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Mistakes {
    pub(super) weight: Weight,
    pub(super) source_name: String,
    pub(super) text: String,
    pub(super) mistakes: Vec<Mistake>,
    /// How many there are behind those.
    pub(super) more: usize,
}

impl Mistakes {
    /// The mistakes in the order of the text, the first hundred of them.
    pub fn all(&self) -> &[Mistake] {
        &self.mistakes
    }

    /// How many mistakes there are behind [`Mistakes::all`].
    pub fn more(&self) -> usize {
        self.more
    }

    /// The name of the text that they are in, as people read it: on one line, and not without end.
    pub(super) fn shown_name(&self) -> String {
        visible(&self.source_name, LONGEST_NAME)
    }

    /// The mistakes as a JSON object with `source`, `mistakes` (or `warnings`), and how many `more` there are.
    pub fn to_json(&self) -> serde_json::Value {
        let told = match self.weight {
            Weight::Mistake => "mistakes",
            Weight::Warning => "warnings",
        };
        serde_json::json!({
            "source": self.source_name,
            told: self.mistakes,
            "more": self.more,
        })
    }

    /// Each on a line of its own: where it is, what it is, and what would be right.
    pub fn lines(&self) -> Vec<String> {
        self.to_string().lines().map(str::to_owned).collect()
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mistake) in self.mistakes.iter().enumerate() {
            let line_end = if index == 0 { "" } else { "\n" };
            let Mistake {
                message,
                help,
                line,
                column,
                ..
            } = mistake;
            let name = self.shown_name();
            write!(f, "{line_end}{name}:{line}:{column}: {message}: {help}")?;
        }
        match self.more {
            0 => Ok(()),
            more => write!(f, "\nand {more} more"),
        }
    }
}

/// What was reported, before its line is known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Found {
    span: Span,
    message: String,
    help: String,
}

/// Gathers mistakes while a text is being read. Whatever the text, it keeps a bounded number of them and looks at the text
/// once, at the end.
#[derive(Debug)]
pub(super) struct Collector<'t> {
    text: &'t str,
    found: Vec<Found>,
    warned: Vec<Found>,
    more: usize,
    stopped: bool,
}

impl<'t> Collector<'t> {
    /// A collector without mistakes.
    pub(super) const fn new(text: &'t str) -> Self {
        Self {
            text,
            found: Vec::new(),
            warned: Vec::new(),
            more: 0,
            stopped: false,
        }
    }

    /// Whether nothing was reported yet.
    pub(super) const fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Whether a mistake was so large that reading on is no use.
    pub(super) const fn has_stopped(&self) -> bool {
        self.stopped
    }

    /// Notes a mistake; its span is cut to the first line and to the text.
    pub(super) fn report(
        &mut self,
        span: Span,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.found.push(Found {
            span,
            message: beginning(message.into()),
            help: beginning(help.into()),
        });
        if self.found.len() > 4 * MOST_TOLD {
            self.keep_the_first();
        }
    }

    /// Notes what may be a mistake, and keeps nobody from reading on.
    pub(super) fn warn(&mut self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        if self.warned.len() < MOST_TOLD {
            self.warned.push(Found {
                span,
                message: beginning(message.into()),
                help: beginning(help.into()),
            });
        }
    }

    /// Notes a mistake behind which reading on is no use.
    pub(super) fn stop(&mut self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.stopped = true;
        self.report(span, message, help);
    }

    fn keep_the_first(&mut self) {
        self.found.sort();
        self.found.dedup();
        self.more += self.found.len().saturating_sub(MOST_TOLD);
        self.found.truncate(MOST_TOLD);
    }

    fn within_a_line(&self, span: Span) -> Span {
        let from = floor_boundary(self.text, span.offset);
        let length = span.length.min(LONGEST_MARK);
        let to = floor_boundary(self.text, span.offset.saturating_add(length));
        let stretch = self.text.get(from..to.max(from)).unwrap_or("");
        let line = stretch.split(['\n', '\r']).next().unwrap_or("");
        Span {
            offset: from,
            length: line.trim_end().len(),
        }
    }

    /// What may be a mistake, the same way; nothing where there is none.
    pub(super) fn warnings(mut self, source_name: &str) -> Option<Mistakes> {
        self.found = std::mem::take(&mut self.warned);
        self.more = 0;
        let weight = Weight::Warning;
        (!self.found.is_empty()).then(|| Mistakes {
            weight,
            ..self.finish(source_name)
        })
    }

    /// What was reported, in the order of the text, each once; without the secrets of the text.
    pub(super) fn finish(mut self, source_name: &str) -> Mistakes {
        self.keep_the_first();
        let secrets = secrets_in(self.text);
        // A sentence is cut twice: what is looked through for secrets is far longer than what is shown.
        let hidden = |words: &str| {
            let words = &words[..floor_boundary(words, LONGEST_SENTENCE * 8)];
            visible(&mask_text(&secrets.hide(words)), LONGEST_SENTENCE)
        };
        let mut places = Places {
            text: self.text,
            offset: 0,
            line: 1,
            column: 1,
        };
        let mut mistakes: Vec<Mistake> = Vec::with_capacity(self.found.len());
        for found in &self.found {
            let span = self.within_a_line(found.span);
            let (line, column) = places.at(span.offset);
            mistakes.push(Mistake {
                message: hidden(&found.message),
                help: hidden(&found.help),
                span,
                line,
                column,
            });
        }
        mistakes.dedup();
        Mistakes {
            weight: Weight::Mistake,
            source_name: source_name.to_owned(),
            text: starred_text(self.text),
            mistakes,
            more: self.more,
        }
    }
}

/// Finds lines and columns of places that come in the order of the text, in one walk.
struct Places<'t> {
    text: &'t str,
    offset: usize,
    line: usize,
    column: usize,
}

impl Places<'_> {
    fn at(&mut self, offset: usize) -> (usize, usize) {
        let between = self.text.get(self.offset..offset).unwrap_or("");
        self.line += between.matches('\n').count();
        self.column = match between.rfind('\n') {
            Some(end) => between[end + 1..].chars().count() + 1,
            None => self.column + between.chars().count(),
        };
        self.offset = self.offset.max(offset);
        (self.line, self.column)
    }
}

/// At most [`MOST_KEPT`] bytes of it.
fn beginning(mut words: String) -> String {
    words.truncate(floor_boundary(&words, MOST_KEPT));
    words
}

fn floor_boundary(text: &str, offset: usize) -> usize {
    let mut at = offset.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_is_cut_to_its_first_line_and_to_the_text() {
        let mut collector = Collector::new("ä: 1\nb: 2\n");
        collector.report(Span::between(6, 400), "x", "y");
        collector.report(Span::between(1, 1), "inside a character", "y");
        let mistakes = collector.finish("f.yaml");
        let places: Vec<_> = mistakes
            .all()
            .iter()
            .map(|m| (m.span.offset, m.span.length, m.line, m.column))
            .collect();
        assert_eq!(places, [(0, 0, 1, 1), (6, 4, 2, 1)]);
    }

    #[test]
    fn of_many_mistakes_the_first_are_told_and_the_others_counted() {
        let text = "ab\n".repeat(10_000);
        let mut collector = Collector::new(&text);
        for n in (0..9_980).rev() {
            let name = "x".repeat(if n == 3 { 1 << 20 } else { 1 });
            collector.report(Span::between(3 * n, 3 * n + 2), name, "y");
        }
        let mistakes = collector.finish("f\u{1b}.yaml");
        assert_eq!((mistakes.all().len(), mistakes.more()), (100, 9_880));
        let lines: Vec<usize> = mistakes.all().iter().map(|m| m.line).collect();
        assert_eq!(lines, (1..=100).collect::<Vec<_>>());
        let told = mistakes.to_string();
        assert!(told.ends_with("\nand 9880 more"), "{told}");
        assert!(told.len() < 10_000 && !told.contains('\u{1b}'), "{told}");
        assert_eq!(mistakes.to_json()["more"], 9_880);
    }

    #[test]
    fn places_of_one_long_line_are_found_in_one_walk() {
        let text = "é".repeat(200_000);
        let mut collector = Collector::new(&text);
        for n in 0..50 {
            collector.report(Span::between(8_000 * n, 8_000 * n + 2), "x", "y");
        }
        let mistakes = collector.finish("f");
        let columns: Vec<usize> = mistakes.all().iter().map(|m| m.column).collect();
        assert_eq!(columns, (0..50).map(|n| 4_000 * n + 1).collect::<Vec<_>>());
    }
}
