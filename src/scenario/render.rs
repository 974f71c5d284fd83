//! Mistakes as a picture of the text with each place underlined.

use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteDiagnostic, MietteError,
    MietteSpanContents, Severity, SourceCode, SourceSpan, SpanContents, ThemeCharacters,
    ThemeStyles,
};

use crate::model::visible;

use super::mistake::{Mistake, Mistakes, Weight};

/// A longer help does not fit beside the underlined place.
const LONGEST_LABEL: usize = 48;
/// Of a longer line so many characters are shown before the place, and as many from it on.
const AROUND: usize = 100;

impl Mistakes {
    /// The mistakes as text for a terminal, each with the line that it is in; `colour` adds terminal colours. Nothing of the
    /// text itself reaches the terminal as anything but visible characters.
    pub fn render(&self, colour: bool) -> String {
        let theme = GraphicalTheme {
            characters: ThemeCharacters::unicode(),
            styles: if colour {
                ThemeStyles::ansi()
            } else {
                ThemeStyles::none()
            },
        };
        let handler = GraphicalReportHandler::new_themed(theme)
            .with_context_lines(1)
            .with_links(false)
            .with_width(100);
        let name = self.shown_name();
        let mut text = String::new();
        for mistake in self.all() {
            let shown = Shown::new(
                mistake,
                self.weight,
                Picture::of(mistake, &self.text, &name),
            );
            if handler.render_report(&mut text, &shown).is_err() {
                text.push_str(&mistake.message);
            }
            text.push('\n');
        }
        if self.more() > 0 {
            text.push_str(&format!("… and {} more\n", self.more()));
        }
        let noun = match self.weight {
            Weight::Mistake => "mistake",
            Weight::Warning => "warning",
        };
        let count = match self.all().len() + self.more() {
            1 => format!("1 {noun}"),
            count => format!("{count} {noun}s"),
        };
        text.push_str(&format!("{count} in {name}\n"));
        text
    }
}

/// The line of one mistake as miette should show it: a window of a long line, with nothing hidden in it, and none of the
/// lines around. (Beyond column 65,535 miette panics.)
#[derive(Debug)]
struct Picture {
    name: String,
    line: String,
    /// The place within `line`.
    place: SourceSpan,
    /// Line and column in the text, from 0.
    at: (usize, usize),
}

impl Picture {
    fn of(mistake: &Mistake, text: &str, name: &str) -> Self {
        let (head, tail) = text
            .split_at_checked(mistake.span.offset)
            .unwrap_or(("", ""));
        let (mut line, cut) = before(head);
        if cut {
            line.insert_str(0, "… ");
        }
        let from = line.len();
        let marked = tail.get(..mistake.span.length).unwrap_or("");
        let (shown, mut cut) = after(marked, AROUND);
        line.push_str(&shown);
        let place = SourceSpan::from((from, line.len() - from));
        if !cut {
            let rest = tail.get(marked.len()..).unwrap_or("");
            let (shown, more) = after(rest, AROUND.saturating_sub(marked.chars().count()));
            line.push_str(&shown);
            cut = more;
        }
        if cut {
            line.push_str(" …");
        }
        Self {
            name: name.to_owned(),
            line,
            place,
            at: (mistake.line - 1, mistake.column - 1),
        }
    }
}

/// The end of the text on one line, and whether the line begins before it.
fn before(head: &str) -> (String, bool) {
    let line = head.rsplit('\n').next().unwrap_or("");
    match line.char_indices().rev().nth(AROUND - 1) {
        Some((at, _)) if at > 0 => (harmless(&line[at..]), true),
        _ => (harmless(line), false),
    }
}

/// The beginning of the text up to the end of its line, and whether the line goes on behind it.
fn after(tail: &str, most: usize) -> (String, bool) {
    let mut line = String::new();
    for (n, c) in tail.chars().enumerate() {
        match c {
            '\n' | '\r' => break,
            _ if n == most => return (harmless(&line), true),
            c => line.push(c),
        }
    }
    (harmless(&line), false)
}

