//! Small files of one table and day into larger ones.
//!
//! Every flush leaves a file per table and day, which is many files a day for a query to open. A merge
//! reads a bounded number of them, sorts their rows anew, and exchanges them in one transaction. The
//! time a merge takes and the memory it needs are bounded by its input, not by the day's size.

use std::collections::BTreeMap;
use std::sync::Arc;

use bartizan_base::{Ticks, counters};

use crate::decode::Layout;
use crate::error::StoreError;
use crate::files::Files;
use crate::flush::write_rows;
use crate::integrity;
use crate::manifest::{FileRow, TableKey};
use crate::options::StoreOptions;
use crate::parquet_file;
use crate::shared::Shared;
use crate::snapshot::FileEntry;
use crate::state::file_entry;

/// Rows one merge reads at most: they are all in memory at once, a few hundred bytes each, and a merge of twice as
/// many was what took most memory of a server under full load.
pub(crate) const MERGE_ROWS_MAX: u64 = 1 << 19;

const FILES: &str = "bartizan_store_files_total";

/// Files that are to become one.
#[derive(Debug)]
pub(crate) struct Merge {
    pub(crate) key: TableKey,
    pub(crate) layout: Arc<Layout>,
    pub(crate) files: Vec<Arc<FileEntry>>,
}

/// While rows arrive so fast that a merge would make them wait, this many times more small files may lie together.
const FILES_MIN_BEHIND: usize = 8;

/// Merges wherever enough small files lie together, or many more than enough when the store `is_behind` with flushing.
/// One slice that cannot be merged does not stop the
/// others; the first error is returned in the end.
pub(crate) async fn compact(shared: &Arc<Shared>, is_behind: bool) -> Result<(), StoreError> {
    let mut result = Ok(());
    let files_min = shared.options.merge_files_min * if is_behind { FILES_MIN_BEHIND } else { 1 };
    for merge in plan(shared, files_min) {
        if let Err(error) = run(shared, merge).await {
            result = result.and(Err(error));
        }
    }
    result
}

fn plan(shared: &Shared, files_min: usize) -> Vec<Merge> {
    // Looking through a million files takes longer than senders may wait for the lock: a copy of the list is cheap.
    let tables: Vec<(TableKey, Arc<Layout>, Files)> = shared
        .state
        .lock()
        .contents
        .iter()
        .filter(|(_, table)| !table.files.is_empty())
        .map(|(key, table)| (key.clone(), Arc::clone(&table.layout), table.files.clone()))
        .collect();
    let mut merges = Vec::new();
    for (key, layout, files) in &tables {
        let mut days: BTreeMap<i64, Vec<&Arc<FileEntry>>> = BTreeMap::new();
        for file in files {
            if is_small(file, shared.options.merge_bytes_max) && !file.is_raw() {
                days.entry(file.day).or_default().push(file);
            }
        }
        for small in days.into_values() {
            let files = choose(&small, files_min, shared.options.merge_bytes_max);
            if !files.is_empty() {
                merges.push(Merge { key: key.clone(), layout: Arc::clone(layout), files });
            }
        }
    }
    merges
}

/// Whether a file is worth merging: of two with more than half the rows of a merge, both would be left as they are,
/// and make others look like many.
fn is_small(file: &FileEntry, bytes_max: u64) -> bool {
    file.size_bytes < bytes_max && file.rows <= MERGE_ROWS_MAX / 2
}

/// The smallest files of a slice, as long as they fit one merge; none while they are few.
fn choose(small: &[&Arc<FileEntry>], files_min: usize, bytes_max: u64) -> Vec<Arc<FileEntry>> {
    if small.len() < files_min.max(2) {
        return Vec::new();
    }
    let mut by_size = small.to_vec();
    by_size.sort_by_key(|file| file.size_bytes);
    let (mut bytes, mut rows) = (0, 0);
    let fits = by_size.into_iter().take_while(|file| {
        bytes += file.size_bytes;
        rows += file.rows;
        bytes <= 2 * bytes_max && rows <= MERGE_ROWS_MAX
    });
    let files: Vec<_> = fits.map(Arc::clone).collect();
    if files.len() < 2 { Vec::new() } else { files }
}

