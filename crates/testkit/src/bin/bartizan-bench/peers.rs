//! The same lines into our server, DuckDB and chdb, one after the other.

use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use bartizan_base::Ticks;
use bartizan_base::time::TICKS_PER_SECOND;
use bartizan_testkit::real::programs::{capture, repository};
use bartizan_testkit::real::server::{Client, Server};
use bytes::Bytes;
use serde_json::Value;
use uuid::Uuid;

use crate::events::{self, BATCH_ROWS, TABLE, Template};
use crate::process;
use crate::report::{Report, thousands};
use crate::sender::Sender;

/// Batches of lines in one request: eight megabytes, of the 32 that the door takes.
const REQUEST_BATCHES: usize = 15;

/// Queries whose answers must not change when rows are sorted: numbers, texts that repeat, texts that do not, times.
/// Failed logons are of every twentieth host.
const CHECKS: [&str; 4] = [
    "EventID == 4625 and Computer startswith 'host-02'",
    "Account endswith 'user123'",
    "CommandLine contains 'DEAD'",
    "TimeGenerated > datetime(2020-01-01) and LogonType in (3, 4)",
];

/// A server that uses less than this a second, for so many seconds, has nothing left to do.
const IDLE_CPU_SECONDS: f64 = 0.15;
const IDLE_SECONDS: u32 = 5;
/// It is not waited for longer.
const IDLE_AFTER: Duration = Duration::from_secs(180);

/// Our load.
struct Load {
    rows_per_second: f64,
    cpu_seconds: f64,
    client_cpu_seconds: f64,
    /// Processor time that was used afterwards, until all rows were sorted.
    sorted: f64,
}

pub(crate) async fn run(
    python: &Path,
    rows: usize,
    connections: usize,
    report: &mut Report,
) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let lines = folder.path().join("events.ndjson");
    let batches = rows.div_ceil(BATCH_ROWS);
    let requests = write_lines(&lines, batches)?;
    let rows = batches * BATCH_ROWS;
    let ours = ours(&lines, requests, rows, connections).await?;
    let script = repository().join("crates/testkit/src/bin/bartizan-bench/load_peers.py");
    let printed = capture(Command::new(python).arg(script).arg(&lines).arg(folder.path()))?;
    let theirs: Value = serde_json::from_str(printed.trim()).with_context(|| printed.clone())?;
    report.add(
        format!("{} rows from one file: bartizan, over HTTP, durable", thousands(rows as u64)),
        format!(
            "{} rows/s, {:.1} s of processor time, and {:.1} s of the client's",
            thousands(ours.rows_per_second as u64),
            ours.cpu_seconds,
            ours.client_cpu_seconds
        ),
        "",
    );
    report.add(
        "sorting, indexing and compressing them afterwards",
        format!("{:.1} s of processor time", ours.sorted),
        "",
    );
    let mut best: f64 = 0.0;
    for peer in theirs.as_array().into_iter().flatten() {
        let (name, version) =
            (peer["name"].as_str().unwrap_or_default(), peer["version"].as_str().unwrap_or_default());
        let number = |field: &str| peer[field].as_f64().unwrap_or_default();
        anyhow::ensure!(number("rows") as usize == rows, "{name} has {} of {rows} rows", number("rows"));
        let rate = rows as f64 / number("seconds");
        best = best.max(rate);
        report.add(
            format!("the same rows: {name} {version}, bulk load"),
            format!("{} rows/s, {:.1} s of processor time", thousands(rate as u64), number("cpu")),
            "",
        );
    }
    anyhow::ensure!(best > 0.0, "no peer loaded anything: {printed}");
    report.add("ratio to the faster of the two", format!("{:.2}", ours.rows_per_second / best), "1.0");
    Ok(())
}

/// Where the lines of a request are in the file.
type Part = (u64, usize);

