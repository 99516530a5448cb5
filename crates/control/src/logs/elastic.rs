//! The part of Elasticsearch's API that shippers use: Filebeat, Winlogbeat, Fluent Bit and their kin.
//!
//! Under `/elastic`, so that the portal keeps `/`. At its start a shipper asks for the version, the licence and
//! its index template; all are answered so that it goes on. `_bulk` then stores documents: Windows events go to
//! `SecurityEvent`, `Event` and `WindowsEvent`, a document whose index is named after a custom table into that
//! table, all others into `BeatsLogs_CL`. Every document has a result of its own.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bartizan_api::ApiError;
use bartizan_base::ErrorKind;
use bartizan_formats::windows::WindowsEvent;
use bartizan_records::Resource;
use bartizan_schema::{Table, TableKind};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use serde_json::{Map, Value, json};

use crate::access::{Caller, KeyCaller};
use crate::app::App;
use crate::http::{Failure, read_body};
use crate::logs::destination::workspaces_of;
use crate::logs::intake::{self, Sender};
use crate::logs::own_table::{self, OwnTable};
use crate::logs::{UPLOAD_MAX, rule};

/// Documents of one request.
const DOCUMENTS_MAX: usize = 100_000;
/// The version we pretend to be: shippers of versions 7 and 8 accept it.
const VERSION: &str = "8.15.0";

pub(super) fn routes() -> Router<Arc<App>> {
    let doors = Router::new()
        .route("/", get(about))
        .route("/_license", get(license))
        .route("/_xpack", get(license))
        .route("/_bulk", post(bulk).put(bulk))
        .route("/{index}/_bulk", post(bulk_of).put(bulk_of))
        .fallback(setting_up);
    Router::new().route("/elastic/", get(about)).nest("/elastic", doors)
}

/// The header without which official clients refuse to go on.
fn elastic(status: StatusCode, body: Value) -> Response {
    let mut response = (status, Json(body)).into_response();
    response.headers_mut().insert("x-elastic-product", HeaderValue::from_static("Elasticsearch"));
    response
}

