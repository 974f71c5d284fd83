//! What was fed and what arrived, record by record: one crash-tolerant Arrow IPC stream for each place.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type, UInt8Type, UInt32Type, UInt64Type};
use arrow_array::{
    ArrayRef, Int32Array, Int64Array, RecordBatch, UInt8Array, UInt32Array, UInt64Array,
};
use arrow_ipc::CompressionType;
use arrow_ipc::writer::{IpcWriteOptions, StreamWriter};
use arrow_schema::{ArrowError, DataType, Field, Schema};

use super::frames::Frames;
use super::regular::{self, MOST_OBSERVATION_BYTES};
use crate::model::{Lane, Moment, Sequence};

/// Rows that are gathered before they are written as one Arrow batch.
pub const BATCH_ROWS: usize = 32_768;

/// What became of one record at one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ObservationKind {
    /// At a feed: taken. At a tap: arrived whole.
    Whole,
    /// At a feed: refused.
    Refused,
    /// At a feed: no answer, so it may or may not be there.
    Unknown,
    /// At a tap: ours by its head, but damaged; lane and sequence number mean nothing.
    Corrupt,
    /// At a tap: nothing that was ever sent; lane and sequence number mean nothing.
    Foreign,
}

impl ObservationKind {
    /// The number that stands for the kind in the file.
    pub const fn code(self) -> u8 {
        match self {
            Self::Whole => 0,
            Self::Refused => 1,
            Self::Unknown => 2,
            Self::Corrupt => 3,
            Self::Foreign => 4,
        }
    }

    /// The kind behind a number; `None` for a number that no version has written.
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Whole),
            1 => Some(Self::Refused),
            2 => Some(Self::Unknown),
            3 => Some(Self::Corrupt),
            4 => Some(Self::Foreign),
            _ => None,
        }
    }
}

/// One row: a record at a place. Rows of a place stand in the place's own order within each partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observation {
    /// At a tap: when it arrived at the harness. At a feed: when it was sent.
    pub at: Moment,
    /// Its lane.
    pub lane: Lane,
    /// Its number in the lane.
    pub sequence: Sequence,
    /// The topic partition; 0 for a file; -1 where the feed never learned it.
    pub partition: i32,
    /// The topic offset, or the position of the line's first byte; -1 where the feed never learned it.
    pub position: i64,
    /// What became of it.
    pub kind: ObservationKind,
}

/// Some consecutive rows of one place, column by column.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    /// Microseconds of the run.
    pub at_us: Vec<u64>,
    /// Lanes.
    pub lane: Vec<u32>,
    /// Sequence numbers.
    pub sequence: Vec<u64>,
    /// Partitions.
    pub partition: Vec<i32>,
    /// Offsets or byte positions.
    pub position: Vec<i64>,
    /// Codes of [`ObservationKind`].
    pub kind: Vec<u8>,
}

impl Batch {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.at_us.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.at_us.is_empty()
    }

    /// Appends a row.
    pub fn push(&mut self, row: Observation) {
        self.at_us.push(row.at.as_us());
        self.lane.push(row.lane.0);
        self.sequence.push(row.sequence.0);
        self.partition.push(row.partition);
        self.position.push(row.position);
        self.kind.push(row.kind.code());
    }

    /// Row `index`; `None` past the end or when its kind has no meaning.
    #[cfg_attr(alone, expect(dead_code, reason = "tests look at single rows"))]
    pub fn row(&self, index: usize) -> Option<Observation> {
        Some(Observation {
            at: Moment(*self.at_us.get(index)?),
            lane: Lane(*self.lane.get(index)?),
            sequence: Sequence(*self.sequence.get(index)?),
            partition: *self.partition.get(index)?,
            position: *self.position.get(index)?,
            kind: ObservationKind::from_code(*self.kind.get(index)?)?,
        })
    }

    fn clear(&mut self) {
        self.at_us.clear();
        self.lane.clear();
        self.sequence.clear();
        self.partition.clear();
        self.position.clear();
        self.kind.clear();
    }
}

impl FromIterator<Observation> for Batch {
    fn from_iter<I: IntoIterator<Item = Observation>>(rows: I) -> Self {
        let mut batch = Self::default();
        rows.into_iter().for_each(|row| batch.push(row));
        batch
    }
}

