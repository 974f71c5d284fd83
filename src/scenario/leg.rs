//! One connector of a route with the places around it: do they fit, and how are its records and offsets read?

use std::collections::BTreeSet;

use crate::model::secrets::is_secret;
use crate::model::{
    Connector, Decode, Decoded, Direction, Medium, OffsetMapping, Place, SequenceNames,
};

use super::draft::{ConnectorDraft, PlaceDraft, whole_of};
use super::mistake::Collector;
use super::shape::listed;
use super::substitute::{self, Piece};
use super::tree::Node;
use super::units;
use super::value::StreamSpec;
use super::wiring::{self, Surroundings};

/// What all legs of a route share.
pub(super) struct Setting<'a> {
    pub(super) stream: StreamSpec,
    pub(super) brokers: u32,
    /// All places in the way of the records.
    pub(super) media: &'a [&'a Medium],
    /// Whether the first connector makes its own records.
    pub(super) generated: bool,
}

/// The feed of a route.
pub(super) fn feed(draft: &PlaceDraft<'_>, stream: StreamSpec) -> Place {
    Place {
        name: draft.name.clone(),
        medium: draft.medium.clone(),
        partitions: whole_of(draft.node, "partitions").unwrap_or(stream.lanes.min(12)),
        decode: Decode::Line,
        silent_for_ms: None,
    }
}

/// A connector and its tap; `None` when they cannot stand where they do, which is reported.
pub(super) fn read(
    draft: &ConnectorDraft<'_>,
    tap: &PlaceDraft<'_>,
    before: Option<&Place>,
    setting: &Setting<'_>,
    mistakes: &mut Collector<'_>,
) -> Option<(Connector, Place)> {
    check_names(draft, tap, before, setting, mistakes);
    let direction = direction(draft, tap, before, mistakes)?;
    check_places(draft, direction, tap, before, mistakes)?;
    let mut connector = Connector {
        direction,
        ..draft.connector.clone()
    };
    connector.offsets = offsets(draft, &connector, mistakes);
    check_own_classes(draft, tap, before, setting, mistakes);
    let decode = decode(&connector, tap, before, setting, mistakes)?;
    let place = Place {
        name: tap.name.clone(),
        medium: tap.medium.clone(),
        partitions: partitions(&connector, tap, before, setting.stream, mistakes),
        decode,
        silent_for_ms: tap.node.read("silent-for", units::duration),
    };
    let around = Surroundings {
        before: before.map(|place| &place.medium),
        after: &tap.medium,
        brokers: setting.brokers,
        stream: setting.stream,
    };
    wiring::fill_in(&mut connector, &around);
    Some((connector, place))
}

fn check_names(
    draft: &ConnectorDraft<'_>,
    tap: &PlaceDraft<'_>,
    before: Option<&Place>,
    setting: &Setting<'_>,
    mistakes: &mut Collector<'_>,
) {
    let before = before.map(|place| &place.medium);
    let names = substitute::known_names(before, Some(&tap.medium), setting.media);
    let known: Vec<&str> = names.keys().map(String::as_str).collect();
    let entries = draft.node.get("config").map_or(&[][..], Node::entries);
    for entry in entries {
        let value = &entry.value;
        // A value has one place, so the same name is told once in it.
        let mut told = BTreeSet::new();
        for piece in substitute::pieces(value.text().unwrap_or("")) {
            match piece {
                Piece::Name(name) if !names.contains_key(name) && told.insert(name) => {
                    // A piece of a password is not repeated.
                    let name = if is_secret(&entry.key) { "…" } else { name };
                    let message = format!("`${{{name}}}` stands for nothing here");
                    let help = format!(
                        "known here: {}; `$${{` gives a plain `${{`",
                        listed(&known, "and")
                    );
                    mistakes.report(value.span, message, help);
                }
                Piece::Unclosed(_) => {
                    let help = "close it with `}`, or write `$${` for a plain `${`";
                    mistakes.report(value.span, "a `${` without its `}`", help);
                }
                Piece::Name(_) | Piece::Text(_) => {}
            }
        }
    }
}

fn direction(
    draft: &ConnectorDraft<'_>,
    tap: &PlaceDraft<'_>,
    before: Option<&Place>,
    mistakes: &mut Collector<'_>,
) -> Option<Direction> {
    if draft.direction.is_some() {
        return draft.direction;
    }
    match (before.map(|place| &place.medium), &tap.medium) {
        (None | Some(Medium::File(_)), _) => Some(Direction::Source),
        (Some(Medium::Topic(_)), Medium::File(_)) => Some(Direction::Sink),
        (Some(Medium::Topic(_)), Medium::Topic(_)) => {
            let name = &draft.connector.name;
            let message = format!("nothing tells whether `{name}` is a source or a sink");
            let help = "add `direction: source` or `direction: sink` beside its name";
            mistakes.report(draft.place, message, help);
            None
        }
    }
}

