//! Operations that take longer than a request, recorded step by step.
//!
//! A step and the note that it was done are one transaction, so an operation that is stopped anywhere, by a crash
//! too, goes on after its last step, and each step happens exactly once. Whether an operation may be done is asked
//! before it is started; here it is only done.

use bartizan_base::{ResourceId, Ticks, Timespan};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::activity::Activity;
use crate::actor::Actor;
use crate::database::{Records, Writing};
use crate::error::RecordsError;
use crate::resources::{Change, Resource, Row, from_row, load, put, remove_tree};
use crate::transfer;

/// Ended operations are remembered this long.
const KEPT: Timespan = Timespan::from_seconds(7 * 86_400);

/// An operation and how far it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    pub id: Uuid,
    /// What it is about: the resource group.
    pub scope: ResourceId,
    pub work: Work,
    pub state: OperationState,
    /// Steps that were done.
    pub step: u32,
    /// Why it failed, for people.
    pub error: String,
    /// Who asked for it.
    pub actor: Actor,
    pub started: Ticks,
    /// When the last step was done.
    pub modified: Ticks,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Work {
    /// Deletes the resource group `scope` with everything in it, one resource a step.
    DeleteGroup,
    /// Moves resources of the group `scope` to another group, one a step, with what hangs on them; the last step
    /// leads references in other resources to the new places.
    Move {
        resources: Vec<ResourceId>,
        target: ResourceId,
        /// Children with one of these `properties.type` are deleted instead of moved.
        left_behind: Vec<String>,
    },
}

/// Where an operation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperationState {
    Running,
    Succeeded,
    Failed,
}

impl OperationState {
    /// As on the wire and in the records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "Running",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Running, Self::Succeeded, Self::Failed].into_iter().find(|state| state.as_str() == text)
    }
}

/// What a step came to.
pub(crate) enum Outcome {
    /// There is more to do.
    Goes,
    Done,
    Failed(String),
}

/// Row of `operations`: id, scope, state, step, plan, error, actor, started, modified.
type OperationRow = (String, String, String, i64, String, String, String, i64, i64);

const COLUMNS: &str = "id, scope, state, step, plan, error, actor, started, modified";

fn read(row: OperationRow) -> Result<Operation, RecordsError> {
    let (id, scope, state, step, plan, error, actor, started, modified) = row;
    let damaged = || RecordsError::Damaged(format!("operation {id}"));
    Ok(Operation {
        id: Uuid::parse_str(&id).map_err(|_| damaged())?,
        scope: ResourceId::parse(&scope).map_err(|_| damaged())?,
        work: serde_json::from_str(&plan).map_err(|_| damaged())?,
        state: OperationState::parse(&state).ok_or_else(damaged)?,
        step: u32::try_from(step).map_err(|_| damaged())?,
        error,
        actor: serde_json::from_str(&actor).map_err(|_| damaged())?,
        started: Ticks(started),
        modified: Ticks(modified),
    })
}

impl Records {
    /// Notes an operation, which from now on is done whatever happens, and forgets those that ended long ago. One
    /// that is under way upon the same scope is given instead, when it is the same work.
    ///
    /// # Errors
    /// [`RecordsError::UnderWay`] when another one works upon the scope; [`RecordsError::Missing`] without it.
    pub async fn start_operation(
        &self,
        scope: &ResourceId,
        work: Work,
        actor: &Actor,
    ) -> Result<Operation, RecordsError> {
        let now = self.clock.now();
        let mut tx = self.begin().await?;
        let before = load(&mut tx, scope).await?.ok_or_else(|| RecordsError::Missing(scope.to_string()))?;
        let sql = format!("SELECT {COLUMNS} FROM operations WHERE state = 'Running'");
        let running: Vec<OperationRow> = sqlx::query_as(sqlx::AssertSqlSafe(sql)).fetch_all(&mut *tx).await?;
        for row in running {
            let running = read(row)?;
            if running.scope == *scope && running.work == work {
                return Ok(running);
            }
            if running.works_upon(scope) || work.target().is_some_and(|target| running.works_upon(target)) {
                return Err(RecordsError::UnderWay {
                    scope: running.scope.to_string(),
                    operation: running.id,
                });
            }
        }
        sqlx::query("DELETE FROM operations WHERE state <> 'Running' AND modified < $1")
            .bind((now - KEPT).0)
            .execute(&mut *tx)
            .await?;
        let operation = Operation {
            id: Uuid::new_v4(),
            scope: scope.clone(),
            work,
            state: OperationState::Running,
            step: 0,
            error: String::new(),
            actor: actor.clone(),
            started: now,
            modified: now,
        };
        let plan = serde_json::to_string(&operation.work).expect("a plan has only text keys");
        sqlx::query(
            "INSERT INTO operations (id, scope, kind, state, step, plan, actor, started, modified)
             VALUES ($1, $2, $3, 'Running', 0, $4, $5, $6, $6)",
        )
        .bind(operation.id.to_string())
        .bind(scope.as_str())
        .bind(operation.work.name())
        .bind(plan)
        .bind(serde_json::to_string(actor).expect("an actor has only text keys"))
        .bind(now.0)
        .execute(&mut *tx)
        .await?;
        let mut marked = None;
        if operation.work == Work::DeleteGroup {
            // Seen by everybody who would put something into it.
            let mut body = before.body.clone();
            body["properties"]["provisioningState"] = "Deleting".into();
            let (written, _) = self.store(&mut tx, Some(before), scope.clone(), body, actor, false).await?;
            marked = Some(written.resource);
        }
        self.commit(tx, marked.iter().map(|marked| put(marked, actor)).collect()).await?;
        Ok(operation)
    }

