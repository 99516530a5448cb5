//! What the manifest keeps of the published Delta tables: their last version and columns, the files they
//! name, and those that left them and wait to be deleted.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bartizan_base::{Ticks, WorkspaceId};
use sqlx::{Connection, Row};
use uuid::Uuid;

use crate::delta::{Add, Published};
use crate::error::StoreError;
use crate::manifest::{Manifest, TableKey, table_key};
use crate::manifest_files::{FILES_AT_ONCE, RECORD, UNIT, unreadable};

/// The next files after the path `?1`, as one text, and the last one's path; see [`crate::manifest_files`].
const FILES: &str = "
SELECT max(path), group_concat(line, char(30)) FROM (
    SELECT path, concat_ws(char(31), hex(workspace), table_name, path, size_bytes, rows, added,
                           iif(removed IS NULL, '+', '-')) AS line
    FROM store_delta_files WHERE path > ?1 ORDER BY path LIMIT ?2)";

/// A file's table and path; without a size when it has left the published table.
fn published_file(line: &str) -> Option<(TableKey, &str, Option<Add>)> {
    let values: Vec<&str> = line.split(UNIT).collect();
    let [workspace, table, path, size_bytes, rows, added, removed] = values[..] else { return None };
    let key = (WorkspaceId(Uuid::try_parse(workspace).ok()?), Arc::from(table));
    let add = Add {
        size_bytes: size_bytes.parse().ok()?,
        rows: rows.parse().ok()?,
        modified: added.parse().ok()?,
        bounds: None,
    };
    Some((key, path, (removed == "+").then_some(add)))
}

impl Manifest {
    /// What every published table shows, and the files that left one and were not deleted yet. Bounds are not kept
    /// here; the files' own entries have them.
    pub(crate) async fn published(
        &self,
        dir: &Path,
    ) -> Result<(Vec<(TableKey, Published)>, HashSet<PathBuf>), StoreError> {
        let mut tables = HashMap::new();
        for row in sqlx::query("SELECT workspace, table_name, version, columns FROM store_delta")
            .fetch_all(self.pool())
            .await?
        {
            let version = Some(row.try_get::<i64, _>(2)? as u64);
            let published = Published { version, columns: row.try_get(3)?, ..Published::default() };
            tables.insert(table_key(&row)?, (published, Vec::new()));
        }
        let mut left = HashSet::new();
        let mut after = String::new();
        loop {
            let page = sqlx::query(FILES).bind(&after).bind(FILES_AT_ONCE).fetch_one(self.pool()).await?;
            let Some(last) = page.try_get::<Option<String>, _>(0)? else { break };
            for line in page.try_get::<&str, _>(1)?.split(RECORD) {
                let (key, path, add) = published_file(line).ok_or_else(|| unreadable(line))?;
                let path = dir.join(path);
                match (add, tables.get_mut(&key)) {
                    (Some(add), Some((_, files))) => files.push((path, add)),
                    _ => drop(left.insert(path)),
                }
            }
            after = last;
        }
        // All at once: what is in order already is taken over without a search for each place.
        let whole = |(key, (published, files)): (TableKey, (Published, Vec<(PathBuf, Add)>))| {
            (key, Published { files: files.into_iter().collect(), ..published })
        };
        Ok((tables.into_iter().map(whole).collect(), left))
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
