//! Everything that decides access, in memory: who has which role where, locks, management groups.
//!
//! It is read anew whenever the records count a change of it (`Generation::Access`), which every request asks; so
//! a withdrawn role is withdrawn with the next request, whichever program withdrew it.

use std::collections::HashMap;
use std::sync::Arc;

use bartizan_base::ResourceId;
use bartizan_records::{Generation, ListQuery, Records, RecordsError, Resource};
use serde_json::Value;

use crate::access::decide::{ASSIGNMENT_TYPE, ROLE_TYPE};
use crate::access::hierarchy::Hierarchy;
use crate::access::locks::{LOCK_TYPE, Lock};
use crate::access::permissions::Permissions;
use crate::access::roles::find_role;

/// A role and where it holds.
pub(crate) type Held = (ResourceId, Arc<Permissions>);

/// What decides access, as of one generation.
#[derive(Debug, Default)]
pub(crate) struct AccessMap {
    generation: i64,
    /// By lower-case object id.
    roles: HashMap<String, Vec<Held>>,
    pub(super) locks: Vec<Lock>,
    pub(crate) hierarchy: Hierarchy,
}

impl AccessMap {
    /// The roles of a principal.
    pub(crate) fn roles_of(&self, object_id: &str) -> &[Held] {
        self.roles.get(&object_id.to_ascii_lowercase()).map_or(&[], Vec::as_slice)
    }

    /// Of which moment it is: a number that grows.
    pub(crate) fn generation(&self) -> i64 {
        self.generation
    }

    /// The map as of now.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub(crate) async fn of(records: &Records) -> Result<Arc<Self>, RecordsError> {
        records.derived(Generation::Access, |generation| Self::load(records, generation)).await
    }

    /// The map of a generation that was asked for just now.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub(crate) async fn at(records: &Records, generation: i64) -> Result<Arc<Self>, RecordsError> {
        records.derived_at(generation, |generation| Self::load(records, generation)).await
    }

    /// The map that was read last. Within a request it is as new as the request's own first look.
    pub(crate) fn last(records: &Records) -> Arc<Self> {
        records.last_derived().unwrap_or_default()
    }

    async fn load(records: &Records, generation: i64) -> Result<Self, RecordsError> {
        let tenant = ListQuery::tenant();
        let custom: HashMap<String, Arc<Permissions>> = records
            .list_all(&tenant, ROLE_TYPE)
            .await?
            .iter()
            .filter_map(|role| {
                let permissions = Permissions::of_json(role.property("permissions")?);
                Some((role.id.name().to_ascii_lowercase(), Arc::new(permissions)))
            })
            .collect();
        let mut roles: HashMap<String, Vec<Held>> = HashMap::new();
        for assignment in records.list_all(&tenant, ASSIGNMENT_TYPE).await? {
            let definition = text(&assignment, "roleDefinitionId").rsplit('/').next().unwrap_or_default();
            let built_in = || find_role(definition).map(|role| Arc::new(Permissions::from(role)));
            // A definition that is gone allows nothing.
            let role = built_in().or_else(|| custom.get(&definition.to_ascii_lowercase()).cloned());
            let Some(role) = role else { continue };
            let scope = assignment.id.parent().unwrap_or_else(ListQuery::tenant);
            roles
                .entry(text(&assignment, "principalId").to_ascii_lowercase())
                .or_default()
                .push((scope, role));
        }
        let locks = records.list_all(&tenant, LOCK_TYPE).await?;
        let locks = locks.iter().filter_map(Lock::read).collect();
        Ok(Self { generation, roles, locks, hierarchy: Hierarchy::load(records).await? })
    }
}

fn text<'a>(resource: &'a Resource, name: &str) -> &'a str {
    resource.property(name).and_then(Value::as_str).unwrap_or_default()
}
