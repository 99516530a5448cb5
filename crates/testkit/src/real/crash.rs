//! Kills the server again and again while senders send and readers read, and then counts what is there:
//! every acknowledged row once, and no other row twice.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::real::server::{Client, Server};

/// Senders beside one another.
const SENDERS: u64 = 4;
/// Rows in a batch, at most.
const BATCH_ROWS_MAX: u64 = 200;
/// Rows of a sender that one query counts at the end.
const SLICE: u64 = 1_000_000;
/// The longest life of a server, in milliseconds.
const LIFE_MS_MAX: u64 = 4_000;

/// What a run found.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    pub kills: u64,
    /// Rows that were acknowledged; exactly these are stored.
    pub rows: u64,
    /// Batches that had to be sent more than once.
    pub repeats: u64,
    /// Queries that were answered meanwhile.
    pub queries: u64,
}

/// Runs for `length` with the data in `folder`. The same seed kills at the same moments.
///
/// # Errors
/// When a row is lost or doubled, or the server does not come back.
pub async fn run(folder: &Path, length: Duration, seed: u64) -> anyhow::Result<Outcome> {
    let mut server = Server::start(folder)?;
    let owner = Arc::new(server.owner().await?);
    let rule = owner.data_collection_rule().await?;
    let token = server.token("Monitoring Metrics Publisher").await?;
    let stop = Arc::new(AtomicBool::new(false));
    let (repeats, queries) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let url =
        format!("{}/dataCollectionRules/{rule}/streams/Microsoft-Syslog?api-version=2023-01-01", server.url);
    let mut senders = Vec::new();
    for number in 0..SENDERS {
        let sender = Sender { http: server.http()?, url: url.clone(), token: token.clone(), number };
        let (stop, repeats) = (Arc::clone(&stop), Arc::clone(&repeats));
        senders.push(tokio::spawn(async move { sender.run(&stop, &repeats, seed).await }));
    }
    let reader = tokio::spawn(read(Arc::clone(&owner), Arc::clone(&stop), Arc::clone(&queries)));

    let mut rng = StdRng::seed_from_u64(seed);
    let until = Instant::now() + length;
    let mut kills = 0;
    while Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(rng.random_range(0..LIFE_MS_MAX))).await;
        // Blocks for the time of a start, which is the time that senders have nobody to send to.
        tokio::task::block_in_place(|| server.restart()).with_context(|| format!("after kill {kills}"))?;
        kills += 1;
    }
    stop.store(true, Ordering::Relaxed);
    let mut rows = 0;
    for (number, sender) in senders.into_iter().enumerate() {
        let sent = sender.await??;
        check(&owner, number as u64, sent).await.with_context(|| format!("seed {seed}, {kills} kills"))?;
        rows += sent;
    }
    reader.await??;
    let stored = owner.count("Syslog | where Facility == 'crash' | count").await?;
    ensure!(stored == rows, "{rows} rows were acknowledged and {stored} are stored");
    let (repeats, queries) = (repeats.load(Ordering::Relaxed), queries.load(Ordering::Relaxed));
    Ok(Outcome { kills, rows, repeats, queries })
}

/// Every row of a sender has a number; those of acknowledged batches are 0 up to `sent`. They are counted a slice of
/// numbers at a time, so that the count of an hour's rows takes no more memory or time in one query than a minute's.
async fn check(owner: &Client, sender: u64, sent: u64) -> anyhow::Result<()> {
    let rows = format!("Syslog | where Facility == 'crash' and Computer == 's{sender}'");
    let whole = format!("{rows} | summarize rows = count(), least = min(ProcessID), most = max(ProcessID)");
    let found = numbers(owner, &whole, ["rows", "least", "most"]).await?;
    let last = sent.saturating_sub(1);
    ensure!(
        found == [sent, 0, last],
        "sender {sender} had {sent} rows acknowledged, numbered 0 to {last}; stored are {found:?} (rows, first, last)"
    );
    for first in (0..sent).step_by(SLICE as usize) {
        let wanted = SLICE.min(sent - first);
        let slice = format!(
            "{rows} and ProcessID >= {first} and ProcessID < {} | summarize copies = count() by ProcessID \
             | summarize ids = count(), rows = sum(copies)",
            first + wanted
        );
        let found = numbers(owner, &slice, ["ids", "rows"]).await?;
        ensure!(
            found == [wanted, wanted],
            "of {wanted} rows of sender {sender} from number {first} on, stored are {found:?} (numbers, rows)"
        );
    }
    Ok(())
}

/// Columns of the only row of an answer.
async fn numbers<const N: usize>(owner: &Client, kql: &str, names: [&str; N]) -> anyhow::Result<[u64; N]> {
    let rows = owner.query(kql).await?;
    Ok(names.map(|name| rows.first().and_then(|row| row[name].as_u64()).unwrap_or_default()))
}

struct Sender {
    http: reqwest::Client,
    url: String,
    token: String,
    number: u64,
}

impl Sender {
    /// Sends numbered rows until it is told to stop. Returns how many were acknowledged.
    async fn run(&self, stop: &AtomicBool, repeats: &AtomicU64, seed: u64) -> anyhow::Result<u64> {
        let mut rng = StdRng::seed_from_u64(seed.wrapping_add(self.number));
        let source = Uuid::new_v4();
        let (mut next, mut batch) = (0, 0_u64);
        while !stop.load(Ordering::Relaxed) {
            batch += 1;
            let count = rng.random_range(1..=BATCH_ROWS_MAX);
            let rows: Vec<Value> = (next..next + count)
                .map(|id| {
                    json!({"Computer": format!("s{}", self.number), "Facility": "crash", "ProcessID": id,
                           "SyslogMessage": format!("row {id} of sender {}", self.number)})
                })
                .collect();
            self.send(&Value::from(rows), &format!("{source}/{batch}"), repeats).await?;
            next += count;
        }
        Ok(next)
    }

    /// Sends one batch until it is acknowledged.
    async fn send(&self, rows: &Value, batch: &str, repeats: &AtomicU64) -> anyhow::Result<()> {
        for attempt in 0..2_000 {
            let request =
                self.http.post(&self.url).bearer_auth(&self.token).header("x-bartizan-batch", batch);
            match request.json(rows).send().await {
                Ok(answer) if answer.status().is_success() => {
                    repeats.fetch_add(u64::from(attempt > 0), Ordering::Relaxed);
                    return Ok(());
                }
                Ok(answer) if answer.status().is_client_error() && answer.status().as_u16() != 429 => {
                    anyhow::bail!("batch {batch}: {} {}", answer.status(), answer.text().await?);
                }
                // Killed, or not up again, or busy.
                Ok(_) | Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
        anyhow::bail!("batch {batch} was never acknowledged")
    }
}

/// Asks how many rows there are, all the time. The count never falls, whatever is killed.
async fn read(owner: Arc<Client>, stop: Arc<AtomicBool>, queries: Arc<AtomicU64>) -> anyhow::Result<()> {
    let mut before = 0;
    while !stop.load(Ordering::Relaxed) {
        match owner.count("Syslog | where Facility == 'crash' | count").await {
            Ok(count) => {
                ensure!(count >= before, "{before} rows were visible, then {count}");
                before = count;
                queries.fetch_add(1, Ordering::Relaxed);
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
    Ok(())
}
