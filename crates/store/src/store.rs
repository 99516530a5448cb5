//! The store as others use it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bartizan_base::{Ticks, Timespan, WorkspaceId};
use bartizan_schema::{Table, TableKind, TableRegistry};
use bytes::Bytes;
use serde_json::{Map, Value};
use tokio::sync::{Mutex, Semaphore, broadcast, mpsc, oneshot, watch};
use uuid::Uuid;

use crate::append::{Ack, AppendTarget, Appended};
use crate::buffer::Buffer;
use crate::committer::{self, Event, Job, QUEUE_BATCHES_MAX, Rows};
use crate::decode::{Layout, Stamp};
use crate::error::StoreError;
use crate::manifest::TableKey;
use crate::notice::Notice;
use crate::options::StoreOptions;
use crate::purge::{Filter, Purge};
use crate::record::Record;
use crate::recovery::{self, Recovery};
use crate::rejected::Rejected;
use crate::retention::Retention;
use crate::shared::Shared;
use crate::snapshot::{Snapshot, TableSnapshot};
use crate::state::TableState;
use crate::{
    background, compaction, delta, dropping, flush, integrity, layout, loading, purge, raw_merge, retention,
};

/// Bodies up to this size are decoded where they arrive: at some hundred megabytes a second it takes
/// less time than moving to another thread and back is worth.
const DECODE_INLINE_BYTES: usize = 16 << 10;

