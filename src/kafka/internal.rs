//! Records of `__consumer_offsets` as bytes: which group committed which offset, and which generation a group is in.
//!
//! Layouts after Kafka's `OffsetCommitKey`, `OffsetCommitValue`, `GroupMetadataKey` and `GroupMetadataValue` message
//! definitions: a 16-bit version, then fields. Strings carry a 16-bit length in key versions 0–2 and value versions 0–3;
//! value version 4 is of the flexible kind (lengths as unsigned varints plus one, tagged fields at the end).

/// The topic.
pub const TOPIC: &str = "__consumer_offsets";

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

/// What the coordinator wrote down when a generation of a group was complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupRecord {
    /// The group.
    pub group: String,
    /// Its generation; `None` when the group was deleted.
    pub generation: Option<i32>,
}

/// Decodes a record's key and value; `None` for what is not a classic group's own metadata (commits, other versions,
/// damage).
pub fn group_record(key: &[u8], value: Option<&[u8]>) -> Option<GroupRecord> {
    let mut key = Fields(key);
    if key.int16()? != 2 {
        return None;
    }
    let group = key.string()?;
    let generation = match value {
        None => None,
        Some(value) => Some(generation(value)?),
    };
    Some(GroupRecord { group, generation })
}

fn generation(value: &[u8]) -> Option<i32> {
    let mut fields = Fields(value);
    match fields.int16()? {
        0..=3 => fields.skip_string()?,
        4 => fields.skip_compact_string()?,
        _ => return None,
    }
    fields.int32()
}

/// The partition that holds all records of a group: the hash of its id as Java computes it, without the sign
/// (`Utils.abs(groupId.hashCode()) % partitions`).
pub fn partition_of(group: &str, partitions: u32) -> i32 {
    let hash = group.encode_utf16().fold(0_i32, |hash, unit| {
        hash.wrapping_mul(31).wrapping_add(i32::from(unit))
    });
    // The smallest number has no positive one; Kafka takes 0 for it.
    let positive = u32::try_from(hash.checked_abs().unwrap_or(0)).unwrap_or(0);
    i32::try_from(positive % partitions.max(1)).unwrap_or(0)
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
    fn the_generation_of_a_group_is_read_in_each_known_version() {
        let mut key = 2i16.to_be_bytes().to_vec();
        string(&mut key, "connect-cluster");
        let record = |version: i16| {
            let mut value = version.to_be_bytes().to_vec();
            if version >= 4 {
                value.push(8);
                value.extend(b"connect");
            } else {
                string(&mut value, "connect");
            }
            value.extend(17i32.to_be_bytes());
            value.extend(b"protocol, leader and members");
            group_record(&key, Some(&value))
        };
        for version in 0..=4 {
            let known = record(version).unwrap();
            assert_eq!(
                (known.group.as_str(), known.generation),
                ("connect-cluster", Some(17))
            );
        }
        assert_eq!(record(5), None);
        assert_eq!(group_record(&key, None).unwrap().generation, None);
        assert_eq!(group_record(&self::key(1, "g", "t", 0), None), None);
    }

    #[test]
    fn a_groups_partition_is_found_as_java_finds_it() {
        // "polygenelubricants".hashCode() is Integer.MIN_VALUE.
        assert_eq!(partition_of("polygenelubricants", 50), 0);
        assert_eq!(partition_of("a", 50), 97 % 50);
        assert_eq!(partition_of("ab", 50), (97 * 31 + 98) % 50);
        assert_eq!(partition_of("", 50), 0);
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
            let _ = group_record(&key, value.as_deref());
            let _ = group_record(&[0, 2, 0, 1, b'g'], Some(&versioned));
        }
    }
}
