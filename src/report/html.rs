//! The judgement as one HTML file that needs no network, no script and nothing beside it.

use std::collections::BTreeSet;
use std::fmt::{self, Write};

use askama::Template;
use askama::filters::Escaper;

use crate::model::Verdict;
use crate::verify::{Judgement, Paint};

use super::chart::{self, Chart};
use super::numbers::{count, long, memory, percent, plural, seconds};
use super::page::{
    self, FaultRow, FeedCard, FindingCard, GuaranteeRow, LatencyRow, Line, OffsetRow, RecoveryCard,
    RewindRow, RunPhase, SettingRow, TapCard,
};
use super::text::{is_deceptive, shell_word, shown, visible};

const FINDINGS_BEFORE_ALL: usize = 3;
const FINDINGS_SHOWN: usize = 8;
const FINDINGS: usize = 200;
const RECOVERY_CARDS: usize = 6;
const RECOVERY_LINES: usize = 400;
const FAULTS_SHOWN: usize = 12;
const REWINDS_SHOWN: usize = 12;
const REWINDS: usize = 300;

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
    broke: Vec<FindingCard>,
    doubts: Vec<String>,
    guarantees: Vec<GuaranteeRow>,
    route: String,
    feed: Option<FeedCard>,
    taps: Vec<TapCard>,
    chart: Option<Chart>,
    legend: Vec<(String, String)>,
    recoveries: Vec<RecoveryCard>,
    more_recoveries: Vec<RecoveryCard>,
    recoveries_left: usize,
    rewinds: Vec<RewindRow>,
    more_rewinds: Vec<RewindRow>,
    rewinds_left: usize,
    findings: Vec<FindingCard>,
    more_findings: Vec<FindingCard>,
    findings_left: usize,
    not_listed: String,
    faults: Vec<FaultRow>,
    more_faults: Vec<FaultRow>,
    faults_aside: String,
    offsets: Vec<OffsetRow>,
    settings: Vec<SettingRow>,
    settings_aside: String,
    latency: Vec<LatencyRow>,
    phases: Vec<RunPhase>,
    starts: String,
    cpu: String,
    log: Vec<Line>,
    log_left: usize,
    method: Vec<String>,
    facts: Vec<(&'static str, String)>,
    scenario: String,
}

impl Page {
    fn of(judgement: &Judgement) -> Self {
        let (broke, others) = findings(judgement);
        let (findings, more_findings, findings_left) = split(others, FINDINGS_SHOWN, FINDINGS);
        let (recoveries, more_recoveries, recoveries_left) =
            split(page::recoveries(judgement), RECOVERY_CARDS, RECOVERY_LINES);
        let (rewinds, more_rewinds, rewinds_left) =
            split(page::rewinds(judgement), REWINDS_SHOWN, REWINDS);
        let (faults, more_faults, _) = split(
            page::faults(judgement, FAULTS_SHOWN),
            FAULTS_SHOWN,
            usize::MAX,
        );
        let run = &judgement.run;
        let (class, mark, word) = verdict(judgement);
        Self {
            class,
            mark,
            word,
            title: format!("{}: {}", visible(&run.scenario, 80), word.to_lowercase()),
            sentence: visible(&judgement.sentence, 1_000),
            question: visible(&run.question, 1_000),
            summary: summary(judgement),
            again: format!(
                "squall run {} --seed {}",
                visible(&shell_word(&run.scenario_path), 400),
                run.seed
            ),
            environment: judgement
                .environment_failure
                .as_deref()
                .map(|why| visible(why, 2_000)),
            interrupted: judgement.interrupted,
            broke,
            doubts: judgement
                .doubts
                .iter()
                .map(|doubt| visible(doubt, 1_000))
                .collect(),
            guarantees: page::guarantees(judgement),
            route: visible(&run.route.join(" → "), 400),
            feed: judgement.feed.as_ref().map(page::feed),
            taps: judgement
                .taps
                .iter()
                .map(|tap| page::tap(judgement, tap))
                .collect(),
            chart: chart::chart(judgement),
            legend: legend(judgement),
            recoveries,
            more_recoveries,
            recoveries_left,
            rewinds,
            more_rewinds,
            rewinds_left,
            findings,
            more_findings,
            findings_left,
            not_listed: not_listed(judgement),
            faults,
            more_faults,
            faults_aside: faults_aside(judgement),
            offsets: page::offsets(judgement),
            settings_aside: settings_aside(judgement),
            settings: page::settings(judgement),
            latency: page::latency(judgement),
            phases: page::run_phases(judgement),
            starts: starts(judgement),
            cpu: cpu(judgement),
            log: page::lines(&judgement.log_excerpts),
            log_left: page::lines_left(&judgement.log_excerpts),
            method: judgement
                .method
                .iter()
                .map(|text| visible(text, 1_000))
                .collect(),
            facts: facts(judgement),
            scenario: scenario(judgement),
        }
    }

