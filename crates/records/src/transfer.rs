//! A resource goes to another group: its rows, what hangs on it, its agent, its evidence, and who points to it.

use crate::database::Writing;
use bartizan_base::{ResourceId, Ticks};
use serde_json::Value;
use uuid::Uuid;

use crate::activity::Activity;
use crate::actor::{Actor, ActorKind};
use crate::error::RecordsError;
use crate::operations::Outcome;
use crate::resources::{Change, ChangeOp, Resource, Row, below, from_row, load, remove_tree};

/// The operation that `AzureActivity` names.
const ACTION: &str = "Microsoft.Resources/subscriptions/resourceGroups/moveResources/action";

/// What goes where.
pub(crate) struct Moving<'a> {
    pub(crate) from: &'a ResourceId,
    /// The group it lies in.
    pub(crate) group: &'a ResourceId,
    pub(crate) target: &'a ResourceId,
    pub(crate) left_behind: &'a [String],
}

/// Moves one resource with everything below it. One that is gone meanwhile is passed over; one whose place was
/// taken meanwhile ends the operation.
pub(crate) async fn move_tree(
    tx: &mut Writing,
    moving: Moving<'_>,
    actor: &Actor,
    now: Ticks,
    changes: &mut Vec<Change>,
) -> Result<Outcome, RecordsError> {
    let Some(before) = load(tx, moving.from).await? else { return Ok(Outcome::Goes) };
    let place = new_place(&before.id, moving.group, moving.target)?;
    if load(tx, &place).await?.is_some() || load(tx, moving.target).await?.is_none() {
        return Ok(Outcome::Failed(format!(
            "`{}` cannot be moved to `{place}`: the place was taken or its group deleted since the move began; \
             resources before it were moved",
            before.id
        )));
    }
    let (from, to) = below(&before.id);
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT id, type, etag, body, created, modified FROM resources
         WHERE key = $1 OR (key > $2 AND key < $3) ORDER BY key",
    )
    .bind(before.id.key())
    .bind(&from)
    .bind(&to)
    .fetch_all(&mut **tx)
    .await?;
    let resources = rows.into_iter().map(from_row).collect::<Result<Vec<_>, _>>()?;
    let stays = |resource: &Resource| {
        let kind = resource.property("type").and_then(Value::as_str).unwrap_or_default();
        resource.id != before.id && moving.left_behind.iter().any(|left| left.eq_ignore_ascii_case(kind))
    };
    let left: Vec<&Resource> = resources.iter().filter(|resource| stays(resource)).collect();
    for gone in &left {
        Activity::deleted(gone, actor, now).insert(tx).await?;
    }
    let mut after = before.body.clone();
    for resource in &resources {
        if left.iter().any(|gone| resource.id.is_within(&gone.id)) {
            continue;
        }
        let id = new_place(&resource.id, moving.group, moving.target)?;
        let mut body = resource.body.clone();
        lead(&mut body, std::slice::from_ref(&before.id), moving.group, moving.target);
        insert(tx, &id, resource, &body, now).await?;
        if resource.id == before.id {
            after = body;
        }
        let system = actor.kind == ActorKind::System;
        changes.push(Change { id, resource_type: resource.resource_type.clone(), op: ChangeOp::Put, system });
    }
    sqlx::query("UPDATE agents SET machine_key = $2, machine_id = $3 WHERE machine_key = $1")
        .bind(before.id.key())
        .bind(place.key())
        .bind(place.as_str())
        .execute(&mut **tx)
        .await?;
    // What a machine that was there once left behind makes room.
    sqlx::query("DELETE FROM evidence WHERE machine_key = $1").bind(place.key()).execute(&mut **tx).await?;
    sqlx::query("UPDATE evidence SET machine_key = $2 WHERE machine_key = $1")
        .bind(before.id.key())
        .bind(place.key())
        .execute(&mut **tx)
        .await?;
    // The old places are told of first: who follows changes forgets before it learns.
    let mut gone = remove_tree(tx, &before.id, actor).await?;
    gone.append(changes);
    *changes = gone;
    let told = |id: &ResourceId, body: &Value| {
        let mut out = serde_json::json!({"id": id});
        if let (Some(out), Some(body)) = (out.as_object_mut(), body.as_object()) {
            out.extend(body.iter().map(|(name, value)| (name.clone(), value.clone())));
        }
        Some(out)
    };
    let entry = Activity {
        time: now,
        operation: ACTION.to_owned(),
        resource_id: place.to_string(),
        resource_type: before.resource_type.clone(),
        actor: actor.clone(),
        correlation_id: Uuid::new_v4(),
        before: told(&before.id, &before.body),
        after: told(&place, &after),
    };
    entry.insert(tx).await?;
    Ok(Outcome::Goes)
}

