//! The task that keeps plans, policies and extensions true to each other.
//!
//! One loop over one kind of event. A change of a resource marks what has to be looked at again; a short
//! pause gathers bursts; then the marked things are evaluated and repaired. A full round every minute (less often where
//! it is much work) covers what has no event: exemptions that end, machines that disconnected while an extension was leaving, and
//! events lost when the queue overflowed. Everything is idempotent, so a restart needs no memory.
//!
//! Resources are read a batch at a time, so that memory stays bounded however many there are (see `evaluation`).
//! Changes are heard while a batch is worked on: a listener that sleeps through its own writes would miss others.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bartizan_base::{Clock, ResourceId};
use bartizan_policy::{
    Assignment, Attestation, Definition, Exemption, Hierarchy as Above, Initiative, Parts, Policies,
};
use bartizan_records::{Actor, Change, ChangeOp, Generation, ListQuery, Records, RecordsError, Resource};
use futures::FutureExt as _;
use serde_json::Value;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::access::{GROUP_TYPE, Hierarchy, LOCK_TYPE, ROLE_ASSIGNMENT_TYPE, SUBSCRIPTION_TYPE};
use crate::agents::guest_configuration;

use super::builtin;
use super::component::{EXTENSION_TYPE, MACHINE_TYPE};
use super::evaluation::{BATCH, Evaluation, SharedKnown};
use super::plan::PRICING_TYPE;
use super::provisioning::{self, ASSIGNMENT_TYPE};

/// Pause after the first event of a burst.
const GATHER: Duration = Duration::from_millis(50);
/// How often everything is looked at without an event, where that is little work.
const ROUND: Duration = Duration::from_secs(60);
/// After everything was looked at it is not again for so many times as long as that took: the rounds of a large estate
/// are at most a fortieth of a core's time.
const REST: u32 = 39;
/// The type of definitions.
pub(crate) const DEFINITION_TYPE: &str = "Microsoft.Authorization/policyDefinitions";
/// The type of initiatives.
pub(crate) const SET_TYPE: &str = "Microsoft.Authorization/policySetDefinitions";
const EXEMPTION_TYPE: &str = "Microsoft.Authorization/policyExemptions";
/// The type of somebody's word on a `manual` policy.
pub(crate) const ATTESTATION_TYPE: &str = "Microsoft.PolicyInsights/attestations";
/// Rounds after which everything is compared with what is stored, instead of with what was stored last. It bounds
/// how long a state that somebody else took away stays away.
const ROUNDS_BETWEEN_COMPARISONS: u32 = 10;
/// Ids that are marked one by one; more are everything.
const TARGETS_MAX: usize = 50_000;

/// The types whose resources are evaluated. Machine-made records (states, assessments, alerts) are not.
pub(crate) const EVALUATED_TYPES: [&str; 4] = [
    MACHINE_TYPE,
    EXTENSION_TYPE,
    "Microsoft.OperationalInsights/workspaces",
    "Microsoft.Insights/dataCollectionRules",
];

/// What the reconciler works with.
#[derive(Clone, Debug)]
pub struct PlansContext {
    pub records: Records,
    pub clock: Arc<dyn Clock>,
    /// What was stored last of what the policies say.
    pub(crate) known: SharedKnown,
    /// Cancelled when the server stops.
    pub stop: CancellationToken,
}

/// What has to be looked at.
#[derive(Debug, Default)]
struct Marked {
    /// Everything, because policies changed or events were lost.
    all: bool,
    /// Their plans' assignments, and everything in them.
    subscriptions: BTreeSet<ResourceId>,
    targets: BTreeSet<ResourceId>,
    /// Role assignments that were written: a policy's identity may now do what it could not.
    grants: BTreeSet<ResourceId>,
}

/// The actor of every write made here.
pub(crate) fn actor() -> Actor {
    Actor::system("Azure Policy")
}

/// Runs until `ctx.stop` is cancelled.
pub async fn run(ctx: PlansContext) {
    let mut changes = ctx.records.subscribe();
    let mut next_round = Instant::now();
    // Another server may have led, and stored, since this one did.
    ctx.known.lock().await.forget();
    let mut rounds = 0_u32;
    let mut marked = Marked::default();
    loop {
        if marked.is_empty() {
            tokio::select! {
                () = ctx.stop.cancelled() => return,
                () = tokio::time::sleep_until(next_round) => {
                    marked.all = true;
                    rounds = rounds.wrapping_add(1);
                    if rounds.is_multiple_of(ROUNDS_BETWEEN_COMPARISONS) {
                        ctx.known.lock().await.forget();
                    }
                }
                change = changes.recv() => if !marked.hear(change) { return },
            }
        }
        if marked.is_empty() {
            continue;
        }
        tokio::time::sleep(GATHER).await;
        while let Some(change) = changes.recv().now_or_never() {
            if !marked.hear(change) {
                return;
            }
        }
        let (begun, whole) = (Instant::now(), marked.all);
        let work = handle(&ctx, std::mem::take(&mut marked));
        tokio::pin!(work);
        let done = loop {
            tokio::select! {
                done = &mut work => break done,
                change = changes.recv() => if !marked.hear(change) { return },
            }
        };
        if let Err(error) = done {
            // The next round tries again; nothing is lost by waiting.
            tracing::warn!(error = &error as &dyn std::error::Error, "policy evaluation failed");
        }
        if whole {
            next_round = begun + ROUND.max(begun.elapsed() * (1 + REST));
        }
        if ctx.stop.is_cancelled() {
            return;
        }
    }
}

