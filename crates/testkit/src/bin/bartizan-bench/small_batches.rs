//! Many tables, many sources, many small batches: what agents of ten thousand machines send. Rows must not end up
//! in ever more small files.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bartizan_base::Ticks;
use bartizan_testkit::real::server::Server;
use bytes::Bytes;
use serde_json::json;
use sqlx::Row as _;
use sqlx::sqlite::SqliteConnectOptions;
use uuid::Uuid;

use crate::events;
use crate::process;
use crate::report::{Report, at_percent, bytes, thousands, time};
use crate::sender::Sender;

const TABLES: u64 = 30;
const SOURCES: u64 = 10_000;
/// Batches a second, of all connections: above the bar, because what is sent at a rate never arrives faster.
const RATE: u64 = 1_200;
/// Rows in a batch.
const ROWS: u64 = 5;

pub(crate) async fn run(seconds: u64, connections: usize, report: &mut Report) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(folder.path())?;
    let pid = server.process.pid();
    let owner = server.owner().await?;
    let rule = owner.data_collection_rule().await?;
    let token = server.token("Monitoring Metrics Publisher").await?;
    for table in 0..TABLES {
        let path = format!("{}/tables/{}?api-version=2022-10-01", owner.session("workspaceId"), name(table));
        let columns =
            [("TimeGenerated", "datetime"), ("Computer", "string"), ("Message", "string"), ("N", "long")];
        let columns: Vec<_> = columns.iter().map(|(name, ty)| json!({"name": name, "type": ty})).collect();
        owner
            .put(&path, json!({"properties": {"schema": {"name": name(table), "columns": columns}}}))
            .await?;
    }
    let cpu = process::cpu_seconds(pid);
    let started = Instant::now();
    let batches = seconds * RATE;
    let next = Arc::new(std::sync::atomic::AtomicU64::new(0));
    let mut tasks = Vec::new();
    // Small batches wait for the disk's sync, which several share: more requests at a time than connections.
    for _ in 0..connections * 8 {
        let (sender, next) = (Sender::new(&server, &rule, &token)?, Arc::clone(&next));
        tasks.push(tokio::spawn(async move {
            let mut waits = Vec::new();
            loop {
                let number = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                if number >= batches {
                    return anyhow::Ok(waits);
                }
                let due = started + Duration::from_micros(number * 1_000_000 / RATE);
                tokio::time::sleep_until(due.into()).await;
                let (source, seq) = (number % SOURCES, number / SOURCES + 1);
                // Every source sends to its own table, so that its numbers count up in one place.
                let stream = format!("Custom-{}", name(source % TABLES));
                let batch = format!("{}/{seq}", Uuid::from_u128(0x5eed_0000 + u128::from(source)));
                sender.send(&stream, body(source, number, events::now()), Some(&batch)).await?;
                // What waited for its turn counts from when it was due.
                waits.push(due.elapsed());
            }
        }));
    }
    let mut most = BTreeMap::new();
    let mut waits = Vec::new();
    let mut watch = tokio::time::interval(Duration::from_secs(10));
    let mut all = futures::future::join_all(tasks);
    let done = loop {
        tokio::select! {
            done = &mut all => break done,
            _ = watch.tick() => most.extend([files(folder.path()).await?].map(|found| (found, ()))),
        }
    };
    for task in done {
        waits.extend(task??);
    }
    let took = started.elapsed().as_secs_f64();
    let cpu = process::cpu_seconds(pid) - cpu;
    // Until the last rows are in files: a minute's age, a second's tick.
    tokio::time::sleep(Duration::from_secs(65)).await;
    let end = files(folder.path()).await?;
    most.insert(end, ());
    let rows: u64 = {
        let tables: Vec<String> = (0..TABLES).map(name).collect();
        owner.count(&format!("union {} | count", tables.join(", "))).await?
    };
    anyhow::ensure!(
        rows == batches * ROWS,
        "{} rows were acknowledged and {rows} are stored",
        batches * ROWS
    );
    waits.sort();
    report.add(
        format!("small batches: {TABLES} tables, {} sources, over {took:.0} s", thousands(SOURCES)),
        format!("{} batches/s of {ROWS} rows", thousands((batches as f64 / took) as u64)),
        "1,000",
    );
    report.add(
        "small batches: acknowledgement, median, 99 of 100 within",
        format!("{}, {}", time(at_percent(&waits, 50)), time(at_percent(&waits, 99))),
        "250 ms",
    );
    let most = most.keys().map(|(files, _)| *files).max().unwrap_or_default();
    report.add(
        "small batches: files in the manifest, most and in the end",
        format!("{most}, {} ({} a table)", end.0, end.0 / TABLES),
        &format!("{} (merged from 8 on)", 8 * TABLES),
    );
    report.add(
        "small batches: server's processor time, peak memory",
        format!("{cpu:.1} s, {}", bytes(process::peak_bytes(pid))),
        "",
    );
    Ok(())
}

fn name(table: u64) -> String {
    format!("Bench{table:02}_CL")
}

fn body(source: u64, number: u64, at: Ticks) -> Bytes {
    let rows: Vec<_> = (0..ROWS)
        .map(|row| {
            json!({"TimeGenerated": at, "Computer": format!("host-{source:05}"), "N": number * ROWS + row,
                   "Message": format!("unit {} of host {source} changed its state to active", number % 97)})
        })
        .collect();
    Bytes::from(serde_json::Value::from(rows).to_string())
}

/// How many files of the bench's tables the manifest has, and their rows.
async fn files(folder: &Path) -> anyhow::Result<(u64, u64)> {
    let control = SqliteConnectOptions::new().filename(folder.join("control.db")).read_only(true);
    let pool = sqlx::SqlitePool::connect_with(control).await?;
    let row = sqlx::query(
        "SELECT count(*), coalesce(sum(rows), 0) FROM store_files WHERE table_name LIKE 'Bench%'",
    )
    .fetch_one(&pool)
    .await?;
    let found = (row.try_get::<i64, _>(0)? as u64, row.try_get::<i64, _>(1)? as u64);
    pool.close().await;
    Ok(found)
}
