//! A store on a temporary or simulated disk, with a clock that stands still and no background work.

use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use bartizan_base::{BatchId, ManualClock, TenantId, Ticks, WorkspaceId};
use bartizan_schema::{Column, KqlType, Table, TableKind, TableRegistry};
use bartizan_store::disk::{Disk, LocalDisk};
use bartizan_store::{Ack, AppendTarget, Store, StoreError, StoreOptions};
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use uuid::Uuid;

/// The moment every test starts at.
pub(crate) const START: &str = "2026-03-01T12:00:00Z";
/// A table with a column of every type.
pub(crate) const TABLE: &str = "Everything_CL";
/// A second one, to see that tables do not disturb each other.
pub(crate) const OTHER: &str = "Other_CL";

static SHIPPED: LazyLock<TableRegistry> = LazyLock::new(|| TableRegistry::shipped().unwrap());

pub(crate) struct Fixture {
    pub(crate) options: StoreOptions,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) workspace: WorkspaceId,
    registry: TableRegistry,
    /// Removes the folder at the end.
    _dir: Option<tempfile::TempDir>,
}

impl Fixture {
    /// On the machine's disk.
    pub(crate) async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store");
        Self { _dir: Some(dir), registry: SHIPPED.clone(), ..Self::on(path, Arc::new(LocalDisk)).await }
    }

    /// On a given disk, without the shipped tables. The manifest is in memory and outlives every store opened from the fixture.
    pub(crate) async fn on(dir: PathBuf, disk: Arc<dyn Disk>) -> Self {
        let pool = SqlitePoolOptions::new()
            .min_connections(1)
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(SqliteConnectOptions::new().in_memory(true))
            .await
            .unwrap();
        let clock = Arc::new(ManualClock::new(Ticks::parse(START).unwrap()));
        let options = StoreOptions {
            clock: clock.clone(),
            disk,
            background: false,
            reserve_bytes: 0,
            ..StoreOptions::new(dir, pool)
        };
        Self {
            options,
            clock,
            workspace: WorkspaceId(Uuid::from_u128(0xA)),
            registry: TableRegistry::default(),
            _dir: None,
        }
    }

    /// Opens the store and declares the test tables.
    pub(crate) async fn open(&self) -> Store {
        self.try_open().await.unwrap()
    }

    pub(crate) async fn try_open(&self) -> Result<Store, StoreError> {
        let store = Store::open(self.options.clone(), self.registry.clone()).await?;
        for name in [TABLE, OTHER] {
            if store.table(self.workspace, name).is_none() {
                store.create_table(self.workspace, table(name)).await?;
            }
        }
        Ok(store)
    }

    pub(crate) fn target(&self, table: &str) -> AppendTarget {
        AppendTarget::new(self.workspace, TenantId(Uuid::from_u128(0xB)), table)
    }

    /// The target with a batch id of source 1.
    pub(crate) fn batch(&self, table: &str, seq: u64) -> AppendTarget {
        let batch = BatchId { source: Uuid::from_u128(1), seq };
        AppendTarget { batch: Some(batch), ..self.target(table) }
    }

    pub(crate) async fn append(&self, store: &Store, body: &str) -> Result<Ack, StoreError> {
        store.append_json(self.target(TABLE), Bytes::copy_from_slice(body.as_bytes())).await
    }

    /// All rows of a table: files, then memory.
    pub(crate) fn batches(&self, store: &Store, table: &str) -> Vec<RecordBatch> {
        let snapshot = store.snapshot(self.workspace, &[table]).unwrap();
        let part = &snapshot.tables[table];
        let mut batches = Vec::new();
        for file in &part.files {
            batches.extend(read_file(&*self.options.disk, &file.path));
        }
        batches.extend(part.memory.iter().cloned());
        batches
    }

    /// The values of column `N`, sorted.
    pub(crate) fn numbers(&self, store: &Store, table: &str) -> Vec<i64> {
        let mut numbers: Vec<i64> = self.batches(store, table).iter().flat_map(numbers_of).collect();
        numbers.sort_unstable();
        numbers
    }
}

pub(crate) fn numbers_of(batch: &RecordBatch) -> Vec<i64> {
    batch.column_by_name("N").unwrap().as_primitive::<Int64Type>().values().to_vec()
}

pub(crate) fn read_file(disk: &dyn Disk, path: &std::path::Path) -> Vec<RecordBatch> {
    let bytes = Bytes::from(disk.read(path).unwrap());
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap().build().unwrap();
    reader.map(Result::unwrap).collect()
}

pub(crate) fn table(name: &str) -> Table {
    let columns = [
        ("N", KqlType::Long),
        ("Text", KqlType::String),
        ("Flag", KqlType::Bool),
        ("Small", KqlType::Int),
        ("Ratio", KqlType::Real),
        ("At", KqlType::DateTime),
        ("Took", KqlType::TimeSpan),
        ("Key", KqlType::Guid),
        ("Facts", KqlType::Dynamic),
        ("Exact", KqlType::Decimal),
        ("Computer", KqlType::String),
    ];
    Table {
        name: name.to_owned(),
        description: String::new(),
        kind: TableKind::Custom,
        categories: Vec::new(),
        retention_days: 30,
        columns: columns.into_iter().map(|(name, ty)| Column::new(name, ty)).collect(),
    }
}

/// One cell as text: `-` for null.
pub(crate) fn cell(batch: &RecordBatch, column: &str, row: usize) -> String {
    let array = batch.column_by_name(column).unwrap();
    if array.is_null(row) {
        return "-".to_owned();
    }
    arrow::util::display::array_value_to_string(array, row).unwrap()
}
