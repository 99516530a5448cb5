//! Large bodies go straight to files, past the log: a group of them is one synced file and one transaction of the
//! manifest, which names the file and keeps the batch numbers, and only then they are visible and acknowledged.
//!
//! The log's thread does it, so that sequence numbers become visible in order, whichever way rows take. Numbers of
//! loaded rows are in no log, so the transaction also keeps the highest one ([`NUMBERS`]): none is ever used twice.
//!
//! The files are raw ([`crate::raw_file`]): unsorted, without a text index. Merges make sorted ones of them when the
//! load is over, or while it goes on when there are many; above [`crate::StoreOptions::raw_bytes_max`] bodies take
//! the way of all others.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bartizan_base::{BatchId, WorkspaceId, counters};
use uuid::Uuid;

use crate::clustering;
use crate::committer::{self, Job, Rows};
use crate::decode::{Decoded, Layout, Stamp};
use crate::error::StoreError;
use crate::flush::range;
use crate::manifest::{FileRow, Load, TableKey};
use crate::parquet_file;
use crate::raw_file::{self, RawRows};
use crate::shared::Shared;
use crate::state::{SourceMark, file_entry};
use crate::wal::Wal;

/// Rows of one raw file at most, which a merge reads as a whole.
pub(crate) const FILE_ROWS_MAX: usize = 1 << 18;
/// A load is over when nothing came for this long.
const QUIET: Duration = Duration::from_secs(2);

const FILES: &str = "bartizan_store_files_total";
const LOADED: &str = "bartizan_store_loaded_rows_total";

/// Whose position in the manifest is the highest number of loaded rows: no table's.
pub(crate) fn numbers() -> TableKey {
    (WorkspaceId(Uuid::nil()), Arc::from(""))
}

/// Decodes a body for a raw file, unless its rows are too many for one.
pub(crate) fn decode(layout: &Layout, body: &[u8], stamp: &Stamp) -> Result<Rows, StoreError> {
    let rows = layout.decode_for_file(body, stamp)?;
    if rows.tally.rows > FILE_ROWS_MAX {
        return layout.decode(body, stamp).map(Rows::Log);
    }
    let raw = RawRows::encode(rows).map_err(StoreError::parquet(Path::new(&layout.table.name)))?;
    Ok(Rows::File(Box::new(raw)))
}

/// Bodies of one table that become one file.
struct Part {
    key: TableKey,
    rows: Vec<(RawRows, u64)>,
}

impl Shared {
    /// Whether a body of `bytes` may go straight to a file.
    pub(crate) fn takes_load(&self, bytes: usize) -> bool {
        bytes >= self.options.load_bytes_min && self.raw_bytes() < self.options.raw_bytes_max
    }

    fn raw_bytes(&self) -> u64 {
        self.state.lock().contents.values().map(|table| table.files.raw_bytes()).sum()
    }

    /// Whether raw files should be merged now: not while more of them come, unless there are many.
    pub(crate) fn is_merge_of_raw_due(&self) -> bool {
        let raw_bytes = self.raw_bytes();
        let is_quiet = || self.loaded.lock().is_none_or(|last| last.elapsed() >= QUIET);
        raw_bytes > self.options.raw_bytes_max / 2 || (raw_bytes > 0 && is_quiet())
    }
}

/// Commits bodies that were encoded for files.
pub(crate) fn commit(shared: &Shared, wal: &mut Wal, frames: &mut Vec<u8>, group: Vec<Job>) {
    let (fresh, repeats) = committer::split_repeats(shared, group);
    let (mut fresh, logged) = split_logged(shared, fresh);
    if !logged.is_empty() {
        committer::commit(shared, wal, frames, logged);
    }
    let result = if fresh.is_empty() { Ok(()) } else { write(shared, &mut fresh) };
    match result {
        Ok(()) => {
            committer::acknowledge(shared, fresh);
            committer::answer_repeats(shared, repeats);
        }
        // A repeat may repeat a batch of this very group.
        Err(reason) => committer::refuse(fresh.into_iter().chain(repeats).collect(), "file", &reason),
    }
}

/// Sets bodies aside that have to go through the log after all: the manifest's number of a source stands for all of
/// its batches up to it, and while those in the log are not in the manifest, later ones take the same way. A table
/// that was deleted meanwhile takes nothing.
fn split_logged(shared: &Shared, jobs: Vec<Job>) -> (Vec<Job>, Vec<Job>) {
    let (mut loaded, mut logged) = (Vec::new(), Vec::new());
    for mut job in jobs {
        match way_of(shared, &job) {
            Ok(Way::File) => loaded.push(job),
            Ok(Way::Log(decoded)) => {
                job.rows = Rows::Log(decoded);
                logged.push(job);
            }
            Err(error) => committer::answer(job.reply, Err(error)),
        }
    }
    (loaded, logged)
}

/// Where a body goes.
enum Way {
    File,
    Log(Decoded),
}

