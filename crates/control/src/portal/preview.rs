//! A transformation tried on rows, before a rule has it.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use bartizan_api::ApiError;
use bartizan_api::portal::{TransformPreview, TransformPreviewRequest};
use bartizan_engine::{QueryLimits, QueryRequest};
use http::HeaderMap;
use serde_json::{Value, json};

use crate::access::Caller;
use crate::app::App;
use crate::http::{Failure, read_json};
use crate::logs::{columns, rule};

const BODY_MAX: usize = 4 << 20;
/// Live rows that are shown at most.
const LIVE_ROWS_MAX: u64 = 100;
const LIVE_ROWS_DEFAULT: u64 = 10;
const LIMITS: QueryLimits = QueryLimits { timeout: Duration::from_secs(20), rows: 10_000, bytes: 8 << 20 };

pub(super) async fn transform(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<TransformPreview>, Failure> {
    let request: TransformPreviewRequest = read_json(&headers, body, BODY_MAX).await?;
    app.authorize(&caller, "Microsoft.OperationalInsights/workspaces/query/read", &app.home.workspace)
        .await?;
    let (columns_in, rows) = match (&request.table, request.rows) {
        (None, Some(rows)) => (request.columns.unwrap_or_default(), rows),
        (Some(table), None) => live(&app, table, request.count.unwrap_or(LIVE_ROWS_DEFAULT)).await?,
        _ => {
            let text = "give either `columns` and `rows`, or a `table` whose newest rows are taken";
            return Err(ApiError::field("rows", text).into());
        }
    };
    let transform = rule::preview(&columns_in, &request.transform_kql)?;
    let checked = app.engine.check_transform(&transform);
    if checked.columns.is_none() {
        return Err(rule::refuse("transformKql", transform.text(), &checked.diagnostics));
    }
    let body = Value::Array(rows.clone()).to_string();
    let done = app.engine.transform(&transform, body, app.clock.now(), LIMITS).await?;
    Ok(Json(TransformPreview {
        source: rows,
        columns: columns(&done.columns),
        rows: done.rows.into_iter().map(Value::Object).collect(),
        rows_in: done.rows_in,
        rejected_cells: done.rejected_cells,
        unknown_fields: done.unknown_fields,
    }))
}

/// The newest rows of a table, and its columns as a stream would declare them.
async fn live(app: &App, table: &str, count: u64) -> Result<(Value, Vec<Value>), Failure> {
    let known = app.store.table(app.home.customer, table);
    let known = known.ok_or_else(|| ApiError::field("table", format!("there is no table `{table}`")))?;
    let text = format!("['{}'] | top {} by TimeGenerated desc", known.name, count.clamp(1, LIVE_ROWS_MAX));
    let request = QueryRequest {
        workspace: app.home.customer,
        text,
        timespan: None,
        now: app.clock.now(),
        principal: String::new(),
        ingested: None,
        limits: LIMITS,
    };
    let output = app.engine.query(request).await?;
    let columns = known.columns.iter().map(|column| json!({"name": column.name, "type": column.ty.name()}));
    let rows = output.objects().into_iter().map(|row| {
        let set = row.into_iter().filter(|(_, value)| !value.is_null() && value.as_str() != Some(""));
        Value::Object(set.collect())
    });
    Ok((columns.collect(), rows.collect()))
}