/// Writes the lines; tells which of them are a request.
fn write_lines(path: &Path, batches: usize) -> anyhow::Result<Vec<Part>> {
    let mut file = std::fs::File::create(path)?;
    let (mut template, start) = (Template::new(11), events::now());
    let (mut parts, mut written): (Vec<Part>, u64) = (Vec::new(), 0);
    for batch in 0..batches {
        let body = template.batch(Ticks(start.0 + batch as i64 * TICKS_PER_SECOND));
        file.write_all(&body)?;
        match parts.last_mut() {
            Some((_, len)) if !batch.is_multiple_of(REQUEST_BATCHES) => *len += body.len(),
            _ => parts.push((written, body.len())),
        }
        written += body.len() as u64;
    }
    Ok(parts)
}

/// The lines of the file into our server, several requests at a time.
async fn ours(lines: &Path, requests: Vec<Part>, rows: usize, connections: usize) -> anyhow::Result<Load> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(folder.path())?;
    let owner = server.owner().await?;
    let rule = owner.data_collection_rule().await?;
    let token = server.token("Monitoring Metrics Publisher").await?;
    let (requests, next) = (Arc::new(requests), Arc::new(std::sync::atomic::AtomicUsize::new(0)));
    let file = Arc::new(std::fs::File::open(lines)?);
    let (cpu, own_cpu) = (process::cpu_seconds(server.process.pid()), process::own_cpu_seconds());
    let started = Instant::now();
    let mut tasks = Vec::new();
    for _ in 0..connections {
        let (requests, next, file) = (Arc::clone(&requests), Arc::clone(&next), Arc::clone(&file));
        let sender = Sender::of_large_bodies(&server, &rule, &token)?;
        tasks.push(tokio::spawn(async move {
            let (source, mut seq) = (Uuid::new_v4(), 0_u64);
            while let Some((from, len)) =
                requests.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)).copied()
            {
                let mut body = vec![0; len];
                file.read_exact_at(&mut body, from)?;
                seq += 1;
                let batch = format!("{source}/{seq}");
                sender.send(&format!("Microsoft-{TABLE}"), Bytes::from(body), Some(&batch)).await?;
            }
            anyhow::Ok(())
        }));
    }
    for task in tasks {
        task.await??;
    }
    let seconds = started.elapsed().as_secs_f64();
    let cpu_seconds = process::cpu_seconds(server.process.pid()) - cpu;
    let client_cpu_seconds = process::own_cpu_seconds() - own_cpu;
    let stored = owner.count(&format!("{TABLE} | count")).await?;
    anyhow::ensure!(stored as usize == rows, "{rows} rows were acknowledged and {stored} are stored");
    let before = answers(&owner).await?;
    let sorted = until_idle(server.process.pid()).await;
    let after = answers(&owner).await?;
    anyhow::ensure!(before == after, "before rows were sorted {before:?}, and afterwards {after:?}");
    Ok(Load { rows_per_second: rows as f64 / seconds, cpu_seconds, client_cpu_seconds, sorted })
}

/// What some queries find.
async fn answers(owner: &Client) -> anyhow::Result<Vec<u64>> {
    let mut counts = Vec::new();
    for filter in CHECKS {
        counts.push(owner.count(&format!("{TABLE} | where {filter} | count")).await?);
    }
    anyhow::ensure!(counts.iter().all(|count| *count > 0), "a query finds nothing: {counts:?}");
    Ok(counts)
}

/// The processor time that a server uses until it has nothing left to do.
async fn until_idle(pid: u32) -> f64 {
    let before = process::cpu_seconds(pid);
    let (mut used, mut idle) = (before, 0);
    let until = Instant::now() + IDLE_AFTER;
    while idle < IDLE_SECONDS && Instant::now() < until {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let now = process::cpu_seconds(pid);
        idle = if now - used < IDLE_CPU_SECONDS { idle + 1 } else { 0 };
        used = now;
    }
    used - before
}
