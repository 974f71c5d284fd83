//! An inspection for a terminal: the group in one line, then workers, connectors, offsets and doubts.

use crate::connect::inspect::{
    ConnectorFacts, Inspection, OffsetFacts, SinkOffset, SourceOffset, TaskFacts, WorkerFacts,
};
use crate::report::{visible, wrapped};

/// The most characters of one cell, and of one sentence.
const CELL: usize = 70;
const SENTENCE: usize = 600;
/// The most places of one connector that are listed; JSON has all of them.
const PLACES: usize = 12;

/// How a piece of text is painted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ink {
    Plain,
    Bold,
    Faint,
    Good,
    Bad,
    Doubtful,
}

/// A row of cells; each cell is made harmless, padded and then painted.
type Row = Vec<(Ink, String)>;

struct Screen {
    out: String,
    colour: bool,
    width: usize,
}

/// The whole inspection, ANSI colours only with `colour`.
pub fn table(seen: &Inspection, colour: bool, width: usize) -> String {
    let mut screen = Screen {
        out: String::new(),
        colour,
        width,
    };
    group(&mut screen, seen);
    workers(&mut screen, &seen.workers);
    connectors(&mut screen, &seen.connectors);
    offsets(&mut screen, &seen.connectors);
    if !seen.doubts.is_empty() {
        screen.heading("Doubts");
        for doubt in &seen.doubts {
            screen.sentence(Ink::Doubtful, "  ? ", doubt);
        }
    }
    screen.out
}

impl Screen {
    fn put(&mut self, ink: Ink, text: &str) {
        let code = match ink {
            Ink::Plain => "",
            Ink::Bold => "1",
            Ink::Faint => "2",
            Ink::Good => "32",
            Ink::Bad => "1;31",
            Ink::Doubtful => "33",
        };
        if self.colour && !code.is_empty() {
            self.out.push_str(&format!("\u{1b}[{code}m{text}\u{1b}[0m"));
        } else {
            self.out.push_str(text);
        }
    }

    fn end(&mut self) {
        let end = self.out.trim_end_matches(' ').len();
        self.out.truncate(end);
        self.out.push('\n');
    }

    fn heading(&mut self, text: &str) {
        self.end();
        self.put(Ink::Plain, "  ");
        self.put(Ink::Bold, text);
        self.end();
    }

    fn sentence(&mut self, ink: Ink, mark: &str, text: &str) {
        let indent = mark.chars().count();
        let text = visible(text, SENTENCE);
        for (n, line) in wrapped(&text, self.width.saturating_sub(indent).max(20))
            .iter()
            .enumerate()
        {
            if n == 0 {
                self.put(ink, mark);
            } else {
                self.put(Ink::Plain, &" ".repeat(indent));
            }
            self.put(Ink::Plain, line);
            self.end();
        }
    }

    /// Rows with cells of equal width in each column; the first row is the head.
    fn rows(&mut self, rows: &[Row]) {
        let shown: Vec<Vec<(Ink, String)>> = rows
            .iter()
            .map(|row| {
                row.iter()
                    .map(|(ink, text)| (*ink, visible(text, CELL)))
                    .collect()
            })
            .collect();
        let columns = shown.iter().map(Vec::len).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns)
            .map(|column| {
                let cells = shown.iter().filter_map(|row| row.get(column));
                cells
                    .map(|(_, text)| text.chars().count())
                    .max()
                    .unwrap_or(0)
            })
            .collect();
        for row in shown {
            self.put(Ink::Plain, "  ");
            for ((ink, text), width) in row.iter().zip(&widths) {
                self.put(*ink, text);
                let padding = width - text.chars().count() + 2;
                self.put(Ink::Plain, &" ".repeat(padding));
            }
            self.end();
        }
    }
}

fn head(words: &[&str]) -> Row {
    words
        .iter()
        .map(|word| (Ink::Faint, (*word).to_owned()))
        .collect()
}