    /// The operation with this id.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn operation(&self, id: Uuid) -> Result<Option<Operation>, RecordsError> {
        let sql = format!("SELECT {COLUMNS} FROM operations WHERE id = $1");
        let row: Option<OperationRow> =
            sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(id.to_string()).fetch_optional(&self.pool).await?;
        row.map(read).transpose()
    }

    /// Operations that are not at their end, the oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn running_operations(&self) -> Result<Vec<Operation>, RecordsError> {
        let sql = format!("SELECT {COLUMNS} FROM operations WHERE state = 'Running' ORDER BY started, id");
        let rows: Vec<OperationRow> = sqlx::query_as(sqlx::AssertSqlSafe(sql)).fetch_all(&self.pool).await?;
        rows.into_iter().map(read).collect()
    }

    /// Does the next step of an operation and gives it as it is then; one at its end stays as it is.
    ///
    /// # Errors
    /// When there is no such operation or the database fails; the step was not done then.
    pub async fn step_operation(&self, id: Uuid) -> Result<Operation, RecordsError> {
        let mut tx = self.begin().await?;
        let sql = format!("SELECT {COLUMNS} FROM operations WHERE id = $1");
        let row: Option<OperationRow> =
            sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(id.to_string()).fetch_optional(&mut *tx).await?;
        let mut operation = read(row.ok_or_else(|| RecordsError::Missing(format!("operation {id}")))?)?;
        if operation.state != OperationState::Running {
            return Ok(operation);
        }
        let now = self.clock.now();
        let mut changes = Vec::new();
        let outcome = match &operation.work {
            Work::DeleteGroup => delete_step(&mut tx, &operation, now, &mut changes).await?,
            Work::Move { resources, target, left_behind } => {
                let at = operation.step as usize;
                match resources.get(at) {
                    Some(from) => {
                        let moving = transfer::Moving { from, group: &operation.scope, target, left_behind };
                        transfer::move_tree(&mut tx, moving, &operation.actor, now, &mut changes).await?
                    }
                    None => {
                        transfer::lead_references(
                            &mut tx,
                            &operation.scope,
                            resources,
                            target,
                            now,
                            &mut changes,
                        )
                        .await?;
                        Outcome::Done
                    }
                }
            }
        };
        operation.step += 1;
        operation.modified = now;
        match outcome {
            Outcome::Goes => {}
            Outcome::Done => operation.state = OperationState::Succeeded,
            Outcome::Failed(error) => (operation.state, operation.error) = (OperationState::Failed, error),
        }
        sqlx::query("UPDATE operations SET state = $2, step = $3, error = $4, modified = $5 WHERE id = $1")
            .bind(id.to_string())
            .bind(operation.state.as_str())
            .bind(i64::from(operation.step))
            .bind(&operation.error)
            .bind(now.0)
            .execute(&mut *tx)
            .await?;
        self.commit(tx, changes).await?;
        Ok(operation)
    }
}

impl Operation {
    /// Whether it changes what is in `group`.
    fn works_upon(&self, group: &ResourceId) -> bool {
        self.scope == *group || self.work.target() == Some(group)
    }
}

impl Work {
    fn name(&self) -> &'static str {
        match self {
            Self::DeleteGroup => "deleteGroup",
            Self::Move { .. } => "move",
        }
    }

    fn target(&self) -> Option<&ResourceId> {
        match self {
            Self::DeleteGroup => None,
            Self::Move { target, .. } => Some(target),
        }
    }
}

/// Deletes the first of what is in the group, or the group when nothing is.
async fn delete_step(
    tx: &mut Writing,
    operation: &Operation,
    now: Ticks,
    changes: &mut Vec<Change>,
) -> Result<Outcome, RecordsError> {
    let first: Option<Row> = sqlx::query_as(
        "SELECT id, type, etag, body, created, modified FROM resources WHERE parent_key = $1 ORDER BY key LIMIT 1",
    )
    .bind(operation.scope.key())
    .fetch_optional(&mut **tx)
    .await?;
    let (gone, outcome): (Option<Resource>, Outcome) = match first {
        Some(first) => (Some(from_row(first)?), Outcome::Goes),
        None => (load(tx, &operation.scope).await?, Outcome::Done),
    };
    if let Some(gone) = gone {
        changes.extend(remove_tree(tx, &gone.id, &operation.actor).await?);
        Activity::deleted(&gone, &operation.actor, now).insert(tx).await?;
    }
    Ok(outcome)
}
