//! The judgement as one HTML file that needs no network, no script and nothing beside it.

mod accounts;
mod around;
mod chart;
mod evidence;
mod plot;
mod recovery;
mod scale;
mod share;

use std::collections::BTreeSet;
use std::fmt::{self, Write};

use askama::Template;
use askama::filters::Escaper;

use crate::model::Verdict;
use crate::verify::{Judgement, Paint, WATCHED_SHOWS};

use self::accounts::{FeedCard, GuaranteeRow, TapCard};
use self::around::{LatencyRow, RunPhase, SettingRow, WatchedRow};
use self::chart::Chart;
use self::evidence::{FaultRow, FindingCard, Line, OffsetRow, RewindRow};
use self::recovery::RecoveryCard;
use super::numbers::{count, long, memory, percent, plural, seconds};
use super::text::{again, is_deceptive, shown, visible};

const FINDINGS_BEFORE_ALL: usize = 3;
const FINDINGS_SHOWN: usize = 8;
const FINDINGS: usize = 200;
const RECOVERY_CARDS: usize = 8;
const RECOVERY_LINES: usize = 400;
const FAULTS_SHOWN: usize = 12;
const REWINDS_SHOWN: usize = 12;
const REWINDS: usize = 300;
const WATCHED_SHOWN: usize = 12;
const WATCHED: usize = 200;

/// The whole report as one file; the same judgement gives the same bytes.
pub fn html(judgement: &Judgement) -> Vec<u8> {
    let page = Page::of(judgement);
    let text = page
        .render()
        .expect("the template's parts are strings and numbers, which cannot fail to print");
    text.into_bytes()
}

/// Escapes markup and shows what could deceive; every text of the template passes through it.
#[derive(Debug, Clone, Copy)]
struct Harmless;

