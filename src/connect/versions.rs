//! What differs between releases of Kafka Connect, in one table keyed by version.

use crate::model::KafkaVersion;

/// Something that only some releases have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Feature {
    /// `GET /connectors?expand=status`.
    ExpandStatus,
    /// `PUT /admin/loggers/{class}` on one worker (KIP-495).
    Loggers,
    /// `POST /connectors/{name}/restart?includeTasks=&onlyFailed=` (KIP-745).
    RestartWithTasks,
    /// `GET /connector-plugins?connectorsOnly=false` (KIP-769).
    AllPlugins,
    /// Exactly-once sources: `exactly.once.source.support` (KIP-618).
    ExactlyOnceSource,
    /// `GET /connectors/{name}/offsets` (KIP-875, first part).
    ReadOffsets,
    /// `PUT /connectors/{name}/stop` (KIP-875, first part).
    Stop,
    /// `PATCH` and `DELETE /connectors/{name}/offsets` (KIP-875, second part).
    AlterOffsets,
    /// The worker setting `plugin.discovery` (KIP-898).
    PluginDiscovery,
    /// `initial_state` in `POST /connectors` (KIP-980).
    InitialState,
    /// Client ids of workers name the worker: `connect-<worker id>` instead of `connect-1`.
    WorkerClientId,
    /// `GET /health` (KIP-1017).
    Health,
    /// log4j 2 with its YAML configuration instead of log4j 1 with properties (KIP-653).
    Log4j2,
    /// `version` in statuses (KIP-891).
    StatusVersion,
    /// `GET /connectors/{name}/tasks-config` (deprecated in 3.7, removed by KIP-970).
    TasksConfig,
}

/// First release with a feature, and the first without it again.
type Span = (KafkaVersion, Option<KafkaVersion>);

const fn since(major: u16, minor: u16) -> Span {
    (KafkaVersion::new(major, minor, 0), None)
}

impl Feature {
    const fn span(self) -> Span {
        match self {
            Self::ExpandStatus => since(2, 3),
            Self::Loggers => since(2, 4),
            Self::RestartWithTasks => since(3, 0),
            Self::AllPlugins => since(3, 2),
            Self::ExactlyOnceSource => since(3, 3),
            Self::ReadOffsets | Self::Stop => since(3, 5),
            Self::AlterOffsets | Self::PluginDiscovery => since(3, 6),
            Self::InitialState | Self::WorkerClientId => since(3, 7),
            Self::Health => since(3, 9),
            Self::Log4j2 => since(4, 0),
            Self::StatusVersion => since(4, 1),
            Self::TasksConfig => (KafkaVersion::new(2, 8, 0), Some(KafkaVersion::new(4, 0, 0))),
        }
    }

    /// Whether workers of this release have it.
    pub fn is_in(self, version: KafkaVersion) -> bool {
        let (first, gone) = self.span();
        version >= first && gone.is_none_or(|gone| version < gone)
    }

    /// The first release that has it.
    pub const fn first_release(self) -> KafkaVersion {
        self.span().0
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

/// The oldest Java that runs brokers and workers of this release (KIP-750, KIP-1013).
pub const fn java_needed(version: KafkaVersion) -> u32 {
    if version.at_least(4, 0) { 17 } else { 8 }
}

/// A Maven artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// The group id.
    pub group: &'static str,
    /// The artifact id.
    pub name: &'static str,
    /// Its version.
    pub version: String,
}

/// Where Kafka's `VerifiableSourceConnector` and `VerifiableSinkConnector` are: in `connect-runtime` up to 3.5, in
/// `connect-test-plugins` from 3.6 to 3.9. Later releases publish none; the last one published runs on them too.
pub fn verifiable_connectors(version: KafkaVersion) -> Artifact {
    let (name, version) = if version.at_least(4, 0) {
        ("connect-test-plugins", KafkaVersion::new(3, 9, 1))
    } else if version.at_least(3, 6) {
        ("connect-test-plugins", version)
    } else {
        ("connect-runtime", version)
    };
    Artifact {
        group: "org.apache.kafka",
        name,
        version: version.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> KafkaVersion {
        text.parse().unwrap()
    }

    #[test]
    fn features_begin_and_end_with_their_releases() {
        for (feature, without, with) in [
            (Feature::ReadOffsets, "3.4.1", "3.5.0"),
            (Feature::AlterOffsets, "3.5.2", "3.6.0"),
            (Feature::Health, "3.8.1", "3.9.0"),
            (Feature::Log4j2, "3.9.1", "4.0.0"),
            (Feature::TasksConfig, "4.0.0", "3.9.1"),
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

    #[test]
    fn verifiable_connectors_move_with_the_release() {
        let found = |text| {
            let artifact = verifiable_connectors(version(text));
            (artifact.name, artifact.version)
        };
        assert_eq!(found("3.5.2"), ("connect-runtime", "3.5.2".to_owned()));
        assert_eq!(found("3.6.0"), ("connect-test-plugins", "3.6.0".to_owned()));
        assert_eq!(found("4.1.1"), ("connect-test-plugins", "3.9.1".to_owned()));
    }
}
