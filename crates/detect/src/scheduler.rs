//! One loop over one [`Event`], so that every cause of a rule run is visible in one place.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bartizan_base::{ResourceId, RuleId, Ticks, Timespan, counters};
use bartizan_content::AnalyticsRule;
use bartizan_content::rule::RuleKind;
use bartizan_kql::Severity;
use bartizan_records::{Actor, Change, ChangeOp, RecordsError};
use bartizan_store::Appended;
use serde_json::json;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::context::DetectContext;
use crate::delivery::deliver;
use crate::error::DetectError;
use crate::incident::Incidents;
use crate::run::run;
use crate::state::RuleState;
use crate::{INCIDENT_TYPE, RULE_TYPE, incident_rows, install};

/// How often due rules are looked for. An NRT rule sees a row at most this much later.
const TICK: Duration = Duration::from_millis(250);
/// Least time between two runs of one NRT rule, so that a flood of rows costs one query a second.
const NRT_PAUSE: Timespan = Timespan::from_seconds(1);
/// Rules that run at one time.
const RUNS_MAX: usize = 2;
/// Wait after a failed run.
const RETRY_PAUSE: Timespan = Timespan::from_seconds(30);

/// What can happen.
enum Event {
    Tick,
    Appended(Appended),
    Changed(Change),
    /// Too much happened at once to be told apart: look at everything.
    Lagged,
    Finished(RuleId, Box<RuleState>, Result<(), DetectError>),
    Stop,
}

/// A rule as the scheduler holds it.
struct Entry {
    rule: Arc<AnalyticsRule>,
    resource: ResourceId,
    tables: BTreeSet<String>,
    /// `None` while a run has it.
    state: Option<RuleState>,
    /// Rows arrived in one of its tables since its last run (NRT).
    dirty: bool,
    due: Ticks,
    problem: String,
}

/// Keeps detection running until it is stopped or dropped.
pub struct DetectHandle {
    cancel: CancellationToken,
    task: Option<JoinHandle<()>>,
}

impl DetectHandle {
    /// Lets runs in flight finish, then stops.
    pub async fn stop(mut self) {
        self.cancel.cancel();
        if let Some(task) = self.task.take()
            && let Err(error) = task.await
        {
            tracing::error!(%error, "detection ended badly");
        }
    }
}

impl Drop for DetectHandle {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

/// Installs the shipped rules and starts running all rules of the workspace.
///
/// # Errors
/// When the records or the log store cannot be used.
pub async fn start(ctx: DetectContext) -> Result<DetectHandle, DetectError> {
    install::install(&ctx).await?;
    let incidents = Arc::new(Incidents::load(&ctx.records).await?);
    incident_rows::catch_up(&ctx).await?;
    let cancel = CancellationToken::new();
    let mut scheduler = Scheduler { ctx, incidents, entries: BTreeMap::new(), runs: JoinSet::new() };
    scheduler.load_rules().await?;
    let task = tokio::spawn(scheduler.work(cancel.clone()));
    Ok(DetectHandle { cancel, task: Some(task) })
}

struct Scheduler {
    ctx: DetectContext,
    incidents: Arc<Incidents>,
    entries: BTreeMap<RuleId, Entry>,
    runs: JoinSet<(RuleId, Box<RuleState>, Result<(), DetectError>)>,
}

impl Scheduler {
    async fn work(mut self, cancel: CancellationToken) {
        let mut appended = self.ctx.store.subscribe();
        let mut changed = self.ctx.records.subscribe();
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        loop {
            let event = tokio::select! {
                () = cancel.cancelled() => Event::Stop,
                _ = ticks.tick() => Event::Tick,
                Some(done) = self.runs.join_next() => match done {
                    Ok((id, state, result)) => Event::Finished(id, state, result),
                    Err(error) => {
                        // A panicking run took its state along; it is read again.
                        tracing::error!(%error, "a rule run ended badly");
                        Event::Lagged
                    }
                },
                row = appended.recv() => match row {
                    Ok(row) => Event::Appended(row),
                    Err(RecvError::Lagged(_)) => Event::Lagged,
                    Err(RecvError::Closed) => Event::Stop,
                },
                change = changed.recv() => match change {
                    Ok(change) => Event::Changed(change),
                    Err(RecvError::Lagged(_)) => Event::Lagged,
                    Err(RecvError::Closed) => Event::Stop,
                },
            };
            if matches!(event, Event::Stop) {
                break;
            }
            if let Err(error) = self.handle(event).await {
                tracing::error!(error = &error as &dyn std::error::Error, "detection step failed");
                counters::count("bartizan_detect_step_failed_total", "", 1);
            }
        }
        while self.runs.join_next().await.is_some() {}
    }

