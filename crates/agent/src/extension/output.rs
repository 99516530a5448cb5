//! Outputs: one per stream, from rows in memory to the server.
//!
//! A collector sends rows with the input positions they advance. The output gathers them for at most
//! [`OutputOptions::age_max`] or a megabyte, writes one spool record, and the uploader ships it. The channel
//! in front is bounded, so a collector waits when the disk is slow instead of filling memory.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use arc_swap::ArcSwapOption;
use bytes::Bytes;
use parking_lot::Mutex;
use serde_json::{Map, Value};
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Health;
use crate::backoff::Backoff;
use crate::protocol::Configuration;
use crate::server::ServerClient;
use crate::spool::{Encoding, NewRecord, Positions, Spool, SpoolError, SpoolLimits};
use crate::upload::{DeliveryState, Destination, Ingest, Uploader, on_disk};

/// One row: column → value.
pub type Row = Map<String, Value>;

/// Builds a row from pairs; empty texts and nulls are left out, because the store fills them in anyway.
pub fn row<const N: usize>(cells: [(&str, Value); N]) -> Row {
    cells
        .into_iter()
        .filter(|(_, value)| !value.is_null() && value.as_str() != Some(""))
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// Rows of one upload before compression: the ingestion API's own limit is 1 MB.
const BATCH_BYTES_MAX: usize = 1_000_000 - 4096;
/// Most rows a collector puts into one send, so that a send stays well below a batch.
pub const SEND_ROWS_MAX: usize = 500;
/// Most bytes of raw text a collector puts into one send. At worst (control characters only) JSON makes six
/// of each; with 500 rows' other columns that is still below a batch.
pub const SEND_BYTES_MAX: usize = 128 << 10;
/// Sends waiting in front of an output. At about 256 KiB each: 16 MiB at worst.
const QUEUE_SENDS_MAX: usize = 64;
/// Lighter levels save little CPU on log text, heavier ones little space.
const ZSTD_LEVEL: i32 = 3;

/// How outputs gather and retry.
#[derive(Clone, Debug)]
pub struct OutputOptions {
    pub folder: PathBuf,
    pub limits: SpoolLimits,
    /// Longest time a row waits for company.
    pub age_max: Duration,
    /// The same while the server is away: fewer, larger records.
    pub age_max_away: Duration,
    pub retry_first: Duration,
    pub retry_max: Duration,
}

impl OutputOptions {
    /// Defaults that keep an event under two seconds from its row.
    pub fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            limits: SpoolLimits::default(),
            age_max: Duration::from_millis(200),
            age_max_away: Duration::from_secs(2),
            retry_first: Duration::from_millis(250),
            retry_max: Duration::from_secs(30),
        }
    }
}

/// The outputs of one extension.
#[derive(Clone, Debug)]
pub struct Outputs(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    options: OutputOptions,
    health: Health,
    target: Arc<Target>,
    open: Mutex<BTreeMap<String, Open>>,
    pumps: TaskTracker,
    uploads: TaskTracker,
    stop: CancellationToken,
}

#[derive(Debug)]
struct Open {
    output: Output,
    state: Arc<Mutex<DeliveryState>>,
    wake: Arc<Notify>,
}

/// One stream's entrance. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Output {
    sender: mpsc::Sender<Sent>,
    spool: Arc<Mutex<Spool>>,
}

#[derive(Debug)]
struct Sent {
    rows: Vec<Row>,
    positions: Positions,
}

/// Where uploads go now; swapped when settings or the certificate change.
#[derive(Default)]
struct Target(ArcSwapOption<(Arc<dyn Ingest>, BTreeMap<String, String>)>);

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Target")
    }
}

struct StreamTarget(Arc<Target>, String);

impl Destination for StreamTarget {
    fn current(&self) -> Option<(Arc<dyn Ingest>, String)> {
        let target = self.0.0.load_full()?;
        let rule = target.1.get(&self.1)?.clone();
        Some((target.0.clone(), rule))
    }
}

