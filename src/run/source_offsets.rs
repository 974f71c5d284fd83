//! The last look at the committed offsets of the route's sources, through REST.

use std::time::Duration;

use crate::journal::What;
use crate::model::Direction;

use super::conductor::Conductor;

const LIMIT: Duration = Duration::from_secs(10);

impl Conductor<'_> {
    /// Writes down what REST says that the sources have committed; workers before 3.5 say nothing.
    pub fn look_at_source_offsets(&self) {
        let rest = self.rest().ok();
        let connectors = self.scenario.route.connectors();
        let sources = connectors.filter(|connector| connector.direction == Direction::Source);
        let told = sources.filter_map(|source| {
            let offsets = rest.as_ref()?.offsets(&source.name, LIMIT).ok()?;
            let pairs = offsets.into_iter().map(|of| (of.partition, of.offset));
            Some((source.name.clone(), pairs.collect()))
        });
        let sources = told.collect();
        self.journal.record(What::FinalSourceOffsets { sources });
    }
}