fn plain(text: impl Into<String>) -> (Ink, String) {
    (Ink::Plain, text.into())
}

fn or_dash(text: Option<&str>) -> String {
    text.filter(|text| !text.is_empty())
        .unwrap_or("-")
        .to_owned()
}

fn group(screen: &mut Screen, seen: &Inspection) {
    let group = &seen.group;
    let state = if group.state == "Stable" {
        Ink::Good
    } else {
        Ink::Doubtful
    };
    screen.put(Ink::Bold, &visible(&group.id, CELL));
    screen.put(Ink::Plain, "  ");
    screen.put(state, &visible(&group.state, CELL));
    let protocol = or_dash(Some(&group.protocol));
    let leader = group.leader.as_deref().unwrap_or("nobody");
    screen.put(
        Ink::Plain,
        &visible(&format!(" · {protocol} · led by {leader}"), 200),
    );
    screen.end();
    let generation = match group.generation {
        Some(number) => format!("{number} ({})", group.generation_from),
        None => group.generation_from.clone(),
    };
    let delay = match group.rebalance_delay_ms {
        0 => "none".to_owned(),
        ms => format!("{ms} ms: tasks of workers that have gone are held back"),
    };
    let cluster = seen.cluster_id.as_deref().unwrap_or("without an id");
    let brokers = seen.brokers;
    let plural = if brokers == 1 { "" } else { "s" };
    for (name, value) in [
        ("generation", generation),
        ("delay", delay),
        (
            "Kafka",
            format!(
                "{} · {brokers} broker{plural} up · cluster {cluster}",
                seen.bootstrap
            ),
        ),
        ("asked", seen.asked.clone()),
    ] {
        let mark = format!("  {name:<10}  ");
        screen.sentence(Ink::Faint, &mark, &value);
    }
}

fn state_ink(state: &str) -> Ink {
    match state {
        "healthy" | "answers" | "RUNNING" => Ink::Good,
        "silent" | "unhealthy" | "FAILED" => Ink::Bad,
        _ => Ink::Doubtful,
    }
}

fn workers(screen: &mut Screen, workers: &[WorkerFacts]) {
    screen.heading("Workers");
    let mut rows = vec![head(&[
        "",
        "id",
        "name",
        "url",
        "version",
        "state",
        "connectors",
        "tasks",
    ])];
    for worker in workers {
        let owned = |share: &Option<Vec<String>>| match share {
            Some(names) if names.is_empty() => "-".to_owned(),
            Some(names) => names.join(" "),
            None if worker.member_id.is_none() => "not in the group".to_owned(),
            None => "?".to_owned(),
        };
        let mark = if worker.leads { "★" } else { " " };
        rows.push(vec![
            (Ink::Bold, mark.to_owned()),
            plain(worker.id.clone()),
            plain(or_dash(worker.name.as_deref())),
            plain(worker.url.clone()),
            plain(or_dash(worker.version.as_deref())),
            (state_ink(&worker.state), worker.state.clone()),
            plain(owned(&worker.connectors)),
            plain(owned(&worker.tasks)),
        ]);
    }
    if workers.iter().all(|worker| worker.name.is_none()) {
        rows.iter_mut().for_each(|row| drop(row.remove(2)));
    }
    screen.rows(&rows);
    if workers.iter().any(|worker| worker.leads) {
        screen.put(Ink::Faint, "  ★ leads");
        screen.end();
    }
}

