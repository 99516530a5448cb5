//! What the policies say of a batch of resources, and what follows: deployments and stored states.
//!
//! A batch is read with a handful of statements, evaluated on the threads for blocking work, and written in one
//! transaction. What was stored last is remembered as a hash of each resource's verdicts, so that a round in which
//! nothing changed reads resources only.

use std::collections::hash_map::{DefaultHasher, Entry};
use std::collections::{BTreeMap, HashMap};
use std::hash::{Hash as _, Hasher as _};
use std::sync::Arc;

use bartizan_base::{ResourceId, Ticks};
use bartizan_policy::{Compliance, Policies, Remedy, Target, Verdict, Wanted};
use bartizan_records::{BulkWrite, ListQuery, NewPolicyEvent, RecordsError, Resource};
use tokio::sync::Mutex;

use super::admission::Places;
use super::component::{EXTENSION_TYPE, MACHINE_TYPE};
use super::deployment::{self, Cause, Deployment, Outcome};
use super::events::event;
use super::ground::Ground;
use super::plan::Plan;
use super::reconcile::{PlansContext, actor};
use super::{direct, features, state};

/// Resources that are read, evaluated and written together. Bounds memory: each may have a state for every policy.
pub(crate) const BATCH: u32 = 128;
/// Most resources whose verdicts are remembered; those of the rest are compared with what is stored.
const KNOWN_MAX: usize = 1_000_000;

/// What was stored last: by resource, a hash of its etag and its verdicts.
#[derive(Debug, Default)]
pub(crate) struct Known {
    hashes: HashMap<ResourceId, u64>,
    /// The policies that gave the verdicts; under others, everything is new.
    under: Option<Arc<Policies>>,
}

/// Shared by all who evaluate on this server, so that none compares anew what another has just stored. Locked while
/// states are written: what is remembered is what was written last.
pub(crate) type SharedKnown = Arc<Mutex<Known>>;

impl Known {
    /// Forgets all, so that everything is compared with what is stored.
    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Forgets what other policies said.
    fn use_policies(&mut self, policies: &Arc<Policies>) {
        if self.under.as_ref().is_none_or(|under| !Arc::ptr_eq(under, policies)) {
            *self = Self { under: Some(Arc::clone(policies)), ..Self::default() };
        }
    }
}

type Targets = Vec<Arc<Target>>;

/// One run over many resources under the same policies.
pub(crate) struct Evaluation<'a> {
    ctx: &'a PlansContext,
    policies: Arc<Policies>,
    places: Places,
    /// What policies look for at other scopes than the resource itself, read once in a run.
    elsewhere: HashMap<(Option<ResourceId>, String), Arc<Targets>>,
    /// The plans of subscriptions with directly onboarded machines, read once in a run.
    plans: HashMap<ResourceId, Plan>,
}

/// A resource of the batch.
#[derive(Clone)]
struct Subject {
    target: Arc<Target>,
    etag: String,
    /// What its policies look for, and maybe more.
    related: Vec<Arc<Targets>>,
}

impl Subject {
    /// The same with what is about to be written below it among what its policies look for.
    fn with(&self, writes: &[BulkWrite]) -> Self {
        let old = self.related.iter().flat_map(|list| list.iter()).cloned();
        let new = writes.iter().map(|BulkWrite { write, .. }| {
            let target = Arc::new(Target::new(write.id.clone(), write.body.clone()));
            (target.id.clone(), target)
        });
        // In the order in which they are read, and what is written again once.
        let mut by_id: BTreeMap<ResourceId, Arc<Target>> =
            old.map(|target| (target.id.clone(), target)).collect();
        by_id.extend(new);
        let related = vec![Arc::new(by_id.into_values().collect())];
        Self { target: Arc::clone(&self.target), etag: self.etag.clone(), related }
    }
}

/// What one rule says, and what would mend it.
pub(crate) struct Finding {
    pub(crate) verdict: Verdict,
    /// `None` where nothing can be mended; `Err` says why it cannot be.
    pub(crate) remedy: Option<Result<Remedy, String>>,
}

