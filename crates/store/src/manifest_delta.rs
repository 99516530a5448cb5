//! What the manifest keeps of the published Delta tables: their last version and columns, the files they
//! name, and those that left them and wait to be deleted.

use std::path::{Path, PathBuf};

use bartizan_base::Ticks;
use sqlx::{Connection, Row};

use crate::delta::{Add, Published};
use crate::error::StoreError;
use crate::manifest::{Manifest, TableKey, table_key};

impl Manifest {
    /// What every published table shows. Bounds are not kept here; the files' own entries have them.
    pub(crate) async fn published(&self, dir: &Path) -> Result<Vec<(TableKey, Published)>, StoreError> {
        let mut tables = Vec::new();
        for row in sqlx::query("SELECT workspace, table_name, version, columns FROM store_delta")
            .fetch_all(self.pool())
            .await?
        {
            let version = Some(row.try_get::<i64, _>(2)? as u64);
            let published = Published { version, columns: row.try_get(3)?, ..Published::default() };
            tables.push((table_key(&row)?, published));
        }
        for row in sqlx::query(
            "SELECT workspace, table_name, path, size_bytes, rows, added FROM store_delta_files WHERE removed IS NULL",
        )
        .fetch_all(self.pool())
        .await?
        {
            let key = table_key(&row)?;
            let Some((_, published)) = tables.iter_mut().find(|(known, _)| *known == key) else { continue };
            let path: &str = row.try_get(2)?;
            let add = Add {
                size_bytes: row.try_get::<i64, _>(3)? as u64,
                rows: row.try_get::<i64, _>(4)? as u64,
                modified: row.try_get(5)?,
                bounds: None,
            };
            published.files.insert(dir.join(path), add);
        }
        Ok(tables)
    }

    /// All files that published tables name or named and that were not deleted yet, relative to the store's folder.
    pub(crate) async fn published_paths(&self) -> Result<Vec<String>, StoreError> {
        let rows = sqlx::query("SELECT path FROM store_delta_files").fetch_all(self.pool()).await?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    /// Notes a commit: what is published after it, and which files came and went with it.
    pub(crate) async fn put_published(
        &self,
        dir: &Path,
        key: &TableKey,
        published: &Published,
        added: &[(&PathBuf, &Add)],
        removed: &[PathBuf],
        now: Ticks,
    ) -> Result<(), StoreError> {
        let workspace = key.0.0.as_bytes().as_slice();
        let relative = |path: &PathBuf| path.strip_prefix(dir).unwrap_or(path).to_string_lossy().into_owned();
        let mut connection = self.writer().await?;
        let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::query(
            "INSERT INTO store_delta (workspace, table_name, version, columns) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET version = ?3, columns = ?4",
        )
        .bind(workspace)
        .bind(key.1.as_ref())
        .bind(published.version.unwrap_or_default() as i64)
        .bind(&published.columns)
        .execute(&mut *tx)
        .await?;
        for (path, add) in added {
            sqlx::query(
                "INSERT INTO store_delta_files (path, workspace, table_name, size_bytes, rows, added)
                 VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            )
            .bind(relative(path))
            .bind(workspace)
            .bind(key.1.as_ref())
            .bind(add.size_bytes as i64)
            .bind(add.rows as i64)
            .bind(add.modified)
            .execute(&mut *tx)
            .await?;
        }
        for path in removed {
            sqlx::query(
                "INSERT INTO store_delta_files (path, workspace, table_name, size_bytes, rows, added, removed)
                 VALUES (?1, ?2, ?3, 0, 0, 0, ?4) ON CONFLICT DO UPDATE SET removed = ?4",
            )
            .bind(relative(path))
            .bind(workspace)
            .bind(key.1.as_ref())
            .bind(now.0)
            .execute(&mut *tx)
            .await?;
        }
        Ok(tx.commit().await?)
    }

    /// Files that left their published table before a time.
    pub(crate) async fn unpublished(&self, before: Ticks) -> Result<Vec<String>, StoreError> {
        let rows = sqlx::query("SELECT path FROM store_delta_files WHERE removed < ?")
            .bind(before.0)
            .fetch_all(self.pool())
            .await?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    /// A file that left its published table is deleted.
    pub(crate) async fn forget_unpublished(&self, path: &str) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM store_delta_files WHERE path = ? AND removed IS NOT NULL")
            .bind(path)
            .execute(self.pool())
            .await?;
        Ok(())
    }
}
