//! The access decision: a role assignment at the scope or above it, whose role has the action; then locks.

use bartizan_base::ResourceId;
use bartizan_records::{ListQuery, Resource};
use serde_json::Value;

use crate::access::roles::find_role;
use crate::access::{Caller, Permissions};
use crate::app::App;
use crate::http::Failure;

/// What joins principals to roles.
const ASSIGNMENT_TYPE: &str = "Microsoft.Authorization/roleAssignments";
/// What a role allows.
pub(crate) const ROLE_TYPE: &str = "Microsoft.Authorization/roleDefinitions";

impl App {
    /// Whether `caller` may do `action` at `scope`. An error says so in ARM's words.
    pub(crate) async fn authorize(
        &self,
        caller: &Caller,
        action: &str,
        scope: &ResourceId,
    ) -> Result<(), Failure> {
        self.decide(caller, action, scope, false).await?;
        self.check_locks(action, scope).await
    }

    /// The same for a data action, such as sending logs.
    pub(crate) async fn authorize_data(
        &self,
        caller: &Caller,
        action: &str,
        scope: &ResourceId,
    ) -> Result<(), Failure> {
        self.decide(caller, action, scope, true).await
    }

    async fn decide(
        &self,
        caller: &Caller,
        action: &str,
        scope: &ResourceId,
        data: bool,
    ) -> Result<(), Failure> {
        let principal = caller.principal()?;
        let roles = self.roles_of(&principal.object_id.to_string()).await?;
        let allowed = roles.iter().any(|(at, role)| scope.is_within(at) && role.allows(action, data));
        if allowed { Ok(()) } else { Err(Failure::forbidden(&principal.name, action, scope.as_str())) }
    }

    /// The roles of a principal and where each holds. Read from the records with every request: assignments
    /// are few, and a withdrawn one must not linger.
    pub(crate) async fn roles_of(&self, object_id: &str) -> Result<Vec<(ResourceId, Permissions)>, Failure> {
        let assignments = self.records.list_all(&ListQuery::tenant(), ASSIGNMENT_TYPE).await?;
        let mut out = Vec::new();
        for assignment in &assignments {
            if !text(assignment, "principalId").eq_ignore_ascii_case(object_id) {
                continue;
            }
            let scope = assignment.id.parent().unwrap_or_else(ListQuery::tenant);
            // A definition that is gone allows nothing.
            if let Some(role) = self.permissions(text(assignment, "roleDefinitionId")).await? {
                out.push((scope, role));
            }
        }
        Ok(out)
    }

    async fn permissions(&self, definition: &str) -> Result<Option<Permissions>, Failure> {
        let name = definition.rsplit('/').next().unwrap_or_default();
        if let Some(role) = find_role(name) {
            return Ok(Some(role.into()));
        }
        let custom = self.custom_role(name).await?;
        Ok(custom.and_then(|role| role.property("permissions").map(Permissions::of_json)))
    }

    /// The role that people defined under this name, a uuid, at any scope.
    pub(crate) async fn custom_role(&self, name: &str) -> Result<Option<Resource>, Failure> {
        let all = self.records.list_all(&ListQuery::tenant(), ROLE_TYPE).await?;
        Ok(all.into_iter().find(|role| role.id.name().eq_ignore_ascii_case(name)))
    }
}

fn text<'a>(resource: &'a Resource, name: &str) -> &'a str {
    resource.property(name).and_then(Value::as_str).unwrap_or_default()
}
