//! The store without a server around it: what decoding costs, what rows take on disk, what a plan costs when the
//! manifest has a million files.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bartizan_base::time::{TICKS_PER_DAY, TICKS_PER_SECOND};
use bartizan_base::{ManualClock, TenantId, Ticks, WorkspaceId};
use bartizan_engine::{Engine, EngineOptions, QueryLimits, QueryRequest};
use bartizan_schema::TableRegistry;
use bartizan_store::decode::{Layout, Stamp};
use bartizan_store::disk::{Disk, DiskFile, Entries, LocalDisk};
use bartizan_store::{AppendTarget, Store, StoreOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use uuid::Uuid;

use crate::events::{BATCH_ROWS, TABLE, Template};
use crate::process;
use crate::report::{Report, bytes, thousands, time};

/// Rows between two flushes: what a busy table gathers in a few seconds.
const FLUSH_ROWS: usize = 100_000;
/// Days that the files of the manifest are spread over.
const MANIFEST_DAYS: i64 = 90;
/// The moment that stands still here.
const NOW: &str = "2026-03-01T12:00:00Z";

fn workspace() -> WorkspaceId {
    WorkspaceId(Uuid::from_u128(0xA))
}

fn target() -> AppendTarget {
    AppendTarget::new(workspace(), TenantId(Uuid::from_u128(0xB)), TABLE)
}

/// JSON to Arrow on one core.
pub(crate) fn decode(report: &mut Report) -> anyhow::Result<()> {
    let tables = TableRegistry::shipped()?;
    let layout = Layout::new(Arc::clone(tables.get(TABLE).ok_or_else(|| anyhow::anyhow!("no {TABLE}"))?));
    let now = Ticks::parse(NOW)?;
    let (body, stamp) = (Template::new(0).batch(now), Stamp::new(&target(), now));
    let until = Instant::now() + Duration::from_secs(3);
    let (used, mut rows) = (process::thread_cpu_seconds(), 0);
    while Instant::now() < until {
        rows += layout.decode(&body, &stamp)?.batch.num_rows();
    }
    let used = process::thread_cpu_seconds() - used;
    report.add("JSON to Arrow, rows a second and core", thousands((rows as f64 / used) as u64), "1,000,000");
    Ok(())
}

/// What `rows` rows take on disk when all merges are done, beside the JSON they came as.
pub(crate) async fn disk(rows: usize, report: &mut Report) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let store = open(folder.path(), Arc::new(LocalDisk)).await?;
    let (mut template, mut raw) = (Template::new(7), 0);
    let start = Ticks::parse(NOW)?;
    let batches = rows.div_ceil(BATCH_ROWS);
    for batch in 0..batches {
        let body = template.batch(Ticks(start.0 + batch as i64 * TICKS_PER_SECOND));
        raw += body.len() as u64;
        store.append_json(target(), body).await?;
        if (batch + 1) % (FLUSH_ROWS / BATCH_ROWS) == 0 || batch + 1 == batches {
            store.flush().await?;
        }
    }
    let before = files(&store)?;
    let mut after = before;
    loop {
        store.maintain(start).await?;
        let found = files(&store)?;
        if found.0 == after.0 {
            break;
        }
        after = found;
    }
    store.close().await;
    report.add(
        format!("on disk, {} rows, part of their JSON after merging", thousands(rows as u64)),
        format!(
            "{:.1} % ({} of {}, {} files)",
            100.0 * after.1 as f64 / raw as f64,
            bytes(after.1),
            bytes(raw),
            after.0
        ),
        "12 %",
    );
    report.add(
        "the same before merging",
        format!("{:.1} % ({} files)", 100.0 * before.1 as f64 / raw as f64, before.0),
        "",
    );
    Ok(())
}

/// Number and size of the table's files.
fn files(store: &Store) -> anyhow::Result<(usize, u64)> {
    let snapshot = store.snapshot(workspace(), &[TABLE])?;
    let files = || snapshot.tables.values().flat_map(|table| &table.files);
    Ok((files().count(), files().map(|file| file.size_bytes).sum()))
}

async fn open(folder: &Path, disk: Arc<dyn Disk>) -> anyhow::Result<Store> {
    let control = SqliteConnectOptions::new().filename(folder.join("control.db")).create_if_missing(true);
    let pool = SqlitePoolOptions::new().connect_with(control).await?;
    let options = StoreOptions {
        clock: Arc::new(ManualClock::new(Ticks::parse(NOW)?)),
        disk,
        background: false,
        delta: None,
        ..StoreOptions::new(folder.join("logs"), pool)
    };
    Ok(Store::open(options, TableRegistry::shipped()?).await?)
}