fn check_places(
    draft: &ConnectorDraft<'_>,
    direction: Direction,
    tap: &PlaceDraft<'_>,
    before: Option<&Place>,
    mistakes: &mut Collector<'_>,
) -> Option<()> {
    let name = &draft.connector.name;
    match (direction, before.map(|place| &place.medium), &tap.medium) {
        (Direction::Source, _, Medium::File(_)) => {
            let message = format!("`{name}` is a source, and this tap is a file");
            let help = "a source writes into Kafka: a topic is expected behind it";
            mistakes.report(tap.name_span, message, help);
            None
        }
        (Direction::Sink, None, _) => {
            let message = format!("`{name}` is a sink with nothing to read");
            let help = "a sink reads from Kafka: put `- feed: {topic: …}` before it";
            mistakes.report(draft.place, message, help);
            None
        }
        (Direction::Sink, Some(Medium::File(file)), _) => {
            let message = format!("`{name}` is a sink, and `{file}` before it is a file");
            let help = "a sink reads from Kafka: a topic is expected before it";
            mistakes.report(draft.place, message, help);
            None
        }
        (Direction::Source, _, Medium::Topic(_)) | (Direction::Sink, Some(_), _) => Some(()),
    }
}

/// What Kafka's own connectors need around them.
fn check_own_classes(
    draft: &ConnectorDraft<'_>,
    tap: &PlaceDraft<'_>,
    before: Option<&Place>,
    setting: &Setting<'_>,
    mistakes: &mut Collector<'_>,
) {
    let connector = &draft.connector;
    let medium = before.map(|place| &place.medium);
    let needed = [
        (
            "MirrorSource",
            "topic",
            matches!(medium, Some(Medium::Topic(_))),
        ),
        (
            "FileStreamSource",
            "file",
            matches!(medium, Some(Medium::File(_))),
        ),
    ];
    for (class, what, fits) in needed {
        if connector.is_class(class) && !fits {
            let message = format!("{class} has no {what} before it");
            let help = format!("it copies a {what}: put a feed or tap with `{what}:` before it");
            mistakes.report(draft.place, message, help);
        }
    }
    if connector.is_class("FileStreamSink") && matches!(tap.medium, Medium::Topic(_)) {
        let help = "it writes a file: `tap: {file: …}` is expected";
        mistakes.report(tap.name_span, "FileStreamSink has a topic behind it", help);
    }
    if connector.is_class("VerifiableSource") {
        check_verifiable(draft, before, setting, mistakes);
    }
    if connector.is_class("FileStreamSource") || connector.is_class("FileStreamSink") {
        check_file_setting(draft, mistakes);
    }
}

fn check_verifiable(
    draft: &ConnectorDraft<'_>,
    before: Option<&Place>,
    setting: &Setting<'_>,
    mistakes: &mut Collector<'_>,
) {
    let tasks = draft.connector.tasks_max();
    if before.is_some() {
        let help = "it makes its own records: begin the route with it";
        mistakes.report(draft.place, "VerifiableSource has a place before it", help);
    } else if !draft.connector.tasks_are_provided() && setting.stream.lanes != tasks {
        let lanes = setting.stream.lanes;
        let message = format!("{lanes} lanes, but VerifiableSource makes one a task: {tasks}");
        let help = "leave `lanes` out, or write the same number as `tasks.max`";
        mistakes.report(draft.place, message, help);
    }
}

fn check_file_setting(draft: &ConnectorDraft<'_>, mistakes: &mut Collector<'_>) {
    let file = draft
        .node
        .get("config")
        .and_then(|config| config.get("file"));
    if let Some(file) = file
        && !file.text().is_some_and(|text| text.contains("${"))
    {
        let message = "a file that is not the one in the route";
        let help = "leave `file` out: it is filled in from the route";
        mistakes.report(file.span, message, help);
    }
}

