//! Runs the remediations that are stored, each from where it was.
//!
//! One task on the leading server. Changes of what deployments wait for wake it, and a look every half a minute covers
//! what has no event: an agent that never answers, events lost when the queue overflowed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bartizan_base::{ResourceId, Timespan};
use bartizan_policy::Compliance;
use bartizan_records::{BulkWrite, Change, ChangeOp, ListQuery, RecordsError, Resource};
use futures::FutureExt as _;
use serde_json::Value;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::MissedTickBehavior;

use super::progress::{Piece, Summary, is_ended, pieces, tell};
use super::settings::{REMEDIATION_TYPE, Settings};
use super::work::Work;
use crate::access::AccessMap;
use crate::app::App;
use crate::http::chain;
use crate::plans::state::STATE_TYPE;
use crate::plans::{PlansContext, deployment, reconcile};
use crate::policy::context;
use crate::policy::scan::evaluate_below;

/// How often everything is looked at without an event.
const ROUND: Duration = Duration::from_secs(30);
/// Pause after the first event of a burst.
const GATHER: Duration = Duration::from_millis(50);
/// Pause after the records failed.
const RETRY: Duration = Duration::from_secs(2);
/// Ended remediations are remembered this long, as in Azure.
const KEPT: Timespan = Timespan::from_seconds(60 * 86_400);
/// Children that are written together.
const WRITES: usize = 500;
/// Ids of changes that are marked one by one; more are everything.
const MARKED_MAX: usize = 50_000;

/// What woke the task.
#[derive(Debug, Default)]
struct Marked {
    /// Everything is looked at: remediations, and what they wait for.
    all: bool,
    /// Remediations were written or deleted.
    remediations: bool,
    /// What was written or deleted, of the types that are waited for.
    changed: BTreeSet<ResourceId>,
}

impl Marked {
    fn is_empty(&self) -> bool {
        !self.all && !self.remediations && self.changed.is_empty()
    }

    /// `false` when there will be no more changes.
    fn hear(&mut self, change: Result<Change, RecvError>) -> bool {
        match change {
            Err(RecvError::Closed) => return false,
            Err(RecvError::Lagged(_)) => self.all = true,
            Ok(change) if change.resource_type.eq_ignore_ascii_case(REMEDIATION_TYPE) => {
                // What is written by the server itself is this task's own.
                self.remediations |= !change.system || change.op == ChangeOp::Delete;
            }
            Ok(change) if deployment::is_deployed(&change.resource_type) => {
                self.changed.insert(change.id);
            }
            Ok(_) => {}
        }
        if self.changed.len() > MARKED_MAX {
            self.all = true;
            self.changed.clear();
        }
        true
    }
}

/// A remediation that is under way.
#[derive(Debug)]
struct Active {
    run: String,
    settings: Settings,
    summary: Summary,
    waiting: VecDeque<Piece>,
    running: Vec<Piece>,
    /// Whether the pieces were read.
    loaded: bool,
}

/// The remediations under way, and what they are run with.
struct Runner {
    app: Arc<App>,
    ctx: PlansContext,
    active: BTreeMap<ResourceId, Active>,
}

