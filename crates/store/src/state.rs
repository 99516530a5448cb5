//! What the store knows in memory: one lock, held shortly, around buffers, files and numbers.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};

use arrow::error::ArrowError;
use bartizan_base::{BatchId, Ticks, WorkspaceId};
use uuid::Uuid;

use crate::buffer::{Buffer, Tail};
use crate::decode::{Decoded, Layout};
use crate::delta::Published;
use crate::disk::Disk;
use crate::files::Files;
use crate::integrity::{Checked, Damaged};
use crate::manifest::{FileRow, TableKey};
use crate::retention::Retention;
use crate::snapshot::FileEntry;
use crate::tables::Tables;

/// Everything that changes while the store runs.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// The newest visible rows' sequence number.
    pub(crate) seq: u64,
    pub(crate) tables: Tables,
    pub(crate) contents: HashMap<TableKey, TableState>,
    /// How long rows are kept, where that was set; under the name `""` for a workspace.
    pub(crate) retentions: HashMap<TableKey, Retention>,
    /// How far files covered the log, of tables that have no state yet or were dropped.
    pub(crate) positions: HashMap<TableKey, u64>,
    /// What readers of the Delta tables are shown.
    pub(crate) published: HashMap<TableKey, Arc<Published>>,
}

/// One table of one workspace.
#[derive(Debug)]
pub(crate) struct TableState {
    pub(crate) layout: Arc<Layout>,
    /// Takes new rows.
    pub(crate) active: Buffer,
    /// Being written to files; still served from here until the manifest has them.
    pub(crate) frozen: Buffer,
    /// In the manifest.
    pub(crate) files: Files,
    /// The highest sequence number covered by files.
    pub(crate) position: u64,
    pub(crate) sources: HashMap<Uuid, SourceMark>,
    /// Rows that are missing.
    pub(crate) damaged: Vec<Arc<Damaged>>,
}

/// How far a source has come in one table.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SourceMark {
    /// The highest batch number that is durable, in the log or in files.
    pub(crate) seq: u64,
    /// The highest in the manifest.
    pub(crate) in_manifest: u64,
}

impl TableState {
    pub(crate) fn new(layout: Arc<Layout>) -> Self {
        Self {
            layout,
            active: Buffer::default(),
            frozen: Buffer::default(),
            files: Files::default(),
            position: 0,
            sources: HashMap::new(),
            damaged: Vec::new(),
        }
    }

    pub(crate) fn buffered_bytes(&self) -> usize {
        self.active.bytes + self.frozen.bytes
    }

    /// What of the newest rows should be gathered, and by which layout: the table's own may have gained columns
    /// since the rows were decoded.
    pub(crate) fn untidy(&self) -> Option<(Arc<Layout>, Tail)> {
        Some((Arc::clone(&self.layout), self.active.untidy()?))
    }

    /// Whether a batch of this id is durable already.
    pub(crate) fn has(&self, batch: BatchId) -> bool {
        self.sources.get(&batch.source).is_some_and(|mark| batch.seq <= mark.seq)
    }

    /// Sources with numbers that the manifest does not have yet.
    pub(crate) fn unsaved_sources(&self) -> Vec<(Uuid, u64)> {
        let unsaved = self.sources.iter().filter(|(_, mark)| mark.seq > mark.in_manifest);
        unsaved.map(|(source, mark)| (*source, mark.seq)).collect()
    }
}

impl State {
    /// The table's state, made at its first use.
    pub(crate) fn table(&mut self, workspace: WorkspaceId, layout: &Arc<Layout>) -> &mut TableState {
        let key = (workspace, Arc::from(layout.table.name.as_str()));
        let position = self.positions.get(&key).copied().unwrap_or_default();
        self.contents
            .entry(key)
            .or_insert_with(|| TableState { position, ..TableState::new(Arc::clone(layout)) })
    }

    /// Makes the rows of one commit visible. Small commits are for [`TableState::untidy`] to gather.
    pub(crate) fn publish(
        &mut self,
        workspace: WorkspaceId,
        layout: &Arc<Layout>,
        decoded: &Decoded,
        seq: u64,
        received: Ticks,
        batch: Option<BatchId>,
    ) -> Result<(), ArrowError> {
        debug_assert!(seq > self.seq, "commits become visible in order");
        self.seq = seq;
        let table = self.table(workspace, layout);
        if let Some(batch) = batch {
            let mark = table.sources.entry(batch.source).or_default();
            mark.seq = mark.seq.max(batch.seq);
        }
        table.active.push(&decoded.batch, seq, received)
    }

    /// Memory held by all buffered rows.
    pub(crate) fn buffered_bytes(&self) -> usize {
        self.contents.values().map(TableState::buffered_bytes).sum()
    }

    /// Every record up to this number is covered by files, so that the log can drop it.
    pub(crate) fn covered_seq(&self) -> u64 {
        let buffered = |table: &TableState| [table.frozen.first_seq, table.active.first_seq];
        let oldest = self.contents.values().flat_map(buffered).flatten().min();
        oldest.map_or(self.seq, |oldest| oldest - 1)
    }
}

/// A path without room to spare: there may be a million of them.
fn path_of(dir: &Path, relative: &str) -> PathBuf {
    let mut path = PathBuf::with_capacity(dir.as_os_str().len() + 1 + relative.len());
    path.push(dir);
    path.push(relative);
    path
}

/// The entry of a file that the manifest names.
pub(crate) fn file_entry(dir: &Path, row: FileRow, disk: &Arc<dyn Disk>) -> Arc<FileEntry> {
    Arc::new(FileEntry {
        path: path_of(dir, &row.path),
        size_bytes: row.size_bytes,
        rows: row.rows,
        time_min: row.time_min,
        time_max: row.time_max,
        seq_min: row.seq_min,
        seq_max: row.seq_max,
        sorted_by: row.sorted_by,
        id: row.id,
        day: row.day,
        obsolete: AtomicBool::new(false),
        disk: Arc::clone(disk),
        crc: row.crc.map_or_else(OnceLock::new, OnceLock::from),
        is_published: AtomicBool::new(false),
        checked: Checked::default(),
        received: row.received,
        index: row.index,
    })
}