/// Why observations could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum ObservationError {
    /// The file could not be opened, written or flushed.
    #[error(
        "cannot write the observations {path}: {source}; free disk space or choose another folder with --reports"
    )]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: ArrowError,
    },
    /// The file is missing or cannot be opened.
    #[error("cannot open the observations {path}: {source}")]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file ends in the middle or holds something else than observations.
    #[error("the observations {path} are damaged after row {rows}: {why}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Whole rows before the damage.
        rows: u64,
        /// What is wrong.
        why: String,
    },
}

fn schema() -> Arc<Schema> {
    Arc::new(Schema::new(vec![
        Field::new("at_us", DataType::UInt64, false),
        Field::new("lane", DataType::UInt32, false),
        Field::new("sequence", DataType::UInt64, false),
        Field::new("partition", DataType::Int32, false),
        Field::new("position", DataType::Int64, false),
        Field::new("kind", DataType::UInt8, false),
    ]))
}

/// Writes the observations of one place, batch by batch; what was flushed survives any crash.
pub struct ObservationWriter {
    path: PathBuf,
    stream: StreamWriter<BufWriter<File>>,
    pending: Batch,
    rows: u64,
}

impl ObservationWriter {
    /// Creates the file, which must not exist yet.
    pub fn create(path: &Path) -> Result<Self, ObservationError> {
        let failed = |source| ObservationError::Write {
            path: path.to_owned(),
            source,
        };
        let file = File::create_new(path).map_err(|error| failed(error.into()))?;
        let options = IpcWriteOptions::default()
            .try_with_compression(Some(CompressionType::ZSTD))
            .map_err(failed)?;
        let stream = StreamWriter::try_new_with_options(BufWriter::new(file), &schema(), options)
            .map_err(failed)?;
        Ok(Self {
            path: path.to_owned(),
            stream,
            pending: Batch::default(),
            rows: 0,
        })
    }

    /// Adds a row; writes a batch when enough are gathered.
    pub fn push(&mut self, row: Observation) -> Result<(), ObservationError> {
        self.pending.push(row);
        if self.pending.len() >= BATCH_ROWS {
            self.flush()
        } else {
            Ok(())
        }
    }

    /// Writes what is gathered and hands it to the operating system.
    pub fn flush(&mut self) -> Result<(), ObservationError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let batch = std::mem::take(&mut self.pending);
        self.rows += batch.len() as u64;
        self.write(&batch)
            .map_err(|source| ObservationError::Write {
                path: self.path.clone(),
                source,
            })?;
        self.pending = batch;
        self.pending.clear();
        Ok(())
    }

    fn write(&mut self, batch: &Batch) -> Result<(), ArrowError> {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(UInt64Array::from_iter_values(batch.at_us.iter().copied())),
            Arc::new(UInt32Array::from_iter_values(batch.lane.iter().copied())),
            Arc::new(UInt64Array::from_iter_values(
                batch.sequence.iter().copied(),
            )),
            Arc::new(Int32Array::from_iter_values(
                batch.partition.iter().copied(),
            )),
            Arc::new(Int64Array::from_iter_values(batch.position.iter().copied())),
            Arc::new(UInt8Array::from_iter_values(batch.kind.iter().copied())),
        ];
        self.stream
            .write(&RecordBatch::try_new(schema(), columns)?)?;
        Ok(self.stream.get_mut().flush()?)
    }

    /// Writes the rest and the end mark; returns the number of rows in the file.
    pub fn finish(mut self) -> Result<u64, ObservationError> {
        self.flush()?;
        self.stream
            .finish()
            .and_then(|()| Ok(self.stream.get_mut().flush()?))
            .map_err(|source| ObservationError::Write {
                path: self.path.clone(),
                source,
            })?;
        Ok(self.rows)
    }
}

/// Reads the observations of one place, batch by batch, as far as they are whole.
pub struct ObservationReader {
    path: PathBuf,
    frames: Frames,
    rows: u64,
    done: bool,
}

impl ObservationReader {
    /// Opens the file; fails when it is missing or does not begin like observations.
    pub fn open(path: &Path) -> Result<Self, ObservationError> {
        let file = regular::open(path, MOST_OBSERVATION_BYTES).map_err(|source| {
            ObservationError::Open {
                path: path.to_owned(),
                source,
            }
        })?;
        let damaged = |why: String| ObservationError::Damaged {
            path: path.to_owned(),
            rows: 0,
            why,
        };
        let frames = Frames::open(file, BATCH_ROWS).map_err(damaged)?;
        if *frames.schema() != *schema() {
            return Err(damaged(
                "the columns are not those of an observation file".to_owned(),
            ));
        }
        Ok(Self {
            path: path.to_owned(),
            frames,
            rows: 0,
            done: false,
        })
    }

