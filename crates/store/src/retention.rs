//! Rows past their table's retention: whole files are dropped, by the newest row they hold.
//!
//! A file's age counts from its newest `TimeGenerated` or from its arrival, whichever is later: evidence
//! that is imported years after the fact is kept as long as any other rows, instead of being dropped at
//! once (docs/decisions has the reason). Up to `days` a file is in every snapshot; from then up to
//! `total_days` it is on disk and no query sees it, until the table's `days` are raised again.

use std::collections::HashSet;
use std::sync::Arc;

use bartizan_base::time::TICKS_PER_DAY;
use bartizan_base::{Ticks, Timespan, WorkspaceId, counters};
use bartizan_schema::Table;

use crate::error::StoreError;
use crate::manifest::TableKey;
use crate::shared::Shared;
use crate::snapshot::FileEntry;
use crate::state::State;

/// A source silent for this long is forgotten. Its spool would have given up its batches long before.
const SOURCE_DAYS_MAX: i64 = 90;
/// The longest time rows can be kept, in days: twelve years, as in Log Analytics.
const TOTAL_DAYS_MAX: u32 = 4383;

const FILES: &str = "bartizan_store_files_total";

/// How long rows are kept, in days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Queries see rows up to this age.
    pub days: u32,
    /// Older rows are dropped; at least `days`.
    pub total_days: u32,
}

impl Retention {
    /// Checks the bounds.
    pub(crate) fn check(self) -> Result<(), StoreError> {
        let Self { days, total_days } = self;
        if (1..=TOTAL_DAYS_MAX).contains(&days) && (days..=TOTAL_DAYS_MAX).contains(&total_days) {
            return Ok(());
        }
        Err(StoreError::RetentionRefused { days, total_days, limit: TOTAL_DAYS_MAX })
    }

    /// The oldest time, in ticks, that queries see at `now`.
    pub(crate) fn visible_from(self, now: Ticks) -> i64 {
        (now - Timespan(i64::from(self.days) * TICKS_PER_DAY)).0
    }

    /// The oldest time, in ticks, that is kept at `now`.
    pub(crate) fn kept_from(self, now: Ticks) -> i64 {
        (now - Timespan(i64::from(self.total_days) * TICKS_PER_DAY)).0
    }
}

impl State {
    /// How long a table's rows are kept: as was set for it, or else for its workspace, or else as it declares.
    pub(crate) fn retention(&self, workspace: WorkspaceId, table: &Table) -> Retention {
        let set = |name: &str| self.retentions.get(&(workspace, Arc::from(name))).copied();
        let days = table.retention_days;
        set(&table.name).or_else(|| set("")).unwrap_or(Retention { days, total_days: days })
    }
}

impl FileEntry {
    /// The time that the file's age counts from, in ticks.
    pub(crate) fn newest(&self) -> i64 {
        self.time_max.max(self.received)
    }
}

/// Drops files whose rows are all older than `now` less the retention, and forgets silent sources.
pub(crate) async fn expire(shared: &Arc<Shared>, now: Ticks) -> Result<(), StoreError> {
    for Expired { key, files, kept_from, damaged } in expired(shared, now) {
        let ids: Vec<i64> = files.iter().map(|file| file.id).collect();
        let gone: HashSet<i64> = ids.iter().copied().collect();
        if !ids.is_empty() {
            shared.manifest.replace_files(&key, &ids, &[]).await?;
            counters::count(FILES, "expired", files.len() as u64);
        }
        if damaged {
            shared.manifest.forget_damaged(&key, kept_from).await?;
        }
        let mut state = shared.state.lock();
        if let Some(table) = state.contents.get_mut(&key) {
            table.files.retain(|file| !gone.contains(&file.id));
            table.damaged.retain(|damaged| damaged.time_max >= kept_from);
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

/// What of a table is past its retention.
struct Expired {
    key: TableKey,
    files: Vec<Arc<FileEntry>>,
    kept_from: i64,
    /// Whether there are damaged files to forget.
    damaged: bool,
}

fn expired(shared: &Shared, now: Ticks) -> Vec<Expired> {
    let state = shared.state.lock();
    let mut tables = Vec::new();
    for (key, table) in &state.contents {
        let kept_from = state.retention(key.0, &table.layout.table).kept_from(now);
        let files: Vec<_> =
            table.files.iter().filter(|file| file.newest() < kept_from).map(Arc::clone).collect();
        let damaged = table.damaged.iter().any(|damaged| damaged.time_max < kept_from);
        if !files.is_empty() || damaged {
            tables.push(Expired { key: key.clone(), files, kept_from, damaged });
        }
    }
    tables
}
