//! The binder's findings for the editor.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use bartizan_api::portal::{CheckRequest, Checked, Diagnostic};
use bartizan_kql::Severity;
use http::HeaderMap;

use crate::access::Caller;
use crate::app::App;
use crate::http::{Failure, read_json};
use crate::logs::columns;

const BODY_MAX: usize = 1 << 20;

pub(super) async fn check(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Checked>, Failure> {
    let request: CheckRequest = read_json(&headers, body, BODY_MAX).await?;
    app.authorize(&caller, "Microsoft.OperationalInsights/workspaces/query/read", &app.home.workspace)
        .await?;
    let checked = app.engine.check(app.home.customer, &request.query);
    let diagnostics = checked
        .diagnostics
        .into_iter()
        .map(|finding| Diagnostic {
            code: finding.code.to_owned(),
            severity: if finding.severity == Severity::Error { "Error" } else { "Warning" }.to_owned(),
            start: finding.span.start,
            end: finding.span.end,
            message: finding.message,
            hint: finding.hint,
        })
        .collect();
    Ok(Json(Checked { diagnostics, columns: checked.columns.as_deref().map(columns) }))
}
