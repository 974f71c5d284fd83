//! What stands in a topic or a file: records in the order of their partition, each with the start of the task that wrote it.

use super::group::Ms;

/// Who wrote a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writer {
    Feed,
    /// The start of a task, by its number.
    Start(usize),
    /// Not one of the model's: planted.
    Planted,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    Record {
        lane: u32,
        sequence: u64,
    },
    Corrupt,
    Foreign,
    /// The end of a transaction.
    Marker,
}

#[derive(Debug, Clone, Copy)]
pub struct Row {
    pub entry: Entry,
    pub at: Ms,
    pub by: Writer,
    /// The transaction that it belongs to.
    pub txn: Option<usize>,
}

/// How a transaction stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Txn {
    Open,
    Committed(Ms),
    Aborted(Ms),
}

#[derive(Debug, Clone, Default)]
pub struct Log {
    pub partitions: Vec<Vec<Row>>,
}

impl Log {
    pub fn new(partitions: u32) -> Self {
        Self {
            partitions: vec![Vec::new(); partitions as usize],
        }
    }

    pub fn append(&mut self, partition: usize, row: Row) {
        self.partitions[partition].push(row);
    }

    /// The next record at or behind `from` that a reader may see, with its offset.
    pub fn next(
        &self,
        partition: usize,
        from: u64,
        committed_only: bool,
        txns: &[Txn],
    ) -> Option<(u64, u32, u64)> {
        let rows = &self.partitions[partition];
        for (offset, row) in rows.iter().enumerate().skip(from as usize) {
            if committed_only && let Some(txn) = row.txn {
                match txns[txn] {
                    Txn::Open => return None,
                    Txn::Aborted(_) => continue,
                    Txn::Committed(_) => {}
                }
            }
            if let Entry::Record { lane, sequence } = row.entry {
                return Some((offset as u64, lane, sequence));
            }
        }
        None
    }
}
