//! Masks a scenario's or an inventory's text by the places of its values, however they are spelt.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use granit_parser::{Event, Parser, ScalarStyle};

use crate::model::secrets::{
    HIDDEN, Known, holds_secret, is_secret, mask_setting, mask_text, spans, speaks_of_secrets,
};

/// The tree refuses what is deeper or longer.
const MOST_LEVELS: usize = 100;
const MOST_BYTES: usize = 1 << 20;

/// The text as it may be written to disk or shown: each value of a setting that holds a secret, and each comment beside
/// it or about one, is replaced by [`HIDDEN`] in quotes; in the other values and comments what looks like a secret, or is
/// the value of one, is. It stays YAML, or JSON, that says the same otherwise. `known` are secrets from elsewhere.
pub fn masked_text(text: &str, known: &Known) -> String {
    let walk = Walk::of(text);
    let mut all = walk.secrets();
    all.join(known);
    let mut edits: Vec<(Range<usize>, String)> = Vec::new();
    for scalar in &walk.scalars {
        let masked = match scalar.is_secret {
            true => HIDDEN.to_owned(),
            false => all.hide(&scalar.masked()),
        };
        if masked != scalar.text {
            let quoted = serde_json::Value::from(masked).to_string();
            edits.push((scalar.whole.clone(), quoted));
        }
    }
    for (place, is_hidden) in walk.judged_comments() {
        let comment = &text[place.clone()];
        let masked = match is_hidden {
            true => format!("# {HIDDEN}"),
            false => all.hide(&mask_text(comment)),
        };
        edits.push((place, masked));
    }
    let masked = edited(text, edits);
    match walk.is_whole {
        true => masked,
        // What comes behind a slip of the pen has no places.
        false => all.hide(&mask_text(&masked)),
    }
}

/// The text with stars for each letter of what [`masked_text`] would replace: every other letter stays where it is, so
/// that a mistake is shown at its place.
pub(super) fn starred_text(text: &str) -> String {
    let walk = Walk::of(text);
    let known = walk.secrets();
    let is_known = |words: &str| known.hide(words) != words;
    let mut places = spans(text);
    for scalar in &walk.scalars {
        let is_changed = || scalar.masked() != scalar.text;
        let is_seen = || !spans(&text[scalar.whole.clone()]).is_empty();
        if scalar.is_secret || (is_changed() && !is_seen()) || is_known(&scalar.text) {
            places.push(scalar.whole.clone());
        }
    }
    for (place, is_hidden) in walk.judged_comments() {
        if is_hidden || is_known(&text[place.clone()]) {
            places.push(place);
        }
    }
    let mut bytes = text.as_bytes().to_vec();
    for place in places {
        let letters = &mut bytes[place];
        letters
            .iter_mut()
            .filter(|byte| !byte.is_ascii_whitespace())
            .for_each(|byte| *byte = b'*');
    }
    String::from_utf8(bytes).unwrap_or_default()
}

/// The secrets that stand in the text as values of their settings.
pub fn secrets_in(text: &str) -> Known {
    Walk::of(text).secrets()
}

/// A value or a key of the text.
struct Scalar {
    /// All of it, with quotes, or with the `|` before a block.
    whole: Range<usize>,
    text: String,
    /// The nearest key above it; of a key that itself.
    key: String,
    is_key: bool,
    is_block: bool,
    is_secret: bool,
}

impl Scalar {
    /// Without what looks like a secret by itself.
    fn masked(&self) -> String {
        match self.is_key {
            true => mask_text(&self.text),
            false => mask_setting(&self.key, &self.text),
        }
    }

    fn has_secret(&self) -> bool {
        self.is_secret || self.masked() != self.text
    }
}

/// A list or map that is still open.
struct Open {
    is_map: bool,
    /// The key whose value comes next; none where a key comes next.
    key: Option<String>,
    /// Whether it stands below the key of a secret.
    is_below_secret: bool,
    anchor: usize,
    first: usize,
}

