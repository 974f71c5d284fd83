//! Feeds, taps and connectors as the text has them, before it is known what stands around them.

use std::collections::BTreeMap;

use crate::model::{Connector, Direction, Medium, PlaceName};

use super::mistake::Span;
use super::shape;
use super::tree::Node;

/// A feed or tap as the text has it.
pub(super) struct PlaceDraft<'n> {
    pub(super) node: &'n Node,
    pub(super) name: PlaceName,
    pub(super) name_span: Span,
    pub(super) medium: Medium,
}

/// A connector as the text has it; direction and offsets are settled when its surroundings are known.
pub(super) struct ConnectorDraft<'n> {
    pub(super) node: &'n Node,
    pub(super) connector: Connector,
    /// Where mistakes about the whole connector are shown: at its class, or else at its name.
    pub(super) place: Span,
    pub(super) direction: Option<Direction>,
}

/// The settings of a map, as text.
pub(super) fn settings(map: &Node) -> BTreeMap<String, String> {
    map.entries()
        .iter()
        .filter_map(|entry| Some((entry.key.clone(), entry.value.text()?.to_owned())))
        .collect()
}

/// The number behind this key of a place, where it is one.
pub(super) fn whole_of(node: &Node, key: &str) -> Option<u32> {
    let number = shape::whole(node.text_of(key)?, true)?;
    u32::try_from(number).ok()
}