/// Changes every reference to a moved resource, in whatever resource it stands.
pub(crate) async fn lead_references(
    tx: &mut Writing,
    group: &ResourceId,
    moved: &[ResourceId],
    target: &ResourceId,
    now: Ticks,
    changes: &mut Vec<Change>,
) -> Result<(), RecordsError> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT id, type, etag, body, created, modified FROM resources WHERE lower(body) LIKE $1",
    )
    // `_` in a name makes it find more, which `lead` looks at more closely.
    .bind(format!("%{}/%", group.key()))
    .fetch_all(&mut **tx)
    .await?;
    for row in rows {
        let resource = from_row(row)?;
        let mut body = resource.body.clone();
        if !lead(&mut body, moved, group, target) {
            continue;
        }
        sqlx::query("UPDATE resources SET body = $2, etag = $3, modified = $4 WHERE key = $1")
            .bind(resource.id.key())
            .bind(body.to_string())
            .bind(format!("\"{}\"", Uuid::new_v4()))
            .bind(now.0)
            .execute(&mut **tx)
            .await?;
        changes.push(Change {
            id: resource.id,
            resource_type: resource.resource_type,
            op: ChangeOp::Put,
            system: true,
        });
    }
    Ok(())
}

fn new_place(id: &ResourceId, group: &ResourceId, target: &ResourceId) -> Result<ResourceId, RecordsError> {
    let rest = id.as_str().get(group.as_str().len() + 1..).unwrap_or_default();
    target.join(rest).map_err(|_| RecordsError::Damaged(id.to_string()))
}

async fn insert(
    tx: &mut Writing,
    id: &ResourceId,
    old: &Resource,
    body: &Value,
    now: Ticks,
) -> Result<(), RecordsError> {
    sqlx::query(
        "INSERT INTO resources (key, id, parent_key, type, type_key, etag, body, created, modified)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(id.key())
    .bind(id.as_str())
    .bind(id.parent().map(|parent| parent.key().to_owned()).unwrap_or_default())
    .bind(&old.resource_type)
    .bind(old.resource_type.to_ascii_lowercase())
    .bind(format!("\"{}\"", Uuid::new_v4()))
    .bind(body.to_string())
    .bind(old.created.0)
    .bind(now.0)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Leads every text in `value` that is the id of something moved, or of what lies below it, to the new place; whether
/// there was one.
fn lead(value: &mut Value, moved: &[ResourceId], group: &ResourceId, target: &ResourceId) -> bool {
    match value {
        Value::String(text) => {
            let Ok(id) = ResourceId::parse(text) else { return false };
            if !moved.iter().any(|moved| id.is_within(moved)) {
                return false;
            }
            let Ok(place) = new_place(&id, group, target) else { return false };
            *text = place.to_string();
            true
        }
        // Counted, because all of them are led, not only the first.
        Value::Array(items) => {
            items.iter_mut().map(|item| lead(item, moved, group, target)).filter(|led| *led).count() > 0
        }
        Value::Object(members) => {
            members.values_mut().map(|member| lead(member, moved, group, target)).filter(|led| *led).count()
                > 0
        }
        _ => false,
    }
}