    async fn handle(&mut self, event: Event) -> Result<(), DetectError> {
        match event {
            Event::Tick => self.start_due_runs(),
            Event::Appended(row) => self.mark(&row),
            Event::Changed(change) => self.changed(&change).await?,
            Event::Lagged => {
                self.load_rules().await?;
                self.entries.values_mut().for_each(|entry| entry.dirty = true);
                incident_rows::catch_up(&self.ctx).await?;
            }
            Event::Finished(id, state, result) => self.finished(id, *state, result).await?,
            Event::Stop => {}
        }
        Ok(())
    }

    fn mark(&mut self, row: &Appended) {
        if row.workspace != self.ctx.workspace.id {
            return;
        }
        for entry in self.entries.values_mut() {
            if entry.tables.contains(row.table.as_ref()) {
                entry.dirty = true;
            }
        }
    }

    async fn changed(&mut self, change: &Change) -> Result<(), DetectError> {
        if !change.id.is_within(&self.ctx.workspace.resource) {
            return Ok(());
        }
        let ty = change.resource_type.as_str();
        if ty.eq_ignore_ascii_case(RULE_TYPE) {
            self.load_rule(&change.id, change.op == ChangeOp::Delete).await?;
        } else if ty.eq_ignore_ascii_case(INCIDENT_TYPE) && change.op == ChangeOp::Put {
            incident_rows::append(&self.ctx, &change.id).await?;
        }
        Ok(())
    }

    async fn load_rules(&mut self) -> Result<(), DetectError> {
        let rules = self.ctx.records.list_all(&self.ctx.workspace.resource, RULE_TYPE).await?;
        for rule in rules {
            self.load_rule(&rule.id, false).await?;
        }
        Ok(())
    }

    /// Takes over a rule that is new or changed; forgets one that is gone or disabled.
    async fn load_rule(&mut self, resource: &ResourceId, deleted: bool) -> Result<(), DetectError> {
        let Ok(id) = resource.name().parse::<RuleId>() else { return Ok(()) };
        let body = if deleted { None } else { self.ctx.records.get(resource).await? };
        let Some(body) = body else {
            self.entries.remove(&id);
            return Ok(());
        };
        let rule = match AnalyticsRule::from_arm(id, &body.body) {
            Ok(rule) => rule,
            Err(error) => {
                self.entries.remove(&id);
                return self.report(resource, &error.to_string()).await;
            }
        };
        if !rule.enabled {
            self.entries.remove(&id);
            return Ok(());
        }
        if self.entries.get(&id).is_some_and(|entry| *entry.rule == rule && entry.state.is_some()) {
            return Ok(());
        }
        if self.entries.get(&id).is_some_and(|entry| entry.state.is_none()) {
            // A run has the state: the change is seen when the run hands it back.
            if let Some(entry) = self.entries.get_mut(&id) {
                entry.rule = Arc::new(rule);
            }
            return Ok(());
        }
        let checked = self.ctx.engine.check(self.ctx.workspace.id, &rule.query);
        let errors = checked.diagnostics.iter().filter(|finding| finding.severity == Severity::Error);
        let problem = errors.map(|finding| finding.message.as_str()).collect::<Vec<_>>().join("; ");
        let state = RuleState::load(&self.ctx.records, id).await?;
        let now = self.ctx.clock.now();
        let last = state.history.back().map_or(now, |(time, _)| *time);
        let due = if rule.kind == RuleKind::Scheduled {
            (last + rule.query_frequency).min(now + rule.query_frequency)
        } else {
            now
        };
        let entry = Entry {
            rule: Arc::new(rule),
            resource: resource.clone(),
            tables: checked.tables_used.into_iter().collect(),
            state: Some(state),
            dirty: true,
            due,
            problem: String::new(),
        };
        self.entries.insert(id, entry);
        self.set_problem(id, problem).await
    }

