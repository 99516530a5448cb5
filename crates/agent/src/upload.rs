//! From spool to server, one record at a time and in order.
//!
//! The store keeps the highest number per source, so a record must be settled (stored or refused for good)
//! before the next is sent; sending two at once could make the earlier one look like a repeat.

use std::sync::Arc;
use std::time::Duration;

use bartizan_base::BatchId;
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
use crate::spool::{Encoding, Record, Spool};

/// One upload.
#[derive(Clone, Debug)]
pub struct Upload {
    /// Immutable id of the data collection rule.
    pub rule: String,
    pub stream: String,
    pub batch: BatchId,
    pub encoding: Encoding,
    pub body: Bytes,
}

/// What became of an upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Durable at the server, now or by an earlier try.
    Stored,
    /// The server will never take this body.
    Rejected(String),
    /// The server does not know this content encoding.
    UnknownEncoding(String),
    /// Not now.
    Later { reason: String, retry_after: Option<Duration> },
}

/// The door for rows. The server client is one; tests have others.
#[async_trait::async_trait]
pub trait Ingest: Send + Sync {
    /// Sends one upload and waits for the answer.
    async fn upload(&self, upload: &Upload) -> Outcome;
}

/// How a delivery goes, for health reports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliveryState {
    pub uploaded_rows: u64,
    pub failures_in_row: u32,
    /// The newest problem; empty once an upload succeeds.
    pub problem: String,
}

/// Where the destination is looked up before each try, because settings and certificates change under way.
pub trait Destination: Send + Sync {
    /// The door and the rule for this stream; `None` while there is no rule.
    fn current(&self) -> Option<(Arc<dyn Ingest>, String)>;
}

/// Empties one spool towards the server.
pub struct Uploader {
    pub stream: String,
    pub spool: Arc<Mutex<Spool>>,
    pub destination: Arc<dyn Destination>,
    /// Told after each append, and after each change of destination.
    pub wake: Arc<Notify>,
    pub state: Arc<Mutex<DeliveryState>>,
    pub backoff: Backoff,
}

impl std::fmt::Debug for Uploader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Uploader({})", self.stream)
    }
}

impl Uploader {
    /// Runs until `stop`. A record in flight at that moment stays in the spool.
    pub async fn run(mut self, stop: CancellationToken) {
        loop {
            let step = tokio::select! {
                () = stop.cancelled() => return,
                step = self.step() => step,
            };
            match step {
                Step::Delivered => {}
                Step::Empty => tokio::select! {
                    () = stop.cancelled() => return,
                    () = self.wake.notified() => {}
                },
                Step::Wait(wait) => tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(wait) => {}
                },
            }
        }
    }

    async fn step(&mut self) -> Step {
        let spool = self.spool.clone();
        let peeked = match on_disk(move || spool.lock().peek()).await {
            Ok(Some(record)) => record,
            Ok(None) => return Step::Empty,
            Err(error) => return self.postpone(format!("cannot read the spool: {error}"), None),
        };
        let Some((door, rule)) = self.destination.current() else {
            let problem = format!("no data collection rule takes the stream {}", self.stream);
            return self.postpone(problem, None);
        };
        match self.send(door.as_ref(), rule, &peeked).await {
            Outcome::Stored => {
                self.backoff.reset();
                self.note_success(peeked.rows);
                let spool = self.spool.clone();
                let acked = on_disk(move || spool.lock().ack(peeked.seq)).await;
                self.settled(acked)
            }
            Outcome::Rejected(reason) | Outcome::UnknownEncoding(reason) => {
                tracing::error!(
                    stream = self.stream,
                    seq = peeked.seq,
                    rows = peeked.rows,
                    reason,
                    "batch rejected"
                );
                self.state.lock().problem = format!("a batch was rejected: {reason}");
                let spool = self.spool.clone();
                let rejected = on_disk(move || spool.lock().reject(&peeked, &reason)).await;
                self.settled(rejected)
            }
            Outcome::Later { reason, retry_after } => self.postpone(reason, retry_after),
        }
    }

    async fn send(&self, door: &dyn Ingest, rule: String, record: &Record) -> Outcome {
        let mut upload = Upload {
            rule,
            stream: self.stream.clone(),
            batch: self.spool.lock().batch_id(record.seq),
            encoding: record.encoding,
            body: record.body.clone(),
        };
        let outcome = door.upload(&upload).await;
        if !matches!(outcome, Outcome::UnknownEncoding(_)) || upload.encoding == Encoding::Gzip {
            return outcome;
        }
        // Every ingestion door takes gzip; zstd is the lighter one for this machine, so it is tried first.
        let body = upload.body.clone();
        match on_disk(move || recode_to_gzip(&body)).await {
            Ok(body) => {
                upload.encoding = Encoding::Gzip;
                upload.body = body;
                door.upload(&upload).await
            }
            Err(error) => Outcome::Rejected(format!("the body cannot be unpacked: {error}")),
        }
    }

    fn note_success(&self, rows: u64) {
        let mut state = self.state.lock();
        state.uploaded_rows += rows;
        state.failures_in_row = 0;
        state.problem.clear();
    }

    fn settled(&mut self, result: std::io::Result<()>) -> Step {
        match result {
            Ok(()) => Step::Delivered,
            Err(error) => self.postpone(format!("cannot note an acknowledged batch: {error}"), None),
        }
    }

    fn postpone(&mut self, reason: String, retry_after: Option<Duration>) -> Step {
        let wait = self.backoff.next_wait();
        let mut state = self.state.lock();
        state.failures_in_row = self.backoff.failures();
        if state.problem != reason {
            tracing::warn!(stream = self.stream, reason, "upload postponed");
            state.problem = reason;
        }
        // The server's own wish is kept, but bounded: a wrong header must not silence a machine for a day.
        const RETRY_AFTER_MAX: Duration = Duration::from_secs(300);
        Step::Wait(retry_after.map_or(wait, |asked| asked.min(RETRY_AFTER_MAX).max(wait)))
    }
}

enum Step {
    Delivered,
    Empty,
    Wait(Duration),
}

/// Disk work off the event loop, so that a slow disk does not delay health reports.
pub(crate) async fn on_disk<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> std::io::Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(std::io::Error::other(error)))
}

fn recode_to_gzip(zstd_body: &[u8]) -> std::io::Result<Bytes> {
    let decoder = zstd::Decoder::new(zstd_body)?;
    let mut encoder = flate2::read::GzEncoder::new(decoder, flate2::Compression::fast());
    let mut out = Vec::new();
    std::io::Read::read_to_end(&mut encoder, &mut out)?;
    Ok(Bytes::from(out))
}
