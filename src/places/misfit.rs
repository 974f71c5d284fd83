//! The first records at a tap when they are not those that were fed: what they are instead.

use serde_json::Value;

use crate::model::{Decoded, RecordCodec};

use super::Decoder;

/// So many of one kind are enough where the fed record stands inside.
const ENOUGH_WRAPPED: u32 = 3;
/// So many strangers are enough where it does not: a source may begin with records of another kind.
const ENOUGH_STRANGERS: u32 = 100;
/// More of a record than this is not shown.
const MOST_SHOWN: usize = 120;

/// Records that arrived instead of those that were fed, while none of those did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// What they are.
    pub dress: Dress,
    /// One of them, cut to what can be shown.
    pub sample: String,
}

/// What the fed record wears, or what stands in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dress {
    /// A JSON string: `"sq1 …"`.
    JsonText,
    /// JSON with its schema: `{"schema":{…},"payload":"sq1 …"}`.
    JsonEnvelope,
    /// Bytes as JSON writes them, in base64: `"c3Ex…"`.
    Base64,
    /// A field of a JSON object: `{"line":"sq1 …"}`.
    JsonField,
    /// A field of a struct or a map as Java prints it: `Struct{line=sq1 …}`.
    JavaField,
    /// An array as Java prints it: `[B@6d06d69c`.
    JavaArray,
    /// Something before or behind it.
    Inside,
    /// The numbers of a source that makes its own records stand one step deeper, under `/payload`.
    Payload,
    /// Nothing of it can be seen.
    Stranger,
}

/// Looks at strangers until a record that was fed arrives, or it is clear that none will.
#[derive(Debug, Default)]
pub(super) struct MisfitWatch {
    last: Option<Dress>,
    alike: u32,
    strangers: u32,
}

impl MisfitWatch {
    /// Takes in a record that is none of the stream; gives the misfit once it is one.
    pub(super) fn look(&mut self, decoder: &Decoder, value: Option<&[u8]>) -> Option<Misfit> {
        let value = value.unwrap_or_default();
        self.strangers += 1;
        let dress = dress_of(decoder, value);
        self.alike = match dress == self.last {
            true => self.alike + 1,
            false => 1,
        };
        self.last = dress;
        let dress = match dress {
            Some(dress) if self.alike == ENOUGH_WRAPPED => dress,
            Some(_) => return None,
            None if self.strangers >= ENOUGH_STRANGERS => Dress::Stranger,
            None => return None,
        };
        Some(Misfit {
            dress,
            sample: shown(value),
        })
    }
}

fn dress_of(decoder: &Decoder, value: &[u8]) -> Option<Dress> {
    match decoder {
        Decoder::Line(codec) => dress_of_line(codec, value),
        Decoder::Pointers { lane, sequence } => {
            let document: Value = serde_json::from_slice(value).ok()?;
            let deeper = |at: &Decoded| match at {
                Decoded::Key(_) => false,
                Decoded::Value(pointer) => {
                    document.pointer(&format!("/payload{pointer}")).is_some()
                        && document.get("schema").is_some()
                }
            };
            (deeper(lane) || deeper(sequence)).then_some(Dress::Payload)
        }
    }
}

fn dress_of_line(codec: &RecordCodec, value: &[u8]) -> Option<Dress> {
    if value.starts_with(b"[B@") {
        return Some(Dress::JavaArray);
    }
    let envelope = value.starts_with(br#"{"schema":"#);
    let in_base64 = {
        let head = base64_of(&codec.head());
        value.windows(head.len()).any(|part| part == head)
    };
    if !in_base64 && !codec.is_inside(value) {
        return None;
    }
    Some(match value {
        _ if envelope => Dress::JsonEnvelope,
        _ if in_base64 => Dress::Base64,
        [b'"', ..] => Dress::JsonText,
        [b'{', b'"', ..] => Dress::JsonField,
        [b'{', ..] => Dress::JavaField,
        _ if value.starts_with(b"Struct{") => Dress::JavaField,
        _ => Dress::Inside,
    })
}

/// Of bytes in groups of three, which need no padding.
fn base64_of(bytes: &[u8]) -> Vec<u8> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = Vec::with_capacity(bytes.len() / 3 * 4);
    for group in bytes.chunks_exact(3) {
        let bits = u32::from(group[0]) << 16 | u32::from(group[1]) << 8 | u32::from(group[2]);
        text.extend([18, 12, 6, 0].map(|shift| LETTERS[(bits >> shift & 63) as usize]));
    }
    text
}

