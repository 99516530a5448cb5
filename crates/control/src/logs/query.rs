//! `/v1/workspaces/{id}/query`: KQL in, tables out, as the Log Analytics API has it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use bartizan_api::logs::{AnswerColumn, AnswerTable, PartialError, Prefer, QueryAnswer, QueryBody};
use bartizan_api::{ApiError, timespan};
use bartizan_base::{ErrorKind, ResourceId};
use bartizan_engine::{ARROW_STREAM, QueryError, QueryLimits, QueryOutput};
use bartizan_kql::bound::ColumnSchema;
use bartizan_kql::syntax::codes;
use bartizan_kql::{Diagnostic, Span};
use http::{HeaderMap, StatusCode, Uri};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::access::Caller;
use crate::app::App;
use crate::http::{Failure, header, query_value, read_json};
use crate::logs::query_record::client_of;
use crate::logs::reading::{self, Question, READ_ACTION, Unanswered};
use crate::logs::{WORKSPACE_TYPE, Workspace};

/// A query of more text than this is no query.
const QUERY_BODY_MAX: usize = 1 << 20;
/// Other workspaces of one query.
const AMONG_MAX: usize = 100;
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
    answer(&app, &caller, &workspace, &body, &headers).await
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
    answer(&app, &caller, &workspace, &body, &headers).await
}

/// `/v1{resourceId}/query`: the same by the workspace's ARM id.
pub(super) async fn post_of_resource(
    state: State<Arc<App>>,
    caller: Caller,
    Path(resource): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let workspace = queried(&resource)?;
    post(state, caller, Path(workspace), headers, body).await
}

pub(super) async fn get_of_resource(
    state: State<Arc<App>>,
    caller: Caller,
    Path(resource): Path<String>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Failure> {
    let workspace = queried(&resource)?;
    get(state, caller, Path(workspace), headers, uri).await
}

/// The ARM id of the workspace in the rest of a path `/v1/subscriptions/{rest}`.
fn queried(rest: &str) -> Result<String, Failure> {
    let resource =
        rest.strip_suffix("/query").and_then(|id| ResourceId::parse(&format!("/subscriptions/{id}")).ok());
    let resource = resource.ok_or_else(|| ApiError::not_found(&format!("/v1/subscriptions/{rest}")))?;
    if !resource.resource_type().eq_ignore_ascii_case(WORKSPACE_TYPE) {
        let text = format!(
            "queries by resource are for workspaces; ask the workspace, with `where _ResourceId =~ '{resource}'`"
        );
        return Err(ApiError::field("resourceId", text).into());
    }
    Ok(resource.to_string())
}

async fn answer(
    app: &App,
    caller: &Caller,
    workspace: &str,
    body: &QueryBody,
    headers: &HeaderMap,
) -> Result<Response, Failure> {
    let prefer = Prefer::parse(header(headers, "prefer"));
    let output = match ask(app, caller, workspace, body, prefer, client_of(headers)).await {
        Ok(output) => output,
        Err(Unanswered::Query(error)) => {
            let (status, body) = refuse(&body.query, error)?;
            return Ok((status, Json(body)).into_response());
        }
        Err(Unanswered::Other(failure)) => return Err(failure),
    };
    if header(headers, http::header::ACCEPT.as_str()).contains(ARROW_STREAM) {
        // A stream has no place to say that rows are missing, nor for a second result.
        if let Some(partial) = &output.partial {
            let text = format!("The result is not whole, which a stream cannot say: {}", partial.message);
            return Err(ApiError::new(ErrorKind::TooLarge, text).into());
        }
        if !output.tables.is_empty() {
            let text =
                "an Arrow stream holds one result, and the query gives several; ask for JSON or for one";
            return Err(ApiError::field("query", text).into());
        }
        return Ok(([(http::header::CONTENT_TYPE, ARROW_STREAM)], output.arrow_stream()?).into_response());
    }
    Ok(Json(encode(&output, prefer)).into_response())
}

/// Runs one query of a batch; wrong queries are an answer too.
pub(super) async fn run(
    app: &App,
    caller: &Caller,
    workspace: &str,
    body: &QueryBody,
    prefer: Prefer,
    client: String,
) -> Result<(StatusCode, Value), Failure> {
    match ask(app, caller, workspace, body, prefer, client).await {
        Ok(output) => Ok((StatusCode::OK, encode(&output, prefer))),
        Err(Unanswered::Query(error)) => refuse(&body.query, error),
        Err(Unanswered::Other(failure)) => Err(failure),
    }
}

async fn ask(
    app: &App,
    caller: &Caller,
    workspace: &str,
    body: &QueryBody,
    prefer: Prefer,
    client: String,
) -> Result<QueryOutput, Unanswered> {
    let question = question(app, workspace, body, prefer).map_err(Unanswered::Other)?;
    let target = format!("/v1/workspaces/{}/query", question.workspace.id);
    reading::ask(app, caller, &Question { target: &target, client, ..question }).await
}

fn question<'a>(
    app: &App,
    workspace: &str,
    body: &'a QueryBody,
    prefer: Prefer,
) -> Result<Question<'a>, Failure> {
    let workspace = find_workspace(app, workspace)?;
    let others = body.workspaces.as_deref().unwrap_or_default();
    if others.len() > AMONG_MAX {
        let text = format!("a query is over at most {AMONG_MAX} other workspaces");
        return Err(ApiError::field("workspaces", text).into());
    }
    let mut among: Vec<Workspace> = Vec::new();
    for other in others {
        let other = find_workspace(app, other)?;
        if other.id != workspace.id && among.iter().all(|known| known.id != other.id) {
            among.push(other);
        }
    }
    let timespan = match body.timespan.as_deref().filter(|text| !text.is_empty()) {
        Some(text) => Some(timespan::parse(text, app.clock.now())?),
        None => None,
    };
    let mut limits = QueryLimits::default();
    if let Some(seconds) = prefer.wait_seconds {
        limits.timeout = Duration::from_secs(seconds.max(1)).min(WAIT_MAX);
    }
    Ok(Question {
        workspace,
        among,
        text: &body.query,
        timespan,
        parameters: HashMap::new(),
        limits,
        target: "",
        client: String::new(),
    })
}