/// What every policy says of a resource now. Nothing is written.
///
/// # Errors
/// When the records cannot be read.
pub(crate) async fn judge(
    ctx: &PlansContext,
    policies: &Arc<Policies>,
    resource: Resource,
) -> Result<(Arc<Target>, Vec<Finding>), RecordsError> {
    let mut run = Evaluation::new(ctx, Arc::clone(policies));
    let subject = run.subject(resource).await?;
    let target = Arc::clone(&subject.target);
    let mut subjects = vec![subject];
    let now = ctx.clock.now();
    run.find_related(&mut subjects, now).await?;
    let policies = Arc::clone(policies);
    let found = on_threads(&subjects, move |subject| findings(&policies, subject, now)).await?;
    Ok((target, found.into_iter().flatten().collect()))
}

impl<'a> Evaluation<'a> {
    pub(crate) fn new(ctx: &'a PlansContext, policies: Arc<Policies>) -> Self {
        let (elsewhere, plans) = (HashMap::new(), HashMap::new());
        Self { ctx, policies, places: Places::default(), elsewhere, plans }
    }

    /// Evaluates resources, deploys what they lack and stores their states. Stops early when the server does.
    ///
    /// # Errors
    /// When the records cannot be read or written.
    pub(crate) async fn evaluate(&mut self, resources: Vec<Resource>) -> Result<(), RecordsError> {
        let mut subjects = Vec::with_capacity(resources.len());
        for resource in resources {
            let leaves = resource.resource_type.eq_ignore_ascii_case(EXTENSION_TYPE);
            if leaves && deployment::finish_leaving(self.ctx, &resource).await? {
                continue;
            }
            if leaves && direct::manages(&self.ctx.records, &resource).await? {
                continue;
            }
            if resource.resource_type.eq_ignore_ascii_case(MACHINE_TYPE) && direct::is_direct(&resource.body)
            {
                self.bring_sensor(&resource).await?;
                continue;
            }
            subjects.push(self.subject(resource).await?);
        }
        while !subjects.is_empty() && !self.ctx.stop.is_cancelled() {
            subjects = self.batch(subjects).await?;
        }
        Ok(())
    }

    /// Directly onboarded machines have what their plan brings of the sensor, and no policies.
    async fn bring_sensor(&mut self, machine: &Resource) -> Result<(), RecordsError> {
        let Some(subscription) = features::subscription_of(&machine.id) else { return Ok(()) };
        let (records, now) = (&self.ctx.records, self.ctx.clock.now());
        let plan = match self.plans.entry(subscription.clone()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(Plan::read(records, &subscription).await?),
        };
        direct::sync(records, machine, plan, &direct::actor(), now).await
    }

    async fn subject(&mut self, resource: Resource) -> Result<Subject, RecordsError> {
        // Agents write what they report into these, which is no write that a delay is about.
        let reported =
            [MACHINE_TYPE, EXTENSION_TYPE].iter().any(|ty| resource.resource_type.eq_ignore_ascii_case(ty));
        let written = if reported { resource.created } else { resource.modified };
        let target = Target::new(resource.id, resource.body).written_at(written);
        let target = Arc::new(self.places.put(&self.ctx.records, target).await?);
        Ok(Subject { target, etag: resource.etag, related: Vec::new() })
    }

    /// Evaluates a batch; gives back those that must be evaluated again, because what others may look for was
    /// deployed before their turn.
    async fn batch(&mut self, mut subjects: Vec<Subject>) -> Result<Vec<Subject>, RecordsError> {
        let now = self.ctx.clock.now();
        self.find_related(&mut subjects, now).await?;
        let policies = Arc::clone(&self.policies);
        let found = on_threads(&subjects, move |subject| findings(&policies, subject, now)).await?;
        let mut evaluated = Vec::with_capacity(subjects.len());
        let (mut deployed, mut left, mut events) = (Vec::new(), Vec::new(), Vec::new());
        let mut ground = self.ground(&subjects, &found).await?;
        let mut pairs = subjects.into_iter().zip(found);
        for (subject, first) in pairs.by_ref() {
            let mut mine = Vec::new();
            let mut verdicts = self.mend(&subject.target, first, &mut ground, &mut mine, &mut events).await?;
            let inside = mine.iter().all(|made: &BulkWrite| made.write.id.is_within(&subject.target.id));
            if inside && !mine.is_empty() {
                // What is stored says what there is with the deployments, as a look at them would a moment later.
                let findings = findings(&self.policies, &subject.with(&mine), now);
                verdicts = self.mend(&subject.target, findings, &mut ground, &mut mine, &mut events).await?;
            }
            deployed.append(&mut mine);
            evaluated.push((subject, verdicts));
            if !inside {
                self.elsewhere.clear();
                left = pairs.by_ref().map(|(subject, _)| subject).collect();
                break;
            }
        }
        drop(pairs);
        self.store(evaluated, deployed, events, now).await?;
        Ok(left)
    }

