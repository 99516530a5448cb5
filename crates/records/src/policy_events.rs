//! Policy events: what policies did and how compliance changed, newest first, kept for a while.
//!
//! They are no resources: an event may be of a resource that was never made, and outlives the one it is of.

use bartizan_base::{ResourceId, Ticks};
use serde_json::Value;
use uuid::Uuid;

use crate::database::Records;
use crate::error::RecordsError;
use crate::resources::below;

/// Events that are written with one statement.
const CHUNK: usize = 500;

/// A kept event.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyEvent {
    pub id: Uuid,
    pub time: Ticks,
    pub event: Value,
}

/// A new event: when, of which resource, and what.
#[derive(Clone, Debug, PartialEq)]
pub struct NewPolicyEvent {
    pub time: Ticks,
    pub resource: ResourceId,
    pub event: Value,
}

impl Records {
    /// Keeps events, all of them or none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn add_policy_events(&self, events: &[NewPolicyEvent]) -> Result<(), RecordsError> {
        if events.is_empty() {
            return Ok(());
        }
        let mut tx = self.begin().await?;
        for chunk in events.chunks(CHUNK) {
            let mut sql = String::from("INSERT INTO policy_events (id, time, resource_key, event) VALUES ");
            for at in 0..chunk.len() {
                let first = at * 4;
                let comma = if at == 0 { "" } else { ", " };
                sql.push_str(&format!(
                    "{comma}(${}, ${}, ${}, ${})",
                    first + 1,
                    first + 2,
                    first + 3,
                    first + 4
                ));
            }
            let mut query = sqlx::query(sqlx::AssertSqlSafe(sql));
            for NewPolicyEvent { time, resource, event } in chunk {
                query = query
                    .bind(Uuid::new_v4().to_string())
                    .bind(time.0)
                    .bind(resource.key().to_owned())
                    .bind(event.to_string());
            }
            query.execute(&mut *tx).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Events of `scope` and what lies below it, from `from` up to and including `to`, the newest first; `after` is the
    /// last one of the page before.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn policy_events(
        &self,
        scope: &ResourceId,
        from: Ticks,
        to: Ticks,
        after: Option<(Ticks, Uuid)>,
        limit: u32,
    ) -> Result<Vec<PolicyEvent>, RecordsError> {
        let (low, high) = below(scope);
        // No id is above every uuid.
        let (before, id) = after.map_or((to.0, "~".to_owned()), |(time, id)| (time.0, id.to_string()));
        let rows: Vec<(String, i64, String)> = sqlx::query_as(
            "SELECT id, time, event FROM policy_events
             WHERE (resource_key = $1 OR (resource_key > $2 AND resource_key < $3))
               AND time >= $4 AND (time < $5 OR (time = $5 AND id < $6))
             ORDER BY time DESC, id DESC LIMIT $7",
        )
        .bind(scope.key())
        .bind(&low)
        .bind(&high)
        .bind(from.0)
        .bind(before)
        .bind(&id)
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter()
            .map(|(id, time, event)| {
                let damaged = || RecordsError::Damaged(format!("policy event {id}"));
                Ok(PolicyEvent {
                    id: Uuid::parse_str(&id).map_err(|_| damaged())?,
                    time: Ticks(time),
                    event: serde_json::from_str(&event).map_err(|_| damaged())?,
                })
            })
            .collect()
    }

    /// Forgets events older than `oldest`, and the oldest of more than `most`; how many went.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn purge_policy_events(&self, oldest: Ticks, most: u32) -> Result<u64, RecordsError> {
        let mut tx = self.begin().await?;
        let by_age = sqlx::query("DELETE FROM policy_events WHERE time < $1").bind(oldest.0);
        let mut gone = by_age.execute(&mut *tx).await?.rows_affected();
        let last: Option<(i64, String)> = sqlx::query_as(
            "SELECT time, id FROM policy_events ORDER BY time DESC, id DESC LIMIT 1 OFFSET $1",
        )
        .bind(i64::from(most))
        .fetch_optional(&mut *tx)
        .await?;
        if let Some((time, id)) = last {
            let by_count = "DELETE FROM policy_events WHERE time < $1 OR (time = $1 AND id <= $2)";
            gone += sqlx::query(by_count).bind(time).bind(id).execute(&mut *tx).await?.rows_affected();
        }
        tx.commit().await?;
        Ok(gone)
    }
}
