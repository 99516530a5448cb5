//! The spool: where rows wait on disk until the server has them.
//!
//! One spool belongs to one (extension, stream) and is one folder. A record is one finished upload: rows
//! already encoded, its sequence number, and the input positions (log file offsets, journal cursors) that
//! those rows advance. Because rows and positions are one record, a restart neither loses nor doubles a
//! line; because a record is never re-cut after it was written, sending it twice under the same number is
//! recognised by the server. That is the whole of exactly-once:
//!
//! - input → spool: the position is in the record (one write, one sync);
//! - spool → server: the source id and number name the record; the server keeps the highest it has.
//!
//! The acknowledged number is written without sync: losing it to a power cut only means sending again.
//!
//! Bounded: past `bytes_max` the oldest segment goes, and its undelivered rows are counted exactly.

mod segment;

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use bartizan_base::BatchId;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::files;
use segment::Segment;

/// Where inputs stand: input name → whatever that input wants to know again.
pub type Positions = BTreeMap<String, Value>;

/// How a record's rows are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    Zstd,
    Gzip,
}

impl Encoding {
    /// The `Content-Encoding` value.
    pub fn header(self) -> &'static str {
        match self {
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
        }
    }
}

/// How large a spool may become.
#[derive(Clone, Copy, Debug)]
pub struct SpoolLimits {
    /// All segments together.
    pub bytes_max: u64,
    /// A segment that passed this is closed. Dropping works by whole segments, so this is also the step in
    /// which a full spool forgets.
    pub segment_bytes: u64,
    /// Bound of the folder for refused batches.
    pub rejected_bytes_max: u64,
}

impl Default for SpoolLimits {
    fn default() -> Self {
        // 256 MiB hold about five million syslog rows at 50 bytes each, compressed: hours for a busy host.
        Self { bytes_max: 256 << 20, segment_bytes: 4 << 20, rejected_bytes_max: 8 << 20 }
    }
}

/// A record to be written.
#[derive(Clone, Debug)]
pub struct NewRecord {
    /// Zero for a record that only moves positions.
    pub rows: u64,
    pub encoding: Encoding,
    pub body: Bytes,
    /// Positions that these rows advance.
    pub positions: Positions,
}

/// A record read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub seq: u64,
    pub rows: u64,
    pub encoding: Encoding,
    pub body: Bytes,
}

/// Exact counts of a spool's life, kept over restarts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SpoolCounts {
    /// Rows dropped because the spool was full.
    pub dropped_rows: u64,
    /// Rows the server refused for good.
    pub rejected_rows: u64,
    /// Records that could not be read back after a crash or a disk fault.
    pub damaged_records: u64,
}

/// Why a spool cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    #[error("cannot use spool folder `{path}`")]
    Io { path: PathBuf, source: io::Error },
    #[error("spool file `{path}` has format version {version}, newer than this agent")]
    TooNew { path: PathBuf, version: u8 },
}

/// How far the server has come, and what it never got. One file, replaced as a whole *before* segments are
/// deleted, so that a crash between the two neither forgets nor doubles a count.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Progress {
    acked: u64,
    #[serde(flatten)]
    counts: SpoolCounts,
}

/// An open spool. Not shared between processes: the supervisor runs each extension once.
#[derive(Debug)]
pub struct Spool {
    folder: PathBuf,
    limits: SpoolLimits,
    source: Uuid,
    /// Oldest first; the last one is written to. Never empty.
    segments: VecDeque<Segment>,
    positions: Positions,
    next_seq: u64,
    progress: Progress,
    /// Number and rows of the record handed out last and not yet settled.
    in_flight: Option<(u64, u64)>,
}

impl Spool {
    /// Opens or creates the spool in `folder`. A half-written last record, as a crash leaves it, is cut off.
    ///
    /// # Errors
    /// When the folder cannot be used or a newer agent wrote it.
    pub fn open(folder: &Path, limits: SpoolLimits) -> Result<Self, SpoolError> {
        let io_error = |source| SpoolError::Io { path: folder.to_owned(), source };
        fs::create_dir_all(folder).map_err(io_error)?;
        let source = load_source(folder).map_err(io_error)?;
        // Unreadable progress (a power cut) costs repeats, which the server recognises.
        let mut progress: Progress =
            files::read_json(&folder.join("progress.json")).ok().flatten().unwrap_or_default();
        let mut segments = VecDeque::new();
        let mut positions = Positions::new();
        for first_seq in segment_numbers(folder).map_err(io_error)? {
            let Some((segment, found)) = Segment::open(folder, first_seq)? else { continue };
            positions.extend(found.positions);
            progress.counts.damaged_records += found.damaged;
            segments.push_back(segment);
        }
        let after_tail = segments.back().map_or(0, Segment::next_seq);
        let next_seq = after_tail.max(progress.acked + 1);
        let mut spool = Self {
            folder: folder.to_owned(),
            limits,
            source,
            segments,
            positions,
            next_seq,
            progress,
            in_flight: None,
        };
        if after_tail != next_seq {
            spool.add_segment().map_err(io_error)?;
        }
        spool.remove_delivered();
        Ok(spool)
    }

    /// Writes one record and returns its number after it is durable.
    ///
    /// # Errors
    /// When the disk refuses; nothing was appended then.
    pub fn append(&mut self, record: &NewRecord) -> io::Result<u64> {
        let seq = self.next_seq;
        if self.tail().bytes() >= self.limits.segment_bytes {
            self.add_segment()?;
        }
        self.tail().append(seq, record)?;
        self.next_seq = seq + 1;
        self.positions.extend(record.positions.clone());
        self.enforce_bound()?;
        Ok(seq)
    }

