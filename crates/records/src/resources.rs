//! ARM resources: read, write under a condition, delete with everything below.

use std::collections::HashMap;

use bartizan_base::{ResourceId, Ticks};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::activity::Activity;
use crate::actor::{Actor, ActorKind};
use crate::asked::Asking;
use crate::database::{Records, Writing};
use crate::error::RecordsError;

/// A stored resource.
#[derive(Clone, Debug, PartialEq)]
pub struct Resource {
    pub id: ResourceId,
    pub resource_type: String,
    /// With its quotes, as it stands in the `ETag` header and in the body.
    pub etag: String,
    /// The ARM object without `id`, `name`, `type` and `etag`.
    pub body: Value,
    pub created: Ticks,
    pub modified: Ticks,
}

/// What to write.
#[derive(Clone, Debug)]
pub struct Write {
    pub id: ResourceId,
    pub body: Value,
    pub condition: Condition,
    pub actor: Actor,
    /// Whether `AzureActivity` tells of it; `false` for what machines report of themselves.
    pub audit: bool,
}

/// What must hold for a write to happen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Condition {
    #[default]
    None,
    /// The resource exists with this etag; `*` is any etag.
    IfMatch(String),
    /// The resource does not exist.
    IfNoneMatch,
}

/// The outcome of a write.
#[derive(Clone, Debug, PartialEq)]
pub struct Written {
    pub resource: Resource,
    pub created: bool,
}

/// A committed change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub id: ResourceId,
    pub resource_type: String,
    pub op: ChangeOp,
    /// Made by the server itself.
    pub system: bool,
}

/// What happened to the resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeOp {
    Put,
    Delete,
}

impl Resource {
    /// The whole ARM object: `id`, `name`, `type` and `etag`, then the body.
    pub fn to_arm_json(&self) -> Value {
        let mut out = Map::new();
        out.insert("id".to_owned(), self.id.as_str().into());
        out.insert("name".to_owned(), self.id.name().into());
        out.insert("type".to_owned(), self.resource_type.as_str().into());
        out.insert("etag".to_owned(), self.etag.as_str().into());
        if let Value::Object(body) = &self.body {
            out.extend(body.iter().map(|(key, value)| (key.clone(), value.clone())));
        }
        Value::Object(out)
    }

    /// `body.properties.<name>`.
    pub fn property(&self, name: &str) -> Option<&Value> {
        self.body.get("properties")?.get(name)
    }
}

/// Row of `resources`: id, type, etag, body, created, modified.
pub(crate) type Row = (String, String, String, String, i64, i64);

pub(crate) fn from_row(
    (id, resource_type, etag, body, created, modified): Row,
) -> Result<Resource, RecordsError> {
    let damaged = |id: &str| RecordsError::Damaged(id.to_owned());
    Ok(Resource {
        body: serde_json::from_str(&body).map_err(|_| damaged(&id))?,
        id: ResourceId::parse(&id).map_err(|_| damaged(&id))?,
        resource_type,
        etag,
        created: Ticks(created),
        modified: Ticks(modified),
    })
}

