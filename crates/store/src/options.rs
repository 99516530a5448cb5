//! How a store is set up.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bartizan_base::{Clock, SystemClock};

use crate::delta::DeltaOptions;
use crate::disk::{Disk, LocalDisk};
use crate::extra_columns::ExtraColumns;

/// Settings of a store. [`StoreOptions::new`] has the defaults.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// Holds `wal/`, `data/` and `quarantine/`.
    pub dir: PathBuf,
    /// The control database, where the manifest lives in tables that start with `store_`.
    pub pool: sqlx::SqlitePool,
    pub clock: Arc<dyn Clock>,
    pub disk: Arc<dyn Disk>,
    /// A table is flushed when its buffered rows take this much memory.
    pub flush_bytes: usize,
    /// A table is flushed when its oldest buffered row is this old.
    pub flush_age: Duration,
    /// Appends are refused as [`bartizan_base::ErrorKind::TooMany`] above this. It leaves room for two
    /// tables at `flush_bytes` while a third is written.
    pub buffer_bytes_max: usize,
    /// The largest body one append may have.
    pub body_bytes_max: usize,
    /// Bodies at least this large go straight to files, and not through the log.
    pub load_bytes_min: usize,
    /// Not while files that such bodies left, and that are not sorted yet, hold this much.
    pub raw_bytes_max: u64,
    /// A log segment is closed when it has reached this size.
    pub segment_bytes: u64,
    /// Appends are refused while the disk has less free space than this, so that a flush, which frees
    /// log segments, still finds room.
    pub reserve_bytes: u64,
    /// Files of one table and day are merged when there are at least this many small ones.
    pub merge_files_min: usize,
    /// Files at least this large are not merged again.
    pub merge_bytes_max: u64,
    /// How tables are published as Delta Lake tables; `None` publishes nothing.
    pub delta: Option<DeltaOptions>,
    /// What files hold besides the columns of their tables; nothing unless set.
    pub extra_columns: Option<Arc<dyn ExtraColumns>>,
    /// Whether the store flushes, merges and expires on its own. Tests that step it by hand say no.
    pub background: bool,
}

impl StoreOptions {
    /// Defaults for a server with a few gigabytes of memory.
    pub fn new(dir: impl Into<PathBuf>, pool: sqlx::SqlitePool) -> Self {
        Self {
            dir: dir.into(),
            pool,
            clock: Arc::new(SystemClock),
            disk: Arc::new(LocalDisk),
            flush_bytes: 64 << 20,
            flush_age: Duration::from_secs(60),
            buffer_bytes_max: 256 << 20,
            body_bytes_max: 32 << 20,
            load_bytes_min: 4 << 20,
            raw_bytes_max: 2 << 30,
            segment_bytes: 64 << 20,
            reserve_bytes: 512 << 20,
            merge_files_min: 8,
            merge_bytes_max: 16 << 20,
            delta: Some(DeltaOptions::default()),
            extra_columns: None,
            background: true,
        }
    }
}
