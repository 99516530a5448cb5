//! Subscriptions as records: making, renaming, disabling. The API and the command line both come here.

use bartizan_base::{ResourceId, SubscriptionId};
use bartizan_records::{Actor, Condition, Principal, Records, RecordsError, Resource, Write};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::access::{ENABLED, PLACE};
use crate::app::Home;
use crate::boot::assign_role;

/// The type of a subscription's alias: the name under which somebody asked for it.
pub const ALIAS_TYPE: &str = "Microsoft.Subscription/aliases";
/// State of a cancelled subscription: it can be read, and nothing in it changed.
pub const DISABLED: &str = "Disabled";
/// Characters of a name, as in Azure.
pub const NAME_MAX: usize = 64;
/// Subscriptions of a server.
pub const COUNT_MAX: usize = 5_000;

/// A subscription to be made.
#[derive(Clone, Debug)]
pub struct NewSubscription<'a> {
    /// A repeat under the same alias gives the same subscription.
    pub alias: &'a str,
    pub display_name: &'a str,
    /// Name of its management group.
    pub group: &'a str,
    pub tags: Option<Map<String, Value>>,
    /// Who becomes its Owner, besides those who have roles above it.
    pub owner: Option<Principal>,
}

/// Makes a subscription and its alias, and gives the alias. What an interrupted call made, a repeat completes.
///
/// # Errors
/// When the records cannot be written.
pub async fn create(
    records: &Records,
    home: &Home,
    new: NewSubscription<'_>,
    actor: &Actor,
) -> Result<Resource, RecordsError> {
    let wanted = format!("alias/{}", new.alias.to_ascii_lowercase());
    let subscription = SubscriptionId(Uuid::new_v5(&home.tenant.0, wanted.as_bytes()));
    let id = subscription_id(subscription);
    let mut body = json!({
        "subscriptionId": subscription, "displayName": new.display_name, "tenantId": home.tenant,
        "state": ENABLED, PLACE: new.group,
    });
    if let Some(tags) = new.tags {
        body["tags"] = tags.into();
    }
    put_new(records, id.clone(), body, actor).await?;
    if let Some(owner) = new.owner {
        assign_role(records, home, owner.object_id, "Owner", &id, owner.kind).await?;
    }
    let alias = ResourceId::parse(&format!("/providers/{ALIAS_TYPE}/{}", new.alias));
    let alias = alias.map_err(|_| RecordsError::Missing(format!("alias {}", new.alias)))?;
    put_alias(records, &alias, subscription, actor).await
}

/// Makes `alias` a name of an existing subscription.
///
/// # Errors
/// When the records cannot be read or written.
pub async fn put_alias(
    records: &Records,
    alias: &ResourceId,
    subscription: SubscriptionId,
    actor: &Actor,
) -> Result<Resource, RecordsError> {
    let found = records.get(&subscription_id(subscription)).await?;
    let name = found.and_then(|found| found.body["displayName"].as_str().map(str::to_owned));
    let body = json!({"properties": {
        "subscriptionId": subscription, "displayName": name, "provisioningState": "Succeeded",
        "acceptOwnershipState": "Completed", "workload": "Production", "createdTime": records.now(),
    }});
    put_new(records, alias.clone(), body, actor).await?;
    records.get(alias).await?.ok_or_else(|| RecordsError::Missing(alias.to_string()))
}

/// Gives a subscription another display name.
///
/// # Errors
/// When there is none, or the records cannot be written.
pub async fn rename(
    records: &Records,
    id: &ResourceId,
    name: &str,
    actor: &Actor,
) -> Result<(), RecordsError> {
    set(records, id, "displayName", name, actor).await
}

/// Sets a subscription to `Enabled` or `Disabled`.
///
/// # Errors
/// When there is none, or the records cannot be written.
pub async fn set_state(
    records: &Records,
    id: &ResourceId,
    state: &str,
    actor: &Actor,
) -> Result<(), RecordsError> {
    set(records, id, "state", state, actor).await
}

async fn set(
    records: &Records,
    id: &ResourceId,
    name: &str,
    value: &str,
    actor: &Actor,
) -> Result<(), RecordsError> {
    let edit = |body: &mut Value| {
        let changes = body[name] != value;
        body[name] = value.into();
        changes
    };
    records.modify(id, actor, true, edit).await.map(drop)
}

fn subscription_id(id: SubscriptionId) -> ResourceId {
    ResourceId::parse(&format!("/subscriptions/{id}")).expect("a uuid is a segment")
}

async fn put_new(records: &Records, id: ResourceId, body: Value, actor: &Actor) -> Result<(), RecordsError> {
    let write = Write { id, body, condition: Condition::IfNoneMatch, actor: actor.clone(), audit: true };
    match records.put(write).await {
        Ok(_) | Err(RecordsError::Exists(_)) => Ok(()),
        Err(error) => Err(error),
    }
}
