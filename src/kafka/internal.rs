//! Records of `__consumer_offsets` as bytes: which group committed which offset.
//!
//! Layouts after Kafka's `OffsetCommitKey` and `OffsetCommitValue` message definitions: a 16-bit version, then fields.
//! Strings carry a 16-bit length in key versions 0–1 and value versions 0–3; value version 4 is of the flexible kind
//! (lengths as unsigned varints plus one, tagged fields at the end).

/// An offset that a group committed, or took back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OffsetCommit {
    /// The group.
    pub group: String,
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The next record to read; `None` when the commit was deleted or expired.
    pub next_offset: Option<i64>,
    /// When it was committed, by the coordinator's clock, milliseconds since the epoch; -1 for a deletion.
    pub commit_timestamp_ms: i64,
}

/// Decodes a record's key and value; `None` for what is no offset commit (group metadata, other versions, damage).
pub fn offset_commit(key: &[u8], value: Option<&[u8]>) -> Option<OffsetCommit> {
    let mut key = Fields(key);
    // Version 2 is a group's own metadata.
    if !matches!(key.int16()?, 0 | 1) {
        return None;
    }
    let (group, topic) = (key.string()?, key.string()?);
    let partition = key.int32()?;
    let committed = match value {
        None => None,
        Some(value) => Some(committed(value)?),
    };
    Some(OffsetCommit {
        group,
        topic,
        partition,
        next_offset: committed.map(|(offset, _)| offset),
        commit_timestamp_ms: committed.map_or(-1, |(_, timestamp)| timestamp),
    })
}

/// Offset and commit time.
fn committed(value: &[u8]) -> Option<(i64, i64)> {
    let mut fields = Fields(value);
    let version = fields.int16()?;
    if !(0..=4).contains(&version) {
        return None;
    }
    let offset = fields.int64()?;
    if version >= 3 {
        let _leader_epoch = fields.int32()?;
    }
    if version >= 4 {
        fields.skip_compact_string()?;
    } else {
        fields.skip_string()?;
    }
    let timestamp = fields.int64()?;
    Some((offset, timestamp))
}

/// Bytes still to be read.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn int16(&mut self) -> Option<i16> {
        self.array().map(i16::from_be_bytes)
    }

    fn int32(&mut self) -> Option<i32> {
        self.array().map(i32::from_be_bytes)
    }

    fn int64(&mut self) -> Option<i64> {
        self.array().map(i64::from_be_bytes)
    }

    fn string(&mut self) -> Option<String> {
        let length = usize::try_from(self.int16()?).ok()?;
        String::from_utf8(self.take(length)?.to_vec()).ok()
    }

    fn skip_string(&mut self) -> Option<()> {
        let length = usize::try_from(self.int16()?).ok()?;
        self.take(length).map(drop)
    }

    fn skip_compact_string(&mut self) -> Option<()> {
        let length = self.unsigned_varint()?.checked_sub(1)?;
        self.take(usize::try_from(length).ok()?).map(drop)
    }

    fn unsigned_varint(&mut self) -> Option<u32> {
        let mut value = 0u32;
        for shift in [0, 7, 14, 21, 28] {
            let [byte] = self.array()?;
            value |= u32::from(byte & 0x7f).checked_shl(shift)?;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn string(into: &mut Vec<u8>, text: &str) {
        into.extend(i16::try_from(text.len()).unwrap().to_be_bytes());
        into.extend(text.as_bytes());
    }

    fn key(version: i16, group: &str, topic: &str, partition: i32) -> Vec<u8> {
        let mut bytes = version.to_be_bytes().to_vec();
        string(&mut bytes, group);
        string(&mut bytes, topic);
        bytes.extend(partition.to_be_bytes());
        bytes
    }

    fn value(version: i16, offset: i64, metadata: &str, timestamp: i64) -> Vec<u8> {
        let mut bytes = version.to_be_bytes().to_vec();
        bytes.extend(offset.to_be_bytes());
        if version >= 3 {
            bytes.extend(7i32.to_be_bytes());
        }
        if version >= 4 {
            bytes.push(u8::try_from(metadata.len() + 1).unwrap());
            bytes.extend(metadata.as_bytes());
        } else {
            string(&mut bytes, metadata);
        }
        bytes.extend(timestamp.to_be_bytes());
        match version {
            1 => bytes.extend(0i64.to_be_bytes()),
            4.. => bytes.push(0),
            _ => {}
        }
        bytes
    }

    #[test]
    fn group_metadata_and_unknown_versions_are_no_offset_commits() {
        let commit = value(3, 5, "", 9);
        assert_eq!(offset_commit(&key(2, "g", "t", 0), Some(&commit)), None);
        assert_eq!(
            offset_commit(&key(1, "g", "t", 0), Some(&value(5, 5, "", 9))),
            None
        );
    }

    #[test]
    fn a_tombstone_is_a_commit_taken_back() {
        let taken_back = offset_commit(&key(1, "g", "t", 3), None).unwrap();
        assert_eq!((taken_back.partition, taken_back.next_offset), (3, None));
    }

    proptest! {
        #[test]
        fn every_known_version_is_read(
            key_version in 0..=1i16, value_version in 0..=4i16, group in "[a-z-]{0,30}", topic in "[a-z.]{1,30}",
            partition: i32, offset: i64, metadata in "[a-z]{0,90}", timestamp: i64,
        ) {
            let key = key(key_version, &group, &topic, partition);
            let value = value(value_version, offset, &metadata, timestamp);
            let expected = OffsetCommit { group, topic, partition, next_offset: Some(offset), commit_timestamp_ms: timestamp };
            prop_assert_eq!(offset_commit(&key, Some(&value)), Some(expected));
            for cut in 0..key.len() {
                prop_assert_eq!(offset_commit(&key[..cut], Some(&value)), None);
            }
        }

        #[test]
        fn arbitrary_bytes_never_panic(key: Vec<u8>, value: Option<Vec<u8>>, version in 0..=4i16, rest: Vec<u8>) {
            let _ = offset_commit(&key, value.as_deref());
            let versioned = [version.to_be_bytes().as_slice(), rest.as_slice()].concat();
            let _ = offset_commit(&self::key(1, "g", "t", 0), Some(&versioned));
        }
    }
}
