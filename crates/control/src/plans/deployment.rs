//! What `deployIfNotExists` writes for a resource that lacks it, and what stands in its way.

use bartizan_base::ResourceId;
use bartizan_policy::{Assignment, Planned, Policies, Request, Rule, Target};
use bartizan_records::{BulkWrite, Condition, RecordsError, Resource, Write};
use serde_json::{Value, json};

use super::component::EXTENSION_TYPE;
use super::ground::Ground;
use super::reconcile::{PlansContext, actor};
use super::{admission, extension, protected, provisioning};
use crate::logs::WORKSPACE_TYPE;
use crate::logs::rule::RULE_TYPE;

/// Api-version that deployments of policies are written with, for `requestContext()`.
const DEPLOYMENT_VERSION: &str = "2024-07-10";

/// The types that a policy may deploy, whatever its identity's roles allow. Nothing that gives access is among them:
/// who may change the policy of an identity that may give access would get all of it.
const DEPLOYED_TYPES: [&str; 3] =
    [EXTENSION_TYPE, "Microsoft.Insights/dataCollectionRuleAssociations", RULE_TYPE];

/// Whether policies may deploy resources of this type.
pub(crate) fn is_deployed(resource_type: &str) -> bool {
    DEPLOYED_TYPES.iter().any(|deployed| deployed.eq_ignore_ascii_case(resource_type))
}

/// Why a deployment is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// An evaluation found a resource that lacks something. What is there in another form stays.
    Evaluation,
    /// Somebody asked for it by a remediation. What is there and does not comply is written again.
    Remediation,
}

/// What came of one planned resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is among the writes now. The text is what is said of it as long as it is as it was written.
    Written { id: ResourceId, text: String },
    /// It is there already and on its way, or the agent is on it.
    UnderWay { id: ResourceId, state: String, text: String },
    /// It is not written.
    Refused { code: String, text: String },
}

impl Outcome {
    fn refused(code: &str, text: impl Into<String>) -> Self {
        Self::Refused { code: code.to_owned(), text: text.into() }
    }

    /// One sentence, for people.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Written { text, .. } | Self::UnderWay { text, .. } | Self::Refused { text, .. } => {
                text.clone()
            }
        }
    }
}

/// A deployment for one resource.
pub(crate) struct Deployment<'a> {
    pub(crate) ctx: &'a PlansContext,
    pub(crate) policies: &'a Policies,
    pub(crate) rule: &'a Rule,
    /// The resource that lacks what is deployed.
    pub(crate) of: &'a ResourceId,
    pub(crate) cause: Cause,
}

/// The request that a policy's deployment makes.
pub(crate) fn deployment_request(assignment: &Assignment) -> Request {
    let principal_id = assignment.principals.first().cloned().unwrap_or_default();
    Request { api_version: DEPLOYMENT_VERSION.to_owned(), principal_id }
}

