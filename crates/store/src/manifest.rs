//! The manifest: which files there are, up to where each table's log is covered by them, and how far each
//! source has come. It lives in the control database, in tables whose names start with `store_`.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use bartizan_base::{BatchId, Ticks, WorkspaceId};
use bartizan_schema::Table;
use sqlx::pool::PoolConnection;
use sqlx::sqlite::SqliteRow;
use sqlx::{Connection, Row, Sqlite, SqliteConnection, SqlitePool};
use uuid::Uuid;

use crate::delta::Published;
use crate::error::StoreError;
use crate::integrity::Damaged;
use crate::manifest_version;
use crate::purge::Purge;
use crate::retention::Retention;

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
    pub(crate) sorted_by: Arc<[String]>,
    /// When its newest rows were written to a file first, in ticks.
    pub(crate) received: i64,
    /// CRC-32C of the whole file. `None` for a file that a program without checksums wrote.
    pub(crate) crc: Option<u32>,
    /// Where in the file its text index is, if it has one.
    pub(crate) index: Option<IndexPlace>,
}

/// A part of a file that Parquet readers do not look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct IndexPlace {
    pub(crate) offset: u64,
    pub(crate) len: usize,
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

/// What bodies add that go straight to files.
#[derive(Debug)]
pub(crate) struct Load {
    pub(crate) files: Vec<(TableKey, FileRow)>,
    pub(crate) sources: Vec<(TableKey, BatchId)>,
    /// Whose position the highest sequence number is.
    pub(crate) numbers: TableKey,
    /// The position before, which must still be the stored one.
    pub(crate) position_before: u64,
    pub(crate) position: u64,
}

/// What the manifest says beside the files, read at open.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    pub(crate) tables: Vec<(WorkspaceId, Table)>,
    pub(crate) positions: Vec<(TableKey, u64)>,
    pub(crate) sources: Vec<(TableKey, Uuid, u64)>,
    pub(crate) damaged: Vec<(TableKey, Damaged)>,
    /// Under the name `""`: those of a workspace.
    pub(crate) retentions: Vec<(TableKey, Retention)>,
    /// Of the Delta tables, when there are any.
    pub(crate) published: Vec<(TableKey, Published)>,
    /// Files that left Delta tables and were not deleted yet.
    pub(crate) left: HashSet<PathBuf>,
}

/// The manifest's tables in the control database.
#[derive(Clone, Debug)]
pub(crate) struct Manifest(SqlitePool);

impl Manifest {
    /// Brings the tables to the version that this program writes.
    pub(crate) async fn open(pool: SqlitePool) -> Result<Self, StoreError> {
        manifest_version::upgrade(&pool).await?;
        Ok(Self(pool))
    }

