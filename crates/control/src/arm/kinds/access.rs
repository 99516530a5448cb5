//! Roles and who has them.

use async_trait::async_trait;
use bartizan_api::ApiError;
use bartizan_base::ResourceId;
use bartizan_records::{PrincipalKind, Resource};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::access::{CAN_NOT_DELETE, Caller, READ_ONLY, ROLE_TYPE, ROLES, Role, find_role, group_segment};
use crate::app::App;
use crate::arm::kind::{Draft, Kind, computed};
use crate::arm::kinds::not_one_of;
use crate::http::Failure;
use crate::plans::reconcile;

pub(super) struct RoleAssignments;

#[async_trait]
impl Kind for RoleAssignments {
    async fn prepare(&self, app: &App, draft: &mut Draft<'_>) -> Result<(), Failure> {
        check_role(app, draft).await?;
        let path = "properties.principalId";
        let principal = Uuid::parse_str(draft.text("principalId"))
            .map_err(|_| ApiError::field(path, "`principalId` must be the object id of a principal"))?;
        let kind = match app.records.principal(principal).await? {
            Some(known) => Some(known.kind.name()),
            // The identity of a policy assignment is no entry of the directory.
            None => {
                let policies = reconcile::load(&app.records).await?;
                policies.deploys_as(&principal.to_string()).then(|| PrincipalKind::ServicePrincipal.name())
            }
        };
        let Some(kind) = kind else {
            return Err(ApiError::coded(
                bartizan_base::ErrorKind::Invalid,
                "PrincipalNotFound",
                format!("Principal {principal} does not exist in the directory."),
            )
            .into());
        };
        draft.set("principalType", kind);
        let scope = draft.id.parent().map(String::from).unwrap_or_else(|| "/".to_owned());
        draft.set("scope", scope);
        Ok(())
    }
}

/// The role must exist, and one that people defined must be meant for this scope.
async fn check_role(app: &App, draft: &Draft<'_>) -> Result<(), Failure> {
    let path = "properties.roleDefinitionId";
    let name = draft.text("roleDefinitionId").rsplit('/').next().unwrap_or_default();
    if find_role(name).is_some_and(|role| role.id.eq_ignore_ascii_case(name)) {
        return Ok(());
    }
    let Some(role) = app.custom_role(name).await? else {
        let text = "`roleDefinitionId` must be the id of a role; GET …/roleDefinitions lists them";
        return Err(ApiError::field(path, text).into());
    };
    let scope = draft.id.parent();
    let map = app.access_map().await?;
    let reaches = |at: &ResourceId| scope.as_ref().is_some_and(|scope| map.hierarchy.contains(at, scope));
    let meant = scopes(&role.body).iter().any(reaches);
    if meant {
        return Ok(());
    }
    let text = "the role's `assignableScopes` do not reach this scope";
    Err(ApiError::field(path, text).into())
}

fn scopes(body: &Value) -> Vec<ResourceId> {
    let scopes = body.pointer("/properties/assignableScopes").and_then(Value::as_array);
    let texts = scopes.into_iter().flatten().filter_map(Value::as_str);
    texts.filter_map(|text| ResourceId::parse(text).ok()).collect()
}

pub(super) struct RoleDefinitions;

/// Patterns of one list of a role; Azure allows 2,048 characters for a whole role's description alone.
const PATTERNS_MAX: usize = 500;
const ROLE_NAME_MAX: usize = 128;

#[async_trait]
impl Kind for RoleDefinitions {
    async fn prepare(&self, app: &App, draft: &mut Draft<'_>) -> Result<(), Failure> {
        if Uuid::parse_str(draft.id.name()).is_err() {
            return Err(ApiError::field("name", "the name of a role definition is a uuid").into());
        }
        let conflict = |code: &str, text: &str| {
            Err(Failure(ApiError::coded(bartizan_base::ErrorKind::Conflict, code, text)))
        };
        if find_role(draft.id.name()).is_some() {
            return conflict("RoleDefinitionUpdateNotAllowed", "Built-in roles cannot be changed.");
        }
        let name = draft.text("roleName").trim().to_owned();
        if name.is_empty() || name.chars().count() > ROLE_NAME_MAX {
            let text = format!("`roleName` has 1 to {ROLE_NAME_MAX} characters");
            return Err(ApiError::field("properties.roleName", text).into());
        }
        let all = app.records.list_all(&bartizan_records::ListQuery::tenant(), ROLE_TYPE).await?;
        let same = |other: &Resource| {
            let taken = other.property("roleName").and_then(Value::as_str).unwrap_or_default();
            taken.eq_ignore_ascii_case(&name)
        };
        // The same uuid at two scopes would be two roles under one id.
        let twin = |other: &Resource| other.id.name().eq_ignore_ascii_case(draft.id.name());
        let others = || all.iter().filter(|other| other.id != *draft.id);
        if find_role(&name).is_some() || others().any(same) || others().any(twin) {
            let text = "There is a role with this name or id already.";
            return conflict("RoleDefinitionWithSameNameExists", text);
        }
        check_permissions(draft.property("permissions"))?;
        let given = draft.property("assignableScopes").as_array().map_or(0, Vec::len);
        let scopes = scopes(&draft.body);
        if scopes.is_empty() || scopes.len() != given {
            let text = "`assignableScopes` is a list of at least one resource id";
            return Err(ApiError::field("properties.assignableScopes", text).into());
        }
        for scope in &scopes {
            app.authorize(draft.caller, "Microsoft.Authorization/roleDefinitions/write", scope).await?;
        }
        draft.set("type", "CustomRole");
        Ok(())
    }

