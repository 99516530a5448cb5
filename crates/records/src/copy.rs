//! A copy of the database while it is used.

use std::path::Path;

use sqlx::SqlitePool;
use sqlx::sqlite::SqliteConnectOptions;

use crate::database::Records;
use crate::error::RecordsError;

impl Records {
    /// Writes the whole database, as it is at one moment, to a new file.
    ///
    /// # Errors
    /// When the file exists or cannot be written.
    pub async fn snapshot_to(&self, path: &Path) -> Result<(), RecordsError> {
        let path = path.to_string_lossy().into_owned();
        sqlx::query("VACUUM INTO ?1").bind(path).execute(&self.pool).await?;
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
}
