//! Copies of the records: beside the server while it runs, and from one kind of database to the other.

use std::path::Path;

use sqlx::any::{Any, AnyRow};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Row, SqlitePool};

use crate::database::{Records, Writing};
use crate::error::RecordsError;
use crate::place::Sql;

/// A table of records and its columns, each with whether it holds numbers.
type Shape = (String, Vec<(String, bool)>);

impl Records {
    /// Writes everything the local database and the records hold, as it is at one moment, to a new file.
    /// Records on PostgreSQL are in it too, so that the copy is complete by itself.
    ///
    /// # Errors
    /// When the file exists or cannot be written.
    pub async fn snapshot_to(&self, path: &Path) -> Result<(), RecordsError> {
        let name = path.to_string_lossy().into_owned();
        sqlx::query("VACUUM INTO $1").bind(name).execute(&self.local).await?;
        if self.sql == Sql::Postgres {
            let copy = Records::open(path, self.clock.clone()).await?;
            let copied = self.copy_to(&copy).await;
            copy.close().await;
            copied?;
        }
        Ok(())
    }

    /// Opens a copy of a database for reading, as it is: nothing is upgraded.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub async fn open_copy(path: &Path) -> Result<SqlitePool, RecordsError> {
        let options = SqliteConnectOptions::new().filename(path).read_only(true);
        Ok(SqlitePool::connect_with(options).await?)
    }

    /// Whether nothing was ever kept here.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn is_empty(&self) -> Result<bool, RecordsError> {
        let found: Option<String> =
            sqlx::query_scalar("SELECT key FROM state LIMIT 1").fetch_optional(&self.pool).await?;
        Ok(found.is_none())
    }

    /// Replaces all records of `to` by these, all of them or none. One of the two is a file. Leases stay
    /// behind: they are of the servers that hold them.
    ///
    /// # Errors
    /// When either database fails.
    pub async fn copy_to(&self, to: &Records) -> Result<u64, RecordsError> {
        let file = if self.sql == Sql::Sqlite { self } else { to };
        let shapes = shapes(&file.local).await?;
        // Writers wait meanwhile, so that all tables are of one moment.
        let mut source = self.begin().await?;
        let mut target = to.begin().await?;
        let mut rows = 0;
        for (table, columns) in &shapes {
            sqlx::query(sqlx::AssertSqlSafe(format!("DELETE FROM {table}"))).execute(&mut *target).await?;
            rows += copy_table(&mut source, &mut target, table, columns).await?;
        }
        let last = last_activity(&mut source, self.sql).await?;
        set_last_activity(&mut target, to.sql, last).await?;
        source.rollback().await?;
        target.commit().await?;
        Ok(rows)
    }

    /// Removes all records, after they were copied to where they are from now on.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn clear(&self) -> Result<(), RecordsError> {
        let shapes = shapes(&self.local).await?;
        let mut tx = self.begin().await?;
        for (table, _) in &shapes {
            sqlx::query(sqlx::AssertSqlSafe(format!("DELETE FROM {table}"))).execute(&mut *tx).await?;
        }
        tx.commit().await?;
        Ok(())
    }
}

/// The tables of records as the file has them, which both databases share. Those of the log store's manifest
/// are not among them.
async fn shapes(file: &SqlitePool) -> Result<Vec<Shape>, RecordsError> {
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'store~_%' ESCAPE '~'
         AND name NOT LIKE 'sqlite~_%' ESCAPE '~' AND name NOT IN ('records_schema', 'leases') ORDER BY name",
    )
    .fetch_all(file)
    .await?;
    let mut shapes = Vec::with_capacity(tables.len());
    for table in tables {
        let columns: Vec<(String, bool)> =
            sqlx::query_as("SELECT name, type = 'INTEGER' FROM pragma_table_info($1) ORDER BY cid")
                .bind(&table)
                .fetch_all(file)
                .await?;
        shapes.push((table, columns));
    }
    Ok(shapes)
}

async fn copy_table(
    source: &mut Writing,
    target: &mut Writing,
    table: &str,
    columns: &[(String, bool)],
) -> Result<u64, RecordsError> {
    use futures::TryStreamExt;
    let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
    let places: Vec<String> = (1..=columns.len()).map(|n| format!("${n}")).collect();
    let select = format!("SELECT {} FROM {table}", names.join(", "));
    let insert = format!("INSERT INTO {table} ({}) VALUES ({})", names.join(", "), places.join(", "));
    let mut found = sqlx::query(sqlx::AssertSqlSafe(select)).fetch(&mut **source);
    let mut count = 0;
    while let Some(row) = found.try_next().await? {
        bind_row(sqlx::query(sqlx::AssertSqlSafe(insert.clone())), &row, columns)?
            .execute(&mut **target)
            .await?;
        count += 1;
    }
    Ok(count)
}

type Insert<'q> = sqlx::query::Query<'q, Any, sqlx::any::AnyArguments>;

fn bind_row<'q>(
    mut insert: Insert<'q>,
    row: &AnyRow,
    columns: &[(String, bool)],
) -> Result<Insert<'q>, RecordsError> {
    for (at, (_, is_number)) in columns.iter().enumerate() {
        insert = if *is_number {
            insert.bind(row.try_get::<Option<i64>, _>(at)?)
        } else {
            insert.bind(row.try_get::<Option<String>, _>(at)?)
        };
    }
    Ok(insert)
}

/// The last number that an activity entry got. It must go on from there: the log store knows batches by it.
async fn last_activity(tx: &mut Writing, sql: Sql) -> Result<i64, RecordsError> {
    let last: Option<i64> = sqlx::query_scalar(match sql {
        Sql::Sqlite => "SELECT seq FROM sqlite_sequence WHERE name = 'activity'",
        Sql::Postgres => "SELECT last_value FROM activity_seq_seq WHERE is_called",
    })
    .fetch_optional(&mut **tx)
    .await?;
    Ok(last.unwrap_or(0))
}

async fn set_last_activity(tx: &mut Writing, sql: Sql, last: i64) -> Result<(), RecordsError> {
    if last == 0 {
        return Ok(());
    }
    match sql {
        Sql::Sqlite => {
            sqlx::query("DELETE FROM sqlite_sequence WHERE name = 'activity'").execute(&mut **tx).await?;
            sqlx::query("INSERT INTO sqlite_sequence (name, seq) VALUES ('activity', $1)")
                .bind(last)
                .execute(&mut **tx)
                .await?;
        }
        Sql::Postgres => {
            sqlx::query("SELECT setval('activity_seq_seq', $1)").bind(last).execute(&mut **tx).await?;
        }
    }
    Ok(())
}
