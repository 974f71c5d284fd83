//! Every key of a scenario file in tables: the parser's check and the JSON Schema are both made from them.

/// The most items of a list that a person would write.
pub(super) const MOST_ITEMS: usize = 100;
/// The most faults of a plan: a fault every minute for a week.
pub(super) const MOST_FAULTS: usize = 10_000;

/// A map of the file: which keys it may have, and which of them go together.
pub(super) struct Table {
    /// All keys, in the order in which a person would write them.
    pub(super) keys: &'static [Key],
    /// Of each of these groups exactly one key must be there.
    pub(super) exactly_one: &'static [&'static [&'static str]],
    /// Of each of these groups at most one key may be there.
    pub(super) at_most_one: &'static [&'static [&'static str]],
    /// Keys of its neighbours that it does not have, each with what to write here instead.
    pub(super) elsewhere: &'static [(&'static str, &'static str)],
}

/// A key of a map.
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) required: bool,
    /// What it means; the description in the JSON Schema.
    pub(super) about: &'static str,
    pub(super) shape: Shape,
}

/// What may stand behind a key.
pub(super) enum Shape {
    /// Any text that is no bare number.
    Text,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A whole number within these ends.
    Whole(u64, u64),
    /// One of these whole numbers.
    OneOf(&'static [u64]),
    Duration,
    /// A duration that is not zero.
    Length,
    /// A duration, or this word.
    DurationOr(&'static str),
    /// A duration, perhaps with `± jitter`.
    Jittered,
    /// `from..to`.
    Stretch,
    Rate,
    Size,
    /// A Kafka release.
    Version,
    /// A JSON pointer.
    Pointer,
    /// A Maven coordinate.
    Maven,
    /// A whole number, or one of these words.
    Limit(&'static [&'static str]),
    /// A whole number, or a share in percent.
    Amount,
    /// `true` or `false`.
    Truth,
    /// A whole number, one of these words, or a map.
    LimitOr(&'static [&'static str], &'static Table),
    /// Kafka settings: any key with a word, number or text.
    Settings,
    Map(&'static Table),
    /// A list of at least and at most so many.
    List(&'static Shape, usize, usize),
    /// A text or a map.
    TextOr(&'static Table),
    /// This word, or a list of texts.
    WordOrTexts(&'static str),
}

pub(super) const fn key(name: &'static str, shape: Shape, about: &'static str) -> Key {
    Key {
        name,
        required: false,
        about,
        shape,
    }
}

pub(super) const fn required(name: &'static str, shape: Shape, about: &'static str) -> Key {
    Key {
        name,
        required: true,
        about,
        shape,
    }
}

pub(super) const fn table(keys: &'static [Key]) -> Table {
    Table {
        keys,
        exactly_one: &[],
        at_most_one: &[],
        elsewhere: &[],
    }
}

/// The whole file.
pub(super) static SCENARIO: Table = table(&[
    required(
        "name",
        Shape::Text,
        "Short name; names the run folder. Letters, digits, `.`, `_` and `-`.",
    ),
    key(
        "question",
        Shape::Text,
        "The question that this scenario answers, in a sentence.",
    ),
    key("kafka", Shape::Map(&KAFKA), "The brokers."),
    key("connect", Shape::Map(&CONNECT), "The Connect workers."),
    key(
        "stream",
        Shape::Map(&STREAM),
        "The known records that Squall feeds.",
    ),
    required(
        "route",
        Shape::List(&Shape::Map(&ROUTE_STEP), 1, MOST_ITEMS),
        "The way of the records: feed, connector, tap, and perhaps one more connector and tap. Without a feed the first connector makes its own records.",
    ),
    key(
        "faults",
        Shape::List(&Shape::Map(&FAULT_STEP), 0, MOST_FAULTS),
        "What is done to the workers, in order; empty for a control.",
    ),
    key(
        "expect",
        Shape::Map(&EXPECT),
        "What must hold; what is left out is measured and shown but not judged.",
    ),
    key(
        "baseline",
        Shape::Duration,
        "Least length of the undisturbed phase before the first fault; 5s, or two of the longest `silent-for`.",
    ),
    key(
        "duration",
        Shape::Duration,
        "Least time that records flow after the baseline; 10s.",
    ),
    key(
        "recovery-wait",
        Shape::Duration,
        "Longest wait for the recovery from a fault before the run goes on; worked out from the settings.",
    ),
    key(
        "quiet",
        Shape::Duration,
        "Nothing for this long at a tap, and for twice its longest silence in the baseline, ends the drain; 2s.",
    ),
    key(
        "drain",
        Shape::Duration,
        "Longest drain; 120s, or the offset flush interval, 60s and three of the longest `silent-for` where that is more.",
    ),
]);

static KAFKA: Table = table(&[
    key(
        "version",
        Shape::Version,
        "Release of the brokers, 3.0.0 to 4.3.x; 4.1.1.",
    ),
    key("brokers", Shape::OneOf(&[1, 3]), "How many: 1 or 3; 1."),
]);

static CONNECT: Table = table(&[
    key(
        "version",
        Shape::Version,
        "Release of the workers, 3.0.0 to 4.3.x; that of the brokers.",
    ),
    key(
        "workers",
        Shape::Whole(1, 99),
        "How many workers; they are called w1, w2, …; 3.",
    ),
    key(
        "config",
        Shape::Settings,
        "Worker settings; what is not here has Connect's own default.",
    ),
    key(
        "plugins",
        Shape::List(&Shape::TextOr(&PLUGIN), 0, MOST_ITEMS),
        "What stands on the plugin path besides Kafka's own connectors: folders, jars or Maven coordinates.",
    ),
]);

static PLUGIN: Table = Table {
    keys: &[
        key(
            "path",
            Shape::Text,
            "A folder or a jar, relative to the scenario file.",
        ),
        key(
            "maven",
            Shape::Maven,
            "A Maven coordinate `group:artifact:version`, fetched with its dependencies.",
        ),
    ],
    exactly_one: &[&["path", "maven"]],
    at_most_one: &[],
    elsewhere: &[],
};

static STREAM: Table = table(&[
    key(
        "lanes",
        Shape::Whole(1, 100_000),
        "Independent ordered sequences; 12. For a source that makes its own records: its number of tasks.",
    ),
    key(
        "rate",
        Shape::Rate,
        "Records per second over all lanes; 2000/s.",
    ),
    key(
        "record-size",
        Shape::Size,
        "Size of each record, at least 40 bytes; 200.",
    ),
]);

static ROUTE_STEP: Table = Table {
    keys: &[
        key(
            "feed",
            Shape::Map(&FEED),
            "Where Squall writes the stream: a topic or a file.",
        ),
        key(
            "connector",
            Shape::Map(&CONNECTOR),
            "A connector that moves the records on.",
        ),
        key(
            "tap",
            Shape::Map(&TAP),
            "Where Squall reads what arrived: a topic or a file.",
        ),
    ],
    exactly_one: &[&["feed", "connector", "tap"]],
    at_most_one: &[],
    elsewhere: &[],
};

const TOPIC: Key = key("topic", Shape::Text, "A Kafka topic of this name.");
const FILE: Key = key(
    "file",
    Shape::Text,
    "A file of this name in the run's shared folder.",
);
const PARTITIONS: Key = key(
    "partitions",
    Shape::Whole(1, 10_000),
    "Partitions of the topic; as many as lanes, at most 12.",
);

static FEED: Table = Table {
    keys: &[TOPIC, FILE, PARTITIONS],
    exactly_one: &[&["topic", "file"]],
    at_most_one: &[&["file", "partitions"]],
    elsewhere: &[(
        "silent-for",
        "the feed keeps its pace: say it at the tap behind the connector that writes in batches",
    )],
};

static TAP: Table = Table {
    keys: &[
        TOPIC,
        FILE,
        PARTITIONS,
        key(
            "lane",
            Shape::Map(&DECODED),
            "Where the lane stands in records that the source made itself.",
        ),
        key(
            "sequence",
            Shape::Map(&DECODED),
            "Where the sequence number stands in records that the source made itself.",
        ),
        key(
            "silent-for",
            Shape::Length,
            "How long nothing may arrive here although all is well, of a connector that writes in batches; learned in the baseline where batches are at most a minute apart.",
        ),
    ],
    exactly_one: &[&["topic", "file"]],
    at_most_one: &[&["file", "partitions"]],
    elsewhere: &[],
};

static DECODED: Table = Table {
    keys: &[
        key("key", Shape::Pointer, "JSON pointer into the record's key."),
        key(
            "value",
            Shape::Pointer,
            "JSON pointer into the record's value.",
        ),
    ],
    exactly_one: &[&["key", "value"]],
    at_most_one: &[],
    elsewhere: &[],
};

static CONNECTOR: Table = table(&[
    required("name", Shape::Text, "Its name in Connect."),
    key(
        "direction",
        Shape::Word(&["source", "sink"]),
        "Which way it moves records; told from its class where that ends in Source or Sink.",
    ),
    required(
        "config",
        Shape::Settings,
        "Its configuration. `${bootstrap}`, `${in}`, `${out}` and `${topic.NAME}` stand for names of this run; `$${` for a plain `${`.",
    ),
    key(
        "offsets",
        Shape::Map(&OFFSETS),
        "How the committed offsets of this source name its records.",
    ),
]);

static OFFSETS: Table = table(&[
    key(
        "lane",
        Shape::Pointer,
        "JSON pointer into the source partition that gives the lane; without it there is one lane.",
    ),
    required(
        "sequence",
        Shape::Pointer,
        "JSON pointer into the source offset that gives the sequence number.",
    ),
    required(
        "names",
        Shape::Word(&["last-sent", "next-to-send"]),
        "Which record that number names.",
    ),
]);

static FAULT_STEP: Table = Table {
    keys: &[
        key("kill", Shape::Map(&KILL), "SIGKILL."),
        key(
            "stop",
            Shape::Map(&STOP),
            "SIGTERM, and SIGKILL when the grace is over.",
        ),
        key(
            "pause",
            Shape::Map(&PAUSE),
            "The worker stands still and is resumed: SIGSTOP and SIGCONT, or a paused container.",
        ),
        key(
            "disconnect",
            Shape::Map(&DISCONNECT),
            "The worker runs on without its network and is connected again; not with local processes.",
        ),
        key(
            "repeat",
            Shape::Map(&REPEAT),
            "Rounds of faults, each a time after the one before.",
        ),
        key(
            "rolling",
            Shape::Map(&ROLLING),
            "The same fault for each worker in turn, each after the recovery from the one before.",
        ),
    ],
    exactly_one: &[&["kill", "stop", "pause", "disconnect", "repeat", "rolling"]],
    at_most_one: &[],
    elsewhere: &[],
};

const TARGET: Key = key(
    "target",
    Shape::TextOr(&OWNER_TARGET),
    "Which worker: its name, or leader, follower, any, all, or {owner: TASK}; roles are looked up when the fault is due.",
);
const OWNER: Key = key(
    "owner",
    Shape::Text,
    "The worker that runs this task, such as `mirror-1`.",
);
const GRACE: Key = key(
    "grace",
    Shape::Duration,
    "How long the worker may take to stop; 30s.",
);
const RESTART_AFTER: Key = key(
    "restart-after",
    Shape::DurationOr("never"),
    "Pause between the end of the process and its new start, or never; 0s.",
);
const FOR: Key = required(
    "for",
    Shape::Length,
    "How long the worker stands still or has no network, counted from when that is proven.",
);
const AT: Key = key(
    "at",
    Shape::Duration,
    "Due this long after the baseline, whatever else happens.",
);
const AFTER_RECOVERY: Key = key(
    "after-recovery",
    Shape::Duration,
    "Due this long after everything before has been recovered from; 0s.",
);
const TARGETS: &[&[&str]] = &[&["target", "owner"]];
const STARTS: &[&[&str]] = &[&["at", "after-recovery"]];
/// What a fault that ends the process does not have.
const OF_PAUSES: (&str, &str) = (
    "for",
    "its process ends, and a new one starts: write `restart-after`",
);
const NO_GRACE: (&str, &str) = ("grace", "SIGKILL leaves no time: only `stop` has a grace");
/// What a fault that leaves the process alive does not have.
const OF_ENDS: &[(&str, &str)] = &[
    (
        "restart-after",
        "its process does not end, so there is nothing to restart: write `for`",
    ),
    ("grace", "it comes at once: only `stop` has a grace"),
];

static OWNER_TARGET: Table = table(&[required(
    "owner",
    Shape::Text,
    "The worker that runs this task, such as `mirror-1`.",
)]);

static KILL: Table = Table {
    keys: &[TARGET, OWNER, AT, AFTER_RECOVERY, RESTART_AFTER],
    exactly_one: TARGETS,
    at_most_one: STARTS,
    elsewhere: &[OF_PAUSES, NO_GRACE],
};

static STOP: Table = Table {
    keys: &[TARGET, OWNER, GRACE, AT, AFTER_RECOVERY, RESTART_AFTER],
    exactly_one: TARGETS,
    at_most_one: STARTS,
    elsewhere: &[OF_PAUSES],
};

static PAUSE: Table = Table {
    keys: &[TARGET, OWNER, FOR, AT, AFTER_RECOVERY],
    exactly_one: TARGETS,
    at_most_one: STARTS,
    elsewhere: OF_ENDS,
};

static DISCONNECT: Table = Table {
    keys: &[TARGET, OWNER, FOR, AT, AFTER_RECOVERY],
    exactly_one: TARGETS,
    at_most_one: STARTS,
    elsewhere: OF_ENDS,
};

static ROUND_STEP: Table = Table {
    keys: &[
        key("kill", Shape::Map(&ROUND_KILL), "SIGKILL."),
        key(
            "stop",
            Shape::Map(&ROUND_STOP),
            "SIGTERM, and SIGKILL when the grace is over.",
        ),
        key(
            "pause",
            Shape::Map(&ROUND_PAUSE),
            "The worker stands still and is resumed.",
        ),
        key(
            "disconnect",
            Shape::Map(&ROUND_DISCONNECT),
            "The worker runs on without its network and is connected again.",
        ),
    ],
    exactly_one: &[&["kill", "stop", "pause", "disconnect"]],
    at_most_one: &[],
    elsewhere: &[],
};

static ROUND_KILL: Table = Table {
    keys: &[TARGET, OWNER, AFTER_RECOVERY, RESTART_AFTER],
    exactly_one: TARGETS,
    at_most_one: &[],
    elsewhere: &[OF_PAUSES, NO_GRACE],
};

static ROUND_STOP: Table = Table {
    keys: &[TARGET, OWNER, GRACE, AFTER_RECOVERY, RESTART_AFTER],
    exactly_one: TARGETS,
    at_most_one: &[],
    elsewhere: &[OF_PAUSES],
};

static ROUND_PAUSE: Table = Table {
    keys: &[TARGET, OWNER, FOR, AFTER_RECOVERY],
    exactly_one: TARGETS,
    at_most_one: &[],
    elsewhere: OF_ENDS,
};

static ROUND_DISCONNECT: Table = Table {
    keys: &[TARGET, OWNER, FOR, AFTER_RECOVERY],
    exactly_one: TARGETS,
    at_most_one: &[],
    elsewhere: OF_ENDS,
};

static REPEAT: Table = Table {
    keys: &[
        key("rounds", Shape::Whole(1, 10_000), "How many rounds."),
        key(
            "window",
            Shape::Stretch,
            "Instead of rounds: the first round begins at the beginning, the last before the end, such as `10s..60s`; counted from the beginning of the series.",
        ),
        required(
            "every",
            Shape::Jittered,
            "From one round to the next, such as `15s`; `15s ± 3s` moves each start by up to 3s from the seed.",
        ),
        required(
            "do",
            Shape::List(&Shape::Map(&ROUND_STEP), 1, MOST_ITEMS),
            "What each round does, in order, each step after the recovery from the one before.",
        ),
    ],
    exactly_one: &[&["rounds", "window"]],
    at_most_one: &[],
    elsewhere: &[],
};

static ROLLING: Table = Table {
    keys: &[
        key("kill", Shape::Map(&ROLLING_KILL), "SIGKILL."),
        key(
            "stop",
            Shape::Map(&ROLLING_STOP),
            "SIGTERM, and SIGKILL when the grace is over.",
        ),
        key("pause", Shape::Duration, "Pause after each recovery; 0s."),
    ],
    exactly_one: &[&["kill", "stop"]],
    at_most_one: &[],
    elsewhere: &[(
        "disconnect",
        "roll with `kill` or `stop`; name the workers one by one for other faults",
    )],
};

static ROLLING_KILL: Table = Table {
    keys: &[RESTART_AFTER],
    exactly_one: &[],
    at_most_one: &[],
    elsewhere: &[OF_PAUSES, NO_GRACE],
};

static ROLLING_STOP: Table = Table {
    keys: &[GRACE, RESTART_AFTER],
    exactly_one: &[],
    at_most_one: &[],
    elsewhere: &[OF_PAUSES],
};

static LOST: Table = table(&[
    required(
        "at-most",
        Shape::Amount,
        "Most records that may be lost: a number, or a share of all that were expected, such as `10 %`.",
    ),
    key(
        "also-before-faults",
        Shape::Truth,
        "Whether some of them may be missing before any fault, because a connector leaves them out on purpose; false.",
    ),
]);

static EXPECT: Table = table(&[
    key(
        "lost",
        Shape::LimitOr(&["none"], &LOST),
        "Most records that may be lost: a number, or a map that says whether that holds before any fault too.",
    ),
    key(
        "unexplained-duplicates",
        Shape::Limit(&["none"]),
        "Most repeats that the committed offsets do not explain.",
    ),
    key(
        "duplicates",
        Shape::Limit(&["none", "within-flush-bound"]),
        "Most repeats, or as many as the offset flush interval allows.",
    ),
    key(
        "order",
        Shape::Limit(&["kept"]),
        "Most records that arrive for the first time after a later one of their lane.",
    ),
    key(
        "phantoms",
        Shape::Limit(&["none"]),
        "Most records that were never sent or are damaged; judged even where it is left out: 0.",
    ),
    key(
        "offsets",
        Shape::Limit(&["honest"]),
        "Most committed offsets that are ahead of what was delivered or went back.",
    ),
    key(
        "overlap",
        Shape::DurationOr("none"),
        "Longest time that a task may be on two workers.",
    ),
    key(
        "recovery",
        Shape::Duration,
        "Longest recovery from any fault.",
    ),
    key(
        "outage",
        Shape::Duration,
        "Longest silence of a lane around a fault, beyond its baseline.",
    ),
    key(
        "stops",
        Shape::Limit(&["graceful"]),
        "Most graceful stops that may overrun their grace.",
    ),
]);
