//! The task that keeps assessments and scores true to the evidence.
//!
//! One loop: a change marks a machine or a subscription, a short pause gathers bursts, then the marked
//! subjects are decided anew and the scores of their subscriptions recomputed. Only differences are
//! written. A full round every minute (less often where it is much work) covers what time alone changes and events
//! that were lost.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::Duration;

use bartizan_base::{AssessmentKey, Clock, ResourceId, Ticks};
use bartizan_records::{
    Actor, BulkWrite, Change, ChangeOp, Condition, EVIDENCE_CHANGE_TYPE, ListQuery, Records, RecordsError,
    Resource, Write,
};
use serde_json::{Value, json};
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::assessment::{Assessment, Code, Decision, SubjectKind};
use crate::catalog::{Catalog, Control};
use crate::outbox::Outbox;
use crate::rows::{self, Recommended, Row, RowSink};
use crate::score::{ControlScore, Finding, SecureScore};
use crate::subject::{self, EXTENSION_TYPE, MACHINE_TYPE, PRICING_TYPE, SUBSCRIPTION_TYPE, Subject};

/// The type of assessment resources.
pub const ASSESSMENT_TYPE: &str = "Microsoft.Security/assessments";

/// Pause after the first event of a burst.
const GATHER: Duration = Duration::from_millis(150);
/// How often everything is decided anew without an event, where that is little work.
const ROUND: Duration = Duration::from_secs(60);
/// After everything was decided it is not again for so many times as long as that took: the rounds of a large estate are
/// at most a fortieth of a core's time.
const ROUND_REST: u32 = 39;

/// Resources that are decided together: read with some statements, and written in one transaction.
const TOGETHER: usize = 64;
/// After scores were computed no others are for this many times as long as that took.
const REST: u32 = 9;
/// Rounds after which decisions are compared with what is stored, instead of with what was stored last. It bounds how
/// long an assessment that somebody else took away stays away.
const ROUNDS_BETWEEN_COMPARISONS: u32 = 10;

/// What the evaluator works with.
#[derive(Clone, Debug)]
pub struct PostureContext {
    pub records: Records,
    pub rows: Arc<dyn RowSink>,
    pub clock: Arc<dyn Clock>,
    /// Named in `resourceDetails` of on-premises machines.
    pub workspace_id: String,
    /// Cancelled when the server stops.
    pub stop: CancellationToken,
}

/// What has to be decided anew.
#[derive(Debug, Default)]
struct Marked {
    all: bool,
    subjects: BTreeSet<ResourceId>,
    /// Subscriptions that lost a machine: only their score changes.
    scores: BTreeSet<ResourceId>,
}

/// The evaluator with what it remembers: the last answer per resource and assessment.
#[derive(Debug)]
pub struct Evaluator {
    ctx: PostureContext,
    catalog: &'static Catalog,
    answers: BTreeMap<ResourceId, BTreeMap<AssessmentKey, Code>>,
    /// What was stored last: by resource, a hash of what its assessments say.
    stored: HashMap<ResourceId, u64>,
    rounds: u32,
    /// Subscriptions whose score has to be computed anew.
    scores: BTreeSet<ResourceId>,
    /// No score is computed before.
    score_from: Instant,
    /// Rows that tell of changes, on their way to the log store.
    outbox: Outbox,
}

impl Evaluator {
    /// An evaluator that has seen nothing yet.
    pub fn new(ctx: PostureContext, catalog: &'static Catalog) -> Self {
        Self {
            outbox: Outbox::new(Arc::clone(&ctx.rows)),
            ctx,
            catalog,
            answers: BTreeMap::new(),
            stored: HashMap::new(),
            rounds: 0,
            scores: BTreeSet::new(),
            score_from: Instant::now(),
        }
    }