/// How long a purge that is done can be asked for.
const PURGES_KEPT: Timespan = Timespan::from_seconds(30 * 86_400);

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
    /// Held by the one who publishes; taken after `merge_turn`.
    publish_turn: Mutex<()>,
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
        shared.notices.put_back(recovery.notices.clone());
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
            publish_turn: Mutex::default(),
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

    /// Deletes a custom table with all its rows.
    ///
    /// # Errors
    /// `NotFound` for the table, `Conflict` for a standard one.
    pub async fn drop_table(&self, workspace: WorkspaceId, name: &str) -> Result<(), StoreError> {
        let shared = &self.0.shared;
        let unknown = || StoreError::UnknownTable(name.chars().take(80).collect());
        let table = self.table(workspace, name).ok_or_else(unknown)?;
        if table.kind == TableKind::Standard {
            return Err(StoreError::StandardTable(table.name.clone()));
        }
        let _turns = (
            self.0.declare_turn.lock().await,
            self.0.merge_turn.lock().await,
            self.0.publish_turn.lock().await,
        );
        let key: TableKey = (workspace, Arc::from(table.name.as_str()));
        // Nothing new comes in from here on; what is buffered goes to files, so that the log holds nothing of it. What
        // is on its way is there before the log's thread answers.
        shared.state.lock().tables.remove(workspace, &table.name);
        self.0.trim().await?;
        if let Err(error) = self.flush().await {
            shared.state.lock().tables.put(workspace, Table::clone(&table));
            return Err(error);
        }
        dropping::forget(shared, &key).await
    }

    /// Deletes a workspace with all its tables and rows. From the call on it has no tables, so that nothing is read
    /// from it and nothing comes in; other workspaces are not touched. Returns how many of its tables had rows: a batch
    /// that was on its way may have arrived behind the deletion, so who must be sure calls again until there are none.
    ///
    /// # Errors
    /// When files or the manifest cannot be written. The workspace stays closed until the store is opened again; the
    /// next call goes on.
    pub async fn drop_workspace(&self, workspace: WorkspaceId) -> Result<usize, StoreError> {
        let _turns = (
            self.0.declare_turn.lock().await,
            self.0.merge_turn.lock().await,
            self.0.publish_turn.lock().await,
        );
        let shared = &self.0.shared;
        shared.state.lock().tables.close(workspace);
        // What waits for the log is in buffers after this, and leaves them with the flush.
        self.0.trim().await?;
        self.flush().await?;
        dropping::forget_all(shared, workspace).await
    }

    /// How long a table's rows are kept.
    ///
    /// # Errors
    /// `NotFound` for the table.
    pub fn retention(&self, workspace: WorkspaceId, table: &str) -> Result<Retention, StoreError> {
        let state = self.0.shared.state.lock();
        let layout = state.tables.find(workspace, table);
        let layout = layout.ok_or_else(|| StoreError::UnknownTable(table.chars().take(80).collect()))?;
        Ok(state.retention(workspace, &layout.table))
    }

    /// Sets how long rows are kept: those of one table, or, without a table, those of the workspace's tables
    /// that have no setting of their own. `None` goes back to what holds without a setting.
    ///
    /// # Errors
    /// `NotFound` for the table, `Invalid` for days out of bounds.
    pub async fn set_retention(
        &self,
        workspace: WorkspaceId,
        table: Option<&str>,
        retention: Option<Retention>,
    ) -> Result<(), StoreError> {
        retention.map_or(Ok(()), Retention::check)?;
        let name: Arc<str> = match table {
            None => Arc::from(""),
            Some(name) => {
                let found = self.table(workspace, name);
                let found = found.ok_or_else(|| StoreError::UnknownTable(name.chars().take(80).collect()))?;
                Arc::from(found.name.as_str())
            }
        };
        let _turn = self.0.declare_turn.lock().await;
        let key = (workspace, name);
        self.0.shared.manifest.set_retention(&key, retention).await?;
        let mut state = self.0.shared.state.lock();
        match retention {
            Some(retention) => drop(state.retentions.insert(key, retention)),
            None => drop(state.retentions.remove(&key)),
        }
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
        let done = self.append(to, body).await;
        if let Err(error) = &done
            && let Some(notice) = shared.pressure.seen(error, shared.options.clock.now())
        {
            shared.notices.push(notice);
        }
        done
    }

    async fn append(&self, to: AppendTarget, body: Bytes) -> Result<Ack, StoreError> {
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
        let admission = shared.admit(body.len())?;
        if !admission.pause.is_zero() {
            tokio::time::sleep(admission.pause).await;
        }
        let received = shared.options.clock.now();
        let is_load = shared.takes_load(body.len());
        let rows = self.decode(&layout, Stamp::new(&to, received), body.clone(), is_load).await?;
        if rows.tally().rows == 0 {
            return Ok(Ack { seq: self.committed_seq(), ..Ack::default() });
        }
        let (reply, answer) = oneshot::channel();
        let record = Record { seq: 0, received, to, body };
        self.tell(Event::Append(Box::new(Job { record, layout, rows, reply }))).await?;
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
        let now = self.0.shared.options.clock.now();
        let state = self.0.shared.state.lock();
        let seq = state.seq;
        let mut parts = Vec::with_capacity(tables.len());
        for name in tables {
            let layout = state.tables.find(workspace, name).map(Arc::clone);
            let layout = layout.ok_or_else(|| StoreError::UnknownTable((*name).to_owned()))?;
            let key = (workspace, Arc::from(layout.table.name.as_str()));
            let contents = state.contents.get(&key);
            let visible_from = state.retention(workspace, &layout.table).visible_from(now);
            let files = contents.map(|table| table.files.visible_from(visible_from)).unwrap_or_default();
            let buffers: Option<[Buffer; 2]> =
                contents.map(|table| [table.frozen.clone(), table.active.clone()]);
            let damaged = contents.map(|table| table.damaged.clone()).unwrap_or_default();
            parts.push(((*name).to_owned(), layout, files, buffers, damaged));
        }
        drop(state);
        let mut snapshot = Snapshot { seq, tables: BTreeMap::new() };
        for (name, layout, files, buffers, damaged) in parts {
            let memory = buffers
                .iter()
                .flatten()
                .flat_map(Buffer::batches)
                .map(|batch| layout::pad(batch, &layout.schema))
                .collect::<Result<_, _>>()
                .map_err(StoreError::arrow(&layout.table.name))?;
            let (table, schema) = (Arc::clone(&layout.table), Arc::clone(&layout.schema));
            snapshot.tables.insert(name, TableSnapshot { table, schema, files, memory, damaged });
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
        while self.0.merge_raw(true).await? {}
        expired.and(self.0.compact(false).await)
    }

    /// Notes that the rows of a table that match all filters are to be removed for good. They go with the
    /// next [`Store::run_purges`], which the store does by itself.
    ///
    /// # Errors
    /// `NotFound` for the table, `Invalid` for filters that do not fit it.
    pub async fn purge(
        &self,
        workspace: WorkspaceId,
        table: &str,
        filters: Vec<Filter>,
    ) -> Result<Purge, StoreError> {
        let shared = &self.0.shared;
        let (layout, seq) = {
            let state = shared.state.lock();
            let layout = state.tables.find(workspace, table).map(Arc::clone);
            (layout.ok_or_else(|| StoreError::UnknownTable(table.chars().take(80).collect()))?, state.seq)
        };
        purge::check(&layout, &filters)?;
        let purge = Purge {
            id: Uuid::new_v4(),
            workspace,
            table: layout.table.name.clone(),
            seq,
            filters,
            started: shared.options.clock.now(),
            ended: None,
            rows: 0,
        };
        shared.manifest.put_purge(&purge).await?;
        shared.purge_due.store(true, Ordering::Release);
        Ok(purge)
    }

    /// The purges that are under way, and those of the last 30 days.
    ///
    /// # Errors
    /// When the manifest cannot be read.
    pub async fn purges(&self) -> Result<Vec<Purge>, StoreError> {
        self.0.shared.manifest.purges().await
    }

    /// Carries out the purges that were asked for.
    ///
    /// # Errors
    /// When files or the manifest cannot be read or written; what is left is done with the next call.
    pub async fn run_purges(&self) -> Result<(), StoreError> {
        self.0.run_purges().await
    }

    /// Publishes what changed as Delta Lake tables, one commit for each table with changes, and deletes the
    /// files whose time is over. The store does so by itself.
    ///
    /// # Errors
    /// When files or the manifest cannot be written; the next call goes on from there.
    pub async fn publish(&self) -> Result<(), StoreError> {
        self.0.publish().await
    }

    /// Compares all files of some tables with their checksums, whatever was found before, and sets the
    /// damaged ones aside. Returns how many those were.
    ///
    /// # Errors
    /// When the manifest cannot be written.
    pub async fn examine(&self, tables: &[(WorkspaceId, String)]) -> Result<u64, StoreError> {
        let _turn = self.0.merge_turn.lock().await;
        let mut files = integrity::files_where(&self.0.shared, usize::MAX, |_| true);
        let asked = |(workspace, name): &(WorkspaceId, Arc<str>)| {
            tables.iter().any(|(of, table)| of == workspace && table.eq_ignore_ascii_case(name))
        };
        files.retain(|(key, _)| asked(key));
        integrity::examine(&self.0.shared, files).await
    }

    /// Compares files with their checksums that were not compared for a week, up to a number of bytes.
    /// The store does so by itself. Returns how many were damaged.
    ///
    /// # Errors
    /// When the manifest cannot be written.
    pub async fn scrub(&self, budget_bytes: u64) -> Result<u64, StoreError> {
        self.0.scrub(budget_bytes).await
    }

    /// What happened that operators should know, once: the caller writes it down, or hands it back with
    /// [`Store::keep_notices`].
    pub fn take_notices(&self) -> Vec<Notice> {
        let shared = &self.0.shared;
        let ended = shared.pressure.ended(shared.options.clock.now());
        ended.into_iter().for_each(|notice| shared.notices.push(notice));
        shared.notices.take()
    }

    /// Hands back notices that could not be written down.
    pub fn keep_notices(&self, notices: Vec<Notice>) {
        self.0.shared.notices.put_back(notices);
    }

    /// What did not fit its columns since this was last asked.
    pub fn take_rejected(&self) -> Vec<Rejected> {
        self.0.shared.rejected.take()
    }

    /// Hands back counts that could not be written down.
    pub fn keep_rejected(&self, rejected: Vec<Rejected>) {
        for Rejected { workspace, table, cells, fields } in rejected {
            self.0.shared.rejected.add(&(workspace, Arc::from(table)), cells, fields);
        }
    }

    /// Files whose rows are missing, and how many rows those are, of all workspaces.
    pub fn missing(&self) -> (u64, u64) {
        let state = self.0.shared.state.lock();
        let damaged = || state.contents.values().flat_map(|table| &table.damaged);
        (damaged().count() as u64, damaged().map(|damaged| damaged.rows).sum())
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

    /// Decodes a body; when it `is_load`, for a file.
    async fn decode(
        &self,
        layout: &Arc<Layout>,
        stamp: Stamp,
        body: Bytes,
        is_load: bool,
    ) -> Result<Rows, StoreError> {
        let _slot = self.0.decode_slots.acquire().await.map_err(|_| StoreError::Closed)?;
        if body.len() <= DECODE_INLINE_BYTES && !is_load {
            return layout.decode(&body, &stamp).map(Rows::Log);
        }
        let layout = Arc::clone(layout);
        let decoded = tokio::task::spawn_blocking(move || match is_load {
            true => loading::decode(&layout, &body, &stamp),
            false => layout.decode(&body, &stamp).map(Rows::Log),
        });
        decoded.await.map_err(|error| StoreError::Worker(error.to_string()))?
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
        let now = options.clock.now();
        let old = now - Timespan::from_duration(options.flush_age);
        self.flush(|table: &TableState| {
            is_crowded
                || !table.frozen.is_empty()
                || table.active.bytes >= options.flush_bytes
                // A clock that was set back makes rows look as if they came in the future.
                || table.active.oldest.is_some_and(|oldest| oldest <= old || oldest > now)
        })
        .await
    }

    /// Whether rows arrive so fast that the next flush is near when one has ended.
    pub(crate) fn is_behind(&self) -> bool {
        self.shared.state.lock().buffered_bytes() >= self.shared.options.flush_bytes / 4
    }

    pub(crate) async fn compact(&self, is_behind: bool) -> Result<(), StoreError> {
        let _turn = self.merge_turn.lock().await;
        compaction::compact(&self.shared, is_behind).await
    }

    /// Sorts the rows of some raw files, when that is due or `now`. Returns whether there were any.
    pub(crate) async fn merge_raw(&self, now: bool) -> Result<bool, StoreError> {
        if !now && !self.shared.is_merge_of_raw_due() {
            return Ok(false);
        }
        let _turn = self.merge_turn.lock().await;
        raw_merge::merge(&self.shared).await
    }

    pub(crate) async fn run_purges(&self) -> Result<(), StoreError> {
        if !self.shared.purge_due.swap(false, Ordering::AcqRel) {
            return Ok(());
        }
        let outcome = self.run_all_purges().await;
        if outcome.is_err() {
            self.shared.purge_due.store(true, Ordering::Release);
        }
        outcome
    }

    pub(crate) async fn publish(&self) -> Result<(), StoreError> {
        let _turn = self.publish_turn.lock().await;
        delta::publish(&self.shared).await
    }

    async fn run_all_purges(&self) -> Result<(), StoreError> {
        let now = self.shared.options.clock.now();
        self.shared.manifest.forget_purges(now - PURGES_KEPT).await?;
        let mut open = self.shared.manifest.purges().await?;
        open.retain(|purge| purge.ended.is_none());
        if open.is_empty() {
            return Ok(());
        }
        // The rows asked for are in files after this, and leave the log with it.
        self.flush(|_| true).await?;
        let _turns = (self.merge_turn.lock().await, self.publish_turn.lock().await);
        for purge in open {
            purge::run(&self.shared, purge).await?;
        }
        Ok(())
    }

    pub(crate) async fn scrub(&self, budget_bytes: u64) -> Result<u64, StoreError> {
        let _turn = self.merge_turn.lock().await;
        integrity::scrub(&self.shared, budget_bytes).await
    }

    pub(crate) async fn expire(&self) -> Result<(), StoreError> {
        let _turn = self.merge_turn.lock().await;
        retention::expire(&self.shared, self.shared.options.clock.now()).await
    }

    async fn flush(&self, is_due: impl Fn(&TableState) -> bool) -> Result<bool, StoreError> {
        let _turn = self.flush_turn.lock().await;
        let flushed = flush::flush(&self.shared, is_due).await?;
        if flushed {
            self.trim().await?;
        }
        Ok(flushed)
    }

    /// Drops the part of the log that files cover. Batches that were handed over before are visible when it returns.
    async fn trim(&self) -> Result<(), StoreError> {
        let covered_seq = self.shared.state.lock().covered_seq();
        let (done, trimmed) = oneshot::channel();
        self.tell(Event::Trim { covered_seq, done }).await?;
        trimmed.await.map_err(|_| StoreError::Closed)
    }

    async fn tell(&self, event: Event) -> Result<(), StoreError> {
        self.events.send(event).await.map_err(|_| StoreError::Closed)
    }
}
