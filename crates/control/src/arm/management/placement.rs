//! Which management group a subscription is in. It is a member of the subscription's record, so a subscription is
//! in exactly one group, whatever happens.

use axum::Json;
use axum::response::{IntoResponse, Response};
use bartizan_api::ApiError;
use bartizan_base::{ErrorKind, ResourceId};
use http::Method;
use serde_json::{Value, json};

use crate::access::{Group, Hierarchy, PLACE, Subscription};
use crate::arm::management::{GIVE_ACCESS, children, find, root};
use crate::arm::{Call, answer};
use crate::http::Failure;

const TYPE: &str = "Microsoft.Management/managementGroups/subscriptions";

pub(super) async fn list(call: &Call, id: &ResourceId) -> Result<Response, Failure> {
    call.app.authorize(&call.caller, &format!("{TYPE}/read"), id).await?;
    let map = call.app.access_map().await?;
    let group = find(&map.hierarchy, id)?;
    let here = |found: &&Subscription| found.group.eq_ignore_ascii_case(group.id.name());
    let all = map.hierarchy.subscriptions().into_iter().filter(here);
    children::page(call, all.map(|found| shown(call, group, found)).collect())
}

pub(super) async fn get(call: &Call, id: &ResourceId) -> Result<Response, Failure> {
    call.app.authorize(&call.caller, &format!("{TYPE}/read"), id).await?;
    let map = call.app.access_map().await?;
    let group = find(&map.hierarchy, id)?;
    let found = here(&map.hierarchy, group, id).ok_or_else(|| ApiError::not_found(id.as_str()))?;
    if call.parts.method == Method::HEAD {
        return Ok(answer::empty(204));
    }
    Ok(Json(shown(call, group, found)).into_response())
}

/// Moves a subscription into the group.
pub(super) async fn put(call: &Call, id: &ResourceId) -> Result<Response, Failure> {
    let app = &call.app;
    app.authorize(&call.caller, &format!("{TYPE}/write"), id).await?;
    let _alone = app.hierarchy_lock.lock().await;
    let map = app.access_map().await?;
    let tree = &map.hierarchy;
    let group = find(tree, id)?;
    let found = tree.subscription(id.name()).ok_or_else(|| unknown(id.name()))?;
    move_to(call, tree, found, group).await?;
    Ok(Json(shown(call, group, found)).into_response())
}

/// Takes a subscription out of the group, which puts it under the root.
pub(super) async fn remove(call: &Call, id: &ResourceId) -> Result<Response, Failure> {
    let app = &call.app;
    app.authorize(&call.caller, &format!("{TYPE}/delete"), id).await?;
    let _alone = app.hierarchy_lock.lock().await;
    let map = app.access_map().await?;
    let tree = &map.hierarchy;
    let group = find(tree, id)?;
    let Some(found) = here(tree, group, id) else { return Ok(answer::empty(204)) };
    move_to(call, tree, found, root(tree)?).await?;
    Ok(answer::empty(200))
}

fn here<'a>(tree: &'a Hierarchy, group: &Group, id: &ResourceId) -> Option<&'a Subscription> {
    tree.subscription(id.name()).filter(|found| found.group.eq_ignore_ascii_case(group.id.name()))
}

/// Besides the new place: giving access at the subscription, and writing at the old place unless that is the root.
async fn move_to(
    call: &Call,
    tree: &Hierarchy,
    subscription: &Subscription,
    to: &Group,
) -> Result<(), Failure> {
    let app = &call.app;
    if subscription.group.eq_ignore_ascii_case(to.id.name()) {
        return Ok(());
    }
    app.authorize(&call.caller, GIVE_ACCESS, &subscription.id).await?;
    let from = tree.group(&subscription.group).filter(|from| from.parent.is_some());
    if let Some(from) = from {
        app.authorize(&call.caller, &format!("{TYPE}/delete"), &from.id).await?;
    }
    let name = to.id.name().to_owned();
    let edit = move |body: &mut Value| {
        body[PLACE] = name.into();
        true
    };
    app.records.modify(&subscription.id, &call.caller.actor, true, edit).await?;
    Ok(())
}

fn unknown(id: &str) -> Failure {
    let shown: String = id.chars().take(80).collect();
    Failure(ApiError::coded(
        ErrorKind::NotFound,
        "SubscriptionNotFound",
        format!("The subscription '{shown}' could not be found."),
    ))
}

fn shown(call: &Call, group: &Group, subscription: &Subscription) -> Value {
    let name = subscription.id.name();
    json!({"id": format!("{}/subscriptions/{name}", group.id), "type": TYPE, "name": name, "properties": {
        "tenant": call.app.home.tenant, "displayName": subscription.display_name,
        "parent": {"id": group.id}, "state": subscription.state,
    }})
}
