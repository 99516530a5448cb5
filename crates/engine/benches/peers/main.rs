//! Twenty queries of a security team's over millions of events, for comparison with other engines.
//!
//! `peers generate FOLDER ROWS` fills a store through its own writer, so that the files are the product's;
//! `peers serve FOLDER` answers queries, one JSON line each (`{"kql": …}`), with the time they took; with
//! `"plan": true` it plans instead.
//! `compare.py` beside this file drives it and the peers; `cargo xtask bench query` starts that.

#![expect(clippy::print_stdout, reason = "a program that talks to its driver on stdout")]

mod events;

use std::io::{BufRead as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bartizan_base::{ManualClock, TenantId, WorkspaceId};
use bartizan_engine::{Engine, EngineOptions, QueryLimits, QueryRequest};
use bartizan_schema::TableRegistry;
use bartizan_store::{AppendTarget, Store, StoreOptions};
use serde_json::{Value, json};

/// The server's own: a query spends a fifth of its planning with the allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Rows of one file: what the store has after merging a busy table's small files.
const FILE_ROWS: usize = 1_000_000;
/// Rows of one append.
const BATCH_ROWS: usize = 20_000;
/// Threads of every engine that is compared.
const THREADS: usize = 2;
const TABLE: &str = "SecurityEvent";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["generate", folder, rows] => {
            runtime.block_on(generate(Path::new(folder), rows.parse().expect("a number of rows")));
        }
        ["serve", folder] => runtime.block_on(serve(Path::new(folder))),
        // `cargo bench` runs every benchmark without arguments; this one needs the driver.
        _ => println!("peers: generate FOLDER ROWS | serve FOLDER"),
    }
}

/// One workspace for all runs over a folder.
fn workspace() -> WorkspaceId {
    "00000000-0000-4000-8000-000000000001".parse().expect("an id")
}

async fn open(folder: &Path) -> Store {
    std::fs::create_dir_all(folder).expect("a folder");
    let control =
        sqlx::sqlite::SqliteConnectOptions::new().filename(folder.join("control.db")).create_if_missing(true);
    let pool = sqlx::SqlitePool::connect_with(control).await.expect("a database");
    let mut options = StoreOptions::new(folder.join("logs"), pool);
    options.clock = Arc::new(ManualClock::new(events::end()));
    options.background = false;
    options.flush_bytes = usize::MAX;
    options.buffer_bytes_max = 8 << 30;
    Store::open(options, TableRegistry::shipped().expect("shipped tables")).await.expect("a store")
}

async fn generate(folder: &Path, rows: usize) {
    let store = open(folder).await;
    let tenant = TenantId::random();
    let mut source = events::Source::new(rows);
    let mut made = 0;
    while made < rows {
        let batch: Vec<_> = source.by_ref().take(BATCH_ROWS).collect();
        made += batch.len();
        store.append_rows(AppendTarget::new(workspace(), tenant, TABLE), batch).await.expect("rows");
        if made % FILE_ROWS == 0 || made >= rows {
            store.flush().await.expect("files");
            println!("{made} rows");
        }
    }
    store.close().await;
}

async fn serve(folder: &Path) {
    let store = open(folder).await;
    let snapshot = store.snapshot(workspace(), &[TABLE]).expect("the table");
    let files: Vec<PathBuf> =
        snapshot.tables.values().flat_map(|table| &table.files).map(|file| file.path.clone()).collect();
    drop(snapshot);
    let options = EngineOptions { threads: THREADS, query_memory_bytes: 4 << 30, ..EngineOptions::default() };
    let engine = Engine::new(store, options).expect("an engine");
    say(&json!({ "files": files }));
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("a line");
        let asked: Value = serde_json::from_str(&line).expect("a JSON line");
        let text = asked["kql"].as_str().expect("a query");
        let limits = QueryLimits { timeout: Duration::from_secs(600), ..QueryLimits::default() };
        let request = QueryRequest {
            workspace: workspace(),
            text: text.to_owned(),
            timespan: None,
            now: events::end(),
            principal: String::new(),
            ingested: None,
            limits,
        };
        let started = Instant::now();
        let answer = if asked["plan"] == json!(true) {
            engine.check(workspace(), text);
            let checked = started.elapsed().as_secs_f64();
            // what a plan takes has parsing and binding in it
            let started = Instant::now();
            let plans = engine.plan(request).await;
            let planned = started.elapsed().as_secs_f64();
            plans.map(|plans| {
                let plans: Vec<String> = plans.iter().map(ToString::to_string).collect();
                json!({ "checked": checked, "planned": planned, "plans": plans })
            })
        } else {
            let rows = engine.query(request).await.map(|output| output.rows_json());
            let seconds = started.elapsed().as_secs_f64();
            rows.map(|rows| json!({ "seconds": seconds, "rows": rows }))
        };
        say(&answer.unwrap_or_else(|error| json!({ "error": error.to_string() })));
    }
}

fn say(value: &Value) {
    println!("{value}");
    std::io::stdout().flush().expect("a driver that listens");
}
