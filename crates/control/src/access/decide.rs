//! The access decision: a role assignment at the scope or above it, whose role has the action.

use bartizan_base::ResourceId;
use bartizan_records::ListQuery;
use serde_json::Value;

use crate::access::roles::find_role;
use crate::access::{Caller, Role};
use crate::app::App;
use crate::http::Failure;

/// What joins principals to roles.
const ASSIGNMENT_TYPE: &str = "Microsoft.Authorization/roleAssignments";

impl App {
    /// Whether `caller` may do `action` at `scope`. An error says so in ARM's words.
    pub(crate) async fn authorize(
        &self,
        caller: &Caller,
        action: &str,
        scope: &ResourceId,
    ) -> Result<(), Failure> {
        self.decide(caller, action, scope, false).await
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
    pub(crate) async fn roles_of(
        &self,
        object_id: &str,
    ) -> Result<Vec<(ResourceId, &'static Role)>, Failure> {
        let assignments = self.records.list_all(&ListQuery::tenant(), ASSIGNMENT_TYPE).await?;
        let text = |resource: &bartizan_records::Resource, name: &str| {
            resource.property(name).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        Ok(assignments
            .iter()
            .filter(|assignment| text(assignment, "principalId").eq_ignore_ascii_case(object_id))
            .filter_map(|assignment| {
                let definition = text(assignment, "roleDefinitionId");
                let role = find_role(definition.rsplit('/').next().unwrap_or_default())?;
                let scope = assignment.id.parent().unwrap_or_else(ListQuery::tenant);
                Some((scope, role))
            })
            .collect())
    }
}
