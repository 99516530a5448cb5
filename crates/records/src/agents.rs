//! Enrolled agents: which machine a client certificate speaks for.

use std::collections::HashMap;

use bartizan_base::{ResourceId, Ticks};
use uuid::Uuid;

use crate::asked::{for_each, in_a_task};
use crate::database::Records;
use crate::error::RecordsError;
use crate::place::Sql;

/// An enrolled agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    pub vm_id: Uuid,
    pub machine: ResourceId,
    /// Serial number of the newest certificate, in lower-case hex.
    pub serial: String,
    /// The certificate before it, which stays good until it ends, in case the answer with the new one was
    /// lost. Empty when there was none.
    pub previous_serial: String,
    pub enrolled: Ticks,
    /// When the last status arrived.
    pub last_seen: Ticks,
    pub agent_version: String,
}

impl Agent {
    /// Whether a certificate with this serial number is one of this agent's.
    pub fn has_serial(&self, serial: &str) -> bool {
        !serial.is_empty() && (serial == self.serial || serial == self.previous_serial)
    }
}

/// Row of `agents`: vm_id, machine_id, serial, previous_serial, enrolled, last_seen, agent_version.
type Row = (String, String, String, String, i64, i64, String);

fn from_row(
    (vm_id, machine, serial, previous_serial, enrolled, last_seen, agent_version): Row,
) -> Result<Agent, RecordsError> {
    let damaged = || RecordsError::Damaged(format!("agent {vm_id}"));
    Ok(Agent {
        vm_id: Uuid::parse_str(&vm_id).map_err(|_| damaged())?,
        machine: ResourceId::parse(&machine).map_err(|_| damaged())?,
        serial,
        previous_serial,
        enrolled: Ticks(enrolled),
        last_seen: Ticks(last_seen),
        agent_version,
    })
}