    /// What the deployments of a batch stand on.
    async fn ground(&self, subjects: &[Subject], found: &[Vec<Finding>]) -> Result<Ground, RecordsError> {
        let deploys = |finding: &Finding| matches!(finding.remedy, Some(Ok(Remedy::Deploy(_))));
        let lacking = subjects.iter().zip(found).filter(|(_, findings)| findings.iter().any(deploys));
        let machines: Vec<ResourceId> = lacking.map(|(subject, _)| subject.target.id.clone()).collect();
        Ground::read(&self.ctx.records, &machines).await
    }

    async fn find_related(&mut self, subjects: &mut [Subject], now: Ticks) -> Result<(), RecordsError> {
        let records = &self.ctx.records;
        let policies = Arc::clone(&self.policies);
        let wanted = on_threads(subjects, move |subject| policies.wanted(&subject.target, now)).await?;
        let mut below: HashMap<&str, Vec<ResourceId>> = HashMap::new();
        for (subject, wanted) in subjects.iter_mut().zip(&wanted) {
            subject.related.clear();
            for Wanted { resource_type, scope, .. } in wanted {
                if scope.as_ref() == Some(&subject.target.id) {
                    below.entry(resource_type).or_default().push(subject.target.id.clone());
                    continue;
                }
                let key = (scope.clone(), resource_type.clone());
                let list = match self.elsewhere.get(&key) {
                    Some(list) => Arc::clone(list),
                    None => {
                        let scope = scope.clone().unwrap_or_else(ListQuery::tenant);
                        let list = targets(records.list_all(&scope, resource_type).await?);
                        self.elsewhere.insert(key, Arc::clone(&list));
                        list
                    }
                };
                subject.related.push(list);
            }
        }
        for (resource_type, scopes) in below {
            let mut found = records.list_below_each(&scopes, resource_type).await?;
            for subject in subjects.iter_mut() {
                subject.related.extend(found.remove(subject.target.id.key()).map(targets));
            }
        }
        Ok(())
    }

    /// Deploys what can be, into `writes`, and says in each verdict what came of it.
    async fn mend(
        &self,
        target: &Target,
        findings: Vec<Finding>,
        ground: &mut Ground,
        writes: &mut Vec<BulkWrite>,
        events: &mut Vec<NewPolicyEvent>,
    ) -> Result<Vec<Verdict>, RecordsError> {
        let mut verdicts = Vec::with_capacity(findings.len());
        for Finding { mut verdict, remedy } in findings {
            let assignment = Arc::clone(&verdict.rule.assignment);
            verdict.reason = match remedy {
                // What `modify` would change waits for a write or a remediation: it touches what somebody else keeps.
                None | Some(Ok(Remedy::Modify(_))) => verdict.reason,
                Some(_) if !assignment.enforced => format!("{}; enforcement is off", verdict.reason),
                Some(Err(error)) => format!("the deployment cannot be made: {error}"),
                Some(Ok(Remedy::Deploy(_))) if !assignment.has_identity => {
                    "the assignment has no managed identity, so it may not deploy anything".to_owned()
                }
                Some(Ok(Remedy::Deploy(planned))) => {
                    let deployment = Deployment {
                        ctx: self.ctx,
                        policies: &self.policies,
                        rule: &verdict.rule,
                        of: &target.id,
                        cause: Cause::Evaluation,
                    };
                    let before = writes.len();
                    let outcomes = deployment.make(&planned, ground, writes).await?;
                    if writes.len() > before {
                        let (rule, now) = (&verdict.rule, self.ctx.clock.now());
                        let principal = deployment::deployment_request(&rule.assignment).principal_id;
                        events.push(event("Deploy", rule, target, verdict.effect, &principal, now));
                    }
                    outcomes.iter().map(Outcome::text).collect::<Vec<_>>().join("; ")
                }
            };
            verdicts.push(verdict);
        }
        Ok(verdicts)
    }

