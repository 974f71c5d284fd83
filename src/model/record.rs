//! The known record: one line of ASCII that says which stream, lane and sequence number it is, with a checksum.
//!
//! `sq1 SSSSSSSS LLLLL NNNNNNNNNNNN CCCCCCCC padding…` : stream (8 hex digits), lane (5 digits), sequence number
//! (12 digits), CRC-32 (8 hex digits) of every other byte, then padding that depends on lane and sequence number.

use super::{Lane, Sequence, StreamId};

/// The smallest record in bytes: the fields without padding.
pub const MIN_RECORD_SIZE_BYTES: usize = HEADER_BYTES;

const MAGIC: &[u8] = b"sq1 ";
const STREAM_AT: usize = 4;
const LANE_AT: usize = STREAM_AT + 9;
const LANE_DIGITS: usize = 5;
const SEQUENCE_AT: usize = LANE_AT + LANE_DIGITS + 1;
const SEQUENCE_DIGITS: usize = 12;
const CHECKSUM_AT: usize = SEQUENCE_AT + SEQUENCE_DIGITS + 1;
const HEADER_BYTES: usize = CHECKSUM_AT + 8;
const MAX_LANE: u32 = 99_999;
const PADDING: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// A record of the stream, without its padding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Record {
    /// Its lane.
    pub lane: Lane,
    /// Its place in the lane.
    pub sequence: Sequence,
}

/// What a tap makes of some bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sighting {
    /// A whole record of this stream.
    Whole(Record),
    /// A record of this stream by its head, but its size or checksum is wrong.
    Corrupt,
    /// Nothing that this stream ever sent.
    Foreign,
}

/// Sizes that a codec cannot write.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CodecError {
    /// The record would not hold its own fields.
    #[error(
        "a record of {size} bytes cannot hold its lane, number and checksum: at least {MIN_RECORD_SIZE_BYTES} are needed"
    )]
    TooSmall {
        /// The asked size in bytes.
        size: usize,
    },
    /// More lanes than the lane field can number.
    #[error("{lanes} lanes are more than a record can number: at most 100000")]
    TooManyLanes {
        /// The asked number of lanes.
        lanes: u32,
    },
}

/// Writes and reads the records of one stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordCodec {
    stream: StreamId,
    size_bytes: usize,
}

impl RecordCodec {
    /// A codec for records of `size_bytes` each (line end not counted); fails when size or lanes do not fit.
    pub fn new(stream: StreamId, size_bytes: usize, lanes: u32) -> Result<Self, CodecError> {
        if size_bytes < MIN_RECORD_SIZE_BYTES {
            return Err(CodecError::TooSmall { size: size_bytes });
        }
        if lanes > MAX_LANE + 1 {
            return Err(CodecError::TooManyLanes { lanes });
        }
        Ok(Self { stream, size_bytes })
    }

    /// The size of every record in bytes, line end not counted.
    pub const fn size_bytes(&self) -> usize {
        self.size_bytes
    }

    /// Replaces the buffer's content by the record.
    pub fn encode(&self, record: Record, into: &mut Vec<u8>) {
        into.clear();
        into.extend_from_slice(MAGIC);
        push_hex(into, self.stream.0);
        into.push(b' ');
        push_decimal(into, u64::from(record.lane.0), LANE_DIGITS);
        into.push(b' ');
        push_decimal(into, record.sequence.0, SEQUENCE_DIGITS);
        into.push(b' ');
        into.extend_from_slice(b"00000000");
        let turn =
            (record.sequence.0 as usize).wrapping_add(record.lane.0 as usize * 7) % PADDING.len();
        let mut left = self.size_bytes - HEADER_BYTES;
        if left > 0 {
            into.push(b' ');
            left -= 1;
        }
        let mut at = turn;
        while left > 0 {
            let take = left.min(PADDING.len() - at);
            into.extend_from_slice(&PADDING[at..at + take]);
            left -= take;
            at = 0;
        }
        let checksum = checksum_of(into);
        let mut digits = Vec::with_capacity(8);
        push_hex(&mut digits, checksum);
        into[CHECKSUM_AT..CHECKSUM_AT + 8].copy_from_slice(&digits);
    }

