//! A tap: a thread that looks at what arrives at a place, record by record, and changes nothing.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::journal::{Attendance, ObservationWriter};
use crate::kafka::{Cluster, Isolation, RecordReader};

use super::counts::set_text;
use super::rows::Rows;
use super::sightings::Sightings;
use super::thread::PlaceThread;
use super::{Decoder, PlaceError, TapCounts, file_tap, topic_tap};

/// A running tap. Dropping it stops it without waiting.
pub struct Tap {
    thread: PlaceThread<TapEnd>,
    counts: Arc<TapCounts>,
}

/// What a tap saw in all; the counts say more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TapEnd {
    /// Rows in the observation file: one for each record that arrived.
    pub rows: u64,
    /// Why the tap ended before it was stopped, if it did.
    pub failure: Option<String>,
}

impl Tap {
    /// Begins to read all partitions of a topic from offset 0; a topic that is not there yet is waited for. Fails when
    /// the client settings are refused or no thread can be started; later trouble shows in the counts.
    pub fn start_topic(
        cluster: &Cluster,
        topic: &str,
        isolation: Isolation,
        decoder: Decoder,
        lanes: u32,
        attendance: Attendance,
        writer: ObservationWriter,
    ) -> Result<Self, PlaceError> {
        let clock = attendance.clock();
        let reader = RecordReader::connect(cluster, topic, isolation)?.without_timestamps();
        let rows = Rows::new(topic, writer, clock)?;
        let (counts, mut book) = begin(decoder, lanes, rows, attendance);
        let thread = {
            let counts = Arc::clone(&counts);
            PlaceThread::start(format!("tap {topic}"), move |stop| {
                let read = topic_tap::read(&reader, &mut book, clock, stop);
                let ended = end(book, &counts, read);
                // Closing may hang with the brokers: not a reason to hold the result back.
                drop(reader);
                ended
            })?
        };
        Ok(Self { thread, counts })
    }

    /// Begins to read the lines of a file from its first byte; a file that is not there yet is waited for, its folder
    /// must be there. Fails when the folder cannot be watched or no thread can be started.
    pub fn start_file(
        path: &Path,
        decoder: Decoder,
        lanes: u32,
        attendance: Attendance,
        writer: ObservationWriter,
    ) -> Result<Self, PlaceError> {
        let clock = attendance.clock();
        let mut file = file_tap::FileTap::watch(path)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let rows = Rows::new(&name, writer, clock)?;
        let (counts, mut book) = begin(decoder, lanes, rows, attendance);
        let thread = {
            let counts = Arc::clone(&counts);
            PlaceThread::start(format!("tap {name}"), move |stop| {
                let read = file.read(&mut book, clock, stop);
                end(book, &counts, read)
            })?
        };
        Ok(Self { thread, counts })
    }

    /// The live counts; they stay readable after the tap has ended.
    pub fn counts(&self) -> Arc<TapCounts> {
        Arc::clone(&self.counts)
    }

    /// Whether everything before these positions has been read and counted: next offsets for a topic, and for a file
    /// the byte position behind its last whole line, under partition 0.
    pub fn has_read_to(&self, ends: &BTreeMap<i32, i64>) -> bool {
        self.counts.has_read_to(ends)
    }

    /// Reads no more and ends the observation file. Fails when observations could not be written or the thread hangs.
    pub fn stop(self, limit: Duration) -> Result<TapEnd, PlaceError> {
        self.thread.stop(limit)
    }
}

fn begin(
    decoder: Decoder,
    lanes: u32,
    rows: Rows,
    attendance: Attendance,
) -> (Arc<TapCounts>, Sightings) {
    let counts = Arc::new(TapCounts::new(lanes));
    let book = Sightings::new(decoder, lanes, rows, Arc::clone(&counts), attendance);
    (counts, book)
}

/// Ends the observation file in any case, so that what was seen before a failure stays readable.
fn end(
    book: Sightings,
    counts: &TapCounts,
    read: Result<(), PlaceError>,
) -> Result<TapEnd, PlaceError> {
    if let Err(error) = &read {
        set_text(&counts.failure, error.to_string());
    }
    match read {
        Err(PlaceError::Observations(error)) => Err(error.into()),
        Ok(()) | Err(_) => Ok(TapEnd {
            rows: book.finish()?,
            failure: counts.failure(),
        }),
    }
}