    /// Runs until the context's token is cancelled.
    pub async fn run(mut self) {
        let mut changes = self.ctx.records.subscribe();
        let stop = self.ctx.stop.clone();
        let mut next_round = Instant::now();
        let mut marked = Marked::default();
        loop {
            if marked.is_empty() {
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep_until(next_round) => marked.all = true,
                    change = changes.recv() => if !marked.hear(change) { return },
                    () = tokio::time::sleep_until(self.score_from), if !self.scores.is_empty() => {}
                }
            }
            if marked.is_empty() && self.scores.is_empty() {
                continue;
            }
            tokio::time::sleep(GATHER).await;
            loop {
                match changes.try_recv() {
                    Ok(change) => marked.mark(&change),
                    Err(TryRecvError::Lagged(_)) => marked.all = true,
                    Err(_) => break,
                }
            }
            let (begun, whole) = (Instant::now(), marked.all);
            let work = self.turn(std::mem::take(&mut marked));
            tokio::pin!(work);
            // Changes are heard meanwhile: what a fleet's round takes would be enough to miss some, and whoever
            // misses one has to look at everything again.
            let done = loop {
                tokio::select! {
                    done = &mut work => break done,
                    change = changes.recv() => if !marked.hear(change) { return },
                }
            };
            if let Err(error) = done {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "assessment failed; the next round tries again"
                );
            }
            if whole {
                next_round = begun + ROUND.max(begun.elapsed() * (1 + ROUND_REST));
            }
            if stop.is_cancelled() {
                return;
            }
        }
    }

    /// Decides everything anew, once.
    ///
    /// # Errors
    /// When the records cannot be read or written.
    pub async fn round(&mut self) -> Result<(), RecordsError> {
        self.score_from = Instant::now();
        self.turn(Marked { all: true, ..Marked::default() }).await
    }

    /// Handles what is marked, and sends the rows that tell of it.
    async fn turn(&mut self, marked: Marked) -> Result<(), RecordsError> {
        let done = self.handle(marked).await;
        self.outbox.send().await;
        done
    }

    async fn handle(&mut self, marked: Marked) -> Result<(), RecordsError> {
        let mut subjects = marked.subjects;
        self.scores.extend(marked.scores);
        if marked.all {
            let everything = ListQuery::tenant();
            for resource_type in [SUBSCRIPTION_TYPE, MACHINE_TYPE] {
                let found = self.ctx.records.list_all(&everything, resource_type).await?;
                subjects.extend(found.into_iter().map(|resource| resource.id));
            }
            self.answers.retain(|id, _| subjects.contains(id));
            self.stored.retain(|id, _| subjects.contains(id));
            self.rounds = self.rounds.wrapping_add(1);
            if self.rounds.is_multiple_of(ROUNDS_BETWEEN_COMPARISONS) {
                self.stored.clear();
            }
        }
        let subjects: Vec<ResourceId> = subjects.into_iter().collect();
        for ids in subjects.chunks(TOGETHER) {
            if self.ctx.stop.is_cancelled() {
                return Ok(());
            }
            let told = self.assess(ids).await?;
            self.outbox.add("SecurityRecommendation", told).await;
        }
        self.scores.extend(subjects.iter().filter_map(subscription_of));
        self.score_all().await
    }

    /// Computes the scores that have to be, unless it was done so shortly ago that it would be most of the work: a
    /// score is of all machines of its subscription, however few have changed.
    async fn score_all(&mut self) -> Result<(), RecordsError> {
        let begun = Instant::now();
        if begun < self.score_from {
            return Ok(());
        }
        while let Some(subscription) = self.scores.pop_first() {
            if let Err(error) = self.score(&subscription).await {
                self.scores.insert(subscription);
                self.score_from = Instant::now() + ROUND;
                return Err(error);
            }
        }
        self.score_from = Instant::now() + begun.elapsed() * REST;
        Ok(())
    }

    /// Decides every assessment about some resources and writes what changed, in one transaction; the rows that tell
    /// of it.
    async fn assess(&mut self, ids: &[ResourceId]) -> Result<Vec<Row>, RecordsError> {
        let (catalog, now) = (self.catalog, self.ctx.clock.now());
        let subjects = subject::gather(&self.ctx.records, ids, now).await?;
        for gone in ids.iter().filter(|id| !subjects.iter().any(|subject| subject.resource.id == **id)) {
            self.answers.remove(gone);
            self.stored.remove(gone);
        }
        let mut changed = Vec::new();
        for subject in subjects {
            let about = catalog.assessments.iter().filter(|assessment| assessment.subject == subject.kind);
            let decisions: Vec<(&Assessment, Decision)> =
                about.map(|assessment| (assessment, assessment.decide(&subject.facts, now))).collect();
            let answers = decisions.iter().map(|(assessment, decision)| (assessment.key, decision.code));
            self.answers.insert(subject.resource.id.clone(), answers.collect());
            let hash = hash_of(&subject, &self.ctx.workspace_id, &decisions);
            if self.stored.get(&subject.resource.id) != Some(&hash) {
                changed.push((subject, decisions, hash));
            }
        }
        let of: Vec<ResourceId> = changed.iter().map(|(subject, ..)| subject.resource.id.clone()).collect();
        let mut before = self.ctx.records.list_children_of_each(&of, ASSESSMENT_TYPE).await?;
        let (mut writes, mut told) = (Vec::new(), Vec::new());
        for (subject, decisions, _) in &changed {
            let before = before.remove(subject.resource.id.key()).unwrap_or_default();
            let (mut new, mut rows) = self.differences(subject, decisions, before, now);
            writes.append(&mut new);
            told.append(&mut rows);
        }
        self.ctx.records.put_many(writes, &[], &actor()).await?;
        self.stored.extend(changed.into_iter().map(|(subject, _, hash)| (subject.resource.id, hash)));
        Ok(told)
    }

    /// What differs from the assessments that are stored of a resource: writes, and rows that tell of them.
    fn differences(
        &self,
        subject: &Subject,
        decisions: &[(&Assessment, Decision)],
        stored: Vec<Resource>,
        now: Ticks,
    ) -> (Vec<BulkWrite>, Vec<Row>) {
        let mut stored: HashMap<String, Resource> =
            stored.into_iter().map(|resource| (resource.id.name().to_ascii_lowercase(), resource)).collect();
        let (of, location) = (&subject.resource.id, subject.resource.body.get("location"));
        let location = location.cloned().unwrap_or_default();
        let (mut writes, mut told) = (Vec::new(), Vec::new());
        for (assessment, decision) in decisions {
            let before = stored.remove(&assessment.key.to_string());
            let Ok(id) = of.join(&format!("providers/{ASSESSMENT_TYPE}/{}", assessment.key)) else {
                continue;
            };
            let properties =
                properties(assessment, subject, decision, before.as_ref(), &self.ctx.workspace_id, now);
            let body = json!({"properties": properties});
            if before.is_some_and(|before| before.body == body) {
                continue;
            }
            let recommended = Recommended {
                assessment,
                resource: of,
                id: &id,
                location: &location,
                properties: &body["properties"],
                code: decision.code,
            };
            told.push(rows::recommendation(&recommended, now));
            let write = Write { id, body, condition: Condition::None, actor: actor(), audit: false };
            writes.push(BulkWrite { write, of: of.clone() });
        }
        (writes, told)
    }

    /// Recomputes a subscription's score and writes what changed.
    async fn score(&mut self, subscription: &ResourceId) -> Result<(), RecordsError> {
        let findings = self.findings(subscription);
        let score = SecureScore::compute(&self.catalog.weighings(), &findings);
        let now = self.ctx.clock.now();
        let Ok(root) = subscription.join("providers/Microsoft.Security/secureScores/ascScore") else {
            return Ok(());
        };
        let resources = self.answers.keys().filter(|id| id.is_within(subscription)).count();
        let properties = json!({
            "displayName": "ASC score",
            "score": {"max": score.max(), "current": rounded(score.current(), 2), "percentage": rounded(score.percentage(), 4)},
            "weight": resources,
        });
        if self.put_if_changed(&root, json!({"properties": properties})).await? {
            let row = rows::secure_score(subscription, &score, &properties, now);
            self.outbox.add("SecureScores", vec![row]).await;
        }
        let mut told = Vec::new();
        for (control, score) in self.catalog.controls.iter().zip(&score.controls) {
            let Ok(id) = root.join(&format!("secureScoreControls/{}", control.id)) else { continue };
            let properties = self.control_properties(control, score);
            if self.put_if_changed(&id, json!({"properties": properties})).await? {
                told.push(rows::control_score(subscription, control, score, &properties, now));
            }
        }
        self.outbox.add("SecureScoreControls", told).await;
        Ok(())
    }

    fn findings(&self, subscription: &ResourceId) -> Vec<Finding> {
        let mine = self.answers.iter().filter(|(id, _)| id.is_within(subscription));
        mine.flat_map(|(id, answers)| {
            answers.iter().map(|(key, code)| Finding { resource: id.clone(), assessment: *key, code: *code })
        })
        .collect()
    }

    fn control_properties(&self, control: &Control, score: &ControlScore) -> Value {
        json!({
            "displayName": control.display_name,
            "healthyResourceCount": score.healthy,
            "unhealthyResourceCount": score.unhealthy,
            "notApplicableResourceCount": score.not_applicable,
            "score": {"max": control.max_score, "current": rounded(score.current(), 2), "percentage": rounded(score.percentage(), 4)},
            "weight": score.healthy + score.unhealthy,
            // Not in Azure's shape, where the portal computes it: what fixing everything here would add.
            "potentialScoreIncrease": rounded(score.potential_increase(), 2),
            "definition": self.catalog.control_definition(control),
        })
    }

    async fn put_if_changed(&self, id: &ResourceId, body: Value) -> Result<bool, RecordsError> {
        if self.ctx.records.get(id).await?.is_some_and(|before| before.body == body) {
            return Ok(false);
        }
        let write = Write { id: id.clone(), body, condition: Condition::None, actor: actor(), audit: false };
        self.ctx.records.put(write).await?;
        Ok(true)
    }
}

