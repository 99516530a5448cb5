//! One file of a spool.
//!
//! ```text
//! file   = frame(head) frame(record)*
//! frame  = magic u16 | version u8 | kind u8 | meta bytes u32 | body bytes u32 | crc32c u32 | meta | body
//! ```
//!
//! Numbers are little-endian, the checksum covers meta and body, meta is JSON. A frame that does not check
//! ends the file: after a crash only the last write can be torn. The head carries the positions reached before
//! the file; it is written and synced under another name first, so a segment always has one.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Encoding, NewRecord, Positions, Record, SpoolError};
use crate::files;

const MAGIC: u16 = 0x5ba7;
const VERSION: u8 = 1;
const KIND_HEAD: u8 = 1;
const KIND_RECORD: u8 = 2;
const FRAME_HEADER_BYTES: u64 = 16;
/// No frame is longer: a batch is at most 1 MB before compression, positions are kilobytes.
const PART_BYTES_MAX: u32 = 16 << 20;

#[derive(Debug, Serialize, Deserialize)]
struct RecordMeta {
    seq: u64,
    rows: u64,
    encoding: Encoding,
    #[serde(default, skip_serializing_if = "Positions::is_empty")]
    positions: Positions,
}

/// Where a record lies.
#[derive(Clone, Copy, Debug)]
struct Entry {
    offset: u64,
    rows: u64,
}

/// An open segment.
#[derive(Debug)]
pub(super) struct Segment {
    path: PathBuf,
    file: File,
    first_seq: u64,
    /// One per record, in order of sequence numbers, which have no gaps inside a segment.
    entries: Vec<Entry>,
    bytes: u64,
}

/// What opening found besides the records.
pub(super) struct Found {
    /// As they stand after the last record.
    pub(super) positions: Positions,
    pub(super) damaged: u64,
}

impl Segment {
    pub(super) fn create(folder: &Path, first_seq: u64, positions: &Positions) -> io::Result<Self> {
        let path = path_of(folder, first_seq);
        let head = frame(KIND_HEAD, &serde_json::to_vec(positions)?, &[]);
        files::write_atomically(&path, &head)?;
        let file = open_file(&path)?;
        Ok(Self { path, file, first_seq, entries: Vec::new(), bytes: head.len() as u64 })
    }

    /// Opens a segment and checks every frame. `None` (and the file is put aside) when not even the head can be read.
    pub(super) fn open(folder: &Path, first_seq: u64) -> Result<Option<(Self, Found)>, SpoolError> {
        let path = path_of(folder, first_seq);
        let io_error = |source| SpoolError::Io { path: path.clone(), source };
        let file = open_file(&path).map_err(io_error)?;
        let length = file.metadata().map_err(io_error)?.len();
        let head = match read_frame::<Positions>(&file, 0, KIND_HEAD).map_err(io_error)? {
            Read::Frame { meta, end, .. } => Some((meta, end)),
            Read::Version(version) => return Err(SpoolError::TooNew { path, version }),
            Read::Nothing => None,
        };
        let Some((mut positions, mut bytes)) = head else {
            tracing::error!(path = %path.display(), "a spool segment has no readable head and is put aside");
            fs::rename(&path, path.with_extension("damaged")).map_err(io_error)?;
            return Ok(None);
        };
        let mut entries = Vec::new();
        loop {
            match read_frame::<RecordMeta>(&file, bytes, KIND_RECORD).map_err(io_error)? {
                Read::Frame { meta, end, .. } if meta.seq == first_seq + entries.len() as u64 => {
                    entries.push(Entry { offset: bytes, rows: meta.rows });
                    positions.extend(meta.positions);
                    bytes = end;
                }
                _ => break,
            }
        }
        let damaged = u64::from(bytes < length);
        if damaged > 0 {
            file.set_len(bytes).and_then(|()| file.sync_all()).map_err(io_error)?;
        }
        let segment = Self { path, file, first_seq, entries, bytes };
        Ok(Some((segment, Found { positions, damaged })))
    }

