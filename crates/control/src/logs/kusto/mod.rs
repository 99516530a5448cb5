//! Kusto's endpoints, for its SDKs and tools: queries as v1 tables and v2 frames, and the few management
//! commands with which they find out what there is.

mod commands;
mod frames;
mod options;
mod refusal;
mod tables;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bartizan_engine::QueryOutput;
use http::{HeaderMap, Uri};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::access::Caller;
use crate::app::App;
use crate::http::{Failure, base_url, header, read_json};
use crate::logs::Workspace;
use crate::logs::dynamics;
use crate::logs::query::find_workspace;
use crate::logs::query_record::client_of;
use crate::logs::reading::{self, Question, Unanswered};

use options::Options;
use refusal::refused;

/// Largest request.
const BODY_MAX: usize = 4 << 20;
/// The program id of Kusto's own clients, which they show when they sign in interactively.
const CLIENT_APP_ID: &str = "db662dc1-0cfe-4e1c-a843-19a68e65be58";

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/v1/rest/auth/metadata", get(auth_metadata))
        .route("/v1/rest/query", post(query_v1))
        .route("/v2/rest/query", post(query_v2))
        .route("/v1/rest/mgmt", post(commands::management))
}

/// What SDKs send.
#[derive(Debug, Deserialize)]
struct KustoRequest {
    #[serde(default)]
    db: Option<String>,
    csl: String,
    /// An object, or the text of one.
    #[serde(default)]
    properties: Value,
}

/// Where to sign in. Asked without a token.
async fn auth_metadata(State(app): State<Arc<App>>, headers: HeaderMap, uri: Uri) -> Json<Value> {
    let base = base_url(&headers, &uri, &app.public_url);
    Json(json!({"AzureAD": {
        "LoginEndpoint": base, "LoginMfaRequired": false, "KustoClientAppId": CLIENT_APP_ID,
        "KustoClientRedirectUri": "http://localhost", "KustoServiceResourceId": base,
        "FirstPartyAuthorityUrl": format!("{base}/{}", app.home.tenant),
    }, "dSTS": {}}))
}

async fn query_v2(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let request: KustoRequest = read_json(&headers, body, BODY_MAX).await?;
    match answer(&app, &caller, &headers, &request, "/v2/rest/query").await {
        Ok(output) => {
            Ok(Json(frames::data_set(&output, app.clock.now(), request_id(&headers))).into_response())
        }
        Err(unanswered) => Ok(refused(&request.csl, unanswered)),
    }
}

async fn query_v1(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let request: KustoRequest = read_json(&headers, body, BODY_MAX).await?;
    match answer(&app, &caller, &headers, &request, "/v1/rest/query").await {
        Ok(output) => {
            Ok(Json(tables::data_set(&output, app.clock.now(), request_id(&headers))).into_response())
        }
        Err(unanswered) => Ok(refused(&request.csl, unanswered)),
    }
}

async fn answer(
    app: &App,
    caller: &Caller,
    headers: &HeaderMap,
    request: &KustoRequest,
    target: &str,
) -> Result<QueryOutput, Unanswered> {
    let workspace = workspace(app, request).map_err(Unanswered::Other)?;
    let options = Options::read(&request.properties).map_err(|error| Unanswered::Other(error.into()))?;
    let question = Question {
        workspace,
        among: Vec::new(),
        text: &request.csl,
        timespan: options.timespan,
        parameters: options.parameters,
        limits: options.limits,
        target,
        client: client_of(headers),
    };
    reading::ask(app, caller, &question).await
}

/// The database is the workspace, by its name or id; tools that know none leave it out.
fn workspace(app: &App, request: &KustoRequest) -> Result<Workspace, Failure> {
    match request.db.as_deref() {
        None | Some("" | "NetDefaultDB") => Ok(app.home_workspace()),
        Some(name) => find_workspace(app, name),
    }
}

/// What the client calls its request, for the answer to repeat.
fn request_id(headers: &HeaderMap) -> &str {
    header(headers, "x-ms-client-request-id")
}

/// The results of a query, the first one first.
struct Results<'a> {
    name: &'a str,
    columns: &'a [bartizan_kql::bound::ColumnSchema],
    rows: Vec<Vec<Value>>,
    render: Option<&'a bartizan_kql::bound::Render>,
    /// Why rows are missing.
    partial: Option<&'a bartizan_engine::Partial>,
}

fn results(output: &QueryOutput) -> Vec<Results<'_>> {
    let first = Results {
        name: "PrimaryResult",
        columns: &output.columns,
        rows: output.rows_json(),
        render: output.render.as_ref(),
        partial: output.partial.as_ref(),
    };
    let more = output.tables.iter().map(|table| Results {
        name: &table.name,
        columns: &table.columns,
        rows: table.rows_json(),
        render: table.render.as_ref(),
        partial: table.partial.as_ref(),
    });
    let mut results: Vec<_> = std::iter::once(first).chain(more).collect();
    // Kusto puts dynamic values into its answers as JSON.
    for result in &mut results {
        dynamics::nest(result.columns, &mut result.rows);
    }
    results
}

/// How a result asks to be drawn, as the text that Kusto's clients read.
fn visualization(render: Option<&bartizan_kql::bound::Render>) -> String {
    let mut shown = serde_json::Map::from_iter([("Visualization".to_owned(), Value::Null)]);
    if let Some(render) = render {
        shown.insert("Visualization".to_owned(), json!(render.visualization));
        shown.extend(render.properties.iter().map(|(name, value)| (name.clone(), json!(value))));
    }
    Value::Object(shown).to_string()
}
