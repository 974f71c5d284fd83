//! The guarantees and the ledger as the HTML report shows them, each number already as it is read.

use crate::report::ledger::equations;
use crate::report::numbers::{count, percent, plural};
use crate::report::text::visible;
use crate::verify::{FeedLedger, GuaranteeResult, Judgement, TapLedger};

use super::share::{LINE_LIMIT, Link, anchor, class, share, width};

/// A line of the guarantee table.
pub(super) struct GuaranteeRow {
    pub(super) class: &'static str,
    pub(super) mark: &'static str,
    pub(super) word: &'static str,
    pub(super) title: String,
    pub(super) key: &'static str,
    pub(super) measured: String,
    pub(super) limit: String,
    pub(super) used: Option<String>,
    pub(super) fill: String,
    pub(super) note: String,
    pub(super) findings: Vec<Link>,
    pub(super) more_findings: usize,
}

/// The guarantees, the worst first, otherwise in the order of the judgement.
pub(super) fn guarantees(judgement: &Judgement) -> Vec<GuaranteeRow> {
    let mut sorted: Vec<&GuaranteeResult> = judgement.guarantees.iter().collect();
    sorted.sort_by_key(|guarantee| std::cmp::Reverse(guarantee.verdict));
    sorted
        .into_iter()
        .map(|guarantee| guarantee_row(judgement, guarantee))
        .collect()
}

fn guarantee_row(judgement: &Judgement, guarantee: &GuaranteeResult) -> GuaranteeRow {
    const LINKS: usize = 5;
    let listed = |id: &&String| judgement.findings.iter().any(|finding| finding.id == **id);
    let link = |id: &String| Link {
        anchor: anchor(id),
        id: id.clone(),
    };
    GuaranteeRow {
        class: class(guarantee.verdict),
        mark: guarantee.verdict.mark(),
        word: guarantee.verdict.word(),
        title: guarantee.title().to_owned(),
        key: guarantee.kind.key(),
        measured: visible(&guarantee.measured(), 48),
        limit: visible(&guarantee.limit(), 48),
        used: guarantee.used.map(percent),
        fill: width(guarantee.used.unwrap_or(0.0)),
        note: visible(&guarantee.note, LINE_LIMIT),
        findings: guarantee
            .findings
            .iter()
            .filter(listed)
            .take(LINKS)
            .map(link)
            .collect(),
        more_findings: guarantee.findings.len().saturating_sub(LINKS),
    }
}

/// The feed's card.
pub(super) struct FeedCard {
    pub(super) place: String,
    pub(super) acked: String,
    pub(super) lines: Vec<String>,
}

pub(super) fn feed(feed: &FeedLedger) -> FeedCard {
    FeedCard {
        place: feed.place.to_string(),
        acked: count(feed.acked),
        lines: vec![
            format!("{} refused", count(feed.refused)),
            format!("{} without answer", count(feed.unknown)),
            format!("pace kept within {}", percent(feed.pace_error)),
        ],
    }
}

/// A step of a waterfall.
pub(super) struct Step {
    pub(super) sign: &'static str,
    pub(super) name: String,
    pub(super) value: String,
    pub(super) class: &'static str,
    pub(super) left: String,
    pub(super) width: String,
    pub(super) some: bool,
}

/// A tap's card.
pub(super) struct TapCard {
    pub(super) place: String,
    pub(super) connector: String,
    pub(super) once: String,
    pub(super) repeated: String,
    pub(super) steps: Vec<Step>,
    pub(super) lines: Vec<String>,
    pub(super) equations: Vec<Sum>,
}

/// A printed equation.
pub(super) struct Sum {
    pub(super) text: String,
    pub(super) holds: bool,
}

pub(super) fn tap(judgement: &Judgement, tap: &TapLedger) -> TapCard {
    let sums = equations(judgement, tap);
    TapCard {
        place: tap.place.to_string(),
        connector: tap.connector.to_string(),
        once: count(tap.once),
        repeated: count(tap.repeated),
        steps: steps(tap, sums[0].of),
        lines: tap_lines(tap),
        equations: sums
            .iter()
            .map(|sum| Sum {
                text: sum.to_string(),
                holds: sum.holds(),
            })
            .collect(),
    }
}

/// From what was expected down to what is here, and up again to everything that arrived.
fn steps(tap: &TapLedger, of: &str) -> Vec<Step> {
    let scale = tap.expected.max(tap.arrived);
    let mut level = tap.expected;
    let mut steps = vec![step("", of, tap.expected, "whole", 0, scale)];
    for (name, value, class) in [
        ("lost", tap.lost, "lost"),
        ("undecided", tap.undecided, "undecided"),
    ] {
        level = level.saturating_sub(value);
        if value > 0 || name == "lost" {
            steps.push(step("−", name, value, class, level, scale));
        }
    }
    let more = [
        ("extra copies", tap.extra_copies, "copies"),
        ("of unknown outcome", tap.of_unknown, "undecided"),
        ("phantom", tap.phantom, "lost"),
        ("corrupt", tap.corrupt, "lost"),
    ];
    for (name, value, class) in more {
        if value > 0 || name == "extra copies" {
            steps.push(step("+", name, value, class, level, scale));
        }
        level = level.saturating_add(value);
    }
    steps.push(step("=", "arrived", tap.arrived, "whole", 0, scale));
    steps
}

fn step(
    sign: &'static str,
    name: &str,
    value: u64,
    class: &'static str,
    from: u64,
    scale: u64,
) -> Step {
    Step {
        sign,
        name: name.to_owned(),
        value: count(value),
        class,
        left: width(share(from, scale)),
        width: width(share(value, scale)),
        some: value > 0,
    }
}

fn tap_lines(tap: &TapLedger) -> Vec<String> {
    let by = &tap.connector;
    let mut lines = Vec::new();
    if tap.lost > 0 {
        lines.push(format!(
            "{} of {} lost were lost by {by}",
            count(tap.own_lost),
            count(tap.lost)
        ));
    }
    if tap.extra_copies > 0 {
        let (own, all) = (count(tap.own_extra_copies), count(tap.extra_copies));
        let unexplained = count(tap.unexplained_copies);
        lines.push(format!(
            "{own} of {all} extra copies made by {by}, {unexplained} unexplained"
        ));
    }
    lines.push(plural(tap.reorderings, "reordering", "reorderings"));
    if let Some(aborted) = tap.aborted {
        lines.push(format!(
            "{} of aborted transactions, never visible",
            count(aborted)
        ));
    }
    if let Some(bound) = tap.loss_bound_per_million {
        lines.push(format!(
            "shows a loss of at most {bound:.1} per million, at 95 %"
        ));
    }
    lines
}
