//! What all drawings over time share: lengths, labels, and where a moment stands.

use std::fmt;

use crate::model::Moment;

/// Where the drawing of time begins: left of it stand the lanes' names.
pub(super) const LEFT: f64 = 150.0;
/// Where it ends: right of it stand the ends of scales.
pub(super) const RIGHT: f64 = 1_066.0;
/// Two points closer than this cannot be told apart.
pub(super) const FINEST: f64 = 0.9;

/// A length or place in the drawing; printed with at most one decimal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Px(pub(super) f64);

impl fmt::Display for Px {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{:.1}", self.0);
        f.write_str(text.strip_suffix(".0").unwrap_or(&text))
    }
}

/// A text in the drawing.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Label {
    pub(super) x: Px,
    pub(super) y: Px,
    pub(super) text: String,
}

/// Time to place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    /// At the left edge; what was before stands there too.
    pub(super) start: Moment,
    /// At the right edge.
    pub(super) end: Moment,
}

impl Scale {
    /// Where a moment stands.
    pub(super) fn x(self, at: Moment) -> f64 {
        let since_start = |at: Moment| at.as_us().saturating_sub(self.start.as_us()) as f64;
        let share = since_start(at) / since_start(self.end).max(1.0);
        LEFT + (RIGHT - LEFT) * share.min(1.0)
    }
}

/// How far down the drawing has come.
pub(super) struct Pen {
    pub(super) y: f64,
    pub(super) scale: Scale,
}
