//! OTLP log records as rows.

use bartizan_base::Ticks;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use serde_json::{Map, Value, json};

/// Why a record is refused.
pub(super) const TOO_DEEP: &str = "log records whose values nest more than 32 levels deep are not stored";
/// Levels of lists and maps in a value; the store takes a little more for a whole row.
const DEPTH_MAX: usize = 32;

/// The rows of a request, and how many records it has that cannot be rows.
pub(super) fn of_request(request: &ExportLogsServiceRequest, now: Ticks) -> (Vec<Map<String, Value>>, u64) {
    let mut rows = Vec::new();
    let mut rejected = 0;
    for resource_logs in &request.resource_logs {
        let attributes = resource_logs.resource.iter().flat_map(|resource| &resource.attributes);
        let resource = map(attributes, 0);
        for scope_logs in &resource_logs.scope_logs {
            let scope = scope_logs.scope.clone().unwrap_or_default();
            let scope_attributes = map(&scope.attributes, 0);
            for record in &scope_logs.log_records {
                let row = (|| {
                    let mut row = of_record(record, now)?;
                    let resource = resource.clone()?;
                    let name = |key: &str| resource.get(key).cloned().unwrap_or(Value::Null);
                    row.insert("ServiceName".to_owned(), name("service.name"));
                    row.insert("Computer".to_owned(), name("host.name"));
                    row.insert("ResourceAttributes".to_owned(), Value::Object(resource));
                    row.insert("ScopeName".to_owned(), json!(scope.name));
                    row.insert("ScopeVersion".to_owned(), json!(scope.version));
                    row.insert("ScopeAttributes".to_owned(), Value::Object(scope_attributes.clone()?));
                    Some(row)
                })();
                match row {
                    Some(row) => rows.push(row),
                    None => rejected += 1,
                }
            }
        }
    }
    (rows, rejected)
}

fn of_record(record: &LogRecord, now: Ticks) -> Option<Map<String, Value>> {
    let time = |nanos: u64| (nanos > 0).then(|| Ticks::from_unix_nanos(i128::from(nanos)));
    let observed = time(record.observed_time_unix_nano);
    let body = record.body.as_ref().map(|body| value(body, 0)).unwrap_or(Some(Value::Null))?;
    let message = match &body {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let members = [
        ("TimeGenerated", json!(time(record.time_unix_nano).or(observed).unwrap_or(now))),
        ("ObservedTime", json!(observed)),
        ("SeverityNumber", json!(record.severity_number)),
        ("SeverityText", json!(record.severity_text)),
        ("Message", json!(message)),
        ("Body", body),
        ("Attributes", Value::Object(map(&record.attributes, 0)?)),
        ("DroppedAttributesCount", json!(record.dropped_attributes_count)),
        ("Flags", json!(record.flags)),
        ("TraceId", json!(hex(&record.trace_id))),
        ("SpanId", json!(hex(&record.span_id))),
        ("EventName", json!(record.event_name)),
    ];
    Some(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn map<'a>(pairs: impl IntoIterator<Item = &'a KeyValue>, depth: usize) -> Option<Map<String, Value>> {
    let pair = |pair: &KeyValue| {
        let value = pair.value.as_ref().map_or(Some(Value::Null), |any| value(any, depth))?;
        Some((pair.key.clone(), value))
    };
    pairs.into_iter().map(pair).collect()
}

/// `None` when it is too deep.
fn value(any: &AnyValue, depth: usize) -> Option<Value> {
    if depth > DEPTH_MAX {
        return None;
    }
    Some(match &any.value {
        Some(Any::StringValue(text)) => json!(text),
        Some(Any::BoolValue(value)) => json!(value),
        Some(Any::IntValue(value)) => json!(value),
        // What JSON has no number for is kept as text.
        Some(Any::DoubleValue(value)) if !value.is_finite() => json!(value.to_string()),
        Some(Any::DoubleValue(value)) => json!(value),
        Some(Any::ArrayValue(list)) => {
            Value::Array(list.values.iter().map(|item| value(item, depth + 1)).collect::<Option<_>>()?)
        }
        Some(Any::KvlistValue(list)) => Value::Object(map(&list.values, depth + 1)?),
        Some(Any::BytesValue(bytes)) => json!(STANDARD.encode(bytes)),
        // An index into a table that logs do not have.
        Some(_) | None => Value::Null,
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