impl Records {
    /// The resource `id`, if there is one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn get(&self, id: &ResourceId) -> Result<Option<Resource>, RecordsError> {
        let found = self.asked.resources.ask(id.clone(), |ids| self.get_each(ids)).await?;
        match found {
            Some(found) => Ok(found),
            None => self.get_alone(id).await,
        }
    }

    async fn get_alone(&self, id: &ResourceId) -> Result<Option<Resource>, RecordsError> {
        let row: Option<Row> =
            sqlx::query_as("SELECT id, type, etag, body, created, modified FROM resources WHERE key = $1")
                .bind(id.key())
                .fetch_optional(&self.pool)
                .await?;
        row.map(from_row).transpose()
    }

    /// What there is of each of `ids`, in their order.
    async fn get_each(&self, ids: Vec<ResourceId>) -> Result<Vec<Option<Resource>>, RecordsError> {
        if let [id] = &ids[..] {
            return Ok(vec![self.get_alone(id).await?]);
        }
        let found = self.get_many(&ids).await?;
        let found: HashMap<&str, &Resource> =
            found.iter().map(|resource| (resource.id.key(), resource)).collect();
        Ok(ids.iter().map(|id| found.get(id.key()).map(|found| (*found).clone())).collect())
    }

    /// Creates or replaces a resource, with its activity entry in the same transaction.
    ///
    /// An unaudited write of the body that is stored already changes nothing and wakes nobody, so that
    /// machines may report their state as often as they like.
    ///
    /// # Errors
    /// When the condition does not hold or the database fails.
    pub async fn put(&self, write: Write) -> Result<Written, RecordsError> {
        self.put_with_others(Asking { write, in_group: false }).await
    }

    /// [`Self::put`], where the resource's group must be there and stay. Asked in the transaction that writes: a
    /// resource that is written while its group is on its way out would stay behind without one.
    ///
    /// # Errors
    /// [`RecordsError::GroupLeaving`], [`RecordsError::GroupMissing`], else as [`Self::put`].
    pub async fn put_in_group(&self, write: Write) -> Result<Written, RecordsError> {
        self.put_with_others(Asking { write, in_group: true }).await
    }

    /// [`Self::put_in_group`], where no other resource of the type may be a `rival`. Asked in the transaction that writes,
    /// so that of two that are written at the same time one is refused.
    ///
    /// # Errors
    /// [`RecordsError::Rival`], else as [`Self::put_in_group`].
    pub async fn put_without_rival(
        &self,
        write: Write,
        rival: fn(&Resource) -> bool,
    ) -> Result<Written, RecordsError> {
        self.put_alone(Asking { write, in_group: true }, Some(rival)).await
    }

    pub(crate) async fn put_alone(
        &self,
        Asking { write, in_group }: Asking,
        rival: Option<fn(&Resource) -> bool>,
    ) -> Result<Written, RecordsError> {
        let mut tx = self.begin().await?;
        if in_group && let Some(group) = group_of(&write.id) {
            check_group(&group, load(&mut tx, &group).await?.as_ref())?;
        }
        if let Some(rival) = rival {
            check_rivals(&mut tx, &write.id, rival).await?;
        }
        let before = load(&mut tx, &write.id).await?;
        check(&write.id, before.as_ref(), &write.condition)?;
        let (written, changed) =
            self.store(&mut tx, before, write.id, write.body, &write.actor, write.audit).await?;
        let made = changed.then(|| put(&written.resource, &write.actor));
        self.commit(tx, made.into_iter().collect()).await?;
        Ok(written)
    }

    /// Reads a resource, lets `edit` change its body, and writes it back, with no other writer between.
    /// `edit` returns whether to write.
    ///
    /// # Errors
    /// [`RecordsError::Missing`] when there is no such resource, or when the database fails.
    pub async fn modify<F>(
        &self,
        id: &ResourceId,
        actor: &Actor,
        audit: bool,
        edit: F,
    ) -> Result<Resource, RecordsError>
    where
        F: FnOnce(&mut Value) -> bool + Send,
    {
        let mut tx = self.begin().await?;
        let before = load(&mut tx, id).await?.ok_or_else(|| RecordsError::Missing(id.to_string()))?;
        let mut body = before.body.clone();
        if !edit(&mut body) {
            return Ok(before);
        }
        let (written, changed) = self.store(&mut tx, Some(before), id.clone(), body, actor, audit).await?;
        let made = changed.then(|| put(&written.resource, actor));
        self.commit(tx, made.into_iter().collect()).await?;
        Ok(written.resource)
    }

    /// Deletes a resource and everything below it; `false` when there was none.
    ///
    /// # Errors
    /// When `if_match` names another etag or the database fails.
    pub async fn delete(
        &self,
        id: &ResourceId,
        by: &Actor,
        if_match: Option<&str>,
    ) -> Result<bool, RecordsError> {
        self.remove(id, by, if_match, true).await
    }

    /// [`Self::delete`] without an activity entry, for what the server derives by itself.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn delete_derived(&self, id: &ResourceId, by: &Actor) -> Result<bool, RecordsError> {
        self.remove(id, by, None, false).await
    }

    async fn remove(
        &self,
        id: &ResourceId,
        by: &Actor,
        if_match: Option<&str>,
        audit: bool,
    ) -> Result<bool, RecordsError> {
        let mut tx = self.begin().await?;
        let Some(before) = load(&mut tx, id).await? else { return Ok(false) };
        if let Some(wanted) = if_match {
            check(id, Some(&before), &Condition::IfMatch(wanted.to_owned()))?;
        }
        let gone = remove_tree(&mut tx, id, by).await?;
        if audit {
            let entry = Activity::deleted(&before, by, self.clock.now());
            entry.insert(&mut tx).await?;
        }
        self.commit(tx, gone).await?;
        Ok(true)
    }

    pub(crate) async fn store(
        &self,
        tx: &mut Writing,
        before: Option<Resource>,
        id: ResourceId,
        body: Value,
        actor: &Actor,
        audit: bool,
    ) -> Result<(Written, bool), RecordsError> {
        let created = before.is_none();
        if !audit && let Some(resource) = before.as_ref().filter(|before| before.body == body) {
            return Ok((Written { resource: resource.clone(), created }, false));
        }
        let resource = self.successor(before.as_ref(), id, body);
        sqlx::query(
            "INSERT INTO resources (key, id, parent_key, type, type_key, etag, body, created, modified)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
             ON CONFLICT (key) DO UPDATE SET etag = $6, body = $7, modified = $9",
        )
        .bind(resource.id.key())
        .bind(resource.id.as_str())
        .bind(resource.id.parent().map(|parent| parent.key().to_owned()).unwrap_or_default())
        .bind(&resource.resource_type)
        .bind(resource.resource_type.to_ascii_lowercase())
        .bind(&resource.etag)
        .bind(resource.body.to_string())
        .bind(resource.created.0)
        .bind(resource.modified.0)
        .execute(&mut **tx)
        .await?;
        if audit {
            Activity::written(before.as_ref(), &resource, actor).insert(tx).await?;
        }
        Ok((Written { resource, created }, true))
    }

    /// What a write makes of `before`.
    pub(crate) fn successor(&self, before: Option<&Resource>, id: ResourceId, body: Value) -> Resource {
        let now = self.clock.now();
        // The spelling of the first write stays, as in Azure.
        let id = before.map_or(id, |before| before.id.clone());
        Resource {
            resource_type: id.resource_type(),
            id,
            etag: format!("\"{}\"", Uuid::new_v4()),
            body,
            created: before.map_or(now, |before| before.created),
            modified: now,
        }
    }
}

