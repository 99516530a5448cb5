//! The write-ahead log: the open segment, the closed ones, and what happens when the disk says no.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::disk::{Disk, DiskFile};
use crate::error::StoreError;
use crate::segment;

/// The log on disk. One thread owns it.
#[derive(Debug)]
pub(crate) struct Wal {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    segment_bytes: u64,
    open: Open,
    /// Oldest first.
    closed: Vec<Closed>,
    next_number: u64,
}

#[derive(Debug)]
struct Open {
    file: Box<dyn DiskFile>,
    path: PathBuf,
    /// Everything up to here is synced; nothing behind it was acknowledged.
    sound_len: u64,
    /// Bytes of a failed write may lie behind `sound_len` and must go before the next write.
    dirty: bool,
    last_seq: Option<u64>,
}

/// A segment that takes no more records.
#[derive(Debug)]
pub(crate) struct Closed {
    pub(crate) path: PathBuf,
    pub(crate) last_seq: u64,
}

/// The segment files of `dir` in order, with their numbers.
pub(crate) fn segments(disk: &dyn Disk, dir: &Path) -> Result<Vec<(u64, PathBuf)>, StoreError> {
    let files = disk.list(dir).map_err(StoreError::io("list", dir))?;
    let number = |path: &Path| path.file_name()?.to_str()?.strip_suffix(".wal")?.parse().ok();
    let mut segments: Vec<_> = files.into_iter().filter_map(|path| Some((number(&path)?, path))).collect();
    segments.sort();
    Ok(segments)
}

impl Wal {
    /// A log that starts segment `number` and still has the `closed` ones to trim.
    pub(crate) fn start(
        disk: Arc<dyn Disk>,
        dir: PathBuf,
        segment_bytes: u64,
        closed: Vec<Closed>,
        number: u64,
    ) -> Result<Self, StoreError> {
        let open = create_segment(&*disk, &dir, number)?;
        Ok(Self { disk, dir, segment_bytes, open, closed, next_number: number + 1 })
    }

    /// Makes frames durable. After an error nothing of them remains that a later success could follow.
    pub(crate) fn append(&mut self, frames: &[u8], last_seq: u64) -> std::io::Result<()> {
        self.repair()?;
        let written = self.open.file.append(frames).and_then(|()| self.open.file.sync());
        if let Err(error) = written {
            self.open.dirty = true;
            if let Err(error) = self.repair() {
                tracing::warn!(path = %self.open.path.display(), %error, "log segment keeps a partial record until the disk works again");
            }
            return Err(error);
        }
        self.open.sound_len += frames.len() as u64;
        self.open.last_seq = Some(last_seq);
        Ok(())
    }

    /// Cuts off what a failed write left.
    fn repair(&mut self) -> std::io::Result<()> {
        if self.open.dirty {
            self.open.file.truncate(self.open.sound_len)?;
            self.open.file.sync()?;
            self.open.dirty = false;
        }
        Ok(())
    }

    /// Starts the next segment when the open one is full.
    pub(crate) fn rotate_if_full(&mut self) {
        if self.open.sound_len >= self.segment_bytes {
            self.rotate();
        }
    }

    /// Deletes the segments whose records are all up to `covered_seq`.
    pub(crate) fn trim(&mut self, covered_seq: u64) {
        if self.open.last_seq.is_some_and(|last| last <= covered_seq) {
            self.rotate();
        }
        let mut removed = false;
        self.closed.retain(|segment| {
            if segment.last_seq > covered_seq {
                return true;
            }
            match self.disk.remove(&segment.path) {
                Ok(()) => removed = true,
                Err(error) => {
                    tracing::warn!(path = %segment.path.display(), %error, "cannot remove log segment");
                    return true;
                }
            }
            false
        });
        if removed && let Err(error) = self.disk.sync_dir(&self.dir) {
            // Replay skips what the manifest covers, so a segment that comes back does no harm.
            tracing::warn!(path = %self.dir.display(), %error, "cannot sync log folder");
        }
    }

    /// A failed write is cut off first, because only the open segment is ever repaired. When the next
    /// segment cannot be made, the open one just grows.
    fn rotate(&mut self) {
        let Some(last_seq) = self.open.last_seq else { return };
        let next = self
            .repair()
            .map_err(StoreError::io("repair", &self.open.path))
            .and_then(|()| create_segment(&*self.disk, &self.dir, self.next_number));
        self.next_number += 1;
        match next {
            Ok(next) => {
                let full = std::mem::replace(&mut self.open, next);
                self.closed.push(Closed { path: full.path, last_seq });
            }
            Err(error) => tracing::warn!(%error, "cannot start the next log segment"),
        }
    }
}

fn create_segment(disk: &dyn Disk, dir: &Path, number: u64) -> Result<Open, StoreError> {
    let path = dir.join(format!("{number:020}.wal"));
    let header = segment::header(number);
    let mut file = disk.create(&path).map_err(StoreError::io("create", &path))?;
    file.append(&header)
        .and_then(|()| file.sync())
        .and_then(|()| disk.sync_dir(dir))
        .map_err(StoreError::io("write", &path))?;
    Ok(Open { file, path, sound_len: header.len() as u64, dirty: false, last_seq: None })
}
