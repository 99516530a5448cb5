//! `/v1/workspaces/{id}/query`: KQL in, tables out, as the Log Analytics API has it.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use bartizan_api::logs::{AnswerColumn, AnswerTable, PartialError, Prefer, QueryAnswer, QueryBody};
use bartizan_api::{ApiError, timespan};
use bartizan_base::{ErrorKind, WorkspaceId};
use bartizan_engine::{QueryError, QueryLimits, QueryOutput, QueryRequest};
use bartizan_kql::bound::ColumnSchema;
use bartizan_kql::{Diagnostic, Span};
use http::{HeaderMap, StatusCode, Uri};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::access::Caller;
use crate::app::App;
use crate::http::{Failure, header, query_value, read_json};

/// A query of more text than this is no query.
const QUERY_BODY_MAX: usize = 1 << 20;
const READ_ACTION: &str = "Microsoft.OperationalInsights/workspaces/query/read";
/// `Prefer: wait=` is granted up to the service's own longest.
const WAIT_MAX: Duration = Duration::from_secs(600);

pub(super) async fn post(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(workspace): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let body: QueryBody = read_json(&headers, body, QUERY_BODY_MAX).await?;
    let prefer = Prefer::parse(header(&headers, "prefer"));
    answer(&app, &caller, &workspace, &body, prefer).await
}

pub(super) async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(workspace): Path<String>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Failure> {
    let query = query_value(&uri, "query")
        .ok_or_else(|| ApiError::field("query", "the parameter `query` is missing"))?;
    let body = QueryBody { query, timespan: query_value(&uri, "timespan"), workspaces: None };
    answer(&app, &caller, &workspace, &body, Prefer::parse(header(&headers, "prefer"))).await
}

async fn answer(
    app: &App,
    caller: &Caller,
    workspace: &str,
    body: &QueryBody,
    prefer: Prefer,
) -> Result<Response, Failure> {
    let (status, body) = run(app, caller, workspace, body, prefer).await?;
    Ok((status, Json(body)).into_response())
}

/// Runs one query; wrong queries are an answer too, so that a batch can carry them.
pub(super) async fn run(
    app: &App,
    caller: &Caller,
    workspace: &str,
    body: &QueryBody,
    prefer: Prefer,
) -> Result<(StatusCode, Value), Failure> {
    let customer = open_workspace(app, caller, workspace).await?;
    for other in body.workspaces.iter().flatten() {
        check_workspace(app, other)?;
    }
    let now = app.clock.now();
    let timespan = match body.timespan.as_deref().filter(|text| !text.is_empty()) {
        Some(text) => Some(timespan::parse(text, now)?),
        None => None,
    };
    let mut limits = QueryLimits::default();
    if let Some(seconds) = prefer.wait_seconds {
        limits.timeout = Duration::from_secs(seconds.max(1)).min(WAIT_MAX);
    }
    let principal = caller.principal().map(|who| format!("aaduser={}", who.object_id)).unwrap_or_default();
    let text = body.query.clone();
    let request =
        QueryRequest { workspace: customer, text, timespan, now, principal, ingested: None, limits };
    match app.engine.query(request).await {
        Ok(output) => Ok((StatusCode::OK, encode(&output, prefer))),
        Err(error) => refuse(&body.query, error),
    }
}

/// The workspace that a path names, if the caller may read it.
pub(super) async fn open_workspace(
    app: &App,
    caller: &Caller,
    workspace: &str,
) -> Result<WorkspaceId, Failure> {
    let customer = check_workspace(app, workspace)?;
    app.authorize(caller, READ_ACTION, &app.home.workspace).await?;
    Ok(customer)
}

/// By `customerId`, by ARM id or by name: clients use all three.
pub(crate) fn check_workspace(app: &App, workspace: &str) -> Result<WorkspaceId, Failure> {
    let home = &app.home;
    let known = workspace.eq_ignore_ascii_case(&home.customer.to_string())
        || workspace.eq_ignore_ascii_case(home.workspace.as_str())
        || workspace.eq_ignore_ascii_case(home.workspace.name());
    if known {
        return Ok(home.customer);
    }
    let shown: String = workspace.chars().take(80).collect();
    Err(Failure(ApiError::coded(
        ErrorKind::NotFound,
        "WorkspaceNotFoundError",
        format!("The workspace `{shown}` could not be found."),
    )))
}

