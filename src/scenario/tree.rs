//! YAML or JSON text to a tree in which every key and value knows its place.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use granit_parser::{Event, Parser, ScalarStyle};

use super::mistake::{Collector, Span};

/// No honest scenario comes near these; they keep alias bombs and deep nests from costing time or stack.
pub(super) const MOST_BYTES: usize = 1 << 20;
const MOST_NODES: usize = 20_000;
const MOST_LEVELS: usize = 64;

/// A value of the text. A copy shares what is in it, so that an anchor or an alias costs nothing here; those who read the
/// tree copy it out, and [`Builder::put_alias`] keeps that within bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) span: Span,
    pub(super) value: Value,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// One word, number or text; `plain` means without quotes.
    Scalar {
        text: Rc<str>,
        plain: bool,
    },
    List(Rc<[Node]>),
    Map(Rc<[Entry]>),
}

/// A key with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_span: Span,
    pub(super) value: Node,
}

impl Node {
    /// The entry of this key, where this is a map that has it.
    pub(super) fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key == key)
    }

    /// The value of this key, where this is a map that has it.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The entries of a map; none for anything else.
    pub(super) fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Map(entries) => entries,
            Value::Scalar { .. } | Value::List(_) => &[],
        }
    }

    /// The items of a list; none for anything else.
    pub(super) fn items(&self) -> &[Self] {
        match &self.value {
            Value::List(items) => items,
            Value::Scalar { .. } | Value::Map(_) => &[],
        }
    }

    /// The text of a scalar.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } => Some(text),
            Value::List(_) | Value::Map(_) => None,
        }
    }

    /// The text of this key's scalar.
    pub(super) fn text_of(&self, key: &str) -> Option<&str> {
        self.get(key)?.text()
    }

    /// The value of this key as `read` understands it; what it does not understand was reported by the shape check.
    pub(super) fn read<T, E>(&self, key: &str, read: impl Fn(&str) -> Result<T, E>) -> Option<T> {
        read(self.text_of(key)?).ok()
    }

    /// Whether this is nothing at all: an empty value, `~` or `null` without quotes.
    pub(super) fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar { text, plain: true }
            if matches!(&**text, "" | "~" | "null" | "Null" | "NULL"))
    }

    fn size(&self) -> Size {
        let children = |nodes: &mut dyn Iterator<Item = Size>| {
            nodes.fold(Size::default(), |sum, node| Size {
                nodes: sum.nodes + node.nodes,
                bytes: sum.bytes + node.bytes,
                levels: sum.levels.max(node.levels + 1),
            })
        };
        let inside = match &self.value {
            Value::Scalar { text, .. } => Size {
                bytes: text.len(),
                ..Size::default()
            },
            Value::List(items) => children(&mut items.iter().map(Self::size)),
            Value::Map(entries) => children(&mut entries.iter().map(|entry| {
                let value = entry.value.size();
                let bytes = value.bytes + entry.key.len();
                Size { bytes, ..value }
            })),
        };
        let nodes = inside.nodes + 1;
        Size { nodes, ..inside }
    }
}

/// What a value costs where it is repeated.
#[derive(Debug, Clone, Copy, Default)]
struct Size {
    nodes: usize,
    bytes: usize,
    levels: usize,
}

/// The tree of the one document in the text; `None` when something was reported that leaves no tree.
pub(super) fn read(text: &str, mistakes: &mut Collector<'_>) -> Option<Node> {
    if text.len() > MOST_BYTES {
        let help = "a scenario is a page or two; is this the right file?";
        mistakes.report(Span::between(0, 0), "more than 1 MiB of text", help);
        return None;
    }
    let mut builder = Builder::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = match event {
            Ok(event) => event,
            Err(error) => {
                let at = error.marker().byte_offset().unwrap_or(text.len());
                let place = Span::between(at, at.saturating_add(1));
                let help = unquoted_colon(text, at).unwrap_or_else(|| {
                    "a map is written `key: value`, a list with `- ` before each item".to_owned()
                });
                let message = format!("this is not YAML: {}", error.info());
                mistakes.report(place, message, help);
                return None;
            }
        };
        let bytes = span.byte_range().unwrap_or(0..0);
        let place = Span::between(bytes.start, bytes.end);
        if let Err(stop) = builder.take(event, place, mistakes) {
            mistakes.report(place, stop.message, stop.help);
            return None;
        }
    }
    if builder.root.is_none() {
        let help = "begin with `name:`, or take a start from `squall init`";
        mistakes.report(Span::between(0, 0), "the scenario is empty", help);
    }
    builder.root
}

