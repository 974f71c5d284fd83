//! Every key of an inventory file in tables: the parser's check and the JSON Schema are both made from them.

use super::super::keys::{Key, Shape, Table, key, required, table};

/// More than any Connect cluster has.
const MOST_WORKERS: usize = 1_000;

/// The whole file.
pub(in crate::scenario) static INVENTORY: Table = table(&[
    required("name", Shape::Text, "What to call the cluster in reports."),
    required(
        "bootstrap",
        Shape::Text,
        "The brokers as reached from here: `host:port,…`.",
    ),
    key(
        "inner-bootstrap",
        Shape::Text,
        "The brokers as the workers reach them, where that differs.",
    ),
    key(
        "client",
        Shape::Settings,
        "Client settings in librdkafka's names: `security.protocol`, `sasl.…`, `ssl.…`.",
    ),
    key(
        "inner-client",
        Shape::Settings,
        "Client settings in Java's names, for a MirrorSource connector inside the workers.",
    ),
    key(
        "rest",
        Shape::Map(&REST),
        "How the workers' REST interfaces are spoken to.",
    ),
    key(
        "group",
        Shape::Text,
        "`group.id` of the workers; found through the group's members when left out.",
    ),
    key(
        "topics",
        Shape::Map(&TOPICS),
        "The internal topics; `connect-configs`, `connect-offsets` and `connect-status`.",
    ),
    key(
        "version",
        Shape::Version,
        "The workers' release; asked of a worker when left out.",
    ),
    key(
        "settings",
        Shape::Settings,
        "What the workers' properties files set; bounds and explanations of the report rest on it.",
    ),
    key(
        "data",
        Shape::Text,
        "A folder with the same path here and for all workers, for routes with files.",
    ),
    key(
        "max-down",
        Shape::Whole(1, 99),
        "The most workers that may be down at once; 1.",
    ),
    key(
        "watch",
        Shape::WordOrTexts("all"),
        "Connectors that are not Squall's and are watched while faults run; `all`.",
    ),
    key(
        "stop-when",
        Shape::Map(&STOP_WHEN),
        "When a run ends at once and undoes everything.",
    ),
    required(
        "workers",
        Shape::List(&Shape::Map(&WORKER), 1, MOST_WORKERS),
        "The workers. One without docker, compose, systemd, process or command is known and never touched.",
    ),
]);

static REST: Table = table(&[
    key(
        "username",
        Shape::Text,
        "User name of basic authentication.",
    ),
    key(
        "password",
        Shape::Text,
        "Its password; `${env:NAME}` keeps it out of the file.",
    ),
    key(
        "ca",
        Shape::Text,
        "PEM file of a private certificate authority.",
    ),
    key(
        "certificate",
        Shape::Text,
        "PEM file of a client certificate.",
    ),
    key("key", Shape::Text, "PEM file of its private key."),
]);

static TOPICS: Table = table(&[
    key("config", Shape::Text, "`config.storage.topic`."),
    key("offsets", Shape::Text, "`offset.storage.topic`."),
    key("status", Shape::Text, "`status.storage.topic`."),
]);

static STOP_WHEN: Table = table(&[
    key(
        "rest-down",
        Shape::DurationOr("never"),
        "No worker's REST interface answered for this long; 2m.",
    ),
    key(
        "brokers-down",
        Shape::DurationOr("never"),
        "The brokers told nothing of the workers' group for this long; 1m.",
    ),
    key(
        "unowned",
        Shape::DurationOr("never"),
        "A task of another's connector was owned by nobody for this long; 10m.",
    ),
    key(
        "failed-tasks",
        Shape::Limit(&["never"]),
        "More tasks of others' connectors than this have failed since the run began; 0.",
    ),
    key(
        "errors-per-minute",
        Shape::Limit(&["never"]),
        "More ERROR lines a minute than this in the workers' logs; never.",
    ),
]);

/// The ways of controlling a worker, of which it has one or none.
pub(super) const WAYS: [&str; 5] = ["docker", "compose", "systemd", "process", "command"];

static WORKER: Table = Table {
    keys: &[
        required("name", Shape::Text, "What scenarios call it."),
        required(
            "rest",
            Shape::Text,
            "Its REST address as reached from here, such as `http://127.0.0.1:8083`.",
        ),
        key(
            "id",
            Shape::Text,
            "The `host:port` that it advertises, where that differs from `rest`.",
        ),
        key("docker", Shape::TextOr(&DOCKER), "A container."),
        key(
            "compose",
            Shape::Map(&COMPOSE),
            "The container of a Compose service.",
        ),
        key("systemd", Shape::TextOr(&SYSTEMD), "A systemd unit."),
        key(
            "process",
            Shape::Map(&PROCESS),
            "A process whose id stands in a file.",
        ),
        key("command", Shape::Map(&COMMAND), "Shell commands."),
        key(
            "ssh",
            Shape::TextOr(&SSH),
            "The machine on which its commands run; this one when left out.",
        ),
    ],
    exactly_one: &[],
    at_most_one: &[&WAYS],
    elsewhere: &[],
};

const HOST: Key = key("host", Shape::Text, "Short for `ssh: {host: …}`.");

static DOCKER: Table = table(&[
    required("container", Shape::Text, "Its name or id."),
    key(
        "network",
        Shape::Text,
        "The network that it can be cut off from; its first one.",
    ),
    HOST,
]);

static COMPOSE: Table = table(&[
    required("project", Shape::Text, "The Compose project."),
    required(
        "service",
        Shape::Text,
        "The service; it must have exactly one container.",
    ),
    HOST,
]);

static SYSTEMD: Table = table(&[
    required("unit", Shape::Text, "The unit's name."),
    key(
        "user",
        Shape::Word(&["true", "false"]),
        "Whether it belongs to the user's own manager; false.",
    ),
    HOST,
]);

static PROCESS: Table = table(&[
    required(
        "pid-file",
        Shape::Text,
        "The file that holds its process id.",
    ),
    required(
        "start",
        Shape::Text,
        "The command that starts it again and writes that file; it must not wait for its end.",
    ),
    key("log", Shape::Text, "Its log file."),
    HOST,
]);

static COMMAND: Table = table(&[
    key("kill", Shape::Text, "Ends it at once (SIGKILL)."),
    key(
        "stop",
        Shape::Text,
        "Asks it to stop in good order (SIGTERM), without waiting.",
    ),
    key("start", Shape::Text, "Starts it again, without waiting."),
    key("pause", Shape::Text, "Makes it stand still (SIGSTOP)."),
    key("resume", Shape::Text, "Lets it go on (SIGCONT)."),
    key("disconnect", Shape::Text, "Takes its network."),
    key("reconnect", Shape::Text, "Gives its network back."),
    key(
        "dump-threads",
        Shape::Text,
        "Makes it write a thread dump into its log (SIGQUIT); asked for when a stop takes too long.",
    ),
    required(
        "status",
        Shape::Text,
        "Prints `running`, `paused`, `disconnected`, or `ended` and its exit status.",
    ),
    key(
        "log",
        Shape::Text,
        "Prints its log from now on until it is ended.",
    ),
    HOST,
]);

static SSH: Table = table(&[
    required(
        "host",
        Shape::Text,
        "Host name, or alias of the user's own ssh configuration.",
    ),
    key("user", Shape::Text, "User."),
    key("port", Shape::Whole(1, 65_535), "Port."),
    key("key", Shape::Text, "Private key file."),
    key(
        "config",
        Shape::Text,
        "A configuration file instead of `~/.ssh/config`.",
    ),
]);
