//! Where the input of a connector ends: what a committed position may lead to and not beyond.

use crate::model::{Medium, Moment, TaskId};

use super::case::Case;

/// A start may be told this much before the row that was there when it came: observers are late, each in its own way.
const TOLD_EARLIER_US: u64 = 10_000_000;

/// Where the input of a leg ends at the latest, if a position leads beyond that: the end offset of a topic, the length of a
/// file in bytes. Where nobody asked for it, it is the last row that was seen there, and what may stand behind that.
pub(super) fn before(case: &Case<'_>, leg: usize, partition: i32, next: u64) -> Option<u64> {
    let input = case.legs[leg].input?;
    let (said, read, size) = match &input.medium {
        Medium::Topic(_) => {
            let said = case.history.final_ends.and_then(|ends| {
                let end = ends.get(&input.name)?.get(&partition)?;
                u64::try_from(*end).ok()
            });
            let twin = leg
                .checked_sub(1)
                .and_then(|tap| case.uncommitted[tap].as_ref());
            let aborted = twin.and_then(|twin| twin.cuts.end(partition));
            let read = case.input_cuts(leg)?.end(partition);
            (said, read.max(aborted), 1)
        }
        Medium::File(_) => {
            let last = case.feed.as_ref().filter(|_| leg == 0)?.last_position?;
            let line = case.info.scenario.stream.record_size_bytes as u64 + 1;
            (None, last.checked_add(line), line)
        }
    };
    let known = said.max(read)?;
    if next <= known {
        return None;
    }
    let more = match said {
        Some(_) => 0,
        None => behind_last_row(case, leg, partition)?.checked_mul(size)?,
    };
    let end = known.checked_add(more)?;
    (next > end).then_some(end)
}

/// How much can stand in a partition of the input behind the last row that was seen there. A connector without
/// transactions leaves nothing there.
fn behind_last_row(case: &Case<'_>, leg: usize, partition: i32) -> Option<u64> {
    match leg.checked_sub(1) {
        None => unanswered_behind(case, partition),
        Some(before) if case.legs[before].exactly_once => markers_behind(case, before, partition),
        Some(_) => Some(0),
    }
}

/// Records of the feed whose sends had no answer, and that came after the last one of their lane that had: those before it
/// stand before it or nowhere, for the feed keeps the order of a partition.
fn unanswered_behind(case: &Case<'_>, partition: i32) -> Option<u64> {
    let feed = case.feed.as_ref()?;
    let unanswered = (0u32..).zip(&feed.lanes).map(|(lane, fed)| {
        let after = |highest: u64| fed.unknown.len() - fed.unknown.rank(highest);
        match feed.cuts.partition_of(lane) {
            Some(own) if own != partition => 0,
            Some(_) => fed.highest.map_or(fed.unknown.len(), after),
            None => fed.unknown.len(),
        }
    });
    Some(unanswered.sum())
}

/// Markers of transactions: each task had at most one open at the last row, and each start since may have left one that it
/// wrote nothing in. Where nobody read the aborted records, these may stand there as well.
fn markers_behind(case: &Case<'_>, writer: usize, partition: i32) -> Option<u64> {
    let rows = case.uncommitted[writer].as_ref()?;
    let lanes = (0u32..).zip(&rows.lanes);
    let own = lanes.filter(|(lane, _)| rows.cuts.partition_of(*lane) == Some(partition));
    let last_us = own.filter_map(|(_, lane)| lane.last_at).max()?;
    let since = Moment(last_us.saturating_sub(TOLD_EARLIER_US));
    let is_its = |task: &TaskId| task.connector == case.legs[writer].connector.name;
    let tasks = case.history.tasks.iter().filter(|task| is_its(task));
    let statuses = case.history.statuses.iter();
    let starts = statuses.filter(|s| is_its(s.task) && s.state == "RUNNING" && s.at > since);
    Some((tasks.count() + starts.count()) as u64)
}
