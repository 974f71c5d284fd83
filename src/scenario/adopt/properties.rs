//! A Java properties file to a tree in which every key and value knows its place, read as `java.util.Properties` reads it.

use std::iter::Peekable;
use std::str::CharIndices;

use super::super::mistake::{Collector, Span};
use super::super::tree::{Entry, Node};
use super::nodes;

const MOST_BYTES: usize = 1 << 20;
/// No worker and no connector comes near it.
pub(super) const MOST_SETTINGS: usize = 2_000;

/// A character of a logical line; one that was escaped separates nothing.
#[derive(Debug, Clone, Copy)]
struct Letter {
    at: usize,
    end: usize,
    letter: char,
    escaped: bool,
}

impl Letter {
    const fn is_blank(self) -> bool {
        !self.escaped && matches!(self.letter, ' ' | '\t' | '\u{c}')
    }

    const fn is_sign(self) -> bool {
        !self.escaped && matches!(self.letter, '=' | ':')
    }
}

/// All settings in the order of the text; of those that are set twice the last, as Java takes it.
pub(super) fn read(text: &str, mistakes: &mut Collector<'_>) -> Node {
    let mut entries: Vec<Entry> = Vec::new();
    if text.len() > MOST_BYTES {
        let help = "a properties file is a page or two; is this the right file?";
        mistakes.report(Span::between(0, 0), "more than 1 MiB of text", help);
    } else {
        let mut letters = text.char_indices().peekable();
        let mut lines = 0;
        while letters.peek().is_some() {
            let line = logical_line(text, &mut letters, mistakes);
            let Some(first) = line.first() else { continue };
            lines += 1;
            if lines > MOST_SETTINGS {
                let message = format!("more than {MOST_SETTINGS} settings");
                let help = "is this the right file?";
                mistakes.report(Span::between(first.at, first.end), message, help);
                break;
            }
            entries.extend(entry(&line, mistakes));
        }
    }
    nodes::map(
        Span::between(0, text.len()),
        last_of_each(entries, mistakes),
    )
}

/// A line with those that it is continued on; empty for a comment.
fn logical_line(
    text: &str,
    letters: &mut Peekable<CharIndices<'_>>,
    mistakes: &mut Collector<'_>,
) -> Vec<Letter> {
    let mut line = Vec::new();
    skip_blanks(letters);
    if letters.next_if(|(_, c)| matches!(c, '#' | '!')).is_some() {
        letters.by_ref().find(|(_, c)| matches!(c, '\n' | '\r'));
        return line;
    }
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\n' | '\r' => break,
            '\\' => line.extend(escape(text, at, letters, mistakes)),
            _ => line.push(Letter {
                at,
                end: at + letter.len_utf8(),
                letter,
                escaped: false,
            }),
        }
    }
    line
}

fn skip_blanks(letters: &mut Peekable<CharIndices<'_>>) {
    while letters
        .next_if(|(_, c)| matches!(c, ' ' | '\t' | '\u{c}'))
        .is_some()
    {}
}

/// What stands behind a backslash: the next line, a character by its number, or a character as it is.
fn escape(
    text: &str,
    at: usize,
    letters: &mut Peekable<CharIndices<'_>>,
    mistakes: &mut Collector<'_>,
) -> Option<Letter> {
    let (behind, letter) = letters.next()?;
    let plain = |letter: char, end: usize| Letter {
        at,
        end,
        letter,
        escaped: true,
    };
    match letter {
        '\n' | '\r' => {
            if letter == '\r' {
                letters.next_if(|(_, c)| *c == '\n');
            }
            skip_blanks(letters);
            None
        }
        'u' => {
            let (letter, length) = unicode(&text[at..]).or_else(|| {
                let help = "write `\\u` and four hexadecimal digits, or `\\\\` for a backslash";
                mistakes.report(
                    Span::between(at, at + 6),
                    "an escape that Java refuses",
                    help,
                );
                None
            })?;
            let end = at + length;
            while letters.next_if(|(at, _)| *at < end).is_some() {}
            Some(plain(letter, end))
        }
        't' => Some(plain('\t', behind + 1)),
        'n' => Some(plain('\n', behind + 1)),
        'r' => Some(plain('\r', behind + 1)),
        'f' => Some(plain('\u{c}', behind + 1)),
        _ => Some(plain(letter, behind + letter.len_utf8())),
    }
}

/// The character of `\uXXXX`, or of two of them that are one character together, and how many bytes they take.
fn unicode(text: &str) -> Option<(char, usize)> {
    let unit = |text: &str| -> Option<u16> {
        let digits = text.strip_prefix("\\u")?.get(..4)?;
        u16::from_str_radix(digits, 16).ok()
    };
    let first = unit(text)?;
    if let Some(letter) = char::from_u32(u32::from(first)) {
        return Some((letter, 6));
    }
    let second = unit(text.get(6..)?)?;
    let letter = char::decode_utf16([first, second]).next()?.ok()?;
    Some((letter, 12))
}

