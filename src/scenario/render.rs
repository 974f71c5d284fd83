//! Mistakes as a picture of the text with each place underlined.

use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteDiagnostic, MietteError,
    NamedSource, SourceCode, SourceSpan, SpanContents, ThemeCharacters, ThemeStyles,
};

use super::mistake::{Mistake, Mistakes};

/// A longer help does not fit beside the underlined place.
const LONGEST_LABEL: usize = 48;

impl Mistakes {
    /// All mistakes as text for a terminal, each with the line that it is in; `colour` adds terminal colours.
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
        let source = WholeLines {
            text: &self.text,
            named: NamedSource::new(&self.source_name, self.text.clone()),
        };
        let mut text = String::new();
        for mistake in self.all() {
            let shown = Shown::new(mistake, &source);
            if handler.render_report(&mut text, &shown).is_err() {
                text.push_str(&mistake.message);
            }
            text.push('\n');
        }
        let count = match self.all().len() {
            1 => "1 mistake".to_owned(),
            count => format!("{count} mistakes"),
        };
        text.push_str(&format!("{count} in {}\n", self.source_name));
        text
    }
}

/// The text as miette should show it: the line of a mistake and none around it.
#[derive(Debug)]
struct WholeLines<'t> {
    text: &'t str,
    named: NamedSource<String>,
}

impl SourceCode for WholeLines<'_> {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        lines_before: usize,
        lines_after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        if lines_before == 0 && lines_after == 0 {
            return self.named.read_span(span, 0, 0);
        }
        let (from, to) = (span.offset(), span.offset() + span.len());
        let head = self.text.get(..from).unwrap_or("");
        let tail = self.text.get(to..).unwrap_or("");
        let line_start = head.rfind('\n').map_or(0, |at| at + 1);
        let line_end = to + tail.find(['\n', '\r']).unwrap_or(tail.len());
        let line = SourceSpan::from((line_start, line_end - line_start));
        self.named.read_span(&line, 0, 0)
    }
}

/// A mistake together with the text that it is in, as miette wants it.
#[derive(Debug)]
struct Shown<'s> {
    diagnostic: MietteDiagnostic,
    source: &'s WholeLines<'s>,
}

impl<'s> Shown<'s> {
    fn new(mistake: &Mistake, source: &'s WholeLines<'s>) -> Self {
        let beside = mistake.help.chars().count() <= LONGEST_LABEL;
        let label = beside.then(|| mistake.help.clone());
        let span = (mistake.span.offset, mistake.span.length);
        let mut diagnostic = MietteDiagnostic::new(&mistake.message)
            .with_label(LabeledSpan::new(label, span.0, span.1));
        if !beside {
            diagnostic = diagnostic.with_help(&mistake.help);
        }
        Self { diagnostic, source }
    }
}

impl std::fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.diagnostic.fmt(f)
    }
}

impl std::error::Error for Shown<'_> {}

impl Diagnostic for Shown<'_> {
    fn help<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        self.diagnostic.help()
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.diagnostic.labels()
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(self.source)
    }
}