    /// The oldest record not yet acknowledged. Records without rows are acknowledged here; there is nothing to send.
    ///
    /// # Errors
    /// When a segment cannot be read.
    pub fn peek(&mut self) -> io::Result<Option<Record>> {
        loop {
            let wanted = self.progress.acked + 1;
            let Some(segment) = self.segments.iter_mut().find(|segment| segment.has_from(wanted)) else {
                return Ok(None);
            };
            match segment.read(wanted)? {
                Some(record) if record.rows > 0 => {
                    self.in_flight = Some((record.seq, record.rows));
                    return Ok(Some(record));
                }
                Some(record) => self.ack(record.seq)?,
                None => {
                    // The record was readable when it was written and is not now: a disk fault.
                    self.progress.counts.damaged_records += 1;
                    self.ack(wanted)?;
                }
            }
        }
    }

    /// Notes that everything up to `seq` is with the server.
    ///
    /// # Errors
    /// When the acknowledgement cannot be written; the record may then be sent again, which is harmless.
    pub fn ack(&mut self, seq: u64) -> io::Result<()> {
        let in_flight = self.in_flight.take_if(|(number, _)| *number <= seq);
        if seq > self.progress.acked {
            self.progress.acked = seq;
        } else if let Some((_, rows)) = in_flight {
            // Dropped by a full spool while it was on its way, and delivered all the same.
            self.progress.counts.dropped_rows = self.progress.counts.dropped_rows.saturating_sub(rows);
        }
        self.write_progress()?;
        self.remove_delivered();
        Ok(())
    }

    /// Moves a record that the server will never take into the `rejected` folder and goes on behind it.
    ///
    /// # Errors
    /// As [`Self::ack`].
    pub fn reject(&mut self, record: &Record, reason: &str) -> io::Result<()> {
        self.progress.counts.rejected_rows += record.rows;
        let folder = self.folder.join("rejected");
        fs::create_dir_all(&folder)?;
        let name = format!("{:020}.json.{}", record.seq, record.encoding.header());
        fs::write(folder.join(format!("{name}.reason")), reason)?;
        fs::write(folder.join(name), &record.body)?;
        bound_folder(&folder, self.limits.rejected_bytes_max)?;
        self.ack(record.seq)
    }

    /// The batch id a record is sent under.
    pub fn batch_id(&self, seq: u64) -> BatchId {
        BatchId { source: self.source, seq }
    }

    /// Where `input` stood in the newest durable record.
    pub fn position(&self, input: &str) -> Option<&Value> {
        self.positions.get(input)
    }

    /// All positions.
    pub fn positions(&self) -> &Positions {
        &self.positions
    }

    /// Exact counts since the spool was created.
    pub fn counts(&self) -> SpoolCounts {
        self.progress.counts
    }

    /// Rows that wait for the server.
    pub fn waiting_rows(&self) -> u64 {
        self.segments.iter().map(|segment| segment.rows_after(self.progress.acked)).sum()
    }

    /// Bytes on disk.
    pub fn bytes(&self) -> u64 {
        self.segments.iter().map(Segment::bytes).sum()
    }

    fn tail(&mut self) -> &mut Segment {
        self.segments.back_mut().expect("a spool always has a segment")
    }

    fn add_segment(&mut self) -> io::Result<()> {
        let segment = Segment::create(&self.folder, self.next_seq, &self.positions)?;
        self.segments.push_back(segment);
        self.remove_delivered();
        Ok(())
    }

    fn remove_delivered(&mut self) {
        while self.segments.len() > 1 && self.segments[0].next_seq() <= self.progress.acked + 1 {
            self.remove_oldest();
        }
    }

    fn enforce_bound(&mut self) -> io::Result<()> {
        while self.bytes() > self.limits.bytes_max {
            if self.segments.len() == 1 {
                self.add_segment()?;
                continue;
            }
            let oldest = &self.segments[0];
            let last = oldest.next_seq() - 1;
            self.progress.counts.dropped_rows += oldest.rows_after(self.progress.acked);
            if last > self.progress.acked {
                self.progress.acked = last;
                self.write_progress()?;
            }
            self.remove_oldest();
        }
        Ok(())
    }

    fn write_progress(&self) -> io::Result<()> {
        let beside = self.folder.join("progress.json.new");
        fs::write(&beside, serde_json::to_vec(&self.progress)?)?;
        fs::rename(beside, self.folder.join("progress.json"))
    }

    fn remove_oldest(&mut self) {
        let Some(segment) = self.segments.pop_front() else { return };
        if let Err(error) = segment.remove() {
            // It is found again at the next start and removed then, because it is acknowledged.
            tracing::warn!(%error, folder = %self.folder.display(), "cannot remove a delivered spool segment");
        }
    }
}

fn load_source(folder: &Path) -> io::Result<Uuid> {
    let path = folder.join("source.json");
    if let Some(source) = files::read_json(&path)? {
        return Ok(source);
    }
    let source = Uuid::new_v4();
    files::write_json(&path, &source)?;
    Ok(source)
}

fn segment_numbers(folder: &Path) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let number: Option<u64> = name.to_str().and_then(|name| name.strip_suffix(".seg")?.parse().ok());
        numbers.extend(number);
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// Deletes the oldest files (names sort by age) until the folder fits.
fn bound_folder(folder: &Path, bytes_max: u64) -> io::Result<()> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        entries.push((entry.file_name(), entry.metadata()?.len()));
    }
    entries.sort();
    let mut total: u64 = entries.iter().map(|(_, bytes)| bytes).sum();
    for (name, bytes) in entries {
        if total <= bytes_max {
            break;
        }
        fs::remove_file(folder.join(name))?;
        total -= bytes;
    }
    Ok(())
}