/// All scalars and comments of a text, as far as it is YAML.
#[derive(Default)]
struct Walk<'t> {
    text: &'t str,
    scalars: Vec<Scalar>,
    comments: Vec<Range<usize>>,
    open: Vec<Open>,
    /// Which scalars an anchor names.
    anchors: HashMap<usize, Range<usize>>,
    /// Anchors that are repeated as the value of a secret, with its key.
    secret_anchors: BTreeMap<usize, String>,
    is_whole: bool,
}

impl<'t> Walk<'t> {
    fn of(text: &'t str) -> Self {
        let mut walk = Self {
            text,
            ..Self::default()
        };
        walk.is_whole = true;
        if text.len() > MOST_BYTES {
            walk.is_whole = false;
            return walk;
        }
        for event in Parser::new_from_str(text) {
            let Ok((event, span)) = event else {
                walk.is_whole = false;
                break;
            };
            if walk.open.len() > MOST_LEVELS {
                walk.is_whole = false;
                break;
            }
            walk.take(event, span.byte_range().unwrap_or(0..0));
        }
        walk.comments.sort_by_key(|place| place.start);
        walk.mark_repeated();
        walk.find_heads();
        walk
    }

    fn take(&mut self, event: Event<'_>, place: Range<usize>) {
        match event {
            Event::Scalar(text, style, anchor, _) => {
                self.scalar(text.into_owned(), place, style, anchor);
            }
            Event::Alias(anchor) => {
                if self.is_below_secret() {
                    let key = self.key().to_owned();
                    self.secret_anchors.insert(anchor, key);
                }
                self.ended();
            }
            Event::SequenceStart(_, anchor, _) => self.push(false, anchor),
            Event::MappingStart(_, anchor, _) => self.push(true, anchor),
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(open) = self.open.pop() {
                    self.name(open.anchor, open.first);
                }
                self.ended();
            }
            Event::Comment(..) => self.comments.push(place),
            _ => {}
        }
    }

    fn scalar(&mut self, text: String, place: Range<usize>, style: ScalarStyle, anchor: usize) {
        let is_key = matches!(self.open.last(), Some(open) if open.is_map && open.key.is_none());
        let is_null = style == ScalarStyle::Plain
            && matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL");
        let key = match is_key {
            true => text.clone(),
            false => self.key().to_owned(),
        };
        let from_above = self.open.iter().any(|open| open.is_below_secret);
        let is_secret = holds_secret(&key, &text) || (from_above && !text.trim().is_empty());
        if is_key && let Some(open) = self.open.last_mut() {
            open.key = Some(text.clone());
        }
        let first = self.scalars.len();
        self.scalars.push(Scalar {
            whole: place,
            key,
            is_key,
            is_block: matches!(style, ScalarStyle::Literal | ScalarStyle::Folded),
            is_secret: is_secret && !is_key && !is_null,
            text,
        });
        self.name(anchor, first);
        if !is_key {
            self.ended();
        }
    }

    /// The nearest key above.
    fn key(&self) -> &str {
        let mut keys = self
            .open
            .iter()
            .rev()
            .filter_map(|open| open.key.as_deref());
        keys.next().unwrap_or("")
    }

    fn is_below_secret(&self) -> bool {
        self.open.iter().any(|open| open.is_below_secret) || is_secret(self.key())
    }

    fn push(&mut self, is_map: bool, anchor: usize) {
        let is_below_secret = self.is_below_secret();
        self.open.push(Open {
            is_map,
            key: None,
            is_below_secret,
            anchor,
            first: self.scalars.len(),
        });
    }

    /// A value has ended: in a map a key comes next.
    fn ended(&mut self) {
        if let Some(open) = self.open.last_mut().filter(|open| open.is_map) {
            open.key = match open.key {
                None => Some(String::new()),
                Some(_) => None,
            };
        }
    }

    fn name(&mut self, anchor: usize, first: usize) {
        if anchor != 0 {
            self.anchors.insert(anchor, first..self.scalars.len());
        }
    }

    /// What an alias repeats as the value of a secret is one where it stands.
    fn mark_repeated(&mut self) {
        for (anchor, key) in &self.secret_anchors {
            let Some(named) = self.anchors.get(anchor) else {
                continue;
            };
            let is_one = named.len() == 1;
            for scalar in &mut self.scalars[named.clone()] {
                let is_secret = match is_one {
                    true => holds_secret(key, &scalar.text),
                    false => !scalar.text.trim().is_empty(),
                };
                scalar.is_secret |= is_secret && !scalar.is_key && !scalar.whole.is_empty();
            }
        }
    }

    /// The parser tells the place of a block without the `|` or `>` before it, and with the blanks behind it.
    fn find_heads(&mut self) {
        let mut before = 0;
        for scalar in &mut self.scalars {
            if scalar.is_block {
                let (start, end) = (scalar.whole.start, scalar.whole.end);
                let lines = &self.text[start..end];
                let head = head_of_block(&self.text[..start], before, &self.comments);
                scalar.whole = head.unwrap_or(start)..start + lines.trim_end().len();
            }
            before = scalar.whole.end.max(before);
        }
    }

    fn secrets(&self) -> Known {
        let mut known = Known::default();
        let values = self.scalars.iter().filter(|scalar| !scalar.is_key);
        for scalar in values {
            known.learn(&scalar.key, &scalar.text);
            if scalar.is_secret {
                known.learn("secret", &scalar.text);
            }
        }
        known
    }

    /// Each comment, and whether it is hidden as a whole: comments in lines that follow each other are one, and one that
    /// speaks of a secret or touches one is hidden.
    fn judged_comments(&self) -> Vec<(Range<usize>, bool)> {
        let lines = Lines::of(self.text);
        let mut beside = vec![false; lines.starts.len() + 1];
        for scalar in self.scalars.iter().filter(|scalar| scalar.has_secret()) {
            let (first, last) = (
                lines.of_byte(scalar.whole.start),
                lines.of_byte(scalar.whole.end),
            );
            let around = first.saturating_sub(1)..(last + 2).min(beside.len());
            beside[around].fill(true);
        }
        let mut blocks: Vec<Vec<Range<usize>>> = Vec::new();
        let mut last_line = None;
        for place in &self.comments {
            let line = lines.of_byte(place.start);
            let is_alone = self.text[lines.starts[line]..place.start].trim().is_empty();
            match blocks.last_mut() {
                Some(block) if is_alone && last_line == line.checked_sub(1) => {
                    block.push(place.clone())
                }
                _ => blocks.push(vec![place.clone()]),
            }
            last_line = Some(line);
        }
        let judged = blocks.into_iter().flat_map(|block| {
            let is_hidden = block.iter().any(|place| {
                beside[lines.of_byte(place.start)] || speaks_of_secrets(&self.text[place.clone()])
            });
            block.into_iter().map(move |place| (place, is_hidden))
        });
        judged.collect()
    }
}

