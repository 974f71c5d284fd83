//! What a tap makes of a record's key and value: one of the stream's records, a damaged one, or a stranger.

use serde_json::Value;

use crate::model::{Decoded, Lane, Record, RecordCodec, Sequence, Sighting};

/// How the records at a tap are read.
#[derive(Debug, Clone)]
pub enum Decoder {
    /// The value is Squall's own line.
    Line(RecordCodec),
    /// Lane and sequence number stand in JSON, as numbers or as text of digits.
    Pointers {
        /// Where the lane stands.
        lane: Decoded,
        /// Where the sequence number stands.
        sequence: Decoded,
    },
}

impl Decoder {
    /// What these bytes are, in a stream of this many lanes.
    pub fn decode(&self, lanes: u32, key: &[u8], value: Option<&[u8]>) -> Sighting {
        let sighting = match self {
            Self::Line(codec) => codec.decode(value.unwrap_or_default()),
            Self::Pointers { lane, sequence } => {
                match pointed_record(lane, sequence, key, value.unwrap_or_default()) {
                    Some(record) => Sighting::Whole(record),
                    None => Sighting::Foreign,
                }
            }
        };
        match sighting {
            Sighting::Whole(record) if record.lane.0 >= lanes => Sighting::Foreign,
            Sighting::Whole(_) | Sighting::Corrupt | Sighting::Foreign => sighting,
        }
    }
}

fn pointed_record(lane: &Decoded, sequence: &Decoded, key: &[u8], value: &[u8]) -> Option<Record> {
    let wanted = |side: fn(&Decoded) -> bool| side(lane) || side(sequence);
    let parsed = |bytes: &[u8], wanted: bool| {
        wanted
            .then(|| serde_json::from_slice::<Value>(bytes).ok())
            .flatten()
    };
    let key = parsed(key, wanted(|at| matches!(at, Decoded::Key(_))));
    let value = parsed(value, wanted(|at| matches!(at, Decoded::Value(_))));
    let number = |at: &Decoded| match at {
        Decoded::Key(pointer) => number_at(key.as_ref()?, pointer),
        Decoded::Value(pointer) => number_at(value.as_ref()?, pointer),
    };
    Some(Record {
        lane: Lane(u32::try_from(number(lane)?).ok()?),
        sequence: Sequence(number(sequence)?),
    })
}

fn number_at(document: &Value, pointer: &str) -> Option<u64> {
    match document.pointer(pointer)? {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::model::StreamId;

    use super::*;

    fn pointers() -> Decoder {
        Decoder::Pointers {
            lane: Decoded::Key(String::new()),
            sequence: Decoded::Value("/payload/seqno".to_owned()),
        }
    }

    fn whole(lane: u32, sequence: u64) -> Sighting {
        Sighting::Whole(Record {
            lane: Lane(lane),
            sequence: Sequence(sequence),
        })
    }

    #[test]
    fn numbers_and_texts_of_digits_are_read_at_their_pointers() {
        let decoder = pointers();
        let value = br#"{"payload":{"seqno":41}}"#;
        assert_eq!(decoder.decode(4, b"2", Some(value)), whole(2, 41));
        let value = br#"{"payload":{"seqno":"41"}}"#;
        assert_eq!(decoder.decode(4, b"\"3\"", Some(value)), whole(3, 41));
    }

    #[test]
    fn what_has_no_lane_or_number_is_foreign() {
        let decoder = pointers();
        let good = br#"{"payload":{"seqno":41}}"#.as_slice();
        for (key, value) in [
            (b"9".as_slice(), Some(good)),
            (b"-1", Some(good)),
            (b"", Some(good)),
            (b"2", None),
            (b"2", Some(b"{}".as_slice())),
            (b"2", Some(b"{\"payload\":{\"seqno\":1.5}}")),
            (b"2", Some(b"not json")),
        ] {
            assert_eq!(decoder.decode(4, key, value), Sighting::Foreign);
        }
    }

    #[test]
    fn a_line_of_a_lane_that_the_stream_does_not_have_is_foreign() {
        let codec = RecordCodec::new(StreamId(7), 64, 10).unwrap();
        let mut line = Vec::new();
        let record = Record {
            lane: Lane(5),
            sequence: Sequence(1),
        };
        codec.encode(record, &mut line);
        let decoder = Decoder::Line(codec);
        assert_eq!(decoder.decode(6, b"", Some(&line)), whole(5, 1));
        assert_eq!(decoder.decode(5, b"", Some(&line)), Sighting::Foreign);
        assert_eq!(decoder.decode(6, b"", None), Sighting::Foreign);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(key: Vec<u8>, value: Option<Vec<u8>>) {
            let _ = pointers().decode(4, &key, value.as_deref());
        }
    }
}
