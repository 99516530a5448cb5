//! The store as others use it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bartizan_base::{Ticks, Timespan, WorkspaceId};
use bartizan_schema::{Table, TableRegistry};
use bytes::Bytes;
use serde_json::{Map, Value};
use tokio::sync::{Mutex, Semaphore, broadcast, mpsc, oneshot, watch};

use crate::append::{Ack, AppendTarget, Appended};
use crate::buffer::Buffer;
use crate::committer::{self, Event, Job, QUEUE_BATCHES_MAX};
use crate::decode::{Decoded, Layout, Stamp};
use crate::error::StoreError;
use crate::options::StoreOptions;
use crate::record::Record;
use crate::recovery::{self, Recovery};
use crate::shared::Shared;
use crate::snapshot::{FileEntry, Snapshot, TableSnapshot};
use crate::state::TableState;
use crate::{background, compaction, flush, layout, retention};

/// Bodies up to this size are decoded where they arrive: at some hundred megabytes a second it takes
/// less time than moving to another thread and back is worth.
const DECODE_INLINE_BYTES: usize = 16 << 10;

/// The log store. Clones share one store.
#[derive(Clone, Debug)]
pub struct Store(Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    shared: Arc<Shared>,
    events: mpsc::Sender<Event>,
    /// Held by the one flush at a time.
    flush_turn: Mutex<()>,
    /// Held by the one merge or expiry at a time.
    merge_turn: Mutex<()>,
    /// Held while a table is declared.
    declare_turn: Mutex<()>,
    /// One permit for every processor: decoding is nothing but computation.
    decode_slots: Semaphore,
    recovery: Recovery,
    stop: watch::Sender<bool>,
}

impl Store {
    /// Opens the store in `options.dir` with the shipped `tables`, and brings back every acknowledged
    /// batch that is not in files yet.
    ///
    /// # Errors
    /// When the folder or the manifest cannot be used, or was written by a newer program.
    pub async fn open(options: StoreOptions, tables: TableRegistry) -> Result<Store, StoreError> {
        let dir = std::path::absolute(&options.dir).map_err(StoreError::io("resolve", &options.dir))?;
        let options = StoreOptions { dir, ..options };
        let is_background = options.background;
        let (manifest, state, wal, recovery) = recovery::open(&options, &tables).await?;
        let shared = Arc::new(Shared::new(options, manifest, state));
        let (events, inbox) = mpsc::channel(QUEUE_BATCHES_MAX);
        let committed = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("store-log".to_owned())
            .spawn(move || committer::run(&committed, wal, inbox))
            .map_err(StoreError::io("start a thread for", &shared.options.dir))?;
        let (stop, stopped) = watch::channel(false);
        let inner = Arc::new(Inner {
            shared,
            events,
            flush_turn: Mutex::default(),
            merge_turn: Mutex::default(),
            declare_turn: Mutex::default(),
            decode_slots: Semaphore::new(std::thread::available_parallelism().map_or(1, usize::from)),
            recovery,
            stop,
        });
        if is_background {
            tokio::spawn(background::run(Arc::downgrade(&inner), stopped));
        }
        Ok(Store(inner))
    }

    /// What opening found out.
    pub fn recovery(&self) -> &Recovery {
        &self.0.recovery
    }

    /// The tables of a workspace: standard ones, then custom ones, each in name order.
    pub fn tables(&self, workspace: WorkspaceId) -> Vec<Arc<Table>> {
        let state = self.0.shared.state.lock();
        state.tables.of(workspace).map(|layout| Arc::clone(&layout.table)).collect()
    }

    /// The table called `name`, exactly or else without regard to case.
    pub fn table(&self, workspace: WorkspaceId, name: &str) -> Option<Arc<Table>> {
        let state = self.0.shared.state.lock();
        state.tables.find(workspace, name).map(|layout| Arc::clone(&layout.table))
    }

    /// Declares a custom table, whose name ends in `_CL`, or adds columns to one. Rows stored before have
    /// no value in added columns. Columns are never removed.
    ///
    /// # Errors
    /// `Invalid` for a bad declaration, `Conflict` when a column exists with another type.
    pub async fn create_table(&self, workspace: WorkspaceId, table: Table) -> Result<(), StoreError> {
        let _turn = self.0.declare_turn.lock().await;
        let shared = &self.0.shared;
        let table = shared.state.lock().tables.declared(workspace, table)?;
        shared.manifest.put_table(workspace, &table).await?;
        let mut state = shared.state.lock();
        let layout = state.tables.put(workspace, table);
        state.table(workspace, &layout).layout = Arc::clone(&layout);
        Ok(())
    }