impl Deployment<'_> {
    /// Adds to `writes` what was planned, where nothing stands in the way; says what came of each.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub(crate) async fn make(
        &self,
        planned: &[Planned],
        ground: &mut Ground,
        writes: &mut Vec<BulkWrite>,
    ) -> Result<Vec<Outcome>, RecordsError> {
        let mut outcomes = Vec::with_capacity(planned.len());
        for resource in planned {
            outcomes.push(self.make_one(resource, ground, writes).await?);
        }
        Ok(outcomes)
    }

    async fn make_one(
        &self,
        planned: &Planned,
        ground: &mut Ground,
        writes: &mut Vec<BulkWrite>,
    ) -> Result<Outcome, RecordsError> {
        let (ctx, rule) = (self.ctx, self.rule);
        let now = ctx.clock.now();
        let target = Target::new(planned.id.clone(), planned.body.clone());
        if !is_deployed(&target.resource_type) {
            let text = format!("a policy may not deploy resources of type `{}`", target.resource_type);
            return Ok(Outcome::refused("ResourceTypeNotDeployable", text));
        }
        let is_extension = target.is(EXTENSION_TYPE);
        if let Some(pending) = writes.iter().find(|pending| same(&pending.write, &target, is_extension)) {
            return Ok(written(&pending.write, is_extension));
        }
        let existing = existing(ctx, ground, &target, is_extension).await?;
        if let Some(stays) =
            existing.as_ref().and_then(|existing| self.stays(planned, existing, is_extension))
        {
            return Ok(stays);
        }
        if let Some(lack) = ground.lack(&ctx.records, rule, &target.resource_type, &planned.id).await? {
            let text = format!("{} Way out: {}.", lack.error, lack.fix);
            return Ok(Outcome::refused("AuthorizationFailed", text));
        }
        for workspace in destinations(&target.resource_type, &planned.body) {
            if let Some(lack) = ground.lack(&ctx.records, rule, WORKSPACE_TYPE, &workspace).await? {
                let text = format!("{} Way out: {}.", lack.error, lack.fix);
                return Ok(Outcome::refused("AuthorizationFailed", text));
            }
        }
        let action = format!("{}/write", target.resource_type);
        if let Some(lock) = ground.access.locked(&action, &planned.id) {
            return Ok(Outcome::refused(&lock.code, format!("{}: {}", lock.code, lock.message)));
        }
        let request = deployment_request(&rule.assignment);
        let places = &mut ground.places;
        let admitted =
            admission::admit_under(&ctx.records, self.policies, places, target, &request, now).await?;
        let mut body = match admitted {
            Err(denials) => {
                let messages: Vec<String> =
                    denials.iter().map(|denial| denial.message(&planned.id)).collect();
                return Ok(Outcome::refused("RequestDisallowedByPolicy", messages.join("; ")));
            }
            Ok(admission) if is_extension => {
                let by = &rule.assignment.id;
                let how = format!("deployed by policy assignment `{}`", by.name());
                extension::waiting(&admission.body, by, &how, now)
            }
            Ok(admission) => admission.body,
        };
        if is_extension && let Err(refused) = self.seal(&planned.id, &mut body, existing.as_ref()).await? {
            return Ok(refused);
        }
        // Written with others a little later: what somebody else wrote meanwhile stays.
        let condition = match existing {
            Some(existing) if existing.id == planned.id => Condition::IfMatch(existing.etag),
            _ => Condition::IfNoneMatch,
        };
        let write = Write { id: planned.id.clone(), body, condition, actor: actor(), audit: true };
        let outcome = written(&write, is_extension);
        writes.push(BulkWrite { write, of: self.of.clone() });
        Ok(outcome)
    }

    /// What comes of a planned resource that is there already; `None` when it is written all the same.
    fn stays(&self, planned: &Planned, existing: &Resource, is_extension: bool) -> Option<Outcome> {
        let again = self.cause == Cause::Remediation;
        let name = existing.id.name();
        if !is_extension {
            let text = format!("`{name}` exists but does not satisfy the existence condition");
            return (!again).then(|| Outcome::refused("Conflict", text));
        }
        let state = extension::provisioning_state(existing);
        // One that is leaving is wanted again.
        if state == "Deleting" {
            return None;
        }
        let done = matches!(state, "Succeeded" | "Failed");
        if again && done {
            if existing.id == planned.id {
                return None;
            }
            let text = format!(
                "extension `{name}` of the same publisher and type is {state} and does not satisfy the existence \
                 condition; delete it, or write it as the policy wants it"
            );
            return Some(Outcome::refused("Conflict", text));
        }
        // Its program is on its way or failed, and the agent is on it.
        let text = under_way(&existing.id, &existing.body);
        Some(Outcome::UnderWay { id: existing.id.clone(), state: state.to_owned(), text })
    }

    /// Seals protected settings of a template to the machine's agent: the records never have them in clear. A template
    /// without any leaves those that are stored.
    async fn seal(
        &self,
        id: &ResourceId,
        body: &mut Value,
        existing: Option<&Resource>,
    ) -> Result<Result<(), Outcome>, RecordsError> {
        let Some(properties) = body.get_mut("properties").and_then(Value::as_object_mut) else {
            return Ok(Ok(()));
        };
        let sealed = match properties.get("protectedSettings") {
            None | Some(Value::Null) => {
                Ok(existing.and_then(|existing| existing.property("protectedSettings")).cloned())
            }
            Some(Value::Object(clear)) if clear.is_empty() => Ok(None),
            Some(Value::Object(clear)) => {
                let machine = match id.parent() {
                    Some(machine) => self.ctx.records.get(&machine).await?,
                    None => None,
                };
                protected::seal(machine.as_ref(), id, clear).map(Some)
            }
            Some(_) => Err("they are no object".to_owned()),
        };
        Ok(match sealed {
            Ok(Some(sealed)) => {
                properties.insert("protectedSettings".to_owned(), sealed);
                Ok(())
            }
            Ok(None) => {
                properties.shift_remove("protectedSettings");
                Ok(())
            }
            Err(reason) => {
                let text = format!("the protected settings of `{}` cannot be written: {reason}", id.name());
                Err(Outcome::refused("ProtectedSettingsNotSealed", text))
            }
        })
    }
}

/// What came of a write that is not made yet.
fn written(write: &Write, is_extension: bool) -> Outcome {
    let id = write.id.clone();
    let text = if is_extension {
        under_way(&id, &write.body)
    } else {
        format!("`{}` was deployed; waiting for it to succeed", id.name())
    };
    Outcome::Written { id, text }
}

/// What is said of an extension whose agent is on it.
fn under_way(id: &ResourceId, body: &Value) -> String {
    let (state, message) = (extension::state_of(body), extension::message_of(body));
    format!("extension `{}` is {state}: {message}", id.name())
}

/// A failed deployment as ARM's error.
pub(crate) fn error(code: &str, message: &str) -> Value {
    json!({"code": code, "message": message})
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
    ground: &mut Ground,
    planned: &Target,
    is_extension: bool,
) -> Result<Option<Resource>, RecordsError> {
    let (Some(machine), true) = (planned.id.parent(), is_extension) else {
        return ctx.records.get(&planned.id).await;
    };
    let extensions = ground.extensions(&ctx.records, &machine).await?;
    let alike = |extension: &&Resource| {
        ["publisher", "type"].iter().all(|name| {
            let found = extension.property(name).and_then(Value::as_str).unwrap_or_default();
            found.eq_ignore_ascii_case(planned.property(name))
        })
    };
    let same_id = extensions.iter().find(|extension| extension.id == planned.id);
    Ok(same_id.or_else(|| extensions.iter().find(alike)).cloned())
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

/// The workspaces that a planned rule sends to: who deploys it sends rows there.
fn destinations(resource_type: &str, body: &Value) -> Vec<ResourceId> {
    if !resource_type.eq_ignore_ascii_case(RULE_TYPE) {
        return Vec::new();
    }
    let entries = body["properties"]["destinations"]["logAnalytics"].as_array().into_iter().flatten();
    let ids = entries.filter_map(|entry| entry["workspaceResourceId"].as_str());
    ids.filter_map(|id| ResourceId::parse(id).ok()).collect()
}
