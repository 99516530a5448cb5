//! The same lines into our server, DuckDB and chdb, one after the other.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use bartizan_base::Ticks;
use bartizan_base::time::TICKS_PER_SECOND;
use bartizan_testkit::real::programs::{capture, repository};
use bartizan_testkit::real::server::Server;
use bytes::Bytes;
use serde_json::Value;
use uuid::Uuid;

use crate::events::{self, BATCH_ROWS, TABLE, Template};
use crate::process;
use crate::report::{Report, thousands};
use crate::sender::Sender;

/// Batches of lines in one request: some megabytes, of the 32 that the door takes.
const REQUEST_BATCHES: usize = 4;

/// One engine's load.
struct Load {
    rows_per_second: f64,
    cpu_seconds: f64,
}

pub(crate) async fn run(
    python: &Path,
    rows: usize,
    connections: usize,
    report: &mut Report,
) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let lines = folder.path().join("events.ndjson");
    let batches = write_lines(&lines, rows.div_ceil(BATCH_ROWS))?;
    let rows = batches.len() * BATCH_ROWS;
    let requests = batches.chunks(REQUEST_BATCHES).map(|batches| Bytes::from(batches.concat())).collect();
    let ours = ours(requests, rows, connections).await?;
    let script = repository().join("crates/testkit/src/bin/bartizan-bench/load_peers.py");
    let printed = capture(Command::new(python).arg(script).arg(&lines).arg(folder.path()))?;
    let theirs: Value = serde_json::from_str(printed.trim()).with_context(|| printed.clone())?;
    report.add(
        format!("{} rows from one file: bartizan, over HTTP, durable", thousands(rows as u64)),
        format!(
            "{} rows/s, {:.1} s of processor time",
            thousands(ours.rows_per_second as u64),
            ours.cpu_seconds
        ),
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

/// Writes the lines and keeps them.
fn write_lines(path: &Path, batches: usize) -> anyhow::Result<Vec<Bytes>> {
    let mut file = std::fs::File::create(path)?;
    let (mut template, start) = (Template::new(11), events::now());
    (0..batches)
        .map(|batch| {
            let body = template.batch(Ticks(start.0 + batch as i64 * TICKS_PER_SECOND));
            file.write_all(&body)?;
            Ok(body)
        })
        .collect()
}

/// The lines into our server, several requests at a time.
async fn ours(requests: Vec<Bytes>, rows: usize, connections: usize) -> anyhow::Result<Load> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(folder.path())?;
    let owner = server.owner().await?;
    let rule = owner.data_collection_rule().await?;
    let token = server.token("Monitoring Metrics Publisher").await?;
    let (requests, next) = (Arc::new(requests), Arc::new(std::sync::atomic::AtomicUsize::new(0)));
    let cpu = process::cpu_seconds(server.process.pid());
    let started = Instant::now();
    let mut tasks = Vec::new();
    for _ in 0..connections {
        let (requests, next) = (Arc::clone(&requests), Arc::clone(&next));
        let sender = Sender::new(&server, &rule, &token)?;
        tasks.push(tokio::spawn(async move {
            let (source, mut seq) = (Uuid::new_v4(), 0_u64);
            while let Some(body) = requests.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) {
                seq += 1;
                let batch = format!("{source}/{seq}");
                sender.send(&format!("Microsoft-{TABLE}"), body.clone(), Some(&batch)).await?;
            }
            anyhow::Ok(())
        }));
    }
    for task in tasks {
        task.await??;
    }
    let seconds = started.elapsed().as_secs_f64();
    let cpu_seconds = process::cpu_seconds(server.process.pid()) - cpu;
    let stored = owner.count(&format!("{TABLE} | count")).await?;
    anyhow::ensure!(stored as usize == rows, "{rows} rows were acknowledged and {stored} are stored");
    Ok(Load { rows_per_second: rows as f64 / seconds, cpu_seconds })
}
