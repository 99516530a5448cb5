//! The daily cap of each workspace: when a day's billable rows reach `properties.workspaceCapping.dailyQuotaGb` of a workspace,
//! senders are told to wait (429) until the day is over or the cap is raised, and `Operation` warns.
//!
//! What counts is what `_BilledSize` says of rows that arrived since midnight UTC. Free tables never count and
//! never stop. Neither do the tables of security events while Defender for Servers P2 is on: it pays for them in
//! its own allowance, and a cap on costs must not blind detection (docs/decisions/016-a-cap-spares-security-tables.md).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bartizan_api::ApiError;
use bartizan_base::time::{TICKS_PER_DAY, TICKS_PER_SECOND};
use bartizan_base::{ErrorKind, ResourceId, Ticks, WorkspaceId};
use bartizan_engine::{QueryLimits, QueryRequest};
use bartizan_records::{Actor, Condition, Write};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::broadcast::error::RecvError;

use crate::app::App;
use crate::http::{Failure, chain};
use crate::logs::coverage::Coverage;
use crate::logs::usage::{self, PRICINGS};
use crate::logs::{WORKSPACE_TYPE, Workspace};

/// How often the cap is looked at without an event.
const PAUSE: Duration = Duration::from_secs(10);
/// Bytes in a gigabyte, as `Usage` counts them.
const GB: f64 = 1e9;
/// The smallest cap that Log Analytics takes, in GB.
const LEAST_GB: f64 = 0.023;
/// No cap.
const NONE_GB: f64 = -1.0;
/// From this part of the cap on, operators are warned.
const APPROACHING: f64 = 0.8;
/// Senders try again after this many seconds at the latest, so that a raised cap is soon noticed.
const RETRY_SECONDS_MAX: u32 = 600;
/// Tries to write the state down while others write the workspace.
const WRITES_MAX: usize = 5;

/// How far a day's rows are from the cap; the names are those of `dataIngestionStatus`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    #[default]
    Below,
    Approaching,
    Over,
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Self::Below => "RespectQuota",
            Self::Approaching => "ApproachingQuota",
            Self::Over => "OverQuota",
        }
    }

    fn named(name: &str) -> Self {
        let all = [Self::Approaching, Self::Over];
        all.into_iter().find(|level| level.name() == name).unwrap_or_default()
    }
}

/// The caps of workspaces, and what counts against them.
#[derive(Debug, Default)]
pub(crate) struct DailyCap {
    states: Mutex<HashMap<WorkspaceId, State>>,
    /// Held by the one who follows it.
    turn: tokio::sync::Mutex<()>,
}

/// A day's billable rows, in bytes as `_BilledSize` has them, and when the next day starts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Today {
    pub(crate) used_bytes: f64,
    /// `None` without a cap.
    pub(crate) limit_bytes: Option<f64>,
    pub(crate) reset: Ticks,
}

#[derive(Debug, Default)]
struct State {
    limit_bytes: Option<f64>,
    /// Whose security events are spared.
    coverage: Coverage,
    /// The day that is being filled, in days since 0001-01-01.
    day: i64,
    used_bytes: f64,
    /// Whether `used_bytes` has the rows from before this start.
    is_whole: bool,
}

impl State {
    /// Starts the day of `now`, if it is a later one. A clock that goes back stays in the day it had.
    fn turn(&mut self, now: Ticks) {
        let day = day_of(now);
        if day > self.day {
            // Only the first day of a life may have rows from before it.
            self.is_whole |= self.day != 0;
            (self.day, self.used_bytes) = (day, 0.0);
        }
    }

    fn level(&self) -> Level {
        match self.limit_bytes {
            Some(limit) if self.used_bytes >= limit => Level::Over,
            Some(limit) if self.used_bytes >= APPROACHING * limit => Level::Approaching,
            _ => Level::Below,
        }
    }

    /// Whether rows of a table, from a machine or from none, count and stop.
    fn applies_to(&self, table: &str, machine: Option<&ResourceId>) -> bool {
        let is_spared = usage::ALLOWED.contains(&table) && self.coverage.covers(machine);
        !is_spared && !bartizan_store::is_free(table)
    }
}

impl DailyCap {
    /// Whether a workspace takes rows of `table` now, from a machine or from none. A sender that cannot keep them for later
    /// (`can_wait` is false) is refused for good.
    pub(crate) fn check(
        &self,
        workspace: WorkspaceId,
        table: &str,
        machine: Option<&ResourceId>,
        now: Ticks,
        can_wait: bool,
    ) -> Result<(), Failure> {
        let mut states = self.states.lock();
        let state = states.entry(workspace).or_default();
        state.turn(now);
        let Some(limit) =
            state.limit_bytes.filter(|_| state.level() == Level::Over && state.applies_to(table, machine))
        else {
            return Ok(());
        };
        let reset = reset_after(state.day);
        let text = format!(
            "The workspace's daily cap of {} GB is reached: rows of `{table}` are taken again from {reset}, or when \
             `properties.workspaceCapping.dailyQuotaGb` of the workspace is raised.",
            limit / GB,
        );
        let kind = if can_wait { ErrorKind::TooMany } else { ErrorKind::Forbidden };
        let mut error = ApiError::new(kind, text);
        error.retry_after = can_wait.then(|| {
            let seconds = u32::try_from((reset.0 - now.0) / TICKS_PER_SECOND).unwrap_or_default();
            seconds.clamp(1, RETRY_SECONDS_MAX)
        });
        Err(error.into())
    }