/// Where the last `|` or `>` stands between `from` and the end of `text`, comments left out.
fn head_of_block(text: &str, from: usize, comments: &[Range<usize>]) -> Option<usize> {
    let near = &text[from.min(text.len())..];
    let mut heads = near.rmatch_indices(['|', '>']).map(|(at, _)| from + at);
    heads.find(|at| {
        let later = comments.partition_point(|comment| comment.end <= *at);
        comments
            .get(later)
            .is_none_or(|comment| comment.start > *at)
    })
}

/// The lines of a text, from 0.
struct Lines {
    starts: Vec<usize>,
}

impl Lines {
    fn of(text: &str) -> Self {
        let ends = text.match_indices('\n').map(|(at, _)| at + 1);
        Self {
            starts: std::iter::once(0).chain(ends).collect(),
        }
    }

    fn of_byte(&self, at: usize) -> usize {
        self.starts.partition_point(|start| *start <= at) - 1
    }
}

/// The text with these stretches replaced; one that begins inside another one is left out.
fn edited(text: &str, mut edits: Vec<(Range<usize>, String)>) -> String {
    edits.sort_by_key(|(place, _)| place.start);
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for (place, instead) in edits {
        if place.start < from {
            continue;
        }
        out.push_str(&text[from..place.start]);
        out.push_str(&instead);
        from = place.end;
    }
    out.push_str(&text[from..]);
    out
}

#[cfg(test)]
#[path = "secret_places_tests.rs"]
mod tests;
