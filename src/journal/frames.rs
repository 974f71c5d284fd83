//! Reads an Arrow IPC stream frame by frame and looks at each frame before it is decoded.
//!
//! The decoder of `arrow-ipc` believes the offsets and lengths that a frame gives: one changed byte makes it panic, or
//! ask for memory without bound. A damaged file is evidence like any other, so every number that the decoder would
//! follow is held against the bytes that are there first. Layout: Arrow columnar format, "IPC Streaming Format".

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_buffer::Buffer;
use arrow_ipc::reader::{StreamReader, read_record_batch};
use arrow_schema::Schema;

const CONTINUATION: [u8; 4] = [0xff; 4];
/// Before a compressed buffer stands the length that it had, or -1 where it was left as it was.
const PREFIX_BYTES: usize = 8;
/// No column of ours is wider.
const WIDEST_VALUE_BYTES: usize = 8;
/// What is asked for at once, before it is seen that there is more.
const FIRST_BYTES: u64 = 1 << 20;

/// The frames of one file, of which each holds at most `most_rows` rows without a null.
pub(super) struct Frames {
    file: BufReader<File>,
    schema: Arc<Schema>,
    most_rows: usize,
}

impl Frames {
    /// Begins at the file's start; a sentence when its head is not that of such a stream.
    pub(super) fn open(file: File, most_rows: usize) -> Result<Self, String> {
        let mut file = BufReader::new(file);
        // Takes the head and not a byte more.
        let schema = StreamReader::try_new(&mut file, None)
            .map_err(|error| error.to_string())?
            .schema();
        Ok(Self {
            file,
            schema,
            most_rows,
        })
    }

    pub(super) fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The next rows; `None` at the end mark and where the file ends between two frames; a sentence for damage.
    pub(super) fn next(&mut self) -> Result<Option<RecordBatch>, String> {
        let Some(head) = self.head()? else {
            return Ok(None);
        };
        let message = arrow_ipc::root_as_message(&head).map_err(|error| error.to_string())?;
        let body = self.take(u64::try_from(message.bodyLength()).unwrap_or(u64::MAX))?;
        let batch = message
            .header_as_record_batch()
            .ok_or("a frame holds no rows")?;
        self.check(&batch, &body)?;
        read_record_batch(
            &Buffer::from_vec(body),
            batch,
            Arc::clone(&self.schema),
            &HashMap::new(),
            None,
            &message.version(),
        )
        .map(Some)
        .map_err(|error| error.to_string())
    }

    fn head(&mut self) -> Result<Option<Vec<u8>>, String> {
        let mark = self.up_to(CONTINUATION.len() as u64)?;
        if mark.is_empty() {
            return Ok(None);
        }
        if mark != CONTINUATION {
            return Err("a frame does not begin with its mark".to_owned());
        }
        let mut length = [0; 4];
        length.copy_from_slice(&self.take(4)?);
        match i32::from_le_bytes(length) {
            0 if self.up_to(1)?.is_empty() => Ok(None),
            0 => Err("there is something behind the end mark".to_owned()),
            length => self
                .take(u64::try_from(length).unwrap_or(u64::MAX))
                .map(Some),
        }
    }

    /// Exactly so many bytes. Memory grows with what is there, whatever the length claims.
    fn take(&mut self, bytes: u64) -> Result<Vec<u8>, String> {
        let taken = self.up_to(bytes)?;
        if taken.len() as u64 == bytes {
            Ok(taken)
        } else {
            Err("it ends in the middle of a frame".to_owned())
        }
    }

    fn up_to(&mut self, bytes: u64) -> Result<Vec<u8>, String> {
        let mut taken = Vec::with_capacity(bytes.min(FIRST_BYTES) as usize);
        (&mut self.file)
            .take(bytes)
            .read_to_end(&mut taken)
            .map_err(|error| error.to_string())?;
        Ok(taken)
    }

    fn check(&self, batch: &arrow_ipc::RecordBatch<'_>, body: &[u8]) -> Result<(), String> {
        let rows = usize::try_from(batch.length())
            .ok()
            .filter(|rows| *rows <= self.most_rows)
            .ok_or("a frame claims more rows than were ever written at once")?;
        let as_long = |node: &arrow_ipc::FieldNode| {
            usize::try_from(node.length()) == Ok(rows) && node.null_count() == 0
        };
        if !batch.nodes().is_some_and(|nodes| nodes.iter().all(as_long)) {
            return Err("the columns of a frame differ in length".to_owned());
        }
        let most_bytes = rows * WIDEST_VALUE_BYTES;
        let is_there = |buffer: &arrow_ipc::Buffer| fits(buffer, body, most_bytes);
        if !batch.buffers().is_some_and(|all| all.iter().all(is_there)) {
            return Err("a column of a frame is not where the frame says".to_owned());
        }
        Ok(())
    }
}

/// Whether the buffer lies in the body and does not claim to unpack into more than `most_bytes`.
fn fits(buffer: &arrow_ipc::Buffer, body: &[u8], most_bytes: usize) -> bool {
    let place = || {
        let offset = usize::try_from(buffer.offset()).ok()?;
        let length = usize::try_from(buffer.length()).ok()?;
        body.get(offset..offset.checked_add(length)?)
    };
    match place() {
        None => false,
        Some([]) => true,
        Some(bytes) => bytes.first_chunk::<PREFIX_BYTES>().is_some_and(|prefix| {
            match i64::from_le_bytes(*prefix) {
                -1 => bytes.len() - PREFIX_BYTES <= most_bytes,
                unpacked => usize::try_from(unpacked).is_ok_and(|size| size <= most_bytes),
            }
        }),
    }
}