fn refusal(Failure(error): Failure) -> Response {
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = elastic(status, json!({"error": reason(&error), "status": status.as_u16()}));
    if status == StatusCode::UNAUTHORIZED {
        response
            .headers_mut()
            .insert(http::header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic, ApiKey"));
    }
    response
}

fn reason(error: &ApiError) -> Value {
    let kind = match error.kind {
        ErrorKind::Unauthenticated | ErrorKind::Forbidden => "security_exception",
        ErrorKind::TooMany | ErrorKind::Unavailable => "es_rejected_execution_exception",
        ErrorKind::Invalid => "mapper_parsing_exception",
        _ => "exception",
    };
    json!({"type": kind, "reason": error.message})
}

/// The rule that documents go through, if the caller may use it.
async fn allowed(app: &App, caller: &Caller) -> Result<Resource, Failure> {
    let rule = own_table::rule(app, OwnTable::BeatsLogs).await?;
    intake::open(app, Sender::Caller(caller), &rule, &OwnTable::BeatsLogs.stream()).await?;
    Ok(rule)
}

async fn about(State(app): State<Arc<App>>, caller: Result<KeyCaller, Failure>) -> Response {
    if let Err(refused) = caller {
        return refusal(refused);
    }
    elastic(
        StatusCode::OK,
        json!({
            "name": "bartizan", "cluster_name": "bartizan", "cluster_uuid": app.home.customer,
            "version": {
                "number": VERSION, "build_flavor": "default", "build_type": "deb", "build_snapshot": false,
                "lucene_version": "9.11.1", "minimum_wire_compatibility_version": "7.17.0",
                "minimum_index_compatibility_version": "7.0.0",
            },
            "tagline": "Bartizan's log store: only what shippers need is here",
        }),
    )
}

async fn license(State(app): State<Arc<App>>, caller: Result<KeyCaller, Failure>) -> Response {
    if let Err(refused) = caller {
        return refusal(refused);
    }
    let license = json!({"status": "active", "uid": app.home.customer, "type": "basic", "mode": "basic"});
    elastic(StatusCode::OK, json!({"license": license, "features": {}}))
}

/// What shippers set up before they send: templates, policies, pipelines, data streams. None of it means
/// anything here, so it is there already and accepted again. All else is refused.
async fn setting_up(caller: Result<KeyCaller, Failure>, method: Method, uri: Uri) -> Response {
    if let Err(refused) = caller {
        return refusal(refused);
    }
    // Nested, so the path begins behind `/elastic`.
    let rest = uri.path().trim_start_matches('/');
    let first = rest.split('/').next().unwrap_or_default();
    let known =
        ["_index_template", "_component_template", "_template", "_ilm", "_ingest", "_data_stream", "_alias"];
    if !known.contains(&first) {
        let shown: String = rest.chars().take(80).collect();
        let text = format!("`{method} /{shown}` is not served here: this door takes `_bulk` only");
        return refusal(Failure(ApiError::invalid(text)));
    }
    let name = rest.rsplit('/').next().unwrap_or_default();
    elastic(StatusCode::OK, json!({"acknowledged": true, (name): {}}))
}

async fn bulk(
    State(app): State<Arc<App>>,
    caller: Result<KeyCaller, Failure>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    store(&app, caller, &headers, body, "").await
}

async fn bulk_of(
    State(app): State<Arc<App>>,
    caller: Result<KeyCaller, Failure>,
    Path(index): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    store(&app, caller, &headers, body, &index).await
}

/// One document of a request and what became of it.
struct Item {
    action: String,
    index: String,
    outcome: Result<(), ApiError>,
}

async fn store(
    app: &App,
    caller: Result<KeyCaller, Failure>,
    headers: &HeaderMap,
    body: Body,
    index: &str,
) -> Response {
    let started = Instant::now();
    let caller = match caller {
        Ok(KeyCaller(caller)) => caller,
        Err(refused) => return refusal(refused),
    };
    let rule = match allowed(app, &caller).await {
        Ok(rule) => rule,
        Err(refused) => return refusal(refused),
    };
    let request = intake::Request::begin(app, "elastic", OwnTable::BeatsLogs.name());
    let documents = async {
        let body = read_body(headers, body, UPLOAD_MAX).await?;
        Ok::<_, Failure>(read(app, &rule, &body, index)?)
    };
    let documents = documents.await;
    let (mut items, rows) = match request.end(documents) {
        Ok(documents) => documents,
        Err(refused) => return refusal(refused),
    };
    for (stream, rows) in rows {
        let (places, rows): (Vec<usize>, Vec<Value>) =
            rows.into_iter().map(|(place, row)| (place, Value::Object(row))).unzip();
        let body = Bytes::from(Value::Array(rows).to_string());
        let sender = Sender::Caller(&caller);
        let taken = match intake::open(app, sender, &rule, &stream).await {
            Ok(()) => intake::take(app, sender, &rule, &stream, None, body).await.map(|_| ()),
            Err(refused) => Err(refused),
        };
        if let Err(Failure(error)) = taken {
            for place in places {
                items[place].outcome = Err(error.clone());
            }
        }
    }
    let errors = items.iter().any(|item| item.outcome.is_err());
    let items: Vec<Value> = items.iter().map(shown).collect();
    let took = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    elastic(StatusCode::OK, json!({"took": took, "errors": errors, "items": items}))
}

fn shown(item: &Item) -> Value {
    let result = match &item.outcome {
        Ok(()) => json!({
            "_index": item.index, "_id": "", "_version": 1, "result": "created", "status": 201,
            "_shards": {"total": 1, "successful": 1, "failed": 0},
        }),
        Err(error) => {
            json!({"_index": item.index, "_id": "", "status": error.status(), "error": reason(error)})
        }
    };
    json!({(item.action.as_str()): result})
}

/// Rows by stream, each with the place of its item.
type Rows = BTreeMap<String, Vec<(usize, Map<String, Value>)>>;

/// Reads the lines of a body: an action, then its document.
fn read(app: &App, rule: &Resource, body: &[u8], index: &str) -> Result<(Vec<Item>, Rows), ApiError> {
    let mut items = Vec::new();
    let mut rows = Rows::new();
    let mut lines =
        body.split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !line.trim_ascii().is_empty());
    while let Some((number, line)) = lines.next() {
        let wrong = |text: &str| ApiError::invalid(format!("line {}: {text}", number + 1));
        let action: Value =
            serde_json::from_slice(line).map_err(|error| wrong(&format!("no action: {error}")))?;
        let action = action.as_object().and_then(|action| action.iter().next());
        let (action, about) =
            action.ok_or_else(|| wrong("an action is an object such as {\"create\": {}}"))?;
        let index = about["_index"].as_str().unwrap_or(index).to_owned();
        let mut item = Item { action: action.clone(), index, outcome: Ok(()) };
        let refused = |text: String| Err::<(), _>(ApiError::invalid(text));
        if items.len() >= DOCUMENTS_MAX {
            return Err(ApiError::invalid(format!(
                "a request has at most {DOCUMENTS_MAX} documents; send it in parts"
            )));
        }
        match action.as_str() {
            "index" | "create" => {
                let (number, line) = lines.next().ok_or_else(|| wrong("the action has no document"))?;
                match serde_json::from_slice::<Value>(line) {
                    Ok(Value::Object(document)) => {
                        if let Some((stream, row)) = route(app, rule, &item.index, document) {
                            rows.entry(stream).or_default().push((items.len(), row));
                        }
                    }
                    Ok(_) => {
                        item.outcome = refused(format!("line {}: the document is no object", number + 1))
                    }
                    Err(error) => item.outcome = refused(format!("line {}: {error}", number + 1)),
                }
            }
            "update" => {
                lines.next();
                item.outcome = refused("rows are never changed: `update` is not supported".to_owned());
            }
            "delete" => {
                item.outcome = refused("rows are never deleted here: `delete` is not supported".to_owned())
            }
            other => {
                let shown: String = other.chars().take(40).collect();
                return Err(wrong(&format!("`{shown}` is no action; `create` and `index` are")));
            }
        }
        items.push(item);
    }
    Ok((items, rows))
}

