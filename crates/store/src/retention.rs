//! Rows past their table's retention: whole files are dropped, by the newest row they hold.

use std::sync::Arc;

use bartizan_base::time::TICKS_PER_DAY;
use bartizan_base::{Ticks, Timespan, counters};

use crate::error::StoreError;
use crate::manifest::TableKey;
use crate::shared::Shared;
use crate::snapshot::FileEntry;

/// A source silent for this long is forgotten. Its spool would have given up its batches long before.
const SOURCE_DAYS_MAX: i64 = 90;

const FILES: &str = "bartizan_store_files_total";

/// Drops files whose rows are all older than `now` less the retention, and forgets silent sources.
pub(crate) async fn expire(shared: &Arc<Shared>, now: Ticks) -> Result<(), StoreError> {
    for (key, files) in expired(shared, now) {
        let ids: Vec<i64> = files.iter().map(|file| file.id).collect();
        shared.manifest.replace_files(&key, &ids, &[]).await?;
        counters::count(FILES, "expired", files.len() as u64);
        let mut state = shared.state.lock();
        if let Some(table) = state.contents.get_mut(&key) {
            table.files.retain(|file| !ids.contains(&file.id));
        }
        drop(state);
        files.iter().for_each(|file| file.retire());
    }
    let silent_since = now - Timespan(SOURCE_DAYS_MAX * TICKS_PER_DAY);
    for (key, source) in shared.manifest.forget_sources(silent_since).await? {
        if let Some(table) = shared.state.lock().contents.get_mut(&key)
            && table.sources.get(&source).is_some_and(|mark| mark.seq == mark.in_manifest)
        {
            table.sources.remove(&source);
        }
    }
    Ok(())
}

fn expired(shared: &Shared, now: Ticks) -> Vec<(TableKey, Vec<Arc<FileEntry>>)> {
    let state = shared.state.lock();
    let mut tables = Vec::new();
    for (key, table) in &state.contents {
        let kept = i64::from(table.layout.table.retention_days).saturating_mul(TICKS_PER_DAY);
        let oldest = (now - Timespan(kept)).0;
        let files: Vec<_> =
            table.files.iter().filter(|file| file.time_max < oldest).map(Arc::clone).collect();
        if !files.is_empty() {
            tables.push((key.clone(), files));
        }
    }
    tables
}
