//! The queue between the listeners and the store, bounded in bytes.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bartizan_api::ApiError;
use bartizan_base::counters;
use bartizan_control::{App, store_from_listener};
use bytes::Bytes;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::message::{Reader, Received};

/// Bytes of messages that wait, with [`OVERHEAD_BYTES`] for each.
const QUEUE_BYTES_MAX: usize = 32 << 20;
/// What a message takes besides its text.
const OVERHEAD_BYTES: usize = 128;
/// Messages stored at once.
const BATCH_MAX: usize = 2_000;
/// While the store takes nothing.
const RETRY_AFTER: Duration = Duration::from_millis(500);
/// Messages that a stopping server still tries to store, each batch this often.
const LAST_TRIES: u32 = 10;

/// A message and its place in the queue.
struct Queued {
    message: Received,
    _place: OwnedSemaphorePermit,
}

/// The listeners' end.
#[derive(Clone)]
pub(super) struct Queue {
    app: Arc<App>,
    /// Bounded by `places`.
    sender: UnboundedSender<Queued>,
    places: Arc<Semaphore>,
}

/// The store's end.
pub(super) struct Inbox {
    app: Arc<App>,
    receiver: UnboundedReceiver<Queued>,
}

pub(super) fn new(app: Arc<App>) -> (Queue, Inbox) {
    let (sender, receiver) = unbounded_channel();
    let places = Arc::new(Semaphore::new(QUEUE_BYTES_MAX));
    (Queue { app: Arc::clone(&app), sender, places }, Inbox { app, receiver })
}

impl Queue {
    /// Adds a message, waiting for room.
    pub(super) async fn put(&self, from: IpAddr, bytes: Vec<u8>) {
        let places = Arc::clone(&self.places);
        let place = places.acquire_many_owned(size(&bytes)).await.expect("the semaphore is never closed");
        self.send(from, bytes, place);
    }

    /// Adds a message if there is room.
    pub(super) fn try_put(&self, from: IpAddr, bytes: Vec<u8>) {
        match Arc::clone(&self.places).try_acquire_many_owned(size(&bytes)) {
            Ok(place) => self.send(from, bytes, place),
            Err(_) => self.finding(from, "syslog datagrams dropped because the queue was full", 1),
        }
    }

    /// Counts what a sender did that could not be taken as it was.
    pub(super) fn finding(&self, from: IpAddr, what: &'static str, count: u64) {
        counters::count("bartizan_syslog_findings_total", what, count);
        self.app.note_ingestion(&format!("syslog sender {from}"), "Syslog", what, count);
    }

    fn send(&self, from: IpAddr, bytes: Vec<u8>, place: OwnedSemaphorePermit) {
        counters::count("bartizan_syslog_messages_total", "", 1);
        let message = Received { from, at: self.app.clock.now(), bytes };
        // Fails only when the writer is gone, and it goes last.
        if self.sender.send(Queued { message, _place: place }).is_err() {
            tracing::error!("a syslog message came after the end");
        }
    }
}

fn size(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len() + OVERHEAD_BYTES).unwrap_or(u32::MAX).min(QUEUE_BYTES_MAX as u32)
}

impl Inbox {
    /// Stores messages until all listeners are gone.
    pub(super) async fn store_all(mut self, stop: CancellationToken) {
        let host_name = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let reader = Reader { host_name, zone: TimeZone::system() };
        let mut queued = Vec::with_capacity(BATCH_MAX);
        while self.receiver.recv_many(&mut queued, BATCH_MAX).await > 0 {
            let mut rows: BTreeMap<&'static str, Vec<Map<String, Value>>> = BTreeMap::new();
            let mut malformed: BTreeMap<IpAddr, u64> = BTreeMap::new();
            for Queued { message, .. } in &queued {
                let read = reader.read(message);
                *malformed.entry(message.from).or_default() += u64::from(read.malformed);
                rows.entry(read.table).or_default().push(read.row);
            }
            for (from, count) in malformed {
                let what = "messages that are no syslog, kept as raw text";
                self.app.note_ingestion(&format!("syslog sender {from}"), "Syslog", what, count);
            }
            for (table, rows) in rows {
                self.store(table, rows, &stop).await;
            }
            // The places are given back only now: what waits for the store counts as well.
            queued.clear();
        }
    }

    async fn store(&self, table: &str, rows: Vec<Map<String, Value>>, stop: &CancellationToken) {
        let stream = format!("Microsoft-{table}");
        let count = rows.len();
        let body = Bytes::from(Value::Array(rows.into_iter().map(Value::Object).collect()).to_string());
        let mut tries_left = LAST_TRIES;
        loop {
            let error: ApiError = match store_from_listener(&self.app, &stream, body.clone()).await {
                Ok(_) => return,
                Err(error) => error,
            };
            if stop.is_cancelled() {
                tries_left -= 1;
            }
            if !error.kind.retryable() || tries_left == 0 {
                tracing::error!(table, count, error = error.message, "syslog messages are lost");
                let what = "syslog messages lost because they could not be stored";
                self.app.note_ingestion("syslog", table, what, count as u64);
                return;
            }
            tracing::warn!(table, error = error.message, "the store takes no syslog messages; trying again");
            tokio::time::sleep(RETRY_AFTER).await;
        }
    }
}
