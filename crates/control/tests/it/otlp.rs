//! OpenTelemetry's doors: HTTP with protobuf and JSON, gRPC, and what they refuse.

use bartizan_testkit::in_process::{Caller, InProcess, read};
use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsServiceRequest, ExportLogsServiceResponse};
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;
use reqwest::Method;
use serde_json::json;

use crate::{rows, server};

fn text(value: &str) -> Option<AnyValue> {
    Some(AnyValue { value: Some(Any::StringValue(value.to_owned())) })
}

fn pair(key: &str, value: Option<AnyValue>) -> KeyValue {
    KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
}

/// A list within a list within a list …
fn nested(levels: usize) -> Option<AnyValue> {
    (0..levels).fold(text("deep"), |inner, _| {
        Some(AnyValue { value: Some(Any::ArrayValue(ArrayValue { values: inner.into_iter().collect() })) })
    })
}

fn request(bodies: Vec<Option<AnyValue>>) -> ExportLogsServiceRequest {
    let record = |body| LogRecord {
        time_unix_nano: 1_767_323_045_123_456_700,
        severity_number: 13,
        severity_text: "WARN".to_owned(),
        body,
        attributes: vec![
            pair("user", text("ada")),
            pair("n", Some(AnyValue { value: Some(Any::IntValue(7)) })),
        ],
        trace_id: vec![0xab; 16],
        span_id: vec![1; 8],
        ..LogRecord::default()
    };
    let logs = ScopeLogs { log_records: bodies.into_iter().map(record).collect(), ..ScopeLogs::default() };
    let attributes = vec![pair("service.name", text("shop")), pair("host.name", text("web-1"))];
    let resource = Some(Resource { attributes, ..Resource::default() });
    ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs { resource, scope_logs: vec![logs], ..ResourceLogs::default() }],
    }
}

async fn publisher(s: &InProcess) -> Caller {
    s.principal("Monitoring Metrics Publisher").await.unwrap()
}

#[tokio::test]
async fn protobuf_and_json_say_the_same() {
    let s = server().await;
    let caller = publisher(&s).await;
    let body = request(vec![text("one"), nested(40)]).encode_to_vec();
    let sent =
        caller.request(Method::POST, "/v1/logs").header("content-type", "application/x-protobuf").body(body);
    let answer = sent.send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let answer = ExportLogsServiceResponse::decode(answer.bytes().await.unwrap()).unwrap();
    let partial = answer.partial_success.expect("one record is too deep");
    assert_eq!(partial.rejected_log_records, 1);
    assert!(partial.error_message.contains("32 levels"), "{}", partial.error_message);

    let body = json!({"resourceLogs": [{
        "resource": {"attributes": [
            {"key": "service.name", "value": {"stringValue": "shop"}}, {"key": "host.name", "value": {"stringValue": "web-1"}},
        ]},
        "scopeLogs": [{"logRecords": [{
            "timeUnixNano": "1767323045123456700", "severityNumber": 13, "severityText": "WARN",
            "body": {"stringValue": "two"}, "traceId": "ab".repeat(16), "spanId": "01".repeat(8),
            "attributes": [{"key": "user", "value": {"stringValue": "ada"}}, {"key": "n", "value": {"intValue": "7"}}],
            "somethingNew": {},
        }]}],
    }]});
    let answer = caller.post("/v1/logs", body).await.unwrap();
    assert_eq!((answer.status, answer.json()), (200, json!({})), "{}", answer.text);
    let owner = crate::owner(&s).await;
    let query = "OTelLogs_CL | project Message, TimeGenerated, ServiceName, Computer, SeverityNumber, \
        tostring(Attributes.user), tolong(Attributes.n), TraceId, SpanId | sort by Message asc";
    let row = |message: &str| {
        json!([
            message,
            "2026-01-02T03:04:05.1234567Z",
            "shop",
            "web-1",
            13,
            "ada",
            7,
            "ab".repeat(16),
            "01".repeat(8)
        ])
    };
    assert_eq!(rows(&s, &owner, query).await, json!([row("one"), row("two")]));
}

#[tokio::test]
async fn a_grpc_call_is_answered_with_trailers() {
    let s = server().await;
    let caller = publisher(&s).await;
    let message = request(vec![text("by gRPC")]).encode_to_vec();
    let mut body = vec![0];
    body.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
    body.extend(&message);
    let path = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";
    let call = |caller: &Caller, body: Vec<u8>| {
        caller
            .request(Method::POST, path)
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(body)
            .send()
    };
    let answer = call(&caller, body.clone()).await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), answer.headers()["content-type"].to_str().unwrap()),
        (200, "application/grpc")
    );
    assert_eq!(answer.bytes().await.unwrap()[..], [0, 0, 0, 0, 0]);
    let owner = crate::owner(&s).await;
    assert_eq!(rows(&s, &owner, "OTelLogs_CL | project Message").await, json!([["by gRPC"]]));
    let stranger = call(&s.anonymous().unwrap(), body).await.unwrap();
    assert_eq!(
        (stranger.status().as_u16(), &stranger.headers()["grpc-status"]),
        (200, &"16".parse().unwrap())
    );
    let broken = call(&caller, vec![0, 0, 0, 0, 3, 0xff, 0xff, 0xff]).await.unwrap();
    assert_ne!(broken.headers().get("grpc-status").map(|status| status.to_str().unwrap()), Some("0"));
}

#[tokio::test]
async fn what_is_no_otlp_is_refused() {
    let s = server().await;
    let caller = publisher(&s).await;
    let send = |content_type: &str, body: &str| {
        read(
            caller
                .request(Method::POST, "/v1/logs")
                .header("content-type", content_type)
                .body(body.to_owned()),
        )
    };
    assert_eq!(send("text/plain", "x").await.unwrap().status, 415);
    assert_eq!(send("application/json", "{").await.unwrap().status, 400);
    let wrong = r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"traceId":"xyz"}]}]}]}"#;
    let answer = send("application/json", wrong).await.unwrap();
    assert_eq!(answer.status, 400);
    assert!(
        answer.text.contains("resourceLogs[0]: scopeLogs[0]: logRecords[0]: `traceId`"),
        "{}",
        answer.text
    );
    assert_eq!(send("application/x-protobuf", "\u{7f}\u{7f}\u{7f}").await.unwrap().status, 400);
    assert_eq!(s.anonymous().unwrap().post("/v1/logs", json!({})).await.unwrap().status, 401);
    // Whether a caller may send at all is decided before its body is looked at.
    let reader = s.principal("Reader").await.unwrap();
    assert_eq!(reader.post("/v1/logs", json!({})).await.unwrap().status, 403);
    let torn = reader.request(Method::POST, "/v1/logs").header("content-type", "application/json").body("{");
    assert_eq!(read(torn).await.unwrap().status, 403);
    let path = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";
    let call = reader
        .request(Method::POST, path)
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    let refused = call.body(vec![0, 0, 0, 0, 3, 0xff, 0xff, 0xff]).send().await.unwrap();
    assert_eq!(refused.headers()["grpc-status"], "7");
}
