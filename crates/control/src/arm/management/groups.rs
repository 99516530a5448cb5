//! Management groups: read, create, change, move, delete.

use axum::Json;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bartizan_api::ApiError;
use bartizan_base::{ErrorKind, ResourceId};
use bartizan_records::{Condition, Resource, Write};
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::access::{GROUP_TYPE, Group, Hierarchy};
use crate::app::App;
use crate::arm::management::{
    BODY_MAX, DELETE, GIVE_ACCESS, READ, WRITE, check_name, children, find, missing, root,
};
use crate::arm::{Call, answer};
use crate::http::{Failure, query_value, read_json};

/// Azure's limits: groups of a tenant, and levels below the root.
const GROUPS_MAX: usize = 10_000;
const LEVELS_MAX: usize = 6;
const DISPLAY_NAME_MAX: usize = 90;

#[derive(Default, Deserialize)]
struct GroupBody {
    #[serde(default)]
    properties: Option<Properties>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Properties {
    #[serde(default)]
    display_name: Option<String>,
    #[serde(default)]
    details: Option<Details>,
}

#[derive(Deserialize)]
struct Details {
    #[serde(default)]
    parent: Option<Parent>,
}

#[derive(Deserialize)]
struct Parent {
    #[serde(default)]
    id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PatchBody {
    #[serde(default)]
    display_name: Option<String>,
    #[serde(default)]
    parent_group_id: Option<String>,
}

/// Those that the caller may read.
pub(super) async fn list(call: &Call) -> Result<Response, Failure> {
    let map = call.app.access_map().await?;
    let principal = call.caller.principal()?;
    let roles = map.roles_of(&principal.object_id.to_string());
    let reads = |group: &&Group| {
        roles.iter().any(|(at, role)| map.hierarchy.contains(at, &group.id) && role.allows(READ, false))
    };
    let brief = |group: &Group| {
        json!({"id": group.id, "type": GROUP_TYPE, "name": group.id.name(), "properties": {
            "tenantId": call.app.home.tenant, "displayName": group.display_name,
        }})
    };
    Ok(answer::list(map.hierarchy.groups().into_iter().filter(reads).map(brief).collect(), None))
}

pub(super) async fn get(call: &Call, id: &ResourceId) -> Result<Response, Failure> {
    let map = call.app.access_map().await?;
    authorize(call, &map.hierarchy, READ, id).await?;
    find(&map.hierarchy, id)?;
    if call.parts.method == Method::HEAD {
        return Ok(answer::empty(204));
    }
    shown(call, &map.hierarchy, id).await
}

/// A group that is not there lies nowhere: who has the right at the root hears that it is missing.
async fn authorize(call: &Call, tree: &Hierarchy, action: &str, id: &ResourceId) -> Result<(), Failure> {
    let at = if tree.group(id.name()).is_some() { id } else { &root(tree)?.id };
    call.app.authorize(&call.caller, action, at).await
}

pub(super) async fn put(call: &Call, id: &ResourceId, body: Body) -> Result<Response, Failure> {
    let sent: GroupBody = read_json(&call.parts.headers, body, BODY_MAX).await?;
    let sent = sent.properties.unwrap_or_default();
    check_name(id.name())?;
    let parent = sent.details.and_then(|details| details.parent).and_then(|parent| parent.id);
    change(call, id, sent.display_name, parent, true).await
}

pub(super) async fn patch(call: &Call, id: &ResourceId, body: Body) -> Result<Response, Failure> {
    let sent: PatchBody = read_json(&call.parts.headers, body, BODY_MAX).await?;
    change(call, id, sent.display_name, sent.parent_group_id, false).await
}

async fn change(
    call: &Call,
    id: &ResourceId,
    display_name: Option<String>,
    parent: Option<String>,
    create: bool,
) -> Result<Response, Failure> {
    let app = &call.app;
    if display_name.as_ref().is_some_and(|name| name.is_empty() || name.chars().count() > DISPLAY_NAME_MAX) {
        let text = format!("`displayName` has 1 to {DISPLAY_NAME_MAX} characters");
        return Err(ApiError::field("properties.displayName", text).into());
    }
    // From the checks to the write, nobody else changes the tree.
    let _alone = app.hierarchy_lock.lock().await;
    let map = app.access_map().await?;
    let tree = &map.hierarchy;
    let before = tree.group(id.name());
    if before.is_none() && !create {
        authorize(call, tree, WRITE, id).await?;
        return Err(missing(id.name()));
    }
    let root = root(tree)?;
    let asked = parent.map(|text| parent_of(tree, &text)).transpose()?;
    match before {
        None => {
            app.authorize(&call.caller, WRITE, &asked.unwrap_or(root).id).await?;
            if tree.groups().len() >= GROUPS_MAX {
                let text =
                    format!("There are {GROUPS_MAX} management groups, which is the most there can be.");
                return Err(conflict("TooManyManagementGroups", text));
            }
        }
        Some(before) => {
            app.authorize(&call.caller, WRITE, &before.id).await?;
            if let Some(asked) = asked {
                may_move(call, tree, before, asked, root).await?;
            }
        }
    }
    let target = match (asked, before) {
        (Some(asked), _) => Some(asked),
        (None, Some(before)) => before.parent.as_deref().and_then(|name| tree.group(name)),
        (None, None) => Some(root),
    };
    if let Some(target) = target {
        check_levels(tree, id, target)?;
    }
    write(call, id, before, display_name, target).await?;
    let map = app.access_map().await?;
    shown(call, &map.hierarchy, id).await
}

/// `id` of a parent in a body, which people write as an id or as a bare name.
fn parent_of<'a>(tree: &'a Hierarchy, text: &str) -> Result<&'a Group, Failure> {
    let name = text.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    tree.group(name).ok_or_else(|| {
        let shown: String = text.chars().take(200).collect();
        let text = format!("there is no management group `{shown}` to be the parent");
        ApiError::field("properties.details.parent.id", text).into()
    })
}