    /// Whether there is no ledger to show.
    fn nothing_fed(&self) -> bool {
        self.feed.is_none() && self.taps.is_empty()
    }
}

/// The first `shown`, then up to `most` in all, and how many are left out.
fn split<T>(mut all: Vec<T>, shown: usize, most: usize) -> (Vec<T>, Vec<T>, usize) {
    let left = all.len().saturating_sub(most);
    all.truncate(most);
    let more = all.split_off(all.len().min(shown));
    (all, more, left)
}

fn verdict(judgement: &Judgement) -> (&'static str, &'static str, &'static str) {
    let (class, mark) = (page::class(judgement.verdict), judgement.verdict.mark());
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
            .map(|finding| page::finding(judgement, finding))
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

fn facts(judgement: &Judgement) -> Vec<(&'static str, String)> {
    let run = &judgement.run;
    let host = &run.host;
    let text = |text: &str| visible(text, 300);
    vec![
        ("Squall", text(&run.squall)),
        ("runtime", text(&run.runtime)),
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
    ]
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
mod tests {
    use super::*;
    use crate::report::sample;

    fn text(judgement: &Judgement) -> String {
        String::from_utf8(html(judgement)).unwrap()
    }

    /// Name and attributes of each tag of a page, found as a browser finds them: a quoted value may hold anything.
    fn tags(page: &str) -> Vec<(String, Vec<(String, String)>)> {
        let mut tags = Vec::new();
        let mut rest = page;
        while let Some((_, after)) = rest.split_once('<') {
            let end = after.find([' ', '>']).unwrap();
            let name = after[..end].to_owned();
            rest = &after[end..];
            let mut attributes = Vec::new();
            while let Some(inside) = rest.strip_prefix(' ') {
                let end = inside.find(['=', ' ', '>']).unwrap();
                let attribute = inside[..end].to_owned();
                rest = &inside[end..];
                let mut value = "";
                if let Some(quoted) = rest.strip_prefix("=\"") {
                    (value, rest) = quoted.split_once('"').unwrap();
                }
                attributes.push((attribute, value.to_owned()));
            }
            tags.push((name, attributes));
        }
        tags
    }

    #[test]
    fn no_page_asks_for_anything_from_outside() {
        for (name, judgement) in sample::all() {
            let page = text(&judgement);
            assert!(page.contains("content=\"default-src 'none'; "), "{name}");
            let style = page
                .split("<style>")
                .nth(1)
                .unwrap()
                .split("</style>")
                .next()
                .unwrap();
            assert!(
                !style.contains("@import") && !style.contains("//"),
                "{name}"
            );
            assert_eq!(
                style.matches("url(").count(),
                style.matches("url(#").count(),
                "{name}"
            );
            for (tag, attributes) in tags(&page) {
                for (attribute, value) in attributes {
                    match attribute.as_str() {
                        "href" => assert!(value.starts_with('#'), "{name}: {value}"),
                        "style" => assert!(!value.contains("url"), "{name}: {value}"),
                        "src" | "srcset" | "data" | "action" | "xlink:href" | "poster" => {
                            panic!("{name}: {tag} has {attribute}")
                        }
                        _ => {}
                    }
                }
            }
        }
    }

    #[test]
    fn hostile_text_adds_no_tag_and_no_attribute() {
        let kinds = |page: &str| -> std::collections::BTreeSet<(String, String)> {
            let tags = tags(page);
            let pairs = tags.into_iter().flat_map(|(tag, attributes)| {
                let names = attributes.into_iter().map(|(name, _)| name);
                names
                    .chain([String::new()])
                    .map(move |name| (tag.clone(), name))
            });
            pairs.collect()
        };
        let hostile = kinds(&text(&sample::hostile()));
        let mut known = kinds(&text(&sample::broken()));
        known.extend(kinds(&text(&sample::inconclusive())));
        let new: Vec<_> = hostile.difference(&known).collect();
        assert!(new.is_empty(), "{new:?}");
        assert!(
            known
                .iter()
                .all(|(tag, name)| tag != "script" && !name.starts_with("on"))
        );
    }

    #[test]
    fn hostile_text_stays_readable_and_cannot_reverse_the_page() {
        let page = text(&sample::hostile());
        assert!(page.contains("&lt;/script&gt;&lt;script"));
        assert!(page.contains("⟨U+202E⟩gnp.exe"));
        assert!(!page.chars().any(|c| c != '\n' && is_deceptive(c)));
        assert!(page.contains("more characters)"));
        assert!(page.len() < 400_000, "{}", page.len());
    }

    #[test]
    fn a_broken_page_begins_with_what_broke() {
        let page = text(&sample::broken());
        let what = page.find("id=\"finding-lost-1\"").unwrap();
        assert!(what < page.find("<h2 id=\"guarantees\"").unwrap());
        assert_eq!(page.matches("id=\"finding-lost-1\"").count(), 1);
    }

    #[test]
    fn every_link_leads_somewhere_and_every_tag_is_closed() {
        for (name, judgement) in sample::all() {
            let page = text(&judgement);
            for link in page.split("href=\"#").skip(1) {
                let target = link.split('"').next().unwrap();
                assert!(
                    page.contains(&format!("id=\"{target}\"")),
                    "{name}: {target}"
                );
            }
            for tag in [
                "div", "section", "table", "tr", "td", "th", "details", "svg", "g", "p", "pre",
                "main", "span",
            ] {
                let open = page.matches(&format!("<{tag} ")).count()
                    + page.matches(&format!("<{tag}>")).count();
                assert_eq!(
                    open,
                    page.matches(&format!("</{tag}>")).count(),
                    "{name}: {tag}"
                );
            }
        }
    }

    #[test]
    fn every_section_of_a_full_run_is_there() {
        let page = text(&sample::held());
        for id in [
            "guarantees",
            "ledger",
            "timeline",
            "recovery",
            "rewinds",
            "findings",
            "faults",
            "offsets",
            "settings",
            "latency",
            "time",
            "log",
            "method",
            "environment",
        ] {
            assert!(page.contains(&format!("<h2 id=\"{id}\"")), "{id}");
        }
        assert!(
            page.contains(
                "110,000 acknowledged = 109,137 once + 863 repeated + 0 lost + 0 undecided"
            )
        );
    }

    #[test]
    fn a_page_stays_small_even_for_half_an_hour_with_a_hundred_faults() {
        assert!(html(&sample::held()).len() < 150_000);
        let large = html(&sample::large()).len();
        assert!(large < 1_500_000, "{large}");
    }

    #[test]
    fn a_judgement_that_was_written_and_read_gives_the_same_page() {
        for (name, judgement) in sample::all() {
            let read = crate::report::from_json(&crate::report::json(&judgement)).unwrap();
            assert!(html(&read) == html(&judgement), "{name}");
        }
    }

    /// Relative luminance and contrast as WCAG 2.1 defines them.
    fn contrast(one: &str, other: &str) -> f64 {
        let luminance = |hex: &str| {
            let channel = |at: usize| {
                let value = u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
                let value = f64::from(value) / 255.0;
                if value <= 0.040_45 {
                    value / 12.92
                } else {
                    ((value + 0.055) / 1.055).powf(2.4)
                }
            };
            0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
        };
        let (a, b) = (luminance(one), luminance(other));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn text_can_be_read_on_its_ground_in_light_and_in_dark() {
        let css = include_str!("templates/style.css");
        let themes: Vec<&str> = css
            .split(":root{")
            .skip(1)
            .map(|part| part.split('}').next().unwrap())
            .collect();
        assert_eq!(themes.len(), 3, "light, dark and print");
        for theme in themes {
            let colour = |name: &str| {
                let (_, rest) = theme.split_once(&format!("--{name}:")).unwrap();
                rest.split(';').next().unwrap().trim().to_owned()
            };
            let pairs = [
                ("fg", "bg"),
                ("fg", "card"),
                ("mut", "bg"),
                ("mut", "card"),
                ("ok", "card"),
                ("bad", "card"),
                ("warn", "card"),
                ("on-w0", "w0"),
                ("on-w1", "w1"),
                ("on-w2", "w2"),
                ("on-w3", "w3"),
                ("on-w4", "w4"),
                ("on-w5", "w5"),
                ("seg", "good"),
                ("seg", "changing"),
                ("seg", "waiting"),
                ("seg", "badfill"),
                ("on-p", "p1"),
                ("on-p", "p2"),
                ("on-p", "p3"),
                ("on-p", "p4"),
                ("on-p", "p5"),
                ("on-p", "p6"),
                ("on-p", "p7"),
            ];
            for (text, ground) in pairs {
                let ratio = contrast(&colour(text), &colour(ground));
                assert!(ratio >= 4.5, "{text} on {ground}: {ratio:.2} in {theme}");
            }
        }
    }
}