    /// What counts against the cap on the day of `now`.
    pub(crate) fn today(&self, workspace: WorkspaceId, now: Ticks) -> Today {
        let mut states = self.states.lock();
        let state = states.entry(workspace).or_default();
        state.turn(now);
        Today { used_bytes: state.used_bytes, limit_bytes: state.limit_bytes, reset: reset_after(state.day) }
    }

    /// Counts rows of `table` that were stored.
    pub(crate) fn add(
        &self,
        workspace: WorkspaceId,
        table: &str,
        machine: Option<&ResourceId>,
        bytes: f64,
        now: Ticks,
    ) {
        let mut states = self.states.lock();
        let state = states.entry(workspace).or_default();
        state.turn(now);
        if state.applies_to(table, machine) {
            state.used_bytes += bytes;
        }
    }

    /// Forgets a workspace that is gone.
    pub(crate) fn forget(&self, workspace: WorkspaceId) {
        self.states.lock().remove(&workspace);
    }
}

/// Checks the part of a workspace's body that says what the cap is, and completes what the server owns of it.
///
/// # Errors
/// When it is no cap.
pub(crate) fn completed(asked: &Value, before: Option<&Value>, now: Ticks) -> Result<Value, ApiError> {
    let quota = match &asked["dailyQuotaGb"] {
        Value::Null => NONE_GB,
        number => number.as_f64().unwrap_or(f64::NAN),
    };
    if !(asked.is_null() || asked.is_object()) || !(quota == NONE_GB || quota >= LEAST_GB) {
        let text = format!("`dailyQuotaGb` is a number of gigabytes from {LEAST_GB} on, or -1 for no cap");
        return Err(ApiError::field("properties.workspaceCapping.dailyQuotaGb", text));
    }
    let status = before.and_then(|before| before["dataIngestionStatus"].as_str());
    Ok(json!({
        "dailyQuotaGb": quota, "quotaNextResetTime": reset_after(day_of(now)),
        "dataIngestionStatus": status.unwrap_or(Level::Below.name()),
    }))
}

/// Follows the cap until the server stops.
pub(crate) async fn watch(app: Arc<App>) {
    let mut changes = app.records.subscribe();
    loop {
        if let Err(error) = follow_daily_cap(&app).await {
            tracing::warn!(error, "cannot follow the daily cap; trying again");
        }
        let pause = tokio::time::sleep(PAUSE);
        tokio::pin!(pause);
        loop {
            tokio::select! {
                change = changes.recv() => match change {
                    Ok(change) if [WORKSPACE_TYPE, PRICINGS].iter().any(|ty| change.resource_type.eq_ignore_ascii_case(ty)) => break,
                    Ok(_) => {}
                    Err(RecvError::Lagged(_)) => break,
                    Err(RecvError::Closed) => return,
                },
                () = &mut pause => break,
                () = app.stop.cancelled() => return,
            }
        }
    }
}

/// Reads the caps, counts what a start may have missed, and tells of a cap that is near, reached or over with. The
/// server does so by itself every ten seconds and when a workspace changes.
///
/// # Errors
/// What could not be read or written; the next call does it.
pub async fn follow_daily_cap(app: &App) -> Result<(), String> {
    let _turn = app.daily_cap.turn.lock().await;
    let coverage = Coverage::read(app).await?;
    let mut outcome = Ok(());
    for workspace in app.workspaces.all() {
        outcome = outcome.and(follow_one(app, &workspace, &coverage).await);
    }
    outcome
}

async fn follow_one(app: &App, workspace: &Workspace, coverage: &Coverage) -> Result<(), String> {
    let mut told = None;
    for _ in 0..WRITES_MAX {
        if follow(app, workspace, coverage, &mut told).await? {
            return Ok(());
        }
    }
    Err(format!("the workspace `{}` changes all the time", workspace.resource))
}

