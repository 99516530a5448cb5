//! Actions by POST on `Microsoft.PolicyInsights`.

use axum::Json;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bartizan_api::ApiError;
use bartizan_base::{ErrorKind, ResourceId};

use super::{NAMESPACE, history, remediation, restrictions, scan, states};
use crate::arm::{Call, next_link, page_after, shown};
use crate::http::{Failure, query_value};

/// Deployments in one page.
const DEPLOYMENTS_PAGE: u32 = 1000;

/// Runs `word` upon `on`, whose type in lower case is `parent`.
pub(crate) async fn act(call: &Call, on: &ResourceId, parent: &str, word: &str) -> Result<Response, Failure> {
    let kind = parent.split_once('/').map_or("", |(_, kind)| kind);
    match (kind, word.to_ascii_lowercase().as_str()) {
        ("policystates", "queryresults") => Ok(Json(states::query(call, on).await?).into_response()),
        ("policystates", "summarize") => Ok(Json(states::summarize(call, on).await?).into_response()),
        ("policystates", "triggerevaluation") => scan::trigger(call, on).await,
        ("policyevents", "queryresults") => Ok(Json(history::query(call, on).await?).into_response()),
        ("remediations", "cancel") => cancel(call, on).await,
        ("remediations", "listdeployments") => deployments(call, on).await,
        _ => Err(Failure(ApiError::coded(
            ErrorKind::NotFound,
            "InvalidAction",
            format!("There is no action `{word}` on `{on}`."),
        ))),
    }
}

/// `POST {scope}/providers/Microsoft.PolicyInsights/checkPolicyRestrictions`.
pub(crate) async fn check_restrictions(
    call: &Call,
    scope: &ResourceId,
    body: Body,
) -> Result<Response, Failure> {
    Ok(Json(restrictions::check(call, scope, body).await?).into_response())
}

async fn cancel(call: &Call, remediation: &ResourceId) -> Result<Response, Failure> {
    let action = format!("{NAMESPACE}/remediations/cancel/action");
    call.app.authorize(&call.caller, &action, remediation).await?;
    let canceled = remediation::cancel(&call.app.records, remediation, &call.caller.actor).await??;
    Ok(Json(shown(&canceled)).into_response())
}

async fn deployments(call: &Call, remediation: &ResourceId) -> Result<Response, Failure> {
    let app = &call.app;
    let action = format!("{NAMESPACE}/remediations/listDeployments/read");
    app.authorize(&call.caller, &action, remediation).await?;
    let stored = app.records.get(remediation).await?;
    let stored = stored.ok_or_else(|| ApiError::not_found(remediation.as_str()))?;
    let top = match query_value(&call.parts.uri, "$top") {
        None => DEPLOYMENTS_PAGE,
        Some(text) => {
            let number = text.parse().ok().filter(|top| *top > 0);
            number.ok_or_else(|| ApiError::invalid("`$top` must be a number from 1."))?
        }
    };
    let after = page_after(call)?;
    let (values, next) =
        remediation::deployments(&app.records, &stored, after, top.min(DEPLOYMENTS_PAGE)).await?;
    let mut body = serde_json::json!({"value": values});
    if let Some(next) = next {
        body["nextLink"] = next_link(call, &next).into();
    }
    Ok(Json(body).into_response())
}
