//! The task that keeps plans, policies and extensions true to each other.
//!
//! One loop over one kind of event. A change of a resource marks what has to be looked at again; a short
//! pause gathers bursts; then the marked things are evaluated and repaired. A full round every minute covers
//! what has no event: exemptions that end, machines that disconnected while an extension was leaving, and
//! events lost when the queue overflowed. Everything is idempotent, so a restart needs no memory.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bartizan_base::{Clock, ResourceId};
use bartizan_policy::{
    Assignment, Compliance, Definition, Exemption, Hierarchy as Above, Initiative, Parts, Planned, Policies,
    Remedy, Request, Target, Wanted,
};
use bartizan_records::{Actor, Change, ChangeOp, Generation, ListQuery, Records, RecordsError, Resource};
use serde_json::Value;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use crate::access::{GROUP_TYPE, Hierarchy, SUBSCRIPTION_TYPE};

use super::component::{EXTENSION_TYPE, MACHINE_TYPE};
use super::plan::PRICING_TYPE;
use super::provisioning::{self, ASSIGNMENT_TYPE};
use super::{admission, builtin, extension, state};

/// Pause after the first event of a burst.
const GATHER: Duration = Duration::from_millis(50);
/// How often everything is looked at without an event.
const ROUND: Duration = Duration::from_secs(60);
const DEFINITION_TYPE: &str = "Microsoft.Authorization/policyDefinitions";
const SET_TYPE: &str = "Microsoft.Authorization/policySetDefinitions";
const EXEMPTION_TYPE: &str = "Microsoft.Authorization/policyExemptions";
/// Api-version that deployments of policies are written with, for `requestContext()`.
const DEPLOYMENT_VERSION: &str = "2024-07-10";

/// The types whose resources are evaluated. Machine-made records (states, assessments, alerts) are not.
const EVALUATED_TYPES: [&str; 4] = [
    MACHINE_TYPE,
    EXTENSION_TYPE,
    "Microsoft.OperationalInsights/workspaces",
    "Microsoft.Insights/dataCollectionRules",
];

/// The types that a policy may deploy. It deploys as the server, so nothing that gives access is among them:
/// who may write policies would become its owner.
const DEPLOYED_TYPES: [&str; 3] = [
    EXTENSION_TYPE,
    "Microsoft.Insights/dataCollectionRuleAssociations",
    "Microsoft.Insights/dataCollectionRules",
];

/// What the reconciler works with.
#[derive(Clone, Debug)]
pub struct PlansContext {
    pub records: Records,
    pub clock: Arc<dyn Clock>,
    /// Cancelled when the server stops.
    pub stop: CancellationToken,
}

/// What has to be looked at.
#[derive(Debug, Default)]
struct Marked {
    /// Everything, because policies changed or events were lost.
    all: bool,
    subscriptions: BTreeSet<ResourceId>,
    targets: BTreeSet<ResourceId>,
}

/// The actor of every write made here.
pub(crate) fn actor() -> Actor {
    Actor::system("Azure Policy")
}

/// Runs until `ctx.stop` is cancelled.
pub async fn run(ctx: PlansContext) {
    let mut changes = ctx.records.subscribe();
    let mut round = tokio::time::interval(ROUND);
    round.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let mut marked = Marked::default();
        tokio::select! {
            () = ctx.stop.cancelled() => return,
            _ = round.tick() => marked.all = true,
            change = changes.recv() => match change {
                Ok(change) => marked.mark(&change),
                Err(RecvError::Lagged(_)) => marked.all = true,
                Err(RecvError::Closed) => return,
            },
        }
        if marked.is_empty() {
            continue;
        }
        tokio::time::sleep(GATHER).await;
        loop {
            match changes.try_recv() {
                Ok(change) => marked.mark(&change),
                Err(tokio::sync::broadcast::error::TryRecvError::Lagged(_)) => marked.all = true,
                Err(_) => break,
            }
        }
        if let Err(error) = handle(&ctx, marked).await {
            // The next round tries again; nothing is lost by waiting.
            tracing::warn!(error = &error as &dyn std::error::Error, "policy evaluation failed");
        }
    }
}

/// One full round: assignments of every subscription, then every resource.
///
/// # Errors
/// When the records cannot be read or written.
pub async fn run_once(ctx: &PlansContext) -> Result<(), RecordsError> {
    handle(ctx, Marked { all: true, ..Marked::default() }).await
}

impl Marked {
    fn is_empty(&self) -> bool {
        !self.all && self.subscriptions.is_empty() && self.targets.is_empty()
    }

