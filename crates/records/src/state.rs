//! Small named values: settings, rule schedules, cursors.

use serde_json::Value;

use crate::database::Records;
use crate::error::RecordsError;

impl Records {
    /// The value under `key`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn get_state(&self, key: &str) -> Result<Option<Value>, RecordsError> {
        let text: Option<String> = sqlx::query_scalar("SELECT value FROM state WHERE key = $1")
            .bind(key)
            .fetch_optional(&self.pool)
            .await?;
        text.map(|text| serde_json::from_str(&text).map_err(|_| RecordsError::Damaged(key.to_owned())))
            .transpose()
    }

    /// Sets the value under `key`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn put_state(&self, key: &str, value: Value) -> Result<(), RecordsError> {
        sqlx::query(
            "INSERT INTO state (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = $2",
        )
        .bind(key)
        .bind(value.to_string())
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Removes the value under `key`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_state(&self, key: &str) -> Result<(), RecordsError> {
        sqlx::query("DELETE FROM state WHERE key = $1").bind(key).execute(&self.pool).await?;
        Ok(())
    }

    /// Every value whose key starts with `prefix`, in key order.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_state(&self, prefix: &str) -> Result<Vec<(String, Value)>, RecordsError> {
        let rows: Vec<(String, String)> =
            sqlx::query_as("SELECT key, value FROM state WHERE substr(key, 1, length($1)) = $1 ORDER BY key")
                .bind(prefix)
                .fetch_all(&self.pool)
                .await?;
        rows.into_iter()
            .map(|(key, text)| match serde_json::from_str(&text) {
                Ok(value) => Ok((key, value)),
                Err(_) => Err(RecordsError::Damaged(key)),
            })
            .collect()
    }
}
