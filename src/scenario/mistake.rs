//! What is wrong in a scenario text: all of it at once, each mistake with its place and what would be right.

use std::fmt;

use serde::Serialize;

use crate::model::secrets::mask_text;

use super::secret_places::{secrets_in, starred_text};

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

/// All mistakes of one scenario text, in the order of the text; never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Mistakes {
    pub(super) source_name: String,
    pub(super) text: String,
    pub(super) mistakes: Vec<Mistake>,
}

impl Mistakes {
    /// The mistakes in the order of the text.
    pub fn all(&self) -> &[Mistake] {
        &self.mistakes
    }

    /// The name of the text that they are in, as it was given to the parser.
    pub fn source_name(&self) -> &str {
        &self.source_name
    }

    /// The mistakes as a JSON object with `source` and `mistakes`.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({ "source": self.source_name, "mistakes": self.mistakes })
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
            write!(
                f,
                "{line_end}{}:{line}:{column}: {message}: {help}",
                self.source_name
            )?;
        }
        Ok(())
    }
}

/// Gathers mistakes while a text is being read.
#[derive(Debug)]
pub(super) struct Collector<'t> {
    text: &'t str,
    found: Vec<Mistake>,
}

impl<'t> Collector<'t> {
    /// A collector without mistakes.
    pub(super) const fn new(text: &'t str) -> Self {
        Self {
            text,
            found: Vec::new(),
        }
    }

    /// Whether nothing was reported yet.
    pub(super) const fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Notes a mistake; its span is cut to the first line and to the text.
    pub(super) fn report(
        &mut self,
        span: Span,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let span = self.within_a_line(span);
        let before = &self.text[..span.offset];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        self.found.push(Mistake {
            message: message.into(),
            help: help.into(),
            span,
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        });
    }

    fn within_a_line(&self, span: Span) -> Span {
        let from = floor_boundary(self.text, span.offset);
        let to = floor_boundary(self.text, span.offset.saturating_add(span.length));
        let stretch = self.text.get(from..to.max(from)).unwrap_or("");
        let line = stretch.split(['\n', '\r']).next().unwrap_or("");
        Span {
            offset: from,
            length: line.trim_end().len(),
        }
    }

    /// All that was reported, in the order of the text, each once; without the secrets of the text.
    pub(super) fn finish(mut self, source_name: &str) -> Mistakes {
        let secrets = secrets_in(self.text);
        for mistake in &mut self.found {
            mistake.message = mask_text(&secrets.hide(&mistake.message));
            mistake.help = mask_text(&secrets.hide(&mistake.help));
        }
        self.found
            .sort_by(|a, b| (a.span, &a.message).cmp(&(b.span, &b.message)));
        self.found.dedup();
        Mistakes {
            source_name: source_name.to_owned(),
            text: starred_text(self.text),
            mistakes: self.found,
        }
    }
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
}
