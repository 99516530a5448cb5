//! Subscriptions: listed, read, made (`Microsoft.Subscription/aliases`), renamed, cancelled and enabled again.

use axum::Json;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bartizan_api::ApiError;
use bartizan_base::{ErrorKind, ResourceId, SubscriptionId};
use bartizan_records::{Actor, ListQuery, Resource};
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::access::{ENABLED, GROUP_TYPE, SUBSCRIPTION_TYPE};
use crate::app::{App, Home};
use crate::arm::{Call, answer};
use crate::http::{Failure, read_json};
use crate::subscription::{self, NAME_MAX, NewSubscription};

/// The namespace that makes and renames them.
pub(super) const NAMESPACE: &str = "Microsoft.Subscription";
const ALIAS_TYPE: &str = subscription::ALIAS_TYPE;
const BODY_MAX: usize = 64 << 10;

/// `GET /subscriptions`: those in which, or above which, the caller has any role.
pub(super) async fn list(call: &Call) -> Result<Response, Failure> {
    let app = &call.app;
    let principal = call.caller.principal()?;
    let map = app.access_map().await?;
    let roles = map.roles_of(&principal.object_id.to_string());
    let mut out = Vec::new();
    for found in app.records.list_all(&ListQuery::tenant(), SUBSCRIPTION_TYPE).await? {
        let seen = |at: &ResourceId| map.hierarchy.contains(at, &found.id) || at.is_within(&found.id);
        if roles.iter().any(|(at, _)| seen(at)) {
            out.push(shown(&app.home, &found));
        }
    }
    Ok(answer::list(out, None))
}

/// `GET /subscriptions/{id}`.
pub(super) async fn get(call: &Call, id: &ResourceId) -> Result<Response, Failure> {
    let app = &call.app;
    app.authorize(&call.caller, "Microsoft.Resources/subscriptions/read", id).await?;
    let found = app.records.get(id).await?.ok_or_else(|| ApiError::not_found(id.as_str()))?;
    if call.parts.method == Method::HEAD {
        return Ok(answer::empty(204));
    }
    Ok(Json(shown(&app.home, &found)).into_response())
}

/// A subscription as Azure shows it.
pub(super) fn shown(home: &Home, resource: &Resource) -> Value {
    let mut value = answer::shown(resource);
    value["authorizationSource"] = "RoleBased".into();
    value["subscriptionPolicies"] =
        json!({"locationPlacementId": home.location, "quotaId": "None", "spendingLimit": "Off"});
    value["managedByTenants"] = json!([]);
    value
}

/// `POST /subscriptions/{id}/providers/Microsoft.Subscription/{rename|cancel|enable}`.
pub(super) async fn act(
    call: &Call,
    scope: &ResourceId,
    word: &str,
    body: Body,
) -> Result<Response, Failure> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Rename {
        subscription_name: String,
    }
    let app = &call.app;
    let lower = word.to_ascii_lowercase();
    if !["rename", "cancel", "enable"].contains(&lower.as_str())
        || scope.subscription().is_none()
        || scope.parent().is_some()
    {
        let text = format!("There is no action `{word}` on `{scope}`.");
        return Err(ApiError::coded(ErrorKind::NotFound, "InvalidAction", text).into());
    }
    app.authorize(&call.caller, &format!("{NAMESPACE}/{lower}/action"), scope).await?;
    let actor = &call.caller.actor;
    match lower.as_str() {
        "rename" => {
            let sent: Rename = read_json(&call.parts.headers, body, BODY_MAX).await?;
            check_name("subscriptionName", &sent.subscription_name)?;
            subscription::rename(&app.records, scope, &sent.subscription_name, actor).await?;
        }
        "cancel" if *scope == app.home.subscription_id() => {
            let text = "The first subscription holds the workspace and cannot be cancelled.";
            return Err(ApiError::coded(ErrorKind::Conflict, "SubscriptionNotCancellable", text).into());
        }
        "cancel" => subscription::set_state(&app.records, scope, subscription::DISABLED, actor).await?,
        _ => subscription::set_state(&app.records, scope, ENABLED, actor).await?,
    }
    Ok(Json(json!({"subscriptionId": scope.name()})).into_response())
}

/// `GET /providers/Microsoft.Subscription/aliases`: those of subscriptions that the caller may read.
pub(super) async fn aliases(call: &Call) -> Result<Response, Failure> {
    let app = &call.app;
    let mut out = Vec::new();
    for alias in app.records.list_all(&ListQuery::tenant(), ALIAS_TYPE).await? {
        if may(call, "read", &of(&alias)).await.is_ok() {
            out.push(answer::shown(&alias));
        }
    }
    Ok(answer::list(out, None))
}

/// One alias: read, made together with its subscription, or forgotten.
pub(super) async fn alias(call: &Call, id: &ResourceId, body: Body) -> Result<Response, Failure> {
    if !id.resource_type().eq_ignore_ascii_case(ALIAS_TYPE) {
        return Err(ApiError::not_found(id.as_str()).into());
    }
    let stored = call.app.records.get(id).await?;
    match (&call.parts.method, stored) {
        (&Method::GET | &Method::HEAD, Some(stored)) => {
            may(call, "read", &of(&stored)).await?;
            Ok(answer::resource(200, &stored))
        }
        (&Method::GET | &Method::HEAD, None) => Err(ApiError::not_found(id.as_str()).into()),
        (&Method::DELETE, Some(stored)) => {
            may(call, "delete", &of(&stored)).await?;
            call.app.records.delete(id, &call.caller.actor, None).await?;
            Ok(answer::empty(200))
        }
        (&Method::DELETE, None) => Ok(answer::empty(204)),
        (&Method::PUT, Some(stored)) => {
            may(call, "write", &of(&stored)).await?;
            Ok(answer::resource(200, &stored))
        }
        (&Method::PUT, None) => create(call, id, body).await,
        (method, _) => {
            let text = format!("{method} is not supported at `{id}`.");
            Err(ApiError::coded(ErrorKind::Invalid, "UnsupportedMethod", text).into())
        }
    }
}