/// Runs until `app.stop` is cancelled.
pub(crate) async fn run(app: Arc<App>) {
    let mut changes = app.records.subscribe();
    let mut round = tokio::time::interval(ROUND);
    round.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut runner = Runner::new(Arc::clone(&app));
    let mut marked = Marked { all: true, ..Marked::default() };
    loop {
        if marked.is_empty() {
            tokio::select! {
                () = app.stop.cancelled() => return,
                _ = round.tick() => marked.all = true,
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
        let done = {
            let work = runner.round(std::mem::take(&mut marked));
            tokio::pin!(work);
            loop {
                tokio::select! {
                    done = &mut work => break done,
                    change = changes.recv() => if !marked.hear(change) { return },
                }
            }
        };
        if let Err(error) = done {
            tracing::warn!(error = chain(&error), "a remediation cannot go on; trying again");
            marked.all = true;
            tokio::select! {
                () = tokio::time::sleep(RETRY) => {}
                () = app.stop.cancelled() => {}
            }
        }
        if app.stop.is_cancelled() {
            return;
        }
    }
}

impl Runner {
    fn new(app: Arc<App>) -> Self {
        let ctx = context(&app);
        Self { app, ctx, active: BTreeMap::new() }
    }

    async fn round(&mut self, marked: Marked) -> Result<(), RecordsError> {
        if marked.all || marked.remediations {
            self.find().await?;
        }
        let ids: Vec<ResourceId> = self.active.keys().cloned().collect();
        for id in ids {
            let Some(mut active) = self.active.remove(&id) else { continue };
            let goes_on = self.advance(&id, &mut active, &marked).await?;
            if goes_on {
                self.active.insert(id, active);
            }
            if self.ctx.stop.is_cancelled() {
                break;
            }
        }
        Ok(())
    }

    /// Remediations that are not at their end; forgets those that ended long ago.
    async fn find(&mut self) -> Result<(), RecordsError> {
        let records = &self.ctx.records;
        let old = self.ctx.clock.now() - KEPT;
        let mut found = BTreeMap::new();
        for remediation in records.list_all(&ListQuery::tenant(), REMEDIATION_TYPE).await? {
            let properties = remediation.body.get("properties").unwrap_or(&Value::Null);
            if is_ended(properties) {
                if remediation.modified < old {
                    records.delete_derived(&remediation.id, &reconcile::actor()).await?;
                }
                continue;
            }
            let run = properties["correlationId"].as_str().unwrap_or_default().to_owned();
            let known = self.active.remove(&remediation.id).filter(|known| known.run == run);
            let active = match (known, Settings::parse(properties)) {
                (Some(known), _) => known,
                (None, Ok(settings)) => Active {
                    run,
                    settings,
                    summary: Summary::default(),
                    waiting: VecDeque::new(),
                    running: Vec::new(),
                    loaded: false,
                },
                (None, Err(error)) => {
                    let none = Summary::default();
                    tell(records, &remediation.id, &run, "Failed", none, &error.message).await?;
                    continue;
                }
            };
            found.insert(remediation.id, active);
        }
        self.active = found;
        Ok(())
    }

    /// Takes a remediation as far as it goes now; `false` when it is at its end.
    async fn advance(
        &self,
        id: &ResourceId,
        active: &mut Active,
        marked: &Marked,
    ) -> Result<bool, RecordsError> {
        let records = &self.ctx.records;
        let policies = reconcile::load(records).await?;
        let rule = match active.settings.rule(&policies) {
            Ok(rule) => rule,
            Err(error) => {
                tell(records, id, &active.run, "Failed", active.summary, &error.message).await?;
                return Ok(false);
            }
        };
        if !active.loaded && !self.load(id, active).await? {
            return Ok(false);
        }
        let work = Work { app: &self.app, ctx: &self.ctx, policies: &policies, rule: &rule };
        let mut running = Vec::new();
        for mut piece in std::mem::take(&mut active.running) {
            let concerned = marked.all
                || piece.awaited.iter().any(|awaited| marked.changed.contains(awaited))
                || marked.changed.iter().any(|changed| changed.is_within(&piece.resource));
            if concerned && work.look(&mut piece).await? {
                self.settle(id, active, &piece).await?;
            } else {
                running.push(piece);
            }
        }
        active.running = running;
        while active.running.len() < active.settings.parallel {
            if self.ctx.stop.is_cancelled() {
                return Ok(true);
            }
            if let Some(message) = too_many_failed(active) {
                tell(records, id, &active.run, "Failed", active.summary, &message).await?;
                return Ok(false);
            }
            let Some(mut piece) = active.waiting.pop_front() else { break };
            work.begin(&mut piece).await?;
            if piece.status == "Running" && !work.look(&mut piece).await? {
                records.put_many(vec![piece.write(id)], &[], &reconcile::actor()).await?;
                active.running.push(piece);
            } else {
                self.settle(id, active, &piece).await?;
            }
            if !tell(records, id, &active.run, "InProgress", active.summary, "").await? {
                return Ok(false);
            }
        }
        if active.running.is_empty() && active.waiting.is_empty() {
            let (state, message) = end(active);
            tell(records, id, &active.run, state, active.summary, &message).await?;
            return Ok(false);
        }
        tell(records, id, &active.run, "InProgress", active.summary, "").await
    }

    /// Keeps a piece that is at its end.
    async fn settle(&self, id: &ResourceId, active: &mut Active, piece: &Piece) -> Result<(), RecordsError> {
        match piece.status.as_str() {
            "Succeeded" => active.summary.succeeded += 1,
            _ => active.summary.failed += 1,
        }
        self.ctx.records.put_many(vec![piece.write(id)], &[], &reconcile::actor()).await
    }

    /// Finds what is to be remediated, or reads what was found before a restart; `false` when the remediation was
    /// cancelled meanwhile.
    async fn load(&self, id: &ResourceId, active: &mut Active) -> Result<bool, RecordsError> {
        let records = &self.ctx.records;
        let Some(stored) = records.get(id).await? else { return Ok(false) };
        let state = stored.property("provisioningState").and_then(Value::as_str).unwrap_or_default();
        let (mut known, stale) = pieces(records, id, &active.run).await?;
        for stale in stale.chunks(WRITES) {
            records.put_many(Vec::new(), stale, &reconcile::actor()).await?;
        }
        if state != "InProgress" {
            if active.settings.re_evaluate {
                let message = "resources in scope are evaluated";
                if !tell(records, id, &active.run, "Evaluating", Summary::default(), message).await? {
                    return Ok(false);
                }
                if let Some(scope) = id.parent() {
                    evaluate_below(&self.ctx, &scope).await?;
                }
                if self.ctx.stop.is_cancelled() {
                    return Ok(false);
                }
            }
            self.discover(id, active, &mut known).await?;
        }
        active.summary = Summary { total: known.len(), ..Summary::default() };
        for piece in known {
            match piece.status.as_str() {
                "Succeeded" => active.summary.succeeded += 1,
                "Failed" => active.summary.failed += 1,
                "Running" => active.running.push(piece),
                _ => active.waiting.push_back(piece),
            }
        }
        active.loaded = true;
        tell(records, id, &active.run, "InProgress", active.summary, "").await
    }

    /// Makes a piece of each resource in scope whose state says that it does not comply, up to the remediation's count.
    async fn discover(
        &self,
        id: &ResourceId,
        active: &Active,
        known: &mut Vec<Piece>,
    ) -> Result<(), RecordsError> {
        let records = &self.ctx.records;
        let Some(scope) = id.parent() else { return Ok(()) };
        let there: BTreeSet<ResourceId> = known.iter().map(|piece| piece.id.clone()).collect();
        let tree = AccessMap::of(records).await?;
        let mut writes: Vec<BulkWrite> = Vec::new();
        for root in tree.hierarchy.roots_below(&scope) {
            let mut after = None;
            loop {
                let query = ListQuery::of_type(root.clone(), STATE_TYPE);
                let page = records.list(ListQuery { after, ..query }).await?;
                for state in &page.items {
                    let piece = candidate(&active.settings, state).and_then(|(resource, location)| {
                        Piece::found(id, &active.run, &resource, &location, self.ctx.clock.now())
                    });
                    let Some(piece) = piece.filter(|piece| !there.contains(&piece.id)) else { continue };
                    if known.len() >= active.settings.count {
                        break;
                    }
                    writes.push(piece.write(id));
                    known.push(piece);
                }
                if writes.len() >= WRITES || page.next.is_none() {
                    records.put_many(std::mem::take(&mut writes), &[], &reconcile::actor()).await?;
                }
                if page.next.is_none() || known.len() >= active.settings.count {
                    break;
                }
                after = page.next;
            }
        }
        records.put_many(writes, &[], &reconcile::actor()).await
    }
}

/// The resource of a policy state that is to be remediated, and its location.
fn candidate(settings: &Settings, state: &Resource) -> Option<(ResourceId, String)> {
    let text = |name: &str| state.property(name).and_then(Value::as_str).unwrap_or_default();
    let meant = text("complianceState") == Compliance::NonCompliant.as_str()
        && text("policyAssignmentId").eq_ignore_ascii_case(settings.assignment.as_str())
        && text("policyDefinitionReferenceId").eq_ignore_ascii_case(&settings.reference)
        && settings.at(text("resourceLocation"));
    meant
        .then(|| ResourceId::parse(text("resourceId")).ok().zip(Some(text("resourceLocation").to_owned())))?
}

/// Why no more deployments are begun.
fn too_many_failed(active: &Active) -> Option<String> {
    let Summary { total, failed, .. } = active.summary;
    let threshold = active.settings.threshold?;
    // Counts are far below what a float holds exactly.
    let part = failed as f64 / total.max(1) as f64;
    (part > threshold).then(|| {
        format!("{failed} of {total} deployments failed, more than the threshold of {threshold}; no more are begun")
    })
}

/// How a remediation without open deployments ended.
fn end(active: &Active) -> (&'static str, String) {
    let Summary { total, failed, .. } = active.summary;
    match active.settings.threshold {
        _ if total == 0 => ("Succeeded", "no resource in scope is non-compliant".to_owned()),
        _ if failed == 0 => ("Succeeded", String::new()),
        Some(_) if too_many_failed(active).is_none() => {
            ("Succeeded", format!("{failed} of {total} deployments failed, which the threshold allows"))
        }
        _ => ("Failed", format!("{failed} of {total} deployments failed; listDeployments says why")),
    }
}