fn way_of(shared: &Shared, job: &Job) -> Result<Way, StoreError> {
    let (workspace, table) = key_of(job);
    let state = shared.state.lock();
    if state.tables.find(workspace, &table).is_none() {
        return Err(StoreError::UnknownTable(table.to_string()));
    }
    let table = state.contents.get(&(workspace, table));
    let mark = job.record.to.batch.and_then(|batch| table?.sources.get(&batch.source));
    if mark.is_none_or(|mark| mark.seq == mark.in_manifest) {
        return Ok(Way::File);
    }
    drop(state);
    job.layout.decode(&job.record.body, &Stamp::new(&job.record.to, job.record.received)).map(Way::Log)
}

/// Makes the bodies durable and visible; says why when that fails. Their files then lie about until the next start.
fn write(shared: &Shared, jobs: &mut [Job]) -> Result<(), String> {
    shared.check_space()?;
    let (seq_before, saved_before) = {
        let state = shared.state.lock();
        (state.seq, state.positions.get(&numbers()).copied().unwrap_or_default())
    };
    let mut seq = seq_before;
    for job in &mut *jobs {
        seq += 1;
        job.record.seq = seq;
    }
    let received = shared.options.clock.now();
    let files =
        parts(jobs).into_iter().map(|part| put(shared, part, received.0)).collect::<Result<Vec<_>, _>>();
    let files = files.map_err(|error| told("a file cannot be written", &error))?;
    let sources = jobs.iter().filter_map(|job| Some((key_of(job), job.record.to.batch?))).collect();
    let mut load = Load { files, sources, numbers: numbers(), position_before: saved_before, position: seq };
    let saved = shared.runtime.block_on(shared.manifest.commit_load(&mut load, received));
    if let Err(error) = saved {
        // It may have taken effect all the same, and its numbers with it.
        shared.state.lock().seq = seq;
        return Err(told("the manifest cannot be written", &error));
    }
    publish(shared, load, jobs);
    Ok(())
}

fn told(what: &str, error: &StoreError) -> String {
    let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    tracing::error!(%error, cause, what, "rows cannot be loaded");
    format!("{what}: {error}")
}

fn key_of(job: &Job) -> TableKey {
    (job.record.to.workspace, Arc::from(job.layout.table.name.as_str()))
}

/// The bodies by the files they go to.
fn parts(jobs: &mut [Job]) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    for job in jobs {
        let written = Rows::Written(job.rows.tally());
        let Rows::File(raw) = std::mem::replace(&mut job.rows, written) else { continue };
        let key = key_of(job);
        let fits = |part: &&mut Part| {
            let rows = || part.rows.iter().map(|(rows, _)| rows);
            part.key == key
                && rows().all(|rows| rows.is_like(&raw))
                && rows().map(|rows| rows.tally.rows).sum::<usize>() + raw.tally.rows <= FILE_ROWS_MAX
        };
        match parts.iter_mut().find(fits) {
            Some(part) => part.rows.push((*raw, job.record.seq)),
            None => parts.push(Part { key, rows: vec![(*raw, job.record.seq)] }),
        }
    }
    parts
}

/// Writes a file, which the manifest does not know yet. What was written of one that does not fit is removed.
fn put(shared: &Shared, part: Part, received: i64) -> Result<(TableKey, FileRow), StoreError> {
    let Part { key, rows } = part;
    let (first, last) =
        range(&rows.iter().flat_map(|(rows, _)| [rows.times.0, rows.times.1]).collect::<Vec<_>>());
    let day = clustering::day_of(first);
    let relative = parquet_file::new_path(&key, day);
    let path = shared.options.dir.join(&relative);
    let count = rows.iter().map(|(rows, _)| rows.tally.rows as u64).sum();
    let (seq_min, seq_max) = range(&rows.iter().map(|(_, seq)| *seq as i64).collect::<Vec<_>>());
    let bytes = raw_file::assemble(rows).map_err(StoreError::parquet(&path))?;
    if let Err(error) = parquet_file::write(&*shared.options.disk, &path, &bytes) {
        if let Err(error) = shared.options.disk.remove(&path) {
            tracing::warn!(path = %path.display(), %error, "half a file stays until the next start");
        }
        return Err(error);
    }
    let row = FileRow {
        id: 0,
        path: relative,
        day,
        size_bytes: bytes.len() as u64,
        rows: count,
        time_min: first,
        time_max: last,
        seq_min,
        seq_max,
        sorted_by: Arc::default(),
        received,
        crc: Some(crc32c::crc32c(&bytes)),
        index: None,
    };
    Ok((key, row))
}

fn publish(shared: &Shared, load: Load, jobs: &[Job]) {
    let mut state = shared.state.lock();
    debug_assert!(load.position > state.seq, "commits become visible in order");
    state.seq = load.position;
    state.positions.insert(load.numbers, load.position);
    for job in jobs {
        let table = state.table(job.record.to.workspace, &job.layout);
        if let Some(BatchId { source, seq }) = job.record.to.batch {
            table.sources.insert(source, SourceMark { seq, in_manifest: seq });
        }
    }
    for (key, row) in load.files {
        counters::count(FILES, "loaded", 1);
        counters::count(LOADED, "", row.rows);
        if let Some(table) = state.contents.get_mut(&key) {
            table.files.push(file_entry(&shared.options.dir, row, &shared.options.disk));
        }
    }
    drop(state);
    *shared.loaded.lock() = Some(Instant::now());
}