    /// Writes deployments and the states that changed, in one transaction.
    async fn store(
        &self,
        evaluated: Vec<(Subject, Vec<Verdict>)>,
        mut writes: Vec<BulkWrite>,
        mut events: Vec<NewPolicyEvent>,
        now: Ticks,
    ) -> Result<(), RecordsError> {
        let records = &self.ctx.records;
        let mut known = self.ctx.known.lock().await;
        known.use_policies(&self.policies);
        let mut changed = Vec::new();
        for (subject, verdicts) in evaluated {
            let hash = hash_of(&subject.etag, &verdicts);
            if known.hashes.get(&subject.target.id) != Some(&hash) {
                changed.push((subject, verdicts, hash));
            }
        }
        let ids: Vec<ResourceId> = changed.iter().map(|(subject, ..)| subject.target.id.clone()).collect();
        let mut old = records.list_children_of_each(&ids, state::STATE_TYPE).await?;
        let mut stale = Vec::new();
        for (subject, verdicts, _) in &changed {
            let (target, old) = (&subject.target, old.remove(subject.target.id.key()).unwrap_or_default());
            let changes = state::changes(&self.policies, target, verdicts, old, &actor(), now);
            writes.extend(changes.writes);
            stale.extend(changes.gone);
            events.extend(changes.events);
        }
        // First: a server that stops in between tells of a change twice rather than never.
        records.add_policy_events(&events).await?;
        records.put_many(writes, &stale, &actor()).await?;
        for (subject, _, hash) in changed {
            if known.hashes.len() < KNOWN_MAX || known.hashes.contains_key(&subject.target.id) {
                known.hashes.insert(subject.target.id.clone(), hash);
            }
        }
        Ok(())
    }
}

/// What every rule says of the subject, and what would mend it.
fn findings(policies: &Policies, subject: &Subject, now: Ticks) -> Vec<Finding> {
    let target = &subject.target;
    let related = |wanted: &Wanted| {
        subject.related.iter().flat_map(|list| list.iter()).filter(|r| wanted.is(r)).cloned().collect()
    };
    let verdicts = policies.evaluate(target, &related, now).into_iter();
    verdicts
        .map(|verdict| {
            let remedy = (verdict.compliance == Compliance::NonCompliant).then(|| {
                let request = deployment::deployment_request(&verdict.rule.assignment);
                policies.remedy(&verdict.rule, verdict.effect, target, &request, now)
            });
            Finding { verdict, remedy: remedy.flatten() }
        })
        .collect()
}

/// The same when the states would be the same. The etag stands for the resource's body.
fn hash_of(etag: &str, verdicts: &[Verdict]) -> u64 {
    let mut hasher = DefaultHasher::new();
    etag.hash(&mut hasher);
    for verdict in verdicts {
        // Rules live as long as the policies that the hashes are kept under, so the address tells them apart.
        Arc::as_ptr(&verdict.rule).hash(&mut hasher);
        verdict.effect.as_str().hash(&mut hasher);
        verdict.compliance.as_str().hash(&mut hasher);
        verdict.reason.hash(&mut hasher);
        verdict.related.as_ref().map(ResourceId::as_str).hash(&mut hasher);
        verdict.related_count.hash(&mut hasher);
        verdict.exemption.as_ref().map(ResourceId::as_str).hash(&mut hasher);
    }
    hasher.finish()
}

fn targets(resources: Vec<Resource>) -> Arc<Targets> {
    Arc::new(
        resources.into_iter().map(|resource| Arc::new(Target::new(resource.id, resource.body))).collect(),
    )
}