impl Outputs {
    /// No outputs yet, and nowhere to send.
    pub fn new(options: OutputOptions, health: Health) -> Self {
        Self(Arc::new(Shared {
            options,
            health,
            target: Arc::default(),
            open: Mutex::default(),
            pumps: TaskTracker::new(),
            uploads: TaskTracker::new(),
            stop: CancellationToken::new(),
        }))
    }

    /// Takes over identity and stream rules.
    ///
    /// # Errors
    /// When the identity cannot be used.
    pub fn configure(&self, configuration: &Configuration) -> Result<()> {
        let client = ServerClient::for_machine(&configuration.identity)?;
        self.send_to(Arc::new(client), configuration.extension.streams.clone());
        Ok(())
    }

    /// Sends to `door`, each stream under its rule.
    pub fn send_to(&self, door: Arc<dyn Ingest>, rules: BTreeMap<String, String>) {
        self.0.target.0.store(Some(Arc::new((door, rules))));
        for open in self.0.open.lock().values() {
            open.wake.notify_one();
        }
    }

    /// The output of `stream` (`Microsoft-Syslog`), opened at first use.
    ///
    /// # Errors
    /// When its spool cannot be opened.
    pub fn stream(&self, stream: &str) -> Result<Output, SpoolError> {
        let mut all = self.0.open.lock();
        if let Some(open) = all.get(stream) {
            return Ok(open.output.clone());
        }
        let options = &self.0.options;
        let spool = Arc::new(Mutex::new(Spool::open(&options.folder.join(stream), options.limits)?));
        let (wake, state) = (Arc::new(Notify::new()), Arc::<Mutex<DeliveryState>>::default());
        let (sender, receiver) = mpsc::channel(QUEUE_SENDS_MAX);
        let pump = Pump {
            stream: stream.to_owned(),
            receiver,
            spool: spool.clone(),
            wake: wake.clone(),
            state: state.clone(),
            options: options.clone(),
            health: self.0.health.clone(),
        };
        self.0.pumps.spawn(pump.run());
        let uploader = Uploader {
            stream: stream.to_owned(),
            spool: spool.clone(),
            destination: Arc::new(StreamTarget(self.0.target.clone(), stream.to_owned())),
            wake: wake.clone(),
            state: state.clone(),
            backoff: Backoff::new(options.retry_first, options.retry_max),
        };
        self.0.uploads.spawn(uploader.run(self.0.stop.clone()));
        let output = Output { sender, spool };
        all.insert(stream.to_owned(), Open { output: output.clone(), state, wake });
        Ok(output)
    }

    /// Writes what is in memory, then waits until all is delivered. The caller bounds the wait; what is not
    /// delivered then stays in the spool.
    pub async fn finish(&self) {
        let spools: Vec<_> =
            std::mem::take(&mut *self.0.open.lock()).into_values().map(|open| open.output.spool).collect();
        self.0.pumps.close();
        self.0.pumps.wait().await;
        while spools.iter().any(|spool| spool.lock().waiting_rows() > 0) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.0.stop.cancel();
        self.0.uploads.close();
        self.0.uploads.wait().await;
    }

    /// Adds what the outputs know to a health report.
    pub(super) fn describe(&self, issues: &mut Vec<String>, counters: &mut BTreeMap<String, u64>) {
        // A single failed try is everyday; this many in a row is worth telling.
        const FAILURES_TOLERATED: u32 = 3;
        for (stream, open) in &*self.0.open.lock() {
            let (counts, waiting, bytes) = {
                let spool = open.output.spool.lock();
                (spool.counts(), spool.waiting_rows(), spool.bytes())
            };
            let state = open.state.lock().clone();
            if state.failures_in_row > FAILURES_TOLERATED {
                issues.push(format!("upload {stream}: {}", state.problem));
            }
            let mut add = |name: &str, by: u64| *counters.entry(name.to_owned()).or_default() += by;
            add("uploadedRows", state.uploaded_rows);
            add("waitingRows", waiting);
            add("spooledBytes", bytes);
            add("rejectedRows", counts.rejected_rows);
            add("droppedRows", counts.dropped_rows);
            add("damagedRecords", counts.damaged_records);
        }
    }
}

