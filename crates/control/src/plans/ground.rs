//! What deployments look at before they are written, read once for a batch of them.
//!
//! Most of it is the same for ten thousand machines: who the policy's identity is and what it may do, locks, groups. A
//! thing that changes meanwhile is seen by the next batch; what is written is written under the condition that what was
//! read of it is still so.

use std::collections::HashMap;
use std::sync::Arc;

use bartizan_base::ResourceId;
use bartizan_policy::{Assignment, Rule};
use bartizan_records::{Records, RecordsError, Resource};
use uuid::Uuid;

use super::admission::Places;
use super::component::EXTENSION_TYPE;
use super::identity::{self, Lack};
use crate::access::AccessMap;

/// What deployments of one batch stand on.
#[derive(Debug)]
pub(crate) struct Ground {
    pub(super) access: Arc<AccessMap>,
    pub(super) places: Places,
    /// By the key of the machine.
    extensions: HashMap<String, Vec<Resource>>,
    /// Whom each assignment acts as.
    principals: HashMap<ResourceId, Option<Uuid>>,
}

impl Ground {
    /// The ground of deployments upon `resources`, which the caller bounds.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub(crate) async fn read(records: &Records, resources: &[ResourceId]) -> Result<Self, RecordsError> {
        let mut found = records.list_children_of_each(resources, EXTENSION_TYPE).await?;
        let of = |id: &ResourceId| (id.key().to_owned(), found.remove(id.key()).unwrap_or_default());
        Ok(Self {
            extensions: resources.iter().map(of).collect(),
            access: AccessMap::of(records).await?,
            places: Places::default(),
            principals: HashMap::new(),
        })
    }

    /// The extensions of a machine.
    pub(super) async fn extensions(
        &mut self,
        records: &Records,
        machine: &ResourceId,
    ) -> Result<&[Resource], RecordsError> {
        if !self.extensions.contains_key(machine.key()) {
            // A policy may deploy to another machine than the one it looks at.
            let found = records.list_all(machine, EXTENSION_TYPE).await?;
            self.extensions.insert(machine.key().to_owned(), found);
        }
        Ok(self.extensions.get(machine.key()).map_or(&[], Vec::as_slice))
    }

    /// Why the identity of the rule's assignment may not write `id`, a resource of `resource_type`; `None` when it may.
    pub(super) async fn lack(
        &mut self,
        records: &Records,
        rule: &Rule,
        resource_type: &str,
        id: &ResourceId,
    ) -> Result<Option<Lack>, RecordsError> {
        let principal = self.principal(records, &rule.assignment).await?;
        Ok(identity::lack_in(&self.access, principal, rule, &[format!("{resource_type}/write")], id))
    }

    async fn principal(
        &mut self,
        records: &Records,
        assignment: &Assignment,
    ) -> Result<Option<Uuid>, RecordsError> {
        if let Some(known) = self.principals.get(&assignment.id) {
            return Ok(*known);
        }
        let principal = identity::principal(records, assignment).await?;
        self.principals.insert(assignment.id.clone(), principal);
        Ok(principal)
    }
}
