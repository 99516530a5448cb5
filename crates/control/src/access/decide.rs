//! The access decision: a role assignment at the scope or above it, whose role has the action; then locks.

use std::borrow::Cow;
use std::sync::Arc;

use bartizan_base::ResourceId;
use bartizan_records::{ListQuery, Resource};

use crate::access::Caller;
use crate::access::map::{AccessMap, Held};
use crate::app::App;
use crate::http::Failure;

/// What joins principals to roles.
pub(crate) const ASSIGNMENT_TYPE: &str = "Microsoft.Authorization/roleAssignments";
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
        let action = &*azure_action(action);
        let map = match caller.take_look() {
            Some(map) => map,
            None => self.access_map().await?,
        };
        let roles = map.roles_of(&principal.object_id.to_string());
        let allowed =
            roles.iter().any(|(at, role)| map.hierarchy.contains(at, scope) && role.allows(action, data));
        if allowed { Ok(()) } else { Err(Failure::forbidden(&principal.name, action, scope.as_str())) }
    }

    /// Everything that decides access, as of now.
    pub(crate) async fn access_map(&self) -> Result<Arc<AccessMap>, Failure> {
        Ok(AccessMap::of(&self.records).await?)
    }

    /// The roles of a principal and where each holds.
    pub(crate) async fn roles_of(&self, object_id: &str) -> Result<Vec<Held>, Failure> {
        Ok(self.access_map().await?.roles_of(object_id).to_vec())
    }

    /// The role that people defined under this name, a uuid, at any scope.
    pub(crate) async fn custom_role(&self, name: &str) -> Result<Option<Resource>, Failure> {
        let all = self.records.list_all(&ListQuery::tenant(), ROLE_TYPE).await?;
        Ok(all.into_iter().find(|role| role.id.name().eq_ignore_ascii_case(name)))
    }
}

/// An action as roles name it: resource groups are below subscriptions there, though their type is not.
pub(crate) fn azure_action(action: &str) -> Cow<'_, str> {
    const TYPE: &str = "microsoft.resources/resourcegroups/";
    match action.get(..TYPE.len()) {
        Some(start) if start.eq_ignore_ascii_case(TYPE) => {
            Cow::Owned(format!("Microsoft.Resources/subscriptions/resourceGroups/{}", &action[TYPE.len()..]))
        }
        _ => Cow::Borrowed(action),
    }
}
