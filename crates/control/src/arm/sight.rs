//! What one caller may read, asked for many resources at once: lists, Resource Graph, the portal's stream.

use std::collections::HashMap;
use std::sync::Arc;

use bartizan_base::ResourceId;

use crate::access::{AccessMap, Caller, Held, azure_action};
use crate::app::App;
use crate::http::Failure;

/// A caller's roles, with the scopes where each type may be read worked out once.
pub(crate) struct Sight {
    map: Arc<AccessMap>,
    roles: Vec<Held>,
    /// By lower-case type.
    by_type: HashMap<String, Vec<ResourceId>>,
}

impl Sight {
    /// What `caller` sees as of now.
    pub(crate) async fn of(app: &App, caller: &Caller) -> Result<Self, Failure> {
        let map = app.access_map().await?;
        let roles = map.roles_of(&caller.principal()?.object_id.to_string()).to_vec();
        Ok(Self { map, roles, by_type: HashMap::new() })
    }

    /// Whether the caller may read `id`, a resource of the type `key` (lower case).
    pub(crate) fn sees(&mut self, id: &ResourceId, key: &str) -> bool {
        if !self.by_type.contains_key(key) {
            let scopes = self.scopes(&format!("{key}/read"));
            self.by_type.insert(key.to_owned(), scopes);
        }
        let scopes = self.by_type.get(key).map_or(&[][..], Vec::as_slice);
        scopes.iter().any(|scope| self.map.hierarchy.contains(scope, id))
    }

    /// Where the caller may do `action`.
    pub(crate) fn scopes(&self, action: &str) -> Vec<ResourceId> {
        let action = &*azure_action(action);
        let may = self.roles.iter().filter(|(_, role)| role.allows(action, false));
        may.map(|(scope, _)| scope.clone()).collect()
    }

    /// The tree that this was decided by.
    pub(crate) fn map(&self) -> &AccessMap {
        &self.map
    }
}
