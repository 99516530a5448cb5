//! What many requests ask of the records at the same moment, asked together: see [`Together`].

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use bartizan_base::ResourceId;
use uuid::Uuid;

use crate::activity::Activity;
use crate::agents::Agent;
use crate::database::Records;
use crate::error::RecordsError;
use crate::principals::Principal;
use crate::resources::{Change, Resource, Write, Written, check, check_group, group_of, put};
use crate::together::Together;

/// The questions that wait, by kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    pub(crate) resources: Together<ResourceId, Option<Resource>>,
    pub(crate) agents: Together<Uuid, Option<Agent>>,
    /// Who somebody is, and the generation of access.
    pub(crate) principals: Together<Uuid, (Option<Principal>, i64)>,
    writes: Together<Asking, Result<Written, RecordsError>>,
    pub(crate) new_agents: Together<Agent, Result<(), RecordsError>>,
}

/// A write that somebody waits for.
#[derive(Clone, Debug)]
pub(crate) struct Asking {
    pub(crate) write: Write,
    /// Its group must be there and stay.
    pub(crate) in_group: bool,
}

/// What writes of one batch see and make.
#[derive(Default)]
struct Batch {
    there: HashMap<ResourceId, Resource>,
    made: Vec<Change>,
    entries: Vec<Activity>,
    written: BTreeSet<ResourceId>,
}

impl Records {
    /// Makes a write, in one transaction with those that wait for theirs.
    pub(crate) async fn put_with_others(&self, asking: Asking) -> Result<Written, RecordsError> {
        let records = self.clone();
        in_a_task(async move {
            let writes = records.asked.writes.clone();
            writes.ask(asking, |asked| records.put_each(asked)).await
        })
        .await
    }

    /// Makes each of `asked` whose condition holds, in their order. What fails with the database fails for all.
    async fn put_each(
        &self,
        mut asked: Vec<Asking>,
    ) -> Result<Vec<Result<Written, RecordsError>>, RecordsError> {
        if asked.len() == 1
            && let Some(one) = asked.pop()
        {
            return Ok(vec![self.put_alone(one, None).await]);
        }
        let many = asked.len();
        match self.put_batch(asked).await {
            Ok(outcomes) => Ok(outcomes),
            Err(error) => Ok(for_each(many, error)),
        }
    }

    async fn put_batch(
        &self,
        asked: Vec<Asking>,
    ) -> Result<Vec<Result<Written, RecordsError>>, RecordsError> {
        let mut tx = self.begin().await?;
        let groups = asked.iter().filter(|one| one.in_group).filter_map(|one| group_of(&one.write.id));
        let named: BTreeSet<ResourceId> =
            asked.iter().map(|one| one.write.id.clone()).chain(groups).collect();
        let named: Vec<ResourceId> = named.into_iter().collect();
        let found = self.get_many_within(&mut tx, &named).await?;
        let there = found.into_iter().map(|resource| (resource.id.clone(), resource)).collect();
        let mut batch = Batch { there, ..Batch::default() };
        let outcomes = asked.into_iter().map(|one| self.put_into(&mut batch, one)).collect();
        let written: Vec<&Resource> = batch.written.iter().filter_map(|id| batch.there.get(id)).collect();
        self.insert(&mut tx, &written).await?;
        Activity::insert_all(&mut tx, self.sql, &batch.entries).await?;
        self.commit(tx, batch.made).await?;
        Ok(outcomes)
    }

    /// What becomes of one write after those before it in its batch.
    fn put_into(&self, batch: &mut Batch, asking: Asking) -> Result<Written, RecordsError> {
        let Asking { write, in_group } = asking;
        if in_group && let Some(group) = group_of(&write.id) {
            check_group(&group, batch.there.get(&group))?;
        }
        let before = batch.there.get(&write.id);
        check(&write.id, before, &write.condition)?;
        let created = before.is_none();
        if let Some(same) = before.filter(|before| !write.audit && before.body == write.body) {
            return Ok(Written { resource: same.clone(), created });
        }
        let resource = self.successor(before, write.id, write.body);
        if write.audit {
            batch.entries.push(Activity::written(before, &resource, &write.actor));
        }
        batch.made.push(put(&resource, &write.actor));
        batch.written.insert(resource.id.clone());
        batch.there.insert(resource.id.clone(), resource.clone());
        Ok(Written { resource, created })
    }
}

/// What `work` gives. It goes on when who waits for it goes away: others may wait for the same transaction.
pub(crate) async fn in_a_task<A: Send + 'static>(
    work: impl Future<Output = Result<Option<Result<A, RecordsError>>, RecordsError>> + Send + 'static,
) -> Result<A, RecordsError> {
    match tokio::spawn(work).await {
        Ok(Ok(Some(done))) => done,
        Ok(Err(error)) => Err(error),
        // The work panicked.
        Ok(Ok(None)) | Err(_) => Err(RecordsError::Database(sqlx::Error::WorkerCrashed)),
    }
}

/// An error for each of those whose transaction failed.
pub(crate) fn for_each<A>(many: usize, error: RecordsError) -> Vec<Result<A, RecordsError>> {
    let error = Arc::new(error);
    (0..many).map(|_| Err(RecordsError::Shared(Arc::clone(&error)))).collect()
}
