//! The engine over small tables in a temporary store.

use std::sync::LazyLock;
use std::time::Duration;

use bartizan_base::{TenantId, Ticks, WorkspaceId};
use bartizan_engine::{Engine, EngineOptions, QueryError, QueryLimits, QueryRequest};
use bartizan_kql::syntax::codes;
use bartizan_schema::TableRegistry;
use bartizan_store::{AppendTarget, Store, StoreOptions};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::worker::{CROWDED_FACTOR, processor_ms};

/// How long a query may run. Many a damaged one means endless work, and must be stopped.
const TIMEOUT: Duration = Duration::from_secs(2);
/// How long a stopped query may go on, in time of the processor: other programs do not make a finding. One that waits
/// for ever is found by the clock.
const GOES_ON_MAX: Duration = Duration::from_secs(20);
/// Memory of one query.
const MEMORY_BYTES: usize = 64 << 20;

struct World {
    runtime: Runtime,
    engine: Engine,
    workspace: WorkspaceId,
    _dir: tempfile::TempDir,
}

static WORLD: LazyLock<World> = LazyLock::new(|| World::new().expect("a store in a temporary folder"));

impl World {
    fn new() -> anyhow::Result<Self> {
        let dir = tempfile::tempdir()?;
        let runtime = Runtime::new()?;
        let workspace = WorkspaceId::random();
        let path = dir.path().to_owned();
        let engine = runtime.block_on(async move {
            let control = sqlx::sqlite::SqliteConnectOptions::new()
                .filename(path.join("control.db"))
                .create_if_missing(true);
            let pool = sqlx::SqlitePool::connect_with(control).await?;
            let store =
                Store::open(StoreOptions::new(path.join("logs"), pool), TableRegistry::shipped()?).await?;
            for (table, rows) in tables() {
                let to = AppendTarget::new(workspace, TenantId::random(), table);
                let rows = rows.into_iter().filter_map(|row| row.as_object().cloned()).collect();
                store.append_rows(to, rows).await?;
            }
            let options =
                EngineOptions { threads: 1, query_memory_bytes: MEMORY_BYTES, ..EngineOptions::default() };
            anyhow::Ok(Engine::new(store, options)?)
        })?;
        Ok(Self { runtime, engine, workspace, _dir: dir })
    }

    fn request(&self, text: &str) -> QueryRequest {
        QueryRequest {
            workspace: self.workspace,
            text: text.to_owned(),
            timespan: None,
            // 2026-01-02T03:04:05Z
            now: Ticks::from_unix_millis(1_767_323_045_000),
            principal: String::new(),
            ingested: None,
            limits: QueryLimits { timeout: TIMEOUT, rows: 10_000, bytes: 8 << 20 },
        }
    }

    /// Waits for the queries that were given up; whether they are gone soon.
    async fn ends(&self) -> bool {
        let used_before = processor_ms();
        for _ in 0..CROWDED_FACTOR {
            if tokio::time::timeout(GOES_ON_MAX, self.engine.idle()).await.is_ok() {
                return true;
            }
            let spent = processor_ms().zip(used_before).map(|(used, before)| used.saturating_sub(before));
            if spent.is_none_or(|spent| u128::from(spent) > GOES_ON_MAX.as_millis()) {
                return false;
            }
        }
        false
    }

    /// A query that was given up must be gone soon, and no query may fail for a mistake of ours.
    fn check(&self, outcome: Result<(), QueryError>) {
        match outcome {
            Err(QueryError::Internal(text)) => panic!("internal error: {text}"),
            Err(QueryError::Invalid(findings)) => {
                assert!(
                    findings.iter().all(|finding| finding.code != codes::INTERNAL),
                    "the front end panicked"
                );
            }
            Err(QueryError::Timeout { .. }) => {
                assert!(self.runtime.block_on(self.ends()), "the query goes on after its time limit");
            }
            Ok(()) | Err(_) => {}
        }
    }
}

/// Rows of tables that the seeds ask.
fn tables() -> Vec<(&'static str, Vec<Value>)> {
    let time = "2026-01-02T03:00:00Z";
    let logons = (0..8).map(|n| {
        json!({
            "TimeGenerated": time, "Account": format!("user{}", n % 3), "Computer": format!("host-{}", n % 2),
            "EventID": 4624 + n % 2, "IpAddress": format!("10.0.0.{n}"), "LogonType": if n % 4 == 0 { Value::Null } else { json!(n) },
        })
    });
    let processes = (0..6).map(|n| {
        json!({
            "TimeGenerated": time, "DeviceName": format!("host-{}", n % 2), "FileName": "sh", "ProcessId": n,
            "ProcessCommandLine": format!("sh -c 'curl http://10.0.0.{n}/x'"), "AdditionalFields": { "k": [n, null, 2.5] },
        })
    });
    let beats =
        (0..4).map(|n| json!({ "TimeGenerated": time, "Computer": format!("host-{n}"), "OSType": "Linux" }));
    vec![
        ("SecurityEvent", logons.collect()),
        ("DeviceProcessEvents", processes.collect()),
        ("Heartbeat", beats.collect()),
    ]
}

/// Binds, lowers and optimizes; only sub-queries that the plan depends on run.
pub(crate) fn plan(text: &str) {
    let world = &*WORLD;
    let outcome = world.runtime.block_on(world.engine.plan(world.request(text)));
    world.check(outcome.map(drop));
}

/// Runs the query, and makes JSON of the answer as the API does.
pub(crate) fn run(text: &str) {
    let world = &*WORLD;
    let outcome = world.runtime.block_on(world.engine.query(world.request(text)));
    world.check(outcome.map(|output| drop((output.rows_json(), output.tables.len()))));
}