fn shown(value: &[u8]) -> String {
    let cut = &value[..value.len().min(MOST_SHOWN)];
    let mut text: String = String::from_utf8_lossy(cut)
        .chars()
        .map(|c| if c.is_control() { '·' } else { c })
        .collect();
    if value.len() > MOST_SHOWN {
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use crate::model::{Lane, Record, Sequence, StreamId};

    use super::*;

    fn codec() -> RecordCodec {
        RecordCodec::new(StreamId(0x7f3a_91c2), 60, 4).unwrap()
    }

    fn fed() -> String {
        let mut line = Vec::new();
        let record = Record {
            lane: Lane(1),
            sequence: Sequence(7),
        };
        codec().encode(record, &mut line);
        String::from_utf8(line).unwrap()
    }

    fn dress(value: &str) -> Option<Dress> {
        dress_of(&Decoder::Line(codec()), value.as_bytes())
    }

    #[test]
    fn each_dress_of_a_fed_record_is_known() {
        let fed = fed();
        let envelope = r#"{"schema":{"type":"string","optional":false},"payload":"#;
        // As Java's encoder and Python's `base64` write the record's head.
        let base64 = "c3ExIDdmM2E5MWMyIDAwMDAx";
        for (value, expected) in [
            (format!("\"{fed}\""), Dress::JsonText),
            (format!("{envelope}\"{fed}\"}}"), Dress::JsonEnvelope),
            (format!("{envelope}\"{base64}\"}}"), Dress::JsonEnvelope),
            (format!("\"{base64}\""), Dress::Base64),
            (base64.to_owned(), Dress::Base64),
            (format!("{{\"line\":\"{fed}\"}}"), Dress::JsonField),
            (format!("{{line={fed}}}"), Dress::JavaField),
            (format!("Struct{{line={fed}}}"), Dress::JavaField),
            ("[B@6d06d69c".to_owned(), Dress::JavaArray),
            (format!("1\t{fed}"), Dress::Inside),
            (format!("{fed},x"), Dress::Inside),
        ] {
            assert_eq!(dress(&value), Some(expected), "{value}");
        }
    }

    #[test]
    fn a_damaged_record_and_one_of_another_stream_are_no_dress() {
        let fed = fed();
        assert_eq!(dress(&fed[..50]), None);
        assert_eq!(dress(&format!("\"{}\"", fed.replace('7', "8"))), None);
        assert_eq!(dress(""), None);
    }

    #[test]
    fn the_third_of_one_kind_and_the_hundredth_stranger_are_a_misfit() {
        let decoder = Decoder::Line(codec());
        let wrapped = format!("\"{}\"", fed());
        let mut watch = MisfitWatch::default();
        assert_eq!(watch.look(&decoder, Some(wrapped.as_bytes())), None);
        assert_eq!(watch.look(&decoder, Some(wrapped.as_bytes())), None);
        let misfit = watch.look(&decoder, Some(wrapped.as_bytes())).unwrap();
        assert_eq!((misfit.dress, misfit.sample), (Dress::JsonText, wrapped));
        let mut watch = MisfitWatch::default();
        let found = (1..).find(|_| watch.look(&decoder, None).is_some());
        assert_eq!(found, Some(100));
    }

    #[test]
    fn numbers_one_step_deeper_are_known() {
        let decoder = Decoder::Pointers {
            lane: Decoded::Key(String::new()),
            sequence: Decoded::Value("/seqno".to_owned()),
        };
        let deeper = br#"{"schema":{"type":"struct"},"payload":{"seqno":41}}"#;
        assert_eq!(dress_of(&decoder, deeper), Some(Dress::Payload));
        assert_eq!(dress_of(&decoder, br#"{"id":41}"#), None);
        assert_eq!(dress_of(&decoder, b"x"), None);
    }

    #[test]
    fn what_is_shown_of_a_record_is_short_and_plain() {
        let text = shown(format!("a\u{1b}[31m{}", "x".repeat(500)).as_bytes());
        assert!(text.starts_with("a·[31mx") && text.ends_with('…'));
        assert_eq!(text.chars().count(), MOST_SHOWN + 1);
    }
}
