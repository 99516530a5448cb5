//! Whether files are still what was written: compared with the manifest's checksums before their first
//! use in a process, and again now and then. A damaged file is never read; it is moved to `quarantine/`,
//! its rows are reported as missing, and everything else goes on.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bartizan_base::time::TICKS_PER_DAY;
use bartizan_base::{Ticks, Timespan, counters};
use bytes::Bytes;

use crate::error::StoreError;
use crate::files::Files;
use crate::manifest::TableKey;
use crate::notice::Notice;
use crate::parquet_file;
use crate::shared::Shared;
use crate::snapshot::FileEntry;

/// A file is compared again after this time.
const AGAIN: Timespan = Timespan(7 * TICKS_PER_DAY);
/// Files one scrub looks at, at most: it holds up merges.
const SCRUB_FILES_MAX: usize = 256;
/// Input/output error, as the kernel reports a sector that cannot be read.
const EIO: i32 = 5;

const FILES: &str = "bartizan_store_files_total";
const CHECKED: &str = "bartizan_store_checked_bytes_total";

/// Rows that are gone because their file was damaged or lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damaged {
    /// Where the file was, relative to the store's folder.
    pub path: String,
    /// How many rows it had.
    pub rows: u64,
    /// Least and greatest `TimeGenerated` of them, in ticks.
    pub time_min: i64,
    pub time_max: i64,
    pub reason: String,
    pub found: Ticks,
}

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    #[error("the file is not there")]
    Lost,
    #[error("the file has {found} bytes instead of {expected}")]
    Length { found: u64, expected: u64 },
    #[error("the file's checksum is {found:08x} instead of {expected:08x}")]
    Checksum { found: u32, expected: u32 },
    #[error("the file is no sound Parquet: {0}")]
    Content(String),
    #[error("the disk cannot read the file: {0}")]
    Sector(#[source] io::Error),
    /// Not the file's fault, as far as one can tell: nothing is concluded from it.
    #[error("the file cannot be read now: {0}")]
    Unreadable(#[source] io::Error),
}

impl Fault {
    /// Whether the rows are lost, rather than out of reach for a moment.
    pub fn is_damage(&self) -> bool {
        !matches!(self, Self::Unreadable(_))
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Lost,
            _ if error.raw_os_error() == Some(EIO) => Self::Sector(error),
            _ => Self::Unreadable(error),
        }
    }
}

/// When a file was last found sound, in ticks; 0 for never in this process.
#[derive(Debug, Default)]
pub(crate) struct Checked(AtomicI64);

impl FileEntry {
    /// Compares the file with its checksum, unless this process did already. Reads all of it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), Fault> {
        if self.is_checked() {
            return Ok(());
        }
        self.check_now(Ticks(1))
    }

    /// Whether this process found the file sound already.
    pub fn is_checked(&self) -> bool {
        self.checked_at() != Ticks(0)
    }

    /// Compares the file with its checksum and notes that it was sound at `now`.
    fn check_now(&self, now: Ticks) -> Result<(), Fault> {
        let (len, crc) = self.disk.checksum(&self.path)?;
        counters::count(CHECKED, "", len);
        self.compare(len, crc)?;
        self.checked.0.store(now.0.max(1), Ordering::Release);
        Ok(())
    }

    /// The whole file, if it is what was written.
    pub(crate) fn read_sound(&self) -> Result<Bytes, Fault> {
        let bytes = self.disk.read(&self.path)?;
        self.compare(bytes.len() as u64, crc32c::crc32c(&bytes))?;
        Ok(Bytes::from(bytes))
    }

    fn compare(&self, len: u64, crc: u32) -> Result<(), Fault> {
        if len != self.size_bytes {
            return Err(Fault::Length { found: len, expected: self.size_bytes });
        }
        match self.crc.get() {
            Some(expected) if *expected != crc => Err(Fault::Checksum { found: crc, expected: *expected }),
            _ => Ok(()),
        }
    }

    fn checked_at(&self) -> Ticks {
        Ticks(self.checked.0.load(Ordering::Acquire))
    }
}

/// Compares files that were not compared for long, until `budget_bytes` are read. Returns how many files were set aside. Merges must not run meanwhile.
pub(crate) async fn scrub(shared: &Arc<Shared>, budget_bytes: u64) -> Result<u64, StoreError> {
    let before = shared.options.clock.now() - AGAIN;
    let mut due = files_where(shared, SCRUB_FILES_MAX, |file| file.checked_at() <= before);
    let mut bytes = 0;
    due.retain(|(_, file)| {
        let wanted = bytes < budget_bytes;
        bytes += file.size_bytes;
        wanted
    });
    examine(shared, due).await
}

