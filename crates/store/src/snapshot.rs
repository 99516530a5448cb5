//! A consistent view of some tables: files and buffered rows as of one sequence number.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use bartizan_schema::Table;

use crate::disk::Disk;
use crate::files::Files;
use crate::integrity::{Checked, Damaged};
use crate::layout;
use crate::manifest::IndexPlace;

/// Several tables at one moment. Every row with a sequence number up to `seq` is in it once, no other is.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub seq: u64,
    /// By the names that were asked for.
    pub tables: BTreeMap<String, TableSnapshot>,
}

/// One table's part of a snapshot. Holding it keeps its files on disk.
#[derive(Clone, Debug)]
pub struct TableSnapshot {
    pub table: Arc<Table>,
    /// The table's columns and `__seq`. Files may lack columns; see [`crate::layout`].
    pub schema: SchemaRef,
    pub files: Files,
    /// Rows not yet in files, each batch with exactly `schema`.
    pub memory: Vec<RecordBatch>,
    /// What is missing, because files were damaged or lost.
    pub damaged: Vec<Arc<Damaged>>,
}

/// The columns of two tables of one name in different workspaces: those of the first, then what the second has besides.
///
/// # Errors
/// The first column that both have with different types.
pub fn joined_table(first: &Table, second: &Table) -> Result<Table, String> {
    let mut joined = first.clone();
    for column in &second.columns {
        match first.column(&column.name) {
            Some(known) if known.ty != column.ty => return Err(column.name.clone()),
            Some(_) => {}
            None => joined.columns.push(column.clone()),
        }
    }
    Ok(joined)
}

impl TableSnapshot {
    /// The rows of both, which are tables of one name in different workspaces.
    ///
    /// # Errors
    /// The first column that both have with different types.
    pub fn joined(self, other: Self) -> Result<Self, String> {
        let table = Arc::new(joined_table(&self.table, &other.table)?);
        let schema = layout::arrow_schema(&table);
        let padded = |batch: &RecordBatch| layout::pad(batch, &schema).map_err(|error| error.to_string());
        let memory = self.memory.iter().chain(&other.memory).map(padded).collect::<Result<_, _>>()?;
        let mut files = self.files;
        other.files.iter().for_each(|file| files.push(Arc::clone(file)));
        let mut damaged = self.damaged;
        damaged.extend(other.damaged);
        Ok(Self { table, schema, files, memory, damaged })
    }
}

/// One Parquet file and what the manifest knows about it. It never changes once written. A file that
/// was replaced or has expired is deleted when the last snapshot holding it goes.
#[derive(Debug)]
pub struct FileEntry {
    /// Absolute.
    pub path: PathBuf,
    pub size_bytes: u64,
    pub rows: u64,
    /// Least and greatest `TimeGenerated`, in ticks.
    pub time_min: i64,
    pub time_max: i64,
    /// Least and greatest `__seq`.
    pub seq_min: i64,
    pub seq_max: i64,
    /// The columns that rows are sorted by, first one first.
    pub sorted_by: Arc<[String]>,
    pub(crate) id: i64,
    /// The first day of the time slice, in days since 0001-01-01.
    pub(crate) day: i64,
    pub(crate) obsolete: AtomicBool,
    pub(crate) disk: Arc<dyn Disk>,
    /// CRC-32C of the whole file, once it is known.
    pub(crate) crc: OnceLock<u32>,
    /// Readers of the published Delta table may read it: it is deleted when their grace is over, and not before.
    pub(crate) is_published: AtomicBool,
    pub(crate) checked: Checked,
    /// When its newest rows were written to a file first, in ticks.
    pub(crate) received: i64,
    /// Where its text index is; files of earlier programs have none.
    pub(crate) index: Option<IndexPlace>,
}

impl FileEntry {
    /// The file's number in the manifest; a file that was added later has a greater one.
    pub fn id(&self) -> i64 {
        self.id
    }

    /// Whether its rows are as they came: a merge has to sort them.
    pub(crate) fn is_raw(&self) -> bool {
        self.sorted_by.is_empty()
    }

    /// Its size while it is raw.
    pub(crate) fn raw_bytes(&self) -> u64 {
        if self.is_raw() { self.size_bytes } else { 0 }
    }

    /// No longer in the manifest: delete the file once nobody reads it.
    pub(crate) fn retire(&self) {
        self.obsolete.store(true, Ordering::Release);
    }
}

impl Drop for FileEntry {
    fn drop(&mut self) {
        if !*self.obsolete.get_mut() || *self.is_published.get_mut() {
            return;
        }
        if let Err(error) = self.disk.remove(&self.path) {
            // The next open removes files that the manifest does not name.
            tracing::warn!(path = %self.path.display(), %error, "retired file stays until the next start");
        }
    }
}