    async fn absent(&self, _app: &App, id: &ResourceId) -> Result<Option<Resource>, Failure> {
        Ok(find_role(id.name()).map(|role| computed(id.clone(), body(role))))
    }

    async fn absent_all(&self, _app: &App, scope: &ResourceId) -> Result<Vec<Resource>, Failure> {
        let id = |role: &Role| {
            scope.join(&format!("providers/Microsoft.Authorization/roleDefinitions/{}", role.id)).ok()
        };
        Ok(ROLES.iter().filter_map(|role| Some(computed(id(role)?, body(role)))).collect())
    }

    async fn delete(&self, app: &App, _caller: &Caller, stored: &Resource) -> Result<bool, Failure> {
        let conflict = |code: &str, text: String| {
            Err(Failure(ApiError::coded(bartizan_base::ErrorKind::Conflict, code, text)))
        };
        if find_role(stored.id.name()).is_some() {
            return conflict(
                "RoleDefinitionDeleteNotAllowed",
                "Built-in roles cannot be deleted.".to_owned(),
            );
        }
        let tenant = bartizan_records::ListQuery::tenant();
        let assignments = app.records.list_all(&tenant, "Microsoft.Authorization/roleAssignments").await?;
        let uses = |assignment: &&Resource| {
            let role = assignment.property("roleDefinitionId").and_then(Value::as_str).unwrap_or_default();
            role.rsplit('/').next().is_some_and(|name| name.eq_ignore_ascii_case(stored.id.name()))
        };
        match assignments.iter().find(uses) {
            Some(used) => {
                let text = format!("The role is assigned at `{}`; remove the assignment first.", used.id);
                conflict("RoleDefinitionHasAssignments", text)
            }
            None => Ok(false),
        }
    }
}

fn check_permissions(permissions: &Value) -> Result<(), Failure> {
    let path = "properties.permissions";
    let wrong = |text: String| Err(Failure(ApiError::field(path, text)));
    let Some(sets) = permissions.as_array().filter(|sets| !sets.is_empty() && sets.len() <= PATTERNS_MAX)
    else {
        return wrong("`permissions` is a list of at least one set of actions".to_owned());
    };
    for set in sets {
        let Some(set) = set.as_object() else { return wrong("a set of actions is an object".to_owned()) };
        for name in ["actions", "notActions", "dataActions", "notDataActions"] {
            let list = match set.get(name) {
                None | Some(Value::Null) => continue,
                Some(Value::Array(list)) if list.len() <= PATTERNS_MAX => list,
                Some(_) => return wrong(format!("`{name}` is a list of up to {PATTERNS_MAX} texts")),
            };
            for pattern in list {
                let text = pattern.as_str().unwrap_or_default();
                let plain =
                    |c: char| c.is_ascii_alphanumeric() || matches!(c, '*' | '/' | '.' | '-' | '_' | '$');
                let shaped = text == "*" || text.contains('/');
                if !shaped || text.len() > 256 || !text.chars().all(plain) {
                    let shown: String = pattern.to_string().chars().take(80).collect();
                    return wrong(format!(
                        "{shown} in `{name}` is not an action such as `Microsoft.Security/*/read`"
                    ));
                }
            }
        }
    }
    Ok(())
}

pub(super) struct Locks;

#[async_trait]
impl Kind for Locks {
    async fn prepare(&self, _app: &App, draft: &mut Draft<'_>) -> Result<(), Failure> {
        if group_segment(draft.id).is_some() {
            let text =
                "a lock hangs on a subscription, a resource group or a resource, not on a management group";
            return Err(ApiError::field("id", text).into());
        }
        let levels = [CAN_NOT_DELETE, READ_ONLY];
        if !levels.contains(&draft.text("level")) {
            return Err(not_one_of("properties.level", draft.property("level"), &levels).into());
        }
        let notes = draft.property("notes");
        if !notes.is_null() && notes.as_str().is_none_or(|text| text.chars().count() > 512) {
            return Err(ApiError::field("properties.notes", "`notes` is text of up to 512 characters").into());
        }
        Ok(())
    }
}

fn body(role: &Role) -> Value {
    json!({"properties": {
        "roleName": role.name,
        "description": role.description,
        "type": "BuiltInRole",
        "assignableScopes": ["/"],
        "permissions": [{
            "actions": role.actions, "notActions": role.not_actions,
            "dataActions": role.data_actions, "notDataActions": [],
        }],
    }})
}