/// What `work` makes of each subject, in order, on as many threads as there are processors.
async fn on_threads<T, W>(subjects: &[Subject], work: W) -> Result<Vec<T>, RecordsError>
where
    T: Send + 'static,
    W: Fn(&Subject) -> T + Clone + Send + 'static,
{
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let part = subjects.len().div_ceil(threads).max(1);
    let parts = subjects.chunks(part).map(|part| {
        let (part, work) = (part.to_vec(), work.clone());
        tokio::task::spawn_blocking(move || part.iter().map(work).collect::<Vec<T>>())
    });
    let mut out = Vec::with_capacity(subjects.len());
    for part in futures::future::join_all(parts).await {
        match part {
            Ok(made) => out.extend(made),
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // Blocking work is never cancelled but at the end of the program.
                Err(_) => return Ok(Vec::new()),
            },
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use bartizan_base::{ManualClock, Ticks};
    use bartizan_records::{Actor, Condition, Records, Write};
    use serde_json::json;
    use tokio_util::sync::CancellationToken;

    use super::super::reconcile;
    use super::*;

    const SUBSCRIPTION: &str = "/subscriptions/5d9a1f0e-7f1c-4c55-9f7a-000000000001";

    #[tokio::test]
    async fn every_machine_of_many_batches_is_covered_and_a_second_round_writes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(Ticks::parse("2026-03-01T12:00:00Z").unwrap()));
        let records = Records::open(&folder.path().join("control.db"), clock.clone()).await.unwrap();
        let id = |text: &str| ResourceId::parse(text).unwrap();
        let write = |text: &str, body| BulkWrite {
            write: Write {
                id: id(text),
                body,
                condition: Condition::None,
                actor: Actor::system("test"),
                audit: false,
            },
            of: id(SUBSCRIPTION),
        };
        records.put(write(SUBSCRIPTION, json!({})).write).await.unwrap();
        let plan = json!({"properties": {"pricingTier": "Standard", "subPlan": "P1"}});
        let pricing = format!("{SUBSCRIPTION}/providers/Microsoft.Security/pricings/VirtualMachines");
        let machines = 2 * BATCH as usize + 3;
        let mut writes = vec![write(&pricing, plan)];
        for number in 0..machines {
            let name = format!("{SUBSCRIPTION}/resourceGroups/g/providers/{MACHINE_TYPE}/m{number}");
            let body = json!({"location": "local", "properties": {"status": "Connected", "osType": "linux",
                "osName": "Debian GNU/Linux 12", "detectedProperties": {"architecture": "x86_64"}}});
            writes.push(write(&name, body));
        }
        records.put_many(writes, &[], &Actor::system("test")).await.unwrap();

        let (known, stop) = (SharedKnown::default(), CancellationToken::new());
        let ctx = PlansContext { records: records.clone(), clock, known, stop };
        reconcile::run_once(&ctx).await.unwrap();
        let sensors = records.list_all(&id(SUBSCRIPTION), EXTENSION_TYPE).await.unwrap();
        assert_eq!(sensors.iter().filter(|sensor| sensor.id.name() == "MDE.Linux").count(), machines);
        let states = records.list_all(&id(SUBSCRIPTION), state::STATE_TYPE).await.unwrap();
        assert!(states.len() >= machines, "{}", states.len());

        // The states say already that the extensions are on their way; nothing is left to say.
        let policies = reconcile::load(&records).await.unwrap();
        ctx.known.lock().await.forget();
        let machines = records.list_all(&id(SUBSCRIPTION), MACHINE_TYPE).await.unwrap();
        let mut changes = records.subscribe();
        Evaluation::new(&ctx, Arc::clone(&policies)).evaluate(machines.clone()).await.unwrap();
        assert_eq!(ctx.known.lock().await.hashes.len(), machines.len());
        assert!(changes.try_recv().is_err(), "a repeated round writes nothing");

        // A state that somebody took away comes back with the next comparison.
        let state = records.list_all(&machines[0].id, state::STATE_TYPE).await.unwrap().remove(0);
        records.delete_derived(&state.id, &Actor::system("test")).await.unwrap();
        ctx.known.lock().await.forget();
        Evaluation::new(&ctx, policies).evaluate(machines).await.unwrap();
        assert!(records.get(&state.id).await.unwrap().is_some());
    }
}
