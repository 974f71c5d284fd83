//! Trees that are put together here, of what properties files and connectors hold.

use super::super::mistake::Span;
use super::super::tree::{Entry, Node, Value};

/// A value in quotes.
pub(super) fn text(span: Span, text: String) -> Node {
    Node {
        span,
        value: Value::Scalar {
            text: text.into(),
            plain: false,
        },
    }
}

/// A map of these entries.
pub(super) fn map(span: Span, entries: Vec<Entry>) -> Node {
    Node {
        span,
        value: Value::Map(entries.into()),
    }
}