fn entry(line: &[Letter], mistakes: &mut Collector<'_>) -> Option<Entry> {
    let first = line.first()?;
    let ends = line.iter().position(|l| l.is_blank() || l.is_sign());
    let (key, rest) = line.split_at(ends.unwrap_or(line.len()));
    let text = |letters: &[Letter]| letters.iter().map(|l| l.letter).collect::<String>();
    let span = |letters: &[Letter], otherwise: usize| match (letters.first(), letters.last()) {
        (Some(first), Some(last)) => Span::between(first.at, last.end),
        _ => Span::between(otherwise, otherwise),
    };
    if key.is_empty() {
        let place = Span::between(first.at, first.end);
        mistakes.report(place, "no name before the sign", "write `name=value`");
        return None;
    }
    let Some(separator) = rest.first() else {
        let help = "write `name=value`; Java would take this for an empty value";
        mistakes.report(span(key, 0), "a name without a value", help);
        return None;
    };
    let blanks = rest.iter().take_while(|l| l.is_blank()).count();
    let sign = usize::from(rest.get(blanks).is_some_and(|l| l.is_sign()));
    let value = &rest[blanks + sign..];
    let more = value.iter().take_while(|l| l.is_blank()).count();
    let value = &value[more..];
    Some(Entry {
        key: text(key),
        key_span: span(key, 0),
        value: nodes::text(span(value, separator.at), text(value)),
    })
}

/// Of settings that stand twice with two values it cannot be told which is meant; with one value they are one.
fn last_of_each(entries: Vec<Entry>, mistakes: &mut Collector<'_>) -> Vec<Entry> {
    let mut kept: Vec<Entry> = Vec::new();
    let mut places = std::collections::HashMap::new();
    for entry in entries {
        match places.get(&entry.key) {
            None => {
                places.insert(entry.key.clone(), kept.len());
                kept.push(entry);
            }
            Some(&before) => {
                let earlier: &mut Entry = &mut kept[before];
                if earlier.value.text() != entry.value.text() {
                    let message = format!("`{}` is set a second time", entry.key);
                    let help = "Java would take the last: keep the one that is meant";
                    mistakes.report(entry.key_span, message, help);
                }
                *earlier = entry;
            }
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(&str, &str)]) {
        let mut mistakes = Collector::new(text);
        let node = read(text, &mut mistakes);
        let found: Vec<(&str, &str)> = node
            .entries()
            .iter()
            .map(|entry| (entry.key.as_str(), entry.value.text().unwrap()))
            .collect();
        assert_eq!(found, expected, "{text}");
        assert!(mistakes.is_empty(), "{}", mistakes.finish("p"));
    }

    #[test]
    fn settings_are_read_as_java_reads_them() {
        check(
            "# a\n! b\n\n  a = 1 \r\nb:2\nc 3\n",
            &[("a", "1 "), ("b", "2"), ("c", "3")],
        );
        check("a=", &[("a", "")]);
        check("url=http://h:1/x=y", &[("url", "http://h:1/x=y")]);
        check("a\\ b\\=c=d\\\\e", &[("a b=c", "d\\e")]);
        check("list=a,\\\n     b,\\\r\n\tc", &[("list", "a,b,c")]);
        check("a=\\u00e9\\t\\ud83d\\ude00\\:", &[("a", "é\t\u{1f600}:")]);
        check("a=1\na=1", &[("a", "1")]);
        check("# no \\\na=1", &[("a", "1")]);
    }

    #[test]
    fn every_mistake_is_at_its_place() {
        let text = "a=1\nb\n=c\nd=\\uxyz1\na=2\n";
        let mut mistakes = Collector::new(text);
        read(text, &mut mistakes);
        let found: Vec<String> = mistakes
            .finish("p")
            .all()
            .iter()
            .map(|mistake| format!("{}:{} {}", mistake.line, mistake.column, mistake.message))
            .collect();
        assert_eq!(
            found,
            [
                "2:1 a name without a value",
                "3:1 no name before the sign",
                "4:3 an escape that Java refuses",
                "5:1 `a` is set a second time",
            ]
        );
    }

    #[test]
    fn a_file_of_thousands_of_settings_is_not_read_to_its_end() {
        let text: String = (0..100_000).map(|n| format!("k{n}=v\n")).collect();
        let mut mistakes = Collector::new(&text);
        let node = read(&text, &mut mistakes);
        assert!(node.entries().len() <= 2_000);
        let said = mistakes.finish("p").to_string();
        assert!(said.contains("more than 2000 settings"), "{said}");
    }

    proptest::proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in "(\\PC|[\\\\u0dD8=: \t\r\n#!]){0,60}") {
            let mut mistakes = Collector::new(&text);
            read(&text, &mut mistakes);
        }
    }
}