    /// Reads everything but the files; those are read by [`crate::manifest_files`].
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
        for row in sqlx::query(
            "SELECT workspace, table_name, path, rows, time_min, time_max, reason, found FROM store_damaged",
        )
        .fetch_all(&self.0)
        .await?
        {
            contents.damaged.push((table_key(&row)?, damaged(&row)?));
        }
        for row in sqlx::query("SELECT workspace, table_name, days, total_days FROM store_retention")
            .fetch_all(&self.0)
            .await?
        {
            let retention = Retention { days: row.try_get(2)?, total_days: row.try_get(3)? };
            contents.retentions.push((table_key(&row)?, retention));
        }
        Ok(contents)
    }

    /// Adds the files of a flush, moves the positions and the sources' numbers: all of it or nothing.
    /// The ids of the new files are filled in.
    pub(crate) async fn commit_flush(&self, tables: &mut [TableFlush], now: Ticks) -> Result<(), StoreError> {
        let mut connection = self.writer().await?;
        let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
        for flush in tables {
            move_position(&mut tx, &flush.key, flush.position_before, flush.position).await?;
            for file in &mut flush.files {
                file.id = insert_file(&mut tx, &flush.key, file).await?;
            }
            for (source, seq) in &flush.sources {
                put_source(&mut tx, &flush.key, *source, *seq, now).await?;
            }
        }
        Ok(tx.commit().await?)
    }

    /// Adds the files of a load, the numbers of its batches and its highest sequence number: all of it or nothing. The
    /// ids of the new files are filled in.
    pub(crate) async fn commit_load(&self, load: &mut Load, now: Ticks) -> Result<(), StoreError> {
        let mut connection = self.writer().await?;
        let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
        move_position(&mut tx, &load.numbers, load.position_before, load.position).await?;
        for (key, file) in &mut load.files {
            file.id = insert_file(&mut tx, key, file).await?;
        }
        for (key, batch) in &load.sources {
            put_source(&mut tx, key, batch.source, batch.seq, now).await?;
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

    /// Takes a damaged file out of the table and remembers what is missing.
    pub(crate) async fn set_aside(
        &self,
        key: &TableKey,
        id: i64,
        damaged: &Damaged,
    ) -> Result<(), StoreError> {
        let mut connection = self.writer().await?;
        let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::query("DELETE FROM store_files WHERE id = ?").bind(id).execute(&mut *tx).await?;
        sqlx::query(
            "INSERT INTO store_damaged (workspace, table_name, path, rows, time_min, time_max, reason, found)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(key.0.0.as_bytes().as_slice())
        .bind(key.1.as_ref())
        .bind(&damaged.path)
        .bind(damaged.rows as i64)
        .bind(damaged.time_min)
        .bind(damaged.time_max)
        .bind(&damaged.reason)
        .bind(damaged.found.0)
        .execute(&mut *tx)
        .await?;
        Ok(tx.commit().await?)
    }

    /// Forgets damage to rows older than `before`, in ticks.
    pub(crate) async fn forget_damaged(&self, key: &TableKey, before: i64) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM store_damaged WHERE workspace = ? AND table_name = ? AND time_max < ?")
            .bind(key.0.0.as_bytes().as_slice())
            .bind(key.1.as_ref())
            .bind(before)
            .execute(&self.0)
            .await?;
        Ok(())
    }

    /// Sets how long a table's rows are kept, or, under the name `""`, those of the workspace's tables
    /// without a setting of their own. `None` removes the setting.
    pub(crate) async fn set_retention(
        &self,
        key: &TableKey,
        retention: Option<Retention>,
    ) -> Result<(), StoreError> {
        let query = match retention {
            Some(_) => {
                "INSERT INTO store_retention (workspace, table_name, days, total_days) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT DO UPDATE SET days = ?3, total_days = ?4"
            }
            None => "DELETE FROM store_retention WHERE workspace = ?1 AND table_name = ?2",
        };
        let mut query = sqlx::query(query).bind(key.0.0.as_bytes().as_slice()).bind(key.1.as_ref());
        if let Some(Retention { days, total_days }) = retention {
            query = query.bind(days).bind(total_days);
        }
        let mut connection = self.writer().await?;
        query.execute(&mut *connection).await?;
        Ok(())
    }

    /// Keeps the checksum of a file that was written without one.
    pub(crate) async fn set_checksum(&self, id: i64, crc: u32) -> Result<(), StoreError> {
        let update = sqlx::query("UPDATE store_files SET crc = ? WHERE id = ?");
        update.bind(i64::from(crc)).bind(id).execute(&self.0).await?;
        Ok(())
    }

    /// Keeps a purge and how far it has come.
    pub(crate) async fn put_purge(&self, purge: &Purge) -> Result<(), StoreError> {
        let filters = serde_json::to_string(&purge.filters)
            .map_err(|error| StoreError::PurgeRefused { reason: error.to_string() })?;
        let mut connection = self.writer().await?;
        sqlx::query(
            "INSERT INTO store_purges (id, workspace, table_name, seq, filters, started, ended, rows)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO UPDATE SET ended = ?7, rows = ?8",
        )
        .bind(purge.id.to_string())
        .bind(purge.workspace.0.as_bytes().as_slice())
        .bind(&purge.table)
        .bind(purge.seq as i64)
        .bind(filters)
        .bind(purge.started.0)
        .bind(purge.ended.map(|ended| ended.0))
        .bind(purge.rows as i64)
        .execute(&mut *connection)
        .await?;
        Ok(())
    }

    /// All purges, oldest first.
    pub(crate) async fn purges(&self) -> Result<Vec<Purge>, StoreError> {
        let rows = sqlx::query(
            "SELECT workspace, table_name, id, seq, filters, started, ended, rows FROM store_purges
             ORDER BY started, id",
        )
        .fetch_all(&self.0)
        .await?;
        rows.iter().map(purge).collect()
    }

    /// Forgets purges that ended before a time.
    pub(crate) async fn forget_purges(&self, before: Ticks) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM store_purges WHERE ended < ?").bind(before.0).execute(&self.0).await?;
        Ok(())
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

    /// The tables of which the manifest has something of a workspace.
    pub(crate) async fn tables_of(&self, workspace: WorkspaceId) -> Result<Vec<TableKey>, StoreError> {
        let rows = sqlx::query(
            "SELECT workspace, name FROM store_tables WHERE workspace = ?1
             UNION SELECT workspace, table_name FROM store_files WHERE workspace = ?1
             UNION SELECT workspace, table_name FROM store_damaged WHERE workspace = ?1
             UNION SELECT workspace, table_name FROM store_retention WHERE workspace = ?1 AND table_name <> ''",
        )
        .bind(workspace.0.as_bytes().as_slice())
        .fetch_all(&self.0)
        .await?;
        rows.iter().map(|row| Ok(table_key(row)?)).collect()
    }

    pub(crate) fn pool(&self) -> &SqlitePool {
        &self.0
    }

    /// Removes a custom table with its files. Its position stays: numbers are never used twice.
    pub(crate) async fn drop_table(&self, key: &TableKey) -> Result<(), StoreError> {
        let mut connection = self.writer().await?;
        let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
        for statement in [
            "DELETE FROM store_tables WHERE workspace = ? AND name = ?",
            "DELETE FROM store_files WHERE workspace = ? AND table_name = ?",
            "DELETE FROM store_damaged WHERE workspace = ? AND table_name = ?",
            "DELETE FROM store_retention WHERE workspace = ? AND table_name = ?",
            "DELETE FROM store_delta WHERE workspace = ? AND table_name = ?",
            "DELETE FROM store_delta_files WHERE workspace = ? AND table_name = ?",
        ] {
            let statement = sqlx::query(statement).bind(key.0.0.as_bytes().as_slice()).bind(key.1.as_ref());
            statement.execute(&mut *tx).await?;
        }
        Ok(tx.commit().await?)
    }

    /// A connection whose commits are on disk when they return. Log segments are deleted on the strength
    /// of them, so the pool's own setting, which may trade that for speed, is overruled.
    pub(crate) async fn writer(&self) -> Result<PoolConnection<Sqlite>, StoreError> {
        let mut connection = self.0.acquire().await?;
        sqlx::query("PRAGMA synchronous = FULL").execute(&mut *connection).await?;
        Ok(connection)
    }
}

/// Moves a position. It guards against a commit that took effect although it reported an error, and against a second
/// store on the same database: either would store rows twice.
async fn move_position(
    connection: &mut SqliteConnection,
    key: &TableKey,
    before: u64,
    after: u64,
) -> Result<(), StoreError> {
    let moved = sqlx::query(
        "INSERT INTO store_positions (workspace, table_name, seq) VALUES (?1, ?2, ?3)
         ON CONFLICT DO UPDATE SET seq = ?3 WHERE seq = ?4",
    )
    .bind(key.0.0.as_bytes().as_slice())
    .bind(key.1.as_ref())
    .bind(after as i64)
    .bind(before as i64)
    .execute(connection)
    .await?;
    if moved.rows_affected() == 1 {
        return Ok(());
    }
    Err(StoreError::Worker(format!("the manifest's position of `{}` moved by itself", key.1)))
}

async fn put_source(
    connection: &mut SqliteConnection,
    key: &TableKey,
    source: Uuid,
    seq: u64,
    now: Ticks,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO store_sources (workspace, table_name, source, seq, seen) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT DO UPDATE SET seq = ?4, seen = ?5",
    )
    .bind(key.0.0.as_bytes().as_slice())
    .bind(key.1.as_ref())
    .bind(source.as_bytes().as_slice())
    .bind(seq as i64)
    .bind(now.0)
    .execute(connection)
    .await?;
    Ok(())
}

