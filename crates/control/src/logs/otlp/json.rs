//! OTLP in JSON, as its specification has it: lowerCamelCase, ids in hexadecimal, 64-bit numbers as text or
//! number, unknown members ignored.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList,
};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use serde_json::Value;

/// What is wrong, and where.
type Wrong = String;

/// Reads a request.
pub(super) fn request(value: &Value) -> Result<ExportLogsServiceRequest, Wrong> {
    if !value.is_object() {
        return Err("an object with `resourceLogs` is expected".to_owned());
    }
    let resource_logs = each(value, "resourceLogs", |entry| {
        let scope_logs = each(entry, "scopeLogs", |entry| {
            let scope = &entry["scope"];
            let scope = InstrumentationScope {
                name: text(&scope["name"]),
                version: text(&scope["version"]),
                attributes: pairs(scope, "attributes", 0)?,
                ..InstrumentationScope::default()
            };
            Ok(ScopeLogs {
                scope: Some(scope),
                log_records: each(entry, "logRecords", record)?,
                ..ScopeLogs::default()
            })
        })?;
        let attributes = pairs(&entry["resource"], "attributes", 0)?;
        let resource = Some(Resource { attributes, ..Resource::default() });
        Ok(ResourceLogs { resource, scope_logs, ..ResourceLogs::default() })
    })?;
    Ok(ExportLogsServiceRequest { resource_logs })
}

fn record(record: &Value) -> Result<LogRecord, Wrong> {
    let body = match &record["body"] {
        Value::Null => None,
        body => Some(any(body, 0)?),
    };
    Ok(LogRecord {
        time_unix_nano: number(record, "timeUnixNano")?,
        observed_time_unix_nano: number(record, "observedTimeUnixNano")?,
        severity_number: i32::try_from(number(record, "severityNumber")?).unwrap_or(0),
        severity_text: text(&record["severityText"]),
        body,
        attributes: pairs(record, "attributes", 0)?,
        dropped_attributes_count: u32::try_from(number(record, "droppedAttributesCount")?)
            .unwrap_or(u32::MAX),
        flags: u32::try_from(number(record, "flags")?).unwrap_or(0),
        trace_id: id(record, "traceId")?,
        span_id: id(record, "spanId")?,
        event_name: text(&record["eventName"]),
    })
}

fn each<T>(value: &Value, name: &str, read: impl Fn(&Value) -> Result<T, Wrong>) -> Result<Vec<T>, Wrong> {
    match &value[name] {
        Value::Null => Ok(Vec::new()),
        Value::Array(items) => {
            let place = |at: usize, error: Wrong| format!("{name}[{at}]: {error}");
            items.iter().enumerate().map(|(at, item)| read(item).map_err(|error| place(at, error))).collect()
        }
        _ => Err(format!("`{name}` must be a list")),
    }
}

/// Levels read at all; deeper values than the store takes are refused record by record later.
const DEPTH_MAX: usize = 64;

fn pairs(value: &Value, name: &str, depth: usize) -> Result<Vec<KeyValue>, Wrong> {
    each(value, name, |pair| {
        let value = match &pair["value"] {
            Value::Null => None,
            value => Some(any(value, depth)?),
        };
        Ok(KeyValue { key: text(&pair["key"]), value, ..KeyValue::default() })
    })
}

fn any(value: &Value, depth: usize) -> Result<AnyValue, Wrong> {
    if depth > DEPTH_MAX {
        return Err("a value nests too deep".to_owned());
    }
    let Some((kind, inner)) = value.as_object().and_then(|members| members.iter().next()) else {
        return Ok(AnyValue { value: None });
    };
    let value = match kind.as_str() {
        "stringValue" => Any::StringValue(text(inner)),
        "boolValue" => Any::BoolValue(inner.as_bool().ok_or("`boolValue` must be true or false")?),
        "intValue" => {
            let parsed = inner.as_i64().or_else(|| inner.as_str()?.parse().ok());
            Any::IntValue(parsed.ok_or("`intValue` must be a 64-bit number")?)
        }
        "doubleValue" => {
            let parsed = inner.as_f64().or_else(|| inner.as_str()?.parse().ok());
            Any::DoubleValue(parsed.ok_or("`doubleValue` must be a number")?)
        }
        "arrayValue" => {
            Any::ArrayValue(ArrayValue { values: each(inner, "values", |item| any(item, depth + 1))? })
        }
        "kvlistValue" => Any::KvlistValue(KeyValueList { values: pairs(inner, "values", depth + 1)? }),
        "bytesValue" => {
            let bytes = inner.as_str().and_then(|text| STANDARD.decode(text).ok());
            Any::BytesValue(bytes.ok_or("`bytesValue` must be base64")?)
        }
        _ => return Ok(AnyValue { value: None }),
    };
    Ok(AnyValue { value: Some(value) })
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn number(value: &Value, name: &str) -> Result<u64, Wrong> {
    match &value[name] {
        Value::Null => Ok(0),
        number => {
            let parsed = number.as_u64().or_else(|| number.as_str()?.parse().ok());
            parsed.ok_or_else(|| format!("`{name}` must be a number that is not negative"))
        }
    }
}

fn id(value: &Value, name: &str) -> Result<Vec<u8>, Wrong> {
    let text = text(&value[name]);
    let wrong = || format!("`{name}` must be hexadecimal");
    if !text.len().is_multiple_of(2) || text.len() > 64 || !text.is_ascii() {
        return Err(wrong());
    }
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).map_err(|_| wrong()))
        .collect()
}
