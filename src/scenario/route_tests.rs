//! Tests of routes that carry no records.

use super::tests::{one, with_route};

const FEED: &str = "  - feed: {topic: a}\n";
const MIRROR: &str = "  - connector: {name: m, config: {connector.class: MirrorSource}}\n";
const SINK: &str = "  - connector: {name: s, config: {connector.class: FileStreamSink}}\n";
const READER: &str = "  - connector: {name: r, config: {connector.class: FileStreamSource}}\n";
const TOPIC: &str = "  - tap: {topic: src.a}\n";
const FILE: &str = "  - tap: {file: out.txt}\n";

/// The steps of a route, and how its mistake is reported.
const BROKEN_ROUTES: &[(&[&str], &str)] = &[
    (&[TOPIC], "tap|begins with a tap"),
    (&[FEED], "feed|ends with a feed"),
    (
        &[FEED, MIRROR],
        "connector|ends with a connector|a tap is expected",
    ),
    (
        &[FEED, MIRROR, SINK, FILE],
        "connector|two connectors without a tap",
    ),
    (&[FEED, TOPIC], "tap|a tap without a connector"),
    (
        &[
            FEED,
            MIRROR,
            TOPIC,
            SINK,
            FILE,
            READER,
            "  - tap: {topic: b}\n",
        ],
        "connector|a third connector",
    ),
    (
        &[FEED, MIRROR, TOPIC, "  - feed: {topic: b}\n"],
        "feed|behind the beginning|`tap`",
    ),
    (&[SINK, FILE], "FileStreamSink|a sink with nothing to read"),
    (
        &[FEED, MIRROR, FILE],
        "out.txt|a source, and this tap is a file",
    ),
    (
        &["  - feed: {file: in.txt}\n", SINK, FILE],
        "FileStreamSink|a topic is expected before it",
    ),
    (
        &[
            "  - feed: {file: in.txt}\n",
            MIRROR,
            "  - tap: {topic: src.in.txt}\n",
        ],
        "MirrorSource|has no topic before it",
    ),
    (
        &[FEED, READER, TOPIC],
        "FileStreamSource|has no file before it",
    ),
    (
        &[FEED, MIRROR, "  - tap: {topic: other}\n"],
        "other|call the tap `src.a`",
    ),
    (
        &[
            FEED,
            "  - connector: {name: m, config: {connector.class: XSource}}\n",
            "  - tap: {topic: a}\n",
        ],
        "a|a second place called `a`",
    ),
    (
        &[
            FEED,
            MIRROR,
            TOPIC,
            "  - connector: {name: m, config: {connector.class: FileStreamSink}}\n",
            FILE,
        ],
        "m|a second connector called `m`",
    ),
    (
        &["  - feed: {topic: a, file: b}\n", MIRROR, TOPIC],
        "file|cannot stand beside `topic`",
    ),
    (
        &["  - feed: {topic: a/b}\n", MIRROR, TOPIC],
        "a/b|cannot name a feed or tap",
    ),
    (
        &["  - feed: {}\n", MIRROR, TOPIC],
        "feed|needs `topic` or `file`",
    ),
    (
        &[
            FEED,
            "  - connector: {name: m, config: {tasks.max: 1}}\n",
            FILE,
        ],
        "config|`connector.class` is missing",
    ),
    (
        &[
            FEED,
            "  - connector: {name: m, config: {connector.class: X, tasks.max: no}}\n",
            FILE,
        ],
        "no|`tasks.max` cannot be `no`",
    ),
    (
        &[
            FEED,
            "  - connector: {name: m, config: {connector.class: X, name: n}}\n",
            FILE,
        ],
        "n|a second name",
    ),
    (
        &[
            FEED,
            "  - connector: {name: m, config: {connector.class: X}}\n",
            TOPIC,
        ],
        "X|a source or a sink",
    ),
    (
        &[FEED, MIRROR, "  - tap: {topic: src.a, lane: {value: /a}}\n"],
        "lane|behind a feed",
    ),
    (
        &[
            "  - connector: {name: m, config: {connector.class: XSource}}\n",
            TOPIC,
        ],
        "src.a|how are the records",
    ),
    (
        &[
            "  - feed: {file: in.txt}\n",
            READER,
            "  - tap: {topic: b, partitions: 4}\n",
        ],
        "4|would lose their order",
    ),
    (
        &[
            FEED,
            "  - connector: {name: s, config: {connector.class: FileStreamSink, file: /tmp/x}}\n",
            FILE,
        ],
        "/tmp/x|not the one in the route",
    ),
];

#[test]
fn a_route_that_carries_no_records_is_reported() {
    for (steps, expected) in BROKEN_ROUTES {
        one(&with_route(&steps.concat()), expected);
    }
}