/// Azure's rule for a move: writing at the group, at both parents (the root is open as the old one), and giving
/// access at what is moved.
async fn may_move(
    call: &Call,
    tree: &Hierarchy,
    group: &Group,
    to: &Group,
    root: &Group,
) -> Result<(), Failure> {
    let app = &call.app;
    let from = group.parent.as_deref().and_then(|name| tree.group(name));
    let Some(from) = from else {
        return Err(conflict(
            "RootGroupUpdate",
            "The root management group has no parent and cannot be moved.".to_owned(),
        ));
    };
    if from.id == to.id {
        return Ok(());
    }
    app.authorize(&call.caller, GIVE_ACCESS, &group.id).await?;
    app.authorize(&call.caller, WRITE, &to.id).await?;
    if from.id != root.id {
        app.authorize(&call.caller, WRITE, &from.id).await?;
    }
    if tree.contains(&group.id, &to.id) {
        let text =
            format!("`{}` lies below `{}`, so it cannot be its parent.", to.id.name(), group.id.name());
        return Err(conflict("ManagementGroupLoop", text));
    }
    Ok(())
}

fn check_levels(tree: &Hierarchy, id: &ResourceId, parent: &Group) -> Result<(), Failure> {
    // The parent and those above it, without the root.
    let above = tree.groups_above(&parent.id).len() - 1;
    let depth = |group: &&Group| {
        let chain = tree.groups_above(&group.id);
        chain.iter().position(|above| above.id == *id).map_or(0, |steps| steps + 1)
    };
    let below = tree.groups().iter().map(depth).max().unwrap_or(0).max(1);
    if above + below > LEVELS_MAX {
        let text = format!("Management groups nest at most {LEVELS_MAX} levels below the root.");
        return Err(conflict("ExceededMaximumDepth", text));
    }
    Ok(())
}

async fn write(
    call: &Call,
    id: &ResourceId,
    before: Option<&Group>,
    display_name: Option<String>,
    parent: Option<&Group>,
) -> Result<(), Failure> {
    let app = &call.app;
    let stored = app.records.get(id).await?;
    let version =
        stored.as_ref().and_then(|stored| stored.body.pointer("/properties/details/version")?.as_i64());
    let kept = before.map_or_else(|| id.name().to_owned(), |before| before.display_name.clone());
    let mut details = json!({
        "version": version.unwrap_or(0) + 1, "updatedTime": app.clock.now(),
        "updatedBy": call.caller.actor.object_id,
    });
    if let Some(parent) = parent {
        details["parent"] = json!({"id": parent.id});
    }
    let body = json!({"properties": {
        "tenantId": app.home.tenant, "displayName": display_name.unwrap_or(kept), "details": details,
    }});
    let condition = match &stored {
        Some(stored) => Condition::IfMatch(stored.etag.clone()),
        None => Condition::IfNoneMatch,
    };
    let write = Write { id: id.clone(), body, condition, actor: call.caller.actor.clone(), audit: true };
    app.records.put(write).await?;
    Ok(())
}