/// The files of all tables that `wanted` picks, the first `limit` of them.
pub(crate) fn files_where(
    shared: &Shared,
    limit: usize,
    wanted: impl Fn(&FileEntry) -> bool,
) -> Vec<(TableKey, Arc<FileEntry>)> {
    let state = shared.state.lock();
    let tables = state.contents.iter();
    tables
        .flat_map(|(key, table)| table.files.iter().map(move |file| (key, file)))
        .filter(|(_, file)| wanted(file))
        .take(limit)
        .map(|(key, file)| (key.clone(), Arc::clone(file)))
        .collect()
}

/// Compares files with their checksums and sets the damaged ones aside. Returns how many those were.
pub(crate) async fn examine(
    shared: &Arc<Shared>,
    files: Vec<(TableKey, Arc<FileEntry>)>,
) -> Result<u64, StoreError> {
    let mut set_aside = 0;
    let now = shared.options.clock.now();
    for (key, file) in files {
        let looked = Arc::clone(&file);
        let found = tokio::task::spawn_blocking(move || look(&looked, now)).await;
        match found.map_err(|error| StoreError::Worker(error.to_string()))? {
            Ok(None) => {}
            Ok(Some(crc)) => {
                shared.manifest.set_checksum(file.id, crc).await?;
                file.crc.get_or_init(|| crc);
            }
            Err(fault) if fault.is_damage() => {
                set_aside += u64::from(quarantine(shared, &key, &file, &fault).await?);
            }
            Err(fault) => tracing::warn!(path = %file.path.display(), %fault, "cannot check a file"),
        }
    }
    Ok(set_aside)
}

/// Compares one file. A file without a checksum is decoded instead, and its checksum returned.
fn look(file: &FileEntry, now: Ticks) -> Result<Option<u32>, Fault> {
    if file.crc.get().is_some() {
        return file.check_now(now).map(|()| None);
    }
    let bytes = file.read_sound()?;
    let crc = crc32c::crc32c(&bytes);
    parquet_file::decode(bytes).map_err(|error| Fault::Content(error.to_string()))?;
    file.checked.0.store(now.0.max(1), Ordering::Release);
    Ok(Some(crc))
}

/// Moves a damaged file aside; `false` when it was no part of the table any more.
pub(crate) async fn quarantine(
    shared: &Arc<Shared>,
    key: &TableKey,
    file: &Arc<FileEntry>,
    fault: &Fault,
) -> Result<bool, StoreError> {
    let is_known = |files: &Files| files.iter().any(|known| known.id == file.id);
    if !shared.state.lock().contents.get(key).is_some_and(|table| is_known(&table.files)) {
        return Ok(false);
    }
    let disk = Arc::clone(&shared.options.disk);
    let (dir, path) = (shared.options.dir.join("quarantine"), file.path.clone());
    let kept = dir.join(path.file_name().unwrap_or_default());
    let moving = tokio::task::spawn_blocking(move || {
        disk.create_dir_all(&dir).and_then(|()| disk.rename(&path, &kept)).map(|()| kept)
    });
    let place = match moving.await.map_err(|error| StoreError::Worker(error.to_string()))? {
        Ok(kept) => format!("kept as `{}`", kept.display()),
        // A lost file has nothing to keep; one that cannot be moved stays where it is.
        Err(error) => format!("not kept: {error}"),
    };
    let damaged = Damaged::new(&shared.options.dir, file, fault, shared.options.clock.now());
    shared.manifest.set_aside(key, file.id, &damaged).await?;
    counters::count(FILES, "damaged", 1);
    tracing::error!(path = %file.path.display(), rows = file.rows, %fault, place, "damaged file set aside");
    shared.notices.push(damaged.notice(key, &place));
    let mut state = shared.state.lock();
    if let Some(table) = state.contents.get_mut(key) {
        table.files.retain(|known| known.id != file.id);
        table.damaged.push(Arc::new(damaged));
    }
    Ok(true)
}

impl Damaged {
    pub(crate) fn new(dir: &std::path::Path, file: &FileEntry, fault: &Fault, found: Ticks) -> Self {
        Self {
            path: file.path.strip_prefix(dir).unwrap_or(&file.path).to_string_lossy().into_owned(),
            rows: file.rows,
            time_min: file.time_min,
            time_max: file.time_max,
            reason: fault.to_string(),
            found,
        }
    }

    /// What operators are told; `place` says where the file is now.
    pub(crate) fn notice(&self, key: &TableKey, place: &str) -> Notice {
        let Self { path, rows, time_min, time_max, reason, found } = self;
        let (from, to) = (Ticks(*time_min), Ticks(*time_max));
        let detail = format!(
            "{rows} rows of `{}` from {from} to {to} cannot be read: {reason} (`{path}`, {place}). Queries leave \
             them out and say so. A backup may have them.",
            key.1,
        );
        Notice { at: *found, workspace: Some(key.0), key: "FileDamaged", detail }
    }
}
