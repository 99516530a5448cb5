//! The outbox of `AzureActivity`: every audited write leaves an entry, in its own transaction, that is
//! handed to the log store exactly once.

use bartizan_base::{BatchId, Ticks};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::actor::Actor;
use crate::database::{Records, Writing};
use crate::error::RecordsError;
use crate::place::Sql;
use crate::resources::Resource;

/// One change: who did what to which resource, with the body before and after.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Activity {
    pub time: Ticks,
    /// `Microsoft.Security/pricings/write` and so on.
    pub operation: String,
    pub resource_id: String,
    pub resource_type: String,
    pub actor: Actor,
    pub correlation_id: Uuid,
    pub before: Option<Value>,
    pub after: Option<Value>,
}

/// Entries that are handed over together, under a number that a retry repeats.
#[derive(Clone, Debug, PartialEq)]
pub struct ActivityBatch {
    pub id: BatchId,
    pub entries: Vec<Activity>,
}

const SOURCE_KEY: &str = "activity/source";

impl Activity {
    pub(crate) fn written(before: Option<&Resource>, after: &Resource, actor: &Actor) -> Self {
        Self {
            time: after.modified,
            operation: format!("{}/write", after.resource_type),
            resource_id: after.id.to_string(),
            resource_type: after.resource_type.clone(),
            actor: actor.clone(),
            correlation_id: Uuid::new_v4(),
            before: before.map(|before| before.body.clone()),
            after: Some(after.body.clone()),
        }
    }

    pub(crate) fn deleted(before: &Resource, actor: &Actor, time: Ticks) -> Self {
        Self {
            time,
            operation: format!("{}/delete", before.resource_type),
            resource_id: before.id.to_string(),
            resource_type: before.resource_type.clone(),
            actor: actor.clone(),
            correlation_id: Uuid::new_v4(),
            before: Some(before.body.clone()),
            after: None,
        }
    }

    pub(crate) async fn insert(&self, tx: &mut Writing) -> Result<(), RecordsError> {
        let entry = serde_json::to_string(self).expect("an activity has only text keys");
        sqlx::query("INSERT INTO activity (entry) VALUES ($1)").bind(entry).execute(&mut **tx).await?;
        Ok(())
    }

    /// Inserts `entries` in their order, by one statement.
    pub(crate) async fn insert_all(
        tx: &mut Writing,
        sql: Sql,
        entries: &[Activity],
    ) -> Result<(), RecordsError> {
        if entries.is_empty() {
            return Ok(());
        }
        let texts = entries.iter().map(|entry| serde_json::to_string(entry).map(Value::String));
        let texts = texts.collect::<Result<Value, _>>().expect("an activity has only text keys");
        let unpacked = match sql {
            Sql::Sqlite => "SELECT value FROM json_each($1) ORDER BY key",
            Sql::Postgres => {
                "SELECT value FROM json_array_elements_text($1::json) WITH ORDINALITY AS entry (value, place)
                 ORDER BY place"
            }
        };
        let statement = format!("INSERT INTO activity (entry) {unpacked}");
        sqlx::query(sqlx::AssertSqlSafe(statement)).bind(texts.to_string()).execute(&mut **tx).await?;
        Ok(())
    }
}

impl Records {
    /// Records an action that wrote no resource (a sign-in, a token handed out).
    ///
    /// # Errors
    /// When the database fails.
    pub async fn note(&self, activity: &Activity) -> Result<(), RecordsError> {
        let mut tx = self.begin().await?;
        activity.insert(&mut tx).await?;
        tx.commit().await?;
        Ok(())
    }

    /// The oldest batch that was not acknowledged, else a new one of up to `limit` entries.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn next_activity(&self, limit: u32) -> Result<Option<ActivityBatch>, RecordsError> {
        let mut tx = self.begin().await?;
        let source = activity_source(&mut tx).await?;
        let open: Option<i64> = sqlx::query_scalar("SELECT min(batch) FROM activity WHERE batch IS NOT NULL")
            .fetch_one(&mut *tx)
            .await?;
        let batch = match open {
            Some(batch) => batch,
            None => {
                // The number of the last entry: it grows for ever, because the column is AUTOINCREMENT.
                let last: Option<i64> = sqlx::query_scalar(
                    "SELECT max(seq) FROM (SELECT seq FROM activity WHERE batch IS NULL ORDER BY seq LIMIT $1) AS next",
                )
                .bind(i64::from(limit))
                .fetch_one(&mut *tx)
                .await?;
                let Some(last) = last else { return Ok(None) };
                sqlx::query("UPDATE activity SET batch = $1 WHERE batch IS NULL AND seq <= $1")
                    .bind(last)
                    .execute(&mut *tx)
                    .await?;
                last
            }
        };
        let rows: Vec<String> =
            sqlx::query_scalar("SELECT entry FROM activity WHERE batch = $1 ORDER BY seq")
                .bind(batch)
                .fetch_all(&mut *tx)
                .await?;
        tx.commit().await?;
        let entries = rows
            .iter()
            .map(|row| {
                serde_json::from_str(row).map_err(|_| RecordsError::Damaged(format!("activity {batch}")))
            })
            .collect::<Result<_, _>>()?;
        Ok(Some(ActivityBatch { id: BatchId { source, seq: batch as u64 }, entries }))
    }

    /// Forgets a batch that the log store has made durable.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn acknowledge_activity(&self, batch: BatchId) -> Result<(), RecordsError> {
        self.write(sqlx::query("DELETE FROM activity WHERE batch = $1").bind(batch.seq as i64)).await?;
        Ok(())
    }
}

async fn activity_source(tx: &mut Writing) -> Result<Uuid, RecordsError> {
    sqlx::query("INSERT INTO state (key, value) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING")
        .bind(SOURCE_KEY)
        .bind(json!(Uuid::new_v4()).to_string())
        .execute(&mut **tx)
        .await?;
    let text: String = sqlx::query_scalar("SELECT value FROM state WHERE key = $1")
        .bind(SOURCE_KEY)
        .fetch_one(&mut **tx)
        .await?;
    serde_json::from_str(&text).map_err(|_| RecordsError::Damaged(SOURCE_KEY.to_owned()))
}