    /// What these bytes are; a trailing line end must have been cut off before.
    pub fn decode(&self, bytes: &[u8]) -> Sighting {
        if bytes.len() < HEADER_BYTES {
            return self.of_damaged(bytes);
        }
        let fields = (
            bytes.starts_with(MAGIC),
            read_hex(&bytes[STREAM_AT..STREAM_AT + 8]),
            read_decimal(&bytes[LANE_AT..LANE_AT + LANE_DIGITS]),
            read_decimal(&bytes[SEQUENCE_AT..SEQUENCE_AT + SEQUENCE_DIGITS]),
            read_hex(&bytes[CHECKSUM_AT..CHECKSUM_AT + 8]),
        );
        match fields {
            (true, Some(stream), Some(lane), Some(sequence), Some(checksum))
                if stream == self.stream.0
                    && bytes.len() == self.size_bytes
                    && checksum == checksum_of(bytes) =>
            {
                Sighting::Whole(Record {
                    lane: Lane(lane as u32),
                    sequence: Sequence(sequence),
                })
            }
            _ => self.of_damaged(bytes),
        }
    }

    /// What every record of this stream begins with.
    pub fn head(&self) -> [u8; STREAM_AT + 8] {
        let mut text = Vec::with_capacity(STREAM_AT + 8);
        text.extend_from_slice(MAGIC);
        push_hex(&mut text, self.stream.0);
        let mut head = [0; STREAM_AT + 8];
        head.copy_from_slice(&text);
        head
    }

    /// Whether a whole record of this stream stands somewhere in these bytes.
    pub fn is_inside(&self, bytes: &[u8]) -> bool {
        let head = self.head();
        let mut heads = bytes.windows(head.len()).enumerate();
        heads.any(|(at, part)| {
            let whole = bytes.get(at..at + self.size_bytes);
            part == head
                && whole.is_some_and(|whole| matches!(self.decode(whole), Sighting::Whole(_)))
        })
    }

    fn of_damaged(&self, bytes: &[u8]) -> Sighting {
        let head_is_ours = bytes.starts_with(MAGIC)
            && bytes.get(STREAM_AT..STREAM_AT + 8).and_then(read_hex) == Some(self.stream.0);
        if head_is_ours {
            Sighting::Corrupt
        } else {
            Sighting::Foreign
        }
    }
}

/// CRC-32 of all bytes but the checksum's own.
fn checksum_of(bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&bytes[..CHECKSUM_AT]);
    hasher.update(&bytes[CHECKSUM_AT + 8..]);
    hasher.finalize()
}

fn push_decimal(into: &mut Vec<u8>, mut value: u64, digits: usize) {
    let start = into.len();
    into.resize(start + digits, b'0');
    for place in into[start..].iter_mut().rev() {
        *place = b'0' + (value % 10) as u8;
        value /= 10;
    }
}

fn push_hex(into: &mut Vec<u8>, value: u32) {
    for nibble in (0..8).rev() {
        into.push(b"0123456789abcdef"[(value >> (nibble * 4) & 0xf) as usize]);
    }
}

/// Every tap reads every record, so digits are read without a branch and judged once at the end.
fn read_decimal(bytes: &[u8]) -> Option<u64> {
    let (value, good) = bytes.iter().fold((0u64, true), |(value, good), byte| {
        let digit = byte.wrapping_sub(b'0');
        (
            value.wrapping_mul(10).wrapping_add(u64::from(digit)),
            good & (digit <= 9),
        )
    });
    good.then_some(value)
}

fn read_hex(bytes: &[u8]) -> Option<u32> {
    let (value, all) = bytes.iter().fold((0u32, 0u8), |(value, all), byte| {
        let digit = HEX_DIGITS[usize::from(*byte)];
        (value << 4 | u32::from(digit & 0xf), all | digit)
    });
    (all != NO_DIGIT).then_some(value)
}

