//! Writes and deletions meet the assigned policies here, whichever way they come in: a request, a tag, a move, a machine
//! that connects, a deployment of a policy.

use std::collections::HashMap;
use std::sync::Arc;

use bartizan_api::types;
use bartizan_base::{ResourceId, Ticks};
use bartizan_policy::{Admission, Denial, Policies, Request, Rule, Target};
use bartizan_records::{Records, RecordsError};
use serde_json::Value;

use super::{events, reconcile};

/// A write that may go on, or the policies that forbid it.
pub type Admitted = Result<Admission, Vec<Denial>>;

/// Lets the write of `body` at `id` meet the policies. The answer's body is the one to write: policies may change it.
/// A denial is kept as an event here, the rest by [`events::written`] after the write.
///
/// # Errors
/// When the records cannot be read.
pub async fn admit(
    records: &Records,
    id: &ResourceId,
    body: &Value,
    request: &Request,
    now: Ticks,
) -> Result<Admitted, RecordsError> {
    let policies = reconcile::load(records).await?;
    let (target, places) = (Target::new(id.clone(), body.clone()), &mut Places::default());
    let admitted = admit_under(records, &policies, places, target, request, now).await?;
    if let Err(denials) = &admitted {
        events::denied(records, id, body, denials, request, now).await?;
    }
    Ok(admitted)
}

/// As [`admit`], under policies that are at hand and in `places` that may have been read before.
///
/// # Errors
/// When the records cannot be read.
pub(crate) async fn admit_under(
    records: &Records,
    policies: &Policies,
    places: &mut Places,
    target: Target,
    request: &Request,
    now: Ticks,
) -> Result<Admitted, RecordsError> {
    // Most writes are of types that no policy is about: those need not know what they lie in.
    let target =
        if policies.rules_for(&target).is_empty() { target } else { places.put(records, target).await? };
    Ok(policies.admit(&target, request, now))
}

/// Lets a deletion meet the policies; `cascade` when its resource group is being deleted.
///
/// # Errors
/// When the records cannot be read.
pub async fn admit_deletion(
    records: &Records,
    id: &ResourceId,
    body: &Value,
    cascade: bool,
    request: &Request,
    now: Ticks,
) -> Result<Result<(), Vec<Denial>>, RecordsError> {
    let policies = reconcile::load(records).await?;
    let target = Target::new(id.clone(), body.clone());
    if policies.rules_for(&target).is_empty() {
        return Ok(Ok(()));
    }
    let target = Places::default().put(records, target).await?;
    let admitted = policies.admit_deletion(&target, cascade, request, now);
    if let Err(denials) = &admitted {
        events::denied(records, id, body, denials, request, now).await?;
    }
    Ok(admitted)
}

/// Lets the deletion of a resource group meet the policies that guard what lies in it.
///
/// # Errors
/// When the records cannot be read.
pub async fn admit_group_deletion(
    records: &Records,
    group: &ResourceId,
    request: &Request,
    now: Ticks,
) -> Result<Result<(), Vec<Denial>>, RecordsError> {
    let policies = reconcile::load(records).await?;
    let guards = |rule: &Arc<Rule>| !rule.definition.details.denied_actions.is_empty();
    if !policies.rules().iter().any(guards) {
        return Ok(Ok(()));
    }
    let mut places = Places::default();
    for info in types::TYPES {
        for resource in records.list_all(group, info.name).await? {
            let target = places.put(records, Target::new(resource.id, resource.body)).await?;
            if let Err(denials) = policies.admit_deletion(&target, true, request, now) {
                events::denied(records, &target.id, &target.body, &denials, request, now).await?;
                return Ok(Err(denials));
            }
        }
    }
    Ok(Ok(()))
}

/// Resource groups and subscriptions that targets lie in, each read once.
#[derive(Debug, Default)]
pub(crate) struct Places(HashMap<ResourceId, Option<Arc<Value>>>);

impl Places {
    /// `target` with the bodies of what it lies in.
    pub(crate) async fn put(&mut self, records: &Records, target: Target) -> Result<Target, RecordsError> {
        let subscription = target.id.subscription().map(|id| format!("/subscriptions/{id}"));
        let group = subscription.as_ref().zip(target.id.resource_group());
        let group = group.map(|(subscription, group)| format!("{subscription}/resourceGroups/{group}"));
        let group = self.read(records, group).await?;
        let subscription = self.read(records, subscription).await?;
        Ok(target.within(group, subscription))
    }

    async fn read(
        &mut self,
        records: &Records,
        id: Option<String>,
    ) -> Result<Option<Arc<Value>>, RecordsError> {
        let Some(id) = id.and_then(|id| ResourceId::parse(&id).ok()) else { return Ok(None) };
        if let Some(known) = self.0.get(&id) {
            return Ok(known.clone());
        }
        let body = records.get(&id).await?.map(|place| Arc::new(place.body));
        self.0.insert(id, body.clone());
        Ok(body)
    }
}
