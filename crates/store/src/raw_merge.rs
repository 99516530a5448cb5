//! Raw files ([`crate::raw_file`]) into sorted ones, a bounded number of rows at a time: nothing waits for a merge of
//! all that a load has left.

use std::sync::Arc;

use crate::compaction::{self, MERGE_ROWS_MAX, Merge};
use crate::decode::Layout;
use crate::error::StoreError;
use crate::files::Files;
use crate::manifest::TableKey;
use crate::shared::Shared;
use crate::snapshot::FileEntry;

/// Sorts the rows of the oldest raw files of one table. Returns whether there were any.
pub(crate) async fn merge(shared: &Arc<Shared>) -> Result<bool, StoreError> {
    let Some((key, layout, files)) = fullest(shared) else { return Ok(false) };
    let files = oldest(&files);
    compaction::run(shared, Merge { key, layout, files }).await?;
    Ok(true)
}

/// The table with the most in raw files.
fn fullest(shared: &Shared) -> Option<(TableKey, Arc<Layout>, Files)> {
    let state = shared.state.lock();
    let tables = state.contents.iter().filter(|(_, table)| table.files.raw_bytes() > 0);
    let (key, table) = tables.max_by_key(|(_, table)| table.files.raw_bytes())?;
    Some((key.clone(), Arc::clone(&table.layout), table.files.clone()))
}

/// The raw files that came first, as many as fit one merge, and one at least.
fn oldest(files: &Files) -> Vec<Arc<FileEntry>> {
    let mut raw: Vec<&Arc<FileEntry>> = files.iter().filter(|file| file.is_raw()).collect();
    raw.sort_by_key(|file| file.seq_min);
    let mut rows = 0;
    let fits = raw.into_iter().enumerate().take_while(|(at, file)| {
        rows += file.rows;
        *at == 0 || rows <= MERGE_ROWS_MAX
    });
    fits.map(|(_, file)| Arc::clone(file)).collect()
}
