//! `triggerEvaluation`: a scope is evaluated when somebody asks, and the asker looks whether it is done.
//!
//! What is asked for is kept in the records until a day after it is done, so that it is done after a restart too, and
//! by the leading server whichever one was asked.

use std::sync::Arc;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use bartizan_api::ApiError;
use bartizan_base::{ErrorKind, ResourceId, Ticks, Timespan};
use bartizan_records::{ListQuery, RecordsError};
use http::{HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{NAMESPACE, context, history};
use crate::app::App;
use crate::arm::Call;
use crate::http::{Failure, base_url, chain};
use crate::plans::evaluation::{BATCH, Evaluation};
use crate::plans::{PlansContext, provisioning, reconcile};

/// The type of what tells how far an evaluation is.
pub(crate) const RESULT_TYPE: &str = "Microsoft.PolicyInsights/asyncOperationResults";
/// Where scans are kept in the records' state.
const PREFIX: &str = "policy_scan/";
/// Version in links.
const VERSION: &str = "2019-10-01";
/// Seconds that a client waits between two looks.
const LOOK_AGAIN: u64 = 1;
/// How long the outcome can be asked for.
const KEPT: Timespan = Timespan::from_seconds(86_400);
/// Most scans that wait or are remembered.
const SCANS_MAX: usize = 1000;
/// How often scans are looked for that another server was asked for, and how often old events are forgotten.
const IDLE: Duration = Duration::from_secs(5);
const HOUR: Duration = Duration::from_secs(3600);

/// A scan and how far it is.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Scan {
    scope: ResourceId,
    /// Object id of who asked.
    by: Uuid,
    asked: Ticks,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum State {
    Waiting,
    Running,
    Done,
}

/// `POST {scope}/providers/Microsoft.PolicyInsights/policyStates/latest/triggerEvaluation`.
pub(super) async fn trigger(call: &Call, on: &ResourceId) -> Result<Response, Failure> {
    let app = &call.app;
    let scope = on.parent().unwrap_or_else(|| app.home.subscription_id());
    if crate::access::is_group(&scope) || scope.subscription().is_none() {
        let text = "An evaluation is asked for at a subscription or in it, not above it.";
        return Err(ApiError::coded(ErrorKind::Invalid, "OperationNotSupported", text).into());
    }
    let action = format!("{NAMESPACE}/policyStates/triggerEvaluation/action");
    app.authorize(&call.caller, &action, &scope).await?;
    if app.records.get(&scope).await?.is_none() {
        return Err(ApiError::not_found(scope.as_str()).into());
    }
    let now = app.clock.now();
    let mut kept = 0;
    for (key, scan) in scans(app).await? {
        if scan.state == State::Done && scan.asked + KEPT < now {
            app.records.delete_state(&key).await?;
            continue;
        }
        kept += 1;
        // One that has not begun will see everything that this one would.
        if scan.state == State::Waiting && scan.scope == scope && scan.by == call.caller.actor.object_id {
            return Ok(accepted(call, key.trim_start_matches(PREFIX), &scope));
        }
    }
    if kept >= SCANS_MAX {
        let text = format!(
            "{SCANS_MAX} evaluations were asked for within a day; everything is evaluated each minute anyway"
        );
        return Err(ApiError::coded(ErrorKind::TooMany, "TooManyEvaluations", text).into());
    }
    let name = Uuid::new_v4().to_string();
    let by = call.caller.actor.object_id;
    let scan = Scan { scope: scope.clone(), by, asked: now, state: State::Waiting };
    keep(app, &format!("{PREFIX}{name}"), &scan).await?;
    app.policy_wake.notify_one();
    Ok(accepted(call, &name, &scope))
}

/// `GET {scope}/providers/Microsoft.PolicyInsights/asyncOperationResults/{name}`: 202 while it runs, then 200.
pub(crate) async fn result(call: &Call, id: &ResourceId) -> Result<Response, Failure> {
    let missing = || Failure(ApiError::not_found(id.as_str()));
    let name = Uuid::parse_str(id.name()).map_err(|_| missing())?.to_string();
    let scan = call.app.records.get_state(&format!("{PREFIX}{name}")).await?;
    let scan = scan.and_then(|scan| Scan::deserialize(scan).ok()).ok_or_else(missing)?;
    // Who asked for it may hear of it.
    if scan.by != call.caller.actor.object_id || id.parent().as_ref() != Some(&scan.scope) {
        return Err(missing());
    }
    match scan.state {
        State::Done => Ok((StatusCode::OK, axum::Json(json!({"status": "Succeeded"}))).into_response()),
        State::Waiting | State::Running => Ok(accepted(call, &name, &scan.scope)),
    }
}

/// 202, and where to look.
fn accepted(call: &Call, name: &str, scope: &ResourceId) -> Response {
    let base = base_url(&call.parts.headers, &call.parts.uri, &call.app.public_url);
    let link = format!("{base}{scope}/providers/{RESULT_TYPE}/{name}?api-version={VERSION}");
    let mut response = StatusCode::ACCEPTED.into_response();
    let headers = response.headers_mut();
    headers.insert(header::RETRY_AFTER, HeaderValue::from(LOOK_AGAIN));
    if let Ok(link) = HeaderValue::from_str(&link) {
        headers.insert(header::LOCATION, link);
    }
    response
}

async fn scans(app: &App) -> Result<Vec<(String, Scan)>, RecordsError> {
    let all = app.records.list_state(PREFIX).await?.into_iter();
    Ok(all.filter_map(|(key, scan)| Some((key, Scan::deserialize(scan).ok()?))).collect())
}

async fn keep(app: &App, key: &str, scan: &Scan) -> Result<(), RecordsError> {
    app.records.put_state(key, serde_json::to_value(scan).unwrap_or(Value::Null)).await
}

/// Runs what is asked for, and forgets old events, until `app.stop` is cancelled.
pub(crate) async fn run(app: Arc<App>) {
    // Another server may have led, and stored, since this one did.
    app.known_states.lock().await.forget();
    let mut hour = tokio::time::interval(HOUR);
    loop {
        if let Err(error) = round(&app).await {
            tracing::warn!(error = chain(&error), "policies cannot be evaluated as asked; trying again");
        }
        tokio::select! {
            () = tokio::time::sleep(IDLE) => {}
            () = app.policy_wake.notified() => {}
            _ = hour.tick() => history::purge(&app).await,
            () = app.stop.cancelled() => return,
        }
    }
}

async fn round(app: &App) -> Result<(), RecordsError> {
    let ctx = context(app);
    for (key, mut scan) in scans(app).await? {
        if scan.state == State::Done {
            continue;
        }
        scan.state = State::Running;
        keep(app, &key, &scan).await?;
        if let Some(subscription) = scan.scope.subscription()
            && let Ok(subscription) = ResourceId::parse(&format!("/subscriptions/{subscription}"))
        {
            provisioning::sync(&ctx.records, &subscription, &reconcile::actor(), ctx.clock.now()).await?;
        }
        evaluate_below(&ctx, &scan.scope).await?;
        if ctx.stop.is_cancelled() {
            // It is done anew with the next start.
            return Ok(());
        }
        scan.state = State::Done;
        keep(app, &key, &scan).await?;
    }
    Ok(())
}

/// Evaluates `scope` itself, where it is of a type that is evaluated, and everything below it.
///
/// # Errors
/// When the records cannot be read or written.
pub(super) async fn evaluate_below(ctx: &PlansContext, scope: &ResourceId) -> Result<(), RecordsError> {
    let records = &ctx.records;
    let policies = reconcile::load(records).await?;
    let mut evaluation = Evaluation::new(ctx, policies);
    let own = scope.resource_type();
    for resource_type in reconcile::EVALUATED_TYPES {
        if own.eq_ignore_ascii_case(resource_type) {
            evaluation.evaluate(records.get_many(std::slice::from_ref(scope)).await?).await?;
        }
        let mut after = None;
        loop {
            let query = ListQuery::of_type(scope.clone(), resource_type);
            let page = records.list(ListQuery { after, limit: BATCH, ..query }).await?;
            evaluation.evaluate(page.items).await?;
            if page.next.is_none() || ctx.stop.is_cancelled() {
                break;
            }
            after = page.next;
        }
    }
    Ok(())
}