/// Has bits that no digit has.
const NO_DIGIT: u8 = 0xff;

/// The value of each byte that is a hexadecimal digit in lower case.
const HEX_DIGITS: [u8; 256] = {
    let mut digits = [NO_DIGIT; 256];
    let mut value = 0;
    while value < 16 {
        digits[b"0123456789abcdef"[value as usize] as usize] = value;
        value += 1;
    }
    digits
};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_digits_are_read_as_numbers() {
        assert_eq!(read_hex(b"00fe09a7"), Some(0x00fe_09a7));
        assert_eq!(read_decimal(b"000900000012"), Some(900_000_012));
        for wrong in 0..=u8::MAX {
            let text = [b'f', wrong];
            let is_hex = matches!(wrong, b'0'..=b'9' | b'a'..=b'f');
            assert_eq!(read_hex(&text).is_some(), is_hex, "{wrong}");
            let text = [b'1', wrong, b'0'];
            assert_eq!(read_decimal(&text).is_some(), wrong.is_ascii_digit());
        }
    }

    fn encoded(codec: &RecordCodec, lane: u32, sequence: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        codec.encode(
            Record {
                lane: Lane(lane),
                sequence: Sequence(sequence),
            },
            &mut bytes,
        );
        bytes
    }

    #[test]
    fn a_record_is_readable_ascii_of_the_asked_size() {
        let codec = RecordCodec::new(StreamId(0x7f3a_91c2), 60, 12).unwrap();
        let line = String::from_utf8(encoded(&codec, 3, 4731)).unwrap();
        assert!(
            line.starts_with("sq1 7f3a91c2 00003 000000004731 "),
            "{line}"
        );
        assert_eq!(line.len(), 60);
        assert!(line.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
    }

    #[test]
    fn a_record_too_small_for_its_fields_is_refused() {
        assert_eq!(
            RecordCodec::new(StreamId(1), 39, 1),
            Err(CodecError::TooSmall { size: 39 })
        );
        assert!(RecordCodec::new(StreamId(1), MIN_RECORD_SIZE_BYTES, 1).is_ok());
        assert!(RecordCodec::new(StreamId(1), 100, 100_001).is_err());
    }

    #[test]
    fn records_of_another_stream_are_foreign() {
        let ours = RecordCodec::new(StreamId(1), 80, 1).unwrap();
        let theirs = RecordCodec::new(StreamId(2), 80, 1).unwrap();
        assert_eq!(ours.decode(&encoded(&theirs, 0, 5)), Sighting::Foreign);
        assert_eq!(ours.decode(b""), Sighting::Foreign);
        assert_eq!(ours.decode(b"hello"), Sighting::Foreign);
        assert_eq!(ours.decode(&encoded(&ours, 0, 5)[..20]), Sighting::Corrupt);
    }

    proptest! {
        #[test]
        fn every_record_survives_its_encoding(stream: u32, size in MIN_RECORD_SIZE_BYTES..400, lane in 0..100_000u32, sequence in 0..1_000_000_000_000u64) {
            let codec = RecordCodec::new(StreamId(stream), size, 100_000).unwrap();
            let bytes = encoded(&codec, lane, sequence);
            prop_assert_eq!(bytes.len(), size);
            prop_assert_eq!(codec.decode(&bytes), Sighting::Whole(Record { lane: Lane(lane), sequence: Sequence(sequence) }));
        }

        #[test]
        fn no_single_changed_byte_goes_unseen(at in 0..120usize, flip in 1..=255u8) {
            let codec = RecordCodec::new(StreamId(9), 120, 4).unwrap();
            let mut bytes = encoded(&codec, 2, 77);
            bytes[at] ^= flip;
            prop_assert!(!matches!(codec.decode(&bytes), Sighting::Whole(_)));
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            let codec = RecordCodec::new(StreamId(9), 120, 4).unwrap();
            let _ = codec.decode(&bytes);
        }
    }
}