    /// Stores the rows of a JSON array of objects, or of one object per line. When it returns, the rows
    /// are on disk and visible. Unknown fields are dropped and counted; a value that does not fit its
    /// column becomes null and is counted.
    ///
    /// # Errors
    /// `NotFound` for the table, `Invalid` with the byte position for a body that is not rows (nothing of
    /// it is stored), `TooLarge`, `TooMany` when the buffer is full, `Unavailable` when the disk is.
    pub async fn append_json(&self, to: AppendTarget, body: Bytes) -> Result<Ack, StoreError> {
        let shared = &self.0.shared;
        if shared.closed.load(Ordering::Acquire) {
            return Err(StoreError::Closed);
        }
        let limit_bytes = shared.options.body_bytes_max;
        if body.len() > limit_bytes {
            return Err(StoreError::TooLarge { what: "body", size_bytes: body.len(), limit_bytes });
        }
        let (layout, repeated) = self.find(&to)?;
        if let Some(ack) = repeated {
            return Ok(ack);
        }
        let _admission = shared.admit(body.len())?;
        let received = shared.options.clock.now();
        let decoded = self.decode(&layout, Stamp::new(&to, received), body.clone()).await?;
        if decoded.batch.num_rows() == 0 {
            return Ok(Ack { seq: self.committed_seq(), ..Ack::default() });
        }
        let (reply, answer) = oneshot::channel();
        let record = Record { seq: 0, received, to, body };
        self.tell(Event::Append(Box::new(Job { record, layout, decoded, reply }))).await?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// Stores rows the server made.
    ///
    /// # Errors
    /// As [`Store::append_json`].
    pub async fn append_rows(
        &self,
        to: AppendTarget,
        rows: Vec<Map<String, Value>>,
    ) -> Result<Ack, StoreError> {
        let body = Value::Array(rows.into_iter().map(Value::Object).collect()).to_string();
        self.append_json(to, Bytes::from(body)).await
    }

    /// One consistent view of all named tables.
    ///
    /// # Errors
    /// `NotFound` when a table does not exist.
    pub fn snapshot(&self, workspace: WorkspaceId, tables: &[&str]) -> Result<Snapshot, StoreError> {
        let state = self.0.shared.state.lock();
        let seq = state.seq;
        let mut parts = Vec::with_capacity(tables.len());
        for name in tables {
            let layout = state.tables.find(workspace, name).map(Arc::clone);
            let layout = layout.ok_or_else(|| StoreError::UnknownTable((*name).to_owned()))?;
            let key = (workspace, Arc::from(layout.table.name.as_str()));
            let contents = state.contents.get(&key);
            let files: Vec<Arc<FileEntry>> = contents.map(|table| table.files.clone()).unwrap_or_default();
            let buffers: Option<[Buffer; 2]> =
                contents.map(|table| [table.frozen.clone(), table.active.clone()]);
            parts.push(((*name).to_owned(), layout, files, buffers));
        }
        drop(state);
        let mut snapshot = Snapshot { seq, tables: BTreeMap::new() };
        for (name, layout, files, buffers) in parts {
            let memory = buffers
                .iter()
                .flatten()
                .flat_map(Buffer::batches)
                .map(|batch| layout::pad(batch, &layout.schema))
                .collect::<Result<_, _>>()
                .map_err(StoreError::arrow(&layout.table.name))?;
            let (table, schema) = (Arc::clone(&layout.table), Arc::clone(&layout.schema));
            snapshot.tables.insert(name, TableSnapshot { table, schema, files, memory });
        }
        Ok(snapshot)
    }

    /// The sequence number of the newest visible rows.
    pub fn committed_seq(&self) -> u64 {
        self.0.shared.state.lock().seq
    }

    /// News of rows that became visible.
    pub fn subscribe(&self) -> broadcast::Receiver<Appended> {
        self.0.shared.appended.subscribe()
    }

    /// Writes all buffered rows to files and drops the log they are in.
    ///
    /// # Errors
    /// When files or the manifest cannot be written. The rows stay visible and in the log.
    pub async fn flush(&self) -> Result<(), StoreError> {
        self.0.flush(|_| true).await.map(|_| ())
    }

    /// Writes the tables to files whose buffered rows are large or old. The store does it by itself,
    /// unless it was opened without background work.
    ///
    /// # Errors
    /// As [`Store::flush`].
    pub async fn flush_due(&self) -> Result<(), StoreError> {
        self.0.flush_due().await.map(|_| ())
    }

    /// Merges small files and drops those past their retention, as of `now`. The store does both by
    /// itself now and then.
    ///
    /// # Errors
    /// When files or the manifest cannot be read or written.
    pub async fn maintain(&self, now: Ticks) -> Result<(), StoreError> {
        let expired = {
            let _turn = self.0.merge_turn.lock().await;
            retention::expire(&self.0.shared, now).await
        };
        expired.and(self.0.compact().await)
    }

    /// Takes no more rows, flushes, and stops. What a failed flush leaves is in the log.
    pub async fn close(&self) {
        self.0.shared.closed.store(true, Ordering::Release);
        self.0.stop.send_replace(true);
        if let Err(error) = self.flush().await {
            tracing::warn!(%error, "last flush failed; the rows will be read back from the log");
        }
        let (done, stopped) = oneshot::channel();
        if self.tell(Event::Stop { done }).await.is_ok() && stopped.await.is_err() {
            tracing::warn!("the log's thread had stopped already");
        }
    }

    /// The table of a batch, and the answer when the batch is a repeat.
    fn find(&self, to: &AppendTarget) -> Result<(Arc<Layout>, Option<Ack>), StoreError> {
        let state = self.0.shared.state.lock();
        let layout = state.tables.find(to.workspace, &to.table).map(Arc::clone);
        let layout = layout.ok_or_else(|| StoreError::UnknownTable(to.table.chars().take(80).collect()))?;
        let key = (to.workspace, Arc::from(layout.table.name.as_str()));
        let is_repeat =
            to.batch.is_some_and(|batch| state.contents.get(&key).is_some_and(|table| table.has(batch)));
        let ack = is_repeat.then(|| Ack { duplicate: true, seq: state.seq, ..Ack::default() });
        Ok((layout, ack))
    }

    async fn decode(&self, layout: &Arc<Layout>, stamp: Stamp, body: Bytes) -> Result<Decoded, StoreError> {
        let _slot = self.0.decode_slots.acquire().await.map_err(|_| StoreError::Closed)?;
        if body.len() <= DECODE_INLINE_BYTES {
            return layout.decode(&body, &stamp);
        }
        let layout = Arc::clone(layout);
        let decoded = tokio::task::spawn_blocking(move || layout.decode(&body, &stamp)).await;
        decoded.map_err(|error| StoreError::Worker(error.to_string()))?
    }

    async fn tell(&self, event: Event) -> Result<(), StoreError> {
        self.0.tell(event).await
    }
}

impl Inner {
    pub(crate) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }

    /// Flushes the tables that are large or old, or all of them when together they are large.
    pub(crate) async fn flush_due(&self) -> Result<bool, StoreError> {
        let options = &self.shared.options;
        let is_crowded = self.shared.state.lock().buffered_bytes() > options.buffer_bytes_max / 2;
        let old = options.clock.now() - Timespan::from_duration(options.flush_age);
        self.flush(|table: &TableState| {
            is_crowded
                || !table.frozen.is_empty()
                || table.active.bytes >= options.flush_bytes
                || table.active.oldest.is_some_and(|oldest| oldest <= old)
        })
        .await
    }

    pub(crate) async fn compact(&self) -> Result<(), StoreError> {
        let _turn = self.merge_turn.lock().await;
        compaction::compact(&self.shared).await
    }

    pub(crate) async fn expire(&self) -> Result<(), StoreError> {
        let _turn = self.merge_turn.lock().await;
        retention::expire(&self.shared, self.shared.options.clock.now()).await
    }

    async fn flush(&self, is_due: impl Fn(&TableState) -> bool) -> Result<bool, StoreError> {
        let _turn = self.flush_turn.lock().await;
        let flushed = flush::flush(&self.shared, is_due).await?;
        if flushed {
            let covered_seq = self.shared.state.lock().covered_seq();
            let (done, trimmed) = oneshot::channel();
            self.tell(Event::Trim { covered_seq, done }).await?;
            trimmed.await.map_err(|_| StoreError::Closed)?;
        }
        Ok(flushed)
    }

    async fn tell(&self, event: Event) -> Result<(), StoreError> {
        self.events.send(event).await.map_err(|_| StoreError::Closed)
    }
}
