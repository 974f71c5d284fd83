//! What all parts of the HTML report share: style classes, links and widths.

use crate::model::Verdict;

/// Most characters of a log line.
pub(super) const LINE_LIMIT: usize = 500;

/// The style class of an answer.
pub(super) const fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Held => "held",
        Verdict::Inconclusive => "inconclusive",
        Verdict::Broken => "broken",
    }
}

/// A place on the page that can be linked to: `finding-lost-1`.
pub(super) fn anchor(id: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    format!("finding-{}", id.chars().map(safe).collect::<String>())
}

/// A link to a finding.
pub(super) struct Link {
    pub(super) anchor: String,
    pub(super) id: String,
}

/// A share as a CSS width, between 0 and 100 %.
pub(super) fn width(share: f64) -> String {
    let share = if share.is_nan() {
        1.0
    } else {
        share.clamp(0.0, 1.0)
    };
    format!("{:.2}%", share * 100.0)
}

pub(super) fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}
