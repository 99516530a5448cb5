//! A temporary store with an engine over it.

use std::sync::Arc;
use std::time::Duration;

use bartizan_base::{ManualClock, TenantId, Ticks, WorkspaceId};
use bartizan_engine::{Engine, EngineOptions, QueryError, QueryLimits, QueryOutput, QueryRequest};
use bartizan_schema::{Table, TableRegistry};
use bartizan_store::{AppendTarget, Store, StoreOptions};
use serde_json::{Map, Value};

/// The moment every test query runs at.
pub(crate) const NOW: &str = "2026-03-01T12:00:00Z";

pub(crate) struct Fixture {
    pub(crate) store: Store,
    pub(crate) engine: Engine,
    pub(crate) workspace: WorkspaceId,
    pub(crate) tenant: TenantId,
    _dir: tempfile::TempDir,
}

impl Fixture {
    /// An empty store with the shipped tables and `tables`.
    pub(crate) async fn new(tables: Vec<Table>) -> Self {
        Self::with_options(tables, EngineOptions { threads: 2, ..EngineOptions::default() }).await
    }

    /// The same, with an engine set up otherwise.
    pub(crate) async fn with_options(tables: Vec<Table>, engine: EngineOptions) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let options = sqlx::sqlite::SqliteConnectOptions::new()
            .filename(dir.path().join("control.db"))
            .create_if_missing(true);
        let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
        let mut registry = TableRegistry::shipped().unwrap();
        for table in tables {
            registry.add(table).unwrap();
        }
        let mut options = StoreOptions::new(dir.path().join("logs"), pool);
        // Rows of the fixtures must not be older than their retention.
        options.clock = Arc::new(ManualClock::new(Ticks::parse(NOW).unwrap()));
        // Who asks for these columns steps the store by hand.
        options.background = engine.hot_paths.is_none();
        options.extra_columns = engine.hot_paths.clone().map(|hot| hot as _);
        let store = Store::open(options, registry).await.unwrap();
        let engine = Engine::new(store.clone(), engine).unwrap();
        Self { store, engine, workspace: WorkspaceId::random(), tenant: TenantId::random(), _dir: dir }
    }

    pub(crate) async fn append(&self, table: &str, rows: Vec<Map<String, Value>>) {
        let to = AppendTarget {
            workspace: self.workspace,
            tenant: self.tenant,
            table: table.to_owned(),
            batch: None,
            resource_id: None,
            force: Default::default(),
        };
        let ack = self.store.append_rows(to, rows).await.unwrap();
        assert_eq!(ack.rejected_cells, 0, "fixture of {table}");
    }

    pub(crate) fn request(&self, text: &str) -> QueryRequest {
        QueryRequest {
            workspace: self.workspace,
            text: text.to_owned(),
            timespan: None,
            now: Ticks::parse(NOW).unwrap(),
            principal: String::new(),
            ingested: None,
            limits: QueryLimits { timeout: Duration::from_secs(60), ..QueryLimits::default() },
        }
    }

    pub(crate) async fn query(&self, text: &str) -> Result<QueryOutput, QueryError> {
        self.engine.query(self.request(text)).await
    }
}

/// Rows from NDJSON.
pub(crate) fn rows(text: &str) -> Vec<Map<String, Value>> {
    text.lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// SplitMix64 (Steele, Lea and Flood, 2014): the same numbers on every machine.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    pub(crate) fn one_of<'a>(&mut self, items: &[&'a str]) -> &'a str {
        items[self.below(items.len())]
    }
}