/// Tabs are widened by miette, here they only have to stay one character.
fn harmless(line: &str) -> String {
    visible(line, AROUND)
}

impl SourceCode for Picture {
    /// Asked for a place without lines around it, miette wants to know where it stands; else the line to show.
    fn read_span<'a>(
        &'a self,
        _: &SourceSpan,
        lines_before: usize,
        lines_after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let whole = SourceSpan::from((0, self.line.len()));
        let column = match (lines_before, lines_after) {
            (0, 0) => self.at.1,
            _ => 0,
        };
        Ok(Box::new(MietteSpanContents::new_named(
            self.name.clone(),
            self.line.as_bytes(),
            whole,
            self.at.0,
            column,
            1,
        )))
    }
}

/// A mistake together with the line that it is in, as miette wants it.
#[derive(Debug)]
struct Shown {
    diagnostic: MietteDiagnostic,
    picture: Picture,
}

impl Shown {
    fn new(mistake: &Mistake, weight: Weight, picture: Picture) -> Self {
        let beside = mistake.help.chars().count() <= LONGEST_LABEL;
        let label = beside.then(|| mistake.help.clone());
        let place = LabeledSpan::new(label, picture.place.offset(), picture.place.len());
        let mut diagnostic = MietteDiagnostic::new(&mistake.message).with_label(place);
        if weight == Weight::Warning {
            diagnostic = diagnostic.with_severity(Severity::Warning);
        }
        if !beside {
            diagnostic = diagnostic.with_help(&mistake.help);
        }
        Self {
            diagnostic,
            picture,
        }
    }
}

impl std::fmt::Display for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.diagnostic.fmt(f)
    }
}

impl std::error::Error for Shown {}

impl Diagnostic for Shown {
    fn help<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        self.diagnostic.help()
    }

    fn severity(&self) -> Option<Severity> {
        self.diagnostic.severity()
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.diagnostic.labels()
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.picture)
    }
}

#[cfg(test)]
mod tests {
    use super::super::mistake::{Collector, Span};

    fn rendered(text: &str, from: usize, to: usize, colour: bool) -> String {
        let mut collector = Collector::new(text);
        collector.report(Span::between(from, to), "wrong", "write it right");
        collector.finish("f.json").render(colour)
    }

    #[test]
    fn a_mistake_far_to_the_right_is_shown_in_a_window_of_its_line() {
        let text = format!("{}hereEE{}", "é".repeat(100_000), "z".repeat(100_000));
        let told = rendered(&text, 200_000, 200_006, false);
        assert!(told.contains("[f.json:1:100001]"), "{told}");
        assert!(
            told.contains("… é") && told.contains("éhereEEz") && told.contains("z …"),
            "{told}"
        );
        assert!(told.len() < 2_000, "{told}");
        let whole = rendered(&text, 0, text.len(), false);
        assert!(
            whole.contains("[f.json:1:1]") && whole.len() < 2_000,
            "{whole}"
        );
    }

    #[test]
    fn a_line_that_is_shown_hides_nothing_even_in_colour() {
        let told = rendered("a: \u{1b}]0;x\u{7}\u{202e}b\tc\r\n", 3, 12, true);
        assert!(!told.contains("\u{1b}]") && !told.contains('\u{202e}'));
        assert!(told.contains("⟨U+001B⟩]0;x⟨U+0007⟩⟨U+202E⟩b"), "{told}");
    }

    #[test]
    fn places_in_empty_texts_and_at_ends_are_shown() {
        for text in ["", "\n", "a", "a\r\n\r\n", "é\n"] {
            for at in 0..=text.len() {
                let told = rendered(text, at, at + 1, false);
                assert!(told.contains("wrong"), "{text:?} at {at}: {told}");
            }
        }
    }
}
