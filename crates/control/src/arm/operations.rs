//! Long-running operations on the wire: 202 with where to look, and what is found there.

use axum::Json;
use axum::response::{IntoResponse, Response};
use bartizan_api::ApiError;
use bartizan_base::{ErrorKind, ResourceId};
use bartizan_records::{Operation, OperationState, RecordsError, Resource, Work};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::json;
use uuid::Uuid;

use crate::arm::{Call, answer};
use crate::http::{Failure, base_url};

/// Seconds that a client waits between two looks.
const LOOK_AGAIN: u64 = 1;
/// The version in links: one that every client of these paths knows.
const VERSION: &str = "2022-12-01";
const READ: &str = "Microsoft.Resources/subscriptions/operationresults/read";

/// Starts work upon `scope` for the caller; a repeat of what is under way is answered with that.
pub(super) async fn start(call: &Call, scope: &ResourceId, work: Work) -> Result<Response, Failure> {
    let app = &call.app;
    let started = app.records.start_operation(scope, work, &call.caller.actor).await;
    let operation = match started {
        Ok(operation) => operation,
        Err(RecordsError::Missing(id)) => return Err(ApiError::not_found(&id).into()),
        Err(error) => return Err(error.into()),
    };
    app.operations_wake.notify_one();
    let mut response = answer::empty(202);
    link(call, &operation, response.headers_mut());
    Ok(response)
}

/// Starts the deletion of a resource group.
pub(super) async fn delete_group(call: &Call, group: &Resource) -> Result<Response, Failure> {
    start(call, &group.id, Work::DeleteGroup).await
}

/// `GET /subscriptions/{id}/{operationResults|operationStatuses}/{name}`.
pub(super) async fn get(
    call: &Call,
    scope: &ResourceId,
    status: bool,
    name: &str,
) -> Result<Response, Failure> {
    let app = &call.app;
    let missing = || Failure(ApiError::not_found(&format!("{scope}/operationResults/{name}")));
    let id = Uuid::parse_str(name).map_err(|_| missing())?;
    let operation = app.records.operation(id).await?.filter(|found| found.scope.is_within(scope));
    let operation = operation.ok_or_else(missing)?;
    // Who asked for it may hear of it; what they asked for may have taken their role away with it.
    let own = operation.actor.object_id == call.caller.actor.object_id;
    if !own && app.authorize(&call.caller, READ, &operation.scope).await.is_err() {
        return Err(missing());
    }
    if status {
        return Ok(status_of(&operation, scope).into_response());
    }
    match operation.state {
        OperationState::Running => {
            let mut response = answer::empty(202);
            link(call, &operation, response.headers_mut());
            Ok(response)
        }
        OperationState::Succeeded => Ok(answer::empty(204)),
        OperationState::Failed => {
            Err(ApiError::coded(ErrorKind::Conflict, code(&operation), operation.error).into())
        }
    }
}

fn status_of(operation: &Operation, scope: &ResourceId) -> (StatusCode, HeaderMap, Json<serde_json::Value>) {
    let mut out = json!({
        "id": format!("{scope}/operationStatuses/{}", operation.id), "name": operation.id,
        "status": operation.state.as_str(), "startTime": operation.started,
    });
    let mut headers = HeaderMap::new();
    match operation.state {
        OperationState::Running => {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(LOOK_AGAIN));
            if let Work::Move { resources, .. } = &operation.work {
                // The last step is the one after the resources.
                out["percentComplete"] =
                    (100 * u64::from(operation.step) / (resources.len() as u64 + 1)).into();
            }
        }
        state => {
            out["endTime"] = json!(operation.modified);
            if state == OperationState::Failed {
                out["error"] = json!({"code": code(operation), "message": operation.error});
            }
        }
    }
    (StatusCode::OK, headers, Json(out))
}

fn code(operation: &Operation) -> &'static str {
    match operation.work {
        Work::DeleteGroup => "ResourceGroupDeletionFailed",
        Work::Move { .. } => "ResourceMoveFailed",
    }
}

/// Where to look: both of ARM's ways.
fn link(call: &Call, operation: &Operation, headers: &mut HeaderMap) {
    let base = base_url(&call.parts.headers, &call.parts.uri, &call.app.public_url);
    let subscription = operation.scope.subscription().unwrap_or_default();
    let url = |word: &str| {
        let text =
            format!("{base}/subscriptions/{subscription}/{word}/{}?api-version={VERSION}", operation.id);
        HeaderValue::from_str(&text).ok()
    };
    headers.insert(header::RETRY_AFTER, HeaderValue::from(LOOK_AGAIN));
    if let (Some(results), Some(statuses)) = (url("operationResults"), url("operationStatuses")) {
        headers.insert(header::LOCATION, results);
        headers.insert("azure-asyncoperation", statuses);
    }
}
