//! Buffers to files.
//!
//! Rows to be flushed move from a table's active to its frozen buffer, still visible. Their files are
//! written and synced, then one manifest transaction names the files and moves the position, and only
//! then the files take the frozen buffer's place. A failure before the commit leaves the frozen buffer
//! for the next try; a crash before it leaves orphan files, which the next open removes.

use std::sync::Arc;

use arrow::array::RecordBatch;
use bartizan_base::{Ticks, counters};
use uuid::Uuid;

use crate::buffer;
use crate::clustering::{self, Slice};
use crate::decode::Layout;
use crate::error::StoreError;
use crate::extra_columns::extended;
use crate::layout::SEQ_COLUMN;
use crate::manifest::{FileRow, TableFlush, TableKey};
use crate::options::StoreOptions;
use crate::parquet_file;
use crate::shared::Shared;
use crate::state::{TableState, file_entry};

const FILES: &str = "bartizan_store_files_total";
const ROWS: &str = "bartizan_store_flushed_rows_total";

/// A frozen buffer on its way to files.
struct Frozen {
    key: TableKey,
    layout: Arc<Layout>,
    batches: Vec<RecordBatch>,
    position_before: u64,
    position: u64,
    sources: Vec<(Uuid, u64)>,
}

/// Flushes the tables that `is_due`. Only one flush may run at a time. Returns whether there was any.
pub(crate) async fn flush(
    shared: &Arc<Shared>,
    is_due: impl Fn(&TableState) -> bool,
) -> Result<bool, StoreError> {
    let frozen = freeze(shared, is_due);
    if frozen.is_empty() {
        return Ok(false);
    }
    let options = shared.options.clone();
    let written = tokio::task::spawn_blocking(move || write(&options, frozen)).await;
    let mut tables = written.map_err(|error| StoreError::Worker(error.to_string()))??;
    shared.manifest.commit_flush(&mut tables, shared.options.clock.now()).await?;
    install(shared, tables);
    Ok(true)
}

fn freeze(shared: &Shared, is_due: impl Fn(&TableState) -> bool) -> Vec<Frozen> {
    let mut state = shared.state.lock();
    let mut due = Vec::new();
    for (key, table) in &mut state.contents {
        if !is_due(table) {
            continue;
        }
        let active = std::mem::take(&mut table.active);
        table.frozen.absorb(active);
        if !table.frozen.is_empty() {
            due.push(Frozen {
                key: key.clone(),
                layout: Arc::clone(&table.layout),
                batches: table.frozen.batches().cloned().collect(),
                position_before: table.position,
                position: table.frozen.last_seq,
                sources: table.unsaved_sources(),
            });
        }
    }
    due
}

fn write(options: &StoreOptions, frozen: Vec<Frozen>) -> Result<Vec<TableFlush>, StoreError> {
    let now = options.clock.now();
    frozen
        .into_iter()
        .map(|table| {
            let files = write_rows(options, &table.key, &table.layout, table.batches, now)?;
            let Frozen { key, position_before, position, sources, .. } = table;
            Ok(TableFlush { key, files, position_before, position, sources })
        })
        .collect()
}

/// Writes rows, the newest of which arrived at `received`, as one sorted file per time slice. The manifest does not know the files yet.
pub(crate) fn write_rows(
    options: &StoreOptions,
    key: &TableKey,
    layout: &Layout,
    batches: Vec<RecordBatch>,
    received: Ticks,
) -> Result<Vec<FileRow>, StoreError> {
    let sorted_by: Arc<[String]> = clustering::sort_columns(&layout.table).into();
    let arrow = |error| StoreError::arrow(&layout.table.name)(error);
    let batches = buffer::alike(layout, &batches).map_err(arrow)?;
    let slices = clustering::slices(&batches, &sorted_by).map_err(arrow)?;
    drop(batches);
    slices.into_iter().map(|slice| write_slice(options, key, &slice, &sorted_by, received)).collect()
}

fn write_slice(
    options: &StoreOptions,
    key: &TableKey,
    slice: &Slice,
    sorted_by: &Arc<[String]>,
    received: Ticks,
) -> Result<FileRow, StoreError> {
    let (workspace, table) = key;
    let relative = parquet_file::new_path(key, slice.day);
    let path = options.dir.join(&relative);
    let batch = extended(options.extra_columns.as_ref(), *workspace, table, &slice.batch);
    let batch = batch.map_err(StoreError::arrow(table))?;
    let (bytes, index) = parquet_file::encode(&batch, sorted_by).map_err(StoreError::parquet(&path))?;
    let (times, seqs) = clustering::times(&slice.batch)
        .and_then(|times| Ok((times, clustering::long_values(&slice.batch, SEQ_COLUMN)?)))
        .map_err(StoreError::arrow(table))?;
    let (time_min, time_max) = range(times);
    let (seq_min, seq_max) = range(seqs);
    parquet_file::write(&*options.disk, &path, &bytes)?;
    Ok(FileRow {
        id: 0,
        path: relative,
        day: slice.day,
        size_bytes: bytes.len() as u64,
        rows: slice.batch.num_rows() as u64,
        time_min,
        time_max,
        seq_min,
        seq_max,
        sorted_by: Arc::clone(sorted_by),
        received: received.0,
        crc: Some(crc32c::crc32c(&bytes)),
        index: Some(index),
    })
}

pub(crate) fn range(values: &[i64]) -> (i64, i64) {
    let min = values.iter().min().copied().unwrap_or_default();
    (min, values.iter().max().copied().unwrap_or_default())
}

fn install(shared: &Shared, tables: Vec<TableFlush>) {
    let mut state = shared.state.lock();
    for flush in tables {
        let Some(table) = state.contents.get_mut(&flush.key) else { continue };
        debug_assert_eq!(table.frozen.last_seq, flush.position, "nothing else thaws a buffer");
        table.frozen = buffer::Buffer::default();
        table.position = flush.position;
        for (source, seq) in flush.sources {
            if let Some(mark) = table.sources.get_mut(&source) {
                mark.in_manifest = seq;
            }
        }
        for row in flush.files {
            counters::count(FILES, "flushed", 1);
            counters::count(ROWS, "", row.rows);
            table.files.push(file_entry(&shared.options.dir, row, &shared.options.disk));
        }
    }
}
