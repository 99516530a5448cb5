//! Resources with their children, read and edited together: machines with their extensions.

use bartizan_base::ResourceId;

use crate::activity::Activity;
use crate::actor::Actor;
use crate::database::Records;
use crate::error::RecordsError;
use crate::resources::{Resource, put, remove_tree};

/// A resource and its children of one type.
#[derive(Clone, Debug, PartialEq)]
pub struct Family {
    pub parent: Resource,
    pub children: Vec<Resource>,
}

/// A new body for a resource that is there, or `None` to delete it.
#[derive(Clone, Debug)]
pub struct Edit {
    pub id: ResourceId,
    pub body: Option<serde_json::Value>,
    pub actor: Actor,
}

impl Records {
    /// Those of `parents` that exist, in id order, with their children of one type. The caller bounds how many it asks
    /// for.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn families(
        &self,
        parents: &[ResourceId],
        child_type: &str,
    ) -> Result<Vec<Family>, RecordsError> {
        let found = self.get_many(parents).await?;
        let mut children = self.list_children_of_each(parents, child_type).await?;
        Ok(join(found, &mut children))
    }

    /// Reads each of `parents` that exists with its children of one type, and makes the edits that `edit` wants, all in
    /// one transaction with no other writer between. Edits of resources that are not there are left out. New bodies
    /// are without activity entries, because they are what machines report of themselves; deletions have one.
    ///
    /// # Errors
    /// When the database fails; then nothing was written.
    pub async fn edit_families(
        &self,
        parents: &[ResourceId],
        child_type: &str,
        edit: &mut (dyn FnMut(&Family) -> Vec<Edit> + Send),
    ) -> Result<(), RecordsError> {
        if parents.is_empty() {
            return Ok(());
        }
        let mut tx = self.begin().await?;
        let found = self.get_many_within(&mut tx, parents).await?;
        let mut children = self.list_children_within(&mut tx, parents, child_type).await?;
        let (mut made, mut written) = (Vec::new(), Vec::new());
        for family in join(found, &mut children) {
            let edits = edit(&family);
            let Family { parent, children } = family;
            let mut members: Vec<Resource> = std::iter::once(parent).chain(children).collect();
            for Edit { id, body, actor } in edits {
                let at = members.iter().position(|member| member.id == id);
                let Some(before) = at.map(|at| members.swap_remove(at)) else { continue };
                match body {
                    Some(body) if body == before.body => {}
                    Some(body) => {
                        let resource = self.successor(Some(&before), id, body);
                        made.push(put(&resource, &actor));
                        written.push(resource);
                    }
                    None => {
                        made.extend(remove_tree(&mut tx, &id, &actor).await?);
                        Activity::deleted(&before, &actor, self.clock.now()).insert(&mut tx).await?;
                    }
                }
            }
        }
        // By one statement: a fleet's reports have an edit or more for each machine.
        self.insert(&mut tx, &written.iter().collect::<Vec<_>>()).await?;
        self.commit(tx, made).await
    }
}

fn join(
    found: Vec<Resource>,
    children: &mut std::collections::HashMap<String, Vec<Resource>>,
) -> Vec<Family> {
    let family = |parent: Resource| {
        let children = children.remove(parent.id.key()).unwrap_or_default();
        Family { parent, children }
    };
    found.into_iter().map(family).collect()
}