impl Records {
    /// Adds an agent; a former agent of the same machine loses its access. One that spoke for another machine speaks for
    /// this one from now on.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn put_agent(&self, agent: &Agent) -> Result<(), RecordsError> {
        let (records, agent) = (self.clone(), agent.clone());
        in_a_task(async move {
            let new = records.asked.new_agents.clone();
            new.ask(agent, |agents| records.put_agents(agents)).await
        })
        .await
    }

    /// Adds agents in one transaction, in their order.
    async fn put_agents(&self, agents: Vec<Agent>) -> Result<Vec<Result<(), RecordsError>>, RecordsError> {
        Ok(match self.insert_agents(&agents).await {
            Ok(()) => agents.iter().map(|_| Ok(())).collect(),
            Err(error) => for_each(agents.len(), error),
        })
    }

    async fn insert_agents(&self, agents: &[Agent]) -> Result<(), RecordsError> {
        let mut tx = self.begin().await?;
        for agent in agents {
            sqlx::query("DELETE FROM agents WHERE machine_key = $1 OR vm_id = $2")
                .bind(agent.machine.key())
                .bind(agent.vm_id.to_string())
                .execute(&mut *tx)
                .await?;
            sqlx::query(
                "INSERT INTO agents (vm_id, machine_key, machine_id, serial, previous_serial, enrolled, last_seen, agent_version)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            )
            .bind(agent.vm_id.to_string())
            .bind(agent.machine.key())
            .bind(agent.machine.as_str())
            .bind(&agent.serial)
            .bind(&agent.previous_serial)
            .bind(agent.enrolled.0)
            .bind(agent.last_seen.0)
            .bind(&agent.agent_version)
            .execute(&mut *tx)
            .await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// The agent with this `vmId`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn agent(&self, vm_id: Uuid) -> Result<Option<Agent>, RecordsError> {
        let found = self.asked.agents.ask(vm_id, |asked| self.agents_each(asked)).await?;
        match found {
            Some(found) => Ok(found),
            None => self.agent_alone(vm_id).await,
        }
    }

    async fn agent_alone(&self, vm_id: Uuid) -> Result<Option<Agent>, RecordsError> {
        let row: Option<Row> = sqlx::query_as(
            "SELECT vm_id, machine_id, serial, previous_serial, enrolled, last_seen, agent_version
             FROM agents WHERE vm_id = $1",
        )
        .bind(vm_id.to_string())
        .fetch_optional(&self.pool)
        .await?;
        row.map(from_row).transpose()
    }

    /// What there is of each of `asked`, in their order.
    async fn agents_each(&self, asked: Vec<Uuid>) -> Result<Vec<Option<Agent>>, RecordsError> {
        if let [vm_id] = asked[..] {
            return Ok(vec![self.agent_alone(vm_id).await?]);
        }
        let (unpacked, join) = match self.sql {
            Sql::Sqlite => ("json_each($1)", "CROSS JOIN agents WHERE"),
            Sql::Postgres => ("json_array_elements_text($1::json)", "JOIN agents ON"),
        };
        let sql = format!(
            "SELECT vm_id, machine_id, serial, previous_serial, enrolled, last_seen, agent_version
             FROM (SELECT value AS key FROM {unpacked}) AS asked {join} agents.vm_id = asked.key"
        );
        let rows: Vec<Row> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(serde_json::json!(asked).to_string())
            .fetch_all(&self.pool)
            .await?;
        let found = rows.into_iter().map(|row| from_row(row).map(|agent| (agent.vm_id, agent)));
        let found = found.collect::<Result<HashMap<Uuid, Agent>, _>>()?;
        Ok(asked.iter().map(|vm_id| found.get(vm_id).cloned()).collect())
    }

    /// All agents.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn agents(&self) -> Result<Vec<Agent>, RecordsError> {
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT vm_id, machine_id, serial, previous_serial, enrolled, last_seen, agent_version FROM agents",
        )
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(from_row).collect()
    }

    /// Remembers a renewed certificate beside the one it replaces.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn renew_agent(
        &self,
        vm_id: Uuid,
        used_serial: &str,
        new_serial: &str,
    ) -> Result<(), RecordsError> {
        self.write(
            sqlx::query("UPDATE agents SET previous_serial = $2, serial = $3 WHERE vm_id = $1")
                .bind(vm_id.to_string())
                .bind(used_serial)
                .bind(new_serial),
        )
        .await?;
        Ok(())
    }

    /// Remembers that the agent reported.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn touch_agent(&self, vm_id: Uuid, at: Ticks, version: &str) -> Result<(), RecordsError> {
        self.touch_agents(&[(vm_id, at, version)]).await
    }

    /// Remembers when each of some agents reported, and with which version; a later time that is known stays.
    ///
    /// # Errors
    /// When the database fails; then none was written.
    pub async fn touch_agents(&self, heard: &[(Uuid, Ticks, &str)]) -> Result<(), RecordsError> {
        let mut tx = self.begin().await?;
        for (vm_id, at, version) in heard {
            sqlx::query(
                "UPDATE agents SET last_seen = $2, agent_version = $3 WHERE vm_id = $1 AND last_seen < $2",
            )
            .bind(vm_id.to_string())
            .bind(at.0)
            .bind(*version)
            .execute(&mut *tx)
            .await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// The agent that speaks for a machine.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn agent_of(&self, machine: &ResourceId) -> Result<Option<Agent>, RecordsError> {
        let row: Option<Row> = sqlx::query_as(
            "SELECT vm_id, machine_id, serial, previous_serial, enrolled, last_seen, agent_version
             FROM agents WHERE machine_key = $1",
        )
        .bind(machine.key())
        .fetch_optional(&self.pool)
        .await?;
        row.map(from_row).transpose()
    }

    /// The machines whose agents have not been heard of after `limit`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn silent_agents(&self, limit: Ticks) -> Result<Vec<ResourceId>, RecordsError> {
        let ids: Vec<String> = sqlx::query_scalar("SELECT machine_id FROM agents WHERE last_seen <= $1")
            .bind(limit.0)
            .fetch_all(&self.pool)
            .await?;
        let parsed =
            |id: String| ResourceId::parse(&id).map_err(|_| RecordsError::Damaged(format!("agent of {id}")));
        ids.into_iter().map(parsed).collect()
    }
}