impl Escaper for Harmless {
    fn write_escaped_str<W: Write>(&self, mut out: W, text: &str) -> fmt::Result {
        for c in text.chars() {
            match c {
                '<' => out.write_str("&lt;")?,
                '>' => out.write_str("&gt;")?,
                '&' => out.write_str("&amp;")?,
                '"' => out.write_str("&quot;")?,
                '\'' => out.write_str("&#39;")?,
                '\n' => out.write_char(c)?,
                c if is_deceptive(c) => out.write_str(&shown(c))?,
                c => out.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// Everything that the template prints.
#[derive(Template)]
#[template(path = "report.html", config = "src/report/askama.toml")]
struct Page {
    head: Head,
    broke: Vec<FindingCard>,
    doubts: Vec<String>,
    warnings: Vec<String>,
    guarantees: Vec<GuaranteeRow>,
    route: String,
    feed: Option<FeedCard>,
    taps: Vec<TapCard>,
    chart: Option<Chart>,
    legend: Vec<(String, String)>,
    recoveries: List<RecoveryCard>,
    rewinds: List<RewindRow>,
    findings: List<FindingCard>,
    not_listed: String,
    faults: List<FaultRow>,
    faults_aside: String,
    offsets: Vec<OffsetRow>,
    watched: List<WatchedRow>,
    watched_shows: &'static str,
    settings: Vec<SettingRow>,
    settings_aside: String,
    latency: Vec<LatencyRow>,
    phases: Vec<RunPhase>,
    starts: String,
    cpu: String,
    log: Vec<Line>,
    log_left: usize,
    method: Vec<String>,
    facts: Vec<(String, String)>,
    scenario: String,
}

impl Page {
    fn of(judgement: &Judgement) -> Self {
        let (broke, findings) = findings(judgement);
        let faults = evidence::faults(judgement, FAULTS_SHOWN);
        let texts = |texts: &[String]| texts.iter().map(|text| visible(text, 1_000)).collect();
        let taps = judgement.taps.iter();
        Self {
            head: Head::of(judgement),
            broke,
            doubts: texts(&judgement.doubts),
            warnings: texts(&judgement.warnings),
            guarantees: accounts::guarantees(judgement),
            route: visible(&judgement.run.route.join(" → "), 400),
            feed: judgement.feed.as_ref().map(accounts::feed),
            taps: taps.map(|tap| accounts::tap(judgement, tap)).collect(),
            chart: chart::chart(judgement),
            legend: legend(judgement),
            recoveries: List::of(
                recovery::recoveries(judgement),
                RECOVERY_CARDS,
                RECOVERY_LINES,
            ),
            rewinds: List::of(evidence::rewinds(judgement), REWINDS_SHOWN, REWINDS),
            findings: List::of(findings, FINDINGS_SHOWN, FINDINGS),
            not_listed: not_listed(judgement),
            faults: List::of(faults, FAULTS_SHOWN, usize::MAX),
            faults_aside: faults_aside(judgement),
            offsets: evidence::offsets(judgement),
            watched: List::of(around::watched(judgement), WATCHED_SHOWN, WATCHED),
            watched_shows: WATCHED_SHOWS,
            settings_aside: settings_aside(judgement),
            settings: around::settings(judgement),
            latency: around::latency(judgement),
            phases: around::run_phases(judgement),
            starts: starts(judgement),
            cpu: cpu(judgement),
            log: evidence::lines(&judgement.log_excerpts),
            log_left: evidence::lines_left(&judgement.log_excerpts),
            method: texts(&judgement.method),
            facts: facts(judgement),
            scenario: scenario(judgement),
        }
    }

    /// Whether there is no ledger to show.
    fn nothing_fed(&self) -> bool {
        self.feed.is_none() && self.taps.is_empty()
    }
}

/// The top of the page.
struct Head {
    class: &'static str,
    mark: &'static str,
    word: &'static str,
    title: String,
    sentence: String,
    question: String,
    summary: String,
    again: String,
    environment: Option<String>,
    interrupted: bool,
}

impl Head {
    fn of(judgement: &Judgement) -> Self {
        let run = &judgement.run;
        let (class, mark, word) = verdict(judgement);
        let environment = judgement.environment_failure.as_deref();
        Self {
            class,
            mark,
            word,
            title: format!("{}: {}", visible(&run.scenario, 80), word.to_lowercase()),
            sentence: visible(&judgement.sentence, 1_000),
            question: visible(&run.question, 1_000),
            summary: summary(judgement),
            again: visible(&again(run), 600),
            environment: environment.map(|why| visible(why, 2_000)),
            interrupted: judgement.interrupted,
        }
    }
}

/// What is shown at once, what is shown on demand, and how many are left out.
struct List<T> {
    shown: Vec<T>,
    more: Vec<T>,
    left: usize,
}

impl<T> List<T> {
    /// The first `shown`, then up to `most` in all.
    fn of(mut all: Vec<T>, shown: usize, most: usize) -> Self {
        let left = all.len().saturating_sub(most);
        all.truncate(most);
        let more = all.split_off(all.len().min(shown));
        Self {
            shown: all,
            more,
            left,
        }
    }
}

fn verdict(judgement: &Judgement) -> (&'static str, &'static str, &'static str) {
    let (class, mark) = (share::class(judgement.verdict), judgement.verdict.mark());
    match (&judgement.environment_failure, judgement.verdict) {
        (Some(_), _) => ("inconclusive", "?", "No verdict"),
        (None, Verdict::Held) => (class, mark, "Held"),
        (None, Verdict::Inconclusive) => (class, mark, "Inconclusive"),
        (None, Verdict::Broken) => (class, mark, "Broken"),
    }
}

fn summary(judgement: &Judgement) -> String {
    let run = &judgement.run;
    let parts = [
        visible(&run.scenario, 80),
        format!(
            "Kafka {}, Connect {} × {}",
            visible(&run.kafka, 40),
            visible(&run.connect, 40),
            run.workers
        ),
        faults_aside(judgement),
        long(run.duration_ms),
        format!("seed {}", run.seed),
        started(judgement),
    ];
    parts.join(" · ")
}

/// `2026-11-23 02:10:41 UTC`.
fn started(judgement: &Judgement) -> String {
    let text = visible(&judgement.run.started, 40);
    match text.strip_suffix('Z').and_then(|text| text.split_once('T')) {
        Some((day, time)) => format!("{day} {time} UTC"),
        None => text,
    }
}

fn faults_aside(judgement: &Judgement) -> String {
    let (injected, proven) = (judgement.run.faults_injected, judgement.run.faults_proven);
    let faults = plural(u64::from(injected), "fault", "faults");
    match (injected, proven) {
        (0, _) => "no faults".to_owned(),
        (1, 1) => format!("{faults}, proven"),
        (2, 2) => format!("{faults}, both proven"),
        (injected, proven) if injected == proven => format!("{faults}, all proven"),
        (_, proven) => format!("{faults}, {} proven", count(u64::from(proven))),
    }
}

/// What broke, for the top of the page; then all other findings.
fn findings(judgement: &Judgement) -> (Vec<FindingCard>, Vec<FindingCard>) {
    let broken = judgement
        .guarantees
        .iter()
        .filter(|guarantee| guarantee.verdict == Verdict::Broken);
    let first: BTreeSet<&String> = broken
        .flat_map(|guarantee| guarantee.findings.iter().take(FINDINGS_BEFORE_ALL))
        .collect();
    let (broke, others): (Vec<_>, Vec<_>) = judgement
        .findings
        .iter()
        .partition(|finding| first.contains(&finding.id));
    let cards = |findings: Vec<_>| -> Vec<FindingCard> {
        findings
            .into_iter()
            .map(|finding| evidence::finding(judgement, finding))
            .collect()
    };
    (cards(broke), cards(others))
}

fn not_listed(judgement: &Judgement) -> String {
    let kinds = judgement.findings_not_listed.iter();
    let texts: Vec<String> = kinds
        .map(|(kind, number)| format!("{} {}", count(*number), kind.key()))
        .collect();
    texts.join(", ")
}

/// Each worker with the class of its colour.
fn legend(judgement: &Judgement) -> Vec<(String, String)> {
    let lanes = judgement
        .timeline
        .lanes
        .iter()
        .filter(|lane| lane.group == "workers");
    let own = |lane: &crate::verify::TimelineLane| {
        let mut paints = lane.segments.iter().map(|segment| segment.paint);
        let paint = paints.find(|paint| matches!(paint, Paint::Worker(_)))?;
        Some((chart::class(paint), visible(&lane.label, 24)))
    };
    lanes.filter_map(own).take(12).collect()
}

fn settings_aside(judgement: &Judgement) -> String {
    let differ = judgement.settings.iter().filter(|setting| {
        setting
            .default
            .as_ref()
            .is_some_and(|default| *default != setting.value)
    });
    match differ.count() {
        0 => "none differs from Connect's defaults".to_owned(),
        1 => "1 differs from Connect's defaults".to_owned(),
        some => format!("{some} differ from Connect's defaults"),
    }
}

fn starts(judgement: &Judgement) -> String {
    let starts = judgement.run.start_ms.iter();
    let texts: Vec<String> = starts
        .map(|(name, ms)| format!("{} {}", visible(name, 60), seconds(*ms)))
        .collect();
    texts.join(" · ")
}

fn cpu(judgement: &Judgement) -> String {
    let run = &judgement.run;
    let share = run.harness_cpu_ms as f64 / run.duration_ms.max(1) as f64;
    format!(
        "{} of CPU time, {} of one core",
        seconds(run.harness_cpu_ms),
        percent(share)
    )
}

fn facts(judgement: &Judgement) -> Vec<(String, String)> {
    let run = &judgement.run;
    let host = &run.host;
    let text = |text: &str| visible(text, 300);
    let own = [
        ("Squall", text(&run.squall)),
        ("runtime", run.runtime.to_string()),
        (
            "brokers",
            format!("{} × Kafka {}", run.brokers, text(&run.kafka)),
        ),
        (
            "workers",
            format!("{} × Connect {}", run.workers, text(&run.connect)),
        ),
        ("started", started(judgement)),
        ("took", long(run.duration_ms)),
        ("seed", run.seed.to_string()),
        ("scenario", text(&run.scenario_path)),
        ("system", text(&host.os)),
        ("processors", host.cpus.to_string()),
        ("memory", memory(host.memory_bytes)),
        ("Java", text(&host.java)),
    ];
    let own = own.map(|(name, value)| (name.to_owned(), value));
    let facts = run.runtime_facts.iter();
    let facts = facts.map(|(name, value)| (text(&format!("{} {name}", run.runtime)), text(value)));
    own.into_iter().chain(facts).collect()
}

/// The resolved scenario as indented JSON; its strings keep no raw line end, so each line can be made visible by itself.
fn scenario(judgement: &Judgement) -> String {
    let text = serde_json::to_string_pretty(&judgement.run.resolved_scenario).unwrap_or_default();
    let lines: Vec<String> = text
        .lines()
        .take(2_000)
        .map(|line| visible(line, 2_000))
        .collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests;