pub(crate) fn put(resource: &Resource, actor: &Actor) -> Change {
    Change {
        id: resource.id.clone(),
        resource_type: resource.resource_type.clone(),
        op: ChangeOp::Put,
        system: actor.kind == ActorKind::System,
    }
}

/// Deletes `id` with everything below it, agents and evidence too; gives what is to be told of it.
pub(crate) async fn remove_tree(
    tx: &mut Writing,
    id: &ResourceId,
    by: &Actor,
) -> Result<Vec<Change>, RecordsError> {
    let (from, to) = below(id);
    let gone: Vec<(String, String)> =
        sqlx::query_as("DELETE FROM resources WHERE key = $1 OR (key > $2 AND key < $3) RETURNING id, type")
            .bind(id.key())
            .bind(&from)
            .bind(&to)
            .fetch_all(&mut **tx)
            .await?;
    for table in ["DELETE FROM evidence", "DELETE FROM agents"] {
        let sql = format!("{table} WHERE machine_key = $1 OR (machine_key > $2 AND machine_key < $3)");
        sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id.key()).bind(&from).bind(&to).execute(&mut **tx).await?;
    }
    let system = by.kind == ActorKind::System;
    let change = |(id, resource_type): (String, String)| {
        Some(Change { id: ResourceId::parse(&id).ok()?, resource_type, op: ChangeOp::Delete, system })
    };
    Ok(gone.into_iter().filter_map(change).collect())
}

/// The resource group that `id` lies in; none for the group itself, which may be anything.
pub(crate) fn group_of(id: &ResourceId) -> Option<ResourceId> {
    let group = format!("/subscriptions/{}/resourceGroups/{}", id.subscription()?, id.resource_group()?);
    ResourceId::parse(&group).ok().filter(|group| group != id)
}

/// Checks that a group is there and not being deleted.
pub(crate) fn check_group(group: &ResourceId, found: Option<&Resource>) -> Result<(), RecordsError> {
    let found = found.ok_or_else(|| RecordsError::GroupMissing(group.name().to_owned()))?;
    match found.property("provisioningState").and_then(Value::as_str) {
        Some("Deleting") => Err(RecordsError::GroupLeaving(group.name().to_owned())),
        _ => Ok(()),
    }
}

/// Checks that no resource of the type of `id` but itself is a rival.
async fn check_rivals(
    tx: &mut Writing,
    id: &ResourceId,
    rival: fn(&Resource) -> bool,
) -> Result<(), RecordsError> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT id, type, etag, body, created, modified FROM resources WHERE type_key = $1 AND key <> $2",
    )
    .bind(id.resource_type().to_ascii_lowercase())
    .bind(id.key())
    .fetch_all(&mut **tx)
    .await?;
    for row in rows {
        let other = from_row(row)?;
        if rival(&other) {
            return Err(RecordsError::Rival(other.id.to_string()));
        }
    }
    Ok(())
}

/// The open key range of everything below `id`: `0` is the character after `/`.
pub(crate) fn below(id: &ResourceId) -> (String, String) {
    (format!("{}/", id.key()), format!("{}0", id.key()))
}

pub(crate) async fn load(tx: &mut Writing, id: &ResourceId) -> Result<Option<Resource>, RecordsError> {
    let row: Option<Row> =
        sqlx::query_as("SELECT id, type, etag, body, created, modified FROM resources WHERE key = $1")
            .bind(id.key())
            .fetch_optional(&mut **tx)
            .await?;
    row.map(from_row).transpose()
}

pub(crate) fn check(
    id: &ResourceId,
    before: Option<&Resource>,
    condition: &Condition,
) -> Result<(), RecordsError> {
    match (condition, before) {
        (Condition::None, _) | (Condition::IfNoneMatch, None) => Ok(()),
        (Condition::IfNoneMatch, Some(_)) => Err(RecordsError::Exists(id.to_string())),
        (Condition::IfMatch(wanted), Some(found)) if wanted == "*" || bare(wanted) == bare(&found.etag) => {
            Ok(())
        }
        (Condition::IfMatch(wanted), found) => Err(RecordsError::EtagMismatch {
            id: id.to_string(),
            wanted: wanted.clone(),
            actual: found.map_or_else(|| "none".to_owned(), |found| found.etag.clone()),
        }),
    }
}

/// An etag without the quotes and the weak mark that clients add or drop.
fn bare(etag: &str) -> &str {
    etag.trim().trim_start_matches("W/").trim_matches('"')
}
