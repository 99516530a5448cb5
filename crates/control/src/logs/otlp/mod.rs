//! OpenTelemetry logs: OTLP over HTTP (protobuf and JSON) and over gRPC, on the server's own port.
//!
//! Rows go to `OTelLogs_CL`, which is made with the first one, through the default rule. A record that cannot
//! be stored is reported in the answer's partial success; the others are stored.

mod grpc;
mod json;
mod rows;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bartizan_api::ApiError;
use bartizan_base::ErrorKind;
use bartizan_records::Resource;
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use prost::Message;
use serde_json::{Value, json};

use crate::access::{Caller, KeyCaller};
use crate::app::App;
use crate::http::{Failure, header as header_text, read_body};
use crate::logs::UPLOAD_MAX;
use crate::logs::intake::{self, Sender};
use crate::logs::own_table::{self, OwnTable};

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new().route("/v1/logs", post(over_http)).route(grpc::PATH, post(grpc::serve))
}

/// What became of an export.
struct Exported {
    rejected: u64,
    reason: &'static str,
}

/// Whether a caller may send records, asked before anything of a body is read: the rule that takes them.
async fn open(app: &App, caller: &Caller) -> Result<Resource, Failure> {
    let rule = own_table::rule(app, OwnTable::OTelLogs).await?;
    intake::open(app, Sender::Caller(caller), &rule, &OwnTable::OTelLogs.stream()).await?;
    Ok(rule)
}

/// Stores the records of a request of a caller that [`open`] let in.
async fn export(
    app: &App,
    caller: &Caller,
    rule: &Resource,
    request: ExportLogsServiceRequest,
) -> Result<Exported, Failure> {
    let stream = OwnTable::OTelLogs.stream();
    let (rows, rejected) = rows::of_request(&request, app.clock.now());
    if !rows.is_empty() {
        let body = Bytes::from(Value::Array(rows.into_iter().map(Value::Object).collect()).to_string());
        intake::take(app, Sender::Caller(caller), rule, &stream, None, body).await?;
    }
    app.ingestion_notes.add(
        "otlp",
        OwnTable::OTelLogs.name(),
        "log records refused because they nest too deep",
        rejected,
    );
    Ok(Exported { rejected, reason: if rejected > 0 { rows::TOO_DEEP } else { "" } })
}

async fn over_http(
    State(app): State<Arc<App>>,
    KeyCaller(caller): KeyCaller,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let content_type = header_text(&headers, header::CONTENT_TYPE.as_str());
    let is_json = content_type.trim_start().to_ascii_lowercase().starts_with(JSON);
    let request = intake::Request::begin(&app, "otlp", OwnTable::OTelLogs.name());
    let exported = exported(&app, &caller, &headers, body, is_json).await;
    match request.end(exported) {
        Ok(exported) => success(exported, is_json),
        Err(failure) => refusal(failure, is_json),
    }
}

async fn exported(
    app: &App,
    caller: &Caller,
    headers: &HeaderMap,
    body: Body,
    is_json: bool,
) -> Result<Exported, Failure> {
    let content_type = header_text(headers, header::CONTENT_TYPE.as_str());
    if !is_json && !content_type.trim_start().to_ascii_lowercase().starts_with(PROTOBUF) {
        let text = format!("OTLP logs are sent as {PROTOBUF} or {JSON}.");
        return Err(ApiError::unsupported_media(text).into());
    }
    let rule = open(app, caller).await?;
    let body = read_body(headers, body, UPLOAD_MAX).await?;
    let wrong = |text: String| Failure(ApiError::invalid(text));
    let request = if is_json {
        let value =
            serde_json::from_slice(&body).map_err(|error| wrong(format!("The body is no JSON: {error}.")))?;
        json::request(&value).map_err(|error| wrong(format!("The body is no OTLP/JSON: {error}.")))?
    } else {
        ExportLogsServiceRequest::decode(body)
            .map_err(|error| wrong(format!("The body is no ExportLogsServiceRequest: {error}.")))?
    };
    export(app, caller, &rule, request).await
}

fn success(exported: Exported, is_json: bool) -> Response {
    let Exported { rejected, reason } = exported;
    if is_json {
        // 64-bit numbers are text in protobuf's JSON.
        let partial = json!({"rejectedLogRecords": rejected.to_string(), "errorMessage": reason});
        return axum::Json(if rejected > 0 { json!({"partialSuccess": partial}) } else { json!({}) })
            .into_response();
    }
    let body = response(exported).encode_to_vec();
    ([(header::CONTENT_TYPE, PROTOBUF)], body).into_response()
}

fn response(exported: Exported) -> ExportLogsServiceResponse {
    let Exported { rejected, reason } = exported;
    ExportLogsServiceResponse {
        partial_success: (rejected > 0).then(|| ExportLogsPartialSuccess {
            rejected_log_records: i64::try_from(rejected).unwrap_or(i64::MAX),
            error_message: reason.to_owned(),
        }),
    }
}

/// `google.rpc.Status`, which OTLP wants as the body of every refusal.
#[derive(Clone, PartialEq, Message)]
struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
}

fn refusal(Failure(error): Failure, is_json: bool) -> Response {
    let code = grpc::code(error.kind) as i32;
    let status = StatusCode::from_u16(match error.kind {
        // Clients try again at 429, 502, 503 and 504 only.
        ErrorKind::Internal | ErrorKind::Timeout => 503,
        _ => error.status(),
    });
    let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = if is_json {
        (status, axum::Json(json!({"code": code, "message": error.message}))).into_response()
    } else {
        let body = RpcStatus { code, message: error.message }.encode_to_vec();
        (status, [(header::CONTENT_TYPE, PROTOBUF)], body).into_response()
    };
    if let Some(seconds) = error.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}