/// One full round, compared with what is stored: assignments of every subscription, then every resource.
///
/// # Errors
/// When the records cannot be read or written.
pub async fn run_once(ctx: &PlansContext) -> Result<(), RecordsError> {
    ctx.known.lock().await.forget();
    handle(ctx, Marked { all: true, ..Marked::default() }).await
}

impl Marked {
    fn is_empty(&self) -> bool {
        !self.all && self.subscriptions.is_empty() && self.targets.is_empty() && self.grants.is_empty()
    }

    /// Marks what a change concerns; `false` when there will be no more changes.
    fn hear(&mut self, change: Result<Change, RecvError>) -> bool {
        match change {
            Ok(change) => self.mark(&change),
            Err(RecvError::Lagged(_)) => self.all = true,
            Err(RecvError::Closed) => return false,
        }
        if self.targets.len() > TARGETS_MAX {
            self.all = true;
        }
        if self.all {
            self.targets.clear();
        }
        true
    }

    fn mark(&mut self, change: &Change) {
        let is = |resource_type: &str| change.resource_type.eq_ignore_ascii_case(resource_type);
        let provisioning =
            [PRICING_TYPE, "Microsoft.Security/settings", "Microsoft.Security/autoProvisioningSettings"];
        let tree = [GROUP_TYPE, SUBSCRIPTION_TYPE];
        let given = [ASSIGNMENT_TYPE, EXEMPTION_TYPE, ATTESTATION_TYPE, LOCK_TYPE].into_iter().any(is);
        if let Some(subscription) = subscription_of(&change.id).filter(|_| given) {
            // What is given at a scope reaches nothing outside it.
            self.subscriptions.insert(subscription);
        } else if given || [DEFINITION_TYPE, SET_TYPE].into_iter().chain(tree).any(is) {
            self.all = true;
        } else if is(ROLE_ASSIGNMENT_TYPE) {
            // Plans give their roles before they write the assignment that needs them.
            if change.op == ChangeOp::Put && !change.system {
                self.grants.insert(change.id.clone());
            }
        } else if provisioning.into_iter().any(is) {
            self.subscriptions.extend(subscription_of(&change.id));
        } else if is(EXTENSION_TYPE) {
            // Its machine's compliance depends on it, and it is itself subject to policies.
            self.targets.extend(change.id.parent());
            self.targets.insert(change.id.clone());
        } else if is(guest_configuration::ASSIGNMENT_TYPE) {
            self.targets.extend(change.id.parent());
        } else if EVALUATED_TYPES.into_iter().any(is) && change.op == ChangeOp::Put {
            self.targets.insert(change.id.clone());
        }
    }
}

async fn handle(ctx: &PlansContext, mut marked: Marked) -> Result<(), RecordsError> {
    let everything = ListQuery::tenant();
    marked.all = marked.all || concern_policies(ctx, &marked.grants).await?;
    let mut subscriptions = marked.subscriptions;
    if marked.all {
        let listed = ctx.records.list_all(&everything, SUBSCRIPTION_TYPE).await?;
        let with_plans = ctx.records.list_all(&everything, PRICING_TYPE).await?;
        subscriptions.extend(
            listed.into_iter().chain(with_plans).filter_map(|resource| subscription_of(&resource.id)),
        );
    }
    for subscription in &subscriptions {
        provisioning::sync(&ctx.records, subscription, &actor(), ctx.clock.now()).await?;
    }
    let policies = load(&ctx.records).await?;
    let mut evaluation = Evaluation::new(ctx, policies);
    let targets: Vec<ResourceId> = marked.targets.into_iter().collect();
    for ids in targets.chunks(BATCH as usize) {
        evaluation.evaluate(ctx.records.get_many(ids).await?).await?;
    }
    // What the plan of a subscription brings is assigned in it or below it.
    let scopes = if marked.all { BTreeSet::from([everything]) } else { subscriptions };
    for scope in scopes {
        for resource_type in EVALUATED_TYPES {
            let mut after = None;
            loop {
                let query = ListQuery::of_type(scope.clone(), resource_type);
                let page = ctx.records.list(ListQuery { after, limit: BATCH, ..query }).await?;
                evaluation.evaluate(page.items).await?;
                if page.next.is_none() {
                    break;
                }
                after = page.next;
            }
        }
    }
    Ok(())
}

/// Whether one of these role assignments is of a policy assignment's identity.
async fn concern_policies(ctx: &PlansContext, grants: &BTreeSet<ResourceId>) -> Result<bool, RecordsError> {
    for grant in grants {
        let Some(grant) = ctx.records.get(grant).await? else { continue };
        let principal = grant.property("principalId").and_then(Value::as_str).unwrap_or_default();
        if load(&ctx.records).await?.deploys_as(principal) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Definitions, initiatives, assignments and exemptions as of now. They are asked for with every write, so they
/// are read only when one of them has changed. What cannot be used is left out and logged.
///
/// # Errors
/// When the records cannot be read.
pub async fn load(records: &Records) -> Result<Arc<Policies>, RecordsError> {
    records.derived(Generation::Policy, |_| read(records)).await
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
    for resource in records.list_all(&everything, ATTESTATION_TYPE).await? {
        parts.attestations.extend(usable(&resource.id, Attestation::parse(&resource.id, &resource.body)));
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

fn subscription_of(id: &ResourceId) -> Option<ResourceId> {
    ResourceId::parse(&format!("/subscriptions/{}", id.subscription()?)).ok()
}
