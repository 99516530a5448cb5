//! `/v1/$batch`: several queries in one request.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use bartizan_api::ApiError;
use bartizan_api::logs::{BatchAnswer, BatchBody, BatchResponse, Prefer};
use http::HeaderMap;

use crate::access::Caller;
use crate::app::App;
use crate::http::{Failure, read_json};
use crate::logs::query;
use crate::logs::query_record::client_of;

const BATCH_BODY_MAX: usize = 4 << 20;
/// Queries in one batch; they run one after the other.
const QUERIES_MAX: usize = 100;

pub(super) async fn batch(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<BatchAnswer>, Failure> {
    let body: BatchBody = read_json(&headers, body, BATCH_BODY_MAX).await?;
    if body.requests.len() > QUERIES_MAX {
        return Err(ApiError::field("requests", "a batch has at most 100 queries").into());
    }
    let mut responses = Vec::new();
    for request in body.requests {
        let prefer = request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("prefer"));
        let prefer = prefer.map(|(_, value)| Prefer::parse(value)).unwrap_or_default();
        let client = client_of(&headers);
        let answer = query::run(&app, &caller, &request.workspace, &request.body, prefer, client).await;
        let (status, body) = match answer {
            Ok((status, body)) => (status.as_u16(), body),
            Err(Failure(error)) => (error.status(), serde_json::json!(error.body())),
        };
        let answer_headers = BTreeMap::from([("Content-Type".to_owned(), "application/json".to_owned())]);
        responses.push(BatchResponse { id: request.id, status, headers: answer_headers, body });
    }
    Ok(Json(BatchAnswer { responses }))
}