/// One look at a cap; `false` when the workspace was changed meanwhile. What was `told` already is not told again.
async fn follow(
    app: &App,
    of: &Workspace,
    coverage: &Coverage,
    told_now: &mut Option<Level>,
) -> Result<bool, String> {
    let stored = app.records.get(&of.resource).await.map_err(|error| chain(&error))?;
    let Some(stored) = stored else { return Ok(true) };
    let capping = stored.property("workspaceCapping").cloned().unwrap_or_default();
    let limit_bytes = capping["dailyQuotaGb"].as_f64().filter(|quota| *quota > 0.0).map(|quota| quota * GB);
    let now = app.clock.now();
    let (is_whole, used_before) = {
        let mut states = app.daily_cap.states.lock();
        let state = states.entry(of.id).or_default();
        state.turn(now);
        // Another rule counts other tables: from the rows again.
        state.is_whole &= state.coverage == *coverage;
        (state.limit_bytes, state.coverage) = (limit_bytes, coverage.clone());
        (state.is_whole, state.used_bytes)
    };
    if limit_bytes.is_some() && !is_whole {
        let counted = count(app, of, coverage, now).await?;
        let mut states = app.daily_cap.states.lock();
        let state = states.entry(of.id).or_default();
        // Rows that arrived while we counted may be in both, which errs on the side of the cap.
        let since = (state.used_bytes - used_before).max(0.0);
        if state.day == day_of(now) {
            (state.used_bytes, state.is_whole) = (counted + since, true);
        }
    }
    let (level, used_bytes, reset) = {
        let mut states = app.daily_cap.states.lock();
        let state = states.entry(of.id).or_default();
        (state.level(), state.used_bytes, reset_after(state.day))
    };
    if capping.is_null() {
        return Ok(true);
    }
    let told = Level::named(capping["dataIngestionStatus"].as_str().unwrap_or_default());
    let next = json!(reset);
    if told == level && (limit_bytes.is_none() || capping["quotaNextResetTime"] == next) {
        return Ok(true);
    }
    // What was told of an earlier day says nothing of this one.
    let is_new_day = capping["quotaNextResetTime"] != next;
    let is_news = (told != level || is_new_day) && (level != Level::Below || told == Level::Over);
    if is_news && told_now.replace(level) != Some(level) {
        tell(app, of, level, limit_bytes.unwrap_or_default(), used_bytes, reset).await?;
    }
    let mut body = stored.body.clone();
    body["properties"]["workspaceCapping"]["dataIngestionStatus"] = json!(level.name());
    body["properties"]["workspaceCapping"]["quotaNextResetTime"] = next;
    let condition = Condition::IfMatch(stored.etag.clone());
    let write =
        Write { id: stored.id.clone(), body, condition, actor: Actor::system("daily cap"), audit: false };
    match app.records.put(write).await {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::Precondition => Ok(false),
        Err(error) => Err(chain(&error)),
    }
}

/// What arrived today and counts, from the rows themselves.
async fn count(app: &App, of: &Workspace, coverage: &Coverage, now: Ticks) -> Result<f64, String> {
    let start = Ticks(day_of(now) * TICKS_PER_DAY);
    let mut sum = 0.0;
    for table in app.store.tables(of.id) {
        if bartizan_store::is_free(&table.name) {
            continue;
        }
        let is_spared = |machine: &str| {
            usage::ALLOWED.contains(&table.name.as_str())
                && coverage.covers(ResourceId::parse(machine).ok().as_ref())
        };
        let query = QueryRequest {
            workspace: of.id,
            text: format!(
                "['{}'] | where _TimeReceived >= datetime({start}) | summarize bytes = sum(_BilledSize) by machine = \
                 tolower(_ResourceId)",
                table.name
            ),
            timespan: None,
            now,
            principal: String::new(),
            ingested: None,
            limits: QueryLimits::default(),
        };
        let output =
            app.engine.query(query).await.map_err(|error| format!("{}: {}", table.name, chain(&error)))?;
        let rows = output.objects();
        let counted = rows.iter().filter(|row| !is_spared(row["machine"].as_str().unwrap_or_default()));
        sum += counted.filter_map(|row| row["bytes"].as_f64()).sum::<f64>();
    }
    Ok(sum)
}

async fn tell(
    app: &App,
    of: &Workspace,
    level: Level,
    limit: f64,
    used: f64,
    reset: Ticks,
) -> Result<(), String> {
    let (used, limit) = (used / GB, limit / GB);
    let (status, detail) = match level {
        Level::Over => (
            "Warning",
            format!(
                "OverQuota: {used:.3} GB of billable rows arrived today and the daily cap is {limit} GB. Senders of billable \
                 tables are told to wait until {reset}; syslog messages, whose senders cannot wait, are dropped and \
                 counted. Raise `workspaceCapping.dailyQuotaGb` of the workspace to take rows before."
            ),
        ),
        Level::Approaching => (
            "Warning",
            format!(
                "ApproachingQuota: {used:.3} GB of billable rows arrived today and the daily cap is {limit} GB."
            ),
        ),
        Level::Below => ("Info", "RespectQuota: rows of all tables are taken again.".to_owned()),
    };
    let row = json!({
        "TimeGenerated": app.clock.now(), "OperationCategory": "Ingestion", "OperationStatus": status,
        "OperationKey": level.name(), "Detail": detail, "Solution": "LogManagement", "SourceSystem": "Bartizan",
        "_ResourceId": of.resource.to_string().to_lowercase(),
    });
    let target = of.target("Operation");
    app.store.append_rows(target, vec![usage::object(row)]).await.map_err(|error| chain(&error))?;
    Ok(())
}

fn day_of(at: Ticks) -> i64 {
    at.0.div_euclid(TICKS_PER_DAY)
}

fn reset_after(day: i64) -> Ticks {
    Ticks((day + 1) * TICKS_PER_DAY)
}
