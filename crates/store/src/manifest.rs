//! The manifest: which files there are, up to where each table's log is covered by them, and how far each
//! source has come. It lives in the control database, in tables whose names start with `store_`.

use std::sync::Arc;

use bartizan_base::{Ticks, WorkspaceId};
use bartizan_schema::Table;
use sqlx::pool::PoolConnection;
use sqlx::sqlite::SqliteRow;
use sqlx::{Connection, Row, Sqlite, SqliteConnection, SqlitePool};
use uuid::Uuid;

use crate::error::StoreError;

/// Version of the tables below and of the files they name.
const VERSION: i64 = 1;

const TABLES: &str = "
CREATE TABLE IF NOT EXISTS store_meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS store_tables (
    workspace BLOB NOT NULL, name TEXT NOT NULL, declaration TEXT NOT NULL,
    PRIMARY KEY (workspace, name)) STRICT;
CREATE TABLE IF NOT EXISTS store_files (
    id INTEGER PRIMARY KEY AUTOINCREMENT, workspace BLOB NOT NULL, table_name TEXT NOT NULL,
    path TEXT NOT NULL UNIQUE, day INTEGER NOT NULL, size_bytes INTEGER NOT NULL, rows INTEGER NOT NULL,
    time_min INTEGER NOT NULL, time_max INTEGER NOT NULL, seq_min INTEGER NOT NULL, seq_max INTEGER NOT NULL,
    sorted_by TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS store_positions (
    workspace BLOB NOT NULL, table_name TEXT NOT NULL, seq INTEGER NOT NULL,
    PRIMARY KEY (workspace, table_name)) STRICT;
CREATE TABLE IF NOT EXISTS store_sources (
    workspace BLOB NOT NULL, table_name TEXT NOT NULL, source BLOB NOT NULL,
    seq INTEGER NOT NULL, seen INTEGER NOT NULL,
    PRIMARY KEY (workspace, table_name, source)) STRICT, WITHOUT ROWID;
";

/// A workspace's table.
pub(crate) type TableKey = (WorkspaceId, Arc<str>);

/// One row of `store_files`.
#[derive(Clone, Debug)]
pub(crate) struct FileRow {
    /// 0 before it is committed.
    pub(crate) id: i64,
    /// Relative to the store's folder, with `/` between parts.
    pub(crate) path: String,
    pub(crate) day: i64,
    pub(crate) size_bytes: u64,
    pub(crate) rows: u64,
    pub(crate) time_min: i64,
    pub(crate) time_max: i64,
    pub(crate) seq_min: i64,
    pub(crate) seq_max: i64,
    pub(crate) sorted_by: Vec<String>,
}

/// What a flush of one table adds.
#[derive(Debug)]
pub(crate) struct TableFlush {
    pub(crate) key: TableKey,
    pub(crate) files: Vec<FileRow>,
    /// The position before, which must still be the stored one.
    pub(crate) position_before: u64,
    pub(crate) position: u64,
    pub(crate) sources: Vec<(Uuid, u64)>,
}

/// Everything the manifest says, read at open.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    pub(crate) tables: Vec<(WorkspaceId, Table)>,
    pub(crate) files: Vec<(TableKey, FileRow)>,
    pub(crate) positions: Vec<(TableKey, u64)>,
    pub(crate) sources: Vec<(TableKey, Uuid, u64)>,
}

/// The manifest's tables in the control database.
#[derive(Clone, Debug)]
pub(crate) struct Manifest(SqlitePool);

impl Manifest {
    /// Creates the tables where they are missing and checks their version.
    pub(crate) async fn open(pool: SqlitePool) -> Result<Self, StoreError> {
        sqlx::raw_sql(TABLES).execute(&pool).await?;
        sqlx::query("INSERT INTO store_meta (key, value) VALUES ('version', ?) ON CONFLICT DO NOTHING")
            .bind(VERSION)
            .execute(&pool)
            .await?;
        let found: i64 = sqlx::query("SELECT value FROM store_meta WHERE key = 'version'")
            .fetch_one(&pool)
            .await?
            .try_get(0)?;
        if found > VERSION {
            return Err(StoreError::Version { what: "manifest".to_owned(), found, supported: VERSION });
        }
        Ok(Self(pool))
    }