async fn insert_file(
    connection: &mut SqliteConnection,
    key: &TableKey,
    file: &FileRow,
) -> Result<i64, StoreError> {
    let inserted = sqlx::query(
        "INSERT INTO store_files (workspace, table_name, path, day, size_bytes, rows, time_min, time_max,
                                  seq_min, seq_max, sorted_by, crc, index_at, index_len, received)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
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
    .bind(file.crc.map(i64::from))
    .bind(file.index.map(|index| index.offset as i64))
    .bind(file.index.map(|index| index.len as i64))
    .bind(file.received)
    .execute(connection)
    .await?;
    Ok(inserted.last_insert_rowid())
}

fn uuid(row: &SqliteRow, at: usize) -> Result<Uuid, sqlx::Error> {
    let bytes: &[u8] = row.try_get(at)?;
    Uuid::from_slice(bytes).map_err(|error| sqlx::Error::Decode(Box::new(error)))
}

pub(crate) fn table_key(row: &SqliteRow) -> Result<TableKey, sqlx::Error> {
    Ok((WorkspaceId(uuid(row, 0)?), Arc::from(row.try_get::<&str, _>(1)?)))
}

fn purge(row: &SqliteRow) -> Result<Purge, StoreError> {
    let (workspace, table) = table_key(row)?;
    let id: &str = row.try_get(2)?;
    let filters: &str = row.try_get(4)?;
    let unreadable =
        |error: String| StoreError::PurgeRefused { reason: format!("stored purge `{id}`: {error}") };
    Ok(Purge {
        id: id.parse().map_err(|error: uuid::Error| unreadable(error.to_string()))?,
        workspace,
        table: table.to_string(),
        seq: row.try_get::<i64, _>(3)? as u64,
        filters: serde_json::from_str(filters).map_err(|error| unreadable(error.to_string()))?,
        started: Ticks(row.try_get(5)?),
        ended: row.try_get::<Option<i64>, _>(6)?.map(Ticks),
        rows: row.try_get::<i64, _>(7)? as u64,
    })
}

fn damaged(row: &SqliteRow) -> Result<Damaged, sqlx::Error> {
    Ok(Damaged {
        path: row.try_get(2)?,
        rows: row.try_get::<i64, _>(3)? as u64,
        time_min: row.try_get(4)?,
        time_max: row.try_get(5)?,
        reason: row.try_get(6)?,
        found: Ticks(row.try_get(7)?),
    })
}