/// What to write where a line like `question: Does it: work` breaks at its second colon.
fn unquoted_colon(text: &str, at: usize) -> Option<String> {
    let before = text.get(..at)?;
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    let line = text.get(start..)?.lines().next()?;
    let (key, value) = line.split_once(": ")?;
    let quotable = value.contains(": ") && !value.contains(['"', '\\', '{', '[']);
    let key = key.trim_start().trim_start_matches("- ");
    quotable.then(|| {
        let value = value.trim_end();
        format!("put a text with a colon in it in quotes: `{key}: \"{value}\"`")
    })
}

/// Why no tree can be made of well-formed YAML.
struct Stop {
    message: &'static str,
    help: &'static str,
}

/// A list or map that is still open.
enum Open {
    List {
        start: Span,
        anchor: usize,
        items: Vec<Node>,
    },
    Map {
        start: Span,
        anchor: usize,
        entries: Vec<Entry>,
        names: HashSet<String>,
        key: Option<(Option<String>, Span)>,
    },
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    root: Option<Node>,
    documents: usize,
    nodes: usize,
    /// Bytes of text that aliases repeat.
    repeated: usize,
}

impl Builder {
    fn take(
        &mut self,
        event: Event<'_>,
        place: Span,
        mistakes: &mut Collector<'_>,
    ) -> Result<(), Stop> {
        match event {
            Event::DocumentStart(..) => self.start_document(),
            Event::Scalar(text, style, anchor, _) => {
                let value = Value::Scalar {
                    text: text.into_owned().into(),
                    plain: style == ScalarStyle::Plain,
                };
                self.put(Node { span: place, value }, anchor, mistakes)
            }
            Event::Alias(anchor) => self.put_alias(anchor, mistakes),
            Event::SequenceStart(_, anchor, _) => self.push(Open::List {
                start: place,
                anchor,
                items: Vec::new(),
            }),
            Event::MappingStart(_, anchor, _) => self.push(Open::Map {
                start: place,
                anchor,
                entries: Vec::new(),
                names: HashSet::new(),
                key: None,
            }),
            Event::SequenceEnd | Event::MappingEnd => self.close(place, mistakes),
            _ => Ok(()),
        }
    }

    const fn start_document(&mut self) -> Result<(), Stop> {
        self.documents += 1;
        if self.documents > 1 {
            return Err(Stop {
                message: "a second document begins here",
                help: "one file holds one scenario: take the `---` out, or make two files",
            });
        }
        Ok(())
    }

    fn push(&mut self, open: Open) -> Result<(), Stop> {
        self.open.push(open);
        if self.open.len() > MOST_LEVELS {
            return Err(TOO_DEEP);
        }
        Ok(())
    }

    fn put_alias(&mut self, anchor: usize, mistakes: &mut Collector<'_>) -> Result<(), Stop> {
        let Some(node) = self.anchors.get(&anchor).cloned() else {
            return Err(Stop {
                message: "this alias stands inside the value that it names",
                help: "an alias can only repeat a value that is complete before it",
            });
        };
        let size = node.size();
        self.nodes += size.nodes;
        self.repeated += size.bytes;
        if self.repeated > MOST_BYTES {
            return Err(Stop {
                message: "aliases repeat more than 1 MiB of text",
                help: "aliases count as often as they are used; is this the right file?",
            });
        }
        if self.open.len() + size.levels > MOST_LEVELS {
            return Err(TOO_DEEP);
        }
        self.put(node, 0, mistakes)
    }

    fn put(&mut self, node: Node, anchor: usize, mistakes: &mut Collector<'_>) -> Result<(), Stop> {
        self.nodes += 1;
        if self.nodes > MOST_NODES {
            return Err(Stop {
                message: "the scenario holds more than 20,000 values",
                help: "aliases count as often as they are used; is this the right file?",
            });
        }
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::List { items, .. }) => items.push(node),
            Some(Open::Map {
                entries,
                names,
                key,
                ..
            }) => match key.take() {
                None => *key = Some(key_of(node, mistakes)),
                Some((Some(name), span)) if names.insert(name.clone()) => entries.push(Entry {
                    key: name,
                    key_span: span,
                    value: node,
                }),
                Some((Some(name), span)) => {
                    let message = format!("the key `{name}` stands here a second time");
                    mistakes.report(span, message, "keep one of the two");
                }
                Some((None, _)) => {}
            },
        }
        Ok(())
    }

    fn close(&mut self, place: Span, mistakes: &mut Collector<'_>) -> Result<(), Stop> {
        let (start, anchor, value) = match self.open.pop() {
            None => return Ok(()),
            Some(Open::List {
                start,
                anchor,
                items,
            }) => (start, anchor, Value::List(items.into())),
            Some(Open::Map {
                start,
                anchor,
                entries,
                ..
            }) => (start, anchor, Value::Map(entries.into())),
        };
        let span = Span::between(start.offset, place.offset + place.length);
        self.put(Node { span, value }, anchor, mistakes)
    }
}