    /// Reads everything.
    pub(crate) async fn load(&self) -> Result<Contents, StoreError> {
        let mut contents = Contents::default();
        for row in
            sqlx::query("SELECT workspace, name, declaration FROM store_tables").fetch_all(&self.0).await?
        {
            let (workspace, name) = table_key(&row)?;
            let declaration: String = row.try_get(2)?;
            let table = serde_json::from_str(&declaration).map_err(|error| StoreError::TableRefused {
                table: name.to_string(),
                reason: format!("its stored declaration cannot be read: {error}"),
            })?;
            contents.tables.push((workspace, table));
        }
        for row in sqlx::query(
            "SELECT workspace, table_name, id, path, day, size_bytes, rows, time_min, time_max, seq_min, seq_max,
                    sorted_by FROM store_files ORDER BY id",
        )
        .fetch_all(&self.0)
        .await?
        {
            contents.files.push((table_key(&row)?, file_row(&row)?));
        }
        for row in
            sqlx::query("SELECT workspace, table_name, seq FROM store_positions").fetch_all(&self.0).await?
        {
            contents.positions.push((table_key(&row)?, row.try_get::<i64, _>(2)? as u64));
        }
        for row in sqlx::query("SELECT workspace, table_name, source, seq FROM store_sources")
            .fetch_all(&self.0)
            .await?
        {
            contents.sources.push((table_key(&row)?, uuid(&row, 2)?, row.try_get::<i64, _>(3)? as u64));
        }
        Ok(contents)
    }

    /// Adds the files of a flush, moves the positions and the sources' numbers: all of it or nothing.
    /// The ids of the new files are filled in.
    pub(crate) async fn commit_flush(&self, tables: &mut [TableFlush], now: Ticks) -> Result<(), StoreError> {
        let mut connection = self.writer().await?;
        let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
        for flush in tables {
            let (workspace, table) = (flush.key.0.0.as_bytes(), flush.key.1.as_ref());
            // The position guards against a commit that took effect although it reported an error, and
            // against a second store on the same database: either would store rows twice.
            let moved = sqlx::query(
                "INSERT INTO store_positions (workspace, table_name, seq) VALUES (?1, ?2, ?3)
                 ON CONFLICT DO UPDATE SET seq = ?3 WHERE seq = ?4",
            )
            .bind(workspace.as_slice())
            .bind(table)
            .bind(flush.position as i64)
            .bind(flush.position_before as i64)
            .execute(&mut *tx)
            .await?;
            if moved.rows_affected() != 1 {
                return Err(StoreError::Worker(format!(
                    "the manifest's position of `{table}` moved by itself"
                )));
            }
            for file in &mut flush.files {
                file.id = insert_file(&mut tx, &flush.key, file).await?;
            }
            for (source, seq) in &flush.sources {
                sqlx::query(
                    "INSERT INTO store_sources (workspace, table_name, source, seq, seen) VALUES (?1, ?2, ?3, ?4, ?5)
                     ON CONFLICT DO UPDATE SET seq = ?4, seen = ?5",
                )
                .bind(workspace.as_slice())
                .bind(table)
                .bind(source.as_bytes().as_slice())
                .bind(*seq as i64)
                .bind(now.0)
                .execute(&mut *tx)
                .await?;
            }
        }
        Ok(tx.commit().await?)
    }

    /// Puts `added` in the place of the files `removed`. Returns the ids of the added ones.
    pub(crate) async fn replace_files(
        &self,
        key: &TableKey,
        removed: &[i64],
        added: &[FileRow],
    ) -> Result<Vec<i64>, StoreError> {
        let mut connection = self.writer().await?;
        let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
        for id in removed {
            sqlx::query("DELETE FROM store_files WHERE id = ?").bind(id).execute(&mut *tx).await?;
        }
        let mut ids = Vec::with_capacity(added.len());
        for file in added {
            ids.push(insert_file(&mut tx, key, file).await?);
        }
        tx.commit().await?;
        Ok(ids)
    }

