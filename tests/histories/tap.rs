//! A reader of a tap: it gets what stands there in the place's order, and a little late.

use squall::journal::{Observation, ObservationKind};
use squall::model::{Lane, Moment, Sequence};

use super::cluster::Cluster;
use super::group::Ms;
use super::history::{RECORD_BYTES, Seen};
use super::log::{Entry, Row, Txn};
use super::setup::LegKind;

/// The rows of the tap behind a leg.
pub fn read(cluster: &mut Cluster, leg: usize, committed_only: bool) -> Vec<Seen> {
    let mut found = Vec::new();
    for (partition, rows) in cluster.logs[leg + 1].partitions.iter().enumerate() {
        let mut shown = 0;
        for (offset, row) in rows.iter().enumerate() {
            let Some(at) = visible(row, committed_only, &cluster.txns) else {
                continue;
            };
            shown = at.max(shown);
            if let Some(kind) = kind_of(row.entry) {
                found.push((shown, partition, offset, *row, kind));
            }
        }
    }
    found.sort_by_key(|(at, partition, offset, _, _)| (*at, *partition, *offset));
    let file = cluster.setup.legs[leg].kind == LegKind::FileSink;
    let lag_us = cluster.setup.lag_ms * 1_000;
    let (mut last_us, mut fetch_us, mut stall_us) = (0, 0, 0);
    let mut seen = Vec::new();
    for (at, partition, offset, row, kind) in found {
        let at_us = at * 1_000;
        if at_us > fetch_us {
            fetch_us = at_us + cluster.rng.range(0, lag_us);
            if cluster.rng.range(0, 9_999) < cluster.setup.stalls {
                stall_us = fetch_us + cluster.rng.range(100_000, 500_000);
            }
        }
        last_us = fetch_us
            .max(at_us)
            .max(stall_us.min(at_us + 500_000))
            .max(last_us + 1);
        let (lane, sequence) = match row.entry {
            Entry::Record { lane, sequence } => (lane, sequence),
            Entry::Corrupt | Entry::Foreign | Entry::Marker => (0, 0),
        };
        let position = if file {
            offset * (RECORD_BYTES + 1)
        } else {
            offset
        };
        let row_seen = Observation {
            at: Moment(last_us),
            lane: Lane(lane),
            sequence: Sequence(sequence),
            partition: partition as i32,
            position: position as i64,
            kind,
        };
        seen.push(Seen {
            row: row_seen,
            by: row.by,
        });
    }
    seen
}

/// From when a reader can see a row; `None` for what it never sees.
fn visible(row: &Row, committed_only: bool, txns: &[Txn]) -> Option<Ms> {
    match row.txn.map(|txn| txns[txn]) {
        Some(Txn::Committed(at)) if committed_only => Some(at.max(row.at)),
        Some(Txn::Aborted(_) | Txn::Open) if committed_only => None,
        _ => Some(row.at),
    }
}

const fn kind_of(entry: Entry) -> Option<ObservationKind> {
    match entry {
        Entry::Record { .. } => Some(ObservationKind::Whole),
        Entry::Corrupt => Some(ObservationKind::Corrupt),
        Entry::Foreign => Some(ObservationKind::Foreign),
        Entry::Marker => None,
    }
}
