//! Purging: rows that match are removed for good, file by file.
//!
//! Buffered rows are flushed first, so that only files have to be looked at; a file with matching rows is
//! written again without them, in one transaction for each slice of the table. A purge touches no row that was
//! appended after it was asked for. It is kept in the manifest until it is done, so that a restart goes
//! on with it; doing a part of it twice does no harm.

mod filter;

use std::sync::Arc;

use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::{filter_record_batch, not};
use bartizan_base::{Ticks, WorkspaceId, counters};
use uuid::Uuid;

pub use filter::{Filter, Operator};

use crate::compaction::exchange;
use crate::delta;
use crate::error::StoreError;
use crate::flush::write_rows;
use crate::integrity;
use crate::manifest::{FileRow, TableKey};
use crate::options::StoreOptions;
use crate::parquet_file;
use crate::shared::Shared;
use crate::snapshot::FileEntry;
use filter::Prepared;

const ROWS: &str = "bartizan_store_purged_rows_total";

/// What became of a purge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purge {
    pub id: Uuid,
    pub workspace: WorkspaceId,
    pub table: String,
    /// Rows up to this sequence number are looked at.
    pub seq: u64,
    /// Rows must match all of them.
    pub filters: Vec<Filter>,
    pub started: Ticks,
    /// `None` while there is something left to do.
    pub ended: Option<Ticks>,
    /// Rows removed so far.
    pub rows: u64,
}

/// Checks that filters fit a table.
///
/// # Errors
/// `Invalid` with the filter that does not.
pub(crate) fn check(layout: &crate::decode::Layout, filters: &[Filter]) -> Result<(), StoreError> {
    Prepared::new(layout, filters).map(drop)
}

/// Carries out one purge. Merges, publishing and flushes must not run meanwhile, and no buffered row may have a sequence
/// number up to the purge's.
pub(crate) async fn run(shared: &Arc<Shared>, mut purge: Purge) -> Result<Purge, StoreError> {
    let found = shared.state.lock().tables.find(purge.workspace, &purge.table).map(Arc::clone);
    let Some(layout) = found else {
        // The table was deleted with all its rows.
        purge.ended = Some(shared.options.clock.now());
        shared.manifest.put_purge(&purge).await?;
        return Ok(purge);
    };
    let key: TableKey = (purge.workspace, Arc::from(layout.table.name.as_str()));
    let files = shared.state.lock().contents.get(&key).map(|table| table.files.clone()).unwrap_or_default();
    let cutoff = i64::try_from(purge.seq).unwrap_or(i64::MAX);
    let mut published = Vec::new();
    let files: Vec<_> = files.iter().filter(|file| file.seq_min <= cutoff).map(Arc::clone).collect();
    for file in files {
        let job = (
            shared.options.clone(),
            key.clone(),
            Arc::clone(&layout),
            Arc::clone(&file),
            purge.filters.clone(),
        );
        let cut = tokio::task::spawn_blocking(move || {
            let (options, key, layout, file, filters) = job;
            cut(&options, &key, &layout, &file, &filters, cutoff)
        });
        let cut = match cut.await.map_err(|error| StoreError::Worker(error.to_string()))? {
            Err(StoreError::Damaged { fault, .. }) if fault.is_damage() => {
                integrity::quarantine(shared, &key, &file, &fault).await?;
                continue;
            }
            cut => cut?,
        };
        let Some(Cut { added, rows }) = cut else { continue };
        let ids = shared.manifest.replace_files(&key, &[file.id], &added).await?;
        exchange(shared, &key, &[file.id], ids, added);
        if file.is_published.load(std::sync::atomic::Ordering::Acquire) {
            published.push(file.path.clone());
        }
        counters::count(ROWS, "", rows);
        purge.rows += rows;
        shared.manifest.put_purge(&purge).await?;
    }
    delta::publish_purged(shared, &published).await?;
    purge.ended = Some(shared.options.clock.now());
    shared.manifest.put_purge(&purge).await?;
    tracing::info!(table = purge.table, rows = purge.rows, id = %purge.id, "purge done");
    Ok(purge)
}

/// A file written again without some rows.
struct Cut {
    added: Vec<FileRow>,
    /// Rows left out.
    rows: u64,
}

/// Writes a file again without the rows that match; `None` when none does.
fn cut(
    options: &StoreOptions,
    key: &TableKey,
    layout: &crate::decode::Layout,
    file: &FileEntry,
    filters: &[Filter],
    cutoff: i64,
) -> Result<Option<Cut>, StoreError> {
    let prepared = Prepared::new(layout, filters)?;
    let (mut kept, mut rows) = (Vec::new(), 0);
    for batch in parquet_file::read(file)? {
        let gone = prepared.matches(&batch, cutoff).map_err(StoreError::arrow(&layout.table.name))?;
        rows += gone.true_count() as u64;
        let rest = without(&batch, &gone).map_err(StoreError::arrow(&layout.table.name))?;
        if rest.num_rows() > 0 {
            kept.push(rest);
        }
    }
    if rows == 0 {
        return Ok(None);
    }
    let added = match kept.is_empty() {
        true => Vec::new(),
        false => write_rows(options, key, layout, kept, Ticks(file.received))?,
    };
    Ok(Some(Cut { added, rows }))
}

fn without(batch: &RecordBatch, gone: &BooleanArray) -> Result<RecordBatch, arrow::error::ArrowError> {
    filter_record_batch(batch, &not(gone)?)
}