fn encode(output: &QueryOutput, prefer: Prefer) -> Value {
    let mut tables = vec![AnswerTable {
        name: "PrimaryResult".to_owned(),
        columns: columns(&output.columns),
        rows: output.rows_json(),
    }];
    tables.extend(output.tables.iter().map(|table| AnswerTable {
        name: table.name.clone(),
        columns: columns(&table.columns),
        rows: table.rows_json(),
    }));
    let mut partial =
        output.partial.iter().chain(output.tables.iter().filter_map(|table| table.partial.as_ref()));
    let answer = QueryAnswer {
        tables,
        statistics: prefer.statistics.then(|| {
            json!({"query": {
                "executionTime": output.stats.elapsed_us as f64 / 1e6,
                "resourceUsage": {"cpu": {"user": "00:00:00", "kernel": "00:00:00", "total cpu": "00:00:00"}},
                "datasetStatistics": [{"tableRowCount": output.stats.rows, "tableSize": 0}],
                "tables": output.stats.tables,
            }})
        }),
        render: prefer.render.then(|| {
            let mut out = json!({"visualization": null});
            if let Some(render) = &output.render {
                out["visualization"] = render.visualization.as_str().into();
                for (name, value) in &render.properties {
                    let name = RENDER_PROPERTIES.iter().find(|known| known.eq_ignore_ascii_case(name));
                    if let Some(name) = name {
                        out[*name] = value.as_str().into();
                    }
                }
            }
            out
        }),
        error: partial.next().map(|partial| PartialError {
            code: "PartialError".to_owned(),
            message: "The query was completed partially.".to_owned(),
            details: vec![json!({"code": partial.code, "message": partial.message})],
        }),
    };
    serde_json::to_value(answer).expect("an answer has only text keys")
}

/// Properties of `render`, as the API spells them; queries write them in any case.
const RENDER_PROPERTIES: &[&str] = &[
    "accumulate",
    "anomalyColumns",
    "kind",
    "legend",
    "series",
    "title",
    "xAxis",
    "xColumn",
    "xTitle",
    "yAxis",
    "yColumns",
    "yMax",
    "yMin",
    "ySplit",
    "yTitle",
];

/// Columns as the API names them.
pub(crate) fn columns(columns: &[ColumnSchema]) -> Vec<AnswerColumn> {
    columns
        .iter()
        .map(|column| AnswerColumn { name: column.name.clone(), ty: column.ty.name().to_owned() })
        .collect()
}

/// Log Analytics nests the reason twice: the outer says whose fault, the inner what and where.
fn refuse(text: &str, error: QueryError) -> Result<(StatusCode, Value), Failure> {
    let findings = match error {
        QueryError::Invalid(findings) => findings,
        QueryError::Unsupported { what, span } => vec![Diagnostic {
            code: "K9000",
            severity: bartizan_kql::Severity::Error,
            span,
            message: format!("`{what}` is not supported yet"),
            hint: None,
        }],
        other => return Err(other.into()),
    };
    let first = findings
        .iter()
        .find(|finding| finding.severity == bartizan_kql::Severity::Error)
        .or(findings.first());
    let (code, message, span) = first
        .map_or(("K0000", "the query is not valid", Span::default()), |finding| {
            (finding.code, finding.message.as_str(), finding.span)
        });
    let (line, column) = position(text, span.start);
    let token = text.get(span.start..span.end).unwrap_or_default();
    let details: Vec<Value> = findings
        .iter()
        .map(|finding| {
            let (line, column) = position(text, finding.span.start);
            json!({
                "code": finding.code, "message": finding.message, "hint": finding.hint,
                "start": finding.span.start, "end": finding.span.end, "line": line, "pos": column,
            })
        })
        .collect();
    let body = json!({"error": {
        "code": "BadArgumentError",
        "message": "The request had some invalid properties",
        "correlationId": Uuid::new_v4(),
        "innererror": {
            "code": "SemanticError",
            "message": "A semantic error occurred.",
            "innererror": {
                "code": code,
                "message": format!("{message} (line {line}, column {column})"),
                "line": line, "pos": column, "token": token,
            },
        },
        "details": details,
    }});
    Ok((StatusCode::BAD_REQUEST, body))
}

/// Line and column, both from 1, of a byte offset.
pub(crate) fn position(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at.min(text.len())).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |tail| tail.chars().count()) + 1;
    (line, column)
}

#[cfg(test)]
mod tests {
    #[test]
    fn positions_count_from_one() {
        assert_eq!(super::position("a\nbc", 3), (2, 2));
        assert_eq!(super::position("", 9), (1, 1));
    }
}
