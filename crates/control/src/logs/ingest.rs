//! The Logs Ingestion door: rows for a stream of a data collection rule, durable before the answer.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use bartizan_api::{ApiError, versions};
use bartizan_base::{BatchId, ErrorKind};
use bartizan_records::{ListQuery, Resource};
use bartizan_wire::BATCH_HEADER;
use http::{HeaderMap, StatusCode, Uri, header};
use serde_json::Value;

use crate::access::Caller;
use crate::app::App;
use crate::http::{Failure, header as header_text, query_value, read_body};
use crate::logs::intake::{self, Sender};
use crate::logs::rule::{RULE_TYPE, table_name};

/// Largest upload, compressed or not. Azure takes 1 MB; the store takes 32 MiB.
pub(crate) const UPLOAD_MAX: usize = 32 << 20;

pub(super) async fn upload(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((rule, stream)): Path<(String, String)>,
    headers: HeaderMap,
    uri: Uri,
    body: Body,
) -> Result<StatusCode, Failure> {
    versions::check("Microsoft.Insights", query_value(&uri, "api-version").as_deref())?;
    let rule = find_rule(&app, &rule).await?;
    let batch = batch(&headers)?;
    let sender = Sender::Caller(&caller);
    intake::open(&app, sender, &rule, &stream).await?;
    let table = table_name(&stream).unwrap_or(&stream);
    let request = intake::Request::begin(&app, rule.id.name(), table);
    let taken = async {
        let content_type = header_text(&headers, header::CONTENT_TYPE.as_str());
        if !content_type.is_empty() && !content_type.contains("json") {
            return Err(ApiError::unsupported_media("Rows are sent as application/json or NDJSON.").into());
        }
        let body = read_body(&headers, body, UPLOAD_MAX).await?;
        intake::take(&app, sender, &rule, &stream, batch, body).await
    };
    let taken = taken.await;
    request.end(taken)?;
    Ok(StatusCode::NO_CONTENT)
}

/// The rule with this immutable id.
pub(crate) async fn find_rule(app: &App, immutable_id: &str) -> Result<Resource, Failure> {
    let is = |rule: &Resource| {
        rule.property("immutableId")
            .and_then(Value::as_str)
            .is_some_and(|id| id.eq_ignore_ascii_case(immutable_id))
    };
    // Nearly every upload uses the default rule.
    if let Some(rule) = app.records.get(&app.home.default_rule).await?.filter(is) {
        return Ok(rule);
    }
    let rules = app.records.list_all(&ListQuery::tenant(), RULE_TYPE).await?;
    rules.into_iter().find(is).ok_or_else(|| {
        let shown: String = immutable_id.chars().take(80).collect();
        Failure(ApiError::new(
            ErrorKind::NotFound,
            format!("Data collection rule with immutable Id '{shown}' not found."),
        ))
    })
}

fn batch(headers: &HeaderMap) -> Result<Option<BatchId>, Failure> {
    match header_text(headers, BATCH_HEADER) {
        "" => Ok(None),
        text => {
            text.parse().map(Some).map_err(|error| ApiError::field(BATCH_HEADER, format!("{error}")).into())
        }
    }
}
