//! Small named values: settings, rule schedules, cursors.

use std::collections::HashMap;

use serde_json::Value;

use crate::database::Records;
use crate::error::RecordsError;
use crate::place::Sql;

const PUT: &str = "INSERT INTO state (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = $2";

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
        self.put_states(&[(key.to_owned(), value)]).await
    }

    /// The values under those of `keys` that have one. One statement, so the caller bounds how many it asks for.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn get_states(&self, keys: &[String]) -> Result<HashMap<String, Value>, RecordsError> {
        if keys.is_empty() {
            return Ok(HashMap::new());
        }
        let unpacked = match self.sql {
            Sql::Sqlite => "json_each($1)",
            Sql::Postgres => "json_array_elements_text($1::json)",
        };
        let sql = format!("SELECT key, value FROM state WHERE key IN (SELECT value FROM {unpacked})");
        let rows: Vec<(String, String)> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(serde_json::to_string(keys).expect("a list of texts is JSON"))
            .fetch_all(&self.pool)
            .await?;
        rows.into_iter().map(parsed).collect()
    }

    /// Sets many values, all or none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn put_states(&self, values: &[(String, Value)]) -> Result<(), RecordsError> {
        if values.is_empty() {
            return Ok(());
        }
        let mut tx = self.begin().await?;
        for (key, value) in values {
            sqlx::query(PUT).bind(key).bind(value.to_string()).execute(&mut *tx).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Removes the value under `key`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_state(&self, key: &str) -> Result<(), RecordsError> {
        self.write(sqlx::query("DELETE FROM state WHERE key = $1").bind(key)).await?;
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
        rows.into_iter().map(parsed).collect()
    }
}

fn parsed((key, text): (String, String)) -> Result<(String, Value), RecordsError> {
    match serde_json::from_str(&text) {
        Ok(value) => Ok((key, value)),
        Err(_) => Err(RecordsError::Damaged(key)),
    }
}
