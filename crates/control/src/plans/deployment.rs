//! What `deployIfNotExists` writes for a resource that lacks it, and what stands in its way.

use bartizan_base::ResourceId;
use bartizan_policy::{Assignment, Planned, Policies, Request, Rule, Target};
use bartizan_records::{BulkWrite, Condition, RecordsError, Resource, Write};
use serde_json::Value;

use super::component::EXTENSION_TYPE;
use super::reconcile::{PlansContext, actor};
use super::{admission, extension, identity, provisioning};

/// Api-version that deployments of policies are written with, for `requestContext()`.
const DEPLOYMENT_VERSION: &str = "2024-07-10";

/// The types that a policy may deploy, whatever its identity's roles allow. Nothing that gives access is among them:
/// who may change the policy of an identity that may give access would get all of it.
const DEPLOYED_TYPES: [&str; 3] = [
    EXTENSION_TYPE,
    "Microsoft.Insights/dataCollectionRuleAssociations",
    "Microsoft.Insights/dataCollectionRules",
];

/// The request that a policy's deployment makes.
pub(super) fn deployment_request(assignment: &Assignment) -> Request {
    let principal_id = assignment.principals.first().cloned().unwrap_or_default();
    Request { api_version: DEPLOYMENT_VERSION.to_owned(), principal_id }
}

/// Adds to `writes` what a deployment for the resource `of` planned, where nothing stands in the way; says what
/// happened.
///
/// # Errors
/// When the records cannot be read.
pub(super) async fn deploy(
    ctx: &PlansContext,
    policies: &Policies,
    rule: &Rule,
    planned: &[Planned],
    of: &ResourceId,
    writes: &mut Vec<BulkWrite>,
) -> Result<String, RecordsError> {
    let mut outcome = Vec::new();
    for resource in planned {
        outcome.push(deploy_one(ctx, policies, rule, resource, of, writes).await?);
    }
    Ok(outcome.join("; "))
}

async fn deploy_one(
    ctx: &PlansContext,
    policies: &Policies,
    rule: &Rule,
    planned: &Planned,
    of: &ResourceId,
    writes: &mut Vec<BulkWrite>,
) -> Result<String, RecordsError> {
    let assignment = &rule.assignment;
    let now = ctx.clock.now();
    let target = Target::new(planned.id.clone(), planned.body.clone());
    if !DEPLOYED_TYPES.iter().any(|deployed| target.is(deployed)) {
        return Ok(format!("a policy may not deploy resources of type `{}`", target.resource_type));
    }
    let is_extension = target.is(EXTENSION_TYPE);
    if let Some(pending) = writes.iter().find(|pending| same(&pending.write, &target, is_extension)) {
        return Ok(format!("`{}` was deployed; waiting for it to succeed", pending.write.id.name()));
    }
    let existing = existing(ctx, &target, is_extension).await?;
    if let Some(existing) = &existing {
        if !is_extension {
            return Ok(format!(
                "`{}` exists but does not satisfy the existence condition",
                existing.id.name()
            ));
        }
        let state = extension::provisioning_state(existing);
        // Its program is on its way or failed, and the agent is on it. One that is leaving is wanted again.
        if state != "Deleting" {
            return Ok(format!(
                "extension `{}` is {state}: {}",
                existing.id.name(),
                extension::message(existing)
            ));
        }
    }
    if let Some(lack) = identity::lack(&ctx.records, rule, &target.resource_type, &planned.id).await? {
        return Ok(format!("{} Way out: {}.", lack.error, lack.fix));
    }
    let request = deployment_request(assignment);
    let admitted = admission::admit_under(&ctx.records, policies, target, &request, now).await?;
    let body = match admitted {
        Err(denials) => {
            let messages: Vec<String> = denials.iter().map(|denial| denial.message(&planned.id)).collect();
            return Ok(messages.join("; "));
        }
        Ok(admission) if is_extension => extension::waiting(&admission.body, &assignment.id, now),
        Ok(admission) => admission.body,
    };
    // Written with others a little later: what somebody else wrote meanwhile stays.
    let condition = match existing {
        Some(existing) if existing.id == planned.id => Condition::IfMatch(existing.etag),
        _ => Condition::IfNoneMatch,
    };
    let write = Write { id: planned.id.clone(), body, condition, actor: actor(), audit: true };
    writes.push(BulkWrite { write, of: of.clone() });
    Ok(format!("`{}` was deployed; waiting for it to succeed", planned.id.name()))
}

/// Whether a write that is not made yet is of the planned resource, or of the same extension under another name.
fn same(pending: &Write, planned: &Target, is_extension: bool) -> bool {
    let of_pending = |name: &str| pending.body["properties"][name].as_str().unwrap_or_default();
    pending.id == planned.id
        || is_extension
            && pending.id.parent() == planned.id.parent()
            && pending.id.resource_type().eq_ignore_ascii_case(EXTENSION_TYPE)
            && ["publisher", "type"]
                .iter()
                .all(|name| of_pending(name).eq_ignore_ascii_case(planned.property(name)))
}

/// The resource that is already there for a planned one: of the same id, or, for an extension, of the same
/// publisher and type under another name. An agent that is there is never installed twice.
async fn existing(
    ctx: &PlansContext,
    planned: &Target,
    is_extension: bool,
) -> Result<Option<Resource>, RecordsError> {
    let same_id = ctx.records.get(&planned.id).await?;
    let (Some(machine), true, None) = (planned.id.parent(), is_extension, &same_id) else {
        return Ok(same_id);
    };
    let extensions = ctx.records.list_all(&machine, EXTENSION_TYPE).await?;
    Ok(extensions.into_iter().find(|extension| {
        ["publisher", "type"].iter().all(|name| {
            let found = extension.property(name).and_then(Value::as_str).unwrap_or_default();
            found.eq_ignore_ascii_case(planned.property(name))
        })
    }))
}

/// An extension that is leaving a machine that is no longer connected has nobody to wait for.
/// Says whether it is gone now.
pub(super) async fn finish_leaving(ctx: &PlansContext, resource: &Resource) -> Result<bool, RecordsError> {
    if extension::provisioning_state(resource) == "Deleting"
        && !provisioning::is_connected(&ctx.records, &resource.id).await?
    {
        return ctx.records.delete(&resource.id, &actor(), None).await;
    }
    Ok(false)
}