/// The stream and the row of a document; `None` for a Windows event that the rule does not collect.
fn route(
    app: &App,
    rule: &Resource,
    index: &str,
    document: Map<String, Value>,
) -> Option<(String, Map<String, Value>)> {
    let document = Value::Object(document);
    if let Some(event) = WindowsEvent::of_winlogbeat(&document) {
        let table = event.table().name();
        if !rule::wants_event(rule, &event.facts) {
            app.ingestion_notes.add(
                rule.id.name(),
                table,
                "Windows events that the rule does not collect",
                1,
            );
            return None;
        }
        let declared = table_of(app, rule, table);
        let has = |column: &str| declared.as_ref().is_none_or(|table| table.column(column).is_some());
        return Some((format!("Microsoft-{table}"), event.row(has)));
    }
    match own(app, rule, index) {
        Some(table) => Some((format!("Custom-{}", table.name), fields_of(&table, &document))),
        None => Some((OwnTable::BeatsLogs.stream(), general(index, document))),
    }
}

/// The custom table that an index is named after: `doorlog`, `DoorLog_CL` and `doorlog-2026.01.02` are one.
fn own(app: &App, rule: &Resource, index: &str) -> Option<Arc<Table>> {
    let words = index.split('-').take_while(|word| !word.starts_with(|c: char| c.is_ascii_digit()));
    let name = words.collect::<Vec<_>>().join("_");
    let name = name.strip_suffix("_cl").or_else(|| name.strip_suffix("_CL")).unwrap_or(&name);
    let table = table_of(app, rule, &format!("{name}_CL"))?;
    (table.kind == TableKind::Custom && table.name != OwnTable::BeatsLogs.name()).then_some(table)
}

/// A table of the first workspace that the rule sends to.
fn table_of(app: &App, rule: &Resource, name: &str) -> Option<Arc<Table>> {
    let workspaces = workspaces_of(app, rule);
    app.store.table(workspaces.first()?.id, name)
}

/// The document's members that the table has a column for; `TimeGenerated` is `@timestamp`.
fn fields_of(table: &Table, document: &Value) -> Map<String, Value> {
    let members = document.as_object().into_iter().flatten();
    let mut row: Map<String, Value> = members
        .filter(|(name, _)| table.column(name).is_some())
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    if !row.contains_key("TimeGenerated") {
        row.insert("TimeGenerated".to_owned(), document["@timestamp"].clone());
    }
    row
}

fn general(index: &str, document: Value) -> Map<String, Value> {
    let text = |pointers: &[&str]| {
        let found = pointers.iter().find_map(|pointer| document.pointer(pointer).and_then(Value::as_str));
        found.unwrap_or_default().to_owned()
    };
    let agent = [text(&["/agent/type"]), text(&["/agent/version"])].join(" ");
    let members = [
        ("TimeGenerated", json!(text(&["/@timestamp"]))),
        ("Computer", json!(text(&["/host/name", "/host/hostname", "/hostname", "/host"]))),
        ("Message", json!(text(&["/message", "/log", "/MESSAGE"]))),
        ("Level", json!(text(&["/log/level", "/level"]))),
        ("Dataset", json!(text(&["/event/dataset", "/data_stream/dataset"]))),
        ("FilePath", json!(text(&["/log/file/path"]))),
        ("Agent", json!(agent.trim())),
        ("Index", json!(index)),
    ];
    let mut row: Map<String, Value> =
        members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    row.insert("Document".to_owned(), document);
    row
}
