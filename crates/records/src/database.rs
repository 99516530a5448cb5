//! Opening the database and bringing its schema up to date.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bartizan_base::{Clock, Ticks};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Sqlite, SqlitePool, Transaction};
use tokio::sync::broadcast;

use crate::error::RecordsError;
use crate::resources::Change;

/// Schema steps in order; step N brings the database to version N. Released steps are never edited.
const MIGRATIONS: &[&str] = &[
    include_str!("../migrations/1.sql"),
    include_str!("../migrations/2.sql"),
    include_str!("../migrations/3.sql"),
];

/// Connections: SQLite has one writer; the others serve reads beside it.
const CONNECTIONS_MAX: u32 = 8;

/// A writer waits this long for its turn before the caller hears "busy".
const BUSY_TIMEOUT: Duration = Duration::from_secs(20);

/// Changes a slow listener may fall behind by before it is told that it missed some and must list again.
const CHANGES_KEPT: usize = 4096;

/// The record store. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Records {
    pub(crate) pool: SqlitePool,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) changes: broadcast::Sender<Change>,
}

impl Records {
    /// Opens (or creates) the database file at `path` and brings its schema up to date.
    ///
    /// # Errors
    /// When the file cannot be opened, or was written by a newer program.
    pub async fn open(path: &Path, clock: Arc<dyn Clock>) -> Result<Records, RecordsError> {
        // FULL: an acknowledged write, and the store's manifest in the same file, survive power loss.
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY_TIMEOUT);
        let pool = SqlitePoolOptions::new().max_connections(CONNECTIONS_MAX).connect_with(options).await?;
        let records = Records { pool, clock, changes: broadcast::channel(CHANGES_KEPT).0 };
        records.migrate().await?;
        Ok(records)
    }

    /// The connection pool, shared with the log store's manifest.
    pub fn pool(&self) -> SqlitePool {
        self.pool.clone()
    }

    /// The moment by the clock the records were opened with.
    pub fn now(&self) -> Ticks {
        self.clock.now()
    }

    /// Tells of every committed change from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<Change> {
        self.changes.subscribe()
    }

    /// Closes all connections; later calls fail.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// A write transaction. Taking the write lock at the start means that a read inside it cannot be
    /// overtaken by another writer.
    pub(crate) async fn begin(&self) -> Result<Transaction<'static, Sqlite>, RecordsError> {
        Ok(self.pool.begin_with("BEGIN IMMEDIATE").await?)
    }

    /// Nobody may be listening, which is no failure.
    pub(crate) fn announce(&self, change: Change) {
        drop(self.changes.send(change));
    }

    async fn migrate(&self) -> Result<(), RecordsError> {
        let mut tx = self.begin().await?;
        sqlx::query("CREATE TABLE IF NOT EXISTS records_schema (version INTEGER NOT NULL)")
            .execute(&mut *tx)
            .await?;
        let found: Option<i64> =
            sqlx::query_scalar("SELECT max(version) FROM records_schema").fetch_one(&mut *tx).await?;
        let known = MIGRATIONS.len() as i64;
        let found = found.unwrap_or(0);
        if found > known {
            return Err(RecordsError::NewerSchema { found, known });
        }
        for (version, step) in (1..).zip(MIGRATIONS).skip(found as usize) {
            sqlx::raw_sql(*step).execute(&mut *tx).await?;
            sqlx::query("INSERT INTO records_schema (version) VALUES (?1)")
                .bind(version as i64)
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        Ok(())
    }
}
