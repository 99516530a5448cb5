//! Roles and who has them.

use async_trait::async_trait;
use bartizan_api::ApiError;
use bartizan_base::ResourceId;
use bartizan_records::Resource;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::access::{ROLES, Role, find_role};
use crate::app::App;
use crate::arm::kind::{Draft, Kind, computed};
use crate::http::Failure;

pub(super) struct RoleAssignments;

#[async_trait]
impl Kind for RoleAssignments {
    async fn prepare(&self, app: &App, draft: &mut Draft<'_>) -> Result<(), Failure> {
        let role = draft.text("roleDefinitionId").rsplit('/').next().and_then(find_role);
        if role.is_none() {
            let text =
                "`roleDefinitionId` must name one of the built-in roles; GET …/roleDefinitions lists them";
            return Err(ApiError::field("properties.roleDefinitionId", text).into());
        }
        let path = "properties.principalId";
        let principal = Uuid::parse_str(draft.text("principalId"))
            .map_err(|_| ApiError::field(path, "`principalId` must be the object id of a principal"))?;
        let Some(principal) = app.records.principal(principal).await? else {
            return Err(ApiError::coded(
                bartizan_base::ErrorKind::Invalid,
                "PrincipalNotFound",
                format!("Principal {principal} does not exist in the directory."),
            )
            .into());
        };
        draft.set("principalType", principal.kind.name());
        let scope = draft.id.parent().map(String::from).unwrap_or_else(|| "/".to_owned());
        draft.set("scope", scope);
        Ok(())
    }
}

pub(super) struct RoleDefinitions;

#[async_trait]
impl Kind for RoleDefinitions {
    async fn absent(&self, _app: &App, id: &ResourceId) -> Result<Option<Resource>, Failure> {
        Ok(find_role(id.name()).map(|role| computed(id.clone(), body(role))))
    }

    async fn absent_all(&self, _app: &App, scope: &ResourceId) -> Result<Vec<Resource>, Failure> {
        let id = |role: &Role| {
            scope.join(&format!("providers/Microsoft.Authorization/roleDefinitions/{}", role.id)).ok()
        };
        Ok(ROLES.iter().filter_map(|role| Some(computed(id(role)?, body(role)))).collect())
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