pub(crate) async fn run(shared: &Arc<Shared>, merge: Merge) -> Result<(), StoreError> {
    let Merge { key, layout, files } = merge;
    let job = (shared.options.clone(), key.clone(), files.clone());
    let written = tokio::task::spawn_blocking(move || rewrite(&job.0, &job.1, &layout, &job.2)).await;
    let added = match written.map_err(|error| StoreError::Worker(error.to_string()))? {
        // The damaged file is set aside, and the next merge does without it.
        Err(StoreError::Damaged { path, fault }) if fault.is_damage() => {
            let file = files.iter().find(|file| file.path == path);
            let file =
                file.ok_or_else(|| StoreError::Worker("a merge read a file it was not given".to_owned()))?;
            integrity::quarantine(shared, &key, file, &fault).await?;
            return Ok(());
        }
        added => added?,
    };
    let removed: Vec<i64> = files.iter().map(|file| file.id).collect();
    let ids = shared.manifest.replace_files(&key, &removed, &added).await?;
    counters::count(FILES, "merged_away", files.len() as u64);
    counters::count(FILES, "merged", added.len() as u64);
    exchange(shared, &key, &removed, ids, added);
    Ok(())
}

fn rewrite(
    options: &StoreOptions,
    key: &TableKey,
    layout: &Layout,
    files: &[Arc<FileEntry>],
) -> Result<Vec<FileRow>, StoreError> {
    let mut batches = Vec::new();
    for file in files {
        batches.extend(parquet_file::read(file)?);
    }
    let received = files.iter().map(|file| file.received).max().unwrap_or_default();
    write_rows(options, key, layout, batches, Ticks(received))
}

/// Puts the files `added`, whose ids are `ids`, in the place of others.
pub(crate) fn exchange(shared: &Shared, key: &TableKey, removed: &[i64], ids: Vec<i64>, added: Vec<FileRow>) {
    let mut state = shared.state.lock();
    let Some(table) = state.contents.get_mut(key) else { return };
    let mut gone = Vec::new();
    table.files.retain(|file| {
        let stays = !removed.contains(&file.id);
        if !stays {
            gone.push(Arc::clone(file));
        }
        stays
    });
    for (id, row) in ids.into_iter().zip(added) {
        table.files.push(file_entry(&shared.options.dir, FileRow { id, ..row }, &shared.options.disk));
    }
    drop(state);
    gone.iter().for_each(|file| file.retire());
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::disk::{Disk, LocalDisk};

    const BYTES_MAX: u64 = 1_000;

    fn file(size_bytes: u64, rows: u64) -> Arc<FileEntry> {
        let row = FileRow {
            id: 0,
            path: String::new(),
            day: 0,
            size_bytes,
            rows,
            time_min: 0,
            time_max: 0,
            seq_min: 0,
            seq_max: 0,
            sorted_by: Arc::new([]),
            received: 0,
            crc: None,
            index: None,
        };
        file_entry(Path::new("/"), row, &(Arc::new(LocalDisk) as Arc<dyn Disk>))
    }

    /// Rows of the files that are merged, out of files of these sizes and rows.
    fn chosen(files: &[(u64, u64)]) -> Vec<u64> {
        let files: Vec<_> = files.iter().map(|(size_bytes, rows)| file(*size_bytes, *rows)).collect();
        let small: Vec<_> = files.iter().filter(|file| is_small(file, BYTES_MAX)).collect();
        choose(&small, 3, BYTES_MAX).iter().map(|file| file.rows).collect()
    }

    #[test]
    fn a_merge_is_bounded_by_rows_and_by_bytes_and_pays() {
        const MANY: u64 = MERGE_ROWS_MAX / 2;
        const NONE: [u64; 0] = [];
        assert_eq!(chosen(&[(1, 1), (1, 2)]), NONE, "too few");
        assert_eq!(chosen(&[(3, 3), (1, 1), (2, 2)]), [1, 2, 3], "smallest first");
        assert_eq!(chosen(&[(999, 1), (999, 2), (999, 3)]), [1, 2], "bytes");
        assert_eq!(chosen(&[(1, MANY), (1, MANY), (1, 1)]), [MANY, MANY], "rows");
        // files that are as large as they get, each with one more, would be written again with every flush
        assert_eq!(chosen(&[(5, MANY + 1), (5, MANY + 1), (1, 1), (2, 2)]), NONE, "nothing to gain");
    }
}
