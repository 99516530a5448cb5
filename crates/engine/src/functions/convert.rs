//! Conversions between types. What does not convert is null, never an error.

use std::borrow::Cow;

use bartizan_base::{Ticks, Timespan};
use bartizan_schema::KqlType;

use super::decimal::Decimal;
use super::dynamic::{self, Json};
use super::kernel::{Entry, seeing_nulls, strict};
use super::time::{parse_datetime, parse_timespan};
use crate::value::Value;

/// Converts to the declared type of the result, as `tostring`, `tolong` … do.
pub(crate) const CONVERT: Entry = seeing_nulls("convert", |args, scratch| {
    convert(args[0].clone(), scratch.wanted.unwrap_or(KqlType::String))
});

/// Converts an array element without parsing text: what `mv-expand … to typeof()` does.
pub(crate) const ELEMENT: Entry = strict("element", |args, scratch| {
    let wanted = scratch.wanted.unwrap_or(KqlType::String);
    let Value::Dynamic(json) = &args[0] else { return Value::Null };
    let is_text = json.starts_with('"');
    match wanted {
        KqlType::Bool | KqlType::Int | KqlType::Long | KqlType::Real if is_text => Value::Null,
        _ => convert(args[0].clone(), wanted),
    }
});

pub(super) const FUNCTIONS: &[Entry] = &[
    seeing_nulls("coalesce", |args, _| {
        args.iter().find(|arg| !arg.is_empty()).cloned().unwrap_or(Value::Null)
    }),
    seeing_nulls("gettype", |args, _| Value::string(type_name(&args[0]))),
];

fn type_name(value: &Value<'_>) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Int(_) => "int",
        Value::Long(_) => "long",
        Value::Real(_) => "real",
        Value::Decimal(_) => "decimal",
        Value::String(_) => "string",
        Value::DateTime(_) => "datetime",
        Value::TimeSpan(_) => "timespan",
        Value::Guid(_) => "guid",
        Value::Dynamic(json) => match Json::of(json) {
            Json::Null => "null",
            Json::Bool(_) => "bool",
            Json::Long(_) => "long",
            Json::Real(_) => "double",
            Json::Text(_) => "string",
            Json::Array => "array",
            Json::Bag => "dictionary",
        },
    }
}