impl Output {
    /// Hands over rows and the positions they advance; returns when there is room.
    pub async fn send(&self, rows: Vec<Row>, positions: Positions) {
        // The pump ends only after every sender is gone.
        drop(self.sender.send(Sent { rows, positions }).await);
    }

    /// Rows that advance no position.
    pub async fn send_rows(&self, rows: Vec<Row>) {
        self.send(rows, Positions::new()).await;
    }

    /// The durable position of `input`.
    pub fn position(&self, input: &str) -> Option<Value> {
        self.spool.lock().position(input).cloned()
    }

    /// Whether any position was ever stored; false on the very first run.
    pub fn has_positions(&self) -> bool {
        !self.spool.lock().positions().is_empty()
    }
}

/// Gathers rows and writes records.
struct Pump {
    stream: String,
    receiver: mpsc::Receiver<Sent>,
    spool: Arc<Mutex<Spool>>,
    wake: Arc<Notify>,
    state: Arc<Mutex<DeliveryState>>,
    options: OutputOptions,
    health: Health,
}

#[derive(Default)]
struct Gathered {
    /// A JSON array without its closing bracket.
    json: Vec<u8>,
    rows: u64,
    positions: Positions,
}

impl Pump {
    async fn run(mut self) {
        let mut gathered = Gathered::default();
        while let Some(first) = self.receiver.recv().await {
            self.take(first, &mut gathered).await;
            let away = self.state.lock().failures_in_row > 0;
            let age_max = if away { self.options.age_max_away } else { self.options.age_max };
            let deadline = tokio::time::Instant::now() + age_max;
            while let Ok(Some(sent)) = tokio::time::timeout_at(deadline, self.receiver.recv()).await {
                self.take(sent, &mut gathered).await;
            }
            self.write(&mut gathered).await;
        }
    }

    /// Adds one send. It is never divided over two records, or a crash between them would bring its first
    /// rows again; collectors keep sends well below a batch.
    async fn take(&self, sent: Sent, gathered: &mut Gathered) {
        let mut json = Vec::new();
        for row in &sent.rows {
            json.push(b',');
            serde_json::to_writer(&mut json, row).expect("a row has text keys and is written to memory");
        }
        if gathered.json.len() + json.len() > BATCH_BYTES_MAX && gathered.rows > 0 {
            self.write(gathered).await;
        }
        if gathered.rows == 0
            && let Some(first) = json.first_mut()
        {
            *first = b'[';
        }
        gathered.json.append(&mut json);
        gathered.rows += sent.rows.len() as u64;
        gathered.positions.extend(sent.positions);
    }

    async fn write(&self, gathered: &mut Gathered) {
        if gathered.rows == 0 && gathered.positions.is_empty() {
            return;
        }
        let full = std::mem::take(gathered);
        let mut backoff = Backoff::new(self.options.retry_first, self.options.retry_max);
        let mut json = full.json;
        if full.rows > 0 {
            json.push(b']');
        }
        let record = Arc::new(NewRecord {
            rows: full.rows,
            encoding: Encoding::Zstd,
            body: zstd::bulk::compress(&json, ZSTD_LEVEL).map(Bytes::from).unwrap_or_default(),
            positions: full.positions,
        });
        let key = format!("spool {}", self.stream);
        loop {
            let (spool, record) = (self.spool.clone(), record.clone());
            match on_disk(move || spool.lock().append(&record)).await {
                Ok(_) => break,
                Err(error) => {
                    self.health.issue(&key, Some(format!("cannot write: {error}")));
                    tokio::time::sleep(backoff.next_wait()).await;
                }
            }
        }
        if backoff.failures() > 0 {
            self.health.issue(&key, None);
        }
        self.wake.notify_one();
    }
}