fn offsets(
    draft: &ConnectorDraft<'_>,
    connector: &Connector,
    mistakes: &mut Collector<'_>,
) -> OffsetMapping {
    let given = draft.node.entry("offsets");
    match (connector.direction, given) {
        (Direction::Sink, None) => OffsetMapping::SinkGroup,
        (Direction::Sink, Some(entry)) => {
            let message = format!("`{}` is a sink", connector.name);
            let help = "take it out: a sink's offsets are read from its consumer group";
            mistakes.report(entry.key_span, message, help);
            OffsetMapping::SinkGroup
        }
        (Direction::Source, Some(entry)) => OffsetMapping::Pointers {
            lane: entry.value.read("lane", units::pointer),
            sequence: entry
                .value
                .read("sequence", units::pointer)
                .unwrap_or_default(),
            names: match entry.value.text_of("names") {
                Some("next-to-send") => SequenceNames::NextToSend,
                _ => SequenceNames::LastSent,
            },
        },
        (Direction::Source, None) => offsets_of_class(connector),
    }
}

fn offsets_of_class(connector: &Connector) -> OffsetMapping {
    if connector.is_class("MirrorSource") {
        OffsetMapping::MirrorSource
    } else if connector.is_class("FileStreamSource") {
        OffsetMapping::FileStreamSource
    } else if connector.is_class("VerifiableSource") {
        // `VerifiableSourceTask`: partition {"id": task}, offset {"seqno": last sent}.
        OffsetMapping::Pointers {
            lane: Some("/id".to_owned()),
            sequence: "/seqno".to_owned(),
            names: SequenceNames::LastSent,
        }
    } else {
        OffsetMapping::NotMeasurable
    }
}

/// How the tap's records are read: Squall's own lines behind a feed, by pointers where the source made them.
fn decode(
    connector: &Connector,
    tap: &PlaceDraft<'_>,
    before: Option<&Place>,
    setting: &Setting<'_>,
    mistakes: &mut Collector<'_>,
) -> Option<Decode> {
    let entries = [tap.node.entry("lane"), tap.node.entry("sequence")];
    let given = entries.map(|entry| entry.map(|entry| &entry.value));
    let is_file = matches!(tap.medium, Medium::File(_));
    if !setting.generated {
        for entry in entries.into_iter().flatten() {
            let message = format!("`{}` behind a feed", entry.key);
            let help = "take it out: what Squall feeds carries its own lane and number";
            mistakes.report(entry.key_span, message, help);
        }
        return Some(Decode::Line);
    }
    for entry in entries.into_iter().flatten() {
        if let (true, Some(key)) = (is_file, entry.value.entry("key")) {
            let help = "write `value:` and a pointer into the line";
            mistakes.report(key.key_span, "a file holds no keys", help);
        }
    }
    if let [Some(lane), Some(sequence)] = given {
        return Some(Decode::Pointers {
            lane: decoded(lane)?,
            sequence: decoded(sequence)?,
        });
    }
    // `VerifiableSourceTask`: the key is the task's number, the value the sequence number.
    if connector.is_class("VerifiableSource") {
        return Some(Decode::Pointers {
            lane: Decoded::Key(String::new()),
            sequence: Decoded::Value(String::new()),
        });
    }
    match before.map(|place| &place.decode) {
        Some(inherited) if !is_file || !reads_key(inherited) => Some(inherited.clone()),
        Some(_) | None => {
            let message = format!("how are the records of `{}` read?", tap.name);
            let help = "without a feed the source makes them: add `lane: {value: /…}` and `sequence: {value: /…}`";
            mistakes.report(tap.name_span, message, help);
            None
        }
    }
}

fn decoded(node: &Node) -> Option<Decoded> {
    let key = node.read("key", units::pointer).map(Decoded::Key);
    key.or_else(|| node.read("value", units::pointer).map(Decoded::Value))
}

const fn reads_key(decode: &Decode) -> bool {
    match decode {
        Decode::Line => false,
        Decode::Pointers { lane, sequence } => {
            matches!(lane, Decoded::Key(_)) || matches!(sequence, Decoded::Key(_))
        }
    }
}

fn partitions(
    connector: &Connector,
    tap: &PlaceDraft<'_>,
    before: Option<&Place>,
    stream: StreamSpec,
    mistakes: &mut Collector<'_>,
) -> u32 {
    let given = whole_of(tap.node, "partitions");
    if connector.is_class("FileStreamSource") {
        if let (Some(2..), Some(node)) = (given, tap.node.get("partitions")) {
            let message = "FileStreamSource writes no keys, so lanes would lose their order";
            mistakes.report(node.span, message, "write 1, or leave it out");
        }
        return 1;
    }
    // MirrorSource gives its topic as many partitions as the one that it copies.
    let natural = match before {
        Some(place) if connector.is_class("MirrorSource") => place.partitions,
        Some(_) | None => stream.lanes.min(12),
    };
    given.unwrap_or(natural)
}