fn connectors(screen: &mut Screen, connectors: &[ConnectorFacts]) {
    screen.heading("Connectors");
    if connectors.is_empty() {
        screen.put(Ink::Faint, "  none");
        screen.end();
        return;
    }
    let mut rows = vec![head(&["name", "type", "state", "worker", "class"])];
    for connector in connectors {
        rows.push(vec![
            (Ink::Bold, connector.name.clone()),
            plain(connector.kind.clone()),
            state(connector.state.as_deref()),
            plain(or_dash(connector.worker.as_deref())),
            plain(short_class(&connector.class)),
        ]);
        rows.extend(connector.tasks.iter().map(|task| task_row(connector, task)));
    }
    screen.rows(&rows);
    for connector in connectors {
        if let Some(trace) = &connector.trace {
            screen.sentence(Ink::Bad, "  ✗ ", &format!("{}: {trace}", connector.name));
        }
        for task in &connector.tasks {
            if let Some(trace) = &task.trace {
                let text = format!("{}-{}: {trace}", connector.name, task.id);
                screen.sentence(Ink::Bad, "  ✗ ", &text);
            }
        }
    }
}

fn task_row(connector: &ConnectorFacts, task: &TaskFacts) -> Row {
    vec![
        plain(format!("  {}-{}", connector.name, task.id)),
        plain("task"),
        state(task.state.as_deref()),
        plain(or_dash(task.worker.as_deref())),
    ]
}

fn state(state: Option<&str>) -> (Ink, String) {
    (state_ink(state.unwrap_or_default()), or_dash(state))
}

fn short_class(class: &str) -> String {
    or_dash(class.rsplit('.').next())
}

fn offsets(screen: &mut Screen, connectors: &[ConnectorFacts]) {
    if connectors.is_empty() {
        return;
    }
    screen.heading("Offsets");
    let mut rows = vec![head(&["connector", "of", "committed", "end", "lag"])];
    for connector in connectors {
        match &connector.offsets {
            OffsetFacts::Sink(places) => add_sink(&mut rows, &connector.name, places),
            OffsetFacts::Source(places) => add_source(&mut rows, &connector.name, places),
            OffsetFacts::Unknown(why) => {
                rows.push(vec![
                    plain(connector.name.clone()),
                    (Ink::Faint, why.clone()),
                ]);
            }
        }
    }
    screen.rows(&rows);
}

fn number(number: Option<i64>) -> (Ink, String) {
    plain(number.map_or_else(|| "-".to_owned(), |number| number.to_string()))
}

fn add_sink(rows: &mut Vec<Row>, name: &str, places: &[SinkOffset]) {
    let known: Vec<i64> = places.iter().filter_map(|place| place.lag).collect();
    let total = (!known.is_empty()).then(|| known.iter().sum());
    rows.push(vec![
        (Ink::Bold, name.to_owned()),
        plain(match places.len() {
            1 => "1 partition".to_owned(),
            many => format!("{many} partitions"),
        }),
        plain(""),
        plain(""),
        number(total),
    ]);
    let mut most: Vec<&SinkOffset> = places.iter().collect();
    most.sort_by_key(|place| std::cmp::Reverse(place.lag));
    most.truncate(PLACES);
    most.sort_by_key(|place| (&place.topic, place.partition));
    for place in &most {
        rows.push(vec![
            plain(""),
            plain(format!("{}-{}", place.topic, place.partition)),
            number(place.committed),
            number(place.end),
            number(place.lag),
        ]);
    }
    rows.extend(left_out(places.len()));
}

fn add_source(rows: &mut Vec<Row>, name: &str, places: &[SourceOffset]) {
    rows.push(vec![
        (Ink::Bold, name.to_owned()),
        plain(if places.is_empty() {
            "nothing committed"
        } else {
            ""
        }),
    ]);
    for place in places.iter().take(PLACES) {
        let lag = place.lag.map_or_else(|| plain(""), |lag| number(Some(lag)));
        rows.push(vec![
            plain(""),
            plain(place.partition.to_string()),
            plain(place.offset.to_string()),
            plain(""),
            lag,
        ]);
    }
    rows.extend(left_out(places.len()));
}

fn left_out(places: usize) -> Option<Row> {
    let more = places.checked_sub(PLACES).filter(|more| *more > 0)?;
    let text = format!("and {more} more: --format json");
    Some(vec![plain(""), (Ink::Faint, text)])
}