/// `value` as `to`.
pub(crate) fn convert(value: Value<'_>, to: KqlType) -> Value<'_> {
    let value = match value {
        // A dynamic converts as the value it holds.
        Value::Dynamic(json) if to != KqlType::Dynamic => match dynamic::unwrap(json) {
            // Arrays and bags have a text and nothing else.
            Value::Dynamic(json) if to == KqlType::String => return Value::String(json),
            Value::Dynamic(_) => return Value::Null,
            value => value,
        },
        value => value,
    };
    match to {
        KqlType::String => Value::String(text(value)),
        KqlType::Bool => to_bool(&value).map_or(Value::Null, Value::Bool),
        KqlType::Long => to_long(&value).map_or(Value::Null, Value::Long),
        KqlType::Int => {
            to_long(&value).and_then(|value| i32::try_from(value).ok()).map_or(Value::Null, Value::Int)
        }
        KqlType::Real => to_real(&value).map_or(Value::Null, Value::Real),
        KqlType::DateTime => to_datetime(&value).map_or(Value::Null, Value::DateTime),
        KqlType::TimeSpan => to_timespan(&value).map_or(Value::Null, Value::TimeSpan),
        KqlType::Guid => to_guid(&value).map_or(Value::Null, |guid| Value::Guid(Cow::Owned(guid))),
        KqlType::Dynamic => match value {
            Value::Null | Value::Dynamic(_) => value,
            value => Value::Dynamic(Cow::Owned(dynamic::to_json(&value))),
        },
        KqlType::Decimal => Decimal::of(&value).map_or(Value::Null, Decimal::into_value),
    }
}

/// What `tostring` prints.
pub(crate) fn text(value: Value<'_>) -> Cow<'_, str> {
    match value {
        Value::Null => Cow::Borrowed(""),
        Value::String(text) | Value::Guid(text) | Value::Decimal(text) => text,
        Value::Bool(true) => Cow::Borrowed("true"),
        Value::Bool(false) => Cow::Borrowed("false"),
        Value::Int(value) => Cow::Owned(value.to_string()),
        Value::Long(value) => Cow::Owned(value.to_string()),
        Value::Real(value) => Cow::Owned(real_text(value)),
        Value::DateTime(ticks) => Cow::Owned(datetime_text(ticks)),
        Value::TimeSpan(ticks) => Cow::Owned(Timespan(ticks).to_string()),
        Value::Dynamic(json) => match dynamic::unwrap(json) {
            Value::Dynamic(json) => json,
            value => text(value),
        },
    }
}

/// A real as KQL prints it: `5.0`, `NaN`, `Infinity`, and an exponent for very large and small ones.
pub(crate) fn real_text(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    let size = value.abs();
    if size != 0.0 && !(1e-5..1e15).contains(&size) {
        let text = format!("{value:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let exponent: i32 = exponent.parse().unwrap_or(0);
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{digits}E{sign}{:02}", exponent.abs());
    }
    let text = format!("{value}");
    if text.contains('.') { text } else { format!("{text}.0") }
}

/// A datetime as `tostring` prints it, with all seven decimals.
pub(crate) fn datetime_text(ticks: i64) -> String {
    if !(0..=Ticks::MAX.0).contains(&ticks) {
        return String::new();
    }
    let (year, month, day, hour, minute, second, fraction) = Ticks(ticks).civil();
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{fraction:07}Z")
}

fn to_bool(value: &Value<'_>) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(*value),
        Value::Int(value) => Some(*value != 0),
        Value::Long(value) => Some(*value != 0),
        Value::Real(value) => Some(*value != 0.0),
        Value::Decimal(_) => Decimal::of(value).map(|value| value != Decimal::ZERO),
        Value::String(text) => match text.trim() {
            text if text.eq_ignore_ascii_case("true") => Some(true),
            text if text.eq_ignore_ascii_case("false") => Some(false),
            text => text.parse::<i64>().ok().map(|value| value != 0),
        },
        _ => None,
    }
}

pub(crate) fn to_long(value: &Value<'_>) -> Option<i64> {
    match value {
        Value::Bool(value) => Some(i64::from(*value)),
        Value::Int(value) => Some(i64::from(*value)),
        Value::Long(value) | Value::DateTime(value) | Value::TimeSpan(value) => Some(*value),
        Value::Real(value) => truncate(*value),
        Value::Decimal(text) => text.parse::<Decimal>().ok()?.to_long(),
        Value::String(text) => {
            let text = text.trim();
            let hex = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
            match hex {
                Some(hex) => u64::from_str_radix(hex, 16).ok().map(u64::cast_signed),
                None => text.parse().ok().or_else(|| text.parse::<f64>().ok().and_then(truncate)),
            }
        }
        _ => None,
    }
}

/// Towards zero; `None` outside the range of a long.
fn truncate(value: f64) -> Option<i64> {
    (value.is_finite() && value.abs() < 9.223_372_036_854_775e18).then_some(value as i64)
}

pub(crate) fn to_real(value: &Value<'_>) -> Option<f64> {
    match value {
        Value::Bool(value) => Some(f64::from(u8::from(*value))),
        Value::Int(value) => Some(f64::from(*value)),
        Value::Long(value) | Value::TimeSpan(value) => Some(*value as f64),
        Value::Real(value) => Some(*value),
        Value::String(text) | Value::Decimal(text) => text.trim().parse().ok(),
        _ => None,
    }
}

pub(crate) fn to_datetime(value: &Value<'_>) -> Option<i64> {
    match value {
        Value::DateTime(ticks) => Some(*ticks),
        Value::Long(ticks) => (0..=Ticks::MAX.0).contains(ticks).then_some(*ticks),
        Value::String(text) => parse_datetime(text).map(|ticks| ticks.0),
        _ => None,
    }
}

pub(crate) fn to_timespan(value: &Value<'_>) -> Option<i64> {
    match value {
        Value::TimeSpan(ticks) => Some(*ticks),
        Value::Long(ticks) => Some(*ticks),
        Value::Int(ticks) => Some(i64::from(*ticks)),
        Value::String(text) => parse_timespan(text),
        _ => None,
    }
}

fn to_guid(value: &Value<'_>) -> Option<String> {
    match value {
        Value::Guid(guid) => Some(guid.to_string()),
        Value::String(text) => {
            let text = text.trim().trim_start_matches('{').trim_end_matches('}');
            let hex: String = text.chars().filter(|c| *c != '-').collect();
            if hex.len() != 32 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                return None;
            }
            let hex = hex.to_ascii_lowercase();
            Some(format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]))
        }
        _ => None,
    }
}
