//! Evidence: facts about machines that posture decides from, topic by topic.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bartizan_base::{ResourceId, Ticks};
use serde_json::Value;

use crate::database::Records;
use crate::error::RecordsError;
use crate::place::Sql;
use crate::resources::{Change, ChangeOp};

/// The `resource_type` of the [`Change`] announced when a machine's evidence changes; the `id` is the machine.
pub const EVIDENCE_CHANGE_TYPE: &str = "bartizan/evidence";

impl Records {
    /// Replaces one topic. Listeners are told only when the facts differ.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn put_evidence(
        &self,
        machine: &ResourceId,
        topic: &str,
        facts: Value,
        at: Ticks,
    ) -> Result<(), RecordsError> {
        let mut tx = self.begin().await?;
        let text = facts.to_string();
        let before: Option<String> =
            sqlx::query_scalar("SELECT facts FROM evidence WHERE machine_key = $1 AND topic = $2")
                .bind(machine.key())
                .bind(topic)
                .fetch_optional(&mut *tx)
                .await?;
        sqlx::query(
            "INSERT INTO evidence (machine_key, topic, time, facts) VALUES ($1, $2, $3, $4)
             ON CONFLICT (machine_key, topic) DO UPDATE SET time = $3, facts = $4",
        )
        .bind(machine.key())
        .bind(topic)
        .bind(at.0)
        .bind(&text)
        .execute(&mut *tx)
        .await?;
        let made = (before.as_deref() != Some(text.as_str())).then(|| Change {
            id: machine.clone(),
            resource_type: EVIDENCE_CHANGE_TYPE.to_owned(),
            op: ChangeOp::Put,
            system: true,
        });
        self.commit(tx, made.into_iter().collect()).await?;
        Ok(())
    }

    /// The topics known of a machine.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn evidence_topics(&self, machine: &ResourceId) -> Result<BTreeSet<String>, RecordsError> {
        let topics: Vec<String> = sqlx::query_scalar("SELECT topic FROM evidence WHERE machine_key = $1")
            .bind(machine.key())
            .fetch_all(&self.pool)
            .await?;
        Ok(topics.into_iter().collect())
    }

    /// Everything known of a machine: topic → when, facts.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn evidence(
        &self,
        machine: &ResourceId,
    ) -> Result<BTreeMap<String, (Ticks, Value)>, RecordsError> {
        let rows: Vec<(String, i64, String)> =
            sqlx::query_as("SELECT topic, time, facts FROM evidence WHERE machine_key = $1")
                .bind(machine.key())
                .fetch_all(&self.pool)
                .await?;
        rows.into_iter()
            .map(|(topic, time, facts)| {
                let facts = serde_json::from_str(&facts)
                    .map_err(|_| RecordsError::Damaged(format!("evidence {topic} of {machine}")))?;
                Ok((topic, (Ticks(time), facts)))
            })
            .collect()
    }
    /// Everything known of each machine, by the key of its id; one without evidence has no entry. One statement, so
    /// the caller bounds how many it asks for.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn evidence_of_each(
        &self,
        machines: &[ResourceId],
    ) -> Result<HashMap<String, BTreeMap<String, (Ticks, Value)>>, RecordsError> {
        let mut out: HashMap<String, BTreeMap<String, (Ticks, Value)>> = HashMap::new();
        if machines.is_empty() {
            return Ok(out);
        }
        let unpacked = match self.sql {
            Sql::Sqlite => "json_each($1)",
            Sql::Postgres => "json_array_elements_text($1::json)",
        };
        let sql = format!(
            "SELECT machine_key, topic, time, facts FROM evidence
             WHERE machine_key IN (SELECT value FROM {unpacked})"
        );
        let keys: Vec<&str> = machines.iter().map(ResourceId::key).collect();
        let rows: Vec<(String, String, i64, String)> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(serde_json::to_string(&keys).expect("a list of texts is JSON"))
            .fetch_all(&self.pool)
            .await?;
        for (machine, topic, time, facts) in rows {
            let facts = serde_json::from_str(&facts)
                .map_err(|_| RecordsError::Damaged(format!("evidence {topic} of {machine}")))?;
            out.entry(machine).or_default().insert(topic, (Ticks(time), facts));
        }
        Ok(out)
    }
}