const TOO_DEEP: Stop = Stop {
    message: "values stand inside each other more than 64 levels deep",
    help: "a scenario needs no more than eight levels",
};

fn key_of(node: Node, mistakes: &mut Collector<'_>) -> (Option<String>, Span) {
    match node.value {
        Value::Scalar { text, .. } => (Some((*text).to_owned()), node.span),
        Value::List(_) | Value::Map(_) => {
            mistakes.report(node.span, "a key must be a word", "write `key: value`");
            (None, node.span)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(text: &str) -> Vec<String> {
        let mut mistakes = Collector::new(text);
        read(text, &mut mistakes);
        let all = mistakes.finish("t");
        all.all()
            .iter()
            .map(|m| format!("{}:{} {}", m.line, m.column, m.message))
            .collect()
    }

    #[test]
    fn keys_and_values_know_their_places() {
        let text = "a: 1\nb:\n  - {c: \"x y\"}\n";
        let mut mistakes = Collector::new(text);
        let root = read(text, &mut mistakes).unwrap();
        let slice = |span: Span| &text[span.offset..span.offset + span.length];
        let c = root.get("b").unwrap().items()[0].entry("c").unwrap();
        assert_eq!((slice(c.key_span), slice(c.value.span)), ("c", "\"x y\""));
        assert_eq!(slice(root.get("a").unwrap().span), "1");
        assert!(mistakes.is_empty());
    }

    #[test]
    fn a_key_given_twice_is_a_mistake_at_its_second_place() {
        assert_eq!(
            messages("a: 1\nb: 2\na: 3\n"),
            ["3:1 the key `a` stands here a second time"]
        );
    }

    #[test]
    fn an_alias_bomb_is_refused_and_does_not_hang() {
        let mut bomb = "l0: &l0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..40 {
            let below = format!("*l{}", level - 1);
            let ten = [below.as_str(); 10].join(", ");
            bomb.push_str(&format!("l{level}: &l{level} [{ten}]\n"));
        }
        assert!(messages(&bomb)[0].contains("more than 20,000 values"));
    }

    #[test]
    fn aliases_of_a_long_text_are_refused_before_anyone_copies_them() {
        let long = "x".repeat(100_000);
        let flat = format!("a: &a {long}\nb: [{}]\n", ["*a"; 9_000].join(", "));
        assert!(messages(&flat)[0].contains("repeat more than 1 MiB of text"));
        let keys = format!("a: &a {{ ? {long} : 1 }}\nb: [{}]\n", ["*a"; 90].join(", "));
        assert!(messages(&keys)[0].contains("repeat more than 1 MiB of text"));
        let few = format!("a: &a {long}\nb: [{}]\n", ["*a"; 10].join(", "));
        assert_eq!(messages(&few), Vec::<String>::new());
    }

    #[test]
    fn anchors_inside_each_other_copy_nothing() {
        let nest = "&a [".repeat(60);
        let text = format!("{nest}{}{}", "x".repeat(900_000), "]".repeat(60));
        assert_eq!(messages(&text), Vec::<String>::new());
    }

    #[test]
    fn a_deep_nest_and_a_deep_chain_of_aliases_are_refused() {
        let nest = "[".repeat(200);
        assert_eq!(messages(&nest).len(), 1);
        let mut chain = "l0: &l0 [x]\n".to_owned();
        for level in 1..200 {
            chain.push_str(&format!("l{level}: &l{level} [*l{}]\n", level - 1));
        }
        assert!(messages(&chain)[0].contains("levels deep"));
    }

    #[test]
    fn what_is_no_single_document_is_refused_at_its_place() {
        assert_eq!(messages(""), ["1:1 the scenario is empty"]);
        assert!(messages("a: 1\n---\nb: 2\n")[0].starts_with("2:1 a second document"));
        assert!(messages("a: &x [*x]")[0].contains("inside the value"));
        assert!(messages("a: [1, 2\nb: 3\n")[0].contains("not YAML"));
        assert!(messages("? [a, b]\n: 1\n")[0].contains("a key must be a word"));
    }
}