    pub(super) fn append(&mut self, seq: u64, record: &NewRecord) -> io::Result<()> {
        debug_assert_eq!(seq, self.next_seq(), "sequence numbers have no gaps inside a segment");
        let meta = RecordMeta {
            seq,
            rows: record.rows,
            encoding: record.encoding,
            positions: record.positions.clone(),
        };
        let frame = frame(KIND_RECORD, &serde_json::to_vec(&meta)?, &record.body);
        let written = self.file.write_all_at(&frame, self.bytes).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            // Whatever part arrived is cut off, so that the next append starts at a clean end.
            self.file.set_len(self.bytes)?;
            return Err(error);
        }
        self.entries.push(Entry { offset: self.bytes, rows: record.rows });
        self.bytes += frame.len() as u64;
        Ok(())
    }

    /// The record `seq`, or the first one here when `seq` is before this segment; `None` when it cannot be read back.
    pub(super) fn read(&mut self, seq: u64) -> io::Result<Option<Record>> {
        let index = seq.saturating_sub(self.first_seq) as usize;
        let Some(entry) = self.entries.get(index) else { return Ok(None) };
        match read_frame::<RecordMeta>(&self.file, entry.offset, KIND_RECORD)? {
            Read::Frame { meta, body, .. } => {
                Ok(Some(Record { seq: meta.seq, rows: meta.rows, encoding: meta.encoding, body }))
            }
            _ => Ok(None),
        }
    }

    /// The number after the last record here.
    pub(super) fn next_seq(&self) -> u64 {
        self.first_seq + self.entries.len() as u64
    }

    /// Whether there is a record numbered `seq` or higher.
    pub(super) fn has_from(&self, seq: u64) -> bool {
        !self.entries.is_empty() && self.next_seq() > seq
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Rows of records numbered higher than `acked`.
    pub(super) fn rows_after(&self, acked: u64) -> u64 {
        let delivered = (acked + 1).saturating_sub(self.first_seq) as usize;
        self.entries.iter().skip(delivered).map(|entry| entry.rows).sum()
    }

    pub(super) fn remove(self) -> io::Result<()> {
        fs::remove_file(&self.path)
    }
}

enum Read<T> {
    Frame {
        meta: T,
        body: Bytes,
        end: u64,
    },
    /// A frame of a format this agent does not know.
    Version(u8),
    /// The end of the file, or bytes that are no frame.
    Nothing,
}

fn path_of(folder: &Path, first_seq: u64) -> PathBuf {
    folder.join(format!("{first_seq:020}.seg"))
}

fn open_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).mode(0o600).open(path)
}

fn frame(kind: u8, meta: &[u8], body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(FRAME_HEADER_BYTES as usize + meta.len() + body.len());
    out.extend(MAGIC.to_le_bytes());
    out.extend([VERSION, kind]);
    out.extend((meta.len() as u32).to_le_bytes());
    out.extend((body.len() as u32).to_le_bytes());
    out.extend(checksum(meta, body).to_le_bytes());
    out.extend(meta);
    out.extend(body);
    out
}

fn checksum(meta: &[u8], body: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(meta), body)
}

fn read_frame<T: DeserializeOwned>(file: &File, offset: u64, kind: u8) -> io::Result<Read<T>> {
    let mut header = [0; FRAME_HEADER_BYTES as usize];
    if !read_exactly(file, &mut header, offset)? {
        return Ok(Read::Nothing);
    }
    let u32_at = |at: usize| u32::from_le_bytes(header[at..at + 4].try_into().expect("four bytes"));
    if header[..2] != MAGIC.to_le_bytes() {
        return Ok(Read::Nothing);
    }
    if header[2] > VERSION {
        return Ok(Read::Version(header[2]));
    }
    let (meta_bytes, body_bytes) = (u32_at(4), u32_at(8));
    if header[3] != kind || meta_bytes > PART_BYTES_MAX || body_bytes > PART_BYTES_MAX {
        return Ok(Read::Nothing);
    }
    let mut content = vec![0; (meta_bytes + body_bytes) as usize];
    if !read_exactly(file, &mut content, offset + FRAME_HEADER_BYTES)?
        || crc32c::crc32c(&content) != u32_at(12)
    {
        return Ok(Read::Nothing);
    }
    let end = offset + FRAME_HEADER_BYTES + content.len() as u64;
    let content = Bytes::from(content);
    match serde_json::from_slice(&content[..meta_bytes as usize]) {
        Ok(meta) => Ok(Read::Frame { meta, body: content.slice(meta_bytes as usize..), end }),
        Err(_) => Ok(Read::Nothing),
    }
}

/// False when the file ends before the buffer is full.
fn read_exactly(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<bool> {
    match file.read_exact_at(buffer, offset) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}