impl Marked {
    fn is_empty(&self) -> bool {
        !self.all && self.subjects.is_empty() && self.scores.is_empty()
    }

    /// Marks what a change concerns; `false` when there will be no more changes.
    fn hear(&mut self, change: Result<Change, RecvError>) -> bool {
        match change {
            Ok(change) => self.mark(&change),
            Err(RecvError::Lagged(_)) => self.all = true,
            Err(RecvError::Closed) => return false,
        }
        true
    }

    fn mark(&mut self, change: &Change) {
        let is = |resource_type: &str| change.resource_type.eq_ignore_ascii_case(resource_type);
        if is(MACHINE_TYPE) {
            self.subjects.insert(change.id.clone());
            // The subscription's own assessments know how many machines it has.
            self.subjects.extend(subscription_of(&change.id));
        } else if is(EVIDENCE_CHANGE_TYPE) || (is(SUBSCRIPTION_TYPE) && change.op == ChangeOp::Put) {
            self.subjects.insert(change.id.clone());
        } else if is(EXTENSION_TYPE) {
            self.subjects.extend(change.id.parent());
        } else if is(PRICING_TYPE) {
            // The plan is a fact about every machine below it.
            self.all = true;
        }
        if is(MACHINE_TYPE) && change.op == ChangeOp::Delete {
            self.scores.extend(subscription_of(&change.id));
        }
    }
}