pub(super) async fn delete(call: &Call, id: &ResourceId) -> Result<Response, Failure> {
    let app = &call.app;
    let _alone = app.hierarchy_lock.lock().await;
    let map = app.access_map().await?;
    authorize(call, &map.hierarchy, DELETE, id).await?;
    let Some(group) = map.hierarchy.group(id.name()) else { return Ok(answer::empty(204)) };
    if group.parent.is_none() {
        return Err(conflict("RootGroupDelete", "The root management group cannot be deleted.".to_owned()));
    }
    let below = map.hierarchy.roots_below(&group.id);
    if let Some(child) = below.iter().find(|child| **child != group.id) {
        let text = format!("The management group '{}' holds `{child}`; move it out first.", group.id.name());
        return Err(conflict("ManagementGroupHasChildren", text));
    }
    app.records.delete(&group.id, &call.caller.actor, None).await?;
    // Deleting is 202 or 204 to Azure's clients; there is nothing left to wait for.
    Ok(answer::empty(204))
}

/// A group as Azure shows it, with what `$expand` and `$recurse` ask for.
async fn shown(call: &Call, tree: &Hierarchy, id: &ResourceId) -> Result<Response, Failure> {
    let group = find(tree, id)?;
    let stored = call.app.records.get(&group.id).await?.ok_or_else(|| missing(id.name()))?;
    let mut out = body(&call.app, tree, group, &stored);
    let expand = query_value(&call.parts.uri, "$expand").unwrap_or_default().to_ascii_lowercase();
    let recurse =
        query_value(&call.parts.uri, "$recurse").is_some_and(|text| text.eq_ignore_ascii_case("true"));
    let filter = query_value(&call.parts.uri, "$filter").unwrap_or_default().to_ascii_lowercase();
    let ancestors: Vec<&Group> =
        tree.groups_above(&group.id).into_iter().filter(|above| above.id != group.id).collect();
    let entry = |group: &&Group| json!({"name": group.id.name(), "displayName": group.display_name});
    for word in expand.split(',').map(str::trim).filter(|word| !word.is_empty()) {
        match word {
            "children" => {
                // The one filter that Azure has here.
                let groups_only = filter.replace(' ', "") == "children.childtypenesubscription";
                if !filter.is_empty() && !groups_only {
                    let text = "`$filter` is `children.childType ne Subscription` or nothing.";
                    return Err(ApiError::invalid(text).into());
                }
                let children = children::of(tree, group, recurse, !groups_only);
                // Azure has `null` where there are none.
                out["properties"]["children"] =
                    if children.is_empty() { Value::Null } else { children.into() };
            }
            "path" => {
                let path: Vec<Value> = ancestors.iter().rev().map(entry).collect();
                out["properties"]["details"]["path"] = path.into();
            }
            "ancestors" => {
                let names: Vec<&str> = ancestors.iter().map(|above| above.id.name()).collect();
                out["properties"]["details"]["managementGroupAncestors"] = json!(names);
                let chain: Vec<Value> = ancestors.iter().map(entry).collect();
                out["properties"]["details"]["managementGroupAncestorsChain"] = chain.into();
            }
            _ => return Err(ApiError::invalid("`$expand` is `children`, `path` or `ancestors`.").into()),
        }
    }
    Ok(Json(out).into_response())
}

fn body(app: &App, tree: &Hierarchy, group: &Group, stored: &Resource) -> Value {
    let mut details = stored.body.pointer("/properties/details").cloned().unwrap_or_else(|| json!({}));
    if let Some(parent) = group.parent.as_deref().and_then(|name| tree.group(name)) {
        details["parent"] =
            json!({"id": parent.id, "name": parent.id.name(), "displayName": parent.display_name});
    }
    json!({"id": group.id, "type": GROUP_TYPE, "name": group.id.name(), "properties": {
        "tenantId": app.home.tenant, "displayName": group.display_name, "details": details,
    }})
}

fn conflict(code: &str, text: String) -> Failure {
    Failure(ApiError::coded(ErrorKind::Conflict, code, text))
}