#[derive(Deserialize)]
struct AliasBody {
    properties: AliasProperties,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AliasProperties {
    #[serde(default)]
    display_name: Option<String>,
    #[serde(default)]
    workload: Option<String>,
    /// Of a subscription that exists: the alias is a second name for it.
    #[serde(default)]
    subscription_id: Option<SubscriptionId>,
    #[serde(default)]
    additional_properties: Option<Additional>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Additional {
    #[serde(default)]
    management_group_id: Option<String>,
    #[serde(default)]
    subscription_owner_id: Option<Uuid>,
    #[serde(default)]
    tags: Option<serde_json::Map<String, Value>>,
}

async fn create(call: &Call, id: &ResourceId, body: Body) -> Result<Response, Failure> {
    let app = &call.app;
    let sent: AliasBody = read_json(&call.parts.headers, body, BODY_MAX).await?;
    let sent = sent.properties;
    if let Some(workload) = sent.workload.as_deref().filter(|word| !["Production", "DevTest"].contains(word))
    {
        let shown: String = workload.chars().take(40).collect();
        let text = format!("`{shown}` is not one of Production, DevTest");
        return Err(ApiError::field("properties.workload", text).into());
    }
    let additional = sent.additional_properties.unwrap_or_default();
    let map = app.access_map().await?;
    if let Some(existing) = sent.subscription_id {
        let scope = ResourceId::parse(&format!("/subscriptions/{existing}"))
            .map_err(|error| ApiError::invalid(error.to_string()))?;
        // Whether it exists is told to those who may use it.
        may(call, "write", &scope).await?;
        if map.hierarchy.subscription(&existing.to_string()).is_none() {
            let text = format!("there is no subscription `{existing}`");
            return Err(ApiError::field("properties.subscriptionId", text).into());
        }
        let made = subscription::put_alias(&app.records, id, existing, &call.caller.actor).await?;
        return Ok(answer::resource(201, &made));
    }
    let root = app.home.root_group();
    let group = additional
        .management_group_id
        .as_deref()
        .map_or(root.name(), |id| id.rsplit('/').next().unwrap_or_default());
    let Some(group) = map.hierarchy.group(group) else {
        let text = "`managementGroupId` must be the id of a management group";
        return Err(ApiError::field("properties.additionalProperties.managementGroupId", text).into());
    };
    app.authorize(&call.caller, &format!("{ALIAS_TYPE}/write"), &group.id).await?;
    app.authorize(&call.caller, &format!("{GROUP_TYPE}/subscriptions/write"), &group.id).await?;
    let display_name = sent.display_name.unwrap_or_else(|| id.name().to_owned());
    check_name("properties.displayName", &display_name)?;
    if let Some(tags) = &additional.tags {
        super::tags::check(tags)?;
    }
    let owner = match additional.subscription_owner_id {
        None => None,
        Some(owner) => {
            app.authorize(&call.caller, "Microsoft.Authorization/roleAssignments/write", &group.id).await?;
            let found = app.records.principal(owner).await?;
            let path = "properties.additionalProperties.subscriptionOwnerId";
            Some(found.ok_or_else(|| ApiError::field(path, format!("there is no principal `{owner}`")))?)
        }
    };
    if map.hierarchy.subscriptions().len() >= subscription::COUNT_MAX {
        let text =
            format!("There are {} subscriptions, which is the most there can be.", subscription::COUNT_MAX);
        return Err(ApiError::coded(ErrorKind::Conflict, "TooManySubscriptions", text).into());
    }
    let new = NewSubscription {
        alias: id.name(),
        display_name: &display_name,
        group: group.id.name(),
        tags: additional.tags,
        owner,
    };
    let made = create_with(app, new, &call.caller.actor).await?;
    Ok(answer::resource(201, &made))
}

async fn create_with(app: &App, new: NewSubscription<'_>, actor: &Actor) -> Result<Resource, Failure> {
    Ok(subscription::create(&app.records, &app.home, new, actor).await?)
}

/// Authorizes `word` of aliases at the subscription that one names.
async fn may(call: &Call, word: &str, subscription: &ResourceId) -> Result<(), Failure> {
    call.app.authorize(&call.caller, &format!("{ALIAS_TYPE}/{word}"), subscription).await
}

fn of(alias: &Resource) -> ResourceId {
    let id = alias.property("subscriptionId").and_then(Value::as_str).unwrap_or_default();
    ResourceId::parse(&format!("/subscriptions/{id}")).unwrap_or_else(|_| ListQuery::tenant())
}

fn check_name(path: &str, name: &str) -> Result<(), ApiError> {
    let odd = |c: char| c.is_control() || matches!(c, '<' | '>' | ';' | '|');
    if name.trim().is_empty() || name.chars().count() > NAME_MAX || name.contains(odd) {
        let text = format!("a subscription's name has 1 to {NAME_MAX} characters without `<>;|`");
        return Err(ApiError::field(path, text));
    }
    Ok(())
}
