//! Opening the database and bringing its schema up to date.

use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bartizan_base::{Clock, Ticks};
use sqlx::any::{AnyArguments, AnyPoolOptions};
use sqlx::query::Query;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Any, AnyConnection, AnyPool, ConnectOptions, Executor, SqlitePool, Transaction};
use tokio::sync::{Mutex, OwnedMutexGuard, broadcast};
use tokio::task::AbortHandle;
use uuid::Uuid;

use crate::asked::Asked;
use crate::changes::{self, Changes};
use crate::derived::Derived;
use crate::error::RecordsError;
use crate::place::{PostgresUrl, Sql};
use crate::resources::Change;

/// Schema steps in order, for SQLite and for PostgreSQL; step N brings either to version N. Released steps
/// are never edited.
const MIGRATIONS: &[(&str, &str)] = &[
    (include_str!("../migrations/sqlite/1.sql"), include_str!("../migrations/postgres/1.sql")),
    (include_str!("../migrations/sqlite/2.sql"), include_str!("../migrations/postgres/2.sql")),
    (include_str!("../migrations/sqlite/3.sql"), include_str!("../migrations/postgres/3.sql")),
    (include_str!("../migrations/sqlite/4.sql"), include_str!("../migrations/postgres/4.sql")),
    (include_str!("../migrations/sqlite/5.sql"), include_str!("../migrations/postgres/5.sql")),
    (include_str!("../migrations/sqlite/6.sql"), include_str!("../migrations/postgres/6.sql")),
];

/// Connections: SQLite has one writer; the others serve reads beside it.
const CONNECTIONS_MAX: u32 = 8;

/// Pages that a connection to SQLite keeps, in KiB: the upper floors of the indexes of some 100,000 resources.
const CACHE_KIB: u32 = 8 << 10;

/// A writer waits this long for its turn before the caller hears "busy".
const BUSY_TIMEOUT: Duration = Duration::from_secs(20);

/// Changes a slow listener may fall behind by before it is told that it missed some and must list again.
const CHANGES_KEPT: usize = 32_768;

/// Writers on PostgreSQL take this advisory lock for their transaction, so that they come one after the
/// other, as on SQLite: what is read in a write transaction is still so when it commits. The number is
/// `bartizan` in ASCII.
const WRITERS_LOCK: i64 = 0x6261_7274_697a_616e;

/// The record store. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Records {
    /// Where the records are: on PostgreSQL, or in the file that `local` has open.
    pub(crate) pool: AnyPool,
    pub(crate) sql: Sql,
    /// The database in the data folder. The log store's manifest is there, beside the files it names.
    pub(crate) local: SqlitePool,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) changes: broadcast::Sender<Option<Change>>,
    /// Tells this process's changes from those of other servers.
    pub(crate) origin: Uuid,
    listener: Option<Arc<Listener>>,
    pub(crate) derived: Derived,
    /// Whose turn it is to write.
    writer: Arc<Mutex<()>>,
    /// What many ask at once.
    pub(crate) asked: Asked,
}

/// A write transaction, rolled back unless it is committed.
///
/// Writers of this process wait for each other in a queue. SQLite's own way is to sleep and try again, which wastes
/// time between two writers and lets some wait for seconds; it is left for other processes.
#[derive(Debug)]
pub(crate) struct Writing {
    tx: Transaction<'static, Any>,
    _turn: Option<OwnedMutexGuard<()>>,
}

impl Writing {
    pub(crate) async fn commit(self) -> Result<(), sqlx::Error> {
        self.tx.commit().await
    }

    pub(crate) async fn rollback(self) -> Result<(), sqlx::Error> {
        self.tx.rollback().await
    }
}

impl Deref for Writing {
    type Target = AnyConnection;

    fn deref(&self) -> &AnyConnection {
        &self.tx
    }
}

impl DerefMut for Writing {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        &mut self.tx
    }
}

/// The task that hears of other servers' changes; ends with the last copy of the records.
#[derive(Debug)]
struct Listener(AbortHandle);

impl Drop for Listener {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Records {
    /// Opens (or creates) the database file at `path` and brings its schema up to date.
    ///
    /// # Errors
    /// When the file cannot be opened, or was written by a newer program.
    pub async fn open(path: &Path, clock: Arc<dyn Clock>) -> Result<Records, RecordsError> {
        let options = local_options(path);
        let local = local_pool().connect_with(options.clone()).await?;
        sqlx::any::install_default_drivers();
        let pool = AnyPoolOptions::new()
            .max_connections(CONNECTIONS_MAX)
            .test_before_acquire(false)
            .after_connect(|connection, _| {
                Box::pin(async move {
                    // What a URL cannot say; see `local_options`.
                    let busy = format!("PRAGMA busy_timeout = {}", BUSY_TIMEOUT.as_millis());
                    connection.execute(sqlx::AssertSqlSafe(busy)).await?;
                    connection.execute("PRAGMA synchronous = FULL").await?;
                    connection
                        .execute(sqlx::AssertSqlSafe(format!("PRAGMA cache_size = -{CACHE_KIB}")))
                        .await?;
                    Ok(())
                })
            })
            .connect(options.to_url_lossy().as_str())
            .await?;
        Self::start(pool, Sql::Sqlite, local, clock).await
    }

