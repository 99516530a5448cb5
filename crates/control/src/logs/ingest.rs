//! The Logs Ingestion door: rows for a stream of a data collection rule, durable before the answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use bartizan_api::{ApiError, versions};
use bartizan_base::{BatchId, ErrorKind, counters};
use bartizan_records::{ListQuery, Resource};
use bartizan_schema::{KqlType, Table, TableKind};
use bartizan_store::AppendTarget;
use bartizan_wire::BATCH_HEADER;
use http::{HeaderMap, StatusCode, Uri, header};
use serde_json::Value;
use uuid::Uuid;

use crate::access::{Caller, CallerKind};
use crate::app::App;
use crate::http::{Failure, header as header_text, query_value, read_body};

/// Largest upload, compressed or not. Azure takes 1 MB; the store takes 32 MiB.
const UPLOAD_MAX: usize = 32 << 20;
const RULE_TYPE: &str = "Microsoft.Insights/dataCollectionRules";
/// The data action that Monitoring Metrics Publisher has.
const WRITE_ACTION: &str = "Microsoft.Insights/Telemetry/Write";
/// Written by the server only: what they say is relied upon as the server's own word.
const SERVER_TABLES: [&str; 9] = [
    "AzureActivity",
    "SecureScoreControls",
    "SecureScores",
    "SecurityAlert",
    "SecurityIncident",
    "SecurityRecommendation",
    "SentinelAudit",
    "SentinelHealth",
    "Usage",
];

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
    let table = find_table(&app, &rule, &stream)?;
    let target = target(&app, &caller, &rule, &table, &headers).await?;
    let content_type = header_text(&headers, header::CONTENT_TYPE.as_str());
    if !content_type.is_empty() && !content_type.contains("json") {
        return Err(ApiError::unsupported_media("Rows are sent as application/json or NDJSON.").into());
    }
    let body = read_body(&headers, body, UPLOAD_MAX).await?;
    let size = body.len() as u64;
    let ack = app.store.append_json(target, body).await.inspect_err(|error| {
        counters::count("bartizan_ingest_refused_total", &format!("{:?}", error.kind()), 1);
    })?;
    counters::count("bartizan_ingest_bytes_total", "", size);
    counters::count("bartizan_ingest_rows_total", "", ack.rows);
    if ack.rejected_cells > 0 {
        counters::count("bartizan_ingest_rejected_cells_total", &table.name, ack.rejected_cells);
    }
    if ack.unknown_fields > 0 {
        counters::count("bartizan_ingest_unknown_fields_total", &table.name, ack.unknown_fields);
    }
    Ok(StatusCode::NO_CONTENT)
}

/// The rule with this immutable id.
async fn find_rule(app: &App, immutable_id: &str) -> Result<Resource, Failure> {
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

/// The table a stream goes to: `Microsoft-<Table>` or `Custom-<Table>_CL`, or what the rule's flow says.
fn find_table(app: &App, rule: &Resource, stream: &str) -> Result<Arc<Table>, Failure> {
    let unknown = || {
        let shown: String = stream.chars().take(80).collect();
        Failure(ApiError::coded(
            ErrorKind::Invalid,
            "InvalidStream",
            format!("Stream '{shown}' is not one of the rule '{}': no such flow or table.", rule.id.name()),
        ))
    };
    let flows = rule.property("dataFlows").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let flow = flows.iter().find(|flow| {
        flow["streams"]
            .as_array()
            .into_iter()
            .flatten()
            .any(|name| name.as_str().is_some_and(|name| name.eq_ignore_ascii_case(stream)))
    });
    // A rule without flows takes every stream; that is the default rule.
    let output = match flow {
        Some(flow) => flow["outputStream"].as_str().unwrap_or(stream),
        None if flows.is_empty() => stream,
        None => return Err(unknown()),
    };
    let prefixed = |prefix: &str| {
        let head = output.get(..prefix.len())?;
        head.eq_ignore_ascii_case(prefix).then(|| &output[prefix.len()..])
    };
    let name = prefixed("Microsoft-").or_else(|| prefixed("Custom-")).ok_or_else(unknown)?;
    app.store.table(app.home.customer, name).ok_or_else(unknown)
}

/// Where the rows go, and what the server stamps on them.
async fn target(
    app: &App,
    caller: &Caller,
    rule: &Resource,
    table: &Table,
    headers: &HeaderMap,
) -> Result<AppendTarget, Failure> {
    if SERVER_TABLES.contains(&table.name.as_str()) {
        let text = format!("Rows of `{}` are written by the server only.", table.name);
        return Err(ApiError::new(ErrorKind::Forbidden, text).into());
    }
    let mut target = AppendTarget::new(app.home.customer, app.home.tenant, table.name.clone());
    let sent = batch(headers)?;
    let own = |speaker: &str| sent.map(|sent| BatchId { source: own_source(sent.source, speaker), ..sent });
    match &caller.kind {
        CallerKind::Principal(principal) => {
            app.authorize_data(caller, WRITE_ACTION, &rule.id).await?;
            target.batch = own(&principal.object_id.to_string());
        }
        CallerKind::Agent { agent, .. } => {
            target.batch = own(agent.machine.key());
            target.resource_id = Some(agent.machine.clone());
            target.force = identity(table, agent.machine.name(), &agent.vm_id.to_string());
            if target.force.is_empty() && table.kind == TableKind::Standard {
                let text =
                    format!("Rows of `{}` are not about a machine; agents do not send them.", table.name);
                return Err(ApiError::new(ErrorKind::Forbidden, text).into());
            }
        }
    }
    Ok(target)
}

/// The source of a batch, bound to who sends it: otherwise anybody who may send could use up another
/// sender's sequence numbers, and that one's rows would be dropped as repeated.
fn own_source(source: Uuid, speaker: &str) -> Uuid {
    Uuid::new_v5(&source, speaker.as_bytes())
}

/// The columns that say which machine a row is from follow the certificate, whatever the sender wrote.
fn identity(table: &Table, name: &str, vm_id: &str) -> BTreeMap<String, String> {
    let columns = [("Computer", name), ("DeviceName", name), ("DeviceId", vm_id), ("VMUUID", vm_id)];
    let has = |column: &str| table.column(column).is_some_and(|column| column.ty == KqlType::String);
    columns
        .iter()
        .filter(|(column, _)| has(column))
        .map(|(column, value)| ((*column).to_owned(), (*value).to_owned()))
        .collect()
}

fn batch(headers: &HeaderMap) -> Result<Option<BatchId>, Failure> {
    match header_text(headers, BATCH_HEADER) {
        "" => Ok(None),
        text => {
            text.parse().map(Some).map_err(|error| ApiError::field(BATCH_HEADER, format!("{error}")).into())
        }
    }
}