/// The same when the stored assessments would be the same. A resource that was deleted and made again has another time
/// of creation: its assessments went with it.
fn hash_of(subject: &Subject, workspace: &str, decisions: &[(&Assessment, Decision)]) -> u64 {
    let mut hasher = DefaultHasher::new();
    subject.resource.created.hash(&mut hasher);
    resource_details(subject, workspace).to_string().hash(&mut hasher);
    for (_, decision) in decisions {
        decision.code.as_str().hash(&mut hasher);
        (&decision.cause, &decision.message, &decision.data).hash(&mut hasher);
    }
    hasher.finish()
}

fn actor() -> Actor {
    Actor::system("Security posture")
}

fn properties(
    assessment: &Assessment,
    subject: &Subject,
    decision: &Decision,
    before: Option<&Resource>,
    workspace: &str,
    now: Ticks,
) -> Value {
    let old = before.and_then(|before| before.property("status"));
    let same_code =
        old.and_then(|old| old.get("code")).and_then(Value::as_str) == Some(decision.code.as_str());
    let kept = |name: &str, keep: bool| {
        old.filter(|_| keep).and_then(|old| old.get(name)).cloned().unwrap_or_else(|| json!(now))
    };
    let data: serde_json::Map<String, Value> =
        decision.data.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
    json!({
        "resourceDetails": resource_details(subject, workspace),
        "displayName": assessment.display_name,
        "status": {
            "code": decision.code.as_str(),
            "cause": decision.cause,
            "description": decision.message,
            "firstEvaluationDate": kept("firstEvaluationDate", true),
            "statusChangeDate": kept("statusChangeDate", same_code),
        },
        "additionalData": data,
        "metadata": assessment.metadata(),
    })
}

fn resource_details(subject: &Subject, workspace: &str) -> Value {
    match subject.kind {
        SubjectKind::Subscription => json!({"source": "Azure", "id": subject.resource.id}),
        SubjectKind::Machine => {
            let vm_id = subject.resource.property("vmId").cloned().unwrap_or_default();
            json!({
                "source": "OnPremise",
                "id": subject.resource.id,
                "machineName": subject.resource.id.name(),
                "sourceComputerId": vm_id,
                "vmuuid": vm_id,
                "workspaceId": workspace,
            })
        }
    }
}

fn rounded(value: f64, digits: i32) -> f64 {
    let unit = 10_f64.powi(digits);
    (value * unit).round() / unit
}

fn subscription_of(id: &ResourceId) -> Option<ResourceId> {
    ResourceId::parse(&format!("/subscriptions/{}", id.subscription()?)).ok()
}