/// The workspace that a path names, if the caller may read it.
pub(super) async fn open_workspace(
    app: &App,
    caller: &Caller,
    workspace: &str,
) -> Result<Workspace, Failure> {
    let workspace = find_workspace(app, workspace)?;
    app.authorize(caller, READ_ACTION, &workspace.resource).await?;
    Ok(workspace)
}

/// By `customerId`, by ARM id or by name: clients use all three.
pub(crate) fn find_workspace(app: &App, workspace: &str) -> Result<Workspace, Failure> {
    app.workspaces.find(workspace).ok_or_else(|| {
        let shown: String = workspace.chars().take(80).collect();
        Failure(ApiError::coded(
            ErrorKind::NotFound,
            "WorkspaceNotFoundError",
            format!("The workspace `{shown}` could not be found."),
        ))
    })
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
    let message = error.to_string();
    let findings = match error {
        QueryError::Invalid(findings) => findings,
        QueryError::Unsupported { span, .. } => vec![Diagnostic {
            code: codes::UNSUPPORTED,
            severity: bartizan_kql::Severity::Error,
            span,
            message,
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
    fn refusals_say_why() {
        let text = "print x = 1 | evaluate python('')";
        let span = bartizan_kql::Span::new(14, 29);
        for (what, wanted) in [
            (
                "evaluate python",
                "`evaluate python` is refused: it runs code, which this server does not take from queries",
            ),
            (
                "evaluate sql_request",
                "`evaluate sql_request` is refused: it needs a service outside this server",
            ),
            ("extent_id", "`extent_id` is refused, because segments are merged behind the scenes"),
            ("macro-expand", "`macro-expand` is not supported yet"),
        ] {
            let error = bartizan_engine::QueryError::Unsupported { what: what.to_owned(), span };
            let Ok((status, body)) = super::refuse(text, error) else { panic!("{what} is no refusal") };
            let inner = &body["error"]["innererror"]["innererror"];
            assert_eq!((status.as_u16(), inner["code"].as_str()), (400, Some("K0200")));
            let message = inner["message"].as_str().unwrap_or_default();
            assert!(message.starts_with(wanted) && message.ends_with("(line 1, column 15)"), "{message}");
        }
    }

    #[test]
    fn positions_count_from_one() {
        assert_eq!(super::position("a\nbc", 3), (2, 2));
        assert_eq!(super::position("", 9), (1, 1));
    }
}
