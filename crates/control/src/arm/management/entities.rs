//! `POST …/getEntities`: groups and subscriptions that the caller may see, for trees in portals.

use axum::Json;
use axum::response::{IntoResponse, Response};
use bartizan_base::ResourceId;
use serde_json::{Value, json};

use crate::access::{GROUP_TYPE, Group, Held, Hierarchy};
use crate::arm::Call;
use crate::arm::management::{READ, WRITE, children};
use crate::http::Failure;

pub(super) async fn list(call: &Call) -> Result<Response, Failure> {
    let map = call.app.access_map().await?;
    let tree = &map.hierarchy;
    let principal = call.caller.principal()?;
    let roles = map.roles_of(&principal.object_id.to_string());
    let tenant = call.app.home.tenant;
    let mut out = Vec::new();
    for group in tree.groups() {
        let Some(permissions) = permissions(tree, roles, &group.id, READ, WRITE) else { continue };
        let below: Vec<ResourceId> =
            tree.roots_below(&group.id).into_iter().filter(|id| *id != group.id).collect();
        let children = children::of(tree, group, false, true);
        let groups = children.iter().filter(|child| child["type"] == GROUP_TYPE).count();
        let above = tree.groups_above(&group.id);
        let properties = json!({
            "tenantId": tenant, "displayName": group.display_name,
            "parent": {"id": above.get(1).map(|parent| parent.id.as_str())},
            "permissions": permissions, "inheritedPermissions": permissions,
            "numberOfDescendants": below.len(), "numberOfChildren": children.len(),
            "numberOfChildGroups": groups,
            "parentNameChain": names(&above[1..], false), "parentDisplayNameChain": names(&above[1..], true),
        });
        out.push(
            json!({"id": group.id, "type": GROUP_TYPE, "name": group.id.name(), "properties": properties}),
        );
    }
    for subscription in tree.subscriptions() {
        let (read, write) =
            ("Microsoft.Resources/subscriptions/read", "Microsoft.Resources/subscriptions/write");
        let Some(permissions) = permissions(tree, roles, &subscription.id, read, write) else { continue };
        let above = tree.groups_above(&subscription.id);
        let properties = json!({
            "tenantId": tenant, "displayName": subscription.display_name,
            "parent": {"id": above.first().map(|parent| parent.id.as_str())},
            "permissions": permissions, "inheritedPermissions": permissions,
            "numberOfDescendants": 0, "numberOfChildren": 0, "numberOfChildGroups": 0,
            "parentNameChain": names(&above, false), "parentDisplayNameChain": names(&above, true),
        });
        out.push(json!({
            "id": subscription.id, "type": children::SUBSCRIPTION, "name": subscription.id.name(),
            "properties": properties,
        }));
    }
    Ok(Json(json!({"count": out.len(), "value": out})).into_response())
}

/// Azure's words for what somebody may do; `None` when nothing.
fn permissions(
    tree: &Hierarchy,
    roles: &[Held],
    id: &ResourceId,
    read: &str,
    write: &str,
) -> Option<&'static str> {
    let may =
        |action: &str| roles.iter().any(|(at, role)| tree.contains(at, id) && role.allows(action, false));
    if !may(read) {
        return None;
    }
    Some(if may(&write.replace("/write", "/delete")) {
        "delete"
    } else if may(write) {
        "edit"
    } else {
        "view"
    })
}

/// From the root down.
fn names(above: &[&Group], display: bool) -> Vec<Value> {
    let name = |group: &&Group| if display { group.display_name.clone() } else { group.id.name().to_owned() };
    above.iter().rev().map(|group| name(group).into()).collect()
}