/// What planning a query over one hour costs while the manifest has `count` files.
pub(crate) async fn manifest(count: usize, report: &mut Report) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let now = Ticks::parse(NOW)?;
    open(folder.path(), Arc::new(LocalDisk)).await?.close().await;
    let step = (MANIFEST_DAYS * TICKS_PER_DAY / count as i64).max(1);
    let days = list_files(folder.path(), now, count, step).await?;
    let disk = Arc::new(NamedFiles { inner: LocalDisk, days });
    let before = process::resident_bytes(std::process::id());
    let (started, used) = (Instant::now(), process::own_cpu_seconds());
    let store = open(folder.path(), disk).await?;
    let (opened, used) = (started.elapsed(), process::own_cpu_seconds() - used);
    let held = process::resident_bytes(std::process::id()).saturating_sub(before);
    let engine = Engine::new(store.clone(), EngineOptions::default())?;
    let (mut times, mut plans) = (Vec::new(), Vec::new());
    for _ in 0..11 {
        let request = QueryRequest {
            workspace: workspace(),
            text: format!(
                "{TABLE} | where TimeGenerated > ago(1h) and EventID == 4625 | summarize count() by Computer"
            ),
            timespan: None,
            now,
            principal: String::new(),
            ingested: None,
            limits: QueryLimits::default(),
        };
        let asked = Instant::now();
        plans = engine.plan(request).await?;
        times.push(asked.elapsed());
    }
    times.sort();
    // a plan that names no file was made for the wrong hour
    let named = plans.iter().map(|plan| plan.to_string().matches(".parquet").count()).sum::<usize>();
    anyhow::ensure!(named > 0, "the plan names no file: {plans:?}");
    report.add(
        format!("plan of a query over an hour, {} files in the manifest, median", thousands(count as u64)),
        time(times[times.len() / 2]),
        "20 ms",
    );
    report.add(
        "opening that manifest; memory held for it",
        format!("{} ({used:.1} s of processor time), {}", time(opened), bytes(held)),
        "2 s, 500 MB",
    );
    store.close().await;
    Ok(())
}

/// Names files in the manifest that are not there, `step` ticks of rows in each, the newest ending at `now`.
async fn list_files(
    folder: &Path,
    now: Ticks,
    count: usize,
    step: i64,
) -> anyhow::Result<BTreeMap<PathBuf, Range<i64>>> {
    let pool = SqlitePoolOptions::new()
        .connect_with(SqliteConnectOptions::new().filename(folder.join("control.db")))
        .await?;
    let mut days: BTreeMap<PathBuf, Range<i64>> = BTreeMap::new();
    let mut tx = pool.begin().await?;
    for n in 0..count as i64 {
        let (from, to) = (now.0 - (n + 1) * step, now.0 - n * step - 1);
        let day = from.div_euclid(TICKS_PER_DAY);
        let dir = format!("data/{}/{TABLE}/{day}", workspace());
        sqlx::query(
            "INSERT INTO store_files (workspace, table_name, path, day, size_bytes, rows, time_min, time_max, seq_min,
                                      seq_max, sorted_by, crc, received)
             VALUES (?1, ?2, ?3, ?4, 40000000, 1000000, ?5, ?6, ?7, ?7, 'EventID,Computer,TimeGenerated,__seq', 0, ?6)",
        )
        .bind(workspace().0.as_bytes().as_slice())
        .bind(TABLE)
        .bind(format!("{dir}/{}", file_name(n)))
        .bind(day)
        .bind(from)
        .bind(to)
        .bind(count as i64 - n)
        .execute(&mut *tx)
        .await?;
        days.entry(folder.join("logs").join(dir)).or_insert(n..n).end = n + 1;
    }
    tx.commit().await?;
    pool.close().await;
    Ok(days)
}

/// The machine's disk, and files that only have names: planning reads none.
#[derive(Debug)]
struct NamedFiles {
    inner: LocalDisk,
    /// The numbers of the files in each day's folder.
    days: BTreeMap<PathBuf, Range<i64>>,
}

fn file_name(n: i64) -> String {
    format!("{n:032x}.parquet")
}

impl Disk for NamedFiles {
    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        self.inner.create_dir_all(path)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.inner.create(path)
    }

    fn open_append(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.inner.open_append(path)
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.inner.read(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.inner.rename(from, to)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        self.inner.list(dir)
    }

    fn entries(&self, dir: &Path) -> io::Result<Entries> {
        if let Some(named) = self.days.get(dir) {
            let files = named.clone().map(|n| dir.join(file_name(n))).collect();
            return Ok(Entries { files, folders: Vec::new() });
        }
        let mut folders: Vec<PathBuf> = self
            .days
            .keys()
            .filter_map(|day| Some(dir.join(day.strip_prefix(dir).ok()?.components().next()?)))
            .collect();
        folders.dedup();
        if folders.is_empty() { self.inner.entries(dir) } else { Ok(Entries { files: Vec::new(), folders }) }
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.inner.remove(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.inner.sync_dir(dir)
    }

    fn free_bytes(&self, dir: &Path) -> io::Result<u64> {
        self.inner.free_bytes(dir)
    }
}