    fn damaged(&self, why: String) -> ObservationError {
        ObservationError::Damaged {
            path: self.path.clone(),
            rows: self.rows,
            why,
        }
    }
}

impl Iterator for ObservationReader {
    type Item = Result<Batch, ObservationError>;

    /// The next batch, or one last error where the file is damaged. A clean end and a cut at a batch's border look the
    /// same here: the number of rows in the journal's last event tells them apart.
    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        match self.frames.next() {
            Ok(None) => {
                self.done = true;
                None
            }
            Ok(Some(batch)) => {
                self.rows += batch.num_rows() as u64;
                Some(Ok(columns_of(&batch)))
            }
            Err(why) => {
                self.done = true;
                Some(Err(self.damaged(why)))
            }
        }
    }
}

fn columns_of(batch: &RecordBatch) -> Batch {
    Batch {
        at_us: batch
            .column(0)
            .as_primitive::<UInt64Type>()
            .values()
            .to_vec(),
        lane: batch
            .column(1)
            .as_primitive::<UInt32Type>()
            .values()
            .to_vec(),
        sequence: batch
            .column(2)
            .as_primitive::<UInt64Type>()
            .values()
            .to_vec(),
        partition: batch
            .column(3)
            .as_primitive::<Int32Type>()
            .values()
            .to_vec(),
        position: batch
            .column(4)
            .as_primitive::<Int64Type>()
            .values()
            .to_vec(),
        kind: batch
            .column(5)
            .as_primitive::<UInt8Type>()
            .values()
            .to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(n: u64) -> Observation {
        Observation {
            at: Moment(n * 500),
            lane: Lane((n % 3) as u32),
            sequence: Sequence(n / 3),
            partition: (n % 3) as i32,
            position: n as i64,
            kind: ObservationKind::Whole,
        }
    }

    fn written(rows: u64) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tap.arrow");
        let mut writer = ObservationWriter::create(&path).unwrap();
        (0..rows).for_each(|n| writer.push(row(n)).unwrap());
        assert_eq!(writer.finish().unwrap(), rows);
        (folder, path)
    }

    #[test]
    fn observations_survive_being_written_and_read() {
        let rows = BATCH_ROWS as u64 + 10;
        let (_folder, path) = written(rows);
        let batches: Vec<Batch> = ObservationReader::open(&path)
            .unwrap()
            .map(Result::unwrap)
            .collect();
        let read: Vec<Observation> = batches
            .iter()
            .flat_map(|b| (0..b.len()).map(|i| b.row(i).unwrap()))
            .collect();
        assert_eq!(read, (0..rows).map(row).collect::<Vec<_>>());
    }

    #[test]
    fn a_file_cut_anywhere_gives_whole_rows_and_never_panics() {
        let (_folder, path) = written(BATCH_ROWS as u64 * 2);
        let whole = std::fs::read(&path).unwrap();
        for cut in (0..whole.len()).step_by(997) {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let rows: usize = match ObservationReader::open(&path) {
                Ok(reader) => reader.map_while(Result::ok).map(|batch| batch.len()).sum(),
                Err(_) => 0,
            };
            assert_eq!(rows % BATCH_ROWS, 0);
        }
    }

    #[test]
    fn a_file_changed_anywhere_gives_rows_or_an_error_and_never_panics() {
        let (_folder, path) = written(BATCH_ROWS as u64 + 20);
        let whole = std::fs::read(&path).unwrap();
        // All of the heads, and samples of what is packed: both frames begin with the numbers that are followed.
        let second = whole.len() - 1_200;
        let places = (0..2_000)
            .chain((2_000..second).step_by(499))
            .chain(second..whole.len());
        for place in places {
            for mask in [0x01, 0x10, 0x80] {
                let mut changed = whole.clone();
                changed[place] ^= mask;
                std::fs::write(&path, changed).unwrap();
                if let Ok(reader) = ObservationReader::open(&path) {
                    let rows: usize = reader.map_while(Result::ok).map(|batch| batch.len()).sum();
                    assert!(rows <= BATCH_ROWS + 20);
                }
            }
        }
    }

    #[test]
    fn an_existing_file_is_never_overwritten() {
        let (_folder, path) = written(1);
        assert!(matches!(
            ObservationWriter::create(&path),
            Err(ObservationError::Write { .. })
        ));
    }
}