    /// Opens the records on PostgreSQL, beside the file at `path`, which keeps what belongs to this server's
    /// disk only: the log store's manifest.
    ///
    /// # Errors
    /// When either cannot be opened, or was written by a newer program.
    pub async fn open_postgres(
        path: &Path,
        url: &PostgresUrl,
        clock: Arc<dyn Clock>,
    ) -> Result<Records, RecordsError> {
        let local = local_pool().connect_with(local_options(path)).await?;
        sqlx::any::install_default_drivers();
        let pool = AnyPoolOptions::new()
            .max_connections(CONNECTIONS_MAX)
            .acquire_timeout(BUSY_TIMEOUT)
            .connect(url.with_secrets())
            .await?;
        let mut records = Self::start(pool, Sql::Postgres, local, clock).await?;
        let listening = changes::listen(url, records.changes.clone(), records.origin).await?;
        records.listener = Some(Arc::new(Listener(listening)));
        Ok(records)
    }

    async fn start(
        pool: AnyPool,
        sql: Sql,
        local: SqlitePool,
        clock: Arc<dyn Clock>,
    ) -> Result<Records, RecordsError> {
        let changes = broadcast::channel(CHANGES_KEPT).0;
        let (origin, derived, writer, asked) =
            (Uuid::new_v4(), Derived::default(), Arc::default(), Asked::default());
        let records =
            Records { pool, sql, local, clock, changes, origin, listener: None, derived, writer, asked };
        records.migrate().await?;
        Ok(records)
    }

    /// The database in the data folder, for the log store's manifest.
    pub fn pool(&self) -> SqlitePool {
        self.local.clone()
    }

    /// Whether other servers may be using the same records.
    pub fn is_shared(&self) -> bool {
        self.sql == Sql::Postgres
    }

    /// The moment by the clock the records were opened with.
    pub fn now(&self) -> Ticks {
        self.clock.now()
    }

    /// Tells of every committed change from now on, other servers' on the same database too.
    pub fn subscribe(&self) -> Changes {
        Changes(self.changes.subscribe())
    }

    /// Closes all connections; later calls fail.
    pub async fn close(&self) {
        if let Some(listener) = &self.listener {
            listener.0.abort();
        }
        self.pool.close().await;
        self.local.close().await;
    }

    /// A write transaction. Taking the write lock at the start means that a read inside it cannot be
    /// overtaken by another writer.
    pub(crate) async fn begin(&self) -> Result<Writing, RecordsError> {
        match self.sql {
            Sql::Sqlite => {
                let turn = Arc::clone(&self.writer).lock_owned().await;
                let tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
                Ok(Writing { tx, _turn: Some(turn) })
            }
            Sql::Postgres => {
                let mut tx = self.pool.begin().await?;
                let timeout = format!("SET LOCAL lock_timeout = {}", BUSY_TIMEOUT.as_millis());
                tx.execute(sqlx::AssertSqlSafe(timeout)).await?;
                let lock = format!("SELECT pg_advisory_xact_lock({WRITERS_LOCK})::text");
                tx.execute(sqlx::AssertSqlSafe(lock)).await?;
                Ok(Writing { tx, _turn: None })
            }
        }
    }

    /// Runs one statement that changes something, in its turn among the writers (see [`Writing`]); the number of
    /// rows it changed. Not to be called by whoever holds a [`Writing`]: the two would wait for each other.
    pub(crate) async fn write<'q>(
        &self,
        statement: Query<'q, Any, AnyArguments>,
    ) -> Result<u64, sqlx::Error> {
        let turn = match self.sql {
            Sql::Sqlite => Some(self.writer.lock().await),
            Sql::Postgres => None,
        };
        let done = statement.execute(&self.pool).await;
        drop(turn);
        Ok(done?.rows_affected())
    }

    /// Commits, and tells of the changes: to listeners here, and to other servers on the same database.
    pub(crate) async fn commit(&self, mut tx: Writing, made: Vec<Change>) -> Result<(), RecordsError> {
        if self.sql == Sql::Postgres {
            for change in &made {
                changes::notify(&mut tx, change, self.origin).await?;
            }
        }
        tx.commit().await?;
        for change in made {
            // Nobody may be listening, which is no failure.
            drop(self.changes.send(Some(change)));
        }
        Ok(())
    }

    async fn migrate(&self) -> Result<(), RecordsError> {
        let mut tx = self.begin().await?;
        tx.execute("CREATE TABLE IF NOT EXISTS records_schema (version BIGINT NOT NULL)").await?;
        let found: Option<i64> =
            sqlx::query_scalar("SELECT version FROM records_schema ORDER BY version DESC LIMIT 1")
                .fetch_optional(&mut *tx)
                .await?;
        let known = MIGRATIONS.len() as i64;
        let found = found.unwrap_or(0);
        if found > known {
            return Err(RecordsError::NewerSchema { found, known });
        }
        for (version, (sqlite, postgres)) in (1..).zip(MIGRATIONS).skip(found as usize) {
            let step = match self.sql {
                Sql::Sqlite => *sqlite,
                Sql::Postgres => *postgres,
            };
            sqlx::raw_sql(step).execute(&mut *tx).await?;
            sqlx::query("INSERT INTO records_schema (version) VALUES ($1)")
                .bind(version as i64)
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        Ok(())
    }
}

/// A file in this process does not go away as a server does: nothing is gained by asking whether it is there before
/// each query, which would double the work of small ones.
fn local_pool() -> SqlitePoolOptions {
    SqlitePoolOptions::new().max_connections(CONNECTIONS_MAX).test_before_acquire(false)
}

/// FULL: an acknowledged write, and the store's manifest in the same file, survive power loss.
fn local_options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY_TIMEOUT)
}
