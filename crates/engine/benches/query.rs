//! Typical queries over a hundred thousand process events in files: a count by hour, a text search, a point
//! lookup, a group-by with `arg_max`, a join.

use std::sync::LazyLock;
use std::time::Duration;

use bartizan_base::{ManualClock, TenantId, Ticks, WorkspaceId};
use bartizan_engine::{Engine, EngineOptions, QueryLimits, QueryRequest};
use bartizan_schema::TableRegistry;
use bartizan_store::{AppendTarget, Store, StoreOptions};
use serde_json::json;
use tokio::runtime::Runtime;

/// Rows of the table.
const ROWS: usize = 100_000;

fn main() {
    divan::main();
}

struct Bench {
    runtime: Runtime,
    engine: Engine,
    workspace: WorkspaceId,
    _dir: tempfile::TempDir,
}

static BENCH: LazyLock<Bench> = LazyLock::new(Bench::prepare);

impl Bench {
    fn prepare() -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let runtime = Runtime::new().expect("a runtime");
        let workspace = WorkspaceId::random();
        let path = dir.path().to_owned();
        let engine = runtime.block_on(async move {
            let control = sqlx::sqlite::SqliteConnectOptions::new()
                .filename(path.join("control.db"))
                .create_if_missing(true);
            let pool = sqlx::SqlitePool::connect_with(control).await.expect("a database");
            let mut options = StoreOptions::new(path.join("logs"), pool);
            options.clock = std::sync::Arc::new(ManualClock::new(now()));
            let tables = TableRegistry::shipped().expect("shipped tables");
            let store = Store::open(options, tables).await.expect("a store");
            for from in (0..ROWS).step_by(10_000) {
                let rows = (from..from + 10_000).map(row).collect();
                let to = AppendTarget {
                    workspace,
                    tenant: TenantId::random(),
                    table: "DeviceProcessEvents".to_owned(),
                    batch: None,
                    resource_id: None,
                    force: Default::default(),
                };
                store.append_rows(to, rows).await.expect("rows");
            }
            store.flush().await.expect("files");
            Engine::new(store, EngineOptions::default()).expect("an engine")
        });
        Self { runtime, engine, workspace, _dir: dir }
    }
}

fn now() -> Ticks {
    Ticks::parse("2026-03-02T00:00:00Z").expect("a moment")
}

fn row(n: usize) -> serde_json::Map<String, serde_json::Value> {
    let second = n * 86_400 / ROWS;
    let row = json!({
        "TimeGenerated": format!("2026-03-01T{:02}:{:02}:{:02}Z", second / 3600, second / 60 % 60, second % 60),
        "DeviceName": format!("host-{}", n % 200),
        "ActionType": "ProcessCreated",
        "FileName": if n.is_multiple_of(1000) { "mimikatz.exe" } else { "sh" },
        "ProcessCommandLine": format!("/usr/bin/sh -c job --id {:08x} --retry {}", n.wrapping_mul(2_654_435_761), n % 7),
        "AccountName": format!("user{}", n % 50),
    });
    row.as_object().cloned().unwrap_or_default()
}

#[divan::bench(args = [
    "DeviceProcessEvents | summarize count() by bin(TimeGenerated, 1h)",
    "DeviceProcessEvents | where ProcessCommandLine contains 'RETRY 6' | count",
    "DeviceProcessEvents | where FileName has 'mimikatz' | project TimeGenerated, DeviceName, ProcessCommandLine",
    "DeviceProcessEvents | where DeviceName == 'host-7' | take 50",
    "DeviceProcessEvents | summarize arg_max(TimeGenerated, *) by DeviceName",
    "DeviceProcessEvents | where FileName == 'mimikatz.exe' | join kind=inner (DeviceProcessEvents | summarize n = count() by DeviceName) on DeviceName",
])]
fn query(bencher: divan::Bencher<'_, '_>, text: &str) {
    let bench = &*BENCH;
    bencher.bench(|| {
        let request = QueryRequest {
            workspace: bench.workspace,
            text: text.to_owned(),
            timespan: None,
            now: now(),
            principal: String::new(),
            ingested: None,
            limits: QueryLimits { timeout: Duration::from_secs(60), ..QueryLimits::default() },
        };
        bench.runtime.block_on(bench.engine.query(request)).expect("an answer").rows_json().len()
    });
}
