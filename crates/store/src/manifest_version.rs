//! The stored form of the manifest, version by version.
//!
//! A step is never edited once it was released: `tests/versions` has folders that earlier programs wrote,
//! and every program reads all of them.

use sqlx::{Row, SqlitePool};

use crate::error::StoreError;

/// What each version adds; step N brings the tables to version N.
const STEPS: &[&str] = &[
    "
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
",
    "
ALTER TABLE store_files ADD COLUMN crc INTEGER;
ALTER TABLE store_files ADD COLUMN received INTEGER;
ALTER TABLE store_files ADD COLUMN index_at INTEGER;
ALTER TABLE store_files ADD COLUMN index_len INTEGER;
CREATE TABLE store_damaged (
    id INTEGER PRIMARY KEY, workspace BLOB NOT NULL, table_name TEXT NOT NULL, path TEXT NOT NULL,
    rows INTEGER NOT NULL, time_min INTEGER NOT NULL, time_max INTEGER NOT NULL, reason TEXT NOT NULL,
    found INTEGER NOT NULL) STRICT;
CREATE TABLE store_retention (
    workspace BLOB NOT NULL, table_name TEXT NOT NULL, days INTEGER NOT NULL, total_days INTEGER NOT NULL,
    PRIMARY KEY (workspace, table_name)) STRICT;
CREATE TABLE store_delta (
    workspace BLOB NOT NULL, table_name TEXT NOT NULL, version INTEGER NOT NULL, columns TEXT NOT NULL,
    PRIMARY KEY (workspace, table_name)) STRICT;
CREATE TABLE store_delta_files (
    path TEXT PRIMARY KEY, workspace BLOB NOT NULL, table_name TEXT NOT NULL, size_bytes INTEGER NOT NULL,
    rows INTEGER NOT NULL, added INTEGER NOT NULL, removed INTEGER) STRICT;
CREATE TABLE store_purges (
    id TEXT PRIMARY KEY, workspace BLOB NOT NULL, table_name TEXT NOT NULL, seq INTEGER NOT NULL,
    filters TEXT NOT NULL, started INTEGER NOT NULL, ended INTEGER, rows INTEGER NOT NULL) STRICT;
",
];

/// Creates or upgrades the tables, all of it or nothing.
///
/// # Errors
/// `Version` when a newer program wrote them; they are left alone then.
pub(crate) async fn upgrade(pool: &SqlitePool) -> Result<(), StoreError> {
    let supported = STEPS.len() as i64;
    let mut tx = pool.begin_with("BEGIN IMMEDIATE").await?;
    sqlx::raw_sql(
        "CREATE TABLE IF NOT EXISTS store_meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT",
    )
    .execute(&mut *tx)
    .await?;
    let row =
        sqlx::query("SELECT value FROM store_meta WHERE key = 'version'").fetch_optional(&mut *tx).await?;
    let found: i64 = row.map_or(Ok(0), |row| row.try_get(0))?;
    if found > supported {
        return Err(StoreError::Version { what: "manifest".to_owned(), found, supported });
    }
    for step in STEPS.iter().skip(usize::try_from(found).unwrap_or(0)) {
        sqlx::raw_sql(*step).execute(&mut *tx).await?;
    }
    sqlx::query(
        "INSERT INTO store_meta (key, value) VALUES ('version', ?1) ON CONFLICT DO UPDATE SET value = ?1",
    )
    .bind(supported)
    .execute(&mut *tx)
    .await?;
    Ok(tx.commit().await?)
}