    fn mark(&mut self, change: &Change) {
        let is = |resource_type: &str| change.resource_type.eq_ignore_ascii_case(resource_type);
        let provisioning =
            [PRICING_TYPE, "Microsoft.Security/settings", "Microsoft.Security/autoProvisioningSettings"];
        let tree = [GROUP_TYPE, SUBSCRIPTION_TYPE];
        if [ASSIGNMENT_TYPE, DEFINITION_TYPE, SET_TYPE, EXEMPTION_TYPE].into_iter().chain(tree).any(is) {
            self.all = true;
        } else if provisioning.into_iter().any(is) {
            self.subscriptions.extend(subscription_of(&change.id));
        } else if is(EXTENSION_TYPE) {
            // Its machine's compliance depends on it, and it is itself subject to policies.
            self.targets.extend(change.id.parent());
            self.targets.insert(change.id.clone());
        } else if EVALUATED_TYPES.into_iter().any(is) && change.op == ChangeOp::Put {
            self.targets.insert(change.id.clone());
        }
    }
}

async fn handle(ctx: &PlansContext, marked: Marked) -> Result<(), RecordsError> {
    let everything = ListQuery::tenant();
    let mut subscriptions = marked.subscriptions;
    if marked.all {
        let known = ctx.records.list_all(&everything, SUBSCRIPTION_TYPE).await?;
        let with_plans = ctx.records.list_all(&everything, PRICING_TYPE).await?;
        subscriptions
            .extend(known.into_iter().chain(with_plans).filter_map(|resource| subscription_of(&resource.id)));
    }
    for subscription in &subscriptions {
        provisioning::sync(&ctx.records, subscription, &actor(), ctx.clock.now()).await?;
    }
    let mut targets = marked.targets;
    if marked.all || !subscriptions.is_empty() {
        for resource_type in EVALUATED_TYPES {
            targets.extend(
                ctx.records
                    .list_all(&everything, resource_type)
                    .await?
                    .into_iter()
                    .map(|resource| resource.id),
            );
        }
    }
    if targets.is_empty() {
        return Ok(());
    }
    let policies = load(&ctx.records).await?;
    let mut places = admission::Places::default();
    for target in &targets {
        if ctx.stop.is_cancelled() {
            return Ok(());
        }
        evaluate(ctx, &policies, &mut places, target).await?;
    }
    Ok(())
}

/// Definitions, initiatives, assignments and exemptions as of now. They are asked for with every write, so they
/// are read only when one of them has changed. What cannot be used is left out and logged.
///
/// # Errors
/// When the records cannot be read.
pub async fn load(records: &Records) -> Result<Arc<Policies>, RecordsError> {
    records.derived(Generation::Policy, || read(records)).await
}

async fn read(records: &Records) -> Result<Policies, RecordsError> {
    let everything = ListQuery::tenant();
    let hierarchy = Arc::new(Groups(Hierarchy::load(records).await?));
    let mut parts = Parts { definitions: builtin::parsed().to_vec(), hierarchy, ..Parts::default() };
    for resource in records.list_all(&everything, DEFINITION_TYPE).await? {
        let definition = Definition::parse(resource.id.as_str(), properties(&resource));
        parts.definitions.extend(usable(&resource.id, definition).map(Arc::new));
    }
    for resource in records.list_all(&everything, SET_TYPE).await? {
        let set = Initiative::parse(resource.id.as_str(), properties(&resource));
        parts.initiatives.extend(usable(&resource.id, set));
    }
    for resource in records.list_all(&everything, ASSIGNMENT_TYPE).await? {
        parts.assignments.extend(usable(&resource.id, Assignment::parse(&resource.id, &resource.body)));
    }
    for resource in records.list_all(&everything, EXEMPTION_TYPE).await? {
        parts.exemptions.extend(usable(&resource.id, Exemption::parse(&resource.id, &resource.body)));
    }
    let policies = Policies::new(parts);
    for problem in policies.problems() {
        tracing::warn!(
            assignment = problem.assignment_id.as_str(),
            reference = problem.reference,
            reason = problem.reason,
            "policy assignment is not evaluated"
        );
    }
    Ok(policies)
}

fn properties(resource: &Resource) -> &Value {
    resource.body.get("properties").unwrap_or(&Value::Null)
}

/// What could be read; the rest is logged.
fn usable<T, E: std::error::Error>(id: &ResourceId, read: Result<T, E>) -> Option<T> {
    read.inspect_err(|error| {
        tracing::warn!(id = id.as_str(), error = error.to_string(), "policy resource is not usable");
    })
    .ok()
}

/// Management groups, as the policy engine asks for them.
#[derive(Debug)]
struct Groups(Hierarchy);

impl Above for Groups {
    fn groups_above(&self, id: &ResourceId) -> Vec<ResourceId> {
        self.0.groups_above(id).into_iter().map(|group| group.id.clone()).collect()
    }
}

