//! Purging rows: `POST …/workspaces/{ws}/purge`, and what became of it. Who asked for what is in
//! `AzureActivity` before the first row goes.

use axum::Json;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bartizan_api::ApiError;
use bartizan_base::{ErrorKind, ResourceId};
use bartizan_records::Activity;
use bartizan_store::{Filter, Purge};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use crate::access::Caller;
use crate::app::App;
use crate::http::{Failure, read_json};
use crate::logs::Workspace;

const PURGE_ACTION: &str = "Microsoft.OperationalInsights/workspaces/purge/action";
const STATUS_ACTION: &str = "Microsoft.OperationalInsights/workspaces/operations/read";
/// The type that the status of a purge is read as.
pub(crate) const OPERATION_TYPE: &str = "Microsoft.OperationalInsights/workspaces/operations";
/// What a purge's id starts with on the wire.
const ID_PREFIX: &str = "purge-";
/// A purge's body: a table and some filters.
const BODY_MAX: usize = 256 << 10;

#[derive(Debug, Deserialize)]
struct PurgeBody {
    table: String,
    filters: Vec<Filter>,
}

/// Notes a purge of the workspace; the rows go within seconds.
pub(crate) async fn start(
    app: &App,
    caller: &Caller,
    workspace: &ResourceId,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    app.authorize(caller, PURGE_ACTION, workspace).await?;
    let of = ours(app, workspace)?;
    let PurgeBody { table, filters } = read_json(headers, body, BODY_MAX).await?;
    let asked = json!({"properties": {"table": table, "filters": filters}});
    let purge = app.store.purge(of.id, &table, filters).await?;
    let id = format!("{ID_PREFIX}{}", purge.id);
    app.records
        .note(&Activity {
            time: purge.started,
            operation: PURGE_ACTION.to_owned(),
            resource_id: workspace.to_string(),
            resource_type: "Microsoft.OperationalInsights/workspaces".to_owned(),
            actor: caller.actor.clone(),
            correlation_id: purge.id,
            before: None,
            after: Some(asked),
        })
        .await?;
    let location = format!("{}{workspace}/operations/{id}?api-version=2025-07-01", app.public_url);
    let mut response = (StatusCode::ACCEPTED, Json(json!({"operationId": id}))).into_response();
    if let Ok(location) = HeaderValue::from_str(&location) {
        response.headers_mut().insert("x-ms-status-location", location);
    }
    Ok(response)
}

/// `GET …/workspaces/{ws}/operations/{purge}`.
pub(crate) async fn status(app: &App, caller: &Caller, id: &ResourceId) -> Result<Response, Failure> {
    let workspace = id.parent().ok_or_else(|| ApiError::not_found(id.as_str()))?;
    app.authorize(caller, STATUS_ACTION, &workspace).await?;
    let of = ours(app, &workspace)?;
    let asked: Option<Uuid> = id.name().strip_prefix(ID_PREFIX).and_then(|id| id.parse().ok());
    let purges = app.store.purges().await?;
    let purge: Option<&Purge> =
        purges.iter().find(|purge| purge.workspace == of.id && Some(purge.id) == asked);
    let purge = purge.ok_or_else(|| ApiError::not_found(id.as_str()))?;
    let status = if purge.ended.is_some() { "completed" } else { "pending" };
    Ok(Json(json!({"status": status})).into_response())
}

fn ours(app: &App, workspace: &ResourceId) -> Result<Workspace, Failure> {
    app.workspaces.at(workspace).ok_or_else(|| {
        ApiError::new(ErrorKind::NotFound, format!("There is no workspace `{workspace}`.")).into()
    })
}