    fn start_due_runs(&mut self) {
        let now = self.ctx.clock.now();
        for (id, entry) in &mut self.entries {
            let again = entry.state.as_ref().and_then(|state| state.look_again).is_some_and(|at| at <= now);
            let wanted = entry.rule.kind == RuleKind::Scheduled || entry.dirty || again;
            if self.runs.len() >= RUNS_MAX || !wanted || entry.due > now {
                continue;
            }
            let Some(state) = entry.state.take() else { continue };
            entry.dirty = false;
            let (ctx, rule, incidents) =
                (self.ctx.clone(), Arc::clone(&entry.rule), Arc::clone(&self.incidents));
            let id = *id;
            self.runs.spawn(async move {
                let mut state = Box::new(state);
                let result = run_and_deliver(&ctx, &incidents, &rule, &mut state, now).await;
                (id, state, result)
            });
        }
    }

    async fn finished(
        &mut self,
        id: RuleId,
        state: RuleState,
        result: Result<(), DetectError>,
    ) -> Result<(), DetectError> {
        let now = self.ctx.clock.now();
        let Some(entry) = self.entries.get_mut(&id) else { return Ok(()) };
        entry.state = Some(state);
        let pause = match entry.rule.kind {
            RuleKind::Scheduled => entry.rule.query_frequency,
            RuleKind::Nrt => NRT_PAUSE,
        };
        let problem = match result {
            Ok(()) => {
                entry.due = now + pause;
                String::new()
            }
            Err(error) => {
                tracing::warn!(
                    rule = entry.rule.name,
                    error = &error as &dyn std::error::Error,
                    "rule run failed"
                );
                counters::count("bartizan_detect_run_failed_total", "", 1);
                entry.due = now + RETRY_PAUSE.max(pause.min(RETRY_PAUSE));
                entry.dirty = true;
                error.to_string()
            }
        };
        let resource = entry.resource.clone();
        self.set_problem(id, problem).await?;
        // The rule may have been changed or deleted while it ran.
        self.load_rule(&resource, false).await
    }

    async fn set_problem(&mut self, id: RuleId, problem: String) -> Result<(), DetectError> {
        let Some(entry) = self.entries.get_mut(&id) else { return Ok(()) };
        if entry.problem == problem {
            return Ok(());
        }
        entry.problem.clone_from(&problem);
        let resource = entry.resource.clone();
        self.report(&resource, &problem).await
    }

    /// Says on the rule's own resource what keeps it from running, or that nothing does any more.
    async fn report(&self, resource: &ResourceId, problem: &str) -> Result<(), DetectError> {
        let now = self.ctx.clock.now();
        let reported = self
            .ctx
            .records
            .modify(resource, &Actor::system("detect"), false, |body| {
                let status = if problem.is_empty() { "Healthy" } else { "Failed" };
                let health = &mut body["properties"]["health"];
                if health["status"] == status && health["message"] == problem {
                    return false;
                }
                *health = json!({"status": status, "message": problem, "since": now});
                true
            })
            .await;
        match reported {
            Ok(_) | Err(RecordsError::Missing(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

async fn run_and_deliver(
    ctx: &DetectContext,
    incidents: &Incidents,
    rule: &AnalyticsRule,
    state: &mut RuleState,
    now: Ticks,
) -> Result<(), DetectError> {
    // Alerts that a crash or a full disk kept back come first.
    deliver(ctx, incidents, rule, state).await?;
    run(ctx, rule, state, now).await?;
    if rule.kind == RuleKind::Scheduled || !state.pending.is_empty() {
        // Written down before delivery: from here on a crash cannot lose or double these alerts.
        state.save(&ctx.records, rule.id).await?;
    }
    deliver(ctx, incidents, rule, state).await
}