    /// Forgets sources that have sent nothing since `before`.
    pub(crate) async fn forget_sources(&self, before: Ticks) -> Result<Vec<(TableKey, Uuid)>, StoreError> {
        let rows =
            sqlx::query("DELETE FROM store_sources WHERE seen < ? RETURNING workspace, table_name, source")
                .bind(before.0)
                .fetch_all(&self.0)
                .await?;
        rows.iter().map(|row| Ok((table_key(row)?, uuid(row, 2)?))).collect()
    }

    /// Declares a custom table, or replaces its declaration.
    pub(crate) async fn put_table(&self, workspace: WorkspaceId, table: &Table) -> Result<(), StoreError> {
        let declaration = serde_json::to_string(table).map_err(|error| StoreError::TableRefused {
            table: table.name.clone(),
            reason: error.to_string(),
        })?;
        let mut connection = self.writer().await?;
        let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::query(
            "INSERT INTO store_tables (workspace, name, declaration) VALUES (?1, ?2, ?3)
             ON CONFLICT DO UPDATE SET declaration = ?3",
        )
        .bind(workspace.0.as_bytes().as_slice())
        .bind(&table.name)
        .bind(declaration)
        .execute(&mut *tx)
        .await?;
        Ok(tx.commit().await?)
    }

    /// A connection whose commits are on disk when they return. Log segments are deleted on the strength
    /// of them, so the pool's own setting, which may trade that for speed, is overruled.
    async fn writer(&self) -> Result<PoolConnection<Sqlite>, StoreError> {
        let mut connection = self.0.acquire().await?;
        sqlx::query("PRAGMA synchronous = FULL").execute(&mut *connection).await?;
        Ok(connection)
    }
}

async fn insert_file(
    connection: &mut SqliteConnection,
    key: &TableKey,
    file: &FileRow,
) -> Result<i64, StoreError> {
    let inserted = sqlx::query(
        "INSERT INTO store_files (workspace, table_name, path, day, size_bytes, rows, time_min, time_max,
                                  seq_min, seq_max, sorted_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(key.0.0.as_bytes().as_slice())
    .bind(key.1.as_ref())
    .bind(&file.path)
    .bind(file.day)
    .bind(file.size_bytes as i64)
    .bind(file.rows as i64)
    .bind(file.time_min)
    .bind(file.time_max)
    .bind(file.seq_min)
    .bind(file.seq_max)
    .bind(file.sorted_by.join(","))
    .execute(connection)
    .await?;
    Ok(inserted.last_insert_rowid())
}

fn uuid(row: &SqliteRow, at: usize) -> Result<Uuid, sqlx::Error> {
    let bytes: &[u8] = row.try_get(at)?;
    Uuid::from_slice(bytes).map_err(|error| sqlx::Error::Decode(Box::new(error)))
}

fn table_key(row: &SqliteRow) -> Result<TableKey, sqlx::Error> {
    Ok((WorkspaceId(uuid(row, 0)?), Arc::from(row.try_get::<&str, _>(1)?)))
}

fn file_row(row: &SqliteRow) -> Result<FileRow, sqlx::Error> {
    let sorted_by: &str = row.try_get(11)?;
    Ok(FileRow {
        id: row.try_get(2)?,
        path: row.try_get(3)?,
        day: row.try_get(4)?,
        size_bytes: row.try_get::<i64, _>(5)? as u64,
        rows: row.try_get::<i64, _>(6)? as u64,
        time_min: row.try_get(7)?,
        time_max: row.try_get(8)?,
        seq_min: row.try_get(9)?,
        seq_max: row.try_get(10)?,
        sorted_by: sorted_by.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect(),
    })
}
