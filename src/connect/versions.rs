//! What differs between releases of Kafka Connect, in one table keyed by version.

use crate::model::KafkaVersion;

/// Something that only some releases have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Feature {
    /// `GET /connectors/{name}/offsets` (KIP-875, first part).
    ReadOffsets,
    /// `PATCH` and `DELETE /connectors/{name}/offsets` (KIP-875, second part).
    AlterOffsets,
    /// `initial_state` in `POST /connectors` (KIP-980).
    InitialState,
}

impl Feature {
    /// The first release whose workers have it.
    pub const fn first_release(self) -> KafkaVersion {
        match self {
            Self::ReadOffsets => KafkaVersion::new(3, 5, 0),
            Self::AlterOffsets => KafkaVersion::new(3, 6, 0),
            Self::InitialState => KafkaVersion::new(3, 7, 0),
        }
    }

    /// Whether workers of this release have it.
    pub fn is_in(self, version: KafkaVersion) -> bool {
        version >= self.first_release()
    }
}

/// The release of Kafka that a worker's version text stands for; vendors add numbers and words behind it, and Confluent
/// counts by itself: 7.x is Kafka 3.x, 8.x is 4.x, 6.x is 2.(x + 6). `None` for a text that begins otherwise.
pub fn release_of(text: &str) -> Option<KafkaVersion> {
    let mut numbers = text.split(['.', '-', '+']);
    let mut number = || numbers.next()?.parse::<u16>().ok();
    let (major, minor, patch) = (number()?, number()?, number()?);
    let confluent = ["-ccs", "-ce"].iter().any(|mark| text.contains(mark));
    Some(match major {
        6 if confluent => KafkaVersion::new(2, minor + 6, patch),
        7.. if confluent => KafkaVersion::new(major - 4, minor, patch),
        _ => KafkaVersion::new(major, minor, patch),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> KafkaVersion {
        text.parse().unwrap()
    }

    #[test]
    fn features_begin_with_their_releases() {
        for (feature, without, with) in [
            (Feature::ReadOffsets, "3.4.1", "3.5.0"),
            (Feature::AlterOffsets, "3.5.2", "3.6.0"),
            (Feature::InitialState, "3.6.2", "3.7.0"),
        ] {
            assert!(!feature.is_in(version(without)), "{feature:?} in {without}");
            assert!(feature.is_in(version(with)), "{feature:?} not in {with}");
        }
    }

    #[test]
    fn vendors_version_texts_stand_for_a_release_of_kafka() {
        for (text, release) in [
            ("4.1.1", "4.1.1"),
            ("3.7.0.redhat-00007", "3.7.0"),
            ("7.6.1-ccs", "3.6.1"),
            ("8.0.0-ce", "4.0.0"),
            ("6.2.1-ccs", "2.8.1"),
            ("4.2.0-SNAPSHOT", "4.2.0"),
        ] {
            assert_eq!(release_of(text), Some(version(release)), "{text}");
        }
        assert_eq!(release_of("unknown"), None);
    }
}