async fn evaluate(
    ctx: &PlansContext,
    policies: &Policies,
    places: &mut admission::Places,
    id: &ResourceId,
) -> Result<(), RecordsError> {
    let Some(resource) = ctx.records.get(id).await? else { return Ok(()) };
    let now = ctx.clock.now();
    if resource.resource_type.eq_ignore_ascii_case(EXTENSION_TYPE) {
        finish_leaving(ctx, &resource).await?;
    }
    let target = places.put(&ctx.records, Target::new(resource.id.clone(), resource.body.clone())).await?;
    let mut related = Vec::new();
    for wanted in policies.wanted(&target, now) {
        let scope = wanted.scope.unwrap_or_else(ListQuery::tenant);
        let found = ctx.records.list_all(&scope, &wanted.resource_type).await?;
        related.extend(found.into_iter().map(|resource| Arc::new(Target::new(resource.id, resource.body))));
    }
    let wanted = |wanted: &Wanted| related.iter().filter(|r| wanted.is(r)).cloned().collect();
    let mut verdicts = policies.evaluate(&target, &wanted, now);
    for verdict in &mut verdicts {
        if verdict.compliance != Compliance::NonCompliant {
            continue;
        }
        let assignment = Arc::clone(&verdict.rule.assignment);
        let request = deployment_request(&assignment);
        let planned = match policies.remedy(&verdict.rule, verdict.effect, &target, &request, now) {
            // What `modify` would change waits for a write: it touches what somebody else keeps.
            None | Some(Ok(Remedy::Modify(_))) => continue,
            Some(Ok(Remedy::Deploy(planned))) => Ok(planned),
            Some(Err(error)) => Err(error),
        };
        verdict.reason = match planned {
            _ if !assignment.enforced => format!("{}; enforcement is off", verdict.reason),
            Err(error) => format!("the deployment cannot be made: {error}"),
            Ok(_) if !assignment.has_identity => {
                "the assignment has no managed identity, so it may not deploy anything".to_owned()
            }
            Ok(planned) => deploy(ctx, policies, &assignment, &planned).await?,
        };
    }
    state::store(&ctx.records, policies, &target, &verdicts, &actor(), now).await
}

/// The request that a policy's deployment makes.
fn deployment_request(assignment: &Assignment) -> Request {
    let principal_id = assignment.principals.first().cloned().unwrap_or_default();
    Request { api_version: DEPLOYMENT_VERSION.to_owned(), principal_id }
}

/// Writes what a deployment planned, where nothing stands in the way; says what happened.
async fn deploy(
    ctx: &PlansContext,
    policies: &Policies,
    assignment: &Assignment,
    planned: &[Planned],
) -> Result<String, RecordsError> {
    let mut outcome = Vec::new();
    for resource in planned {
        outcome.push(deploy_one(ctx, policies, assignment, resource).await?);
    }
    Ok(outcome.join("; "))
}

async fn deploy_one(
    ctx: &PlansContext,
    policies: &Policies,
    assignment: &Assignment,
    planned: &Planned,
) -> Result<String, RecordsError> {
    let now = ctx.clock.now();
    let target = Target::new(planned.id.clone(), planned.body.clone());
    if !DEPLOYED_TYPES.iter().any(|deployed| target.is(deployed)) {
        return Ok(format!("a policy may not deploy resources of type `{}`", target.resource_type));
    }
    let is_extension = target.is(EXTENSION_TYPE);
    if let Some(existing) = existing(ctx, &target, is_extension).await? {
        if !is_extension {
            return Ok(format!(
                "`{}` exists but does not satisfy the existence condition",
                existing.id.name()
            ));
        }
        let state = extension::provisioning_state(&existing);
        // Its program is on its way or failed, and the agent is on it. One that is leaving is wanted again.
        if state != "Deleting" {
            return Ok(format!(
                "extension `{}` is {state}: {}",
                existing.id.name(),
                extension::message(&existing)
            ));
        }
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
    let write = bartizan_records::Write {
        id: planned.id.clone(),
        body,
        condition: bartizan_records::Condition::None,
        actor: actor(),
        audit: true,
    };
    ctx.records.put(write).await?;
    Ok(format!("`{}` was deployed; waiting for it to succeed", planned.id.name()))
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
async fn finish_leaving(ctx: &PlansContext, resource: &Resource) -> Result<(), RecordsError> {
    if extension::provisioning_state(resource) == "Deleting"
        && !provisioning::is_connected(&ctx.records, &resource.id).await?
    {
        ctx.records.delete(&resource.id, &actor(), None).await?;
    }
    Ok(())
}

fn subscription_of(id: &ResourceId) -> Option<ResourceId> {
    ResourceId::parse(&format!("/subscriptions/{}", id.subscription()?)).ok()
}
